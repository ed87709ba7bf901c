"""Handwritten digits."""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILES = {
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


@dataclass(frozen=True)
class Digits:
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def mnist(size: str = "60k") -> Digits:
    folder = Path(os.environ["COLLAPSE_MNIST"])
    arrays = []
    for stem, digest in FILES.items():
        packed = (folder / f"{stem}.gz").read_bytes()
        if hashlib.sha256(packed).hexdigest() != digest:
            raise ValueError(f"{stem}.gz is damaged")
        arrays.append(parse_idx(gzip.decompress(packed)))
    train, train_labels, test, test_labels = arrays
    return Digits(
        train.astype(np.float32) / np.float32(255), train_labels.astype(np.int64),
        test.astype(np.float32) / np.float32(255), test_labels.astype(np.int64),
    )


def parse_idx(raw: bytes) -> NDArray[np.uint8]:
    n_axes = raw[3]
    shape = np.frombuffer(raw, ">i4", n_axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * n_axes).reshape(shape)
