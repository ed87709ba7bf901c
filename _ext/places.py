"""What the search leads to: claims, figures, theorems, sections, terms, numbers.

Sphinx searches the words of whole pages. Here the places of all pages are collected and
written to ``_static/places.js``, which only the page of the search loads, together with
``find-places.js``, which shows the best of them above the pages that Sphinx finds; the
library's reference comes last there. Both are scripts, as a page without a server
cannot fetch data.

Words are compared by their stems, with Sphinx's stemmer for both sides. What readers
call a place in words of their own stands in ``also_called.yaml``.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import code_links
from directives import ledger_of
from docutils import nodes
from roles import claim_place
from signs import numbered_box
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.search.en import SearchEnglish
from sphinx.util import logging

from collapse_lib.book.notebooks import BookError, chapters
from collapse_lib.files.reading import read_yaml

logger = logging.getLogger(__name__)
HERE = Path(__file__).parent
ALSO_CALLED = HERE / "also_called.yaml"
SCRIPT, DATA, SCORER = "find-places.js", "places.js", "scorer.js"
#: Pages whose places are left to Sphinx: the reference of the library.
LEFT_OUT = "appendices/api"

# ---- words ---------------------------------------------------------------------------

GREEK = {
    **dict(zip("αβγδεζηθκλμνξπρστφχψω", (
        "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho "
        "sigma tau phi chi psi omega"
    ).split(), strict=True)),
}  # fmt: skip
#: Words of a question that name no subject.
STOP = set(
    "a an and are as at be been but by can could did do does find for from get has "
    "have how i if in into is it its me my no not of on or our say says show so such "
    "tell that the their them then there these they this to us was we were what when "
    "where which who why will with work would you your".split()
)
WORD = re.compile(r"[a-z0-9]+(?:\.\d+)*")


def words(text: str) -> list[str]:
    r"""Return the words of a text or a formula as they are compared, but for stems.

    Examples
    --------
    >>> words("What is π²/6?") == words(r"what is $\pi^2/6$") == ["pi2", "6"]
    True
    >>> words("Chi-squared, 20,000 times: 89.9 %")
    ['chi2', '20000', 'times', '89.9']
    """
    text = unicodedata.normalize("NFKD", text.lower())
    text = "".join(GREEK.get(sign, sign) for sign in text)
    text = re.sub(r"[\^\u0300-\u036f]|(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"[\s-]squared\b", "2", text)
    found = WORD.findall(text)
    return [word for word in found if word not in STOP] or found


def stems(text: str, stemmer: SearchEnglish, without: Iterable[str] = ()) -> str:
    """Return the stems of a text's words, each once, but for some, with spaces."""
    found = dict.fromkeys(map(stemmer.stem, words(text)))
    return " ".join(stem for stem in found if stem not in set(without))


# ---- places of a page ----------------------------------------------------------------


class Place(NamedTuple):
    """A place on a page.

    Parameters
    ----------
    kind
        What it is, as ``"figure"``.
    anchor
        Its name on the page; empty for the page itself.
    title
        What is shown of it.
    text
        More words to find it by.
    labels
        Other names that it has on the page.
    """

    kind: str
    anchor: str
    title: str
    text: str = ""
    labels: tuple[str, ...] = ()


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Note the places of a page that was read."""
    env = app.env
    if not env.docname.startswith(LEFT_OUT):
        every_page(env)[env.docname] = list(dict.fromkeys(_places(doctree)))


def every_page(env: BuildEnvironment) -> dict[str, list[Place]]:
    """Return page -> its places, which Sphinx keeps between two builds."""
    found: dict[str, list[Place]] = env.__dict__.setdefault("book_places", {})
    return found


def _places(doctree: nodes.document) -> Iterator[Place]:
    top = next(iter(doctree.findall(nodes.section)), None)
    for node in doctree.findall(nodes.Element):
        if isinstance(node, nodes.section):
            if isinstance(node.parent, nodes.Admonition):
                continue  # the content of a theorem
            kind, anchor = ("page", "") if node is top else ("section", node["ids"][0])
            title = _text(node.next_node(nodes.title))
            yield Place(kind, anchor, title, labels=tuple(node["ids"]))
        elif isinstance(node, nodes.figure) and node["ids"]:
            first, rest = _first_sentence(_text(node.next_node(nodes.caption)))
            yield Place("figure", node["ids"][0], first, rest)
        elif isinstance(node, nodes.term) and node["ids"]:
            yield Place("term", node["ids"][0], _text(node), _text(node.parent[-1]))
        elif isinstance(node, nodes.inline) and code_links.name_in(node):
            name, sentence = code_links.name_in(node), sentence_around(node)
            if ":" not in name:  # others lead to the page they come from
                yield Place("number", name, node.astext(), sentence)
        else:
            yield from _box(node)


def _box(box: nodes.Element) -> Iterator[Place]:
    """Yield a theorem, a definition or an exercise."""
    kind, title = numbered_box(box)
    if title is not None:
        text = " ".join(_text(child) for child in box.children[1:])
        written = _text(title.children[-1])
        name = written[1:-1] if written.startswith("(") else written
        # An exercise without a name is called by its first words.
        shown = _cut(text, 90) if name.lower() == kind else name
        yield Place(kind, box["ids"][0], shown, text)


def _text(node: nodes.Node | None) -> str:
    return " ".join(node.astext().split()) if node is not None else ""


def readable(text: str) -> str:
    """Return a text, its formulas without braces and backslashes."""
    return re.sub(r"[\\{}]", "", text)


def _first_sentence(text: str) -> tuple[str, str]:
    found = re.match(r"(.{20,}?[.?!])\s+(?=[A-Z])", text)
    return (found[1], text[found.end() :]) if found else (text, "")


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return text[:length].rpartition(" ")[0] + " …"


def sentence_around(node: nodes.Element, reach: int = 60) -> str:
    """Return a number with some of the sentence that it stands in."""
    around = node.parent
    while isinstance(around, nodes.inline):
        around = around.parent
    before, after, passed = "", "", False
    for text in around.findall(nodes.Text):
        if text.parent is node:
            passed = True
        elif passed:
            after += text.astext()
        else:
            before += text.astext()
    before, after = re.sub(r"\s+", " ", before), re.sub(r"\s+", " ", after)
    before = re.split(r"(?<=[.?!]) (?=[A-Z])", before)[-1]
    after = re.split(r"(?<=[.?!])(?= [A-Z]|$)", after)[0]
    if len(before) > reach:
        before = "… " + before[-reach:].partition(" ")[2]
    return f"{before}{node.astext()}{_cut(after, reach)}"


def forget(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget the places of a page that is read again or gone."""
    every_page(env).pop(docname, None)


