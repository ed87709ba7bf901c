"""Special functions of the closed forms, with numpy alone.

They stand here so that the chapters' laws need nothing that a browser has to fetch.
`scipy.special` has more of them; the tests hold these against it and against exact
fractions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import given, numbers, numeric, together

Array = NDArray[np.float64]

# Coefficients of asymptotic series, in powers of 1/x^2 and of 1/(x - 1/4)^2, and from
# where on they are good to the last digits.
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32_760, 1 / 12)
_HALF_STEP = (
    -1 / 64,
    21 / 8_192,
    -671 / 524_288,
    180_323 / 134_217_728,
    -20_898_423 / 8_589_934_592,
)
_FAR = 16
_erfc = np.frompyfunc(math.erfc, 1, 1)
_lgamma = np.frompyfunc(math.lgamma, 1, 1)


def normal_cdf(x: ArrayLike) -> Array:
    r"""Return :math:`\Phi(x) = P(Z \le x)` for a standard normal :math:`Z`.

    Accurate in the lower tail as well, where it is as small as 1e-300.

    Examples
    --------
    >>> normal_cdf([0.0, 1.96]).round(3)
    array([0.5  , 0.975])
    """
    z = numbers("x", x, infinite=True, empty=True)
    return np.asarray(0.5 * _erfc(-z / math.sqrt(2)), float)


def entropy_terms(p: ArrayLike) -> Array:
    r"""Return :math:`-p \log p`, which is 0 at 0, for numbers that are not negative.

    Examples
    --------
    >>> entropy_terms([0.0, 1.0, np.exp(1)]).round(3)
    array([ 0.   ,  0.   , -2.718])
    """
    p = numbers("p", p, least=0, empty=True)
    return np.asarray(0 - p * np.log(np.where(p == 0, 1, p)))


def digamma(x: ArrayLike) -> Array:
    r"""Return :math:`\psi(x) = \frac{d}{dx}\log\Gamma(x)` for positive numbers.

    By :math:`\psi(x) = \psi(x+1) - 1/x` up to where the series in :math:`1/x^2` holds.

    Examples
    --------
    >>> float(-digamma(1.0).round(4))  # Euler's constant
    0.5772
    """
    x = numbers("x", x, above=0, empty=True).copy()
    below = np.zeros_like(x)
    while (near := x < _FAR).any():
        below[near] -= 1 / x[near]
        x[near] += 1
    return np.asarray(np.log(x) - 0.5 / x - _series(_DIGAMMA, x) + below)


def half_step(x: ArrayLike) -> Array:
    r"""Return :math:`\Gamma(x + \tfrac12) / \Gamma(x)` for positive numbers.

    Not by the difference of two logarithms, which loses the digits that matter when
    the ratio is held against :math:`\sqrt x`. The series in
    :math:`1/(x - \tfrac14)^2` is that of the central binomial coefficient.

    Examples
    --------
    >>> float(half_step(0.5).round(4))  # 1 / sqrt(pi)
    0.5642
    """
    x = numbers("x", x, above=0, empty=True).copy()
    factor = np.ones_like(x)
    while (near := x < _FAR).any():
        factor[near] *= x[near] / (x[near] + 0.5)
        x[near] += 1
    middle = x - 0.25
    return np.asarray(factor * np.sqrt(middle) / (1 + _series(_HALF_STEP, middle)))


def log_binomial_tail(
    successes: ArrayLike, trials: ArrayLike, chance: ArrayLike
) -> Array:
    r"""Return :math:`\log P(X \ge k)` for a binomial :math:`X`, however small that is.

    .. math:: P(X \ge k) = \sum_{j=k}^n \binom nj p^j (1-p)^{n-j} = I_p(k, n - k + 1)

    Parameters
    ----------
    successes, trials
        :math:`0 \le k \le n`, whole numbers of any shapes that go together.
    chance
        :math:`p`, above 0 and below 1.

    Raises
    ------
    ValueError
        If a number is not whole or out of range.

    Notes
    -----
    The terms are summed from the one nearest to the mean outwards, relative to it, so
    that nothing underflows: `scipy.stats.binom.logsf` is minus infinity below 1e-308.

    Examples
    --------
    >>> log_binomial_tail([2, 900], [2, 1000], 0.25).round(2)
    array([  -2.77, -954.48])
    """
    k = numbers("successes", successes, least=0)
    n = numbers("trials", trials, least=0)
    p = numbers("chance", chance, above=0, most=1)
    for name, array in (("successes", k), ("trials", n)):
        if (array != np.floor(array)).any():
            raise ValueError(f"{name} is {given(array)}; they must be whole numbers")
    if (p == 1).any():
        raise ValueError("chance is 1; it must be below 1")
    k, n, p = together(successes=k, trials=n, chance=p)
    if (k > n).any():
        raise ValueError(
            f"successes has {int(k[k > n][0])} of {int(n[k > n][0])} trials; there "
            "cannot be more than trials"
        )
    above, start = k > n * p, np.where(k > n * p, k, k - 1)
    odds = np.where(above, p / (1 - p), (1 - p) / p)
    # Counted in the direction of the sum: what may still change, and what has changed.
    left, done = np.where(above, n - start, start), np.where(above, start, n - start)
    tail = _log_pmf(np.maximum(start, 0), n, p) + np.log(_falling(left, done, odds))
    below = np.where(start < 0, -np.inf, tail)
    with np.errstate(divide="ignore"):  # a side that is not used may be certain
        return np.where(above, tail, np.log1p(-np.exp(np.minimum(below, 0))))


def log_gamma_tail(n: ArrayLike, total: ArrayLike) -> Array:
    r"""Return the log of the chance that ``n`` exponential scores sum to as much.

    .. math::
        \log Q(n, s) = \log \sum_{k=0}^{n-1} e^{-s} \frac{s^k}{k!}

    Parameters
    ----------
    n
        How many scores, integers from 1 up.
    total
        Their sum :math:`s`, 0 or more; shapes are broadcast.

    Returns
    -------
    array
        Natural logarithms: they say more than 0 where the chance is 1e-400.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> float(np.exp(log_gamma_tail(80, 80 * 1.8576)).round(12))
    2.65e-10
    """
    counts = numeric("n", n)
    if counts.dtype.kind not in "iu" or not counts.size or counts.min() < 1:
        raise ValueError("n must be integers from 1 up: how many scores were added")
    s = numbers("total", total, least=0)
    try:
        n_all, s_all = np.broadcast_arrays(counts, s)
    except ValueError:
        raise ValueError(
            f"n has shape {counts.shape} and total {s.shape}, which do not go together"
        ) from None
    pairs = zip(n_all.flat, s_all.flat, strict=True)
    found = [_log_poisson_below(int(a), float(b)) for a, b in pairs]
    return np.asarray(found).reshape(n_all.shape)


def _log_poisson_below(n: int, s: float) -> float:
    """Return the log of the chance that a Poisson number of mean s is below n."""
    if s == 0:
        return 0.0
    k = np.arange(1, n)
    terms = np.concatenate([[0.0], np.cumsum(np.log(s) - np.log(k))]) - s
    top = terms.max()
    return float(min(top + np.log(np.exp(terms - top).sum()), 0))


def _log_pmf(k: Array, n: Array, p: Array) -> Array:
    """Return the logarithm of binomial probabilities."""
    ways = _lgamma(n + 1) - _lgamma(k + 1) - _lgamma(n - k + 1)
    return np.asarray(np.asarray(ways, float) + k * np.log(p) + (n - k) * np.log1p(-p))


def _falling(left: Array, done: Array, odds: Array) -> Array:
    """Return the sum of binomial terms from one outwards, relative to it."""
    term, total, step = np.ones(left.shape), np.ones(left.shape), 0
    while (term > 1e-17 * total).any():
        term = term * np.maximum(left - step, 0) / (done + step + 1) * odds
        total, step = total + term, step + 1
    return total


def _series(coefficients: tuple[float, ...], x: Array) -> Array:
    """Return the sum of ``coefficients[k] / x**(2 k + 2)``."""
    total = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) / x**2
    return total
