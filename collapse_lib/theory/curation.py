r"""Closed forms for loops that choose, verify or correct what they train on.

Generation 0 is fitted to real data, as in `collapse_lib.recurse`; samples are large, so
that only the policy moves the model.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_positive,
    check_share,
    numbers,
)
from collapse_lib.theory.discrete import binomial_law

Array = NDArray[np.float64]

# The trapezoidal rule on an integrand like exp(v - e^v): its error falls as
# exp(-pi^2 / step), 1e-16 here. Left and right of these ends nothing is left to add.
STEP, LEFT, RIGHT = 0.25, 40.0, 4.0
#: A candidate whose reward is so much lower is never kept beside the other.
LARGEST_GAP = 1000.0
#: Nodes times states handled at a time.
BLOCK = 2**22
#: The chain of counts of so many points is solved in a few seconds.
MOST_SAMPLES = 2_000


def k_choice(p: ArrayLike, reward: ArrayLike, k: int) -> Array:
    r"""Return the law of the one that is kept of ``k`` candidates.

    Of :math:`X_1, \dots, X_K` drawn from :math:`p` one is kept, with probability
    proportional to :math:`e^{r(X_i)}`:

    .. math::
        p'(x) = p(x)\, E\Bigl[\frac{K e^{r(x)}}{e^{r(x)} + \sum_{i<K} e^{r(X_i)}}\Bigr]

    Parameters
    ----------
    p
        Probabilities of the states, shape ``(..., n_states)``.
    reward
        The reward :math:`r` of each state, shape ``(n_states,)``.
    k
        Number of candidates :math:`K`; 1 changes nothing.

    Returns
    -------
    ndarray
        Shape of ``p``.

    Raises
    ------
    ValueError
        If ``p`` are no probabilities with sum 1, there is not one reward for each, or
        ``k`` is no positive integer.

    Notes
    -----
    Source: Ferbach et al. (2024), "Self-Consuming Generative Models with Curated Data".
    The sum over all sets of candidates grows as :math:`m^{K-1}`. Instead, exponential
    clocks with rates :math:`e^{r(X_i)}` run for the candidates and the first to ring is
    kept, so that one integral does for every :math:`K`:

    .. math::
        p'(x) = K p(x) \int_0^\infty e^{r(x)} e^{-s e^{r(x)}}\,
            \Bigl(\sum_y p(y)\, e^{-s e^{r(y)}}\Bigr)^{K-1} ds.

    Examples
    --------
    >>> k_choice([0.5, 0.5], [0.0, np.log(3)], 2).round(3)
    array([0.375, 0.625])
    """
    p = _distribution("p", p)
    reward = numbers("reward", reward)
    if reward.shape != p.shape[-1:]:
        raise ValueError(
            f"reward has shape {reward.shape}; needed is one number for each of the "
            f"{p.shape[-1]} states"
        )
    check_count("k", k, least=1)
    if k == 1:
        return p.copy()
    levels, level_of = np.unique(reward, return_inverse=True)
    # Only differences of rewards matter, and none beyond what float64 can tell from 0.
    levels = np.cumsum(np.minimum(np.diff(levels, prepend=levels[0]), LARGEST_GAP))
    levels -= levels[-1]
    rows = p.reshape(-1, p.shape[-1])
    order = np.argsort(level_of, kind="stable")
    starts = np.searchsorted(level_of[order], np.arange(len(levels)))
    mass = np.add.reduceat(rows[:, order], starts, axis=1)
    gain = np.zeros_like(mass)
    nodes = _nodes(levels, k)
    several = max(1, BLOCK // len(levels))
    for start in range(0, len(nodes), several):
        # log(s e^r); beyond RIGHT the clock has rung for certain.
        when = np.minimum(nodes[start : start + several, None] + levels, 2 * RIGHT)
        silent = np.exp(-np.exp(when))
        others = (mass @ silent.T) ** (k - 1)
        gain += others @ (np.exp(when) * silent)
    kept = rows * (k * STEP * gain)[:, level_of]
    return np.asarray((kept / kept.sum(axis=1, keepdims=True)).reshape(p.shape))


def _nodes(levels: Array, k: int) -> Array:
    """Return where log s matters to a state of any of these levels: around -level."""
    ends = [-(LEFT + math.log(k)), RIGHT]
    low, high = (np.floor((end - levels) / STEP).astype(np.int64) for end in ends)
    places: list[NDArray[np.int64]] = []
    for first, last in zip(low[::-1], high[::-1], strict=True):
        if places and first <= places[-1][-1]:
            first = places[-1][-1] + 1
        places.append(np.arange(first, max(last, first) + 1))
    return np.asarray(np.concatenate(places) * STEP)


def two_tastes(share: ArrayLike, k: int) -> Array:
    r"""Return what is left of the first of two favourites that each please one taste.

    A share :math:`q` of the points is curated by those who want the first outcome above
    all, the rest by those who want the second. With :math:`p` the first one's share,

    .. math:: p' = q\,(1 - (1-p)^K) + (1-q)\,p^K,

    since it is kept by its friends if it is among the :math:`K` candidates, and by the
    others only if nothing else is.

    Parameters
    ----------
    share
        Share :math:`q` of the first taste.
    k
        Number of candidates :math:`K`, at least 2.

    Returns
    -------
    ndarray
        The limit from a start where both are there: 0 up to :math:`q = 1/K`, 1 from
        :math:`q = 1 - 1/K` on. NaN where it is the start, for :math:`K = 2` and equal
        tastes.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or ``k`` is below 2.

    Notes
    -----
    Derived here, by the slopes of the map at its ends. As :math:`K \to \infty` the
    limit is :math:`q` itself; with two candidates the larger taste takes all.

    Examples
    --------
    >>> two_tastes([0.3, 0.5, 0.6, 0.7], 3).round(3)
    array([0. , 0.5, 0.8, 1. ])
    """
    q = numbers("share", share, least=0, most=1)
    check_count("k", k, least=2)
    low, high = np.zeros(q.shape), np.ones(q.shape)
    for _ in range(60):
        p = (low + high) / 2
        gain = q * (1 - (1 - p) ** k) + (1 - q) * p**k - p
        low, high = np.where(gain > 0, p, low), np.where(gain > 0, high, p)
    p = np.where(q * k <= 1, 0.0, np.where((1 - q) * k <= 1, 1.0, (low + high) / 2))
    return np.asarray(np.where((k == 2) & (q == 0.5), np.nan, p))


def takeover(k: int, ratio: ArrayLike) -> Array:
    r"""Return the share of a favourite that is as good as absent from the real data.

    Each training set has :math:`\lambda` points kept of :math:`K` candidates for each
    real point. The favourite is preferred to everything else without limit, and its
    share in the real data goes to 0. Then its share :math:`p` in the training data goes
    to the largest solution of

    .. math:: p = \frac{\lambda}{1 + \lambda}\,\bigl(1 - (1-p)^K\bigr),

    which is 0 up to :math:`\lambda = 1/(K-1)` and above 0 beyond.

    Parameters
    ----------
    k
        Number of candidates :math:`K`, at least 1.
    ratio
        Curated points for each real one, :math:`\lambda`, 0 or above.

    Raises
    ------
    ValueError
        If one of them is out of range.

    Notes
    -----
    Derived here; it is the equation of the final size of an epidemic in which each case
    infects :math:`\lambda K/(1+\lambda)` others at first. The threshold is the
    condition of theorem 2.4 of Ferbach et al. (2024).

    Examples
    --------
    >>> takeover(2, [0.5, 1.0, 2.0, 9.0]).round(3)
    array([0.   , 0.   , 0.5  , 0.889])
    """
    check_count("k", k, least=1)
    lam = numbers("ratio", ratio, least=0)
    share = lam / (1 + lam)
    # The gain is concave in p: between 0 and its zero it is positive.
    low, high = np.zeros(share.shape), np.ones(share.shape)
    for _ in range(60):
        p = (low + high) / 2
        with np.errstate(divide="ignore"):  # where nearly all points are curated
            gain = share * -np.expm1(k * np.log1p(-p)) - p
        low, high = np.where(gain > 0, p, low), np.where(gain > 0, high, p)
    return np.asarray(np.where(share * k <= 1, 0.0, (low + high) / 2))


def fixation_probability(share: float, gap: float, k: int, n_samples: int) -> float:
    r"""Return how likely the better of two outcomes is the one that is left in the end.

    Generation 0 is :math:`n` draws from the real data, in which the better outcome has
    the share :math:`p`. Each later one is :math:`n` points, each kept of :math:`K`
    candidates that are drawn from the generation before; the better outcome has the
    reward :math:`r` more than the other.

    Parameters
    ----------
    share
        Share :math:`p` of the better outcome in the real data.
    gap
        How much more reward it has, from 0 on.
    k
        Number of candidates :math:`K`; 1 is no choice.
    n_samples
        Points :math:`n` of a generation, up to 2,000.

    Raises
    ------
    ValueError
        If one of them is out of range.

    Notes
    -----
    Exact: the chance :math:`u_j` from :math:`j` points solves
    :math:`u_j = \sum_i B(i; n, f(j/n))\,u_i` with :math:`f` the law of `k_choice`, a
    binomial chain with two absorbing ends. For :math:`K = 2` this is natural selection:
    :math:`f(p) - p = s\,p(1-p)` exactly, with :math:`s = \tanh(r/2)`, and for small
    :math:`s` Kimura's (1962) formula holds,

    .. math:: u_j \approx \frac{1 - e^{-2sj}}{1 - e^{-2sn}}.

    Examples
    --------
    >>> round(fixation_probability(0.01, 1.0, 2, 100), 3)
    0.429
    """
    check_share("share", share)
    check_not_negative("gap", gap)
    check_count("k", k, least=1)
    n = check_count("n_samples", n_samples, least=1, most=MOST_SAMPLES)
    if share in (0.0, 1.0):
        return float(share)
    u = np.arange(n + 1) / n
    if n > 1:
        before = np.stack([1 - u[1:-1], u[1:-1]], axis=1)
        kept = k_choice(before, [0.0, min(gap, LARGEST_GAP)], k)[:, 1]
        step = binomial_law(np.clip(kept, 0, 1), n)
        u[1:-1] = np.linalg.solve(np.eye(n - 1) - step[:, 1:-1], step[:, -1])
    return float(np.clip(binomial_law(share, n) @ u, 0, 1))


def verifier_threshold(phi: float, psi: float) -> float:
    r"""Return up to which share of wrong labels the majority of kept ones is right.

    .. math:: p^* = \frac{1}{1 + \psi/\phi}

    Parameters
    ----------
    phi
        Probability that the verifier keeps a right label, above 0.
    psi
        Probability that it keeps a wrong one.

    Raises
    ------
    ValueError
        If one of them is no probability, or ``phi`` is 0.

    Notes
    -----
    Where :math:`(1-p)\phi = p\psi`; the setting is that of Feng et al. (2025).

    Examples
    --------
    >>> round(verifier_threshold(0.8, 0.5), 3)
    0.615
    """
    check_share("phi", phi)
    check_share("psi", psi)
    return 1 / (1 + psi / check_positive("phi", phi))


def accepted_share(wrong: ArrayLike, phi: float, psi: float) -> Array:
    r"""Return which share of all labels a verifier keeps: :math:`(1-p)\phi + p\psi`.

    Parameters
    ----------
    wrong
        Share :math:`p` of wrong labels before.
    phi, psi
        As in `verifier_threshold`.

    Raises
    ------
    ValueError
        If one of them is not between 0 and 1.
    """
    p = numbers("wrong", wrong, least=0, most=1)
    check_share("phi", phi)
    check_share("psi", psi)
    return np.asarray((1 - p) * phi + p * psi)


def kept_accuracy(wrong: ArrayLike, phi: float, psi: float) -> Array:
    r"""Return which share of the kept labels is right.

    .. math:: \frac{(1-p)\phi}{(1-p)\phi + p\psi}

    Arguments as in `accepted_share`.

    Raises
    ------
    ValueError
        If one of them is not between 0 and 1, or nothing is kept.

    Examples
    --------
    >>> kept_accuracy([0.6, 0.65], 0.8, 0.5).round(3)
    array([0.516, 0.463])
    """
    kept = accepted_share(wrong, phi, psi)
    if not (kept > 0).all():
        raise ValueError(
            f"phi is {phi:g} and psi is {psi:g}: nothing is kept for at least one "
            "share wrong, so that no share of it is right"
        )
    return np.asarray((1 - np.asarray(wrong, np.float64)) * phi / kept)


def _distribution(name: str, p: ArrayLike) -> Array:
    """Return probabilities along the last axis, checked."""
    array = numbers(name, p, least=0)
    off = np.abs(array.sum(axis=-1) - 1).max() if array.ndim else math.inf
    if not off <= 1e-9:
        raise ValueError(
            f"{name} is off a sum of 1 by {off:g}; needed are probabilities with sum 1 "
            "along the last axis"
        )
    return array
