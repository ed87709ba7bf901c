"""What a report card compares: measures of two equally large halves, by kind of data.

Each takes two sets ``a`` and ``b`` that play different parts - ``a`` is real, ``b`` is
judged - and says how ``b`` differs. Of real halves it says what chance alone does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.data.texts import check_text
from collapse_lib.metrics.images import (
    coverage,
    density,
    frechet_distance,
    precision,
    recall,
    squared_distances,
)
from collapse_lib.metrics.text import distinct_n, gram_ids, rep_n
from collapse_lib.metrics.two_samples import classifier_accuracy, energy_distance
from collapse_lib.metrics.variety import compression_ratio, self_bleu, types
from collapse_lib.metrics.vendi import vendi_score
from collapse_lib.models.ngram.model import NGram

Array = NDArray[np.float64]
#: Of the points or blocks, those whose pairs are compared at n^3 or with each other.
PAIRED = 300
#: Tails: outside of these quantiles of the real values.
TAILS = 0.01, 0.99
#: Rare words: all but those that make up so much of the real text.
COMMON = 0.9
#: Words of a passage that counts as copied.
COPIED = 8


@dataclass(frozen=True)
class Measure:
    """A measure of a set beside a real one.

    Parameters
    ----------
    name
        In a few words.
    blind
        A sentence: what it cannot see.
    of
        Function of the real set, the other one, and a generator.
    least, most
        What it can be.
    widened
        What its band is multiplied by. A measure that depends on the level of ``b``
        alone varies less between complements, ``1/(2 n)``, than between the whole of
        the real data and a set of its own, ``1/n + 1/(2 n)``.
    """

    name: str
    blind: str
    of: Callable[[Any, Any, np.random.Generator], float]
    least: float = 0.0
    most: float = float("inf")
    widened: float = 1.0


@dataclass(frozen=True)
class Line:
    """What one measure says.

    Parameters
    ----------
    measure
        Its name.
    low, high
        The band: where it lies between halves of the real data.
    generated
        Where it lies between generated and real data.
    blind
        What it cannot see.
    """

    measure: str
    low: float
    high: float
    generated: float
    blind: str

    @property
    def verdict(self) -> str:
        """Where the generated data lie: inside, above or below the band."""
        if not np.isfinite(self.generated):
            return "not measured"
        # What is the same in all halves may differ in the last digits.
        slack = 1e-9 * max(1.0, abs(self.low), abs(self.high))
        if self.generated < self.low - slack:
            return "below"
        return "above" if self.generated > self.high + slack else "inside"


def ratio(of: Callable[[Any], Any]) -> Callable[..., float]:
    """Return a measure: how many times what a real set has the other one has."""

    def measured(a: Any, b: Any, rng: np.random.Generator) -> float:
        real = float(of(a))
        return float(of(b)) / real if real else float("nan")

    return measured


def difference(of: Callable[[Any], Any]) -> Callable[..., float]:
    """Return a measure: how much more than a real set the other one has."""
    return lambda a, b, rng: float(of(b)) - float(of(a))


def pair(of: Callable[[Any, Any], Any]) -> Callable[..., float]:
    """Return a measure of two sets that draws nothing."""
    return lambda a, b, rng: float(of(a, b))


# ---- points -------------------------------------------------------------------------


def _shift(a: Array, b: Array) -> float:
    return float(np.abs(b.mean(axis=0) - a.mean(axis=0)).max())


def _spread(points: Array) -> float:
    return float(np.sqrt(points.var(axis=0).mean()))


def _tails(a: Array, b: Array) -> float:
    low, high = np.quantile(a, TAILS, axis=0)
    return float(((b < low) | (b > high)).mean())


def _vendi(a: Array, b: Array) -> float:
    """Return the ratio of Vendi scores, alike by distance in units of the real one."""
    a, b = a[:PAIRED], b[:PAIRED]
    apart = [np.sqrt(squared_distances(one, one)) for one in (a, b)]
    scale = np.median(apart[0]) or 1.0
    real, other = (vendi_score(np.exp(-one / scale)) for one in apart)
    return other / real


def _repeated(points: Array) -> float:
    """Return the share of points that have an equal one in their set."""
    rows = _rows(points)
    times = Counter(rows)
    return sum(times[row] > 1 for row in rows) / len(rows)


def _copied(a: Array, b: Array) -> float:
    """Return the share of points of b that are in a."""
    known = set(_rows(a))
    return float(np.mean([row in known for row in _rows(b)]))


def _rows(points: Array) -> list[bytes]:
    return [row.tobytes() for row in np.ascontiguousarray(points)]


CLOUDS = (
    Measure(
        "energy distance",
        "Which columns differ, and small differences in few rows of many.",
        pair(energy_distance),
        least=-float("inf"),
    ),
    Measure(
        "Fréchet distance",
        "Anything but means and covariances; a lost group between others, a tail.",
        pair(frechet_distance),
    ),
    Measure(
        "told apart",
        "Copies, and shapes that have the same means and variances.",
        lambda a, b, rng: classifier_accuracy(a, b, rng),
        most=1.0,
    ),
    Measure(
        "precision",
        "What is missing: one realistic row repeated has full marks.",
        pair(precision),
        most=1.0,
    ),
    Measure(
        "recall",
        "How rare what is left has become; a few stray rows make it large.",
        pair(recall),
        most=1.0,
    ),
    Measure(
        "density",
        "What is missing: rows where real ones are crowded make it large.",
        pair(density),
    ),
    Measure(
        "coverage",
        "Shares: a group that shrank to a few rows still counts as covered.",
        pair(coverage),
        most=1.0,
    ),
    Measure(
        "variety (Vendi)",
        "Whether the variety is real: noise is varied.",
        pair(_vendi),
    ),
)
NUMBERS = (
    Measure(
        "shift of a mean",
        "Everything but means: a set of copies of the mean has none.",
        pair(_shift),
    ),
    Measure(
        "spread",
        "Which way it narrowed, and whether columns still hang together.",
        ratio(_spread),
    ),
    Measure(
        "tails",
        "The middle, and what is rare for a combination of columns alone.",
        pair(_tails),
        most=1.0,
    ),
    *CLOUDS,
    Measure(
        "repeated rows",
        "Rows that are nearly the same.",
        difference(_repeated),
        least=-1.0,
        most=1.0,
    ),
    Measure(
        "copied rows",
        "Real rows with a little noise on them.",
        pair(_copied),
        most=1.0,
    ),
)


# ---- images -------------------------------------------------------------------------


@dataclass(frozen=True)
class Pictures:
    """Images, shape ``(n, side, side, 3)``, and a coarse view of them, ``(n, d)``."""

    images: Array
    coarse: Array

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __getitem__(self, places: Any) -> Pictures:
        """Return some of the images."""
        return Pictures(self.images[places], self.coarse[places])


def _sharpness(pictures: Pictures) -> float:
    """Return the root mean square of the steps between neighbouring pixels.

    Blur spreads an edge over several steps, whose sum stays and whose squares do not.
    """
    grey = pictures.images.mean(axis=3)
    down, across = np.diff(grey, axis=1), np.diff(grey, axis=2)
    return float(np.sqrt((down**2).mean() + (across**2).mean()))


def _flat(pictures: Pictures) -> Array:
    return pictures.images.reshape(len(pictures), -1)


def _seen_coarsely(measure: Measure) -> Measure:
    return Measure(
        measure.name,
        measure.blind.replace("rows", "images").replace("row ", "image ")
        if measure.name != "energy distance"
        else "What is smaller than an eighth of the picture, such as blur.",
        lambda a, b, rng: measure.of(a.coarse, b.coarse, rng),
        measure.least,
        measure.most,
    )


IMAGES = (
    Measure(
        "brightness",
        "Everything but the mean of all pixels.",
        difference(lambda one: one.images.mean()),
        least=-1.0,
        most=1.0,
    ),
    Measure(
        "spread of pixels",
        "Where in the picture the variety went.",
        ratio(lambda one: _spread(one.coarse)),
    ),
    Measure(
        "sharpness",
        "What is shown: noise is sharp.",
        ratio(_sharpness),
    ),
    *map(_seen_coarsely, CLOUDS),
    Measure(
        "repeated images",
        "Images that are nearly the same.",
        difference(lambda one: _repeated(_flat(one))),
        least=-1.0,
        most=1.0,
    ),
    Measure(
        "copied images",
        "Real images that were cropped, or changed a little.",
        pair(lambda a, b: _copied(_flat(a), _flat(b))),
        most=1.0,
    ),
)


# ---- texts --------------------------------------------------------------------------


@dataclass(frozen=True)
class Passages:
    """Text in blocks of equal length.

    Parameters
    ----------
    words
        Numbers of words, shape ``(n, length)``.
    written
        The text of each block, shape ``(n,)``.
    n_words
        How many different words both texts have together.
    """

    words: NDArray[np.int64]
    written: NDArray[np.object_]
    n_words: int

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.words)

    def __getitem__(self, places: Any) -> Passages:
        """Return some of the blocks."""
        return Passages(self.words[places], self.written[places], self.n_words)


def _rare(a: Passages, b: Passages) -> float:
    """Return the share of words of b that are rare, or unknown, in a."""
    counts = np.bincount(a.words.ravel(), minlength=a.n_words)
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    common = np.zeros(a.n_words, bool)
    common[order[before < COMMON * counts.sum()]] = True
    return float(1 - common[b.words].mean())


def _loss(a: Passages, b: Passages) -> float:
    """Return the mean loss of a trigram model of a on b, in nats per word."""
    rng = np.random.default_rng(0)  # the fit draws nothing
    order = 3 if a.n_words < 2**20 else 2
    fitted = NGram(a.n_words, order).fit(a.words[None], rng)
    return float(-fitted.log_prob(b.words).mean())


def _passages_copied(a: Passages, b: Passages) -> float:
    """Return the share of passages of b that a holds word for word."""
    ids = gram_ids(np.concatenate([a.words, b.words]), COPIED)
    return float(np.isin(ids[len(a) :], ids[: len(a)]).mean())


def _compressed(passages: Passages) -> float:
    return compression_ratio(check_text("text", "\n".join(passages.written)))


TEXTS = (
    Measure(
        "different words",
        "Whether words are used as people use them: random words are many.",
        ratio(lambda one: types(one.words)),
    ),
    Measure(
        "rare words",
        "Which rare words: invented ones and misspelt ones count, too.",
        pair(_rare),
        most=1.0,
        widened=math.sqrt(3),
    ),
    Measure(
        "different 3-word runs",
        "Meaning: shuffled words are all different.",
        ratio(lambda one: distinct_n(one.words, 3)),
    ),
    Measure(
        "repeats in a passage",
        "Repeats from one passage to the next.",
        difference(lambda one: rep_n(one.words, 4)),
        least=-1.0,
        most=1.0,
    ),
    Measure(
        "likeness of passages",
        "The same thing said in other words.",
        difference(lambda one: self_bleu(one.words[:PAIRED])),
        least=-1.0,
        most=1.0,
    ),
    Measure(
        "compression",
        "Repeats that lie far apart, and what the words mean.",
        ratio(_compressed),
    ),
    Measure(
        "loss on real text",
        "Facts, and sense beyond three words; it mixes what is lost with other topics.",
        pair(lambda a, b: _loss(b, a)),
    ),
    Measure(
        "surprise",
        "What is missing: the commonest phrases surprise least.",
        pair(_loss),
        widened=math.sqrt(3),
    ),
    Measure(
        "copied passages",
        f"Copies with one word in {COPIED} changed.",
        pair(_passages_copied),
        most=1.0,
    ),
)
MEASURES = {"numbers": NUMBERS, "text": TEXTS, "images": IMAGES}
