"""Closed forms for a finite set of states re-estimated from its own samples.

The recursion is the Wright-Fisher model of population genetics: ``M`` draws per
generation, the empirical distribution as the next model.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_share,
    given,
    numbers,
    whole_numbers,
)
from collapse_lib.theory.special import entropy_terms

Array = NDArray[np.float64]

#: Counts whose probabilities are laid out at a time.
MOST_COUNTS = 100_000
#: Draws a generation up to which ancestors are counted exactly.
MOST_ANCESTORS = 10_000
#: Draws a generation from which on the limit of many is offered.
FEWEST_OF_A_LIMIT = 20


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

    Raises
    ------
    ValueError
        If ``q`` is not between 0 and 1 or ``n_samples`` is not a positive integer.

    Examples
    --------
    >>> round(float(loss_probability(0.02, 50)), 4)
    0.3642
    """
    return np.asarray((1 - _probability("q", q)) ** _samples(n_samples))


def heterozygosity_after(h0: ArrayLike, n_samples: int, generation: ArrayLike) -> Array:
    r"""Return the expected diversity :math:`E H_t = (1 - 1/M)^t H_0`.

    Exact for every initial distribution. Source: Wright (1931); for language models
    Seddik et al. (2024).

    Raises
    ------
    ValueError
        If ``h0`` is not between 0 and 1 or ``n_samples`` is not a positive integer.
    """
    t = whole_numbers("generation", generation, "fits")
    decay = (1 - 1 / _samples(n_samples)) ** t
    return np.asarray(_probability("h0", h0) * decay)


def ecosystem_after(
    h0: ArrayLike, n_samples: int, models: int, generation: ArrayLike
) -> Array:
    r"""Return the expected diversity of what several models write for one pool.

    .. math::
        E H_t = H_0 \left(1 - \frac1{mM}\right) (1 - c)^{t-1}, \qquad
        c = \frac{M - 1}{M (mM - 1)} \approx \frac1{mM}

    for :math:`t \ge 1` and the mean :math:`\bar p` of the fits of :math:`m` models, of
    which each is fitted to its :math:`M` points of the shuffled pool
    (`regimes.Ecosystem`). One model with :math:`mM` points would do hardly better;
    :math:`m = 1` is `heterozygosity_after`.

    Parameters
    ----------
    h0
        Diversity :math:`H_0` of the real distribution.
    n_samples
        Points :math:`M` that each model writes.
    models
        Number of models :math:`m`.
    generation
        Number of fits :math:`t`, any shape; 0 returns :math:`H_0`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Two different points of the next pool come from one model with probability
    :math:`(M-1)/(mM-1)`, and then from one and the same of its points with
    :math:`1/M`; otherwise they come from two different points of the pool before.
    Derived here; an island model with full migration, in population genetics.

    Examples
    --------
    >>> ecosystem_after(0.5, 10, models=5, generation=[0, 1, 20]).round(3)
    array([0.5  , 0.49 , 0.345])
    """
    pooled = _samples(n_samples) * check_count("models", models, least=1)
    t = whole_numbers("generation", generation, "fits")
    lost = (n_samples - 1) / (n_samples * (pooled - 1)) if pooled > 1 else 1.0
    left = (1 - 1 / pooled) * (1 - lost) ** np.maximum(t - 1, 0)
    return np.asarray(_probability("h0", h0) * np.where(t >= 1, left, 1.0))


