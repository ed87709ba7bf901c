"""From a number to its code.

A number that a chapter puts into its prose is a link to the cell that made it: where
the page has that cell, to the cell, which opens if it is folded; elsewhere to the list
*Numbers of this chapter* at the end of the page. It holds the code that the page leaves
out, and says where the names in it come from.

The links are no stops of the tabulator key: a page has up to ninety. Who reads with the
keyboard finds every number in the list, which is one stop as long as it is closed.
"""

from __future__ import annotations

import builtins
import symtable
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Any

from directives import raw
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_fixes import CHAPTER

from collapse_lib.book.display import GLUE
from collapse_lib.book.notebooks import Notebook, chapters
from collapse_lib.claims.verdict import MIME

#: Tags of cells whose code the page leaves out.
OFF_PAGE = {"remove-cell", "remove-input"}
#: What every chapter has from its first cell, and no reader looks for.
EVERYWHERE = {"chapter", *dir(builtins)}
TITLE, LIST = "Numbers of this chapter", "numbers-of-this-chapter"
BEHIND = "Show its code"

# ---- cells and the names in them -----------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """A code cell of a chapter; equal if it is the same one.

    Parameters
    ----------
    id
        Its id in the notebook, which stays when cells are added.
    source
        Its code.
    shown
        Whether the page has its code, open or folded.
    numbers
        Name -> text of the numbers it puts into the prose.
    claims
        Ids of the claims it judges.
    """

    id: str
    source: str
    shown: bool
    numbers: Mapping[str, str]
    claims: frozenset[str] = frozenset()

    @property
    def anchor(self) -> str:
        """The name of its place on the page."""
        return f"code-{self.id}"

    @cached_property
    def _table(self) -> symtable.SymbolTable | None:
        try:
            return symtable.symtable(self.source, self.id, "exec")
        except SyntaxError:  # a line for IPython, such as %timeit
            return None

    @cached_property
    def makes(self) -> set[str]:
        """The names that it gives a value, but for imports."""
        table = self._table
        symbols = table.get_symbols() if table else []
        return {
            symbol.get_name()
            for symbol in symbols
            if (symbol.is_assigned() or symbol.is_namespace())
            and not symbol.is_imported()
        }

    @cached_property
    def takes(self) -> set[str]:
        """The names that it uses and other cells must have made."""
        found = _referenced(self._table) if self._table else set()
        return found - self.makes - EVERYWHERE


def _referenced(table: symtable.SymbolTable) -> set[str]:
    """Return the global names that a block uses, inside of its functions too."""
    top = table.get_type() == "module"
    found = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (top or symbol.is_global())
    }
    return found.union(*(_referenced(child) for child in table.get_children()))


def cells_of(chapter: Notebook) -> list[Cell]:
    """Return the code cells of a chapter, in order."""
    return [
        Cell(
            name_of(place, cell),
            cell["source"],
            OFF_PAGE.isdisjoint(cell.get("metadata", {}).get("tags", [])),
            dict(_numbers(cell, chapter.numbers)),
            frozenset(_judged(cell)),
        )
        for place, cell in enumerate(chapter.content["cells"])
        if cell["cell_type"] == "code" and cell["source"].strip()
    ]


def name_of(place: int, cell: Mapping[str, Any]) -> str:
    """Return the id of a cell, or its place in a notebook so old that it has none."""
    return str(cell.get("id", place))


def _numbers(
    cell: Mapping[str, Any], texts: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for output in cell.get("outputs", []):
        glued = output.get("metadata", {}).get("scrapbook", {})
        if glued.get("mime_prefix") == GLUE:
            yield glued["name"], texts[glued["name"]]


def _judged(cell: Mapping[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if verdict := output.get("data", {}).get(MIME):
            yield verdict["claim"]


def cells_judging(chapter: Notebook) -> dict[str, Cell]:
    """Return claim -> the cell of a chapter that judges it."""
    return {claim: cell for cell in cells_at(chapter.path) for claim in cell.claims}


def origins(cells: Sequence[Cell], cell: Cell) -> dict[str, Cell]:
    """Return name -> the last earlier cell that made it, for the names a cell takes."""
    earlier = cells[: cells.index(cell)]
    made = {name: one for one in earlier for name in one.makes}
    return {name: made[name] for name in sorted(cell.takes & made.keys())}


def listed(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that the list of numbers names.

    These are all that make a number, and what the page leaves out of the code before
    them.
    """
    chosen, todo = set[str](), [cell for cell in cells if cell.numbers]
    while todo:
        cell = todo.pop()
        if cell.id not in chosen:
            chosen.add(cell.id)
            if not cell.shown:
                before = origins(cells, cell).values()
                todo += [one for one in before if not one.shown]
    return [cell for cell in cells if cell.id in chosen]


def place(cells: Sequence[Cell], name: str) -> str:
    """Return the anchor of the code that made a number, or nothing if none did."""
    maker = next((cell for cell in cells if name in cell.numbers), None)
    if maker is None:
        return ""
    return maker.anchor if maker.shown else f"number-{name}"


