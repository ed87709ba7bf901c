"""The protocol every model obeys: ``fit(data, rng)`` and ``sample(n, rng)``."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from collapse_lib.samples import Data, points, repeat_chains

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
class FittedChains:
    """Base of fitted models that are dataclasses of arrays, chain axis first."""

    def expand(self, chains: int) -> Self:
        """Repeat the model of one chain for several, as a source of real data.

        Raises
        ------
        ValueError
            If there are several models, and not as many as ``chains``.
        """
        return repeat_chains(self, chains)


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
        # A copy each: the fit method of many libraries changes and returns the model.
        fits = [copy.deepcopy(self.model).fit(own, rng) for own in points(data, self)]
        return FittedPerChain(tuple(fits))


@dataclass(frozen=True)
class FittedPerChain:
    """One fitted model per chain; measures reach them as ``fit.members``."""

    members: tuple[Any, ...]

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points from each member: shape ``(chains, n, ...)``."""
        return np.stack([member.sample(n, rng) for member in self.members])
