r"""How an n-gram model shares probability between what it saw and shorter contexts.

An interpolated model gives a word :math:`w` after the context :math:`h` (the last
:math:`k-1` words) the probability

.. math::
    P_k(w \mid h) = s_k(w, h) + b_k(h)\, P_{k-1}(w \mid h'), \qquad
    P_0(w) = 1 / V,

where :math:`h'` is the context without its oldest word, :math:`s_k` the mass kept for
words that were seen after :math:`h`, and :math:`b_k(h) = 1 - \sum_w s_k(w, h)` what is
left for the shorter context. A smoothing is a rule for :math:`s_k` that uses the counts
:math:`c(hw)`, :math:`c(h) = \sum_w c(hw)` and the number :math:`T(h)` of different
words seen after :math:`h`. Chen and Goodman (1999) compare such rules. A context that
was never seen leaves everything to the shorter one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, check_number, given, numbers

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


class Smoothing(Protocol):
    """A rule for the mass that seen words keep.

    ``continuations`` says whether shorter contexts count the different words before an
    n-gram, as Kneser and Ney do, instead of how often it occurs.
    """

    @property
    def continuations(self) -> bool:
        """Whether shorter contexts use continuation counts."""
        ...

    def check(self, order: int) -> None:
        """Raise a ValueError if the rule does not fit a model of this order."""
        ...

    def kept(self, level: int, count: Counts, total: Counts, types: Counts) -> Array:
        r"""Return :math:`s_k` for ``count`` :math:`= c(hw) \ge 1`, at ``level`` k."""
        ...

    def left(self, level: int, total: Counts, types: Counts) -> Array:
        r"""Return :math:`b_k` for ``total`` :math:`= c(h) \ge 1`."""
        ...


@dataclass(frozen=True)
class JelinekMercer:
    r"""Fixed weights: :math:`s_k = \lambda_k\, c(hw) / c(h)`.

    With probability :math:`\lambda_k` the next word is copied from a random place of
    the training text where the context is the same. In long texts the frequencies of
    single words are the same on average after such copying: this rule adds no drift of
    its own to the chance of sampling.

    Parameters
    ----------
    weights
        :math:`\lambda_1, \dots, \lambda_n`, one for each order, in [0, 1). What
        :math:`\lambda_1` leaves goes to all words alike, so that none is impossible.

    Raises
    ------
    ValueError
        If a weight is not in [0, 1).

    Notes
    -----
    Source: Jelinek and Mercer (1980), with one weight per order.
    """

    weights: tuple[float, ...]

    continuations = False

    def __post_init__(self) -> None:
        """Check the weights."""
        weights = numbers("weights", self.weights, ndim=1, shape="one for each order")
        for weight in weights.tolist():
            if not 0 <= weight < 1:
                raise ValueError(
                    f"weights hold {given(weight)}; each must be in [0, 1)"
                )
        object.__setattr__(self, "weights", tuple(weights.tolist()))

    def check(self, order: int) -> None:
        """Raise a ValueError unless there is one weight per order."""
        if len(self.weights) != check_count("order", order, least=1):
            raise ValueError(
                f"JelinekMercer has {len(self.weights)} weights, order is {order}; "
                "give one weight for each order from 1 on"
            )

    def kept(self, level: int, count: Counts, total: Counts, types: Counts) -> Array:
        """Return the mass kept for seen words."""
        return self.weights[level - 1] * count / total

    def left(self, level: int, total: Counts, types: Counts) -> Array:
        """Return the mass left for the shorter context."""
        return np.full(total.shape, 1 - self.weights[level - 1])


@dataclass(frozen=True)
class AbsoluteDiscounting:
    r"""Take the same from every count: :math:`s_k = (c(hw) - D) / c(h)`.

    Parameters
    ----------
    discount
        :math:`D`, above 0 and at most 1.

    Raises
    ------
    ValueError
        If the discount is not in (0, 1].

    Notes
    -----
    Source: Ney, Essen and Kneser (1994). What is taken is handed to shorter contexts,
    in proportion to how frequent words are there: frequent words gain, rare ones lose.
    """

    discount: float = 0.75

    continuations = False

    def __post_init__(self) -> None:
        """Check the discount."""
        check_number("discount", self.discount, above=0, most=1)

    def check(self, order: int) -> None:
        """Fit every order."""
        check_count("order", order, least=1)

    def kept(self, level: int, count: Counts, total: Counts, types: Counts) -> Array:
        """Return the mass kept for seen words."""
        return (count - self.discount) / total

    def left(self, level: int, total: Counts, types: Counts) -> Array:
        """Return the mass left for the shorter context."""
        return self.discount * types / total


@dataclass(frozen=True)
class KneserNey(AbsoluteDiscounting):
    r"""Absolute discounting whose shorter contexts count different predecessors.

    A shorter context is only asked where a longer one has failed; there a word should
    count by the number of *different* words it was seen after, not by how often it was
    seen. The rule follows from the demand that the model gives single words the
    frequencies they have in the data.

    Parameters
    ----------
    discount
        :math:`D`, above 0 and at most 1.

    Notes
    -----
    Source: Kneser and Ney (1995), interpolated as in Chen and Goodman (1999). At the
    start of a block, where no longer context exists, the plain counts are used.
    """

    continuations = True


@dataclass(frozen=True)
class WittenBell:
    r"""Trust a context by its variety: :math:`s_k = c(hw) / (c(h) + T(h))`.

    Notes
    -----
    Source: Witten and Bell (1991), their method C: seeing a new word after a context is
    an event that has happened :math:`T(h)` times.
    """

    continuations = False

    def check(self, order: int) -> None:
        """Fit every order."""
        check_count("order", order, least=1)

    def kept(self, level: int, count: Counts, total: Counts, types: Counts) -> Array:
        """Return the mass kept for seen words."""
        return np.asarray(count / (total + types))

    def left(self, level: int, total: Counts, types: Counts) -> Array:
        """Return the mass left for the shorter context."""
        return np.asarray(types / (total + types))


def check_smoothing(smoothing: Smoothing, order: int) -> None:
    """Raise a ValueError unless this is a smoothing for a model of this order."""
    needed = ("check", "kept", "left", "continuations")
    has_all = all(hasattr(smoothing, name) for name in needed)
    if isinstance(smoothing, type) or not has_all:
        raise ValueError(
            f"smoothing is {given(smoothing)}; it must be JelinekMercer(weights), "
            "AbsoluteDiscounting(discount), KneserNey(discount), WittenBell(), or an "
            "object with their methods"
        )
    smoothing.check(order)
