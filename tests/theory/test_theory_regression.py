"""The laws of refitted regressions, against linear algebra and simulation."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.theory import regression as law

ROOM = 4  # standard errors
T, D = 30, 3


def rng(seed=5):
    return np.random.default_rng(seed)


def errors(regime, design=None, n_generations=6, chains=4000, how="literal", n=T):
    model = models.LinearRegression(design=design, law=how)
    history = recurse(
        model,
        models.FittedLinearRegression.of(np.zeros(D), design=design, law=how),
        regime=regime,
        n_samples=n,
        n_generations=n_generations,
        chains=chains,
        measure={"error": lambda fit: (fit.coef**2).sum(axis=1)},
        rng=rng(),
    )
    return history.array("error")


def assert_follows(found, expected):
    error = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
    assert (np.abs(found.mean(axis=1) - expected) < ROOM * error).all()


def test_one_fit_is_the_mean_trace_of_an_inverse_wishart_matrix():
    x = rng().standard_normal((20_000, T, D))
    traces = np.trace(np.linalg.inv(np.swapaxes(x, 1, 2) @ x), axis1=1, axis2=2)
    assert_follows(4 * traces[None], [law.one_fit(T, D, noise=2.0)])


@pytest.mark.parametrize("new_points", [False, True])
@pytest.mark.parametrize("how", ["literal", "exact"])
def test_replace_and_accumulate(new_points, how):
    design = None if new_points else rng().standard_normal((4000, T, D))
    t = np.arange(1, 8)
    replaced = errors(regimes.Replace(), design, how=how)
    assert_follows(replaced, law.replace(t, T, D))
    kept = errors(regimes.Accumulate(), design, how=how)
    assert_follows(kept, law.accumulate(t, T, D, new_points=new_points))


def test_new_points_are_better_than_the_same_by_what_the_simulation_sees():
    kept = errors(regimes.Accumulate(), None, how="exact", chains=40_000)
    with pytest.raises(AssertionError):
        assert_follows(kept, law.accumulate(np.arange(1, 8), T, D))


def test_later_generations_of_another_size():
    sizes = [20, 50, 50, 50]
    found = errors(
        regimes.Replace(), n=lambda t: sizes[t], n_generations=3, how="exact"
    )
    expected = law.replace([1, 2, 3, 4], 20, D, n_synthetic=50)
    assert_follows(found, expected)
    assert law.replace(3, 20, D, noise_synthetic=0.0) == law.one_fit(20, D)


# editing


def all_edits(design, m, samplings, places):
    """Return the exact path by going through every choice of places."""
    rows, dim = design.shape
    pseudo = np.linalg.pinv(design)
    path = []
    for t in range(samplings):
        total, ways = 0.0, 0
        for chosen in product(places, repeat=t):
            # The errors of the labels are linear in the noises of all generations.
            errors = np.hstack([np.eye(rows), np.zeros((rows, t * rows))])
            for i, edited in enumerate(chosen):
                predicted = design @ (pseudo @ errors)
                for row in edited:
                    errors[row] = predicted[row]
                    errors[row, (i + 1) * rows + row] += 1
            total += ((design @ pseudo @ errors) ** 2).sum() / dim
            ways += 1
        path.append(total / ways)
    return np.array(path)


@pytest.mark.parametrize(("rows", "dim", "m"), [(5, 1, 2), (5, 2, 1), (4, 2, 3)])
def test_new_places_are_exact_at_every_design(rows, dim, m):
    design = rng().standard_normal((rows, dim))
    places = list(combinations(range(rows), m))
    exact = all_edits(design, m, 4, places)
    np.testing.assert_allclose(law.edit_at(design, m, 4), exact, rtol=1e-10)


@pytest.mark.parametrize(("rows", "dim", "m"), [(5, 1, 2), (6, 2, 3), (6, 2, 6)])
def test_the_same_places_are_exact_at_every_design(rows, dim, m):
    design = rng().standard_normal((rows, dim))
    exact = all_edits(design, m, 6, [tuple(range(m))])
    found = law.edit_at(design, m, 6, same=True)
    np.testing.assert_allclose(found, exact, rtol=1e-10)


@pytest.mark.parametrize("same", [False, True])
def test_the_regime_follows_the_exact_law(same):
    t, chains = 7, 4000
    design = rng(8).standard_normal((chains, T, D))
    found = errors(regimes.Edit(0.3, same=same), design)
    at = [law.edit_at(one, 9, t, same=same) for one in design[:400]]
    assert_follows(found / law.one_fit(T, D), np.mean(at, axis=0))


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_simple_law_is_that_of_many_rows(same, share):
    rows = 40_000 if same else 400
    design = rng().standard_normal((rows, 2))
    exact = law.edit_at(design, int(rows * share), 5, same=same)
    simple = law.edit(np.arange(1, 6), share, same=same)
    np.testing.assert_allclose(exact, simple, rtol=0.02)


def test_editing_all_is_replacing_and_nothing_is_one_fit():
    t = np.array([1, 2, 9])
    for same in (False, True):
        np.testing.assert_allclose(law.edit(t, 1.0, same=same), t)
        np.testing.assert_allclose(law.edit(t, 0.0, same=same), 1)
    assert law.edit(np.inf, 0.1) == np.inf
    assert law.edit(np.inf, 0.0) == 1
    limit = 1 / 0.9 + 0.1 / 0.99
    np.testing.assert_allclose(law.edit(np.inf, 0.1, same=True), limit)


# ridge


@pytest.mark.parametrize("every", [False, True])
def test_ridge_follows_the_loop(every):
    """With an orthogonal design the laws are exact."""
    rows, dim, noise, penalty, fits = 40, 4, 0.9, 25.0, 5
    orthogonal = np.linalg.qr(rng().standard_normal((rows, dim)))[0] * np.sqrt(rows)
    w = np.full(dim, 0.5)
    source = models.FittedLinearRegression.of(w, noise, orthogonal)

    def model(t):
        on = every or t == fits - 1
        return models.LinearRegression(penalty if on else 0.0, noise, orthogonal)

    found = recurse(
        model,
        source,
        regime=regimes.Replace(),
        n_samples=rows,
        n_generations=fits - 1,
        chains=4000,
        measure={"risk": lambda fit: ((fit.coef - w) ** 2).sum(axis=1)},
        rng=rng(),
    ).array("risk")[-1:]
    b = noise**2 * dim / rows  # the signal is 1
    kept = rows / (rows + penalty)
    assert_follows(found, [law.ridge(fits, kept, b, every=every)])


@pytest.mark.parametrize("t", [1, 2, 3, 8, 30])
def test_the_best_share_is_the_best_and_grows_less(t):
    for every, b in product((False, True), (0.01, 0.1, 0.3)):
        best = law.best_kept(t, b, every=every)
        least = law.ridge(t, best, b, every=every)
        assert least <= law.ridge(t, np.linspace(0, 1, 997), b, every=every).min()
    assert law.best_kept(t, 0.1) > law.best_kept(t + 1, 0.1)


@pytest.mark.parametrize("t", [2, 3, 8, 30])
def test_above_the_threshold_the_best_answer_is_none(t):
    threshold = law.give_up_noise(t)
    assert law.best_kept(t, 1.01 * threshold, every=True) == 0
    assert law.best_kept(t, 0.99 * threshold, every=True) > 0
    if t > 2:  # it jumps, and does not go to 0
        assert law.best_kept(t, 0.99 * threshold, every=True) > 0.3


# two teachers


@pytest.mark.parametrize(("rows", "m"), [(12, 3), (30, 15), (30, 30), (30, 0)])
def test_two_teachers(rows, m):
    chains, noise, c = 20_000, 0.3, 1.5
    x = rng().standard_normal((chains, rows, D))
    shift = np.zeros(D)
    shift[0] = c
    y = noise * rng(6).standard_normal((chains, rows))
    y[:, :m] += x[:, :m] @ shift
    data = np.concatenate([x, y[..., None]], axis=2)
    coef = models.LinearRegression().fit(data, rng()).coef
    expected = law.mixture(rows, m, D, noise=noise, distance=c)
    assert_follows((coef**2).sum(axis=1)[None], [expected])


def test_the_floor_does_not_move():
    floors = [
        law.mixture(n, n // 10, 10, noise=0.0, distance=2.0) for n in (10**5, 10**7)
    ]
    np.testing.assert_allclose(floors, 0.04, rtol=1e-3)
    whole = law.mixture(500, 500, 10, noise=0.0, distance=2.0)
    np.testing.assert_allclose(whole, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: law.one_fit(11, 10), "n_samples is 11 and dim is 10; needed are more"),
        (lambda: law.replace(1.5, 30, 3), "samplings holds 1.5"),
        (lambda: law.replace(1, 30, 3, n_synthetic=4), "n_synthetic is 4"),
        (lambda: law.edit(1, 1.5), "share is 1.5"),
        (lambda: law.edit([1, 2], [0.1, 0.2, 0.3]), "do not go together"),
        (lambda: law.edit_at(np.ones((5, 2)), 1, 2), "columns that depend on each"),
        (lambda: law.edit_at(np.ones((5, 1)), 6, 2), "n_edited is 6"),
        (lambda: law.ridge(2, -0.1, 1), "kept is -0.1"),
        (lambda: law.give_up_noise(1), "samplings is 1"),
        (lambda: law.mixture(30, 31, 3, noise=1, distance=1), "n_synthetic is 31"),
        (lambda: law.mixture(30, 3, 3, noise=1, distance=1e300), "distance is 1e"),
        (lambda: law.one_fit(30, 3, noise=1e300), "noise is 1e.* 1e.150"),
        (
            lambda: law.replace(2, 30, 3, noise_synthetic=1e300),
            "noise_synthetic is 1e",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
