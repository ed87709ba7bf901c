r"""A kernel density estimate refitted to its own samples: how far it spreads, exactly.

A point drawn from a kernel density estimate is a copy of one of the points it was
fitted to, moved by a step of the kernel: a random number of variance :math:`h^2`. A
synthetic point is therefore a real point plus as many steps as there were copies on the
way to it. What a regime decides is how many that are.

All variances here are in units of the variance of the real data, :math:`\sigma^2`, and
``bandwidth`` is :math:`h/\sigma`. In several dimensions with a round kernel they hold
along each axis. ``samplings`` counts fits, :math:`k`; the first is the fit to real
points alone, so that generation :math:`t` of a run is fit :math:`t + 1`.

Each law comes in two kinds.

* Without ``n_samples``: the mean squared distance of a drawn point from the *true*
  mean, :math:`1 + h^2 E D_k` with :math:`D_k` the number of steps. It is the variance
  of what all worlds draw together, the same for every number of points.
* With ``n_samples``: the variance that one model has on average. A part of the distance
  above is the model's own mean having moved, and

  .. math:: E V_k = 1 + h^2 E D_k - E m_k^2

  where :math:`m_k` is the distance of the model's mean from the true one.

Both are exact for real data of any law with a variance. Derived here, unless a function
says otherwise.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_number,
    check_switch,
    given,
)
from collapse_lib.theory.number_line import STEPS, check_fits

Array = NDArray[np.float64]

#: Rules of thumb for the bandwidth.
RULES = ("scott", "silverman")
#: Bandwidths and ratios that can be squared.
LARGEST = 1e100
EULER_GAMMA = 0.57721566490153286


def bandwidth_factor(n_samples: int, rule: str = "scott", dim: int = 1) -> float:
    r"""Return a rule of thumb's bandwidth for data of standard deviation 1.

    .. math::
        b = n^{-1/(d+4)} \quad\text{(Scott)}, \qquad
        b = \Bigl(\tfrac{4}{(d+2)\,n}\Bigr)^{1/(d+4)} \quad\text{(Silverman)}

    Parameters
    ----------
    n_samples
        Points, at least 1.
    rule
        ``"scott"`` or ``"silverman"``.
    dim
        Dimensions :math:`d` of a point.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Scott (1992) and Silverman (1986). The bandwidth itself is :math:`b` times the
    standard deviation of the sample, as in ``scipy.stats.gaussian_kde``. In
    scikit-learn, ``KernelDensity(bandwidth="scott")`` uses :math:`b` alone, whatever
    the unit of the data.

    Examples
    --------
    >>> round(bandwidth_factor(200), 4), round(bandwidth_factor(200, "silverman"), 4)
    (0.3466, 0.3671)
    """
    n = check_count("n_samples", n_samples, least=1)
    check_choice("rule", rule, RULES)
    d = check_count("dim", dim, least=1)
    points = n if rule == "scott" else n * (d + 2) / 4
    return float(points ** (-1 / (d + 4)))


def replace(
    samplings: ArrayLike, bandwidth: float, n_samples: int | None = None
) -> Array:
    r"""Return the variance when every fit sees the newest synthetic points only.

    .. math:: 1 + k h^2, \qquad
              E V_k = c^k + n h^2 (1 - c^k), \quad c = 1 - \frac1n

    Every point has been copied :math:`k` times. One model's variance has a limit,
    :math:`n h^2`: after about :math:`2n` fits all points descend from a single one, and
    their cloud wanders as a whole. A model with :math:`h < \sigma/\sqrt n` shrinks.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`k`, or ``np.inf``; any shape.
    bandwidth
        :math:`h/\sigma`, 0 or above.
    n_samples
        Points of a fit, for the variance of one model; see the module.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    :math:`n` points drawn from a model of variance :math:`V` have on average the
    variance :math:`(1 - 1/n) V` (divided by :math:`n`), and the kernel adds
    :math:`h^2`. For integers instead of real numbers this is the wandering
    distribution of Moran (1975).

    Examples
    --------
    >>> replace([1, 20, np.inf], 0.3).round(2)
    array([1.09, 2.8 ,  inf])
    >>> replace([1, 20, np.inf], 0.3, n_samples=200).round(2)
    array([ 1.08,  2.62, 18.  ])
    """
    fits, h2 = check_fits(samplings), _square(bandwidth)
    if n_samples is None:
        return np.asarray(1 + (h2 * fits if h2 else np.zeros_like(fits)))
    n = check_count("n_samples", n_samples, least=1)
    lost = -np.expm1(fits * _log_kept(n))
    return np.asarray(1 - lost + n * h2 * lost)


def accumulate(
    samplings: ArrayLike, bandwidth: float, n_samples: int | None = None
) -> Array:
    r"""Return the variance when all points are kept and every fit sees all of them.

    .. math:: 1 + h^2 H_k, \qquad H_k = \sum_{i=1}^{k} \frac1i
              \approx \log k + 0.577

    Nothing stops it, and hardly anything is slower.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`k`, or ``np.inf``; any shape.
    bandwidth
        :math:`h/\sigma`, 0 or above.
    n_samples
        Points that every generation adds, for the variance of one model; see the
        module. Then ``samplings`` may be up to a million, or infinite.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    A draw copies a point of the newest of :math:`k` equal batches with probability
    :math:`1/k`, so its expected number of steps is :math:`D_k = 1 +
    \frac1k\sum_{i<k} D_i`, with :math:`D_i` that of what fit :math:`i` emits; this
    gives :math:`D_{k+1} = D_k + \frac1{k+1}` (`copies_accumulated` has its law).

    The new batch is :math:`1/(k+1)` of the pool, so its sampling error moves the
    pool's mean by :math:`E m_{k+1}^2 = E m_k^2 + E V_k / (n (k+1)^2)`,
    :math:`E m_1^2 = 1/n`.

    Examples
    --------
    >>> accumulate([1, 20, 10**9, np.inf], 0.3).round(2)
    array([1.09, 1.32, 2.92,  inf])
    >>> accumulate([1, 20], 0.3, n_samples=200).round(3)
    array([1.085, 1.315])
    """
    fits = check_fits(samplings, most=math.inf if n_samples is None else STEPS)
    h2 = _square(bandwidth)
    finite = np.where(np.isfinite(fits), fits, 1)
    crowd = 1 + h2 * _harmonic(finite)
    if n_samples is not None:
        n = check_count("n_samples", n_samples, least=1)
        path = np.empty(int(finite.max(initial=1)))
        moved, steps = 1 / n, 1.0
        for k in range(1, len(path) + 1):
            path[k - 1] = moved
            moved += (1 + h2 * steps - moved) / (n * (k + 1) ** 2)
            steps += 1 / (k + 1)
        crowd = crowd - path[finite.astype(np.int64) - 1]
        # Without a kernel it is Euler's product, as for a Gaussian.
        still = float(np.sinc(1 / math.sqrt(n)))
    else:
        still = 1.0
    return np.where(np.isfinite(fits), crowd, math.inf if h2 else still)


def with_real(
    samplings: ArrayLike,
    bandwidth: float,
    share: float,
    n_samples: int | None = None,
) -> Array:
    r"""Return the variance when a share of every training set is new and real.

    .. math:: 1 + h^2\,\frac{1 - (1-a)^k}{a} \;\to\; 1 + \frac{h^2}{a}

    Finite for every share :math:`a > 0`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`k`, or ``np.inf``; any shape.
    bandwidth
        :math:`h/\sigma`, 0 or above.
    share
        Share :math:`a` of real points, above 0 and up to 1.
    n_samples
        Synthetic points of a fit, and real ones of the first, for the variance of one
        model; see the module. The share must then be below 1. The regime is
        `collapse_lib.regimes.Fresh` with :math:`n\,a/(1-a)` real points.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    A drawn point copies a synthetic point with probability :math:`1-a`, so
    :math:`D_{k+1} = 1 + (1-a) D_k`. If the real points are old ones, kept or drawn
    again from the first real data set, the law without ``n_samples`` is the same.

    The mean obeys :math:`E m_{k+1}^2 = \frac{a(1-a)}n + (1-a)^2 (E m_k^2 + E V_k/n)`.

    The variance is the one of arXiv 2602.16601, as an independent reproduction of that
    paper gives it.

    Examples
    --------
    >>> with_real([1, 20, np.inf], 0.6, 0.1).round(2)
    array([1.36, 4.16, 4.6 ])
    """
    a = check_number("share", share, above=0, most=1)
    fits, h2 = check_fits(samplings), _square(bandwidth)
    if n_samples is None:
        return np.asarray(1 + h2 * _steps(a, fits))
    n = check_count("n_samples", n_samples, least=1)
    if a == 1:
        raise ValueError(
            f"share is {given(share)} and n_samples {n}: that would need infinitely "
            "many real points; leave n_samples out, or lower the share"
        )
    return _within(fits, h2, a, (a * (1 - a) / n, (1 - a) ** 2, 1 / n), n)


def augment(
    samplings: ArrayLike,
    bandwidth: float,
    ratio: float = 1.0,
    n_samples: int | None = None,
) -> Array:
    r"""Return the variance for the first real data plus the newest synthetic points.

    .. math:: 1 + h^2 (1 + r)\Bigl(1 - \bigl(\tfrac{r}{1+r}\bigr)^k\Bigr)
              \;\to\; 1 + h^2 (1 + r)

    which is :math:`1 + 2h^2` for :math:`r = 1`.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`k`, or ``np.inf``; any shape.
    bandwidth
        :math:`h/\sigma`, 0 or above.
    ratio
        Synthetic points per real point, :math:`r` above 0, up to 1e100.
    n_samples
        Real points, for the variance of one model; see the module.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    As `with_real` with :math:`a = 1/(1+r)`. The real points stay the same, so their
    mean error, :math:`1/n`, goes along with the model's: with :math:`b = 1 - a`,
    :math:`E m_{k+1}^2 = \frac{1 - b^2}n + b^2\bigl(E m_k^2 + \frac{E V_k}{rn}\bigr)`.

    Examples
    --------
    >>> augment([1, 2, np.inf], 0.3).round(3)
    array([1.09 , 1.135, 1.18 ])
    """
    r = check_number("ratio", ratio, above=0, most=LARGEST)
    fits, h2 = check_fits(samplings), _square(bandwidth)
    a, b = 1 / (1 + r), r / (1 + r)
    if n_samples is None:
        return np.asarray(1 + h2 * _steps(a, fits))
    n = check_count("n_samples", n_samples, least=1)
    return _within(fits, h2, a, ((1 - b * b) / n, b * b, 1 / (r * n)), n)


def rule_of_thumb(
    samplings: ArrayLike, n_samples: int, rule: str = "scott", shrink: bool = False
) -> Array:
    r"""Return the mean variance of one model whose bandwidth follows its own data.

    .. math:: E V_k = \bigl(1 - \tfrac1n + b^2\bigr)^k

    with the factor :math:`b` of `bandwidth_factor`, each fit replacing the data: the
    wider the sample, the wider the kernel, and the spreading is exponential. With
    shrunk draws it is :math:`(1 - \frac1n)^k`, for any bandwidth.

    Parameters
    ----------
    samplings
        Numbers of fits :math:`k`, or ``np.inf``; any shape.
    n_samples
        Points of a fit, at least 2.
    rule
        ``"scott"`` or ``"silverman"``.
    shrink
        Whether draws are shrunk to the variance of the sample.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The sample's unbiased variance :math:`S` has the mean :math:`V_{k-1}`; the model's
    is :math:`V_k = (1 - \frac1n) S + b^2 S`. The mean is carried by rare worlds where
    :math:`k` is large beside :math:`n`.

    Examples
    --------
    >>> rule_of_thumb([1, 20], 200).round(3)
    array([1.115, 8.838])
    >>> float(rule_of_thumb(20, 200, shrink=True).round(3))
    0.905
    """
    fits = check_fits(samplings)
    n = check_count("n_samples", n_samples, least=2)
    factor = bandwidth_factor(n, rule)
    check_switch("shrink", shrink)
    growth = -1 / n if shrink else factor**2 - 1 / n
    with np.errstate(over="ignore"):  # infinite, then
        return np.asarray(np.exp(fits * math.log1p(growth)))


def copies_accumulated(samplings: int) -> Array:
    r"""Return the law of the number of steps in what fit ``samplings`` emits.

    All points are kept. The number of steps is a sum of independent 0s and 1s,

    .. math:: D_k = \sum_{i=1}^{k} B_i, \qquad P(B_i = 1) = \frac1i,

    as is the number of cycles of a random permutation.

    Parameters
    ----------
    samplings
        Number of fits :math:`k`, from 1 to 10,000.

    Returns
    -------
    ndarray
        Probabilities of :math:`0, 1, \dots, k` steps, shape ``(k + 1,)``.

    Raises
    ------
    ValueError
        If it is no such number.

    Notes
    -----
    Let :math:`g_k(z) = E z^{D_k}`. A draw from fit :math:`k` is a step away from a
    point of a batch: the real one, or what one of the fits :math:`1, \dots, k-1`
    emitted. So :math:`g_k = \frac zk (1 + g_1 + \dots + g_{k-1})`, which gives
    :math:`k\,g_k = (k - 1 + z)\,g_{k-1}`: the factors of the sum above.

    Examples
    --------
    >>> copies_accumulated(3).round(3)  # 1/3, 1/2 and 1/6
    array([0.   , 0.333, 0.5  , 0.167])
    """
    k = check_count("samplings", samplings, least=1, most=10_000)
    law = np.zeros(k + 1)
    law[1] = 1.0
    for i in range(2, k + 1):
        law[1:] = law[1:] * (1 - 1 / i) + law[:-1] / i
    return law


def _square(bandwidth: float) -> float:
    """Return the variance of one step."""
    h = check_not_negative("bandwidth", bandwidth)
    if h > LARGEST:
        raise ValueError(f"bandwidth is {given(bandwidth)}; its square must be finite")
    return float(h) ** 2


def _log_kept(n: int) -> float:
    """Return the logarithm of the share of variance that a sample of ``n`` keeps."""
    return math.log1p(-1 / n) if n > 1 else -math.inf


def _steps(share: float, fits: Array) -> Array:
    """Return the mean number of steps where a share of all points is real."""
    if share == 1:
        return np.ones_like(fits)
    return np.asarray(-np.expm1(fits * math.log1p(-share)) / share)


def _harmonic(k: Array) -> Array:
    """Return the harmonic numbers: a sum up to a hundred, then Euler's series."""
    small = np.cumsum(1 / np.arange(1.0, 101))
    far = np.maximum(k, 100)
    series = np.log(far) + EULER_GAMMA + 1 / (2 * far) - 1 / (12 * far**2)
    series = series + 1 / (120 * far**4)
    return np.where(k <= 100, small[np.minimum(k, 100).astype(np.int64) - 1], series)


def _within(
    fits: Array, h2: float, share: float, mean: tuple[float, float, float], n: int
) -> Array:
    r"""Return the mean variance of one model where a share of all points is real.

    The model's mean obeys :math:`E m'^2 = u + v (E m^2 + w E V)`, a linear recursion
    that also has the mean number of steps in it.
    """
    added, kept, noise = mean
    finite = np.where(np.isfinite(fits), fits, 1)
    if finite.max(initial=1) > STEPS:
        raise ValueError(
            f"samplings holds {finite.max():.0f}; with n_samples it may be up to "
            f"{STEPS}, or infinite"
        )
    path = np.empty(int(finite.max(initial=1)))
    moved, steps = 1 / n, 1.0
    for k in range(len(path)):
        path[k] = 1 + h2 * steps - moved
        moved = added + kept * (moved + noise * path[k])
        steps = 1 + (1 - share) * steps
    # The fixed point, solved for the variance: 1 - v without cancellation.
    gone = share * (2 - share)
    limit = ((share + h2) * (2 - share) - added) / (gone + kept * noise)
    found = path[finite.astype(np.int64) - 1]
    return np.where(np.isfinite(fits), found, limit)
