"""Which cells a click runs: no fewer than needed, in the order of the page."""

from __future__ import annotations

import live_plan
import pytest
from live_plan import Cell, needed, plan, read


def page(*codes: str, unseen: set[int] = frozenset()) -> list[Cell]:  # type: ignore[assignment]
    """A page whose cells have the places as ids, none of them run."""
    return [
        Cell(id=at, code=code, done=False, changed=False, unseen=at in unseen)
        for at, code in enumerate(codes)
    ]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["a = 1", "b = 2", "a"], {0, 2}),
        (["a = 1", "a = 2", "a"], {1, 2}),  # the newest
        (["a = 1", "a = a + 1", "a"], {0, 1, 2}),
        (["a = 1", "a += 1", "a"], {0, 1, 2}),
        (["a = []", "a.append(1)", "b = a.copy()", "a"], {0, 1, 3}),
        (["a = {}", "a['x'] = 1", "a"], {0, 1, 2}),
        (["a = f()", "a.x = 1", "a"], {0, 1, 2}),
        (["a = f()", "np.add.at(a, 0, 1)", "a"], {0, 1, 2}),
        (["import os", "os.x = 1", "os"], {0, 2}),  # a module stays what it is
        (["r = default_rng(1)", "x = r.random()", "r.random()"], {0, 1, 2}),
        (["r = c.rng('a')", "r = c.rng('b')", "x = r.f()", "r.f()"], {1, 2, 3}),
        (["def f(): return a", "a = 1", "f()"], {0, 1, 2}),  # as late as it is called
        (["a = 1", "def f(a): return a", "f(2)"], {1, 2}),
        (["a = 1", "[a for a in 'x']"], {1}),
        (["x = 1", "f = lambda t=x: t", "f()"], {0, 1, 2}),
        (["a = 1", "class A:\n    b = a", "A()"], {0, 1, 2}),
        (["for i in range(3): pass", "i"], {0, 1}),
        (["with open('x') as f: pass", "f"], {0, 1}),
        (["a, (b, *c) = 1, (2, 3)", "c"], {0, 1}),
        (["if (n := 3) > 2: pass", "n"], {0, 1}),
        (["a =", "b = 1", "b"], {1, 2}),  # what is no code says nothing
        (["chapter = Chapter()", "chapter.say('x', 1)", "chapter['y']"], {0, 2}),
        (
            ["chapter = Chapter()", "chapter.check('C1', x=1)", "chapter.verdicts()"],
            {0, 1, 2},
        ),
    ],
)
def test_a_cell_needs_what_made_and_changed_its_names(
    codes: list[str], expected: set[int]
) -> None:
    assert needed(codes, len(codes) - 1) == expected


def test_a_cell_is_read_as_it_runs() -> None:
    names = read("y = x\nx = 1\nx.append(2)\nprint(z)")
    assert names.uses == {"x", "print", "z"}
    assert names.makes == {"x", "y"}
    assert names.changes == set()  # its own x only


def test_what_is_done_is_not_repeated() -> None:
    cells = page("a = 1", "b = a", "c = b")
    assert plan(cells, [2]) == ([0, 1, 2], [])
    cells[0]["done"] = cells[1]["done"] = True
    assert plan(cells, [2]) == ([2], [])
    assert plan(cells, [1]) == ([1], [])


def test_what_uses_a_changed_cell_is_out_of_date() -> None:
    cells = page("a = 1", "b = a", "c = b", "d = 0")
    for cell in cells:
        cell["done"] = True
    cells[0]["done"], cells[0]["changed"] = False, True
    assert plan(cells, [0]) == ([0], [1, 2])
    assert plan(cells, [2]) == ([0, 1, 2], [])  # in between, too


def test_a_second_run_begins_with_the_same_random_numbers() -> None:
    cells = page("r = default_rng(1)", "x = r.random()", "y = r.random()", "z = 1")
    for cell in cells:
        cell["done"] = True
    assert plan(cells, [2])[0] == [0, 1, 2]
    assert plan(cells, [3])[0] == [3]


def test_a_second_run_does_not_change_a_thing_twice() -> None:
    cells = page("a = []", "a.append(1)\nprint(a)")
    for cell in cells:
        cell["done"] = True
    assert plan(cells, [1])[0] == [0, 1]


def test_unseen_cells_follow_as_soon_as_they_can() -> None:
    cells = page(
        "chapter = Chapter()",
        "a = 1",
        "chapter.say('a', a)",
        "b = 2",
        "chapter.say('sum', a + b)",
        "chapter.finish()",
        unseen={2, 4, 5},
    )
    assert plan(cells, [1])[0] == [1]  # the number needs the first cell
    cells[0]["done"] = True
    assert plan(cells, [1])[0] == [1, 2]
    cells[1]["done"] = cells[2]["done"] = True
    assert plan(cells, [3])[0] == [3, 4, 5]


def test_users_are_those_below_that_need_a_cell() -> None:
    cells = page("a = 1", "b = 2", "c = a + b", "d = c")
    assert live_plan.users(cells, 1) == [2, 3]
