"""Points that know where they come from, and models that keep it up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, given, numbers, numeric
from collapse_lib.models.base import OF_THE_MODEL, check_model, check_sampling
from collapse_lib.samples import (
    Data,
    Summary,
    Weighted,
    check_beside,
    check_sample,
    draw_places,
    points,
    returned_by,
    systematic,
)

REAL = 0


@dataclass(frozen=True)
class Labelled(Summary):
    """Points with their source: 0 is real, g was written by a model of generation g.

    A model's generation is one more than the largest source it was trained on. Points
    that come without a label are taken for real.

    Parameters
    ----------
    size
        Number of points.
    points
        Shape ``(chains, size, ...)``.
    source
        Integers of at least 0, shape ``(chains, size)``.

    Raises
    ------
    ValueError
        If the shapes do not fit or a source is no such integer.

    Examples
    --------
    >>> both = Labelled.real(np.zeros((1, 2))).like(np.ones((1, 1)))
    >>> both.source
    array([[0]], dtype=int32)
    """

    instead: ClassVar[str] = (
        "Wrap it, so that it leaves the labels aside: models.Tracked(model)"
    )
    points: NDArray[Any]
    source: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Check shapes and labels."""
        super().__post_init__()
        check_beside(self, "source")
        if self.source.dtype.kind not in "iu" or (self.source < REAL).any():
            raise ValueError(
                f"source is {given(self.source)}; it must be integers, 0 for real "
                "points and g for those that a model of generation g wrote"
            )

    @classmethod
    def real(cls, points: NDArray[Any]) -> Self:
        """Return points ``(chains, n, ...)`` with the label of real ones.

        Raises
        ------
        ValueError
            If they are no such array.
        """
        array = numeric("points", points)
        if array.ndim < 2:
            raise ValueError(
                f"points has shape {array.shape}; needed is (chains, n, ...)"
            )
        return cls(array.shape[1], array, np.zeros(array.shape[:2], np.int32))

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.points)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Put points and labels together."""
        return cls(
            sum(part.size for part in parts),
            np.concatenate([part.points for part in parts], axis=1),
            np.concatenate([part.source for part in parts], axis=1),
        )

    def _like(self, points: NDArray[Any]) -> Self:
        """Take points without labels for real ones."""
        return self.real(points)

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Any:
        """Refuse: labelled points are weighed by their labels, in the fit."""
        raise ValueError(
            "labelled points are weighed by the model that is fitted to them, not by "
            "the regime: leave out the weight that the regime was given, and use "
            "models.Tracked(model, weigh=regimes.BySource(...))"
        )

    def _at(self, places: NDArray[np.int64]) -> Self:
        """Return the points at some places: indices of shape ``(chains, n)``."""
        rows = np.arange(self.chains)[:, None]
        return type(self)(
            places.shape[1], self.points[rows, places], self.source[rows, places]
        )

    def subsample(self, n: int, rng: np.random.Generator) -> Self:
        """Draw ``n`` of the points without replacement."""
        self.check_subsample(n, rng)
        return self._at(draw_places(self.chains, self.size, n, rng))


Weigh = Callable[[Labelled, np.random.Generator], Any]


@dataclass(frozen=True)
class Tracked:
    """Fit a model to labelled points, and label what it writes.

    Points without labels count as real, so that every regime works as it is: real
    data need no label, and what is drawn from a tracked model has one.

    Parameters
    ----------
    model
        What is fitted to the points. It must draw points: most with ``law="literal"``.
    weigh
        ``weigh(labelled, rng)`` returns how much each point counts in the fit: numbers
        of at least 0, shape ``(chains, n)``; only their ratios in a chain matter. For
        example `regimes.BySource`. Default: all alike.
    n_fit
        Draw so many points by weight and fit to these, each counted once, instead of
        fitting to all of them with weights: for models that cannot use weights, or
        where a fit has a fixed budget. Systematic resampling; it adds noise.

    Raises
    ------
    ValueError
        If the model cannot be fitted, ``weigh`` is no function or ``n_fit`` no positive
        integer; while fitting, if the weights are not as described.

    Examples
    --------
    >>> from collapse_lib import models, recurse, regimes
    >>> history = recurse(
    ...     Tracked(models.Gaussian("mle"), weigh=regimes.BySource(real=0.5)),
    ...     models.FittedGaussian.standard(),
    ...     regime=regimes.Accumulate(),
    ...     n_samples=100,
    ...     n_generations=3,
    ...     measure={"sigma": lambda fit: fit.sigma},
    ...     rng=np.random.default_rng(0),
    ... )
    >>> len(history)
    4
    """

    model: Any
    weigh: Weigh | None = None
    n_fit: int | None = None

    def __post_init__(self) -> None:
        """Check the model and the policy."""
        check_model("model", self.model)
        if self.weigh is not None and (
            isinstance(self.weigh, type) or not callable(self.weigh)
        ):
            raise ValueError(
                f"weigh is {given(self.weigh)}; it must be a function (labelled, rng) "
                "-> weights, for example regimes.BySource(0.5), or None"
            )
        if self.n_fit is not None:
            check_count("n_fit", self.n_fit, least=1)

    @property
    def event_ndim(self) -> int:
        """Number of axes of one data point: the model's."""
        return int(self.model.event_ndim)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedTracked:
        """Fit the model to points ``(chains, n, ...)``, labelled or real.

        Raises
        ------
        ValueError
            If the points themselves are gone, or the weights are not as described.
        """
        if not isinstance(data, Labelled):
            data = Labelled.real(points(data, self, Labelled))
        return FittedTracked(
            self.model.fit(self._to_fit(data, rng), rng), data.source.max(axis=1) + 1
        )

    def _to_fit(self, data: Labelled, rng: np.random.Generator) -> Data:
        if self.weigh is None and self.n_fit is None:
            return data.points
        weights = self._weights(data, rng)
        if self.n_fit is not None:
            return data._at(systematic(weights, self.n_fit, rng)).points
        return Weighted(data.size, data.points, weights)

    def _weights(self, data: Labelled, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return weights with mean 1 in each chain."""
        if self.weigh is None:
            return np.ones(data.source.shape)
        what = "what weigh(labelled, rng) returned"
        found = numbers(what, self.weigh(data, rng), least=0)
        if found.shape != data.source.shape:
            raise ValueError(
                f"{what} has shape {found.shape}; needed is one number for each point: "
                f"{data.source.shape}"
            )
        mean = found.mean(axis=1, keepdims=True)
        if not (mean > 0).all():
            raise ValueError(
                f"{what} is 0 for every point of at least one chain: nothing is left "
                "to fit"
            )
        return np.asarray(found / mean)


@dataclass(frozen=True)
class FittedTracked:
    """A fitted model that labels what it writes.

    Its fields and properties are those of the model.

    Parameters
    ----------
    fitted
        The model, or the generator that a bias makes of it.
    generation
        The label of what it writes, shape ``(chains,)``.
    """

    fitted: Any
    generation: NDArray[np.int32]

    _OWN: ClassVar[tuple[str, ...]] = ("fitted", "generation", "expand")

    def __post_init__(self) -> None:
        """Check the model and the labels."""
        check_sample("fitted", self.fitted)
        found = numeric("generation", self.generation)
        if found.ndim != 1 or found.dtype.kind not in "iu" or (found < REAL).any():
            raise ValueError(
                f"generation is {given(self.generation)}; it must be one integer of at "
                "least 0 for each chain"
            )

    def sample(self, n: int, rng: np.random.Generator) -> Labelled:
        """Draw ``n`` labelled points per chain.

        Raises
        ------
        ValueError
            If the model draws no points.
        """
        check_sampling(n, rng)
        drawn = self.fitted.sample(n, rng)
        if isinstance(drawn, Summary):
            raise ValueError(
                f"Tracked labels points; of {type(self.fitted).__name__} it is given "
                f"{type(drawn).__name__}, where they are gone. Build the model so that "
                'it draws points, most with law="literal"'
            )
        drawn = numeric(returned_by(self.fitted), drawn)
        shape = (len(self.generation), n)
        return Labelled(n, drawn, np.broadcast_to(self.generation[:, None], shape))

    def __getattr__(self, name: str) -> Any:
        """Return what the model has under this name."""
        # Copying and unpickling ask an object that has no fields yet for methods whose
        # names begin with underscores.
        if name.startswith("_") or name in (*OF_THE_MODEL, *type(self)._OWN):
            raise AttributeError(f"a FittedTracked has no {name}", name=name, obj=self)
        return getattr(self.fitted, name)
