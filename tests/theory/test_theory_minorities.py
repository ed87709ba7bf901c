"""Laws of small groups, held against simulations and exact computations."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import discrete, minorities


def rng(seed=0):
    return np.random.default_rng(seed)


def z(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


def test_the_law_of_a_share_is_that_of_all_histories():
    # Three points, three generations: every history with its probability.
    def step(n, k):
        p = [Fraction(1, 3), Fraction(1, 4)][0] if n is None else Fraction(n, 3)
        return math.comb(3, k) * p**k * (1 - p) ** (3 - k)

    exact = [Fraction(0)] * 4
    for a, b, c in itertools.product(range(4), repeat=3):
        exact[c] += step(None, a) * step(a, b) * step(b, c)
    law = discrete.share_law(1 / 3, 3, 2)
    np.testing.assert_allclose(law[2], [float(x) for x in exact], atol=1e-12)
    np.testing.assert_allclose(law.sum(axis=1), 1, atol=1e-12)


def test_the_law_of_a_share_knows_its_rule():
    law = discrete.share_law(0.2, 30, 6, lambda p: p**2 / (p**2 + (1 - p) ** 2))
    history = recurse(
        models.Categorical(2),
        models.FittedCategorical.of([0.2, 0.8]),
        regime=regimes.Replace(bias=regimes.Temperature(0.5)),
        n_samples=30,
        n_generations=6,
        chains=20_000,
        measure={"share": lambda fit: fit.p[:, 0]},
        rng=rng(1),
    )
    shares = np.arange(31) / 30
    for t in (0, 1, 6):
        own = history.array("share")[t]
        assert abs(z(own, law[t] @ shares)) < 4
        assert abs(z((own == 0).astype(float), law[t, 0])) < 4
    # the mean time to absorption, by another equation
    plain = discrete.share_law(0.2, 30, 1500)
    alive = 1 - plain[:, 0] - plain[:, 30]
    assert 1 + alive.sum() == pytest.approx(discrete.absorption_time(0.2, 30), rel=1e-9)


@pytest.mark.parametrize("law", ["exact", "literal"])
def test_smoothing_moves_the_mean_and_settles_the_diversity(law):
    a, n, p = 0.7, 20, [0.7, 0.2, 0.1]
    history = recurse(
        models.Categorical(3, law, smoothing=a),
        models.FittedCategorical.of(p, law),
        regime=regimes.Replace(),
        n_samples=n,
        n_generations=60,
        chains=4_000,
        measure={"p": lambda fit: fit.p},
        rng=rng(2),
        record=[0, 3, 60],
    )
    for place, t in enumerate((1, 4)):
        expected = minorities.smoothed_share_after(p, n, a, t, n_states=3)
        own = history.array("p")[place]
        assert (np.abs([z(own[:, i], expected[i]) for i in range(3)]) < 4).all()
    h = 1 - (history.array("p")[2] ** 2).sum(axis=1)
    assert abs(z(h, minorities.smoothed_heterozygosity(n, a, 3))) < 4


def test_smoothing_has_the_law_of_its_chain():
    def rule(p):
        return minorities.smoothed(p, 50, 0.5)

    drawn = discrete.share_law(0.1, 50, 3_000, rule)
    shares = rule(np.arange(51) / 50)  # what is fitted
    late = drawn[-1]
    assert late @ (2 * shares * (1 - shares)) == pytest.approx(
        minorities.smoothed_heterozygosity(50, 0.5, 2), rel=1e-6
    )
    for t in (0, 10, 100):
        assert drawn[t] @ shares == pytest.approx(
            float(minorities.smoothed_share_after(0.1, 50, 0.5, t + 1)), rel=1e-9
        )


def test_without_smoothing_nothing_moves():
    assert minorities.smoothed_share_after(0.1, 100, 0, 50) == pytest.approx(0.1)
    np.testing.assert_array_equal(minorities.smoothed([0, 0.3], 10, 0), [0, 0.3])


def test_wrong_labels_crowd_out_a_group_at_the_target():
    group = np.array([1.0, 0.0])  # states: 0 is the group

    def share_after(error, n=4_000, chains=200):
        policy = regimes.Stratified(lambda x: (x == 0).astype(int), (0.8, 0.2), error)
        history = recurse(
            models.Tracked(models.Categorical(2, "literal"), weigh=policy),
            models.FittedCategorical.of([0.2, 0.8], "literal"),
            regime=regimes.Replace(),
            n_samples=n,
            n_generations=3,
            chains=chains,
            measure={"share": lambda fit: fit.fitted.p @ group},
            rng=rng(3),
        )
        return history.array("share")

    for error in (0.0, 0.1, 0.25):
        found = share_after(error)
        expected = 0.2
        for t in range(4):
            expected = float(minorities.stratified(expected, 0.2, error))
            # many points: what is left of 1/n is 20 times below the noise of a chain
            assert abs(found[t].mean() - expected) < 4 * (
                found[t].std() / np.sqrt(200) + 1 / 4_000
            )


def test_where_stratified_batches_settle():
    for target, error in itertools.product((0.05, 0.1, 0.4), (0.0, 0.02, 0.07, 0.3)):
        share = 0.5
        for _ in range(4_000):
            share = float(minorities.stratified(share, target, error))
        limit = minorities.stratified_limit(target, error)
        assert share == pytest.approx(limit, abs=1e-9)
        slope = float(minorities.stratified(1e-9, target, error)) / 1e-9
        if error:
            assert (slope > 1) == (error < target)
            assert slope == pytest.approx(
                1 + (target - error) * (1 - 2 * error) / error / (1 - error), rel=1e-5
            )
    assert minorities.stratified_limit(0.95, 0.1) == 1


def test_types_left_with_real_points():
    p = 1 / np.arange(1, 201)
    p /= p.sum()
    for r in (1, 4):
        history = recurse(
            models.Categorical(200),
            models.FittedCategorical.of(p),
            regime=regimes.Fresh(n_real=r),
            n_samples=400,
            n_generations=2_400,
            chains=24,
            record=[1_600, 2_400],
            measure={"types": lambda fit: (fit.p > 0).sum(axis=1)},
            rng=rng(4),
        )
        left = history.array("types").mean(axis=0)
        expected = minorities.types_with_real(p, 400, r)
        # the law is for many points: it is a few per cent off at 400
        assert abs(left.mean() - expected) < 0.05 * expected + 4 * (
            left.std(ddof=1) / np.sqrt(24)
        )


def test_the_ancestors_are_counted_by_their_chances():
    # With endlessly many types each ancestor is one: sum of theta / (theta + i).
    many = minorities.types_with_real(np.full(10**6, 1e-6), 300, 2)
    assert many == pytest.approx(sum(4 / (4 + i) for i in range(300)), rel=1e-4)
    assert minorities.types_with_real([1.0, 0.0], 300, 2) == 1
    # Two points: with two equal types they differ with H / H0 = 2r/(1 + 2r).
    two = minorities.types_with_real([0.5, 0.5], 2, 1)
    assert two - 1 == pytest.approx(0.5 * 2 / 3)


@pytest.mark.parametrize("n", [10**4, 10**12, 10**15, 10**18])
def test_the_types_are_counted_where_the_gamma_functions_are_huge(n):
    # With a thousand equal types and theta = 2, Gamma(n + b)/Gamma(n + 2) is n^(b - 2)
    # up to 1/n, which is far below the tolerance.
    b = 2 * (1 - 1e-3)
    gone = math.exp((b - 2) * math.log(n)) / math.gamma(b)
    found = minorities.types_with_real(np.full(1_000, 1e-3), n, 1)
    assert found == pytest.approx(1_000 * (1 - gone), rel=3e-5)
    # With as many real points as that every type is there.
    assert minorities.types_with_real(np.full(5, 0.2), n, n) == pytest.approx(5)


@pytest.mark.parametrize("n", [1, 7, 100, 10**9, 10**15, 10**18])
def test_the_diversity_of_smoothing_has_no_large_differences(n):
    for a, k in itertools.product((Fraction(1, 100), Fraction(3), 10**9), (2, 5)):
        exact = 1 - Fraction(n + 2 * a * n + k * a**2) / (
            (n + k * a) ** 2 - n * (n - 1)
        )
        found = minorities.smoothed_heterozygosity(n, float(a), k)
        assert found == pytest.approx(float(exact), rel=1e-12)
    assert minorities.smoothed_heterozygosity(n, 1e300, 2) == 0.5


def test_a_penalty_takes_more_from_whom_there_is_less_of():
    n = np.array([90, 10])
    chains, ridge, t, source = 4_000, 2.0, 5, rng(5)
    for size in n:
        x = np.where(np.arange(size) % 2, 1.0, -1.0)
        b = np.ones(chains)
        for _ in range(t):
            y = b[:, None] * x + source.standard_normal((chains, size))
            b = (y @ x) / (size + ridge)
        assert abs(z(b, minorities.ridge_signal_kept(size, ridge, t))) < 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discrete.share_law(0.1, 5, 2, rule=3), "rule is 3; it must be a func"),
        (lambda: discrete.share_law(0.1, 5, 2, lambda p: p[1:]), r"has shape \(5,\)"),
        (
            lambda: discrete.share_law(0.1, 5, 2, lambda p: 2 * p),
            "rule.shares. returned",
        ),
        (lambda: minorities.stratified_limit(0.1, 0.5), "it must be below 0.5"),
        (lambda: minorities.types_with_real([0.5, 0.4], 10, 1), "p has sum 0.9;"),
        (lambda: minorities.smoothed_heterozygosity(10, 0, 2), "smoothing is 0"),
        (lambda: minorities.ridge_signal_kept(0, 1, 1), "n_samples is 0; it must be"),
        (lambda: models.Categorical(3, smoothing=-1), "smoothing is -1"),
        (lambda: models.Categorical(3, smoothing=1e308), r"smoothing is 1e\+308"),
        (lambda: minorities.smoothed(0.1, 9, 1e308), "smoothing.* from 0 to 1e"),
        (
            lambda: minorities.smoothed_share_after(0.1, 9, 1, 0.5),
            "generation holds 0.5; it counts fits: whole numbers >= 0",
        ),
        (lambda: discrete.ecosystem_after(0.5, 9, 2, [1, 1.5]), "generation holds 1.5"),
        (lambda: discrete.heterozygosity_after(0.5, 9, 1.5), "generation holds 1.5"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