def heterozygosity_with_real(n_synthetic: int, n_real: int) -> float:
    r"""Return what is left of the diversity when every generation gets real points.

    .. math:: \frac{E H_\infty}{H_0} = 1 - \frac{n + r}{2nr + r^2 + n}
        \;\to\; \frac{2r}{1 + 2r} \quad (n \to \infty)

    Parameters
    ----------
    n_synthetic
        Points :math:`n` per generation drawn from the newest model.
    n_real
        Points :math:`r` per generation drawn anew from the real distribution.

    Raises
    ------
    ValueError
        If ``n_synthetic`` is not a positive or ``n_real`` a non-negative integer.

    Notes
    -----
    The fixed point of :math:`E p_{t+1}^2` given :math:`p_t`, when the counts of the two
    sources add up. That one real point is enough is the result of Jangjoo et al.
    (2026), and the "one migrant per generation" rule of population genetics.

    Examples
    --------
    >>> round(heterozygosity_with_real(100, 1), 3)
    0.664
    """
    n = check_count("n_synthetic", n_synthetic, least=1)
    r = check_count("n_real", n_real, least=0)
    return 1 - (n + r) / (2 * n * r + r**2 + n)


def collapse_time(p: ArrayLike, n_samples: int) -> float:
    r"""Return the exact mean number of generations until one state is left.

    .. math:: T = 1 + \sum_{j=2}^{M} G_j \Bigl(1 - \sum_i p_i^j\Bigr),

    where :math:`G_j` is the mean number of generations for which the samples of a late
    generation have :math:`j` ancestors.

    Parameters
    ----------
    p
        Initial probabilities of the states, with sum 1; the first generation is drawn
        from them, and counts.
    n_samples
        Number of draws :math:`M` per generation, at most 10,000 (the time grows with
        its square). For more, `collapse_time_diffusion` is the limit.

    Raises
    ------
    ValueError
        If ``p`` is not a list of probabilities with sum 1, or ``n_samples`` is out of
        range.

    Notes
    -----
    Backwards in time: each of :math:`a` ancestors has one of the :math:`M` samples
    before it as its own, so that the next number of ancestors is the number of boxes
    that :math:`a` balls hit among :math:`M`, a Markov chain from :math:`M` down to 1.
    The first generation's samples are drawn from ``p`` independently, and so the world
    has more than one state as long as the ancestors there are not all of one state.
    For two states it is `absorption_time`, which solves another system.

    Examples
    --------
    >>> collapse_time([0.5, 0.5], 2)
    2.0
    >>> round(collapse_time([0.1] * 10, 100), 1)
    187.4
    """
    share = power = _distribution(p)
    n = check_count("n_samples", n_samples, least=1, most=MOST_ANCESTORS)
    if np.count_nonzero(share) == 1:
        return 0.0
    boxes = np.arange(1, n + 1)
    hit = (boxes == 1) * 1.0  # the law of the number of boxes that the balls hit
    left = np.zeros(n)  # mean generations with several states, from 1, 2, ... ancestors
    for balls in range(2, n + 1):
        missed = np.append(0.0, hit[:-1] * (n - boxes[:-1]) / n)
        hit = hit * boxes / n + missed
        matters = power > 1e-20
        share, power = share[matters], power[matters] * share[matters]
        ahead = 1 - power.sum() + hit[: balls - 1] @ left[: balls - 1]
        left[balls - 1] = ahead / (1 - hit[balls - 1])
    return 1 + float(left[-1])


def collapse_time_diffusion(p: ArrayLike, n_samples: int) -> float:
    r"""Return the limit of `collapse_time` for many samples.

    .. math:: T \approx M \sum_{j \ge 2} \frac{2}{j(j-1)}
        \Bigl(1 - \sum_i p_i^j\Bigr) = -2M \sum_i (1 - p_i)\ln(1 - p_i)

    Parameters
    ----------
    p
        Initial probabilities of the states, with sum 1.
    n_samples
        Number of draws :math:`M` per generation, at least 20: for ten equal states the
        limit is 8 % too long at 10, 1.2 % at 100 and 0.16 % at 1,000.

    Raises
    ------
    ValueError
        If ``p`` is not a list of probabilities with sum 1, or ``n_samples`` is out of
        range.

    Notes
    -----
    :math:`2M/(j(j-1))` is the mean time for which today's samples have :math:`j`
    ancestors in Kingman's coalescent. For two states the sum is
    `absorption_time_diffusion`; for ten equal ones it is 1.9 M.

    Examples
    --------
    >>> round(collapse_time_diffusion([0.1] * 10, 100), 1)
    189.6
    """
    n = check_count("n_samples", n_samples, least=FEWEST_OF_A_LIMIT)
    return float(2 * n * entropy_terms(1 - _distribution(p)).sum())


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
    check_share("q", q)
    check_count("n_samples", n_samples, least=2, most=2000)
    inner = np.arange(1, n_samples)
    moves = binomial_law(inner / n_samples, n_samples)
    times = np.linalg.solve(np.eye(n_samples - 1) - moves[:, 1:-1], np.ones(len(inner)))
    if q in (0.0, 1.0):
        return 0.0
    return float(1 + binomial_law(q, n_samples)[1:-1] @ times)


