r"""A picture as a distribution of ink, its copies, and sheets of many pictures.

A grey picture, divided by its total darkness, says where a drop of ink falls. A copier
that sprays :math:`M` drops by that law and hands the sheet on is the recursion of this
book: fit, sample, fit the sample. `collapse_lib.models.Categorical` is the model; this
module has the picture and shows the sheets.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from collapse_lib.checks import check_count, numbers, numeric
from collapse_lib.declared import declared
from collapse_lib.files import write
from collapse_lib.models.discrete import FittedCategorical
from collapse_lib.models.vae.images import SIDE

Array = NDArray[np.float64]

#: Darkness of the parts of `seascape`: 0 is paper, 1 is full ink.
DARKNESS = {"boat": 1.0, "hills": 0.5, "waves": 0.25, "sun": 0.1, "birds": 0.1}
_SEASCAPE = Path(__file__).with_name("seascape.png")


def seascape() -> Array:
    """Return a picture of a boat, hills, waves, a pale sun and birds.

    It was made for this book, so no photograph and no licence is needed.

    Returns
    -------
    ndarray
        Darkness from 0 (paper) to 1 (full ink), shape ``(72, 96)``. Its levels are
        those of `DARKNESS`.

    Examples
    --------
    >>> picture = seascape()
    >>> picture.shape, sorted({float(level) for level in picture.ravel()})
    ((72, 96), [0.0, 0.1, 0.25, 0.5, 1.0])
    """
    # The file numbers the levels, from paper to the darkest.
    levels = np.array([0.0, *sorted(set(DARKNESS.values()))])
    with Image.open(_SEASCAPE) as stored:
        picture: Array = levels[np.asarray(stored)]
    return picture


def as_distribution(picture: ArrayLike) -> FittedCategorical:
    """Return where a drop of ink falls: the darkness divided by its total.

    Parameters
    ----------
    picture
        Darkness, shape ``(height, width)``, not negative.

    Returns
    -------
    FittedCategorical
        One chain; its states are the pixels, row by row.

    Raises
    ------
    ValueError
        If the picture is not two-dimensional, has negative or non-finite darkness, or
        is blank.

    Examples
    --------
    >>> as_distribution([[0, 1], [0, 3]]).p
    array([[0.  , 0.25, 0.  , 0.75]])
    """
    ink = numbers("picture", picture, ndim=2, shape="(height, width)", least=0)
    if ink.sum() == 0:
        raise ValueError("the picture is blank; at least one pixel needs ink")
    return FittedCategorical.of((ink / ink.sum()).ravel())


@declared
def draw_sheet(ax: Axes, p: ArrayLike, picture: Array, title: str = "") -> Axes:
    """Show a distribution of ink as grey levels.

    Parameters
    ----------
    ax
        Where to draw.
    p
        Probabilities of the pixels, shape ``(height * width,)``.
    picture
        The original. Its darkest pixel is black; so is what got darker than that.
    title
        Written above the sheet.
    """
    original = numbers("picture", picture, ndim=2, shape="(height, width)", least=0)
    ink = numbers("p", p, ndim=1, shape="(height * width,)", least=0)
    if original.sum() == 0:
        raise ValueError("the picture is blank; at least one pixel needs ink")
    if len(ink) != original.size:
        raise ValueError(
            f"p: {len(ink)} probabilities do not fill a picture of shape "
            f"{original.shape}"
        )
    full = original.max() / original.sum()
    sheet = ink.reshape(original.shape)
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=full, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, loc="center")
    for spine in ax.spines.values():
        spine.set(visible=True, color="#6E7378", linewidth=0.8)
    return ax


def contact_sheet(images: ArrayLike, columns: int) -> NDArray[Any]:
    """Put images ``(..., h, w)`` side by side, ``columns`` in a row.

    Returns
    -------
    ndarray
        Shape ``(rows * h, columns * w)``.

    Raises
    ------
    ValueError
        If the images do not fill whole rows.
    """
    array = numeric("images", images)
    if array.ndim < 3 or not array.size:
        raise ValueError(f"images have shape {array.shape}; needed is (..., h, w)")
    *many, height, width = array.shape
    n = math.prod(many)
    if n % check_count("columns", columns, least=1):
        raise ValueError(f"{n} images do not fill rows of {columns} columns")
    grid = array.reshape(n // columns, columns, height, width)
    return grid.swapaxes(1, 2).reshape(n // columns * height, columns * width)


def tiles(sheet: ArrayLike, side: int) -> NDArray[Any]:
    """Take a contact sheet of square images apart: the inverse of `contact_sheet`."""
    array = numeric("sheet", sheet)
    check_count("side", side, least=1)
    wholes = [length % side == 0 for length in array.shape]
    if array.ndim != 2 or not array.size or not all(wholes):
        raise ValueError(
            f"sheet has shape {array.shape}; needed are height and width that are "
            f"multiples of side, which is {side}"
        )
    rows, columns = array.shape[0] // side, array.shape[1] // side
    grid = array.reshape(rows, side, columns, side)
    return grid.swapaxes(1, 2).reshape(rows * columns, side, side)


@declared
def save_sheet(path: Path, images: ArrayLike, columns: int) -> None:
    """Write grey images ``(..., h, w)`` of bytes as one PNG contact sheet, lossless."""
    sheet = contact_sheet(images, columns)
    if sheet.dtype != np.uint8:
        raise ValueError(f"images are of {sheet.dtype}; they must be of bytes, uint8")
    picture = Image.fromarray(sheet)
    write(path, lambda file: picture.save(file, "png", optimize=True))


@declared
def load_sheet(path: Path, side: int = SIDE) -> NDArray[np.uint8]:
    """Return the images of a contact sheet, shape ``(n, side, side)``."""
    with Image.open(path) as sheet:
        return tiles(np.asarray(sheet), side)
