"""All pages on a screen: complete, readable, silent.

A file of its own, so that another process can look at the other width meanwhile.
"""

from pathlib import Path

import pytest
from page_faults import faults_of_all
from playwright.sync_api import Browser
from screenshots import THEMES, WIDTHS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("theme", THEMES)
def test_pages_are_complete_readable_and_silent(
    html: Path, browser: Browser, address: str, theme: str
) -> None:
    faults = faults_of_all(html, browser, address, theme, WIDTHS["wide"])
    assert not faults, "\n" + "\n".join(faults)
