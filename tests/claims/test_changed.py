"""The page on how we could be wrong says what the history and the ledger say."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import changed
import pytest
import yaml
from scipy import stats

from collapse_lib import claims

CHECK = {
    "what": "Its size",
    "expected": 1.0,
    "tolerance": {"se": 4, "reason": "exact"},
    "control": {"what": "another"},
}


def page(root: Path) -> str:
    return (root / changed.PAGE).read_text("utf-8")


@pytest.fixture(scope="module")
def past(root: Path) -> list[changed.Commit]:
    """The changes up to where the page's list goes."""
    until = changed.until_of(changed.marked(page(root))[1])
    try:
        changed.git(root, "cat-file", "-e", f"{until}^{{commit}}")
        return changed.history(root, until)
    except changed.NoHistoryError as error:
        pytest.skip(f"this checkout has no history to hold the page against: {error}")


# ---- the page ------------------------------------------------------------------------


def test_the_list_of_changes_is_that_of_the_history(
    root: Path, past: list[changed.Commit]
) -> None:
    block = changed.marked(page(root))[1]
    assert block == changed.listed(past, changed.until_of(block)), (
        "run `python scripts/changed.py --write`"
    )


def test_every_claim_whose_check_changed_after_a_look_is_on_the_page(
    root: Path, past: list[changed.Commit]
) -> None:
    before, _, after = changed.marked(page(root))
    told = set(re.findall(r"\b[CL]\d+[a-z]?\b", before + after))
    ranges = r"`([CL])(\d+)[a-z]?` to \{claim\}`[CL](\d+)[a-z]?`"
    for letter, first, last in re.findall(ranges, before + after):
        told |= {f"{letter}{n:02d}" for n in range(int(first), int(last) + 1)}
    moved = {
        change.claim
        for commit in past
        for change in (*commit.after, *commit.together)
        if change.kind in ("tolerance", "expected", "check removed")
    }
    assert moved, "the history has changes"
    assert not moved - told


def test_every_commit_that_the_page_names_is_in_the_past(
    root: Path, past: list[changed.Commit]
) -> None:
    assert past
    named = set(re.findall(r"`([0-9a-f]{7})`", page(root)))
    assert len(named) > 10
    known = changed.git(root, "log", "--format=%h", "--abbrev=7").split()
    assert not named - {name[:7] for name in known}


def test_every_claim_that_the_page_names_is_in_the_ledger(root: Path) -> None:
    named = set(re.findall(r"\{claim\}`(\w+)`", page(root)))
    assert len(named) > 20
    assert not named - set(claims.load())


def test_the_chances_that_the_page_types_are_right(root: Path) -> None:
    text = " ".join(page(root).split())
    once = 1 / (2 * stats.norm.sf(4))
    assert f"off once in {round(once, -3):,.0f} times" in text
    twelve = once * 2 * stats.t(19).sf(4)
    assert round(twelve) == 12 and "is twelve times as frequent" in text
    assert round(1 / stats.norm.sf(claims.ledger.DOUBT)) == 44
    assert "one run in 44 is decided" in text


# ---- the history of a small book -----------------------------------------------------


