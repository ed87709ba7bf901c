"""List what was changed in checks after their numbers were stored, by the history.

python scripts/changed.py          print the list, up to the newest commit
python scripts/changed.py --write  put it into appendices/how-we-could-be-wrong.md

A change is of the numbers of a tolerance, of the expected number, of a control, or of
which checks there are. It counts if the chapter's stored outputs had a verdict on the
claim in the commit before (*after a look*), or have their first one in the same commit
(*together with the numbers*: then the history does not tell which came first). Words
are not compared, nor the letters in a control, and neither are merges: what they join
is listed where it was made.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = Path("appendices/how-we-could-be-wrong.md")
LEDGER = "claims.yaml"
BEGIN, END = "<!-- from the history -->", "<!-- until here -->"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Kind of change -> the order in which the list has them.
KINDS = ("tolerance", "expected", "check removed", "check added", "control", "controls")
SAID = {
    "tolerance": "tolerance changed",
    "expected": "expected number changed",
    "check removed": "check removed",
    "check added": "check added",
    "control": "control replaced",
    "controls": "controls added",
}


class NoHistoryError(Exception):
    """Raised where there is no checkout with its whole history."""


@dataclass(frozen=True)
class Change:
    """One change of one claim: a key of `KINDS`, and the names of the checks."""

    kind: str
    claim: str
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Commit:
    """What one commit changed, after a look and together with the first numbers."""

    name: str
    date: str
    after: tuple[Change, ...]
    together: tuple[Change, ...]


def git(root: Path, *arguments: str) -> str:
    """Return what git says; raise NoHistoryError if it cannot."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=True,
            encoding="utf-8",
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoHistoryError(f"git {arguments[0]} failed in {root}: {error}") from None
    return done.stdout


def claims_of(text: str) -> dict[str, str]:
    """Return the entry of each claim in a ledger, as it is written."""
    entries = re.split(r"^- id: ", text, flags=re.MULTILINE)[1:]
    return {entry.split(maxsplit=1)[0].strip("\"'"): entry for entry in entries}


