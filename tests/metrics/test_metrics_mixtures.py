"""Closed forms of distances between mixtures, against numerical integrals."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from collapse_lib.metrics import (
    cosine_distance_mixtures,
    l2_squared_mixtures,
    overlap_mixtures,
)
from collapse_lib.models import FittedGaussianMixture


def random_mixture(seed, k=3, dim=2, chains=1):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(chains, k, dim, dim))
    covariances = roots @ np.swapaxes(roots, -1, -2) + 0.1 * np.eye(dim)
    weights = rng.dirichlet(np.ones(k), chains)
    return FittedGaussianMixture(
        weights, rng.normal(size=(chains, k, dim)), covariances
    )


def gaussian(std, x=0.0):
    return FittedGaussianMixture.of([1], [[x, 0]], [std**2 * np.eye(2)])


def test_the_squared_distance_is_the_integral_in_the_plane():
    f, g = random_mixture(1), random_mixture(2, k=2)

    grid = np.linspace(-14, 14, 561)
    points = np.array(list(product(grid, grid)))
    density_gap = np.exp(f.log_density(points)) - np.exp(g.log_density(points))
    integral = (density_gap**2).sum() * (grid[1] - grid[0]) ** 2
    assert l2_squared_mixtures(f, g)[0] == pytest.approx(integral, rel=1e-6)


def test_the_overlap_is_the_integral_on_the_line():
    f, g = random_mixture(3, dim=1), random_mixture(4, dim=1)

    def both(x):
        at = np.array([[x]])
        return float(np.exp(f.log_density(at) + g.log_density(at))[0, 0])

    integral = integrate.quad(both, -20, 20, limit=400)[0]
    assert overlap_mixtures(f, g)[0] == pytest.approx(integral, rel=1e-7)


def test_the_overlap_is_an_expectation_under_either_mixture():
    f, g = random_mixture(5, dim=4), random_mixture(6, dim=4)
    values = np.exp(g.log_density(f.sample(200_000, np.random.default_rng(0)))[0])
    z = (values.mean() - overlap_mixtures(f, g)[0]) / stats.sem(values)
    assert abs(z) < 4


@given(seed=st.integers(0, 2**32 - 1), chains=st.integers(1, 3))
def test_distances_are_distances(seed, chains):
    f, g = random_mixture(seed, chains=chains), random_mixture(seed + 1, chains=chains)
    for distance, most in [
        (l2_squared_mixtures, np.inf),
        (cosine_distance_mixtures, 1),
    ]:
        there, back = distance(f, g), distance(g, f)
        np.testing.assert_allclose(there, back)
        assert there.shape == (chains,)
        assert ((there > 0) & (there <= most)).all()
        assert (distance(f, f) <= 1e-12 * overlap_mixtures(f, f)).all()


def test_chains_are_compared_with_one_reference():
    many, one = random_mixture(7, chains=4), random_mixture(8)
    alone = [
        l2_squared_mixtures(
            FittedGaussianMixture(
                many.weights[i : i + 1],
                many.means[i : i + 1],
                many.covariances[i : i + 1],
            ),
            one,
        )[0]
        for i in range(4)
    ]
    np.testing.assert_allclose(l2_squared_mixtures(many, one), alone)


@pytest.mark.parametrize("std", [1, 1e-3, 1e-60])
def test_the_norm_of_a_narrow_gaussian(std):
    expected = 1 / (4 * np.pi * std**2)
    assert overlap_mixtures(gaussian(std), gaussian(std))[0] == pytest.approx(expected)


def test_points_without_spread():
    here, there = gaussian(0.0), gaussian(0.0, x=1.0)
    assert overlap_mixtures(here, here)[0] == np.inf
    assert overlap_mixtures(here, there)[0] == 0
    assert l2_squared_mixtures(here, gaussian(1.0))[0] == np.inf


def test_the_cosine_distance_is_bounded_where_the_other_explodes():
    wide, narrow = gaussian(1.0), gaussian(1e-6)
    assert l2_squared_mixtures(wide, narrow)[0] > 1e10
    assert 0.99 < cosine_distance_mixtures(wide, narrow)[0] < 1
    assert cosine_distance_mixtures(narrow, gaussian(1e-6, x=1.0))[0] == 1


def test_other_dimensions_are_refused():
    with pytest.raises(ValueError, match="f has 2 dimensions, g has 3"):
        overlap_mixtures(random_mixture(0), random_mixture(0, dim=3))
