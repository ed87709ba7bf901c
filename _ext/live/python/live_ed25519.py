"""Signatures with Ed25519 (RFC 8032), for the browser has no *cryptography*.

The book's build gives it the names by which the library asks for that package. The same
key signs the same bytes alike with both. It takes no care that nobody can measure how
long it takes: sign with it what a chapter signs, and nothing else.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha512

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)

#: A point (x, y) as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


class InvalidSignature(Exception):
    """Raised where a signature is not of these bytes."""


def _add(a: Point, b: Point) -> Point:
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def _table(point: Point) -> list[list[Point]]:
    """Return 0 to 15 times the point, 16 times the point, and so on."""
    rows = []
    for _ in range(64):
        row = [NEUTRAL]
        for _ in range(15):
            row.append(_add(row[-1], point))
        rows.append(row)
        point = _add(row[-1], point)
    return rows


def _times(number: int, table: list[list[Point]]) -> Point:
    found = NEUTRAL
    for row in table:
        if number & 15:
            found = _add(found, row[number & 15])
        number >>= 4
    return found


def _packed(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _point(packed: bytes) -> Point:
    """Return the point that 32 bytes stand for, or raise a ValueError."""
    number = int.from_bytes(packed, "little")
    y, odd = number & (1 << 255) - 1, number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if len(packed) != 32 or y >= P or (x * x - square) % P or (odd and not x):
        raise ValueError("these bytes are no public key")
    x = P - x if x & 1 != odd else x
    return x, y, 1, x * y % P


@cache
def _base() -> list[list[Point]]:
    return _table(_point((4 * pow(5, -1, P) % P).to_bytes(32, "little")))


@cache
def _known(packed: bytes) -> list[list[Point]]:
    """Return the table of a public key; a chapter has a handful of them."""
    return _table(_point(packed))


def _hash(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % ORDER


class Ed25519PublicKey:
    """A key with which anyone can check signatures."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @classmethod
    def from_public_bytes(cls, data: bytes) -> Ed25519PublicKey:
        """Return the key of 32 bytes."""
        _known(bytes(data))
        return cls(bytes(data))

    def public_bytes_raw(self) -> bytes:
        """Return the key's 32 bytes."""
        return self._packed

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise InvalidSignature unless the signature is this key's, of these bytes."""
        number = int.from_bytes(signature[32:], "little")
        if len(signature) != 64 or number >= ORDER:
            raise InvalidSignature
        h = _hash(signature[:32], self._packed, data)
        # R = sB - hA, where the signature holds R and s, and A is this key.
        found = _add(_times(number, _base()), _times(ORDER - h, _known(self._packed)))
        if _packed(found) != signature[:32]:
            raise InvalidSignature


class Ed25519PrivateKey:
    """A key that signs."""

    def __init__(self, seed: bytes) -> None:
        digest = sha512(seed).digest()
        number = int.from_bytes(digest[:32], "little")
        self._number = number & (1 << 254) - 8 | 1 << 254
        self._prefix = digest[32:]
        self._public = _packed(_times(self._number, _base()))

    @classmethod
    def from_private_bytes(cls, data: bytes) -> Ed25519PrivateKey:
        """Return the key of 32 secret bytes."""
        if len(data) != 32:
            raise ValueError("an Ed25519 private key is 32 bytes long")
        return cls(bytes(data))

    def public_key(self) -> Ed25519PublicKey:
        """Return the key for everybody."""
        return Ed25519PublicKey(self._public)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of these bytes."""
        r = _hash(self._prefix, data)
        point = _packed(_times(r, _base()))
        h = _hash(point, self._public, data)
        return point + ((r + h * self._number) % ORDER).to_bytes(32, "little")
