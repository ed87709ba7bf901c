"""How well a score separates two kinds of text, with standard errors.

Everywhere a *high* score says "marked" or "machine"; turn round a score that says it by
being low.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_share, numbers
from collapse_lib.claims.estimate import Estimate, Z

Array = NDArray[np.float64]


def auroc(positive: ArrayLike, negative: ArrayLike) -> Estimate:
    r"""Return the area under the ROC curve.

    .. math:: P(X > Y) + \tfrac12 P(X = Y)

    for independent scores :math:`X` of a text to be found and :math:`Y` of another one.

    Parameters
    ----------
    positive
        Scores of texts that should be found, shape ``(m,)``, at least two.
    negative
        Scores of the others, shape ``(n,)``, at least two.

    Raises
    ------
    ValueError
        If there are too few scores or one is NaN.

    Notes
    -----
    The standard error is that of DeLong, DeLong and Clarke-Pearson (1988). It is 0 for
    scores that are separated; then that of a share of :math:`\min(m, n)` trials stands
    in, by the bound of Birnbaum and Klose (1957), as in `Estimate.share`.

    Examples
    --------
    >>> round(auroc([3.0, 2.0], [1.0, 2.0, 0.0]).value, 3)
    0.917
    """
    x, y = _scores("positive", positive), _scores("negative", negative)
    found, spared = _placements(x, y), 1 - _placements(y, x)
    area = float(found.mean())
    variance = found.var(ddof=1) / x.size + spared.var(ddof=1) / y.size
    if variance == 0:
        least = min(x.size, y.size)
        centre = (area * least + Z**2 / 2) / (least + Z**2)
        variance = centre * (1 - centre) / (least + Z**2)
    return Estimate(area, math.sqrt(variance))


def tpr_at(
    positive: ArrayLike, negative: ArrayLike, false_alarms: float = 0.01
) -> Estimate:
    """Return the share of positives that are found at a rate of false alarms.

    The threshold is the lowest one that at most so many negatives exceed.

    Parameters
    ----------
    positive, negative
        As for `auroc`.
    false_alarms
        Share of the negatives that may be flagged, from 0 to 1.

    Raises
    ------
    ValueError
        If there are too few scores, one is NaN, or the rate is no share.

    Notes
    -----
    The standard error has two parts: that of a share, and that of the threshold, which
    is itself estimated: half the change of the share when the threshold moves to the
    order statistics one binomial deviation to either side. A rate of less than one
    false alarm in all negatives puts the threshold at the largest of them.

    Examples
    --------
    >>> found = tpr_at([3.0, 2.0, 1.0], [0.0, 1.0, 2.0, 0.5], false_alarms=0.25)
    >>> round(found.value, 3)
    0.667
    """
    x, y = _scores("positive", positive), np.sort(_scores("negative", negative))
    rate = check_share("false_alarms", false_alarms)
    allowed = math.floor(rate * y.size + 1e-9)
    moved = math.ceil(math.sqrt(y.size * rate * (1 - rate)))
    near = [_above(x, y, allowed + step) for step in (-moved, 0, moved)]
    flagged = Estimate.share(x > _threshold(y, allowed))
    return Estimate(near[1], math.hypot(flagged.se, (near[2] - near[0]) / 2))


def threshold(negative: ArrayLike, false_alarms: float = 0.01) -> float:
    """Return the lowest threshold that at most a share of the negatives exceed.

    Parameters
    ----------
    negative, false_alarms
        As for `tpr_at`.

    Raises
    ------
    ValueError
        If there are too few scores, one is NaN, or the rate is no share.

    Examples
    --------
    >>> threshold([0.0, 1.0, 2.0, 0.5], false_alarms=0.25)
    1.0
    """
    y = np.sort(_scores("negative", negative))
    rate = check_share("false_alarms", false_alarms)
    return _threshold(y, math.floor(rate * y.size + 1e-9))


def curve(positive: ArrayLike, negative: ArrayLike) -> tuple[Array, Array]:
    """Return rates of false alarms and of finds at all thresholds, from 0 to 1.

    Parameters
    ----------
    positive, negative
        As for `auroc`.

    Returns
    -------
    false_alarms, found
        Shape ``(k,)`` each, rising.

    Raises
    ------
    ValueError
        If there are too few scores or one is NaN.

    Examples
    --------
    >>> curve([3.0, 2.0], [1.0, 2.0])
    (array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    x, y = (
        np.sort(_scores("positive", positive)),
        np.sort(_scores("negative", negative)),
    )
    at = np.unique(np.concatenate([x, y]))[::-1]
    rates = [1 - np.searchsorted(part, at, "left") / part.size for part in (y, x)]
    false_alarms, found = (np.concatenate([[0.0], rate]) for rate in rates)
    return false_alarms, found


def best_auroc(total_variation: ArrayLike) -> Array:
    r"""Return the largest AUROC that any detector can have.

    .. math:: \frac12 + \mathrm{TV} - \frac{\mathrm{TV}^2}2

    Parameters
    ----------
    total_variation
        Distance of the two laws of texts, from 0 to 1, any shape.

    Raises
    ------
    ValueError
        If a distance is out of range.

    Notes
    -----
    Source: Sadasivan et al. (2023), Theorem 1. At each rate of false alarms f no test
    finds more than f + TV, nor more than 1; the bound is the area under that line. It
    is reached where the likelihood ratio takes the three values 0, 1 and infinity.

    Examples
    --------
    >>> best_auroc([0.1, 1.0])
    array([0.595, 1.   ])
    """
    tv = numbers("total_variation", total_variation, least=0, most=1)
    return np.asarray(0.5 + tv - tv**2 / 2)


def _scores(name: str, values: ArrayLike) -> Array:
    scores = numbers(name, values, ndim=1, shape="(n,)", infinite=True, empty=True)
    if scores.size < 2:
        raise ValueError(
            f"{name} holds {scores.size} scores; at least two are needed for a "
            "standard error"
        )
    return scores


def _placements(x: Array, y: Array) -> Array:
    """Return for every x the share of the y that it exceeds; ties count half."""
    ordered = np.sort(y)
    below = [np.searchsorted(ordered, x, side) for side in ("left", "right")]
    return np.asarray(np.add(*below) / (2 * y.size))


def _threshold(ordered: Array, allowed: int) -> float:
    """Return the score that at most ``allowed`` of the ordered ones exceed."""
    if allowed >= ordered.size:
        return -math.inf
    return float(ordered[ordered.size - 1 - max(allowed, 0)])


def _above(x: Array, ordered: Array, allowed: int) -> float:
    return float(np.mean(x > _threshold(ordered, allowed)))
