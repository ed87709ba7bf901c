"""What the pages compute from the book's data, and that wrong data stop a build."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cards
import citing
import draw_logo
import front
import ledger
import numpy as np
import offline
import pages
import pandas as pd
import pytest
import repository
import table_heads
import tables
import yaml
from docutils import nodes
from PIL import Image
from roles import claim_place, find_number
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from collapse_lib import claims
from collapse_lib.book import lock, notebooks, pictures
from collapse_lib.book.display import GLUE
from collapse_lib.book.notebooks import BookError
from collapse_lib.claims import Estimate
from collapse_lib.claims.verdict import MIME

WITH_NUMBERS = "01-first"


def entry(number: int, chapter: str = "20") -> dict[str, Any]:
    """A claim that no chapter tests."""
    return {
        "id": f"C{number:02d}",
        "title": f"Claim {number}",
        "source": "the paper",
        "statement": "It holds.",
        "published": "1 < 2",
        "measure": "Count.",
        "chapter": chapter,
        "evidence": {"value": "second-hand"},
        "not_attempted": "a later chapter will",
    }


def judged(number: int, because: str = "") -> dict[str, Any]:
    """A claim of chapter 01 with one check."""
    one = entry(number, "01")
    del one["not_attempted"]
    tolerance = {"abs": 0.1, "reason": "enough"}
    check = {
        "what": "Its size",
        "expected": 1.0,
        "tolerance": tolerance,
        "control": {"none": "nothing else has a size"},
    }
    return {
        **one,
        "evidence": {"value": "digitised", "test": "smaller model"},
        "checks": {"size": check},
        **({"because": because} if because else {}),
    }


def verdict_output(claim_id: str, size: float, ledger_file: Path) -> dict[str, Any]:
    claim = claims.load(ledger_file)[claim_id]
    verdict = claims.judge(claim, {"size": Estimate(size)}, "ci")
    bundle = claims.card.mimebundle(verdict)
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


def glue_output(name: str, text: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "metadata": {"scrapbook": {"name": name, "mime_prefix": GLUE}},
        "data": {f"{GLUE}text/plain": text},
    }


def code_cell(*outputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": 1,
        "source": 'SCALES = {"ci": {}, "laptop": {}}',
        "outputs": list(outputs),
    }


def write_notebook(path: Path, *cells: dict[str, Any], **metadata: Any) -> None:
    text = {"cell_type": "markdown", "metadata": {}, "source": "# The first\n"}
    content = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": metadata,
        "cells": [text, *cells],
    }
    path.write_text(json.dumps(content), "utf-8")


def name_in_contents(book: Path, *names: str) -> None:
    entries = [{"file": f"chapters/{name}"} for name in names]
    (book / "_toc.yml").write_text(yaml.safe_dump({"chapters": entries}), "utf-8")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book with one chapter, which tests C01 to C03; C04 to C46 are not tested."""
    (tmp_path / "chapters").mkdir()
    (tmp_path / "appendices").mkdir()
    (tmp_path / "benchmarks").mkdir()
    own = [judged(1), judged(2, because="too <large>"), judged(3)]
    entries = own + [entry(number) for number in range(4, 47)]
    ledger_file = tmp_path / "claims.yaml"
    sources = {"C": {"name": "The paper", "last": 46}}
    content = {"sources": sources, "claims": entries}
    ledger_file.write_text(yaml.safe_dump(content), "utf-8")
    outputs = [
        verdict_output(claim_id, size, ledger_file)
        for claim_id, size in (("C01", 1.0), ("C02", 2.0), ("C03", 1.05))
    ]
    write_notebook(
        tmp_path / f"chapters/{WITH_NUMBERS}.ipynb",
        code_cell(*outputs, glue_output("sigma", "'0.017'")),
        collapse={"seconds": 7},
    )
    name_in_contents(tmp_path, WITH_NUMBERS)
    (tmp_path / "requirements.lock").write_text("# pins\nNumPy==2.0\ntorch==2.4\n")
    rows = [row()]
    write_benchmark(tmp_path, rows)
    return tmp_path


