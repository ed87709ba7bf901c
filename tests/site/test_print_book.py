"""The pages on paper: nothing is cut, sheets are numbered, links stay in the book."""

import pytest
from screenshots import new_context, served

# `make pdf` and `make test` install it.
pytest.importorskip("pypdf", reason="needs pypdf, see requirements-pdf.lock")

import print_book

pytestmark = pytest.mark.slow

CHAPTER = "chapters/04-many-dimensions.html"
#: What goes on beyond the edge of its box, which paper cannot scroll.
CUT = """() => [...document.querySelectorAll(
        "article div.math, article .output, article .book-table, article pre")]
    .filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.textContent.trim().slice(0, 60))"""


@pytest.fixture(scope="module")
def book(html, browser):
    """A chapter bound for a reader who prefers dark pages, and what was cut of it."""
    about = {"title": "A book", "authors": [{"name": "Us"}]}
    about |= {"version": "1.2", "date-released": "2026-01-01"}
    with served(html) as address:
        context = new_context(browser, "dark", print_book.SHEET)
        page = context.new_page()
        page.set_default_timeout(120_000)
        title = "4. Many"
        file = print_book.print_page(page, f"{address}/{CHAPTER}", title, before=9)
        page.emulate_media(media="print")
        cut = page.evaluate(CUT)
        part = print_book.Printed(CHAPTER, title, file, 10)
        front = print_book.contents(page, [part], about)
        context.close()
        return print_book.bound(front, [part], address, about), cut


def test_a_printed_chapter_is_whole_on_numbered_sheets(book):
    bound, cut = book
    texts = [sheet.extract_text() for sheet in bound.pages]
    assert len(texts) > 10
    assert "A book" in texts[0] and "Version 1.2" in texts[0]
    assert texts[1].split() == ["Contents", "4.", "Many", "10"]
    assert "10" in texts[2][:20] and "4. Many" in texts[2]
    whole = "".join("".join(texts).split())
    for formula in ("Σn→0", "EW22(N(μn,Σn),real)→∞", "M>d"):
        assert formula in whole, formula
    assert "Skiptomaincontent" not in whole
    assert "Solutionto" in whole, "solutions are open on paper"
    assert cut == []


def test_links_of_the_bound_book_stay_in_it_or_lead_to_the_web(book):
    bound, _ = book
    targets = [
        print_book._target(note.get_object())
        for sheet in bound.pages
        for note in sheet.get("/Annots") or []
    ]
    assert len(targets) > 10
    wrong = ("http://127.0.0.1", "https://book.invalid")
    assert not [target for target in targets if target.startswith(wrong)]
    (line,) = bound.pages[1]["/Annots"]
    first = bound.pages[2].indirect_reference
    assert line.get_object()["/Dest"][0] == first
    assert [item.title for item in bound.outline] == ["4. Many"]
