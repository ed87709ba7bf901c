r"""Distances between Gaussian mixtures, in closed form.

A mixture is given by its weights, shape ``(..., k)``, means ``(..., k, d)`` and
covariances ``(..., k, d, d)``; leading axes (the chains) broadcast. Everything rests on
one integral,

.. math:: \int N(x; m, S)\,N(x; m', S')\,dx = N(m - m';\, 0,\, S + S').
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import given, numbers
from collapse_lib.models.mixture.fitted import in_units

Array = NDArray[np.float64]


class Mixture(Protocol):
    """Anything with weights, means and covariances, for example a fitted mixture."""

    @property
    def weights(self) -> ArrayLike:
        """Shape ``(..., k)``."""
        ...

    @property
    def means(self) -> ArrayLike:
        """Shape ``(..., k, d)``."""
        ...

    @property
    def covariances(self) -> ArrayLike:
        """Shape ``(..., k, d, d)``."""
        ...


def overlap_mixtures(f: Mixture, g: Mixture) -> Array:
    r"""Return :math:`\int f g\,dx = \sum_{ij} a_i b_j N(m_i - m'_j; 0, S_i + S'_j)`.

    With ``f is g`` it is the squared norm of a density, large for narrow components:
    :math:`1/(4\pi\sqrt{\det S})` for one Gaussian in the plane.

    Parameters
    ----------
    f, g
        Mixtures in the same number of dimensions, of any numbers of components.

    Returns
    -------
    ndarray
        The shape of the leading axes. Infinite if two components without any spread
        sit in the same place.

    Raises
    ------
    ValueError
        If the dimensions differ.
    """
    _check_mixtures(f=f, g=g)
    means_f, means_g = numbers("f.means", f.means), numbers("g.means", g.means)
    dim = means_f.shape[-1]
    if means_g.shape[-1] != dim:
        raise ValueError(f"f has {dim} dimensions, g has {means_g.shape[-1]}")
    shift = means_f[..., :, None, :] - means_g[..., None, :, :]
    cov = numbers("f.covariances", f.covariances)[..., :, None, :, :]
    cov = cov + numbers("g.covariances", g.covariances)[..., None, :, :, :]
    units = in_units(cov)
    values, vectors = np.linalg.eigh(cov / (units * np.swapaxes(units, -1, -2)))
    shift = shift / units[..., 0]
    along = np.square(np.einsum("...ij,...i->...j", vectors, shift))
    with np.errstate(divide="ignore", invalid="ignore"):  # no spread: see below
        far = np.where(along > 0, along / np.clip(values, 0, None), 0).sum(axis=-1)
        log_scale = np.log(2 * math.pi * np.clip(values, 0, None)).sum(axis=-1)
        log_scale = log_scale + 2 * np.log(units).sum(axis=(-2, -1))
        # Two points in different places do not overlap, whatever their density.
        log_density = np.where(np.isinf(far), -np.inf, -(far + log_scale) / 2)
    weights = numbers("f.weights", f.weights)[..., :, None]
    weights = weights * numbers("g.weights", g.weights)[..., None, :]
    with np.errstate(over="ignore"):
        terms = np.where(weights > 0, weights * np.exp(log_density), 0)
    return np.asarray(terms.sum(axis=(-1, -2)))


def _check_mixtures(**mixtures: Any) -> None:
    for name, mixture in mixtures.items():
        parts = ("weights", "means", "covariances")
        if isinstance(mixture, type) or not all(hasattr(mixture, p) for p in parts):
            raise ValueError(
                f"{name} is {given(mixture)}; it must be a mixture with weights, means "
                "and covariances, for example a fitted one"
            )


def l2_squared_mixtures(f: Mixture, g: Mixture) -> Array:
    r"""Return the squared L2 distance :math:`\int (f - g)^2 dx`.

    Parameters
    ----------
    f, g
        Mixtures in the same number of dimensions.

    Returns
    -------
    ndarray
        The shape of the leading axes, never negative.

    Notes
    -----
    The distance of the paper's mixture figure (claim C26). It has no upper limit: when
    f is narrow, :math:`\int f^2` is large, however close f is to g. For a distance
    between 0 and 1 see `cosine_distance_mixtures`.

    Examples
    --------
    >>> from collapse_lib.models import FittedGaussianMixture
    >>> wide = FittedGaussianMixture.of([1], [[0, 0]], [np.eye(2)])
    >>> narrow = FittedGaussianMixture.of([1], [[0, 0]], [1e-6 * np.eye(2)])
    >>> l2_squared_mixtures(wide, narrow).round()
    array([79577.])
    """
    _check_mixtures(f=f, g=g)
    both = overlap_mixtures(f, f) + overlap_mixtures(g, g)
    return np.asarray(np.clip(both - 2 * overlap_mixtures(f, g), 0, None))


def cosine_distance_mixtures(f: Mixture, g: Mixture) -> Array:
    r"""Return :math:`1 - \int fg \,/\, \sqrt{\int f^2 \int g^2}`, from 0 to 1.

    The L2 distance of the densities after both have been scaled to norm 1 (half its
    square): 0 for equal densities, 1 for densities that do not overlap.

    Parameters
    ----------
    f, g
        Mixtures in the same number of dimensions.
    """
    _check_mixtures(f=f, g=g)
    norms = np.sqrt(overlap_mixtures(f, f)) * np.sqrt(overlap_mixtures(g, g))
    return np.asarray(np.clip(1 - overlap_mixtures(f, g) / norms, 0, 1))
