"""Files written whole or not at all, and files checked by their hash.

Everything the library writes goes through `write`: a reader, or a process that goes on
after a power cut, finds the old file or the new one and never half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


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
        kind = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
        raise TypeError(f"{name} is {kind:.80}; it must be a path: a str or a Path")
    text = os.fspath(value)
    try:
        good = bool(os.fsencode(text).strip()) and "\0" not in text
    except (TypeError, UnicodeEncodeError):  # bytes, half of a character
        good = False
    if not good:
        raise ValueError(
            f"{name} is {text!r:.80}; it must be the path of a file or folder"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(
            f"{name} is {text!r:.80}; there is no user of that name: write the path "
            "in full"
        ) from None


def write(path: str | Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write a file so that a reader sees the old one or the new one.

    Parameters
    ----------
    path
        Where; folders that are missing are made. A temporary file beside it is
        brought to the disk and then renamed over it.
    content
        The bytes, or a function that writes them into the open file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file that ends in a new line, see `write`."""
    write(path, (text.rstrip("\n") + "\n").encode())


def write_json(path: str | Path, content: Any) -> None:
    """Write data as JSON, one value a line, see `write`."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False))


def write_arrays(
    path: str | Path, arrays: Mapping[str, Any], *, compress: bool = True
) -> None:
    """Write named arrays as an npz file, see `write`; `read_arrays` reads it."""
    save: Callable[..., None] = np.savez_compressed if compress else np.savez
    write(path, lambda file: save(file, **arrays))


def read_arrays(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read a file of `write_arrays`. Nothing in it is unpickled.

    Raises
    ------
    OSError, ValueError, zipfile.BadZipFile
        If it is missing, or something else.
    """
    # Opened here, because np.load leaves the file open when it is no archive.
    with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def sha256_of(content: bytes | str | Path) -> str:
    """Return the sha256 of bytes, or of the file with this path."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with Path(content).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
