"""Execute the chapters whose outputs are out of date, and store what they show.

python scripts/execute.py             every stale chapter
python scripts/execute.py 03 --force  chapter 03, stale or not
python scripts/execute.py --check     list the stale ones; exit 1 if any
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from notebook_files import (
    ROOT,
    Chapter,
    find_chapters,
    read_notebook,
    select_chapters,
    write_notebook,
)
from staleness import fingerprint, stale_because

CELL_TIMEOUT = 300  # seconds; the slowest chapter must run in a minute on two cores
TRACEBACK_LINES = 12
# The kernel of whatever environment the reader's JupyterLab runs in.
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class ChapterFailed(Exception):
    """A cell did not finish. The message names the chapter, the cell and the error."""


def execute(chapter: Chapter, root: Path, timeout: float = CELL_TIMEOUT) -> float:
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
        If a cell fails, hangs or kills its kernel; the file is then left as it was.
    """
    notebook = read_notebook(chapter.path)
    # Taken first: a library edited while the kernel runs leaves the chapter stale.
    made_from = fingerprint(notebook, chapter, root)
    start = time.perf_counter()
    megabytes = _run(notebook, chapter, timeout)
    seconds = time.perf_counter() - start
    notebook.metadata["kernelspec"] = KERNEL
    # The patch version of Python would differ between any two readers.
    notebook.metadata.get("language_info", {}).pop("version", None)
    notebook.metadata["collapse"] = {
        "fingerprint": made_from,
        "seconds": round(seconds),
        "megabytes": megabytes,
    }
    write_notebook(notebook, chapter.path)
    return seconds


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


def _run(notebook: Any, chapter: Chapter, timeout: float) -> int | None:
    """Run every cell; return the kernel's peak memory in MB where it can be told."""
    watch = _Watch()
    client = _client(notebook, chapter, timeout)
    watch.attach(client)
    try:
        client.execute()
    except CellExecutionError as error:
        problem = f"{error.ename}: {error.evalue}" + _last_lines(error.traceback)
    except CellTimeoutError:
        problem = f"took more than {timeout:g} s; a chapter shows short runs only"
    except DeadKernelError:
        problem = "its kernel died (often: no memory left)"
    else:
        return watch.megabytes
    raise ChapterFailed(_explain(notebook, chapter, watch.cell, problem))


def _client(notebook: Any, chapter: Chapter, timeout: float) -> NotebookClient:
    for cell in notebook.cells:  # a cell that is empty now keeps no older output
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    return NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=KERNEL["name"],
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


def _explain(notebook: Any, chapter: Chapter, index: int, problem: str) -> str:
    number = sum(c.cell_type == "code" for c in notebook.cells[: index + 1])
    first = notebook.cells[index].source.strip().splitlines()[0]
    return f"{chapter.name}, code cell {number} (`{first}`): {problem}"


def _last_lines(traceback: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", traceback).strip().splitlines()
    return "".join(f"\n    {line}" for line in plain[-TRACEBACK_LINES:])


def execute_all(todo: dict[Chapter, str], root: Path, timeout: float) -> list[str]:
    """Execute the chapters in `todo`, each with its reason; return what went wrong."""
    failures = []
    for number, (chapter, reason) in enumerate(todo.items(), start=1):
        print(f"[{number}/{len(todo)}] {chapter.name}: {reason} ...", flush=True)
        try:
            seconds = execute(chapter, root, timeout)
        except ChapterFailed as failure:
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
    chapters = find_chapters(root)
    try:
        chosen = select_chapters(chapters, options.chapters) or chapters
    except LookupError as error:
        print(f"execute.py: {error}", file=sys.stderr)
        return 2
    todo = {}
    for chapter in chosen:
        reason = stale_because(read_notebook(chapter.path), chapter, root)
        if reason or options.force:
            todo[chapter] = reason or "asked for"
    if options.check:
        return _report(todo)
    # As in `make test`, which compares these outputs: sums over threads may differ
    # in their last digits.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    failures = execute_all(todo, root, options.timeout)
    if not todo:
        print("Every chapter is up to date")
    for failure in failures:
        print(f"\n{failure}\n  Its previous outputs are kept.", file=sys.stderr)
    return 1 if failures else 0


def _report(stale: dict[Chapter, str]) -> int:
    for chapter, reason in stale.items():
        print(f"{chapter.name} is stale: {reason}; run `make notebooks`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
