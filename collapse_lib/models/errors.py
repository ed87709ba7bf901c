r"""Errors to put into a fitted mean: the noise of the paper's lower bound.

Each is made for ``Perturbed(MultivariateGaussian(...), error)`` and moves the fitted
mean by :math:`\varepsilon`, which has mean zero given the past and is uncorrelated
with the sampling error of the mean. Used in chapter 04; source: Shumailov et al.
(2023), section 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_not_negative
from collapse_lib.models.multivariate import FittedMultivariateGaussian
from collapse_lib.samples import Data


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

    def __call__(
        self, fitted: FittedMultivariateGaussian, data: Data, rng: np.random.Generator
    ) -> FittedMultivariateGaussian:
        """Return the fitted model with the median as its mean."""
        return replace(fitted, mean=np.median(_points(self, data), axis=1))


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

    def __post_init__(self) -> None:
        """Check the scale."""
        check_not_negative("scale", self.scale)

    def __call__(
        self, fitted: FittedMultivariateGaussian, data: Data, rng: np.random.Generator
    ) -> FittedMultivariateGaussian:
        """Return the fitted model with a moved mean."""
        points = _points(self, data)
        half = points.shape[1] // 2
        if half < 2:
            raise ValueError(
                f"SplitScatter needs at least 4 points per chain, got {points.shape[1]}"
            )
        columns = [_first_column(part) for part in (points[:, :half], points[:, half:])]
        shift = self.scale * (columns[0] - columns[1])
        return replace(fitted, mean=fitted.mean + shift)

    def energy(self, n_samples: int, samplings: int, dim: int) -> NDArray[np.float64]:
        r"""Return :math:`E\|\varepsilon_i\|^2` of each fit, for real data N(0, I).

        With :math:`k` degrees of freedom
        :math:`E\|(S-\Sigma)e\|^2 = (e^\top\Sigma e\,\mathrm{tr}\,\Sigma
        + e^\top\Sigma^2e)/k`; the two expectations on the right obey a linear
        recursion, since the next :math:`\Sigma` is Wishart distributed.
        """
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


def _first_column(points: NDArray[Any]) -> NDArray[np.float64]:
    """Return the first column of the unbiased covariance, shape ``(chains, d)``."""
    centred = points - points.mean(axis=1, keepdims=True)
    total = np.einsum("cnd,cn->cd", centred, centred[:, :, 0])
    return np.asarray(total / (points.shape[1] - 1))


def _points(error: object, data: Data) -> NDArray[Any]:
    if not isinstance(data, np.ndarray):
        raise ValueError(
            f"{type(error).__name__} needs the points themselves, got a "
            f'{type(data).__name__}; use MultivariateGaussian(law="literal") and '
            "literal real data"
        )
    return data
