"""Linear regression, refitted to labels that an earlier fit has given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_choice, check_not_negative, check_rng, numbers
from collapse_lib.models.base import LAWS, FittedChains, check_sampling
from collapse_lib.models.multivariate import wishart_root
from collapse_lib.samples import (
    Data,
    Summary,
    check_data,
    subsample,
    weighted_points,
)

# A column whose part that the others do not explain is smaller than this, squared and
# relative to its own square, counts as explained by them.
DEPENDENT = 1e-12


@dataclass(frozen=True)
class RegressionSummary(Summary):
    r"""Sums of products of ``size`` rows in each chain: all that least squares needs.

    Parameters
    ----------
    size
        Number of rows.
    gram
        :math:`Z^\top Z` of the rows :math:`z = (x_1, \dots, x_d, y)`, shape
        ``(chains, d + 1, d + 1)``.
    """

    gram: NDArray[np.float64]

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.gram)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Add up."""
        return cls._pool_weighted(parts, [1.0] * len(parts))

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Self:
        """Add up, the rows of each part with a weight."""
        own = [w * part.gram for w, part in zip(weights, parts, strict=True)]
        return cls(sum(part.size for part in parts), np.sum(own, axis=0))

    def _like(self, points: NDArray[Any]) -> RegressionSummary:
        """Summarise rows ``(chains, n, d + 1)``."""
        return summarise(check_data(points, 1, "points"))


