r"""The two steps of expectation-maximisation, as matrix products.

With the features :math:`\phi(z) = (1,\, z_i,\, z_i z_j)_{i \le j}` of a point, the
logarithm of a weighted normal density is linear,

.. math:: \log w_j N(z; m_j, S_j) = c_j \cdot \phi(z),

so the E-step is :math:`C\,\phi` and a softmax, and the M-step needs only the sums
:math:`\sum_n r_{jn}\,\phi(z_n)` over the responsibilities :math:`r`.

Expanded squares cancel where a component is narrow and far from the origin. Against
that, :math:`z` are coordinates in which the data have mean 0 and covariance :math:`I`
(`collapse_lib.models.mixture.features`); and where a component is still too narrow or
too light, `expect_in_own_coordinates` gives every component coordinates of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from collapse_lib.models.mixture.features import Block, features, moments, sum_log

Array = NDArray[np.float64]
#: Counts ``(c, k)``, means ``(c, k, d)`` and covariances ``(c, k, d, d)``.
Moments = tuple[Array, Array, Array]

# Below a variance of 1e-5 of the data's, or a weight of 1e-6, sums over all points
# keep less than 11 of 16 digits, and EM can make a small error large.
NARROW = 1e-5
LIGHT = 1e-6
# What an empty component has of the whole data, in points.
TRACE = 10 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Shared:
    """Components as the sums over responsibilities give them.

    Parameters
    ----------
    weights, means, covs
        Shapes ``(c, k)``, ``(c, k, d)`` and ``(c, k, d, d)``.
    reg
        The regularisation, part of the covariances; shape ``(c, 1, d, d)``.
    coefficients
        Of the features in each log density with its weight, ``(c, k, n_features)``.
    """

    weights: Array
    means: Array
    covs: Array
    reg: Array
    coefficients: Array

    @classmethod
    def of(cls, sums: Array, reg: Array) -> Shared | None:
        """Do the M-step; None if a component is too narrow or light to be in here."""
        counts, means, covs = moments(sums, reg.shape[-1])
        weights = counts / counts.sum(axis=1, keepdims=True)
        if weights.min() < LIGHT:
            return None
        covs += reg
        try:
            precisions = np.asarray(np.linalg.inv(covs), np.float64)
        except np.linalg.LinAlgError:
            return None
        sign, log_det = np.linalg.slogdet(covs)
        # Up to a factor of d, the largest entry is 1 over the smallest variance.
        diagonal = np.diagonal(precisions, axis1=-2, axis2=-1)
        if not (sign.min() > 0 and 0 < diagonal.min() and diagonal.max() < 1 / NARROW):
            return None
        heights = np.log(weights) - 0.5 * (log_det + log_two_pi(reg.shape[-1]))
        coefficients = in_features(heights, means, precisions)
        return cls(weights, means, covs, reg, coefficients)

    def take(self, chains: Any) -> Shared:
        """Return those of some chains."""
        values = (getattr(self, field.name)[chains] for field in fields(self))
        return Shared(*values)


def in_features(heights: Array, means: Array, precisions: Array) -> Array:
    """Return the coefficients of ``height - (z - m)^T P (z - m) / 2``."""
    rows, columns, scale = _squares(means.shape[-1])
    linear = (precisions @ means[..., None])[..., 0]
    constant = heights - 0.5 * (linear * means).sum(axis=-1)
    squares = precisions[..., rows, columns] * scale
    return np.concatenate([constant[..., None], linear, squares], axis=-1)


@cache
def _squares(dim: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Return i and j of every feature z_i z_j, and its factor in a quadratic form."""
    rows, columns = np.triu_indices(dim)
    return rows, columns, np.where(rows == columns, -0.5, -1.0)


def log_two_pi(dim: int) -> float:
    """Return the logarithm of 2 pi to the power ``dim``."""
    return dim * math.log(2 * math.pi)


@dataclass(frozen=True)
class Components:
    """Components with coordinates of their own, slower and safe.

    Parameters
    ----------
    weights, means, covs
        Shapes ``(c, k)``, ``(c, k, d)`` and ``(c, k, d, d)``.
    reg
        See `Shared`.
    roots, inverses
        Lower triangular roots of the covariances, and the inverses of those.
    coefficients
        See `Shared`.
    """

    weights: Array
    means: Array
    covs: Array
    reg: Array
    roots: Array
    inverses: Array
    coefficients: Array

    @classmethod
    def of(cls, weights: Array, means: Array, covs: Array, reg: Array) -> Components:
        """Compute what the E-step needs."""
        roots = np.asarray(np.linalg.cholesky(covs), np.float64)
        inverses = np.asarray(np.linalg.inv(roots), np.float64)
        precisions = np.swapaxes(inverses, -1, -2) @ inverses
        heights = log_heights(weights, inverses)
        coefficients = in_features(heights, means, precisions)
        return cls(weights, means, covs, reg, roots, inverses, coefficients)

    @property
    def delicate(self) -> NDArray[np.bool_]:
        """Which chains have a component too narrow or too light for shared sums."""
        precisions = np.square(self.inverses).sum(axis=-2)  # their diagonals
        narrow = precisions.max(axis=-1) >= 1 / NARROW
        result: NDArray[np.bool_] = (narrow | (self.weights < LIGHT)).any(axis=1)
        return result

    def take(self, chains: Any) -> Components:
        """Return those of some chains."""
        values = (getattr(self, field.name)[chains] for field in fields(self))
        return Components(*values)


