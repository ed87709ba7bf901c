"""A Gaussian in d dimensions, refitted to its own samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_choice, check_count, check_not_negative
from collapse_lib.models.base import LAWS, FittedChains, check_sampling
from collapse_lib.models.gaussian import ESTIMATORS, variance_divisor
from collapse_lib.samples import Data, Summary, check_data, weighted_points


@dataclass(frozen=True)
class ScatterSummary(Summary):
    r"""Sufficient statistics of ``size`` vectors in each chain.

    Parameters
    ----------
    size
        Number of points.
    mean
        Sample means, shape ``(chains, d)``.
    root
        Lower triangular roots :math:`R` of the scatter matrices,
        :math:`R R^\top = \sum_j (x_j - \bar x)(x_j - \bar x)^\top`,
        shape ``(chains, d, d)``.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.mean)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Merge summaries: scatter adds up within and between the parts."""
        return cls._pool_weighted(parts, [1.0] * len(parts))

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Self:
        """Merge summaries, the points of each part with a weight."""
        n = sum(part.size for part in parts)
        own = [(w, w * p.size, p) for w, p in zip(weights, parts, strict=True)]
        mean = np.sum([total / n * part.mean for _, total, part in own], axis=0)
        columns = [math.sqrt(weight) * part.root for weight, _, part in own]
        columns += [
            (math.sqrt(total) * (part.mean - mean))[..., None] for _, total, part in own
        ]
        return cls(n, mean, triangular_root(np.concatenate(columns, axis=-1)))

    def _like(self, points: NDArray[Any]) -> ScatterSummary:
        """Summarise points ``(chains, n, d)``."""
        return summarise(check_data(points, 1, "points"))


@dataclass(frozen=True)
class MultivariateGaussian:
    r"""The normal distribution in :math:`d` dimensions.

    Mean and covariance are the sample's; the covariance divides by :math:`n-1`
    (``"unbiased"``, as in Theorem 3.1 of Shumailov et al. 2024) or :math:`n`
    (``"mle"``).

    Parameters
    ----------
    estimator
        ``"unbiased"`` or ``"mle"``.
    law
        ``"literal"`` draws every point; ``"exact"`` draws the mean from
        :math:`N(\mu, \Sigma/n)` and the scatter from :math:`W_d(\Sigma, n-1)` by
        Bartlett's decomposition.

    Notes
    -----
    Covariances are kept as triangular roots and never squared, so that a collapsing
    chain stays accurate over 600 orders of magnitude in its determinant.
    """

    estimator: str = "unbiased"
    law: str = "literal"

    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the options."""
        check_choice("estimator", self.estimator, ESTIMATORS)
        check_choice("law", self.law, LAWS)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedMultivariateGaussian:
        """Fit each chain to data of shape ``(chains, n, d)``, alone or `Weighted`.

        A `ScatterSummary` will do as well.

        Raises
        ------
        ValueError
            If the data are empty, not finite or of another shape, or if the unbiased
            estimator gets a single point.
        """
        if not isinstance(data, ScatterSummary):
            data = summarise(*weighted_points(data, self, ScatterSummary))
        divisor = variance_divisor(self.estimator, data.size)
        factor = data.root / math.sqrt(divisor)
        return FittedMultivariateGaussian(data.mean, factor, self.law)


