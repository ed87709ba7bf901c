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
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_count,
    check_finite,
    check_rng,
    given,
    is_plain,
    numbers,
    numeric,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Dataclass = TypeVar("Dataclass", bound="DataclassInstance")


@dataclasses.dataclass(frozen=True)
class Summary(ABC):
    """A sufficient statistic of ``size`` points in each of several chains.

    Subclasses are frozen dataclasses whose first field is ``size`` and whose other
    fields are arrays with the chain axis first; that is all a checkpoint needs.
    """

    kinds: ClassVar[dict[str, type[Summary]]] = {}
    #: What to do where a model cannot be fitted to this kind, for messages.
    instead: ClassVar[str] = (
        'Build the model that they come from with law="literal", or pass an array'
    )
    size: int

    def __post_init__(self) -> None:
        """Check that the size is a number and the rest are arrays, chains first."""
        check_count("size", self.size, least=0)
        for name in _array_fields(type(self)):
            array = getattr(self, name)
            if not (is_plain(array) and array.ndim):
                raise ValueError(
                    f"{name} of {type(self).__name__} is {given(array)}; it must "
                    "be an array of numbers with the chains first"
                )

    def __init_subclass__(cls) -> None:
        """Register the kind, so that a checkpoint can name it."""
        Summary.kinds[cls.__name__] = cls

    @property
    @abstractmethod
    def chains(self) -> int:
        """Number of independent replicates."""

    @classmethod
    def pool(cls, parts: Sequence[Self]) -> Self:
        """Return the summary of all points of ``parts`` together.

        Raises
        ------
        ValueError
            If one is no summary of this kind, or their chains differ.
        """
        return cls._pool(check_parts(parts, cls))

    @classmethod
    @abstractmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Do what `pool` says; the parts have been checked."""

    @classmethod
    def pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Any:
        """Return the summary of all points, those of some parts counting for more.

        Parameters
        ----------
        parts
            The parts.
        weights
            How much a point of each part counts; the mean over all points is 1.

        Raises
        ------
        ValueError
            If weights change what the summary says in a way that it cannot tell, or
            see `pool`.
        """
        parts = check_parts(parts, cls)
        return cls._pool_weighted(parts, check_shares("weights", weights, len(parts)))

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Any:
        """Do what `pool_weighted` says, where the kind of summary allows it."""
        raise ValueError(
            f"{cls.__name__} cannot be weighted: the points themselves are gone; "
            'build the model with law="literal"'
        )

    def like(self, points: NDArray[Any]) -> Self:
        """Summarise points ``(chains, n, ...)`` in the same way, to pool both.

        Raises
        ------
        ValueError
            If the points cannot be summarised.
        """
        return self._like(points_alone("points", points))

    def _like(self, points: NDArray[Any]) -> Self:
        """Do what `like` says, where the points can be summarised."""
        raise ValueError(
            f"a {type(self).__name__} cannot be pooled with an array of points; "
            'build the model with law="literal"'
        )

    def check_subsample(self, n: Any, rng: Any) -> None:
        """Raise ValueError unless ``n`` of the points can be drawn with ``rng``."""
        check_count("n", n, least=0, most=self.size)
        check_rng(rng)

    def subsample(self, n: int, rng: np.random.Generator) -> Self:
        """Draw ``n`` of the points without replacement, where the law allows it.

        Raises
        ------
        ValueError
            If the summary does not determine the law of a subsample.
        """
        self.check_subsample(n, rng)
        raise ValueError(
            f"a {type(self).__name__} cannot be subsampled: the points themselves are "
            'gone; build the model with law="literal"'
        )


Data: TypeAlias = NDArray[Any] | Summary


@cache
def _array_fields(kind: type[Summary]) -> tuple[str, ...]:
    """Return the names of the arrays of a summary; it is asked in every generation."""
    return tuple(field.name for field in dataclasses.fields(kind)[1:])


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
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Return one pool of all points."""
        joined, *rest = parts
        for part in rest:
            joined = joined.append(part.points)
        return joined

    def append(self, data: NDArray[Any]) -> Self:
        """Return the pool with ``data`` added; append to the newest pool only."""
        shape = (len(self.buffer), *self.buffer.shape[2:])
        if not is_plain(data) or (*data.shape[:1], *data.shape[2:]) != shape:
            raise ValueError(
                f"data is {given(data)}; the pool has {shape[0]} chains and points of "
                f"shape {shape[1:]}: needed is an array (chains, n, ...) of such"
            )
        total = self.size + data.shape[1]
        buffer, dtype = self.buffer, np.result_type(self.buffer, data)
        if total > buffer.shape[1] or dtype != buffer.dtype:
            chains, _, *event = buffer.shape
            buffer = np.empty((chains, 2 * total, *event), dtype=dtype)
            buffer[:, : self.size] = self.points
        buffer[:, self.size : total] = data
        return type(self)(total, buffer)


