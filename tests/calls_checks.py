"""Calls that work of files and checks, for `calls.CALLS`.

Of a check the value is tried alone: what it is called, and what is allowed, is written
in the library.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scratch import scratch

from collapse_lib import checks, files
from collapse_lib.files import reading, records, whole

Call = tuple[Callable[..., Any], dict[str, Any]]
ABOUT = {"format": 1, "what": "record", "remedy": "delete it"}


def written(name: str, content: bytes) -> Path:
    """Return a file with this content."""
    whole.write(scratch() / name, content)
    return scratch() / name


def record() -> Path:
    """Return a record."""
    records.write_record(scratch() / "record.json", {"format": 1})
    return scratch() / "record.json"


def arrays() -> Path:
    """Return a file of arrays."""
    path = scratch() / "arrays.npz"
    records.write_arrays(path, {"a": np.ones(2)}, {"format": 1})
    return path


def named(check: Callable[..., Any], value: Any, **limits: Any) -> Call:
    """Return a check of a value that is called ``one``."""
    return partial(check, "one", **limits), {"value": value}


SCHEMA = Path(checks.__file__).with_name("claims") / "claims.schema.json"

TABLE: dict[str, Callable[[], Call]] = {
    "files.whole.check_path": lambda: named(files.check_path, scratch()),
    "files.whole.write": lambda: (
        whole.write,
        {"path": scratch() / "a", "content": b"a"},
    ),
    "files.whole.try_place": lambda: (whole.try_place, {"path": scratch() / "a"}),
    "files.whole.write_text": lambda: (
        whole.write_text,
        {"path": scratch() / "a", "text": "a"},
    ),
    "files.whole.write_json": lambda: (
        whole.write_json,
        {"path": scratch() / "a", "content": {"a": 1}},
    ),
    "files.whole.to_json": lambda: (whole.to_json, {"content": {"a": 1}}),
    "files.whole.sha256_of": lambda: (whole.sha256_of, {"content": b"a"}),
    "files.whole.checked": lambda: (
        whole.checked,
        {
            "path": written("a", b"a"),
            "sha256": whole.sha256_of(b"a"),
            "remedy": "fetch it",
        },
    ),
    "files.records.write_record": lambda: (
        records.write_record,
        {"path": scratch() / "record.json", "content": {"format": 1}},
    ),
    "files.records.read_record": lambda: (
        records.read_record,
        {"path": record(), **ABOUT},
    ),
    "files.records.write_arrays": lambda: (
        records.write_arrays,
        {
            "path": scratch() / "arrays.npz",
            "arrays": {"a": np.ones(2)},
            "about": {"format": 1},
            "compress": True,
        },
    ),
    "files.records.read_arrays": lambda: (
        records.read_arrays,
        {"path": arrays(), **ABOUT},
    ),
    "files.reading.read_text": lambda: (
        reading.read_text,
        {"path": written("a", b"a"), "name": ""},
    ),
    "files.reading.read_yaml": lambda: (
        reading.read_yaml,
        {"path": written("a.yaml", b"a: 1")},
    ),
    "files.reading.read_json": lambda: (
        reading.read_json,
        {"path": written("a.json", b"{}"), "name": ""},
    ),
    "files.reading.parse_json": lambda: (
        reading.parse_json,
        {"text": "{}", "forbidden": checks.HALVES},
    ),
    "checks.check_choice": lambda: named(checks.check_choice, "a", allowed=("a", "b")),
    "checks.check_count": lambda: named(checks.check_count, 3, least=1),
    "checks.check_positive": lambda: named(checks.check_positive, 1.0),
    "checks.check_not_negative": lambda: named(checks.check_not_negative, 0.0),
    "checks.check_share": lambda: named(checks.check_share, 0.5),
    "checks.check_number": lambda: named(checks.check_number, 0.5),
    "checks.check_keys": lambda: (
        lambda value: checks.check_keys("one", value, "a"),
        {"value": {"a": 1}},
    ),
    "checks.check_switch": lambda: named(checks.check_switch, True),
    "checks.check_rng": lambda: (checks.check_rng, {"rng": np.random.default_rng()}),
    "checks.numeric": lambda: named(checks.numeric, [1.0]),
    "checks.numbers": lambda: named(checks.numbers, [1.0]),
    "checks.whole_numbers": lambda: (
        lambda value: checks.whole_numbers("one", value, "fits"),
        {"value": [1, 2]},
    ),
    "checks.check_finite": lambda: (
        partial(checks.check_finite, "one"),
        {"array": np.ones(2)},
    ),
    "checks.misfit": lambda: (
        partial(checks.misfit, schema=SCHEMA),
        {"content": {"a": 1}},
    ),
}

#: Name -> arguments that may be any text.
ANY_TEXT: dict[str, str] = {
    "files.whole.check_path": "value",
    "files.whole.write": "path",
    "files.whole.try_place": "path",
    "files.whole.write_text": "path text",
    "files.whole.write_json": "path content",
    "files.whole.to_json": "content",
    "files.whole.checked": "remedy",
    "files.records.write_record": "path",
    "files.records.read_record": "what remedy",
    "files.records.write_arrays": "path",
    "files.records.read_arrays": "what remedy",
    "files.reading.read_text": "name",
    "files.reading.read_json": "name",
}
