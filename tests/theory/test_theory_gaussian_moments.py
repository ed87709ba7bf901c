"""Exact moments of one refitted Gaussian: simulation, fractions, quadrature."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import special

from collapse_lib import recurse, regimes
from collapse_lib.metrics import w2_squared_gaussian
from collapse_lib.models import FittedGaussian, Gaussian
from collapse_lib.theory import gaussian, gaussian_moments

ROOM = 4  # standard errors


def simulate(n_samples, n_fits, regime, estimator, law="exact", chains=40_000):
    """Return mu and sigma of all fits, shape (fits, chains)."""
    history = recurse(
        Gaussian(estimator, law),
        FittedGaussian.standard(law),
        regime=regime,
        n_samples=n_samples,
        n_generations=n_fits - 1,
        measure={"mu": lambda fit: fit.mu, "sigma": lambda fit: fit.sigma},
        rng=np.random.default_rng(7),
        chains=chains,
    )
    return history.array("mu"), history.array("sigma")


def assert_means(values, law):
    """Compare means over chains, shape (generations, chains), with their law."""
    error = values.std(axis=1, ddof=1) / math.sqrt(values.shape[1])
    assert (np.abs(values.mean(axis=1) - law) < ROOM * error).all()


# --- the risk ----------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[6] * 4, [100] * 11, [5, 80, 9, 30, 200]])
def test_the_moments_of_the_risk_hold_for_any_sizes(sizes):
    mu, sigma = simulate(sizes.__getitem__, len(sizes), regimes.Replace(), "unbiased")
    risk = w2_squared_gaussian(mu, sigma)
    mean, variance = gaussian_moments.w2_moments(sizes)
    assert_means(risk, mean)
    assert_means((risk - mean[:, None]) ** 2, variance)


@pytest.mark.parametrize("n", [2, 3, 10, 100, 5_000])
def test_the_moments_of_one_fit_by_quadrature(n):
    # R = Z^2 / n + (c - 1)^2 with c a scaled chi of n - 1 degrees of freedom.
    node, weight = special.roots_genlaguerre(80, (n - 1) / 2 - 1)
    if n == 5_000:  # the weights overflow; sum over quantiles
        node = special.gammaincinv((n - 1) / 2, (np.arange(2e5) + 0.5) / 2e5)
        weight = np.ones_like(node)
    square = (np.sqrt(2 * node / (n - 1)) - 1) ** 2
    weight = weight / weight.sum()
    mean = 1 / n + weight @ square
    variance = 2 / n**2 + weight @ square**2 - (weight @ square) ** 2
    found = [float(array[0]) for array in gaussian_moments.w2_moments([n])]
    # Nodes cannot follow the root near 0, which matters to n = 2 and 3 only.
    loose = 1e-2 if n < 4 else 1e-3 if n == 5_000 else 1e-7
    assert found == pytest.approx([mean, variance], rel=loose)


def raw_moments(sizes):
    """Return mean and variance of the risk from E sigma^k and E mu^2 sigma^k."""
    power = {k: 1.0 for k in range(5)}  # E sigma^k
    mixed, fourth = dict.fromkeys(range(3), 0.0), 0.0  # E mu^2 sigma^k, E mu^4
    for n in sizes:
        m = n - 1
        fourth += 6 * mixed[2] / n + 3 * power[4] / n**2
        log_chi = [math.lgamma((m + k) / 2) - math.lgamma(m / 2) for k in range(5)]
        factor = [math.exp(log_chi[k]) * (2 / m) ** (k / 2) for k in range(5)]
        mixed = {k: factor[k] * (mixed[k] + power[k + 2] / n) for k in mixed}
        power = {k: factor[k] * power[k] for k in power}
    mean = mixed[0] + power[2] - 2 * power[1] + 1
    square = fourth + 2 * (mixed[2] - 2 * mixed[1] + mixed[0])
    square += power[4] - 4 * power[3] + 6 * power[2] - 4 * power[1] + 1
    return mean, square - mean**2


@pytest.mark.parametrize("sizes", [[2, 3], [6] * 4, [5, 80, 9, 30, 200]])
def test_the_moments_of_the_risk_are_those_of_powers_of_sigma(sizes):
    found = [float(array[-1]) for array in gaussian_moments.w2_moments(sizes)]
    assert found == pytest.approx(raw_moments(sizes), rel=1e-10)


def test_the_mean_risk_is_the_one_that_was_known():
    for n in (3, 100, 10**6):
        mean, _ = gaussian_moments.w2_moments([n] * 40)
        known = gaussian.w2_risk(n, np.arange(1, 41))
        assert mean == pytest.approx(known, rel=1e-9 + 1e-15 * n)


@pytest.mark.parametrize("n", [10**5, 10**7, 10**9])
@pytest.mark.parametrize("fits", [1, 11])
def test_large_samples_have_the_leading_order_and_no_rounding_shows(n, fits):
    mean, variance = gaussian_moments.w2_moments([n] * fits)
    order = 10 * fits / n + 1e-6
    assert mean[-1] == pytest.approx(gaussian.w2_risk_nature([n] * fits), rel=order)
    assert variance[-1] == pytest.approx(
        gaussian.w2_risk_variance([n] * fits), rel=order
    )


def test_the_series_goes_on_where_the_difference_ends():
    # Second differences of a smooth function are small beside a step at the seam.
    sizes = np.arange(490, 515)
    scaled = [float(gaussian_moments.w2_moments([n])[1][0]) * n**2 for n in sizes]
    assert np.abs(np.diff(scaled, 2)).max() < 1e-7


# --- pools -------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 100])
def test_moments_of_the_variance_if_all_is_kept(n):
    _, sigma = simulate(n, 12, regimes.Accumulate(), "mle")
    mean, square = gaussian_moments.accumulate_moments(n, 11)
    assert_means(sigma**2, mean)
    assert_means(sigma**4, square)


def test_two_fits_of_all_by_fractions():
    """Fit 2 multiplies by (M + Q + Z^2 / 2) / (2 M), with Q chi-square of M - 1."""
    m = Fraction(5)
    q, q2 = m - 1, m**2 - 1
    square = m**2 + q2 + Fraction(3, 4) + 2 * m * q + m + q  # E of the bracket squared
    mean, fourth = gaussian_moments.accumulate_moments(5, 1)
    first = q / m, q2 / m**2
    assert mean == pytest.approx(
        [float(first[0]), float(first[0] * (m + q + Fraction(1, 2)) / (2 * m))]
    )
    assert fourth == pytest.approx(
        [float(first[1]), float(first[1] * square / (2 * m) ** 2)]
    )


def test_the_limits_if_all_is_kept():
    mean, square = gaussian_moments.accumulate_moments(10**6, 20_000)
    limit = gaussian.accumulate_variance_limit(10**6)
    assert mean[-1] == pytest.approx(limit, abs=1e-10)
    growth = (square - mean**2)[-1] / (square - mean**2)[0]
    assert growth == pytest.approx(math.pi**2 / 6, rel=1e-4)


@pytest.mark.parametrize(("n", "fits"), [(4, 8), (5, 6), (12, 10)])
def test_moments_of_the_variance_if_samples_are_drawn_from_the_pool(n, fits):
    regime = regimes.AccumulateSubsample()
    _, sigma = simulate(n, fits, regime, "mle", "literal", 20_000)
    mean, square, step = gaussian_moments.subsample_moments(n, fits - 1)
    assert_means(sigma**2, mean)
    assert_means(sigma**4, square)
    assert_means(np.diff(sigma**2, axis=0) ** 2, step)


def test_two_generations_of_subsamples_by_fractions():
    """The mean by hand: the pool of real and first synthetic points, twice as many."""
    m = 5
    real = Fraction(m - 1)  # E of the sum of squares around the mean
    first = real / m
    # New squares (m - 1) v, and between the two means m/2 of v / m; d is 0 at first.
    pooled = real + (m - 1) * first + Fraction(m, 2) * first / m
    second = pooled / (2 * m - 1) * (m - 1) / m
    mean, square, _ = gaussian_moments.subsample_moments(m, 1)
    assert mean == pytest.approx([float(first), float(second)])
    assert square[0] == pytest.approx((m**2 - 1) / m**2)


def test_the_limits_if_samples_are_drawn_from_the_pool():
    n = 10**5
    mean, square, step = gaussian_moments.subsample_moments(n, 20_000)
    one_fit = 2 / n
    assert (square - mean**2)[-1] / one_fit == pytest.approx(
        math.pi**2 / 2 - 2, rel=1e-3
    )
    assert step[-1] / one_fit == pytest.approx(2, rel=1e-3)


def test_a_sample_of_three_is_refused():
    with pytest.raises(ValueError, match="n_samples"):
        gaussian_moments.subsample_moments(3, 2)