@dataclass(frozen=True)
class FittedMultivariateGaussian(FittedChains):
    """Normal distributions in d dimensions, one per chain.

    Parameters
    ----------
    mean
        Shape ``(chains, d)``.
    factor
        Lower triangular roots of the covariances, shape ``(chains, d, d)``.
    law
        ``"literal"`` or ``"exact"``.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]
    law: str = "literal"

    ndims = {"mean": 2, "factor": 3}

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        check_choice("law", self.law, LAWS)
        if self.factor.shape != (*self.mean.shape, self.mean.shape[1]):
            raise ValueError(
                f"factor has shape {self.factor.shape} and mean {self.mean.shape}; "
                "needed are (chains, d, d) and (chains, d)"
            )
        for name in self.ndims:
            if np.isnan(getattr(self, name)).any():
                raise ValueError(f"{name} holds NaN; it must be numbers")

    @classmethod
    def standard(cls, dim: int, law: str = "literal") -> FittedMultivariateGaussian:
        """Return N(0, I) in ``dim`` dimensions as a source of real data."""
        check_count("dim", dim, least=1)
        return cls(np.zeros((1, dim)), np.eye(dim)[None], law)

    @property
    def cov(self) -> NDArray[np.float64]:
        """Covariance matrices, shape ``(chains, d, d)``."""
        cov: NDArray[np.float64] = self.factor @ np.swapaxes(self.factor, -1, -2)
        return cov

    @property
    def trace(self) -> NDArray[np.float64]:
        """Total variance of each chain, shape ``(chains,)``."""
        return np.asarray(np.einsum("cij,cij->c", self.factor, self.factor))

    @property
    def axes(self) -> NDArray[np.float64]:
        """Standard deviations along the principal axes, longest first: ``(chains, d)``.

        The error is 1e-16 of the longest axis; far below that, use `log_det`.
        """
        return np.asarray(np.linalg.svd(self.factor, compute_uv=False))

    @property
    def log_det(self) -> NDArray[np.float64]:
        """Logarithm of the covariance's determinant, shape ``(chains,)``."""
        diagonal = np.abs(np.diagonal(self.factor, axis1=-2, axis2=-1))
        with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer
            return np.asarray(2 * np.log(diagonal).sum(axis=-1))

    def temper(self, temperature: float) -> FittedMultivariateGaussian:
        """Return the density raised to ``1/temperature``: covariances are scaled."""
        check_not_negative("temperature", temperature)
        return replace(self, factor=self.factor * math.sqrt(temperature))

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` vectors per chain: an array, or a summary under the exact law."""
        check_sampling(n, rng)
        chains, dim = self.mean.shape
        if self.law == "literal":
            noise = rng.standard_normal((chains, n, dim))
            return self.mean[:, None, :] + noise @ np.swapaxes(self.factor, -1, -2)
        noise = rng.standard_normal((chains, dim, 1))
        mean = self.mean + (self.factor @ noise)[..., 0] / math.sqrt(n)
        root = self.factor @ wishart_root(chains, dim, n - 1, rng)
        return ScatterSummary(n, mean, root)


def summarise(
    data: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> ScatterSummary:
    """Return mean and root of the scatter of points ``(chains, n, d)``.

    Parameters
    ----------
    data
        The points.
    weights
        How much each counts, shape ``(chains, n)``, with mean 1 in each chain; default:
        all alike.
    """
    # Sums of single-precision numbers in single precision would lose the variance.
    data = data.astype(np.float64, copy=False)
    weighted = data if weights is None else weights[..., None] * data
    mean = weighted.mean(axis=1)
    deviations = data - mean[:, None, :]
    if weights is not None:
        deviations = np.sqrt(weights)[..., None] * deviations
    root = triangular_root(np.swapaxes(deviations, -1, -2))
    return ScatterSummary(data.shape[1], mean, root)


def triangular_root(columns: NDArray[Any]) -> NDArray[np.float64]:
    r"""Return lower triangular :math:`L` with :math:`L L^\top = B B^\top`.

    Parameters
    ----------
    columns
        Matrices :math:`B`, shape ``(chains, d, m)``, of any rank.

    Returns
    -------
    ndarray
        Shape ``(chains, d, d)``, diagonal not negative. It comes from a QR
        decomposition, which neither squares :math:`B` nor fails where it is singular.
    """
    chains, dim, m = columns.shape
    if m < dim:
        padding = np.zeros((chains, dim, dim - m))
        columns = np.concatenate([columns, padding], axis=-1)
    upper = np.linalg.qr(np.swapaxes(columns, -1, -2), mode="r")
    signs = np.where(np.diagonal(upper, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.swapaxes(signs[..., None] * upper, -1, -2)


def wishart_root(
    chains: int, dim: int, degrees: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    r"""Draw triangular roots of standard Wishart matrices :math:`W_d(I, k)`.

    Bartlett (1933): the root has independent entries, standard normal below the
    diagonal and :math:`\chi_{k-i}` on it, :math:`i = 0, \dots, d-1`.

    Parameters
    ----------
    chains, dim
        The result has shape ``(chains, dim, dim)``.
    degrees
        Degrees of freedom :math:`k \ge 0`; fewer than ``dim`` give singular matrices.
    rng
        Source of randomness.
    """
    if degrees < dim:
        normal = rng.standard_normal((chains, dim, degrees))
        return triangular_root(normal)
    root = np.tril(rng.standard_normal((chains, dim, dim)), -1)
    chi2 = rng.chisquare(degrees - np.arange(dim), size=(chains, dim))
    root[:, np.arange(dim), np.arange(dim)] = np.sqrt(chi2)
    return root
