"""Change the text of every built page; the extensions that do so begin here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def change_pages(app: Sphinx, change: Callable[[str], str]) -> None:
    """Pass the HTML of each page's text through a function before it is written."""

    def on_page(
        app: Sphinx,
        pagename: str,
        templatename: str,
        context: dict[str, Any],
        doctree: nodes.document | None,
    ) -> None:
        if "body" in context:
            context["body"] = change(context["body"])

    app.connect("html-page-context", on_page)
