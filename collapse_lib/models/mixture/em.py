"""Expectation-maximisation for Gaussian mixtures, for many chains at once.

The features of the data are computed once per fit, and both steps are sums over blocks
of them (`collapse_lib.models.mixture.steps`). Chains that have converged are taken
out. Where there are many points, the first rounds are done in single precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from collapse_lib.models.mixture.features import (
    STOPPED,
    Block,
    Features,
    Run,
    Whitened,
    moments,
)
from collapse_lib.models.mixture.fitted import BLOCK, FittedGaussianMixture
from collapse_lib.models.mixture.kmeans import Lots, cluster
from collapse_lib.models.mixture.steps import (
    LIGHT,
    Components,
    Shared,
    expect,
    expect_in_own_coordinates,
    expect_in_single,
    maximise,
    maximise_carefully,
)

Array = NDArray[np.float64]

# Points of chains that are fitted together: enough to hide what an iteration costs
# besides the points, few enough that the groups can share the cores.
GROUP = 65_536
# With fewer blocks in an iteration, threads would wait for each other more than work.
LEAST_BLOCKS = 2
# From so many points on, rounding errors of single numbers average out.
MANY = 32_768
# A first round counts if it gains this many times what would end the iterations: more
# than once by far more than rounding errors.
MARGIN = 1.01
# Smaller gains, or steeper log densities, are beyond single precision.
LEAST_GAIN = 1e-6
STEEP = 100


@dataclass(frozen=True)
class Options:
    """See `collapse_lib.models.GaussianMixture`."""

    k: int
    tol: float
    max_iter: int
    reg_covar: float


def fit(
    data: NDArray[Any],
    options: Options,
    start: FittedGaussianMixture | None,
    rng: np.random.Generator,
) -> FittedGaussianMixture:
    """Fit a mixture to each chain of ``data``, shape ``(chains, n, d)``.

    The result does not depend on the number of threads, which is torch's
    (``torch.get_num_threads()``).
    """
    chains, n, _ = data.shape
    begin = _beginning(data, options.k, start, rng)
    together = max(GROUP // n, 1)
    groups = [slice(i, min(i + together, chains)) for i in range(0, chains, together)]
    several = len(groups) > 1
    large = n >= LEAST_BLOCKS * BLOCK
    with _threads(wanted=several or large) as run:
        # Either groups or the blocks of a single group go to the threads.
        outer, inner = (run, _serial) if several else (_serial, run)

        def one(rows: slice) -> FittedGaussianMixture:
            white = Whitened.of(data[rows], options.reg_covar)
            features = white.features()
            first = begin(white, features, rows, inner)
            return _iterate(white, features, first, options, inner)

        parts = outer(one, groups)
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(FittedGaussianMixture)
    }
    return FittedGaussianMixture(**joined)


def _beginning(
    data: NDArray[Any],
    k: int,
    start: FittedGaussianMixture | None,
    rng: np.random.Generator,
) -> Callable[[Whitened, Features, slice, Run], Shared | Components]:
    """Return what gives a group of chains the components to start from."""
    if start is not None:
        return partial(_from_start, start)
    chains, n, _ = data.shape
    # Drawn for all chains at once: the numbers do not depend on the groups.
    lots = Lots.draw(chains, n, k, rng)

    def from_kmeans(
        white: Whitened, features: Features, rows: slice, run: Run
    ) -> Shared | Components:
        sums = cluster(white, features, lots.take(rows), run)
        return maximise(sums, white.reg)

    return from_kmeans


@contextmanager
def _threads(wanted: bool) -> Iterator[Run]:
    """Yield a map over torch's number of threads; within each, torch is serial.

    Torch's own threads meet after every operation, which for blocks of this size
    costs more than the operation.
    """
    workers = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if workers == 1 or not wanted:
            yield _serial
            return
        with ThreadPoolExecutor(workers - 1) as pool:
            yield partial(_in_shares, pool, workers)
    finally:
        torch.set_num_threads(workers)


def _serial(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [function(item) for item in items]


def _in_shares(
    pool: ThreadPoolExecutor,
    workers: int,
    function: Callable[[Any], Any],
    items: list[Any],
) -> list[Any]:
    """Map a function over items: a share of them here, the others in the pool."""
    size = math.ceil(len(items) / workers)
    others = [
        pool.submit(_serial, function, items[i * size : (i + 1) * size])
        for i in range(1, workers)
    ]
    results = _serial(function, items[:size])
    for other in others:
        results += other.result()
    return results


def _iterate(
    white: Whitened,
    features: Features,
    components: Shared | Components,
    options: Options,
    run: Run,
) -> FittedGaussianMixture:
    """Alternate the two steps until every chain has stopped."""
    chains, dim, n = white.shifted.shape
    weights, means = np.empty((chains, options.k)), np.empty((chains, options.k, dim))
    covs = np.empty((chains, options.k, dim, dim))
    log_likelihood, n_iter = np.empty(chains), np.empty(chains, dtype=np.int64)
    converged = np.empty(chains, dtype=bool)
    active, running = np.arange(chains), np.ones(chains, dtype=bool)
    before = np.full(chains, -np.inf)
    done = 0
    if n >= MANY and options.k == 2:
        components, done = _first_rounds(features, components, n, options, run)
    for iteration in range(done + 1, options.max_iter + 1):
        components, total = _round(features, components, run)
        log_p = total / n
        reached = running & (np.abs(log_p - before) < options.tol)
        stops = running if iteration == options.max_iter else reached
        if stops.any():
            place = active[stops]
            weights[place] = components.weights[stops]
            means[place], covs[place] = components.means[stops], components.covs[stops]
            log_likelihood[place], n_iter[place] = log_p[stops], iteration
            converged[place] = reached[stops]
            running = running & ~stops
            if not running.any():
                break
            if running.mean() <= 1 - STOPPED:
                features, components = features.only(running), components.take(running)
                active, log_p = active[running], log_p[running]
                running = running[running]
        before = log_p
    found = FittedGaussianMixture(
        weights, means, covs, log_likelihood, n_iter, converged
    )
    return _unwhiten(found, white)


def _first_rounds(
    data: Features,
    now: Shared | Components,
    n: int,
    options: Options,
    run: Run,
) -> tuple[Shared | Components, int]:
    r"""Do rounds of two components in single precision while EM provably goes on.

    By Jensen's inequality (Dempster, Laird and Rubin 1977) a round from the parameters
    :math:`\theta` to :math:`\theta'` raises the log-likelihood by at least

    .. math:: \sum_{n,j} r_{nj} \bigl(\log w'_j N'_j(z_n) - \log w_j N_j(z_n)\bigr).

    It is the sums of both steps times what the coefficients change, so that no
    logarithm is needed to see that the iterations do not end here. The fit ends after
    as many rounds as in double precision, 1e-7 away at most where we have looked. (With
    more components it would be nearly 1e-6.)

    Returns
    -------
    tuple
        The components, and how many rounds led to them.
    """
    least, done = max(MARGIN * options.tol, LEAST_GAIN), 0
    while done < options.max_iter - 1:
        relative = now.coefficients[:, 1:] - now.coefficients[:, :1]
        if np.abs(relative).max() > STEEP or now.weights.min() < LIGHT:
            break
        step = partial(_expect_roughly, relative=relative)
        rest, _ = data.add_up(step, relative.shape[1], run)
        sums = data.with_first(rest)
        new = maximise(sums, now.reg)
        gain = ((new.coefficients - now.coefficients) * sums).sum(axis=(1, 2)) / n
        if (gain < least).any():
            break
        now, done = new, done + 1
    return now, done


def _expect_roughly(block: Block, relative: Array) -> tuple[Array, Array]:
    return expect_in_single(block, relative[block.chains])


def _round(
    data: Features, now: Shared | Components, run: Run
) -> tuple[Shared | Components, Array]:
    """Do both steps; return the new components and the sum of log p under the old."""
    base = now.coefficients[:, :1]
    relative = now.coefficients[:, 1:] - base
    rest, log_ratio = data.add_up(
        lambda block: expect(block, relative[block.chains]), relative.shape[1], run
    )
    sums = data.with_first(rest)
    log_p = (base[:, 0] * data.total).sum(axis=1) + log_ratio
    if isinstance(now, Shared) or not now.delicate.any():
        return maximise(sums, now.reg), log_p
    few = now.take(now.delicate)
    own_sums, log_p[now.delicate] = data.only(now.delicate).add_up(
        lambda block: expect_in_own_coordinates(block.phi, few.take(block.chains)),
        len(few.weights[0]),
        run,
    )
    dim = few.means.shape[-1]
    counts, means, covs = moments(sums, dim)
    counts[now.delicate], shift, own_covs = moments(own_sums, dim)
    means[now.delicate] = few.means + (few.roots @ shift[..., None])[..., 0]
    covs[now.delicate] = few.roots @ own_covs @ np.swapaxes(few.roots, -1, -2)
    return maximise_carefully((counts, means, covs), now.reg), log_p


def _unwhiten(result: FittedGaussianMixture, white: Whitened) -> FittedGaussianMixture:
    """Return the mixture in the coordinates of the data."""
    root = white.root[:, None]
    covs = root @ result.covariances @ np.swapaxes(root, -1, -2)
    stretch = np.log(np.diagonal(white.root, axis1=1, axis2=2)).sum(axis=1)
    return replace(
        result,
        means=white.centre[:, None] + (root @ result.means[..., None])[..., 0],
        # Rounding must not make them asymmetric.
        covariances=(covs + np.swapaxes(covs, -1, -2)) / 2,
        log_likelihood=result.log_likelihood - stretch,
    )


def _from_start(
    start: FittedGaussianMixture,
    white: Whitened,
    features: Features,
    rows: slice,
    run: Run,
) -> Components:
    """Return given components in the coordinates of the blocks."""
    inverse = white.inverse[:, None]
    means = inverse @ (start.means[rows] - white.centre[:, None])[..., None]
    covs = inverse @ start.covariances[rows] @ np.swapaxes(inverse, -1, -2)
    return Components.of(start.weights[rows], means[..., 0], covs, white.reg)
