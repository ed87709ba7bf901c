"""A folder for what calls in a table read and write; it goes when the tests end."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

_FOLDER = tempfile.TemporaryDirectory(prefix="calls-")


@cache
def scratch() -> Path:
    """Return the folder."""
    return Path(_FOLDER.name)
