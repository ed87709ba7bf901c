"""What the commands of the long runs share: options, device, and how a call ends."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from collapse_lib.studies import autoencoders as lineage
from collapse_lib.studies import records as lineage_records


def options(description: str, scales: Collection[str]) -> argparse.ArgumentParser:
    """Return a parser with the options that every long run has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("scale", choices=scales)
    parser.add_argument("folder", type=Path, help="of what is kept to go on from")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--device", help="default: a GPU if there is one")
    return parser


def best_device() -> str:
    """Return the device to use if none is named."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def call(
    run: Callable[[], object], folder: Path, settings: Mapping[str, Any], start: float
) -> int:
    """Run until the end or until the time is up, note the call, say which it was."""
    said = "finished"
    try:
        run()
    except lineage.TimeUp:
        said = "to be continued: run the same command again"
    finally:  # an interrupted run has stored its generations, too
        lineage_records.note_call(folder, settings, time.monotonic() - start)
    print(said)
    return 0
