"""Measure how soon a phone shows a page, and how much the page weighs.

Run ``make benchmarks`` on an idle machine with a Chromium, after ``make``. The phone
has a slow line (1.6 Mbit/s, 150 ms to the server) and a processor four times slower
than this one; the server packs texts, as those of the web do. The other side of each
row is the limit below which such a page is called good: 1.8 s for the first text, 2.5 s
for the largest part of the first screen, 1.2 MB without pictures, unpacked.
"""

from __future__ import annotations

import gzip
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Browser
from timing import row, write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from screenshots import (  # noqa: E402
    HTML,
    Quiet,
    find_browser,
    new_context,
    opened_browser,
    served,
)

PAGES = {
    "the front page": "intro.html",
    "chapter 3": "chapters/03-one-gaussian.html",
    "the ledger": "appendices/ledger.html",
}
RUNS = 5
PHONE = 390
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
SLOWER = 4
PACKED = (".html", ".css", ".js", ".svg")
PAINTS = """() => new Promise(done => {
    let largest = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) largest = entry.startTime;
    }).observe({ type: "largest-contentful-paint", buffered: true });
    setTimeout(() => done([
        performance.getEntriesByName("first-contentful-paint")[0].startTime, largest,
    ]), 500);
})"""


class Packing(Quiet):
    """Serve files, texts packed, as web servers do."""

    def do_GET(self) -> None:
        """Answer with a text in its packed form, with any other file as it is."""
        path = Path(self.translate_path(self.path))
        if path.suffix not in PACKED or not path.is_file():
            return super().do_GET()
        body = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def paints(browser: Browser, address: str) -> tuple[float, float]:
    """Return the seconds to the first text and to the largest part of the screen."""
    context = new_context(browser, "light", PHONE)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(address, wait_until="load", timeout=120_000)
    first, largest = page.evaluate(PAINTS)
    context.close()
    return first / 1000, largest / 1000


def weight(browser: Browser, address: str) -> float:
    """Return the megabytes that a page loads without its pictures, unpacked."""
    context = new_context(browser, "light", PHONE)
    page = context.new_page()
    sizes: dict[str, int] = {}
    page.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    page.goto(address, wait_until="networkidle")
    context.close()
    pictures = (".png", ".svg")
    return sum(n for url, n in sizes.items() if not url.endswith(pictures)) / 1e6


def main() -> None:
    """Measure and write ``pages.json``."""
    executable = find_browser()
    if executable is None or not (HTML / "intro.html").is_file():
        print("pages.py: needs a Chromium and the built pages; nothing measured")
        return
    rows = []
    with (
        served(HTML, answers=Packing) as address,
        opened_browser(executable) as browser,
    ):
        for name, page in PAGES.items():
            runs = [paints(browser, f"{address}/{page}") for _ in range(RUNS)]
            first, largest = map(statistics.median, zip(*runs, strict=True))
            on = f"{name} on a phone with a slow line"
            rows += [
                row(f"First text of {on}", first, 1.8, "s", bar=1),
                row(f"Largest part of the first screen of {on}", largest, 2.5, "s", 1),
                row(
                    f"Weight of {name} without pictures, unpacked",
                    weight(browser, f"{address}/{page}"),
                    1.2,
                    "MB",
                    bar=1,
                    because="its text and the script that sets its formulas",
                ),
            ]
    write("pages", "Pages (the site)", rows)


if __name__ == "__main__":
    main()
