r"""What labels are worth: a mean fitted to groups of points that differ in origin.

In every generation people write new points and the newest model writes others, and the
fit sees them in *groups*: with a record of their origin and without one, with a
watermark and without one. Of a group its size is known, :math:`N_i`, in units of ``n``
points, and which share of it models wrote, :math:`s_i`; of a point nothing else. All
points are new in every generation: an archive, whose points come back in every fit, is
no such group, and worth less, for its own error comes back with it.

The group counts with the weight :math:`w_i`, and the weights add up to 1. With
:math:`\kappa = \sum_i w_i s_i`, the weight of what models wrote, and
:math:`B = n\delta^2/\sigma^2`, where :math:`\delta` is a shift that every generator
adds in the same direction, the error of the fitted mean after the next fit is

.. math::
    v_{t+1} = \sum_i \frac{w_i^2}{N_i} + \kappa^2 v_t, \qquad
    b_{t+1} = \kappa\,(b_t + 1), \qquad
    \frac{n}{\sigma^2}\, E(\hat\mu_t - \mu)^2 = v_t + B\,b_t^2.

All laws are exact for every ``n`` and hold for any law of points with a variance, as
in `collapse_lib.theory.number_line`, of which `fresh` is the case of two groups that
are wholly known. Derived here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_not_negative,
    check_share,
    given,
    numbers,
    together,
)
from collapse_lib.theory.number_line import _geometric, check_fits

Array = NDArray[np.float64]

#: Steps of the golden section, each of which shortens the interval to 0.618 of itself.
_STEPS = 60


def groups(
    ratio: float, labelled: float = 0.0, false: float = 0.0
) -> tuple[Array, Array]:
    r"""Return the sizes of what has a label and what has none, and their shares.

    .. math::
        N = \bigl(c + e r,\ 1 - c + (1 - e) r\bigr), \qquad
        s = \Bigl(\frac{e r}{c + e r},\ \frac{(1 - e) r}{1 - c + (1 - e) r}\Bigr)

    Parameters
    ----------
    ratio
        Synthetic points per real point, :math:`r` above 0.
    labelled
        Share of the real points that have the label, :math:`c` from 0 to 1.
    false
        Share of the synthetic points that have it, :math:`e` from 0 to 1. A watermark
        is a label with :math:`c = 0`.

    Returns
    -------
    sizes, synthetic
        Arrays of two: with the label, and without. A group without points has the
        share of all points, so that it counts for nothing in `best_weights`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> sizes, synthetic = groups(ratio=9, labelled=0.5)
    >>> sizes, synthetic.round(3)
    (array([0.5, 9.5]), array([0.   , 0.947]))
    """
    r = float(numbers("ratio", ratio, ndim=0, above=0))
    check_share("labelled", labelled)
    check_share("false", false)
    real = np.array([labelled, 1 - labelled])
    made = np.array([false, 1 - false]) * r
    sizes = real + made
    there = sizes > 0
    everything = r / (1 + r)
    share = np.where(there, made / np.where(there, sizes, 1), everything)
    return sizes, share


def error(
    samplings: ArrayLike,
    sizes: ArrayLike,
    synthetic: ArrayLike,
    weights: ArrayLike | None = None,
    shift: float = 0.0,
) -> Array:
    r"""Return the squared error of a fitted mean, in units of one fit to real points.

    .. math::
        v_t = v_\infty + (1 - v_\infty)\,\kappa^{2(t-1)}, \quad
        v_\infty = \frac{\sum_i w_i^2/N_i}{1 - \kappa^2}, \qquad
        b_t = \kappa\,\frac{1 - \kappa^{t-1}}{1 - \kappa}

    and :math:`v_t + B b_t^2` is returned. The first fit is to ``n`` real points alone.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    sizes
        Points of each group, in units of ``n``, of at least 0.
    synthetic
        Share of each group that models wrote, from 0 to 1.
    weights
        Weight of each group, of at least 0; only their ratios matter. Default: every
        point counts alike.
    shift
        :math:`B = n\delta^2/\sigma^2`, the square of the generators' shift in units of
        the error of one fit.

    Raises
    ------
    ValueError
        If an argument is out of range, a group without points has a weight, or the
        groups do not go together.

    Examples
    --------
    Nine synthetic points for each real one, half of the real ones with a label:

    >>> sizes, synthetic = groups(ratio=9, labelled=0.5)
    >>> error([1, 10, np.inf], sizes, synthetic).round(3)
    array([1.   , 0.597, 0.526])
    >>> float(error(np.inf, sizes, synthetic, weights=[1, 0]))  # refuse the others
    2.0
    """
    fits = check_fits(samplings)
    sizes, synthetic = _groups(sizes, synthetic)
    w = _weights(weights, sizes)
    shift = check_not_negative("shift", shift)
    kept = float(w @ synthetic)
    used = w > 0
    noise = float((w[used] ** 2 / sizes[used]).sum())
    if kept >= 1:  # nothing real counts: a walk, and a drift
        moved = fits - 1
        return np.asarray(1 + moved * noise + (shift * moved**2 if shift else 0))
    before = kept ** (fits - 1)
    limit = noise / ((1 - kept) * (1 + kept))
    bias = kept * (1 - before) / (1 - kept)
    return np.asarray(limit + (1 - limit) * before**2 + shift * bias**2)


def best_weights(sizes: ArrayLike, synthetic: ArrayLike, shift: float = 0.0) -> Array:
    r"""Return the weights of groups with the least error in the long run.

    .. math:: w_i \propto N_i\,(1 - \theta s_i)_+

    with the :math:`\theta \ge 0` that makes :func:`error` least: a point counts
    :math:`1 - \theta` times the chance that a model wrote it, or nothing.

    Parameters
    ----------
    sizes
        Points of each group, in units of ``n``, of at least 0.
    synthetic
        Share of each group that models wrote, from 0 to 1.
    shift
        As in `error`.

    Returns
    -------
    ndarray
        Weights with sum 1.

    Raises
    ------
    ValueError
        If an argument is out of range, or models wrote everything.

    Notes
    -----
    For a given :math:`\kappa` the noise :math:`\sum w_i^2/N_i` is least, by Lagrange,
    at :math:`w_i = N_i(\alpha + \beta s_i)`, cut off at 0. So all best weights lie on
    one curve. The error is a squared norm of :math:`w` over :math:`1 - \kappa^2`,
    which is concave and positive, plus a convex function of :math:`\kappa`: it is
    convex in :math:`w`, and along the curve it has a single minimum, which a golden
    section finds.

    Examples
    --------
    Real points that all have a label: the golden ratio.

    >>> best_weights(*groups(ratio=1, labelled=1)).round(3)
    array([0.618, 0.382])
    """
    sizes, synthetic = _groups(sizes, synthetic)
    shift = check_not_negative("shift", shift)
    there = sizes > 0
    if synthetic[there].min() >= 1:
        raise ValueError(
            "synthetic is 1 in every group that has points; nothing real is there to "
            "weigh, so that no weights have a finite error"
        )
    levels = np.unique(synthetic[there])
    if len(levels) == 1:
        return np.asarray(sizes / sizes.sum())

    def weights(place: float) -> Array:  # theta is place / (1 - place)
        w = sizes * np.maximum(0, (1 - place) - place * synthetic)
        return np.asarray(w / w.sum())

    def lost(place: float) -> float:
        return float(error(np.inf, sizes, synthetic, weights(place), shift))

    # From 1 / levels[1] on, only the group with the least share counts.
    low, high, cut = 0.0, 1 / (1 + float(levels[1])), (5**0.5 - 1) / 2
    left, right = high - cut * (high - low), low + cut * (high - low)
    at_left, at_right = lost(left), lost(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - cut * (high - low)
            at_left = lost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + cut * (high - low)
            at_right = lost(right)
    return weights((low + high) / 2)


def corpus(samplings: ArrayLike, synthetic: ArrayLike, shift: float = 0.0) -> Array:
    r"""Return the error of a model with a contaminated corpus, over a clean one's.

    .. math::
        v_t = \sum_{j=0}^{t-1} x^{2j} \to \frac1{1 - x^2}, \qquad
        b_t = \sum_{j=1}^{t-1} x^j \to \frac{x}{1 - x}

    and :math:`v_t + B b_t^2` is returned, for corpora of ``n`` points that count alike.
    The first is clean; of each later one a share :math:`x` was written by the model of
    the corpus before.

    Parameters
    ----------
    samplings
        Which corpus, :math:`t` of at least 1, or ``np.inf``; any shape.
    synthetic
        Share :math:`x` that a model wrote, from 0 to 1; broadcast against it.
    shift
        As in `error`; ``n`` is the size of a corpus.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    `error` with a single group of size 1. So a contaminated corpus of ``n`` points is
    worth :math:`n\,(1 - x^2)` clean ones in the long run, and no size of it is worth
    more than :math:`n/(B b^2)` if generators shift.

    Examples
    --------
    >>> corpus([2, np.inf], 0.9).round(2)
    array([1.81, 5.26])
    """
    fits = check_fits(samplings)
    x = numbers("synthetic", synthetic, least=0, most=1)
    fits, x = together(samplings=fits, synthetic=x)
    shift = check_not_negative("shift", shift)
    noise = _geometric((1 - x) * (1 + x), fits)
    if not shift:
        return noise
    # For x = 0 nothing is carried, however many corpora there are.
    bias = np.where(x > 0, x * _geometric(1 - x, np.where(x > 0, fits - 1, 0)), 0)
    return np.asarray(noise + shift * bias**2)


def _groups(sizes: ArrayLike, synthetic: ArrayLike) -> tuple[Array, Array]:
    """Return sizes and synthetic shares of groups, one number each."""
    n = numbers("sizes", sizes, ndim=1, shape="(groups,)", least=0)
    s = numbers("synthetic", synthetic, ndim=1, shape="(groups,)", least=0, most=1)
    if n.shape != s.shape:
        raise ValueError(
            f"sizes is for {len(n)} groups, synthetic for {len(s)}; each group needs "
            "one number of both"
        )
    if not n.any():
        raise ValueError("sizes is 0 for every group; at least one needs points")
    return n, s


def _weights(weights: ArrayLike | None, sizes: Array) -> Array:
    """Return weights of groups with sum 1."""
    if weights is None:
        return np.asarray(sizes / sizes.sum())
    w = numbers("weights", weights, ndim=1, shape="(groups,)", least=0)
    if w.shape != sizes.shape:
        raise ValueError(
            f"weights is for {len(w)} groups, sizes for {len(sizes)}; each group needs "
            "one number of both"
        )
    if not w.any():
        raise ValueError("weights is 0 for every group; at least one must count")
    if (w[sizes == 0] > 0).any():
        raise ValueError(
            f"weights is {given(w.tolist())}, sizes {given(sizes.tolist())}; a group "
            "without points can have no weight"
        )
    return np.asarray(w / w.sum())
