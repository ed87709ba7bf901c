"""Execute the chapters whose outputs are out of date, and store what they show.

python scripts/execute.py             every stale chapter
python scripts/execute.py 03 --force  chapter 03, stale or not
python scripts/execute.py --check     list the stale ones; exit 1 if any
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kernel
from staleness import ROOT, Inputs

from collapse_lib import files
from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import Notebook
from collapse_lib.checks import refusal

if TYPE_CHECKING:
    from nbclient import NotebookClient

CELL_TIMEOUT = 300  # seconds; the slowest chapter must run in a minute on two cores
TRACEBACK_LINES = 12
# The kernel of whatever environment the reader's JupyterLab runs in.
KERNEL = {"display_name": "Python 3", "language": "python", "name": kernel.NAME}
# Runs behind the last cell and is not stored: prints what the kernel has imported.
RECORD = """\
import json, sys
_named = [(name.split(".")[0], vars(m).get("__file__")) for name, m in
          list(sys.modules.items()) if hasattr(m, "__dict__")]
print(json.dumps({"names": sorted({name for name, _ in _named}), "files": sorted(
    {file for name, file in _named if file and name == "collapse_lib"})}))
"""


class ChapterFailed(Exception):
    """A cell did not finish. The message names the chapter, the cell and the error."""


def execute(chapter: Notebook, root: Path, timeout: float = CELL_TIMEOUT) -> float:
    """Run the chapter in a new kernel and store its outputs.

    Parameters
    ----------
    chapter
        The notebook to run; its kernel works in the notebook's folder.
    root
        The book's folder.
    timeout
        The seconds one cell may take.

    Returns
    -------
    float
        The seconds the run took.

    Raises
    ------
    ChapterFailed
        If a cell fails, hangs, kills its kernel or shows what belongs to this run only
        (see `notebooks.flaws`); the file is then left as it was.
    """
    import nbformat

    # Taken first: a library edited while the kernel runs leaves the chapter stale.
    inputs = Inputs(root)
    notebook = valid(chapter.path)
    start = time.perf_counter()
    megabytes, imported = _run(notebook, chapter, timeout)
    seconds = time.perf_counter() - start
    uses = inputs.uses(_library_files(chapter, root, imported), _packages(imported))
    notebook.metadata["kernelspec"] = KERNEL
    # The patch version of Python would differ between any two readers.
    notebook.metadata.get("language_info", {}).pop("version", None)
    notebook.metadata["collapse"] = {
        "fingerprint": inputs.fingerprint(chapter, uses, notebook),
        "uses": uses,
        "seconds": round(seconds),
        "megabytes": megabytes,
    }
    mode = chapter.path.stat().st_mode
    files.write_text(chapter.path, nbformat.writes(notebook))
    chapter.path.chmod(mode)
    return seconds


def valid(path: Path) -> Any:
    """Return a notebook that is right in every part.

    Raises
    ------
    ValueError
        If it is not what Jupyter's description of its format says.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise refusal(path.name, error.message) from None
    return notebook


def _library_files(
    chapter: Notebook, root: Path, imported: dict[str, list[str]]
) -> list[str]:
    """Return the imported modules of the library, relative to the book's folder."""
    root = root.resolve()
    modules = [Path(file).resolve() for file in imported["files"]]
    for module in modules:
        if not module.is_relative_to(root / "collapse_lib"):
            raise ChapterFailed(
                f"{chapter.name}: it ran with the library in {module.parent}, not with "
                "the one beside it; run `pip install -e .` in this environment"
            )
    return [module.relative_to(root).as_posix() for module in modules]


def _packages(imported: dict[str, list[str]]) -> list[str]:
    """Return the names of the installed packages that the kernel has imported."""
    of_module = metadata.packages_distributions()
    return [name for module in imported["names"] for name in of_module.get(module, [])]


