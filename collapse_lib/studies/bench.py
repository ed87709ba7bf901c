"""Every mitigation on one bench: the study of chapter 19."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_count, check_keys, given
from collapse_lib.declared import declared
from collapse_lib.recursion.history import Arms, History
from collapse_lib.recursion.loop import recurse
from collapse_lib.studies import study
from collapse_lib.studies.study import Config, Experiment, First, Lineage, Record, Study
from collapse_lib.studies.worlds import World, world

#: Resamples of a standard error, of blocks of so many chains: models of an ecosystem
#: that learn from each other are not independent.
RESAMPLES, TOGETHER = 400, 5


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
    """

    policy: Callable[[World], dict[str, Any]] | None = None
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the policy and the needs."""
        super().__post_init__()
        if isinstance(self.policy, type) or not callable(self.policy):
            raise ValueError(
                f"policy is {given(self.policy)}; it must be a function world -> "
                "world.loop(regime, ...)"
            )
        listed = isinstance(self.needs, (tuple, list))
        if not listed or not all(isinstance(need, str) for need in self.needs):
            raise ValueError(
                f"needs is {given(self.needs)}; it must be a tuple of texts, such as "
                "('labels',)"
            )
        object.__setattr__(self, "needs", tuple(self.needs))

    def lacks(self, place: World) -> str:
        """Return why it cannot be tried in a world; empty if it can."""
        if not isinstance(place, World):
            raise ValueError(f"place is {given(place)}; it must be a World")
        return "; ".join(
            place.lacks[need] for need in self.needs if need in place.lacks
        )


@dataclass(frozen=True)
class Bench(Study):
    """All mitigations in one world, side by side, from the same real samples.

    A configuration has ``world``, ``temperature``, ``chains`` and ``generations``.
    """

    arms: Mapping[str, Arm]

    grows = ("generations",)

    @declared
    def plan(self, config: Config) -> list[Lineage]:
        """Return one lineage of each arm that the world has what it needs for."""
        place, last = _world(config), config["generations"]
        check_count("generations", last, least=1)
        names = [name for name, arm in self.arms.items() if not arm.lacks(place)]
        return [Lineage(name, 0, last) for name in names]

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
        found = {}
        for arm, replicate, last in self.plan(config):
            arguments = loops.lineage(arm, replicate, lambda: None)
            history = recurse(**arguments, n_generations=last, progress=False)
            found[arm] = replace(history, attrs={"replicates": [replicate]})
        return History.of_arms(found)


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


class Outcome(NamedTuple):
    """What became of a mitigation in a world.

    Parameters
    ----------
    ratio, se
        Median loss in the end over that of never training again, and its error.
    own, own_se
        The same over the arm's own first fit, and its error.
    used
        Points that the last fit was given, in units of a first training set.
    """

    ratio: float
    se: float
    own: float
    own_se: float
    used: float


@declared
def outcomes(history: Arms, plain: str = "replace") -> dict[str, Outcome]:
    """Return what became of each arm, relative to never training again.

    Parameters
    ----------
    history
        What `Bench.run` returned.
    plain
        The arm whose first fit is "never train again".

    Raises
    ------
    ValueError
        If there are fewer than ten chains: errors are of blocks of five.

    Returns
    -------
    dict
        Name of an arm -> `Outcome`. Errors by resampling chains, paired.
    """
    never = history.arm(plain).array("loss")[0]
    if len(never) < 2 * TOGETHER:
        raise ValueError(
            f"history has {len(never)} chains; standard errors need {2 * TOGETHER}"
        )
    rng = np.random.default_rng(len(never))
    blocks = np.arange(len(never) // TOGETHER * TOGETHER).reshape(-1, TOGETHER)
    drawn = rng.integers(len(blocks), size=(RESAMPLES, len(blocks)))
    places = blocks[drawn].reshape(RESAMPLES, -1)
    found = {}
    for name in history.arms:
        arm = history.arm(name)
        loss = arm.array("loss")
        ratio, se = _ratio(loss[-1], never, places)
        own, own_se = _ratio(loss[-1], loss[0], places)
        used = float(arm.array("used")[-1].mean())
        found[name] = Outcome(ratio, se, own, own_se, used)
    return found


def _ratio(
    above: NDArray[np.float64], below: NDArray[np.float64], places: NDArray[np.int64]
) -> tuple[float, float]:
    """Return a ratio of medians over chains, and its standard error."""
    drawn = np.median(above[places], axis=1) / np.median(below[places], axis=1)
    return float(np.median(above) / np.median(below)), float(drawn.std(ddof=1))
