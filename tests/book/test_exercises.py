"""The checks of the exercises."""

import numpy as np
import pytest

from collapse_lib.book.exercises import Mark, check, opens, seal


@check
def check_share(share):
    assert 0 <= share <= 1, "A share lies between 0 and 1."
    assert opens(SEALED, share), "Count again."


SEALED = seal(0.25, 2)


def said(mark):
    """Return the message without what pytest adds to that of an assertion."""
    return mark.said.splitlines()[0]


def test_an_answer_is_right_or_a_message_says_why_not():
    assert check_share(0.25) == Mark(True, "Right.")
    assert check_share(0.25)
    assert not check_share(0.5)
    assert said(check_share(0.5)) == "Count again."
    assert said(check_share(25)) == "A share lies between 0 and 1."


def test_an_error_is_a_wrong_answer():
    mark = check_share("a quarter")
    assert mark.right is False
    assert mark.said.startswith("your answer leads to TypeError: '<=' not supported")


def test_what_has_not_been_answered_is_not_wrong():
    def described(share):
        """Return a share."""

    def answered(share):
        return share

    assert check_share(...).right is None
    assert check_share(lambda share: None).right is None
    assert check_share(described).right is None
    assert check_share(answered).right is False
    assert check_share(lambda share: 0.25).right is False
    assert not check_share(...)
    assert repr(check_share(...)).startswith("… No answer yet")


def test_wrong_answers_are_refused():
    first, second, third = check_share.refuses(0.5, 25, "x")
    assert first.startswith("Count again.")
    assert second.startswith("A share lies between 0 and 1.")
    assert third.startswith("your answer leads to TypeError")
    with pytest.raises(ValueError, match="wrong answer 2 is not refused: ✓ Right"):
        check_share.refuses(0.5, 0.25, 2)
    with pytest.raises(ValueError, match="wrong answer 3 is not refused: … No answer"):
        check_share.refuses(0.5, 2, ...)
    with pytest.raises(ValueError, match="2 wrong answers; try three or more"):
        check_share.refuses(0.5, 2)


@pytest.mark.parametrize("number", [4_746, 0.0423, -7.5, 8.99, 3e-12, 5])
@pytest.mark.parametrize("digits", [1, 2, 3])
def test_a_seal_opens_to_its_number_and_its_neighbours(number, digits):
    sealed = seal(number, digits)
    unit = 10 ** (np.floor(np.log10(abs(number))) - digits + 1)
    assert opens(sealed, number)
    assert opens(sealed, np.float64(number + 0.4 * unit))
    assert opens(sealed, number - 0.4 * unit)
    assert not opens(sealed, number + 2.6 * unit)
    assert not opens(sealed, -number)


def test_zero_is_not_sealed():
    with pytest.raises(ValueError, match="number is 0, which has no significant"):
        seal(0, 2)


def test_a_seal_that_is_none_is_refused():
    for wrong in ("4746", "2:xyz", "0:" + 12 * "a", 3):
        with pytest.raises(ValueError, match=r"sealed is .*seal\(number, digits\)"):
            opens(wrong, 1.0)
    with pytest.raises(ValueError, match="answer is"):
        opens(SEALED, float("nan"))
