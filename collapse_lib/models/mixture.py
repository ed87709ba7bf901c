"""A mixture of Gaussians, fitted by expectation-maximisation."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.samples import Data, Summary, check_data

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GaussianMixture:
    r"""A mixture of ``k`` normal distributions with full covariances.

    .. math:: p(x) = \sum_{j=1}^{k} w_j\, N(x;\, m_j, S_j)

    The fit is expectation-maximisation (Dempster, Laird and Rubin 1977) from a k-means
    start, as in scikit-learn, whose names and meanings the parameters have.

    Parameters
    ----------
    k
        Number of components.
    tol
        Stop when the mean log-likelihood of a point changes by less than this from one
        iteration to the next.
    max_iter
        Stop after so many iterations at the latest. There is no warning then;
        ``converged`` of the fitted mixture says how a chain stopped.
    reg_covar
        Added to the diagonal of every covariance in every iteration. It is a floor:
        no component gets narrower than a standard deviation of ``sqrt(reg_covar)``.
    start
        A fitted mixture with ``k`` components to start every fit from, in place of
        k-means: one for all chains, or one for each.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    From the same start the result is scikit-learn's; see `collapse_lib.models.em` for
    how it is computed. These cases differ:

    * A component that no point belongs to is moved to the mean of the data and gets
      their covariance, with next to no weight; scikit-learn moves it to the origin
      and makes it a spike.
    * Where ``reg_covar`` is less than 1e-12 of the largest variance of the data, it is
      raised to that, because less cannot be told from 0. scikit-learn stops with an
      error where a covariance is singular.
    * In the k-means start a cluster that loses all its points stays where it is.

    Used in chapter 06.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = np.concatenate([rng.normal(-5, 1, (200, 2)), rng.normal(5, 1, (200, 2))])
    >>> fitted = GaussianMixture(2).fit(data[None], rng)
    >>> np.sort(fitted.means[0, :, 0]).round()
    array([-5.,  5.])
    """

    k: int
    tol: float = 1e-3
    max_iter: int = 100
    reg_covar: float = 1e-6
    start: FittedGaussianMixture | None = None

    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the options."""
        for name in ("k", "max_iter"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} is {value!r}; it must be an integer >= 1")
        for name in ("tol", "reg_covar"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value!r}; it must be a number >= 0")
        if self.start is not None:
            self._check_start(self.start)

    def _check_start(self, start: FittedGaussianMixture) -> None:
        if start.weights.shape[1] != self.k:
            raise ValueError(
                f"start has {start.weights.shape[1]} components, k is {self.k}"
            )
        least = np.linalg.eigvalsh(start.covariances).min()
        if not (least > 0 and start.weights.min() > 0):
            raise ValueError(
                f"start has a weight of {start.weights.min():.3g} and a covariance "
                f"with the eigenvalue {least:.3g}; both must be > 0"
            )

    def fit(self, data: Data, rng: np.random.Generator) -> FittedGaussianMixture:
        """Fit each chain to data of shape ``(chains, n, d)``.

        Parameters
        ----------
        data
            At least ``k`` points per chain.
        rng
            Draws the centres that k-means starts from.

        Raises
        ------
        ValueError
            If the data are a summary, empty, not finite, fewer than ``k`` points, or
            do not fit ``start``.
        """
        if isinstance(data, Summary):
            raise ValueError(
                f"cannot be fitted to {type(data).__name__}: a mixture has no "
                "sufficient statistics, it needs the points themselves"
            )
        check_data(data, self.event_ndim)
        chains, n, dim = data.shape
        if n < self.k:
            raise ValueError(f"k is {self.k}, but there are only {n} points per chain")
        if self.start is not None and self.start.means.shape[-1] != dim:
            raise ValueError(
                f"start has {self.start.means.shape[-1]} dimensions, the data {dim}"
            )
        start = None if self.start is None else self.start.expand(chains)
        # Torch is large; only those who fit a mixture wait for it.
        em = importlib.import_module("collapse_lib.models.em")
        options = em.Options(self.k, self.tol, self.max_iter, self.reg_covar)
        fitted: FittedGaussianMixture = em.fit(data, options, start, rng)
        return fitted


