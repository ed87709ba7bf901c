"""Manifests of Content Credentials (C2PA), signed by a root of our own.

The reference implementation writes and reads them. A changed byte is found; a picture
that was saved again has no manifest any more, and nothing tells.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

MADE_BY_A_MODEL = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
)
MANIFEST = {
    "claim_generator_info": [{"name": "collapse-lib tests"}],
    "title": "noise",
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {"action": "c2pa.created", "digitalSourceType": MADE_BY_A_MODEL}
                ]
            },
        }
    ],
}
SIGNING = dict(
    digital_signature=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False,
    decipher_only=False,
)  # fmt: skip


def named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "collapse-lib tests"),
        ]
    )


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Return a certificate: of a root if it is its own issuer."""
    root, now = name == issuer, datetime.now(UTC)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    usage = x509.KeyUsage(**SIGNING, key_cert_sign=root, crl_sign=root)
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(root, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
    )
    if not root:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purpose, critical=True)
    return made.sign(by, hashes.SHA256())


@pytest.fixture(scope="module")
def signed() -> bytes:
    """A picture with a manifest in it."""
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = [
        certificate("own", own, "root", root),
        certificate("root", root, "root", root),
    ]
    pem = serialization.Encoding.PEM
    key = own.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(
            c2pa.C2paSigningAlg.ES256,
            b"".join(each.public_bytes(pem) for each in chain),
            key,
            None,  # no time stamp, which would need the network
        )
    )
    noise = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    plain, made = io.BytesIO(), io.BytesIO()
    Image.fromarray(noise).save(plain, "PNG")
    plain.seek(0)
    with c2pa.Builder(MANIFEST) as builder:
        builder.sign(signer, "image/png", plain, made)
    return made.getvalue()


def codes(picture: bytes) -> tuple[str, set[str]]:
    """Return how a picture's manifest is judged, and the codes of what is wrong."""
    with c2pa.Reader("image/png", io.BytesIO(picture)) as reader:
        found = reader.get_validation_results()["activeManifest"]
        return reader.get_validation_state(), {
            each["code"] for each in found["failure"]
        }


def test_a_manifest_is_read_again(signed: bytes) -> None:
    with c2pa.Reader("image/png", io.BytesIO(signed)) as reader:
        assert MADE_BY_A_MODEL in reader.json()
    assert codes(signed) == ("Valid", {"signingCredential.untrusted"})


def test_a_changed_byte_is_found(signed: bytes) -> None:
    picture = bytearray(signed)
    picture[signed.rindex(b"IDAT") + 20] ^= 1
    state, wrong = codes(bytes(picture))
    assert state == "Invalid" and "assertion.dataHash.mismatch" in wrong


def test_a_picture_that_was_saved_again_has_none(signed: bytes) -> None:
    again = io.BytesIO()
    Image.open(io.BytesIO(signed)).save(again, "PNG")
    with pytest.raises(c2pa.C2paError.ManifestNotFound):
        c2pa.Reader("image/png", again)
