"""Fidelity and diversity of generated sets, and densities of latents."""

from __future__ import annotations

import numpy as np
import pytest
import seaborn as sns
from matplotlib import pyplot as plt
from scipy import linalg, stats

from collapse_lib.data.digits import mnist
from collapse_lib.metrics import images as fidelity
from collapse_lib.metrics.images import latent_density, latent_peak


def cloud(n: int, d: int = 3, shift: float = 0, scale: float = 1, seed: int = 0):
    return shift + scale * np.random.default_rng(seed).standard_normal((n, d))


# ---- classes ------------------------------------------------------------------------


def test_entropy_and_confidence_of_known_predictions() -> None:
    sure = np.eye(4)
    unsure = np.full((4, 4), 0.25)
    assert fidelity.class_entropy(sure) == pytest.approx(np.log(4))
    assert fidelity.class_entropy(unsure) == pytest.approx(np.log(4))
    assert fidelity.class_entropy(sure[:1]) == 0
    assert (fidelity.confidence(sure), fidelity.confidence(unsure)) == (1, 0.25)


@pytest.mark.parametrize(
    "bad, says",
    [
        ([[0.5, 0.6]], "rows .* with sum 1"),
        ([[1.5, -0.5]], "values from -0.5 to 1.5; allowed are numbers >= 0"),
        ([0.5, 0.5], r"shape \(2,\); needed is \(n, n_classes\)"),
        (np.ones((0, 2)), "empty"),
    ],
)
def test_what_is_no_probability_is_refused(bad: object, says: str) -> None:
    for metric in (fidelity.class_entropy, fidelity.confidence):
        with pytest.raises(ValueError, match=says):
            metric(bad)


# ---- Fréchet distance ---------------------------------------------------------------


def test_the_frechet_distance_follows_its_formula() -> None:
    a = cloud(400) @ np.diag([1, 2, 3])
    b = cloud(300, seed=1) @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0.2, 2]]) + 1
    cov_a, cov_b = (np.cov(x, rowvar=False, ddof=0) for x in (a, b))
    gap = a.mean(0) - b.mean(0)
    root = linalg.sqrtm(cov_a @ cov_b).real
    expected = gap @ gap + np.trace(cov_a + cov_b - 2 * root)
    assert fidelity.frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)
    assert fidelity.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_of_shifted_and_scaled_gaussians() -> None:
    found = fidelity.frechet_distance(cloud(200_000), cloud(200_000, 3, 2, 3, 1))
    assert found == pytest.approx(3 * 2**2 + 3 * (3 - 1) ** 2, rel=0.02)


# ---- neighbourhoods -----------------------------------------------------------------


def test_two_samples_of_one_law_cover_each_other() -> None:
    real, same = cloud(1_500), cloud(1_500, seed=1)
    for metric in (fidelity.precision, fidelity.recall, fidelity.coverage):
        assert metric(real, same) > 0.9


def test_a_collapsed_set_is_precise_and_covers_little() -> None:
    real, collapsed = cloud(1_000), cloud(1_000, scale=0.05, seed=1)
    assert fidelity.precision(real, collapsed) > 0.95
    assert fidelity.recall(real, collapsed) < 0.05
    assert fidelity.coverage(real, collapsed) < 0.1


def test_a_set_elsewhere_is_neither() -> None:
    real, far = cloud(300), cloud(300, shift=100, seed=1)
    for metric in (fidelity.precision, fidelity.recall, fidelity.coverage):
        assert metric(real, far) == 0


def test_a_stray_point_raises_recall_but_not_coverage() -> None:
    real = cloud(500, 2)
    few = np.concatenate([np.full((10, 2), 50.0) + cloud(10, 2), [[-50, -50]]])
    assert fidelity.recall(real, few, k=10) > 0.9
    assert fidelity.coverage(real, few, k=10) == 0


def test_neighbourhoods_match_a_plain_loop() -> None:
    real, made, k = cloud(40), cloud(30, seed=1), 3
    distances = np.linalg.norm(real[:, None] - real, axis=2)
    radii = np.sort(distances, axis=1)[:, k]
    inside = np.linalg.norm(real[:, None] - made, axis=2) <= radii[:, None]
    assert fidelity.precision(real, made, k) == inside.any(axis=0).mean()
    assert fidelity.coverage(real, made, k) == inside.any(axis=1).mean()


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = cloud(100), cloud(80, seed=1)
    whole = fidelity.precision(real, made), fidelity.coverage(real, made)
    monkeypatch.setattr(fidelity, "CHUNK", 7)
    assert (fidelity.precision(real, made), fidelity.coverage(real, made)) == whole


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shapes \(9, 3\) and \(9, 2\)"):
        fidelity.frechet_distance(cloud(9, 3), cloud(9, 2))
    with pytest.raises(ValueError, match="have 9 and 5 points; at least 6"):
        fidelity.coverage(cloud(9), cloud(5))


