"""Closed forms for discrete worlds, each against simulation or a known case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from collapse_lib import models, recurse, regimes
from collapse_lib.metrics import tails
from collapse_lib.theory import discrete

probabilities = st.floats(0, 1)
sizes = st.integers(1, 10_000)
large_sizes = st.integers(20, 10_000)


def run(p, n_samples, n_generations, measure, *, chains, seed, regime=None):
    """Return one metric of worlds whose generation 0 is drawn from ``p``."""
    return recurse(
        models.Categorical(len(p)),
        models.FittedCategorical.of(p),
        regime=regime or regimes.Replace(),
        n_samples=n_samples,
        n_generations=n_generations,
        chains=chains,
        measure={"value": measure},
        rng=np.random.default_rng(seed),
    ).array("value")


def assert_mean(values, expected):
    """Assert that replicates have this mean, at four standard errors."""
    se = np.std(values, ddof=1) / math.sqrt(len(values))
    assert abs(np.mean(values) - expected) < 4 * se, (np.mean(values), expected, se)


def assert_share(successes, expected):
    """Assert a probability, at four standard errors under it."""
    se = math.sqrt(expected * (1 - expected) / len(successes))
    assert abs(np.mean(successes) - expected) < 4 * se, (np.mean(successes), expected)


# ------------------------------------------------------------------ one generation


@pytest.mark.parametrize(("q", "n_samples"), [(0.02, 50), (0.001, 1000), (0.3, 4)])
def test_loss_probability_by_simulation(q, n_samples):
    counts = np.random.default_rng(1).multinomial(n_samples, [q, 1 - q], 40_000)
    assert_share(counts[:, 0] == 0, float(discrete.loss_probability(q, n_samples)))


@given(q=probabilities, n_samples=sizes)
def test_loss_probability_is_a_probability_below_its_poisson_bound(q, n_samples):
    lost = float(discrete.loss_probability(q, n_samples))
    assert 0 <= lost <= math.exp(-q * n_samples) * (1 + 1e-9)


def test_loss_probability_at_the_ends():
    np.testing.assert_array_equal(discrete.loss_probability([0, 1], 5), [1, 0])


# ----------------------------------------------------------------------- diversity


@pytest.mark.parametrize("p", [[0.1, 0.9], [0.2] * 5, [0.7, 0.2, 0.1]])
def test_heterozygosity_decays_by_one_over_m(p):
    n_samples, last = 20, 30
    h = run(
        p, n_samples, last, lambda f: tails.heterozygosity(f.p), chains=8000, seed=2
    )
    for t in (0, 10, last):  # generation t has been sampled t + 1 times
        expected = discrete.heterozygosity_after(
            tails.heterozygosity(p), n_samples, t + 1
        )
        assert_mean(h[t], float(expected))


def test_heterozygosity_of_generation_zero_is_the_original_one():
    assert discrete.heterozygosity_after(0.18, 50, 0) == 0.18


def test_heterozygosity_with_one_sample_is_gone_at_once():
    assert discrete.heterozygosity_after(0.5, 1, 1) == 0


@pytest.mark.parametrize(("n", "r"), [(20, 1), (20, 5), (7, 3), (1, 1)])
def test_heterozygosity_with_real_points_solves_the_whole_chain(n, r):
    """The stationary law of p, exactly, from every move of the two sources."""
    p0, total = 0.1, n + r
    moves = [
        np.convolve(
            stats.binom.pmf(np.arange(n + 1), n, k / total),
            stats.binom.pmf(np.arange(r + 1), r, p0),
        )
        for k in range(total + 1)
    ]
    law = np.linalg.matrix_power(np.array(moves), 2**20)[0]
    p = np.arange(total + 1) / total
    kept = (law * p * (1 - p)).sum() / (p0 * (1 - p0))
    assert discrete.heterozygosity_with_real(n, r) == pytest.approx(kept, rel=1e-6)


def test_heterozygosity_with_a_real_point_by_simulation():
    h = run(
        [0.1, 0.9],
        20,
        120,
        lambda f: tails.heterozygosity(f.p),
        chains=8000,
        seed=3,
        regime=regimes.Fresh(n_real=1),
    )
    assert_mean(h[-1] / 0.18, discrete.heterozygosity_with_real(20, 1))


def test_without_real_points_no_diversity_is_left():
    assert discrete.heterozygosity_with_real(100, 0) == 0


@given(r=st.integers(1, 50))
def test_heterozygosity_with_real_points_has_the_known_limit(r):
    limit = 2 * r / (1 + 2 * r)
    assert discrete.heterozygosity_with_real(10**7, r) == pytest.approx(limit, rel=1e-4)


# ------------------------------------------------------------------------ the end


def test_absorption_time_of_two_samples_by_hand():
    """From one of two: absorbed with probability 1/2 in each generation."""
    assert discrete.absorption_time(0.5, 2) == pytest.approx(2)


@pytest.mark.parametrize(("q", "n_samples"), [(0.1, 50), (0.5, 20), (0.33, 10)])
def test_absorption_time_by_simulation(q, n_samples):
    left = run(
        [q, 1 - q],
        n_samples,
        60 * n_samples,
        lambda f: tails.support_size(f.p),
        chains=3000,
        seed=4,
    )
    times = tails.first_below(left, 2) + 1  # samplings, not generations
    assert np.isfinite(times).all()
    assert_mean(times, discrete.absorption_time(q, n_samples))


@pytest.mark.parametrize("q", [0.0, 1.0])
def test_a_world_of_one_state_needs_no_time(q):
    assert discrete.absorption_time(q, 30) == 0
    assert discrete.absorption_time_diffusion(q, 30) == 0
    assert discrete.collapse_time([q, 1 - q], 30) == 0
    assert discrete.collapse_time_diffusion([q, 1 - q], 30) == 0


@pytest.mark.parametrize("q", [0.1, 0.5])
def test_diffusion_approaches_the_exact_time(q):
    errors = [
        discrete.absorption_time_diffusion(q, m) / discrete.absorption_time(q, m) - 1
        for m in (20, 200, 1000)
    ]
    assert errors[0] > errors[1] > errors[2] > 0
    assert errors[2] < 0.004


@given(q=probabilities, n_samples=large_sizes)
def test_diffusion_does_not_care_which_state_is_called_the_first(q, n_samples):
    here = discrete.absorption_time_diffusion(q, n_samples)
    there = discrete.absorption_time_diffusion(1 - q, n_samples)
    assert here == pytest.approx(float(there), rel=1e-9, abs=1e-9)


@given(q=probabilities, n_samples=large_sizes)
def test_collapse_of_two_states_is_their_diffusion_time(q, n_samples):
    two = float(discrete.absorption_time_diffusion(q, n_samples))
    both = discrete.collapse_time_diffusion([q, 1 - q], n_samples)
    assert both == pytest.approx(two, rel=1e-9, abs=1e-9)


def test_the_limit_of_the_collapse_time_is_the_coalescent_sum():
    """Ten equal states: sum over j of 2/(j(j-1)) (1 - 10^(1-j)), whose rest is 2/J."""
    j = np.arange(2, 100_001)
    total = (2 / (j * (j - 1)) * (1 - 10.0 ** (1 - j))).sum() + 2 / 100_000
    time = discrete.collapse_time_diffusion([0.1] * 10, 100)
    assert time / 100 == pytest.approx(total, rel=1e-9)
    assert total == pytest.approx(1.896, abs=5e-4)


@given(q=probabilities, n_samples=st.integers(2, 60))
def test_collapse_of_two_states_solves_the_system_of_the_binomial_chain(q, n_samples):
    """Ancestors counted backwards, and the chain forwards: the same mean time."""
    both = discrete.collapse_time([q, 1 - q], n_samples)
    assert both == pytest.approx(discrete.absorption_time(q, n_samples), rel=1e-9)


@pytest.mark.parametrize(
    ("p", "n_samples"),
    [([0.2, 0.3, 0.5], 1), ([0.2, 0.3, 0.5], 2), ([0.1, 0.1, 0.8], 7)],
)
def test_collapse_of_three_states_solves_the_system_of_the_multinomial_chain(
    p, n_samples
):
    counts = [
        (a, b, n_samples - a - b)
        for a in range(n_samples + 1)
        for b in range(n_samples + 1 - a)
    ]
    moves = np.array(
        [
            stats.multinomial(n_samples, np.divide(row, n_samples)).pmf(counts)
            for row in counts
        ]
    )
    several = np.array([np.count_nonzero(row) > 1 for row in counts])
    start = stats.multinomial(n_samples, p).pmf(counts)[several]
    inner = moves[several][:, several]
    times = np.linalg.solve(np.eye(len(inner)) - inner, np.ones(len(inner)))
    expected = 1 + start @ times
    assert discrete.collapse_time(p, n_samples) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n_samples", [3, 30])
def test_collapse_time_by_simulation(n_samples):
    left = run(
        [0.1] * 10,
        n_samples,
        30 * n_samples,
        lambda f: tails.support_size(f.p),
        chains=2000,
        seed=5,
    )
    times = tails.first_below(left, 2) + 1
    assert_mean(times, discrete.collapse_time([0.1] * 10, n_samples))


@pytest.mark.parametrize(
    ("n_samples", "too_long"), [(20, 0.048), (100, 0.0119), (1000, 0.0016)]
)
def test_how_far_the_limit_is_from_the_collapse_time(n_samples, too_long):
    limit = discrete.collapse_time_diffusion([0.1] * 10, n_samples)
    exact = discrete.collapse_time([0.1] * 10, n_samples)
    assert limit / exact - 1 == pytest.approx(too_long, rel=0.05)


def test_states_that_cannot_occur_change_no_time():
    few, more = [0.25, 0.75], [0.25, 0.0, 0.75, 0.0]
    assert discrete.collapse_time(few, 40) == discrete.collapse_time(more, 40)


# ------------------------------------------------------------------- rare states


def test_survival_factor_has_the_published_values():
    factor = discrete.survival_factor(100)
    known = {1: 1.0, 2: 0.6321, 5: 0.3121, 10: 0.1723, 50: 0.0384, 100: 0.0195}
    for k, value in known.items():
        assert factor[k - 1] == pytest.approx(value, abs=5e-5)


@given(k=st.integers(1, 2000))
def test_survival_factor_stays_between_its_bounds(k):
    factor = discrete.survival_factor(k)
    assert factor.shape == (k,)
    assert 1 / k <= factor[-1] <= 3 / k


@pytest.mark.parametrize("k", [1, 2, 10])
def test_survival_of_poisson_counts_is_exact(k):
    """Poisson counts drawn from Poisson counts: the theorem as it stands."""
    rng = np.random.default_rng(6)
    counts = np.full((40_000, 3), [0.5, 2.0, 8.0])
    for _ in range(k):
        counts = rng.poisson(counts)
    expected = discrete.survival_probability([0.5, 2.0, 8.0], k)
    for column, alive in zip(counts.T, expected, strict=True):
        assert_share(column > 0, float(alive))


def test_survival_of_a_rare_word_among_many_samples():
    alive = run([1e-3, 0.999], 5000, 8, lambda f: f.p[:, 0], chains=20_000, seed=7) > 0
    for t in (0, 3, 8):
        assert_share(alive[t], float(discrete.survival_probability(5, t + 1)))


@given(count=st.floats(0, 1e6), k=st.integers(1, 200))
def test_survival_falls_with_time_and_rises_with_the_count(count, k):
    here = float(discrete.survival_probability(count, k))
    assert 0 <= here <= 1
    assert discrete.survival_probability(count, k + 1) <= here
    assert discrete.survival_probability(count + 1, k) >= here


def test_what_is_not_there_does_not_survive():
    assert discrete.survival_probability(0, 3) == 0


def test_one_generation_of_survival_is_the_poisson_limit_of_the_loss():
    lost = float(discrete.loss_probability(3e-6, 10**6))
    kept = float(discrete.survival_probability(3, 1))
    assert kept == pytest.approx(1 - lost, rel=1e-4)


def test_counts_have_the_law_of_the_definition():
    """A chi-squared test of the whole one-step law of the recursion."""
    first = models.Counts(4, np.tile([1, 3], (20_000, 1)))
    after = recurse(
        models.Categorical(2),
        first,
        regime=regimes.Replace(),
        n_samples=4,
        n_generations=1,
        chains=20_000,
        measure={"k": lambda f: np.rint(4 * f.p[:, 0])},
        rng=np.random.default_rng(8),
    ).array("k")[1]
    observed = np.bincount(after.astype(int), minlength=5)
    expected = stats.binom.pmf(np.arange(5), 4, 0.25) * 20_000
    assert stats.chisquare(observed, expected).pvalue > 1e-4


# ----------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: discrete.loss_probability(1.1, 5),
            "q is 1.1; allowed are",
        ),
        (
            lambda: discrete.loss_probability(math.nan, 5),
            "q holds 1 values that are NaN",
        ),
        (
            lambda: discrete.loss_probability(0.1, 0),
            "n_samples is 0; it must be an int",
        ),
        (lambda: discrete.loss_probability(0.1, 2.5), "n_samples is 2.5; it must be"),
        (lambda: discrete.heterozygosity_after(2, 5, 1), "h0 is 2; allowed are"),
        (lambda: discrete.heterozygosity_with_real(5, -1), "n_real is -1; it must be"),
        (lambda: discrete.absorption_time(-0.1, 5), "q is -0.1; it must be a number"),
        (
            lambda: discrete.absorption_time(0.5, 1),
            "n_samples is 1; it must be an integer from 2 to 2000",
        ),
        (lambda: discrete.absorption_time(0.5, 2001), "n_samples is 2001; it must be"),
        (
            lambda: discrete.absorption_time_diffusion(3, 5),
            "q is 3; allowed",
        ),
        (
            lambda: discrete.absorption_time_diffusion(0.5, 19),
            "n_samples is 19; it must be an integer >= 20",
        ),
        (
            lambda: discrete.collapse_time([0.5, 0.6], 5),
            r"p has shape \(2,\) and sum 1.1",
        ),
        (lambda: discrete.collapse_time(1.0, 5), r"p has shape \(\) and sum 1"),
        (
            lambda: discrete.collapse_time([1.0], 10_001),
            "n_samples is 10001; it must be an integer from 1 to 10000",
        ),
        (
            lambda: discrete.collapse_time_diffusion([0.5, 0.6], 50),
            r"p has shape \(2,\) and sum 1.1",
        ),
        (
            lambda: discrete.collapse_time_diffusion([0.5, 0.5], 3),
            "n_samples is 3; it must be an integer >= 20",
        ),
        (
            lambda: discrete.survival_factor(0),
            "generations is 0; it must be an integer",
        ),
        (lambda: discrete.survival_probability(-1, 2), "count is -1; allowed are"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(st.floats(0, 1), st.integers(1, 200))
def test_the_binomial_law_is_that_of_scipy(p, n):
    law = discrete.binomial_law(p, n)
    assert law == pytest.approx(stats.binom.pmf(np.arange(n + 1), n, p), abs=1e-11)
    assert discrete.binomial_law([[p, 0.0, 1.0]], n).shape == (1, 3, n + 1)


@pytest.mark.parametrize(
    ("p", "n", "message"),
    [
        (1.5, 3, "p is 1.5; allowed are numbers from 0 to 1"),
        (0.5, 2.0, "n_samples is 2.0"),
        (0.5, 10**6, "n_samples is 1000000"),
    ],
)
def test_no_binomial_law_is_said(p, n, message):
    with pytest.raises(ValueError, match=message):
        discrete.binomial_law(p, n)
