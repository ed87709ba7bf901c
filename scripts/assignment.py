"""Make an assignment for otter-grader of a chapter's notebook for instructors.

python scripts/assignment.py NOTEBOOK FOLDER

The notebook is one that the site offers *with solutions*, or one that ``make`` has put
into ``_build/html/notebooks/instructors``. The folder gets a notebook of the same name
from which ``otter assign`` makes the students' version and what grades it, and the
library's wheel where that lies near the notebook.

An exercise with a check becomes a question that is graded by it; the other exercises
are graded by hand, a point for each line of the list *A good answer*. The students'
version has the text, the starter and the check, and needs no otter-grader.

Nothing that an answer's notebook has defined anew decides about its points: these are
given by a test that students do not have. It runs the check as it stands in the book,
with what the check needs of the chapter, and with a fresh copy of the library's module
of checks. Otter-grader runs answers and tests in one process, so that somebody who
changes numpy, the library's simulations or otter-grader itself can still deceive it.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import symtable
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

#: The points of an exercise with a check; the others have one for each line to look at.
POINTS = 3
RUBRIC = "**A good answer"
ANSWER = "*Your answer:*"
CODE = "# Code, if your answer needs some"
#: What a notebook says of itself, and the students' version must not say.
WHOSE = "; with solutions"
#: What the site writes where it does not know its address.
NOWHERE = "https://book.invalid/"
#: Makes verdicts and the numbers of the text; its methods change nothing else.
CHAPTER = "chapter"

_STATEMENT = re.compile(r"\*\*Exercise (\d+(?:\.\d+)*)")
_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_WHEEL = re.compile(r"(?<=--no-deps )(\S*/)?([\w.-]+\.whl)")
_WANTED = re.compile(r'^%pip install --quiet ((?:"[^"]*" ?)+)$', re.MULTILINE)

Cell = dict[str, Any]
Cells = list[Cell]


class AssignmentError(Exception):
    """Raised where no assignment can be made of a notebook; says what to do."""


# ---- what a notebook for instructors holds -------------------------------------------


@dataclass
class Exercise:
    """An exercise, and what belongs to it up to the end of its solution.

    Parameters
    ----------
    number
        As the book counts: ``"3.1"``.
    text
        Its statement and its hints.
    starter, check
        The cells with these parts, if it has them.
    solution
        The cells of its solution.
    """

    number: str
    text: Cells = field(default_factory=list)
    starter: Cells = field(default_factory=list)
    check: Cells = field(default_factory=list)
    solution: Cells = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name in a message."""
        return f"exercise {self.number}"

    @property
    def shown(self) -> Cells:
        """What the page shows of its solution."""
        return [cell for cell in self.solution if "remove-cell" not in tags(cell)]


def tags(cell: Cell) -> set[str]:
    """Return the tags of a cell."""
    return set(cell["metadata"].get("tags", []))


def sections(cells: Sequence[Cell]) -> Iterator[Exercise | Cell]:
    """Yield the exercises, and the cells that belong to none, in their order.

    Raises
    ------
    AssignmentError
        If a check or a solution belongs to no exercise.
    """
    last: Exercise | None = None
    for cell in cells:
        found = tags(cell)
        stated = _STATEMENT.match(cell["source"]) if "exercise" in found else None
        if stated:
            if last:
                yield last
            last = Exercise(stated[1])
        if "solution" in found:
            _owner(last, cell).solution.append(cell)
        elif "check" in found:
            _owner(last, cell).check.append(cell)
        elif "exercise" in found and cell["cell_type"] == "code":
            _owner(last, cell).starter.append(cell)
        elif last and ("exercise" in found or not last.solution):
            last.text.append(cell)
        else:
            if last:
                yield last
            last = None
            yield cell
    if last:
        yield last


def _owner(exercise: Exercise | None, cell: Cell) -> Exercise:
    if exercise is None:
        raise AssignmentError(
            f"the cell {_start(cell)} is tagged {', '.join(sorted(tags(cell)))}, but "
            "no cell above it with the tag exercise begins with **Exercise N**; take "
            "the notebook from the site as it is"
        )
    return exercise


def _start(cell: Cell) -> str:
    return repr(str(cell["source"])[:40])


