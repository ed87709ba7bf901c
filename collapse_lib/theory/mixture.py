"""Closed forms for mixtures that are refitted to their own samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from collapse_lib.checks import check_count, check_not_negative, numbers

Array = NDArray[np.float64]


def balance_quantile(q: ArrayLike, n_samples: int, reg_covar: float) -> Array:
    r"""Return quantiles of the variance at which a regularised recursion comes to rest.

    A Gaussian on the line is refitted to ``n_samples`` = M of its own points with the
    estimator that divides by M, and ``reg_covar`` = r is added to every variance:

    .. math:: \sigma_{n+1}^2 = \frac{\chi^2_{M-1}}{M}\,\sigma_n^2 + r.

    The fit takes away about a share 1/M per generation, r brings the same amount back
    each time. For large M the variance, in units of rM, settles at the inverse gamma
    law with shape 2 and scale 1.

    Parameters
    ----------
    q
        Probabilities from 0 to 1; 0.5 gives the median, :math:`0.596\,rM`.
    n_samples
        Points per generation, at least 2.
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
    With :math:`\chi^2_{M-1}/M \approx 1 - \frac1M + \sqrt{\frac2M}\,Z` the variance v
    follows :math:`dv = (r - v/M)\,dt + \sqrt{2/M}\,v\,dW`, whose stationary density is
    proportional to :math:`v^{-3} e^{-rM/v}`. Its mean is rM, and this is exact:
    :math:`E v = (1 - \frac1M) E v + r`.

    Examples
    --------
    >>> round(float(balance_quantile(0.5, 500, 1e-6)) ** 0.5, 4)
    0.0173
    """
    q = numbers("q", q, least=0, most=1)
    check_count("n_samples", n_samples, least=2)
    check_not_negative("reg_covar", reg_covar)
    return np.asarray(reg_covar * n_samples * stats.invgamma(2).ppf(q))
