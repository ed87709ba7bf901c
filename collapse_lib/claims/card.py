"""Show a verdict: plain text for a terminal, a card for a page.

A card whose claim holds is one line that opens, without JavaScript; one that leaves
something to explain is open. It carries classes only; colours are the style sheet's.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from collapse_lib.checks import check_keys
from collapse_lib.claims.ledger import Check, Evidence
from collapse_lib.claims.numbers import as_stated, with_error
from collapse_lib.claims.verdict import HOLDS, MARKS, MIME, Outcome, Verdict, result_of
from collapse_lib.declared import declared

FAILS = {
    "fail": "fails, as it must",
    "pass": "passes, which it must not",
    "undecided": "is undecided, which it must not be",
}


@declared
def mimebundle(verdict: Verdict) -> dict[str, Any]:
    """Return the text, the card and the data, by type, for a notebook output."""
    return {
        "text/plain": as_text(verdict),
        "text/html": as_html(verdict),
        MIME: verdict.payload(),
    }


def _ours(outcome: Outcome) -> str:
    return with_error(outcome.estimate.value, outcome.estimate.se)


def _expected(outcome: Outcome) -> str:
    return "–" if outcome.expected is None else as_stated(outcome.expected)


def _note(verdict: Verdict) -> str:
    """Return why the claim was not attempted, or not (fully) reproduced, if known."""
    claim = verdict.claim
    if verdict.word in HOLDS:
        return ""
    return claim.not_attempted or claim.because or ""


@declared
def as_text(verdict: Verdict) -> str:
    """Return a few plain lines."""
    claim = verdict.claim
    lines = [
        f"{claim.id} {claim.title}: {verdict.symbol} {verdict.word}",
        f"  published: {claim.published}",
    ]
    lines += [f"  {what}: {word}" for what, word, _ in claim.evidence.in_words()]
    for outcome in verdict.outcomes:
        lines.append(f"  {_line(outcome)}: {outcome.result}")
        lines.append(f"    {_control(outcome)}")
    note = _note(verdict)
    return "\n".join([*lines, f"  because: {note}"] if note else lines)


def _line(outcome: Outcome) -> str:
    check = outcome.check
    target = "" if outcome.expected is None else f"expected {_expected(outcome)}, "
    return f"{check.name}: ours {_ours(outcome)}, {target}{check.tolerance}"


def _control(outcome: Outcome) -> str:
    control = outcome.control
    measured = None if control is None else control.numbers(digits=None)
    return control_line(outcome.check, measured)


@declared
def control_line(check: Check, measured: Mapping[str, Any] | None) -> str:
    """Return what must fail a check and how it did, or why nothing can.

    Parameters
    ----------
    check
        The check.
    measured
        The numbers of its control, as `Outcome.numbers` returns them; None if it has
        none, or was not measured.
    """
    if check.control.what is None:
        return f"No control: {check.control.none}"
    if measured is None:
        return f"Control: {check.control.what}: not measured"
    check_keys("measured", measured, "shown", "expected", "passed")
    # Only a prediction of its own needs saying: others are those of the check.
    own = check.against is not None
    against = f", expected {as_stated(measured['expected'])}" if own else ""
    return (
        f"Control: {check.control.what}: {measured['shown']}{against}; "
        f"{FAILS[result_of(measured)]}"
    )


@declared
def as_html(verdict: Verdict) -> str:
    """Return the card, with the element id ``claim-`` and the id of the claim."""
    claim = verdict.claim
    css = f"verdict {verdict.word.replace(' ', '-')}"
    state = "" if verdict.word in HOLDS else " open"
    parts = [
        f'<details class="{css}" id="claim-{escape(claim.id)}"{state}>',
        f'<summary class="verdict-head"><strong>{escape(claim.id)}</strong> '
        f"{escape(claim.title)} "
        f'<span class="verdict-word">{verdict.symbol} {verdict.word}</span></summary>',
        f'<p class="verdict-statement">{escape(claim.statement)}</p>',
        f'<p class="verdict-published">Published: {escape(claim.published)} '
        f'<span class="verdict-source">({escape(claim.source)})</span></p>',
        f'<p class="verdict-evidence">{evidence(claim.evidence)}</p>',
    ]
    if verdict.outcomes:
        parts.append(_table(verdict))
    note = _note(verdict)
    if note:
        parts.append(f'<p class="verdict-because">{escape(note)}</p>')
    return "\n".join([*parts, "</details>"])


@declared
def evidence(rated: Evidence) -> str:
    """Return HTML that says how well a claim is known; its titles explain the words."""
    return " ".join(
        f'<span title="{escape(meaning)}">{what}: {escape(word)}.</span>'
        for what, word, meaning in rated.in_words()
    )


def _table(verdict: Verdict) -> str:
    """Return one row for each check, without columns that have nothing to say."""
    rows = [_cells(outcome) for outcome in verdict.outcomes]
    bounds_only = all(outcome.expected is None for outcome in verdict.outcomes)
    heads = [head for head in rows[0] if not (bounds_only and head == "Expected")]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(
        _row(outcome, {head: cells[head] for head in heads})
        for outcome, cells in zip(verdict.outcomes, rows, strict=True)
    )
    label = f"Checks of {escape(verdict.claim.id)}"
    return (
        f'<table class="verdict-checks" aria-label="{label}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(outcome: Outcome, cells: dict[str, str]) -> str:
    """Return the row of a check, and the one of its control."""
    # On a phone each value stands below the other, with its name from data-head.
    data = "".join(
        f'<td data-head="{head}">{escape(text)}</td>' for head, text in cells.items()
    )
    control = escape(_control(outcome))
    return (
        f'<tr class="check-{outcome.result}">{data}</tr>'
        f'<tr class="control"><td colspan="{len(cells)}">{control}</td></tr>'
    )


def _cells(outcome: Outcome) -> dict[str, str]:
    """Return the cells of a row by the head of their column."""
    check = outcome.check
    return {
        "Check": check.what,
        "Ours ± s.e.": _ours(outcome),
        "Expected": _expected(outcome),
        "Tolerance": f"{check.tolerance} ({check.tolerance.reason})",
        "Result": f"{MARKS[outcome.result]} {outcome.result}",
    }
