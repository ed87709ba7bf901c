"""Roles that take what other pages say: numbers of chapters, and places of claims.

``{number}`03:median_sigma``` shows a number that a chapter put into its prose, so that
it is typed nowhere. ``{claim}`C05``` is a link to the card with the verdict on a claim,
or to its row in the ledger where no chapter judges it yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import NoUri
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from collapse_lib import claims
from collapse_lib.book.notebooks import BookError, chapters, sources

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
    found = chapters(root)
    if chapter not in found:
        raise BookError(
            f"{key!r}: there is no chapter {chapter!r}; the chapters are "
            f"{', '.join(found) or 'none yet'}"
        )
    numbers = found[chapter].numbers
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
        try:
            for path in sources(root):
                self.env.note_dependency(str(path))
            return [nodes.inline("", find_number(root, self.text))], []
        except (ValueError, OSError) as error:
            logger.warning("number: %s", error, location=self.get_location())
            return [], []


def claim_place(root: Path, claim_id: str) -> tuple[str, str]:
    """Return the page and the anchor of a claim.

    Raises
    ------
    BookError
        If the ledger has no such claim.
    """
    ledger = claims.load(root / "claims.yaml")
    if claim_id not in ledger:
        raise BookError(
            f"there is no claim {claim_id!r}; claims.yaml has {', '.join(ledger)}"
        )
    chapter = chapters(root).get(ledger[claim_id].chapter)
    if chapter and claim_id in chapter.verdicts:
        return chapter.docname, f"claim-{claim_id}"
    return "appendices/ledger", f"ledger-{claim_id}"


class ClaimRole(SphinxRole):
    """A link to a claim."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link, or warn."""
        root = Path(self.env.srcdir)
        try:
            for path in sources(root):
                self.env.note_dependency(str(path))
            page, anchor = claim_place(root, self.text)
            href = self.env.app.builder.get_relative_uri(self.env.docname, page)
        except (ValueError, OSError) as error:
            logger.warning("claim: %s", error, location=self.get_location())
            return [], []
        except NoUri:  # a builder without pages
            return [nodes.inline("", self.text)], []
        address = f"{href}#{anchor}"
        return [nodes.reference("", self.text, refuri=address, internal=True)], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_role("number", NumberRole())
    app.add_role("claim", ClaimRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
