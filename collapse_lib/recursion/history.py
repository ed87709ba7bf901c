"""What `recurse` returns: named arrays, and a tidy frame of them for pandas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import given, is_plain, numeric

if TYPE_CHECKING:
    import pandas as pd


class _Tidy:
    """A frame of single numbers, one a row, made when somebody asks for it.

    To seaborn and others it is a mapping: name of a column -> column.
    """

    columns = ["generation", "chain", "metric", "value"]

    def _blocks(self) -> Iterator[tuple[dict[str, str], History, NDArray[Any]]]:
        """Yield names (of the arm, the metric), and what has these names."""
        raise NotImplementedError

    def frame(self) -> pd.DataFrame:
        """Return a tidy pandas frame, one measured number a row.

        It holds the measures with one number per chain; `array` returns all others.
        """
        import pandas as pd

        blocks = list(self._blocks())
        if not blocks:
            return pd.DataFrame(columns=self.columns)
        sizes = [values.size for _, _, values in blocks]
        columns: dict[str, Any] = {
            "generation": [np.repeat(h.generations, h.chains) for _, h, _ in blocks],
            "chain": [
                np.tile(np.arange(h.chains), len(h.generations)) for _, h, _ in blocks
            ],
            "value": [values.ravel() for _, _, values in blocks],
        }
        columns = {name: np.concatenate(parts) for name, parts in columns.items()}
        for name in blocks[0][0]:
            names = [labels[name] for labels, _, _ in blocks]
            known = list(dict.fromkeys(names))
            codes = np.repeat([known.index(n) for n in names], sizes)
            columns[name] = pd.Categorical.from_codes(codes, pd.Index(known))
        return pd.DataFrame({name: columns[name] for name in self.columns})

    def __getitem__(self, key: Any) -> Any:
        """Return a column of the frame, or what else pandas finds by this key."""
        return self.frame()[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the frame's columns."""
        return iter(self.columns)

    def keys(self) -> list[str]:
        """Return the names of the frame's columns."""
        return list(self.columns)

    def __len__(self) -> int:
        """Return the number of rows of the frame."""
        return sum(values.size for _, _, values in self._blocks())


Mapping.register(_Tidy)