# ---- images and latents as they are -------------------------------------------------


def test_measurements_of_known_images_and_latents() -> None:
    rng = np.random.default_rng(0)
    images = np.zeros((200, 28, 28))
    images[::2, 0, :4] = 1  # half the images differ in four pixels
    found = fidelity.measure_images(images, rng)
    assert found["pixel_variance"] == pytest.approx(4 * 0.25 / 784)
    assert found["distance"] == pytest.approx(2 * 0.5, rel=0.05)
    latents = rng.standard_normal((5_000, 2)) * [1, 3]
    found = fidelity.measure_latents(latents)
    assert found["latent_sigma"] == pytest.approx(np.sqrt(5), rel=0.03)
    np.testing.assert_allclose(found["latent_sigmas"], [1, 3], rtol=0.05)
    assert len(found["latent_peaks"]) == 50


def test_the_entropy_of_pixels() -> None:
    black_and_white = np.round(mnist().images[:5])
    assert fidelity.pixel_entropy(black_and_white) == 0
    assert fidelity.pixel_entropy(np.full((3, 28, 28), 0.5)) == pytest.approx(
        784 * np.log(2)
    )


# ---- densities of latents -----------------------------------------------------------


def test_the_density_is_scipys_and_seaborns() -> None:
    values = cloud(500, 4).ravel()
    grid, density = latent_density(values)
    np.testing.assert_allclose(density, stats.gaussian_kde(values)(grid), rtol=1e-9)
    ax = sns.kdeplot(values)
    x, y = ax.lines[0].get_data()
    plt.close(ax.figure)
    np.testing.assert_allclose(grid, x, rtol=1e-9)
    np.testing.assert_allclose(density, y, rtol=1e-6)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=0.01)


def test_the_peak_of_each_hundred_images() -> None:
    peaks = latent_peak(np.concatenate([cloud(100, 20), cloud(150, 20, scale=0.5)]))
    assert peaks.shape == (2,)
    # A normal law has its peak at 0.399 / sigma; the kernel lowers it by some percent.
    np.testing.assert_allclose(peaks, [0.387, 0.774], rtol=0.06)


def test_latents_without_a_density_are_refused() -> None:
    with pytest.raises(ValueError, match="two different values, got 3 of which 1"):
        latent_density([1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="latents are of 99 images; at least 100"):
        latent_peak(cloud(99))


def test_neighbours_are_told_apart_far_from_zero():
    rng = np.random.default_rng(0)
    real, drawn = rng.standard_normal((2, 200, 4))
    for metric in (fidelity.precision, fidelity.recall, fidelity.coverage):
        near = metric(real, drawn + 0.5)
        # 1e8 leaves eight digits behind the point.
        assert metric(real + 1e8, drawn + 0.5 + 1e8) == pytest.approx(near, abs=0.005)


@pytest.mark.parametrize("k", [0, -1, 2.5, None, "5"])
def test_a_neighbourhood_has_a_neighbour(k: object) -> None:
    points = np.random.default_rng(0).standard_normal((30, 2))
    for metric in (fidelity.precision, fidelity.recall, fidelity.coverage):
        with pytest.raises(ValueError, match="k is .*; it must be an integer >= 1"):
            metric(points, points, k=k)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, bool, int])
def test_images_of_any_type_have_the_distance_of_their_numbers(dtype: type) -> None:
    scale = 1 if dtype is bool else 100
    images = np.random.default_rng(0).integers(0, 2, (50, 28, 28)) * scale
    wanted = fidelity.measure_images(images.astype(float), np.random.default_rng(1))
    found = fidelity.measure_images(images.astype(dtype), np.random.default_rng(1))
    assert found == pytest.approx(wanted)


def test_features_too_large_to_be_squared_are_refused() -> None:
    points = np.random.default_rng(0).standard_normal((30, 2)) * 1e200
    for metric in (fidelity.precision, fidelity.recall, fidelity.coverage):
        with pytest.raises(ValueError, match="too large: their squares overflow"):
            metric(points, points)


# ---- density, and points that are equal ---------------------------------------------


def test_density_matches_a_plain_loop_and_counts_balls() -> None:
    real, made, k = cloud(40), cloud(30, seed=1), 3
    distances = np.linalg.norm(real[:, None] - real, axis=2)
    radii = np.sort(distances, axis=1)[:, k]
    inside = np.linalg.norm(real[:, None] - made, axis=2) <= radii[:, None]
    assert fidelity.density(real, made, k) == inside.sum() / (k * 30)
    assert fidelity.density(real, cloud(30, shift=99)) == 0
    # A ball holds its centre and k neighbours, its edge included.
    assert fidelity.density(real, real, k) == (k + 1) / k


