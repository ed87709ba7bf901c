"""Biases: what a generator emits where that is not what the fitted model says."""

import copy
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.models.grid_mixture import GridMixture
from collapse_lib.models.line_mixture import LineMixture
from collapse_lib.regimes import draws
from collapse_lib.theory.curation import k_choice

NORMAL = models.FittedGaussian.standard()
DIE = models.FittedCategorical.of([0.4, 0.3, 0.2, 0.1])
THROWN = models.FittedCategorical.of([0.4, 0.3, 0.2, 0.1], law="literal")
BLOBS = models.FittedGaussianMixture.of([0.5, 0.5], [[0, 0], [3, 1]], [np.eye(2)] * 2)
REWARD = np.array([0.0, 0.5, 1.0, 1.5])
ROOM = 4  # standard errors


def rng():
    return np.random.default_rng(11)


def reward(states):
    return REWARD[states]


def size_of(points):
    """Return how large each point is: an axis for each chain and each point."""
    return np.abs(np.asarray(points, float)).reshape(*points.shape[:2], -1).sum(axis=2)


def assert_shares(points, p):
    found = np.bincount(points.ravel(), minlength=len(p)) / points.size
    assert (np.abs(found - p) <= ROOM * np.sqrt(p * (1 - p) / points.size)).all()


class Images:
    """A generator of points with two axes, three chains."""

    def sample(self, n, rng):
        return rng.random((3, n, 2, 2))


# top-p


@pytest.mark.parametrize(
    ("mass", "expected"),
    [
        (1, [0.4, 0.3, 0.2, 0.1]),
        (0.9, [4 / 9, 3 / 9, 2 / 9, 0]),
        (0.71, [4 / 9, 3 / 9, 2 / 9, 0]),
        (0.7, [4 / 7, 3 / 7, 0, 0]),
        (0.4, [1, 0, 0, 0]),
        (1e-300, [1, 0, 0, 0]),
    ],
)
def test_the_nucleus_is_the_smallest_set_with_the_mass(mass, expected):
    np.testing.assert_allclose(regimes.TopP(mass)(DIE).p, [expected], rtol=1e-14)


def test_sums_of_equal_states_are_not_counted_twice():
    ten = models.FittedCategorical.of([0.1] * 10)
    for kept in range(1, 10):
        assert (regimes.TopP(kept / 10)(ten).p > 0).sum() == kept
    tiny = models.FittedCategorical.of([1 - 2e-15, 1e-15, 1e-15])
    assert (regimes.TopP(1)(tiny).p > 0).all()


def test_top_p_cuts_each_chain_by_itself_and_a_density_on_a_grid():
    both = models.FittedCategorical(np.array([[0.6, 0.4], [0.1, 0.9]]))
    np.testing.assert_array_equal(regimes.TopP(0.5)(both).p, [[1, 0], [0, 1]])
    grid = models.RidgeDensity(-1, 1, 3)
    fitted = grid.source(np.array([0.2, 0.5, 0.3]))
    np.testing.assert_allclose(regimes.TopP(0.6)(fitted).p, [[0, 0.625, 0.375]])


# lambda


def test_lambda_scales_variances_and_nothing_else():
    for fitted, variance in (
        (NORMAL, lambda fit: fit.sigma**2),
        (models.FittedKnownWidth.standard(), lambda fit: fit.sigma0**2),
        (models.FittedMultivariateGaussian.standard(3), lambda fit: fit.cov),
        (BLOBS, lambda fit: fit.covariances),
    ):
        narrow = regimes.Lambda(0.25)(fitted)
        np.testing.assert_allclose(variance(narrow), 0.25 * variance(fitted))
    np.testing.assert_array_equal(regimes.Lambda(0.25)(BLOBS).means, BLOBS.means)
    np.testing.assert_array_equal(regimes.Lambda(0.25)(BLOBS).weights, BLOBS.weights)


def test_lambda_zero_leaves_the_modes_of_a_mixture():
    points = regimes.Lambda(0)(BLOBS).sample(50, rng())
    assert {tuple(point) for point in points[0]} == {(0.0, 0.0), (3.0, 1.0)}


def test_lambda_is_the_temperature_of_a_gaussian():
    one, other = regimes.Lambda(0.3)(NORMAL), regimes.Temperature(0.3)(NORMAL)
    np.testing.assert_allclose(one.sigma, other.sigma)


