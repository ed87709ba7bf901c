"""A bias that takes the bias of a generator back, with the help of real points."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import given
from collapse_lib.models.base import Fitted
from collapse_lib.models.discrete import FittedCategorical
from collapse_lib.models.gaussian import FittedGaussian
from collapse_lib.models.multivariate import FittedMultivariateGaussian
from collapse_lib.regimes.chosen import checked_store
from collapse_lib.regimes.draws import (
    Bias,
    probabilities,
    refuse,
    with_probabilities,
)

Array = NDArray[np.float64]

#: Exponents between which the best one is sought, and how often the interval is halved.
LOW, HIGH, HALVINGS = 1e-3, 1e3, 60


@dataclass(frozen=True)
class Calibrated(Bias):
    r"""Give the generator the temperature under which held-out real points fit best.

    .. math::
        \hat T = \arg\max_T \sum_{x} \log \frac{p(x)^{1/T}}{\sum_y p(y)^{1/T}}

    with the sum over the real points :math:`x`: temperature scaling, each chain by
    itself. One number is learnt from them, how sure the generator should be.

    Parameters
    ----------
    store
        Real points that nothing was fitted to, shape ``(m, ...)``, the same for all
        chains: numbers, vectors, or integers for models with probabilities ``p``.

    Raises
    ------
    ValueError
        If the store is empty or not finite; for a model, if it is neither a Gaussian
        nor a finite distribution, or the points are of another kind.

    Notes
    -----
    After Taori and Hashimoto (2023): a generator whose outputs are calibrated keeps
    what a feedback loop amplifies. What a sharpened or flattened generator does is
    taken back, and sampling noise is left: the variance of a Gaussian becomes
    :math:`\frac1m\sum (x-\mu)^2`, whatever its own was. Real points in states that
    have died out say nothing about the temperature and are left out. Use it after the
    bias: ``Chain((Temperature(0.9), Calibrated(held_out)))``.

    Examples
    --------
    >>> held_out = np.array([-1.0, 1.0])
    >>> Calibrated(held_out)(FittedGaussian(np.zeros(1), np.array([0.5]))).sigma
    array([1.])
    """

    store: NDArray[Any]

    def __post_init__(self) -> None:
        """Check the store."""
        object.__setattr__(self, "store", checked_store(self.store))

    def __call__(self, fitted: Any) -> Fitted:
        """Return the calibrated generator.

        Raises
        ------
        ValueError
            If it is neither a Gaussian nor a finite distribution, or the store does
            not fit it.
        """
        if isinstance(fitted, FittedGaussian):
            square = (self._points(()) - fitted.mu[:, None]) ** 2
            return dataclasses.replace(fitted, sigma=np.sqrt(square.mean(axis=1)))
        if isinstance(fitted, FittedMultivariateGaussian):
            return self._cloud(fitted)
        if (p := probabilities(fitted)) is None:
            refuse(
                fitted,
                self,
                "knows the temperature of Gaussians, and of models with probabilities "
                "p of their states",
            )
        tempered = [self._tempered(row) for row in p]
        return with_probabilities(fitted, np.stack(tempered))

    def _cloud(self, fitted: FittedMultivariateGaussian) -> Fitted:
        """Scale a covariance by the mean squared Mahalanobis distance over d."""
        dim = fitted.mean.shape[1]
        apart = self._points((dim,)) - fitted.mean[:, None]
        try:
            inner = np.linalg.solve(fitted.factor, np.swapaxes(apart, 1, 2))
        except np.linalg.LinAlgError:
            raise ValueError(
                "fitted has a covariance without an inverse in at least one chain: no "
                "temperature makes real points possible there"
            ) from None
        scale = np.sqrt((inner**2).mean(axis=(1, 2)))
        return dataclasses.replace(fitted, factor=fitted.factor * scale[:, None, None])

    def _points(self, shape: tuple[int, ...]) -> Array:
        if self.store.shape[1:] != shape:
            raise ValueError(
                f"store holds points of shape {self.store.shape[1:]}; the model draws "
                f"points of shape {shape}"
            )
        return self.store.astype(np.float64)

    def _tempered(self, p: Array) -> Array:
        """Return one distribution with the exponent under which the store fits best."""
        store, last = self.store, len(p) - 1
        if store.ndim != 1 or store.dtype.kind not in "iu":
            raise ValueError(
                f"store is {given(store)}; the model draws states: it must be integers "
                f"of shape (m,) from 0 to {last}"
            )
        if store.min() < 0 or store.max() > last:
            raise ValueError(
                f"store holds states {store.min()} to {store.max()}; the model has 0 "
                f"to {last}"
            )
        alive = store[p[store] > 0]
        if not len(alive):
            return p
        table, wanted = FittedCategorical(p[None]), np.log(p[alive]).mean()
        logs = np.log(np.where(p > 0, p, 1))
        low, high = LOW, HIGH  # of the exponent 1/T: the larger, the surer
        for _ in range(HALVINGS):
            middle = np.sqrt(low * high)
            surer = table.temper(1 / middle).p[0] @ logs > wanted
            low, high = (low, middle) if surer else (middle, high)
        return np.asarray(table.temper(1 / np.sqrt(low * high)).p[0])
