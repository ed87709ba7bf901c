"""The scripts behind `make`, each run on a book of one tiny chapter."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import build_book
import execute
import kernel
import pytest
import reproduce
import yaml
from mini_book import CELLS, make_book, write_chapter, write_notebook
from staleness import Inputs

from collapse_lib.book import notebooks
from collapse_lib.book.notebooks import code_cells


@pytest.fixture
def book(tmp_path: Path) -> Path:
    make_book(tmp_path)
    return tmp_path


def add_cell(book: Path, source: str) -> Path:
    return write_chapter(book, "01-mini", [*CELLS, ("code", source, [])])


def read(path: Path) -> Any:
    return notebooks.parse(path.read_text("utf-8"))


def outputs(path: Path) -> str:
    cells = code_cells(read(path))
    return "".join(out.get("text", "") for cell in cells for out in cell["outputs"])


# --- execute.py ---------------------------------------------------------------


def test_execute_stores_outputs_and_their_fingerprint(book: Path, capsys: Any) -> None:
    path = add_cell(book, "import os; print(os.path.relpath(os.getcwd(), '../..'))")
    assert execute.main([], book) == 0
    notebook = read(path)
    assert [c["execution_count"] for c in code_cells(notebook)] == [1, 2, 3, 4]
    assert outputs(path) == f"2\n{book.name}/chapters\n"
    made = notebook["metadata"]["collapse"]
    assert set(made) == {"fingerprint", "uses", "seconds", "megabytes"}
    assert isinstance(made["seconds"], int)
    if Path("/proc/self/status").exists():
        assert 20 < made["megabytes"] < 2000  # an empty kernel takes about 60
    assert "version" not in notebook["metadata"]["language_info"]
    assert not any("execution" in cell["metadata"] for cell in code_cells(notebook))
    assert "01-mini: its outputs were never made" in capsys.readouterr().out


def test_the_template_is_executed_like_a_chapter(book: Path, capsys: Any) -> None:
    path = write_chapter(book, "_template", CELLS)
    assert execute.main(["_template"], book) == 0
    assert outputs(path) == "2\n"
    assert execute.main(["--check"], book) == 1
    assert "_template" not in capsys.readouterr().out.splitlines()[-1]


def test_a_second_run_touches_nothing(book: Path, capsys: Any) -> None:
    assert execute.main([], book) == 0
    before = (book / "chapters/01-mini.ipynb").stat()
    assert execute.main([], book) == 0
    after = (book / "chapters/01-mini.ipynb").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert capsys.readouterr().out.endswith("Every chapter is up to date\n")


def test_running_again_gives_the_same_file(book: Path) -> None:
    path = book / "chapters/01-mini.ipynb"
    assert execute.main([], book) == 0
    before = json.loads(path.read_text("utf-8"))
    assert execute.main(["--force", "01"], book) == 0
    after = json.loads(path.read_text("utf-8"))
    for content in (before, after):
        content["metadata"]["collapse"].pop("seconds")
        content["metadata"]["collapse"].pop("megabytes")
    assert before == after


def test_a_failing_chapter_keeps_its_outputs_and_others_run(
    book: Path, capsys: Any
) -> None:
    failing = add_cell(book, "total = 0\n1 / total")
    write_chapter(book, "02-good", [("code", "print('good')", [])])
    before = failing.read_bytes()
    assert execute.main([], book) == 1
    assert failing.read_bytes() == before
    assert outputs(book / "chapters/02-good.ipynb") == "good\n"
    message = capsys.readouterr().err
    assert (
        "01-mini, code cell 4 (`total = 0`): ZeroDivisionError: division by zero"
        in message
    )
    assert "1 / total" in message
    assert "\x1b" not in message
    assert "Its previous outputs are kept." in message


def test_a_cell_that_hangs_is_named(book: Path, capsys: Any) -> None:
    add_cell(book, "import time\ntime.sleep(60)")
    assert execute.main(["--timeout", "1"], book) == 1
    message = capsys.readouterr().err
    assert "01-mini, code cell 4 (`import time`): took more than 1 s" in message


def test_a_kernel_that_dies_is_reported(book: Path, capsys: Any) -> None:
    add_cell(book, "import os\nos._exit(1)")
    assert execute.main([], book) == 1
    assert "code cell 4 (`import os`): its kernel died" in capsys.readouterr().err


def test_a_kernel_that_does_not_start_is_reported(
    book: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"argv": ["no-such-program"], "display_name": "x", "language": "python"}
    monkeypatch.setattr(kernel, "get_kernel_dict", lambda: spec)
    assert execute.main([], book) == 1
    message = capsys.readouterr().err
    assert "01-mini: no kernel started: " in message and "no-such-program" in message


def test_a_notebook_that_cannot_be_written_is_reported(
    book: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("collapse_lib.files.write_text", full)
    assert execute.main([], book) == 1
    assert "no space left\n  Its previous outputs are kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "import warnings\nwarnings.warn('old')",
            "code cell 4 (`import warnings`): it writes to stderr, ",
        ),
        (
            "print('in', '/home/me/data.csv')",
            "it shows '/home/me/data.csv', a path of one machine; show a relative one",
        ),
        (
            "import sys\nprint('/home/me is full', file=sys.stderr)",
            "it writes to stderr, '/home/me is full'; mend the cause, or catch this",
        ),
        ("import sys\nsys.stderr.write('x' * 999)", "xx…'; mend the cause, or catch"),
    ],
)
def test_what_belongs_to_one_run_is_not_stored(
    book: Path, capsys: Any, source: str, words: str
) -> None:
    path = add_cell(book, source)
    before = path.read_bytes()
    assert execute.main([], book) == 1
    assert path.read_bytes() == before
    message = capsys.readouterr().err
    assert words in message and "nothing was stored" in message


def test_of_an_expected_error_the_message_is_stored(book: Path) -> None:
    cells = [*CELLS, ("code", "raise KeyError('x')", ["raises-exception"])]
    path = write_chapter(book, "01-mini", cells)
    assert execute.main([], book) == 0
    (error,) = code_cells(read(path))[-1]["outputs"]
    assert error["traceback"] == ["KeyError: 'x'"]


def test_check_lists_the_stale_chapters_and_runs_nothing(
    book: Path, capsys: Any
) -> None:
    path = book / "chapters/01-mini.ipynb"
    before = path.read_bytes()
    assert execute.main(["--check"], book) == 1
    assert capsys.readouterr().out.startswith("01-mini is stale: its outputs were")
    assert path.read_bytes() == before
    assert execute.main([], book) == 0
    assert execute.main(["--check"], book) == 0


def test_an_unknown_chapter_is_an_error(book: Path, capsys: Any) -> None:
    assert execute.main(["07"], book) == 2
    assert "no chapter '07'; the chapters are 01" in capsys.readouterr().err


def test_an_interrupted_write_leaves_the_old_notebook(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = book / "chapters/01-mini.ipynb"
    before = path.read_bytes()

    def interrupted(_file: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("collapse_lib.files.whole.os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute.main([], book)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_written_notebook_keeps_its_permissions(book: Path) -> None:
    path = book / "chapters/01-mini.ipynb"
    path.chmod(0o640)
    assert execute.main([], book) == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_copy_made_in_jupyterlab_stops_nothing(book: Path, capsys: Any) -> None:
    copy = write_notebook(book, "01-mini-Copy1", [("code", "1 / 0", [])])
    (book / "chapters/.ipynb_checkpoints").mkdir()
    shutil.copy(copy, book / "chapters/.ipynb_checkpoints/01-mini-checkpoint.ipynb")
    before = copy.read_bytes()
    assert execute.main([], book) == 0
    assert copy.read_bytes() == before
    said = capsys.readouterr().out
    assert "No chapters, as _toc.yml does not name them: 01-mini-Copy1.ipynb" in said


def test_a_chapter_without_its_file_is_an_error(book: Path, capsys: Any) -> None:
    (book / "chapters/01-mini.ipynb").unlink()
    assert execute.main([], book) == 2
    assert "no file chapters/01-mini.ipynb; write" in capsys.readouterr().err


# A library of two modules with data beside one of them.
LIBRARY = {
    "__init__.py": "",
    "used/__init__.py": "",
    "used/model.py": "answer = 42",
    "used/weights.json": "{}",
    "used/__init__.pyi": "",
    "unused/__init__.py": "",
    "unused/model.py": "",
}


def test_what_a_kernel_imported_is_written_down(book: Path) -> None:
    for name, text in LIBRARY.items():
        path = book / "collapse_lib" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    write_chapter(book, "02-other", [("code", "print('no library')", [])])
    path = add_cell(
        book,
        "import sys; sys.path.insert(0, '..')\n"
        "import collapse_lib.used.model, yaml, pytest, json",
    )
    assert execute.main([], book) == 0
    uses = read(path)["metadata"]["collapse"]["uses"]
    used = ["__init__.py", "used/__init__.py", "used/model.py", "used/weights.json"]
    assert uses["files"] == [f"collapse_lib/{name}" for name in used]
    # Those that pyproject.toml depends on; pytest is a tool.
    assert uses["packages"] == ["pyyaml"]
    assert outputs(path) == "2\n"
    assert [c["execution_count"] for c in code_cells(read(path))] == [1, 2, 3, 4]

    def stale() -> list[str]:
        inputs = Inputs(book)
        found = notebooks.chapters(book).values()
        return [chapter.name for chapter in found if inputs.stale_because(chapter)]

    (book / "collapse_lib/unused/model.py").write_text("changed = True")
    (book / "collapse_lib/used/__init__.pyi").write_text("new: int")
    assert stale() == []
    for name in ("used/model.py", "used/weights.json"):
        (book / "collapse_lib" / name).write_text("[1]")
        assert stale() == ["01-mini"]
        (book / "collapse_lib" / name).write_text(LIBRARY[name])
        assert stale() == []


def test_another_library_than_the_one_beside_the_chapter_is_refused(
    book: Path, capsys: Any
) -> None:
    path = add_cell(book, "import collapse_lib")
    before = path.read_bytes()
    assert execute.main([], book) == 1
    message = capsys.readouterr().err
    assert "not with the one beside it; run `pip install -e .`" in message
    assert path.read_bytes() == before


# --- reproduce.py -------------------------------------------------------------


def test_reproduce_runs_the_chapter_at_the_scale(book: Path, capsys: Any) -> None:
    path = add_cell(
        book,
        "from pathlib import Path\n"
        "Path(f'../results/01/{SCALE}.json').write_text(str(SCALES[SCALE]))",
    )
    before = path.read_bytes()
    assert reproduce.main(["01", "paper"], book) == 0
    assert (book / "results/01/paper.json").read_text() == "{'n': 4}"
    assert path.read_bytes() == before
    said = capsys.readouterr().out
    assert str(book / "_build/reproduce/01-mini-paper.ipynb") in said
    assert str(book / "results/01/paper.json") in said


def test_reproduce_reports_a_failing_cell(book: Path, capsys: Any) -> None:
    add_cell(book, "raise RuntimeError('no luck')")
    assert reproduce.main(["01", "laptop"], book) == 1
    message = capsys.readouterr().err
    assert "01-mini at scale laptop failed" in message
    assert "RuntimeError: no luck" in message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["07", "laptop"], "there is no chapter '07'; the chapters are 01"),
        (["01", "huge"], "no scale 'huge'; its scales are ci, laptop, paper"),
        (["", "laptop"], "there is no chapter ''"),
        (["01"], "got 1 values instead of 2"),
    ],
)
def test_reproduce_lists_what_there_is(
    given: list[str], message: str, book: Path, capsys: Any
) -> None:
    assert reproduce.main(given, book) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "make reproduce CHAPTER=03 SCALE=laptop" in said


# --- build_book.py ------------------------------------------------------------

# Stands in for jupyter-book: counts its runs and ends with the status asked for.
BUILDER = """
import pathlib, sys
html = pathlib.Path("_build/next/_build/html")
html.mkdir(parents=True)
with open("../runs", "a") as runs:
    runs.write("x")
