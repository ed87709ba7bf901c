"""What all fitted models share: one chain can serve several."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture as SKMixture

from collapse_lib import models, samples
from collapse_lib.models.base import FittedChains
from collapse_lib.models.grid_mixture import GridMixture
from collapse_lib.models.line_mixture import LineMixture

HUMPS = LineMixture.of([0.75, 0.25], [-1, 3], [1, 1])
RIDGE = models.RidgeDensity(-2, 2, n_points=5)
ONE_CHAIN = [
    models.FittedCategorical.of([0.5, 0.5]),
    models.FittedGaussian.standard(),
    models.FittedKnownWidth.standard("exact"),
    models.FittedMultivariateGaussian.standard(2, "exact"),
    models.FittedGaussianMixture.of([1], [[0, 0]], [np.eye(2)]),
    RIDGE.source(np.full(5, 0.2)),
    GridMixture(HUMPS).source(HUMPS),
    models.FittedLogisticRegression.of([0.5, 1], [[-1], [0], [1]]),
]


@pytest.mark.parametrize("fitted", ONE_CHAIN, ids=lambda fit: type(fit).__name__)
def test_one_chain_serves_several_and_several_no_others(fitted) -> None:
    many = fitted.expand(3)
    assert type(many) is type(fitted)
    assert samples.n_chains(many.sample(4, np.random.default_rng(0))) == 3
    assert samples.n_chains(many.expand(3).sample(4, np.random.default_rng(0))) == 3
    with pytest.raises(ValueError, match="has 3 chains; it cannot serve 2"):
        many.expand(2)


def test_every_fitted_model_of_the_library_has_it() -> None:
    kinds = [getattr(models, name) for name in dir(models) if "Fitted" in name]
    without = {kind.__name__ for kind in kinds if not issubclass(kind, FittedChains)}
    # The protocol; one member per chain; n-grams of all chains, sorted together; one
    # that labels the draws of another.
    assert without == {"Fitted", "FittedPerChain", "FittedNGram", "FittedTracked"}


def test_a_model_brings_the_kinds_of_its_data() -> None:
    """A checkpoint names a kind; it is read after the model has been asked for."""
    code = """
from collapse_lib import models
from collapse_lib.samples import Summary
for model, kinds in {
    "Gaussian": {"GaussianSummary"},
    "KnownWidth": {"MeanSummary"},
    "MultivariateGaussian": {"ScatterSummary"},
    "RidgeDensity": {"Counts", "ExpectedCounts"},
    "VAE": {"Images"},
}.items():
    getattr(models, model)
    assert kinds <= set(Summary.kinds), (model, set(Summary.kinds))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, int])
def test_fitted_models_hold_double_precision(dtype):
    one = np.ones(1, dtype)
    assert models.FittedGaussian(0 * one, one).temper(1e-6).sigma.dtype == np.float64
    cloud = models.FittedMultivariateGaussian(
        np.zeros((1, 2), dtype), np.eye(2, dtype=dtype)[None]
    )
    np.testing.assert_allclose(cloud.temper(1e-6).cov[0], 1e-6 * np.eye(2))


@pytest.mark.parametrize("mu, sigma", [(0.0, 1.0), ([], []), ([0.0], [1.0, 2.0])])
def test_parameters_have_the_chains_first(mu, sigma):
    with pytest.raises(ValueError, match="the shapes of mu .*, sigma .* do not fit"):
        models.FittedGaussian(mu, sigma)


def test_parameters_are_numbers():
    for mu in ([np.nan], [0.0, np.nan]):
        with pytest.raises(ValueError, match="mu is NaN"):
            models.FittedGaussian(np.array(mu), np.ones(len(mu)))
    with pytest.raises(ValueError, match="factor holds NaN"):
        models.FittedMultivariateGaussian(np.zeros((1, 1)), np.full((1, 1, 1), np.nan))


def test_probabilities_in_single_precision_are_scaled():
    p = torch.softmax(torch.linspace(-3, 3, 9), 0)
    found = models.FittedCategorical(p[None]).p
    assert found.dtype == np.float64 and abs(found.sum() - 1) < 1e-15
    weights = np.array([0.1, 0.2, 0.3, 0.1, 0.3], np.float32)
    points = np.zeros((5, 1)), np.ones((5, 1, 1))
    mixture = models.FittedGaussianMixture.of(weights, *points)
    assert abs(mixture.weights.sum() - 1) < 1e-15


def test_members_that_cannot_be_sampled_are_named_when_they_are_fitted():
    class Fits:
        def fit(self, data, rng):
            return SKMixture(1).fit(data[:, None])

    with pytest.raises(ValueError, match="GaussianMixture whose sample does not take"):
        models.PerChain(Fits()).fit(np.random.default_rng(0).normal(size=(1, 9)), None)


def test_members_that_draw_masks_are_named():
    class Masked:
        def sample(self, n, rng):
            return np.ma.array(np.zeros(n), mask=np.ones(n))

    with pytest.raises(ValueError, match="what Masked.sample.* masked places"):
        models.FittedPerChain((Masked(),)).sample(3, np.random.default_rng(0))
