r"""How many different things a set holds, counted by how alike they are.

The Vendi score (Friedman and Dieng 2023) is the exponential of the entropy of the
eigenvalues of a matrix of similarities: ``n`` for things that have nothing in common,
1 for ``n`` copies of one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_number, given, numbers

Array = NDArray[np.float64]
#: By so much entries of a kernel, which are at most 1, may be off by rounding.
OFF = 1e-6


def vendi_score(kernel: ArrayLike, q: float = 1.0) -> float:
    r"""Return the Vendi score of things whose similarities are known.

    .. math::
        \mathrm{VS}_q = \Bigl(\sum_i \lambda_i^q\Bigr)^{1/(1-q)}, \qquad
        \mathrm{VS}_1 = \exp\Bigl(-\sum_i \lambda_i \log \lambda_i\Bigr)

    with the eigenvalues :math:`\lambda_i` of the kernel divided by ``n``.

    Parameters
    ----------
    kernel
        Similarities, shape ``(n, n)``: symmetric, positive semi-definite, 1 on the
        diagonal.
    q
        The order, from 0 to ``inf``. Small orders count what is rare, large ones what
        is common: 0 is the rank, ``inf`` is one over the largest eigenvalue.

    Returns
    -------
    float
        From 1 to ``n``.

    Raises
    ------
    ValueError
        If the matrix is no kernel of this kind, or the order is below 0.

    Notes
    -----
    Friedman and Dieng (2023); orders: Pasarkar and Dieng (2024). Where things are
    either the same or nothing alike, it is the exponential of the Shannon entropy of
    their frequencies, and with ``q`` their Hill number. It grows with ``n``: compare
    sets of one size.

    Examples
    --------
    >>> kernel = [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]]
    >>> round(vendi_score(kernel), 4), round(vendi_score(kernel, q=math.inf), 4)
    (2.1573, 1.5789)
    """
    q = _order(q)
    k = numbers("kernel", kernel, ndim=2, shape="(n, n)")
    if k.shape[0] != k.shape[1]:
        raise ValueError(f"kernel has shape {k.shape}; needed is (n, n)")
    if np.abs(np.diagonal(k) - 1).max() > OFF or np.abs(k - k.T).max() > OFF:
        raise ValueError(
            "kernel must be symmetric, with 1 on its diagonal: all things are as "
            "similar to themselves as can be"
        )
    values = np.asarray(np.linalg.eigvalsh(k), np.float64)
    if values[0] < -OFF * len(k):
        raise ValueError(
            f"kernel has the negative eigenvalue {values[0]:.3g}; needed are "
            "similarities that are positive semi-definite, as exp(-distance)"
        )
    return _effective_number(values, q)


def vendi_of_features(features: ArrayLike, q: float = 1.0) -> float:
    r"""Return the Vendi score of points, alike by the cosine of their angle.

    Parameters
    ----------
    features
        Points, shape ``(n, d)``. They are scaled to length 1: where only their
        direction from a centre says what they are, take the centre off first.
    q
        The order, see `vendi_score`.

    Returns
    -------
    float
        From 1 to the smaller of ``n`` and ``d``.

    Raises
    ------
    ValueError
        If a point has the length 0, and so no direction.

    Notes
    -----
    The eigenvalues that are not 0 are those of the smaller of the two products of the
    matrix with itself: ``n`` may be large where ``d`` is not.

    Examples
    --------
    >>> round(vendi_of_features([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 1.0]]), 3)
    2.0
    """
    q = _order(q)
    x = numbers("features", features, ndim=2, shape="(n, d)")
    # The largest number of a row becomes 1 first, so that no square leaves float64.
    largest = np.abs(x).max(axis=1, keepdims=True)
    if (largest == 0).any():
        raise ValueError(
            f"features has {int((largest == 0).sum())} points of length 0, which have "
            "no direction; leave them out"
        )
    x = x / largest
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    product = x.T @ x if x.shape[1] < len(x) else x @ x.T
    values = np.asarray(np.linalg.eigvalsh(product), np.float64)
    return _effective_number(values, q)


def _order(q: float) -> float:
    if isinstance(q, float) and q == math.inf:
        return q
    try:
        return check_number("q", q, least=0)
    except ValueError:
        raise ValueError(
            f"q is {given(q)}; it must be a number >= 0, or math.inf"
        ) from None


def _effective_number(values: Array, q: float) -> float:
    """Return the Hill number of eigenvalues, which are scaled to the sum 1."""
    # Rounding leaves eigenvalues that are 0 at 1e-17, which orders below 1 would count.
    shares = values[values > len(values) * np.finfo(float).eps * values[-1]]
    shares = shares / shares.sum()
    logs = np.log(shares)
    if q == 1:
        return float(np.exp(-(shares * logs).sum()))
    if q == math.inf:
        return float(1 / shares.max())
    if abs(q - 1) < 0.5:  # a sum near 1 over a difference near 0: take the 1 off first
        return float(
            np.exp(np.log1p((shares * np.expm1((q - 1) * logs)).sum()) / (1 - q))
        )
    top = logs.max()  # taken out, so that high powers do not all become 0
    power = q * top + np.log(np.exp(q * (logs - top)).sum())
    return float(np.exp(power / (1 - q)))
