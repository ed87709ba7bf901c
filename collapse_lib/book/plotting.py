"""One look for every figure: a palette with meanings, and four helpers.

A colour means the same on the cover and in the last figure. Every colour comes with
its own line style and marker, so that no figure depends on colour alone. All colours
have a contrast of at least 4.5 : 1 on white and stay apart for readers with red-,
green- or blue-blindness (``tests/book/test_plotting.py`` measures both).

Functions take ``ax`` and return it; none of them shows or saves a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_positive,
    check_switch,
    given,
    numbers,
)
from collapse_lib.declared import declared
from collapse_lib.recursion.history import History


@declared
@dataclass(frozen=True)
class Role:
    """What a colour stands for, and the second cue that goes with it."""

    meaning: str
    color: str
    linestyle: str | tuple[float, tuple[float, ...]]
    marker: str


#: The six roles a mark in a figure can play.
ROLES: dict[str, Role] = {
    "real": Role("data from the real distribution", "#0A54B6", "-", "o"),
    "synthetic": Role("data made by a model", "#C65006", (0, (6, 1.5)), "s"),
    "theory": Role("a closed form or a bound", "#111111", "--", "x"),
    "published": Role("a value taken from a paper", "#1E5C38", ":", "D"),
    "loss": Role("what has been lost, a warning", "#7A2878", "-.", "v"),
    "neutral": Role("context, single runs", "#6E7378", (0, (1, 1)), "."),
}

#: Role -> colour, for example ``COLORS["real"]``.
COLORS: dict[str, str] = {name: role.color for name, role in ROLES.items()}

#: The settings of :func:`use_style`. At 200 dots an inch a figure of 7 inches has
#: 1,400 pixels: twice the width at which the page shows it.
STYLE: dict[str, Any] = {
    "figure.figsize": (7, 4),
    "figure.dpi": 200,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=list(COLORS.values()))
    + cycler(linestyle=[role.linestyle for role in ROLES.values()]),
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def use_style() -> None:
    """Give all later figures of this process the look of the book."""
    for name, value in STYLE.items():
        mpl.rcParams[name] = value  # type: ignore[index] # its type lists every name


def look(role: str, *, marker: bool = False) -> dict[str, Any]:
    """Return the colour, line style and, if asked, marker of a role for ``ax.plot``.

    Parameters
    ----------
    role
        A name in :data:`ROLES`.
    marker
        Whether to include the marker.

    Examples
    --------
    >>> look("theory")
    {'color': '#111111', 'linestyle': '--'}
    """
    check_choice("role", role, tuple(ROLES))
    check_switch("marker", marker)
    chosen = ROLES[role]
    cues: dict[str, Any] = {"color": chosen.color, "linestyle": chosen.linestyle}
    return {**cues, "marker": chosen.marker} if marker else cues


def generation_palette(n: int) -> list[str]:
    """Return ``n`` colours from the first generation (dark) to the last (light).

    The colours come from the part of the map *plasma* that has, like the roles, a
    contrast of 4.5 : 1 on white, so that words can be written in them; its lightness
    grows steadily, so the order survives a print without colour.

    Examples
    --------
    >>> generation_palette(3)
    ['#0d0887', '#7a02a8', '#c6417d']
    """
    check_count("n", n, least=1, most=10_000)
    shades = mpl.colormaps["plasma"](np.linspace(0, 0.48, n))
    return [mpl.colors.to_hex(shade) for shade in shades]


def band(
    ax: Axes,
    history: History | pd.DataFrame,
    metric: str,
    q: tuple[float, float, float] = (0.05, 0.5, 0.95),
    *,
    role: str = "synthetic",
    color: str | None = None,
    label: str | None = None,
    runs: int = 0,
) -> Axes:
    """Draw the quantiles of a metric over the chains, generation by generation.

    Parameters
    ----------
    ax
        Where to draw.
    history
        What ``recurse`` returned, or its frame.
    metric
        Which metric of the history to draw.
    q
        Lower, middle and upper quantile; the default band holds 90 % of the chains.
    role
        Gives the colour and the line style, see :data:`ROLES`.
    color
        Another colour, for example from :func:`generation_palette`.
    label
        Text written at the end of the middle line.
    runs
        How many single chains to draw faintly behind the band.

    Raises
    ------
    ValueError
        If the history has no such metric, or ``q`` does not increase within 0 and 1.
    """
    _check_axes(ax)
    check_count("runs", runs, least=0)
    _check_text("label", label)
    table = _by_generation(history, metric)
    levels = numbers("q", q, least=0, most=1)
    if levels.shape != (3,) or (np.diff(levels) < 0).any():
        raise ValueError(
            f"q is {given(q)}; three increasing numbers from 0 to 1 are needed"
        )
    style = look(role)
    if color is not None and not mpl.colors.is_color_like(color):
        raise ValueError(f"color is {given(color)}; it must be a colour, as '#cc0000'")
    style["color"] = color or style["color"]
    low, middle, high = (table.quantile(level, axis=1) for level in q)
    if runs:
        single = {"lw": 0.6, "alpha": 0.45, "color": style["color"]}
        ax.plot(table.index, table.iloc[:, :runs], "-", **single)
    ax.fill_between(table.index, low, high, color=style["color"], alpha=0.2, lw=0)
    (line,) = ax.plot(table.index, middle, **style)
    return ax if label is None else label_line(ax, label, line)


def _by_generation(history: History | pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the values of one metric, one row a generation, one column a chain."""
    if isinstance(history, History):
        history = history.frame()
    columns = set(getattr(history, "columns", ()))
    if not {"generation", "chain", "metric", "value"} <= columns:
        raise ValueError(
            f"history is {given(history)}; it must be what recurse returned, or its "
            "frame"
        )
    known = sorted(map(str, history["metric"].unique()))
    if not isinstance(metric, str) or metric not in known:
        there = ", ".join(known) or "no rows"
        raise ValueError(f"metric is {given(metric)}; the history has {there}")
    chosen = history[history["metric"] == metric]
    return chosen.pivot(index="generation", columns="chain", values="value")


