"""Every mitigation on one bench: the study of chapter 19."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, check_keys, given
from collapse_lib.claims.estimate import Estimate
from collapse_lib.declared import declared
from collapse_lib.recursion.history import Arms, History
from collapse_lib.recursion.loop import recurse
from collapse_lib.studies import study
from collapse_lib.studies.study import Config, Experiment, First, Lineage, Record, Study
from collapse_lib.studies.world import World
from collapse_lib.studies.worlds import world

#: Resamples of a standard error, of blocks of so many chains: models of an ecosystem
#: that learn from each other are not independent.
RESAMPLES, TOGETHER = 400, 5
#: The arm that begins and goes on with nothing but the world's own model.
PLAIN = "replace"


@dataclass(frozen=True)
class Arm(study.Arm):
    """One mitigation, in any world.

    Parameters
    ----------
    label
        What to call it.
    policy
        ``policy(world)`` returns what `World.loop` does.
    needs
        What it needs that a plain loop does not have, such as ``"labels"``.
    requires
        What a world must have for it, such as ``"steps"`` of training; what it has not
        stands in `World.lacks`.
    """

    policy: Callable[[World], dict[str, Any]] | None = None
    needs: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the policy and the needs."""
        super().__post_init__()
        if isinstance(self.policy, type) or not callable(self.policy):
            raise ValueError(
                f"policy is {given(self.policy)}; it must be a function world -> "
                "world.loop(regime, ...)"
            )
        for name in ("needs", "requires"):
            found = getattr(self, name)
            listed = isinstance(found, (tuple, list))
            if not listed or not all(isinstance(one, str) for one in found):
                raise ValueError(
                    f"{name} is {given(found)}; it must be a tuple of texts, such as "
                    "('labels',)"
                )
            object.__setattr__(self, name, tuple(found))

    def lacks(self, place: World) -> str:
        """Return why it cannot be tried in a world; empty if it can."""
        if not isinstance(place, World):
            raise ValueError(f"place is {given(place)}; it must be a World")
        missing = [one for one in self.requires if one in place.lacks]
        return "; ".join(place.lacks[one] for one in missing)


@dataclass(frozen=True)
class Bench(Study):
    """All mitigations in one world, side by side, from the same real samples.

    A configuration has ``world``, ``temperature``, ``chains`` and ``generations``, and
    may have ``replicates``: so many times the chains, one after the other.
    """

    arms: Mapping[str, Arm]

    grows = ("generations", "replicates")

    @declared
    def plan(self, config: Config) -> list[Lineage]:
        """Return lineages of all arms that the world has what they need for.

        Every arm has its first replicate before any has its second.
        """
        place, last = _world(config), config["generations"]
        check_count("generations", last, least=1)
        repeats = check_count("replicates", config.get("replicates", 1), least=1)
        names = [name for name, arm in self.arms.items() if not arm.lacks(place)]
        return [Lineage(name, r, last) for r in range(repeats) for name in names]

    @declared
    def build(
        self, config: Config, *, seed: int, folder: Path, **settings: Any
    ) -> Experiment:
        """Return the experiment; there are no settings."""
        check_keys("config", config, "chains")
        check_count("seed", seed, least=0)
        chains = check_count("chains", config["chains"], least=1)
        return _Loops(self.arms, _world(config), chains, seed)

    @declared
    def live(self, config: Config, *, seed: int) -> Arms:
        """Return what `run` does, without a file: for what takes seconds."""
        loops = self.build(config, seed=seed, folder=Path())
        found: dict[str, list[History]] = {}
        for arm, replicate, last in self.plan(config):
            arguments = loops.lineage(arm, replicate, lambda: None)
            history = recurse(**arguments, n_generations=last, progress=False)
            found.setdefault(arm, []).append(history)
        return History.of_arms({arm: _together(runs) for arm, runs in found.items()})


def _together(replicates: Sequence[History]) -> History:
    joined = History.join(replicates)
    return replace(joined, attrs={"replicates": list(range(len(replicates)))})


def _world(config: Config) -> World:
    check_keys("config", config, "world", "temperature", "generations")
    return world(config["world"], config["temperature"])


@dataclass(frozen=True)
class _Loops(Experiment):
    """The loops of all arms in one world."""

    arms: Mapping[str, Arm]
    world: World
    chains: int
    seed: int

    def first(self, replicate: int) -> First:
        """Return the world's own first fit."""
        rng = np.random.default_rng([self.seed, replicate])
        data = self.world.people.sample(self.world.n, rng)
        return First(self.world.model, data, rng, object)

    def lineage(
        self, arm: str, replicate: int, first: Callable[[], Any]
    ) -> dict[str, Any]:
        """Return the arguments of `collapse_lib.recurse`.

        All arms have the same random numbers, so that they begin with the same data.
        """
        policy: Any = self.arms[arm].policy
        return {
            **policy(self.world),
            "measure": self.world.measure,
            "chains": self.chains,
            "rng": np.random.default_rng([self.seed, replicate]),
        }

    def say(self, measured: Record) -> str:
        """Return the median loss."""
        return f"loss {np.median(measured['loss']):.3g}"


@declared
def loss_over(history: Arms, arm: str, other: str | None = None) -> Estimate:
    """Return the median loss of an arm in the end over that of another one.

    Parameters
    ----------
    history
        What `Bench.run` returned, of at least five chains.
    arm, other
        Names of arms; without a second one, that of never training again, which is the
        first fit of the arm ``replace``.

    Raises
    ------
    ValueError
        If there are no such arms, or too few chains for a standard error.

    Notes
    -----
    The error is of resampled chains, the same for both arms, in blocks of five: models
    of an ecosystem that learn from each other are not independent. Of fewer than ten
    chains each is a block.
    """
    above = _losses(history, arm)[-1]
    if other is None:
        return _ratio(above, _losses(history, PLAIN)[0])
    return _ratio(above, _losses(history, other)[-1])


@declared
def loss_over_own(history: Arms, arm: str) -> Estimate:
    """Return the median loss of an arm in the end over that of its own first fit.

    Arguments and errors as for `loss_over`.
    """
    loss = _losses(history, arm)
    return _ratio(loss[-1], loss[0])


def _losses(history: Arms, arm: str) -> NDArray[np.float64]:
    """Return the losses of an arm, shape ``(generations, chains)``."""
    if arm not in history.arms:
        raise ValueError(
            f"arm is {given(arm)}; the history has {', '.join(history.arms)}"
        )
    part = history.arm(arm)
    if "loss" not in part.arrays or part.chains < TOGETHER:
        raise ValueError(
            f"history has {', '.join(part.arrays)} of {part.chains} chains; needed is "
            f"the loss of at least {TOGETHER}, as Bench.run measures it"
        )
    return np.asarray(part.array("loss"))


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> Estimate:
    """Return a ratio of medians over chains, with its standard error."""
    rng, chains = np.random.default_rng(len(above)), len(above)
    size = TOGETHER if chains >= 2 * TOGETHER else 1
    n = chains // size
    blocks = np.arange(n * size).reshape(n, size)
    places = blocks[rng.integers(n, size=(RESAMPLES, n))].reshape(RESAMPLES, -1)
    drawn = np.median(above[places], axis=1) / np.median(below[places], axis=1)
    ratio = float(np.median(above) / np.median(below))
    return Estimate(ratio, float(drawn.std(ddof=1)))
