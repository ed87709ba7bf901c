"""What a chapter displays: numbers for the prose and verdict cards.

Outside of IPython a card is printed as text, and a number for the prose is not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from collapse_lib.claims import card
from collapse_lib.claims.verdict import Verdict
from collapse_lib.declared import declared

#: Outputs of this kind are not shown on the page; ``{glue:text}`` reads them.
GLUE = "application/papermill.record/"


@declared
def glue(name: str, text: str) -> None:
    """Store a text under a name, for ``{glue:text}`` in the prose of the chapter."""
    if _shell() is not None:
        metadata = {"scrapbook": {"name": name, "mime_prefix": GLUE}}
        # Quoted: the page reads it as a Python value, and 20,000 would be a pair.
        _display({f"{GLUE}text/plain": repr(text)}, metadata)


@declared
def show(verdict: Verdict) -> Verdict:
    """Display a verdict at once, and return one that does not repeat itself.

    So one cell can check many claims, and its last expression, which IPython would
    display, does not bring the last card twice.
    """
    shell = _shell()
    if shell is None:
        _print(card.as_text(verdict))
        return verdict
    _display(card.mimebundle(verdict))
    shown = _Shown(verdict.claim, verdict.outcomes, verdict.scale, ["this cell"])

    def leave_cell() -> None:
        shown.visible_in.clear()
        shell.events.unregister("post_execute", leave_cell)

    # Not by the execution count, which stands still in runs without history (nbval).
    shell.events.register("post_execute", leave_cell)
    return shown


def _print(text: str) -> None:
    """Print a text; characters that the terminal cannot write become numbers."""
    coding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(coding, "backslashreplace").decode(coding))


@dataclass(frozen=True)
class _Shown(Verdict):
    """A verdict that is already on display, as long as its cell runs."""

    visible_in: list[str] = field(default_factory=list, compare=False, repr=False)

    def _ipython_display_(self) -> None:
        if not self.visible_in:
            _display(card.mimebundle(self))


def _display(
    data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
) -> None:
    from IPython import display

    display.display(dict(data), metadata=metadata, raw=True)  # type: ignore[no-untyped-call]


def _shell() -> Any | None:
    """Return the running IPython shell, or None outside of one."""
    try:
        from IPython import get_ipython
    except ModuleNotFoundError:
        return None
    return get_ipython()
