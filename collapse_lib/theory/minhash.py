r"""How well MinHash tells how alike two sets are, and which pairs bands find.

The signature of a set has :math:`k` places; those of two sets agree in each of them
with probability :math:`J`, their Jaccard similarity, independently of the others. So
the share of places that agree is binomial. Everything here follows from that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, numbers

Array = NDArray[np.float64]


def sd(similarity: ArrayLike, k: int) -> Array:
    r"""Return the standard deviation of the estimate, :math:`\sqrt{J(1-J)/k}`.

    Parameters
    ----------
    similarity
        Jaccard similarity :math:`J`, any shape.
    k
        Number of hash functions.

    Raises
    ------
    ValueError
        If a similarity is not from 0 to 1, or ``k`` no positive integer.

    Notes
    -----
    Source: Broder (1997); the variance of a binomial share.

    Examples
    --------
    >>> sd(0.5, 128).round(4)
    np.float64(0.0442)
    """
    s = _similarity(similarity)
    return np.asarray(np.sqrt(s * (1 - s) / check_count("k", k, least=1)))[()]


def found(similarity: ArrayLike, bands: int, rows: int) -> Array:
    r"""Return the probability that two texts agree in all rows of some band.

    .. math:: 1 - (1 - J^r)^b

    Parameters
    ----------
    similarity
        Jaccard similarity :math:`J`, any shape.
    bands, rows
        Number of bands :math:`b`, and of hash functions in each, :math:`r`.

    Raises
    ------
    ValueError
        If a similarity is not from 0 to 1, or a number no positive integer.

    Notes
    -----
    Source: Lee et al. (2022), appendix on NearDup.

    Examples
    --------
    >>> found([0.99, 0.995], bands=20, rows=450).round(3)
    array([0.196, 0.891])
    """
    s = _similarity(similarity)
    b, r = check_count("bands", bands, least=1), check_count("rows", rows, least=1)
    with np.errstate(divide="ignore"):  # log 0: surely found
        return np.asarray(-np.expm1(b * np.log1p(-(s**r))))[()]


def threshold(bands: int, rows: int) -> float:
    r"""Return the similarity about which pairs begin to be found, :math:`(1/b)^{1/r}`.

    A pair that is so alike agrees in one band on average, and is found with probability
    :math:`1 - (1 - 1/b)^b`: 64 % for 20 bands, and 63 % for many.

    Parameters
    ----------
    bands, rows
        As in `found`.

    Raises
    ------
    ValueError
        If one is no positive integer.

    Examples
    --------
    >>> round(threshold(bands=20, rows=450), 4)
    0.9934
    """
    b, r = check_count("bands", bands, least=1), check_count("rows", rows, least=1)
    return float((1 / b) ** (1 / r))


def _similarity(value: ArrayLike) -> Array:
    return numbers("similarity", value, least=0, most=1)
