"""Write `.zenodo.json`, what Zenodo archives a release under, from `CITATION.cff`.

python scripts/zenodo.py            writes it
python scripts/zenodo.py --check    says whether it is up to date
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from collapse_lib import files
from collapse_lib.files.reading import read_yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE, TARGET = "CITATION.cff", ".zenodo.json"


def record(citation: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a release.

    Parameters
    ----------
    citation
        What ``CITATION.cff`` says.
    """
    works = [each for each in citation.get("references", []) if each.get("doi")]
    licences = citation["license"]
    return {
        "title": citation["title"],
        "description": " ".join(citation["abstract"].split()),
        "upload_type": citation["type"],
        "version": str(citation["version"]),
        "publication_date": str(citation["date-released"]),
        "creators": [{"name": _name(author)} for author in citation["authors"]],
        # Zenodo takes one; the description of the repository names the other.
        "license": licences if isinstance(licences, str) else licences[0],
        "keywords": citation["keywords"],
        "related_identifiers": [
            {"identifier": work["doi"], "relation": "references", "scheme": "doi"}
            for work in works
        ],
    }


def _name(author: Mapping[str, str]) -> str:
    """Return a name as Zenodo wants it: family name first."""
    if "name" in author:
        return author["name"]
    return f"{author['family-names']}, {author['given-names']}"


def text(root: Path) -> str:
    """Return what the file should say."""
    made = record(read_yaml(root / SOURCE))
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=f"Write {TARGET} from {SOURCE}.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(argv)
    path, wanted = root / TARGET, text(root)
    if path.is_file() and path.read_text("utf-8") == wanted:
        print(f"{TARGET} is up to date")
        return 0
    if options.check:
        print(f"{TARGET} is not what {SOURCE} says; run scripts/zenodo.py")
        return 1
    files.write(path, wanted.encode())
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
