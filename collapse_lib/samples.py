"""Data sets that travel from one generation to the next.

A data set is either an array of shape ``(chains, n, ...)`` - ``n`` points for each of
``chains`` independent replicates - or a `Summary`: a sufficient statistic that stands
for ``n`` points without storing them, so that a generation costs the same for ten
points as for ten million. Regimes only use the functions of this module and so
work with both.

In order: the two kinds of data sets; what can be done with either; what a model may
refuse; and `RealData`, where the first data set of a run comes from.
"""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Data: TypeAlias = "NDArray[Any] | Summary"
Dataclass = TypeVar("Dataclass", bound="DataclassInstance")


@dataclasses.dataclass(frozen=True)
class Summary(ABC):
    """A sufficient statistic of ``size`` points in each of several chains.

    Subclasses are frozen dataclasses whose first field is ``size`` and whose other
    fields are arrays with the chain axis first; that is all a checkpoint needs.
    """

    kinds: ClassVar[dict[str, type[Summary]]] = {}
    size: int

    def __init_subclass__(cls) -> None:
        """Register the kind, so that a checkpoint can name it."""
        Summary.kinds[cls.__name__] = cls

    @property
    @abstractmethod
    def chains(self) -> int:
        """Number of independent replicates."""

    @classmethod
    @abstractmethod
    def pool(cls, parts: Sequence[Self]) -> Self:
        """Return the summary of all points of ``parts`` together."""

    def subsample(self, n: int, rng: np.random.Generator) -> Self:
        """Draw ``n`` of the points without replacement, where the law allows it.

        Raises
        ------
        ValueError
            If the summary does not determine the law of a subsample.
        """
        raise ValueError(
            f"a {type(self).__name__} cannot be subsampled: the points themselves are "
            'gone; build the model with law="literal"'
        )


@dataclasses.dataclass(frozen=True)
class Pool(Summary):
    """Points that only ever get more, in a buffer that doubles when it is full.

    Appending costs what is appended, where concatenating would copy the whole pool in
    every generation.

    Parameters
    ----------
    size
        Number of points in use.
    buffer
        Shape ``(chains, capacity, ...)``; the first ``size`` places are in use.
    """

    buffer: NDArray[Any]

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.buffer)

    @property
    def points(self) -> NDArray[Any]:
        """The points: a view of shape ``(chains, size, ...)``."""
        return self.buffer[:, : self.size]

    @classmethod
    def pool(cls, parts: Sequence[Self]) -> Self:
        """Return one pool of all points."""
        joined = parts[0]
        for part in parts[1:]:
            joined = joined.append(part.points)
        return joined

    def append(self, data: NDArray[Any]) -> Self:
        """Return the pool with ``data`` added; append to the newest pool only."""
        total = self.size + data.shape[1]
        buffer, dtype = self.buffer, np.result_type(self.buffer, data)
        if total > buffer.shape[1] or dtype != buffer.dtype:
            chains, _, *event = buffer.shape
            buffer = np.empty((chains, 2 * total, *event), dtype=dtype)
            buffer[:, : self.size] = self.points
        buffer[:, self.size : total] = data
        return type(self)(total, buffer)


def size(data: Data) -> int:
    """Return the number of points per chain."""
    return data.size if isinstance(data, Summary) else data.shape[1]


def n_chains(data: Data) -> int:
    """Return the number of chains."""
    return data.chains if isinstance(data, Summary) else data.shape[0]


def pool(parts: Sequence[Data]) -> Data:
    """Put the points of several data sets together, chain by chain.

    Parameters
    ----------
    parts
        Data sets of one kind; empty ones are dropped.

    Raises
    ------
    ValueError
        If nothing is left, or arrays and summaries are mixed.

    Examples
    --------
    >>> pool([np.zeros((2, 3)), np.ones((2, 1))]).shape
    (2, 4)
    """
    parts = [part for part in parts if size(part) > 0]
    if not parts:
        raise ValueError("nothing to pool: every part is empty")
    if len(parts) == 1:
        return parts[0]
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays, axis=1)
    summaries = [part for part in parts if isinstance(part, Summary)]
    kinds = {type(part) for part in parts}
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"data sets of different kinds cannot be pooled: {names}")
    return type(summaries[0]).pool(summaries)


