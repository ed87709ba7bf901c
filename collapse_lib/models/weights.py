"""What networks share: weights as one vector, half precision, losses that diverge."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from collapse_lib.checks import given, numeric

Net = TypeVar("Net", bound=nn.Module)


def pack(module: nn.Module) -> NDArray[np.float32]:
    """Return all weights in one vector; one that is used twice comes once."""
    with torch.no_grad():
        parts = [weight.detach().flatten().float() for weight in module.parameters()]
        packed: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return packed


def unpack(module: Net, vector: NDArray[np.float32]) -> Net:
    """Put a vector made by `pack` into a module of the same shape and return it.

    Raises
    ------
    ValueError
        If the numbers of weights differ.
    """
    weights = list(module.parameters())
    sizes = [weight.numel() for weight in weights]
    vector = numeric("init", vector)
    if vector.shape != (sum(sizes),):
        raise ValueError(
            f"the initial weights have shape {vector.shape}, this network has "
            f"{sum(sizes):,} weights; take them from a model with the same sizes"
        )
    parts = torch.split(torch.from_numpy(np.array(vector, np.float32)), sizes)
    with torch.no_grad():
        for weight, part in zip(weights, parts, strict=True):
            weight.copy_(part.view(weight.shape))
    return module


def check_device(device: str, *, here: bool = False) -> None:
    """Raise ValueError unless this names a device.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    here
        Whether this machine must have it.
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError, ValueError):
        found = torch.device("meta")
    if found.type not in ("cpu", "cuda"):
        raise ValueError(
            f"device is {given(device)}; allowed: 'cpu', 'cuda', 'cuda:1', ..."
        )
    if (
        here
        and found.type == "cuda"
        and (found.index or 0) >= torch.cuda.device_count()
    ):
        raise ValueError(f"device is {device!r}, which this machine has not; use 'cpu'")


def autocast(
    device: str, precision: str, cache: bool = True
) -> AbstractContextManager[object]:
    """Compute in half precision where that is asked for and safe.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    precision
        ``"bfloat16"``, or anything else to change nothing.
    cache
        Whether a weight that is used again is cast once. A CUDA graph must not: a
        replayed step has to cast the weights of now, not those of its capture.
    """
    if precision != "bfloat16":
        return nullcontext()
    kind = device.split(":")[0]
    return torch.autocast(kind, dtype=torch.bfloat16, cache_enabled=cache)


def padded(losses: NDArray[np.float64], epochs: int) -> NDArray[np.float64]:
    """Return losses of shape ``(epochs,)``, NaN where training had ended."""
    whole = np.full(epochs, np.nan)
    whole[: len(losses)] = losses
    return whole


def check_losses(losses: NDArray[np.float64], learning_rate: float) -> None:
    """Raise ValueError if the loss of an epoch is no number."""
    if not np.isfinite(losses).all():
        raise ValueError(
            f"training diverged: the loss of the epochs is {losses}; lower "
            f"learning_rate (it is {learning_rate:g})"
        )
