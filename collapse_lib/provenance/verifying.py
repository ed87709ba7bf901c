"""Whether a ledger can be believed: whose words it holds, and whether all are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collapse_lib.checks import given, refusal
from collapse_lib.provenance.keys import is_signed
from collapse_lib.provenance.ledger import Entry, Ledger, parse_line, signed_part
from collapse_lib.provenance.origin import check_hashes


@dataclass(frozen=True)
class Verified:
    """What was verified of a ledger.

    Parameters
    ----------
    signers
        Line of a record -> the public key that signed it: the first signature below.
    trusted
        Whether these keys were compared with ones that the reader knows.
    complete
        Whether a head tells that no line was cut from the end, up to that head.
    """

    signers: dict[int, str]
    trusted: bool
    complete: bool


def verify(
    ledger: Ledger, trusted: Sequence[str] = (), head: bytes | None = None
) -> Verified:
    """Verify whose words a ledger holds.

    That its chain is whole was checked when it was read. What nobody can see: that data
    had a record which their ledger, or they, have lost.

    Parameters
    ----------
    ledger
        As it was read.
    trusted
        Public keys, known from elsewhere; if some are given, every signature must be
        with one of them. Without one, anybody may have made all of the ledger.
    head
        The newest signature of this ledger, kept elsewhere. Without one, lines may be
        missing at the end.

    Raises
    ------
    ValueError
        If there is no record, one is not signed, a signature is not right or by a key
        that is not trusted, or lines are missing that the head knows.
    """
    if not isinstance(ledger, Ledger):
        raise TypeError(f"ledger is {given(ledger)}; read one with ledger.read(path)")
    check_hashes("trusted", trusted)
    if head is not None:
        _check_head(ledger, head, trusted)
    if not ledger.records:
        raise ValueError("the ledger holds no record: there is nothing to verify")
    signers: dict[int, str] = {}
    open_lines: list[int] = []
    for entry in ledger.entries:
        if entry["kind"] == "record":
            open_lines.append(entry["line"])
            continue
        _check_signature(f"line {entry['line']}", entry, trusted)
        signers |= {line: entry["key"] for line in open_lines}
        open_lines = []
    if open_lines:
        raise ValueError(
            f"nobody has signed {_lines(open_lines)}: anybody can have written or "
            "changed what is below the last signature"
        )
    return Verified(signers, bool(trusted), head is not None)


def _check_signature(place: str, entry: Entry, trusted: Sequence[str]) -> None:
    if not is_signed(signed_part(entry), entry["signature"], entry["key"]):
        raise refusal(
            place,
            f"the signature is not one by the key {entry['key']} of what stands above: "
            "something was changed",
        )
    if trusted and entry["key"] not in trusted:
        raise refusal(
            place,
            f"signed with the key {entry['key']}, which is none of those you trust: "
            "somebody else signed, or wrote all of it",
        )


def _check_head(ledger: Ledger, head: bytes, trusted: Sequence[str]) -> None:
    if not isinstance(head, bytes):
        raise TypeError(f"head is {given(head)}; it must be bytes")
    line = head.removesuffix(b"\n")
    entry = parse_line(line, "the head")
    if entry["kind"] != "signature":
        raise ValueError("the head is a record; it must be a signature")
    _check_signature("the head", entry, trusted)
    number = entry["line"]
    if number > len(ledger.lines):
        raise ValueError(
            f"the head is line {number} of the ledger, but it ends with line "
            f"{len(ledger.lines)}: the rest was cut off"
        )
    if ledger.lines[number - 1] != line:
        raise ValueError(
            f"line {number} is another one than the head: the ledger was written anew "
            "since, or the head is of another ledger"
        )


def _lines(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    return f"line {first}" if first == last else f"lines {first} to {last}"
