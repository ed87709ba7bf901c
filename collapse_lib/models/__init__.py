"""Models: each one fits data and samples from the fit."""

from collapse_lib.models.base import Fitted, Model, PerChain, Perturbed
from collapse_lib.models.discrete import Categorical, Counts, FittedCategorical
from collapse_lib.models.gaussian import FittedGaussian, Gaussian, GaussianSummary
from collapse_lib.models.multivariate import (
    FittedMultivariateGaussian,
    MultivariateGaussian,
    ScatterSummary,
)

__all__ = [
    "Categorical",
    "Counts",
    "Fitted",
    "FittedCategorical",
    "FittedGaussian",
    "FittedMultivariateGaussian",
    "Gaussian",
    "GaussianSummary",
    "Model",
    "MultivariateGaussian",
    "PerChain",
    "Perturbed",
    "ScatterSummary",
]
