"""The role ``{number}`03:median_sigma```: a number that a chapter put into its prose.

Another page so shows the chapter's own output; the number is typed nowhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bookdata import BookError, read_chapters, sources
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

logger = logging.getLogger(__name__)


def find_number(root: Path, key: str) -> str:
    """Return the text of a number.

    Parameters
    ----------
    root
        The folder of the book.
    key
        Chapter and name, such as ``03:median_sigma``.

    Raises
    ------
    BookError
        If the key is malformed, or there is no such chapter or number.
    """
    chapter, colon, name = key.partition(":")
    if not colon or not name:
        raise BookError(f"{key!r} is no number; write it like 03:median_sigma")
    chapters = read_chapters(root)
    if chapter not in chapters:
        raise BookError(
            f"{key!r}: there is no chapter {chapter!r}; the chapters are "
            f"{', '.join(chapters) or 'none yet'}"
        )
    numbers = chapters[chapter].numbers
    if name not in numbers:
        raise BookError(
            f"{key!r}: chapter {chapter} has no number {name!r}; it has "
            f"{', '.join(sorted(numbers)) or 'none'}"
        )
    return numbers[name]


class NumberRole(SphinxRole):
    """The role."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number as text, or warn."""
        root = Path(self.env.srcdir)
        for path in sources(root):
            self.env.note_dependency(str(path))
        try:
            return [nodes.inline("", find_number(root, self.text))], []
        except (BookError, OSError) as error:
            logger.warning("number: %s", error, location=self.get_location())
            return [], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_role("number", NumberRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
