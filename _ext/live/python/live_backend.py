"""matplotlib draws with Agg; ``show`` sends every open figure to the page."""

from __future__ import annotations

from typing import Any

from live_fixes import fix_matplotlib
from live_shell import SHELL, png
from matplotlib import pyplot as plt
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg


class _Manager(FigureManagerBase):
    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """Send the figures, in the order in which they were made."""
        for number in plt.get_fignums():
            SHELL.send("display", {"image/png": png(plt.figure(number))})
        plt.close("all")


class FigureCanvas(FigureCanvasAgg):
    """A canvas whose figures are shown by the page."""

    manager_class: Any = _Manager


FigureManager = _Manager

fix_matplotlib()
