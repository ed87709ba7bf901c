"""The categorical model: counting, both laws, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from collapse_lib import models, recurse, regimes
from collapse_lib.metrics import tails
from collapse_lib.models import Categorical, Counts, FittedCategorical
from collapse_lib.samples import pool, subsample

LAWS = ("exact", "literal")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def counts_of(sample, n_states):
    """Return the counts of a sample of either law, shape (chains, n_states)."""
    if isinstance(sample, Counts):
        return sample.counts
    return np.stack([np.bincount(row, minlength=n_states) for row in sample])


# ------------------------------------------------------------------------ fitting


def test_fit_is_the_empirical_distribution_of_each_chain():
    data = np.array([[0, 0, 2, 2], [1, 1, 1, 0]])
    fitted = Categorical(3).fit(data, rng())
    np.testing.assert_array_equal(fitted.p, [[0.5, 0, 0.5], [0.25, 0.75, 0]])


@given(npst.arrays(np.int64, (3, 20), elements=st.integers(0, 4)))
def test_points_and_their_counts_have_the_same_fit(data):
    counts = np.stack([np.bincount(row, minlength=5) for row in data])
    by_points = Categorical(5).fit(data, rng()).p
    by_counts = Categorical(5).fit(Counts(20, counts), rng()).p
    np.testing.assert_array_equal(by_points, by_counts)


@given(
    npst.arrays(np.int64, (2, 9), elements=st.integers(0, 3)), st.permutations(range(9))
)
def test_the_order_of_the_points_does_not_matter(data, order):
    np.testing.assert_array_equal(
        Categorical(4).fit(data, rng()).p, Categorical(4).fit(data[:, order], rng()).p
    )


@given(
    npst.arrays(np.int64, (2, 7), elements=st.integers(0, 3)),
    npst.arrays(np.int64, (2, 4), elements=st.integers(0, 3)),
)
def test_pooled_counts_are_the_counts_of_the_pool(first, second):
    both = Counts(7, counts_of(first, 4)), Counts(4, counts_of(second, 4))
    pooled = pool(both)
    assert pooled.size == 11
    assert pooled.chains == 2
    np.testing.assert_array_equal(
        pooled.counts, counts_of(np.concatenate([first, second], axis=1), 4)
    )


def test_one_state_is_a_world_that_never_changes():
    history = recurse(
        Categorical(1),
        np.zeros((1, 5), dtype=int),
        regime=regimes.Replace(),
        n_samples=5,
        n_generations=3,
        measure={"p": lambda fit: fit.p[:, 0]},
        rng=rng(),
    )
    assert (history.array("p") == 1).all()


# ----------------------------------------------------------------------- sampling


@pytest.mark.parametrize("law", LAWS)
def test_a_sample_has_its_size_and_its_chains(law):
    fitted = FittedCategorical.of([0.2, 0.3, 0.5], law).expand(4)
    counts = counts_of(fitted.sample(7, rng()), 3)
    assert counts.shape == (4, 3)
    assert (counts.sum(axis=1) == 7).all()


@pytest.mark.parametrize("law", LAWS)
def test_counts_have_the_mean_and_covariance_of_the_multinomial(law):
    p, n, chains = np.array([0.1, 0.3, 0.6]), 10, 20_000
    counts = counts_of(FittedCategorical.of(p, law).expand(chains).sample(n, rng(1)), 3)
    exact = n * (np.diag(p) - np.outer(p, p))
    centred = counts - n * p
    z_mean = centred.mean(axis=0) / np.sqrt(np.diag(exact) / chains)
    assert (np.abs(z_mean) < 4).all()
    products = centred[:, :, None] * centred[:, None, :]
    z_cov = (products.mean(axis=0) - exact) / (products.std(axis=0) / math.sqrt(chains))
    assert (np.abs(z_cov) < 4).all()


@pytest.mark.parametrize("law", LAWS)
def test_a_state_of_probability_zero_is_never_drawn(law):
    p = [0.0, 1 / 3, 0.0, 1 / 3, 1 / 3, 0.0]
    counts = counts_of(FittedCategorical.of(p, law).expand(2000).sample(50, rng(2)), 6)
    assert (counts[:, [0, 2, 5]] == 0).all()
    assert (counts[:, [1, 3, 4]].sum(axis=0) > 0).all()


class Zeros(np.random.Generator):
    """A generator whose uniform numbers are all 0.0, which is allowed and rare."""

    def random(self, size):
        return np.zeros(size)


def test_a_uniform_number_on_the_edge_does_not_revive_a_state():
    sample = FittedCategorical.of([0.0, 0.0, 1.0], "literal").sample(
        3, Zeros(np.random.PCG64(0))
    )
    np.testing.assert_array_equal(sample, [[2, 2, 2]])


def test_both_laws_have_the_same_distribution_after_generations():
    """Two-sample chi-squared test on the counts of the first state, generation 3."""
    final = {}
    for law, seed in zip(LAWS, (3, 4), strict=True):
        history = recurse(
            Categorical(3, law=law),
            FittedCategorical.of([0.2, 0.3, 0.5], law),
            regime=regimes.Replace(),
            n_samples=10,
            n_generations=3,
            chains=8000,
            measure={"count": lambda fit: np.rint(10 * fit.p[:, 0])},
            rng=rng(seed),
        )
        final[law] = np.bincount(history.array("count")[-1].astype(int), minlength=11)
    table = np.array(list(final.values()))
    assert stats.chi2_contingency(table[:, table.sum(axis=0) > 20]).pvalue > 1e-4


@pytest.mark.parametrize("law", LAWS)
def test_the_expected_share_never_moves_but_worlds_end(law):
    """A martingale, and its end: the state wins with its original probability."""
    history = recurse(
        Categorical(2, law=law),
        FittedCategorical.of([0.2, 0.8], law),
        regime=regimes.Replace(),
        n_samples=10,
        n_generations=150,
        chains=4000,
        measure={"p": lambda fit: fit.p[:, 0]},
        rng=rng(5),
    )
    p = history.array("p")
    for t in (0, 5, 50):
        assert abs(p[t].mean() - 0.2) < 4 * p[t].std() / math.sqrt(4000)
    assert np.isin(p[-1], (0, 1)).all()
    assert abs(p[-1].mean() - 0.2) < 4 * math.sqrt(0.2 * 0.8 / 4000)


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=8).filter(any), st.integers(0, 99)
)
def test_a_lost_state_never_comes_back(counts, seed):
    start = Counts(sum(counts), np.tile(counts, (3, 1)))
    history = recurse(
        Categorical(len(counts)),
        start,
        regime=regimes.Replace(),
        n_samples=6,
        n_generations=8,
        chains=3,
        measure={
            f"{i}": lambda fit, i=i: (fit.p[:, i] > 0).astype(float)
            for i in range(len(counts))
        }
        | {"left": lambda fit: tails.support_size(fit.p)},
        rng=rng(seed),
    )
    for i in range(len(counts)):
        assert (np.diff(history.array(f"{i}"), axis=0) <= 0).all()
    assert (history.array("left") >= 1).all()


def test_a_subsample_of_counts_is_hypergeometric():
    counts = Counts(10, np.tile([3, 7], (20_000, 1)))
    drawn = subsample(counts, 4, rng(6))
    assert drawn.size == 4
    law = stats.hypergeom(10, 3, 4).pmf(np.arange(4))
    observed = np.bincount(drawn.counts[:, 0], minlength=4)
    assert stats.chisquare(observed, law * 20_000).pvalue > 1e-4


# -------------------------------------------------------------------- temperature

weights = st.lists(st.floats(0.01, 1), min_size=2, max_size=6)


@given(weights, st.floats(0.2, 5))
def test_temperature_is_the_power_of_the_probabilities(given_weights, temperature):
    p = np.array(given_weights) / sum(given_weights)
    tempered = FittedCategorical(p[None]).temper(temperature).p[0]
    expected = p ** (1 / temperature)
    np.testing.assert_allclose(tempered, expected / expected.sum(), rtol=1e-9)


def test_temperature_one_changes_nothing_and_zero_keeps_the_mode():
    fitted = FittedCategorical(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]))
    np.testing.assert_allclose(fitted.temper(1).p, fitted.p, rtol=1e-12)
    np.testing.assert_array_equal(fitted.temper(0).p, [[0, 1, 0], [0.5, 0.5, 0]])


@pytest.mark.parametrize("temperature", [0, 0.5, 2])
def test_temperature_does_not_revive_a_lost_state(temperature):
    tempered = FittedCategorical(np.array([[0.0, 0.3, 0.7]])).temper(temperature)
    assert tempered.p[0, 0] == 0
    assert np.isfinite(tempered.p).all()


# ----------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Categorical(0), "n_states is 0; it must be an integer >= 1"),
        (lambda: Categorical(2.0), "n_states is 2.0; it must be an integer >= 1"),
        (
            lambda: Categorical(2, law="fast"),
            "law is 'fast'; allowed: 'literal', 'exact'",
        ),
        (
            lambda: Categorical(2).fit(np.array([[0, 1, 2]]), rng()),
            "the data hold states 0 to 2; allowed: 0 to 1",
        ),
        (
            lambda: Categorical(2).fit(np.array([[-1, 1]]), rng()),
            "the data hold states -1 to 1; allowed: 0 to 1",
        ),
        (
            lambda: Categorical(2).fit(np.array([[0.5, 1.0]]), rng()),
            "states must be integers, the data are float64",
        ),
        (
            lambda: Categorical(2).fit(np.array([[True, False]]), rng()),
            "states must be integers, the data are bool",
        ),
        (lambda: Categorical(2).fit(np.zeros((1, 0), int), rng()), "data is empty"),
        (lambda: Categorical(2).fit(np.zeros(3, int), rng()), r"has shape \(3,\)"),
        (
            lambda: Categorical(2).fit(Counts(4, np.array([[1, 1, 2]])), rng()),
            "the counts are of 3 states, n_states is 2",
        ),
        (
            lambda: Categorical(2).fit(
                models.GaussianSummary(4, np.zeros(1), np.ones(1)), rng()
            ),
            "Categorical cannot be fitted to GaussianSummary",
        ),
        (lambda: FittedCategorical.of([]), "weights is empty: at least one number"),
        (
            lambda: FittedCategorical.of([0.5, -0.5, 1]),
            "from -0.5 to 1; allowed",
        ),
        (lambda: FittedCategorical.of([math.nan, 1]), "1 values that are NaN"),
        (lambda: FittedCategorical.of([0.5, 0.6]), "off a sum of 1 by 0.1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int8, np.int64])
def test_symbols_may_be_of_any_integer_type(dtype):
    data = np.array([[0, 2, 2, 1], [1, 1, 1, 1]], dtype)
    p = Categorical(3).fit(data, rng()).p
    np.testing.assert_array_equal(p, [[0.25, 0.25, 0.5], [0, 1, 0]])


def test_single_precision_weights_are_a_distribution():
    weights = np.full(10, 0.1, np.float32)
    assert abs(weights.astype(float).sum() - 1) > 1e-9
    p = FittedCategorical.of(weights).p
    assert abs(p.sum() - 1) < 1e-12
    with pytest.raises(ValueError, match="off a sum of 1 by 0.001"):
        FittedCategorical.of(weights * np.float32(1.001))


def test_a_misspelt_law_is_refused():
    for make in (
        lambda law: models.FittedGaussian.standard(law),
        lambda law: models.FittedMultivariateGaussian.standard(2, law),
        lambda law: FittedCategorical.of([1.0], law),
    ):
        with pytest.raises(ValueError, match="law is 'litteral'; allowed: 'literal'"):
            make("litteral")
