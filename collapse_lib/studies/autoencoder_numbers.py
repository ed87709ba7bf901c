"""The numbers of chapter 07, computed from the records of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from collapse_lib.metrics.digit_classifier import Seen, classify
from collapse_lib.metrics.images import (
    PER_GROUP,
    class_entropy,
    confidence,
    coverage,
    frechet_distance,
    latent_density,
    pixel_entropy,
    precision,
    recall,
)
from collapse_lib.models.vae.images import SIDE
from collapse_lib.studies.records import Records, number_name

#: Where densities of latent variables are stored.
GRID = np.linspace(-3, 3, 121)
#: What is recorded of a generation's images and latents as they are.
PLAIN = ("latent_sigma", "latent_sigma_100", "pixel_variance", "distance")


def summarise(records: Records, real: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Return every number of every arm.

    Parameters
    ----------
    records
        What the runs stored.
    real
        Real images ``(n, 28, 28)`` to compare with; as many are taken as were kept of
        a generation.

    Returns
    -------
    dict
        As `number_name` names it, shape ``(replicates, generations + 1)``, and for the
        arm *paper* the latent density on `GRID`, averaged over replicates, shape
        ``(generations + 1, 121)``.
    """
    seen = _look(records, np.asarray(real, dtype=np.float32))
    numbers: dict[str, NDArray[np.float64]] = {}
    for arm in sorted({name for name, _ in records.arrays}):
        runs = [records.arrays[arm, seed] for seed in records.replicates(arm)]
        last = min(map(len, runs))
        rows = [[measure(record, seen) for record in run] for run in runs]
        for metric in rows[0][0]:
            values = [[row[metric] for row in run[:last]] for run in rows]
            numbers[number_name(arm, metric)] = np.array(values)
        if arm == "paper":
            densities = [[density(record) for record in run[:last]] for run in runs]
            numbers["paper_density"] = np.mean(densities, axis=0)
    return numbers


def measure(record: Mapping[str, Any], real: Seen) -> dict[str, Any]:
    """Return the numbers of one generation.

    Parameters
    ----------
    record
        What a `Recorder` stored.
    real
        What the classifier sees in real images.

    Returns
    -------
    dict
        Name -> number; ``class_shares`` has one for each digit. ``floor`` is the least
        loss of a batch that any model could reach on these images as training data,
        as a mean per image. ``latent_sigma`` is the paper's: of all latent variables
        thrown together, whose means differ; ``latent_spread`` is the root mean square
        over latent variables of the standard deviation of each.
    """
    images = record["images"] / np.float32(255)
    seen = classify(images)
    sets = (real.features, seen.features)
    numbers = {name: float(record[name]) for name in PLAIN}
    return numbers | {
        "latent_spread": float(np.sqrt(np.mean(np.square(record["latent_sigmas"])))),
        "latent_peak": float(record["latent_peaks"].mean()),
        "loss": float(record["losses"][-1]),
        "floor": pixel_entropy(images),
        "class_shares": np.bincount(seen.digits, minlength=10) / len(images),
        "class_entropy": class_entropy(seen.probabilities),
        "confidence": confidence(seen.probabilities),
        "frechet": frechet_distance(*sets),
        "precision": precision(*sets),
        "recall": recall(*sets),
        "coverage": coverage(*sets),
    }


def density(record: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the latent density on `GRID`, averaged over groups of 100 images."""
    latents = np.asarray(record["latents"], dtype=np.float64)
    groups = np.array_split(latents, max(1, len(latents) // PER_GROUP))
    densities = [latent_density(group, GRID)[1] for group in groups]
    return np.asarray(np.mean(densities, axis=0))


def contact_sheet(images: ArrayLike, columns: int) -> NDArray[Any]:
    """Put images ``(n, h, w)`` side by side, ``columns`` in a row.

    Returns
    -------
    ndarray
        Shape ``(rows * h, columns * w)``.

    Raises
    ------
    ValueError
        If the images do not fill whole rows.
    """
    array = np.asarray(images)
    n, height, width = array.shape
    if n % columns:
        raise ValueError(f"{n} images do not fill rows of {columns}")
    grid = array.reshape(n // columns, columns, height, width)
    return grid.swapaxes(1, 2).reshape(n // columns * height, columns * width)


def tiles(sheet: ArrayLike, side: int) -> NDArray[Any]:
    """Take a contact sheet of square images apart: the inverse of `contact_sheet`."""
    array = np.asarray(sheet)
    rows, columns = array.shape[0] // side, array.shape[1] // side
    grid = array.reshape(rows, side, columns, side)
    return grid.swapaxes(1, 2).reshape(rows * columns, side, side)


def _look(records: Records, real: NDArray[np.float32]) -> Seen:
    n_kept = len(next(iter(records.arrays.values()))[0]["images"])
    if len(real) < n_kept:
        raise ValueError(f"{len(real)} real images given; {n_kept} are needed")
    return classify(real[:n_kept])


def save_generations(
    records: Records, path: Path, generations: Sequence[int], n: int = 50
) -> None:
    """Write ``n`` images of some generations of the paper's longest run as a sheet.

    One generation is one row of the sheet; `load_sheet` reads it.
    """
    run = max((r for (arm, _), r in records.arrays.items() if arm == "paper"), key=len)
    if max(generations) >= len(run):
        raise ValueError(f"generations are {generations}; the run has {len(run) - 1}")
    kept = np.concatenate([run[t]["images"][:n] for t in generations])
    save_sheet(path, kept, columns=n)


def save_sheet(path: Path, images: ArrayLike, columns: int) -> None:
    """Write grey images ``(n, h, w)`` of bytes as one PNG contact sheet, lossless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    Image.fromarray(contact_sheet(images, columns)).save(partial, "png", optimize=True)
    partial.replace(path)


def load_sheet(path: Path, side: int = SIDE) -> NDArray[np.uint8]:
    """Return the images of a contact sheet, shape ``(n, side, side)``."""
    with Image.open(path) as sheet:
        return tiles(np.asarray(sheet), side)
