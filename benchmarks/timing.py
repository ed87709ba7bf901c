"""What the benchmarks share: fair timing, the machine, the file they write."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib import files

FOLDER = Path(__file__).resolve().parent


def best_times(
    sides: dict[str, Callable[[], object]], repeats: int
) -> dict[str, float]:
    """Return each side's best time in seconds, the sides taking turns.

    The best of several runs is the one that other work disturbed least; taking turns
    gives a slow spell of the machine to both sides.
    """
    best = dict.fromkeys(sides, float("inf"))
    for _ in range(repeats):
        for name, work in sides.items():
            start = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def row(
    what: str, ours: float, theirs: float, unit: str, bar: float, because: str = ""
) -> dict[str, Any]:
    """Return a row of the table, for amounts of which less is better.

    ``because`` says why the promise is not kept, as far as one knows; a row that keeps
    it leaves it out.
    """
    print(f"{what}: ours {ours:.3g} {unit}, theirs {theirs:.3g} {unit}", flush=True)
    print(f"  {theirs / ours:.3g} times better (promised: {bar:g})", flush=True)
    found = {
        "what": what,
        "ours": _round(ours),
        "theirs": _round(theirs),
        "unit": unit,
        "ratio": _round(theirs / ours),
        "bar": bar,
    }
    missed = theirs / ours < bar
    return {**found, "because": because} if missed and because else found


def write(stem: str, name: str, rows: list[dict[str, Any]]) -> None:
    """Write ``benchmarks/<stem>.json``, which the performance page shows."""
    data = {
        "name": name,
        "machine": machine(),
        "created": datetime.now(UTC).date().isoformat(),
        "rows": rows,
    }
    path = FOLDER / f"{stem}.json"
    files.write_text(path, json.dumps(data, indent=2))
    print(f"wrote {path.relative_to(FOLDER.parent)}")


def machine() -> dict[str, Any]:
    """Describe the machine in the words a reader needs to compare."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 1),
        "system": platform.system(),
        "Python": platform.python_version(),
        "numpy": np.__version__,
    }


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _round(value: float) -> float:
    return float(f"{value:.4g}")
