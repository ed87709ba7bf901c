r"""Closed forms for a Gaussian in ``dim`` dimensions refitted to its own samples.

Notation as in `collapse_lib.theory.gaussian`: ``n_samples`` is :math:`M`,
``samplings`` is the number of fits :math:`n` (generation :math:`t` has seen
:math:`t+1`). All laws are for the regime Replace. The real data have mean
:math:`\mu` and covariance :math:`\Sigma`.

Everything rests on one fact: a projection of the recursion on a fixed direction is
the recursion on the line, because samples, means and covariances project.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_choice, check_count, check_not_negative, numbers
from collapse_lib.theory.special import digamma, normal_cdf

Array = NDArray[np.float64]


def mean_error(
    n_samples: int, samplings: ArrayLike, estimator: str = "unbiased"
) -> Array:
    r"""Return :math:`E\|\mu_n-\mu\|^2 / \mathrm{tr}\,\Sigma`, exactly.

    :math:`n/M` for the unbiased covariance, whose expectation stays
    :math:`\Sigma`; :math:`1 - (1-1/M)^n` for the MLE, whose expectation shrinks by
    :math:`1 - 1/M` per fit. Holds for real data of any law with a variance.

    Examples
    --------
    >>> mean_error(50, [50, 500]).tolist()
    [1.0, 10.0]
    >>> mean_error(50, [50, 500], "mle").round(3).tolist()
    [0.636, 1.0]
    """
    n = numbers("samplings", samplings, least=0)
    check_count("n_samples", n_samples, least=1)
    if _is_mle(estimator):
        return np.asarray(1 - (1 - 1 / n_samples) ** n)
    return n / n_samples


def eigenvalue_drifts(n_samples: int, dim: int, estimator: str = "unbiased") -> Array:
    r"""Return the rates :math:`\lim_n \frac1n\log\lambda_i(\Sigma_n)`, largest first.

    .. math:: \psi\big(\tfrac{M-i}{2}\big) + \log\frac{2}{M-c},
              \qquad i = 1, \dots, d

    about :math:`-i/M` for the unbiased estimator: the cloud becomes a needle.

    Parameters
    ----------
    n_samples
        Sample size :math:`M`, more than ``dim``; with fewer points the covariance is
        singular after one fit.
    dim
        Dimension :math:`d`.
    estimator
        ``"unbiased"`` or ``"mle"``.

    Raises
    ------
    ValueError
        If there are not more points than dimensions.

    Notes
    -----
    The root of :math:`\Sigma_n` is a product of independent matrices with a law that
    rotations do not change; the volume of any k-dimensional piece then grows by the
    product of k independent chi variables (Bartlett's decomposition), which gives the
    sum of the first k Lyapunov exponents. Their total is
    `collapse_lib.theory.gaussian.log_det_drift`. Derived here.

    Examples
    --------
    >>> (100 * eigenvalue_drifts(100, 3)).round(2).tolist()
    [-1.01, -2.04, -3.08]
    """
    check_count("dim", dim, least=1)
    if not check_count("n_samples", n_samples, least=1) > dim:
        raise ValueError(
            f"n_samples is {n_samples} and dim is {dim}; needed is n_samples > dim >= 1"
        )
    divisor = n_samples - (not _is_mle(estimator))
    halves = (n_samples - np.arange(1, dim + 1)) / 2
    return np.asarray(digamma(halves) + np.log(2 / divisor))


def resting_place_sf(
    distance2: ArrayLike, dim: int, estimator: str = "unbiased"
) -> Array:
    r"""Return :math:`P(\|\mu_\infty-\mu\|^2 > x)` for :math:`\Sigma=I`, large ``M``.

    The mean comes to rest at a random place, which in the limit of large :math:`M`
    follows the multivariate Student law with 2 degrees of freedom (unbiased; infinite
    variance) or with 4 (MLE; scaled so that each variance is 1):

    .. math::
        1 - \Bigl(\frac{x}{2 + x}\Bigr)^{d/2} \Bigl(1 + \frac{a\,d}{2 + x}\Bigr),
        \qquad a = 0 \text{ (unbiased)},\; 1 \text{ (MLE)}.

    Parameters
    ----------
    distance2
        Squared distances :math:`x \ge 0`.
    dim
        Dimension :math:`d`.
    estimator
        ``"unbiased"`` or ``"mle"``.

    Notes
    -----
    Given the scales, a coordinate of :math:`\mu_\infty` is normal with variance
    :math:`V=\sum_i\sigma_i^2/M`. The sum solves :math:`V = 1/M + s^2 V'` in law,
    with :math:`s^2 = \chi^2_{M-1}/(M-c)`. For large :math:`M` that is the stationary
    law of :math:`dV = (1 - aV)\,dt + \sqrt2\,V\,dB`, an inverse gamma law of shape
    :math:`1 + a`. Derived here.

    Examples
    --------
    >>> resting_place_sf([0.0, 2.0, 98.0], dim=2).round(2).tolist()
    [1.0, 0.5, 0.02]
    """
    check_count("dim", dim, least=1)
    y = 2 / (2 + numbers("distance2", distance2, least=0, infinite=True))
    return np.asarray(-np.expm1(_log_mass_within(y, dim, estimator)))


def _log_mass_within(y: Array, dim: int, estimator: str) -> Array:
    """Return the log of one less `resting_place_sf`, with ``y = 2 / (2 + x)``."""
    with np.errstate(divide="ignore"):  # no mass at the centre: log 0 = -inf
        power = dim / 2 * np.log1p(-y)
    return np.asarray(power + np.log1p(_is_mle(estimator) * dim / 2 * y))


def resting_distance_median(dim: int, estimator: str = "unbiased") -> float:
    r"""Return the median of :math:`\|\mu_\infty-\mu\|^2` for :math:`\Sigma = I`.

    For the unbiased estimator :math:`2q/(1-q)` with :math:`q = 2^{-2/d}`; conditions
    as for `resting_place_sf`.

    Examples
    --------
    >>> round(resting_distance_median(1), 4), round(resting_distance_median(2), 4)
    (0.6667, 2.0)
    """
    check_count("dim", dim, least=1)
    low, high = 0.0, 1.0  # of y = 2 / (2 + x), halved until they are neighbours
    while low < (y := (low + high) / 2) < high:
        within = math.exp(_log_mass_within(np.asarray(y), dim, estimator))
        low, high = (y, high) if within > 0.5 else (low, y)
    return 2 / y - 2


def noisy_lower_bound(
    trace: float, n_samples: Sequence[float], noise: ArrayLike = 0.0
) -> float:
    r"""Return the lower bound on the risk when every fit makes an extra error.

    .. math::
        E\,W_2^2 \ge E\|\mu_{n+1}-\mu\|^2
        = \mathrm{tr}\,\Sigma\sum_{i=0}^n \frac1{M_i}
          + \sum_{i=1}^{n+1}E\|\varepsilon_i\|^2

    Parameters
    ----------
    trace
        :math:`\mathrm{tr}\,\Sigma` of the real data.
    n_samples
        Sample sizes :math:`M_0, \dots, M_n`.
    noise
        :math:`E\|\varepsilon_i\|^2` of each fit, or one number for all.

    Notes
    -----
    Shumailov et al. (2023), section 4.3. Conditions: given the past, the error has
    mean zero and is uncorrelated with the sampling error of the mean, and the
    covariance is unbiased.

    Examples
    --------
    >>> noisy_lower_bound(2.0, [100, 100], noise=0.01)
    0.06
    """
    check_not_negative("trace", trace)
    sizes = numbers("n_samples", n_samples, ndim=1, shape="(generations,)", least=1)
    errors = numbers("noise", noise, least=0)
    if errors.shape not in ((), sizes.shape):
        raise ValueError(
            f"noise has shape {errors.shape}; needed is one number, or one for each of "
            f"the {len(sizes)} fits"
        )
    return float(trace * (1 / sizes).sum() + np.broadcast_to(errors, sizes.shape).sum())


def variance_of_median(n_samples: int) -> float:
    r"""Return the variance of the median of an odd number of N(0, 1) points.

    The median of :math:`M` uniform numbers is Beta distributed, so its density is
    proportional to :math:`(\Phi(x)\,\Phi(-x))^{(M-1)/2}\,\phi(x)`; the integrals are
    sums over equally spaced points. About :math:`\pi/(2M)`.

    Raises
    ------
    ValueError
        If the number is not odd.

    Examples
    --------
    >>> round(variance_of_median(1), 6), round(variance_of_median(3), 4)
    (1.0, 0.4487)
    """
    if check_count("n_samples", n_samples, least=1) % 2 == 0:
        raise ValueError(f"n_samples is {n_samples}; allowed are odd numbers from 1")
    x = math.sqrt(math.pi / (2 * n_samples)) * np.linspace(-12, 12, 801)
    both = 4 * normal_cdf(x) * normal_cdf(-x)  # 1 at its largest
    density = np.exp((n_samples - 1) / 2 * np.log(both) - x**2 / 2)
    return float((x**2 * density).sum() / density.sum())


def _is_mle(estimator: str) -> bool:
    check_choice("estimator", estimator, ("unbiased", "mle"))
    return estimator == "mle"
