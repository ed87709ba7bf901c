"""The parts of the ledger: sources, claims, their checks and tolerances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from collapse_lib.claims.numbers import three_digits


@dataclass(frozen=True)
class Tolerance:
    """How far a measurement may be off, and why so far.

    A tolerance has bounds (``at_least``, ``at_most``, ``between``), or it asks the
    measurement to be close to a prediction. Its slack is
    ``abs + rel * |target| + se * standard error``, where the target is the prediction
    or the bound; a bound without slack is strict.
    """

    reason: str
    se: float = 0.0
    rel: float = 0.0
    abs: float = 0.0
    at_least: float | None = None
    at_most: float | None = None
    between: tuple[float, float] | None = None

    @property
    def bounded(self) -> bool:
        """Whether the tolerance sets bounds and so needs no prediction."""
        bounds = (self.at_least, self.at_most, self.between)
        return any(bound is not None for bound in bounds)

    def slack(self, target: float, se: float) -> float:
        """Return the distance allowed beyond a target."""
        return self.abs + self.rel * math.fabs(target) + self.se * se

    def interval(self, expected: float | None, se: float) -> tuple[float, float]:
        """Return the smallest and the largest value that pass."""
        if not self.bounded:
            if expected is None:
                raise ValueError("a tolerance without bounds needs a prediction")
            low, high = expected, expected
        else:
            low, high = self.between or (-math.inf, math.inf)
            low = low if self.at_least is None else self.at_least
            high = high if self.at_most is None else self.at_most
        if math.isfinite(low):
            low -= self.slack(low, se)
        if math.isfinite(high):
            high += self.slack(high, se)
        return low, high

    def __str__(self) -> str:
        """Say the tolerance in a few words, for example ``within 2 % + 4 s.e.``."""
        slack = [three_digits(self.abs)] if self.abs else []
        slack += [f"{three_digits(100 * self.rel)} %"] if self.rel else []
        slack += [f"{three_digits(self.se)} s.e."] if self.se else []
        words = []
        if self.at_least is not None:
            words.append(f"at least {three_digits(self.at_least)}")
        if self.at_most is not None:
            words.append(f"at most {three_digits(self.at_most)}")
        if self.between is not None:
            words.append("between {} and {}".format(*map(three_digits, self.between)))
        if not words:
            return "within " + " + ".join(slack)
        slack_text = f", give or take {' + '.join(slack)}" if slack else ""
        return " and ".join(words) + slack_text


@dataclass(frozen=True)
class Check:
    """One measurement that a claim rests on.

    ``expected`` is the number the paper predicts; ``against`` says in words which
    prediction the chapter computes and passes with the measurement, where it depends
    on the scale of the run.
    """

    name: str
    what: str
    tolerance: Tolerance
    expected: float | None = None
    against: str | None = None


@dataclass(frozen=True)
class Claim:
    """One statement, and what we check about it; ``source`` says where it stands."""

    id: str
    title: str
    source: str
    statement: str
    published: str
    measure: str
    chapter: str
    checks: Mapping[str, Check] = field(default_factory=dict)
    not_attempted: str | None = None
    because: str | None = None


@dataclass(frozen=True)
class Source:
    """Where claims come from; their ids begin with the letter ``prefix``.

    ``cite`` is a key of ``references.bib``; ``last`` the number of the last claim,
    where every number from 1 on must have one.
    """

    prefix: str
    name: str
    cite: str | None = None
    last: int | None = None


@dataclass(frozen=True)
class Ledger(Mapping[str, Claim]):
    """The claims by id, in the order of the file, and the sources by prefix."""

    claims: Mapping[str, Claim]
    sources: Mapping[str, Source]

    def __getitem__(self, claim_id: str) -> Claim:
        """Return a claim."""
        return self.claims[claim_id]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the ids."""
        return iter(self.claims)

    def __len__(self) -> int:
        """Return how many claims there are."""
        return len(self.claims)

    def source_of(self, claim: Claim) -> Source:
        """Return the source that a claim's id names."""
        return self.sources[claim.id[0]]
