"""Print the built pages as one book, `_build/model-collapse.pdf`, with page numbers.

python scripts/print_book.py                all pages but the library's reference
python scripts/print_book.py 03 ledger      only pages whose address has one of these

A browser prints the pages, because they are more than text: the cards of the verdicts,
the ledger and the tables have no other form. Each page is printed by itself, as a
reader would, light, open and whole; then they become one file, with contents, an
outline, and links that lead from page to page. Needs a Chromium, and pypdf.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject
from screenshots import (
    BROWSERS,
    HTML,
    find_browser,
    new_context,
    opened_browser,
    served,
    settle,
)

from collapse_lib.files.reading import read_yaml

ROOT = HTML.parent.parent
TARGET = HTML.parent / "model-collapse.pdf"
#: Pages that nobody reads on paper.
LEFT_OUT = ("appendices/api", "search", "genindex")
#: Pixels between the margins of an A4 sheet.
SHEET = 660
#: Pages of wide tables, and how small they are printed: 232 claims would fill as many
#: sheets in letters of the usual size.
SMALL = {"appendices/ledger.html": 0.6}
STYLE = """
@page {{ size: A4; margin: 18mm 18mm 20mm; {foot} }}
html {{ counter-reset: page {before}; }}
"""
FOOT = """
@bottom-left {{ content: "{title}"; font: 8pt sans-serif; color: #444; }}
@bottom-right {{ content: counter(page); font: 9pt sans-serif; color: #222; }}
"""
#: What is wider than the sheet gets smaller letters until it is not: nobody can scroll
#: on paper.
SHRINK = """() => {
    const boxes = "article div.math, article .output, article .book-table";
    for (const box of document.querySelectorAll(boxes)) {
        const cut = () => box.scrollWidth > box.clientWidth + 1;
        for (let size = 95; size > 40 && cut(); size -= 5)
            box.style.fontSize = `${size}%`;
    }
}"""
CONTENTS = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{style}
body {{ font: 11pt/1.5 serif; }} h1 {{ margin-top: 60mm; }} li {{ display: flex; }}
ol {{ list-style: none; padding: 0; }}
h2 {{ break-before: page; }}
a {{ flex: 1; color: inherit; text-decoration: none; }}
</style><h1>{title}</h1><p>{who}</p><p>Version {version}, {date}</p>
<h2>Contents</h2><ol>{lines}</ol></html>"""


@dataclass(frozen=True)
class Printed:
    """A page of the site on paper.

    Parameters
    ----------
    name
        Its address, relative to the site.
    title
        What the contents call it.
    file
        The PDF.
    first
        The number on its first sheet.
    """

    name: str
    title: str
    file: PdfReader
    first: int


def reading_order(page: Page, address: str) -> list[tuple[str, str]]:
    """Return address and title of the pages that the list of contents names."""
    page.goto(f"{address}/intro.html")
    links = page.evaluate(
        """() => [...document.querySelectorAll("nav.bd-links a[href]")]
            .map(one => [one.href, one.textContent.trim()])"""
    )
    title = page.evaluate("document.querySelector('article h1').firstChild.textContent")
    found = {"intro.html": title.strip()}
    for href, text in links:
        name = href.removeprefix(f"{address}/").partition("#")[0]
        if href.startswith(address) and name and not name.startswith(LEFT_OUT):
            found.setdefault(name, text)
    return list(found.items())


def print_page(page: Page, address: str, title: str, before: int = 0) -> PdfReader:
    """Print a page of the site.

    Parameters
    ----------
    page
        A tab of a browser, whose reader may prefer dark pages.
    address
        Where the page is.
    title
        What stands at the foot of each sheet.
    before
        How many sheets come before.
    """
    small = next((SMALL[name] for name in SMALL if address.endswith(name)), 1.0)
    page.set_viewport_size({"width": round(SHEET / small), "height": 900})
    page.goto(address)
    settle(page)
    foot = FOOT.format(title=title.replace("\\", "").replace('"', "'"))
    page.add_style_tag(content=STYLE.format(foot=foot, before=before))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate(SHRINK)
    printed = page.pdf(prefer_css_page_size=True, print_background=True, scale=small)
    page.emulate_media(media="screen")
    return PdfReader(io.BytesIO(printed))


def contents(page: Page, parts: Sequence[Printed], about: dict[str, Any]) -> PdfReader:
    """Print the title and the list of contents."""
    lines = "".join(
        f'<li><a href="https://book.invalid/{escape(part.name)}">{escape(part.title)}'
        f"</a> {part.first}</li>"
        for part in parts
    )
    who = ", ".join(author.get("name", "") for author in about["authors"])
    page.set_content(
        CONTENTS.format(
            style=STYLE.format(foot="", before=0),
            title=escape(about["title"]),
            who=escape(who),
            version=about["version"],
            date=about["date-released"],
            lines=lines,
        )
    )
    printed = page.pdf(prefer_css_page_size=True)
    return PdfReader(io.BytesIO(printed))


def bound(
    front: PdfReader, parts: Sequence[Printed], address: str, about: dict[str, Any]
) -> PdfWriter:
    """Return the parts as one file, with an outline and links from part to part."""
    book = PdfWriter()
    book.append(front, import_outline=False)
    starts: dict[str, int] = {}
    for part in parts:
        starts[part.name] = len(book.pages)
        book.append(part.file, outline_item=part.title, import_outline=False)
    for base in (f"{address}/", "https://book.invalid/"):
        _lead_inside(book, base, starts)
    book.add_metadata({"/Title": str(about["title"])})
    book.set_page_label(0, len(front.pages) - 1, style="/r")
    book.set_page_label(len(front.pages), len(book.pages) - 1, style="/D")
    book.compress_identical_objects(remove_unreferenced=True)
    return book


def _lead_inside(book: PdfWriter, base: str, starts: dict[str, int]) -> None:
    """Let links to pages of the site lead to their sheets, and others nowhere."""
    for sheet in book.pages:
        kept = ArrayObject()
        for entry in sheet.get("/Annots") or []:
            note = entry.get_object()
            target = _target(note)
            name = target.removeprefix(base).partition("#")[0]
            if target.startswith(base) and name not in starts:
                continue
            if target.startswith(base):
                place = book.pages[starts[name]].indirect_reference
                del note["/A"]
                note[NameObject("/Dest")] = ArrayObject([place, NameObject("/Fit")])
            kept.append(entry)
        if "/Annots" in sheet:
            sheet[NameObject("/Annots")] = kept


def _target(note: DictionaryObject) -> str:
    """Return the address that a link leads to, or an empty text."""
    action = note.get("/A")
    return str(action.get_object().get("/URI", "")) if action else ""


def printer(what: str) -> str:
    """Return the path of a browser that prints.

    Raises
    ------
    FileNotFoundError
        If there is none; says what is not printed.
    """
    executable = find_browser()
    if executable is None:
        raise FileNotFoundError(
            f"no browser: none of {', '.join(BROWSERS)} is on the PATH; it prints the "
            f"{what}. Get Chromium, as your system's packages have it"
        )
    return executable


def print_book(html: Path, target: Path, wanted: Sequence[str]) -> int:
    """Print pages of a built site into one file; return its number of sheets."""
    executable = printer("pages")
    if not (html / "intro.html").is_file():
        raise FileNotFoundError(f"no book in {html}; run `make` first")
    about = read_yaml(ROOT / "CITATION.cff")
    with served(html) as address, opened_browser(executable) as browser:
        page = new_context(browser, "light", SHEET).new_page()
        order = reading_order(page, address)
        parts = list(_printed(page, address, order, wanted))
        if not parts:
            raise FileNotFoundError(f"no page has {' or '.join(wanted)} in its address")
        front = contents(page, parts, about)
        book = bound(front, parts, address, about)
    target.parent.mkdir(parents=True, exist_ok=True)
    book.write(target)
    return len(book.pages)


def _printed(
    page: Page, address: str, order: Sequence[tuple[str, str]], wanted: Sequence[str]
) -> Iterator[Printed]:
    """Print one page after the other, the number of its first sheet known."""
    before = 0
    for name, title in order:
        if wanted and not any(part in name for part in wanted):
            continue
        file = print_page(page, f"{address}/{name}", title, before)
        print(f"{title}: sheets {before + 1} to {before + len(file.pages)}", flush=True)
        yield Printed(name, title, file, before + 1)
        before += len(file.pages)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Print the built pages as one book.")
    parser.add_argument("pages", nargs="*", help="parts of addresses; without, all")
    parser.add_argument("--html", type=Path, default=HTML, help="the built book")
    parser.add_argument("--target", type=Path, default=TARGET, help="the file to write")
    options = parser.parse_args(argv)
    try:
        number = print_book(options.html, options.target, options.pages)
    except FileNotFoundError as error:
        print(f"print_book.py: {error}", file=sys.stderr)
        return 1
    print(f"{number} sheets in {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
