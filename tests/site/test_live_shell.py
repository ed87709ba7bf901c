"""What a cell shows and how it fails, in the shell that the browser's Python has."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from typing import Any

import live_shell
import numpy as np
import pandas as pd
import pytest
from live_shell import Shell
from matplotlib import pyplot as plt

from collapse_lib.book.display import GLUE

Sent = list[tuple[Any, ...]]


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def shell(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    made = Shell()
    made.send = lambda *told: sent.append(told)
    monkeypatch.setattr(live_shell, "SHELL", made)
    yield made
    plt.close("all")


def test_the_last_value_is_shown_in_its_richest_form(shell: Shell, sent: Sent) -> None:
    shell.user_ns.update(pd=pd, np=np)
    for code in ("pd.DataFrame({'a': [1]})", "np.arange(2)", "x = 1", "3;", "None"):
        assert shell.run(code, "<cell 1>")
    (_, table), (_, array) = sent
    assert "<table" in table["text/html"]
    assert array == {"text/plain": "array([0, 1])"}


def test_a_table_has_the_rows_of_the_published_one(shell: Shell, sent: Sent) -> None:
    shell.user_ns.update(pd=pd)
    named = "pd.DataFrame({'a': [1]}).rename_axis('fits')"
    assert shell.run(named, "<cell 1>")
    ((_, table),) = sent
    assert table["text/html"].count("<tr") == 2
    assert table["text/html"].index("fits") < table["text/html"].index("<th>a</th>")


def test_names_stay_from_cell_to_cell(shell: Shell, sent: Sent) -> None:
    assert shell.run("def f(): return a", "<cell 1>")
    assert shell.run("a = 5\nf()", "<cell 2>")
    assert sent == [("display", {"text/plain": "5"})]


@pytest.mark.parametrize(
    ("code", "text", "line"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero", 2),
        ("x = (", "SyntaxError: '(' was never closed", 1),
        ("\n\nraise SystemExit(3)", "SystemExit: 3", 3),
        ("import json\njson.loads('[')", "json.decoder.JSONDecodeError", 2),
    ],
)
def test_an_error_is_one_line_and_says_where(
    shell: Shell, sent: Sent, code: str, text: str, line: int
) -> None:
    assert not shell.run(code, "<cell 7>")
    ((kind, told),) = sent
    assert kind == "error"
    assert told["text"].startswith(text)
    assert "\n" not in told["text"]
    assert told["line"] == line
    assert "<cell 7>" in told["traceback"]
    assert told["absent"] == ""


def test_a_package_that_is_not_there_is_named(shell: Shell, sent: Sent) -> None:
    assert not shell.run("import no_such_package.part", "<cell 1>")
    assert sent[0][1]["absent"] == "no_such_package"


def test_what_is_imported_in_vain_fails_where_it_is_used(
    shell: Shell, sent: Sent
) -> None:
    code = (
        "import json, no_such_package.part as part\n"
        "from math import pi, sqrt as root\n"
        "from no_such_package import a, b as c\n"
        "x = json.dumps(pi > root(9))"
    )
    assert shell.run(code, "<cell 1>")
    assert shell.run("x", "<cell 2>")
    for use in ("part.f", "a()", "class A(c): pass", "[*a]", "a[0]", "a"):
        assert not shell.run(use, "<cell 3>"), use
    assert [told["absent"] for kind, told in sent[1:]] == ["no_such_package"] * 6
    assert sent[1][1]["text"] == (
        "This cell needs no_such_package, which the browser does not have: run the "
        "chapter on a laptop"
    )


def test_a_package_that_the_library_misses_is_named(shell: Shell, sent: Sent) -> None:
    code = (
        "try:\n    import no_such_package\n"
        "except ImportError as why:\n    raise ImportError('it needs more') from why"
    )
    assert not shell.run(code, "<cell 1>")
    assert sent[0][1]["absent"] == "no_such_package"


def test_a_number_for_the_prose_comes_without_its_quotes(
    shell: Shell, sent: Sent
) -> None:
    kind = f"{GLUE}text/plain"
    live_shell.display({kind: "'20,000'"}, raw=True, metadata={"scrapbook": {}})
    assert sent == [("display", {kind: "20,000"}, {"scrapbook": {}})]


def test_what_waits_for_the_end_of_a_cell_is_called_after_errors_too(
    shell: Shell,
) -> None:
    calls: list[str] = []

    def once() -> None:
        calls.append("here")
        shell.events.unregister("post_execute", once)

    shell.events.register("post_execute", once)
    shell.run("1 / 0", "<cell 1>")
    shell.run("x = 1", "<cell 2>")
    assert calls == ["here"]


def test_a_figure_is_a_picture_of_its_own_size(shell: Shell, sent: Sent) -> None:
    figure = plt.figure(figsize=(2, 1), dpi=50)
    figure.add_subplot().plot([0, 1])
    shell.show(figure)
    data = base64.b64decode(sent[0][1]["image/png"])
    assert data.startswith(b"\x89PNG")
    assert 80 < int.from_bytes(data[16:20], "big") < 120


def test_libraries_find_what_they_ask_ipython_for(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name in sys.modules if name.partition(".")[0] == "IPython"]
    for name in {
        *names,
        "IPython",
        "IPython.display",
        "IPython.core",
        "IPython.core.pylabtools",
    }:
        monkeypatch.setitem(sys.modules, name, None)
    live_shell.install()
    assert shell.run(
        "from IPython import display, get_ipython\n"
        "from IPython.display import HTML, SVG\n"
        "from IPython.core.pylabtools import backend2gui\n"
        "get_ipython().display_formatter.formatters['image/png'].for_type(int, str)\n"
        "display.display(HTML('<b>x</b>'), SVG('<svg/>'))",
        "<cell 1>",
    )
