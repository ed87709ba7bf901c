"""An assignment for otter-grader: questions, and tests that nobody deceives."""

import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import assignment
import nbformat
import pytest
import travelling
from assignment import AssignmentError
from mini_book import make_book, write_chapter

from collapse_lib.book import exercises
from collapse_lib.book.notebooks import Notebook

ROOT = Path(__file__).resolve().parents[2]

START = "```{{solution-start}} {}\n:class: dropdown\n```\n\n{}"
END = "```{solution-end}\n```"
IMPORTS = """\
from collapse_lib import book
from collapse_lib.book import exercises
chapter = book.Chapter("01", scale="ci", scales={"ci": {"n": 2}}, seed=1)"""
HELPERS = """\
def doubled(x):
    return chapter["n"] * x


table = [doubled(x) for x in "ab"]"""
HALF = """\
```{exercise} A half
:label: ex-1
**Compute.** What is a half?
```

```{hint}
:class: dropdown
Divide.
```"""
CHECK_HALF = """\
def off(half):
    return doubled(half) - 1


@exercises.check
def check_half(half):
    assert off(half) == 0, "Twice it is not 1."


check_half(half)"""
HALVES = """\
```{exercise} Halves
:label: ex-2
**Change.** Halve everything.
```"""
CHECK_HALVE = """\
@exercises.check
def check_halve(halve):
    for x in (1, 3):
        assert off(halve(x)) == x - 1, f"Not of {x}."


check_halve(halve)"""
WHY = "```{exercise} Why\n:label: ex-3\n**Think.** Why halves?\n```"
RUBRIC = (
    "Because.\n\n**A good answer** says that\n\n- there are two;\n- they are equal."
)
CELLS = [
    ("markdown", "# Mini\n", []),
    ("code", IMPORTS, ["hide-input"]),
    ("code", HELPERS, []),
    ("markdown", HALF, []),
    ("code", "half = ...  # a number", ["exercise"]),
    ("code", CHECK_HALF, ["check", "hide-input"]),
    ("markdown", START.format("ex-1", "One divides."), []),
    ("code", "one = 1\nunused = 7\nhalf = one / 2\nhalf", []),
    ("code", "check_half(half)", []),
    ("code", "check_half.refuses(1, 2, 'secret')", ["remove-cell"]),
    ("markdown", f"{END}\n\n{HALVES}", []),
    ("code", 'def halve(x):\n    """Halve it."""\n    ...', ["exercise"]),
    ("code", CHECK_HALVE, ["check", "hide-input"]),
    ("markdown", START.format("ex-2", "As before."), []),
    ("code", "def halve(x):\n    return x * one / 2\n\n\ncheck_halve(halve)", []),
    ("markdown", f"{END}\n\n{WHY}\n\n{START.format('ex-3', RUBRIC)}\n\n{END}", []),
    ("markdown", "## The end", []),
]
NUMBERS = {"ex-1": "1.1", "ex-2": "1.2", "ex-3": "1.3"}


@pytest.fixture
def notebook(tmp_path):
    """A chapter's notebook for instructors, as the site makes it."""
    make_book(tmp_path)
    path = write_chapter(tmp_path, "01-mini", CELLS)
    content = nbformat.read(path, 4)
    content.metadata.update(
        kernelspec={"name": "python3", "display_name": "Python 3"},
        language_info={"name": "python"},
        collapse={"uses": {"files": [], "packages": ["numpy"]}},
    )
    nbformat.write(content, path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "mini-lib"\nversion = "3.1"\ndependencies = ["numpy>=2.0"]\n'
        "optional-dependencies = {}\n"
    )
    site = travelling.Site(tmp_path, Notebook(path), {}, NUMBERS)
    return travelling.travelling(site, solutions=True)


def questions(made):
    """Return the cells of each question, without the raw ones around it."""
    found = []
    for cell in made["cells"]:
        if cell["source"].startswith("# BEGIN QUESTION"):
            found.append([])
        if found:
            found[-1].append(cell)
    return found


def within(cells, block):
    """Return the sources in a block of a question."""
    sources = [cell["source"] for cell in cells]
    start, end = (sources.index(f"# {which} {block}") for which in ("BEGIN", "END"))
    return sources[start + 1 : end]


