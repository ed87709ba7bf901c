"""Detectors without a key, against sums written out place by place."""

import numpy as np
import pytest

from collapse_lib.detection import (
    conditional_curvature,
    cross_entropy,
    curvature,
    two_model_ratio,
)
from collapse_lib.models import JelinekMercer, NGram

V = 7


@pytest.fixture(scope="module")
def fits():
    """Return a trigram and a bigram model, two chains each."""
    rng = np.random.default_rng(0)
    data = rng.zipf(1.6, (2, 40, 12)) % V
    other = rng.zipf(1.6, (2, 40, 12)) % V
    return NGram(V, 3).fit(data, rng), NGram(V, 2, JelinekMercer((0.9, 0.5))).fit(
        other, rng
    )


def expected(fit, text):
    """Return the distribution at every place, ``(chains, n, length, V)``."""
    return np.stack(
        [fit.conditional(text[..., :i]) for i in range(text.shape[-1])], axis=2
    )


def test_cross_entropy_is_its_sum(fits):
    text = fits[0].sample(5, np.random.default_rng(1))[..., :9]
    for first, second in (fits, fits[::-1], (fits[0], fits[0])):
        p, q = expected(first, text), expected(second, text)
        by_hand = -(p * np.log(q)).sum(axis=-1).mean(axis=-1)
        np.testing.assert_allclose(cross_entropy(first, second, text), by_hand)
        surprise = -first.log_prob(text).mean(axis=-1)
        np.testing.assert_allclose(
            two_model_ratio(first, second, text), surprise / by_hand
        )


@pytest.mark.parametrize("length", [1, 2, 3])
def test_texts_shorter_than_a_context(fits, length):
    text = fits[0].sample(4, np.random.default_rng(2))[..., :length]
    p, q = expected(fits[0], text), expected(fits[1], text)
    by_hand = -(p * np.log(q)).sum(axis=-1).mean(axis=-1)
    np.testing.assert_allclose(cross_entropy(*fits, text), by_hand)


def test_many_contexts_are_taken_in_parts(fits, monkeypatch):
    text = fits[0].sample(30, np.random.default_rng(3))
    whole = cross_entropy(*fits, text)
    monkeypatch.setattr("collapse_lib.detection.contexts.ROWS", 3)
    np.testing.assert_array_equal(cross_entropy(*fits, text), whole)


def test_own_text_has_no_conditional_curvature(fits):
    z = conditional_curvature(fits[0], fits[0].sample(4_000, np.random.default_rng(4)))
    assert (np.abs(z.mean(axis=1)) < 4 * z.std(axis=1) / np.sqrt(4_000)).all()
    assert (np.abs(z.var(axis=1) - 1) < 0.15).all()


def test_conditional_curvature_is_its_sum(fits):
    text = fits[0].sample(5, np.random.default_rng(5))[..., :9]
    p = expected(fits[0], text)
    mean = (p * np.log(p)).sum(axis=-1)
    variance = (p * (np.log(p) - mean[..., None]) ** 2).sum(axis=-1)
    by_hand = (fits[0].log_prob(text) - mean).sum(axis=-1)
    by_hand /= np.sqrt(variance.sum(axis=-1))
    np.testing.assert_allclose(conditional_curvature(fits[0], text), by_hand)


def test_curvature_tends_to_the_moments_of_all_changes(fits):
    # Two words: all 49 copies can be written out.
    fit, text = fits[1], np.array([[3, 5]])
    copies = np.array([[[a, b] for a in range(V) for b in range(V)]])
    log_p = fit.log_prob(copies[0]).sum(axis=-1)
    share = 0.4
    chance = (share / V + (1 - share) * (copies[0] == [3, 5])).prod(axis=1)
    mean = log_p @ chance
    deviation = np.sqrt((log_p - mean[:, None]) ** 2 @ chance)
    exact = (fit.log_prob(text).sum(axis=-1)[:, 0] - mean) / deviation
    rng = np.random.default_rng(6)
    z = curvature(
        fit,
        np.repeat(text, 50, axis=0),
        lambda blocks, rng: rng.integers(0, V, blocks.shape),
        rng,
        share=share,
        changes=400,
    )
    assert (np.abs(z.mean(axis=1) - exact) < 4 * z.std(axis=1) / np.sqrt(50)).all()


def test_a_fill_that_changes_nothing_finds_nothing(fits):
    text = fits[0].sample(5, np.random.default_rng(7))
    z = curvature(fits[0], text, lambda blocks, rng: blocks, np.random.default_rng(8))
    assert (np.abs(z) < 1e-3).all()


def test_models_of_two_vocabularies_are_refused(fits):
    rng = np.random.default_rng(9)
    other = NGram(V + 1, 2).fit(np.zeros((2, 1, 3), int), rng)
    with pytest.raises(ValueError, match="second has 8 symbols"):
        cross_entropy(fits[0], other, [[1, 2]])


def test_a_fill_of_another_shape_is_refused(fits):
    with pytest.raises(ValueError, match=r"what fill\(text, rng\) returned"):
        curvature(fits[0], [[1, 2]], lambda text, rng: text[0], np.random.default_rng())
