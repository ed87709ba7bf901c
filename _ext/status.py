"""The directive ``{status}``: how long each chapter took, and with which versions.

The option ``:packages: numpy torch`` chooses the versions shown, as they stand in
``requirements.lock``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from bookdata import BookError, ChapterData, sources
from directives import BookDirective, link, table
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from collapse_lib.claims.verdict import SYMBOLS


def locked_versions(path: Path) -> dict[str, str]:
    """Return the versions in a lock file, by the name of the package in lower case."""
    versions = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = line.split("#")[0].strip()
        if not entry:
            continue
        name, pinned, version = entry.partition("==")
        if not pinned:
            raise BookError(f"{path.name}: {entry!r} is not of the form name==version")
        versions[name.strip().lower()] = version.split(";")[0].strip()
    return versions


class Status(BookDirective):
    """The table and the line of versions."""

    option_spec: ClassVar[dict[str, Any]] = {"packages": directives.unchanged_required}

    def sources(self) -> list[Path]:
        """Return the chapters, the results and the lock file."""
        return [*sources(self.root), self.root / "requirements.lock"]

    def show(self) -> list[nodes.Node]:
        """Return the table and the versions."""
        chapters = self.chapters()
        if not chapters:
            raise BookError("there is no chapter; add chapters/NN-name.ipynb")
        heads = ("Chapter", "Seconds", "Code cells", "Size", "Verdicts", "Larger runs")
        rows = [self._cells(chapter) for chapter in chapters.values()]
        every = [v for chapter in chapters.values() for v in chapter.verdicts.values()]
        seconds = sum(_seconds(chapter) for chapter in chapters.values())
        cells = sum(chapter.n_code_cells for chapter in chapters.values())
        size = sum(chapter.path.stat().st_size for chapter in chapters.values())
        amounts = [f"{seconds:,.0f}", f"{cells}", _kilobytes(size)]
        rows.append(["All", *amounts, _counted(every), ""])
        shown = table("Last run of each chapter", heads, rows, "status")
        return [shown, nodes.paragraph("", self._versions())]

    def _cells(self, chapter: ChapterData) -> list[str]:
        larger = (escape(r.provenance) for r in chapter.stored.values())
        return [
            link(self.href(chapter.docname), chapter.label),
            f"{_seconds(chapter):,.0f}",
            f"{chapter.n_code_cells}",
            _kilobytes(chapter.path.stat().st_size),
            _counted(chapter.verdicts.values()),
            "<br>".join(larger) or "–",
        ]

    def _versions(self) -> str:
        locked = locked_versions(self.root / "requirements.lock")
        wanted = re.split(r"[\s,]+", self.options.get("packages", "").strip())
        missing = [name for name in wanted if name and name.lower() not in locked]
        if missing:
            raise BookError(f"requirements.lock does not name {', '.join(missing)}")
        shown = [f"{name} {locked[name.lower()]}" for name in wanted if name]
        return f"Versions: {', '.join(shown)}." if shown else ""


def _counted(verdicts: Iterable[Mapping[str, Any]]) -> str:
    """Return how many verdicts there are of each kind, a line for each."""
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    lines = (f"{SYMBOLS[w]} {counts[w]} {w}" for w in SYMBOLS if w in counts)
    return "<br>".join(lines) or "–"


def _seconds(chapter: ChapterData) -> float:
    seconds = chapter.metadata.get("collapse", {}).get("seconds")
    if not isinstance(seconds, (int, float)):
        raise BookError(
            f"{chapter.path.name}: its metadata have no collapse.seconds; execute it "
            "with scripts/execute.py (`make notebooks`)"
        )
    return seconds


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.0f} kB"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("status", Status)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
