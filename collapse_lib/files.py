"""Files written whole or not at all, and files checked by their hash.

Everything the library writes goes through `write`: a reader, or a process that goes on
after a power cut, finds the old file or the new one and never half of one. Arrays and
what is said about them carry a checksum, see `write_arrays`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

#: Larger sets of arrays are not compressed, so that none of our files is small and
#: unpacks to more than this.
MOST_COMPRESSED = 2**28
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
        brought to the disk and then renamed over it. Temporary files that killed
        processes left there are removed when they are an hour old.
    content
        The bytes, or a function that writes them into the open file.

    Raises
    ------
    OSError
        If it cannot be written there; the error names ``path``.
    """
    path = Path(path)
    partial = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
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


def try_place(path: str | Path) -> None:
    """Make the folder of a file that is to be written later, and try to write there.

    Raises
    ------
    OSError, ValueError
        If `write` could not.
    """
    partial = _beside(Path(path))
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.open("xb").close()
    finally:
        _remove(partial)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file that ends in a new line, see `write`."""
    write(path, (text.rstrip("\n") + "\n").encode())


def write_json(path: str | Path, content: Any) -> None:
    """Write data as JSON, one value a line, see `write`."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False))


def write_record(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON with a checksum, see `write`; `read_record` reads it."""
    write_json(path, {**content, "digest": _digest({}, content)})


def read_record(path: str | Path, *, format: object, what: str, remedy: str) -> Any:
    """Read a file of `write_record`.

    Parameters
    ----------
    path, format, what, remedy
        As in `read_arrays`.

    Raises
    ------
    ValueError
        If it is damaged, or of another format.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it holds no mapping")
    except (OSError, ValueError, RecursionError) as e:
        raise _unreadable(path, what, _reason(Path(path), e), remedy) from e
    _check(path, {}, content, format, what, remedy)
    return content


def write_arrays(
    path: str | Path,
    arrays: Mapping[str, Any],
    about: Mapping[str, Any],
    *,
    compress: bool = True,
) -> None:
    """Write named arrays as an npz file, see `write`; `read_arrays` reads it.

    Parameters
    ----------
    path
        Where.
    arrays
        No name is ``meta``.
    about
        What else is known, as JSON can hold it; arrays are allowed. ``"format"``
        names the layout.
    compress
        Whether to make the file smaller, if the arrays are not too large.
    """
    found = {name: np.asarray(array) for name, array in arrays.items()}
    text = _dumped({**about, "digest": _digest(found, about)})
    small = sum(array.nbytes for array in found.values()) <= MOST_COMPRESSED
    save: Callable[..., None] = np.savez_compressed if compress and small else np.savez
    write(path, lambda file: save(file, **found, meta=np.array(text)))


def read_arrays(
    path: str | Path, *, format: object, what: str, remedy: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read a file of `write_arrays`. Nothing in it is unpickled.

    Parameters
    ----------
    path
        The file.
    format
        Its layout must be this one.
    what
        What it should be, for the message: ``"a checkpoint"``.
    remedy
        What to do if it cannot be read: the end of the message.

    Returns
    -------
    tuple
        The arrays, and what is known about them.

    Raises
    ------
    ValueError
        If it is damaged, of another format, or something else.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            _check_size(archive, path.stat().st_size)
            arrays = {
                info.filename.removesuffix(".npy"): _array(archive, info)
                for info in archive.infolist()
            }
        about = json.loads(str(arrays.pop("meta")), object_hook=_loaded)
        if not isinstance(about, dict):
            raise ValueError("nothing is said about its arrays")
    except (Exception, MemoryError) as e:
        # A damaged archive makes zipfile, zlib, numpy and json raise whatever they
        # come across: to the reader they all say the same.
        raise _unreadable(path, what, _reason(path, e), remedy) from e
    _check(path, arrays, about, format, what, remedy)
    return arrays, about


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


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(info) as member:
        array = np.lib.format.read_array(cast(Any, member), allow_pickle=False)
        if member.read(1):  # its checksum is compared when its end is reached
            raise ValueError(f"{info.filename} is longer than its array")
    return np.asarray(array)


def _check_size(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse an archive that unpacks to more than one of ours could."""
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > max(2 * MOST_COMPRESSED, 2 * size):
        raise ValueError(
            f"its {size / 1e6:,.1f} MB would unpack to {unpacked / 1e6:,.0f} MB, which "
            "no file of this library does"
        )


def _check(
    path: str | Path,
    arrays: Mapping[str, NDArray[Any]],
    about: dict[str, Any],
    format: object,
    what: str,
    remedy: str,
) -> None:
    """Compare format and checksum; take the checksum out."""
    if about.get("format") != format:
        raise ValueError(
            f"{path} was written by another version of the library: it is "
            f"{about.get('format')!r}, this version reads {format!r}. It was left "
            "untouched: delete it to start again, or finish the run with that version"
        )
    if about.pop("digest", None) != _digest(arrays, about):
        raise _unreadable(path, what, "its checksum does not match", remedy)


def _unreadable(path: str | Path, what: str, why: str, remedy: str) -> ValueError:
    return ValueError(
        f"{path} is not a readable {what} ({why}); it was left untouched - {remedy}"
    )


def _reason(path: Path, error: BaseException) -> str:
    """Say what is wrong with a file, more kindly than what found it out."""
    if path.is_dir():
        return "it is a folder"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip(b"\0"):
        filled = "holds nothing but zeros" if start else "is empty"
        return f"it {filled}, as after a power cut or on a full disk"
    said = str(error) or type(error).__name__
    if "allow_pickle" in said:
        return "it holds Python objects"
    return said if len(said) <= 200 else f"{said[:200]} ..."


def _digest(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> str:
    """Return a checksum of all arrays (names, types, shapes, bytes), and the rest."""
    # As it is when it has been read again.
    said = _dumped(json.loads(_dumped(about)), sort_keys=True)
    sha = hashlib.sha256(said.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {arrays[name].shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def _dumped(about: Mapping[str, Any], **options: Any) -> str:
    return json.dumps(dict(about), default=_plain, **options)


def _plain(value: Any) -> Any:
    """Return what JSON holds instead of an array: bit generators' states have some."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written")


def _loaded(found: dict[str, Any]) -> Any:
    if found.keys() == {"array", "dtype"}:
        return np.array(found["array"], found["dtype"])
    return found


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
