"""JSON with one spelling (RFC 8785): equal content has equal bytes and hashes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from collapse_lib.declared import declared


@declared
def needed(module: str) -> ModuleType:
    """Return a module that comes with the extra ``provenance``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"the ledger of origins needs the package {module.partition('.')[0]} "
            "(pip install .[provenance])"
        ) from error


@declared
def canonical(content: Mapping[str, Any]) -> bytes:
    """Return a mapping as JSON that does not depend on how it was written down.

    Keys stand in order, there is no space between them, and every number has its
    shortest form.

    Raises
    ------
    ValueError
        If it holds what has no such form: integers beyond 2**53, numbers that are not
        finite, halves of characters.
    """
    return cast(bytes, needed("rfc8785").dumps(dict(content)))
