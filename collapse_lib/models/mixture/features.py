"""Data of many chains as features, in coordinates and blocks made for sums.

Used by `collapse_lib.models.mixture.em` and `collapse_lib.models.mixture.kmeans`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from collapse_lib.models.mixture.fitted import in_blocks

Array = NDArray[np.float64]

Step = Callable[["Block"], tuple[Array, Array]]
# Applies a function to every item of a list.
Run = Callable[[Callable[[Any], Any], list[Any]], list[Any]]

# Less regularisation than this share of a variance cannot be told from none.
LEAST_RELATIVE = 1e-12
# Keeps data without any variance from being divided by 0; its root is 1e-77.
LEAST = math.sqrt(np.finfo(np.float64).tiny)
# Sums of an empty component are divided by at least this; the square of a number
# over it must not overflow.
NEXT_TO_NOTHING = 1e-140
# Chains that have stopped are taken out when they are this share of the rest.
STOPPED = 0.25
# So many factors are multiplied before one logarithm is taken.
FACTORS = 16
# A product of shares below this has lost digits, or all.
LEAST_PRODUCT = 1e-300
# For fewer numbers, logarithms cost less than the operations around them.
SMALL = 4096


@dataclass(frozen=True)
class Block:
    """Features of some points of some chains.

    Parameters
    ----------
    chains
        Which of the chains.
    phi
        Shape ``(c, n_features, b)``.
    total
        Their sums over the points, shape ``(c, n_features)``.
    """

    chains: slice
    phi: torch.Tensor
    total: Array

    @cached_property
    def single(self) -> torch.Tensor:
        """``phi`` in single precision: half as much to read."""
        return self.phi.float()


@dataclass(frozen=True)
class Features:
    """Features of all points of some chains, in blocks.

    Parameters
    ----------
    blocks
        They cover the chains and points in order.
    total
        Sums over the points of each chain, shape ``(chains, n_features)``.
    """

    blocks: list[Block]
    total: Array

    def only(self, keep: NDArray[np.bool_]) -> Features:
        """Return those of the chains to keep, which are numbered anew from 0."""
        kept = []
        for block in self.blocks:
            here = keep[block.chains]
            if not here.any():
                continue
            start = int(keep[: block.chains.start].sum())
            chains = slice(start, start + int(here.sum()))
            phi = block.phi if here.all() else block.phi[torch.from_numpy(here)]
            kept.append(Block(chains, phi, block.total[here]))
        return Features(kept, self.total[keep])

    def add_up(self, step: Step, n_rows: int, run: Run) -> tuple[Array, Array]:
        """Add what ``step(block)`` returns over the blocks of each chain.

        Parameters
        ----------
        step
            Returns an array ``(c, n_rows, m)`` and an array ``(c,)``.
        n_rows
            See there.
        run
            ``run(step, blocks)`` applies the step to every block.
        """
        parts = run(step, self.blocks)
        chains, width = len(self.total), parts[0][0].shape[-1]
        rows, numbers = np.zeros((chains, n_rows, width)), np.zeros(chains)
        # In the order of the blocks, whichever thread was first.
        for block, (part, number) in zip(self.blocks, parts, strict=True):
            rows[block.chains] += part
            numbers[block.chains] += number
        return rows, numbers

    def with_first(self, rest: Array) -> Array:
        """Put before sums over all components but one what is left for the first."""
        first = self.total[:, None, : rest.shape[-1]] - rest.sum(axis=1, keepdims=True)
        return np.concatenate([first, rest], axis=1)


@dataclass(frozen=True)
class Whitened:
    """Data in coordinates z with mean 0 and covariance close to I: x = centre + L z.

    Parameters
    ----------
    centre
        Means of the data, shape ``(chains, d)``.
    root
        Lower triangular L with ``L L^T = cov + reg``, shape ``(chains, d, d)``.
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
        # A copy in this order: one coordinate of all points side by side.
        points = np.array(np.swapaxes(data, 1, 2), dtype=np.float64, order="C")
        centre = points.mean(axis=2)
        points -= centre[..., None]
        # Far from 0 the first mean is off by a rounding error of the centre's size.
        rest = points.mean(axis=2)
        points -= rest[..., None]
        shifted = torch.from_numpy(points)
        cov = torch.bmm(shifted, shifted.transpose(1, 2)).numpy() / points.shape[2]
        if not np.isfinite(cov).all():
            raise ValueError("data are too large: their squares overflow float64")
        # Of each coordinate's own variance: they may have different units.
        variances = np.diagonal(cov, axis1=1, axis2=2)
        reg = np.maximum(max(reg_covar, LEAST), LEAST_RELATIVE * variances)
        scaled = reg[:, :, None] * np.eye(dim)
        root = np.linalg.cholesky(cov + scaled)
        inverse = np.linalg.inv(root)
        turned = inverse @ scaled @ np.swapaxes(inverse, 1, 2)
        return cls(centre + rest, root, inverse, turned[:, None], shifted)

    def features(self) -> Features:
        """Return the features of all points."""
        chains, dim, n = self.shifted.shape
        inverse = torch.from_numpy(self.inverse)
        total = np.zeros((chains, n_features(dim)))
        blocks = []
        for rows, points in in_blocks(chains, n):
            phi = features(inverse[rows] @ self.shifted[rows, :, points])
            block = Block(rows, phi, phi.sum(dim=-1).numpy())
            total[rows] += block.total
            blocks.append(block)
        return Features(blocks, total)


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
        Shapes ``(...)``, ``(..., d)`` and ``(..., d, d)``; towards 0 where
        the count is next to nothing.
    """
    count = sums[..., 0]
    average = sums / np.maximum(sums[..., :1], NEXT_TO_NOTHING)
    mean = average[..., 1 : 1 + dim]
    second = average[..., _place(dim)]
    return count, mean, second - mean[..., :, None] * mean[..., None, :]


@cache
def _place(dim: int) -> NDArray[np.int64]:
    """Return where the feature ``z_i z_j`` is found, shape ``(d, d)``."""
    place = np.zeros((dim, dim), dtype=np.int64)
    rows, columns = np.triu_indices(dim)
    place[rows, columns] = place[columns, rows] = np.arange(len(rows)) + 1 + dim
    return place


def sum_log(x: torch.Tensor) -> torch.Tensor:
    """Sum logarithms of numbers from 0 to 1 along the last axis of ``(c, b)``.

    A product costs a tenth of a logarithm. Where one underflows, the sum is -inf.
    """
    rest = x.shape[1] % FACTORS
    if x.numel() < SMALL or rest == x.shape[1]:
        return x.log().sum(dim=1)
    whole = x[:, : x.shape[1] - rest]
    products = whole.view(len(x), FACTORS, -1).prod(dim=1)
    total = torch.threshold_(products, LEAST_PRODUCT, 0.0).log_().sum(dim=1)
    return total + x[:, -rest:].log().sum(dim=1) if rest else total
