"""The words around the code: citations, glossary, licences, credits, instructions."""

from __future__ import annotations

import ast
import datetime
import hashlib
import importlib.metadata
import itertools
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from pybtex.database import BibliographyData, Entry, parse_file

import collapse_lib
from collapse_lib import History, recurse, regimes
from collapse_lib.book import notebooks
from collapse_lib.samples import pool, subsample

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "appendices" / "glossary.md"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("appendices/*.md")),
    *(chapter.path for chapter in notebooks.chapters(ROOT).values()),
]

# MyST in pages, reStructuredText in docstrings: {cite:t}`a,b` and :cite:`a`.
CITE = re.compile(r"[{:]cite(?::[a-z]+)?[}:]`([^`]+)`")
TERM = re.compile(r"\{term\}`([^`]+)`")

# Entries that lack a field because the source does not show it or because it could
# not be checked; a comment in references.bib says which. Remove a key here once the
# field is known.
WITHOUT_YEAR = {
    "agentwiki_loop",
    "c2pa2025bindings",
    "c2pa2025spec",
    "jolt2025uncontaminated",
    "louven_uncontaminated",
}

# The legal code as Creative Commons publishes it in plain text. A single changed
# character would make it another licence under the same name.
CC_BY_4_SHA256 = "fd3a263fe19ed8faa9068b43abaebafc02c77897b0c6fc09abc04bb592e5f16e"


def read(page: Path) -> str:
    """Return the prose of a page, or that of all Markdown cells of a notebook."""
    text = page.read_text("utf-8")
    if page.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join(
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
    )


def cited(text: str) -> set[str]:
    return {
        key.strip().split(">")[-1]
        for keys in CITE.findall(text)
        for key in keys.split(",")
    }


def terms_used(text: str) -> set[str]:
    """Return what {term} points to: `a` in {term}`a` and in {term}`as <a>`."""
    targets = [re.sub(r"^.*<([^>]+)>$", r"\1", used) for used in TERM.findall(text)]
    return {" ".join(target.split()) for target in targets}


def glossary_entries(text: str) -> list[tuple[str, str]]:
    """Return (term, definition) in the order of the glossary."""
    (body,) = re.findall(r"```\{glossary\}\n(.*?)\n```", text, flags=re.S)
    entries: list[tuple[str, str]] = []
    for line in body.splitlines():
        if line and not line.startswith(" "):
            entries.append((line.strip(), ""))
        elif line.strip():
            term, definition = entries[-1]
            entries[-1] = term, f"{definition} {line.strip()}".strip()
    return entries


@pytest.fixture(scope="module")
def bibliography() -> BibliographyData:
    return parse_file(ROOT / "references.bib")


@pytest.fixture(scope="module")
def citation() -> dict[str, object]:
    loaded = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


# ---- the readers above --------------------------------------------------------------


def test_citations_are_found_in_every_spelling() -> None:
    pages = "{cite}`a2020x` {cite:t}`b2021y, c2022z` {term}`e` `f`"
    docstrings = ":cite:`g1999h` :cite:p:`i1999j` :math:`k`"
    assert cited(pages) == {"a2020x", "b2021y", "c2022z"}
    assert cited(docstrings) == {"g1999h", "i1999j"}


def test_terms_are_found_with_and_without_a_title() -> None:
    text = "{term}`regime`, {term}`claims <claim>`, {term}`a\nb`"
    assert terms_used(text) == {"regime", "claim", "a b"}


# ---- references ---------------------------------------------------------------------


def test_entries_are_complete(bibliography: BibliographyData) -> None:
    without_year = set()
    for key, entry in bibliography.entries.items():
        assert entry.persons.get("author"), f"{key} has no author"
        assert entry.fields.get("title"), f"{key} has no title"
        if "year" in entry.fields:
            assert re.fullmatch(r"1[89]\d\d|20\d\d", entry.fields["year"]), key
        else:
            without_year.add(key)
    assert without_year == WITHOUT_YEAR


