"""Notebooks for readers who have no checkout: the downloads of a chapter's page.

`travelling` turns a chapter into a notebook for plain Jupyter or Colab: its numbers are
written out, links lead to the site, the first cells fetch the library, code that the
page folds is folded, and nothing is executed. An instructor's copy has the solutions. A
student's has the starter and the check of each exercise, and where there is no starter
an empty cell. What belongs to an exercise or its solution has the tag ``exercise`` or
``solution``.

Sphinx resolves the references of a page; `Wrap` and `Unwrap` keep what it found. A site
that has no ``html_baseurl`` does not know its address; its pages do, and
``_static/travel.js`` writes it into a notebook when it is downloaded.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import library_wheel
from docutils import nodes
from plain_markdown import Block, Reader, blocks, plain, written
from roles import claim_place, find_number
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx_fixes import CHAPTER

from collapse_lib import files
from collapse_lib.book.notebooks import BookError, Notebook, chapters
from collapse_lib.claims.verdict import SYMBOLS

logger = logging.getLogger(__name__)

#: Stands for the address of the site until somebody knows it; names nobody's host.
SITE = "https://book.invalid/"
#: Where the site has the notebooks and the wheel.
FOLDER = "notebooks"
#: Copies: what their readers are, and whether they get solutions.
COPIES = {"students": False, "instructors": True}
#: Tags of code that the page does not show at once.
FOLDED = {"hide-input", "remove-input", "remove-cell"}
#: Part of the library -> the extra that it needs.
EXTRAS = {"collapse_lib/provenance/": "provenance"}
STARTER = "# Your solution"
ANSWER = "*Your answer:*"
_DEFINITION = re.compile(r"^(\S.*)\n: ", re.MULTILINE)
#: How a chapter names a file of the checkout: from its own folder.
BESIDE = re.compile(r'"\.\./([^"]+)"')
_CHAPTER_CALL = re.compile(r"(book\.Chapter\([^)]*)\)")

# ---- what the references of a page lead to -------------------------------------------


@dataclass(frozen=True)
class Found:
    """What Sphinx made of a reference: the text of the link and its address."""

    text: str
    address: str


#: Kind and target of a reference, and the text it was given -> what it leads to.
References = dict[tuple[str, str, str], Found]


def references(env: BuildEnvironment, docname: str) -> References:
    """Return what is known of the references of a page; filled while it is written."""
    kept: dict[str, References] = env.app.__dict__.setdefault("book_references", {})
    return kept.setdefault(docname, {})


class Wrap(SphinxPostTransform):
    """Put a frame around each reference of a chapter, before any is resolved."""

    default_priority = 1

    def run(self, **kwargs: Any) -> None:
        """Frame them."""
        if not CHAPTER.match(self.env.docname):
            return
        for node in list(self.document.findall(addnodes.pending_xref)):
            given = node.astext() if node.get("refexplicit") else ""
            key = (node["reftype"], node["reftarget"], given)
            frame = nodes.inline("", "", travelling=key)
            node.replace_self(frame)
            frame += node


class Unwrap(SphinxPostTransform):
    """Take the frames away and keep what is in them now."""

    default_priority = 990

    def run(self, **kwargs: Any) -> None:
        """Keep the text and the first address in each."""
        known = references(self.env, self.env.docname)
        for frame in list(self.document.findall(nodes.inline)):
            if "travelling" not in frame:
                continue
            links = frame.findall(nodes.reference)
            places = [link.get("refuri") or f"#{link.get('refid')}" for link in links]
            address = places[0] if places else ""
            known[frame["travelling"]] = Found(frame.astext(), address)
            frame.replace_self(frame.children)


# ---- what a text refers to -----------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """The book around a chapter, as its travelling notebook speaks of it.

    Parameters
    ----------
    root
        The folder of the book.
    chapter
        The chapter that travels.
    known
        What its references lead to.
    numbers
        Label -> number of the theorems, figures, exercises and equations of its page.
    address
        The address of the site, with a slash at its end.
    """

    root: Path
    chapter: Notebook
    known: References
    numbers: Mapping[str, str]
    address: str = SITE

    @property
    def reader(self) -> Reader:
        """Who knows what stands behind a role."""
        return Reader(self.role, self.number, self.page_of)

    @property
    def page(self) -> str:
        """The address of the chapter's page."""
        return f"{self.address}{self.chapter.docname}.html"

    def number(self, label: str) -> str:
        """Return the number of a labelled thing of this page."""
        for key in (label, f"equation-{label}"):
            if key in self.numbers:
                return self.numbers[key]
        raise BookError(f"{self.chapter.name}: nothing with a number is called {label}")

    def at(self, address: str) -> str:
        """Return an address of the page, relative to it, as one for everywhere."""
        if re.match(r"[a-z]+:", address):
            return address
        if address.startswith("#"):
            return self.page + address
        place = posixpath.join(posixpath.dirname(self.chapter.docname), address)
        return self.address + posixpath.normpath(place)

    def page_of(self, address: str) -> str:
        """Return where the site has the page of a source file."""
        if address.startswith("#"):
            return self.page + address
        path, mark, place = address.partition("#")
        return self.at(re.sub(r"\.(md|ipynb)$", ".html", path) + mark + place)

    def role(self, name: str, target: str, given: str) -> str:
        """Return a role as plain Markdown."""
        if name == "glue:text":
            return self._said(target)
        if name == "number":
            return find_number(self.root, target)
        if name == "claim":
            page, anchor, _, word, _ = claim_place(self.root, target)
            text = f"{target}\N{NO-BREAK SPACE}{SYMBOLS[word]}"
            return f"[{text}]({self.address}{page}.html#{anchor})"
        return self._link(name, target, given)

    def _said(self, name: str) -> str:
        if name not in self.chapter.numbers:
            raise BookError(f"{self.chapter.name} says no number {name}")
        return self.chapter.numbers[name]

    def _link(self, name: str, target: str, given: str) -> str:
        kind = name.rpartition(":")[2] if name.startswith("prf") else name
        kinds = (kind, kind.partition(":")[0], *CITES.get(kind, ()))
        targets = (target, target.lower())
        for key in [(each, place, given) for each in kinds for place in targets]:
            if key in self.known:
                return _linked(self.known[key].text, self.known[key].address, self)
        for (each, place, text), found in self.known.items():
            # Sphinx may have set other quotes in the text of a link than were typed.
            if each in kinds and place in targets and text and given:
                return _linked(given, found.address, self)
        raise BookError(
            f"{self.chapter.name}: Sphinx has not resolved {name} of {target!r}"
        )