@dataclasses.dataclass(frozen=True)
class Weighted(Summary):
    """Points of which some count for more than others in a fit.

    Parameters
    ----------
    size
        Number of points.
    points
        Shape ``(chains, size, ...)``.
    weights
        How much each counts: at least 0, with mean 1 in each chain, shape
        ``(chains, size)``.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the weights are negative or of another mean.
    """

    instead: ClassVar[str] = (
        "It cannot use weights; have points drawn by their weight instead: "
        "models.Tracked(model, weigh, n_fit=...)"
    )
    points: NDArray[Any]
    weights: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check shapes and weights."""
        super().__post_init__()
        check_beside(self, "weights")
        off = np.abs(self.weights.mean(axis=1) - 1) if self.size else np.zeros(1)
        if not ((self.weights >= 0).all() and (off <= 1e-9).all()):
            raise ValueError(
                f"weights are from {self.weights.min():g} and off a mean of 1 by "
                f"{off.max():g}; they must be numbers >= 0 with mean 1 in each chain "
                "(divide by the mean)"
            )

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.points)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Put points and weights together."""
        return cls._pool_weighted(parts, [1.0] * len(parts))

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Self:
        """Put points together and multiply their weights by those of their part."""
        own = [w * part.weights for w, part in zip(weights, parts, strict=True)]
        return cls(
            sum(part.size for part in parts),
            np.concatenate([part.points for part in parts], axis=1),
            np.concatenate(own, axis=1),
        )

    def _like(self, points: NDArray[Any]) -> Self:
        """Give points the weight 1."""
        return type(self)(points.shape[1], points, np.ones(points.shape[:2]))


def check_beside(data: Any, name: str) -> None:
    """Raise ValueError unless a summary's points have one number each in a field.

    Parameters
    ----------
    data
        A summary with ``points``.
    name
        The field: numbers of shape ``(chains, size)`` are needed.
    """
    beside, shape = getattr(data, name), (len(data.points), data.size)
    if data.points.shape[:2] != shape or beside.shape != shape:
        raise ValueError(
            f"size is {data.size}, points {data.points.shape} and {name} "
            f"{beside.shape}; needed are (chains, size, ...) and (chains, size)"
        )


def data_set(name: str, value: Any) -> Data:
    """Return a data set; what is no array yet becomes one, without masked places.

    Raises
    ------
    ValueError
        If it is no summary and no numbers of shape ``(chains, n, ...)``.
    """
    if isinstance(value, Summary):
        return value
    array = numeric(name, value)
    if array.ndim < 2:
        raise ValueError(
            f"{name} has shape {array.shape}; it must be (chains, n, ...), or a summary"
        )
    return array


def points_alone(name: str, value: Any) -> NDArray[Any]:
    """Return points ``(chains, n, ...)``; refuse a summary of some."""
    found = data_set(name, value)
    if isinstance(found, Summary):
        raise ValueError(
            f"{name} is {given(value)}; it must be points (chains, n, ...)"
        )
    return found


def size(data: Data) -> int:
    """Return the number of points per chain."""
    data = data_set("data", data)
    return data.size if isinstance(data, Summary) else data.shape[1]


