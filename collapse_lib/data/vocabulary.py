"""Words and numbers: text as blocks of integers that a language model trains on.

Deliberately plain: lower-case words, numbers, runs of punctuation and line ends, one
integer each, and one integer for every word outside the vocabulary. The vocabulary is
made once, from human text, and stays the same in all generations.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count
from collapse_lib.data.texts import check_symbols, check_text, check_texts

#: Stands for every word that is not in the vocabulary.
UNKNOWN = "<unk>"
#: How the end of a line or message is shown.
LINE_END = "/"
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
#: What is not seen and says nothing about words: soft hyphens, marks of the order of
#: bytes or of the direction of writing.
_UNSEEN = re.compile("[\xad\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_LETTERS = r"[^\W\d_]+"
_CLOSING = re.compile(r" ([.,;:!?)\]%]+|n't)(?= |$)")


def words(text: str) -> list[str]:
    r"""Cut a text into lower-case words, numbers, punctuation and line ends.

    An accent or vowel sign belongs to its letter, in every script, whether it is
    written with it as one character or after it. Lines end as they do on any system.

    Parameters
    ----------
    text
        Any text.

    Raises
    ------
    TypeError, ValueError
        If it is no text, see `collapse_lib.data.texts.check_text`.

    Examples
    --------
    >>> words("Don't go!\nI have 2.")
    ["don't", 'go', '!', '\n', 'i', 'have', '2', '.']
    """
    plain = _LINE_END.sub("\n", check_text("text", text)).lower()
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", _UNSEEN.sub("", plain))
        plain = plain.replace("\N{ZERO WIDTH SPACE}", " ")
        plain = plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    found = _token(plain.isascii()).findall(plain)
    return ["\n" if token[0] == "\n" else token for token in found]


@cache
def _token(ascii_only: bool) -> re.Pattern[str]:
    """Return the pattern of a word, number, line end or run of punctuation."""
    word = _LETTERS if ascii_only else _marked_word()
    return re.compile(rf"<unk>|{word}(?:'{word})*|\d+|\n+|(?:[^\w\s]|_)+")


def _marked_word() -> str:
    """Return the pattern of letters with the accents and vowel signs on them.

    The two signs that say how letters join belong to a word as well.
    """
    every = map(chr, range(sys.maxunicode + 1))
    marks = "".join(sign for sign in every if unicodedata.category(sign)[0] == "M")
    return f"{_LETTERS}(?:[{marks}\u200c\u200d]+(?:{_LETTERS})?)*"


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows, each with its number.

    Parameters
    ----------
    words
        Number -> word; number 0 is `UNKNOWN`, then the most frequent word.

    Raises
    ------
    TypeError, ValueError
        If these are no words, the first is not `UNKNOWN`, or one occurs twice.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the words."""
        words = tuple(check_texts("words", self.words))
        if not words or words[0] != UNKNOWN:
            raise ValueError(
                f"words begins with {words[:1]}; the first must be {UNKNOWN!r}, which "
                "stands for all others. Vocabulary.of(documents) makes a vocabulary"
            )
        if len(set(words)) < len(words):
            (word, times), *_ = Counter(words).most_common(1)
            raise ValueError(
                f"words holds {word!r} {times} times; each word has one number"
            )
        object.__setattr__(self, "words", words)

    @classmethod
    def of(cls, documents: Iterable[str], n_words: int | None = None) -> Vocabulary:
        """Take the most frequent words of some documents.

        Parameters
        ----------
        documents
            Texts, training texts only: a vocabulary that knows the test text cheats.
        n_words
            Size with `UNKNOWN`; default: every word. Words of the same frequency are
            taken in alphabetical order.

        Raises
        ------
        TypeError
            If the documents are no list of texts.
        ValueError
            If ``n_words`` is not an integer of at least 2, or there is no word.
        """
        if n_words is not None:
            n_words = check_count("n_words", n_words, least=2) - 1
        texts = check_texts("documents", documents)
        counts = Counter(word for text in texts for word in words(text))
        counts.pop(UNKNOWN, None)
        if not counts:
            raise ValueError("documents hold no word; give texts with words in them")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls((UNKNOWN, *ranked[:n_words]))

    def __len__(self) -> int:
        """Return the number of words, with `UNKNOWN`."""
        return len(self.words)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Word -> number."""
        return {word: number for number, word in enumerate(self.words)}

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the numbers of a text's words, shape ``(n,)``."""
        number = self.numbers.get
        return np.array([number(word, 0) for word in words(text)], dtype=np.int64)

    def blocks(self, documents: Iterable[str], length: int) -> NDArray[np.int64]:
        """Cut documents into blocks of equal length.

        No block crosses from one document into the next; what is left at the end of a
        document is dropped.

        Parameters
        ----------
        documents
            Texts.
        length
            Words per block.

        Returns
        -------
        array
            Shape ``(n, length)``.

        Raises
        ------
        TypeError
            If the documents are no list of texts.
        ValueError
            If ``length`` is not a positive integer or no document has so many words.
        """
        length = check_count("length", length, least=1)
        encoded = map(self.encode, check_texts("documents", documents))
        whole = [codes[: len(codes) // length * length] for codes in encoded]
        blocks = np.concatenate([*whole, np.empty(0, np.int64)]).reshape(-1, length)
        if not len(blocks):
            raise ValueError(f"no document has {length} words; take shorter blocks")
        return blocks

    def decode(self, numbers: ArrayLike) -> str:
        """Return readable text; a line end becomes `LINE_END`.

        Raises
        ------
        ValueError
            If these are not numbers of the vocabulary's, shape ``(n,)``.
        """
        codes = check_symbols("numbers", numbers, "(n,)", len(self))
        shown = [LINE_END if self.words[c] == "\n" else self.words[c] for c in codes]
        return _CLOSING.sub(r"\1", " ".join(shown))
