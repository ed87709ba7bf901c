"""One Gaussian on the line, refitted to its own samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_finite,
    check_not_negative,
)
from collapse_lib.models.base import LAWS, FittedChains, check_sampling
from collapse_lib.samples import Data, Summary, check_data, weighted_points

ESTIMATORS = ("unbiased", "mle")
# Numbers handled at a time: 256 kB of float64 stay in a core's second-level cache.
BLOCK = 32_768


@dataclass(frozen=True)
class GaussianSummary(Summary):
    """Sufficient statistics of ``size`` real numbers in each chain.

    Parameters
    ----------
    size
        Number of points.
    mean
        Sample means, shape ``(chains,)``.
    norm
        Root of the summed squared deviations from the mean, shape ``(chains,)``. The
        root, and not the sum, so that scales down to 1e-308 do not underflow.
    """

    mean: NDArray[np.float64]
    norm: NDArray[np.float64]

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.mean)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Merge summaries: deviations add up within and between the parts."""
        return cls._pool_weighted(parts, [1.0] * len(parts))

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Self:
        """Merge summaries, the points of each part with a weight."""
        n = sum(part.size for part in parts)
        own = [w * part.size for w, part in zip(weights, parts, strict=True)]
        mean = np.sum(
            [w / n * part.mean for w, part in zip(own, parts, strict=True)], axis=0
        )
        norm = np.zeros_like(mean)
        for weight, total, part in zip(weights, own, parts, strict=True):
            between = math.sqrt(total) * (part.mean - mean)
            within = math.sqrt(weight) * part.norm
            norm = np.hypot(norm, np.hypot(within, between))
        return cls(n, mean, norm)

    def _like(self, points: NDArray[Any]) -> GaussianSummary:
        """Summarise points ``(chains, n)``."""
        return _summary(check_data(points, 0, "points"), None)


@dataclass(frozen=True)
class Gaussian:
    r"""The normal distribution on the line.

    .. math::
        \mu = \frac1n \sum_j x_j, \qquad
        \sigma^2 = \frac{1}{n - c} \sum_j (x_j - \mu)^2

    with :math:`c=1` (``"unbiased"``: the paper's theory) or :math:`c=0` (``"mle"``:
    the maximum-likelihood estimator, the paper's published notebook).

    Parameters
    ----------
    estimator
        ``"unbiased"`` or ``"mle"``.
    law
        ``"literal"`` draws every point. ``"exact"`` draws the two sufficient
        statistics from their own laws, :math:`\mu + \sigma Z/\sqrt n` and
        :math:`\sigma^2\chi^2_{n-1}`, which is the same in distribution and costs the
        same for every ``n``.

    Notes
    -----
    Source: Shumailov et al. (2024), supplementary section 3.1.1; independence of the
    two statistics is Cochran's theorem.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fitted = Gaussian().fit(np.array([[1.0, 2.0, 3.0]]), rng)
    >>> fitted.mu, fitted.sigma
    (array([2.]), array([1.]))
    """

    estimator: str = "unbiased"
    law: str = "literal"

    event_ndim = 0

    def __post_init__(self) -> None:
        """Check the options."""
        check_choice("estimator", self.estimator, ESTIMATORS)
        check_choice("law", self.law, LAWS)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedGaussian:
        """Fit each chain.

        Parameters
        ----------
        data
            Shape ``(chains, n)``, `Weighted` points, or a `GaussianSummary`. With
            weights of mean 1 the sum of squares is the weighted one; the unbiased
            estimator is unbiased where all weights are 1.
        rng
            Not used: the estimators are deterministic.

        Raises
        ------
        ValueError
            If the data are empty, not finite or of another shape, or if the unbiased
            estimator gets a single point.
        """
        if not isinstance(data, GaussianSummary):
            # Its sums show whether a point is NaN, without a pass over the data.
            own, weights = weighted_points(data, self, GaussianSummary, finite=False)
            data = _summary(own, weights)
        divisor = variance_divisor(self.estimator, data.size)
        sigma = data.norm / math.sqrt(divisor)
        return FittedGaussian(data.mean, sigma, self.law)


def variance_divisor(estimator: str, n: int) -> int:
    """Return by what an estimator of the variance divides the squares of ``n`` points.

    Raises
    ------
    ValueError
        If there is no point, or a single one and the estimator is unbiased.
    """
    divisor = n - (estimator == "unbiased")
    if divisor < 1:
        check_count("n", n, least=1)
        raise ValueError(
            "the unbiased estimator needs at least 2 points per chain, got 1; "
            'use estimator="mle" or more points'
        )
    return divisor


