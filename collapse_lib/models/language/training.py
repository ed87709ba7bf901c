"""Training language models, in torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_number,
    check_positive,
)
from collapse_lib.models.early_stopping import EarlyStopping, check_early_stopping
from collapse_lib.models.language.network import Network
from collapse_lib.models.weights import autocast

# Tokens that go through a network at once: on a CPU few enough for its cache, and so
# that the scores of a large vocabulary fit the memory.
TOKENS_AT_ONCE = {"cpu": 1_024, "cuda": 65_536}
# Tokens whose scores are in memory at once.
SCORED_AT_ONCE = {"cpu": 256, "cuda": 8_192}
# The largest block that glibc takes from the heap may be 32 MiB, its header included.
HEAP_BLOCK = 31 * 2**20


PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("step", "epoch")


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """How a language model is trained.

    Parameters
    ----------
    epochs, batch
        Of training. No epochs leave the initial weights as they are.
    learning_rate, final_learning_rate, cosine
        AdamW's rate falls from the first to the second along a cosine, after every
        ``"step"`` or, as in the released code, after every ``"epoch"``.
    weight_decay
        Of AdamW.
    start
        Token put before every block in training, and before every prompt, or alone,
        when text is generated. Without it the first token of a block is given in
        training, never predicted.
    precision
        Of training and of `FittedLanguageModel.nll`: ``"float32"``, or ``"bfloat16"``
        mixed with it. Text is written in float32.
    early_stopping
        `EarlyStopping` holds blocks of every training set out, and stops training when
        their loss has turned. Default: all blocks are trained on, in all epochs.
    truncate
        Tokens to which the network gives a higher probability than this do not count in
        the loss of training, above 0 and up to 1: truncated cross-entropy (Shabgahi et
        al. 2025); 1 counts all. What it does to a table: `theory.confidence.truncated`.
    """

    epochs: int = 5
    batch: int = 32
    learning_rate: float = 1e-3
    final_learning_rate: float = 0.0
    cosine: str = "step"
    weight_decay: float = 0.01
    start: int | None = None
    precision: str = "float32"
    early_stopping: EarlyStopping | None = None
    truncate: float = 1.0

    def __post_init__(self) -> None:
        """Check the settings."""
        check_count("epochs", self.epochs, least=0)
        check_count("batch", self.batch, least=1)
        check_positive("learning_rate", self.learning_rate)
        check_not_negative("final_learning_rate", self.final_learning_rate)
        check_not_negative("weight_decay", self.weight_decay)
        if self.start is not None:
            check_count("start", self.start, least=0)
        check_choice("cosine", self.cosine, SCHEDULES)
        check_choice("precision", self.precision, PRECISIONS)
        check_early_stopping(self.early_stopping)
        check_number("truncate", self.truncate, above=0, most=1)


def train(
    network: nn.Module,
    blocks: NDArray[np.integer],
    validation: NDArray[np.integer] | None,
    how: Training,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train a network in place; it ends with the best epoch's weights.

    Parameters
    ----------
    network
        Tokens ``(B, T)`` -> logits ``(B, T, vocabulary)``.
    blocks, validation
        Tokens, shape ``(n, T)``. Without validation the last epoch counts as best.
    how
        The settings.
    seed
        Of dropout and of the order of the blocks.

    Returns
    -------
    tuple
        Mean loss per token in training and in validation, of every epoch that was
        trained: fewer than ``how.epochs`` after early stopping.
    """
    _keep_freed_memory()
    device = next(network.parameters()).device
    pairs = inputs_and_targets(torch.from_numpy(np.array(blocks)), how.start)
    x, y = (part.to(device) for part in pairs)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=0.0, weight_decay=how.weight_decay, fused=True
    )
    best, best_weights, trained = math.inf, None, 0
    losses = np.full((2, how.epochs), np.nan)
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):  # dropout uses the global generator
        torch.manual_seed(seed)
        for epoch in range(how.epochs):
            network.train()
            losses[0, epoch] = _epoch(network, optimizer, x, y, how, epoch)
            network.eval()
            trained += 1
            if validation is None:
                continue
            losses[1, epoch] = block_losses(network, validation, how).mean()
            if losses[1, epoch] < best:
                best = losses[1, epoch]
                best_weights = [w.detach().clone() for w in network.parameters()]
            losses_so_far = losses[1, :trained]
            if how.early_stopping and _is_over(how.early_stopping, losses_so_far):
                break
    if best_weights is not None:
        with torch.no_grad():
            for weight, kept in zip(network.parameters(), best_weights, strict=True):
                weight.copy_(kept)
    return losses[0, :trained], losses[1, :trained]


