"""Make the built pages complete: nothing is fetched from another host.

MathJax comes from an installed Python package and is copied into the output; the
scripts of *thebe*, which this book does not use and which point to another host, are
taken off every page.
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
ENTRY = "tex-mml-chtml.js"
#: What the entry script may load later: fonts, TeX extensions, accessibility.
PARTS = ("input/tex/extensions/", "output/chtml/fonts/woff-v2/", "a11y/", "sre/")
MARK = "static/mathjax/"


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
        if found and (name == ENTRY or name.startswith(PARTS)):
            files[name] = Path(str(entry.locate()))
    if ENTRY not in files:
        raise ExtensionError(
            f"the Python package {PACKAGE} is missing or has no {ENTRY}; formulas need "
            "it. Install the versions in requirements.lock (`make` does)"
        )
    return files


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point the pages to the copy below ``_static``."""
    config.mathjax_path = f"mathjax/{ENTRY}"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax into the output of a build that went well."""
    if exception is not None or app.builder.format != "html":
        return
    for name, source in mathjax_files().items():
        target = Path(app.outdir, "_static", "mathjax", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def drop_thebe(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Take the scripts of thebe off a page, which every Jupyter Book 1 page gets."""
    context["script_files"] = [
        script for script in context.get("script_files", []) if not _is_thebe(script)
    ]
    context["css_files"] = [
        sheet for sheet in context.get("css_files", []) if not _is_thebe(sheet)
    ]


def _is_thebe(asset: Any) -> bool:
    name = str(getattr(asset, "filename", None) or asset)
    body = getattr(asset, "attributes", {}).get("body") or ""
    return "thebe" in name or body.startswith("const THEBE_JS_URL")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", use_local_mathjax)
    app.connect("html-page-context", drop_thebe, priority=950)  # after all that add
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
