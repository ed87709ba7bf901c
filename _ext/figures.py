"""Show the figures of chapters at half their pixels, so that they are sharp.

Every figure then has the size in inches its code asks for, with the letters of one
figure as large as those of the next; browsers would scale each to the column.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

#: Pixels of a figure for each pixel of the page, see `collapse_lib.book.plotting`.
DENSITY = 2
PNG = b"\x89PNG\r\n\x1a\n"


def png_width(path: Path) -> int:
    """Return the width of a PNG file in pixels.

    Raises
    ------
    ValueError
        If the file is no PNG.
    """
    with path.open("rb") as stream:
        head = stream.read(24)
    if not head.startswith(PNG) or len(head) < 24:
        raise ValueError(f"{path}: not a PNG file")
    return int.from_bytes(head[16:20], "big")


def set_widths(app: Sphinx, doctree: nodes.document) -> None:
    """Give the PNG figures that a chapter made the width they are drawn for."""
    folder = Path(app.outdir).parent / "jupyter_execute"
    for image in doctree.findall(nodes.image):
        path = Path(app.srcdir, image["uri"].lstrip("/"))
        drawn = folder in path.resolve().parents and path.suffix == ".png"
        if drawn and "width" not in image:
            image["width"] = f"{png_width(path) // DENSITY}px"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-read", set_widths)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
