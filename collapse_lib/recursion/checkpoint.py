"""Where a run is kept: in memory, or in one file from which it goes on.

A checkpoint holds what the *next* fit needs (training set, the regime's memory, the
generator's state) and what was measured so far. No model is stored: it is refitted
from the same data with the same random numbers, which gives the same bits. A file is
written atomically, and refused when it does not fit.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import files
from collapse_lib.recursion.history import History, listed
from collapse_lib.recursion.identity import Identity, differing
from collapse_lib.recursion.machine import machine
from collapse_lib.recursion.measuring import Arrays, Shapes
from collapse_lib.samples import Data, Summary

FORMAT = "collapse_lib checkpoint 3"
# A checkpoint costs milliseconds; every few seconds it costs nothing that matters.
SECONDS_BETWEEN_CHECKPOINTS = 5.0
REMEDY = "delete it to start again, or give another path"
#: The data sets of a state.
DATA = ("first", "training", "memory")
# Names the experiment up to a generation.
Fingerprint = Callable[[int], Identity]


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
    rng_state
        Where the generator stands before the next fit.
    ended
        Where it stood after the last generation, and a run that ends with it leaves
        it.
    dead_end
        Why there is no training set for the next fit, if there is none.
    """

    generation: int
    first: Data | None
    training: Data | None
    memory: Data | None
    rng_state: Mapping[str, Any]
    ended: Mapping[str, Any]
    dead_end: str = ""


class Record:
    """What was measured so far, in memory."""

    #: Whether there is anything to go on from when the process has ended.
    lasts = False

    def __init__(self) -> None:
        self.planned: dict[int, int] = {}  # generation -> row
        self.arrays: Arrays = {}
        #: Where it was measured.
        self.machines: list[dict[str, Any]] = []
        #: This machine, as it was when this run began to measure.
        self._here: dict[str, Any] | None = None

    @property
    def shapes(self) -> Shapes:
        """Name -> shape of what was measured in one generation."""
        return {name: array.shape[1:] for name, array in self.arrays.items()}

    def open(self, fingerprint: Callable[[], Fingerprint]) -> State | None:
        """Return the state to go on from, or None."""
        return None

    def plan(self, recorded: list[int], start: int) -> None:
        """Make ready for a run that goes on at generation ``start``.

        Raises
        ------
        ValueError
            If a generation before that should be recorded, but was not.
        """
        missing = [t for t in recorded if t < start and t not in self.planned]
        if missing:
            raise ValueError(
                f"record asks for generations {listed(missing)}, which were not "
                f"measured when they ran, or whose files are lost (measured: "
                f"{listed(self.planned)}); put files that are lost back, or delete all "
                "of this run or use another path to run it again: it comes to the same "
                "numbers"
            )
        new = (t for t in recorded if t >= start)
        self.planned = {t: row for row, t in enumerate([*self.planned, *new])}
        for name, array in self.arrays.items():
            self.arrays[name] = self._room(array[0])
            self.arrays[name][: len(array)] = array

    def add(self, t: int, measured: Arrays) -> None:
        """Keep what was measured in a generation that was planned."""
        row = self.planned[t]
        if self._here is None:  # asking takes longer than all else in here
            self._here = machine()
            if self._here not in self.machines:
                self.machines.append(self._here)
        for name, value in measured.items():
            array = self.arrays.get(name)
            if array is None:
                array = self.arrays[name] = self._room(value)
            elif array.dtype != value.dtype:
                both = np.result_type(array, value)
                array = self.arrays[name] = array.astype(both)
            array[row] = value

    def save(self, state: Callable[[], State], must: bool) -> None:
        """Save the state, if it is time to or a must."""

    def history(self, recorded: list[int], attrs: dict[str, Any]) -> History:
        """Return some of the generations."""
        attrs = {**attrs, "machines": self.machines}
        kept = History(np.array(list(self.planned), np.int64), self.arrays, attrs)
        return kept if list(self.planned) == recorded else kept.at(recorded)

    def _room(self, value: NDArray[Any]) -> NDArray[Any]:
        return np.empty((len(self.planned), *value.shape), value.dtype)


