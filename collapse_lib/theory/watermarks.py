"""How strong a watermark is: expected scores of marked tokens, before any is written.

Each is the mean over keys for a token with the law :math:`p`: the flatter the law, the
more a mark can choose.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_number,
    numbers,
)
from collapse_lib.theory.special import digamma, entropy_terms

Array = NDArray[np.float64]
EULER = 0.5772156649015329
# What is added to a logit is exponentiated; beyond, the result is no number.
LARGEST_DELTA = 700


def green_flat(gamma: float, delta: float) -> float:
    r"""Return the share of green tokens where all tokens are equally likely.

    .. math::
        \frac{\gamma\alpha}{1 + (\alpha - 1)\gamma}, \qquad \alpha = e^\delta

    The vocabulary is large, or exactly :math:`\gamma` of it is green. Source:
    Kirchenbauer et al. (2023).

    Examples
    --------
    >>> round(green_flat(0.25, 2), 3)
    0.711
    """
    gamma = check_number("gamma", gamma, least=0, most=1)
    alpha = np.exp(float(check_number("delta", delta, least=0, most=LARGEST_DELTA)))
    return float(gamma * alpha / (1 + (alpha - 1) * gamma))


def spike_entropy(p: ArrayLike, modulus: float) -> Array:
    r"""Return :math:`\sum_i p_i / (1 + m\,p_i)`, from 1/(1+m) to 1.

    Source: Kirchenbauer et al. (2023), section 4.2.

    Parameters
    ----------
    p
        Laws, shape ``(..., V)``.
    modulus
        The number :math:`m`.

    Examples
    --------
    >>> spike_entropy([[0.5, 0.5], [1.0, 0.0]], 1.0).round(3)
    array([0.667, 0.5  ])
    """
    m, laws = check_not_negative("modulus", modulus), _laws(p)
    return np.asarray((laws / (1 + m * laws)).sum(axis=-1))


def green_bound(p: ArrayLike, gamma: float, delta: float) -> Array:
    r"""Return a lower bound of the share of green tokens.

    .. math::
        \frac{\gamma\alpha}{1 + (\alpha - 1)\gamma}\,
        S\Bigl(p, \frac{(1-\gamma)(\alpha-1)}{1 + (\alpha-1)\gamma}\Bigr)

    with :math:`\alpha = e^\delta` and the `spike_entropy` :math:`S`. Source:
    Kirchenbauer et al. (2023), Theorem 4.2; it also holds where each token is green by
    a coin of its own (derived here: Jensen's inequality).

    Parameters
    ----------
    p
        Laws, shape ``(..., V)``.
    gamma, delta
        Share of green tokens, and what their logits gain.

    Examples
    --------
    >>> green_bound([[0.5, 0.5], [1.0, 0.0]], 0.25, 2).round(3)
    array([0.37, 0.25])
    """
    flat = green_flat(gamma, delta)
    alpha = np.exp(float(delta))
    modulus = (1 - gamma) * (alpha - 1) / (1 + (alpha - 1) * gamma)
    return np.asarray(flat * spike_entropy(p, float(modulus)))


def tournament_points(p: ArrayLike, leaves: int) -> Array:
    r"""Return the mean point of a token after one layer of a tournament.

    .. math::
        \tfrac12 + \tfrac14\Bigl(1 - \sum_i p_i^2\Bigr), \qquad
        \tfrac78 - \tfrac38 \sum_i p_i^2

    for two and three leaves. Sources: Dathathri et al. (2024) for flat laws, and
    derived here for others: the mean is :math:`1 - E(1-q)^m`, and :math:`q` has mean
    1/2, variance :math:`\sum p_i^2/4` and is symmetric.

    Parameters
    ----------
    p
        Laws, shape ``(..., V)``.
    leaves
        2 or 3.

    Examples
    --------
    >>> tournament_points([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]], 2).round(3)
    array([0.615, 0.625])
    """
    repeat = (_laws(p) ** 2).sum(axis=-1)
    if check_count("leaves", leaves, least=2, most=3) == 2:
        return np.asarray(0.5 + 0.25 * (1 - repeat))
    return np.asarray(7 / 8 - 3 / 8 * repeat)


def gumbel_score(p: ArrayLike) -> Array:
    r"""Return the mean score of a token that Gumbel's trick wrote.

    .. math::
        \sum_i p_i \bigl(\psi(1 + 1/p_i) + \gamma_E\bigr)

    Derived here: given that :math:`i` wins, its number is Beta(1/p, 1) distributed. For
    a flat law this is a harmonic number.

    Parameters
    ----------
    p
        Laws, shape ``(..., V)``.

    Examples
    --------
    >>> gumbel_score([[0.9, 0.1], [0.5, 0.5]]).round(4)
    array([1.2552, 1.5   ])
    """
    laws = _laws(p)
    safe = np.where(laws > 0, laws, 1)
    return np.asarray((laws * (digamma(1 + 1 / safe) + EULER)).sum(axis=-1))


def gumbel_bound(p: ArrayLike) -> Array:
    r"""Return the lower bound :math:`1 + (\pi^2/6 - 1) H(p)` of `gumbel_score`.

    Source: Fernandez et al. (2023), with the entropy :math:`H` in nats.

    Examples
    --------
    >>> gumbel_bound([[0.9, 0.1], [1.0, 0.0]]).round(4)
    array([1.2097, 1.    ])
    """
    entropy = entropy_terms(_laws(p)).sum(axis=-1)
    return np.asarray(1 + (np.pi**2 / 6 - 1) * entropy)


def after_edits(share: ArrayLike, context: int) -> Array:
    r"""Return what editing leaves of the expected z: :math:`(1-e)^{h+1}`.

    Parameters
    ----------
    share
        Share :math:`e` of tokens that are replaced, each independently.
    context
        The number :math:`h` of tokens that a token's keyed number depends on.

    Notes
    -----
    Derived here. A token still counts if it and all of its context were left alone;
    what stands in its place otherwise has a score like unmarked text. Exact for the
    mean where the editor knows nothing of the key, the replacements differ from what
    they replace, and no n-gram of the text is a repeat.

    Examples
    --------
    >>> after_edits([0.1, 0.5], 1).round(2)
    array([0.81, 0.25])
    """
    e = numbers("share", share, least=0, most=1)
    return np.asarray((1 - e) ** (check_count("context", context, least=0) + 1))


def _laws(p: ArrayLike) -> Array:
    laws = numbers("p", p, least=0, most=1)
    if laws.ndim < 1 or np.abs(laws.sum(axis=-1) - 1).max() > 1e-9:
        raise ValueError("p holds rows that do not sum to 1; give laws, (..., V)")
    return laws
