"""The files behind the verdicts, copied into the pages: stored runs and the claims.

``_results/04/laptop.json`` is a stored run of chapter 4, ``_results/04/laptop.csv`` its
numbers as a table for any program, ``_results/claims/C05.txt`` the entry of a claim in
``claims.yaml``.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
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
        **{
            f"its numbers as a table: {scale}": f"{up}{name[:-5]}.csv"
            for scale, name in found.items()
        },
        "Entry in claims.yaml": f"{up}{FOLDER}/claims/{claim_id}.txt",
    }


def as_csv(numbers: Mapping[str, Any]) -> str:
    """Return the numbers of a stored run as a table, one in each row.

    Its columns are the name, the place in an array (two axes: ``3/0``) and the value.
    """
    target = io.StringIO()
    rows = csv.writer(target, lineterminator="\n")
    rows.writerow(("name", "place", "value"))
    for name, value in numbers.items():
        rows.writerows((name, place, each) for place, each in _cells(value, ()))
    return target.getvalue()


def _cells(value: Any, place: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _cells(each, (*place, number))
    else:
        yield "/".join(map(str, place)), value


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
        target = folder / run.parent.name / run.name
        shutil.copyfile(run, target)
        numbers = json.loads(run.read_text("utf-8"))["numbers"]
        target.with_suffix(".csv").write_text(as_csv(numbers), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
