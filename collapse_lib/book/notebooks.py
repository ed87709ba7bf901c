"""The book's notebooks: which of them are chapters, and what is written in them.

The one reader for scripts, extensions and tests; nothing here runs a notebook. A
chapter is a notebook that ``_toc.yml`` names as ``chapters/NN-name``. A copy made in
JupyterLab, a draft or a template in the same folder is none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from collapse_lib.book import results
from collapse_lib.book.display import GLUE
from collapse_lib.checks import check_keys, given, misfit, refusal
from collapse_lib.claims.verdict import MIME
from collapse_lib.declared import declared
from collapse_lib.files.reading import parse_json, read_text, read_yaml

CHAPTER = re.compile(r"chapters/\d\d-[^/]+")
#: A chapter to copy. It is run and compared like a chapter, and is no page of the book.
TEMPLATE = "chapters/_template.ipynb"
#: What this module asks of a notebook.
_SHAPE = Path(__file__).with_name("notebook.schema.json")
#: What Python raises for a text that is not code, among it one nested too deeply.
_UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
#: Folders that only one person's machine has; an address on the web may contain them.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])(?:/(?:home|Users|root|tmp|work|mnt|opt|usr|var|private)/|~/)\w"
    r"|\b[A-Z]:\\Users\b"
)


class BookError(ValueError):
    """The book's files do not say what they should; the message says which and why."""


@declared
@dataclass(frozen=True)
class Notebook:
    """A chapter of the book. Everything is read from its file at first use.

    Parameters
    ----------
    path
        The file, ``chapters/NN-name.ipynb``.
    """

    path: Path

    @property
    def number(self) -> str:
        """Two digits, as ``"03"``."""
        return self.path.name[:2]

    @property
    def name(self) -> str:
        """The file name without its suffix, as ``03-one-gaussian``."""
        return self.path.stem

    @property
    def docname(self) -> str:
        """The name of its page."""
        return f"chapters/{self.name}"

    @property
    def label(self) -> str:
        """Number and title, as the list of contents has them."""
        return f"{int(self.number)}. {self.title}"

    @cached_property
    def content(self) -> dict[str, Any]:
        """The notebook as nested dictionaries, see `parse`."""
        text = read_text(self.path)
        try:
            return parse(text)
        except BookError as error:
            raise BookError(f"{self.path.name}: {error}") from None

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The notebook's own metadata."""
        metadata: Mapping[str, Any] = self.content.get("metadata", {})
        return metadata

    @property
    def code(self) -> list[dict[str, Any]]:
        """The code cells that hold something, in order."""
        return code_cells(self.content)

    @property
    def outputs(self) -> Iterator[dict[str, Any]]:
        """Every output of every cell, in order."""
        for cell in self.content["cells"]:
            yield from cell.get("outputs", [])

    @cached_property
    def title(self) -> str:
        """The first heading."""
        for cell in self.content["cells"]:
            found = re.search(r"^# +(.+)$", cell["source"], re.M)
            if cell["cell_type"] == "markdown" and found:
                return found[1].strip()
        raise BookError(f"{self.path.name}: no heading of level 1 in its text cells")

    @cached_property
    def scales(self) -> dict[str, dict[str, Any]]:
        """Scale -> configuration, the literal that a cell assigns to ``SCALES``."""
        try:
            return scales_in(self.content)
        except BookError as error:
            raise BookError(f"{self.path.name}: {error}") from None

    @cached_property
    def verdicts(self) -> dict[str, Mapping[str, Any]]:
        """Claim id -> verdict, as ``Verdict.payload`` made it."""
        verdicts: dict[str, Mapping[str, Any]] = {}
        for output in self.outputs:
            payload = output.get("data", {}).get(MIME)
            if payload is None:
                continue
            self._check_payload(payload)
            if verdicts.setdefault(payload["claim"], payload) != payload:
                raise BookError(
                    f"{self.path.name}: two different verdicts on {payload['claim']}; "
                    "check each claim once"
                )
        return verdicts

    def _check_payload(self, payload: Any) -> None:
        if wrong := misfit(payload, results.SHAPE, "verdict"):
            keys, says = wrong
            place = f", {'.'.join(keys)[:100]}" if keys else ""
            raise BookError(
                f"{self.path.name}: a verdict in its outputs{place}: {says}"
            )
        if payload["chapter"] != self.number:
            raise BookError(
                f"{self.path.name}: the verdict on {payload['claim']} belongs to "
                f"chapter {given(payload['chapter'])}, not to {self.number}"
            )

    @cached_property
    def numbers(self) -> dict[str, str]:
        """Name -> text of the numbers that the chapter put into its prose."""
        numbers: dict[str, str] = {}
        for output in self.outputs:
            glued = output.get("metadata", {}).get("scrapbook", {})
            if glued.get("mime_prefix") == GLUE:
                text = output.get("data", {}).get(f"{GLUE}text/plain", "")
                numbers[glued["name"]] = self._unquoted(glued["name"], text)
        return numbers

    def _unquoted(self, name: str, text: str) -> str:
        """Return the text that ``collapse_lib.book.display.glue`` has quoted."""
        try:
            value = ast.literal_eval(text)
        except _UNREADABLE:
            value = None
        if not isinstance(value, str):
            raise BookError(
                f"{self.path.name}: the number {given(name)} is stored as "
                f"{given(text)}; "
                "expected is a quoted text. Run the chapter again (`make notebooks`)"
            )
        return value

    @cached_property
    def stored(self) -> dict[str, results.Result]:
        """Scale -> result of a larger run, from ``results/NN``."""
        folder = self.path.parents[1] / "results" / self.number
        try:
            return {
                file.stem: results.load(file, self.scales)
                for file in sorted(folder.glob("*.json"))
            }
        except ValueError as error:
            raise BookError(f"results of chapter {self.number}: {error}") from None


