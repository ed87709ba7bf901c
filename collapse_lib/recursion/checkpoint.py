"""Checkpoints: one file, written atomically, refused when it does not fit.

A checkpoint holds what the *next* fit needs (training set, the regime's memory, the
generator's state) and what was measured so far. No model is stored: it is refitted
from the same data with the same random numbers, which gives the same bits.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.samples import Data, Summary

FORMAT = "collapse_lib checkpoint 1"
# What numpy, zipfile and json raise on a file that is something else.
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class State:
    """Everything the loop needs to go on at ``generation``.

    Parameters
    ----------
    generation
        The generation to fit next.
    first, training, memory
        Data sets: of generation 0 (where the regime needs it again), of the next fit,
        and what the regime remembers.
    values
        Measurements so far, shape ``(n_metrics, n_recorded, chains)``.
    rng_state
        The bit generator's state before the next fit.
    """

    generation: int
    first: Data | None
    training: Data
    memory: Data | None
    values: NDArray[np.float64]
    rng_state: dict[str, Any]


def save(path: Path, state: State, fingerprint: str) -> None:
    """Write a checkpoint so that a reader sees the old file or the new one.

    Parameters
    ----------
    path
        Target; a temporary file beside it is renamed over it.
    state
        What to store.
    fingerprint
        Names the experiment; `load` refuses a file with another one.
    """
    arrays: dict[str, NDArray[Any]] = {"values": state.values}
    kinds: dict[str, Any] = {}
    for name in ("first", "training", "memory"):
        kinds[name] = _pack(name, getattr(state, name), arrays)
    meta = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "generation": state.generation,
        "rng_state": state.rng_state,
        "kinds": kinds,
        "digest": _digest(arrays),
    }
    arrays["meta"] = np.array(json.dumps(meta))
    _write_atomically(path, arrays)


def load(path: Path, fingerprint: str) -> State:
    """Read a checkpoint.

    Raises
    ------
    ValueError
        If the file is not a checkpoint, is damaged, or belongs to another experiment.
        The file is left as it is.
    """
    arrays, meta = _read(path)
    if meta.get("fingerprint") != fingerprint:
        raise ValueError(
            f"checkpoint {path} belongs to another experiment (other model, data, "
            "regime, sizes, measures or seed); use another path, or delete the file "
            "to start again"
        )
    data = {name: _unpack(name, kind, arrays) for name, kind in meta["kinds"].items()}
    training = data["training"]
    if training is None:
        raise ValueError(_damaged(path, "it holds no training set"))
    return State(
        generation=meta["generation"],
        first=data["first"],
        training=training,
        memory=data["memory"],
        values=arrays["values"],
        rng_state=meta["rng_state"],
    )


def _read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    try:
        # Opened here, because np.load leaves the file open when it is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(str(arrays.pop("meta")))
        intact = meta["format"] == FORMAT and meta["digest"] == _digest(arrays)
    except UNREADABLE as e:
        raise ValueError(_damaged(path, str(e))) from e
    if not intact:
        raise ValueError(_damaged(path, "its checksum or format does not match"))
    return arrays, meta


def _damaged(path: Path, why: str) -> str:
    return (
        f"{path} is not a readable checkpoint ({why}); it was left untouched - "
        "delete it to start again, or give another path"
    )


def _pack(name: str, data: Data | None, arrays: dict[str, NDArray[Any]]) -> Any:
    """Put the arrays of a data set into ``arrays``; return a description."""
    if data is None:
        return None
    if not isinstance(data, Summary):
        arrays[name] = data
        return {"kind": "array"}
    for field in fields(data)[1:]:
        arrays[f"{name}.{field.name}"] = getattr(data, field.name)
    return {"kind": type(data).__name__, "size": data.size}


def _unpack(name: str, kind: Any, arrays: dict[str, NDArray[Any]]) -> Data | None:
    if kind is None:
        return None
    if kind["kind"] == "array":
        return arrays[name]
    cls = Summary.kinds[kind["kind"]]
    values = {f.name: arrays[f"{name}.{f.name}"] for f in fields(cls)[1:]}
    return cls(kind["size"], **values)


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    """Return a checksum of names, types, shapes and bytes."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(array.tobytes())
    return sha.hexdigest()


def _write_atomically(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            # The stub of savez allows no mapping of names to arrays.
            np.savez(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