(html / "index.html").write_text(f"built {pathlib.Path('../runs').read_text()}")
sys.exit(int(pathlib.Path("status").read_text()))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    make_book(folder)
    (folder / "status").write_text("0")
    (folder / "intro.md").write_text("# Intro\n")
    (folder / "_config.yml").write_text(
        "title: t\nauthor: a\nonly_build_toc_files: true\n"
        "execute: {execute_notebooks: 'off'}\n"
    )
    return folder


def fake_build(site: Path) -> int:
    return build_book.build(site, [sys.executable, "-c", BUILDER])


def runs(site: Path) -> int:
    return len((site.parent / "runs").read_text())


def test_an_unchanged_book_is_not_built_again(site: Path, capfd: Any) -> None:
    assert fake_build(site) == fake_build(site) == 0
    assert runs(site) == 1
    said = capfd.readouterr().out
    page = site / "_build" / "html" / "index.html"
    assert f"The book is built: open {page}" in said
    assert f"The book is up to date: open {page}" in said


@pytest.mark.parametrize(
    "changed",
    [
        "intro.md",
        "claims.yaml",
        "collapse_lib/core.py",
        "chapters/01-mini.ipynb",
        "results/01/laptop.json",
        "requirements.lock",
        "_static/new.css",
        "_ext/new.py",
    ],
)
def test_a_changed_input_means_a_whole_build(changed: str, site: Path) -> None:
    assert fake_build(site) == 0
    (site / changed).parent.mkdir(exist_ok=True)
    with open(site / changed, "a") as stream:
        stream.write(" ")
    (site / "_build/html/left-over.html").write_text("")
    assert fake_build(site) == 0
    assert runs(site) == 2
    assert not (site / "_build/html/left-over.html").exists()


