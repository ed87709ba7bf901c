"""A chapter is compared with what it stores: edits are noticed, other CPUs are not."""

from __future__ import annotations

import base64
import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import kernel
import nbformat
import numpy as np
import pytest
from matplotlib import pyplot as plt
from nbclient import NotebookClient
from notebook_outputs import differences
from notebook_pictures import difference
from PIL import Image

from collapse_lib import plotting
from collapse_lib.book.display import GLUE
from collapse_lib.book.notebooks import message_only
from collapse_lib.book.small_png import palette_png

Outputs = list[Any]
#: A small chapter: code, tags. The numbers below are places in it.
CELLS = [
    "from matplotlib import pyplot as plt\nfrom collapse_lib.book import display",
    "plt.plot([0, 1, 2], [0, 2, 1])\nplt.show()",
    "plt.plot([0, 1, 2], [2, 0, 1])\nplt.show()",
    "display.glue('wins', '3')\ndisplay.glue('losses', '4')",
    "print('sigma is 0.46')",
    "raise KeyError('no such world')",
    "{'mean': 0.46}",
    "print('fine')",
    "plt.plot([0, 1, 2], [1, 1, 1])\nplt.show()",
]
RISING, FALLING, SAID, PRINTED, RAISED, RETURNED, UNTOUCHED = range(1, 8)


@pytest.fixture(scope="module")
def stored() -> Any:
    """The chapter with its outputs."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    cells[RAISED].metadata["tags"] = ["raises-exception"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with kernel.surroundings(threads=1):
        NotebookClient(
            notebook, kernel_manager_class=kernel.OwnKernelManager, timeout=60
        ).execute()
    (error,) = notebook.cells[RAISED].outputs
    error.traceback = message_only(error)
    return notebook


def outputs(notebook: Any) -> list[Outputs]:
    return [cell.outputs for cell in notebook.cells]


def png(notebook: Any, cell: int) -> dict[str, Any]:
    """The data of the cell's picture."""
    data: dict[str, Any] = notebook.cells[cell].outputs[0].data
    return data


def as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def white_pixel() -> str:
    file = BytesIO()
    Image.new("RGB", (1, 1), "white").save(file, "png")
    return as_base64(file.getvalue())


def blank(notebook: Any) -> None:
    """Paint the picture white, in its own size."""
    file = BytesIO()
    content = base64.b64decode(png(notebook, RISING)["image/png"])
    Image.new("RGB", Image.open(BytesIO(content)).size, "white").save(file, "png")
    png(notebook, RISING)["image/png"] = as_base64(file.getvalue())


def swap_pictures(notebook: Any) -> None:
    one, other = png(notebook, RISING), png(notebook, FALLING)
    one["image/png"], other["image/png"] = other["image/png"], one["image/png"]


def swap_names(notebook: Any) -> None:
    one, other = (out.metadata["scrapbook"] for out in notebook.cells[SAID].outputs)
    one["name"], other["name"] = other["name"], one["name"]


def add_output(notebook: Any) -> None:
    notebook.cells[UNTOUCHED].outputs.append(
        nbformat.v4.new_output("display_data", {"text/plain": "42"})
    )


def set_output(cell: int, **fields: Any) -> Callable[[Any], None]:
    return lambda notebook: notebook.cells[cell].outputs[0].update(fields)


def set_data(cell: int, **data: Any) -> Callable[[Any], None]:
    named = {name.replace("_", "/"): value for name, value in data.items()}
    return lambda notebook: notebook.cells[cell].outputs[0].data.update(named)


