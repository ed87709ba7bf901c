"""Letters in formulas: which a text uses, and which it explains itself.

A text explains a letter where a formula in a sentence is that letter alone (``the share
$q$ of the labels``), where a formula says what it equals or which law it has
(``$c=qM$``, ``$Z\\sim N(0,1)$``), and where it counts the terms of a sum or is what an
integral runs over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu "
    "xi pi rho sigma tau upsilon phi varphi chi psi omega ell Gamma Delta Theta Lambda "
    "Xi Pi Sigma Phi Psi Omega"
).split()
_GREEK = rf"\\(?:{'|'.join(GREEK)})(?![A-Za-z])"
#: A formula, in a sentence or in lines of its own; code and fences are none.
FORMULA = re.compile(
    r"^ *[`:]{3,}[^\n]*$|`[^`\n]+`|\$\$(?P<block>.+?)\$\$"
    r"|(?<!\\)\$(?!\s)(?P<inline>(?:[^$\\]|\\.)+?)(?<!\s)\$",
    re.S | re.M,
)
#: Words inside of formulas, and letters of a fixed meaning such as that of \mathbb E.
_WORDS = re.compile(
    r"\\(?:text|mathrm|operatorname|mathbb|mathcal|begin|end|label)\*?\s*"
    r"(?:\{[^{}]*\}|[A-Za-z])|\{glue:text\}`[^`]*`"
)
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_COMMAND = re.compile(rf"(?!{_GREEK})\\[A-Za-z]+")
_LETTER = re.compile(rf"{_GREEK}|[A-Za-z]")
_RELATION = re.compile(
    r"=|<|>|\\(?:sim|propto|approx|to|ge|le|in|mapsto|gg)(?![A-Za-z])"
)
_INDEX = re.compile(r"[_^](?:\{[^{}]*\}|\\[A-Za-z]+|\w)")
_COUNTED = re.compile(
    r"\\(?:sum|prod|int|max|min|binom|arg\\min)\s*_(?:\{([^{}]*)\}|(\w))"
)
_DIFFERENTIAL = re.compile(rf"(?<![A-Za-z])d({_GREEK}|[A-Za-z])")


def formulas(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each formula of a Markdown text, and whether it stands in a sentence."""
    for found in FORMULA.finditer(text):
        if formula := found["block"] or found["inline"]:
            yield _COMMENT.sub("", formula), found["inline"] is not None


def letters(formula: str) -> list[str]:
    """Return the letters of a formula in their order, Greek ones as commands."""
    return _LETTER.findall(_COMMAND.sub(" ", _WORDS.sub(" ", formula)))


def used(text: str) -> dict[str, str]:
    """Return the letters of a text, each with the first formula that has it."""
    places: dict[str, str] = {}
    for formula, _ in formulas(text):
        for letter in letters(formula):
            places.setdefault(letter, " ".join(formula.split()))
    return places


def explained(text: str) -> set[str]:
    """Return the letters that the text itself introduces."""
    found: set[str] = set()
    for formula, in_sentence in formulas(text):
        for match in _COUNTED.finditer(formula):
            found |= set(letters(match[1] or match[2]))
        found |= {match[1] for match in _DIFFERENTIAL.finditer(formula)}
        for part in re.split(r"[,;&]|\\\\", formula):
            head = re.sub(r"\([^()]*\)", "", _INDEX.sub("", _RELATION.split(part)[0]))
            alone = letters(head)
            if len(alone) == 1 and (in_sentence or _RELATION.search(part)):
                found.add(alone[0])
    return found


def listed(glossary: str) -> tuple[set[str], dict[str, set[str]]]:
    """Return the letters that a glossary has for every chapter, and for single ones.

    Its first table of symbols has them in the first column, its second one in the
    second, after the numbers of the chapters.
    """
    first, second = glossary.split("### In some chapters")
    everywhere: set[str] = set()
    for row in re.findall(r"^\| (\$.*?) \|", first, re.M):
        everywhere |= _in_row(row)
    some: dict[str, set[str]] = {}
    for numbers, row in re.findall(r"^\| ([\d, ]+) \| (\$.*?) \|", second, re.M):
        for number in numbers.split(","):
            some.setdefault(f"{int(number):02d}", set()).update(_in_row(row))
    return everywhere, some


def _in_row(row: str) -> set[str]:
    return {letter for formula, _ in formulas(row) for letter in letters(formula)}
