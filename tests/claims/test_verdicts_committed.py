"""A wrong number cannot hide: committed verdicts follow from the numbers beside them.

The first half runs a small notebook of its own, the second half reads the chapters.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kernel
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from collapse_lib import claims
from collapse_lib.book import notebooks
from collapse_lib.claims import Claim, Verdict, card
from collapse_lib.claims.ledger import DOUBT
from collapse_lib.claims.verdict import MIME, result_of

ROOT = Path(__file__).parents[2]
LEDGER = claims.load()


def shown_verdicts(notebook: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the output data of every verdict card in an executed notebook."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                yield output["data"]


def mutant(entry: Claim, payload: Mapping[str, Any], name: str) -> Verdict:
    """Judge again with one number moved across the edge of its tolerance."""
    moved = json.loads(json.dumps(payload))
    body = next(body for body in moved["checks"] if body["name"] == name)
    tolerance = entry.checks[name].tolerance
    low, high = tolerance.interval(body["expected"], body["se"])
    edges = [edge for edge in (low, high) if np.isfinite(edge)]
    if body["passed"]:
        edge = edges[-1]
        outwards = 1 if edge == high else -1
        body["value"] = edge + outwards * (0.05 * abs(edge) + 1e-6 * (edge == 0))
    else:
        body["value"] = sum(edges) / len(edges)
    return claims.rejudge(entry, moved)


def assert_mutations_show(notebook: Path, ledger: Mapping[str, Claim]) -> set[str]:
    """Flip every check of a notebook; return the claims whose flips were shown."""
    flipped = set()
    for data in shown_verdicts(notebook):
        payload = data[MIME]
        entry = ledger[payload["claim"]]
        for body in payload["checks"]:
            where = (notebook.name, entry.id, body["name"])
            verdict = mutant(entry, payload, body["name"])
            passed = {o.check.name: o.passed for o in verdict.outcomes}
            assert passed[body["name"]] != body["passed"], where
            bundle = card.mimebundle(verdict)
            for kind in ("text/plain", "text/html", MIME):
                assert bundle[kind] != data[kind], (*where, kind)
            flipped.add(entry.id)
    return flipped


def run(notebook: Path, *sources: str) -> Path:
    """Execute cells and save them as a notebook, as the committed chapters are."""
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    path = {"metadata": {"path": str(ROOT)}}
    own = {"kernel_manager_class": kernel.OwnKernelManager}
    with kernel.surroundings():
        NotebookClient(book, resources=path, **own).execute()
    nbformat.write(book, notebook)
    return notebook


@pytest.fixture(scope="module")
def fixture_notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small executed chapter with three claims: all, some and no checks passed."""
    return run(
        tmp_path_factory.mktemp("chapters") / "02-fixture.ipynb",
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from collapse_lib import book\n"
        "from collapse_lib.claims import Estimate\n"
        "chapter = book.Chapter('02', scale='ci', scales={'ci': {'M': 50}}, seed=2)",
        "chapter.control('C05', expected_count=Estimate(2.0, 0.01, 1.0),\n"
        "                lost=Estimate(0.5, 0.002, 0.364))\n"
        "chapter.control('C06', absorbed=0.0, left_again=1.0,\n"
        "                time_to_absorption=Estimate(100.0, 2.0, 138.6))\n"
        "chapter.check('C05', expected_count=Estimate(1.01, 0.01, 1.0),\n"
        "              lost=Estimate(0.365, 0.002, 0.364))\n"
        "chapter.check('C06', absorbed=1.0, left_again=0.0,\n"
        "              time_to_absorption=Estimate(300.0, 2.0, 138.6))",
        "chapter.control('C07', rare_state_left=Estimate(0.2, 0.001, 0.02),\n"
        "                common_state_left=Estimate(0.2, 0.001, 0.5))\n"
        "chapter.check('C07', rare_state_left=Estimate(0.2, 0.001, 0.02),\n"
        "              common_state_left=Estimate(0.2, 0.001, 0.5))",
    )


def test_a_card_is_shown_once_and_says_what_was_judged(fixture_notebook: Path) -> None:
    shown = [data[MIME] for data in shown_verdicts(fixture_notebook)]
    assert [payload["claim"] for payload in shown] == ["C05", "C06", "C07"]
    words = [payload["verdict"] for payload in shown]
    assert words == ["reproduced", "partly", "not reproduced"]


def test_moving_a_number_beyond_its_tolerance_changes_the_page(
    fixture_notebook: Path,
) -> None:
    assert assert_mutations_show(fixture_notebook, LEDGER) == {"C05", "C06", "C07"}


