r"""What became of texts: how surprised a model is, how varied they are, what about.

Perplexities take natural logarithms of the probabilities of the symbols, of shape
``(..., n, length)``: ``n`` sequences for each chain. Variety and topics take the
symbols themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, numbers, numeric
from collapse_lib.data.texts import check_symbols

Array = NDArray[np.float64]
Tokens = NDArray[np.integer[Any]]

#: Texts whose counts are held at one time.
AT_ONCE = 512
#: Counts that are held at one time: of large vocabularies fewer texts.
CELLS = 2**27
#: Tokens are numbers below this, so that each can have a weight.
MOST_TOKENS = 2**24


def sequence_perplexity(log_prob: ArrayLike) -> Array:
    r"""Return the perplexity of each sequence, :math:`\exp(-\frac1L\sum_i \log p_i)`.

    Parameters
    ----------
    log_prob
        Shape ``(..., length)``.

    Returns
    -------
    array
        Shape ``(...)``.

    Raises
    ------
    ValueError
        If there are no symbols or a logarithm is above 0 or not a number.

    Examples
    --------
    >>> sequence_perplexity(np.log([[0.5, 0.125], [0.25, 0.25]]))
    array([4., 4.])
    """
    return np.asarray(np.exp(-_checked_logs(log_prob, 1).mean(axis=-1)))


def corpus_perplexity(log_prob: ArrayLike) -> Array:
    """Return the exponential of the mean loss over all symbols of a chain.

    Parameters
    ----------
    log_prob
        Shape ``(..., n, length)``.

    Returns
    -------
    array
        Shape ``(...)``.

    Raises
    ------
    ValueError
        As `sequence_perplexity`.

    Notes
    -----
    The perplexity of Shumailov et al. (2024). It is a geometric mean over symbols, and
    below the mean of the perplexities of the sequences.
    """
    return np.asarray(np.exp(-_checked_logs(log_prob, 2).mean(axis=(-2, -1))))


def batch_factor(log_prob: ArrayLike, batch: int) -> Array:
    r"""Return the exponential of the standard deviation of the batch losses.

    What the paper's released code computes beside the perplexity (claim C35). It is a
    *factor*: most batches have a perplexity within ``perplexity / factor`` and
    ``perplexity * factor``. It falls with the size of the batches and says nothing
    about the spread between runs.

    Parameters
    ----------
    log_prob
        Shape ``(..., n, length)``.
    batch
        Sequences per batch; what is left over is dropped.

    Returns
    -------
    array
        Shape ``(...)``, at least 1.

    Raises
    ------
    ValueError
        As `sequence_perplexity`, and if there are fewer than two batches or a symbol
        has the probability 0.
    """
    losses = -_checked_logs(log_prob, 2).mean(axis=-1)
    batch = check_count("batch", batch, least=1)
    n_batches = losses.shape[-1] // batch
    if n_batches < 2:
        raise ValueError(
            f"{losses.shape[-1]} sequences make {n_batches} batches of {batch}; a "
            "standard deviation needs two"
        )
    if not np.isfinite(losses).all():
        raise ValueError(
            "log_prob holds symbols of probability 0; the losses of their batches are "
            "infinite and have no standard deviation"
        )
    losses = losses[..., : n_batches * batch].reshape(*losses.shape[:-1], -1, batch)
    return np.asarray(np.exp(losses.mean(axis=-1).std(axis=-1, ddof=1)))


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
    flat = grams.reshape(*grams.shape[:-2], -1)
    return np.asarray(_different(flat) / flat.shape[-1])


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
    shares = 1 - _different(grams) / grams.shape[-1]
    return np.asarray(shares.mean(axis=-1))


def rarities(blocks: Tokens) -> Array:
    r"""Return the weight :math:`\log(n/n_w)` of each token.

    Here :math:`n_w` of ``n`` blocks hold the token; 0.5 stands for none. Tokens beyond
    the largest one in the blocks have no weight of their own, see `similarity`.

    Parameters
    ----------
    blocks
        Tokens, shape ``(n, length)``.

    Raises
    ------
    ValueError
        If these are no tokens, or there are none.

    Examples
    --------
    >>> rarities(np.array([[0, 1], [0, 2]])).round(2)
    array([0.  , 0.69, 0.69])
    """
    blocks = _tokens("blocks", blocks)
    n_tokens = int(blocks.max()) + 1
    held = np.unique(np.arange(len(blocks))[:, None] * n_tokens + blocks) % n_tokens
    holding = np.bincount(held, minlength=n_tokens)
    return np.asarray(np.log(len(blocks) / np.maximum(holding, 0.5)))


def similarity(texts: Tokens, prompts: Tokens, rarity: Array) -> Array:
    r"""Return how much each text is about what its prompt is about.

    The cosine of their vectors of token counts, each count multiplied by the weight of
    its token, so that common tokens hardly matter (tf-idf).

    Parameters
    ----------
    texts, prompts
        Tokens, shape ``(n, length)`` each.
    rarity
        Of `rarities`; rarer tokens count as the rarest.

    Returns
    -------
    ndarray
        Shape ``(n,)``, from 0, nothing in common, to 1.

    Raises
    ------
    ValueError
        If these are no tokens, not as many texts as prompts, or no weights.
    """
    texts, prompts = _tokens("texts", texts), _tokens("prompts", prompts)
    if len(texts) != len(prompts):
        raise ValueError(
            f"there are {len(texts)} texts and {len(prompts)} prompts; each text needs "
            "the prompt that it was written after"
        )
    rarity = numbers("rarity", rarity, ndim=1, shape="(n_tokens,)", least=0)
    n_tokens = max(int(texts.max()), int(prompts.max()), len(rarity) - 1) + 1
    weights = np.full(n_tokens, rarity.max())
    weights[: len(rarity)] = rarity
    found = np.empty(len(texts))
    at_once = max(1, min(AT_ONCE, CELLS // n_tokens))
    for some in np.array_split(np.arange(len(texts)), len(texts) // at_once + 1):
        a, b = (
            _counts(blocks[some], n_tokens) * weights for blocks in (texts, prompts)
        )
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found[some] = (a * b).sum(axis=1) / np.maximum(lengths, 1e-12)
    return found


def _checked_logs(log_prob: ArrayLike, least_ndim: int) -> Array:
    given = numeric("log_prob", log_prob)
    array = given.astype(np.float64, copy=False)
    if array.ndim < least_ndim or array.size == 0:
        want = "(..., n, length)" if least_ndim == 2 else "(..., length)"
        raise ValueError(
            f"log_prob has shape {array.shape}; needed is {want}, not empty"
        )
    # What is normalised in single precision sums to 1 in single precision.
    single = given.dtype.kind == "f" and given.dtype.itemsize < 8
    slack = 8 * float(np.finfo(given.dtype).eps) if single else 1e-12
    if not (array <= slack).all():  # also refuses NaN
        raise ValueError(
            f"log_prob goes up to {array.max()}; logarithms of probabilities are at "
            "most 0"
        )
    return array


def _tokens(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """Return tokens, shape ``(n, length)``."""
    tokens = check_symbols(name, value, "(n, length)", MOST_TOKENS)
    if not tokens.size:
        raise ValueError(f"{name} is empty: its shape is {tokens.shape}")
    return tokens


def checked_sequences(name: str, data: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return sequences of symbols if they are long enough for n-grams."""
    symbols = check_symbols(name, data, "(..., n_sequences, length)")
    if symbols.size == 0 or symbols.shape[-1] < n:
        raise ValueError(
            f"{name} has shape {symbols.shape}; needed is (..., n_sequences, length), "
            f"not empty, with a length of at least {n}"
        )
    return symbols


