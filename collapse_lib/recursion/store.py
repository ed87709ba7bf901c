"""Where a long run is kept: in a folder, one file for each generation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from collapse_lib.checks import check_count
from collapse_lib.declared import declared
from collapse_lib.recursion.checkpoint import (
    Fingerprint,
    Record,
    State,
    check_place,
    measured_as,
    measured_in,
    pack,
    read,
    unpack,
    warn_unsaved,
    write,
)
from collapse_lib.recursion.history import History
from collapse_lib.recursion.identity import differing
from collapse_lib.recursion.machine import machine
from collapse_lib.recursion.measuring import Arrays

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
        self._unsaved: list[int] = []

    def open(self, fingerprint: Callable[[], Fingerprint]) -> State | None:
        """Return the state in the folder, or None if there is none.

        All files are read, so that one that does not fit is named before anything is
        computed.

        Raises
        ------
        ValueError
            If one is damaged or belongs to another experiment, and is left as it is; if
            nothing can be written there; or if the experiment cannot be named.
        """
        path = self.folder / "state.npz"
        check_place("store", self.folder, folder=True)
        self.fingerprint = fingerprint()
        found = {
            t: read(_file(self.folder, t), f"generation {t}", self.fingerprint)
            for t in generations_in(self.folder)
        }
        if not path.exists():
            return None
        arrays, meta = read(path, "state", self.fingerprint)
        state, self.machines = unpack(arrays, meta), meta["machines"]
        # A later one was measured, but the process ended before the state was saved.
        known = {t: measured_in(one[0]) for t, one in found.items()}
        known = {t: one for t, one in known.items() if t < state.generation}
        self.planned = {t: row for row, t in enumerate(known)}
        self.arrays = _stacked(path.parent, known)
        return state

    def add(self, t: int, measured: Arrays) -> None:
        """Keep what was measured in a generation, and write it."""
        super().add(t, measured)
        self._unsaved.append(t)
        self._write()

    def save(self, state: Callable[[], State], must: bool) -> None:
        """Write the state, if everything that was measured before it is there."""
        if self._unsaved:
            self._write()
        if not self._unsaved:
            arrays, meta = pack(state(), self.fingerprint)
            meta["machines"] = self.machines
            try:
                write(self.folder / "state.npz", "state", arrays, meta)
            except OSError as error:
                warn_unsaved(error)

    def _write(self) -> None:
        """Write what is not there yet; if that fails, let the run go on."""
        name = self.folder.name
        try:
            while self._unsaved:
                t = self._unsaved[0]
                row = self.planned[t]
                one = {name: array[row] for name, array in self.arrays.items()}
                meta = {"fingerprint": self.fingerprint(t), "generation": t}
                write(
                    _file(self.folder, t),
                    f"generation {t}",
                    measured_as(one),
                    {**meta, "dead_end": "", "machine": machine(), "store": name},
                    compress=True,
                )
                del self._unsaved[0]
        except OSError as error:
            warn_unsaved(error)


@declared
def generations_in(folder: Path) -> list[int]:
    """Return the generations that a store holds, ascending."""
    found = (NAME.fullmatch(path.name) for path in folder.glob("generation-*.npz"))
    return sorted(int(match[1]) for match in found if match)


@declared
def history_in(folder: Path, generations: Iterable[int] | None = None) -> History:
    """Return what a store holds.

    Parameters
    ----------
    folder
        The store.
    generations
        Which ones; default: all.

    Raises
    ------
    ValueError
        If a file is damaged or of another version, or was measured otherwise than the
        others.
    """
    wanted = generations_in(folder)
    if generations is not None:
        numbered = enumerate(generations)
        wanted = [check_count(f"generations[{i}]", t, least=0) for i, t in numbered]
    arrays, origins = {}, []
    for t in wanted:
        found, meta = read(_file(folder, t), f"generation {t}")
        arrays[t] = measured_in(found)
        # How many points there were may differ from generation to generation.
        recipe = {**meta["fingerprint"], "n_samples": None}
        origins.append((t, meta["store"], recipe))
    for t, store, recipe in origins:
        odd = differing(recipe, origins[0][2])
        odd += [] if store == origins[0][1] else [f"written in {store}"]
        if odd:
            raise ValueError(
                f"{_file(folder, t)} belongs to another experiment than "
                f"{_file(folder, wanted[0]).name} (different: {', '.join(odd)}); put "
                "back the file that was there, or delete the folder to start again"
            )
    written = {"written_in": origins[0][1]} if origins else {}
    return History(np.array(wanted, np.int64), _stacked(folder, arrays), written)


def _stacked(folder: Path, every: Mapping[int, Arrays]) -> Arrays:
    """Return what was measured in generations as arrays, generations first."""
    first = next(iter(every.values()), {})
    try:
        return {name: np.stack([one[name] for one in every.values()]) for name in first}
    except (KeyError, ValueError):
        raise ValueError(
            f"the generations in {folder} do not go together: other measures or shapes "
            "in some of them; use another path, or delete it to start again"
        ) from None


def _file(folder: Path, t: int) -> Path:
    return folder / f"generation-{t:02d}.npz"
