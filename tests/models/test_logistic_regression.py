"""Logistic regression: against scikit-learn, by hand, and in a loop."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression as SKLogisticRegression
from sklearn.metrics import log_loss

from collapse_lib import models, recurse, regimes
from collapse_lib.models.logistic_regression import _Rows
from collapse_lib.samples import Weighted
from collapse_lib.theory import number_line

RNG = np.random.default_rng(0)  # the fit draws nothing
TRUTH = np.array([0.5, 1.0, -2.0])


def rows(chains=3, n=80, seed=1):
    """Return rows whose labels follow the truth."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(chains, n, 2)) * [1, 0.5]
    chance = 1 / (1 + np.exp(-TRUTH[0] - x @ TRUTH[1:]))
    return np.concatenate([x, (rng.random((chains, n)) < chance)[..., None]], axis=-1)


def fit(data, **options):
    return models.LogisticRegression(**options).fit(data, RNG)


@pytest.mark.parametrize("ridge", [0, 0.3, 20])
@pytest.mark.parametrize("real", [False, True])
def test_it_is_the_fit_of_scikit_learn(ridge, real):
    if real:
        x, y = load_diabetes(return_X_y=True)
        data = np.column_stack([x, y > 100])[None]
    else:
        data = rows()
    ours = fit(data, ridge=ridge)
    for own, weights in zip(data, ours.weights, strict=True):
        c = 1 / ridge if ridge else np.inf
        theirs = SKLogisticRegression(C=c, tol=1e-10, max_iter=10_000)
        theirs.fit(own[:, :-1], own[:, -1])
        np.testing.assert_allclose(
            weights, [theirs.intercept_[0], *theirs.coef_[0]], rtol=1e-4, atol=1e-5
        )


def test_two_places_have_a_closed_form():
    """At x = 0 and x = 1 the chances are the shares seen there."""
    y = [0, 0, 0, 1, 0, 1, 1, 1, 1, 1]
    x = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    fitted = fit(np.column_stack([x, y])[None])
    np.testing.assert_allclose(
        fitted.weights, [[math.log(1 / 3), math.log(5) - math.log(1 / 3)]], rtol=1e-7
    )
    np.testing.assert_allclose(fitted.probability([[0], [1]]), [[1 / 4, 5 / 6]])