# ---- what code needs -----------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A statement of a notebook.

    Parameters
    ----------
    source
        As it stands there.
    binds
        The names that it gives a value.
    changes
        The names of what it may change without giving them another value.
    certain
        Whether earlier values of the names no longer count.
    needs
        The names that it reads.
    needs_later
        Those that it reads when a function which it defines is called.
    imports
        Whether the names are those of modules and of what is in them.
    defines, calls
        The function that it defines; the one that it calls for its effect alone.
    """

    source: str
    binds: frozenset[str]
    changes: frozenset[str]
    certain: bool
    needs: frozenset[str]
    needs_later: frozenset[str]
    imports: bool
    defines: str
    calls: str


def parsed(cell: Cell) -> tuple[str, ast.Module]:
    """Return the code of a cell without its lines for Jupyter, and its tree.

    Raises
    ------
    AssignmentError
        If it is no Python.
    """
    for text in (cell["source"], _MAGIC.sub(r"\1pass", cell["source"])):
        try:
            return text, ast.parse(text)
        except SyntaxError as error:
            reason = error
    raise AssignmentError(
        f"the cell {_start(cell)} is no Python: {reason}; take the notebook from the "
        "site as it is"
    )


def steps(cells: Iterable[Cell]) -> Iterator[Step]:
    """Yield the statements of the cells with code."""
    for cell in cells:
        if cell["cell_type"] == "code" and not cell["source"].startswith("%%"):
            yield from steps_of(parsed(cell)[0])


def steps_of(code: str) -> list[Step]:
    """Return the statements of code that is Python throughout."""
    return [step(node, code) for node in ast.parse(code).body]


def step(node: ast.stmt, source: str) -> Step:
    """Return what is known of a statement."""
    table = symtable.symtable(ast.unparse(node), "cell", "exec")
    bound = frozenset(_bound(node))
    # Python 3.12 has the variables of a comprehension among those around it.
    inner = {s.get_name() for s in table.get_symbols() if s.is_assigned()} - bound
    read = {s.get_name() for s in table.get_symbols() if s.is_referenced()} - inner
    later = frozenset(_globals(table))
    changes, defines, calls = frozenset(_changed(node)), "", ""
    match node:
        case ast.FunctionDef():
            changes, defines = changes & later, node.name
        case ast.Expr(ast.Call(ast.Name(name))):
            calls = name
    first = min([node, *getattr(node, "decorator_list", [])], key=lambda n: n.lineno)
    lines = source.splitlines()[first.lineno - 1 : node.end_lineno]
    return Step(
        source="\n".join(lines),
        binds=bound,
        changes=changes,
        certain=isinstance(node, RENEWING),
        needs=later | read,
        needs_later=later,
        imports=isinstance(node, ast.Import | ast.ImportFrom),
        defines=defines,
        calls=calls,
    )


#: Statements after which a name has no earlier value.
RENEWING = (
    *(ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef),
    *(ast.Import, ast.ImportFrom),
)
#: What has variables of its own.
ENCLOSED = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement gives a value, outside of functions."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.alias():
            yield node.asname or node.name.partition(".")[0]
        case ast.Name(name, ast.Store()):
            yield name
        case _ if not isinstance(node, ENCLOSED):
            for child in ast.iter_child_nodes(node):
                yield from _bound(child)


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that functions and classes below take from around them."""
    for child in table.get_children():
        for symbol in child.get_symbols():
            if symbol.is_global():
                yield symbol.get_name()
        yield from _globals(child)