#: The role of a citation -> how the reference it makes is called.
CITES = {"cite:t": ("t",), "cite:p": ("p",), "cite": ("p",)}


def _linked(text: str, address: str, site: Site) -> str:
    return f"[{text}]({site.at(address)})" if address else text


# ---- the notebook --------------------------------------------------------------------


@dataclass
class Copy:
    """A travelling notebook in the making.

    Parameters
    ----------
    site
        The book around the chapter.
    solutions
        Whether they are in it.
    """

    site: Site
    solutions: bool
    cells: list[dict[str, Any]] = field(default_factory=list)
    inside: str = ""  # the label of the exercise whose solution is being read
    started: bool = False  # whether the last exercise has a starter
    solved_in_code: bool = False  # whether the solution that is being read has code

    def markdown(self, id: str, text: str, *tags: str) -> None:
        """Add a cell of text."""
        text = _DEFINITION.sub(r"**\1**: ", text)
        metadata = {"tags": list(tags)} if tags else {}
        cell = {"cell_type": "markdown", "id": id, "metadata": metadata, "source": text}
        self.cells.append(cell)

    def code(self, id: str, text: str, *tags: str) -> None:
        """Add a cell of code that has not run."""
        metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
        if FOLDED & set(tags):
            metadata["jupyter"] = {"source_hidden": True}
        self.cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "id": id,
                "metadata": metadata,
                "outputs": [],
                "source": text,
            }
        )

    def take(self, cell: Mapping[str, Any]) -> None:
        """Add what a cell of the chapter becomes."""
        if cell["cell_type"] == "markdown":
            self._take_text(cell)
        elif cell["cell_type"] == "code":
            self._take_code(cell)

    def _take_text(self, cell: Mapping[str, Any]) -> None:
        """Split a text at its exercises and solutions."""
        parts = list(_parts(cell["source"]))
        for place, part in enumerate(parts):
            id = cell["id"] if len(parts) == 1 else f"{cell['id']}-{place}"
            first = part[0]
            if first.name == "solution-start":
                self.inside, self.solved_in_code = first.argument, False
                if self.solutions:
                    number = self.site.number(self.inside)
                    self.markdown(id, f"**Solution {number}.**", "solution")
            elif first.name == "solution-end":
                if not self.solutions and not self.started:
                    self._leave_room(id)
                self.inside, self.started = "", False
            elif self.solutions or not self.inside:
                tags = ["solution"] if self.inside else []
                tags += ["exercise"] if first.name in {"exercise", "hint"} else []
                text = "\n\n".join(written(each, self.site.reader) for each in part)
                if text.strip():
                    self.markdown(id, text.strip(), *tags)

    def _leave_room(self, id: str) -> None:
        """Add an empty cell for an answer, in code or in words."""
        if self.solved_in_code:
            self.code(id, STARTER, "exercise")
        else:
            self.markdown(id, ANSWER, "exercise")

    def _take_code(self, cell: Mapping[str, Any]) -> None:
        metadata = cell["metadata"]
        self.solved_in_code = True
        self.started |= "exercise" in metadata.get("tags", [])
        if self.inside and not self.solutions:
            return
        tags = [*metadata.get("tags", []), *(["solution"] if self.inside else [])]
        text = _CHAPTER_CALL.sub(r"\1, root=FILES)", cell["source"])
        text = BESIDE.sub(r'f"{FILES}/\1"', text)
        self.code(cell["id"], text, *tags)
        figure = metadata.get("mystnb", {}).get("figure")
        if figure:
            number = self.site.number(figure["name"])
            caption = plain(figure["caption"], self.site.reader)
            words = f"*Figure {number}.* {caption}"
            solved = ["solution"] if self.inside else []
            self.markdown(f"{cell['id']}-caption", words, *solved)