def row(**changes: Any) -> dict[str, Any]:
    base = {"what": "Fit", "ours": 0.002, "theirs": 0.4, "unit": "s", "ratio": 200.0}
    return {**base, "bar": 100, **changes}


def write_benchmark(book: Path, rows: Any) -> Path:
    path = book / "benchmarks" / "fit.json"
    content = {"name": "Fits", "machine": {"cores": 2}, "created": "2026", "rows": rows}
    path.write_text(json.dumps(content), "utf-8")
    return path


def edit_claims(book: Path, change: Any) -> None:
    path = book / "claims.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    content["claims"] = change(content["claims"])
    path.write_text(yaml.safe_dump(content), "utf-8")


def edit_notebook(book: Path, old: str, new: str) -> None:
    path = book / f"chapters/{WITH_NUMBERS}.ipynb"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


# ---- reading -----------------------------------------------------------------


def test_a_chapter_is_read_from_its_outputs(book: Path) -> None:
    (chapter,) = notebooks.checked(book).values()
    assert (chapter.label, chapter.docname) == ("1. The first", "chapters/01-first")
    assert chapter.numbers == {"sigma": "0.017"}
    words = {key: value["verdict"] for key, value in chapter.verdicts.items()}
    assert words["C01"] == "reproduced"
    assert words["C02"] == "not reproduced"
    assert len(chapter.code) == 1


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("# The first", "The first", "no heading of level 1"),
        (
            '"verdict": "reproduced"',
            '"verdict": "true"',
            "verdict: got 'true'; allowed",
        ),
        ('"chapter": "01"', '"chapter": "02"', "belongs to chapter '02'"),
        ('"scale": "ci", ', "", "outputs: scale missing; required"),
        ("'0.017'", "0.017", "stored as '0.017'; expected is a quoted text"),
        ('"cells"', '"cell"', "not a notebook"),
        ('"claim": "C03"', '"claim": "C01"', "two different verdicts on C01"),
    ],
)
def test_a_malformed_chapter_is_refused(
    book: Path, old: str, new: str, complaint: str
) -> None:
    edit_notebook(book, old, new)
    with pytest.raises(BookError, match=re.escape(complaint)):
        notebooks.checked(book)


def test_two_chapters_with_one_number_are_refused(book: Path) -> None:
    write_notebook(book / "chapters/01-second.ipynb")
    name_in_contents(book, WITH_NUMBERS, "01-second")
    with pytest.raises(BookError, match="have the same number"):
        notebooks.checked(book)


def test_a_stored_result_that_does_not_fit_is_refused(book: Path) -> None:
    (book / "results/01").mkdir(parents=True)
    (book / "results/01/laptop.json").write_text("{}", "utf-8")
    with pytest.raises(BookError, match=r"results of chapter 01: 01/laptop.json"):
        notebooks.checked(book)


# ---- the ledger --------------------------------------------------------------


def joined(book: Path) -> list[ledger.Row]:
    return ledger.join(claims.load(book / "claims.yaml"), notebooks.checked(book))


def test_claims_get_the_verdicts_of_their_chapters(book: Path) -> None:
    rows = joined(book)
    assert [r.claim.id for r in rows] == [f"C{n:02d}" for n in range(1, 47)]
    assert [r.word for r in rows[:4]] == [
        "reproduced",
        "not reproduced",
        "reproduced",
        "not attempted",
    ]


def test_claims_stand_in_the_order_of_their_numbers(book: Path) -> None:
    more = [{**entry(99), "id": f"L{name}"} for name in ("100", "99", "99b", "101a")]
    edit_claims(book, lambda entries: [*more, *entries])
    content = yaml.safe_load((book / "claims.yaml").read_text("utf-8"))
    content["sources"]["L"] = {"name": "The literature"}
    (book / "claims.yaml").write_text(yaml.safe_dump(content), "utf-8")
    last = [row.claim.id for row in joined(book)][-4:]
    assert last == ["L99", "L99b", "L100", "L101a"]


