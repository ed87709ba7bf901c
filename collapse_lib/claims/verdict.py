"""Judge a claim by its measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collapse_lib.claims import card
from collapse_lib.claims.estimate import Estimate
from collapse_lib.claims.ledger import Check, Claim
from collapse_lib.claims.numbers import MOST_DIGITS, with_error

#: Word of a verdict -> the symbol shown with it, so that colour is never needed.
SYMBOLS = {
    "reproduced": "✓",
    "partly": "◐",
    "not reproduced": "✗",
    "not attempted": "–",
}

#: The type under which a verdict is stored in a notebook; the ledger pages read it.
MIME = "application/vnd.collapse.verdict+json"


def word_for(passed: Sequence[bool]) -> str:
    """Return the verdict that follows from which checks passed.

    All: reproduced; some: partly; none: not reproduced; no checks: not attempted.
    """
    if not passed:
        return "not attempted"
    if all(passed):
        return "reproduced"
    return "partly" if any(passed) else "not reproduced"


@dataclass(frozen=True)
class Outcome:
    """One check with its measurement: ``expected`` is None where bounds decide."""

    check: Check
    estimate: Estimate
    expected: float | None
    passed: bool


@dataclass(frozen=True)
class Verdict:
    """What a run says about a claim.

    In a notebook it shows itself as a card whose element id is ``claim-`` and the id
    of the claim.
    """

    claim: Claim
    outcomes: tuple[Outcome, ...] = ()
    scale: str = ""

    @property
    def word(self) -> str:
        """The verdict in words, see :func:`word_for`."""
        return word_for([outcome.passed for outcome in self.outcomes])

    @property
    def symbol(self) -> str:
        """A character that stands for the word."""
        return SYMBOLS[self.word]

    def payload(self, digits: int | None = 3) -> dict[str, Any]:
        """Return the verdict as JSON-ready data.

        Parameters
        ----------
        digits
            Significant digits; None keeps them all (for the stored results).
        """

        def rounded(number: float, most: int | None) -> float:
            return number if most is None else float(f"{number:.{most}g}")

        def expected(number: float | None) -> float | None:
            # It is stated or computed; more of it is worth showing.
            return number and rounded(number, digits and MOST_DIGITS)

        checks = [
            {
                "name": outcome.check.name,
                "what": outcome.check.what,
                "value": rounded(outcome.estimate.value, digits),
                "se": rounded(outcome.estimate.se, digits),
                "shown": with_error(outcome.estimate.value, outcome.estimate.se),
                "expected": expected(outcome.expected),
                "tolerance": str(outcome.check.tolerance),
                "passed": outcome.passed,
            }
            for outcome in self.outcomes
        ]
        return {
            "claim": self.claim.id,
            "chapter": self.claim.chapter,
            "verdict": self.word,
            "scale": self.scale,
            "checks": checks,
        }

    def __str__(self) -> str:
        """Return the card as plain text."""
        return card.as_text(self)

    def _repr_html_(self) -> str:
        return card.as_html(self)

    def mimebundle(self) -> dict[str, Any]:
        """Return the text, the card and the data, by type, for a notebook output."""
        return {
            "text/plain": str(self),
            "text/html": self._repr_html_(),
            MIME: self.payload(),
        }


def judge(
    claim: Claim, measurements: Mapping[str, Estimate | float], scale: str = ""
) -> Verdict:
    """Hold the measurements of a claim against its tolerances.

    Parameters
    ----------
    claim
        An entry of the ledger.
    measurements
        One :class:`Estimate` (or a plain number without sampling noise) for each check
        of the claim, by name.
    scale
        The scale of the run, for the record.

    Raises
    ------
    ValueError
        If a check has no measurement, a measurement belongs to no check, or a
        prediction is missing or given twice.
    """
    unknown = sorted(set(measurements) - set(claim.checks))
    missing = sorted(set(claim.checks) - set(measurements))
    if unknown or missing:
        allowed = ", ".join(claim.checks) or "none (the claim is not attempted)"
        raise ValueError(
            f"{claim.id}: measurements do not fit its checks; "
            f"missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}. The checks are: {allowed}"
        )
    outcomes = tuple(
        _outcome(claim, check, measurements[name])
        for name, check in claim.checks.items()
    )
    return Verdict(claim, outcomes, scale)


def _outcome(claim: Claim, check: Check, measured: Estimate | float) -> Outcome:
    """Judge one check."""
    estimate = measured if isinstance(measured, Estimate) else Estimate(measured)
    where = f"{claim.id}, check {check.name}"
    tolerance = check.tolerance
    if check.against is None and estimate.against is not None:
        fixed = "bounds" if tolerance.bounded else f"expected {check.expected}"
        raise ValueError(
            f"{where}: got against={estimate.against}, but claims.yaml already sets "
            f"{fixed}; leave against out"
        )
    if check.against is not None and estimate.against is None:
        raise ValueError(
            f"{where}: no prediction; pass Estimate(..., against=...), which is "
            f"{check.against}"
        )
    only_noise = not (tolerance.bounded or tolerance.rel or tolerance.abs)
    if only_noise and estimate.se == 0:
        raise ValueError(
            f"{where}: se is 0, but the tolerance is {tolerance}; pass the standard "
            "error over replicates, for example with Estimate.mean"
        )
    expected = check.expected if check.against is None else estimate.against
    low, high = tolerance.interval(expected, estimate.se)
    passed = low <= estimate.value <= high
    return Outcome(check, replace(estimate, against=None), expected, passed)


def rejudge(claim: Claim, payload: Mapping[str, Any]) -> Verdict:
    """Judge again the numbers of a stored verdict by today's ledger.

    Parameters
    ----------
    claim
        The claim, as the ledger has it now.
    payload
        What :meth:`Verdict.payload` returned when the numbers were measured.
    """
    if payload["claim"] != claim.id:
        raise ValueError(
            f"a verdict on {payload['claim']} cannot be judged as {claim.id}"
        )
    measurements: dict[str, Estimate | float] = {}
    for entry in payload["checks"]:
        check = claim.checks.get(entry["name"])
        against = entry["expected"] if check and check.against is not None else None
        measurements[entry["name"]] = Estimate(entry["value"], entry["se"], against)
    return judge(claim, measurements, payload["scale"])
