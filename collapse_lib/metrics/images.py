"""What became of images: how close to real ones, how varied, and how encoders see them.

Distances between sets take features or class probabilities, such as
`collapse_lib.metrics.digit_classifier.classify` returns; the rest takes images or the
latent variables that an autoencoder's encoder sees in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_finite, check_rng, numbers, numeric
from collapse_lib.metrics.distances import w2_squared_gaussians
from collapse_lib.metrics.tails import entropy
from collapse_lib.theory.special import entropy_terms

CHUNK = 1_024
N_PAIRS = 5_000  # of images whose distance is measured
PER_GROUP = 100  # images in one published density
N_GRID = 200
#: Squared distances below this share of the two squares are not left to rounding.
NEAR = 2.0**-16
#: Differences of coordinates that are held at one time.
CELLS = 2**21


def class_entropy(probabilities: ArrayLike) -> float:
    r"""Return the entropy of the average of class probabilities, in nats.

    .. math:: H(\bar p), \qquad \bar p = \frac1n \sum_i p_i

    :math:`\ln 10 = 2.30` when all ten digits are equally frequent, 0 when there is
    one kind left.

    Parameters
    ----------
    probabilities
        Shape ``(n, n_classes)``, rows with sum 1.

    Raises
    ------
    ValueError
        If rows are no probabilities.

    Examples
    --------
    >>> round(class_entropy([[1.0, 0.0], [0.0, 1.0]]), 3)
    0.693
    """
    return float(entropy(_probabilities(probabilities).mean(axis=0)))


def confidence(probabilities: ArrayLike) -> float:
    """Return the mean of the largest class probability.

    Raises
    ------
    ValueError
        If rows are no probabilities.
    """
    return float(_probabilities(probabilities).max(axis=1).mean())


def frechet_distance(real: ArrayLike, generated: ArrayLike) -> float:
    r"""Return the Fréchet distance of two sets of features.

    .. math::
        \lVert \mu_1 - \mu_2 \rVert^2
        + \operatorname{Tr}\bigl(\Sigma_1 + \Sigma_2
        - 2 (\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2})^{1/2}\bigr)

    The squared 2-Wasserstein distance of Gaussians fitted to the sets
    (Heusel et al. 2017). It falls with the number of points: compare sets of one size.

    Parameters
    ----------
    real, generated
        Shape ``(n, d)`` and ``(m, d)``.

    Raises
    ------
    ValueError
        If the shapes do not fit or a set has fewer than two points.
    """
    a, b = two_sets(real, generated, least=2)
    return float(w2_squared_gaussians(*_moments(b), *_moments(a)))


def precision(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    """Return the share of generated points inside the real ones' neighbourhoods.

    A point's neighbourhood is the ball that reaches its ``k``-th nearest neighbour in
    its own set (Kynkäänniemi et al. 2019). High when what is drawn looks real.

    Raises
    ------
    ValueError
        If the shapes do not fit or a set has fewer than ``k + 1`` points.
    """
    return _share_inside(*two_sets(real, generated, _least(k)), k)


def recall(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    """Return the share of real points inside the generated ones' neighbourhoods.

    `precision` with the sets exchanged: high when everything real can be drawn.

    Raises
    ------
    ValueError
        As in `precision`.
    """
    a, b = two_sets(real, generated, _least(k))
    return _share_inside(b, a, k)


def coverage(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    """Return the share of real neighbourhoods that hold a generated point.

    Unlike `recall` it is built on real neighbourhoods only, so that a few stray
    generated points cannot make it large (Naeem et al. 2020).

    Raises
    ------
    ValueError
        As in `precision`.
    """
    a, b = two_sets(real, generated, _least(k))
    return float(_inside(a, _radii(a, k), b).any(axis=1).mean())


def density(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    r"""Return in how many real neighbourhoods a generated point lies, relative to k.

    .. math:: \frac1{k m} \sum_{j=1}^m \#\{i : y_j \in B(x_i)\}

    Unlike `precision` it counts a point that lies where real ones are dense as more
    than one that lies in a single large ball (Naeem et al. 2020). The mean is 1, in any
    dimension, if both sets come from one law without atoms; it has no upper limit.

    Raises
    ------
    ValueError
        As in `precision`.

    Notes
    -----
    The convention, here and in `precision`, `recall` and `coverage`: a neighbourhood
    holds its edge. So a generator that repeats one real point exactly, where all real
    points are this one, has 1 in all three and ``n / k`` here; the code of the paper
    (``prdc``) asks for distances strictly below the radius, and gives it 0 in all
    four. Returning the real points themselves gives ``(k + 1) / k`` here, 1 there. In
    data without equal points the two conventions agree.
    """
    a, b = two_sets(real, generated, _least(k))
    return float(_inside(a, _radii(a, k), b).sum() / (k * len(b)))


def measure_images(images: ArrayLike, rng: np.random.Generator) -> dict[str, float]:
    """Return how different images are from each other.

    Parameters
    ----------
    images
        Shape ``(n, 28, 28)``.
    rng
        Draws the pairs whose distance is measured.

    Returns
    -------
    dict
        ``pixel_variance``, the variance of a pixel over images, averaged over pixels;
        ``distance``, the mean Euclidean distance of two images.
    """
    array = numeric("images", images)
    if array.ndim < 2 or len(array) < 2 or not array.size:
        raise ValueError(
            f"images have shape {array.shape}; needed is (n, height, width) with n >= 2"
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)  # bytes would wrap around
    check_finite("images", array)
    check_rng(rng)
    flat = array.reshape(len(array), -1)
    first, second = rng.integers(len(flat), size=(2, N_PAIRS))
    apart = np.linalg.norm(flat[first] - flat[second], axis=1)
    return {
        "pixel_variance": float(flat.var(axis=0).mean()),
        "distance": float(apart[first != second].mean()),
    }


def pixel_entropy(images: ArrayLike) -> float:
    r"""Return the mean over images of the summed binary entropy of the pixels.

    .. math:: -\sum_j \bigl(x_j \ln x_j + (1 - x_j) \ln(1 - x_j)\bigr)

    The binary cross-entropy of an image is least, and equal to this, if the
    reconstruction is the image itself. It is 0 for pixels that are black or white.

    Parameters
    ----------
    images
        Shape ``(n, ...)``, values in [0, 1].

    Examples
    --------
    >>> round(pixel_entropy([[0.5, 1.0]]), 3)
    0.693
    """
    x = np.atleast_1d(numbers("images", images, least=0, most=1))
    return float(entropy_terms(np.stack([x, 1 - x])).sum() / len(x))


def measure_latents(latents: ArrayLike) -> dict[str, Any]:
    """Return spread and peaks of latent variables.

    Parameters
    ----------
    latents
        Shape ``(n, n_latents)``, at least 100 images.

    Returns
    -------
    dict
        Mean and standard deviation of all values together, of the first 100 images
        alone, and of each dimension; the peak of the density of each 100 images.

    Raises
    ------
    ValueError
        If there are fewer than 100 images.
    """
    values = numbers("latents", latents, ndim=2, shape="(n, n_latents)")
    return {
        "latent_mean": float(values.mean()),
        "latent_sigma": float(values.std()),
        "latent_sigmas": values.std(axis=0),
        "latent_sigma_100": float(values[:PER_GROUP].std()),
        "latent_peaks": latent_peak(values),
    }


def latent_density(
    values: ArrayLike, grid: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a kernel density of latent variables, all dimensions together.

    Gaussian kernels with Scott's bandwidth: what ``seaborn.kdeplot`` draws by default.

    Parameters
    ----------
    values
        Latent variables of any shape.
    grid
        Where to evaluate; default: 200 points that go three bandwidths past the
        extremes.

    Returns
    -------
    grid, density
        Shape ``(n_points,)`` each.

    Raises
    ------
    ValueError
        If there are fewer than two values or all are the same.
    """
    flat = numbers("values", values, empty=True).ravel()
    if len(flat) < 2 or flat.min() == flat.max():
        raise ValueError(
            f"a density needs two different values, got {flat.size} of which "
            f"{np.unique(flat).size} differ"
        )
    width = flat.std(ddof=1) * len(flat) ** -0.2
    if grid is None:
        grid = np.linspace(flat.min() - 3 * width, flat.max() + 3 * width, N_GRID)
    points = numbers("grid", grid, ndim=1, shape="(n_points,)")
    scaled = (points[:, None] - flat) / width
    density = np.exp(-0.5 * scaled**2).mean(axis=1) / (width * np.sqrt(2 * np.pi))
    return points, density