@pytest.mark.parametrize("k", [1, 5])
def test_neighbourhoods_are_those_of_prdc(k: int) -> None:
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(3)
    real, generated = rng.normal(size=(150, 8)), 1.2 * rng.normal(size=(110, 8))
    theirs = prdc.compute_prdc(real, generated, nearest_k=k)
    for name in ("precision", "recall", "density", "coverage"):
        ours = getattr(fidelity, name)(real, generated, k=k)
        assert ours == pytest.approx(theirs[name], abs=1e-12), name


@pytest.mark.parametrize("d", [1, 3, 64])
def test_the_mean_density_of_one_law_is_1_in_any_dimension(d: int) -> None:
    draws = np.random.default_rng(0).standard_normal((60, 2, 100, d))
    found = np.array([fidelity.density(*pair) for pair in draws])
    assert abs(found.mean() - 1) < 4 * found.std(ddof=1) / np.sqrt(60)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 0.1, 1e9])
def test_a_copy_of_one_point_lies_on_the_edge_and_an_edge_is_inside(scale) -> None:
    """Whatever rounding makes of the distance of equal points."""
    point = scale * np.random.default_rng(1).standard_normal(10)
    real, copies = np.tile(point, (9, 1)), np.tile(point, (7, 1))
    for metric in (fidelity.precision, fidelity.recall, fidelity.coverage):
        assert metric(real, copies) == 1
    assert fidelity.density(real, copies, k=5) == 9 / 5
    # Beside others, far from the mean: six equal points have balls of radius 0.
    real = np.concatenate([real[:6], scale * cloud(50, 10, 7)])
    assert fidelity.density(real, copies, k=5) == 6 / 5
    assert fidelity.coverage(real, copies, k=5) == 6 / 56


def test_equal_points_have_no_distance() -> None:
    points = cloud(300, 40, 5)
    squared = fidelity.squared_distances(points, points)
    assert (np.diagonal(squared) == 0).all()
    near = fidelity.squared_distances(points, points + 1e-5)
    # What is left is the rounding of 1 + 1e-5 itself.
    np.testing.assert_allclose(np.diagonal(near), 40 * 1e-10, rtol=1e-9)


def on_a_fine_grid(points: np.ndarray) -> np.ndarray:
    """Points that an offset of 1e8 leaves as they are."""
    return np.round(points * 2**20) / 2**20


@pytest.mark.parametrize("d", [1, 3, 64])
def test_an_offset_changes_no_distance(d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = on_a_fine_grid(cloud(70, d, seed=3)), on_a_fine_grid(cloud(60, d, seed=4))
    exact = ((a[:, None] - b) ** 2).sum(axis=2)
    for cells in (fidelity.CELLS, 100 * d):  # at once, and in pieces
        monkeypatch.setattr(fidelity, "CELLS", cells)
        for offset in (0.0, 10.0, 1e4, 1e8):
            found = fidelity.squared_distances(a + offset, b + offset)
            np.testing.assert_allclose(found, exact, rtol=1e-10)


@pytest.mark.parametrize("apart", [0.0, 2.0**26])
def test_an_offset_changes_no_judgement(apart: float) -> None:
    """Of all points, or of two clusters far from each other and from their mean."""
    side = np.random.default_rng(7).choice([-1.0, 1.0], size=(2, 300, 1))
    real, made = (
        on_a_fine_grid(cloud(300, 2, scale=scale, seed=seed))
        for scale, seed in ((1.0, 5), (1.3, 6))
    )
    metrics = (fidelity.precision, fidelity.recall, fidelity.density, fidelity.coverage)
    for metric in metrics:
        near, far = (
            metric(real + side[0] * gap + at, made + side[1] * gap + at)
            for gap, at in ((min(apart, 1e3), 0.0), (apart, 1e8))
        )
        assert near == far, metric


def test_the_coverage_of_one_law_is_its_formula() -> None:
    """1 - prod_{i < k} (n - 1 - i) / (m + n - 1 - i), Naeem et al. (2020)."""
    n, m, k = 60, 40, 3
    i = np.arange(k)
    expected = 1 - np.prod((n - 1 - i) / (m + n - 1 - i))
    draws = np.random.default_rng(2).standard_normal((200, n + m, 5))
    found = np.array([fidelity.coverage(x[:n], x[n:], k) for x in draws])
    assert abs(found.mean() - expected) < 4 * found.std(ddof=1) / np.sqrt(200)
