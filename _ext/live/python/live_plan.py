"""Which cells a cell needs, so that a click runs those and no others.

Names are read off the code: a cell needs the cells that made the names it uses, and
those that changed them since. In doubt it needs one more, which costs time only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypedDict

#: Calls that make a source of random numbers, which changes whenever it is used.
GENERATORS = frozenset({"rng", "default_rng", "spawn", "Generator"})
#: Methods of other things that change their first argument.
CHANGERS = frozenset(
    {"at", "copyto", "put", "shuffle", "put_along_axis", "fill_diagonal"}
)
#: The object that ties a chapter together. Cells that say a number or check a claim
#: change nothing for those after them, except for cells that read it all.
COMPANION = "chapter"
RECORDS = frozenset({"say", "check", "control", "record"})
READS = frozenset({"numbers", "verdicts", "finish"})

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Cell(TypedDict):
    """A cell as the page describes it."""

    id: int
    code: str
    #: Whether what its last run made still holds.
    done: bool
    #: Whether its code is another than at its last run, or than the published one.
    changed: bool
    #: Whether the page leaves it out, or shows its output only.
    unseen: bool


@dataclass
class Names:
    """What one cell does to the names of the page."""

    uses: set[str] = field(default_factory=set)
    makes: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    #: Names of what it imports.
    imports: set[str] = field(default_factory=set)
    #: Names of random generators that it makes.
    random: set[str] = field(default_factory=set)
    #: Names that its functions use when they are called, by this cell or a later one.
    deferred: set[str] = field(default_factory=set)
    #: Whether it says or checks something, and whether it reads what was said.
    records: bool = False
    reads: bool = False


class _Reader(ast.NodeVisitor):
    """Walk through a cell in the order in which it runs."""

    def __init__(self) -> None:
        self.names = Names()
        self.local: list[set[str]] = []  # names of the functions we are in
        self.functions = 0

    def visit_Name(self, node: ast.Name) -> None:
        if any(node.id in names for names in self.local):
            return
        if not isinstance(node.ctx, ast.Load):
            if not self.local:
                self.names.makes.add(node.id)
            return
        if node.id not in self.names.makes:
            self.names.uses.add(node.id)
        if self.functions:
            self.names.deferred.add(node.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name in node.names:
            self.names.imports.add(name.asname or name.name.partition(".")[0])
        self.names.makes |= self.names.imports

    visit_ImportFrom = visit_Import

    def visit_FunctionDef(self, node: Function) -> None:
        if not isinstance(node, ast.Lambda):
            for decorator in node.decorator_list:
                self.visit(decorator)
            if not self.local:
                self.names.makes.add(node.name)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self.local.append({*_arguments(node), *_stored(node)})
        self.functions += 1
        for part in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(part)
        self.functions -= 1
        self.local.pop()

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self.names.makes.add(node.name)
        self.local.append(set(_stored(node)))
        for statement in node.body:
            self.visit(statement)
        self.local.pop()

    def _comprehension(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        targets = (each.target for each in node.generators)
        self.local.append({name for target in targets for name in _stored(target)})
        self.generic_visit(node)
        self.local.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = (
        _comprehension
    )

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
            if _makes_generator(node.value):
                self.names.random.update(_stored(target))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id not in self.names.makes:
            self.names.uses.add(node.target.id)
        self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        for part in (node.iter, node.target, *node.body, *node.orelse):
            self.visit(part)

    def visit_Attribute(self, node: ast.Subscript | ast.Attribute) -> None:
        name = _base(node)
        if not isinstance(node.ctx, ast.Load):
            self._change(name)
        if name == COMPANION and isinstance(node, ast.Attribute):
            self.names.reads |= node.attr in READS
            self.names.records |= node.attr in RECORDS
        self.generic_visit(node)

    visit_Subscript = visit_Attribute

    def visit_Expr(self, node: ast.Expr) -> None:
        """Read a call whose value nobody takes: it is made for its effect."""
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            self._change(_base(call.func))
            if call.func.attr in CHANGERS and call.args:
                self._change(_base(call.args[0]))
        self.generic_visit(node)

    def _change(self, name: str | None) -> None:
        if name and name != COMPANION and name not in self.names.makes:
            self.names.changes.add(name)


def _arguments(node: ast.AST) -> Iterator[str]:
    return (part.arg for part in ast.walk(node) if isinstance(part, ast.arg))


def _stored(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            yield part.id


def _base(node: ast.AST) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _makes_generator(value: ast.expr) -> bool:
    for part in ast.walk(value):
        if isinstance(part, ast.Call):
            called = part.func
            name = called.attr if isinstance(called, ast.Attribute) else _base(called)
            if name in GENERATORS:
                return True
    return False


@cache
def read(code: str) -> Names:
    """Return what a cell makes, uses and changes; of code that is wrong, nothing."""
    reader = _Reader()
    try:
        reader.visit(ast.parse(code))
    except SyntaxError:
        return Names()
    return reader.names


def needed(codes: Sequence[str], wanted: int) -> set[int]:
    """Return the places of the cells that the wanted one needs, and its own.

    Parameters
    ----------
    codes
        The code of each cell, in the order of the page.
    wanted
        The place of a cell.
    """
    cells = [read(code) for code in codes]
    found: set[int] = set()
    # A name, and the cell before whose run it has to have its value.
    todo: list[tuple[str, int]] = []
    asked: set[tuple[str, int]] = set()

    def take(places: Sequence[int], before: int) -> None:
        for at in places:
            cell = cells[at]
            if at not in found:
                found.add(at)
                todo.extend((name, at) for name in cell.uses | cell.changes)
                if cell.reads:
                    take([i for i in range(at) if cells[i].records], at)
            todo.extend((name, before) for name in cell.deferred)

    take([wanted], wanted)
    while todo:
        name, before = asking = todo.pop()
        if asking not in asked:
            asked.add(asking)
            take(_makers(cells, name, before), before)
    return found


def _makers(cells: Sequence[Names], name: str, before: int) -> list[int]:
    """Return the cell that made a name, and those that changed it since."""
    made = [at for at in range(before) if name in cells[at].makes]
    if not made:
        return []
    maker = made[-1]
    if name == COMPANION or name in cells[maker].imports:
        return [maker]
    moves = name in cells[maker].random
    later = range(maker + 1, before)
    return [
        maker,
        *(at for at in later if name in cells[at].changes),
        *(at for at in later if moves and name in cells[at].uses),
    ]


def again(codes: Sequence[str], at: int) -> set[int]:
    """Return the cells to run before a cell that is run for a second time.

    It may change what it uses, as a generator of random numbers: those that made that
    are then needed once more, or its second run would show something else.
    """
    cells = [read(code) for code in codes]
    moved = set(cells[at].changes)
    for name in cells[at].uses:
        makers = _makers(cells, name, at)
        if makers and name in cells[makers[0]].random:
            moved.add(name)
    return {maker for name in moved for maker in _makers(cells, name, at)}


def plan(cells: Sequence[Cell], wanted: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the cells to run, in order, and those whose outputs are then out of date.

    Parameters
    ----------
    cells
        Every cell of the page.
    wanted
        The ids of those that the reader asked for.

    Returns
    -------
    order
        Ids. Unseen cells are run as soon as all they need has been: they say the
        numbers of the prose.
    stale
        Ids of cells that use what has changed and are not run now.
    """
    codes = [cell["code"] for cell in cells]
    needs = [needed(codes, at) for at in range(len(cells))]
    place = {cell["id"]: at for at, cell in enumerate(cells)}
    order: set[int] = set()
    for at in sorted(place[one] for one in wanted):
        order |= _run_of(cells, codes, needs, at, order)
    _add_unseen(cells, needs, order)
    changed = {at for at in order if cells[at]["changed"]}
    stale = [at for at in range(len(cells)) if needs[at] & changed and at not in order]
    return [cells[at]["id"] for at in sorted(order)], [cells[at]["id"] for at in stale]


