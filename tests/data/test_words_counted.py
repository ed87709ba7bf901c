"""Word frequencies: order, probabilities, refusals, and the rule for examples."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_lib.book.lock import versions
from collapse_lib.data import words as data
from collapse_lib.data.words import WordFrequencies, word_frequencies


@pytest.fixture(scope="module")
def english() -> WordFrequencies:
    return word_frequencies("en", wordlist="small")


@pytest.fixture
def invented() -> WordFrequencies:
    words = ("common", "it's-me", "short", "second", "naïvely", "fourth", "rarest")
    p = np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.06, 0.04])
    return WordFrequencies(words, p, coverage=1.0, language="xx", wordlist="small")


def test_the_most_frequent_english_word_is_the(english):
    assert english.words[0] == "the"
    assert 0.03 < english.p[0] < 0.08


def test_frequencies_are_a_distribution_in_falling_order(english):
    assert english.p.shape == (len(english),)
    assert english.p.sum() == pytest.approx(1, abs=1e-12)
    assert (english.p > 0).all()
    assert (np.diff(english.p) <= 0).all()


def test_each_word_has_the_packages_own_frequency(english):
    import wordfreq

    for place in (0, 100, 20_000):
        # The package rounds what it tells to three digits.
        given = wordfreq.word_frequency(english.words[place], "en", wordlist="small")
        assert english.p[place] * english.coverage == pytest.approx(given, rel=0.006)


def test_words_of_one_frequency_are_in_alphabetical_order(english, monkeypatch):
    """Without it the order, and every random draw, would depend on the package."""
    tied = np.flatnonzero(np.diff(english.p) == 0)
    assert len(tied) > 1000
    assert all(english.words[i] < english.words[i + 1] for i in tied)

    import wordfreq

    unsorted = {"b": 0.1, "c": 0.2, "a": 0.1}
    monkeypatch.setattr(wordfreq, "get_frequency_dict", lambda *a, **k: unsorted)
    assert word_frequencies("en").words == ("c", "a", "b")


def test_a_shorter_list_keeps_the_ratios_and_says_what_it_covers(english):
    short = word_frequencies("en", wordlist="small", n_words=50)
    assert short.words == english.words[:50]
    np.testing.assert_allclose(short.p, english.p[:50] / english.p[:50].sum())
    assert short.coverage == pytest.approx(english.coverage * english.p[:50].sum())


def test_the_large_list_reaches_rarer_words(english):
    large = word_frequencies("en", wordlist="large")
    assert len(large) > 10 * len(english)
    assert large.p[-1] < english.p[-1] / 10
    assert word_frequencies("en").words == large.words  # "best" is the large one


def test_a_language_with_a_small_list_only_has_no_large_one():
    assert word_frequencies("tr").p[-1] > 1e-7
    with pytest.raises(
        ValueError, match=r"language is 'tr'; the list 'large' has ar, "
    ):
        word_frequencies("tr", wordlist="large")


def test_an_unknown_language_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"language is 'xx'; .* de, .* en, .* fi, "):
        word_frequencies("xx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wordlist": "huge"}, "wordlist is 'huge'; allowed: 'best', 'large', 'small'"),
        ({"n_words": 0}, "n_words is 0; it must be an integer >= 1"),
        ({"n_words": 2.5}, "n_words is 2.5; it must be an integer >= 1"),
        ({"n_words": 10**7}, "n_words is 10000000; the list 'best' of language 'en'"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        word_frequencies("en", **arguments)


def test_another_release_of_the_package_is_refused(monkeypatch):
    monkeypatch.setattr(data, "version", lambda package: "9.9")
    with pytest.raises(ValueError, match=r"wordfreq 9.9 is installed; .*==3.1.1"):
        word_frequencies("en")


def test_the_release_is_the_locked_one(root):
    assert versions(root)["wordfreq"] == data.WORDFREQ_VERSION


def test_provenance_credits_the_author_as_the_licence_asks(english):
    assert "Robyn Speer" in english.provenance
    assert "CC BY-SA 4.0" in english.provenance
    assert f"{len(english):,} words of language 'en'" in english.provenance


def test_examples_have_letters_only_and_enough_of_them(invented):
    places = invented.examples(0.0, 1.0, 5)
    chosen = [invented.words[i] for i in places]
    assert chosen == ["common", "second", "naïvely", "fourth", "rarest"]


def test_examples_stay_in_the_band_and_are_spread_over_it(english):
    low, high = 1e-5, 1e-4
    places = english.examples(low, high, 4)
    assert len(set(places)) == 4
    assert ((english.p[places] >= low) & (english.p[places] < high)).all()
    fits = [
        i
        for i in np.flatnonzero((english.p >= low) & (english.p < high))
        if len(english.words[i]) >= 6 and english.words[i].isalpha()
    ]
    ranks = [fits.index(i) / len(fits) for i in places]
    np.testing.assert_allclose(ranks, [1 / 8, 3 / 8, 5 / 8, 7 / 8], atol=0.001)


def test_the_band_includes_its_lower_and_not_its_upper_end(invented):
    assert list(invented.examples(0.04, 0.06, 1)) == [6]
    assert list(invented.examples(0.06, 0.1, 1)) == [5]


def test_a_band_with_too_few_words_is_refused(invented):
    with pytest.raises(ValueError, match="only 1 words of 6 or more letters"):
        invented.examples(0.3, 1.0, 2)
    with pytest.raises(ValueError, match="n is 0; it must be an integer >= 1"):
        invented.examples(0.3, 1.0, 0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda w: w.examples("a", 1, 1), "low is 'a'; it must be a number"),
        (lambda w: w.examples(0, np.nan, 1), "high is nan; it must be a number"),
        (lambda w: w.examples(0, 1, 1, min_letters=-1), "min_letters is -1"),
        (lambda _: word_frequencies(None), "language is None; the list 'best' has "),
        (lambda _: data.check_release(None), "installed is None; it must be a text"),
    ],
)
def test_questions_that_make_no_sense_are_refused(call, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call(word_frequencies("en", wordlist="small", n_words=9))
