"""Check boxes that switch errors on and off, and the loss that is left.

Like the slider of `collapse_lib.book.widgets` it needs neither a server nor a network:
the page carries the curves, ``_static/loss-switches.js`` draws those that are chosen.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collapse_lib.checks import given, numbers
from collapse_lib.declared import declared
from collapse_lib.metrics.factorial import combinations

DECIMALS = 3


@declared
@dataclass(frozen=True)
class LossSwitches:
    """The loss by generation for every combination of errors.

    Parameters
    ----------
    names
        Letter of an error -> what the page calls it, in the order of the letters.
    curves
        Letters of the errors that are on, ``""`` for none -> loss by generation.
    label
        What is drawn, for readers who cannot see it.
    instead
        What to read where scripts are off, for example the number of a figure.

    Raises
    ------
    ValueError
        If no error is named, a combination has no curve, or the curves are not equally
        long.
    """

    names: Mapping[str, str]
    curves: Mapping[str, Sequence[float]]
    label: str
    instead: str

    def __post_init__(self) -> None:
        """Check that every combination has its curve."""
        if not isinstance(self.names, Mapping) or not self.names:
            raise ValueError(
                f"names is {given(self.names)}; pass {{letter: name, ...}}"
            )
        needed = set(combinations("".join(self.names)))
        if set(self.curves) != needed:
            raise ValueError(
                f"curves has {given(sorted(self.curves))}; it must have one curve for "
                f"each combination of the errors: {sorted(needed)}"
            )
        for letters, losses in self.curves.items():
            numbers(f"curves[{letters!r}]", losses, ndim=1, shape="(generations,)")
        if len({len(losses) for losses in self.curves.values()}) != 1:
            raise ValueError("curves are of different lengths; all need the same")

    def _repr_html_(self) -> str:
        curves = {
            letters: [round(float(loss), DECIMALS) + 0.0 for loss in losses]
            for letters, losses in self.curves.items()
        }
        data = json.dumps(
            {"names": dict(self.names), "curves": curves}, separators=(",", ":")
        )
        return (
            f'<loss-switches label="{html.escape(self.label)}">'
            f'<script type="application/json">{data}</script>'
            f"<p>{html.escape(self.instead)}</p></loss-switches>"
        )

    def __repr__(self) -> str:
        """Return what a console shows."""
        return f"<switches for {', '.join(self.names.values())}, shown in a browser>"
