"""What chance can do to the verdicts, computed from the stored ones.

``{doubt} kinds`` is a table of the kinds of check and of what chance does to each,
``{doubt} scatter`` one of how far comparisons lie from their predictions, ``{doubt}
power`` one of how many would show that a prediction is off, and ``{doubt} thinnest``
one of the checks that are nearest to another result. `doubt_number` has the numbers for
``{number}``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import known
from directives import BookDirective, ledger_of, link, table
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from collapse_lib.book.notebooks import BookError, Notebook
from collapse_lib.claims import Claim, Ledger
from collapse_lib.claims.ledger import Tolerance
from collapse_lib.claims.numbers import RAISED, three_digits
from collapse_lib.claims.verdict import MARKS, result_of
from collapse_lib.theory.special import normal_cdf

#: What a comparison allows that allows noise and nothing else.
ALLOWED = 4.0
#: Errors of a prediction, as shares of it.
SIZES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
#: Kind of check -> what the page calls it.
KINDS = {
    "noise": "held against a prediction; four standard errors are allowed",
    "allowance": "held against a prediction; an allowance comes on top",
    "bound": "a bound, for a number with a standard error",
    "none": "a number without a standard error: exact, counted, or one stored run",
}
_LOWERED = {up: plain for plain, up in RAISED.items()}
_POWER = re.compile(rf"(?:(.+)·)?10([{''.join(map(chr, _LOWERED))}]+)")


@dataclass(frozen=True)
class Measured:
    """A check with its tolerance, and its numbers as the chapter shows them."""

    claim: Claim
    name: str
    chapter: Notebook
    result: str
    value: float
    se: float
    expected: float | None

    @property
    def tolerance(self) -> Tolerance:
        """What the check allows, by the ledger."""
        return self.claim.checks[self.name].tolerance

    @property
    def kind(self) -> str:
        """A key of `KINDS`."""
        allows = self.tolerance
        if not self.se:
            return "none"
        if allows.bounded:
            return "bound"
        alone = allows.se == ALLOWED and not (allows.rel or allows.abs)
        return "noise" if alone else "allowance"

    @property
    def room(self) -> float:
        """How many standard errors lie between the number and another result."""
        ends = self.tolerance.interval(self.expected, self.se)
        return min(math.fabs(self.value - end) for end in ends) / self.se

    @property
    def z(self) -> float:
        """How many standard errors lie between the number and its prediction."""
        return (self.value - (self.expected or 0)) / self.se

    def noticed(self, size: float) -> float:
        """Return the chance to fail if the prediction is off by a share of it."""
        target = math.fabs(self.expected or 0)
        slack = self.tolerance.slack(target, self.se)
        ends = [(slack - size * target) / self.se, (-slack - size * target) / self.se]
        above, below = normal_cdf(ends)
        return float(1 - (above - below))


def read_shown(text: str) -> tuple[float, float]:
    """Return a number and its standard error from the text that a page shows.

    Raises
    ------
    BookError
        If it is no such text.
    """
    inner, scale = text, "10⁰"
    if text.startswith("(") and ")·" in text:
        inner, _, scale = text[1:].partition(")·")
    value, _, se = inner.partition(" ± ")
    try:
        return _read(value) * _read(scale), _read(se or "0") * _read(scale)
    except ValueError:
        raise BookError(f"{text!r} is no number with a standard error") from None


def _read(text: str) -> float:
    """Return a number as `collapse_lib.claims.numbers` writes it."""
    text = text.replace("−", "-")
    if power := _POWER.fullmatch(text):
        return float(power[1] or "1") * 10.0 ** int(power[2].translate(_LOWERED))
    return float(text)


def measured(ledger: Ledger, chapters: Mapping[str, Notebook]) -> list[Measured]:
    """Return all checks in the outputs of the chapters.

    Raises
    ------
    BookError
        If the ledger lacks one of them.
    """
    found = []
    for chapter in chapters.values():
        for claim_id, verdict in chapter.verdicts.items():
            for check in verdict["checks"]:
                claim, name = ledger.claims.get(claim_id), check["name"]
                if claim is None or name not in claim.checks:
                    raise BookError(
                        f"{chapter.path.name} has a check {name!r} of {claim_id}, "
                        "claims.yaml has not; run the chapter again (`make notebooks`)"
                    )
                numbers = (*read_shown(check["shown"]), check["expected"])
                found.append(Measured(claim, name, chapter, result_of(check), *numbers))
    return found


def doubt_number(checks: list[Measured], name: str) -> str:
    """Return a number for ``{number}``, see `NUMBERS`.

    Raises
    ------
    BookError
        If there is no such number.
    """
    if name not in NUMBERS:
        raise BookError(f"'doubt:{name}': there are {', '.join(NUMBERS)}")
    return NUMBERS[name](checks)


def _of_kind(checks: list[Measured], *kinds: str) -> list[Measured]:
    return [check for check in checks if check.kind in kinds]


def _thin(checks: list[Measured]) -> list[Measured]:
    """Return decided checks with a standard error, the nearest to another result first.

    Those that are undecided are listed with the verdicts.
    """
    decided = [c for c in checks if c.kind != "none" and c.result != "undecided"]
    return sorted(decided, key=lambda check: check.room)


#: Chance that a true prediction is off by more than what is allowed, for normal noise.
FALSE_ALARM = float(2 * normal_cdf(-ALLOWED))
NUMBERS: dict[str, Callable[[list[Measured]], str]] = {
    "checks": lambda checks: f"{len(checks)}",
    "comparisons": lambda checks: f"{len(_of_kind(checks, 'noise', 'allowance'))}",
    "alone": lambda checks: f"{len(_of_kind(checks, 'noise'))}",
    "false_alarms": lambda checks: three_digits(
        float(f"{FALSE_ALARM * len(_of_kind(checks, 'noise')):.1g}")
    ),
    "undecided": lambda checks: f"{sum(c.result == 'undecided' for c in checks)}",
    "seeds": lambda checks: (
        f"{round(1 / (FALSE_ALARM * max(len(_of_kind(checks, 'noise')), 1)), -1):.0f}"
    ),
}


class Doubt(BookDirective):
    """One of the tables."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"rows": directives.positive_int}

    def show(self) -> list[nodes.Node]:
        """Return the table that the argument names."""
        tables = {
            "kinds": self._kinds,
            "scatter": self._scatter,
            "power": self._power,
            "thinnest": self._thinnest,
        }
        if self.arguments[0] not in tables:
            raise BookError(f"{self.arguments[0]!r}: there are {', '.join(tables)}")
        checks = measured(ledger_of(self.root), self.chapters())
        return [tables[self.arguments[0]](checks)]

    def _kinds(self, checks: list[Measured]) -> nodes.raw:
        rows = []
        for kind, words in KINDS.items():
            own = _of_kind(checks, kind)
            undecided = sum(check.result == "undecided" for check in own)
            rows.append([escape(words), f"{len(own)}", f"{undecided or '–'}"])
        heads = ("Kind of check", "How many", "Undecided")
        return table("Kinds of check", heads, rows, "doubt", {1: "number", 2: "number"})

    def _scatter(self, checks: list[Measured]) -> nodes.raw:
        own = [math.fabs(check.z) for check in _of_kind(checks, "noise")]
        rows = []
        for bound in (1, 2, 3):
            chance = float(1 - 2 * normal_cdf(-bound))
            here = sum(z < bound for z in own) / max(len(own), 1)
            rows.append([f"{bound}", f"{100 * here:.1f} %", f"{100 * chance:.1f} %"])
        heads = ("Within so many standard errors", "Ours", "Chance alone")
        columns = {1: "number", 2: "number"}
        return table("Distances from predictions", heads, rows, "doubt", columns)

    def _power(self, checks: list[Measured]) -> nodes.raw:
        own = [c for c in _of_kind(checks, "noise", "allowance") if c.expected]
        rows = []
        for size in SIZES:
            noticed = sum(check.noticed(size) for check in own)
            share = f"{100 * noticed / max(len(own), 1):.0f} %"
            rows.append([f"{100 * size:g} %", f"{noticed:.0f} of {len(own)}", share])
        heads = ("If a prediction were off by", "it would fail in", "that is")
        columns = {1: "number", 2: "number"}
        return table("What would be noticed", heads, rows, "doubt", columns)

    def _thinnest(self, checks: list[Measured]) -> nodes.raw:
        rows = []
        for check in _thin(checks)[: self.options.get("rows", 10)]:
            card = self.href(check.chapter.docname, f"claim-{check.claim.id}")
            word = known.beside(known.word_of(check.claim.evidence))
            rows.append(
                [
                    f"{link(card, check.claim.id)}{word}",
                    escape(check.claim.checks[check.name].what),
                    f"{MARKS[check.result]} {check.result}",
                    f"{check.room:.1f}",
                ]
            )
        heads = ("Claim", "Check", "Result", "Room, in s.e.")
        return table("The thinnest verdicts", heads, rows, "doubt", {3: "number"})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("doubt", Doubt)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
