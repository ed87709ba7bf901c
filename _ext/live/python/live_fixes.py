"""What the book uses of its libraries and their releases for the browser lack.

The browser's numpy and matplotlib are older than the book's, and an integer of the
browser's Python has 32 bits. The chapters' code stays as it is; these stand in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def count(x: Any, weights: Any = None, minlength: int = 0) -> NDArray[Any]:
    """Count as ``np.bincount``, integers of 64 bits too, which must fit into 32."""
    numbers = np.asarray(x)
    if numbers.dtype.kind in "iu" and numbers.dtype.itemsize > np.intp(0).itemsize:
        numbers = numbers.astype(np.intp)
    return _bincount(numbers, weights, minlength)


_bincount = np.bincount


def fix_numpy() -> None:
    """Let numpy count what the book counts."""
    np.bincount = count  # type: ignore[assignment]


def fix_matplotlib() -> None:
    """Give matplotlib 3.8 what 3.10 has; called when it has been imported."""
    from matplotlib import lines
    from matplotlib.artist import Artist

    def get_figure(artist: Artist, root: bool = False) -> Any:
        figure = artist.figure
        return figure.figure if root and figure is not None else figure

    scaled = lines._scale_dashes  # type: ignore[attr-defined]

    def scale_dashes(offset: Any, dashes: Any, width: float) -> Any:
        # A line of width 0, drawn for its markers only, has no dashes to scale.
        return scaled(offset, dashes, width) if width else (0.0, None)

    Artist.get_figure = get_figure  # type: ignore[assignment]
    lines._scale_dashes = scale_dashes  # type: ignore[attr-defined]
