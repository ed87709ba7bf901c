"""Some points carry a record of who made them, the others nothing: a policy of weights.

For `models.Tracked`, as those of `collapse_lib.regimes.weighing`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_share
from collapse_lib.models.tracked import REAL, Labelled
from collapse_lib.regimes.weighing import Weighing, _with_shares


@dataclass(frozen=True)
class Recorded(Weighing):
    """What has a record that people made it has a given share of the weight.

    Parameters
    ----------
    labelled
        Share of the real points that have a record.
    weight
        Share of the weight that all points with a record have together; the others
        share the rest. 1 refuses what has no record.
    false
        Share of the synthetic points that have one too, and a false one.

    Raises
    ------
    ValueError
        If an argument is no share.

    Notes
    -----
    The best weight, and what becomes of a fitted mean:
    `collapse_lib.theory.labels`. A record belongs to a place: of the first :math:`k`
    real points in a chain the whole part of :math:`ck` have one, and a point that
    stays in a pool keeps it. Where no point has a record, or all have, they count
    alike. Derived here.

    Examples
    --------
    >>> data = Labelled(4, np.zeros((1, 4)), np.array([[0, 0, 1, 1]]))
    >>> Recorded(labelled=0.5, weight=0.7)(data, np.random.default_rng(0))
    array([[0.4, 2.8, 0.4, 0.4]])
    """

    labelled: float
    weight: float
    false: float = 0.0

    def __post_init__(self) -> None:
        """Check the shares."""
        for name in ("labelled", "weight", "false"):
            check_share(name, getattr(self, name))

    def _weigh(
        self, labelled: Labelled, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the weights."""
        real = labelled.source == REAL
        recorded = _every(real, self.labelled) | _every(~real, self.false)
        return _with_shares(recorded.astype(np.int64), (1 - self.weight, self.weight))


def _every(these: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Return a share of these, evenly: of the first k the whole part of share * k."""
    # What a product of floats falls short of a whole number is no part of a point.
    steps = np.floor(np.cumsum(these, axis=1) * share + 1e-9)
    begun = np.diff(steps, axis=1, prepend=0) > 0
    return np.asarray(these & begun)
