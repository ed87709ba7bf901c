"""A small autoencoder without convolutions, for many short fits side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from collapse_lib.checks import check_count, check_positive
from collapse_lib.models.base import check_sampling
from collapse_lib.studies.looks import in_turn

Array = NDArray[np.float64]
Weights = dict[str, NDArray[np.float32]]
#: Pixels of a side, and of an image.
SIDE, PIXELS = 14, 196


@dataclass(frozen=True)
class DenseAutoencoder:
    r"""Variational autoencoder of small binary images, one hidden layer on each side.

    All chains are trained together, each on its own data from its own random weights:
    what one chain learns does not depend on the others.

    Parameters
    ----------
    looks
        Images that a fit sees, each as often as it is seen: the same number of steps,
        however many images there are.
    hidden, latents
        Neurons of a hidden layer, and latent variables.
    batch, learning_rate
        Of Adam, whose rate falls to zero along a cosine.
    penalty
        Weight decay.

    Notes
    -----
    Kingma and Welling (2014), whose decoder of binary images is this one. The loss is

    .. math::
        \sum_{\text{pixels}} \operatorname{BCE}(x, \hat x)
        + \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \ln \sigma_j^2),

    on average at least the negative log-likelihood.
    """

    looks: int
    hidden: int = 64
    latents: int = 10
    batch: int = 25
    learning_rate: float = 1e-2
    penalty: float = 0.0
    event_ndim = 2

    def __post_init__(self) -> None:
        """Check the sizes."""
        for name in ("looks", "hidden", "latents", "batch"):
            check_count(name, getattr(self, name), least=1)
        check_positive("learning_rate", self.learning_rate)

    def fit(self, data: NDArray[Any], rng: np.random.Generator) -> FittedAutoencoder:
        """Train one network per chain on images ``(chains, n, 14, 14)`` of 0 and 1."""
        chains, n = data.shape[:2]
        rows = np.arange(chains)[:, None]
        seen = data.reshape(chains, n, PIXELS)[
            rows, in_turn(n, self.looks, chains, rng)
        ]
        noise = torch.from_numpy(
            rng.standard_normal((chains, self.looks, self.latents), np.float32)
        )
        weights = self._begin(chains, rng)
        self._train(weights, torch.from_numpy(seen), noise)
        return FittedAutoencoder(
            {name: weight.detach().numpy() for name, weight in weights.items()}
        )

    def _begin(self, chains: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return random weights, uniform with variance 1/(3 inputs), and no biases."""
        code = 2 * self.latents
        sizes = {
            "in": (PIXELS, self.hidden),
            "code": (self.hidden, code),
            "out": (self.latents, self.hidden),
            "pixels": (self.hidden, PIXELS),
        }
        weights = {}
        for name, (n_in, n_out) in sizes.items():
            # The bias is the last row of each matrix.
            drawn = rng.uniform(-1, 1, (chains, n_in + 1, n_out)) / math.sqrt(n_in)
            drawn[:, -1] = 0
            weights[name] = torch.from_numpy(drawn.astype(np.float32)).requires_grad_()
        return weights

    def _train(self, weights: dict[str, Tensor], seen: Tensor, noise: Tensor) -> None:
        """Train in place; the chains share the steps and nothing else."""
        optimizer = torch.optim.Adam(
            weights.values(), weight_decay=self.penalty, fused=True
        )
        steps = math.ceil(self.looks / self.batch)
        parts = zip(
            torch.split(seen, self.batch, 1),
            torch.split(noise, self.batch, 1),
            strict=True,
        )
        for step, (pixels, eps) in enumerate(parts):
            for group in optimizer.param_groups:
                fall = (1 + math.cos(math.pi * step / steps)) / 2
                group["lr"] = self.learning_rate * fall
            optimizer.zero_grad()
            # A sum: each chain's gradient is that of its own images.
            torch.autograd.backward(losses(weights, pixels.float(), eps).sum())
            optimizer.step()


@dataclass(frozen=True)
class FittedAutoencoder:
    """Trained autoencoders, one per chain.

    Parameters
    ----------
    weights
        Matrices ``(chains, inputs + 1, outputs)``, the bias in the last row.
    spread
        Variance of the latent variables that are drawn.
    """

    weights: Weights
    spread: float = 1.0

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw latent variables, then pixels: ``(chains, n, 14, 14)`` of 0 and 1."""
        check_sampling(n, rng)
        chains, latents = len(self.weights["out"]), self.weights["out"].shape[1] - 1
        z = rng.standard_normal((chains, n, latents), np.float32)
        z *= np.float32(math.sqrt(self.spread))
        with torch.no_grad():
            logits = decoded(self._tensors(), torch.from_numpy(z))
        ink = torch.sigmoid(logits).numpy()
        drawn = (rng.random(ink.shape, np.float32) < ink).astype(np.uint8)
        return drawn.reshape(chains, n, SIDE, SIDE)

    def temper(self, temperature: float) -> FittedAutoencoder:
        """Return the generator whose latent variables have this variance."""
        check_positive("temperature", temperature)
        return replace(self, spread=self.spread * temperature)

    def bound(self, images: NDArray[Any], rng: np.random.Generator) -> Array:
        """Return nats for each image, at least its surprise on average over ``rng``.

        Parameters
        ----------
        images
            Shape ``(chains, n, 14, 14)``, or ``(1, n, 14, 14)`` for all chains.
        rng
            Draws the latent variables, the same for all chains.

        Returns
        -------
        array
            Shape ``(chains, n)``.
        """
        latents = self.weights["out"].shape[1] - 1
        noise = rng.standard_normal((1, images.shape[1], latents), np.float32)
        return self._losses(images, torch.from_numpy(noise))

    def at_the_mean(self, images: NDArray[Any]) -> Array:
        """Return the same with latent variables at their mean: no chance in it."""
        return self._losses(images, torch.zeros(1, 1, 1))

    @torch.no_grad()
    def _losses(self, images: NDArray[Any], noise: Tensor) -> Array:
        weights = self._tensors()
        chains = max(len(images), len(weights["out"]))
        flat = torch.from_numpy(images).flatten(2).expand(chains, -1, -1)
        weights = {name: one.expand(chains, -1, -1) for name, one in weights.items()}
        found: Array = losses(weights, flat.float(), noise).double().numpy()
        return found

    def _tensors(self) -> dict[str, Tensor]:
        return {name: torch.from_numpy(one) for name, one in self.weights.items()}


def _layer(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply ``(chains, n, inputs)`` by a matrix for each chain, add the bias."""
    return torch.baddbmm(weight[:, -1:], x, weight[:, :-1])


def decoded(weights: dict[str, Tensor], latents: Tensor) -> Tensor:
    """Return the logits of pixels, ``(chains, n, 196)``."""
    return _layer(torch.relu(_layer(latents, weights["out"])), weights["pixels"])


def losses(weights: dict[str, Tensor], pixels: Tensor, noise: Tensor) -> Tensor:
    """Return the loss ``(chains, n)`` of each image, of pixels ``(chains, n, 196)``."""
    code = _layer(torch.relu(_layer(pixels, weights["in"])), weights["code"])
    mean, log_variance = code.chunk(2, dim=2)
    latents = mean + torch.exp(0.5 * log_variance) * noise
    logits = decoded(weights, latents)
    wrong = F.binary_cross_entropy_with_logits(logits, pixels, reduction="none")
    away = mean.square() + log_variance.exp() - 1 - log_variance
    return wrong.sum(2) + 0.5 * away.sum(2)
