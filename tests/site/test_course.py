"""What a course needs: the table, the map, the questions, the folder."""

import json
from pathlib import Path

import course
import pytest
import travelling
from mini_book import make_book, write_chapter
from playwright.sync_api import Browser

from collapse_lib.book.notebooks import BookError, Notebook

pytest.importorskip("pypdf", reason="needs pypdf, see requirements-pdf.lock")
import make_course
import print_book
from assignment import NOWHERE
from pypdf import PdfReader

GLANCE = """\
# A chapter

```{admonition} At a glance
**You need.** {doc}`Three errors <05-three-errors>`; means. Chapters 3, 4
and 16 help, and chapter 1.

**Time.** An hour to read, a minute to run.
```

```{quiz} Is it so?
:label: quiz-07-so

- [x] Yes.

  It is.
- [ ] No.

  It is.
```
"""


def chapter(tmp_path: Path, text: str) -> Notebook:
    make_book(tmp_path)
    return Notebook(write_chapter(tmp_path, "07-other", [("markdown", text, [])]))


def test_a_chapter_says_what_it_needs(tmp_path):
    found = chapter(tmp_path, GLANCE)
    assert course.needs(found) == ["01", "03", "04", "05", "16"]
    assert course.glance(found)["Time"] == "An hour to read, a minute to run."
    assert [each.label for each in course.questions(found)] == ["quiz-07-so"]


def test_a_chapter_that_says_nothing_of_its_time_is_refused(tmp_path):
    found = chapter(tmp_path, GLANCE.replace("**Time.**", "Time:"))
    with pytest.raises(BookError, match=r"07-other: its box says nothing of \*\*Time"):
        course.needs(found)


def test_the_map_has_a_box_for_each_chapter_and_a_line_for_each_need():
    boxes = course.placed(
        [
            [
                ("01", "First", "01.html"),
                ("02", "With a title of many words", "02.html"),
            ],
            [("03", "A < B", "03.html")],
        ]
    )
    svg = course.drawn(boxes, [("01", "02"), ("01", "03")], "Map")
    assert svg.count("<rect") == 3
    assert svg.count("<path") == 2
    assert "A &lt; B" in svg
    places = {(box.x, box.y) for box in boxes.values()}
    assert len(places) == 3
    assert course._broken("2 With a title of many words", 20) == [
        "2 With a title of",
        "many words",
    ]


# --- scripts/make_course.py -----------------------------------------------------------

WHEEL = "mini-1-py3-none-any.whl"
SOURCE = (
    f"See [chapter [2]]({NOWHERE}chapters/02.html#x) and [this](https://there.org)."
)
SETUP = f"%pip install {NOWHERE}notebooks/{WHEEL}"


def written(site: str) -> list[str]:
    cells = [{"source": SOURCE}, {"source": SETUP}]
    text = make_course.notebook(json.dumps({"cells": cells}), site, WHEEL)
    return [cell["source"] for cell in json.loads(text)["cells"]]


def test_a_notebook_takes_the_library_from_the_folder():
    text, setup = written("")
    assert text == "See chapter [2] and [this](https://there.org)."
    assert setup == f"%pip install ../{WHEEL}"


def test_links_lead_to_the_site_that_is_named():
    text, setup = written("https://book.org/")
    assert "(https://book.org/chapters/02.html#x)" in text
    assert setup == f"%pip install ../{WHEEL}"


def test_without_a_built_book_the_message_says_what_to_do(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(print_book, "find_browser", lambda: "chromium")
    assert make_course.main(options(tmp_path)) == 1
    assert "run `make` first" in capsys.readouterr().err
    assert (tmp_path / "course/mine.txt").read_text() == "mine"


def test_without_a_browser_the_message_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(print_book, "find_browser", lambda: None)
    assert make_course.main(options(tmp_path)) == 1
    assert "Get Chromium" in capsys.readouterr().err
    assert (tmp_path / "course/mine.txt").read_text() == "mine"


def options(folder: Path) -> list[str]:
    """Return options for a book that is not built, and a folder with a file."""
    old = folder / "course" / "mine.txt"
    old.parent.mkdir()
    old.write_text("mine")
    return [f"--html={folder}", f"--target={old.parent}"]


def test_the_folder_has_every_chapter_and_no_solution_for_students(
    html: Path, tmp_path: Path
) -> None:
    number = make_course.copy_notebooks(html, tmp_path, "")
    students = sorted((tmp_path / "students").glob("*.ipynb"))
    assert number == len(students) > 0
    for path in students:
        content = json.loads(path.read_text("utf-8"))
        tags = [cell["metadata"].get("tags", []) for cell in content["cells"]]
        assert not [each for each in tags if "solution" in each], path.name
        assert "**Solution" not in path.read_text("utf-8"), path.name
        master = tmp_path / "assignments" / path.name
        assert "ASSIGNMENT CONFIG" in master.read_text("utf-8")
        gift = (tmp_path / "quizzes" / f"{path.stem}.gift").read_text("utf-8")
        assert gift.count("::quiz-") == 5, path.name
    assert NOWHERE not in "".join(p.read_text("utf-8") for p in students)


def code_of(path: Path) -> list[tuple[str, list[str]]]:
    """Return the code cells, with their tags, but the one that fetches the library."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [
        ("".join(cell["source"]), cell["metadata"].get("tags", []))
        for cell in cells
        if cell["cell_type"] == "code" and cell["id"] != "travel-setup"
    ]


def test_with_the_solutions_put_back_a_students_notebook_is_the_chapter(
    html: Path,
) -> None:
    """So whatever the chapter's run has shown of checks and solutions holds for it."""
    for chapter in course.chapters(html.parents[1]).values():
        students, instructors = (
            code_of(html / "notebooks" / copy / f"{chapter.name}.ipynb")
            for copy in make_course.COPIES
        )
        shown = [cell["source"] for cell in chapter.code]
        moved = [
            travelling.BESIDE.sub(
                r'f"{FILES}/\1"',
                travelling._CHAPTER_CALL.sub(r"\1, root=FILES)", source),
            )
            for source in shown
        ]
        assert [source for source, _ in instructors] == moved
        kept = [one for one in students if one[0] != travelling.STARTER]
        assert kept == [one for one in instructors if "solution" not in one[1]]
        solved = [source for source, tags in instructors if "solution" in tags]
        assert sum(".refuses(" in source for source in solved) >= 1, chapter.name


def test_a_deck_is_printed_a_slide_a_sheet(
    html: Path, browser: Browser, address: str, tmp_path: Path
) -> None:
    deck = max((html / "chapters").glob("*-slides.html"), default=None)
    if deck is None:
        pytest.skip("no slides were built: scripts/fetch_slides.py says why")
    page = browser.new_page()
    make_course.print_deck(page, f"{address}/chapters/{deck.name}", tmp_path / "a.pdf")
    page.close()
    sheets = PdfReader(tmp_path / "a.pdf").pages
    assert len(sheets) == deck.read_text("utf-8").count("<section class")
    assert "What to keep" in sheets[-1].extract_text()