def merge(
    app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment
) -> None:
    """Take over the places that another process has read."""
    mine, theirs = every_page(env), every_page(other)
    mine.update({name: theirs[name] for name in docnames if name in theirs})


# ---- the list for the search ---------------------------------------------------------


def all_places(app: Sphinx) -> Iterator[tuple[str, Place]]:
    """Yield page and place, claims among them; numbers lead to their code."""
    root, found = Path(app.srcdir), chapters(Path(app.srcdir))
    for docname, places in sorted(every_page(app.env).items()):
        own = [c for c in found.values() if c.docname == docname]
        for place in places:
            if place.kind != "number":
                yield docname, place
            elif own:
                code = code_links.place(code_links.cells_at(own[0].path), place.anchor)
                yield docname, place._replace(anchor=code)
    ledger = ledger_of(root)
    for claim in ledger.values():
        docname, anchor, title, word, _ = claim_place(root, claim.id)
        text = f"{ledger.source_of(claim).name} {claim.statement} {claim.published}"
        yield docname, Place("claim", anchor, f"{claim.id} {title}: {word}", text)


def called(
    file: Path, places: Iterable[tuple[str, Place]]
) -> dict[tuple[str, str], list[str]]:
    """Return (page, anchor) -> what else readers call it.

    Raises
    ------
    BookError
        If a place is on no page.
    """
    anchors = {
        (page, name): place.anchor
        for page, place in places
        if place.kind != "number"
        for name in (place.anchor, *place.labels)
    }
    found = {}
    for address, phrases in read_yaml(file).items():
        page, _, name = address.partition("#")
        if (page, name) not in anchors:
            near = sorted(one for other, one in anchors if other == page and one)
            raise BookError(
                f"{file.name}: {address} is no place; {page} has "
                f"{', '.join(near[:60]) or 'none, or is no page'}"
            )
        found[page, anchors[page, name]] = list(map(str, phrases))
    return found


def listing(app: Sphinx) -> dict[str, Any]:
    """Return what the script reads: pages, and places by the stems of their words."""
    stemmer = SearchEnglish({})
    places = list(all_places(app))
    also = called(ALSO_CALLED, places)
    pages = sorted({page for page, _ in places})
    numbered = {page: _numbered(app.env, page) for page in pages}
    rows = []
    for page, place in places:
        label = numbered[page].get(place.anchor, "")
        is_number = place.kind == "number"
        shown, label = (place.text, "code") if is_number else (place.title, label)
        where = place.kind, pages.index(page), place.anchor
        start = [*where, readable(shown), label]
        title = stems(f"{place.title} {label}", stemmer)
        rows.append([*start, title, stems(place.text, stemmer, title.split())])
        phrases = [] if is_number else also.pop((page, place.anchor), [])
        rows += [[*start, stems(phrase, stemmer), ""] for phrase in phrases]
    return {
        "stop": sorted(STOP),
        "greek": GREEK,
        "pages": [[page, _page_title(app.env, page)] for page in pages],
        "places": rows,
    }


def _numbered(env: BuildEnvironment, page: str) -> dict[str, str]:
    """Return anchor -> number of the figures, theorems and sections of a page."""
    figures = env.toc_fignumbers.get(page, {})
    found = {
        anchor: f"{kind} {'.'.join(map(str, number))}"
        for kind, numbers in figures.items()
        for anchor, number in numbers.items()
    }
    sections = env.toc_secnumbers.get(page, {})
    return found | {
        anchor.removeprefix("#"): f"section {'.'.join(map(str, number))}"
        for anchor, number in sections.items()
        if anchor and number
    }


def _page_title(env: BuildEnvironment, page: str) -> str:
    number = env.toc_secnumbers.get(page, {}).get("")
    title = env.titles[page].astext()
    return f"{number[0]}. {title}" if number else title


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the list and the script into the output of a build that went well."""
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    try:
        found = listing(app)
    except (ValueError, OSError) as error:
        logger.warning("places: %s", error)
        return
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (static / DATA).write_text(f"window.bookPlaces = {text};\n", "utf-8")
    shutil.copyfile(HERE / SCRIPT, static / SCRIPT)


def rank_reference_last(app: Sphinx, config: Config) -> None:
    """Give Sphinx's search its weights; it reads the file when the build begins."""
    config.html_search_scorer = str(HERE / SCORER)


def load(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Let the page of the search load both, and no other page."""
    if pagename == "search":
        scripts = (
            f'\n    <script defer src="_static/{name}"></script>'
            for name in (DATA, SCRIPT)
        )
        context["metatags"] = context.get("metatags", "") + "".join(scripts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", rank_reference_last)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", load)
    app.connect("build-finished", write)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