def run_on_names(cells):
    """Return the tests of a question, as otter-grader runs them: on all names."""
    found = []
    for source in within(cells, "TESTS"):
        scope = {}
        exec(source, scope)
        found += [made for name, made in scope.items() if name.startswith("test_")]
    return found


# ---- the questions -------------------------------------------------------------------


def test_it_is_a_notebook_with_settings(notebook):
    made = assignment.assignment(notebook)
    nbformat.validate(nbformat.from_dict(made))
    assert made["metadata"]["kernelspec"]["language"] == "python"
    first = made["cells"][0]
    assert (first["cell_type"], first["source"].splitlines()[0]) == (
        "raw",
        "# ASSIGNMENT CONFIG",
    )
    assert "requirements:\n- numpy>=2.0\nfiles: []\n" in first["source"]
    assert "ok_format: false" in first["source"]


def test_a_library_beside_it_is_handed_out(notebook):
    made = assignment.assignment(notebook, "mini_lib-3.1-py3-none-any.whl")
    assert "files:\n- mini_lib-3.1-py3-none-any.whl\n" in made["cells"][0]["source"]
    setup = made["cells"][2]["source"]
    assert "--no-deps mini_lib-3.1-py3-none-any.whl\n" in setup
    assert "book.invalid" not in setup


def test_each_exercise_is_a_question(notebook):
    made = assignment.assignment(notebook)
    assert [cells[0]["source"] for cells in questions(made)] == [
        "# BEGIN QUESTION\nname: exercise-1-1\npoints: 3\ncheck_cell: false",
        "# BEGIN QUESTION\nname: exercise-1-2\npoints: 3\ncheck_cell: false",
        "# BEGIN QUESTION\nname: exercise-1-3\npoints: 2\nmanual: true",
    ]
    assert made["cells"][-1]["source"] == "## The end"


def test_the_answer_stands_where_students_have_the_starter(notebook):
    first, second, _ = questions(assignment.assignment(notebook))
    answer, text = within(first, "SOLUTION")
    assert answer == (
        "r''' # BEGIN PROMPT\nhalf = ...  # a number\n'''; # END PROMPT\n"
        "# BEGIN SOLUTION NO PROMPT\none = 1\nhalf = one / 2\n# END SOLUTION"
    )
    assert text.startswith("**Solution 1.1.**\n\nOne divides.\n\n```python\none = 1")
    assert "secret" not in text
    # What an earlier solution has defined is not there unless the answer brings it.
    assert "\none = 1\ndef halve(x):\n    return" in within(second, "SOLUTION")[0]
    names = [cell["source"][:17] for cell in first]
    place = names.index("# BEGIN TESTS")
    assert first[place - 1]["metadata"]["tags"] == ["check", "hide-input"]


def test_what_a_starter_gives_is_there_for_the_answer_and_the_hidden_test(notebook):
    notebook = changed(notebook, "half = ...", "given = 2  # both\nhalf = ...")
    notebook = changed(notebook, "half = one / 2", "half = one / given")
    notebook = changed(notebook, "off(half) == 0", "off(half) == given - 2")
    first, *_ = questions(assignment.assignment(notebook))
    answer = within(first, "SOLUTION")[0]
    assert answer.endswith(
        "PROMPT\ngiven = 2  # both\none = 1\nhalf = one / given\n# END SOLUTION"
    )
    hidden = within(first, "TESTS")[1]
    assert "'given = 2  # both" in hidden
    assert "half = ..." not in hidden


def test_an_answer_in_words_has_its_list_as_rubric(notebook):
    *_, third = questions(assignment.assignment(notebook))
    assert within(third, "PROMPT") == [assignment.ANSWER]
    (text,) = within(third, "SOLUTION")
    assert text.startswith("**Solution 1.3.**\n\nBecause.")
    assert "- they are equal." in text


def test_a_project_has_a_cell_for_code(notebook):
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("**Think.**", "**Project.**")
    *_, third = questions(assignment.assignment(notebook))
    assert within(third, "PROMPT") == [assignment.ANSWER, assignment.CODE]


