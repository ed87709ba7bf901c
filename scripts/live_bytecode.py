"""Byte code of Python 3.12 in place of source: the browser then need not compile.

Standard library only, see ``live_packs.py``.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import struct
from collections.abc import Callable

#: What begins every file of byte code that Python 3.12 reads.
MAGIC = (3531).to_bytes(2, "little") + b"\r\n"
#: Flag 1 and no hash of a source: never compared with a source, because there is none.
UNCHECKED = struct.pack("<III", 1, 0, 0)
#: numpy reads the docstrings of its functions when it is imported, and so do these.
KEEP_DOCSTRINGS = (
    *("numpy/", "six.", "packaging/", "cycler/", "kiwisolver/"),
    *("_pyodide", "pyodide"),
)

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def can_compile() -> bool:
    """Return whether this Python makes byte code that Python 3.12 reads."""
    return importlib.util.MAGIC_NUMBER == MAGIC


def compiled(files: dict[str, bytes], place: Callable[[str], str]) -> dict[str, bytes]:
    """Return the files, with byte code in place of Python source.

    Parameters
    ----------
    files
        Name -> content.
    place
        Where a file will lie, for tracebacks.
    """
    return {
        (f"{name}c" if name.endswith(".py") else name): (
            _byte_code(name, data, place(name)) if name.endswith(".py") else data
        )
        for name, data in files.items()
    }


def _byte_code(name: str, source: bytes, path: str) -> bytes:
    tree = ast.parse(source, path)
    if not name.removeprefix("stdlib/").startswith(KEEP_DOCSTRINGS):
        drop_docstrings(tree)
    code = compile(tree, path, "exec", dont_inherit=True)
    return MAGIC + UNCHECKED + marshal.dumps(code)


def drop_docstrings(tree: ast.Module) -> None:
    """Take the docstrings out of a module; they are a fifth of what is fetched."""
    for node in ast.walk(tree):
        if not isinstance(node, Documented):
            continue
        if ast.get_docstring(node, clean=False) is None:
            continue
        if len(node.body) > 1 or isinstance(node, ast.Module):
            del node.body[0]
        else:
            node.body[0] = ast.copy_location(ast.Pass(), node.body[0])