def subsample(data: Data, n: int, rng: np.random.Generator) -> Data:
    """Draw ``n`` points of each chain without replacement, independently by chain.

    Raises
    ------
    ValueError
        If there are fewer than ``n`` points.
    """
    if n > size(data):
        raise ValueError(f"cannot draw {n} points from {size(data)}")
    if isinstance(data, Summary):
        return data.subsample(n, rng)
    chains, total = data.shape[:2]
    rows = np.arange(chains)[:, None]
    return np.asarray(data[rows, _places(chains, total, n, rng)])


def _places(
    chains: int, total: int, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``n`` of ``total`` places without replacement, for each chain."""
    if 2 * n > total:
        # The n smallest of iid uniforms sit at a uniformly random n-subset of places.
        keys = rng.random((chains, total))
        return np.argpartition(keys, max(n - 1, 0), axis=1)[:, :n]
    # The first n distinct values of an iid stream are a uniformly random n-subset,
    # and finding them costs n, not the size of a pool that grows.
    places = np.sort(rng.integers(total, size=(chains, n)), axis=1)
    while True:
        repeated = np.zeros(places.shape, dtype=bool)
        repeated[:, 1:] = places[:, 1:] == places[:, :-1]
        n_repeated = int(repeated.sum())
        if n_repeated == 0:
            return places
        places[repeated] = rng.integers(total, size=n_repeated)
        places.sort(axis=1)


def check_data(data: Data, event_ndim: int, name: str = "data") -> None:
    """Check that a data set can train a model.

    Parameters
    ----------
    data
        Array of shape ``(chains, n, ...)`` or a summary.
    event_ndim
        Number of axes of one data point: 0 for scalars, 1 for vectors.
    name
        What to call the data in a message.

    Raises
    ------
    ValueError
        If the data are empty, not finite or of another shape.
    """
    if isinstance(data, Summary):
        if data.size < 1:
            raise ValueError(f"{name} is empty: at least one point is needed")
        return
    want = "(chains, n" + ", ..." * event_ndim + ")"
    if data.ndim != 2 + event_ndim:
        raise ValueError(f"{name} has shape {data.shape}; this model needs {want}")
    if 0 in data.shape:
        raise ValueError(f"{name} is empty: its shape is {data.shape}")
    if data.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {data.dtype} values; numbers are needed")
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        bad = int(data.size - np.isfinite(data).sum())
        raise ValueError(f"{name} holds {bad} values that are NaN or infinite")


def points(data: Data, model: object, *kinds: type[Summary]) -> NDArray[Any]:
    """Return data that are points; refuse the summaries that a model cannot use.

    Parameters
    ----------
    data
        What is to be fitted.
    model
        Who asks, for the message.
    kinds
        Summaries that it can use as well.

    Raises
    ------
    ValueError
        If the points themselves are gone.
    """
    if not isinstance(data, Summary):
        return data
    name, allowed = type(model).__name__, [kind.__name__ for kind in kinds]
    raise ValueError(
        f"{name} cannot be fitted to {type(data).__name__}: it needs "
        f"{' or '.join(['the points themselves', *allowed])}. Build the model that "
        'they come from with law="literal", or pass an array'
    )


def repeat_chains(fitted: Dataclass, chains: int) -> Dataclass:
    """Return the fit of one chain for several, as a source of real data.

    Parameters
    ----------
    fitted
        A dataclass; its arrays have the chain axis first.
    chains
        How many are needed. The arrays are repeated without a copy.

    Raises
    ------
    ValueError
        If the fit has another number of chains than 1 and ``chains``.
    """
    values = {f.name: getattr(fitted, f.name) for f in dataclasses.fields(fitted)}
    arrays = {key: a for key, a in values.items() if isinstance(a, np.ndarray)}
    for array in arrays.values():
        if len(array) not in (1, chains):
            raise ValueError(
                f"the model has {len(array)} chains; it cannot serve {chains}"
            )
    repeated = {
        key: np.broadcast_to(array, (chains, *array.shape[1:]))
        for key, array in arrays.items()
    }
    return dataclasses.replace(fitted, **repeated)


class RealData:
    """The real data of a run: fixed, or a source to draw from.

    Parameters
    ----------
    real
        An array of shape ``(n, ...)`` or ``(chains, n, ...)``, a summary, or a source
        with ``sample(n, rng)``.
    chains
        Number of independent replicates.
    event_ndim
        Number of axes of one data point.

    Raises
    ------
    ValueError
        If fixed data are empty, not finite, or of another shape or number of chains.
    """

    def __init__(self, real: Any, chains: int, event_ndim: int) -> None:
        self.chains = chains
        self._first: Data | None = None
        self.source = real if hasattr(real, "sample") else None
        self.fixed: Data | None = None
        if self.source is None:
            self.fixed = _fixed(real, chains, event_ndim)

    def describe(self) -> str:
        """Return a text that differs for different data."""
        return describe(self.source if self.fixed is None else self.fixed)

    @property
    def first(self) -> Data:
        """The training set of generation 0.

        Raises
        ------
        ValueError
            If it was not kept, because the regime's ``needs_first`` is False.
        """
        if self._first is None:
            raise ValueError("the regime uses real.first: let needs_first return True")
        return self._first

    def keep(self, first: Data | None) -> None:
        """Hold on to the training set of generation 0."""
        self._first = first

    def fresh(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` new real points per chain.

        Raises
        ------
        ValueError
            If the data are fixed, or the source returns another number of chains.
        """
        if self.source is None:
            raise ValueError(
                "this regime draws new real data every generation, but real is a "
                "fixed data set; pass a source with sample(n, rng), e.g. a fitted model"
            )
        if hasattr(self.source, "expand"):
            data: Data = self.source.expand(self.chains).sample(n, rng)
        else:
            data = self.source.sample(n, rng)
            if isinstance(data, np.ndarray) and len(data) == 1 < self.chains:
                more = [self.source.sample(n, rng) for _ in range(self.chains - 1)]
                data = np.concatenate([data, *more])
        if n_chains(data) != self.chains:
            raise ValueError(
                "real.sample(n, rng) must return 1 chain or as many as chains asks "
                f"for: it returned {n_chains(data)}, chains is {self.chains}"
            )
        return data


def _fixed(real: Any, chains: int, event_ndim: int) -> Data:
    """Bring real data to shape ``(chains, n, ...)``."""
    if isinstance(real, Summary):
        data: Data = real
    else:
        array = np.asarray(real)
        data = array[None] if array.ndim == 1 + event_ndim else array
        if data.ndim != 2 + event_ndim:
            tail = ", ..." * event_ndim
            raise ValueError(
                f"real has shape {array.shape}; this model needs (n{tail}) or "
                f"(chains, n{tail}), or a source with sample(n, rng)"
            )
        check_data(data, event_ndim, name="real")
        if len(data) == 1:
            data = np.broadcast_to(data, (chains, *data.shape[1:]))
    if n_chains(data) != chains:
        raise ValueError(f"real holds {n_chains(data)} chains, chains is {chains}")
    if size(data) < 1:
        raise ValueError("real is empty: at least one point is needed")
    return data


def describe(value: Any, digits: int = 64) -> str:
    """Return a text that differs for different values, without their bulk.

    Parameters
    ----------
    value
        Arrays are named by their hash, dataclasses by their fields.
    digits
        How much of a hash is kept.
    """
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"array {value.dtype} {value.shape} sha256 {digest[:digits]}"
    if dataclasses.is_dataclass(value):
        parts = (
            f"{f.name}={describe(getattr(value, f.name), digits)}"
            for f in dataclasses.fields(value)
        )
        return f"{type(value).__name__}({', '.join(parts)})"
    return repr(value)
