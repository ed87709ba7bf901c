"""One notation: the glossary is its law, for letters as for words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import symbols
import terms
from notebook_page import fate

from collapse_lib.book import notebooks

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "appendices" / "glossary.md").read_text("utf-8")
CHAPTERS = notebooks.chapters(ROOT)
#: Chapters that count fits by n, as the paper does; no other has this letter.
FITS_BY_N = {"03", "04", "06"}
#: Abbreviations that are names, units or everyday words.
NAMES = frozenset(
    "GPT OPT MNIST WMT STAR NYU IPTC CAWG AI EU SI ID OK US PDF PNG CPU JSON MIT CC BY "
    "LD".split()
)


def entries() -> list[str]:
    (body,) = re.findall(r"```\{glossary\}\n(.*?)\n```", GLOSSARY, flags=re.S)
    return [line for line in body.splitlines() if line and not line.startswith(" ")]


def written(number: str) -> str:
    """Return what a chapter says: its Markdown cells, in their order."""
    cells = CHAPTERS[number].content["cells"]
    return "\n\n".join(c["source"] for c in cells if c["cell_type"] == "markdown")


# ---- the readers ---------------------------------------------------------------------


def test_letters_of_a_formula_are_told_from_its_commands() -> None:
    formula = r"\frac{\sigma_t^2}{M-1}\operatorname{Var}X+\mathbb E\,e^{-n\lambda}"
    assert symbols.letters(formula) == [
        *(r"\sigma", "t", "M", "X", "e", "n", r"\lambda"),
    ]


def test_a_text_explains_what_it_names_equates_or_counts() -> None:
    text = "A share $q$ of $M$ points, $c=qM.$\n\n$$\\sum_{j<k} x_j \\sim y$$"
    assert symbols.explained(text) == {"q", "M", "c", "j", "k"}
    assert set(symbols.used(text)) == {"q", "M", "c", "j", "k", "x", "y"}


def test_first_uses_are_found_in_sentences_only() -> None:
    text = "# Nats\n`nats` {term}`p-value` costs two nats, then {term}`nats <nat>`"
    assert list(terms.not_linked(text, ["nat", "p-value"])) == [
        "`nats, then {term}`nats <nat>` ...` uses 'nat' first: link it with {term}`...`"
    ]
    assert terms.abbreviations("An MLE of `AUC`, XYZ", ["MLE"], []) == {"XYZ"}


# ---- chapters ------------------------------------------------------------------------


@pytest.mark.parametrize("number", CHAPTERS)
def test_every_letter_is_explained(number: str) -> None:
    everywhere, some = symbols.listed(GLOSSARY)
    text = written(number)
    known = everywhere | some.get(number, set()) | symbols.explained(text)
    unknown = {k: v for k, v in symbols.used(text).items() if k not in known}
    assert unknown == {}, "name it in words, or list it in appendices/glossary.md"


@pytest.mark.parametrize("number", sorted(set(CHAPTERS) - FITS_BY_N))
def test_a_number_of_samples_is_never_n(number: str) -> None:
    captions = [
        cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption", "")
        for cell in CHAPTERS[number].code
        if fate(cell) != "removed"
    ]
    for text in (written(number), *captions):
        assert "n" not in symbols.used(text), symbols.used(text)["n"]


@pytest.mark.parametrize("number", CHAPTERS)
def test_an_expectation_is_written_in_one_way(number: str) -> None:
    """A letter E that is no index is the expectation, and that is \\mathbb E."""
    assert "E" not in symbols.used(written(number))


@pytest.mark.parametrize("number", CHAPTERS)
def test_terms_are_linked_where_they_are_used_first(number: str) -> None:
    assert list(terms.not_linked(written(number), entries())) == []


@pytest.mark.parametrize("number", CHAPTERS)
def test_abbreviations_are_in_the_glossary(number: str) -> None:
    assert terms.abbreviations(written(number), entries(), NAMES) == set()
