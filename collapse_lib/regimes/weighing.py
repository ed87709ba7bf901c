"""How much each labelled point counts in a fit: policies for `models.Tracked`.

Each is a function ``(labelled, rng) -> weights`` of shape ``(chains, n)``; only the
ratios of the weights in a chain matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_not_negative,
    check_rng,
    check_share,
    check_switch,
    given,
    numbers,
    numeric,
)
from collapse_lib.models.tracked import REAL, Labelled
from collapse_lib.regimes.draws import check_function

Array = NDArray[np.float64]


class Weighing:
    """Base of policies that weigh points: a subclass has a method ``_weigh``."""

    def __call__(self, labelled: Labelled, rng: np.random.Generator) -> Array:
        """Return how much each point counts, shape ``(chains, n)``."""
        if not isinstance(labelled, Labelled):
            raise ValueError(
                f"labelled is {given(labelled)}; {type(self).__name__} weighs points "
                "that know their source: pass it to models.Tracked(model, weigh=...)"
            )
        check_rng(rng)
        return self._weigh(labelled, rng)

    def _weigh(self, labelled: Labelled, rng: np.random.Generator) -> Array:
        """Return how much each point counts, shape ``(chains, n)``."""
        raise NotImplementedError


@dataclass(frozen=True)
class BySource(Weighing):
    r"""Real points have a given share of the weight, whatever their number.

    Parameters
    ----------
    real
        Share of the weight that all real points have together, from 0 to 1. With
        `regimes.Fresh` and equal numbers the best one is the golden ratio's inverse,
        0.618 (`theory.number_line.golden_weight`).

    Raises
    ------
    ValueError
        If it is no share.

    Notes
    -----
    Source: He, Xu and Cheng (2026). Where all points are real, or all synthetic, they
    count alike. `regimes.Fresh` and `regimes.Augment` need no labels for the same, and
    can weigh summaries: ``real_weight``.

    Examples
    --------
    >>> data = Labelled(3, np.zeros((1, 3)), np.array([[0, 1, 2]]))
    >>> BySource(real=0.5)(data, np.random.default_rng(0))
    array([[1.5 , 0.75, 0.75]])
    """

    real: float

    def __post_init__(self) -> None:
        """Check the share."""
        check_share("real", self.real)

    def _weigh(self, labelled: Labelled, rng: np.random.Generator) -> Array:
        """Return the weights."""
        real = labelled.source == REAL
        return _with_shares(real.astype(np.int64), (1 - self.real, self.real))


@dataclass(frozen=True)
class Detected(Weighing):
    r"""A detector looks at every point, and what it takes for synthetic counts less.

    A point counts with the probability that it is real, given the detector's answer
    and the share :math:`a` of real points in the chain,

    .. math::
        P(\text{real} \mid \text{flagged}) =
            \frac{a f}{a f + (1 - a) s}, \qquad
        P(\text{real} \mid \text{passed}) =
            \frac{a (1 - f)}{a (1 - f) + (1 - a)(1 - s)},

    with sensitivity :math:`s` and false alarms :math:`f`.

    Parameters
    ----------
    sensitivity
        Share of synthetic points that the detector flags.
    false_alarms
        Share of real points that it flags.
    drop
        Flagged points do not count at all, the others alike.

    Raises
    ------
    ValueError
        If an argument is no share; in a run, if all points of a chain are dropped.

    Notes
    -----
    After Drayson, Yilmaz and Lampos (2025), who resample by a classifier. The detector
    has no memory: a point that stays in the pool is judged anew in every fit, its
    answers for different points are independent, and the share of real points is known.

    Examples
    --------
    >>> data = Labelled(4, np.zeros((1, 4)), np.array([[0, 0, 1, 1]]))
    >>> perfect = Detected(sensitivity=1.0, false_alarms=0.0)
    >>> perfect(data, np.random.default_rng(0))
    array([[1., 1., 0., 0.]])
    """

    sensitivity: float
    false_alarms: float
    drop: bool = False

    def __post_init__(self) -> None:
        """Check the two rates."""
        check_share("sensitivity", self.sensitivity)
        check_share("false_alarms", self.false_alarms)
        check_switch("drop", self.drop)

    def _weigh(self, labelled: Labelled, rng: np.random.Generator) -> Array:
        """Return the weights."""
        real = labelled.source == REAL
        rate = np.where(real, self.false_alarms, self.sensitivity)
        flagged = rng.random(rate.shape) < rate
        if not self.drop:
            return self._real_given(flagged, real.mean(axis=1, keepdims=True))
        if flagged.all(axis=1).any():
            raise ValueError(
                f"the detector flags all {labelled.size} points of at least one chain, "
                "and drop=True leaves none of them; lower false_alarms, use more "
                "points, or drop=False"
            )
        return (~flagged).astype(np.float64)

    def _real_given(self, flagged: NDArray[np.bool_], share: Array) -> Array:
        """Return the probability that a point is real, by the theorem of Bayes."""
        of_real = np.where(flagged, self.false_alarms, 1 - self.false_alarms)
        of_made = np.where(flagged, self.sensitivity, 1 - self.sensitivity)
        real = share * of_real
        seen = real + (1 - share) * of_made
        # No real point in the chain: all are equally unlikely to be one.
        return np.where(share > 0, real / np.where(seen > 0, seen, 1), 1.0)


@dataclass(frozen=True)
class Stratified(Weighing):
    """Every group has its target share of the weight in each fit.

    Parameters
    ----------
    group
        ``group(points)`` returns the group of each point, integers from 0: from shape
        ``(chains, n, ...)`` to ``(chains, n)``.
    target
        Share of each group, numbers of at least 0 with sum 1.
    error
        Share of points that are taken for a member of another group, each of the other
        groups alike; drawn anew in every fit.

    Raises
    ------
    ValueError
        If an argument is not as described; in a run, if ``group`` returns something
        else, or a chain has no point of any group with a target above 0.

    Notes
    -----
    Source: STAR of Wyllie, Shumailov and Papernot (2024), with weights in the place of
    stratified batches. A group of which a chain has no point any more cannot come back:
    the others share its weight.

    Examples
    --------
    >>> data = Labelled.real(np.array([[-1.0, 1.0, 2.0, 3.0]]))
    >>> even = Stratified(lambda x: (x > 0).astype(int), target=(0.5, 0.5))
    >>> even(data, np.random.default_rng(0)).round(2)
    array([[2.  , 0.67, 0.67, 0.67]])
    """

    group: Callable[[NDArray[Any]], Any]
    target: Sequence[float]
    error: float = 0.0

    def __post_init__(self) -> None:
        """Check the groups and their shares."""
        check_function("group", self.group, "points -> groups")
        target = numbers("target", self.target, ndim=1, least=0)
        if len(target) < 2 or not math.isclose(target.sum(), 1, abs_tol=1e-9):
            raise ValueError(
                f"target is {given(self.target)}; it must be the shares of at least "
                "two groups, with sum 1"
            )
        object.__setattr__(self, "target", tuple(target.tolist()))
        check_share("error", self.error)

    def _weigh(self, labelled: Labelled, rng: np.random.Generator) -> Array:
        """Return the weights."""
        groups = self._groups(labelled)
        if self.error:
            others = rng.integers(1, len(self.target), size=groups.shape)
            wrong = rng.random(groups.shape) < self.error
            groups = np.where(wrong, (groups + others) % len(self.target), groups)
        return _with_shares(groups, self.target)

    def _groups(self, labelled: Labelled) -> NDArray[np.int64]:
        what, last = "what group(points) returned", len(self.target) - 1
        found = _integers("group", self.group, labelled)
        if found.min() < 0 or found.max() > last:
            raise ValueError(
                f"{what} has groups {found.min()} to {found.max()}; target has shares "
                f"for 0 to {last}"
            )
        return found


@dataclass(frozen=True)
class Deduplicated(Weighing):
    r"""Equal points count together as :math:`c^p`, where there are :math:`c` of them.

    Parameters
    ----------
    power
        :math:`p \ge 0`: 0 is deduplication, 1 changes nothing; above 1 what occurs
        often counts for even more.
    alike
        ``alike(points)`` returns the group of each point, integers of shape ``(chains,
        n)``: points of a group are taken for copies of each other. For texts that
        nearly repeat each other: `metrics.NearCopies`. Default: points that are equal.
    drop
        One point of each group, drawn at random in every fit, stands for all of it, and
        the others do not count; otherwise all of them count alike. What is drawn by
        weight (``models.Tracked(n_fit=...)``) then holds no copies, as long as the
        power is 0 and ``n_fit`` no more than the number of groups.

    Raises
    ------
    ValueError
        If the power is negative or not finite, or ``alike`` no function; in a run, if
        the power is so large that a weight is not finite, or ``alike`` returns
        something else.

    Notes
    -----
    Lee et al. (2022) deduplicate; the powers between are this project's.

    Examples
    --------
    >>> data = Labelled.real(np.array([[5, 5, 5, 7]]))
    >>> Deduplicated()(data, np.random.default_rng(0)).round(2)
    array([[0.33, 0.33, 0.33, 1.  ]])
    >>> Deduplicated(drop=True)(data, np.random.default_rng(0))
    array([[0., 0., 1., 1.]])
    """

    power: float = 0.0
    alike: Callable[[NDArray[Any]], Any] | None = None
    drop: bool = False

    def __post_init__(self) -> None:
        """Check the power and the groups."""
        check_not_negative("power", self.power)
        if self.alike is not None:
            check_function("alike", self.alike, "points -> groups, or None")
        check_switch("drop", self.drop)

    def _weigh(self, labelled: Labelled, rng: np.random.Generator) -> Array:
        """Return the weights."""
        weights = np.zeros((labelled.chains, labelled.size))
        for own, group in zip(weights, self._groups(labelled), strict=True):
            _, kind, count = np.unique(group, return_inverse=True, return_counts=True)
            with np.errstate(over="ignore"):
                if self.drop:
                    order = rng.permutation(len(group))
                    first = order[np.unique(kind[order], return_index=True)[1]]
                    own[first] = count[kind[first]] ** float(self.power)
                else:
                    own[:] = count[kind] ** (self.power - 1.0)
        if not np.isfinite(weights).all():
            raise ValueError(
                f"power is {self.power}; the weights of the points that occur most "
                "often are then larger than a number can be: it must be smaller"
            )
        return weights

    def _groups(self, labelled: Labelled) -> NDArray[Any]:
        """Return the group of each point, shape ``(chains, n)``."""
        if self.alike is not None:
            return _integers("alike", self.alike, labelled)
        flat = labelled.points.reshape(labelled.chains, labelled.size, -1)
        groups = np.empty((labelled.chains, labelled.size), np.int64)
        for own, points in zip(groups, flat, strict=True):
            own[:] = np.unique(points, axis=0, return_inverse=True)[1].ravel()
        return groups


def _integers(name: str, function: Any, labelled: Labelled) -> NDArray[np.int64]:
    """Return the group that a function puts each point into."""
    what = f"what {name}(points) returned"
    found = numeric(what, function(labelled.points))
    shape = labelled.source.shape
    if found.shape != shape or found.dtype.kind not in "iu":
        raise ValueError(
            f"{what} is {given(found)}; needed is one integer for each point: "
            f"shape {shape}"
        )
    return found.astype(np.int64)


def _with_shares(groups: NDArray[np.int64], shares: Sequence[float]) -> Array:
    """Return weights that give each group its share of them, in every chain.

    Where a chain lacks a group the others keep their ratio; where only groups of share
    0 are there, all points count alike.
    """
    weights = np.zeros(groups.shape)
    for group, share in enumerate(shares):
        own = groups == group
        there = own.mean(axis=1, keepdims=True)
        weights += own * (share / np.where(there > 0, there, 1))
    none = ~(weights > 0).any(axis=1, keepdims=True)
    return weights + none
