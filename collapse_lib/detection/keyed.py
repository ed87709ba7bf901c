"""Numbers that only the holder of a key can tell from chance.

Every watermark needs one random number for each token that may follow a context: the
same one when the text is written and when it is read, without a table. A hash of key,
context and token gives it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count
from collapse_lib.data.texts import check_symbols

Bits = NDArray[np.uint64]

#: Added to what is scrambled: scrambled(0) would be 0.
START = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# A number with 53 bits, the middle of its interval, so that it is neither 0 nor 1.
_SHIFT, _HALF, _SCALE = np.uint64(11), 0.5, 2.0**-53


def hashed(key: int, grams: ArrayLike) -> Bits:
    """Return 64 bits for each n-gram.

    Parameters
    ----------
    key
        A secret, from 0 up.
    grams
        Tokens, shape ``(..., n)``.

    Returns
    -------
    array
        Shape ``(...)``. Equal n-grams have equal bits; for different ones they are, for
        all we do with them, independent.

    Raises
    ------
    ValueError
        If the key or a token is no number from 0 up.

    Notes
    -----
    The steps between the tokens are those of SplitMix64 (Steele, Lea and Flood 2014).
    It is no cryptographic hash: who sees marked text could find the key.
    """
    tokens = check_symbols("grams", grams, "(..., n)")
    start = np.asarray(check_count("key", key, least=0), np.uint64)
    bits = add(start, np.zeros((), np.int64))
    for place in range(tokens.shape[-1]):
        bits = add(bits, tokens[..., place])
    return np.broadcast_to(bits, tokens.shape[:-1]).copy()


def add(bits: Bits, tokens: NDArray[Any]) -> Bits:
    """Return the bits of n-grams that are one token longer; shapes are broadcast."""
    with np.errstate(over="ignore"):
        return scrambled((bits + START) ^ scrambled(tokens.astype(np.uint64) + START))


def scrambled(bits: Bits) -> Bits:
    """Return other bits, each of them a function of all that were given."""
    with np.errstate(over="ignore"):
        bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
        bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
        return np.asarray(bits ^ (bits >> np.uint64(31)))


def uniform(bits: Bits) -> NDArray[np.float64]:
    """Return numbers between 0 and 1, both excluded, one for each 64 bits."""
    return np.asarray(((bits >> _SHIFT) + _HALF) * _SCALE)
