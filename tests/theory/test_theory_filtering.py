"""What a filtered point is worth, against simulated estimates."""

import numpy as np
import pytest

from collapse_lib.theory.filtering import worth_of_a_point


def effective(share, sensitivity, false_alarms, rng, n=2_000, worlds=20_000, p=0.3):
    """Return the real points with the same error as one generation's estimate."""
    q = 0.25  # the writing model, which is known
    real = rng.binomial(n, share, worlds)
    seen = rng.binomial(real, 1 - false_alarms)
    slipped = rng.binomial(n - real, 1 - sensitivity)
    ones = rng.binomial(seen, p) + rng.binomial(slipped, q)
    kept = share * (1 - false_alarms)
    a = kept / (kept + (1 - share) * (1 - sensitivity))
    estimate = (ones / (seen + slipped) - (1 - a) * q) / a
    mix = a * p + (1 - a) * q
    squared = (estimate - p) ** 2
    value = mix * (1 - mix) / squared.mean()
    return value, value * squared.std() / squared.mean() / np.sqrt(worlds)


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.9, 0.05), (0.99, 0.0), (1.0, 0.2)])
def test_worth_is_that_of_the_estimate(share, rates):
    found, se = effective(share, *rates, np.random.default_rng(0))
    assert abs(found - 2_000 * worth_of_a_point(share, *rates)) < 4 * se + 0.01 * found


def test_the_ends_are_those_of_no_filter_and_of_labels():
    share = np.linspace(0, 1, 11)
    np.testing.assert_allclose(worth_of_a_point(share, 0), share**2)
    np.testing.assert_allclose(worth_of_a_point(share, 1), share)
    assert worth_of_a_point(0.5, 1, 1) == 0