def binomial_law(p: ArrayLike, n_samples: int) -> Array:
    r"""Return how likely each count of a state is in a sample.

    .. math:: P(N = k) = \binom nk\,p^k (1-p)^{n-k}, \qquad k = 0, \dots, n

    Parameters
    ----------
    p
        Probabilities of the state; any shape.
    n_samples
        Number of draws :math:`n`, up to 100,000.

    Returns
    -------
    ndarray
        The shape of ``p`` with one more axis of ``n_samples + 1`` counts.

    Raises
    ------
    ValueError
        If ``p`` is not between 0 and 1 or ``n_samples`` is out of range.

    Examples
    --------
    >>> binomial_law([0.5, 1.0], 2)
    array([[0.25, 0.5 , 0.25],
           [0.  , 0.  , 1.  ]])
    """
    q = numbers("p", p, least=0, most=1)[..., None]
    n = check_count("n_samples", n_samples, least=1, most=MOST_COUNTS)
    k = np.arange(n + 1)
    log_factorial = np.array([math.lgamma(i + 1) for i in range(n + 1)])
    choose = log_factorial[n] - log_factorial - log_factorial[::-1]
    inner = np.where((q > 0) & (q < 1), q, 0.5)
    law = np.exp(choose + k * np.log(inner) + (n - k) * np.log1p(-inner))
    return np.asarray(np.where(q == 0, k == 0, np.where(q == 1, k == n, law)))


def share_law(
    share: float,
    n_samples: int,
    n_generations: int,
    rule: Callable[[Array], ArrayLike] | None = None,
) -> Array:
    r"""Return the exact law of a group's count in every generation.

    The real share :math:`p` is sampled once, :math:`N_0 \sim B(n, p)`; each later
    generation draws from what a rule :math:`f` makes of the share before it,

    .. math:: N_{t+1} \sim B\bigl(n, f(N_t / n)\bigr).

    Parameters
    ----------
    share
        Share :math:`p` of the group in the real data.
    n_samples
        Points :math:`n` per generation, at most 2,000 (the matrix is dense).
    n_generations
        Number of generations after generation 0.
    rule
        ``rule(shares)`` returns with which share each is drawn from, numbers from 0 to
        1: the identity for plain sampling (default), a temperature,
        `minorities.smoothed`, `minorities.stratified`.

    Returns
    -------
    ndarray
        Probabilities of the counts :math:`0, \dots, n`: shape ``(n_generations + 1,
        n_samples + 1)``.

    Raises
    ------
    ValueError
        If an argument is out of range, or the rule returns no shares.

    Notes
    -----
    A Markov chain (Wright 1931, with selection and mutation in the place of a rule).

    Examples
    --------
    >>> law = share_law(0.1, 100, 50)
    >>> law[[10, 50], 0].round(3)  # the group is gone
    array([0.187, 0.653])
    """
    check_share("share", share)
    n = check_count("n_samples", n_samples, least=1, most=2000)
    check_count("n_generations", n_generations, least=0, most=10**6)
    shares = np.arange(n + 1) / n
    drawn = shares if rule is None else _drawn(rule, shares)
    moves = binomial_law(drawn, n)
    law = [binomial_law(np.array([share]), n)[0]]
    for _ in range(n_generations):
        law.append(law[-1] @ moves)
    return np.array(law)


