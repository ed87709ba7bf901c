"""The lists of wordfreq in the reader's browser, fetched when a cell asks for one.

The book's build writes a text for each language out of the package itself: a line for
each step of a hundredth of a power of ten in frequency, its words between tabs.
"""

from __future__ import annotations

from pathlib import Path

from live_start import SITE, fetch

#: Kept in step with ``live_pages.py``, which writes the lists.
LANGUAGES = ("en", "fi", "fr")


def available_languages(wordlist: str = "best") -> dict[str, str]:
    """Return language -> file, of those that the page can fetch."""
    return {language: f"{SITE}/words/{language}.txt" for language in LANGUAGES}


def get_frequency_dict(lang: str, wordlist: str = "best") -> dict[str, float]:
    """Return the words of the large list and their frequencies."""
    if wordlist == "small":
        raise ValueError("in the browser there is only the large list of wordfreq")
    fetch(f"words-{lang}")
    bands = Path(available_languages()[lang]).read_text("utf-8").split("\n")
    frequency = {}
    for place, band in enumerate(bands):
        frequency.update(
            dict.fromkeys(filter(None, band.split("\t")), 10 ** (-place / 100))
        )
    return frequency
