"""The one command that fetches data and models: ``python -m collapse_lib.data NAME``.

It exits with 0 if all is there and checked, 1 if something could not be fetched, 2 if a
name is unknown or a variable names no folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from collapse_lib.data import models
from collapse_lib.data.digits import MNIST
from collapse_lib.data.fetching import folder_of, variable
from collapse_lib.data.wikipedia import WIKIPEDIA

#: Name -> the files, of what comes by hash.
DATA = {data.name: data for data in (MNIST, WIKIPEDIA)}
#: Name -> what it is, its licence and its size.
ABOUT = {
    **{name: data.about for name, data in DATA.items()},
    **models.KNOWN,
    "owner/model": "any other causal language model of the Hugging Face hub",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    try:
        parser = _parser()
    except ValueError as error:  # a variable that names no folder
        print(error, file=sys.stderr)
        return 2
    names = parser.parse_args(arguments).name
    if not names:
        parser.print_help()
        return 2
    unknown = [name for name in names if not _is_known(name)]
    if unknown:
        print(
            f"there is no {unknown[0]!r}; known are {', '.join(ABOUT)}",
            file=sys.stderr,
        )
        return 2
    try:
        return max(_fetch(name) for name in names)
    except KeyboardInterrupt:
        print("stopped; nothing half is kept: run it again", file=sys.stderr)
        return 130


def _fetch(name: str) -> int:
    print(f"{name}: {ABOUT.get(name, ABOUT['owner/model'])}", flush=True)
    try:
        data = DATA.get(name)
        folder = data.fetch() if data else models.fetch(name)
    except (OSError, ValueError, ImportError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{name} is complete in {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, ABOUT)) + 2
    known = [f"  {name:{width}}{about}" for name, about in ABOUT.items()]
    folders = [
        f"  {kind:{width}}{folder_of(kind)}, or the folder named by {variable(kind)}"
        for kind in (*DATA, "pretrained")
    ]
    parser = argparse.ArgumentParser(
        prog="python -m collapse_lib.data",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Fetch data or pretrained models that do not come with the book. Each is "
            "checked by its hash,\nand what is there already is not fetched again."
        ),
        epilog="\n".join(["what there is:", *known, "", "where it goes:", *folders]),
    )
    parser.add_argument("name", nargs="*", help="one or more of the names below")
    return parser


def _is_known(name: str) -> bool:
    try:
        return name in DATA or bool(models.check_name(name))
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
