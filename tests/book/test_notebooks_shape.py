"""Every chapter has the form that the book promises, and each rule can fail."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from notebook_page import Page, figure_labels, labels_in, prose
from notebook_rules import MAX_BYTES, RULES, problems
from staleness import ROOT

from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import Notebook

GOOD = ROOT / "tests" / "fixtures" / "notebooks" / "01-good.ipynb"
CHAPTERS = list(notebooks.chapters(ROOT).values())


@pytest.fixture(scope="module")
def labels() -> frozenset[str]:
    """Every label that a page of the book defines."""
    found: set[str] = set()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("appendices/*.md")]:
        found |= labels_in(path.read_text("utf-8"))
    for chapter in CHAPTERS:
        found |= labels_in(prose(chapter.content)) | figure_labels(chapter.content)
    return frozenset(found)


@pytest.fixture(scope="module")
def sources() -> frozenset[str]:
    """Every key of the bibliography."""
    text = (ROOT / "references.bib").read_text("utf-8")
    return frozenset(re.findall(r"^@\w+\{([^,\s]+)", text, re.M))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_a_chapter_keeps_every_rule(
    chapter: Notebook, labels: frozenset[str], sources: frozenset[str]
) -> None:
    text = chapter.path.read_text("utf-8")
    page = Page(text, chapter.number, chapter.path.parent, labels, sources)
    found = problems(page)
    lines = [f"{rule}: {wrong}" for rule, all_ in found.items() for wrong in all_]
    assert not lines, f"{chapter.name}\n" + "\n".join(lines)


def test_the_contents_name_every_chapter() -> None:
    assert CHAPTERS, "_toc.yml names no chapter"
    assert [chapter.number for chapter in CHAPTERS] == sorted(notebooks.chapters(ROOT))
    # A copy that somebody made is none; what git tracks should be in the contents.
    listing = ["git", "-C", str(ROOT), "ls-files", "chapters"]
    committed = subprocess.run(listing, capture_output=True, text=True).stdout
    drafts = [path.name for path in notebooks.unlisted(ROOT)]
    assert [name for name in drafts if f"chapters/{name}\n" in committed] == []


def good() -> Any:
    return json.loads(GOOD.read_text("utf-8"))


def page_of(notebook: Any) -> Page:
    """Return the page of a fixture, with the labels that the good one defines."""
    whole = notebooks.parse(GOOD.read_text("utf-8"))
    labels = labels_in(prose(whole)) | figure_labels(whole)
    text = json.dumps(notebook)
    return Page(text, "01", GOOD.parent, frozenset(labels), frozenset({"a-source"}))


def test_the_good_notebook_keeps_every_rule() -> None:
    assert problems(page_of(good())) == {}


# --- one way to break each rule -------------------------------------------------


def code(notebook: Any, number: int) -> Any:
    """Return the code cell with this number, from 1."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return cells[number - 1]


def source(number: int, text: str) -> Callable[[Any], None]:
    """Give a code cell another source."""
    return lambda notebook: code(notebook, number).update(source=text)


def tag(number: int, name: str) -> Callable[[Any], None]:
    """Give a code cell one more tag."""
    return lambda notebook: (
        code(notebook, number)["metadata"].setdefault("tags", []).append(name)
    )


def figure(*path: str, value: str) -> Callable[[Any], None]:
    """Change the description of the figure."""

    def change(notebook: Any) -> None:
        place = code(notebook, 5)["metadata"]["mystnb"]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def text(old: str, new: str) -> Callable[[Any], None]:
    """Replace a piece of the prose, once."""

    def change(notebook: Any) -> None:
        for cell in notebook["cells"]:
            joined = "".join(cell["source"])
            if cell["cell_type"] == "markdown" and old in joined:
                cell["source"] = joined.replace(old, new, 1)
                return
        raise AssertionError(f"the good notebook has no {old!r}")

    return change


def output(number: int, **content: Any) -> Callable[[Any], None]:
    """Give a code cell one more output."""
    return lambda notebook: code(notebook, number)["outputs"].append(content)


def insert_code(notebook: Any) -> None:
    """Put a third code cell behind the first two, and count anew."""
    cells = notebook["cells"]
    extra = {**copy.deepcopy(code(notebook, 2)), "id": "extra", "source": "n = 1"}
    cells.insert(cells.index(code(notebook, 2)) + 1, extra)
    for count, cell in enumerate((c for c in cells if c["cell_type"] == "code"), 1):
        cell["execution_count"] = count


