"""A book of one tiny chapter, for the tests of the scripts that handle books."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import yaml

PYPROJECT = """\
[project]
name = "mini"
dependencies = ["numpy>=2.0", "PyYAML>=6.0"]
"""
LOCK = "numpy==2.4.6\npyyaml==6.0.3\npytest==9.2.0\n"
CLAIM = {
    "title": "A claim",
    "source": "section 1",
    "statement": "It is so.",
    "published": "yes",
    "measure": "count",
    "evidence": {"value": "printed"},
    "not_attempted": "later",
}
CLAIMS = {
    "sources": {"C": {"name": "The paper"}},
    "claims": [
        {"id": "C01", "chapter": "01", **CLAIM},
        {"id": "C02", "chapter": "02", **CLAIM},
    ],
}
SCALES = {"ci": {"n": 2}, "laptop": {"n": 3}, "paper": {"n": 4}}
CELLS = [
    ("markdown", "# A chapter\n", []),
    ("code", 'SCALE = "ci"', ["parameters"]),
    ("code", f"SCALES = {SCALES}", []),
    ("code", 'print(SCALES[SCALE]["n"])', []),
]


def make_book(root: Path) -> Path:
    """Write the book's files below `root`; return its chapter, not executed."""
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "requirements.lock").write_text(LOCK)
    (root / "claims.yaml").write_text(json.dumps(CLAIMS))
    shutil.copy(Path(__file__).parents[1] / ".gitignore", root)
    (root / "collapse_lib").mkdir()
    (root / "collapse_lib" / "core.py").write_text("answer = 42\n")
    (root / "results" / "01").mkdir(parents=True)
    (root / "results" / "01" / "laptop.json").write_text("{}")
    return write_chapter(root, "01-mini", CELLS)


def write_chapter(
    root: Path, name: str, cells: list[tuple[str, str, list[str]]]
) -> Path:
    """Write a chapter of (type, source, tags) triples, and name it in the contents."""
    path = write_notebook(root, name, cells)
    contents = root / "_toc.yml"
    toc = {"format": "jb-book", "root": "intro", "chapters": []}
    if contents.exists():
        toc = yaml.safe_load(contents.read_text("utf-8"))
    names = {entry["file"] for entry in toc["chapters"]} | {f"chapters/{name}"}
    toc["chapters"] = [{"file": each} for each in sorted(names)]
    contents.write_text(yaml.safe_dump(toc), "utf-8")
    return path


def write_notebook(
    root: Path, name: str, cells: list[tuple[str, str, list[str]]]
) -> Path:
    """Write a notebook of (type, source, tags) triples below `root`/chapters."""
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
    }
    notebook = nbformat.v4.new_notebook(
        cells=[make[kind](text, metadata={"tags": tags}) for kind, text, tags in cells]
    )
    path = root / "chapters" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


def edit_json(path: Path, change: Any) -> None:
    """Apply the function `change` to the content of a JSON file."""
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
