"""Generations of autoencoders on digits: the arms of chapter 07, run and kept.

An *arm* is one way to pass images from a generation to the next. A run writes one
small file per generation; a run that was cut short goes on from what is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib import regimes
from collapse_lib.data.digits import mnist
from collapse_lib.models.vae.images import Images
from collapse_lib.models.vae.model import VAE, FittedVAE
from collapse_lib.recursion.loop import recurse
from collapse_lib.regimes import Regime
from collapse_lib.studies.records import (
    Recorder,
    Records,
    generation_file,
    kept_in,
    load_fit,
    save_fit,
    write_text,
)


@dataclass(frozen=True)
class Arm:
    """One way from a generation to the next.

    Parameters
    ----------
    label
        What to call it in a figure.
    pixels, supply
        See `collapse_lib.models.vae.model.VAE`.
    real
        Share of real images in every training set, drawn anew from them.
    """

    label: str
    pixels: str = "mean"
    supply: str = "endless"
    real: float = 0.0

    @property
    def regime(self) -> Regime:
        """What the next generation trains on."""
        if not self.real:
            return regimes.Replace()
        return regimes.Mix(alpha=1 - self.real, gamma=self.real)


#: The released code's arm, and what it could have been compared with.
ARMS = {
    "paper": Arm("fresh grey images"),
    "finite": Arm("one set of grey images", supply="finite"),
    "binary": Arm("fresh sampled pixels", pixels="binary"),
    "finite-binary": Arm("one set, sampled pixels", pixels="binary", supply="finite"),
    "tenth-real": Arm("10 % real images", real=0.1),
}
#: The model settings in a chapter's configuration.
SETTINGS = ("capacity", "epochs", "batch", "learning_rate")
#: Keys that may grow without making records worthless.
GROWS = ("generations", "seeds", "arms", "arm_generations", "arm_seeds")
#: How many replicates, and generations of each, claim C29 needs, which come first (the
#: paper counts a generation less).
CLAIMED = (3, 5)
#: Generations whose decoder is kept in the other arms.
SOME = (1, 2, 5, 10)


class TimeUp(Exception):
    """The time given to a run is over; what it has is stored."""


class Reached(Exception):
    """A lineage has reached the generation at which others come first."""


@dataclass
class Clock:
    """Ends a run between two fits.

    Parameters
    ----------
    deadline
        Value of ``time.monotonic()`` from which on no further fit begins. The first
        fit always does, so that every call gets somewhere.
    """

    deadline: float = float("inf")
    n_fits: int = 0

    def check(self) -> None:
        """Raise `TimeUp` if another fit must not begin."""
        if self.n_fits and time.monotonic() > self.deadline:
            raise TimeUp
        self.n_fits += 1


@dataclass(frozen=True)
class KnownFirst:
    """A model whose first fit is known: to ``real`` it fitted ``first``.

    All arms of one replicate share generation 0, which is trained once. Generations
    after ``until`` are left for later: `Reached` is raised instead of fitting them.
    """

    model: VAE
    real: Images
    first: FittedVAE
    clock: Clock = field(default_factory=Clock)
    until: float = float("inf")

    @property
    def event_ndim(self) -> int:
        """An image has two axes."""
        return 2

    def __repr__(self) -> str:
        """Name the recipe: the weights follow from it and the data."""
        return repr(self.model)

    def fit(self, data: Any, rng: np.random.Generator) -> FittedVAE:
        """Return the known fit for the known data, else fit."""
        if data is self.real:
            return replace(self.first, model=self.model)
        if data.depth.max() > self.until:
            raise Reached
        self.clock.check()
        return self.model.fit(data, rng)


def plan(config: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Return the runs of a configuration: arm, replicate, generation to reach.

    The paper's arm comes first, as far as its claims need it, then one replicate of
    every other arm, so that a run cut short has what matters most.
    """
    seeds, first = CLAIMED
    runs = []
    if config["seeds"] >= seeds and config["generations"] > first:
        runs = [("paper", seed, first) for seed in range(seeds)]
    runs += [("paper", seed, last(config, "paper")) for seed in range(config["seeds"])]
    return runs + [
        (arm, seed, last(config, arm))
        for seed in range(config["arm_seeds"])
        for arm in config["arms"]
    ]


def last(config: Mapping[str, Any], arm: str) -> int:
    """Return the last generation of an arm: the paper's own goes further."""
    return int(config["generations" if arm == "paper" else "arm_generations"])


def build(config: Mapping[str, Any], **settings: Any) -> VAE:
    """Return the model of a configuration; ``settings`` name device and precision."""
    return VAE(**{name: config[name] for name in SETTINGS}, **settings)


