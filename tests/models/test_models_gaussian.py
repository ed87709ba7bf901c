"""One Gaussian: estimators, summaries, and the exact law against the literal one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from collapse_lib import recurse, regimes, samples
from collapse_lib.models import Counts, FittedGaussian, Gaussian, GaussianSummary
from collapse_lib.models.gaussian import BLOCK, draw_normal, summarise

RNG = np.random.default_rng(0)  # fit ignores it

# Data of two chains, moderate in size: float64 is exact enough for rtol 1e-9.
data_sets = hnp.arrays(
    np.float64,
    st.tuples(st.just(2), st.integers(2, 30)),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False),
)


@pytest.mark.parametrize(("estimator", "ddof"), [("unbiased", 1), ("mle", 0)])
@given(data=data_sets)
def test_fit_agrees_with_numpy(estimator, ddof, data):
    fitted = Gaussian(estimator).fit(data, RNG)
    np.testing.assert_allclose(fitted.mu, data.mean(axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(fitted.sigma, data.std(axis=1, ddof=ddof), atol=1e-9)


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@given(data=data_sets, shift=st.floats(-1e3, 1e3), scale=st.floats(0.01, 100))
def test_fit_moves_and_stretches_with_the_data(estimator, data, shift, scale):
    plain = Gaussian(estimator).fit(data, RNG)
    moved = Gaussian(estimator).fit(shift + scale * data, RNG)
    np.testing.assert_allclose(moved.mu, shift + scale * plain.mu, atol=1e-7)
    np.testing.assert_allclose(moved.sigma, scale * plain.sigma, atol=1e-7)


@given(data=data_sets, cut=st.integers(1, 29))
def test_pooled_summaries_are_the_summary_of_the_pooled_data(data, cut):
    cut = min(cut, data.shape[1] - 1)
    whole = summarise(data)
    pooled = samples.pool([summarise(data[:, :cut]), summarise(data[:, cut:])])
    assert pooled.size == whole.size
    np.testing.assert_allclose(pooled.mean, whole.mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(pooled.norm, whole.norm, rtol=1e-9, atol=1e-6)


@given(data=data_sets)
def test_the_order_of_the_points_does_not_matter(data):
    forwards, backwards = summarise(data), summarise(data[:, ::-1])
    np.testing.assert_allclose(forwards.mean, backwards.mean, atol=1e-9)
    np.testing.assert_allclose(forwards.norm, backwards.norm, atol=1e-9)


@pytest.mark.parametrize("n", [BLOCK - 1, BLOCK, 2 * BLOCK + 3])
def test_long_rows_are_summarised_block_by_block(n):
    data = np.random.default_rng(1).normal(5, 2, (2, n))
    summary = summarise(data)
    assert summary.size == n
    np.testing.assert_allclose(summary.mean, data.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(summary.norm, data.std(axis=1) * n**0.5, rtol=1e-12)


def test_many_short_rows_are_summarised_in_groups():
    data = np.random.default_rng(1).normal(size=(BLOCK // 2 + 5, 4))
    np.testing.assert_allclose(summarise(data).mean, data.mean(axis=1), atol=1e-15)


def test_a_far_away_mean_costs_no_digits():
    # The textbook shortcut, mean square minus squared mean, returns 0 here.
    data = 1e9 + np.array([[-1.0, 0.0, 1.0]])
    assert Gaussian().fit(data, RNG).sigma == pytest.approx(1.0, rel=1e-9)


def test_tiny_scales_do_not_underflow():
    # The squares of such numbers are below the smallest float.
    history = recurse(
        Gaussian("mle", "exact"),
        FittedGaussian(np.zeros(1), np.full(1, 1e-200), "exact"),
        regime=regimes.Replace(),
        n_samples=10,
        n_generations=3,
        measure={"sigma": lambda fit: fit.sigma},
        rng=np.random.default_rng(2),
    )
    assert (history["value"] > 1e-202).all()


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_a_collapsed_model_repeats_its_mean_and_stays_finite(law):
    point = FittedGaussian(np.array([3.0, -2.0]), np.zeros(2), law)
    fitted = Gaussian(law=law).fit(point.sample(7, np.random.default_rng(3)), RNG)
    np.testing.assert_array_equal(fitted.mu, [3.0, -2.0])
    np.testing.assert_array_equal(fitted.sigma, [0.0, 0.0])


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_a_single_point_has_no_spread(law):
    point = FittedGaussian.standard(law).expand(5).sample(1, np.random.default_rng(4))
    fitted = Gaussian("mle", law).fit(point, RNG)
    np.testing.assert_array_equal(fitted.sigma, np.zeros(5))
    with pytest.raises(ValueError, match='at least 2 points per chain.*"mle"'):
        Gaussian("unbiased", law).fit(point, RNG)


# --- the exact law -----------------------------------------------------------


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("n", [2, 5, 50])
def test_both_laws_give_the_same_distribution(estimator, n):
    finals = {}
    for law in ("literal", "exact"):
        history = recurse(
            Gaussian(estimator, law),
            FittedGaussian.standard(law),
            regime=regimes.Replace(),
            n_samples=n,
            n_generations=4,
            measure={"mu": lambda fit: fit.mu, "sigma": lambda fit: fit.sigma},
            rng=np.random.default_rng([5, n]),
            chains=20_000,
        )
        finals[law] = {m: history.array(m)[-1] for m in ("mu", "sigma")}
    for metric in ("mu", "sigma"):
        pair = finals["literal"][metric], finals["exact"][metric]
        assert stats.ks_2samp(*pair).pvalue > 1e-4


def test_both_laws_pool_alike():
    means = {}
    for law in ("literal", "exact"):
        history = recurse(
            Gaussian("mle", law),
            FittedGaussian.standard(law),
            regime=regimes.Accumulate(),
            n_samples=5,
            n_generations=10,
            measure={"variance": lambda fit: fit.sigma**2},
            rng=np.random.default_rng(6),
            chains=20_000,
        )
        last = history.array("variance")[-1]
        means[law] = last.mean(), last.std() / np.sqrt(last.size)
    (a, se_a), (b, se_b) = means.values()
    assert abs(a - b) < 4 * np.hypot(se_a, se_b)


def test_the_exact_statistics_are_independent():
    # Cochran: given the model, mean and spread know nothing of each other.
    chains = 40_000
    source = FittedGaussian.standard("exact").expand(chains)
    summary = source.sample(6, np.random.default_rng(7))
    for pair in ((summary.mean, summary.norm), (summary.mean**2, summary.norm)):
        assert abs(np.corrcoef(*pair)[0, 1]) < 4 / np.sqrt(chains)


def test_the_exact_statistics_follow_normal_and_chi_square():
    n, chains = 6, 40_000
    fitted = FittedGaussian(np.full(chains, 2.0), np.full(chains, 3.0), "exact")
    summary = fitted.sample(n, np.random.default_rng(8))
    mean = stats.norm(2.0, 3.0 / np.sqrt(n))
    assert stats.kstest(summary.mean, mean.cdf).pvalue > 1e-4
    squares = (summary.norm / 3.0) ** 2
    assert stats.kstest(squares, stats.chi2(n - 1).cdf).pvalue > 1e-4


def test_literal_points_are_normal():
    # More rows than a block holds, and rows longer than a block.
    for shape in ((70_000, 2), (2, 70_000)):
        mu, sigma = np.full(shape[0], -1.0), np.full(shape[0], 0.5)
        points = draw_normal(mu, sigma, shape[1], np.random.default_rng(9))
        assert points.shape == shape
        assert stats.kstest(points.ravel(), stats.norm(-1.0, 0.5).cdf).pvalue > 1e-4


def test_every_chain_has_its_own_mean_and_scale():
    fitted = FittedGaussian(np.array([-50.0, 50.0]), np.array([1e-3, 1e3]))
    x = fitted.sample(4_000, np.random.default_rng(10))
    for row, mu, sigma in zip(x, fitted.mu, fitted.sigma, strict=True):
        assert abs(row.mean() - mu) < 4 * sigma / np.sqrt(row.size)
        # The variance of s is about sigma^2 / (2 n).
        assert abs(row.std() - sigma) < 4 * sigma / np.sqrt(2 * row.size)


@given(temperature=st.floats(0, 4))
def test_temperature_scales_the_variance(temperature):
    cooled = FittedGaussian.standard().temper(temperature)
    assert cooled.sigma[0] ** 2 == pytest.approx(temperature, abs=1e-12)
    assert cooled.mu[0] == 0


# --- what is refused ---------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "biased"}, "estimator is 'biased'; allowed: 'unbiased', 'mle'"),
        ({"law": "fast"}, "law is 'fast'; allowed: 'literal', 'exact'"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Gaussian(**options)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros(3), r"shape \(3,\); this model needs \(chains, n\)"),
        (np.zeros((2, 3, 1)), r"shape \(2, 3, 1\)"),
        (np.zeros((2, 0)), "empty"),
        (np.array([[1.0, np.nan], [np.inf, 0.0]]), "2 values that are NaN or infinite"),
        (np.array([["a", "b"]]), "numbers are needed"),
        (np.array([[1e200, -1e200]]), "squares overflow"),
    ],
)
# An overflow is what the last case is about; NumPy mentions it before we do.
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_bad_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        Gaussian().fit(data, RNG)


def test_counts_cannot_train_a_gaussian():
    counts = Counts(3, np.array([[1, 2]]))
    with pytest.raises(ValueError, match="cannot be fitted to Counts"):
        Gaussian().fit(counts, RNG)


def test_a_summary_cannot_be_subsampled():
    summary = GaussianSummary(5, np.zeros(1), np.ones(1))
    with pytest.raises(ValueError, match='law="literal"'):
        samples.subsample(summary, 2, np.random.default_rng(0))