def _changed(node: ast.stmt) -> set[str]:
    """Return the names of what a statement may change without binding it anew."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Subscript | ast.Attribute):
            if not isinstance(each.ctx, ast.Load):
                found |= _root(each)
        elif isinstance(each, ast.Expr) and isinstance(each.value, ast.Call):
            if isinstance(each.value.func, ast.Attribute):
                found |= _root(each.value.func) - {CHAPTER}
    return found


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def needed(code: Sequence[Step], names: Iterable[str]) -> list[Step]:
    """Return those statements without which some names would not have their values."""
    at_end, kept = set(names), set[int]()
    modules = {name for each in code if each.imports for name in each.binds}
    effects = {each.defines: each.changes for each in code if each.defines}
    while True:
        wanted, before = set(at_end), len(at_end) + len(kept)
        for place in reversed(range(len(code))):
            here = code[place]
            changes = here.changes | effects.get(here.calls, frozenset())
            if (here.binds | changes - modules) & wanted:
                kept.add(place)
                wanted -= here.binds if here.certain else set()
                wanted |= here.needs
                at_end |= here.needs_later
        if len(at_end) + len(kept) == before:
            return [code[place] for place in sorted(kept)]


def joined(code: Iterable[Step]) -> str:
    """Return statements as one text."""
    return "\n".join(each.source for each in code)


# ---- the check of an exercise --------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """What judges the answer to an exercise.

    Parameters
    ----------
    name
        What the check is called.
    answer
        What it is given, as code.
    names
        The names in that code.
    code
        The cell without its last line, which calls the check.
    """

    name: str
    answer: str
    names: tuple[str, ...]
    code: str


def check_of(exercise: Exercise) -> Check:
    """Read the check of an exercise.

    Raises
    ------
    AssignmentError
        If its cell does not end with the call of a check that it defines.
    """
    if len(exercise.check) != 1 or len(exercise.starter) != 1:
        raise AssignmentError(
            f"{exercise.name} has {len(exercise.starter)} cells with the tag exercise "
            f"and {len(exercise.check)} with the tag check; it needs one of each"
        )
    source, tree = parsed(exercise.check[0])
    *body, last = tree.body or [ast.Pass()]
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    match last:
        case ast.Expr(ast.Call(ast.Name(name), [answer], [])) if name in defined:
            names = {n.id for n in ast.walk(answer) if isinstance(n, ast.Name)}
            lines = source.splitlines()[: last.lineno - 1]
            code = "\n".join(lines).rstrip()
            return Check(name, ast.unparse(answer), tuple(sorted(names)), code)
    raise AssignmentError(
        f"{exercise.name}: its check must end with a line that calls the check which "
        "it defines, as check_size(needed)"
    )


# ---- cells for otter-grader ----------------------------------------------------------


@dataclass
class Master:
    """The notebook in the making.

    Parameters
    ----------
    cells
        Its cells.
    chapter
        The code that students have: of the chapter, and of starters and checks.
    solved
        The code of the solutions.
    """

    cells: Cells = field(default_factory=list)
    chapter: list[Step] = field(default_factory=list)
    solved: list[Step] = field(default_factory=list)

    def add(self, kind: str, source: str, **metadata: Any) -> None:
        """Add a cell."""
        cell: Cell = {
            "cell_type": kind,
            "id": f"assignment-{len(self.cells)}",
            "metadata": metadata,
            "source": source,
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        self.cells.append(cell)

    def take(self, cells: Iterable[Cell]) -> None:
        """Add cells as they are."""
        self.cells += cells

    def say(self, what: str, settings: dict[str, Any] | None = None) -> None:
        """Add a cell for otter-grader, which begins or ends something."""
        said = yaml.safe_dump(settings, sort_keys=False) if settings else ""
        self.add("raw", f"# {what}\n{said}".strip())

    def leave(self, cell: Cell) -> None:
        """Add a cell that belongs to no exercise."""
        self.take([cell])
        self.chapter += steps([cell])

    def checked(self, exercise: Exercise) -> None:
        """Add an exercise that its check grades."""
        check, text = check_of(exercise), solution_text(exercise)
        names, own = set(check.names), [*steps(exercise.shown)]
        if not any(names & each.binds for each in own):
            raise AssignmentError(
                f"{exercise.name}: its solution gives {' and '.join(check.names)} no "
                "value, so the check of its solution cannot be right"
            )
        given = [each for each in steps(exercise.starter) if not names & each.binds]
        self.chapter += [*steps(exercise.text), *given]
        self.solved += [*given, *own]
        answer = needed(self.solved, names)
        chapter = needed(self.chapter, _names(check.code))
        self.chapter += steps_of(check.code)
        # The check is in the notebook already, and calls nothing of otter-grader.
        self._begin(exercise, POINTS, check_cell=False)
        self.take(exercise.text)
        self.say("BEGIN SOLUTION")
        self.add("code", answer_cell(exercise, joined(answer)))
        self.add("markdown", text)
        self.say("END SOLUTION")
        self.take(exercise.check)
        self.say("BEGIN TESTS")
        self.add("code", public_test(check))
        self.add("code", hidden_test(check, joined(chapter)))
        self.say("END TESTS")
        self.say("END QUESTION")

    def by_hand(self, exercise: Exercise) -> None:
        """Add an exercise that a reader of its answer grades."""
        text = solution_text(exercise)
        self.chapter += steps(exercise.text)
        self.solved += steps(exercise.shown)
        points = len(re.findall(r"^- ", text.partition(RUBRIC)[2], re.MULTILINE))
        if not points:
            raise AssignmentError(
                f"{exercise.name} cannot be graded: there is no check, and its "
                f"solution has no list that begins with {RUBRIC}**"
            )
        self._begin(exercise, points, manual=True)
        self.take(exercise.text)
        self.say("BEGIN PROMPT")
        self.take(exercise.starter)
        self.add("markdown", ANSWER)
        project = any("**Project.**" in cell["source"] for cell in exercise.text)
        if project or "```python" in text:
            self.add("code", CODE)
        self.say("END PROMPT")
        self.say("BEGIN SOLUTION")
        self.add("markdown", text)
        self.say("END SOLUTION")
        self.say("END QUESTION")

    def _begin(self, exercise: Exercise, points: int, **others: Any) -> None:
        name = f"exercise-{exercise.number.replace('.', '-')}"
        self.say("BEGIN QUESTION", {"name": name, "points": points, **others})


def _names(code: str) -> frozenset[str]:
    """Return the names that code takes from around it."""
    found = steps_of(code)
    own = {name for each in found for name in each.binds}
    return frozenset(name for each in found for name in each.needs if name not in own)


def answer_cell(exercise: Exercise, answer: str) -> str:
    """Return a cell that is the starter for students, and the answer for others."""
    starter = exercise.starter[0]["source"]
    quotes = next((each for each in ("'''", '"""') if each not in starter), None)
    if quotes is None:
        raise AssignmentError(
            f"{exercise.name}: its starter has both kinds of triple quotes; use one"
        )
    return (
        f"r{quotes} # BEGIN PROMPT\n{starter}\n{quotes}; # END PROMPT\n"
        f"# BEGIN SOLUTION NO PROMPT\n{answer}\n# END SOLUTION"
    )