def nbval(notebook: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env"]
    quiet = ["-p", "no:cacheprovider", str(notebook)]
    # From the repository root, so that the notebook imports this checkout.
    return subprocess.run([*command, *quiet], cwd=ROOT, capture_output=True).returncode


@pytest.mark.slow
def test_strict_nbval_rejects_a_changed_measurement(
    fixture_notebook: Path, tmp_path: Path
) -> None:
    assert nbval(fixture_notebook) == 0
    book = nbformat.read(fixture_notebook, as_version=4)
    data = next(o["data"] for c in book.cells for o in c.outputs if MIME in o["data"])
    data[MIME]["checks"][0]["value"] = 1.02  # the page claims 1.02, the code says 1.01
    nbformat.write(book, tmp_path / "tampered.ipynb")
    assert nbval(tmp_path / "tampered.ipynb") == 1


def chapter_notebooks() -> dict[str, Path]:
    """Return the notebook of every chapter that has claims to check."""
    found, chapters = {}, notebooks.chapters(ROOT)
    for number in sorted({c.chapter for c in LEDGER.values() if c.checks}):
        assert number in chapters, f"chapter {number} is not in _toc.yml"
        found[number] = chapters[number].path
    return found


def test_every_claim_with_checks_has_one_verdict_in_its_committed_chapter() -> None:
    for number, notebook in chapter_notebooks().items():
        shown = [data[MIME]["claim"] for data in shown_verdicts(notebook)]
        due = [c.id for c in LEDGER.values() if c.checks and c.chapter == number]
        assert sorted(shown) == sorted(due), notebook.name


def test_committed_verdicts_follow_from_todays_ledger() -> None:
    """Measurements are stored with three digits: one at an edge may go both ways."""
    for notebook in chapter_notebooks().values():
        for data in shown_verdicts(notebook):
            payload = data[MIME]
            entry = LEDGER[payload["claim"]]
            again = claims.rejudge(entry, payload)
            for body, outcome in zip(payload["checks"], again.outcomes, strict=True):
                where = (notebook.name, entry.id, body["name"])
                assert body["tolerance"] == str(outcome.check.tolerance), where
                fixed = outcome.check.expected
                if fixed is not None:
                    assert body["expected"] == float(f"{fixed:.6g}"), where
                size = max(abs(body["value"]), abs(body["expected"] or 0))
                low, high = outcome.check.tolerance.interval(
                    body["expected"], body["se"]
                )
                doubt = DOUBT * body["se"]
                edges = [
                    edge - body["value"] + beside
                    for edge in (low, high)
                    for beside in (-doubt, 0, doubt)
                ]
                at_edge = min(map(abs, edges)) <= 0.01 * size + 0.02 * body["se"]
                assert result_of(body) == outcome.result or at_edge, where


def stored_payloads() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every verdict on a page and in a stored run, with its file.

    A stored run that has not measured what is asked today has none.
    """
    for notebook in chapter_notebooks().values():
        for data in shown_verdicts(notebook):
            yield notebook.name, data[MIME]
    for path in sorted((ROOT / "results").glob("*/*.json")):
        for payload in json.loads(path.read_text("utf-8"))["verdicts"]:
            measured = {check["name"] for check in payload["checks"]}
            if measured == set(LEDGER[payload["claim"]].checks):
                yield f"{path.parent.name}/{path.name}", payload


def test_no_control_passes_its_check() -> None:
    for where, payload in stored_payloads():
        verdict = claims.rejudge(LEDGER[payload["claim"]], payload)
        assert list(verdict.passed_controls()) == [], where


def test_every_control_that_is_described_was_measured() -> None:
    for notebook in chapter_notebooks().values():
        for data in shown_verdicts(notebook):
            entry = LEDGER[data[MIME]["claim"]]
            measured = {b["name"] for b in data[MIME]["checks"] if b.get("control")}
            assert measured == set(entry.controls), (notebook.name, entry.id)


def test_committed_measurements_are_precise_enough_to_fail() -> None:
    """Four standard errors of a huge standard error would pass anything."""
    for notebook in chapter_notebooks().values():
        for data in shown_verdicts(notebook):
            for body in data[MIME]["checks"]:
                each = LEDGER[data[MIME]["claim"]].checks[body["name"]]
                if body["expected"]:
                    slack = each.tolerance.slack(body["expected"], body["se"])
                    where = (notebook.name, data[MIME]["claim"], body["name"])
                    assert slack < 0.5 * abs(body["expected"]), where


def test_moving_a_committed_number_beyond_its_tolerance_changes_the_page() -> None:
    flipped: set[str] = set()
    for notebook in chapter_notebooks().values():
        flipped |= assert_mutations_show(notebook, LEDGER)
    assert len(flipped) >= 5
