"""Ridge density in a kernel space: the optimum, the filter, sampling, messages."""

import numpy as np
import pytest
from scipy import optimize

from collapse_lib import models, recurse, regimes
from collapse_lib.models import ExpectedCounts

RNG = np.random.default_rng(0)  # for calls that do not draw


def model(**options):
    return models.RidgeDensity(-3, 3, 61, **{"bandwidth": 0.8, "ridge": 0.02} | options)


def two_bumps(grid):
    p = np.exp(-2 * (grid + 1) ** 2) + 0.5 * np.exp(-3 * (grid - 1) ** 2)
    return p / p.sum()


def run(law, chains, generations, seed=1, n=500, **options):
    chosen = model(law=law, **options)
    return recurse(
        chosen,
        chosen.source(two_bumps(chosen.grid)),
        regime=regimes.Replace(),
        n_samples=n,
        n_generations=generations,
        chains=chains,
        measure={
            "share": lambda fit: fit.share(3),
            "mean": lambda fit: fit.mean,
            "variance": lambda fit: fit.variance,
        },
        rng=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_estimate_minimises_the_stated_loss(weighted):
    small = models.RidgeDensity(-1, 1, 6, bandwidth=0.5, ridge=0.1)
    grid = small.grid
    w = np.arange(1.0, 7) if weighted else np.ones(6)
    small = models.RidgeDensity(
        -1, 1, 6, bandwidth=0.5, ridge=0.1, base=tuple(w) if weighted else None
    )
    w = w / w.sum()
    observed = np.array([0.1, 0.3, 0.2, 0.2, 0.15, 0.05])
    kernel = np.exp(-0.5 * ((grid[:, None] - grid) / 0.5) ** 2)

    def loss(alpha):  # f = K alpha, |f|^2 = alpha' K alpha
        f = kernel @ alpha
        return 0.5 * w @ f**2 - observed @ f + 0.05 * alpha @ kernel @ alpha

    best = optimize.minimize(loss, np.zeros(6), tol=1e-12, options={"maxiter": 10_000})
    expected = (kernel @ best.x) * w
    assert (expected > 0).all()  # nothing is cut off here
    found = small.fit(ExpectedCounts(1, observed[None]), RNG).p[0]
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=2e-4)


def test_eigenfunctions_are_those_of_the_kernel():
    m = model(base=tuple(two_bumps(model().grid) + 1e-3))
    w = np.array(m.base) / sum(m.base)
    kernel = np.exp(-0.5 * ((m.grid[:, None] - m.grid) / 0.8) ** 2)
    phi = m.coefficients(np.eye(61))  # phi[j, i] = phi_i(x_j)
    np.testing.assert_allclose(phi.T @ (w[:, None] * phi), np.eye(61), atol=1e-9)
    np.testing.assert_allclose(kernel @ (w[:, None] * phi), phi * m.kappa, atol=1e-9)
    assert (np.diff(m.kappa) <= 0).all() and m.kappa.sum() == pytest.approx(1)


def test_without_a_penalty_the_fit_is_the_histogram():
    m = model(ridge=0.0)
    data = np.array([[-3.0, 0.0, 0.04, 2.97]])  # moved to the nearest grid point
    expected = np.zeros(61)
    expected[[0, 30, 60]] = [0.25, 0.5, 0.25]
    np.testing.assert_allclose(m.fit(data, RNG).p[0], expected, atol=1e-12)


def test_without_noise_every_generation_applies_the_same_filter():
    m = model(law="expected", ridge=0.002)
    p0 = (two_bumps(m.grid) + 1 / 61) / 2  # so high that nothing is cut off
    fitted, power = m.source(p0), m.coefficients(p0)
    for _ in range(4):
        fitted = m.fit(fitted.sample(10, RNG), RNG)
        power = power * m.shrinkage
    found = m.coefficients(fitted.p[0])
    np.testing.assert_allclose(found / found[0], power / power[0], atol=1e-9)


