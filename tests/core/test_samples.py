"""Data sets: pooling, subsampling, validation."""

import random
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture as SKMixture

from collapse_lib import recurse, regimes, samples
from collapse_lib.models import (
    Categorical,
    Counts,
    FittedGaussian,
    Gaussian,
    GaussianSummary,
)
from collapse_lib.models.gaussian import summarise


def test_pool_joins_arrays_along_the_points():
    a, b = np.zeros((2, 3)), np.ones((2, 1))
    joined = samples.pool([a, b])
    np.testing.assert_array_equal(joined, [[0, 0, 0, 1], [0, 0, 0, 1]])


def test_points_are_handed_on_and_summaries_refused_by_name():
    array = np.zeros((2, 3))
    assert samples.points(array, Categorical(2)) is array
    summary = GaussianSummary(3, np.zeros(2), np.ones(2))
    wanted = (
        "^Categorical cannot be fitted to GaussianSummary: it needs the points "
        'themselves or Counts. .*law="literal"'
    )
    with pytest.raises(ValueError, match=wanted):
        samples.points(summary, Categorical(2), Counts)


def test_pool_drops_empty_parts():
    a = np.ones((2, 3))
    assert samples.pool([np.empty((2, 0)), a]) is a


def test_pool_of_nothing_says_so():
    with pytest.raises(ValueError, match="every part is empty"):
        samples.pool([np.empty((2, 0))])


def test_points_are_summarised_to_be_pooled_with_a_summary():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 2, (2, 2, 50))
    both = samples.pool([a, Gaussian().fit(b, rng).sample(7, rng), b])
    assert both.shape == (2, 107)
    summary = samples.pool([a, GaussianSummary(3, np.zeros(2), np.ones(2))])
    apart = samples.pool([summarise(a), GaussianSummary(3, np.zeros(2), np.ones(2))])
    np.testing.assert_array_equal(summary.norm, apart.norm)
    states = np.array([[0, 0, 2]])
    counted = samples.pool([states, Counts(2, np.array([[0, 1, 1]]))])
    np.testing.assert_array_equal(counted.counts, [[2, 1, 2]])


def test_a_summary_that_cannot_hold_points_says_so():
    @dataclass(frozen=True)
    class Totals(samples.Summary):
        total: np.ndarray
        chains = 1
        _pool = None

    with pytest.raises(ValueError, match="Totals cannot be pooled with an array"):
        samples.pool([np.zeros((1, 3)), Totals(3, np.zeros(1))])


def test_summaries_of_different_kinds_are_not_pooled():
    parts = [
        GaussianSummary(1, np.zeros(1), np.ones(1)),
        Counts(1, np.ones((1, 1), int)),
    ]
    with pytest.raises(ValueError, match="Counts, GaussianSummary"):
        samples.pool(parts)


