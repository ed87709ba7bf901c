"""Generation token by token, in torch. Imported at first use only."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from collapse_lib.models.transformer_network import Cache, Network

#: Logits ``(B, vocabulary)`` and all tokens so far -> the next token of each row.
Choice = Callable[[Tensor, Tensor], Tensor]


@torch.no_grad()
def one_by_one(
    network: Network, prompts: Tensor, n_new: int, choose: Choice, end: int | None
) -> Tensor:
    """Return ``n_new`` tokens after each prompt, one sequence per prompt."""
    batch, n_old = prompts.shape
    check_room(network, n_old, n_new)
    cache = Cache(network.shape, batch, n_old + n_new, network.tokens.weight)
    tokens = prompts.new_empty(batch, n_old + n_new)
    tokens[:, :n_old] = prompts
    hidden = network.hidden(prompts, 0, cache)[:, -1]
    for place in range(n_old, n_old + n_new):
        logits = network.logits(hidden).float()
        if end is not None:
            logits[:, end] = -torch.inf
        tokens[:, place] = choose(logits, tokens[:, :place])
        if place < n_old + n_new - 1:
            hidden = network.hidden(tokens[:, place, None], place, cache)[:, 0]
    return tokens[:, n_old:]


def check_room(network: Network, n_old: int, n_new: int) -> None:
    """Raise ValueError if the sequences would not fit the table of positions."""
    context = network.shape.context
    if n_old + n_new > context:
        raise ValueError(
            f"{n_old} given and {n_new} new tokens do not fit context {context}; make "
            "the context larger, or the prompts or blocks shorter"
        )


def limit(
    logits: Tensor, temperature: float, top_k: int | None, top_p: float | None
) -> Tensor:
    """Return logits of the distribution that is to be drawn from."""
    if temperature != 1:
        logits = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        dropped = torch.zeros_like(before, dtype=torch.bool)
        dropped.scatter_(-1, order, before >= top_p)
        logits = logits.masked_fill(dropped, -torch.inf)
    return logits


def draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Draw from a softmax: p / E is largest at i with probability p[i], E ~ Exp(1).

    Several times faster than ``torch.multinomial``, which needs normalised and summed
    probabilities.
    """
    waiting = torch.empty_like(logits).exponential_(generator=generator)
    return (logits - logits.amax(-1, keepdim=True)).exp_().div_(waiting).argmax(-1)


def penalise(scores: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Lower the scores of tokens that occurred, once each (Keskar et al. 2019)."""
    if penalty == 1:
        return scores
    old = scores.gather(-1, seen)
    return scores.scatter(-1, seen, torch.where(old < 0, old * penalty, old / penalty))
