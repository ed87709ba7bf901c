"""Palette PNG files: small, and the same to the eye."""

from __future__ import annotations

import base64
from io import BytesIO

import kernel
import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbclient import NotebookClient
from PIL import Image

from collapse_lib import plotting
from collapse_lib.book.small_png import palette_png


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, bytes]:
    """A chart with lines, a pale band and text: in full colour, and with a palette."""
    with plt.rc_context(plotting.STYLE):
        figure, ax = plt.subplots()
        x = np.linspace(0, 10, 200)
        for role in plotting.ROLES:
            ax.plot(x, np.sin(x + len(role)), **plotting.look(role), label=role)
        ax.fill_between(x, -0.2, np.cos(x), alpha=0.2, lw=0)
        ax.legend()
        full = BytesIO()
        figure.savefig(full, format="png", bbox_inches="tight")
        small = palette_png(figure)
        plt.close(figure)
    return full.getvalue(), small


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=int)


def test_the_file_is_at_most_half_as_large(pair):
    full, small = pair
    assert len(small) < len(full) / 2


def test_it_has_a_palette_and_the_same_size_in_pixels(pair):
    full, small = (Image.open(BytesIO(png)) for png in pair)
    assert small.mode == "P"
    assert small.size == full.size


def test_paper_stays_white(pair):
    full, small = (pixels(png) for png in pair)
    paper = (full == 255).all(axis=2)
    assert paper.mean() > 0.5
    assert (small[paper] == 255).all()


def test_no_visible_difference(pair):
    full, small = (pixels(png) for png in pair)
    difference = np.abs(full - small).max(axis=2)
    assert np.quantile(difference, 0.99) <= 8
    assert difference.max() <= 64  # single pixels at the edges of letters


def test_a_dark_figure_is_not_turned_white():
    figure = plt.figure(figsize=(2, 1), facecolor="#333333")
    figure.text(0.5, 0.5, "x", color="#bbbbbb")
    assert pixels(palette_png(figure)).max() < 255
    plt.close(figure)


def test_a_notebook_shows_palette_files():
    cell = (
        "import matplotlib.pyplot as plt\n"
        "from collapse_lib.book.small_png import use_small_png\n"
        "use_small_png()\n"
        "plt.plot([0, 1])\n"
        "plt.show()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    with kernel.surroundings():
        NotebookClient(
            notebook, kernel_manager_class=kernel.OwnKernelManager, timeout=60
        ).execute()
    (output,) = notebook.cells[0].outputs
    png = base64.b64decode(output.data["image/png"])
    assert Image.open(BytesIO(png)).mode == "P"
