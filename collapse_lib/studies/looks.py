"""Fits that look at their data equally long, however many data there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def in_turn(
    n: int, looks: int, chains: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return which of ``n`` points are looked at one after the other.

    Returns
    -------
    array
        Shape ``(chains, looks)``: every point once in random order, then every point
        again in another one, and so on.
    """
    rounds = -(-looks // n)
    order = [
        np.concatenate([rng.permutation(n) for _ in range(rounds)])[:looks]
        for _ in range(chains)
    ]
    return np.stack(order)
