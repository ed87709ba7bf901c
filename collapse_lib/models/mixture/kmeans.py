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

from collapse_lib.models.mixture.features import (
    STOPPED,
    Block,
    Features,
    Run,
    Whitened,
    n_features,
)

Array = NDArray[np.float64]

MAX_ITER = 300
TOL = 1e-4  # for the squared shift of all centres, in mean variances of a coordinate


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


def cluster(white: Whitened, data: Features, lots: Lots, run: Run) -> Array:
    """Return the sums of features over each cluster, shape ``(c, k, n_features)``.

    Parameters
    ----------
    white
        The data; distances are those of the original coordinates.
    data
        Their features.
    lots
        The random numbers for the first centres.
    run
        Applies a function to every block.
    """
    # Centres in the coordinates of the features; the metric gives the distances of
    # the original ones, in units that single precision can hold.
    centres = plus_plus(white.shifted, lots).numpy() @ np.swapaxes(white.inverse, 1, 2)
    metric = np.swapaxes(white.root, 1, 2) @ white.root
    dim = metric.shape[-1]
    metric /= np.trace(metric, axis1=1, axis2=2)[:, None, None] / dim
    some, active = data, np.arange(len(centres))
    moving = np.ones(len(centres), dtype=bool)
    for _ in range(MAX_ITER):
        now, inner = centres[active], metric[active]
        sums = _assign(some, now, inner, run, used=1 + dim, single=True)
        counts = sums[..., :1]
        new = np.where(counts > 0, sums[..., 1:] / np.maximum(counts, 1), now)
        centres[active[moving]] = new[moving]
        shift = new - now
        squared = ((shift @ inner) * shift).sum(axis=(1, 2))
        moving &= squared > TOL
        if not moving.any():
            break
        if moving.mean() <= 1 - STOPPED:
            some, active = some.only(moving), active[moving]
            moving = moving[moving]
    return _assign(data, centres, metric, run, used=n_features(dim))


def _assign(
    data: Features,
    centres: Array,
    metric: Array,
    run: Run,
    *,
    used: int,
    single: bool = False,
) -> Array:
    """Sum the first ``used`` features over the points nearest to each centre.

    In single precision a point very close to a border may end on its other side, which
    for a start of something else does not matter.
    """
    # |z - c|^2 is least where c^T G z - c^T G c / 2 is largest: linear in z.
    slope = centres @ metric
    constant = -(slope * centres).sum(axis=-1, keepdims=True) / 2
    scores = np.concatenate([constant, slope], axis=-1)
    relative = torch.from_numpy(scores[:, 1:] - scores[:, :1])
    relative = relative.float() if single else relative
    linear = scores.shape[-1]

    def step(block: Block) -> tuple[Array, Array]:
        phi = (block.single if single else block.phi)[:, :used]
        ahead = torch.bmm(relative[block.chains], phi[:, :linear])
        sums = torch.bmm(_is_best(ahead), phi.transpose(1, 2)).numpy()
        return sums, np.zeros(len(sums))  # nothing else to add up

    rest, _ = data.add_up(step, centres.shape[1] - 1, run)
    return data.with_first(rest)


def _is_best(ahead: torch.Tensor) -> torch.Tensor:
    """Return 1.0 where a centre is the best, of scores relative to the first centre."""
    if ahead.shape[1] > 1:
        # Of equal ones the first wins.
        best = ahead.argmax(dim=1, keepdim=True)
        places = torch.arange(ahead.shape[1])[:, None]
        ahead = torch.where(places == best, ahead, 0.0)
    return ahead.gt_(0)
