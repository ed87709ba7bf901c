"""Points that count for more than others, and how weights reach a fit."""

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.models.discrete import Counts
from collapse_lib.models.gaussian import summarise
from collapse_lib.samples import Weighted, pool, pool_weighted, systematic
from collapse_lib.theory import number_line

REPEATS = np.array([[2, 0, 1, 1], [1, 1, 1, 1]])
NUMBERS = np.array([[0.5, -1.0, 2.0, 4.0], [1.0, 2.0, 3.0, 5.0]])


def rng():
    return np.random.default_rng(16)


def weighted(points, weights=REPEATS):
    return Weighted(points.shape[1], points, np.asarray(weights, float))


def repeated(points):
    """Return the points as often as their weights say."""
    both = zip(points, REPEATS, strict=True)
    return np.stack([np.repeat(p, w, axis=0) for p, w in both])


@pytest.mark.parametrize(
    ("model", "points", "names"),
    [
        (models.Gaussian("mle"), NUMBERS, ("mu", "sigma")),
        (models.Gaussian("unbiased"), NUMBERS, ("mu", "sigma")),
        (models.KnownWidth(), NUMBERS, ("mu",)),
        (models.Categorical(4), np.array([[0, 3, 1, 2], [1, 1, 0, 2]]), ("p",)),
        (
            models.MultivariateGaussian("mle"),
            np.stack([NUMBERS, NUMBERS[::-1] ** 2], axis=2),
            ("mean", "factor"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_whole_weight_repeats_a_point(model, points, names):
    got = model.fit(weighted(points), rng())
    expected = model.fit(repeated(points), rng())
    for name in names:
        np.testing.assert_allclose(
            getattr(got, name), getattr(expected, name), atol=1e-12
        )


def test_shares_weigh_summaries_as_they_weigh_points():
    real, made = NUMBERS[:, :1], NUMBERS[:, 1:]
    points = pool_weighted([real, made], [0.7, 0.3])
    summary = pool_weighted([summarise(real), summarise(made)], [0.7, 0.3])
    one, other = (models.Gaussian("mle").fit(d, rng()) for d in (points, summary))
    np.testing.assert_allclose(one.mu, other.mu)
    np.testing.assert_allclose(one.sigma, other.sigma)
    np.testing.assert_allclose(one.mu, 0.7 * real[:, 0] + 0.3 * made.mean(axis=1))


def test_shares_weigh_counts():
    counts = [Counts(2, np.array([[2, 0]])), Counts(4, np.array([[1, 3]]))]
    fitted = models.Categorical(2).fit(pool_weighted(counts, [0.5, 0.5]), rng())
    np.testing.assert_allclose(fitted.p, [[0.625, 0.375]])


def test_points_that_join_weighted_ones_have_weight_one():
    both = pool([weighted(NUMBERS), NUMBERS[:, :1]])
    assert both.weights.tolist() == [[2, 0, 1, 1, 1], [1, 1, 1, 1, 1]]
    assert both.points.shape == (2, 5)


@pytest.mark.parametrize("law", ["exact", "literal"])
@pytest.mark.parametrize("weight", [0.3, number_line.golden_weight(1.0).item(), 1.0])
def test_a_weighted_fresh_loop_follows_its_law(law, weight):
    chains, n = 4_000, 10
    history = recurse(
        models.KnownWidth(law=law),
        models.FittedKnownWidth.standard(law),
        regime=regimes.Fresh(real_weight=weight),
        n_samples=n,
        n_generations=8,
        chains=chains,
        measure={"mu": lambda fit: fit.mu},
        rng=rng(),
    )
    found = n * (history.array("mu") ** 2).mean(axis=1)
    expected = number_line.fresh(1 + history.generations, weight=weight)
    assert (np.abs(found - expected) < 4 * expected * np.sqrt(2 / chains)).all()


def test_augmented_data_can_be_weighted():
    def mean_after(real_weight):
        history = recurse(
            models.KnownWidth(law="exact"),
            np.full(5, 3.0),
            regime=regimes.Augment(real_weight=real_weight),
            n_samples=5,
            n_generations=1,
            chains=1,
            measure={"mu": lambda fit: fit.mu},
            rng=rng(),
        )
        return history.array("mu")[1, 0]

    assert mean_after(1.0) == 3.0
    assert mean_after(0.0) != 3.0
    assert mean_after(0.5) == pytest.approx((3 + mean_after(0.0)) / 2)


@pytest.mark.parametrize("regime", [regimes.Fresh, regimes.Augment])
@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan, "half", True])
def test_a_weight_that_is_no_share_is_refused(regime, share):
    with pytest.raises(ValueError, match="real_weight is .*from 0 to 1"):
        regime(real_weight=share)


def test_nothing_real_cannot_be_weighed():
    with pytest.raises(ValueError, match="there are no real points to weigh"):
        regimes.Fresh(n_real=0, real_weight=0.5)


def test_weights_must_have_mean_one():
    with pytest.raises(ValueError, match="mean 1 in each chain"):
        weighted(NUMBERS, [[1, 1, 1, 2], [1, 1, 1, 1]])
    with pytest.raises(ValueError, match="must be numbers >= 0"):
        weighted(NUMBERS, [[-1, 3, 1, 1], [1, 1, 1, 1]])
    with pytest.raises(ValueError, match="needed are .chains, size"):
        weighted(NUMBERS, [[1, 1, 1, 1]])


def test_a_model_without_weights_says_what_to_do():
    digits = weighted(np.zeros((2, 4, 3)))
    with pytest.raises(ValueError, match="cannot use weights.*n_fit"):
        models.GaussianMixture(2).fit(digits, rng())


def test_summaries_that_cannot_be_weighted_say_so():
    from collapse_lib.models.vae.images import Images

    with pytest.raises(ValueError, match="Images cannot be weighted"):
        Images.pool_weighted([Images.of(np.zeros((3, 28, 28)))], [1.0])


# systematic resampling


def test_each_place_is_drawn_as_often_as_expected_rounded_up_or_down():
    weights = rng().gamma(1.0, size=(50, 30))
    places = systematic(weights, 100, rng())
    counts = np.stack([np.bincount(row, minlength=30) for row in places])
    expected = 100 * weights / weights.sum(axis=1, keepdims=True)
    assert places.shape == (50, 100)
    assert (np.abs(counts - expected) < 1).all()


def test_draws_are_unbiased_and_places_of_weight_zero_are_never_drawn():
    weights = np.tile([0.0, 0.3, 0.0, 1.0, 0.25, 0.0], (20_000, 1))
    places = systematic(weights, 2, rng())
    share = np.bincount(places.ravel(), minlength=6) / places.size
    expected = weights[0] / weights[0].sum()
    assert share[[0, 2, 5]].max() == 0
    assert (np.abs(share - expected) < 4 * np.sqrt(0.25 / len(weights))).all()


@pytest.mark.parametrize(
    ("weights", "n", "message"),
    [
        ([[0.0, 0.0]], 2, "all 0 in at least one chain"),
        ([[-1.0, 2.0]], 2, "weights"),
        ([[np.nan, 1.0]], 2, "weights"),
        ([1.0, 2.0], 2, "weights"),
        ([[1.0, 2.0]], -1, "n is -1"),
        ([[1.0, 2.0]], 1.5, "n is 1.5"),
    ],
)
def test_weights_that_draw_nothing_are_refused(weights, n, message):
    with pytest.raises(ValueError, match=message):
        systematic(np.array(weights), n, rng())
