"""When a chapter's stored outputs count as out of date."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mini_book import LOCK, PYPROJECT, edit_json, make_book
from notebook_files import (
    ROOT,
    Chapter,
    code_cells,
    find_chapters,
    read_notebook,
    write_notebook,
)
from staleness import fingerprint, stale_because


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book whose one chapter bears the marks of a run that just ended."""
    chapter = Chapter(make_book(tmp_path), "01")
    notebook = read_notebook(chapter.path)
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell["execution_count"] = count
    now = fingerprint(notebook, chapter, tmp_path)
    notebook["metadata"]["collapse"] = {"fingerprint": now, "seconds": 1}
    write_notebook(notebook, chapter.path)
    return tmp_path


def reason(book: Path) -> str:
    (chapter,) = find_chapters(book)
    return stale_because(read_notebook(chapter.path), chapter, book)


def edit_notebook(book: Path, change: Callable[[Any], None]) -> None:
    edit_json(book / "chapters" / "01-mini.ipynb", change)


def edit_claim(book: Path, index: int) -> None:
    edit_json(
        book / "claims.yaml", lambda ledger: ledger["claims"][index].update(title="new")
    )


def test_a_chapter_just_executed_is_fresh(book: Path) -> None:
    assert reason(book) == ""


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "the source of a cell": (
        lambda book: edit_notebook(book, lambda nb: nb["cells"][3].update(source="1")),
        "its code changed",
    ),
    "a tag of a cell": (
        lambda book: edit_notebook(
            book, lambda nb: nb["cells"][3]["metadata"]["tags"].append("photo")
        ),
        "its code changed",
    ),
    "where one cell ends and the next begins": (
        lambda book: edit_notebook(book, _move_line),
        "its code changed",
    ),
    "a module": (
        lambda book: (book / "collapse_lib" / "core.py").write_text("answer = 43\n"),
        "collapse_lib changed",
    ),
    "the name of a module": (
        lambda book: (book / "collapse_lib" / "core.py").rename(
            book / "collapse_lib" / "kernel.py"
        ),
        "collapse_lib changed",
    ),
    "a data file of the library": (
        lambda book: (book / "collapse_lib" / "words.csv").write_text("the,1\n"),
        "collapse_lib changed",
    ),
    "the locked version of a run-time dependency": (
        lambda book: (book / "requirements.lock").write_text(
            LOCK.replace("6.0.3", "6.0.4")
        ),
        "a locked dependency changed",
    ),
    "a new run-time dependency": (
        lambda book: (book / "pyproject.toml").write_text(
            PYPROJECT.replace('"numpy>=2.0"', '"numpy>=2.0", "pytest"')
        ),
        "a locked dependency changed",
    ),
    "a claim of the chapter": (
        lambda book: edit_claim(book, 0),
        "its claims in claims.yaml changed",
    ),
    "a stored result": (
        lambda book: (book / "results/01/laptop.json").write_text('{"x": 1}'),
        "its stored results changed",
    ),
    "texts of a stored run": (
        lambda book: _write(book / "results/01/texts/laptop.json"),
        "its stored results changed",
    ),
    "an image of a stored run": (
        lambda book: _write(book / "results/01/laptop-digits.png"),
        "its stored results changed",
    ),
    "a new stored result": (
        lambda book: (book / "results/01/paper.json").write_text("{}"),
        "its stored results changed",
    ),
    "outputs cleared in JupyterLab": (
        lambda book: edit_notebook(
            book, lambda nb: nb["cells"][3].update(execution_count=None)
        ),
        "it has cells that did not run, or not in order",
    ),
    "cells run out of order": (
        lambda book: edit_notebook(
            book, lambda nb: nb["cells"][3].update(execution_count=7)
        ),
        "it has cells that did not run, or not in order",
    ),
    "a notebook that was never executed": (
        lambda book: edit_notebook(book, lambda nb: nb["metadata"].clear()),
        "its outputs were never made by scripts/execute.py",
    ),
}


def _move_line(notebook: Any) -> None:
    """Move the text of the last cell into the one before; keep the joined text."""
    before, last = notebook["cells"][2:]
    text = "".join(before["source"]) + "\n" + "".join(last["source"])
    before["source"], last["source"] = text[:4], text[4:]


@pytest.mark.parametrize("change", CHANGES)
def test_stale_after_a_change_of(change: str, book: Path) -> None:
    make_change, expected = CHANGES[change]
    make_change(book)
    assert reason(book) == expected


UNRELATED: dict[str, Callable[[Path], object]] = {
    "prose": lambda book: edit_notebook(
        book, lambda nb: nb["cells"][0].update(source="# Better words")
    ),
    "a caption": lambda book: edit_notebook(
        book, lambda nb: nb["cells"][3]["metadata"].update(mystnb={"caption": "new"})
    ),
    "a claim of another chapter": lambda book: edit_claim(book, 1),
    "the locked version of a tool": lambda book: (
        book / "requirements.lock"
    ).write_text(LOCK.replace("pytest==9.2.0", "pytest==9.3.0")),
    "a lower bound": lambda book: (book / "pyproject.toml").write_text(
        PYPROJECT.replace("numpy>=2.0", "numpy>=2.1")
    ),
    "bytecode": lambda book: _write(
        book / "collapse_lib/__pycache__/core.cpython-311.pyc"
    ),
    "a result of another chapter": lambda book: _write(book / "results/02/paper.json"),
    "a checkpoint": lambda book: _write(book / "results/01/laptop.checkpoint.npz"),
}


def _write(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")


@pytest.mark.parametrize("change", UNRELATED)
def test_still_fresh_after_a_change_of(change: str, book: Path) -> None:
    UNRELATED[change](book)
    assert reason(book) == ""


def test_two_changes_are_both_named(book: Path) -> None:
    edit_claim(book, 0)
    (book / "collapse_lib" / "core.py").write_text("")
    assert reason(book) == "collapse_lib and its claims in claims.yaml changed"


def test_a_dependency_without_a_locked_version_is_an_error(book: Path) -> None:
    (book / "requirements.lock").write_text("numpy==2.4.6\n")
    with pytest.raises(ValueError, match="requirements.lock pins no version of pyyaml"):
        reason(book)


def test_a_missing_claims_file_is_no_claims(book: Path) -> None:
    (book / "claims.yaml").unlink()
    assert reason(book) == "its claims in claims.yaml changed"


def test_the_fingerprint_is_the_same_in_another_folder(
    book: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    chapters = [Chapter(book / "chapters/01-mini.ipynb", "01")]
    chapters.append(Chapter(make_book(other), "01"))
    first, second = (
        fingerprint(read_notebook(chapter.path), chapter, folder)
        for chapter, folder in zip(chapters, (book, other), strict=True)
    )
    assert first == second
    assert json.loads(json.dumps(first)) == first


@pytest.mark.parametrize("chapter", find_chapters(ROOT), ids=lambda c: c.name)
def test_the_committed_outputs_are_fresh(chapter: Chapter) -> None:
    because = stale_because(read_notebook(chapter.path), chapter, ROOT)
    assert not because, f"{because}; run `make notebooks` and commit the notebook"
