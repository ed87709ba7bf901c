"""Metrics: how far a generation is from the real data, and what it lost."""

from collapse_lib.metrics.distances import (
    kl_categorical,
    kl_gaussian,
    total_variation,
    w2_squared_gaussian,
    w2_squared_gaussians,
    w2_squared_samples,
)
from collapse_lib.metrics.tails import (
    entropy,
    first_below,
    heterozygosity,
    support_size,
    tail_mass_gaussian,
)

__all__ = [
    "entropy",
    "first_below",
    "heterozygosity",
    "kl_categorical",
    "kl_gaussian",
    "support_size",
    "tail_mass_gaussian",
    "total_variation",
    "w2_squared_gaussian",
    "w2_squared_gaussians",
    "w2_squared_samples",
]
