"""The ledger: reading it, judging by it, showing the verdict."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hostile import BOMB, bytes_like, damaged
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from collapse_lib import claims
from collapse_lib.book import notebooks
from collapse_lib.claims import (
    Check,
    Claim,
    Control,
    Estimate,
    Evidence,
    Tolerance,
    card,
)
from collapse_lib.claims.ledger import DOUBT, KNOWN, TESTS
from collapse_lib.claims.verdict import word_for

LEDGER = claims.load()
# How a claim of a written chapter says why it was not attempted.
REASONS = ("Needs ", "Nothing to judge: ")
NO_CONTROL = Control(none="there is no other way")

CHECK = {
    "what": "share lost",
    "expected": 0.364,
    "tolerance": {"se": 4, "reason": "exact"},
    "control": {"what": "the share with twice the samples"},
}
ENTRY = {
    "id": "C05",
    "title": "Rare states are lost",
    "source": "section 4.1",
    "statement": "A rare state is easily lost.",
    "published": "q M",
    "measure": "count",
    "chapter": "02",
    "evidence": {"value": "exact", "test": "own construction"},
    "checks": {"lost": CHECK},
}


SOURCES = {"C": {"name": "The paper"}, "L": {"name": "The literature"}}


def write(path: Path, *entries: Mapping[str, Any], **sources: Any) -> Path:
    content = {"sources": {**SOURCES, **sources}, "claims": list(entries)}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def changed(where: str, value: Any) -> dict[str, Any]:
    """Return ENTRY with one field, named by a dotted path, set (or removed: None)."""
    entry = json.loads(json.dumps(ENTRY))
    *parents, last = where.split(".")
    place = entry
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return entry


def claim(*checks: Check, **fields: Any) -> Claim:
    texts = {key: ENTRY[key] for key in ENTRY if key not in ("checks", "evidence")}
    evidence = Evidence("printed", "smaller model")
    own = {c.name: c for c in checks}
    return Claim(**{**texts, "checks": own, "evidence": evidence, **fields})


def check(
    name: str = "lost",
    expected: float | None = 0.5,
    control: Control = NO_CONTROL,
    **kinds: Any,
) -> Check:
    bounds = {"at_least", "at_most", "between"}
    against = None if expected is not None or set(kinds) & bounds else "theory"
    tolerance = Tolerance("why", **kinds)
    return Check(name, "a share", tolerance, control, expected, against)


# ------------------------------------------------------------------------- the file


def test_the_ledger_has_every_claim_of_the_paper_once() -> None:
    numbered = {f"C{n:02d}" for n in range(1, 47) if n != 14}
    of_the_paper = {claim_id for claim_id in LEDGER if claim_id.startswith("C")}
    parts = {"C10b", "C14a", "C14b", "C23b", "C29b"}
    assert of_the_paper == numbered | parts
    assert LEDGER.sources["C"].last == 46


def test_a_source_is_cited_by_a_key_that_exists(root: Path) -> None:
    references = (root / "references.bib").read_text("utf-8")
    for source in LEDGER.sources.values():
        assert source.cite is None or f"{{{source.cite}," in references, source


def test_claims_of_written_chapters_are_checked_the_others_say_who_will(
    root: Path,
) -> None:
    written = set(notebooks.chapters(root))
    assert written
    for entry in LEDGER.values():
        assert bool(entry.checks) != bool(entry.not_attempted), entry.id
        if entry.chapter not in written:
            assert not entry.checks, entry.id
        elif entry.not_attempted:  # a written chapter says what is missing
            assert entry.not_attempted.startswith(REASONS), entry.id


def test_statistical_checks_are_judged_at_four_standard_errors() -> None:
    for entry in LEDGER.values():
        for each in entry.checks.values():
            assert each.tolerance.se in (0, 4), (entry.id, each.name)


def test_no_check_passes_whatever_is_measured() -> None:
    """A prediction passes its own check; a number far off on some side does not."""
    for entry in LEDGER.values():
        for each in entry.checks.values():
            low, high = each.tolerance.interval(each.expected or 1.0, se=0.01)
            assert low <= high and max(-low, high) > -np.inf
            far = [x for x in (-1e9, 1e9) if not low <= x <= high]
            assert far, (entry.id, each.name)


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        ("title", None, ["claim C05: title missing"]),
        ("colour", "red", ["claim C05", "{'colour': 'red'}", "allowed are id, title"]),
        ("title", 5, ["claim C05, title", "got 5", "text"]),
        ("id", "5", ["id", "'5'", "'C05' or 'C14a'"]),
        ("id", "G05", ["claim G05, id", "'G05'", "begin with C, L"]),
        ("chapter", "2", ["claim C05, chapter", "'2'", "'01' to '20'"]),
        ("checks", None, ["claim C05", "exactly one of checks and not_attempted"]),
        ("not_attempted", "later", ["claim C05", "the fields id", "exactly one of"]),
        ("checks", {}, ["claim C05, checks", "{}", "one check or more"]),
        ("checks.lost.what", None, ["claim C05, checks.lost: what missing"]),
        ("checks.lost.expected", None, ["checks.lost: got the fields", "exactly one"]),
        ("checks.lost.expected", "1e-6", ["lost.expected", "'1e-6'", "1.0e-6"]),
        ("checks.lost.expected", float("nan"), ["lost.expected", "nan", "finite"]),
        ("checks.lost.against", "theory", ["what, expected", "exactly one"]),
        ("checks.lost.tolerance", {"reason": "x"}, ["{'reason': 'x'}", "se, rel, abs"]),
        ("checks.lost.tolerance.reason", None, ["{'se': 4}", "and a reason"]),
        ("checks.lost.tolerance.sigma", 4, ["{'sigma': 4}", "at_least"]),
        ("checks.lost.tolerance.se", 0, ["lost.tolerance.se", "got 0", "above 0"]),
        ("checks.lost.tolerance.at_least", 1, ["what, expected", "sets bounds"]),
        ("checks.Lost", CHECK, ["'Lost'", "snake_case"]),
        ("evidence", None, ["claim C05: evidence missing"]),
        ("evidence.value", "heard", ["evidence.value", "'heard'", "second-hand or"]),
        ("evidence.test", None, ["claim C05, evidence", "test missing"]),
        ("kind", "theorem", ["claim C05, kind", "'theorem'", "definition"]),
        (
            "checks.lost.control",
            None,
            ["checks.lost: has no control", "control: {none"],
        ),
        ("checks.lost.control", {}, ["lost.control: got {}", "what: which"]),
        ("checks.lost.control.none", "x", ["lost.control: got {'none'", "or none"]),
        ("checks.lost.control.what", "", ["lost.control.what: got ''", "text"]),
    ],
)
def test_a_malformed_entry_is_refused_by_name(
    tmp_path: Path, where: str, value: Any, named: list[str]
) -> None:
    file = write(tmp_path / "claims.yaml", changed(where, value))
    with pytest.raises(ValueError) as refusal:
        claims.load(file)
    for words in ["claims.yaml, ", *named]:
        assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("tolerance", "named"),
    [
        ({"between": [2, 1]}, ["tolerance.between", "[2, 1]", "low below high"]),
        ({"between": [1, float("inf")]}, ["tolerance.between", "inf", "finite"]),
        ({"between": [1]}, ["tolerance.between", "[1]", "[low, high]"]),
        ({"between": [0, 1], "at_most": 2}, ["between alone"]),
    ],
)
def test_malformed_bounds_are_refused(
    tmp_path: Path, tolerance: dict[str, Any], named: list[str]
) -> None:
    entry = changed("checks.lost.expected", None)
    entry["checks"]["lost"]["tolerance"] = {**tolerance, "reason": "x"}
    with pytest.raises(ValueError) as refusal:
        claims.load(write(tmp_path / "claims.yaml", entry))
    for words in ["claim C05, checks.lost", *named]:
        assert words in str(refusal.value)


def test_a_duplicate_id_and_a_duplicate_check_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "claims.yaml", ENTRY, ENTRY)
    with pytest.raises(ValueError, match="claim C05: the id occurs twice"):
        claims.load(file)
    twice = file.read_text().replace("checks:", "checks:\n    lost: {}")
    file.write_text(twice)
    with pytest.raises(ValueError, match="key 'lost' occurs twice"):
        claims.load(file)


def test_claims_know_their_source_and_none_up_to_the_last_is_missing(
    tmp_path: Path,
) -> None:
    """A second source needs no change of the code."""
    entries = [changed("id", claim_id) for claim_id in ("L01a", "L01b", "L03", "C05")]
    ledger = claims.load(write(tmp_path / "claims.yaml", *entries))
    assert ledger.source_of(ledger["L03"]).name == "The literature"
    file = write(tmp_path / "claims.yaml", *entries, L={"name": "x", "last": 4})
    with pytest.raises(ValueError, match="no entry for L02, L04; add one"):
        claims.load(file)


@pytest.mark.parametrize(
    ("letter", "body", "named"),
    [
        ("C", {}, "sources.C: name missing"),
        ("C", {"name": "x", "last": 0}, "sources.C.last: got 0"),
        (
            "C",
            {"name": "x", "key": "y"},
            "unknown {'key': 'y'}; allowed are name",
        ),
        ("c", {"name": "x"}, "got .*'c'.*one capital letter"),
    ],
)
def test_a_malformed_source_is_refused(
    tmp_path: Path, letter: str, body: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        claims.load(write(tmp_path / "claims.yaml", ENTRY, **{letter: body}))


def test_a_check_without_control_says_why(tmp_path: Path) -> None:
    file = tmp_path / "claims.yaml"
    excused = changed("checks.lost.control", {"none": "it is an identity"})
    assert not claims.load(write(file, excused))["C05"].controls


def test_a_claim_that_is_not_tested_has_no_test_as_evidence(tmp_path: Path) -> None:
    entry = changed("checks", None) | {"not_attempted": "later"}
    with pytest.raises(ValueError, match="claim C05, evidence.*value alone"):
        claims.load(write(tmp_path / "claims.yaml", entry))
    entry["evidence"] = {"value": "second-hand"}
    (loaded,) = claims.load(write(tmp_path / "claims.yaml", entry)).values()
    assert loaded.evidence.caveats == ["second-hand"]


def test_every_word_of_evidence_is_explained(root: Path) -> None:
    folder = root / "collapse_lib" / "claims"
    schema = json.loads((folder / "claims.schema.json").read_text("utf-8"))
    allowed = schema["definitions"]["claim"]["properties"]["evidence"]["properties"]
    assert allowed["value"]["enum"] == list(KNOWN)
    assert allowed["test"]["enum"] == list(TESTS)


@pytest.mark.parametrize("path", [3, False, b"claims.yaml", ["claims.yaml"]])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(TypeError, match="path is .*; it must be a path"):
        claims.load(path)


def test_an_empty_path_is_not_the_ledger_of_the_book() -> None:
    with pytest.raises(ValueError, match="path is ''; it must be the path of a file"):
        claims.load("")


def test_a_missing_or_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.yaml"):
        claims.load(tmp_path / "nowhere.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(ValueError, match="empty.yaml: got None; allowed: sources and"):
        claims.load(tmp_path / "empty.yaml")


#: The file is written anew for each example.
FUZZ = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_or_refused(file: Path) -> None:
    """Load what may be no ledger; it is one, or there is one message on it."""
    try:
        ledger = claims.load(file)
    except ValueError as error:
        message = str(error)
        assert message.startswith(file.name), message
        assert len(message) < 2000 and message.isprintable()
        return
    for each in ledger.values():
        assert ledger.source_of(each).name
        for one in each.checks.values():
            assert str(one.tolerance)
            low, high = one.tolerance.interval(one.expected or 1.0, 0.1)
            assert low <= high


@FUZZ
@given(content=damaged({"sources": SOURCES, "claims": [ENTRY, {**ENTRY, "id": "C06"}]}))
def test_a_damaged_ledger_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    file = tmp_path / "claims.yaml"
    file.write_text(json.dumps(content))
    read_or_refused(file)


@FUZZ
@given(content=bytes_like(yaml.safe_dump({"sources": SOURCES, "claims": [ENTRY]})))
@example(BOMB.encode())
@example(b"sources: &a {C: *a}\nclaims: []")
@example(b"[" * 100_000)
@example(b"- " * 100_000)
def test_bytes_are_no_ledger_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "claims.yaml"
    file.write_bytes(content)
    read_or_refused(file)


def test_a_verdict_on_hostile_texts_is_harmless(tmp_path: Path) -> None:
    hostile = '</td><img src="x" onerror="alert(1)">'
    fields = ("title", "statement", "published", "source")
    entry = {**ENTRY, **dict.fromkeys(fields, hostile)}
    entry["checks"] = {"lost": {**CHECK, "what": hostile, "control": {"none": hostile}}}
    one = claims.load(write(tmp_path / "claims.yaml", entry))["C05"]
    html = card.as_html(claims.judge(one, {"lost": Estimate(0.36, 0.01)}))
    assert "<img" not in html and html.count("&lt;img") == 6


# ------------------------------------------------------------------------- judging


numbers = st.floats(-1e6, 1e6)
slacks = st.floats(0, 10)


@given(numbers, numbers, slacks, slacks, slacks, st.floats(0, 1e3))
def test_closeness_is_the_stated_formula(
    value: float, expected: float, a: float, r: float, k: float, se: float
) -> None:
    assume(a > 0)
    one = claim(check(expected=expected, abs=a, rel=r, se=k))
    allowed = a + r * abs(expected) + k * se
    # The formula is compared away from its own rounding error.
    assume(abs(abs(value - expected) - allowed) > 1e-9 * (1 + abs(expected) + allowed))
    verdict = claims.judge(one, {"lost": Estimate(value, se)})
    assert verdict.outcomes[0].passed == (abs(value - expected) <= allowed)


@given(numbers, numbers, numbers)
def test_bounds_without_slack_are_strict(value: float, low: float, high: float) -> None:
    assume(low < high)
    both = claim(check(expected=None, at_least=low, at_most=high))
    pair = claim(
        check(expected=None, between=(low, high)),
    )
    for one in (both, pair):
        # The standard error must not soften a bound that does not mention it.
        passed = claims.judge(one, {"lost": Estimate(value, 5.0)}).outcomes[0].passed
        assert passed == (low <= value <= high)


@given(numbers, numbers, slacks, slacks, st.floats(0, 1e3))
def test_a_wider_tolerance_never_fails_what_passed(
    value: float, expected: float, a: float, more: float, se: float
) -> None:
    assume(a > 0)
    narrow = claim(check(expected=expected, abs=a, se=1.0))
    wide = claim(check(expected=expected, abs=a + more, se=4.0))
    measured = {"lost": Estimate(value, se)}
    passed = [claims.judge(c, measured).outcomes[0].passed for c in (narrow, wide)]
    assert passed != [True, False]


@given(numbers, numbers, st.floats(1e-3, 1e3))
def test_a_value_within_two_standard_errors_of_a_bound_is_undecided(
    value: float, bound: float, se: float
) -> None:
    assume(abs(abs(value - bound) - DOUBT * se) > 1e-6)
    near = abs(value - bound) < DOUBT * se
    for kind in ("at_least", "at_most"):
        one = claim(check(expected=None, **{kind: bound}))
        for noise, undecided in ((se, near), (0.0, False)):
            outcome = claims.judge(one, {"lost": Estimate(value, noise)}).outcomes[0]
            assert outcome.undecided == undecided
            side = value >= bound if kind == "at_least" else value <= bound
            assert outcome.passed == side


@pytest.mark.parametrize(
    ("value", "result"),
    [(0.5, "pass"), (0.57, "pass"), (0.59, "undecided"), (0.61, "undecided")]
    + [(0.63, "fail"), (0.39, "undecided"), (0.37, "fail")],
)
def test_the_distance_from_a_prediction_is_held_against_what_is_allowed(
    value: float, result: str
) -> None:
    one = claim(check(expected=0.5, abs=0.1))
    measured = {"lost": Estimate(value, 0.01)}
    assert claims.judge(one, measured).outcomes[0].result == result


@given(st.floats(-3, 3))
def test_an_allowance_in_standard_errors_leaves_nothing_undecided(z: float) -> None:
    for each in (check(se=4.0), check(rel=0.1, se=4.0)):
        outcome = claims.judge(claim(each), {"lost": Estimate(0.5 + 0.1 * z, 0.1)})
        assert outcome.word == "reproduced"


@given(st.lists(st.sampled_from(["pass", "fail", "undecided"]), max_size=5))
def test_an_undecided_check_counts_where_nothing_else_decides(results: Any) -> None:
    word = word_for(results)
    decided = [result for result in results if result != "undecided"]
    if {"pass", "fail"} <= set(decided):
        assert word == "partly" == word_for(decided)
    elif len(decided) < len(results):
        assert word == "undecided"
    else:
        assert word == word_for(decided) != "undecided"


def test_a_definition_is_not_counted_as_reproduced() -> None:
    entry = claim(check(abs=0.1), definition=True)
    assert claims.judge(entry, {"lost": 0.5}).word == "definition"
    assert claims.judge(entry, {"lost": 0.9}).word == "not reproduced"


@given(st.lists(st.booleans(), max_size=5))
def test_the_word_follows_from_the_checks(passed: list[bool]) -> None:
    entry = claim(*(check(f"c{i}", 1.0, abs=0.1) for i in range(len(passed))))
    verdict = claims.judge(
        entry, {f"c{i}": 1.0 + (not p) for i, p in enumerate(passed)}
    )
    expected = {0: "not reproduced", len(passed): "reproduced"}
    word = expected.get(sum(passed), "partly") if passed else "not attempted"
    assert verdict.word == word


def test_slack_beside_a_bound_widens_it() -> None:
    soft = claim(check(expected=None, at_least=1.0, se=4.0))
    measured = Estimate(0.99, 0.005)
    assert claims.judge(soft, {"lost": measured}).word == "reproduced"
    assert claims.judge(soft, {"lost": Estimate(0.97, 0.005)}).word == "not reproduced"


@pytest.mark.parametrize(
    ("entry", "measured", "words"),
    [
        (claim(check(abs=1.0)), {}, "missing: lost; unknown: none"),
        (claim(check(abs=1.0)), {"lsot": 1.0}, "missing: lost; unknown: lsot"),
        (claim(not_attempted="later"), {"lost": 1.0}, "none .the claim is not attempt"),
        (
            claim(check(abs=1.0)),
            {"lost": Estimate(1, 0, 2)},
            "already sets expected 0.5",
        ),
        (
            claim(check(expected=None, at_least=1.0)),
            {"lost": Estimate(1, 0, 2)},
            "already sets bounds",
        ),
        (claim(check(expected=None, abs=1.0)), {"lost": 1.0}, "which is theory"),
        (claim(check(se=4.0)), {"lost": 0.5}, "se is 0, but the tolerance is within 4"),
    ],
)
def test_measurements_must_fit_the_checks(
    entry: Claim, measured: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=f"^C05.*{words}"):
        claims.judge(entry, measured)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, {}), r"claim is None; .* claims\.load\(\)\['C05'\]"),
        (("C05", {}), "claim is 'C05'; it must be an entry of the ledger"),
        ((claim(check(abs=1.0)), [1]), r"C05: measurements is \[1\]; .* a mapping"),
        ((claim(check(abs=1.0)), None), "C05: measurements is None; .* a mapping"),
        (
            (claim(check(abs=1.0)), {"lost": 1.0}, "ci", [1]),
            r"C05: controls is \[1\]; it must be a mapping",
        ),
        ((claim(check(abs=1.0)), {"lost": 1.0}, 3), "scale is 3; it must be a text"),
    ],
)
def test_only_a_claim_and_mappings_are_judged(arguments: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        claims.judge(*arguments)


@pytest.mark.parametrize("names", [{3: 1.0}, {3: 1.0, "lsot": 1.0}])
def test_a_name_that_is_no_text_is_unknown(names: Any) -> None:
    with pytest.raises(ValueError, match="missing: lost; unknown: 3"):
        claims.judge(claim(check(abs=1.0)), names)


def test_a_measurement_that_is_no_number_is_named() -> None:
    entry = claim(check(abs=0.1, control=Control(what="the same with real data kept")))
    with pytest.raises(ValueError, match="^C05, check lost: Estimate: value is None"):
        claims.judge(entry, {"lost": None})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="^C05, check lost, its control: Estimate: v"):
        claims.judge(entry, {"lost": 1.0}, controls={"lost": "a"})  # type: ignore[dict-item]


# ------------------------------------------------------------------------ controls

CONTROL = Control(what="the same with real data kept")


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.1, None), (0.5, "0.5000 ± 0.0010 passes it"), (0.401, "leaves it undecided")],
)
def test_a_control_must_fail_its_check(value: float, words: str | None) -> None:
    entry = claim(check(abs=0.1, control=CONTROL))
    control = {"lost": Estimate(value, 0.001)}
    verdict = claims.judge(entry, {"lost": 0.5}, controls=control)
    assert verdict.word == "reproduced", "the control is no check of the claim"
    (*passed,) = verdict.passed_controls()
    assert bool(passed) == (words is not None)
    if words:
        assert words in passed[0] and "C05, check lost" in passed[0]


def test_a_control_has_its_own_prediction() -> None:
    """A wrong formula is held against the same measurement."""
    entry = claim(check(expected=None, rel=0.1, control=CONTROL))
    measured = {"lost": Estimate(1.0, against=1.0)}
    wrong = {"lost": Estimate(1.0, against=1.5)}
    verdict = claims.judge(entry, measured, controls=wrong)
    assert list(verdict.passed_controls()) == []
    line = "Control: the same with real data kept: 1, expected 1.5; fails, as it must"
    assert line in card.as_text(verdict) and line in card.as_html(verdict)
    assert claims.rejudge(entry, verdict.payload(digits=None)) == verdict


def test_a_control_that_is_not_described_is_refused() -> None:
    with pytest.raises(ValueError, match="C05: .* no control for lost; .*: none"):
        claims.judge(claim(check(abs=0.1)), {"lost": 0.5}, controls={"lost": 0.1})


# ------------------------------------------------------------------------- display


def test_the_card_escapes_what_the_ledger_says() -> None:
    entry = claim(
        replace(check(abs=0.1), what="a < b & c"),
        title="<script>",
        statement='say "x" < y',
        published="p ≤ 1 & more",
        source="<i>",
        because="a > b",
    )
    html = card.as_html(claims.judge(entry, {"lost": 9.0}))
    for raw in ("<script>", "a < b", '"x" < y', "1 & more", "<i>", "a > b"):
        assert raw not in html
    for shown in ("&lt;script&gt;", "a &lt; b &amp; c", "a &gt; b"):
        assert shown in html


@pytest.mark.parametrize(
    ("values", "word", "css"),
    [
        ((0.5, 0.5), "✓ reproduced", "reproduced"),
        ((0.5, 9.0), "◐ partly", "partly"),
        ((9.0, 9.0), "✗ not reproduced", "not-reproduced"),
        ((0.5, Estimate(0.6, 0.1)), "? undecided", "undecided"),
    ],
)
def test_the_card_names_its_verdict_by_id_class_symbol_and_word(
    values: tuple[Any, Any], word: str, css: str
) -> None:
    entry = claim(check("one", abs=0.1), check("two", abs=0.1), because="the reason")
    verdict = claims.judge(entry, dict(zip(("one", "two"), values, strict=True)))
    html = card.as_html(verdict)
    state = "" if css in ("reproduced", "definition") else " open"
    assert f'<details class="verdict {css}" id="claim-C05"{state}>' in html
    assert word in html and word in card.as_text(verdict)
    assert "style=" not in html, "colours belong to the style sheet"
    for text in (html, card.as_text(verdict)):
        assert ("the reason" in text) == bool(state)
        assert "smaller model" in text and "printed" in text


def test_a_card_has_no_column_of_dashes() -> None:
    bound = check("kept", expected=None, at_least=0.1)
    both = claims.judge(claim(check(abs=1.0), bound), {"lost": 0.5, "kept": 0.2})
    bounds_only = claims.judge(claim(bound), {"kept": 0.2})
    heads = [
        re.findall(r'<th scope="col">(.*?)</th>', card.as_html(verdict))
        for verdict in (both, bounds_only)
    ]
    assert heads[0] == ["Check", "Ours ± s.e.", "Expected", "Tolerance", "Result"]
    assert heads[1] == ["Check", "Ours ± s.e.", "Tolerance", "Result"]
    named = re.findall(r'<td data-head="(.*?)">', card.as_html(bounds_only))
    assert named == heads[1]


def test_a_claim_without_checks_says_why() -> None:
    verdict = claims.judge(claim(not_attempted="needs a GPU"), {})
    assert verdict.word == "not attempted"
    html = card.as_html(verdict)
    assert 'class="verdict not-attempted"' in html
    assert "needs a GPU" in html and "needs a GPU" in card.as_text(verdict)


def test_the_payload_is_what_the_ledger_pages_read() -> None:
    entry = claim(
        check("one", abs=0.1, se=4.0),
        check("two", expected=None, at_least=1, control=CONTROL),
    )
    measured = {"one": Estimate(0.512345, 0.0123456), "two": 1.23456}
    verdict = claims.judge(entry, measured, "ci", {"two": 0.9})
    assert verdict.payload() == {
        "claim": "C05",
        "chapter": "02",
        "verdict": "reproduced",
        "scale": "ci",
        "checks": [
            {
                "name": "one",
                "what": "a share",
                "value": 0.512,
                "se": 0.0123,
                "shown": "0.512 ± 0.012",
                "expected": 0.5,
                "tolerance": "within 0.1 + 4 s.e.",
                "passed": True,
                "undecided": False,
                "control": None,
            },
            {
                "name": "two",
                "what": "a share",
                "value": 1.23,
                "se": 0.0,
                "shown": "1.23",
                "expected": None,
                "tolerance": "at least 1",
                "passed": True,
                "undecided": False,
                "control": {
                    "value": 0.9,
                    "se": 0.0,
                    "shown": "0.9",
                    "expected": None,
                    "passed": False,
                    "undecided": False,
                },
            },
        ],
    }
    assert verdict.payload(digits=None)["checks"][0]["value"] == 0.512345


def test_a_stored_verdict_can_be_judged_again() -> None:
    entry = claim(check("one", abs=0.1), check("two", expected=None, rel=0.1))
    measured = {"one": Estimate(0.55), "two": Estimate(2.0, against=1.0)}
    verdict = claims.judge(entry, measured, "laptop")
    again = claims.rejudge(entry, verdict.payload(digits=None))
    assert again == verdict and again.word == "partly"
    with pytest.raises(ValueError, match="C05 cannot be judged as C06"):
        claims.rejudge(replace(entry, id="C06"), verdict.payload())
