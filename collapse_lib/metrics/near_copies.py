r"""Which texts nearly repeat each other: shingles, MinHash and bands, by hand.

A text is the set of its runs of ``width`` tokens, its shingles. Two texts are as alike
as the share of shingles that they have in common,

.. math:: J(A, B) = \frac{|A \cap B|}{|A \cup B|}.

A hash function puts all shingles into a random order; the first one of :math:`A \cup B`
is in both sets with probability :math:`J`, and then it is the first one of both. So the
minima of many hash functions, the *signature* of a text, estimate :math:`J`, and texts
that are alike can be found without comparing all pairs. How well:
`collapse_lib.theory.minhash`. Source: Broder (1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count
from collapse_lib.data.texts import check_symbols

Codes = NDArray[np.uint64]

#: Added before codes are mixed, for 0 would stay 0.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def jaccard(texts: ArrayLike, others: ArrayLike, width: int = 3) -> NDArray[np.float64]:
    """Return the share of shingles that each text has in common with another one.

    Parameters
    ----------
    texts, others
        Tokens, shape ``(n, length)`` each; the lengths may differ.
    width
        Tokens in a shingle.

    Returns
    -------
    ndarray
        Shape ``(n,)``, from 0 to 1.

    Raises
    ------
    ValueError
        If these are no tokens, shorter than a shingle, or not as many texts as others.

    Examples
    --------
    >>> jaccard([[0, 1, 2, 3]], [[0, 1, 2, 4]], width=2)
    array([0.5])
    """
    one = _shingles("texts", texts, "(n, length)", width)
    two = _shingles("others", others, "(n, length)", width)
    if len(one) != len(two):
        raise ValueError(
            f"there are {len(one)} texts and {len(two)} others; each text is compared "
            "with the one at its place"
        )
    pairs = zip(one, two, strict=True)
    common = [len(np.intersect1d(a, b)) / len(np.union1d(a, b)) for a, b in pairs]
    return np.array(common, np.float64)


def signatures(texts: ArrayLike, k: int = 128, width: int = 3, seed: int = 1) -> Codes:
    r"""Return the MinHash signature of each text.

    The share of places in which the signatures of two texts agree estimates their
    `jaccard`, with standard deviation :math:`\sqrt{J(1-J)/k}`.

    Parameters
    ----------
    texts
        Tokens, shape ``(..., n, length)``.
    k
        Number of hash functions.
    width
        Tokens in a shingle.
    seed
        Of the hash functions: only signatures of one seed can be compared.

    Returns
    -------
    ndarray
        Shape ``(..., n, k)``.

    Raises
    ------
    ValueError
        If these are no tokens, or shorter than a shingle.

    Examples
    --------
    >>> texts = [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 9]]
    >>> one, other = signatures(texts, k=1000)
    >>> float((one == other).mean().round(1)), jaccard(texts[:1], texts[1:])
    (0.6, array([0.6]))
    """
    codes = mixed(_shingles("texts", texts, "(..., n, length)", width))
    rng = np.random.default_rng(check_count("seed", seed, least=0))
    draws = rng.integers(2**64, size=(2, check_count("k", k, least=1)), dtype=np.uint64)
    return smallest(codes, draws[0] | np.uint64(1), draws[1])


def smallest(codes: Codes, a: Codes, b: Codes) -> Codes:
    r"""Return the minimum of :math:`a_i h + b_i \bmod 2^{64}` over each set.

    Parameters
    ----------
    codes
        Mixed codes :math:`h` of the members, shape ``(..., members)``.
    a, b
        One pair for each hash function, shape ``(k,)``; ``a`` odd, so that no two codes
        get the same place.

    Returns
    -------
    ndarray
        Shape ``(..., k)``.
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is what is wanted
        columns = [
            (codes * one + two).min(axis=-1) for one, two in zip(a, b, strict=True)
        ]
    return np.stack(columns, axis=-1)


