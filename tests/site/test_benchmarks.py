"""Benchmarks: the memory bound holds, and what is committed keeps its promises."""

import json
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
COMMITTED = sorted(FOLDER.glob("*.json"))


@pytest.fixture
def gaussian_1d(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import gaussian_1d

    yield gaussian_1d
    for name in ("gaussian_1d", "timing"):
        sys.modules.pop(name, None)


def test_ten_million_literal_points_need_less_than_200_megabytes(gaussian_1d):
    assert gaussian_1d.peak_megabytes("b.ours('literal', 10**7, 2, 1)") < 200


def test_the_memory_measurement_sees_an_array(gaussian_1d):
    small = gaussian_1d.peak_megabytes("b.np.ones(10)")
    large = gaussian_1d.peak_megabytes("b.np.ones(10**7)")
    assert 70 < large - small < 90


def test_a_row_says_why_only_where_it_misses(gaussian_1d):
    from timing import row

    assert row("what", 1, 5, "ms", 10, because="it is hard")["because"] == "it is hard"
    assert "because" not in row("what", 1, 20, "ms", 10, because="it is hard")


def test_there_are_benchmarks():
    assert COMMITTED


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_ratios_keep_their_promise_or_say_why_not(path):
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        missed = row["ratio"] < row["bar"]
        assert missed == bool(row.get("because")), row["what"]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_every_file_has_its_script(path):
    assert path.with_suffix(".py").exists()
