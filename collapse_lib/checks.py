"""Checks of arguments that many functions share; each message says what is allowed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        choices = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} is {value!r}; allowed: {choices}")


def check_count(name: str, value: Any, least: int) -> int:
    """Return ``value`` as int if it is an integer >= ``least``, else raise."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} is {value!r}; it must be an integer >= {least}")
    return int(value)


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value!r}; it must be a number > 0")


def check_not_negative(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` is a finite number, 0 or above."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value!r}; it must be a number >= 0")
