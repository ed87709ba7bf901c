"""Metrics: how far a generation is from the real data, and what it lost."""

from collapse_lib.metrics.distances import (
    kl_categorical,
    kl_gaussian,
    total_variation,
    w2_squared_gaussian,
    w2_squared_gaussians,
    w2_squared_samples,
)
from collapse_lib.metrics.diversity import distinct_n, rep_n
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
from collapse_lib.metrics.perplexity import (
    batch_factor,
    corpus_perplexity,
    sequence_perplexity,
)
from collapse_lib.metrics.tails import (
    entropy,
    first_below,
    heterozygosity,
    support_size,
    tail_mass_gaussian,
)

__all__ = [
    "batch_factor",
    "class_entropy",
    "confidence",
    "corpus_perplexity",
    "cosine_distance_mixtures",
    "coverage",
    "distinct_n",
    "entropy",
    "first_below",
    "frechet_distance",
    "heterozygosity",
    "kl_categorical",
    "kl_gaussian",
    "l2_squared_mixtures",
    "latent_density",
    "latent_peak",
    "overlap_mixtures",
    "precision",
    "recall",
    "rep_n",
    "sequence_perplexity",
    "support_size",
    "tail_mass_gaussian",
    "total_variation",
    "w2_squared_gaussian",
    "w2_squared_gaussians",
    "w2_squared_samples",
]
