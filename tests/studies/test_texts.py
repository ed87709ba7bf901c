"""Runs of language models: the measures, what is kept, independence of reading."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_lib import metrics, recurse, regimes
from collapse_lib.models import NGram
from collapse_lib.studies.texts import text_run


@pytest.fixture
def real() -> np.ndarray:
    return np.random.default_rng(1).zipf(1.6, size=(3, 40, 8)) % 12


@pytest.fixture
def test_text() -> np.ndarray:
    return np.random.default_rng(2).zipf(1.6, size=(30, 8)) % 12


def run(real, test_text, **options):
    defaults = {"regime": regimes.Replace(), "n_generations": 3, "keep": [0, 2]}
    rng = np.random.default_rng(3)
    return text_run(NGram(12, 2), real, test_text, rng=rng, **{**defaults, **options})


def test_it_is_recurse_with_measures(real, test_text) -> None:
    result = run(real, test_text)
    rng = np.random.default_rng(3)
    plain = recurse(
        NGram(12, 2),
        real,
        regime=regimes.Replace(),
        n_samples=40,
        n_generations=3,
        chains=3,
        rng=rng,
        measure={"human": lambda f: metrics.corpus_perplexity(f.log_prob(test_text))},
    )
    np.testing.assert_array_equal(result.history.array("human"), plain.array("human"))


def test_reading_more_does_not_change_the_run(real, test_text) -> None:
    one, two = (run(real, test_text, read=n) for n in (5, 50))
    np.testing.assert_array_equal(
        one.history.array("human"), two.history.array("human")
    )
    assert one.texts[2].shape == (3, 5, 8) and two.texts[2].shape == (3, 50, 8)


def test_the_metrics_are_those_of_the_kept_texts(real, test_text) -> None:
    result = run(real, test_text)
    assert sorted(result.fits) == sorted(result.texts) == [0, 2]
    first = result.fits[0].log_prob(result.texts[2])
    expected = {
        "first": metrics.corpus_perplexity(first),
        "distinct2": metrics.distinct_n(result.texts[2], 2),
        "rep4": metrics.rep_n(result.texts[2], 4),
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(result.history.array(name)[2], values)
    np.testing.assert_array_equal(
        result.perplexities(2), metrics.sequence_perplexity(first)
    )


def test_generation_0_is_the_fit_to_the_human_text(real, test_text) -> None:
    fit = run(real, test_text).fits[0]
    for chain in range(3):
        counts = np.bincount(real[chain].ravel(), minlength=12)
        np.testing.assert_array_equal(fit.counts[chain], counts)


def test_more_measures_and_refusals(real, test_text) -> None:
    more = {"words": lambda fit: fit.types(1)}
    result = run(real, test_text, more=more, keep=())
    assert result.history.array("words").shape == (4, 3)
    with pytest.raises(ValueError, match=r"generation 2 needs .* kept: \[\]"):
        result.perplexities(2)
    with pytest.raises(ValueError, match=r"real has shape \(40, 8\)"):
        run(real[0], test_text)
    with pytest.raises(ValueError, match="read is 0"):
        run(real, test_text, read=0)
