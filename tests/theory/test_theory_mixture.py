"""The variance at which regularisation and refitting balance."""

import numpy as np
import pytest
from scipy import stats

from collapse_lib.theory.mixture import balance_quantile


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
