"""Perplexity and diversity of text, by hand."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from collapse_lib import metrics
from collapse_lib.data.vocabulary import Vocabulary
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
    ],
)
def test_what_is_no_log_probability_is_refused(function, log_prob, says) -> None:
    with pytest.raises(ValueError, match=says):
        function(log_prob)


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
        ([0, 1], 1, r"shape \(2,\); needed is"),
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
