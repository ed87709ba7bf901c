"""Ed25519 keys: made, kept where nobody else reads them, used, never shown.

A private key is a file of its own (PEM, PKCS 8) that only its owner may read. Its
public half are 64 digits, which stand in every signature; whoever wants to verify one
needs to know them from somewhere else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from collapse_lib.checks import given
from collapse_lib.files import check_path, write, write_text
from collapse_lib.provenance.canonical import needed
from collapse_lib.provenance.fingerprint import shown
from collapse_lib.provenance.origin import HASH

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Names that mark the top folder of a checkout, which may be published as a whole.
CHECKOUTS = (".git", ".hg", ".svn", ".jj", ".bzr", "_darcs", "CVS", ".fslckout")
#: A key of ours has some hundred bytes.
LARGEST = 10_000
PRIVATE = 0o600


def new_key(path: str | Path) -> Path:
    """Make a private key, and its public half beside it with the ending ``.pub``.

    Parameters
    ----------
    path
        Where; nothing may be there, nor may it be in a checkout of a repository.

    Returns
    -------
    Path
        The file of the public half.

    Raises
    ------
    OSError
        If it cannot be written there, or there is one already.
    ValueError
        If the place is in a checkout, or others could read what is written there.
    ImportError
        If the extra ``provenance`` is not installed.
    """
    path = _check_place(check_path("path", path))
    public = path.with_name(f"{path.name}.pub")
    for there in (path, public):
        if os.path.lexists(there):
            raise FileExistsError(
                f"{shown(there)} is there already; a key is never written over: name "
                "another file, or use that one"
            )
    key = _ed25519().Ed25519PrivateKey.generate()
    serialization = needed("cryptography.hazmat.primitives.serialization")
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write(path, pem, mode=PRIVATE)
    try:
        _check_mode(path)
    except ValueError:
        path.unlink()
        raise
    write_text(public, public_of(key))
    return public


def read_key(path: str | Path) -> Ed25519PrivateKey:
    """Return a private key. No message shows anything of what is in the file.

    Raises
    ------
    OSError
        If there is none, or it cannot be read.
    ValueError
        If it is no Ed25519 key as `new_key` writes it, others may read it, or it lies
        in a checkout of a repository.
    ImportError
        If the extra ``provenance`` is not installed.
    """
    path = check_path("path", path)
    if not os.path.lexists(path):
        raise FileNotFoundError(f"there is no key {shown(path)}")
    _check_mode(_check_place(path))
    load = needed("cryptography.hazmat.primitives.serialization").load_pem_private_key
    kind, content = _ed25519().Ed25519PrivateKey, _read(path)
    try:
        key = load(content, None)
    except TypeError:
        raise ValueError(
            f"the key {shown(path)} has a password; only keys without one can be used"
        ) from None
    except Exception:  # what is raised may quote the file
        key = None
    if not isinstance(key, kind):
        raise ValueError(
            f"{shown(path)} is no private Ed25519 key in PEM; make one of its own for "
            "the ledger"
        )
    return cast("Ed25519PrivateKey", key)


def read_public(value: str) -> str:
    """Return the public half of a key, from its 64 digits or a file that holds them.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is neither.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"value is {given(value)}; it must be 64 digits or a file")
    if isinstance(value, str) and HASH.fullmatch(value):
        return value
    path = check_path("value", value)
    if not os.path.lexists(path):
        raise FileNotFoundError(
            f"there is no {shown(path)}; a public key is 64 digits 0-9 and a-f, or a "
            "file that holds them"
        )
    content = _read(path)
    digits = content.strip().decode("ascii", "replace")
    if not HASH.fullmatch(digits):
        private = b"PRIVATE KEY" in content
        remedy = f"; its public half is in {shown(path)}.pub" if private else ""
        raise ValueError(
            f"{shown(path)} is no public key: that is 64 digits 0-9 and a-f{remedy}"
        )
    return digits


def public_of(key: Ed25519PrivateKey) -> str:
    """Return the public half of a private key, as 64 digits."""
    digits: str = key.public_key().public_bytes_raw().hex()
    return digits


def is_signed(content: bytes, signature: str, public: str) -> bool:
    """Return whether a signature of bytes was made with a key."""
    invalid = needed("cryptography.exceptions").InvalidSignature
    key = _ed25519().Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    try:
        key.verify(bytes.fromhex(signature), content)
    except invalid:
        return False
    return True


def _ed25519() -> Any:
    return needed("cryptography.hazmat.primitives.asymmetric.ed25519")


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ValueError(f"{shown(path)} is no file; a key is one")
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{shown(path)} is too large for a key")
        return path.read_bytes()
    except OSError as error:
        raise OSError(f"{shown(path)} cannot be read ({error.strerror})") from None


def _check_place(path: Path) -> Path:
    """Refuse a private key that the next commit could publish."""
    real = Path(os.path.realpath(path))
    for folder in {*real.parents, *Path(os.path.abspath(path)).parents}:
        if any(os.path.lexists(folder / mark) for mark in CHECKOUTS):
            raise ValueError(
                f"the path {shown(path)} lies in a checkout of a repository "
                f"({shown(folder)}), which is made to be shared; keep private "
                "keys in a folder of their own, as in ~/.config/collapse-lib"
            )
    return path


def _check_mode(path: Path) -> None:
    """Refuse a private key that others may read; Windows has no such modes."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name != "nt" and mode & 0o077:
        raise ValueError(
            f"{shown(path)} can be read or changed by others (mode {mode:o}); chmod "
            "600 it, or take a folder on a disk that keeps modes; make a new key if "
            "others had access"
        )
