r"""The number line: what becomes of a fitted mean under each regime.

A normal distribution of known width, :math:`N(\mu, \sigma^2)`, is fitted to ``n`` real
points; only its mean is fitted. Then it is refitted, each time to what a regime makes
of real points and points drawn from earlier fits. Every law here is

.. math:: v_t = \frac{n}{\sigma^2}\, E(\hat\mu_t - \mu)^2

after :math:`t` fits (``samplings``; the first is the fit to real points alone, so
:math:`v_1 = 1`; generation :math:`t - 1` of a run), and its limit for
``samplings=np.inf``.

All laws are exact for every ``n`` unless one says otherwise, for they only use that a
point drawn from a fit is its mean plus noise of variance :math:`\sigma^2` which
depends on nothing before. They hold, then, for noise of any law with a variance. In
the limit of large ``n`` they hold for asymptotically linear estimators of other
families as well, in units of the error of one fit (Dey and Donoho 2024).

``ratio`` is how many synthetic points a generation adds or uses for each of the ``n``
real points, :math:`r = m/n`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_number,
    check_share,
    numbers,
    together,
    whole_numbers,
)
from collapse_lib.theory.zeta import MOST, hurwitz_zeta

Array = NDArray[np.float64]

#: How many fits a law is followed that has no closed form.
STEPS = 1_000_000


def replace(samplings: ArrayLike, power: float = 0.0) -> Array:
    r"""Return :math:`v_t` when every fit sees the newest synthetic data only.

    .. math:: v_t = \sum_{i=1}^{t} i^{-p}, \qquad
              v_\infty = \zeta(p) \text{ for } p > 1, \text{ else } \infty

    for :math:`n\,i^p` points in fit :math:`i`; :math:`v_t = t` for :math:`p = 0`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    power
        How fast the samples grow, :math:`p`, from 0 to 100; the same as in
        `collapse_lib.regimes.GrowingSamples`.

    Raises
    ------
    ValueError
        If an argument is out of range; finite ``samplings`` may be up to a million
        where the samples grow.

    Notes
    -----
    The mean walks: :math:`\hat\mu_{i} = \hat\mu_{i-1} + \varepsilon_i` with
    independent steps of variance :math:`\sigma^2/(n\,i^p)`. The variances add up.

    The walk is Shumailov et al. (2024); that samples must grow faster than linearly
    is Xu, He and Cheng (2025).

    Examples
    --------
    >>> replace([1, 2, 60])
    array([ 1.,  2., 60.])
    >>> replace([100, np.inf], power=2).round(3)
    array([1.635, 1.645])
    """
    power = check_number("power", power, least=0, most=MOST)
    if power == 0:
        return check_fits(samplings).copy()
    fits = check_fits(samplings, most=STEPS)
    path = np.cumsum(np.arange(1.0, _last(fits) + 1) ** -power)
    limit = float(hurwitz_zeta(power, 1)) if power > 1 else math.inf
    return _along(path, fits, limit)


def replace_geometric(samplings: ArrayLike, factor: ArrayLike) -> Array:
    r"""Return :math:`v_t` of `replace` when the samples grow geometrically.

    .. math:: v_t = \sum_{i=0}^{t-1} q^{-i} = \frac{1 - q^{-t}}{1 - 1/q}, \qquad
              v_\infty = \frac{q}{q - 1}

    for :math:`n\,q^{i-1}` points in fit :math:`i`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    factor
        How many times as many points each fit sees, :math:`q \ge 1`; broadcast
        against ``samplings``.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    As for `replace`: the steps of a walk have variances :math:`\sigma^2/(n q^{i-1})`.
    A geometric series. Derived here.

    Examples
    --------
    >>> replace_geometric([2, np.inf], factor=2)
    array([1.5, 2. ])
    """
    q = numbers("factor", factor, least=1)
    fits, q = together(samplings=check_fits(samplings), factor=q)
    return _geometric((q - 1) / q, fits)


def accumulate(samplings: ArrayLike, ratio: ArrayLike = 1.0) -> Array:
    r"""Return :math:`v_t` when all data are kept and every fit sees all of them.

    .. math::
        v_t = 1 + \sum_{j=1}^{t-1} \frac{r}{(1 + j r)^2}
            = 1 + \frac{\psi_1(1 + \frac1r) - \psi_1(t + \frac1r)}{r},
        \qquad v_\infty = 1 + \frac{\psi_1(1 + \frac1r)}{r}

    For :math:`r = 1` this is :math:`\sum_{i \le t} 1/i^2 \to \pi^2/6`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    ratio
        Synthetic points that each generation adds, per real point: :math:`r = m/n`
        above 0; broadcast against ``samplings``.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    New points have the pool's own mean, which they move by noise alone: by their share
    :math:`r/(1 + jr)` of the pool times an error of variance :math:`\sigma^2/m`.
    Squared and added up these are the sum, and
    :math:`\psi_1(x) - \psi_1(x + k) = \sum_{j<k} (x + j)^{-2}` closes it.

    The regime and its sum for linear regression are Gerstgrasser et al. (2024), that
    it is :math:`\pi^2/6` for many families Dey and Donoho (2024); unequal sizes are
    derived here.

    Examples
    --------
    >>> accumulate([1, 2, 60, np.inf]).round(4)
    array([1.    , 1.25  , 1.6284, 1.6449])
    """
    r = numbers("ratio", ratio, above=0)
    fits, r = together(samplings=check_fits(samplings), ratio=r)
    grown = hurwitz_zeta(2, 1 + 1 / r) - _trigamma(fits + 1 / r)
    return np.asarray(1 + grown / r)


def accumulate_subsample(samplings: ArrayLike, n_samples: int | None = None) -> Array:
    r"""Return :math:`v_t` when all data are kept and a fit sees ``n`` of them.

    .. math:: v_t = 3 \sum_{i=1}^{t} \frac1{i^2} - 2, \qquad
              v_\infty = \frac{\pi^2}{2} - 2 = 2.9348

    for large ``n``; with ``n_samples`` the law of that very ``n``, see the notes.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    n_samples
        Points in a subsample, and in what every generation adds; default: very many.

    Raises
    ------
    ValueError
        If an argument is out of range. With ``n_samples`` there is no limit to ask
        for, and ``samplings`` may be up to a million.

    Notes
    -----
    The pool of :math:`tn` points has mean error :math:`p_t` and sample variance
    :math:`S_t\sigma^2`. Without replacement, a subsample's mean is off the pool's by
    an error of variance :math:`(1 - 1/t) S_t\sigma^2/n`, and the points drawn from it
    add :math:`\sigma^2/n`. So with :math:`V_t = n E p_t^2/\sigma^2`

    .. math::
        v_t = V_t + (1 - \tfrac1t) S_t, \qquad
        V_{t+1} = V_t + \frac{(1 - \frac1t) S_t + 1}{(t+1)^2}, \qquad V_1 = 1.

    For large ``n`` the sample variance is 1, so :math:`V_t` is 1 plus the sum of
    :math:`(2 - \frac1i)/(i+1)^2`; by partial fractions
    :math:`V_t = 3\sum_{i\le t} i^{-2} - 3 + \frac1t`.

    For finite ``n`` the pool's groups have means of their own, which in the long run
    widens it, to :math:`S_t \to n/(n-1)`. A new group of ``n`` points around the
    subsample's mean adds to the sum of squares what is within it and what is between
    it and the pool:

    .. math::
        (tn + n - 1)\, S_{t+1} = (tn - 1)\, S_t + n - 1
        + \frac{t}{t+1}\bigl((1 - \tfrac1t) S_t + 1\bigr), \qquad S_1 = 1.

    So there is a limit for every ``n`` above 1. For :math:`n = 1` every point descends
    from a single one, and :math:`v_t` is the harmonic number :math:`\sum_{i\le t} 1/i`.

    The regime is Kazdan et al. (2025); both laws are derived here.

    Examples
    --------
    >>> accumulate_subsample([1, 2, 100, np.inf]).round(4)
    array([1.    , 1.75  , 2.905 , 2.9348])
    >>> accumulate_subsample([2, 100], n_samples=10).round(4)
    array([1.7368, 3.0006])
    """
    if n_samples is None:
        return np.asarray(3 * accumulate(samplings) - 2)
    n = check_count("n_samples", n_samples, least=1)
    fits = check_fits(samplings, most=STEPS)
    if np.isinf(fits).any():
        raise ValueError(
            f"samplings is infinite and n_samples is {n}: that limit has no closed "
            f"form; leave n_samples out, or ask for up to {STEPS} samplings"
        )
    path = np.ones(_last(fits))
    pool, spread = 1.0, 1.0
    for t in range(1, len(path)):
        moved = (1 - 1 / t) * spread + 1
        pool += moved / (t + 1) ** 2
        squares = (t * n - 1) * spread + n - 1 + t / (t + 1) * moved
        spread = squares / (t * n + n - 1)
        path[t] = pool + t / (t + 1) * spread
    return _along(path, fits, math.inf)


def augment(samplings: ArrayLike, ratio: ArrayLike = 1.0) -> Array:
    r"""Return :math:`v_t` for the first real data plus the newest synthetic data.

    .. math::
        v_t = 1 + \frac{r}{1 + 2r}\,\bigl(1 - b^{2(t-1)}\bigr), \quad
        b = \frac{r}{1 + r}, \qquad v_\infty = 1 + \frac{r}{1 + 2r}

    which is :math:`4/3` for :math:`r = 1`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    ratio
        Synthetic points per real point, :math:`r = m/n` above 0; broadcast against
        ``samplings``.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    The distance :math:`d_t` from the mean of the fixed real points obeys
    :math:`d_{t+1} = b\,(d_t + \varepsilon_t)` with an error of variance
    :math:`\sigma^2/m`, so :math:`n E d_t^2/\sigma^2` is a geometric series with limit
    :math:`\frac1r b^2/(1 - b^2) = r/(1 + 2r)`. The error of the real points' own
    mean, independent of it, adds 1.

    The regime is the synthetic augmentation loop of Alemohammad et al. (2024); the
    law is derived here.

    Examples
    --------
    >>> augment([1, 2, np.inf]).round(4)
    array([1.    , 1.25  , 1.3333])
    """
    r = numbers("ratio", ratio, above=0)
    fits, r = together(samplings=check_fits(samplings), ratio=r)
    kept = r / (1 + r)
    lost = (1 + 2 * r) / (1 + r) / (1 + r)  # 1 - kept**2
    return np.asarray(1 + kept**2 / r * _geometric(lost, fits - 1))


def fresh(
    samplings: ArrayLike, weight: ArrayLike | None = None, ratio: ArrayLike = 1.0
) -> Array:
    r"""Return :math:`v_t` for new real data plus the newest synthetic data.

    .. math::
        v_{t+1} = w^2 + (1-w)^2 \Bigl(v_t + \frac1r\Bigr), \qquad
        v_\infty = \frac{w^2 + (1-w)^2/r}{w\,(2 - w)}

    For points that count alike, :math:`w = 1/(1+r)`, the limit is
    :math:`(1+r)/(1+2r)`, which is :math:`2/3` for :math:`r = 1`. It is least at
    `golden_weight`. With :math:`w = 1` only new real data count, :math:`v_t = 1`; with
    :math:`w = 0` none do, and :math:`v_t = 1 + (t-1)/r` as in `replace`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    weight
        How much the real points count together, :math:`w` from 0 to 1; default: every
        point counts alike. Broadcast against the others.
    ratio
        Synthetic points per real point, :math:`r = m/n` above 0; broadcast against
        the others. Some papers use its inverse.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    The fit is :math:`w` times a mean with error variance :math:`\sigma^2/n` plus
    :math:`1-w` times one around the last fit with error variance :math:`\sigma^2/m`,
    all independent. A linear recursion; at rest
    :math:`v (1 - (1-w)^2) = w^2 + (1-w)^2/r`.

    The regime is the fresh data loop of Alemohammad et al. (2024), its weights He, Xu
    and Cheng (2026); derived here.

    Examples
    --------
    >>> fresh([1, 2, np.inf]).round(4)
    array([1.    , 0.75  , 0.6667])
    >>> fresh(np.inf, weight=[0.4, 0.6, 0.8, 1.0]).round(3)
    array([0.812, 0.619, 0.708, 1.   ])
    """
    r = numbers("ratio", ratio, above=0)
    w = 1 / (1 + r) if weight is None else numbers("weight", weight, least=0, most=1)
    fits, w, r = together(samplings=check_fits(samplings), weight=w, ratio=r)
    lost = w * (2 - w)  # 1 - (1 - w)**2
    noise = w**2 + (1 - w) ** 2 / r
    return np.asarray(1 + (noise - lost) * _geometric(lost, fits - 1))


def golden_weight(ratio: ArrayLike = 1.0) -> Array:
    r"""Return the weight of new real data with the least limit of `fresh`.

    .. math:: w^* = \frac{2}{1 + \sqrt{1 + 4r}}, \qquad v_\infty(w^*) = w^*

    the inverse of the golden ratio, 0.618, for :math:`r = 1`. In terms of
    :math:`k = 1/r`, real points per synthetic point, it is
    :math:`(\sqrt{k^2 + 4k} - k)/2`.

    Parameters
    ----------
    ratio
        Synthetic points per real point, :math:`r = m/n` above 0; any shape.

    Raises
    ------
    ValueError
        If it is not above 0.

    Notes
    -----
    Where :math:`v_\infty` is least, the recursion of `fresh` does not change with
    :math:`w` to first order: :math:`w = (1-w)(v + \frac1r)`. Put into
    :math:`v = w^2 + (1-w)^2(v + \frac1r)` this gives :math:`v = w`, and then
    :math:`r w^2 + w = 1`.

    That the best weight is the golden ratio's inverse is He, Xu and Cheng (2026), and
    for interpolation Garg, Bhattacharya and Sur (2025).

    Examples
    --------
    >>> golden_weight([1.0, 10.0]).round(3)
    array([0.618, 0.27 ])
    """
    r = numbers("ratio", ratio, above=0)
    return np.asarray(2 / (1 + np.sqrt(1 + 4 * r)))


def web(samplings: ArrayLike, share: float) -> Array:
    r"""Return :math:`v_t` when all data are kept and a share of the new is human.

    .. math::
        v_{t+1} = v_t \Bigl(1 - \frac{a}{t+1}\Bigr)^2 + \frac{1}{(t+1)^2},
        \qquad v_1 = 1

    Every generation adds ``n`` points, :math:`an` of them human. For :math:`a = 0` it
    is `accumulate`, for :math:`a = 1` it is :math:`1/t`. With any share above 0 the
    error goes to 0, like :math:`t^{-\min(1, 2a)}` (`web_exponent`).

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, up to a million, or ``np.inf``; any shape.
    share
        Share :math:`a` of human points, from 0 to 1.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The new points' mean error is :math:`(1-a)p_t` plus noise of variance
    :math:`\sigma^2/n`, whoever wrote them; they are :math:`1/(t+1)` of the pool, so
    :math:`p_{t+1} = p_t\,(1 - \frac{a}{t+1}) + \frac{1}{t+1}\varepsilon_t`. An error
    once made decays like :math:`\prod_i (1 - \frac ai)^2 \sim t^{-2a}`, the newest
    noise like :math:`1/t`: the slower one wins. Derived here.

    Examples
    --------
    >>> web([1, 2, 100], share=0.5).round(4)
    array([1.    , 0.8125, 0.0561])
    >>> web([100, np.inf], share=0.1).round(4)
    array([0.777, 0.   ])
    """
    check_share("share", share)
    fits = check_fits(samplings, most=STEPS)
    path = np.ones(_last(fits))
    for t in range(2, len(path) + 1):
        path[t - 1] = path[t - 2] * (1 - share / t) ** 2 + 1 / t**2
    return _along(path, fits, 0.0 if share else math.pi**2 / 6)


def web_exponent(share: ArrayLike) -> Array:
    r"""Return :math:`\min(1, 2a)`: how fast the error of `web` goes to 0.

    .. math:: v_t \sim C\,t^{-\min(1, 2a)}

    Below a share of one half the first errors are what is left, and more human data
    speed their decay up; above, everything is as if all data were human, up to the
    factor :math:`C = 1/(2a-1)`. At one half itself :math:`v_t \sim (\log t)/t`.

    Parameters
    ----------
    share
        Share :math:`a` of human points, from 0 to 1; any shape.

    Raises
    ------
    ValueError
        If it is no share.

    Notes
    -----
    In the limit :math:`v' = -2a\,v/t + 1/t^2`, which is solved by
    :math:`v = C t^{-2a} + t^{-1}/(2a-1)`. Derived here.

    Examples
    --------
    >>> web_exponent([0.0, 0.1, 0.5, 0.9])
    array([0. , 0.2, 1. , 1. ])
    """
    return np.minimum(1, 2 * numbers("share", share, least=0, most=1))


def corrected(samplings: ArrayLike, strength: ArrayLike) -> Array:
    r"""Return :math:`v_t` of `replace` when the generator is drawn towards the truth.

    .. math::
        v_t = \sum_{i=0}^{t-1} (1 + g)^{-2i}, \qquad
        v_\infty = \frac{(1+g)^2}{g\,(2+g)}

    which is :math:`4/3` for :math:`g = 1`, and `replace` for :math:`g = 0`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`t`, or ``np.inf``; any shape.
    strength
        Strength :math:`g` of the correction, 0 or above; broadcast against
        ``samplings``.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    Points are drawn around :math:`(\hat\mu_t + g\mu)/(1+g)`, so
    :math:`v_{t+1} = v_t/(1+g)^2 + 1`: a geometric series. The correction knows the
    truth :math:`\mu`, and so brings in what new real data would.

    A toy of the idealised correction of Gillman et al. (2024); the law is derived
    here.

    Examples
    --------
    >>> corrected(np.inf, strength=[0.1, 0.5, 1.0, 5.0]).round(3)
    array([5.762, 1.8  , 1.333, 1.029])
    """
    g = numbers("strength", strength, least=0)
    fits, g = together(samplings=check_fits(samplings), strength=g)
    return _geometric(g / (1 + g) * ((2 + g) / (1 + g)), fits)


def check_fits(
    samplings: ArrayLike, most: float = math.inf, infinite: bool = True
) -> Array:
    """Return numbers of fits, infinity among them where a limit is known, else raise.

    Parameters
    ----------
    samplings
        Numbers of fits, from 1 on; any shape.
    most
        The largest finite number that is allowed.
    infinite
        Whether ``np.inf`` is allowed.

    Raises
    ------
    ValueError
        If one is no such number.
    """
    return whole_numbers(
        "samplings", samplings, "fits", least=1, most=most, infinite=infinite
    )


def _last(fits: Array) -> int:
    """Return the largest finite number of fits."""
    return int(fits[np.isfinite(fits)].max(initial=1))


def _along(path: Array, fits: Array, limit: float) -> Array:
    """Return the values of a path after so many fits, and its limit at infinity."""
    after = np.where(np.isfinite(fits), fits, 1).astype(np.int64)
    return np.where(np.isfinite(fits), path[after - 1], limit)


def _trigamma(x: Array) -> Array:
    """Return the trigamma function, which is 0 at infinity."""
    finite = np.isfinite(x)
    return np.where(finite, hurwitz_zeta(2, np.where(finite, x, 1)), 0)


def _geometric(lost: Array, n: Array) -> Array:
    r"""Return :math:`\sum_{i<n} (1 - d)^i` for ``lost``, :math:`d`, from 0 to 1.

    Given :math:`d`, and not the ratio, it keeps its digits where that is close to 1.
    """
    inside = (lost > 0) & (lost < 1)
    d = np.where(inside, lost, 0.5)
    total = -np.expm1(n * np.log1p(-d)) / d
    return np.where(inside, total, np.where(lost > 0, np.minimum(n, 1), n))
