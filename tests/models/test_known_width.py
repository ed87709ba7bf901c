"""A Gaussian of known width: its mean, its summary, and both laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from collapse_lib import recurse, regimes, samples
from collapse_lib.models import (
    Categorical,
    FittedCategorical,
    FittedGaussian,
    FittedKnownWidth,
    KnownWidth,
    MeanSummary,
)
from collapse_lib.theory import number_line

RNG = np.random.default_rng(0)  # fit ignores it
LAWS = ("literal", "exact")

data_sets = hnp.arrays(
    np.float64,
    st.tuples(st.just(2), st.integers(2, 30)),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False),
)


@given(data=data_sets)
def test_only_the_mean_is_fitted(data):
    fitted = KnownWidth(3.0).fit(data, RNG)
    np.testing.assert_allclose(fitted.mu, data.mean(axis=1), rtol=1e-12, atol=1e-12)
    assert fitted.sigma0 == 3.0


@given(data=data_sets, cut=st.integers(1, 29))
def test_pooled_summaries_are_the_summary_of_the_pooled_data(data, cut):
    cut = min(cut, data.shape[1] - 1)
    like = MeanSummary(1, np.zeros(2)).like
    whole = like(data)
    for second in (like(data[:, cut:]), data[:, cut:]):
        pooled = samples.pool([like(data[:, :cut]), second])
        assert (pooled.size, pooled.chains) == (data.shape[1], 2)
        np.testing.assert_allclose(pooled.mean, whole.mean, rtol=1e-9, atol=1e-9)


def test_points_in_single_precision_are_averaged_in_double():
    two = np.array([[1, 1 + 2**-23]], np.float32)
    assert KnownWidth().fit(two, RNG).mu.tolist() == [1 + 2**-24]


def test_literal_points_are_normal():
    source = FittedKnownWidth(np.array([-4.0, 2.0]), 0.5)
    rows = source.sample(20_000, np.random.default_rng(1))
    for row, mu in zip(rows, source.mu, strict=True):
        assert stats.kstest(row, stats.norm(mu, 0.5).cdf).pvalue > 1e-4


@pytest.mark.parametrize("n", [1, 7, 10**12])
def test_the_exact_mean_follows_its_law(n):
    source = FittedKnownWidth(np.full(40_000, -4.0), 0.5, "exact")
    summary = source.sample(n, np.random.default_rng(2))
    assert (summary.size, summary.chains) == (n, 40_000)
    law = stats.norm(0, 0.5 / np.sqrt(n))
    assert stats.kstest(summary.mean + 4, law.cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    "regime",
    [regimes.Replace(), regimes.Accumulate(), regimes.Augment(), regimes.Fresh(7)],
)
def test_both_laws_give_the_same_distribution(regime):
    finals = [run(KnownWidth(2.0, law), regime, 5, 6, 20_000)[-1] for law in LAWS]
    assert stats.ks_2samp(*finals).pvalue > 1e-4


@given(temperature=st.floats(0, 4))
def test_temperature_scales_the_variance_of_the_points_alone(temperature):
    source = FittedKnownWidth.standard()
    cooled = source.temper(temperature)
    assert cooled.sigma0**2 == pytest.approx(temperature, abs=1e-12)
    again = KnownWidth().fit(cooled.sample(3, np.random.default_rng(0)), RNG)
    assert (cooled.mu[0], again.sigma0) == (0, 1)


# --- the number line ---------------------------------------------------------


def run(model, regime, n, samplings, chains):
    """Return the fitted means, shape ``(samplings, chains)``."""
    history = recurse(
        model,
        FittedKnownWidth(np.zeros(1), model.sigma0, model.law),
        regime=regime,
        n_samples=n,
        n_generations=samplings - 1,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng([3, samplings]),
        chains=chains,
    )
    return history.array("mu")


def check(means, expected):
    """The scaled squared errors agree with a law at four standard errors."""
    assert len(means) == len(expected)
    for values, value in zip(means**2, expected, strict=True):
        error = values.std(ddof=1) / np.sqrt(values.size)
        assert abs(values.mean() - value) < 4 * error


T = np.arange(1, 16)
N, SIGMA = 20, 2.0
TRUTH = FittedKnownWidth.standard()


@pytest.mark.parametrize(
    ("regime", "law"),
    [
        (regimes.Replace(), number_line.replace(T)),
        (
            regimes.Replace(bias=regimes.Corrected(TRUTH, 1)),
            number_line.corrected(T, 1),
        ),
        (regimes.Accumulate(), number_line.accumulate(T)),
        (regimes.Augment(), number_line.augment(T)),
        (regimes.Fresh(), number_line.fresh(T)),
        (regimes.Fresh(0), number_line.fresh(T, weight=0)),
        (regimes.Web(0.25), number_line.web(T, 0.25)),
        (regimes.Web(1), number_line.web(T, 1)),
    ],
)
def test_runs_follow_the_laws_of_the_number_line(regime, law):
    means = run(KnownWidth(SIGMA, "exact"), regime, N, len(T), 40_000)
    check(means, law * SIGMA**2 / N)


@pytest.mark.parametrize("n", [2, 20])
def test_subsamples_follow_their_law(n):
    # The literal law: the points of the pool matter, not their mean alone.
    means = run(KnownWidth(), regimes.AccumulateSubsample(), n, len(T), 10_000)
    check(means, number_line.accumulate_subsample(T, n) / n)


def test_growing_samples_follow_their_law():
    growing = regimes.GrowingSamples(N, 2)
    means = run(KnownWidth(law="exact"), regimes.Replace(), growing, len(T), 40_000)
    check(means, number_line.replace(T, 2) / N)


def test_fresh_data_of_another_size_follow_their_law():
    means = run(KnownWidth(law="exact"), regimes.Fresh(5), N, len(T), 40_000)
    # Real points of a generation are the unit, and the first fit has 20 of them.
    later = number_line.fresh(np.inf, ratio=4) / 5
    start = 1 / N - later
    check(means, later + start * 0.8 ** (2 * (T - 1)))


# --- what is refused ---------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma0": 0}, "sigma0 is 0; it must be a number > 0"),
        ({"sigma0": "wide"}, "sigma0 is 'wide'"),
        ({"law": "fast"}, "law is 'fast'; allowed: 'literal', 'exact'"),
    ],
)
def test_options_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        KnownWidth(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(3), r"shape \(3,\); this model needs \(chains, n\)"),
        (np.zeros((2, 0)), "empty"),
        (np.array([[1.0, np.nan], [np.inf, 0.0]]), "2 values that are NaN or infinite"),
        (np.array([["a", "b"]]), "numbers are needed"),
        (np.array([[1e308, 1e308]]), "their sum overflows"),
    ],
)
def test_bad_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        KnownWidth().fit(data, RNG)


@pytest.mark.parametrize(
    "source", [FittedCategorical.of([0.5, 0.5]), FittedGaussian.standard("exact")]
)
def test_other_summaries_cannot_train_it(source):
    data = source.sample(3, np.random.default_rng(0))
    with pytest.raises(
        ValueError, match="KnownWidth cannot be fitted to .*MeanSummary"
    ):
        KnownWidth().fit(data, RNG)
    summary = FittedKnownWidth.standard("exact").sample(3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="different kinds cannot be pooled"):
        samples.pool([summary, data])
    with pytest.raises(ValueError, match="Categorical cannot be fitted to MeanSummary"):
        Categorical(2).fit(summary, RNG)


def test_a_mean_does_not_determine_that_of_a_subsample():
    with pytest.raises(ValueError, match='MeanSummary cannot be subsampled.*"literal"'):
        run(KnownWidth(law="exact"), regimes.AccumulateSubsample(), 5, 3, 2)


@pytest.mark.parametrize("sigma0", [-1, np.nan, np.zeros(2)])
def test_a_fit_needs_a_width(sigma0):
    with pytest.raises(ValueError, match="sigma0 is"):
        FittedKnownWidth(np.zeros(2), sigma0)
