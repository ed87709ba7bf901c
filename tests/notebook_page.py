"""A chapter's notebook, cut up the way that the rules for its form need it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from plain_markdown import blocks

from collapse_lib.book import notebooks

#: What the page does with the code of a cell that has this tag; else it shows it.
FATES = {"hide-input": "folded", "remove-input": "removed", "remove-cell": "removed"}


def tags_of(cell: Any) -> list[str]:
    """Return the tags of a cell."""
    tags: list[str] = cell["metadata"].get("tags", [])
    return tags


def fate(cell: Any) -> str:
    """Say whether the page shows, folds or removes the code of a cell."""
    return next((FATES[tag] for tag in tags_of(cell) if tag in FATES), "visible")


def caption(cell: Any) -> str:
    """Return the caption of a cell's figure, or an empty text."""
    figure: dict[str, str] = cell["metadata"].get("mystnb", {}).get("figure", {})
    return figure.get("caption", "")


@dataclass
class Exercise:
    """An exercise, and what belongs to it up to the end of its solution."""

    label: str
    text: str
    hints: list[str] = field(default_factory=list)  # the classes of each
    code: list[Any] = field(default_factory=list)  # before its solution
    solution_text: str = ""
    solution_code: list[Any] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """What it asks for: the bold word that its text begins with."""
        found = re.match(r"\*\*(\w+)\.\*\*", self.text)
        return found[1] if found else ""

    def tagged(self, tag: str) -> list[Any]:
        """Return the cells before its solution that have a tag."""
        return [cell for cell in self.code if tag in tags_of(cell)]


@dataclass(frozen=True)
class Page:
    """A notebook, with what its references may point to."""

    text: str  # the file's JSON
    number: str  # "03"
    folder: Path  # relative links start here
    labels: frozenset[str]  # every label of the book, in lower case
    sources: frozenset[str]  # every key of references.bib

    @cached_property
    def notebook(self) -> Any:
        return notebooks.parse(self.text)

    @cached_property
    def code(self) -> list[Any]:
        return notebooks.code_cells(self.notebook)

    @cached_property
    def numbered(self) -> list[tuple[str, Any]]:
        """The code cells, each with what to call it in a message."""
        return [
            (f"code cell {i} (`{cell['source'].strip().splitlines()[0][:50]}`)", cell)
            for i, cell in enumerate(self.code, start=1)
        ]

    @cached_property
    def trees(self) -> list[tuple[str, ast.Module]]:
        return [(n, t) for n, cell in self.numbered if (t := parse(cell["source"]))]

    @cached_property
    def exercises(self) -> list[Exercise]:
        """The exercises, in their order."""
        found: list[Exercise] = []
        solving = False
        for cell in self.notebook["cells"]:
            if cell["cell_type"] == "code":
                if found:
                    last = found[-1]
                    (last.solution_code if solving else last.code).append(cell)
                continue
            for block in blocks(cell["source"]):
                if block.name == "exercise":
                    found.append(Exercise(block.label, block.body))
                elif block.name == "hint" and found:
                    found[-1].hints.append(block.options.get("class", ""))
                elif block.name in {"solution-start", "solution-end"}:
                    solving = block.name == "solution-start"
                elif solving:
                    found[-1].solution_text += block.body
        return found

    @cached_property
    def prose(self) -> str:
        """The markdown, without code blocks that are only shown."""
        return prose(self.notebook)


def parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell, or None if it is not Python."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def prose(notebook: Any) -> str:
    """Return the markdown of a notebook without the code blocks it only shows."""
    cells = [c["source"] for c in notebook["cells"] if c["cell_type"] == "markdown"]
    kept: list[str] = []
    fences: list[tuple[str, bool]] = []  # the open ones: marks, whether shown code
    for line in "\n\n".join(cells).splitlines():
        fence = re.match(r"(`{3,}|~{3,})\s*(\S*)", line)
        if fence and fences and not fence[2] and line.startswith(fences[-1][0]):
            shown_code = fences.pop()[1]
        elif fence and not (fences and fences[-1][1]):
            shown_code = not fence[2].startswith("{")  # braces begin a directive
            fences.append((fence[1], shown_code))
        else:
            shown_code = bool(fences) and fences[-1][1]
        if not shown_code:
            kept.append(line)
    return "\n".join(kept)


def labels_in(markdown: str) -> set[str]:
    """Return the labels that a page defines, in lower case."""
    found = re.findall(
        r"^\((\S+)\)=\s*$|^:(?:label|name):\s*(\S+)|\$\$\s*\((\S+)\)\s*$|\{#([\w-]+)",
        markdown,
        re.M,
    )
    return {label.lower() for groups in found for label in groups if label}


def figure_labels(notebook: Any) -> set[str]:
    """Return the labels of a notebook's figures, in lower case."""
    figures = [cell["metadata"].get("mystnb", {}) for cell in notebook["cells"]]
    names = [figure.get("figure", {}).get("name", "") for figure in figures]
    return {name.lower() for name in names if name}
