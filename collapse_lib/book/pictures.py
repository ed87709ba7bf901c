r"""A picture as a distribution of ink, and the copier that re-estimates it.

A grey picture, divided by its total darkness, says where a drop of ink falls. A copier
that sprays :math:`M` drops by that law and hands the sheet on is the recursion of this
book: fit, sample, fit the sample. `collapse_lib.models.Categorical` is the model; this
module draws the picture and shows the sheets.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from collapse_lib.models.discrete import FittedCategorical

Array = NDArray[np.float64]

#: Darkness of the parts of `seascape`: 0 is paper, 1 is full ink.
DARKNESS = {"boat": 1.0, "hills": 0.5, "waves": 0.25, "sun": 0.1, "birds": 0.1}


def seascape(height: int = 72, width: int = 96) -> Array:
    """Draw a boat, hills, waves, a pale sun and birds: dark parts and faint ones.

    Parameters
    ----------
    height, width
        Size in pixels, each at least 16. The drawing keeps its proportions at 3 : 4.

    Returns
    -------
    ndarray
        Darkness from 0 (paper) to 1 (full ink), shape ``(height, width)``. Its levels
        are those of `DARKNESS`.

    Raises
    ------
    ValueError
        If the picture is too small to hold the drawing.

    Notes
    -----
    Drawn from formulas, so no photograph and no licence is needed.

    Examples
    --------
    >>> picture = seascape()
    >>> picture.shape, sorted({float(level) for level in picture.ravel()})
    ((72, 96), [0.0, 0.1, 0.25, 0.5, 1.0])
    """
    if min(height, width) < 16:
        raise ValueError(
            f"a picture of {height} x {width} pixels is too small; use 16 or more"
        )
    # x runs from 0 to 4, y from 0 to 3 upwards, at the centres of the pixels.
    x = 4 * (np.arange(width) + 0.5)[None, :] / width
    y = 3 * (height - np.arange(height) - 0.5)[:, None] / height
    picture = np.zeros((height, width))
    # Later parts are drawn over earlier ones.
    for name, part in [
        ("sun", (x - 3.05) ** 2 + (y - 2.25) ** 2 < 0.42**2),
        ("birds", _birds(x, y)),
        ("hills", _hills(x, y)),
        ("waves", _waves(x, y)),
        ("boat", _boat(x, y)),
    ]:
        picture[np.broadcast_to(part, picture.shape)] = DARKNESS[name]
    return picture


def _hills(x: Array, y: Array) -> NDArray[np.bool_]:
    top = 1.05 + 0.28 * np.exp(-(((x - 0.7) / 0.5) ** 2))
    top = top + 0.42 * np.exp(-(((x - 3.4) / 0.45) ** 2))
    hills: NDArray[np.bool_] = (y > 1.05) & (y < top - 0.04)
    return hills


def _waves(x: Array, y: Array) -> NDArray[np.bool_]:
    crests = [abs(y - at - 0.05 * np.sin(7 * x + 9 * at)) < 0.045 for at in _CRESTS]
    return np.asarray(np.logical_or.reduce(crests))


_CRESTS = (0.16, 0.4, 0.64, 0.88)


def _boat(x: Array, y: Array) -> NDArray[np.bool_]:
    hull = (y > 0.5) & (y < 0.82) & (abs(x - 1.8) < 0.45 + 0.8 * (y - 0.5))
    mast = (abs(x - 1.8) < 0.04) & (y >= 0.8) & (y < 2.4)
    sail = (x > 1.92) & (y > 0.98) & (y < 2.3) & ((x - 1.92) < 0.6 * (2.3 - y))
    jib = (x < 1.68) & (y > 0.98) & (y < 2.0) & ((1.68 - x) < 0.5 * (2.0 - y))
    boat: NDArray[np.bool_] = hull | mast | sail | jib
    return boat


def _birds(x: Array, y: Array) -> NDArray[np.bool_]:
    wings = []
    for at_x, at_y in ((0.45, 2.55), (1.0, 2.3), (0.5, 1.95)):
        rise = 0.55 * abs(x - at_x) - 1.1 * (x - at_x) ** 2
        wings.append((abs(y - at_y - rise) < 0.035) & (abs(x - at_x) < 0.27))
    return np.asarray(np.logical_or.reduce(wings))


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
    ink = np.asarray(picture, dtype=np.float64)
    if ink.ndim != 2:
        raise ValueError(f"picture has shape {ink.shape}; it must be (height, width)")
    if not np.isfinite(ink).all() or (ink < 0).any():
        raise ValueError(
            "picture holds darkness that is negative or not finite; 0 is paper and "
            "every pixel needs 0 or more"
        )
    if ink.sum() == 0:
        raise ValueError("the picture is blank; at least one pixel needs ink")
    return FittedCategorical.of((ink / ink.sum()).ravel())


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
    full = np.max(picture) / np.sum(picture)
    sheet = _as_pictures(np.asarray(p, float)[None], picture.shape)[0]
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=full, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, loc="center")
    for spine in ax.spines.values():
        spine.set(visible=True, color="#6E7378", linewidth=0.8)
    return ax


def _as_pictures(p: Array, shape: tuple[int, ...]) -> Array:
    """Return probabilities ``(chains, pixels)`` as ``(chains, height, width)``."""
    if p.shape[1] != np.prod(shape):
        raise ValueError(
            f"{p.shape[1]} probabilities do not fill a picture of shape {shape}"
        )
    return p.reshape(len(p), *shape)
