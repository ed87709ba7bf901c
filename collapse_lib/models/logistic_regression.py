"""Logistic regression, refitted to labels that it draws itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_positive,
    check_rng,
    numbers,
)
from collapse_lib.models.base import FittedChains, check_sampling
from collapse_lib.samples import Data, check_data, weighted_points

Array = NDArray[np.float64]
#: So much of the mean diagonal is added to a matrix that would be singular.
RIDGE_OF_ROUNDING = 1e-12
#: A step that makes the loss worse is halved at most so often.
HALVINGS = 30
#: A penalty from which on a coefficient is 0.
LARGEST = 1e300


@dataclass(frozen=True)
class LogisticRegression:
    r"""A label of 0 or 1 whose chance depends on numbers :math:`x`.

    .. math:: P(y = 1 \mid x) = \frac1{1 + e^{-(b_0 + b^\top x)}}

    fitted by maximum likelihood, or with a penalty :math:`\frac\lambda2\|b\|^2` on the
    sum of the negative log-likelihoods, which leaves :math:`b_0` alone. A data point is
    a row :math:`(x_1, \dots, x_d, y)`. The model says nothing of where :math:`x` comes
    from: what is fitted draws new labels at the :math:`x` of a design.

    Parameters
    ----------
    design
        The :math:`x` at which labels are drawn, shape ``(m, d)``; default: those of
        the points that were fitted.
    ridge
        The penalty :math:`\lambda \ge 0`; scikit-learn's ``C`` is its inverse.
    max_iter
        Most steps of Newton's method.
    tol
        Steps end where no derivative of the mean loss is larger, in units in which
        every :math:`x_j` has variance 1.

    Raises
    ------
    ValueError
        If an option is out of range; in a fit, if a label is neither 0 nor 1.

    Notes
    -----
    Newton's method, which is iteratively reweighted least squares here, with steps
    that are halved until they help; all chains at once. Where a plane separates the
    labels and nothing is penalised, the likelihood has no maximum: the steps then end,
    by ``tol``, at a large finite :math:`b` that is nearly sure of every label.

    Examples
    --------
    >>> x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    >>> y = np.array([0, 0, 1, 0, 1, 1])
    >>> rng = np.random.default_rng(0)
    >>> fitted = LogisticRegression().fit(np.column_stack([x, y])[None], rng)
    >>> fitted.weights.round(3), fitted.sample(6, rng).shape
    (array([[-0.607,  1.214]]), (1, 6, 2))
    """

    design: NDArray[np.float64] | None = None
    ridge: float = 0.0
    max_iter: int = 100
    tol: float = 1e-8

    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the options."""
        if self.design is not None:
            design = numbers("design", self.design, ndim=2, shape="(m, d)")
            object.__setattr__(self, "design", design)
        check_not_negative("ridge", self.ridge)
        check_count("max_iter", self.max_iter, least=1)
        check_positive("tol", self.tol)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedLogisticRegression:
        r"""Fit each chain.

        Parameters
        ----------
        data
            Rows :math:`(x_1, \dots, x_d, y)`: shape ``(chains, n, d + 1)``, alone or
            as `Weighted` points.
        rng
            Not used: the fit draws nothing.

        Raises
        ------
        ValueError
            If the data are empty, not finite or of another shape, or a label is
            neither 0 nor 1.
        """
        rows, counted = weighted_points(data, self)
        x, y = _parted(rows)
        counted = np.ones_like(y) if counted is None else counted
        design = self._design(x)
        # In powers of 2 nothing is rounded, and no square leaves the range of floats.
        unit = np.ldexp(1.0, np.frexp(np.abs(x).max(axis=1))[1] - 1)
        x = x / unit[:, None]
        # The mean of equal numbers may be off them by rounding, which is no variation.
        varied = x.max(axis=1) > x.min(axis=1)
        centre = np.where(varied, x.mean(axis=1), x[:, 0])
        scale = np.where(varied, x.std(axis=1), 1)
        columns = (x - centre[:, None]) / scale[:, None]
        columns = np.concatenate([np.ones_like(columns[..., :1]), columns], axis=-1)
        with np.errstate(over="ignore"):
            penalty = (math.sqrt(self.ridge) / scale / unit) ** 2
        penalty = np.pad(np.minimum(penalty, LARGEST), ((0, 0), (1, 0)))
        b = self._newton(_Rows(columns, y, counted, penalty))
        b[penalty == LARGEST] = 0
        b[:, 1:] /= scale
        b[:, 0] -= (b[:, 1:] * centre).sum(axis=1)
        b[:, 1:] /= unit
        return FittedLogisticRegression(b, design)

    def _design(self, x: Array) -> Array:
        """Return the design of every chain."""
        if self.design is None:
            return x
        if self.design.shape[1] != x.shape[2]:
            raise ValueError(
                f"design has {self.design.shape[1]} numbers in a row, the data have "
                f"{x.shape[2]} and a label; they must be the same"
            )
        return np.broadcast_to(self.design, (len(x), *self.design.shape))

    def _newton(self, rows: _Rows) -> Array:
        """Return the coefficients at which the penalised loss is least."""
        chains, n, width = rows.x.shape
        b = np.zeros((chains, width))
        loss = rows.loss(b)
        left = np.arange(chains)  # those that are not done
        for _ in range(self.max_iter):
            own = rows.of(left)
            step, slope = own.step(b[left])
            undone = np.abs(slope).max(axis=1) > self.tol * n
            if not undone.any():
                break
            left, step, own = left[undone], step[undone], own.of(undone.nonzero()[0])
            b[left], loss[left] = own.taken(b[left], step, loss[left])
        return b


