"""Generations of language models, measured the same way whatever the model is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import metrics
from collapse_lib.checks import check_count
from collapse_lib.models.base import Model
from collapse_lib.recursion.history import History
from collapse_lib.recursion.loop import recurse
from collapse_lib.recursion.measuring import Measure
from collapse_lib.regimes import Regime

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TextRun:
    """What generations of a language model became.

    Parameters
    ----------
    history
        Metrics ``human`` (perplexity of human test text), ``first`` (perplexity, under
        the chain's generation 0, of what a generation writes), ``distinct2`` and
        ``rep4`` of what it writes, and whatever else was asked for.
    fits
        Generation -> fitted model, for those that were to be kept.
    texts
        Generation -> blocks it wrote, shape ``(chains, read, length)``; as ``fits``.
    """

    history: History
    fits: dict[int, Any]
    texts: dict[int, NDArray[Any]]

    def perplexities(self, generation: int) -> Array:
        """Return the perplexity of each block of a kept text under generation 0.

        Raises
        ------
        ValueError
            If the generation was not kept.
        """
        if generation not in self.texts or 0 not in self.fits:
            raise ValueError(
                f"generation {generation} needs itself and generation 0 to be kept; "
                f"kept: {sorted(self.texts)}"
            )
        log_prob = self.fits[0].log_prob(self.texts[generation])
        return metrics.sequence_perplexity(log_prob)


def text_run(
    model: Model,
    real: NDArray[Any],
    test: NDArray[Any],
    *,
    regime: Regime,
    n_generations: int,
    rng: np.random.Generator,
    keep: Collection[int] = (),
    read: int = 200,
    more: Mapping[str, Measure] | None = None,
) -> TextRun:
    """Train generations of language models and read what each of them writes.

    Parameters
    ----------
    model
        A language model: its fits have ``sample(n, rng)`` and ``log_prob(blocks)``.
    real
        Human training text, blocks of shape ``(chains, n, length)``; every later
        generation asks for ``n`` blocks as well.
    test
        Human test text, shape ``(m, length)``.
    regime
        What the next generation trains on.
    n_generations
        Generations after generation 0.
    rng
        Source of randomness. Reading uses a stream of its own, so that the run is the
        same however much is read.
    keep
        Generations whose model and text to keep.
    read
        Blocks to read in each generation and chain.
    more
        More measures, as in `collapse_lib.recurse`.

    Raises
    ------
    ValueError
        If ``real`` has no chain axis, or as `collapse_lib.recurse`.

    Notes
    -----
    Used in chapter 08.
    """
    if real.ndim != 3:
        raise ValueError(f"real has shape {real.shape}; needed is (chains, n, length)")
    reader = _Reader(check_count("read", read, least=1), rng.spawn(1)[0], set(keep))
    measure: dict[str, Measure] = {
        "human": lambda fit: metrics.corpus_perplexity(fit.log_prob(test)),
        "first": reader.read,
        "distinct2": lambda fit: metrics.distinct_n(reader.text, 2),
        "rep4": lambda fit: metrics.rep_n(reader.text, 4),
    }
    history = recurse(
        model,
        real,
        regime=regime,
        n_samples=real.shape[1],
        n_generations=n_generations,
        chains=len(real),
        rng=rng,
        measure={**measure, **(more or {})},
    )
    return TextRun(history, reader.fits, reader.texts)


class _Reader:
    """Lets each generation write, and keeps what was asked for."""

    def __init__(self, n: int, rng: np.random.Generator, keep: set[int]) -> None:
        self.n, self.rng, self.keep = n, rng, keep
        self.generation = 0
        self.first: Any = None
        self.text: NDArray[Any] = np.empty(0)
        self.fits: dict[int, Any] = {}
        self.texts: dict[int, NDArray[Any]] = {}

    def read(self, fit: Any) -> Array:
        """Return the perplexity of the generation's text under generation 0."""
        self.first = fit if self.first is None else self.first
        self.text = fit.sample(self.n, self.rng)
        if self.generation in self.keep:
            self.fits[self.generation] = fit
            self.texts[self.generation] = self.text
        self.generation += 1
        return metrics.corpus_perplexity(self.first.log_prob(self.text))
