"""Distances between distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    numbers,
    together,
)

Array = NDArray[np.float64]
# Probabilities in single precision may be off a sum of 1 by so much.
OFF_ONE = 1e-6


def w2_squared_gaussian(
    mu: ArrayLike, sigma: ArrayLike, mu0: ArrayLike = 0.0, sigma0: ArrayLike = 1.0
) -> Array:
    r"""Return the squared 2-Wasserstein distance of two normal laws on the line.

    .. math:: W_2^2 = (\mu - \mu_0)^2 + (\sigma - \sigma_0)^2

    Parameters
    ----------
    mu, sigma, mu0, sigma0
        Means and standard deviations, of shapes that broadcast.

    Notes
    -----
    The paper's risk :math:`R_{W_2}` (Shumailov et al. 2023, section 4.2).

    Examples
    --------
    >>> float(w2_squared_gaussian(3.0, 5.0))
    25.0
    """
    mu, sigma, mu0, sigma0 = _two_normals(mu, sigma, mu0, sigma0)
    return np.asarray((mu - mu0) ** 2 + (sigma - sigma0) ** 2)


def w2_squared_gaussians(
    mean: ArrayLike, cov: ArrayLike, mean0: ArrayLike, cov0: ArrayLike
) -> Array:
    r"""Return the squared 2-Wasserstein distance of normal laws in d dimensions.

    .. math::
        W_2^2 = \|\mu - \mu_0\|^2 + \mathrm{tr}\,\Sigma + \mathrm{tr}\,\Sigma_0
                - 2\,\mathrm{tr}\,(\Sigma_0^{1/2} \Sigma\, \Sigma_0^{1/2})^{1/2}

    Parameters
    ----------
    mean, cov
        Shapes ``(..., d)`` and ``(..., d, d)``.
    mean0, cov0
        Shapes ``(d,)`` and ``(d, d)``.

    Returns
    -------
    ndarray
        Shape ``(...)``, never negative. Between laws that are not normal this is
        Gelbrich's lower bound.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a matrix is not symmetric and positive
        semi-definite.
    """
    mean, cov = _moments("mean", mean, "cov", cov)
    mean0, cov0 = _moments("mean0", mean0, "cov0", cov0)
    if mean0.ndim != 1 or mean0.shape[0] != mean.shape[-1]:
        raise ValueError(
            f"mean0 has shape {mean0.shape}; it must be ({mean.shape[-1]},), one "
            "distribution in the dimension of mean"
        )
    root = _psd_root(cov0)
    cross = np.linalg.eigvalsh(root @ cov @ root)
    # Rounding may leave an eigenvalue of a singular product at -1e-17.
    fidelity = np.sqrt(np.clip(cross, 0, None)).sum(axis=-1)
    shift = ((mean - mean0) ** 2).sum(axis=-1)
    traces = np.trace(cov, axis1=-2, axis2=-1) + np.trace(cov0)
    return np.asarray(np.clip(shift + traces - 2 * fidelity, 0, None))


def _two_normals(
    mu: ArrayLike, sigma: ArrayLike, mu0: ArrayLike, sigma0: ArrayLike
) -> list[Array]:
    """Return means and standard deviations as arrays; a chain may have diverged."""
    means, scales = {"mu": mu, "mu0": mu0}, {"sigma": sigma, "sigma0": sigma0}
    all_of = {name: numbers(name, a, infinite=True) for name, a in means.items()}
    for name, a in scales.items():
        all_of[name] = numbers(name, a, least=0, infinite=True)
    together(**all_of)
    return [all_of[name] for name in ("mu", "sigma", "mu0", "sigma0")]


def check_normalised(name: str, p: Array) -> None:
    """Raise ValueError unless numbers along the last axis have sum 1, up to 1e-6."""
    off = np.abs(np.atleast_1d(p).sum(axis=-1) - 1).max()
    if off > OFF_ONE:
        raise ValueError(
            f"{name} is off a sum of 1 by {off:g}; needed are the probabilities of all "
            "states (divide counts by their sum)"
        )


def _moments(
    mean_name: str, mean: ArrayLike, cov_name: str, cov: ArrayLike
) -> tuple[Array, Array]:
    """Return mean and covariance as arrays, if they can belong to a distribution."""
    mean, cov = numbers(mean_name, mean), numbers(cov_name, cov)
    if mean.ndim < 1 or cov.shape != (*mean.shape, mean.shape[-1]):
        raise ValueError(
            f"{cov_name} has shape {cov.shape} and {mean_name} {mean.shape}; needed "
            "are (..., d, d) and (..., d)"
        )
    # Relative to each matrix, so that collapsed chains are judged by their own size.
    size = np.abs(cov).max(axis=(-2, -1))
    if (np.abs(cov - np.swapaxes(cov, -1, -2)).max(axis=(-2, -1)) > 1e-8 * size).any():
        raise ValueError(f"{cov_name} is not symmetric; pass a covariance matrix")
    if (np.linalg.eigvalsh(cov)[..., 0] < -1e-8 * size).any():
        raise ValueError(
            f"{cov_name} has a negative eigenvalue; a covariance matrix has none"
        )
    return mean, cov


def _psd_root(matrix: Array) -> Array:
    """Return the symmetric root of a positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def w2_squared_samples(x: ArrayLike, y: ArrayLike) -> float:
    """Return the squared 2-Wasserstein distance of two equally large 1-D samples.

    Sorting both gives the optimal coupling on the line.

    Raises
    ------
    ValueError
        If the samples are empty or not equally large 1-D arrays.
    """
    x, y = numbers("x", x), numbers("y", y)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(
            f"x and y must be equally long 1-D samples, got {x.shape} and {y.shape}"
        )
    return float(np.mean((np.sort(x) - np.sort(y)) ** 2))


