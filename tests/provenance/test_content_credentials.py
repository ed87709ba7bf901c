"""Manifests of Content Credentials (C2PA), signed by a root of our own.

The reference implementation writes and reads them. A changed byte is found; a picture
that was saved again has no manifest any more, and nothing tells.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from collapse_lib.provenance import credentials


def png(picture: Image.Image) -> bytes:
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8))
PLAIN = png(NOISE)


@pytest.fixture(scope="module")
def signed() -> bytes:
    """A picture with a manifest in it."""
    signer = credentials.new_signer("collapse-lib tests")
    return credentials.sign(PLAIN, signer, "noise", credentials.MADE_BY_A_MODEL)


def test_a_manifest_is_read_again(signed: bytes) -> None:
    judged = credentials.judge(signed)
    assert credentials.MADE_BY_A_MODEL in judged.manifest
    assert (judged.state, judged.codes) == ("Valid", ("signingCredential.untrusted",))


def test_a_changed_byte_is_found(signed: bytes) -> None:
    picture = bytearray(signed)
    picture[signed.rindex(b"IDAT") + 20] ^= 1
    judged = credentials.judge(bytes(picture))
    assert judged.state == "Invalid"
    assert "assertion.dataHash.mismatch" in judged.codes


def test_what_cannot_be_read_is_invalid(signed: bytes) -> None:
    picture = signed.replace(b"jumb", b"jumc", 1)
    assert credentials.judge(picture).state != "Valid"


def test_a_picture_that_was_saved_again_is_one_that_never_had_one(
    signed: bytes,
) -> None:
    again = png(Image.open(io.BytesIO(signed)))
    assert credentials.judge(again).state == credentials.NOTHING
    assert again == PLAIN  # byte for byte: there is nothing to find


@pytest.mark.parametrize("picture", [b"", b"no picture", PLAIN[:40]])
def test_what_is_no_picture_cannot_be_signed(picture: bytes) -> None:
    signer = credentials.new_signer("Ada")
    with pytest.raises(ValueError, match="picture"):
        credentials.sign(picture, signer, "x", credentials.MADE_BY_A_MODEL)


def test_names_have_room_in_a_certificate() -> None:
    credentials.new_signer("ü" * 32)
    with pytest.raises(ValueError, match="65 bytes"):
        credentials.new_signer("a" * 65)


def test_another_signer_cannot_sign() -> None:
    with pytest.raises(TypeError, match="new_signer"):
        credentials.sign(PLAIN, "Ada", "x", credentials.MADE_BY_A_MODEL)
