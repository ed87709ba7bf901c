"""An n-gram model: the next word depends on the few words before it, by counting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collapse_lib.checks import check_count, check_rng
from collapse_lib.data.texts import check_symbols
from collapse_lib.models.ngram.fitted import FittedNGram
from collapse_lib.models.ngram.smoothing import KneserNey, Smoothing, check_smoothing
from collapse_lib.models.ngram.table import Table, gram_codes
from collapse_lib.samples import Data, points


@dataclass(frozen=True)
class NGram:
    r"""Predict each symbol from the ``order - 1`` symbols before it, interpolated.

    A data point is a block of ``length`` symbols. Near the start of a block the context
    is what there is of it, so that the first symbol follows the single-symbol law.

    Parameters
    ----------
    n_symbols
        Size :math:`V` of the vocabulary; symbols are 0 to ``n_symbols - 1``.
    order
        :math:`n \ge 1`: 1 for independent symbols, 3 for a trigram model.
    smoothing
        How mass is shared between orders, see `collapse_lib.models.ngram.smoothing`;
        default: Kneser and Ney's rule.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    All n-grams of all chains are kept as sorted integers, see
    `collapse_lib.models.ngram.table`: counting is one sort and finding a context one
    binary search, for millions of symbols at once. That needs ``chains *
    n_symbols**order < 2**63``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fit = NGram(2, order=2).fit(np.array([[[0, 1, 0, 1]]]), rng)
    >>> fit.conditional([[[0]]]).round(2)
    array([[[0.19, 0.81]]])
    """

    n_symbols: int
    order: int = 3
    smoothing: Smoothing = KneserNey()

    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the options."""
        for name in ("n_symbols", "order"):  # Python's integers cannot overflow
            number = check_count(name, getattr(self, name), least=1)
            object.__setattr__(self, name, number)
        check_smoothing(self.smoothing, self.order)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedNGram:
        """Count the n-grams of each order.

        Parameters
        ----------
        data
            Integers of shape ``(chains, n, length)``.
        rng
            Not used: counting is deterministic.

        Raises
        ------
        ValueError
            If a symbol is not an integer from 0 to ``n_symbols - 1``, or the data are
            empty, of another shape, shorter than ``order``, or too many chains for the
            size of the codes.
        """
        check_rng(rng)
        given = points(data, self)
        data = check_symbols("data", given, "(chains, n, length)", self.n_symbols)
        chains, _, length = data.shape
        if length < self.order:
            raise ValueError(
                f"order is {self.order}, but a block of the data has {length} symbols: "
                f"no n-gram of that order was seen; order can be at most {length}"
            )
        if chains * self.n_symbols**self.order >= 2**63:
            raise ValueError(
                f"{chains} chains with {self.n_symbols} symbols and order {self.order} "
                "need chains * n_symbols**order < 2**63; lower one of the three"
            )
        V = self.n_symbols
        tables = [
            Table.of(gram_codes(data, level, V).ravel(), V, chains * V**level)
            for level in range(1, self.order + 1)
        ]
        lower = tables
        if self.smoothing.continuations:
            lower = [
                Table.of(longer.without_first(chains), V, longer.n_codes // V)
                for longer in tables[1:]
            ]
        return FittedNGram(
            self.smoothing, V, chains, length, tuple(tables), tuple(lower)
        )
