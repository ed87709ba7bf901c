"""How well MinHash tells how alike two sets are: against draws, and exact sums."""

from math import comb

import numpy as np
import pytest

from collapse_lib.theory import minhash

ROOM = 4  # standard errors


def test_the_deviation_is_that_of_a_binomial_share():
    k, s = 7, 0.3
    law = [comb(k, i) * s**i * (1 - s) ** (k - i) for i in range(k + 1)]
    share = np.arange(k + 1) / k
    mean = np.dot(law, share)
    assert minhash.sd(s, k) == pytest.approx(np.sqrt(np.dot(law, (share - mean) ** 2)))
    np.testing.assert_array_equal(minhash.sd([0, 1], k), 0)


def test_a_pair_is_found_as_often_as_drawn_rows_agree():
    bands, rows, s, n = 5, 3, 0.6, 100_000
    drawn = np.random.default_rng(1).random((n, bands, rows)) < s
    share, p = drawn.all(axis=2).any(axis=1).mean(), minhash.found(s, bands, rows)
    assert abs(share - p) < ROOM * np.sqrt(p * (1 - p) / n)


def test_at_the_threshold_one_band_agrees_on_average():
    for bands, rows in ((20, 5), (20, 450), (1, 1)):
        s = minhash.threshold(bands, rows)
        assert bands * s**rows == pytest.approx(1)
        expected = 1 - (1 - 1 / bands) ** bands
        assert minhash.found(s, bands, rows) == pytest.approx(expected)


def test_the_curve_rises_from_0_to_1_and_keeps_what_is_rare():
    found = minhash.found(np.linspace(0, 1, 50), 20, 5)
    assert found[0] == 0 and found[-1] == 1 and (np.diff(found) >= 0).all()
    assert minhash.found(1e-5, 3, 4) == pytest.approx(3e-20)
