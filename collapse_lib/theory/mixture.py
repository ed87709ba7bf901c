"""Closed forms for mixtures that are refitted to their own samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_positive,
    numbers,
)

Array = NDArray[np.float64]

#: Points a generation up to which the law is solved for. Above, its limit is off by
#: less than a part in a thousand, for probabilities from 0.001 to 0.999.
MOST_SOLVED = 2_000
# Where densities of |x| are summed: midpoints, so that both signs make an even grid.
STEP = 0.04
GRID = STEP * (np.arange(200) + 0.5)
# With a smaller tolerance a single fit takes thousands of rounds.
LEAST_TOL = 1e-8


def balance_quantile(q: ArrayLike, n_samples: int, reg_covar: float) -> Array:
    r"""Return quantiles of the variance at which a regularised recursion comes to rest.

    A Gaussian on the line is refitted to ``n_samples`` = M of its own points with the
    estimator that divides by M, and ``reg_covar`` = r is added to every variance:

    .. math:: \sigma_{n+1}^2 = \frac{\chi^2_{M-1}}{M}\,\sigma_n^2 + r.

    The fit takes away about a share 1/M per generation, r brings the same amount back
    each time, and the variance comes to rest at the law that this step leaves as it is.

    Parameters
    ----------
    q
        Probabilities from 0 to 1; 0.5 gives the median, which is 0.635 rM for M = 5,
        0.600 rM for M = 50 and tends to 0.596 rM.
    n_samples
        Points per generation, at least 2. Up to 2,000 the law is solved for; above, the
        quantiles are those of its limit, and off by less than 0.1 % for ``q`` from
        0.001 to 0.999.
    reg_covar
        What is added, at least 0.

    Returns
    -------
    ndarray
        The shape of ``q``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The law of :math:`u = \sigma^2/r - 1` solves :math:`\log u' = \log A + \log(1+u)`
    with :math:`A = \chi^2_{M-1}/M`, here on a grid in :math:`\log u` so fine that the
    sum over it has the precision of the numbers. Its mean is known, and a test of the
    solution: :math:`E v = (1 - \frac1M) E v + r` for the variance v, hence rM.

    With :math:`A \approx 1 - \frac1M + \sqrt{\frac2M}\,Z` the variance follows
    :math:`dv = (r - v/M)\,dt + \sqrt{2/M}\,v\,dW`, whose stationary density is
    proportional to :math:`v^{-3} e^{-rM/v}`: in units of rM, the inverse gamma law with
    shape 2 and scale 1 is the limit.

    Examples
    --------
    >>> round(float(balance_quantile(0.5, 500, 1e-6)) ** 0.5, 4)
    0.0173
    """
    q = numbers("q", q, least=0, most=1)
    n = check_count("n_samples", n_samples, least=2)
    check_not_negative("reg_covar", reg_covar)
    if reg_covar == 0:
        return np.zeros(q.shape)
    if n > MOST_SOLVED:
        return np.asarray(reg_covar * np.fmax(1, n * stats.invgamma(2).ppf(q)))
    return np.asarray(reg_covar * _at_rest(q, n))


def _at_rest(q: Array, n_samples: int) -> Array:
    """Return quantiles of the variance in units of what is added."""
    shape, rate = (n_samples - 1) / 2, n_samples / 2  # the gamma law of A
    least = max(stats.gamma(shape, scale=1 / rate).ppf(1e-15), 1e-40)
    step = min(0.8 * np.sqrt(2 / n_samples), 0.3)  # in widths of log A, and at most
    grid = np.arange(np.log(least), np.log(n_samples) + 16, step)  # log u
    grown = np.logaddexp(0, grid)  # log(1 + u)
    moves = stats.loggamma(shape).pdf(grid[:, None] - grown + np.log(rate))
    equations = moves / moves.sum(axis=0) - np.eye(len(grid))
    equations[-1] = 1  # the sum of the weights, in the place of one equation too many
    weights = np.linalg.solve(equations, np.arange(len(grid)) == len(grid) - 1)
    low, high = np.full(q.shape, grid[0]), np.full(q.shape, grid[-1])
    for _ in range(60):  # halve the interval in which log u lies
        middle = (low + high) / 2
        scaled = rate * np.exp(middle[..., None] - grown)
        below = special.gammainc(shape, scaled) @ weights < q
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(q == 0, 1.0, np.where(q == 1, np.inf, 1 + np.exp(high)))


def unlimited_splits(n_generations: int, tol: float, max_iter: int = 2_000) -> Array:
    r"""Return how far EM that stops early parts a blob, without any sampling error.

    A standard normal cloud is described by two equal parts, refitted by EM from a
    k-means start, and the next fit sees *infinitely many* points of this one. Along the
    direction that k-means cuts, the parts have means :math:`\pm\delta_t` and variance
    :math:`1-\delta_t^2`: a round of EM keeps mean and covariance of the data. It
    replaces a half distance m by

    .. math:: m' = E_t\,x \tanh\frac{m x}{1 - m^2},

    beginning with :math:`E_t|x|`, the centre of one of the two halves, until the mean
    log-likelihood gains less than ``tol``; :math:`E_t` is the mean over the mixture of
    :math:`\delta_t`, and :math:`\delta_{t+1}` where m ends. Other directions stay as
    they are.

    Parameters
    ----------
    n_generations
        Refits after the first fit, at least 0.
    tol
        See `collapse_lib.models.GaussianMixture`; at least 1e-8, below which a fit
        takes very many rounds.
    max_iter
        Rounds at most.

    Returns
    -------
    ndarray
        :math:`\delta_0, \delta_1, \dots`, shape ``(n_generations + 1,)``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Our derivation; EM as in Dempster, Laird and Rubin (1977). Every round of EM brings
    the fit nearer to its data, and a fit that went on would end there: of a normal
    cloud, at :math:`\delta = 0`. What is left when it stops is the error of the
    procedure, and the next generation takes it for data. The integrals are sums over an
    even grid, exact to rounding for these densities.

    Examples
    --------
    >>> unlimited_splits(2, tol=1e-5).round(3)
    array([0.466, 0.525, 0.559])
    """
    check_count("n_generations", n_generations, least=0)
    check_positive("tol", tol)
    if tol < LEAST_TOL:
        raise ValueError(f"tol is {tol:g}; it must be at least {LEAST_TOL:g}")
    check_count("max_iter", max_iter, least=1)
    splits, last = np.empty(n_generations + 1), 0.0
    for t in range(n_generations + 1):
        splits[t] = last = _stopped_split(last, tol, max_iter)
    return splits


def _stopped_split(last: float, tol: float, max_iter: int) -> float:
    """Return half the distance of the parts fitted to a mixture with this one."""
    weights = _two_parts(last) * STEP
    width = math.sqrt(1 - last**2)
    split, before = float(stats.foldnorm(last / width, scale=width).mean()), -math.inf
    for _ in range(max_iter):
        now = float(weights @ np.log(_two_parts(split)))
        split = float(weights @ (GRID * np.tanh(split * GRID / (1 - split**2))))
        if abs(now - before) < tol:
            break
        before = now
    return split


def _two_parts(split: float) -> Array:
    """Return the density of |x| on `GRID` for parts at plus and minus ``split``."""
    variance = 1 - split**2
    scale = math.sqrt(2 * math.pi * variance)
    parts = np.exp(-np.square(GRID - [[split], [-split]]) / (2 * variance))
    return np.asarray(parts.sum(axis=0) / scale)
