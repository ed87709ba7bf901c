"""The built pages and a browser, once for all tests that open them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import build_book
import pytest
from playwright.sync_api import Browser
from screenshots import find_browser, opened_browser, served


@pytest.fixture(scope="session")
def html(root: Path) -> Path:
    """The folder of the pages: ``_build/html``, or the one that BOOK_HTML names."""
    if "BOOK_HTML" in os.environ:
        folder = Path(os.environ["BOOK_HTML"])
        assert (folder / "intro.html").is_file(), f"BOOK_HTML: no book in {folder}"
        return folder
    assert build_book.build(root) == 0, "the book does not build, see above"
    return root / "_build" / "html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser that reaches this machine only."""
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium on the PATH; install one to test the built pages")
    with opened_browser(executable) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(html: Path) -> Iterator[str]:
    """Where the pages are served."""
    with served(html) as url:
        yield url
