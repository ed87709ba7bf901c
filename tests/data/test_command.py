"""The one command that fetches: what it says, and what it leaves when it fails."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from collapse_lib.data import __main__ as command
from collapse_lib.data import fetching, models
from collapse_lib.files import sha256_of

CONTENT = {"one": b"first content" * 999, "two": b"second content" * 9999}
KNOWN = {file: sha256_of(content) for file, content in CONTENT.items()}
PACKED = {file: gzip.compress(content, mtime=0) for file, content in CONTENT.items()}


@contextmanager
def complete() -> Iterator[fetching.Contents]:
    yield CONTENT.__getitem__


def unreachable() -> None:
    raise OSError("no route to host")


def never() -> None:
    raise AssertionError("all files were there")


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on this machine; give the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def thing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> fetching.Files:
    """Data called thing, which the second source has."""
    sources = {"far": unreachable, "near": complete, "late": never}
    found = fetching.Files("thing", "two files; MIT; 1 MB", KNOWN, sources)
    monkeypatch.setattr(command, "DATA", {"thing": found})
    monkeypatch.setattr(command, "ABOUT", {"thing": found.about, **command.ABOUT})
    monkeypatch.setenv("COLLAPSE_THING", str(tmp_path / "new" / "folder"))
    return found


def test_without_a_name_it_lists_what_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main([]) == 2
    says = capsys.readouterr().out
    for name in ("mnist", "wikipedia", "smollm2-135m", "facebook/opt-125m", "owner/"):
        assert f"\n  {name}" in says
    for licence in ("CC BY-SA 3.0", "Apache-2.0", "OPT-175B"):
        assert licence in says
    for data in ("mnist", "wikipedia", "pretrained"):
        assert f"{fetching.folder_of(data)}, or the folder named by" in says
        assert f"COLLAPSE_{data.upper()}" in says


def test_an_unknown_name_is_answered_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for names in (["gpt"], ["mnist", "gpt"]):  # before anything is fetched
        assert command.main(names) == 2
        heard = capsys.readouterr()
        assert not heard.out and heard.err.count("\n") == 1
        assert heard.err.startswith("there is no 'gpt'; known are mnist, wikipedia, ")


def test_it_fetches_once_and_says_where(
    thing: fetching.Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    assert command.main(["thing"]) == 0
    says = capsys.readouterr().out
    assert "two files; MIT; 1 MB" in says and f"complete in {folder}" in says
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    again = replace(thing, sources={"late": never})
    assert again.fetch() == folder
    # One file is damaged: it is fetched anew, the other stays.
    (folder / "two").write_bytes(b"half")
    kept = (folder / "one").stat().st_mtime_ns
    assert command.main(["thing"]) == 0
    assert (folder / "two").read_bytes() == CONTENT["two"]
    assert (folder / "one").stat().st_mtime_ns == kept


def test_fetched_files_can_be_read_by_others(thing: fetching.Files) -> None:
    mask = os.umask(0o022)
    try:
        folder = thing.fetch()
    finally:
        os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_what_one_source_lacks_the_next_brings(
    thing: fetching.Files, tmp_path: Path
) -> None:
    @contextmanager
    def half() -> Iterator[fetching.Contents]:
        yield {"one": CONTENT["one"]}.__getitem__

    asked = []

    @contextmanager
    def rest() -> Iterator[fetching.Contents]:
        yield lambda file: asked.append(file) or CONTENT[file]

    folder = replace(thing, sources={"half": half, "rest": rest}).fetch(tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT
    assert asked == ["two"]


def test_a_failure_is_one_line(
    thing: fetching.Files,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = replace(thing, sources={"far": unreachable})
    monkeypatch.setattr(command, "DATA", {"thing": alone})
    assert command.main(["thing"]) == 1
    assert capsys.readouterr().err == (
        "no source brought one, two. far: no route to host. Check the network and try "
        "again, or put the original files into a folder and name it in the environment "
        "variable COLLAPSE_THING\n"
    )


def test_a_folder_that_cannot_be_written_is_named(
    thing: fetching.Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").write_text("a file where the folder belongs")
    assert command.main(["thing"]) == 1
    says = capsys.readouterr().err
    assert says.startswith(f"thing cannot be written into {tmp_path}/new/folder (")
    assert says.endswith("name another folder in COLLAPSE_THING\n")
    assert says.count("\n") == 1


def test_ctrl_c_is_no_traceback(
    thing: fetching.Files,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    impatient = replace(thing, sources={"far": stopped})
    monkeypatch.setattr(command, "DATA", {"thing": impatient})
    assert command.main(["thing"]) == 130
    assert capsys.readouterr().err == "stopped; nothing half is kept: run it again\n"


# ---- folders, variables, sizes ------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("data/here", "COLLAPSE_THING is 'data/here'; it must be a full path, because"),
        ("$HOME/data", "it must be a full path"),
        ("~nobody-of-that-name/data", "COLLAPSE_THING is .*no user of that name"),
        ("{file}", "is a file; name the folder that it is in"),
    ],
)
def test_a_variable_that_names_no_folder_is_said(
    named: str,
    says: str,
    thing: fetching.Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("")
    named = named.format(file=tmp_path / "file")
    monkeypatch.setenv("COLLAPSE_THING", named)
    with pytest.raises(ValueError, match=says):
        fetching.folder_of("thing")
    assert command.main(["thing"]) in (1, 2)
    heard = capsys.readouterr()
    assert "Traceback" not in heard.err and heard.err.count("\n") == 1


def test_the_command_lists_folders_only_if_variables_name_some(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLLAPSE_MNIST", "relative")
    assert command.main([]) == 2
    assert capsys.readouterr().err.startswith("the environment variable COLLAPSE_MNIST")


@pytest.mark.parametrize("named", ["", " "])
def test_an_empty_variable_names_nothing(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLAPSE_THING", named)
    assert fetching.folder_of("thing") == fetching.cache_folder("thing")


def test_a_variable_may_begin_with_a_tilde(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLLAPSE_THING", "~/data")
    assert fetching.folder_of("thing") == tmp_path / "data"


@pytest.mark.parametrize("folder", [3, b"x", Path, "", "a\0b"])
def test_a_folder_that_is_none_is_said(folder: object) -> None:
    with pytest.raises((TypeError, ValueError), match="^folder is "):
        fetching.folder_of("thing", folder)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_that_is_larger_than_any_is_not_unpacked(
    suffix: str, thing: fetching.Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by a byte: what is packed would fill the memory."""
    monkeypatch.setattr(fetching, "LARGEST", len(CONTENT["two"]))
    path = tmp_path / f"two{suffix}"
    pack = gzip.compress if suffix else bytes
    path.write_bytes(pack(CONTENT["two"]))
    assert thing.read("two", tmp_path) == CONTENT["two"]
    path.write_bytes(pack(CONTENT["two"] + b"!"))
    with pytest.raises(
        ValueError, match="is not the original: it holds more than 0 MB"
    ):
        thing.read("two", tmp_path)


