"""The rules that soften the comparison of the chapters' outputs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbval.plugin import get_sanitize_patterns


@pytest.fixture(scope="module")
def rules(root: Path) -> list[tuple[str, str]]:
    text = (root / "tests" / "nbval_sanitize.cfg").read_text("utf-8")
    return list(get_sanitize_patterns(text))


def sanitize(text: str, rules: list[tuple[str, str]]) -> str:
    for regex, replacement in rules:
        text = re.sub(regex, replacement, text)
    return text


def test_nbval_reads_every_rule(rules: list[tuple[str, str]], root: Path) -> None:
    text = (root / "tests" / "nbval_sanitize.cfg").read_text("utf-8")
    assert len(rules) == len(re.findall(r"^\[.*\]$", text, re.M)) == 1


def test_addresses_are_replaced(rules: list[tuple[str, str]]) -> None:
    assert sanitize("<Line at 0x7f3a5c0b1d90>", rules) == "<Line at <ADDRESS>>"


@pytest.mark.parametrize(
    "result",
    ["0.123", "4 s.e.", "2.5e-07", "1,000 chains", "<Figure size 700x400 with 1 Axes>"],
)
def test_results_are_left_alone(result: str, rules: list[tuple[str, str]]) -> None:
    assert sanitize(result, rules) == result