def test_no_solution_is_outside_of_what_students_do_not_get(notebook):
    made = assignment.assignment(notebook)
    shown, hidden = [], ""
    for cell in made["cells"]:
        source = cell["source"]
        if cell["cell_type"] == "raw":
            hidden = source.partition(" ")[2] if "BEGIN SOL" in source else ""
        elif not hidden or cell["cell_type"] == "code":
            shown.append(source.partition("# BEGIN SOLUTION NO PROMPT")[0])
    text = "\n".join(shown)
    assert "half = ...  # a number" in text
    for solved in ("One divides", "half = one", "As before", "Because", "secret"):
        assert solved not in text
    assert "with solutions" not in text


def test_the_caption_of_a_solution_is_part_of_it(notebook):
    place = next(
        n for n, c in enumerate(notebook["cells"]) if "half = one" in c["source"]
    )
    caption = {"cell_type": "markdown", "id": "a-caption"}
    caption["metadata"] = {"tags": ["solution"]}
    notebook["cells"].insert(place + 1, {**caption, "source": "*Figure 1.* A half."})
    first, *_ = questions(assignment.assignment(notebook))
    assert "*Figure 1.* A half." in within(first, "SOLUTION")[1]


# ---- the tests -----------------------------------------------------------------------


def answered(half, **others):
    """Return the names of a notebook in which the first exercise is answered."""
    scope = {"chapter": {"n": 2}, "exercises": exercises}
    exec(f"{HELPERS}\nhalf = {half!r}\n{CHECK_HALF}", scope)
    return {**scope, **others}


@pytest.fixture
def first_tests(notebook, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return run_on_names(questions(assignment.assignment(notebook))[0])


def test_a_right_answer_passes_both_tests(first_tests):
    for test in first_tests:
        test(answered(0.5))


@pytest.mark.parametrize("half", [0.4, "a half", ...])
def test_another_answer_passes_none(first_tests, half):
    for test in first_tests:
        with pytest.raises(AssertionError):
            test(answered(half))


def deceived_by_name(monkeypatch):
    return {"check_half": lambda half: True, "doubled": lambda x: 1}


def deceived_by_module(monkeypatch):
    monkeypatch.setattr(exercises, "check", lambda rule: lambda answer: True)
    monkeypatch.setattr(exercises, "opens", lambda sealed, answer: True)
    return {}


def deceived_by_class(monkeypatch):
    right = exercises.Mark(True, "Right.")
    monkeypatch.setattr(exercises.Check, "__call__", lambda self, answer: right)
    return {}


@pytest.mark.parametrize(
    "deceive", [deceived_by_name, deceived_by_module, deceived_by_class]
)
def test_a_deceived_check_gives_no_points(first_tests, monkeypatch, deceive):
    public, hidden = first_tests
    changed = deceive(monkeypatch)
    names = answered(0.4, **changed)
    public(names)
    with pytest.raises(AssertionError, match=r"Twice it is not 1\."):
        hidden(names)
    hidden(answered(0.5, **changed))


def test_the_modules_of_the_library_stay_as_they_were(first_tests):
    before = dict(sys.modules)
    first_tests[1](answered(0.5))
    after = {n: m for n, m in sys.modules.items() if n.startswith("collapse_lib")}
    assert after
    assert all(before.get(name, module) is module for name, module in after.items())


def test_only_the_test_with_points_is_hidden(notebook):
    public, hidden = within(questions(assignment.assignment(notebook))[0], "TESTS")
    assert "points: 0\nhidden: false" in public
    assert "points: 3\nhidden: true" in hidden
    assert "def doubled" in hidden
    assert "table =" not in hidden


# ---- what code needs -----------------------------------------------------------------


def kept(code, *names):
    cell = {"cell_type": "code", "source": code}
    return assignment.joined(assignment.needed([*assignment.steps([cell])], names))


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("a = 1\nb = 2\nx = a", "a = 1\nx = a"),
        ("a = 1\na = 2\nx = a", "a = 2\nx = a"),
        ("a = 1\na += 2\nx = a", "a = 1\na += 2\nx = a"),
        ("x = []\ny = []\nx.append(1)\ny.append(2)", "x = []\nx.append(1)"),
        (
            "x = {}\nfor k in 'ab':\n    x[k] = 1\nk = 2",
            "x = {}\nfor k in 'ab':\n    x[k] = 1",
        ),
        ("n = 1\nx = [n for n in 'ab']", "x = [n for n in 'ab']"),
        ("def x():\n    return a\n\n\na = 1", "def x():\n    return a\na = 1"),
        (
            "x = {}\ndef add(k):\n    x[k] = 1\nadd(2)\nother(3)",
            "x = {}\ndef add(k):\n    x[k] = 1\nadd(2)",
        ),
        ("def f():\n    x[0] = 1\nx = 2\ny = f()", "x = 2"),
        ("import x\nx.run()\nx.seed(1)", "import x"),
        ("import numpy as np\nimport re\nx = np.pi", "import numpy as np\nx = np.pi"),
        ("%pip install y\ntry:\n    import x\nexcept E:\n    !pip\n", None),
        (
            "chapter = 1\nchapter.say('n', slow())\nx = chapter",
            "chapter = 1\nx = chapter",
        ),
        ("@cache\ndef x():  # so\n    ...", "@cache\ndef x():  # so\n    ..."),
    ],
)
def test_code_is_kept_if_a_name_needs_it(code, wanted):
    if wanted is None:
        wanted = "try:\n    import x\nexcept E:\n    pass"
    assert kept(code, "x") == wanted


