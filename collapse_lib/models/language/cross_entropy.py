"""The loss of a large vocabulary, without keeping its scores. Uses torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Tokens whose scores are in memory at once.
TOKENS_AT_ONCE = {"cpu": 256, "cuda": 8_192}


class CrossEntropy(torch.autograd.Function):
    r"""Sum over tokens of the negative log probability of what follows.

    .. math:: -\sum_i \log \operatorname{softmax}(W h_i)_{t_i}

    With :math:`p_i` the softmax and :math:`e_t` a unit vector the derivative with
    respect to the scores is :math:`p_i - e_{t_i}`. It is formed for some tokens at a
    time and used at once; nothing is kept for a second pass.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        """Return the loss.

        Parameters
        ----------
        ctx
            Torch's own.
        hidden, weight, targets
            Shapes ``(n, width)``, ``(vocabulary, width)`` and ``(n,)``. The products
            are computed in the type of ``hidden``, the rest in the weight's.
        """
        matrix = weight.to(hidden.dtype)
        rows = TOKENS_AT_ONCE[hidden.device.type]
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
            loss += (below - p.amax(1).log()).sum(dtype=loss.dtype)
            p.scatter_add_(1, place, p.new_full(place.shape, -1))
            p = p.to(x.dtype)
            torch.mm(p, matrix, out=gradient)
            to_weight.addmm_(p.t(), x)
        ctx.gradients = to_hidden, to_weight.to(weight.dtype)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the derivatives."""
        to_hidden, to_weight = ctx.gradients
        return to_hidden.mul_(factor), to_weight.mul_(factor), None
