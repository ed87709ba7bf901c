"""Special functions with numpy alone, against exact fractions and scipy."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import special as reference
from scipy import stats

from collapse_lib.theory import special

EPS = np.finfo(float).eps
POSITIVE = np.concatenate([np.linspace(0.01, 60, 400), 10 ** np.linspace(2, 8, 50)])


def test_normal_cdf_keeps_its_digits_far_out():
    x = np.linspace(-37, 37, 1001)
    np.testing.assert_allclose(special.normal_cdf(x), reference.ndtr(x), rtol=1e-12)
    np.testing.assert_allclose(
        special.normal_cdf(x[500:]), reference.ndtr(x[500:]), rtol=4 * EPS
    )


def test_entropy_terms_are_scipys():
    p = np.linspace(0, 2, 1001)
    np.testing.assert_allclose(special.entropy_terms(p), reference.entr(p), rtol=EPS)
    assert not np.signbit(special.entropy_terms(0.0))


def test_digamma_is_scipys():
    np.testing.assert_allclose(
        special.digamma(POSITIVE), reference.digamma(POSITIVE), rtol=1e-13, atol=4 * EPS
    )


@pytest.mark.parametrize("z", [1, 2, 7, 15, 16, 17, 40, 1_000])
def test_half_step_is_exact_to_the_last_digits(z):
    # Gamma(z + 1/2) / Gamma(1/2) and Gamma(z) are products of fractions.
    upper = math.prod((Fraction(2 * j + 1, 2) for j in range(z)), start=Fraction(1))
    exact = float(upper / math.factorial(z - 1)) * math.sqrt(math.pi)
    assert special.half_step(z) == pytest.approx(exact, rel=3 * EPS)


def test_two_half_steps_are_a_whole_one():
    both = special.half_step(POSITIVE) * special.half_step(POSITIVE + 0.5)
    np.testing.assert_allclose(both, POSITIVE, rtol=2e-15)


@pytest.mark.parametrize(
    "function", [special.normal_cdf, special.entropy_terms, special.digamma]
)
def test_the_shape_of_the_argument_is_kept(function):
    for shape in ((), (0, 2), (3,), (2, 3)):
        found = function(np.ones(shape))
        assert found.shape == shape and found.dtype == np.float64


def test_arguments_are_left_alone():
    x = np.array([0.5, 3.0])
    special.digamma(x)
    special.half_step(x)
    assert x.tolist() == [0.5, 3.0]


def test_binomial_tails_are_exact_fractions():
    n, chance = 60, Fraction(1, 4)
    terms = [math.comb(n, j) * chance**j * (1 - chance) ** (n - j) for j in range(61)]
    exact = [math.log(sum(terms[k:])) for k in range(61)]
    found = special.log_binomial_tail(np.arange(61), n, 0.25)
    np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-15)


def test_binomial_tails_are_scipys_and_go_further():
    rng = np.random.default_rng(0)
    n, p = rng.integers(0, 3_000, 2_000), rng.random(2_000)
    k = rng.integers(0, n + 1)
    found, known = special.log_binomial_tail(k, n, p), stats.binom.logsf(k - 1, n, p)
    there = known > -700
    np.testing.assert_allclose(found[there], known[there], rtol=1e-9, atol=1e-12)
    assert np.isclose(
        special.log_binomial_tail(5_000, 5_000, 0.25), 5e3 * math.log(0.25)
    )


def test_more_successes_than_trials_are_refused():
    with pytest.raises(ValueError, match="successes has 3 of 2 trials"):
        special.log_binomial_tail([1, 3], 2, 0.5)


def test_gamma_tails_are_exact_sums():
    for n, s in ((1, Fraction(1, 2)), (5, Fraction(30)), (80, Fraction(743, 5))):
        terms = sum(s**k / math.factorial(k) for k in range(n))
        exact = math.log(terms.numerator) - math.log(terms.denominator) - float(s)
        found = float(special.log_gamma_tail(n, float(s)))
        assert math.isclose(found, exact, rel_tol=1e-11)


def test_gamma_tails_are_scipys_and_go_further():
    n, s = np.array([1, 5, 80, 204]), np.array([0.5, 30.0, 148.6, 210.0])
    known = stats.gamma.logsf(s, n)
    np.testing.assert_allclose(special.log_gamma_tail(n, s), known, rtol=1e-9)
    assert special.log_gamma_tail(3, 0.0) == 0
    assert special.log_gamma_tail(10, 5000.0) < -4000  # no longer a number in scipy
    with pytest.raises(ValueError, match="how many scores were added"):
        special.log_gamma_tail(0, 1.0)
