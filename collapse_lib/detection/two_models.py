"""Two models read a text, and each other's expectations.

Perplexity alone takes a strange subject for a human writer. The ratio asks how
surprising the text is *compared with* how surprising a model's own expectations are
here to another model; both are high where the subject is strange.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.detection.contexts import (
    Reader,
    at_each_place,
    check_reader,
    check_text,
)

Array = NDArray[np.float64]


def cross_entropy(first: Reader, second: Reader, text: ArrayLike) -> Array:
    r"""Return how surprising the first model's expectations are to the second.

    .. math:: -\frac1L \sum_{i=1}^L \sum_w p_1(w \mid h_i) \log p_2(w \mid h_i)

    Parameters
    ----------
    first, second
        Fitted models of one vocabulary and number of chains; the orders may
        differ.
    text
        Texts of shape ``(chains, n, length)``, or ``(n, length)`` for all chains.

    Returns
    -------
    array
        Nats a word, shape ``(chains, n)``.

    Raises
    ------
    ValueError
        If the models do not go together or the texts are not theirs.

    Notes
    -----
    The sums over the vocabulary are exact. Each different context is worked out once.

    Examples
    --------
    >>> from collapse_lib.models import NGram
    >>> rng = np.random.default_rng(0)
    >>> fit = NGram(2, order=2).fit(np.array([[[0, 1, 0, 1]]]), rng)
    >>> cross_entropy(fit, fit, [[0, 1, 1]]).round(2)
    array([[0.61]])
    """
    text = _check(first, second, text)
    found = at_each_place(text, (first, second), lambda p, q: -_dot(p, np.log(q))[None])
    return np.asarray(found[0].mean(axis=-1))


def two_model_ratio(first: Reader, second: Reader, text: ArrayLike) -> Array:
    r"""Return a text's log-perplexity over the cross-entropy of two models.

    .. math:: \frac{-\sum_i \log p_1(w_i \mid h_i)}
        {-\sum_i \sum_w p_1(w \mid h_i) \log p_2(w \mid h_i)}

    Parameters
    ----------
    first, second, text
        As for `cross_entropy`.

    Returns
    -------
    array
        Shape ``(chains, n)``. *Low* values say that a model wrote the text.

    Raises
    ------
    ValueError
        If the models do not go together or the texts are not theirs.

    Notes
    -----
    Source: Hans et al. (2024), equation 4, there with two networks of one family and
    one tokenizer.

    Examples
    --------
    >>> from collapse_lib.models import NGram
    >>> rng = np.random.default_rng(0)
    >>> fit = NGram(2, order=2).fit(np.array([[[0, 1, 0, 1]]]), rng)
    >>> two_model_ratio(fit, fit, [[0, 1, 0], [1, 1, 1]]).round(2)
    array([[0.75, 1.32]])
    """
    text = _check(first, second, text)
    surprise = -first.log_prob(text).mean(axis=-1)
    return np.asarray(surprise / cross_entropy(first, second, text))


def _check(first: Reader, second: Reader, text: ArrayLike) -> NDArray[np.int64]:
    check_reader("first", first)
    check_reader("second", second)
    own = (first.n_symbols, first.chains)
    if own != (second.n_symbols, second.chains):
        raise ValueError(
            f"second has {second.n_symbols} symbols and {second.chains} chains; first "
            f"has {own[0]} and {own[1]}, and both must be equal"
        )
    return check_text("text", text, first)


def _dot(p: Array, q: Array) -> Array:
    return np.asarray(np.einsum("rw,rw->r", p, q))
