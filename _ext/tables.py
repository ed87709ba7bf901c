"""Two tables computed from the book's files.

``{benchmarks}`` is one table for each file in ``benchmarks/``. A file is ``{"name",
"machine": {...}, "created", "rows": [...]}``; a row has ``what``, ``ours`` and
``theirs`` in ``unit`` (a time or another cost, or an amount a second), their ``ratio``
(how many times better ours is) and ``bar``, the ratio we promise.

``{status}`` says how long each chapter took, which verdicts it reached, how many of
them judge a value that we do not know at first hand, and with which versions. Its
option ``:packages: numpy torch`` chooses the versions shown, as they stand in
``requirements.lock``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import known
from directives import BookDirective, ledger_of, link, table
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from collapse_lib.book import lock
from collapse_lib.book.notebooks import BookError, Notebook, sources
from collapse_lib.claims import three_digits
from collapse_lib.claims.verdict import SYMBOLS
from collapse_lib.files.reading import read_json

# ---- benchmarks ----------------------------------------------------------------------

FIELDS = {"name", "machine", "created", "rows"}
ROW_FIELDS = {"what", "ours", "theirs", "unit", "ratio", "bar"}
#: Stored ratios are rounded; they may differ from ours / theirs by this share.
ROUNDING = 0.02
#: Units of time in the files and on the page, the largest first.
IN_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


def read_benchmark(path: Path) -> Mapping[str, Any]:
    """Return one benchmark file.

    Raises
    ------
    ValueError
        If it is malformed, or a ratio does not follow from its two timings.
    """
    data = read_json(path)
    _need(path.name, data, FIELDS)
    if not isinstance(data["rows"], list) or not data["rows"]:
        raise BookError(f"{path.name}: rows is {data['rows']!r}; a list is needed")
    for place, row in enumerate(data["rows"], start=1):
        where = f"{path.name}, row {place}"
        _need(where, row, ROW_FIELDS)
        _check_ratio(where, row)
        if row["ratio"] < row["bar"] and not row.get("because"):
            raise BookError(
                f"{where}: the ratio {row['ratio']} misses its bar {row['bar']}; make "
                "it faster, or say why it is not in the script's because="
            )
    return dict(data)


def _need(where: str, data: Any, fields: set[str]) -> None:
    if not isinstance(data, dict) or not fields <= set(data):
        got = sorted(data) if isinstance(data, dict) else repr(data)
        raise BookError(f"{where}: has {got}; the fields {sorted(fields)} are needed")


def _check_ratio(where: str, row: Mapping[str, Any]) -> None:
    for name in ("ours", "theirs", "ratio", "bar"):
        value = row[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value <= 0:
            raise BookError(f"{where}: {name} is {value!r}; a number above 0 is needed")
    ratio = row["theirs"] / row["ours"]
    if "/" in row["unit"]:  # an amount a second: more is better
        ratio = 1 / ratio
    if abs(row["ratio"] / ratio - 1) > ROUNDING:
        raise BookError(
            f"{where}: ratio is {row['ratio']}, but the timings give {ratio:.3g}; run "
            "the benchmark again"
        )


class Benchmarks(BookDirective):
    """The tables."""

    def sources(self) -> list[Path]:
        """Return the benchmark files."""
        return sorted((self.root / "benchmarks").glob("*.json"))

    def show(self) -> list[nodes.Node]:
        """Return a heading, a line on the machine and a table for each file."""
        files = self.sources()
        if not files:
            raise BookError("there is no file benchmarks/*.json; run the benchmarks")
        shown: list[nodes.Node] = []
        for data in sorted(map(read_benchmark, files), key=_chapter):
            shown.append(nodes.rubric("", data["name"]))
            shown.append(nodes.paragraph("", _machine(data)))
            heads = ("What", "Ours", "Compared with", "Ratio", "Promised", "Kept")
            rows = [_cells(row) for row in data["rows"]]
            shown.append(table(f"Timings: {data['name']}", heads, rows, "benchmarks"))
        return shown


def _chapter(data: Mapping[str, Any]) -> int:
    """Return the first number in the name of a benchmark, its chapter's."""
    found = re.search(r"\d+", data["name"])
    return int(found[0]) if found else 0


