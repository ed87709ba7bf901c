"""Linear regression: against numpy and scikit-learn, and its exact law."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.models.linear_regression import summarise
from collapse_lib.samples import Weighted

ROOM = 4  # standard errors
Fitted = models.FittedLinearRegression


def rng(seed=2):
    return np.random.default_rng(seed)


def rows(chains=3, n=40, dim=4):
    return rng().standard_normal((chains, n, dim + 1)) * [1, 2, 0.1, 5, 3][: dim + 1]


def fit(data, **options):
    return models.LinearRegression(**options).fit(data, rng()).coef


def test_it_is_least_squares():
    data = rows()
    found = fit(data)
    for own, coef in zip(data, found, strict=True):
        expected = np.linalg.lstsq(own[:, :-1], own[:, -1])[0]
        np.testing.assert_allclose(coef, expected, rtol=1e-10)


@pytest.mark.parametrize("penalty", [0.1, 7.0, 1e6])
def test_the_penalty_is_that_of_scikit_learn(penalty):
    linear_model = pytest.importorskip("sklearn.linear_model")
    own = rows(1)[0]
    expected = linear_model.Ridge(penalty, fit_intercept=False)
    expected = expected.fit(own[:, :-1], own[:, -1]).coef_
    np.testing.assert_allclose(fit(own[None], ridge=penalty)[0], expected, rtol=1e-8)


def test_a_summary_says_what_the_rows_say():
    data = rows()
    parts = [summarise(data[:, :15]), summarise(data[:, 15:])]
    whole = models.RegressionSummary.pool(parts)
    assert whole.size == 40 and whole.chains == 3
    np.testing.assert_allclose(fit(whole), fit(data), rtol=1e-10)
    np.testing.assert_allclose(whole.gram, parts[0].like(data).gram)


def test_rows_of_weight_two_count_twice():
    data = rows()
    weights = np.where(np.arange(40) < 10, 2.0, 2 / 3)[None].repeat(3, axis=0)
    found = fit(Weighted(40, data, weights))
    twice = np.concatenate([data[:, :10]] * 3 + [data[:, 10:]], axis=1)
    np.testing.assert_allclose(found, fit(twice), rtol=1e-10)
    parts = [summarise(data[:, :10]), summarise(data[:, 10:])]
    pooled = models.RegressionSummary.pool_weighted(parts, [2, 2 / 3])
    np.testing.assert_allclose(fit(pooled), found, rtol=1e-10)


def test_more_coefficients_than_rows_need_a_penalty():
    few = rows(n=3)
    with pytest.raises(ValueError, match="3 rows do not determine 4 coeff.*ridge > 0"):
        fit(few)
    assert np.isfinite(fit(few, ridge=0.1)).all()
    twice = rows()
    twice[..., 1] = 3 * twice[..., 0]
    with pytest.raises(ValueError, match="a column depends on the others"):
        fit(twice)


def test_labels_lie_on_the_line_with_the_known_noise():
    fitted = Fitted(np.array([[1.0, -2.0], [0.0, 3.0]]), noise=0.5)
    x = rng().standard_normal((2, 20_000, 2))
    noise = fitted.label(x, rng()) - (x @ fitted.coef[..., None])[..., 0]
    assert abs(noise.std() - 0.5) < ROOM * 0.5 / np.sqrt(2 * noise.size)
    exact = Fitted(fitted.coef, noise=0.0).label(x, rng())
    np.testing.assert_allclose(exact[1], 3 * x[1, :, 1])
    cold = fitted.temper(0.25)
    assert cold.noise == 0.25 and fitted.temper(0).noise == 0


def test_points_are_new_or_those_of_the_design():
    design = rng().standard_normal((5, 2))
    fitted = Fitted.of([1.0, 1.0], design=design).expand(3)
    assert fitted.sample(5, rng()).shape == (3, 5, 3)
    np.testing.assert_array_equal(fitted.sample(5, rng())[1, :, :2], design)
    twice = fitted.sample(12, rng())[2, :, :2]
    np.testing.assert_array_equal(twice[:10], np.tile(design, (2, 1)))
    left = twice[10:].tolist()
    assert left[0] != left[1] and all(point in design.tolist() for point in left)
    free = Fitted.of([1.0, 1.0]).expand(3).sample(2000, rng())[..., :2]
    assert abs(free.var() - 1) < ROOM * np.sqrt(2 / free.size)


def test_every_chain_can_have_its_own_design():
    designs = rng().standard_normal((3, 6, 2))
    source = Fitted.of([0.0, 0.0], design=designs)
    np.testing.assert_array_equal(source.sample(6, rng())[..., :2], designs)
    model = models.LinearRegression(design=designs)
    again = model.fit(source.sample(6, rng()), rng()).sample(6, rng())
    np.testing.assert_array_equal(again[..., :2], designs)


@pytest.mark.parametrize("n", [1, 2, 6, 12, 14])
@pytest.mark.parametrize("fixed", [False, True])
def test_the_exact_law_has_the_moments_of_the_rows(n, fixed):
    """First and second moments of all sums of products, also of few rows."""
    chains = 40_000
    design = rng(4).standard_normal((6, 2)) if fixed else None
    grams = {}
    for law in ("literal", "exact"):
        own = Fitted.of([1.0, -0.5], 0.7, design, law).expand(chains)
        data = own.sample(n, rng(hash(law) % 97))
        grams[law] = (summarise(data) if law == "literal" else data).gram
    entries = [(0, 0), (0, 1), (0, 2), (2, 2)]
    one, other = (
        np.stack([gram[:, i, j] for i, j in entries]) for gram in grams.values()
    )
    for a, b in ((one, other), (one**2, other**2), (one * one[3], other * other[3])):
        error = np.sqrt((a.var(axis=1) + b.var(axis=1)) / chains)
        assert (np.abs(a.mean(axis=1) - b.mean(axis=1)) <= ROOM * error + 1e-9).all()


def test_pooled_generations_average_their_fits():
    """At the same points, the fit to all is the mean of the fits to each."""
    design = rng().standard_normal((30, 3))
    model = models.LinearRegression(design=design)
    data = Fitted.of([1.0, 2.0, 3.0], design=design).sample(90, rng())
    parts = [model.fit(data[:, i : i + 30], rng()).coef for i in (0, 30, 60)]
    whole = model.fit(data, rng()).coef
    np.testing.assert_allclose(whole, np.mean(parts, axis=0))


def test_a_run_goes_on_from_a_file_to_the_same_bits(tmp_path):
    def run(n, **kept):
        design = rng().standard_normal((20, 2))
        return recurse(
            models.LinearRegression(design=design, law="exact"),
            Fitted.of([1.0, 0.0], design=design, law="exact"),
            regime=regimes.Accumulate(),
            n_samples=20,
            n_generations=n,
            chains=2,
            measure={"first": lambda f: f.coef[:, 0]},
            rng=rng(),
            **kept,
        )

    path = tmp_path / "run.npz"
    run(2, checkpoint=path)
    assert run(4, checkpoint=path).equals(run(4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.LinearRegression(ridge=-1), "ridge is -1"),
        (lambda: models.LinearRegression(noise=-1), "noise is -1"),
        (lambda: models.LinearRegression(law="fast"), "law is 'fast'; allowed"),
        (lambda: models.LinearRegression(design=[1.0]), r"design has shape \(1,\)"),
        (lambda: fit(np.zeros((1, 5, 1))), "a row needs at least two numbers"),
        (lambda: fit(np.full((1, 5, 2), 1e200)), "data are too large"),
        (lambda: Fitted.of([1.0], design=np.ones((4, 2))), r"needed is \(m, 1\)"),
        (
            lambda: Fitted.of([1.0, 2.0]).label(np.ones((1, 3, 3)), rng()),
            r"x has shape \(1, 3, 3\); needed is \(1, n, 2\)",
        ),
        (
            lambda: Fitted.of([1.0, 1.0], design=np.ones((4, 2)), law="exact").sample(
                4, rng()
            ),
            "design has columns that depend on each other",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