@dataclass(frozen=True)
class FittedGaussian(FittedChains):
    """Normal distributions, one per chain.

    Parameters
    ----------
    mu, sigma
        Means and standard deviations, shape ``(chains,)``.
    law
        ``"literal"`` or ``"exact"``: see `Gaussian`.
    """

    mu: NDArray[np.float64]
    sigma: NDArray[np.float64]
    law: str = "literal"

    ndims = {"mu": 1, "sigma": 1}

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        check_choice("law", self.law, LAWS)
        # Looking at a single number takes less than asking an array for its least.
        if not len(self.sigma):
            raise ValueError(self._misfit())
        one = len(self.sigma) == 1
        lowest = self.sigma[0] if one else self.sigma.min()
        if self.mu[0] != self.mu[0] if one else np.isnan(self.mu).any():
            raise ValueError("mu is NaN in at least one chain; it must be a number")
        if not lowest >= 0:
            raise ValueError(
                f"sigma is {lowest:g} in at least one chain; it must be a standard "
                "deviation >= 0"
            )

    @classmethod
    def standard(cls, law: str = "literal") -> FittedGaussian:
        """Return N(0, 1) as a source of real data."""
        return cls(np.zeros(1), np.ones(1), law)

    def temper(self, temperature: float) -> FittedGaussian:
        """Return the density raised to ``1/temperature``: the variance is scaled."""
        check_not_negative("temperature", temperature)
        return replace(self, sigma=self.sigma * math.sqrt(temperature))

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points per chain: an array, or a summary under the exact law."""
        check_sampling(n, rng)
        if self.law == "literal":
            return draw_normal(self.mu, self.sigma, n, rng)
        noise = rng.standard_normal(self.mu.shape)
        mean = self.mu + self.sigma * (noise / math.sqrt(n))
        # chi-square with 0 degrees of freedom (n = 1) is the constant 0.
        chi2 = rng.chisquare(n - 1, self.mu.shape) if n > 1 else np.zeros(self.mu.shape)
        return GaussianSummary(n, mean, self.sigma * np.sqrt(chi2))


def summarise(
    data: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> GaussianSummary:
    """Return mean and norm of deviations of each chain, one pass over the data.

    Parameters
    ----------
    data
        Points, shape ``(chains, n)``.
    weights
        How much each counts, with mean 1 in each chain; default: all alike.

    Raises
    ------
    ValueError
        If the data are empty, not finite or not of shape ``(chains, n)``.
    """
    return _summary(check_data(data, event_ndim=0, finite=False), weights)


def _summary(
    data: NDArray[Any], weights: NDArray[np.float64] | None
) -> GaussianSummary:
    """Return what `summarise` does of data whose shape has been checked."""
    n = data.shape[1]
    if weights is None:
        blocks = [data[:, start : start + BLOCK] for start in range(0, n, BLOCK)]
        parts = [_moments(block) for block in blocks]
        summary = parts[0] if len(parts) == 1 else GaussianSummary.pool(parts)
    else:
        summary = _weighted_moments(np.asarray(data, dtype=np.float64), weights)
    if not np.isfinite(summary.norm).all():
        # Either bad data, or good data so large that its square overflows.
        check_finite("data", data)
        raise ValueError("data are too large: their squares overflow float64")
    return summary


def _moments(data: NDArray[np.float64]) -> GaussianSummary:
    """Two passes over a block that is small enough to stay in cache."""
    chains, n = data.shape
    mean, squares = np.empty(chains), np.empty(chains)
    step = max(1, BLOCK // n)
    for start in range(0, chains, step):
        rows = slice(start, start + step)
        block = np.asarray(data[rows], dtype=np.float64)
        mean[rows] = block.mean(axis=1)
        deviation = block - mean[rows, None]
        squares[rows] = np.einsum("ij,ij->i", deviation, deviation)
    return GaussianSummary(n, mean, np.sqrt(squares))


def _weighted_moments(
    data: NDArray[np.float64], weights: NDArray[np.float64]
) -> GaussianSummary:
    n = data.shape[1]
    mean = np.einsum("ij,ij->i", data, weights) / n
    deviation = data - mean[:, None]
    squares = np.einsum("ij,ij,ij->i", weights, deviation, deviation)
    return GaussianSummary(n, mean, np.sqrt(squares))


def draw_normal(
    mu: NDArray[np.float64],
    sigma: NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw ``(chains, n)`` normal numbers, scaled while they are still in cache."""
    out = np.empty((len(mu), n))
    rows = max(1, BLOCK // n)
    for top in range(0, len(mu), rows):
        scale, shift = sigma[top : top + rows, None], mu[top : top + rows, None]
        for left in range(0, n, BLOCK):
            block = out[top : top + rows, left : left + BLOCK]
            if block.flags.c_contiguous:
                rng.standard_normal(out=block)
            else:
                block[...] = rng.standard_normal(block.shape)
            block *= scale
            block += shift
    return out