def _machine(data: Mapping[str, Any]) -> str:
    machine = ", ".join(f"{key}: {value}" for key, value in data["machine"].items())
    return f"Measured on {data['created']} ({machine})."


def _cells(row: Mapping[str, Any]) -> list[str]:
    kept = row["ratio"] >= row["bar"]
    return [
        escape(row["what"]),
        _amount(row["ours"], row["unit"]),
        _amount(row["theirs"], row["unit"]),
        f"<strong>{three_digits(row['ratio'])}</strong>",
        f"at least {three_digits(row['bar'])}",
        "✓ yes" if kept else f"✗ no: {escape(row['because'])}",
    ]


def _amount(value: float, unit: str) -> str:
    """Return a timing in the largest unit it has one of, or another amount as is."""
    if unit in IN_SECONDS:
        seconds = value * IN_SECONDS[unit]
        unit = next((u for u, each in IN_SECONDS.items() if seconds >= each), "µs")
        value = seconds / IN_SECONDS[unit]
    shown = f"{value:,.0f}" if value >= 1e3 else three_digits(value)
    return f"{shown}\u00a0{escape(unit)}"


# ---- status --------------------------------------------------------------------------


class Status(BookDirective):
    """The table and the line of versions."""

    option_spec: ClassVar[dict[str, Any]] = {"packages": directives.unchanged_required}

    def sources(self) -> list[Path]:
        """Return the chapters, the results and the lock files."""
        return [*sources(self.root), *sorted(self.root.glob(lock.FILES))]

    def show(self) -> list[nodes.Node]:
        """Return the table and the versions."""
        chapters = self.chapters()
        if not chapters:
            raise BookError("there is no chapter; add chapters/NN-name.ipynb")
        heads = ("Chapter", "Seconds", "Code cells", "Size", "Verdicts", "Larger runs")
        rows = [self._cells(chapter) for chapter in chapters.values()]
        every = [v for chapter in chapters.values() for v in chapter.verdicts.values()]
        seconds = sum(_seconds(chapter) for chapter in chapters.values())
        cells = sum(len(chapter.code) for chapter in chapters.values())
        size = sum(chapter.path.stat().st_size for chapter in chapters.values())
        amounts = [f"{seconds:,.0f}", f"{cells}", _kilobytes(size)]
        rows.append(["All", *amounts, self._counted(every), ""])
        shown = table("Last run of each chapter", heads, rows, "status")
        return [shown, nodes.paragraph("", self._versions())]

    def _cells(self, chapter: Notebook) -> list[str]:
        larger = (escape(r.provenance) for r in chapter.stored.values())
        return [
            link(self.href(chapter.docname), chapter.label),
            f"{_seconds(chapter):,.0f}",
            f"{len(chapter.code)}",
            _kilobytes(chapter.path.stat().st_size),
            self._counted(chapter.verdicts.values()),
            "<br>".join(larger) or "–",
        ]

    def _counted(self, verdicts: Iterable[Mapping[str, Any]]) -> str:
        """Return how many verdicts there are of each kind, a line for each."""
        ledger, each = ledger_of(self.root), list(verdicts)
        counts = Counter(verdict["verdict"] for verdict in each)
        lines = [f"{SYMBOLS[w]} {counts[w]} {w}" for w in SYMBOLS if w in counts]
        judged = [ledger[v["claim"]] for v in each if v["claim"] in ledger]
        words = [known.word_of(claim.evidence) for claim in judged]
        return "<br>".join(filter(None, [*lines, known.counted(words)])) or "–"

    def _versions(self) -> str:
        locked = lock.versions(self.root)
        wanted = re.split(r"[\s,]+", self.options.get("packages", "").strip())
        missing = [name for name in wanted if name and lock.normal(name) not in locked]
        if missing:
            raise BookError(f"requirements.lock does not name {', '.join(missing)}")
        shown = [f"{name} {locked[lock.normal(name)]}" for name in wanted if name]
        return f"Versions: {', '.join(shown)}." if shown else ""


def _seconds(chapter: Notebook) -> float:
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
    app.add_directive("benchmarks", Benchmarks)
    app.add_directive("status", Status)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