def latent_peak(latents: ArrayLike) -> NDArray[np.float64]:
    """Return the height of the density's peak in each group of 100 images.

    Parameters
    ----------
    latents
        Shape ``(n, n_latents)``.

    Returns
    -------
    ndarray
        Shape ``(n // 100,)``; images that fill no group are left out.

    Raises
    ------
    ValueError
        If there are fewer than 100 images.
    """
    array = numbers("latents", latents, ndim=2, shape="(n, n_latents)")
    n_groups = len(array) // PER_GROUP
    if not n_groups:
        raise ValueError(
            f"latents are of {len(array)} images; at least {PER_GROUP} are needed"
        )
    groups = array[: n_groups * PER_GROUP].reshape(n_groups, -1)
    return np.array([latent_density(group)[1].max() for group in groups])


def _least(k: int) -> int:
    """Return how many points a set needs for a k-th neighbour."""
    return check_count("k", k, least=1) + 1


def _share_inside(
    centres: NDArray[np.float64], points: NDArray[np.float64], k: int
) -> float:
    """Return the share of points that lie in a neighbourhood of a centre."""
    return float(_inside(centres, _radii(centres, k), points).any(axis=0).mean())


def _moments(points: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    return points.mean(axis=0), np.atleast_2d(np.cov(points, rowvar=False, ddof=0))


def _radii(points: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Return the distance of each point to its k-th nearest neighbour."""
    # Place 0 is the point itself.
    parts = [
        np.partition(squared_distances(chunk, points), k, axis=1)[:, k]
        for chunk in _chunks(points)
    ]
    return np.concatenate(parts)


def _inside(
    centres: NDArray[np.float64],
    squared_radii: NDArray[np.float64],
    points: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return whether each ball holds each point, shape ``(n_centres, n_points)``."""
    parts = [
        squared_distances(chunk, points) <= radii[:, None]
        for chunk, radii in zip(_chunks(centres), _chunks(squared_radii), strict=True)
    ]
    return np.concatenate(parts)


def squared_distances(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return all squared Euclidean distances, shape ``(len(a), len(b))``.

    The quick way is by squares and products, but a small difference of large squares
    has lost its digits: pairs nearer to each other than to the origin by the factor
    `NEAR` are taken again, coordinate by coordinate. So no place of the origin spoils
    the result, only the speed, and equal points have the distance 0.
    """
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    squared = squares - 2 * a @ b.T
    squares *= NEAR
    rows, columns = np.nonzero(squared <= squares)
    at_once = max(1, CELLS // a.shape[1])
    for start in range(0, len(rows), at_once):
        i, j = (part[start : start + at_once] for part in (rows, columns))
        gaps = a[i] - b[j]
        squared[i, j] = np.einsum("pd,pd->p", gaps, gaps)
    return np.asarray(squared)


def _chunks(array: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [array[i : i + CHUNK] for i in range(0, len(array), CHUNK)]


def _probabilities(values: ArrayLike) -> NDArray[np.float64]:
    array = numbers("probabilities", values, ndim=2, shape="(n, n_classes)", least=0)
    if not (np.allclose(array.sum(axis=1), 1, atol=1e-4)):
        raise ValueError(
            f"probabilities have shape {array.shape}; needed are rows (n, n_classes) "
            "of numbers >= 0 with sum 1"
        )
    return array


def two_sets(
    real: ArrayLike, generated: ArrayLike, least: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two sets of points around the mean of the real ones, checked."""
    a, b = numbers("real", real), numbers("generated", generated)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"real and generated have shapes {a.shape} and {b.shape}; needed are "
            "(n, d) and (m, d)"
        )
    if min(len(a), len(b)) < least:
        raise ValueError(
            f"the sets have {len(a)} and {len(b)} points; at least {least} are needed"
        )
    # Squares of numbers far from 0 would lose the digits that tell neighbours apart.
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    if not (np.isfinite(np.vdot(a, a)) and np.isfinite(np.vdot(b, b))):
        raise ValueError(
            "real and generated are too large: their squares overflow float64"
        )
    return a, b
