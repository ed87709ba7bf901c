"""Learning curves against sums and draws."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import scaling
from collapse_lib.theory.zeta import hurwitz_zeta

DRAWS = np.array([0, 1, 7.5, 300, 20_000])


def zipf(beta, n):
    p = np.arange(1.0, n + 1) ** -beta
    return p / p.sum()


@pytest.mark.parametrize("beta", [1.1, 1.5, 2.0, 4.5])
@pytest.mark.parametrize("n", [1, 2, 50, 100_000])
def test_finitely_many_kinds_are_the_plain_sum(beta, n):
    p = zipf(beta, n)
    plain = [(p * (1 - p) ** t).sum() for t in DRAWS]
    found = scaling.learning_curve(DRAWS, beta, n_ranks=n)
    np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("cut", [1, 10, 3_000])
def test_a_cut_tail_is_the_plain_sum(cut):
    p = zipf(1.5, 100_000)
    q = p[:cut] / p[:cut].sum()
    plain = [(p[:cut] * (1 - q) ** t).sum() + p[cut:].sum() for t in DRAWS]
    found = scaling.learning_curve(DRAWS, 1.5, cut=cut, n_ranks=100_000)
    np.testing.assert_allclose(found, plain, rtol=1e-9)


@pytest.mark.parametrize("beta", [1.2, 1.5, 2.0, 3.0])
def test_infinitely_many_kinds_are_a_sum_and_an_integral(beta):
    """Beyond many ranks the sum is an integral, which is expanded to two terms."""
    n, scale = 2_000_000, 1 / float(hurwitz_zeta(beta, 1.0))
    p = scale * np.arange(1.0, n + 1) ** -beta
    for t in (10, 1_000):
        rest = scale * float(hurwitz_zeta(beta, n + 1.0))
        rest -= t * scale**2 * float(hurwitz_zeta(2 * beta, n + 1.0))
        plain = (p * (1 - p) ** t).sum() + rest
        found = scaling.learning_curve(t, beta)
        np.testing.assert_allclose(found, plain, rtol=1e-8)


@pytest.mark.parametrize("beta", [1.5, 2.0])
def test_slopes(beta):
    curve = scaling.learning_curve([1e5, 1e6], beta)
    np.testing.assert_allclose(
        np.log10(curve[1] / curve[0]), -(beta - 1) / beta, atol=0.002
    )
    plateau = scaling.cut_mass([1e4, 1e5], beta)
    np.testing.assert_allclose(
        np.log10(plateau[1] / plateau[0]), -(beta - 1), atol=1e-4
    )


def test_a_cut_curve_ends_at_the_mass_that_was_cut():
    found = scaling.learning_curve(1e9, 1.5, cut=100)
    np.testing.assert_allclose(found, scaling.cut_mass(100, 1.5), rtol=1e-12)
    assert scaling.learning_curve(0, 1.5, cut=100) == pytest.approx(1)


@pytest.mark.parametrize(
    "sizes", [[2_000, 2_000], [2_000, 500], [500, 2_000], [2_000] * 5]
)
def test_generations_are_worth_so_many_draws(sizes):
    p, chains = zipf(1.7, 3_000), 2_000
    history = recurse(
        models.Categorical(len(p)),
        models.FittedCategorical.of(p),
        regime=regimes.Replace(),
        n_samples=lambda t: sizes[t],
        n_generations=len(sizes) - 1,
        chains=chains,
        measure={"unseen": lambda fit: (p * (fit.p == 0)).sum(axis=1)},
        rng=np.random.default_rng(3),
        record=[len(sizes) - 1],
    )
    unseen = history.array("unseen")[-1]
    worth = scaling.effective_samples(sizes)
    expected = scaling.learning_curve(worth, 1.7, n_ranks=3_000)
    error = unseen.std() / np.sqrt(chains)
    assert abs(unseen.mean() - expected) < 4 * error + expected / min(sizes)


def test_where_every_copy_multiplies_by_itself_the_worth_is_exact():
    """Few draws, where fixed sizes are off by five parts in a hundred."""
    p, chains, rng = zipf(1.7, 300), 40_000, np.random.default_rng(5)
    sizes = [40, 15, 60]
    copies = rng.poisson(sizes[0] * p, (chains, len(p)))
    for before, size in itertools.pairwise(sizes):
        copies = rng.poisson(copies * (size / before))
    unseen = (p * (copies == 0)).sum(axis=1)
    expected = p @ np.exp(-p * scaling.effective_samples(sizes))
    assert abs(unseen.mean() - expected) < 4 * unseen.std() / np.sqrt(chains)


def test_equal_sizes_follow_the_survival_sequence():
    g = [1.0]
    for _ in range(9):
        g.append(1 - np.exp(-g[-1]))
    found = [scaling.effective_samples([1000.0] * k) for k in range(1, 11)]
    np.testing.assert_allclose(found, 1000 * np.array(g))


def test_infinitely_many_draws_add_nothing_and_lose_nothing():
    assert scaling.effective_samples([500, np.inf, np.inf]) == 500
    assert scaling.effective_samples([np.inf, 500]) == 500
    both = scaling.effective_samples([[500, np.inf], [np.inf, 300]])
    np.testing.assert_array_equal(both, [500, 300])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: scaling.learning_curve(-1, 2), "samples is -1"),
        (lambda: scaling.learning_curve(1, 1), "exponent is 1; it must be a number"),
        (lambda: scaling.learning_curve(1, 2, cut=0), "cut is 0"),
        (lambda: scaling.learning_curve(1, 2, n_ranks=0), "n_ranks is 0"),
        (lambda: scaling.learning_curve(1e15, 1.1), "ranks would have to be added up"),
        (lambda: scaling.cut_mass(-1, 2), "cut is -1"),
        (lambda: scaling.effective_samples([0, 1]), "sizes has values from 0 to 1"),
        (lambda: scaling.effective_samples(3), "sizes is one number"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
