"""The palette is readable by everybody, and the helpers draw what they say."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from collapse_lib import plotting

# Linear RGB -> what a reader without one kind of cone sees (Machado et al., 2009,
# severity 1).
VISION = {
    "all cones": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
#: CIE 1976 colour difference; about 2 can just be seen side by side.
FAR_APART = 15


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    with mpl.rc_context():
        plt.switch_backend("agg")
        yield
    plt.close("all")


@pytest.fixture
def ax() -> Axes:
    return plt.subplots()[1]


@pytest.fixture
def history() -> pd.DataFrame:
    """Eleven chains; chain c has the value 100 t + c in generation t."""
    rows = itertools.product(range(4), range(11))
    return pd.DataFrame(
        [(t, c, "sigma", 100.0 * t + c) for t, c in rows],
        columns=["generation", "chain", "metric", "value"],
    )


def linear(color: str) -> NDArray[np.float64]:
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast_on_white(color: str) -> float:
    return 1.05 / (float(TO_XYZ[1] @ linear(color)) + 0.05)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    xyz = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", plotting.ROLES)
def test_colours_can_be_read_on_white(name: str) -> None:
    assert contrast_on_white(plotting.COLORS[name]) >= 4.5


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart_for_every_reader(vision: str) -> None:
    seen = {n: lab(VISION[vision] @ linear(c)) for n, c in plotting.COLORS.items()}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) >= FAR_APART, (one, other)


def test_the_measure_of_distance_can_fail() -> None:
    red, green = (lab(VISION["no green cones"] @ linear(c)) for c in ("#c00", "#560"))
    assert np.linalg.norm(red - green) < FAR_APART


def test_colour_is_never_the_only_cue() -> None:
    roles = plotting.ROLES.values()
    assert len(roles) <= 6
    for cue in ("color", "linestyle", "marker", "meaning"):
        assert len({getattr(role, cue) for role in roles}) == len(roles)


def test_a_figure_is_opaque_white_and_twice_as_wide_as_shown() -> None:
    assert len(plotting.STYLE) <= 12
    plotting.use_style()
    file = io.BytesIO()
    plt.subplots()[0].savefig(file)
    image = Image.open(file)
    assert image.size == (1400, 800)
    assert image.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)


def test_look_names_the_roles_it_knows() -> None:
    assert plotting.look("real", marker=True)["marker"] == "o"
    with pytest.raises(ValueError, match="role is 'fake'; allowed: 'real'"):
        plotting.look("fake")


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_generations_get_lighter_and_stay_readable(n: int) -> None:
    shades = plotting.generation_palette(n)
    lightness = [lab(linear(shade))[0] for shade in shades]
    assert len(shades) == n
    # Colours have 8 bits: with 1,000 of them neighbours may be equal.
    assert np.diff(lightness).min(initial=0) > -0.5
    assert lightness == sorted(lightness) or n == 1000
    assert min(map(contrast_on_white, shades)) >= 4.5  # labels are written in them
    with pytest.raises(ValueError, match="n is 0"):
        plotting.generation_palette(0)


def test_band_draws_quantiles_and_single_chains(
    ax: Axes, history: pd.DataFrame
) -> None:
    back = plotting.band(ax, history, "sigma", (0, 0.5, 1), label="models", runs=2)
    assert back is ax
    *single, middle = ax.lines
    assert [list(line.get_ydata()) for line in single] == [
        [0, 100, 200, 300],
        [1, 101, 201, 301],
    ]
    assert list(middle.get_ydata()) == [5, 105, 205, 305]
    edges = ax.collections[0].get_paths()[0].vertices
    assert {tuple(p) for p in edges} >= {(0, 0), (0, 10), (3, 300), (3, 310)}
    assert [text.get_text() for text in ax.texts] == ["models"]
    assert middle.get_color() == plotting.COLORS["synthetic"]


def test_band_takes_another_colour(ax: Axes, history: pd.DataFrame) -> None:
    plotting.band(ax, history, "sigma", color="#123456")
    assert [line.get_color() for line in ax.lines] == ["#123456"]
    assert not ax.texts


def test_band_says_what_is_wrong(ax: Axes, history: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="metric is 'mu'; the history has sigma"):
        plotting.band(ax, history, "mu")
    with pytest.raises(ValueError, match=r"q is \(0.9, 0.5, 0.1\)"):
        plotting.band(ax, history, "sigma", (0.9, 0.5, 0.1))


def test_a_label_stands_at_the_last_finite_point(ax: Axes) -> None:
    (line,) = ax.plot([0, 1, 2, 3], [5, 6, 7, np.nan], color="#123456")
    ax.plot([0], [0])
    assert plotting.label_line(ax, "here", line, fontsize=7) is ax
    (label,) = ax.texts
    assert label.xy == (2, 7)
    assert (label.get_color(), label.get_fontsize()) == ("#123456", 7)


def test_a_label_needs_a_line(ax: Axes) -> None:
    with pytest.raises(ValueError, match="no line to label"):
        plotting.label_line(ax, "nothing")
    ax.plot([0, 1], [np.nan, np.inf])
    with pytest.raises(ValueError, match="no finite point"):
        plotting.label_line(ax, "nowhere")


def test_labels_of_close_lines_do_not_overlap(ax: Axes) -> None:
    lines = [ax.plot([0, 1], [0, end])[0] for end in (1.0, 1.001, 1.002, 9.0)]
    plotting.label_lines(ax, {line: str(i) for i, line in enumerate(lines)}, gap=12)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    for below, above in itertools.pairwise(boxes):
        assert below.y1 <= above.y0
    with pytest.raises(ValueError, match="labels is {}; pass"):
        plotting.label_lines(ax, {})


def test_generation_zero_is_on_the_logarithmic_axis(ax: Axes) -> None:
    ax.plot(range(1001), range(1001))
    assert plotting.log_generations(ax) is ax
    ax.figure.draw_without_rendering()
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert labels == ["0", "1", "10", "100", "1,000"]
    places = ax.transData.transform([(float(x), 0) for x in (0, 1, 10, 100, 1000)])
    steps = np.diff(places[:, 0])
    assert steps[0] > 0
    np.testing.assert_allclose(steps[1:], steps[1])
    assert ax.get_xlabel() == "generation"


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12), st.floats(0.1, 50))
def test_spread_keeps_order_gap_and_mean(positions: list[float], gap: float) -> None:
    placed = plotting.spread(positions, gap)
    order = np.argsort(positions, kind="stable")
    assert np.diff(np.array(placed)[order]).min(initial=gap) >= gap - 1e-6
    assert np.mean(placed) == pytest.approx(np.mean(positions), abs=1e-6)


def test_spread_leaves_what_is_apart() -> None:
    assert plotting.spread([30.0, 0.0, 10.0], gap=5) == [30.0, 0.0, 10.0]
    with pytest.raises(ValueError, match="gap is 0"):
        plotting.spread([1.0], gap=0)
