"""Stored results: written whole or not at all, read only if they still fit."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
from hostile import bytes_like, damaged
from hypothesis import HealthCheck, example, given, settings
from mini_book import write_chapter

from collapse_lib.book import notebooks, results
from collapse_lib.book.results import Result

ROOT = Path(__file__).parents[2]
CHECK = {
    "name": "lost",
    "what": "share lost",
    "tolerance": "at most 1",
    "value": 0.5,
    "se": 0.1,
    "expected": None,
    "passed": True,
}
SCALES = {"ci": {"chains": 2, "sizes": [1, 2]}, "laptop": {"chains": 20, "sizes": [3]}}
RESULT = Result(
    chapter="03",
    scale="laptop",
    config=SCALES["laptop"],
    seed=3,
    numbers={"median": 0.12345678901234567, "curve": [1.0, 2], "name": "µ"},
    verdicts=[
        {
            "claim": "C05",
            "chapter": "03",
            "verdict": "partly",
            "scale": "laptop",
            "checks": [CHECK, {**CHECK, "passed": False}],
        }
    ],
    versions={"python": "3.11.7"},
    device="Linux x86_64, 2 cores",
    commit="abc",
    created="2026-01-01T00:00:00+00:00",
    seconds=1.5,
)


def edited(tmp_path: Path, **changes: Any) -> Path:
    """Write RESULT with some fields replaced; None removes one."""
    data = {**asdict(RESULT), **changes}
    data = {key: value for key, value in data.items() if value is not None}
    file = tmp_path / "laptop.json"
    file.write_text(json.dumps(data))
    return file


# ------------------------------------------------------------------ save and load


def test_a_result_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    file = results.save(RESULT, tmp_path / "03" / "laptop.json")
    assert results.load(file, SCALES) == RESULT
    assert [path.name for path in file.parent.iterdir()] == ["laptop.json"]


def test_an_interrupted_save_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = results.save(RESULT, tmp_path / "laptop.json")

    def power_cut(descriptor: int) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(OSError, match="power cut"):
        results.save(replace(RESULT, seed=4), file)
    assert results.load(file, SCALES).seed == 3
    assert [path.name for path in tmp_path.iterdir()] == ["laptop.json"]


def test_a_number_that_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    bad = replace(RESULT, numbers={"median": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        results.save(bad, tmp_path / "laptop.json")
    assert not list(tmp_path.iterdir())


def test_a_changed_configuration_is_refused_by_its_keys(tmp_path: Path) -> None:
    file = results.save(RESULT, tmp_path / "laptop.json")
    now = {"ci": {}, "laptop": {"chains": 21, "sizes": [3], "seeds": 5}}
    with pytest.raises(ValueError, match=r"different: chains, seeds\. Run the chapter"):
        results.load(file, now)
    with pytest.raises(ValueError, match="made at scale 'laptop'; the chapter has ci"):
        results.load(file, {"ci": {}})


def test_a_tuple_in_the_chapter_equals_the_list_in_the_file(tmp_path: Path) -> None:
    file = results.save(RESULT, tmp_path / "laptop.json")
    assert results.load(file, {"laptop": {"chains": 20, "sizes": (3,)}}) == RESULT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": None}, "laptop.json: seed missing; required"),
        ({"colour": "red"}, "unknown {'colour': 'red'}; allowed are schema, cha"),
        ({"seconds": "long"}, "laptop.json, seconds: got 'long'; allowed: a number"),
        ({"seed": True}, "seed: got True; allowed: an integer"),
        ({"schema": 2}, "schema: got 2; allowed: 1, the only"),
        (
            {"numbers": {"a": {"b": 1}}},
            "numbers.a: got {'b': 1}; allowed: a number, text",
        ),
        (
            {"numbers": {"a": [1, False]}},
            "numbers.a.1: got False; allowed: a number, text",
        ),
        (
            {"verdicts": [{**RESULT.verdicts[0], "by": "me"}]},
            "verdicts.0: unknown {'by",
        ),
        ({"verdicts": [{"claim": "C05"}]}, "verdicts.0: chapter, verdict, scale, che"),
        ({"numbers": [0.5] * 999}, "0.5, ...]; allowed: name: number"),
        ({"config": 3}, "config: got 3; allowed: SCALES[scale]"),
        (
            {"verdicts": ["good"]},
            "verdicts.0: got 'good'; allowed: a mapping with claim",
        ),
    ],
)
def test_a_malformed_file_is_refused_by_field(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError) as refusal:
        results.load(edited(tmp_path, **changes), SCALES)
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_the_schema_has_the_fields_of_a_result() -> None:
    schema = json.loads(results.SHAPE.read_text())
    names = {field.name for field in fields(Result)}
    assert set(schema["required"]) == set(schema["properties"]) == names
    assert schema["properties"]["schema"]["const"] == results.SCHEMA


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("verdict", "reproduced", "says 'reproduced', but its checks say 'partly'"),
        ("checks", [], "says 'partly', but its checks say 'not attempted'"),
        ("chapter", "04", "chapter is '04', the result's is '03'"),
        ("scale", "ci", "scale is 'ci', the result's is 'laptop'"),
    ],
)
def test_a_verdict_typed_by_hand_is_refused(
    tmp_path: Path, field: str, value: Any, words: str
) -> None:
    file = edited(tmp_path, verdicts=[{**RESULT.verdicts[0], field: value}])
    with pytest.raises(ValueError, match=words):
        results.load(file, SCALES)


def test_two_verdicts_on_one_claim_are_refused(tmp_path: Path) -> None:
    twice = [RESULT.verdicts[0]] * 2
    words = "more than one verdict on C05; allowed: one on each claim"
    with pytest.raises(ValueError, match=rf"/laptop\.json: {words}"):
        results.load(edited(tmp_path, verdicts=twice), SCALES)
    file = tmp_path / "new" / "laptop.json"
    with pytest.raises(ValueError, match=words):
        results.save(replace(RESULT, verdicts=twice), file)
    assert not file.exists()


#: The file is written anew for each example.
FUZZ = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_or_refused(file: Path) -> None:
    """Load what may be no result; it is one, or there is one message on it."""
    try:
        result = results.load(file, SCALES)
    except ValueError as error:
        message = str(error)
        assert message.startswith(f"{file.parent.name}/{file.name}"), message
        assert len(message) < 2000 and message.isprintable()
    else:
        assert result.config == SCALES[result.scale]
        assert result.chapter in result.provenance
        results.save(result, file.with_name("again.json"))


@FUZZ
@given(content=damaged(asdict(RESULT)))
def test_a_damaged_result_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "laptop.json"
    file.write_text(json.dumps(content))
    read_or_refused(file)


@FUZZ
@given(content=bytes_like(json.dumps(asdict(RESULT))))
@example(b"[" * 100_000)
@example(b"\xff")
def test_bytes_are_no_result_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "laptop.json"
    file.write_bytes(content)
    read_or_refused(file)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1.5", "1e400", "the number 1e400; only finite numbers can be stored"),
        ("1.5", "-1.5", "seconds: got -1.5; allowed: a number, 0 or above"),
        ('"seed": 3', '"seed": 3, "seed": 4', "the key 'seed' occurs twice"),
        ('"C05"', '"<b>"', "claim: got '<b>'; allowed: the id of a claim"),
        ('"passed": true', '"past": true', "checks.0: passed missing; required"),
        ('"passed": true', '"passed": 1', "passed: got 1; allowed: true or false"),
        ('"µ"', '"\\u001b[2J"', r"has the character '\x1b'"),
        ('"partly"', '"fine"', "verdict: got 'fine'; allowed: the word for a verdict"),
    ],
)
def test_what_a_result_may_not_say_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    text = json.dumps(asdict(RESULT), ensure_ascii=False)
    assert old in text
    file = tmp_path / "laptop.json"
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ValueError) as refusal:
        results.load(file, SCALES)
    assert words in str(refusal.value)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "laptop.json"
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ValueError, match=r"list.json: got \[\]; allowed: a mapping"):
        results.load(tmp_path / "list.json", SCALES)
    for text in ("{", '{"seed": NaN}'):
        file.write_text(text)
        with pytest.raises(ValueError, match=r"laptop\.json: not JSON as needed"):
            results.load(file, SCALES)


# --------------------------------------------------------------------- provenance


def test_provenance_is_one_line_without_paths() -> None:
    line = RESULT.provenance
    assert "\n" not in line and "03" in line and "laptop" in line and "abc" in line
    for words in (results.device(), str(results.versions())):
        assert str(Path.home()) not in words
    assert results.versions()["python"].startswith("3.")


def test_the_commit_says_when_the_checkout_is_dirty(tmp_path: Path) -> None:
    assert results.commit(tmp_path) == "unknown"

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True)

    (tmp_path / "file").write_text("one")
    git("init", "-q")
    git("add", "file")
    git("commit", "-qm", "one")
    clean = results.commit(tmp_path)
    assert len(clean) == 12 and set(clean) <= set("0123456789abcdef")
    (tmp_path / "file").write_text("two")
    assert results.commit(tmp_path) == f"{clean}-dirty"


# ----------------------------------------------------------- the repository's files


def check_stored(root: Path) -> int:
    """Load every stored result against its chapter; return how many there are."""
    files = sorted((root / "results").glob("*/*.json"))
    chapters = notebooks.chapters(root)
    for file in files:
        assert file.parent.name in chapters, f"{file}: there is no such chapter"
        chapter = chapters[file.parent.name]
        result = results.load(file, chapter.scales)
        assert (result.chapter, result.scale) == (chapter.number, file.stem), file
    return len(files)


def test_every_stored_result_belongs_to_its_chapter_as_it_is_now() -> None:
    check_stored(ROOT)


def test_that_check_accepts_a_matching_and_rejects_a_mismatching_file(
    tmp_path: Path,
) -> None:
    write_chapter(tmp_path, "03-x", [("code", f"SCALES = {SCALES!r}", [])])
    file = results.save(RESULT, tmp_path / "results" / "03" / "laptop.json")
    assert check_stored(tmp_path) == 1
    results.save(replace(RESULT, config={"chains": 19, "sizes": [3]}), file)
    with pytest.raises(ValueError, match=r"03/laptop\.json.*different: chains"):
        check_stored(tmp_path)


def test_every_committed_chapter_has_readable_scales() -> None:
    for chapter in notebooks.chapters(ROOT).values():
        assert "ci" in chapter.scales, chapter.name
