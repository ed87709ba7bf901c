"""What a course needs, made of the chapters: a table of files, a map, the questions.

``{course-files}`` is a table of the chapters' notebooks, slides and questions.
``{concept-map}`` draws which chapters a chapter needs, as its box *At a glance* says.
The questions of a chapter are offered in GIFT, which learning platforms import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import quizzes
import slides
import travelling
from directives import BookDirective, link, raw, table
from docutils import nodes
from plain_markdown import blocks
from sphinx.application import Sphinx

from collapse_lib.book.notebooks import BookError, Notebook, chapters
from collapse_lib.files.reading import read_yaml

QUIZZES = f"{travelling.FOLDER}/quizzes"
_LINE = re.compile(
    r"\*\*(You need|Time)\.\*\*\s+(.*?)(?=\n\n|\n- |\n```|\Z)", re.DOTALL
)
_BY_NUMBER = re.compile(r"[Cc]hapters? (\d+(?:(?:, | and )\d+)*)")
_BY_NAME = re.compile(r"\{doc\}`(?:[^`<]*<)?(\d\d)-")

# ---- what a chapter says of itself ---------------------------------------------------


def texts(chapter: Notebook) -> str:
    """Return all that a chapter says in words."""
    cells = chapter.content["cells"]
    return "\n\n".join(c["source"] for c in cells if c["cell_type"] == "markdown")


def glance(chapter: Notebook) -> dict[str, str]:
    """Return what the box *At a glance* says of needs and time.

    Raises
    ------
    BookError
        If it does not say one of them.
    """
    found = {
        name: " ".join(said.split()) for name, said in _LINE.findall(texts(chapter))
    }
    for name in ("You need", "Time"):
        if name not in found:
            raise BookError(f"{chapter.name}: its box says nothing of **{name}.**")
    return found


def needs(chapter: Notebook) -> list[str]:
    """Return the numbers of the chapters that a chapter says it needs."""
    said = glance(chapter)["You need"]
    found = {f"{int(n):02}" for group in _BY_NUMBER.findall(said) for n in _ints(group)}
    return sorted({*found, *_BY_NAME.findall(said)} - {chapter.number})


def _ints(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def questions(chapter: Notebook) -> Iterator[quizzes.Question]:
    """Yield the questions of a chapter."""
    for block in blocks(texts(chapter)):
        if block.name == "quiz":
            yield quizzes.question(block.label, block.argument, block.body)


# ---- the table -----------------------------------------------------------------------

HEADS = ("Chapter", "Time", "Students", "Instructors", "Slides", "Questions")


class CourseFiles(BookDirective):
    """A table of what each chapter offers to a course."""

    def show(self) -> list[nodes.Node]:
        """Return the table."""
        rows = [self._row(chapter) for chapter in self.chapters().values()]
        return [
            table("Files of the chapters for a course", HEADS, rows, "course-files")
        ]

    def _row(self, chapter: Notebook) -> list[str]:
        up = "../" * self.env.docname.count("/")
        folder = f"{up}{travelling.FOLDER}"
        deck = link(f"{up}{slides.name_of(chapter.docname)}", "slides")
        return [
            link(self.href(chapter.docname), f"{int(chapter.number)}. {chapter.title}"),
            escape(glance(chapter)["Time"].partition(" to read")[0]),
            *(
                link(f"{folder}/{copy}/{chapter.name}.ipynb", "notebook")
                for copy in travelling.COPIES
            ),
            deck if slides.is_there(self.env.app) else "-",
            link(f"{up}{QUIZZES}/{chapter.name}.gift", "GIFT"),
        ]


# ---- the map -------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """A chapter on the map: its place in pixels, what it says, where it leads."""

    x: int
    y: int
    number: str
    title: str
    href: str


WIDTH, HEIGHT, ACROSS, DOWN = 158, 50, 192, 66


def placed(columns: Sequence[Sequence[tuple[str, str, str]]]) -> dict[str, Box]:
    """Return number -> box of chapters (number, title, address), part by part."""
    return {
        number: Box(4 + ACROSS * column, 30 + DOWN * row, number, title, href)
        for column, part in enumerate(columns)
        for row, (number, title, href) in enumerate(part)
    }


def drawn(boxes: dict[str, Box], lines: Sequence[tuple[str, str]], label: str) -> str:
    """Return the map as SVG; a line goes from what is needed to who needs it."""
    width = max(box.x for box in boxes.values()) + WIDTH + 4
    height = max(box.y for box in boxes.values()) + HEIGHT + 4
    curves = "".join(_curve(boxes[a], boxes[b]) for a, b in lines)
    return (
        f'<div class="concept-map" role="group" aria-label="{escape(label)}" '
        f'tabindex="0"><svg viewBox="0 0 {width} {height}" width="{width}">'
        f"<g>{curves}</g>{''.join(map(_box, boxes.values()))}</svg></div>"
    )


def _curve(start: Box, end: Box) -> str:
    """Return a curve that leaves a box on its right and enters one on its left."""
    if start.x == end.x:  # in one column: around the left side
        x, y0, y1 = start.x, start.y + HEIGHT // 2, end.y + HEIGHT // 2
        return f'<path d="M{x} {y0}C{x - 26} {y0} {x - 26} {y1} {x} {y1}"/>'
    x0, y0 = start.x + WIDTH, start.y + HEIGHT // 2
    x1, y1 = end.x, end.y + HEIGHT // 2
    bend = (x1 - x0) // 2
    return f'<path d="M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}"/>'


def _box(box: Box) -> str:
    words = _broken(f"{int(box.number)} {box.title}", 21)
    top = box.y + HEIGHT // 2 + 5 - 8 * (len(words) - 1)
    lines = "".join(
        f'<tspan x="{box.x + 9}" y="{top + 16 * row}">{escape(text)}</tspan>'
        for row, text in enumerate(words)
    )
    return (
        f'<a href="{escape(box.href)}"><rect x="{box.x}" y="{box.y}" rx="4" '
        f'width="{WIDTH}" height="{HEIGHT}"/><text>{lines}</text></a>'
    )


def _broken(text: str, most: int) -> list[str]:
    """Return a text in at most two lines."""
    if len(text) <= most:
        return [text]
    cut = text.rfind(" ", 0, most + 1)
    return [text[:cut], text[cut + 1 :]]


class ConceptMap(BookDirective):
    """The chapters in a column for each part, and what needs what."""

    def show(self) -> list[nodes.Node]:
        """Return the map, and the same in words."""
        known = self.chapters()
        boxes = placed(
            [
                [(c.number, c.title, self.href(c.docname)) for c in part]
                for part in self._parts(known)
            ]
        )
        wanted = {number: needs(chapter) for number, chapter in known.items()}
        lines = [(one, number) for number, ones in wanted.items() for one in ones]
        words = "; ".join(
            f"{int(number)} on {', '.join(str(int(one)) for one in ones)}"
            for number, ones in wanted.items()
            if ones
        )
        return [
            raw(drawn(boxes, lines, "Which chapters need which")),
            nodes.paragraph("", f"Which chapter builds on which: {words}."),
        ]

    def _parts(self, known: dict[str, Notebook]) -> Iterator[list[Notebook]]:
        by_name = {chapter.docname: chapter for chapter in known.values()}
        for part in read_yaml(self.root / "_toc.yml")["parts"]:
            found = [by_name.get(entry["file"]) for entry in part["chapters"]]
            if any(found):
                yield [chapter for chapter in found if chapter is not None]


# ---- Sphinx --------------------------------------------------------------------------


def write_questions(app: Sphinx, exception: Exception | None) -> None:
    """Put the questions beside the notebooks, in GIFT."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir, QUIZZES)
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters(Path(app.srcdir)).values():
        asked = [quizzes.as_gift(each) for each in questions(chapter)]
        (folder / f"{chapter.name}.gift").write_text("\n".join(asked), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("course-files", CourseFiles)
    app.add_directive("concept-map", ConceptMap)
    app.connect("build-finished", write_questions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
