"""Where a long run is kept: in a folder, one file for each generation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib.recursion.checkpoint import (
    Fingerprint,
    Record,
    State,
    measured_as,
    measured_in,
    pack,
    read,
    unpack,
    write,
)
from collapse_lib.recursion.history import History
from collapse_lib.recursion.measuring import Arrays, Shapes

NAME = re.compile(r"generation-(\d+)\.npz")


class Store(Record):
    """What was measured so far, and the state: in a folder.

    ``generation-NN.npz`` is written as soon as a generation is measured, ``state.npz``
    after each. So what was in the air when a run was killed is computed again, and
    nothing else.

    Parameters
    ----------
    folder
        It is made if it is not there.
    """

    lasts = True

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._shapes: Shapes = {}

    @property
    def shapes(self) -> Shapes:
        """Name -> shape of what was measured in one generation."""
        return self._shapes

    def open(self, fingerprint: Fingerprint) -> State | None:
        """Return the state in the folder, or None if there is none.

        All files are read, so that one that does not fit is named before anything is
        computed.

        Raises
        ------
        ValueError
            If one is damaged or belongs to another experiment. It is left as it is.
        """
        self.fingerprint = fingerprint
        there = generations_in(self.folder)
        for t in there:
            self._shapes = {name: a.shape for name, a in self._read(t).items()}
        path = self.folder / "state.npz"
        if not path.exists():
            return None
        state = unpack(*read(path, fingerprint))
        # A later one was measured, but the process ended before the state was saved.
        self.planned = {t: t for t in there if t < state.generation}
        return state

    def plan(self, recorded: list[int], start: int) -> None:
        """Make ready for a run that goes on at generation ``start``."""
        super().plan(recorded, start)
        if not any(t < start for t in self.planned):
            self._shapes = {}

    def add(self, t: int, measured: Arrays) -> None:
        """Write what was measured in a generation."""
        self._shapes = {name: array.shape for name, array in measured.items()}
        meta = {"fingerprint": self.fingerprint(t), "generation": t, "dead_end": ""}
        write(self._path(t), measured_as(measured), meta, compress=True)

    def save(self, state: Callable[[], State], must: bool) -> None:
        """Write the state."""
        write(self.folder / "state.npz", *pack(state(), self.fingerprint))

    def history(self, recorded: list[int], attrs: dict[str, Any]) -> History:
        """Read some of the generations."""
        return history_in(self.folder, recorded, self.fingerprint, attrs)

    def _read(self, t: int) -> Arrays:
        return measured_in(read(self._path(t), self.fingerprint)[0])

    def _path(self, t: int) -> Path:
        return _file(self.folder, t)


def generations_in(folder: Path) -> list[int]:
    """Return the generations that a store holds, ascending."""
    found = (NAME.fullmatch(path.name) for path in folder.glob("generation-*.npz"))
    return sorted(int(match[1]) for match in found if match)


def history_in(
    folder: Path,
    generations: Iterable[int] | None = None,
    fingerprint: Fingerprint | None = None,
    attrs: dict[str, Any] | None = None,
) -> History:
    """Return what a store holds.

    Parameters
    ----------
    folder
        The store.
    generations
        Which ones; default: all.
    fingerprint
        Of the experiment that it must belong to; default: any.
    attrs
        Of the history.

    Raises
    ------
    ValueError
        If a file is damaged, of another version, or belongs to another experiment.
    """
    wanted = generations_in(folder) if generations is None else list(generations)
    every = [measured_in(read(_file(folder, t), fingerprint)[0]) for t in wanted]
    arrays = {name: np.stack([one[name] for one in every]) for name in every[0]}
    return History(np.array(wanted, np.int64), arrays, attrs or {})


def _file(folder: Path, t: int) -> Path:
    return folder / f"generation-{t:02d}.npz"
