"""Files of numbers that notice damage: what is in them carries a checksum.

Arrays are kept as npz, mappings as JSON. Nothing is unpickled.
"""

from __future__ import annotations

import errno
import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from collapse_lib.declared import declared
from collapse_lib.files.whole import to_json, write, write_json

#: Larger sets of arrays are not compressed, so that none of our files is small and
#: unpacks to more than this.
MOST_COMPRESSED = 2**28


@declared
def write_record(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON with a checksum, see `write`; `read_record` reads it."""
    write_json(path, {**content, "digest": _digest({}, content)})


@declared
def read_record(path: str | Path, *, format: str | int, what: str, remedy: str) -> Any:
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


@declared
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


@declared
def read_arrays(
    path: str | Path, *, format: str | int, what: str, remedy: str
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
        if path.exists() and not path.is_file() and not path.is_dir():
            raise OSError(errno.EINVAL, "it is a device or a pipe")
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
    format: str | int,
    what: str,
    remedy: str,
) -> None:
    """Compare format and checksum; take the checksum out."""
    if about.get("format") != format:
        raise ValueError(
            f"{path} was written by another version of the library: its format "
            f"is {about.get('format')!r}, this version reads {format!r}. It was left "
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
    return to_json(dict(about), _described, **options)


def _described(value: Any) -> Any:
    """Return what JSON holds instead of an array: bit generators' states have some."""
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": value.dtype.str}
    return None


def _loaded(found: dict[str, Any]) -> Any:
    if found.keys() == {"array", "dtype"}:
        return np.array(found["array"], found["dtype"])
    return found
