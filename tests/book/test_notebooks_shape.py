"""Every chapter has the form that the book promises, and each rule can fail."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from notebook_page import Page, fate, figure_labels, labels_in, prose, tags_of
from notebook_rules import LONG_LINES, MAX_BYTES, MEDIAN_LINES, RULES, problems
from staleness import ROOT

from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import Notebook

#: The chapter to copy has the form that is asked of all.
GOOD = ROOT / notebooks.TEMPLATE
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
    """Return the page of a notebook, with the labels that the template defines."""
    whole = notebooks.parse(GOOD.read_text("utf-8"))
    labels = labels_in(prose(whole)) | figure_labels(whole)
    text = json.dumps(notebook)
    return Page(
        text, "01", GOOD.parent, frozenset(labels), frozenset({"wright1931evolution"})
    )


def test_the_template_keeps_every_rule() -> None:
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
        place = code(notebook, FIGURE)["metadata"]["mystnb"]
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
        raise AssertionError(f"the template has no {old!r}")

    return change


def output(number: int, **content: Any) -> Callable[[Any], None]:
    """Give a code cell one more output."""
    return lambda notebook: code(notebook, number)["outputs"].append(content)


def insert_code(notebook: Any) -> None:
    """Put two code cells behind a visible one, and count anew."""
    cells = notebook["cells"]
    for name in ("one more", "and another"):
        extra = {**copy.deepcopy(code(notebook, VISIBLE)), "id": name, "source": "n"}
        cells.insert(cells.index(code(notebook, VISIBLE)) + 1, extra)
    for count, cell in enumerate((c for c in cells if c["cell_type"] == "code"), 1):
        cell["execution_count"] = count


def lengthen(notebook: Any) -> None:
    """Give half of the visible cells one line too many."""
    for cell in notebook["cells"]:
        shown = cell["cell_type"] == "code" and fate(cell) == "visible"
        if shown and "exercise" not in tags_of(cell):
            cell["source"] = "n\n" * (MEDIAN_LINES + 1)


def exchange(one: str, other: str) -> Callable[[Any], None]:
    """Let two pieces of the prose change places."""

    def change(notebook: Any) -> None:
        for old, new in ((one, "<gap>"), (other, one), ("<gap>", other)):
            text(old, new)(notebook)

    return change


def expected_error(traceback: list[str], message: str = "x") -> Callable[[Any], None]:
    """Let a cell that may fail show this error."""

    def change(notebook: Any) -> None:
        tag(VISIBLE, "raises-exception")(notebook)
        error = {"ename": "KeyError", "evalue": message, "traceback": traceback}
        output(VISIBLE, output_type="error", **error)(notebook)

    return change


#: Code cells of the template, by what the page does with them.
SETUP, VISIBLE, NUMBERS, FIGURE, TABLE, STARTER = 2, 4, 7, 8, 11, 15

BREAKS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a cell was not run": (
        "executed_in_order",
        lambda notebook: code(notebook, VISIBLE).update(execution_count=None),
    ),
    "cells were run out of order": (
        "executed_in_order",
        lambda notebook: code(notebook, VISIBLE).update(execution_count=99),
    ),
    "no alt text": ("figures_are_described", figure("image", "alt", value=" ")),
    "alt text that repeats the caption": (
        "figures_are_described",
        lambda notebook: figure(
            *("image", "alt"),
            value=code(notebook, FIGURE)["metadata"]["mystnb"]["figure"]["caption"],
        )(notebook),
    ),
    "no caption": ("figures_are_described", figure("figure", "caption", value="")),
    "a figure of another chapter": (
        "figures_are_described",
        figure("figure", "name", value="fig-02-line"),
    ),
    "a figure without metadata": (
        "figures_are_described",
        output(
            VISIBLE, output_type="display_data", metadata={}, data={"image/svg+xml": ""}
        ),
    ),
    "a semicolon at the end": ("no_trailing_semicolon", source(VISIBLE, "say(n);\n")),
    "sixteen lines": ("cells_are_short", source(VISIBLE, "n\n" * 16)),
    "thirteen lines in one of seven cells": (
        "cells_are_short",
        source(VISIBLE, "n\n" * (LONG_LINES + 1)),
    ),
    "seven lines in every cell": ("cells_are_short", lengthen),
    "thirty-six folded lines": ("cells_are_short", source(FIGURE, "n\n" * 36)),
    "thirty-six removed lines": ("cells_are_short", source(NUMBERS, "n\n" * 36)),
    "89 columns": ("cells_are_short", source(VISIBLE, "n" * 89)),
    "an import on the page": (
        "the_page_shows_the_science",
        source(VISIBLE, "from collapse_lib import recurse"),
    ),
    "a scale on the page": ("the_page_shows_the_science", source(VISIBLE, "SCALES")),
    "the chapter is opened on the page": (
        "the_page_shows_the_science",
        source(VISIBLE, 'chapter = book.Chapter("01")'),
    ),
    "a number for the prose on the page": (
        "the_page_shows_the_science",
        source(VISIBLE, 'n = 1\nchapter.say("first", n)'),
    ),
    "a check on the page": (
        "the_page_shows_the_science",
        source(VISIBLE, 'chapter.check("T01", variety=n)'),
    ),
    "drawing on the page": (
        "the_page_shows_the_science",
        source(VISIBLE, "ax.plot(share)"),
    ),
    "a table is removed": (
        "nothing_shown_is_removed",
        lambda notebook: code(notebook, TABLE)["metadata"].update(tags=["remove-cell"]),
    ),
    "a shell command": ("code_is_plain_python", source(VISIBLE, "!pip install torch")),
    "a magic": ("code_is_plain_python", source(VISIBLE, "%matplotlib inline")),
    "every warning ignored": (
        "warnings_are_heard",
        source(TABLE, 'import warnings\nwarnings.filterwarnings("ignore")'),
    ),
    "every warning ignored, by keyword": (
        "warnings_are_heard",
        source(VISIBLE, 'simplefilter(action="ignore")'),
    ),
    "every warning ignored in a block": (
        "warnings_are_heard",
        source(VISIBLE, 'with warnings.catch_warnings(action="ignore"):\n    n'),
    ),
    "a path in the code": (
        "nothing_of_one_machine",
        source(VISIBLE, 'open("/home/me/x.csv")'),
    ),
    "a path in an output": (
        "nothing_of_one_machine",
        output(VISIBLE, output_type="stream", name="stdout", text="/Users/me/x.csv"),
    ),
    "a path in the prose": (
        "nothing_of_one_machine",
        text("A bag holds", "In ~/book/x"),
    ),
    "a section has no label": ("sections_in_order", text("(sec-01-scope)=\n", "")),
    "a label of another chapter": (
        "sections_in_order",
        text("(sec-01-theory)=", "(sec-02-theory)="),
    ),
    "sections out of order": (
        "sections_in_order",
        exchange("(sec-01-simulation)=", "(sec-01-figure)="),
    ),
    "a label without a heading": (
        "sections_in_order",
        text("## Variety halves", "Variety halves"),
    ),
    "no box at the top": ("sections_in_order", text("At a glance", "In short")),
    "two titles": ("sections_in_order", text("## Scope", "# B\n\n## Scope")),
    "a title that says nothing": (
        "titles_say_what_was_found",
        text("## Each copy keeps all but one part in $n$", "## Theory"),
    ),
    "three visible cells in a row": ("prose_between_code", insert_code),
    "another scale was left in": ("scale_is_a_parameter", source(1, 'SCALE = "paper"')),
    "two parameters cells": ("scale_is_a_parameter", tag(VISIBLE, "parameters")),
    "no paper scale": (
        "scales_are_literal",
        source(SETUP, 'SCALES = {"ci": {"n": 1}, "laptop": {"n": 2}}'),
    ),
    "a computed scale": (
        "scales_are_literal",
        source(SETUP, 'SCALES = {"ci": {"n": 1}, "laptop": {"n": 9 * k}, "paper": {}}'),
    ),
    "scales with other keys": (
        "scales_are_literal",
        source(
            SETUP, 'SCALES = {"ci": {"n": 1}, "laptop": {"m": 2}, "paper": {"n": 3}}'
        ),
    ),
    "a warning in the output": (
        "nothing_of_one_machine",
        output(VISIBLE, output_type="stream", name="stderr", text="UserWarning: x"),
    ),
    "an error that nobody announced": (
        "errors_are_expected",
        output(
            VISIBLE, output_type="error", ename="KeyError", evalue="x", traceback=[]
        ),
    ),
    "a path in an expected error": (
        "nothing_of_one_machine",
        expected_error(["KeyError: no /home/me/x.csv"], "no /home/me/x.csv"),
    ),
    "the calls that led to an expected error": (
        "errors_are_expected",
        expected_error(["File x.py:3, in f(x)", "KeyError: x"]),
    ),
    "a file that is too large": (
        "file_is_small",
        output(VISIBLE, output_type="stream", name="stdout", text="x" * MAX_BYTES),
    ),
    "an exercise without a solution": (
        "exercises_have_solutions",
        text("{exercise}\n:label: ex-01-think", "{exercise}\n:label: ex-01-ponder"),
    ),
    "a solution of another exercise": (
        "exercises_have_solutions",
        text("{solution-start} ex-01-think", "{solution-start} ex-02-think"),
    ),
    "an unfolded solution": (
        "exercises_have_solutions",
        text("ex-01-think\n:class: dropdown", "ex-01-think\n:class: tip"),
    ),
    "a solution that does not end": (
        "exercises_have_solutions",
        text("this loop.\n\n```{solution-end}\n```", "this loop."),
    ),
    "an exercise of no kind": ("exercises_can_be_set", text("**Think.** ", "")),
    "a single hint": (
        "exercises_can_be_set",
        text(
            "```{hint}\n:class: dropdown\nSolve", "```{note}\n:class: dropdown\nSolve"
        ),
    ),
    "a hint that is open": (
        "exercises_can_be_set",
        text("```{hint}\n:class: dropdown\nSolve", "```{hint}\n:class: tip\nSolve"),
    ),
    "an answer in words that nobody can judge": (
        "exercises_can_be_set",
        text("**A good answer** has", "It has"),
    ),
    "a starter with nothing to replace": (
        "exercises_can_be_set",
        source(STARTER, "copies = 693"),
    ),
    "a check that says nothing": (
        "exercises_can_be_set",
        lambda notebook: code(notebook, STARTER + 1).update(outputs=[]),
    ),
    "an assertion without a message": (
        "exercises_can_be_set",
        source(STARTER + 1, "def check(copies):\n    assert copies == 1"),
    ),
    "a solution that the check does not accept": (
        "exercises_can_be_set",
        lambda notebook: code(notebook, STARTER + 2).update(outputs=[]),
    ),
    "a check that has refused nothing": (
        "exercises_can_be_set",
        source(STARTER + 3, "check_copies(500)"),
    ),
    "four questions": (
        "questions_can_be_answered",
        text("```{quiz} One real draw", "```{note} One real draw"),
    ),
    "a question of another chapter": (
        "questions_can_be_answered",
        text(":label: quiz-01-mean", ":label: quiz-02-mean"),
    ),
    "a question with two right answers": (
        "questions_can_be_answered",
        text("- [ ] falls together", "- [x] falls together"),
    ),
    "nothing that a reader will be able to do": (
        "the_reader_knows_what_she_will_be_able_to_do",
        text("**Afterwards you can**", "You can"),
    ),
    "a link to no file": ("references_resolve", text("glossary.md", "gone.md")),
    "a link to no label": (
        "references_resolve",
        text("Chapter 2 goes further.", "[Chapter 2](#gone)."),
    ),
    "a reference to no label": (
        "references_resolve",
        text("the proposition says", "{prf:ref}`prop-01-gone` says"),
    ),
    "a number of no figure": (
        "references_resolve",
        text("{numref}`fig-01-worlds`", "{numref}`fig-01-gone`"),
    ),
    "a page that is not there": (
        "references_resolve",
        text("A bag holds", "{doc}`/chapters/02-gone`"),
    ),
    "a source that is not in the bibliography": (
        "references_resolve",
        text("{cite:t}`wright1931evolution`", "{cite}`wright1931evolution,another`"),
    ),
    "a result typed into a caption": (
        "captions_state_known_numbers",
        figure("figure", "caption", value="{glue:text}`n_samples` draws, 42.5 % lost."),
    ),
    "a number nobody said, in a caption": (
        "glued_numbers_exist",
        figure("figure", "caption", value="{glue:text}`n_samples` {glue:text}`gone`."),
    ),
    "a result typed into the prose": (
        "what_is_said_is_shown",
        text("{glue:text}`first`", "0.42"),
    ),
    "a number nobody said": (
        "glued_numbers_exist",
        text("A bag holds", "{glue:text}`question:.2f`: a bag holds"),
    ),
    "a line that the page takes for a comment": (
        "every_line_is_shown",
        text("A bag holds", "42 percent, written as\n% of a bag. It holds"),
    ),
    "a mistyped tag": ("tags_are_known", tag(VISIBLE, "hide_input")),
    "two tags that contradict each other": (
        "tags_are_known",
        tag(SETUP, "remove-input"),
    ),
    "a comparison switched off by a tag": (
        "tags_are_known",
        tag(VISIBLE, "nbval-ignore-output"),
    ),
    "a comparison switched off by a comment": (
        "tags_are_known",
        source(VISIBLE, "# NBVAL_IGNORE_OUTPUT\nsay(n)"),
    ),
    "a comparison switched off by an old comment": (
        "tags_are_known",
        source(VISIBLE, "#  PYTEST_VALIDATE_IGNORE_OUTPUT\nsay(n)"),
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
    text("A bag holds", "{doc}`/chapters/_template` and {doc}`_template`")(notebook)
    assert problems(page_of(notebook)) == {}