def n_chains(data: Data) -> int:
    """Return the number of chains."""
    data = data_set("data", data)
    return data.chains if isinstance(data, Summary) else data.shape[0]


def check_parts(parts: Any, kind: type[Summary] | None = None) -> list[Any]:
    """Return what is to be pooled as a list of data sets of equally many chains.

    Parameters
    ----------
    parts
        What was given.
    kind
        What all of them must be; default: any data set.

    Raises
    ------
    ValueError
        If there are none, one is something else, or their chains differ.
    """
    if not isinstance(parts, (list, tuple)) or not parts:
        raise ValueError(
            f"parts is {given(parts)}; it must be a list of data sets, at least one"
        )
    found = [data_set(f"parts[{i}]", part) for i, part in enumerate(parts)]
    for i, part in enumerate(found):
        if kind is not None and not isinstance(part, kind):
            raise ValueError(f"parts[{i}] is {given(part)}; it must be {kind.__name__}")
    chains = sorted({n_chains(part) for part in found})
    if len(chains) > 1:
        raise ValueError(f"parts have {chains} chains; they must have equally many")
    return found


def pool(parts: Sequence[Data]) -> Data:
    """Put the points of several data sets together, chain by chain.

    Where the points of some should count for more: `pool_weighted`.

    Parameters
    ----------
    parts
        Data sets of one kind; empty ones are dropped, and points are summarised where
        another part is a summary.

    Raises
    ------
    ValueError
        If nothing is left, or the kinds do not go together.

    Examples
    --------
    >>> pool([np.zeros((2, 3)), np.ones((2, 1))]).shape
    (2, 4)
    """
    parts = [_unbuffered(part) for part in check_parts(parts) if size(part) > 0]
    if not parts:
        raise ValueError("nothing to pool in parts: every part is empty")
    if len(parts) == 1:
        return parts[0]
    if not any(isinstance(part, Summary) for part in parts):
        return np.concatenate([part for part in parts], axis=1)
    alike = _alike(parts)
    pooled: Data = type(alike[0]).pool(alike)
    return pooled


def pool_weighted(parts: Sequence[Data], shares: Sequence[float]) -> Data:
    """Put data sets together of which each has a given share of the weight.

    Parameters
    ----------
    parts
        Data sets of one kind, none of them empty.
    shares
        The share of the total weight that the points of each part have together; at
        least 0, with sum 1.

    Returns
    -------
    Data
        `Weighted` points, or a summary that has taken the weights into account.

    Raises
    ------
    ValueError
        If the kinds do not go together, or a summary cannot be weighted.

    Examples
    --------
    >>> both = pool_weighted([np.zeros((1, 1)), np.ones((1, 3))], [0.75, 0.25])
    >>> both.weights
    array([[3.        , 0.33333333, 0.33333333, 0.33333333]])
    """
    parts = check_parts(parts)
    shares = check_shares("shares", shares, len(parts))
    n = sum(map(size, parts))
    weights = [
        share * n / size(part) for share, part in zip(shares, parts, strict=True)
    ]
    parts = [_unbuffered(part) for part in parts]
    if any(isinstance(part, Summary) for part in parts):
        alike = _alike(parts)
        pooled: Data = type(alike[0]).pool_weighted(alike, weights)
        return pooled
    points = np.concatenate([part for part in parts], axis=1)
    own = np.repeat(weights, [size(part) for part in parts])
    return Weighted(n, points, np.broadcast_to(own, points.shape[:2]))


def check_shares(name: str, shares: Any, n: int) -> list[float]:
    """Return one number, 0 or above, for each of ``n`` parts, else raise."""
    found = numbers(name, shares, ndim=1, shape="one for each of parts", least=0)
    if len(found) != n:
        raise ValueError(
            f"{name} has {len(found)} numbers; needed is one for each of the {n} parts"
        )
    return [float(one) for one in found]


