r"""A report card: what generated data lost, beside what chance does to real data.

Real data are split at random into halves :math:`A` and :math:`B`, again and again.
Every measure compares :math:`B` with :math:`A`, which gives a band of what chance alone
does, and generated data of the same size with :math:`A`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collapse_lib.checks import check_count, given, refusal
from collapse_lib.data.vocabulary import words
from collapse_lib.metrics.compared import MEASURES, Line, Passages, Pictures
from collapse_lib.metrics.own_data import Own, read

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]
#: Half a band, in standard deviations of real halves; see the notes of `report`.
HALF_BAND = 3.0
SPLITS = 20
#: The most rows, images or passages in one half.
MOST = {"numbers": 1_000, "text": 400, "images": 500}
#: The fewest points, images or passages, of real and of generated data.
LEAST_REAL, LEAST = 40, 20
#: Words in a passage, and neighbouring stretches of text that stay in one half.
LENGTH, STRETCHES = 50, 20
#: Columns that are compared, and the largest numbers, in real standard deviations.
MOST_COLUMNS, FARTHEST = 100, 1e50
#: Words of more letters on average mean that nothing separates words.
LONG_WORDS = 12
NAMES = {"numbers": "rows", "text": f"passages of {LENGTH} words", "images": "images"}


@dataclass(frozen=True)
class Report:
    """What generated data lost.

    Parameters
    ----------
    kind
        ``"numbers"``, ``"text"`` or ``"images"``.
    size
        How many rows, passages or images were compared at a time.
    lines
        What each measure says.
    notes
        What was left out of the data, or assumed.
    """

    kind: str
    size: int
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """One row for each measure: the band, the generated data, the verdict."""
        return pd.DataFrame(
            [
                {
                    "measure": line.measure,
                    "real from": line.low,
                    "real to": line.high,
                    "generated": line.generated,
                    "verdict": line.verdict,
                    "cannot see": line.blind,
                }
                for line in self.lines
            ]
        )

    @property
    def outside(self) -> tuple[str, ...]:
        """Names of the measures that lie outside of their band."""
        found = (one for one in self.lines if one.verdict in ("above", "below"))
        return tuple(line.measure for line in found)

    def figure(self) -> Figure:
        """Draw every measure beside its band.

        Returns
        -------
        Figure
            Of matplotlib; ``savefig`` stores it.
        """
        from collapse_lib.metrics.report_figure import drawn

        return drawn(self.lines, self.title)

    @property
    def title(self) -> str:
        """A sentence: how many measures lie outside of their bands."""
        return (
            f"{len(self.outside)} of {len(self.lines)} measures outside of what chance "
            "does to real data"
        )

    def __str__(self) -> str:
        """Return the report as text."""
        width = max(len(line.measure) for line in self.lines)
        text = [
            f"{self.title} ({self.size:,} {NAMES[self.kind]} at a time)",
            f"{'':{width}}  {'real from':>9} {'to':>9}  generated",
        ]
        for line in self.lines:
            low, high, found = map(_shown, (line.low, line.high, line.generated))
            mark = "" if line.verdict == "inside" else f"  {line.verdict}"
            text.append(f"{line.measure:{width}}  {low:>9} {high:>9}  {found:>9}{mark}")
        blind = [f"{line.measure}: {line.blind}" for line in self.lines]
        return "\n".join(
            [*text, *self.notes, "", "What each measure cannot see:", *blind]
        )

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        table = self.table.style.format(precision=3).hide(axis="index").to_html()
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<p>{self.title}</p>{table}{notes}"


def report(real: Any, generated: Any, *, seed: int = 0) -> Report:
    """Compare generated with real data: which measures leave what chance alone does.

    Parameters
    ----------
    real, generated
        Of one kind. A *table*: an array ``(n, d)``, a DataFrame, a CSV or npy file.
        *Texts*: a text, a list of texts, a text file. *Images*: an array ``(n, height,
        width)`` or ``(n, height, width, 3)``, a folder.
    seed
        Of the halves.

    Returns
    -------
    Report
        It prints as a table; ``.table`` is the same with what each measure cannot see,
        ``.figure()`` draws it.

    Raises
    ------
    ValueError, OSError
        If the data cannot be read, are not of one kind, or too few: at least 40 real
        and 20 generated rows, images, or passages of 50 words.

    Notes
    -----
    Real data are split into two halves twenty times; a measure's band is its mean over
    the splits, three standard deviations to both sides, and for a share at least 3 in
    so many as were compared. If both data sets come from one law, a measure leaves its
    band less than once in a hundred reports (heavy tails: twice). Rows with a missing
    number are left out, columns are divided by their real standard deviation.
    Neighbouring text stays together in one half, so that a change of topic within the
    real text is no news. Images are compared at 32 x 32 pixels, their likeness at 8 x
    8. At most 1,000 rows, 500 images or 400 passages are compared at a time, drawn
    anew for each split, and 100 columns. Of larger files the first 5 MB are read, of
    folders 2,000 images, of arrays 200,000 rows.

    No measure here tells *why* data differ: another topic, camera or year leaves the
    bands just as collapse does.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> real, generated = rng.normal(size=(400, 2)), 0.7 * rng.normal(size=(200, 2))
    >>> card = report(real, generated)
    >>> "spread" in card.outside, "shift of a mean" in card.outside
    (True, False)
    """
    check_count("seed", seed, least=0)
    first, second = read("real", real), read("generated", generated)
    if first.kind != second.kind:
        raise ValueError(
            f"real is {_kind(first)}, generated is {_kind(second)}; they must be of "
            "one kind"
        )
    a, b, notes = PREPARED[first.kind](first, second)
    size = min(len(a) // 2, len(b), MOST[first.kind])
    lines = _measured(first.kind, a, b, size, np.random.default_rng(seed))
    said = (*first.notes, *second.notes, *notes)
    return Report(first.kind, size, lines, tuple(map(_in_one_line, said)))


# ---- halves -------------------------------------------------------------------------


def _measured(
    kind: str, real: Any, generated: Any, size: int, rng: np.random.Generator
) -> tuple[Line, ...]:
    measures = MEASURES[kind]
    found = np.empty((2, SPLITS, len(measures)))
    for split in range(SPLITS):
        a, b = (real[places] for places in _halves(kind, len(real), size, rng))
        c = generated[rng.permutation(len(generated))[:size]]
        for i, measure in enumerate(measures):
            found[0, split, i] = measure.of(a, b, rng)
            found[1, split, i] = measure.of(a, c, rng)
    middle, half = found[0].mean(axis=0), HALF_BAND * found[0].std(axis=0, ddof=1)
    half *= np.array([measure.widened for measure in measures])
    least = np.array([measure.least for measure in measures])
    most = np.array([measure.most for measure in measures])
    # The rule of three: what happened in none of n draws may well have 3/n of a chance.
    half = np.where(most == 1, np.maximum(half, 3 / size), half)
    low, high = np.maximum(middle - half, least), np.minimum(middle + half, most)
    made = found[1].mean(axis=0)
    return tuple(
        Line(measure.name, float(low[i]), float(high[i]), float(made[i]), measure.blind)
        for i, measure in enumerate(measures)
    )


def _halves(
    kind: str, n: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places of two halves of real data; neighbouring text stays together."""
    if kind != "text":
        order = rng.permutation(n)
        return order[:size], order[size : 2 * size]
    stretch = np.arange(n) * STRETCHES // n
    first = np.isin(stretch, rng.permutation(STRETCHES)[: STRETCHES // 2])
    a, b = (rng.permutation(np.flatnonzero(side)) for side in (first, ~first))
    return a[:size], b[:size]


# ---- data ---------------------------------------------------------------------------

Prepared = tuple[Any, Any, list[str]]


def _tables(first: Own, second: Own) -> Prepared:
    """Return rows without missing values, in units of the real standard deviation."""
    a, b, names, notes = _shared(first, second)
    if counting := [i for i in range(len(names)) if _counts(a, i) or _counts(b, i)]:
        what = ", ".join(given(names[i]) for i in counting[:5])
        notes.append(f"left out, as it numbers the rows: {what}")
        if len(counting) == len(names):
            raise refusal("real", f"no column but what numbers the rows ({what})")
        names = [name for i, name in enumerate(names) if i not in counting]
        a, b = (np.delete(one, counting, axis=1) for one in (a, b))
    whole = []
    for name, one, least in (("real", a, LEAST_REAL), ("generated", b, LEAST)):
        good = np.isfinite(one).all(axis=1)
        if not good.all():
            missing = int((~good).sum())
            notes.append(f"{name}: {missing:,} rows with missing values were left out")
        if good.sum() < least <= len(one):
            gaps = (~np.isfinite(one)).sum(axis=0)
            worst = int(gaps.argmax())
            raise refusal(
                name,
                f"has {good.sum()} rows without missing values; at least {least} are "
                f"needed; {given(names[worst])} alone misses {gaps[worst]:,} of "
                f"{len(one):,}",
            )
        whole.append(one[good])
    a, b = _enough("numbers", *whole)
    # What varies in the last digits alone is rounding.
    size = np.abs(a).max(axis=0)
    varied = np.ptp(a, axis=0) > 1e-12 * size
    if not varied.any():
        raise refusal("real", "every column has one value alone: nothing to compare")
    if not varied.all():
        flat = np.flatnonzero(~varied)
        other = [i for i in flat if (b[:, i] != a[0, i]).any()]
        what = ", ".join(names[i] for i in flat[:5])
        more = ", and generated data differ there" if other else ""
        notes.append(f"constant in the real data and left out: {what}{more}")
    places = np.flatnonzero(varied)
    if len(places) > MOST_COLUMNS:
        notes.append(f"{MOST_COLUMNS} of {len(places):,} columns, evenly taken")
        places = places[np.arange(MOST_COLUMNS) * len(places) // MOST_COLUMNS]
    return *_in_real_units(a[:, places], b[:, places]), notes


def _in_real_units(a: Array, b: Array) -> tuple[Array, Array]:
    """Return columns around the real mean, divided by the real standard deviation."""
    unit = np.abs(a).max(axis=0)  # first, so that no square leaves float64
    with np.errstate(over="ignore"):
        a, b = a / unit, b / unit
        centre, scale = a.mean(axis=0), a.std(axis=0)
        a, b = (a - centre) / scale, (b - centre) / scale
    if not max(np.abs(a).max(), np.abs(b).max()) < FARTHEST:
        raise refusal(
            "generated",
            f"has numbers over {FARTHEST:g} real standard deviations away; are the "
            "units the same?",
        )
    return a, b


def _counts(points: Array, column: int) -> bool:
    """Return whether a column numbers the rows, perhaps with some of them left out."""
    values = points[:, column]
    if len(values) < LEAST or not (values % 1 == 0).all():
        return False
    steps = np.diff(values)
    return bool(steps.min() > 0 and np.ptp(steps) <= 1)


def _enough(kind: str, real: Any, generated: Any) -> tuple[Any, Any]:
    """Return both sets if halves can be made of them, else raise."""
    both = {"real": (real, LEAST_REAL), "generated": (generated, LEAST)}
    for name, (one, least) in both.items():
        if len(one) < least:
            whole = " without missing values" if kind == "numbers" else ""
            raise refusal(
                name,
                f"has {len(one)} {NAMES[kind]}{whole}; at least {least} are needed",
            )
    return real, generated


def _shared(first: Own, second: Own) -> tuple[Array, Array, list[str], list[str]]:
    """Return the columns that both tables have."""
    if first.columns is None or second.columns is None:
        widths = first.content.shape[1], second.content.shape[1]
        if widths[0] != widths[1]:
            raise ValueError(
                f"real has {widths[0]} columns of numbers, generated has {widths[1]}; "
                "they must have the same"
            )
        names = [f"column {i + 1}" for i in range(widths[0])]
        return first.content, second.content, names, []
    names = [name for name in first.columns if name in second.columns]
    if not names:
        raise ValueError(
            "real and generated have no column of numbers in common: "
            f"{', '.join(first.columns[:5])} and {', '.join(second.columns[:5])}"
        )
    alone = [name for name in (*first.columns, *second.columns) if name not in names]
    notes = [f"in one of the two alone and left out: {', '.join(alone)}"[:300]]
    places = [[one.columns.index(name) for name in names] for one in (first, second)]  # type: ignore[union-attr]
    return (
        first.content[:, places[0]],
        second.content[:, places[1]],
        names,
        notes if alone else [],
    )


def _texts(first: Own, second: Own) -> Prepared:
    """Return both texts as passages of equal length, words numbered alike."""
    cut, notes = [words(one.content) for one in (first, second)], []
    letters = [word for word in cut[0] if word[0].isalpha()]
    if letters and sum(map(len, letters)) > LONG_WORDS * len(letters):
        notes.append("nothing separates words here: each character counts as one")
        cut = [[c for c in one.content if not c.isspace()] for one in (first, second)]
    number: dict[str, int] = {}
    coded = [
        np.array([number.setdefault(word, len(number)) for word in one], np.int64)
        for one in cut
    ]
    joined = "" if notes else " "
    found = []
    for tokens, codes in zip(cut, coded, strict=True):
        n = len(tokens) // LENGTH
        written = np.empty(n, object)
        written[:] = [
            joined.join(tokens[i * LENGTH : (i + 1) * LENGTH]) for i in range(n)
        ]
        blocks = codes[: n * LENGTH].reshape(n, LENGTH)
        found.append(Passages(blocks, written, len(number)))
    return *_enough("text", found[0], found[1]), notes


def _pictures(first: Own, second: Own) -> Prepared:
    found = []
    for one in (first, second):
        n, side = one.content.shape[:2]
        wide = side // 8
        coarse = one.content.reshape(n, 8, wide, 8, wide, 3).mean(axis=(2, 4))
        found.append(Pictures(one.content, coarse.reshape(n, -1)))
    grey = all(np.ptp(one.content, axis=3).max() < 1e-6 for one in (first, second))
    if grey:
        found = [Pictures(one.images, one.coarse[:, ::3]) for one in found]
    return *_enough("images", found[0], found[1]), []


PREPARED: dict[str, Callable[[Own, Own], Prepared]] = {
    "numbers": _tables,
    "text": _texts,
    "images": _pictures,
}


def _kind(own: Own) -> str:
    return {"numbers": "a table of numbers", "text": "text", "images": "images"}[
        own.kind
    ]


def _in_one_line(note: str) -> str:
    """Return a note as it can be printed: names come from anybody's files."""
    return str(refusal("", note)).removeprefix(": ")


def _shown(value: float) -> str:
    return f"{value:.3g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.0e}"
