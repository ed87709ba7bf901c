"""Gumbel's trick with a keyed die: text with the model's law, and an exact test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from collapse_lib.checks import check_count, check_switch, numbers
from collapse_lib.detection.keyed import Bits, uniform
from collapse_lib.detection.marks import Array, Mark, first
from collapse_lib.theory.special import log_gamma_tail


@dataclass(frozen=True, kw_only=True)
class Gumbel(Mark):
    r"""Write the token with the largest :math:`r_i^{1/p_i}`.

    The :math:`r_i` are keyed numbers between 0 and 1. Over keys token :math:`i` wins
    with probability :math:`p_i`; given key and context nothing is left to chance. The
    score of a token is :math:`-\log(1 - r)`, so that an unmarked text's sum is Gamma
    distributed, exactly.

    Parameters
    ----------
    n_symbols, context, key
        As in `Mark`. With few tokens of context a text comes to the same context again
        and goes round in a circle.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    Aaronson and Kirchner (2022, a talk); the exact test: Fernandez et al. (2023).

    Examples
    --------
    >>> mark = Gumbel(n_symbols=3)
    >>> mark.law([[0.7, 0.2, 0.1]], [[0]])
    array([[1., 0., 0.]])
    """

    random: ClassVar[bool] = False

    @property
    def null_mean(self) -> float:
        """Mean of an exponential variable."""
        return 1.0

    @property
    def null_sd(self) -> float:
        """Its standard deviation; that of a *Gumbel* variable would be pi/sqrt(6)."""
        return 1.0

    def _of(self, bits: Bits) -> Array:
        r"""Return :math:`-\log(1-r)` of each token."""
        return np.asarray(-np.log1p(-uniform(bits)))

    def _law(self, p: Array, bits: Bits) -> Array:
        with np.errstate(divide="ignore"):
            place = (np.log(uniform(bits)) / p).argmax(axis=1)
        law = np.zeros(p.shape)
        law[np.arange(len(p)), place] = 1
        return law

    def log_p(self, text: ArrayLike, repeats: bool = False) -> Array:
        """Return the log of the chance that unmarked text scores as high.

        Arguments as in `Mark.z`; with repeats counted it is no p-value.

        Returns
        -------
        array
            Natural logarithms, shape ``(...)``.

        Raises
        ------
        ValueError
            As `Mark.bits`.
        """
        check_switch("repeats", repeats)
        bits = self.bits(text)
        counted = np.ones(bits.shape, bool) if repeats else first(bits)
        total = np.where(counted, self._of(bits), 0).sum(axis=-1)
        return log_gamma_tail(counted.sum(axis=-1), total)


def log_any(log_p: ArrayLike, messages: int) -> Array:
    r"""Return the log of the chance that the best of several messages looks so good.

    .. math::
        \log\bigl(1 - (1-p)^M\bigr)

    for whoever reads a hidden number by trying all :math:`M` keys.

    Parameters
    ----------
    log_p
        Natural logarithm of the smallest of the p-values, 0 or below.
    messages
        How many :math:`M` were tried, independently.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> float(np.exp(log_any(np.log(0.00134467), 5)).round(7))
    0.0067053
    >>> float(log_any(-400.0, 5).round(3))  # where 1 - p rounds to 1
    -398.391
    """
    values = numbers("log_p", log_p)
    if values.max() > 0:
        raise ValueError(
            f"log_p has values up to {values.max():.9g}; logarithms of probabilities "
            "are 0 or below"
        )
    m = check_count("messages", messages, least=1)
    with np.errstate(divide="ignore"):
        none = m * np.log1p(-np.exp(values))  # log of (1 - p)^M
        exact = np.log(-np.expm1(none))
    return np.asarray(np.where(values < -36, np.minimum(values + np.log(m), 0), exact))