@given(total=st.integers(1, 40), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_subsample_takes_distinct_points_of_its_own_chain(total, share, seed):
    n = int(share * total)
    data = np.arange(3 * total).reshape(3, total)
    drawn = samples.subsample(data, n, np.random.default_rng(seed))
    assert drawn.shape == (3, n)
    for own, row in zip(data, drawn, strict=True):
        assert len(set(row)) == n
        assert set(row) <= set(own)


@pytest.mark.parametrize("n", [3, 7])  # both ways of drawing: few and many of ten
def test_subsample_is_uniform(n):
    runs, total = 40_000, 10
    data = np.broadcast_to(np.arange(total), (runs, total))
    drawn = samples.subsample(data, n, np.random.default_rng(1))
    share = np.bincount(drawn.ravel(), minlength=total) / runs
    p = n / total
    z = (share - p) / np.sqrt(p * (1 - p) / runs)
    assert np.abs(z).max() < 4
    # Pairs too: places must not come in runs.
    together = ((drawn == 0).any(axis=1) & (drawn == 1).any(axis=1)).mean()
    expected = p * (n - 1) / (total - 1)
    assert abs(together - expected) < 4 * np.sqrt(expected * (1 - expected) / runs)


@pytest.mark.parametrize("n", [30, 300, 599])
def test_subsample_keeps_the_order_of_the_points(n):
    """The order in which a partition leaves them depends on the CPU's instructions."""
    data = np.broadcast_to(np.arange(600), (5, 600))
    drawn = samples.subsample(data, n, np.random.default_rng(2))
    assert (np.diff(drawn, axis=1) > 0).all()


def test_subsample_of_too_few_points_names_both_numbers():
    with pytest.raises(ValueError, match="cannot draw 5 points from 3"):
        samples.subsample(np.zeros((1, 3)), 5, np.random.default_rng(0))


def test_counts_subsample_keeps_the_size_and_never_exceeds_the_counts():
    counts = Counts(10, np.array([[7, 3, 0], [0, 0, 10]]))
    drawn = samples.subsample(counts, 4, np.random.default_rng(0))
    assert drawn.size == 4
    assert (drawn.counts.sum(axis=1) == 4).all()
    assert (drawn.counts <= counts.counts).all()


def test_gaussian_summary_cannot_be_subsampled():
    summary = GaussianSummary(5, np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match='law="literal"'):
        samples.subsample(summary, 2, np.random.default_rng(0))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_growing_pool_equals_concatenation(lengths):
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(2, n)) for n in lengths]
    grown = samples.Pool(parts[0].shape[1], parts[0])
    for part in parts[1:]:
        grown = grown.append(part)
    np.testing.assert_array_equal(grown.points, np.concatenate(parts, axis=1))


def test_growing_pool_never_writes_into_the_data_it_started_from():
    real = np.zeros((1, 2))
    samples.Pool(2, real).append(np.ones((1, 1)))
    np.testing.assert_array_equal(real, np.zeros((1, 2)))


def test_growing_pool_of_integers_takes_fractions():
    grown = samples.Pool(2, np.array([[1, 2]])).append(np.array([[0.5]]))
    np.testing.assert_array_equal(grown.points, [[1, 2, 0.5]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(3), r"shape \(3,\); this model needs \(chains, n\)"),
        (np.zeros((2, 0)), r"empty: its shape is \(2, 0\)"),
        (np.array([[1.0, np.nan, np.inf]]), "2 values that are NaN or infinite"),
        (np.array([["a", "b"]]), "numbers are needed"),
    ],
)
def test_bad_data_are_named(data, message):
    with pytest.raises(ValueError, match=message):
        samples.check_data(data, event_ndim=0)


# --- sources -----------------------------------------------------------------------


class Source:
    """Returns whatever it was given."""

    def __init__(self, drawn):
        self.drawn = drawn

    def sample(self, n, rng):
        return self.drawn


def run(real, model=None, chains=1, regime=None):
    return recurse(
        model or Gaussian(),
        real,
        regime=regime or regimes.Replace(),
        n_samples=10,
        n_generations=1,
        measure={"sigma": lambda fit: fit.sigma},
        rng=np.random.default_rng(0),
        chains=chains,
    )


def test_tables_and_tensors_are_data_though_they_have_a_method_sample():
    values = np.random.default_rng(1).normal(size=50)
    expected = run(values)["value"].tolist()
    for real in (pd.Series(values), torch.tensor(values), values.tolist()):
        assert run(real)["value"].tolist() == expected