@dataclass(frozen=True)
class _Rows:
    """What is fitted: columns, labels, how much each row counts, penalties."""

    x: Array
    y: Array
    counted: Array
    penalty: Array

    def of(self, chains: NDArray[np.int64]) -> _Rows:
        """Return the rows of some chains."""
        if len(chains) == len(self.x):
            return self
        arrays = (self.x, self.y, self.counted, self.penalty)
        return _Rows(*(array[chains] for array in arrays))

    def loss(self, b: Array) -> Array:
        """Return the penalised loss of each chain."""
        eta = _logit(self.x, b)
        # log(1 + e^eta) - y eta, without an overflow
        loss = (self.counted * (np.logaddexp(0, eta) - self.y * eta)).sum(axis=1)
        return np.asarray(loss + 0.5 * (self.penalty * b**2).sum(axis=1))

    def step(self, b: Array) -> tuple[Array, Array]:
        """Return Newton's step and the gradient of each chain."""
        mu = sigmoid(_logit(self.x, b))
        across = np.swapaxes(self.x, 1, 2)
        slope = _logit(across, self.counted * (mu - self.y)) + self.penalty * b
        curve = (across * (self.counted * mu * (1 - mu))[:, None]) @ self.x
        diagonal = np.einsum("cii->ci", curve)
        # Not a part of the penalty: a large one would hold up b_0, which has none.
        diagonal += RIDGE_OF_ROUNDING * diagonal.mean(axis=1, keepdims=True) + 1e-300
        diagonal += self.penalty
        newton = np.linalg.solve(curve, slope[..., None])[..., 0]
        return -np.asarray(newton, dtype=np.float64), slope

    def taken(self, b: Array, step: Array, loss: Array) -> tuple[Array, Array]:
        """Return where the steps lead that help, and the loss there."""
        size = np.ones(len(b))
        for _ in range(HALVINGS):
            new = b + size[:, None] * step
            there = self.loss(new)
            # Rounding of the loss, 1e-13 of it, is no reason to stay.
            worse = ~(there <= loss + 1e-13 * np.abs(loss))
            if not worse.any():
                return new, there
            size[worse] /= 2
        stays = worse[:, None]
        return np.where(stays, b, new), np.where(worse, loss, there)


def _parted(data: NDArray[Any], name: str = "data") -> tuple[Array, Array]:
    """Return the numbers and the labels of rows."""
    if data.shape[2] < 2:
        raise ValueError(
            f"{name} has rows of {data.shape[2]} number; needed are x_1, ..., x_d and "
            "the label y"
        )
    data = data.astype(np.float64, copy=False)
    x, y = data[..., :-1], data[..., -1]
    if not ((y == 0) | (y == 1)).all():
        raise ValueError(
            f"{name} has labels from {y.min():g} to {y.max():g}; the last number of a "
            "row is its label, 0 or 1"
        )
    return x, y


def _logit(x: Array, b: Array) -> Array:
    return np.asarray((x @ b[..., None])[..., 0])


