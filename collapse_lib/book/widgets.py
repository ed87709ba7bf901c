"""What a reader can move or open on a page: a slider, and folded texts.

Neither needs a server or a network.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from collapse_lib.declared import declared
from collapse_lib.models.mixture.fitted import FittedGaussianMixture

DECIMALS = 3


@declared
@dataclass(frozen=True)
class MixtureSlider:
    """The mixtures of one chain in the plane, one for each position of a slider.

    The page carries only the parameters of each generation;
    ``_static/mixture-slider.js`` draws a sample of it in the reader's browser.

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


@declared
@dataclass(frozen=True)
class Continuations:
    """Prompts with what each generation made of them, one fold for each prompt.

    It needs no script; the first prompt is open.

    Parameters
    ----------
    prompts
        The texts that were continued.
    texts
        Continuations by generation, then prompt.
    generations
        Which of them to show.

    Raises
    ------
    ValueError
        If a generation has no text, or not one for each prompt.
    """

    prompts: Sequence[str]
    texts: Sequence[Sequence[str]]
    generations: Sequence[int]

    def __post_init__(self) -> None:
        """Check that every text is there."""
        if not len(self.generations):
            raise ValueError("generations is empty; name at least one to show")
        if max(self.generations) >= len(self.texts):
            raise ValueError(
                f"generations are {list(self.generations)}; there are texts of 0 to "
                f"{len(self.texts) - 1}"
            )
        for t in self.generations:
            if len(self.texts[t]) != len(self.prompts):
                raise ValueError(
                    f"generation {t} has {len(self.texts[t])} texts for "
                    f"{len(self.prompts)} prompts"
                )

    def _repr_html_(self) -> str:
        return "".join(self._fold(i) for i in range(len(self.prompts)))

    def _fold(self, i: int) -> str:
        prompt = _escaped(self.prompts[i])
        rows = "".join(
            f'<tr><th scope="row">{t}</th><td>{_escaped(self.texts[t][i])}</td></tr>'
            for t in self.generations
        )
        return (
            f"<details{' open' if i == 0 else ''}><summary>{prompt}</summary>"
            '<table class="told"><thead><tr><th scope="col">generation</th>'
            '<th scope="col">continues</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></details>"
        )

    def __repr__(self) -> str:
        """Return the first prompt's continuations, as a console shows them."""
        lines = [f"prompt: {_joined(self.prompts[0])}"]
        lines += [f"{t}: {_joined(self.texts[t][0])}" for t in self.generations]
        return "\n".join(lines)


def _joined(text: str) -> str:
    """Return a text on one line; bytes that were cut in half stay visible."""
    return " / ".join(part for part in text.split("\n") if part)


def _escaped(text: str) -> str:
    return html.escape(_joined(text))
