"""Points that know their source, and policies that weigh them."""

import copy
import pickle

import numpy as np
import pytest

from collapse_lib import metrics, models, recurse, regimes
from collapse_lib.models import Labelled, Tracked
from collapse_lib.samples import Weighted, pool, subsample
from collapse_lib.theory import discrete, number_line

NORMAL = models.FittedGaussian.standard()
ROOM = 4  # standard errors


def rng():
    return np.random.default_rng(23)


def labelled(source):
    source = np.atleast_2d(source)
    return Labelled(source.shape[1], np.zeros(source.shape), source)


class Spy:
    """A model that keeps what it is given."""

    event_ndim = 0

    def __init__(self):
        self.seen = []

    def fit(self, data, rng):
        self.seen.append(data)
        points = data.points if isinstance(data, Weighted) else data
        return models.Gaussian("mle").fit(points, rng)


def sources_under(regime, n_generations=3, n_samples=8, bias=None):
    """Return the labels of the training sets, by generation."""
    found = []

    def see(generation):
        training = generation.training
        known = isinstance(training, Labelled)
        found.append(np.unique(training.source) if known else np.array([0]))
        return {"nothing": np.zeros(2)}

    recurse(
        Tracked(models.Gaussian("mle")),
        NORMAL,
        regime=regime,
        n_samples=n_samples,
        n_generations=n_generations,
        chains=2,
        measure=see,
        rng=rng(),
    )
    return [labels.tolist() for labels in found]


@pytest.mark.parametrize(
    ("regime", "expected"),
    [
        (regimes.Replace(), [[0], [1], [2], [3]]),
        (regimes.Accumulate(), [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]),
        (regimes.Augment(), [[0], [0, 1], [0, 2], [0, 3]]),
        (regimes.Fresh(), [[0], [0, 1], [0, 2], [0, 3]]),
        (regimes.Web(0.5), [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]),
        (regimes.Mix(0.5, 0.0, 0.5), [[0], [0, 1], [0, 2], [0, 3]]),
        (regimes.Ecosystem(2), [[0], [1], [2], [3]]),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize(
    "bias",
    [
        None,
        regimes.Temperature(0.5),
        regimes.Best(np.abs),
        regimes.Verified(lambda x: x < 2),
    ],
    ids=["unbiased", "temperature", "best", "verified"],
)
def test_labels_say_who_wrote_a_point(regime, expected, bias):
    kind = type(regime)
    options = {name: getattr(regime, name) for name in regime.__dataclass_fields__}
    assert sources_under(kind(**{**options, "bias": bias})) == expected


def test_a_tracked_model_gives_the_numbers_of_the_model_itself():
    def run(model, **options):
        return recurse(
            model,
            NORMAL,
            regime=regimes.Accumulate(),
            n_samples=10,
            n_generations=5,
            chains=3,
            measure={"sigma": lambda fit: fit.sigma},
            rng=rng(),
            **options,
        ).array("sigma")

    model = models.Gaussian("mle")
    np.testing.assert_array_equal(run(model), run(Tracked(model)))


def test_labelled_runs_go_on_from_a_checkpoint(tmp_path):
    def run(n_generations):
        return recurse(
            Tracked(models.Gaussian("mle"), regimes.Detected(0.9, 0.1)),
            NORMAL,
            regime=regimes.AccumulateSubsample(),
            n_samples=10,
            n_generations=n_generations,
            chains=3,
            measure={"sigma": lambda fit: fit.sigma},
            rng=rng(),
            checkpoint=path,
        ).array("sigma")

    path = tmp_path / "run.npz"
    run(3)
    resumed = run(6)
    path = tmp_path / "whole.npz"
    np.testing.assert_array_equal(resumed, run(6))


def test_copies_of_a_tracked_fit_work():
    fitted = models.FittedTracked(NORMAL, np.array([3]))
    for copied in (copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted))):
        assert copied.sample(2, rng()).source.tolist() == [[3, 3]]
        assert copied.sigma == 1


@pytest.mark.parametrize("name", ["temper", "cut", "expand", "_private", "nothing"])
def test_a_tracked_fit_has_no_generator_without_labels(name):
    with pytest.raises(AttributeError, match=name):
        getattr(models.FittedTracked(NORMAL, np.array([3])), name)


def test_subsamples_keep_their_labels():
    data = Labelled(9, np.arange(9.0)[None], np.arange(9)[None])
    drawn = subsample(data, 4, rng())
    np.testing.assert_array_equal(drawn.points, drawn.source)
    assert len(set(drawn.source[0])) == 4


def test_plain_points_are_taken_for_real():
    both = pool([labelled([[2, 2]]), np.ones((1, 3))])
    assert both.source.tolist() == [[2, 2, 0, 0, 0]]