@pytest.mark.parametrize(
    "real, says",
    [
        (SKMixture(2).fit(np.zeros((9, 1)) + np.arange(9)[:, None]), "sample does not"),
        (random, "real is a module; pass an object"),
        (FittedGaussian, "real is the class FittedGaussian.*standard()"),
        (None, "real is None"),
        ("real.csv", "real is 'real.csv'"),
        (Source([[0.0] * 9]), r"shape \(1, 9\); needed .* here \(1, 10, ...\)"),
        (Source(np.zeros(10)), r"shape \(10,\)"),
        (Source(None), "is None; numbers are needed"),
        (Source((np.zeros((1, 10)), 3)), "cannot become an array"),
        (Source(GaussianSummary(9, np.zeros(1), np.ones(1))), "stands for 9 points"),
        (np.ma.array(np.zeros(10), mask=np.arange(10) < 3), "real has 3 masked places"),
        (pd.Series([1.0, None]), "real holds 1 values that are NaN"),
    ],
)
def test_what_is_no_real_data_is_refused(real, says):
    with pytest.raises(ValueError, match=says):
        run(real)


def test_a_masked_array_would_lose_its_mask():
    values = np.r_[np.random.default_rng(0).normal(size=99), 1000.0]
    masked = np.ma.masked_greater(values, 500)
    with pytest.raises(ValueError, match="1 masked places"):
        Gaussian().fit(masked[None], np.random.default_rng(0))
    assert run(masked.compressed()).at(0).array("sigma").item() < 1.2


def test_a_column_is_not_taken_for_chains_of_one_point():
    values = np.random.default_rng(0).normal(size=(64, 1))
    with pytest.raises(ValueError, match=r"64 chains with a single.*real\[:, 0\]"):
        run(values, Gaussian("mle"), chains=64)


def test_a_model_must_say_what_a_point_is():
    class Bare:
        def fit(self, data, rng):
            return FittedGaussian(np.array([data.mean()]), np.array([1.0]))

    with pytest.raises(ValueError, match="Bare without event_ndim"):
        run(np.zeros(5), Bare())
    assert len(run(FittedGaussian.standard(), Bare())) == 2  # a source says it itself


@pytest.mark.parametrize("shape", [(1, 9), (2, 10), (10,), ()])
def test_a_generator_that_returns_another_shape_is_named(shape):
    def bias(fitted):
        return Source(np.zeros(shape))

    with pytest.raises(ValueError, match="what Source.sample.* returned has shape"):
        run(np.arange(5.0), regime=regimes.Replace(bias=bias))


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize("kind", [list, torch.tensor, np.asarray])
def test_a_source_may_return_what_becomes_an_array(kind, chains):
    class Lists:
        def sample(self, n, rng):
            return kind(rng.normal(size=(1, n)).tolist())

    found = run(Lists(), chains=chains).at(0).array("sigma")
    assert len(np.unique(found)) == chains


@pytest.mark.parametrize(
    "later, says",
    [
        (
            lambda n: np.ma.array(np.zeros((1, n)), mask=np.ones((1, n))),
            "masked places",
        ),
        (lambda n: np.zeros((1, n - 1)), "other shapes"),
        (lambda n: None, "is None"),
    ],
)
def test_what_every_chain_draws_is_looked_at(later, says):
    class Later:
        drawn = 0

        def sample(self, n, rng):
            self.drawn += 1
            return later(n) if self.drawn > 1 else np.zeros((1, n))

    with pytest.raises(ValueError, match=says):
        run(Later(), chains=3)


def test_masked_places_are_not_pooled_or_kept():
    masked = np.ma.array(np.zeros((1, 4)), mask=[[0, 1, 0, 0]])
    with pytest.raises(ValueError, match="masked places"):
        samples.pool([masked, np.zeros((1, 2))])
    with pytest.raises(ValueError, match="masked places"):
        samples.subsample(masked, 2, np.random.default_rng(0))


@pytest.mark.parametrize("found", [None, np.zeros((1, 10)), pd.DataFrame({"a": [1.0]})])
def test_a_bias_returns_a_generator(found):
    with pytest.raises(ValueError, match="bias returned .*sample.n, rng."):
        run(np.arange(5.0), regime=regimes.Replace(bias=lambda fitted: found))


def test_a_schedule_returns_a_model_and_not_its_class():
    with pytest.raises(ValueError, match=r"model\(0\) returned .*Gaussian"):
        run(np.arange(5.0), model=lambda t: Gaussian)
