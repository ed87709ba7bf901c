"""Biases that repair: losses that ease off, diversity, calibration, extrapolation."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from collapse_lib import models, recurse, regimes
from collapse_lib.regimes.diverse import farthest
from collapse_lib.theory import confidence

DIE = models.FittedCategorical.of([0.4, 0.3, 0.2, 0.1])
THROWN = models.FittedCategorical.of([0.4, 0.3, 0.2, 0.1], law="literal")
NORMAL = models.FittedGaussian.standard()
ROOM = 4  # standard errors


def rng():
    return np.random.default_rng(5)


# confidence


def test_tables_get_the_law_of_the_loss():
    for bias, law in (
        (regimes.Truncated(0.3), confidence.truncated(DIE.p, 0.3)),
        (regimes.Focal(2), confidence.focal(DIE.p, 2)),
    ):
        np.testing.assert_allclose(bias(DIE).p, law, rtol=1e-14)


@pytest.mark.parametrize("bias", [regimes.Truncated(0.25), regimes.Focal(3.0)])
def test_the_next_symbol_of_an_ngram_has_it_too(bias):
    texts = rng().choice(4, (1, 300, 6), p=[0.7, 0.1, 0.1, 0.1])
    fitted = models.NGram(4, order=2).fit(texts, rng())
    law = bias(models.FittedCategorical(fitted.conditional([[[]]])[0])).p[0]
    drawn = bias(fitted).sample(20_000, rng())[0, :, 0]
    share = np.bincount(drawn, minlength=4) / len(drawn)
    assert (abs(share - law) < ROOM * np.sqrt(law * (1 - law) / len(drawn))).all()


def test_a_change_of_the_next_symbol_is_checked():
    fitted = models.NGram(3, 2).fit(rng().integers(3, size=(1, 9, 5)), rng())
    for change, message in (
        (lambda p: p[:, :2], r"change\(p\) returned has shape"),
        (lambda p: 0 * p, "row of zeros"),
        (lambda p: -p, r"change\(p\) returned"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted.reweighted(change).sample(4, rng())
    with pytest.raises(ValueError, match="change is 3; it must be a function"):
        fitted.reweighted(3)
    colder = regimes.Chain((regimes.Focal(0.0), regimes.Temperature(0.5)))(fitted)
    once = regimes.Temperature(0.5)(fitted).sample(50, rng())
    np.testing.assert_array_equal(colder.sample(50, rng()), once)
    with pytest.raises(ValueError, match="top_p is 0.5; a temperature comes before"):
        fitted.cut(top_p=0.5).temper(0.5)
    one = fitted.reweighted(lambda p: p).sample(9, rng())
    np.testing.assert_array_equal(one, fitted.cut(top_p=1.0).sample(9, rng()))


# diversity


def brute(x, n):
    """Return the places kept of one chain of numbers."""
    kept = [0]
    while len(kept) < n:
        rest = [i for i in range(len(x)) if i not in kept]
        apart = [min(np.sum((x[i] - x[j]) ** 2) for j in kept) for i in rest]
        kept.append(rest[int(np.argmax(apart))])
    return kept


def test_each_point_is_the_farthest_from_those_before():
    x = rng().normal(size=(3, 12, 2))
    np.testing.assert_array_equal(farthest(x, 7, rng()), [brute(one, 7) for one in x])
    places = farthest(x, 12, rng())
    np.testing.assert_array_equal(np.sort(places), np.tile(np.arange(12), (3, 1)))


def test_symbols_are_compared_by_how_many_differ():
    x = np.array([[[0, 0, 0], [9, 0, 0], [1, 1, 1], [0, 1, 1]]])
    assert farthest(x, 3, rng()).tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("n", [2, 6])
def test_counts_keep_one_of_each_state_as_literal_points_do(n):
    """Both laws of a finite distribution agree: of what is kept and its squares."""
    bias, chains = regimes.MostDiverse(3), 4000
    exact = bias(DIE.expand(chains)).sample(n, rng()).counts
    points = bias(THROWN.expand(chains)).sample(n, rng())
    literal = np.stack([(points == state).sum(axis=1) for state in range(4)], axis=1)
    assert (exact.sum(axis=1) == n).all()
    for power in (1, 2):
        one, other = exact**power, literal**power
        error = np.sqrt((one.var(axis=0) + other.var(axis=0)) / chains)
        assert (abs(one.mean(axis=0) - other.mean(axis=0)) <= ROOM * error).all()


def test_one_candidate_for_each_point_changes_their_order_alone():
    one = regimes.MostDiverse(1)(NORMAL).sample(50, rng())
    np.testing.assert_array_equal(np.sort(one), np.sort(NORMAL.sample(50, rng())))


def test_what_is_kept_is_spread_wider():
    plain = NORMAL.expand(50).sample(50, rng())
    kept = regimes.MostDiverse(4)(NORMAL.expand(50)).sample(50, rng())
    assert kept.std(axis=1).mean() > plain.std(axis=1).mean() + 0.3


# calibration


def test_a_gaussian_gets_the_width_of_the_real_points_about_its_mean():
    held_out = rng().normal(1, 2, size=30)
    fitted = models.FittedGaussian(np.array([0.0, 1.0]), np.array([0.1, 9.0]))
    expected = [np.sqrt((held_out**2).mean()), np.sqrt(((held_out - 1) ** 2).mean())]
    calibrated = regimes.Calibrated(held_out)
    np.testing.assert_allclose(calibrated(fitted).sigma, expected)
    # Whatever its temperature was.
    after = regimes.Chain((regimes.Temperature(0.3), calibrated))(fitted)
    np.testing.assert_allclose(after.sigma, expected)


def test_a_cloud_keeps_its_shape():
    held_out = rng().normal(size=(40, 2))
    factor = np.array([[[1.0, 0.0], [0.5, 2.0]]])
    fitted = models.FittedMultivariateGaussian(np.zeros((1, 2)), factor)
    found = regimes.Calibrated(held_out)(fitted)
    ratio = found.factor[0][[0, 1, 1], [0, 0, 1]] / factor[0][[0, 1, 1], [0, 0, 1]]
    assert np.ptp(ratio) < 1e-12
    inverse = np.linalg.inv(fitted.cov[0])
    distance = np.einsum("ni,ij,nj->n", held_out, inverse, held_out).mean()
    np.testing.assert_allclose(ratio[0] ** 2, distance / 2)


def test_states_get_the_exponent_of_largest_likelihood():
    held_out = rng().choice(4, 50, p=[0.5, 0.3, 0.15, 0.05])
    found = regimes.Calibrated(np.tile(held_out, 3))(DIE.temper(0.5)).p[0]

    def loss(log_exponent):
        return -np.log(DIE.temper(np.exp(-log_exponent)).p[0][held_out]).sum()

    best = minimize_scalar(loss, bracket=(-1, 1), options={"xtol": 1e-12}).x
    np.testing.assert_allclose(found, DIE.temper(np.exp(-best)).p[0], atol=1e-6)


def test_dead_states_stay_dead_and_say_nothing():
    p = np.array([[0.6, 0.4, 0.0]])
    fitted = models.FittedCategorical(p)
    with_dead = regimes.Calibrated([0, 0, 1, 2, 2])(fitted)
    without = regimes.Calibrated([0, 0, 1])(fitted)
    np.testing.assert_array_equal(with_dead.p, without.p)
    np.testing.assert_allclose(without.p, [[2 / 3, 1 / 3, 0]])
    np.testing.assert_array_equal(regimes.Calibrated([2])(fitted).p, p)


def test_calibration_takes_the_bias_back_and_leaves_the_noise():
    def after(bias):
        return recurse(
            models.Gaussian(),
            NORMAL,
            regime=regimes.Accumulate(bias=bias),
            n_samples=100,
            n_generations=10,
            chains=300,
            measure={"var": lambda fit: fit.sigma**2},
            rng=rng(),
        ).array("var")[-1]

    cold = regimes.Temperature(0.7)
    held_out = rng().normal(size=2000)
    plain, biased = after(None), after(cold)
    repaired = after(regimes.Chain((cold, regimes.Calibrated(held_out))))
    error = np.hypot(plain.std(), repaired.std()) / np.sqrt(300)
    # The store's own variance is off by sqrt(2 / 2000).
    allowed = ROOM * error + ROOM * np.sqrt(2 / 2000)
    assert abs(repaired.mean() - plain.mean()) < allowed
    assert biased.mean() < 0.8


# extrapolation


def test_parameters_go_the_other_way():
    base = models.FittedGaussian(np.array([1.0]), np.array([1.0]))
    own = models.FittedGaussian(np.array([1.5, 1.0]), np.array([0.8, 1.1]))
    moved = regimes.Extrapolated(base, 2)(own)
    np.testing.assert_allclose(moved.mu, [0, 1])
    np.testing.assert_allclose(moved.sigma, [1.4, 0.8])
    only = regimes.Extrapolated(base, 2, names=["mu"])(own)
    np.testing.assert_array_equal(only.sigma, own.sigma)
    back = regimes.Extrapolated(base, 0)(own)
    np.testing.assert_array_equal(back.sigma, [1, 1])
    dead = regimes.Extrapolated(DIE, 1)(models.FittedCategorical.of([1.0, 0, 0, 0]))
    np.testing.assert_allclose(dead.p, np.array([[0, 0.6, 0.4, 0.2]]) / 1.2)


@pytest.mark.parametrize("cold", [0.5, 0.8])
def test_it_undoes_the_bias_of_the_generator_at_one_strength(cold):
    """The base is right, and writes at a temperature; nobody sees real data again."""
    base, bias = NORMAL.expand(400), regimes.Temperature(cold)
    own = models.Gaussian().fit(bias(base).sample(2000, rng()), rng())
    for eta, expected in (
        (0, cold),
        (cold**-0.5, 1),
        (0.5, cold * (1 + 0.5 * (1 - cold**0.5)) ** 2),
    ):
        written = bias(regimes.Extrapolated(NORMAL, eta)(own))
        variance = written.sigma**2
        error = variance.std() / np.sqrt(400)
        assert abs(variance.mean() - expected) < ROOM * error + 2e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regimes.Extrapolated(3, 1.0), "base is 3; it must be a fitted model"),
        (lambda: regimes.Extrapolated(NORMAL, -1), "eta is -1; it must be"),
        (lambda: regimes.Extrapolated(NORMAL, 1, "mu"), "names is 'mu'; .* tuple"),
        (
            lambda: regimes.Extrapolated(NORMAL, 5)(
                models.FittedGaussian(np.zeros(1), np.full(1, 2.0))
            ),
            "eta is 5, which takes sigma to -4",
        ),
        (
            lambda: regimes.Extrapolated(DIE, 1)(
                models.FittedCategorical.of([0.5, 0.5])
            ),
            r"p of fitted has shape \(1, 2\), that of the base \(1, 4\)",
        ),
        (lambda: regimes.Calibrated([]), "store is .*at least one"),
        (lambda: regimes.Calibrated([0.5])(DIE), "store is .*must be integers"),
        (lambda: regimes.Calibrated([4])(DIE), "store holds states 4 to 4; .* 0 to 3"),
        (
            lambda: regimes.Calibrated([[0.5]])(NORMAL),
            r"store holds points of shape \(1,\)",
        ),
        (lambda: regimes.MostDiverse(0), "k is 0"),
        (lambda: regimes.Truncated(0), "gamma is 0"),
        (lambda: regimes.Focal(-1), "strength is -1"),
        (
            lambda: regimes.Truncated(0.5)(NORMAL),
            r"FittedGaussian; Truncated changes the prob.*Transformer\(truncate",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
