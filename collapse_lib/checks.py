"""Checks of arguments that many functions share; each message says what is allowed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from numbers import Real
from pathlib import Path
from reprlib import Repr
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Kinds of numpy types that are real numbers: bool, integer, unsigned, floating.
NUMERIC = "biuf"
#: Types whose values a message shows, cut short.
SHOWN = (str, bytes, list, tuple, dict, set, frozenset)
#: What an integer of numpy can hold.
LARGEST = 2**63 - 1
BRIEF = Repr()
BRIEF.maxstring = BRIEF.maxother = BRIEF.maxlong = 60
BRIEF.maxlevel = 3
#: Halves of characters, which no text in UTF-8 can have.
HALVES = re.compile("[\ud800-\udfff]")
#: These, and characters that a terminal or a page obeys instead of showing them.
UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
#: The longest message about a file, in characters.
LONGEST = 1000


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise ValueError unless ``value`` is one of ``allowed``."""
    if not (isinstance(value, str) and value in allowed):
        choices = ", ".join(map(repr, allowed))
        raise ValueError(f"{name} is {given(value)}; allowed: {choices}")


def check_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return ``value`` as int if it is an integer >= ``least``, else raise."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not least <= value <= (LARGEST if most is None else most):
        limit = f">= {least}" if most is None else f"from {least} to {most}"
        if whole and value > LARGEST:
            limit += " and below 2**63"
        raise ValueError(f"{name} is {given(value)}; it must be an integer {limit}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """Return ``value`` if it is a finite number above 0, else raise ValueError."""
    return check_number(name, value, above=0)


def check_not_negative(name: str, value: Any) -> float:
    """Return ``value`` if it is a finite number, 0 or above, else raise ValueError."""
    return check_number(name, value, least=0)


def check_share(name: str, value: Any) -> float:
    """Return ``value`` if it is a number from 0 to 1, else raise ValueError."""
    return check_number(name, value, least=0, most=1)


def check_number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> float:
    """Return ``value`` if it is a finite number within bounds, else raise ValueError.

    Parameters
    ----------
    name
        What the value is called in the message.
    value
        What was given.
    least, above, most
        Bounds; ``above`` itself is not allowed.
    """
    real = isinstance(value, (float, int, Real)) and not isinstance(value, bool)
    try:
        good = real and math.isfinite(value)
    except OverflowError:  # an integer of more than 308 digits
        good = False
    if not (good and _within(value, value, least, above, most)):
        allowed = f"a number{_limits(least, above, most)}"
        raise ValueError(f"{name} is {given(value)}; it must be {allowed}")
    return value  # type: ignore[no-any-return]


def check_keys(name: str, value: Mapping[str, Any], *needed: str) -> None:
    """Raise ValueError unless a mapping has all of the keys that are needed."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is {given(value)}; it must be a mapping")
    missing = [key for key in needed if key not in value]
    if missing:
        raise ValueError(
            f"{name} lacks {', '.join(missing)}; it must have {', '.join(needed)}"
        )


def check_switch(name: str, value: Any) -> None:
    """Raise ValueError unless ``value`` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {given(value)}; it must be True or False")


def check_rng(rng: Any, name: str = "rng") -> np.random.Generator:
    """Return ``rng`` if it is a source of random numbers, else raise ValueError."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{name} is {given(rng)}; pass np.random.default_rng(seed)")
    return rng


def is_plain(value: Any) -> bool:
    """Return whether a value is an array, or one element, of real numbers."""
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in NUMERIC


def numeric(name: str, value: Any) -> NDArray[Any]:
    """Return real numbers as a plain array: the one door for data from outside.

    Numbers keep their type, for symbols must stay integers and pictures may stay
    single precision; `numbers` makes them float64.

    Parameters
    ----------
    name
        What the numbers are called in a message.
    value
        A number, an array or anything that becomes one: lists, pandas columns, torch
        tensors.

    Raises
    ------
    ValueError
        If they are no real numbers: text, missing values, complex numbers, lists of
        different lengths, masked places - a plain array would forget the mask.
    """
    if type(value) is np.ndarray and value.dtype.kind in NUMERIC:
        return value
    array = _plain(name, value)
    if array.dtype.kind == "O":
        array = _from_objects(name, array, value)
    if array.dtype.kind not in NUMERIC:
        raise ValueError(f"{name} is {given(value)}; numbers are needed")
    return array


