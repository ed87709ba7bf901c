"""Store the measurements of a long run, with what is needed to trust them.

One run of a chapter at a scale other than ``ci`` is one small JSON file,
``results/<chapter>/<scale>.json``. The file carries the configuration it was made with;
when the chapter's ``SCALES`` change, the file no longer loads and the run is due again.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collapse_lib import files
from collapse_lib.checks import misfit, refusal
from collapse_lib.claims.verdict import result_of, word_for
from collapse_lib.files.reading import read_json

SCHEMA = 1
SCALES = ("ci", "laptop", "paper")
_PACKAGES = ("numpy", "pandas", "scipy", "seaborn", "torch", "collapse_lib")
#: The shape of a result, and of a verdict in it.
SHAPE = Path(__file__).with_name("results.schema.json")


@dataclass(frozen=True)
class Result:
    """The measurements of one run, and where they come from.

    Parameters
    ----------
    chapter, scale, config, seed
        What was run: ``config`` is the chapter's ``SCALES[scale]``.
    numbers
        Name -> number, text, or (nested) list of numbers.
    verdicts
        Unrounded verdicts, as ``Verdict.payload(digits=None)`` gives them.
    versions, device, commit, created, seconds
        Where, when and with what it was run, and how long it took.
    """

    chapter: str
    scale: str
    config: Mapping[str, Any]
    seed: int
    numbers: Mapping[str, Any]
    verdicts: list[Mapping[str, Any]]
    versions: Mapping[str, str]
    device: str
    commit: str
    created: str
    seconds: float
    schema: int = SCHEMA

    @property
    def provenance(self) -> str:
        """One line for the page that shows the result."""
        commit, *dirty = self.commit.split("-")
        short = "-".join([commit[:7], *dirty])
        return (
            f"chapter {self.chapter}, scale {self.scale}, seed {self.seed}: "
            f"{self.seconds:,.0f} s on {self.device}, {self.created[:10]}, "
            f"commit {short}"
        )


def save(result: Result, path: str | Path) -> Path:
    """Write a result so that a reader never sees half a file.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no such number, and a result with one is
        not worth keeping.
    """
    path = Path(path)
    text = json.dumps(
        asdict(result), indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False
    )
    files.write_text(path, text)
    return path


def load(path: str | Path, scales: Mapping[str, Mapping[str, Any]]) -> Result:
    """Read a result and make sure that it belongs to today's configuration.

    Parameters
    ----------
    path
        A file written by :func:`save`.
    scales
        The ``SCALES`` of the chapter, see :attr:`.notebooks.Notebook.scales`.

    Raises
    ------
    ValueError
        If the file has another shape than ``results.schema.json``; if verdicts do not
        follow from their checks; or if the file was made with another configuration.
    """
    path = Path(path)
    where = f"{path.parent.name}/{path.name}"
    data = read_json(path, where)
    if wrong := misfit(data, SHAPE):
        keys, says = wrong
        place = ".".join(keys)[:200]
        raise refusal(", ".join(filter(None, [where, place])), says)
    for verdict in data["verdicts"]:
        _check_verdict(verdict, data, where)
    if data["scale"] not in scales:
        raise refusal(
            where,
            f"made at scale {data['scale']!r}; the chapter has {', '.join(scales)}",
        )
    changed = differing_keys(data["config"], scales[data["scale"]])
    if changed:
        raise refusal(
            where,
            "made with another configuration than the chapter has now; different: "
            f"{', '.join(changed)[:200]}. Run the chapter at scale {data['scale']!r} "
            "again, or undo the change",
        )
    return Result(**data)


def differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ, compared as JSON would store them."""
    one, other = (json.loads(json.dumps(dict(side))) for side in (one, other))
    missing = object()
    return [
        key
        for key in sorted({*one, *other})
        if one.get(key, missing) != other.get(key, missing)
    ]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages this run has imported."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            found[name] = str(version)
    return found


def device() -> str:
    """Name the machine in words: processor kind, cores, and the GPU torch would use."""
    words = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    # Asking torch would import it; a run that never imported it used no GPU.
    if "torch" in sys.modules:
        torch = importlib.import_module("torch")
        if torch.cuda.is_available():
            words += f", {torch.cuda.get_device_name()}"
    return words


def commit(root: str | Path) -> str:
    """Return the short commit of a checkout, with ``-dirty`` for unsaved changes."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # an unpacked archive, or no git on this machine
    return done.stdout.strip()


def _check_verdict(verdict: Any, data: Mapping[str, Any], where: str) -> None:
    follows = word_for([result_of(check) for check in verdict["checks"]])
    definition = (verdict["verdict"], follows) == ("definition", "reproduced")
    where = f"{where}, verdict on {verdict['claim']}"
    if verdict["verdict"] != follows and not definition:
        raise refusal(
            where, f"says {verdict['verdict']!r}, but its checks say {follows!r}"
        )
    for key in ("chapter", "scale"):
        if verdict[key] != data[key]:
            raise refusal(
                where, f"{key} is {verdict[key]!r}, the result's is {data[key]!r}"
            )