def kl_gaussian(
    mu: ArrayLike, sigma: ArrayLike, mu0: ArrayLike = 0.0, sigma0: ArrayLike = 1.0
) -> Array:
    r"""Return :math:`KL(N(\mu_0,\sigma_0^2)\,\|\,N(\mu,\sigma^2))`: the real law first.

    It is infinite when the model has collapsed (:math:`\sigma = 0`).

    Examples
    --------
    >>> float(kl_gaussian(0.0, 1.0)), float(kl_gaussian(0.0, 0.0))
    (0.0, inf)
    """
    mu, sigma, mu0, sigma0 = _two_normals(mu, sigma, mu0, sigma0)
    alive = sigma > 0
    # Collapsed chains get a stand-in scale here and infinity below.
    scale = np.where(alive, sigma, 1.0)
    # Below a scale of 1e-154 it is infinite, too, and where one law is a point.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        shift = (mu0 - mu) / scale
        ratio = sigma0 / scale
        value = 0.5 * (ratio**2 + shift**2 - 1) - np.log(ratio)
    # A law that is infinitely wide is infinitely far from any other.
    far = ~alive | np.isinf(sigma0) | np.isinf(shift)
    return np.asarray(np.where(far, np.inf, value))


def kl_categorical(p0: ArrayLike, p: ArrayLike) -> Array:
    r"""Return :math:`KL(p_0 \| p) = \sum_i p_{0,i} \log (p_{0,i} / p_i)` in nats.

    Parameters
    ----------
    p0, p
        Probabilities along the last axis, of shapes that broadcast.

    Returns
    -------
    ndarray
        Infinite as soon as a state that really occurs has died out.
    """
    both = {"p0": numbers("p0", p0, least=0), "p": numbers("p", p, least=0)}
    together(**both)
    for name, array in both.items():
        check_normalised(name, array)
    p0, p = np.broadcast_arrays(both["p0"], both["p"])
    terms, there = np.zeros(p0.shape), p0 != 0
    with np.errstate(divide="ignore"):  # what died out is infinitely far
        terms[there] = p0[there] * (np.log(p0[there]) - np.log(p[there]))
    return np.asarray(terms.sum(axis=-1))


def total_variation(p: ArrayLike, q: ArrayLike) -> Any:
    r"""Return :math:`\tfrac12 \sum_i |p_i - q_i|` along the last axis.

    Examples
    --------
    >>> float(total_variation([1.0, 0.0], [0.5, 0.5]))
    0.5
    """
    both = {"p": numbers("p", p, least=0), "q": numbers("q", q, least=0)}
    together(**both)
    for name, array in both.items():
        check_normalised(name, array)
    return 0.5 * np.abs(both["p"] - both["q"]).sum(axis=-1)
