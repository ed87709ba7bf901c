"""How to cite the book and each of its chapters, from ``CITATION.cff`` alone.

``{cite-book}`` shows the sentence and the BibTeX entry of the book. Every page has the
tags that reference managers read, and a footer with version, date and commit; the
footer of a chapter has the entry of that chapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from directives import BookDirective
from docutils import nodes
from repository import git_says
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx_fixes import CHAPTER

from collapse_lib.book.notebooks import BookError
from collapse_lib.files.reading import read_yaml

FILE = "CITATION.cff"
NEEDED = ("title", "authors", "version", "date-released")


@dataclass(frozen=True)
class Citation:
    """The book as ``CITATION.cff`` describes it."""

    title: str
    authors: tuple[str, ...]
    version: str
    date: str
    doi: str = ""

    @property
    def year(self) -> str:
        """The year of the release."""
        return self.date[:4]

    def text(self, chapter: str = "", number: int = 0) -> str:
        """Return the sentence for a list of references."""
        who = ", ".join(self.authors)
        what = (
            f"{chapter} (chapter {number}). In: {self.title}" if chapter else self.title
        )
        where = f" https://doi.org/{self.doi}" if self.doi else ""
        return f"{who} ({self.year}). {what}. Version {self.version}.{where}"

    def bibtex(self, chapter: str = "", number: int = 0) -> str:
        """Return the entry for BibTeX."""
        key = f"model-collapse-book-{self.year}"
        fields = {
            "author": " and ".join(f"{{{name}}}" for name in self.authors),
            "title": self.title,
            "year": self.year,
            "version": self.version,
        }
        kind = "book"
        if chapter:
            kind, key = "incollection", f"{key}-{number:02d}"
            fields |= {
                "title": chapter,
                "booktitle": self.title,
                "chapter": str(number),
            }
        if self.doi:
            fields["doi"] = self.doi
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
        return f"@{kind}{{{key},\n{lines}}}"


@cache
def read(path: Path) -> Citation:
    """Return what a ``CITATION.cff`` says.

    Raises
    ------
    BookError
        If it lacks a field that a citation needs.
    """
    found = read_yaml(path)
    missing = [
        name for name in NEEDED if not isinstance(found, Mapping) or not found.get(name)
    ]
    if missing:
        raise BookError(f"{path.name} lacks {', '.join(missing)}; a citation needs it")
    return Citation(
        title=str(found["title"]),
        authors=tuple(_name(author) for author in found["authors"]),
        version=str(found["version"]),
        date=str(found["date-released"]),
        doi=str(found.get("doi", "")),
    )


def _name(author: Mapping[str, str]) -> str:
    family, given = author.get("family-names"), author.get("given-names")
    return f"{given} {family}" if family and given else str(author.get("name", family))


@cache
def commit(folder: Path) -> str:
    """Return the short name of the commit of a checkout, or an empty string."""
    return git_says(folder, "rev-parse", "--short=10", "HEAD").strip()


class CiteBook(BookDirective):
    """The sentence and the entry of the book."""

    def sources(self) -> list[Path]:
        """Return the file that says it."""
        return [self.root / FILE]

    def show(self) -> list[nodes.Node]:
        """Return a quotation and a block with the entry, which the page can copy."""
        citation = read(self.root / FILE)
        sentence = nodes.block_quote("", nodes.paragraph("", citation.text()))
        entry = nodes.literal_block("", citation.bibtex(), language="bibtex")
        return [sentence, entry]


def add_citation(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give a page its tags, and its footer what it shows."""
    root = Path(app.srcdir)
    citation = read(root / FILE)
    match = CHAPTER.match(pagename)
    title = app.env.titles[pagename].astext() if match else ""
    number = int(match[1]) if match else 0
    tags = {"citation_title": title or citation.title}
    if match:
        tags["citation_inbook_title"] = citation.title
    tags["citation_publication_date"] = citation.date.replace("-", "/")
    if citation.doi:
        tags["citation_doi"] = citation.doi
    named = [*tags.items(), *(("citation_author", name) for name in citation.authors)]
    metas = "".join(
        f'\n    <meta name="{name}" content="{escape(text)}" />' for name, text in named
    )
    context["metatags"] = context.get("metatags", "") + metas
    context["book_citation"] = {
        "version": citation.version,
        "date": citation.date,
        "commit": commit(root),
        "text": citation.text(title, number) if match else "",
        "bibtex": citation.bibtex(title, number) if match else "",
    }


def name_project(app: Sphinx, config: Config) -> None:
    """Tell Sphinx title and version, which it writes into what others read."""
    citation = read(Path(app.srcdir) / FILE)
    config.project = citation.title
    config.version = config.release = citation.version


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", name_project)
    app.connect("html-page-context", add_citation)
    app.add_directive("cite-book", CiteBook)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
