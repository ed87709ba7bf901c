"""A deck of slides for every chapter, made of its page.

A deck shows the answer, the question, what a student can do afterwards, the theorems,
each figure under the finding that its caption states, the questions, an exercise and
the summary. What stands around these on the page is in the speaker's notes. It is
written beside the page as ``NN-name-slides.html``, so that the links of the page hold.

reveal.js turns the pages; ``scripts/fetch_slides.py`` gets it. Without it no deck is
written, and nothing points to one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from docutils import nodes
from signs import numbered_box
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx_fixes import CHAPTER

HERE = Path(__file__).parent
#: Where `scripts/fetch_slides.py` puts reveal.js, below the root of the book.
HOME = Path(".venvs", "reveal.js")
TEMPLATE = HERE / "templates" / "slides.html"
#: Kinds of numbered boxes that have a slide of their own.
STATED = {"theorem", "proposition", "corollary", "lemma", "definition"}
#: What stands in the box *At a glance*, by its first words.
GLANCE = ("Question.", "Afterwards you can")
#: Paragraphs before a figure or a theorem that the speaker has in her notes.
NOTES = 3
LINK = re.compile(r'href="#')
_Kind = TypeVar("_Kind", bound=nodes.Node)


@dataclass
class Slide:
    """One slide: HTML of its title, its body and the speaker's notes."""

    title: str
    body: str
    notes: str = ""
    css: str = ""


@dataclass
class Deck:
    """The slides of one page, in the making.

    Parameters
    ----------
    builder
        Who writes the page.
    page
        What the page shows, with its references resolved.
    """

    builder: StandaloneHTMLBuilder
    page: nodes.document
    slides: list[Slide] = field(default_factory=list)

    def html(self, *parts: nodes.Node) -> str:
        """Return parts of the page as HTML."""
        written = (str(self.builder.render_partial(part)["fragment"]) for part in parts)
        return "".join(written)

    def make(self) -> list[Slide]:
        """Return the slides."""
        chapter = next(self.page.findall(nodes.section))
        self._opening(chapter)
        for section in chapter.findall(nodes.section):
            if section is chapter:
                continue
            if _part(section) == "exercises":
                self._exercise(section)
            elif _part(section) == "summary":
                self._summary(section)
            else:
                self._findings(section)
        return self.slides

    def _opening(self, chapter: nodes.section) -> None:
        first = [each for each in chapter.children if isinstance(each, nodes.paragraph)]
        title = self._heading(chapter)
        answer, *rest = first
        self.slides.append(
            Slide(title, self.html(answer), self.html(*rest), "slide-title")
        )
        lines = [
            paragraph
            for box in chapter.findall(nodes.admonition)
            for paragraph in box.findall(nodes.paragraph)
            if paragraph.astext().startswith(GLANCE)
        ]
        self.slides.append(Slide("The question", self.html(*lines)))

    def _findings(self, section: nodes.section) -> None:
        """Add the theorems, figures and questions of a section."""
        before: list[nodes.Node] = []
        for node in _below(section):
            if isinstance(node, nodes.paragraph):
                before.append(node)
                continue
            slide = self._slide(node, section)
            if slide is not None:
                slide.notes += self.html(*before[-NOTES:])
                self.slides.append(slide)
                before = []

    def _slide(self, node: nodes.Node, section: nodes.section) -> Slide | None:
        if isinstance(node, nodes.figure):
            return self._figure(node, section)
        if isinstance(node, nodes.container) and "quiz-asked" in node["classes"]:
            return Slide("", self.html(node), css="slide-quiz")
        if isinstance(node, nodes.Element) and numbered_box(node)[0] in STATED:
            return Slide(self._heading(section), self.html(node), css="slide-theorem")
        return None

    def _figure(self, figure: nodes.figure, section: nodes.section) -> Slide | None:
        image, caption = _first(figure, nodes.image), _first(figure, nodes.caption)
        if image is None or caption is None:
            return None
        finding = _first(caption, nodes.strong)
        title = self.html(*finding.children) if finding else self._heading(section)
        notes = self.html(*[each for each in caption.children if each is not finding])
        return Slide(title, self.html(image), f"<p>{notes}</p>", "slide-figure")

    def _heading(self, section: nodes.section) -> str:
        title = _first(section, nodes.title)
        return self.html(*title.children) if title else ""

    def _exercise(self, section: nodes.section) -> None:
        """Add the first exercise that asks to think."""
        for box in section.findall(nodes.Element):
            if numbered_box(box)[0] == "exercise" and "Think." in box.astext():
                self.slides.append(Slide("To discuss", self.html(box)))
                return

    def _summary(self, section: nodes.section) -> None:
        points = _first(section, nodes.bullet_list)
        after = [each for each in section.children if isinstance(each, nodes.paragraph)]
        body = self.html(points) if points else ""
        self.slides.append(Slide("What to keep", body, self.html(*after)))


def _first(node: nodes.Element, kind: type[_Kind]) -> _Kind | None:
    return next(iter(node.findall(kind)), None)


def _part(section: nodes.section) -> str:
    """Return which part of a chapter a section is, by its label sec-NN-part."""
    found = (re.fullmatch(r"sec-\d\d-(\w+)", id) for id in section["ids"])
    return next((match[1] for match in found if match), "")


def _below(section: nodes.section) -> Iterator[nodes.Node]:
    """Yield what may be a slide or a note, without the sections inside."""
    for child in section.children:
        if isinstance(child, nodes.section):
            continue
        yield child
        if isinstance(child, nodes.container) and "quiz-asked" not in child["classes"]:
            yield from child.findall(nodes.figure)


# ---- Sphinx --------------------------------------------------------------------------


def name_of(docname: str) -> str:
    """Return the name of a chapter's deck."""
    return f"{docname}-slides.html"


def write_deck(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Write the deck of a chapter, and link its page to it."""
    builder = app.builder
    if doctree is None or not CHAPTER.match(pagename) or not is_there(app):
        return
    assert isinstance(builder, StandaloneHTMLBuilder)
    slides = Deck(builder, doctree).make()
    own = pagename.rpartition("/")[2]
    for slide in slides:
        for part in ("title", "body", "notes"):
            text = LINK.sub(f'href="{own}.html#', getattr(slide, part))
            setattr(slide, part, text)
    template = jinja2.Template(TEMPLATE.read_text("utf-8"), autoescape=True)
    text = template.render(
        slides=slides,
        chapter=re.sub(r"<[^>]*>", "", context["title"]),
        page=f"{own}.html",
        static=f"{context['content_root']}_static",
        mathjax=json.dumps(app.config.mathjax3_config),
    )
    Path(app.outdir, name_of(pagename)).write_text(text, "utf-8")
    offer(context, name_of(own))


def offer(context: dict[str, Any], name: str) -> None:
    """Put the deck into the menu of downloads."""
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "url": name,
                    "text": "Slides",
                    "icon": "fas fa-expand",
                    "tooltip": "Slides of this chapter, with notes",
                    "label": "slides-button",
                }
            )


def is_there(app: Sphinx) -> bool:
    """Tell whether there is something that turns the pages."""
    return Path(app.srcdir, HOME, "reveal.js").is_file()


def copy_reveal(app: Sphinx, exception: Exception | None) -> None:
    """Put reveal.js beside the pages."""
    if exception is None and app.builder.format == "html" and is_there(app):
        target = Path(app.outdir, "_static", "reveal.js")
        shutil.copytree(Path(app.srcdir, HOME), target, dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # After the menu of downloads has got its notebooks.
    app.connect("html-page-context", write_deck, priority=950)
    app.connect("build-finished", copy_reveal)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
