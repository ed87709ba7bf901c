"""The word beside a verdict on a value that we do not know at first hand.

A verdict holds our number against a published one. Where we have that only from others,
or put it together ourselves, the verdict is worth less, and the reader is told so at
the verdict and not only in the small print: *second-hand* or *reconstructed*, with what
that means as a title. Chapters store their cards with their outputs; here the word is
added to what the page shows, so that no chapter has to run for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from collapse_lib.claims import Evidence
from collapse_lib.claims.ledger import KNOWN
from collapse_lib.claims.verdict import MIME, SYMBOLS

#: Ways to know a published value that a reader must not miss.
NOT_AT_FIRST_HAND = ("second-hand", "reconstructed")

HTML = "text/html"
_WORD = re.compile(r'<span class="verdict-word">.*?</span>')
_VERDICTS = "|".join(re.escape(f"{mark} {word}") for word, mark in SYMBOLS.items())
_ROW = re.compile(rf"(<th>(\w+)</th>\s*<td>[^<]*</td>\s*<td>(?:{_VERDICTS}))(</td>)")


def word_of(evidence: Evidence) -> str:
    """Return the word that a verdict needs beside it, or nothing."""
    return evidence.value if evidence.value in NOT_AT_FIRST_HAND else ""


def meaning_of(word: str) -> str:
    """Return what such a word means, in a sentence."""
    return f"Published value: {KNOWN[word][0]}. {KNOWN[word][1]}"


def beside(word: str) -> str:
    """Return the word as HTML to stand beside a verdict; nothing for no word."""
    if not word:
        return ""
    return f' <span class="known" title="{escape(meaning_of(word))}">{word}</span>'


def counted(words: Iterable[str]) -> str:
    """Say how many of some verdicts have which word, as HTML; nothing if none has."""
    every = list(words)
    found = {word: every.count(word) for word in NOT_AT_FIRST_HAND}
    parts = [f"{n}{beside(word)}" for word, n in found.items() if n]
    return f"<small>of these {', '.join(parts)}</small>" if parts else ""


def add_words(notebook: Mapping[str, Any], words: Mapping[str, str]) -> None:
    """Add the words to the cards and to the tables of verdicts in a notebook.

    Parameters
    ----------
    notebook
        Its content; the outputs are changed.
    words
        The word of each claim by id, as `word_of` returns it.
    """
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if HTML in data:
                data[HTML] = _with_words("".join(data[HTML]), data.get(MIME), words)


def _with_words(
    html: str, verdict: Mapping[str, Any] | None, words: Mapping[str, str]
) -> str:
    """Return a card, or a table of verdicts, with the words; other HTML as it is."""
    if verdict is not None:
        word = beside(words.get(verdict["claim"], ""))
        return _WORD.sub(lambda found: found[0] + word, html, count=1)
    if "<th>claim</th>" not in html:
        return html
    return _ROW.sub(lambda row: row[1] + beside(words.get(row[2], "")) + row[3], html)
