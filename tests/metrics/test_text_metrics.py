"""Perplexity and diversity of text, by hand."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from collapse_lib import metrics
from collapse_lib.data.vocabulary import Vocabulary
from collapse_lib.metrics.text import rarities, similarity
from collapse_lib.models import JelinekMercer, NGram

HALF, EIGHTH = math.log(0.5), math.log(0.125)


def test_perplexity_of_a_toy_text_by_hand() -> None:
    """Three words, weights 1/2: every probability can be worked out on paper."""
    words = Vocabulary.of(["a b a b"])  # <unk>, a, b
    text = words.encode("a b a b")[None, None]
    fit = NGram(3, 2, JelinekMercer((0.5, 0.5))).fit(text, np.random.default_rng())
    # P1(a) = P1(b) = 1/2 * 2/4 + 1/2 * 1/3 = 5/12; P1(<unk>) = 1/6.
    # P2(b | a) = 1/2 * 1 + 1/2 * 5/12 = 17/24; b is followed by a alone as well.
    log_prob = fit.log_prob(words.encode("a b c")[None])
    by_hand = [5 / 12, 17 / 24, 0.5 * 0 + 0.5 * 1 / 6]
    np.testing.assert_allclose(np.exp(log_prob[0, 0]), by_hand, rtol=1e-12)
    expected = (5 / 12 * 17 / 24 * 1 / 12) ** (-1 / 3)
    assert metrics.corpus_perplexity(log_prob)[0] == pytest.approx(expected)


def test_a_uniform_model_hesitates_among_all_words() -> None:
    log_prob = np.full((2, 3, 5), -math.log(50))
    np.testing.assert_allclose(metrics.sequence_perplexity(log_prob), 50)
    np.testing.assert_allclose(metrics.corpus_perplexity(log_prob), 50)
    np.testing.assert_allclose(metrics.batch_factor(log_prob, 1), 1)


def test_the_corpus_is_weighed_by_symbol() -> None:
    log_prob = np.array([[HALF, HALF], [EIGHTH, EIGHTH]])
    np.testing.assert_allclose(metrics.sequence_perplexity(log_prob), [2, 8])
    # The geometric mean of 2 and 8, not the arithmetic one.
    assert metrics.corpus_perplexity(log_prob) == pytest.approx(4)


def test_the_batch_factor_is_a_factor() -> None:
    losses = np.array([1.0, 2.0, 4.0, 5.0, 99.0])
    log_prob = -np.repeat(losses[:, None], 3, axis=1)
    # Batches of two have the losses 1.5 and 4.5; the last sequence is left over.
    assert metrics.batch_factor(log_prob, 2) == pytest.approx(math.exp(3 / 2**0.5))
    twice = metrics.batch_factor(log_prob - 7, 2)
    assert twice == pytest.approx(metrics.batch_factor(log_prob, 2))


@pytest.mark.parametrize(
    ("function", "log_prob", "says"),
    [
        (metrics.sequence_perplexity, [[0.5]], "goes up to 0.5"),
        (metrics.sequence_perplexity, [[math.nan]], "goes up to nan"),
        (metrics.sequence_perplexity, [[]], r"shape \(1, 0\); needed is"),
        (metrics.corpus_perplexity, [-1.0], r"shape \(1,\); needed is \(..., n, len"),
        (lambda x: metrics.batch_factor(x, 2), [[-1.0]] * 3, "1 batches of 2"),
        (lambda x: metrics.batch_factor(x, 0), [[-1.0]], "batch is 0"),
        (lambda x: metrics.batch_factor(x, 1), [[-math.inf], [0.0]], "no standard dev"),
        (metrics.sequence_perplexity, None, "log_prob is None; numbers are needed"),
        (metrics.sequence_perplexity, [[1e-9]], "goes up to 1e-09"),
        (metrics.sequence_perplexity, np.float32([[1e-5]]), "goes up to 9.99"),
        (
            metrics.sequence_perplexity,
            np.ma.array([[-1.0, 0.0]], mask=[[0, 1]]),
            "log_prob has 1 masked places",
        ),
    ],
)
def test_what_is_no_log_probability_is_refused(function, log_prob, says) -> None:
    with pytest.raises(ValueError, match=says):
        function(log_prob)


def test_probabilities_in_single_precision_may_be_off_by_its_precision() -> None:
    log_prob = np.log(np.float32([[1 + 2**-22, 0.25]]))
    assert log_prob.max() > 1e-7
    np.testing.assert_allclose(metrics.sequence_perplexity(log_prob), 2, rtol=1e-6)
    certain = metrics.sequence_perplexity([[-math.inf, -1.0]])
    assert certain == math.inf


def test_rarities_and_similarity_by_hand() -> None:
    blocks = np.array([[0, 1, 1], [0, 2, 0]])
    rarity = rarities(blocks)
    np.testing.assert_allclose(rarity, np.log([1, 2, 2]))
    # Token 0 is everywhere and does not count; 9 was never seen: as rare as any.
    texts, prompts = np.array([[1, 0], [2, 9]]), np.array([[1, 1], [1, 2]])
    np.testing.assert_allclose(similarity(texts, prompts, rarity), [1, 0.5])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_tokens_of_every_integer_type_are_the_same(dtype: type[np.integer]) -> None:
    tokens = np.random.default_rng(0).integers(40, size=(600, 9))
    same = tokens.astype(dtype)
    rarity = rarities(tokens)
    np.testing.assert_array_equal(rarities(same), rarity)
    by_rows = [
        similarity(a[None], b[None], rarity)[0]
        for a, b in zip(tokens[:5], tokens[5:10], strict=True)
    ]
    found = similarity(same[:5], same[5:10], rarity)
    np.testing.assert_array_equal(found, by_rows)
    assert metrics.distinct_n(same, 2) == metrics.distinct_n(tokens, 2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rarities("a text"), "blocks is 'a text'; numbers are needed"),
        (lambda: rarities([[0.5]]), "blocks holds float64 values"),
        (lambda: rarities([[-1]]), "blocks holds symbols from -1 to -1"),
        (lambda: rarities([[10**12]]), "allowed: 0 to 16777215"),
        (lambda: rarities(np.zeros((0, 3), int)), r"blocks is empty: its shape is \(0"),
        (lambda: similarity([[1]], [[1], [2]], [1.0]), "1 texts and 2 prompts; each"),
        (lambda: similarity([[1]], [[1]], []), "rarity is empty"),
        (lambda: similarity([[1]], [[1]], [math.nan]), "rarity holds 1 values"),
        (lambda: similarity([[1]], [[1]], 1.0), r"rarity has shape \(\); needed is"),
        (lambda: similarity([1], [[1]], [1.0]), r"texts has shape \(1,\); it must be"),
    ],
)
def test_what_are_no_tokens_is_refused(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_distinct_n_and_rep_n_by_hand() -> None:
    text = np.array([[1, 2, 1, 2, 1], [1, 2, 3, 4, 5]])
    # Pairs: 12 21 12 21 / 12 23 34 45: five different ones of eight.
    assert metrics.distinct_n(text, 2) == 5 / 8
    # Within the first sequence two of four are new, in the second all are.
    assert metrics.rep_n(text, 2) == pytest.approx(0.25)
    assert metrics.distinct_n(text, 1) == 5 / 10
    assert metrics.rep_n(text, 5) == 0


def test_pairs_do_not_cross_sequences() -> None:
    assert metrics.distinct_n([[0, 1], [0, 1]], 2) == 0.5
    assert metrics.distinct_n([[0, 1, 0, 1]], 2) == pytest.approx(2 / 3)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_chains_are_counted_apart(n: int) -> None:
    text = np.random.default_rng(0).integers(3, size=(4, 6, 9))
    for function in (metrics.distinct_n, metrics.rep_n):
        alone = [function(chain, n) for chain in text]
        np.testing.assert_allclose(function(text, n), alone)
    rows = {
        tuple(g)
        for g in np.lib.stride_tricks.sliding_window_view(text[0], n, axis=-1)
        .reshape(-1, n)
        .tolist()
    }
    assert metrics.distinct_n(text[0], n) == len(rows) / (6 * (10 - n))


def test_large_numbers_are_told_apart() -> None:
    big = 2**40
    text = np.array([[0, big, 1, big + 1, 0, big]])
    assert metrics.distinct_n(text, 2) == 4 / 5


@pytest.mark.parametrize("function", [metrics.distinct_n, metrics.rep_n])
@pytest.mark.parametrize(
    ("data", "n", "says"),
    [
        ([[0.5, 1.0]], 1, "symbols must be integers"),
        ([[0, 1]], 3, r"shape \(1, 2\); .* length of at least 3"),
        ([0, 1], 1, r"data has shape \(2,\); it must be \(..., n_sequences, length\)"),
        (["a b c"], 1, r"data is \['a b c'\]; numbers are needed"),
        ([[0, -1]], 1, "data holds symbols from -1 to 0"),
        ([[0, 1]], 0, "n is 0"),
    ],
)
def test_what_is_no_text_is_refused(function, data, n, says) -> None:
    with pytest.raises(ValueError, match=says):
        function(data, n)


def test_language_models_need_no_torch() -> None:
    """Metrics, n-grams' tables and words are usable where torch is not."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import collapse_lib.data.vocabulary, collapse_lib.data.corpora\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
