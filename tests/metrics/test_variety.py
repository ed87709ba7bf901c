"""Types, self-BLEU and compression: by hand, by brute force, and as NLTK says."""

from __future__ import annotations

import itertools
import time
import zlib

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from collapse_lib.metrics import compression_ratio, distinct_n, self_bleu, types


def test_types_are_those_of_every_subset() -> None:
    text = [0, 1, 0, 2, 0, 1]
    for length in range(1, 7):
        subsets = itertools.combinations(text, length)
        expected = np.mean([len(set(subset)) for subset in subsets])
        assert types([text[:3], text[3:]], length) == pytest.approx(expected)


def test_all_types_are_counted_and_chains_are_kept_apart() -> None:
    data = np.random.default_rng(0).integers(50, size=(2, 3, 10, 8))
    found, ratio = types(data), distinct_n(data, 1)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found, ratio * 80)
    np.testing.assert_allclose(types(data, 9)[1, 2], types(data[1, 2], 9))


def test_equal_length_takes_the_amount_of_text_out() -> None:
    rng = np.random.default_rng(1)
    shares = 1 / np.arange(1, 1_001)
    few, many = (
        rng.choice(1_000, (1, n), p=shares / shares.sum()) for n in (500, 9_000)
    )
    assert types(many) / 9_000 < 0.3 * types(few) / 500  # the plain ratio misleads
    assert types(many, 500) == pytest.approx(types(few, 500), rel=0.1)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_self_bleu_is_nltks(n: int) -> None:
    rng = np.random.default_rng(2)
    texts = rng.zipf(1.5, size=(20, 15)) % 30
    texts[3] = texts[7]  # a copy
    texts[5] = 99  # no match, and no match of symbols but with itself
    smooth = SmoothingFunction().method1
    expected = [
        sentence_bleu(
            [other.tolist() for j, other in enumerate(texts) if j != i],
            text.tolist(),
            (1 / n,) * n,
            smooth,
        )
        for i, text in enumerate(texts)
    ]
    assert self_bleu(texts, n) == pytest.approx(np.mean(expected), rel=1e-12)
    both = self_bleu(np.stack([texts, texts[::-1] + 1, texts % 3]), n)
    np.testing.assert_allclose(both[:2], np.mean(expected))
    assert both[2] == pytest.approx(float(self_bleu(texts % 3, n)))


def test_copies_have_the_self_bleu_1_and_strangers_0() -> None:
    assert self_bleu([[1, 2, 3, 4]] * 2) == 1
    assert self_bleu([[1, 2, 3, 4], [5, 6, 7, 8]]) == 0


def test_self_bleu_of_a_thousand_texts_takes_no_minutes() -> None:
    """Comparing all pairs takes NLTK minutes."""
    texts = np.random.default_rng(3).integers(500, size=(1_000, 64))
    start = time.process_time()
    self_bleu(texts)
    assert time.process_time() - start < 10


def test_the_compression_ratio() -> None:
    text = "Crème brûlée! " * 50
    raw = text.encode()
    assert compression_ratio(text) == len(raw) / len(zlib.compress(raw, 9))
    assert compression_ratio(text) == compression_ratio(raw) > 10
    noise = np.random.default_rng(4).integers(256, size=9_999, dtype=np.uint8)
    assert compression_ratio(noise.tobytes()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: types([[0, 1]], 3), "length is 3; it must be an integer from 1 to 2"),
        (lambda: types([0, 1]), r"data has shape \(2,\); it must be"),
        (lambda: types([[0.5]]), "data holds float64 values"),
        (lambda: types([[], []]), "data has shape .* not empty"),
        (lambda: self_bleu([[0, 1, 2, 3]]), "one sequence has no others"),
        (lambda: self_bleu([[0, 1], [2, 3]]), "a length of at least 4"),
        (lambda: self_bleu([[0, 1], [2, 3]], 0), "n is 0"),
        (lambda: compression_ratio(""), "text is ''; it must be a text or bytes"),
        (lambda: compression_ratio([1]), r"text is \[1\]; it must be"),
        (lambda: compression_ratio("\ud800"), "text holds the lone surrogate"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, says) -> None:
    with pytest.raises(ValueError, match=says):
        call()
