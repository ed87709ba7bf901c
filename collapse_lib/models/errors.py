r"""Errors put into a fit on purpose: the paper's functional approximation error.

`Perturbed` puts one into the fit of any model. The errors of a fitted mean move it by
:math:`\varepsilon`, which has mean zero given the past and is uncorrelated with the
sampling error of the mean: the noise of the lower bound in Shumailov et al. (2023),
section 4.3. `Blur` is for a `Categorical` on the pixels of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, check_not_negative, check_rng, given
from collapse_lib.models.base import Fitted, Model, check_model
from collapse_lib.models.discrete import FittedCategorical
from collapse_lib.models.multivariate import FittedMultivariateGaussian
from collapse_lib.samples import Data, can_sample, points


@dataclass(frozen=True)
class Perturbed:
    """Add a deliberate error to another model's fit.

    The paper's *functional approximation error*: the learning procedure misses the
    best fit, however many points it sees.

    Parameters
    ----------
    model
        The model to disturb.
    error
        ``error(fitted, data, rng)`` returns the fitted model with the error in it.
    """

    model: Model
    error: Callable[[Any, Data, np.random.Generator], Fitted]

    def __post_init__(self) -> None:
        """Check that there is a model and an error."""
        check_model("model", self.model)
        if isinstance(self.error, type) or not callable(self.error):
            raise ValueError(
                f"error is {given(self.error)}; it must be a function of (fitted, "
                "data, rng) that returns a fitted model, as MedianForMean() is"
            )

    @property
    def event_ndim(self) -> int:
        """Number of axes of one data point."""
        return self.model.event_ndim

    def fit(self, data: Data, rng: np.random.Generator) -> Fitted:
        """Fit, then disturb."""
        disturbed = self.error(self.model.fit(data, rng), data, rng)
        if not can_sample(disturbed):
            raise ValueError(
                f"error returned {given(disturbed)}; it must return a fitted model "
                "with sample(n, rng)"
            )
        return disturbed


@dataclass(frozen=True)
class IndependentNoise:
    r"""Move the mean by independent normal noise, :math:`E\|\varepsilon\|^2 = d\,s^2`.

    Parameters
    ----------
    scale
        Standard deviation :math:`s \ge 0` of each coordinate.
    """

    scale: float

    def __post_init__(self) -> None:
        """Check the scale."""
        check_not_negative("scale", self.scale)

    def __call__(
        self, fitted: FittedMultivariateGaussian, data: Data, rng: np.random.Generator
    ) -> FittedMultivariateGaussian:
        """Return the fitted model with a moved mean."""
        _check_fitted(self, fitted, FittedMultivariateGaussian)
        check_rng(rng)
        noise = self.scale * rng.standard_normal(fitted.mean.shape)
        return replace(fitted, mean=fitted.mean + noise)


@dataclass(frozen=True)
class MedianForMean:
    r"""Fit the coordinate-wise median instead of the mean.

    The error is a function of the data alone. It is odd about the centre, so its
    mean is zero; it does not change when the data are shifted, so for normal data it
    is independent of the sample mean. For an odd number of points
    :math:`E\|\varepsilon\|^2 = (v_M - 1/M)\,\mathrm{tr}\,\Sigma` with
    :math:`v_M` the `variance_of_median`.
    """

    event_ndim = 1

    def __call__(
        self, fitted: FittedMultivariateGaussian, data: Data, rng: np.random.Generator
    ) -> FittedMultivariateGaussian:
        """Return the fitted model with the median as its mean."""
        _check_fitted(self, fitted, FittedMultivariateGaussian)
        return replace(fitted, mean=np.median(points(data, self), axis=1))


@dataclass(frozen=True)
class SplitScatter:
    r"""Move the mean by what two halves of the data disagree on: second moments.

    .. math:: \varepsilon = c\,(S_A - S_B)\,e_1

    with the covariances of the first and the second half of the points, each about
    its own mean. Swapping the halves turns the sign, so the mean is zero; a shift of
    the data changes nothing, so the error is independent of the sample mean.

    Parameters
    ----------
    scale
        The factor :math:`c \ge 0`.
    """

    scale: float

    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the scale."""
        check_not_negative("scale", self.scale)

    def __call__(
        self, fitted: FittedMultivariateGaussian, data: Data, rng: np.random.Generator
    ) -> FittedMultivariateGaussian:
        """Return the fitted model with a moved mean."""
        _check_fitted(self, fitted, FittedMultivariateGaussian)
        x = points(data, self).astype(np.float64, copy=False)
        half = x.shape[1] // 2
        if half < 2:
            raise ValueError(
                f"SplitScatter needs at least 4 points per chain, got {x.shape[1]}"
            )
        columns = [_first_column(part) for part in (x[:, :half], x[:, half:])]
        shift = self.scale * (columns[0] - columns[1])
        return replace(fitted, mean=fitted.mean + shift)

    def energy(self, n_samples: int, samplings: int, dim: int) -> NDArray[np.float64]:
        r"""Return :math:`E\|\varepsilon_i\|^2` of each fit, for real data N(0, I).

        With :math:`k` degrees of freedom
        :math:`E\|(S-\Sigma)e\|^2 = (e^\top\Sigma e\,\mathrm{tr}\,\Sigma
        + e^\top\Sigma^2e)/k`; the two expectations on the right obey a linear
        recursion, since the next :math:`\Sigma` is Wishart distributed.
        """
        check_count("n_samples", n_samples, least=4)
        check_count("samplings", samplings, least=0)
        check_count("dim", dim, least=1)
        half = n_samples // 2
        inverse = 1 / (half - 1) + 1 / (n_samples - half - 1)
        k = n_samples - 1
        product, square = float(dim), 1.0
        energies = []
        for _ in range(samplings):
            energies.append(self.scale**2 * inverse * (product + square))
            product, square = (
                product + 2 * square / k,
                square + (product + square) / k,
            )
        return np.array(energies)


