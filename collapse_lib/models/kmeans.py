"""k-means for many chains at once: where expectation-maximisation starts.

As scikit-learn does it: greedy k-means++ (Arthur and Vassilvitskii 2007), then Lloyd's
iterations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from collapse_lib.models.features import Block, Whitened

Array = NDArray[np.float64]

MAX_ITER = 300
TOL = 1e-4  # of the mean variance of a coordinate, for the squared shift of all centres


@dataclass(frozen=True)
class Lots:
    """The random numbers that k-means++ needs, drawn for all chains beforehand.

    Parameters
    ----------
    first
        The point each chain begins with, shape ``(chains,)``.
    later
        Uniform numbers for the candidates, shape ``(chains, k - 1, trials)``.
    """

    first: NDArray[np.int64]
    later: Array

    @classmethod
    def draw(cls, chains: int, n: int, k: int, rng: np.random.Generator) -> Lots:
        """Draw them."""
        trials = 2 + int(math.log(k))
        return cls(rng.integers(n, size=chains), rng.random((chains, k - 1, trials)))

    def take(self, chains: slice) -> Lots:
        """Return those of some chains."""
        return Lots(self.first[chains], self.later[chains])


def plus_plus(points: torch.Tensor, lots: Lots) -> torch.Tensor:
    """Choose centres among the points by greedy k-means++.

    Each next centre is the best of a few candidates, drawn with probability
    proportional to the squared distance from the centres so far.

    Parameters
    ----------
    points
        Shape ``(chains, d, n)``.
    lots
        The random numbers.

    Returns
    -------
    torch.Tensor
        Shape ``(chains, k, d)``.
    """
    chains, _, n = points.shape
    rows = torch.arange(chains)
    chosen = points[rows, :, torch.from_numpy(lots.first)][:, None]
    nearest = _squared_distances(points, chosen)[:, 0]
    for lot in np.swapaxes(lots.later, 0, 1):
        cumulated = nearest.cumsum(dim=1)
        wanted = torch.from_numpy(lot) * cumulated[:, -1:]
        candidates = torch.searchsorted(cumulated, wanted).clamp(max=n - 1)
        places = points[rows[:, None], :, candidates]
        distances = _squared_distances(points, places)
        torch.minimum(distances, nearest[:, None], out=distances)
        best = distances.sum(dim=2).argmin(dim=1)
        nearest = distances[rows, best]
        chosen = torch.cat([chosen, places[rows, best][:, None]], dim=1)
    return chosen


def _squared_distances(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Return squared distances, shape ``(chains, centres, n)``."""
    total = torch.zeros((*centres.shape[:2], points.shape[2]), dtype=points.dtype)
    for i in range(points.shape[1]):
        shift = points[:, None, i] - centres[:, :, i, None]
        total.addcmul_(shift, shift)
    return total


def cluster(white: Whitened, blocks: list[Block], lots: Lots) -> Array:
    """Return the sums of features over each cluster, shape ``(c, k, n_features)``.

    Parameters
    ----------
    white
        The data; distances are those of the original coordinates.
    blocks
        Their features.
    lots
        The random numbers for the first centres.
    """
    dim = white.root.shape[-1]
    # Centres in the coordinates of the blocks; G gives the distances of the original.
    centres = plus_plus(white.shifted, lots).numpy() @ np.swapaxes(white.inverse, 1, 2)
    metric = np.swapaxes(white.root, 1, 2) @ white.root
    variance = np.square(white.root).sum(axis=(1, 2)) / dim
    moving = np.ones(len(centres), dtype=bool)
    for _ in range(MAX_ITER):
        sums = _assign(blocks, centres, metric, 1 + dim)
        counts = sums[..., :1]
        new = np.where(counts > 0, sums[..., 1:] / np.maximum(counts, 1), centres)
        shift = new - centres
        squared = ((shift @ metric) * shift).sum(axis=(1, 2))
        centres = np.where(moving[:, None, None], new, centres)
        moving &= squared > TOL * variance
        if not moving.any():
            break
    return _assign(blocks, centres, metric, None)


def _assign(
    blocks: list[Block], centres: Array, metric: Array, used: int | None
) -> Array:
    """Sum the first ``used`` features over the points nearest to each centre."""
    # |z - c|^2 is least where c^T G z - c^T G c / 2 is largest: linear in z.
    slope = centres @ metric
    constant = -(slope * centres).sum(axis=-1, keepdims=True) / 2
    scores = np.concatenate([constant, slope], axis=-1)
    rest = torch.from_numpy(scores[:, 1:] - scores[:, :1])
    chains, k, linear = scores.shape
    n_sums = blocks[0].phi.shape[1] if used is None else used
    sums = np.zeros((chains, k, n_sums))
    for block in blocks:
        phi = block.phi[:, :n_sums]
        ahead = torch.bmm(rest[block.chains], phi[:, :linear])
        parts = torch.bmm(_is_best(ahead), phi.transpose(1, 2)).numpy()
        sums[block.chains, 1:] += parts
        sums[block.chains, 0] += block.total[:, :n_sums].numpy() - parts.sum(axis=1)
    return sums


def _is_best(ahead: torch.Tensor) -> torch.Tensor:
    """Return 1.0 where a centre is the best, of scores relative to the first centre."""
    positive = ahead > 0
    if ahead.shape[1] > 1:
        positive &= ahead == ahead.amax(dim=1, keepdim=True)
        # Of equal ones the first wins.
        positive &= positive.cumsum(dim=1) == 1
    return positive.to(ahead.dtype)
