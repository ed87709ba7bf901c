r"""Noise and bias together: what a Gaussian loses that samples with too little spread.

Every generation is fitted to points of which some were drawn from the last fit with
:math:`\lambda` times its variance: the sampling bias of MAD (Alemohammad et al. 2024),
for one Gaussian a temperature :math:`T = \lambda`. Noise is what the fit's finite
sample adds; its errors are independent, and their squares add up. Bias always pulls
the same way. The real data are :math:`N(0, 1)` in every coordinate; generation 0 is
fitted to real points alone, as in `collapse_lib.recurse`.

What bias does alone, in the limit of large samples: `variance_replaced`,
`variance_accumulated`, `variance_with_real`, and for shares `share_at_temperature`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    check_share,
    numbers,
    together,
    whole_numbers,
)

Array = NDArray[np.float64]

#: How many generations a law is followed that has no closed form.
STEPS = 1_000_000
# From here on two terms of the series are good to 1e-9, and logarithms of Gamma lose
# the digits that their difference needs.
_FAR = 10_000.0
#: No answer beyond: what takes longer is called never.
LONGEST = 1e300
_lgamma = np.frompyfunc(math.lgamma, 1, 1)


class Moments(NamedTuple):
    """What is expected of a fitted Gaussian, in each coordinate.

    Parameters
    ----------
    error
        Expected squared error of the fitted mean.
    variance
        Expected fitted variance, 1 for real data.
    """

    error: Array
    variance: Array


def variance_replaced(bias: float, generation: ArrayLike) -> Array:
    r"""Return :math:`E\sigma_t^2 = \lambda^t` when only the newest data are kept.

    Parameters
    ----------
    bias
        MAD's :math:`\lambda`: what is drawn has :math:`\lambda` times the variance of
        the model.
    generation
        Generation :math:`t`; generation 0 is fitted to real data of variance 1.

    Raises
    ------
    ValueError
        If one of them is negative.

    Notes
    -----
    For the unbiased estimator and every sample size, in any number of dimensions
    (Alemohammad et al. 2024, equation 2).
    """
    check_not_negative("bias", bias)
    return np.asarray(bias ** numbers("generation", generation, least=0))


def variance_accumulated(bias: float, generation: ArrayLike) -> Array:
    r"""Return the variance of all data so far when they are accumulated.

    .. math::
        v_t = \prod_{i=1}^{t} \Bigl(1 - \frac{1-\lambda}{i+1}\Bigr)
        = \frac{\Gamma(s + \lambda)}{\Gamma(s + 1)\,\Gamma(1 + \lambda)}
        \sim \frac{s^{-(1-\lambda)}}{\Gamma(1+\lambda)}, \qquad s = t + 1

    Parameters
    ----------
    bias
        MAD's :math:`\lambda`.
    generation
        Generation :math:`t`; its training set is :math:`s = t + 1` sets of equal size,
        the first one real with variance 1.

    Raises
    ------
    ValueError
        If one of them is negative.

    Notes
    -----
    For large samples. Noise adds up to a bound when data accumulate; bias below 1 is
    only slowed to a power law.

    Examples
    --------
    >>> variance_accumulated(0.8, [9, 99, 999]).round(3)
    array([0.672, 0.427, 0.27 ])
    """
    check_not_negative("bias", bias)
    sets = numbers("generation", generation, least=0) + 1
    if bias == 0:
        return np.asarray(1 / sets)
    logs = _lgamma(sets + bias) - _lgamma(sets + 1) - math.lgamma(1 + bias)
    return np.exp(np.asarray(logs, np.float64))


def variance_with_real(
    bias: float, share: float, generation: ArrayLike = math.inf
) -> Array:
    r"""Return the variance when a constant share of every training set is real.

    .. math::
        v_t = v_\infty + ((1-a)\lambda)^t\,(1 - v_\infty), \qquad
        v_\infty = \frac{a}{1 - (1-a)\lambda}

    Parameters
    ----------
    bias
        MAD's :math:`\lambda`.
    share
        Share :math:`a` of new real points, variance 1, in every training set.
    generation
        Generation :math:`t`; default: the limit, which is infinite where
        :math:`(1-a)\lambda` is too large.

    Raises
    ------
    ValueError
        If the share is no probability, or one of the others is negative.

    Notes
    -----
    For large samples.

    Examples
    --------
    >>> float(variance_with_real(0.8, 0.1).round(3))
    0.357
    """
    check_not_negative("bias", bias)
    check_share("share", share)
    t = numbers("generation", generation, least=0, infinite=True)
    factor = (1 - share) * bias
    if factor == 1:
        added = np.multiply(share, t, where=t < math.inf, out=np.full_like(t, math.inf))
        return np.asarray(1 + added if share else np.ones_like(t))
    with np.errstate(over="ignore"):
        left = factor**t
    limit = share / (1 - factor)
    return np.asarray(limit + left * (1 - limit))


def accumulate(generation: ArrayLike, bias: float, n_samples: int) -> Moments:
    r"""Return the moments of a fit to all data so far, exactly for every ``n``.

    With :math:`j` sets of :math:`n` points, the first one real, :math:`V_j` the error
    of their mean and :math:`S_j` their unbiased variance,

    .. math::
        V_{j+1} = V_j + \frac{\lambda S_j}{n (j+1)^2}, \qquad
        (jn + n - 1)\,S_{j+1} = \Bigl(jn - 1 + \lambda\bigl(n - \tfrac1{j+1}\bigr)
        \Bigr) S_j, \qquad V_1 = \frac1n, \quad S_1 = 1.

    Noise adds a convergent sum of :math:`1/j^2`; bias takes about
    :math:`(1-\lambda)/j` of the variance, and the sum of that diverges.

    Parameters
    ----------
    generation
        Generations, whole numbers from 0 to a million; any shape.
    bias
        MAD's :math:`\lambda`, 0 or above.
    n_samples
        Points that each generation adds, :math:`n \ge 2`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    A new set has the pool's own mean up to an error of variance
    :math:`\lambda S_j/n`. To the pool's sum of squares it adds
    :math:`(n - 1) \lambda S_j` within and :math:`\frac{j}{j+1} \lambda S_j` between.
    Derived here. For large ``n`` the variance is `variance_accumulated`, and
    for :math:`\lambda = 1` the error `number_line.accumulate` over ``n``.

    Examples
    --------
    >>> error, variance = accumulate([0, 9, 99], bias=0.8, n_samples=100)
    >>> (100 * error).round(3), variance.round(3)
    (array([1.   , 1.397, 1.437]), array([1.   , 0.668, 0.424]))
    """
    t = _generations(generation)
    check_not_negative("bias", bias)
    n = check_count("n_samples", n_samples, least=2)
    error, variance = np.empty((2, int(t.max(initial=0)) + 1))
    error[0], variance[0] = 1 / n, 1.0
    for j in range(1, len(error)):
        error[j] = error[j - 1] + bias * variance[j - 1] / (n * (j + 1) ** 2)
        squares = (j * n - 1 + bias * (n - 1 / (j + 1))) * variance[j - 1]
        variance[j] = squares / (j * n + n - 1)
    return Moments(error[t], variance[t])


def half_life(bias: ArrayLike, left: float = 0.5) -> Array:
    r"""Return after how many generations accumulation has lost half of the variance.

    .. math:: \frac{\Gamma(t + 1 + \lambda)}{\Gamma(t + 2)\,\Gamma(1 + \lambda)} = q,
        \qquad t \approx (q\,\Gamma(1+\lambda))^{-1/(1-\lambda)}

    Parameters
    ----------
    bias
        MAD's :math:`\lambda`, from 0 to 1; any shape.
    left
        Which share :math:`q` of the variance is left, above 0 and up to 1.

    Returns
    -------
    ndarray
        Generations, not rounded; infinite for :math:`\lambda = 1`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    For large samples. Derived here.

    Examples
    --------
    >>> half_life([0.0, 0.8, 0.9, 0.95]).round()
    array([1.000000e+00, 4.400000e+01, 1.511000e+03, 1.574475e+06])
    """
    bias = numbers("bias", bias, least=0, most=1)
    left = check_number("left", left, above=0, most=1)
    found = [_generation_at(math.log(left), b) for b in bias.ravel()]
    return np.asarray(found, np.float64).reshape(bias.shape)


def overtaking(bias: float, share: ArrayLike) -> Array:
    r"""Return from when on a constant real share keeps more than accumulation does.

    Accumulation falls from 1 to 0 and a share :math:`a` of real points in every
    training set stops at :math:`a/(1 - (1-a)\lambda)`; but it gets there fast, and
    accumulation is slow. They are equal where

    .. math::
        \frac{\Gamma(t + 1 + \lambda)}{\Gamma(t + 2)\,\Gamma(1 + \lambda)}
        = v_\infty + ((1-a)\lambda)^t\,(1 - v_\infty).

    Parameters
    ----------
    bias
        MAD's :math:`\lambda`, from 0 up to but without 1.
    share
        Share :math:`a` of new real points, from 0 to 1; any shape.

    Returns
    -------
    ndarray
        Generations, not rounded. 0 where the share never keeps less, infinite where
        it never keeps more, which is a share of 0.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    For large samples. In generation 1 half of the accumulated data is real; shares
    from a half on are never behind. Derived here.

    Examples
    --------
    >>> overtaking(0.8, [0.03, 0.1, 0.3, 0.5]).round(1)
    array([3.3111e+04, 2.4420e+02, 8.1000e+00, 0.0000e+00])
    """
    if check_number("bias", bias, least=0, most=1) == 1:
        raise ValueError(
            "bias is 1, which is none: nothing is lost, and nothing is overtaken; "
            "give a number from 0 up to but without 1"
        )
    share = numbers("share", share, least=0, most=1)
    found = [_overtaking(bias, float(a)) for a in share.ravel()]
    return np.asarray(found, np.float64).reshape(share.shape)


def _overtaking(bias: float, share: float) -> float:
    if share >= 0.5 or bias == 0 == share:
        return 0.0 if share else math.inf
    if share == 0:
        return math.inf

    def ahead(t: float) -> bool:
        kept = float(variance_with_real(bias, share, t))
        return math.log(kept) >= _log_left(t, bias)

    # After its limit is passed, accumulation is behind for certain.
    high = _generation_at(math.log(float(variance_with_real(bias, share))), bias)
    if math.isinf(high):
        return high
    high, low = max(high + 1, 1.0), 1e-9 if bias == 0 else 0.5
    return _bisect(ahead, low, high)


def fresh(
    generation: ArrayLike,
    bias: float,
    n_real: int,
    n_synthetic: int,
    first: int | None = None,
) -> Moments:
    r"""Return the moments of a fit to new real data and the newest synthetic data.

    With :math:`n = n_r + n_s` points and the unbiased variance, exactly

    .. math::
        V' &= \frac{n_r + n_s \lambda S}{n^2} + \Bigl(\frac{n_s}{n}\Bigr)^2 V, \\
        (n-1)\,S' &= n_r - 1 + \tfrac{n_s}{n}
        + \bigl(n_s - 1 + \tfrac{n_r}{n}\bigr) \lambda S + \tfrac{n_r n_s}{n} V.

    For large samples :math:`S \to (1-f)/(1-\lambda f)` with :math:`f = n_s/n`. The
    limit does not depend on the start.

    Parameters
    ----------
    generation
        Generations, whole numbers from 0 to a million, or ``np.inf``; any shape.
    bias
        MAD's :math:`\lambda`, 0 or above.
    n_real, n_synthetic
        New real and synthetic points per generation, at least 1 each, two together.
    first
        Real points in generation 0, at least 2; default: ``n_real``.

    Returns
    -------
    Moments
        Infinite in the limit where the bias spreads too much.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    A linear recursion in :math:`(V, S)`. Source of the loop: Alemohammad et al.
    (2024), section 3; the recursion is derived here.

    Examples
    --------
    >>> error, variance = fresh([0, np.inf], bias=0.8, n_real=500, n_synthetic=500)
    >>> (500 * error).round(3), variance.round(3)
    (array([1.   , 0.556]), array([1.   , 0.834]))
    """
    t = numbers("generation", generation, least=0, infinite=True)
    finite = _generations(np.where(np.isinf(t), 0, t))
    check_not_negative("bias", bias)
    n_r = check_count("n_real", n_real, least=1)
    n_s = check_count("n_synthetic", n_synthetic, least=1)
    start = check_count("first", max(n_r, 2) if first is None else first, least=2)
    n = n_r + n_s
    turn = np.array(
        [
            [(n_s / n) ** 2, n_s * bias / n**2],
            [n_r * n_s / n / (n - 1), bias * (n_s - 1 + n_r / n) / (n - 1)],
        ]
    )
    added = np.array([n_r / n**2, (n_r - 1 + n_s / n) / (n - 1)])
    path = [np.array([1 / start, 1.0])]
    with np.errstate(over="ignore"):
        for _ in range(int(finite.max(initial=0))):
            path.append(turn @ path[-1] + added)
    stable = np.abs(np.linalg.eigvals(turn)).max() < 1
    limit = np.linalg.solve(np.eye(2) - turn, added) if stable else [math.inf] * 2
    values = np.where(np.isinf(t)[..., None], limit, np.array(path)[finite])
    return Moments(values[..., 0], values[..., 1])


def effective_samples(
    n_real: ArrayLike, n_synthetic: ArrayLike, bias: ArrayLike, dim: int = 1
) -> Array:
    r"""Return how many real points alone would do as well as MAD's fresh data loop.

    MAD's :math:`n_e` solves :math:`E\,W_2^2` of a fit to :math:`n_e` real points
    :math:`= E\,W_2^2` of the loop in the long run. To first order in :math:`1/n`

    .. math::
        n_e &= \frac{d + 5}{4} \Big/ \Bigl(V + \frac{(d+1)\,U}{4\,S^{3/2}}
        + (1 - \sqrt S)^2\Bigr), \\
        S &= \frac{1-f}{1-\lambda f}, \quad
        V = \frac{1 - f + \lambda f S}{n\,(1-f^2)}, \quad
        U = \frac{1 - f + f\,(\lambda S)^2}{n\,(1-\lambda^2 f^2)},

    with :math:`n = n_r + n_s` and :math:`f = n_s/n`. Without bias it is
    :math:`n_r\,(1 + f)`, never above :math:`2 n_r`.

    Parameters
    ----------
    n_real, n_synthetic
        Points per generation, above 0, and 0 or above.
    bias
        MAD's :math:`\lambda`, from 0 to 1; all three broadcast against each other.
    dim
        Dimension :math:`d`.

    Raises
    ------
    ValueError
        If an argument is out of range, or the shapes do not go together.

    Notes
    -----
    :math:`W_2^2` of a fit with covariance close to :math:`S I` is, to second order in
    what it is off, the error of the mean, :math:`d\,(1-\sqrt S)^2`, and a quarter of
    the squared entries' errors :math:`(d^2 + d)\,U` over :math:`S^{3/2}`. A fit to
    :math:`n_e` real points has :math:`V = U = 1/n_e`. Definition: Alemohammad et al.
    (2024), who draw it by simulation; the formula is derived here.

    Examples
    --------
    >>> effective_samples(1000, [0, 1000, 9000], bias=1.0).round()
    array([1000., 1500., 1900.])
    >>> effective_samples(1000, [100, 1000], bias=0.85).round()
    array([1062.,  276.])
    """
    dim = check_count("dim", dim, least=1)
    n_r = numbers("n_real", n_real, above=0)
    n_s = numbers("n_synthetic", n_synthetic, least=0)
    lam = numbers("bias", bias, least=0, most=1)
    n_r, n_s, lam = together(n_real=n_r, n_synthetic=n_s, bias=lam)
    n = n_r + n_s
    f, real = n_s / n, n_r / n
    rest = real + (1 - lam) * f  # 1 - lam * f, with all its digits
    S = real / rest
    V = (real + lam * f * S) / (n * real * (1 + f))
    U = (real + f * (lam * S) ** 2) / (n * rest * (1 + lam * f))
    lost = V + (dim + 1) * U / (4 * S**1.5) + (1 - np.sqrt(S)) ** 2
    return np.asarray((dim + 5) / 4 / lost)


def most_synthetic(bias: float, n_real: float = math.inf, dim: int = 1) -> float:
    r"""Return how many synthetic points a generation may add before they do harm.

    The largest :math:`n_s` for which `effective_samples` is at least :math:`n_r`. For
    many real points it stops growing, at

    .. math:: \frac{4(2 - \lambda) + \frac{d+1}2\,(1 + 3\lambda - 2\lambda^2)}
                   {(1-\lambda)^2}
        \approx \frac{d + 5}{(1-\lambda)^2}.

    Parameters
    ----------
    bias
        MAD's :math:`\lambda`, from 0 to 1.
    n_real
        New real points per generation :math:`n_r`, above 0; default: very many.
    dim
        Dimension :math:`d`.

    Returns
    -------
    float
        Not rounded; infinite without bias and for one or two real points, which any
        model matches.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    That it is finite and saturates is seen in Alemohammad et al. (2024), figures 11
    and 12; the formula is derived here.

    Examples
    --------
    >>> round(most_synthetic(0.85)), round(most_synthetic(0.85, n_real=1000))
    (298, 224)
    """
    lam = check_number("bias", bias, least=0, most=1)
    d = check_count("dim", dim, least=1)
    n_r = float(numbers("n_real", n_real, above=0, infinite=True, ndim=0))
    if lam == 1:
        return math.inf
    gain = 4 * (2 - lam) + (d + 1) / 2 * (1 + 3 * lam - 2 * lam**2)
    limit = gain / (1 - lam) ** 2
    if math.isinf(n_r):
        return limit
    tried = np.geomspace(min(1e-3, 1e-6 * n_r), 1e18 * n_r, 9_000)
    helps = effective_samples(n_r, tried, lam, d) >= n_r
    if not helps.any():
        return 0.0
    last = int(np.flatnonzero(helps)[-1])
    if last + 1 == len(tried):  # so few real points that any model does as well
        return math.inf

    def harmful(n_s: float) -> bool:
        return bool(effective_samples(n_r, n_s, lam, d) < n_r)

    return _bisect(harmful, float(tried[last]), float(tried[last + 1]))


def share_at_temperature(
    share: ArrayLike, temperature: float, generation: ArrayLike
) -> Array:
    r"""Return the share of the first of two groups when every generation is tempered.

    .. math:: \mathrm{logit}\, q_t = \mathrm{logit}(q_0) / T^t

    Parameters
    ----------
    share
        Its share :math:`q_0` in the real data.
    temperature
        Temperature :math:`T`, above 0: below 1 the smaller group is lost, above 1 both
        become equal.
    generation
        Generation :math:`t`.

    Raises
    ------
    ValueError
        If the share is no probability or the temperature not positive.

    Notes
    -----
    Exact for :math:`q^{1/T} / (q^{1/T} + (1-q)^{1/T})`; the limits are those of Marchi
    et al. (2024).

    Examples
    --------
    >>> share_at_temperature(0.1, 0.9, [1, 5, 10]).round(4)
    array([0.0801, 0.0236, 0.0018])
    """
    q = numbers("share", share, least=0, most=1)
    check_positive("temperature", temperature)
    t = numbers("generation", generation, least=0)
    with np.errstate(divide="ignore", over="ignore"):
        logit = np.log(q) - np.log1p(-q)
        steepness = np.exp(-t * math.log(temperature))
        # Half stays half, however steep: infinity times 0 is 0 here.
        scaled = np.where(logit == 0, 0.0, logit * np.where(logit == 0, 1, steepness))
        return np.asarray(np.where(np.isinf(logit), q, 1 / (1 + np.exp(-scaled))))


def _generations(generation: ArrayLike) -> NDArray[np.int64]:
    """Return generations as whole numbers, else raise."""
    t = whole_numbers("generation", generation, "generations", most=STEPS)
    return t.astype(np.int64)


def _log_left(t: float, bias: float) -> float:
    """Return the logarithm of the variance accumulation has left."""
    s = t + 1
    if s < _FAR:
        ratio = math.lgamma(s + bias) - math.lgamma(s + 1)
    else:
        # Gamma(s + a) / Gamma(s + b) ~ (s + (a + b - 1) / 2)^(a - b)
        ratio = (bias - 1) * math.log(s + bias / 2)
    return ratio - math.lgamma(1 + bias)


def _generation_at(log_left: float, bias: float) -> float:
    """Return when accumulation has no more than this left."""
    if bias == 1 and log_left < 0:
        return math.inf

    def reached(t: float) -> bool:
        return _log_left(t, bias) <= log_left

    high = 1.0
    while not reached(high):
        high *= 2
        if high > LONGEST:
            return math.inf
    return 0.0 if log_left == 0 else _bisect(reached, 0.0, high)


def _bisect(true_above: Callable[[float], bool], low: float, high: float) -> float:
    """Return where a statement becomes true, to the last digits."""
    for _ in range(200):
        middle = (low + high) / 2
        if true_above(middle):
            high = middle
        else:
            low = middle
    return high
