"""What identifies data: the hash of a file, or of all files in a folder.

Files are read in pieces, so that they may be larger than the memory, and nothing is
said about a file that changed meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from collapse_lib.files import check_path

#: Opening a pipe must not wait for somebody who writes into it.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# What tells that a file was changed: size, times, and which file it is.
_State = tuple[int, ...]


@dataclass(frozen=True)
class Fingerprint:
    """What identifies data; their name does not.

    Parameters
    ----------
    sha256
        Of a file, its content. Of a folder, the lines that ``sha256sum -z`` writes for
        all files in it, in the order of their names' bytes: the same files under the
        same names have the same fingerprint.
    bytes
        How many bytes all files have.
    files
        How many files a folder holds; None for a file.
    """

    sha256: str
    bytes: int
    files: int | None = None


def fingerprint(path: str | Path) -> Fingerprint:
    """Return what identifies a file, or a folder with all files in it.

    Parameters
    ----------
    path
        A file, a folder, or a link to one. Links to files inside a folder are read as
        the files they stand for.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If a file cannot be read.
    ValueError
        If it is empty, neither file nor folder, changes while it is read, or a folder
        holds a link to a folder.
    """
    path = check_path("path", path)
    with _explained(path):
        folder = path.is_dir()
        if not folder and not os.path.lexists(path):
            raise FileNotFoundError(f"there is no {shown(path)}")
    found = _of_folder(path) if folder else _of_file(path)
    if not found.bytes:
        what = "holds no file that is not empty" if folder else "is empty"
        raise ValueError(
            f"{shown(path)} {what}: there is nothing to tell it from other empty ones"
        )
    return found


def shown(path: str | Path) -> str:
    r"""Return a path or a text as it can be printed, in one line.

    What cannot be shown - bytes that are no text, line breaks, what a terminal obeys -
    becomes ``\x...`` or ``\u...``.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _of_file(path: Path) -> Fingerprint:
    size, sha256 = _read(path)
    return Fingerprint(sha256, size)


def _of_folder(folder: Path) -> Fingerprint:
    before = dict(_members(folder, ""))
    manifest, total = hashlib.sha256(), 0
    for name in sorted(before, key=os.fsencode):
        size, sha256 = _read(folder / name)
        manifest.update(f"{sha256}  ".encode() + os.fsencode(name) + b"\0")
        total += size
    after = dict(_members(folder, ""))
    if after != before:
        changed = {name for name, _ in before.items() ^ after.items()}
        raise _changing(folder / min(changed, key=os.fsencode))
    return Fingerprint(manifest.hexdigest(), total, len(before))


def _members(folder: Path, prefix: str) -> Iterator[tuple[str, _State]]:
    """Yield names of all files in a folder, with ``/`` between, and their states."""
    todo = [prefix]
    while todo:
        prefix = todo.pop()
        with _explained(folder / prefix), os.scandir(folder / prefix) as entries:
            for entry in entries:
                name = prefix + entry.name
                if not entry.is_dir():
                    with _explained(folder / name):
                        yield name, _state(os.stat(entry.path))
                elif entry.is_symlink():
                    raise ValueError(
                        f"{shown(folder / name)} is a link to a folder, which may lead "
                        "anywhere; take it out, or name that folder itself"
                    )
                else:
                    todo.append(f"{name}/")


def _read(path: Path) -> tuple[int, str]:
    """Return size and hash of a file that stays the same while it is read."""
    with _explained(path), _opened(path) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise ValueError(
                f"{shown(path)} is a device, a pipe or a socket; files and folders can "
                "be recorded"
            )
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if file.tell() != before.st_size or _state(os.stat(path)) != _state(before):
            raise _changing(path)
    return before.st_size, sha256


def _opened(path: Path) -> BufferedReader:
    return open(path, "rb", opener=lambda name, _: os.open(name, _FLAGS))


def _state(found: os.stat_result) -> _State:
    return (
        found.st_size,
        found.st_mtime_ns,
        0 if os.name == "nt" else found.st_ctime_ns,  # there: when it was made
        found.st_ino,
        found.st_dev,
    )


def _changing(path: Path) -> ValueError:
    return ValueError(
        f"{shown(path)} changed while it was read; try again when nothing writes to it"
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of which file an error of the system is, in one line."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # ours, it says all
            raise
        if isinstance(error, FileNotFoundError):
            gone = "is a link to nothing" if path.is_symlink() else "vanished"
            raise FileNotFoundError(f"{shown(path)} {gone}") from None
        raise OSError(f"{shown(path)} cannot be read ({error.strerror})") from None