def test_a_number_without_entry_is_refused(book: Path) -> None:
    edit_claims(book, lambda entries: entries[:-2])
    with pytest.raises(ValueError, match="no entry for C45, C46"):
        joined(book)


def test_a_verdict_on_another_chapters_claim_is_refused(book: Path) -> None:
    def hand_over(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        entries[2]["chapter"] = "02"
        return entries

    edit_claims(book, hand_over)
    with pytest.raises(BookError, match="judges C03, which claims.yaml does not give"):
        joined(book)


def test_a_claim_without_its_verdict_is_refused(book: Path) -> None:
    edit_claims(book, lambda entries: [*entries[:3], judged(4), *entries[4:]])
    with pytest.raises(BookError, match="checks for C04, but chapter 01 shows no"):
        joined(book)


@pytest.mark.parametrize(
    ("name", "larger"), [("size", (("laptop", "partly"),)), ("weight", ())]
)
def test_a_stored_run_is_judged_by_what_it_measured(name: str, larger: Any) -> None:
    """One with other checks than today's has no verdict on the claim."""
    claim = claims.load()["C07"]
    numbers = dict.fromkeys(claim.checks, 0.02)
    judgement = claims.judge(
        claim, {key: Estimate(x, 0.001, against=0.02) for key, x in numbers.items()}
    ).payload()
    stored = json.loads(json.dumps(judgement))
    stored["checks"][0] |= {"value": 0.5}
    if name != "size":
        stored["checks"][0]["name"] = name
    chapter = SimpleNamespace(
        verdicts={"C07": judgement},
        stored={"laptop": SimpleNamespace(verdicts=[stored])},
    )
    row = ledger._join_one(claim, cast(Any, {"02": chapter}))
    assert row.larger == larger


# ---- roles, benchmarks, status, files ----------------------------------------


def test_a_number_is_found_or_the_known_ones_are_named(book: Path) -> None:
    assert find_number(book, "01:sigma") == "0.017"
    for key, complaint in (
        ("01:mu", "has no number 'mu'; it has sigma"),
        ("07:sigma", "no chapter '07'; the chapters are 01"),
        ("sigma", "write it like 03:median_sigma"),
    ):
        with pytest.raises(BookError, match=re.escape(complaint)):
            find_number(book, key)


def test_verdicts_are_counted(book: Path) -> None:
    words = {"reproduced": 2, "not reproduced": 1, "not attempted": 43, "judged": 3}
    for word, count in words.items():
        assert find_number(book, f"ledger:{word}") == str(count)
    with pytest.raises(BookError, match="no verdict is called 'true'; there are repr"):
        find_number(book, "ledger:true")


def test_a_claim_is_found_at_its_card_or_in_the_ledger(book: Path) -> None:
    assert claim_place(book, "C02")[:2] == ("chapters/01-first", "claim-C02")
    assert claim_place(book, "C02")[2:] == ("Claim 2", "not reproduced", "")
    place = ("appendices/ledger", "ledger-C44", "Claim 44", "not attempted", "")
    assert claim_place(book, "C44") == place
    with pytest.raises(BookError, match="no claim 'C47'; claims.yaml has C01"):
        claim_place(book, "C47")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ratio": 210.0}, "ratio is 210.0, but the timings give 200"),
        ({"unit": "samples/s"}, "the timings give 0.005"),
        ({"ours": 0}, "ours is 0; a number above 0"),
        ({"bar": "ten"}, "bar is 'ten'"),
        ({"bar": 100_000}, "misses its bar 100000"),
    ],
)
def test_a_wrong_timing_is_refused(
    book: Path, changes: dict[str, Any], complaint: str
) -> None:
    path = write_benchmark(book, [row(), row(**changes)])
    with pytest.raises(BookError, match=rf"fit.json, row 2: .*{complaint}"):
        tables.read_benchmark(path)


