"""Whatever is wrong with the book's files, each script says so in one short message."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import build_book
import execute
import pytest
import reproduce
import update_readme
import yaml
from hostile import BOMB
from mini_book import CLAIMS, edit_json, make_book

NOTEBOOK = "chapters/01-mini.ipynb"


def edited(name: str, change: Callable[[Any], object]) -> Callable[[Path], object]:
    return lambda book: edit_json(book / name, change)


def written(name: str, text: str | bytes) -> Callable[[Path], object]:
    content = text if isinstance(text, bytes) else text.encode()
    return lambda book: (book / name).write_bytes(content)


def gone(name: str) -> Callable[[Path], object]:
    def remove(book: Path) -> None:
        path = book / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def folder(name: str) -> Callable[[Path], object]:
    def replace(book: Path) -> None:
        (book / name).unlink()
        (book / name).mkdir()

    return replace


def twice(book: Path) -> None:
    """Name a copy of a chapter in the contents."""
    shutil.copy(book / NOTEBOOK, book / "chapters/01-copy.ipynb")
    toc = yaml.safe_load((book / "_toc.yml").read_text())
    toc["chapters"].append({"file": "chapters/01-copy"})
    (book / "_toc.yml").write_text(yaml.safe_dump(toc))


def in_each_cell(**fields: Any) -> Callable[[Path], object]:
    return edited(NOTEBOOK, lambda nb: [cell.update(fields) for cell in nb["cells"]])


CLAIM = "claims.yaml"

#: What is wrong -> how to make it so, and what the message says of it.
WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "an empty notebook": (written(NOTEBOOK, ""), "01-mini.ipynb: not a notebook"),
    "half a notebook": (
        lambda book: (book / NOTEBOOK).write_text((book / NOTEBOOK).read_text()[:99]),
        "01-mini.ipynb: not a notebook",
    ),
    "a notebook with marks of a merge": (
        written(NOTEBOOK, "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> b\n"),
        "01-mini.ipynb: not a notebook",
    ),
    "a list for a notebook": (written(NOTEBOOK, "[]"), "got []; allowed: a notebook"),
    "a number for a cell": (
        edited(NOTEBOOK, lambda nb: nb["cells"].append(7)),
        "cells.4: got 7; allowed",
    ),
    "cells without source": (
        edited(NOTEBOOK, lambda nb: [cell.pop("source") for cell in nb["cells"]]),
        "cells.0: source missing",
    ),
    "a number for a source": (in_each_cell(source=5), "cells.0.source: got 5"),
    "cells of an unknown kind": (in_each_cell(cell_type="x"), "cell_type: got 'x'"),
    "a text for outputs": (in_each_cell(outputs="x"), "cells.0.outputs: got 'x'"),
    "a notebook of format 3": (
        edited(NOTEBOOK, lambda nb: nb.update(nbformat=3)),
        "nbformat: got 3; allowed: 4",
    ),
    "a run that was written down wrongly": (
        edited(NOTEBOOK, lambda nb: nb["metadata"].update(collapse={"uses": 3})),
        "collapse.uses: got 3",
    ),
    "a notebook that is no UTF-8": (written(NOTEBOOK, b"\xff\xfe{"), "not UTF-8"),
    "a notebook 10,000 deep": (written(NOTEBOOK, "[" * 10_000), "nested more than"),
    "the same key twice": (written(NOTEBOOK, '{"cells": [], "cells": []}'), "twice"),
    "a missing notebook": (gone(NOTEBOOK), "no file chapters/01-mini.ipynb"),
    "a folder for a notebook": (folder(NOTEBOOK), "no file chapters/01-mini.ipynb"),
    "a notebook twice": (twice, "01-copy.ipynb and 01-mini.ipynb have the same numb"),
    "no contents": (gone("_toc.yml"), "there is no _toc.yml"),
    "empty contents": (written("_toc.yml", ""), "_toc.yml: got None; allowed: format"),
    "a text for contents": (written("_toc.yml", "chapters"), "_toc.yml: got 'chapt"),
    "contents that are not YAML": (written("_toc.yml", "a: ["), "not YAML"),
    "a number for a page": (written("_toc.yml", "chapters: [file: 3]"), "got 3"),
    "a bomb for contents": (written("_toc.yml", BOMB), "aliases (*name) stand for"),
    "contents with a tab": (
        written("_toc.yml", "a:\n\t- b"),
        "_toc.yml, line 2: not Y",
    ),
    "no claims file": (gone(CLAIM), "no claims file at"),
    "a folder for a claims file": (folder(CLAIM), "no claims file at"),
    "an empty claims file": (written(CLAIM, ""), "claims.yaml: got None"),
    "a claims file that is not YAML": (written(CLAIM, "claims: ]"), "line 1: not YAML"),
    "a list for a claims file": (written(CLAIM, "[]"), "claims.yaml: got []"),
    "a text for a claim": (
        written(CLAIM, json.dumps({**CLAIMS, "claims": ["C01"]})),
        "claims.yaml, entry 1: got 'C01'",
    ),
    "a claim without chapter": (
        edited(CLAIM, lambda content: content["claims"][0].pop("chapter")),
        "claims.yaml, claim C01: chapter missing",
    ),
    "a bomb for a claims file": (written(CLAIM, BOMB), "aliases (*name) stand for"),
    "an alias that contains itself": (written(CLAIM, "a: &a [*a]"), "contains itself"),
    "a key that is no text": (written(CLAIM, "on: 1"), "the key True is no text"),
    "a list for a key": (written(CLAIM, "? [a]\n: 1"), "claims.yaml"),
    "an object of Python": (
        written(CLAIM, "!!python/object:os.system {}"),
        "could not determine a constructor",
    ),
    "a date that is none": (written(CLAIM, "a: 2026-13-45"), "month must be in"),
    "a number too long": (written(CLAIM, f"a: {'9' * 9999}"), "claims.yaml: not YAML"),
}

#: Wrong only for what shows chapters.
WRONG_TO_SHOW: dict[str, tuple[Callable[[Path], object], str]] = {
    "no title": (
        edited(NOTEBOOK, lambda nb: nb["cells"][0].update(source="no heading")),
        "01-mini.ipynb: no heading of level 1",
    ),
}

#: Wrong only for what executes chapters.
WRONG_TO_RUN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no pyproject.toml": (gone("pyproject.toml"), "pyproject.toml: cannot be read"),
    "an empty pyproject.toml": (written("pyproject.toml", ""), "no list project.dep"),
    "a pyproject.toml that is none": (written("pyproject.toml", "a = "), "pyproject"),
    "no lock file": (gone("requirements.lock"), "there is no requirements"),
    "a lock file that is none": (
        written("requirements.lock", "numpy>=2"),
        "requirements.lock: got 'numpy>=2'; allowed: name==version",
    ),
}

#: Wrong only for what builds pages.
WRONG_TO_BUILD: dict[str, tuple[Callable[[Path], object], str]] = {
    **WRONG_TO_SHOW,
    "printed text without a text": (
        in_each_cell(outputs=[{"output_type": "stream"}]),
        "01-mini.ipynb: ",
    ),
    "no settings": (gone("_config.yml"), "_config.yml: cannot be read"),
    "empty settings": (written("_config.yml", ""), "_config.yml: got no settings"),
    "settings that are not YAML": (written("_config.yml", "a: ["), "_config.yml, line"),
    "contents without a root": (
        written("_toc.yml", "format: jb-book\nchapters: [file: chapters/01-mini]"),
        "_toc.yml: 'root' key not found",
    ),
    "contents of another format": (
        written("_toc.yml", "format: x\nroot: intro"),
        "_toc.yml: 'format' key",
    ),
    "an item of contents that names nothing": (
        written("_toc.yml", "format: jb-book\nroot: intro\nchapters: [caption: x]"),
        "_toc.yml: ",
    ),
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    make_book(tmp_path)
    (tmp_path / "README.md").write_text(
        "<!-- ledger:start --><!-- ledger:end --><!-- chapters:start -->"
        "<!-- chapters:end -->"
    )
    (tmp_path / "_config.yml").write_text("title: t\nauthor: a\n")
    return tmp_path


def says(capsys: Any, status: int, words: str) -> None:
    out, err = capsys.readouterr()
    assert status != 0
    assert words in err
    assert "Traceback" not in err + out
    assert err.count("\n") == 1 and len(err) < 2000


def no_build(*_: object, **__: object) -> None:
    raise AssertionError("a book with this fault must not get as far as Sphinx")


@pytest.mark.parametrize("fault", {**WRONG, **WRONG_TO_RUN})
def test_execute_says_what_is_wrong(fault: str, book: Path, capsys: Any) -> None:
    make, words = {**WRONG, **WRONG_TO_RUN}[fault]
    make(book)
    says(capsys, execute.main(["--check"], book), words)


@pytest.mark.parametrize("fault", {**WRONG, **WRONG_TO_BUILD})
def test_the_build_says_what_is_wrong(
    fault: str, book: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = {**WRONG, **WRONG_TO_BUILD}[fault]
    make(book)
    monkeypatch.setattr("build_book.subprocess.run", no_build)
    monkeypatch.setattr("build_book.content_hash", lambda _root: "")
    says(capsys, build_book.build(book), words)


@pytest.mark.parametrize("fault", {**WRONG, **WRONG_TO_SHOW})
def test_update_readme_says_what_is_wrong(fault: str, book: Path, capsys: Any) -> None:
    make, words = {**WRONG, **WRONG_TO_SHOW}[fault]
    make(book)
    says(capsys, update_readme.main([], book), words)


@pytest.mark.parametrize("fault", [f for f in WRONG if "contents" in f or "note" in f])
def test_reproduce_says_what_is_wrong(fault: str, book: Path, capsys: Any) -> None:
    make, words = WRONG[fault]
    make(book)
    says(capsys, reproduce.main(["01", "laptop"], book), words)
