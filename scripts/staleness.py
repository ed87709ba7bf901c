"""Tell whether the outputs stored in a chapter still belong to its inputs.

A chapter's fingerprint has one hash for each thing its outputs depend on: its
code, the library, the locked versions of what the library imports, its claims
and its stored results. The fingerprint is written into the notebook when it is
executed; a chapter is stale when today's fingerprint is another one.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from notebook_files import Chapter, code_cells

Fingerprint = dict[str, str]

# What to call each part of the fingerprint in a message.
PARTS = {
    "code": "its code",
    "library": "collapse_lib",
    "versions": "a locked dependency",
    "claims": "its claims in claims.yaml",
    "results": "its stored results",
}
# Suffixes of what a chapter may show of a stored run.
SHOWN = {".json", ".png"}


def fingerprint(notebook: Any, chapter: Chapter, root: Path) -> Fingerprint:
    """Return the hash of each thing that the chapter's outputs depend on."""
    return {
        "code": _digest(_code(notebook)),
        "library": _digest(_library(root)),
        "versions": _digest(_versions(root)),
        "claims": _digest(_claims(root, chapter.number)),
        "results": _digest(_results(root, chapter.number)),
    }


def stale_because(notebook: Any, chapter: Chapter, root: Path) -> str:
    """Return why the chapter must be executed again, or an empty string."""
    stored = notebook["metadata"].get("collapse", {}).get("fingerprint")
    if not isinstance(stored, dict):
        return "its outputs were never made by scripts/execute.py"
    if not _executed_in_order(notebook):
        return "it has cells that did not run, or not in order"
    now = fingerprint(notebook, chapter, root)
    changed = [PARTS[part] for part in PARTS if now[part] != stored.get(part)]
    return f"{' and '.join(changed)} changed" if changed else ""


def _executed_in_order(notebook: Any) -> bool:
    cells = code_cells(notebook)
    counts = [cell.get("execution_count") for cell in cells]
    return counts == list(range(1, len(cells) + 1))


def _digest(pieces: Iterable[bytes]) -> str:
    """Hash `pieces`; where one ends and the next begins is part of the hash."""
    total = hashlib.sha256()
    for piece in pieces:
        total.update(hashlib.sha256(piece).digest())
    # 64 bits are plenty to notice a change, and keep the notebook readable.
    return total.hexdigest()[:16]


def _code(notebook: Any) -> list[bytes]:
    cells = [
        [cell["source"], sorted(cell["metadata"].get("tags", []))]
        for cell in code_cells(notebook)
    ]
    return [json.dumps(cell).encode() for cell in cells]


def _library(root: Path) -> Iterable[bytes]:
    """Yield names and contents of the package's files, its data included."""
    package = root / "collapse_lib"
    for path in sorted(package.rglob("*")):
        parts = path.relative_to(package).parts
        hidden = any(part.startswith((".", "__pycache__")) for part in parts)
        if path.is_file() and not hidden:
            yield "/".join(parts).encode()
            yield path.read_bytes()


def _versions(root: Path) -> list[bytes]:
    """Return the locked lines of the run-time dependencies in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    names = {_normal(requirement) for requirement in project["dependencies"]}
    lock = (root / "requirements.lock").read_text("utf-8").splitlines()
    pins = {_normal(line): line.strip() for line in lock if "==" in line}
    if missing := sorted(names - pins.keys()):
        raise ValueError(
            f"requirements.lock pins no version of {', '.join(missing)}, which "
            "pyproject.toml depends on; add 'name==version' to the lock"
        )
    return [pins[name].encode() for name in sorted(names)]


def _normal(requirement: str) -> str:
    """Return the package a requirement names, as PyPI compares names."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    return re.sub(r"[-_.]+", "-", match.group()).lower() if match else ""


def _claims(root: Path, number: str) -> list[bytes]:
    path = root / "claims.yaml"
    if not path.exists():
        return []
    claims = yaml.safe_load(path.read_text("utf-8"))["claims"]
    mine = [claim for claim in claims if claim["chapter"] == number]
    return [json.dumps(claim, sort_keys=True).encode() for claim in mine]


def _results(root: Path, number: str) -> Iterable[bytes]:
    folder = root / "results" / number
    for path in sorted(folder.rglob("*")):
        if path.suffix in SHOWN:
            yield path.relative_to(folder).as_posix().encode()
            yield path.read_bytes()
