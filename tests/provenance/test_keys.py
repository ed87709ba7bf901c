"""Keys: made where nobody else reads them, used, and never shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from collapse_lib.provenance import keys

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ada"


def private(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_a_new_key_is_its_owners_alone(place: Path) -> None:
    before = os.umask(0)  # the most generous
    try:
        public = keys.new_key(place)
    finally:
        os.umask(before)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert sorted(place.parent.iterdir()) == [place, public]
    assert keys.read_public(str(public)) == keys.public_of(keys.read_key(place))
    assert keys.read_public(keys.public_of(keys.read_key(place)))


def test_it_is_so_from_the_first_byte_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []

    def watched(handle: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(handle).st_mode))

    monkeypatch.setattr(os, "fsync", watched)
    keys.new_key(place)
    assert modes[0] == 0o600


def test_a_key_is_never_written_over(place: Path) -> None:
    keys.new_key(place)
    content = place.read_bytes()
    with pytest.raises(FileExistsError, match="ada is there already; a key is never"):
        keys.new_key(place)
    place.rename(place.with_name("bob"))
    with pytest.raises(FileExistsError, match=r"ada\.pub is there already"):
        keys.new_key(place)
    place.symlink_to(place.with_name("nowhere"))
    with pytest.raises(FileExistsError, match="ada is there already"):
        keys.new_key(place)
    assert place.with_name("bob").read_bytes() == content


@pytest.mark.parametrize("mark", [".git", ".hg", ".svn", ".jj"])
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_no_key_lies_in_a_checkout(mark: str, kind: str, tmp_path: Path) -> None:
    checkout = tmp_path / "work"
    inside = checkout / "deep" / "er" / "ada"
    inside.parent.mkdir(parents=True)
    (checkout / mark).mkdir() if kind == "folder" else (checkout / mark).write_text("x")
    (tmp_path / "link").symlink_to(inside.parent)
    for path in (inside, tmp_path / "link" / "ada", checkout / "ada"):
        with pytest.raises(ValueError, match="/ada lies in a checkout of a repository"):
            keys.new_key(path)
    assert not inside.exists()
    # Nor is one used that was put there.
    keys.new_key(tmp_path / "ada").replace(tmp_path / "ada.pub")
    (tmp_path / "ada").rename(inside)
    with pytest.raises(ValueError, match="lies in a checkout of a repository .*/work"):
        keys.read_key(inside)
    (tmp_path / "ada").symlink_to(inside)
    with pytest.raises(ValueError, match="lies in a checkout"):
        keys.read_key(tmp_path / "ada")


def test_none_lies_in_this_one(root: Path) -> None:
    with pytest.raises(ValueError, match="lies in a checkout of a repository"):
        keys.new_key(root / "results" / "ada")


def test_a_key_that_others_can_read_is_refused(place: Path) -> None:
    keys.new_key(place)
    for mode in (0o640, 0o604, 0o620):
        place.chmod(mode)
        with pytest.raises(
            ValueError, match=rf"by others \(mode {mode:o}\); chmod 600"
        ):
            keys.read_key(place)


def test_a_disk_that_keeps_no_modes_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = keys.write

    def open_to_all(path: Path, content: bytes, mode: int) -> None:
        write(path, content)
        path.chmod(0o755)

    monkeypatch.setattr(keys, "write", open_to_all)
    with pytest.raises(ValueError, match="take a folder on a disk that keeps modes"):
        keys.new_key(place)
    assert not list(place.parent.iterdir())


def test_what_is_no_key_is_said_and_not_shown(tmp_path: Path) -> None:
    secret = b"hunter2"
    own = ed25519.Ed25519PrivateKey.generate()
    elliptic = ec.generate_private_key(ec.SECP256R1())
    encrypted = serialization.BestAvailableEncryption(b"word")
    for content, says in [
        (secret, "is no private Ed25519 key in PEM; make one of its own"),
        (b"", "is no private Ed25519 key in PEM"),
        (own.private_bytes(PEM, PKCS8, PLAIN)[:60], "is no private Ed25519 key in PEM"),
        (elliptic.private_bytes(PEM, PKCS8, PLAIN), "is no private Ed25519 key in PEM"),
        (own.private_bytes(PEM, PKCS8, encrypted), "has a password; only keys without"),
        (b"x" * 20_000, "is too large for a key"),
    ]:
        path = private(tmp_path / "key", content)
        with pytest.raises(ValueError, match=says) as caught:
            keys.read_key(path)
        assert secret.decode() not in str(caught.value)
        assert caught.value.__cause__ is None
    with pytest.raises(FileNotFoundError, match="^there is no key .*/none$"):
        keys.read_key(tmp_path / "none")
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(ValueError, match="folder is no file; a key is one"):
        keys.read_key(tmp_path / "folder")


def test_what_is_no_public_key_is_said(place: Path) -> None:
    public = keys.new_key(place)
    with pytest.raises(
        ValueError, match=r"ada is no public key: .* half is in .*\.pub"
    ):
        keys.read_public(str(place))
    public.write_text("12ab")
    with pytest.raises(
        ValueError, match=r"ada\.pub is no public key: that is 64 digits"
    ):
        keys.read_public(str(public))
    for value in ("12ab", "F" * 64, "nowhere.pub"):
        with pytest.raises(
            FileNotFoundError, match="a public key is 64 digits 0-9 and"
        ):
            keys.read_public(value)
