r"""Closed forms for a Gaussian refitted to its own samples.

Notation: ``n_samples`` is the paper's :math:`M`, ``generation`` counts *fits made on
synthetic data*: generation 0 is the fit to :math:`M` real points, so generation
:math:`t` has seen :math:`t+1` samplings. All laws are for the regime Replace and real
data from :math:`N(\mu, \sigma^2)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_number,
    check_rng,
    numbers,
)
from collapse_lib.theory.special import digamma, half_step

Array = NDArray[np.float64]


def mean_abs_error_of_mean(n_samples: ArrayLike) -> Array:
    r"""Return :math:`E|\hat\mu - \mu| = \sigma\sqrt{2/(\pi M)}` for :math:`\sigma=1`.

    Examples
    --------
    >>> round(float(mean_abs_error_of_mean(10**7)), 7)
    0.0002523
    """
    return np.sqrt(2 / (np.pi * numbers("n_samples", n_samples, least=1)))


def sd_abs_error_of_mean(n_samples: ArrayLike) -> Array:
    r"""Return the standard deviation of :math:`|\hat\mu - \mu|` for :math:`\sigma=1`.

    :math:`\sqrt{(1-2/\pi)/M}`: the half-normal law.
    """
    return np.sqrt((1 - 2 / np.pi) / numbers("n_samples", n_samples, least=1))


def mean_sigma_factor(n_samples: ArrayLike, estimator: str = "unbiased") -> Array:
    r"""Return :math:`E\hat\sigma / \sigma` after one fit.

    .. math:: \sqrt{\frac{2}{M - c}}\;\frac{\Gamma(M/2)}{\Gamma((M-1)/2)}

    with :math:`c=1` for the unbiased variance and :math:`c=0` for the MLE. Iterated,
    :math:`E\sigma_t` is this factor to the power :math:`t+1` (Bertrand et al. 2024).
    """
    n = numbers("n_samples", n_samples, least=2)
    return np.asarray(np.sqrt(2 / (n - _lost(estimator))) * half_step((n - 1) / 2))


def sd_sigma_factor(n_samples: ArrayLike, estimator: str = "unbiased") -> Array:
    r"""Return the standard deviation of :math:`\hat\sigma/\sigma` after one fit."""
    n = numbers("n_samples", n_samples, least=2)
    mean_square = (n - 1) / (n - _lost(estimator))
    return np.asarray(np.sqrt(mean_square - mean_sigma_factor(n, estimator) ** 2))


def log_sigma2_drift(n_samples: ArrayLike, estimator: str = "unbiased") -> Array:
    r"""Return the exact drift of :math:`E\log\sigma_t^2` per fit.

    .. math:: \psi\big(\tfrac{M-1}{2}\big) + \log 2 - \log(M - c)

    about :math:`-1/M` (unbiased) or :math:`-2/M` (MLE). By the law of large numbers
    every path shrinks at this rate: :math:`\sigma_t \to 0` almost surely.
    """
    n = numbers("n_samples", n_samples, least=2)
    drift = digamma((n - 1) / 2) + np.log(2 / (n - _lost(estimator)))
    return np.asarray(drift)


def pooled_variance(
    n_samples: int, samplings: ArrayLike, estimator: str = "unbiased"
) -> Array:
    r"""Return :math:`\mathrm{Var}(X^n_j)/\sigma^2` over chains, after ``n`` fits.

    :math:`1 + n/M` for the unbiased estimator (Shumailov et al. 2023, section 4.2;
    exact, there is no second-order term) and exactly 1 for the MLE.
    """
    n = numbers("samplings", samplings, least=0)
    check_count("n_samples", n_samples, least=1)
    return 1 + n / n_samples if _lost(estimator) else np.ones_like(n)


def w2_risk_arxiv(n_samples: Sequence[float]) -> float:
    r"""Return equation 5 of the arXiv paper, **which is wrong** after one fit.

    :math:`1/M_0 + \dots + 1/M_{n-1} + 3/(2M_n)`: only the last term carries the
    contribution of the fitted :math:`\sigma`. Kept to compare (claim C14a).
    """
    inverse = _inverse_sizes(n_samples)
    return float(inverse[:-1].sum() + 1.5 * inverse[-1])


def w2_risk_nature(n_samples: Sequence[float]) -> float:
    r"""Return :math:`\tfrac32\sum_i 1/M_i`: the risk to first order in :math:`1/M`.

    Equation 6 of the Nature supplement, which corrects the arXiv paper.
    """
    return float(1.5 * _inverse_sizes(n_samples).sum())


def w2_risk(n_samples: int, samplings: ArrayLike) -> Array:
    r"""Return :math:`E\,W_2^2` after ``n`` unbiased fits, exactly.

    .. math::
        E\,W_2^2 = \frac nM + 2\,(1 - a^n), \qquad a = E\hat\sigma/\sigma

    (constant :math:`M`, :math:`\sigma = 1`): the mean walks, and
    :math:`E(\sigma_n - 1)^2 = E\sigma_n^2 - 2E\sigma_n + 1` with
    :math:`E\sigma_n^2 = 1`.
    """
    n = numbers("samplings", samplings, least=0)
    check_count("n_samples", n_samples, least=2)
    return np.asarray(n / n_samples + 2 * (1 - mean_sigma_factor(n_samples) ** n))


def w2_risk_variance_arxiv(n_samples: Sequence[float]) -> float:
    r"""Return equation 6 of the arXiv paper for the variance of :math:`W_2^2`.

    :math:`\sum_{i<n} 2/M_i^2 + 3/M_n^2 + \sum_{i\ne j} 3/(M_i M_j)`; does not hold
    (claim C15).
    """
    inverse = _inverse_sizes(n_samples)
    squares = inverse**2
    crossed = inverse.sum() ** 2 - squares.sum()
    return float(2 * squares[:-1].sum() + 3 * squares[-1] + 3 * crossed)


def w2_risk_variance(n_samples: Sequence[float]) -> float:
    r"""Return :math:`\tfrac52(\sum_i 1/M_i)^2`: the variance to leading order.

    To leading order :math:`\mu_n \sim N(0, s)` and :math:`\sigma_n - 1 \sim N(0, s/2)`
    with :math:`s=\sum 1/M_i`, independent; a square of :math:`N(0, v)` has variance
    :math:`2v^2`.
    """
    return float(2.5 * _inverse_sizes(n_samples).sum() ** 2)


def accumulate_variance_limit(n_samples: float) -> float:
    r"""Return :math:`\lim_t E\sigma_t^2` when data accumulate (MLE).

    .. math:: \prod_{i\ge1}\Big(1-\frac{1}{M i^2}\Big)
              = \frac{\sin(\pi/\sqrt M)}{\pi/\sqrt M}

    Euler's product; the shape of :math:`\pi^2/6` in the Gaussian case
    (regime of Gerstgrasser et al. 2024; derived here).

    Examples
    --------
    >>> round(accumulate_variance_limit(100), 4)
    0.9836
    """
    x = math.pi / math.sqrt(check_number("n_samples", n_samples, least=1))
    return math.sin(x) / x


def log_det_drift(n_samples: int, dim: int, estimator: str = "unbiased") -> float:
    r"""Return the exact drift of :math:`E\log\det\Sigma_t` per fit.

    .. math:: \sum_{i=0}^{d-1}\psi\big(\tfrac{M-1-i}{2}\big) + d\log\frac{2}{M-c}

    by Bartlett's decomposition; about :math:`-d(d+1)/(2M)` for the unbiased estimator.
    """
    check_count("dim", dim, least=1)
    check_count("n_samples", n_samples, least=dim + 1)
    degrees = n_samples - 1 - np.arange(dim)
    total = digamma(degrees / 2).sum()
    return float(total + dim * math.log(2 / (n_samples - _lost(estimator))))


def marginal_sample(
    n_samples: int, samplings: int, size: int, rng: np.random.Generator
) -> Array:
    r"""Draw :math:`X^n_j` from the variance-gamma product formula (arXiv equation 4).

    .. math::
        X^n_j = \frac{1}{\sqrt M}\sum_{k=1}^{n} \sqrt{S^1\cdots S^{k-1}}\, Z^k
                + \sqrt{S^1\cdots S^n}\, Z^{n+1}

    with :math:`S^k\sim\Gamma(\frac{M-1}{2}, \frac12)/(M-1)`: the law of one point
    after ``n`` unbiased fits, for real data from N(0, 1).

    Parameters
    ----------
    n_samples
        Sample size :math:`M` of every generation.
    samplings
        Number of fits :math:`n`.
    size
        Number of independent draws returned.
    rng
        Source of randomness.
    """
    check_count("n_samples", n_samples, least=2)
    check_count("samplings", samplings, least=0)
    check_count("size", size, least=1)
    check_rng(rng)
    scale, total = np.ones(size), np.zeros(size)
    for _ in range(samplings):
        total += scale * rng.standard_normal(size) / math.sqrt(n_samples)
        scale *= np.sqrt(rng.chisquare(n_samples - 1, size) / (n_samples - 1))
    return total + scale * rng.standard_normal(size)


def _inverse_sizes(n_samples: ArrayLike) -> Array:
    """Return 1 over the sample sizes of the generations, shape ``(n,)``."""
    shape = "(generations,)"
    return 1 / numbers("n_samples", n_samples, ndim=1, shape=shape, least=1)


def _lost(estimator: str) -> int:
    """Return the degrees of freedom :math:`c` that the estimator subtracts."""
    check_choice("estimator", estimator, ("unbiased", "mle"))
    return int(estimator == "unbiased")
