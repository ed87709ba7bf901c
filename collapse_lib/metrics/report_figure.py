"""The figure of a report card: every measure beside its band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collapse_lib.metrics.compared import Line

BAND, INSIDE, OUTSIDE, INK = "#D5DCE6", "#0A54B6", "#7A2878", "#111111"
#: What is farther out, in half bands, is drawn here as an arrow.
FAR = 30.0


def drawn(lines: Sequence[Line], title: str) -> Figure:
    """Draw each measure in units of its band, which all have the same width.

    Parameters
    ----------
    lines
        What each measure says.
    title
        Of the figure.
    """
    figure = Figure(figsize=(7.6, 1.3 + 0.36 * len(lines)), layout="constrained")
    ax = figure.subplots()
    ax.axvspan(-1, 1, color=BAND, lw=0)
    ax.axvline(0, color="white", lw=1.5)
    for place, line in enumerate(lines):
        _draw(ax, place, line)
    ax.set_xscale("symlog", linthresh=2, linscale=1.2)
    ax.set_xlim(-FAR * 1.5, FAR * 1.5)
    ax.set_xticks([-10, -1, 1, 10], ["-10", "edge", "edge", "10"])
    ax.minorticks_off()
    ax.set_ylim(len(lines) - 0.4, -0.6)
    ax.set_yticks(range(len(lines)), [line.measure for line in lines], color=INK)
    ax.set_xlabel("distance from real data, in half bands")
    ax.tick_params(length=0, labelsize=10)
    ax.spines[["left", "right", "top"]].set_visible(False)
    small: dict[str, Any] = {"fontsize": 9, "color": INK}
    ax.text(0, -0.75, "real halves", ha="center", va="bottom", **small)
    right = ax.get_yaxis_transform()
    ax.text(1.02, -0.75, "their band", va="bottom", transform=right, **small)
    for place, line in enumerate(lines):
        band = f"{line.low:.3g} to {line.high:.3g}"
        ax.text(1.02, place, band, va="center", transform=right, **small)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return figure


def _draw(ax: Axes, place: int, line: Line) -> None:
    middle, half = (line.low + line.high) / 2, (line.high - line.low) / 2
    away = line.generated - middle
    inside = line.verdict == "inside"
    if half > 0:
        away = away / half
    else:  # all halves agree: what differs at all is far out
        away = 0.0 if inside else np.sign(away) * np.inf
    if not np.isfinite(line.generated):
        return
    at = float(np.clip(away, -FAR, FAR))
    far = ">" if away > FAR else "<" if away < -FAR else "s"
    marker, color = ("o", INSIDE) if inside else (far, OUTSIDE)
    ax.plot([0, at], [place, place], color=color, lw=1.2, zorder=2)
    ax.plot(at, place, marker, color=color, ms=8, zorder=3)
    side = 1 if at >= 0 else -1
    ax.annotate(
        f"{line.generated:.3g}",
        (at, place),
        (9 * side, 0),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="center",
        fontsize=9,
        color=INK,
    )
