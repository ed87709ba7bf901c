r"""A Gaussian mixture on a grid: three sources of error, three switches.

`GridMixture` is made to take the paper's three errors apart. Each is one argument:
how many points a generation draws (``law``: finitely many, or the expectation of
infinitely many), how rich the model class is (the components of ``start``), and how
far the optimiser gets (``steps``: to the maximum of the likelihood, or not).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_choice, check_count, check_positive, given
from collapse_lib.models.base import check_sampling
from collapse_lib.models.discrete import Counts, ExpectedCounts, frequencies
from collapse_lib.models.line_mixture import LineMixture
from collapse_lib.samples import Data, Summary

Array = NDArray[np.float64]
GRID_LAWS = ("exact", "expected")
# EM has arrived when a step gains less than this in mean log-likelihood. The
# parameters would be the wrong thing to watch: where two components all but coincide
# they creep on for ever, along a ridge on which the likelihood is flat.
TOLERANCE = 1e-13
MAX_EM_STEPS = 200_000
# A narrower component falls between the grid points.
MIN_WIDTH_IN_CELLS = 0.4


@dataclass(frozen=True)
class GridMixture:
    r"""A mixture of Gaussians whose data are counts on an equally spaced grid.

    The *exact* fit (``steps=None``) maximises the likelihood by
    expectation-maximisation (Dempster et al. 1977), from ``start`` until the
    likelihood stands still. The *truncated* fit makes ``steps`` steps of gradient
    ascent on the mean log-likelihood :math:`\ell`, also from ``start``, in the logits
    of the weights, the means and the logarithms of the widths:

    .. math::
        \frac{\partial\ell}{\partial a_k} = S_k - w_k, \qquad
        \frac{\partial\ell}{\partial m_k} = \frac{E_k(x-m_k)}{s_k^2}, \qquad
        \frac{\partial\ell}{\partial \log s_k} = \frac{E_k(x-m_k)^2}{s_k^2} - S_k,

    where :math:`E_k` sums over the data, weighted with the responsibility of component
    :math:`k`, and :math:`S_k = E_k 1`.

    Parameters
    ----------
    start
        The mixture that every fit starts from; it also sets the number of components.
    steps
        Gradient steps of a fit; None: to the maximum of the likelihood.
    rate
        Length of a gradient step.
    law
        ``"exact"`` draws the counts of the grid points from their multinomial law, at
        the same cost for any number of points; ``"expected"`` replaces them by their
        expectation, the sample of infinite size.
    half_width, n_points
        The grid reaches from ``-half_width`` to ``half_width``.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    Sums over the grid equal integrals up to rounding as long as the widths are at
    least the distance :math:`h` of two points: the trapezoidal rule for a Gaussian is
    off by the factor :math:`1 \pm 2\exp(-2\pi^2 s^2/h^2)`.

    Examples
    --------
    >>> two_humps = LineMixture.of([0.75, 0.25], [-1, 3], [1, 1])
    >>> one_gaussian = GridMixture(LineMixture.of([1], [0], [1]), law="expected")
    >>> rng = np.random.default_rng(0)
    >>> data = one_gaussian.source(two_humps).sample(1, rng)
    >>> round(float(one_gaussian.fit(data, rng).mixture.variance[0]), 9)
    4.0
    """

    start: LineMixture
    steps: int | None = None
    rate: float = 0.2
    law: str = "exact"
    half_width: float = 20.0
    n_points: int = 257

    event_ndim = 0

    def __post_init__(self) -> None:
        """Check the options."""
        check_choice("law", self.law, GRID_LAWS)
        if self.steps is not None:
            check_count("steps (None: an exact fit)", self.steps, least=1)
        for name in ("rate", "half_width"):
            check_positive(name, getattr(self, name))
        check_count("n_points", self.n_points, least=3)
        if not (isinstance(self.start, LineMixture) and self.start.chains == 1):
            found = getattr(self.start, "chains", "no")
            raise ValueError(
                f"start is {given(self.start)} that holds {found} mixtures; it must be "
                "a single one, as from LineMixture.of(weights, means, widths)"
            )

    @cached_property
    def grid(self) -> Array:
        """The grid, shape ``(n_points,)``."""
        return np.linspace(-self.half_width, self.half_width, self.n_points)

    @cached_property
    def _powers(self) -> Array:
        return np.stack([np.ones_like(self.grid), self.grid, self.grid**2], axis=1)

    @property
    def spacing(self) -> float:
        """Distance of two neighbouring points."""
        return 2 * self.half_width / (self.n_points - 1)

    def source(self, mixture: LineMixture) -> FittedGridMixture:
        """Return a mixture of any number of components as a source of real data."""
        return FittedGridMixture(self, mixture)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedGridMixture:
        """Fit each chain.

        Parameters
        ----------
        data
            `Counts` or `ExpectedCounts` of the grid points.
        rng
            Not used: both kinds of fit are deterministic.

        Raises
        ------
        ValueError
            If the data are of another kind or another grid, or if the fit fails: EM
            does not arrive, a component loses all points or the fit leaves the grid.
        """
        shares = self._shares(data)
        mixture = self.start.expand(len(shares))
        if self.steps is None:
            mixture = self._maximise(mixture, shares)
        else:
            for _ in range(self.steps):
                mixture = self._ascend(mixture, shares)
        self._check(mixture)
        return FittedGridMixture(self, mixture)

    def _shares(self, data: Data) -> Array:
        if not isinstance(data, (Counts, ExpectedCounts)):
            raise ValueError(
                f"data is {given(data)}: GridMixture cannot be fitted to "
                f"{type(data).__name__}; it needs the "
                "counts of its grid points, as from its source(...)"
            )
        return frequencies(data, self.n_points, "points, the grid has")

    def _maximise(self, mixture: LineMixture, shares: Array) -> LineMixture:
        """Run EM until it stands still; chains that have arrived drop out."""
        done, moving = mixture, np.arange(len(shares))
        height = np.full(len(shares), -np.inf)
        for _ in range(MAX_EM_STEPS):
            new, new_height = self._em_step(mixture, shares[moving])
            arrived = new_height - height < TOLERANCE
            done = done.put(moving[arrived], mixture.take(arrived))
            moving, mixture = moving[~arrived], new.take(~arrived)
            height = new_height[~arrived]
            if not len(moving):
                return done
        raise ValueError(
            f"EM did not arrive within {MAX_EM_STEPS} steps in {len(moving)} of "
            f"{len(shares)} chains; use more samples or components further apart"
        )

    def _em_step(
        self, mixture: LineMixture, shares: Array
    ) -> tuple[LineMixture, Array]:
        """Return the next mixture, and the mean log-likelihood of this one."""
        (share, first, second), height = self._moments(mixture, shares)
        if not (share > 0).all():
            raise ValueError("a component lost all its points; use more samples")
        means = first / share
        # Rounding may leave the variance of a single grid point at -1e-17.
        variances = np.clip(second / share - means**2, 0, None)
        self._check(new := LineMixture(share, means, np.sqrt(variances)))
        return new, height

    def _moments(
        self, mixture: LineMixture, shares: Array
    ) -> tuple[tuple[Array, Array, Array], Array]:
        """Return each component's share of the data and its first two moments.

        The moments come times the share; with them the mean log-likelihood.
        """
        owned, log_density = mixture.posterior(self.grid)
        owned *= shares[:, None, :]
        share, first, second = np.moveaxis(owned @ self._powers, -1, 0)
        return (share, first, second), (shares * log_density).sum(axis=-1)

    def _ascend(self, mixture: LineMixture, shares: Array) -> LineMixture:
        """Make one step up the gradient of the mean log-likelihood."""
        (share, first, second), _ = self._moments(mixture, shares)
        w, m, s = mixture.arrays
        about_mean = second - 2 * m * first + m**2 * share
        return LineMixture(
            _softmax(np.log(w) + self.rate * (share - w)),
            m + self.rate * (first - m * share) / s**2,
            s * np.exp(self.rate * (about_mean / s**2 - share)),
        )

    def _check(self, mixture: LineMixture) -> None:
        narrowest = MIN_WIDTH_IN_CELLS * self.spacing
        width = float(mixture.widths.min())
        reach = float(np.abs(mixture.means).max())
        if not (width >= narrowest and reach <= self.half_width):
            raise ValueError(
                f"the fit left the grid: narrowest width {width:.3g} (at least "
                f"{narrowest:.3g}), largest mean {reach:.3g} (at most "
                f"{self.half_width:.3g}). Use more samples, fewer generations, a "
                "smaller rate or another grid"
            )


@dataclass(frozen=True)
class FittedGridMixture:
    """Fitted mixtures, one per chain.

    Parameters
    ----------
    model
        The `GridMixture` they belong to: it has the grid and the law.
    mixture
        The parameters.
    """

    model: GridMixture
    mixture: LineMixture

    def __post_init__(self) -> None:
        """Check the kinds of the fields."""
        if not isinstance(self.model, GridMixture):
            raise ValueError(f"model is {given(self.model)}; it must be a GridMixture")
        _check_mixture("mixture", self.mixture)

    @property
    def p(self) -> Array:
        """Probabilities of the grid points, shape ``(chains, n_points)``."""
        log_p = self.mixture.log_density(self.model.grid)
        return np.asarray(_softmax(log_p))

    def expand(self, chains: int) -> FittedGridMixture:
        """Repeat a single distribution for every chain."""
        return replace(self, mixture=self.mixture.expand(chains))

    def sample(self, n: int, rng: np.random.Generator) -> Summary:
        """Draw the counts of ``n`` points per chain, or return their expectation."""
        if self.model.law == "expected":  # nothing is drawn: no rng is needed
            check_count("n", n, least=1)
            return ExpectedCounts(n, n * self.p)
        check_sampling(n, rng)
        return Counts(n, rng.multinomial(n, self.p))

    def kl_from(self, truth: LineMixture) -> Array:
        r"""Return :math:`KL(p_0\|q) = \sum_x p_0 \log(p_0/q)` in nats, ``(chains,)``.

        Parameters
        ----------
        truth
            The real distribution :math:`p_0`, a single mixture.
        """
        _check_mixture("truth", truth)
        grid = self.model.grid
        gap = truth.log_density(grid) - self.mixture.log_density(grid)
        return np.asarray((self.model.source(truth).p * gap).sum(axis=1))


def _check_mixture(name: str, value: Any) -> None:
    if not isinstance(value, LineMixture):
        raise ValueError(
            f"{name} is {given(value)}; it must be mixtures on the line, as from "
            "LineMixture.of(weights, means, widths)"
        )


def _softmax(x: Array) -> Array:
    """Return what is proportional to ``exp(x)`` and has sum 1, along the last axis."""
    weights = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
