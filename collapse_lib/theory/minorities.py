"""Closed forms for a small group: its share, its types and what is known of it.

A group that is a share :math:`p` of the data has :math:`np` of the :math:`n` points,
and everything that a loop does to it happens at that size.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    check_share,
    given,
    numbers,
    whole_numbers,
)

Array = NDArray[np.float64]

#: Added counts whose sum over all states is a number.
MOST_SMOOTHING = 1e300
_lgamma = np.frompyfunc(math.lgamma, 1, 1)
_FAR = 1_000.0  # from here on three terms of Stirling's series are exact


def smoothed(
    share: ArrayLike, n_samples: int, smoothing: float, n_states: int = 2
) -> Array:
    r"""Return what add-:math:`a` smoothing makes of a share.

    .. math:: \frac{n p + a}{n + K a}

    Parameters
    ----------
    share
        Share :math:`p` of a state among the points, any shape.
    n_samples
        Number of points :math:`n`.
    smoothing
        Added count :math:`a \ge 0` of each state.
    n_states
        Number of states :math:`K`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> smoothed([0.0, 0.1], 100, smoothing=1).round(3)
    array([0.01 , 0.108])
    """
    p = numbers("share", share, least=0, most=1)
    n, a, k = _smoothing(n_samples, smoothing, n_states)
    return np.asarray((n * p + a) / (n + k * a))


def smoothed_share_after(
    share: ArrayLike,
    n_samples: int,
    smoothing: float,
    generation: ArrayLike,
    n_states: int = 2,
) -> Array:
    r"""Return the mean share of a state in a loop with add-:math:`a` smoothing.

    .. math:: E p_t = \frac1K
        + \Bigl(p - \frac1K\Bigr) \Bigl(\frac{n}{n + Ka}\Bigr)^t

    Parameters
    ----------
    share
        Real share :math:`p`.
    n_samples
        Number of points :math:`n` per generation.
    smoothing
        Added count :math:`a \ge 0` of each state.
    generation
        Number of fits :math:`t \ge 0`.
    n_states
        Number of states :math:`K`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Derived here: each fit shrinks the expected distance from :math:`1/K` by the same
    factor. In population genetics :math:`a` is mutation.

    Examples
    --------
    >>> smoothed_share_after(0.1, 100, 1, [10, 50, 200]).round(3)
    array([0.172, 0.351, 0.492])
    """
    p = numbers("share", share, least=0, most=1)
    n, a, k = _smoothing(n_samples, smoothing, n_states)
    t = whole_numbers("generation", generation, "fits")
    return np.asarray(1 / k + (p - 1 / k) * (n / (n + k * a)) ** t)


def smoothed_heterozygosity(n_samples: int, smoothing: float, n_states: int) -> float:
    r"""Return the diversity at which a loop with add-:math:`a` smoothing settles.

    .. math:: E H_\infty = \Bigl(1 - \frac1K\Bigr) \frac{h}{1 + h}, \qquad
        h = Ka \Bigl(2 + \frac{Ka}{n}\Bigr)

    Parameters
    ----------
    n_samples
        Number of points :math:`n` per generation.
    smoothing
        Added count :math:`a` of each state, above 0.
    n_states
        Number of states :math:`K`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Derived here: the fixed point of :math:`E \sum p_i^2`. It does not depend on the
    real distribution, of which nothing is left.

    Examples
    --------
    >>> round(smoothed_heterozygosity(100, 1, 2), 3)
    0.401
    """
    check_positive("smoothing", smoothing)
    n, a, k = _smoothing(n_samples, smoothing, n_states)
    # Nothing here is the difference of large numbers, or overflows into an error.
    return (1 - 1 / k) / (1 + 1 / (k * a * (2 + k * a / n)))


def _smoothing(
    n_samples: int, smoothing: float, n_states: int
) -> tuple[int, float, int]:
    check_number("smoothing", smoothing, least=0, most=MOST_SMOOTHING)
    n = check_count("n_samples", n_samples, least=1)
    return n, smoothing, check_count("n_states", n_states, least=1)


def stratified(share: ArrayLike, target: float, error: float = 0.0) -> Array:
    r"""Return a group's share after batches that give it a target share by its labels.

    .. math::
        f(p) = \frac{\tau (1-e)\, p}{\ell} + \frac{(1-\tau)\, e\, p}{1 - \ell},
        \qquad \ell = (1-e)\, p + e\, (1-p)

    Parameters
    ----------
    share
        The group's true share :math:`p`, any shape.
    target
        Share :math:`\tau` that what is labelled as the group shall have.
    error
        Share :math:`e` of points with the wrong label, of both groups alike.

    Raises
    ------
    ValueError
        If an argument is no share.

    Notes
    -----
    Derived here, for many points; the batches are those of STAR (Wyllie et al. 2024).
    Without errors the share is the target at once, unless the group is gone. The share
    of the *labels* is the target in any case.

    Examples
    --------
    >>> stratified([0.0, 0.05, 0.5], target=0.1, error=0.02).round(3)
    array([0.   , 0.073, 0.116])
    """
    p = numbers("share", share, least=0, most=1)
    check_share("target", target)
    check_share("error", error)
    labelled = (1 - error) * p + error * (1 - p)
    return np.asarray(
        target * _of(p * (1 - error), labelled)
        + (1 - target) * _of(p * error, 1 - labelled)
    )


def _of(part: Array, whole: Array) -> Array:
    """Return what share a part is of the whole, 0 of nothing."""
    return np.asarray(part / np.where(whole > 0, whole, 1))


def stratified_limit(target: float, error: float) -> float:
    r"""Return the share at which stratified batches with wrong labels hold a group.

    .. math:: p^* = \frac{\tau - e}{1 - 2e} \quad (e < \tau \le 1 - e),
        \qquad 0 \text{ for } e \ge \tau

    Parameters
    ----------
    target
        Share :math:`\tau` that what is labelled as the group shall have.
    error
        Share :math:`e < 1/2` of points with the wrong label.

    Raises
    ------
    ValueError
        If the target is no share, or half of the labels or more are wrong.

    Notes
    -----
    Derived here: where :math:`f(p) = p` (`stratified`) the labels have the share
    :math:`\tau = (1-e)p^* + e(1-p^*)`. A group that has become rare grows by
    :math:`f'(0) = \tau(1-e)/e + (1-\tau)e/(1-e) = 1 + (\tau-e)(1-2e)/(e(1-e))`
    per generation, which is above 1 exactly if :math:`e < \tau`: as soon as more points
    of the others carry its label than its target has room for, it is crowded out.

    Examples
    --------
    >>> [round(stratified_limit(0.1, error), 3) for error in (0, 0.05, 0.1)]
    [0.1, 0.056, 0.0]
    """
    check_share("target", target)
    check_share("error", error)
    if error >= 0.5:
        raise ValueError(
            f"error is {error}; with half of the labels wrong or more they say "
            "nothing of the groups: it must be below 0.5"
        )
    return float(min(max((target - error) / (1 - 2 * error), 0.0), 1.0))


def types_with_real(p: ArrayLike, n_synthetic: int, n_real: int) -> float:
    r"""Return how many types are left when every generation gets real points.

    .. math::
        E K_\infty \approx \sum_i \Bigl[ 1 -
        \frac{\Gamma(n + \theta(1-p_i))\, \Gamma(\theta)}
             {\Gamma(\theta(1-p_i))\, \Gamma(n + \theta)} \Bigr],
        \qquad \theta = 2r

    Parameters
    ----------
    p
        Real probabilities of the types, with sum 1.
    n_synthetic
        Points :math:`n` per generation drawn from the newest model.
    n_real
        Points :math:`r \ge 1` per generation drawn anew from the real distribution.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Derived here, for :math:`n \gg r`. Backwards in time every point of today descends
    from a real point that once came in; how many such ancestors :math:`n` points have
    is the number of alleles of Ewens (1972) with :math:`\theta = 2r`, about
    :math:`2r \ln n`, and each is a type drawn from :math:`p`. Even with endlessly many
    types no more than that are left. Two points have one ancestor with probability
    :math:`1/(1 + 2r)`: `discrete.heterozygosity_with_real`.

    Examples
    --------
    >>> round(types_with_real(np.full(1000, 1e-3), 2000, 1), 1)
    14.3
    """
    p = numbers("p", p, ndim=1, least=0, most=1)
    if abs(p.sum() - 1) > 1e-9:
        raise ValueError(f"p has sum {p.sum():.12g}; it must be probabilities of sum 1")
    n = check_count("n_synthetic", n_synthetic, least=1)
    theta = 2.0 * check_count("n_real", n_real, least=1)
    own = theta * p[p > 0]
    others = theta * (1 - p[p > 0])
    certain = others <= 0  # a type that is all there is
    others = np.where(certain, 1.0, others)
    log_gone = _lgamma_step(others, own) - _lgamma_step(n + others, own)
    return float(np.where(certain, 1.0, -np.expm1(log_gone)).sum())


def _lgamma_step(x: Array, step: Array) -> Array:
    r"""Return :math:`\log\Gamma(x + s) - \log\Gamma(x)`, by Stirling for large x.

    There each of the two has more digits before the point than a number can hold, and
    their difference as computed is noise.
    """
    far = np.maximum(x, _FAR)
    end = far + step
    near = np.asarray(_lgamma(x + step) - _lgamma(x), dtype=np.float64)
    series = (far - 0.5) * np.log1p(step / far) + step * (np.log(end) - 1)
    series += (1 / end - 1 / far) / 12 - (end**-3 - far**-3) / 360
    return np.where(x < _FAR, near, series)


def ridge_signal_kept(n_samples: ArrayLike, ridge: float, generation: int) -> Array:
    r"""Return the share of a coefficient that a loop of ridge regressions keeps.

    .. math:: \frac{E b_t}{b_0} = \Bigl(1 + \frac{\lambda}{N}\Bigr)^{-t}

    Parameters
    ----------
    n_samples
        Points :math:`N` of the group, whose :math:`x` have mean square 1; any shape.
    ridge
        Penalty :math:`\lambda \ge 0` on :math:`b^2`, the same for every group.
    generation
        Number of fits :math:`t \ge 0`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Derived here. One fit has :math:`\hat b = \sum xy / (\sum x^2 + \lambda)`, so that
    the same penalty takes more from whom there is less of.

    Examples
    --------
    >>> ridge_signal_kept([900, 100], ridge=20, generation=10).round(2)
    array([0.8 , 0.16])
    """
    n = numbers("n_samples", n_samples, least=0)
    if not (n > 0).all():
        raise ValueError(f"n_samples is {given(n_samples)}; it must be above 0")
    check_not_negative("ridge", ridge)
    t = check_count("generation", generation, least=0)
    return np.asarray((1 + ridge / n) ** -float(t))
