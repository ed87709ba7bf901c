"""What a text, a list of texts and their symbols must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_lib.data.corpora import Corpus, parts, repeats
from collapse_lib.data.texts import check_symbols, check_text, check_texts
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.data.vocabulary import Vocabulary, words

DOCUMENTS = ["to be or not to be", "that is the question"]
VOCABULARY = Vocabulary.of(DOCUMENTS)
TOKENIZER = Tokenizer.train(DOCUMENTS * 9, 260)
#: Everything that takes one text, and its name of it.
ONE: dict[str, tuple[Callable[[Any], object], str]] = {
    "words": (words, "text"),
    "repeats": (repeats, "text"),
    "Vocabulary.encode": (VOCABULARY.encode, "text"),
    "Tokenizer.encode": (TOKENIZER.encode, "text"),
    "Tokenizer.token": (TOKENIZER.token, "text"),
}
#: Everything that takes several, and its name of them.
SEVERAL: dict[str, tuple[Callable[[Any], object], str]] = {
    "Vocabulary": (Vocabulary, "words"),
    "Vocabulary.of": (Vocabulary.of, "documents"),
    "Vocabulary.blocks": (lambda texts: VOCABULARY.blocks(texts, 2), "documents"),
    "Tokenizer.train": (lambda texts: Tokenizer.train(texts, 257), "texts"),
    "Tokenizer.blocks": (lambda texts: TOKENIZER.blocks(texts, 2), "texts"),
    "Corpus": (lambda texts: Corpus("own", "train", texts, "mine"), "documents"),
    "parts": (parts, "documents"),
}
NO_TEXT = [None, b"abc", 3, float("nan"), pd.NA, ["a"], str, np.ma.masked, object()]
NO_TEXTS = [
    *("one text", "", b"abc", None, 3, float("nan"), str, object(), {"a": "b"}, {"a"}),
    *(np.array("a"), np.array([["a"]]), pd.DataFrame({"a": ["b"]}), torch.zeros(())),
]


@pytest.mark.parametrize("call", ONE)
@pytest.mark.parametrize("value", NO_TEXT, ids=lambda v: type(v).__name__)
def test_what_is_no_text_is_refused(call: str, value: object) -> None:
    function, name = ONE[call]
    with pytest.raises(TypeError, match=f"^{name} is .*; it must be a text, that is a"):
        function(value)


@pytest.mark.parametrize("call", SEVERAL)
@pytest.mark.parametrize("value", NO_TEXTS, ids=lambda v: type(v).__name__)
def test_what_is_no_list_of_texts_is_refused(call: str, value: object) -> None:
    function, name = SEVERAL[call]
    with pytest.raises(TypeError, match=f"^{name} is .*; it must be a list of texts"):
        function(value)


@pytest.mark.parametrize("call", SEVERAL)
@pytest.mark.parametrize("value", NO_TEXT, ids=lambda v: type(v).__name__)
def test_a_list_with_something_else_in_it_is_refused(call: str, value: object) -> None:
    function, name = SEVERAL[call]
    with pytest.raises(TypeError, match=rf"^{name}\[1\] is .*; it must be a text"):
        function(["<unk>", value])


@pytest.mark.parametrize("call", [*ONE, *SEVERAL])
def test_half_a_character_is_refused(call: str) -> None:
    if call in ONE:
        (function, name), value = ONE[call], "half \ud83d"
    else:
        (function, name), value = SEVERAL[call], ["<unk>", "half \ud83d"]
    with pytest.raises(
        ValueError, match=rf"^{name}.* holds the lone .*ud83d' at place 5"
    ):
        function(value)


def test_bytes_and_a_corpus_say_what_to_do() -> None:
    with pytest.raises(TypeError, match=r"decode bytes first, as in data\.decode"):
        check_text("text", b"abc")
    with pytest.raises(TypeError, match="documents is .*Corpus.*; take its documents"):
        parts(Corpus("own", "train", ("a",), "mine"))


@pytest.mark.parametrize(
    "texts",
    [DOCUMENTS, tuple(DOCUMENTS), np.array(DOCUMENTS), pd.Series(DOCUMENTS),
     np.array(DOCUMENTS, object), (text for text in DOCUMENTS), []],
    ids=["list", "tuple", "array", "column", "objects", "generator", "empty"],
)  # fmt: skip
def test_any_ordered_texts_will_do(texts: Any) -> None:
    found = list(check_texts("texts", texts))
    assert found == DOCUMENTS[: len(found)]
    assert {type(text) for text in found} <= {str}


def test_parts_need_a_text_each() -> None:
    with pytest.raises(ValueError, match="documents hold 9 different texts; at least"):
        parts([*"abcdefghi", "a"])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "tokens is None; numbers are needed"),
        ("abc", "tokens is 'abc'; numbers are needed"),
        ({"a": 1}, "tokens is {'a': 1}; numbers are needed"),
        (int, "tokens is the class int"),
        ([[1, 2], [3]], r"tokens is \[\[1, 2\], \[3\]\] that cannot become an array"),
        ([1, 2], r"tokens has shape \(2,\); it must be \(n, length\)"),
        ([[1.0]], "tokens holds float64 values; symbols must be integers"),
        ([[np.nan]], "tokens holds float64 values"),
        ([[1, None]], "tokens holds 1 values that are no numbers, the first is None"),
        ([[True]], "tokens holds bool values"),
        ([["1"]], r"tokens is \[\['1'\]\]; numbers are needed"),
        ([[-1]], "tokens holds symbols from -1 to -1; allowed: 0 to 8"),
        ([[9]], "tokens holds symbols from 9 to 9; allowed: 0 to 8"),
        ([[2**80]], "tokens holds float64 values"),
        (np.array([[2**63]], np.uint64), "9223372036854775808; allowed"),
        (np.ma.array([[1, 2]], mask=[[0, 1]]), "tokens has 1 masked"),
        (torch.ones(1, 2, requires_grad=True), "cannot become an array of numbers"),
    ],
)
def test_what_are_no_symbols_is_refused(value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_symbols("tokens", value, "(n, length)", 9)


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2]],
        np.array([[1, 2]], np.uint64),
        np.array([[1, 2]], np.int8),
        torch.tensor([[1, 2]]),
        np.ma.array([[1, 2]]),
        pd.DataFrame([[1, 2]]),
    ],
)
def test_symbols_of_any_integer_type_are_the_same(value: Any) -> None:
    found = check_symbols("tokens", value, "(n, length)", 3)
    assert type(found) is np.ndarray and found.dtype == np.int64
    assert found.tolist() == [[1, 2]]
    assert check_symbols("tokens", value, "(..., length)").tolist() == [[1, 2]]
