"""Read what the committed chapters and stored results say, for the other extensions.

Nothing here runs a chapter or imports Sphinx. Whatever is malformed raises
:class:`BookError` with the file, the value and what is expected.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collapse_lib.book import results
from collapse_lib.book.display import GLUE
from collapse_lib.claims.verdict import MIME, SYMBOLS


class BookError(Exception):
    """The book's data cannot be shown as they are."""


@dataclass(frozen=True)
class ChapterData:
    """What one committed chapter shows.

    Parameters
    ----------
    number
        Two digits.
    path
        The notebook.
    title
        Its first heading.
    verdicts
        Claim id -> verdict payload, as ``Verdict.payload`` made it.
    numbers
        Name -> text, as the chapter glued it.
    stored
        Scale -> result of a larger run.
    metadata
        The notebook's own metadata.
    n_code_cells
        How many cells hold code.
    """

    number: str
    path: Path
    title: str
    verdicts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    stored: dict[str, results.Result] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    n_code_cells: int = 0

    @property
    def docname(self) -> str:
        """The name of its page."""
        return f"chapters/{self.path.stem}"

    @property
    def label(self) -> str:
        """Number and title, as the list of contents has them."""
        return f"{int(self.number)}. {self.title}"


def read_chapters(root: Path) -> dict[str, ChapterData]:
    """Return the chapters below ``root``, by number, in reading order.

    Raises
    ------
    BookError
        If a notebook or a stored result is malformed.
    """
    chapters: dict[str, ChapterData] = {}
    for path in sorted((root / "chapters").glob("[0-9][0-9]-*.ipynb")):
        chapter = read_chapter(path, root / "results")
        if chapter.number in chapters:
            raise BookError(
                f"{path.name} and {chapters[chapter.number].path.name} have the same "
                "number; give every chapter its own"
            )
        chapters[chapter.number] = chapter
    return chapters


def read_chapter(path: Path, results_folder: Path) -> ChapterData:
    """Return what one notebook and its stored results say."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise BookError(f"{path.name}: not a notebook ({error!r})") from None
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    number = path.name[:2]
    return ChapterData(
        number=number,
        path=path,
        title=_title(path, cells),
        verdicts=_verdicts(path, number, outputs),
        numbers=_numbers(path, outputs),
        stored=_stored(path, results_folder / number),
        metadata=notebook.get("metadata", {}),
        n_code_cells=sum(bool("".join(cell["source"]).strip()) for cell in code),
    )


def _title(path: Path, cells: list[Any]) -> str:
    for cell in cells:
        text = "".join(cell["source"])
        found = re.search(r"^# +(.+)$", text, re.M)
        if cell["cell_type"] == "markdown" and found:
            return found[1].strip()
    raise BookError(f"{path.name}: no heading of level 1 in its text cells")


def _verdicts(
    path: Path, number: str, outputs: list[Any]
) -> dict[str, Mapping[str, Any]]:
    verdicts: dict[str, Mapping[str, Any]] = {}
    for output in outputs:
        payload = output.get("data", {}).get(MIME)
        if payload is None:
            continue
        _check_payload(path, number, payload)
        if verdicts.get(payload["claim"], payload) != payload:
            raise BookError(
                f"{path.name}: two different verdicts on {payload['claim']}; check "
                "each claim once"
            )
        verdicts[payload["claim"]] = payload
    return verdicts


def _check_payload(path: Path, number: str, payload: Any) -> None:
    fields = {"claim", "chapter", "verdict", "scale", "checks"}
    if not isinstance(payload, dict) or set(payload) != fields:
        raise BookError(
            f"{path.name}: a verdict output has the fields {sorted(payload)}; expected "
            f"are {sorted(fields)}"
        )
    if payload["verdict"] not in SYMBOLS:
        raise BookError(
            f"{path.name}: the verdict on {payload['claim']} is "
            f"{payload['verdict']!r}; allowed are {', '.join(SYMBOLS)}"
        )
    if payload["chapter"] != number:
        raise BookError(
            f"{path.name}: the verdict on {payload['claim']} belongs to chapter "
            f"{payload['chapter']}, not to {number}"
        )


def _numbers(path: Path, outputs: list[Any]) -> dict[str, str]:
    numbers: dict[str, str] = {}
    for output in outputs:
        glued = output.get("metadata", {}).get("scrapbook", {})
        if glued.get("mime_prefix") != GLUE:
            continue
        text = output.get("data", {}).get(f"{GLUE}text/plain")
        numbers[glued["name"]] = _unquoted(path, glued["name"], "".join(text or ""))
    return numbers


def _unquoted(path: Path, name: str, text: str) -> str:
    """Return the text that ``collapse_lib.book.display.glue`` has quoted."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = None
    if not isinstance(value, str):
        raise BookError(
            f"{path.name}: the number {name!r} is stored as {text!r}; expected is a "
            "quoted text. Run the chapter again (`make notebooks`)"
        )
    return value


def _stored(path: Path, folder: Path) -> dict[str, results.Result]:
    if not folder.is_dir():
        return {}
    stored = {}
    try:
        scales = results.scales_of(path)
        for file in sorted(folder.glob("*.json")):
            stored[file.stem] = results.load(file, scales)
    except ValueError as error:
        raise BookError(f"results of chapter {path.name[:2]}: {error}") from None
    return stored


def sources(root: Path) -> list[Path]:
    """Return every file this module may read, for Sphinx to notice changes."""
    return [
        root / "claims.yaml",
        *sorted((root / "chapters").glob("*.ipynb")),
        *sorted((root / "results").glob("*/*.json")),
    ]