@pytest.mark.parametrize(
    "irrelevant",
    [
        "tests/test_x.py",
        ".venv/lib/x.py",
        "collapse_lib/__pycache__/x.pyc",
        "mini.egg-info/PKG-INFO",
        "results/01/paper.checkpoint.npz",
        "_build/reproduce/x.ipynb",
    ],
)
def test_what_no_page_is_made_of_does_not_count(irrelevant: str, site: Path) -> None:
    assert fake_build(site) == 0
    (site / irrelevant).parent.mkdir(parents=True, exist_ok=True)
    (site / irrelevant).write_text("new")
    assert fake_build(site) == 0
    assert runs(site) == 1


def test_a_failed_build_keeps_the_pages_of_the_last_good_one(
    site: Path, capfd: Any
) -> None:
    index = site / "_build/html/index.html"
    (site / "status").write_text("3")
    assert fake_build(site) == 3
    assert "still in" not in capfd.readouterr().err
    assert not index.exists()
    (site / "status").write_text("0")
    assert fake_build(site) == 0
    (site / "status").write_text("3")
    assert fake_build(site) == fake_build(site) == 3, "it is not taken for done"
    said = capfd.readouterr().err
    assert "The book was not built" in said
    assert f"The pages of an earlier build are still in {index.parent}" in said
    assert index.read_text() == "built xx"
    (site / "status").write_text("0")  # what those pages were built from
    assert fake_build(site) == 0
    assert runs(site) == 4
    assert sorted(path.name for path in (site / "_build").iterdir()) == [
        "built-from",
        "html",
    ]


