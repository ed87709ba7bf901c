"""What a world is: a model, its people, and what can be known there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import models
from collapse_lib.checks import check_positive, given
from collapse_lib.recursion.generation import Generation
from collapse_lib.regimes import Chain, Regime
from collapse_lib.regimes.draws import check_function

Array = NDArray[np.float64]
#: The share of real points that is called rare, where it can be chosen.
RARE = 0.1


@dataclass(frozen=True)
class World:
    """A model, its real data, and what can be known there.

    Parameters
    ----------
    model
        What is fitted.
    people
        Source of real data, which never ends.
    n
        Points in a training set.
    loss
        ``loss(fitted)`` returns how far each chain is from the truth.
    heat
        ``heat(T)`` returns the bias of a generator at temperature ``T``.
    temperature
        Of the generator; 1 is no bias.
    score
        How plausible an ideal judge finds each point; higher is better.
    usual
        The score that half of the real points reach.
    rare
        Which points are rare: points -> 0 or 1.
    share
        The share of real points that are.
    store
        Other real points, ``(n, ...)``, in a library.
    smooth
        The model with a penalty or prior.
    early
        The model whose training stops early, if it takes steps.
    unsure
        The model trained with a truncated loss, where a fit is no table of
        probabilities that can be changed afterwards.
    oracle
        A fitted model with the true parameters, if there is one.
    weighs
        Whether the model can fit points with weights.
    lacks
        What is not there -> why.
    """

    model: Any
    people: Any
    n: int
    loss: Callable[[Any], Array]
    heat: Callable[[float], Any]
    score: Callable[[NDArray[Any]], Array]
    usual: float
    rare: Callable[[NDArray[Any]], NDArray[np.int64]]
    store: NDArray[Any]
    smooth: Any
    share: float = RARE
    temperature: float = 1.0
    oracle: Any = None
    early: Any = None
    unsure: Any = None
    weighs: bool = True
    lacks: Mapping[str, str] = field(default_factory=dict)

    @property
    def bias(self) -> Any:
        """What the generator does anyway; None at temperature 1."""
        return None if self.temperature == 1 else self.heat(self.temperature)

    def then(self, step: Callable[[Any], Any]) -> Any:
        """Return the bias of the generator, followed by a policy's step."""
        check_function("step", step, "fitted -> fitted, for example TopP(0.9)")
        return step if self.bias is None else Chain((self.bias, step))

    def loop(
        self,
        regime: Regime,
        *,
        model: Any = None,
        weigh: Any = None,
        counting: float | Callable[[int], float] = 1.0,
        written: float | Callable[[int], float] = 1.0,
    ) -> dict[str, Any]:
        """Return the arguments of `collapse_lib.recurse` for a policy.

        Parameters
        ----------
        regime
            What a generation trains on.
        model
            Another model than the world's own.
        weigh
            How much labelled points count in a fit.
        counting
            How many points, in units of ``n``, are left by the weights in generation
            ``t``: a model that cannot use weights is fitted to so many drawn ones.
        written
            How many points, in units of ``n``, generation ``t`` asks for after the
            first.

        Raises
        ------
        ValueError
            If an argument is of another kind.
        """
        if not isinstance(regime, Regime):
            raise ValueError(
                f"regime is {given(regime)}; it must be one of regimes, e.g. "
                "regimes.Replace(bias=world.bias)"
            )
        model = self.model if model is None else model
        if isinstance(model, type) or not hasattr(model, "fit"):
            raise ValueError(
                f"model is {given(model)}; it must have fit(data, rng), or be None"
            )
        for name, share in {"counting": counting, "written": written}.items():
            if isinstance(share, type) or not callable(share):
                check_positive(name, share)
        if weigh is not None:
            model = self._weighed(model, weigh, counting)
        return {
            "model": model,
            "real": self.people,
            "regime": regime,
            "n_samples": _Sizes(self.n, written),
        }

    def _weighed(self, model: Any, weigh: Any, counting: Any) -> Any:
        if self.weighs:
            return models.Tracked(model, weigh=weigh)
        if not callable(counting):
            return models.Tracked(model, weigh, n_fit=max(1, round(self.n * counting)))
        return _Schedule(model, weigh, self.n, counting)

    def measure(self, generation: Generation) -> dict[str, Array]:
        """Return the loss, the points a fit used, and the share of rare ones in them.

        Points are counted in units of ``n``; the share is 1 where it is the real one.
        """
        if not isinstance(generation, Generation):
            raise ValueError(
                f"generation is {given(generation)}; it must be one that the loop "
                "yields"
            )
        data: Any = generation.training
        points = data if isinstance(data, np.ndarray) else data.points
        loss = np.asarray(self.loss(generation.fitted), np.float64)
        return {
            "loss": loss,
            "used": np.full(loss.shape, points.shape[1] / self.n),
            "rare": self.rare(points).mean(axis=1) / self.share,
        }


@dataclass(frozen=True)
class _Sizes:
    """The real sample has ``n`` points; what comes later, what a policy asks for."""

    n: int
    written: Any

    def __call__(self, t: int) -> int:
        share = self.written(t) if callable(self.written) else self.written
        return self.n if t == 0 else max(1, round(self.n * share))


@dataclass(frozen=True)
class _Schedule:
    """A tracked model that draws another number of points in every generation."""

    model: Any
    weigh: Any
    n: int
    counting: Callable[[int], float]

    def __call__(self, t: int) -> Any:
        n_fit = max(1, round(self.n * self.counting(t)))
        return models.Tracked(self.model, self.weigh, n_fit=n_fit)