def test_a_malformed_benchmark_is_refused(book: Path) -> None:
    incomplete = row()
    del incomplete["bar"]
    with pytest.raises(BookError, match="row 1: has"):
        tables.read_benchmark(write_benchmark(book, [incomplete]))
    with pytest.raises(BookError, match="a list is needed"):
        tables.read_benchmark(write_benchmark(book, []))
    path = book / "benchmarks" / "fit.json"
    path.write_text("{", "utf-8")
    with pytest.raises(ValueError, match="fit.json: not JSON as needed"):
        tables.read_benchmark(path)


def test_locked_versions_are_read_whatever_their_case(book: Path) -> None:
    assert lock.versions(book) == {"numpy": "2.0", "torch": "2.4"}
    file = book / "requirements.lock"
    file.write_text(
        "Num_Py==2.0 ; python_version < '3.12' \\\n    --hash=sha256:12 \\\n"
        "    --hash=sha256:34  # why\ntorch==2.4+cpu\n"
    )
    assert lock.versions(book) == {"num-py": "2.0", "torch": "2.4+cpu"}
    file.write_text("numpy>=2\n")
    with pytest.raises(ValueError, match="lock: got 'numpy>=2'; allowed: name==ver"):
        lock.versions(book)
    file.unlink()
    with pytest.raises(ValueError, match="there is no requirements"):
        lock.versions(book)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:some-one/book.git\n", "https://github.com/some-one/book"),
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("https://user:secret@gitlab.com/a/b.git", "https://gitlab.com/a/b"),
        ("ssh://git@codeberg.org/a/b/", "https://codeberg.org/a/b"),
        ("/srv/git/book", None),
        ("https://github.com.example.org/a/b", None),
        ("", None),
    ],
)
def test_a_remote_becomes_a_page_without_secrets(
    remote: str, address: str | None
) -> None:
    assert repository.web_address(remote) == address


def test_a_folder_without_a_repository_has_no_remote(tmp_path: Path) -> None:
    assert repository.origin(tmp_path) == ""


def test_mathjax_is_installed_with_its_fonts() -> None:
    files = offline.mathjax_files()
    assert sum(name.endswith(".woff") for name in files) >= 20
    assert {offline.ENTRY, *offline.PARTS} < set(files)
    scripts = [path for name, path in files.items() if name.endswith(".js")]
    # Without the menu, which is more than half as large again.
    assert 600_000 < sum(path.stat().st_size for path in scripts) < 800_000


def test_a_missing_mathjax_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "PACKAGE", "no-such-package")
    with pytest.raises(
        ExtensionError, match="no-such-package is missing or has no a11y/"
    ):
        offline.mathjax_files()


def test_the_width_of_a_figure_is_read_from_the_file(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("RGB", (1422, 20)).save(tmp_path / "figure.png")
    assert pages.png_width(tmp_path / "figure.png") == 1422
    (tmp_path / "figure.png").write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match="not a PNG file"):
        pages.png_width(tmp_path / "figure.png")


def folded(*outputs: nodes.Node, text: str = "Code") -> nodes.container:
    """A cell whose code is folded, as MyST-NB builds it."""
    shown = nodes.container("", *outputs, nb_element="cell_code_output")
    return nodes.container("", shown, prompt_show=text, prompt_hide="Hide")


def test_folded_code_is_named_after_what_it_makes() -> None:
    def html(text: str) -> nodes.raw:
        return nodes.raw("", text, format="html")

    cells = {
        "Code of the figure": folded(html("<table>"), nodes.image(uri="x.png")),
        "Code of the check": folded(html('<details class="verdict partly"><table>')),
        "Code of the table": folded(html('<table class="dataframe">')),
        "Code": folded(html("True")),
        "Setup": folded(html("<table>"), text="Setup"),
    }
    doctree = nodes.container("", *cells.values())
    app = SimpleNamespace(config=SimpleNamespace(nb_code_prompt_show="Code"))
    pages.name_folds(cast(Sphinx, app), cast(nodes.document, doctree))
    for name, cell in cells.items():
        assert cell["prompt_show"] == cell["prompt_hide"] == name


