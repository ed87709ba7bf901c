"""Archives that a page unpacks in the reader's browser, alike to the byte if files are.

Standard library only: ``scripts/live_packs.py`` runs with any Python 3.12 there is.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

#: Path below the folder where they are unpacked -> content.
Files = Mapping[str, bytes]


class Pack(TypedDict):
    """What a page has to know of a pack: its file, and how large that is."""

    file: str
    bytes: int


def tar(files: Files) -> bytes:
    """Return the files as an archive, by name, without dates or owners."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def write(folder: Path, name: str, content: bytes) -> Pack:
    """Write compressed content under a name that changes with it.

    The name ends with no ``.gz``: some servers would declare such a file as compressed
    and the browser would unpack it before the page does.
    """
    packed = gzip.compress(content, 9, mtime=0)
    file = f"{name}-{hashlib.sha256(packed).hexdigest()[:12]}.bin"
    (folder / file).write_bytes(packed)
    return {"file": file, "bytes": len(packed)}
