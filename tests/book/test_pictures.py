"""Pictures as distributions of ink, the unsharp copier and its sheets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

from collapse_lib import files, models, recurse, regimes, theory
from collapse_lib.book import pictures as images

PICTURE = images.seascape()
SEASCAPE_SHA256 = "55eb47e9d2bb237a3e141f6475d39ee5db37ad4f055e30f38cb5ca562bf0dd5c"


def rng() -> np.random.Generator:
    return np.random.default_rng(20240724)


# ------------------------------------------------------------------ the picture


def test_the_seascape_has_every_grey_level_of_its_parts() -> None:
    assert set(np.unique(PICTURE)) == {0.0, *images.DARKNESS.values()}


def test_the_mast_points_upwards() -> None:
    rows = np.flatnonzero((images.DARKNESS["boat"] == PICTURE).any(axis=1))
    first, last = PICTURE[rows[0]], PICTURE[rows[-1]]
    assert (first == 1).sum() < (last == 1).sum()  # row 0 is the top: mast, then hull


def test_the_seascape_is_the_stored_picture() -> None:
    """The hash of the drawing that the numbers of chapter 01 come from."""
    assert PICTURE.shape == (72, 96)
    assert files.sha256_of(PICTURE.tobytes()) == SEASCAPE_SHA256


# ------------------------------------------------------- picture to distribution


def test_a_pixels_probability_is_its_share_of_the_ink() -> None:
    p = images.as_distribution(PICTURE).p
    assert p.shape == (1, PICTURE.size)
    np.testing.assert_allclose(p[0] * PICTURE.sum(), PICTURE.ravel(), atol=1e-15)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ([1.0, 2.0], r"shape \(2,\); needed is \(height, width\)"),
        ([[1.0, -0.5]], "from -0.5 to 1; allowed are"),
        ([[1.0, np.nan]], "1 values that are NaN"),
        ([[0.0, 0.0]], "blank"),
    ],
)
def test_what_is_no_picture_is_refused(picture: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        images.as_distribution(picture)


def test_the_share_of_inked_pixels_follows_the_survival_law() -> None:
    n_drops, copies = 20_000, 10
    at = np.isclose(PICTURE.ravel(), images.DARKNESS["waves"])
    history = recurse(
        models.Categorical(PICTURE.size),
        images.as_distribution(PICTURE),
        regime=regimes.Replace(),
        n_samples=n_drops,
        n_generations=copies - 1,
        measure={"inked": lambda fit: (fit.p[:, at] > 0).mean(axis=1)},
        chains=60,
        record=[copies - 1],
        rng=rng(),
    )
    inked = history.array("inked")[0]
    drops = n_drops * images.as_distribution(PICTURE).p[0, at].mean()
    expected = float(theory.discrete.survival_probability(drops, copies))
    se = inked.std(ddof=1) / np.sqrt(len(inked))
    # The counts are Poisson up to terms of the order of one pixel's share of the ink.
    assert abs(inked.mean() - expected) < 4 * se + 1e-3
    other = float(theory.discrete.survival_probability(drops, copies + 1))
    assert abs(inked.mean() - other) > 4 * se  # one generation off would show


# ---------------------------------------------------------------------- the lens


def blurred(width: float, p: np.ndarray) -> np.ndarray:
    fitted = models.FittedCategorical(p)
    data = models.Counts(1, np.zeros(p.shape, dtype=int))  # not used by the lens
    return models.Blur(PICTURE.shape, width)(fitted, data, rng()).p


def test_a_lens_of_width_zero_changes_nothing() -> None:
    p = images.as_distribution(PICTURE).p
    np.testing.assert_allclose(blurred(0.0, p), p, rtol=1e-12)


def test_a_lens_keeps_all_ink_and_every_sheet_apart() -> None:
    one = images.as_distribution(PICTURE).p
    corner = np.zeros_like(one)
    corner[0, 0] = 1.0
    both = blurred(1.5, np.concatenate([one, corner]))
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(both[1], blurred(1.5, corner)[0], rtol=1e-12)


def test_a_lens_leaves_an_even_grey_even_up_to_the_edges() -> None:
    even = np.full((1, PICTURE.size), 1 / PICTURE.size)
    np.testing.assert_allclose(blurred(3.0, even), even, rtol=1e-9)


def test_a_lens_spreads_a_dot_by_its_width() -> None:
    height, width = PICTURE.shape
    dot = np.zeros((1, PICTURE.size))
    dot[0, 36 * width + 48] = 1.0
    sheet = blurred(2.0, dot).reshape(height, width)
    rows, columns = np.arange(height) - 36, np.arange(width) - 48
    assert sheet.sum(axis=1) @ rows**2 == pytest.approx(4.0, rel=0.01)
    assert sheet.sum(axis=0) @ columns**2 == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("width", [-1.0, float("nan"), float("inf")])
def test_an_impossible_lens_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="width is .*; it must be a number >= 0"):
        models.Blur((4, 4), width)


def test_a_lens_for_another_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"6912 probabilities do not fill .*\(4, 4\)"):
        lens = models.Blur((4, 4), 1.0)
        lens(images.as_distribution(PICTURE), np.zeros((1, 1)), rng())


def test_the_unsharp_copier_runs_in_the_loop() -> None:
    blank = PICTURE.ravel() == 0

    def spilled(width: float) -> np.ndarray:
        copier = models.Perturbed(
            models.Categorical(PICTURE.size), models.Blur(PICTURE.shape, width)
        )
        history = recurse(
            copier,
            images.as_distribution(PICTURE),
            regime=regimes.Replace(),
            n_samples=5000,
            n_generations=5,
            measure={"spilled": lambda fit: fit.p[:, blank].sum(axis=1)},
            chains=3,
            rng=rng(),
        )
        return history.array("spilled")

    assert (spilled(0.0) == 0).all()
    assert (np.diff(spilled(0.5).mean(axis=1)) > 0).all()


# --------------------------------------------------------------------- the sheet


def test_a_sheet_is_black_where_the_original_is_darkest() -> None:
    fig, ax = plt.subplots()
    p = images.as_distribution(PICTURE).p[0]
    assert images.draw_sheet(ax, p, PICTURE, "original") is ax
    (image,) = ax.get_images()
    grey = image.cmap(image.norm(image.get_array()))[..., 0]
    assert grey[PICTURE == 1].max() == 0
    assert grey[PICTURE == 0].min() == 1
    assert ax.get_title() == "original"
    plt.close(fig)


def test_a_sheet_of_another_size_is_refused() -> None:
    fig, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"4 probabilities do not fill .*\(72, 96\)"):
        images.draw_sheet(ax, np.ones(4) / 4, PICTURE)
    plt.close(fig)


# ---- sheets of many pictures ---------------------------------------------------------


def test_a_contact_sheet_comes_apart_again(tmp_path: Path) -> None:
    many = np.random.default_rng(0).integers(256, size=(6, 28, 28)).astype(np.uint8)
    sheet = images.contact_sheet(many, columns=3)
    assert sheet.shape == (56, 84)
    assert (sheet[:28, 28:56] == many[1]).all()
    rows = many.reshape(2, 3, 28, 28)
    assert (images.contact_sheet(rows, columns=3) == sheet).all()
    assert (images.tiles(sheet, 28) == many).all()
    images.save_sheet(tmp_path / "results" / "sheet.png", many, columns=3)
    assert (images.load_sheet(tmp_path / "results" / "sheet.png") == many).all()
    with pytest.raises(ValueError, match="6 images do not fill rows of 4"):
        images.contact_sheet(many, columns=4)
