"""Judge a claim by its measurements."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collapse_lib.checks import check_count, check_keys, given
from collapse_lib.claims.estimate import Estimate
from collapse_lib.claims.ledger import Check, Claim
from collapse_lib.claims.numbers import MOST_DIGITS, with_error
from collapse_lib.declared import declared

#: Word of a verdict -> the symbol shown with it, so that colour is never needed.
SYMBOLS = {
    "reproduced": "✓",
    "partly": "◐",
    "not reproduced": "✗",
    "undecided": "?",
    "not attempted": "–",
    "definition": "≡",
}

#: Verdicts that leave nothing to explain.
HOLDS = ("reproduced", "definition")

#: Result of a check -> the symbol shown with it.
MARKS = {"pass": "✓", "fail": "✗", "undecided": "?"}

#: The type under which a verdict is stored in a notebook; the ledger pages read it.
MIME = "application/vnd.collapse.verdict+json"


class ControlPassed(Exception):
    """A check did not fail where it must, so that passing it says nothing."""


@declared
def result_of(check: Mapping[str, Any]) -> str:
    """Return the result of a stored check: pass, fail or undecided."""
    # Runs that were stored before the rule existed know of no undecided check.
    if check.get("undecided", False):
        return "undecided"
    check_keys("check", check, "passed")
    return "pass" if check["passed"] else "fail"


@declared
def word_for(results: Sequence[str]) -> str:
    """Return the verdict that follows from the results of checks.

    Some pass and some fail: partly, whatever the others say. Otherwise one undecided
    check leaves the claim undecided. All pass: reproduced; all fail: not reproduced; no
    checks: not attempted. Of a definition, see :attr:`Verdict.word`.
    """
    if not len(results):
        return "not attempted"
    if {"pass", "fail"} <= set(results):
        return "partly"
    if "undecided" in results:
        return "undecided"
    return "reproduced" if "pass" in results else "not reproduced"


@declared
@dataclass(frozen=True)
class Outcome:
    """One check with its measurement, and the outcome of its control.

    ``expected`` is None where bounds decide. ``passed`` is the side on which the
    measurement lies; an ``undecided`` one lies too near to the bound, see
    :class:`Tolerance`.
    """

    check: Check
    estimate: Estimate
    expected: float | None
    passed: bool
    undecided: bool = False
    control: Outcome | None = None

    @property
    def result(self) -> str:
        """The result in one word: pass, fail or undecided."""
        return result_of({"passed": self.passed, "undecided": self.undecided})

    @declared
    def numbers(self, digits: int | None) -> dict[str, Any]:
        """Return what was measured and what follows as JSON-ready data."""
        _check_digits(digits)
        most = digits and MOST_DIGITS
        return {
            "value": _rounded(self.estimate.value, digits),
            "se": _rounded(self.estimate.se, digits),
            "shown": with_error(self.estimate.value, self.estimate.se),
            # It is stated or computed; more of it is worth showing.
            "expected": self.expected and _rounded(self.expected, most),
            "passed": self.passed,
            "undecided": self.undecided,
        }


@declared
@dataclass(frozen=True)
class Verdict:
    """What a run says about a claim; a chapter shows it as a card."""

    claim: Claim
    outcomes: tuple[Outcome, ...] = ()
    scale: str = ""

    @property
    def word(self) -> str:
        """The verdict in words, see :func:`word_for`.

        A definition whose checks pass is a definition: our code does as it says, and
        nothing was reproduced.
        """
        word = word_for([outcome.result for outcome in self.outcomes])
        if self.claim.definition and word == "reproduced":
            return "definition"
        return word

    @property
    def symbol(self) -> str:
        """A character that stands for the word."""
        return SYMBOLS[self.word]

    @declared
    def payload(self, digits: int | None = 3) -> dict[str, Any]:
        """Return the verdict as JSON-ready data.

        Parameters
        ----------
        digits
            Significant digits; None keeps them all (for the stored results).
        """
        _check_digits(digits)
        checks = [
            {
                "name": outcome.check.name,
                "what": outcome.check.what,
                "tolerance": str(outcome.check.tolerance),
                **outcome.numbers(digits),
                "control": outcome.control and outcome.control.numbers(digits),
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

    def passed_controls(self) -> Iterator[str]:
        """Yield a message for each control that its check did not fail."""
        for outcome in self.outcomes:
            control = outcome.control
            if control is None or control.result == "fail":
                continue
            shown = with_error(control.estimate.value, control.estimate.se)
            word = {"pass": "passes it", "undecided": "leaves it undecided"}
            yield (
                f"{self.claim.id}, check {outcome.check.name}: its control must fail, "
                f"but {shown} {word[control.result]} (allowed: "
                f"{outcome.check.tolerance}). A check that also passes where the claim "
                "is false proves nothing: sharpen the check, or choose another control"
            )


def _check_digits(digits: int | None) -> None:
    if digits is not None:
        check_count("digits", digits, 1, sys.float_info.dig + 2)


def _rounded(number: float, digits: int | None) -> float:
    return number if digits is None else float(f"{number:.{digits}g}")


def judge(
    claim: Claim,
    measurements: Mapping[str, Estimate | float],
    scale: str = "",
    controls: Mapping[str, Estimate | float] | None = None,
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
    controls
        The same, measured where a check must fail, for checks whose control the ledger
        describes.

    Raises
    ------
    ValueError
        If a check has no measurement, a measurement belongs to no check or is no
        number, a control belongs to no check that has one, or a prediction is missing
        or given twice.
    TypeError
        If these are no claim and no mappings.
    """
    _check_claim(claim)
    controls = {} if controls is None else controls
    for what, measured in (("measurements", measurements), ("controls", controls)):
        if not isinstance(measured, Mapping):
            raise TypeError(
                f"{claim.id}: {what} is {given(measured)}; it must be a mapping from "
                "the names of checks to estimates, such as {'lost': Estimate(0.4, 0.1)}"
            )
    if not isinstance(scale, str):
        raise TypeError(f"scale is {given(scale)}; it must be a text, such as 'ci'")
    unknown = sorted(map(str, set(measurements) - set(claim.checks)))
    missing = sorted(set(claim.checks) - set(measurements))
    if unknown or missing:
        allowed = ", ".join(claim.checks) or "none (the claim is not attempted)"
        raise ValueError(
            f"{claim.id}: measurements do not fit its checks; "
            f"missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}. The checks are: {allowed}"
        )
    unknown = sorted(map(str, set(controls) - set(claim.controls)))
    if unknown:
        raise ValueError(
            f"{claim.id}: claims.yaml describes no control for {', '.join(unknown)}; "
            f"it does for: {', '.join(claim.controls) or 'none'}. Add control: "
            "{what: ...} to the check"
        )
    outcomes = []
    for name, check in claim.checks.items():
        outcome = _outcome(claim, check, measurements[name])
        if name in controls:
            control = _outcome(claim, check, controls[name], "its control")
            outcome = replace(outcome, control=control)
        outcomes.append(outcome)
    return Verdict(claim, tuple(outcomes), scale)


