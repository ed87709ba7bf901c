"""Words and their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_lib.data.vocabulary import UNKNOWN, Vocabulary, words

TEXTS = ["The cat sat.\nThe dog sat!", "Don't sit, cat"]


def test_a_text_is_cut_into_words_signs_and_line_ends() -> None:
    assert words("It’s 7:30...\n\nNaïve_x <unk>") == [
        *("it's", "7", ":", "30", "...", "\n", "naïve", "_", "x", UNKNOWN)
    ]
    assert words("") == []


def test_the_most_frequent_words_come_first_ties_in_alphabetical_order() -> None:
    all_words = Vocabulary.of(TEXTS).words
    assert all_words[:4] == (UNKNOWN, "cat", "sat", "the")
    assert all_words[4:] == tuple(sorted(all_words[4:]))
    assert Vocabulary.of(TEXTS, 3).words == (UNKNOWN, "cat", "sat")


def test_the_mark_of_unknown_words_is_not_counted_as_a_word() -> None:
    assert Vocabulary.of(["<unk> <unk> a"]).words == (UNKNOWN, "a")


def test_encoding_and_decoding() -> None:
    vocabulary = Vocabulary.of(TEXTS)
    codes = vocabulary.encode("The cat sat.\nA bird sat!")
    assert codes.dtype == np.int64
    assert vocabulary.decode(codes) == "the cat sat. / <unk> <unk> sat!"
    assert (codes == 0).sum() == 2
    assert len(vocabulary.encode("")) == 0


def test_blocks_stay_inside_documents() -> None:
    vocabulary = Vocabulary.of(["a b c d e", "f g h"])
    blocks = vocabulary.blocks(["a b c d e", "f g h", "c"], 2)
    shown = [vocabulary.decode(block) for block in blocks]
    assert shown == ["a b", "c d", "f g"]


def test_the_vocabulary_covers_what_it_was_made_from() -> None:
    assert (Vocabulary.of(TEXTS).blocks(TEXTS, 2) > 0).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda v: v.of(TEXTS, 1), "n_words is 1; it must be an integer >= 2"),
        (lambda v: v.blocks(TEXTS, 0), "length is 0"),
        (lambda v: v.blocks(TEXTS, 99), "no document has 99 words; take shorter"),
        (lambda v: v.decode([0, 99]), "numbers are 0 to 99; the vocabulary has 0 to"),
        (lambda v: v.decode([-1]), "numbers are -1 to -1"),
    ],
)
def test_what_makes_no_sense_is_refused(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(Vocabulary.of(TEXTS))
