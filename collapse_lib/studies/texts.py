"""Generations of language models, read the same way whatever the model is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import metrics
from collapse_lib.checks import check_count, check_rng
from collapse_lib.data.texts import check_symbols
from collapse_lib.recursion.generation import Generation


def reading(
    test: NDArray[Any], n: int, rng: np.random.Generator
) -> Callable[[Generation], dict[str, NDArray[Any]]]:
    """Return a measure, for `recurse`, that reads what each generation writes.

    Parameters
    ----------
    test
        Human test text, shape ``(m, length)``.
    n
        Blocks to read in each generation and chain.
    rng
        Source of randomness: a stream of its own, so that the run is the same however
        much is read, for example ``rng.spawn(1)[0]``.

    Returns
    -------
    callable
        Its arrays are ``human``, the perplexity of the test text; ``text``, what the
        generation writes, shape ``(chains, n, length)``; of this ``blocks``, the
        perplexity of each block under generation 0, shape ``(chains, n)``, ``first``,
        that of all blocks together, ``distinct2`` and ``rep4``.

    Raises
    ------
    ValueError
        If ``n`` is not a positive integer.
    """
    check_count("n", n, least=1)
    check_rng(rng)
    test = check_symbols("test", test, "(m, length)")

    def measure(generation: Generation) -> dict[str, NDArray[Any]]:
        text = generation.fitted.sample(n, rng)
        under_first = generation.first.log_prob(text)
        return {
            "human": metrics.corpus_perplexity(generation.fitted.log_prob(test)),
            "text": text,
            "blocks": metrics.sequence_perplexity(under_first),
            "first": metrics.corpus_perplexity(under_first),
            "distinct2": metrics.distinct_n(text, 2),
            "rep4": metrics.rep_n(text, 4),
        }

    return measure