# ---- what cannot be done -------------------------------------------------------------


def changed(notebook, before, after):
    notebook = copy.deepcopy(notebook)
    cells = [c for c in notebook["cells"] if before in c["source"]]
    assert cells
    for cell in cells:
        cell["source"] = cell["source"].replace(before, after)
    return notebook


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("import collapse_lib\n", "import x\n", "no cell fetches the library"),
        ("**Exercise 1", "**Task 1", r"no cell above it .* begins with \*\*Exercise N"),
        (
            "**A good answer**",
            "An answer",
            r"exercise 1.3 cannot be graded: there is no",
        ),
        ("\n\ncheck_half(half)", "", "exercise 1.1: its check must end with a line"),
        ("half = one / 2", "other = 1", "exercise 1.1: its solution gives half no"),
        (
            '"""Halve it."""',
            "'''H'''; \"\"\"H\"\"\"",
            "1.2: its starter has both kinds",
        ),
        ("def off(half):", "def off(half:", "no Python: .* take the notebook from the"),
    ],
)
def test_what_cannot_be_graded_is_named(notebook, before, after, said):
    with pytest.raises(AssignmentError, match=said):
        assignment.assignment(changed(notebook, before, after))


def test_a_check_without_starter_is_refused(notebook):
    notebook["cells"] = [
        c for c in notebook["cells"] if "half = ..." not in c["source"]
    ]
    with pytest.raises(AssignmentError, match="1.1 has 0 cells with the tag exercise"):
        assignment.assignment(notebook)


def test_a_notebook_for_students_is_refused(notebook):
    solution = [c for c in notebook["cells"] if "solution" in assignment.tags(c)]
    notebook["cells"] = [c for c in notebook["cells"] if c not in solution]
    with pytest.raises(AssignmentError, match="1.1.* no solution; .* for instructors"):
        assignment.assignment(notebook)


def test_a_notebook_without_exercises_is_refused(notebook):
    notebook["cells"] = notebook["cells"][:3]
    with pytest.raises(AssignmentError, match="has no exercises"):
        assignment.assignment(notebook)


# ---- files ---------------------------------------------------------------------------


def place(folder, notebook):
    path = folder / "notebooks" / "instructors" / "01-mini.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), "utf-8")
    return path


def test_it_is_written_with_the_library(notebook, tmp_path, capsys):
    source, target = place(tmp_path, notebook), tmp_path / "course"
    wheel = source.parent.parent / "mini_lib-3.1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    assert assignment.main([str(source), str(target)]) == 0
    assert (target / wheel.name).read_bytes() == b"wheel"
    nbformat.validate(nbformat.read(target / "01-mini.ipynb", 4))
    assert "otter assign" in capsys.readouterr().out


