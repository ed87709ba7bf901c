"""What all tests share."""

from __future__ import annotations

from collections.abc import Callable
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


Measure = Callable[[Any], np.ndarray]


@pytest.fixture
def goes_on(tmp_path: Path) -> Callable[[Measure, Callable[..., np.ndarray]], None]:
    """A check that a run which is cut short goes on to the same bits.

    It is given what is measured, and the run: a function of what is measured and of
    the checkpoint's path that returns the measured values.
    """

    def check(measure: Measure, run: Callable[..., np.ndarray]) -> None:
        seen = []

        def cut_short(fitted: Any) -> np.ndarray:
            seen.append(fitted)
            if len(seen) > 2:
                raise KeyboardInterrupt
            return measure(fitted)

        path = tmp_path / "state.npz"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoint, "SECONDS_BETWEEN_CHECKPOINTS", -1)
            with pytest.raises(KeyboardInterrupt):
                run(cut_short, path)
        assert path.exists()
        assert (run(measure, path) == run(measure, None)).all()

    return check
