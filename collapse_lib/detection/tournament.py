"""A tournament: candidates drawn from the model play for keyed points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collapse_lib.checks import check_count
from collapse_lib.detection.keyed import Bits
from collapse_lib.detection.marks import Array, Mark


@dataclass(frozen=True, kw_only=True)
class Tournament(Mark):
    r"""Draw candidates from the model, and let one with the most keyed points win.

    In each layer every token has a keyed point :math:`g_i`, 0 or 1. Of ``leaves``
    candidates one with the most points wins, a tie is drawn. With
    :math:`q = \sum_i g_i p_i` the winner of :math:`m` candidates has the law

    .. math::
        p'_i = \begin{cases}
            p_i\,\dfrac{1 - (1-q)^m}{q} & g_i = 1 \\
            p_i\,(1-q)^{m-1} & g_i = 0
        \end{cases}

    and the next layer's candidates are drawn from that. A token's score is its mean
    point over the layers.

    Parameters
    ----------
    n_symbols, context, key
        As in `Mark`.
    leaves
        Candidates :math:`m` of a match, from 2 up. With two the law, averaged over
        keys, is the model's; with more it is not.
    layers
        Layers of the tournament, at most 64.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    SynthID-Text: Dathathri et al. (2024); with two leaves the law is
    :math:`p_i (1 + g_i - q)`.

    Examples
    --------
    >>> mark = Tournament(n_symbols=3, layers=1)
    >>> mark.law([[0.7, 0.2, 0.1]], [[0]]).round(2)
    array([[0.77, 0.22, 0.01]])
    """

    leaves: int = 2
    layers: int = 30

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        check_count("leaves", self.leaves, least=2)
        check_count("layers", self.layers, least=1, most=64)

    @property
    def null_mean(self) -> float:
        """Mean point of a token."""
        return 0.5

    @property
    def null_sd(self) -> float:
        """Standard deviation of the mean over the layers."""
        return 0.5 / float(np.sqrt(self.layers))

    def _of(self, bits: Bits) -> Array:
        """Return the mean point of each token."""
        total = sum(_point(bits, layer) for layer in range(self.layers))
        return np.asarray(total / self.layers)

    def _law(self, p: Array, bits: Bits) -> Array:
        for layer in range(self.layers):
            p = match(p, _point(bits, layer), self.leaves)
        return p


def match(p: Array, points: Array, leaves: int) -> Array:
    """Return the winner's law of candidates with law ``p``, both ``(n, n_symbols)``."""
    q = (p * points).sum(axis=1, keepdims=True)
    rest = np.clip(1 - q, 0, 1)
    won = -np.expm1(leaves * np.log1p(-np.minimum(q, 1 - 1e-16))) / np.where(
        q > 0, q, 1
    )
    after = p * np.where(points > 0, won, rest ** (leaves - 1))
    return np.asarray(after / after.sum(axis=1, keepdims=True))


def _point(bits: Bits, layer: int) -> Array:
    return ((bits >> np.uint64(layer)) & np.uint64(1)).astype(np.float64)
