"""The ledger of claims as a table and as a figure.

``{ledger}`` is a table for each source of claims; ``:chapters: 03, 04`` keeps
the claims of these chapters, ``:verdicts: partly, not reproduced`` those with these
verdicts, and ``:compact:`` shows the reason instead of the measurements.
``{ledger-tiles}`` is a figure with a tile for each claim; its content is the caption.
Verdicts are read from the outputs of the committed notebooks and from ``results/``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import known
import stored
from cards import measure
from code_links import cells_judging
from directives import SIGN, BookDirective, ledger_of, link, raw, table
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from collapse_lib import claims
from collapse_lib.book.notebooks import BookError, Notebook
from collapse_lib.claims import Claim, Ledger, Source, as_stated, card
from collapse_lib.claims.verdict import HOLDS, MARKS, SYMBOLS, result_of


@dataclass(frozen=True)
class Row:
    """One claim with the verdict of the committed run and those of larger runs."""

    claim: Claim
    word: str
    checks: tuple[Mapping[str, Any], ...] = ()
    larger: tuple[tuple[str, str], ...] = ()  # (scale, verdict)

    @property
    def css(self) -> str:
        """The class that gives the verdict its colour."""
        return self.word.replace(" ", "-")


def join(ledger: Mapping[str, Claim], chapters: Mapping[str, Notebook]) -> list[Row]:
    """Return the claims, in the order of their ids, with their verdicts.

    Raises
    ------
    BookError
        If a chapter judges an unknown claim, or a chapter that exists does not judge
        one of its claims.
    """
    for chapter in chapters.values():
        for claim_id in chapter.verdicts:
            if claim_id not in ledger or ledger[claim_id].chapter != chapter.number:
                raise BookError(
                    f"{chapter.path.name} judges {claim_id}, which claims.yaml does "
                    f"not give to chapter {chapter.number}"
                )
    return [_join_one(ledger[key], chapters) for key in sorted(ledger, key=_order)]


def _order(claim_id: str) -> tuple[str, int, str]:
    """Return what sorts ids as a reader does: L85 before L100, C14a before C14b."""
    digits = claim_id[1:].rstrip("abcdefghijklmnopqrstuvwxyz")
    return claim_id[0], int(digits), claim_id[1 + len(digits) :]


def _join_one(claim: Claim, chapters: Mapping[str, Notebook]) -> Row:
    if not claim.checks:
        return Row(claim, "not attempted")
    chapter = chapters.get(claim.chapter)
    verdict = chapter.verdicts.get(claim.id) if chapter else None
    if chapter is None or verdict is None:
        raise BookError(
            f"claims.yaml has checks for {claim.id}, but chapter {claim.chapter} shows "
            "no verdict on it; run the chapter again (`make notebooks`), or replace "
            "the checks by not_attempted"
        )
    # A stored run keeps the words of its day; its numbers are judged as all others. One
    # that has not measured what is asked today says nothing here.
    larger = tuple(
        (scale, claims.rejudge(claim, entry).word)
        for scale, result in chapter.stored.items()
        for entry in result.verdicts
        if entry["claim"] == claim.id
        and {check["name"] for check in entry["checks"]} == set(claim.checks)
        and not _same(entry, verdict)
    )
    return Row(claim, verdict["verdict"], tuple(verdict["checks"]), larger)


def _same(stored: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Tell whether a page judges by the very numbers of a stored run."""
    values = [[c["value"] for c in entry["checks"]] for entry in (stored, shown)]
    return len(values[0]) == len(values[1]) and all(
        math.isclose(a, b, rel_tol=0.006) for a, b in zip(*values, strict=True)
    )


class LedgerDirective(BookDirective):
    """Common part of the table and the figure."""

    def ledger(self) -> Ledger:
        """Return the claims and their sources."""
        return ledger_of(self.root)

    def place(self, row: Row, chapters: Mapping[str, Notebook]) -> str:
        """Return the address of a claim: its card, or else its row in the ledger."""
        if row.word != "not attempted":
            return self.href(chapters[row.claim.chapter].docname, _card(row))
        return self.href("appendices/ledger", f"ledger-{row.claim.id}")


def _card(row: Row) -> str:
    return f"claim-{row.claim.id}"