def _alike(parts: Sequence[Data]) -> list[Any]:
    """Return summaries of one kind: points are summarised as the first summary is."""
    summary: Any = next(part for part in parts if isinstance(part, Summary))
    alike = [p if isinstance(p, Summary) else summary.like(p) for p in parts]
    kinds = {type(part) for part in alike}
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"data sets of different kinds cannot be pooled: {names}")
    return alike


def _unbuffered(part: Data) -> Data:
    return part.points if isinstance(part, Pool) else part


def subsample(data: Data, n: int, rng: np.random.Generator) -> Data:
    """Draw ``n`` points of each chain without replacement, independently by chain.

    Raises
    ------
    ValueError
        If there are fewer than ``n`` points.
    """
    data = data_set("data", data)
    if isinstance(data, Summary):
        return data.subsample(n, rng)
    check_rng(rng)
    if check_count("n", n, least=0) > size(data):
        raise ValueError(f"n: cannot draw {n} points from {size(data)}")
    chains, total = data.shape[:2]
    places = draw_places(chains, total, n, rng)
    drawn = np.empty((chains, n, *data.shape[2:]), data.dtype)
    # Chain by chain: the points of one fit a core's cache, those of all may not.
    for own, out, at in zip(data, drawn, places, strict=True):
        out[...] = own[at]
    return drawn


