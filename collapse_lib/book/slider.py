"""A figure with a slider: the mixture of every generation, in the reader's browser.

The page carries only the parameters of each generation; ``_static/mixture-slider.js``
draws a sample of it. It needs no server and no network, and leaves a sentence where
scripts are off.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from collapse_lib.models.mixture.fitted import FittedGaussianMixture

DECIMALS = 3


@dataclass(frozen=True)
class MixtureSlider:
    """The mixtures of one chain in the plane, one for each position of the slider.

    Parameters
    ----------
    mixtures
        Weights, means and covariances with the generations as first axis.
    generations
        Their numbers.
    label
        What is drawn, for readers who cannot see it.
    instead
        What to read where scripts are off, for example the number of a figure.
    limit
        The axes go from ``-limit`` to ``limit``.

    Raises
    ------
    ValueError
        If the mixtures are not in the plane, or not one for each generation.

    Notes
    -----
    Used in chapter 06.
    """

    mixtures: FittedGaussianMixture
    generations: Sequence[int]
    label: str
    instead: str
    limit: float = 3.5

    def __post_init__(self) -> None:
        """Check the shapes."""
        shape = self.mixtures.means.shape
        if len(shape) != 3 or shape[0] != len(self.generations) or shape[2] != 2:
            raise ValueError(
                f"means have shape {shape}; needed is (generations, k, 2), with "
                f"{len(self.generations)} generations"
            )

    def frames(self) -> list[list[object]]:
        """Return number, weights, means and roots of every generation, rounded.

        Components are put in the order in which each is nearest to where it was a
        frame before, so that it keeps its colour.
        """
        order = _followed(self.mixtures.means)
        rows = np.arange(len(order))[:, None]
        roots = np.linalg.cholesky(self.mixtures.covariances)
        parts = (self.mixtures.weights, self.mixtures.means, roots)
        rounded = [np.round(part[rows, order], DECIMALS).tolist() for part in parts]
        return [list(frame) for frame in zip(self.generations, *rounded, strict=True)]

    def _repr_html_(self) -> str:
        data = json.dumps(
            {"limit": self.limit, "frames": self.frames()}, separators=(",", ":")
        )
        return (
            f'<mixture-slider label="{html.escape(self.label)}">'
            f'<script type="application/json">{data}</script>'
            f"<p>{html.escape(self.instead)}</p></mixture-slider>"
        )

    def __repr__(self) -> str:
        """Return what a console shows."""
        first, last = self.generations[0], self.generations[-1]
        return f"<mixtures of generations {first} to {last}, shown in a browser>"


def _followed(means: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the order of components, ``(generations, k)``, that moves them least."""
    order = [np.arange(means.shape[1])]
    for before, now in zip(means, means[1:], strict=False):
        gaps = np.linalg.norm(before[order[-1], None] - now[None], axis=-1)
        order.append(linear_sum_assignment(gaps)[1])
    return np.stack(order)