def mixed(codes: Codes) -> Codes:
    """Return codes spread over all 64 bits: the last steps of MurmurHash3."""
    with np.errstate(over="ignore"):
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            codes = (codes ^ (codes >> np.uint64(33))) * np.uint64(factor)
    return codes ^ (codes >> np.uint64(33))


@dataclass(frozen=True)
class NearCopies:
    r"""Put texts that nearly repeat each other into one group.

    The signature is cut into bands. Two texts that agree in all rows of a band are in
    one group, and so is whoever is in a group with one of them. A pair is found with
    probability :math:`1 - (1 - J^r)^b` (`theory.minhash.found`), which rises steeply
    about :math:`J = (1/b)^{1/r}`.

    Parameters
    ----------
    bands
        Number of bands :math:`b`.
    rows
        Hash functions in a band :math:`r`.
    width
        Tokens in a shingle.
    seed
        Of the hash functions.

    Raises
    ------
    ValueError
        If one is no positive integer (``seed``: 0 or above).

    Notes
    -----
    Source: Lee et al. (2022), who compare the pairs that they find once more. A policy
    of a loop with it: ``regimes.Deduplicated(alike=NearCopies())``. Memory and time
    grow with the number of texts, not of pairs.

    Examples
    --------
    >>> texts = [[0, 1, 2, 3, 4, 5, 6, 7], [9, 8, 7, 6, 5, 4, 3, 2],
    ...          [0, 1, 2, 3, 4, 5, 6, 8]]
    >>> NearCopies()(texts)
    array([0, 1, 0])
    """

    bands: int = 20
    rows: int = 5
    width: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("bands", "rows", "width"):
            check_count(name, getattr(self, name), least=1)
        check_count("seed", self.seed, least=0)

    def __call__(self, texts: ArrayLike) -> NDArray[np.int64]:
        """Return the group of each text: the number of a text that is in it.

        Parameters
        ----------
        texts
            Tokens, shape ``(..., n, length)``; groups are formed within the last ``n``.

        Returns
        -------
        ndarray
            Shape ``(..., n)``.

        Raises
        ------
        ValueError
            As `signatures`.
        """
        k = self.bands * self.rows
        found = signatures(texts, k, self.width, self.seed)
        flat = found.reshape(-1, *found.shape[-2:])
        groups = [self._joined(own) for own in flat]
        return np.array(groups, np.int64).reshape(found.shape[:-1])

    def _joined(self, own: Codes) -> NDArray[np.int64]:
        """Return the smallest number of a text in each group, shape ``(n,)``."""
        bands = _folded(own.reshape(len(own), self.bands, self.rows))
        buckets = [np.unique(band, return_inverse=True)[1] for band in bands.T]
        group = np.arange(len(own))
        while True:  # the smallest number goes from text to text until it rests
            before = group.copy()
            for bucket in buckets:
                least = np.full(len(own), len(own))
                np.minimum.at(least, bucket, group)
                group = least[bucket]
            if (group == before).all():
                return group


def _shingles(name: str, value: ArrayLike, shape: str, width: int) -> Codes:
    """Return a code for each run of tokens, shape ``(..., n, length - width + 1)``."""
    width = check_count("width", width, least=1)
    tokens = check_symbols(name, value, shape)
    if not tokens.size or tokens.shape[-1] < width:
        raise ValueError(
            f"{name} has shape {tokens.shape}; needed are texts of at least width = "
            f"{width} tokens, at least one"
        )
    places = tokens.shape[-1] - width + 1
    runs = [tokens[..., i : i + places] for i in range(width)]
    return _folded(np.stack(runs, axis=-1).astype(np.uint64))


def _folded(numbers: Codes) -> Codes:
    """Return one code for all numbers along the last axis, in their order."""
    codes = np.zeros(numbers.shape[:-1], np.uint64)
    with np.errstate(over="ignore"):
        for place in range(numbers.shape[-1]):
            codes = mixed(codes + numbers[..., place] + GOLDEN)
    return codes
