"""No sequence of edits to a ledger that changes what it says is verified.

Who edits has everything but the private keys: the whole ledger, other ledgers that were
signed with the same keys, and keys of her own. She may mend the chain after every edit.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from collapse_lib.files import sha256_of
from collapse_lib.provenance import Fingerprint, Ledger, Origin, ledger, verify
from collapse_lib.provenance.canonical import canonical
from collapse_lib.provenance.keys import public_of

ADA, BOB, EVE = (
    Ed25519PrivateKey.from_private_bytes(bytes([each] * 32)) for each in b"abe"
)
TRUSTED = [public_of(ADA), public_of(BOB)]


def written(*names: str) -> Ledger:
    """Return a ledger that two people signed in turn."""
    made = Ledger.new()
    for number, name in enumerate(names):
        found = Fingerprint(sha256_of(name.encode()), len(name))
        parents = [made.records[-1]["sha256"]] if number else []
        model = "m" if number else None
        origin = Origin("Ada", min(number, 1) / 2, model, number, parents)
        made = made.record(name, found, origin)
        if number % 2:
            made = made.sign((ADA, BOB)[number // 2 % 2])
    return made


TRUE = written("one", "two", "three", "four")
ELSEWHERE = written("uno", "two", "tres", "four")
HEAD = TRUE.lines[-1]
FIELDS: dict[str, Any] = {
    "author": "Eve", "bytes": 7, "generation": 3, "name": "one", "synthetic": 0.25,
    "sha256": sha256_of(b"poison"), "parents": [], "key": public_of(EVE), "model": "n",
    "signature": json.loads(HEAD)["signature"], "kind": "record", "line": 2,
    "previous": sha256_of(TRUE.lines[1]), "time": "2026-01-31T12:00:00Z",
}  # fmt: skip

Lines = list[bytes]


def mended(lines: Lines, key: Ed25519PrivateKey | None = None) -> Lines:
    """Return lines that follow from each other, signed anew if there is a key."""
    made = lines[:1]
    for line in lines[1:]:
        entry = {**json.loads(line), "line": len(made) + 1}
        entry["previous"] = sha256_of(made[-1])
        if key and entry["kind"] == "signature":
            if key is EVE:  # or a signature that says it is by the old one
                entry["key"] = public_of(EVE)
            entry["signature"] = EVE.sign(ledger.signed_part(entry)).hex()
        made.append(canonical(entry))
    return made


def changed(lines: Lines, at: int, field: str) -> Lines:
    entry = json.loads(lines[at])
    if field in entry and entry[field] == FIELDS[field]:
        del entry[field]
    else:
        entry[field] = FIELDS[field]
    return [*lines[:at], canonical(entry), *lines[at + 1 :]]


def flipped(lines: Lines, at: int, place: int, by: int) -> Lines:
    line = bytearray(lines[at])
    line[place % len(line)] ^= by
    return [*lines[:at], bytes(line), *lines[at + 1 :]]


def edited(lines: Lines, edit: tuple[Any, ...]) -> Lines:
    """Return lines after one edit; at some places there is nothing to do."""
    kind, at, other, detail, mend = edit
    at, other = 1 + at % (len(lines) - 1), 1 + other % (len(lines) - 1)
    if kind == "field":
        lines = changed(lines, at, detail)
    elif kind == "byte":
        return flipped(lines, at, other * 31, 1 << (len(detail) % 8))
    elif kind == "drop" and len(lines) > 2:
        lines = lines[:at] + lines[at + 1 :]
    elif kind == "cut":
        lines = lines[: at + 1]
    elif kind == "repeat":
        lines = [*lines[:at], lines[other], *lines[at:]]
    elif kind == "swap":
        lines = list(lines)
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "graft":
        place = other % len(ELSEWHERE.lines)
        lines = [*lines[:at], *ELSEWHERE.lines[max(place, 1) :]]
    elif kind == "append":
        foreign = Ledger(tuple(lines)).record(
            "more", Fingerprint(sha256_of(b"more"), 4), Origin("Ada", None)
        )
        lines = list(foreign.sign(EVE).lines if mend == "signed" else foreign.lines)
    if mend == "no":
        return lines
    return mended(lines, {"signed": EVE, "forged": BOB}.get(mend))


EDITS = st.tuples(
    st.sampled_from("field byte drop cut repeat swap graft append".split()),
    st.integers(0, 20),
    st.integers(0, 20),
    st.sampled_from(sorted(FIELDS)),
    st.sampled_from(["no", "chain", "signed", "forged"]),
)
seen = {"edits": 0, "changed": 0, "cut": 0}


def content(lines: Lines) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def is_signed_start(lines: Lines) -> bool:
    """Return whether lines are a ledger that was true, up to one of its signatures."""
    signed = json.loads(lines[-1]).get("kind") == "signature"
    true = any(tuple(lines) == each.lines[: len(lines)] for each in (TRUE, ELSEWHERE))
    return signed and true


@settings(max_examples=420)
@given(st.lists(EDITS, min_size=6, max_size=6))
def check_edits(edits: list[tuple[Any, ...]]) -> None:
    lines = list(TRUE.lines)
    for edit in edits:
        try:
            lines = edited(lines, edit)
        except (ValueError, KeyError, TypeError, AttributeError):
            lines = list(TRUE.lines)  # what it left is no JSON any more: begin again
            continue
        seen["edits"] += 1
        if tuple(lines) == TRUE.lines:
            continue
        seen["changed"] += 1
        try:
            read = ledger.parse(content(lines))
        except ValueError:
            continue
        with pytest.raises(ValueError):
            verify(read, TRUSTED, HEAD)
        try:
            verify(read, TRUSTED)
        except ValueError:
            continue
        # Without the head, two things are left: a shorter ledger that was true once,
        # and another one that the same people signed.
        assert is_signed_start(lines)
        seen["cut"] += 1


def test_no_sequence_of_edits_is_verified() -> None:
    check_edits()
    assert seen["changed"] >= 2000 and seen["cut"] > 20


def test_every_bit_of_every_line_counts() -> None:
    for at in range(len(TRUE.lines)):
        for place in range(0, len(TRUE.lines[at]), 7):
            lines = flipped(list(TRUE.lines), at, place, 1 << (place % 8))
            with pytest.raises(ValueError):
                verify(ledger.parse(content(lines)), TRUSTED)


def test_every_line_is_missed_wherever_it_was() -> None:
    for at in range(len(TRUE.lines)):
        lines = [*TRUE.lines[:at], *TRUE.lines[at + 1 :]]
        for each in (lines, mended(lines), mended(lines, EVE), mended(lines, BOB)):
            with pytest.raises(ValueError):
                verify(ledger.parse(content(each)), TRUSTED, HEAD)


def test_whoever_writes_all_of_it_is_found_by_the_key_alone() -> None:
    """The edit that needs no mending: a ledger of one's own."""
    own = mended(list(TRUE.lines), EVE)
    assert verify(ledger.parse(content(own))).trusted is False
    with pytest.raises(ValueError, match="which is none of those you trust"):
        verify(ledger.parse(content(own)), TRUSTED)