def test_entries_can_be_found(bibliography: BibliographyData) -> None:
    def address(entry: Entry) -> bool:
        journal = {"journal", "volume", "pages"} <= set(entry.fields)
        return journal or bool({"doi", "eprint", "url"} & set(entry.fields))

    lost = [key for key, entry in bibliography.entries.items() if not address(entry)]
    assert lost == []


def test_identifiers_are_bare(bibliography: BibliographyData) -> None:
    shapes = {
        "doi": r"10\.\d{4,9}/\S+",
        "eprint": r"\d{4}\.\d{4,5}",
        "url": r"https://\S+",
        "pages": r"[A-Z]?\d+(--\d+)?",
    }
    for key, entry in bibliography.entries.items():
        for field, shape in shapes.items():
            value = entry.fields.get(field)
            assert value is None or re.fullmatch(shape, value), (key, field, value)


def test_no_work_is_listed_twice(bibliography: BibliographyData) -> None:
    for field in ("doi", "eprint", "url"):
        values = [
            entry.fields[field].lower()
            for entry in bibliography.entries.values()
            if field in entry.fields
        ]
        assert sorted(set(values)) == sorted(values), field


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_cited_works_exist(page: Path, bibliography: BibliographyData) -> None:
    assert cited(read(page)) <= set(bibliography.entries)


def test_works_cited_in_docstrings_exist(bibliography: BibliographyData) -> None:
    for module in sorted((ROOT / "collapse_lib").rglob("*.py")):
        unknown = cited(module.read_text("utf-8")) - set(bibliography.entries)
        assert not unknown, (module.name, unknown)


# ---- glossary -----------------------------------------------------------------------


def test_glossary_is_alphabetical_and_has_no_term_twice() -> None:
    terms = [term.casefold() for term, _ in glossary_entries(GLOSSARY.read_text())]
    for before, after in itertools.pairwise(terms):
        assert before < after, f"{after!r} must come before {before!r}"


def test_glossary_entries_are_short_sentences() -> None:
    entries = glossary_entries(GLOSSARY.read_text("utf-8"))
    assert entries
    for term, definition in entries:
        plain = CITE.sub("", definition)
        assert definition.endswith("."), term
        assert 5 <= len(plain.split()) <= 60, (term, len(plain.split()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_terms_are_in_the_glossary(page: Path) -> None:
    known = {term.casefold() for term, _ in glossary_entries(GLOSSARY.read_text())}
    assert {term.casefold() for term in terms_used(read(page))} <= known


# ---- citation, licences, credits ----------------------------------------------------


def test_citation_file_has_the_required_keys(
    citation: dict[str, object],
) -> None:
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"] and citation["title"]
    assert citation["authors"] == [{"name": "The Model Collapse Book contributors"}]
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
    references = citation["references"]
    assert isinstance(references, list)
    for reference in references:
        assert {"type", "title", "authors"} <= set(reference)
    dois = [reference.get("doi") for reference in references]
    assert "10.1038/s41586-024-07566-y" in dois


def test_one_version_everywhere(citation: dict[str, object]) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[(\d[^]]*)\] - (\S+)$", changelog, flags=re.M)
    assert newest
    released = str(citation["date-released"])
    assert datetime.date.fromisoformat(released)
    assert newest[2] == released
    versions = {project["version"], collapse_lib.__version__, newest[1]}
    assert versions == {citation["version"]}


def test_code_is_under_mit() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.startswith("MIT License\n\nCopyright (c) ")
    assert "The Model Collapse Book contributors" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text


def test_text_licence_is_the_unchanged_legal_code() -> None:
    content = (ROOT / "LICENSE-TEXT").read_bytes()
    assert hashlib.sha256(content).hexdigest() == CC_BY_4_SHA256


def test_credits_of_wordfreq_are_complete() -> None:
    """Every source that the installed package asks to name is on our page."""
    description = importlib.metadata.metadata("wordfreq")["Description"]
    (terms,) = re.findall(r"^## License\n(.*?)^## ", description, flags=re.S | re.M)
    addresses = set(re.findall(r"https?://[^\s<>),]+", terms))
    assert len(addresses) >= 8
    page = (ROOT / "appendices" / "data-and-licences.md").read_text("utf-8")
    assert {address for address in addresses if address not in page} == set()
    assert "Robyn Speer" in page and "SUBTLEX" in page


# ---- instructions -------------------------------------------------------------------


def test_make_targets_in_the_instructions_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    for page in ("README.md", "CONTRIBUTING.md"):
        path = ROOT / page
        if not path.exists():
            continue
        text = path.read_text("utf-8")
        named = re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.M)
        assert named and set(named) <= targets, (page, set(named) - targets)


