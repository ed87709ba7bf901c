"""Pack Python and its libraries as the pages fetch them.

python scripts/live_packs.py SOURCE TARGET

SOURCE has the files of a release of Pyodide, checked by ``fetch_live.py``, which runs
this program with Python 3.12 where there is one, to compile. So: standard library only.

What the first cell of a chapter needs comes first, and is as small as it can be; what
SciPy needs follows when a cell uses SciPy; the rest, when a module is imported that
nobody thought of. ``_ext/live/modules.txt`` says which module belongs where.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "_ext"))

from live_archive import Pack, tar, write  # noqa: E402 # of the folder just named
from live_bytecode import can_compile, compiled  # noqa: E402

MODULES = ROOT / "_ext" / "live" / "modules.txt"
SITE = "/lib/python3.12/site-packages/"
#: Begins the names of the standard library's files in a pack.
STDLIB = "stdlib/"
#: Libraries by the pack that brings them, see `pack`.
PANDAS = ("pandas", "python_dateutil", "pytz", "six")
DRAWING = ("pillow", "cycler", "kiwisolver", "contourpy", "pyparsing", "packaging")
#: What a browser never reads, in any library ...
UNREAD = re.compile(
    r"/tests?/|/_examples/|_pyinstaller/|conftest\.py$|sphinxext"
    r"|\.(pyi|h|hpp|a|c|pxd|pyx|rst|tpl|build|lib|ini|toml|txt)$|/RECORD$|/WHEEL$"
    # ... and in some: drawings other than the fonts, time zones, picture formats,
    # parts of SciPy that the book does not use.
    r"|mpl-data/(?!fonts/ttf|matplotlibrc)|pytz/zoneinfo/|zoneinfo\.tar"
    r"|_imagingft|_webp|_ttconv"
    r"|scipy/(misc|datasets|io|signal|cluster|odr)/|_sobol_direction"
)
FONTS = re.compile(r"fonts/ttf/(DejaVuSans(-Bold|-Oblique|Display)?\.ttf|cm|LICENSE)")
LICENCE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE)[^/]*$")
#: Parts of the standard library that Pyodide or a traceback may need at any time.
ALWAYS = re.compile(
    r"_?pyodide|email/|importlib/|csv\.|quopri|calendar|_sysconfigdata|warnings|codeop"
    r"|encodings/(__init__|utf_8|ascii|latin_1|idna|cp437|aliases|punycode"
    r"|unicode_escape)"
    r"|shutil|tarfile|zipfile|gzip|lzma|bz2|_compression|fnmatch|pprint|traceback"
    r"|linecache|tokenize"
)
#: The release that the files are of, in the words of its own index of packages.
RELEASE = {
    "abi_version": "2024_0",
    "arch": "wasm32",
    "platform": "emscripten_3_1_58",
    "python": "3.12.7",
    "version": "0.27.7",
}

Files = dict[str, bytes]


def pack(source: Path, target: Path) -> None:
    """Write the packs, and what is in which, into a folder that is made anew."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    files, core = _sorted(source, tiers(MODULES.read_text("utf-8")))
    packs: dict[str, Pack] = {}
    for name, content in files.items():
        # What hardly any page fetches is not worth the seconds of compiling it.
        ready = content if name == "rest" else _byte_code(content)
        packs[name] = write(target, name, tar(ready))
    packs["wasm"] = write(target, "wasm", (source / "pyodide.asm.wasm").read_bytes())
    shutil.copyfile(source / "pyodide.asm.js", target / "pyodide.asm.js")
    # Not every server knows that files named .mjs are scripts.
    shutil.copyfile(source / "pyodide.mjs", target / "pyodide.js")
    _write_core(target / "python_stdlib.zip", core)
    lock = {"info": RELEASE, "packages": {}}
    (target / "pyodide-lock.json").write_text(json.dumps(lock))
    told = {"packs": packs, "index": _index(files), "compiled": can_compile()}
    (target / "packs.json").write_text(json.dumps(told))


