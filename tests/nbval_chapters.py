"""nbval as this book needs it: one kernel, the whole output, one failure for one fault.

nbval runs a notebook's cells as tests. By itself it would start a kernel with what its
user has set up, compare neither pictures nor metadata, and let every cell fail that
follows on one which did not finish.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from queue import Empty
from typing import Any

import kernel
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError
from notebook_outputs import differences

from collapse_lib.book import notebooks

ROOT = Path(__file__).resolve().parent.parent


@cache
def _run_here() -> frozenset[Path]:
    """Return the notebooks that are tests: the chapters and their template."""
    return frozenset(chapter.path for chapter in notebooks.executed(ROOT).values())


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Pass over a copy or a draft among the chapters; leave other files to others."""
    ours = collection_path.parent == ROOT / "chapters"
    notebook = ours and collection_path.suffix == ".ipynb"
    return True if notebook and collection_path not in _run_here() else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[Any], list[Any]]:
    """Put our kind of notebook in the place of nbval's."""
    found = yield
    return [
        ChapterFile.from_parent(parent, path=file_path)
        if isinstance(node, IPyNbFile)
        else node
        for node in found
    ]


class ChapterFile(IPyNbFile):
    """A notebook whose cells are tests that share a kernel."""

    #: Why no further cell can run; empty as long as all went well.
    stopped = ""

    def collect(self) -> Iterator[ChapterCell]:
        """Yield the code cells."""
        for cell in super().collect():
            yield ChapterCell.from_parent(
                self,
                name=cell.name,
                cell_num=cell.cell_num,
                cell=cell.cell,
                options=cell.options,
            )

    def setup(self) -> None:
        """Start the kernel; a cell will say so if it does not come."""
        self._around = ExitStack()
        self._around.enter_context(kernel.surroundings(threads=1))
        try:
            super().setup()
        except (OSError, RuntimeError) as error:
            self.problem = f"no kernel started ({error}). {_machine()}"
        else:
            self.kernel.get_message = _while_it_lives(self.kernel)

    def teardown(self) -> None:
        """Stop the kernel and remove what it wrote."""
        super().teardown()
        self._around.close()


def _while_it_lives(running: Any) -> Callable[..., Any]:
    """Return a way to wait for the kernel's messages that notices its death."""
    wait = running.get_message

    def get_message(stream: str, timeout: float) -> Any:
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            try:
                return wait(stream, timeout=max(0, min(1, left)))
            except Empty:
                if left <= 1 or not running.is_alive():
                    raise

    return get_message


class ChapterCell(IPyNbCell):
    """A code cell: it must finish, and show what is stored."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Before nbval takes away what a terminal would overwrite; a page shows it.
        self.stored = copy.deepcopy(self.cell.outputs)
        self.compared = False
        self.output_timeout = 60  # seconds until a busy machine hands a picture over

    def setup(self) -> None:
        """Do not run on what an unfinished cell has left behind."""
        if self.parent.stopped:
            pytest.skip(self.parent.stopped)

    def runtest(self) -> None:
        """Run the cell; if it does not finish, no later one is run."""
        try:
            if self.parent.kernel is None:
                self.raise_cell_error(self.parent.problem)
            super().runtest()
        except (NbCellError, RuntimeError) as error:
            if self.compared:
                raise
            self.parent.stopped = f"not run, as Cell {self.cell_num} did not finish"
            self.raise_cell_error(self._reason(error), self._trace(error))

    def _reason(self, error: Exception) -> str:
        """Say why the cell did not finish, and what helps."""
        if self.parent.kernel is None:
            return str(error)
        if not self.parent.kernel.is_alive():
            return f"its kernel died (often: no memory left). {_machine()}"
        if self.parent.timed_out:
            limit = self.config.option.nbval_cell_timeout
            return (
                f"it took longer than {limit:g} s. {_machine()} If it is busy or slow, "
                f"allow more: `make test TIMEOUT={2 * limit:g}`, or "
                f"--nbval-cell-timeout={2 * limit:g}; if not, the cell does too much"
            )
        return str(error)

    def _trace(self, error: Exception) -> str | None:
        return None if self.parent.timed_out else getattr(error, "inner_traceback", "")

    def compare_outputs(
        self, test: list[Any], ref: list[Any], skip_compare: Any = None
    ) -> bool:
        """Compare all that is stored with all that came."""
        self.compared = True
        wrong = list(differences(self.stored, test, self.sanitize))
        if wrong:
            wrong.append("If the new outputs are meant, `make notebooks` stores them.")
        self.comparison_traceback = wrong
        return not wrong


def _machine() -> str:
    """Say how busy this machine is."""
    cpus = f"{os.cpu_count()} CPUs"
    if not hasattr(os, "getloadavg"):
        return f"This machine has {cpus}."
    return (
        f"This machine has {cpus}, for which {os.getloadavg()[0]:.1f} processes were "
        "waiting on average in the last minute."
    )
