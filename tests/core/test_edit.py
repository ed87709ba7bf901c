"""Editing: the data are kept, a share of them is written anew."""

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.samples import RealData


class Labelled:
    """A generator of numbers that say which generation they are of."""

    def __init__(self, value):
        self.value = float(value)

    def sample(self, n, rng):
        return np.full((2, n), self.value)


class Marker:
    """A model that labels rows by a number of its own."""

    def __init__(self, value):
        self.value = float(value)

    def sample(self, n, rng):
        raise AssertionError("rows are labelled, not replaced")

    def label(self, x, rng):
        return np.full(x.shape[:2], self.value)


def edits(regime, first, generators, n=None):
    """Return the training sets that follow a first one."""
    rng, memory = np.random.default_rng(0), regime.start(first)
    real = RealData(models.FittedGaussian.standard(), 2, models.Gaussian())
    n = first.shape[1] if n is None else n
    found = []
    for generator in generators:
        step = regime.next(regimes.Turn(generator, n, real, memory, rng))
        memory = step.memory
        found.append(step.training)
    return found


FIRST = np.arange(-20.0, 0).reshape(1, 20).repeat(2, axis=0)


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize(("share", "n"), [(0.2, 4), (0.24, 5), (0.03, 1), (1, 20)])
def test_a_share_is_written_anew_and_the_rest_stays(same, share, n):
    (edited,) = edits(regimes.Edit(share, same=same), FIRST, [Labelled(1)])
    assert ((edited == 1).sum(axis=1) == n).all()
    assert ((edited == FIRST) | (edited == 1)).all()
    assert (FIRST < 0).all()  # the real data are not written over


def test_new_places_go_on_to_eat_up_the_old():
    path = edits(regimes.Edit(0.2), FIRST, [Labelled(t) for t in range(1, 40)])
    left = [(data < 0).sum(axis=1).mean() for data in path]
    assert left[0] == 16 and left[-1] < 1
    assert ((path[-1] == 39).sum(axis=1) == 4).all()


def test_the_same_places_leave_the_others_alone_for_ever():
    path = edits(
        regimes.Edit(0.2, same=True), FIRST, [Labelled(t) for t in range(1, 40)]
    )
    for t, data in enumerate(path, start=1):
        assert ((data == t).sum(axis=1) == 4).all()
        assert ((data == t) == (path[0] == 1)).all()
    assert (path[0] == 1)[0].tolist() != (path[0] == 1)[1].tolist()  # by chain


@pytest.mark.parametrize("same", [False, True])
def test_rows_keep_what_is_asked_and_get_a_new_answer(same):
    first = np.arange(2 * 10 * 3.0).reshape(2, 10, 3)
    (edited,) = edits(regimes.Edit(0.3, same=same), first, [Marker(-1)])
    np.testing.assert_array_equal(edited[..., :-1], first[..., :-1])
    assert ((edited[..., -1] == -1).sum(axis=1) == 3).all()


def test_what_chooses_among_rows_replaces_them():
    truth = models.FittedLinearRegression.of([1.0, 1.0]).expand(2)
    first = truth.sample(10, np.random.default_rng(1))
    best = regimes.Best(lambda rows: 20 * rows[..., -1], k=50)
    (edited,) = edits(regimes.Edit(0.5, bias=best), first, [truth])
    changed = (edited != first).all(axis=2)
    assert (changed.sum(axis=1) == 5).all()
    assert edited[changed][:, -1].min() > 1


def test_a_logistic_regression_redraws_labels_and_keeps_the_places():
    x = np.random.default_rng(1).normal(size=(40, 2))
    real = np.column_stack([x, x[:, 0] > 0])
    kept = recurse(
        models.LogisticRegression(ridge=1.0),
        real,
        regime=regimes.Edit(0.25),
        n_samples=40,
        n_generations=1,
        chains=3,
        measure=lambda generation: {"rows": generation.training},
        rng=np.random.default_rng(2),
    ).array("rows")
    assert (kept[0] == real).all()
    np.testing.assert_array_equal(kept[1][..., :-1], kept[0][..., :-1])
    new = kept[1][..., -1] != kept[0][..., -1]
    assert (new.sum(axis=1) <= 10).all() and new.any()