def test_the_derivatives_vanish_at_the_fit():
    data, ridge = rows(n=40), 0.7
    fitted = fit(data, ridge=ridge)
    for own, b in zip(data, fitted.weights, strict=True):
        x = np.column_stack([np.ones(40), own[:, :-1]])
        chance = 1 / (1 + np.exp(-x @ b))
        slope = x.T @ (chance - own[:, -1]) + ridge * np.array([0, *b[1:]])
        np.testing.assert_allclose(slope, 0, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(unit=st.floats(-8, 8), shift=st.floats(-3, 3))
def test_units_and_origins_do_not_matter(unit, shift):
    data, other = rows(), rows()
    other[..., 0] = 10**unit * (other[..., 0] + shift)
    one, two = fit(data), fit(other)
    np.testing.assert_allclose(one.log_loss(data[0]), two.log_loss(other[0]), rtol=1e-6)
    np.testing.assert_allclose(two.weights[:, 1], one.weights[:, 1] / 10**unit, 1e-5)


@pytest.mark.parametrize("unit", [1e-200, 1e-170, 1e160, 1e300])
@pytest.mark.parametrize("ridge", [0, 1])
def test_numbers_whose_squares_are_no_floats_are_fitted(unit, ridge):
    data = rows()
    other = data.copy()
    other[..., 0] *= unit
    found, plain = fit(other, ridge=ridge), fit(data)
    if not ridge:
        np.testing.assert_allclose(found.weights[:, 1] * unit, plain.weights[:, 1])
    elif unit > 1:  # so large a unit is not penalised
        np.testing.assert_allclose(
            found.weights[:, 1] * unit,
            fit(data * [1e9, 1, 1], ridge=1).weights[:, 1] * 1e9,
        )
    else:  # so small a unit costs too much
        np.testing.assert_allclose(
            found.weights[:, [0, 2]], fit(data[..., 1:], ridge=1).weights
        )
        assert (np.abs(found.weights[:, 1] * unit) < 1e-100).all()


@pytest.mark.parametrize("ridge", [1e8, 1e14, 1e18, 1e300])
def test_a_large_penalty_leaves_the_share_of_ones(ridge):
    data = rows()
    found = fit(data, ridge=ridge).weights
    share = data[..., -1].mean(axis=1)
    np.testing.assert_allclose(found[:, 0], np.log(share / (1 - share)), rtol=1e-6)
    assert (np.abs(found[:, 1:]) <= 1e-6).all()


def test_a_number_that_never_changes_gets_no_weight():
    """Its mean is off it by rounding, which is no variation."""
    data = rows()
    flat = np.concatenate([np.full_like(data[..., :1], 0.1), data], axis=-1)
    np.testing.assert_allclose(fit(flat).weights[:, 2:], fit(data).weights[:, 1:])
    assert (np.abs(fit(flat).weights[:, 1]) < 1e-9).all()


def test_every_chain_is_fitted_by_itself():
    data = rows(chains=4)
    data[2, :, -1] = data[2, :, 0] > 0  # which takes many more steps
    together = fit(data).weights
    for own, weights in zip(data, together, strict=True):
        np.testing.assert_allclose(fit(own[None]).weights[0], weights, rtol=1e-9)


def test_a_step_that_leads_too_far_is_halved_where_it_does():
    data = rows()
    columns = np.concatenate([np.ones_like(data[..., :1]), data[..., :-1]], axis=-1)
    some = _Rows(columns, data[..., -1], np.ones(data.shape[:2]), np.zeros((3, 3)))
    start = np.zeros((3, 3))
    loss, (step, _) = some.loss(start), some.step(start)
    step[1] *= 100
    b, there = some.taken(start, step, loss)
    assert (there < loss).all()
    np.testing.assert_array_equal(b[[0, 2]], step[[0, 2]])
    np.testing.assert_allclose(step[1] / b[1], 2 ** np.round(np.log2(step[1] / b[1])))


def test_labels_that_a_plane_separates_are_learnt_by_heart():
    x = np.array([[-2.0, -1.0, 1.0, 2.0]]).T
    fitted = fit(np.column_stack([x, x > 0])[None])
    assert np.isfinite(fitted.weights).all() and fitted.weights[0, 1] > 10
    again = fitted.sample(400, RNG)
    assert (again[..., 1] == (again[..., 0] > 0)).all()
    penalised = fit(np.column_stack([x, x > 0])[None], ridge=1.0)
    assert penalised.weights[0, 1] < 2


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_alone_is_no_error(label):
    data = rows(chains=1)
    data[..., -1] = label
    chance = fit(data).probability(data[0, :, :-1])
    np.testing.assert_allclose(chance, label, atol=1e-6)


def test_numbers_that_repeat_each_other_are_no_error():
    data = rows()
    twice = np.concatenate([data[..., :1], data], axis=-1)
    flat = np.concatenate([np.ones_like(data[..., :1]), data], axis=-1)
    for other in (twice, flat):
        np.testing.assert_allclose(
            fit(other).probability(other[0, :, :-1]),
            fit(data).probability(data[0, :, :-1]),
            atol=1e-6,
        )


def test_the_loss_of_other_rows_is_that_of_scikit_learn():
    data, other = rows(), rows(1, 50, seed=5)[0]
    fitted = fit(data)
    chances = fitted.probability(other[:, :-1])
    expected = [log_loss(other[:, -1], chance) for chance in chances]
    np.testing.assert_allclose(fitted.log_loss(other), expected)


def test_weights_count_rows_several_times():
    data = rows(n=6)
    times = np.array([1, 3, 2, 1, 4, 1])
    again = fit(np.repeat(data, times, axis=1), ridge=2.0)
    counted = np.broadcast_to(times / times.mean(), (3, 6))
    # The weights have mean 1: the penalty is in proportion.
    weighted = fit(Weighted(6, data, counted), ridge=2.0 / times.mean())
    np.testing.assert_allclose(weighted.weights, again.weights, rtol=1e-6)


# labels drawn at a design


def test_labels_follow_their_chances_and_places_serve_alike():
    source = models.FittedLogisticRegression.of(TRUTH, [[0, 0], [1, 0], [0, 1]])
    drawn = source.expand(2).sample(30_000, np.random.default_rng(3))
    assert drawn.shape == (2, 30_000, 3)
    for place in source.design[0]:
        here = (drawn[..., :2] == place).all(axis=-1)
        assert (here.sum(axis=1) == 10_000).all()
        chance = 1 / (1 + np.exp(-TRUTH[0] - place @ TRUTH[1:]))
        error = math.sqrt(chance * (1 - chance) / 20_000)
        assert abs(drawn[here][:, -1].mean() - chance) < 4 * error


def test_other_points_are_labelled_by_their_chances():
    fitted = models.FittedLogisticRegression.of(TRUTH, np.zeros((1, 2))).expand(2)
    places = np.array([[0.3, -0.2], [-1.0, 1.0]])
    x = np.repeat(places, 20_000, axis=0)[None].repeat(2, axis=0)
    labels = fitted.label(x, np.random.default_rng(1))
    assert labels.shape == (2, 40_000) and set(np.unique(labels)) == {0.0, 1.0}
    seen = labels.reshape(2, 2, 20_000).mean(axis=2)
    chance = 1 / (1 + np.exp(-TRUTH[0] - places @ TRUTH[1:]))
    error = np.sqrt(chance * (1 - chance) / 20_000)
    assert (np.abs(seen - chance) < 4 * error).all()


def test_what_is_left_over_is_drawn_anew_for_each_chain():
    design = np.arange(50.0)[:, None]
    source = models.FittedLogisticRegression.of([0, 0], design).expand(3)
    places = np.sort(source.sample(70, np.random.default_rng(4))[..., 0], axis=1)
    for own in places:
        _, times = np.unique(own, return_counts=True)
        assert sorted(times) == [1] * 30 + [2] * 20
    assert (places[0] != places[1]).any()


def test_the_design_is_that_of_the_data_or_a_given_one():
    data = rows(n=6)
    np.testing.assert_array_equal(
        np.sort(fit(data).sample(6, RNG)[..., 0]), np.sort(data[..., 0])
    )
    design = np.array([[0.0, 1.0], [2.0, 3.0]])
    given_one = fit(data, design=design)
    np.testing.assert_array_equal(given_one.sample(2, RNG)[1, :, :2], design)


def test_temperature_divides_the_logits():
    fitted = fit(rows())
    cold = fitted.temper(0.5).probability(np.eye(2))
    odds = fitted.probability(np.eye(2)) / (1 - fitted.probability(np.eye(2)))
    np.testing.assert_allclose(cold / (1 - cold), odds**2)


@pytest.mark.parametrize(
    ("regime", "law"),
    [
        (regimes.Replace(), number_line.replace),
        (regimes.Accumulate(), number_line.accumulate),
    ],
)
def test_its_errors_follow_the_number_line(regime, law):
    n, last, chains = 1_500, 4, 150
    design = np.random.default_rng(5).normal(size=(n, 1))
    source = models.FittedLogisticRegression.of([0.2, 0.7], design)
    history = recurse(
        models.LogisticRegression(design=design),
        source,
        regime=regime,
        n_samples=n,
        n_generations=last,
        chains=chains,
        measure={"b": lambda fit: fit.weights[:, 1] - 0.7},
        rng=np.random.default_rng(6),
    )
    square = history.array("b") ** 2
    x = np.column_stack([np.ones(n), design])
    chance = 1 / (1 + np.exp(-0.2 - 0.7 * design[:, 0]))
    inverse = np.linalg.inv((x.T * (chance * (1 - chance))) @ x)[1, 1]
    for t in (0, last):
        error = square[t].std() / math.sqrt(chains)
        assert abs(square[t].mean() - inverse * law(t + 1)) < 4 * error


# what is refused


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fit(rows() * 2), "data has labels from 0 to 2; the last number"),
        (lambda: fit(rows()[..., :1]), "data has rows of 1 number; needed are x_1"),
        (lambda: fit(rows()[0]), "data has shape .*; this model needs"),
        (
            lambda: fit(rows(), design=np.ones((4, 3))),
            "design has 3 numbers in a row, the data have 2 and a label",
        ),
        (lambda: models.LogisticRegression([1, 2]), r"design has .* \(m, d\)"),
        (lambda: models.LogisticRegression(ridge=-1), "ridge is -1"),
        (lambda: models.LogisticRegression(max_iter=0), "max_iter is 0"),
        (lambda: models.LogisticRegression(tol=0), "tol is 0"),
        (
            lambda: models.FittedLogisticRegression.of([1, 2], np.ones((3, 2))),
            r"weights has shape \(1, 2\) and design \(1, 3, 2\)",
        ),
        (
            lambda: fit(rows()).probability(np.ones((3, 1))),
            "this model needs rows of 2",
        ),
        (lambda: fit(rows()).temper(0), "temperature is 0"),
        (
            lambda: fit(rows()).label(np.ones((4, 2)), RNG),
            r"x has shape \(4, 2\); needed is \(chains, m, d\)",
        ),
        (
            lambda: fit(rows()).label(np.ones((3, 4, 3)), RNG),
            r"x has shape \(3, 4, 3\); needed is \(3, m, 2\)",
        ),
        (lambda: fit(rows()).label(np.full((3, 1, 2), np.nan), RNG), "x holds 6"),
        (lambda: fit(rows()).label(np.ones((3, 1, 2)), 1), "rng is 1"),
        (
            lambda: replace(fit(rows()), weights=np.full((3, 3), np.inf)),
            "weights must be finite",
        ),
    ],
)
def test_what_cannot_be_used_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()