def _run_of(
    cells: Sequence[Cell],
    codes: Sequence[str],
    needs: Sequence[set[int]],
    at: int,
    before: set[int],
) -> set[int]:
    """Return the cells to run for one, where others are to be run anyway."""
    run = {at} | {i for i in needs[at] if not cells[i]["done"]}
    if cells[at]["done"]:
        run |= again(codes, at)
    for other in sorted(needs[at]):  # what is made anew is used anew
        if needs[other] & (run | before) - {other}:
            run.add(other)
    return run


def _add_unseen(
    cells: Sequence[Cell], needs: Sequence[set[int]], order: set[int]
) -> None:
    for at, cell in enumerate(cells):
        if not cell["unseen"] or at in order or not needs[at] & order:
            continue
        seen = {i for i in needs[at] if not cells[i]["unseen"]}
        if all(i in order or cells[i]["done"] for i in seen):
            order |= {i for i in needs[at] if i == at or not cells[i]["done"]}


def users(cells: Sequence[Cell], changed: int) -> list[int]:
    """Return the ids of the cells that use what one has made."""
    codes = [cell["code"] for cell in cells]
    place = next(at for at, cell in enumerate(cells) if cell["id"] == changed)
    return [
        cell["id"]
        for at, cell in enumerate(cells)
        if at > place and place in needed(codes, at)
    ]
