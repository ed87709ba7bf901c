"""Closed forms for a finite set of states re-estimated from its own samples.

The recursion is the Wright-Fisher model of population genetics: ``M`` draws per
generation, the empirical distribution as the next model.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]


def loss_probability(q: ArrayLike, n_samples: int) -> Array:
    r"""Return the chance :math:`(1-q)^M` that a state is lost in one generation.

    Parameters
    ----------
    q
        Probability of the state.
    n_samples
        Number of draws :math:`M`.

    Notes
    -----
    Elementary; the paper argues with the expected count :math:`qM \le 1`
    (Shumailov et al. 2024, "Discrete distributions with exact approximation").

    Examples
    --------
    >>> round(float(loss_probability(0.02, 50)), 4)
    0.3642
    """
    return np.asarray((1 - np.asarray(q, float)) ** n_samples)


def heterozygosity_after(h0: ArrayLike, n_samples: int, generation: ArrayLike) -> Array:
    r"""Return the expected diversity :math:`E H_t = (1 - 1/M)^t H_0`.

    Exact for every initial distribution. Source: Wright (1931); for language models
    Seddik et al. (2024).
    """
    decay = (1 - 1 / n_samples) ** np.asarray(generation, float)
    return np.asarray(np.asarray(h0, float) * decay)


def absorption_time(q: float, n_samples: int) -> float:
    r"""Return the exact mean number of generations until one of two states is left.

    Solves :math:`(I - Q)\,t = 1` for the transient part :math:`Q` of the binomial
    transition matrix.

    Parameters
    ----------
    q
        Initial probability of one state, a multiple of ``1 / n_samples``; otherwise
        the first generation's binomial draw is averaged over.
    n_samples
        Number of draws :math:`M` per generation, at most 2,000 (the matrix is dense).

    Raises
    ------
    ValueError
        If ``q`` is not between 0 and 1 or ``n_samples`` is too large.
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q is {q!r}; it must be between 0 and 1")
    if not 2 <= n_samples <= 2000:
        raise ValueError(f"n_samples is {n_samples}; allowed: 2 to 2000")
    inner = np.arange(1, n_samples)
    moves = _binomial(inner / n_samples, n_samples)
    times = np.linalg.solve(np.eye(n_samples - 1) - moves[:, 1:-1], np.ones(len(inner)))
    if q in (0.0, 1.0):
        return 0.0
    return float(1 + _binomial(np.array([q]), n_samples)[0, 1:-1] @ times)


def _binomial(p: Array, n: int) -> Array:
    """Return binomial probabilities, shape ``(len(p), n + 1)``, for 0 < p < 1."""
    k = np.arange(n + 1)
    log_factorial = special.gammaln(np.arange(n + 1) + 1)
    choose = log_factorial[n] - log_factorial - log_factorial[::-1]
    p = p[:, None]
    result: Array = np.exp(choose + k * np.log(p) + (n - k) * np.log1p(-p))
    return result


def absorption_time_diffusion(q: ArrayLike, n_samples: int) -> Array:
    r"""Return Kimura's approximation :math:`-2M[q\ln q + (1-q)\ln(1-q)]`.

    The mean time to absorption with two states, for large :math:`M` (the dossier of
    claim C06 uses it as the published expectation).
    """
    q = np.asarray(q, float)
    return 2 * n_samples * (special.entr(q) + special.entr(1 - q))


def survival_factor(generations: int) -> Array:
    r"""Return :math:`g_1, \dots, g_k`: :math:`1-e^{-x}` iterated from infinity.

    :math:`g_1 = 1,\; g_{k+1} = 1 - e^{-g_k}`; :math:`k g_k \to 2`
    (Suresh et al. 2025).

    Examples
    --------
    >>> survival_factor(3).round(4)
    array([1.    , 0.6321, 0.4685])
    """
    factors = [1.0]
    while len(factors) < generations:
        factors.append(-math.expm1(-factors[-1]))
    return np.array(factors[:generations])


def survival_probability(count: ArrayLike, generation: int) -> Array:
    r"""Return the chance that a state of expected count :math:`c` is still there.

    .. math:: P(\text{alive after } k \text{ generations}) = 1 - e^{-c\, g_k}

    Exact for Poisson counts, which a rare state's multinomial counts become as
    :math:`M` grows (Suresh et al. 2025, Theorem 2).

    Parameters
    ----------
    count
        Expected count :math:`c = M p` in the real data.
    generation
        Number of generations :math:`k \ge 1`; the first is the real sample itself.

    Examples
    --------
    >>> survival_probability([1, 10], 5).round(3)
    array([0.268, 0.956])
    """
    factor = survival_factor(generation)[-1]
    return np.asarray(-np.expm1(-np.asarray(count, float) * factor))
