"""What `recurse` returns: a tidy frame of measurements."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class History(pd.DataFrame):
    """What was measured: columns generation, chain, metric and value.

    ``.attrs["config"]`` says how it was made.
    """

    @property
    def _constructor(self) -> type[History]:
        return History

    def array(self, metric: str) -> NDArray[np.float64]:
        """Return one metric as an array of shape ``(generations, chains)``.

        Raises
        ------
        ValueError
            If the metric was not measured.
        """
        known = list(self["metric"].cat.categories)
        if metric not in known:
            raise ValueError(f"no metric {metric!r}; measured: {', '.join(known)}")
        rows = self[self["metric"] == metric]
        chains = rows["chain"].nunique()
        return rows["value"].to_numpy().reshape(-1, chains)

    @property
    def generations(self) -> NDArray[np.int64]:
        """The recorded generations, ascending."""
        return np.unique(self["generation"].to_numpy())


def tidy(
    values: NDArray[np.float64],
    generations: list[int],
    metrics: list[str],
    config: dict[str, Any],
) -> History:
    """Bring values ``(metrics, generations, chains)`` to a tidy frame."""
    n_metrics, n_recorded, chains = values.shape
    per_metric = n_recorded * chains
    history = History(
        {
            "generation": np.tile(np.repeat(generations, chains), n_metrics),
            "chain": np.tile(np.arange(chains), n_metrics * n_recorded),
            "metric": pd.Categorical.from_codes(
                np.repeat(np.arange(n_metrics), per_metric), pd.Index(metrics)
            ),
            "value": values.ravel(),
        }
    )
    history.attrs["config"] = config
    return history
