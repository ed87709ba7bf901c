"""The reader of notebooks: what a chapter is, and what is written in one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from mini_book import CELLS, SCALES, make_book, write_chapter, write_notebook

from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import BookError, Notebook


@pytest.fixture
def book(tmp_path: Path) -> Path:
    make_book(tmp_path)
    return tmp_path


def names(book: Path) -> list[str]:
    return [chapter.name for chapter in notebooks.chapters(book).values()]


# ---- which notebooks are chapters ----------------------------------------------------


def test_chapters_stand_in_the_order_of_the_contents_and_have_two_names(
    book: Path,
) -> None:
    write_chapter(book, "10-last", CELLS)
    write_chapter(book, "02-next", CELLS)
    found = notebooks.chapters(book)
    assert list(found) == ["01", "02", "10"]
    assert names(book) == ["01-mini", "02-next", "10-last"]
    chosen = notebooks.select(found, ["10", "02-next"])
    assert chosen == [found["10"], found["02"]]


@pytest.mark.parametrize(
    "name",
    [
        "01-mini-Copy1.ipynb",
        "02-draft.ipynb",
        "notes.ipynb",
        "_template.ipynb",
        ".ipynb_checkpoints/01-mini-checkpoint.ipynb",
    ],
)
def test_what_the_contents_do_not_name_is_no_chapter(book: Path, name: str) -> None:
    (book / "chapters" / ".ipynb_checkpoints").mkdir()
    (book / "chapters" / name).write_text("{}")
    assert names(book) == ["01-mini"]
    named_alike = name[:2].isdigit()
    assert [p.name for p in notebooks.unlisted(book)] == [name] * named_alike


def test_the_template_is_run_and_is_no_chapter(book: Path) -> None:
    assert list(notebooks.executed(book)) == ["01"]
    path = write_chapter(book, "_template", CELLS)
    assert list(notebooks.executed(book).items())[1:] == [("_template", Notebook(path))]
    assert names(book) == ["01-mini"]
    assert path not in notebooks.sources(book)


def test_the_contents_may_have_parts_sections_and_other_pages(book: Path) -> None:
    for name in ("02-b", "03-c", "04-d"):
        write_notebook(book, name, CELLS)
    inner = {"file": "chapters/02-b", "sections": [{"file": "chapters/03-c"}]}
    parts = [
        {"caption": "One", "chapters": [{"file": "chapters/01-mini"}, inner]},
        {"chapters": [{"file": "chapters/04-d.ipynb"}, {"file": "appendices/api"}]},
    ]
    toc = {"format": "jb-book", "root": "intro", "parts": parts}
    (book / "_toc.yml").write_text(yaml.safe_dump(toc))
    assert names(book) == ["01-mini", "02-b", "03-c", "04-d"]


def test_a_chapter_without_its_file_is_named_with_what_to_do(book: Path) -> None:
    (book / "chapters/01-mini.ipynb").unlink()
    with pytest.raises(BookError, match=r"names chapters/01-mini, .*; write the chap"):
        notebooks.chapters(book)


def test_two_chapters_with_one_number_are_refused(book: Path) -> None:
    write_chapter(book, "01-second", CELLS)
    with pytest.raises(BookError, match="01-second.ipynb and 01-mini.ipynb have the s"):
        notebooks.chapters(book)


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [(None, "there is no _toc.yml in"), ("a: [", r"_toc\.yml, line \d: not YAML")],
)
def test_contents_that_cannot_be_read_are_named(
    book: Path, contents: str | None, complaint: str
) -> None:
    (book / "_toc.yml").unlink()
    if contents is not None:
        (book / "_toc.yml").write_text(contents)
    with pytest.raises(BookError, match=complaint):
        notebooks.chapters(book)


def test_an_unknown_chapter_is_named_with_those_there_are(book: Path) -> None:
    with pytest.raises(BookError, match="no chapter '07'; the chapters are 01 "):
        notebooks.select(notebooks.chapters(book), ["07"])


# ---- what is written in one ----------------------------------------------------------


def test_texts_that_a_file_cuts_into_lines_are_read_in_one_piece() -> None:
    data = {"text/html": ["<b>", "</b>"], "application/x+json": ["a", "b"]}
    printed = {"output_type": "stream", "text": ["one\n", "two\n"]}
    shown = {"output_type": "display_data", "data": data}
    cell = {
        "cell_type": "code",
        "source": ["n = 1\n", "n"],
        "outputs": [printed, shown],
        "metadata": {},
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4}
    (read,) = notebooks.parse(json.dumps(notebook))["cells"]
    assert read["source"] == "n = 1\nn"
    assert read["outputs"][0]["text"] == "one\ntwo\n"
    assert read["outputs"][1]["data"] == {**data, "text/html": "<b></b>"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [1]}', '{"cells": 3}'])
def test_another_file_is_no_notebook(book: Path, text: str) -> None:
    (book / "chapters/01-mini.ipynb").write_text(text)
    with pytest.raises(BookError, match=r"01-mini\.ipynb: not a notebook"):
        notebooks.checked(book)


def test_a_checkout_with_other_line_ends_reads_the_same(book: Path) -> None:
    path = book / "chapters/01-mini.ipynb"
    before = Notebook(path).content
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Notebook(path).content == before


def test_scales_are_read_without_running_the_chapter(book: Path) -> None:
    cells = ["raise SystemExit('must not run')", f"SCALES = {SCALES!r}", "use(SCALES)"]
    path = write_chapter(book, "03-x", [("code", cell, []) for cell in cells])
    assert Notebook(path).scales == SCALES


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (["x = 1"], "assigned 0 times"),
        (["SCALES = {}", "SCALES = {}"], "assigned 2 times"),
        (["SCALES = {'ci': dict(n=2)}"], "must be a pure literal"),
        (["SCALES = {'ci': {'n': 10 * k}}"], "must be a pure literal"),
        (["SCALES = ['ci']"], "SCALES must map each scale's name to a dictionary"),
        (["!echo SCALES"], "the cell `!echo SCALES` is not Python"),
    ],
)
def test_scales_must_be_one_literal(book: Path, sources: list[str], words: str) -> None:
    path = write_chapter(book, "03-x", [("code", cell, []) for cell in sources])
    with pytest.raises(BookError, match=rf"03-x\.ipynb.*{words}"):
        _ = Notebook(path).scales


# ---- the book itself -----------------------------------------------------------------


def test_a_copy_stops_nothing_in_the_book_itself(root: Path, tmp_path: Path) -> None:
    """With a student's copies beside them, the chapters are those of the contents."""
    shutil.copy(root / "_toc.yml", tmp_path)
    shutil.copytree(root / "chapters", tmp_path / "chapters")
    shutil.copytree(root / "results", tmp_path / "results")
    before = notebooks.checked(tmp_path)
    for chapter in before.values():
        shutil.copy(chapter.path, chapter.path.with_stem(f"{chapter.name}-Copy1"))
    assert notebooks.checked(tmp_path) == before
    assert len(before) >= 9


def test_nbval_leaves_copies_alone(
    root: Path, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    def ignored(path: Path) -> bool:
        hook = pytestconfig.hook.pytest_ignore_collect
        return bool(hook(collection_path=path, path=None, config=pytestconfig))

    for notebook in notebooks.executed(root).values():
        assert not ignored(notebook.path)
        assert ignored(notebook.path.with_stem(f"{notebook.name}-Copy1"))
    assert not ignored(root / "chapters" / "helper.py")
    assert not ignored(tmp_path / "02-fixture.ipynb")
