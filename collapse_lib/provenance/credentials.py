"""Content Credentials in a picture (C2PA), signed with a root of our own.

The reference implementation, c2pa-python, writes and reads them. The keys live in the
memory of one process and are written nowhere: what is signed here proves how the
format works, and nothing about anybody.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from collapse_lib.checks import given
from collapse_lib.provenance.canonical import needed
from collapse_lib.provenance.origin import check_words

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, Name

#: What IPTC calls media that a trained model made.
MADE_BY_A_MODEL = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
)
#: What a picture is called that has no manifest.
NOTHING = "no manifest"
PNG = "image/png"


@dataclass(frozen=True)
class Judged:
    """What the reference implementation says of a picture.

    Parameters
    ----------
    state
        ``"Valid"``, ``"Invalid"`` or ``"no manifest"``; a manifest that cannot be read
        is ``"Invalid"``.
    codes
        The codes of what is wrong, in order. A root of our own is one that nobody
        trusts, which is among them, and alone does not make a manifest invalid.
    manifest
        What the manifest says, as JSON; empty if it cannot be read.
    """

    state: str
    codes: tuple[str, ...] = ()
    manifest: str = ""


def new_signer(name: str) -> Any:
    """Return a signer whose keys were made for it, and are kept in memory alone.

    Parameters
    ----------
    name
        Who signs: the common name of the certificate.

    Returns
    -------
    c2pa.Signer
        For `sign`.

    Raises
    ------
    ValueError
        If the name is too long for a certificate.
    ImportError
        If the extra ``provenance`` is not installed.
    """
    check_words("name", name)
    if (size := len(name.encode())) > 64:
        raise ValueError(f"name has {size} bytes; a certificate has room for 64")
    library, curves = _library(), needed("cryptography.hazmat.primitives.asymmetric.ec")
    root, own = (curves.generate_private_key(curves.SECP256R1()) for _ in range(2))
    issuer = _named("a root of our own")
    chain = [
        _certificate(_named(name), own, issuer, root),
        _certificate(issuer, root, issuer, root),
    ]
    serialization = needed("cryptography.hazmat.primitives.serialization")
    pem = serialization.Encoding.PEM
    key = own.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificates = b"".join(each.public_bytes(pem) for each in chain)
    # No address of a time stamp, which would need the network.
    info = library.C2paSignerInfo(library.C2paSigningAlg.ES256, certificates, key, None)
    return library.Signer.from_info(info)


def sign(picture: bytes, signer: Any, title: str, source: str) -> bytes:
    """Return a picture with a manifest that says how it was made.

    Parameters
    ----------
    picture
        A PNG file.
    signer
        From `new_signer`.
    title
        What the picture is called.
    source
        Its IPTC digital source type, as `MADE_BY_A_MODEL`.

    Raises
    ------
    ValueError
        If the picture is no PNG file.
    ImportError
        If the extra ``provenance`` is not installed.
    """
    _check_png(picture)
    check_words("title", title)
    check_words("source", source)
    library = _library()
    if not isinstance(signer, library.Signer):
        raise TypeError(f"signer is {given(signer)}; make one with new_signer(name)")
    action = {"action": "c2pa.created", "digitalSourceType": source}
    manifest = {
        "claim_generator_info": [{"name": "collapse-lib"}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    made = io.BytesIO()
    try:
        with library.Builder(manifest) as builder:
            builder.sign(signer, PNG, io.BytesIO(picture), made)
    except library.C2paError as error:
        raise ValueError(f"picture cannot be signed ({_brief(error)})") from None
    return made.getvalue()


def judge(picture: bytes) -> Judged:
    """Return what the reference implementation says of a picture.

    Parameters
    ----------
    picture
        A PNG file, which may be damaged.

    Raises
    ------
    ImportError
        If the extra ``provenance`` is not installed.
    """
    _check_bytes(picture)
    library = _library()
    try:
        with library.Reader(PNG, io.BytesIO(picture)) as reader:
            found = reader.get_validation_results() or {}
            state, manifest = str(reader.get_validation_state()), reader.json()
    except library.C2paError.ManifestNotFound:
        return Judged(NOTHING)
    except library.C2paError as error:
        return Judged("Invalid", (_brief(error),))
    wrong = found.get("activeManifest", {}).get("failure", [])
    codes = tuple(sorted({each["code"] for each in wrong}))
    return Judged(state, codes, manifest)


def _library() -> Any:
    return needed("c2pa")


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _check_bytes(picture: Any) -> None:
    if not isinstance(picture, bytes):
        raise TypeError(f"picture is {given(picture)}; it must be the bytes of a file")


def _check_png(picture: Any) -> None:
    _check_bytes(picture)
    if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError(f"picture is {given(picture[:20])}; it must be a PNG file")


def _named(name: str) -> Name:
    x509 = needed("cryptography.x509")
    of = x509.oid.NameOID
    return cast(
        "Name",
        x509.Name(
            [
                x509.NameAttribute(of.COMMON_NAME, name),
                x509.NameAttribute(of.ORGANIZATION_NAME, "collapse-lib"),
            ]
        ),
    )


def _certificate(
    name: Name,
    key: EllipticCurvePrivateKey,
    issuer: Name,
    by: EllipticCurvePrivateKey,
) -> Certificate:
    """Return a certificate for a day: of a root if it is its own issuer."""
    x509, root, now = needed("cryptography.x509"), name == issuer, datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False,
        decipher_only=False, key_cert_sign=root, crl_sign=root,
    )  # fmt: skip
    parent = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(root, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(parent, critical=False)
    )
    if not root:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purpose, critical=True)
    sha256 = needed("cryptography.hazmat.primitives.hashes").SHA256()
    return cast("Certificate", made.sign(by, sha256))
