"""What is declared with a type is refused as another one, with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from collapse_lib.declared import declared


@declared
def told(
    text: str = "",
    number: float = 0,
    count: int = 0,
    switch: bool = False,
    path: str | Path = ".",
    table: Mapping[str, Sequence[float]] | None = None,
    pair: tuple[int, str] = (0, ""),
    several: tuple[int, ...] = (),
    names: Sequence[str] = (),
    some: Iterable[int] = (),
    function: Callable[..., Any] = print,
    array: NDArray[Any] = np.zeros(1),  # noqa: B008
    rng: np.random.Generator | None = None,
    anything: Any = None,
    *rest: int,
    **more: str,
) -> str:
    """Return the text."""
    return text


@declared
@dataclass(frozen=True)
class Point:
    """A place with a name."""

    x: float
    name: str = ""


@declared
def moved(point: Point) -> Point:
    """Return the point."""
    return point


GOOD = [
    {"number": 3},
    {"number": np.float32(0.5)},
    {"count": np.int64(3)},
    {"switch": np.True_},
    {"path": Path("a")},
    {"table": {"a": [1.0, 2]}},
    {"table": {"a": np.ones(2)}},
    {"pair": [1, "a"]},
    {"several": (1, 2, 3)},
    {"names": ("a", "b")},
    {"some": iter("ab")},
    {"function": lambda: None},
    {"array": np.ones((2, 2), bool)},
    {"rng": np.random.default_rng(0)},
    {"anything": object},
]
BAD = {
    "text is None; it must be a text": {"text": None},
    "number is True; it must be a number": {"number": True},
    "number is 1j; it must be a number": {"number": 1j},
    "count is 1.0; it must be an integer": {"count": 1.0},
    "switch is 1; it must be True or False": {"switch": 1},
    "path is b'a'; it must be a text or a Path": {"path": b"a"},
    "table is [1]; it must be a mapping or None": {"table": [1]},
    "table['a'] is 'b'; it must be a list": {"table": {"a": "b"}},
    "table['a'][1] is None; it must be a number": {"table": {"a": [1, None]}},
    "table has a key that is 1; it must be a text": {"table": {1: [1]}},
    "pair[1] is 2; it must be a text": {"pair": (1, 2)},
    "pair is (1,); it must be a tuple of 2": {"pair": (1,)},
    "several[2] is 'c'; it must be an integer": {"several": (1, 2, "c")},
    "names is 'abc'; it must be a list": {"names": "abc"},
    "names is the class str, not an object": {"names": str},
    "some is 5; it must be a list": {"some": 5},
    "function is the class int, not an object made with it": {"function": int},
    "array is [1]; it must be an array of numbers": {"array": [1]},
    "array is an array of <U1 values of shape (1,)": {"array": np.array(["a"])},
    "rng is 7; it must be a generator, np.random.default_rng(seed)": {"rng": 7},
}


@pytest.mark.parametrize("arguments", GOOD, ids=" ".join)
def test_what_is_declared_is_taken(arguments: dict[str, Any]) -> None:
    assert told("yes", **arguments) == "yes"


@pytest.mark.parametrize("message", BAD)
def test_what_is_not_declared_is_refused_with_its_place(message: str) -> None:
    with pytest.raises(ValueError) as caught:
        told(**BAD[message])
    assert str(caught.value).startswith(message)


def test_masked_places_are_no_array_of_numbers() -> None:
    with pytest.raises(ValueError, match="array is an array of float64"):
        told(array=np.ma.array([1.0], mask=[True]))


def test_the_rest_of_the_arguments_is_looked_at_too() -> None:
    every = ["", 0, 0, False, ".", None, (0, ""), (), (), (), print, np.zeros(1)]
    assert told(*every, None, None, 5, 6, name="a") == ""
    with pytest.raises(ValueError, match=r"rest\[1\] is 'b'; it must be an integer"):
        told(*every, None, None, 5, "b")
    with pytest.raises(ValueError, match=r"more\['name'\] is 3; it must be a text"):
        told(name=3)


def test_a_class_checks_its_fields_and_stays_what_it_is() -> None:
    assert moved(Point(1, "a")) == Point(1.0, "a")
    with pytest.raises(ValueError, match="x is 'a'; it must be a number"):
        Point("a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"point is \(1, 2\); it must be a Point"):
        moved((1, 2))  # type: ignore[arg-type]


def test_python_itself_names_what_is_missing() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
