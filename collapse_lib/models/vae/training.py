"""Training the network of the variational autoencoder, in torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collapse_lib.models.early_stopping import EarlyStopping
from collapse_lib.models.vae.images import Images
from collapse_lib.models.vae.network import (
    CHUNK,
    Decoder,
    Network,
    draw,
    generator,
    load,
)
from collapse_lib.models.weights import autocast

EAGER_STEPS = 3  # before a CUDA graph can be captured


class Supply:
    """The images of each epoch of one chain, on the device."""

    def __init__(
        self,
        data: Images,
        chain: int,
        capacity: int,
        n_latents: int,
        device: str,
        precision: str,
    ) -> None:
        self.precision = precision
        stored = torch.from_numpy(np.array(data.stored[chain]))
        self.stored = stored.unsqueeze(1).to(device)
        self.counts = [int(n) for n in data.counts[chain]]
        self.binary = [bool(binary) for binary in data.binary[chain]]
        self.decoders = [
            load(Decoder, weights, capacity, n_latents).to(device)
            for weights in data.decoders[chain]
        ]

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
        with autocast(generator.device.type, self.precision, cache=False):
            return draw(self.decoders[k], n, self.binary[k], generator)


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
        pairs = zip(torch.split(images, batch), torch.split(noise, batch), strict=True)
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
        with autocast(self.device, self.precision, cache=False):
            loss = self.network(images, noise)
        loss.backward()
        self.total += loss.detach()


def train(
    supply: Supply,
    trainer: Trainer,
    *,
    seed: int,
    epochs: int,
    batch: int,
    watch: Watch | None = None,
) -> NDArray[np.float64]:
    """Train for some epochs, or until a watch ends it; return each one's mean loss."""
    random = generator(seed, trainer.device)
    losses: list[float] = []
    with _side_stream(trainer.cuda), _fast_kernels(trainer):
        for _ in range(epochs):
            images = supply.epoch(batch, random)
            losses.append(trainer.epoch(images, batch, random))
            if watch is not None and watch.ends(trainer.network):
                break
        if watch is not None:
            watch.restore(trainer.network)
    return np.array(losses)


class Watch:
    """Looks at images held out after every epoch, and keeps the best weights.

    The latent variables of an image are drawn once: losses of different epochs differ
    by the weights alone.
    """

    def __init__(
        self,
        stopping: EarlyStopping,
        images: NDArray[np.float32],
        n_latents: int,
        device: str,
        seed: int,
    ) -> None:
        self.stopping = stopping
        self.images = torch.from_numpy(images).unsqueeze(1).to(device)
        shape = (len(images), n_latents)
        self.noise = torch.randn(
            shape, generator=generator(seed, device), device=device
        )
        self.losses: list[float] = []
        self.best: list[Tensor] = []

    @torch.no_grad()
    def ends(self, network: Network) -> bool:
        """Take the loss of an epoch; return whether training ends with it."""
        n = CHUNK[self.images.device.type]
        pairs = zip(
            torch.split(self.images, n), torch.split(self.noise, n), strict=True
        )
        total = sum(network(part, eps).item() for part, eps in pairs)
        self.losses.append(total / len(self.images))
        if not math.isfinite(self.losses[-1]):
            return True  # the losses in training say that it has diverged
        if self.losses[-1] == min(self.losses):
            self.best = [weight.detach().clone() for weight in network.parameters()]
        return self.stopping.is_over(self.losses)

    @torch.no_grad()
    def restore(self, network: Network) -> None:
        """Give a network the weights of its best epoch."""
        if self.best:
            for weight, kept in zip(network.parameters(), self.best, strict=True):
                weight.copy_(kept)


@contextmanager
def _side_stream(cuda: bool) -> Iterator[None]:
    """Work on a stream other than the default one, which cannot be captured."""
    if not cuda:
        yield
        return
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
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
