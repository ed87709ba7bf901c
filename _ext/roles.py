"""Roles that take what other pages say: numbers of chapters, and verdicts on claims.

``{number}`03:median_sigma``` shows a number that a chapter put into its prose, so that
it is typed nowhere; ``{number}`ledger:reproduced``` how many claims have this verdict,
and ``{number}`ledger:judged``` how many were put to a test; ``{number}`doubt:checks```
is one of the numbers of `doubt`. ``{claim}`C05``` is a link
to the card with the verdict on a claim, or to its row in the ledger where no chapter
judges it; it shows the verdict's symbol and colour, a word if it judges a value that we
do not know at first hand, and its title says the rest.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import known
from directives import ledger_of
from docutils import nodes
from doubt import doubt_number, measured
from ledger import join
from sphinx.application import Sphinx
from sphinx.errors import NoUri
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from collapse_lib.book.notebooks import BookError, chapters, sources
from collapse_lib.claims.verdict import SYMBOLS

logger = logging.getLogger(__name__)


def find_number(root: Path, key: str) -> str:
    """Return the text of a number.

    Parameters
    ----------
    root
        The folder of the book.
    key
        Chapter and name, such as ``03:median_sigma``; or ``ledger`` and a verdict, or
        ``doubt`` and a name.

    Raises
    ------
    BookError
        If the key is malformed, or there is no such chapter or number.
    """
    chapter, colon, name = key.partition(":")
    if not colon or not name:
        raise BookError(f"{key!r} is no number; write it like 03:median_sigma")
    if chapter == "ledger":
        return count_verdicts(root, name)
    if chapter == "doubt":
        return doubt_number(measured(ledger_of(root), chapters(root)), name)
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


def count_verdicts(root: Path, word: str) -> str:
    """Return how many claims have a verdict, or how many were ``judged`` at all.

    Raises
    ------
    BookError
        If no verdict is called so.
    """
    if word not in (*SYMBOLS, "judged"):
        raise BookError(
            f"'ledger:{word}': no verdict is called {word!r}; there are "
            f"{', '.join(SYMBOLS)}, and 'judged' for all that were put to a test"
        )
    rows = join(ledger_of(root), chapters(root))
    counts = Counter(row.word for row in rows)
    untested = counts["not attempted"] + counts["definition"]
    return str(len(rows) - untested if word == "judged" else counts[word])


class NumberRole(SphinxRole):
    """The role."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the number as text, or warn."""
        root = Path(self.env.srcdir)
        try:
            for path in sources(root):
                self.env.note_dependency(str(path))
            shown = nodes.inline("", find_number(root, self.text))
        except (ValueError, OSError) as error:
            logger.warning("number: %s", error, location=self.get_location())
            return [], []
        if not self.text.startswith(("ledger:", "doubt:")):
            shown["number"] = self.text  # to be linked, see `code_links`
        return [shown], []


def claim_place(root: Path, claim_id: str) -> tuple[str, str, str, str, str]:
    """Return the page and the anchor of a claim, its title and the verdict on it.

    The last text is the word that has to stand beside the verdict, or empty.

    Raises
    ------
    BookError
        If the ledger has no such claim.
    """
    ledger = ledger_of(root)
    if claim_id not in ledger:
        raise BookError(
            f"there is no claim {claim_id!r}; claims.yaml has {', '.join(ledger)}"
        )
    claim = ledger[claim_id]
    chapter = chapters(root).get(claim.chapter)
    if chapter and claim_id in chapter.verdicts:
        word = chapter.verdicts[claim_id]["verdict"]
        doubt = known.word_of(claim.evidence)
        return chapter.docname, f"claim-{claim_id}", claim.title, word, doubt
    return "appendices/ledger", f"ledger-{claim_id}", claim.title, "not attempted", ""


class ClaimRole(SphinxRole):
    """A link to a claim."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link, or warn."""
        root = Path(self.env.srcdir)
        try:
            for path in sources(root):
                self.env.note_dependency(str(path))
            page, anchor, title, word, doubt = claim_place(root, self.text)
            href = self.env.app.builder.get_relative_uri(self.env.docname, page)
        except (ValueError, OSError) as error:
            logger.warning("claim: %s", error, location=self.get_location())
            return [], []
        except NoUri:  # a builder without pages
            return [nodes.inline("", self.text)], []
        shown = f"{self.text}\N{NO-BREAK SPACE}{SYMBOLS[word]}"
        told = f"{title}: {word}." + (f" {known.meaning_of(doubt)}" if doubt else "")
        place = nodes.reference(
            "",
            shown,
            refuri=f"{href}#{anchor}",
            reftitle=told,
            classes=["claim-link", word.replace(" ", "-")],
            internal=True,
        )
        if doubt:
            place += nodes.inline("", f"\N{NO-BREAK SPACE}{doubt}", classes=["known"])
        return [place], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_role("number", NumberRole())
    app.add_role("claim", ClaimRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