def sigmoid(eta: Array) -> Array:
    """Return 1 / (1 + e^-eta), without an overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * eta)))


@dataclass(frozen=True)
class FittedLogisticRegression(FittedChains):
    """Chances of labels, one logistic regression per chain.

    Parameters
    ----------
    weights
        The coefficients, :math:`b_0` first: shape ``(chains, d + 1)``.
    design
        The :math:`x` at which labels are drawn, shape ``(chains, m, d)``.
    """

    weights: NDArray[np.float64]
    design: NDArray[np.float64]

    ndims = {"weights": 2, "design": 3}

    def __post_init__(self) -> None:
        """Check the coefficients and the design."""
        super().__post_init__()
        check_data(self.design, 1, "design")
        if self.weights.shape[1] != self.design.shape[2] + 1:
            raise ValueError(
                f"weights has shape {self.weights.shape} and design "
                f"{self.design.shape}; needed are (chains, d + 1) and (chains, m, d)"
            )
        if not np.isfinite(self.weights).all():
            raise ValueError("weights must be finite numbers")

    @classmethod
    def of(cls, weights: Any, design: Any) -> FittedLogisticRegression:
        r"""Return a given regression as a source of real data.

        Parameters
        ----------
        weights
            :math:`b_0, b_1, \dots, b_d`.
        design
            Where labels are drawn, shape ``(m, d)``.
        """
        b = numbers("weights", weights, ndim=1, shape="(d + 1,)")
        x = numbers("design", design, ndim=2, shape="(m, d)")
        return cls(b[None], x[None])

    def probability(self, x: Any) -> NDArray[np.float64]:
        """Return the chance of the label 1 at each ``x``.

        Parameters
        ----------
        x
            Shape ``(m, d)``, the same for all chains.

        Returns
        -------
        ndarray
            Shape ``(chains, m)``.
        """
        return sigmoid(self._logits(numbers("x", x, ndim=2, shape="(m, d)")))

    def log_loss(self, rows: Any) -> NDArray[np.float64]:
        """Return the mean negative log-likelihood of other rows, shape ``(chains,)``.

        Parameters
        ----------
        rows
            Shape ``(m, d + 1)``, the label last; the same for all chains.
        """
        x, y = _parted(numbers("rows", rows, ndim=2, shape="(m, d + 1)")[None], "rows")
        if x.shape[2] != self.design.shape[2]:
            raise ValueError(
                f"rows has shape {np.shape(rows)}; needed are "
                f"{self.design.shape[2]} numbers and a label in each"
            )
        eta = self._logits(x[0])
        return np.asarray((np.logaddexp(0, eta) - y * eta).mean(axis=1))

    def _logits(self, x: Array) -> Array:
        d = self.design.shape[2]
        if x.shape[1] != d:
            raise ValueError(
                f"x has shape {x.shape}; this model needs rows of {d} numbers"
            )
        return np.asarray(self.weights[:, :1] + self.weights[:, 1:] @ x.T)

    def temper(self, temperature: float) -> FittedLogisticRegression:
        """Return chances whose logits are divided by the temperature."""
        check_positive("temperature", temperature)
        return replace(self, weights=self.weights / temperature)

    def label(
        self, x: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw labels of given points.

        Parameters
        ----------
        x
            Points, shape ``(chains, m, d)``.
        rng
            Source of randomness.

        Returns
        -------
        ndarray
            Zeros and ones, shape ``(chains, m)``.

        Raises
        ------
        ValueError
            If the points have another shape or are not finite.
        """
        check_rng(rng)
        found = numbers("x", x, ndim=3, shape="(chains, m, d)")
        chains, _, dim = self.design.shape
        if (len(found), found.shape[2]) != (chains, dim):
            raise ValueError(
                f"x has shape {found.shape}; needed is ({chains}, m, {dim})"
            )
        chance = sigmoid(self.weights[:, :1] + _logit(found, self.weights[:, 1:]))
        return np.asarray(rng.random(chance.shape) < chance, dtype=np.float64)

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw labels at ``n`` places of the design: ``(chains, n, d + 1)``.

        Every place serves as often as any other; if ``n`` is no multiple of their
        number, some that are drawn anew for each chain serve once more.
        """
        check_sampling(n, rng)
        x = self._places(n, rng)
        return np.concatenate([x, self.label(x, rng)[..., None]], axis=-1)

    def _places(self, n: int, rng: np.random.Generator) -> Array:
        chains, m, _ = self.design.shape
        times, rest = divmod(n, m)
        parts = [self.design] * times
        if rest:
            some = rng.permuted(np.tile(np.arange(m), (chains, 1)), axis=1)[:, :rest]
            parts.append(np.take_along_axis(self.design, some[..., None], axis=1))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