def test_a_build_that_is_cut_short_keeps_the_last_pages(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fake_build(site) == 0
    (site / "intro.md").write_text("# Better\n")

    def cut_short(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("build_book.subprocess.run", cut_short)
    with pytest.raises(KeyboardInterrupt):
        fake_build(site)
    assert (site / "_build/html/index.html").read_text() == "built x"
    monkeypatch.undo()
    assert fake_build(site) == 0
    assert (site / "_build/html/index.html").read_text() == "built xx"


def test_pages_that_vanished_are_built_again(site: Path) -> None:
    assert fake_build(site) == 0
    shutil.rmtree(site / "_build" / "html")
    assert fake_build(site) == 0
    assert runs(site) == 2


def test_the_real_build_is_strict(site: Path, capfd: Any) -> None:
    (site / "_toc.yml").write_text("format: jb-book\nroot: intro\n")
    (site / "intro.md").write_text("# Intro\n\nSee {ref}`nowhere`.\n")
    assert build_book.build(site) != 0
    assert "nowhere" in capfd.readouterr().err
    (site / "intro.md").write_text("# Intro\n")
    assert build_book.build(site) == 0
    assert "<h1>Intro" in (site / "_build/html/intro.html").read_text("utf-8")


# --- Makefile -----------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """A folder with what the Makefile itself reads."""
    folder = tmp_path / "a book, copié"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "requirements-torch.lock"):
        shutil.copy(root / name, folder)
    return folder


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without the variables by which an outer make speaks to an inner one.
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHON"}
    env = {name: value for name, value in os.environ.items() if name not in outer}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    return path


def test_help_lists_every_target(checkout: Path) -> None:
    makefile = (checkout / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony is not None
    said = make(checkout, "help").stdout
    assert re.findall(r"^make (\w+) ", said, re.M) == phony.group(1).split()
    assert all(len(line) > 20 for line in said.splitlines())


def test_the_default_is_the_book(checkout: Path) -> None:
    plan = make(checkout, "-n").stdout
    assert plan == make(checkout, "-n", "book").stdout
    order = [plan.index(f"scripts/{name}") for name in ("execute.py", "build_book.py")]
    assert order == sorted(order)


#: Stands in for an interpreter, and for the one in the environment it makes: writes
#: down what it is asked for. While there is a file "offline" it can install nothing.
PYTHON = """
echo "$@" >> log
case "$1 $2" in
"-m venv") rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-m pip") test ! -e offline ;;
esac
"""


def made(folder: Path, *arguments: str, status: int = 0) -> list[str]:
    """Run `make notebooks` with the stand-in; return what was installed."""
    log = folder / "log"
    log.write_text("")
    python = program(folder / "a python", PYTHON)
    result = make(folder, *arguments, f"PYTHON={python}", "notebooks")
    assert (result.returncode != 0) == (status != 0), result.stderr + result.stdout
    return [line for line in log.read_text().splitlines() if "pip" in line]


def test_the_environment_is_made_once_for_each_lock(checkout: Path) -> None:
    with_hashes, torch = made(checkout)
    assert "--require-hashes --no-deps -r requirements.lock" in with_hashes
    assert "-r requirements-torch.lock -e ." in torch
    assert (checkout / ".venv/bin/python").exists()
    assert made(checkout) == []
    (checkout / "requirements.lock").touch()  # as git does when the branch changes
    assert made(checkout) == []
    assert "venv" not in make(checkout, "-n", "notebooks").stdout.replace(".venv", "")
    with open(checkout / "requirements-torch.lock", "a") as lock:
        lock.write("# renewed\n")
    assert len(made(checkout)) == 2


def test_another_branch_without_a_network_leaves_the_environment(
    checkout: Path,
) -> None:
    made(checkout)
    before = (checkout / ".venv").resolve()
    lock = checkout / "requirements.lock"
    here = lock.read_text()
    lock.write_text("another==1.0\n")
    (checkout / "offline").touch()
    for _ in range(2):  # an installation that was cut short starts again
        assert len(made(checkout, status=2)) == 1
    assert (checkout / ".venv").resolve() == before
    assert (before / "bin/python").exists()
    lock.write_text(here)
    assert made(checkout) == []
    lock.write_text("another==1.0\n")
    (checkout / "offline").unlink()
    assert len(made(checkout)) == 2
    (checkout / "offline").touch()
    lock.write_text(here)  # and back again
    assert made(checkout) == []
    assert (checkout / ".venv").resolve() == before
    for name in ("collapse_lib", "scripts", "tests", "_ext", "benchmarks"):
        (checkout / name).mkdir()
    assert make(checkout, "clean").returncode == 0
    assert [path.name for path in (checkout / ".venvs").iterdir()] == [before.name]


def test_an_environment_of_ones_own_is_put_aside(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv/mine").touch()
    assert len(made(checkout)) == 2
    assert (checkout / ".venvs/before/mine").exists()
    assert (checkout / ".venv").is_symlink()


@pytest.mark.parametrize("home", ["", "nowhere", "Makefile", "."])
def test_a_home_that_cannot_be_written_is_replaced(
    checkout: Path, home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not by permissions, which do not bind root.
    monkeypatch.setenv("HOME", str(checkout / home) if home else "")
    with open(checkout / "Makefile", "a") as makefile:
        makefile.write('\nhome:\n\t@echo "$$HOME"\n')
    replaced = home != "."
    place = checkout / "_build/home" if replaced else checkout
    assert make(checkout, "home").stdout.strip() == str(place)
    assert (checkout / "_build/home").is_dir() == replaced


def test_an_old_python_is_refused(checkout: Path) -> None:
    python = program(
        checkout / "old", "case $1 in -c) exit 1;; *) echo Python 3.9.6;; esac\n"
    )
    result = make(checkout, f"PYTHON={python}", "test")
    assert result.returncode != 0
    assert f"'{python}' is Python 3.9.6" in result.stderr
    assert "needs Python 3.11 or newer" in result.stderr
    assert "make PYTHON=python3.12 test" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_python_is_named(checkout: Path) -> None:
    result = make(checkout, "PYTHON=python3.99", "book")
    assert result.returncode != 0
    assert "There is no 'python3.99' here." in result.stderr


# --- what CI runs -------------------------------------------------------------


def run_ci(folder: Path, root: Path, *, chromium: bool, status: int = 0) -> list[str]:
    """Run .ci/run with stand-ins for the programs it calls; return their calls."""
    shutil.copytree(root / ".ci", folder / ".ci")
    bin_folder, log = folder / "bin", folder / "log"
    for name, end in (("apt-get", 0), ("make", status), ("sudo", 0)):
        program(bin_folder / name, f'echo {name} "$@" >> {log}\nexit {end}\n')
    if chromium:
        program(bin_folder / "chromium", "")
    for name in ("bash", "dirname", "id"):
        (bin_folder / name).symlink_to(str(shutil.which(name)))
    result = subprocess.run(
        [bin_folder / "bash", folder / ".ci" / "run"],
        env={"PATH": str(bin_folder)},
        check=False,
    )
    assert result.returncode == status
    return log.read_text().replace("sudo apt-get", "apt-get").splitlines()


def test_ci_installs_a_browser_where_there_is_none(tmp_path: Path, root: Path) -> None:
    update, install, test = run_ci(tmp_path, root, chromium=False)
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install")
    assert install.split()[-1] == "chromium"
    assert test == "make test"


def test_ci_is_make_test(tmp_path: Path, root: Path) -> None:
    assert run_ci(tmp_path, root, chromium=True) == ["make test"]


def test_ci_fails_when_make_test_fails(tmp_path: Path, root: Path) -> None:
    run_ci(tmp_path, root, chromium=True, status=2)


def workflow(root: Path, name: str) -> Any:
    return yaml.safe_load((root / ".github/workflows" / name).read_text())


def test_the_workflows_run_what_a_reader_runs(root: Path) -> None:
    folder = root / ".github" / "workflows"
    assert {path.name for path in folder.iterdir()} == {"ci.yml", "weekly.yml"}
    ci, weekly = (
        [step.get("run", "") for job in each["jobs"].values() for step in job["steps"]]
        for each in (workflow(root, "ci.yml"), workflow(root, "weekly.yml"))
    )
    assert "bash .ci/run" in ci
    assert any("--nbval-lax" in command for command in weekly)


def test_what_is_published_is_what_passed(root: Path) -> None:
    ci = workflow(root, "ci.yml")
    test, publish = ci["jobs"]["test"], ci["jobs"]["publish"]
    assert ci["permissions"] == {"contents": "read"}
    assert "permissions" not in test, "what runs the project's code may write nothing"
    assert publish["needs"] == "test"
    assert not any("run" in step for step in publish["steps"])
    names = [step.get("run") or step["uses"].split("@")[0] for step in test["steps"]]
    assert names.index("bash .ci/run") < names.index("actions/upload-pages-artifact")
    (upload,) = (step for step in test["steps"] if "pages" in step.get("uses", ""))
    assert upload["with"]["path"] == "_build/html"
    assert publish["if"] == "github.ref == 'refs/heads/main'"
    assert upload["if"] == f"{publish['if']} && matrix.cpu == 'own'"


def test_actions_are_named_by_commit(root: Path) -> None:
    for name in ("ci.yml", "weekly.yml"):
        text = (root / ".github/workflows" / name).read_text()
        used = re.findall(r"uses: (.*)", text)
        assert used
        for each in used:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)


@pytest.mark.parametrize(
    ("name", "least"), [("requirements.lock", 150), ("requirements-pdf.lock", 1)]
)
def test_every_package_of_the_lock_has_its_hashes(
    root: Path, name: str, least: int
) -> None:
    lines = (root / name).read_text().splitlines()
    entries = [line for line in lines if "==" in line.split("--hash")[0]]
    assert len(entries) >= least
    assert all(line.endswith("\\") for line in entries), "its hashes follow"
    others = [line for line in lines if line not in entries and line[:1] != "#"]
    assert all(re.match(r"    --hash=sha256:[0-9a-f]{64}( |$)", o) for o in others)


def test_torch_is_the_one_package_without_hashes(root: Path) -> None:
    torch = (root / "requirements-torch.lock").read_text().splitlines()
    assert [line.split("==")[0] for line in torch if line[:1] != "#"] == ["torch"]
