"""What the book's own directives share: faults become warnings, tables are built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from types import MappingProxyType

from docutils import nodes
from sphinx.errors import NoUri
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from collapse_lib import claims
from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import Notebook
from collapse_lib.claims import Ledger

logger = logging.getLogger(__name__)
#: A sign with the address of a place; to be formatted with the place and what it is.
SIGN = '<a class="headerlink" href="#{}" title="Link to this {}">#</a>'
_NO_CLASSES: Mapping[int, str] = MappingProxyType({})


def ledger_of(root: Path) -> Ledger:
    """Return the claims of a book; the file is read again only if it has changed."""
    file = root / "claims.yaml"
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        stamp = 0
    return _read(file, stamp)


@lru_cache(maxsize=2)
def _read(file: Path, stamp: int) -> Ledger:
    return claims.load(file)


class BookDirective(SphinxDirective):
    """A directive that shows the book's data, or warns and shows nothing.

    Strict builds turn the warning into a failure, so a wrong number, key or file
    never reaches a page unnoticed.
    """

    def run(self) -> list[nodes.Node]:
        """Return the nodes, after telling Sphinx which files they depend on."""
        try:
            for path in self.sources():
                self.env.note_dependency(str(path))
            return self.show()
        except (ValueError, OSError) as error:
            logger.warning("%s: %s", self.name, error, location=self.get_location())
            return []

    def sources(self) -> list[Path]:
        """Return the files that the directive reads."""
        return notebooks.sources(self.root)

    def show(self) -> list[nodes.Node]:
        """Return the nodes; raise ValueError if the data are wrong."""
        raise NotImplementedError

    @property
    def root(self) -> Path:
        """The folder of the book."""
        return Path(self.env.srcdir)

    def chapters(self) -> dict[str, Notebook]:
        """Return the chapters by number, each read as a whole."""
        return notebooks.checked(self.root)

    def href(self, docname: str, anchor: str = "") -> str:
        """Return the address of another page as seen from this one."""
        try:
            page = self.env.app.builder.get_relative_uri(self.env.docname, docname)
        except NoUri:  # a builder without pages
            return ""
        return f"{page}#{anchor}" if anchor else page


def raw(html: str) -> nodes.raw:
    """Return HTML as a node."""
    return nodes.raw("", html, format="html")


def link(href: str, text: str, css: str = "") -> str:
    """Return an HTML link; the text is escaped."""
    classes = f' class="{css}"' if css else ""
    return f'<a{classes} href="{escape(href)}">{escape(text)}</a>'


def table(
    label: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    css: str = "",
    columns: Mapping[int, str] = _NO_CLASSES,
) -> nodes.raw:
    """Return a table; on a phone each row is a block, with the heads inside.

    Parameters
    ----------
    label
        What a screen reader calls the box.
    heads
        Column titles, plain text.
    rows
        Cells, already HTML; the first one of a row is its heading.
    css
        A class for the table.
    columns
        Column, counted from 0, -> a class for its cells; not for column 0.
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(_row(row, heads, columns) for row in rows)
    return raw(
        f'<div class="book-table" role="region" tabindex="0" '
        f'aria-label="{escape(label)}">\n'
        f'<table class="table {css}">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table>\n</div>"
    )


def _row(row: Sequence[str], heads: Sequence[str], columns: Mapping[int, str]) -> str:
    first, *others = row
    cells = "".join(
        f'<td class="{columns.get(place, "")}" data-head="{escape(heads[place])}">'
        f"{cell}</td>"
        for place, cell in enumerate(others, start=1)
    )
    return f'<tr><th scope="row">{first}</th>{cells}</tr>\n'
