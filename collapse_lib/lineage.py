"""Generations of autoencoders on digits: the arms of chapter 07 and their records.

An *arm* is one way to pass images from a generation to the next. A run of an arm
writes one small file per generation, so that a run cut short keeps what it has.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import regimes
from collapse_lib.metrics.latents import latent_peak
from collapse_lib.models.images import Images
from collapse_lib.models.vae import VAE, FittedVAE
from collapse_lib.recursion import recurse
from collapse_lib.regimes import Regime

N_PAIRS = 5_000


@dataclass(frozen=True)
class Arm:
    """One way from a generation to the next.

    Parameters
    ----------
    pixels, supply
        See `collapse_lib.models.vae.VAE`.
    real
        Share of real images in every training set.
    """

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
    "paper": Arm(),
    "finite": Arm(supply="finite"),
    "binary": Arm(pixels="binary"),
    "finite-binary": Arm(pixels="binary", supply="finite"),
    "tenth-real": Arm(real=0.1),
}


class TimeUp(Exception):
    """The time given to a run is over; what it has is stored."""


@dataclass(frozen=True)
class KnownFirst:
    """A model whose first fit is known: to ``real`` it fitted ``first``.

    Arms of one replicate share generation 0, which need not be trained again.
    """

    model: VAE
    real: Images
    first: FittedVAE

    @property
    def event_ndim(self) -> int:
        """An image has two axes."""
        return 2

    def __repr__(self) -> str:
        """Name the recipe: it decides the history, the weights follow from it."""
        return repr(self.model)

    def fit(self, data: Any, rng: np.random.Generator) -> FittedVAE:
        """Return the known fit for the known data, else fit."""
        if data is self.real:
            return replace(self.first, model=self.model)
        return self.model.fit(data, rng)


@dataclass
class Recorder:
    """Measure a generation and write what is worth keeping to ``folder``.

    Parameters
    ----------
    folder
        One file ``generation-NN.npz`` per generation is written here.
    reference
        The fit to real images; its encoder judges all others' images.
    seed
        Randomness of the measurements alone.
    n_images
        Images to measure.
    n_kept
        Images to keep.
    decoders_at
        Depths whose decoder is kept, in half precision.
    deadline
        Value of ``time.monotonic()`` from which on `TimeUp` is raised.
    """

    folder: Path
    reference: FittedVAE
    seed: int
    n_images: int
    n_kept: int
    decoders_at: Collection[int] = ()
    deadline: float = float("inf")

    def __call__(self, fitted: FittedVAE) -> NDArray[np.int64]:
        """Measure a model of one chain, store, return its depth."""
        depth = int(fitted.depth[0])
        # By depth, so that a run that was resumed measures the same.
        rng = np.random.default_rng([self.seed, depth])
        grey = replace(fitted, model=replace(fitted.model, pixels="mean"))
        images = grey.draw(self.n_images, rng)[0]
        latents = self.reference.encode(images)[0]
        arrays: dict[str, Any] = dict(measure_images(images, rng))
        arrays |= measure_latents(latents)
        if fitted.model.pixels == "binary":
            drawn = self.reference.encode(fitted.draw(self.n_images, rng)[0])[0]
            arrays |= {f"drawn_{k}": v for k, v in measure_latents(drawn).items()}
        arrays["losses"] = fitted.losses[0]
        arrays["images"] = np.rint(images[: self.n_kept] * 255).astype(np.uint8)
        arrays["latents"] = latents[: self.n_kept].astype(np.float16)
        if depth in self.decoders_at:
            arrays["decoder"] = fitted.decoder[0].astype(np.float16)
        write_arrays(self.folder / f"generation-{depth:02d}.npz", arrays)
        print(
            f"{self.folder.name} generation {depth}: loss {fitted.losses[0, -1]:.1f}, "
            f"latent sigma {arrays['latent_sigma']:.3f}, "
            f"peak {arrays['latent_peaks'].mean():.3f}",
            flush=True,
        )
        if time.monotonic() > self.deadline:
            raise TimeUp
        return fitted.depth


def measure_images(
    images: NDArray[np.float32], rng: np.random.Generator
) -> dict[str, float]:
    """Return how different images ``(n, 28, 28)`` are from each other.

    Returns
    -------
    dict
        ``pixel_variance``, the variance of a pixel over images, averaged over pixels;
        ``distance``, the mean Euclidean distance of two images.
    """
    flat = images.reshape(len(images), -1)
    first, second = rng.integers(len(flat), size=(2, N_PAIRS))
    apart = np.linalg.norm(flat[first] - flat[second], axis=1)
    return {
        "pixel_variance": float(flat.var(axis=0).mean()),
        "distance": float(apart[first != second].mean()),
    }


def measure_latents(latents: NDArray[np.float32]) -> dict[str, Any]:
    """Return spread and peaks of latent variables ``(n, n_latents)``."""
    flat = latents.astype(np.float64)
    return {
        "latent_mean": float(flat.mean()),
        "latent_sigma": float(flat.std()),
        "latent_sigmas": flat.std(axis=0),
        "latent_sigma_100": float(flat[:100].std()),
        "latent_peaks": latent_peak(flat),
    }


def run_arm(
    arm: Arm,
    model: VAE,
    real: Images,
    reference: FittedVAE,
    recorder: Recorder,
    *,
    n_generations: int,
    seed: list[int],
    checkpoint: Path | None = None,
) -> None:
    """Run one arm of one replicate; `recorder` writes the generations.

    Raises
    ------
    TimeUp
        If the recorder's deadline has passed; call again to go on.
    """
    own = replace(model, pixels=arm.pixels, supply=arm.supply)
    recurse(
        KnownFirst(own, real, reference),
        real,
        regime=arm.regime,
        n_samples=real.size,
        n_generations=n_generations,
        measure={"depth": recorder},
        rng=np.random.default_rng(seed),
        checkpoint=checkpoint,
    )


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an npz file so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(buffer.getvalue())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read a file of `write_arrays`."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def save_fit(path: Path, fitted: FittedVAE) -> None:
    """Store a fit."""
    arrays = {f.name: getattr(fitted, f.name) for f in fields(fitted)}
    settings = asdict(arrays.pop("model"))
    write_arrays(path, {**arrays, "settings": np.array(repr(sorted(settings.items())))})


def load_fit(path: Path, model: VAE) -> FittedVAE:
    """Read a fit of `save_fit` that was made with the same settings.

    Raises
    ------
    ValueError
        If it was made with other settings.
    """
    arrays = read_arrays(path)
    wanted = repr(sorted(asdict(model).items()))
    if str(arrays.pop("settings")) != wanted:
        raise ValueError(
            f"{path} was trained with other settings than {model}; delete it, or use "
            "another folder"
        )
    return FittedVAE(**arrays, model=model)
