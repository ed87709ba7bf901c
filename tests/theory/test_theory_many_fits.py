"""Exact laws after many fits: against SciPy, quadrature of the chain, simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, interpolate, special, stats

from collapse_lib import metrics, models, recurse, regimes
from collapse_lib.theory import gaussian, many_fits

ESTIMATORS = ["unbiased", "mle"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples", [2, 3, 11, 1_000, 10**6])
def test_one_fit_is_chi_square(n_samples, estimator):
    x = np.array([0, 1e-9, 0.01, 0.3, 1, 1.001, 2, 5, np.inf])
    free = n_samples - (estimator == "unbiased")
    expected = stats.chi2.cdf(free * x, n_samples - 1)
    found = many_fits.variance_cdf(x, n_samples, 1, estimator)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("x", [1e-3, 0.4, 1.0, 3.0])
def test_two_fits_are_an_integral_over_the_first(x):
    def both(first):
        return stats.chi2.pdf(first, 4) * stats.chi2.cdf(16 * x / first, 4)

    expected = sum(
        integrate.quad(both, *ends, epsabs=1e-13)[0]
        for ends in ((0, 1), (1, 10), (10, np.inf))
    )
    found = many_fits.variance_cdf(x, n_samples=5, samplings=2)
    assert found == pytest.approx(expected, abs=1e-10)


def test_the_shape_is_kept_and_more_is_less_likely():
    x = np.geomspace(1e-12, 1e3, 60).reshape(3, 20)
    found = many_fits.variance_cdf(x, 30, 900)
    assert found.shape == (3, 20) and (np.diff(found.ravel()) >= 0).all()
    assert many_fits.variance_cdf(1.0, 30, 900).shape == ()
    # Nearly normal, with the exact mean and variance of the logarithm.
    mean = 900 * gaussian.log_sigma2_drift(30)
    sd = math.sqrt(900 * special.polygamma(1, 29 / 2))
    normal = stats.norm.cdf((np.log(x) - mean) / sd)
    np.testing.assert_allclose(found, normal, atol=0.005)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_law_is_that_of_the_recursion(estimator):
    history = recurse(
        models.Gaussian(estimator, law="exact"),
        models.FittedGaussian.standard("exact"),
        regime=regimes.Replace(),
        n_samples=6,
        n_generations=19,
        chains=20_000,
        measure={"variance": lambda fit: fit.sigma**2},
        rng=np.random.default_rng(1),
        record=[19],
    )
    variance = history.array("variance")[0]
    for x in (1e-3, 0.01, 0.1, 1.0):
        p = float(many_fits.variance_cdf(x, 6, 20, estimator))
        error = math.sqrt(p * (1 - p) / len(variance))
        assert abs((variance < x).mean() - p) < 4 * error


def root_trace_in_the_plane(n_samples: int, samplings: int) -> float:
    """E Tr of the root, by a table over the shape of the ellipse, fit by fit."""
    laguerre = [special.roots_genlaguerre(20, (n_samples - i) / 2 - 1) for i in (1, 2)]
    (u, wu), (v, wv) = ((2 * x / (n_samples - 1), w / w.sum()) for x, w in laguerre)
    z, wz = np.polynomial.hermite_e.hermegauss(20)
    weight = np.einsum("i,j,k->ijk", wu, wv, wz / wz.sum())
    u, v = u[:, None, None], v[None, :, None]
    square = z**2 / (n_samples - 1)  # of the entry below the diagonal
    root_det = np.sqrt(u * v)

    r = np.linspace(0, 10, 161)  # eigenvalues exp(r) and exp(-r)
    value = 2 * np.cosh(r / 2)
    for _ in range(samplings):
        # Smooth and bounded: the value per cosh(r / 2), as a function of r^2.
        table = interpolate.CubicSpline(r, value / np.cosh(r / 2))
        new = np.empty_like(value)
        for i, start in enumerate(r):
            trace = np.exp(start) * u + np.exp(-start) * (v + square)
            reach = np.minimum(np.arccosh(np.maximum(trace / root_det / 2, 1)), r[-1])
            new[i] = (
                weight * np.sqrt(root_det) * np.cosh(reach / 2) * table(reach)
            ).sum()
        value = new
    return float(value[0])


@pytest.mark.parametrize("n_samples, samplings", [(12, 1), (12, 4), (30, 3)])
def test_the_risk_in_the_plane_is_that_of_a_table(n_samples, samplings):
    found = many_fits.w2_risk(n_samples, samplings, dim=2)
    root = root_trace_in_the_plane(n_samples, samplings)
    expected = 2 * samplings / n_samples + 4 - 2 * root
    assert found == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dim, n_samples, fits", [(1, 4, 5), (2, 4, 5), (2, 30, 40)])
def test_the_risk_is_that_of_the_recursion(dim, n_samples, fits, estimator):
    def risk(fit):
        here = np.zeros(dim), np.eye(dim)
        return metrics.w2_squared_gaussians(fit.mean, fit.cov, *here)

    history = recurse(
        models.MultivariateGaussian(estimator, law="exact"),
        models.FittedMultivariateGaussian.standard(dim, "exact"),
        regime=regimes.Replace(),
        n_samples=n_samples,
        n_generations=fits - 1,
        chains=10_000,
        measure={"risk": risk},
        rng=np.random.default_rng(2),
        record=[fits - 1],
    )
    found = history.array("risk")[0]
    expected = many_fits.w2_risk(n_samples, fits, dim, estimator)
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - expected) < 4 * error


def test_on_the_line_it_is_the_known_risk():
    n = np.arange(12).reshape(3, 4)
    found = many_fits.w2_risk(20, n, dim=1)
    np.testing.assert_allclose(found, gaussian.w2_risk(20, n), atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2])
def test_the_mle_comes_to_rest_at_twice_the_trace(dim):
    risk = many_fits.w2_risk(20, [0, 20, 200, 4_000], dim, "mle")
    assert risk[0] == pytest.approx(0, abs=1e-12)
    assert (np.diff(risk) > 0).all()
    assert risk[-1] == pytest.approx(2 * dim, abs=1e-12)


def test_what_is_out_of_range_is_refused():
    with pytest.raises(ValueError, match="dim is 3"):
        many_fits.w2_risk(20, 1, dim=3)
    with pytest.raises(ValueError, match="n_samples is 2 and dim is 2"):
        many_fits.w2_risk(2, 1, dim=2)
    with pytest.raises(ValueError, match="estimator"):
        many_fits.variance_cdf(0.5, 20, 3, "other")
    with pytest.raises(ValueError, match="x .*>= 0"):
        many_fits.variance_cdf([-0.1], 20, 3)