# correction


def test_parameters_go_towards_the_oracle():
    fitted = models.FittedGaussian(np.array([1.0, 3.0]), np.array([2.0, 0.5]))
    corrected = regimes.Corrected(NORMAL, 0.5)(fitted)
    np.testing.assert_allclose(corrected.mu, [1 / 1.5, 3 / 1.5])
    np.testing.assert_allclose(corrected.sigma, [2.5 / 1.5, 1 / 1.5])
    only_mean = regimes.Corrected(NORMAL, 0.5, names=["mu"])(fitted)
    np.testing.assert_array_equal(only_mean.sigma, fitted.sigma)
    np.testing.assert_array_equal(regimes.Corrected(NORMAL, 0.0)(fitted).mu, fitted.mu)
    loaded = models.FittedCategorical.of([0.25] * 4)
    np.testing.assert_allclose(
        regimes.Corrected(loaded, 1.0)(DIE).p, [[0.325, 0.275, 0.225, 0.175]]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regimes.Corrected(3, 1.0), "oracle is 3; it must be a fitted model"),
        (lambda: regimes.Corrected(NORMAL, -1), "strength is -1; it must be"),
        (lambda: regimes.Corrected(NORMAL, 1, "mu"), "names is 'mu'; .* tuple"),
        (
            lambda: regimes.Corrected(NORMAL, 1, ("median",)),
            "names holds 'median'; the oracle has mu, sigma",
        ),
        (
            lambda: regimes.Corrected(NORMAL, 1)(DIE),
            "FittedCategorical; Corrected moves mu, sigma, which the oracle has",
        ),
        (
            lambda: regimes.Corrected(DIE, 1)(models.FittedCategorical.of([0.5, 0.5])),
            r"p of fitted has shape \(1, 2\), that of the oracle \(1, 4\)",
        ),
    ],
)
def test_a_correction_says_what_it_cannot_move(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# K-choice


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_best_of_literal_points_has_the_exact_law(k):
    generator = regimes.Best(reward, k)(THROWN)
    assert isinstance(generator, draws.Drawn)  # each point is chosen
    literal = generator.sample(40_000, rng())
    exact = regimes.Best(reward, k)(DIE)
    np.testing.assert_allclose(exact.p[0], k_choice(DIE.p[0], REWARD, k))
    assert_shares(literal, exact.p[0])


def test_counts_of_the_best_have_the_exact_law():
    fitted = DIE.expand(4000)
    found = regimes.Best(reward, 3)(fitted).sample(50, rng()).counts / 50
    p = k_choice(DIE.p[0], REWARD, 3)
    error = np.sqrt(p * (1 - p) / 50 / 4000)
    assert (np.abs(found.mean(axis=0) - p) < ROOM * error).all()
    # The counts are multinomial, not only right on average.
    np.testing.assert_allclose(found.var(axis=0), p * (1 - p) / 50, rtol=0.1)


def test_the_best_of_a_density_on_a_grid_sees_its_places():
    grid = models.RidgeDensity(-1, 1, 3, law="exact")
    fitted = grid.source(np.array([0.2, 0.5, 0.3]))
    found = regimes.Best(lambda x: 2 * x, 2)(fitted)
    expected = k_choice([0.2, 0.5, 0.3], [-2, 0, 2], 2)
    np.testing.assert_allclose(found.p, [expected])


def test_probabilities_that_follow_from_a_mixture_are_changed_on_its_grid():
    source = GRID.source(LINES)
    positive = regimes.Verified(lambda x: x > 0)(source)
    counts = positive.sample(1000, rng()).counts[0]
    assert counts.sum() == 1000 and (counts[: len(GRID.grid) // 2 + 1] == 0).all()
    expected = replace(GRID, law="expected").source(LINES)
    cut = regimes.TopP(0.5)(expected).sample(1, rng()).counts
    np.testing.assert_allclose(cut.sum(), 1)
    assert (cut > 0).sum() == np.searchsorted(
        np.cumsum(np.sort(expected.p[0])[::-1]), 0.5
    ) + 1
    assert positive.mixture is LINES


def test_the_best_of_points_of_any_shape():
    plain = Images().sample(2000, rng())
    kept = regimes.Best(lambda x: 50 * size_of(x), 4)(Images()).sample(2000, rng())
    assert kept.shape == (3, 2000, 2, 2)
    # The largest of four sums of four uniforms.
    assert (size_of(kept).mean(axis=1) > size_of(plain).mean(axis=1) + 0.5).all()


def test_summaries_that_have_no_points_are_refused():
    exact = models.FittedGaussian.standard("exact")
    generator = regimes.Best(size_of)(exact)
    with pytest.raises(
        ValueError, match='Best chooses among points; .*GaussianSummary.*law="literal"'
    ):
        generator.sample(5, rng())


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda x: x.mean(), r"reward\(x\) returned has shape \(\), x has shape"),
        (lambda x: None, r"reward\(x\) returned is None; numbers are needed"),
        (lambda x: x * math.nan, r"reward\(x\) returned holds 20 values that are NaN"),
    ],
)
def test_a_reward_is_one_number_for_each_point(score, message):
    with pytest.raises(ValueError, match=message):
        regimes.Best(score)(NORMAL).sample(10, rng())


