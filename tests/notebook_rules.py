"""The rules for a chapter's form, checked on its JSON and its syntax tree.

Nothing is executed. Each rule takes a `Page` and yields what is wrong with it,
in words that say where and what to do; `RULES` lists them by name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from inspect import signature
from statistics import median
from typing import Any

import quizzes
from nbval.plugin import find_comment_markers
from notebook_page import FATES, Exercise, Page, caption, fate, parse, tags_of
from plain_markdown import blocks

from collapse_lib import plotting
from collapse_lib.book.display import GLUE
from collapse_lib.book.notebooks import (
    MACHINE_PATH,
    BookError,
    flaws,
    message_only,
    scales_in,
)

#: The most lines of a cell, by what the page does with its code.
MAX_LINES = {"visible": 15, "folded": 35, "removed": 35}
#: Half of a chapter's visible cells are at most so long, and nine in ten.
MEDIAN_LINES, LONG_LINES = 6, 12
MAX_COLUMNS, MAX_BYTES = 88, 700_000
SCALES = {"ci", "laptop", "paper"}
TAGS = {*FATES, "parameters", "photo", "raises-exception", "exercise", "check"}
#: Methods of the chapter that serve the prose and the ledger.
HOUSEKEEPING = {"say", "record", "control", "check", "verdicts", "finish"}
#: Names that only drawing uses, and the scales of the run.
DRAWING = {"plt", "fig", "ax", "axes", "plotting", "SCALE", "SCALES"}
#: The parts of a chapter, in order; each is a section with the label sec-NN-part.
PARTS = (
    *("scope", "example", "theory", "simulation", "figure", "robustness"),
    *("paper", "quiz", "exercises", "summary", "reading"),
)
#: A place for a number that the chapter says, with the number's name.
GLUED = re.compile(r"\{glue:\w*\}`([^`:]+)[^`]*`")
#: Titles that say where one is in the pattern, and not what was found.
EMPTY_TITLES = {"Smallest example", "Theory", "Simulation", "The figure", "Robustness"}


# --- the rules ----------------------------------------------------------------


def executed_in_order(page: Page) -> Iterator[str]:
    counts = [cell["execution_count"] for cell in page.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1, 2, 3 ...; run `make notebooks`"


def figures_are_described(page: Page) -> Iterator[str]:
    for name, cell in page.numbered:
        kinds = {kind for out in cell["outputs"] for kind in out.get("data", {})}
        if not any(kind.startswith("image/") for kind in kinds):
            continue
        meta = cell["metadata"].get("mystnb", {})
        figure, alt = meta.get("figure", {}), meta.get("image", {}).get("alt", "")
        if not figure.get("name", "").startswith(f"fig-{page.number}-"):
            yield f"{name}: mystnb.figure.name must begin with fig-{page.number}-"
        if not figure.get("caption", "").strip():
            yield f"{name}: mystnb.figure.caption must say what the figure shows"
        if not alt.strip() or alt.strip() == figure.get("caption", "").strip():
            yield f"{name}: mystnb.image.alt must say what is drawn, not the caption"


def no_trailing_semicolon(page: Page) -> Iterator[str]:
    for name, cell in page.numbered:
        if cell["source"].rstrip().endswith(";"):
            yield f"{name}: ends in `;`; end it in plt.show() or an assignment"


def cells_are_short(page: Page) -> Iterator[str]:
    visible = []
    for name, cell in page.numbered:
        lines = cell["source"].splitlines()
        if fate(cell) == "visible":
            visible.append(len(lines))
        if len(lines) > (most := MAX_LINES[fate(cell)]):
            yield f"{name}: {len(lines)} lines; at most {most}"
        if (widest := max(map(len, lines))) > MAX_COLUMNS:
            yield f"{name}: {widest} columns; at most {MAX_COLUMNS}"
    if visible and (middle := median(visible)) > MEDIAN_LINES:
        yield f"half of the visible cells have {middle:g} lines or more; cut some"
    long = sum(n > LONG_LINES for n in visible)
    if 10 * long > len(visible):
        yield f"{long} of {len(visible)} visible cells are longer than {LONG_LINES}"


def the_page_shows_the_science(page: Page) -> Iterator[str]:
    """What serves the run, the prose or the looks is folded or removed."""
    for name, cell in page.numbered:
        tree = parse(cell["source"])
        if fate(cell) == "visible" and tree is not None:
            for line in sorted(set(_not_science(tree))):
                yield (
                    f"{name}: line {line} is no science; put it into a cell of its own "
                    "with the tag hide-input or remove-cell"
                )


def _not_science(tree: ast.Module) -> Iterator[int]:
    """Yield the lines that import, draw, name a scale or talk to the chapter."""
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node.lineno
            case ast.Name(id=name) if name in DRAWING:
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="book"), attr="Chapter"):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="chapter"), attr=method):
                if method in HOUSEKEEPING:
                    yield node.lineno


def nothing_shown_is_removed(page: Page) -> Iterator[str]:
    """A cell that is removed as a whole takes its figure or table with it."""
    for name, cell in page.numbered:
        kinds = {kind for out in cell["outputs"] for kind in out.get("data", {})}
        lost = {kind for kind in kinds - {"text/plain"} if not kind.startswith(GLUE)}
        if "remove-cell" in tags_of(cell) and lost:
            yield f"{name}: remove-cell hides its output; use remove-input"


def code_is_plain_python(page: Page) -> Iterator[str]:
    for name, cell in page.numbered:
        if parse(cell["source"]) is None:
            yield f"{name}: is not Python; no `!pip`, no `%` line, no `?`"


def warnings_are_heard(page: Page) -> Iterator[str]:
    for name, tree in page.trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _silences_everything(node):
                yield f"{name}: silences every warning; name the message or category"


def _silences_everything(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in {"filterwarnings", "simplefilter", "catch_warnings"}:
        return False
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    action = call.args[0] if call.args else named.get("action")
    narrowed = len(call.args) > 1 or named.keys() & {"message", "category", "module"}
    ignores = isinstance(action, ast.Constant) and action.value == "ignore"
    return ignores and not narrowed


def nothing_of_one_machine(page: Page) -> Iterator[str]:
    """Neither a path nor a warning, in what is written and in what is shown."""
    for i, cell in enumerate(page.notebook["cells"], start=1):
        if match := MACHINE_PATH.search(cell["source"]):
            near = cell["source"][match.start() : match.end() + 30].splitlines()[0]
            yield f"cell {i}: `{near}` is a path of one machine; use a relative one"
    for name, cell in page.numbered:
        for output in cell["outputs"]:
            yield from (f"{name}: {flaw}" for flaw in flaws(output))


def sections_in_order(page: Page) -> Iterator[str]:
    if len(re.findall(r"^# ", page.prose, re.M)) != 1:
        yield "there must be one level-1 heading, the title"
    if not re.search(r"\{admonition\} At a glance\s*$", page.prose, re.M):
        yield "there is no admonition with the title `At a glance`"
    label = rf"^\(sec-{page.number}-(\w+)\)=\n## +\S"
    left = re.findall(label, page.prose, re.M)
    for part in PARTS:
        if part in left:
            left = left[left.index(part) + 1 :]
        else:
            yield f"no section `(sec-{page.number}-{part})=` where the pattern has it"


def titles_say_what_was_found(page: Page) -> Iterator[str]:
    for title in re.findall(r"^## +(.*?) *$", page.prose, re.M):
        if title in EMPTY_TITLES:
            yield f"the title `{title}` says nothing; say what the section finds"


def prose_between_code(page: Page) -> Iterator[str]:
    run = 0
    for cell in page.notebook["cells"]:
        if cell["cell_type"] == "code" and cell["source"].strip():
            run += fate(cell) == "visible"
        elif cell["cell_type"] == "markdown" and cell["source"].strip():
            run = 0
        if run == 3:
            first = cell["source"].strip().splitlines()[0][:50]
            yield f"`{first}` is the third visible cell in a row; put prose between"
            run = 0


def every_line_is_shown(page: Page) -> Iterator[str]:
    """A line of text that begins with a per cent sign is a comment to the page."""
    for cell in page.notebook["cells"]:
        if cell["cell_type"] != "markdown":
            continue
        for line in cell["source"].splitlines():
            if line.lstrip().startswith("% "):
                yield f"`{line[:50]}` is not shown; begin it with another word than %"


def scale_is_a_parameter(page: Page) -> Iterator[str]:
    tagged = [c for c in page.code if "parameters" in tags_of(c)]
    sources = [cell["source"].strip() for cell in tagged]
    if sources != ['SCALE = "ci"']:
        yield f'one cell tagged `parameters` must be `SCALE = "ci"`; got {sources}'


def scales_are_literal(page: Page) -> Iterator[str]:
    try:
        scales = scales_in(page.notebook)
    except ValueError as error:
        yield str(error)
        return
    if set(scales) != SCALES:
        yield f"SCALES has {sorted(scales)}; it needs {sorted(SCALES)}"
    if len({frozenset(config) for config in scales.values()}) > 1:
        yield "the configurations in SCALES do not have the same keys"


def errors_are_expected(page: Page) -> Iterator[str]:
    for name, cell in page.numbered:
        for output in cell["outputs"]:
            if output["output_type"] != "error":
                continue
            if "raises-exception" not in tags_of(cell):
                yield f"{name}: its output is {output['ename']}"
            elif output["traceback"] != message_only(output):
                yield f"{name}: stores more of {output['ename']} than its message"


def file_is_small(page: Page) -> Iterator[str]:
    if (size := len(page.text.encode())) > MAX_BYTES:
        yield f"{size:,} bytes; at most {MAX_BYTES:,} (smaller or fewer figures)"


def exercises_have_solutions(page: Page) -> Iterator[str]:
    exercises = [each.label for each in page.exercises]
    solutions = re.findall(r"\{solution(?:-start)?\} *(\S+)\n:class: *(.*)", page.prose)
    if sorted(exercises) != sorted(label for label, _ in solutions):
        solved = [label for label, _ in solutions]
        yield f"the exercises are {exercises}, but `:class:`ed solutions {solved}"
    for label, classes in solutions:
        if "dropdown" not in classes.split():
            yield f"the solution of {label} is not folded; add `:class: dropdown`"
    starts, ends = (page.prose.count(f"{{solution-{end}}}") for end in ("start", "end"))
    if starts != ends:
        yield f"{starts} {{solution-start}}, but {ends} {{solution-end}}"


#: What an exercise asks for, as its text begins.
KINDS = ("Compute", "Change", "Think", "Prove", "Project")
#: Kinds whose answer a check can judge; the others are judged by a list of points.
CHECKED = ("Compute", "Change")


def exercises_can_be_set(page: Page) -> Iterator[str]:
    """An exercise says what it asks for, gives hints, and judges the answer."""
    if len(page.exercises) < 5:
        yield f"{len(page.exercises)} exercises; a chapter has five, of five kinds"
    kinds = [exercise.kind for exercise in page.exercises]
    for kind in {"Compute", "Change", "Think"} - set(kinds):
        yield f"no exercise begins with **{kind}.**"
    for exercise in page.exercises:
        where = f"exercise {exercise.label}"
        if exercise.kind not in KINDS:
            yield f"{where}: begin it with **{'.**, **'.join(KINDS)}.**"
        if len(exercise.hints) != 2:
            yield f"{where}: {len(exercise.hints)} {{hint}}s follow it; give two"
        if any("dropdown" not in hint for hint in exercise.hints):
            yield f"{where}: a hint is not folded; add `:class: dropdown`"
        if exercise.kind in CHECKED:
            yield from _judged_by_a_check(where, exercise)
        elif "**A good answer" not in exercise.solution_text:
            yield f"{where}: its solution has no list `**A good answer** ...`"


def _judged_by_a_check(where: str, exercise: Exercise) -> Iterator[str]:
    starter, check = exercise.tagged("exercise"), exercise.tagged("check")
    if len(starter) != 1 or "..." not in starter[0]["source"]:
        yield f"{where}: one cell with the tag `exercise` holds three dots to replace"
    if len(check) != 1 or "hide-input" not in tags_of(check[0]):
        yield f"{where}: one cell with the tags `check` and `hide-input` judges it"
        return
    if "No answer yet" not in _shown(check[0]):
        yield f"{where}: its check must be asked about the starter, in its last line"
    solved = "".join(map(_shown, exercise.solution_code))
    if "✓ Right." not in solved:
        yield f"{where}: no cell of its solution shows that the check accepts it"
    if not any(".refuses(" in cell["source"] for cell in exercise.solution_code):
        yield f"{where}: show three wrong answers to its check, `check_....refuses(`"
    for node in ast.walk(ast.parse(check[0]["source"])):
        if isinstance(node, ast.Assert) and node.msg is None:
            yield f"{where}: an assert of its check has no message"


def _shown(cell: Any) -> str:
    data = [output.get("data", {}) for output in cell["outputs"]]
    return "".join(each.get("text/plain", "") for each in data)


def questions_can_be_answered(page: Page) -> Iterator[str]:
    """Five questions, each with answers that say why they are right or wrong."""
    asked = [block for block in blocks(page.prose) if block.name == "quiz"]
    if len(asked) != 5:
        yield f"{len(asked)} {{quiz}} questions; a chapter has five"
    for block in asked:
        if not block.label.startswith(f"quiz-{page.number}-"):
            yield f"the quiz `{block.argument[:40]}`: label it quiz-{page.number}-..."
        try:
            quizzes.question(block.label, block.argument, block.body)
        except BookError as error:
            yield str(error)


def the_reader_knows_what_she_will_be_able_to_do(page: Page) -> Iterator[str]:
    if not re.search(r"^\*\*Afterwards you can\*\* ", page.prose, re.M):
        yield "the box `At a glance` does not say what `**Afterwards you can** ...`"


def references_resolve(page: Page) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.prose):
        if re.match(r"[a-z]+:", target):
            continue  # an address outside the book
        path, _, anchor = target.partition("#")
        if not path and anchor.lower() not in page.labels:
            yield f"the link #{anchor} names no label of the book"
        if path and not _exists(page, path):
            yield f"the link {target} names no file"
    for role, text in re.findall(r"\{([\w:]+)\}`([^`]+)`", page.prose):
        target = re.sub(r"^.*<(.*)>$", r"\1", text).strip()
        if role in {"ref", "numref", "eq", "prf:ref"}:
            if target.lower() not in page.labels:
                yield f"{{{role}}}`{text}` names no label of the book"
        elif role == "doc" and not _exists(page, target):
            yield f"{{doc}}`{text}` names no page"
        elif role.startswith("cite"):
            for key in text.split(","):
                if key.strip() not in page.sources:
                    yield f"{{{role}}}`{text}`: {key.strip()} is not in references.bib"


def _exists(page: Page, target: str) -> bool:
    """Tell whether a link leads to a file; one from `/` starts at the book's root."""
    start = page.folder.parent if target.startswith("/") else page.folder
    path = start / target.lstrip("/")
    names = [path.name + suffix for suffix in ("", ".md", ".ipynb")]
    return any(path.with_name(name).exists() for name in names)


