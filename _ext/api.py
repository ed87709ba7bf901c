"""Keep the text of properties as it is written.

napoleon reads a property's text ``The points: a view ...`` as *type: description*. This
library has its types in the signatures, so such a line is plain text.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

_written: dict[str, list[str]] = {}


def remember(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Keep the lines of a property; this runs before napoleon."""
    if what == "property":
        _written[name] = list(lines)


def restore(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Put them back if napoleon has made up a type; this runs after it."""
    written = _written.pop(name, None)
    if written is not None and any(line.startswith(":type:") for line in lines):
        lines[:] = written


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", remember, priority=400)
    app.connect("autodoc-process-docstring", restore, priority=600)  # napoleon: 500
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