def tracked_edits(model, real, same, n_generations=6, **options):
    """Return what each generation was trained on: points and sources."""
    found = []

    def keep(generation):
        found.append(generation.training)
        return {"n": np.zeros(2)}

    recurse(
        models.Tracked(model, **options),
        real,
        regime=regimes.Edit(0.3, same=same),
        n_samples=10,
        n_generations=n_generations,
        chains=2,
        measure=keep,
        rng=np.random.default_rng(3),
    )
    return found


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("rows", [False, True])
def test_edited_points_are_labelled_by_who_wrote_them(same, rows):
    model = models.LinearRegression() if rows else models.Gaussian()
    real = models.FittedGaussian.standard()
    if rows:
        real = models.FittedLinearRegression.of([1.0, 0.0])
    first, *later = tracked_edits(model, real, same)
    points, source = first, np.zeros((2, 10), int)
    for generation, data in enumerate(later, start=1):
        new = data.source == generation
        assert (new.sum(axis=1) == 3).all()
        changed = data.points != points
        changed = changed[..., -1] if rows else changed
        np.testing.assert_array_equal(changed, new)
        np.testing.assert_array_equal(data.source[~new], source[~new])
        if rows:
            np.testing.assert_array_equal(data.points[..., :-1], first[..., :-1])
        points, source = data.points, data.source
    left = (source == 0).sum(axis=1)
    assert (left == 7).all() if same else (left < 7).all()


def test_the_labels_of_edits_leave_the_random_numbers_alone():
    def path(model, same):
        return recurse(
            model,
            models.FittedLinearRegression.of([1.0, 0.0]),
            regime=regimes.Edit(0.3, same=same),
            n_samples=10,
            n_generations=4,
            chains=2,
            measure={"first": lambda fit: fit.coef[:, 0]},
            rng=np.random.default_rng(4),
        ).array("first")

    plain = models.LinearRegression()
    for same in (False, True):
        np.testing.assert_array_equal(
            path(plain, same), path(models.Tracked(plain), same)
        )


def test_edits_can_be_weighed_down_to_the_human_part():
    """With the same places and weight 0 for what is synthetic the fit stays."""
    fits = []
    recurse(
        models.Tracked(models.KnownWidth(), weigh=regimes.BySource(real=1.0)),
        np.arange(10.0),
        regime=regimes.Edit(0.3, same=True),
        n_samples=10,
        n_generations=5,
        measure={"mu": lambda fit: fits.append(fit.mu[0]) or fit.mu},
        rng=np.random.default_rng(5),
    )
    assert fits[0] == 4.5 and len(set(np.round(fits[1:], 12))) == 1


def test_a_bias_acts_on_the_model_inside_its_labels():
    cold = regimes.Edit(0.5, bias=regimes.Temperature(1e-12))
    model = models.FittedLinearRegression.of([2.0]).expand(2)
    first = np.ones((2, 20, 2))
    written = models.FittedTracked(model, np.array([3, 3], np.int32))
    (edited,) = edits(cold, first, [written])
    new = edited.source == 3
    assert (new.sum(axis=1) == 10).all()
    np.testing.assert_allclose(edited.points[new][:, 1], 2, atol=1e-4)


def test_data_that_come_labelled_keep_their_labels():
    first = models.Labelled(20, FIRST, np.full((2, 20), 5, np.int32))
    for same in (False, True):
        (edited,) = edits(regimes.Edit(0.2, same=same), first, [Labelled(1)], n=20)
        new = edited.points == 1
        assert (new.sum(axis=1) == 4).all()
        assert (edited.source == np.where(new, 0, 5)).all()