class Endless(http.server.BaseHTTPRequestHandler):
    """Sends as long as somebody listens."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"x" * 10_000)

    def log_message(self, *_: object) -> None: ...


def test_a_mirror_that_never_stops_is_left(
    thing: fetching.Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LARGEST", 2**20)
    with serving(Endless) as address:
        mirror = fetching.mirror(address, KNOWN)
        endless = replace(thing, sources={"endless": mirror})
        with pytest.raises(ConnectionError, match="endless: it sends more than 1 MB"):
            endless.fetch(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written_is_one_sentence(
    thing: fetching.Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("no folder")
    monkeypatch.delenv("COLLAPSE_THING")
    monkeypatch.setattr(fetching, "cache_folder", lambda _: tmp_path / "home/cache")
    with pytest.raises(
        OSError, match=r"^thing cannot be written into .*COLLAPSE_THING$"
    ):
        thing.fetch()


def test_a_folder_in_place_of_a_file_is_no_file(
    thing: fetching.Files, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no one; run"):
        thing.read("one", tmp_path)
    with pytest.raises(ValueError, match="file is 'three'; allowed: 'one', 'two'"):
        thing.read("three", tmp_path)


# ---- killed -------------------------------------------------------------------------


class Stalling(http.server.BaseHTTPRequestHandler):
    """Serves the first file, and half of the second."""

    stalled: threading.Event

    def do_GET(self) -> None:
        packed = PACKED[self.path.strip("/").removesuffix(".gz")]
        self.send_response(200)
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        if self.path == "/one.gz":
            self.wfile.write(packed)
            return
        self.wfile.write(packed[: len(packed) // 2])
        self.stalled.set()
        self.connection.settimeout(60)
        self.connection.recv(1)  # until the client is gone

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def stalling() -> Iterator[str]:
    """The address of a mirror that stalls."""
    Stalling.stalled = threading.Event()
    with serving(Stalling) as address:
        yield address


FETCH = """
import json, sys
from collapse_lib.data.fetching import Files, mirror
known, packed = map(json.loads, sys.argv[2:])
Files("thing", "", known, {"mirror": mirror(sys.argv[1], packed)}).fetch()
"""


def test_a_killed_fetch_leaves_nothing_half(
    thing: fetching.Files, tmp_path: Path, stalling: str
) -> None:
    hashes = {file: sha256_of(packed) for file, packed in PACKED.items()}
    arguments = [stalling, json.dumps(KNOWN), json.dumps(hashes)]
    command = [sys.executable, "-c", FETCH, *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        assert Stalling.stalled.wait(60)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    folder = tmp_path / "new" / "folder"
    assert not folder.exists() or not list(folder.iterdir())
    thing.fetch()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENT


FILL = """
import sys, time
from pathlib import Path
from collapse_lib.data.models import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "config.json").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_conversion_leaves_the_old_model(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with models.new_folder(target) as folder:
        (folder / "config.json").write_text("old")
        sums = {file: sha256_of(b"old") for file in models.FILES}
        (folder / models.SUMS).write_text(json.dumps({"sha256": sums}))
    command = [sys.executable, "-c", FILL, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert (target / "config.json").read_text() == "old"
    with models.new_folder(target) as folder:
        (folder / "config.json").write_text("new")
    assert [path.read_text() for path in target.iterdir()] == ["new"]