def draw_places(
    chains: int, total: int, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``n`` of ``total`` places without replacement, for each chain."""
    if 2 * n > total:
        # The n smallest of iid uniforms sit at a uniformly random n-subset of places.
        keys = rng.random((chains, total))
        places = np.argpartition(keys, max(n - 1, 0), axis=1)[:, :n]
        # The order in which they come depends on the instructions of the CPU.
        return np.sort(places, axis=1)
    # The first n distinct values of an iid stream are a uniformly random n-subset,
    # and finding them costs n, not the size of a pool that grows.
    places = np.sort(rng.integers(total, size=(chains, n)), axis=1)
    rows, mixed = np.arange(chains), places  # chains that may have repeated values
    while True:
        repeated = np.zeros(mixed.shape, dtype=bool)
        repeated[:, 1:] = mixed[:, 1:] == mixed[:, :-1]
        n_repeated = int(repeated.sum())
        if n_repeated == 0:
            return places
        mixed[repeated] = rng.integers(total, size=n_repeated)
        again = repeated.any(axis=1)
        rows, mixed = rows[again], np.sort(mixed[again], axis=1)
        places[rows] = mixed


def check_data(
    data: Any, event_ndim: int, name: str = "data", *, finite: bool = True
) -> NDArray[Any]:
    """Return points that can train a model as an array, else raise.

    Parameters
    ----------
    data
        Numbers of shape ``(chains, n, ...)``; they keep their type.
    event_ndim
        Number of axes of one data point: 0 for scalars, 1 for vectors.
    name
        What to call the data in a message.
    finite
        Whether to look for NaN and infinity.

    Raises
    ------
    ValueError
        If the data are empty, no numbers, not finite or of another shape.
    """
    array = numeric(name, data)
    if array.ndim != 2 + event_ndim:
        want = "(chains, n" + ", ..." * event_ndim + ")"
        raise ValueError(f"{name} has shape {array.shape}; this model needs {want}")
    if 0 in array.shape:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    if finite and array.dtype.kind == "f":
        check_finite(name, array)
    return array


def points(
    data: Any, model: Any, *kinds: type[Summary], finite: bool = True
) -> NDArray[Any]:
    """Return data that are points, checked; refuse summaries that a model cannot use.

    Parameters
    ----------
    data
        What is to be fitted: numbers of shape ``(chains, n, ...)``.
    model
        Who asks: its ``event_ndim`` says what a point is.
    kinds
        Summaries that it can use as well.
    finite
        Whether to look for NaN and infinity.

    Raises
    ------
    ValueError
        If the points themselves are gone, or see `check_data`.
    """
    if not isinstance(data, Summary):
        return check_data(data, model.event_ndim, finite=finite)
    name, allowed = type(model).__name__, [kind.__name__ for kind in kinds]
    raise ValueError(
        f"{name} cannot be fitted to {type(data).__name__}: it needs "
        f"{' or '.join(['the points themselves', *allowed])}. {data.instead}"
    )


def weighted_points(
    data: Any, model: Any, *kinds: type[Summary], finite: bool = True
) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Return points, checked, and their weights: None where all count alike.

    Parameters
    ----------
    data, model, kinds, finite
        As in `points`; ``data`` may be `Weighted`.

    Raises
    ------
    ValueError
        As in `points`.
    """
    if isinstance(data, Weighted):
        checked = check_data(data.points, model.event_ndim, finite=finite)
        return checked, data.weights
    return points(data, model, *kinds, Weighted, finite=finite), None


def systematic(
    weights: NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw ``n`` places by weight with the least noise: systematic resampling.

    One uniform number in each chain decides all its draws: each place is drawn as often
    as expected, rounded up or down.

    Parameters
    ----------
    weights
        At least 0 and not all 0 in a chain, shape ``(chains, size)``.
    n
        How many to draw.
    rng
        Source of randomness.

    Returns
    -------
    ndarray
        Places, ascending, shape ``(chains, n)``.

    Raises
    ------
    ValueError
        If the weights are not of this kind.

    Notes
    -----
    Kitagawa (1996). How often different places are drawn is not independent.

    Examples
    --------
    >>> weights = np.array([[1.0, 2.0, 1.0]])
    >>> systematic(weights, 4, np.random.default_rng(0))
    array([[0, 1, 1, 2]])
    """
    found = numbers("weights", weights, ndim=2, least=0)
    check_count("n", n, least=0)
    check_rng(rng)
    ends = np.cumsum(found, axis=1)
    if not (found.shape[1] and (ends[:, -1] > 0).all()):
        raise ValueError(
            "weights are all 0 in at least one chain: nothing can be drawn by weight"
        )
    ends /= ends[:, -1:]
    at = (np.arange(n) + rng.random((len(ends), 1))) / n
    rows = zip(ends, at, strict=True)
    # side="right": a place of weight 0 owns an empty interval.
    return np.stack([np.searchsorted(end, row, side="right") for end, row in rows])


def draw(source: Any, n: int, chains: int, rng: np.random.Generator) -> Data:
    """Draw from a source, and check what it returns.

    Parameters
    ----------
    source
        Has ``sample(n, rng)``.
    n, chains
        How many points per chain, and how many chains are needed.
    rng
        Source of randomness.

    Raises
    ------
    ValueError
        If it returns another number of points or chains, or no numbers.
    """
    try:
        sample = source.sample
    except AttributeError:
        check_sample("source", source)
        raise
    return check_draw(source, sample(n, rng), n, chains)


def returned_by(source: Any) -> str:
    """Return what messages call what a source drew."""
    return f"what {type(source).__name__}.sample(n, rng) returned"


def check_draw(source: Any, data: Any, n: int, chains: int) -> Data:
    """Return what a source drew if it is ``n`` points in each chain, else raise."""
    if not isinstance(data, Summary):
        data = numeric(returned_by(source), data)
        if data.shape[:2] != (chains, n):
            raise ValueError(
                f"{returned_by(source)} has shape {data.shape}; needed is (chains, n, "
                f"...), here ({chains}, {n}, ...)"
            )
    elif (data.chains, data.size) != (chains, n):
        raise ValueError(
            f"{returned_by(source)} stands for {data.size} points in each of "
            f"{data.chains} chains; needed are n = {n} and chains = {chains}"
        )
    checked: Data = data
    return checked


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
    if isinstance(fitted, type) or not dataclasses.is_dataclass(fitted):
        raise ValueError(f"fitted is {given(fitted)}; it must be a dataclass of arrays")
    check_count("chains", chains, least=1)
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
    model
        What is fitted to them: its ``event_ndim`` says what one point is.

    Raises
    ------
    ValueError
        If fixed data are empty, not finite, or of another shape or number of chains;
        if ``sample`` of a source does not take ``(n, rng)``.
    """

    def __init__(self, real: Any, chains: int, model: Any) -> None:
        self.chains = check_count("chains", chains, least=1)
        self._first: Data | None = None
        self.source = real if _is_source(real) else None
        self.fixed: Data | None = None
        if self.source is None:
            self.fixed = _fixed(real, chains, _event_ndim(model))

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
        self._first = None if first is None else data_set("first", first)

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
        check_count("n", n, least=1)
        check_rng(rng)
        if hasattr(self.source, "expand"):
            return draw(self.source.expand(self.chains), n, self.chains, rng)
        data: Any = self.source.sample(n, rng)
        if isinstance(data, Summary):
            return check_draw(self.source, data, n, self.chains)
        first = numeric(returned_by(self.source), data)
        if first.shape[:1] != (1,) or self.chains == 1:
            return check_draw(self.source, first, n, self.chains)
        rest = [self.source.sample(n, rng) for _ in range(self.chains - 1)]
        name = returned_by(self.source)
        own = [first, *(numeric(name, one) for one in rest)]
        shapes = {one.shape for one in own}
        if len(shapes) > 1:
            raise ValueError(
                f"{name} has other shapes for other chains: {sorted(shapes)}; it must "
                "be the same every time"
            )
        return check_draw(self.source, np.concatenate(own), n, self.chains)


def _is_source(real: Any) -> bool:
    """Return whether real data are to be drawn; tables have a ``sample`` as well."""
    if not hasattr(real, "sample") or hasattr(real, "__array__"):
        return False
    if isinstance(real, (type, ModuleType)):
        raise ValueError(
            f"real is {given(real)}; pass one, for example {real.__name__}.standard()"
            if hasattr(real, "standard")
            else f"real is {given(real)}; pass an object"
        )
    check_sample("real", real)
    return True


def can_sample(value: Any) -> bool:
    """Return whether it can be sampled; tables have a ``sample`` of another kind."""
    return (
        hasattr(value, "sample")
        and not hasattr(value, "__array__")
        and not isinstance(value, (type, ModuleType))
    )


def check_sample(name: str, source: Any) -> None:
    """Raise ValueError unless something has a ``sample`` that takes ``(n, rng)``."""
    if not can_sample(source):
        raise ValueError(
            f"{name} is {given(source)}; it must have a method sample(n, rng), as a "
            "fitted model has"
        )
    try:
        inspect.signature(source.sample).bind(1, None)
    except TypeError:
        raise ValueError(
            f"{name} is a {type(source).__name__} whose sample does not take (n, rng); "
            "wrap it in an object with sample(n, rng) that returns an array (1, n, ...)"
        ) from None
    except ValueError:  # its arguments are not known
        pass


def _event_ndim(model: Any) -> int:
    if not hasattr(model, "event_ndim"):
        raise ValueError(
            f"model is a {type(model).__name__} without event_ndim, the number of axes "
            "of one data point: 0 for numbers, 1 for vectors, 2 for pictures. Give it "
            "one (event_ndim = 0 in the class), or pass a source as real"
        )
    return check_count("event_ndim of the model", model.event_ndim, least=0)


def _fixed(real: Any, chains: int, event_ndim: int) -> Data:
    """Bring real data to shape ``(chains, n, ...)``."""
    if isinstance(real, Summary):
        data: Data = real
    else:
        array = numeric("real", real)
        tail = ", ..." * event_ndim
        if array.ndim not in (1 + event_ndim, 2 + event_ndim):
            raise ValueError(
                f"real has shape {array.shape}; this model needs (n{tail}) or "
                f"(chains, n{tail}), or a source with sample(n, rng)"
            )
        alone = array.ndim == 1 + event_ndim
        if not alone and array.shape[1] == 1 < chains == len(array):
            raise ValueError(
                f"real has shape {array.shape}: that is {chains} chains with a single "
                f"point each. If they are the points of one data set, drop the second "
                "axis: real[:, 0]"
            )
        data = check_data(array[None] if alone else array, event_ndim, "real")
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