def solution_text(exercise: Exercise) -> str:
    """Return a solution as one text, of which otter-grader leaves nothing to students.

    Of a cell with code it would leave an empty one.

    Raises
    ------
    AssignmentError
        If there is no solution.
    """
    if not exercise.solution:
        raise AssignmentError(
            f"{exercise.name} has no solution; is this the notebook for students? Take "
            "the one for instructors"
        )
    return "\n\n".join(_as_text(cell) for cell in exercise.shown)


def _as_text(cell: Cell) -> str:
    source = str(cell["source"])
    return source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"


# ---- tests ---------------------------------------------------------------------------

TEST = '''\
""" # BEGIN TEST CONFIG
points: {points}
hidden: {hidden}
""" # END TEST CONFIG
'''

PUBLIC = """\
def test_check_of_the_notebook(env):
    mark = eval({call!r}, env)
    assert mark, getattr(mark, "said", mark)
"""

HIDDEN = """\
def test_check_defined_anew(env):
    import importlib
    import sys
    answer = eval({answer!r}, env)
    scope = {{"__name__": "__main__"}}
    exec({chapter}, scope)
    used = {{n: sys.modules.pop(n) for n in [*sys.modules]
            if n.partition(".")[0] == "collapse_lib"}}
    try:
        scope["exercises"] = importlib.import_module("collapse_lib.book.exercises")
    finally:
        for name in [*sys.modules]:
            if name.partition(".")[0] == "collapse_lib":
                del sys.modules[name]
        sys.modules.update(used)
    exec({check}, scope)
    mark = scope[{name!r}](answer)
    assert mark.right is True, mark.said
"""


def public_test(check: Check) -> str:
    """Return the test that students see: what the check in their notebook says."""
    call = f"{check.name}({check.answer})"
    return TEST.format(points=0, hidden="false") + PUBLIC.format(call=call)


def hidden_test(check: Check, chapter: str) -> str:
    """Return the test that gives the points.

    Parameters
    ----------
    check
        The check.
    chapter
        The code of the chapter that it needs.
    """
    return TEST.format(points=POINTS, hidden="true") + HIDDEN.format(
        answer=check.answer,
        chapter=_literal(chapter),
        check=_literal(check.code),
        name=check.name,
    )


def _literal(code: str) -> str:
    """Return code as a literal with as many lines as it has."""
    lines = [f"        {line!r}" for line in code.splitlines(keepends=True)]
    return "\n".join(["(", *lines, "    )"]) if lines else "''"


# ---- the whole notebook --------------------------------------------------------------


def settings(setup: str, wheel: str) -> dict[str, Any]:
    """Return the settings of the assignment.

    Parameters
    ----------
    setup
        The cell that fetches the library.
    wheel
        The file of the library beside the notebook; empty if it is fetched.
    """
    found = _WANTED.search(setup)
    return {
        "requirements": re.findall(r'"([^"]*)"', found[1]) if found else [],
        "files": [wheel] if wheel else [],
        # Readers do not have otter-grader, and students are readers.
        "init_cell": False,
        "export_cell": False,
        "generate": True,
        "show_question_points": True,
        "tests": {"ok_format": False},
    }


