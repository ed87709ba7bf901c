"""Draw the logo and the favicon: a distribution that narrows over the generations.

python scripts/draw_logo.py          write the files in _static/
python scripts/draw_logo.py --check  exit 1 if a file there is not what this draws
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path

from collapse_lib import files
from collapse_lib.book.plotting import generation_palette

STATIC = Path(__file__).resolve().parent.parent / "_static"
SIZE = 64  # side of the square, in units of the drawing
BASE, HEIGHT = 56.0, 46.0  # where the curves stand, how high the last one is
#: Standard deviation and height of each generation, as shares of the last height.
GENERATIONS = ((15.0, 0.42), (8.5, 0.62), (4.6, 0.82), (2.0, 1.0))
#: On dark pages the colours are mixed with white by this share.
LIGHTEN = 0.45


def bell(sigma: float, height: float) -> str:
    """Return the outline of a bell curve as SVG path data."""
    steps = 48
    reach = min(3.2 * sigma, SIZE / 2 - 2)
    points = []
    for step in range(steps + 1):
        x = -reach + 2 * reach * step / steps
        y = HEIGHT * height * math.exp(-0.5 * (x / sigma) ** 2)
        points.append(f"{SIZE / 2 + x:.1f} {BASE - y:.1f}")
    start, end = SIZE / 2 - reach, SIZE / 2 + reach
    return f"M{start:.1f} {BASE} L{' L'.join(points)} L{end:.1f} {BASE}Z"


def mixed_with_white(color: str, share: float) -> str:
    """Return a lighter colour."""
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(p + (255 - p) * share):02x}" for p in parts)


def drawing(colors: Sequence[str], generations: Sequence[int]) -> str:
    """Return the SVG document with the curves of these generations."""
    curves = "\n".join(
        f'  <path d="{bell(*GENERATIONS[g])}" fill="{colors[g]}" '
        f'fill-opacity="0.18" stroke="{colors[g]}" stroke-width="2.6" '
        'stroke-linejoin="round"/>'
        for g in generations
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" '
        f'width="{SIZE}" height="{SIZE}" role="img">\n'
        "  <title>A distribution that narrows over the generations</title>\n"
        f"{curves}\n</svg>\n"
    )


def drawings() -> dict[str, str]:
    """Return file name -> SVG document."""
    light = generation_palette(len(GENERATIONS))
    dark = [mixed_with_white(color, LIGHTEN) for color in light]
    everything = range(len(GENERATIONS))
    # Browsers show the favicon on both light and dark tabs: colours between the two.
    middle = [mixed_with_white(color, LIGHTEN / 2) for color in light]
    return {
        "logo-light.svg": drawing(light, everything),
        "logo-dark.svg": drawing(dark, everything),
        "favicon.svg": drawing(middle, (0, 1, 3)),
    }


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    if list(argv) not in ([], ["--check"]):
        print(f"draw_logo.py: got {argv}; allowed is --check", file=sys.stderr)
        return 2
    stale = []
    for name, text in drawings().items():
        path = STATIC / name
        if argv:
            if not path.is_file() or path.read_text("utf-8") != text:
                stale.append(name)
        else:
            files.write_text(path, text)
            print(path)
    if stale:
        print(f"{', '.join(stale)}: run python scripts/draw_logo.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
