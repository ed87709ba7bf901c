"""What is changed in every built page: tables, figures, folds, marks for readers.

Columns of numbers are marked, so that the style can align them: pandas writes every
cell of a table alike. Figures of chapters are shown at half their pixels: each then has
the size in inches that its code asks for, and the letters of one figure are as large as
those of the next; browsers would scale each to the column. Folded code is named after
what it makes. What other programs write and a keyboard or a screen reader cannot use is
mended; the tests of the site find more of it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from table_heads import CELL, ROW, TABLE, join_heads

# ---- text of a page ------------------------------------------------------------------

#: As written -> as it should be, and why.
REPAIRS = (
    # docutils gives the entries another role than a list may have inside.
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
    # It would be read out instead of the text that names the folded code.
    ('<summary aria-label="Toggle hidden content">', "<summary>"),
)


def repair(html: str) -> str:
    """Apply the repairs to the text of a page."""
    for written, mended in REPAIRS:
        html = html.replace(written, mended)
    return html


DIGITS = r"[-−+]?\d[\d.,]*(e[-+]?\d+|·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
#: 12, -0.5, 1.2e-05, 3,000, 12 %, 1.5 ± 0.2 or what stands for no number.
NUMBER = re.compile(rf"{DIGITS}\s?%?(\s?±\s?{DIGITS})?|NaN|inf|–|")


def mark_numbers(html: str) -> str:
    """Give the class "number" to every column of a table that has nothing else."""
    head, _, body = html.partition("<tbody>")
    rows = [
        [cell[3].strip() for cell in CELL.finditer(row) if cell[1] == "td"]
        for row in ROW.findall(body)
    ]
    columns = list(zip(*rows, strict=True))
    numeric = [all(map(NUMBER.fullmatch, column)) for column in columns]
    return _marked(head, numeric) + "<tbody>" + _marked(body, numeric)


def _marked(part: str, numeric: list[bool]) -> str:
    """Mark the cells of each row, counted from its end: names of rows come first."""

    def mark_row(row: re.Match[str]) -> str:
        cells = list(CELL.finditer(row[0]))
        # A head that spans columns has fewer cells; it stays as it is.
        named = len(cells) - len(numeric)
        if named < 0 or "colspan" in row[0]:
            return row[0]
        places = iter([False] * named + numeric)
        return CELL.sub(
            lambda cell: _with_class(cell[0]) if next(places) else cell[0], row[0]
        )

    return ROW.sub(mark_row, part)


def _with_class(cell: str) -> str:
    return cell[:3] + ' class="number"' + cell[3:]


def align(html: str) -> str:
    """Join the heads of all tables of a page, and mark the numbers in them."""
    return TABLE.sub(lambda table: mark_numbers(join_heads(table[0])), html)


def change_body(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Change the HTML of a page's text before it is written."""
    if "body" in context:
        context["body"] = align(repair(context["body"]))


# ---- figures -------------------------------------------------------------------------

#: Pixels of a figure for each pixel of the page, see `collapse_lib.book.plotting`.
DENSITY = 2
PNG = b"\x89PNG\r\n\x1a\n"


def png_width(path: Path) -> int:
    """Return the width of a PNG file in pixels.

    Raises
    ------
    ValueError
        If the file is no PNG.
    """
    with path.open("rb") as stream:
        head = stream.read(24)
    if not head.startswith(PNG) or len(head) < 24:
        raise ValueError(f"{path}: not a PNG file")
    return int.from_bytes(head[16:20], "big")


def set_widths(app: Sphinx, doctree: nodes.document) -> None:
    """Give the PNG figures that a chapter made the width they are drawn for."""
    folder = Path(app.outdir).parent / "jupyter_execute"
    for image in doctree.findall(nodes.image):
        path = Path(app.srcdir, image["uri"].lstrip("/"))
        drawn = folder in path.resolve().parents and path.suffix == ".png"
        if drawn and "width" not in image:
            image["width"] = f"{png_width(path) // DENSITY}px"


# ---- folded code ---------------------------------------------------------------------

#: What marks an output in the text of a page -> what it is called.
KINDS = {'class="verdict': "check", "<table": "table"}


def made_by(cell: nodes.Element) -> str | None:
    """Say what a cell shows, as ``"figure"``, or None if it has no name."""
    for output in cell.findall(nodes.container):
        if output.get("nb_element") != "cell_code_output":
            continue
        if next(output.findall(nodes.image), None) is not None:
            return "figure"
        shown = "".join(raw.astext() for raw in output.findall(nodes.raw))
        for mark, kind in KINDS.items():
            if mark in shown:
                return kind
    return None


def name_folds(app: Sphinx, doctree: nodes.document) -> None:
    """Give each folded cell its text: "Code of the table", or the cell's own.

    MyST-NB has one text for all of them, and another one for those that are open.
    """
    default = app.config.nb_code_prompt_show
    for cell in doctree.findall(nodes.container):
        if "prompt_show" not in cell:
            continue
        kind = made_by(cell)
        if cell["prompt_show"] == default and kind:
            cell["prompt_show"] = f"{default} of the {kind}"
        cell["prompt_hide"] = cell["prompt_show"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", change_body)
    app.connect("doctree-read", set_widths)
    app.connect("doctree-read", name_folds)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
