"""Distances and tails, against brute force, closed cases and their properties."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, linalg, stats

from collapse_lib import metrics

SEEDS = st.integers(0, 2**32 - 1)
NUMBERS = st.floats(-100, 100)
SCALES = st.floats(0, 100)


def spd(rng, dim, rank=None):
    """Return a random covariance matrix of the given rank."""
    root = rng.normal(size=(dim, rank or dim))
    return root @ root.T


# --- W2 between normal laws -----------------------------------------------------


@given(NUMBERS, SCALES, NUMBERS, SCALES)
def test_w2_on_the_line_is_the_case_of_one_dimension(mu, sigma, mu0, sigma0):
    line = metrics.w2_squared_gaussian(mu, sigma, mu0, sigma0)
    many = metrics.w2_squared_gaussians([mu], [[sigma**2]], [mu0], [[sigma0**2]])
    np.testing.assert_allclose(line, many, rtol=1e-6, atol=1e-9)


def test_w2_on_the_line_is_the_integral_over_quantiles():
    def gap(u):
        return (stats.norm.ppf(u, 1.0, 0.5) - stats.norm.ppf(u, -1.0, 2.0)) ** 2

    expected, _ = integrate.quad(gap, 0, 1)
    assert metrics.w2_squared_gaussian(1.0, 0.5, -1.0, 2.0) == pytest.approx(expected)


@given(seed=SEEDS, dim=st.integers(1, 5))
def test_w2_is_the_cost_of_a_linear_optimal_map(seed, dim):
    # y = A x + b with A symmetric and positive is the gradient of a convex function,
    # hence the optimal map; its cost needs no root of a matrix.
    rng = np.random.default_rng(seed)
    cov0, a, mean0 = spd(rng, dim), spd(rng, dim), rng.normal(size=dim)
    shift = rng.normal(size=dim)
    gap = a - np.eye(dim)
    expected = shift @ shift + np.trace(gap @ cov0 @ gap.T)
    found = metrics.w2_squared_gaussians(mean0 + shift, a @ cov0 @ a.T, mean0, cov0)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_w2_agrees_with_scipys_matrix_root():
    rng = np.random.default_rng(1)
    cov, cov0 = spd(rng, 4), spd(rng, 4)
    root = linalg.sqrtm(cov0)
    cross = linalg.sqrtm(root @ cov @ root)
    expected = np.trace(cov + cov0 - 2 * cross.real)
    found = metrics.w2_squared_gaussians(np.zeros(4), cov, np.zeros(4), cov0)
    assert found == pytest.approx(expected)


@given(seed=SEEDS, dim=st.integers(1, 4), rank=st.integers(1, 4))
def test_w2_is_symmetric_and_zero_only_at_home(seed, dim, rank):
    rng = np.random.default_rng(seed)
    a, b = spd(rng, dim, min(rank, dim)), spd(rng, dim)
    zero, one = np.zeros(dim), np.ones(dim)
    there = metrics.w2_squared_gaussians(one, a, zero, b)
    back = metrics.w2_squared_gaussians(zero, b, one, a)
    np.testing.assert_allclose(there, back, rtol=1e-6)
    assert there >= dim * (1 - 1e-9)  # the means alone
    assert metrics.w2_squared_gaussians(one, a, one, a) <= 1e-6 * np.trace(a)


@given(seed=SEEDS, dim=st.integers(1, 4))
def test_w2_does_not_change_when_both_laws_are_rotated(seed, dim):
    rng = np.random.default_rng(seed)
    a, b, mean = spd(rng, dim), spd(rng, dim), rng.normal(size=dim)
    turn = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    plain = metrics.w2_squared_gaussians(mean, a, np.zeros(dim), b)
    turned = metrics.w2_squared_gaussians(
        turn @ mean, turn @ a @ turn.T, np.zeros(dim), turn @ b @ turn.T
    )
    assert turned == pytest.approx(float(plain), rel=1e-6, abs=1e-7)


@given(seed=SEEDS, dim=st.integers(1, 4))
def test_w2_is_never_below_the_distance_of_a_shadow(seed, dim):
    rng = np.random.default_rng(seed)
    a, b, mean = spd(rng, dim), spd(rng, dim), rng.normal(size=dim)
    v = rng.normal(size=dim)
    v /= np.linalg.norm(v)
    cloud = metrics.w2_squared_gaussians(mean, a, np.zeros(dim), b)
    shadow = metrics.w2_squared_gaussian(
        v @ mean, math.sqrt(v @ a @ v), 0, math.sqrt(v @ b @ v)
    )
    assert shadow <= cloud + 1e-9


def test_a_collapsed_model_is_the_total_variance_away():
    cov0 = np.diag([1.0, 4.0])
    found = metrics.w2_squared_gaussians([3.0, 0.0], np.zeros((2, 2)), [0, 0], cov0)
    assert found == pytest.approx(9 + 5)


def test_w2_takes_many_chains_at_once():
    rng = np.random.default_rng(2)
    covs = np.stack([spd(rng, 3) for _ in range(6)]).reshape(2, 3, 3, 3)
    means = rng.normal(size=(2, 3, 3))
    many = metrics.w2_squared_gaussians(means, covs, np.zeros(3), np.eye(3))
    assert many.shape == (2, 3)
    one = metrics.w2_squared_gaussians(means[1, 2], covs[1, 2], np.zeros(3), np.eye(3))
    assert many[1, 2] == pytest.approx(float(one))


@pytest.mark.parametrize(
    "mean, cov, mean0, cov0, message",
    [
        ([0, 0], np.eye(3), [0, 0], np.eye(2), r"cov has shape \(3, 3\)"),
        ([0, 0], np.eye(2), [0, 0, 0], np.eye(3), r"mean0 has shape \(3,\)"),
        ([0, 0], np.eye(2), [0, 0], np.ones((1, 2, 2)), "cov0 has shape"),
        ([0, 0], np.eye(2), [0, 0], -np.eye(2), "cov0 .*negative"),
        ([0, 0], -np.eye(2), [0, 0], np.eye(2), "cov .*negative"),
        ([0, 0], [[1, 2], [0, 1]], [0, 0], np.eye(2), "cov is not symmetric"),
        ([0, np.nan], np.eye(2), [0, 0], np.eye(2), "mean .*NaN"),
    ],
)
def test_w2_refuses_what_is_no_covariance(mean, cov, mean0, cov0, message):
    with pytest.raises(ValueError, match=message):
        metrics.w2_squared_gaussians(mean, cov, mean0, cov0)


# --- W2 between samples ------------------------------------------------------------


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_w2_of_samples_is_the_best_of_all_pairings(pairs):
    x, y = np.array(pairs).T
    best = min(
        np.mean((x - y[list(p)]) ** 2) for p in itertools.permutations(range(len(y)))
    )
    assert metrics.w2_squared_samples(x, y) == pytest.approx(best, abs=1e-9)


def test_w2_of_large_samples_approaches_the_closed_form():
    rng = np.random.default_rng(3)
    found = [
        metrics.w2_squared_samples(rng.normal(1, 2, 20_000), rng.normal(0, 1, 20_000))
        for _ in range(20)
    ]
    error = np.std(found, ddof=1) / math.sqrt(20)
    # Empirical laws are a little further apart: by about 1e-3 at this size.
    assert abs(np.mean(found) - metrics.w2_squared_gaussian(1, 2)) < 4 * error + 2e-3


@pytest.mark.parametrize("x, y", [([1, 2], [1]), ([], []), ([[1, 2]], [[1, 2]])])
def test_w2_of_samples_refuses_other_shapes(x, y):
    with pytest.raises(ValueError, match="equally long 1-D samples|x is empty"):
        metrics.w2_squared_samples(x, y)


# --- Kullback-Leibler, total variation -----------------------------------------


def test_kl_gaussian_is_the_integral_and_puts_the_real_law_first():
    def integrand(x):
        real = stats.norm.logpdf(x, 0.5, 2.0)
        return math.exp(real) * (real - stats.norm.logpdf(x, -1.0, 0.7))

    expected, _ = integrate.quad(integrand, -30, 30)
    found = metrics.kl_gaussian(mu=-1.0, sigma=0.7, mu0=0.5, sigma0=2.0)
    assert found == pytest.approx(expected)


@given(NUMBERS, st.floats(0.01, 100), NUMBERS, st.floats(0.01, 100))
def test_kl_gaussian_is_never_negative(mu, sigma, mu0, sigma0):
    assert metrics.kl_gaussian(mu, sigma, mu0, sigma0) >= -1e-9


def test_kl_gaussian_is_infinite_for_collapsed_chains_only():
    found = metrics.kl_gaussian([0.0, 0.0, 0.0], [1.0, 0.0, 1e-200])
    np.testing.assert_array_equal(found, [0.0, np.inf, np.inf])


@pytest.mark.parametrize("function", [metrics.kl_gaussian, metrics.w2_squared_gaussian])
def test_a_negative_scale_is_refused(function):
    with pytest.raises(ValueError, match="sigma has values from -1 to 1; allowed"):
        function(0.0, [1.0, -1.0])


def test_kl_categorical_by_hand():
    found = metrics.kl_categorical(
        [0.5, 0.5, 0.0], [[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]
    )
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    np.testing.assert_allclose(found, [expected, np.inf])


def test_kl_categorical_stands_probabilities_that_are_hardly_numbers():
    found = metrics.kl_categorical([1.0, 0.0], [1e-310, 1.0])
    assert found == pytest.approx(310 * math.log(10))


weights = st.lists(st.floats(0, 1), min_size=2, max_size=8)


@given(weights, weights)
def test_distances_of_categorical_laws_obey_pinsker(a, b):
    n = min(len(a), len(b))
    a, b = np.array(a[:n]), np.array(b[:n])
    assume(a.sum() > 1e-3 and b.sum() > 1e-3)
    p, q = a / a.sum(), b / b.sum()
    distance = metrics.total_variation(p, q)
    assert 0 <= distance <= 1 + 1e-12
    assert metrics.total_variation(q, p) == pytest.approx(distance)
    assert distance <= math.sqrt(max(metrics.kl_categorical(p, q), 0) / 2) + 1e-6


# --- tails and diversity --------------------------------------------------------


@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(0, 4))
def test_tail_mass_is_that_of_the_fitted_law(mu, sigma, cut):
    law = stats.norm(mu, sigma)
    found = metrics.tail_mass_gaussian(mu, sigma, cut=cut, mu0=0.5, sigma0=2.0)
    expected = law.cdf(0.5 - 2 * cut) + law.sf(0.5 + 2 * cut)
    assert found == pytest.approx(expected, abs=1e-12)


def test_tail_mass_of_a_collapsed_model_is_nothing_or_everything():
    found = metrics.tail_mass_gaussian([0.0, 2.5, -2.5, 2.0], np.zeros(4))
    np.testing.assert_array_equal(found, [0, 1, 1, 0])


def test_tail_mass_keeps_its_digits_far_out():
    found = metrics.tail_mass_gaussian(0.0, 0.1)  # 20 standard deviations
    assert found == pytest.approx(2 * stats.norm.sf(20), rel=1e-9, abs=0)


def test_tail_mass_refuses_a_negative_scale():
    with pytest.raises(ValueError, match="sigma is -2"):
        metrics.tail_mass_gaussian(0.0, -2.0)


@given(st.integers(1, 50))
def test_diversity_of_equal_states(n):
    p = np.full(n, 1 / n)
    assert metrics.support_size(p) == n
    assert metrics.heterozygosity(p) == pytest.approx(1 - 1 / n)
    assert metrics.entropy(p) == pytest.approx(math.log(n))


def test_diversity_of_one_state_is_none_and_chains_come_first():
    p = np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    np.testing.assert_array_equal(metrics.support_size(p), [1, 2])
    np.testing.assert_allclose(metrics.heterozygosity(p), [0, 0.5])
    np.testing.assert_allclose(metrics.entropy(p), [0, math.log(2)])


def test_first_below_counts_generations_and_waits_for_ever():
    values = [[1.0, 1.0, 0.1], [0.4, 0.9, 0.9], [0.9, 0.5, 0.9]]
    np.testing.assert_array_equal(metrics.first_below(values, 0.5), [1, np.inf, 0])


@pytest.mark.parametrize(
    "call",
    [
        metrics.entropy,
        metrics.heterozygosity,
        lambda p: metrics.kl_categorical([0.5, 0.5], p),
        lambda p: metrics.total_variation(p, [0.5, 0.5]),
    ],
)
def test_counts_are_not_taken_for_probabilities(call):
    with pytest.raises(ValueError, match="p is off a sum of 1 by 6; .*divide counts"):
        call([3.0, 4.0])
    call(np.array([0.3, 0.7], np.float32))
