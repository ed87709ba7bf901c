"""What all fitted models share: one chain can serve several."""

import subprocess
import sys

import numpy as np
import pytest

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
    # The protocol; one member per chain; n-grams of all chains, sorted together.
    assert without == {"Fitted", "FittedPerChain", "FittedNGram"}


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