def run_all(
    config: Mapping[str, Any],
    *,
    seed: int,
    folder: str | Path | None = None,
    minutes: float = float("inf"),
    only: Collection[int] | None = None,
    quiet: bool = True,
    **settings: Any,
) -> Records:
    """Run what is missing of a configuration and return all records.

    Parameters
    ----------
    config
        One of the chapter's ``SCALES``.
    seed
        Of the whole run.
    folder
        Where records and state are kept, to go on from; default: nowhere.
    minutes
        When to stop. Generations finished until then are kept in ``folder``.
    only
        Replicates to run, so that several processes can share the work; default: all.
    quiet
        Whether to print nothing after each generation.
    settings
        Of the model: device, precision, cuda_graph.

    Raises
    ------
    ValueError
        If the folder holds records of another configuration, or ``only`` names a
        replicate that the configuration does not have.
    TimeUp
        If the minutes are over; call again to go on.
    """
    runs = plan(config)
    check_only(only, sorted({replicate for _, replicate, _ in runs}), "replicate")
    with kept_in(folder) as kept:
        claim_folder(kept, {**config, "seed": seed})
        clock = Clock(time.monotonic() + 60 * minutes)
        run = _Run(kept, config, seed, build(config, **settings), clock, quiet)
        for arm, replicate, until in runs:
            if only is None or replicate in only:
                run.arm(arm, replicate, until)
        # It may hold more, for example a replicate that is to be added later.
        return Records.read(kept, only={run[:2] for run in runs})


def check_only(only: Collection[Any] | None, known: Collection[Any], what: str) -> None:
    """Raise a ValueError if ``only`` names what a configuration does not have."""
    unknown = [name for name in only or () if name not in known]
    if unknown:
        raise ValueError(
            f"no {what} {', '.join(map(str, unknown))}; this configuration has "
            f"{', '.join(map(str, known))}"
        )


def claim_folder(
    folder: Path, config: Mapping[str, Any], grows: Collection[str] = GROWS
) -> None:
    """Make a folder for the records of one configuration, or check that it is its.

    Parameters
    ----------
    folder
        Where they are, or will be.
    config
        The configuration, with its seed.
    grows
        Keys that may differ: what they add goes on from what is there.

    Raises
    ------
    ValueError
        If it holds records of another configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    wanted = json.loads(json.dumps(dict(config)))
    if not path.exists():
        write_text(path, json.dumps(wanted, indent=1, sort_keys=True))
    found = json.loads(path.read_text(encoding="utf-8"))
    odd = sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k))
    odd = [key for key in odd if key not in grows]
    if odd:
        raise ValueError(
            f"{folder} holds records of another configuration (different: "
            f"{', '.join(odd)}); use another folder, or delete it to start again"
        )


@dataclass
class _Run:
    """One call of `run_all`."""

    folder: Path
    config: Mapping[str, Any]
    seed: int
    model: VAE
    clock: Clock
    quiet: bool

    def __post_init__(self) -> None:
        images = mnist(self.config["digits"]).images
        if len(images) < self.config["n_real"]:
            raise ValueError(
                f"n_real is {self.config['n_real']}; mnist({self.config['digits']!r}) "
                f"has {len(images)}"
            )
        self.real = Images.of(images[: self.config["n_real"]])

    def arm(self, name: str, replicate: int, until: int) -> None:
        """Run one arm of one replicate to a generation, if it is not there yet."""
        own = self.folder / f"{name}-{replicate}"
        if (own / generation_file(until)).exists():
            return
        arm = ARMS[name]
        reference = self.reference(replicate)
        model = replace(self.model, pixels=arm.pixels, supply=arm.supply)
        # Sets of stored images are large; only these checkpoints are.
        large = bool(arm.supply == "finite" or arm.real)
        state = self.folder / "work" if large else self.folder
        state.mkdir(exist_ok=True)
        checkpoint = state / f"checkpoint-{name}-{replicate}.npz"
        with suppress(Reached):
            recurse(
                KnownFirst(model, self.real, reference, self.clock, until),
                self.real,
                regime=arm.regime,
                n_samples=self.real.size,
                n_generations=last(self.config, name),
                measure={"depth": self.recorder(own, reference, name, replicate)},
                rng=np.random.default_rng(
                    [self.seed + 2, replicate, list(ARMS).index(name)]
                ),
                checkpoint=checkpoint,
            )
            checkpoint.unlink(missing_ok=True)

    def reference(self, replicate: int) -> FittedVAE:
        """Return the fit to real images that all arms of a replicate begin with."""
        path = self.folder / f"reference-{replicate}.npz"
        if not path.exists():
            self.clock.check()
            rng = np.random.default_rng([self.seed, replicate])
            save_fit(path, self.model.fit(self.real, rng))
        return load_fit(path, self.model)

    def recorder(
        self, folder: Path, reference: FittedVAE, name: str, replicate: int
    ) -> Recorder:
        """Return what measures and keeps each generation."""
        every = range(self.config["generations"] + 1) if name == "paper" else SOME
        return Recorder(
            folder,
            reference,
            self.seed + 1 + replicate,
            n_images=self.config["n_images"],
            n_kept=self.config["n_kept"],
            decoders_at=() if replicate else every,
            quiet=self.quiet,
        )


def fastest_settings() -> dict[str, Any]:
    """Return the device and precision to use on this machine."""
    import torch

    if torch.cuda.is_available():
        return {"device": "cuda", "precision": "tf32"}
    return {"device": "cpu"}
