"""Whether two texts are about the same: weights of tokens, and a cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tokens = NDArray[np.integer[Any]]

#: Texts whose counts are held at one time.
AT_ONCE = 512


def rarities(blocks: Tokens) -> Array:
    r"""Return the weight :math:`\log(n/n_w)` of each token.

    Here :math:`n_w` of ``n`` blocks hold the token; 0.5 stands for none. Tokens beyond
    the largest one in the blocks have no weight of their own, see `similarity`.
    """
    n_tokens = int(blocks.max()) + 1
    holds = np.zeros((len(blocks), n_tokens), bool)
    holds[np.arange(len(blocks))[:, None], blocks] = True
    return np.asarray(np.log(len(blocks) / np.maximum(holds.sum(axis=0), 0.5)))


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
    """
    n_tokens = max(int(texts.max()), int(prompts.max()), len(rarity) - 1) + 1
    weights = np.full(n_tokens, rarity.max())
    weights[: len(rarity)] = rarity
    found = np.empty(len(texts))
    for some in np.array_split(np.arange(len(texts)), len(texts) // AT_ONCE + 1):
        a, b = (
            _counts(blocks[some], n_tokens) * weights for blocks in (texts, prompts)
        )
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found[some] = (a * b).sum(axis=1) / np.maximum(lengths, 1e-12)
    return found


def _counts(blocks: Tokens, n_tokens: int) -> NDArray[np.int64]:
    """Return how often each token occurs in each block."""
    cells = np.arange(len(blocks))[:, None] * n_tokens + blocks
    return np.bincount(cells.ravel(), minlength=len(blocks) * n_tokens).reshape(
        len(blocks), n_tokens
    )
