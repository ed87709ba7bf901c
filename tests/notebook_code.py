"""What the code of a chapter defines, for tests of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from run_study import defined

from collapse_lib.book import notebooks

ROOT = Path(__file__).resolve().parents[1]


def defined_in(chapter: str, name: str) -> Any:
    """Return what a chapter calls ``name``, without running the rest of it."""
    cells = notebooks.chapters(ROOT)[chapter].code
    return defined([cell["source"] for cell in cells], name)
