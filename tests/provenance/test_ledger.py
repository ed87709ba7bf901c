"""The ledger: what it holds, what is refused, and how damage is named."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collapse_lib.files import sha256_of
from collapse_lib.provenance import Fingerprint, Ledger, Origin, ledger, verify
from collapse_lib.provenance.canonical import canonical
from collapse_lib.provenance.keys import public_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
HUMAN = Fingerprint(sha256_of(b"human"), 5)
MIXED = Fingerprint(sha256_of(b"mixed"), 9, 3)
BY_ADA = Origin("Ada", 0.0, licence="CC0-1.0", time="2026-01-31T12:00:00Z")
BY_GPT = Origin("Ada", 0.5, "GPT-2", 1, [HUMAN.sha256], description="é\n漢")


@pytest.fixture
def small() -> Ledger:
    new = Ledger.new().record("a.csv", HUMAN, BY_ADA)
    return new.record("b", MIXED, BY_GPT).sign(KEY)


def test_lines_are_canonical_and_chained(small: Ledger) -> None:
    assert small.content.count(b"\n") == 4
    assert small.lines[0] == b'{"format":"collapse-lib origins","version":1}'
    assert small.lines[2].startswith(
        b'{"author":"Ada","bytes":9,"description":"\xc3\xa9'
    )
    for above, line in zip(small.lines, small.lines[1:], strict=False):
        assert json.loads(line)["previous"] == sha256_of(above)
    assert ledger.parse(small.content) == small
    assert small == Ledger.new().record("a.csv", HUMAN, BY_ADA).record(
        "b", MIXED, BY_GPT
    ).sign(KEY), "the same words have the same bytes"


def test_records_are_found_by_what_identifies_data(small: Ledger) -> None:
    assert [each["name"] for each in small.records] == ["a.csv", "b"]
    assert [each["line"] for each in small.of(MIXED)] == [3]
    # A file that lists a folder is not that folder.
    assert small.of(Fingerprint(MIXED.sha256, 9)) == ()
    again = small.record("a.csv", HUMAN, Origin("Bob", None))
    assert [each["author"] for each in again.of(HUMAN)] == ["Ada", "Bob"]


def test_numbers_have_one_spelling() -> None:
    one = Ledger.new().record("x", HUMAN, Origin("A", 1, "m"))
    assert one == Ledger.new().record("x", HUMAN, Origin("A", 1.0, "m"))
    assert b'"synthetic":1}' in one.lines[1]


def test_a_file_of_it_is_read_again(small: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "new" / "origins.jsonl"
    ledger.save(path, small)
    assert ledger.read(path) == small and path.read_bytes() == small.content
    (tmp_path / "link").symlink_to(path)
    ledger.save(tmp_path / "link", small.record("c", HUMAN, BY_ADA))
    assert (tmp_path / "link").is_symlink() and len(ledger.read(path).lines) == 5


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            ("Ada", 0.0, "GPT-2"),
            "synthetic is 0, but model is 'GPT-2'; state the share",
        ),
        (("Ada", 0, None, 2), "synthetic is 0, but generation is 2; what people made"),
        (("Ada", 0.1, "m", 0), "generation is 0, but synthetic is 0.1; what a model"),
        (("Ada", 0.1), "synthetic is 0.1, but neither model nor parents are given"),
        (("Ada", 50, "m"), "synthetic is 50; it must be a number from 0 to 1"),
        (("Ada", "half", "m"), "synthetic is 'half'; it must be a number from 0 to 1"),
        ((" ", 0), "author is ' '; it must say something"),
        (("x" * 2001, 0), "author has 2,001 characters; allowed are 2,000"),
        (("\x1b[2J", 0), r"author has the character '\\x1b'; only characters that can"),
        (("\udcff", 0), r"author has the character '\\udcff'; only .* in UTF-8"),
        (("Ada", 1, "m", -1), "generation is -1; it must be an integer from 0 to 1000"),
        (("Ada", 1, "m", 1, ["12ab"]), "parents has '12ab'; a sha256 is 64 digits"),
        (("Ada", 1, "m", 1, "a" * 64), "parents is 'aaa.*it must be a list of sha256"),
        (("Ada", 1, "m", 1, ["0" * 64] * 10_001), "parents has 10,001 hashes; allowed"),
        (
            ("Ada", 0, None, 0, (), None, None, "now"),
            "time is 'now'; it must be a time",
        ),
        (
            ("Ada", 0, None, 0, (), None, None, "2026-01-31 12:00"),
            "time is '2026-01-31 12:00'; it must be a time with its zone",
        ),
        (
            ("Ada", 0, None, 0, (), None, None, "2026-01-31T13:00:00+01:00"),
            "write it as 2026-01-31T12:00:00Z$",
        ),
    ],
)
def test_what_cannot_be_stated_is_said(fields: tuple, says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says):
        Origin(*fields)


def test_nothing_is_its_own_parent() -> None:
    own = Origin("Ada", 1, "m", 1, [HUMAN.sha256])
    with pytest.raises(
        ValueError, match="x is named as its own parent; leave that out"
    ):
        Ledger.new().record("x", HUMAN, own)


def test_there_must_be_something_to_sign() -> None:
    with pytest.raises(ValueError, match="there is no record to sign"):
        Ledger.new().sign(KEY)


# ---- whose words they are -----------------------------------------------------------


def test_a_record_is_its_next_signers(small: Ledger) -> None:
    both = small.record("c", HUMAN, BY_ADA).sign(OTHER, "2026-02-01T00:00:00Z")
    keys = [public_of(KEY), public_of(OTHER)]
    assert verify(both, keys).signers == {2: keys[0], 3: keys[0], 5: keys[1]}
    assert not verify(both).trusted and verify(both, keys).trusted
    assert verify(both, keys, small.lines[-1] + b"\n").complete
    assert not verify(both, keys).complete


def test_what_is_not_verified_is_said(small: Ledger) -> None:
    mine, longer = [public_of(KEY)], small.record("c", HUMAN, BY_ADA)
    foreign = longer.sign(OTHER)
    for what, says in [
        ((longer,), "nobody has signed line 5: anybody can have written"),
        ((longer.record("d", HUMAN, BY_ADA),), "nobody has signed lines 5 to 6: any"),
        (
            (foreign, mine),
            f"line 6: signed with the key {public_of(OTHER)}, which is no",
        ),
        ((Ledger.new(),), "the ledger holds no record: there is nothing to verify"),
        (
            (small, mine, longer.sign(KEY).lines[-1]),
            "is line 6 .* ends with line 4: the",
        ),
        ((small, mine, foreign.lines[-1]), "the head: signed with the key"),
        ((small, mine, small.lines[2]), "the head is a record; it must be a signature"),
        ((small, mine, b""), "the head: not a line of a ledger"),
        (
            (
                Ledger.new()
                .record("z", HUMAN, BY_ADA)
                .record("b", MIXED, BY_GPT)
                .sign(KEY),
                mine,
                small.lines[-1],
            ),
            "line 4 is another one than the head: the ledger was written anew since",
        ),
    ]:
        with pytest.raises(ValueError, match=says):
            verify(*what)


def test_a_forged_signature_is_none(small: Ledger) -> None:
    entry = json.loads(small.lines[-1])
    entry["signature"] = OTHER.sign(ledger.signed_part(entry)).hex()
    forged = Ledger((*small.lines[:-1], canonical(entry)))
    with pytest.raises(ValueError, match="line 4: the signature is not one by the key"):
        verify(ledger.parse(forged.content))


# ---- damage -------------------------------------------------------------------------


def _edited(line: bytes, **changes: object) -> bytes:
    return canonical({**json.loads(line), **changes})


DAMAGE = {
    "nothing": (lambda lines: b"", "it is empty, as after a power cut; take a copy"),
    "zeros": (
        lambda lines: b"\0" * 999,
        "it holds nothing but zeros, as after a power",
    ),
    "a picture": (
        lambda lines: b"\x89PNG\r\n\x1a\n\0",
        "no ledger of origins: its first",
    ),
    "a table": (lambda lines: b"a,b\n1,2\n", "no ledger of origins: its first line"),
    "another JSON": (
        lambda lines: b'{"format":"x"}\n',
        "no ledger of origins: its first",
    ),
    "another version": (
        lambda lines: b'{"format":"collapse-lib origins","version":7}\n' + lines[1],
        "a ledger of version 7; this library reads version 1 as it writes it: read it "
        "with the version of the library that wrote it, or take a copy",
    ),
    "cut in a line": (
        lambda lines: b"\n".join(lines)[:-9],
        "it ends in the middle of line 4; take a copy that is whole$",
    ),
    "line ends of Windows": (
        lambda lines: b"\r\n".join([*lines, b""]),
        "a ledger of version 1; this library reads version 1 as it writes it",
    ),
    "a blank line": (
        lambda lines: lines[0] + b"\n\n",
        "line 2: not a line of a ledger",
    ),
    "another encoding": (
        lambda lines: b"\n".join([*lines, b""]).decode().encode("utf-16"),
        "no ledger of origins",
    ),
    "spaces": (
        lambda lines: lines[0] + b"\n" + lines[1].replace(b",", b", ") + b"\n",
        "line 2: it is spelled in another way than a ledger is",
    ),
    "a list": (
        lambda lines: lines[0] + b"\n[1]\n",
        r"line 2: got \[1\]; a line is a rec",
    ),
    "another kind": (
        lambda lines: lines[0] + b'\n{"kind":"note"}\n',
        "line 2: its kind is 'note'; 'record' or 'signature' is",
    ),
    "a field less": (
        lambda lines: lines[0] + b'\n{"kind":"record"}\n',
        "line 2: author, bytes, generation, line, name, parents, .* missing; required",
    ),
    "a share beyond one": (
        lambda lines: lines[0] + b"\n" + _edited(lines[1], synthetic=2) + b"\n",
        "line 2.synthetic: got 2; allowed: a number from 0 to 1",
    ),
    "a word changed": (
        lambda lines: b"\n".join([*lines, b""]).replace(b"a.csv", b"z.csv"),
        "line 3: it does not follow from line 2: one of the two was changed, or lines",
    ),
    "lines exchanged": (
        lambda lines: b"\n".join([lines[0], lines[2], lines[1], lines[3], b""]),
        "line 2: it says that it is line 3: lines were moved, put in or taken out",
    ),
    "what a terminal obeys": (
        lambda lines: lines[0] + b"\n" + _edited(lines[1], author="\x1b[2J") + b"\n",
        "line 2: not a line of a ledger .*only characters that can be shown",
    ),
    "a number beyond all": (
        lambda lines: lines[0] + b'\n{"kind":1e999}\n',
        "line 2: not a line of a ledger .the number 1e999",
    ),
    "a number without end": (
        lambda lines: lines[0] + b'\n{"bytes":' + b"9" * 5000 + b"}\n",
        "line 2: not a line of a ledger .the number 999",
    ),
    "a number that has no spelling": (
        lambda lines: lines[0] + b'\n{"bytes":9007199254740993}\n',
        "line 2: not a line of a ledger",
    ),
    "a bomb of brackets": (
        lambda lines: lines[0] + b"\n" + b"[" * 900_000 + b"\n",
        "line 2: not a line of a ledger .*nested more than 40 deep",
    ),
    "a bomb of one line": (
        lambda lines: lines[0] + b"\n[" + b"0," * 2_000_000 + b"0]\n",
        "line 2: it has 4,000,003 bytes, more than a line can have",
    ),
    "a bomb in the first line": (
        lambda lines: b"[" * 5_000_000,
        "no ledger of origins",
    ),
    "a bomb of lines": (
        lambda lines: lines[0] + b"\n" * 9_000_000,
        "line 2: not a line",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_one_sentence(damage: str, small: Ledger, tmp_path: Path) -> None:
    make, says = DAMAGE[damage]
    path = tmp_path / "origins.jsonl"
    path.write_bytes(make(list(small.lines)))
    with pytest.raises(ValueError, match=f"^origins.jsonl(: |, ){says}") as caught:
        ledger.read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1100


def test_a_ledger_that_is_no_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dead").symlink_to("nowhere")
    for path, says in [
        (tmp_path, "is no file; a ledger is one"),
        (tmp_path / "pipe", "is no file; a ledger is one"),
        (tmp_path / "dead", "is no file; a ledger is one"),
        (tmp_path / "none", "there is no ledger .*/none"),
    ]:
        with pytest.raises((OSError, ValueError), match=says):
            ledger.read(path)
    (tmp_path / "large").write_bytes(b"\n" * 99)
    monkeypatch.setattr(ledger, "MOST_BYTES", 50)
    with pytest.raises(ValueError, match="has more than the 50 bytes of a ledger"):
        ledger.read(tmp_path / "large")
    full = Ledger.new().record("a", HUMAN, BY_ADA)
    with pytest.raises(
        ValueError, match="would have more than the 50 bytes .* begin an"
    ):
        ledger.save(tmp_path / "new", full)
    assert not (tmp_path / "new").exists()


def test_one_process_at_a_time_changes_a_ledger(tmp_path: Path) -> None:
    """Each of eight adds a record to what it has read: none is lost."""
    path = tmp_path / "new" / "origins.jsonl"

    def add(number: int) -> None:
        for _ in range(5):
            with ledger.changing(path):
                found = ledger.read(path) if path.exists() else Ledger.new()
                ledger.save(path, found.record(f"by {number}", HUMAN, BY_ADA))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [each["name"] for each in ledger.read(path).records]
    assert sorted(names) == sorted(
        f"by {number}" for number in range(8) for _ in range(5)
    )
