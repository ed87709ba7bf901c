"""Closed forms of loops that are pulled towards a target."""

import math

import numpy as np
import pytest
from scipy import integrate

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import number_line, pull

ROOM = 4  # standard errors
N, G, CHAINS = 20, 0.5, 20_000


def run(bias, n_generations=8, law="literal", chains=CHAINS):
    """Return the fitted means of a loop of replacement, (generations, chains)."""
    return recurse(
        models.KnownWidth(law=law),
        models.FittedKnownWidth.standard(law),
        regime=regimes.Replace(bias=bias),
        n_samples=N,
        n_generations=n_generations,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(1),
        chains=chains,
    ).array("mu")


def assert_mean(found, law):
    error = found.std(axis=1, ddof=1) / math.sqrt(found.shape[1])
    assert (np.abs(found.mean(axis=1) - law) < ROOM * error).all()


@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_a_verified_mean_follows_the_law(offset):
    accept = lambda x: np.exp(-G * (x - offset) ** 2 / 2)  # noqa: E731
    mu = run(regimes.Verified(accept), chains=5_000)
    t = np.arange(len(mu))
    law = pull.pulled_error(t, G, N, offset=offset, narrowed=True)
    assert_mean(mu**2, law)
    kept = pull.pulled_error(t, G, N, offset=offset, narrowed=True, of="generator")
    assert_mean(((mu + G * offset) / (1 + G)) ** 2, kept)


@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_a_corrected_mean_follows_the_law(offset):
    oracle = models.FittedKnownWidth(np.array([offset]))
    mu = run(regimes.Corrected(oracle, G), law="exact")
    law = pull.pulled_error(np.arange(len(mu)), G, N, offset=offset)
    assert_mean(mu**2, law)


def test_an_estimated_target_costs_what_its_own_error_is():
    """Other targets in every chain, each the mean of ten real points."""
    targets = np.random.default_rng(2).standard_normal(CHAINS) / math.sqrt(10)
    mu = run(regimes.Corrected(models.FittedKnownWidth(targets), G), law="exact")
    law = pull.pulled_error(np.arange(len(mu)), G, N, offset=10**-0.5)
    assert_mean(mu**2, law)
    limit = N * pull.pulled_error(np.inf, G, N, offset=10**-0.5)
    assert float(limit) == pytest.approx((1 + G) ** 2 / (G * (2 + G)) + N / 10)
    after = N * pull.pulled_error(np.inf, G, N, offset=10**-0.5, of="generator")
    assert float(after) == pytest.approx(1 / (G * (2 + G)) + N / 10)


def test_a_correction_without_offset_stands_on_the_number_line():
    t = np.array([0, 1, 5, np.inf])
    for g in (1e-9, 0.1, 1.0, 1e9):
        law = number_line.corrected(t + 1, g)
        np.testing.assert_allclose(N * pull.pulled_error(t, g, N), law, rtol=1e-7)
    np.testing.assert_allclose(pull.pulled_error(t, 0.0, N), (t + 1) / N)


@pytest.mark.parametrize("g", [0.0, 0.05])
def test_generation_0_may_have_fewer_points(g):
    few, many, b = 5, 400, 0.5
    oracle = models.FittedKnownWidth(np.array([b]))
    mu = recurse(
        models.KnownWidth(law="exact"),
        models.FittedKnownWidth.standard("exact"),
        regime=regimes.Replace(bias=regimes.Corrected(oracle, g)),
        n_samples=lambda t: many if t else few,
        n_generations=20,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(5),
        chains=CHAINS,
    ).array("mu")
    law = pull.pulled_error(np.arange(21), g, many, n_real=few, offset=b)
    assert_mean(mu**2, law)


def test_who_stops_in_time_gains_what_the_verifier_is_worth():
    n, b = 25, 0.5
    t = np.linspace(0, 100, 100_001)
    path = pull.pulled_error(t, 0.05, 10**12, n_real=n, offset=b, narrowed=True)
    assert path.min() == pytest.approx(1 / (n + 1 / b**2), rel=1e-6)
    assert path[-1] > 5 * path[0]


