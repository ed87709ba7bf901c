"""How close generated images are to real ones, and how many kinds there are of them.

All functions take features or class probabilities, such as
`collapse_lib.metrics.digit_classifier.classify` returns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CHUNK = 1_024


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
    mean = _probabilities(probabilities).mean(axis=0)
    return float(-(mean * np.log(np.where(mean > 0, mean, 1))).sum())


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
    a, b = _two_sets(real, generated, least=2)
    gap = a.mean(axis=0) - b.mean(axis=0)
    cov_a, cov_b = (np.cov(points, rowvar=False, ddof=0) for points in (a, b))
    cov_a, cov_b = np.atleast_2d(cov_a), np.atleast_2d(cov_b)
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def precision(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    """Return the share of generated points inside the real ones' neighbourhoods.

    A point's neighbourhood is the ball that reaches its ``k``-th nearest neighbour in
    its own set (Kynkäänniemi et al. 2019). High when what is drawn looks real.

    Raises
    ------
    ValueError
        If the shapes do not fit or a set has fewer than ``k + 1`` points.
    """
    a, b = _two_sets(real, generated, least=k + 1)
    return float(_inside(a, _radii(a, k), b).any(axis=0).mean())


def recall(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    """Return the share of real points inside the generated ones' neighbourhoods.

    `precision` with the sets exchanged: high when everything real can be drawn.

    Raises
    ------
    ValueError
        As in `precision`.
    """
    return precision(generated, real, k)


def coverage(real: ArrayLike, generated: ArrayLike, k: int = 5) -> float:
    """Return the share of real neighbourhoods that hold a generated point.

    Unlike `recall` it is built on real neighbourhoods only, so that a few stray
    generated points cannot make it large (Naeem et al. 2020).

    Raises
    ------
    ValueError
        As in `precision`.
    """
    a, b = _two_sets(real, generated, least=k + 1)
    return float(_inside(a, _radii(a, k), b).any(axis=1).mean())


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
    """Return all squared Euclidean distances, shape ``(len(a), len(b))``."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    return np.asarray(np.maximum(squares - 2 * a @ b.T, 0))


def _chunks(array: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return [array[i : i + CHUNK] for i in range(0, len(array), CHUNK)]


def _probabilities(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    proper = array.ndim == 2 and array.size and (array >= 0).all()
    if not (proper and np.allclose(array.sum(axis=1), 1, atol=1e-4)):
        raise ValueError(
            f"probabilities have shape {array.shape}; needed are rows (n, n_classes) "
            "of numbers >= 0 with sum 1"
        )
    return array


def _two_sets(
    real: ArrayLike, generated: ArrayLike, least: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = (np.asarray(points, dtype=np.float64) for points in (real, generated))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"features have shapes {a.shape} and {b.shape}; needed are (n, d), (m, d)"
        )
    if min(len(a), len(b)) < least:
        raise ValueError(
            f"the sets have {len(a)} and {len(b)} points; at least {least} are needed"
        )
    return a, b
