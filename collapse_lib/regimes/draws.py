"""What a generator emits, where that is not what the fitted model says.

A *bias* turns a fitted model into the generator that is sampled from; a regime takes it
as ``bias=``. Some biases change the model's parameters and return a model of the same
kind. Others leave the model alone and choose among its draws: they return `Drawn`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import given, numbers, numeric
from collapse_lib.models.base import Fitted, check_sampling
from collapse_lib.samples import Data, Summary

#: Methods that return another generator of the model's own draws, not of these.
OF_THE_MODEL = ("temper", "take", "continue_from", "continuations")


class Bias:
    """Base of all biases: a policy is a subclass with ``__call__(fitted)``."""

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator to sample from instead of the fitted model."""
        raise NotImplementedError(f"{type(self).__name__} needs __call__(fitted)")

    def then(self, step: Callable[[Any], Fitted]) -> Chain:
        """Return this bias followed by another one.

        Raises
        ------
        ValueError
            If the step is no function of a fitted model.
        """
        check_function("step", step, "fitted -> fitted, for example TopP(0.9)")
        steps = self.steps if isinstance(self, Chain) else (self,)
        return Chain((*steps, step))


@dataclass(frozen=True)
class Chain(Bias):
    """Several biases, the first one first.

    What changes the model's parameters must come before what chooses among its draws:
    `Temperature`, `TopP`, `Lambda` and `Corrected` before `Best`, `Verified` and
    `Grounded`.

    Parameters
    ----------
    steps
        Functions fitted -> fitted.

    Raises
    ------
    ValueError
        If there are none, or one is no function.

    Examples
    --------
    >>> from collapse_lib import models, regimes
    >>> bias = regimes.Lambda(0.5).then(regimes.Temperature(0.5))
    >>> bias(models.FittedGaussian.standard()).sigma
    array([0.5])
    """

    steps: tuple[Callable[[Any], Fitted], ...]

    def __post_init__(self) -> None:
        """Check the steps."""
        if not isinstance(self.steps, (tuple, list)) or not self.steps:
            raise ValueError(
                f"steps is {given(self.steps)}; it must be a tuple of functions fitted "
                "-> fitted, for example (Temperature(0.9), Best(reward))"
            )
        for i, step in enumerate(self.steps):
            check_function(f"steps[{i}]", step, "fitted -> fitted, such as TopP(0.9)")
        object.__setattr__(self, "steps", tuple(self.steps))

    def __call__(self, fitted: Any) -> Fitted:
        """Return the generator that the last step makes."""
        check_generator(fitted)
        for i, step in enumerate(self.steps):
            fitted = step(fitted)
            if not hasattr(fitted, "sample"):
                raise ValueError(
                    f"steps[{i}] returned {given(fitted)}; it must return a generator "
                    "with sample(n, rng)"
                )
        generator: Fitted = fitted
        return generator


class Emits(Protocol):
    """A policy that chooses among draws."""

    def emit(self, fitted: Any, n: int, rng: np.random.Generator) -> Data:
        """Return ``n`` points per chain, drawn with the help of a fitted model."""
        ...


@dataclass(frozen=True)
class Drawn:
    """A fitted model whose draws a policy chooses.

    Fields and properties are those of the model: a policy does not change what the
    model has learnt.

    Parameters
    ----------
    fitted
        The model.
    policy
        What chooses: ``emit(fitted, n, rng)`` returns the points.
    """

    fitted: Any
    policy: Emits

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Return ``n`` points per chain that the policy lets out."""
        check_sampling(n, rng)
        return self.policy.emit(self.fitted, n, rng)

    def __getattr__(self, name: str) -> Any:
        """Return what the model has under this name."""
        # Copying and unpickling ask an object that has no fields yet for methods whose
        # names begin with underscores.
        if name.startswith("_") or name in OF_THE_MODEL:
            kind = type(self).__name__
            raise AttributeError(f"a {kind} has no {name}", name=name, obj=self)
        value = getattr(self.fitted, name)
        return partial(_expanded, self) if name == "expand" else value


def _expanded(drawn: Drawn, chains: int) -> Drawn:
    """Repeat the model of one chain for several, as a source of real data."""
    return replace(drawn, fitted=drawn.fitted.expand(chains))


def check_generator(fitted: Any) -> None:
    """Raise ValueError unless ``fitted`` can be sampled; tables can, but not so."""
    sampled = hasattr(fitted, "sample") and not hasattr(fitted, "__array__")
    if isinstance(fitted, type) or not sampled:
        raise ValueError(
            f"fitted is {given(fitted)}; it must be a fitted model with sample(n, rng)"
        )


def check_parameters(fitted: Any, policy: Any, wanted: str) -> None:
    """Raise ValueError if a model's parameters cannot be changed.

    Parameters
    ----------
    fitted
        What a policy was given.
    policy
        Who asks.
    wanted
        What the policy can change.
    """
    check_generator(fitted)
    name = type(policy).__name__
    if isinstance(fitted, Drawn):
        earlier = type(fitted.policy).__name__
        raise ValueError(
            f"fitted is what {earlier} lets out of a {type(fitted.fitted).__name__}; "
            f"{name} changes the model itself: put {name} before {earlier}"
        )
    raise ValueError(f"fitted is {given(fitted)}; {name} {wanted}")


def check_function(name: str, value: Any, what: str) -> None:
    """Raise ValueError unless ``value`` is a function, and no class."""
    if isinstance(value, type) or not callable(value):
        raise ValueError(f"{name} is {given(value)}; it must be a function {what}")


def scores(name: str, function: Any, x: NDArray[Any], **bounds: Any) -> NDArray[Any]:
    """Return what a function says about each of the points ``(chains, n, ...)``.

    Raises
    ------
    ValueError
        If it is not one number, within bounds, for each.
    """
    what = f"what {name}(x) returned"
    found = numbers(what, function(x), **bounds)
    if found.shape != x.shape[:2]:
        raise ValueError(
            f"{what} has shape {found.shape}, x has shape {x.shape}; needed is one "
            f"number for each point: {x.shape[:2]}"
        )
    return found


def candidates(
    policy: Any, fitted: Any, n: int, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw ``n`` points per chain to choose from: shape ``(chains, n, ...)``.

    Raises
    ------
    ValueError
        If the model draws something else.
    """
    data, kind = fitted.sample(n, rng), type(fitted).__name__
    if isinstance(data, Summary):
        raise ValueError(
            f"{type(policy).__name__} chooses among points, but the points that "
            f"{kind} draws are gone: it returns {type(data).__name__}. Build the model "
            'so that it draws points, most with law="literal"'
        )
    points = numeric(f"what {kind}.sample(n, rng) returned", data)
    if points.ndim < 2 or points.shape[1] != n:
        raise ValueError(
            f"what {kind}.sample(n, rng) returned has shape {points.shape}; needed is "
            f"(chains, {n}, ...)"
        )
    return points


def chosen(points: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Return the points at some places: indices of shape ``(chains, n)``."""
    return np.asarray(points[np.arange(len(points))[:, None], places])
