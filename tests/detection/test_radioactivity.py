"""The trace of a watermark in a student: exact tails, repeats, the null."""

import numpy as np
import pytest
from scipy import stats

from collapse_lib.detection import Trace, first_of_each, null_deviation, trace


def repetitive(chains=2, n=300, symbols=12, seed=0):
    """Return pairs of a context and a word, some of them often."""
    text = np.random.default_rng(seed).zipf(1.5, (chains, n + 1)) % symbols
    return np.stack([text[:, :-1], text[:, 1:]], axis=-1)


def test_the_tail_is_the_binomial_and_the_beta_one():
    found = Trace(green=[30, 64_234, 0], scored=[80, 248_200, 5], share=0.25)
    tail = stats.binom.logsf(found.green - 1, found.scored, 0.25) / np.log(10)
    np.testing.assert_allclose(found.log10_p, tail, rtol=1e-8, atol=1e-12)
    beta = stats.beta.cdf(0.25, 30, 51)
    assert np.isclose(10 ** found.log10_p[0], beta, rtol=1e-10)


def test_the_stored_output_of_the_radioactivity_code():
    # 0.2588 of 248,200 is anything that rounds to it.
    p = Trace([64_222, 64_246], [248_200] * 2, 0.25).log10_p
    assert p[0] > np.log10(2.6e-24) > p[1]


def test_first_of_each_is_what_a_set_finds():
    pairs = repetitive()
    for own, first in zip(pairs, first_of_each(pairs), strict=True):
        seen = set()
        for pair, is_first in zip(map(tuple, own), first, strict=True):
            assert is_first == (pair not in seen)
            seen.add(pair)


def test_chains_do_not_share_their_repeats():
    pairs = np.repeat(repetitive(chains=1), 2, axis=0)
    first = first_of_each(pairs)
    np.testing.assert_array_equal(first[0], first[1])


def test_long_contexts_are_told_apart():
    pairs = np.random.default_rng(1).integers(0, 2, (2, 300, 9)) * 10**12
    for own, first in zip(pairs, first_of_each(pairs), strict=True):
        assert first.sum() == len({tuple(pair) for pair in own})


@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize("lists", [True, False])
def test_the_deviation_of_z_over_all_keys(lists, deduplicate):
    symbols, share, keys = 12, 0.25, 1_500
    pairs = repetitive()
    rng = np.random.default_rng(2)
    order = rng.random((keys, symbols, symbols))
    green = order < share
    if lists:
        green = order.argsort(axis=-1).argsort(axis=-1) < share * symbols
    for own in pairs:
        every = np.broadcast_to(own, (keys, *own.shape))
        marks = green[:, own[:, 0], own[:, 1]]
        z = trace(marks, every, share, deduplicate).z
        predicted = null_deviation(
            own[None], share, symbols if lists else None, deduplicate
        )[0]
        s2, fourth = z.var(), np.mean((z - z.mean()) ** 4)
        se = np.sqrt((fourth - s2**2) / keys)
        assert abs(s2 - predicted**2) < 4 * se
        assert abs(z.mean()) < 4 * z.std() / np.sqrt(keys)


def test_repeats_inflate_and_lists_deflate():
    pairs = repetitive()
    assert (null_deviation(pairs, 0.25, deduplicate=False) > 1.5).all()
    assert (null_deviation(pairs, 0.25) == 1).all()
    assert (null_deviation(pairs, 0.25, 12) < 1).all()


def test_without_repeats_deduplication_changes_nothing():
    pairs = np.stack(np.divmod(np.arange(100), 10), axis=-1)[None]
    green = np.random.default_rng(3).random((1, 100)) < 0.25
    once, every = (trace(green, pairs, 0.25, d) for d in (True, False))
    assert once.green == every.green
    assert once.scored == every.scored == 100
    assert null_deviation(pairs, 0.25, 10)[0] == 0  # every word of every list is there


def test_more_green_words_than_words_are_refused():
    with pytest.raises(ValueError, match="green words are among those scored"):
        Trace([3], [2], 0.25)
    with pytest.raises(ValueError, match="must say True or False for every one"):
        trace([[0.5, 1]], [[[0, 1], [1, 1]]], 0.25)
