"""Green lists: a keyed part of the vocabulary becomes more likely."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_number
from collapse_lib.detection.keyed import Bits
from collapse_lib.detection.marks import Array, Mark
from collapse_lib.theory.watermarks import LARGEST_DELTA


@dataclass(frozen=True, kw_only=True)
class GreenList(Mark):
    r"""Favour the tokens of a list that depends on the key and the context.

    .. math::
        q_i \propto p_i\, e^{\delta\,[i\ \text{is green}]}

    A token is green with probability :math:`\gamma`, and a text is read by counting.

    Parameters
    ----------
    n_symbols, context, key
        As in `Mark`.
    gamma
        Share of green tokens, between 0 and 1.
    delta
        What is added to the logit of a green token, from 0 to 700.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    Source: Kirchenbauer et al. (2023), who shuffle the vocabulary and take exactly
    :math:`\gamma V` tokens. Here every token is green by a hash of its own: the number
    is :math:`\gamma V` on average, reading needs no list, and over keys the count of an
    unmarked text without repeats is exactly binomial. For their lists give another
    ``_is_green``.

    Examples
    --------
    >>> mark = GreenList(n_symbols=50)
    >>> flat, nothing = np.full((1, 50), 0.02), np.zeros((1, 1), int)
    >>> law = mark.law(flat, nothing)
    >>> [float(p.round(3)) for p in np.unique(law.round(12))]
    [0.008, 0.058]
    """

    gamma: float = 0.25
    delta: float = 2.0

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        if check_number("gamma", self.gamma, above=0, most=1) == 1:
            raise ValueError("gamma is 1; below it some tokens are not green")
        check_number("delta", self.delta, least=0, most=LARGEST_DELTA)

    @property
    def null_mean(self) -> float:
        """Share of green tokens in text that owes nothing to the key."""
        return self.gamma

    @property
    def null_sd(self) -> float:
        """Standard deviation of green or not."""
        return math.sqrt(self.gamma * (1 - self.gamma))

    def _of(self, bits: Bits) -> Array:
        """Return 1 for green tokens and 0 for others."""
        return self._is_green(bits).astype(np.float64)

    def _is_green(self, bits: Bits) -> NDArray[np.bool_]:
        return bits < np.uint64(self.gamma * 2.0**64)

    def _law(self, p: Array, bits: Bits) -> Array:
        weights = np.where(self._is_green(bits), np.exp(self.delta) * p, p)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))
