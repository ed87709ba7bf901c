"""One generation: what the loop yields, and what a measure is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from collapse_lib.samples import Data


@dataclass(slots=True)
class Generation:
    """A model, and how it came to be.

    Parameters
    ----------
    t
        Its number; generation 0 is fitted to real data.
    fitted
        The model.
    training
        What it was fitted to: shape ``(chains, n, ...)``, or a summary. It is given up
        (None) when the next generation is asked for, so that there are never two
        training sets in memory.
    chains
        Independent replicates.
    """

    t: int
    fitted: Any
    training: Data | None
    chains: int
    _first: Callable[[], Any] = field(repr=False)

    @property
    def first(self) -> Any:
        """The model of generation 0.

        A run that went on from a file has not kept it: it is fitted again, to the same
        bits, if it is asked for and was not given as ``first=``.
        """
        return self._first()
