"""The real data of a run: a fixed set, or a source that each chain draws from."""

from __future__ import annotations

from typing import Any

import numpy as np

from collapse_lib.samples import Data, Summary, check_data, describe, n_chains, size


class RealData:
    """The real data of a run: fixed, or a source to draw from."""

    def __init__(self, real: Any, chains: int, event_ndim: int) -> None:
        self.chains = chains
        self._first: Data | None = None
        self.source = real if hasattr(real, "sample") else None
        self.fixed: Data | None = None
        if self.source is None:
            self.fixed = _fixed(real, chains, event_ndim)

    def describe(self) -> str:
        """Return a text that differs for different data."""
        return describe(self.source if self.fixed is None else self.fixed)

    @property
    def first(self) -> Data:
        """The training set of generation 0."""
        if self._first is None:
            raise ValueError("the regime uses real.first: let needs_first return True")
        return self._first

    def keep(self, first: Data | None) -> None:
        """Hold on to the training set of generation 0."""
        self._first = first

    def fresh(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` new real points per chain."""
        if self.source is None:
            raise ValueError(
                "this regime draws new real data every generation, but real is a "
                "fixed data set; pass a source with sample(n, rng), e.g. a fitted model"
            )
        if hasattr(self.source, "expand"):
            data: Data = self.source.expand(self.chains).sample(n, rng)
        else:
            data = self.source.sample(n, rng)
            if isinstance(data, np.ndarray) and len(data) == 1 < self.chains:
                more = [self.source.sample(n, rng) for _ in range(self.chains - 1)]
                data = np.concatenate([data, *more])
        if n_chains(data) != self.chains:
            raise ValueError(
                "real.sample(n, rng) must return 1 chain or as many as chains asks "
                f"for: it returned {n_chains(data)}, chains is {self.chains}"
            )
        return data


def _fixed(real: Any, chains: int, event_ndim: int) -> Data:
    """Bring real data to shape ``(chains, n, ...)``."""
    if isinstance(real, Summary):
        data: Data = real
    else:
        array = np.asarray(real)
        data = array[None] if array.ndim == 1 + event_ndim else array
        if data.ndim != 2 + event_ndim:
            tail = ", ..." * event_ndim
            raise ValueError(
                f"real has shape {array.shape}; this model needs (n{tail}) or "
                f"(chains, n{tail}), or a source with sample(n, rng)"
            )
        check_data(data, event_ndim, name="real")
        if len(data) == 1:
            data = np.broadcast_to(data, (chains, *data.shape[1:]))
    if n_chains(data) != chains:
        raise ValueError(f"real holds {n_chains(data)} chains, chains is {chains}")
    if size(data) < 1:
        raise ValueError("real is empty: at least one point is needed")
    return data