def test_a_summary_with_points_from_a_store_is_none_to_choose_from():
    chain = regimes.Grounded([1], 0.5).then(regimes.Best(reward))
    with pytest.raises(
        ValueError, match="of what Grounded makes of a FittedCategorical it is given Co"
    ):
        chain(DIE).sample(10, rng())


# verification


def test_verified_points_have_the_accepted_law():
    p = np.array([0.1, 0.2, 0.3, 0.9])
    literal = regimes.Verified(lambda state: p[state])(THROWN).sample(40_000, rng())
    exact = regimes.Verified(lambda state: p[state])(DIE)
    np.testing.assert_allclose(exact.p, DIE.p * p / (DIE.p @ p))
    assert_shares(literal, exact.p[0])


def test_every_chain_gets_its_points_whatever_it_is_refused():
    fitted = models.FittedGaussian(np.array([-2.0, 0.0, 2.0]), np.ones(3))
    points = regimes.Verified(lambda x: x > 0)(fitted).sample(500, rng())
    assert points.shape == (3, 500) and (points > 0).all()
    images = regimes.Verified(lambda x: size_of(x) > 2)(Images()).sample(50, rng())
    assert images.shape == (3, 50, 2, 2) and (size_of(images) > 2).all()
    half = np.sqrt(2 / np.pi)  # mean of a half normal; variance 1 - 2/pi
    error = math.sqrt((1 - 2 / math.pi) / 500)
    assert abs(points[1].mean() - half) < ROOM * error


def test_too_little_accepted_is_said_with_its_share():
    with pytest.raises(
        ValueError,
        match=r"accept let 0 of \d{4} points through \(0 of them\).*10 rounds",
    ):
        regimes.Verified(lambda x: x > 99, rounds=10)(NORMAL).sample(10, rng())
    with pytest.raises(ValueError, match="accept lets nothing through in 1 of 1 chai"):
        regimes.Verified(lambda state: state > 9)(DIE)
    with pytest.raises(ValueError, match=r"accept\(x\) returned .*numbers from 0 to 1"):
        regimes.Verified(lambda x: x)(NORMAL).sample(10, rng())


def test_one_point_in_a_thousand_is_found_also_if_only_one_is_wanted():
    rare = models.FittedCategorical.of([0.999, 0.001], law="literal").expand(20)
    found = regimes.Verified(lambda state: state == 1)(rare).sample(1, rng())
    assert found.tolist() == [[1]] * 20


def test_a_biased_verifier_takes_the_mean_to_its_own_centre():
    mu, width = np.array([-1.0, 0.0, 3.0]), np.ones(3)
    verified, generator = regimes.Verified(lambda x: np.abs(x - 0.7) < 1.5), rng()
    for _ in range(12):
        fitted = models.FittedGaussian(mu, width)
        mu = verified(fitted).sample(4000, generator).mean(axis=1)
    # A round leaves about half of the way and adds noise of about 0.75 / sqrt(4000).
    np.testing.assert_allclose(mu, 0.7, atol=0.06)


# retrieval


