"""What chance can do to the verdicts is computed as the page says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import doubt
import pytest
from directives import ledger_of
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from collapse_lib.book.notebooks import BookError, Notebook, chapters
from collapse_lib.claims import Check, Claim, Control, Evidence, Tolerance
from collapse_lib.claims.numbers import with_error


def check(
    value: float, error: float, expected: float | None, **allowed: float
) -> doubt.Measured:
    """A check with these numbers."""
    tolerance = Tolerance("because", **allowed)  # type: ignore[arg-type]
    one = Check("size", "Its size", tolerance, Control(none="no"), expected)
    words = ["C01", *("text" for _ in range(5)), "01"]
    claim = Claim(*words, Evidence("exact"), checks={"size": one})
    chapter = cast("Notebook", SimpleNamespace())
    result = "pass" if tolerance.passes(value, expected, error) else "fail"
    if tolerance.leaves_open(value, expected, error):
        result = "undecided"
    return doubt.Measured(claim, "size", chapter, result, value, error, expected)


@given(
    st.floats(-1e8, 1e8),
    st.floats(1e-9, 1e8),
    st.sampled_from((0, 1e-9, 1e-3, 0.5)),
)
def test_a_number_is_read_as_it_was_written(size: float, se: float, rel: float) -> None:
    value = size * rel
    read = doubt.read_shown(with_error(value, se))
    assert read[1] == pytest.approx(se, rel=0.06)
    assert read[0] == pytest.approx(value, abs=0.06 * se + 1e-5 * abs(value))


def test_numbers_without_an_error_and_strange_texts() -> None:
    assert doubt.read_shown("−1.5") == (-1.5, 0)
    assert doubt.read_shown("10⁻⁶") == (pytest.approx(1e-6), 0)
    assert doubt.read_shown("1.00004 ± 7.34·10⁻⁵") == (1.00004, pytest.approx(7.34e-5))
    with pytest.raises(BookError, match="'many' is no number"):
        doubt.read_shown("many")


def test_checks_are_told_apart_by_what_they_allow() -> None:
    assert check(1, 0.1, 1, se=4).kind == "noise"
    assert check(1, 0.1, 1, se=4, rel=0.1).kind == "allowance"
    assert check(1, 0.1, 1, rel=0.1).kind == "allowance"
    assert check(1, 0.1, None, at_least=0.5).kind == "bound"
    assert check(1, 0, None, at_least=0.5).kind == "none"


def test_room_is_the_distance_to_another_result() -> None:
    assert check(1.1, 0.1, 1, se=4).room == pytest.approx(3)
    assert check(1.6, 0.1, 1, se=4).room == pytest.approx(2)
    assert check(0.8, 0.1, None, at_least=0.5).room == pytest.approx(3)
    assert check(0.9, 0.1, 1, se=4).z == pytest.approx(-1)


@pytest.mark.parametrize("size", doubt.SIZES)
def test_the_chance_to_notice_an_error_is_that_of_a_normal_law(size: float) -> None:
    # |N(size * 2, 0.1)| beyond 4 s.e. and the allowance of 5 % of 2 and 0.03.
    measured = check(2, 0.1, -2, se=4, rel=0.05, abs=0.03)
    allowed = 0.4 + 0.1 + 0.03
    law = stats.norm(2 * size, 0.1)
    expected = law.sf(allowed) + law.cdf(-allowed)
    assert measured.noticed(size) == pytest.approx(expected, abs=1e-12)


def test_the_book_has_the_numbers_and_others_are_refused(root: Path) -> None:
    checks = doubt.measured(ledger_of(root), chapters(root))
    kinds = [one.kind for one in checks]
    assert set(kinds) <= set(doubt.KINDS)
    assert doubt.doubt_number(checks, "checks") == str(len(kinds))
    alone = kinds.count("noise")
    assert doubt.doubt_number(checks, "alone") == str(alone)
    alarms = alone * 2 * stats.norm.sf(4)
    assert float(doubt.doubt_number(checks, "false_alarms")) == pytest.approx(
        alarms, rel=0.5
    )
    assert float(doubt.doubt_number(checks, "seeds")) == pytest.approx(
        1 / alarms, rel=0.1
    )
    # What has an error and is decided, in order.
    rooms = [one.room for one in doubt._thin(checks)]
    assert rooms == sorted(rooms) and len(rooms) > 100
    # If the noise is what we say, nearly all lie within three standard errors.
    far = [one for one in checks if one.kind == "noise" and abs(one.z) > 3]
    assert len(far) <= 0.02 * alone
    with pytest.raises(BookError, match="'doubt:many': there are checks, "):
        doubt.doubt_number(checks, "many")
