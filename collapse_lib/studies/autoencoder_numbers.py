"""The numbers of chapter 07, computed from what its study measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import given
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
from collapse_lib.models.vae.images import check_images
from collapse_lib.recursion.history import Arms
from collapse_lib.studies.study import Record, flatten, records

#: Where densities of latent variables are stored.
GRID = np.linspace(-3, 3, 121)
#: What is recorded of a generation's images and latents as they are.
PLAIN = ("latent_sigma", "latent_sigma_100", "pixel_variance", "distance")


def summarise(history: Arms, real: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Return every number of every arm.

    Parameters
    ----------
    history
        What `collapse_lib.studies.autoencoders.Autoencoders` measured.
    real
        Real images ``(n, 28, 28)`` to compare with; as many are taken as were kept of
        a generation.

    Returns
    -------
    dict
        As `number_name` names it, shape ``(replicates, generations + 1)``, and for the
        first arm, *paper*, the latent density on `GRID`, averaged over replicates,
        shape ``(generations + 1, 121)``.

    Raises
    ------
    ValueError
        If there are fewer real images.
    """
    if not isinstance(history, Arms):
        raise ValueError(f"history is {given(history)}; it must be what run returned")
    own = history.arm("paper")
    images = check_images(real, "real")
    if images.ndim != 3:
        raise ValueError(f"real has shape {images.shape}; needed is (n, 28, 28)")
    seen = _look(images, own.array("images").shape[2])

    def of_lineage(lineage: list[Record], replicate: int) -> dict[str, Any]:
        rows = [measure(record, seen) for record in lineage]
        return {metric: [row[metric] for row in rows] for metric in rows[0]}

    chains = [records(own, chain) for chain in range(own.chains)]
    densities = [[density(record) for record in lineage] for lineage in chains]
    return flatten(history, of_lineage) | {"paper_density": np.mean(densities, axis=0)}


def measure(record: Record, real: Seen) -> dict[str, Any]:
    """Return the numbers of one generation.

    Parameters
    ----------
    record
        What was measured of it.
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


def density(record: Record) -> NDArray[np.float64]:
    """Return the latent density on `GRID`, averaged over groups of 100 images."""
    latents = np.asarray(record["latents"], dtype=np.float64)
    groups = np.array_split(latents, max(1, len(latents) // PER_GROUP))
    densities = [latent_density(group, GRID)[1] for group in groups]
    return np.asarray(np.mean(densities, axis=0))


def _look(real: NDArray[np.float32], n_kept: int) -> Seen:
    if len(real) < n_kept:
        raise ValueError(f"real: {len(real)} real images given; {n_kept} are needed")
    return classify(real[:n_kept])