def test_a_share_of_the_points_comes_from_the_store():
    points = regimes.Grounded([7.0, 8.0], 0.3)(NORMAL.expand(3)).sample(100, rng())
    real = points >= 7
    assert (real.sum(axis=1) == 30).all()
    assert set(points[real]) == {7.0, 8.0}
    assert real[:, :30].sum(axis=1).max() < 25  # not in a row


@pytest.mark.parametrize(("share", "n_real"), [(0, 0), (0.05, 1), (0.5, 5), (1, 10)])
def test_the_number_of_real_points_is_rounded(share, n_real):
    points = regimes.Grounded([7.0], share)(NORMAL).sample(10, rng())
    assert points.shape == (1, 10) and (points == 7).sum() == n_real


@pytest.mark.parametrize("share", [0.5, 1])
def test_summaries_take_real_points_in(share):
    counts = regimes.Grounded([3, 3], share)(DIE).sample(10, rng())
    assert counts.size == 10 and counts.counts.sum() == 10
    assert counts.counts[0, 3] >= 10 * share
    exact = models.FittedGaussian.standard("exact")
    summary = regimes.Grounded([100.0], share)(exact).sample(10, rng())
    assert summary.size == 10 and summary.mean[0] > 40


def test_a_store_of_other_points_is_refused():
    with pytest.raises(
        ValueError, match="store does not fit the Counts that Fitted.*must be integers"
    ):
        regimes.Grounded([0.5], 0.5)(DIE).sample(10, rng())
    with pytest.raises(
        ValueError, match=r"store holds points of shape \(2,\), Fitted.* of shape \(\)"
    ):
        regimes.Grounded(np.zeros((5, 2)), 0.5)(NORMAL).sample(10, rng())
    for store, message in (
        ([], "store is .*at least one"),
        ([1.0, math.nan], "store holds 1 values that are NaN"),
        (3.0, r"store is 3.0; it must be points of shape \(m, ...\)"),
    ):
        with pytest.raises(ValueError, match=message):
            regimes.Grounded(store, 0.5)
    with pytest.raises(ValueError, match="share is 1.5"):
        regimes.Grounded([1.0], 1.5)


# chains of them, and what a drawn model is


def test_steps_follow_each_other():
    best = regimes.Best(reward, 2)
    chained = regimes.Temperature(0.5)
    chain = regimes.Chain((chained, best)).then(regimes.TopP(0.9))
    assert chain.steps == (chained, best, regimes.TopP(0.9))
    by_hand = regimes.TopP(0.9)(best(chained(DIE)))
    np.testing.assert_array_equal(chain(DIE).p, by_hand.p)
    two = best.then(regimes.Grounded([0, 1], 0.5))
    assert [type(step) for step in two.steps] == [regimes.Best, regimes.Grounded]
    assert two(THROWN).sample(10, rng()).shape == (1, 10)


def test_the_best_among_grounded_points_meets_real_and_drawn_ones():
    """The points of a store must not stand side by side, or they only meet their own.

    Half of the points is 1, half 0; of two the larger one is kept: 3/4 are 1.
    """
    zero = models.FittedCategorical.of([1.0, 0.0], law="literal")
    chain = regimes.Grounded([1], 0.5).then(regimes.Best(lambda x: 99 * x))
    points = chain(zero).sample(40_000, rng())
    assert abs(points.mean() - 0.75) < ROOM * math.sqrt(0.75 * 0.25 / 40_000)


def test_a_temperature_of_a_mixture_on_a_grid_is_that_of_its_points():
    fitted = GRID.source(LINES)
    p = fitted.p**2 / (fitted.p**2).sum()
    expected = replace(GRID, law="expected").source(LINES)
    counts = regimes.Temperature(0.5)(expected).sample(10, rng()).counts
    np.testing.assert_allclose(counts, 10 * p)
    chained = regimes.TopP(0.9).then(regimes.Temperature(0.5))(fitted)
    assert (chained.sample(100, rng()).counts[:, fitted.p[0] < 1e-6] == 0).all()
    assert regimes.Temperature(0.5)(fitted).mixture is LINES


@pytest.mark.parametrize("late", [regimes.TopP(0.9), regimes.Lambda(0.5)])
def test_parameters_cannot_be_changed_after_a_choice(late):
    name = type(late).__name__
    with pytest.raises(ValueError, match=f"what Best makes of .*put {name} before"):
        regimes.Best(size_of).then(late)(NORMAL)