@dataclass(frozen=True, eq=False, repr=False)
class History(_Tidy):
    """What was measured in generations of models.

    Parameters
    ----------
    generations
        The generations that were recorded, ascending, shape ``(generations,)``.
    arrays
        Name -> what was measured, shape ``(generations, chains, ...)``.
    attrs
        How it was made: ``attrs["config"]`` holds the arguments of `recurse`.

    Examples
    --------
    >>> history = History(np.arange(3), {"sigma": np.array([[1, 1], [1, 2], [0, 2]])})
    >>> history.array("sigma").mean(axis=1)
    array([1. , 1.5, 1. ])
    >>> history
    History of 3 generations (0 to 2), 2 chains
      sigma  int64
    """

    generations: NDArray[np.int64]
    arrays: Mapping[str, NDArray[Any]]
    attrs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that generations come first in every array, and chains second."""
        if not is_plain(self.generations) or np.ndim(self.generations) != 1:
            raise ValueError(
                f"generations is {given(self.generations)}; it must be an array of "
                "integers, one for each generation recorded"
            )
        arrays = self.arrays if isinstance(self.arrays, Mapping) else {}
        if not arrays:
            raise ValueError(
                f"arrays is {given(self.arrays)}; it must map names to arrays of shape "
                "(generations, chains, ...)"
            )
        leading = {getattr(array, "shape", ())[:2] for array in arrays.values()}
        t, chains = len(self.generations), next(iter(leading))[1:]
        if leading != {(t, *chains)} or not chains:
            raise ValueError(
                f"arrays have the shapes {sorted(leading)}, ...; needed are as many "
                f"generations as in generations ({t}) first, and the same chains second"
            )
        if not isinstance(self.attrs, dict):
            raise ValueError(f"attrs is {given(self.attrs)}; it must be a dictionary")

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return int(next(iter(self.arrays.values())).shape[1])

    def array(self, metric: str) -> NDArray[Any]:
        """Return what was measured, shape ``(generations, chains, ...)``.

        Raises
        ------
        ValueError
            If there is no such measure.
        """
        if not (isinstance(metric, str) and metric in self.arrays):
            measured = ", ".join(self.arrays)
            raise ValueError(f"no metric {given(metric)}; measured: {measured}")
        return self.arrays[metric]

    def at(self, generations: ArrayLike) -> History:
        """Return the history of some generations alone, in ascending order.

        Raises
        ------
        ValueError
            If one of them was not recorded.
        """
        wanted = _wanted(generations)
        missing = np.setdiff1d(wanted, self.generations).tolist()
        if missing:
            raise ValueError(
                f"no generations {missing}; recorded: {listed(self.generations)}"
            )
        rows = np.searchsorted(self.generations, wanted)
        arrays = {name: values[rows] for name, values in self.arrays.items()}
        return History(wanted, arrays, self.attrs)

    def equals(self, other: History) -> bool:
        """Return whether two histories hold the same numbers, to the bit."""
        if not isinstance(other, History):
            raise ValueError(f"other is {given(other)}; it must be a History")
        return (
            np.array_equal(self.generations, other.generations)
            and list(self.arrays) == list(other.arrays)
            and all(_same(a, other.arrays[name]) for name, a in self.arrays.items())
        )

    @staticmethod
    def join(parts: Sequence[History]) -> History:
        """Return one history of the chains of several, numbered in this order.

        Raises
        ------
        ValueError
            If they differ in generations or in what was measured.
        """
        several = isinstance(parts, (list, tuple)) and len(parts) > 0
        if not several or not all(isinstance(part, History) for part in parts):
            raise ValueError(
                f"parts is {given(parts)}; it must be a list of histories, at least one"
            )
        first = parts[0]
        for part in parts[1:]:
            if not np.array_equal(part.generations, first.generations):
                raise ValueError(
                    f"generations differ: {listed(first.generations)} and "
                    f"{listed(part.generations)}; cut the longer one with .at(...)"
                )
            if set(part.arrays) != set(first.arrays):
                raise ValueError(
                    f"measures differ: {', '.join(first.arrays)} and "
                    f"{', '.join(part.arrays)}"
                )
        arrays = {
            name: np.concatenate([part.arrays[name] for part in parts], axis=1)
            for name in first.arrays
        }
        return History(first.generations, arrays, first.attrs)

    @staticmethod
    def of_arms(histories: Mapping[str, History]) -> Arms:
        """Return the histories of several arms of one study as one; see `Arms`."""
        return Arms(histories)

    def _blocks(self) -> Iterator[tuple[dict[str, str], History, NDArray[Any]]]:
        for name, values in self.arrays.items():
            if values.ndim == 2:
                yield {"metric": name}, self, values

    def __repr__(self) -> str:
        """Say what is there, without the numbers."""
        width = max(map(len, self.arrays))
        lines = [
            f"History of {len(self.generations)} generations "
            f"({listed(self.generations)}), {self.chains:,} chains"
        ]
        for name, values in self.arrays.items():
            shape = f" {values.shape[2:]}" if values.ndim > 2 else ""
            lines.append(f"  {name:{width}}  {values.dtype}{shape}")
        return "\n".join(lines)


@dataclass(frozen=True, eq=False, repr=False)
class Arms(_Tidy):
    """The histories of the arms of one study.

    Parameters
    ----------
    parts
        Name of the arm -> its history. Arms may have other generations, other numbers
        of chains and other measures.

    Examples
    --------
    >>> short = History(np.arange(2), {"loss": np.array([[1.0], [2.0]])})
    >>> arms = History.of_arms({"paper": short, "real": short.at([0])})
    >>> arms.array("loss")[:, :, 0]
    array([[ 1.,  2.],
           [ 1., nan]])
    """

    parts: Mapping[str, History]

    def __post_init__(self) -> None:
        """Check that there are histories."""
        parts = self.parts if isinstance(self.parts, Mapping) else {}
        good = [isinstance(k, str) and isinstance(v, History) for k, v in parts.items()]
        if not (good and all(good)):
            raise ValueError(
                f"the parts (histories) are {given(self.parts)}; needed is name of the "
                "arm -> History, at least one"
            )

    columns = ["arm", *_Tidy.columns]

    @property
    def arms(self) -> list[str]:
        """Names of the arms."""
        return list(self.parts)

    @property
    def generations(self) -> NDArray[np.int64]:
        """The generations that were recorded in any arm, ascending."""
        parts = [part.generations for part in self.parts.values()]
        return np.unique(np.concatenate(parts))

    def arm(self, name: str) -> History:
        """Return the history of one arm.

        Raises
        ------
        ValueError
            If there is no such arm.
        """
        if not (isinstance(name, str) and name in self.parts):
            arms = ", ".join(self.parts)
            raise ValueError(f"no arm {given(name)}; there are {arms}")
        return self.parts[name]

    def at(self, generations: ArrayLike) -> Arms:
        """Return the arms at some generations, as far as each has recorded them."""
        wanted = _wanted(generations)
        cut = {
            name: part.at(np.intersect1d(wanted, part.generations))
            for name, part in self.parts.items()
        }
        return Arms(cut)

    def array(self, metric: str) -> NDArray[Any]:
        """Return what was measured, shape ``(arms, generations, chains, ...)``.

        Places of generations and chains that an arm does not have are NaN.

        Raises
        ------
        ValueError
            If an arm did not measure it, if what was measured has another shape in
            another arm, or if a place is empty that cannot be NaN.
        """
        every = self.generations
        values = {name: self._array(name, metric) for name in self.parts}
        shapes = {name: a.shape[2:] for name, a in values.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(
                f"{metric!r} has other shapes in other arms: {shapes}; "
                "use .arm(name).array(...)"
            )
        chains = max(a.shape[1] for a in values.values())
        dtype = np.result_type(*values.values())
        shape = (len(every), chains, *next(iter(shapes.values())))
        full = all(a.shape == shape for a in values.values())
        if not full and dtype.kind not in "fc":
            raise ValueError(
                f"arms differ in generations or chains, and {metric!r} holds {dtype}, "
                "which has no NaN for empty places; use .arm(name).array(...), or cut "
                "all arms with .at(...)"
            )
        out = np.empty((len(values), *shape), dtype)
        if not full:
            out[:] = np.nan
        for place, (name, a) in enumerate(values.items()):
            rows = np.searchsorted(every, self.parts[name].generations)
            out[place, rows, : a.shape[1]] = a
        return out

    def _array(self, name: str, metric: str) -> NDArray[Any]:
        try:
            return self.parts[name].array(metric)
        except ValueError as e:
            raise ValueError(f"arm {name!r}: {e}") from None

    def _blocks(self) -> Iterator[tuple[dict[str, str], History, NDArray[Any]]]:
        found = [
            ({"arm": arm, **labels}, part, values)
            for arm, history in self.parts.items()
            for labels, part, values in history._blocks()
        ]
        order = list(dict.fromkeys(labels["metric"] for labels, _, _ in found))
        yield from sorted(found, key=lambda block: order.index(block[0]["metric"]))

    def __repr__(self) -> str:
        """Say what is there, without the numbers."""
        return "\n".join(f"{arm}: {part!r}" for arm, part in self.parts.items())


def _wanted(generations: ArrayLike) -> NDArray[np.int64]:
    """Return the generations asked for, each once, ascending."""
    array = numeric("generations", generations)
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(
            f"generations is {given(generations)}; it must be integers, as [0, 10]"
        )
    return np.unique(array.astype(np.int64))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    alike = one.dtype == other.dtype and one.shape == other.shape
    return alike and one.tobytes() == other.tobytes()


def listed(generations: Iterable[int]) -> str:
    """Name generations: a range without gaps by its ends, all others one by one."""
    ts = [int(t) for t in generations]
    if len(ts) > 2 and ts == list(range(ts[0], ts[-1] + 1)):
        return f"{ts[0]} to {ts[-1]}"
    if len(ts) > 8:
        return f"{ts[0]}, {ts[1]}, {ts[2]}, ..., {ts[-1]}"
    return ", ".join(map(str, ts)) or "none"
