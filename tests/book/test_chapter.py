"""The chapter's companion."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output

from collapse_lib import book
from collapse_lib.book import results
from collapse_lib.claims import ControlPassed, Estimate, card
from collapse_lib.claims.verdict import MIME

SCALES = {"ci": {"M": 50, "chains": 10}, "laptop": {"M": 50, "chains": 100}}
TEXTS = {
    "title": "t",
    "source": "s",
    "statement": "x",
    "published": "p",
    "measure": "m",
}
LATER = {"not_attempted": "later", "evidence": {"value": "printed"}}
CLAIMS = [
    {
        "id": "C05",
        **TEXTS,
        "chapter": "02",
        "evidence": {"value": "exact", "test": "the paper's setting"},
        "checks": {
            "lost": {
                "what": "share",
                "expected": 0.364,
                "tolerance": {"se": 4, "reason": "exact"},
                "control": {"none": "it is an identity"},
            }
        },
    },
    {"id": "C08", **TEXTS, "chapter": "02", **LATER},
    {"id": "C30", **TEXTS, "chapter": "09", **LATER},
]
LEDGER = {"sources": {"C": {"name": "The paper"}}, "claims": CLAIMS}
GOOD = Estimate(0.365, 0.002)
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(LEDGER))
    return tmp_path


def chapter(root: Path, scale: str = "ci", **changes: Any) -> book.Chapter:
    settings = {"number": "02", "scales": SCALES, "seed": 2, **changes}
    return book.Chapter(settings.pop("number"), scale=scale, root=root, **settings)


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """An IPython shell, as in a notebook; gone again after the test."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def displayed(shell: InteractiveShell, code: str) -> list[RichOutput]:
    with capture_output() as captured:
        shell.run_cell(code, store_history=False).raise_error()
    return list(captured.outputs)


# ------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": "2"}, "chapter '2' does not exist; allowed are '01' to '20'"),
        ({"number": "21"}, "chapter '21' does not exist"),
        ({"scale": "huge"}, "scale 'huge' is not in SCALES; it has ci, laptop"),
        ({"scale": "paper"}, "scale 'paper' is not in SCALES"),
        (
            {"scales": {"laptop": {}}},
            "SCALES has laptop; allowed are ci, laptop, paper",
        ),
        ({"scales": {"ci": {}, "huge": {}}}, "SCALES has ci, huge; allowed are"),
        ({"scales": {"ci": {"a": 1}, "paper": {"b": 1}}}, "differ in the keys a, b"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": True}, "seed is True; it must be an integer >= 0"),
        ({"number": 2}, "chapter 2 does not exist"),
        ({"number": ["02"]}, "chapter ['02'] does not exist"),
        ({"scale": ["ci"]}, "scale ['ci'] is not in SCALES"),
        ({"scales": None}, "SCALES is None; it must be a mapping, such as"),
        ({"scales": ["ci"]}, "SCALES is ['ci']; it must be a mapping"),
        ({"scales": {"ci": {}, 3: {}}}, "SCALES has ci, 3; allowed are"),
        ({"scales": {"ci": [1]}}, "SCALES['ci'] is [1]; it must be a mapping"),
        ({"scales": {"ci": {3: 1}}}, "SCALES['ci'] has the key 3; keys must be text"),
        (
            {"scales": {"ci": {"a": np.arange(2)}}},
            "SCALES['ci']['a'] is an array of int64 values of shape (2,); allowed are",
        ),
        ({"scales": {"ci": {"a": [1, {2}]}}}, "SCALES['ci']['a'][1] is {2}; allowed"),
        ({"scales": {"ci": {"a": np.ma.masked}}}, "SCALES['ci']['a'] is an array"),
        (
            {"scales": {"ci": {"a": float("nan")}}},
            "SCALES['ci']['a'] is nan; allowed are finite numbers",
        ),
        ({"scales": {"ci": {"a": 10**400}}}, "allowed are finite numbers"),
        ({"scales": {"ci": {"a": ENDLESS}}}, "is nested more than 40 deep"),
        ({"scales": {"ci": {"a": "\x1b[31m"}}}, "with the character"),
        ({"scales": {"ci": {"a": "\ud800"}}}, "the character '\\ud800'"),
    ],
)
def test_an_impossible_chapter_is_refused(
    root: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError) as refusal:
        chapter(root, **changes)
    assert words in str(refusal.value)


