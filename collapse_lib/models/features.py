"""Data of many chains as features, in coordinates and blocks made for sums.

Used by `collapse_lib.models.em` and `collapse_lib.models.kmeans`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Points in a block: their features in the plane take 800 kB, which stay in a core's
# second-level cache between the two products of an iteration.
BLOCK = 16_384
# Less regularisation than this share of the total variance cannot be told from none.
LEAST_RELATIVE = 1e-12
# Keeps data without any variance from being divided by 0; its root is 1e-77.
LEAST = math.sqrt(np.finfo(np.float64).tiny)
# So many factors between 0.5 and 1 are multiplied before one logarithm is taken.
FACTORS = 64


@dataclass(frozen=True)
class Block:
    """Features of some points of some chains.

    Parameters
    ----------
    chains
        Which of the chains of the group.
    phi
        Shape ``(c, n_features, b)``.
    total
        Sums over the points, shape ``(c, n_features)``.
    """

    chains: slice
    phi: torch.Tensor
    total: torch.Tensor

    @classmethod
    def of(cls, chains: slice, phi: torch.Tensor) -> Block:
        """Return the block with its sums."""
        return cls(chains, phi, phi.sum(dim=-1))


@dataclass(frozen=True)
class Whitened:
    """Data in coordinates z with mean 0 and covariance close to I: x = centre + L z.

    Parameters
    ----------
    centre
        Means of the data, shape ``(chains, d)``.
    root
        Lower triangular L with ``L L^T = cov + reg I``, shape ``(chains, d, d)``.
    inverse
        Inverse of ``root``.
    reg
        The regularisation in these coordinates, shape ``(chains, 1, d, d)``.
    shifted
        The data less their mean, not scaled, shape ``(chains, d, n)``.
    """

    centre: Array
    root: Array
    inverse: Array
    reg: Array
    shifted: torch.Tensor

    @classmethod
    def of(cls, data: NDArray[np.generic], reg_covar: float) -> Whitened:
        """Prepare data of shape ``(chains, n, d)``."""
        dim = data.shape[-1]
        points = np.swapaxes(data, 1, 2).astype(np.float64)
        centre = points.mean(axis=2)
        points -= centre[..., None]
        # Far from 0 the first mean is off by a rounding error of the centre's size.
        rest = points.mean(axis=2)
        points -= rest[..., None]
        shifted = torch.from_numpy(points)
        cov = torch.bmm(shifted, shifted.transpose(1, 2)).numpy() / points.shape[2]
        total = np.trace(cov, axis1=1, axis2=2)
        reg = np.maximum(max(reg_covar, LEAST), LEAST_RELATIVE * total)
        scaled = reg[:, None, None] * np.eye(dim)
        root = np.linalg.cholesky(cov + scaled)
        inverse = np.linalg.inv(root)
        turned = inverse @ scaled @ np.swapaxes(inverse, 1, 2)
        return cls(centre + rest, root, inverse, turned[:, None], shifted)

    def blocks(self) -> list[Block]:
        """Return the features of all points, block by block."""
        chains, _, n = self.shifted.shape
        inverse = torch.from_numpy(self.inverse)
        return [
            Block.of(rows, features(inverse[rows] @ self.shifted[rows, :, points]))
            for rows, points in in_blocks(chains, n)
        ]


def in_blocks(chains: int, n: int) -> Iterator[tuple[slice, slice]]:
    """Cut ``chains`` times ``n`` points into blocks: whole chains, or parts of one."""
    together = max(BLOCK // n, 1)
    for first in range(0, chains, together):
        rows = slice(first, min(first + together, chains))
        for start in range(0, n, BLOCK):
            yield rows, slice(start, min(start + BLOCK, n))


def only(blocks: list[Block], keep: NDArray[np.bool_]) -> list[Block]:
    """Return the blocks of the chains to keep, which are numbered anew from 0."""
    kept = []
    for block in blocks:
        here = keep[block.chains]
        if not here.any():
            continue
        start = int(keep[: block.chains.start].sum())
        chains = slice(start, start + int(here.sum()))
        if here.all():
            kept.append(Block(chains, block.phi, block.total))
        else:
            chosen = torch.from_numpy(here)
            kept.append(Block(chains, block.phi[chosen], block.total[chosen]))
    return kept


def n_features(dim: int) -> int:
    """Return the number of features of a point in ``dim`` dimensions."""
    return 1 + dim + dim * (dim + 1) // 2


def features(z: torch.Tensor) -> torch.Tensor:
    """Return 1, the coordinates, and their products ``z_i z_j`` with ``i <= j``.

    Parameters
    ----------
    z
        Shape ``(c, d, b)``.

    Returns
    -------
    torch.Tensor
        Shape ``(c, n_features(d), b)``.
    """
    chains, dim, n = z.shape
    phi = torch.empty((chains, n_features(dim), n), dtype=z.dtype)
    phi[:, 0] = 1
    phi[:, 1 : 1 + dim] = z
    place = 1 + dim
    for i in range(dim):
        torch.mul(z[:, i : i + 1], z[:, i:], out=phi[:, place : place + dim - i])
        place += dim - i
    return phi


def moments(sums: Array, dim: int) -> tuple[Array, Array, Array]:
    """Turn sums of features into counts, means and covariances.

    Parameters
    ----------
    sums
        Shape ``(..., n_features)``.

    Returns
    -------
    tuple of ndarray
        Shapes ``(...)``, ``(..., d)`` and ``(..., d, d)``; 0 where the count is 0.
    """
    count = sums[..., 0]
    average = sums / np.where(count > 0, count, 1)[..., None]
    mean = average[..., 1 : 1 + dim]
    second = average[..., _place(dim)]
    return count, mean, second - mean[..., :, None] * mean[..., None, :]


def _place(dim: int) -> NDArray[np.int64]:
    """Return where the feature ``z_i z_j`` is found, shape ``(d, d)``."""
    place = np.zeros((dim, dim), dtype=np.int64)
    rows, columns = np.triu_indices(dim)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows)) + 1 + dim
    return place


def sum_log(x: torch.Tensor) -> torch.Tensor:
    """Sum logarithms of numbers from 0.5 to 1 along the last axis of ``(c, b)``.

    A product costs a tenth of a logarithm, and 64 such factors cannot underflow.
    """
    whole = x.shape[1] - x.shape[1] % FACTORS
    products = x[:, :whole].view(len(x), FACTORS, -1).prod(dim=1)
    return products.log().sum(dim=1) + x[:, whole:].log().sum(dim=1)
