"""The game without computers: expected are the numbers of games that are played."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import unplugged
from directives import ledger_of
from numpy.typing import NDArray
from plain_markdown import blocks
from unplugged import Game

from collapse_lib.book.notebooks import BookError, chapters
from collapse_lib.theory import discrete

WORLDS = 20_000
ROUNDS = 20
GAMES = {
    "marbles": Game((5, 5)),
    "marbles, one real": Game((5, 5), real=1),
    "one blue": Game((9, 1)),
    "one blue, two real": Game((9, 1), real=2),
    "die": Game((1,) * 6),
    "die, one real": Game((1,) * 6, real=1),
    "three kinds": Game((4, 2, 1), real=3),
}


def played(game: Game) -> NDArray[np.int64]:
    """Play a game in many worlds: counts of shape (rounds, worlds, kinds)."""
    rng = np.random.default_rng(list(game.start))
    counts, rounds = np.tile(game.start, (WORLDS, 1)), []
    for _ in range(ROUNDS):
        copied = rng.multinomial(game.draws - game.real, counts / game.draws)
        counts = copied + rng.multinomial(game.real, game.shares, WORLDS)
        rounds.append(counts)
    return np.array(rounds)


def agree(drawn: NDArray[Any], exact: NDArray[np.float64]) -> None:
    """Assert that means over worlds lie within four standard errors of the law.

    What no world has shown has no error; there a few worlds in all are allowed.
    """
    error = drawn.std(axis=1) / np.sqrt(WORLDS)
    assert (np.abs(drawn.mean(axis=1) - exact) <= 4 * error + 5 / WORLDS).all()


@pytest.mark.parametrize("name", GAMES)
def test_the_law_is_that_of_games_that_are_played(name: str) -> None:
    game = GAMES[name]
    counts = played(game)
    agree((counts > 0).sum(axis=2) == 1, game.gone(ROUNDS))
    agree((counts > 0).sum(axis=2), game.left(ROUNDS))
    mean, spread = game.first(ROUNDS)
    assert mean == pytest.approx(np.full(ROUNDS, game.start[0]))
    agree(counts[:, :, 0], mean)
    agree((counts[:, :, 0] - game.start[0]) ** 2, spread**2)


def test_one_real_draw_keeps_the_diversity_that_the_library_has() -> None:
    game = GAMES["die, one real"]
    counts = np.arange(game.draws + 1) / game.draws
    alike = sum(game.law(share, 400)[-1] @ counts**2 for share in game.shares)
    kept = (1 - alike) / (1 - 1 / 6)
    assert kept == pytest.approx(discrete.heterozygosity_with_real(5, 1))


def test_copies_end_after_the_rounds_that_the_sentence_has() -> None:
    of = unplugged.asked({"start": "5 5", "real": 1})
    said = re.findall(r"\d+", unplugged.sentence(of))
    lasting = (1 - of.copies.gone(1_000)).sum()  # rounds that end with two colours
    assert said == [f"{1 + lasting:.0f}"]


def test_chances_are_never_rounded_to_certainty() -> None:
    shown = [unplugged.percent(p) for p in (0, 1e-9, 0.0049, 0.5, 0.9951, 1)]
    some, most = "less than 1\N{NO-BREAK SPACE}%", "more than 99\N{NO-BREAK SPACE}%"
    bare = [text.removesuffix("\N{NO-BREAK SPACE}%") for text in shown]
    assert bare[::5] == ["0", "100"] and bare[3] == "50"
    assert shown[1:3] == [some, some] and shown[4] == most


# ---- what the options say ------------------------------------------------------------


def shown(**options: Any) -> str:
    """Return the table and the sentence that a directive shows."""
    page = cast("unplugged.Unplugged", SimpleNamespace(options=options))
    table, sentence = unplugged.Unplugged.show(page)
    return f"{table.astext()}\n{sentence.astext()}"


def test_the_table_has_the_columns_that_were_asked_for() -> None:
    html = shown(
        start="5 5", first="yellow", real=1, groups=4, rounds="1 10", show="gone pool"
    )
    heads = re.findall(r'<th scope="col">(.*?)</th>', html)
    assert heads == [
        "Round",
        "Copies: only one colour left",
        "Control: only one colour left",
        "Copies: yellow, mean of 4 groups",
        "Control: yellow, mean of 4 groups",
    ]
    assert re.findall(r'<th scope="row">(.*?)</th>', html) == ["1", "10"]
    first, last = (re.findall(r">([^<>]*)</td>", row) for row in html.split("<tr>")[2:])
    assert first[0] == first[1] and first[2] == first[3]  # no copy of a copy yet
    spread = GAMES["marbles"].first(10)[1][-1] / 2
    assert last[2] == f"5.0 ± {spread:.1f}"
    assert int(last[0].split()[0]) > int(last[1].split()[0])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"real": 1}, "the option :start: is missing"),
        ({"start": "5 5"}, "the option :real: is missing"),
        ({"start": "5 five", "real": 1}, "start is '5 five'; it needs whole numbers"),
        ({"start": "5", "real": 1}, "it needs two kinds or more"),
        ({"start": "5 0", "real": 1}, "each at least once"),
        ({"start": "60 60", "real": 1}, "start has 120 in all; at most 100"),
        ({"start": "5 5", "real": 10}, "of 10 draws it takes 0 to 9"),
        ({"start": "5 5", "real": 0}, "the control needs a draw from the real bag"),
        ({"start": "5 5", "real": 1, "rounds": "0 3"}, "it needs rounds from 1 on"),
        ({"start": "5 5", "real": 1, "rounds": ""}, "it needs rounds from 1 on"),
        ({"start": "5 5", "real": 1, "rounds": "2000"}, "at most 1000"),
        ({"start": "5 5", "real": 1, "show": "lost"}, "there are gone, left, pool"),
        ({"start": "5 5", "real": 1, "show": ""}, "there are gone, left, pool"),
    ],
)
def test_a_game_that_nobody_can_play_is_refused(
    options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BookError, match=re.escape(complaint)):
        shown(**options)


# ---- the pages -----------------------------------------------------------------------


def test_the_handout_asks_for_tables_that_there_are(root: Path) -> None:
    text = (root / "appendices/teaching/unplugged.md").read_text("utf-8")
    tables = [block for block in blocks(text) if block.name == "unplugged"]
    assert len(tables) == 2
    for block in tables:
        spec = unplugged.Unplugged.option_spec
        given = {name: spec[name](said) for name, said in block.options.items()}
        assert "on average" in shown(**given)


def test_every_case_is_a_claim_that_did_not_hold(root: Path) -> None:
    text = (root / "appendices/teaching/discussion.md").read_text("utf-8")
    verdicts = {
        claim: verdict["verdict"]
        for chapter in chapters(root).values()
        for claim, verdict in chapter.verdicts.items()
    }
    cases = re.findall(r"^\*\*Claimed\.\*\* \{claim\}`(\w+)`", text, re.M)
    assert len(cases) == len(re.findall(r"^## \d+\. ", text, re.M)) == 12
    assert set(cases) <= set(ledger_of(root))
    held = [claim for claim in cases if verdicts[claim] == "reproduced"]
    assert held == [], "find other cases for these, their claims are reproduced"