def _is_over(stopping: EarlyStopping, losses: NDArray[np.float64]) -> bool:
    """Return whether to stop; a loss that is no number is said after the last epoch."""
    return bool(np.isfinite(losses).all()) and stopping.is_over(losses)


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
    how: Training,
    epoch: int,
) -> float:
    """Train on every block once, in random order; return the mean loss per token."""
    order = torch.randperm(len(x))
    steps = math.ceil(len(x) / how.batch)
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for step, rows in enumerate(torch.split(order, how.batch)):
        done = epoch if how.cosine == "epoch" else epoch + step / steps
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(how, done)
        rows = rows.to(x.device)
        total += _gradient(network, x[rows], y[rows], how)
        optimizer.step()
        optimizer.zero_grad()
    return total.item() / y.numel()


def _gradient(network: nn.Module, x: Tensor, y: Tensor, how: Training) -> Tensor:
    """Add the gradient of a batch's mean loss; return the summed loss.

    The batch goes through in parts whose gradients add up to its own.
    """
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part, targets in zip(_parts(x), _parts(y), strict=True):
        loss = _loss(network, part, targets, how)
        torch.autograd.backward(loss / y.numel())
        total += loss.detach()
    return total


def _loss(network: nn.Module, x: Tensor, y: Tensor, how: Training) -> Tensor:
    """Return the loss summed over tokens."""
    with autocast(x.device.type, how.precision):
        if not isinstance(network, Network):
            logits = network(x).flatten(0, 1).float()
            if how.truncate == 1:
                return F.cross_entropy(logits, y.flatten(), reduction="sum")
            losses = F.cross_entropy(logits, y.flatten(), reduction="none")
            return losses[losses >= -math.log(how.truncate)].sum()
        hidden = network.hidden(x).flatten(0, 1)
    if how.precision == "bfloat16":
        hidden = hidden.bfloat16()
    weight = network.tokens.weight
    loss: Tensor = CrossEntropy.apply(hidden, weight, y.flatten(), how.truncate)  # type: ignore[no-untyped-call]
    return loss


class CrossEntropy(torch.autograd.Function):
    r"""Sum over tokens of the negative log probability of what follows.

    .. math:: -\sum_i \log \operatorname{softmax}(W h_i)_{t_i}

    With :math:`p_i` the softmax and :math:`e_t` a unit vector the derivative with
    respect to the scores is :math:`p_i - e_{t_i}`. It is formed for some tokens at a
    time and used at once; nothing is kept for a second pass.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, truncate: float = 1.0
    ) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        ctx
            Torch's own.
        hidden, weight, targets
            Shapes ``(n, width)``, ``(vocabulary, width)`` and ``(n,)``. The products
            are computed in the type of ``hidden``, the rest in the weight's.
        truncate
            Tokens of a higher probability do not count.
        """
        matrix = weight.to(hidden.dtype)
        rows = SCORED_AT_ONCE[hidden.device.type]
        for_scores = hidden.new_empty(min(rows, len(hidden)), len(weight))
        for_p = torch.empty_like(for_scores, dtype=weight.dtype)
        to_hidden, to_weight = torch.empty_like(hidden), torch.zeros_like(matrix)
        loss = torch.zeros((), dtype=torch.float64, device=hidden.device)
        parts = (torch.split(part, rows) for part in (hidden, targets, to_hidden))
        for x, target, gradient in zip(*parts, strict=True):
            place, p = target[:, None], for_p[: len(x)]
            scores = torch.mm(x, matrix.t(), out=for_scores[: len(x)]).to(p.dtype)
            torch.softmax(scores, 1, out=p)
            # Only the largest p is sure not to underflow; from it,
            # -log p_t = (max s - s_t) - log max p.
            below = scores.amax(1) - scores.gather(1, place)[:, 0]
            losses = below - p.amax(1).log()
            if truncate < 1:
                counted = losses >= -math.log(truncate)
                losses = losses.where(counted, 0)
            loss += losses.sum(dtype=loss.dtype)
            p.scatter_add_(1, place, p.new_full(place.shape, -1))
            if truncate < 1:
                p *= counted[:, None]
            p = p.to(x.dtype)
            torch.mm(p, matrix, out=gradient)
            to_weight.addmm_(p.t(), x)
        ctx.gradients = to_hidden, to_weight.to(weight.dtype)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the derivatives."""
        to_hidden, to_weight = ctx.gradients
        return to_hidden.mul_(factor), to_weight.mul_(factor), None, None


def learning_rate(how: Training, epochs_done: float) -> float:
    r"""Return the learning rate of cosine annealing.

    .. math::
        \eta = \eta_\text{end} + \tfrac12 (\eta_\text{start} - \eta_\text{end})
        (1 + \cos(\pi\, e / E))
    """
    span = how.learning_rate - how.final_learning_rate
    share = (1 + math.cos(math.pi * epochs_done / how.epochs)) / 2
    return how.final_learning_rate + span * share


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
    network: nn.Module, blocks: NDArray[np.integer], how: Training
) -> NDArray[np.float64]:
    """Return the mean loss per token of each block, shape ``(n,)``."""
    device = next(network.parameters()).device
    x, y = inputs_and_targets(torch.from_numpy(np.array(blocks)), how.start)
    losses = []
    for part, targets in zip(_parts(x), _parts(y), strict=True):
        with autocast(device.type, how.precision):
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
