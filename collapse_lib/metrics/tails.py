"""Tails, support and diversity: what early collapse takes first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_number,
    check_positive,
    given,
    numbers,
    numeric,
    together,
)
from collapse_lib.metrics.distances import check_normalised
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
    mu = numbers("mu", mu, infinite=True)
    sigma = numbers("sigma", sigma, least=0, infinite=True)
    together(mu=mu, sigma=sigma)
    check_number("cut", cut, least=0)
    check_number("mu0", mu0)
    check_positive("sigma0", sigma0)
    upper, lower = mu0 + cut * sigma0, mu0 - cut * sigma0
    alive = sigma > 0
    scale = np.where(alive, sigma, 1.0)
    mass = normal_cdf((lower - mu) / scale) + normal_cdf((mu - upper) / scale)
    point = (mu > upper) | (mu < lower)  # a collapsed model is one point
    return np.where(alive, mass, point.astype(float))


def support_size(p: ArrayLike) -> NDArray[np.int64]:
    """Return the number of states that are still possible, along the last axis."""
    return np.asarray((_shares(p) > 0).sum(axis=-1))


def heterozygosity(p: ArrayLike) -> Array:
    r"""Return :math:`H = 1 - \sum_i p_i^2`, the chance that two draws differ.

    Also known as the Gini-Simpson index; 0 means that one state is left.

    Examples
    --------
    >>> float(heterozygosity([0.5, 0.5]))
    0.5
    """
    return np.asarray(1 - (_distribution(p) ** 2).sum(axis=-1))


def entropy(p: ArrayLike) -> Array:
    r"""Return the Shannon entropy :math:`-\sum_i p_i \log p_i` in nats."""
    return np.asarray(entropy_terms(_distribution(p)).sum(axis=-1))


def _distribution(p: ArrayLike) -> Array:
    array = _shares(p)
    check_normalised("p", array)
    return array


def _shares(p: ArrayLike) -> Array:
    """Return probabilities, or counts, of the states along the last axis."""
    array = numbers("p", p, least=0)
    if array.ndim == 0:
        raise ValueError(
            f"p is {given(p)}; needed are probabilities of states, shape (..., k)"
        )
    return array


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
    array = numeric("values", values)
    if array.ndim < 1 or not len(array):
        raise ValueError(
            f"values has shape {array.shape}; needed is (generations, chains), with at "
            "least one generation"
        )
    below = array < check_number("level", level)
    first = below.argmax(axis=0).astype(float)
    return np.where(below.any(axis=0), first, np.inf)
