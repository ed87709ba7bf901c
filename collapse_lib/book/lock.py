"""The versions this book is built and tested with, as its lock files pin them."""

from __future__ import annotations

import re
from pathlib import Path

from collapse_lib.checks import given, refusal
from collapse_lib.files.reading import read_text

#: The lock files in the book's folder; each says what it is for.
FILES = "requirements*.lock"
_ENTRY = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.!+_-]+)\s*(;.*)?")


def versions(root: Path) -> dict[str, str]:
    """Return package, in lower case and with hyphens, -> version.

    Parameters
    ----------
    root
        The folder of the book.

    Raises
    ------
    ValueError
        If there is no lock file, or a line of one pins no version.
    """
    paths = sorted(root.glob(FILES))
    if not paths:
        raise ValueError(f"there is no {FILES} in {root.name}; it pins the versions")
    found = {}
    for path in paths:
        text = read_text(path).replace("\\\n", " ")  # an entry may go on
        for line in text.splitlines():
            entry = re.split(r"#|--hash", line)[0].strip()
            if not entry:
                continue
            match = _ENTRY.fullmatch(entry)
            if match is None:
                raise refusal(path.name, f"got {given(entry)}; allowed: name==version")
            found[normal(match[1])] = match[2]
    return found


def normal(requirement: str) -> str:
    """Return the package a requirement names, as package indexes compare names."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""
