"""Tell whether the outputs stored in a chapter still belong to its inputs.

A chapter's fingerprint has one hash for each thing its outputs depend on: its code, the
parts of the library and the versions of the packages that its kernel had imported at
the end of the run, its claims and its stored results. ``execute.py`` writes it into the
notebook, together with the names of those parts; a chapter is stale when today's
fingerprint is another one.

A part of the library is a module, or a data file (weights, a vocabulary, a picture) in
the folder of an imported module. Stubs (``.pyi``) are none: a name that is added there
changes no output, and one that moves changes the modules it moves between.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from collapse_lib.book import lock
from collapse_lib.book.notebooks import Notebook, code_cells, flaws
from collapse_lib.claims.loading import entries
from collapse_lib.files.reading import read_text

#: The book's folder.
ROOT = Path(__file__).resolve().parent.parent

Fingerprint = dict[str, str]
#: What a run used: names of "files" of the library and of "packages".
Uses = Mapping[str, list[str]]

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
# What lies beside a module and is no data.
NO_DATA = {".py", ".pyi", ".typed"}


class Inputs:
    """All that outputs of chapters may depend on, as it is at one moment.

    Parameters
    ----------
    root
        The book's folder.

    Raises
    ------
    ValueError, OSError
        If the claims, the locked versions or ``pyproject.toml`` cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.names = tracked(root)
        self.library = {
            name: hash_of(root / name)
            for name in self.names
            if name.startswith("collapse_lib/")
        }
        self.results = {
            name: hash_of(root / name)
            for name in self.names
            if name.startswith("results/") and PurePosixPath(name).suffix in SHOWN
        }
        self.dependencies, self.pins = _dependencies(root)
        self.claims = entries(root / "claims.yaml")["claims"]

    def uses(self, modules: Iterable[str], packages: Iterable[str]) -> Uses:
        """Return what counts among the files and packages that a kernel had imported.

        Parameters
        ----------
        modules
            Files of modules, relative to the book's folder.
        packages
            Names of installed packages.
        """
        code = set(modules)
        folders = {PurePosixPath(name).parent for name in code}
        data = {
            name
            for name in self.library
            if PurePosixPath(name).parent in folders
            and PurePosixPath(name).suffix not in NO_DATA
        }
        known = {lock.normal(package) for package in packages} & self.dependencies
        return {"files": sorted(code | data), "packages": sorted(known)}

    def fingerprint(
        self, chapter: Notebook, uses: Uses, notebook: Mapping[str, Any] | None = None
    ) -> Fingerprint:
        """Return the hash of each thing that the chapter's outputs depend on.

        Parameters
        ----------
        chapter
            Which chapter.
        uses
            What its run used, see `uses`. What is gone now counts as changed.
        notebook
            The cells that ran, if they are not those in the chapter's file.
        """
        own = f"results/{chapter.number}/"
        stored = sorted(name for name in self.results if name.startswith(own))
        return {
            "code": _digest(_code(chapter.content if notebook is None else notebook)),
            "library": _digest(_named(self.library, uses["files"])),
            "versions": _digest(_named(self.pins, uses["packages"])),
            "claims": _digest(
                json.dumps(claim, sort_keys=True)
                for claim in self.claims
                if claim["chapter"] == chapter.number
            ),
            "results": _digest(_named(self.results, stored)),
        }

    def stale_because(self, chapter: Notebook) -> str:
        """Return why the chapter must be executed again, or an empty string."""
        made = chapter.metadata.get("collapse", {})
        stored, uses = made.get("fingerprint"), made.get("uses")
        if not isinstance(stored, dict) or not isinstance(uses, dict):
            return "its outputs were never made by scripts/execute.py"
        counts = [cell.get("execution_count") for cell in chapter.code]
        if counts != list(range(1, len(counts) + 1)):
            return "it has cells that did not run, or not in order"
        if any(flaw for output in chapter.outputs for flaw in flaws(output)):
            return "its outputs hold a warning, or a path of one machine"
        now = self.fingerprint(chapter, uses)
        changed = [PARTS[part] for part in PARTS if now[part] != stored.get(part)]
        return f"{' and '.join(changed)} changed" if changed else ""


def tracked(root: Path) -> list[str]:
    """Return the files that git tracks, or would after ``git add``; sorted names.

    Where there is no git, as in an unpacked archive: all but hidden files and those
    that a line of ``.gitignore`` names. So an editor's backup is no input of the book.
    """
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        # Only a repository of the book's own: it may lie in a folder another ignores.
        (root / ".git").stat()
        done = subprocess.run(
            ["git", "-C", str(root), *listing], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return sorted(_walked(root))
    names = (os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    return sorted(name for name in names if (root / name).is_file())


def _walked(root: Path) -> Iterator[str]:
    listed = root / ".gitignore"
    lines = listed.read_text("utf-8").splitlines() if listed.exists() else []
    ignored = [".*", *(line.rstrip("/") for line in lines if line.strip())]

    def kept(names: list[str]) -> list[str]:
        return [n for n in names if not any(fnmatch.fnmatch(n, p) for p in ignored)]

    for folder, folders, names in os.walk(root):
        folders[:] = kept(folders)
        for name in kept(names):
            yield Path(folder, name).relative_to(root).as_posix()


def hash_of(path: Path) -> str:
    """Return a hash of a file; how lines end makes no difference to a text's."""
    content = path.read_bytes()
    if b"\0" not in content[:8000]:  # what git takes for text
        content = content.replace(b"\r\n", b"\n")
    return hashlib.sha256(content).hexdigest()


def _digest(pieces: Iterable[str]) -> str:
    """Hash texts; where one ends and the next begins is part of the hash."""
    total = hashlib.sha256()
    for piece in pieces:
        total.update(hashlib.sha256(piece.encode()).digest())
    # 64 bits are plenty to notice a change, and keep the notebook readable.
    return total.hexdigest()[:16]


def _named(content: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    """Yield names, each with its content; what is not there has none."""
    for name in names:
        yield name
        yield content.get(name, "")


def _code(notebook: Mapping[str, Any]) -> Iterator[str]:
    for cell in code_cells(notebook):
        yield json.dumps([cell["source"], sorted(cell["metadata"].get("tags", []))])


def _dependencies(root: Path) -> tuple[set[str], dict[str, str]]:
    """Return what pyproject.toml depends on at run time, and all locked versions."""
    try:
        project = tomllib.loads(read_text(root / "pyproject.toml"))["project"]
        needed = {lock.normal(each) for each in project["dependencies"]}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"pyproject.toml: no list project.dependencies in it ({error!r})"
        ) from None
    pins = lock.versions(root)
    if missing := sorted(needed - pins.keys()):
        raise ValueError(
            f"requirements.lock pins no version of {', '.join(missing)}, which "
            "pyproject.toml depends on; add 'name==version' to the lock"
        )
    return needed, pins
