"""Arguments are of the types that they are declared with: one check for many functions.

Functions that compute check what they are given themselves, see `collapse_lib.checks`:
they are called in every generation, and they say more than a type does. For all others
a signature already states what is allowed, and ``@declared`` holds callers to it.
"""

from __future__ import annotations

import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, Union

import numpy as np

from collapse_lib.checks import NUMERIC, given

Thing = TypeVar("Thing", bound=Callable[..., Any])
#: Types that stand for more than their own objects, or for fewer.
MEANT: dict[Any, Callable[[Any], bool]] = {
    int: lambda value: isinstance(value, Integral) and not isinstance(value, bool),
    float: lambda value: isinstance(value, Real) and not isinstance(value, bool),
    bool: lambda value: isinstance(value, (bool, np.bool_)),
    Path: lambda value: isinstance(value, os.PathLike),
    Callable: lambda value: callable(value) and not isinstance(value, type),
    Sequence: lambda value: _is_listed(value, (Sequence, np.ndarray)),
    Collection: lambda value: _is_listed(value, Collection),
    Iterable: lambda value: _is_listed(value, Iterable),
    tuple: lambda value: isinstance(value, (tuple, list)),
    np.ndarray: lambda value: (
        isinstance(value, np.ndarray)
        and not isinstance(value, np.ma.MaskedArray)
        and value.dtype.kind in NUMERIC
    ),
}
#: What messages call them.
WORDS: dict[Any, str] = {
    str: "a text",
    bytes: "bytes",
    int: "an integer",
    float: "a number",
    bool: "True or False",
    types.NoneType: "None",
    Path: "a Path",
    Mapping: "a mapping",
    dict: "a dictionary",
    Callable: "a function",
    Sequence: "a list",
    Collection: "a list",
    Iterable: "a list",
    list: "a list",
    tuple: "a tuple",
    type: "a class",
    np.ndarray: "an array of numbers",
    np.random.Generator: "a generator, np.random.default_rng(seed)",
}
LISTS = (Sequence, Collection, list)


def declared(thing: Thing) -> Thing:
    """Let a function, or a class when one is made, refuse what is not declared.

    Parameters
    ----------
    thing
        Its annotations are read at the first call. What one of them leaves open, such
        as the content of an array, is not looked at.

    Returns
    -------
    callable
        It raises ValueError with the name of the argument, what was given, and what is
        allowed.

    Examples
    --------
    >>> @declared
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> double("3")
    Traceback (most recent call last):
    ValueError: n is '3'; it must be an integer
    """
    if isinstance(thing, type):
        thing.__init__ = declared(thing.__init__)  # type: ignore[misc]
        return thing

    @functools.wraps(thing)
    def checked(*args: Any, **kwargs: Any) -> Any:
        _check_call(thing, args, kwargs)
        return thing(*args, **kwargs)

    return typing.cast(Thing, checked)


def _check_call(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> None:
    signature, kinds = _types_of(function)
    try:
        arguments = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return  # Python says which argument is missing, or too many
    for name, kind in kinds.items():
        if name in arguments and (wrong := _misfit(name, arguments[name], kind)):
            raise ValueError(wrong)


@functools.cache
def _types_of(
    function: Callable[..., Any],
) -> tuple[inspect.Signature, Mapping[str, Any]]:
    """Return the signature, and the types of its arguments."""
    signature, kinds = inspect.signature(function), typing.get_type_hints(function)
    own = [p for p in signature.parameters.values() if p.name in kinds]
    return signature, {p.name: _gathered(p, kinds[p.name]) for p in own}


def _gathered(parameter: inspect.Parameter, kind: Any) -> Any:
    """Return the type of an argument: of ``*rest`` and ``**more``, of all together."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return types.GenericAlias(tuple, (kind, ...))
    if parameter.kind is parameter.VAR_KEYWORD:
        return types.GenericAlias(dict, (str, kind))
    return kind


def _misfit(name: str, value: Any, kind: Any) -> str:
    """Say how a value is of another type than declared, or nothing if it is not."""
    base, inside = typing.get_origin(kind) or kind, typing.get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return ""
    if base in (Union, types.UnionType):
        found = [_misfit(name, value, one) for one in inside]
        # What lies inside of a list is more to the point than that it is no None.
        deep = (one for one in found if not one.startswith(f"{name} is "))
        return "" if "" in found else next(deep, _said(name, value, kind))
    length = _length(kind)
    if not _is_of(value, base) or (length is not None and len(value) != length):
        return _said(name, value, kind)
    parts = ((f"{name}{place}", part, own) for place, part, own in _parts(value, kind))
    return next(filter(None, (_misfit(*part) for part in parts)), "")


def _length(kind: Any) -> int | None:
    """Return how many values a tuple must have, if that is declared."""
    inside = typing.get_args(kind)
    fixed = typing.get_origin(kind) is tuple and inside[1:] != (...,)
    return len(inside) if fixed else None


def _is_of(value: Any, base: Any) -> bool:
    if base is None:
        return value is None
    return MEANT[base](value) if base in MEANT else isinstance(value, base)


def _parts(value: Any, kind: Any) -> Iterable[tuple[str, Any, Any]]:
    """Yield the place of everything inside of a value, it, and the type it must have.

    What can be gone through once only is left alone.
    """
    base, inside = typing.get_origin(kind), typing.get_args(kind)
    if base in (Mapping, dict):
        for key, part in value.items():
            yield " has a key that", key, inside[0]
            yield f"[{key!r}]", part, inside[1]
    elif base in LISTS or (base is tuple and inside[1:] == (...,)):
        for i, part in enumerate(value):
            yield f"[{i}]", part, inside[0]
    elif base is tuple:
        for i, (part, own) in enumerate(zip(value, inside, strict=False)):
            yield f"[{i}]", part, own


def _is_listed(value: Any, kinds: Any) -> bool:
    """Return whether values can be taken from it, and it is not one of itself."""
    alone = isinstance(value, (str, bytes, Mapping, type))
    return isinstance(value, kinds) and not alone and getattr(value, "ndim", 1) > 0


def _said(name: str, value: Any, kind: Any) -> str:
    return f"{name} is {given(value)}; it must be {_words(kind)}"


def _words(kind: Any) -> str:
    """Return a type in words."""
    base = typing.get_origin(kind) or kind
    if base in (Union, types.UnionType):
        return " or ".join(_words(one) for one in typing.get_args(kind))
    if base in WORDS:
        n = _length(kind)
        return WORDS[base] if n is None else f"{WORDS[base]} of {n}"
    name: str = base.__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
