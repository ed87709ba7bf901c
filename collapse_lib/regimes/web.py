"""Everything is kept, and people go on writing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collapse_lib.checks import check_share
from collapse_lib.regimes.base import Turn, refuse_turn
from collapse_lib.regimes.keep import Accumulate, split
from collapse_lib.samples import Data, Pool, pool


@dataclass(frozen=True)
class Web(Accumulate):
    """Train on all data so far, to which people and models add in every generation.

    `Accumulate` where a share of each generation's ``n`` new points is new real data,
    rounded to a whole number of points: the web after language models came, with a
    constant share of human text in what is newly written. The real data must be a
    source, not a fixed array.

    Parameters
    ----------
    share
        Share of real points in every generation's new data, from 0 (`Accumulate`) to 1.

    Raises
    ------
    ValueError
        If it is no share; in a run, if it is above 0 but rounds to no point.

    Notes
    -----
    What becomes of a fitted mean: `collapse_lib.theory.number_line.web`. The regime
    and the law are this project's.

    Examples
    --------
    >>> from collapse_lib import models, recurse
    >>> history = recurse(
    ...     models.KnownWidth(),
    ...     models.FittedKnownWidth.standard(),
    ...     regime=Web(share=0.1),
    ...     n_samples=50,
    ...     n_generations=20,
    ...     measure={"mu": lambda fit: fit.mu},
    ...     rng=np.random.default_rng(0),
    ... )
    >>> len(history)
    21
    """

    share: float

    def __post_init__(self) -> None:
        """Check the share."""
        super().__post_init__()
        check_share("share", self.share)

    def everything(self, turn: Turn) -> Data:
        """Draw real and synthetic points and add them to the pool."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        pooled, new = turn.remembered, self._written(turn)
        if isinstance(pooled, Pool) and isinstance(new, np.ndarray):
            return pooled.append(new)
        return pool([pooled, new])

    def _written(self, turn: Turn) -> Data:
        """Return what a generation adds."""
        made, _, human = split(turn.n, (1 - self.share, 0.0, self.share))
        if self.share and not human:
            raise ValueError(
                f"share is {self.share:g}, which of {turn.n} new points rounds to "
                "none; use a larger share or more points, or Accumulate()"
            )
        parts = [turn.real.fresh(human, turn.rng)] if human else []
        return pool([*parts, self.synthetic(turn, made)] if made else parts)
