"""What a file may hold that nobody meant to write, for tests of those who read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

#: A few hundred bytes of YAML that stand for 9 ** 9 values.
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

#: Texts that have misled a reader of files before.
_TEXTS = st.sampled_from(
    [
        *("", " ", "\x00", "\x1b[2J", "\n", "a" * 5000, "\ud800", "\u202e", "1e-6"),
        *("<script>alert(1)</script>", "C05", "C٠٥", "passed", "02", "../../x", "{}"),
    ]
)
_NUMBERS = st.sampled_from(
    [0, -1, True, None, 0.5, 10**400, -(10**20), 1e308, float("inf"), float("nan")]
)
_VALUES: Any = st.recursive(
    _TEXTS | _NUMBERS | st.text(max_size=9) | st.floats() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=6,
)


def _places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _places(value, (*path, key))
    elif isinstance(content, list):
        for key, value in enumerate(content):
            yield from _places(value, (*path, key))


@st.composite
def damaged(draw: Any, content: Any) -> Any:
    """Give a copy with one to three values replaced, taken out or added."""
    copy = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from([p for p in _places(copy) if p] or [("",)]))
        if not isinstance(copy, (dict, list)):
            return draw(_VALUES)
        part = copy
        for key in path:
            part = part[key]
        if not last and not isinstance(last, int):
            return draw(_VALUES)
        match draw(st.sampled_from(["replace", "remove", "add", "repeat"])):
            case "replace":
                part[last] = draw(_VALUES)
            case "remove":
                del part[last]
            case "add" if isinstance(part, dict):
                part[draw(st.text(max_size=9))] = draw(_VALUES)
            case "add":
                part.append(draw(_VALUES))
            case "repeat":
                part[last] = [part[last]] * 2
    return copy


def bytes_like(text: str) -> Any:
    """Give the text's bytes, cut short, with a byte changed, or any bytes at all."""
    raw = text.encode()
    place = st.integers(0, len(raw) - 1)
    return (
        place.map(lambda n: raw[:n])
        | st.tuples(place, st.binary(max_size=3)).map(
            lambda pair: raw[: pair[0]] + pair[1] + raw[pair[0] + 1 :]
        )
        | st.binary(max_size=200)
    )
