"""How varied texts are: words, repeats of other texts, and how far a text shrinks."""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, given
from collapse_lib.data.texts import check_text
from collapse_lib.metrics.text import checked_sequences, gram_ids

Array = NDArray[np.float64]
#: Stands for a match where there is none, as in method 1 of Chen and Cherry (2014).
NO_MATCH = 0.1


def types(data: ArrayLike, length: int | None = None) -> Array:
    r"""Return how many different symbols so many symbols of a text hold.

    .. math:: \sum_w \biggl(1 - \binom{N - c_w}{L} \Big/ \binom NL \biggr)

    is what ``L`` of ``N`` symbols hold on average, drawn without replacement, if the
    symbol :math:`w` occurs :math:`c_w` times. Divided by ``L`` it is the type-token
    ratio at equal length: the plain one falls with the amount of text, so that of two
    texts of different length it calls the shorter one richer.

    Parameters
    ----------
    data
        Symbols, integers of shape ``(..., n_sequences, length)``.
    length
        How many symbols, ``L``; default: all, which counts the types.

    Returns
    -------
    array
        Shape ``(...)``.

    Raises
    ------
    ValueError
        If the data are no integers, or there are fewer of them.

    Notes
    -----
    Rarefaction (Hurlbert 1971), an exact mean, no sampling.

    Examples
    --------
    >>> types([[0, 1, 0, 2], [0, 0, 0, 0]]), types([[0, 1, 0, 2], [0, 0, 0, 0]], 2)
    (array(3.), array(1.46428571))
    """
    symbols = checked_sequences("data", data, 1)
    flat = symbols.reshape(*symbols.shape[:-2], -1)
    total = flat.shape[-1]
    length = total if length is None else check_count("length", length, 1, total)
    chains = flat.reshape(-1, total)
    found = [
        _types(np.unique(chain, return_counts=True)[1], length) for chain in chains
    ]
    return np.array(found).reshape(flat.shape[:-1])


def self_bleu(data: ArrayLike, n: int = 4) -> Array:
    r"""Return the mean BLEU of each sequence with all others as references.

    .. math::
        \exp\Bigl(\frac1n \sum_{j=1}^n \log
        \frac{\text{$j$-grams that another sequence has as well}}{\text{$j$-grams}}
        \Bigr)

    High where sequences repeat each other. A :math:`j`-gram counts as often as the one
    other sequence has it that has it most often.

    Parameters
    ----------
    data
        Symbols, integers of shape ``(..., n_sequences, length)``, two sequences at
        least.
    n
        The longest n-grams.

    Returns
    -------
    array
        Shape ``(...)``, from 0 to 1.

    Raises
    ------
    ValueError
        If the data are no integers, shorter than ``n``, or one sequence alone.

    Notes
    -----
    Zhu et al. (2018). No match of :math:`j`-grams, :math:`j > 1`, counts as 0.1 of one
    (Chen and Cherry 2014, method 1); no match of symbols gives 0. All sequences are of
    one length, so that there is no penalty for brevity. It grows with the number of
    sequences: compare as many. The cost is that of sorting the n-grams, not of
    comparing pairs.

    Examples
    --------
    >>> self_bleu([[0, 1, 2, 3, 4], [0, 1, 2, 3, 5], [0, 1, 2, 3, 6]]).round(3)
    np.float64(0.669)
    """
    symbols = checked_sequences("data", data, check_count("n", n, least=1))
    if symbols.shape[-2] < 2:
        raise ValueError(
            f"data has shape {symbols.shape}: one sequence has no others to compare "
            "with; needed is (..., n_sequences, length) with n_sequences >= 2"
        )
    logs, none = np.zeros(symbols.shape[:-1]), np.zeros(symbols.shape[:-1], bool)
    for size in range(1, n + 1):
        matched = _matches(gram_ids(symbols, size))
        none |= (matched == 0) & (size == 1)
        grams = symbols.shape[-1] - size + 1
        logs += np.log(np.where(matched == 0, NO_MATCH, matched) / grams)
    return np.asarray(np.where(none, 0, np.exp(logs / n)).mean(axis=-1))


def compression_ratio(text: str | bytes) -> float:
    r"""Return how many times shorter a text becomes when it is compressed.

    .. math:: \frac{\text{bytes}}{\text{bytes after zlib, level 9}}

    High where a text repeats itself, within the last 32 kB.

    Parameters
    ----------
    text
        A text, which is taken as UTF-8, or bytes. Symbols become bytes by
        ``np.asarray(symbols, np.uint16).tobytes()``.

    Raises
    ------
    ValueError
        If it is empty or none of both.

    Notes
    -----
    It depends on the length (short texts hardly shrink), the language and the
    encoding: compare texts of one kind and size. In other builds of zlib the result
    differs by some per mille.

    Examples
    --------
    >>> compression_ratio("Too loud. " * 100) > 30
    True
    """
    if not (isinstance(text, (str, bytes)) and text):
        raise ValueError(
            f"text is {given(text)}; it must be a text or bytes, and not empty"
        )
    raw = text if isinstance(text, bytes) else check_text("text", text).encode()
    return len(raw) / len(zlib.compress(raw, 9))


def _types(counts: NDArray[np.int64], length: int) -> float:
    """Return how many types some symbols hold on average, from counts of types."""
    total = int(counts.sum())
    each, times = np.unique(counts, return_counts=True)
    log = math.lgamma
    missed = [
        math.exp(
            log(total - c + 1)
            - log(total - c - length + 1)
            - log(total + 1)
            + log(total - length + 1)
        )
        if c <= total - length
        else 0.0
        for c in each.tolist()
    ]
    return float((times * (1 - np.array(missed))).sum())


def _matches(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the n-grams of each sequence that another has as well, clipped.

    Parameters
    ----------
    ids
        Numbers of n-grams, shape ``(..., n_sequences, m)``.
    """
    lead, n_sequences = ids.shape[:-2], ids.shape[-2]
    n_grams = int(ids.max()) + 1
    # One number for each n-gram of each chain, and for its sequence within.
    chain = np.arange(math.prod(lead)).reshape(*lead, 1, 1)
    grams = chain * n_grams + ids
    pairs = grams * n_sequences + np.arange(n_sequences)[:, None]
    pair, counts = np.unique(pairs, return_counts=True)
    gram, sequence = pair // n_sequences, pair % n_sequences
    # The most often that any, and any other, sequence of the chain has each.
    order = np.lexsort((-counts, gram))
    first = np.flatnonzero(np.diff(gram[order], prepend=-1))
    most = counts[order[first]]
    after = np.minimum(first + 1, len(order) - 1)
    shared = np.diff(np.append(first, len(order))) > 1
    second = np.where(shared, counts[order[after]], 0)
    group = np.searchsorted(gram[order[first]], gram)
    by = sequence[order[first]][group]
    others = np.where(by == sequence, second[group], most[group])
    row = gram // n_grams * n_sequences + sequence
    matched = np.bincount(
        row, np.minimum(counts, others), minlength=math.prod(lead) * n_sequences
    )
    return matched.astype(np.int64).reshape(*lead, n_sequences)
