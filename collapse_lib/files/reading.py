"""YAML and JSON that people write or pass on, read with one message for what is wrong.

A message names the file and the place, and is short whatever the file holds: what it
quotes is cut, and no line break or control character of the file gets into it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from collapse_lib.checks import HALVES, UNSHOWN, given, refusal
from collapse_lib.declared import declared

if TYPE_CHECKING or not yaml.__with_libyaml__:
    from yaml import SafeLoader
else:  # the same in C, and much faster
    from yaml import CSafeLoader as SafeLoader

#: No file of the book is larger, deeper or has more values; a file that is was made to
#: be: a few hundred bytes of YAML can stand for millions of values.
MOST_BYTES, MOST_VALUES, DEEPEST = 50_000_000, 1_000_000, 40


@declared
def read_text(path: str | Path, name: str = "") -> str:
    """Return the text of a file.

    Parameters
    ----------
    path
        The file, in UTF-8.
    name
        What messages call it; its own name if nothing is given.

    Raises
    ------
    ValueError
        If it cannot be read, is too large or not UTF-8.
    """
    path = Path(path)
    name = name or path.name
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise refusal(name, f"has {size:,} bytes; allowed: {MOST_BYTES:,}")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(name, f"not UTF-8 ({error}); save it as UTF-8 text") from None
    except OSError as error:
        reason = error.strerror or error
        raise refusal(name, f"cannot be read from {path.parent} ({reason})") from None


@declared
def read_yaml(path: str | Path) -> Any:
    """Return the content of a YAML file.

    Raises
    ------
    ValueError
        If it cannot be read, is not YAML, has a key that occurs twice in a mapping or
        is no text, or stands for more than it says by aliases.
    """
    path = Path(path)
    text = read_text(path)
    try:
        _check_events(text)
        content = yaml.load(text, Loader=_UniqueKeys)  # a SafeLoader
        _check_values(content, UNSHOWN)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}" if mark else ""
        said = error.problem or error.context
        raise refusal(f"{path.name}{place}", f"not YAML ({said})") from None
    except (ValueError, yaml.YAMLError) as error:
        raise refusal(path.name, f"not YAML as needed ({error})") from None
    return content


@declared
def read_json(path: str | Path, name: str = "") -> Any:
    """Return the content of a JSON file, whose numbers are finite.

    Raises
    ------
    ValueError
        If it cannot be read, is not JSON, or has a key that occurs twice in an object,
        a number that is not finite or too large, or a control character in a text.
    """
    name = name or Path(path).name
    text = read_text(path, name)
    try:
        return parse_json(text, UNSHOWN)
    except ValueError as error:
        raise refusal(name, f"not JSON as needed ({error})") from None


@declared
def parse_json(text: str, forbidden: re.Pattern[str] = HALVES) -> Any:
    """Return what a JSON text says; see `read_json`.

    Parameters
    ----------
    text
        The JSON.
    forbidden
        Characters that no text in it may have.
    """
    try:
        content = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error} of the text") from None
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    _check_values(content, forbidden)
    return content


class _UniqueKeys(SafeLoader):
    """YAML loaders keep the last of two equal keys without a word.

    A check that was copied and not renamed would make another one disappear.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise yaml.MarkedYAMLError(
                    problem=f"the key {given(name)} is no text; put it into quotes",
                    problem_mark=key.start_mark,
                )
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {given(name)} occurs twice in one mapping; "
                    "remove or rename one",
                    problem_mark=key.start_mark,
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def _check_events(text: str) -> None:
    """Raise ValueError if a YAML text stands for too much, before it is built."""
    sizes: dict[str, int] = {}  # anchor -> values it stands for
    counts, anchors = [0], [""]
    for event in yaml.parse(text, Loader=SafeLoader):
        anchor = getattr(event, "anchor", None) or ""
        if isinstance(event, yaml.AliasEvent):
            if anchor in anchors:
                raise ValueError(f"the alias *{given(anchor)} contains itself")
            counts[-1] += sizes.get(anchor, 1)  # a name without anchor: the loader's
        elif isinstance(event, yaml.CollectionStartEvent):
            counts.append(1)
            anchors.append(anchor)
            if len(counts) > DEEPEST + 1:
                raise ValueError(f"nested more than {DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            size = counts.pop()
            sizes[anchors.pop()] = size
            counts[-1] += size
        elif isinstance(event, yaml.ScalarEvent):
            sizes[anchor] = 1
            counts[-1] += 1
        if counts[-1] > MOST_VALUES:
            raise ValueError(
                f"its aliases (*name) stand for more than {MOST_VALUES:,} values"
            )


def _check_values(content: Any, forbidden: re.Pattern[str]) -> None:
    """Raise ValueError if data are too deep, or a text in them is none to be shown."""
    for value, depth in _values(content):
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} deep")
        if isinstance(value, str) and (found := forbidden.search(value)):
            raise ValueError(
                f"the text {given(value)} has the character {found[0]!r}; only "
                "characters that can be shown are allowed"
            )


def _values(content: Any) -> Iterator[tuple[Any, int]]:
    """Yield every value and key, and how deep it lies."""
    todo = [(content, 0)]
    while todo:
        value, depth = todo.pop()
        yield value, depth
        if depth > DEEPEST:
            continue
        if isinstance(value, dict):
            todo += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, (list, tuple, set)):
            todo += [(each, depth + 1) for each in value]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {given(twice)} occurs twice in one object")
    return content


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]}; only finite numbers can be stored")
    return number


def _whole(text: str) -> int:
    _finite(text)  # refuses what no float can be compared with
    return int(text)