@dataclass(frozen=True)
class FittedGaussianMixture:
    """Mixtures of normal distributions, one per chain.

    Parameters
    ----------
    weights
        Shape ``(chains, k)``, each row with sum 1.
    means
        Shape ``(chains, k, d)``.
    covariances
        Shape ``(chains, k, d, d)``.
    log_likelihood
        Mean log-likelihood of a training point before the last iteration, shape
        ``(chains,)``; None if nothing was fitted. (scikit-learn: ``lower_bound_``.)
    n_iter
        Iterations taken, shape ``(chains,)``, or None.
    converged
        Whether ``tol`` was reached, shape ``(chains,)``, or None.
    """

    weights: Array
    means: Array
    covariances: Array
    log_likelihood: Array | None = None
    n_iter: NDArray[np.int64] | None = None
    converged: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike
    ) -> FittedGaussianMixture:
        """Return one known mixture, for example as a source of real data.

        Parameters
        ----------
        weights, means, covariances
            Shapes ``(k,)``, ``(k, d)`` and ``(k, d, d)``.

        Raises
        ------
        ValueError
            If the shapes do not fit together, the weights are no probabilities, or a
            covariance is not symmetric and positive semi-definite.
        """
        weights, means = np.asarray(weights, float), np.asarray(means, float)
        covariances = np.asarray(covariances, float)
        k, dim = means.shape if means.ndim == 2 else (0, 0)
        if weights.shape != (k,) or covariances.shape != (k, dim, dim) or not k:
            raise ValueError(
                "weights, means and covariances need the shapes (k,), (k, d) and "
                f"(k, d, d); they have {weights.shape}, {means.shape} and "
                f"{covariances.shape}"
            )
        if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-9:
            raise ValueError(f"weights are {weights}; they must be >= 0 with sum 1")
        symmetric = np.allclose(covariances, np.swapaxes(covariances, -1, -2))
        if not symmetric or np.linalg.eigvalsh(covariances).min() < 0:
            raise ValueError(
                "every covariance must be symmetric and positive semi-definite"
            )
        return cls(weights[None], means[None], covariances[None])

    @property
    def mean(self) -> Array:
        """Mean of the whole mixture, shape ``(chains, d)``."""
        return np.asarray(np.einsum("ck,ckd->cd", self.weights, self.means))

    @property
    def cov(self) -> Array:
        """Covariance of the whole mixture: within and between the components."""
        shift = self.means - self.mean[:, None]
        between = shift[..., None] * shift[..., None, :]
        both = self.covariances + between
        return np.asarray(np.einsum("ck,ckij->cij", self.weights, both))

    @property
    def spread(self) -> Array:
        r"""Generalised standard deviation :math:`(\det\Sigma)^{1/2}` of the mixture.

        In two dimensions it is the area of the covariance ellipse over :math:`\pi`.
        """
        log_det = np.linalg.slogdet(self.cov)[1]
        return np.asarray(np.exp(log_det / 2))

    @property
    def widths(self) -> Array:
        """Standard deviation of each component, averaged over directions.

        The root of the mean variance, shape ``(chains, k)``.
        """
        dim = self.means.shape[-1]
        return np.asarray(
            np.sqrt(np.trace(self.covariances, axis1=-2, axis2=-1) / dim)
        )

    def expand(self, chains: int) -> FittedGaussianMixture:
        """Repeat a single mixture for every chain.

        Raises
        ------
        ValueError
            If there are several mixtures, and not as many as chains.
        """
        if len(self.weights) not in (1, chains):
            raise ValueError(
                f"there are {len(self.weights)} mixtures, which cannot be repeated "
                f"for {chains} chains"
            )

        def repeated(values: Any) -> Any:
            if values is None:
                return None
            return np.broadcast_to(values, (chains, *values.shape[1:]))

        names = self.__dataclass_fields__
        return replace(self, **{name: repeated(getattr(self, name)) for name in names})

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent points per chain: shape ``(chains, n, d)``."""
        chains, k, dim = self.means.shape
        lot = rng.random((chains, n, 1))
        noise = rng.standard_normal((chains, n, dim))
        roots = np.swapaxes(_roots(self.covariances), -1, -2)
        below = np.cumsum(self.weights, axis=1)[:, None]
        points = self.means[:, :1] + noise @ roots[:, 0]
        for j in range(1, k):
            moved = self.means[:, j : j + 1] + noise @ roots[:, j]
            points = np.where(lot >= below[..., j - 1 : j], moved, points)
        return np.asarray(points)

    def log_density(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at points ``x``.

        Parameters
        ----------
        x
            Shape ``(chains, n, d)``, or ``(n, d)`` for the same points in every chain.

        Returns
        -------
        ndarray
            Shape ``(chains, n)``; it does not underflow far from all components.
        """
        parts = self._log_parts(x)
        return np.asarray(np.logaddexp.reduce(parts, axis=1))

    def responsibilities(self, x: ArrayLike) -> Array:
        """Return the probability of each component given ``x``.

        Shape ``(chains, k, n)``; ``x`` as in :meth:`log_density`.
        """
        parts = self._log_parts(x)
        return np.asarray(np.exp(parts - np.logaddexp.reduce(parts, axis=1)[:, None]))

    def _log_parts(self, x: ArrayLike) -> Array:
        """Return log w_j N(x; m_j, S_j), shape ``(chains, k, n)``."""
        points = np.asarray(x, float)
        shift = np.expand_dims(points, -3) - self.means[:, :, None]
        root = np.linalg.cholesky(self.covariances)
        scaled = np.linalg.solve(root, np.swapaxes(shift, -1, -2))
        diagonal = np.diagonal(root, axis1=-2, axis2=-1)
        dim = self.means.shape[-1]
        with np.errstate(divide="ignore"):  # a weight of 0 has the logarithm -inf
            constant = np.log(self.weights) - np.log(diagonal).sum(axis=-1)
        constant -= dim / 2 * math.log(2 * math.pi)
        return np.asarray(constant[..., None] - (scaled**2).sum(axis=-2) / 2)


def _roots(covariances: Array) -> Array:
    """Return R with R R^T = S, for covariances that may be singular."""
    values, vectors = np.linalg.eigh(covariances)
    # Rounding may leave an eigenvalue of a singular matrix at -1e-17.
    root: Array = vectors * np.sqrt(np.clip(values, 0, None))[..., None, :]
    return root
