"""Files written whole or not at all, and files checked by their hash.

Everything the library writes goes through `write`: a reader, or a process that goes on
after a power cut, finds the old file or the new one and never half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from collapse_lib.checks import given
from collapse_lib.declared import declared

#: A temporary file that nobody has touched for so long belongs to a dead process.
SECONDS_UNTIL_STALE = 3600.0
#: The temporary files of `write`.
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{16}\.partial")
_SWEPT: set[Path] = set()


def check_path(name: str, value: Any) -> Path:
    """Return the path of a file or folder, ``~`` written out.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If it is empty, or cannot be one.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} is {given(value)}; it must be a path: a str or a Path")
    text = os.fspath(value)
    try:
        good = bool(os.fsencode(text).strip()) and "\0" not in text
    except (TypeError, UnicodeEncodeError):  # bytes, half of a character
        good = False
    if not good:
        raise ValueError(
            f"{name} is {given(text)}; it must be the path of a file or folder"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            f"{name} is {given(text)}; there is no user of that name: write the path "
            "in full"
        ) from None


@declared
def write(
    path: str | Path, content: bytes | Callable[[BinaryIO], Any], mode: int = 0o666
) -> None:
    """Write a file so that a reader sees the old one or the new one.

    Parameters
    ----------
    path
        Where; folders that are missing are made, links are followed. A temporary file
        beside it is brought to the disk and then renamed over it. Temporary files that
        killed processes left there are removed when they are an hour old.
    content
        The bytes, or a function that writes them into the open file.
    mode
        Who may read and write the file, less what the user's mask takes away. It holds
        from the first byte on.

    Raises
    ------
    OSError
        If it cannot be written there; the error names ``path``.
    """
    path = _target(Path(path))
    partial = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(
            partial, "xb", opener=lambda p, flags: os.open(p, flags, mode)
        ) as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
            now = os.fstat(file.fileno()).st_mtime
        partial.replace(path)
    except BaseException as error:
        _remove(partial)
        if isinstance(error, OSError) and error.filename in (None, str(partial)):
            if error.errno is not None:  # the temporary name would tell nothing
                raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    _sync_folder(path.parent)
    _sweep(path.parent.absolute(), now)


@declared
def try_place(path: str | Path) -> None:
    """Make the folder of a file that is to be written later, and try to write there.

    Raises
    ------
    OSError, ValueError
        If `write` could not.
    """
    partial = _beside(_target(Path(path)))
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.open("xb").close()
    finally:
        _remove(partial)


@declared
def write_text(path: str | Path, text: str) -> None:
    """Write a text file that ends in a new line, see `write`."""
    write(path, (text.rstrip("\n") + "\n").encode())


@declared
def write_json(path: str | Path, content: Any) -> None:
    """Write data as JSON, one value a line, see `write`."""
    write_text(path, to_json(content, indent=1, ensure_ascii=False))


def to_json(
    content: Any, default: Callable[[Any], Any] | None = None, **options: Any
) -> str:
    """Return data as JSON; NumPy's numbers are numbers.

    Parameters
    ----------
    content
        Numbers, texts, truth values, None, and lists and mappings of them.
    default
        What to write instead of anything else; default: it is refused.
    options
        Of ``json.dumps``.

    Raises
    ------
    ValueError
        If there is anything else in it.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        if default is not None and (found := default(value)) is not None:
            return found
        raise TypeError(f"it holds {given(value)}")

    try:
        return json.dumps(content, default=plain, **options)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"content is {given(content)}, which JSON cannot hold ({error}); it must "
            "be made of numbers, texts, lists and mappings"
        ) from None


@declared
def sha256_of(content: bytes | str | Path) -> str:
    """Return the sha256 of bytes, or of the file with this path."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    path = Path(content)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@declared
def checked(path: str | Path, sha256: str, remedy: str) -> Path:
    """Return the path of a file whose content is known.

    Parameters
    ----------
    path
        The file.
    sha256
        The hash it must have.
    remedy
        What to do if it is missing or another: the end of the message.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its content is another.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; {remedy}")
    found = sha256_of(path)
    if found != sha256:
        raise ValueError(
            f"{path.name} has sha256 {found[:12]}..., {sha256[:12]}... was expected "
            f"(cut short, or another version); {remedy}"
        )
    return path


def _sweep(folder: Path, now: float) -> None:
    """Remove what killed processes left in a folder; look once in each.

    Ages are taken by the clock of the disk, which may be another machine's.
    """
    if folder in _SWEPT:
        return
    _SWEPT.add(folder)
    for path in folder.glob(".*.partial"):
        try:
            age = now - path.stat().st_mtime
            if age > SECONDS_UNTIL_STALE and _PARTIAL.fullmatch(path.name):
                path.unlink()
        except OSError:
            continue  # another process was faster, or may and we may not


def _target(path: Path) -> Path:
    """Return the file that a link stands for: it is written, and the link stays."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _beside(path: Path) -> Path:
    """Return a name for a temporary file that no other process takes."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")


def _remove(partial: Path) -> None:
    """Remove a temporary file that may be there, also where nothing can be changed."""
    with suppress(OSError, ValueError):
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring a renaming to the disk, where folders can be opened (not on Windows)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