def test_columns_of_numbers_are_marked_with_their_heads() -> None:
    columns = {
        "share": [0.5, float("nan")],
        "loss": ["1.5 ± 0.2", "3,000"],
        "kept": ["12\u00a0%", "–"],
        "place": ["7 of 9", "1"],
    }
    table = pd.DataFrame(columns, index=[1, 2])
    for given in (table, table.rename_axis("generation")):
        marked = pages.mark_numbers(given.to_html())
        cells = re.findall(r"<(t[hd])(.*?)>(.*?)</t[hd]>", marked)
        numbers = [(tag, text) for tag, rest, text in cells if "number" in rest]
        heads = [text for tag, text in numbers if tag == "th" and text]
        assert heads == ["share", "loss", "kept"]
        assert [text for tag, text in numbers if tag == "td"] == [
            *["0.5", "1.5 ± 0.2", "12\u00a0%"],
            *["NaN", "3,000", "–"],
        ]


def test_a_head_over_two_columns_stays_as_it_is() -> None:
    columns = pd.MultiIndex.from_product([["mean"], ["ours", "published"]])
    html = pd.DataFrame([[1, 2]], columns=columns).to_html()
    marked = pages.mark_numbers(html)
    assert '<th colspan="2" halign="left">' in marked
    assert marked.count('<th class="number">') == 2


def test_names_of_an_index_stand_in_the_head_of_their_column() -> None:
    table = pd.DataFrame({"loss": [1.5, 2.0], "kept": [3, 4]}, index=[1, 2])
    one = table.rename_axis("fits")
    two = table.set_axis(pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=["n", "k"]))
    for given, heads in ((one, ["fits"]), (two, ["n", "k"])):
        joined = table_heads.join_heads(given.to_html())
        head = joined.partition("<tbody>")[0]
        assert re.findall(r"<th>(.*?)</th>", head) == [*heads, "loss", "kept"]
        assert len(re.findall("<tr", joined)) == 3
        assert "number" in pages.align(given.to_html())
    # Nothing to lift, or no empty cell to lift it into.
    for kept in (table, one.rename_axis(columns="what")):
        assert table_heads.join_heads(kept.to_html()) == kept.to_html()


def test_the_logo_is_what_the_script_draws() -> None:
    assert draw_logo.main(["--check"]) == 0
    assert draw_logo.main(["--what"]) == 2


# ---- a small book, built -----------------------------------------------------

INTRO = """# The book

```{toctree}
chapters/01-first
appendices/ledger
```

```{ledger-tiles}
:name: fig-ledger

Every claim is a tile.
```

Sigma is {number}`01:sigma`, see {numref}`fig-ledger` and {claim}`C02`.

```{ledger}
:compact:
:verdicts: not reproduced
```

```{benchmarks}
```

```{status}
:packages: numpy
```
"""


def build(book: Path, intro: str) -> tuple[str, str]:
    """Build one page; return its HTML and the warnings."""
    (book / "intro.md").write_text(intro, "utf-8")
    (book / "appendices/ledger.md").write_text("# Ledger\n\n```{ledger}\n```\n")
    (book / "chapters/01-first.md").write_text("# The first\n")  # stands for the page
    warnings = book / "warnings.txt"
    with warnings.open("w", encoding="utf-8") as stream:
        app = Sphinx(
            srcdir=book,
            confdir=None,
            outdir=book / "out",
            doctreedir=book / "trees",
            buildername="html",
            confoverrides={
                "extensions": "myst_parser ledger roles tables".split(),
                "root_doc": "intro",
                "exclude_patterns": ["chapters/*.ipynb", "out", "trees"],
                "numfig": True,
            },
            status=None,
            warning=stream,
        )
        app.build()
    return (book / "out/intro.html").read_text("utf-8"), warnings.read_text("utf-8")


