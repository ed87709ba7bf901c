"""The diagram of the loop: whole, inside its axes, and without overlaps."""

from __future__ import annotations

from itertools import combinations

from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from collapse_lib.book import diagrams


def test_the_loop_is_drawn_inside_its_axes_without_overlapping_words() -> None:
    fig, ax = plt.subplots(figsize=(5, 4.3))
    assert diagrams.feedback_loop(ax) is ax
    fig.canvas.draw()
    frame = ax.get_window_extent()
    words = {text.get_text(): text.get_window_extent() for text in ax.texts}
    assert {"people", "model", "samples"} <= set(words)
    for word, box in words.items():
        inside = frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert inside and frame.y0 <= box.y0 and box.y1 <= frame.y1, word
    for (one, a), (other, b) in combinations(words.items(), 2):
        assert not a.overlaps(b), f"{one} overlaps {other}"
    plt.close(fig)


def test_every_box_is_on_the_way_of_an_arrow() -> None:
    fig, ax = plt.subplots()
    diagrams.feedback_loop(ax)
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == 4 and len(arrows) == 4
    ends = [point for arrow in arrows for point in arrow._posA_posB]
    for box in boxes:
        x, y, width, height = box.get_bbox().bounds
        near = [
            abs(px - x - width / 2) <= width / 2 + 0.05
            and abs(py - y - height / 2) <= height / 2 + 0.05
            for px, py in ends
        ]
        assert any(near), box
    plt.close(fig)
