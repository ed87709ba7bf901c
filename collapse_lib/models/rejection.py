"""Rejection: draw candidates until enough of them are taken in every chain."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Candidates drawn at a time: so many for each point that is wanted, or so many in all.
MOST_AT_A_TIME, FEW = 8, 1024

Candidates = tuple[NDArray[Any], NDArray[np.bool_]]


def first_taken(
    n: int, draw: Callable[[int], Candidates], rounds: int, spare: int
) -> tuple[NDArray[Any] | None, int, int]:
    """Return the first ``n`` candidates that are taken, in every chain.

    After each round the share that was taken in the slowest chain says how many
    candidates the next one needs.

    Parameters
    ----------
    n
        Points that are needed, at least 1.
    draw
        ``draw(m)`` returns ``m`` candidates of each chain, shape ``(chains, m, ...)``,
        and whether each is taken, shape ``(chains, m)``.
    rounds
        After so many rounds it gives up.
    spare
        Candidates of a round beyond a fifth more than are expected to do.

    Returns
    -------
    tuple
        The points, shape ``(chains, n, ...)``, or None if it gave up; how many were
        taken in the chain with the fewest; how many were drawn.
    """
    kept: NDArray[Any] | None = None
    tried, least, at_a_time = 0, 0, n
    for _ in range(rounds):
        x, taken = draw(at_a_time)
        if kept is None:
            kept = np.empty((len(x), n, *x.shape[2:]), x.dtype)
            have = np.zeros(len(x), np.int64)
        place = have[:, None] + np.cumsum(taken, axis=1) - 1
        rows, columns = np.nonzero(taken & (place < n))
        kept[rows, place[rows, columns]] = x[rows, columns]
        have += taken.sum(axis=1)
        tried += at_a_time
        if (least := int(have.min())) >= n:
            return kept, least, tried
        needed = 1.2 * (n - least) * tried / max(least, 1) + spare
        at_a_time = math.ceil(min(needed, max(MOST_AT_A_TIME * n, FEW)))
    return None, least, tried