class _Watch:
    """Remember which cell runs and how much memory the kernel took so far."""

    def __init__(self) -> None:
        self.cell = 0
        self.megabytes: int | None = None

    def attach(self, client: NotebookClient) -> None:
        """Be told when a cell starts and when it ends."""
        self._client = client
        client.on_cell_start = self._note_start
        client.on_cell_executed = self._note_end

    def _note_start(self, cell: Any, cell_index: int) -> None:
        self.cell = cell_index

    def _note_end(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        kernel = getattr(self._client.km, "provisioner", None)
        self.megabytes = _peak_megabytes(getattr(kernel, "pid", None))


def _run(
    notebook: Any, chapter: Notebook, timeout: float
) -> tuple[int | None, dict[str, list[str]]]:
    """Run every cell.

    Returns
    -------
    megabytes
        The kernel's peak memory, where it can be told.
    imported
        The "names" of all modules it had imported, and the "files" of the library's.
    """
    from nbclient import exceptions
    from nbformat.v4 import new_code_cell

    watch = _Watch()
    notebook.cells.append(new_code_cell(RECORD))
    client = _client(notebook, chapter, timeout)
    watch.attach(client)
    try:
        with kernel.surroundings(threads=1):
            client.execute()
    except exceptions.CellExecutionError as error:
        problem = f"{error.ename}: {error.evalue}" + _last_lines(error.traceback)
    except exceptions.CellTimeoutError:
        problem = (
            f"took more than {timeout:g} s; a chapter shows short runs only. If this "
            f"machine is busy or slow, allow more: `make notebooks TIMEOUT="
            f"{2 * timeout:g}`"
        )
    except exceptions.DeadKernelError:
        problem = "its kernel died (often: no memory left)"
    except (RuntimeError, OSError) as error:
        raise ChapterFailed(f"{chapter.name}: no kernel started: {error}") from None
    else:
        printed = [out.text for out in notebook.cells.pop().outputs if "text" in out]
        _make_fit_to_store(notebook, chapter)
        return watch.megabytes, json.loads("".join(printed).splitlines()[-1])
    raise ChapterFailed(_explain(notebook, chapter, watch.cell, problem))


def _make_fit_to_store(notebook: Any, chapter: Notebook) -> None:
    """Shorten expected errors to their message; refuse a warning or a machine's path.

    Stored, they would fail every later build, on every machine.
    """
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = notebooks.message_only(output)
            for flaw in notebooks.flaws(output):
                problem = f"{flaw}; nothing was stored"
                raise ChapterFailed(_explain(notebook, chapter, index, problem))


def _client(notebook: Any, chapter: Notebook, timeout: float) -> NotebookClient:
    from nbclient import NotebookClient

    for cell in notebook.cells:  # a cell that is empty now keeps no older output
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    return NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=kernel.NAME,
        kernel_manager_class=kernel.OwnKernelManager,
        record_timing=False,  # times would differ in every run
        coalesce_streams=True,  # so do the moments at which a stream is flushed
        resources={"metadata": {"path": str(chapter.path.parent)}},
    )


def _peak_megabytes(pid: int | None) -> int | None:
    """Return the peak memory of a process to two digits; only Linux tells it."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    fields = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines())
    megabytes = int(fields["VmHWM"].split()[0]) / 1000
    return int(float(f"{megabytes:.2g}"))


def _explain(notebook: Any, chapter: Notebook, index: int, problem: str) -> str:
    number = sum(c.cell_type == "code" for c in notebook.cells[: index + 1])
    first = notebook.cells[index].source.strip().splitlines()[0]
    return f"{chapter.name}, code cell {number} (`{first}`): {problem}"


def _last_lines(traceback: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", traceback).strip().splitlines()
    return "".join(f"\n    {line}" for line in plain[-TRACEBACK_LINES:])


def execute_all(todo: dict[Notebook, str], root: Path, timeout: float) -> list[str]:
    """Execute the chapters in `todo`, each with its reason; return what went wrong."""
    failures = []
    for number, (chapter, reason) in enumerate(todo.items(), start=1):
        print(f"[{number}/{len(todo)}] {chapter.name}: {reason} ...", flush=True)
        try:
            seconds = execute(chapter, root, timeout)
        except (ChapterFailed, ValueError, OSError) as failure:
            failures.append(str(failure))
            print("      failed", flush=True)
        else:
            print(f"      done in {seconds:.1f} s", flush=True)
    return failures


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options given on the command line."""
    parser = argparse.ArgumentParser(description="Execute stale chapters.")
    parser.add_argument("chapters", nargs="*", help="two digits or names (default all)")
    parser.add_argument("--check", action="store_true", help="only list, exit 1 if any")
    parser.add_argument("--force", action="store_true", help="run fresh ones as well")
    parser.add_argument("--timeout", type=float, default=CELL_TIMEOUT, metavar="S")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit status."""
    options = parse(argv)
    try:
        found = notebooks.executed(root)
        chosen = notebooks.select(found, options.chapters) or list(found.values())
        todo = _stale(chosen, root, options.force)
        left_out = [path.name for path in notebooks.unlisted(root)]
    except (ValueError, OSError) as error:
        print(f"execute.py: {error}", file=sys.stderr)
        return 2
    if left_out:
        print(f"No chapters, as _toc.yml does not name them: {', '.join(left_out)}")
    if options.check:
        return _report(todo)
    failures = execute_all(todo, root, options.timeout)
    if not todo:
        print("Every chapter is up to date")
    for failure in failures:
        print(f"\n{failure}\n  Its previous outputs are kept.", file=sys.stderr)
    return 1 if failures else 0


def _stale(chosen: list[Notebook], root: Path, force: bool) -> dict[Notebook, str]:
    """Return the chapters to execute, each with the reason."""
    inputs = Inputs(root)
    reasons = {chapter: inputs.stale_because(chapter) for chapter in chosen}
    return {c: why or "asked for" for c, why in reasons.items() if why or force}


def _report(stale: dict[Notebook, str]) -> int:
    for chapter, reason in stale.items():
        print(f"{chapter.name} is stale: {reason}; run `make notebooks`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
