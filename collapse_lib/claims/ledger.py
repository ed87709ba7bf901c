"""The parts of the ledger: sources, claims, their checks and tolerances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from collapse_lib.checks import check_choice
from collapse_lib.claims.numbers import three_digits
from collapse_lib.declared import declared

#: A measurement nearer to its bound than this many standard errors decides nothing.
DOUBT = 2.0

#: How a published value can be known -> what a reader is told, and what it means.
KNOWN = {
    "exact": ("a formula", "A formula or theorem as published; nothing is rounded."),
    "printed": (
        "printed",
        "A number or a statement printed in the paper, or saved with its code.",
    ),
    "digitised": ("read off a figure", "Measured on a published figure."),
    "second-hand": (
        "second-hand",
        "We have not seen it in the paper, only in what others wrote or showed of it.",
    ),
    "reconstructed": (
        "reconstructed",
        "The paper's own version was not to be had: put together from its code, what "
        "it saved, or a derivation of ours.",
    ),
}

#: What our test is -> what a reader is told, and what it means.
TESTS = {
    "the paper's setting": (
        "the paper's setting",
        "Model, procedure and sizes are the paper's, as far as it states them.",
    ),
    "smaller model": (
        "smaller model",
        "The paper's procedure with a much smaller model, or with less data.",
    ),
    "own construction": (
        "own construction",
        "The paper has no experiment for this that could be repeated; we made one.",
    ),
}


@declared
@dataclass(frozen=True)
class Tolerance:
    """How far a measurement may be off, and why so far.

    A tolerance has bounds (``at_least``, ``at_most``, ``between``), or it asks the
    measurement to be close to a prediction. Its slack is
    ``abs + rel * |target| + se * standard error``, where the target is the prediction
    or the bound; a bound without slack is strict.

    This is the rule by which a measurement passes, fails or decides nothing:

    - it is on the passing side if it lies between the ends of :meth:`interval`, which
      belong to it;
    - it is undecided, on whichever side it fell, if it lies nearer to an end than two
      of its standard errors (`DOUBT`): more replicates decide it;
    - a number without sampling noise (standard error 0) is never undecided, and neither
      is a comparison whose slack is in standard errors (``se``): there the noise is
      allowed for already, and would leave a true prediction undecided in one run of
      twenty, however many replicates there are.
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

    @declared
    def slack(self, target: float, se: float) -> float:
        """Return the distance allowed beyond a target."""
        return self.abs + self.rel * math.fabs(target) + self.se * se

    @declared
    def interval(self, expected: float | None, se: float) -> tuple[float, float]:
        """Return the smallest and the largest value that pass."""
        if not self.bounded:
            if expected is None:
                raise ValueError(
                    "expected is None; a tolerance without bounds needs a prediction"
                )
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

    @declared
    def passes(self, value: float, expected: float | None, se: float) -> bool:
        """Tell on which side of its bounds a measurement lies."""
        low, high = self.interval(expected, se)
        return low <= value <= high

    @declared
    def leaves_open(self, value: float, expected: float | None, se: float) -> bool:
        """Tell whether a measurement lies too near to a bound to decide."""
        if self.se:
            return False
        ends = self.interval(expected, se)
        return min(math.fabs(value - end) for end in ends) < DOUBT * se

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


@declared
@dataclass(frozen=True)
class Control:
    """An arrangement of the same experiment in which a check must fail.

    ``what`` describes it, or ``none`` says why there can be none.
    """

    what: str | None = None
    none: str | None = None


@declared
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
    control: Control
    expected: float | None = None
    against: str | None = None


@declared
@dataclass(frozen=True)
class Evidence:
    """How well a claim is known: a key of `KNOWN`, and one of `TESTS` if we test it."""

    value: str
    test: str | None = None

    def __post_init__(self) -> None:
        """Check that the words are known."""
        check_choice("value", self.value, tuple(KNOWN))
        if self.test is not None:
            check_choice("test", self.test, tuple(TESTS))

    def in_words(self) -> list[tuple[str, str, str]]:
        """Return what is rated, the words for it, and what they mean."""
        rows = [("Published value", *KNOWN[self.value])]
        return rows + ([("Our test", *TESTS[self.test])] if self.test else [])

    @property
    def caveats(self) -> list[str]:
        """The words that a reader must not miss."""
        grave = ("second-hand", "reconstructed", "smaller model")
        return [word for word in (self.value, self.test) if word in grave]


@declared
@dataclass(frozen=True)
class Claim:
    """One statement, and what we check about it; ``source`` says where it stands.

    A ``definition`` can be computed with, but there is nothing in it to reproduce.
    """

    id: str
    title: str
    source: str
    statement: str
    published: str
    measure: str
    chapter: str
    evidence: Evidence
    definition: bool = False
    checks: Mapping[str, Check] = field(default_factory=dict)
    not_attempted: str | None = None
    because: str | None = None

    @property
    def controls(self) -> dict[str, str]:
        """What must fail each check, for the checks that have a control."""
        return {
            name: check.control.what
            for name, check in self.checks.items()
            if check.control.what
        }


@declared
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


@declared
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

    @declared
    def source_of(self, claim: Claim) -> Source:
        """Return the source that a claim's id names."""
        return self.sources[claim.id[0]]
