"""What is wrong with a built page, as a browser and axe see it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page
from screenshots import LISTINGS, new_context, pages, settle

SEVERE = {"serious", "critical"}
# Without "preload": false axe would fetch style sheets again, from wrong addresses.
AXE = {"resultTypes": ["violations"], "preload": False}
#: Nine in ten elements are parts of formulas, of code and of the API reference, and
#: alike on all pages; axe would take minutes for them, even to pass over them. It looks
#: at the formulas and the code of one chapter and one listing, at the first API entry
#: of each section, and at the first claims of the ledger; the others are taken off a
#: page before.
ALIKE = (
    "mjx-container, .highlight pre, section > dl.py ~ dl.py, "
    "table.ledger tr:nth-child(n + 30)"
)
IN_FULL = re.compile(rf"chapters/01|{LISTINGS}")
#: What depends on the theme: in the dark the same pages are looked at for this alone.
COLOURS = {**AXE, "runOnly": ["color-contrast"]}


class Watch:
    """Write down what a reader's browser asks for and complains about."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.faults: list[str] = []
        self.address = address
        context.on("request", lambda r: self._asked(r.url))
        context.on("response", lambda r: self._answered(r.status, r.url))
        context.on("requestfailed", lambda r: self._note(f"no answer: {r.url}"))
        context.on("console", lambda m: self._said(m.type, m.text))
        context.on("weberror", lambda e: self._note(f"page error: {e.error}"))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:", "about:")):
            self._note(f"asks another host: {url}")

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self._note(f"answer {status}: {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self._note(f"console error: {text}")

    def _note(self, fault: str) -> None:
        self.faults.append(fault)


def faults_of(
    page: Page, watch: Watch, name: str, theme: str, options: Any = AXE
) -> list[str]:
    """Open a page and return all that is wrong with it."""
    watch.faults.clear()
    page.goto(f"{watch.address}/{name}")
    settle(page)
    shown = page.evaluate("document.documentElement.dataset.theme")
    faults = [] if shown == theme else [f"shows the theme {shown}, not {theme}"]
    page.evaluate("scrollTo(10000, 0)")
    if moved := page.evaluate("scrollX"):
        faults.append(f"scrolls sideways by {moved} px")
    if not IN_FULL.match(name):
        page.evaluate(
            "kinds => document.querySelectorAll(kinds).forEach(one => one.remove())",
            ALIKE,
        )
    faults += inaccessible(page, options)
    return [f"{name}: {fault}" for fault in [*watch.faults, *faults]]


def inaccessible(page: Page, options: Any = AXE) -> list[str]:
    """Return what keeps some readers from a page, as axe finds it."""
    found = Axe().run(page, options=options)
    violations = found.response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]}"
        for rule in violations
        if rule["impact"] in SEVERE
        for node in rule["nodes"]
    ]


def faults_of_all(
    html: Path, browser: Browser, address: str, theme: str, width: int
) -> list[str]:
    """Open all pages of a book; return what is wrong with them."""
    context = new_context(browser, theme, width)
    watch, page = Watch(context, address), context.new_page()
    names = [n for n in pages(html) if not n.startswith(LISTINGS)]
    assert "intro.html" in names
    # All listings of code have one layout: one stands for them.
    names += [n for n in pages(html) if n.startswith(LISTINGS)][:1]
    options = COLOURS if theme == "dark" else AXE
    faults = [
        fault for n in names for fault in faults_of(page, watch, n, theme, options)
    ]
    context.close()
    return list(dict.fromkeys(faults))
