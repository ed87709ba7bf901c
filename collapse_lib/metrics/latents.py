"""How an autoencoder's encoder sees images: spread and density of latent variables."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

PER_GROUP = 100  # images in one published density
GRID = 200


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
    flat = np.asarray(values, dtype=np.float64).ravel()
    if len(flat) < 2 or flat.min() == flat.max():
        raise ValueError(
            f"a density needs two different values, got {flat.size} of which "
            f"{np.unique(flat).size} differ"
        )
    width = flat.std(ddof=1) * len(flat) ** -0.2
    if grid is None:
        grid = np.linspace(flat.min() - 3 * width, flat.max() + 3 * width, GRID)
    points = np.asarray(grid, dtype=np.float64)
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
    array = np.asarray(latents)
    n_groups = len(array) // PER_GROUP
    if not n_groups:
        raise ValueError(f"got {len(array)} images; at least {PER_GROUP} are needed")
    groups = array[: n_groups * PER_GROUP].reshape(n_groups, -1)
    return np.array([latent_density(group)[1].max() for group in groups])
