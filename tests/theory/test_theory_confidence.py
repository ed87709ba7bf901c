"""Where confidence-aware losses come to rest: against descent and a minimiser."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from collapse_lib.theory import confidence


def descended(q, gamma, rate=4e-3, steps=12_000):
    """Follow the gradient of the truncated loss from equal scores; mean of the end."""
    scores, total = np.zeros(len(q)), np.zeros(len(q))
    for step in range(steps):
        p = np.exp(scores - scores.max())
        p /= p.sum()
        counted = q * (p <= gamma)
        scores -= rate * (counted.sum() * p - counted)
        total += p * (step >= steps - 1000)
    return total / 1000


@pytest.mark.parametrize(
    ("q", "gamma"),
    [
        ([0.7, 0.2, 0.1], 0.5),
        ([0.45, 0.4, 0.1, 0.05], 0.4),
        ([0.5, 0.3, 0.2], 0.35),
        ([0.6, 0.4, 0.0, 0.0], 0.3),
        ([0.4, 0.3, 0.2, 0.1], 0.2),
        ([0.5, 0.3, 0.2], 0.9),
    ],
)
def test_descent_of_the_truncated_loss_comes_to_rest_there(q, gamma):
    expected = descended(np.array(q), gamma)
    np.testing.assert_allclose(confidence.truncated(q, gamma), expected, atol=4e-3)


FREQUENCIES = st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any)


@settings(max_examples=200, deadline=None)
@given(FREQUENCIES, st.floats(0.01, 1))
def test_the_capped_law_is_a_distribution_in_the_old_order(counts, gamma):
    q = np.array(counts) / sum(counts)
    p = confidence.truncated(q, gamma)
    assert p.min() >= 0 and p.sum() == pytest.approx(1)
    assert p.max() <= max(gamma, 1 / len(q)) + 1e-9
    rising = np.argsort(q, kind="stable")
    assert (np.diff(p[rising]) >= -1e-12).all()
    below = (q > 0) & (p < gamma - 1e-9)
    if below.sum() > 1 and gamma * len(q) > 1:
        np.testing.assert_allclose(np.ptp(p[below] / q[below]), 0, atol=1e-9)


def test_what_is_below_gamma_stays_and_rows_are_apart():
    q = np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])
    both = confidence.truncated(q, 0.6)
    np.testing.assert_allclose(both, [[0.5, 0.3, 0.2], [0.6, 0.4, 0]], atol=1e-12)
    np.testing.assert_array_equal(confidence.truncated(q, 1.0), q)


@pytest.mark.parametrize("strength", [0, 0.5, 1, 2, 5])
def test_the_focal_law_is_the_minimum(strength):
    q = np.random.default_rng(3).dirichlet(np.full(5, 0.7))

    def loss(scores):
        p = np.exp(scores - scores.max())
        p /= p.sum()
        return -(q * (1 - p) ** strength * np.log(p)).sum()

    found = minimize(loss, np.log(q), tol=1e-13).x
    expected = np.exp(found - found.max())
    expected /= expected.sum()
    np.testing.assert_allclose(confidence.focal(q, strength), expected, atol=3e-6)


def test_the_focal_law_keeps_what_is_sure_and_what_was_never_seen():
    np.testing.assert_allclose(confidence.focal([1, 0, 0], 2), [1, 0, 0])
    np.testing.assert_allclose(confidence.focal([0.5, 0.5, 0], 3), [0.5, 0.5, 0])
    rare = confidence.focal([1 - 1e-9, 1e-9], 2)
    assert 1e-9 < rare[1] < 1e-2  # rare states gain, and are not lost to rounding
    shape = confidence.focal(np.full((2, 3, 4), 0.25), 1)
    np.testing.assert_allclose(shape, 0.25)


def test_the_focal_loss_takes_from_the_rarer_of_rare_states():
    q = np.arange(1, 41) / np.arange(1, 41).sum()
    ratio = confidence.focal(q, 0.5) / q
    assert (np.diff(ratio) > 0).all()
    expected = 1 - 0.5 * q * (1 + np.log(q))
    np.testing.assert_allclose(ratio / ratio[0], expected / expected[0], atol=3e-3)
    assert (np.diff(confidence.focal([0.2, 0.8], 0.5) / [0.2, 0.8]) < 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: confidence.truncated([0.5, 0.4], 0.5), "q has shape .*sum 1"),
        (lambda: confidence.truncated(0.5, 0.5), "q has shape"),
        (lambda: confidence.truncated([1.0], 0), "gamma is 0"),
        (lambda: confidence.focal([-0.5, 1.5], 1), "q "),
        (lambda: confidence.focal([1.0], -1), "strength is -1"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
