"""Near copies of texts: MinHash by hand against sets, laws and datasketch."""

from itertools import pairwise

import numpy as np
import pytest

from collapse_lib import metrics, regimes
from collapse_lib.metrics import near_copies
from collapse_lib.models.tracked import Labelled
from collapse_lib.theory import minhash

ROOM = 4  # standard errors


def overlapping(common, own, n=1):
    """Return n pairs of texts of different tokens: so many in common, so many not."""
    both, length = np.arange(common), common + own
    a = np.concatenate([both, common + np.arange(own)])
    b = np.concatenate([both, length + np.arange(own)])
    every = (length + own) * np.arange(n)[:, None]  # no two pairs share a token
    return every + a, every + b


def sets(text, width):
    return {tuple(text[i : i + width]) for i in range(len(text) - width + 1)}


@pytest.mark.parametrize("width", [1, 2, 4])
def test_jaccard_is_that_of_sets_of_runs(width):
    texts, others = np.random.default_rng(2).integers(3, size=(2, 20, 9))
    expected = [
        len(sets(a, width) & sets(b, width)) / len(sets(a, width) | sets(b, width))
        for a, b in zip(texts, others, strict=True)
    ]
    np.testing.assert_allclose(metrics.jaccard(texts, others, width), expected)


@pytest.mark.parametrize(("common", "own", "k"), [(60, 30, 128), (80, 10, 256)])
def test_signatures_estimate_it_with_the_deviation_of_a_share(common, own, k):
    n, s = 1000, common / (common + 2 * own)
    one, other = overlapping(common, own, n)
    np.testing.assert_allclose(metrics.jaccard(one[:9], other[:9], 1), s)
    same = metrics.signatures(one, k, 1) == metrics.signatures(other, k, 1)
    estimates, sd = same.mean(axis=1), minhash.sd(s, k)
    assert abs(estimates.mean() - s) < ROOM * sd / np.sqrt(n)
    # The standard error of a standard deviation is sd / sqrt(2 n).
    assert abs(estimates.std() / sd - 1) < ROOM / np.sqrt(2 * n)


def test_signatures_are_those_of_datasketch():
    datasketch = pytest.importorskip("datasketch")
    rng = np.random.default_rng(3)
    a, b = rng.integers(2**63, size=(2, 64)).astype(np.uint64)
    a |= np.uint64(1)
    codes = rng.integers(2**63, size=(5, 40)).astype(np.uint64)
    ours = near_copies.smallest(near_copies.mixed(codes), a, b)
    for own, row in zip(ours, codes, strict=True):
        theirs = datasketch.MinHash(
            64, hashfunc=int, permutations=(a, b), scheme="affine64"
        )
        theirs.update_batch(row)
        np.testing.assert_array_equal(own, theirs.hashvalues)


def test_order_and_repeats_of_shingles_do_not_matter():
    one, other = np.array([[1, 2, 3, 1, 2, 3, 1]]), np.array([[3, 1, 2, 3, 1, 2, 3]])
    np.testing.assert_array_equal(metrics.signatures(one), metrics.signatures(other))
    backwards = metrics.signatures(one[:, ::-1])
    assert (backwards != metrics.signatures(one)).any()


def test_shapes_go_through_and_chains_are_apart():
    texts = np.random.default_rng(1).integers(9, size=(2, 5, 8))
    found = metrics.signatures(texts, k=6)
    assert found.shape == (2, 5, 6)
    np.testing.assert_array_equal(found[1], metrics.signatures(texts[1], k=6))
    groups = metrics.NearCopies()(np.stack([texts[0], texts[0]]))
    assert groups.shape == (2, 5) and (groups[0] == groups[1]).all()


@pytest.mark.parametrize(("common", "own"), [(40, 30), (60, 20), (90, 5)])
def test_pairs_are_found_along_the_curve(common, own):
    n, p = 1000, minhash.found(common / (common + 2 * own), 10, 3)
    texts = np.concatenate(overlapping(common, own, n))
    groups = metrics.NearCopies(10, 3, width=1)(texts)
    found = (groups[:n] == groups[n:]).mean()
    assert abs(found - p) < ROOM * np.sqrt(p * (1 - p) / n)


def test_groups_go_from_text_to_text():
    """Each text shares nearly all with the next, the first and the last nothing."""
    long = np.random.default_rng(1).permutation(400)
    chain = np.stack([long[5 * i : 5 * i + 200] for i in range(40)][::-1])
    apart = np.random.default_rng(2).integers(1000, 2000, size=(10, 200))
    groups = metrics.NearCopies()(np.concatenate([apart, chain]))
    assert groups.tolist() == [*range(10), *[10] * 40]
    assert all(
        s > 0.8
        for s in [metrics.jaccard(a[None], b[None])[0] for a, b in pairwise(chain)]
    )
    assert metrics.jaccard(chain[:1], chain[-1:])[0] < 0.02


def test_a_policy_counts_near_copies_together():
    texts = np.random.default_rng(1).integers(50, size=(1, 6, 60))
    texts[0, 4] = texts[0, 1]
    texts[0, 4, 0] = 51
    data = Labelled.real(texts)
    rng = np.random.default_rng(0)
    assert regimes.Deduplicated()(data, rng).tolist() == [[1] * 6]
    near = regimes.Deduplicated(alike=metrics.NearCopies())
    assert near(data, rng).tolist() == [[1, 0.5, 1, 1, 0.5, 1]]
    one = regimes.Deduplicated(alike=metrics.NearCopies(), drop=True)(data, rng)[0]
    assert sorted(one[[1, 4]]) == [0, 1] and one.sum() == 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.signatures([[1, 2]]), r"texts has shape \(1, 2\).*width = 3"),
        (lambda: metrics.signatures([[1, 2, 3]], k=0), "k is 0"),
        (lambda: metrics.signatures([[0.5, 1, 2]]), "texts holds float64 values"),
        (lambda: metrics.jaccard([[1, 2, 3]], [[1, 2, 3]] * 2), "1 texts and 2 others"),
        (lambda: metrics.NearCopies(bands=0), "bands is 0"),
        (lambda: metrics.NearCopies(seed=-1), "seed is -1"),
        (lambda: metrics.NearCopies()([1, 2, 3]), r"texts has shape \(3,\)"),
        (lambda: minhash.found(1.5, 2, 2), "similarity"),
        (lambda: minhash.sd(0.5, 0), "k is 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
