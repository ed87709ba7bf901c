"""Whether two pictures show the same, though made on two machines.

Where last bits differ, a line or a label can move by some pixels, and colours by some
shades of the palette. So the picture is cut into tiles, and each tile is looked for in
the other picture near its own place. What moved as a whole is found there; what was
drawn, removed or written otherwise is not.
"""

from __future__ import annotations

import base64
import binascii
from io import BytesIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

#: How far a tile may have moved, in pixels of the picture.
REACH = 8
#: The side of a tile: half as high as a letter of a label.
TILE = 16
#: How much a tile may differ on average where it fits best, of 255 shades.
SHADES = 32
#: And all tiles together. Of runs on other CPUs the worst picture had 27 and 340; a
#: changed digit has 34 or more, a faint line across the picture 700 together.
TOGETHER = 600
#: Everything is done at half the size, which is faster and hides single pixels.
SHRINK = 2

Array = NDArray[np.float32]


def difference(stored: str, new: str) -> str:
    """Say how two pictures, as base64, differ; an empty text if they do not."""
    if stored == new:
        return ""
    try:
        pictures = [_opened(text) for text in (stored, new)]
    except (binascii.Error, UnidentifiedImageError):
        return "the stored one is no picture"
    sizes = [picture.size for picture in pictures]
    if np.abs(np.subtract(*sizes)).max() > REACH:
        width, height = zip(*sizes, strict=True)
        return (
            f"the stored picture has {width[0]} x {height[0]} pixels, the new one "
            f"{width[1]} x {height[1]}"
        )
    one, other = (_shades(picture, np.max(sizes, axis=0)) for picture in pictures)
    misfit = np.maximum(_misfit(one, other), _misfit(other, one))
    if misfit.max() <= SHADES and misfit.sum() <= TOGETHER:
        return ""
    y, x = np.argwhere(misfit == misfit.max())[0] * TILE + TILE // 2
    return (
        f"the pictures show something else, for example {x} pixels from the left and "
        f"{y} from the top. Other last bits on another CPU do not do that"
    )


def _opened(text: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(text))).convert("RGB")


def _shades(picture: Image.Image, size: NDArray[np.int_]) -> Array:
    """Return the picture on white paper of whole tiles, shrunk: (h, w, 3)."""
    width, height = (int(-(-side // TILE) * TILE) for side in size)
    paper = Image.new("RGB", (width, height), "white")
    paper.paste(picture)
    return np.asarray(paper.reduce(SHRINK), np.float32)


def _misfit(one: Array, other: Array) -> Array:
    """Return how badly each tile of one fits anywhere near its place in the other.

    Shape ``(rows, columns)``: shades of the most changed colour, mean over the tile.
    The search ends at the first tile that fits nowhere.
    """
    side, reach = TILE // SHRINK, REACH // SHRINK
    margin = ((reach, reach), (reach, reach), (0, 0))
    around = np.pad(other, margin, constant_values=255)
    shades = np.abs(one - other).max(axis=2)
    rows, columns = shades.shape[0] // side, shades.shape[1] // side
    misfit = shades.reshape(rows, side, columns, side).mean(axis=(1, 3))
    for place in np.argsort(-misfit, axis=None, kind="stable")[: (misfit > 0).sum()]:
        row, column = np.unravel_index(place, misfit.shape)
        y, x = row * side, column * side
        near = around[y : y + side + 2 * reach, x : x + side + 2 * reach]
        places = sliding_window_view(near, (side, side), axis=(0, 1))
        tile = one[y : y + side, x : x + side].transpose(2, 0, 1)
        best = np.abs(places - tile).max(axis=2).mean(axis=(2, 3)).min()
        misfit[row, column] = best
        if best > SHADES:
            break
    return misfit
