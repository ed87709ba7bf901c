"""The transformer without gradients, token by token.

The same network as `collapse_lib.models.language.network`, written for few tokens
at a time, when what an operation costs besides its arithmetic counts: sums are formed
in place, and keys and values have memory that is set aside once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_lib.models.language.network import POSITION_OFFSET, Layer, Network

# Tokens of prompts that are read at once: on a CPU few enough for its cache.
TOKENS_AT_ONCE = {"cpu": 512, "cuda": 65_536}


class Reader:
    """What a network makes of tokens, given those that it has read before.

    Networks of another family have a reader of their own: how its tokens are embedded,
    and what one of its layers does.

    Parameters
    ----------
    network
        The network.
    batch, slots
        Sequences, and how many tokens of each are remembered.
    alternatives
        How many a call of `read` will be given of each token.
    """

    #: How many query heads share the keys and values of one head.
    group = 1

    def __init__(
        self, network: Network, batch: int, slots: int, alternatives: int = 1
    ) -> None:
        sizes, self.tokens = network.sizes, network.tokens.weight
        self.positions, self.norm = network.positions.weight, network.norm
        self.layers: list[Any] = [_Layer(cast("Layer", one)) for one in network.layers]
        self.heads, self.size = sizes.heads, sizes.width // sizes.heads
        self._set_aside(batch, slots, alternatives)

    def _set_aside(self, batch: int, slots: int, alternatives: int) -> None:
        """Set memory aside for the keys and values of every layer."""
        memory = partial(self.tokens.new_empty, len(self.layers), batch, self.heads)
        self.values = memory(slots, self.size)
        # One token reads keys faster that are stored like values.
        single = alternatives == 1
        self.keys = memory(slots, self.size).mT if single else memory(self.size, slots)
        self.used = 0

    def start(self, prompts: Tensor) -> Tensor:
        """Read the first tokens, ``(B, T)``.

        Returns
        -------
        Tensor
            The last layer's output at the last token, shape ``(B, 1, width)``.
        """
        n = prompts.shape[1]
        self.used = 0
        rows = max(1, TOKENS_AT_ONCE[prompts.device.type] // n)
        parts = zip(
            torch.split(prompts, rows),
            torch.split(self.keys, rows, 1),
            torch.split(self.values, rows, 1),
            strict=True,
        )
        ends = [self._pass(tokens, 0, memory) for tokens, *memory in parts]
        self.used = n
        return self._normed(torch.cat(ends))

    def read(self, tokens: Tensor, place: int, mask: Tensor | None = None) -> Tensor:
        """Read one more token of each sequence, or several alternatives for it.

        Parameters
        ----------
        tokens
            Shape ``(B, n)``; all have the position ``place`` and take the next slots.
        mask
            Which slots each may look at, added to the scores: 0 or minus infinity,
            shape ``(B, n, slots)``.

        Returns
        -------
        Tensor
            The last layer's output, shape ``(B, n, width)``.
        """
        if mask is not None:  # the same for every head
            mask = mask[:, None, None].expand(-1, self.heads, self.group, -1, -1)
            mask = mask.flatten(2, 3).flatten(0, 1)
        x = self._pass(tokens, place, (self.keys, self.values), mask)
        self.used += tokens.shape[1]
        return self._normed(x)

    def logits(self, hidden: Tensor, out: Tensor) -> Tensor:
        """Score every token, in memory ``out`` of shape ``(B n, vocabulary)``."""
        return torch.mm(hidden.flatten(0, 1), self.tokens.t(), out=out)

    def _pass(
        self,
        tokens: Tensor,
        place: int,
        memory: Sequence[Tensor],
        mask: Tensor | None = None,
    ) -> Tensor:
        """Run all layers; their keys and values are remembered in ``memory``.

        Of a prompt the last layer's output is computed for the last token only.
        """
        n = 1 if self.used else tokens.shape[1]  # alternatives share their place
        places = slice(place, place + n)
        x = self._embedded(tokens, places).flatten(0, 1)
        for layer, keys, values in zip(self.layers, *memory, strict=True):
            every = n if layer is self.layers[-1] else 1
            x = self._step(layer, x, places, every, keys, values, mask)
        return x.view(len(tokens), -1, x.shape[1])

    def _embedded(self, tokens: Tensor, places: slice) -> Tensor:
        """Return the first layer's input, shape ``(B, n, width)``."""
        offset = POSITION_OFFSET
        positions = self.positions[places.start + offset : places.stop + offset]
        return F.embedding(tokens, self.tokens).add_(positions)

    def _step(
        self,
        layer: Any,
        x: Tensor,
        places: slice,
        every: int,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Turn a layer's input into its output, and remember keys and values.

        Parameters
        ----------
        layer
            One of ``layers``.
        x
            Its input, shape ``(B n, width)``; it may be overwritten.
        places
            Where the tokens stand.
        every
            The output is that of every ``every``-th token, ``(B n / every, width)``.
        keys, values
            The layer's memory.
        mask
            What is added to the scores, shape ``(B heads, group n, slots)``.
        """
        attend = partial(self._attend, keys=keys, values=values, mask=mask)
        output: Tensor = layer(x, attend, every)
        return output

    def _attend(
        self,
        qkv: Tensor,
        every: int,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Remember the new keys and values; return mixed values, see `_Layer`."""
        split = qkv.view(len(keys), -1, 3, self.heads, self.size)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (B, heads, n, width / heads)
        new = slice(self.used, self.used + q.shape[2])
        keys[..., new], values[:, :, new] = k.transpose(2, 3), v
        if not self.used:  # nothing to look at but each other
            # A prompt's last token looks at all, the others at none that follows.
            q = q[:, :, every - 1 :: every]
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=every == 1)
            return mixed.transpose(1, 2).flatten(0, 1).flatten(1)
        seen, known = keys[..., : new.stop], values[:, :, : new.stop]
        mixed = self._found(q.flatten(0, 1), seen, known, mask).view(q.shape)
        return mixed.transpose(1, 2).reshape(len(qkv), -1)

    def _found(
        self, q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Return the mixed values that queries ``(B heads, group n, size)`` find.

        For so few tokens a sequence, two products are faster on a CPU.
        """
        scores = torch.baddbmm(
            q.new_empty(1) if mask is None else mask,  # not looked at if beta is 0
            q,
            keys.flatten(0, 1),
            beta=0 if mask is None else 1,
            alpha=1 / math.sqrt(self.size),
        )
        return torch.bmm(scores.softmax(-1), values.flatten(0, 1))

    def _normed(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(x)
        return normed


class _Layer:
    """A layer's operations."""

    def __init__(self, layer: Layer) -> None:
        self.norm1 = (layer.norm1.weight, layer.norm1.bias, layer.norm1.eps)
        self.norm2 = (layer.norm2.weight, layer.norm2.bias, layer.norm2.eps)
        linears = (layer.attention.qkv, layer.attention.out, layer.up, layer.down)
        self.qkv, self.out, self.up, self.down = ((m.weight, m.bias) for m in linears)
        self.width = (layer.up.in_features,)

    def __call__(
        self, x: Tensor, attend: Callable[[Tensor, int], Tensor], every: int
    ) -> Tensor:
        """Turn the layer's input into its output, in place, where that is asked for.

        Parameters
        ----------
        x
            Shape ``(tokens, width)``.
        attend
            What attention makes of queries, keys and values, and of ``every``.
        every
            The output is that of every ``every``-th token, ``(tokens / every, width)``.
        """
        qkv = F.linear(F.layer_norm(x, self.width, *self.norm1), *self.qkv)
        x = x[every - 1 :: every].add_(F.linear(attend(qkv, every), *self.out))
        neurons = F.linear(F.layer_norm(x, self.width, *self.norm2), *self.up)
        return x.add_(F.linear(neurons.relu_(), *self.down))
