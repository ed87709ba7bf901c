"""Real data: how often words were used before language models wrote text.

The frequencies are Robyn Speer's *wordfreq* (Speer 2022), counted in books, subtitles,
news, encyclopedias and web pages up to 2021. Its author stopped updating it because
generated text had polluted the sources (Speer 2024). The data come inside the package;
nothing is downloaded. They are under CC BY-SA 4.0 and name their author as a condition.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_choice, check_count, check_number, given
from collapse_lib.data.texts import check_text
from collapse_lib.declared import declared

#: The release whose numbers the book shows.
WORDFREQ_VERSION = "3.1.1"
#: ``small`` keeps words seen at least once in a million, ``large`` once in a hundred
#: million; ``best`` is ``large`` where it exists.
WORDLISTS = ("best", "large", "small")


@declared
@dataclass(frozen=True)
class WordFrequencies:
    """The words of a language and how often they are used.

    Parameters
    ----------
    words
        Most frequent first; words of the same frequency in alphabetical order.
    p
        Their probabilities, shape ``(len(words),)``, with sum 1.
    coverage
        The share of running text that these words made up before ``p`` was divided
        by it: the rest are words too rare to be listed, or cut off by ``n_words``.
    language
        Language code.
    wordlist
        Which list of the package, see `WORDLISTS`.
    """

    words: tuple[str, ...]
    p: NDArray[np.float64]
    coverage: float
    language: str
    wordlist: str

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.words)

    @property
    def provenance(self) -> str:
        """Say in one line where the numbers come from and whom to credit."""
        return (
            f"{len(self):,} words of language {self.language!r}, list "
            f"{self.wordlist!r} of wordfreq {WORDFREQ_VERSION} by Robyn Speer: text "
            "up to 2021, data under CC BY-SA 4.0"
        )

    def examples(
        self, low: float, high: float, n: int, *, min_letters: int = 6
    ) -> NDArray[np.intp]:
        """Return the places of ``n`` words from a band of frequency.

        The rule looks at no meaning: of the words that consist of letters only, at
        least ``min_letters``, take ``n`` at equal distances in rank.

        Parameters
        ----------
        low, high
            The band: ``low <= p < high``.
        n
            How many words.
        min_letters
            Shortest word to take; short ones are mostly function words and names.

        Raises
        ------
        ValueError
            If the band holds fewer than ``n`` such words, or a bound is no number.
        """
        n = check_count("n", n, least=1)
        min_letters = check_count("min_letters", min_letters, least=0)
        low, high = check_number("low", low), check_number("high", high)
        inside = np.flatnonzero((self.p >= low) & (self.p < high))
        kept = [
            place
            for place in inside
            if len(self.words[place]) >= min_letters and self.words[place].isalpha()
        ]
        if len(kept) < n:
            raise ValueError(
                f"n is {n}, but only {len(kept)} words of {min_letters} or more "
                f"letters have a frequency from low = {low:.3g} to high = {high:.3g}; "
                "widen the band or take fewer"
            )
        # The middles of n equal parts, so that no word sits on the edge of the band.
        middles = (np.arange(n) + 0.5) * len(kept) / n
        return np.array([kept[place] for place in middles.astype(int)], dtype=np.intp)


def word_frequencies(
    language: str = "en", *, wordlist: str = "best", n_words: int | None = None
) -> WordFrequencies:
    """Return word frequencies from before language models.

    Parameters
    ----------
    language
        Language code as in the package, for example ``"en"`` or ``"fi"``.
    wordlist
        One of `WORDLISTS`.
    n_words
        Keep the most frequent ones only; default: the whole list.

    Raises
    ------
    ValueError
        If the list or the language is unknown, ``n_words`` is not from 1 to the length
        of the list, or another release of the package is installed.

    Notes
    -----
    Source: Speer (2022). The package rounds frequencies to about a percent, so that
    many words share one.

    Examples
    --------
    >>> english = word_frequencies("en", wordlist="small", n_words=3)
    >>> english.words, english.p.round(3)
    (('the', 'to', 'and'), array([0.505, 0.253, 0.242]))
    """
    # Not at the top: the browser's copy of this library has no wordfreq.
    import wordfreq

    check_release(version("wordfreq"))
    check_choice("wordlist", wordlist, WORDLISTS)
    known = sorted(wordfreq.available_languages(wordlist))
    if not isinstance(language, str) or language not in known:
        raise ValueError(
            f"language is {given(language)}; the list {wordlist!r} has "
            f"{', '.join(known)}"
        )
    frequency = wordfreq.get_frequency_dict(language, wordlist=wordlist)
    words = sorted(frequency, key=lambda word: (-frequency[word], word))
    if n_words is not None:
        words = words[: _check_length(n_words, len(words), language, wordlist)]
    share = np.array([frequency[word] for word in words])
    total = float(share.sum())
    return WordFrequencies(tuple(words), share / total, total, language, wordlist)


def check_release(installed: str) -> None:
    """Raise a ValueError unless this is the release whose numbers the book shows."""
    if check_text("installed", installed) != WORDFREQ_VERSION:
        raise ValueError(
            f"wordfreq {installed} is installed; the book's numbers are from "
            f"{WORDFREQ_VERSION}: pip install wordfreq=={WORDFREQ_VERSION}"
        )


def _check_length(n_words: int, available: int, language: str, wordlist: str) -> int:
    n_words = check_count("n_words", n_words, least=1)
    if n_words > available:
        raise ValueError(
            f"n_words is {n_words}; the list {wordlist!r} of language {language!r} "
            f"has {available} words"
        )
    return n_words