class Book:
    """A repository with a ledger of two claims and a chapter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "chapters").mkdir()
        self.git("init", "-q")
        self.claims = {name: {"size": dict(CHECK)} for name in ("C01", "C02")}
        self.notebook: list[str] = []

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "gc.auto=0")
        command = ["git", "-C", str(self.folder), *who, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self) -> None:
        entries = [
            {"id": name, "title": "T", "chapter": "01", "checks": checks}
            for name, checks in self.claims.items()
        ]
        text = "# A ledger\nclaims:\n\n"
        for each in entries:
            body = yaml.safe_dump(each, sort_keys=False, default_style=None)
            body = body.replace("chapter: '01'", 'chapter: "01"')
            text += "- " + body.replace("\n", "\n  ").rstrip() + "\n\n# -- next --\n\n"
        (self.folder / "claims.yaml").write_text(text)
        cells = [{"claim": name} for name in self.notebook]
        content = json.dumps({"cells": cells}, indent=1)
        (self.folder / "chapters/01-a.ipynb").write_text(content)
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "a commit")

    def change(self, claim: str, **fields: Any) -> None:
        self.claims[claim]["size"] = {**self.claims[claim]["size"], **fields}
        self.commit()


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path)
    made.commit()
    return made


WIDE = {"se": 4, "abs": 0.5, "reason": "wide"}


def test_a_change_counts_once_the_numbers_were_stored(book: Book) -> None:
    book.change("C01", tolerance=WIDE)  # before any number
    assert changed.history(book.folder) == []
    book.notebook = ["C01"]
    book.commit()
    book.change("C02", tolerance=WIDE)  # no number of this one
    assert changed.history(book.folder) == []
    book.change("C01", tolerance={"se": 4, "reason": "narrow"}, expected=2.0)
    [commit] = changed.history(book.folder)
    assert commit.together == ()
    assert commit.after == (
        changed.Change("tolerance", "C01", ("size",)),
        changed.Change("expected", "C01", ("size",)),
    )
    text = changed.listed([commit], "abcdef0")
    assert f"- `{commit.name}`, " in text
    assert "tolerance changed: C01 (size); expected number changed: C01 (size)." in text
    assert changed.until_of(text) == "abcdef0"


def test_a_change_that_comes_with_the_first_numbers_is_told_apart(book: Book) -> None:
    book.notebook = ["C01"]
    book.change("C01", tolerance=WIDE)
    [commit] = changed.history(book.folder)
    assert commit.after == ()
    assert commit.together == (changed.Change("tolerance", "C01", ("size",)),)
    assert "together with the first numbers, tolerance" in changed.listed([commit], "0")


def test_words_and_notation_are_no_change(book: Book) -> None:
    book.notebook = ["C01"]
    book.commit()
    book.change("C01", what="Its height", tolerance={"reason": "exact!", "se": 4.0})
    assert changed.history(book.folder) == []


def test_a_renamed_letter_makes_no_other_control() -> None:
    before = {"what": "the same with n = 100, held against 1/n"}
    renamed = {"what": "the same with M = 100, held against 1/M"}
    other = {"what": "the same with M = 10, held against 1/M"}
    assert changed.meaning(before) == changed.meaning(renamed)
    assert changed.meaning(before) != changed.meaning(other)
    assert changed.meaning(before) != changed.meaning(None)


def test_checks_and_controls_that_come_and_go_are_listed(book: Book) -> None:
    book.notebook = ["C01", "C02"]
    del book.claims["C02"]["size"]["control"]
    book.commit()
    book.claims["C01"]["more"] = CHECK
    book.change("C02", control={"none": "it fails by itself"})
    del book.claims["C01"]["more"]
    book.change("C02", control={"what": "something else"})
    first, second = changed.history(book.folder)[-2:]
    assert [change.kind for change in first.after] == ["check added", "controls"]
    assert [change.kind for change in second.after] == ["check removed", "control"]


def test_without_its_history_a_checkout_is_told_so(
    book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "no repository"
    empty.mkdir()
    (empty / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(changed.NoHistoryError, match="rev-parse failed"):
        changed.history(empty)
    assert changed.main([], empty) == 1
    assert "rev-parse failed" in capsys.readouterr().err
    shallow = tmp_path / "shallow"
    book.git("clone", "-q", "--depth=1", f"file://{book.folder}", str(shallow))
    with pytest.raises(changed.NoHistoryError, match="only the end of the history"):
        changed.history(shallow)
    assert changed.main(["--what"], empty) == 2


def test_the_list_is_written_between_its_marks(book: Book) -> None:
    book.notebook = ["C01"]
    book.commit()
    book.change("C01", expected=3.0)
    path = book.folder / changed.PAGE
    path.parent.mkdir()
    path.write_text(f"Before.\n{changed.BEGIN}\nold\n{changed.END}\nAfter.\n")
    assert changed.main(["--write"], book.folder) == 0
    before, block, after = changed.marked(path.read_text())
    assert (before, after) == ("Before.\n", "\nAfter.\n")
    assert "expected number changed: C01 (size)." in block and "old" not in block