def captions_state_known_numbers(page: Page) -> Iterator[str]:
    """A number typed into a caption stands in the code; a result would go stale."""
    known: set[float] = set()
    for name, cell in page.numbered:
        if tree := parse(cell["source"]):
            known |= _constants(tree)
        for number in _numbers(GLUED.sub("", caption(cell))):
            if not known & {number, number / 100}:
                yield (
                    f"{name}: the caption states {number:g}, which the code up to here "
                    "does not; if it is a result, say it and put {glue:text}`its_name` "
                    "into the caption"
                )


def _constants(tree: ast.Module) -> set[float]:
    """Return the numbers that code states, also in its texts; signs are left out."""
    found: set[float] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as number):
                found.add(float(number))
            case ast.Constant(value=str() as text):
                found |= _numbers(text)
            case ast.Attribute(attr="band"):
                found |= set(signature(plotting.band).parameters["q"].default)
    # What lies between two quantiles, as 90 % between 0.05 and 0.95.
    return found | {round(1 - 2 * q, 6) for q in found if q < 0.5 and 1 - q in found}


def _numbers(text: str) -> set[float]:
    plain = text.replace("{,}", ",")  # as mathematics groups digits
    found = re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", plain)
    return {float(number.replace(",", "")) for number in found}


def what_is_said_is_shown(page: Page) -> Iterator[str]:
    """What no text shows is either left over, or somebody typed it there."""
    shown = set(GLUED.findall(page.prose + "".join(map(caption, page.code))))
    for name, tree in page.trees:
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="chapter"), attr="say"),
                    args=[ast.Constant(value=str() as key), *_],
                ) if key not in shown:
                    yield (
                        f"{name}: says {key}, which no text shows; put "
                        f"{{glue:text}}`{key}` where its number stands, or use "
                        "chapter.record"
                    )


