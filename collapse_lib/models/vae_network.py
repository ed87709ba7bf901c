"""The network of chapter 07 and its training, in torch. Imported at first use only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_lib.models.images import SIDE, Images

DRAW_CHUNK = 8_192  # images drawn at once: large enough to be fast, small in memory
EAGER_STEPS = 3  # before a CUDA graph can be captured


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
        hidden = F.relu(self.conv1(images))  # (B, capacity, 14, 14)
        hidden = F.relu(self.conv2(hidden)).flatten(1)  # (B, 2 capacity * 7 * 7)
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
        hidden = F.relu(self.conv2(hidden))  # (B, capacity, 14, 14)
        logits: Tensor = self.conv1(hidden)  # (B, 1, 28, 28)
        return logits


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
        mean, log_variance = self.encoder(images)
        latents = mean + torch.exp(0.5 * log_variance) * noise
        logits = self.decoder(latents)
        pixels = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        divergence = mean.square() + log_variance.exp() - 1 - log_variance
        return pixels + 0.5 * divergence.sum()


def pack(module: nn.Module) -> NDArray[np.float32]:
    """Return all weights in one vector."""
    with torch.no_grad():
        parts = [weight.detach().contiguous().flatten() for weight in _weights(module)]
        packed: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
    return packed


def unpack(module: nn.Module, vector: NDArray[np.float32]) -> None:
    """Put a vector made by `pack` into a module of the same shape."""
    offset = 0
    values = torch.from_numpy(np.array(vector))
    with torch.no_grad():
        for weight in _weights(module):
            part = values[offset : offset + weight.numel()]
            weight.copy_(part.view(weight.shape))
            offset += weight.numel()
    if offset != len(vector):
        raise ValueError(f"{len(vector)} weights given, the network has {offset}")


def _weights(module: nn.Module) -> list[Tensor]:
    return list(module.parameters())


class Supply:
    """The images of each epoch of one chain, on the device."""

    def __init__(
        self, data: Images, chain: int, capacity: int, n_latents: int, device: str
    ) -> None:
        stored = torch.from_numpy(np.array(data.stored[chain]))
        self.stored = stored.unsqueeze(1).to(device)
        self.counts = [int(n) for n in data.counts[chain]]
        self.binary = [bool(binary) for binary in data.binary[chain]]
        self.decoders = []
        for weights in data.decoders[chain]:
            decoder = Decoder(capacity, n_latents)
            unpack(decoder, weights)
            self.decoders.append(decoder.to(device))

    def epoch(self, batch: int, generator: torch.Generator) -> Tensor:
        """Return the images of one epoch in random order, ``(n, 1, 28, 28)``.

        An epoch that is all stream is rounded up to whole batches, as in the released
        code: there is no image that would otherwise come twice.
        """
        counts = list(self.counts)
        if not len(self.stored) and len(counts) == 1:
            counts[0] = math.ceil(counts[0] / batch) * batch
            return self._draw(0, counts[0], generator)
        parts = [self.stored]
        parts += [self._draw(k, n, generator) for k, n in enumerate(counts)]
        images = torch.cat(parts)
        device = images.device
        return images[torch.randperm(len(images), generator=generator, device=device)]

    def _draw(self, k: int, n: int, generator: torch.Generator) -> Tensor:
        return draw(self.decoders[k], n, self.binary[k], generator)


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
    for part, out in zip(
        latents.split(DRAW_CHUNK), images.split(DRAW_CHUNK), strict=True
    ):
        out.copy_(torch.sigmoid(decoder(part)))
    return torch.bernoulli(images, generator=generator) if binary else images


@torch.no_grad()
def encode(
    encoder: Encoder, images: NDArray[np.float32], device: str
) -> NDArray[np.float32]:
    """Return the mean latent variables of images ``(n, 28, 28)``."""
    chunks = torch.from_numpy(np.array(images)).unsqueeze(1).split(DRAW_CHUNK)
    means = [encoder(chunk.to(device))[0].cpu() for chunk in chunks]
    encoded: NDArray[np.float32] = torch.cat(means).numpy()
    return encoded


class Trainer:
    """One network with its optimiser; on CUDA a step is captured once and replayed.

    A step launches some sixty kernels of microseconds each. Without a graph the GPU
    would wait for Python most of the time.
    """

    def __init__(
        self,
        network: Network,
        device: str,
        *,
        learning_rate: float,
        weight_decay: float,
        precision: str,
        use_graph: bool,
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.cuda = device.startswith("cuda")
        self.optimizer = torch.optim.Adam(
            network.parameters(),
            lr=learning_rate,
            weight_decay=weight_decay,
            fused=True,
            capturable=self.cuda,
        )
        self.device, self.precision = device, precision
        self.total = torch.zeros((), dtype=torch.float64, device=device)
        self.use_graph = use_graph and self.cuda
        self.graph: torch.cuda.CUDAGraph | None = None
        self.n_steps = 0

    def epoch(self, images: Tensor, batch: int, generator: torch.Generator) -> float:
        """Train on each image once; return the mean loss of a batch."""
        shape = (len(images), self.network.encoder.mean.out_features)
        noise = torch.randn(shape, generator=generator, device=self.device)
        self.total.zero_()
        pairs = zip(images.split(batch), noise.split(batch), strict=True)
        for part, eps in pairs:
            self.step(part, eps, batch)
        return self.total.item() / math.ceil(len(images) / batch)

    def step(self, images: Tensor, noise: Tensor, batch: int) -> None:
        """Take one step of Adam; add the loss to ``total``."""
        self.n_steps += 1
        if not (self.use_graph and len(images) == batch):
            self._eager(images, noise)
        elif self.graph is None and self.n_steps <= EAGER_STEPS:
            self._eager(images, noise)
        else:
            if self.graph is None:
                self._capture(images, noise)
            assert self.graph is not None
            self.images.copy_(images)
            self.noise.copy_(noise)
            self.graph.replay()

    def _eager(self, images: Tensor, noise: Tensor) -> None:
        # In place, because a captured step writes to these very gradients.
        self.optimizer.zero_grad(set_to_none=False)
        self._forward_backward(images, noise)
        self.optimizer.step()

    def _capture(self, images: Tensor, noise: Tensor) -> None:
        self.images, self.noise = images.clone(), noise.clone()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=torch.cuda.current_stream()):
            self.optimizer.zero_grad(set_to_none=False)
            self._forward_backward(self.images, self.noise)
            self.optimizer.step()

    def _forward_backward(self, images: Tensor, noise: Tensor) -> None:
        with self._autocast():
            loss = self.network(images, noise)
        loss.backward()
        self.total += loss.detach()

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision != "bfloat16":
            return nullcontext()
        kind = self.device.split(":")[0]
        # No cache: a replayed step must cast the weights of now, not of the capture.
        return torch.autocast(kind, dtype=torch.bfloat16, cache_enabled=False)


def train(
    supply: Supply, trainer: Trainer, *, seed: int, epochs: int, batch: int
) -> NDArray[np.float64]:
    """Train for some epochs; return the mean loss of a batch in each."""
    random = generator(seed, trainer.device)
    with _side_stream(trainer.cuda), _fast_kernels(trainer):
        losses = [
            trainer.epoch(supply.epoch(batch, random), batch, random)
            for _ in range(epochs)
        ]
    return np.array(losses)


@contextmanager
def _side_stream(cuda: bool) -> Iterator[None]:
    """Work on a stream other than the default one, which cannot be captured."""
    if not cuda:
        yield
        return
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


@contextmanager
def _fast_kernels(trainer: Trainer) -> Iterator[None]:
    """Choose the matrix units' mode and the fastest convolutions, then restore."""
    if not trainer.cuda:
        yield
        return
    tf32 = trainer.precision != "float32"
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=tf32):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
