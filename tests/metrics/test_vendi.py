"""The Vendi score against values of its paper's code, and Hill numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collapse_lib.metrics import vendi_of_features, vendi_score

ORDERS = (0, 0.5, 1, 2, 30, math.inf)


def cosines(x: np.ndarray) -> np.ndarray:
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return x @ x.T


def test_published_values() -> None:
    """Of the README of the paper's code, three groups and a matrix."""
    at = np.array([0.0, 0, 10, 10, 20, 20])
    assert vendi_score(np.exp(-abs(at[:, None] - at))) == pytest.approx(2.9999, 1e-4)
    matrix = [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert vendi_score(matrix) == pytest.approx(2.1573, abs=1e-4)


@pytest.mark.parametrize("q", ORDERS)
def test_of_kinds_that_are_nothing_alike_it_is_the_hill_number(q: float) -> None:
    counts = np.array([5, 3, 1, 1])
    kinds = np.repeat(np.arange(4), counts)
    shares = counts / counts.sum()
    if q == 1:
        expected = np.exp(-(shares * np.log(shares)).sum())
    elif q == math.inf:
        expected = 1 / shares.max()
    else:
        expected = (shares**q).sum() ** (1 / (1 - q))
    kernel = kinds[:, None] == kinds
    assert vendi_score(kernel, q) == pytest.approx(expected, rel=1e-9)
    assert vendi_of_features(np.eye(4)[kinds], q) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("q", ORDERS)
@pytest.mark.parametrize("shape", [(40, 3), (5, 30)])
def test_both_forms_agree(shape: tuple[int, int], q: float) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    found = vendi_of_features(x * np.arange(1, len(x) + 1)[:, None], q)
    assert found == pytest.approx(vendi_score(cosines(x), q), rel=1e-9)
    assert 1 <= found <= min(shape) + 1e-9


def test_it_falls_with_the_order() -> None:
    kernel = cosines(np.random.default_rng(1).normal(size=(30, 6)))
    found = [vendi_score(kernel, q) for q in (*ORDERS[:3], 1 + 1e-7, *ORDERS[3:], 1e9)]
    assert found[2] == pytest.approx(found[3], rel=1e-6)
    assert found[-1] == pytest.approx(found[-2], rel=1e-6)
    assert (np.diff(found[:2] + found[3:-1]) < 0).all()


def test_copies_of_one_thing_are_one() -> None:
    assert vendi_score(np.ones((9, 9))) == pytest.approx(1)
    assert vendi_of_features(np.full((2_000, 3), 1e-200)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("kernel", "says"),
    [
        (np.ones((2, 3)), r"kernel has shape \(2, 3\); needed is \(n, n\)"),
        (np.diag([1.0, 2.0]), "1 on its diagonal"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "negative eigenvalue -1"),
        ("kernel", "kernel is 'kernel'"),
    ],
)
def test_what_is_no_kernel_is_refused(kernel: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        vendi_score(kernel)


def test_what_has_no_direction_or_order_is_refused() -> None:
    with pytest.raises(ValueError, match="1 points of length 0"):
        vendi_of_features([[0.0, 0.0], [0.0, 1.0]])
    for q in (-1, math.nan, "1", None):
        with pytest.raises(ValueError, match="q is .* >= 0, or math.inf"):
            vendi_score(np.eye(2), q)


@pytest.mark.parametrize("near", [1e-15, 1e-13, 1e-9, 1e-5])
@pytest.mark.parametrize("side", [-1, 1])
def test_orders_next_to_one_are_next_to_the_entropy(near, side):
    kernel = [[1, 0.5], [0.5, 1]]
    found = vendi_score(kernel, q=1 + side * near)
    assert abs(found - vendi_score(kernel)) < near + 1e-12
