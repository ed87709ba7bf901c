"""What a text and its symbols must be: the one door for both.

A text is a ``str``; a list of texts may be anything that gives texts in an order. The
symbols of texts - numbers of words or tokens - are integers from 0 up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import given, numeric

#: The largest symbol, where no vocabulary says which exist.
LARGEST = 2**63 - 1


def check_text(name: str, value: Any) -> str:
    """Return a text.

    Parameters
    ----------
    name
        What the caller calls it, for the message.
    value
        What was given.

    Raises
    ------
    TypeError
        If it is no ``str``.
    ValueError
        If it holds half of a character (a lone surrogate), which no file can hold.
    """
    if not isinstance(value, str):
        remedy = ""
        if isinstance(value, (bytes, bytearray, memoryview)):
            remedy = "; decode bytes first, as in data.decode('utf-8')"
        raise TypeError(
            f"{name} is {given(value)}; it must be a text, that is a str{remedy}"
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} holds the lone surrogate {value[error.start]!r} at place "
            f"{error.start}, half of a character: it was read in another encoding than "
            "it was written in, or cut; read it again, or take such characters out"
        ) from None
    return str(value)


def check_texts(name: str, values: Any) -> Iterator[str]:
    """Return texts one by one; no more are read than are asked for.

    Parameters
    ----------
    name
        What the caller calls them, for the message.
    values
        What was given: a list, tuple, generator, array or column of texts.

    Raises
    ------
    TypeError
        If it is one text, or nothing that gives values in an order; later, if a value
        is no text.
    ValueError
        Later, if a text holds half of a character.
    """
    if isinstance(values, (str, bytes, bytearray, memoryview)):
        raise TypeError(
            f"{name} is one text, {given(values)}; it must be a list of texts: put it "
            "in brackets"
        )
    ordered = isinstance(values, Iterable) and not isinstance(values, (Mapping, Set))
    if not ordered or isinstance(values, type) or getattr(values, "ndim", 1) != 1:
        inside = "; take its documents" if hasattr(values, "documents") else ""
        raise TypeError(
            f"{name} is {given(values)}; it must be a list of texts{inside}"
        )
    return (check_text(f"{name}[{i}]", text) for i, text in enumerate(values))


def check_symbols(
    name: str, value: Any, shape: str, n_symbols: int | None = None, hint: str = ""
) -> NDArray[np.int64]:
    """Return symbols as an array.

    Parameters
    ----------
    name
        What the caller calls them, for the message.
    value
        What was given.
    shape
        Names of the axes, as ``"(n, length)"``; ``"(..., length)"`` for any number
        before the last ones.
    n_symbols
        How many symbols exist; default: as many as the numbers say.
    hint
        What to do if some do not exist: the end of the message.

    Raises
    ------
    ValueError
        If these are no integers, some are missing or do not exist, or the shape is
        another one.
    """
    array = numeric(name, value)
    axes = shape.strip("()").split(", ")
    least = len(axes) - ("..." in axes)
    if array.ndim < least or (array.ndim > least and "..." not in axes):
        raise ValueError(f"{name} has shape {array.shape}; it must be {shape}")
    if array.size == 0:  # an empty list has no type of its own
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} holds {array.dtype} values; symbols must be integers")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= (LARGEST + 1 if n_symbols is None else n_symbols):
        last = LARGEST if n_symbols is None else n_symbols - 1
        raise ValueError(
            f"{name} holds symbols from {low} to {high}; allowed: 0 to {last}{hint}"
        )
    return array.astype(np.int64, copy=False)


def check_blocks(
    name: str, value: Any, chains: int, n_symbols: int, hint: str = ""
) -> NDArray[np.int64]:
    """Return blocks of symbols for every chain, shape ``(chains, n, length)``.

    Parameters
    ----------
    name, value, n_symbols, hint
        See `check_symbols`; shape ``(chains, n, length)``, or ``(n, length)`` for all
        chains.
    chains
        How many there are.

    Raises
    ------
    ValueError
        As `check_symbols`.
    """
    blocks = check_symbols(name, value, "(..., n, length)", n_symbols, hint)
    every = blocks[None] if blocks.ndim == 2 else blocks
    if every.ndim != 3 or len(every) not in (1, chains):
        raise ValueError(
            f"{name} has shape {blocks.shape}; needed is (n, length) or "
            f"({chains}, n, length)"
        )
    return np.broadcast_to(every, (chains, *every.shape[1:]))