def cells_at(path: Path) -> list[Cell]:
    """Return the cells of a chapter; a file is read again only if it has changed."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, stamp: int) -> list[Cell]:
    return cells_of(Notebook(path))


# ---- numbers in the prose ------------------------------------------------------------


#: How `live_pages` marks a number of ``{glue:text}``: with its name, as a class.
GLUED = "glue-"


def name_in(node: nodes.Element) -> str:
    """Return the name of the number that a text is, or nothing.

    A number of the page's own chapter is called as in ``chapter.say``, one of another
    page by its role, as ``03:median_sigma``.
    """
    glued = (name for name in node["classes"] if name.startswith(GLUED))
    return str(node.get("number") or next(glued, "").removeprefix(GLUED))


class NumberList(SphinxTransform):
    """Give cells their places, first uses theirs, and a chapter its list of numbers."""

    default_priority = 800  # the page is complete, and its sections are not yet counted

    def apply(self, **kwargs: Any) -> None:
        """Change the page if it is a chapter that makes numbers."""
        path = Path(self.env.doc2path(self.env.docname))
        if not CHAPTER.match(self.env.docname) or path.suffix != ".ipynb":
            return
        written = Notebook(path).content["cells"]
        for container in self.document.findall(nodes.container):
            if container.get("nb_element") == "cell_code":
                index = container["cell_index"]
                container["ids"].append(f"code-{name_of(index, written[index])}")
        cells = cells_at(path)
        used = _mark_first_uses(self.document)
        if any(cell.numbers for cell in cells):
            only = addnodes.only("", expr="html")
            only += number_list(cells, used)
            next(self.document.findall(nodes.section)).append(only)


def _mark_first_uses(document: nodes.document) -> set[str]:
    """Give the first use of every number a place; return their names."""
    used = set[str]()
    for node in document.findall(nodes.inline):
        name = name_in(node)
        if name and ":" not in name and name not in used:
            node["ids"].append(f"said-{name}")
            used.add(name)
    return used


def number_list(cells: Sequence[Cell], used: set[str]) -> nodes.section:
    """Return the section with every number and the code that the page leaves out.

    Parameters
    ----------
    cells
        The cells of the chapter.
    used
        Names of the numbers that the prose of the chapter has.
    """
    section = nodes.section(ids=[LIST], classes=["number-list"])
    section += nodes.title("", TITLE)
    shown = listed(cells)
    n_numbers = sum(len(cell.numbers) for cell in shown)
    section += raw(
        f"<details><summary>{n_numbers} computed numbers, and the code that is not "
        "above</summary>\n"
    )
    for cell in shown:
        section += raw(_numbers_line(cell, used))
        if not cell.shown:
            section += nodes.literal_block(cell.source, cell.source, language="python")
            section += raw(_origins_line(origins(cells, cell)))
        section += raw("</div>\n")
    section += raw("</details>\n")
    return section


def _numbers_line(cell: Cell, used: set[str]) -> str:
    """Return the begin of a cell's entry: its numbers, each a link to its first use."""
    anchor = "" if cell.shown else f' id="{cell.anchor}"'
    numbers = ", ".join(
        f'<span id="number-{name}">{_to_prose(name, text, used)} '
        f"<code>{name}</code></span>"
        for name, text in cell.numbers.items()
    )
    where = f', from <a href="#{cell.anchor}">this cell</a>' if cell.shown else ""
    line = numbers or "Needed for the numbers below"
    return f'<div class="number-code"{anchor}><p>{line}{where}</p>\n'


def _to_prose(name: str, text: str, used: set[str]) -> str:
    number = f"<strong>{escape(text)}</strong>"
    if name not in used:
        return number
    return f'<a href="#said-{name}" title="Where the text says it">{number}</a>'


def _origins_line(made: Mapping[str, Cell]) -> str:
    """Return a line that leads on to the cells which made the names in a cell."""
    by_cell: dict[str, list[str]] = {}
    for name, cell in made.items():
        by_cell.setdefault(cell.anchor, []).append(name)
    parts = [
        f'<a href="#{anchor}">{", ".join(f"<code>{name}</code>" for name in names)}</a>'
        for anchor, names in by_cell.items()
    ]
    return f"<p>Made before: {'; '.join(parts)}</p>\n" if parts else ""


def link_numbers(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make every number in the prose of a page a link to its code."""
    if app.builder.format != "html":
        return
    found = chapters(Path(app.srcdir))
    own = Path(app.env.doc2path(docname))
    for node in [*doctree.findall(nodes.inline)]:
        name = name_in(node)
        if not name or _inside(node, (nodes.reference, nodes.title)):
            continue
        number, colon, rest = name.partition(":")
        chapter = found[number] if colon else Notebook(own)
        page = "" if chapter.path == own else _address(app, docname, chapter)
        anchor = place(cells_at(chapter.path), rest or name)
        if anchor:
            ids = "".join(f' id="{escape(one)}"' for one in node["ids"][:1])
            link = (
                f'<a class="number-link"{ids} href="{page}#{anchor}" tabindex="-1" '
                f'title="{BEHIND}"><span class="{" ".join(node["classes"])}">'
                f"{escape(node.astext())}</span></a>"
            )
            node.parent.replace(node, raw(link))


def _inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def _address(app: Sphinx, docname: str, chapter: Notebook) -> str:
    return app.builder.get_relative_uri(docname, chapter.docname)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_transform(NumberList)
    app.connect("doctree-resolved", link_numbers)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
