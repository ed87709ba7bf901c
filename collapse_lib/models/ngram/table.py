"""Counts of n-grams as sorted integers, for all chains at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
# Up to this ratio of possible to present codes, an array of all beats a search.
DENSE = 4


@dataclass(frozen=True)
class Table:
    """The n-grams of one order, sorted, so that those of a context lie together.

    An n-gram is the integer with the digits chain, symbol, symbol, ... in base
    ``n_symbols``; its context is the integer without the last digit.

    Parameters
    ----------
    keys
        The different n-grams, ascending, shape ``(types,)``.
    ends
        Cumulative counts, shape ``(types + 1,)``, from 0 to the number of n-grams.
    n_symbols
        Size of the vocabulary.
    n_codes
        Number of possible codes.
    """

    keys: Codes
    ends: Codes
    n_symbols: int
    n_codes: int

    @classmethod
    def of(cls, codes: Codes, n_symbols: int, n_codes: int) -> Table:
        """Count codes below ``n_codes``; the array may be sorted in place."""
        if n_codes <= DENSE * codes.size:
            every = np.bincount(codes, minlength=n_codes)
            keys = np.flatnonzero(every)
            return cls(keys, np.append(0, np.cumsum(every[keys])), n_symbols, n_codes)
        codes.sort()
        new = np.flatnonzero(np.diff(codes, prepend=-1))
        return cls(codes[new], np.append(new, codes.size), n_symbols, n_codes)

    def without_first(self, chains: int) -> Codes:
        """Return each different n-gram without its first symbol, but with its chain."""
        n_shorter = self.n_codes // chains // self.n_symbols
        chain = self.keys // (n_shorter * self.n_symbols)
        return chain * n_shorter + self.keys % n_shorter

    def span(self, context: Codes) -> tuple[Codes, Codes]:
        """Return the places in ``keys`` where the n-grams of contexts begin and end."""
        contexts, starts = self._contexts
        if contexts is None:
            return starts[context], starts[context + 1]
        place = np.minimum(np.searchsorted(contexts, context), len(contexts) - 1)
        low = starts[place]
        return low, np.where(contexts[place] == context, starts[place + 1], low)

    def count(self, codes: Codes) -> Codes:
        """Return how often each n-gram occurs."""
        place = np.minimum(np.searchsorted(self.keys, codes), len(self.keys) - 1)
        counts = self.ends[place + 1] - self.ends[place]
        return np.where(self.keys[place] == codes, counts, 0)

    @cached_property
    def owner(self) -> NDArray[np.int32]:
        """The place in ``keys`` of each of all n-grams, sorted: a draw is a look-up."""
        return np.repeat(np.arange(len(self.keys), dtype=np.int32), np.diff(self.ends))

    @cached_property
    def _contexts(self) -> tuple[Codes | None, Codes]:
        """The different contexts (None: every possible one) and where they begin."""
        n_contexts = self.n_codes // self.n_symbols
        if n_contexts <= DENSE * len(self.keys):
            edges = np.arange(n_contexts + 1) * self.n_symbols
            return None, np.searchsorted(self.keys, edges)
        contexts = self.keys // self.n_symbols
        starts = np.flatnonzero(np.diff(contexts, prepend=-1))
        return contexts[starts], np.append(starts, len(contexts))


def gram_codes(data: NDArray[Any], level: int, n_symbols: int) -> Codes:
    """Return every ``level``-gram inside the blocks as an integer.

    Parameters
    ----------
    data
        Shape ``(chains, n, length)``.
    level, n_symbols
        Number of symbols in a gram, and in the vocabulary.

    Returns
    -------
    array
        Shape ``(chains, n, length - level + 1)``; the chain is the first digit in base
        ``n_symbols``.
    """
    chains, n, length = data.shape
    width = max(length - level + 1, 0)
    codes = np.empty((chains, n, width), np.int64)
    codes[:] = np.arange(chains)[:, None, None]
    for place in range(level):
        codes *= n_symbols
        codes += data[..., place : place + width]
    return codes
