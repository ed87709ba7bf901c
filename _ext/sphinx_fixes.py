"""Where Sphinx does not do what this book needs.

Chapters are numbered by their files: ``chapters/08-...`` is chapter 8 wherever it
stands. Sphinx counts the chapters of the table of contents; the text calls them by the
numbers of the outline, which has chapters that are still to come.

Proofs of the class ``dropdown`` are folded. The directive gives a proof no title, at
which the theme's own script for such boxes stops, and leaves all folds below it open.
Boxes of the class ``for-those-who-know`` are folded in the same way, under their title.

Texts of properties and constants stay as they are written. napoleon reads ``The
points: a view ...`` as *type: description*; this library has its types in the
signatures, so such a line is plain text.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# ---- numbers of chapters -------------------------------------------------------------

CHAPTER = re.compile(r"chapters/(\d\d)-")
#: After Sphinx has counted sections and figures.
LATE = 900


def renumber(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Give every chapter its own number; return the documents that change by it."""
    changed = []
    for document, sections in env.toc_secnumbers.items():
        match = CHAPTER.match(document)
        if match is None or not any(sections.values()):
            continue
        own = int(match[1])
        if sections[""][0] == own:
            continue
        _lead(sections, own)
        for numbers in env.toc_fignumbers.get(document, {}).values():
            _lead(numbers, own)
        links = env.tocs[document].findall(nodes.reference)
        for node in [env.titles[document], *links]:
            if node.get("secnumber"):
                node["secnumber"] = [own, *node["secnumber"][1:]]
        changed.append(document)
    return changed


def _lead(numbers: dict[str, tuple[int, ...]], own: int) -> None:
    """Put the chapter's number first in each of its numbers."""
    for anchor, number in numbers.items():
        if number:
            numbers[anchor] = (own, *number[1:])


# ---- folded proofs -------------------------------------------------------------------

#: How the directive begins a proof.
BEGINS = "Proof. "
#: The class of a box for readers who know more than the chapter asks for.
KNOWING = "for-those-who-know"


def fold_proofs(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let proofs and boxes of class ``dropdown`` open and close without a script."""
    if app.builder.format != "html":
        return
    for box in list(doctree.findall(nodes.admonition)):
        kinds = set(box["classes"])
        if "dropdown" not in kinds or not kinds & {"proof", KNOWING}:
            continue
        box["classes"].remove("dropdown")
        if KNOWING in kinds:
            title = box.pop(0).astext()
        else:
            title, first = "Proof", next(iter(box.findall(nodes.Text)))
            first.parent.replace(first, nodes.Text(first.astext().removeprefix(BEGINS)))
        summary = f"<details><summary>{escape(title)}</summary>\n"
        box.insert(0, nodes.raw("", summary, format="html"))
        box += nodes.raw("", "</details>\n", format="html")


# ---- texts of properties and constants -----------------------------------------------

#: What autodoc calls them.
VALUES = ("property", "attribute", "data")

_written: dict[str, list[str]] = {}


def remember(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Keep the lines of a property or constant; this runs before napoleon."""
    if what in VALUES:
        _written[name] = list(lines)


def restore(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Put them back if napoleon has made up a type; this runs after it."""
    written = _written.pop(name, None)
    if written is not None and any(line.startswith(":type:") for line in lines):
        lines[:] = written


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the events."""
    app.connect("env-get-updated", renumber, priority=LATE)
    app.connect("doctree-resolved", fold_proofs)
    app.connect("autodoc-process-docstring", remember, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)  # napoleon: 500
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
