"""Build the book into _build/html; every warning is an error.

Nothing is done when no input changed since the last build that succeeded.
Otherwise everything is built anew: Sphinx repeats only the warnings of the pages
it reads again, so that a partial build would pass over the others.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from staleness import ROOT, hash_of, tracked

from collapse_lib import files

# No page is made of hidden files, and none of these.
NOT_INPUTS = (".", "tests/")
# The program of the same environment, whatever PATH says.
JUPYTER_BOOK = str(Path(sys.executable).with_name("jupyter-book"))
COMMAND = (JUPYTER_BOOK, "build", ".", "-W", "-n", "--keep-going")


def content_hash(root: Path) -> str:
    """Return a hash of every file that the built pages may depend on."""
    total = hashlib.sha256()
    for name in tracked(root):
        if not name.startswith(NOT_INPUTS):
            total.update(f"{name}\0{hash_of(root / name)}\n".encode())
    return total.hexdigest()


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
    stamp.unlink(missing_ok=True)
    for old in ("html", ".doctrees", "jupyter_execute", ".jupyter_cache"):
        shutil.rmtree(out / old, ignore_errors=True)
    status = subprocess.run(command, cwd=root, check=False).returncode
    if status:
        print(
            "\nThe book was not built: mend what the lines with WARNING or ERROR above "
            "name, then run the same command again.",
            file=sys.stderr,
        )
        return status
    if not index.exists():
        print(f"\nThe build ended well but wrote no {index}.", file=sys.stderr)
        return 1
    files.write(stamp, now.encode())
    print(f"\nThe book is built: open {index}")
    return 0


if __name__ == "__main__":
    sys.exit(build(ROOT))
