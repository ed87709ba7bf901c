"""The lists of wordfreq in the reader's browser, fetched when a cell asks for one.

The book's build writes a text for each language out of the package itself: a line for
each step of a hundredth of a power of ten in frequency, its words between tabs.
"""

from __future__ import annotations

from pathlib import Path

from live_start import SITE, fetch

#: Kept in step with ``live_pages.py``, which writes the lists.
WORDS = {"best": ("en", "fi", "fr"), "small": ("en", "is")}


def available_languages(wordlist: str = "best") -> dict[str, str]:
    """Return language -> file, of those that the page can fetch."""
    there = WORDS.get(wordlist, ())
    return {code: f"{SITE}/words/{wordlist}-{code}.txt" for code in there}


def get_frequency_dict(lang: str, wordlist: str = "best") -> dict[str, float]:
    """Return the words of a list and their frequencies."""
    fetch(f"words-{wordlist}-{lang}")
    path = available_languages(wordlist)[lang]
    bands = Path(path).read_text("utf-8").split("\n")
    frequency = {}
    for place, band in enumerate(bands):
        frequency.update(
            dict.fromkeys(filter(None, band.split("\t")), 10 ** (-place / 100))
        )
    return frequency