def test_a_notebook_from_a_site_fetches_the_library_there(notebook, tmp_path):
    text = json.dumps(notebook).replace(travelling.SITE, "https://site.org/")
    source = place(tmp_path, json.loads(text))
    made = assignment.write(source, tmp_path / "course")
    assert "--no-deps https://site.org/notebooks/mini" in made.read_text("utf-8")


def test_a_missing_library_is_named(notebook, tmp_path, capsys):
    source = place(tmp_path, notebook)
    assert assignment.main([str(source), str(tmp_path / "course")]) == 1
    said = capsys.readouterr().err
    assert "mini_lib-3.1-py3-none-any.whl is missing: copy it from" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        ("text", "is not JSON"),
        ('{"nbformat": 3}', "is no notebook of the format 4"),
    ],
)
def test_a_file_that_is_no_notebook_is_named(content, said, tmp_path, capsys):
    path = tmp_path / "a.ipynb"
    if content is not None:
        path.write_text(content)
    assert assignment.main([str(path), str(tmp_path / "course")]) == 1
    assert said in capsys.readouterr().err


def test_the_notebook_itself_is_not_replaced(notebook, tmp_path, capsys):
    source = place(tmp_path, notebook)
    assert assignment.main([str(source), str(source.parent)]) == 1
    assert "name another folder" in capsys.readouterr().err
    assert json.loads(source.read_text("utf-8")) == notebook


def test_its_use_is_said(capsys):
    assert assignment.main([]) == 2
    assert "NOTEBOOK FOLDER" in capsys.readouterr().err


# ---- otter-grader --------------------------------------------------------------------

ANSWERS = {"half = ...": "half = 1 / 2", "    ...": "    return x / 2"}
WRONG = {"half = ...": "half = 0.4", "    ...": "    return x / 2"}
CHEATS = """
check_half = lambda answer: True
check_halve = lambda answer: True
exercises.check = lambda rule: lambda answer: True
exercises.Check.__call__ = lambda self, answer: exercises.Mark(True, "Right.")
half, halve = 0.4, abs
"""


def otter(folder, *arguments):
    """Run a command of otter-grader in a folder."""
    command = [sys.executable, "-m", "otter", *arguments]
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def graded(folder, name, answers, more=""):
    """Return the points that otter-grader gives to answers in the students' version."""
    student = nbformat.read(folder / "dist/student/01-mini.ipynb", 4)
    for cell in student.cells:
        for before, after in answers.items():
            if "exercise" in cell.metadata.get("tags", []) or "otter_answer_cell" in (
                cell.metadata.get("tags", [])
            ):
                cell.source = cell.source.replace(before, after)
        if "check" in cell.metadata.get("tags", []):
            cell.source += more
    nbformat.write(student, folder / f"{name}.ipynb")
    (grader,) = (folder / "dist/autograder").glob("*.zip")
    (folder / name).mkdir()
    otter(folder, "run", "-a", str(grader), "-o", name, f"{name}.ipynb")
    results = json.loads((folder / name / "results.json").read_text())
    return sum(test.get("score", 0) for test in results["tests"])


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("otter") is None,
    reason="otter-grader is not installed; the extra 'course' has it",
)
def test_otter_grader_gives_points_to_right_answers_alone(notebook, tmp_path):
    source, folder = place(tmp_path / "site", notebook), tmp_path / "course"
    (source.parent / "mini_lib-3.1-py3-none-any.whl").write_bytes(b"not needed")
    assignment.write(source, folder)
    otter(folder, "assign", "01-mini.ipynb", "dist")
    student = (folder / "dist/student/01-mini.ipynb").read_text("utf-8")
    for solved in ("One divides", "half = one", "As before", "Because", "defined_anew"):
        assert solved not in student
    assert "grader" not in student
    assert graded(folder, "right", ANSWERS) == 6
    assert graded(folder, "wrong", WRONG) == 3
    assert graded(folder, "empty", {}) == 0
    assert graded(folder, "cheat", {}, CHEATS) == 0