def test_the_directives_show_the_data(book: Path) -> None:
    html, warnings = build(book, INTRO)
    assert warnings == ""
    assert html.count('class="tile ') == 46
    assert 'href="chapters/01-first.html#claim-C01"' in html
    assert 'href="appendices/ledger.html#ledger-C46"' in html
    assert "Fig. 1" in html and "Every claim is a tile." in html
    assert "Sigma is 0.017" in re.sub("<[^>]+>", "", html)
    assert "too &lt;large&gt;" in html  # why C02 was not reproduced
    tiles = re.findall(r'<a class="tile .*?</a>', html)
    # What a reader must not miss is visible, the rest is in the title.
    assert "<small>smaller model</small>" in tiles[0]
    assert "<small>second-hand</small>" in tiles[3]
    assert all(f"</span> Claim {number}<" in tiles[number - 1] for number in (1, 46))
    assert "Published value: read off a figure. Our test: smaller model." in tiles[0]
    assert "2\xa0ms" in html and "<strong>200</strong>" in html and "✓ yes" in html
    assert "Versions: numpy 2.0." in html
    full = (book / "out/appendices/ledger.html").read_text("utf-8")
    assert full.count('id="ledger-C') == 46
    assert "not reproduced" in full and "a later chapter will" in full
    assert "Published value: read off a figure." in full
    assert "No control: nothing else has a size" in full


def test_the_ledger_has_a_table_for_each_source(book: Path) -> None:
    path = book / "claims.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    content["sources"]["L"] = {"name": "The literature"}
    content["claims"].append({**entry(1), "id": "L01"})
    path.write_text(yaml.safe_dump(content), "utf-8")
    _, warnings = build(book, INTRO)
    assert "WARNING: ledger" not in warnings
    full = (book / "out/appendices/ledger.html").read_text("utf-8")
    paper, literature = full.split("<strong>The literature</strong>")
    assert "The paper says" in paper and "The literature says" not in paper
    assert 'id="ledger-L01"' in literature and 'id="ledger-C' not in literature


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (":sigma", ":mu", "number: '01:mu': chapter 01 has no number 'mu'"),
        ("`C02`", "`C99`", "claim: there is no claim 'C99'"),
        (": not reproduced", ": refuted", ":verdicts: has refuted; allowed"),
        (":compact:", ":chapters: 05", ":chapters: has 05; allowed"),
        (": numpy", ": scipy", "requirements.lock does not name scipy"),
        (":name: fig-ledger\n", "", "needs the option :name: and a caption"),
    ],
)
def test_a_wrong_key_is_a_warning(
    book: Path, old: str, new: str, complaint: str
) -> None:
    assert old in INTRO
    _, warnings = build(book, INTRO.replace(old, new))
    assert complaint in warnings


def test_wrong_data_are_a_warning(book: Path) -> None:
    write_benchmark(book, [row(ratio=1.0)])
    edit_notebook(book, '"seconds": 7', '"minutes": 7')
    _, warnings = build(book, INTRO)
    assert "benchmarks: fit.json, row 1: ratio is 1.0" in warnings
    assert "have no collapse.seconds" in warnings


def prepared(book: Path) -> str:
    """Return what the page's renderer is given of the chapter."""
    path = book / f"chapters/{WITH_NUMBERS}.ipynb"
    source = [path.read_text("utf-8")]
    assert MIME in source[0]
    env = SimpleNamespace(note_dependency=lambda file: None)
    app = cast("Sphinx", SimpleNamespace(srcdir=book, env=env))
    cards.prepare(app, "chapters/01-first", source)
    return source[0]


def test_the_data_of_verdicts_are_no_output_of_the_page(book: Path) -> None:
    shown = prepared(book)
    assert MIME not in shown
    assert "text/html" in shown
    assert "'0.017'" in shown


