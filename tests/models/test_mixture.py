"""Gaussian mixtures: scikit-learn's fits, chain by chain, and no NaN in hard cases."""

import subprocess
import sys
import warnings
from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as TheirMixture

from collapse_lib import models, recurse, regimes
from collapse_lib.metrics import overlap_mixtures
from collapse_lib.models import FittedGaussianMixture, GaussianMixture
from collapse_lib.models.mixture import em, steps
from collapse_lib.models.mixture.features import FACTORS, SMALL, sum_log
from collapse_lib.models.mixture.fitted import in_units

TWO = FittedGaussianMixture.of(
    [0.3, 0.7], [[-2, 0], [1, 1]], [[[1, 0.5], [0.5, 1]], [[0.2, 0], [0, 2]]]
)


def any_rng():
    """Return a generator, where it does not matter which."""
    return np.random.default_rng(0)


def random_start(data, k, rng):
    """Return k components that sit on data points and are as wide as the data."""
    dim = data.shape[1]
    spread = np.cov(data.T).reshape(dim, dim) + 1e-6 * data.var() * np.eye(dim)
    means = data[rng.choice(len(data), k, replace=False)]
    weights = rng.dirichlet(np.full(k, 3.0))
    return FittedGaussianMixture.of(weights, means, np.repeat(spread[None], k, 0))


def fit_both(data, start, **options):
    """Fit the same data from the same start, here and with scikit-learn."""
    options = {"tol": 1e-5, "max_iter": 40, "reg_covar": 1e-6, **options}
    k = start.weights.shape[1]
    theirs = TheirMixture(
        k,
        weights_init=start.weights[0],
        means_init=start.means[0],
        precisions_init=np.linalg.inv(start.covariances[0]),
        **options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 40 iterations may end it
        theirs.fit(data)
    ours = GaussianMixture(k, start=start, **options)
    return ours.fit(data[None], any_rng()), theirs


def largest_difference(ours, theirs, scale):
    pairs = [
        (ours.weights[0], theirs.weights_),
        (ours.means[0] / scale, theirs.means_ / scale),
        (ours.covariances[0] / scale**2, theirs.covariances_ / scale**2),
        (ours.log_likelihood[0], theirs.lower_bound_),
    ]
    return max(np.abs(a - b).max() for a, b in pairs)


# ------------------------------------------------------------- against scikit-learn


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(1, 5),
    dim=st.integers(1, 4),
    n=st.integers(20, 200),
    log_scale=st.floats(-3, 3),
    log_distance=st.floats(-1, 3),
)
@example(seed=1, k=2, dim=2, n=150, log_scale=-3.0, log_distance=3.0)
def test_same_start_same_fit(seed, k, dim, n, log_scale, log_distance):
    rng = np.random.default_rng(seed)
    scale = 10**log_scale
    shape = rng.standard_normal((dim, dim))
    data = rng.standard_normal((n, dim)) @ shape + 3 * rng.integers(0, 3, (n, 1))
    data = scale * (data + 10**log_distance)
    start = random_start(data, k, rng)
    options = {"reg_covar": 1e-6 * scale**2}
    ours, theirs = fit_both(data, start, **options)
    # Where a component starves, scikit-learn's small constant pulls it towards the
    # origin of the coordinates (ours: towards the data), so that its fit depends on
    # where the data lie. There is nothing to be equal to then.
    centre = data.mean(axis=0)
    moved = replace(start, means=start.means - centre)
    _, elsewhere = fit_both(data - centre, moved, **options)
    assume(np.abs(theirs.means_ - centre - elsewhere.means_).max() < 1e-8 * scale)
    assert ours.n_iter[0] == theirs.n_iter_
    assert largest_difference(ours, theirs, scale) < 1e-6


