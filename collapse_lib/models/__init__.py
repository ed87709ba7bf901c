"""Models: each one fits data and samples from the fit."""

from collapse_lib.models.base import (
    Fitted,
    FittedPerChain,
    Model,
    PerChain,
    Perturbed,
)
from collapse_lib.models.decoding import Ancestral, Beam, Decoder, Greedy
from collapse_lib.models.discrete import Categorical, Counts, FittedCategorical
from collapse_lib.models.fitted_language_model import FittedLanguageModel
from collapse_lib.models.fitted_mixture import FittedGaussianMixture
from collapse_lib.models.fitted_ngram import FittedNGram
from collapse_lib.models.gaussian import FittedGaussian, Gaussian, GaussianSummary
from collapse_lib.models.images import Images
from collapse_lib.models.kernel import (
    ExpectedCounts,
    FittedRidgeDensity,
    RidgeDensity,
)
from collapse_lib.models.language_model import LanguageModel
from collapse_lib.models.mixture import GaussianMixture
from collapse_lib.models.multivariate import (
    FittedMultivariateGaussian,
    MultivariateGaussian,
    ScatterSummary,
)
from collapse_lib.models.ngram import NGram
from collapse_lib.models.noise import IndependentNoise, MedianForMean, SplitScatter
from collapse_lib.models.pretrained import Pretrained
from collapse_lib.models.smoothing import (
    AbsoluteDiscounting,
    JelinekMercer,
    KneserNey,
    WittenBell,
)
from collapse_lib.models.transformer import Transformer
from collapse_lib.models.vae import VAE, FittedVAE

__all__ = [
    "VAE",
    "Ancestral",
    "Beam",
    "AbsoluteDiscounting",
    "Categorical",
    "Counts",
    "Decoder",
    "ExpectedCounts",
    "Fitted",
    "FittedCategorical",
    "FittedGaussian",
    "FittedGaussianMixture",
    "FittedLanguageModel",
    "FittedMultivariateGaussian",
    "FittedNGram",
    "FittedPerChain",
    "FittedRidgeDensity",
    "FittedVAE",
    "Gaussian",
    "GaussianMixture",
    "GaussianSummary",
    "Greedy",
    "Images",
    "IndependentNoise",
    "LanguageModel",
    "MedianForMean",
    "JelinekMercer",
    "KneserNey",
    "Model",
    "MultivariateGaussian",
    "PerChain",
    "NGram",
    "Perturbed",
    "Pretrained",
    "RidgeDensity",
    "ScatterSummary",
    "SplitScatter",
    "Transformer",
    "WittenBell",
]
