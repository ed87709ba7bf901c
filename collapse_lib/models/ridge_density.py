"""Density estimation with a kernel and a ridge penalty, refitted to its own samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    given,
    numbers,
)
from collapse_lib.models.base import FittedChains, check_distribution
from collapse_lib.models.discrete import (
    Categorical,
    Counts,
    ExpectedCounts,
    FittedCategorical,
    frequencies,
)
from collapse_lib.samples import Data, points

KERNEL_LAWS = ("exact", "literal", "expected")


@dataclass(frozen=True)
class RidgeDensity:
    r"""Regularised least-squares density estimate in a kernel space, on a grid.

    The estimate minimises

    .. math::
        \tfrac12\int f^2\,dw - \frac1n\sum_j f(x_j) + \frac{\lambda}{2}\|f\|^2_{H}

    over the kernel's space :math:`H`, where :math:`f` is the density with respect to
    the base measure :math:`w`. With the eigenvalues :math:`\kappa_i` and
    eigenfunctions :math:`\varphi_i` of the kernel in :math:`L^2(w)`

    .. math::
        f = \sum_i \frac{\kappa_i}{\kappa_i+\lambda}\, c_i\,\varphi_i,
        \qquad c_i = \frac1n\sum_j\varphi_i(x_j).

    To be sampled from, negative values are cut off and the rest is scaled to sum 1.

    Parameters
    ----------
    low, high, n_points
        The grid: ``n_points`` equally spaced points from ``low`` to ``high``. Data
        are moved to the nearest one.
    bandwidth
        Width :math:`h` of the kernel :math:`\exp(-(x-y)^2/(2h^2))`.
    ridge
        The penalty :math:`\lambda \ge 0`, on the scale of the largest
        :math:`\kappa_i`, which is at most 1.
    base
        Weights of the grid points in the base measure, positive; default: equal.
        With the real distribution as weights the directions are those of the data
        (kernel principal components).
    law
        ``"exact"`` draws counts from their multinomial law, ``"literal"`` draws every
        point, ``"expected"`` replaces a sample by its expectation: the recursion
        without sampling noise.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    Our construction: the paper (Shumailov et al. 2024, "Theoretical intuition") names
    regularised density estimation in a kernel space, but its formulas were not
    available to us.
    """

    low: float
    high: float
    n_points: int = 201
    bandwidth: float = 0.5
    ridge: float = 1e-3
    base: tuple[float, ...] | None = None
    law: str = "exact"

    event_ndim = 0

    def __post_init__(self) -> None:
        """Check the options."""
        check_choice("law", self.law, KERNEL_LAWS)
        check_number("low", self.low)
        check_number("high", self.high)
        if not (math.isfinite(self.high - self.low) and self.high > self.low):
            raise ValueError(
                f"low is {self.low}, high is {self.high}; both must be finite and "
                "low < high"
            )
        check_count("n_points", self.n_points, least=2)
        check_positive("bandwidth", self.bandwidth)
        check_not_negative("ridge", self.ridge)
        if self.base is not None:
            self._on_grid("base", self.base, above=0)

    @cached_property
    def grid(self) -> NDArray[np.float64]:
        """The grid, shape ``(n_points,)``."""
        return np.linspace(self.low, self.high, self.n_points)

    @cached_property
    def _root_weights(self) -> NDArray[np.float64]:
        weights = np.ones(self.n_points) if self.base is None else np.array(self.base)
        return np.asarray(np.sqrt(weights / weights.sum()))

    @cached_property
    def _eigen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        gaps = self.grid[:, None] - self.grid
        kernel = np.exp(-0.5 * (gaps / self.bandwidth) ** 2)
        root = self._root_weights
        values, vectors = np.linalg.eigh(root[:, None] * kernel * root)
        # The kernel is positive; rounding leaves its smallest values around -1e-17.
        return np.clip(values[::-1], 0, None), vectors[:, ::-1]

    @property
    def kappa(self) -> NDArray[np.float64]:
        """Eigenvalues of the kernel in L2(w), largest first, shape ``(n_points,)``."""
        return self._eigen[0]

    @property
    def shrinkage(self) -> NDArray[np.float64]:
        r"""Factors :math:`\kappa_i/(\kappa_i+\lambda)`, shape ``(n_points,)``."""
        if self.ridge == 0:
            return np.ones(self.n_points)
        return self.kappa / (self.kappa + self.ridge)

    def coefficients(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return :math:`c_i` of distributions on the grid: ``(..., n_points)``."""
        p = self._on_grid("p", p)
        return np.asarray((p / self._root_weights) @ self._eigen[1])

    def energy_share(self, p: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        r"""Return :math:`\sum_{i\le k}c_i^2 / \sum_i c_i^2`, shape ``(...)``."""
        check_count("k", k, least=0)
        energy = self.coefficients(p) ** 2
        return np.asarray(energy[..., :k].sum(axis=-1) / energy.sum(axis=-1))

    def source(self, p: NDArray[np.float64]) -> FittedRidgeDensity:
        """Return a given distribution on the grid as a source of real data."""
        p = self._on_grid("p", p, least=0)
        return FittedRidgeDensity(self, p[None] if p.ndim == 1 else p)

    def _on_grid(self, name: str, values: Any, **bounds: Any) -> NDArray[np.float64]:
        """Return numbers, one for each grid point: shape ``(..., n_points)``."""
        array = numbers(name, values, **bounds)
        if array.shape[-1:] != (self.n_points,):
            raise ValueError(
                f"{name} has shape {array.shape}; the grid has {self.n_points} points, "
                "and needs one number for each"
            )
        return array

    def fit(self, data: Data, rng: np.random.Generator) -> FittedRidgeDensity:
        """Estimate the density of each chain.

        Parameters
        ----------
        data
            Numbers of shape ``(chains, n)`` within the grid, `Counts` of the grid
            points, or `ExpectedCounts`.
        rng
            Not used: the estimate is deterministic.

        Raises
        ------
        ValueError
            If the data are empty, not finite, outside of the grid or of another shape.
        """
        observed = self._frequencies(data)
        shrunk = self.coefficients(observed) * self.shrinkage
        raw = (shrunk @ self._eigen[1].T) * self._root_weights
        positive = np.clip(raw, 0, None)
        return FittedRidgeDensity(self, positive / positive.sum(axis=1, keepdims=True))

    def _frequencies(self, data: Data) -> NDArray[np.float64]:
        if isinstance(data, (Counts, ExpectedCounts)):
            return frequencies(data, self.n_points, "points, the grid has")
        data = points(data, self, Counts, ExpectedCounts).astype(np.float64, copy=False)
        step = (self.high - self.low) / (self.n_points - 1)
        cells = np.rint((data - self.low) / step).astype(np.int64)
        if cells.min() < 0 or cells.max() >= self.n_points:
            raise ValueError(
                f"the data reach from {data.min():.6g} to {data.max():.6g}; the grid "
                f"from {self.low} to {self.high}. Choose a wider grid"
            )
        counts = Categorical(self.n_points).fit(cells, np.random.default_rng(0))
        return counts.p


@dataclass(frozen=True)
class FittedRidgeDensity(FittedChains):
    """Distributions on the grid, one per chain.

    Parameters
    ----------
    model
        The `RidgeDensity` that was fitted.
    p
        Probabilities of the grid points, shape ``(chains, n_points)``.
    """

    model: RidgeDensity
    p: NDArray[np.float64]

    ndims = {"p": 2}

    def __post_init__(self) -> None:
        """Check the probabilities."""
        super().__post_init__()
        if not isinstance(self.model, RidgeDensity):
            raise ValueError(f"model is {given(self.model)}; it must be a RidgeDensity")
        check_distribution("p", self.p)

    @property
    def mean(self) -> NDArray[np.float64]:
        """Means, shape ``(chains,)``."""
        return np.asarray(self.p @ self.model.grid)

    @property
    def variance(self) -> NDArray[np.float64]:
        """Variances, shape ``(chains,)``."""
        gaps = self.model.grid - self.mean[:, None]
        return np.asarray((self.p * gaps**2).sum(axis=1))

    def share(self, k: int) -> NDArray[np.float64]:
        """Share of the energy in the ``k`` leading directions, shape ``(chains,)``."""
        return self.model.energy_share(self.p, k)

    def temper(self, temperature: float) -> FittedRidgeDensity:
        r"""Return the distribution with :math:`p_i^{1/T}`, scaled to sum 1."""
        tempered = FittedCategorical(self.p).temper(temperature)
        return FittedRidgeDensity(self.model, tempered.p)

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points per chain: counts, grid points or expected counts."""
        law = self.model.law
        if law == "expected":  # nothing is drawn: no rng is needed
            check_count("n", n, least=1)
            return ExpectedCounts(n, n * self.p)
        drawn = FittedCategorical(self.p, law).sample(n, rng)
        return self.model.grid[drawn] if isinstance(drawn, np.ndarray) else drawn