BREAKS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a cell was not run": (
        "executed_in_order",
        lambda notebook: code(notebook, 3).update(execution_count=None),
    ),
    "cells were run out of order": (
        "executed_in_order",
        lambda notebook: code(notebook, 3).update(execution_count=9),
    ),
    "no alt text": ("figures_are_described", figure("image", "alt", value=" ")),
    "alt text that repeats the caption": (
        "figures_are_described",
        figure("image", "alt", value="The line goes down."),
    ),
    "no caption": ("figures_are_described", figure("figure", "caption", value="")),
    "a figure of another chapter": (
        "figures_are_described",
        figure("figure", "name", value="fig-02-line"),
    ),
    "a figure without metadata": (
        "figures_are_described",
        output(4, output_type="display_data", metadata={}, data={"image/svg+xml": ""}),
    ),
    "a semicolon at the end": ("no_trailing_semicolon", source(4, "say(n);\n")),
    "sixteen lines": ("cells_are_short", source(4, "n\n" * 16)),
    "89 columns": ("cells_are_short", source(4, "n" * 89)),
    "a shell command": ("code_is_plain_python", source(4, "!pip install torch")),
    "a magic": ("code_is_plain_python", source(4, "%matplotlib inline")),
    "every warning ignored": (
        "warnings_are_heard",
        source(4, 'import warnings\nwarnings.filterwarnings("ignore")'),
    ),
    "every warning ignored, by keyword": (
        "warnings_are_heard",
        source(4, 'simplefilter(action="ignore")'),
    ),
    "every warning ignored in a block": (
        "warnings_are_heard",
        source(4, 'with warnings.catch_warnings(action="ignore"):\n    n'),
    ),
    "a path in the code": ("no_machine_paths", source(4, 'open("/home/me/x.csv")')),
    "a path in an output": (
        "no_machine_paths",
        output(4, output_type="stream", name="stdout", text="/Users/me/x.csv"),
    ),
    "a path in the prose": ("no_machine_paths", text("By hand", "In ~/book/x")),
    "a heading is missing": ("headings_in_order", text("## Scope", "### Scope")),
    "headings out of order": (
        "headings_in_order",
        text("## Smallest example", "## Simulation"),
    ),
    "the figure has no heading": (
        "headings_in_order",
        text("## One line goes down", "The line goes down."),
    ),
    "no box at the top": ("headings_in_order", text("At a glance", "In short")),
    "two titles": ("headings_in_order", text("## Simulation", "# B\n\n## Simulation")),
    "three code cells in a row": ("prose_between_code", insert_code),
    "another scale was left in": ("scale_is_a_parameter", source(1, 'SCALE = "paper"')),
    "two parameters cells": ("scale_is_a_parameter", tag(3, "parameters")),
    "no paper scale": (
        "scales_are_literal",
        source(2, 'SCALES = {"ci": {"n": 1}, "laptop": {"n": 2}}'),
    ),
    "a computed scale": (
        "scales_are_literal",
        source(2, 'SCALES = {"ci": {"n": 1}, "laptop": {"n": 10 * k}, "paper": {}}'),
    ),
    "scales with other keys": (
        "scales_are_literal",
        source(2, 'SCALES = {"ci": {"n": 1}, "laptop": {"m": 2}, "paper": {"n": 3}}'),
    ),
    "a warning in the output": (
        "no_error_output",
        output(4, output_type="stream", name="stderr", text="UserWarning: x"),
    ),
    "an error that nobody announced": (
        "no_error_output",
        output(4, output_type="error", ename="KeyError", evalue="x", traceback=[]),
    ),
    "a file that is too large": (
        "file_is_small",
        output(4, output_type="stream", name="stdout", text="x" * MAX_BYTES),
    ),
    "two exercises": (
        "exercises_have_solutions",
        text("```{exercise}\n:label: ex-01-think", "```{note}\n:class: ex-01-think"),
    ),
    "a solution of another exercise": (
        "exercises_have_solutions",
        text("{solution-start} ex-01-think", "{solution-start} ex-02-think"),
    ),
    "an unfolded solution": (
        "exercises_have_solutions",
        text(":class: dropdown", ":class: tip"),
    ),
    "a solution that does not end": (
        "exercises_have_solutions",
        text(":::{solution-end}\n:::", ""),
    ),
    "a link to no file": ("references_resolve", text("01-good.ipynb", "02-gone.ipynb")),
    "a link to no label": ("references_resolve", text("(#chapter-good)", "(#gone)")),
    "a reference to no label": ("references_resolve", text("<theory>", "<practice>")),
    "a number of no figure": (
        "references_resolve",
        text("{numref}`fig-01-line`", "{numref}`fig-01-gone`"),
    ),
    "a page that is not there": (
        "references_resolve",
        text("By hand", "{doc}`/notebooks/02-gone`"),
    ),
    "a source that is not in the bibliography": (
        "references_resolve",
        text("{cite}`a-source`", "{cite}`a-source,another`"),
    ),
    "a number nobody said": (
        "glued_numbers_exist",
        text("{glue:text}`answer`", "{glue:text}`question:.2f`"),
    ),
    "a mistyped tag": ("tags_are_known", tag(4, "hide_input")),
    "a comparison switched off by a tag": (
        "tags_are_known",
        tag(4, "nbval-ignore-output"),
    ),
    "a comparison switched off by a comment": (
        "tags_are_known",
        source(4, "# NBVAL_IGNORE_OUTPUT\nsay(n)"),
    ),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_rule_notices(fault: str) -> None:
    rule, change = BREAKS[fault]
    notebook = good()
    change(notebook)
    assert list(problems(page_of(notebook))) == [rule]


def test_every_rule_is_broken_by_some_notebook() -> None:
    assert {rule for rule, _ in BREAKS.values()} == RULES.keys()


def test_a_page_from_the_root_is_found() -> None:
    notebook = good()
    text("By hand", "{doc}`/notebooks/01-good` and {doc}`01-good`")(notebook)
    assert problems(page_of(notebook)) == {}
