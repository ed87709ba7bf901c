"""Beam search over many prompts at once, in torch. Imported at first use only."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_lib.models.decoding_loops import penalise
from collapse_lib.models.transformer_network import Cache, Network


@torch.inference_mode()
def search(
    network: Network,
    prompts: Tensor,
    n_new: int,
    beams: int,
    penalty: float,
    end: int | None,
) -> Tensor:
    """Return the best continuation found of each prompt, shape ``(B, n_new)``.

    All beams of a prompt share its keys and values. What the beams add is never copied
    either: every kept token has its own slot in the cache, and a mask lets a beam look
    at the slots of its own past only.

    Parameters
    ----------
    network, prompts, n_new, end
        See `collapse_lib.models.decoding.Decoder`.
    beams, penalty
        See `collapse_lib.models.decoding.Beam`.
    """
    batch, n_old = prompts.shape
    like = network.tokens.weight
    # The last tokens found are never read.
    cache = Cache(network.sizes, batch, n_old + (n_new - 1) * beams, like)
    hidden = network.hidden(prompts, 0, cache)[:, -1:]
    tree = _Tree(prompts, n_new, beams, cache.memory.shape[4], like.dtype)
    for step in range(n_new):
        scores = network.logits(hidden).float().log_softmax(-1)  # (B, beams, V)
        scores = penalise(
            scores, tree.tokens[:, : scores.shape[1], : n_old + step], penalty
        )
        if end is not None:
            scores[:, :, end] = -torch.inf
        tree.grow(scores, step)
        if step < n_new - 1:
            mask = tree.mask[:, None, :, : n_old + (step + 1) * beams]
            hidden = network.hidden(tree.newest(step), n_old + step, cache, mask)
    return tree.tokens[:, 0, n_old:]


class _Tree:
    """The kept beginnings of every prompt, best first, and what each may look at."""

    def __init__(
        self, prompts: Tensor, n_new: int, beams: int, slots: int, dtype: torch.dtype
    ) -> None:
        batch, self.n_old = prompts.shape
        self.beams = beams
        size = (batch, beams, self.n_old + n_new)
        self.tokens = prompts.new_empty(size)
        self.tokens[:, :, : self.n_old] = prompts[:, None]
        self.scores = torch.zeros(batch, 1, device=prompts.device)
        self.mask = torch.full(
            (batch, beams, slots), -torch.inf, dtype=dtype, device=prompts.device
        )
        self.mask[:, :, : self.n_old] = 0

    def grow(self, scores: Tensor, step: int) -> None:
        """Keep the best of all continuations, given each token's score."""
        n_tokens = scores.shape[-1]
        total = (self.scores[:, :, None] + scores).flatten(1)
        self.scores, best = total.topk(self.beams)  # (B, beams)
        parent = best // n_tokens
        self.tokens = _take(self.tokens, parent)
        self.tokens[:, :, self.n_old + step] = best % n_tokens
        self.mask = _take(self.mask, parent)
        slots = slice(
            self.n_old + step * self.beams, self.n_old + (step + 1) * self.beams
        )
        if slots.stop <= self.mask.shape[2]:
            own = self.mask[:, :, slots]
            own.diagonal(dim1=1, dim2=2).fill_(0)

    def newest(self, step: int) -> Tensor:
        """Return the last token of each beam, shape ``(B, beams)``."""
        return self.tokens[:, :, self.n_old + step]


def _take(array: Tensor, parent: Tensor) -> Tensor:
    """Return the rows of the parents, shape ``(B, beams, ...)``."""
    index = parent[:, :, None].expand(-1, -1, array.shape[2])
    return array.gather(1, index)
