"""Tails, support and diversity: what early collapse takes first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.metrics.distances import check_scale
from collapse_lib.theory.special import entropy_terms, normal_cdf

Array = NDArray[np.float64]


def tail_mass_gaussian(
    mu: ArrayLike,
    sigma: ArrayLike,
    *,
    cut: float = 2.0,
    mu0: float = 0.0,
    sigma0: float = 1.0,
) -> Array:
    r"""Return the mass a normal model puts where the real tails are.

    .. math:: P_{\mu,\sigma}(|X - \mu_0| > \text{cut}\cdot\sigma_0)

    Parameters
    ----------
    mu, sigma
        Fitted means and standard deviations, any shape; ``sigma`` may be 0.
    cut
        Where the tails begin, in real standard deviations.
    mu0, sigma0
        The real distribution.

    Examples
    --------
    >>> round(float(tail_mass_gaussian(0.0, 1.0)), 4)
    0.0455
    """
    check_scale("sigma", sigma)
    mu, sigma = np.asarray(mu, float), np.asarray(sigma, float)
    upper, lower = mu0 + cut * sigma0, mu0 - cut * sigma0
    alive = sigma > 0
    scale = np.where(alive, sigma, 1.0)
    mass = normal_cdf((lower - mu) / scale) + normal_cdf((mu - upper) / scale)
    point = (mu > upper) | (mu < lower)  # a collapsed model is one point
    return np.where(alive, mass, point.astype(float))


def support_size(p: ArrayLike) -> NDArray[np.int64]:
    """Return the number of states that are still possible, along the last axis."""
    return np.asarray((np.asarray(p) > 0).sum(axis=-1))


def heterozygosity(p: ArrayLike) -> Array:
    r"""Return :math:`H = 1 - \sum_i p_i^2`, the chance that two draws differ.

    Also known as the Gini-Simpson index; 0 means that one state is left.

    Examples
    --------
    >>> float(heterozygosity([0.5, 0.5]))
    0.5
    """
    return np.asarray(1 - (np.asarray(p, float) ** 2).sum(axis=-1))


def entropy(p: ArrayLike) -> Array:
    r"""Return the Shannon entropy :math:`-\sum_i p_i \log p_i` in nats."""
    return np.asarray(entropy_terms(p).sum(axis=-1))


def first_below(values: ArrayLike, level: float) -> Array:
    """Return the first generation at which each chain is below ``level``.

    Parameters
    ----------
    values
        Shape ``(generations, chains)``, as from ``History.array``.
    level
        The threshold.

    Returns
    -------
    ndarray
        Shape ``(chains,)``, ``inf`` for a chain that never gets there - so that
        medians over chains remain right.

    Examples
    --------
    >>> first_below([[1.0, 1.0], [0.4, 0.9]], 0.5)
    array([ 1., inf])
    """
    below = np.asarray(values) < level
    first = below.argmax(axis=0).astype(float)
    return np.where(below.any(axis=0), first, np.inf)
