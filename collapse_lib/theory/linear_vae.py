r"""Closed forms for a linear autoencoder trained on what its predecessor drew.

The model is probabilistic principal component analysis, the linear variational
autoencoder (Tipping and Bishop 1999; Lucas et al. 2019): :math:`x = Wz + \varepsilon`
with :math:`z \sim N(0, I)` and :math:`\varepsilon \sim N(0, s^2 I)`, :math:`s` fixed.
The sample is infinite. The data of generation 0 are real, with variance
:math:`\lambda_0` along a principal axis; all axes keep their direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_number,
    check_share,
    numbers,
)

Array = NDArray[np.float64]


def decoder_variance(variance: ArrayLike, noise: float) -> Array:
    r"""Return the variance of :math:`Wz` along an axis after the fit.

    .. math:: (\lambda - s^2)_+

    Parameters
    ----------
    variance
        Variance :math:`\lambda` of the training data along each axis.
    noise
        The model's noise variance :math:`s^2`.

    Raises
    ------
    ValueError
        If a variance or the noise is negative.

    Examples
    --------
    >>> decoder_variance([5.0, 2.0, 0.5], noise=1.0)
    array([4., 1., 0.])
    """
    lam = numbers("variance", variance, least=0)
    return np.maximum(lam - check_not_negative("noise", noise), 0)


def training_variances(
    variance: ArrayLike,
    noise: float,
    n_generations: int,
    *,
    real: float = 0.0,
    pixels: str = "mean",
) -> Array:
    r"""Return the variance of the training data along each axis, by generation.

    .. math::
        \lambda_{t+1} = \gamma\,\lambda_0 + (1 - \gamma)
        \bigl((\lambda_t - s^2)_+ + b\,s^2\bigr)

    with :math:`b = 0` if the decoder's means are handed on and :math:`b = 1` if its
    draws are. Without real data the first gives
    :math:`\lambda_t = (\lambda_0 - t s^2)_+`, the second stands still for
    :math:`\lambda_0 \ge s^2`.

    Parameters
    ----------
    variance
        Variances :math:`\lambda_0` of the real data, shape ``(d,)``.
    noise
        The model's noise variance :math:`s^2`.
    n_generations
        Number of generations after generation 0.
    real
        Share :math:`\gamma` of real data in every training set.
    pixels
        ``"mean"`` or ``"drawn"``.

    Returns
    -------
    ndarray
        Shape ``(n_generations + 1, d)``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> training_variances([5.0, 2.0], 1.0, 3)
    array([[5., 2.],
           [4., 1.],
           [3., 0.],
           [2., 0.]])
    """
    check_share("real", real)
    check_choice("pixels", pixels, ("mean", "drawn"))
    check_not_negative("noise", noise)
    check_count("n_generations", n_generations, least=0)
    first = numbers("variance", variance, least=0)
    added = noise if pixels == "drawn" else 0.0
    rows = [first]
    for _ in range(n_generations):
        made = decoder_variance(rows[-1], noise) + added
        rows.append(real * first + (1 - real) * made)
    return np.array(rows)


def limit_variance(variance: ArrayLike, noise: float, real: float) -> Array:
    r"""Return where the variance settles if means are handed on with real data.

    .. math::
        \lambda_\infty = \begin{cases}
        \lambda_0 - s^2 (1-\gamma)/\gamma & \lambda_0 > s^2/\gamma \\
        \gamma\,\lambda_0 & \text{else: the model no longer sees this axis}
        \end{cases}

    Parameters
    ----------
    variance, noise, real
        As in `training_variances`; ``real`` above 0.

    Raises
    ------
    ValueError
        If ``real`` is not a share above 0.

    Examples
    --------
    >>> limit_variance([20.0, 5.0], noise=1.0, real=0.1)
    array([11. ,  0.5])
    """
    check_number("real", real, above=0, most=1)
    check_not_negative("noise", noise)
    lam = numbers("variance", variance, least=0)
    alive = lam - noise * (1 - real) / real
    return np.where(lam > noise / real, alive, real * lam)
