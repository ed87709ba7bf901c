"""Alarms: by hand, every order of few values, and simulated for laws of any shape."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib import metrics
from collapse_lib.claims import Estimate


def test_a_band_ends_at_ranks():
    replicates = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert metrics.Band.of(replicates) == metrics.Band(1.0, 5.0)
    assert metrics.Band.of(replicates, beyond=2) == metrics.Band(2.0, 4.0)
    with pytest.raises(ValueError, match="at least 6"):
        metrics.Band.of(replicates, beyond=3)


def test_ends_belong_to_the_band_and_may_be_infinite():
    assert metrics.Band(0.0, 1.0).sides([-0.1, 0.0, 1.0, 1.1]).tolist() == [-1, 0, 0, 1]
    infinite = metrics.Band.of([1.0, 2.0, np.inf])
    assert infinite.sides([0.0, 1e300, np.inf]).tolist() == [-1, 0, 0]


def test_low_must_not_be_above_high():
    with pytest.raises(ValueError, match="low is 2 and high is 1"):
        metrics.Band(2.0, 1.0)


def test_alarms_by_hand():
    values = np.array(
        # rings at 1    at 3 and 4   falls      changes sides  never
        [[9.0, 0.5, 0.5, 9.0, 0.5], [0.5, 9.0, -9, -9, 0.5], [0.5, 9.0, -9, 9, 0.5]]
    )
    band = metrics.Band(0.0, 1.0)
    two = metrics.first_alarm(values, band)
    assert two.generation.tolist() == [np.inf, 3, 3, np.inf, np.inf]
    assert two.side.tolist() == [0, 1, -1, 0, 0]
    assert two.share == 0.4
    assert two.median == np.inf
    one = metrics.first_alarm(values, band, in_a_row=1, generations=[2, 4, 8])
    assert one.generation.tolist() == [2, 4, 4, 2, np.inf]
    assert one.side.tolist() == [1, 1, -1, 1, 0]
    assert one.median == 4


def test_rows_and_generations_must_fit():
    band = metrics.Band(0.0, 1.0)
    with pytest.raises(ValueError, match="from 1 to 2"):
        metrics.first_alarm(np.zeros((2, 3)), band, in_a_row=3)
    with pytest.raises(ValueError, match="3 numbers and values has 2 rows"):
        metrics.first_alarm(np.zeros((2, 3)), band, generations=[1, 2, 3])
    with pytest.raises(ValueError, match="Band"):
        metrics.first_alarm(np.zeros((2, 3)), (0.0, 1.0))


@pytest.mark.parametrize(("n", "beyond", "in_a_row"), [(5, 1, 2), (4, 2, 1), (4, 2, 3)])
def test_the_rate_counts_orders(n, beyond, in_a_row):
    """Every order of n old and in_a_row new values is equally likely."""
    rings = [
        metrics.first_alarm(
            np.array(order[n:], float)[:, None],
            metrics.Band.of(order[:n], beyond=beyond),
            in_a_row=in_a_row,
        ).share
        for order in itertools.permutations(range(n + in_a_row))
    ]
    rate = metrics.false_alarm_rate(n, beyond=beyond, in_a_row=in_a_row)
    assert np.mean(rings) == pytest.approx(rate, abs=1e-12)


LAWS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.lognormal(sigma=2, size=shape),
    "heavy": lambda rng, shape: rng.standard_cauchy(size=shape),
}


@pytest.mark.parametrize("law", LAWS)
def test_the_rate_is_the_same_for_every_law(law):
    rng = np.random.default_rng(1)
    old, new = (LAWS[law](rng, shape) for shape in ((4_000, 19), (4_000, 2)))
    rung = [
        metrics.first_alarm(pair[:, None], metrics.Band.of(row)).share
        for row, pair in zip(old, new, strict=True)
    ]
    found = Estimate.share(rung)
    assert abs(found.value - metrics.false_alarm_rate(19)) < 4 * found.se


def test_three_standard_deviations_are_not_the_same_for_every_law():
    rng = np.random.default_rng(2)
    outside = {}
    for name, law in LAWS.items():
        old, new = law(rng, (5_000, 99)), law(rng, 5_000)
        far = np.abs(new - old.mean(axis=1)) > 3 * old.std(axis=1, ddof=1)
        outside[name] = far.mean()
    assert outside["skewed"] > 3 * outside["normal"]


def test_sides_and_generations_must_be_as_many():
    with pytest.raises(ValueError, match="2 chains and side has 1"):
        metrics.Alarms(np.array([1.0, 2.0]), np.array([1]))


def test_ties_ring_less():
    rng = np.random.default_rng(3)
    old, new = rng.integers(3, size=(5_000, 9)), rng.integers(3, size=5_000)
    far = (new > old.max(axis=1)) | (new < old.min(axis=1))
    assert far.mean() < metrics.false_alarm_rate(9, in_a_row=1)


@given(st.integers(2, 500), st.integers(1, 4))
def test_more_looks_in_a_row_ring_less(n, in_a_row):
    rates = [metrics.false_alarm_rate(n, in_a_row=m) for m in (in_a_row, in_a_row + 1)]
    assert 0 < rates[1] < rates[0] <= 1


def test_wilks():
    assert metrics.false_alarm_rate(99, beyond=3, in_a_row=1) == pytest.approx(0.06)


def test_values_that_hang_together_ring_as_one_look():
    rng = np.random.default_rng(4)
    old, new = rng.normal(size=(4_000, 19)), rng.normal(size=4_000)
    rung = [
        metrics.first_alarm([[value], [value]], metrics.Band.of(row)).share
        for row, value in zip(old, new, strict=True)
    ]
    found = Estimate.share(rung)
    assert abs(found.value - metrics.false_alarm_rate(19, in_a_row=1)) < 4 * found.se
    assert found.value > 5 * metrics.false_alarm_rate(19)
