"""Errors of the fit: centred, uncorrelated with the mean, of the stated size."""

import math

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import multivariate

FACTOR = np.array([[2.0, 0.0], [0.5, 1.0]])
ERRORS = [
    models.IndependentNoise(0.3),
    models.MedianForMean(),
    models.SplitScatter(0.2),
]


def z_scores(values, expected=0.0):
    error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    return (values.mean(axis=0) - expected) / error


def errors_of_one_fit(error, n, chains, seed, factor=FACTOR):
    """Return the error and the sampling error of the mean, shape (chains, d) each."""
    rng = np.random.default_rng(seed)
    source = models.FittedMultivariateGaussian(np.ones((1, 2)), factor[None])
    data = source.expand(chains).sample(n, rng)
    plain = models.MultivariateGaussian().fit(data, rng)
    moved = models.Perturbed(models.MultivariateGaussian(), error).fit(data, rng)
    np.testing.assert_array_equal(moved.factor, plain.factor)
    return moved.mean - plain.mean, plain.mean - 1


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_error_is_centred_and_uncorrelated_with_the_mean(error):
    epsilon, sampling = errors_of_one_fit(error, 9, 20_000, seed=1)
    assert np.abs(z_scores(epsilon)).max() < 4
    products = np.einsum("ci,cj->cij", epsilon, sampling)
    assert np.abs(z_scores(products)).max() < 4
    # Independent, not only uncorrelated: squares neither.
    squares = epsilon**2 - (epsilon**2).mean(axis=0)
    assert np.abs(z_scores(squares * (sampling**2 - (sampling**2).mean(0)))).max() < 4


def test_the_size_of_independent_noise():
    epsilon, _ = errors_of_one_fit(models.IndependentNoise(0.3), 5, 20_000, seed=2)
    assert abs(z_scores((epsilon**2).sum(axis=1), 2 * 0.3**2)) < 4


@pytest.mark.parametrize("n", [3, 25])
def test_the_size_of_the_medians_error(n):
    epsilon, sampling = errors_of_one_fit(models.MedianForMean(), n, 20_000, 3)
    trace = np.trace(FACTOR @ FACTOR.T)
    expected = (multivariate.variance_of_median(n) - 1 / n) * trace
    assert abs(z_scores((epsilon**2).sum(axis=1), expected)) < 4
    total = ((epsilon + sampling) ** 2).sum(axis=1)
    assert abs(z_scores(total, multivariate.variance_of_median(n) * trace)) < 4


@pytest.mark.parametrize("n", [4, 9, 20])  # equal and unequal halves
def test_the_size_of_the_split_error(n):
    error = models.SplitScatter(0.2)
    epsilon, _ = errors_of_one_fit(error, n, 40_000, seed=4, factor=np.eye(2))
    assert abs(z_scores((epsilon**2).sum(axis=1), error.energy(n, 1, 2)[0])) < 4


@pytest.mark.parametrize("dim", [1, 3])
def test_the_split_error_follows_the_growth_of_squared_covariances(dim):
    n, rng = 6, np.random.default_rng(10)
    source = models.FittedMultivariateGaussian.standard(dim, "exact").expand(100_000)
    cov = models.MultivariateGaussian(law="exact").fit(source.sample(n, rng), rng).cov
    found = cov[:, 0, 0] * np.trace(cov, axis1=1, axis2=2) + (cov[:, 0] ** 2).sum(
        axis=1
    )
    first, second = models.SplitScatter(1.0).energy(n, 2, dim)
    assert abs(z_scores(found, (dim + 1) * second / first)) < 4


def test_errors_that_use_only_the_data_do_not_see_a_shift():
    data = np.random.default_rng(5).normal(size=(3, 8, 2))
    rng = np.random.default_rng(6)
    for error in (models.MedianForMean(), models.SplitScatter(1.0)):
        model = models.Perturbed(models.MultivariateGaussian(), error)
        np.testing.assert_allclose(
            model.fit(data + 10, rng).mean, model.fit(data, rng).mean + 10
        )


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_the_lower_bound_is_exact_for_the_mean(error, dim):
    n, fits = 31, 6
    energy = {
        "IndependentNoise": lambda: dim * 0.3**2,
        "MedianForMean": lambda: dim * (multivariate.variance_of_median(n) - 1 / n),
        "SplitScatter": lambda: error.energy(n, fits, dim),
    }[type(error).__name__]()
    shift = recurse(
        models.Perturbed(models.MultivariateGaussian(), error),
        models.FittedMultivariateGaussian.standard(dim),
        regime=regimes.Replace(),
        n_samples=n,
        n_generations=fits - 1,
        chains=10_000,
        measure={"shift2": lambda fit: (fit.mean**2).sum(axis=-1)},
        rng=np.random.default_rng(7),
        record=[fits - 1],
    ).array("shift2")[0]
    bound = multivariate.noisy_lower_bound(dim, [n] * fits, energy)
    assert abs(z_scores(shift, bound)) < 4


@pytest.mark.parametrize("error", ERRORS[1:], ids=repr)
def test_errors_of_the_data_need_the_points(error):
    summary = models.ScatterSummary(5, np.zeros((1, 2)), np.eye(2)[None])
    model = models.Perturbed(models.MultivariateGaussian(law="exact"), error)
    with pytest.raises(ValueError, match='ScatterSummary: .*law="literal"'):
        model.fit(summary, np.random.default_rng(8))


def test_a_split_needs_two_points_on_each_side():
    model = models.Perturbed(models.MultivariateGaussian(), models.SplitScatter(1.0))
    with pytest.raises(ValueError, match="at least 4 points per chain, got 3"):
        model.fit(np.zeros((1, 3, 2)), np.random.default_rng(9))


@pytest.mark.parametrize("kind", [models.IndependentNoise, models.SplitScatter])
@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf")])
def test_a_scale_is_a_number_not_negative(kind, scale):
    with pytest.raises(ValueError, match="must be a number >= 0"):
        kind(scale)


def test_an_error_that_does_not_suit_the_model_is_named():
    line = np.random.default_rng(0).normal(size=(1, 9))
    rng = np.random.default_rng(0)
    for error in (models.IndependentNoise(0.1), models.Blur((1, 3), 0.5)):
        with pytest.raises(ValueError, match="fitted is a FittedGaussian; .* disturbs"):
            models.Perturbed(models.Gaussian(), error).fit(line, rng)
    with pytest.raises(ValueError, match="error returned None"):
        models.Perturbed(models.Gaussian(), lambda *_: None).fit(line, rng)
