"""Store the measurements of a long run, with what is needed to trust them.

One run of a chapter at a scale other than ``ci`` is one small JSON file,
``results/<chapter>/<scale>.json``. The file carries the configuration it was made with;
when the chapter's ``SCALES`` change, the file no longer loads and the run is due again.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib import files
from collapse_lib.checks import UNSHOWN, given, misfit, refusal
from collapse_lib.claims.verdict import result_of, word_for
from collapse_lib.declared import declared
from collapse_lib.files.reading import DEEPEST, read_json

SCHEMA = 1
SCALES = ("ci", "laptop", "paper")
_PACKAGES = ("numpy", "pandas", "scipy", "seaborn", "torch", "collapse_lib")
#: The shape of a result, and of a verdict in it.
SHAPE = Path(__file__).with_name("results.schema.json")


@declared
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


@declared
def save(result: Result, path: str | Path) -> Path:
    """Write a result so that a reader never sees half a file.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no such number, and a result with one is
        not worth keeping. If two verdicts are on one claim.
    """
    path = Path(path)
    _check_once(result.verdicts, f"{path.parent.name}/{path.name}")
    text = json.dumps(
        asdict(result), indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False
    )
    files.write_text(path, text)
    return path


@declared
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
        follow from their checks, or two are on one claim; or if the file was made with
        another configuration.
    """
    path = Path(path)
    where = f"{path.parent.name}/{path.name}"
    data = read_json(path, where)
    if wrong := misfit(data, SHAPE):
        keys, says = wrong
        place = ".".join(keys)[:200]
        raise refusal(", ".join(filter(None, [where, place])), says)
    _check_once(data["verdicts"], where)
    for verdict in data["verdicts"]:
        _check_verdict(verdict, data, where)
    if data["scale"] not in scales:
        raise refusal(
            where,
            f"made at scale {data['scale']!r}; the chapter has "
            f"{', '.join(scales) or 'no scales'}",
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


@declared
def differing_keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ, compared as JSON would store them."""
    one, other = (
        json.loads(json.dumps(storable("the configuration", side)))
        for side in (one, other)
    )
    missing = object()
    return [
        key
        for key in sorted({*one, *other})
        if one.get(key, missing) != other.get(key, missing)
    ]


@declared
def storable(name: str, value: Any, depth: int = 2) -> Any:
    """Return a configuration, or a value in one, as a result can store it.

    Lists and tuples stay what they are; NumPy's numbers become Python's.

    Parameters
    ----------
    name
        What a message calls it.
    value
        What was given.
    depth
        How deep in the result it lies.

    Raises
    ------
    ValueError
        If it is anything else than numbers, texts, truth values, None, and lists and
        mappings of them; if a number is not finite, or a text cannot be shown.
    """
    if depth > DEEPEST:
        raise ValueError(f"{name} is nested more than {DEEPEST} deep")
    if isinstance(value, str):
        return check_shown(name, value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (list, tuple)):
        parts = (storable(f"{name}[{i}]", v, depth + 1) for i, v in enumerate(value))
        return tuple(parts) if isinstance(value, tuple) else list(parts)
    if isinstance(value, Mapping):
        return {
            _key(name, key): storable(f"{name}[{key!r}]", part, depth + 1)
            for key, part in value.items()
        }
    if isinstance(value, (Integral, float, np.floating)):
        number = int(value) if isinstance(value, Integral) else float(value)
        if _is_finite(number):
            return number
        raise ValueError(f"{name} is {given(value)}; allowed are finite numbers")
    raise ValueError(
        f"{name} is {given(value)}; allowed are numbers, text, True, False, None, and "
        "lists and mappings of them (of an array, array.tolist())"
    )


@declared
def check_shown(name: str, text: str) -> str:
    """Return a text if every character of it can be shown, else raise ValueError."""
    if found := UNSHOWN.search(text):
        raise ValueError(
            f"{name} is {given(text)} with the character {found[0]!r}; only characters "
            "that can be shown are allowed: take it out"
        )
    return str(text)


def _key(name: str, key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError(f"{name} has the key {given(key)}; keys must be text")
    return check_shown(f"a key of {name}", key)


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond all floats
        return False


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


@declared
def commit(root: str | Path) -> str:
    """Return the short commit of a checkout, with ``-dirty`` for unsaved changes."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"  # an unpacked archive, or no git on this machine
    return done.stdout.strip()


def _check_once(verdicts: list[Mapping[str, Any]], where: str) -> None:
    """Raise a ValueError if two verdicts are on one claim."""
    counts = Counter(verdict["claim"] for verdict in verdicts)
    if twice := [claim for claim, n in counts.items() if n > 1]:
        raise refusal(
            where,
            f"more than one verdict on {', '.join(twice)}; allowed: one on each claim",
        )


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
