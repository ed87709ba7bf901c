r"""Learning curves on Zipf data: how they scale, and what generated data do to them.

The world has infinitely many kinds :math:`i = 1, 2, \dots`, which occur with
probability :math:`p_i = i^{-\beta}/\zeta(\beta)`. The learner knows a kind once it has
seen it (the model of Hutter 2021), so its error after :math:`T` draws is the mass of
what it has not seen,

.. math:: E(T) = \sum_i p_i (1 - p_i)^T \propto T^{-c}
    \quad\text{for large } T, \qquad c = \frac{\beta-1}{\beta}.

All curves here are sums over all kinds: exact to about twelve digits, without
sampling.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_number, numbers
from collapse_lib.theory.zeta import hurwitz_zeta

Array = NDArray[np.float64]

#: Exponents that the sums are made for.
LARGEST_EXPONENT = 5
#: Ranks that are added up one by one, at most; the rest is a series.
MOST_RANKS = 10_000_000
# From the rank on where T p < 1/4 the power (1 - p)^T is a short series in T p.
SMALL = 0.25
TERMS = 18


def learning_curve(
    samples: ArrayLike,
    exponent: float,
    *,
    cut: int | None = None,
    n_ranks: int | None = None,
) -> Array:
    r"""Return the error :math:`E(T)` of a learner after ``samples`` draws.

    .. math::
        E(T) = \sum_{i \le k} p_i \Bigl(1 - \frac{p_i}{F_k}\Bigr)^T + \sum_{i > k} p_i,
        \qquad F_k = \sum_{i \le k} p_i

    Parameters
    ----------
    samples
        Numbers of draws :math:`T \ge 0`, also such as are no whole numbers; any shape.
    exponent
        Zipf's :math:`\beta`, above 1 and up to 5.
    cut
        The learner sees the :math:`k` most frequent kinds only, as often as they are;
        it is asked about all. Default: it sees all.
    n_ranks
        How many kinds there are; default: infinitely many.

    Raises
    ------
    ValueError
        If an argument is out of range, or more than ten million ranks would have to be
        added up.

    Notes
    -----
    Where :math:`Tp_i` is small the terms are a binomial series, whose sums over ranks
    are differences of Hurwitz zeta functions. The setting is Dohmatob et al. (2024),
    after Hutter (2021).

    Examples
    --------
    >>> learning_curve([100, 10_000], exponent=2.0).round(4)
    array([0.0688, 0.0069])
    >>> learning_curve([100, 1e9], exponent=2.0, cut=100).round(4)
    array([0.0686, 0.006 ])
    """
    draws = numbers("samples", samples, least=0)
    beta = _exponent(exponent)
    last = None if n_ranks is None else check_count("n_ranks", n_ranks, least=1)
    if cut is not None:
        seen = check_count("cut", cut, least=1)
        last_seen: int | None = seen if last is None else min(seen, last)
    else:
        last_seen = last
    scale = 1 / _power_sum(beta, 1, last)
    mass = scale * _power_sum(beta, 1, last_seen)
    unseen = 0.0 if last_seen == last else scale * _between(beta, last_seen, last)
    curve = [_error(float(t), beta, scale, mass, last_seen) for t in draws.ravel()]
    return np.asarray(curve).reshape(draws.shape) + unseen


def cut_mass(cut: ArrayLike, exponent: float) -> Array:
    r"""Return the plateau of a cut tail: the mass of all kinds beyond rank ``cut``.

    .. math::
        \sum_{i > k} p_i = \frac{\zeta(\beta, k+1)}{\zeta(\beta)}
        \approx \frac{k^{-(\beta-1)}}{(\beta-1)\,\zeta(\beta)}

    Parameters
    ----------
    cut
        The last rank :math:`k \ge 0` that is left; any shape.
    exponent
        Zipf's :math:`\beta`, above 1 and up to 5.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    No number of draws gets below it, :math:`\lim_T E(T)`. Dohmatob et al. (2024).

    Examples
    --------
    >>> cut_mass([100, 1000], exponent=2.0).round(5)
    array([0.00605, 0.00061])
    """
    k = numbers("cut", cut, least=0)
    beta = _exponent(exponent)
    return hurwitz_zeta(beta, k + 1) / hurwitz_zeta(beta, 1)


def effective_samples(sizes: ArrayLike) -> Array:
    r"""Return how many real draws the last of several generations is worth.

    .. math::
        T_{\mathrm{eff}} = T_0\,\bigl(1 - e^{-T_{\mathrm{eff}}'/T_0}\bigr)

    where :math:`T_{\mathrm{eff}}'` is the worth of the generations from the second on,
    and that of one generation is its size. Each generation draws from the frequencies
    of the one before. What the last one has not seen is the learning curve at
    :math:`T_{\mathrm{eff}}`: `learning_curve`, for every distribution.

    Parameters
    ----------
    sizes
        Numbers of draws, the real ones first and the generations along the last axis;
        ``np.inf`` draws all that there is.

    Returns
    -------
    ndarray
        The shape of ``sizes`` without the last axis.

    Raises
    ------
    ValueError
        If there are none, or one is not above 0.

    Notes
    -----
    Exact where every copy of a generation is drawn a Poisson number of times in the
    next, :math:`T_{i+1}/T_i` on average; for fixed sizes the error is of order
    :math:`1/T` for the smallest :math:`T`. A kind of probability :math:`p` is met
    :math:`C \sim \mathrm{Poisson}(T_0p)` times, and each of these copies has offspring
    with the same chance :math:`u = 1 - e^{-T_1/T_0}`; none has with probability
    :math:`e^{-T_0pu}`. So on, generation by generation. For equal sizes it is
    :math:`Tg_t` with the survival sequence of Suresh et al. (2025), about
    :math:`2T/t`. Derived here.

    Examples
    --------
    >>> effective_samples([1000, np.inf]), effective_samples([1000, 1000]).round(1)
    (array(1000.), np.float64(632.1))
    """
    each = numbers("sizes", sizes, above=0, infinite=True)
    if each.ndim == 0:
        raise ValueError("sizes is one number; needed are the sizes of generations")
    if not each.shape[-1]:
        raise ValueError("sizes is empty along the last axis: no generation")
    worth = each[..., -1]
    for i in range(each.shape[-1] - 2, -1, -1):
        n = np.where(np.isinf(each[..., i]), 1.0, each[..., i])
        thinned = -n * np.expm1(-worth / n)
        worth = np.where(np.isinf(each[..., i]), worth, thinned)
    return np.asarray(worth)


def _exponent(exponent: float) -> float:
    return check_number("exponent", exponent, above=1, most=LARGEST_EXPONENT)


def _power_sum(s: float, first: int, last: int | None) -> float:
    """Return the sum of ``i**-s`` from one rank to another, or to infinity."""
    total = hurwitz_zeta(s, float(first))
    if last is not None:
        total = total - hurwitz_zeta(s, last + 1.0)
    return float(total)


def _between(s: float, after: int | None, last: int | None) -> float:
    assert after is not None
    return _power_sum(s, after + 1, last)


def _error(
    draws: float, beta: float, scale: float, mass: float, last: int | None
) -> float:
    """Return the sum of ``p (1 - p/mass)**draws`` over the ranks up to ``last``."""
    head = math.ceil((draws * scale / mass / SMALL) ** (1 / beta)) + 16
    if last is not None:
        head = min(head, last)
    if head > MOST_RANKS:
        raise ValueError(
            f"samples is {draws:g} and exponent {beta:g}: {head:,} ranks would have to "
            "be added up; use fewer samples or a larger exponent"
        )
    p = scale * np.arange(1.0, head + 1) ** -beta
    q = np.minimum(p / mass, 1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a single kind: log 0
        missed = np.where(q < 1, np.exp(draws * np.log1p(-q)), float(draws == 0))
    total = float(p @ missed)
    if head == last:
        return total
    binomial = 1.0  # of draws over j, with alternating sign, and the powers of scale
    for j in range(TERMS):
        total += scale * binomial * _power_sum(beta * (j + 1), head + 1, last)
        binomial *= -(draws - j) / (j + 1) * scale / mass
    return total
