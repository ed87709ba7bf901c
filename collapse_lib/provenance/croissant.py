"""A record of origins as Croissant, the format of ML Commons for data sets.

It is JSON-LD on the vocabulary of schema.org, version 1.0. What Croissant has no word
for - generation, synthetic share, model - stands under names of our own.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from collapse_lib.checks import given
from collapse_lib.files import check_path, sha256_of
from collapse_lib.provenance.fingerprint import fingerprint, shown
from collapse_lib.provenance.ledger import Entry, Ledger

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
#: The terms that every record of the format declares, and two of ours.
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "origins": "urn:collapse-lib:origins:",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        term: f"cr:{term}"
        for term in (
            "citeAs column equivalentProperty extract field fileObject fileProperty "
            "fileSet format includes isLiveDataset jsonPath key md5 parentField path "
            "recordSet references regex repeated replace samplingRate separator source "
            "subField transform"
        ).split()
    },
}
#: Endings of names -> media types. Python's own table differs between machines.
MEDIA = {
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".mp3": "audio/mpeg",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
OTHER = "application/octet-stream"


def record(ledger: Ledger, path: str | Path) -> dict[str, Any]:
    """Return the newest record of data as Croissant.

    Parameters
    ----------
    ledger
        Holds it.
    path
        The data; a folder is described by the types of the files in it.

    Raises
    ------
    OSError, ValueError
        If the data cannot be read, or the ledger has no record of them.
    """
    if not isinstance(ledger, Ledger):
        raise TypeError(f"ledger is {given(ledger)}; read one with ledger.read(path)")
    path = check_path("path", path)
    entries = ledger.of(fingerprint(path))
    if not entries:
        raise ValueError(f"the ledger has no record of what is in {shown(path)} now")
    entry = entries[-1]
    words = in_words(entry)
    words = f"{words[0].upper()}{words[1:]}."
    names = {
        "generation": entry["generation"],
        "synthetic": entry["synthetic"],
        "model": entry.get("model"),
        "recorded": entry.get("time"),
        "sha256": entry["sha256"],
        "record": f"sha256:{sha256_of(ledger.lines[entry['line'] - 1])}",
    }
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": entry["name"],
        "description": entry.get("description", words),
        "license": entry.get("licence"),
        "creator": {"@type": "Person", "name": entry["author"]},
        "rai:dataCollection": words,
        "prov:wasDerivedFrom": [
            {"@id": f"urn:sha256:{parent}"} for parent in entry["parents"]
        ],
        **{f"origins:{name}": value for name, value in names.items()},
        "distribution": [_distribution(entry, path)],
    }
    return {name: value for name, value in content.items() if value not in (None, [])}


def in_words(entry: Entry) -> str:
    """Say in one line what a record states."""
    generation, synthetic = entry["generation"], entry["synthetic"]
    known = f"{100 * synthetic:.6g} %" if synthetic is not None else "an unknown share"
    said = [
        f"made by {shown(entry['author'])}",
        f"generation {'unknown' if generation is None else generation}",
        f"{known} synthetic",
    ]
    if "model" in entry:
        said[-1] += f" by {shown(entry['model'])}"
    if parents := entry["parents"]:
        said.append("from " + ", ".join(f"{parent[:12]}..." for parent in parents[:3]))
        said[-1] += f" and {len(parents) - 3} more" if len(parents) > 3 else ""
    return ", ".join(said)


def _distribution(entry: Entry, path: Path) -> dict[str, Any]:
    """Return where the files are, as seen from the folder that the data lie in."""
    name = os.path.basename(os.path.abspath(path))
    address = quote(os.fsencode(name))
    about = {"@id": address, "name": shown(name)}
    if "files" in entry:
        return {
            "@type": "cr:FileSet",
            **about,
            "includes": f"{glob.escape(shown(name))}/**",
            "encodingFormat": _media(
                each for _, _, found in os.walk(path) for each in found
            ),
        }
    return {
        "@type": "cr:FileObject",
        **about,
        "contentUrl": address,
        "contentSize": f"{entry['bytes']} B",
        "encodingFormat": _media([name])[0],
        "sha256": entry["sha256"],
    }


def _media(names: Iterable[str]) -> list[str]:
    endings = {os.path.splitext(name)[1].lower() for name in names}
    return sorted({MEDIA.get(ending, OTHER) for ending in endings})
