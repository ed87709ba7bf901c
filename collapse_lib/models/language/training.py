"""Training language models, in torch. Imported at first use only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_lib.models.language.cross_entropy import CrossEntropy
from collapse_lib.models.language.network import Network
from collapse_lib.models.weights import autocast

# Tokens that go through a network at once: on a CPU few enough for its cache, and so
# that the scores of a large vocabulary fit the memory.
TOKENS_AT_ONCE = {"cpu": 1_024, "cuda": 65_536}
# The largest block that glibc takes from the heap may be 32 MiB, its header included.
HEAP_BLOCK = 31 * 2**20


@dataclass(frozen=True)
class Plan:
    """How to train; the fields are those of `LanguageModel`."""

    epochs: int
    batch: int
    learning_rate: float
    final_learning_rate: float
    weight_decay: float
    cosine: str
    start: int | None
    precision: str


def train(
    network: nn.Module,
    blocks: NDArray[np.integer],
    validation: NDArray[np.integer] | None,
    plan: Plan,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train a network in place; it ends with the best epoch's weights.

    Parameters
    ----------
    network
        Tokens ``(B, T)`` -> logits ``(B, T, vocabulary)``.
    blocks, validation
        Tokens, shape ``(n, T)``. Without validation the last epoch counts as best.

    Returns
    -------
    tuple
        Mean loss per token in training and in validation, shape ``(epochs,)`` each.
    """
    _keep_freed_memory()
    device = next(network.parameters()).device
    pairs = inputs_and_targets(torch.from_numpy(np.array(blocks)), plan.start)
    x, y = (part.to(device) for part in pairs)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=0.0, weight_decay=plan.weight_decay, fused=True
    )
    best, best_weights = math.inf, None
    losses = np.full((2, plan.epochs), np.nan)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):  # dropout uses the global generator
        torch.manual_seed(seed)
        for epoch in range(plan.epochs):
            network.train()
            losses[0, epoch] = _epoch(network, optimizer, x, y, plan, epoch)
            network.eval()
            if validation is None:
                continue
            losses[1, epoch] = block_losses(network, validation, plan).mean()
            if losses[1, epoch] < best:
                best = losses[1, epoch]
                best_weights = [w.detach().clone() for w in network.parameters()]
    if best_weights is not None:
        with torch.no_grad():
            for weight, kept in zip(network.parameters(), best_weights, strict=True):
                weight.copy_(kept)
    return losses[0], losses[1]


def _keep_freed_memory() -> None:
    """Let the process keep up to 62 MiB that it has freed, if its C library is glibc.

    Otherwise it gives the memory of one part's activations back to the system and asks
    for it again, page by page, in the next. What it keeps is twice the size of the
    largest block that was once freed.
    """
    torch.empty(HEAP_BLOCK, dtype=torch.uint8)


def _epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    plan: Plan,
    epoch: int,
) -> float:
    """Train on every block once, in random order; return the mean loss per token."""
    order = torch.randperm(len(x))
    steps = math.ceil(len(x) / plan.batch)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for step, rows in enumerate(torch.split(order, plan.batch)):
        done = epoch if plan.cosine == "epoch" else epoch + step / steps
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(plan, done)
        rows = rows.to(x.device)
        total += _gradient(network, x[rows], y[rows], plan)
        optimizer.step()
        optimizer.zero_grad()
    return total.item() / y.numel()


def _gradient(network: nn.Module, x: Tensor, y: Tensor, plan: Plan) -> Tensor:
    """Add the gradient of a batch's mean loss; return the summed loss.

    The batch goes through in parts whose gradients add up to its own.
    """
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part, targets in zip(_parts(x), _parts(y), strict=True):
        loss = _loss(network, part, targets, plan)
        torch.autograd.backward(loss / y.numel())
        total += loss.detach()
    return total


def _loss(network: nn.Module, x: Tensor, y: Tensor, plan: Plan) -> Tensor:
    """Return the loss summed over tokens."""
    with autocast(x.device.type, plan.precision):
        if not isinstance(network, Network):
            logits = network(x).flatten(0, 1).float()
            return F.cross_entropy(logits, y.flatten(), reduction="sum")
        hidden = network.hidden(x).flatten(0, 1)
    if plan.precision == "bfloat16":
        hidden = hidden.bfloat16()
    weight = network.tokens.weight
    loss: Tensor = CrossEntropy.apply(hidden, weight, y.flatten())  # type: ignore[no-untyped-call]
    return loss


def learning_rate(plan: Plan, epochs_done: float) -> float:
    r"""Return the learning rate of cosine annealing.

    .. math::
        \eta = \eta_\text{end} + \tfrac12 (\eta_\text{start} - \eta_\text{end})
        (1 + \cos(\pi\, e / E))
    """
    span = plan.learning_rate - plan.final_learning_rate
    share = (1 + math.cos(math.pi * epochs_done / plan.epochs)) / 2
    return plan.final_learning_rate + span * share


def inputs_and_targets(blocks: Tensor, start: int | None) -> tuple[Tensor, Tensor]:
    """Return what the network reads and what it should say next.

    With a start token every token of a block is predicted; without one the first is
    only ever given.
    """
    blocks = blocks.long()
    if start is None:
        return blocks[:, :-1], blocks[:, 1:]
    first = torch.full_like(blocks[:, :1], start)
    return torch.cat([first, blocks[:, :-1]], dim=1), blocks


@torch.no_grad()
def block_losses(
    network: nn.Module, blocks: NDArray[np.integer], plan: Plan
) -> NDArray[np.float64]:
    """Return the mean loss per token of each block, shape ``(n,)``."""
    device = next(network.parameters()).device
    x, y = inputs_and_targets(torch.from_numpy(np.array(blocks)), plan.start)
    losses = []
    for part, targets in zip(_parts(x), _parts(y), strict=True):
        with autocast(device.type, plan.precision):
            logits = network(part.to(device))
        flat = targets.flatten().to(device)
        loss = F.cross_entropy(logits.flatten(0, 1).float(), flat, reduction="none")
        losses.append(loss.view(targets.shape).double().mean(1).cpu())
    array: NDArray[np.float64] = torch.cat(losses).numpy()
    return array


def _parts(tokens: Tensor) -> tuple[Tensor, ...]:
    """Split sequences into parts that go through a network at once."""
    at_once = TOKENS_AT_ONCE[tokens.device.type]
    return torch.split(tokens, max(1, at_once // tokens.shape[1]))
