"""Generation token by token, in torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_lib.models.language.cache import Reader
from collapse_lib.models.language.network import Network

# Tokens whose probabilities are summed first, so that few sums have to be searched.
LONGEST_RUN = 64
BELOW_ONE = 1 - 2**-53

#: Logits ``(B, vocabulary)`` and all tokens so far -> the next token of each row.
Choice = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Request:
    """What is to be written, in the words of a decoder's ``generate``."""

    network: Network
    prompts: Tensor
    n_new: int
    generator: torch.Generator
    end: int | None

    def reader(self, batch: int, slots: int, alternatives: int = 1) -> Reader:
        """Return what reads for the network, see `Reader`."""
        return Reader(self.network, batch, slots, alternatives)


@torch.inference_mode()
def one_by_one(request: Request, choose: Choice) -> Tensor:
    """Return ``n_new`` tokens after each prompt, one sequence per prompt."""
    prompts, n_new = request.prompts, request.n_new
    batch, n_old = prompts.shape
    reader = request.reader(batch, n_old + n_new)
    tokens = prompts.new_empty(batch, n_old + n_new)
    tokens[:, :n_old] = prompts
    hidden = reader.start(prompts)
    # Stored by columns: the product and the sums over a few tokens are faster so.
    memory = hidden.new_empty(len(reader.tokens), batch).t()
    for place in range(n_old, n_old + n_new):
        logits = reader.logits(hidden, memory).float()
        if request.end is not None:
            logits[:, request.end] = -torch.inf
        tokens[:, place] = choose(logits, tokens[:, :place])
        if place < n_old + n_new - 1:
            hidden = reader.read(tokens[:, place, None], place)
    return tokens[:, n_old:]


def check_room(network: Network, n_old: int, n_new: int) -> None:
    """Raise ValueError if the sequences would not fit the table of positions."""
    context = network.sizes.context
    if n_old + n_new - 1 > context:  # the last one is not read
        raise ValueError(
            f"{n_old} given and {n_new} new tokens do not fit: context is {context}; "
            "make it larger, or the prompts or blocks shorter"
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
    """Draw one token per row from the softmax of logits, by the inverse of its CDF.

    One random number per row: ``torch.multinomial`` draws one for every token of the
    vocabulary, which on a CPU takes longer than a small network.
    """
    weights = logits.t().softmax(0)  # (V, B), as the logits are stored
    size = math.gcd(len(weights), LONGEST_RUN)
    runs = weights.view(-1, size, len(logits))
    # In double precision, so that rounding does not blur the rare tokens.
    sums = F.pad(runs.sum(1).t().cumsum(1, dtype=torch.float64), (1, 0))
    shape, device = (len(sums), 1), sums.device
    u = torch.rand(shape, generator=generator, dtype=sums.dtype, device=device)
    u *= sums[:, -1:]
    run = torch.searchsorted(sums, u, right=True).clamp_(max=sums.shape[1] - 1) - 1
    before, after = sums.gather(1, run), sums.gather(1, run + 1)
    inside = runs[run[:, 0], :, torch.arange(len(sums), device=device)]
    inside = inside.cumsum(1, dtype=torch.float64)
    u = ((u - before) / (after - before)).clamp_(max=BELOW_ONE) * inside[:, -1:]
    place = torch.searchsorted(inside, u, right=True).clamp_(max=size - 1)
    return (run * size + place)[:, 0]


def penalise(scores: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Lower the scores of tokens that occurred, once each (Keskar et al. 2019)."""
    if penalty == 1:
        return scores
    old = scores.gather(-1, seen)
    return scores.scatter(-1, seen, torch.where(old < 0, old * penalty, old / penalty))
