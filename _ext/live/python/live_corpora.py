"""The corpus *chitchat* in the reader's browser, a pack for each part of it.

The book's build writes the conversations of a part, as `collapse_lib.data.corpora`
reads them; a cell that asks for the part fetches it. The other corpora are not here.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

from live_start import SITE, fetch


def chitchat(
    split: str, folder: str | Path | None = None
) -> tuple[tuple[str, ...], str]:
    """Return the conversations of a part, and where they come from."""
    fetch(f"chitchat-{split}")
    told = json.loads(Path(SITE, "chitchat", f"{split}.json").read_text("utf-8"))
    return tuple(told["documents"]), told["provenance"]


def fix(corpora: ModuleType) -> None:
    """Let the library read these packs."""
    corpora.CORPORA["chitchat"] = chitchat
