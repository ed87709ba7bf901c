"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import matplotlib
import pytest

# No window, on no platform. Not by MPLBACKEND: the kernels that run the chapters
# would inherit it and draw nothing inline.
matplotlib.use("Agg")

# The same examples in every run: a test that fails, fails for everybody. A slow
# machine is no failure.
hypothesis.settings.register_profile("book", derandomize=True, deadline=None)
hypothesis.settings.load_profile("book")


@pytest.fixture(scope="session")
def root() -> Path:
    """The book's folder."""
    return Path(__file__).resolve().parent.parent