@pytest.mark.parametrize("width", [1e-1, 1e-3, 1e-5])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_same_fit_for_components_that_have_collapsed_far_from_each_other(width, offset):
    """From 3e-4 down this needs coordinates of the component's own."""
    rng = np.random.default_rng(0)
    centres = offset + np.array([[0.0, 0.0], [1.0, 0.5], [0.3, -2.0]])
    data = (centres[:, None] + width * rng.standard_normal((3, 100, 2))).reshape(-1, 2)
    covs = np.repeat(2 * width**2 * np.eye(2)[None], 3, axis=0)
    start = FittedGaussianMixture.of([0.2, 0.3, 0.5], centres + width, covs)
    ours, theirs = fit_both(data, start, reg_covar=0.1 * width**2)
    assert ours.n_iter[0] == theirs.n_iter_
    assert largest_difference(ours, theirs, width) < 1e-6


def test_large_samples_are_cut_into_blocks_without_a_seam():
    rng = np.random.default_rng(3)
    data = TWO.sample(70_001, rng)[0]
    ours, theirs = fit_both(data, random_start(data, 2, rng))
    assert ours.n_iter[0] == theirs.n_iter_
    assert largest_difference(ours, theirs, 1) < 1e-8


@pytest.fixture
def rough_rounds(monkeypatch):
    """Count the blocks whose shares are computed in single precision."""
    seen = []

    def count(block, relative):
        seen.append(block)
        return steps.expect_in_single(block, relative)

    monkeypatch.setattr(em, "expect_in_single", count)
    return seen


