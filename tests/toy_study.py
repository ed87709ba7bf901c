"""A study that takes milliseconds, for tests of the engine. Processes import it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib import files
from collapse_lib.models import FittedGaussian, Gaussian
from collapse_lib.regimes import Accumulate
from collapse_lib.studies.study import Arm, Config, Experiment, First, Lineage, Study

CONFIG: dict[str, Any] = {"n": 20, "generations": 3, "seeds": 2, "unit": 1.0}
ARMS = {
    "replace": Arm("nothing is kept"),
    "accumulate": Arm("everything is kept", regime=Accumulate()),
}
#: The environment variable that says when to die, and where it is noted.
DIE = "TOY_STUDY_DIES"


@dataclass(frozen=True)
class Toy(Study):
    """Normal distributions, each fitted to what the one before drew."""

    #: Only the order of work: it decides no number.
    staged: bool = field(default=False, compare=False)
    grows = ("generations", "seeds")

    def plan(self, config: Config) -> list[Lineage]:
        last, seeds = config["generations"], range(config["seeds"])
        early = [Lineage("replace", seed, 1) for seed in seeds] if self.staged else []
        return early + [Lineage(arm, seed, last) for arm in self.arms for seed in seeds]

    def build(
        self, config: Config, *, seed: int, folder: Path, **settings: Any
    ) -> Experiment:
        _die_while_writing()
        return _Toy(tuple(self.arms), self, config, seed, **settings)


@dataclass(frozen=True)
class _Toy(Experiment):
    names: tuple[str, ...]
    study: Toy
    config: Config
    seed: int
    note: Path | None = None

    def first(self, replicate: int) -> First:
        real = np.random.default_rng([1, replicate]).normal(size=(1, self.config["n"]))
        rng = np.random.default_rng([self.seed, replicate])
        return First(self.model("first"), real, rng, FittedGaussian)

    def lineage(
        self, arm: str, replicate: int, first: Callable[[], Any]
    ) -> dict[str, Any]:
        place = self.names.index(arm)
        return {
            "model": self.model(f"{arm}-{replicate}"),
            "first": first(),
            "real": self.first(replicate).data,
            "regime": self.study.arms[arm].regime,
            "n_samples": self.config["n"],
            "measure": lambda generation: {
                "sigma": generation.fitted.sigma,
                "both": np.stack([generation.fitted.mu, generation.first.mu], axis=1),
            },
            "rng": np.random.default_rng([self.seed, replicate, place]),
        }

    def model(self, name: str) -> Any:
        return _Noted(Gaussian(), name, self.note)

    def say(self, measured: Any) -> str:
        return f"sigma {measured['sigma'][0]:.2f}"


@dataclass(frozen=True)
class _Noted:
    """A model that notes its fits in a file, and may kill its process."""

    model: Gaussian
    name: str
    note: Path | None = field(compare=False)
    event_ndim = 0

    def __repr__(self) -> str:
        return repr(self.model)

    def fit(self, data: Any, rng: np.random.Generator) -> Any:
        _die("fit")
        if self.note is not None:
            with self.note.open("a") as file:
                file.write(f"{self.name} {os.getpid()}\n")
        return self.model.fit(data, rng)


def _die(what: str) -> None:
    """Count down to the moment at which to be killed, as a power cut would."""
    kind, _, left = os.environ.get(DIE, "").partition(" ")
    if kind != what:
        return
    if int(left) == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    os.environ[DIE] = f"{kind} {int(left) - 1}"


def _die_while_writing() -> None:
    """Let the process be killed with half a file on the disk, if it is asked to."""
    if not os.environ.get(DIE, "").startswith("write"):
        return

    def killed(handle: int) -> None:
        _die("write")

    files.whole.os.fsync = killed  # type: ignore[attr-defined]


if __name__ == "__main__":
    import sys

    Toy(ARMS).run(CONFIG, seed=5, folder=sys.argv[1])
