"""The kernel of the notebooks is this environment's, whatever its user has set up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import execute
import kernel
import pytest
from mini_book import CELLS, make_book, write_chapter

from collapse_lib.book.notebooks import Notebook

DRAW = "import matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.show()"
STYLE = "print(plt.rcParams['axes.grid'], 'startup' in globals())"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book whose chapter draws, and tells which style and names it was given."""
    make_book(tmp_path)
    cells = [("code", DRAW, []), ("code", STYLE, [])]
    write_chapter(tmp_path, "01-mini", [*CELLS, *cells])
    return tmp_path


def shown(book: Path) -> list[Any]:
    return list(Notebook(book / "chapters" / "01-mini.ipynb").outputs)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def own_settings(home: Path) -> dict[str, str]:
    """Settings of a user that would change what a chapter shows."""
    written(home / "mpl/matplotlibrc", "axes.grid: True\n")
    written(home / "ipython/profile_default/startup/a.py", "startup = 1\n")
    spec = {"argv": ["false"], "display_name": "Another", "language": "python"}
    written(home / "jupyter/kernels/python3/kernel.json", json.dumps(spec))
    return {
        "JUPYTER_PATH": str(home / "jupyter"),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": str(home / "mpl"),
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "7",
    }


def run_elsewhere(book: Path, script: str, *args: str, **variables: str) -> str:
    """Run a script's main on the book with other variables; return what it says."""
    root = Path(__file__).resolve().parents[2]
    env = {name: value for name, value in os.environ.items() if name[:4] != "XDG_"}
    env.pop("MPLCONFIGDIR", None)
    env["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "scripts")])
    code = (
        f"import sys, {script}; from pathlib import Path\n"
        f"sys.exit({script}.main({list(args)}, Path({str(book)!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_setting_of_the_user_changes_what_a_chapter_shows(
    book: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    run_elsewhere(book, "execute", **own_settings(home))
    printed, picture, style = shown(book)
    assert printed["text"] == "2\n"
    assert "image/png" in picture["data"]
    assert style["text"] == "False False\n"


def test_a_home_that_cannot_be_written_leaves_no_trace(book: Path) -> None:
    run_elsewhere(book, "execute", HOME=os.devnull)
    kinds = [output.get("name", output["output_type"]) for output in shown(book)]
    assert kinds == ["stdout", "display_data", "stdout"]
    assert execute.main(["--check"], book) == 0


def test_a_chapter_that_stores_a_warning_is_run_again(book: Path) -> None:
    """Stored before anyone refused it, it would fail every later build."""
    assert execute.main([], book) == 0
    path = book / "chapters" / "01-mini.ipynb"
    path.write_text(path.read_text("utf-8").replace('"stdout"', '"stderr"'), "utf-8")
    assert execute.main(["--check"], book) == 1
    assert execute.main([], book) == 0
    assert execute.main(["--check"], book) == 0


def test_a_larger_run_uses_the_same_kernel_and_the_users_threads(
    book: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = "import os\nprint(os.environ['OMP_NUM_THREADS'])"
    write_chapter(book, "01-mini", [*CELLS, ("code", source, [])])
    settings = own_settings(tmp_path_factory.mktemp("home"))
    run_elsewhere(book, "reproduce", "01", "laptop", **settings)
    copy = Notebook(book / "_build" / "reproduce" / "01-mini-laptop.ipynb")
    assert [output["text"] for output in copy.outputs] == ["3\n", "7\n"]


def test_variables_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with pytest.raises(KeyError), kernel.surroundings(threads=1):
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert "MPLBACKEND" not in os.environ
        folder = Path(os.environ["IPYTHONDIR"]).parent
        assert folder.is_dir()
        raise KeyError
    assert dict(os.environ) == before
    assert not folder.exists()
