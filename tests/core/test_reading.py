"""Files that people write: each is read rightly, or refused in one short message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hostile import BOMB

from collapse_lib.checks import LONGEST, given, refusal
from collapse_lib.files import reading


def refused(path: Path, read: Any) -> str:
    with pytest.raises(ValueError) as refusal:
        read(path)
    message = str(refusal.value)
    assert path.name in message
    assert "\n" not in message and len(message) < 2000
    return message


def test_what_is_right_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a: &a {x: 1, y: é}\nb: [*a, *a]\nc: 1.5\n", "utf-8")
    one = {"x": 1, "y": "é"}
    assert reading.read_yaml(file) == {"a": one, "b": [one, one], "c": 1.5}
    file.write_text('{"a": [1, 2.5, null, true], "b": {"c": "é\\n"}}', "utf-8-sig")
    content = {"a": [1, 2.5, None, True], "b": {"c": "é\n"}}
    assert reading.read_json(file) == content


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: not YAML (the key 'a' occurs twice"),
        ("x:\n  - {b: 1, b: 2}\n", "line 2: not YAML (the key 'b' occurs twice"),
        ("yes: 1", "line 1: not YAML (the key True is no text; put it into quotes"),
        ("a: [", "not YAML (did not find expected node content"),
        ("a: *b", "found undefined alias"),
        ("a: &a [*a]", "the alias *'a' contains itself"),
        (BOMB, "aliases (*name) stand for more than 1,000,000 values"),
        ("[" * 50 + "]" * 50, "nested more than 40 deep"),
        ("[" * 9999, "nested more than 40 deep"),
        ('a: "\\e[2J"', r"has the character '\x1b'"),
        ("a: \x07", "not YAML as needed"),
        ("a: 0b" + "1" * 20_000 + "\nb: [", "not YAML"),
        ("a: 2026-02-30", "day is out of range"),
        ("!!python/name:os.system", "could not determine a constructor"),
    ],
)
def test_yaml_that_is_wrong_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    assert words in refused(file, reading.read_yaml)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' occurs twice"),
        ('{"a": 1e400}', "the number 1e400; only finite numbers"),
        ('{"a": -1e999}', "the number -1e999; only finite"),
        ('{"a": NaN}', "the number NaN; only finite"),
        ('{"a": -Infinity}', "the number -Infinity"),
        ('{"a": 1' + "0" * 400 + "}", "the number 1000"),
        ('{"a": 1' + "0" * 9999 + "}", "the number 1000"),
        ('{"a": "\\ud800"}', r"has the character '\ud800'"),
        ('{"a": "\\u001b[31m"}', r"has the character '\x1b'"),
        ('{"\\u0000": 1}', r"has the character '\x00'"),
        ("[" * 60 + "]" * 60, "nested more than 40 deep"),
        ("[" * 99_999, "nested more than 40 deep"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2"),
        ("", "Expecting value: line 1 column 1"),
    ],
)
def test_json_that_is_wrong_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    assert words in refused(file, reading.read_json)


def test_files_that_cannot_be_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a"
    assert "cannot be read from" in refused(file, reading.read_text)
    assert "cannot be read from" in refused(tmp_path, reading.read_text)
    file.write_bytes(b"caf\xe9")
    assert "not UTF-8" in refused(file, reading.read_text)
    file.write_bytes("a: b".encode("utf-16"))
    assert "not UTF-8" in refused(file, reading.read_yaml)
    monkeypatch.setattr(reading, "MOST_BYTES", 10)
    file.write_bytes(b"x" * 11)
    assert "has 11 bytes; allowed: 10" in refused(file, reading.read_json)


def test_values_are_shown_in_a_few_words() -> None:
    large = {f"key {n}": ["x" * 1000] * 1000 for n in range(1000)}
    for value in (large, [large], "x" * 10**6, b"x" * 10**6, 10**9999, {1, "a", None}):
        assert len(given(value)) < 220
    assert given({"b": [1, 2], "a": "é"}) == "{'a': 'é', 'b': [1, 2]}"


def test_a_refusal_is_one_line_whatever_it_quotes() -> None:
    message = str(refusal("a\nb", "c\x1b[2J \ud800 d" + "e" * 9999))
    assert message.startswith("a b: c�[2J � deee")
    assert len(message) <= LONGEST + 4
