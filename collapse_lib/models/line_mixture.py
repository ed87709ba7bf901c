"""Parameters of Gaussian mixtures on the line, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import numbers
from collapse_lib.models.base import FittedChains

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LineMixture(FittedChains):
    r"""Mixtures of Gaussians on the line, one per chain.

    .. math:: q(x) = \sum_k w_k\, N(x; m_k, s_k^2)

    Parameters
    ----------
    weights, means, widths
        Weights with sum 1, means and standard deviations of the components, each of
        shape ``(chains, components)``.

    Examples
    --------
    >>> two_humps = LineMixture.of([0.75, 0.25], [-1, 3], [1, 1])
    >>> float(two_humps.mean[0]), float(two_humps.variance[0])
    (0.0, 4.0)
    """

    weights: Array
    means: Array
    widths: Array

    ndims = {"weights": 2, "means": 2, "widths": 2}

    @classmethod
    def of(cls, weights: ArrayLike, means: ArrayLike, widths: ArrayLike) -> LineMixture:
        """Return a single mixture from three lists of the same length.

        Raises
        ------
        ValueError
            If the lists differ in length, the weights are not a distribution or a
            width is not above 0.
        """
        named = {"weights": weights, "means": means, "widths": widths}
        w, m, s = (np.atleast_1d(numbers(name, a)) for name, a in named.items())
        if not (w.shape == m.shape == s.shape and w.ndim == 1):
            raise ValueError(
                f"weights, means and widths have the lengths {w.size}, {m.size} and "
                f"{s.size}; they must be equally long lists"
            )
        if not ((w > 0).all() and abs(w.sum() - 1) < 1e-9):
            raise ValueError(
                f"weights are {w.tolist()}; they must be above 0 and have sum 1"
            )
        if not (s > 0).all():
            raise ValueError(f"widths are {s.tolist()}; they must be above 0")
        return cls(w[None], m[None], s[None])

    @property
    def chains(self) -> int:
        """Number of mixtures."""
        return len(self.weights)

    @property
    def mean(self) -> Array:
        """Means of the whole mixtures, shape ``(chains,)``."""
        return np.asarray((self.weights * self.means).sum(axis=-1))

    @property
    def variance(self) -> Array:
        """Variances within and between the components, shape ``(chains,)``."""
        gaps = self.means - self.mean[:, None]
        return np.asarray((self.weights * (self.widths**2 + gaps**2)).sum(axis=-1))

    def matched(self) -> LineMixture:
        r"""Return the single Gaussian with the same mean and variance.

        It minimises :math:`KL(q\|\cdot)` over all Gaussians: the maximum-likelihood
        fit to infinitely many samples.
        """
        mean, width = self.mean[:, None], np.sqrt(self.variance)[:, None]
        return LineMixture(np.ones_like(mean), mean, width)

    def log_terms(self, x: Array) -> Array:
        """Return ``log(w_k N(x; m_k, s_k^2))``: ``(chains, components, len(x))``."""
        terms = (x - self.means[..., None]) / self.widths[..., None]
        terms *= terms
        terms *= -0.5
        log_scale = np.log(self.weights / self.widths) - 0.5 * math.log(2 * math.pi)
        terms += log_scale[..., None]
        return np.asarray(terms)

    def log_density(self, x: Array) -> Array:
        """Return the log-density at the points ``x``: ``(chains, len(x))``."""
        x = numbers("x", x, ndim=1, shape="(n,)", infinite=True)
        return self.posterior(x)[1]

    def posterior(self, x: Array) -> tuple[Array, Array]:
        """Return the probability of each component at each point, and the log-density.

        Shapes ``(chains, components, len(x))`` and ``(chains, len(x))``.
        """
        # scipy's softmax and logsumexp do the same with many more passes over memory.
        odds = self.log_terms(x)
        top = odds.max(axis=1)
        odds -= top[:, None]
        np.exp(odds, out=odds)
        total = odds.sum(axis=1)
        odds /= total[:, None]
        return odds, top + np.log(total)

    def take(self, rows: NDArray[np.bool_]) -> LineMixture:
        """Return the mixtures of some chains."""
        return LineMixture(*(a[rows] for a in self.arrays))

    def put(self, rows: NDArray[np.int64], new: LineMixture) -> LineMixture:
        """Return the mixtures with those of some chains replaced."""
        arrays = [a.copy() for a in self.arrays]
        for old, fresh in zip(arrays, new.arrays, strict=True):
            old[rows] = fresh
        return LineMixture(*arrays)

    def distance(self, other: LineMixture) -> Array:
        """Return the largest difference of a parameter, shape ``(chains,)``."""
        pairs = zip(self.arrays, other.arrays, strict=True)
        gaps = [np.abs(a - b).max(axis=-1) for a, b in pairs]
        return np.asarray(np.max(gaps, axis=0))

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """Weights, means and widths."""
        return self.weights, self.means, self.widths
