"""Data and signatures in the reader's browser are those of a laptop."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import live_ed25519
import live_pages
import live_start
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from live_archive import tar

from collapse_lib.data import corpora
from collapse_lib.data.words import word_frequencies

MESSAGES = [b"", b"Too loud.", bytes(range(256)) * 3]


def unpacked(files: dict[str, bytes], folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(tar(files))) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None, "a pack has files only"
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())


# ---- data ----------------------------------------------------------------------------


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the packs that are asked for, which come from the build's makers."""
    asked: list[str] = []

    def fetch(pack: str) -> None:
        asked.append(pack)
        kind, *rest = pack.split("-")
        if kind == "words":
            unpacked(live_pages._words(rest[1], rest[0]), tmp_path)
        else:
            unpacked(live_pages._chitchat(rest[0]), tmp_path)

    monkeypatch.setattr(live_start, "fetch", fetch)
    monkeypatch.setattr(live_start, "SITE", str(tmp_path))
    for name in ("live_words", "live_corpora"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return asked


def test_a_list_of_words_is_the_package_s(
    fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = word_frequencies("is", wordlist="small")
    import live_words

    monkeypatch.setitem(sys.modules, "wordfreq", live_words)
    there = word_frequencies("is", wordlist="small")
    assert fetched == ["words-small-is"]
    assert there.words == here.words
    assert there.p.tolist() == here.p.tolist()
    with pytest.raises(ValueError, match="has en, fi, fr"):
        word_frequencies("is")
    assert live_words.WORDS == live_pages.WORDS


def test_a_corpus_is_the_package_s(fetched: list[str]) -> None:
    here = corpora.corpus("chitchat", "validation")
    import live_corpora

    fixed = ModuleType("corpora")
    fixed.__dict__["CORPORA"] = {}
    live_corpora.fix(fixed)
    there = fixed.CORPORA["chitchat"]("validation", None)
    assert there == (here.documents, here.provenance)
    assert fetched == ["chitchat-validation"]


def test_the_corpus_carries_its_licence() -> None:
    files = live_pages._chitchat("test")
    assert b"MIT License" in files["chitchat/LICENSE"]
    assert json.loads(files["chitchat/test.json"])["documents"]


def test_the_library_s_corpora_are_told_of_the_packs(
    fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "collapse_lib.data.corpora"
    import collapse_lib.data

    monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [live_start.Finder, *sys.meta_path])
    monkeypatch.setattr(collapse_lib.data, "corpora", corpora)  # put back afterwards
    from importlib import import_module

    anew = import_module(name)
    assert anew.CORPORA["chitchat"].__module__ == "live_corpora"


# ---- signatures ----------------------------------------------------------------------


@pytest.mark.parametrize("message", MESSAGES)
def test_a_signature_is_the_package_s(message: bytes) -> None:
    for seed in (bytes(32), bytes(range(32)), b"\xff" * 32):
        ours = live_ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        theirs = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        public = theirs.public_key().public_bytes_raw()
        assert ours.public_key().public_bytes_raw() == public
        signature = theirs.sign(message)
        assert ours.sign(message) == signature
        live_ed25519.Ed25519PublicKey.from_public_bytes(public).verify(
            signature, message
        )


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a_changed_signature_is_refused_as_by_the_package(place: int) -> None:
    seed, message = bytes(range(32)), b"Too loud."
    signature = bytearray(
        live_ed25519.Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    )
    signature[place] ^= 1
    theirs = ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key()
    ours = live_ed25519.Ed25519PublicKey.from_public_bytes(theirs.public_bytes_raw())
    with pytest.raises(InvalidSignature):
        theirs.verify(bytes(signature), message)
    for wrong in (bytes(signature), bytes(signature[:40]), b""):
        with pytest.raises(live_ed25519.InvalidSignature):
            ours.verify(wrong, message)


@pytest.mark.parametrize(
    "packed", [b"", b"\x02" + bytes(31), b"\xff" * 32, b"\x01" + bytes(30) + b"\x80"]
)
def test_what_is_no_public_key_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="no public key"):
        live_ed25519.Ed25519PublicKey.from_public_bytes(packed)
