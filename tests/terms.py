"""Words of the glossary in the prose of a chapter, and abbreviations without an entry.

A chapter links a term where it uses it first, so that a reader who meets a word can ask
what it means. Words that everybody knows in the sense in which the glossary has them
are left out: `EVERYDAY` says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Entries whose word the prose uses all the time, or in its common sense too.
EVERYDAY = {
    *("absorption", "accumulate", "alarm", "augment", "band", "chain", "claim"),
    *("collapse", "control", "coverage", "curation", "density", "entropy", "epoch"),
    *("false alarm", "fresh", "generation", "human loss", "lean", "ledger", "minority"),
    *("model 0", "model collapse", "most probable label", "near copy", "own loss"),
    *("perplexity", "precision", "provenance", "pull", "quantile", "recall"),
    *("record of origin", "regime", "replace", "risk", "scale", "separable"),
    *("smoothing", "standard error", "support", "synthetic data", "tail"),
    *("temperature", "token", "tournament", "types", "verdict", "verification"),
    *("watermark", "web", "world", "z"),
}
#: Other spellings of a term in a sentence, as patterns; its own plural is known.
SPELLINGS = {
    "almost surely": ("with probability 1",),
    "bandwidth": ("bandwidths?",),
    "Bartlett's decomposition": ("Bartlett's\\s+decomposition",),
    "chi-squared law": ("chi-squared(?: law)?", "chi variables?"),
    "Cochran's theorem": ("Cochran's theorem",),
    "digamma function": ("digamma(?: function)?",),
    "exact law": ("exact law",),
    "Gaussian mixture": ("Gaussian mixtures?", "mixture of (?:two |five )?Gaussians"),
    "Jensen's inequality": ("Jensen's\\s+inequality", "Jensen"),
    "k-means": ("k-means",),
    "kernel density estimate": ("kernel density estimates?",),
    "Kolmogorov-Smirnov test": ("Kolmogorov-Smirnov tests?",),
    "Kneser-Ney smoothing": ("Kneser and Ney(?:'s\\s+(?:rule|fallback))?",),
    "maximum likelihood estimator": (
        "maximum[ -]likelihood (?:estimator|estimate|fit)s?",
    ),
    "nat": ("nats?",),
    "p-value": ("p-values?",),
    "coalescent": ("(?:Kingman's\\s+)?coalescent",),
    "EM algorithm": ("expectation-maximisation", "EM"),
    "Poisson law": ("Poisson(?:'s law| law| number)?",),
    "reproducing kernel Hilbert space": ("reproducing kernel Hilbert space",),
    "Student's t": ("Student's(?:\\s+(?:law|\\$t\\$(?: distribution)?))?",),
    "stratified batches": ("stratified batch(?:es)?",),
    "Wasserstein distance": (
        "(?:squared )?(?:2-)?Wasserstein(?:'s)?(?:\\s+(?:distance|drift))?",
    ),
    "Wishart distribution": ("Wishart (?:distribution|law|matrix)",),
    "Wright-Fisher model": ("Wright-Fisher model",),
    "Zipf's law": ("Zipf's (?:law|frequencies|exponent)",),
}
#: What is no sentence: fences and their options, code, formulas, titles, tables, roles.
NO_PROSE = re.compile(
    r"^ *(?:[`:]{3,}[^\n]*|:\w+:[^\n]*|#[^\n]*|\|[^\n]*|\([\w-]+\)=)$|^---.*?^---$"
    r"|`{1,2}[^`]+`{1,2}|\$\$.+?\$\$|(?<!\\)\$(?!\s)(?:[^$\\]|\\.)+?\$"
    r"|\{[\w:]+\}`[^`]*`|\[[^\]]*\]\([^)]*\)|<[^>]+>",
    re.S | re.M,
)
LINKED = re.compile(r"\{term\}`([^`]+)`")


def patterns(terms: Iterable[str]) -> dict[str, re.Pattern[str]]:
    """Return what to look for, for each term that is to be linked."""
    found = {}
    for term in terms:
        if term.casefold() in EVERYDAY:
            continue
        plain = re.escape(term).replace(r"\ ", r"\s+") + "s?"
        words = "|".join(SPELLINGS.get(term, (plain,)))
        flags = 0 if term.isupper() or re.search("[A-Z]{2}", words) else re.I
        found[term] = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", flags)
    return found


def prose(text: str) -> str:
    """Return a text with blanks in the place of what is no sentence."""
    return NO_PROSE.sub(lambda found: re.sub(r"\S", " ", found[0]), text)


def targets(text: str) -> dict[str, int]:
    """Return where each term is linked first."""
    places: dict[str, int] = {}
    for found in LINKED.finditer(text):
        target = re.sub(r"^.*<([^>]+)>$", r"\1", found[1], flags=re.S)
        places.setdefault(" ".join(target.split()).casefold(), found.start())
    return places


def not_linked(text: str, terms: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with the links of a text to the glossary."""
    linked, sentences = targets(text), prose(text)
    for term, pattern in patterns(terms).items():
        if (used := pattern.search(sentences)) is None:
            continue
        place = linked.get(term.casefold())
        if place is None or place > used.start():
            line = " ".join(text[used.start() : used.start() + 50].split())
            yield f"`{line} ...` uses {term!r} first: link it with {{term}}`...`"


#: The number of a claim, which is no abbreviation.
CLAIM = re.compile(r"[CL]\d{2,}")
#: An abbreviation: capitals, perhaps with digits.
ABBREVIATION = re.compile(r"(?<![\w-])[A-Z][A-Z0-9]{1,}(?![\w])")


def abbreviations(text: str, known: Iterable[str], others: Iterable[str]) -> set[str]:
    """Return the abbreviations that neither the glossary nor a list of names has."""
    entries = " ".join(known)
    found = set(ABBREVIATION.findall(prose(text))) - set(others)
    return {
        word
        for word in found
        if not CLAIM.fullmatch(word) and not re.search(rf"\b{word}\b", entries)
    }
