"""Run cells in the reader's browser and send what they show to the page.

It stands in for as much of IPython as the chapters and matplotlib use: `install` gives
it that name.
"""

from __future__ import annotations

import ast
import base64
import linecache
import pprint
import sys
import traceback
from collections.abc import Callable, Mapping
from copy import copy
from io import BytesIO
from types import ModuleType, SimpleNamespace
from typing import Any

from table_heads import lift_names

#: What every output has of a number for the prose, see `collapse_lib.book.display`.
GLUE = "application/papermill.record/"
#: How a value shows itself -> kind of output, the richest first.
SHOWN_BY = {"_repr_html_": "text/html", "_repr_svg_": "image/svg+xml"}
#: Packages that are imported by another name than they are installed.
INSTALLED_AS = {"sklearn": "scikit-learn"}
#: What is said of a package that is not here.
LACKING = "which the browser does not have: run the chapter on a laptop"
#: Builtin types whose value is laid out over several lines when it is long.
LAID_OUT = (list, tuple, dict, set, frozenset)


class Events:
    """What is to be done after a cell."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def register(self, event: str, call: Callable[[], object]) -> None:
        """Call something after each cell; there is no other event here."""
        self.waiting.append(call)

    def unregister(self, event: str, call: Callable[[], object]) -> None:
        """Take a call back."""
        self.waiting.remove(call)

    def fire(self) -> None:
        """Make all the calls; each may take itself back."""
        for call in [*self.waiting]:
            call()


class Formatters(dict[str, Any]):
    """Takes the book's way to store small figures; here they are not stored."""

    def __missing__(self, kind: str) -> Any:
        """Return what takes a way to store and forgets it."""
        return SimpleNamespace(for_type=lambda *ignored: None)


class Absent:
    """Stands for what a cell imports and the browser lacks: whoever uses it is told."""

    def __init__(self, error: ModuleNotFoundError) -> None:
        self.__dict__["error"] = error

    def _refuse(self, *ignored: Any, **ignored_too: Any) -> Any:
        error = self.__dict__["error"]
        raise ModuleNotFoundError(str(error), name=error.name)

    __getattr__ = __call__ = __iter__ = __getitem__ = __mro_entries__ = _refuse


class Shell:
    """The names that the cells of a page share, and the way to the page."""

    def __init__(self) -> None:
        self.events = Events()
        self.display_formatter = SimpleNamespace(formatters=Formatters())
        self.user_ns: dict[str, Any] = {"__name__": "__main__", "_Absent": Absent}
        self.send: Callable[..., None] = lambda kind, data, metadata=None: None

    def show(self, value: Any) -> None:
        """Send a value in the richest form that the page can show."""
        if hasattr(value, "_ipython_display_"):
            value._ipython_display_()
        else:
            self.send("display", bundle(value))

    def run(self, code: str, name: str) -> bool:
        """Run a cell, show its last value, and return whether it ended well."""
        # So that tracebacks show lines of the cell.
        linecache.cache[name] = len(code), None, code.splitlines(keepends=True), name
        try:
            self._run(code, name)
        except BaseException as error:  # SystemExit would end Python for the page
            self.send("error", told(error, name))
            _close_figures()
            return False
        else:
            return True
        finally:
            self.events.fire()

    def _run(self, code: str, name: str) -> None:
        tree = patient(ast.parse(code, name))
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            last = None
        else:
            tree.body.pop()
        exec(compile(tree, name, "exec"), self.user_ns)
        if last is not None:
            value = eval(
                compile(ast.Expression(last.value), name, "eval"), self.user_ns
            )
            if value is not None and not code.rstrip().endswith(";"):
                self.show(value)
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.show()


def patient(tree: ast.Module) -> ast.Module:
    """Let the imports of a cell fail only when what they bring is used.

    The first cell of a chapter imports all that the chapter uses. A cell of nothing but
    imports is left as it is.
    """
    imports = ast.Import | ast.ImportFrom
    if all(isinstance(statement, imports) for statement in tree.body):
        return tree
    body: list[ast.stmt] = []
    for statement in tree.body:
        if not isinstance(statement, imports):
            body.append(statement)
            continue
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            wrapped = ast.parse(
                f"try: pass\nexcept ModuleNotFoundError as _why: {name} = _Absent(_why)"
            ).body[0]
            if alias.name == "*" or not isinstance(wrapped, ast.Try):
                body.append(statement)
                break
            one = copy(statement)
            one.names = [alias]
            for node in ast.walk(wrapped):
                ast.copy_location(node, statement)
            wrapped.body = [one]
            body.append(wrapped)
    tree.body = body
    return tree


