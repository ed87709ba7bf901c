"""Training sets of images, some of which exist only as the network that draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_switch, given, is_plain, numeric
from collapse_lib.data.texts import check_symbols
from collapse_lib.samples import Summary

SIDE = 28
# What a resized picture in single precision may be beyond 0 and 1.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Images(Summary):
    """Grey images in [0, 1]: stored ones, and *streams* that decoders draw when asked.

    A stream of ``n`` images stands for ``n`` draws from a decoder that are made anew
    in every epoch of training. The model that trains on it never sees an image twice,
    so that it has next to no finite-sample error, whatever ``n`` is.

    Parameters
    ----------
    size
        Images per epoch and chain: stored ones plus those of all streams.
    stored
        Shape ``(chains, m, 28, 28)``, the same images in every epoch.
    decoders
        Weights of ``k`` decoders, shape ``(chains, k, n_weights)``.
    counts
        Images per epoch from each decoder, shape ``(chains, k)``.
    binary
        Whether a decoder's pixels are drawn as 0 or 1 with its output as probability,
        shape ``(chains, k)``; else its output itself is the image.
    depth
        How many models lie between the images and real ones, at most: 0 for real
        images; shape ``(chains,)``.

    Notes
    -----
    The released code of Shumailov et al. (2024) trains on such a stream of decoder
    means.
    """

    stored: NDArray[np.float32]
    decoders: NDArray[np.float32]
    counts: NDArray[np.int64]
    binary: NDArray[np.bool_]
    depth: NDArray[np.int64]

    @classmethod
    def of(cls, images: ArrayLike, chains: int = 1, depth: ArrayLike = 0) -> Self:
        """Wrap an array ``(n, 28, 28)`` or ``(chains, n, 28, 28)`` of stored images.

        Raises
        ------
        ValueError
            If the shape is another one, or a value lies outside [0, 1].
        """
        stored = check_images(images)
        check_count("chains", chains, least=1)
        if stored.ndim == 3:
            stored = np.broadcast_to(stored, (chains, *stored.shape))
        elif stored.shape[1] == 1 < len(stored):
            raise ValueError(
                f"images have shape {stored.shape}: that is {len(stored)} chains with "
                "a single image each. If the second axis is that of the colours, drop "
                "it: images[:, 0]"
            )
        chains = len(stored)
        return cls(
            stored.shape[1],
            stored,
            np.zeros((chains, 0, 0), np.float32),
            np.zeros((chains, 0), np.int64),
            np.zeros((chains, 0), np.bool_),
            np.full(chains, depth, np.int64),
        )

    def _like(self, points: NDArray[Any]) -> Self:
        """Wrap an array ``(chains, n, 28, 28)`` of real images."""
        return self.of(points)

    @classmethod
    def stream(
        cls, decoder: NDArray[np.float32], n: int, binary: bool, depth: NDArray[Any]
    ) -> Self:
        """Return a stream of ``n`` images from weights ``(chains, n_weights)``."""
        if not is_plain(decoder) or decoder.ndim != 2:
            raise ValueError(
                f"decoder is {given(decoder)}; it must be an array of weights, "
                "(chains, n_weights)"
            )
        check_count("n", n, least=1)
        check_switch("binary", binary)
        depth = check_symbols("depth", depth, "(chains,)")
        chains = len(decoder)
        if len(depth) != chains:
            raise ValueError(
                f"depth has shape {depth.shape}; needed is one for each of the "
                f"{chains} chains"
            )
        return cls(
            n,
            np.zeros((chains, 0, SIDE, SIDE), np.float32),
            decoder[:, None],
            np.full((chains, 1), n),
            np.full((chains, 1), binary),
            depth,
        )

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.stored)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Put stored images and streams together."""
        with_streams = [part for part in parts if part.decoders.shape[1]] or parts[:1]
        return cls(
            sum(part.size for part in parts),
            np.concatenate([part.stored for part in parts], axis=1),
            np.concatenate([part.decoders for part in with_streams], axis=1),
            np.concatenate([part.counts for part in with_streams], axis=1),
            np.concatenate([part.binary for part in with_streams], axis=1),
            np.max([part.depth for part in parts], axis=0),
        )

    def subsample(self, n: int, rng: np.random.Generator) -> Self:
        """Draw ``n`` images without replacement.

        A part of a stream is a shorter stream of the same decoder. How many images
        each part keeps is drawn once for all chains, because chains share a size.
        """
        self.check_subsample(n, rng)
        n_stored = self.stored.shape[1]
        parts = rng.multivariate_hypergeometric([n_stored, *self.counts[0]], n)
        kept = [
            chain[np.sort(rng.choice(n_stored, parts[0], replace=False))]
            for chain in self.stored
        ]
        counts = np.broadcast_to(parts[1:], self.counts.shape)
        return type(self)(
            n, np.stack(kept), self.decoders, counts.copy(), self.binary, self.depth
        )


def check_images(images: ArrayLike, name: str = "images") -> NDArray[np.float32]:
    """Return images as float32, checked.

    Raises
    ------
    ValueError
        If the shape is not ``(n, 28, 28)`` or ``(chains, n, 28, 28)``, there are no
        images, or a value lies outside [0, 1].
    """
    array = numeric(name, images)
    if array.ndim not in (3, 4) or array.shape[-2:] != (SIDE, SIDE) or not array.size:
        raise ValueError(
            f"{name} have shape {array.shape}; needed is (n, {SIDE}, {SIDE}) or "
            f"(chains, n, {SIDE}, {SIDE}) with n >= 1"
        )
    low, high = array.min(), array.max()
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # also refuses NaN
        raise ValueError(
            f"{name} have values from {low:.9g} to {high:.9g}; allowed is 0 to 1 "
            "(divide bytes by 255)"
        )
    if low < 0 or high > 1:
        array = array.clip(0, 1)
    return array.astype(np.float32, copy=False)
