"""Show a verdict: plain text for a terminal, a card for a page.

The card carries classes only; the colours are the style sheet's.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from collapse_lib.claims.numbers import as_stated, with_error

if TYPE_CHECKING:
    from collapse_lib.claims.verdict import Outcome, Verdict


def _ours(outcome: Outcome) -> str:
    return with_error(outcome.estimate.value, outcome.estimate.se)


def _expected(outcome: Outcome) -> str:
    return "–" if outcome.expected is None else as_stated(outcome.expected)


def _note(verdict: Verdict) -> str:
    """Return why the claim was not attempted, or not (fully) reproduced, if known."""
    claim = verdict.claim
    if verdict.word == "reproduced":
        return ""
    return claim.not_attempted or claim.because or ""


def as_text(verdict: Verdict) -> str:
    """Return a few plain lines."""
    claim = verdict.claim
    lines = [
        f"{claim.id} {claim.title}: {verdict.symbol} {verdict.word}",
        f"  published: {claim.published}",
    ]
    for outcome in verdict.outcomes:
        check = outcome.check
        target = "" if outcome.expected is None else f"expected {_expected(outcome)}, "
        lines.append(
            f"  {check.name}: ours {_ours(outcome)}, {target}{check.tolerance}: "
            f"{'pass' if outcome.passed else 'fail'}"
        )
    note = _note(verdict)
    return "\n".join([*lines, f"  because: {note}"] if note else lines)


def as_html(verdict: Verdict) -> str:
    """Return the card, with the element id ``claim-`` and the id of the claim."""
    claim = verdict.claim
    modifier = verdict.word.replace(" ", "-")
    parts = [
        f'<div class="verdict {modifier}" id="claim-{escape(claim.id)}">',
        f'<p class="verdict-head"><strong>{escape(claim.id)}</strong> '
        f"{escape(claim.title)} "
        f'<span class="verdict-word">{verdict.symbol} {verdict.word}</span></p>',
        f'<p class="verdict-statement">{escape(claim.statement)}</p>',
        f'<p class="verdict-published">Published: {escape(claim.published)} '
        f'<span class="verdict-source">({escape(claim.source)})</span></p>',
    ]
    if verdict.outcomes:
        parts.append(_table(verdict))
    note = _note(verdict)
    if note:
        parts.append(f'<p class="verdict-because">{escape(note)}</p>')
    return "\n".join([*parts, "</div>"])


def _table(verdict: Verdict) -> str:
    """Return one row for each check, without columns that have nothing to say."""
    rows = [_cells(outcome) for outcome in verdict.outcomes]
    bounds_only = all(outcome.expected is None for outcome in verdict.outcomes)
    heads = [head for head in rows[0] if not (bounds_only and head == "Expected")]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = ""
    for outcome, cells in zip(verdict.outcomes, rows, strict=True):
        # On a phone each value stands below the other, with its name from data-head.
        data = "".join(
            f'<td data-head="{name}">{escape(cells[name])}</td>' for name in heads
        )
        body += f'<tr class="check-{"pass" if outcome.passed else "fail"}">{data}</tr>'
    label = f"Checks of {escape(verdict.claim.id)}"
    return (
        f'<table class="verdict-checks" aria-label="{label}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(outcome: Outcome) -> dict[str, str]:
    """Return the cells of a row by the head of their column."""
    check = outcome.check
    return {
        "Check": check.what,
        "Ours ± s.e.": _ours(outcome),
        "Expected": _expected(outcome),
        "Tolerance": f"{check.tolerance} ({check.tolerance.reason})",
        "Result": "✓ pass" if outcome.passed else "✗ fail",
    }
