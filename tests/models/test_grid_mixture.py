"""Mixtures on a grid: exact moments, exact and truncated fits, three switches."""

import numpy as np
import pytest

from collapse_lib import recurse, regimes
from collapse_lib.models import Counts, ExpectedCounts, Gaussian, GaussianSummary
from collapse_lib.models.grid_mixture import GridMixture
from collapse_lib.models.line_mixture import LineMixture

TRUTH = LineMixture.of([0.75, 0.25], [-1, 3], [1, 1])
START = LineMixture.of([0.5, 0.5], [-2, 4], [2, 2])
PARTS = {
    "weights": lambda fit: fit.mixture.weights,
    "means": lambda fit: fit.mixture.means,
    "widths": lambda fit: fit.mixture.widths,
}
UNUSED = np.random.default_rng(0)  # for calls that do not draw


def run(model, real=TRUTH, *, chains=1, generations=3, n=500, seed=0):
    return recurse(
        model,
        model.source(real),
        regime=regimes.Replace(),
        n_samples=n,
        n_generations=generations,
        measure={"loss": lambda fit: fit.kl_from(real), **PARTS},
        rng=np.random.default_rng(seed),
        chains=chains,
    )


def population(model, real=TRUTH):
    return model.source(real).sample(1, UNUSED)


def mean_log_likelihood(model, mixture, data):
    shares = data.counts / data.size
    return float((shares * mixture.log_density(model.grid)).sum())


# --- moments ------------------------------------------------------------------


def test_moments_of_a_mixture():
    # By hand: 3/4 (-1) + 1/4 (3) = 0 and 1 + 3/4 (1) + 1/4 (9) = 4.
    assert TRUTH.mean == pytest.approx([0])
    assert TRUTH.variance == pytest.approx([4])
    matched = TRUTH.matched()
    assert [float(a[0, 0]) for a in matched.arrays] == [1, 0, 2]


def test_sums_over_the_grid_are_integrals():
    model = GridMixture(START)
    p = model.source(TRUTH).p[0]
    assert p @ model.grid == pytest.approx(0, abs=1e-13)
    assert p @ model.grid**2 == pytest.approx(4, rel=1e-13)
    # Closed form of the KL divergence of two Gaussians.
    one = LineMixture.of([1], [0.5], [1.5])
    expected = np.log(2 / 1.5) + (1.5**2 + 0.5**2) / 8 - 0.5
    fitted = model.source(TRUTH.matched())
    assert fitted.kl_from(one) == pytest.approx([expected], rel=1e-12)


def test_posterior_agrees_with_bayes():
    x = np.array([-1.0, 1.3, 30.0])
    heights = np.array([0.75, 0.25])[:, None] * np.exp(
        -0.5 * (x - np.array([[-1], [3]])) ** 2
    )
    owner, log_density = TRUTH.posterior(x)
    assert owner[0] == pytest.approx(heights / heights.sum(axis=0))
    assert log_density[0, :2] == pytest.approx(
        np.log(heights.sum(axis=0) / np.sqrt(2 * np.pi))[:2]
    )


# --- the three switches -------------------------------------------------------


def test_no_error_loses_nothing():
    loss = run(GridMixture(START, law="expected"), generations=20).array("loss")
    assert np.abs(loss).max() < 1e-9


def test_a_limited_class_is_paid_for_once():
    history = run(GridMixture(START.matched(), law="expected"), generations=20)
    assert history.array("means")[0, :, 0] == pytest.approx([0], abs=1e-12)
    assert history.array("widths")[0, :, 0] == pytest.approx([2], rel=1e-13)
    for name in PARTS:
        assert np.abs(np.diff(history.array(name), axis=0)).max() <= 1e-12
    assert history.array("loss")[0] > 0.1


