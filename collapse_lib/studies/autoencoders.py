"""Generations of autoencoders on digits: the study of chapter 07."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib.checks import check_choice, check_count, check_keys, given
from collapse_lib.data.digits import mnist
from collapse_lib.declared import declared
from collapse_lib.metrics.images import measure_images, measure_latents
from collapse_lib.models.vae.images import Images
from collapse_lib.models.vae.model import PIXELS, SUPPLIES, VAE, FittedVAE
from collapse_lib.recursion.generation import Generation
from collapse_lib.studies import study
from collapse_lib.studies.study import Config, Experiment, First, Lineage, Record, Study

#: The model settings in a chapter's configuration.
SETTINGS = ("capacity", "epochs", "batch", "learning_rate")
#: What a plan is made of.
PLANNED = ("seeds", "generations", "arms", "arm_seeds", "arm_generations")


@dataclass(frozen=True)
class Arm(study.Arm):
    """One way from a generation of autoencoders to the next.

    Parameters
    ----------
    label, regime
        See `collapse_lib.studies.study.Arm`.
    pixels, supply
        See `collapse_lib.models.vae.model.VAE`.
    """

    pixels: str = "mean"
    supply: str = "endless"

    def __post_init__(self) -> None:
        """Check the regime, and what the model is told."""
        super().__post_init__()
        check_choice("pixels", self.pixels, PIXELS)
        check_choice("supply", self.supply, SUPPLIES)


@dataclass(frozen=True)
class Autoencoders(Study):
    """Autoencoders trained on each other's digits.

    A configuration has ``seeds`` replicates of the first arm, with ``generations``, and
    ``arm_seeds`` of each of ``arms``, with ``arm_generations``.

    Parameters
    ----------
    arms
        Name -> `Arm`; the first is the paper's own.
    claimed
        How many replicates of it, and generations of each, its claims need: in large
        runs they come before all others, so that a run cut short has them.
    """

    arms: Mapping[str, Arm]
    claimed: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check the arms, and what its claims need."""
        super().__post_init__()
        pair = self.claimed if isinstance(self.claimed, (tuple, list)) else ()
        if len(pair) != 2:
            raise ValueError(
                f"claimed is {given(self.claimed)}; it must be a pair: how many "
                "replicates, and generations of each"
            )
        for number in pair:
            check_count("claimed", number, least=0)

    grows = ("generations", "seeds", "arms", "arm_generations", "arm_seeds")

    @declared
    def plan(self, config: Config) -> list[Lineage]:
        """Return the lineages: the paper's arm, then one replicate of every other."""
        check_keys("config", config, *PLANNED)
        own, (seeds, needed) = next(iter(self.arms)), self.claimed
        runs = []
        if config["seeds"] >= seeds and config["generations"] > needed:
            runs = [Lineage(own, seed, needed) for seed in range(seeds)]
        last, arm_last = config["generations"], config["arm_generations"]
        runs += [Lineage(own, seed, last) for seed in range(config["seeds"])]
        return runs + [
            Lineage(arm, seed, arm_last)
            for seed in range(config["arm_seeds"])
            for arm in config["arms"]
        ]

    @declared
    def precision(self, settings: Mapping[str, Any]) -> str:
        """Return the precision of fits: on a GPU tf32, if no other is asked for."""
        on_cpu = settings.get("device", "cpu") == "cpu"
        usual = {"precision": "float32" if on_cpu else "tf32"}
        return super().precision({**usual, **settings})

    @declared
    def build(
        self, config: Config, *, seed: int, folder: Path, **settings: Any
    ) -> Experiment:
        """Return the experiment; ``settings`` are the model's, as its device."""
        check_keys("config", config, "digits", "n_real", "n_images", "n_kept")
        check_count("seed", seed, least=0)
        images = mnist(config["digits"]).images
        if len(images) < config["n_real"]:
            raise ValueError(
                f"n_real is {config['n_real']}; mnist({config['digits']!r}) has "
                f"{len(images)}"
            )
        settings["precision"] = self.precision(settings)
        real, model = Images.of(images[: config["n_real"]]), vae(config, **settings)
        return _Digits(self.arms, config, seed, model, real)


@declared
def vae(config: Config, **settings: Any) -> VAE:
    """Return the model of a configuration; ``settings`` name device and precision."""
    check_keys("config", config, *SETTINGS)
    return VAE(**{name: config[name] for name in SETTINGS}, **settings)


def fastest_settings() -> dict[str, Any]:
    """Return the device to use on this machine."""
    import torch

    return {"device": "cuda" if torch.cuda.is_available() else "cpu"}


@dataclass(frozen=True)
class _Digits(Experiment):
    """Real digits, the model, and what is measured."""

    arms: Mapping[str, Arm]
    config: Config
    seed: int
    model: VAE
    real: Images

    def first(self, replicate: int) -> First:
        """Return how the model of real images is trained."""
        rng = np.random.default_rng([self.seed, replicate])
        return First(self.model, self.real, rng, FittedVAE)

    def lineage(
        self, arm: str, replicate: int, first: Callable[[], Any]
    ) -> dict[str, Any]:
        """Return the arguments of `collapse_lib.recurse`."""
        own, place = self.arms[arm], list(self.arms).index(arm)
        model = replace(self.model, pixels=own.pixels, supply=own.supply)
        return {
            "model": model,
            "first": replace(first(), model=model),
            "real": self.real,
            "regime": own.regime,
            "n_samples": self.real.size,
            "measure": _Measure(
                self.seed + 1 + replicate,
                self.config["n_images"],
                self.config["n_kept"],
            ),
            "rng": np.random.default_rng([self.seed + 2, replicate, place]),
        }

    def say(self, measured: Record) -> str:
        """Return loss, spread and peak of the latent variables."""
        return (
            f"loss {measured['losses'][0, -1]:.1f}, "
            f"latent sigma {measured['latent_sigma'][0]:.3f}, "
            f"peak {measured['latent_peaks'].mean():.3f}"
        )


@dataclass(frozen=True)
class _Measure:
    """What is kept of a generation, with a random stream of its own."""

    seed: int
    n_images: int
    n_kept: int

    def __call__(self, generation: Generation) -> Record:
        """Return everything that is kept of a generation.

        All measurements are of decoder means, so that arms can be compared; an arm with
        sampled pixels is measured on its sampled pixels as well (names ``drawn_...``).
        The encoder of generation 0 judges all others' images. The decoder is kept in
        half precision.
        """
        fitted: FittedVAE = generation.fitted
        # By generation, so that a run that was resumed measures the same.
        rng = np.random.default_rng([self.seed, generation.t])
        n, n_kept = self.n_images, self.n_kept
        grey = replace(fitted, model=replace(fitted.model, pixels="mean"))
        images = grey.draw(n, rng)[0]
        latents = generation.first.encode(images)[0]
        arrays: dict[str, Any] = measure_images(images, rng) | measure_latents(latents)
        if fitted.model.pixels == "binary":
            drawn = generation.first.encode(fitted.draw(n, rng)[0])[0]
            arrays |= {f"drawn_{k}": v for k, v in measure_latents(drawn).items()}
        arrays["losses"] = fitted.losses[0]
        arrays["images"] = np.rint(images[:n_kept] * 255).astype(np.uint8)
        arrays["latents"] = latents[:n_kept].astype(np.float16)
        arrays["decoder"] = fitted.decoder[0].astype(np.float16)
        return {name: np.asarray(array)[None] for name, array in arrays.items()}
