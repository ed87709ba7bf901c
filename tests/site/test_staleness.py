"""When a chapter's stored outputs count as out of date."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mini_book import LOCK, PYPROJECT, edit_json, make_book
from staleness import ROOT, Inputs, tracked

from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import Notebook


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book whose one chapter bears the marks of a run that just ended."""
    chapter = Notebook(make_book(tmp_path))
    (tmp_path / "collapse_lib" / "words.csv").write_text("the,1\n")
    (tmp_path / "collapse_lib" / "unused.py").write_text("")
    inputs = Inputs(tmp_path)
    uses = inputs.uses(["collapse_lib/core.py"], ["numpy", "PyYAML", "pytest"])
    made = {"fingerprint": inputs.fingerprint(chapter, uses), "uses": uses}

    def mark(notebook: Any) -> None:
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        for count, cell in enumerate(code, start=1):
            cell["execution_count"] = count
        notebook["metadata"]["collapse"] = {**made, "seconds": 1}

    edit_json(chapter.path, mark)
    return tmp_path


def reason(book: Path) -> str:
    (chapter,) = notebooks.chapters(book).values()
    return Inputs(book).stale_because(chapter)


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
    "a data file beside a module": (
        lambda book: (book / "collapse_lib" / "words.csv").write_text("the,2\n"),
        "collapse_lib changed",
    ),
    "a data file that is gone": (
        lambda book: (book / "collapse_lib" / "words.csv").unlink(),
        "collapse_lib changed",
    ),
    "the locked version of a run-time dependency": (
        lambda book: (book / "requirements.lock").write_text(
            LOCK.replace("6.0.3", "6.0.4")
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
    "a run-time dependency that the chapter does not import": lambda book: (
        book / "pyproject.toml"
    ).write_text(PYPROJECT.replace('"numpy>=2.0"', '"numpy>=2.0", "pytest"')),
    "a module that the chapter does not import": lambda book: (
        book / "collapse_lib" / "unused.py"
    ).write_text("changed = True"),
    "a new module": lambda book: _write(book / "collapse_lib" / "new.py"),
    "a new file beside a module": lambda book: _write(book / "collapse_lib/Thumbs.db"),
    "an editor's backup": lambda book: _write(book / "collapse_lib" / "core.py~"),
    "a stub": lambda book: _write(book / "collapse_lib" / "__init__.pyi"),
    "how lines end": lambda book: [
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        for path in book.rglob("*")
        if path.is_file()
    ],
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


def test_a_missing_claims_file_is_an_error(book: Path) -> None:
    (book / "claims.yaml").unlink()
    with pytest.raises(FileNotFoundError, match="no claims file at"):
        reason(book)


def test_the_fingerprint_is_the_same_in_another_folder(
    book: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    make_book(other)
    uses = {"files": ["collapse_lib/core.py"], "packages": ["numpy"]}
    first, second = (
        Inputs(folder).fingerprint(Notebook(folder / "chapters/01-mini.ipynb"), uses)
        for folder in (book, other)
    )
    assert first == second
    assert json.loads(json.dumps(first)) == first


# ---- which files count ---------------------------------------------------------------

COUNT = {"a.py", "new.md", "sub/b.py"}
IGNORED = {"a.py~", "sub/Thumbs.db", "__pycache__/a.pyc", "x.egg-info/y", "_build/z"}


@pytest.mark.parametrize("by", ["git", "names"])
def test_files_count_that_git_would_track(by: str, tmp_path: Path, root: Path) -> None:
    shutil.copy(root / ".gitignore", tmp_path)
    if by == "git":
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in COUNT | IGNORED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    if by == "git":  # one that is committed and gone does not count
        (tmp_path / "gone.py").write_text("")
        subprocess.run(["git", "-C", str(tmp_path), "add", "gone.py"], check=True)
        (tmp_path / "gone.py").unlink()
    assert {name for name in tracked(tmp_path) if name != ".gitignore"} == COUNT


def test_a_folder_that_a_repository_ignores_is_still_read(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("book/\n")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "a.py").write_text("")
    assert tracked(tmp_path / "book") == ["a.py"]


# ---- the book itself -----------------------------------------------------------------

CHAPTERS = list(notebooks.chapters(ROOT).values())


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return Inputs(ROOT)


@pytest.mark.parametrize(
    "notebook", notebooks.executed(ROOT).values(), ids=lambda n: n.name
)
def test_the_committed_outputs_are_fresh(notebook: Notebook, inputs: Inputs) -> None:
    because = inputs.stale_because(notebook)
    assert not because, f"{because}; run `make notebooks` and commit the notebook"


def test_models_make_only_the_chapters_stale_that_use_them(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = {c.number: {*c.metadata["collapse"]["uses"]["files"]} for c in CHAPTERS}
    models = {name for name in used["09"] if "/models/language/" in name}
    assert len(models) >= 5
    for model in models:
        users = [c.number for c in CHAPTERS if model in used[c.number]]
        assert "09" in users and len(users) <= 3
        with monkeypatch.context() as patch:
            patch.setitem(inputs.library, model, "another hash")
            stale = [c.number for c in CHAPTERS if inputs.stale_because(c)]
        assert stale == users, model