# weights


def test_weights_reach_the_model_with_mean_one():
    spy = Spy()
    Tracked(spy, lambda data, rng: 5 * data.source).fit(labelled([[0, 1, 3]]), rng())
    np.testing.assert_allclose(spy.seen[0].weights, [[0, 0.75, 2.25]])


def test_a_budget_draws_points_by_weight():
    spy, data = Spy(), Labelled(4, np.arange(4.0)[None], np.array([[0, 1, 1, 3]]))
    Tracked(spy, lambda data, rng: data.source, n_fit=10).fit(data, rng())
    assert np.bincount(spy.seen[0][0].astype(int)).tolist() == [0, 2, 2, 6]
    Tracked(spy, n_fit=8).fit(data, rng())
    assert np.bincount(spy.seen[1][0].astype(int)).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("weigh", "message"),
    [
        (lambda d, rng: np.zeros(d.source.shape), "0 for every point of at least one"),
        (lambda d, rng: -np.ones(d.source.shape), "weigh.labelled, rng. returned"),
        (lambda d, rng: np.ones(3), "one number for each point: .1, 4."),
        (lambda d, rng: None, "weigh.labelled, rng. returned"),
    ],
)
def test_weights_that_are_none_are_refused(weigh, message):
    with pytest.raises(ValueError, match=message):
        Tracked(models.Gaussian(), weigh).fit(labelled([[0, 0, 1, 1]]), rng())


def test_a_model_that_draws_no_points_cannot_be_tracked():
    with pytest.raises(ValueError, match='labels points.*law="literal"'):
        recurse(
            Tracked(models.Categorical(2)),
            models.FittedCategorical.of([0.5, 0.5], law="literal"),
            regime=regimes.Replace(),
            n_samples=4,
            n_generations=1,
            measure={"p": lambda fit: fit.p[:, 0]},
            rng=rng(),
        )


def test_source_weights_and_real_weights_have_one_law():
    chains, n, w = 4_000, 10, number_line.golden_weight(1.0).item()

    def after(model, regime):
        history = recurse(
            model,
            models.FittedKnownWidth.standard(),
            regime=regime,
            n_samples=n,
            n_generations=8,
            chains=chains,
            measure={"mu": lambda fit: fit.mu},
            rng=rng(),
        )
        return history.array("mu")

    weighed = after(Tracked(models.KnownWidth(), regimes.BySource(w)), regimes.Fresh())
    np.testing.assert_allclose(
        weighed, after(models.KnownWidth(), regimes.Fresh(real_weight=w)), atol=1e-12
    )
    found = n * (weighed**2).mean(axis=1)
    expected = number_line.fresh(np.arange(1, 10), weight=w)
    assert (np.abs(found - expected) < ROOM * expected * np.sqrt(2 / chains)).all()


def test_drawing_by_weight_spoils_the_golden_ratio():
    # Resampling adds the noise of which points are drawn: a weighted fit has .618.
    chains, n, w = 20_000, 20, number_line.golden_weight(1.0).item()
    history = recurse(
        Tracked(models.KnownWidth(), regimes.BySource(w), n_fit=2 * n),
        models.FittedKnownWidth.standard(),
        regime=regimes.Fresh(),
        n_samples=n,
        n_generations=10,
        chains=chains,
        record=[10],
        measure={"mu": lambda fit: fit.mu},
        rng=rng(),
    )
    found = n * (history.array("mu") ** 2).mean()
    error = found * np.sqrt(2 / chains)
    assert found - number_line.fresh(np.inf, weight=w) > 10 * error


# detection


