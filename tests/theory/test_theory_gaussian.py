"""Closed forms for one Gaussian, against simulation and against known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from collapse_lib import recurse, regimes
from collapse_lib.metrics import w2_squared_gaussian
from collapse_lib.models import FittedGaussian, Gaussian
from collapse_lib.theory import gaussian as theory

CHAINS = 100_000
sizes = st.integers(2, 10**9)


def simulate(n_samples, n_fits, estimator="unbiased", regime=None, chains=CHAINS):
    """Return mu and sigma of the last fit, one number per chain."""
    history = recurse(
        Gaussian(estimator, "exact"),
        FittedGaussian.standard("exact"),
        regime=regime or regimes.Replace(),
        n_samples=n_samples,
        n_generations=n_fits - 1,
        measure={"mu": lambda fit: fit.mu, "sigma": lambda fit: fit.sigma},
        rng=np.random.default_rng([n_fits, len(estimator)]),
        chains=chains,
        record=[n_fits - 1],
    )
    return history.array("mu")[0], history.array("sigma")[0]


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / math.sqrt(values.size))


def z_score_of_variance(values, expected):
    centred = (values - values.mean()) ** 2
    return z_score(centred, expected)


# --- one fit -----------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 7, 100])
def test_error_of_the_mean_is_half_normal(n):
    x = np.random.default_rng(n).standard_normal((40_000, n)).mean(axis=1)
    error = np.abs(x)
    assert abs(z_score(error, theory.mean_abs_error_of_mean(n))) < 4
    variance = theory.sd_abs_error_of_mean(n) ** 2
    assert abs(z_score_of_variance(error, variance)) < 4


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("n", [2, 10, 500])
def test_moments_of_sigma_after_one_fit(n, estimator):
    _, sigma = simulate(n, 1, estimator)
    assert abs(z_score(sigma, theory.mean_sigma_factor(n, estimator))) < 4
    variance = theory.sd_sigma_factor(n, estimator) ** 2
    assert abs(z_score_of_variance(sigma, variance)) < 4


def test_sigma_of_two_points_by_hand():
    # |X1 - X2| / sqrt(2) is half-normal.
    assert theory.mean_sigma_factor(2) == pytest.approx(math.sqrt(2 / math.pi))


@given(n=sizes)
def test_moments_of_sigma_are_exact_for_any_size(n):
    # The first terms of the series of the gamma ratio, in x = n - 1.
    x = n - 1.0
    if n > 1_000:
        series = 1 / (4 * x) - 1 / (32 * x**2)
        assert 1 - theory.mean_sigma_factor(n) == pytest.approx(series, rel=1e-5)
        assert theory.sd_sigma_factor(n) ** 2 * 2 * x == pytest.approx(1, rel=1e-3)
    assert 0 < theory.mean_sigma_factor(n) < 1


@given(n=sizes)
def test_the_mle_is_the_unbiased_estimator_scaled(n):
    ratio = math.sqrt((n - 1) / n)
    for moment in (theory.mean_sigma_factor, theory.sd_sigma_factor):
        assert moment(n, "mle") == pytest.approx(ratio * moment(n), rel=1e-5)


@given(n=st.integers(2, 10**6))
def test_the_drift_is_negative_and_near_its_first_order(n):
    drift = theory.log_sigma2_drift(n)
    assert drift < 0
    if n >= 100:
        assert drift * n == pytest.approx(-1, abs=2 / n)
        assert theory.log_sigma2_drift(n, "mle") * n == pytest.approx(-2, abs=3 / n)


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_the_drift_is_the_mean_step_of_the_logarithm(estimator):
    n, fits = 8, 5
    _, sigma = simulate(n, fits, estimator)
    expected = fits * theory.log_sigma2_drift(n, estimator)
    assert abs(z_score(2 * np.log(sigma), expected)) < 4


def test_an_unknown_estimator_is_refused():
    for form in (theory.mean_sigma_factor, theory.log_sigma2_drift):
        with pytest.raises(ValueError, match="'best'; allowed: 'unbiased', 'mle'"):
            form(10, "best")


# --- many fits ---------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("fits", [1, 5, 25])
def test_pooled_variance(fits, estimator):
    # One point from each last model: its variance is E(mu^2 + sigma^2).
    n = 50
    mu, sigma = simulate(n, fits, estimator)
    expected = theory.pooled_variance(n, fits, estimator)
    assert abs(z_score(mu**2 + sigma**2, expected)) < 4


@pytest.mark.parametrize(("n", "fits"), [(20, 1), (20, 10), (100, 50), (1_000, 101)])
def test_the_risk_is_exact(n, fits):
    mu, sigma = simulate(n, fits)
    risk = w2_squared_gaussian(mu, sigma)
    assert abs(z_score(risk, theory.w2_risk(n, fits))) < 4


def test_the_supplement_has_the_first_order_and_arxiv_has_not():
    n, fits = 10**6, 11
    exact = theory.w2_risk(n, fits)
    assert theory.w2_risk_nature([n] * fits) == pytest.approx(exact, rel=1e-4)
    assert theory.w2_risk_arxiv([n] * fits) == pytest.approx(
        exact * 11.5 / 16.5, rel=1e-4
    )
    # They agree where there is one fit.
    assert theory.w2_risk_arxiv([n]) == theory.w2_risk_nature([n])


def test_the_published_numbers_of_the_risk():
    assert theory.w2_risk_arxiv([100] * 11) == pytest.approx(0.115)
    assert theory.w2_risk_nature([100] * 11) == pytest.approx(0.165)
    assert theory.w2_risk_variance_arxiv([100]) == pytest.approx(3e-4)


def test_the_order_of_the_sample_sizes_matters_to_arxiv_only():
    sizes = [10, 20, 40]
    assert theory.w2_risk_nature(sizes) == pytest.approx(
        theory.w2_risk_nature(sizes[::-1])
    )
    assert theory.w2_risk_arxiv(sizes) == pytest.approx(1 / 10 + 1 / 20 + 1.5 / 40)


@pytest.mark.parametrize("fits", [1, 11])
def test_variance_of_the_risk_to_leading_order(fits):
    n = 10_000  # the next order is about fits / n: far below the noise
    mu, sigma = simulate(n, fits)
    risk = w2_squared_gaussian(mu, sigma)
    assert abs(z_score_of_variance(risk, theory.w2_risk_variance([n] * fits))) < 4
    assert z_score_of_variance(risk, theory.w2_risk_variance_arxiv([n] * fits)) < -4


def test_variance_of_the_risk_of_arxiv_by_hand():
    # 2/4 + 3/16 + 2 * 3/(2 * 4), the pair counted in both orders.
    expected = 2 / 4 + 3 / 16 + 6 / 8
    assert theory.w2_risk_variance_arxiv([2, 4]) == pytest.approx(expected)


@pytest.mark.parametrize("n", [10, 100])
def test_accumulated_data_have_a_limit(n):
    product = np.prod(1 - 1 / (n * np.arange(1.0, 10**6) ** 2))
    assert theory.accumulate_variance_limit(n) == pytest.approx(product, rel=1e-6)
    _, sigma = simulate(n, 300, "mle", regimes.Accumulate(), chains=20_000)
    # After 300 generations 1 / (300 n) of the product is left.
    assert abs(z_score(sigma**2, theory.accumulate_variance_limit(n))) < 4


# --- several dimensions ------------------------------------------------------


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_log_det_drift_in_one_dimension_is_that_of_sigma2(estimator):
    drift = theory.log_det_drift(30, 1, estimator)
    assert drift == pytest.approx(float(theory.log_sigma2_drift(30, estimator)))


def test_log_det_drift_against_wishart_draws():
    n, dim = 12, 3
    scatter = stats.wishart(n - 1, np.eye(dim)).rvs(
        20_000, random_state=np.random.default_rng(1)
    )
    log_det = np.linalg.slogdet(scatter / (n - 1))[1]
    assert abs(z_score(log_det, theory.log_det_drift(n, dim))) < 4


# --- the law of one point ----------------------------------------------------


@pytest.mark.parametrize(("n", "fits"), [(3, 1), (10, 5), (100, 20)])
def test_marginal_sample_has_the_law_of_the_recursion(n, fits):
    mu, sigma = simulate(n, fits, chains=40_000)
    x = mu + sigma * np.random.default_rng(2).standard_normal(40_000)
    formula = theory.marginal_sample(n, fits, 40_000, np.random.default_rng(3))
    assert stats.ks_2samp(x, formula).pvalue > 1e-4


def test_marginal_sample_without_a_fit_is_the_real_law():
    x = theory.marginal_sample(5, 0, 20_000, np.random.default_rng(4))
    assert stats.kstest(x, stats.norm.cdf).pvalue > 1e-4


def test_marginal_sample_after_one_fit_by_quadrature():
    n, cut = 4, 2.5

    def tail(q):  # given chi-square q, the point is N(0, 1/n + q / (n - 1))
        return stats.norm.sf(cut / math.sqrt(1 / n + q / (n - 1))) * stats.chi2.pdf(
            q, 3
        )

    expected, _ = integrate.quad(tail, 0, np.inf)
    x = theory.marginal_sample(n, 1, CHAINS, np.random.default_rng(5))
    assert abs(z_score((x > cut).astype(float), expected)) < 4
