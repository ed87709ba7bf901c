"""Kernel density estimates, against scipy's and scikit-learn's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats
from sklearn.neighbors import KernelDensity

from collapse_lib import models

RNG = np.random.default_rng(0)  # fit ignores it
X = np.linspace(-4, 5, 37)


def line(chains=3, n=40):
    return np.random.default_rng(1).normal(size=(chains, n)) * 2 + 1


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_on_the_line_it_is_scipys(rule):
    data = line()
    found = models.KDE(rule).fit(data, RNG).log_density(X)
    for row, own in zip(found, data, strict=True):
        np.testing.assert_allclose(row, stats.gaussian_kde(own, rule).logpdf(X), 1e-12)


@pytest.mark.parametrize("d", [1, 2, 10])
def test_in_any_dimension_it_is_scikit_learns(d):
    rng = np.random.default_rng(2)
    data, x = rng.normal(size=(2, 30, d)), 3 * rng.normal(size=(2, 11, d))
    fitted = models.KDE(0.3, event_ndim=1).fit(data, RNG)
    for row, own, at in zip(fitted.log_density(x), data, x, strict=True):
        theirs = KernelDensity(bandwidth=0.3).fit(own).score_samples(at)
        np.testing.assert_allclose(row, theirs, rtol=1e-10)
    np.testing.assert_array_equal(
        fitted.log_density(x[0])[1],
        models.FittedKDE(fitted.centres[1:], fitted.width[1:]).log_density(x[0])[0],
    )


def test_scikit_learns_rule_leaves_the_unit_out():
    data = line(1)
    theirs = KernelDensity(bandwidth="scott").fit(data[0][:, None])
    ours = models.KDE(40**-0.2).fit(data, RNG).log_density(X)[0]
    np.testing.assert_allclose(ours, theirs.score_samples(X[:, None]), rtol=1e-10)


def test_numbers_and_vectors_of_one_are_the_same():
    data = line()
    for model in ((0.4, False), ("scott", False), ("scott", True), (0.4, True)):
        one = models.KDE(*model).fit(data, RNG)
        other = models.KDE(*model, event_ndim=1).fit(data[..., None], RNG)
        np.testing.assert_allclose(one.width, other.width)
        np.testing.assert_allclose(one.variance, other.variance)
        np.testing.assert_allclose(one.mean, other.mean[:, 0])
        np.testing.assert_allclose(one.log_density(X), other.log_density(X[:, None]))
        same = [fit.sample(9, np.random.default_rng(3)) for fit in (one, other)]
        np.testing.assert_allclose(same[0], same[1][..., 0])


@pytest.mark.parametrize("shrink", [False, True])
def test_the_density_is_that_of_the_draws_and_has_the_stated_moments(shrink):
    data = line(2, 12)
    fitted = models.KDE(0.7, shrink).fit(data, RNG)
    x = np.linspace(-12, 14, 4001)
    density = np.exp(fitted.log_density(x))
    drawn = fitted.sample(20_000, np.random.default_rng(4))
    for c in range(2):
        assert integrate.trapezoid(density[c], x) == pytest.approx(1)
        mean = integrate.trapezoid(x * density[c], x)
        assert mean == pytest.approx(fitted.mean[c])
        spread = integrate.trapezoid((x - mean) ** 2 * density[c], x)
        assert spread == pytest.approx(fitted.variance[c])
        law = integrate.cumulative_trapezoid(density[c], x, initial=0)
        p = stats.kstest(drawn[c], lambda v, law=law: np.interp(v, x, law)).pvalue
        assert p > 1e-4
    if shrink:
        np.testing.assert_allclose(fitted.variance, data.var(axis=1))


data_sets = hnp.arrays(
    np.float64,
    st.tuples(st.just(2), st.integers(2, 9), st.integers(1, 3)),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False),
)


@given(data=data_sets, h=st.floats(1e-3, 1e3))
def test_shrunk_draws_keep_mean_and_variance(data, h):
    fitted = models.KDE(h, shrink=True, event_ndim=1).fit(data, RNG)
    np.testing.assert_allclose(fitted.mean, data.mean(axis=1), atol=1e-9)
    trace = data.var(axis=1).sum(axis=1)
    np.testing.assert_allclose(fitted.variance, trace, rtol=1e-9, atol=1e-9)


@given(data=data_sets, shift=st.floats(-100, 100), scale=st.floats(0.1, 10))
def test_rules_of_thumb_go_with_the_unit(data, shift, scale):
    model = models.KDE("silverman", event_ndim=1)
    one, other = model.fit(data, RNG), model.fit(shift + scale * data, RNG)
    np.testing.assert_allclose(other.width, scale * one.width, rtol=1e-6, atol=1e-9)


def test_points_that_are_all_alike_can_be_drawn_from():
    data = np.full((1, 4), 2.0)
    for shrink in (False, True):
        fitted = models.KDE("scott", shrink).fit(data, RNG)
        assert (fitted.sample(5, RNG) == 2).all()
        with pytest.raises(ValueError, match="width is 0 in at least one chain"):
            fitted.log_density(X)
    assert (models.KDE(1.0, shrink=True).fit(data, RNG).sample(5, RNG) == 2).all()


def test_far_from_all_centres_the_log_density_is_right():
    fitted = models.FittedKDE(np.zeros((1, 3)), np.ones(1))
    expected = -(1e4**2) / 2 - math.log(2 * math.pi) / 2
    assert fitted.log_density([1e4])[0, 0] == pytest.approx(expected)


def test_blocks_do_not_change_the_result(monkeypatch):
    fitted = models.KDE("scott").fit(line(2, 50), RNG)
    whole = fitted.log_density(X)
    monkeypatch.setattr("collapse_lib.models.kde.BLOCK", 100)
    np.testing.assert_array_equal(fitted.log_density(X), whole)


def test_single_precision_is_taken_up():
    fitted = models.KDE(0.5).fit(line().astype(np.float32), RNG)
    assert fitted.centres.dtype == fitted.sample(3, RNG).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.KDE("best"), "bandwidth is 'best'; allowed: 'scott'"),
        (lambda: models.KDE(0), "bandwidth is 0; it must be a number from 1e-100"),
        (lambda: models.KDE(1e200), r"bandwidth is 1e\+200; .* to 1e\+100"),
        (lambda: models.KDE(1.0, event_ndim=2), "event_ndim is 2"),
        (lambda: models.KDE().fit(np.ones((2, 1)), RNG), "at least 2 points per chain"),
        (lambda: models.KDE(1.0).fit(np.ones((2, 3, 2)), RNG), r"needs \(chains, n\)"),
        (lambda: models.KDE(1.0).fit(line() * 1e200, RNG), "data are too large"),
        (
            lambda: models.FittedKDE(np.ones((2, 3)), np.ones(3)),
            r"centres has shape \(2, 3\) and width \(3,\)",
        ),
        (lambda: models.FittedKDE(np.ones((2, 3)), -np.ones(2)), "width is -1"),
        (lambda: models.FittedKDE([[1.0]], [1e155]), r"width is 1e\+155.* finite"),
        (
            lambda: models.FittedKDE(np.ones((2, 3)), np.ones(2)).log_density(
                np.ones((3, 4))
            ),
            r"x has shape \(3, 4\); needed is \(m\), or .* \(2, m\)",
        ),
    ],
)
def test_what_makes_no_sense_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_point_whose_distance_overflows_has_no_density():
    fitted = models.KDE(0.1).fit(line(), RNG)
    found = fitted.log_density([1e160, 1e308, 0.0])
    assert (found[:, :2] == -np.inf).all()
    assert np.isfinite(found[:, 2]).all()
    for width in (1e-100, 1e100):
        extreme = models.KDE(width).fit(line(), RNG)
        assert np.isfinite(extreme.variance).all()
        assert not np.isnan(extreme.log_density([-1e308, 0.0, 1e308])).any()