@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0])
def test_training_on_fixed_real_points_is_a_correction_towards_their_mean(ratio):
    """N/ratio real points pull N synthetic ones with the strength 1/ratio."""
    law = float(number_line.augment(np.inf, ratio))  # in units of 1 / real points
    g, real = 1 / ratio, N / ratio
    found = pull.pulled_error(np.inf, g, N, offset=real**-0.5, of="generator")
    assert real * float(found) == pytest.approx(law)


@pytest.mark.parametrize("radius", [0.1, 1.0, 5.0, 30.0])
@pytest.mark.parametrize("mu", [0.0, 0.4, -3.0, 12.0, 60.0])
def test_the_window_is_a_truncated_normal(mu, radius):
    peak = np.clip(mu, -radius, radius)
    low, high = max(-radius, peak - 12), min(radius, peak + 12)

    def moment(k, about=0.0):
        def weight(x):
            return (x - about) ** k * math.exp(((peak - mu) ** 2 - (x - mu) ** 2) / 2)

        found = integrate.quad(weight, low, high, points=[peak], limit=400)
        return found[0]

    mean = moment(1) / moment(0)
    variance = moment(2, mean) / moment(0)
    assert float(pull.window_mean(mu, radius)) == pytest.approx(mean, abs=1e-9)
    assert float(pull.window_variance(mu, radius)) == pytest.approx(variance, rel=1e-6)


def test_a_window_lets_through_what_it_says():
    bias = regimes.Verified(lambda x: np.abs(x) <= 1.5)
    generator = bias(models.FittedKnownWidth(np.array([0.8])))
    x = generator.sample(40_000, np.random.default_rng(3))[0]
    mean, spread = (float(f) for f in pull._moments(0.8, 1.5))
    assert abs(x.mean() - mean) < ROOM * x.std() / 200
    assert abs(x.var() - spread) < ROOM * np.std((x - mean) ** 2) / 200
    step = 1e-5
    slope = (pull.window_mean(0.8 + step, 1.5) - pull.window_mean(0.8 - step, 1.5)) / (
        2 * step
    )
    assert float(slope) == pytest.approx(spread, rel=1e-7)


def test_around_the_centre_a_window_leaves_so_much_noise():
    n, chains, r = 200, 4_000, 1.0
    mu = recurse(
        models.KnownWidth(),
        models.FittedKnownWidth.standard(),
        regime=regimes.Replace(bias=regimes.Verified(lambda x: np.abs(x) <= r)),
        n_samples=n,
        n_generations=8,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(4),
        chains=chains,
    ).array("mu")[-1]
    rho = float(pull.window_variance(0.0, r))
    law = rho / (1 - rho**2)
    assert abs(n * mu.var() - law) < ROOM * law * math.sqrt(2 / chains)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pull.pulled_error(-1, 1.0, 10), "generation"),
        (lambda: pull.pulled_error(1, -1.0, 10), "strength"),
        (lambda: pull.pulled_error(1, 1.0, 0), "n_samples is 0"),
        (lambda: pull.pulled_error(1, 1.0, 10, of="model"), "of is 'model'"),
        (lambda: pull.window_mean(1e3, 1.0), "mu"),
        (lambda: pull.window_variance(0.0, 31.0), "radius is 31"),
    ],
)
def test_what_a_pull_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_strongest_pull_leaves_the_target_and_one_sample():
    for strength in (1e20, 1e200, 1e308):
        for t in (1, 5, np.inf):
            found = pull.pulled_error(t, strength, 10, offset=0.5)
            assert found == pytest.approx(0.25 + 1 / 10)
    with pytest.raises(ValueError, match=r"offset is 1e\+308; .* 1e\+100"):
        pull.pulled_error(1, 0.5, 10, offset=1e308)
