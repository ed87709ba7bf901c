"""The Gaussian in d dimensions: both laws, both estimators, degenerate data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib import models, recurse, regimes, samples
from collapse_lib.models.multivariate import summarise, triangular_root, wishart_root
from collapse_lib.theory import gaussian

RNG = np.random.default_rng(0)  # for calls that do not draw
SEEDS = st.integers(0, 2**32 - 1)
# A covariance without symmetry between its axes, so that a transposed factor shows.
FACTOR = np.array([[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [-1.0, 0.3, 0.4]])
MEAN = np.array([1.0, -2.0, 0.5])


def skewed(law="literal"):
    return models.FittedMultivariateGaussian(MEAN[None], FACTOR[None], law)


def one_fit(law, n, chains, seed, estimator="unbiased"):
    """Fit once to n points from the skewed law, in many chains."""
    rng = np.random.default_rng(seed)
    model = models.MultivariateGaussian(estimator, law)
    return model.fit(skewed(law).expand(chains).sample(n, rng), rng)


def z_scores(values, expected):
    """How far means over the first axis are from what is expected, in s.e."""
    return (values.mean(axis=0) - expected) / (
        values.std(axis=0, ddof=1) / math.sqrt(len(values))
    )


# --- the fit ------------------------------------------------------------------


@pytest.mark.parametrize("estimator, ddof", [("unbiased", 1), ("mle", 0)])
@pytest.mark.parametrize("n, dim", [(50, 3), (4, 3), (3, 3), (2, 3), (7, 1)])
def test_fit_is_numpys_mean_and_covariance(estimator, ddof, n, dim):
    data = np.random.default_rng(1).normal(size=(5, n, dim)) @ np.diag(
        range(1, dim + 1)
    )
    fitted = models.MultivariateGaussian(estimator).fit(data, RNG)
    for chain in range(5):
        cov = np.cov(data[chain], rowvar=False, ddof=ddof).reshape(dim, dim)
        np.testing.assert_allclose(fitted.mean[chain], data[chain].mean(axis=0))
        np.testing.assert_allclose(fitted.cov[chain], cov, atol=1e-12)


@given(seed=SEEDS, n=st.integers(2, 12), dim=st.integers(1, 4))
def test_fit_commutes_with_affine_maps(seed, n, dim):
    rng = np.random.default_rng(seed)
    data, matrix = rng.normal(size=(2, n, dim)), rng.normal(size=(dim, dim))
    shift = rng.normal(size=dim)
    model = models.MultivariateGaussian()
    plain, moved = model.fit(data, RNG), model.fit(data @ matrix.T + shift, RNG)
    np.testing.assert_allclose(moved.mean, plain.mean @ matrix.T + shift, atol=1e-9)
    np.testing.assert_allclose(moved.cov, matrix @ plain.cov @ matrix.T, atol=1e-9)


@given(seed=SEEDS, n=st.integers(2, 12), dim=st.integers(1, 4))
def test_a_projection_of_the_fit_is_the_fit_of_the_projection(seed, n, dim):
    rng = np.random.default_rng(seed)
    data, v = rng.normal(size=(3, n, dim)), rng.normal(size=dim)
    cloud = models.MultivariateGaussian().fit(data, RNG)
    shadow = models.Gaussian().fit(data @ v, RNG)
    np.testing.assert_allclose(cloud.mean @ v, shadow.mu, atol=1e-12)
    np.testing.assert_allclose(v @ cloud.cov @ v, shadow.sigma**2, atol=1e-12)


def test_factors_are_lower_triangular_with_a_diagonal_not_negative():
    fitted = one_fit("literal", 10, 20, seed=2)
    np.testing.assert_array_equal(fitted.factor, np.tril(fitted.factor))
    assert (np.diagonal(fitted.factor, axis1=1, axis2=2) >= 0).all()
    np.testing.assert_allclose(fitted.factor, np.linalg.cholesky(fitted.cov))


def test_whole_numbers_are_data_too():
    points = np.array([[[0, 0], [3, 0], [0, 3]]])
    fitted = models.MultivariateGaussian().fit(points, RNG)
    np.testing.assert_allclose(fitted.cov[0], [[3, -1.5], [-1.5, 3]])


# --- degenerate data ------------------------------------------------------------


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_too_few_points_give_a_singular_covariance(law):
    fitted = one_fit(law, 3, 50, seed=3)
    assert (np.linalg.matrix_rank(fitted.cov) == 2).all()
    assert (fitted.axes[:, 2] < 1e-15).all()


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_chains_stay_in_the_subspace_they_fell_into(law):
    rng = np.random.default_rng(4)
    model = models.MultivariateGaussian(law=law)
    fitted = one_fit(law, 3, 20, seed=4)
    normal = np.linalg.svd(fitted.factor)[0][:, :, 2]  # where nothing varies
    before = (fitted.mean * normal).sum(axis=1)
    for _ in range(10):
        fitted = model.fit(fitted.sample(8, rng), rng)
    np.testing.assert_allclose((fitted.mean * normal).sum(axis=1), before, atol=1e-12)


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_a_collapsed_model_reproduces_its_point(law):
    collapsed = models.FittedMultivariateGaussian(MEAN[None], np.zeros((1, 3, 3)), law)
    rng = np.random.default_rng(5)
    fitted = models.MultivariateGaussian(law=law).fit(collapsed.sample(10, rng), rng)
    np.testing.assert_allclose(fitted.mean, MEAN[None], rtol=1e-15)
    assert fitted.trace.max() < 1e-30
    assert (collapsed.log_det == -np.inf).all()


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_one_point_has_no_variance_under_the_mle(law):
    fitted = one_fit(law, 1, 4, seed=6, estimator="mle")
    np.testing.assert_array_equal(fitted.factor, np.zeros((4, 3, 3)))


def test_determinants_far_below_the_range_of_floats_stay_right():
    rng = np.random.default_rng(7)
    model = models.MultivariateGaussian(law="exact")
    tiny = models.FittedMultivariateGaussian(
        np.zeros((1, 3)), 1e-120 * FACTOR[None], "exact"
    )
    tiny = tiny.expand(200)
    fitted = model.fit(tiny.sample(30, rng), rng)
    drift = gaussian.log_det_drift(30, 3)
    start = 2 * np.log(np.diag(1e-120 * FACTOR)).sum()
    assert start < -1600  # the determinant itself would be 1e-720
    assert abs(z_scores(fitted.log_det - start, drift)) < 4


# --- the two laws agree -----------------------------------------------------------


@pytest.mark.parametrize("law", ["literal", "exact"])
@pytest.mark.parametrize("n", [3, 4, 20])  # singular, just regular, comfortable
def test_moments_of_one_fit(law, n):
    fitted = one_fit(law, n, 20_000, seed=8)
    cov = FACTOR @ FACTOR.T
    assert np.abs(z_scores(fitted.mean, MEAN)).max() < 4
    scaled = n * np.einsum("ci,cj->cij", fitted.mean - MEAN, fitted.mean - MEAN)
    assert np.abs(z_scores(scaled, cov)).max() < 4  # Cov(mean) = Sigma / n
    assert np.abs(z_scores(fitted.cov, cov)).max() < 4
    # Wishart: Var(S_ij) = (Sigma_ij^2 + Sigma_ii Sigma_jj) / (n - 1).
    expected = (cov**2 + np.outer(np.diag(cov), np.diag(cov))) / (n - 1)
    assert np.abs(z_scores((fitted.cov - cov) ** 2, expected)).max() < 4


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_mean_and_covariance_of_a_fit_are_independent(law):
    fitted = one_fit(law, 6, 20_000, seed=9)
    shift, trace = fitted.mean - MEAN, fitted.trace - np.trace(FACTOR @ FACTOR.T)
    assert np.abs(z_scores(shift * trace[:, None], 0)).max() < 4


@pytest.mark.parametrize("law", ["literal", "exact"])
@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("n", [4, 20])
def test_log_det_drifts_as_the_theory_says(law, estimator, n):
    fitted = one_fit(law, n, 20_000, seed=10, estimator=estimator)
    drift = fitted.log_det - skewed().log_det
    assert abs(z_scores(drift, gaussian.log_det_drift(n, 3, estimator))) < 4


def test_both_laws_have_the_same_spread_after_many_generations():
    last = {}
    for law in ("literal", "exact"):
        history = recurse(
            models.MultivariateGaussian(law=law),
            models.FittedMultivariateGaussian.standard(2, law),
            regime=regimes.Replace(),
            n_samples=8,
            n_generations=15,
            chains=4_000,
            measure={"x": lambda fit: fit.log_det, "y": lambda fit: fit.axes[:, 0]},
            rng=np.random.default_rng(11),
            record=[15],
        )
        last[law] = np.stack([history.array("x")[0], np.log(history.array("y")[0])])
    for moment in (lambda v: v, lambda v: (v - v.mean(axis=1, keepdims=True)) ** 2):
        a, b = moment(last["literal"]), moment(last["exact"])
        error = np.sqrt(a.var(axis=1) / a.shape[1] + b.var(axis=1) / b.shape[1])
        assert (np.abs(a.mean(axis=1) - b.mean(axis=1)) < 4 * error).all()


@pytest.mark.parametrize("degrees", [0, 1, 2, 3, 10])
def test_wishart_roots_have_the_wishart_mean_and_variance(degrees):
    root = wishart_root(20_000, 3, degrees, np.random.default_rng(12))
    scatter = root @ np.swapaxes(root, 1, 2)
    if degrees == 0:
        assert (root == 0).all()
        return
    assert (np.linalg.matrix_rank(scatter) == min(3, degrees)).all()
    assert np.abs(z_scores(scatter, degrees * np.eye(3))).max() < 4
    squares = (scatter - degrees * np.eye(3)) ** 2
    assert np.abs(z_scores(squares, degrees * (1 + np.eye(3)))).max() < 4


@given(seed=SEEDS, dim=st.integers(1, 4), m=st.integers(1, 8), rank=st.integers(1, 4))
def test_triangular_root_squares_to_the_product(seed, dim, m, rank):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(2, dim, rank)) @ rng.normal(size=(2, rank, m))
    root = triangular_root(columns)
    product = columns @ np.swapaxes(columns, 1, 2)
    np.testing.assert_array_equal(root, np.tril(root))
    np.testing.assert_allclose(root @ np.swapaxes(root, 1, 2), product, atol=1e-9)


# --- summaries ---------------------------------------------------------------------


def test_pooled_summaries_equal_pooled_points():
    rng = np.random.default_rng(13)
    parts = [rng.normal(i, 1 + i, size=(3, n, 2)) for i, n in enumerate((4, 1, 7))]
    model = models.MultivariateGaussian()
    summaries = [summarise(part) for part in parts]
    pooled = model.fit(models.ScatterSummary.pool(summaries), RNG)
    direct = model.fit(np.concatenate(parts, axis=1), RNG)
    np.testing.assert_allclose(pooled.mean, direct.mean)
    np.testing.assert_allclose(pooled.cov, direct.cov)


def test_accumulating_summaries_and_points_agree():
    def run(law):
        return recurse(
            models.MultivariateGaussian(law=law),
            models.FittedMultivariateGaussian.standard(2, law),
            regime=regimes.Accumulate(),
            n_samples=5,
            n_generations=6,
            chains=10_000,
            measure={"trace": lambda fit: fit.trace},
            rng=np.random.default_rng(14),
            record=[6],
        ).array("trace")[0]

    a, b = run("literal"), run("exact")
    assert abs(a.mean() - b.mean()) < 4 * math.sqrt((a.var() + b.var()) / len(a))


# --- the fitted model ------------------------------------------------------------


def test_derived_quantities_agree_with_the_covariance():
    fitted = skewed()
    cov = FACTOR @ FACTOR.T
    np.testing.assert_allclose(fitted.trace, [np.trace(cov)])
    np.testing.assert_allclose(fitted.log_det, [np.linalg.slogdet(cov)[1]])
    np.testing.assert_allclose(fitted.axes[0] ** 2, np.linalg.eigvalsh(cov)[::-1])


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_temperature_scales_the_covariance(law):
    np.testing.assert_allclose(skewed(law).temper(0.25).cov, 0.25 * skewed(law).cov)
    assert skewed(law).temper(0.25).law == law


def test_the_same_seed_gives_the_same_fit():
    first, second = (one_fit("exact", 9, 3, seed=15) for _ in range(2))
    np.testing.assert_array_equal(first.factor, second.factor)


# --- messages ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, message",
    [
        (np.zeros((4, 3)), r"shape \(4, 3\).*\(chains, n, \.\.\.\)"),
        (np.zeros((2, 0, 3)), "empty"),
        (np.full((1, 2, 2), np.nan), "4 values that are NaN"),
        (np.full((1, 2, 2), "a"), "numbers are needed"),
        (np.zeros((1, 1, 2)), "at least 2 points"),
        (models.GaussianSummary(3, np.zeros(1), np.ones(1)), "GaussianSummary"),
    ],
)
def test_unusable_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        models.MultivariateGaussian().fit(data, RNG)


def test_unknown_options_are_refused():
    with pytest.raises(
        ValueError, match="estimator is 'ml'; allowed: 'unbiased', 'mle'"
    ):
        models.MultivariateGaussian("ml")
    with pytest.raises(ValueError, match="law is 'fast'; allowed: 'literal', 'exact'"):
        models.MultivariateGaussian(law="fast")


def test_a_subsample_of_a_summary_is_refused():
    summary = skewed("exact").sample(5, np.random.default_rng(16))
    with pytest.raises(ValueError, match="cannot be subsampled"):
        summary.subsample(2, RNG)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble, np.int32])
def test_moments_are_taken_in_double_precision(dtype):
    rng = np.random.default_rng(0)
    centre = 1e5 if dtype != np.float16 else 1e3
    data = (centre + rng.standard_normal((1, 100_000, 1))).astype(dtype)
    fitted = models.MultivariateGaussian().fit(data, rng)
    exact = np.var(data.astype(np.float64), ddof=1)
    assert fitted.cov.item() == pytest.approx(exact, rel=1e-9)
    assert fitted.mean.dtype == np.float64
    line = models.Gaussian().fit(data[..., 0], rng)
    assert line.sigma.item() ** 2 == pytest.approx(exact, rel=1e-9)


def test_points_augment_summaries():
    rng = np.random.default_rng(3)
    data = rng.normal(1, 2, (2, 40, 3))
    drawn = models.FittedMultivariateGaussian.standard(3, "exact").expand(2)
    summary = drawn.sample(7, rng)
    both = samples.pool([data, summary])
    apart = models.ScatterSummary.pool([summarise(data), summary])
    np.testing.assert_array_equal(both.root, apart.root)
