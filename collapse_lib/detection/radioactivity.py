"""Whether a model was trained on watermarked text: its own text shows it.

A student that learned from marked text prefers green words itself, a little. The test
counts them in what the student writes. It is valid only if every pair of a context and
a word is counted once: whoever repeats a pair repeats the same answer of the key, and
a repeated coin is no new coin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_number, check_switch, given, numbers
from collapse_lib.data.texts import check_symbols
from collapse_lib.theory.special import log_binomial_tail

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """How many scored words are green, and how surprising that is without a mark.

    Parameters
    ----------
    green, scored
        Numbers of green words and of all that were counted, shape ``(chains,)``.
    share
        Share of green words that chance gives, above 0 and below 1.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Examples
    --------
    >>> stored = Trace(green=[64_234], scored=[248_200], share=0.25)
    >>> stored.z.round(1), stored.log10_p.round(1)
    (array([10.1]), array([-23.5]))
    """

    green: NDArray[np.int64]
    scored: NDArray[np.int64]
    share: float

    def __post_init__(self) -> None:
        """Check the counts."""
        for name in ("green", "scored"):
            counts = check_symbols(name, getattr(self, name), "(chains,)")
            object.__setattr__(self, name, counts)
        _check_share(self.share)
        if self.green.shape != self.scored.shape or (self.green > self.scored).any():
            raise ValueError(
                f"green is {given(self.green)}, and scored {given(self.scored)}; each "
                "chain needs both numbers, and green words are among those scored"
            )
        if not self.scored.all():
            raise ValueError("scored is 0 in a chain; at least one word must count")

    @property
    def z(self) -> Array:
        r"""The excess :math:`(G-\gamma T)/\sqrt{\gamma(1-\gamma)T}`, by chain."""
        spread = np.sqrt(self.share * (1 - self.share) * self.scored)
        return np.asarray((self.green - self.share * self.scored) / spread)

    @property
    def log10_p(self) -> Array:
        """Decimal logarithm of the exact binomial tail, shape ``(chains,)``."""
        tail = log_binomial_tail(self.green, self.scored, self.share)
        return np.asarray(tail / math.log(10))


def first_of_each(pairs: ArrayLike) -> NDArray[np.bool_]:
    """Return where a pair of context and word occurs for the first time in its chain.

    Parameters
    ----------
    pairs
        The symbols of the context and the word, shape ``(chains, n, width + 1)``.

    Raises
    ------
    ValueError
        If these are no symbols of that shape.

    Examples
    --------
    >>> first_of_each([[[0, 1], [1, 1], [0, 1]]])
    array([[ True,  True, False]])
    """
    kinds = _kinds(_check_pairs(pairs))
    first = np.zeros(kinds.size, bool)
    first[np.unique(kinds, return_index=True)[1]] = True
    return first.reshape(kinds.shape)


def trace(
    green: ArrayLike, pairs: ArrayLike, share: float, deduplicate: bool = True
) -> Trace:
    r"""Count green words, each pair of context and word once.

    Parameters
    ----------
    green
        Whether the key calls the word green after its context, shape ``(chains, n)``.
    pairs
        The symbols of the context and the word, shape ``(chains, n, width + 1)``.
    share
        Share :math:`\gamma` of the vocabulary that is green after each context.
    deduplicate
        Count each pair once. Without it the test is wrong: see `null_deviation`.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    Source: Sander et al. (2024), after Fernandez et al. (2023), who count distinct
    pairs and take the binomial tail.

    Examples
    --------
    >>> pairs = [[[0, 1], [1, 1], [0, 1]]]
    >>> trace([[True, False, True]], pairs, share=0.25)
    Trace(green=array([1]), scored=array([2]), share=0.25)
    """
    every = _check_pairs(pairs)
    marks = numbers("green", green, least=0, most=1)
    _check_share(share)
    check_switch("deduplicate", deduplicate)
    if marks.shape != every.shape[:2] or not np.isin(marks, (0, 1)).all():
        raise ValueError(
            f"green is {given(marks)}; it must say True or False for every one of the "
            f"pairs: shape {every.shape[:2]}"
        )
    counted = first_of_each(every) if deduplicate else np.ones(marks.shape, bool)
    found = (counted & (marks == 1)).sum(axis=1)
    return Trace(found, counted.sum(axis=1), share)


def null_deviation(
    pairs: ArrayLike,
    share: float,
    n_symbols: int | None = None,
    deduplicate: bool = True,
) -> Array:
    r"""Return the standard deviation of z over all keys, for a text without a mark.

    With :math:`c_{hw}` the times that word :math:`w` is counted after context :math:`h`
    and :math:`T` their sum, it is the root of

    .. math:: \frac1T \sum_{hw} c_{hw}^2 \qquad\text{or}\qquad \frac1T \sum_h
        \frac{V \sum_w c_{hw}^2 - \bigl(\sum_w c_{hw}\bigr)^2}{V - 1}

    where the key tosses a coin for every word, or where it makes lists of equal length.

    Parameters
    ----------
    pairs, share, deduplicate
        As for `trace`.
    n_symbols
        Size :math:`V` of the vocabulary of which exactly the share is green after each
        context; None if every word is green or not by a coin of its own.

    Returns
    -------
    array
        Shape ``(chains,)``.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    Derived here. Lists of different contexts are independent. A list of exactly
    :math:`\gamma V` words is a draw without replacement, whose indicators have
    covariance :math:`-\gamma(1-\gamma)/(V-1)`; the share cancels. Repeats make the
    deviation larger than 1. Without repeats it is 1 for coins, and below 1 for lists,
    the more so the more of the vocabulary follows a context. It holds for any text that
    knows nothing of the key.

    Examples
    --------
    >>> text = [[[0, 1], [0, 1], [0, 1], [0, 1]]]  # one pair, four times
    >>> null_deviation(text, 0.25, deduplicate=False), null_deviation(text, 0.25)
    (array([2.]), array([1.]))
    """
    symbols = None if n_symbols is None else check_count("n_symbols", n_symbols, 2)
    check_symbols("pairs", pairs, "(chains, n, width + 1)", symbols)
    every = _check_pairs(pairs)
    _check_share(share)
    check_switch("deduplicate", deduplicate)
    _, place, times = np.unique(_kinds(every), return_index=True, return_counts=True)
    if deduplicate:
        times = np.ones_like(times)
    chain = place // every.shape[1]
    spread = np.bincount(chain, times**2.0, len(every)).astype(np.float64)
    if symbols is not None:
        context = _kinds(every[..., :-1]).ravel()[place]
        where = np.unique(context, return_inverse=True)[1].ravel()
        length = np.bincount(where, times)
        owner = np.zeros(len(length), np.int64)
        owner[where] = chain
        lists = np.bincount(owner, length**2, len(every))
        spread = (symbols * spread - lists) / (symbols - 1)
    return np.asarray(np.sqrt(spread / np.bincount(chain, times, len(every))))


def _check_pairs(pairs: ArrayLike) -> NDArray[np.int64]:
    """Return pairs of a context and a word."""
    every = check_symbols("pairs", pairs, "(chains, n, width + 1)")
    if not every.shape[1] or every.shape[2] < 2:
        raise ValueError(
            f"pairs has shape {every.shape}; it must be (chains, n, width + 1), with "
            "at least one pair and a context of at least one symbol"
        )
    return every


def _kinds(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return numbers for the different rows of all chains, ``(chains, n)``."""
    number = np.repeat(np.arange(len(rows)), rows.shape[1])
    for place in range(rows.shape[2]):
        symbols = np.unique(rows[..., place], return_inverse=True)[1].ravel()
        number = number * (int(symbols.max()) + 1) + symbols
        number = np.unique(number, return_inverse=True)[1].ravel()  # never overflows
    return number.reshape(rows.shape[:2])


def _check_share(share: float) -> None:
    if check_number("share", share, above=0, most=1) == 1:
        raise ValueError("share is 1; it must be below 1, or every word is green")