class LedgerTable(LedgerDirective):
    """The table."""

    option_spec: ClassVar[dict[str, Any]] = {
        "chapters": directives.unchanged_required,
        "verdicts": directives.unchanged_required,
        "compact": directives.flag,
    }

    def show(self) -> list[nodes.Node]:
        """Return the table, or a sentence if no claim is as asked for."""
        ledger, chapters = self.ledger(), self.chapters()
        rows = self._chosen(join(ledger, chapters), chapters)
        shown: list[nodes.Node] = []
        for source in ledger.sources.values():
            own = [row for row in rows if ledger.source_of(row.claim) == source]
            if own:
                shown += [*self._title(source), self._table(source, own, chapters)]
        return shown or [nodes.paragraph("", "At present there is none.")]

    def _title(self, source: Source) -> list[nodes.Node]:
        """Return the name of a source with its citation; none above a short table."""
        if "compact" in self.options:
            return []
        cited = f": {{cite:t}}`{source.cite}`" if source.cite else ""
        return self.parse_text_to_nodes(f"**{source.name}**{cited}")

    def _table(
        self, source: Source, rows: list[Row], chapters: Mapping[str, Notebook]
    ) -> nodes.raw:
        compact = "compact" in self.options
        heads, columns = ["Claim", f"{source.name} says", "Why"], {2: "why"}
        if not compact:
            heads[2:] = ["We get", "Verdict"]
            columns = {2: "measured", 3: "verdicts"}
        cells = [self._cells(row, chapters, compact) for row in rows]
        label = f"Claims and verdicts: {source.name}"
        return table(label, heads, cells, "ledger", columns)

    def _chosen(self, rows: list[Row], chapters: Mapping[str, Notebook]) -> list[Row]:
        numbers = self._listed("chapters", list(chapters))
        words = self._listed("verdicts", list(SYMBOLS))
        return [
            row
            for row in rows
            if (not numbers or row.claim.chapter in numbers)
            and (not words or row.word in words)
        ]

    def _listed(self, option: str, allowed: list[str]) -> list[str]:
        """Return the items of an option; raise BookError if one is not allowed."""
        items = [item.strip() for item in self.options.get(option, "").split(",")]
        unknown = [item for item in items if item and item not in allowed]
        if unknown:
            raise BookError(
                f":{option}: has {', '.join(unknown)}; allowed, with commas between "
                f"them, are {', '.join(allowed) or 'none yet'}"
            )
        return [item for item in items if item]

    def _cells(
        self, row: Row, chapters: Mapping[str, Notebook], compact: bool
    ) -> list[str]:
        claim = row.claim
        name = f"{escape(claim.id)}"
        if row.word != "not attempted":
            name = link(self.place(row, chapters), claim.id)
        first = f"{name} {escape(claim.title)}"
        if not compact:
            row_id = f"ledger-{escape(claim.id)}"
            sign = SIGN.format(row_id, "row")
            first = f'<span id="{row_id}">{name}</span> {escape(claim.title)}{sign}'
        paper = (
            f"{escape(claim.statement)} <small>Published: {escape(claim.published)} "
            f"({escape(claim.source)})</small> "
            f'<small class="evidence">{card.evidence(claim.evidence)}</small>'
        )
        if compact:
            return [f"{first}<br>{_judged(row)}", paper, escape(_why(row))]
        leads = self._leads(claim, chapters.get(claim.chapter))
        return [first + leads, paper, f"{_how(claim)}{_measured(row)}", _verdict(row)]

    def _leads(self, claim: Claim, chapter: Notebook | None) -> str:
        """Return the links of a row: to the code of its check, and what is stored."""
        links = stored.links(self.env.docname, chapter, claim.id)
        if chapter and (cell := cells_judging(chapter).get(claim.id)):
            code = self.href(chapter.docname, cell.anchor)
            links = {"Code of the check": code, **links}
        items = "".join(f"<li>{link(href, text)}</li>" for text, href in links.items())
        return f'<ul class="leads">{items}</ul>'


def _why(row: Row) -> str:
    """Return why a claim has another verdict than reproduced, if that is known."""
    if row.word in HOLDS:
        return ""
    return row.claim.not_attempted or row.claim.because or ""


def _how(claim: Claim) -> str:
    return f'<small class="how">{measure(claim)}</small>'


