r"""Loops that are pulled towards a target, by a verifier, an oracle or real data.

A normal distribution of known width, :math:`N(\mu, \sigma^2)`, is fitted to ``n`` real
points; only its mean is fitted. From then on each generation trains on ``n`` points
that the newest model has made, and that something has pulled towards a centre
:math:`c`. Three pulls are one and the same map of the mean:

- *verified*: a point is accepted with probability :math:`e^{-g(x-c)^2/2\sigma^2}`
  (`collapse_lib.regimes.Verified`). What is accepted is again normal, with mean
  :math:`(\hat\mu + g c)/(1 + g)` and variance :math:`\sigma^2/(1+g)`;
- *curated*: the same with the reward :math:`-g(x-c)^2/2\sigma^2` and very many
  candidates (`collapse_lib.regimes.Best`);
- *corrected*: the model is moved to the mean :math:`(\hat\mu + g c)/(1 + g)` before it
  is asked for points, which keep their variance (`collapse_lib.regimes.Corrected`).
  Training on the same ``g n`` real points in every generation, beside ``n`` synthetic
  ones, is this with the mean of the real points as the centre.

Derived here; all laws are in units of :math:`\sigma`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    check_switch,
    numbers,
)

Array = NDArray[np.float64]

#: Places at which the weight of a window is summed up.
NODES = 400
WIDEST, FARTHEST = 30.0, 100.0
#: Offsets that can be squared.
LARGEST = 1e100


def pulled_error(
    generation: ArrayLike,
    strength: float,
    n_samples: int,
    *,
    n_real: int | None = None,
    offset: float = 0.0,
    narrowed: bool = False,
    of: str = "fit",
) -> Array:
    r"""Return the mean squared error of the mean of a loop that is pulled.

    With :math:`\rho = 1/(1+g)`, a target that is off by :math:`b`, and
    :math:`\kappa = \rho` where the pull narrows what it lets through (a verifier),
    else 1 (a correction),

    .. math::
        E(\hat\mu_t - \mu)^2 = b^2 (1 - \rho^t)^2 + \frac{\rho^{2t}}{n_0}
        + \frac{\kappa}{n}\,\frac{1 - \rho^{2t}}{1 - \rho^2}.

    Parameters
    ----------
    generation
        Generation :math:`t`; 0 is the fit to real data, ``np.inf`` the limit.
    strength
        Strength :math:`g` of the pull, 0 or above; 0 is plain replacement.
    n_samples
        Synthetic points :math:`n` of every generation.
    n_real
        Real points :math:`n_0` of generation 0; default: ``n_samples``.
    offset
        How far the target is off, :math:`b = c - \mu`, up to 1e100. Of a target that
        was estimated from :math:`m` points, independent of the first ones, the error is
        that for :math:`b = 1/\sqrt m`, on average over targets.
    narrowed
        Whether the points are narrower by :math:`1 + g`, as accepted points are.
    of
        ``"fit"``: of the fitted model. ``"generator"``: of the model after the pull,
        :math:`(\hat\mu_t + g c)/(1+g)`, or of the law of the points it lets through.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Derived here: :math:`\hat\mu_{t+1} - c = \rho(\hat\mu_t - c)` plus noise of variance
    :math:`\kappa/n`. For :math:`b = 0` and the correction the limit of :math:`n` times
    it is :math:`(1+g)^2/(g(2+g))` for the fit, and :math:`1/(g(2+g))` for the
    generator: the one is the other plus the noise of one sample.

    With many synthetic points the error has its smallest value
    :math:`1/(n_0 + 1/b^2)` on the way, where :math:`\rho^t = b^2/(b^2 + 1/n_0)`: for
    who stops there, the verifier is worth :math:`1/b^2` real points.

    Examples
    --------
    >>> (100 * pulled_error([0, 1, np.inf], 1.0, 100)).round(3)
    array([1.   , 1.25 , 1.333])
    >>> float((100 * pulled_error(np.inf, 1.0, 100, of="generator")).round(3))
    0.333
    """
    t = numbers("generation", generation, least=0, infinite=True)
    g = check_not_negative("strength", strength)
    n = check_count("n_samples", n_samples, least=1)
    real = n if n_real is None else check_count("n_real", n_real, least=1)
    b = check_number("offset", offset, least=-LARGEST, most=LARGEST)
    check_switch("narrowed", narrowed)
    check_choice("of", of, ("fit", "generator"))
    if g == 0:
        return np.asarray(1 / real + t / n)
    rho = 1 / (1 + g)
    left = np.exp(-t * math.log1p(g))
    kappa = rho if narrowed else 1.0
    # 1 - rho^2 without cancellation for weak pulls.
    gone = (g * rho) * ((2 + g) * rho)
    noise = left**2 / real + kappa * (1 - left**2) / (gone * n)
    if of == "fit":
        return np.asarray((b * (1 - left)) ** 2 + noise)
    return np.asarray((b * (1 - rho * left)) ** 2 + rho**2 * noise)


def window_mean(mu: ArrayLike, radius: float) -> Array:
    r"""Return the mean of what a window lets through of :math:`N(\mu, 1)`.

    The window keeps the points with :math:`|x| \le r`.

    Parameters
    ----------
    mu
        Mean of the model, relative to the centre of the window, from -100 to 100.
    radius
        Half of the width of the window, :math:`r`, above 0 and up to 30.

    Raises
    ------
    ValueError
        If one of them is out of range.

    Notes
    -----
    The mean of a truncated normal distribution. Its slope is `window_variance`, which
    is below 1: with large samples the loop moves to the centre of the window, whatever
    it starts from (Yi et al. 2025 show this for linear regression).

    Examples
    --------
    >>> window_mean([0.0, 1.0, 3.0], 1.0).round(3)
    array([0.   , 0.277, 0.629])
    """
    return _moments(mu, radius)[0]


def window_variance(mu: ArrayLike, radius: float) -> Array:
    r"""Return the variance of what a window lets through of :math:`N(\mu, 1)`.

    Around the centre a loop of fits to ``n`` accepted points then has the mean squared
    error :math:`\frac1n\,\rho/(1-\rho^2)`, for large ``n``, with this variance at
    :math:`\mu = 0` for :math:`\rho`. Arguments as in `window_mean`.

    Raises
    ------
    ValueError
        If one of them is out of range.

    Examples
    --------
    >>> window_variance([0.0, 1.0, 3.0], 1.0).round(3)
    array([0.291, 0.251, 0.11 ])
    """
    return _moments(mu, radius)[1]


def _moments(mu: ArrayLike, radius: float) -> tuple[Array, Array]:
    """Return mean and variance in the window, by quadrature: no tail underflows."""
    m = numbers("mu", mu, least=-FARTHEST, most=FARTHEST)
    r = check_positive("radius", radius)
    check_number("radius", r, above=0, most=WIDEST)
    # Around where the weight is largest, as far as it reaches.
    peak = np.clip(m, -r, r)
    reach = 81 / (9 + np.abs(m - peak))
    low, high = np.maximum(-r, peak - reach), np.minimum(r, peak + reach)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = (low + high)[..., None] / 2 + (high - low)[..., None] / 2 * nodes
    away = x - m[..., None]
    w = weights * np.exp(((peak - m) ** 2)[..., None] / 2 - away**2 / 2)
    total = w.sum(axis=-1)
    mean = (w * x).sum(axis=-1) / total
    spread = (w * (x - mean[..., None]) ** 2).sum(axis=-1) / total
    return np.asarray(mean), np.asarray(spread)