@declared
def label_line(
    ax: Axes,
    text: str,
    line: Line2D | None = None,
    *,
    points: tuple[float, float] = (5, 0),
    **text_style: Any,
) -> Axes:
    """Write a label at the right end of a line, in the colour of the line.

    Parameters
    ----------
    ax
        The axes of the line.
    text
        The label.
    line
        The line; by default the newest one.
    points
        Shift to the right and up, in points, to keep labels apart.
    **text_style
        Passed on to :meth:`matplotlib.axes.Axes.annotate`.

    Raises
    ------
    ValueError
        If there is no line, or none of its points is finite.
    """
    _check_axes(ax)
    _check_text("text", text)
    if line is not None and not hasattr(line, "get_xydata"):
        raise ValueError(f"line is {given(line)}; it must be a line of the axes")
    if line is None and not ax.lines:
        raise ValueError("there is no line to label; draw it first or pass line=")
    line = ax.lines[-1] if line is None else line
    style = {"color": line.get_color(), "va": "center", "fontsize": "medium"}
    ax.annotate(
        text,
        xy=_end(line),
        xytext=points,
        textcoords="offset points",
        annotation_clip=False,
        **{**style, **text_style},
    )
    return ax


def _check_axes(ax: object) -> None:
    if not isinstance(ax, Axes):
        raise ValueError(f"ax is {given(ax)}; pass axes, as from plt.subplots()")


def _check_text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is {given(value)}; it must be a text")


def _end(line: Line2D) -> tuple[float, float]:
    """Return the rightmost finite point of a line."""
    points = np.asarray(line.get_xydata(), dtype=float)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise ValueError(f"the line {line.get_label()!r} has no finite point to label")
    x, y = points[points[:, 0].argmax()]
    return float(x), float(y)


def log_generations(ax: Axes, label: str = "generation") -> Axes:
    """Make the horizontal axis logarithmic, with generation 0 at its left end.

    A plain logarithm would drop generation 0, the fit to real data, which is what
    every later generation is compared with. From 0 to 1 the axis is linear.

    Parameters
    ----------
    ax
        Axes whose horizontal coordinate is the generation; call this after drawing.
    label
        Label of the axis.
    """
    _check_axes(ax)
    _check_text("label", label)
    last = max(1.0, ax.dataLim.x1 if np.isfinite(ax.dataLim.x1) else 1.0)
    ticks = [0.0, *10.0 ** np.arange(np.floor(np.log10(last)) + 1)]
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.set_xlim(0, last)
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    ax.set_xlabel(label)
    return ax


def spread(positions: Sequence[float] | NDArray[Any], gap: float) -> list[float]:
    """Move positions apart until neighbours are at least ``gap`` from each other.

    The order is kept, and every group that had to move keeps its mean.

    Examples
    --------
    >>> spread([0.0, 1.0, 10.0], gap=3.0)
    [-1.0, 2.0, 10.0]
    """
    check_positive("gap", gap)
    places = numbers("positions", positions, ndim=1, shape="(n,)", empty=True)
    order = np.argsort(places, kind="stable")
    groups: list[list[float]] = []  # each group: centre, number of labels in it
    for wanted in places[order]:
        groups.append([float(wanted), 1])
        while len(groups) > 1:
            (below, m), (above, n) = groups[-2:]
            if above - below >= gap * (m + n) / 2:
                break
            groups[-2:] = [[(below * m + above * n) / (m + n), m + n]]
    placed = [c + gap * (i - (n - 1) / 2) for c, n in groups for i in range(int(n))]
    result = [0.0] * len(placed)
    for place, index in zip(placed, order, strict=True):
        result[index] = place
    return result


@declared
def label_lines(ax: Axes, labels: dict[Line2D, str], gap: float = 14) -> Axes:
    """Label several lines at their right ends without overlap.

    Parameters
    ----------
    ax
        The axes; its limits and scales should be final.
    labels
        Line -> text.
    gap
        Smallest vertical distance between two labels, in points.
    """
    _check_axes(ax)
    if not isinstance(labels, Mapping) or not labels:
        raise ValueError(f"labels is {given(labels)}; pass {{line: text, ...}}")
    ax.autoscale_view()
    ends = np.array([_end(line) for line in labels])
    per_point = ax.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
    heights = ax.transData.transform(ends)[:, 1] / per_point
    for line, old, new in zip(labels, heights, spread(heights, gap), strict=True):
        label_line(ax, labels[line], line, points=(5, new - old))
    return ax
