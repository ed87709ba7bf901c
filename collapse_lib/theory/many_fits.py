r"""What many fits make of a Gaussian, exactly: sums over equally spaced points.

Notation as in `collapse_lib.theory.gaussian`: ``n_samples`` is :math:`M`,
``samplings`` is the number of fits :math:`n` (generation :math:`t` has seen
:math:`t+1`), :math:`c` is 1 for the unbiased estimator and 0 for the MLE. All laws are
for the regime Replace.

Simulation is no judge of these quantities where they matter: the expectations live in
runs too rare to be drawn, and shares that are nearly 1 tell nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_choice, check_count, numbers
from collapse_lib.theory.gaussian import mean_sigma_factor
from collapse_lib.theory.multivariate import mean_error
from collapse_lib.theory.special import half_step

Array = NDArray[np.float64]

# Coefficients of Stirling's series, in powers of 1/z^2, and from where on they are
# good to the last digits.
_STIRLING = (1 / 12, -1 / 360, 1 / 1_260, -1 / 1_680, 1 / 1_188, -691 / 360_360)
_FAR = 16
_NOTHING = 42.0  # exp of less is no part of a number near 1


def variance_cdf(
    x: ArrayLike, n_samples: int, samplings: int, estimator: str = "unbiased"
) -> Array:
    r"""Return :math:`P(\sigma_n^2 \le x\,\sigma^2)` after ``n`` fits, exactly.

    Parameters
    ----------
    x
        Share of the original variance, not negative; any shape.
    n_samples
        Sample size :math:`M` of every generation, at least 2.
    samplings
        Number of fits :math:`n`, at least 1.
    estimator
        ``"unbiased"`` or ``"mle"``.

    Returns
    -------
    ndarray
        Probabilities, the shape of ``x``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    :math:`\log(\sigma_n^2/\sigma^2)` is a sum of :math:`n` independent
    :math:`\log(\chi^2_{M-1}/(M-c))`, with the characteristic function

    .. math::
        \Bigl[\Bigl(\frac{2}{M-c}\Bigr)^{iu}
        \frac{\Gamma(\frac{M-1}2 + iu)}{\Gamma(\frac{M-1}2)}\Bigr]^n ,

    which is inverted by Gil-Pelaez' integral (1951), summed at midpoints (Davies 1973).
    For a Gaussian in many dimensions this is the law of the variance along any fixed
    direction. To 10 decimals.

    Examples
    --------
    >>> variance_cdf([0.5, 1.0], n_samples=11, samplings=1).round(3)
    array([0.109, 0.56 ])
    """
    share = numbers("x", x, least=0, infinite=True)
    k = check_count("n_samples", n_samples, least=2) - 1
    n = check_count("samplings", samplings, least=1)
    scale = math.log(2 / (n_samples - _lost(estimator)))
    with np.errstate(divide="ignore"):
        gap = np.log(share) - n * (math.log(k / 2) + scale)
    inner = np.isfinite(gap)
    # The logarithm's standard deviation is about (2 n / k)^(1/2); on the left its
    # density falls like exp(k l / 2), however few the fits.
    reach = 20 * math.sqrt(2 * n / k * (1 + 2 / k)) + 2 * (_NOTHING + n) / k
    reach += np.abs(gap[inner]).max(initial=0)
    h = math.pi / reach
    top = h
    while n * _log_gamma_ratio(k / 2, np.array([top]))[0][0] > -_NOTHING:
        top *= 1.5
    odd = np.arange(math.ceil(top / h)) + 0.5
    size, turn = _log_gamma_ratio(k / 2, h * odd)
    turn = n * (turn - h * odd * math.log(k / 2))
    waves = np.sin(turn - np.multiply.outer(gap[inner], h * odd))
    cdf = np.where(gap > 0, 1.0, 0.0)
    cdf[inner] = 0.5 - (waves * np.exp(n * size) / odd).sum(axis=-1) / math.pi
    return np.asarray(np.clip(cdf, 0, 1))


def w2_risk(
    n_samples: int, samplings: ArrayLike, dim: int, estimator: str = "unbiased"
) -> Array:
    r"""Return :math:`E\,W_2^2(N(\mu_n, \Sigma_n), N(0, I))`, on the line or plane.

    .. math::
        E\,W_2^2 = E\|\mu_n\|^2 + E\operatorname{Tr}\Sigma_n + d
                   - 2\,E\operatorname{Tr}\Sigma_n^{1/2},

    for real data from :math:`N(0, I)`. The first two terms are :math:`dn/M` and
    :math:`d` (unbiased), and add up to :math:`d` with the MLE, whose risk therefore
    tends to :math:`2d`.

    Parameters
    ----------
    n_samples
        Sample size :math:`M` of every generation, more than ``dim``.
    samplings
        Numbers of fits :math:`n`; any shape.
    dim
        1 or 2.
    estimator
        ``"unbiased"`` or ``"mle"``.

    Returns
    -------
    ndarray
        The shape of ``samplings``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    On the line :math:`E\sigma_n = a^n` with :math:`a` the
    `theory.gaussian.mean_sigma_factor`. In the plane

    .. math::
        E\operatorname{Tr}\Sigma_n^{1/2} = \frac\pi2\,a^n
        + \int_0^\infty \frac{\kappa(\tau)^n\,d\tau}{(1+\tau^2)\cosh\pi\tau},
        \qquad
        \kappa(\tau) = \sqrt{\frac{2}{M-c}}\;
        \frac{|\Gamma(\frac{M-1}2+\frac{i\tau}2)|^2}
             {\Gamma(\frac{M-1}2)\,\Gamma(\frac M2-1)} .

    Derived here: with the eigenvalues :math:`\delta e^{\pm r}` of :math:`\Sigma_n` the
    trace is :math:`2\sqrt\delta\cosh\frac r2`. Expanded in Legendre functions
    :math:`P_\nu(\cosh r)` (the Mehler-Fock transform), :math:`\nu=\frac12` and
    :math:`-\frac12+i\tau`, each term of it is multiplied by a number in every fit, as
    rotations do not change the Wishart law; Bartlett's decomposition gives the number.

    Examples
    --------
    >>> w2_risk(20, [20, 1_200], dim=2).round(2).tolist()
    [3.24, 124.0]
    >>> w2_risk(20, [20, 1_200], dim=2, estimator="mle").round(2).tolist()
    [2.34, 4.0]
    """
    n = numbers("samplings", samplings, least=0)
    check_count("dim", dim, least=1, most=2)
    if not check_count("n_samples", n_samples, least=1) > dim:
        raise ValueError(
            f"n_samples is {n_samples} and dim is {dim}; needed is n_samples > dim"
        )
    lost = _lost(estimator)
    a = mean_sigma_factor(n_samples, estimator)
    root = a**n if dim == 1 else math.pi / 2 * a**n + _spread(n_samples, n, lost)
    trace = dim * ((n_samples - 1) / (n_samples - lost)) ** n
    shift = dim * mean_error(n_samples, n, estimator)
    return np.asarray(shift + trace + dim - 2 * root)


def _spread(n_samples: int, n: Array, lost: int) -> Array:
    """Return the integral of `w2_risk`; its integrand is even and smooth."""
    step = 1 / 32
    tau = step * np.arange(16 * 32)
    ratio, _ = _log_gamma_ratio((n_samples - 1) / 2, tau / 2)
    first = math.sqrt(2 / (n_samples - lost)) * half_step(n_samples / 2 - 1)
    weight = step / (1 + tau**2) / np.cosh(np.pi * tau)
    weight[0] /= 2
    kappa = first * np.exp(2 * ratio)
    return np.asarray((kappa ** n[..., None] * weight).sum(axis=-1))


def _log_gamma_ratio(x: float, y: Array) -> tuple[Array, Array]:
    r"""Return real and imaginary part of :math:`\log\Gamma(x+iy) - \log\Gamma(x)`."""
    below = x + np.arange(max(0, math.ceil(_FAR - x)))[:, None]
    real = -0.5 * np.log1p((y / below) ** 2).sum(axis=0)
    angle = -np.arctan2(y, below).sum(axis=0)
    far = x + len(below)
    turn, stretch = np.arctan2(y, far), 0.5 * np.log1p((y / far) ** 2)
    series = _series(far + 1j * y) - _series(np.asarray(far + 0j))
    real += (far - 0.5) * stretch - y * turn + series.real
    angle += (far - 0.5) * turn + y * (math.log(far) + stretch - 1) + series.imag
    return real, angle


def _series(z: NDArray[Any]) -> NDArray[Any]:
    """Return what Stirling's formula for the logarithm of the gamma function lacks."""
    powers = z ** -(2 * np.arange(len(_STIRLING))[:, None] + 1.0)
    return np.asarray((np.array(_STIRLING)[:, None] * powers).sum(axis=0))


def _lost(estimator: str) -> int:
    """Return the degrees of freedom :math:`c` that the estimator subtracts."""
    check_choice("estimator", estimator, ("unbiased", "mle"))
    return int(estimator == "unbiased")
