"""Mend what keeps readers with a keyboard or a screen reader out of a page.

The marks come from other programs; ``tests/test_site.py`` finds new ones.
"""

from __future__ import annotations

from typing import Any

from page_body import change_pages
from sphinx.application import Sphinx

#: As written -> as it should be, and why.
REPAIRS = (
    # docutils gives the entries another role than a list may have inside.
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
)


def repair(html: str) -> str:
    """Apply the repairs to the text of a page."""
    for written, mended in REPAIRS:
        html = html.replace(written, mended)
    return html


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    change_pages(app, repair)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