class Checkpoint(Record):
    """What was measured so far, and the state: in one file.

    Parameters
    ----------
    path
        The file, saved every few seconds and at the end.
    """

    lasts = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def open(self, fingerprint: Callable[[], Fingerprint]) -> State | None:
        """Return the state in the file, or None if there is none.

        Raises
        ------
        ValueError
            If it is damaged or belongs to another experiment, and is left as it is; if
            nothing can be written there; or if the experiment cannot be named.
        """
        check_place("checkpoint", self.path)
        self.fingerprint, self.saved_at = fingerprint(), time.monotonic()
        if not self.path.exists():
            return None
        arrays, meta = read(self.path, "state", self.fingerprint)
        if not isinstance(meta.get("measured"), list):
            raise ValueError(
                f"{self.path} is the state of a store, whose generations are in files "
                f"beside it; go on with store={str(self.path.parent)!r}"
            )
        self.planned = {t: row for row, t in enumerate(meta["measured"])}
        self.arrays, self.machines = measured_in(arrays), meta["machines"]
        return unpack(arrays, meta)

    def save(self, state: Callable[[], State], must: bool) -> None:
        """Write the file; if that fails, say so and let the run go on."""
        now = time.monotonic()
        if not must and now - self.saved_at <= SECONDS_BETWEEN_CHECKPOINTS:
            return
        self.saved_at = now
        at = state()
        done = [t for t in self.planned if t < at.generation]
        arrays, meta = pack(at, self.fingerprint)
        so_far = {name: array[: len(done)] for name, array in self.arrays.items()}
        known = {"measured": done, "machines": self.machines}
        try:
            write(self.path, "state", {**arrays, **measured_as(so_far)}, meta | known)
        except OSError as error:
            warn_unsaved(error)


