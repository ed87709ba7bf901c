"""What a class with a bag of marbles, or with a die, has to expect, by the exact law.

``{unplugged}`` is a table for a game in which each round is drawn, with replacement,
from the draws of the round before. It stands beside the same game with some draws of
every round from a bag that never changes. Options say what is played::

    ```{unplugged}
    :start: 5 5
    :kind: colour
    :first: yellow
    :real: 1
    :groups: 4
    :rounds: 1 3 6 10 20
    :show: gone pool
    ```

``start`` is how many of each kind the first bag holds, and a round has as many draws.
``show`` names the columns, see `COLUMNS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from directives import BookDirective, table
from docutils import nodes
from docutils.parsers.rst import directives
from numpy.typing import NDArray
from sphinx.application import Sphinx

from collapse_lib.book.notebooks import BookError
from collapse_lib.theory import discrete

Array = NDArray[np.float64]

#: What a class can do in one lesson, generously.
MOST_DRAWS = 100
MOST_ROUNDS = 1_000
NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Game:
    """A bag that is filled, round after round, with what was drawn from it.

    Parameters
    ----------
    start
        How many of each kind the first bag holds; a round has as many draws in all.
    real
        Draws of every round that come from a bag like the first one.

    Raises
    ------
    BookError
        If there are no two kinds, too many draws, or none left for the copies.
    """

    start: tuple[int, ...]
    real: int = 0

    def __post_init__(self) -> None:
        """Refuse a game that nobody can play."""
        if len(self.start) < 2 or min(self.start) < 1:
            raise BookError(
                f"start is {self.start}; it needs two kinds or more, each at least once"
            )
        if self.draws > MOST_DRAWS:
            raise BookError(f"start has {self.draws} in all; at most {MOST_DRAWS}")
        if not 0 <= self.real < self.draws:
            raise BookError(
                f"real is {self.real}; of {self.draws} draws it takes 0 to "
                f"{self.draws - 1}"
            )

    @property
    def draws(self) -> int:
        """The draws of a round."""
        return sum(self.start)

    @property
    def shares(self) -> list[float]:
        """The share of each kind at the start."""
        return [count / self.draws for count in self.start]

    def law(self, share: float, rounds: int) -> Array:
        """Return how likely each count of a kind is, one row for each round from 1."""
        if not self.real:
            return discrete.share_law(share, self.draws, rounds - 1)
        before = np.arange(self.draws + 1) / self.draws
        copied = discrete.binomial_law(before, self.draws - self.real)
        new = discrete.binomial_law(share, self.real)
        moves = np.array([np.convolve(row, new) for row in copied])
        laws = [discrete.binomial_law(share, self.draws)]
        for _ in range(rounds - 1):
            laws.append(laws[-1] @ moves)
        return np.array(laws)

    def gone(self, rounds: int) -> Array:
        """Return the chance that all draws of a round are of one kind."""
        alone = np.array([self.law(q, rounds)[:, -1] for q in self.shares])
        return np.asarray(alone.sum(axis=0))

    def left(self, rounds: int) -> Array:
        """Return the mean number of kinds among the draws of a round."""
        missed = np.array([self.law(q, rounds)[:, 0] for q in self.shares])
        return np.asarray((1 - missed).sum(axis=0))

    def first(self, rounds: int) -> tuple[Array, Array]:
        """Return mean and standard deviation of the count of the first kind."""
        law, counts = self.law(self.shares[0], rounds), np.arange(self.draws + 1)
        mean = law @ counts
        return mean, np.sqrt(law @ counts**2 - mean**2)


@dataclass(frozen=True)
class Asked:
    """What the options of a directive say.

    Raises
    ------
    BookError
        If a round or a column is missing or unknown.
    """

    copies: Game
    control: Game
    kind: str
    first: str
    groups: int
    rounds: tuple[int, ...]
    show: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what no table can show."""
        if not self.rounds or not 1 <= min(self.rounds) <= max(self.rounds):
            raise BookError(f"rounds is {self.rounds}; it needs rounds from 1 on")
        if max(self.rounds) > MOST_ROUNDS:
            raise BookError(f"rounds go to {max(self.rounds)}; at most {MOST_ROUNDS}")
        unknown = [name for name in self.show if name not in COLUMNS]
        if unknown or not self.show:
            raise BookError(f"show is {self.show}; there are {', '.join(COLUMNS)}")
        if not self.control.real:
            raise BookError("real is 0; the control needs a draw from the real bag")