def _measured(row: Row) -> str:
    """Return one line for each check, or why there is none."""
    lines = "".join(f"<li>{_check(row.claim, check)}</li>" for check in row.checks)
    why = f"<em>{escape(_why(row))}</em>" if _why(row) else ""
    return f"<ul>{lines}</ul>{why}" if lines else why


def _check(claim: Claim, check: Mapping[str, Any]) -> str:
    """Return a check with its control."""
    target = [check["tolerance"]]
    if check["expected"] is not None:
        target.insert(0, f"expected {as_stated(check['expected'])}")
    word = result_of(check)
    control = card.control_line(claim.checks[check["name"]], check.get("control"))
    return (
        f'<span title="{word}">{MARKS[word]}</span>'
        f'<span class="sr-only"> {word}: </span> '
        f"{escape(check['what'])}: <strong>{check['shown']}</strong> "
        f"<small>({escape(', '.join(target))})</small>"
        f'<br><small class="control">{escape(control)}</small>'
    )


def _verdict(row: Row) -> str:
    parts = [_judged(row)]
    parts += [
        f"<small>at scale {escape(scale)}: {SYMBOLS[word]} {word}</small>"
        for scale, word in row.larger
    ]
    return "<br>".join(parts)


def _judged(row: Row) -> str:
    """Return the verdict, and a word if its value is not known at first hand."""
    unjudged = row.word == "not attempted"
    return _badge(row.word) + ("" if unjudged else known.beside(_known(row)))


def _known(row: Row) -> str:
    return known.word_of(row.claim.evidence)


def _badge(word: str) -> str:
    css = word.replace(" ", "-")
    return f'<span class="verdict-badge {css}">{SYMBOLS[word]} {word}</span>'


class LedgerTiles(LedgerDirective):
    """The figure; the option ``:name:`` makes it a target for references."""

    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"name": directives.unchanged_required}

    def show(self) -> list[nodes.Node]:
        """Return a numbered figure."""
        if "name" not in self.options or not self.content:
            raise BookError("needs the option :name: and a caption as its content")
        chapters = self.chapters()
        rows = join(self.ledger(), chapters)
        figure = nodes.figure(classes=["ledger-figure"])
        figure += raw(legend(rows) + self._groups(rows, chapters))
        paragraph, *_ = self.parse_content_to_nodes()
        figure += nodes.caption("", "", *paragraph.children)
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]

    def _groups(self, rows: list[Row], chapters: Mapping[str, Notebook]) -> str:
        by_chapter: dict[str, list[Row]] = {}
        for row in rows:
            by_chapter.setdefault(row.claim.chapter, []).append(row)
        parts = []
        for number in sorted(by_chapter):
            chapter = chapters.get(number)
            name = f"{int(number)} (planned)"
            if chapter:
                name = link(self.href(chapter.docname), chapter.label)
            tiles = "".join(self._tile(row, chapters) for row in by_chapter[number])
            parts.append(
                f'<li class="tile-group"><span class="tile-chapter">{name}</span>'
                f'<ul class="tiles">{tiles}</ul></li>\n'
            )
        return f'<ul class="tile-groups">\n{"".join(parts)}</ul>\n'

    def _tile(self, row: Row, chapters: Mapping[str, Notebook]) -> str:
        claim = row.claim
        rated = " ".join(
            f"{what}: {word}." for what, word, _ in claim.evidence.in_words()
        )
        caveats = f" <small>{', '.join(claim.evidence.caveats)}</small>"
        symbol = f'<span aria-hidden="true">{SYMBOLS[row.word]}</span>'
        name = f'<span class="tile-id">{escape(claim.id)}</span> {escape(claim.title)}'
        return (
            f'<li><a class="tile {row.css}" href="{escape(self.place(row, chapters))}" '
            f'title="{escape(rated)}">{symbol} {name}'
            f'<span class="sr-only">: {row.word}.</span>'
            f"{caveats * bool(claim.evidence.caveats)}</a></li>"
        )


def legend(rows: Iterable[Row]) -> str:
    """Return the words and symbols of the verdicts, each with its number of claims."""
    counts = Counter(row.word for row in rows)
    parts = [f"<li>{_badge(word)} {counts[word]}</li>" for word in SYMBOLS]
    return f'<ul class="tile-legend">{"".join(parts)}</ul>\n'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("ledger", LedgerTable)
    app.add_directive("ledger-tiles", LedgerTiles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
