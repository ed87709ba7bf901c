r"""How surprised a model is by text: the exponential of its mean loss.

All functions take natural logarithms of the probabilities of the symbols, of shape
``(..., n, length)``: ``n`` sequences for each chain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count

Array = NDArray[np.float64]


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
    return np.asarray(np.exp(-_checked(log_prob, 1).mean(axis=-1)))


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
    return np.asarray(np.exp(-_checked(log_prob, 2).mean(axis=(-2, -1))))


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
        As `sequence_perplexity`, and if there are fewer than two batches.
    """
    losses = -_checked(log_prob, 2).mean(axis=-1)
    batch = check_count("batch", batch, least=1)
    n_batches = losses.shape[-1] // batch
    if n_batches < 2:
        raise ValueError(
            f"{losses.shape[-1]} sequences make {n_batches} batches of {batch}; a "
            "standard deviation needs two"
        )
    losses = losses[..., : n_batches * batch].reshape(*losses.shape[:-1], -1, batch)
    return np.asarray(np.exp(losses.mean(axis=-1).std(axis=-1, ddof=1)))


def _checked(log_prob: ArrayLike, least_ndim: int) -> Array:
    array = np.asarray(log_prob, dtype=np.float64)
    if array.ndim < least_ndim or array.size == 0:
        want = "(..., n, length)" if least_ndim == 2 else "(..., length)"
        raise ValueError(
            f"log_prob has shape {array.shape}; needed is {want}, not empty"
        )
    if not (array <= 1e-12).all():  # also refuses NaN
        raise ValueError(
            f"log_prob goes up to {array.max()}; logarithms of probabilities are at "
            "most 0"
        )
    return array