@dataclass(frozen=True)
class Blur:
    """An unsharp lens before a distribution on the pixels of a picture.

    Parameters
    ----------
    shape
        Height and width of the picture.
    width
        Standard deviation of the Gaussian blur, in pixels; 0 leaves the fit alone.

    Raises
    ------
    ValueError
        If the width is negative or not finite.

    Notes
    -----
    The picture is mirrored at its edges, so no ink is lost: a fit stays a
    distribution.
    """

    shape: tuple[int, int]
    width: float

    def __post_init__(self) -> None:
        """Check the options."""
        check_not_negative("width", self.width)
        sides = self.shape if isinstance(self.shape, (tuple, list)) else ()
        if len(sides) != 2:
            raise ValueError(
                f"shape is {given(self.shape)}; it must be (height, width) in pixels"
            )
        for side in sides:
            check_count("a side of shape", side, least=1)

    def __call__(
        self, fitted: FittedCategorical, data: Data, rng: np.random.Generator
    ) -> FittedCategorical:
        """Return the fit seen through the lens; data and rng are not used."""
        from scipy import ndimage  # the other errors need numpy alone

        _check_fitted(self, fitted, FittedCategorical)
        chains, n_pixels = fitted.p.shape
        if n_pixels != math.prod(self.shape):
            raise ValueError(
                f"{n_pixels} probabilities do not fill a picture of shape {self.shape}"
            )
        pictures = fitted.p.reshape(chains, *self.shape)
        sigma = (0, self.width, self.width)
        blurred = ndimage.gaussian_filter(pictures, sigma, mode="reflect")
        p = blurred.reshape(chains, n_pixels)
        # Rounding leaves a total of 1 + 1e-16, which a multinomial draw refuses.
        return replace(fitted, p=p / p.sum(axis=1, keepdims=True))


def _check_fitted(error: object, fitted: object, kind: type) -> None:
    if not isinstance(fitted, kind):
        raise ValueError(
            f"fitted is {given(fitted)}; {type(error).__name__} disturbs a "
            f"{kind.__name__} alone"
        )


def _first_column(x: NDArray[Any]) -> NDArray[np.float64]:
    """Return the first column of the unbiased covariance, shape ``(chains, d)``."""
    centred = x - x.mean(axis=1, keepdims=True)
    total = np.einsum("cnd,cn->cd", centred, centred[:, :, 0])
    return np.asarray(total / (x.shape[1] - 1))
