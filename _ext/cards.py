"""What the pages add to the cards of verdicts, which chapters store as outputs.

A card gets its own address, how the claim is measured, and links to the
code of the check, to the claim's row in the ledger and to what is stored of it. So no
chapter has to run when one of them changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import known
import stored
from code_links import name_of
from directives import ledger_of, link
from sphinx.application import Sphinx

from collapse_lib.book.notebooks import Notebook, chapters
from collapse_lib.claims import Claim, Ledger
from collapse_lib.claims.verdict import MIME

#: Where a card has its evidence; how the claim is measured stands behind it.
EVIDENCE = '<p class="verdict-evidence">'


def measure(claim: Claim) -> str:
    """Return how a claim is measured, as HTML."""
    return f"How we measure it: {escape(claim.measure)}"


def complete(html: str, claim: Claim, links: Mapping[str, str]) -> str:
    """Return a card with what it lacks.

    Parameters
    ----------
    html
        The card, as `collapse_lib.claims.card` has made it.
    claim
        The claim.
    links
        Text -> address of what the card leads to.
    """
    before, evidence, after = html.partition(EVIDENCE)
    line, end, after = after.partition("</p>")
    measured = f'\n<p class="verdict-measure">{measure(claim)}</p>'
    # Not in the line that opens the card, which may hold no link.
    own = link(f"#claim-{claim.id}", "Link to this claim", "claim-address")
    listed = " · ".join([own, *(link(href, text) for text, href in links.items())])
    body = before + evidence + line + end + measured * bool(end) + after
    last = f'<p class="verdict-links">{listed}</p>\n</details>'
    return body.replace("</details>", last)


def add_to_cards(
    notebook: Mapping[str, Any], docname: str, chapter: Notebook, ledger: Ledger
) -> None:
    """Complete the cards in the outputs of a chapter."""
    up = "../" * docname.count("/")
    for place, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if MIME not in data or "text/html" not in data:
                continue
            claim = ledger[data[MIME]["claim"]]
            links = {
                "Code of the check": f"#code-{name_of(place, cell)}",
                "In the ledger": f"{up}appendices/ledger.html#ledger-{claim.id}",
                **stored.links(docname, chapter, claim.id),
            }
            data["text/html"] = complete("".join(data["text/html"]), claim, links)


def prepare(app: Sphinx, docname: str, source: list[str]) -> None:
    """Leave the data of verdicts out of a page, and add to the cards what they lack.

    Without this the page's renderer would warn that it does not know the type. Other
    unknown types still make it warn.
    """
    if MIME not in source[0]:
        return
    notebook = json.loads(source[0])
    root = Path(app.srcdir)
    app.env.note_dependency(str(root / "claims.yaml"))
    ledger = ledger_of(root)
    words = {c.id: known.word_of(c.evidence) for c in ledger.values()}
    known.add_words(notebook, words)
    for chapter in chapters(root).values():
        if chapter.docname == docname:
            add_to_cards(notebook, docname, chapter, ledger)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(MIME, None)
    source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", prepare)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