#: What a hand could do to the outputs: the edit, its cell, and what is said of it.
EDITS: dict[str, tuple[Callable[[Any], None], int, str]] = {
    "a white pixel for a figure": (
        lambda notebook: png(notebook, RISING).update({"image/png": white_pixel()}),
        RISING,
        r"output 1, image/png: the stored picture has 1 x 1 pixels, the new one \d{3}",
    ),
    "a blank figure": (blank, RISING, "image/png: the pictures show something else"),
    "no picture at all": (
        set_data(RISING, image_png="bm8gcGljdHVyZQ=="),
        RISING,
        "image/png: the stored one is no picture",
    ),
    "no figure": (
        lambda notebook: png(notebook, RISING).pop("image/png"),
        RISING,
        "image/png: only the new one has it",
    ),
    "two figures swapped": (swap_pictures, FALLING, "the pictures show something else"),
    "two numbers' names swapped": (swap_names, SAID, "output 1, metadata: it differs"),
    "a typed number for the prose": (
        set_data(SAID, **{f"{GLUE}text/plain".replace("/", "_"): "'42'"}),
        SAID,
        "42",
    ),
    "a typed number in what is printed": (
        set_output(PRINTED, text="sigma is 42\n"),
        PRINTED,
        r"(?s)text: it differs.*-sigma is 42\n\+sigma is 0.46",
    ),
    "a typed number that a terminal would overwrite": (
        set_output(PRINTED, text="sigma is 42\rsigma is 0.46\n"),
        PRINTED,
        "text: ",
    ),
    "what was printed as a warning": (
        set_output(PRINTED, name="stderr"),
        PRINTED,
        "name: it differs",
    ),
    "another kind of output": (
        set_output(RETURNED, output_type="display_data"),
        RETURNED,
        "output_type: it differs",
    ),
    "a typed number in a result": (
        set_data(RETURNED, text_plain="{'mean': 42}"),
        RETURNED,
        "text/plain: it differs",
    ),
    "a typed result as HTML": (
        set_data(RETURNED, text_html="<b>42</b>"),
        RETURNED,
        "text/html: only the stored one has it",
    ),
    "another message": (
        set_output(RAISED, evalue="'42'"),
        RAISED,
        "evalue: it differs",
    ),
    "a typed traceback": (
        set_output(RAISED, traceback=["KeyError: 42"]),
        RAISED,
        "traceback: it differs",
    ),
    "one output more": (add_output, UNTOUCHED, r"stored are 2 outputs \(stdout, displ"),
    "no output": (
        lambda notebook: notebook.cells[UNTOUCHED].outputs.clear(),
        UNTOUCHED,
        r"stored are no outputs; new are 1 outputs? \(stdout\)",
    ),
}


def no_rules(text: Any) -> Any:
    return text


def test_what_was_stored_is_what_came(stored: Any) -> None:
    for cell in outputs(stored):
        assert list(differences(cell, copy.deepcopy(cell), no_rules)) == []


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_noticed(stored: Any, edit: str) -> None:
    change, place, words = EDITS[edit]
    edited = copy.deepcopy(stored)
    change(edited)
    found = list(differences(outputs(edited)[place], outputs(stored)[place], no_rules))
    assert found and re.search(words, "\n".join(found)), found


def unlike(*sources: str) -> Any:
    """A notebook that was run once; what it then showed is not stored."""
    cells = [nbformat.v4.new_code_cell(text, execution_count=1) for text in sources]
    return nbformat.v4.new_notebook(cells=cells)


