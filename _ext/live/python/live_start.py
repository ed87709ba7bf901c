"""Begin Python in a page: where the book lies, and what is fetched when it is used.

SciPy is a third of all that a page may fetch, and most cells do not use it: it comes
with the first use. Modules that nobody thought of come with their import.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import logging
import os
import sys
import warnings
import zlib
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

SITE = "/lib/python3.12/site-packages"
#: The book's folder, with the cells' own below it.
BOOK = f"{SITE}/book"
#: Parts of SciPy that a cell may use without importing them by name.
SCIPY = frozenset(
    ("fft", "integrate", "interpolate", "linalg", "ndimage", "optimize")
    + ("sparse", "spatial", "special", "stats")
)


class Later(ModuleType):
    """A module of SciPy that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        """Return what the module has of that name, importing it now."""
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if self.__name__ == "scipy" and name in SCIPY:
            return self.__dict__.setdefault(name, Later(f"scipy.{name}"))
        fetch_scipy()
        return getattr(importlib.import_module(self.__name__), name)


class Finder:
    """Fetches the pack of a module that is imported and not yet there."""

    #: Module -> the pack that brings it.
    packs: dict[str, str] = {}

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Find a module as Python does, when its pack is here."""
        if name.startswith("scipy.") and isinstance(sys.modules.get("scipy"), Later):
            fetch_scipy()
            path = importlib.import_module("scipy").__path__
        if name == "collapse_lib.data.corpora":
            return _read_packs(PathFinder.find_spec(name, path))
        if name not in cls.packs:
            return (
                PathFinder.find_spec(name, path) if name.startswith("scipy.") else None
            )
        fetch(cls.packs[name])
        if path is not None:  # the standard library then lies in two places
            path = [*path, *(part.replace("312.zip", "3.12") for part in path)]
        return PathFinder.find_spec(name, path)


def _read_packs(spec: ModuleSpec | None) -> ModuleSpec | None:
    """Return how to import the library's corpora, which are packs here."""
    loader: Any = spec and spec.loader
    import_from_file = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        import_from_file(module)
        import live_corpora

        live_corpora.fix(module)

    loader.exec_module = exec_module
    return spec


_fetched: set[str] = set()


def fetch(pack: str) -> None:
    """Fetch and unpack a pack, unless it is here; the cell waits for it.

    Raises
    ------
    OSError
        If it cannot be fetched.
    """
    if pack in _fetched:
        return
    import js
    from pyodide.ffi import JsException, to_js

    try:
        content = js.liveFetch(pack)
    except JsException as error:
        raise OSError(f"a part of Python is missing: {error.message}") from None
    if content:  # else the page had it ready and has unpacked it
        js.liveUnpack(to_js(zlib.decompress(content.to_bytes(), wbits=31)))
    _fetched.add(pack)
    importlib.invalidate_caches()


def fetch_scipy() -> None:
    """Put SciPy in the place of what stands for it."""
    if not isinstance(sys.modules.get("scipy"), Later):
        return
    fetch("special")
    del sys.modules["scipy"]
    # SciPy's modules expect its symbols; it is found only from its own folder.
    here = Path.cwd()
    os.chdir(f"{SITE}/openblas")
    ctypes.CDLL("libopenblas.so", mode=ctypes.RTLD_GLOBAL)
    os.chdir(here)


def begin() -> None:
    """Stand in the folder of the chapters, with everything else on call."""
    sys.path.insert(0, BOOK)
    Path(BOOK, "chapters").mkdir(parents=True, exist_ok=True)
    os.chdir(f"{BOOK}/chapters")
    scipy = Later("scipy")
    scipy.__path__ = []
    sys.modules["scipy"] = scipy
    Finder.packs = json.loads(Path(SITE, "live_index.json").read_text("utf-8"))
    sys.meta_path.insert(0, Finder)

    import live_fixes
    import live_shell
    import live_words
    import tqdm

    live_fixes.fix_numpy()
    live_shell.install()
    sys.modules["wordfreq"] = live_words
    tqdm.tqdm.monitor_interval = 0  # there are no threads
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    # Here cells are changed and run again all the time.
    warnings.filterwarnings("ignore", r"\w+ had another value before")
