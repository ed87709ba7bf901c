"""The network of the variational autoencoder, in torch."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_lib.models.vae.images import SIDE
from collapse_lib.models.weights import unpack

Part = TypeVar("Part", "Encoder", "Decoder")
# Images drawn or encoded at once: on a CPU what fits its cache, on a GPU enough to fill
# it.
CHUNK = {"cpu": 128, "cuda": 8_192}


class Encoder(nn.Module):
    """Image -> mean and log variance of its latent variables."""

    def __init__(self, capacity: int, n_latents: int) -> None:
        super().__init__()
        flat = 2 * capacity * (SIDE // 4) ** 2
        self.conv1 = nn.Conv2d(1, capacity, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(capacity, 2 * capacity, 4, stride=2, padding=1)
        self.mean = nn.Linear(flat, n_latents)
        self.log_variance = nn.Linear(flat, n_latents)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, shape ``(B, n_latents)`` each."""
        hidden = F.relu_(self.conv1(images))  # (B, capacity, 14, 14)
        hidden = F.relu_(self.conv2(hidden)).flatten(1)  # (B, 2 capacity * 7 * 7)
        return self.mean(hidden), self.log_variance(hidden)


class Decoder(nn.Module):
    """Latent variables -> logits of the pixels."""

    def __init__(self, capacity: int, n_latents: int) -> None:
        super().__init__()
        self.shape = (2 * capacity, SIDE // 4, SIDE // 4)
        self.linear = nn.Linear(n_latents, math.prod(self.shape))
        self.conv2 = nn.ConvTranspose2d(2 * capacity, capacity, 4, stride=2, padding=1)
        self.conv1 = nn.ConvTranspose2d(capacity, 1, 4, stride=2, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        """Return logits, shape ``(B, 1, 28, 28)``."""
        hidden = self.linear(latents).unflatten(1, self.shape)
        # Channels last throughout: what the convolutions compute in, so that no
        # gradient has to be laid out anew.
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        hidden = F.relu_(self.conv2(hidden))  # (B, capacity, 14, 14)
        if hidden.is_cuda:
            logits: Tensor = self.conv1(hidden)  # (B, 1, 28, 28)
            return logits
        # On CPU the transposed convolution to one channel is slow; the same sums as a
        # product of matrices, whose 4 by 4 patches are then laid over each other.
        weight = self.conv1.weight.flatten(1)  # (capacity, 16)
        patches = hidden.permute(0, 2, 3, 1).flatten(1, 2) @ weight  # (B, 14 * 14, 16)
        folded = F.fold(patches.mT, (SIDE, SIDE), 4, stride=2, padding=1)
        assert self.conv1.bias is not None  # the layer was made with one
        return folded + self.conv1.bias  # one channel, one bias


class Network(nn.Module):
    """The variational autoencoder: encode, draw latents, decode."""

    def __init__(self, capacity: int, n_latents: int, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):  # leaves the global generator alone
            torch.manual_seed(seed)
            self.encoder = Encoder(capacity, n_latents)
            self.decoder = Decoder(capacity, n_latents)

    def forward(self, images: Tensor, noise: Tensor) -> Tensor:
        r"""Return the loss of a batch, summed over images.

        .. math::
            \sum_{\text{pixels}} \operatorname{BCE}(x, \hat x)
            + \tfrac12 \sum_j (\mu_j^2 + \sigma_j^2 - 1 - \ln \sigma_j^2)
        """
        return summed_loss(self.encoder, self.decoder, images, noise)


def summed_loss(
    encoder: Encoder, decoder: Decoder, images: Tensor, noise: Tensor
) -> Tensor:
    """Return the loss of a batch, see `Network.forward`."""
    mean, log_variance = encoder(images)
    latents = mean + torch.exp(0.5 * log_variance) * noise
    logits = decoder(latents)
    pixels = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    divergence = mean.square() + log_variance.exp() - 1 - log_variance
    loss: Tensor = pixels + 0.5 * divergence.sum()
    return loss


def load(
    kind: type[Part], vector: NDArray[np.float32], capacity: int, n_latents: int
) -> Part:
    """Return an encoder or decoder with the weights in a vector made by `pack`."""
    with torch.device("meta"):  # no weights are drawn that would be overwritten
        module = kind(capacity, n_latents)
    return unpack(module.to_empty(device="cpu"), vector)


def generator(seed: int, device: str) -> torch.Generator:
    """Return torch's source of randomness for a device."""
    return torch.Generator(device).manual_seed(seed)


@torch.no_grad()
def draw(decoder: Decoder, n: int, binary: bool, generator: torch.Generator) -> Tensor:
    """Draw ``n`` images: decoder outputs of normal latents, or pixels 0 and 1."""
    device = generator.device
    shape = (n, decoder.linear.in_features)
    latents = torch.randn(shape, generator=generator, device=device)
    images = torch.empty(n, 1, SIDE, SIDE, device=device)
    chunk = CHUNK[device.type]
    pairs = zip(torch.split(latents, chunk), torch.split(images, chunk), strict=True)
    for part, out in pairs:
        out.copy_(torch.sigmoid(decoder(part)))
    return torch.bernoulli(images, generator=generator) if binary else images


@torch.no_grad()
def loss(
    encoder: Encoder,
    decoder: Decoder,
    images: NDArray[np.float32],
    generator: torch.Generator,
) -> float:
    """Return the mean loss of images ``(n, 28, 28)``, in nats per image."""
    device, total = generator.device, 0.0
    for chunk in torch.split(torch.from_numpy(np.array(images)), CHUNK[device.type]):
        shape = (len(chunk), decoder.linear.in_features)
        noise = torch.randn(shape, generator=generator, device=device)
        batch = chunk.unsqueeze(1).to(device)
        total += float(summed_loss(encoder, decoder, batch, noise))
    return total / len(images)


@torch.no_grad()
def encode(
    encoder: Encoder, images: NDArray[np.float32], device: str
) -> NDArray[np.float32]:
    """Return the mean latent variables of images ``(n, 28, 28)``."""
    n = CHUNK[torch.device(device).type]
    chunks = torch.split(torch.from_numpy(np.array(images)).unsqueeze(1), n)
    means = [encoder(chunk.to(device))[0].cpu() for chunk in chunks]
    encoded: NDArray[np.float32] = torch.cat(means).numpy()
    return encoded
