r"""The Hurwitz zeta function, with numpy alone: sums of powers, and the trigamma."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_number, numbers

Array = NDArray[np.float64]

# B_2k / (2k)!, k = 1, 2, ...: the coefficients of Euler's and Maclaurin's series.
_EULER_MACLAURIN = (
    1 / 12,
    -1 / 720,
    1 / 30_240,
    -1 / 1_209_600,
    1 / 47_900_160,
    -691 / 1_307_674_368_000,
    1 / 74_724_249_600,
)
#: The largest exponent: beyond, the first term is the sum to the last digit.
MOST = 100


def hurwitz_zeta(s: float, x: ArrayLike) -> Array:
    r"""Return :math:`\zeta(s, x) = \sum_{i \ge 0} (x + i)^{-s}` for positive ``x``.

    :math:`\zeta(s, 1)` is Riemann's zeta function and :math:`\zeta(2, x)` the trigamma
    function :math:`\psi_1(x)`. The first terms are added up, the rest is the formula
    of Euler and Maclaurin.

    Parameters
    ----------
    s
        The exponent, above 1 and up to 100.
    x
        Where the sum starts, above 0; any shape.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> hurwitz_zeta(2, [1.0, 2.0]).round(4)  # pi^2/6, and without its first term
    array([1.6449, 0.6449])
    """
    s = check_number("s", s, above=1, most=MOST)
    x = numbers("x", x, above=0, empty=True)
    n_terms = 16 + math.ceil(s)  # the series needs X well above s / (2 pi)
    total = sum(((x + i) ** -s for i in range(n_terms)), start=np.zeros_like(x))
    far = x + n_terms
    rising, rest = s, far / (s - 1) + 0.5
    for k, coefficient in enumerate(_EULER_MACLAURIN, start=1):
        rest = rest + coefficient * rising * far ** (1 - 2 * k)
        rising *= (s + 2 * k - 1) * (s + 2 * k)
    return np.asarray(total + rest * far**-s)
