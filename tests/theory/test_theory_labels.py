"""The laws of labels, against exact fractions, simulation, and what is known."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import labels, number_line

RATIOS = [0.1, 1.0, 9.0, 100.0]


def by_fractions(sizes, synthetic, weights, fits):
    """Return v_t and b_t, the mean followed as a sum of independent noises.

    Groups have whole numbers of points here, in units of one: n = 1.
    """
    noises, drift = {0: Fraction(1)}, Fraction(0)  # the first fit: one real point
    path = [(noises, drift)]
    fresh = itertools.count(1)
    for _ in range(fits - 1):
        new, moved = {}, Fraction(0)
        for size, made, weight in zip(sizes, synthetic, weights, strict=True):
            for point in range(size):
                share = Fraction(weight) / size
                new[next(fresh)] = share
                if point < made:  # around the last fit, and shifted by one
                    moved += share * (drift + 1)
                    for i, c in noises.items():
                        new[i] = new.get(i, Fraction(0)) + share * c
        noises, drift = new, moved
        path.append((noises, drift))
    return [
        (float(sum(c**2 for c in noise.values())), float(drift))
        for noise, drift in path
    ]


@pytest.mark.parametrize(
    ("sizes", "made", "weights"),
    [
        ([1, 3], [0, 2], ["3/10", "7/10"]),
        ([2, 2, 1], [1, 2, 0], ["1/2", "1/4", "1/4"]),
        ([3], [1], ["1"]),
        ([2, 1], [2, 1], ["1/2", "1/2"]),  # models wrote everything
    ],
)
def test_the_error_is_that_of_every_point_followed_by_itself(sizes, made, weights):
    weights = [Fraction(w) for w in weights]
    shares = [m / n for m, n in zip(made, sizes, strict=True)]
    for t, (noise, drift) in enumerate(by_fractions(sizes, made, weights, 5), 1):
        got = labels.error(t, sizes, shares, [float(w) for w in weights], shift=0.3)
        assert got == pytest.approx(noise + 0.3 * drift**2, rel=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
def test_labels_on_all_are_the_golden_weight_and_on_none_nothing(ratio):
    known, unknown = (labels.groups(ratio, share) for share in (1, 0))
    best = labels.best_weights(*known)
    assert best[0] == pytest.approx(float(number_line.golden_weight(ratio)), abs=1e-7)
    t = [1, 2, 10, np.inf]
    np.testing.assert_allclose(
        labels.error(t, *known, weights=best),
        number_line.fresh(t, weight=best[0], ratio=ratio),
    )
    alike = number_line.fresh(t, ratio=ratio)
    np.testing.assert_allclose(labels.error(t, *unknown), alike)
    np.testing.assert_allclose(labels.error(t, *known), alike)
    np.testing.assert_allclose(
        labels.error(t, *unknown, weights=labels.best_weights(*unknown)), alike
    )


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_the_best_weight_of_labels_has_a_closed_form(ratio, share):
    """Without shift w = c v, and then s² w² + (1 - s² + bc) w - bc = 0."""
    rest = 1 - share + ratio
    s2, bc = (ratio / rest) ** 2, share / rest
    middle = 1 - s2 + bc
    expected = (-middle + np.sqrt(middle**2 + 4 * s2 * bc)) / (2 * s2)
    both = labels.groups(ratio, share)
    best = labels.best_weights(*both)
    assert best[0] == pytest.approx(expected, rel=1e-5)
    least = float(labels.error(np.inf, *both, weights=best))
    assert least == pytest.approx(expected / share, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 10), st.floats(0, 0.99)), min_size=1, max_size=4
    ),
    st.sampled_from([0.0, 0.01, 1.0, 100.0]),
    st.integers(0, 2**32 - 1),
)
def test_no_weights_are_better_than_the_best(both, shift, seed):
    sizes, synthetic = (np.array(column) for column in zip(*both, strict=True))
    best = labels.best_weights(sizes, synthetic, shift)
    least = labels.error(np.inf, sizes, synthetic, best, shift)
    assert best.sum() == pytest.approx(1)
    rng = np.random.default_rng(seed)
    others = [rng.dirichlet(np.ones(len(sizes))) for _ in range(20)]
    near = [np.maximum(best + 1e-3 * rng.standard_normal(len(best)), 0)]
    for weights in [*others, *near, sizes]:
        error = labels.error(np.inf, sizes, synthetic, weights, shift)
        assert least <= error * (1 + 1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.01])
@pytest.mark.parametrize(("c", "e"), [(0.5, 0.0), (0.5, 0.1), (0.0, 0.5)])
def test_the_loop_follows_the_law(c, e, shift):
    n, ratio, chains, fits = 10, 4, 2_000, 12
    both = labels.groups(ratio, c, e)
    weights = labels.best_weights(*both, shift)
    policy = regimes.Recorded(labelled=c, weight=float(weights[0]), false=e)

    class Shifted(regimes.Bias):
        def __call__(self, fitted):
            return models.FittedKnownWidth(fitted.mu + np.sqrt(shift / n))

    history = recurse(
        models.Tracked(models.KnownWidth(), weigh=policy),
        models.FittedKnownWidth.standard(),
        regime=regimes.Fresh(n_real=n, bias=Shifted()),
        n_samples=n * ratio,
        n_generations=fits - 1,
        # The first fit of the library sees n_samples real points; the law's sees n.
        first=models.FittedTracked(
            models.FittedKnownWidth(
                np.random.default_rng(1).standard_normal(chains) / np.sqrt(n)
            ),
            generation=np.zeros(chains, np.int32),
        ),
        chains=chains,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(2),
    )
    squares = n * history.array("mu")[-1] ** 2
    expected = float(labels.error(fits, *both, weights=weights, shift=shift))
    se = squares.std(ddof=1) / np.sqrt(chains)
    assert abs(squares.mean() - expected) < 4 * se


def test_a_contaminated_corpus_is_one_group():
    t, x = np.array([1, 2, 7, np.inf]), np.array([[0.0], [0.3], [0.99]])
    expected = [labels.error(t, [1.0], [share], shift=0.2) for share in x[:, 0]]
    np.testing.assert_allclose(labels.corpus(t, x, shift=0.2), expected)
    np.testing.assert_allclose(labels.corpus([1, 3], 1.0, shift=0.1), [1, 3.4])
    assert labels.corpus(np.inf, 1.0) == np.inf
    assert labels.corpus(np.inf, 0.5) == pytest.approx(4 / 3)


def test_what_cannot_be_weighed_is_refused():
    with pytest.raises(ValueError, match="a group without points can have no weight"):
        labels.error(1, [1, 0], [0.5, 0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match="for 2 groups, synthetic for 1"):
        labels.error(1, [1, 1], [0.5])
    with pytest.raises(ValueError, match="weights is for 1 groups, sizes for 2"):
        labels.error(1, [1, 1], [0.5, 0.5], [1])
    with pytest.raises(ValueError, match="at least one needs points"):
        labels.best_weights([0, 0], [0.5, 0.5])
    with pytest.raises(ValueError, match="at least one must count"):
        labels.error(1, [1, 1], [0.5, 0.5], [0, 0])
    with pytest.raises(ValueError, match="nothing real"):
        labels.best_weights([1, 2], [1.0, 1.0])


@pytest.mark.parametrize("share", [0.1, 0.3, 0.35, 0.7])
def test_records_belong_to_places(share):
    source = np.array([[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]])
    data = models.Labelled(12, np.zeros((1, 12)), source)
    rng = np.random.default_rng(0)
    weights = regimes.Recorded(labelled=share, weight=1)(data, rng)
    recorded = weights[0] > 0
    assert recorded.sum() == int(10 * share + 1e-9)
    assert not recorded[source[0] == 1].any()
    more = models.Labelled(24, np.zeros((1, 24)), np.tile(source, 2))
    longer = regimes.Recorded(labelled=share, weight=1)(more, rng)[0] > 0
    np.testing.assert_array_equal(longer[:12], recorded)
