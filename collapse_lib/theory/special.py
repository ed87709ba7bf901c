"""Special functions of the closed forms, with numpy alone.

They stand here so that the chapters' laws need nothing that a browser has to fetch.
`scipy.special` has more of them; the tests hold these against it and against exact
fractions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import numbers

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


def _series(coefficients: tuple[float, ...], x: Array) -> Array:
    """Return the sum of ``coefficients[k] / x**(2 k + 2)``."""
    total = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        total = (total + coefficient) / x**2
    return total