def assignment(notebook: dict[str, Any], wheel: str = "") -> dict[str, Any]:
    """Return the notebook that ``otter assign`` reads.

    Parameters
    ----------
    notebook
        A notebook for instructors.
    wheel
        The name of the library's file, if it is handed out with the notebook.

    Raises
    ------
    AssignmentError
        If it has no exercises, or one that cannot be graded.
    """
    cells = [_plain(cell) for cell in notebook["cells"]]
    setup = next((c for c in cells if "import collapse_lib" in c["source"]), None)
    if setup is None:
        raise AssignmentError(
            "no cell fetches the library of the book; take a notebook that the site "
            "offers with solutions"
        )
    if wheel:
        setup["source"] = _WHEEL.sub(wheel, setup["source"])
    master, n_exercises = Master(), 0
    master.say("ASSIGNMENT CONFIG", settings(setup["source"], wheel))
    for each in sections(cells):
        if isinstance(each, Exercise):
            n_exercises += 1
            (master.checked if each.check else master.by_hand)(each)
        else:
            master.leave(each)
    if not n_exercises:
        raise AssignmentError("this notebook has no exercises")
    metadata = json.loads(json.dumps(notebook["metadata"]))
    metadata.setdefault("kernelspec", {})["language"] = "python"
    return {
        "cells": master.cells,
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _plain(cell: Cell) -> Cell:
    """Return a copy of a cell, with its text as one and no word on its solutions."""
    source = "".join(cell["source"])
    if cell.get("id") == "travel-about":
        source = source.replace(WHOSE, "")
    return {**cell, "metadata": {**cell["metadata"]}, "source": source}


# ---- files ---------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """Return the notebook in a file.

    Raises
    ------
    AssignmentError
        If there is none.
    """
    try:
        notebook = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise AssignmentError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise AssignmentError(f"{path} is no notebook: it is not JSON") from None
    if not (isinstance(notebook, dict) and notebook.get("nbformat") == 4):
        raise AssignmentError(f"{path} is no notebook of the format 4")
    return notebook


def wheel_near(path: Path, notebook: dict[str, Any]) -> Path | None:
    """Return the file of the library, if it lies beside a notebook or a folder above.

    Raises
    ------
    AssignmentError
        If it does not, and the notebook does not know where else it is.
    """
    text = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    found = _WHEEL.search(text)
    if found is None:
        return None
    for folder in (path.parent, path.parent.parent):
        if (folder / found[2]).is_file():
            return folder / found[2]
    if NOWHERE in found[0]:
        raise AssignmentError(
            f"{path.name} does not know the address of its site, and {found[2]} is "
            f"missing: copy it from the folder notebooks of the site to {path.parent}"
        )
    return None


def write(source: Path, folder: Path) -> Path:
    """Write an assignment into a folder, and the library beside it; return its path.

    Raises
    ------
    AssignmentError
        If no assignment can be made of the notebook, or it would replace it.
    """
    notebook, target = read(source), folder / source.name
    if target.resolve() == source.resolve():
        raise AssignmentError(f"{folder} has the notebook itself; name another folder")
    wheel = wheel_near(source, notebook)
    made = assignment(notebook, wheel.name if wheel else "")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(made, indent=1, ensure_ascii=False), "utf-8")
        if wheel and wheel.parent.resolve() != folder.resolve():
            shutil.copyfile(wheel, folder / wheel.name)
    except OSError as error:
        raise AssignmentError(f"{folder} cannot be written: {error.strerror}") from None
    return target


def main(arguments: list[str]) -> int:
    """Make an assignment, and say what to do with it."""
    if len(arguments) != 2:
        print(
            "usage: python scripts/assignment.py NOTEBOOK FOLDER\n"
            "NOTEBOOK is a chapter's notebook with solutions, FOLDER is for the "
            "assignment",
            file=sys.stderr,
        )
        return 2
    source, folder = map(Path, arguments)
    try:
        made = write(source, folder)
    except AssignmentError as error:
        print(f"assignment.py: {source.name}: {error}", file=sys.stderr)
        return 1
    if NOWHERE in made.read_text("utf-8"):
        print(
            f"{made.name} links to a site without an address; download the notebook "
            "from the site where your students will read it, and its links work",
            file=sys.stderr,
        )
    print(f"{made}; next: otter assign {made} {folder / 'dist'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
