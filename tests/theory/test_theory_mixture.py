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


def test_the_recursion_comes_to_rest_at_the_inverse_gamma_law():
    variance = rest(200, 1e-6)
    law = stats.invgamma(2, scale=200e-6)
    assert stats.kstest(variance, law.cdf).pvalue > 1e-3
    assert np.median(variance) == pytest.approx(
        float(balance_quantile(0.5, 200, 1e-6)), rel=0.05
    )


def test_the_law_is_a_limit_and_not_exact():
    """At M = 5 the test above can tell the difference."""
    variance = rest(5, 1.0, lives=100)
    assert stats.kstest(variance, stats.invgamma(2, scale=5).cdf).pvalue < 1e-6


def test_quantiles_grow_with_everything():
    quantiles = balance_quantile([0.05, 0.5, 0.95], 100, 1e-6)
    assert (np.diff(quantiles) > 0).all()
    np.testing.assert_allclose(balance_quantile(0.5, 200, 1e-6), 2 * quantiles[1])
    np.testing.assert_allclose(balance_quantile(0.5, 100, 3e-6), 3 * quantiles[1])
    assert balance_quantile(0.5, 100, 0.0) == 0


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
