"""What one generation of a bigram model does to the frequency of a word."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_share, numbers

Array = NDArray[np.float64]


def expected_next_count(
    count: ArrayLike,
    predecessors: ArrayLike,
    fallback: ArrayLike,
    *,
    n_pairs: int,
    discount: float,
) -> Array:
    r"""Return how often a word is expected in a bigram model's text.

    .. math::
        E\,c'(w) = c(w) - D\left[N(\cdot w) - N\,Q(w)\right]

    Parameters
    ----------
    count
        How often the word occurs, :math:`c(w)`.
    predecessors
        Number of different words it was seen after, :math:`N(\cdot w)`.
    fallback
        Probability :math:`Q(w)` of the word where the context gives nothing.
    n_pairs
        Number of different pairs of neighbours in the text, :math:`N`.
    discount
        What is taken from the count of each pair, :math:`D`.

    Raises
    ------
    ValueError
        If a count is below its predecessors or these below 0, a probability not in
        [0, 1], or another number not usable.

    Notes
    -----
    The sum of :math:`c(h)P(w \mid h)` over all words :math:`h`, for a text as long as
    the training text whose contexts are as frequent as there. With relative frequencies
    as :math:`Q`, words with many occurrences and few different predecessors win, rare
    words lose; with :math:`Q(w) = N(\cdot w)/N` all keep their counts, which is the
    demand from which Kneser and Ney (1995) derive it.

    Examples
    --------
    >>> expected_next_count(1, 1, 0.001, n_pairs=300, discount=0.9).round(2)
    np.float64(0.37)
    """
    check_share("discount", discount)
    c, n = numbers("count", count), numbers("predecessors", predecessors)
    q = numbers("fallback", fallback, least=0, most=1)
    if not ((c >= n) & (n >= 0)).all():
        raise ValueError(
            "count must be at least predecessors, and these at least 0, since a word "
            "has as many occurrences as different predecessors or more; given are "
            f"count from {c.min():g} and predecessors from {n.min():g}"
        )
    pairs = check_count("n_pairs", n_pairs, least=1)
    return np.asarray(c - discount * (n - pairs * q))
