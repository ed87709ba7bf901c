"""Run one chapter at a larger scale: `make reproduce CHAPTER=03 SCALE=laptop`.

The chapter itself writes ``results/03/laptop.json`` and continues from its own
checkpoints; the executed copy of the notebook goes to ``_build/reproduce``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import kernel
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillException
from staleness import ROOT

from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import BookError, Notebook


def choose(chapter: str, scale: str, root: Path) -> Notebook:
    """Return the chapter that `chapter` names, if it has the scale `scale`.

    Raises
    ------
    BookError
        If there is no such chapter, or the chapter has no such scale.
    """
    (chosen,) = notebooks.select(notebooks.chapters(root), [chapter])
    if scale not in chosen.scales:
        raise BookError(
            f"chapter {chosen.number} has no scale {scale!r}; its scales are "
            f"{', '.join(chosen.scales)}"
        )
    return chosen


def reproduce(chapter: Notebook, scale: str, root: Path) -> Path:
    """Run `chapter` with SCALE set to `scale`; return the executed copy."""
    copy = root / "_build" / "reproduce" / f"{chapter.name}-{scale}.ipynb"
    copy.parent.mkdir(parents=True, exist_ok=True)
    with kernel.surroundings():
        papermill.execute_notebook(
            str(chapter.path),
            str(copy),
            parameters={"SCALE": scale},
            cwd=str(chapter.path.parent),
            kernel_name=kernel.NAME,
            kernel_manager_class=kernel.OwnKernelManager,
            language="python",
            log_output=True,
        )
    return copy


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Run the command; return its exit status."""
    usage = "reproduce.py: use make reproduce CHAPTER=03 SCALE=laptop"
    if len(argv) != 2:
        print(f"{usage}; got {len(argv)} values instead of 2", file=sys.stderr)
        return 2
    try:
        chapter = choose(argv[0], argv[1], root)
    except (ValueError, OSError) as error:
        print(f"{usage}; {error}", file=sys.stderr)
        return 2
    try:
        copy = reproduce(chapter, argv[1], root)
    except (PapermillException, DeadKernelError, OSError) as error:
        print(f"{chapter.name} at scale {argv[1]} failed:\n{error}", file=sys.stderr)
        return 1
    print(f"The executed chapter: {copy}")
    result = root / "results" / chapter.number / f"{argv[1]}.json"
    if result.exists():
        print(f"Its measurements: {result}\n`make book` shows them in the chapter.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
