"""Mixtures of Gaussians as fitted models: what they are, and how to sample them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_positive, given, is_plain, numbers
from collapse_lib.models.base import FittedChains, as_distribution, check_sampling
from collapse_lib.models.rejection import Candidates, first_taken

Array = NDArray[np.float64]

# Points handled at a time: enough that two threads, which take turns in Python between
# operations, mostly compute. Smaller blocks, which fit a core's cache, were slower.
BLOCK = 65_536
# How many times candidates are drawn before rejection gives up.
ROUNDS = 100


@dataclass(frozen=True)
class FittedGaussianMixture(FittedChains):
    """Mixtures of normal distributions, one per chain.

    Parameters
    ----------
    weights
        Shape ``(chains, k)``, each row with sum 1.
    means
        Shape ``(chains, k, d)``.
    covariances
        Shape ``(chains, k, d, d)``.
    log_likelihood
        Mean log-likelihood of a training point before the last iteration, shape
        ``(chains,)``; None if nothing was fitted. (scikit-learn: ``lower_bound_``.)
    n_iter
        Iterations taken, shape ``(chains,)``, or None.
    converged
        Whether ``tol`` was reached, shape ``(chains,)``, or None.
    """

    weights: Array
    means: Array
    covariances: Array
    log_likelihood: Array | None = None
    n_iter: NDArray[np.int64] | None = None
    converged: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Check that the shapes fit together; a history puts generations first."""
        arrays = self.weights, self.means, self.covariances
        for name, array in zip(
            ("weights", "means", "covariances"), arrays, strict=True
        ):
            if not isinstance(array, np.ndarray):
                raise ValueError(
                    f"{name} is {given(array)}; it must be an array with the chains "
                    "first. For one known mixture use FittedGaussianMixture.of"
                )
        _check_shapes(self.weights, self.means, self.covariances)
        for name in ("log_likelihood", "n_iter", "converged"):
            found = getattr(self, name)
            if found is not None and not is_plain(found):
                raise ValueError(
                    f"{name} is {given(found)}; it must be an array, or None"
                )

    @classmethod
    def of(
        cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike
    ) -> FittedGaussianMixture:
        """Return one known mixture, for example as a source of real data.

        Parameters
        ----------
        weights, means, covariances
            Shapes ``(k,)``, ``(k, d)`` and ``(k, d, d)``.

        Raises
        ------
        ValueError
            If the shapes do not fit together, the weights are no probabilities, or a
            covariance is not symmetric and positive semi-definite.
        """
        weights, means = as_distribution("weights", weights, 1), numbers("means", means)
        covariances = numbers("covariances", covariances)
        _check_shapes(weights, means, covariances)
        symmetric = np.allclose(covariances, np.swapaxes(covariances, -1, -2))
        if not symmetric or np.linalg.eigvalsh(covariances).min() < 0:
            raise ValueError(
                "every covariance must be symmetric and positive semi-definite"
            )
        return cls(weights[None], means[None], covariances[None])

    @classmethod
    def stack(cls, mixtures: Sequence[FittedGaussianMixture]) -> FittedGaussianMixture:
        """Put mixtures with equally many components side by side, as chains.

        As a source it gives every chain real data of its own kind.
        """
        several = isinstance(mixtures, (list, tuple)) and len(mixtures) > 0
        if not several or not all(isinstance(mixture, cls) for mixture in mixtures):
            raise ValueError(
                f"mixtures is {given(mixtures)}; it must be a list of fitted mixtures"
            )
        names = ("weights", "means", "covariances")
        parts = [[getattr(mixture, name) for mixture in mixtures] for name in names]
        return cls(*map(np.concatenate, parts))

    @property
    def mean(self) -> Array:
        """Mean of the whole mixture, shape ``(chains, d)``."""
        return np.asarray(np.einsum("...k,...kd->...d", self.weights, self.means))

    @property
    def cov(self) -> Array:
        """Covariance of the whole mixture: within and between the components."""
        shift = self.means - self.mean[..., None, :]
        between = shift[..., None] * shift[..., None, :]
        both = self.covariances + between
        return np.asarray(np.einsum("...k,...kij->...ij", self.weights, both))

    @property
    def spread(self) -> Array:
        r"""Generalised standard deviation :math:`(\det\Sigma)^{1/2}` of the mixture.

        In two dimensions it is the area of the covariance ellipse over :math:`\pi`.
        """
        log_det = np.linalg.slogdet(self.cov)[1]
        return np.asarray(np.exp(log_det / 2))

    @property
    def widths(self) -> Array:
        """Standard deviation of each component, averaged over directions.

        The root of the mean variance, shape ``(chains, k)``.
        """
        dim = self.means.shape[-1]
        return np.asarray(np.sqrt(np.trace(self.covariances, axis1=-2, axis2=-1) / dim))

    def take(self, place: Any) -> FittedGaussianMixture:
        """Return some of the mixtures: ``place`` indexes the leading axes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        try:
            taken = {name: a[place] for name, a in values.items() if a is not None}
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                f"place is {given(place)}, which indexes no mixture of "
                f"{self.weights.shape[:-1]} ({error})"
            ) from None
        return replace(self, **taken)

    def temper(self, temperature: float) -> TemperedMixture:
        """Return a generator of the density raised to ``1/temperature``: no mixture."""
        return TemperedMixture(self, temperature)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent points per chain: shape ``(chains, n, d)``."""
        check_sampling(n, rng)
        chains, k, dim = self.means.shape
        lot = rng.random((chains, 1, n))
        # One coordinate of all points side by side: operations run along them.
        points = rng.standard_normal((chains, dim, n))
        roots = _roots(self.covariances)
        upper = np.cumsum(self.weights, axis=1)
        for rows, part in in_blocks(chains, n):
            noise = points[rows, :, part]
            chosen = roots[rows, 0] @ noise + self.means[rows, 0, :, None]
            for j in range(1, k):
                other = roots[rows, j] @ noise + self.means[rows, j, :, None]
                later = lot[rows, :, part] >= upper[rows, None, j - 1 : j]
                chosen = np.where(later, other, chosen)
            points[rows, :, part] = chosen
        return np.swapaxes(points, 1, 2)

    def log_density(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at points ``x``.

        Parameters
        ----------
        x
            Shape ``(chains, n, d)``, or ``(n, d)`` for the same points in every chain.

        Returns
        -------
        ndarray
            Shape ``(chains, n)``; it does not underflow far from all components.
        """
        return np.asarray(np.logaddexp.reduce(self.log_parts(x), axis=-2))

    def responsibilities(self, x: ArrayLike) -> Array:
        """Return the probability of each component given ``x``.

        Shape ``(chains, k, n)``; ``x`` as in :meth:`log_density`.
        """
        parts = self.log_parts(x)
        total = np.logaddexp.reduce(parts, axis=-2)
        return np.asarray(np.exp(parts - total[..., None, :]))

    def log_parts(self, x: ArrayLike) -> Array:
        """Return log w_j N(x; m_j, S_j), shape ``(chains, k, n)``."""
        points = numbers("x", x)
        *leading, _, dim = self.means.shape
        fits = points.ndim > 1 and points.shape[-1] == dim
        if not fits or points.shape[:-2] not in ((), (1,), tuple(leading)):
            raise ValueError(
                f"x has shape {points.shape}; needed is (n, {dim}), or with the chains "
                f"first ({', '.join(map(str, leading))}, n, {dim})"
            )
        shift = np.expand_dims(points, -3) - self.means[..., None, :]
        root = np.linalg.cholesky(self.covariances)
        scaled = np.linalg.solve(root, np.swapaxes(shift, -1, -2))
        diagonal = np.diagonal(root, axis1=-2, axis2=-1)
        with np.errstate(divide="ignore"):  # a weight of 0 has the logarithm -inf
            constant = np.log(self.weights) - np.log(diagonal).sum(axis=-1)
        constant -= dim / 2 * math.log(2 * math.pi)
        return np.asarray(constant[..., None] - (scaled**2).sum(axis=-2) / 2)


@dataclass(frozen=True)
class TemperedMixture:
    r"""Generators that draw from mixtures' densities raised to :math:`1/T`, exactly.

    .. math:: q(x) \propto p(x)^s, \qquad
              p(x) = \sum_j a_j(x), \quad a_j(x) = w_j\,N(x; m_j, S_j), \quad s = 1/T

    Parameters
    ----------
    mixture
        The mixtures, one per chain.
    temperature
        The temperature :math:`T`, above 0.

    Notes
    -----
    By rejection from a mixture of :math:`N(m_j, T S_j)`, whose density is
    proportional to :math:`\sum_j c_j\,a_j(x)^s`. Above 1 the power is subadditive,

    .. math:: p^s \le \sum_j a_j^s, \qquad c_j = 1,

    and below 1 Hölder's inequality says for any weights with :math:`\sum_j b_j = 1`

    .. math:: p^s = \Bigl(\sum_j b_j \frac{a_j}{b_j}\Bigr)^s
              \le \sum_j b_j^{1-s} a_j^s, \qquad c_j = b_j^{1-s};

    :math:`b_j \propto (\int a_j^s)^{1/s}` makes its right side smallest. Of
    candidates a share of at least :math:`k^{-|s-1|}` is taken: all for one component,
    few for many equal ones at a low temperature.

    Examples
    --------
    >>> one = FittedGaussianMixture.of([1.0], [[0.0]], [[[1.0]]])
    >>> cold = one.temper(0.25).sample(10_000, np.random.default_rng(0))
    >>> float(cold.std().round(1))
    0.5
    """

    mixture: FittedGaussianMixture
    temperature: float

    def __post_init__(self) -> None:
        """Check the mixture and the temperature."""
        if not isinstance(self.mixture, FittedGaussianMixture):
            raise ValueError(
                f"mixture is {given(self.mixture)}; it must be a fitted mixture, as "
                "FittedGaussianMixture.of makes one"
            )
        check_positive("temperature", self.temperature)
        if not math.isfinite(1 / self.temperature):
            raise ValueError(
                f"temperature is {self.temperature:g}, which leaves the highest point "
                "alone; give a larger one"
            )
        sign, _ = np.linalg.slogdet(self.mixture.covariances)
        if not (sign > 0).all():
            raise ValueError(
                f"mixture has {int((sign <= 0).sum())} components without a density: "
                "their covariances are singular. Use fewer components or more points"
            )

    @cached_property
    def _log_scales(self) -> tuple[Array, Array]:
        r"""Return the logarithms of :math:`c_j` and of the envelope's weights."""
        s, mixture = 1 / self.temperature, self.mixture
        dim = mixture.means.shape[-1]
        log_det = np.linalg.slogdet(mixture.covariances)[1]
        with np.errstate(divide="ignore"):  # a weight of 0 has the logarithm -inf
            log_weight = np.log(mixture.weights)
        # The integral of a_j^s, but for a factor that all components share.
        mass = s * log_weight + (1 - s) / 2 * (log_det + dim * math.log(2 * math.pi))
        if s <= 1:
            return np.zeros_like(mass), _log_shares(mass)
        shares = _log_shares(mass / s)
        nothing = np.isneginf(shares)
        return (1 - s) * np.where(nothing, 0, shares), shares

    @property
    def envelope(self) -> FittedGaussianMixture:
        """The mixtures that candidates are drawn from."""
        weights = np.exp(self._log_scales[1])
        return FittedGaussianMixture(
            weights / weights.sum(axis=1, keepdims=True),
            self.mixture.means,
            self.mixture.covariances * self.temperature,
        )

    def expand(self, chains: int) -> TemperedMixture:
        """Repeat a single generator for every chain."""
        return replace(self, mixture=self.mixture.expand(chains))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` points per chain: shape ``(chains, n, d)``.

        Raises
        ------
        ValueError
            If at this temperature hardly any candidate is taken.
        """
        check_sampling(n, rng)
        envelope = self.envelope

        def draw(m: int) -> Candidates:
            x = envelope.sample(m, rng)
            return x, np.log(rng.random(x.shape[:2])) < self._log_accept(x)

        kept, least, tried = first_taken(n, draw, ROUNDS, spare=10)
        if kept is not None:
            return kept
        raise ValueError(
            f"temperature is {self.temperature:g}: of {tried} candidates {least} were "
            f"taken in the chain with the fewest, and {n} points are needed. Raise it"
        )

    def _log_accept(self, x: Array) -> Array:
        """Return the logarithm of the probability that candidates are taken."""
        s, parts = 1 / self.temperature, self.mixture.log_parts(x)
        above = self._log_scales[0][..., None] + s * parts
        total = np.logaddexp.reduce(parts, axis=-2)
        return np.asarray(s * total - np.logaddexp.reduce(above, axis=-2))


def in_blocks(chains: int, n: int) -> Iterator[tuple[slice, slice]]:
    """Cut ``chains`` times ``n`` points into blocks: whole chains, or parts of one.

    The parts of a chain are as equal as can be, so that threads end together.
    """
    together, parts = max(BLOCK // n, 1), math.ceil(n / BLOCK)
    for first in range(0, chains, together):
        rows = slice(first, min(first + together, chains))
        for part in range(parts):
            yield rows, slice(n * part // parts, n * (part + 1) // parts)


def _check_shapes(weights: Array, means: Array, covariances: Array) -> None:
    *leading, dim = means.shape if means.ndim > 1 else (0, 0)
    good = weights.shape == tuple(leading) and weights.shape[-1] > 0
    if not good or covariances.shape != (*leading, dim, dim):
        raise ValueError(
            "weights, means and covariances need the shapes (k,), (k, d) and "
            f"(k, d, d), in each chain; they have {weights.shape}, {means.shape} and "
            f"{covariances.shape}"
        )


def _roots(covariances: Array) -> Array:
    """Return R with R R^T = S, for covariances that may be singular."""
    units = in_units(covariances)
    values, vectors = np.linalg.eigh(covariances / (units * np.swapaxes(units, -1, -2)))
    # Rounding may leave an eigenvalue of a singular matrix at -1e-17.
    root: Array = vectors * np.sqrt(np.clip(values, 0, None))[..., None, :]
    return units * root


def in_units(covariances: Array) -> Array:
    r"""Return powers of two that bring coordinates of very different size together.

    An eigenvalue is off by 1e-16 of the largest, which may be more than the variance of
    a price beside that of a rate. Coordinates that differ by less than a factor of
    65,536 keep their units.

    Returns
    -------
    ndarray
        Shape ``(..., d, 1)``.
    """
    sizes = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    largest = sizes.max(axis=-1, keepdims=True)
    # A coordinate without any spread needs no unit.
    ratios = np.divide(sizes, largest, out=np.ones_like(sizes), where=sizes > 0)
    return np.asarray(np.exp2(32 * np.round(np.log2(ratios) / 32))[..., None])


def _log_shares(log_mass: Array) -> Array:
    """Return the logarithms of shares in proportion to masses, along the last axis."""
    total = np.logaddexp.reduce(log_mass, axis=-1, keepdims=True)
    return np.asarray(log_mass - total)
