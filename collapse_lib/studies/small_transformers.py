"""Small transformers trained side by side, for many short fits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from collapse_lib import models
from collapse_lib.checks import check_count
from collapse_lib.models.language.network import POSITION_OFFSET
from collapse_lib.models.weights import pack
from collapse_lib.studies.looks import in_turn

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class SideBySide:
    """Train the transformers of all chains together, each on its own blocks.

    What a chain learns does not depend on the others. The settings of training are the
    model's: batch, learning rate, weight decay, truncation; its rate falls to zero.

    Parameters
    ----------
    model
        What is trained, with a start token.
    looks
        Blocks that a fit sees, each as often as it is seen: the same number of steps,
        however many blocks there are.
    """

    model: models.Transformer
    looks: int
    event_ndim = 1

    def __post_init__(self) -> None:
        """Check the number of looks."""
        check_count("looks", self.looks, least=1)

    def fit(
        self, data: NDArray[np.integer[Any]], rng: np.random.Generator
    ) -> models.FittedLanguageModel:
        """Train one network per chain on blocks of tokens ``(chains, n, block)``."""
        chains, n, block = data.shape
        order = in_turn(n, self.looks, chains, rng)
        seen = torch.from_numpy(data[np.arange(chains)[:, None], order]).long()
        seeds = rng.integers(2**62, size=(chains,))
        networks = [self.model.network(int(seed)) for seed in seeds]
        named = [dict(network.named_parameters()) for network in networks]
        weights = {
            name: torch.stack([one[name].detach() for one in named]).requires_grad_()
            for name in named[0]
        }
        losses = self._train(weights, seen)
        for chain, network in enumerate(networks):
            with torch.no_grad():
                for name, weight in network.named_parameters():
                    weight.copy_(weights[name][chain])
        packed = np.stack([pack(network) for network in networks])
        none = np.full((chains, 1), np.nan)
        return models.FittedLanguageModel(packed, losses, none, block, self.model)

    def _train(self, weights: Weights, seen: Tensor) -> NDArray[np.float64]:
        """Train in place; return the mean loss per token, ``(chains, 1)``."""
        how, total = self.model, torch.zeros(len(seen))
        optimizer = torch.optim.AdamW(
            weights.values(), weight_decay=how.weight_decay, fused=True
        )
        steps = math.ceil(self.looks / how.batch)
        for step, blocks in enumerate(torch.split(seen, how.batch, 1)):
            for group in optimizer.param_groups:
                fall = (1 + math.cos(math.pi * step / steps)) / 2
                group["lr"] = how.learning_rate * fall
            optimizer.zero_grad()
            found = losses(weights, blocks, how)
            counted = found
            if how.truncate < 1:
                counted = found * (found.detach() >= -math.log(how.truncate))
            # A sum over chains: each chain's gradient is that of its own blocks.
            torch.autograd.backward(counted.sum() / blocks[0].numel())
            optimizer.step()
            total += found.detach().sum((1, 2))
        mean: NDArray[np.float64] = (total / seen[0].numel()).double().numpy()
        return mean[:, None]


def losses(weights: Weights, blocks: Tensor, model: models.Transformer) -> Tensor:
    """Return the loss of every token.

    Parameters
    ----------
    weights
        Name of a parameter of the network -> ``(chains, ...)``.
    blocks
        Shape ``(chains, n, length)``.
    model
        Whose network it is: its start token, number of heads and of layers.

    Returns
    -------
    Tensor
        Shape ``(chains, n, length)``.
    """
    assert model.start is not None
    chains, n, length = blocks.shape
    read = torch.cat([blocks.new_full((chains, n, 1), model.start), blocks], 2)[
        ..., :-1
    ]
    table = weights["tokens.weight"]
    offset = table.shape[1] * torch.arange(chains)[:, None, None]
    x = F.embedding(read + offset, table.flatten(0, 1))
    end = POSITION_OFFSET + length
    x = x + weights["positions.weight"][:, None, POSITION_OFFSET:end]
    x = x.flatten(1, 2)  # (chains, n * length, width)
    for i in range(model.layers):
        own = {k.removeprefix(f"layers.{i}."): w for k, w in weights.items()}
        x = x + _attention(_normed(x, own, "norm1"), own, length, model.heads)
        neurons = torch.relu(_linear(_normed(x, own, "norm2"), own, "up"))
        x = x + _linear(neurons, own, "down")
    scores = _normed(x, weights, "norm") @ table.mT
    found = F.cross_entropy(scores.flatten(0, 1), blocks.flatten(), reduction="none")
    return found.view(blocks.shape)


def _linear(x: Tensor, weights: Weights, name: str) -> Tensor:
    return torch.baddbmm(
        weights[f"{name}.bias"][:, None], x, weights[f"{name}.weight"].mT
    )


def _normed(x: Tensor, weights: Weights, name: str) -> Tensor:
    plain = F.layer_norm(x, x.shape[-1:])
    scaled = plain * weights[f"{name}.weight"][:, None]
    return scaled + weights[f"{name}.bias"][:, None]


def _attention(x: Tensor, weights: Weights, length: int, heads: int) -> Tensor:
    """Return what each token makes of itself and those before it."""
    chains, _, width = x.shape
    qkv = _linear(x, weights, "attention.qkv")
    split = qkv.view(chains, -1, length, 3, heads, width // heads)
    q, k, v = split.permute(3, 0, 1, 4, 2, 5).flatten(1, 2)
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    together = mixed.transpose(1, 2).reshape(chains, -1, width)
    return _linear(together, weights, "attention.out")
