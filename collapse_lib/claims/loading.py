"""Read and check ``claims.yaml``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_lib.claims.ledger import BOUNDS, CLOSENESS, Check, Claim, Tolerance

_TEXTS = ("id", "title", "source", "statement", "published", "measure", "chapter")
_OPTIONAL = ("checks", "not_attempted", "because")
_CHECK_FIELDS = ("what", "expected", "against", "tolerance")


def load(path: str | Path | None = None) -> dict[str, Claim]:
    """Read the ledger.

    Parameters
    ----------
    path
        A claims file; without it the ``claims.yaml`` at the top of the repository.

    Returns
    -------
    dict
        The claims by id, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If an entry is malformed; the message names the entry, the field, the value
        and what is allowed.
    """
    file = Path(path) if path else Path(__file__).parents[2] / "claims.yaml"
    if not file.is_file():
        raise FileNotFoundError(
            f"no claims file at {file}; run from a checkout of the repository, or pass "
            "its path"
        )
    entries = _parse(file)
    if not isinstance(entries, list) or not entries:
        raise _wrong(file.name, entries, "a list with one entry for each claim")
    claims: dict[str, Claim] = {}
    for place, entry in enumerate(entries, start=1):
        claim = _claim(entry, f"{file.name}, entry {place}")
        if claim.id in claims:
            raise ValueError(
                f"{file.name}, entry {place}, field id: {claim.id!r} occurs twice; "
                "every claim needs its own id"
            )
        claims[claim.id] = claim
    return claims


def _parse(file: Path) -> object:
    """Parse a YAML file; refuse a key that occurs twice in one mapping.

    YAML loaders keep the last of two equal keys without a word, so that a check
    copied and not renamed would make another one disappear.
    """
    import yaml  # imported here, because the rest of the package works without it

    class UniqueKeys(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise ValueError(
                        f"{file.name}, line {node.start_mark.line + 1}: the key "
                        f"{key!r} occurs twice in one mapping; remove or rename one"
                    )
            return super().construct_mapping(node, deep)

    with file.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=UniqueKeys)  # a SafeLoader


def _claim(entry: object, where: str) -> Claim:
    """Build one claim from its entry."""
    if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
        where = f"{where} ({entry['id']})"
    data = _fields(entry, where, required=_TEXTS, optional=_OPTIONAL)
    for name in (*_TEXTS, "not_attempted", "because"):
        if name in data:
            _text(data[name], f"{where}, field {name}")
    if not re.fullmatch(r"C\d\d[a-z]?", data["id"]):
        raise _wrong(f"{where}, field id", data["id"], "such as 'C05' or 'C14a'")
    if not re.fullmatch(r"0[1-9]|1\d|20", data["chapter"]):
        raise _wrong(f"{where}, field chapter", data["chapter"], "'01' to '20', quoted")
    if ("checks" in data) == ("not_attempted" in data):
        raise _wrong(
            f"{where}, fields checks and not_attempted",
            "both" if "checks" in data else "neither",
            "exactly one of them",
        )
    checks = data.pop("checks", {})
    if not isinstance(checks, Mapping) or ("not_attempted" not in data and not checks):
        raise _wrong(f"{where}, field checks", checks, "name: {what, tolerance, ...}")
    return Claim(
        **data,
        checks={
            name: _check(name, body, f"{where}, check {name}")
            for name, body in checks.items()
        },
    )


def _check(name: object, body: object, where: str) -> Check:
    """Build one check from its entry."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise _wrong(where, name, "a name in snake_case")
    data = _fields(body, where, required=("what", "tolerance"), optional=_CHECK_FIELDS)
    _text(data["what"], f"{where}, field what")
    if "against" in data:
        _text(data["against"], f"{where}, field against")
    if "expected" in data:
        data["expected"] = _number(data["expected"], f"{where}, field expected")
    tolerance = _tolerance(data["tolerance"], f"{where}, field tolerance")
    predictions = [key for key in ("expected", "against") if key in data]
    if len(predictions) != (0 if tolerance.bounded else 1):
        allowed = (
            "neither, because the tolerance sets bounds"
            if tolerance.bounded
            else "exactly one of them, because the tolerance asks to be close to it"
        )
        raise _wrong(
            f"{where}, fields expected and against", predictions or "neither", allowed
        )
    data["tolerance"] = tolerance
    return Check(name=name, **data)


def _tolerance(body: object, where: str) -> Tolerance:
    """Build a tolerance from its entry."""
    kinds = CLOSENESS + BOUNDS
    data = _fields(body, where, required=("reason",), optional=kinds)
    _text(data["reason"], f"{where}, field reason")
    for kind in set(data) & {*CLOSENESS, "at_least", "at_most"}:
        data[kind] = _number(data[kind], f"{where}, field {kind}")
    for kind in CLOSENESS:
        if data.get(kind, 1.0) <= 0:
            raise _wrong(f"{where}, field {kind}", data[kind], "a number above 0")
    if "between" in data:
        pair = data["between"]
        if not isinstance(pair, list) or len(pair) != 2:
            raise _wrong(f"{where}, field between", pair, "[low, high]")
        low, high = (_number(end, f"{where}, field between") for end in pair)
        if low >= high:
            raise _wrong(f"{where}, field between", pair, "[low, high], low below high")
        data["between"] = (low, high)
    if "between" in data and ("at_least" in data or "at_most" in data):
        raise _wrong(where, sorted(data), "between alone, or at_least and at_most")
    if not set(data) & set(kinds):
        raise _wrong(where, sorted(data), f"one or more of {', '.join(kinds)}")
    return Tolerance(**data)


def _fields(
    body: object, where: str, *, required: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, Any]:
    """Return a copy of a mapping that has the required fields and no unknown one."""
    if not isinstance(body, Mapping):
        raise _wrong(where, body, f"fields {', '.join(required)}")
    for name in required:
        if name not in body:
            raise ValueError(f"{where}, field {name}: missing; it is required")
    allowed = dict.fromkeys((*required, *optional))
    for name, value in body.items():
        if name not in allowed:
            raise ValueError(
                f"{where}, field {name} (value {value!r}): unknown; allowed are "
                f"{', '.join(allowed)}"
            )
    return dict(body)


def _text(value: object, where: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(where, value, "text (quote it if it looks like a number)")


def _number(value: object, where: str) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value):  # type: ignore[arg-type]
        raise _wrong(where, value, "a finite number (YAML reads 1e-6 as text: 1.0e-6)")
    return float(value)  # type: ignore[arg-type]


def _wrong(where: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"{where}: got {value!r}; allowed: {allowed}")