@declared
def chapters(root: Path) -> dict[str, Notebook]:
    """Return the chapters that ``_toc.yml`` names, by number, in reading order.

    Parameters
    ----------
    root
        The folder of the book.

    Raises
    ------
    BookError
        If ``_toc.yml`` cannot be read, a chapter it names has no file, or two have the
        same number.
    """
    found: dict[str, Notebook] = {}
    for name in filter(CHAPTER.fullmatch, _listed(root)):
        chapter = Notebook(root / f"{name}.ipynb")
        if not chapter.path.is_file():
            raise BookError(
                f"_toc.yml names {name}, but there is no file {name}.ipynb; write the "
                "chapter, mend the name or take the line out of _toc.yml"
            )
        if chapter.number in found:
            raise BookError(
                f"{chapter.path.name} and {found[chapter.number].path.name} have the "
                "same number; give every chapter in _toc.yml its own"
            )
        found[chapter.number] = chapter
    return found


@declared
def executed(root: Path) -> dict[str, Notebook]:
    """Return all notebooks that are run: the chapters by number, and the template.

    Raises
    ------
    BookError
        As `chapters`.
    """
    found = chapters(root)
    template = Notebook(root / TEMPLATE)
    return {**found, template.name: template} if template.path.is_file() else found


@declared
def checked(root: Path) -> dict[str, Notebook]:
    """Return the chapters as `chapters` does, after reading each as a whole.

    Raises
    ------
    BookError
        If a notebook or a stored result is malformed.
    """
    found = chapters(root)
    for chapter in found.values():
        _ = chapter.title, chapter.verdicts, chapter.numbers, chapter.stored
    return found


def _listed(root: Path) -> Iterator[str]:
    """Yield the pages that ``_toc.yml`` names, without suffix."""
    path = root / "_toc.yml"
    if not path.is_file():
        raise BookError(f"there is no _toc.yml in {root.name}; it names the chapters")
    try:
        toc = read_yaml(path)
    except ValueError as error:
        raise BookError(error) from None
    if not isinstance(toc, dict):
        raise BookError(
            f"_toc.yml: got {given(toc)}; allowed: format, root, and parts or chapters"
        )
    todo: list[Any] = [toc]
    while todo:
        entry = todo.pop()
        if isinstance(entry, dict):
            if "file" in entry:
                yield _page(entry["file"])
            todo += reversed(entry.values())
        elif isinstance(entry, list):
            todo += reversed(entry)


def _page(name: Any) -> str:
    if not isinstance(name, str):
        raise BookError(f"_toc.yml, file: got {given(name)}; allowed: a page's address")
    return name.removesuffix(".ipynb")


@declared
def unlisted(root: Path) -> list[Path]:
    """Return the notebooks that are named like chapters and are none."""
    listed = {chapter.path for chapter in chapters(root).values()}
    return sorted(set((root / "chapters").glob("[0-9][0-9]-*.ipynb")) - listed)


