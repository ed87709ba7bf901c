"""Mark the columns of numbers in a chapter's tables, so that the style can align them.

pandas writes every cell of a table alike.
"""

from __future__ import annotations

import re
from typing import Any

from page_body import change_pages
from sphinx.application import Sphinx

TABLE = re.compile(r'<table [^>]*class="dataframe".*?</table>', re.DOTALL)
ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)
CELL = re.compile(r"<(td|th)( [^>]*)?>(.*?)</\1>", re.DOTALL)
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
    """Mark the numbers in all tables of a page."""
    return TABLE.sub(lambda table: mark_numbers(table[0]), html)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    change_pages(app, align)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
