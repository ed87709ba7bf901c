"""Find the book's chapters and read what is written in them, without running them."""

from __future__ import annotations

import ast
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Chapter:
    """One notebook of the book.

    Attributes
    ----------
    path
        The notebook file, ``chapters/NN-name.ipynb``.
    number
        Its two digits, as ``"03"``.
    """

    path: Path
    number: str

    @property
    def name(self) -> str:
        """The file name without its suffix, as ``03-one-gaussian``."""
        return self.path.stem


def find_chapters(root: Path) -> list[Chapter]:
    """Return the chapters below `root`, in reading order."""
    paths = sorted((root / "chapters").glob("*.ipynb"))
    return [
        Chapter(path, path.name[:2]) for path in paths if re.match(r"\d\d-", path.name)
    ]


def select_chapters(chapters: list[Chapter], wanted: list[str]) -> list[Chapter]:
    """Return the chapters whose number or name is in `wanted`.

    Raises
    ------
    LookupError
        If an item of `wanted` names no chapter.
    """
    by_key = {key: c for c in chapters for key in (c.number, c.name)}
    for item in wanted:
        if item not in by_key:
            known = ", ".join(c.number for c in chapters) or "none yet"
            raise LookupError(
                f"there is no chapter {item!r}; the chapters are {known} "
                "(give the two digits or the name of the file without .ipynb)"
            )
    return [by_key[item] for item in wanted]


def read_notebook(path: Path) -> Any:
    """Return the notebook in `path` as nested dictionaries (format 4)."""
    return nbformat.read(path, as_version=4)


def write_notebook(notebook: Any, path: Path) -> None:
    """Write `notebook` to `path` in one step, so that no half file is ever seen."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            nbformat.write(notebook, stream)
        # mkstemp makes private files; a committed notebook is readable.
        draft.chmod(path.stat().st_mode if path.exists() else 0o644)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def code_cells(notebook: Any) -> list[Any]:
    """Return the code cells that hold something, in order."""
    return [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and cell["source"].strip()
    ]


def read_scales(notebook: Any) -> dict[str, dict[str, Any]]:
    """Return the literal that a cell assigns to ``SCALES``.

    Raises
    ------
    ValueError
        If no cell assigns it, or if it is not a plain literal of dictionaries.
    """
    for cell in code_cells(notebook):
        if "SCALES" not in cell["source"]:
            continue
        for node in ast.parse(cell["source"]).body:
            if isinstance(node, ast.Assign) and _is_name(node.targets[0], "SCALES"):
                return _scales_literal(node.value)
    raise ValueError("no cell assigns SCALES = {...}")


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _scales_literal(node: ast.expr) -> dict[str, dict[str, Any]]:
    try:
        scales = ast.literal_eval(node)
    except ValueError:
        raise ValueError(
            "SCALES must be a literal: names, calls and arithmetic cannot be read "
            f"without running the notebook (found {ast.unparse(node)[:60]!r})"
        ) from None
    if not isinstance(scales, dict) or not all(
        isinstance(config, dict) for config in scales.values()
    ):
        raise ValueError("SCALES must map each scale's name to a dictionary of numbers")
    return scales
