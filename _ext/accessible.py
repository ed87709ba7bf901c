"""Mend what keeps readers with a keyboard or a screen reader out of a page.

The marks come from other programs; ``tests/test_site.py`` finds new ones.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

#: As written -> as it should be, and why.
REPAIRS = (
    # docutils gives the entries another role than a list may have inside.
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
)


def repair(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Apply the repairs to the text of a page."""
    for written, mended in REPAIRS:
        context["body"] = context.get("body", "").replace(written, mended)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", repair)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