def know_otherwise(book: Path, **values: str) -> None:
    """Change how the published values of claims are known."""

    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for claim in entries:
            if claim["id"] in values:
                claim["evidence"]["value"] = values[claim["id"]]
        return entries

    edit_claims(book, change)


def test_a_verdict_on_what_is_not_known_at_first_hand_says_so(book: Path) -> None:
    path = book / f"chapters/{WITH_NUMBERS}.ipynb"
    content = json.loads(path.read_text("utf-8"))
    rows = {"verdict": ["✓ reproduced", "✗ not reproduced", "✓ reproduced"]}
    frame = pd.DataFrame(rows, index=["C01", "C02", "C03"])
    frame.insert(0, "title", "A title")
    html = frame.rename_axis(columns="claim").to_html()
    output = {"output_type": "execute_result", "metadata": {}, "execution_count": 1}
    content["cells"].append(code_cell({**output, "data": {"text/html": html}}))
    path.write_text(json.dumps(content), "utf-8")
    assert 'class=\\"known\\"' not in prepared(book)
    know_otherwise(book, C01="second-hand", C02="reconstructed")
    cells = json.loads(prepared(book))["cells"]
    texts = [
        "".join(output["data"].get("text/html", ""))
        for cell in cells
        for output in cell.get("outputs", [])
    ]
    cards = [text for text in texts if text.startswith("<details")]
    for card, word in zip(cards, ("second-hand", "reconstructed", ""), strict=True):
        summary = re.sub("<[^>]+>", "", card.partition("</summary>")[0])
        assert summary.rstrip().endswith(word or "reproduced")
        assert card.count('class="known"') == bool(word)
    [table] = [text for text in texts if "dataframe" in text]
    assert re.findall('reproduced <span class="known" title=".*?">(.*?)<', table) == [
        "second-hand",
        "reconstructed",
    ]
    assert "in what others wrote or showed of it" in table


def test_every_place_that_shows_a_verdict_says_how_its_value_is_known(
    book: Path,
) -> None:
    know_otherwise(book, C02="second-hand", C03="reconstructed")
    assert claim_place(book, "C02")[4] == "second-hand"
    html, _ = build(book, INTRO)
    [role] = re.findall(r'<a class="claim-link .*?</a>', html, re.DOTALL)
    assert re.sub("<[^>]+>", "", role) == "C02\xa0✗\xa0second-hand"
    assert "not reproduced. Published value: second-hand. We have not seen it" in role
    [compact, status] = re.findall(r"<table.*?</table>", html, re.DOTALL)[0::2]
    assert "✗ not reproduced second-hand" in re.sub("<[^>]+>", "", compact)
    assert "of these 1 second-hand, 1 reconstructed" in re.sub("<[^>]+>", "", status)
    full = (book / "out/appendices/ledger.html").read_text("utf-8")
    assert full.count('class="known"') == 2


def test_a_stored_run_that_the_page_judges_by_is_not_named_twice() -> None:
    def verdict(*values: float) -> dict[str, Any]:
        return {"checks": [{"value": value} for value in values]}

    assert ledger._same(verdict(0.50149, -3.0), verdict(0.501, -3.0))
    assert not ledger._same(verdict(0.50149, -3.0), verdict(0.51, -3.0))
    assert not ledger._same(verdict(0.50149, -3.0), verdict(0.501))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (430_000, "µs", "430 ms"),
        (0.0887, "ms", "88.7 µs"),
        (1_260, "ms", "1.26 s"),
        (4_448, "s", "4,448 s"),
        (512.4, "MB", "512 MB"),
    ],
)
def test_amounts_have_a_unit_that_suits_them(
    value: float, unit: str, shown: str
) -> None:
    assert tables._amount(value, unit) == shown.replace(" ", "\xa0")


