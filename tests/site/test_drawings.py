"""The diagram of the loop: whole, inside its frame, and without overlaps."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from collapse_lib.book.plotting import COLORS

Box = tuple[float, float, float, float]  # left, top, right, bottom
#: Width of a letter of a wide font, in heights.
LETTER = 0.65


@pytest.fixture(scope="module")
def loop(root: Path) -> ElementTree.Element:
    return ElementTree.parse(root / "_static" / "feedback-loop.svg").getroot()


def with_class(loop: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [node for node in loop.iter() if node.get("class") == name]


def words(loop: ElementTree.Element) -> dict[str, Box]:
    """Return the places of all texts, in a font wider than a reader's will be."""
    found: dict[str, Box] = {}

    def visit(node: ElementTree.Element, size: float, anchor: str) -> None:
        size = float(node.get("font-size", size))
        anchor = node.get("text-anchor", anchor)
        if node.tag.endswith("}text") and node.text:
            x, y = float(node.get("x", 0)), float(node.get("y", 0))
            width = LETTER * size * len(node.text)
            left = x - width * {"start": 0, "middle": 0.5, "end": 1}[anchor]
            found[node.text] = (left, y - 0.8 * size, left + width, y + 0.25 * size)
        for child in node:
            visit(child, size, anchor)

    visit(loop, 0, "start")
    return found


def test_the_loop_is_drawn_inside_its_frame_without_overlapping_words(
    loop: ElementTree.Element,
) -> None:
    places = words(loop)
    assert {"people", "model", "samples"} <= set(places)
    _, _, width, height = map(float, loop.attrib["viewBox"].split())
    for word, (left, top, right, bottom) in places.items():
        assert 0 <= left and right <= width and 0 <= top and bottom <= height, word
    for (one, a), (other, b) in combinations(places.items(), 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, f"{one} overlaps {other}"


def test_every_box_is_on_the_way_of_an_arrow(loop: ElementTree.Element) -> None:
    arrows, boxes = with_class(loop, "arrow"), with_class(loop, "box")
    assert len(boxes) == 4 and len(arrows) == 4
    ends = []
    for arrow in arrows:
        numbers = [float(n) for n in re.findall(r"\d+", arrow.attrib["d"])]
        ends += [numbers[:2], numbers[-2:]]
    for box in boxes:
        x, y, width, height = (float(box.attrib[k]) for k in "x y width height".split())
        near = [x <= px <= x + width and y <= py <= y + height for px, py in ends]
        assert any(near), box.attrib


def test_the_loop_has_the_colours_of_the_figures(loop: ElementTree.Element) -> None:
    drawn = {node.attrib["stroke"] for node in with_class(loop, "arrow")}
    assert drawn == {COLORS[role] for role in ("real", "synthetic", "neutral")}