def check_place(name: str, path: Path, *, folder: bool = False) -> None:
    """Raise ValueError unless a run can be kept: before hours of work, not after.

    Folders that are missing are made, and a file is made and removed.
    """
    try:
        taken = path.is_file() if folder else path.is_dir()
        special = path.exists() and not (path.is_file() or path.is_dir())
        if not (taken or special):
            files.try_place(path / "state.npz" if folder else path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(
            f"{name} is {str(path)!r}, where nothing can be kept ({why}); give a path "
            "in a folder that you may write in"
        ) from None
    if special:  # a pipe hangs, /dev/full has no end, and none can be replaced
        raise ValueError(
            f"{name} is {str(path)!r}, which is a device or a pipe; give the path of a "
            f"{'folder' if folder else 'file'} that may be written"
        )
    if taken:
        is_now, needed = ("file", "folder") if folder else ("folder", "file")
        raise ValueError(
            f"{name} is {str(path)!r}, which is a {is_now}; give a {needed}, such as "
            f"{str(path.with_name('run') if folder else path / 'run.npz')!r}"
        )


def warn_unsaved(error: OSError) -> None:
    """Warn that a run could not be saved, which is no reason to lose it."""
    warnings.warn(
        f"the run could not be saved ({error}); it goes on, and this is tried again. "
        "What was measured is in the history that recurse returns: keep it, or make "
        "room before the run ends",
        stacklevel=2,
    )


def measured_as(arrays: Arrays) -> Arrays:
    """Return the names that measured arrays have in a file."""
    # A prefix, because np.savez has names of its own, as "file".
    return {f"measured.{name}": array for name, array in arrays.items()}


def measured_in(arrays: Arrays) -> Arrays:
    """Return the measured arrays of a file by their own names."""
    prefix = "measured."
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def pack(state: State, fingerprint: Fingerprint) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays of a state, and everything else."""
    arrays: Arrays = {}
    kinds = {name: _pack(name, getattr(state, name), arrays) for name in DATA}
    return arrays, {
        "fingerprint": fingerprint(state.generation - bool(state.dead_end)),
        "generation": state.generation,
        "rng_state": state.rng_state,
        "ended": state.ended,
        "dead_end": state.dead_end,
        "kinds": kinds,
    }


def unpack(arrays: Arrays, meta: Mapping[str, Any]) -> State:
    """Return the state that `pack` took apart."""
    data = {name: _unpack(name, kind, arrays) for name, kind in meta["kinds"].items()}
    return State(
        generation=meta["generation"],
        first=data["first"],
        training=data["training"],
        memory=data["memory"],
        rng_state=meta["rng_state"],
        ended=meta["ended"],
        dead_end=meta["dead_end"],
    )


def write(
    path: Path,
    role: str,
    arrays: Arrays,
    meta: Mapping[str, Any],
    *,
    compress: bool = False,
) -> None:
    """Write arrays and what is known of them so that a reader never sees half of it."""
    about = {"format": FORMAT, "role": role, **meta}
    files.write_arrays(path, arrays, about, compress=compress)


def read(
    path: Path, role: str, fingerprint: Fingerprint | None = None
) -> tuple[Arrays, dict[str, Any]]:
    """Read a file of `write`.

    Parameters
    ----------
    path
        The file.
    role
        What it must hold: ``"state"`` or ``"generation 3"``.
    fingerprint
        The file must have been written with the same; default: any.

    Raises
    ------
    ValueError
        If it is damaged, of another version, or belongs to another experiment.
    """
    arrays, meta = files.read_arrays(
        path, format=FORMAT, what="checkpoint", remedy=REMEDY
    )
    if strange := _not_as_written(meta):
        raise ValueError(
            f"{path} is not a readable checkpoint (its {strange} is not as this "
            f"library writes it); it was left untouched - {REMEDY}"
        )
    if meta["role"] != role:
        raise ValueError(
            f"{path} is not the file that its name says: it holds {meta['role']}, "
            f"{role} is needed; it was left untouched - {REMEDY}"
        )
    if fingerprint is not None:
        ends_at = meta["generation"] - bool(meta["dead_end"])
        odd = differing(meta["fingerprint"], fingerprint(ends_at))
        if odd:
            raise ValueError(
                f"{path} belongs to another experiment (different: {', '.join(odd)}); "
                "what functions refer to counts, as it is when the run begins. Use "
                "another path, or delete it to start again"
            )
    return arrays, meta


def _not_as_written(meta: Mapping[str, Any]) -> str:
    """Return the name of something in a file that no run wrote so, or ""."""
    kinds: dict[str, type] = {"role": str, "fingerprint": dict}
    kinds |= {"generation": int, "dead_end": str}
    if str(meta.get("role")).startswith("generation"):
        kinds |= {"machine": dict, "store": str}
    else:
        kinds |= {"rng_state": dict, "ended": dict, "kinds": dict, "machines": list}
    for name, kind in kinds.items():
        if not isinstance(meta.get(name), kind):
            return name
    if "kinds" in kinds:
        data = meta["kinds"]
        if data.keys() != set(DATA) or not all(map(_is_kind, data.values())):
            return "kinds"
    return ""


def _is_kind(kind: Any) -> bool:
    """Tell whether `_unpack` knows a kind of data set."""
    if kind is None:
        return True
    if not isinstance(kind, dict):
        return False
    return kind.get("kind") == "array" or (
        kind.get("kind") in Summary.kinds and isinstance(kind.get("size"), int)
    )


def _pack(name: str, data: Data | None, arrays: Arrays) -> Any:
    """Put the arrays of a data set into ``arrays``; return a description."""
    if data is None:
        return None
    if not isinstance(data, Summary):
        arrays[name] = data
        return {"kind": "array"}
    for field in fields(data)[1:]:
        arrays[f"{name}.{field.name}"] = getattr(data, field.name)
    return {"kind": type(data).__name__, "size": data.size}


def _unpack(name: str, kind: Any, arrays: Arrays) -> Data | None:
    if kind is None:
        return None
    if kind["kind"] == "array":
        return arrays[name]
    cls = Summary.kinds[kind["kind"]]
    values = {f.name: arrays[f"{name}.{f.name}"] for f in fields(cls)[1:]}
    return cls(kind["size"], **values)
