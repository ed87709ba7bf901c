r"""Exact moments of one refitted Gaussian, to all orders in :math:`1/M`.

Notation as in `theory.gaussian`. Real data from :math:`N(0, 1)`; all numbers are
expectations over independent runs. Each law is a linear recursion for a few moments,
because a fit multiplies :math:`\sigma` by a factor that does not depend on the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, numbers
from collapse_lib.theory.special import half_step

Array = NDArray[np.float64]

# From how many degrees of freedom on the series of `_shortfall` is good to 12 digits.
_MANY = 500


def w2_moments(n_samples: Sequence[float]) -> tuple[Array, Array]:
    r"""Return mean and variance of :math:`W_2^2` after each of ``n`` unbiased fits.

    .. math::
        R = \mu_n^2 + (\sigma_n - 1)^2, \qquad
        \mu' = \mu + \sigma Z / \sqrt M, \quad
        \sigma' - 1 = (\sigma - 1) c + (c - 1)

    with :math:`c^2 \sim \chi^2_{M-1}/(M-1)` independent of :math:`Z`, so that
    :math:`E(\sigma-1)^k`, :math:`E\mu^2(\sigma-1)^k` and :math:`E\mu^4` follow from
    those of the fit before. Regime Replace; derived here.

    Parameters
    ----------
    n_samples
        Sample sizes :math:`M_0, \dots, M_{n-1}`, at least 2 each, shape ``(n,)``.

    Returns
    -------
    tuple of arrays
        :math:`E R` and :math:`\mathrm{Var} R` after 1 to ``n`` fits, shape ``(n,)``.

    Notes
    -----
    The first is `theory.gaussian.w2_risk` where the sizes are equal. To leading order
    they are :math:`\tfrac32 s` and :math:`\tfrac52 s^2` with :math:`s = \sum 1/M_i`.

    Examples
    --------
    >>> mean, variance = w2_moments([100] * 11)
    >>> print(f"{mean[-1]:.4f}, {variance[0] * 100**2:.3f}")
    0.1648, 2.506
    """
    shape = "(generations,)"
    sizes = numbers("n_samples", n_samples, ndim=1, shape=shape, least=2)
    off = np.array([1.0, 0, 0, 0, 0])  # E (sigma - 1)^k
    far = np.zeros(3)  # E mu^2 (sigma - 1)^k
    fourth, first, second = 0.0, [], []
    for size, step in zip(sizes, _factors(sizes - 1), strict=True):
        fourth += 6 / size * (far @ [1, 2, 1]) + 3 / size**2 * (off @ [1, 4, 6, 4, 1])
        far = step[:3, :3] @ (far + np.convolve(off, [1, 2, 1])[2:5] / size)
        off = step @ off
        first.append(far[0] + off[2])
        second.append(fourth + 2 * far[2] + off[4])
    mean = np.array(first)
    return mean, np.array(second) - mean**2


def accumulate_moments(n_samples: int, generations: int) -> tuple[Array, Array]:
    r"""Return :math:`E\sigma_t^2` and :math:`E\sigma_t^4` if all data are kept (MLE).

    Fit number :math:`k` to a pool of :math:`kM` points multiplies the variance by

    .. math::
        \frac{(k-1)M + Q + \frac{k-1}{k} Z^2}{kM}, \qquad
        Q \sim \chi^2_{M-1},\ Z \sim N(0, 1)

    independently of the past: the newest :math:`M` points add their own squares and
    those between their mean and the pool's. Regime Accumulate; derived here.

    Parameters
    ----------
    n_samples
        Points that each generation adds, :math:`M`, at least 2.
    generations
        The last generation.

    Returns
    -------
    tuple of arrays
        For generations 0 to the last one, shape ``(generations + 1,)``.

    Examples
    --------
    >>> mean, square = accumulate_moments(100, 1_000)
    >>> error = square - 2 * mean + 1  # of the variance
    >>> float(np.sqrt(error[-1] / error[0]).round(3))
    1.279
    """
    check_count("n_samples", n_samples, least=2)
    check_count("generations", generations, least=0)
    k = np.arange(1.0, generations + 2)
    mean = 1 - 1 / (k**2 * n_samples)
    spread = 2 * (n_samples - 1 + ((k - 1) / k) ** 2) / (k * n_samples) ** 2
    square = np.cumprod(mean**2 + spread, dtype=np.float64)
    return np.cumprod(mean, dtype=np.float64), square


def subsample_moments(n_samples: int, generations: int) -> tuple[Array, Array, Array]:
    r"""Return moments of :math:`\sigma_t^2` if samples are drawn from all data (MLE).

    Each generation adds :math:`M` points to a pool and is fitted to :math:`M` points
    drawn from it without replacement. With :math:`y` the deviations in the pool from
    its mean, :math:`E\sum y^2`, :math:`E(\sum y^2)^2` and :math:`E\sum y^4` follow from
    those of the generation before, because moments of a sample without replacement are
    linear in them. Regime AccumulateSubsample; derived here.

    Parameters
    ----------
    n_samples
        Points that each generation adds and is fitted to, :math:`M`, at least 4.
    generations
        The last generation.

    Returns
    -------
    tuple of arrays
        :math:`E\sigma_t^2` and :math:`E\sigma_t^4`, shape ``(generations + 1,)``, and
        :math:`E(\sigma_{t+1}^2 - \sigma_t^2)^2`, shape ``(generations,)``.

    Notes
    -----
    To leading order in :math:`1/M`, and after many generations, the variance of
    :math:`\sigma_t^2` is :math:`\pi^2/2 - 2` times that of one fit, and two fits in a
    row differ as two independent ones do.

    Examples
    --------
    >>> mean, square, _ = subsample_moments(10_000, 1_000)
    >>> spread = np.sqrt((square - mean**2)[-1] * 10_000 / 2)
    >>> print(f"{spread:.3f}, in the limit {np.sqrt(np.pi**2 / 2 - 2):.3f}")
    1.712, in the limit 1.713
    """
    check_count("n_samples", n_samples, least=4)
    check_count("generations", generations, least=0)
    m = float(n_samples)
    # E sum y^2, E (sum y^2)^2, E sum y^4 of the real data, all of which are fitted.
    pool = np.array([m - 1, m**2 - 1, 3 * (m - 1) ** 2 / m])
    mean, square, step = np.empty((3, generations + 1))
    for t in range(generations + 1):
        size = (t + 1) * m
        drawn = _drawn(pool, size, m)
        mean[t], square[t] = drawn[:2]
        pool, together = _grown(pool, drawn, size, m)
        # Given the pool, the next fit expects (M - 1)/M of its unbiased variance.
        step[t] = square[t] - 2 * (m - 1) / m * together / (size + m - 1)
    return mean, square, step[:-1] + square[1:]


def _drawn(pool: Array, size: float, m: float) -> Array:
    """Return E v, v^2, d^2, d^4, d^2 v of ``m`` points drawn without replacement.

    d is the distance of their mean from the pool's, v their mean square around it.
    """
    a, aa, b = pool
    # Chances that one, two, three, four given points are all drawn.
    one, two, three, four = np.cumprod((m - np.arange(4)) / (size - np.arange(4)))
    d2 = (1 - m / size) / m * a / (size - 1)
    pairs, triples = aa - b, 2 * b - aa  # of y_i^2 y_j^2 and y_i^2 y_j y_k
    d4 = one * b + two * (3 * pairs - 4 * b) + 6 * three * triples
    d4 = (d4 + four * (3 * aa - 6 * b)) / m**4
    q2 = (one * b + two * pairs) / m**2
    d2q = (one * b + two * (pairs - 2 * b) + three * triples) / m**3
    return np.array([a / size - d2, q2 - 2 * d2q + d4, d2, d4, d2q - d4])


def _grown(pool: Array, drawn: Array, size: float, m: float) -> tuple[Array, float]:
    """Add ``m`` new points to a pool; return its moments, and E v (sum y^2)."""
    a, aa, b = pool
    v, v2, d2, d4, d2v = drawn
    share, kept, between = m / (size + m), size / (size + m), size * m / (size + m)
    # e, from the pool's mean to that of the new points, is d + sqrt(v / m) Z.
    e2, e4, ve2 = d2 + v / m, d4 + 6 * d2v / m + 3 * v2 / m**2, d2v + v2 / m
    a_v, a_e2 = aa / a * v, aa / a * e2
    grown = np.array(
        [
            a + (m - 1) * v + between * e2,
            aa
            + (m**2 - 1) * v2
            + between**2 * e4
            + 2 * ((m - 1) * a_v + between * a_e2 + between * (m - 1) * ve2),
            b
            + 6 * share**2 * a_e2
            + (size * share**4 + m * kept**4) * e4
            + 3 * (m - 1) ** 2 / m * v2
            + 6 * kept**2 * (m - 1) * ve2,
        ]
    )
    return grown, a_v + (m - 1) * v2 + between * ve2


def _factors(degrees: Array) -> Array:
    """Return for each fit the matrix that takes E (sigma - 1)^j to E (sigma' - 1)^k."""
    short = _shortfall(degrees)
    # E (c - 1)^k; written with 1 - E c, so that little cancels.
    moments = [
        np.ones_like(short),
        -short,
        2 * short,
        (1 - short) / degrees - 4 * short,
        8 * short - 2 / degrees + 4 * short / degrees,
    ]
    matrix = np.zeros((len(short), 5, 5))
    for k in range(5):
        for j in range(k + 1):  # (k over j) E c^j (c - 1)^(k - j)
            mixed = [comb(j, i) * moments[k - j + i] for i in range(j + 1)]
            matrix[:, k, j] = comb(k, j) * np.sum(mixed, axis=0)
    return matrix


def _shortfall(degrees: Array) -> Array:
    """Return 1 - E c without the digits that a difference loses."""
    x = 1 / degrees
    series = x * (1 / 4 - x * (1 / 32 + x * (5 / 128 - 21 / 2048 * x)))
    direct = 1 - np.sqrt(2 * x) * half_step(degrees / 2)
    return np.where(degrees > _MANY, series, direct)