def test_loss_with_one_gaussian_splits_into_class_and_rest():
    model = GridMixture(START.matched(), steps=7)
    rng = np.random.default_rng(4)
    data = model.source(TRUTH).expand(5).sample(300, rng)
    fitted = model.fit(data, rng)
    best = TRUTH.matched()
    paid_once = model.source(best).kl_from(TRUTH)
    rest = fitted.kl_from(best)
    assert (rest > 1e-3).all()
    assert fitted.kl_from(TRUTH) == pytest.approx(paid_once + rest, rel=1e-10)


@pytest.mark.parametrize(("components", "parameters"), [(1, 2), (2, 5)])
def test_sampling_costs_half_a_parameter_per_sample(components, parameters):
    start, real = (
        (START.matched(), TRUTH.matched()) if components == 1 else (START, TRUTH)
    )
    n, chains = 20_000, 400
    history = run(GridMixture(start), real, chains=chains, generations=3, n=n)
    loss = history.array("loss")
    for t in (0, 3):
        se = loss[t].std() / np.sqrt(chains)
        expected = (t + 1) * parameters / (2 * n)
        assert abs(loss[t].mean() - expected) < 4 * se + 0.02 * expected


def test_one_component_is_the_gaussian_of_the_library():
    model = GridMixture(START.matched())
    rng = np.random.default_rng(3)
    data = model.source(TRUTH).expand(4).sample(50, rng)
    points = np.stack([np.repeat(model.grid, row) for row in data.counts])
    theirs = Gaussian("mle").fit(points, rng)
    ours = model.fit(data, rng).mixture
    assert ours.means[:, 0] == pytest.approx(theirs.mu)
    assert ours.widths[:, 0] == pytest.approx(theirs.sigma)


def test_the_exact_fit_is_a_maximum():
    model = GridMixture(START)
    rng = np.random.default_rng(5)
    data = model.source(TRUTH).sample(2_000, rng)
    best = model.fit(data, rng).mixture
    height = mean_log_likelihood(model, best, data)
    assert height > mean_log_likelihood(model, TRUTH, data)
    for step in (-1e-3, 1e-3):
        for i in (0, 1):
            means, widths = best.means.copy(), best.widths.copy()
            means[0, i] += step
            widths[0, i] += step
            for moved in (
                LineMixture(best.weights, means, best.widths),
                LineMixture(best.weights, best.means, widths),
                LineMixture(best.weights + [[step, -step]], best.means, best.widths),
            ):
                assert mean_log_likelihood(model, moved, data) < height


def test_a_gradient_step_follows_the_gradient():
    # Finite differences in the logits, the means and the logarithms of the widths.
    model = GridMixture(START, steps=1, rate=1e-6, law="expected")
    data = population(model)
    moved = model.fit(data, UNUSED).mixture
    eps = 1e-5

    def height(logits, means, log_widths):
        weights = np.exp(logits) / np.exp(logits).sum()
        mixture = LineMixture(weights, means, np.exp(log_widths))
        return mean_log_likelihood(model, mixture, data)

    at = [np.log(START.weights), START.means, np.log(START.widths)]
    steps = [
        np.log(moved.weights / START.weights),
        moved.means - START.means,
        np.log(moved.widths / START.widths),
    ]
    for which in range(3):
        for i in (0, 1):
            up, down = [a.copy() for a in at], [a.copy() for a in at]
            up[which][0, i] += eps
            down[which][0, i] -= eps
            slope = (height(*up) - height(*down)) / (2 * eps)
            if which == 0:  # logits are known up to a constant
                other = [a.copy() for a in at]
                other[0][0, 1 - i] += eps
                slope -= (height(*other) - height(*at)) / eps
                step = steps[0][0, i] - steps[0][0, 1 - i]
            else:
                step = steps[which][0, i]
            assert step / model.rate == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_many_steps_reach_the_exact_fit():
    data = population(GridMixture(START, law="expected"))
    ascent = GridMixture(START, steps=2_000, law="expected").fit(data, UNUSED)
    assert ascent.mixture.distance(TRUTH) < 1e-4