@dataclass(frozen=True)
class LinearRegression:
    r"""Least squares without an intercept, with a penalty if one is wanted.

    A data point is a row :math:`(x_1, \dots, x_d, y)`; the fit is

    .. math:: \hat w = (X^\top X + \lambda I)^{-1} X^\top y

    and the fitted model makes rows :math:`y = x^\top\hat w + \sigma\varepsilon` with
    standard normal :math:`\varepsilon`.

    Parameters
    ----------
    ridge
        The penalty :math:`\lambda \ge 0`, in the unit of :math:`X^\top X`: it does not
        grow with the number of rows, as ``alpha`` of scikit-learn's ``Ridge``.
    noise
        The standard deviation :math:`\sigma \ge 0` of labels around the line, which is
        known: it is not fitted.
    design
        Where the fitted model labels: points of shape ``(m, d)``, or
        ``(chains, m, d)`` for each chain its own. Asked for ``n`` rows it uses all
        ``m`` as often as they go into ``n``, in their order, and draws the rest of
        them without replacement. Default: new points from :math:`N(0, I)` every time.
    law
        ``"literal"`` makes every row; ``"exact"`` draws :math:`X^\top X`,
        :math:`X^\top y` and :math:`y^\top y` from their own law (Wishart, by Bartlett's
        decomposition), at the same cost for every ``n``.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    The normal equations are solved as they stand: exact to about
    :math:`10^{-16}\kappa`, where :math:`\kappa` is the condition number of
    :math:`X^\top X`. What becomes of the error under each regime:
    `collapse_lib.theory.regression`. Used in chapter 12.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = np.array([[[1.0, 2.0], [2.0, 4.0]]])
    >>> LinearRegression().fit(rows, rng).coef
    array([[2.]])
    >>> LinearRegression(ridge=5.0).fit(rows, rng).coef
    array([[1.]])
    """

    ridge: float = 0.0
    noise: float = 1.0
    design: NDArray[np.float64] | None = None
    law: str = "literal"

    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the options."""
        check_not_negative("ridge", self.ridge)
        check_not_negative("noise", self.noise)
        check_choice("law", self.law, LAWS)
        object.__setattr__(self, "design", _design(self.design))

    def fit(self, data: Data, rng: np.random.Generator) -> FittedLinearRegression:
        """Fit each chain.

        Parameters
        ----------
        data
            Rows of shape ``(chains, n, d + 1)``, alone or as `Weighted` points, or a
            `RegressionSummary`.
        rng
            Not used: least squares draw nothing.

        Raises
        ------
        ValueError
            If the data are empty, not finite or of another shape, or do not determine
            the coefficients.
        """
        if not isinstance(data, RegressionSummary):
            data = summarise(*weighted_points(data, self, RegressionSummary))
        dim = data.gram.shape[-1] - 1
        normal = data.gram[:, :dim, :dim] + self.ridge * np.eye(dim)
        if not np.isfinite(normal).all():
            raise ValueError("data are too large: sums of squares overflow float64")
        if not _determined(normal):
            raise ValueError(
                f"data of {data.size} rows do not determine {dim} coefficients: there "
                "are too few rows, or a column depends on the others; use more rows, "
                "or ridge > 0"
            )
        coef: NDArray[Any] = np.linalg.solve(normal, data.gram[:, :dim, dim:])[..., 0]
        return FittedLinearRegression(coef, self.noise, self.design, self.law)


@dataclass(frozen=True)
class FittedLinearRegression(FittedChains):
    """Lines through the origin, one per chain.

    Parameters
    ----------
    coef
        Coefficients, shape ``(chains, d)``.
    noise, design, law
        As in `LinearRegression`.
    """

    coef: NDArray[np.float64]
    noise: float = 1.0
    design: NDArray[np.float64] | None = None
    law: str = "literal"

    ndims = {"coef": 2}

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        check_not_negative("noise", self.noise)
        check_choice("law", self.law, LAWS)
        numbers("coef", self.coef)
        design = _design(self.design)
        object.__setattr__(self, "design", design)
        if design is None:
            return
        chains, dim = self.coef.shape
        if design.shape[2] != dim or len(design) not in (1, chains):
            raise ValueError(
                f"design has shape {design.shape} and coef {self.coef.shape}; needed "
                f"is (m, {dim}), or ({chains}, m, {dim}) for each chain its own"
            )

    @classmethod
    def of(
        cls,
        coef: ArrayLike,
        noise: float = 1.0,
        design: NDArray[np.float64] | None = None,
        law: str = "literal",
    ) -> FittedLinearRegression:
        """Return the model of one chain with coefficients ``(d,)``: a source.

        Examples
        --------
        >>> FittedLinearRegression.of([1.0, 0.0]).coef
        array([[1., 0.]])
        """
        found = numbers("coef", coef, ndim=1, shape="(d,)")[None]
        design = _design(design)
        if design is not None and len(design) > 1:
            found = np.repeat(found, len(design), axis=0)
        return cls(found, noise, design, law)

    def temper(self, temperature: float) -> FittedLinearRegression:
        """Return the density of labels raised to ``1/temperature``: less noise."""
        check_not_negative("temperature", temperature)
        return replace(self, noise=self.noise * math.sqrt(temperature))

    def label(
        self, x: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw labels of given points.

        Parameters
        ----------
        x
            Points, shape ``(chains, n, d)``.
        rng
            Source of randomness.

        Returns
        -------
        ndarray
            Shape ``(chains, n)``.

        Raises
        ------
        ValueError
            If the points have another shape or are not finite.
        """
        check_rng(rng)
        found = numbers("x", x, ndim=3, shape="(chains, n, d)")
        chains, dim = self.coef.shape
        if (len(found), found.shape[2]) != (chains, dim):
            raise ValueError(
                f"x has shape {found.shape}; needed is ({chains}, n, {dim})"
            )
        noise = self.noise * rng.standard_normal(found.shape[:2])
        return np.asarray((found @ self.coef[..., None])[..., 0] + noise)

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Make ``n`` rows per chain: an array, or a summary under the exact law."""
        check_sampling(n, rng)
        dim = self.coef.shape[1]
        if self.law == "exact":
            if self.design is None:
                return self._summary(n, wishart_root(len(self.coef), dim + 1, n, rng))
            if n >= dim and n % self.design.shape[1] == 0:
                return self._summary(n, self._root_at_design(n, rng))
        x = self._places(n, rng)
        rows = np.concatenate([x, self.label(x, rng)[..., None]], axis=2)
        return summarise(rows) if self.law == "exact" else rows

    def _places(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return where to label: shape ``(chains, n, d)``."""
        chains, dim = self.coef.shape
        if self.design is None:
            return rng.standard_normal((chains, n, dim))
        design = np.broadcast_to(self.design, (chains, *self.design.shape[1:]))
        copies, rest = divmod(n, design.shape[1])
        parts = [design] * copies
        if rest:
            parts.append(np.asarray(subsample(design, rest, rng)))
        return np.concatenate(parts, axis=1)

    def _root_at_design(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw the root of the sums of products of (x, noise) at the whole design."""
        assert self.design is not None
        chains, dim = self.coef.shape
        copies = n // self.design.shape[1]
        root = np.zeros((chains, dim + 1, dim + 1))
        squares = copies * np.swapaxes(self.design, 1, 2) @ self.design
        root[:, :dim, :dim] = _root("design", squares)
        # Along the columns the noise is normal, the rest of its square chi-squared.
        root[:, dim, :dim] = rng.standard_normal((chains, dim))
        rest = rng.chisquare(n - dim, chains) if n > dim else np.zeros(chains)
        root[:, dim, dim] = np.sqrt(rest)
        return root

    def _summary(self, n: int, root: NDArray[np.float64]) -> RegressionSummary:
        """Turn (x, standard noise) into (x, y): the last row of the root changes."""
        dim = self.coef.shape[1]
        rows = root.copy()
        on_line = (self.coef[:, None, :] @ root[:, :dim, :])[:, 0]
        rows[:, dim] = on_line + self.noise * root[:, dim]
        return RegressionSummary(n, rows @ np.swapaxes(rows, 1, 2))


def summarise(
    data: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> RegressionSummary:
    """Return the sums of products of rows ``(chains, n, d + 1)``.

    Parameters
    ----------
    data
        The rows.
    weights
        How much each counts, with mean 1 in each chain, shape ``(chains, n)``.
    """
    if data.shape[2] < 2:
        raise ValueError(
            f"data has shape {data.shape}; a row needs at least two numbers: "
            "(x_1, ..., x_d, y)"
        )
    rows = data.astype(np.float64, copy=False)
    counted = rows if weights is None else weights[..., None] * rows
    with np.errstate(over="ignore", invalid="ignore"):  # said by the fit, in words
        return RegressionSummary(rows.shape[1], np.swapaxes(counted, 1, 2) @ rows)


def _design(design: Any) -> NDArray[np.float64] | None:
    """Return places to label as ``(1 or chains, m, d)``, checked."""
    if design is None:
        return None
    found = numbers("design", design)
    if found.ndim not in (2, 3):
        raise ValueError(
            f"design has shape {found.shape}; needed is (m, d), or (chains, m, d)"
        )
    return found[None] if found.ndim == 2 else found


def _root(name: str, squares: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.cholesky(squares), np.float64)
    except np.linalg.LinAlgError:
        raise ValueError(
            f"{name} has columns that depend on each other; leave one out"
        ) from None


def _determined(normal: NDArray[np.float64]) -> bool:
    """Return whether normal equations can be solved in all chains."""
    try:
        root = np.linalg.cholesky(normal)
    except np.linalg.LinAlgError:
        return False
    left = np.diagonal(root, axis1=1, axis2=2) ** 2
    return bool((left > DEPENDENT * np.diagonal(normal, axis1=1, axis2=2)).all())