def checks_of(entry: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the checks of an entry by name."""
    own = re.split(r"^#", entry, flags=re.MULTILINE)[0]
    content = yaml.load("id: " + own.replace("\n  ", "\n"), Loader=LOADER)
    return content.get("checks") or {}


def numbers(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a tolerance."""
    return {k: v for k, v in check["tolerance"].items() if k != "reason"}


def meaning(control: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a control without its letters: a renamed symbol makes no other one."""
    if control is None:
        return None
    return {
        key: re.sub(r"\b[^\W\d_]\b", "_", str(told)) for key, told in control.items()
    }


def changes(claim: str, before: str, after: str) -> Iterator[Change]:
    """Yield what was changed from one entry of a claim to another."""
    old, new = checks_of(before), checks_of(after)
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for name in sorted({*old, *new}):
        if name not in new or name not in old:
            found["check added" if name in new else "check removed"].append(name)
            continue
        was, now = old[name], new[name]
        if numbers(was) != numbers(now):
            found["tolerance"].append(name)
        if was.get("expected") != now.get("expected"):
            found["expected"].append(name)
        if meaning(was.get("control")) != meaning(now.get("control")):
            found["control" if was.get("control") else "controls"].append(name)
    for kind, names in found.items():
        if names:
            yield Change(kind, claim, tuple(names))


def judged_in(root: Path, commit: str, chapters: set[str]) -> set[str]:
    """Return the claims on which these chapters have a stored verdict in a commit."""
    names = git(root, "ls-tree", "--name-only", commit, "chapters/").split()
    own = [n for n in names if n.endswith(".ipynb") and n[9:11] in chapters]
    found = set()
    for name in own:
        text = git(root, "show", f"{commit}:{name}")
        found |= set(re.findall(r'^ *"claim": "(\w+)",?$', text, flags=re.MULTILINE))
    return found


def history(root: Path, until: str = "HEAD") -> list[Commit]:
    """Return the commits that changed a check after or with its first numbers.

    Raises
    ------
    NoHistoryError
        If there is no history, or only the end of one.
    """
    if git(root, "rev-parse", "--is-shallow-repository").strip() != "false":
        raise NoHistoryError("the checkout has only the end of the history")
    listed = git(
        root,
        *("log", "--topo-order", "--reverse", "--no-merges", "--date=format:%-d %B"),
        *("--format=%H %P %ad", until, "--", LEDGER),
    )
    found = []
    for line in listed.splitlines():
        name, parent, date = line.split(maxsplit=2)
        if re.fullmatch("[0-9a-f]{40}", parent):
            found += list(_changed_in(root, name, parent, date))
    return found


def _changed_in(root: Path, name: str, parent: str, date: str) -> Iterator[Commit]:
    """Yield the commit, if it changed a check whose numbers were known."""
    before, after = (_ledger(root, commit) for commit in (parent, name))
    both = [claim for claim in after if before.get(claim, after[claim]) != after[claim]]
    made = [c for claim in both for c in changes(claim, before[claim], after[claim])]
    chapters = {
        found[1]
        for change in made
        if (found := re.search(r'^  chapter: "(\d\d)"', after[change.claim], re.M))
    }
    if not chapters:
        return
    known, now = (judged_in(root, commit, chapters) for commit in (parent, name))
    seen = tuple(change for change in made if change.claim in known)
    same = tuple(change for change in made if change.claim in now - known)
    if seen or same:
        yield Commit(name[:7], date, seen, same)


def _ledger(root: Path, commit: str) -> dict[str, str]:
    try:
        return claims_of(git(root, "show", f"{commit}:{LEDGER}"))
    except NoHistoryError:  # a commit from before there was a ledger
        return {}


def listed(commits: Sequence[Commit], until: str) -> str:
    """Return the list as Markdown, with the marks around it."""
    lines = [BEGIN, f"The list is complete up to commit `{until}`.", ""]
    for commit in commits:
        parts = [_said(commit.after)]
        if commit.together:
            parts.append(f"together with the first numbers, {_said(commit.together)}")
        said = "; ".join(part for part in parts if part)
        lines.append(f"- `{commit.name}`, {commit.date}: {said}.")
    return "\n".join([*lines, END])


def _said(made: Sequence[Change]) -> str:
    """Say what was changed, kind by kind."""
    parts = []
    for kind in KINDS:
        own = [change for change in made if change.kind == kind]
        if own and kind == "controls":
            parts.append(f"{SAID[kind]} to {', '.join(c.claim for c in own)}")
        elif own:
            which = (f"{c.claim} ({', '.join(map(_words, c.checks))})" for c in own)
            parts.append(f"{SAID[kind]}: {', '.join(which)}")
    return "; ".join(parts)


def _words(check: str) -> str:
    return check.replace("_", " ")


def marked(page: str) -> tuple[str, str, str]:
    """Return the page before, in and after the list, and the commit it goes up to."""
    start, stop = page.index(BEGIN), page.index(END) + len(END)
    return page[:start], page[start:stop], page[stop:]


def until_of(block: str) -> str:
    """Return the commit up to which a list is complete."""
    found = re.search(r"complete up to commit `([0-9a-f]+)`", block)
    if not found:
        raise ValueError(f"the list in {PAGE} does not say up to which commit it goes")
    return found[1]


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Run the command; return its exit status."""
    if list(argv) not in ([], ["--write"]):
        print(f"changed.py: got {argv}; allowed is --write", file=sys.stderr)
        return 2
    try:
        newest = git(root, "rev-parse", "--short=7", "HEAD").strip()
        text = listed(history(root), newest)
    except NoHistoryError as error:
        print(f"changed.py: {error}", file=sys.stderr)
        return 1
    if not argv:
        print(text)
        return 0
    page = root / PAGE
    before, _, after = marked(page.read_text("utf-8"))
    page.write_text(before + text + after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
