"""Build the book into _build/html; every warning is an error.

Nothing is done when no input changed since the last build that succeeded.
Otherwise everything is built anew: Sphinx repeats only the warnings of the pages
it reads again, so that a partial build would pass over the others. New pages are made
aside and take the place of the old ones when they are complete.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import execute
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml
from staleness import ROOT, hash_of, tracked

from collapse_lib import claims, files
from collapse_lib.book import notebooks
from collapse_lib.files.reading import read_yaml

# No page is made of hidden files, and none of these.
NOT_INPUTS = (".", "tests/")
#: Say what was fetched for the pages, where it is: see fetch_live.py, fetch_slides.py.
FETCHED = (
    ".venvs/live-python/made-with",
    ".venvs/reveal/requirements-slides.lock",
)
# The program of the same environment, whatever PATH says.
JUPYTER_BOOK = str(Path(sys.executable).with_name("jupyter-book"))
#: Where the new pages are made, below the book's folder.
ASIDE = "_build/next"
COMMAND = (
    *(JUPYTER_BOOK, "build", ".", "-W", "-n", "--keep-going"),
    *("--path-output", ASIDE),
)


def content_hash(root: Path) -> str:
    """Return a hash of every file that the built pages may depend on."""
    total = hashlib.sha256()
    for name in tracked(root):
        if not name.startswith(NOT_INPUTS):
            total.update(f"{name}\0{hash_of(root / name)}\n".encode())
    for name in FETCHED:
        if (root / name).exists():
            total.update((root / name).read_bytes())
    return total.hexdigest()


def check(root: Path) -> None:
    """Read what every page needs, so that a fault in it has one message.

    Raises
    ------
    ValueError, OSError
        If the contents, the configuration, a chapter or the claims are not right.
    """
    for chapter in notebooks.chapters(root).values():
        _ = chapter.title, execute.valid(chapter.path)
    claims.load(root / "claims.yaml")
    if not isinstance(read_yaml(root / "_config.yml"), dict):
        raise ValueError("_config.yml: got no settings; allowed: title, author, ...")
    try:
        parse_toc_yaml(root / "_toc.yml")
    except MalformedError as error:
        raise ValueError(f"_toc.yml: {error}") from None


def build(root: Path, command: Sequence[str] = COMMAND) -> int:
    """Build the book if an input changed; return the exit status.

    Parameters
    ----------
    root
        The book's folder.
    command
        What is run there to build it; tests give a quicker one.
    """
    out = root / "_build"
    stamp, index = out / "built-from", out / "html" / "index.html"
    now = content_hash(root)
    if index.exists() and stamp.exists() and stamp.read_text("utf-8") == now:
        print(f"The book is up to date: open {index}")
        return 0
    try:
        check(root)
    except (ValueError, OSError) as error:
        print(f"build_book.py: {error}", file=sys.stderr)
        return 2
    aside = root / ASIDE
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    status = subprocess.run(command, cwd=root, check=False).returncode
    pages = aside / "_build" / "html"
    if status == 0 and not (pages / "index.html").exists():
        print(f"\nThe build ended well but wrote no pages to {pages}.", file=sys.stderr)
        status = 1
    if status:
        kept = f" The pages of an earlier build are still in {index.parent}."
        print(
            "\nThe book was not built: mend what the lines with WARNING or ERROR above "
            "name, then run the same command again." + kept * index.exists(),
            file=sys.stderr,
        )
    else:
        stamp.unlink(missing_ok=True)  # in case that the next lines are cut short
        _swap(pages, index.parent)
        files.write(stamp, now.encode())
        print(f"\nThe book is built: open {index}")
    shutil.rmtree(aside, ignore_errors=True)
    return status


def _swap(new: Path, place: Path) -> None:
    """Put a folder in the place of another one, which then is gone."""
    before = place.with_name(f"{place.name}-before")
    shutil.rmtree(before, ignore_errors=True)
    if place.exists():
        place.rename(before)
    new.rename(place)
    shutil.rmtree(before, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(build(ROOT))
