"""Where regularisation and refitting balance, and what EM that stops early does."""

import numpy as np
import pytest
from scipy import integrate, stats

from collapse_lib.models import FittedGaussianMixture, GaussianMixture
from collapse_lib.theory.mixture import balance_quantile, unlimited_splits


def rest(n_samples, reg, chains=4000, lives=12):
    rng = np.random.default_rng(0)
    variance = np.full(chains, reg * n_samples)
    for _ in range(lives * n_samples):
        variance = rng.chisquare(n_samples - 1, chains) / n_samples * variance + reg
    return variance


@pytest.mark.parametrize("n_samples", [2, 5, 50])
def test_simulated_variances_lie_below_the_quantiles_as_often_as_they_say(n_samples):
    variance = rest(n_samples, 1.0, lives=max(12, 100 // n_samples))
    for q in (0.01, 0.3, 0.5, 0.95):
        below = np.mean(variance < float(balance_quantile(q, n_samples, 1.0)))
        assert abs(below - q) < 4 * np.sqrt(q * (1 - q) / len(variance)), (q, below)


@pytest.mark.parametrize("n_samples", [2, 3, 10, 300])
def test_one_more_step_leaves_the_law_as_it_is(n_samples):
    """The law is the only one that a step does not change: put it through one."""
    before = balance_quantile((np.arange(200) + 0.5) / 200, n_samples, 1.0)
    law = stats.gamma((n_samples - 1) / 2, scale=2 / n_samples)
    for q in (0.05, 0.5, 0.95):
        after = law.cdf((balance_quantile(q, n_samples, 1.0) - 1) / before).mean()
        assert after == pytest.approx(q, abs=3e-4)


def test_the_inverse_gamma_law_is_the_limit():
    """It is off by 1/M or less here, and by much more at M = 5."""
    for n_samples in (100, 500, 2_000):
        for q in (0.05, 0.5, 0.95):
            limit = n_samples * stats.invgamma(2).ppf(q)
            exact = float(balance_quantile(q, n_samples, 1.0))
            assert exact == pytest.approx(limit, rel=1 / n_samples)
    assert balance_quantile(0.5, 5, 1.0) > 1.06 * 5 * stats.invgamma(2).ppf(0.5)


def test_where_the_limit_takes_over_there_is_no_step():
    q = [0.001, 0.5, 0.999]
    each = balance_quantile(q, 2_000, 1.0) / 2_000
    np.testing.assert_allclose(balance_quantile(q, 2_001, 1.0) / 2_001, each, rtol=1e-3)


@pytest.mark.parametrize("n_samples", [2, 100, 10**6])
def test_the_ends_of_the_law(n_samples):
    """No variance is below what is added, and none is the largest."""
    np.testing.assert_array_equal(
        balance_quantile([0, 1], n_samples, 3.0), [3.0, np.inf]
    )
    np.testing.assert_array_equal(balance_quantile([0, 0.5, 1], n_samples, 0.0), 0)


def test_quantiles_grow_with_everything():
    quantiles = balance_quantile([0.05, 0.5, 0.95], 100, 1e-6)
    assert (np.diff(quantiles) > 0).all()
    assert (balance_quantile([0.05, 0.5, 0.95], 200, 1e-6) > quantiles).all()
    np.testing.assert_allclose(balance_quantile(0.5, 100, 3e-6), 3 * quantiles[1])
    assert balance_quantile([[0.1], [0.9]], 7, 1.0).shape == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.5, 100, 1e-6), "q is 1.5"),
        ((0.5, 1, 1e-6), "n_samples is 1"),
        ((0.5, 100, -1.0), "reg_covar is -1.0"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        balance_quantile(*arguments)


def em_by_quadrature(last, tol):
    """Return the same as one refit of the law, by Gauss and Legendre's rule."""

    def density(x, m, v):
        return (stats.norm.pdf(x, m, v**0.5) + stats.norm.pdf(x, -m, v**0.5)) / 2

    def mean(function):
        def of(x):
            return 2 * function(x) * density(x, last, 1 - last**2)

        return integrate.fixed_quad(of, 0, 9, n=120)[0]

    m, before = mean(lambda x: x), -np.inf
    v = mean(lambda x: x**2) - m**2
    while True:
        new, now = em_round(m, v, mean, density)
        m, v = new
        if abs(now - before) < tol:
            return m
        before = now


def em_round(m, v, mean, density):
    """Return means and variance of the two parts, and the log-likelihood before."""

    def right(x):  # the right part's share of x
        return stats.norm.pdf(x, m, v**0.5) / density(x, m, v) / 2

    new = mean(lambda x: x * (2 * right(x) - 1))  # of x and of -x
    spread = mean(lambda x: right(x) * (x - new) ** 2 + (1 - right(x)) * (x + new) ** 2)
    return (new, spread), mean(lambda x: np.log(density(x, m, v)))


def test_a_refit_to_an_unlimited_sample_is_em_by_quadrature():
    splits = unlimited_splits(1, 5e-3)
    assert splits[0] == pytest.approx(em_by_quadrature(0.0, 5e-3), abs=1e-8)
    assert splits[1] == pytest.approx(em_by_quadrature(splits[0], 5e-3), abs=1e-8)


def test_the_model_does_the_same_with_evenly_spread_points():
    """Points at quantiles have next to no sampling error; the cut is that at 0."""
    quantiles = (np.arange(40_000) + 0.5) / 40_000
    data, splits = stats.norm.ppf(quantiles), unlimited_splits(3, 1e-5)
    for split in splits:
        model = GaussianMixture(2, tol=1e-5, max_iter=2_000, reg_covar=0)
        fit = model.fit(data[None, :, None], np.random.default_rng(1))
        # k-means stops a little beside the middle: half the distance hardly feels it.
        assert abs(np.diff(fit.means[0, :, 0])[0]) / 2 == pytest.approx(split, abs=2e-3)
        parts = FittedGaussianMixture.of(
            [0.5, 0.5], [[-split], [split]], [[[1 - split**2]]] * 2
        )
        data = quantiles_of(parts, quantiles)


def quantiles_of(parts, quantiles):
    x = np.linspace(-8, 8, 20_001)
    sd = np.sqrt(parts.covariances[0, :, 0, 0])
    below = stats.norm.cdf((x[:, None] - parts.means[0, :, 0]) / sd) @ parts.weights[0]
    return np.interp(quantiles, below, x)


def test_a_smaller_tolerance_parts_the_blob_less_and_keeps_less_of_it():
    ends = [unlimited_splits(30, tol)[-1] for tol in (1e-4, 1e-5, 1e-6)]
    assert (np.diff(ends) < 0).all()
    assert (np.diff(unlimited_splits(30, 1e-5)) > 0).all()
    assert unlimited_splits(0, 1e-5, max_iter=1)[0] > unlimited_splits(0, 1e-5)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1e-5), "n_generations is -1"),
        ((1, 0.0), "tol is 0"),
        ((1, 1e-9), "at least 1e-08"),
        ((1, 1e-5, 0), "max_iter is 0"),
    ],
)
def test_settings_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        unlimited_splits(*arguments)
