"""A kernel density estimate: every point of the data, blurred."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_finite,
    check_number,
    check_switch,
    numbers,
    numeric,
)
from collapse_lib.models.base import FittedChains, check_sampling
from collapse_lib.samples import Data, points
from collapse_lib.theory.kde import RULES, bandwidth_factor

Array = NDArray[np.float64]

# Distances between points and centres that are held at a time.
BLOCK = 2**16
# Sums below this have lost digits, or all; a logarithm below LOWEST adds nothing to
# those above, and numbers that small are slow.
LEAST, LOWEST = 1e-200, -700.0
#: Bandwidths whose squares are numbers.
THINNEST, WIDEST = 1e-100, 1e100


@dataclass(frozen=True)
class KDE:
    r"""A kernel density estimate with a Gaussian kernel.

    .. math:: f(x) = \frac1n \sum_{j=1}^{n} N(x;\, x_j, h^2 I)

    A draw copies one of the points and moves it by a step of the kernel.

    Parameters
    ----------
    bandwidth
        The width :math:`h` of the kernel in the unit of the data, from 1e-100 to
        1e100; or
        ``"scott"`` or ``"silverman"``: a rule of thumb times the standard deviation of
        the data, see `collapse_lib.theory.kde.bandwidth_factor`. Vectors have one
        width for all directions, from the average of their variances.
    shrink
        Whether draws are moved towards the mean of the data, so that they have the
        variance of the data (divided by ``n``) and not :math:`h^2` more:

        .. math:: \bar x + \rho\,(x_J - \bar x + h Z), \qquad
                  \rho^2 = \frac{s^2}{s^2 + h^2}
    event_ndim
        0 for numbers, 1 for vectors.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    On the line, ``"scott"`` and ``"silverman"`` are those of
    ``scipy.stats.gaussian_kde``; scikit-learn leaves the standard deviation out. The
    shrunk draws are the smoothed bootstrap of Silverman and Young (1987).

    What becomes of it in a loop: `collapse_lib.theory.kde`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> data = np.array([[-1.0, 0.0, 1.0]])
    >>> KDE(0.5).fit(data, rng).variance.round(3)  # 2/3 + 1/4
    array([0.917])
    >>> KDE(0.5, shrink=True).fit(data, rng).variance.round(3)
    array([0.667])
    """

    bandwidth: float | str = "scott"
    shrink: bool = False
    event_ndim: int = 0

    def __post_init__(self) -> None:
        """Check the options."""
        if isinstance(self.bandwidth, str):
            check_choice("bandwidth", self.bandwidth, RULES)
        else:
            check_number("bandwidth", self.bandwidth, least=THINNEST, most=WIDEST)
        check_switch("shrink", self.shrink)
        check_count("event_ndim", self.event_ndim, least=0, most=1)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedKDE:
        """Fit each chain.

        Parameters
        ----------
        data
            Shape ``(chains, n)`` for numbers, ``(chains, n, d)`` for vectors. At least
            2 points per chain for a rule of thumb.
        rng
            Not used: there is nothing to draw.

        Raises
        ------
        ValueError
            If the data are a summary, empty, not finite, too few or of another shape.
        """
        centres = points(data, self).astype(np.float64)
        chains, n = centres.shape[:2]
        centre = centres.mean(axis=1, keepdims=True)
        away = centres - centre
        with np.errstate(over="ignore"):  # said below, in words
            variance = np.square(away).reshape(chains, -1).mean(axis=1)
        if not np.isfinite(variance).all():
            raise ValueError("data are too large: their squares overflow float64")
        width = self._width(variance, n, math.prod(centres.shape[2:]))
        if not self.shrink:
            return FittedKDE(centres, width)
        root = np.sqrt(variance)
        whole = np.hypot(root, width)
        # Points that are all alike, under a kernel made from them, have no width.
        kept = np.divide(root, whole, out=np.ones(chains), where=whole > 0)
        away *= kept.reshape(chains, *[1] * (centres.ndim - 1))
        return FittedKDE(centre + away, kept * width)

    def _width(self, variance: Array, n: int, dim: int) -> Array:
        """Return the width of the kernel in each chain."""
        if not isinstance(self.bandwidth, str):
            return np.full(len(variance), float(self.bandwidth))
        if n < 2:
            raise ValueError(
                f'bandwidth is "{self.bandwidth}", a rule that needs at least 2 points '
                f"per chain, got {n}; give a number instead, or more points"
            )
        factor = bandwidth_factor(n, self.bandwidth, dim)
        return np.asarray(factor * np.sqrt(variance * (n / (n - 1))))


@dataclass(frozen=True)
class FittedKDE(FittedChains):
    """Kernel density estimates, one per chain.

    Parameters
    ----------
    centres
        Where the kernels stand, shape ``(chains, n)`` or ``(chains, n, d)``. They are
        the data, moved towards their mean if draws are shrunk.
    width
        Standard deviation of the kernel along each axis, 0 or above, shape
        ``(chains,)``.
    """

    centres: Array
    width: Array

    def __post_init__(self) -> None:
        """Check the shapes and the numbers."""
        for name in ("centres", "width"):
            array = numeric(name, getattr(self, name)).astype(np.float64, copy=False)
            check_finite(name, array)
            object.__setattr__(self, name, array)
        shape = self.centres.shape
        if len(shape) not in (2, 3) or 0 in shape or self.width.shape != shape[:1]:
            raise ValueError(
                f"centres has shape {shape} and width {self.width.shape}; needed are "
                "(chains, n) or (chains, n, d), and (chains,)"
            )
        if self.width.min() < 0:
            raise ValueError(
                f"width is {self.width.min():g} in at least one chain; it must be a "
                "standard deviation >= 0"
            )
        with np.errstate(over="ignore"):  # said in words
            widest = self.dim * np.square(self.width.max())
        if not np.isfinite(widest):
            raise ValueError(
                f"width is {self.width.max():g} in at least one chain; its square "
                "must be finite: measure in a larger unit"
            )

    @property
    def dim(self) -> int:
        """How many numbers a point is made of."""
        return math.prod(self.centres.shape[2:])

    @property
    def mean(self) -> Array:
        """Means of the densities, shape ``(chains,)`` or ``(chains, d)``."""
        return np.asarray(self.centres.mean(axis=1))

    @property
    def variance(self) -> Array:
        """Variances of the densities, shape ``(chains,)``; the trace for vectors."""
        spread = self.centres.var(axis=1).reshape(len(self.centres), -1).sum(axis=1)
        return np.asarray(spread + self.dim * self.width**2)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` points per chain: ``(chains, n)`` or ``(chains, n, d)``."""
        check_sampling(n, rng)
        chains, m = self.centres.shape[:2]
        places = rng.integers(m, size=(chains, n))
        drawn = self.centres[np.arange(chains)[:, None], places]
        noise = rng.standard_normal(drawn.shape)
        noise *= self.width.reshape(chains, *[1] * (drawn.ndim - 1))
        return np.asarray(drawn + noise)

    def log_density(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at points ``x``.

        Parameters
        ----------
        x
            Numbers of shape ``(m,)``, the same in every chain, or ``(chains, m)``; for
            vectors ``(m, d)`` or ``(chains, m, d)``.

        Returns
        -------
        ndarray
            Shape ``(chains, m)``; it does not underflow far from all centres. Minus
            infinity where the square of the distance overflows.

        Raises
        ------
        ValueError
            If ``x`` has another shape, or a kernel has no width.
        """
        at = self._places(x)
        if not self.width.min() > 0:
            raise ValueError(
                "width is 0 in at least one chain: its points are all alike, and there "
                "is no density; compare variances instead"
            )
        chains, n = self.centres.shape[:2]
        width = self.width[:, None, None]
        with np.errstate(over="ignore"):  # so far away, the density is 0
            centres = self.centres.reshape(chains, n, self.dim) / width
            at = np.broadcast_to(at / width, (chains, *at.shape[1:]))
        found = np.empty(at.shape[:2])
        step = max(BLOCK // n, 1)
        for chain in range(chains):
            for start in range(0, at.shape[1], step):
                part = slice(start, start + step)
                found[chain, part] = _log_sums(at[chain, part], centres[chain])
        scale = np.log(self.width) + math.log(2 * math.pi) / 2
        return found - math.log(n) - self.dim * scale[:, None]

    def _places(self, x: ArrayLike) -> Array:
        """Return points as ``(chains or 1, m, d)``."""
        at = numbers("x", x)
        event = self.centres.shape[2:]
        chains = len(self.centres)
        leading = at.shape[: at.ndim - len(event)]
        alone = len(leading) == 1
        together = len(leading) == 2 and leading[0] in (1, chains)
        if at.shape[len(leading) :] != event or not (alone or together):
            tail = "".join(f", {d}" for d in event)
            raise ValueError(
                f"x has shape {at.shape}; needed is (m{tail}), or with the chains "
                f"first ({chains}, m{tail})"
            )
        return at.reshape(1 if alone else len(at), -1, self.dim)


def _log_sums(at: Array, centres: Array) -> Array:
    r"""Return :math:`\log\sum_j e^{-|x - c_j|^2/2}` for points ``(m, d)``."""
    far = np.zeros((len(at), len(centres)))
    for axis in range(at.shape[1]):
        with np.errstate(over="ignore"):  # said by minus infinity
            gap = at[:, axis, None] - centres[:, axis]
            gap *= gap
            far += gap
    far *= -0.5
    total = np.exp(np.maximum(far, LOWEST)).sum(axis=1)
    found = np.log(np.maximum(total, LEAST))
    lost = total < LEAST  # far from all centres: relative to the nearest one
    if lost.any():
        near = np.maximum(far[lost].max(axis=1), np.finfo(np.float64).min)
        with np.errstate(divide="ignore", over="ignore"):
            found[lost] = near + np.log(np.exp(far[lost] - near[:, None]).sum(axis=1))
    return np.asarray(found)
