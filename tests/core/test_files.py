"""Files are written whole or not at all; hashes are checked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

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


def test_arrays_come_back_to_the_bit(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3) / 7, "b": np.array([1, 2], np.uint8)}
    for compress in (True, False):
        files.write_arrays(tmp_path / "new" / "x.npz", arrays, compress=compress)
        found = files.read_arrays(tmp_path / "new" / "x.npz")
        assert list(found) == ["a", "b"]
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype and (found[name] == array).all()


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
