"""Distances of samples and the classifier: known laws, plain loops, SciPy, no bias."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from collapse_lib.metrics import (
    classifier_accuracy,
    energy_distance,
    mmd2,
    two_samples,
)
from collapse_lib.metrics.images import squared_distances

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 3)), 0.5 * RNG.normal(size=(20, 3)) + 1


def by_loops(x: np.ndarray, y: np.ndarray, kernel) -> float:
    def mean(pairs) -> float:
        return float(np.mean([kernel(np.linalg.norm(a - b)) for a, b in pairs]))

    within = [mean(itertools.combinations(one, 2)) for one in (x, y)]
    return sum(within) - 2 * mean(itertools.product(x, y))


def test_distances_are_those_of_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    for cells in (two_samples.CELLS, 50):  # at once, and in pieces
        monkeypatch.setattr(two_samples, "CELLS", cells)
        assert energy_distance(X, Y) == pytest.approx(by_loops(X, Y, lambda d: -d))
        found = mmd2(X, Y, 0.7)
        assert found == pytest.approx(by_loops(X, Y, lambda d: np.exp(-(d**2) / 0.98)))


def test_on_the_line_it_is_scipys_without_pairs_of_a_point_with_itself() -> None:
    x, y = RNG.normal(size=50), RNG.normal(size=40) * 2
    apart = [np.abs(one[:, None] - one).mean() for one in (x, y)]
    added = sum(a / (len(one) - 1) for a, one in zip(apart, (x, y), strict=True))
    found = energy_distance(x[:, None], y[:, None])
    assert found == pytest.approx(stats.energy_distance(x, y) ** 2 - added)


def test_the_default_bandwidth_is_the_median_distance_of_real_points() -> None:
    apart = np.sqrt(squared_distances(X, X)[np.triu_indices(len(X), 1)])
    assert mmd2(X, Y) == pytest.approx(mmd2(X, Y, float(np.median(apart))))
    with pytest.raises(ValueError, match="real has so many equal points.* bandwidth"):
        mmd2(np.ones((9, 2)), Y[:, :2])


def test_nothing_is_found_on_average_where_nothing_is() -> None:
    """Both estimators are unbiased; between normal laws the values are known."""
    draws = np.random.default_rng(1).normal(size=(400, 2, 12, 2))
    for shift, kernel in itertools.product((0.0, 1.0), (energy_distance, mmd2)):
        extra = {} if kernel is energy_distance else {"bandwidth": 1.0}
        found = [kernel(x, y + [shift, 0], **extra) for x, y in draws]
        expected = 0.0
        if shift and kernel is mmd2:
            # The kernel averaged over a difference of normal points, N(shift, 2 I).
            expected = 2 / 3 * (1 - math.exp(-(shift**2) / 6))
        elif shift:  # Rice and Rayleigh laws of scale 2^(1/2)
            scale = math.sqrt(2)
            across = stats.rice.mean(shift / scale, scale=scale)
            expected = 2 * (across - stats.rayleigh.mean(scale=scale))
        error = np.std(found, ddof=1) / math.sqrt(len(found))
        assert abs(np.mean(found) - expected) < 4 * error, kernel


def test_units_and_places_are_no_matter_of_rounding() -> None:
    x, y = (np.round(one * 2**20) / 2**20 for one in (X, Y))  # 1e8 + x is exact
    # Of all points, or of halves that lie far apart.
    for apart in (0.0, 2.0**26):
        halves = [apart * (np.arange(len(one)) % 2)[:, None] for one in (x, y)]
        near, far = (
            [one + half + at for one, half in zip((x, y), halves, strict=True)]
            for at in (0.0, 1e8)
        )
        assert energy_distance(*far) == pytest.approx(energy_distance(*near), rel=1e-9)
        assert mmd2(*far, 1.0) == pytest.approx(mmd2(*near, 1.0), rel=1e-9)
        assert mmd2(*far, 1.0) == pytest.approx(
            by_loops(*far, lambda d: np.exp(-(d**2) / 2)), rel=1e-9
        )
    assert energy_distance(X * 1e9, Y * 1e9) == pytest.approx(
        1e9 * energy_distance(X, Y)
    )


def test_the_classifier_sees_what_collapse_does() -> None:
    rng = np.random.default_rng(2)
    real = rng.normal(size=(800, 3))
    same, narrow = rng.normal(size=(800, 3)), 0.5 * rng.normal(size=(800, 3))
    four = 4 * 0.5 / math.sqrt(1_600)
    assert abs(classifier_accuracy(real, same, rng) - 0.5) < four
    # The best accuracy: chi2 below and above where the two densities cross.
    cross = stats.chi2(3)
    at = 3 * math.log(4) / (4 - 1)
    best = 0.5 * (cross.cdf(4 * at) + cross.sf(at))
    assert abs(classifier_accuracy(real, narrow, rng) - best) < four
    assert classifier_accuracy(real, narrow + 99, rng) == 1
    assert classifier_accuracy(real, np.zeros((800, 3)) + 99, rng) == 1
    assert classifier_accuracy(np.ones((9, 2)), np.ones((7, 2)), rng) == 0.5


def test_the_classifier_is_scikit_learns() -> None:
    """The same columns, folds and penalty; points that were used are not asked."""
    rng = np.random.default_rng(3)
    real, made = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) * [0.5, 1]
    found = classifier_accuracy(real, made, np.random.default_rng(4), folds=3)
    same = np.random.default_rng(4)
    points = np.concatenate(
        [same.permutation(one - real.mean(0)) for one in (real, made)]
    )
    points = points - points.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(points.T, ddof=0))
    along = points @ axes / np.sqrt(values)
    columns, label = np.hstack([along, along**2]), np.repeat([0, 1], 60)
    fold, right = np.tile(np.arange(60) % 3, 2), 0
    # The penalty is on coefficients as they are, not of columns scaled once more.
    for one in range(3):
        train = fold != one
        model = LogisticRegression(C=1 / two_samples.RIDGE, tol=1e-9)
        model.fit(columns[train], label[train])
        right += (model.predict(columns[~train]) == label[~train]).sum()
    assert found == pytest.approx(right / 120)


def test_the_classifier_takes_many_columns_and_sets_of_two_sizes() -> None:
    rng = np.random.default_rng(5)
    real, made = rng.normal(size=(50, 200)), rng.normal(size=(70, 200))
    assert 0.2 < classifier_accuracy(real, made, rng) < 0.8
    with pytest.raises(ValueError, match="have 4 and 70 points; at least 5"):
        classifier_accuracy(real[:4], made, rng)
    with pytest.raises(ValueError, match="folds is 1"):
        classifier_accuracy(real, made, rng, folds=1)


@pytest.mark.parametrize("measure", [energy_distance, mmd2])
def test_sets_that_do_not_fit_are_refused(measure) -> None:
    with pytest.raises(ValueError, match=r"shapes \(30, 3\) and \(20, 2\)"):
        measure(X, Y[:, :2])
    with pytest.raises(ValueError, match="have 30 and 1 points; at least 2"):
        measure(X, Y[:1])
    with pytest.raises(ValueError, match="generated holds 1 values that are NaN"):
        measure(X, [[0, math.nan, 0], [0, 0, 0]])


def test_a_bandwidth_is_a_width() -> None:
    with pytest.raises(ValueError, match="bandwidth is 0; it must be a number > 0"):
        mmd2(X, Y, 0)


@pytest.mark.filterwarnings("error")
def test_a_width_of_nearly_zero_leaves_equal_points_alone():
    assert mmd2([[1.0], [2]], [[1.0], [4]], 1e-200) == -0.5
