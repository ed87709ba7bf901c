"""Notebooks that travel: plain Markdown, the library as one file, no solutions."""

import re
import zipfile
from pathlib import Path

import library_wheel
import nbformat
import pytest
import travelling
from mini_book import make_book, write_chapter
from plain_markdown import Block, Reader, blocks, plain

from collapse_lib.book.notebooks import BookError, Notebook, chapters

ROOT = Path(__file__).resolve().parents[2]
READER = Reader(
    role=lambda name, target, given: f"<{name}|{target}|{given}>",
    number=lambda label: {"thm-a": "7.1", "eq-b": "7.2"}[label],
    address=lambda address: f"there:{address}",
)

# --- plain_markdown.py ----------------------------------------------------------------


def test_a_text_is_cut_into_its_directives():
    text = (
        "Before.\n\n````{exercise} Title\n:label: ex-1\n\n```\ncode\n```\n````\nAfter."
    )
    assert list(blocks(text)) == [
        Block("", "Before."),
        Block("exercise", "```\ncode\n```", "Title", {"label": "ex-1"}),
        Block("", "After."),
    ]


def test_a_directive_without_end_is_refused():
    with pytest.raises(BookError, match=r"admonition has no end; close it with :::"):
        plain(":::{admonition} Box\ntext\n::", READER)


def test_a_directive_without_words_is_refused():
    with pytest.raises(BookError, match="no words for the directive 'card'"):
        plain("```{card}\n```", READER)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(sec-a)=\n## Title", "## Title"),
        ("{glue:text}`n` points", "<glue:text|n|> points"),
        ("{ref}`as\nabove <sec-a>`", "<ref|sec-a|as\nabove>"),
        ("$$\nx\n$$ (eq-b)", "$$\nx\n\\tag{7.2} $$"),
        ("[a](../a.md) [b](https://b.org)", "[a](there:../a.md) [b](https://b.org)"),
        ("```{prf:theorem} T\n:label: thm-a\nSo.\n```", "**Theorem 7.1 (T).** So."),
        ("A.\n\n```{slider} name\nTry it.\n```", "A.\n\n"),
        ("```{prf:proof}\nIt is so.\n```", "*Proof.* It is so. ∎"),
        ("```{admonition} Box\nText.\n```", "---\n\n**Box**\n\nText.\n\n---"),
    ],
)
def test_what_only_myst_reads_becomes_plain(text, wanted):
    assert plain(text, READER) == wanted


# --- travelling.py --------------------------------------------------------------------

TEXT = """\
# Mini

Of {ref}`sec-1`.

```{exercise}
:label: ex-1
Count.
```

````{solution-start} ex-1
:class: dropdown
````

One thinks.
"""
CELLS = [
    ("markdown", TEXT, []),
    ("code", "answer = 42", []),
    ("markdown", "````{solution-end}\n````\n\nThe end.", []),
    ("code", 'SVG("../_static/a.svg")', []),
    ("code", 'chapter = book.Chapter("01", seed=1)', ["hide-input"]),
]


@pytest.fixture
def site(tmp_path):
    make_book(tmp_path)
    path = write_chapter(tmp_path, "01-mini", CELLS)
    notebook = nbformat.read(path, 4)
    notebook.metadata.update(
        kernelspec={"name": "python3", "display_name": "Python 3"},
        language_info={"name": "python"},
        collapse={"uses": {"files": [], "packages": ["numpy"]}},
    )
    nbformat.write(notebook, path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "mini-lib"\nversion = "3.1"\ndependencies = ["numpy>=2.0"]\n'
        'optional-dependencies = {provenance = ["cryptography>=44"]}\n'
    )
    known = {("ref", "sec-1", ""): travelling.Found("Section 1", "02-x.html#sec-1")}
    return travelling.Site(
        tmp_path, Notebook(path), known, {"ex-1": "1.1"}, "https://site.org/"
    )


def texts(notebook):
    return [cell["source"] for cell in notebook["cells"]]


def test_the_caption_of_a_solutions_figure_belongs_to_the_solution(site):
    figure = {"name": "ex-1", "caption": "A half."}
    cell = {"cell_type": "code", "id": "a", "source": "draw()"}
    cell["metadata"] = {"mystnb": {"figure": figure}}
    for inside, tags in (("ex-1", ["solution"]), ("", [])):
        copy = travelling.Copy(site, True, inside=inside)
        copy.take(cell)
        assert copy.cells[-1]["source"] == "*Figure 1.1.* A half."
        assert copy.cells[-1]["metadata"].get("tags", []) == tags