def test_examples_in_the_instructions_run() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    names = {
        "np": np,
        "dataclass": dataclass,
        "recurse": recurse,
        "regimes": regimes,
        "pool": pool,
        "subsample": subsample,
    }
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.S):
        exec(block, names)
    history = names["history"]
    assert isinstance(history, History)
    assert history.array("scale").shape == (6, 3)
    again = recurse(
        names["Laplace"](),
        np.linspace(-1, 1, 50),
        regime=names["KeepHalf"](),
        n_samples=50,
        n_generations=3,
        measure={"scale": lambda fit: fit.scale},
        rng=np.random.default_rng(0),
    )
    assert np.all(again.array("scale") > 0)


# ---- the API page -------------------------------------------------------------------


def exported(folder: Path) -> tuple[set[str], set[str]]:
    """Return the modules a package's stub names, and those it takes names from."""
    stub = folder / "__init__.pyi"
    text = stub.read_text("utf-8") if stub.exists() else ""
    whole = set(re.findall(r"^from \. import (\w+)", text, re.M))
    return whole, set(re.findall(r"^from \.([\w.]+) import", text, re.M))


def public_modules(package: Path) -> set[Path]:
    """Return the files that a package's stub names; without a stub, all there are."""
    whole, in_part = exported(package)
    names = {name.replace(".", "/") for name in whole | in_part}
    if not (package / "__init__.pyi").exists():
        names = {path.stem for path in package.iterdir() if path.stem[0] != "_"}
    files = {package / f"{name}.py" for name in names}
    below = [package / name for name in names if (package / name).is_dir()]
    return {f for f in files if f.exists()}.union(*map(public_modules, below))


def imported(code: str, root: Path) -> set[str]:
    """Return the modules of the library that a cell imports, or names from."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {node.module, *whole}
    return {m for m in found if (root / f"{m.replace('.', '/')}.py").exists()}


def test_every_public_module_is_on_an_api_page(root: Path) -> None:
    """A module is listed, or the package that exports its names is."""
    pages = sorted((root / "appendices/api").glob("*.md"))
    page = "".join(path.read_text("utf-8") for path in pages)
    listed = set(re.findall(r"automodule:: (\S+)", page))
    shown = set(listed)
    for package in listed:
        folder = root.joinpath(*package.split("."))
        if folder.is_dir():
            shown |= {f"{package}.{name}" for name in exported(folder)[1]}
    library = root / "collapse_lib"
    public = {*public_modules(library), *library.glob("[!_]*.py")}
    due = {".".join(p.relative_to(root).with_suffix("").parts) for p in public}
    some = {"samples", "data.words", "book.chapter", "models.ngram.smoothing"}
    assert {f"collapse_lib.{name}" for name in some} < due
    for chapter in notebooks.chapters(root).values():
        for cell in chapter.code:
            due |= imported(cell["source"], root)
    assert due - shown == set()
    assert {m for m in listed if not root.joinpath(*m.split(".")).is_dir()} <= {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in library.rglob("*.py")
    }