def gram_ids(symbols: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return a number for each n-gram, shape ``(..., n_sequences, length - n + 1)``."""
    grams = np.lib.stride_tricks.sliding_window_view(symbols, n, axis=-1)
    ids = np.zeros(grams.shape[:-1], np.int64)
    for place in range(n):
        # Numbering pairs anew at every step keeps the numbers small.
        symbol = np.unique(grams[..., place], return_inverse=True)[1]
        pairs = ids * (int(symbol.max()) + 1) + symbol.reshape(ids.shape)
        ids = np.unique(pairs, return_inverse=True)[1].reshape(ids.shape)
    return ids


def _grams(data: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return the numbers of all n-grams, see `gram_ids`."""
    n = check_count("n", n, least=1)
    return gram_ids(checked_sequences("data", data, n), n)


def _different(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the different numbers along the last axis."""
    ids = np.sort(ids, axis=-1)
    return np.asarray(1 + (np.diff(ids, axis=-1) != 0).sum(axis=-1))


def _counts(blocks: Tokens, n_tokens: int) -> NDArray[np.int64]:
    """Return how often each token occurs in each block."""
    cells = np.arange(len(blocks))[:, None] * n_tokens + blocks
    return np.bincount(cells.ravel(), minlength=len(blocks) * n_tokens).reshape(
        len(blocks), n_tokens
    )
