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
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from collapse_lib.claims.verdict import word_for

SCHEMA = 1
SCALES = ("ci", "laptop", "paper")
_PACKAGES = ("numpy", "pandas", "scipy", "seaborn", "torch", "collapse_lib")
_TYPES: dict[str, tuple[type, ...]] = {
    "schema": (int,),
    "chapter": (str,),
    "scale": (str,),
    "config": (dict,),
    "seed": (int,),
    "numbers": (dict,),
    "verdicts": (list,),
    "versions": (dict,),
    "device": (str,),
    "commit": (str,),
    "created": (str,),
    "seconds": (int, float),
}
_VERDICT_FIELDS = {"claim", "chapter", "verdict", "scale", "checks"}


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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
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
        If a field is missing, unknown or of the wrong type; if the verdicts do not
        follow from their checks; or if the file was made with another configuration.
    """
    path = Path(path)
    where = f"{path.parent.name}/{path.name}"
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except ValueError as error:
        raise ValueError(f"{where}: not a result file ({error})") from None
    _check_fields(data, where)
    for name, number in data["numbers"].items():
        _check_number(number, f"{where}, number {name}")
    for verdict in data["verdicts"]:
        _check_verdict(verdict, data, where)
    if data["scale"] not in scales:
        raise ValueError(
            f"{where}: made at scale {data['scale']!r}; the chapter has "
            f"{', '.join(scales)}"
        )
    changed = differing_keys(data["config"], scales[data["scale"]])
    if changed:
        raise ValueError(
            f"{where}: made with another configuration than the chapter has now; "
            f"different: {', '.join(changed)}. Run the chapter at scale "
            f"{data['scale']!r} again, or undo the change"
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


def _check_fields(data: object, where: str) -> None:
    names = [field.name for field in fields(Result)]
    if not isinstance(data, dict) or set(data) != set(names):
        given = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise ValueError(f"{where}: has {given}; needed are exactly {sorted(names)}")
    for name, kinds in _TYPES.items():
        if not isinstance(data[name], kinds) or isinstance(data[name], bool):
            raise ValueError(
                f"{where}, field {name}: got {data[name]!r}; needed is "
                f"{' or '.join(kind.__name__ for kind in kinds)}"
            )
    if data["schema"] != SCHEMA:
        raise ValueError(f"{where}: schema {data['schema']}; this code reads {SCHEMA}")


def _check_number(number: object, where: str) -> None:
    if isinstance(number, list):
        for part in number:
            _check_number(part, where)
    elif not isinstance(number, (int, float, str)) or isinstance(number, bool):
        raise ValueError(
            f"{where}: got {number!r}; allowed are numbers, text and lists of numbers"
        )


def _check_verdict(verdict: Any, data: Mapping[str, Any], where: str) -> None:
    if not isinstance(verdict, dict) or set(verdict) != _VERDICT_FIELDS:
        raise ValueError(
            f"{where}: got the verdict {verdict!r}; it needs {sorted(_VERDICT_FIELDS)}"
        )
    follows = word_for([check["passed"] for check in verdict["checks"]])
    if verdict["verdict"] != follows:
        raise ValueError(
            f"{where}, verdict on {verdict['claim']}: says {verdict['verdict']!r}, but "
            f"its checks say {follows!r}"
        )
    for key in ("chapter", "scale"):
        if verdict[key] != data[key]:
            raise ValueError(
                f"{where}, verdict on {verdict['claim']}: {key} is {verdict[key]!r}, "
                f"the result's is {data[key]!r}"
            )


def _no_constant(name: str) -> float:
    raise ValueError(f"the number {name}; only finite numbers can be stored")
