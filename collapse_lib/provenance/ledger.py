"""The ledger of origins: lines of JSON, each of which holds the hash of the one above.

The first line names the format. A line after it is a record, which says what is known
of the origin of data, or a signature, which stands for everything above it. So whatever
is changed, moved, put in or taken out above a signature breaks the chain, and whoever
mends the chain cannot mend the signature.

What remains are lines cut from the end: a shorter ledger that ends in a signature is a
whole one. The newest signature, kept elsewhere as the *head*, tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collapse_lib.checks import UNSHOWN, given, misfit, refusal
from collapse_lib.files import check_path, sha256_of, write
from collapse_lib.files.reading import MOST_BYTES, parse_json
from collapse_lib.provenance.canonical import canonical
from collapse_lib.provenance.fingerprint import Fingerprint, shown
from collapse_lib.provenance.keys import public_of
from collapse_lib.provenance.origin import Origin, check_time, check_words

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: The first line; the only version this code reads.
FORMAT = {"format": "collapse-lib origins", "version": 1}
#: No line is longer, in bytes.
LONGEST_LINE = 1_000_000
SHAPE = Path(__file__).with_name("origins.schema.json")
_COPY = "take a copy that is whole"

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Ledger:
    """A ledger whose chain is whole. Nothing in it can be changed, only added.

    Parameters
    ----------
    lines
        Records and signatures as canonical JSON, with the line of the format first;
        `parse` and `read` check that they are these.
    """

    lines: tuple[bytes, ...]

    @classmethod
    def new(cls) -> Ledger:
        """Return a ledger without records."""
        return cls((canonical(FORMAT),))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """What the lines after the first say."""
        return tuple(parse_json(line.decode(), UNSHOWN) for line in self.lines[1:])

    @property
    def records(self) -> tuple[Entry, ...]:
        """The records, in order."""
        return tuple(each for each in self.entries if each["kind"] == "record")

    @property
    def content(self) -> bytes:
        """What a file of it holds."""
        return b"".join(line + b"\n" for line in self.lines)

    def of(self, found: Fingerprint) -> tuple[Entry, ...]:
        """Return the records of data, the newest last.

        Parameters
        ----------
        found
            What identifies the data.
        """
        if not isinstance(found, Fingerprint):
            raise TypeError(
                f"found is {given(found)}; it must be what fingerprint(path) returns"
            )
        wanted = (found.sha256, found.files)
        return tuple(
            each
            for each in self.records
            if (each["sha256"], each.get("files")) == wanted
        )

    def record(self, name: str, found: Fingerprint, origin: Origin) -> Ledger:
        """Return this ledger with one record more.

        Parameters
        ----------
        name
            What the data are called, for people; the fingerprint identifies them.
        found
            Of the data.
        origin
            What is said of them.

        Raises
        ------
        ValueError
            If the data are named as their own parent.
        """
        self.of(found)  # what is no fingerprint is refused
        if not isinstance(origin, Origin):
            raise TypeError(
                f"origin is {given(origin)}; it must be a provenance.Origin"
            )
        if found.sha256 in origin.parents:
            raise ValueError(
                f"{shown(name)} is named as its own parent; leave that out"
            )
        size: dict[str, Any] = {"bytes": found.bytes, "sha256": found.sha256}
        if found.files is not None:
            size["files"] = found.files
        check_words("name", name)
        return self._with({"kind": "record", "name": name, **size, **origin.content()})

    def sign(self, key: Ed25519PrivateKey, time: str | None = None) -> Ledger:
        """Return this ledger with a signature of everything in it.

        Parameters
        ----------
        key
            From `keys.read_key`.
        time
            When, see `Origin`; nothing is said about it if nothing is given.

        Raises
        ------
        ValueError
            If there is no record to sign.
        """
        if not hasattr(key, "public_key"):
            raise TypeError(f"key is {given(key)}; it must be from keys.read_key")
        if not self.records:
            raise ValueError("there is no record to sign")
        said = {} if time is None else {"time": check_time("time", time)}
        entry = self._next({"kind": "signature", "key": public_of(key), **said})
        signature = key.sign(signed_part(entry)).hex()
        return Ledger((*self.lines, canonical({**entry, "signature": signature})))

    def _with(self, entry: Entry) -> Ledger:
        return Ledger((*self.lines, canonical(self._next(entry))))

    def _next(self, entry: Entry) -> Entry:
        place = {"line": len(self.lines) + 1, "previous": sha256_of(self.lines[-1])}
        return {**entry, **place}


def signed_part(entry: Entry) -> bytes:
    """Return what the signature in a line is a signature of."""
    rest = {name: value for name, value in entry.items() if name != "signature"}
    return canonical({**FORMAT, **rest})


# ---- files --------------------------------------------------------------------------


def read(path: str | Path) -> Ledger:
    """Return the ledger in a file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    OSError
        If it cannot be read.
    ValueError
        If it is no ledger of this version, damaged, or its chain is broken.
    """
    path = check_path("path", path)
    return parse(content_of(path), shown(path.name))


def content_of(path: Path, what: str = "ledger") -> bytes:
    """Return the bytes of a file that is not too large for a ledger or a head."""
    name = shown(path)
    try:
        if not os.path.lexists(path):
            raise FileNotFoundError(f"there is no {what} {name}")
        if not path.is_file():
            raise ValueError(f"{name} is no file; a {what} is one")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(f"{name} cannot be read ({error.strerror})") from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"{name} has more than the {MOST_BYTES:,} bytes of a {what}")
    return content


def parse(content: bytes, name: str = "the ledger") -> Ledger:
    """Return the ledger that bytes are.

    Parameters
    ----------
    content
        What a file holds.
    name
        What messages call it.

    Raises
    ------
    ValueError
        As `read`.
    """
    if not isinstance(content, bytes):
        raise TypeError(f"content is {given(content)}; it must be bytes")
    check_words("name", name)
    if not content.strip(b"\0"):
        what = "holds nothing but zeros" if content else "is empty"
        raise refusal(name, f"it {what}, as after a power cut; {_COPY}")
    lines: list[bytes] = []
    for number, ended in enumerate(BytesIO(content), 1):  # not split: bombs are lines
        place, line = f"{name}, line {number}", ended.removesuffix(b"\n")
        if number == 1:
            _check_format(line, name)
        if line == ended:
            raise refusal(name, f"it ends in the middle of line {number}; {_COPY}")
        lines.append(line)
        if number == 1:
            continue
        entry = parse_line(line, place)
        if entry["line"] != number:
            raise refusal(
                place,
                f"it says that it is line {entry['line']}: lines were moved, put in or "
                "taken out",
            )
        if entry["previous"] != sha256_of(lines[number - 2]):
            raise refusal(
                place,
                f"it does not follow from line {number - 1}: one of the two was "
                "changed, or lines were moved, put in or taken out",
            )
    return Ledger(tuple(lines))


def parse_line(line: bytes, place: str) -> Entry:
    """Return what a line after the first says.

    Raises
    ------
    ValueError
        If it has another shape, or another spelling than `canonical` gives it.
    """
    if len(line) > LONGEST_LINE:
        raise refusal(place, f"it has {len(line):,} bytes, more than a line can have")
    try:
        entry = parse_json(line.decode("utf-8"), UNSHOWN)
        spelled = canonical(entry) if isinstance(entry, dict) else None
    except (ValueError, RecursionError) as error:
        said = str(error) or "it cannot be written down again"
        raise refusal(place, f"not a line of a ledger ({said})") from None
    if spelled is None:
        raise refusal(place, f"got {given(entry)}; a line is a record or a signature")
    kind = entry.get("kind")
    if kind not in ("record", "signature"):
        raise refusal(place, f"its kind is {given(kind)}; 'record' or 'signature' is")
    if wrong := misfit(entry, SHAPE, kind):
        keys, says = wrong
        raise refusal(".".join([place, *keys]), says)
    if line != spelled:
        raise refusal(
            place,
            "it is spelled in another way than a ledger is (spaces, order of keys, "
            f"ends of lines), as when an editor saved it; {_COPY}",
        )
    return entry  # type: ignore[no-any-return]


def _check_format(line: bytes, name: str) -> None:
    try:
        found = parse_json(line[:LONGEST_LINE].decode("utf-8"), UNSHOWN)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT["format"]:
        raise refusal(
            name, "no ledger of origins: its first line does not name that format"
        )
    if line != canonical(FORMAT):
        raise refusal(
            name,
            f"a ledger of version {given(found.get('version'))}; this library reads "
            f"version {FORMAT['version']} as it writes it: read it with the version of "
            f"the library that wrote it, or {_COPY}",
        )


@contextmanager
def changing(path: str | Path) -> Iterator[None]:
    """Let one process at a time change the ledgers in a folder, which is made.

    It is a lock of the folder, which ends with the process, so that no file has to be
    taken away after a power cut. Where the system or the disk has no such locks there
    is none.
    """
    folder = Path(os.path.realpath(path)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            import fcntl  # not on Windows

            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def save(path: str | Path, ledger: Ledger) -> None:
    """Write a ledger whole, or leave the old one.

    Raises
    ------
    OSError
        If it cannot be written there.
    ValueError
        If it has become too large to be read again.
    """
    if len(ledger.content) > MOST_BYTES:
        raise ValueError(
            f"{shown(path)} would have more than the {MOST_BYTES:,} bytes of a ledger; "
            "begin another one"
        )
    write(path, ledger.content)
