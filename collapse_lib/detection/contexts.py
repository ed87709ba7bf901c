"""What models expect at each place of a text, worked out once for equal contexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import given
from collapse_lib.data.texts import check_blocks

Array = NDArray[np.float64]
Symbols = NDArray[np.int64]
#: Distributions that are in memory at the same time.
ROWS = 512


@runtime_checkable
class Reader(Protocol):
    """What a detector asks of a fitted model; those of `models.NGram` have it.

    ``order - 1`` symbols are the longest context. A context of ``top - 1`` symbols has
    a code: the number of the chain and then the symbols, as digits to the base
    ``n_symbols``.
    """

    @property
    def order(self) -> int:
        """One more than the length of the longest context."""

    @property
    def n_symbols(self) -> int:
        """Size of the vocabulary."""

    @property
    def chains(self) -> int:
        """Number of independent models."""

    def log_prob(self, data: ArrayLike) -> Array:
        """Return the log-probability of every symbol, ``(chains, n, length)``."""

    def distribution(self, context: Symbols, top: int) -> Array:
        """Return next-symbol distributions after coded contexts, ``(n, n_symbols)``."""


def check_reader(name: str, value: Any) -> Any:
    """Raise ValueError unless this is a fitted model of words."""
    if isinstance(value, type) or not isinstance(value, Reader):
        raise ValueError(
            f"{name} is {given(value)}; it must be a fitted model that can read, that "
            "is what models.NGram(n_symbols).fit(data, rng) returns"
        )


def check_text(name: str, value: ArrayLike, reader: Reader) -> Symbols:
    """Return texts of shape ``(chains, n, length)`` that a model can read."""
    text = check_blocks(name, value, reader.chains, reader.n_symbols)
    if not text.size:
        raise ValueError(f"{name} has shape {text.shape}; it holds no symbol")
    return text


def at_each_place(
    text: Symbols,
    models: tuple[Reader, ...],
    measure: Callable[..., Array],
) -> Array:
    """Return what is measured of the models' distributions at every place of a text.

    Parameters
    ----------
    text
        Shape ``(chains, n, length)``.
    models
        Models of equal vocabularies and numbers of chains.
    measure
        From one array of distributions ``(rows, n_symbols)`` for each model to several
        numbers a row: ``(k, rows)``.

    Returns
    -------
    array
        Shape ``(k, chains, n, length)``.
    """
    longest = max(model.order for model in models) - 1
    parts = [
        _measured(text[..., :place], models, measure)[..., None]
        for place in range(min(longest, text.shape[-1]))
    ]
    if text.shape[-1] > longest:
        windows = np.lib.stride_tricks.sliding_window_view(text, longest + 1, axis=-1)
        before = windows[..., :longest]
        flat = before.reshape(len(text), -1, longest)
        found = _measured(flat, models, measure)  # (k, chains, all places)
        parts.append(found.reshape(-1, *before.shape[:3]))
    return np.concatenate(parts, axis=-1)


def _measured(
    before: Symbols,
    models: tuple[Reader, ...],
    measure: Callable[..., Array],
) -> Array:
    """Return what is measured after contexts ``(chains, n, m)``: ``(k, chains, n)``."""
    tops = [min(model.order, before.shape[-1] + 1) for model in models]
    codes = [
        _codes(before, top, model.n_symbols)
        for model, top in zip(models, tops, strict=True)
    ]
    longest = codes[int(np.argmax(tops))]
    _, place, which = np.unique(longest, return_index=True, return_inverse=True)
    found = [
        measure(
            *(
                model.distribution(code[part], top)
                for model, code, top in zip(models, codes, tops, strict=True)
            )
        )
        for part in np.array_split(place, len(place) // ROWS + 1)
    ]
    measured = np.concatenate(found, axis=-1)[..., which.ravel()]
    return measured.reshape(-1, *before.shape[:2])


def _codes(before: Symbols, top: int, n_symbols: int) -> Symbols:
    """Return the codes of the last ``top - 1`` symbols of contexts, ``(places,)``."""
    last = before[..., before.shape[-1] - top + 1 :]
    codes = np.broadcast_to(np.arange(len(before))[:, None], before.shape[:2])
    for place in range(top - 1):
        codes = codes * n_symbols + last[..., place]
    return codes.ravel()