def test_a_temperature_after_a_choice_is_refused():
    with pytest.raises(ValueError, match="a Drawn without a method temper"):
        regimes.Best(size_of).then(regimes.Temperature(0.5))(NORMAL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regimes.Chain(()), r"steps is \(\); it must be a tuple of functions"),
        (lambda: regimes.Chain((regimes.TopP,)), r"steps\[0\] is the class TopP"),
        (lambda: regimes.TopP(0.5).then(3), "step is 3; it must be a function"),
        (
            lambda: regimes.Chain((lambda fitted: None,))(NORMAL),
            r"steps\[0\] returned None; it must return a generator",
        ),
        (lambda: regimes.TopP(0), "mass is 0; it must be a number above 0, up to 1"),
        (lambda: regimes.TopP(0.5)(NORMAL), "FittedGaussian; TopP needs the probab"),
        (lambda: regimes.Lambda(-1), "value of Lambda is -1"),
        (lambda: regimes.Lambda(0.5)(DIE), "FittedCategorical; Lambda scales the var"),
        (lambda: regimes.Best(3), "reward is 3; it must be a function"),
        (lambda: regimes.Best(size_of, 0), "k is 0; it must be an integer >= 1"),
        (lambda: regimes.Best(size_of)(3), "fitted is 3; it must be a fitted model"),
        (lambda: regimes.Verified(None), "accept is None; it must be a function"),
        (lambda: draws.Bias()(NORMAL), r"Bias needs __call__\(fitted\)"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises((ValueError, NotImplementedError), match=message):
        make()


def test_a_drawn_model_has_what_the_model_has():
    drawn = regimes.Best(size_of)(NORMAL)
    assert drawn.mu is NORMAL.mu and drawn.law == "literal"
    with pytest.raises(AttributeError, match="'FittedGaussian' object has no .*'p'"):
        drawn.p  # noqa: B018
    for name in ("temper", "_private", "__array__"):
        assert not hasattr(drawn, name)
    wide = drawn.expand(5)
    assert isinstance(wide, draws.Drawn) and wide.sample(4, rng()).shape == (5, 4)
    assert not hasattr(regimes.Best(size_of)(Images()), "expand")
    table = regimes.TopP(0.5)(GRID.source(LINES)).expand(3).sample(10, rng())
    assert table.counts.sum(axis=1).tolist() == [10, 10, 10]
    empty = object.__new__(draws.Drawn)
    assert not hasattr(empty, "mu") and not hasattr(empty, "fitted")


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, None])
def test_a_drawn_model_can_be_copied_and_pickled(again):
    drawn = regimes.Grounded([7.0], 0.5).then(regimes.Best(size_of))(NORMAL)
    other = again(drawn) if again else pickle.loads(pickle.dumps(drawn))
    np.testing.assert_array_equal(other.sample(9, rng()), drawn.sample(9, rng()))


