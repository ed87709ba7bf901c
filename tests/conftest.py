"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import matplotlib
import numpy as np
import pytest

from collapse_lib.recursion import checkpoint

# No window, on no platform.
matplotlib.use("Agg")

# The same examples in every run: a test that fails, fails for everybody. A slow
# machine is no failure.
hypothesis.settings.register_profile("book", derandomize=True, deadline=None)
hypothesis.settings.load_profile("book")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The book's folder."""
    return ROOT


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A client of a Dask cluster of two workers, on this machine."""
    distributed = pytest.importorskip(
        "distributed", reason="the extra 'cluster' is not installed"
    )
    # Dask sets variables for its workers in this process, and leaves them: tests that
    # start a process would run it with one thread and another seed for hashes.
    before = dict(os.environ)
    try:
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
            ) as started,
            distributed.Client(started) as client,
        ):
            client.wait_for_workers(2)
            yield client
    finally:
        os.environ.clear()
        os.environ.update(before)


Measure = Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class CutShort:
    """A measure that ends the run; how soon is no part of what it measures."""

    measure: Measure
    after: int = field(compare=False)
    seen: list[Any] = field(default_factory=list, compare=False)

    def __call__(self, fitted: Any) -> np.ndarray:
        self.seen.append(fitted)
        if len(self.seen) > self.after:
            raise KeyboardInterrupt
        return self.measure(fitted)


@pytest.fixture
def goes_on(tmp_path: Path) -> Callable[[Measure, Callable[..., np.ndarray]], None]:
    """A check that a run which is cut short goes on to the same bits.

    It is given what is measured, and the run: a function of what is measured and of
    the checkpoint's path that returns the measured values.
    """

    def check(measure: Measure, run: Callable[..., np.ndarray]) -> None:
        path = tmp_path / "state.npz"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoint, "SECONDS_BETWEEN_CHECKPOINTS", -1)
            with pytest.raises(KeyboardInterrupt):
                run(CutShort(measure, 2), path)
        assert path.exists()
        assert (run(CutShort(measure, 9), path) == run(measure, None)).all()

    return check


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
