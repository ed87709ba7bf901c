"""A chapter's companion: scale, randomness, numbers for the prose, verdicts, results.

Used by every chapter. It works without IPython too: cards are then printed as text.
"""

from __future__ import annotations

import hashlib
import importlib
import time
import warnings
from collections.abc import Container, Mapping, Sized
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from collapse_lib import claims
from collapse_lib.book import display as notebook
from collapse_lib.book import results
from collapse_lib.checks import check_count, given, numeric
from collapse_lib.claims import Claim, Estimate, Verdict
from collapse_lib.declared import declared
from collapse_lib.files import check_path


class Chapter:
    """Tie a chapter to its scale, its seed, its claims and its stored results.

    Parameters
    ----------
    number
        The chapter, two digits: ``"03"``.
    scale
        Which of the scales to run: ``"ci"``, ``"laptop"`` or ``"paper"``.
    scales
        Scale -> configuration. ``"ci"`` must be there, and every scale must have the
        same keys.
    seed
        The seed of the whole chapter, see :meth:`rng`.
    root
        The checkout that holds ``claims.yaml`` and ``results/``; found by itself.

    Raises
    ------
    ValueError
        If the chapter or the scale is unknown, or the scales do not match or hold
        what cannot be stored.

    Examples
    --------
    >>> scales = {"ci": {"chains": 200}, "laptop": {"chains": 20_000}}
    >>> chapter = Chapter("03", scale="ci", scales=scales, seed=3)
    >>> chapter["chains"]
    200
    >>> bool(chapter.rng("one fit").random() == chapter.rng("one fit").random())
    True
    """

    def __init__(
        self,
        number: str,
        *,
        scale: str,
        scales: Mapping[str, Mapping[str, Any]],
        seed: int,
        root: str | Path | None = None,
    ) -> None:
        if not _is_among(number, [f"{n:02d}" for n in range(1, 21)]):
            raise ValueError(
                f"chapter {given(number)} does not exist; allowed are '01' to '20', "
                "two digits, quoted"
            )
        self.scales = _check_scales(scale, scales)
        self.number, self.scale = str(number), scale
        self.seed = check_count("seed", seed, least=0)
        self.config = dict(self.scales[scale])
        self.numbers: dict[str, Any] = {}
        here = Path(__file__).resolve().parents[2]
        self.root = here if root is None else check_path("root", root)
        self._checked: dict[str, Verdict] = {}
        self._controls: dict[str, dict[str, Estimate | float]] = {}
        self._claims: dict[str, Claim] | None = None
        self._started = time.perf_counter()
        _style()

    def __getitem__(self, key: str) -> Any:
        """Return a value of the configuration at this scale."""
        if not _is_among(key, self.config):
            raise ValueError(
                f"{given(key)} is not in SCALES[{self.scale!r}]; it has "
                f"{', '.join(self.config)}"
            )
        return self.config[key]

    def seed_sequence(self, name: str) -> np.random.SeedSequence:
        """Return the seed sequence of a named experiment, to spawn parallel streams.

        The name enters by a hash that is the same on every machine and in every run.
        """
        text = results.check_shown("name", _text("name", name))
        digest = hashlib.sha256(text.encode()).digest()[:16]
        return np.random.SeedSequence([self.seed, int.from_bytes(digest, "big")])

    def rng(self, name: str) -> np.random.Generator:
        """Return the generator of a named experiment, from its start.

        Experiments with different names get independent streams, so that a new cell
        never changes the numbers of another one; a repeated cell repeats its numbers.
        """
        return np.random.default_rng(self.seed_sequence(name))

    def say(self, name: str, value: float | str, spec: str = ".3g") -> None:
        """Put a number into the prose and into the stored result.

        In the text of the chapter write ``{glue:text}`name```.

        Parameters
        ----------
        name
            A name in snake_case.
        value
            A finite number, or a text.
        spec
            How to format it, for example ``".2f"``, or ``".0%"`` for 12 %; a text is
            shown as it is.

        Raises
        ------
        ValueError
            See :meth:`record`; if there are several numbers; if Python knows no such
            format.
        """
        shown = _formatted(name, _plain(name, value), spec)
        self.record(name, value)
        notebook.glue(name, shown)

    def record(self, name: str, value: Any) -> None:
        """Put a number, a text or an array of numbers into the stored result only.

        A name that has another value already gets the new one, with a warning: either
        a cell was changed and run again, or two results have taken the same name.

        Raises
        ------
        ValueError
            If the name is not in snake_case, or the value cannot be stored: a number
            is not finite, a place is masked, a text has characters that cannot be
            shown.
        """
        plain = _plain(name, value)
        if self.numbers.setdefault(name, plain) != plain:
            warnings.warn(
                f"{name} had another value before; if no cell was changed and run "
                "again, give one of the two another name",
                stacklevel=2,
            )
        self.numbers[name] = plain

    @declared
    def check(self, claim_id: str, **measurements: Estimate | float) -> Verdict:
        """Judge a claim by this run's measurements, show the verdict and return it.

        Parameters
        ----------
        claim_id
            A claim of this chapter.
        measurements
            One estimate for each of the claim's checks, by name.

        Raises
        ------
        ValueError
            If the claim is unknown or belongs to another chapter, the measurements do
            not fit its checks, or a check whose ``control`` is described in
            ``claims.yaml`` was given none by :meth:`control` before.
        """
        claim, controls = self._own(claim_id), self._controls.get(claim_id, {})
        missing = [name for name in claim.controls if name not in controls]
        if missing:
            raise ValueError(
                f"{claim_id}: claims.yaml describes a control for "
                f"{', '.join(missing)}; measure it and call chapter.control("
                f"{claim_id!r}, {missing[0]}=...) before chapter.check"
            )
        verdict = claims.judge(claim, measurements, self.scale, controls)
        self._checked[claim_id] = verdict
        return notebook.show(verdict)

    @declared
    def control(self, claim_id: str, **measurements: Estimate | float) -> None:
        """Keep what checks measure where they must fail; :meth:`check` shows it.

        Parameters
        ----------
        claim_id
            A claim of this chapter.
        measurements
            One estimate for each check whose ``control`` in ``claims.yaml`` says what
            it is, by the name of the check. Several calls add up.

        Raises
        ------
        ValueError
            If the claim is unknown or belongs to another chapter.
        """
        self._own(claim_id)
        self._controls.setdefault(claim_id, {}).update(measurements)

    def _own(self, claim_id: str) -> Claim:
        own = self._own_claims()
        if not _is_among(claim_id, own):
            raise ValueError(
                f"chapter {self.number} has no claim {given(claim_id)}; its claims are "
                f"{', '.join(own) or 'none'}"
            )
        return own[claim_id]

    def verdicts(self) -> pd.DataFrame:
        """Return the chapter's claims with the verdicts of this run.

        Returns
        -------
        DataFrame
            A row for each claim, with its title, its verdict and how many checks
            passed ("2 of 3").

        Raises
        ------
        ValueError
            If a claim of the chapter was not checked in this run.
        """
        rows = {}
        for verdict in self._all_verdicts():
            results = [outcome.result for outcome in verdict.outcomes]
            passed = f"{results.count('pass')} of {len(results)}"
            rows[verdict.claim.id] = {
                "title": verdict.claim.title,
                "verdict": f"{verdict.symbol} {verdict.word}",
                "checks passed": passed if results else "–",
            }
        columns = ["title", "verdict", "checks passed"]
        table = pd.DataFrame(list(rows.values()), index=list(rows), columns=columns)
        return table.rename_axis(columns="claim")

    def stored(self, scale: str) -> results.Result | None:
        """Return the stored run of this chapter at a scale, or None if there is none.

        Raises
        ------
        ValueError
            If the file was made with another configuration than the chapter has now.
        """
        _check_scales(scale, self.scales)
        path = self._path(scale)
        return results.load(path, self.scales) if path.is_file() else None

    def finish(self, trained_on: str | None = None) -> str:
        """Store the run, except at scale ``ci``, and say in one line what it was.

        Parameters
        ----------
        trained_on
            Where the costly part was computed before, and how long it took, if not in
            this run.

        Raises
        ------
        ControlPassed
            If a check did not fail where it must. The run is stored all the same.
        """
        if trained_on is not None:
            results.check_shown("trained_on", _text("trained_on", trained_on))
        verdicts = self._all_verdicts()
        line = self._store(verdicts, trained_on)
        passed = [text for verdict in verdicts for text in verdict.passed_controls()]
        if passed:
            raise claims.ControlPassed("\n".join(passed))
        return line

    def _store(self, verdicts: list[Verdict], trained_on: str | None) -> str:
        """Store the run, except at scale ``ci``; return one line about it."""
        line = f"chapter {self.number}, scale {self.scale}, seed {self.seed}"
        if self.scale == "ci":
            return (
                f"{line}: {_several(self.numbers, 'number')}, "
                f"{_several(verdicts, 'verdict')}, nothing stored"
            )
        result = results.Result(
            chapter=self.number,
            scale=self.scale,
            config=self.config,
            seed=self.seed,
            numbers=self.numbers,
            verdicts=[verdict.payload(digits=None) for verdict in verdicts],
            versions=results.versions(),
            device=_where(trained_on),
            commit=results.commit(self.root),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._started, 1),
        )
        results.save(result, self._path(self.scale))
        return result.provenance

    def _path(self, scale: str) -> Path:
        return self.root / "results" / self.number / f"{scale}.json"

    def _own_claims(self) -> dict[str, Claim]:
        if self._claims is None:
            everything = claims.load(self.root / "claims.yaml")
            self._claims = {
                id: claim
                for id, claim in everything.items()
                if claim.chapter == self.number
            }
        return self._claims

    def _all_verdicts(self) -> list[Verdict]:
        """Return one verdict for each claim, in the order of the ledger."""
        own = self._own_claims()
        forgotten = [
            id for id, claim in own.items() if claim.checks and id not in self._checked
        ]
        if forgotten:
            raise ValueError(
                f"chapter {self.number} did not check {', '.join(forgotten)}; call "
                "chapter.check for each, or say in claims.yaml why it is not attempted"
            )
        return [
            self._checked.get(id) or claims.judge(claim, {}, self.scale)
            for id, claim in own.items()
        ]


