"""Laws of a kernel density estimate in a loop, against all worlds and simulation.

`worlds` writes a regime down point by point: a point is a sum of independent noises
with fractions as coefficients, and every choice of which point is copied is a world of
its own. That gives the laws exactly, without the recursions they were derived from.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import kde

ROOM = 4  # standard errors
H = Fraction(3, 10)
T = np.arange(1, 13)
Point = dict[int, Fraction]


def real(n, first):
    """Return points with noises of their own, of variance 1."""
    return [{first + i: Fraction(1)} for i in range(n)]


def square(point):
    return sum((c**2 for c in point.values()), Fraction(0))


def variance(points):
    """Return the exact mean variance of a model with these centres."""
    n = len(points)
    mean: Point = {}
    for point in points:
        for noise, c in point.items():
            mean[noise] = mean.get(noise, Fraction(0)) + c / n
    return sum(map(square, points), Fraction(0)) / n - square(mean) + H**2


def distance(points):
    """Return the exact mean square of what a model with these centres draws."""
    return sum(map(square, points), Fraction(0)) / len(points) + H**2


def worlds(n, samplings, following, measure):
    """Return what is measured after each fit, averaged over all choices of copies.

    ``following(training, new)`` returns the next training set.
    """
    noises = itertools.count(10**6)
    alive = [real(n, 0)]
    found = []
    for _ in range(samplings):
        found.append(float(sum(map(measure, alive), Fraction(0)) / len(alive)))
        alive = [
            following(
                training,
                [{**training[i], next(noises): H} for i in choice],
            )
            for training in alive
            for choice in itertools.product(range(len(training)), repeat=n)
        ]
    return found


FRESH = itertools.count(10**9)
REGIMES = {
    "replace": (lambda old, new: new, lambda *a: kde.replace(*a)),
    "accumulate": (lambda old, new: old + new, lambda *a: kde.accumulate(*a)),
    "augment": (
        lambda old, new: old[:2] + new,
        lambda k, h, n=None: kde.augment(k, h, n_samples=n),
    ),
    "fresh": (
        lambda old, new: real(1, next(FRESH)) + new,
        lambda k, h, n=None: kde.with_real(k, h, 1 / 3, n),
    ),
}


@pytest.mark.parametrize("name", REGIMES)
def test_both_laws_are_the_average_over_all_worlds(name):
    following, law = REGIMES[name]
    k = np.arange(1, 4)
    within = worlds(2, 3, following, variance)
    np.testing.assert_allclose(law(k, float(H), 2), within, rtol=1e-12)
    together = worlds(2, 3, following, distance)
    np.testing.assert_allclose(law(k, float(H)), together, rtol=1e-12)


def test_three_points_under_replacement():
    within = worlds(3, 3, REGIMES["replace"][0], variance)
    np.testing.assert_allclose(kde.replace([1, 2, 3], 0.3, 3), within, rtol=1e-12)


def run(model, regime, n, chains, seed, samplings=12):
    history = recurse(
        model,
        models.FittedGaussian.standard(),
        regime=regime,
        n_samples=n,
        n_generations=samplings - 1,
        measure={
            "variance": lambda fit: fit.variance,
            "mean": lambda fit: fit.mean,
        },
        chains=chains,
        rng=np.random.default_rng(seed),
    )
    return history.array("variance"), history.array("mean")


def check(values, expected):
    """The means agree with a law at four standard errors."""
    error = values.std(axis=1, ddof=1) / math.sqrt(values.shape[1])
    off = np.abs(values.mean(axis=1) - expected) / error
    assert off.max() < ROOM, off


N, BANDWIDTH = 20, 0.4


@pytest.mark.parametrize(
    ("regime", "law"),
    [
        (regimes.Replace(), kde.replace),
        (regimes.Accumulate(), kde.accumulate),
        (regimes.Augment(), lambda k, h, n=None: kde.augment(k, h, n_samples=n)),
        (regimes.Fresh(), lambda k, h, n=None: kde.with_real(k, h, 0.5, n)),
        (regimes.Fresh(5), lambda k, h, n=None: kde.with_real(k, h, 0.2, n)),
    ],
)
def test_runs_follow_both_laws(regime, law):
    spread, mean = run(models.KDE(BANDWIDTH), regime, N, 4_000, 1)
    check(spread, law(T, BANDWIDTH, N))
    check(spread + mean**2, law(T, BANDWIDTH))


@pytest.mark.parametrize("rule", kde.RULES)
@pytest.mark.parametrize("shrink", [False, True])
def test_rules_of_thumb_multiply_the_variance(rule, shrink):
    spread, _ = run(models.KDE(rule, shrink), regimes.Replace(), 40, 8_000, 2)
    check(spread, kde.rule_of_thumb(T, 40, rule, shrink))


def test_unequal_shares_of_fixed_real_points():
    class Kept(regimes.Regime):
        needs_first = True

        def next(self, turn):
            new = self.synthetic(turn, 3 * turn.n)
            return regimes.Step(np.concatenate([turn.real.first, new], axis=1))

    spread, mean = run(models.KDE(BANDWIDTH), Kept(), 10, 8_000, 3, samplings=6)
    k = T[:6]
    check(spread, kde.augment(k, BANDWIDTH, 3.0, 10))
    check(spread + mean**2, kde.augment(k, BANDWIDTH, 3.0))


def test_limits_are_where_the_paths_go():
    for law in (
        lambda k: kde.replace(k, 0.3, 7),
        lambda k: kde.with_real(k, 0.3, 0.1, 7),
        lambda k: kde.with_real(k, 0.3, 0.1),
        lambda k: kde.augment(k, 0.3, 2.0, 7),
        lambda k: kde.augment(k, 0.3, 2.0),
        lambda k: kde.accumulate(k, 0.0, 7),
    ):
        np.testing.assert_allclose(law(np.inf), law(50_000), rtol=1e-5)
    for law in (kde.replace, kde.accumulate):
        assert np.isinf(law(np.inf, 0.1)) and law(np.inf, 0) == 1
    assert np.isinf(kde.accumulate(np.inf, 0.1, 7))
    assert kde.rule_of_thumb(np.inf, 50) == np.inf
    assert kde.rule_of_thumb(np.inf, 50, shrink=True) == 0


def test_published_values():
    # Relative growth of the second moment: 10 dimensions, sigma = h = 0.6, 20 steps.
    for share, printed in ((0.1, 108.30), (0.5, 24.66), (0.9, 13.70)):
        steps = (kde.with_real(20, 1.0, share) - 1) * 10 * 0.36
        assert 100 * steps / 29.2 == pytest.approx(printed, abs=0.006)


def test_a_kernel_below_the_root_of_n_shrinks():
    limits = [float(kde.replace(np.inf, h, 100)) for h in (0.05, 0.1, 0.2)]
    np.testing.assert_allclose(limits, [0.25, 1, 4])


def test_harmonic_numbers_meet_where_the_sum_ends():
    for k in (1, 2, 99, 100, 101, 102, 1000):
        exact = math.fsum(1 / i for i in range(1, k + 1))
        assert kde.accumulate(k, 1.0) == pytest.approx(1 + exact, rel=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5, 30])
def test_copies_are_the_cycles_of_permutations(k):
    law = kde.copies_accumulated(k)
    assert law.sum() == pytest.approx(1)
    mean = law @ np.arange(k + 1)
    assert 1 + mean == pytest.approx(float(kde.accumulate(k, 1.0)))
    if k == 5:
        cycles = np.zeros(6)
        for order in itertools.permutations(range(5)):
            cycles[count_cycles(order)] += 1
        np.testing.assert_allclose(law, cycles / math.factorial(5))


def count_cycles(order):
    seen, count = set(), 0
    for start in range(len(order)):
        count += start not in seen
        while start not in seen:
            seen.add(start)
            start = order[start]
    return count


def test_rules_are_those_of_scipy():
    data = np.random.default_rng(4).normal(size=(3, 50))
    for d in (1, 2, 3):
        for rule in kde.RULES:
            theirs = stats.gaussian_kde(data[:d], rule).factor
            assert kde.bandwidth_factor(50, rule, d) == pytest.approx(theirs)


@pytest.mark.parametrize("share", [0.3, 1e-3, 1e-4])
def test_a_limit_is_what_the_steps_go_to(share):
    far = int(30 / share)
    for h in (0.05, 0.3):
        one = kde.with_real([far, np.inf], h, share, 200)
        assert one[0] == pytest.approx(one[1], rel=1e-6)
        kept = kde.augment([far, np.inf], h, 1 / share - 1, 200)
        assert kept[0] == pytest.approx(kept[1], rel=1e-6)


def test_a_limit_keeps_its_digits_where_hardly_anything_is_real():
    """It is n h^2 twice: a real point is rare, and far from a cloud that strayed.

    Its squared distance is about h^2 / share, so that a share of such points adds as
    much to the mean variance as the kernel does. As a difference it would be lost.
    """
    for share in (1e-12, 1e-50, 1e-300):
        found = kde.with_real(np.inf, 0.3, share, 200)
        assert found == pytest.approx(2 * 200 * 0.3**2, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kde.replace(1.5, 0.3), "samplings holds 1.5; it counts fits"),
        (lambda: kde.accumulate(10**7, 0.3, 5), "up to 1000000"),
        (lambda: kde.augment(10**7, 0.3, n_samples=5), "may be up to 1000000"),
        (lambda: kde.with_real(1, 0.3, 0), "share is 0; .* above 0"),
        (lambda: kde.with_real(1, 0.3, 1, 5), "infinitely many real points"),
        (lambda: kde.replace(1, 1e200), "bandwidth is 1e\\+200; its square"),
        (lambda: kde.bandwidth_factor(5, "best"), "rule is 'best'; allowed"),
        (lambda: kde.copies_accumulated(0), "samplings is 0"),
        (lambda: kde.augment(3, 0.3, 1e308), r"ratio is 1e\+308; .* 1e\+100"),
    ],
)
def test_what_makes_no_sense_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