def test_the_weight_is_the_probability_of_being_real():
    s, f, n = 0.8, 0.1, 40_000
    source = np.repeat([[0, 1]], [n // 4, 3 * n // 4], axis=1)
    weights = regimes.Detected(s, f)(labelled(source), rng())[0]
    flagged, passed = np.unique(weights)
    for weight in (flagged, passed):
        found = np.mean(source[0][weights == weight] == 0)
        error = np.sqrt(weight * (1 - weight) / (weights == weight).sum())
        assert abs(found - weight) < ROOM * error
    assert flagged == pytest.approx(0.25 * f / (0.25 * f + 0.75 * s))


@pytest.mark.parametrize("drop", [True, False])
def test_a_perfect_detector_leaves_the_real_points(drop):
    detector = regimes.Detected(1.0, 0.0, drop=drop)
    weights = detector(labelled([[0, 2, 0, 1]]), rng())
    assert (weights > 0).tolist() == [[True, False, True, False]]


def test_without_real_points_all_count_alike():
    weights = regimes.Detected(0.9, 0.2)(labelled([[1, 2, 2]]), rng())
    assert weights.tolist() == [[1, 1, 1]]


def test_a_detector_that_drops_everything_says_so():
    with pytest.raises(ValueError, match="flags all 3 points"):
        regimes.Detected(1.0, 1.0, drop=True)(labelled([[1, 2, 0]]), rng())


# strata


def test_strata_hold_their_share():
    data = Labelled.real(rng().standard_normal((5, 300)))
    group = lambda x: np.digitize(x, [-0.5, 1.0])  # noqa: E731
    weights = regimes.Stratified(group, (0.2, 0.5, 0.3))(data, rng())
    for g, share in enumerate((0.2, 0.5, 0.3)):
        own = (weights * (group(data.points) == g)).sum(axis=1)
        np.testing.assert_allclose(own / weights.sum(axis=1), share)


def test_a_group_that_is_gone_leaves_its_share_to_the_others():
    data = Labelled.real(np.array([[0, 0, 1, 1]]))
    weights = regimes.Stratified(lambda x: x, (0.2, 0.2, 0.6))(data, rng())
    np.testing.assert_allclose(weights / weights.mean(), 1)


@pytest.mark.parametrize("error", [0.05, 0.4])
def test_wrong_labels_hand_weight_to_the_other_group(error):
    tau, rare = 0.3, 0.05
    points = (rng().random((1, 200_000)) < rare).astype(int)
    own = regimes.Stratified(lambda x: x, (1 - tau, tau), error)
    weights = own(Labelled.real(points), np.random.default_rng(1))
    found = weights[points == 1].sum() / weights.sum()
    said = rare * (1 - error) + (1 - rare) * error
    right, wrong = rare * (1 - error) / said, rare * error / (1 - said)
    expected = tau * right + (1 - tau) * wrong
    assert found == pytest.approx(expected, rel=ROOM / np.sqrt(rare * points.size))


@pytest.mark.parametrize(
    ("group", "message"),
    [
        (lambda x: x[:, :1].astype(int), "one integer for each point"),
        (lambda x: x, "one integer for each point"),
        (lambda x: 2 + 0 * x.astype(int), "groups 2 to 2; target has shares for 0"),
        (lambda x: -1 + 0 * x.astype(int), "groups -1 to -1"),
    ],
)
def test_groups_that_are_none_are_refused(group, message):
    data = Labelled.real(np.ones((1, 3)))
    with pytest.raises(ValueError, match=message):
        regimes.Stratified(group, (0.5, 0.5))(data, rng())


@pytest.mark.parametrize("target", [(1.0,), (0.5, 0.6), (-0.5, 1.5), "ab", None, 0.5])
def test_shares_that_are_none_are_refused(target):
    with pytest.raises(ValueError, match="target"):
        regimes.Stratified(lambda x: x, target)


# duplicates


@pytest.mark.parametrize(("power", "expected"), [(0, 1), (0.5, 3**0.5), (1, 3), (2, 9)])
def test_copies_count_together_as_a_power_of_their_number(power, expected):
    data = Labelled.real(np.array([[4, 7, 4, 4]]))
    weights = regimes.Deduplicated(power)(data, rng())[0]
    assert weights[[0, 2, 3]].sum() == pytest.approx(expected)
    assert weights[1] == 1


def test_a_power_too_large_for_a_number_says_so():
    data = Labelled.real(np.array([[4, 7, 4, 4]]))
    with pytest.raises(ValueError, match="power is 700.*must be smaller"):
        regimes.Deduplicated(700)(data, rng())


def test_one_of_each_group_stands_for_all_of_it():
    data = Labelled.real(np.tile([4, 7, 4, 4], (3000, 1)))
    weights = regimes.Deduplicated(power=0.5, drop=True)(data, rng())
    assert (np.isclose(weights, 3**0.5).sum(axis=1) == 1).all()
    assert (weights[:, 1] == 1).all() and ((weights > 0).sum(axis=1) == 2).all()
    # Each of three copies is drawn in a third of the chains.
    assert (abs((weights > 0).mean(axis=0)[[0, 2, 3]] - 1 / 3) < 4 * 0.0086).all()


def test_groups_may_be_wider_than_equal_points():
    data = Labelled.real(np.array([[1.0, 1.2, 3.0]]))
    rounded = regimes.Deduplicated(alike=lambda x: x.astype(int))
    np.testing.assert_allclose(rounded(data, rng()), [[0.5, 0.5, 1]])
    for alike, message in (
        (lambda x: x, "what alike.points. returned is .*one integer for each point"),
        (lambda x: np.zeros(3, int), "what alike.points. returned"),
    ):
        with pytest.raises(ValueError, match=message):
            regimes.Deduplicated(alike=alike)(data, rng())


def test_what_is_drawn_by_weight_holds_no_copies():
    spy, data = Spy(), Labelled.real(np.repeat(np.arange(50), 4)[None])
    for seed in range(20):
        model = Tracked(spy, regimes.Deduplicated(drop=True), n_fit=40)
        model.fit(data, np.random.default_rng(seed))
        assert len(set(spy.seen[-1][0])) == 40


def test_copies_are_found_within_a_chain_and_as_whole_points():
    vectors = np.array([[[1, 2], [1, 3], [1, 2]], [[5, 5], [1, 2], [0, 0]]])
    weights = regimes.Deduplicated()(Labelled.real(vectors), rng())
    np.testing.assert_allclose(weights, [[0.5, 1, 0.5], [1, 1, 1]])


@pytest.mark.parametrize("regime", [regimes.Fresh, regimes.Augment])
def test_a_regime_leaves_the_weights_to_the_model_and_they_are_the_same(regime):
    def path(model, regime):
        return recurse(
            model,
            models.FittedKnownWidth.standard(),
            regime=regime,
            n_samples=10,
            n_generations=3,
            chains=2,
            measure={"mu": lambda fit: fit.mu},
            rng=np.random.default_rng(1),
        ).array("mu")

    weigh, plain = regimes.BySource(real=0.7), models.KnownWidth()
    with pytest.raises(ValueError, match=r"by the model.*weigh=regimes.BySource"):
        path(models.Tracked(plain), regime(real_weight=0.7))
    np.testing.assert_allclose(
        path(models.Tracked(plain, weigh=weigh), regime()),
        path(plain, regime(real_weight=0.7)),
    )


def test_policies_ask_for_labels():
    with pytest.raises(ValueError, match="labelled is .*pass it to models.Tracked"):
        regimes.Deduplicated()(np.ones((1, 3)), rng())


# ecosystems


def worlds(models_in_a_world, n, n_generations, chains):
    history = recurse(
        models.Categorical(6, law="literal"),
        models.FittedCategorical.of([0.3, 0.3, 0.2, 0.1, 0.05, 0.05], law="literal"),
        regime=regimes.Ecosystem(models_in_a_world),
        n_samples=n,
        n_generations=n_generations,
        chains=chains,
        measure={"p": lambda fit: fit.p},
        rng=rng(),
    )
    p = history.array("p")
    return p.reshape(len(p), -1, models_in_a_world, p.shape[-1])


@pytest.mark.parametrize(("m", "n"), [(1, 6), (2, 5), (4, 3), (3, 1)])
def test_a_world_loses_variety_as_its_law_says(m, n):
    pooled = worlds(m, n, 12, 1_200 * m).mean(axis=2)
    found = metrics.heterozygosity(pooled)
    h0 = metrics.heterozygosity(np.array([0.3, 0.3, 0.2, 0.1, 0.05, 0.05]))
    expected = discrete.ecosystem_after(h0, n, m, 1 + np.arange(13))
    error = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
    assert (np.abs(found.mean(axis=1) - expected) < ROOM * error + 1e-12).all()


def test_points_are_dealt_within_a_world():
    fitted = models.FittedGaussian(np.array([0.0, 0.0, 50.0, 50.0]), np.ones(4))
    steps = []

    def see(generation):
        steps.append(generation.training)
        return {"nothing": np.zeros(4)}

    recurse(
        models.Gaussian("mle"),
        NORMAL,
        first=fitted,
        regime=regimes.Ecosystem(2),
        n_samples=200,
        n_generations=1,
        chains=4,
        measure=see,
        rng=rng(),
    )
    assert (steps[1][:2] < 25).all() and (steps[1][2:] > 25).all()


def test_one_model_alone_is_the_law_of_replacement():
    t = np.arange(5)
    np.testing.assert_allclose(
        discrete.ecosystem_after(0.4, 7, 1, t), discrete.heterozygosity_after(0.4, 7, t)
    )


@pytest.mark.parametrize(
    ("regime", "chains", "message"),
    [
        (regimes.Ecosystem(3), 4, "chains is 4 and models is 3"),
        (regimes.Ecosystem(2), 4, 'deals out points.*law="literal"'),
    ],
)
def test_worlds_that_are_none_are_refused(regime, chains, message):
    law = "exact" if regime.models == 2 else "literal"
    with pytest.raises(ValueError, match=message):
        recurse(
            models.Gaussian(law=law),
            models.FittedGaussian.standard(law),
            regime=regime,
            n_samples=5,
            n_generations=1,
            chains=chains,
            measure={"mu": lambda fit: fit.mu},
            rng=rng(),
        )
