"""What every regime is given, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np

from collapse_lib.checks import given
from collapse_lib.models.base import Fitted
from collapse_lib.models.tracked import FittedTracked
from collapse_lib.samples import Data, RealData, can_sample, draw


@dataclass(frozen=True)
class Turn:
    """What a regime is given when a generation has been fitted.

    Parameters
    ----------
    fitted
        The newest model.
    n
        How many points the next generation asks for.
    real
        The real data.
    memory
        What the regime handed back last time (at first, what ``start`` returned).
    rng
        Source of randomness.
    """

    fitted: Fitted
    n: int
    real: RealData
    memory: Data | None
    rng: np.random.Generator

    @property
    def remembered(self) -> Data:
        """The memory of a regime that always has one.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.memory is None:
            raise ValueError(
                "the regime remembers nothing: let start(first) return data"
            )
        return self.memory


def refuse_turn(turn: Any) -> NoReturn:
    """Raise ValueError: it is no `Turn`, which is looked at in every generation."""
    raise ValueError(
        f"turn is {given(turn)}; it must be a regimes.Turn, as the loop makes one"
    )


@dataclass(frozen=True)
class Step:
    """What a regime hands back.

    Parameters
    ----------
    training
        What the next generation is fitted to: shape ``(chains, n, ...)``, or a summary.
    memory
        What the regime is given with the next turn.
    """

    training: Data
    memory: Data | None = None


@dataclass(frozen=True)
class Regime:
    """Base of all regimes: a policy is a subclass with a method ``next``.

    Parameters
    ----------
    bias
        ``bias(fitted)`` returns the generator to sample from instead of the fitted
        model itself, for example `Temperature`. Default: no bias.
    """

    bias: Callable[[Any], Fitted] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Check the bias."""
        wrong = isinstance(self.bias, type) or not callable(self.bias)
        if self.bias is not None and wrong:
            raise ValueError(
                f"bias is {given(self.bias)}; it must be a function fitted -> fitted, "
                "for example regimes.Temperature(0.9), or None"
            )

    @property
    def needs_first(self) -> bool:
        """Whether later generations train on the first real data set again."""
        return False

    def start(self, first: Data) -> Data | None:
        """Return what the regime must remember of the first training set."""
        return None

    def next(self, turn: Turn) -> Step:
        """Return the next training set and the new memory."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        raise NotImplementedError(f"{type(self).__name__} needs a method next(turn)")

    def synthetic(self, turn: Turn, n: int) -> Data:
        """Draw ``n`` synthetic points per chain, biased if the regime is."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        return draw(self._generator(turn.fitted), n, turn.real.chains, turn.rng)

    def _generator(self, fitted: Any) -> Any:
        """Return what is sampled from: the labels of a tracked model stay outside."""
        if self.bias is None:
            return fitted
        if isinstance(fitted, FittedTracked):
            return replace(fitted, fitted=self._generator(fitted.fitted))
        generator = self.bias(fitted)
        if not can_sample(generator):
            raise ValueError(
                f"bias returned {given(generator)}; it must return a generator with "
                "sample(n, rng), as the fitted model it is given has"
            )
        return generator