def glued_numbers_exist(page: Page) -> Iterator[str]:
    outputs = [output for cell in page.code for output in cell["outputs"]]
    books = [output.get("metadata", {}).get("scrapbook", {}) for output in outputs]
    glued = {book.get("name") for book in books}
    for key in GLUED.findall(page.prose + "".join(map(caption, page.code))):
        if key not in glued:
            yield f"no cell says `{key}`, which the prose shows by {{glue:text}}"


def tags_are_known(page: Page) -> Iterator[str]:
    """A mistyped tag does nothing; one of nbval's would switch off a comparison."""
    for name, cell in page.numbered:
        if len(fates := sorted(FATES.keys() & set(tags_of(cell)))) > 1:
            yield f"{name}: {' and '.join(fates)}; one of them decides"
        for tag in tags_of(cell):
            if tag not in TAGS:
                yield f"{name}: the tag {tag!r}; known are {', '.join(sorted(TAGS))}"
        if any(find_comment_markers(cell["source"])):
            yield f"{name}: a comment switches off the comparison of its output"


Rule = Callable[[Page], Iterator[str]]
RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        executed_in_order,
        figures_are_described,
        no_trailing_semicolon,
        cells_are_short,
        the_page_shows_the_science,
        nothing_shown_is_removed,
        code_is_plain_python,
        warnings_are_heard,
        nothing_of_one_machine,
        sections_in_order,
        titles_say_what_was_found,
        prose_between_code,
        every_line_is_shown,
        scale_is_a_parameter,
        scales_are_literal,
        errors_are_expected,
        file_is_small,
        exercises_have_solutions,
        exercises_can_be_set,
        questions_can_be_answered,
        the_reader_knows_what_she_will_be_able_to_do,
        references_resolve,
        captions_state_known_numbers,
        what_is_said_is_shown,
        glued_numbers_exist,
        tags_are_known,
    )
}


def problems(page: Page) -> dict[str, list[str]]:
    """Return what each rule finds wrong, for the rules that find something."""
    found = {name: list(rule(page)) for name, rule in RULES.items()}
    return {name: wrong for name, wrong in found.items() if wrong}
