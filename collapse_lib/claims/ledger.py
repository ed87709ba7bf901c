"""The parts of the ledger: claims, their checks and tolerances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from collapse_lib.claims.estimate import three_digits

#: Kinds of tolerance that give slack around a target.
CLOSENESS = ("se", "rel", "abs")
#: Kinds of tolerance that set bounds.
BOUNDS = ("at_least", "at_most", "between")


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
        return any(getattr(self, kind) is not None for kind in BOUNDS)

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
    """One statement of the paper, and what we check about it."""

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
