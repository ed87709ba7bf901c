"""Make the built pages complete: nothing is fetched from another host.

MathJax comes from an installed Python package and is copied into the output. The
extension *thebe*, which every Jupyter Book 1 loads, which this book does not use and
which points to other hosts, is switched off. A policy in every page tells browsers to
fetch nothing from elsewhere, whatever a later version of some package would ask for.
"""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

#: The package that carries MathJax 3.2.2 (Apache licence 2.0).
PACKAGE = "sphinx-mathjax-offline"
ENTRY = "startup.js"
#: What the entry script loads: TeX with the macros of the American Mathematical
#: Society, HTML with fonts, and MathML beside it for those who listen. Not the menu of
#: MathJax: it is larger than all of the input, and makes every formula a tab stop.
LOADED = ("core", "input/tex-base", "[tex]/ams", "output/chtml", "a11y/assistive-mml")
#: The last one comes with the output.
PARTS = (
    *(f"{name.replace('[tex]', 'input/tex/extensions')}.js" for name in LOADED),
    "output/chtml/fonts/tex.js",
)
FONTS = "output/chtml/fonts/woff-v2/"
#: The theme and MathJax have scripts and styles inside the page; file: is for those who
#: open the pages without a server.
POLICY = {
    "default-src": "'self' file:",
    "script-src": "'self' file: 'unsafe-inline'",
    "style-src": "'self' file: 'unsafe-inline'",
    "img-src": "'self' file: data:",
    "font-src": "'self' file: data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self' file:",
}
MARK = "static/mathjax/"
THEBE = "sphinx_thebe"


def mathjax_files() -> dict[str, Path]:
    """Return the MathJax files a page may load: path below ``mathjax/`` -> file.

    Raises
    ------
    ExtensionError
        If the package is not installed or has no MathJax in it.
    """
    try:
        listed = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        listed = []
    files = {}
    for entry in listed:
        _, found, name = entry.as_posix().partition(MARK)
        if found and (name in (ENTRY, *PARTS) or name.startswith(FONTS)):
            files[name] = Path(str(entry.locate()))
    if missing := sorted({ENTRY, *PARTS} - set(files)):
        raise ExtensionError(
            f"the Python package {PACKAGE} is missing or has no {', '.join(missing)}; "
            "formulas need it. Install the versions in requirements.lock (`make` does)"
        )
    return files


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point the pages to the copy below ``_static``, and say what it loads."""
    config.mathjax_path = f"mathjax/{ENTRY}"
    config.mathjax3_config = {
        "loader": {"load": list(LOADED)},
        "tex": {"packages": ["base", "ams"]},
        "options": {"enableAssistiveMml": True},
    }


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax into the output of a build that went well."""
    if exception is not None or app.builder.format != "html":
        return
    for name, source in mathjax_files().items():
        target = Path(app.outdir, "_static", "mathjax", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def switch_thebe_off(app: Sphinx, config: Config) -> None:
    """Take back what the extension thebe has registered, before any of it runs."""
    for listeners in app.events.listeners.values():
        for listener in [*listeners]:
            if listener.handler.__module__ == THEBE:
                app.disconnect(listener.id)
    sheets = app.registry.css_files
    sheets[:] = [sheet for sheet in sheets if "thebe" not in sheet[0]]


def add_policy(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Put the policy at the head of a page; one may have a policy of its own."""
    rules = {**POLICY, **context.get("policy", {})}
    text = "; ".join(f"{kind} {sources}" for kind, sources in rules.items())
    policy = f'<meta http-equiv="Content-Security-Policy" content="{text}" />'
    context["metatags"] = f"\n    {policy}{context.get('metatags', '')}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", use_local_mathjax)
    app.connect("config-inited", switch_thebe_off)
    app.connect("html-page-context", add_policy)
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
