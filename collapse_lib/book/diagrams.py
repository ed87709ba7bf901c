"""Diagrams: figures that show an idea and not data."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from collapse_lib.book.plotting import ROLES

#: Half width and half height of a box, in the units of the diagram.
_BOX = (0.95, 0.36)


def feedback_loop(ax: Axes) -> Axes:
    """Draw the loop: data train a model, the model's output becomes data.

    Parameters
    ----------
    ax
        Where to draw; its axis lines are switched off.

    Notes
    -----
    Used in chapter 01. Few words in large type, so that it reads at the width of a
    phone; what a model made is orange and dashed, what people made is blue and solid.
    """
    ax.set(xlim=(-2.6, 2.6), ylim=(-1.6, 2.35), aspect="equal")
    ax.set_axis_off()
    _box(ax, (-1.35, 1.9), "people", "real")
    _box(ax, (-1.35, 0.35), "training\ndata", "neutral")
    _box(ax, (1.35, 0.35), "model", "neutral")
    _box(ax, (0.0, -1.2), "samples", "synthetic")
    _arrow(ax, (-1.35, 1.54), (-1.35, 0.71), "real")
    _arrow(ax, (-0.4, 0.35), (0.4, 0.35), "neutral")
    _arrow(ax, (1.35, -0.01), (0.95, -1.1), "synthetic", bend=-0.3)
    _arrow(ax, (-0.95, -1.1), (-1.35, -0.01), "synthetic", bend=-0.3)
    note: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 14}
    ax.text(0.0, 0.6, "fit", **note)
    ax.text(1.62, -0.82, "sample", ha="left", va="center", fontsize=14)
    ax.text(-1.62, -0.82, "publish", ha="right", va="center", fontsize=14)
    ax.text(-1.2, 1.12, "write", ha="left", va="center", fontsize=14)
    ax.text(0.0, -0.42, "one turn =\none generation", **note)
    return ax


def _box(ax: Axes, centre: tuple[float, float], text: str, role: str) -> None:
    color, (x, y) = ROLES[role].color, centre
    box = FancyBboxPatch(
        (x - _BOX[0], y - _BOX[1]),
        2 * _BOX[0],
        2 * _BOX[1],
        boxstyle="round,pad=0,rounding_size=0.14",
        facecolor="white",
        edgecolor=color,
        linewidth=2.2,
    )
    ax.add_patch(box)
    ax.text(x, y, text, ha="center", va="center", fontsize=15, linespacing=1.05)


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    role: str,
    bend: float = 0.0,
) -> None:
    # The dashes of ROLES are too long for an arrow of this length.
    dashes = (0, (3, 1.2)) if role == "synthetic" else "-"
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>,head_width=5,head_length=8",
            color=ROLES[role].color,
            linewidth=2.4,
            linestyle=dashes,
            shrinkA=0,
            shrinkB=0,
        )
    )