def _drawn(rule: Callable[[Array], ArrayLike], shares: Array) -> Array:
    if isinstance(rule, type) or not callable(rule):
        raise ValueError(f"rule is {given(rule)}; it must be a function of shares")
    what = "what rule(shares) returned"
    drawn = numbers(what, rule(shares), least=0, most=1)
    if drawn.shape != shares.shape:
        raise ValueError(
            f"{what} has shape {drawn.shape}; needed is one number for each share: "
            f"{shares.shape}"
        )
    return drawn


def absorption_time_diffusion(q: ArrayLike, n_samples: int) -> Array:
    r"""Return Kimura's approximation :math:`-2M[q\ln q + (1-q)\ln(1-q)]`.

    The mean time to absorption with two states, for large :math:`M`: the diffusion
    limit of the binomial chain (Kimura and Ohta 1969). For :math:`q = 0.1` it is 8.5 %
    longer than `absorption_time` at 20 samples, 4.3 % at 50 and 0.4 % at 1,000; below
    20 it is refused.

    Raises
    ------
    ValueError
        If ``q`` is not between 0 and 1 or ``n_samples`` is no integer from 20 on.
    """
    q = _probability("q", q)
    n = check_count("n_samples", n_samples, least=FEWEST_OF_A_LIMIT)
    return 2 * n * (entropy_terms(q) + entropy_terms(1 - q))


def survival_factor(generations: int) -> Array:
    r"""Return :math:`g_1, \dots, g_k`: :math:`1-e^{-x}` iterated from infinity.

    :math:`g_1 = 1,\; g_{k+1} = 1 - e^{-g_k}`; :math:`k g_k \to 2`
    (Suresh et al. 2025).

    Raises
    ------
    ValueError
        If ``generations`` is not a positive integer.

    Examples
    --------
    >>> survival_factor(3).round(4)
    array([1.    , 0.6321, 0.4685])
    """
    factors = [1.0]
    for _ in range(1, check_count("generations", generations, least=1, most=10**7)):
        factors.append(-math.expm1(-factors[-1]))
    return np.array(factors)


def survival_probability(count: ArrayLike, generation: int) -> Array:
    r"""Return the chance that a state of expected count :math:`c` is still there.

    .. math:: P(\text{alive after } k \text{ generations}) = 1 - e^{-c\, g_k}

    Exact for Poisson counts, which a rare state's multinomial counts become as
    :math:`M` grows (Suresh et al. 2025, Theorem 2).

    Parameters
    ----------
    count
        Expected count :math:`c = M p` in the real data - or the count that was found
        there, if the generations are counted from the next one on.
    generation
        Number of generations :math:`k \ge 1`; the first is the real sample itself.

    Raises
    ------
    ValueError
        If a count is negative or ``generation`` is not a positive integer.

    Examples
    --------
    >>> survival_probability([1, 10], 5).round(3)
    array([0.268, 0.956])
    """
    expected = numbers("count", count, least=0)
    check_count("generation", generation, least=1)
    return np.asarray(-np.expm1(-expected * survival_factor(generation)[-1]))


def _samples(n_samples: int) -> int:
    return check_count("n_samples", n_samples, least=1)


def _probability(name: str, value: ArrayLike) -> Array:
    return numbers(name, value, least=0, most=1)


def _distribution(p: ArrayLike) -> Array:
    p = _probability("p", p)
    if p.ndim != 1 or abs(p.sum() - 1) > 1e-9:
        raise ValueError(
            f"p has shape {p.shape} and sum {p.sum():.12g}; it must be a list of "
            "probabilities with sum 1"
        )
    return p
