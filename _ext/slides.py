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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx_fixes import CHAPTER

HERE = Path(__file__).parent
#: Where `scripts/fetch_slides.py` puts reveal.js, below the root of the book.
HOME = Path(".venvs", "reveal")
TEMPLATE = HERE / "templates" / "slides.html"
#: Beside the template and not in ``_static``, of which every page loads all.
OWN = ("slides.css", "slides.js")
#: What has a slide of its own, as the page has it.
FIGURE, QUESTION = "figure", "div.quiz-asked"
STATED = ", ".join(
    f"div.proof.{kind}"
    for kind in ("theorem", "proposition", "corollary", "lemma", "definition")
)
EXERCISE = "div.exercise"
#: What stands in the box *At a glance*, by its first words.
GLANCE = ("Question.", "Afterwards you can")
#: Paragraphs before a figure or a theorem that the speaker has in her notes.
NOTES = 3
#: What only a page needs.
SIGNS = "a.headerlink, .section-number, script, details.hide"


@dataclass
class Slide:
    """One slide: HTML of its title, its body and the speaker's notes."""

    title: str
    body: str
    notes: str = ""
    css: str = ""


def deck(body: str) -> list[Slide]:
    """Return the slides of a chapter.

    Parameters
    ----------
    body
        The HTML of its page, without what stands around the text.
    """
    page = BeautifulSoup(body, "html.parser")
    for sign in page.select(SIGNS):
        sign.decompose()
    chapter = page.section
    assert chapter is not None, "a chapter has a section"
    slides = [*_opening(chapter)]
    for section in chapter.find_all("section"):
        part = _part(section)
        if part == "exercises":
            slides += _exercise(section)
        elif part == "summary":
            slides += _summary(section)
        else:
            slides += _findings(section)
    return slides


def _opening(chapter: Tag) -> Iterator[Slide]:
    answer, *rest = chapter.find_all("p", recursive=False)
    yield Slide(_heading(chapter), str(answer), _html(rest), "slide-title")
    lines = chapter.select("div.admonition > p")
    asked = [line for line in lines if line.get_text().startswith(GLANCE)]
    yield Slide("The question", _html(asked))


def _findings(section: Tag) -> Iterator[Slide]:
    """Yield the theorems, figures and questions of a section, without those inside."""
    before: list[Tag] = []
    for part in section.find_all(True, recursive=False):
        if part.name == "section":
            break
        if part.name == "p":
            before.append(part)
        for slide in filter(None, map(_slide, _candidates(part))):
            if slide.css != "slide-quiz":  # its title is the question
                slide.title = slide.title or _heading(section)
            slide.notes += _html(before[-NOTES:])
            yield slide
            before = []


def _candidates(part: Tag) -> list[Tag]:
    if part.name == "div" and part.css.match(f"{QUESTION}, {STATED}"):
        return [part]
    return part.select(FIGURE)


def _slide(part: Tag) -> Slide | None:
    if part.name != FIGURE:
        for inner in part.find_all("section"):
            inner.name = "div"  # a section in a section would be a slide of its own
        css = "slide-quiz" if part.css.match(QUESTION) else "slide-theorem"
        return Slide("", str(part), css=css)
    image, caption = part.img, part.select_one(".caption-text")
    if image is None or caption is None:
        return None
    finding = caption.strong
    title = finding.decode_contents() if finding else ""
    if finding:
        finding.decompose()
    rest = f'<p class="slide-caption">{caption.decode_contents()}</p>'
    # The style sheet shows it beside pictures that are higher than wide.
    return Slide(title, f"{image}{rest}", rest, "slide-figure")


def _exercise(section: Tag) -> Iterator[Slide]:
    """Yield the first exercise that asks to think."""
    for box in section.select(EXERCISE):
        if "Think." in box.get_text():
            for paragraph in box.find_all("p"):
                if paragraph.get_text().startswith("At hand:"):
                    paragraph.decompose()
            yield Slide("To discuss", str(box), css="slide-exercise")
            return


def _summary(section: Tag) -> Iterator[Slide]:
    points = section.find_all("ul", recursive=False)
    after = section.find_all("p", recursive=False)
    yield Slide("What to keep", _html(points), _html(after), "slide-summary")


def _heading(section: Tag) -> str:
    heading = section.find(re.compile("h[1-4]"), recursive=False)
    return heading.decode_contents().strip() if isinstance(heading, Tag) else ""


def _part(section: Tag) -> str:
    """Return which part of a chapter a section is, by its label sec-NN-part."""
    places = [section, *section.find_all("span", id=True, recursive=False)]
    found = (re.fullmatch(r"sec-\d\d-(\w+)", str(place.get("id"))) for place in places)
    return next((match[1] for match in found if match), "")


def _html(parts: list[Tag]) -> str:
    return "".join(map(str, parts))


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
    if doctree is None or not CHAPTER.match(pagename) or not is_there(app):
        return
    own = pagename.rpartition("/")[2]
    body = context["body"].replace('href="#', f'href="{own}.html#')
    template = jinja2.Template(TEMPLATE.read_text("utf-8"), autoescape=True)
    text = template.render(
        slides=deck(body),
        chapter=re.sub(r"<[^>]*>", "", context["title"]),
        page=f"{own}.html",
        static=f"{context['content_root']}_static",
        mathjax=json.dumps(app.config.mathjax3_config),
    )
    target = Path(app.outdir, name_of(pagename))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
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
        target = Path(app.outdir, "_static", "reveal")
        shutil.copytree(Path(app.srcdir, HOME), target, dirs_exist_ok=True)
        for name in OWN:
            shutil.copy(TEMPLATE.with_name(name), target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    # After the menu of downloads has got its notebooks.
    app.connect("html-page-context", write_deck, priority=950)
    app.connect("build-finished", copy_reveal)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