def test_a_students_copy_has_an_empty_cell_for_each_solution(site):
    notebook = travelling.travelling(site, solutions=False)
    nbformat.validate(nbformat.from_dict(notebook))
    assert texts(notebook)[2:] == [
        "# Mini\n\nOf [Section 1](https://site.org/chapters/02-x.html#sec-1).",
        "**Exercise 1.1.** Count.",
        travelling.STARTER,
        "The end.",
        'SVG(f"{FILES}/_static/a.svg")',
        'chapter = book.Chapter("01", seed=1, root=FILES)',
    ]
    tags = [cell["metadata"].get("tags") for cell in notebook["cells"][2:]]
    assert tags == [None, ["exercise"], ["exercise"], None, None, ["hide-input"]]
    folded = notebook["cells"][-1]["metadata"]["jupyter"]
    assert folded == {"source_hidden": True}


def test_an_instructors_copy_has_the_solutions(site):
    notebook = travelling.travelling(site, solutions=True)
    nbformat.validate(nbformat.from_dict(notebook))
    solved = [
        cell["source"]
        for cell in notebook["cells"]
        if "solution" in cell["metadata"].get("tags", [])
    ]
    assert solved == ["**Solution 1.1.**", "One thinks.", "answer = 42"]
    assert travelling.STARTER not in texts(notebook)


def test_the_first_cell_fetches_what_the_chapter_needs(site):
    setup = texts(travelling.travelling(site, solutions=False))[1]
    assert setup.startswith('%pip install --quiet "numpy>=2.0"\n')
    assert "https://site.org/notebooks/mini_lib-3.1-py3-none-any.whl" in setup
    uses = site.chapter.metadata["collapse"]["uses"]
    uses["files"].append("collapse_lib/provenance/keys.py")
    assert '"cryptography>=44"' in travelling.setup_code(site)


def test_what_sphinx_did_not_resolve_is_refused(site):
    site.known.clear()
    with pytest.raises(BookError, match="Sphinx has not resolved ref of 'sec-1'"):
        travelling.travelling(site, solutions=False)


def test_a_link_is_found_although_sphinx_has_set_other_quotes(site):
    place = travelling.Found("Zipf\u2019s law", "../a.html#zipf")
    site.known["term", "Zipf", "Zipf\u2019s law"] = place
    wanted = "[Zipf's law](https://site.org/a.html#zipf)"
    assert site.role("term", "Zipf", "Zipf's law") == wanted
    with pytest.raises(BookError, match="not resolved term of 'Zipf'"):
        site.role("term", "Zipf", "")


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("#here", "https://site.org/chapters/01-mini.html#here"),
        ("../appendices/a.html#b", "https://site.org/appendices/a.html#b"),
        ("https://doi.org/1", "https://doi.org/1"),
    ],
)
def test_links_lead_to_the_site_from_everywhere(site, address, wanted):
    assert site.at(address) == wanted


# --- library_wheel.py -----------------------------------------------------------------


@pytest.mark.slow
def test_the_wheel_holds_the_library_and_its_data_and_is_the_same_twice(tmp_path):
    wheels = [library_wheel.make(ROOT, tmp_path / name) for name in "ab"]
    assert wheels[0].read_bytes() == wheels[1].read_bytes()
    with zipfile.ZipFile(wheels[0]) as wheel:
        packed = set(wheel.namelist())
        claims = wheel.read("collapse_lib/packed/claims.yaml")
    library = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "collapse_lib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    stored = {
        f"collapse_lib/packed/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "results").rglob("*.json")
    }
    assert len(library) > 200
    named = {
        f"collapse_lib/packed/{name}"
        for chapter in chapters(ROOT).values()
        for cell in chapter.code
        for name in travelling.BESIDE.findall(cell["source"])
    }
    assert named
    assert library | stored | named <= packed
    assert claims == (ROOT / "claims.yaml").read_bytes()
    assert not [name for name in packed if re.match(r"(?!collapse_lib)", name)]


def test_a_package_that_nobody_declared_is_refused():
    with pytest.raises(BookError, match="pyproject.toml does not name no-such-thing"):
        library_wheel.requirements(ROOT, ["numpy", "no-such-thing"], [])
