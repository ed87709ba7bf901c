"""The laws of the number line, against exact fractions, simulation and known values.

`Point` is a data point as a sum of independent noises of variance 1, with fractions as
coefficients. Regimes written down point by point then give the laws exactly.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib.theory import number_line as law
from collapse_lib.theory.zeta import hurwitz_zeta

Point = dict[int, Fraction]
RATIOS = [0.1, 0.5, 1.0, 2.0, 7.0, 100.0]


class World:
    """Where new noise comes from."""

    def __init__(self) -> None:
        self.noises = 0

    def points(self, n: int, mean: Point) -> list[Point]:
        """Return points around a mean; that of real data is the empty sum, 0."""
        first, self.noises = self.noises, self.noises + n
        return [{**mean, i: Fraction(1)} for i in range(first, first + n)]


def mix(weighted: list[tuple[Fraction, Point]]) -> Point:
    total: Point = {}
    for weight, point in weighted:
        for i, coefficient in point.items():
            total[i] = total.get(i, Fraction(0)) + weight * coefficient
    return total


def mean(points: list[Point]) -> Point:
    return mix([(Fraction(1, len(points)), point) for point in points])


def square(point: Point) -> Fraction:
    return sum((c**2 for c in point.values()), Fraction(0))


def chain(n, samplings, following):
    """Return the exact ``v_t`` of a regime: ``following(world, first, fits)``."""
    world = World()
    first = world.points(n, {})
    fits = [mean(first)]
    while len(fits) < samplings:
        fits.append(following(world, first, fits))
    return [float(n * square(fit)) for fit in fits]


def replacing(sizes):
    return lambda world, first, fits: mean(world.points(sizes[len(fits)], fits[-1]))


def accumulating(m, human=0):
    """Keep what everybody wrote; the pool grows along with the first data."""

    def following(world, first, fits):
        first += world.points(m - human, fits[-1]) + world.points(human, {})
        return mean(first)

    return following


def augmenting(m):
    return lambda world, first, fits: mean(first + world.points(m, fits[-1]))


def refreshing(n, m, weight):
    def following(world, first, fits):
        real, made = mean(world.points(n, {})), mean(world.points(m, fits[-1]))
        return mix([(weight, real), (1 - weight, made)])

    return following


def correcting(n, strength):
    def following(world, first, fits):
        centre = mix([(1 / (1 + strength), fits[-1])])
        return mean(world.points(n, centre))

    return following


def subsampling(n, samplings):
    """Return the exact law of `accumulate_subsample`: the mean over all subsamples."""
    world = World()
    pools = [world.points(n, {})]
    found = []
    for _ in range(samplings):
        fits = [
            (pool, mean(list(part))) for pool in pools for part in combinations(pool, n)
        ]
        found.append(float(n * sum(square(fit) for _, fit in fits) / len(fits)))
        start = world.noises
        pools = []
        for pool, fit in fits:  # of which only one will have been: they share noises
            world.noises = start
            pools.append(pool + world.points(n, fit))
    return found


T = np.arange(1, 7)
F = Fraction
GROWING = [32, 48, 72, 108, 162, 243]


@pytest.mark.parametrize(
    ("found", "exact"),
    [
        (law.replace(T), chain(3, 6, replacing([3] * 6))),
        (law.replace(T, 2), chain(2, 6, replacing([2 * i**2 for i in T]))),
        (law.replace(T, 1), chain(2, 6, replacing([2 * i for i in T]))),
        (law.replace_geometric(T, 2), chain(2, 6, replacing(list(2**T)))),
        (law.replace_geometric(T, 1.5), chain(32, 6, replacing(GROWING))),
        (law.accumulate(T), chain(3, 6, accumulating(3))),
        (law.accumulate(T, 4), chain(2, 6, accumulating(8))),
        (law.accumulate(T, 1 / 3), chain(3, 6, accumulating(1))),
        (law.augment(T), chain(3, 6, augmenting(3))),
        (law.augment(T, 4), chain(2, 6, augmenting(8))),
        (law.augment(T, 1 / 3), chain(3, 6, augmenting(1))),
        (law.fresh(T), chain(3, 6, refreshing(3, 3, F(1, 2)))),
        (law.fresh(T, None, 4), chain(2, 6, refreshing(2, 8, F(1, 5)))),
        (law.fresh(T, 0.3, 4), chain(2, 6, refreshing(2, 8, F(3, 10)))),
        (law.fresh(T, 0.75, 0.5), chain(2, 6, refreshing(2, 1, F(3, 4)))),
        (law.fresh(T, 0, 0.5), chain(2, 6, refreshing(2, 1, F(0)))),
        (law.fresh(T, 1), chain(2, 6, refreshing(2, 2, F(1)))),
        (law.web(T, 0.25), chain(4, 6, accumulating(4, human=1))),
        (law.web(T, 0.6), chain(5, 6, accumulating(5, human=3))),
        (law.web(T, 1), chain(3, 6, accumulating(3, human=3))),
        (law.corrected(T, 0.5), chain(3, 6, correcting(3, F(1, 2)))),
        (law.corrected(T, 3), chain(2, 6, correcting(2, F(3)))),
        (law.accumulate_subsample(T[:4], 2), subsampling(2, 4)),
        (law.accumulate_subsample(T[:3], 3), subsampling(3, 3)),
        (law.accumulate_subsample(T[:5], 1), subsampling(1, 5)),
    ],
)  # fmt: skip
def test_every_law_is_exact_point_by_point(found, exact):
    np.testing.assert_allclose(found, exact, rtol=1e-13)


# --- limits ------------------------------------------------------------------


def test_the_line():
    line = {
        math.inf: law.replace(np.inf),
        math.pi**2 / 2 - 2: law.accumulate_subsample(np.inf),
        math.pi**2 / 6: law.accumulate(np.inf),
        4 / 3: law.augment(np.inf),
        1: law.fresh(np.inf, weight=1),
        2 / 3: law.fresh(np.inf),
        (math.sqrt(5) - 1) / 2: law.fresh(np.inf, law.golden_weight()),
        0: law.web(np.inf, 0.01),
    }
    np.testing.assert_allclose(list(line.values()), list(line), rtol=1e-14)
    assert list(line) == sorted(line, reverse=True)


@pytest.mark.parametrize("p", [1.001, 1.5, 2, 3.5, 100])
def test_growing_samples_bound_the_walk_where_the_sum_does(p):
    assert law.replace(np.inf, p) == pytest.approx(float(hurwitz_zeta(p, 1)))
    rest = float(hurwitz_zeta(p, 1_001))
    assert law.replace(1_000, p) + rest == pytest.approx(law.replace(np.inf, p))


@pytest.mark.parametrize("p", [0, 0.5, 1])
def test_samples_that_grow_linearly_or_slower_do_not_bound_it(p):
    assert law.replace(np.inf, p) == np.inf
    # The sum lies between two integrals: published as 5.19 for p = 1 at t = 100.
    low = math.log(101) if p == 1 else (101 ** (1 - p) - 1) / (1 - p)
    assert low <= law.replace(100, p) <= low + 1


def test_geometric_growth():
    q = np.array([1, 1.1, 2, 10])
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(law.replace_geometric(np.inf, q), q / (q - 1))
    assert law.replace_geometric(1e6, 1 + 1e-13) == pytest.approx(1e6, rel=1e-6)


def test_unequal_sizes_have_the_known_limits():
    r = np.array(RATIOS)
    trigamma = hurwitz_zeta(2, 1 + 1 / r)
    np.testing.assert_allclose(law.accumulate(np.inf, r), 1 + trigamma / r)
    np.testing.assert_allclose(law.augment(np.inf, r), 1 + r / (1 + 2 * r))
    k = 1 / r  # as it is published: real points per synthetic point
    np.testing.assert_allclose(law.fresh(np.inf, None, r), (k + 1) / (k + 2))
    golden = (np.sqrt(k**2 + 4 * k) - k) / 2
    np.testing.assert_allclose(law.golden_weight(r), golden, rtol=1e-11)


@pytest.mark.parametrize(
    ("k", "weight"), [(0.1, 0.270), (0.5, 0.5), (1, 0.618), (2, 0.732), (5, 0.854)]
)
def test_the_golden_weight_is_best_and_is_its_own_error(k, weight):
    best = float(law.golden_weight(1 / k))
    assert best == pytest.approx(weight, abs=5e-4)
    assert law.fresh(np.inf, best, 1 / k) == pytest.approx(best, rel=1e-13)
    others = np.linspace(0.001, 1, 1_000)
    values = law.fresh(np.inf, others, 1 / k)
    assert abs(others[values.argmin()] - best) < 1e-3
    assert (values >= best).all()


@pytest.mark.parametrize(("k", "waste"), [(0.01, 5.28), (0.1, 1.94), (1, 1.08)])
def test_pooling_without_weights_wastes_real_data(k, waste):
    wasted = law.fresh(np.inf, None, 1 / k) / law.golden_weight(1 / k)
    assert wasted == pytest.approx(waste, abs=0.005)


def test_published_values_of_the_idealised_correction():
    found = law.corrected(np.inf, [0.1, 0.5, 1, 5])
    np.testing.assert_allclose(found, [5.76, 1.80, 1.333, 1.029], atol=5e-3)


@pytest.mark.parametrize("law_of", [law.accumulate, law.augment, law.fresh, law.web])
def test_limits_are_where_the_laws_go(law_of):
    for x in (0.3, 0.9):
        options = {"share": x} if law_of is law.web else {"ratio": x}
        far = law_of(100_000, **options)
        size = 1e-4 if law_of is not law.web else 5e-3
        assert far == pytest.approx(law_of(np.inf, **options), abs=size)


def test_extreme_sizes_keep_their_digits():
    for r in (1e-12, 1e12, 1e30):
        assert law.augment(np.inf, r) == pytest.approx(1 + r / (1 + 2 * r))
        assert law.fresh(np.inf, None, r) == pytest.approx((1 + r) / (1 + 2 * r))
    assert law.accumulate(np.inf, 1e30) == pytest.approx(1)
    # Few points at a time for ever: the noise of the first fit, made twice.
    assert law.accumulate(np.inf, 1e-9) == pytest.approx(2)
    assert law.corrected(np.inf, 1e30) == 1
    assert law.corrected([7, np.inf], 0).tolist() == [7, np.inf]


# --- accumulate and subsample ------------------------------------------------


def test_the_law_of_many_points_is_the_limit_of_the_exact_law():
    t = [1, 2, 5, 20, 100]
    exact = law.accumulate_subsample(t, 10**9)
    np.testing.assert_allclose(law.accumulate_subsample(t), exact, rtol=1e-7)
    # Published: 1.75, 2.39, 2.65, 2.79, 2.86 and 2.905.
    found = law.accumulate_subsample([2, 5, 10, 20, 40, 100])
    np.testing.assert_allclose(found, [1.75, 2.39, 2.65, 2.79, 2.86, 2.905], atol=5e-3)


def test_points_one_at_a_time_walk_like_the_harmonic_numbers():
    found = law.accumulate_subsample([1, 2, 10, 1_000], 1)
    exact = [sum(1 / i for i in range(1, t + 1)) for t in (1, 2, 10, 1_000)]
    np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_a_finite_pool_is_wider_in_the_end():
    sizes = [2, 5, 20, 100, 10_000]
    found = [float(law.accumulate_subsample(50, n)) for n in sizes]
    assert found == sorted(found, reverse=True)
    assert found[-1] > law.accumulate_subsample(50)


def test_the_width_of_a_finite_pool_against_literal_subsamples():
    chains, n, last = 10_000, 2, 20
    rng = np.random.default_rng(3)
    pool = rng.standard_normal((chains, n))
    for t in range(1, last + 1):
        order = rng.permuted(np.tile(np.arange(t * n), (chains, 1)), axis=1)[:, :n]
        fit = np.take_along_axis(pool, order, axis=1).mean(axis=1)
        assert abs(z_score(n * fit**2, law.accumulate_subsample(t, n))) < 4
        made = fit[:, None] + rng.standard_normal((chains, n))
        pool = np.concatenate([pool, made], axis=1)
    # Far enough from the law of many points to tell them apart.
    assert abs(z_score(n * fit**2, law.accumulate_subsample(last))) > 4


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / math.sqrt(values.size))


# --- the web -----------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.4, 0.6, 0.75, 1.0])
def test_the_error_of_the_web_decays_with_its_exponent(share):
    t = np.array([1_000, 100_000])
    v = law.web(t, share)
    slope = -np.log(v[1] / v[0]) / np.log(t[1] / t[0])
    assert slope == pytest.approx(float(law.web_exponent(share)), abs=0.035)


def test_at_one_half_there_is_a_logarithm():
    t = np.array([100, 1_000, 10_000, 100_000])
    np.testing.assert_allclose(np.diff(t * law.web(t, 0.5)), math.log(10), rtol=5e-3)


def test_above_one_half_the_factor_is_known():
    assert 1e5 * law.web(1e5, 0.9) == pytest.approx(1 / 0.8, rel=1e-3)


def test_without_human_data_the_web_accumulates():
    t = np.array([1, 2, 60, np.inf])
    np.testing.assert_allclose(law.web(t, 0), law.accumulate(t), rtol=1e-13)


# --- arguments ---------------------------------------------------------------


@given(t=st.integers(1, 10**6), shape=st.sampled_from([(), (1,), (2, 3)]))
def test_shapes_are_kept_and_arguments_left_alone(t, shape):
    samplings = np.full(shape, float(t))
    for found in (law.replace(samplings), law.accumulate(samplings, 2)):
        assert found.shape == shape and found.dtype == np.float64
        assert found is not samplings and (samplings == t).all()


def test_arrays_are_broadcast():
    found = law.fresh([[1], [2], [np.inf]], weight=[0.5, 1.0], ratio=1)
    np.testing.assert_allclose(found, [[1, 1], [0.75, 1], [2 / 3, 1]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: law.replace(0), "samplings is 0; allowed are numbers >= 1"),
        (lambda: law.augment(1.5), "samplings holds 1.5.* whole numbers >= 1, or"),
        (lambda: law.web(1e7, 0.1), "samplings holds 10000000.0.* >= 1 up to 1000000"),
        (lambda: law.replace(1e7, 1), "samplings holds 10000000.0"),
        (lambda: law.replace(1, -1), "power is -1; it must be a number from 0 to 100"),
        (lambda: law.replace_geometric(1, 0.5), "factor is 0.5; allowed are numbers"),
        (lambda: law.accumulate(1, 0), "ratio is 0; allowed are numbers > 0"),
        (lambda: law.fresh(1, 1.1), "weight is 1.1; allowed are numbers from 0 to 1"),
        (lambda: law.web(1, 1.1), "share is 1.1; it must be a number from 0 to 1"),
        (lambda: law.corrected(1, -1), "strength is -1; allowed are numbers >= 0"),
        (lambda: law.accumulate_subsample(1, 0), "n_samples is 0; it must be an"),
        (lambda: law.accumulate_subsample(np.inf, 9), "leave n_samples out"),
        (
            lambda: law.fresh([1, 2], [0.1, 0.2, 0.3]),
            r"samplings \(2,\), weight \(3,\), ratio \(\) do not go together",
        ),
    ],
)  # fmt: skip
def test_what_has_no_law_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
