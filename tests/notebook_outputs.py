"""Whether a cell's new outputs are those that its notebook stores."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from notebook_pictures import difference

from collapse_lib.book import notebooks

Output = Mapping[str, Any]
#: No more lines of a difference are shown.
MOST_LINES = 40


def differences(
    stored: Sequence[Output], new: Sequence[Output], clean: Callable[[Any], Any]
) -> Iterator[str]:
    """Yield what is not the same, in order.

    Parameters
    ----------
    stored
        Outputs from the notebook's file.
    new
        Outputs of a run, as the kernel sent them.
    clean
        Takes from a text what says nothing about the results.
    """
    new = [_as_stored(output) for output in new]
    if len(stored) != len(new):
        yield f"stored are {_listed(stored)}; new are {_listed(new)}"
        return
    for number, (old, now) in enumerate(zip(stored, new, strict=True), start=1):
        for problem in _between(_flat(old), _flat(now), clean):
            yield f"output {number}, {problem}"


def _as_stored(output: Output) -> Output:
    """Return an output in the form in which a notebook keeps it."""
    if output["output_type"] != "error":
        return output
    return {**output, "traceback": notebooks.message_only(output)}


def _listed(outputs: Sequence[Output]) -> str:
    kinds = [output.get("name", output["output_type"]) for output in outputs]
    return f"{len(kinds)} outputs ({', '.join(kinds)})" if kinds else "no outputs"


def _flat(output: Output) -> dict[str, Any]:
    """Return the fields of an output, with one for each kind of its data."""
    left_out = ("data", "execution_count")
    fields = {key: value for key, value in output.items() if key not in left_out}
    return {**fields, **output.get("data", {})}


def _between(
    old: Mapping[str, Any], new: Mapping[str, Any], clean: Callable[[Any], Any]
) -> Iterator[str]:
    for field in sorted(old.keys() ^ new.keys()):
        yield f"{field}: only the {'stored' if field in old else 'new'} one has it"
    for field in sorted(old.keys() & new.keys()):
        if field in ("image/png", "image/jpeg"):
            problem = difference(old[field], new[field])
        else:
            problem = _in_text(clean(old[field]), clean(new[field]))
        if problem:
            yield f"{field}: {problem}"


def _in_text(old: Any, new: Any) -> str:
    if old == new:
        return ""
    lines = [
        text.splitlines() if isinstance(text, str) else [repr(text)]
        for text in (old, new)
    ]
    changes = difflib.unified_diff(*lines, "stored", "new", n=1, lineterm="")
    shown = list(changes)[:MOST_LINES]
    # Where only the ends of lines differ, no line does.
    return "\n".join(["it differs", *shown]) if shown else f"{old!r} became {new!r}"
