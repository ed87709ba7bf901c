"""One model reads a text, and copies of it with small changes.

The idea is that a machine writes near a peak of its own probability, so that every
change goes down, while human text lies on a slope.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_number, check_rng, given, numeric
from collapse_lib.detection.contexts import (
    Reader,
    at_each_place,
    check_reader,
    check_text,
)

Array = NDArray[np.float64]
#: Logarithms of probabilities of a text are off by so much.
ROUNDING = 1e-9
#: From texts to texts of the same shape in which every word is another one.
Fill = Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.int64]]


def curvature(
    fitted: Reader,
    text: ArrayLike,
    fill: Fill,
    rng: np.random.Generator,
    *,
    share: float = 0.15,
    changes: int = 100,
) -> Array:
    r"""Return by how much a text is more probable than changed copies of it.

    .. math:: z = \frac{\log p(x) - \overline{\log p(\tilde x)}}
        {\operatorname{sd} \log p(\tilde x)}

    Parameters
    ----------
    fitted
        The model whose text is looked for.
    text
        Texts of shape ``(chains, n, length)``, or ``(n, length)`` for all chains.
    fill
        ``fill(text, rng)`` proposes another word for every place of texts
        ``(chains, n, length)``.
    rng
        Source of randomness.
    share
        Share of the words that is exchanged, above 0.
    changes
        How many changed copies of each text, at least 2.

    Returns
    -------
    array
        z, shape ``(chains, n)``; 0 where all copies are equally probable. *High* values
        say that the model wrote the text.

    Raises
    ------
    ValueError
        If an argument is not usable or ``fill`` returns something else.

    Notes
    -----
    Source: Mitchell et al. (2023), with a word model in the place of a network that
    fills masks. Theirs are 100 changes too. Few are too few: the standard deviation is
    estimated from them, and its noise, a share :math:`1/\sqrt{2 k}` of z for k changes,
    hides what distinguishes texts.

    Examples
    --------
    >>> from collapse_lib.models import NGram
    >>> rng = np.random.default_rng(0)
    >>> fit = NGram(2, order=2).fit(np.array([[[0, 1, 0, 1]]]), rng)
    >>> z = curvature(fit, [[0, 1, 0], [1, 1, 1]], lambda text, rng: 1 - text, rng)
    >>> z.round(1)
    array([[ 0.5, -0.6]])
    """
    check_reader("fitted", fitted)
    blocks = check_text("text", text, fitted)
    check_rng(rng)
    share = check_number("share", share, above=0, most=1)
    changes = check_count("changes", changes, least=2)
    if not callable(fill) or isinstance(fill, type):
        raise ValueError(f"fill is {given(fill)}; it must be a function: text, rng")
    copies = []
    for _ in range(changes):
        other = numeric("what fill(text, rng) returned", fill(blocks, rng))
        if other.shape != blocks.shape:
            raise ValueError(
                f"what fill(text, rng) returned is {given(other)}; needed is one word "
                f"for each place: shape {blocks.shape}"
            )
        changed = np.where(rng.random(blocks.shape) < share, other, blocks)
        copies.append(fitted.log_prob(changed).sum(axis=-1))
    lift = fitted.log_prob(blocks).sum(axis=-1) - np.mean(copies, axis=0)
    spread = np.std(copies, axis=0, ddof=1)
    return _standardised(lift, spread)


def conditional_curvature(fitted: Reader, text: ArrayLike) -> Array:
    r"""Return the same with every word drawn anew, its context kept: a closed form.

    .. math:: z = \frac{\sum_i \log p(w_i \mid h_i) - \mu_i}{\sqrt{\sum_i \sigma_i^2}},
        \quad \mu_i = \sum_w p(w \mid h_i) \log p(w \mid h_i)

    with :math:`\sigma_i^2` the variance of :math:`\log p(w \mid h_i)` over the model's
    own words.

    Parameters
    ----------
    fitted, text
        As for `curvature`.

    Returns
    -------
    array
        z, shape ``(chains, n)``; high values say that the model wrote the text.

    Raises
    ------
    ValueError
        If an argument is not usable.

    Notes
    -----
    Source: Bao et al. (2024). On text that the model itself has sampled the numerator
    has mean 0 exactly, so that there is nothing to find unless *other* text has another
    mean: derived here.

    Examples
    --------
    >>> from collapse_lib.models import NGram
    >>> rng = np.random.default_rng(0)
    >>> fit = NGram(2, order=2).fit(np.array([[[0, 1, 0, 1]]]), rng)
    >>> conditional_curvature(fit, [[0, 1, 0], [1, 1, 1]]).round(1)
    array([[ 0.7, -1.8]])
    """
    check_reader("fitted", fitted)
    blocks = check_text("text", text, fitted)
    mean, square = at_each_place(blocks, (fitted,), _moments)
    lift = (fitted.log_prob(blocks) - mean).sum(axis=-1)
    spread = np.sqrt(np.maximum(square - mean**2, 0).sum(axis=-1))
    return _standardised(lift, spread)


def _standardised(lift: Array, spread: Array) -> Array:
    """Return z; 0 where nothing varies but the last digits."""
    return np.asarray(lift / np.where(spread > ROUNDING, spread, np.inf))


def _moments(p: Array) -> Array:
    """Return mean and mean square of the log-probability of the model's own words."""
    log_p = np.log(p)
    once = p * log_p
    return np.stack([once.sum(axis=1), (once * log_p).sum(axis=1)])