def _close_figures() -> None:
    """Close what a cell left half drawn; the next one would show it."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


def bundle(value: Any) -> Mapping[str, str]:
    """Return a value by kind of output."""
    if hasattr(value, "_repr_mimebundle_"):
        data = value._repr_mimebundle_()
        return dict(data[0] if isinstance(data, tuple) else data)
    if type(value).__module__ == "matplotlib.figure":
        return {"image/png": png(value)}
    for method, kind in SHOWN_BY.items():
        shown = getattr(value, method, lambda: None)()
        if shown is not None:
            return {kind: lift_names(shown), "text/plain": repr(value)}
    laid_out = type(value) in LAID_OUT
    text = (
        pprint.pformat(value, width=79, sort_dicts=False) if laid_out else repr(value)
    )
    return {"text/plain": text}


def png(figure: Any) -> str:
    """Return a figure as the page wants it: cropped to its ink, in base 64."""
    out = BytesIO()
    figure.savefig(
        out,
        format="png",
        dpi=figure.dpi,
        bbox_inches="tight",
        facecolor=figure.get_facecolor(),
        pil_kwargs={"compress_level": 1},  # it goes nowhere: fast, not small
    )
    return base64.b64encode(out.getvalue()).decode()


def told(error: BaseException, name: str) -> dict[str, Any]:
    """Return what the page says of an error.

    Parameters
    ----------
    error
        What a cell raised.
    name
        The name under which the cell was compiled.

    Returns
    -------
    dict
        The message; the line of the cell, or None; the whole traceback; and the
        package that the error asks for, or an empty text.
    """
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == name]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    absent = _absent(error)
    text = "".join(traceback.format_exception_only(error)).strip().split("\n")[-1]
    if absent:
        text = f"This cell needs {absent}, {LACKING}"
    return {
        "text": text,
        "line": lines[-1] if lines else None,
        "traceback": "".join(traceback.format_exception(error)),
        "absent": absent,
    }


def _absent(error: BaseException | None) -> str:
    """Return the package whose absence is the reason of an error, or an empty text."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError):
            name = (error.name or "").partition(".")[0]
            return INSTALLED_AS.get(name, name)
        error = error.__cause__
    return ""


class HTML:
    """Text that the page takes as HTML."""

    def __init__(self, data: str) -> None:
        self.data = data

    def _repr_html_(self) -> str:
        return self.data


class SVG:
    """A drawing, from its text or the path of its file."""

    def __init__(self, data: str) -> None:
        if data.lstrip().startswith("<"):
            self.data = data
        else:
            with open(data, encoding="utf-8") as stream:
                self.data = stream.read()

    def _repr_svg_(self) -> str:
        return self.data


def display(
    *values: Any,
    raw: bool = False,
    metadata: Mapping[str, Any] | None = None,
    **ignored: Any,
) -> None:
    """Show values, or with ``raw`` what is laid out by kind of output already."""
    for value in values:
        if raw:
            data = {kind: _unquoted(kind, text) for kind, text in value.items()}
            SHELL.send("display", data, metadata)
        else:
            SHELL.show(value)


def _unquoted(kind: str, text: Any) -> Any:
    """Undo the quotes in which a number for the prose is stored."""
    return ast.literal_eval(text) if kind.startswith(GLUE) else text


#: The one shell of a page.
SHELL = Shell()


def get_ipython() -> Shell:
    """Return the shell, under the name that libraries ask for."""
    return SHELL


def install() -> None:
    """Give this module the name of the parts of IPython that it stands for."""
    names = ("", ".display", ".core", ".core.pylabtools")
    modules = {f"IPython{name}": ModuleType(f"IPython{name}") for name in names}
    package, display_module, core, pylabtools = modules.values()
    display_module.__dict__.update(display=display, HTML=HTML, SVG=SVG)
    core.__dict__.update(pylabtools=pylabtools, __path__=[])
    # matplotlib looks there for the window system of a backend: there is none.
    pylabtools.__dict__.update(backend2gui={})
    package.__dict__.update(display=display_module, core=core, get_ipython=get_ipython)
    package.__dict__.update(version_info=(8, 23, 0), __version__="8.23.0", __path__=[])
    sys.modules.update(modules)
