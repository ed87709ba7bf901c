"""Bring the computed parts of README.md up to date.

python scripts/update_readme.py           write them
python scripts/update_readme.py --check   exit 1 if they are out of date

Each part stands between ``<!-- name:start -->`` and ``<!-- name:end -->``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from staleness import ROOT

from collapse_lib import claims, files
from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import Notebook
from collapse_lib.claims.verdict import SYMBOLS
from collapse_lib.files.reading import read_text


def ledger_part(root: Path) -> str:
    """Return the ledger's summary: counts, and every claim that did not fully hold."""
    ledger = claims.load(root / "claims.yaml")
    words: dict[str, str] = dict.fromkeys(ledger, "not attempted")
    for chapter in notebooks.chapters(root).values():
        words |= {claim: each["verdict"] for claim, each in chapter.verdicts.items()}
    counts = Counter(words.values())
    lines = [f"Of {len(ledger)} claims:", ""]
    lines += [
        f"- {SYMBOLS[word]} **{counts[word]}** {_counted(word, counts[word])}"
        for word in SYMBOLS
    ]
    open_ = ("partly", "not reproduced", "undecided")
    parted = [claim for claim in words if words[claim] in open_]
    lines += ["", "| claim | what it says | verdict |", "| --- | --- | --- |"]
    for claim in parted:
        word = words[claim]
        lines.append(f"| {claim} | {ledger[claim].title} | {SYMBOLS[word]} {word} |")
    return "\n".join(lines)


def _counted(word: str, count: int) -> str:
    """Return the word for so many claims; all but one are adjectives."""
    return "definitions" if word == "definition" and count != 1 else word


def chapters_part(root: Path) -> str:
    """Return the table of chapters with their cost."""
    lines = ["| chapter | seconds | memory |", "| --- | ---: | ---: |"]
    lines += map(_chapter_row, notebooks.chapters(root).values())
    return "\n".join(lines)


def _chapter_row(chapter: Notebook) -> str:
    made = chapter.metadata.get("collapse", {})
    memory = made.get("megabytes")
    return (
        f"| [{chapter.number} {chapter.title}](chapters/{chapter.path.name}) "
        f"| {made.get('seconds', 'not run')} | {f'{memory} MB' if memory else '–'} |"
    )


def updated(text: str, parts: dict[str, str]) -> str:
    """Return ``text`` with the parts between their markers replaced.

    Raises
    ------
    ValueError
        If a part's markers are missing.
    """
    for name, part in parts.items():
        start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
        before, found_start, rest = text.partition(start)
        _, found_end, after = rest.partition(end)
        if not (found_start and found_end):
            raise ValueError(f"README.md has no part {start} ... {end}; put it back")
        text = f"{before}{start}\n{part}\n{end}{after}"
    return text


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Run the command; return its exit status."""
    path = root / "README.md"
    try:
        old = read_text(path)
        parts = {"ledger": ledger_part(root), "chapters": chapters_part(root)}
        new = updated(old, parts)
    except (ValueError, OSError) as error:
        print(f"update_readme.py: {error}", file=sys.stderr)
        return 2
    if new == old:
        return 0
    if "--check" in argv:
        print("README.md is out of date; run `make notebooks`", file=sys.stderr)
        return 1
    files.write_text(path, new)
    print("README.md is brought up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
