"""Model collapse, reproduced: the library behind the executable book.

The one idea: *fit a model to data, sample from it, decide what the next model trains
on, measure*. `recurse` is that loop; models, regimes and metrics are its parts.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from collapse_lib import models, regimes
from collapse_lib.history import History
from collapse_lib.recursion import recurse

__version__ = "0.1.0"
__all__ = ["History", "metrics", "models", "recurse", "regimes", "theory"]


def __getattr__(name: str) -> ModuleType:
    """Import metrics and theory at first use: they bring SciPy, which is large."""
    if name in ("metrics", "theory"):
        return importlib.import_module(f"collapse_lib.{name}")
    raise AttributeError(f"module 'collapse_lib' has no attribute {name!r}")
