"""An n-gram model that writes what it finds likely more often than it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.models.ngram.fitted import FittedNGram, write_on
from collapse_lib.models.ngram.table import Codes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TemperedNGram:
    """A generator that favours what an n-gram model finds likely.

    Parameters
    ----------
    fitted
        The model.
    temperature
        1 leaves it as it is; 0 always writes the most probable symbol (ties share).

    Notes
    -----
    Every conditional distribution is written out, so that the time grows with the size
    of the vocabulary; equal contexts are treated once.
    """

    fitted: FittedNGram
    temperature: float

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw ``n`` blocks per chain: shape ``(chains, n, length)``."""
        nothing = np.empty((self.fitted.chains, n, 0), np.int64)
        return write_on(nothing, self.fitted.length, lambda text: self._next(text, rng))

    def _next(self, before: NDArray[Any], rng: np.random.Generator) -> Codes:
        top = self.fitted.top(before)
        context = self.fitted.context(before, top).ravel()
        different, which = np.unique(context, return_inverse=True)
        uniform, drawn = rng.random(len(context)), np.empty(len(context), np.int64)
        for part in np.array_split(
            np.arange(len(different)), len(different) // 256 + 1
        ):
            cdf = np.cumsum(self._weights(different[part], top), axis=1)
            rows = np.flatnonzero((which >= part[0]) & (which <= part[-1]))
            own = cdf[which[rows] - part[0]]
            below = own <= (uniform[rows] * own[:, -1])[:, None]
            drawn[rows] = below.sum(axis=1)
        return drawn.reshape(before.shape[:2])

    def _weights(self, context: Codes, top: int) -> Array:
        p = self.fitted.distribution(context, top)
        p /= p.max(axis=1, keepdims=True)
        if self.temperature == 0:
            return np.asarray(p == 1, dtype=np.float64)
        return np.asarray(p ** (1 / self.temperature))
