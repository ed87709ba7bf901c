"""Noise with bias: against exact fractions, simulation, other laws and integration."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from collapse_lib import metrics, models, recurse, regimes
from collapse_lib.theory import bias, number_line

ROOM = 4  # standard errors


def run(regime, n, last, law="exact", chains=20_000, seed=1, **real):
    history = recurse(
        models.Gaussian("unbiased", law),
        real.get("real", models.FittedGaussian.standard(law)),
        regime=regime,
        n_samples=n,
        n_generations=last,
        chains=chains,
        measure={"mu": lambda f: f.mu, "sigma": lambda f: f.sigma},
        rng=np.random.default_rng(seed),
        **({"first": real["first"]} if "first" in real else {}),
    )
    return history.array("mu"), history.array("sigma")


def assert_mean(values, law):
    error = values.std(axis=1, ddof=1) / math.sqrt(values.shape[1])
    assert (np.abs(values.mean(axis=1) - law) <= ROOM * error).all()


# accumulation


@pytest.mark.parametrize(("n", "lam"), [(2, 0.7), (5, 0.0), (10, 1.3), (100, 0.8)])
def test_runs_that_accumulate_follow_the_law(n, lam):
    mu, sigma = run(regimes.Accumulate(bias=regimes.Lambda(lam)), n, 12)
    law = bias.accumulate(np.arange(13), lam, n)
    assert_mean(sigma**2, law.variance)
    assert_mean(mu**2, law.error)


def test_points_drawn_one_by_one_accumulate_in_the_same_way():
    regime = regimes.Accumulate(bias=regimes.Lambda(0.6))
    mu, sigma = run(regime, 4, 6, law="literal", chains=10_000)
    law = bias.accumulate(np.arange(7), 0.6, 4)
    assert_mean(sigma**2, law.variance)
    assert_mean(mu**2, law.error)


def test_accumulation_in_fractions():
    """Second moments of pooled points, written down without the recursion's algebra.

    Every set's points have a mean of their own around the pool's and scatter inside.
    """
    n, lam = 3, Fraction(4, 5)
    error, squares, sets = Fraction(1, n), Fraction(n - 1), 1
    errors, variances = [error], [Fraction(1)]
    for _ in range(8):
        size = sets * n
        drawn = lam * squares / (size - 1)  # variance of what is drawn
        own = drawn / n  # of the mean of the new set around the pool's
        squares += (n - 1) * drawn + Fraction(size * n, size + n) * own
        error += Fraction(n, size + n) ** 2 * own
        sets += 1
        errors.append(error)
        variances.append(squares / (sets * n - 1))
    law = bias.accumulate(np.arange(9), 0.8, n)
    np.testing.assert_allclose(law.error, np.array(errors, float), rtol=1e-13)
    np.testing.assert_allclose(law.variance, np.array(variances, float), rtol=1e-13)


def test_without_bias_and_for_large_samples_it_is_what_is_known():
    t = np.arange(50)
    law = bias.accumulate(t, 1.0, 10**8)
    np.testing.assert_allclose(law.variance, 1, rtol=1e-7)
    expected = number_line.accumulate(t + 1)
    np.testing.assert_allclose(10**8 * law.error, expected, rtol=1e-7)
    large = bias.accumulate(t, 0.7, 10**9).variance
    np.testing.assert_allclose(large, bias.variance_accumulated(0.7, t), rtol=1e-7)


# how long it takes


@given(st.floats(0, 0.9), st.floats(0.2, 0.99))
def test_at_the_half_life_so_much_is_left(lam, left):
    t = float(bias.half_life(lam, left))
    if t < 1e7:
        found = bias.variance_accumulated(lam, t)
        np.testing.assert_allclose(found, left, rtol=1e-6)


def test_half_lives_by_the_beta_function():
    for lam, known in ((0.8, 46), (0.9, 1512), (0.95, 1.6e6)):
        t = float(bias.half_life(lam))
        # Gamma(s + a) / Gamma(s + 1) = B(s + a, 1 - a) / Gamma(1 - a)
        left = special.betaln(t + 1 + lam, 1 - lam) - special.gammaln(1 - lam)
        left -= special.gammaln(1 + lam)
        np.testing.assert_allclose(left, math.log(0.5), atol=1e-8)
        assert math.ceil(t + 1) == known or round((t + 1) / 1e5) == known / 1e5
    assert bias.half_life([[1.0], [0.0]]).round(9).tolist() == [[math.inf], [1]]
    assert bias.half_life(0.5, 1.0) == 0


@pytest.mark.parametrize(
    ("lam", "share", "generation"), [(0.8, 0.1, 244), (0.9, 0.1, 904), (0.9, 0.3, 11)]
)
def test_a_real_share_overtakes_where_two_runs_of_the_recursion_cross(
    lam, share, generation
):
    pool, mixed, found = 1.0, 1.0, []
    for t in range(1, 2000):
        pool *= 1 - (1 - lam) / (t + 1)
        mixed = share + (1 - share) * lam * mixed
        found.append(mixed >= pool)
    first = 1 + found.index(True)
    assert not any(found[: first - 1]) and all(found[first:])
    assert first == math.ceil(bias.overtaking(lam, share))
    assert abs(first - generation) <= 1


def test_shares_that_are_never_behind_or_never_ahead():
    assert bias.overtaking(0.8, [0.5, 1.0, 0.0]).tolist() == [0, 0, math.inf]
    assert bias.overtaking(0.0, [0.0, 0.1]).tolist()[0] == math.inf
    np.testing.assert_allclose(bias.overtaking(0.0, 0.1), 9)  # 1 / (t + 1) = a
    np.testing.assert_allclose(bias.overtaking(0.9, 0.02), 7.5e7, rtol=0.01)
    with pytest.raises(ValueError, match="bias is 1, which is none"):
        bias.overtaking(1.0, 0.1)


# bias alone


@pytest.mark.parametrize("temperature", [0.8, 0.9, 1.0, 1.05])
def test_a_tempered_share_is_what_tempering_again_and_again_leaves(temperature):
    fitted, found = models.FittedCategorical.of([0.1, 0.9]), []
    for _ in range(20):
        fitted = regimes.Temperature(temperature)(fitted)
        found.append(fitted.p[0, 0])
    law = bias.share_at_temperature(0.1, temperature, np.arange(1, 21))
    np.testing.assert_allclose(found, law, rtol=1e-12)


def test_a_tempered_share_at_the_ends():
    ends = bias.share_at_temperature([0.0, 0.1, 0.5, 0.9, 1.0], 0.5, 5000)
    np.testing.assert_array_equal(ends, [0, 0, 0.5, 1, 1])


@pytest.mark.parametrize("dim", [1, 2])
def test_replaced_variance_falls_as_lambda_to_the_t(dim):
    if dim == 1:
        model, real = models.Gaussian(law="exact"), models.FittedGaussian
        measure, real = (lambda fit: fit.sigma**2), real.standard("exact")
    else:
        model = models.MultivariateGaussian(law="exact")
        real = models.FittedMultivariateGaussian.standard(2, "exact")
        measure = lambda fit: fit.trace / 2  # noqa: E731
    found = recurse(
        model,
        real,
        regime=regimes.Replace(bias=regimes.Lambda(0.8)),
        n_samples=100,
        n_generations=8,
        measure={"v": measure},
        rng=np.random.default_rng(1),
        chains=4000,
    ).array("v")
    law = bias.variance_replaced(0.8, np.arange(9))
    assert_mean(found, law)


def test_accumulated_variance_falls_as_a_power():
    found = _pooled(regimes.Accumulate(bias=regimes.Lambda(0.6)), 12)
    assert_mean(found, bias.variance_accumulated(0.6, np.arange(13)))
    assert float(bias.variance_accumulated(0.8, 0)) == 1
    assert float(bias.variance_accumulated(0.0, 4)) == pytest.approx(1 / 5)
    assert float(bias.variance_accumulated(1.0, 50)) == pytest.approx(1)
    product = np.prod(1 - 0.3 / (np.arange(1, 31) + 1))
    assert float(bias.variance_accumulated(0.7, 30)) == pytest.approx(product)


def test_a_constant_real_share_bounds_the_variance():
    lam, share = 0.5, 0.25
    regime = regimes.Fresh(n_real=10_000, bias=regimes.Lambda(lam))
    found = _pooled(regime, 8, n_samples=30_000)[1:]
    law = bias.variance_with_real(lam, share, np.arange(1, 9))
    assert_mean(found, law)
    limit = float(bias.variance_with_real(lam, share))
    assert limit == pytest.approx(share / (1 - (1 - share) * lam))
    assert law[-1] == pytest.approx(limit, abs=1e-3)


def test_where_spreading_outruns_the_real_share():
    run = [0, 1, 2, math.inf]
    np.testing.assert_allclose(
        bias.variance_with_real(1.25, 0.2, run), [1, 1.2, 1.4, math.inf]
    )
    np.testing.assert_allclose(
        bias.variance_with_real(2.0, 0.2, run), [1, 1.8, 3.08, math.inf]
    )
    np.testing.assert_array_equal(bias.variance_with_real(1.0, 0.0, run), 1)


def _pooled(regime, n_generations, n_samples=20_000):
    """Return the fitted variances of large samples, shape (generations, chains)."""
    return recurse(
        models.Gaussian(law="exact"),
        models.FittedGaussian.standard("exact"),
        regime=regime,
        n_samples=n_samples,
        n_generations=n_generations,
        measure={"v": lambda fit: fit.sigma**2},
        rng=np.random.default_rng(2),
        chains=200,
    ).array("v")


# the fresh data loop


@pytest.mark.parametrize(
    ("n_real", "n_synthetic", "lam"), [(1, 1, 0.5), (10, 30, 0.8), (50, 5, 1.0)]
)
def test_runs_with_fresh_data_follow_the_law(n_real, n_synthetic, lam):
    regime = regimes.Fresh(n_real=n_real, bias=regimes.Lambda(lam))
    first = models.Gaussian("unbiased", "exact").fit(
        models.FittedGaussian.standard("exact")
        .expand(20_000)
        .sample(7, np.random.default_rng(5)),
        np.random.default_rng(0),
    )
    mu, sigma = run(regime, n_synthetic, 10, first=first)
    law = bias.fresh(np.arange(11), lam, n_real, n_synthetic, first=7)
    assert_mean(sigma**2, law.variance)
    assert_mean(mu**2, law.error)
    limit = bias.fresh(np.inf, lam, n_real, n_synthetic)
    again = bias.fresh([2000, np.inf], lam, n_real, n_synthetic, first=9000)
    np.testing.assert_allclose(again, [[x, x] for x in limit], rtol=1e-10)


def test_the_fresh_loop_meets_other_laws():
    t = np.arange(9)
    found = bias.fresh(t, 1.0, 10**8, 2 * 10**8).error * 10**8
    np.testing.assert_allclose(found, number_line.fresh(t + 1, ratio=2), rtol=1e-7)
    large = bias.fresh(np.inf, 0.85, 10**8, 10**8).variance
    np.testing.assert_allclose(large, 0.5 / (1 - 0.85 / 2), rtol=1e-6)
    np.testing.assert_allclose(large, bias.variance_with_real(0.85, 0.5))
    assert bias.fresh(np.inf, 3.0, 10, 10) == (math.inf, math.inf)


def test_effective_samples_without_bias():
    n_s = np.array([0, 10, 1000, 1e9])
    f = n_s / (1000 + n_s)
    for dim in (1, 7):
        found = bias.effective_samples(1000, n_s, 1.0, dim)
        np.testing.assert_allclose(found, 1000 * (1 + f))


@pytest.mark.parametrize(("n_s", "lam"), [(300, 1.0), (300, 0.9), (1000, 0.8)])
def test_effective_samples_against_runs_in_one_dimension(n_s, lam):
    """The first order is off by a few per cent of itself at 300 points."""
    mu, sigma = run(
        regimes.Fresh(n_real=300, bias=regimes.Lambda(lam)), n_s, 40, chains=40_000
    )
    risk = metrics.w2_squared_gaussian(mu[-1], sigma[-1])
    error = risk.std() / risk.mean() / math.sqrt(len(risk))
    found = 1.5 / risk.mean()  # one fit to n points has 3 / (2 n)
    law = float(bias.effective_samples(300, n_s, lam))
    assert abs(found / law - 1) < ROOM * error + 0.01


def test_effective_samples_against_runs_in_many_dimensions():
    dim, n_r, n_s, lam = 5, 400, 200, 0.9
    history = recurse(
        models.MultivariateGaussian("unbiased", "exact"),
        models.FittedMultivariateGaussian.standard(dim, "exact"),
        regime=regimes.Fresh(n_real=n_r, bias=regimes.Lambda(lam)),
        n_samples=n_s,
        n_generations=15,
        chains=4000,
        record=[15],
        measure={
            "risk": lambda f: metrics.w2_squared_gaussians(
                f.mean, f.cov, np.zeros(dim), np.eye(dim)
            )
        },
        rng=np.random.default_rng(2),
    )
    risk = history.array("risk")[0]
    found = dim * (dim + 5) / 4 / risk.mean()
    error = risk.std() / risk.mean() / math.sqrt(len(risk))
    law = float(bias.effective_samples(n_r, n_s, lam, dim))
    assert abs(found / law - 1) < ROOM * error + 0.02


@pytest.mark.parametrize("dim", [1, 10])
@pytest.mark.parametrize("lam", [0.0, 0.7, 0.95])
def test_the_most_synthetic_points_are_where_effective_samples_break_even(lam, dim):
    for n_r in (20.0, 1e3, 1e6):
        most = bias.most_synthetic(lam, n_r, dim)
        if most:
            n_e = bias.effective_samples(n_r, [0.99 * most, 1.01 * most], lam, dim)
            assert n_e[0] >= n_r > n_e[1]
    limit = bias.most_synthetic(lam, dim=dim)
    np.testing.assert_allclose(bias.most_synthetic(lam, 1e9, dim), limit, rtol=1e-3)


def test_the_most_synthetic_points_near_no_bias():
    np.testing.assert_allclose(bias.most_synthetic(0.9999, dim=3), 8e8, rtol=1e-3)
    assert bias.most_synthetic(1.0, 10.0) == math.inf
    assert np.isfinite(bias.most_synthetic(1 - 1e-15, 100.0))
    assert bias.most_synthetic(0.5, 1.0) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: bias.accumulate(0.5, 0.8, 10),
            "generation holds 0.5; it counts generations",
        ),
        (lambda: bias.accumulate(2e6, 0.8, 10), "generation is 2e\\+06|generation"),
        (lambda: bias.accumulate(1, 0.8, 1), "n_samples is 1; it must be an integer"),
        (lambda: bias.half_life(1.1), "bias"),
        (lambda: bias.effective_samples([1, 2], [1, 2, 3], 1), "do not go together"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
