"""The head of a table as a reader expects it, on built pages and in the browser.

pandas gives the names of a table's index a row of their own. `live_pages` sends this
module to the browser too, so that a table which a reader computes there has the rows of
the published one.
"""

from __future__ import annotations

import re

TABLE = re.compile(r'<table [^>]*class="dataframe".*?</table>', re.DOTALL)
ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)
CELL = re.compile(r"<(td|th)( [^>]*)?>(.*?)</\1>", re.DOTALL)


def join_heads(html: str) -> str:
    """Lift the names of a table's index into the empty cells above them.

    A head in which they would cover a name stays as it is.
    """
    head, _, body = html.partition("<tbody>")
    rows = ROW.findall(head)
    if len(rows) < 2:
        return html
    above, names = (list(CELL.finditer(row)) for row in rows[-2:])
    n_own = sum(bool(cell[3].strip()) for cell in names)
    covered = [cell[3].strip() for cell in [*above[:n_own], *names[n_own:]]]
    if n_own == 0 or len(above) != len(names) or any(covered):
        return html
    lifted = "".join(cell[0] for cell in [*names[:n_own], *above[n_own:]])
    head = head.replace(rows[-2], f"<tr>{lifted}</tr>").replace(rows[-1], "")
    return f"{head}<tbody>{body}"


def lift_names(html: str) -> str:
    """Join the heads of all tables in a text."""
    return TABLE.sub(lambda table: join_heads(table[0]), html)