def numbers(
    name: str,
    value: Any,
    *,
    ndim: int | None = None,
    shape: str = "",
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    infinite: bool = False,
    empty: bool = False,
) -> NDArray[np.float64]:
    """Return real numbers as a float64 array, see `numeric`.

    Parameters
    ----------
    name
        What the numbers are called in a message.
    value
        What was given.
    ndim
        Number of axes it must have; default: any.
    shape
        How a message states what is needed, for example ``"(n, d)"``.
    least, above, most
        Bounds of every number; ``above`` itself is not allowed.
    infinite
        Whether infinity is a number here. NaN never is.
    empty
        Whether there may be none.

    Raises
    ------
    ValueError
        If there are none, or one is NaN, infinite or out of bounds, or there are more
        or fewer axes.
    """
    array = numeric(name, value).astype(np.float64, copy=False)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(
            f"{name} has shape {array.shape}; needed is {shape or f'{ndim} axes'}"
        )
    if not array.size:
        if empty:
            return array
        raise ValueError(f"{name} is empty: at least one number is needed")
    low, high = array.min(), array.max()  # NaN if there is one
    bounded = math.isfinite(low) and math.isfinite(high)
    if not (bounded or (infinite and low == low)):
        check_finite(name, array, infinite)
    if not _within(low, high, least, above, most):
        found = f"is {low:.9g}"
        if low != high:
            found = f"has values from {low:.9g} to {high:.9g}"
        raise ValueError(
            f"{name} {found}; allowed are numbers{_limits(least, above, most)}"
        )
    return array


def whole_numbers(
    name: str,
    value: Any,
    what: str,
    *,
    least: int = 0,
    most: float = math.inf,
    infinite: bool = False,
) -> NDArray[np.float64]:
    """Return whole numbers, of fits or of generations, as a float64 array.

    Parameters
    ----------
    name
        What the numbers are called in the message.
    value
        What was given: a number or an array of any shape.
    what
        What they count, for the message: ``"fits"``.
    least, most
        Bounds of every number that is finite.
    infinite
        Whether infinity is allowed, for a limit.

    Raises
    ------
    ValueError
        If one is not whole or out of bounds.
    """
    array = numbers(name, value, least=least, infinite=infinite)
    finite = array[np.isfinite(array)]
    bad = finite[(finite % 1 != 0) | (finite > most)]
    if bad.size:
        upto = "" if math.isinf(most) else f" up to {most:.0f}"
        limit = ", or np.inf for the limit" if infinite else ""
        raise ValueError(
            f"{name} holds {given(float(bad[0]))}; it counts {what}: whole numbers "
            f">= {least}{upto}{limit}"
        )
    return array


def check_finite(name: str, array: NDArray[Any], infinite: bool = False) -> None:
    """Raise ValueError if a number is NaN or, unless allowed, infinite."""
    array = numeric(name, array)
    bad = np.isnan(array) if infinite else ~np.isfinite(array)
    if bad.any():
        what = "NaN" if infinite else "NaN or infinite"
        raise ValueError(f"{name} holds {int(bad.sum())} values that are {what}")


