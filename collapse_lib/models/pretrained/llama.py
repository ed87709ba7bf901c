"""Networks of Llama's kind without gradients, token by token.

Hugging Face's own search reads a prompt once for every beam and copies keys and values
at every step. Here the beams of a prompt share them, as in our own network; the layers
are Hugging Face's. SmolLM2 is of this kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_lib.models.language.cache import Reader
from collapse_lib.models.language.sampling import Request

#: Cosines and sines of the angles of some places, each ``(n, size of a head)``.
Rotary = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class LlamaRequest(Request):
    """What is to be written by a network of Hugging Face's, ``LlamaForCausalLM``."""

    network: Any

    def reader(self, batch: int, slots: int, alternatives: int = 1) -> LlamaReader:
        """Return what reads for the network."""
        places = self.prompts.shape[1] + self.n_new
        return LlamaReader(self.network, batch, slots, alternatives, places)


class LlamaReader(Reader):
    """What a network makes of tokens, given those that it has read before.

    A group of query heads shares the keys and values of one head: here the queries of
    a group are so many more rows.

    Parameters
    ----------
    model
        ``LlamaForCausalLM`` of Hugging Face.
    batch, slots, alternatives
        See `collapse_lib.models.language.cache.Reader`.
    places
        The most tokens in a sequence.
    """

    def __init__(
        self, model: Any, batch: int, slots: int, alternatives: int, places: int
    ) -> None:
        self.tokens, self.inner = model.lm_head.weight, model.model
        self.norm, self.layers = self.inner.norm, list(self.inner.layers)
        attention = self.layers[0].self_attn
        self.size, self.group = attention.head_dim, attention.num_key_value_groups
        self.heads = model.config.num_key_value_heads
        every = torch.arange(places, device=self.tokens.device)[None]
        self.cos, self.sin = (
            table[0] for table in self.inner.rotary_emb(self.tokens, every)
        )
        self._set_aside(batch, slots, alternatives)

    def _embedded(self, tokens: Tensor, places: slice) -> Tensor:
        """Return the first layer's input; places are told to every layer."""
        x: Tensor = self.inner.embed_tokens(tokens)
        return x

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
        """Turn a layer's input into its output, see `Reader`."""
        rotary = self.cos[places], self.sin[places]
        attention, x_normed = layer.self_attn, layer.input_layernorm(x)
        mixed = self._mixed(attention, x_normed, every, rotary, keys, values, mask)
        x = x[every - 1 :: every] + attention.o_proj(mixed)
        x = x + layer.mlp(layer.post_attention_layernorm(x))
        return x

    def _mixed(
        self,
        attention: Any,
        x: Tensor,
        every: int,
        rotary: Rotary,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        """Remember the new keys and values; return mixed values.

        Parameters
        ----------
        attention
            The layer's.
        x
            Its input, normalised, shape ``(B n, width)``.
        every
            Of a prompt of ``n`` tokens: 1 for the values of all, ``n`` for the last's.
        rotary, keys, values, mask
            The angles of the new tokens, the layer's memory, and what is added to the
            scores, ``(B heads, group n, slots)``.
        """
        batch = len(keys)
        q = attention.q_proj(x).view(batch, -1, self.heads, self.group, self.size)
        q = _turned(q.permute(0, 2, 3, 1, 4), rotary)  # (B, heads, group, n, size)
        k, v = (
            part(x).view(batch, -1, self.heads, self.size).transpose(1, 2)
            for part in (attention.k_proj, attention.v_proj)
        )
        k = _turned(k, rotary)
        new = slice(self.used, self.used + k.shape[2])
        keys[..., new], values[:, :, new] = k.transpose(2, 3), v
        if not self.used:  # nothing to look at but each other
            # A prompt's last token looks at all, the others at none that follows.
            q = q[:, :, :, every - 1 :: every].flatten(1, 2)
            k, v = (part.repeat_interleave(self.group, 1) for part in (k, v))
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=every == 1)
            return mixed.transpose(1, 2).flatten(0, 1).flatten(1)
        seen, known = keys[..., : new.stop], values[:, :, : new.stop]
        found = self._found(q.flatten(2, 3).flatten(0, 1), seen, known, mask)
        return found.view(q.shape).permute(0, 3, 1, 2, 4).reshape(len(x), -1)


def _turned(x: Tensor, rotary: Rotary) -> Tensor:
    """Turn pairs of a query's or key's numbers by the angle of its place."""
    cos, sin = rotary
    one, other = x.chunk(2, -1)
    return x * cos + torch.cat((-other, one), -1) * sin
