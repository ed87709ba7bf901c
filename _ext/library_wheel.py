"""The library as one file that pip installs, with the data that chapters read.

Whoever downloads a notebook has no checkout. The wheel holds the library and, in
``collapse_lib/packed``, the claims and the stored runs. The same tree gives the same
bytes: times, rights and order of its files are fixed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from collapse_lib.book import lock
from collapse_lib.book.notebooks import BookError

#: What pip needs to make it.
NEEDED = ("pyproject.toml", "README.md", "LICENSE")
LIBRARY = "collapse_lib"
#: What chapters read beside the library, and where the wheel has it.
DATA = ("claims.yaml", "results", "_static/feedback-loop.svg")
PACKED = "packed"
#: The first moment that a zip file can name.
EPOCH = "315532800"


def project(root: Path) -> dict[str, object]:
    """Return the table ``project`` of ``pyproject.toml``."""
    with (root / "pyproject.toml").open("rb") as stream:
        found: dict[str, object] = tomllib.load(stream)["project"]
    return found


def name(root: Path) -> str:
    """Return the name of the wheel's file."""
    about = project(root)
    stem = str(about["name"]).replace("-", "_")
    return f"{stem}-{about['version']}-py3-none-any.whl"


def requirements(
    root: Path, packages: Iterable[str], extras: Iterable[str]
) -> list[str]:
    """Return what pip is asked for: some of the dependencies, and whole extras.

    Raises
    ------
    BookError
        If ``pyproject.toml`` does not name one of the packages.
    """
    about = project(root)
    listed: list[str] = list(about["dependencies"])  # type: ignore[call-overload]
    named = {lock.normal(entry): entry for entry in listed}
    packages = list(packages)
    if missing := [each for each in packages if lock.normal(each) not in named]:
        raise BookError(f"pyproject.toml does not name {', '.join(missing)}")
    optional: dict[str, list[str]] = about["optional-dependencies"]  # type: ignore[assignment]
    wanted = [named[lock.normal(each)] for each in packages]
    return wanted + [entry for extra in extras for entry in optional[extra]]


def parts(root: Path) -> dict[Path, str]:
    """Return the files that the wheel is made of -> their places in it."""
    found = {root / name: name for name in NEEDED}
    for path in _files(root / LIBRARY):
        found[path] = path.relative_to(root).as_posix()
    for name in DATA:
        for path in _files(root / name):
            place = path.relative_to(root).as_posix()
            found[path] = f"{LIBRARY}/{PACKED}/{place}"
    return found


def _files(path: Path) -> list[Path]:
    """Return a file, or what a folder holds but for what Python left there."""
    if path.is_file():
        return [path]
    return [
        each
        for each in sorted(path.rglob("*"))
        if each.is_file()
        and not each.name.startswith(".")
        and "__pycache__" not in each.parts
    ]


def stage(root: Path, folder: Path) -> None:
    """Copy what the wheel is made of, with the same rights everywhere."""
    for path, place in parts(root).items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o644)


def make(root: Path, target: Path) -> Path:
    """Make the wheel of a checkout in a folder; return its path.

    Raises
    ------
    BookError
        If it cannot be made; the message is pip's.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        staged, made = Path(scratch, "stage"), Path(scratch, "made")
        stage(root, staged)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel")
        done = subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", "-w", str(made), str(staged)],
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
            capture_output=True,
            text=True,
            check=False,
        )
        wheel = made / name(root)
        if done.returncode or not wheel.is_file():
            raise BookError(f"the wheel was not made: {done.stderr.strip()[-800:]}")
        return Path(shutil.copyfile(wheel, target / wheel.name))
