"""Beam search over many prompts at once, in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from collapse_lib.models.language.sampling import LONGEST_RUN, Request, penalise


@torch.inference_mode()
def search(request: Request, beams: int, penalty: float) -> Tensor:
    """Return the best continuation found of each prompt, shape ``(B, n_new)``.

    All beams of a prompt share its keys and values. What the beams add is never copied
    either: every kept token has its own slot in the cache, and a mask lets a beam look
    at the slots of its own past only.

    Parameters
    ----------
    request
        See `collapse_lib.models.language.decoding.Decoder.generate`.
    beams, penalty
        See `collapse_lib.models.language.decoding.Beam`.
    """
    prompts, n_new = request.prompts, request.n_new
    batch, n_old = prompts.shape
    # The last tokens found are never read.
    slots = n_old + (n_new - 1) * beams
    reader = request.reader(batch, slots, beams)
    hidden = reader.start(prompts)
    tree = _Tree(prompts, n_new, beams, slots, reader.keys.dtype)
    memory = hidden.new_empty(batch * beams, len(reader.tokens))
    all_log_p = torch.empty_like(memory, dtype=torch.float32)
    for step in range(n_new):
        n = batch if step == 0 else len(memory)  # one beginning at first
        logits, log_p = reader.logits(hidden, memory[:n]).float(), all_log_p[:n]
        torch.log_softmax(logits, 1, out=log_p)
        scores = log_p.view(batch, -1, log_p.shape[1])  # (B, beams, V)
        scores = penalise(
            scores, tree.tokens[:, : scores.shape[1], : n_old + step], penalty
        )
        if request.end is not None:
            scores[:, :, request.end] = -torch.inf
        tree.grow(scores, step)
        if step < n_new - 1:
            mask = tree.mask[:, :, : n_old + (step + 1) * beams]
            hidden = reader.read(tree.newest(step), n_old + step, mask)
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
        self.scores, parent, token = best_of(self.scores, scores, self.beams)
        self.tokens = _take(self.tokens, parent)
        self.tokens[:, :, self.n_old + step] = token
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


def best_of(before: Tensor, scores: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best sums of a beginning's score and a token's.

    The best ``n`` lie in those ``n`` runs of tokens whose own best are the best; the
    other runs need not be sorted.

    Parameters
    ----------
    before, scores
        Shapes ``(B, beams)`` and ``(B, beams, vocabulary)``.

    Returns
    -------
    tuple
        Sums, numbers of the beginnings and tokens, each ``(B, n)``, best first.
    """
    size = math.gcd(scores.shape[2], LONGEST_RUN)
    runs = scores.view(*scores.shape[:2], -1, size)  # (B, beams, V / 64, 64)
    best = runs.amax(3) + before[:, :, None]
    chosen = best.flatten(1).topk(min(n, best[0].numel())).indices
    parent, run = chosen // best.shape[2], chosen % best.shape[2]
    rows = torch.arange(len(scores), device=scores.device)[:, None]
    inside = runs[rows, parent, run] + before[rows, parent][:, :, None]
    sums, place = inside.flatten(1).topk(n)
    kept = place // size
    return sums, parent.gather(1, kept), run.gather(1, kept) * size + place % size


def _take(array: Tensor, parent: Tensor) -> Tensor:
    """Return the rows of the parents, shape ``(B, beams, ...)``."""
    index = parent[:, :, None].expand(-1, -1, array.shape[2])
    return array.gather(1, index)
