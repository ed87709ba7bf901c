"""The protocol every model obeys: ``fit(data, rng)`` and ``sample(n, rng)``."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from collapse_lib.samples import Data, Summary

LAWS = ("literal", "exact")


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

    def fit(self, data: Data, rng: np.random.Generator) -> FittedPerChain:
        """Fit one model per chain."""
        if isinstance(data, Summary):
            raise ValueError("PerChain needs the points themselves, not a summary")
        # A copy each: the fit method of many libraries changes and returns the model.
        copies = (copy.deepcopy(self.model) for _ in data)
        fitted = [one.fit(chain, rng) for one, chain in zip(copies, data, strict=True)]
        return FittedPerChain(tuple(fitted))


@dataclass(frozen=True)
class FittedPerChain:
    """One fitted model per chain; measures reach them as ``fit.members``."""

    members: tuple[Any, ...]

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points from each member: shape ``(chains, n, ...)``."""
        return np.stack([member.sample(n, rng) for member in self.members])


@dataclass(frozen=True)
class Perturbed:
    """Add a deliberate error to another model's fit.

    The paper's *functional approximation error*: the learning procedure misses the
    best fit, however many points it sees.

    Parameters
    ----------
    model
        The model to disturb.
    error
        ``error(fitted, data, rng)`` returns the fitted model with the error in it.
    """

    model: Model
    error: Callable[[Any, Data, np.random.Generator], Fitted]

    @property
    def event_ndim(self) -> int:
        """Number of axes of one data point."""
        return self.model.event_ndim

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Fit, then disturb."""
        return self.error(self.model.fit(data, rng), data, rng)
