"""What a generator emits, where that is not what the fitted model says.

A *bias* turns a fitted model into the generator that is sampled from; a regime takes it
as ``bias=``. Some biases change the model's parameters and return a model of the same
kind. Others leave the model alone and choose among its draws: they return `Drawn`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import given, numbers, numeric
from collapse_lib.models.base import OF_THE_MODEL, Fitted, check_sampling
from collapse_lib.models.discrete import Counts, ExpectedCounts
from collapse_lib.samples import Data, Summary, can_sample, repeat_chains


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
            if not can_sample(fitted):
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
        check_emit(self.fitted, n, rng)
        return self.policy.emit(self.fitted, n, rng)

    def __getattr__(self, name: str) -> Any:
        """Return what the model has under this name."""
        # Copying and unpickling ask an object that has no fields yet for methods whose
        # names begin with underscores.
        if name.startswith("_") or name in (*OF_THE_MODEL, "fitted", "policy"):
            kind = type(self).__name__
            raise AttributeError(f"a {kind} has no {name}", name=name, obj=self)
        value = getattr(self.fitted, name)
        return partial(_expanded, self) if name == "expand" else value


@dataclass(frozen=True)
class Tabulated:
    """Draw from other probabilities than those that follow from a model's parameters.

    Parameters
    ----------
    p
        Probabilities of the model's states, shape ``(chains, n_states)``.
    """

    p: NDArray[np.float64]

    def emit(self, fitted: Any, n: int, rng: np.random.Generator) -> Data:
        """Draw counts, or return what is expected where the model does."""
        check_emit(fitted, n, rng)
        if fitted.model.law == "expected":
            return ExpectedCounts(n, n * self.p)
        return Counts(n, rng.multinomial(n, self.p))


def probabilities(fitted: Any) -> NDArray[np.float64] | None:
    """Return the probabilities of a finite distribution, None for other generators.

    Where they are no field they follow from other parameters, on the grid of its model.
    """
    if isinstance(fitted, Drawn):
        table = fitted.policy
        return table.p if isinstance(table, Tabulated) else None
    names = names_of_fields(fitted)
    on_grid = "model" in names and hasattr(fitted.model, "grid")
    return fitted.p if "p" in names or on_grid else None


def with_probabilities(fitted: Any, p: NDArray[np.float64]) -> Fitted:
    """Return the generator of a finite distribution with other probabilities."""
    # Rounding leaves a total of 1 + 1e-16, which a multinomial draw refuses.
    p = p / p.sum(axis=1, keepdims=True)
    if "p" in names_of_fields(fitted):
        changed: Fitted = replace(fitted, p=p)
        return changed
    model = fitted.fitted if isinstance(fitted, Drawn) else fitted
    return Drawn(model, Tabulated(p))


def names_of_fields(fitted: Any) -> tuple[str, ...]:
    """Return the names of a fitted model's fields; none if it is no dataclass."""
    known = is_dataclass(fitted) and not isinstance(fitted, (type, Drawn))
    return tuple(field.name for field in fields(fitted)) if known else ()


def _expanded(drawn: Drawn, chains: int) -> Drawn:
    """Repeat the model of one chain for several, as a source of real data."""
    policy = drawn.policy
    if isinstance(policy, Tabulated):
        policy = repeat_chains(policy, chains)
    return Drawn(drawn.fitted.expand(chains), policy)


def check_generator(fitted: Any) -> None:
    """Raise ValueError unless ``fitted`` can be sampled; tables can, but not so."""
    if not can_sample(fitted):
        raise ValueError(
            f"fitted is {given(fitted)}; it must be a fitted model with sample(n, rng)"
        )


def check_emit(fitted: Any, n: Any, rng: Any) -> None:
    """Raise ValueError unless ``n`` points can be drawn with a fitted model."""
    check_generator(fitted)
    check_sampling(n, rng)


def refuse(fitted: Any, policy: Any, wanted: str) -> NoReturn:
    """Raise ValueError: the parameters of a model cannot be changed.

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
            f"fitted is {named(fitted)}; {name} changes the model itself: put {name} "
            f"before {earlier}"
        )
    raise ValueError(f"fitted is {given(fitted)}; {name} {wanted}")


def named(fitted: Any) -> str:
    """Say what a generator is, for messages."""
    if isinstance(fitted, Drawn):
        return f"what {type(fitted.policy).__name__} makes of {named(fitted.fitted)}"
    return f"a {type(fitted).__name__}"


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
    data = fitted.sample(n, rng)
    if isinstance(data, Summary):
        raise ValueError(
            f"{type(policy).__name__} chooses among points; of {named(fitted)} it is "
            f"given {type(data).__name__}, where they are gone. Build the model so "
            'that it draws points, most with law="literal"'
        )
    what = f"what {type(fitted).__name__}.sample(n, rng) returned"
    points = numeric(what, data)
    if points.ndim < 2 or points.shape[1] != n:
        raise ValueError(
            f"{what} has shape {points.shape}; needed is (chains, {n}, ...)"
        )
    return points


def chosen(points: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Return the points at some places: indices of shape ``(chains, n)``."""
    return np.asarray(points[np.arange(len(points))[:, None], places])
