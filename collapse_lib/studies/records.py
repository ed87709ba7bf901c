"""What is measured in each generation of chapter 07's autoencoders, on disk."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.book import results
from collapse_lib.metrics.images import measure_images, measure_latents
from collapse_lib.models.vae.model import VAE, FittedVAE

FILE = re.compile(r"(?P<arm>[a-z-]+)-(?P<seed>\d+)/generation-(?P<generation>\d+)\.npz")


@dataclass
class Recorder:
    """Measure a generation and write what is worth keeping to ``folder``.

    All measurements are of decoder means, so that arms can be compared; an arm with
    sampled pixels is measured on its sampled pixels as well (names ``drawn_...``).

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
    quiet
        Whether to print nothing.
    """

    folder: Path
    reference: FittedVAE
    seed: int
    n_images: int
    n_kept: int
    decoders_at: Collection[int] = ()
    quiet: bool = True

    def __call__(self, fitted: FittedVAE) -> NDArray[np.int64]:
        """Measure a model of one chain, store, return its depth."""
        depth = int(fitted.depth[0])
        arrays = self.measure(fitted, depth)
        write_arrays(self.folder / generation_file(depth), arrays)
        if not self.quiet:
            print(
                f"{self.folder.name} generation {depth}: "
                f"loss {fitted.losses[0, -1]:.1f}, "
                f"latent sigma {arrays['latent_sigma']:.3f}, "
                f"peak {arrays['latent_peaks'].mean():.3f}",
                flush=True,
            )
        return fitted.depth

    def measure(self, fitted: FittedVAE, depth: int) -> dict[str, Any]:
        """Return everything to be stored of one generation."""
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
        return arrays


@dataclass(frozen=True)
class Records:
    """The stored generations of all arms and replicates.

    Parameters
    ----------
    arrays
        (arm, replicate) -> one dictionary of arrays per generation, from 0 on.
    """

    arrays: Mapping[tuple[str, int], list[Mapping[str, NDArray[Any]]]]

    @classmethod
    def read(
        cls, folder: str | Path, only: Collection[tuple[str, int]] | None = None
    ) -> Records:
        """Read all generations below a folder.

        Parameters
        ----------
        folder
            Where a run was stored.
        only
            Arms and replicates to read, for example without one that is not finished;
            default: all.

        Raises
        ------
        ValueError
            If there is none, or one is missing before a later one.
        """
        found: dict[tuple[str, int], dict[int, Path]] = {}
        for path in sorted(Path(folder).glob("*/generation-*.npz")):
            match = FILE.fullmatch(path.relative_to(folder).as_posix())
            if match is None:
                continue
            run = match["arm"], int(match["seed"])
            if only is None or run in only:
                found.setdefault(run, {})[int(match["generation"])] = path
        if not found:
            raise ValueError(f"{folder} holds no files <arm>-<n>/generation-<n>.npz")
        for (arm, seed), paths in found.items():
            gaps = set(range(max(paths))) - set(paths)
            if gaps:
                raise ValueError(f"{arm}-{seed} lacks generations {sorted(gaps)}")
        return cls(
            {
                run: [read_arrays(paths[t]) for t in sorted(paths)]
                for run, paths in found.items()
            }
        )

    def replicates(self, arm: str) -> list[int]:
        """Return the replicates of an arm."""
        seeds = sorted(seed for name, seed in self.arrays if name == arm)
        if not seeds:
            known = ", ".join(sorted({name for name, _ in self.arrays}))
            raise ValueError(f"no arm {arm!r}; there are {known}")
        return seeds

    def of(
        self, arm: str, metric: str, n_generations: int | None = None
    ) -> NDArray[Any]:
        """Return a measurement of all replicates that have enough generations.

        Parameters
        ----------
        arm
            One of `collapse_lib.studies.autoencoders.ARMS`.
        metric
            A name from the files.
        n_generations
            Generations after 0; default: as many as every replicate has.

        Returns
        -------
        ndarray
            Shape ``(replicates, n_generations + 1, ...)``.
        """
        runs = [self.arrays[arm, seed] for seed in self.replicates(arm)]
        last = min(map(len, runs)) - 1 if n_generations is None else n_generations
        long = [run[: last + 1] for run in runs if len(run) > last]
        if not long:
            raise ValueError(f"no replicate of {arm!r} has {last} generations")
        return np.array([[record[metric] for record in run] for run in long])


def save_fit(path: Path, fitted: FittedVAE) -> None:
    """Store the weights and losses of a fit."""
    names = [f.name for f in fields(fitted) if f.name != "model"]
    write_arrays(path, {name: getattr(fitted, name) for name in names})


def load_fit(path: Path, model: VAE) -> FittedVAE:
    """Read a fit that `save_fit` stored; ``model`` is how it was made."""
    arrays = read_arrays(path)
    names = [f.name for f in fields(FittedVAE) if f.name != "model"]
    return FittedVAE(**{name: arrays[name] for name in names}, model=model)


def note_call(folder: Path, settings: Mapping[str, Any], seconds: float) -> None:
    """Keep what a call trained with, and how long, in a file ``calls-*.json``.

    Several processes may share a folder and end at the same moment.
    """
    path = folder / f"calls-{time.time_ns()}-{os.getpid()}.json"
    call = {
        "settings": dict(settings),
        "device": results.device(),
        "versions": results.versions(),
        "seconds": round(seconds, 1),
    }
    write_text(path, json.dumps([call], indent=1))


def trained_on(folder: Path) -> str:
    """Say in one line where the records of a folder were trained, how, and how long.

    The time is the sum over calls, also of those that ran side by side.
    """
    files = sorted(folder.glob("calls*.json"))
    if not files:
        return results.device()
    calls = [call for file in files for call in json.loads(file.read_text("utf-8"))]
    places = {
        f"{call['device']}, torch {call['versions']['torch']}, "
        f"{call['settings']['precision']}"
        for call in calls
    }
    seconds = sum(call["seconds"] for call in calls)
    return f"{'; '.join(sorted(places))}: {seconds:,.0f} s"


@contextmanager
def kept_in(folder: str | Path | None) -> Iterator[Path]:
    """Lend the folder of a run: the named one, or one that is deleted at the end."""
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


def number_name(arm: str, metric: str = "") -> str:
    """Return the name of an arm's metric among the numbers of a run.

    Examples
    --------
    >>> number_name("tenth-real", "recall")
    'tenth_real_recall'
    """
    return "_".join([arm.replace("-", "_"), metric]).rstrip("_")


def generation_file(generation: int) -> str:
    """Return the name of a generation's file."""
    return f"generation-{generation:02d}.npz"


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an npz file so that a reader never sees half of it."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    _write(path, buffer.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a reader never sees half of it."""
    _write(path, (text + "\n").encode())


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read a file of `write_arrays`."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
