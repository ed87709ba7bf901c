"""Read and check ``claims.yaml``.

Its shape is stated in ``claims.schema.json``. Here is what a schema cannot say: which
ids occur twice, that numbers are finite and bounds in order, that no claim of a source
is missing, and that every check has a control or says why there can be none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_lib.checks import given, misfit, refusal
from collapse_lib.claims.ledger import (
    Check,
    Claim,
    Control,
    Evidence,
    Ledger,
    Source,
    Tolerance,
)
from collapse_lib.files import check_path
from collapse_lib.files.reading import read_yaml

_SHAPE = Path(__file__).with_name("claims.schema.json")


def load(path: str | Path | None = None) -> Ledger:
    """Read the ledger.

    Parameters
    ----------
    path
        A claims file; without it the ``claims.yaml`` at the top of the repository.

    Returns
    -------
    Ledger
        The claims by id, in the order of the file, and their sources.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If the path is none.
    ValueError
        If an entry is malformed; the message names the claim, the field, the value and
        what is allowed.
    """
    default = Path(__file__).parents[2] / "claims.yaml"
    file = default if path is None else check_path("path", path)
    content = entries(file)
    sources = {key: Source(key, **body) for key, body in content["sources"].items()}
    claims: dict[str, Claim] = {}
    for entry in content["claims"]:
        claim = _claim(entry, f"{file.name}, claim {entry['id']}")
        if claim.id in claims:
            raise refusal(
                f"{file.name}, claim {claim.id}",
                "the id occurs twice; every claim needs its own",
            )
        if claim.id[0] not in sources:
            letters = f"ids that begin with {', '.join(sources)}, as sources has them"
            raise _wrong(f"{file.name}, claim {claim.id}, id", claim.id, letters)
        claims[claim.id] = claim
    for source in sources.values():
        _check_complete(source, claims, file.name)
    return Ledger(claims, sources)


def entries(file: Path) -> dict[str, Any]:
    """Return what a claims file says, as it is written; its shape is right.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        As `load`.
    """
    file = check_path("file", file)
    if not file.is_file():
        raise FileNotFoundError(
            f"no claims file at {file}; run from a checkout of the repository, or pass "
            "its path"
        )
    content: dict[str, Any] = read_yaml(file)
    if wrong := misfit(content, _SHAPE):
        raise refusal(_place(wrong[0], content, file.name), wrong[1])
    return content


def _place(path: list[str], content: Any, name: str) -> str:
    """Say at which claim and field of the file something is wrong."""
    where = name
    if path[:1] == ["claims"] and len(path) > 1:
        place, path = int(path[1]), path[2:]
        entry = content["claims"][place]
        known = entry.get("id") if isinstance(entry, Mapping) else None
        named = isinstance(known, str) and 0 < len(known) < 9
        where += f", claim {known}" if named else f", entry {place + 1}"
    return f"{where}, {'.'.join(path)[:200]}" if path else where


def _check_complete(source: Source, claims: Mapping[str, Claim], name: str) -> None:
    """Raise a ValueError if a claim up to the last of a source has no entry."""
    numbered = {claim_id[:3] for claim_id in claims}
    expected = [f"{source.prefix}{n:02d}" for n in range(1, (source.last or 0) + 1)]
    missing = [claim_id for claim_id in expected if claim_id not in numbered]
    if missing:
        raise refusal(
            name,
            f"no entry for {', '.join(missing)}; add one (a claim that no chapter "
            "tests yet says why in not_attempted)",
        )


def _claim(entry: Mapping[str, Any], where: str) -> Claim:
    """Build one claim from its entry, which fits the schema."""
    checks = {
        name: _check(name, body, f"{where}, checks.{name}")
        for name, body in entry.get("checks", {}).items()
    }
    data = {**entry, "checks": checks, "evidence": Evidence(**entry["evidence"])}
    definition = data.pop("kind", None) == "definition"
    return Claim(**data, definition=definition)


def _check(name: str, body: Mapping[str, Any], where: str) -> Check:
    """Build one check from its entry, which fits the schema."""
    data = dict(body)
    if "expected" in data:
        data["expected"] = _number(data["expected"], f"{where}.expected")
    if "control" not in data:
        raise refusal(
            where,
            "has no control; describe one that must fail (control: {what: ...}), or "
            "say why there can be none (control: {none: ...})",
        )
    data["control"] = Control(**data["control"])
    data["tolerance"] = _tolerance(data["tolerance"], f"{where}.tolerance")
    return Check(name, **data)


def _tolerance(body: Mapping[str, Any], where: str) -> Tolerance:
    """Build a tolerance from its entry, which fits the schema."""
    data = dict(body)
    for kind in data.keys() - {"reason", "between"}:
        data[kind] = _number(data[kind], f"{where}.{kind}")
    if "between" in data:
        low, high = (_number(end, f"{where}.between") for end in data["between"])
        if low >= high:
            raise _wrong(f"{where}.between", data["between"], "low below high")
        data["between"] = (low, high)
    return Tolerance(**data)


def _number(value: float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(where, value, "a finite number")
    return number


def _wrong(where: str, value: object, allowed: str) -> ValueError:
    return refusal(where, f"got {given(value)}; allowed: {allowed}")
