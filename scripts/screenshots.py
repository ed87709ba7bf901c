"""Photograph every built page, light and dark, on a wide screen and on a phone.

python scripts/screenshots.py FOLDER           all pages of _build/html
python scripts/screenshots.py FOLDER intro     only pages whose address has "intro"

Needs a Chromium on this machine; nothing outside of it is contacted.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = {"wide": 1280, "phone": 390}
THEMES = ("light", "dark")
#: Pages of code listings, which Sphinx makes and nobody designs.
LISTINGS = "_modules"

#: How the names of slides end.
DECK = "-slides.html"
NO_HEADERS: Mapping[str, str] = {}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve files without a word, with more headers."""

    def __init__(self, *args: Any, headers: Mapping[str, str], **options: Any) -> None:
        self.more_headers = headers
        super().__init__(*args, **options)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Send the other headers too."""
        for name, value in self.more_headers.items():
            self.send_header(name, value)
        super().end_headers()


@contextmanager
def served(
    folder: Path,
    headers: Mapping[str, str] = NO_HEADERS,
    answers: type[Quiet] = Quiet,
) -> Iterator[str]:
    """Serve a folder, with more headers, at a port of 127.0.0.1; give its address."""
    handler = functools.partial(answers, directory=str(folder), headers=headers)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def find_browser() -> str | None:
    """Return the path of a Chromium, or None if there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def opened_browser(executable: str) -> Iterator[Browser]:
    """Start a browser that resolves no name and so reaches this machine only."""
    arguments = [
        "--no-sandbox",  # containers run as root, where the sandbox refuses to start
        "--disable-background-networking",
        "--disable-component-update",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Browser, theme: str, width: int) -> BrowserContext:
    """Return a context whose reader prefers this theme on a screen of this width."""
    if theme not in THEMES:
        raise ValueError(f"theme is {theme!r}; allowed are {', '.join(THEMES)}")
    dark = theme == "dark"
    return browser.new_context(
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )


def settle(page: Page) -> None:
    """Wait until the formulas of a page are set and its fonts are there."""
    page.evaluate("() => window.MathJax?.startup?.promise?.then(() => null)")
    page.evaluate("() => document.fonts.ready.then(() => null)")


def pages(html: Path) -> list[str]:
    """Return the addresses of all pages, relative to the root of the site.

    ``index.html`` is left out: it only sends its reader on to the first page. So are
    the slides, which are no pages to read.
    """
    found = {path.relative_to(html).as_posix() for path in html.rglob("*.html")}
    found.discard("index.html")
    return sorted(
        name
        for name in found
        if not name.startswith("_static/") and not name.endswith(DECK)
    )


def photograph(html: Path, folder: Path, part: str) -> int:
    """Write one PNG for each page, theme and width; return how many."""
    executable = find_browser()
    if executable is None:
        raise FileNotFoundError(
            f"no browser: none of {', '.join(BROWSERS)} is on the PATH; get Chromium"
        )
    names = [n for n in pages(html) if part in n and not n.startswith(LISTINGS)]
    if not names:
        raise FileNotFoundError(
            f"no page with {part!r} in its address below {html}; run `make` first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with served(html) as address, opened_browser(executable) as browser:
        for theme in THEMES:
            for label, width in WIDTHS.items():
                page = new_context(browser, theme, width).new_page()
                for name in names:
                    page.goto(f"{address}/{name}")
                    settle(page)
                    stem = name.removesuffix(".html").replace("/", "-")
                    file = folder / f"{stem}-{theme}-{label}.png"
                    page.screenshot(path=file, full_page=True)
    return len(names) * len(THEMES) * len(WIDTHS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Photograph the built pages.")
    parser.add_argument("folder", type=Path, help="where the PNG files go")
    parser.add_argument("part", nargs="?", default="", help="part of the address")
    parser.add_argument("--html", type=Path, default=HTML, help="the built book")
    options = parser.parse_args(argv)
    try:
        number = photograph(options.html, options.folder, options.part)
    except FileNotFoundError as error:
        print(f"screenshots.py: {error}", file=sys.stderr)
        return 1
    print(f"{number} pictures in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
