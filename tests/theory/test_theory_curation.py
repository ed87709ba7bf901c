"""Closed forms of loops that choose, verify, correct or sharpen."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_lib import models, regimes
from collapse_lib.theory import curation, number_line, special

REWARD = np.array([0.0, 0.5, 1.0, 1.5])
P = np.array([0.4, 0.3, 0.2, 0.1])
ROOM = 4  # standard errors


def enumerated(p, reward, k):
    """Return the law of the one kept, summed over all ordered sets of candidates."""
    weights, kept = np.exp(reward - reward.max()), np.zeros(len(p))
    for one in itertools.product(range(len(p)), repeat=k):
        places = list(one)
        share = weights[places] / weights[places].sum()
        np.add.at(kept, places, math.prod(p[places]) * share)
    return kept


@pytest.mark.parametrize("scale", [0.1, 1, 10, 300])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_k_choice_is_the_sum_over_all_candidates(k, scale):
    rng = np.random.default_rng(k)
    p, reward = rng.dirichlet(np.ones(4)), scale * rng.normal(size=4)
    reward[1] = reward[2]  # states of one reward are told apart again
    np.testing.assert_allclose(
        curation.k_choice(p, reward, k), enumerated(p, reward, k), rtol=1e-12
    )


@pytest.mark.parametrize("k", [2, 3, 5])
def test_of_outcomes_in_a_strict_order_the_highest_candidate_is_kept(k):
    p = np.diff(np.geomspace(1e-3, 1, 10), prepend=0)  # the best outcome first
    kept = curation.k_choice(p, -50.0 * np.arange(10), k)
    # Something of the first so many is kept if any candidate is one of them.
    np.testing.assert_allclose(np.cumsum(kept), 1 - (1 - np.cumsum(p)) ** k, rtol=1e-12)


def test_two_candidates_are_the_replicator_of_pairs():
    share = 1 / (1 + np.exp(REWARD - REWARD[:, None]))
    expected = P * (2 * share @ P)
    np.testing.assert_allclose(curation.k_choice(P, REWARD, 2), expected, rtol=1e-13)


def test_many_candidates_approach_the_tilted_law():
    tilted = P * np.exp(REWARD)
    found = curation.k_choice(P, REWARD, 10**6)
    np.testing.assert_allclose(found, tilted / tilted.sum(), rtol=1e-5)


@pytest.mark.parametrize("gap", [1e3, 1e6, 1e300])
def test_a_reward_out_of_reach_only_loses_where_it_has_no_rival(gap):
    found = curation.k_choice([1e-5, 1 - 1e-5], [0.0, -gap], 3)
    np.testing.assert_allclose(found, [1 - (1 - 1e-5) ** 3, (1 - 1e-5) ** 3], 1e-11)


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=6),
    st.integers(1, 40),
    st.integers(0, 99),
)
@settings(deadline=None, max_examples=50)
def test_k_choice_is_a_law_that_raises_the_reward(weights, k, seed):
    p = np.array(weights) / np.sum(weights)
    reward = np.random.default_rng(seed).normal(size=len(p))
    kept = curation.k_choice(p, reward, k)
    assert abs(kept.sum() - 1) < 1e-12
    gain = np.exp(reward)
    mean, spread = p @ gain, p @ gain**2 - (p @ gain) ** 2
    # Lemma 2.2 of Ferbach et al.
    assert kept @ gain >= mean + (k - 1) / k * spread / gain.max() - 1e-9
    np.testing.assert_allclose(curation.k_choice(p, reward + 50, k), kept, rtol=1e-11)


def test_curation_raises_reward_and_first_raises_entropy():
    p, reward, entropy = P, [], []
    for _ in range(21):
        reward.append(p @ np.exp(REWARD))
        entropy.append(special.entropy_terms(p).sum())
        p = curation.k_choice(p, REWARD, 2)
    found = np.array(reward)[[0, 1, 2, 5, 10, 20]]
    expected = [1.886, 2.121, 2.386, 3.219, 4.084, 4.454]
    np.testing.assert_allclose(found, expected, atol=5e-4)
    np.testing.assert_allclose(
        [entropy[0], max(entropy), entropy[20]], [1.280, 1.374, 0.081], atol=5e-4
    )


@pytest.mark.parametrize(
    ("k", "share", "end"),
    [(2, 0.5, 0.5), (2, 0.6, 1), (3, 0.6, 0.8), (3, 0.7, 1), (10**6, 0.7, 0.7)],
)
def test_two_tastes_live_side_by_side_if_each_wins_once_in_k(k, share, end):
    """With k candidates both stay where 1/k < share < 1 - 1/k; for 3 at 3 share - 1."""
    tastes = np.array([[30.0, 0, 0, 0], [0, 30.0, 0, 0]])
    p = np.full(4, 0.25)
    for _ in range(300):
        both = [curation.k_choice(p, taste, k) for taste in tastes]
        p = share * both[0] + (1 - share) * both[1]
    np.testing.assert_allclose(p, [end, 1 - end, 0, 0], atol=1e-6)
    if k > 2 or share != 0.5:  # else both stay where they started
        assert float(curation.two_tastes(share, k)) == pytest.approx(end, abs=1e-6)


@pytest.mark.parametrize("k", [2, 3, 4, 10, 1000])
def test_two_tastes_end_where_their_map_stands_still(k):
    q = np.linspace(0.013, 0.987, 40)
    p = np.full(40, 0.5)
    for _ in range(20_000):
        p = q * (1 - (1 - p) ** k) + (1 - q) * p**k
    np.testing.assert_allclose(curation.two_tastes(q, k), p, atol=1e-5)
    assert np.isnan(curation.two_tastes(0.5, 2))


def test_k_choice_handles_chains_side_by_side():
    rows = np.stack([P, P[::-1]])
    both = curation.k_choice(rows, REWARD, 3)
    for row, found in zip(rows, both, strict=True):
        np.testing.assert_allclose(found, curation.k_choice(row, REWARD, 3), rtol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 0.4], [0, 1], 2), "p is off a sum of 1 by 0.1"),
        (([0.5, 0.5], [0, 1, 2], 2), r"reward has shape \(3,\).* 2 states"),
        (([0.5, 0.5], [0, math.inf], 2), "reward holds 1 values that are NaN or inf"),
        (([0.5, 0.5], [0, 1], 0), "k is 0; it must be an integer >= 1"),
    ],
)
def test_k_choice_says_what_it_needs(arguments, message):
    with pytest.raises(ValueError, match=message):
        curation.k_choice(*arguments)


def test_the_verifier_turns_the_majority_up_to_its_threshold():
    limit = curation.verifier_threshold(0.8, 0.5)
    assert limit == pytest.approx(0.8 / 1.3)
    at = curation.kept_accuracy([limit - 1e-9, limit, limit + 1e-9], 0.8, 0.5)
    assert at[0] > 0.5 > at[2] and at[1] == pytest.approx(0.5)
    assert curation.kept_accuracy(0.6, 0.8, 0.5) == pytest.approx(0.32 / 0.62)
    assert curation.verifier_threshold(0.3, 0.0) == 1
    assert curation.accepted_share(0.6, 0.8, 0.5) == pytest.approx(0.62)


def test_verified_labels_are_as_right_as_the_law_says():
    phi, psi, wrong, n = 0.8, 0.5, 0.6, 40_000
    labels = models.FittedCategorical.of([1 - wrong, wrong], law="literal")
    verified = regimes.Verified(lambda label: np.where(label == 0, phi, psi))
    kept = verified(labels).sample(n, np.random.default_rng(5))
    right = float(curation.kept_accuracy(wrong, phi, psi))
    error = math.sqrt(right * (1 - right) / n)
    assert abs((kept == 0).mean() - right) < ROOM * error


def test_nothing_kept_has_no_accuracy():
    with pytest.raises(ValueError, match="phi is 0 and psi is 0: nothing is kept"):
        curation.kept_accuracy(0.5, 0.0, 0.0)
    with pytest.raises(ValueError, match="phi is 0.0; it must be a number > 0"):
        curation.verifier_threshold(0.0, 0.5)


def test_a_corrected_mean_stays_near_the_truth():
    n, strength, chains = 50, 0.5, 20_000
    rng, mu, found = np.random.default_rng(3), np.zeros(chains), []
    truth = models.FittedGaussian.standard()
    for _ in range(12):
        mu = mu + rng.standard_normal(chains) / math.sqrt(n)
        found.append(n * mu**2)
        fitted = models.FittedGaussian(mu, np.ones(chains))
        mu = regimes.Corrected(truth, strength)(fitted).mu
    assert_mean(np.array(found), number_line.corrected(np.arange(1, 13), strength))


def assert_mean(found, law):
    """Compare the mean over chains with a law, generation by generation."""
    error = found.std(axis=1, ddof=1) / math.sqrt(found.shape[1])
    assert (np.abs(found.mean(axis=1) - law) < ROOM * error).all(), (
        found.mean(axis=1) - law
    ) / error


@pytest.mark.parametrize("k", [1, 2, 3, 20])
def test_the_favourite_takes_over_beyond_a_threshold(k):
    lam = np.array([0.0, 0.03, 0.4, 0.6, 2.0, 9.0])
    p = np.full(lam.shape, 0.999)
    for _ in range(100_000):
        p = lam / (1 + lam) * (1 - (1 - p) ** k)
    np.testing.assert_allclose(curation.takeover(k, lam), p, atol=1e-9)
    beyond = lam * (k - 1) > 1
    np.testing.assert_array_equal(curation.takeover(k, lam) > 0, beyond)


def test_the_better_outcome_wins_as_often_as_in_a_simulation():
    n, share, gap, k, chains = 12, 0.1, 1.0, 3, 20_000
    rng = np.random.default_rng(6)
    p = rng.binomial(n, share, chains) / n
    while ((p > 0) & (p < 1)).any():
        kept = curation.k_choice(np.stack([1 - p, p], axis=1), [0.0, gap], k)[:, 1]
        p = rng.binomial(n, np.clip(kept, 0, 1)) / n
    law = curation.fixation_probability(share, gap, k, n)
    assert abs(p.mean() - law) < ROOM * math.sqrt(law * (1 - law) / chains)


def test_without_choice_an_outcome_wins_with_its_share():
    for n in (1, 2, 50):
        found = curation.fixation_probability(0.3, 2.0, 1, n)
        assert found == pytest.approx(0.3, abs=1e-10)
        assert curation.fixation_probability(0.3, 0.0, 5, n) == pytest.approx(0.3)
    assert curation.fixation_probability(0.0, 1.0, 2, 9) == 0
    assert curation.fixation_probability(1.0, 1.0, 2, 9) == 1


def test_two_candidates_are_natural_selection():
    """Kimura's formula, for a weak advantage and many points."""
    n, share, gap = 500, 0.02, 0.05
    s = math.tanh(gap / 2)
    started = (1 + share * math.expm1(-2 * s)) ** n  # the mean over generation 0
    kimura = (started - 1) / math.expm1(-2 * n * s)
    found = curation.fixation_probability(share, gap, 2, n)
    assert found == pytest.approx(kimura, rel=0.02)


@pytest.mark.parametrize("ratio", [1e15, 1e17, 1e308])
def test_a_favourite_takes_all_where_hardly_anything_is_real(ratio):
    assert curation.takeover(3, ratio) == pytest.approx(1)
