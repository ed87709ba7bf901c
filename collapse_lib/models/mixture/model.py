"""A mixture of Gaussians, fitted by expectation-maximisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collapse_lib.checks import check_count, check_not_negative, check_rng, given
from collapse_lib.models.mixture import em
from collapse_lib.models.mixture.fitted import FittedGaussianMixture
from collapse_lib.samples import Data, points


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
    From the same start the result is scikit-learn's; for how it is computed see
    `collapse_lib.models.mixture.em`. These cases differ:

    * A component that no point belongs to is moved to the mean of the data and gets
      their covariance, with next to no weight; scikit-learn moves it to the origin
      and makes it a spike.
    * Where ``reg_covar`` is less than 1e-12 of a coordinate's variance in the data, it
      is raised to that for this coordinate, because less cannot be told from 0.
      scikit-learn stops with an error where a covariance is singular.
    * In the k-means start a cluster that loses all its points stays where it is.

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
            check_count(name, getattr(self, name), least=1)
        for name in ("tol", "reg_covar"):
            check_not_negative(name, getattr(self, name))
        if self.start is not None:
            self._check_start(self.start)

    def _check_start(self, start: FittedGaussianMixture) -> None:
        if not isinstance(start, FittedGaussianMixture):
            raise ValueError(
                f"start is {given(start)}; it must be a FittedGaussianMixture, as from "
                "FittedGaussianMixture.of(weights, means, covariances)"
            )
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
        data = points(data, self)  # a mixture has no sufficient statistics
        check_rng(rng)
        chains, n, dim = data.shape
        if n < self.k:
            raise ValueError(f"k is {self.k}, but there are only {n} points per chain")
        if self.start is not None and self.start.means.shape[-1] != dim:
            raise ValueError(
                f"start has {self.start.means.shape[-1]} dimensions, the data {dim}"
            )
        start = None if self.start is None else self.start.expand(chains)
        options = em.Options(self.k, self.tol, self.max_iter, self.reg_covar)
        return em.fit(data, options, start, rng)
