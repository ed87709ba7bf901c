"""The ledger: what was claimed, what we measure, and the verdict that follows.

``claims.yaml`` says for every claim what the paper states, how we measure it and how
far a measurement may be off. A chapter passes its measurements to :func:`judge`; the
verdict is computed, never typed.
"""

from __future__ import annotations

from collapse_lib.claims.estimate import (
    Estimate,
    as_stated,
    signed,
    three_digits,
    with_error,
)
from collapse_lib.claims.ledger import Check, Claim, Tolerance
from collapse_lib.claims.reading import load
from collapse_lib.claims.verdict import Outcome, Verdict, judge, rejudge

__all__ = [
    "Check",
    "Claim",
    "Estimate",
    "Outcome",
    "Tolerance",
    "Verdict",
    "as_stated",
    "judge",
    "load",
    "rejudge",
    "signed",
    "three_digits",
    "with_error",
]
