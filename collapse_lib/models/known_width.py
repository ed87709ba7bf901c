"""One Gaussian of known width: only its mean is refitted to its own samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_choice, check_not_negative, check_positive
from collapse_lib.models.base import LAWS, FittedChains, check_sampling
from collapse_lib.models.gaussian import draw_normal
from collapse_lib.samples import Data, Summary, check_data, weighted_points


@dataclass(frozen=True)
class MeanSummary(Summary):
    """The mean of ``size`` real numbers in each chain: all that a known width needs.

    It does not determine the mean of a subsample, which the numbers' own spread would.

    Parameters
    ----------
    size
        Number of points.
    mean
        Sample means, shape ``(chains,)``.
    """

    mean: NDArray[np.float64]

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.mean)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Merge summaries: each mean counts as its number of points."""
        return cls._pool_weighted(parts, [1.0] * len(parts))

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Self:
        """Merge summaries, the points of each part with a weight."""
        n = sum(part.size for part in parts)
        own = zip(weights, parts, strict=True)
        return cls(n, np.sum([w * p.size / n * p.mean for w, p in own], axis=0))

    def _like(self, points: NDArray[Any]) -> MeanSummary:
        """Summarise points ``(chains, n)``."""
        data = check_data(points, 0, "points")
        return MeanSummary(data.shape[1], _means(data))


@dataclass(frozen=True)
class KnownWidth:
    r"""The normal distribution on the line with a standard deviation that is known.

    .. math:: \mu = \frac1n \sum_j x_j, \qquad \sigma = \sigma_0

    The simplest model there is: nothing can collapse, only the mean can stray.

    Parameters
    ----------
    sigma0
        The known standard deviation, above 0, in the unit of the data.
    law
        ``"literal"`` draws every point. ``"exact"`` draws the mean of the points from
        its own law, :math:`\mu + \sigma_0 Z/\sqrt n`, which is the same in distribution
        and costs the same for every ``n``.

    Notes
    -----
    What becomes of the mean under each regime: `collapse_lib.theory.number_line`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fitted = KnownWidth(sigma0=2.0).fit(np.array([[1.0, 2.0, 6.0]]), rng)
    >>> fitted.mu, fitted.sigma0
    (array([3.]), 2.0)
    """

    sigma0: float = 1.0
    law: str = "literal"

    event_ndim = 0

    def __post_init__(self) -> None:
        """Check the options."""
        check_positive("sigma0", self.sigma0)
        check_choice("law", self.law, LAWS)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedKnownWidth:
        """Fit each chain.

        Parameters
        ----------
        data
            Shape ``(chains, n)``, `Weighted` points, or a `MeanSummary`.
        rng
            Not used: the mean draws nothing.

        Raises
        ------
        ValueError
            If the data are empty, not finite or of another shape.
        """
        if isinstance(data, MeanSummary):
            mean = data.mean
        else:
            mean = _means(*weighted_points(data, self, MeanSummary))
        return FittedKnownWidth(mean, self.sigma0, self.law)


@dataclass(frozen=True)
class FittedKnownWidth(FittedChains):
    """Normal distributions of one known width, one per chain.

    Parameters
    ----------
    mu
        Means, shape ``(chains,)``.
    sigma0
        Standard deviation of all chains, 0 or above.
    law
        ``"literal"`` or ``"exact"``: see `KnownWidth`.
    """

    mu: NDArray[np.float64]
    sigma0: float = 1.0
    law: str = "literal"

    ndims = {"mu": 1}

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        check_not_negative("sigma0", self.sigma0)
        check_choice("law", self.law, LAWS)

    @classmethod
    def standard(cls, law: str = "literal") -> FittedKnownWidth:
        """Return N(0, 1) as a source of real data."""
        return cls(np.zeros(1), 1.0, law)

    def temper(self, temperature: float) -> FittedKnownWidth:
        """Return the density raised to ``1/temperature``: the variance is scaled.

        What is fitted to its points has the known width again.
        """
        check_not_negative("temperature", temperature)
        return replace(self, sigma0=self.sigma0 * math.sqrt(temperature))

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points per chain: an array, or a summary under the exact law."""
        check_sampling(n, rng)
        if self.law == "literal":
            return draw_normal(self.mu, np.full(self.mu.shape, self.sigma0), n, rng)
        noise = rng.standard_normal(self.mu.shape)
        return MeanSummary(n, self.mu + self.sigma0 * (noise / math.sqrt(n)))


def _means(
    data: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the mean of each chain of finite points ``(chains, n)``."""
    with np.errstate(over="ignore"):  # said below, in words
        if weights is not None:
            data = data * weights  # of mean 1
        mean = np.asarray(data.mean(axis=1, dtype=np.float64))
    if not np.isfinite(mean).all():
        raise ValueError("data are too large: their sum overflows float64")
    return mean
