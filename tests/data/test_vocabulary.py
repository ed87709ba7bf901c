"""Words and their numbers."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib.data.vocabulary import UNKNOWN, Vocabulary, words

TEXTS = ["The cat sat.\nThe dog sat!", "Don't sit, cat"]


def test_a_text_is_cut_into_words_signs_and_line_ends() -> None:
    assert words("It’s 7:30...\n\nNaïve_x <unk>") == [
        *("it's", "7", ":", "30", "...", "\n", "naïve", "_", "x", UNKNOWN)
    ]
    assert words("") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cafe\u0301 ole\u0301", ["café", "olé"]),  # letters and accents apart
        ("x\u0302'y\u0302 q\u0323\u0307", ["x\u0302'ŷ", "q\u0323\u0307"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("สวัสดี ครับ", ["สวัสดี", "ครับ"]),
        ("שָׁלוֹם עֲלֵיכֶם", ["שָׁלוֹם", "עֲלֵיכֶם"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),  # a sign that letters do not join
        ("İstanbul DİYARBAKIR", ["i\u0307stanbul", "di\u0307yarbakir"]),
        ("\ufeffHello world", ["hello", "world"]),
        (
            "co\xadoperate \u200ehere\u200f \u2066there\u2069",
            ["cooperate", "here", "there"],
        ),
        ("one\u200btwo", ["one", "two"]),
        ("a\rb\r\nc\r\n\r\nd\u2028e\x85f", [*"a\nb\nc\nd\ne\nf"]),
        ("I ❤\ufe0f it 1\ufe0f\u20e3", ["i", "❤\ufe0f", "it", "1", "\ufe0f\u20e3"]),
        ("٣٤ ½x", ["٣٤", "½x"]),
        ("\u0301a", ["\u0301", "a"]),
    ],
)
def test_words_of_every_script_stay_whole(text: str, found: list[str]) -> None:
    assert words(text) == [unicodedata.normalize("NFC", word) for word in found]


@given(st.text(st.characters(categories=["L", "M", "N", "P", "Z"])))
def test_it_does_not_matter_how_accents_are_stored(text: str) -> None:
    apart, together = (unicodedata.normalize(form, text) for form in ("NFD", "NFC"))
    assert words(apart) == words(together)


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
        (
            lambda v: v.decode([0, 99]),
            "numbers holds symbols from 0 to 99; allowed: 0 to 10",
        ),
        (lambda v: v.decode([-1]), "numbers holds symbols from -1 to -1"),
        (lambda v: v.decode([[0]]), r"numbers has shape \(1, 1\); it must be \(n,\)"),
        (lambda v: v.of(["", "\n "[1:]]), "documents hold no word"),
        (lambda v: Vocabulary(("a", UNKNOWN)), r"begins with \('a',\); the first must"),
        (lambda v: Vocabulary((UNKNOWN, "a", "a")), "words holds 'a' 2 times"),
    ],
)
def test_what_makes_no_sense_is_refused(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(Vocabulary.of(TEXTS))
