"""Sliders on the book's exact laws, for the reader to move.

``{slider} name`` shows one, with its content, a sentence that asks the reader to try
something, above it. Options give the settings it begins with, each a value that the
slider can take. The page carries the settings that are allowed, and no others.
``_static/sliders`` computes and draws in the reader's browser, on pages with a slider:
``laws.js`` has the laws, ``scenes.js`` what each slider shows of them and
``law-slider.js`` the element. Without scripts neither slider nor sentence is shown, and
the figure above stands for itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from directives import BookDirective, raw
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.config import Config

from collapse_lib.book.notebooks import BookError

Value = float | str


@dataclass(frozen=True)
class Control:
    """One setting: its name, what the reader is told, and all values it can take."""

    name: str
    label: str
    stops: tuple[Value, ...]
    unit: str = ""

    def place(self, text: str) -> int:
        """Return the place of a value among the stops.

        Raises
        ------
        BookError
            If the slider does not stop there.
        """
        for place, stop in enumerate(self.stops):
            if text == stop or (not isinstance(stop, str) and text == f"{stop:g}"):
                return place
        allowed = ", ".join(str(stop) for stop in self.stops)
        raise BookError(f"{self.name} is {text!r}; it stops at {allowed}")


@dataclass(frozen=True)
class Slider:
    """A picture of a law: what it shows, and the settings that move it."""

    label: str
    controls: tuple[Control, ...]
    start: tuple[Value, ...]


def _steps(first: float, last: float, step: float) -> tuple[float, ...]:
    n = round((last - first) / step)
    return tuple(round(first + i * step, 6) for i in range(n + 1))


#: All sliders. Each law is exact at every combination of the stops.
SLIDERS = {
    "fates": Slider(
        "Areas over the generation: the share of worlds without blue, with both and "
        "without yellow; a dotted line is the mean share of blue.",
        (
            Control("n", "Samples in a generation", (10, 20, 30, 50, 70, 100, 150)),
            Control("real", "Of them real, on average", (0, 0.5, 1, 2, 3, 5)),
            Control("temperature", "Temperature", _steps(0.9, 1.1, 0.01)),
        ),
        (100, 0, 1.0),
    ),
    "sigma": Slider(
        "Variance over the generation, on a logarithmic axis: of what all models draw "
        "together, of the average model and of the typical one.",
        (
            Control(
                "n", "Samples in a generation, M", (10, 20, 50, 100, 200, 500, 1000)
            ),
            Control("real", "Of them real", (0, 1, 2, 3, 5)),
            Control("estimator", "Estimator of the variance", ("unbiased", "MLE")),
        ),
        (100, 0, "unbiased"),
    ),
    "number-line": Slider(
        "Five rows on a line of squared errors, each with the number of a regime; a "
        "dashed line at 1.",
        (
            Control("w", "Weight w of the new real data", _steps(0.1, 1, 0.02)),
            Control(
                "r",
                "Synthetic points for each real one, r",
                (0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 10),
            ),
            Control("a", "People's share a", _steps(0, 1, 0.05), "%"),
            Control("p", "Growth of replaced samples, power p", _steps(0, 4, 0.25)),
        ),
        (0.5, 1, 0.25, 1),
    ),
    "noise-and-bias": Slider(
        "Variance that is left, against the generation on a logarithmic axis: a line "
        "that falls where everything is kept, and a flat one with a real share.",
        (
            Control("lambda", "λ, the variance that is emitted", _steps(0.5, 1, 0.05)),
            Control(
                "share",
                "Real share of a training set",
                (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, *_steps(0.15, 0.5, 0.05)),
                "%",
            ),
        ),
        (0.8, 0.1),
    ),
    "spreading": Slider(
        "Two lines on logarithmic axes against the number of fits: squared distance of "
        "points from the true mean, and variance of one model.",
        (
            Control(
                "h",
                "Bandwidth h",
                (0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5),
            ),
            Control("n", "Points that a model draws, M", (25, 50, 100, 200, 400)),
            Control(
                "share",
                "Real share of a training set",
                (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
                "%",
            ),
        ),
        (0.3, 200, 0),
    ),
    "verifier": Slider(
        "Squared error of a verified loop against the generation, both logarithmic; "
        "lines mark the error of the real points alone and the verifier's own.",
        (
            Control(
                "offset",
                "The verifier is off by",
                (0, 0.05, *_steps(0.1, 1, 0.1)),
            ),
            Control(
                "strength", "Its strictness g", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
            ),
            Control("real", "Real points at the start", (5, 10, 25, 50, 100, 200)),
        ),
        (0.5, 0.05, 25),
    ),
    "cliff": Slider(
        "Two falling lines against the share of wrong labels: the share of kept labels "
        "that are right, and the chance that their majority is.",
        (
            Control("right_kept", "Right labels it keeps", _steps(0.5, 1, 0.05), "%"),
            Control("wrong_kept", "Wrong labels it keeps", _steps(0.05, 1, 0.05), "%"),
            Control("votes", "Kept labels that vote", (1, 11, 101, 1001)),
            Control("wrong", "Wrong before", _steps(0.3, 0.95, 0.01), "%"),
        ),
        (0.8, 0.5, 101, 0.58),
    ),
}
#: Where the scripts are below ``_static``, and the order in which they are loaded.
FOLDER = "sliders/"
SCRIPTS = ("laws.js", "scenes.js", "law-slider.js")


def data(slider: Slider, options: dict[str, str]) -> dict[str, Any]:
    """Return the settings of a slider as its script reads them.

    Raises
    ------
    BookError
        If an option is no setting of this slider, or no value that it can take.
    """
    names = [control.name for control in slider.controls]
    for name in options:
        if name not in names:
            raise BookError(f"no setting {name!r}; there are {', '.join(names)}")
    return {
        "controls": [
            {
                "name": control.name,
                "label": control.label,
                "unit": control.unit,
                "stops": control.stops,
                "at": control.place(options[control.name])
                if control.name in options
                else control.stops.index(start),
            }
            for control, start in zip(slider.controls, slider.start, strict=True)
        ]
    }


class SliderDirective(BookDirective):
    """A slider by its name; its options are settings, its content is shown above it."""

    required_arguments = 1
    has_content = True
    option_spec = {  # docutils reads it from the class
        control.name: directives.unchanged_required
        for slider in SLIDERS.values()
        for control in slider.controls
    }

    def sources(self) -> list[Path]:
        """Return no file: it reads none."""
        return []

    def show(self) -> list[nodes.Node]:
        """Return the element around its content."""
        name = self.arguments[0]
        if name not in SLIDERS:
            raise BookError(f"no slider {name!r}; there are {', '.join(SLIDERS)}")
        slider = SLIDERS[name]
        settings = json.dumps(data(slider, self.options), separators=(",", ":"))
        head = (
            f'<law-slider name="{name}" label="{escape(slider.label)}">'
            f'<script type="application/json">{settings}</script>'
        )
        asked = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, asked)
        return [raw(head), *asked.children, raw("</law-slider>")]


def keep_scripts_off_other_pages(app: Sphinx, config: Config) -> None:
    """Take the scripts from those that Jupyter Book puts on every page."""
    config.html_js_files = [file for file in config.html_js_files if not _own(file)]


def _own(file: str | tuple[str, Any]) -> bool:
    name = file if isinstance(file, str) else file[0]
    return name.startswith(FOLDER)


def add_scripts(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Put the scripts on a page that has a slider."""
    if "<law-slider " in context.get("body", ""):
        for script in SCRIPTS:
            app.add_js_file(FOLDER + script, loading_method="defer")


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each slider's name and its data at the start."""
    for name, slider in SLIDERS.items():
        yield name, data(slider, {})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("slider", SliderDirective)
    app.connect("config-inited", keep_scripts_off_other_pages)
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
