"""How varied a text is: distinct n-grams and repetition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count

Array = NDArray[np.float64]


def distinct_n(data: ArrayLike, n: int) -> Array:
    r"""Return different n-grams of all sequences divided by the number of n-grams.

    Parameters
    ----------
    data
        Symbols, integers of shape ``(..., n_sequences, length)``.
    n
        Symbols per n-gram; n-grams do not cross from one sequence into the next.

    Returns
    -------
    array
        Shape ``(...)``, in (0, 1].

    Raises
    ------
    ValueError
        If the data are no integers or shorter than ``n``.

    Notes
    -----
    Source: Li et al. (2016). It falls with the amount of text, as new n-grams become
    rare: compare texts of the same size only.

    Examples
    --------
    >>> distinct_n([[0, 1, 0, 1], [0, 1, 2, 3]], 2).round(3)
    np.float64(0.667)
    """
    grams = _grams(data, n)
    flat = grams.reshape(*grams.shape[:-3], -1, n)
    return np.asarray(_different(flat) / flat.shape[-2])


def rep_n(data: ArrayLike, n: int) -> Array:
    r"""Return the mean share of n-grams that repeat one of the same sequence.

    .. math:: \text{rep-}n = 1 - \frac{\text{different n-grams}}{\text{n-grams}}

    Parameters
    ----------
    data
        Symbols, integers of shape ``(..., n_sequences, length)``.
    n
        Symbols per n-gram.

    Returns
    -------
    array
        Shape ``(...)``, in [0, 1).

    Raises
    ------
    ValueError
        As `distinct_n`.

    Notes
    -----
    Source: Welleck et al. (2020), their seq-rep-n. It grows with the length of the
    sequences.

    Examples
    --------
    >>> rep_n([[0, 1, 0, 1, 0], [0, 1, 2, 3, 4]], 2)
    array(0.25)
    """
    grams = _grams(data, n)
    shares = 1 - _different(grams) / grams.shape[-2]
    return np.asarray(shares.mean(axis=-1))


def _grams(data: ArrayLike, n: int) -> NDArray[Any]:
    """Return all n-grams, shape ``(..., n_sequences, length - n + 1, n)``."""
    symbols = np.asarray(data)
    n = check_count("n", n, least=1)
    if symbols.dtype.kind not in "iu":
        raise ValueError(f"symbols must be integers, the data are {symbols.dtype}")
    if symbols.ndim < 2 or symbols.size == 0 or symbols.shape[-1] < n:
        raise ValueError(
            f"data has shape {symbols.shape}; needed is (..., n_sequences, length), "
            f"not empty, with a length of at least {n}"
        )
    return np.lib.stride_tricks.sliding_window_view(symbols, n, axis=-1)


def _different(grams: NDArray[Any]) -> NDArray[np.int64]:
    """Count the different rows of shape ``(..., m, n)`` along m."""
    ids = np.zeros(grams.shape[:-1], np.int64)
    for place in range(grams.shape[-1]):
        # Numbering pairs anew at every step keeps the numbers small.
        symbol = np.unique(grams[..., place], return_inverse=True)[1]
        pairs = ids * (int(symbol.max()) + 1) + symbol.reshape(ids.shape)
        ids = np.unique(pairs, return_inverse=True)[1].reshape(ids.shape)
    ids = np.sort(ids, axis=-1)
    return np.asarray(1 + (np.diff(ids, axis=-1) != 0).sum(axis=-1))
