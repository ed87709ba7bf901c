"""A bias that keeps the points which are least alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count
from collapse_lib.models.base import Fitted
from collapse_lib.models.discrete import Counts
from collapse_lib.regimes.chosen import known_law
from collapse_lib.regimes.draws import (
    Bias,
    Drawn,
    candidates,
    check_emit,
    check_generator,
    chosen,
)
from collapse_lib.samples import Data


@dataclass(frozen=True)
class MostDiverse(Bias):
    r"""Draw ``k`` times as many points and keep those that are farthest apart.

    The first candidate is kept, and then, again and again, the one that is farthest
    from all that are kept. Numbers are compared by their Euclidean distance, symbols
    and other integers by how many of them differ.

    Parameters
    ----------
    k
        Candidates for each point that is kept; 1 only changes their order.

    Raises
    ------
    ValueError
        If it is no positive integer; in a run, if the points themselves are gone.

    Notes
    -----
    After Shi et al. (2025), who select for the entropy that distances to the nearest
    neighbour estimate. Of a finite distribution under the exact law, states are alike
    or not: of each state that was drawn one point is kept, and what else is needed
    comes from the rest at random. Each point costs a look at all candidates: time
    grows with ``k * n**2``.

    Examples
    --------
    >>> from collapse_lib import models
    >>> generator = MostDiverse(2)(models.FittedCategorical.of([0.9, 0.05, 0.05]))
    >>> generator.sample(100, np.random.default_rng(0)).counts.sum()
    np.int64(100)
    """

    k: int = 2

    def __post_init__(self) -> None:
        """Check the number of candidates."""
        check_count("k", self.k, least=1)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator that keeps what is least alike."""
        check_generator(fitted)
        return Drawn(fitted, self)

    def emit(self, fitted: Any, n: int, rng: np.random.Generator) -> Data:
        """Draw candidates and keep ``n`` of them."""
        check_emit(fitted, n, rng)
        if known_law(fitted) is not None:
            drawn = fitted.sample(n * self.k, rng)
            if isinstance(drawn, Counts):
                return _one_of_each(drawn, n, rng)
        x = candidates(self, fitted, n * self.k, rng)
        return chosen(x, farthest(x, n, rng))


def farthest(x: NDArray[Any], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the places of ``n`` points, each the farthest from those before it.

    Parameters
    ----------
    x
        Points, shape ``(chains, m, ...)``.
    n
        How many to choose, at most ``m``.
    rng
        Source of randomness, for what is left when all of it is kept already.

    Returns
    -------
    ndarray
        Shape ``(chains, n)``; of points that are equally far the first.
    """
    flat, rows = x.reshape(*x.shape[:2], -1), np.arange(len(x))
    places = np.zeros((len(x), n), np.int64)
    distance = np.full(x.shape[:2], np.inf)
    # The first ones of all are no random sample of the copies of what is kept.
    order = rng.random(x.shape[:2])
    for i in range(1, n):
        last = flat[rows, places[:, i - 1]][:, None]
        if x.dtype.kind == "f":
            new = ((flat - last) ** 2).sum(axis=2)
        else:
            new = (flat != last).sum(axis=2).astype(np.float64)
        distance = np.minimum(distance, new)
        distance[rows, places[:, i - 1]] = -1  # kept, also where all others are equal
        places[:, i] = distance.argmax(axis=1)
        copies = distance[rows, places[:, i]] == 0
        left = np.where(distance[copies] == 0, order[copies], -1)
        places[copies, i] = left.argmax(axis=1)
    return places


def _one_of_each(drawn: Counts, n: int, rng: np.random.Generator) -> Counts:
    """Keep one point of each state, and the rest at random."""
    # States in the order in which a random row of all points would show them.
    first = np.full(drawn.counts.shape, np.inf)
    seen = drawn.counts > 0
    first[seen] = 1 - rng.random(seen.sum()) ** (1 / drawn.counts[seen])
    rank = first.argsort(axis=1).argsort(axis=1)
    kept = (seen & (rank < n)).astype(np.int64)
    for own, others in zip(kept, drawn.counts - kept, strict=True):
        own += rng.multivariate_hypergeometric(others, n - own.sum())
    return Counts(n, kept)