@pytest.mark.parametrize("same", [False, True])
def test_counts_are_edited_too(same):
    first = models.Counts(20, np.array([[20, 0, 0]]))
    regime, rng = regimes.Edit(0.25, same=same), np.random.default_rng(0)
    real = RealData(models.FittedCategorical.of([1.0, 0, 0]), 1, models.Categorical(3))
    memory = regime.start(first)
    for state in ([0.0, 1, 0], [0.0, 0, 1]):
        fitted = models.FittedCategorical.of(state)
        step = regime.next(regimes.Turn(fitted, 20, real, memory, rng))
        memory = step.memory
    assert step.training.size == step.training.counts.sum() == 20
    assert step.training.counts[0, 2] == 5
    if same:
        assert step.training.counts[0].tolist() == [15, 0, 5]


def run(regime, model=None, chains=4000):
    return recurse(
        models.KnownWidth() if model is None else model,
        models.FittedKnownWidth.standard(),
        regime=regime,
        n_samples=20,
        n_generations=6,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(1),
        chains=chains,
    ).array("mu")


def assert_alike(one, other):
    error = np.sqrt((one**2).var(axis=1) + (other**2).var(axis=1)) / np.sqrt(4000)
    apart = np.abs((one**2).mean(axis=1) - (other**2).mean(axis=1))
    assert (apart < 4 * error).all()


def test_for_points_without_a_label_it_is_the_mix_of_the_paper():
    assert_alike(run(regimes.Edit(0.3)), run(regimes.Mix(0.3, 0.7, 0.0)))


def test_editing_everything_is_replacing():
    assert_alike(run(regimes.Edit(1)), run(regimes.Replace()))


def test_editing_nothing_changes_nothing():
    path = run(regimes.Edit(0), chains=3)
    assert (path == path[0]).all()


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("tracked", [False, True])
def test_a_run_goes_on_from_a_file_to_the_same_bits(tmp_path, same, tracked):
    weigh = regimes.BySource(real=0.5)
    plain = models.LinearRegression()
    model = models.Tracked(plain, weigh=weigh) if tracked else plain

    def loop(n, **kept):
        return recurse(
            model,
            models.FittedLinearRegression.of([1.0, 0.0]),
            regime=regimes.Edit(0.3, same=same),
            n_samples=20,
            n_generations=n,
            chains=2,
            measure={"first": lambda fit: fit.coef[:, 0]},
            rng=np.random.default_rng(4),
            **kept,
        )

    path = tmp_path / "run.npz"
    loop(2, checkpoint=path)
    assert loop(5, checkpoint=path).equals(loop(5))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regimes.Edit(1.5), "share is 1.5"),
        (lambda: regimes.Edit(0.5, same=2), "same is 2"),
        (
            lambda: edits(regimes.Edit(0.5), FIRST, [Labelled(1)], n=10),
            "Edit keeps the data, 20 points, and n_samples is 10",
        ),
        (
            lambda: edits(regimes.Edit(0.01), FIRST, [Labelled(1)]),
            "share is 0.01, which of 20 points rounds to none",
        ),
        (
            lambda: run(regimes.Edit(0.5), models.KnownWidth(law="exact"), 1),
            "Edit writes points anew; a FittedKnownWidth drew MeanSummary",
        ),
        (
            lambda: run(
                regimes.Edit(0.5), models.Tracked(models.KnownWidth(law="exact")), 1
            ),
            "Tracked labels points; of FittedKnownWidth it is given MeanSummary",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_model_that_labels_wrongly_is_told_so():
    class Short(Marker):
        def label(self, x, rng):
            return np.zeros(3)

    with pytest.raises(ValueError, match=r"Short.label\(x, rng\) returned has shape"):
        edits(regimes.Edit(0.5), FIRST[..., None].repeat(2, axis=2), [Short(0)])
