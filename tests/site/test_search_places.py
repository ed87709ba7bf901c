"""What the search can find, and which code stands behind a number."""

from __future__ import annotations

import csv
from pathlib import Path

import cards
import code_links
import places
import pytest
import stored
from code_links import Cell
from docutils import nodes
from places import Place
from sphinx.search.en import SearchEnglish

from collapse_lib import claims
from collapse_lib.book.notebooks import BookError, chapters

# ---- from a number to its code -----------------------------------------------

CELLS = [
    Cell("0", "total = 1", True, {}),
    Cell("a", "import numpy as np\nx = np.arange(3)", True, {}),
    Cell("b", "total = x.sum()", False, {}),
    Cell("c", 'chapter.say("mean", total / len(x))', False, {"mean": "1"}),
    Cell("d", "%timeit x", True, {}),
    Cell("e", "def half():\n    y = 2\n    return total / y", True, {}),
    Cell("f", 'chapter.say("half", half())', True, {"half": "1.5"}),
    Cell("g", "total = 0", True, {}),
]


def test_names_come_from_the_last_cell_before_that_makes_them() -> None:
    made = code_links.origins(CELLS, CELLS[3])
    assert {name: cell.id for name, cell in made.items()} == {"total": "b", "x": "a"}
    # What a function takes counts, its own names and imports do not.
    assert CELLS[5].takes == {"total"} and CELLS[5].makes == {"half"}
    assert CELLS[1].makes == {"x"}
    assert CELLS[4].takes == set()  # a line that is not Python


def test_the_list_has_every_number_and_the_code_that_is_not_on_the_page() -> None:
    assert [cell.id for cell in code_links.listed(CELLS)] == ["b", "c", "f"]
    assert code_links.place(CELLS, "mean") == "number-mean"
    assert code_links.place(CELLS, "half") == "code-f"
    assert code_links.place(CELLS, "third") == ""
    text = code_links.number_list(CELLS, {"mean"}).astext()
    assert "2 computed numbers" in text and "total = x.sum()" in text
    assert '<a href="#said-mean" title="Where the text says it">' in text
    assert "#said-half" not in text  # the text does not say it
    assert 'from <a href="#code-f">this cell</a>' in text
    assert '<a href="#code-b"><code>total</code></a>' in text


def test_every_number_of_the_book_has_its_code(root: Path) -> None:
    for chapter in chapters(root).values():
        cells = code_links.cells_of(chapter)
        named = [name for cell in cells for name in cell.numbers]
        assert sorted(set(named)) == sorted(chapter.numbers), chapter.name
        judging = code_links.cells_judging(chapter)
        assert judging.keys() == chapter.verdicts.keys()
        assert all(cell.shown for cell in judging.values())


# ---- what is stored of a claim -----------------------------------------------


def test_every_claim_has_its_entry(root: Path) -> None:
    file = root / "claims.yaml"
    entries = stored.entries(file.read_text("utf-8"))
    assert entries.keys() == claims.load(file).keys()
    for claim_id, entry in entries.items():
        assert entry.startswith(f"- id: {claim_id}\n") and entry.count("- id:") == 1
        assert "  evidence:" in entry and "\n#" not in entry


def test_a_card_gets_what_it_lacks(root: Path) -> None:
    ledger = claims.load(root / "claims.yaml")
    (claim,) = [one for one in ledger.values() if one.id == "C05"]
    verdict = claims.judge(
        claim,
        {name: claims.Estimate(1.0, 0.1, against=1.0) for name in claim.checks},
        "ci",
        {name: claims.Estimate(9.0, 0.1, against=1.0) for name in claim.controls},
    )
    card = claims.card.as_html(verdict)
    html = cards.complete(card, claim, {"Code": "#code-x", "Stored": "a.json"})
    summary, rest = html.split("</summary>")
    assert "<a" not in summary
    assert '<a class="claim-address" href="#claim-C05">Link to this claim</a>' in rest
    evidence, measured = rest.split('<p class="verdict-measure">')
    assert evidence.rstrip().endswith("</p>") and "verdict-evidence" in evidence
    assert measured.startswith("How we measure it: Resample with a state")
    assert ' · <a href="#code-x">Code</a> · <a href="a.json">Stored</a>' in measured
    assert html.endswith("</details>") and html.count("</details>") == 1


# ---- words and places --------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is π²/6?", ["pi2", "6"]),
        (r"$\frac{\pi^2}{6}$", ["frac", "pi2", "6"]),
        ("Chi-squared", ["chi2"]),
        (r"$\chi^2_{M-1}$", ["chi2", "m", "1"]),
        ("20,000 or 89.9 %", ["20000", "89.9"]),
        ("Fréchet", ["frechet"]),
        ("Where is it?", ["where", "is", "it"]),  # nothing else is left
    ],
)
def test_words_are_compared_in_one_way(text: str, found: list[str]) -> None:
    assert places.words(text) == found


def test_words_that_a_title_has_are_not_repeated() -> None:
    stemmer = SearchEnglish({})
    assert places.stems("Photocopies of a photocopy", stemmer) == "photocopi"
    assert places.stems("copies fade", stemmer, ["copi"]) == "fade"


def test_a_number_is_found_with_its_sentence() -> None:
    number = nodes.inline("", "89.9")
    text = "First. " + "Long ago " * 9 + "blue dies in "
    nodes.paragraph("", "", nodes.Text(text), number, nodes.Text(" of ten. Then"))
    found = places.sentence_around(number)
    assert found.startswith("… ") and found.endswith("ago blue dies in 89.9 of ten.")
    assert "First" not in found and len(found) < 90


def test_names_for_a_place_that_is_gone_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "also_called.yaml"
    known = [("intro", Place("section", "how", "How", "", ("how", "sec-how")))]
    file.write_text("intro#sec-how: [why, because]\n")
    assert places.called(file, known) == {("intro", "how"): ["why", "because"]}
    file.write_text("intro#who: [why]\n")
    with pytest.raises(BookError, match="intro#who is no place; intro has how, sec-"):
        places.called(file, known)


def test_a_stored_run_is_a_table_too():
    table = stored.as_csv({"n": 3, "a": [[0.5, 1.5], [2, 3]], "arms": "one, two"})
    assert list(csv.reader(table.splitlines())) == [
        ["name", "place", "value"],
        ["n", "", "3"],
        ["a", "0/0", "0.5"],
        ["a", "0/1", "1.5"],
        ["a", "1/0", "2"],
        ["a", "1/1", "3"],
        ["arms", "", "one, two"],
    ]
