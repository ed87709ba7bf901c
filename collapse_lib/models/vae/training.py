"""Training the network of the variational autoencoder, in torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collapse_lib.models.vae.images import Images
from collapse_lib.models.vae.network import Decoder, Network, draw, generator, load
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