@pytest.mark.parametrize("dim", [2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_single_precision_leaves_the_fit_of_many_points_as_it_is(
    dim, seed, rough_rounds, monkeypatch
):
    """One blob for two components: they converge as slowly as can be."""
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((em.MANY, dim))
    start = random_start(data, 2, rng)
    ours, theirs = fit_both(data, start, max_iter=500)
    assert len(rough_rounds) > 1
    assert ours.n_iter[0] == theirs.n_iter_
    assert largest_difference(ours, theirs, 1) < 2e-7
    monkeypatch.setattr(em, "MANY", np.inf)
    exact, _ = fit_both(data, start, max_iter=500)
    assert largest_difference(exact, theirs, 1) < 1e-9
    assert (exact.means != ours.means).any()


@pytest.mark.parametrize(
    ("options", "most"),
    [({"max_iter": 1}, 0), ({"max_iter": 4}, 3), ({"tol": 0.0, "max_iter": 200}, 150)],
)
def test_single_precision_ends_where_the_options_say(options, most, rough_rounds):
    rng = np.random.default_rng(1)
    data = rng.standard_normal((em.MANY, 2))
    ours, theirs = fit_both(data, random_start(data, 2, rng), **options)
    assert ours.n_iter[0] == theirs.n_iter_
    assert len(rough_rounds) <= most
    assert largest_difference(ours, theirs, 1) < 1e-6


def test_narrow_and_light_components_are_never_fitted_in_single_precision(rough_rounds):
    data = any_rng().standard_normal((em.MANY, 2))
    data[: em.MANY // 2] *= 1e-3
    covs = [1e-6 * np.eye(2), np.eye(2)]
    narrow = FittedGaussianMixture.of([0.5, 0.5], [[0, 0], [0, 0]], covs)
    light = FittedGaussianMixture.of(
        [1e-9, 1 - 1e-9], [[1, 0], [0, 0]], [np.eye(2)] * 2
    )
    for start in (narrow, light):
        ours, theirs = fit_both(data, start, max_iter=2)
        assert not rough_rounds
        assert largest_difference(ours, theirs, 1) < 1e-6


def test_random_starts_give_the_same_distribution():
    data = FittedGaussianMixture.of([1], [[0, 0]], [np.eye(2)])
    data = data.sample(120, np.random.default_rng(5))[0]
    fits = 200
    ours = GaussianMixture(2, tol=1e-4, max_iter=1000).fit(
        np.broadcast_to(data, (fits, *data.shape)), np.random.default_rng(0)
    )
    random_state = np.random.RandomState(0)
    theirs = [
        TheirMixture(2, tol=1e-4, max_iter=1000, random_state=random_state).fit(data)
        for _ in range(fits)
    ]
    for mine, other in [
        (ours.log_likelihood, [fit.lower_bound_ for fit in theirs]),
        (ours.n_iter, [fit.n_iter_ for fit in theirs]),
        (ours.weights.min(axis=1), [fit.weights_.min() for fit in theirs]),
    ]:
        # Rounded, because equal fits that differ in the last bit are ties.
        assert stats.ks_2samp(np.round(mine, 9), np.round(other, 9)).pvalue > 1e-3


def first_centres(data, k, draws):
    from collapse_lib.models.mixture.kmeans import Lots, plus_plus

    lots = Lots.draw(draws, len(data), k, np.random.default_rng(1))
    points = torch.from_numpy(np.repeat(data.T[None], draws, axis=0))
    return plus_plus(points, lots).numpy()


def test_first_centres_have_the_law_of_greedy_kmeans_plus_plus():
    data = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [4.0, 4.0]])
    draws = 2000
    ours = first_centres(data, 2, draws)
    pairs = [tuple(np.abs(data - c[:, None]).sum(-1).argmin(1)) for c in ours]
    random_state = np.random.RandomState(1)
    theirs = [
        tuple(kmeans_plusplus(data, 2, random_state=random_state)[1])
        for _ in range(draws)
    ]
    seen = sorted(set(pairs) | set(theirs))
    table = [[side.count(pair) for pair in seen] for side in (pairs, theirs)]
    assert stats.chi2_contingency(table).pvalue > 1e-3


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_kmeans_ends_where_scikit_learn_ends(k, monkeypatch):
    from collapse_lib.models.mixture import kmeans
    from collapse_lib.models.mixture.em import _serial
    from collapse_lib.models.mixture.features import Whitened

    rng = np.random.default_rng(k)
    data = 10 + rng.standard_normal((4, 400, 3)) * [1, 2, 5]
    first = data[:, :k]
    white = Whitened.of(data, 1e-6)
    centred = torch.from_numpy(first - white.centre[:, None])
    monkeypatch.setattr(kmeans, "plus_plus", lambda points, lots: centred)
    sums = kmeans.cluster(white, white.features(), None, _serial)
    for chain in range(4):
        theirs = KMeans(k, init=first[chain], n_init=1).fit(data[chain])
        np.testing.assert_array_equal(sums[chain, :, 0], np.bincount(theirs.labels_))


# ------------------------------------------------------------------- the algorithm


def test_one_component_is_the_gaussian_with_the_maximum_likelihood():
    data = TWO.sample(50, np.random.default_rng(1))
    fitted = GaussianMixture(1, reg_covar=0.01).fit(data, np.random.default_rng(0))
    cov = np.cov(data[0].T, ddof=0) + 0.01 * np.eye(2)
    np.testing.assert_allclose(fitted.means[0, 0], data[0].mean(axis=0))
    np.testing.assert_allclose(fitted.covariances[0, 0], cov)
    assert fitted.weights.tolist() == [[1.0]]


def test_the_likelihood_never_falls_and_is_that_of_the_model():
    data = TWO.sample(300, np.random.default_rng(2))
    start = random_start(data[0], 3, np.random.default_rng(2))
    reached, before = [], start
    for max_iter in range(1, 30):
        model = GaussianMixture(3, tol=0, max_iter=max_iter, reg_covar=0, start=start)
        fitted = model.fit(data, any_rng())
        reached.append(fitted.log_likelihood[0])
        assert reached[-1] == pytest.approx(before.log_density(data).mean())
        before = fitted
    assert (np.diff(reached) > -1e-12).all()
    assert reached[-1] > reached[0]


@pytest.mark.parametrize("distance", [3, 12, 30, 300])
@pytest.mark.parametrize("n", [500, 20_000])
def test_the_likelihood_of_two_components_is_right_at_every_distance(n, distance):
    """Products of shares underflow from some distance on, single shares later."""
    apart = FittedGaussianMixture.of(
        [0.4, 0.6], [[0, 0], [distance, 0]], [np.eye(2), 0.5 * np.eye(2)]
    )
    data = apart.sample(n, np.random.default_rng(0))
    data[0, : n // 20] = distance / 2 + np.arange(n // 20)[:, None] * 1e-3
    start = replace(apart, means=apart.means + 0.1)
    # The likelihood is that of the parameters before the last iteration.
    fitted = GaussianMixture(2, max_iter=1, reg_covar=0, start=start).fit(
        data, any_rng()
    )
    expected = start.log_density(data).mean()
    assert fitted.log_likelihood[0] == pytest.approx(expected, rel=1e-12)


def test_a_product_that_has_lost_digits_is_no_sum_of_logarithms():
    for log10, kept in ((-290, True), (-310, False), (-330, False)):
        shares = torch.full((1, 4 * SMALL), 10 ** (log10 / FACTORS), dtype=torch.double)
        expected = shares.log().sum().item() if kept else -np.inf
        assert sum_log(shares).item() == pytest.approx(expected, rel=1e-12)


def test_it_stops_as_soon_as_the_gain_is_below_tol():
    data = TWO.sample(300, np.random.default_rng(2))
    start = random_start(data[0], 2, np.random.default_rng(2))

    def run(**options):
        model = GaussianMixture(2, start=start, **options)
        return model.fit(data, np.random.default_rng(0))

    stopped = run(tol=1e-4, max_iter=500)
    n_iter = int(stopped.n_iter[0])
    path = [run(tol=0, max_iter=i).log_likelihood[0] for i in range(1, n_iter + 1)]
    gains = np.diff(path)
    assert stopped.converged[0]
    assert gains[-1] < 1e-4 <= gains[:-1].min()
    assert not run(tol=1e-4, max_iter=n_iter - 1).converged[0]


def test_a_chain_does_not_feel_the_others():
    """Chains stop at different times; those that go on must not notice."""
    data = TWO.sample(100, np.random.default_rng(8))
    data = np.concatenate([data, data * 3, data + 50, 2 * data])
    data[3] = np.random.default_rng(1).standard_normal((100, 2))
    start = random_start(data[0], 2, np.random.default_rng(0))
    model = GaussianMixture(2, tol=1e-7, max_iter=500, start=start)
    together = model.fit(data, np.random.default_rng(0))
    assert len(np.unique(together.n_iter)) > 2
    for chain in range(4):
        alone = model.fit(data[chain : chain + 1], np.random.default_rng(0))
        assert alone.n_iter[0] == together.n_iter[chain]
        np.testing.assert_allclose(alone.means[0], together.means[chain], rtol=1e-9)


@pytest.fixture
def torch_threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize(("chains", "n"), [(1, 80_000), (60, 1_000)])
def test_threads_change_neither_the_bits_nor_the_setting(chains, n, torch_threads):
    data = TWO.expand(chains).sample(n, np.random.default_rng(4))
    fits = []
    for threads in (1, 2, 3):
        torch_threads(threads)
        fits.append(GaussianMixture(2).fit(data, np.random.default_rng(0)))
        assert torch.get_num_threads() == threads
    for other in fits[1:]:
        assert other.means.tobytes() == fits[0].means.tobytes()
        assert other.covariances.tobytes() == fits[0].covariances.tobytes()


def test_an_error_gives_torch_its_threads_back(torch_threads, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("stop")

    monkeypatch.setattr(em, "maximise", fail)
    torch_threads(2)
    with pytest.raises(RuntimeError, match="stop"):
        GaussianMixture(2).fit(TWO.sample(9, any_rng()), any_rng())
    assert torch.get_num_threads() == 2


# --------------------------------------------------------------- where fits are hard


def assert_sound(fitted):
    for values in (fitted.weights, fitted.means, fitted.covariances):
        assert np.isfinite(values).all()
    np.testing.assert_allclose(fitted.weights.sum(axis=1), 1)
    assert (fitted.weights > 0).all()
    assert (np.linalg.eigvalsh(fitted.covariances) > 0).all()
    assert np.isfinite(fitted.log_likelihood).all()


@pytest.mark.parametrize("reg_covar", [1e-6, 0.0])
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_points_in_few_places_give_a_fit_without_nan(k, reg_covar, scale):
    one_place = np.full((1, 10, 2), 3.0)
    two_places = np.repeat([[[1.0, 2.0], [4.0, 4.0]]], 5, axis=1)
    on_a_line = np.arange(10.0)[None, :, None] * [1.0, 2.0]
    data = scale * np.concatenate([one_place, two_places, on_a_line])
    fitted = GaussianMixture(k, reg_covar=reg_covar).fit(data, any_rng())
    assert_sound(fitted)
    np.testing.assert_allclose(fitted.mean, data.mean(axis=1))
    assert_sound(
        GaussianMixture(k, reg_covar=reg_covar).fit(
            fitted.sample(9, any_rng()), any_rng()
        )
    )


def test_reg_covar_is_the_floor_of_every_component():
    data = np.repeat([[[1.0, 2.0], [4.0, 4.0]]], 5, axis=1)
    fitted = GaussianMixture(2, reg_covar=1e-4).fit(data, any_rng())
    np.testing.assert_allclose(
        fitted.covariances[0], [1e-4 * np.eye(2)] * 2, atol=1e-10
    )
    np.testing.assert_allclose(np.sort(fitted.means[0, :, 0]), [1, 4])


def test_a_component_without_points_gets_the_whole_data_and_next_to_no_weight():
    data = TWO.sample(200, np.random.default_rng(3))
    far = FittedGaussianMixture.of([0.5, 0.5], [[0, 0], [1e4, 1e4]], [np.eye(2)] * 2)
    fitted = GaussianMixture(2, start=far, max_iter=3).fit(data, any_rng())
    assert_sound(fitted)
    assert fitted.weights[0, 1] < 1e-15
    np.testing.assert_allclose(fitted.means[0, 1], data[0].mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(
        fitted.covariances[0, 1], np.cov(data[0].T, ddof=0), rtol=1e-4
    )


def test_a_chain_may_collapse_for_thousands_of_generations():
    history = recurse(
        GaussianMixture(2, reg_covar=0.0),
        TWO,
        regime=regimes.Replace(),
        n_samples=12,
        n_generations=300,
        measure={"spread": lambda fit: fit.spread, "x": lambda fit: fit.mean[:, 0]},
        rng=np.random.default_rng(0),
        chains=5,
    )
    assert np.isfinite(history["value"]).all()
    assert (history.array("spread")[-1] < 1e-20).all()


# ------------------------------------------------------------- the fitted mixture


def test_samples_have_the_mixtures_moments():
    n = 200_000
    points = TWO.expand(3).sample(n, np.random.default_rng(0))
    assert points.shape == (3, n, 2)
    se = np.sqrt(np.diagonal(TWO.cov[0]) / n)
    assert (np.abs(points.mean(axis=1) - TWO.mean) < 5 * se).all()
    for chain in points:
        np.testing.assert_allclose(np.cov(chain.T), TWO.cov[0], atol=0.05)


def test_a_sample_is_in_no_order():
    """The first points are a sample too: components come mixed."""
    points = TWO.sample(20_000, np.random.default_rng(0))[0]
    first, last = np.array_split(points[:, 0], 2)
    assert stats.ks_2samp(first, last).pvalue > 1e-3


def test_parts_of_the_sample_follow_their_component():
    apart = FittedGaussianMixture.of(
        [0.2, 0.5, 0.3],
        [[-50, 0], [0, 0], [50, 0]],
        [np.eye(2), [[4, 1.9], [1.9, 1]], 0.01 * np.eye(2)],
    )
    points = apart.sample(100_000, np.random.default_rng(0))[0]
    label = np.digitize(points[:, 0], [-25, 25])
    share = np.bincount(label) / len(points)
    assert np.abs(share - apart.weights[0]).max() < 5 * np.sqrt(0.25 / len(points))
    for j in range(3):
        np.testing.assert_allclose(
            np.cov(points[label == j].T), apart.covariances[0, j], rtol=0.05, atol=0.05
        )


def test_densities_are_those_of_scipy():
    x = np.random.default_rng(0).normal(0, 3, (50, 2))
    parts = [
        w * stats.multivariate_normal(m, s).pdf(x)
        for w, m, s in zip(
            TWO.weights[0], TWO.means[0], TWO.covariances[0], strict=True
        )
    ]
    np.testing.assert_allclose(np.exp(TWO.log_density(x)[0]), np.sum(parts, axis=0))
    shares = TWO.responsibilities(x)[0]
    np.testing.assert_allclose(shares, parts / np.sum(parts, axis=0))
    assert TWO.log_density(np.full((1, 2), 1e6))[0, 0] < -1e10  # and not -inf


def test_spread_and_widths():
    assert TWO.widths[0] == pytest.approx([1, np.sqrt(1.1)])
    assert TWO.spread[0] == pytest.approx(np.sqrt(np.linalg.det(TWO.cov[0])))


def test_a_recorded_run_gives_its_mixtures_back():
    fits, parts = [], ("weights", "means", "covariances")

    def keep(fit):
        fits.append(fit)
        return fit.spread

    history = recurse(
        GaussianMixture(2),
        TWO,
        regime=regimes.Replace(),
        n_samples=30,
        n_generations=3,
        measure={"spread": keep, **{name: attrgetter(name) for name in parts}},
        rng=any_rng(),
        chains=5,
    )
    all_at_once = FittedGaussianMixture(*map(history.array, parts))
    assert all_at_once.means.shape == (4, 5, 2, 2)
    for t, fit in enumerate(fits):
        for name in parts:
            again = getattr(all_at_once, name)[t]
            np.testing.assert_array_equal(again, getattr(fit, name))
    np.testing.assert_allclose(all_at_once.spread, history.array("spread"))
    x = np.zeros((1, 2))
    np.testing.assert_allclose(all_at_once.log_density(x)[2], fits[2].log_density(x))


def test_mixtures_side_by_side_are_chains():
    one = FittedGaussianMixture.of([0.5, 0.5], [[9, 9]] * 2, [np.eye(2)] * 2)
    both = FittedGaussianMixture.stack([TWO, one, TWO])
    assert both.expand(3).sample(4, any_rng()).shape == (3, 4, 2)
    np.testing.assert_array_equal(both.means[1], one.means[0])
    np.testing.assert_array_equal(both.covariances[2], TWO.covariances[0])


def test_a_mixture_is_repeated_for_chains_and_several_are_not():
    assert TWO.expand(4).means.shape == (4, 2, 2)
    with pytest.raises(ValueError, match="has 4 chains; it cannot serve 3"):
        TWO.expand(4).expand(3)


# --------------------------------------------------------------------- bad input

EYES = [np.eye(2)] * 2
BAD_MIXTURES = [
    (([0.5, 0.5], [[0, 0]], EYES), "need the shapes"),
    (([0.5, 0.5], [0, 0], EYES), "need the shapes"),
    (
        ([0.5, 0.6], [[0, 0], [1, 1]], EYES),
        "to 0.6 and is off a sum of 1",
    ),
    (([1.5, -0.5], [[0, 0], [1, 1]], EYES), "weights has values from -0.5 to 1.5"),
    (([1], [[0, 0]], [[[1, 2], [2, 1]]]), "positive semi-definite"),
    (([1], [[0, 0]], [[[1, 0.5], [0, 1]]]), "symmetric"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_MIXTURES)
def test_a_wrong_mixture_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        FittedGaussianMixture.of(*arguments)


FLAT = FittedGaussianMixture.of([1], [[0, 0]], [np.zeros((2, 2))])
BAD_OPTIONS = [
    ({"k": 0}, "k is 0; it must be an integer >= 1"),
    ({"k": 2.0}, "k is 2.0"),
    ({"k": 2, "tol": -1}, "tol is -1; it must be a number >= 0"),
    ({"k": 2, "reg_covar": np.nan}, "reg_covar is nan"),
    ({"k": 2, "max_iter": 0}, "max_iter is 0"),
    ({"k": 3, "start": TWO}, "start has 2 components, k is 3"),
    ({"k": 1, "start": FLAT}, "the eigenvalue 0; both must be > 0"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_wrong_options_are_named_with_their_value(options, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**options)


BAD_DATA = [
    (np.zeros((1, 1, 2)), "k is 2, but there are only 1 points per chain"),
    (np.zeros((3, 2)), "needs \\(chains, n, ...\\)"),
    (np.full((1, 5, 2), np.nan), "NaN"),
    (models.GaussianSummary(5, np.zeros(1), np.ones(1)), "needs the points themselves"),
]


@pytest.mark.parametrize(("data", "message"), BAD_DATA)
def test_wrong_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(data, any_rng())


def test_a_start_of_other_dimensions_is_refused():
    with pytest.raises(ValueError, match="start has 2 dimensions, the data 3"):
        GaussianMixture(2, start=TWO).fit(np.zeros((1, 5, 3)), any_rng())


def test_importing_models_does_not_import_torch():
    code = "import sys, collapse_lib.models; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# --- coordinates of different units ------------------------------------------------

PRICE, RATE = 1e4, 1e-3


def prices_and_rates(n, rng):
    """Return points of two kinds: prices around 50,000 beside rates around 0."""
    z = rng.integers(2, size=n)
    noise = rng.standard_normal((n, 2))
    price = 5 * PRICE + PRICE * (z + noise[:, 0] * np.where(z, 1, 0.5))
    rate = RATE * (2 * z + noise[:, 1] * np.where(z, 1, 2) + 0.3 * noise[:, 0])
    return np.stack([price, rate], axis=1)


STARTING = FittedGaussianMixture.of(
    [0.5, 0.5],
    [[5 * PRICE, 0], [6 * PRICE, 2 * RATE]],
    [np.diag([PRICE**2 / 4, 4 * RATE**2]), np.diag([PRICE**2, RATE**2])],
)


@pytest.mark.parametrize("reg_covar", [1e-6, 1e-12])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_mixed_units_give_scikit_learns_fit(reg_covar, order):
    data = prices_and_rates(2_000, np.random.default_rng(0))[:, order]
    covs = STARTING.covariances[0][:, order][:, :, order]
    start = FittedGaussianMixture.of(
        STARTING.weights[0], STARTING.means[0][:, order], covs
    )
    ours, theirs = fit_both(data, start, reg_covar=reg_covar)
    assert ours.log_likelihood[0] == pytest.approx(theirs.lower_bound_, rel=1e-9)
    np.testing.assert_allclose(ours.covariances[0], theirs.covariances_, rtol=1e-6)
    assert ours.log_density(data).mean() == pytest.approx(theirs.score(data), rel=1e-9)


def test_draws_in_mixed_units_have_the_covariance_of_each_coordinate():
    rng = np.random.default_rng(1)
    drawn = STARTING.sample(200_000, rng)[0]
    found, exact = np.cov(drawn.T), STARTING.cov[0]
    # The s.e. of a variance is at most sqrt(3 / n) of it here: kurtosis below 3 + 1.
    assert abs(found[1, 1] / exact[1, 1] - 1) < 4 * np.sqrt(3 / 200_000)
    assert abs(found[0, 0] / exact[0, 0] - 1) < 4 * np.sqrt(3 / 200_000)


def test_overlap_does_not_depend_on_the_units():
    scale = np.array([PRICE, RATE / 10])
    covs = TWO.covariances[0] * np.outer(scale, scale)
    apart = FittedGaussianMixture.of(TWO.weights[0], TWO.means[0] * scale, covs)
    expected = overlap_mixtures(TWO, TWO) / scale.prod()
    np.testing.assert_allclose(overlap_mixtures(apart, apart), expected, rtol=1e-12)


def test_ordinary_units_are_left_alone():
    assert (in_units(TWO.covariances) == 1).all()
    assert (in_units(np.diag([1.0, 1e-9])[None]) == 1).all()  # 30,000 in size
    np.testing.assert_array_equal(
        in_units(np.diag([0.0, 1e8, 1e-8])[None])[0, :, 0], [1, 1, 2.0**-32]
    )


def test_take_indexes_every_part_of_the_mixtures():
    drawn = TWO.expand(3)
    taken = drawn.take((np.array([0, 2]),))
    assert (taken.means == TWO.means[[0, 0]]).all()
    assert taken.weights.shape == (2, 2)
    assert taken.covariances.shape == (2, 2, 2, 2)


def test_data_too_large_to_be_squared_are_refused():
    data = np.random.default_rng(0).normal(size=(1, 20, 2)) * 1e160
    with pytest.raises(ValueError, match="too large: their squares overflow"):
        GaussianMixture(1).fit(data, any_rng())


# tempered mixtures

UNEQUAL = FittedGaussianMixture.of(
    [0.7, 0.2, 0.1, 0.0],
    [[0.0], [2.0], [5.0], [9.0]],
    [[[1.0]], [[0.3]], [[0.05]], [[1.0]]],
)


@pytest.mark.parametrize("temperature", [0.4, 0.8, 1.0, 1.3, 5.0])
def test_tempered_draws_have_the_density_to_the_power(temperature):
    x = np.linspace(-25, 35, 100_001)
    q = np.exp(UNEQUAL.log_density(x[:, None])[0]) ** (1 / temperature)
    drawn = UNEQUAL.expand(2).temper(temperature).sample(20_000, any_rng())
    assert drawn.shape == (2, 20_000, 1)
    for chain in drawn[..., 0]:
        uniform = np.interp(chain, x, np.cumsum(q) / q.sum())
        assert stats.kstest(uniform, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_tempered_draws_in_the_plane(temperature):
    axis = np.linspace(-12, 12, 401)
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    q = np.exp(TWO.log_density(x.reshape(-1, 2))[0] / temperature)
    moments = np.stack([*x.reshape(-1, 2).T, x.prod(axis=-1).ravel()])
    expected = moments @ (q / q.sum())
    drawn = TWO.temper(temperature).sample(100_000, any_rng())[0]
    values = np.stack([*drawn.T, drawn.prod(axis=1)])
    error = values.std(axis=1) / np.sqrt(len(drawn))
    assert (np.abs(values.mean(axis=1) - expected) < 4 * error).all()


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_at_least_the_promised_share_of_candidates_is_taken(temperature):
    far = FittedGaussianMixture.of(
        [0.25] * 4, [[0.0], [99.0], [198.0], [297.0]], [[[1.0]]] * 4
    )
    tempered = far.temper(temperature)
    x = tempered.envelope.sample(1000, any_rng())
    share = np.exp(tempered._log_accept(x))
    least = 4 ** -abs(1 / temperature - 1)
    # Far apart, a low temperature meets its worst case and a high one its best.
    np.testing.assert_allclose(share, least if temperature < 1 else 1, rtol=1e-9)
    same = FittedGaussianMixture.of([0.25] * 4, [[0.0]] * 4, [[[1.0]]] * 4)
    share = np.exp(same.temper(temperature)._log_accept(x[:, :50] * 0))
    np.testing.assert_allclose(share, 1 if temperature < 1 else least, rtol=1e-9)


def test_one_component_is_narrowed_and_nothing_refused():
    one = FittedGaussianMixture.of([1.0], [[1.0, 2.0]], [np.diag([4.0, 9.0])])
    cold = one.temper(0.25)
    np.testing.assert_allclose(cold.envelope.covariances[0, 0], np.diag([1, 2.25]))
    share = np.exp(cold._log_accept(cold.envelope.sample(100, any_rng())))
    np.testing.assert_allclose(share, 1, rtol=1e-9)


def test_what_cannot_be_tempered_says_why():
    flat = FittedGaussianMixture.of([1.0], [[0.0, 0.0]], [np.diag([1.0, 0.0])])
    for call, message in (
        (lambda: flat.temper(0.5), "1 components without a density"),
        (lambda: TWO.temper(0), "temperature is 0; it must be a number > 0"),
        (lambda: TWO.temper(1e-310), "temperature is 1e-310, which leaves the highest"),
        (lambda: models.TemperedMixture(3, 0.5), "mixture is 3; it must be"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    many = FittedGaussianMixture.of(
        np.full(8, 1 / 8), np.arange(8)[:, None] * 99.0, np.ones((8, 1, 1))
    )
    with pytest.raises(ValueError, match="temperature is 0.1: of .* candidates 0 were"):
        many.temper(0.1).sample(5, any_rng())
