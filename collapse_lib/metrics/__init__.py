"""Metrics: how far a generation is from the real data, and what it lost."""

from collapse_lib.metrics.distances import (
    kl_categorical,
    kl_gaussian,
    total_variation,
    w2_squared_gaussian,
    w2_squared_gaussians,
    w2_squared_samples,
)
from collapse_lib.metrics.fidelity import (
    class_entropy,
    confidence,
    coverage,
    frechet_distance,
    precision,
    recall,
)
from collapse_lib.metrics.latents import latent_density, latent_peak
from collapse_lib.metrics.mixtures import (
    cosine_distance_mixtures,
    l2_squared_mixtures,
    overlap_mixtures,
)
from collapse_lib.metrics.tails import (
    entropy,
    first_below,
    heterozygosity,
    support_size,
    tail_mass_gaussian,
)

__all__ = [
    "cosine_distance_mixtures",
    "class_entropy",
    "confidence",
    "coverage",
    "entropy",
    "first_below",
    "frechet_distance",
    "heterozygosity",
    "kl_categorical",
    "kl_gaussian",
    "l2_squared_mixtures",
    "overlap_mixtures",
    "latent_density",
    "latent_peak",
    "precision",
    "recall",
    "support_size",
    "tail_mass_gaussian",
    "total_variation",
    "w2_squared_gaussian",
    "w2_squared_gaussians",
    "w2_squared_samples",
]
