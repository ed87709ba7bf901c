"""Calls that work of marks and detectors, for `calls.CALLS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from collapse_lib import detection

Call = tuple[Callable[..., Any], dict[str, Any]]

TABLE: dict[str, Callable[[], Call]] = {
    "detection.hashed": lambda: (detection.hashed, {"key": 1, "grams": [[1, 2]]}),
}