def test_a_configuration_of_numpy_is_stored_and_read_back(root: Path) -> None:
    config = {"M": np.int64(50), "width": np.float32(0.5), "exact": np.bool_(True)}
    config["sizes"] = (np.int64(1), [np.longdouble(2)])
    lesson = chapter(
        root, "laptop", scales={"ci": config, "laptop": config}, seed=np.int64(2)
    )
    assert [type(lesson[key]) for key in config] == [int, float, bool, tuple]
    assert lesson["sizes"] == (1, [2.0])
    lesson.check("C05", lost=GOOD)
    lesson.finish()
    stored = lesson.stored("laptop")
    assert stored is not None and stored.config["M"] == 50


def test_the_configuration_is_that_of_the_scale(root: Path) -> None:
    assert chapter(root)["chains"] == 10
    assert chapter(root, "laptop")["chains"] == 100
    with pytest.raises(
        ValueError, match=r"'chians' is not in SCALES\['ci'\]; it has M"
    ):
        chapter(root)["chians"]


# ---------------------------------------------------------------------- randomness


def test_named_streams_are_reproducible_and_independent(root: Path) -> None:
    one = chapter(root).rng("one fit").normal(size=4_000)
    assert (one == chapter(root, "laptop").rng("one fit").normal(size=4_000)).all()
    others = [
        chapter(root).rng("another").normal(size=4_000),
        chapter(root, seed=3).rng("one fit").normal(size=4_000),
    ]
    for other in others:
        # s.e. of a correlation of independent draws: 0.016
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.08


def test_streams_are_the_same_on_every_machine(root: Path) -> None:
    """Pinned: Python's own hash of a text changes with every interpreter."""
    assert chapter(root).seed_sequence("one fit").generate_state(2).tolist() == [
        2483986486,
        127837266,
    ]


def test_parallel_runs_spawn_from_a_named_sequence(root: Path) -> None:
    children = chapter(root).seed_sequence("runs").spawn(2)
    first, second = (np.random.default_rng(child).random() for child in children)
    assert first != second


# ------------------------------------------------------------------ numbers, verdicts


@pytest.mark.parametrize(
    ("value", "spec", "shown"),
    [
        (0.12345, ".2f", "0.12"),
        (-0.5, "+.1f", "\N{MINUS SIGN}0.5"),
        (0.12, ".0%", "12\\xa0%"),
    ],
)
def test_say_glues_a_formatted_number(
    root: Path, shell: InteractiveShell, value: float, spec: str, shown: str
) -> None:
    shell.push({"chapter": chapter(root)})
    (output,) = displayed(shell, f"chapter.say('median', {value}, {spec!r})")
    assert output.data == {"application/papermill.record/text/plain": f"'{shown}'"}
    glue = {"name": "median", "mime_prefix": "application/papermill.record/"}
    assert output.metadata == {"scrapbook": glue}


def test_a_name_that_is_taken_is_reported(root: Path) -> None:
    lesson = chapter(root)
    lesson.record("loss", [1.0, 2.0])
    lesson.record("loss", [1.0, 2.0])  # a cell that is run again
    with pytest.warns(UserWarning, match="loss had another value before"):
        lesson.say("loss", 1.5)
    assert lesson.numbers["loss"] == 1.5


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Median", 1.0, "'Median' is not in snake_case"),
        ("two words", 1.0, "not in snake_case"),
        ("median", float("nan"), "median is nan; allowed are finite numbers"),
        ("median", True, "allowed are numbers, arrays and text"),
        ("median", None, "median is None; numbers are needed"),
        (3, 1.0, "the name 3 is not in snake_case"),
        (None, 1.0, "the name None is not in snake_case"),
        ("median", [1.0, 2.0], r"median is \[1.0, 2.0\]; one number or a text"),
        ("median", np.ma.masked, "median has 1 masked places"),
        ("median", 1j, "median is 1j; numbers are needed"),
        ("median", {1}, r"median is \{1\}; numbers are needed"),
        ("median", "a\ud800", r"the character '\\ud800'; only characters"),
        ("median", "\x1b[31m", r"the character '\\x1b'"),
        ("median", "a\x00", r"the character '\\x00'"),
    ],
)
def test_say_refuses_what_is_no_number(
    root: Path, name: str, value: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        chapter(root).say(name, value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.ma.array([1.0, 99], mask=[0, 1]), "curve has 1 masked places"),
        ([1.0, float("inf")], r"curve is \[1.0, inf\]; allowed are finite numbers"),
        (["a", "b"], "numbers are needed"),
        ([True, False], "allowed are numbers, arrays and text"),
        (np.finfo(np.longdouble).max, "allowed are finite numbers"),
    ],
)
def test_what_cannot_be_stored_is_not_recorded(
    root: Path, value: Any, words: str
) -> None:
    lesson = chapter(root)
    with pytest.raises(ValueError, match=words):
        lesson.record("curve", value)
    assert lesson.numbers == {}


