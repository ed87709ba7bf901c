"""The network of a decoder-only transformer, in torch.

The architecture is that of OPT (Zhang et al. 2022): learned positions,
normalisation before attention and before the feed-forward layer, ReLU, and one matrix
for reading tokens and for scoring them. The weights of ``facebook/opt-125m`` therefore
run in it unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_lib.checks import check_count, check_share, given

# OPT's table of positions begins with two rows that are never used.
POSITION_OFFSET = 2
INIT_SD = 0.02
# Tokens of a sequence up to which a CPU trains faster with two products than with
# torch's one function for attention; beyond, time and memory grow with their square.
SHORT = 256


@dataclass(frozen=True)
class Architecture:
    """Sizes of a network.

    Parameters
    ----------
    vocabulary, context
        Number of tokens that exist, and the most that fit one sequence.
    width, layers, heads, hidden
        Of a token's vector, number of layers, attention heads in each, and neurons of
        a feed-forward layer.
    dropout
        Share of each layer's contribution that is set to zero in training.
    """

    vocabulary: int
    context: int
    width: int
    layers: int
    heads: int
    hidden: int
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check the sizes."""
        for name in ("vocabulary", "context", "width", "layers", "heads", "hidden"):
            check_count(name, getattr(self, name), least=1)
        if check_share("dropout", self.dropout) == 1:
            raise ValueError("dropout is 1; it must be below, or nothing is left")
        if self.width % self.heads:
            raise ValueError(
                f"width {self.width} is not a multiple of heads {self.heads}; each "
                "head reads an equal part of it"
            )


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.qkv = nn.Linear(sizes.width, 3 * sizes.width)
        self.out = nn.Linear(sizes.width, sizes.width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixed values, shape ``(B, T, width)`` like ``x``."""
        split = self.qkv(x).unflatten(2, (3, self.heads, -1))
        qkv = split.permute(2, 0, 3, 1, 4)  # (3, B, heads, T, width / heads)
        if x.is_cuda:
            mixed = _mix(qkv)
        else:  # in half precision a CPU needs longer for this
            mix = _mix_short if x.shape[1] <= SHORT else _mix
            with torch.autocast("cpu", enabled=False):
                mixed = mix(qkv.float())
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out


def _mix(qkv: Tensor) -> Tensor:
    """Return the mixed values, shape ``(B, heads, T, size)``."""
    q, k, v = qkv
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def _mix_short(qkv: Tensor) -> Tensor:
    """Do what `_mix` does, for few tokens."""
    q, k, v = qkv.flatten(1, 2)
    later = q.new_full((q.shape[1], q.shape[1]), -torch.inf).triu_(1)
    scale = 1 / math.sqrt(q.shape[2])
    scores = torch.baddbmm(later, q, k.transpose(1, 2), alpha=scale)
    return torch.bmm(scores.softmax(-1), v).view(qkv.shape[1:])


class Layer(nn.Module):
    """One layer: attention, then a feed-forward network, each added to its input."""

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width)
        self.attention = Attention(sizes)
        self.norm2 = nn.LayerNorm(sizes.width)
        self.up = nn.Linear(sizes.width, sizes.hidden)
        self.down = nn.Linear(sizes.hidden, sizes.width)
        self.drop = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the next layer's input, shape ``(B, T, width)``."""
        x = x + self.drop(self.attention(self.norm1(x)))
        neurons = F.relu(self.up(self.norm2(x)), inplace=True)
        out: Tensor = x + self.drop(self.down(neurons))
        return out


class Network(nn.Module):
    """Tokens -> logits of the token that follows each."""

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        if not isinstance(sizes, Architecture):
            raise ValueError(f"sizes is {given(sizes)}; it must be an Architecture")
        self.sizes = sizes
        self.tokens = nn.Embedding(sizes.vocabulary, sizes.width)
        self.positions = nn.Embedding(sizes.context + POSITION_OFFSET, sizes.width)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits, shape ``(B, T, vocabulary)``, of tokens ``(B, T)``."""
        return F.linear(self.hidden(tokens), self.tokens.weight)

    def hidden(self, tokens: Tensor) -> Tensor:
        """Return the last layer's output, shape ``(B, T, width)``."""
        if tokens.shape[1] > self.sizes.context:
            raise ValueError(
                f"sequences of {tokens.shape[1]} tokens do not fit: context is "
                f"{self.sizes.context}; make them shorter"
            )
        end = POSITION_OFFSET + tokens.shape[1]
        x = self.tokens(tokens) + self.positions.weight[POSITION_OFFSET:end]
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.norm(x)
        return out


def empty(sizes: Architecture) -> Network:
    """Return a network whose weights are still to be filled in."""
    with torch.device("meta"):  # no weights are drawn that would be overwritten
        network = Network(sizes)
    return network.to_empty(device="cpu")


def random(sizes: Architecture, seed: int) -> Network:
    """Return a network with random weights, drawn as those of OPT were."""
    network = empty(sizes)
    generator = torch.Generator().manual_seed(check_count("seed", seed, 0, 2**63 - 1))
    for name, weight in network.named_parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=INIT_SD, generator=generator)
        else:  # a norm begins as the identity, a bias at zero
            nn.init.constant_(weight, 0 if name.endswith("bias") else 1)
    return network
