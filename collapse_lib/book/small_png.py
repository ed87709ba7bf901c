"""Figures of a notebook as PNG files with a palette: a third of the size.

A chapter is stored with its figures. At 200 dots an inch a plain chart takes 70 kB in
full colour; with the 128 colours that it needs it takes 25 kB and looks the same.
"""

from __future__ import annotations

from io import BytesIO

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from collapse_lib.declared import declared

COLORS = 128


def use_small_png() -> None:
    """Let the notebook that calls this show its figures as palette PNG files.

    Outside of a notebook it does nothing. Not for photographs: a palette would put
    steps into smooth shades.
    """
    try:
        from IPython import get_ipython
    except ModuleNotFoundError:
        return
    shell = get_ipython()
    if shell is None:
        return
    # Loads the backend now: it sets its own PNG formatter when it is loaded, which
    # would otherwise be at the first figure, after ours.
    plt.switch_backend(mpl.get_backend())
    shell.display_formatter.formatters["image/png"].for_type(Figure, palette_png)


@declared
def palette_png(figure: Figure) -> bytes:
    """Return the figure as a PNG file with at most 128 colours, cropped to its ink.

    Parameters
    ----------
    figure
        An opaque figure; its own resolution and face colour are used.
    """
    buffer = BytesIO()
    figure.savefig(
        buffer,
        format="png",
        dpi=figure.dpi,
        bbox_inches="tight",
        facecolor=figure.get_facecolor(),
    )
    # No dither: it would sprinkle grey over white paper and cost more than it saves.
    small = Image.open(buffer).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    small.putpalette(_with_true_white(small.getpalette()))
    out = BytesIO()
    small.save(out, "png", optimize=True)
    return out.getvalue()


def _with_true_white(palette: list[int] | None) -> list[int]:
    """Return the palette with its lightest colour white, if it was nearly white.

    The quantiser averages the paper with the lightest edges of the letters.
    """
    colors = np.array(palette).reshape(-1, 3)
    lightest = colors.min(axis=1).argmax()
    if colors[lightest].min() > 240:
        colors[lightest] = 255
    return [int(value) for value in colors.ravel()]