def test_benchmarks_stand_in_the_order_of_their_chapters() -> None:
    names = ["One Gaussian (chapter 3)", "Text (chapters 08 and 09)", "x (chapter 06)"]
    order = sorted(({"name": name} for name in names), key=tables._chapter)
    assert [entry["name"] for entry in order] == [names[0], names[2], names[1]]


PROOFS = """# Proofs

```{prf:proof}
:class: dropdown
$x=1,$ which is *short*.

And a second paragraph.
```

```{prf:proof}
It stays open.
```
"""


def test_a_folded_proof_opens_without_a_script(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text(PROOFS, "utf-8")
    Sphinx(
        srcdir=tmp_path,
        confdir=None,
        outdir=tmp_path / "out",
        doctreedir=tmp_path / "trees",
        buildername="html",
        confoverrides={
            "extensions": [
                *("myst_parser", "sphinx.ext.autodoc"),
                *("sphinx_proof", "sphinx_fixes"),
            ],
            "myst_enable_extensions": ["dollarmath"],
            "exclude_patterns": ["out", "trees"],
        },
        status=None,
        warning=None,
    ).build()
    html = (tmp_path / "out/index.html").read_text("utf-8")
    assert "dropdown" not in html  # the theme's script folds what has this class
    _, after = html.split("<details><summary>Proof</summary>")
    folded, rest = after.split("</details>")
    assert "short" in folded and "And a second paragraph." in folded
    assert "Proof." not in folded
    assert "Proof. It stays open." in rest and "<details>" not in rest


# ---- the front page ----------------------------------------------------------


def test_the_picture_goes_to_the_script_as_it_is() -> None:
    data = front.data()
    shape = data["height"], data["width"]
    darkness = np.array([dark for dark, _ in data["parts"]])
    sent = darkness[[int(part) for part in data["pixels"]]].reshape(shape)
    np.testing.assert_array_equal(sent, pictures.seascape())
    assert data["parts"][0] == (0.0, "paper")
    assert data["parts"][1] == (0.1, "sun and birds")


def test_the_strip_without_scripts_is_a_line_of_copies() -> None:
    sheets = front.copies(20, 20_000)
    original = pictures.seascape().ravel()
    np.testing.assert_allclose(sheets[0], original / original.sum())
    for one, other in pairwise(sheets):
        assert not other[one == 0].any()  # what is lost stays lost
    addresses = re.findall(r'src="data:image/png;base64,([^"]+)"', front.strip())
    assert len(addresses) == len(front.STRIP)
    decoded = base64.b64decode(addresses[2])
    shown = np.asarray(Image.open(io.BytesIO(decoded)))
    faint = np.isclose(original, 0.1)
    inked = (shown.ravel() < 255)[faint].mean()
    assert inked == pytest.approx((sheets[20][faint] > 0).mean())


CFF = """
title: A book
authors:
  - {family-names: Doe, given-names: Jo}
  - {name: The Readers}
version: 1.2
date-released: "2026-11-22"
"""


def test_a_citation_is_made_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text(CFF, "utf-8")
    citation = citing.read(path)
    assert citation.text() == "Jo Doe, The Readers (2026). A book. Version 1.2."
    assert citation.text("Ends", 7) == (
        "Jo Doe, The Readers (2026). Ends (chapter 7). In: A book. Version 1.2."
    )
    entry = citation.bibtex("Ends", 7)
    assert entry.startswith("@incollection{model-collapse-book-2026-07,\n")
    assert "  author = {{Jo Doe} and {The Readers}},\n" in entry
    assert "  booktitle = {A book},\n" in entry and entry.count("{") == entry.count("}")
    with_doi = replace(citation, doi="10.1/x")
    assert "https://doi.org/10.1/x" in with_doi.text()
    assert "  doi = {10.1/x},\n" in with_doi.bibtex()


def test_a_citation_without_a_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text(CFF.replace("version: 1.2\n", ""), "utf-8")
    with pytest.raises(BookError, match=r"CITATION\.cff lacks version"):
        citing.read(path)


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path: Path) -> None:
    assert citing.commit(tmp_path) == ""
