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
from typing import Any

from notebook_files import ROOT, Chapter, find_chapters, read_notebook

from collapse_lib import claims
from collapse_lib.claims.verdict import SYMBOLS

VERDICT = "application/vnd.collapse.verdict+json"


def verdicts(notebook: Any) -> dict[str, str]:
    """Return the verdict word of each claim that a chapter's outputs show."""
    shown = [
        output["data"][VERDICT]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if VERDICT in output.get("data", {})
    ]
    return {payload["claim"]: payload["verdict"] for payload in shown}


def ledger_part(root: Path) -> str:
    """Return the ledger's summary: counts, and every claim that did not fully hold."""
    ledger = claims.load(root / "claims.yaml")
    words: dict[str, str] = dict.fromkeys(ledger, "not attempted")
    for chapter in find_chapters(root):
        words.update(verdicts(read_notebook(chapter.path)))
    counts = Counter(words.values())
    lines = [f"Of {len(ledger)} claims:", ""]
    lines += [f"- {SYMBOLS[word]} **{counts[word]}** {word}" for word in SYMBOLS]
    parted = [claim for claim in words if words[claim] in ("partly", "not reproduced")]
    lines += ["", "| claim | what it says | verdict |", "| --- | --- | --- |"]
    for claim in parted:
        word = words[claim]
        lines.append(f"| {claim} | {ledger[claim].title} | {SYMBOLS[word]} {word} |")
    return "\n".join(lines)


def chapters_part(root: Path) -> str:
    """Return the table of chapters with their cost."""
    lines = ["| chapter | seconds | memory |", "| --- | ---: | ---: |"]
    lines += [_chapter_row(chapter) for chapter in find_chapters(root)]
    return "\n".join(lines)


def _chapter_row(chapter: Chapter) -> str:
    notebook = read_notebook(chapter.path)
    title = next(
        line.removeprefix("# ").strip()
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    )
    made = notebook.metadata.get("collapse", {})
    memory = made.get("megabytes")
    return (
        f"| [{chapter.number} {title}](chapters/{chapter.path.name}) "
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
    old = path.read_text("utf-8")
    parts = {"ledger": ledger_part(root), "chapters": chapters_part(root)}
    new = updated(old, parts)
    if new == old:
        return 0
    if "--check" in argv:
        print("README.md is out of date; run `make notebooks`", file=sys.stderr)
        return 1
    path.write_text(new, "utf-8")
    print("README.md is brought up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
