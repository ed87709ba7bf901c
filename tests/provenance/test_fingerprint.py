"""What identifies files and folders, whatever they are called and whatever they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import threading
import tracemalloc
from pathlib import Path

import pytest

from collapse_lib.provenance import Fingerprint, fingerprint
from collapse_lib.provenance.fingerprint import shown

EMPTY = "there is nothing to tell it from other empty ones"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with files in folders, under names that break scripts."""
    folder = tmp_path / "images"
    for name in (
        "a.png",
        "b c.png",
        "ü.png",
        "Z",
        "😀",
        "-rf",
        "line\nbreak",
        "deep/er/z.png",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.png")).write_bytes(b"no text")
    (folder / "empty").touch()
    return folder


def test_a_file_is_known_by_its_content_alone(tmp_path: Path) -> None:
    content = "naïve\r\n".encode("latin-1")
    for name in ("data.csv", "daten ü;$(x).csv", "a\nb"):
        (tmp_path / name).write_bytes(content)
        found = fingerprint(tmp_path / name)
        assert found == Fingerprint(hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="sha256sum is not here")
def test_a_folder_is_what_standard_tools_say(images: Path) -> None:
    said = subprocess.run(
        r"find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum -z -- "
        "| sha256sum",
        shell=True,
        cwd=images,
        capture_output=True,
        check=True,
    ).stdout.split()[0]
    found = fingerprint(images)
    assert found.sha256 == said.decode() and found.files == 10
    files = [path for path in images.rglob("*") if path.is_file()]
    assert found.bytes == sum(path.stat().st_size for path in files)


def test_a_copy_of_a_folder_is_the_same_and_every_change_is_another(
    images: Path, tmp_path: Path
) -> None:
    def moved(folder: Path) -> None:
        (folder / "a.png").rename(folder / "deep" / "a.png")

    def swapped(folder: Path) -> None:
        (folder / "a.png").rename(folder / "x")
        (folder / "b c.png").rename(folder / "a.png")
        (folder / "x").rename(folder / "b c.png")

    changes = [
        lambda folder: (folder / "a.png").write_bytes(b"A.png"),
        lambda folder: (folder / "a.png").unlink(),
        lambda folder: (folder / "new").touch(),
        lambda folder: (folder / "a.png").rename(folder / "A.png"),
        moved,
        swapped,
    ]
    found = {fingerprint(images)}
    for number, change in enumerate(changes):
        copy = Path(shutil.copytree(images, tmp_path / f"copy {number}"))
        assert fingerprint(copy) in found
        change(copy)
        found.add(fingerprint(copy))
    assert len(found) == len(changes) + 1


def test_links_are_what_they_stand_for(images: Path, tmp_path: Path) -> None:
    plain = fingerprint(images)
    (tmp_path / "link").symlink_to(images)
    assert fingerprint(tmp_path / "link") == plain
    (tmp_path / "kept").write_bytes((images / "a.png").read_bytes())
    (images / "a.png").unlink()
    (images / "a.png").symlink_to(tmp_path / "kept")
    assert fingerprint(images) == plain
    assert fingerprint(images / "a.png") == fingerprint(tmp_path / "kept")


def _nothing(path: Path) -> None: ...


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _dead_link(path: Path) -> None:
    path.symlink_to("nowhere")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


STRANGE = {
    "nothing": (_nothing, "^there is no .*/strange$"),
    "an empty file": (Path.touch, f"strange is empty: {EMPTY}$"),
    "an empty folder": (Path.mkdir, f"holds no file that is not empty: {EMPTY}$"),
    "a pipe": (_pipe, "strange is a device, a pipe or a socket; files and"),
    "a socket": (_socket, r"strange (is a device|cannot be read \(No such device)"),
    "a dead link": (_dead_link, "strange is a link to nothing$"),
    "a link to itself": (_link_to_itself, r"cannot be read \(Too many levels of sym"),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_no_data_is_said(
    strange: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = STRANGE[strange]
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    make(Path("strange"))
    with pytest.raises((OSError, ValueError), match=says) as caught:
        fingerprint(tmp_path / "strange")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("strange", ["a pipe", "a socket", "a dead link"])
def test_what_is_no_data_in_a_folder_is_said(
    strange: str, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = STRANGE[strange]
    monkeypatch.chdir(images / "deep")
    make(Path("strange"))
    with pytest.raises((OSError, ValueError), match=says.replace("^", "deep/")):
        fingerprint(images)


def test_a_link_to_a_folder_may_lead_anywhere(images: Path) -> None:
    (images / "up").symlink_to("..")
    with pytest.raises(ValueError, match="images/up is a link to a folder, which may"):
        fingerprint(images)


def test_devices_are_no_data() -> None:
    for device in ("/dev/null", "/dev/zero"):
        with pytest.raises(ValueError, match=f"^{device} is a device"):
            fingerprint(device)


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot be read \(File name too long\)$"):
        fingerprint(tmp_path / ("x" * 300))


def test_what_cannot_be_read_is_said(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: object, *_: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", denied)
    for path in (images, images / "a.png"):
        with pytest.raises(OSError, match=r"^\S+ cannot be read \(Permission denied\)"):
            fingerprint(path)
    monkeypatch.undo()
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(OSError, match=r"images cannot be read \(Permission denied\)$"):
        fingerprint(images)


def test_a_file_that_changes_while_it_is_read_is_said(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.file_digest

    def meanwhile(change):
        def read(file, name):
            found = digest(file, name)
            change()
            return found

        monkeypatch.setattr(hashlib, "file_digest", read)

    path = images / "a.png"

    def unnoticed() -> None:  # the same length and time of change
        state = path.stat()
        path.write_bytes(b"A.PNG")
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    def replaced() -> None:
        (images / "x").write_bytes(b"a.png")
        (images / "x").replace(path)

    for change in (lambda: path.write_bytes(b"longer"), unnoticed, replaced):
        path.write_bytes(b"a.png")
        meanwhile(change)
        with pytest.raises(ValueError, match=r"a\.png changed while it was read; try"):
            fingerprint(path)
    meanwhile(lambda: path.unlink(missing_ok=True))
    with pytest.raises(FileNotFoundError, match=r"a\.png vanished$"):
        fingerprint(path)
    path.write_bytes(b"a.png")
    for change in (
        lambda: (images / "zz").touch(),  # after the folder was listed
        lambda: (images / "-rf").write_bytes(b"after it was read"),
    ):
        meanwhile(change)
        with pytest.raises(ValueError, match="(zz|-rf) changed while it was read"):
            fingerprint(images)


def test_a_huge_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(2**27)  # a hole: no disk either
    tracemalloc.start()
    try:
        assert fingerprint(path).bytes == 2**27
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_nobody_is_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer would hold whoever opens it."""
    os.mkfifo(tmp_path / "pipe")
    said: list[str] = []

    def ask() -> None:
        try:
            fingerprint(tmp_path / "pipe")
        except ValueError as error:
            said.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(10)
    assert said and "is a device, a pipe" in said[0]


def test_names_are_shown_in_one_line() -> None:
    assert shown("ü b.csv") == "ü b.csv"
    assert shown("a\nb\x1b[31m\u202e") == r"a\nb\x1b[31m\u202e"
    assert shown(os.fsdecode(b"\xff.png")) == r"\xff.png"
