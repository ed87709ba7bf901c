"""Several models write for one pool, and each learns from its share of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count
from collapse_lib.models.tracked import Labelled
from collapse_lib.regimes.base import Regime, Step, Turn, refuse_turn
from collapse_lib.samples import Summary


@dataclass(frozen=True)
class Ecosystem(Regime):
    """Replace the data by a random share of what several models wrote together.

    Chains that follow each other are the models of one world: the first ``models``
    chains, the next ``models``, and so on. Each model writes ``n`` points; all points
    of a world are shuffled and dealt out again, ``n`` to each model.

    Parameters
    ----------
    models
        Number of models in a world; 1 is `Replace`.

    Raises
    ------
    ValueError
        If it is no positive integer; in a run, if the chains are no multiple of it, or
        the points themselves are gone.

    Notes
    -----
    How slowly a world loses its variety: `theory.discrete.ecosystem_after`. That an
    ecosystem of models delays collapse is Hodel and West (2025).

    Examples
    --------
    >>> from collapse_lib import models, recurse
    >>> history = recurse(
    ...     models.Categorical(5, law="literal"),
    ...     models.FittedCategorical.of([0.2] * 5, law="literal"),
    ...     regime=Ecosystem(models=3),
    ...     n_samples=10,
    ...     n_generations=2,
    ...     chains=6,
    ...     measure={"left": lambda fit: (fit.p > 0).sum(axis=1)},
    ...     rng=np.random.default_rng(0),
    ... )
    >>> history.array("left").shape
    (3, 6)
    """

    models: int

    def __post_init__(self) -> None:
        """Check the number of models."""
        super().__post_init__()
        check_count("models", self.models, least=1)

    def next(self, turn: Turn) -> Step:
        """Return each model's share of what all models of its world wrote."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        if turn.real.chains % self.models:
            raise ValueError(
                f"chains is {turn.real.chains} and models is {self.models}; every "
                "world needs all its models: let chains be a multiple of models"
            )
        written = self.synthetic(turn, turn.n)
        if isinstance(written, Labelled):
            places = self._dealt(written.source.shape, turn.rng)
            shared = Labelled(
                written.size,
                _dealt_out(written.points, places),
                _dealt_out(written.source, places),
            )
            return Step(shared)
        if isinstance(written, Summary):
            raise ValueError(
                f"Ecosystem deals out points; of {type(turn.fitted).__name__} it is "
                f"given {type(written).__name__}, where they are gone. Build the model "
                'so that it draws points, most with law="literal"'
            )
        places = self._dealt(written.shape[:2], turn.rng)
        return Step(_dealt_out(written, places))

    def _dealt(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return a random order of all places of each world: ``(worlds, places)``."""
        chains, n = shape
        order = np.arange(self.models * n)
        return rng.permuted(np.tile(order, (chains // self.models, 1)), axis=1)


def _dealt_out(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Return values ``(chains, n, ...)`` in another order within each world."""
    worlds = values.reshape(*places.shape, *values.shape[2:])
    dealt = worlds[np.arange(len(places))[:, None], places]
    return np.asarray(dealt.reshape(values.shape))