@declared
def select(found: Mapping[str, Notebook], wanted: list[str]) -> list[Notebook]:
    """Return the chapters whose number or name is in ``wanted``.

    Raises
    ------
    BookError
        If an item names no chapter.
    """
    by_key = {key: c for c in found.values() for key in (c.number, c.name)}
    for item in wanted:
        if item not in by_key:
            raise BookError(
                f"there is no chapter {item!r}; the chapters are "
                f"{', '.join(found) or 'none, nothing was found'} (give the two digits "
                "or the name of the file without .ipynb; only what _toc.yml names is a "
                "chapter)"
            )
    return [by_key[item] for item in wanted]


@declared
def sources(root: Path) -> list[Path]:
    """Return every file that this module reads, for Sphinx to notice changes."""
    return [
        root / "_toc.yml",
        root / "claims.yaml",
        *(chapter.path for chapter in chapters(root).values()),
        *sorted((root / "results").glob("*/*.json")),
    ]


@declared
def parse(text: str) -> dict[str, Any]:
    """Return a notebook's JSON as dictionaries, each of its texts in one piece.

    Files have long texts as lists of lines.

    Raises
    ------
    BookError
        If the text is not that of a notebook.
    """
    try:
        notebook: dict[str, Any] = parse_json(text)
        if wrong := misfit(notebook, _SHAPE):
            raise refusal(".".join(wrong[0])[:200] or "as a whole", wrong[1])
    except ValueError as error:
        raise BookError(f"not a notebook (its text: {error})") from None
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = "".join(output["text"])
            for kind, value in output.get("data", {}).items():
                if isinstance(value, list) and not kind.endswith("json"):
                    output["data"][kind] = "".join(value)
    return notebook


@declared
def code_cells(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the code cells of a notebook that hold something, in order."""
    check_keys("notebook", notebook, "cells")
    return [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and cell["source"].strip()
    ]


@declared
def flaws(output: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a stored output must not hold: a warning, or a path of one machine."""
    text = _text(output)
    if output.get("name") == "stderr":
        yield (
            f"it writes to stderr, {_shortened(text)}; mend the cause, or catch this "
            "warning by its category and message"
        )
    elif found := MACHINE_PATH.search(text):
        yield (
            f"it shows {_shortened(text[found.start() :].splitlines()[0])}, a path of "
            "one machine; show a relative one"
        )


@declared
def message_only(error: Mapping[str, Any]) -> list[str]:
    """Return the traceback to store of an expected error: the message, as lines.

    The calls between are lines of the library on one machine, and no reader needs them.
    """
    check_keys("error", error, "ename", "evalue")
    return [f"{error['ename']}: {error['evalue']}"]


def _text(output: Mapping[str, Any]) -> str:
    """Return what an output shows as text."""
    data = output.get("data", {})
    shown = [value for kind, value in data.items() if not kind.startswith("image/")]
    told = [output.get("text", ""), *output.get("traceback", []), *shown]
    return "\n".join(map(str, told)).strip()


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 300 else text[:299] + "…")


@declared
def scales_in(notebook: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the literal that a cell assigns to ``SCALES``.

    Raises
    ------
    BookError
        If not exactly one cell assigns it, or it is not a pure literal of dictionaries.
    """
    values = [
        node.value
        for node in _statements(notebook, "SCALES")
        if isinstance(node, ast.Assign)
        and [getattr(target, "id", None) for target in node.targets] == ["SCALES"]
    ]
    if len(values) != 1:
        raise BookError(
            f"SCALES is assigned {len(values)} times; exactly one cell must assign it"
        )
    try:
        scales = ast.literal_eval(values[0])
    except _UNREADABLE:
        raise BookError(
            f"SCALES is {ast.unparse(values[0])[:60]!r}...; it must be a pure literal "
            "(numbers, texts, lists, dicts), so that it can be read without running "
            "the chapter"
        ) from None
    if not isinstance(scales, dict) or not all(
        isinstance(config, dict) for config in scales.values()
    ):
        raise BookError("SCALES must map each scale's name to a dictionary of numbers")
    return scales


def _statements(notebook: Mapping[str, Any], word: str) -> Iterator[ast.stmt]:
    """Yield the statements of the cells in which a word occurs."""
    for cell in code_cells(notebook):
        if word in cell["source"]:
            try:
                yield from ast.parse(cell["source"]).body
            except _UNREADABLE as error:
                first = cell["source"].strip().splitlines()[0][:80]
                raise BookError(f"the cell `{first}` is not Python: {error}") from None
