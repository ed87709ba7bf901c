"""The protocol every model obeys: ``fit(data, rng)`` and ``sample(n, rng)``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, check_rng, given, numbers, numeric
from collapse_lib.samples import (
    Data,
    can_sample,
    check_sample,
    points,
    repeat_chains,
    returned_by,
)

LAWS = ("literal", "exact")
#: Methods of fitted models that return other generators of the model's own draws: who
#: wraps a model, as to label or to choose among its draws, must not pass them on.
OF_THE_MODEL = ("temper", "cut", "take", "continue_from", "continuations", "label")
# Probabilities written down with nine digits may be off a sum of 1 by so much.
SUM_TO_1 = 1e-9
# As types, which compare at once; their names are put together at every question.
SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


@runtime_checkable
class Fitted(Protocol):
    """A fitted model: anything that can be sampled."""

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points for each chain: shape ``(chains, n, ...)``."""
        ...


class Model(Protocol):
    """A recipe that turns data into a fitted model.

    ``event_ndim`` is the number of axes of one data point: 0 for scalars and
    symbols, 1 for vectors, 2 for grey images.
    """

    @property
    def event_ndim(self) -> int:
        """Number of axes of one data point."""
        ...

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Fit each chain to its own data of shape ``(chains, n, ...)``."""
        ...


@dataclass(frozen=True)
class FittedChains:
    """Base of fitted models that are dataclasses of arrays, chain axis first.

    ``ndims`` says how many axes each array has. All must have as many chains; what is
    no array of floating-point numbers becomes one.
    """

    ndims: ClassVar[Mapping[str, int]] = {}
    #: Types that arrays keep: float64, and single precision for weights of networks.
    kept_types: ClassVar[tuple[np.dtype[Any], ...]] = (DOUBLE,)

    def __post_init__(self) -> None:
        """Check the arrays."""
        chains = -1
        for name, ndim in self.ndims.items():
            array = getattr(self, name)
            if type(array) is not np.ndarray or array.dtype not in self.kept_types:
                array = numeric(name, array).astype(np.float64)
                object.__setattr__(self, name, array)
            if array.ndim != ndim or (len(array) != chains != -1):
                raise ValueError(self._misfit())
            chains = len(array)

    def _misfit(self) -> str:
        shapes = (f"{name} {np.shape(getattr(self, name))}" for name in self.ndims)
        wanted = (f"{name} {n}" for name, n in self.ndims.items())
        return (
            f"the shapes of {', '.join(shapes)} do not fit: the chains come first, as "
            f"many in each; numbers of axes: {', '.join(wanted)}"
        )

    def expand(self, chains: int) -> Self:
        """Repeat the model of one chain for several, as a source of real data.

        Raises
        ------
        ValueError
            If there are several models, and not as many as ``chains``.
        """
        return repeat_chains(self, check_count("chains", chains, least=1))


def check_sampling(n: Any, rng: Any) -> None:
    """Raise ValueError unless ``n`` points can be drawn with ``rng``."""
    check_count("n", n, least=1)
    check_rng(rng)


def check_distribution(name: str, p: NDArray[np.float64]) -> None:
    """Raise ValueError unless the numbers along the last axis are probabilities."""
    off = np.abs(p.sum(axis=-1) - 1)
    if not ((p >= 0).all() and (off <= SUM_TO_1).all()):
        raise ValueError(
            f"{name} has values from {p.min():g} to {p.max():g} and is off a sum of 1 "
            f"by {off.max():g}; needed are probabilities >= 0 with sum 1 (divide by "
            "the sum)"
        )


def as_distribution(name: str, value: Any, ndim: int) -> NDArray[np.float64]:
    """Return probabilities along the last axis, checked.

    Those in single or half precision are off a sum of 1 by its rounding errors: they
    are divided by their sum.
    """
    p = numbers(name, value, ndim=ndim, least=0)
    size = getattr(getattr(value, "dtype", None), "itemsize", p.itemsize)
    if size < p.itemsize and p.shape[-1]:
        total = p.sum(axis=-1, keepdims=True)
        eps = np.finfo(np.float16 if size < np.float32().itemsize else np.float32).eps
        if (np.abs(total - 1) <= p.shape[-1] * eps).all():
            return np.asarray(p / total)
    check_distribution(name, p)
    return p


@dataclass(frozen=True)
class PerChain:
    """Run a model that knows nothing of chains on each chain in turn.

    Parameters
    ----------
    model
        Its ``fit`` takes data of shape ``(n, ...)`` and its fitted ``sample``
        returns ``(n, ...)``.
    event_ndim
        Number of axes of one data point.
    """

    model: Any
    event_ndim: int = 0

    def __post_init__(self) -> None:
        """Check the model."""
        check_model("model", self.model)
        check_count("event_ndim", self.event_ndim, least=0)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedPerChain:
        """Fit one model per chain."""
        # A copy each: the fit method of many libraries changes and returns the model.
        fits = [copy.deepcopy(self.model).fit(own, rng) for own in points(data, self)]
        check_sample("what the model of PerChain fits", fits[0])
        return FittedPerChain(tuple(fits))


@dataclass(frozen=True)
class FittedPerChain:
    """One fitted model per chain; measures reach them as ``fit.members``."""

    members: tuple[Any, ...]

    def __post_init__(self) -> None:
        """Check that there are models."""
        members = self.members if isinstance(self.members, (tuple, list)) else ()
        if not members or not all(map(can_sample, members)):
            raise ValueError(
                f"members is {given(self.members)}; it must be fitted models with "
                "sample(n, rng), one for each chain"
            )

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points from each member: shape ``(chains, n, ...)``."""
        check_sampling(n, rng)
        drawn = [
            numeric(returned_by(member), member.sample(n, rng))
            for member in self.members
        ]
        if len({one.shape for one in drawn}) > 1:
            shapes = ", ".join(sorted({str(one.shape) for one in drawn}))
            raise ValueError(f"members drew other shapes: {shapes}; needed is (n, ...)")
        return np.stack(drawn)


def check_model(name: str, model: Any) -> None:
    """Raise ValueError unless it can be fitted."""
    if isinstance(model, type) or not hasattr(model, "fit"):
        raise ValueError(
            f"{name} is {given(model)}; it must have a method fit(data, rng), as "
            "models.Gaussian() has"
        )
