"""The command line: ``python -m collapse_lib.metrics REAL GENERATED``.

It exits with 0 if the report was printed, 1 if the data cannot be used, and 2 if it
was called in a wrong way. Whether measures lie outside of their bands is no error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from collapse_lib import files
from collapse_lib.checks import refusal
from collapse_lib.metrics.report_card import report

WRONG, STOPPED = 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.figure is not None:
            _check_new(asked.figure)
        found = report(asked.real, asked.generated, seed=asked.seed)
        if asked.figure is not None:
            figure = found.figure()
            files.write(
                asked.figure, lambda file: figure.savefig(file, format="png", dpi=150)
            )
        _say(str(found))
    except BrokenPipeError:  # whoever reads, as `head` does, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        _say("stopped; nothing was written", sys.stderr)
        return STOPPED
    except (OSError, ValueError, TypeError) as error:
        _say(" ".join(str(error).split()), sys.stderr)
        return WRONG
    return 0


def _check_new(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise refusal("--figure", f"{path.name} must end in .png")
    if os.path.lexists(path):
        raise refusal("--figure", f"{path.name} is there already; name another")
    if not path.parent.is_dir():
        raise refusal("--figure", f"there is no folder {path.parent}; make it first")
    try:
        files.try_place(path)
    except OSError as error:
        raise refusal(
            "--figure", f"{path.name} cannot be written there ({error.strerror})"
        ) from None


def _say(text: str, file: TextIO | None = None) -> None:
    """Print, whatever characters the terminal has."""
    file = file or sys.stdout
    encoding = file.encoding or "utf-8"
    print(
        text.encode(encoding, "backslashreplace").decode(encoding),
        file=file,
        flush=True,
    )


def _path(text: str) -> Path:
    try:
        return files.check_path("it", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m collapse_lib.metrics",
        description=(
            "Compare generated with real data, beside what chance does to halves of "
            "the real data. Tables (CSV, npy), texts, or folders of images."
        ),
        allow_abbrev=False,
    )
    parser.add_argument("real", type=_path, metavar="REAL")
    parser.add_argument("generated", type=_path, metavar="GENERATED")
    parser.add_argument("--figure", type=_path, metavar="FILE.png", help="draw it, too")
    parser.add_argument("--seed", type=int, default=0, help="of the random halves")
    return parser


if __name__ == "__main__":
    sys.exit(main())