def _where(trained_on: str | None) -> str:
    """Name the machine of this run, and the one that did the work before."""
    here = results.device()
    return here if trained_on is None else f"{here}, after training on {trained_on}"


def _several(things: Sized, name: str) -> str:
    """Count things: 1 verdict, 2 verdicts."""
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _style() -> None:
    """Set how the chapter shows tables and, where matplotlib is installed, figures."""
    pd.set_option("display.max_colwidth", None)  # a claim's title is never cut off
    try:
        plotting = importlib.import_module("collapse_lib.book.plotting")
        small_png = importlib.import_module("collapse_lib.book.small_png")
    except ModuleNotFoundError as error:
        if error.name not in ("matplotlib", "PIL"):
            raise
    else:
        plotting.use_style()
        small_png.use_small_png()


def _check_scales(
    scale: str, scales: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the scales as a result stores them.

    Raises
    ------
    ValueError
        Unless they are complete, contain this one and can be stored.
    """
    if not isinstance(scales, Mapping):
        raise ValueError(
            f"SCALES is {given(scales)}; it must be a mapping, such as "
            "{'ci': {'chains': 10}, 'laptop': {'chains': 100}}"
        )
    allowed = ", ".join(results.SCALES)
    if "ci" not in scales or not set(scales) <= set(results.SCALES):
        raise ValueError(
            f"SCALES has {', '.join(map(str, scales)) or 'nothing'}; allowed are "
            f"{allowed}, and 'ci' must be there"
        )
    if not _is_among(scale, scales):
        raise ValueError(
            f"scale {given(scale)} is not in SCALES; it has {', '.join(scales)}"
        )
    plain = {}
    for name, config in scales.items():
        if not isinstance(config, Mapping):
            raise ValueError(
                f"SCALES[{name!r}] is {given(config)}; it must be a mapping, such as "
                "{'chains': 10}"
            )
        plain[name] = results.storable(f"SCALES[{name!r}]", config)
    for name, config in plain.items():
        odd = set(config) ^ set(plain["ci"])
        if odd:
            raise ValueError(
                f"SCALES[{name!r}] and SCALES['ci'] differ in the keys "
                f"{', '.join(sorted(odd))}; every scale needs the same keys"
            )
    return plain


def _is_among(value: Any, allowed: Container[str]) -> bool:
    """Return whether a value is one of some texts, whatever it is."""
    return isinstance(value, str) and value in allowed


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {given(value)}; it must be a text")
    return value


def _plain(name: str, value: Any) -> Any:
    """Return a named number, text or array as JSON-ready data."""
    if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
        raise ValueError(f"the name {given(name)} is not in snake_case")
    if isinstance(value, str):
        return results.check_shown(name, value)
    array = numeric(name, value)
    if array.dtype.kind == "b":
        raise ValueError(
            f"{name} is {given(value)}; allowed are numbers, arrays and text"
        )
    if array.dtype.kind == "f":  # JSON has float64 and nothing longer
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is {given(value)}; allowed are finite numbers")
    return array.tolist()


def _formatted(name: str, stored: Any, spec: str) -> str:
    """Return a stored number or text as the prose shows it."""
    if isinstance(stored, str):
        return stored
    if isinstance(stored, list):
        raise ValueError(
            f"{name} is {given(stored)}; one number or a text can be said, record "
            "takes arrays"
        )
    try:
        shown = format(stored, _text("spec", spec))
    except ValueError as error:
        raise ValueError(
            f"{name} = {stored!r} cannot be shown with spec {given(spec)} ({error}); "
            "allowed are formats of Python such as '.2f' or '.0%'"
        ) from None
    # No line ends before the percent sign.
    return claims.signed(shown.replace("%", "\u00a0%"))
