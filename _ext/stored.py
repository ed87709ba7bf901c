"""The files behind the verdicts, copied into the pages: stored runs and the claims.

``_results/04/laptop.json`` is a stored run of chapter 4, ``_results/claims/C05.txt``
the entry of a claim in ``claims.yaml``.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from collapse_lib.book.notebooks import Notebook

FOLDER = "_results"
#: An entry of ``claims.yaml``, up to the next one or the heading of the next chapter.
ENTRY = re.compile(r"^- id: *(\w+)\n.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)


def entries(text: str) -> dict[str, str]:
    """Return claim -> its entry, from the text of ``claims.yaml``."""
    return {found[1]: found[0].rstrip() + "\n" for found in ENTRY.finditer(text)}


def runs(chapter: Notebook, claim_id: str) -> dict[str, str]:
    """Return scale -> address of the stored runs of a chapter that judge a claim."""
    return {
        scale: f"{FOLDER}/{chapter.number}/{scale}.json"
        for scale, result in chapter.stored.items()
        if any(entry["claim"] == claim_id for entry in result.verdicts)
    }


def links(docname: str, chapter: Notebook | None, claim_id: str) -> dict[str, str]:
    """Return text -> address of what is stored of a claim, as seen from a page."""
    up = "../" * docname.count("/")
    found = runs(chapter, claim_id) if chapter else {}
    return {
        **{f"Stored run: {scale}": f"{up}{name}" for scale, name in found.items()},
        "Entry in claims.yaml": f"{up}{FOLDER}/claims/{claim_id}.txt",
    }


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the files into the output of a build that went well."""
    if exception is not None or app.builder.format != "html":
        return
    root, folder = Path(app.srcdir), Path(app.outdir, FOLDER)
    (folder / "claims").mkdir(parents=True, exist_ok=True)
    text = (root / "claims.yaml").read_text("utf-8")
    for claim_id, entry in entries(text).items():
        (folder / "claims" / f"{claim_id}.txt").write_text(entry, "utf-8")
    for run in sorted((root / "results").glob("*/*.json")):
        (folder / run.parent.name).mkdir(exist_ok=True)
        shutil.copyfile(run, folder / run.parent.name / run.name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
