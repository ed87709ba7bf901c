r"""What a table of probabilities becomes when it is fitted with a loss that eases off.

Cross-entropy has its minimum at the frequencies :math:`q` themselves. Two losses give
less weight to what the model is already sure of, and so have another one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_not_negative, check_number, numbers

Array = NDArray[np.float64]

#: Places at which the slope of the focal loss is tabulated, as log odds.
ODDS = np.linspace(-60.0, 36.0, 9601)
#: Halvings of the interval in which the multiplier lies.
HALVINGS = 48


def truncated(q: ArrayLike, gamma: float) -> Array:
    r"""Return where training with truncated cross-entropy comes to rest.

    The loss :math:`-\sum_i q_i\,[p_i \le \gamma]\,\log p_i` leaves out what the model
    gives more than :math:`\gamma`. Followed along its gradient it rests at

    .. math:: p_i = \min(q_i / Z, \gamma), \qquad \sum_i p_i = 1.

    Parameters
    ----------
    q
        Frequencies in the data, shape ``(..., n_states)``, with sum 1.
    gamma
        The confidence :math:`\gamma` above which nothing is learnt, above 0 and up to
        1; 1 is cross-entropy.

    Returns
    -------
    ndarray
        Shape of ``q``.

    Raises
    ------
    ValueError
        If these are no frequencies, or no such confidence.

    Notes
    -----
    The loss: Shabgahi et al. (2025). The point of rest is derived here. With weights
    :math:`w_i` that switch between 0 and 1 the gradient with respect to the scores
    vanishes where :math:`p_j \sum_i q_i w_i = q_j w_j`: either :math:`w_j = 1` and
    :math:`p_j = q_j / Z`, or :math:`p_j = \gamma` and :math:`w_j` is 1 for a part of
    the steps. Where all states in the data are at :math:`\gamma`, what is left stays
    with the others, equally as at the start; where even :math:`1/n` is above
    :math:`\gamma`, nothing is ever learnt. (The loss jumps at :math:`\gamma`, and its
    lowest value may lie just above; a gradient does not see that.)

    Examples
    --------
    >>> truncated([0.7, 0.2, 0.1], 0.5).round(3)
    array([0.5  , 0.333, 0.167])
    """
    q = _frequencies(q)
    gamma = float(check_number("gamma", gamma, above=0, most=1))
    n = q.shape[-1]
    if gamma * n <= 1:
        return np.full(q.shape, 1 / n)
    order = np.argsort(-q, axis=-1, kind="stable")
    p = _capped(np.take_along_axis(q, order, axis=-1), gamma)
    back = np.empty_like(p)
    np.put_along_axis(back, order, p, axis=-1)
    return np.asarray(back / back.sum(axis=-1, keepdims=True))


def _capped(q: Array, gamma: float) -> Array:
    """Return the point of rest for frequencies that fall along the last axis.

    The ``m`` most frequent are at ``gamma``; ``m`` is the smallest number for which the
    others, which share what is left in their proportions, are not above it.
    """
    n = q.shape[-1]
    left = np.maximum(1 - gamma * np.arange(n), 0)
    rest = np.flip(np.cumsum(np.flip(q, -1), -1), -1)  # of each state and those after
    scale = left / np.where(rest > 0, rest, 1)
    fits = (scale * q <= gamma) & (q > 0)
    some = fits.any(axis=-1)
    m = np.where(some, fits.argmax(axis=-1), (q > 0).sum(axis=-1))[..., None]
    at = np.minimum(m, n - 1)
    shared = np.take_along_axis(scale, at, axis=-1) * q
    unseen = np.maximum(1 - gamma * m, 0) / np.maximum(n - m, 1)
    others = np.where(some[..., None], shared, unseen)
    return np.where(np.arange(n) < m, gamma, others)


def focal(q: ArrayLike, strength: float) -> Array:
    r"""Return the minimum of the focal loss :math:`-\sum_i q_i (1-p_i)^s \log p_i`.

    Parameters
    ----------
    q
        Frequencies in the data, shape ``(..., n_states)``, with sum 1.
    strength
        :math:`s \ge 0`; 0 is cross-entropy.

    Returns
    -------
    ndarray
        Shape of ``q``; good to about six digits.

    Raises
    ------
    ValueError
        If these are no frequencies, or the strength is negative or not finite.

    Notes
    -----
    The loss: Lin et al. (2017). It flattens only what is probable: to first order in
    :math:`p` the ratio :math:`p_i/q_i` goes as :math:`1 - s\,p_i(1 + \log p_i)`, which
    rises up to :math:`p = e^{-2}`, so that among states below 14 % the rarer ones lose
    (derived here). At the minimum :math:`q_i\,\phi(p_i)` is the same for
    all states in the data, with the slope :math:`\phi(p) = (1-p)^s/p -
    s(1-p)^{s-1}\log p`. The slope is tabulated and the common value found by halving.

    Examples
    --------
    >>> focal([0.7, 0.2, 0.1], 2.0).round(3)
    array([0.535, 0.293, 0.172])
    """
    q = _frequencies(q)
    s = float(check_not_negative("strength", strength))
    flat = q.reshape(-1, q.shape[-1])
    p, log_slope = _slopes(s)
    with np.errstate(divide="ignore"):
        log_q = np.log(flat)
    seen = flat > 0
    low = np.full((len(flat), 1), log_slope.min() - 1)
    high = np.full((len(flat), 1), log_slope.max() + 1)
    for _ in range(HALVINGS):  # of the multiplier: the larger it is, the smaller all p
        middle = (low + high) / 2
        total = np.where(seen, _at(middle - log_q, p, log_slope), 0).sum(1)
        above = total[:, None] > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    found = np.where(seen, _at(high - log_q, p, log_slope), 0)
    return np.asarray((found / found.sum(axis=1, keepdims=True)).reshape(q.shape))


def _slopes(s: float) -> tuple[Array, Array]:
    """Return places and the logarithm of the slope there, which falls."""
    log_p, log_rest = -np.logaddexp(0, -ODDS), -np.logaddexp(0, ODDS)
    first = s * log_rest - log_p
    if s == 0:
        return log_p, first
    with np.errstate(divide="ignore"):
        second = np.log(s) + (s - 1) * log_rest + np.log(-log_p)
    return log_p, np.logaddexp(first, second)


def _at(log_slope: Array, log_p: Array, table: Array) -> Array:
    """Return where the slope has a value."""
    return np.asarray(np.exp(np.interp(log_slope, table[::-1], log_p[::-1])))


def _frequencies(value: ArrayLike) -> Array:
    q = numbers("q", value, least=0)
    if q.ndim < 1 or not q.size or (np.abs(q.sum(axis=-1) - 1) > 1e-9).any():
        raise ValueError(
            f"q has shape {q.shape}, or its sums along the last axis are not all 1; "
            "it must be frequencies of shape (..., n_states) with sum 1"
        )
    return q
