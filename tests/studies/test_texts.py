"""Reading what language models write: the measures, independence of reading."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_lib import metrics, recurse, regimes
from collapse_lib.models import NGram
from collapse_lib.studies.texts import reading


@pytest.fixture
def real() -> np.ndarray:
    return np.random.default_rng(1).zipf(1.6, size=(3, 40, 8)) % 12


@pytest.fixture
def test_text() -> np.ndarray:
    return np.random.default_rng(2).zipf(1.6, size=(30, 8)) % 12


def run(real, test_text, n=20):
    rng = np.random.default_rng(3)
    read = reading(test_text, n, rng.spawn(1)[0])
    fits = []

    def measure(generation):
        fits.append(generation.fitted)
        return read(generation)

    return recursion(real, rng, measure), fits


def recursion(real, rng, measure):
    return recurse(
        NGram(12, 2),
        real,
        regime=regimes.Replace(),
        n_samples=40,
        n_generations=3,
        chains=3,
        rng=rng,
        measure=measure,
    )


def test_it_measures_what_recurse_trains(real, test_text) -> None:
    history, fits = run(real, test_text)
    measure = {"human": lambda f: metrics.corpus_perplexity(f.log_prob(test_text))}
    plain = recursion(real, np.random.default_rng(3), measure)
    np.testing.assert_array_equal(history.array("human"), plain.array("human"))
    for chain in range(3):  # generation 0 is the fit to the human text
        counts = np.bincount(real[chain].ravel(), minlength=12)
        np.testing.assert_array_equal(fits[0].counts[chain], counts)


def test_reading_more_does_not_change_the_run(real, test_text) -> None:
    one, two = (run(real, test_text, n)[0] for n in (5, 50))
    np.testing.assert_array_equal(one.array("human"), two.array("human"))
    assert one.array("text").shape == (4, 3, 5, 8)
    assert two.array("text").shape == (4, 3, 50, 8)


def test_the_metrics_are_those_of_the_texts(real, test_text) -> None:
    history, fits = run(real, test_text)
    for t, text in enumerate(history.array("text")):
        under_first = fits[0].log_prob(text)
        expected = {
            "human": metrics.corpus_perplexity(fits[t].log_prob(test_text)),
            "blocks": metrics.sequence_perplexity(under_first),
            "first": metrics.corpus_perplexity(under_first),
            "distinct2": metrics.distinct_n(text, 2),
            "rep4": metrics.rep_n(text, 4),
        }
        for name, values in expected.items():
            np.testing.assert_array_equal(history.array(name)[t], values)


def test_each_generation_writes_its_own_text(real, test_text) -> None:
    text = run(real, test_text)[0].array("text")
    assert len({block.tobytes() for block in text}) == 4


def test_nothing_to_read_is_refused(test_text) -> None:
    with pytest.raises(ValueError, match="n is 0"):
        reading(test_text, 0, np.random.default_rng(0))
