"""Areas and rates, against sklearn, closed forms and simulation."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from collapse_lib.detection import auroc, best_auroc, curve, threshold, tpr_at


def scores(seed=0, m=60, n=80, ties=False):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(1, 2, m), rng.normal(size=n)
    return (x.round(1), y.round(1)) if ties else (x, y)


@pytest.mark.parametrize("ties", [True, False])
def test_area_and_curve_are_sklearns(ties):
    x, y = scores(ties=ties)
    label, every = np.repeat([1, 0], [len(x), len(y)]), np.concatenate([x, y])
    assert np.isclose(auroc(x, y).value, reference.roc_auc_score(label, every))
    f, t, _ = reference.roc_curve(label, every, drop_intermediate=False)
    np.testing.assert_allclose(curve(x, y), (f, t))
    assert np.isclose(np.trapezoid(t, f), auroc(x, y).value)


def test_the_standard_error_of_an_area():
    runs = [auroc(*scores(seed)) for seed in range(2_000)]
    value = np.array([run.value for run in runs])
    exact = stats.norm.cdf(1 / np.sqrt(5))
    assert abs(value.mean() - exact) < 4 * value.std() / np.sqrt(len(runs))
    said = np.sqrt(np.mean([run.se**2 for run in runs]))
    assert abs(said / value.std() - 1) < 4 / np.sqrt(2 * len(runs))


def test_separated_scores_are_not_certain():
    found = auroc(np.arange(100) + 100.0, np.arange(50.0))
    assert found.value == 1
    assert 0.03 < found.se < 0.1
    assert auroc(np.zeros(9), np.zeros(9)).value == 0.5


def test_the_rate_at_a_rate_and_its_standard_error():
    runs = [tpr_at(*scores(seed, 400, 1_000), 0.1) for seed in range(1_000)]
    value = np.array([run.value for run in runs])
    exact = stats.norm.sf((stats.norm.isf(0.1) - 1) / 2)
    assert abs(value.mean() - exact) < 4 * value.std() / np.sqrt(len(runs)) + 0.002
    said = np.sqrt(np.mean([run.se**2 for run in runs]))
    assert 0.9 < said / value.std() < 1.15


def test_no_more_false_alarms_than_allowed():
    x, y = scores(m=50, n=97, ties=True)
    for rate in (0, 0.01, 0.05, 0.3, 1):
        assert np.mean(y > threshold(y, rate)) <= rate
        assert tpr_at(x, y, rate).value == np.mean(x > threshold(y, rate))
    assert tpr_at(x, y, 1).value == 1
    assert threshold(y, 0) == y.max()


def test_infinite_scores_are_scores():
    assert auroc([np.inf, 2.0], [-np.inf, 0.0]).value == 1


def test_no_likelihood_ratio_beats_the_bound():
    x = np.linspace(-12, 12, 40_001)
    for shift in (0.1, 0.5, 1, 2):
        area = stats.norm.cdf(shift / np.sqrt(2))
        tv = 0.5 * np.trapezoid(
            np.abs(stats.norm.pdf(x) - stats.norm.pdf(x - shift)), x
        )
        assert area < best_auroc(tv)


def test_the_bound_is_reached():
    # Uniform on [0, 1] against uniform on [tv, 1 + tv]: the ratio is 0, 1 or infinite.
    rng, tv = np.random.default_rng(5), 0.3
    y, x = rng.random(20_000), tv + rng.random(20_000)
    ratio = np.where(x > 1, 2.0, 1.0), np.where(y < tv, 0.0, 1.0)
    found = auroc(*ratio)
    assert abs(found.value - best_auroc(tv)) < 4 * found.se


@pytest.mark.parametrize(("positive", "negative"), [([1.0], [0.0, 1.0])] * 2)
def test_one_score_has_no_standard_error(positive, negative):
    with pytest.raises(ValueError, match="positive holds 1 scores; at least two"):
        auroc(positive, negative)