def log_heights(weights: Array, inverses: Array) -> Array:
    """Return the logarithm of each weighted density at its own mean."""
    diagonal = np.diagonal(inverses, axis1=-2, axis2=-1)
    log_det = -2 * np.log(diagonal).sum(axis=-1)
    constant = log_two_pi(diagonal.shape[-1])
    return np.asarray(np.log(weights) - 0.5 * (log_det + constant))


def maximise(sums: Array, reg: Array) -> Shared | Components:
    """Return the components with these sums of features (M-step)."""
    shared = Shared.of(sums, reg)
    if shared is not None:
        return shared
    return maximise_carefully(moments(sums, reg.shape[-1]), reg)


def maximise_carefully(found: Moments, reg: Array) -> Components:
    """Return the components with these counts, means and covariances."""
    counts, means, covs = found
    total = counts.sum(axis=1, keepdims=True)
    if (counts < LIGHT * total).any():
        # An empty component gets a trace of the whole data, which here is N(0, I).
        share = (np.clip(counts, 0, None) / (np.clip(counts, 0, None) + TRACE))[
            ..., None
        ]
        product = means[..., None] * means[..., None, :]
        covs = share[..., None] * (covs + (1 - share[..., None]) * product)
        covs = covs + (1 - share[..., None]) * np.eye(means.shape[-1])
        means = share * means
        counts = np.clip(counts, 0, None) + TRACE
        total = counts.sum(axis=1, keepdims=True)
    # Sums of features may leave the variance of a narrow component below 0.
    values, vectors = np.linalg.eigh(covs)
    scaled = vectors * np.clip(values, 0, None)[..., None, :]
    covs = scaled @ np.swapaxes(vectors, -1, -2) + reg
    return Components.of(counts / total, means, covs, reg)


def expect(block: Block, relative: Array) -> tuple[Array, Array]:
    """Return sums of r phi for all components but the first, and of a logarithm.

    Parameters
    ----------
    block
        The data.
    relative
        Coefficients less those of the first component, ``(c, k - 1, n_features)``.

    Returns
    -------
    tuple of ndarray
        Shapes ``(c, k - 1, n_features)`` and ``(c,)``. The logarithm is that of the
        density of all components over that of the first.
    """
    odds = torch.bmm(torch.from_numpy(relative), block.phi)
    if odds.shape[1] == 1:
        share, log_ratio = _share_of_second(odds, block, relative)
    elif odds.shape[1] > 1:
        top = odds.amax(dim=1, keepdim=True).clamp_(min=0)
        share = odds.sub_(top).exp_()
        total = (-top).exp_() + share.sum(dim=1, keepdim=True)
        share /= total
        log_ratio = (top + total.log_()).sum(dim=(1, 2)).numpy()
    else:
        share, log_ratio = odds, np.zeros(len(odds))
    return torch.bmm(share, block.phi.transpose(1, 2)).numpy(), log_ratio


def expect_in_single(block: Block, relative: Array) -> tuple[Array, Array]:
    """Return the sums that `expect` has for two components, and no logarithm.

    The shares are computed in single precision. Their rounding errors average out over
    points, since the sums are formed in double precision.
    """
    odds = torch.bmm(torch.from_numpy(relative).float(), block.single)
    share = odds.sigmoid_().double()
    return torch.bmm(share, block.phi.transpose(1, 2)).numpy(), np.zeros(len(share))


def _share_of_second(
    odds: torch.Tensor, block: Block, relative: Array
) -> tuple[torch.Tensor, Array]:
    """Return what `expect` needs of two components; ``odds`` is written over.

    The share s of the second component gives the logarithm, too: with the odds x,
    log(1 + e^x) = x - log s, and the sum of x over points is linear in their features.
    """
    share = odds.sigmoid_()
    sum_of_odds = (relative[:, 0] * block.total).sum(axis=1)
    log_ratio: Array = sum_of_odds - sum_log(share[:, 0]).numpy()
    lost = np.flatnonzero(np.isinf(log_ratio))
    if lost.size:  # somewhere, s is too close to 0
        odds = torch.bmm(torch.from_numpy(relative[lost]), block.phi[lost])
        zero = torch.zeros((), dtype=odds.dtype)
        log_ratio[lost] = torch.logaddexp(odds, zero).sum(dim=(1, 2)).numpy()
    return share, log_ratio


def expect_in_own_coordinates(
    phi: torch.Tensor, components: Components
) -> tuple[Array, Array]:
    """Return sums of r phi for all components, and of log p.

    The features summed are those in coordinates where each component is N(0, I).
    """
    chains, k, dim = components.means.shape
    z = phi[:, None, 1 : 1 + dim]
    shifted = z - torch.from_numpy(components.means)[..., None]
    own = torch.from_numpy(components.inverses) @ shifted
    heights = log_heights(components.weights, components.inverses)
    parts = torch.from_numpy(heights)[..., None] - 0.5 * own.square().sum(dim=2)
    log_p = torch.logsumexp(parts, dim=1, keepdim=True)
    share = (parts - log_p).exp()
    own_phi = features(own.flatten(0, 1))
    sums = torch.bmm(share.flatten(0, 1)[:, None], own_phi.transpose(1, 2))
    sums = sums.reshape(chains, k, -1)
    return sums.numpy(), log_p.sum(dim=(1, 2)).numpy()