BIASES = {
    "top-p": regimes.TopP(0.95),
    "lambda": regimes.Lambda(0.9),
    "temperature": regimes.Temperature(0.9),
    "best": regimes.Best(size_of),
    "verified": regimes.Verified(lambda x: size_of(x) < 9),
    "corrected": None,  # by the real distribution
    "grounded": None,  # in a sample of it
    "extrapolated": None,  # from the real distribution
    "calibrated": None,  # by a sample of it
    "diverse": regimes.MostDiverse(2),
    "truncated": regimes.Truncated(0.6),
    "focal": regimes.Focal(1.0),
    "chain": regimes.Best(size_of).then(regimes.Verified(lambda x: size_of(x) < 9)),
}
WAYS = {
    "replace": regimes.Replace,
    "accumulate": regimes.Accumulate,
    "subsample": regimes.AccumulateSubsample,
    "augment": regimes.Augment,
    "fresh": regimes.Fresh,
    "web": lambda bias: regimes.Web(0.2, bias=bias),
    "mix": lambda bias: regimes.Mix(0.4, 0.3, 0.3, bias=bias),
    "edit": lambda bias: regimes.Edit(0.3, bias=bias),
    "edit the same": lambda bias: regimes.Edit(0.3, same=True, bias=bias),
}
#: Real states, for models of so many.
STORES = {4: [0, 3, 3], 7: [0, 3, 6], 41: [16, 20, 25]}
PEAK = models.RidgeDensity(-3, 3, 7)
GRID = GridMixture(
    LineMixture.of([0.5, 0.5], [-1.0, 1.0], [1, 1]), 3, half_width=5, n_points=41
)
LABELLED = models.FittedLogisticRegression.of([0.5, 1], np.linspace(-2, 2, 20)[:, None])
LINES = LineMixture.of([0.5, 0.5], [-1.0, 1.0], [0.6, 0.6])
PLACES = np.random.default_rng(1).normal(size=(20, 2))
KINDS = {
    "gaussian": (models.Gaussian(), NORMAL),
    "exact gaussian": (
        models.Gaussian(law="exact"),
        models.FittedGaussian.standard("exact"),
    ),
    "known width": (models.KnownWidth(), models.FittedKnownWidth.standard()),
    "exact known width": (
        models.KnownWidth(law="exact"),
        models.FittedKnownWidth.standard("exact"),
    ),
    "kernels": (models.KDE("scott", shrink=True), NORMAL),
    "kernels in the plane": (
        models.KDE(0.5, event_ndim=1),
        models.FittedMultivariateGaussian.standard(2),
    ),
    "cloud": (
        models.MultivariateGaussian(),
        models.FittedMultivariateGaussian.standard(2),
    ),
    "exact cloud": (
        models.MultivariateGaussian(law="exact"),
        models.FittedMultivariateGaussian.standard(2, "exact"),
    ),
    "regression": (models.LinearRegression(), models.FittedLinearRegression.of([1.0])),
    "regression at a design": (
        models.LinearRegression(0.1, design=PLACES),
        models.FittedLinearRegression.of([1.0, 2.0], design=PLACES),
    ),
    "exact regression": (
        models.LinearRegression(law="exact"),
        models.FittedLinearRegression.of([1.0], law="exact"),
    ),
    "mixture": (models.GaussianMixture(2, start=BLOBS, max_iter=3), BLOBS),
    "logistic": (models.LogisticRegression(ridge=0.1), LABELLED),
    "urn": (models.Categorical(4), DIE),
    "literal urn": (models.Categorical(4, "literal"), THROWN),
    "smoothed urn": (models.Categorical(4, smoothing=0.5), DIE),
    "density": (PEAK, PEAK.source(np.full(7, 1 / 7))),
    "grid mixture": (GRID, GRID.source(LINES)),
    "n-gram": (
        models.NGram(3, 2),
        np.tile([[0, 1, 2, 0, 1, 2], [2, 1, 0, 0, 1, 1]], (10, 1)),
    ),
}
#: Model, bias -> why this pair is refused. Every other pair works in every regime.
NO_P = "TopP needs the probabilities p"
NO_WIDTH = "Lambda scales the variances"
GONE = "chooses among points; of a Fitted.* given .*Summary, where they are gone"
REFUSED = {
    **{(kind, "top-p"): NO_P for kind in KINDS if "urn" not in kind},
    **{
        (kind, bias): "changes the probabilities of states"
        for kind in KINDS
        if "urn" not in kind
        for bias in ("truncated", "focal")
    },
    **{
        (kind, "calibrated"): "Calibrated knows the temperature of"
        for kind in KINDS
        if not any(word in kind for word in ("gaussian", "cloud", "urn"))
    },
    ("grid mixture", "corrected"): "oracle is a FittedGridMixture; it must be",
    ("grid mixture", "extrapolated"): "base is a FittedGridMixture; it must be",
    **{
        (kind, "lambda"): NO_WIDTH
        for kind in KINDS
        if "urn" in kind or kind == "density" or "regression" in kind
    },
    **{
        (f"exact {kind}", bias): GONE
        for kind in ("gaussian", "known width", "cloud", "regression")
        for bias in ("best", "verified", "chain", "diverse")
    },
    **{
        (f"kernels{place}", bias): reason
        for place in ("", " in the plane")
        for bias, reason in (
            ("temperature", "without a method temper"),
            ("lambda", NO_WIDTH),
            ("corrected", "Corrected moves .*, which the oracle has and it has not"),
            ("extrapolated", "Extrapolated moves .*, which the base has and it has"),
        )
    },
    ("logistic", "lambda"): NO_WIDTH,
    ("n-gram", "lambda"): NO_WIDTH,
    ("n-gram", "corrected"): "oracle is an array of .*; it must be a fitted model",
    ("n-gram", "extrapolated"): "base is an array of .*; it must be a fitted model",
}
for finite in ("density", "grid mixture", "n-gram"):
    for bias in ("top-p", "truncated", "focal"):
        del REFUSED[finite, bias]