def asked(options: Mapping[str, Any]) -> Asked:
    """Return what the options of a directive say.

    Raises
    ------
    BookError
        If ``start`` or ``real`` is missing, or an option is out of range.
    """
    for name in ("start", "real"):
        if name not in options:
            raise BookError(f"the option :{name}: is missing")
    start = _whole("start", options["start"])
    return Asked(
        Game(start),
        Game(start, options["real"]),
        options.get("kind", "colour"),
        options.get("first", "the first"),
        options.get("groups", 8),
        _whole("rounds", options.get("rounds", "1 3 6 10 20")),
        tuple(options.get("show", "gone").split()),
    )


def _whole(name: str, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split())
    except ValueError:
        raise BookError(f"{name} is {text!r}; it needs whole numbers") from None


# ---- columns -------------------------------------------------------------------------


def percent(chance: float) -> str:
    """Return a chance in whole per cent; what is possible is never 0 and never 100."""
    if 0 < chance < 0.005:
        return f"less than 1{NBSP}%"
    if 0.995 <= chance < 1:
        return f"more than 99{NBSP}%"
    return f"{100 * chance:.0f}{NBSP}%"


def _gone(game: Game, of: Asked) -> list[str]:
    return [percent(chance) for chance in game.gone(max(of.rounds))]


def _left(game: Game, of: Asked) -> list[str]:
    return [f"{kinds:.1f}" for kinds in game.left(max(of.rounds))]


def _pool(game: Game, of: Asked) -> list[str]:
    mean, spread = game.first(max(of.rounds))
    error = spread / math.sqrt(of.groups)
    return [f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, error, strict=True)]


#: Name -> the title of a column, and its cells from round 1 on.
COLUMNS: dict[str, tuple[str, Callable[[Game, Asked], list[str]]]] = {
    "gone": ("only one {kind} left", _gone),
    "left": ("{kind}s left, mean", _left),
    "pool": ("{first}, mean of {groups} groups", _pool),
}


def lay_out(of: Asked) -> tuple[list[str], list[list[str]]]:
    """Return the titles and the rows of a table."""
    heads, columns = ["Round"], [[f"{r}" for r in of.rounds]]
    words = {"kind": of.kind, "first": of.first, "groups": of.groups}
    for name in of.show:
        title, cells = COLUMNS[name]
        for game, who in ((of.copies, "Copies"), (of.control, "Control")):
            column = cells(game, of)
            heads.append(f"{who}: {title.format(**words)}")
            columns.append([column[r - 1] for r in of.rounds])
    return heads, [list(row) for row in zip(*columns, strict=True)]


def sentence(of: Asked) -> str:
    """Return when the copies have come to one kind, on average."""
    time = discrete.collapse_time(of.copies.shares, of.copies.draws)
    return (
        f"With copies alone, one {of.kind} is left after {time:.0f} rounds on average."
    )


class Unplugged(BookDirective):
    """The table, and a sentence below it."""

    option_spec: ClassVar[dict[str, Any]] = {
        "start": directives.unchanged_required,
        "kind": directives.unchanged_required,
        "first": directives.unchanged_required,
        "real": directives.nonnegative_int,
        "groups": directives.positive_int,
        "rounds": directives.unchanged_required,
        "show": directives.unchanged_required,
    }

    def sources(self) -> list[Path]:
        """Return no file: it reads none."""
        return []

    def show(self) -> list[nodes.Node]:
        """Return the table and the sentence."""
        of = asked(self.options)
        heads, rows = lay_out(of)
        numbers = dict.fromkeys(range(1, len(heads)), "number")
        name = f"What to expect, {of.copies.draws} draws a round"
        shown = table(name, heads, rows, "unplugged", numbers)
        return [shown, nodes.paragraph("", sentence(of))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("unplugged", Unplugged)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
