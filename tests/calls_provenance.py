"""Calls that work of the ledger of origins, for `calls.CALLS`."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from scratch import scratch

from collapse_lib import provenance
from collapse_lib.provenance import (
    canonical,
    credentials,
    croissant,
    keys,
    ledger,
    origin,
)
from collapse_lib.provenance import fingerprint as identify

Call = tuple[Callable[..., Any], dict[str, Any]]
THIS_FILE = identify(__file__)
BY_PEOPLE = provenance.Origin("Ada", 0)
TIME = "2026-01-31T12:00:00Z"


@cache
def key() -> Any:
    """Return a private key."""
    return keys.read_key(_key_file())


@cache
def signer() -> Any:
    """Return a signer of pictures."""
    return credentials.new_signer("Ada")


def picture() -> bytes:
    """Return the smallest PNG file there is here."""
    made = io.BytesIO()
    Image.new("L", (1, 1)).save(made, "PNG")
    return made.getvalue()


@cache
def recorded() -> provenance.Ledger:
    """Return a ledger with one record."""
    return provenance.Ledger.new().record("calls.py", THIS_FILE, BY_PEOPLE)


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(dir=scratch()))


def _key_file() -> Path:
    path = _new_folder() / "key"
    keys.new_key(path)
    return path


def _ledger_file() -> Path:
    path = _new_folder() / "origins.jsonl"
    ledger.save(path, recorded())
    return path


TABLE: dict[str, Callable[[], Call]] = {
    "provenance.fingerprint": lambda: (identify, {"path": __file__}),
    "provenance.Origin": lambda: (
        provenance.Origin,
        {
            "author": "Ada",
            "synthetic": 0.5,
            "model": "GPT-2",
            "generation": 1,
            "parents": ["0" * 64],
            "licence": "CC0-1.0",
            "description": "Half of it.",
            "time": TIME,
        },
    ),
    "provenance.Ledger.of": lambda: (recorded().of, {"found": THIS_FILE}),
    "provenance.Ledger.record": lambda: (
        recorded().record,
        {"name": "x.csv", "found": THIS_FILE, "origin": BY_PEOPLE},
    ),
    "provenance.Ledger.sign": lambda: (recorded().sign, {"key": key(), "time": TIME}),
    "provenance.verify": lambda: (
        provenance.verify,
        {
            "ledger": recorded().sign(key()),
            "trusted": [keys.public_of(key())],
            "head": recorded().sign(key()).lines[-1],
        },
    ),
    "provenance.credentials.new_signer": lambda: (
        credentials.new_signer,
        {"name": "Ada"},
    ),
    "provenance.credentials.sign": lambda: (
        credentials.sign,
        {
            "picture": picture(),
            "signer": signer(),
            "title": "black",
            "source": credentials.MADE_BY_A_MODEL,
        },
    ),
    "provenance.credentials.judge": lambda: (
        credentials.judge,
        {"picture": picture()},
    ),
    "provenance.croissant.record": lambda: (
        croissant.record,
        {"ledger": recorded(), "path": __file__},
    ),
    "provenance.keys.new_key": lambda: (
        keys.new_key,
        {"path": _new_folder() / "key"},
    ),
    "provenance.keys.read_key": lambda: (keys.read_key, {"path": _key_file()}),
    "provenance.keys.read_public": lambda: (
        keys.read_public,
        {"value": keys.public_of(key())},
    ),
    "provenance.ledger.read": lambda: (ledger.read, {"path": _ledger_file()}),
    "provenance.ledger.parse": lambda: (
        ledger.parse,
        {"content": recorded().content, "name": "the content"},
    ),
    "provenance.origin.check_words": lambda: (
        origin.check_words,
        {"name": "value", "value": "words"},
    ),
    "provenance.origin.check_hashes": lambda: (
        origin.check_hashes,
        {"name": "values", "values": ["0" * 64]},
    ),
    "provenance.origin.check_time": lambda: (
        origin.check_time,
        {"name": "value", "value": TIME},
    ),
    "provenance.canonical.needed": lambda: (canonical.needed, {"module": "json"}),
    "provenance.canonical.canonical": lambda: (
        canonical.canonical,
        {"content": {"a": 1}},
    ),
}
#: Arguments that may be any text.
ANY_TEXT = {
    "provenance.Origin": "author model licence description",
    "provenance.Ledger.record": "name",
    "provenance.credentials.new_signer": "name",
    "provenance.credentials.sign": "title source",
    "provenance.keys.new_key": "path",
    "provenance.ledger.parse": "name",
    "provenance.origin.check_words": "name value",
    "provenance.origin.check_hashes": "name",
    "provenance.origin.check_time": "name",
}
