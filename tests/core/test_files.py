"""Files are written whole or not at all; hashes are checked."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collapse_lib import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    files.write_text(path, "old")

    def fails(file) -> None:
        file.write(b"ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write(path, fails)
    assert path.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def read(path: Path) -> Any:
    remedy = "make it again"
    return files.read_arrays(path, format="1", what="checkpoint", remedy=remedy)


def test_arrays_come_back_to_the_bit(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3) / 7, "b": np.array([1, 2], np.uint8)}
    path, about = tmp_path / "new" / "x.npz", {"format": "1", "n": [2**100, 0.1]}
    for compress in (True, False):
        files.write_arrays(path, arrays, about, compress=compress)
        found, said = read(path)
        assert said == about
        assert list(found) == ["a", "b"]
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype and (found[name] == array).all()


# ---- damage -------------------------------------------------------------------------

STATE = np.random.Generator(np.random.Philox(3)).bit_generator.state
CONTENT = {"a": np.arange(40.0).reshape(2, 20) / 7, "text": np.array(["x", "yz"])}
ABOUT = {"format": "1", "generation": 3, "rng": STATE, "seconds": 0.1}


@cache
def content_of(compress: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npz"
        files.write_arrays(path, CONTENT, ABOUT, compress=compress)
        return path.read_bytes()


def written(folder: Path, compress: bool = True) -> tuple[Path, bytes]:
    path, content = folder / "x.npz", content_of(compress)
    path.write_bytes(content)
    return path, content


def check_damaged(path: Path) -> None:
    """What is read is what was written, or one sentence says that it is not."""
    before = path.read_bytes()
    try:
        arrays, about = read(path)
    except ValueError as error:
        said = str(error)
        assert str(path) in said and said.endswith("make it again"), said
        assert len(said) < 1_000
        assert type(error) is ValueError and path.read_bytes() == before
    else:  # a byte that holds nothing: a time, a padding
        assert list(arrays) == list(CONTENT) and str(about) == str(ABOUT)
        for name, array in CONTENT.items():
            assert arrays[name].dtype == array.dtype
            assert arrays[name].tobytes() == array.tobytes()


fuzz = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
places = st.floats(0, 1, exclude_max=True)


@fuzz
@given(
    st.lists(st.tuples(places, st.integers(1, 255)), min_size=1, max_size=3),
    st.booleans(),
)
def test_any_damaged_byte_is_noticed(tmp_path: Path, hits: Any, compress: bool) -> None:
    path, content = written(tmp_path, compress)
    damaged = bytearray(content)
    for place, change in hits:
        damaged[int(place * len(content))] ^= change
    path.write_bytes(damaged)
    check_damaged(path)


@fuzz
@given(places, st.binary(max_size=20), st.booleans())
def test_any_cut_or_longer_file_is_noticed(
    tmp_path: Path, place: float, more: bytes, compress: bool
) -> None:
    path, content = written(tmp_path, compress)
    path.write_bytes(content[: int(place * len(content))] + more)
    check_damaged(path)
    path.write_bytes(content + more)
    check_damaged(path)


@fuzz
@given(places, places, places)
def test_any_exchanged_blocks_are_noticed(
    tmp_path: Path, one: float, other: float, size: float
) -> None:
    path, content = written(tmp_path)
    i, j = sorted((int(one * len(content)), int(other * len(content))))
    n = min(int(size * len(content)), j - i)
    a, b = content[i : i + n], content[j : j + n]
    mixed = content[:i] + b + content[i + n : j] + a + content[j + len(b) :]
    path.write_bytes(mixed)
    check_damaged(path)


@fuzz
@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\3\4", b"\x93NUMPY\1\0"]))
def test_any_other_file_is_refused(
    tmp_path: Path, content: bytes, start: bytes
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(start + content)
    with pytest.raises(ValueError, match=r"x.npz is not a readable checkpoint \("):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty, as after a power cut"),
        (b"\0" * 5_000, "it holds nothing but zeros, as after a power cut"),
        (b"not an archive", "File is not a zip file"),
    ],
)
def test_a_file_that_holds_nothing_says_so(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as raised:
        read(path)
    assert "pickle" not in str(raised.value)
    with pytest.raises(ValueError, match="it is a folder"):
        read(tmp_path)


def changed(path: Path, **about: Any) -> None:
    """Write an archive of ours again with other text, its checksum as it was."""
    with np.load(path) as archive:
        arrays = dict(archive)
    said = json.loads(str(arrays["meta"]))
    np.savez(path, **{**arrays, "meta": np.array(json.dumps({**said, **about}))})


@pytest.mark.parametrize(
    "about",
    [
        {"generation": 4},
        {"rng": {**ABOUT["rng"], "buffer_pos": 1}},
        {"digest": "0" * 64},
        {"digest": None},
        {"more": 1},
    ],
    ids=str,
)
def test_the_checksum_covers_what_is_said_as_well(tmp_path: Path, about: Any) -> None:
    path, _ = written(tmp_path)
    about = json.loads(json.dumps(about, default=np.ndarray.tolist))
    changed(path, **about)
    with pytest.raises(ValueError, match="its checksum does not match"):
        read(path)


def test_a_small_file_that_would_unpack_to_a_large_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.records.MOST_COMPRESSED < 10**9
    monkeypatch.setattr(files.records, "MOST_COMPRESSED", 2**22)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(2**21))
    tracemalloc.start()
    with pytest.raises(ValueError, match="its 0.0 MB would unpack to 17 MB, which no"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


def test_an_array_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (2**60,)}
    np.lib.format.write_array_header_1_0(header, shape)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        read(path)


def test_large_arrays_are_written_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.records, "MOST_COMPRESSED", 10_000)
    for n in (1_000, 2_000):
        arrays = {"zeros": np.zeros(n)}
        files.write_arrays(tmp_path / "x.npz", arrays, {"format": "1"})
        assert read(tmp_path / "x.npz")[0]["zeros"].size == n
        assert (tmp_path / "x.npz").stat().st_size > (8 * n if n > 1_250 else 0)


record = {"format": 3, "config": {"seeds": 5, "arms": ["a"]}, "code": "c0de"}


def read_record(path: Path) -> Any:
    return files.read_record(path, format=3, what="record", remedy="make it again")


@fuzz
@given(places, st.integers(1, 255), st.booleans())
def test_any_damage_of_a_record_is_noticed(
    tmp_path: Path, place: float, change: int, cut: bool
) -> None:
    path = tmp_path / "x.json"
    if not path.exists():
        files.write_record(path, record)
        assert read_record(path) == record
        (tmp_path / "whole").write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    i = int(place * len(content))
    content[i] ^= change
    path.write_bytes(content[:i] if cut else content)
    try:
        found = read_record(path)
    except ValueError as error:
        assert "x.json" in str(error) and len(str(error)) < 1_000
    else:  # one space for another
        assert found == record


@pytest.mark.parametrize(
    "text", ["[]", "3", "null", "{}", "[" * 9_999, '{"format": 3}']
)
def test_another_json_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x.json (is not a|was written by)"):
        read_record(tmp_path / "x.json")


# ---- processes ----------------------------------------------------------------------


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        files.write(tmp_path / "x", b"")
    finally:
        os.umask(mask)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_a_checked_file_is_the_one_that_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    with pytest.raises(FileNotFoundError, match="no file .*data.bin; fetch it"):
        files.checked(path, "0" * 64, "fetch it")
    files.write(path, b"content")
    sha = files.sha256_of(b"content")
    assert files.sha256_of(path) == sha and files.checked(path, sha, "") == path
    with pytest.raises(ValueError, match="data.bin has sha256 .*; fetch it"):
        files.checked(path, "0" * 64, "fetch it")


WRITER = """
import sys, itertools
from collapse_lib import files
print("ready", flush=True)
for i in itertools.count():
    files.write(sys.argv[1], bytes([i % 256]) * 300_000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    files.write(path, b"\0" * 300_000)
    for kill in range(10):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline()
            time.sleep(0.002 * kill)
            process.send_signal(signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == 300_000 and len(set(content)) == 1


def leftovers(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    def killed(name: str, hours: float) -> None:
        path = tmp_path / f".{name}.0123456789abcdef.partial"
        path.write_bytes(b"half of a file")
        at = time.time() - 3600 * hours
        os.utime(path, (at, at))

    killed("x.npz", 2)
    killed("y.npz", 48)
    killed("live.npz", 0.1)  # another process may be writing it
    others = {".hidden": 48, "mine.partial": 48, ".x.npz.old.partial": 48}
    for name, hours in others.items():
        (tmp_path / name).write_text("not ours")
        at = time.time() - 3600 * hours
        os.utime(tmp_path / name, (at, at))
    files.write(tmp_path / "x.npz", b"new")
    live = ".live.npz.0123456789abcdef.partial"
    assert leftovers(tmp_path) == {"x.npz", live, *others}


def test_an_interrupt_after_the_renaming_is_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> None:
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert leftovers(tmp_path) == {"x"}


def test_an_error_names_the_file_that_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/kept.txt'"):
        files.write(tmp_path / "kept.txt", b"new")
    assert leftovers(tmp_path) == set()