def tiers(text: str) -> dict[str, set[str]]:
    """Return which files belong to which pack: lines below the pack's name after #."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            here = found.setdefault(line[1:].strip(), set())
        elif line:
            here.add(line)
    return found


def _sorted(
    source: Path, chosen: dict[str, set[str]]
) -> tuple[dict[str, Files], Files]:
    """Return the files of each pack, and those of the standard library at the start."""
    packs: dict[str, Files] = {"special": {}, "scipy": {}, "rest": {}}

    def first(files: Files) -> Files:
        """Return what is needed at once; the other files go to the other packs."""
        here: Files = {}
        for name, data in files.items():
            if name in chosen["first"] or not name.endswith((".py", ".so")):
                here[name] = data
            else:
                later = (pack for pack in ("special", "scipy") if name in chosen[pack])
                packs[next(later, "rest")][name] = data
        return here

    packs["numpy"] = first(_wheel(source, "numpy"))
    packs["pandas"] = first(_wheels(source, PANDAS)) | _no_time_zones()
    drawing = _wheels(source, DRAWING) | _wheel(source, "matplotlib", _is_drawn)
    packs["matplotlib"] = first(drawing | _fonts(source, drawing))
    packs["special"] |= first(_wheel(source, "scipy")) | _openblas(source)
    every = {STDLIB + n: data for n, data in _unzipped(source / "python_stdlib.zip")}
    core = {name: data for name, data in every.items() if _is_core(name)}
    core |= first({name: data for name, data in every.items() if name not in core})
    return packs, core


def _is_core(name: str) -> bool:
    inside = name.removeprefix(STDLIB)
    return not name.endswith(".py") or bool(ALWAYS.match(inside))


def _unzipped(path: Path) -> Iterable[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


def _wheel(
    source: Path, name: str, keep: Callable[[str], bool] = lambda name: True
) -> Files:
    """Return what a page may read of a library, and its licences."""
    path = next(source.glob(f"{name}-*.whl"))
    return {
        inside: data
        for inside, data in _unzipped(path)
        if LICENCE.search(inside) or (not UNREAD.search(inside) and keep(inside))
    }


def _wheels(source: Path, names: Iterable[str]) -> Files:
    return {n: data for name in names for n, data in _wheel(source, name).items()}


def _is_drawn(name: str) -> bool:
    """Return whether matplotlib needs a file to draw with the book's fonts."""
    if "mpl-data/fonts" in name:
        return bool(FONTS.search(name))
    kept = re.search(r"__init__|registry|agg\.|backend_mixed", name)
    return "/backends/" not in name or bool(kept)


def _fonts(source: Path, packed: Files) -> Files:
    """Return the list of the fonts that are packed, so that none is looked for."""
    whole = dict(_unzipped(next(source.glob("matplotlib-*.whl"))))
    fonts = json.loads(whole["matplotlib/fontlist.json"])
    have = {name.rpartition("/")[2] for name in packed if name.endswith(".ttf")}
    fonts["ttflist"] = [
        font for font in fonts["ttflist"] if font["fname"].rpartition("/")[2] in have
    ]
    fonts["afmlist"] = []
    # The release has the list of a later version, which matplotlib would not read.
    version = re.search(rb"__version__ = (\d+)", whole["matplotlib/font_manager.py"])
    if version is not None:
        fonts["_version"] = int(version[1])
    return {"matplotlib/fontlist.json": json.dumps(fonts).encode()}


def _no_time_zones() -> Files:
    """Return an empty archive of time zones, for dateutil asks for one."""
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    return {"dateutil/zoneinfo/dateutil-zoneinfo.tar.gz": empty.getvalue()}


def _openblas(source: Path) -> Files:
    inside = dict(_unzipped(next(source.glob("openblas-*.zip"))))
    return {"openblas/libopenblas.so": inside["libopenblas.so"]}


def _byte_code(files: Files) -> Files:
    if not can_compile():
        return files
    return compiled(files, lambda name: _path(name, "/lib/python3.12/"))


def _path(name: str, stdlib: str) -> str:
    inside = name.removeprefix(STDLIB)
    return (stdlib if inside != name else SITE) + inside


def _write_core(path: Path, files: Files) -> None:
    """Write the part of the standard library with which Python starts."""
    inside = {name.removeprefix(STDLIB): data for name, data in files.items()}
    if can_compile():
        inside = compiled(inside, lambda name: f"/lib/python312.zip/{name}")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(inside.items()):
            member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data, compresslevel=9)


def _index(packs: dict[str, Files]) -> dict[str, str]:
    """Return the modules that come later -> the pack that brings them.

    SciPy's own modules, which `live_start` fetches as soon as one is used, are not
    named with the pack *special*: only what that pack has of other libraries.
    """
    found = {}
    for pack_name in ("scipy", "rest", "special"):
        for name in packs[pack_name]:
            if pack_name != "special" or not name.startswith("scipy/"):
                found.update(dict.fromkeys(_module(name), pack_name))
    return dict(sorted(found.items()))


def _module(name: str) -> list[str]:
    """Return the name of the module in a file, if it has one."""
    path = name.removeprefix(STDLIB)
    if path.endswith(".py"):
        return [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")]
    if path.endswith(".so"):
        return [path.partition(".")[0].replace("/", ".")]
    return []


if __name__ == "__main__":
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