def run_nbval(folder: Path, books: dict[str, Any], *options: str) -> str:
    """Compare notebooks in a process of its own; return what pytest prints.

    It has no home, and another kernel of the same name is there.
    """
    for name, notebook in books.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    root = Path(__file__).resolve().parents[2]
    another = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    another.parent.mkdir(parents=True)
    another.write_text('{"argv": ["false"], "display_name": "", "language": "python"}')
    folders = [str(root), str(root / "scripts"), str(root / "tests")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", folder, "-c", root / "pyproject.toml"]
        + ["-p", "nbval_chapters", "-p", "no:cacheprovider", "-v", "--color=no"]
        + ["--nbval", "--nbval-current-env", *options],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(folders), "MPLBACKEND": "Agg"}
        | {"HOME": os.devnull, "JUPYTER_PATH": str(folder / "jupyter")},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def compared(stored: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What nbval says of edited outputs, of a cell that fails and of one that kills."""
    edited = copy.deepcopy(stored)
    chosen = ("two figures swapped", "two numbers' names swapped", "a typed traceback")
    for edit in (*chosen, "a typed number that a terminal would overwrite"):
        EDITS[edit][0](edited)
    books = {
        "edited": edited,
        "failing": unlike("1 / 0", "raise ValueError('a consequence')"),
        "killed": unlike("import os\nos._exit(1)", "n = 1"),
    }
    return run_nbval(tmp_path_factory.mktemp("books"), books)


def outcomes(shown: str, book: str) -> list[str]:
    return re.findall(rf"{book}\.ipynb::Cell \d (\w+)", shown)


def test_nbval_compares_everything(compared: str) -> None:
    """The edits alone are compared above; here each stands in a cell of its own."""
    edited = {RISING, FALLING, SAID, PRINTED, RAISED}
    expected = ["FAILED" if i in edited else "PASSED" for i in range(len(CELLS))]
    assert outcomes(compared, "edited") == expected, compared
    assert "If the new outputs are meant, `make notebooks` stores them." in compared


def test_a_cell_that_fails_is_one_failure(compared: str) -> None:
    assert outcomes(compared, "failing") == ["FAILED", "SKIPPED"]
    assert "ZeroDivisionError" in compared
    assert "a consequence" not in compared


def test_a_kernel_that_dies_is_one_failure(compared: str) -> None:
    assert outcomes(compared, "killed") == ["FAILED", "SKIPPED"]
    assert "Cell 0: its kernel died (often: no memory left)" in compared


def test_a_cell_without_end_is_one_failure_that_says_what_helps(tmp_path: Path) -> None:
    book = unlike("n = 1", "import time\ntime.sleep(60)", "n", "print(n)")
    shown = run_nbval(tmp_path, {"slow": book}, "--nbval-cell-timeout=2")
    assert outcomes(shown, "slow") == ["PASSED", "FAILED", "SKIPPED", "SKIPPED"]
    assert re.search(
        r"Cell 1: it took longer than 2 s\. This machine has \d+ CPUs.* allow more: "
        r"`make test TIMEOUT=4`",
        shown,
    ), shown
    assert "not run, as Cell 1 did not finish" in shown


# ---- pictures ------------------------------------------------------------------------


@cache
def chart(
    *, label: str = "0.46", rise: float = 0.0, color: str = "real", **more: Any
) -> str:
    """A chart as the chapters have them, as base64."""
    with plt.rc_context(plotting.STYLE):
        figure, ax = plt.subplots()
        ax.plot([0, 1, 2], [0, 1 + rise, 0.5], color=plotting.COLORS[color])
        ax.text(0.5, 0.2, label)
        ax.set(ylim=(0, 1.2), xlabel="generation")
        if more:
            ax.plot([0, 2], [0.9, 0.9], **more)
        content = palette_png(figure)
        plt.close(figure)
    return as_base64(content)


def test_last_bits_do_not_change_what_a_picture_shows() -> None:
    assert difference(chart(), chart(rise=1e-9)) == ""
    assert difference(chart(), chart(rise=0.003)) == ""  # the line moves by a pixel


@pytest.mark.parametrize(
    "change",
    [
        {"label": "0.47"},
        {"label": "0.41"},
        {"label": ""},
        {"rise": 0.02},
        {"color": "loss"},
        {"color": "grey", "linestyle": ":"},
        {"lw": 0.6, "alpha": 0.45},
    ],
    ids=str,
)
def test_what_was_drawn_otherwise_is_noticed(change: dict[str, Any]) -> None:
    other = dict(change)
    if other.get("color") == "grey":
        other = {"linestyle": ":", "c": "grey"}
    assert "show something else" in difference(chart(), chart(**other))


def test_a_picture_may_be_cropped_a_little_otherwise_and_not_more() -> None:
    whole = Image.open(BytesIO(base64.b64decode(chart()))).convert("RGB")

    def cropped(pixels: int) -> str:
        file = BytesIO()
        paper = Image.new("RGB", (whole.width + pixels, whole.height), "white")
        paper.paste(whole, (pixels, 0))
        paper.save(file, "png")
        return as_base64(file.getvalue())

    assert difference(cropped(0), cropped(4)) == ""
    assert "x" in difference(cropped(0), cropped(40))


def test_noise_is_no_other_picture_but_a_mirror_is() -> None:
    whole = np.asarray(Image.open(BytesIO(base64.b64decode(chart()))).convert("RGB"))
    rng = np.random.default_rng(0)

    def saved(pixels: np.ndarray) -> str:
        file = BytesIO()
        Image.fromarray(pixels.astype(np.uint8)).save(file, "png")
        return as_base64(file.getvalue())

    few = np.where(rng.random(whole.shape) < 0.001, whole ^ 7, whole)
    assert difference(saved(whole), saved(few)) == ""
    assert "something else" in difference(saved(whole), saved(whole[:, ::-1]))