#: What stands in a cell of its own.
APART = ("exercise", "hint", "solution-start", "solution-end")


def _parts(text: str) -> Iterator[list[Block]]:
    """Yield the blocks of a text, together where they may share a cell."""
    together: list[Block] = []
    for block in blocks(text):
        if block.name not in APART:
            together.append(block)
            continue
        if together:
            yield together
        together = []
        yield [block]
    if together:
        yield together


def travelling(site: Site, solutions: bool) -> dict[str, Any]:
    """Return a chapter as a notebook that needs nothing beside it.

    Parameters
    ----------
    site
        The chapter and the book around it.
    solutions
        Whether the solutions of its exercises are in it.

    Raises
    ------
    BookError
        If something in the chapter has no plain form; if it does not make its
        ``book.Chapter`` in one place.
    """
    chapter, copy = site.chapter, Copy(site, solutions)
    copy.markdown("travel-about", about(site, solutions))
    copy.code("travel-setup", setup_code(site))
    for cell in chapter.content["cells"]:
        copy.take(cell)
    made = sum("root=FILES" in cell["source"] for cell in copy.cells)
    if made != 1:
        raise BookError(
            f"{chapter.name} calls book.Chapter(...) in {made} cells; a notebook that "
            "travels sets its folder in one"
        )
    if copy.inside:
        raise BookError(f"{chapter.name}: the solution of {copy.inside} has no end")
    kept = ("kernelspec", "language_info")
    metadata = {name: chapter.metadata[name] for name in kept}
    return {
        "cells": copy.cells,
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def about(site: Site, solutions: bool) -> str:
    """Return the first text: where this comes from, and how to run it."""
    number = int(site.chapter.number)
    whose = "with solutions" if solutions else "its solutions are on that page"
    uses_torch = "torch" in site.chapter.metadata["collapse"]["uses"]["packages"]
    torch = (
        " One of them is torch; on Linux without a graphics card its build for the "
        "processor alone saves gigabytes, so install that first."
        if uses_torch
        else ""
    )
    return (
        f"*This is chapter {number} of an executable book on model collapse, "
        f"[on its page]({site.page}) with all outputs; {whose}.* Run the next cell "
        "first, in Jupyter or in Colab (*File > Upload notebook*): it fetches the "
        f"library of the book and the packages that this chapter needs.{torch} Then "
        "run all cells in their order."
    )


def setup_code(site: Site) -> str:
    """Return the cell that fetches what the chapter needs."""
    uses = site.chapter.metadata["collapse"]["uses"]
    used = {
        extra
        for start, extra in EXTRAS.items()
        if any(name.startswith(start) for name in uses["files"])
    }
    wanted = library_wheel.requirements(site.root, uses["packages"], sorted(used))
    needs = " ".join(f'"{each}"' for each in wanted)
    return SETUP.format(
        needs=needs, address=f"{site.address}{FOLDER}/{library_wheel.name(site.root)}"
    )


SETUP = """\
%pip install --quiet {needs}
try:
    import collapse_lib
except ModuleNotFoundError:
    %pip install --quiet --no-deps {address}
    import collapse_lib
import shutil
from pathlib import Path

# The claims and the stored runs of the book, beside this notebook.
FILES = Path("collapse-book")
shutil.copytree(Path(collapse_lib.__file__).with_name("packed"), FILES,
                dirs_exist_ok=True)"""

# ---- Sphinx --------------------------------------------------------------------------


def numbers(env: BuildEnvironment, docname: str) -> dict[str, str]:
    """Return label -> number of what Sphinx has counted on a page."""
    found: dict[str, str] = {}
    for counted in env.toc_fignumbers.get(docname, {}).values():
        found |= {
            label: ".".join(map(str, number)) for label, number in counted.items()
        }
    for (kind, label, _), place in references(env, docname).items():
        if kind == "eq":
            found.setdefault(label, place.text.strip("()"))
    return found


def address_of(app: Sphinx) -> str:
    """Return the address of the site, or what stands for it."""
    known = str(app.config.html_baseurl or "")
    return f"{known.rstrip('/')}/" if known else SITE


def write_notebooks(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Write the copies of a chapter, and link its page to them."""
    match = CHAPTER.match(pagename)
    if match is None or doctree is None:
        return
    root = Path(app.srcdir)
    try:
        chapter = chapters(root)[match[1]]
        known = references(app.env, pagename)
        here = numbers(app.env, pagename)
        site = Site(root, chapter, known, here, address_of(app))
        for folder, solutions in COPIES.items():
            target = Path(app.outdir, FOLDER, folder, f"{chapter.name}.ipynb")
            target.parent.mkdir(parents=True, exist_ok=True)
            notebook = travelling(site, solutions)
            files.write_text(target, json.dumps(notebook, indent=1, ensure_ascii=False))
    except (ValueError, OSError) as error:
        logger.warning("%s: %s", pagename, error, location=pagename)
        return
    offer(context, chapter.name)


#: Copy -> what the menu of downloads calls it.
MENU = {"students": ".ipynb", "instructors": ".ipynb, with solutions"}


def offer(context: dict[str, Any], name: str) -> None:
    """Put the copies in the place of the source in the menu of downloads."""
    up = context["pathto"](FOLDER, 1)
    for group in context.get("header_buttons", []):
        if group.get("label") != "download-buttons":
            continue
        others = [b for b in group["buttons"] if b["type"] == "javascript"]
        group["buttons"] = [
            {
                "type": "link",
                "url": f"{up}/{folder}/{name}.ipynb",
                "text": text,
                "icon": "fas fa-code",
                "tooltip": f"A notebook for {folder}",
                "label": "download-notebook-button",
            }
            for folder, text in MENU.items()
        ] + others


def write_wheel(app: Sphinx, exception: Exception | None) -> None:
    """Put the library beside the notebooks."""
    folder = Path(app.outdir, FOLDER)
    if exception is None and app.builder.format == "html" and folder.is_dir():
        library_wheel.make(Path(app.srcdir), folder)


#: After the theme has made its buttons.
LATE = 900


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_post_transform(Wrap)
    app.add_post_transform(Unwrap)
    app.connect("html-page-context", write_notebooks, priority=LATE)
    app.connect("build-finished", write_wheel)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