@pytest.mark.parametrize("ridge", [0.001, 0.02, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_without_noise_the_leading_share_never_falls(ridge, weighted):
    base = tuple(two_bumps(model().grid) + 1e-3) if weighted else None
    share = run("expected", 1, 30, ridge=ridge, base=base).array("share")[:, 0]
    assert np.diff(share).min() >= -1e-9
    assert share[-1] > share[0]


def test_the_leading_share_rises_with_sampling_too():
    share = run("exact", 200, 10).array("share")
    gain = share[-1] - share[0]
    assert gain.mean() > 4 * gain.std(ddof=1) / np.sqrt(200)


def test_both_laws_of_sampling_agree():
    exact, literal = (run(law, 600, 3) for law in ("exact", "literal"))
    for metric in ("share", "mean", "variance"):
        a, b = exact.array(metric)[-1], literal.array(metric)[-1]
        error = np.sqrt(a.var(ddof=1) / 600 + b.var(ddof=1) / 600)
        assert abs(a.mean() - b.mean()) < 4 * error
        spread = (a - a.mean()) ** 2, (b - b.mean()) ** 2
        error = np.sqrt(spread[0].var() / 600 + spread[1].var() / 600)
        assert abs(spread[0].mean() - spread[1].mean()) < 4 * error


def test_many_samples_approach_the_run_without_noise():
    noisy = run("exact", 20, 3, n=1_000_000).array("share")
    ideal = run("expected", 1, 3).array("share")
    np.testing.assert_allclose(noisy.mean(axis=1), ideal[:, 0], atol=2e-3)


def test_fitted_densities_are_distributions():
    m = model(ridge=0.3)
    fitted = m.fit(np.random.default_rng(2).uniform(-3, 3, (50, 4)), RNG)
    assert (fitted.p >= 0).all()
    np.testing.assert_allclose(fitted.p.sum(axis=1), 1)
    np.testing.assert_allclose(fitted.share(61), 1)


def test_moments_of_a_known_distribution():
    m = models.RidgeDensity(0, 2, 3)
    fitted = m.source(np.array([0.25, 0.25, 0.5]))
    assert fitted.mean[0] == pytest.approx(1.25)
    assert fitted.variance[0] == pytest.approx(0.6875)
    np.testing.assert_allclose(fitted.temper(0.5).p, [[1 / 6, 1 / 6, 2 / 3]])
    assert fitted.expand(4).p.shape == (4, 3)


@pytest.mark.parametrize("law", ["exact", "literal", "expected"])
@pytest.mark.parametrize(
    "regime",
    [regimes.Replace(), regimes.Accumulate(), regimes.AccumulateSubsample()],
    ids=lambda r: type(r).__name__,
)
def test_every_law_works_where_data_accumulate(law, regime):
    chosen = model(law=law)
    history = recurse(
        chosen,
        chosen.source(two_bumps(chosen.grid)),
        regime=regime,
        n_samples=40,
        n_generations=3,
        chains=2,
        measure={"mean": lambda fit: fit.mean},
        rng=np.random.default_rng(3),
    )
    assert np.isfinite(history["value"]).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"law": "mle"}, "law is 'mle'; allowed: 'exact', 'literal', 'expected'"),
        ({"bandwidth": 0.0}, "bandwidth is 0.0"),
        ({"ridge": -1.0}, "ridge is -1.0"),
        ({"base": (1.0, 2.0)}, r"base has shape \(2,\); the grid has 61"),
        ({"base": (0.0,) * 61}, "base is 0; allowed are numbers > 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model(**options)


def test_a_bad_grid_is_refused():
    with pytest.raises(ValueError, match="low < high"):
        models.RidgeDensity(1, 1)
    with pytest.raises(ValueError, match="n_points is 1; it must be an integer >= 2"):
        models.RidgeDensity(0, 1, 1)


@pytest.mark.parametrize(
    "data, message",
    [
        (np.array([[0.0, 3.1]]), "reach from 0 to 3.1; the grid from -3 to 3"),
        (np.zeros((1, 0)), "empty"),
        (np.array([[np.inf]]), "NaN or infinite"),
        (models.Counts(2, np.array([[1, 1]])), "of 2 points, the grid has 61"),
        (models.GaussianSummary(2, np.zeros(1), np.ones(1)), "GaussianSummary"),
    ],
)
def test_unusable_data_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        model().fit(data, RNG)


def test_a_source_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"p has shape \(2,\); the grid has 61"):
        model().source(np.array([0.5, 0.5]))
