"""The page "Use it on your own data": its example says what the commands say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collapse_lib.metrics import __main__ as measuring
from collapse_lib.provenance import __main__ as recording

PAGE = "appendices/use-it-on-your-own-data.md"
OURS = "python -m collapse_lib.provenance "
COMMANDS = {OURS: recording.main, "python -m collapse_lib.metrics ": measuring.main}
#: Every run has keys of its own, and what a key signs.
KEYS = re.compile("(?<=the key )[0-9a-f]{64}")


def blocks(page: str) -> list[list[str]]:
    """Return the commands of each example, each followed by what it says."""
    found = re.findall(r"^```console\n(.*?)^```$", page, re.M | re.S)
    return [re.findall(r"^\$ .*\n(?:(?!\$ ).*\n)*", block, re.M) for block in found]


def said(line: str, folder: Path) -> str:
    """Return what a command says, on whichever stream."""
    ours = next((start for start in COMMANDS if line.startswith(start)), None)
    if ours is None:
        line = re.sub("^python ", f"{shlex.quote(sys.executable)} ", line)
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr
    both = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(both),
        contextlib.redirect_stderr(both),
    ):
        COMMANDS[ours](shlex.split(line.removeprefix(ours)))
    return both.getvalue()


def test_the_example_is_what_the_commands_say(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    text = (root / PAGE).read_text("utf-8")
    for name, code in re.findall(r"^```python\n# (\S+)\n(.*?)^```$", text, re.M | re.S):
        (folder / name).write_text(code, "utf-8")
    page = blocks(text)
    asked = [line for block in page for line in block]
    assert len(asked) > 10
    for each in asked:
        line, _, shown = each.removeprefix("$ ").partition("\n")
        assert KEYS.sub("...", said(line, folder)) == KEYS.sub("...", shown), line


@pytest.mark.parametrize("word", ["record", "verify", "sign", "export"])
def test_every_command_is_in_the_example(word: str, root: Path) -> None:
    assert f"$ {OURS}{word} " in (root / PAGE).read_text("utf-8")


def test_the_report_in_python_is_the_one_of_the_page(
    root: Path, tmp_path: Path
) -> None:
    text = (root / PAGE).read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    assert len(code) == 2 and "card = metrics.report" in code[1]
    names: dict[str, Any] = {}
    with contextlib.chdir(tmp_path):
        for each in code:
            exec(each, names)
    shown = re.findall(r"^(\S.*?)  .* (?:above|below)$", text, re.M)
    assert list(names["card"].outside) == shown
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_the_page_says_what_no_record_can(root: Path) -> None:
    page = " ".join((root / PAGE).read_text("utf-8").split())
    assert "A file without its record is just a file: nothing in it tells" in page