def _check_claim(claim: Claim) -> None:
    if not isinstance(claim, Claim):
        raise TypeError(
            f"claim is {given(claim)}; it must be an entry of the ledger, such as "
            "claims.load()['C05']"
        )


def _outcome(
    claim: Claim, check: Check, measured: Estimate | float, part: str = ""
) -> Outcome:
    """Judge one check, or its control."""
    where = ", ".join(filter(None, [claim.id, f"check {check.name}", part]))
    try:
        estimate = measured if isinstance(measured, Estimate) else Estimate(measured)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
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
    measured_here = (estimate.value, expected, estimate.se)
    return Outcome(
        check,
        replace(estimate, against=None),
        expected,
        passed=tolerance.passes(*measured_here),
        undecided=tolerance.leaves_open(*measured_here),
    )


@declared
def rejudge(claim: Claim, payload: Mapping[str, Any]) -> Verdict:
    """Judge again the numbers of a stored verdict by today's ledger.

    Parameters
    ----------
    claim
        The claim, as the ledger has it now.
    payload
        What :meth:`Verdict.payload` returned when the numbers were measured. A control
        that was not measured then is left out.
    """
    check_keys("payload", payload, "claim", "checks", "scale")
    if payload["claim"] != claim.id:
        raise ValueError(
            f"a verdict on {payload['claim']} cannot be judged as {claim.id}"
        )
    measurements: dict[str, Estimate | float] = {}
    controls: dict[str, Estimate | float] = {}
    for i, entry in enumerate(payload["checks"]):
        check_keys(f"payload['checks'][{i}]", entry, "name", "value", "se", "expected")
        check = claim.checks.get(entry["name"])
        relative = check is not None and check.against is not None
        measurements[entry["name"]] = _stored(entry, relative)
        if entry["name"] in claim.controls and entry.get("control"):
            controls[entry["name"]] = _stored(entry["control"], relative)
    return judge(claim, measurements, payload["scale"], controls)


def _stored(numbers: Mapping[str, Any], relative: bool) -> Estimate:
    """Return a stored measurement; its prediction only where the run computed it."""
    against = numbers["expected"] if relative else None
    return Estimate(numbers["value"], numbers["se"], against)
