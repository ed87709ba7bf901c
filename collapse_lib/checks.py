"""Checks of arguments that many functions share; each message says what is allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
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


def misfit(content: object, schema: Path) -> tuple[list[str], str] | None:
    """Say what is wrong with the content of a file, if anything is.

    Parameters
    ----------
    content
        What was read from it.
    schema
        A JSON schema that states its shape. The descriptions in it become part of the
        messages: they say what is allowed.

    Returns
    -------
    tuple
        The keys that lead to the wrong value, and what was given and what is allowed.
    """
    from fastjsonschema import JsonSchemaValueException  # only files need it

    try:
        _validator(schema)(content)
    except JsonSchemaValueException as error:
        return error.path[1:], _explained(
            str(error.rule), error.value, error.definition
        )
    return None


@cache
def _validator(schema: Path) -> Callable[[object], object]:
    import fastjsonschema

    validate: Callable[[object], object] = fastjsonschema.compile(
        json.loads(schema.read_text(encoding="utf-8"))
    )
    return validate


def _explained(rule: str, value: Any, rules: Mapping[str, Any]) -> str:
    """Say what a value is that breaks a rule, and what is allowed."""
    if rule == "required":
        missing = [field for field in rules["required"] if field not in value]
        return f"{', '.join(missing)} missing; required"
    if rule == "additionalProperties":
        allowed = rules["properties"]
        unknown = {key: value[key] for key in value if key not in allowed}
        return f"unknown {_shown(unknown)}; allowed are {', '.join(allowed)}"
    if rule == "propertyNames":
        rules, value = rules["propertyNames"], list(value)
    # Of a mapping whose fields do not go together the names say enough.
    fields = isinstance(value, Mapping) and rule in ("oneOf", "not")
    given = f"the fields {', '.join(value)}" if fields else _shown(value)
    return f"got {given}; allowed: {rules.get('description', rules)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."
