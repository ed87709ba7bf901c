"""What only the front page has: a picture that fades, and the verdicts at one glance.

``{fading-picture}`` shows the copies of copies of chapter 1. The page carries only the
picture; ``_static/fading-picture.js`` copies it in the reader's browser. Without
scripts a strip of four sheets stays, which is made here.

``{ledger-summary}`` is a bar for each part of the book, as long as its verdicts are
many.
"""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from directives import BookDirective, link, raw
from docutils import nodes
from ledger import LedgerDirective, join, legend
from numpy.typing import NDArray
from PIL import Image
from sphinx.application import Sphinx

from collapse_lib.book.notebooks import BookError
from collapse_lib.book.pictures import DARKNESS, as_distribution, seascape
from collapse_lib.claims.verdict import SYMBOLS
from collapse_lib.files.reading import read_yaml

# ---- the picture that fades ----------------------------------------------------------

#: Drops of ink on a sheet that a reader can choose; the second one is shown first.
DROPS = (2_000, 20_000, 100_000)
#: Copies in the strip for readers without scripts.
STRIP = (1, 5, 20, 100)
LABEL = "A boat, hills, waves, a pale sun and birds"


def parts() -> list[tuple[float, str]]:
    """Return the darkness of each part of the picture and its name, paper first."""
    named: dict[float, list[str]] = {0.0: ["paper"]}
    for name, dark in DARKNESS.items():
        named.setdefault(dark, []).append(name)
    return [(dark, " and ".join(named[dark])) for dark in sorted(named)]


def data() -> dict[str, Any]:
    """Return the picture as the script reads it: the part of each pixel, row by row."""
    picture = seascape()
    darkness = np.array([dark for dark, _ in parts()])
    places = np.abs(picture.ravel()[:, None] - darkness).argmin(axis=1)
    return {
        "width": picture.shape[1],
        "height": picture.shape[0],
        "parts": parts(),
        "pixels": "".join(map(str, places)),
        "drops": DROPS,
    }


def copies(last: int, drops: int, seed: int = 1) -> list[NDArray[np.float64]]:
    """Return the shares of ink on the original and on its copies of copies."""
    rng = np.random.default_rng(seed)
    sheets = [as_distribution(seascape()).p[0]]
    for _ in range(last):
        sheets.append(rng.multinomial(drops, sheets[-1]) / drops)
    return sheets


def png(ink: NDArray[np.float64]) -> str:
    """Return a sheet as the address of an image that is part of the page."""
    picture = seascape()
    dark = np.minimum(1, ink.reshape(picture.shape) * picture.sum())
    stream = io.BytesIO()
    Image.fromarray((255 * (1 - dark)).astype(np.uint8)).save(stream, "png")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def strip(made: Sequence[int] = STRIP) -> str:
    """Return four sheets of a line of copies, each with its number."""
    sheets = copies(max(made), DROPS[1])
    shown = (
        f'<span><img src="{png(sheets[copy])}" alt="Copy {copy} of a picture: {LABEL}">'
        f"Copy {copy}</span>"
        for copy in made
    )
    return f'<p class="fading-strip">{"".join(shown)}</p>'


class FadingPicture(BookDirective):
    """The picture; it takes neither options nor content."""

    def show(self) -> list[nodes.Node]:
        """Return the element with its data and the strip."""
        text = json.dumps(data(), separators=(",", ":"))
        return [
            raw(
                f'<fading-picture label="{escape(LABEL)}">'
                f'<script type="application/json">{text}</script>'
                f"{strip()}</fading-picture>"
            )
        ]


# ---- the verdicts at one glance ------------------------------------------------------


class LedgerSummary(LedgerDirective):
    """A bar for each part of the book; it takes neither options nor content."""

    def show(self) -> list[nodes.Node]:
        """Return a list of the parts, each with its verdicts."""
        chapters = self.chapters()
        part_of = self._part_of()
        counts: dict[str, Counter[str]] = {part: Counter() for part in part_of.values()}
        rows = join(self.ledger(), chapters)
        for row in rows:
            counts[part_of[chapters[row.claim.chapter].docname]][row.word] += 1
        longest = max(sum(count.values()) for count in counts.values())
        page = self.href("appendices/ledger")
        bars = (
            f'<li><span class="summary-part">{escape(part)}</span>'
            f'<span class="summary-bar">{_bar(count, longest)}</span></li>'
            for part, count in counts.items()
            if count
        )
        more = link(page, "All claims by name, with what we measured", "summary-more")
        summary = f'<ul class="ledger-summary">{"".join(bars)}</ul>'
        totals = f'<div class="ledger-legend">{legend(rows)}</div>'
        return [raw(f"{totals}\n{summary}\n<p>{more}</p>")]

    def _part_of(self) -> dict[str, str]:
        """Return the part of each chapter, as the table of contents has it."""
        contents = read_yaml(self.root / "_toc.yml")
        try:
            return {
                entry["file"]: part["caption"]
                for part in contents["parts"]
                for entry in part["chapters"]
            }
        except (KeyError, TypeError) as error:
            raise BookError(
                f"_toc.yml: a part needs caption and chapters: {error}"
            ) from None


def _bar(count: Counter[str], longest: int) -> str:
    """Return the pieces of a bar; their lengths are shares of the longest bar."""
    return "".join(
        f'<span class="{word.replace(" ", "-")}" title="{count[word]} {word}" '
        f'style="flex-basis: {100 * count[word] / longest:.2f}%">'
        f'<span aria-hidden="true">{SYMBOLS[word]}</span>{count[word]}'
        f'<span class="sr-only"> {word}, </span></span>'
        for word in SYMBOLS
        if count[word]
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("fading-picture", FadingPicture)
    app.add_directive("ledger-summary", LedgerSummary)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