for finite in ("density", "grid mixture"):
    del REFUSED[finite, "calibrated"]
#: Model, regime -> why it is refused, with and without a bias.
NO_SUCH_POOL = {
    ("n-gram", "fresh"): "real is a fixed data set",
    ("n-gram", "web"): "real is a fixed data set",
    **{
        (f"exact {kind}", way): "Summary cannot be subsampled"
        for kind in ("gaussian", "known width", "cloud", "regression")
        for way in ("subsample", "mix", "edit", "edit the same")
    },
}


def bias_for(name, real):
    if name == "corrected":
        return regimes.Corrected(real, 0.5)
    if name == "extrapolated":
        return regimes.Extrapolated(real, 0.1)
    if name in ("grounded", "calibrated"):
        store = STORES.get(real.p.shape[-1]) if hasattr(real, "p") else real
        if hasattr(store, "sample"):
            store = replace(real, law="literal") if hasattr(real, "law") else real
            store = store.sample(20, rng())[0]
        if name == "calibrated":
            return regimes.Calibrated(store)
        return regimes.Grounded(store, 0.2)
    return BIASES[name]


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_model_in_every_regime_with_every_bias(kind, bias):
    model, real = KINDS[kind]
    for name, way in WAYS.items():
        reasons = (REFUSED.get((kind, bias)), NO_SUCH_POOL.get((kind, name)))
        refused = "|".join(reason for reason in reasons if reason)

        def run(way=way):
            history = recurse(
                model,
                real,
                regime=way(bias=bias_for(bias, real)),
                n_samples=20,
                n_generations=2,
                chains=2,
                measure=lambda generation: {"size": np.full(2, generation.t)},
                rng=rng(),
            )
            np.testing.assert_array_equal(history.array("size")[:, 0], [0, 1, 2])

        if refused:
            with pytest.raises(ValueError, match=refused):
                run()
        else:
            run()


def loop(n_generations, bias, real=NORMAL, **kept):
    return recurse(
        models.Gaussian(),
        real,
        regime=regimes.Accumulate(bias=bias),
        n_samples=20,
        n_generations=n_generations,
        chains=2,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(4),
        **kept,
    )


CHAINED = regimes.Chain(
    (
        regimes.Lambda(0.9),
        regimes.Corrected(NORMAL, 0.1),
        regimes.Best(size_of, 3),
        regimes.Verified(lambda x: size_of(x) < 5),
        regimes.Grounded([1.0, 2.0], 0.1),
    )
)


def test_a_run_goes_on_from_a_file_to_the_same_bits(tmp_path):
    path = tmp_path / "run.npz"
    loop(2, CHAINED, checkpoint=path)
    longer = loop(4, CHAINED, checkpoint=path)
    assert longer.equals(loop(4, CHAINED))


@pytest.mark.parametrize(
    "other",
    [
        regimes.Best(size_of, 2),
        regimes.Best(lambda x: size_of(x) + 1, 3),
        regimes.Verified(size_of),
        regimes.Best(size_of, 3).then(regimes.Grounded([1.0], 0.1)),
    ],
)
def test_a_file_of_another_bias_is_refused(tmp_path, other):
    path = tmp_path / "run.npz"
    loop(1, regimes.Best(size_of, 3), checkpoint=path)
    with pytest.raises(ValueError, match="regime"):
        loop(2, other, checkpoint=path)


def test_a_drawn_source_of_real_data_is_told_apart_too(tmp_path):
    path = tmp_path / "run.npz"
    curated = regimes.Best(size_of, 3)(NORMAL)
    loop(1, None, real=curated, checkpoint=path)
    loop(2, None, real=regimes.Best(size_of, 3)(NORMAL), checkpoint=path)
    with pytest.raises(ValueError, match="real"):
        loop(2, None, real=regimes.Best(size_of, 2)(NORMAL), checkpoint=path)