def test_at_its_start_the_optimiser_stands_still():
    model = GridMixture(START, steps=50, law="expected")
    fitted = model.fit(population(model, START), UNUSED)
    assert fitted.mixture.distance(START) < 1e-6


def test_stopping_early_drifts_without_samples_and_towards_the_start():
    model = GridMixture(START.matched(), steps=50, law="expected")
    mean = run(model, generations=60).array("means")[:, 0, 0]
    assert (np.diff(mean) > 0).all()
    assert mean[-1] == pytest.approx(float(START.mean[0]), abs=0.01)


# --- sampling, histories, messages ----------------------------------------------


def test_expected_counts_are_the_mean_of_drawn_counts():
    rng = np.random.default_rng(6)
    drawn = GridMixture(START).source(TRUTH).expand(4_000).sample(100, rng)
    expected = population(GridMixture(START, law="expected"))
    p = expected.counts[0]
    error = drawn.counts.mean(axis=0) / 100 - p
    assert (np.abs(error) < 4.5 * np.sqrt(p / (100 * 4_000)) + 1e-9).all()


def test_densities_of_a_history():
    def mixtures(history, row=-1):
        return LineMixture(*(history.array(name)[row] for name in PARTS))

    x = np.array([-2.0, 0.5, 3.0])
    two = run(GridMixture(START, law="expected"))
    found = np.exp(mixtures(two).log_density(x))[0]
    truth = np.exp(TRUTH.log_density(x))[0]
    assert found == pytest.approx(truth, rel=1e-5)  # EM stops there
    one = run(GridMixture(START.matched(), law="expected"))
    normal = np.exp(-(x**2) / 8) / np.sqrt(8 * np.pi)
    assert np.exp(mixtures(one, 0).log_density(x))[0] == pytest.approx(normal)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"law": "literal"}, "'exact', 'expected'"),
        ({"steps": 0}, r"steps \(None: an exact fit\) is 0"),
        ({"rate": 0.0}, r"rate is 0\.0; it must be a number > 0"),
        ({"half_width": float("inf")}, "half_width is inf"),
        ({"n_points": 2}, "n_points is 2"),
        ({"start": START.expand(3)}, "that holds 3 mixtures"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        GridMixture(**{"start": START} | options)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (([0.5, 0.5], [0], [1, 1]), "lengths 2, 1 and 2"),
        (([0.5, 0.6], [0, 1], [1, 1]), "sum 1"),
        (([1.5, -0.5], [0, 1], [1, 1]), "above 0"),
        (([0.5, 0.5], [0, 1], [1, 0]), r"widths are \[1\.0, 0\.0\]"),
    ],
)
def test_mixtures_are_checked(lists, message):
    with pytest.raises(ValueError, match=message):
        LineMixture.of(*lists)


def test_data_must_be_counts_of_the_grid():
    model = GridMixture(START)
    with pytest.raises(ValueError, match="fitted to ndarray"):
        model.fit(np.zeros((1, 5)), UNUSED)
    with pytest.raises(ValueError, match="fitted to GaussianSummary"):
        model.fit(GaussianSummary(5, np.zeros(1), np.ones(1)), UNUSED)
    with pytest.raises(ValueError, match="of 3 points, the grid has 257"):
        model.fit(ExpectedCounts(1, np.full((1, 3), 1 / 3)), UNUSED)


def test_a_fit_that_leaves_the_grid_says_so():
    model = GridMixture(START.matched())
    counts = np.zeros((1, model.n_points), dtype=np.int64)
    counts[0, 100] = 10
    with pytest.raises(ValueError, match="left the grid: narrowest width 0 "):
        model.fit(Counts(10, counts), UNUSED)
    wild = GridMixture(START, steps=50, rate=50.0, law="expected")
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match="left the grid"),
    ):
        wild.fit(population(wild), UNUSED)