@pytest.mark.parametrize("spec", ["zz", 3, "d"])
def test_a_format_that_does_not_exist_is_refused(root: Path, spec: Any) -> None:
    lesson = chapter(root)
    with pytest.raises(ValueError, match="median = 0.5 cannot be shown with spec"):
        lesson.say("median", 0.5, spec)
    assert lesson.numbers == {}


def test_long_numbers_are_recorded_as_floats(root: Path) -> None:
    lesson = chapter(root, "laptop")
    lesson.record("tenth", np.longdouble(0.1))
    lesson.record("tenths", np.array([0.1, 0.2], np.longdouble))
    lesson.check("C05", lost=GOOD)
    lesson.finish()
    stored = lesson.stored("laptop")
    assert stored is not None
    assert stored.numbers == {"tenth": 0.1, "tenths": [0.1, 0.2]}


def test_names_that_are_no_text_are_refused(root: Path) -> None:
    lesson = chapter(root)
    with pytest.raises(ValueError, match="name is 3; it must be a text"):
        lesson.rng(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"name is .* the character '\\ud800'"):
        lesson.rng("\ud800")
    with pytest.raises(ValueError, match=r"\['M'\] is not in SCALES"):
        lesson[["M"]]  # type: ignore[index]
    with pytest.raises(ValueError, match=r"claim_id is \['C05'\]; it must be a text"):
        lesson.check(["C05"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"scale \['ci'\] is not in SCALES"):
        lesson.stored(["ci"])  # type: ignore[arg-type]
    lesson.check("C05", lost=GOOD)
    with pytest.raises(ValueError, match="trained_on is 3; it must be a text"):
        lesson.finish(trained_on=3)  # type: ignore[arg-type]


def test_check_shows_each_card_once(root: Path, shell: InteractiveShell) -> None:
    shell.push({"chapter": chapter(root), "good": GOOD})
    twice = "v = chapter.check('C05', lost=good)\nchapter.check('C05', lost=good)"
    cards = displayed(shell, twice)
    assert len(cards) == 2, "one for each call, none for the value of the cell"
    for shown in cards:
        assert set(shown.data) == {"text/plain", "text/html", MIME}
    (again,) = displayed(shell, "v")
    assert again.data == cards[0].data


def test_check_works_without_a_notebook(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = chapter(root)
    verdict = lesson.check("C05", lost=GOOD)
    lesson.say("median", 1.0)
    assert verdict.word == "reproduced" and verdict.scale == "ci"
    assert capsys.readouterr().out == f"{card.as_text(verdict)}\n"


def test_check_refuses_claims_of_other_chapters(root: Path) -> None:
    for claim in ("C30", "C99"):
        with pytest.raises(ValueError, match=f"no claim '{claim}'; its .* C05, C08"):
            chapter(root).check(claim)


def test_verdicts_are_complete_or_refused(root: Path) -> None:
    lesson = chapter(root)
    for ask in (lesson.verdicts, lesson.finish):
        with pytest.raises(ValueError, match="chapter 02 did not check C05; call"):
            ask()
    lesson.check("C05", lost=Estimate(0.9, 0.001))
    table = lesson.verdicts()
    assert table.index.tolist() == ["C05", "C08"]
    assert table["verdict"].tolist() == ["✗ not reproduced", "– not attempted"]
    assert table["checks passed"].tolist() == ["0 of 1", "–"]


@pytest.fixture
def controlled(root: Path) -> Path:
    """The same book, whose check has a control."""
    content = copy.deepcopy(LEDGER)
    content["claims"][0]["checks"]["lost"]["control"] = {"what": "twice the samples"}
    (root / "claims.yaml").write_text(yaml.safe_dump(content))
    return root


def test_a_described_control_must_be_measured(controlled: Path) -> None:
    lesson = chapter(controlled)
    with pytest.raises(ValueError, match="C05: .* for lost; .*chapter.control"):
        lesson.check("C05", lost=GOOD)
    with pytest.raises(ValueError, match="chapter 02 has no claim 'C30'"):
        lesson.control("C30", lost=GOOD)
    lesson.control("C05", lost=Estimate(0.13, 0.002))
    verdict = lesson.check("C05", lost=GOOD)
    assert verdict.outcomes[0].control is not None
    assert verdict.outcomes[0].control.result == "fail"
    assert lesson.finish().endswith("nothing stored")


def test_a_control_that_passes_stops_the_chapter_when_all_is_stored(
    controlled: Path,
) -> None:
    lesson = chapter(controlled, "laptop")
    lesson.control("C05", lost=GOOD)
    lesson.check("C05", lost=GOOD)
    with pytest.raises(ControlPassed, match="C05, check lost: its control must fail"):
        lesson.finish()
    assert chapter(controlled).stored("laptop") is not None


# ------------------------------------------------------------------- stored results


def test_the_ci_scale_writes_nothing(root: Path) -> None:
    lesson = chapter(root)
    lesson.check("C05", lost=GOOD)
    lesson.say("median", 1.0)
    line = "chapter 02, scale ci, seed 2: 1 number, 2 verdicts, nothing stored"
    assert lesson.finish() == line
    assert [path.name for path in root.iterdir()] == ["claims.yaml"]


def test_a_larger_run_is_stored_and_read_back(root: Path) -> None:
    lesson = chapter(root, "laptop")
    assert lesson.stored("laptop") is None
    lesson.check("C05", lost=Estimate(0.36412345, 0.002))
    lesson.say("median", np.float64(1.23456789), ".2f")
    lesson.record("curve", np.arange(3))
    line = lesson.finish()
    stored = chapter(root).stored("laptop")
    assert stored is not None and stored.provenance == line
    assert stored.numbers == {"median": 1.23456789, "curve": [0, 1, 2]}
    assert stored.verdicts[0]["checks"][0]["value"] == 0.36412345, "not rounded"
    assert (stored.seed, stored.config) == (2, SCALES["laptop"])
    assert stored.versions["numpy"] == np.__version__


def test_a_run_trained_elsewhere_says_so(root: Path) -> None:
    lesson = chapter(root, "laptop")
    lesson.check("C05", lost=GOOD)
    line = lesson.finish(trained_on="a large GPU: 500 s")
    stored = chapter(root).stored("laptop")
    assert stored is not None
    assert stored.device.endswith("after training on a large GPU: 500 s")
    assert "large GPU" in line


def test_a_stored_run_of_an_older_configuration_is_refused(root: Path) -> None:
    lesson = chapter(root, "laptop")
    lesson.check("C05", lost=GOOD)
    lesson.finish()
    changed = {**SCALES, "laptop": {"M": 50, "chains": 1_000}}
    with pytest.raises(ValueError, match="different: chains"):
        chapter(root, scales=changed).stored("laptop")


def test_stored_refuses_an_unknown_scale(root: Path) -> None:
    with pytest.raises(ValueError, match="scale 'huge' is not in SCALES"):
        chapter(root).stored("huge")


def test_results_land_where_the_schema_test_looks(root: Path) -> None:
    lesson = chapter(root, "laptop")
    lesson.check("C05", lost=GOOD)
    lesson.finish()
    assert (root / "results" / "02" / "laptop.json").is_file()
    assert results.SCALES == ("ci", "laptop", "paper")


def test_the_companion_needs_neither_torch_nor_ipython(root: Path) -> None:
    """The reader's browser has neither; an import must not ask for them."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'IPython'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from collapse_lib import book\n"
        "c = book.Chapter('20', scale='ci', scales={'ci': {}}, seed=1,"
        " root=sys.argv[1])\n"
        "c.say('x', 1.0); print(c.finish())"
    )
    command = [sys.executable, "-c", code, str(root)]
    place = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("chapter 20, scale ci, seed 1: 1 number, 0 verdi")


def test_a_verdict_is_printed_on_any_terminal(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe on Windows writes cp1252, which has no check mark."""
    for coding, mark in (("utf-8", "✓"), ("cp1252", "\\u2713"), ("ascii", "\\u2713")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=coding))
        chapter(root).check("C05", lost=GOOD)
        sys.stdout.flush()
        assert f"C05 t: {mark} reproduced" in raw.getvalue().decode(coding)
