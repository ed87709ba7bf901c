"""A sign with its own address at every theorem, definition and exercise.

Headings, figures and terms have theirs from Sphinx, cards and rows of the ledger from
`cards` and `ledger`. ``book.css`` shows a sign when it is pointed at or focused, and
always where nothing can be pointed at.
"""

from __future__ import annotations

from typing import Any

from directives import SIGN, raw
from docutils import nodes
from sphinx.application import Sphinx


def numbered_box(box: nodes.Element) -> tuple[str, nodes.title | None]:
    """Return what a theorem, definition or exercise is, and its title if it is one."""
    if isinstance(box, nodes.Admonition) and box["ids"]:
        kind = box.get("realtype") or box.get("type") or ""
        title = next(iter(box.children), None)
        if kind not in ("", "solution") and isinstance(title, nodes.title):
            return kind, title
    return "", None


def add_signs(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a sign behind the title of every numbered box that has a place."""
    if app.builder.format != "html":
        return
    for box in doctree.findall(nodes.Element):
        kind, title = numbered_box(box)
        if title is not None:
            title += raw(SIGN.format(box["ids"][0], kind))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", add_signs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
