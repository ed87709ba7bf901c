"""Where numbers were made: bits may differ between kinds of processors."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from typing import Any


def machine() -> dict[str, Any]:
    """Return the kind of processor and the number of threads it may use."""
    if torch := sys.modules.get("torch"):
        return {"cpu": _cpu(), "threads": torch.get_num_threads()}
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return {
        "cpu": _cpu(),
        "threads": int(asked) if asked.isdecimal() else os.cpu_count() or 1,
    }


@cache
def _cpu() -> str:
    """Name the processor; Linux tells its kind in a file alone."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = (line for line in file if line.startswith("model name"))
            return next(names).partition(":")[2].strip()
    except (OSError, StopIteration, UnicodeDecodeError):
        return platform.processor() or platform.machine()
