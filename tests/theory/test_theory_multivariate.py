"""Closed forms in d dimensions, against simulation and known cases."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import gaussian, multivariate

ESTIMATORS = ["unbiased", "mle"]


def simulate(dim, n_samples, fits, chains, seed, estimator="unbiased", **measure):
    history = recurse(
        models.MultivariateGaussian(estimator, law="exact"),
        models.FittedMultivariateGaussian.standard(dim, "exact"),
        regime=regimes.Replace(),
        n_samples=n_samples,
        n_generations=fits - 1,
        chains=chains,
        measure=measure,
        rng=np.random.default_rng(seed),
        record=[fits - 1],
    )
    return [history.array(name)[0] for name in measure]


def shift2(fit):
    return (fit.mean**2).sum(axis=-1)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dim, n_samples, fits", [(1, 10, 8), (3, 20, 20), (5, 30, 1)])
def test_error_of_the_mean(dim, n_samples, fits, estimator):
    (found,) = simulate(dim, n_samples, fits, 20_000, 1, estimator, shift2=shift2)
    error = found.std(ddof=1) / math.sqrt(len(found))
    expected = dim * multivariate.mean_error(n_samples, fits, estimator)
    assert abs(found.mean() - expected) < 4 * error


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples, dim", [(6, 5), (20, 3), (100, 1), (100, 4)])
def test_rates_of_the_axes_add_up_to_the_drift_of_the_determinant(
    n_samples, dim, estimator
):
    rates = multivariate.eigenvalue_drifts(n_samples, dim, estimator)
    total = gaussian.log_det_drift(n_samples, dim, estimator)
    assert rates.sum() == pytest.approx(total)
    assert rates[0] == pytest.approx(gaussian.log_sigma2_drift(n_samples, estimator))
    assert (np.diff(rates) < 0).all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_axis_shrinks_at_its_own_rate(estimator):
    def axes(fit):  # one number a chain: chosen below
        return fit.axes

    measure = {
        f"axis{i}": lambda fit, i=i: 2 * np.log(axes(fit)[:, i]) for i in range(3)
    }
    early = simulate(3, 12, 100, 1_000, 2, estimator, **measure)
    late = simulate(3, 12, 150, 1_000, 2, estimator, **measure)
    rates = multivariate.eigenvalue_drifts(12, 3, estimator)
    for before, after, rate in zip(early, late, rates, strict=True):
        slope = (after - before) / 50  # the same seed: the same chains, 50 fits on
        assert abs(slope.mean() - rate) < 4 * slope.std(ddof=1) / math.sqrt(1_000)


@pytest.mark.parametrize("estimator, bias", [("unbiased", 0.01), ("mle", 0.01)])
@pytest.mark.parametrize("dim", [1, 2])
def test_resting_places_follow_students_law(dim, estimator, bias):
    # The law is for large M; at M = 40 it is off by about 1/M in the middle.
    (found,) = simulate(dim, 40, 40 * 12, 4_000, 3, estimator, shift2=shift2)
    for x in (0.5, 2.0, 8.0, 30.0):
        expected = multivariate.resting_place_sf(x, dim, estimator)
        error = math.sqrt(expected * (1 - expected) / len(found))
        assert abs((found > x).mean() - expected) < 4 * error + bias


def test_resting_places_in_closed_form():
    x = np.array([0.0, 0.3, 2.0, 50.0])
    np.testing.assert_allclose(multivariate.resting_place_sf(x, 2), 2 / (2 + x))
    student = 1 - np.sqrt(x / (2 + x))  # P(|T| > sqrt x), 2 degrees of freedom
    np.testing.assert_allclose(multivariate.resting_place_sf(x, 1), student)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dim", [1, 2, 7])
def test_half_of_the_runs_rest_beyond_the_median(dim, estimator):
    median = multivariate.resting_distance_median(dim, estimator)
    assert multivariate.resting_place_sf(median, dim, estimator) == pytest.approx(0.5)
    if estimator == "unbiased":
        q = 2 ** (-2 / dim)
        assert median == pytest.approx(2 * q / (1 - q))


def test_noisy_lower_bound_by_hand():
    assert multivariate.noisy_lower_bound(3.0, [10, 20]) == pytest.approx(0.45)
    bound = multivariate.noisy_lower_bound(3.0, [10, 20], noise=[0.1, 0.2])
    assert bound == pytest.approx(0.75)


def test_noise_must_fit_the_number_of_generations():
    with pytest.raises(ValueError):
        multivariate.noisy_lower_bound(1.0, [10, 20], noise=[0.1, 0.2, 0.3])


@pytest.mark.parametrize("n", [1, 5, 51, 1001])
def test_variance_of_the_median(n):
    found = np.median(np.random.default_rng(4).normal(size=(10_000, n)), axis=1) ** 2
    error = found.std(ddof=1) / 100
    assert abs(found.mean() - multivariate.variance_of_median(n)) < 4 * error


@pytest.mark.parametrize("n", [1, 3, 51, 1001])
def test_variance_of_the_median_is_that_of_its_beta_law(n):
    law = stats.beta((n + 1) / 2, (n + 1) / 2)
    exact, _ = integrate.quad(
        lambda x: x**2 * law.pdf(special.ndtr(x)) * stats.norm.pdf(x), -np.inf, np.inf
    )
    assert multivariate.variance_of_median(n) == pytest.approx(exact, rel=1e-12)


def test_the_median_of_many_points_has_the_classical_variance():
    ratio = multivariate.variance_of_median(100_001) * 2 * 100_001 / math.pi
    assert ratio == pytest.approx(1, abs=1e-4)


def test_messages():
    with pytest.raises(ValueError, match="allowed are odd numbers"):
        multivariate.variance_of_median(4)
    with pytest.raises(ValueError, match="n_samples is 3 and dim is 3"):
        multivariate.eigenvalue_drifts(3, 3)
    with pytest.raises(ValueError, match="allowed: 'unbiased', 'mle'"):
        multivariate.mean_error(10, 1, "ml")
