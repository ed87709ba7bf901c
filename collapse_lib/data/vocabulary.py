"""Words and numbers: text as blocks of integers that a language model trains on.

Deliberately plain: lower-case words, numbers, runs of punctuation and line ends, one
integer each, and one integer for every word outside the vocabulary. The vocabulary is
made once, from human text, and stays the same in all generations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count

#: Stands for every word that is not in the vocabulary.
UNKNOWN = "<unk>"
#: How the end of a line or message is shown.
LINE_END = "/"
_TOKEN = re.compile(r"<unk>|[^\W\d_]+(?:'[^\W\d_]+)*|\d+|\n+|(?:[^\w\s]|_)+")
_CLOSING = re.compile(r" ([.,;:!?)\]%]+|n't)(?= |$)")


def words(text: str) -> list[str]:
    r"""Cut a text into lower-case words, numbers, punctuation and line ends.

    Examples
    --------
    >>> words("Don't go!\nI have 2.")
    ["don't", 'go', '!', '\n', 'i', 'have', '2', '.']
    """
    found = _TOKEN.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return ["\n" if token[0] == "\n" else token for token in found]


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows, each with its number.

    Parameters
    ----------
    words
        Number -> word; number 0 is `UNKNOWN`, then the most frequent word.
    """

    words: tuple[str, ...]

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
        ValueError
            If ``n_words`` is not an integer of at least 2.
        """
        counts = Counter(word for text in documents for word in words(text))
        counts.pop(UNKNOWN, None)
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        if n_words is not None:
            ranked = ranked[: check_count("n_words", n_words, least=2) - 1]
        return cls((UNKNOWN, *ranked))

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
        ValueError
            If ``length`` is not a positive integer or no document has so many words.
        """
        length = check_count("length", length, least=1)
        encoded = (self.encode(text) for text in documents)
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
            If a number is not one of the vocabulary's.
        """
        codes = np.asarray(numbers)
        if codes.size and not (0 <= codes.min() and codes.max() < len(self)):
            raise ValueError(
                f"numbers are {codes.min()} to {codes.max()}; the vocabulary has 0 to "
                f"{len(self) - 1}"
            )
        shown = [LINE_END if self.words[c] == "\n" else self.words[c] for c in codes]
        return _CLOSING.sub(r"\1", " ".join(shown))