def together(**arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return arrays broadcast against each other, else raise ValueError."""
    try:
        return np.broadcast_arrays(*arrays.values())
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(
            f"the shapes of {shapes} do not go together; give single numbers or arrays "
            "of one shape"
        ) from None


def given(value: Any) -> str:
    """Say in a few words what was given."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} values of shape {value.shape}"
    if isinstance(value, type):
        return f"the class {value.__name__}, not an object made with it"
    if value is None or isinstance(value, (Real, complex, np.generic, *SHOWN)):
        try:
            text = " ".join(BRIEF.repr(value).split())
        except ValueError:  # an integer with too many digits to print
            return "an integer of thousands of digits"
        return text if len(text) <= 200 else f"{text[:200]} ..."
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return f"a {type(value).__name__}"


def _plain(name: str, value: Any) -> NDArray[Any]:
    """Return what numpy makes of a value; nothing is lost on the way."""
    if masked := sum(int(np.sum(mask)) for mask in _masks(value)):
        raise ValueError(
            f"{name} has {masked} masked places; choose what stands for them with "
            "filled(value), or leave them out with compressed()"
        )
    try:
        return np.asarray(value)
    except Exception as error:  # whatever the __array__ of another library raises
        why = str(error).split(". ")[0].split("\n")[0][:120]
        raise ValueError(
            f"{name} is {given(value)} that cannot become an array of numbers ({why})"
        ) from None


def _masks(value: Any) -> Iterator[Any]:
    """Yield the masks in a value, however deep they lie in lists."""
    if isinstance(value, np.ma.MaskedArray):
        yield value.mask
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _masks(part)


def _from_objects(name: str, array: NDArray[Any], value: Any) -> NDArray[Any]:
    """Turn Python's numbers, and columns that allow missing values, into float64."""
    if array.ndim == 0:
        raise ValueError(f"{name} is {given(value)}; numbers are needed")
    wrong = [x for x in array.ravel() if not isinstance(x, (Real, Decimal))]
    if wrong:
        raise ValueError(
            f"{name} holds {len(wrong)} values that are no numbers, the first is "
            f"{given(wrong[0])}; leave them out or fill them in"
        )
    try:
        return array.astype(np.float64)
    except OverflowError:
        raise ValueError(f"{name} holds integers too large for float64") from None


def _within(
    low: Any, high: Any, least: float | None, above: float | None, most: float | None
) -> bool:
    return bool(
        (least is None or low >= least)
        and (above is None or low > above)
        and (most is None or high <= most)
    )


def _limits(least: float | None, above: float | None, most: float | None) -> str:
    if most is not None:
        start = f" from {least:g}" if least is not None else f" above {above:g},"
        return f"{start} to {most:g}" if above is None else f"{start} up to {most:g}"
    if least is not None:
        return f" >= {least:g}"
    return "" if above is None else f" > {above:g}"


def misfit(
    content: object, schema: Path, part: str = ""
) -> tuple[list[str], str] | None:
    """Say what is wrong with the content of a file, if anything is.

    Parameters
    ----------
    content
        What was read from it.
    schema
        A JSON schema that states its shape. The descriptions in it become part of the
        messages: they say what is allowed.
    part
        Which of its definitions; the whole schema if nothing is given.

    Returns
    -------
    tuple
        The keys that lead to the wrong value, and what was given and what is allowed.
    """
    from fastjsonschema import JsonSchemaValueException  # only files need it

    try:
        _validator(schema, part)(content)
    except JsonSchemaValueException as error:
        return error.path[1:], _explained(
            str(error.rule), error.value, error.definition
        )
    return None


@cache
def _validator(schema: Path, part: str) -> Callable[[object], object]:
    import fastjsonschema

    rules = json.loads(schema.read_text(encoding="utf-8"))
    if part:
        wanted = f"#/definitions/{part}"
        rules = {"$ref": wanted, "definitions": rules["definitions"]}
    validate: Callable[[object], object] = fastjsonschema.compile(rules)
    return validate


def _explained(rule: str, value: Any, rules: Mapping[str, Any]) -> str:
    """Say what a value is that breaks a rule, and what is allowed."""
    if rule == "required":
        missing = [field for field in rules["required"] if field not in value]
        return f"{', '.join(missing)} missing; required"
    if rule == "additionalProperties":
        allowed = rules["properties"]
        unknown = {key: value[key] for key in value if key not in allowed}
        return f"unknown {given(unknown)}; allowed are {', '.join(allowed)}"
    if rule == "propertyNames":
        rules, value = rules["propertyNames"], list(value)
    # Of a mapping whose fields do not go together the names say enough.
    fields = isinstance(value, Mapping) and rule in ("oneOf", "not")
    words = f"the fields {', '.join(value)[:200]}" if fields else given(value)
    return f"got {words}; allowed: {rules.get('description', rules)}"


def refusal(where: str, says: str) -> ValueError:
    """Return an error about a file whose message is one line of bounded length.

    Parameters
    ----------
    where
        The file, and the place in it.
    says
        What is wrong there, and what is allowed.
    """
    line = " ".join(f"{where}: {says}".split())
    line = "".join(char if char.isprintable() else "�" for char in line[: 2 * LONGEST])
    return ValueError(line if len(line) <= LONGEST else f"{line[:LONGEST]} ...")
