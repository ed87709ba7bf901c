"""An element of a page, alone in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def opened_element(
    root: Path, tmp_path: Path
) -> Callable[[str, str], AbstractContextManager[Any]]:
    """What opens a page that has one script of the book and some HTML, at 390 pixels.

    An error of the script is an error of the test.
    """
    pytest.importorskip("playwright.sync_api")
    from screenshots import find_browser, opened_browser

    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium on this machine")

    @contextmanager
    def opened(script: str, body: str) -> Iterator[Any]:
        code = (root / "_static" / script).read_text("utf-8")
        path = tmp_path / "page.html"
        # The script comes first, as in the head of the book's pages.
        path.write_text(
            f"<!doctype html><html lang='en'><head><script>{code}</script></head>"
            f"<body>{body}</body></html>",
            encoding="utf-8",
        )
        with opened_browser(executable) as browser:
            page = browser.new_page(viewport={"width": 390, "height": 800})
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(path.as_uri())
            yield page
            assert not errors

    return opened
