"""Checks of a reader's answers: an answer is right, or a message says what is wrong.

A check is a function with plain ``assert`` statements. It runs where the exercise is:
in Jupyter, in the page, in an instructor's grader.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from collapse_lib.checks import check_count, check_number, given

#: What a starter cell assigns until the reader has an answer.
BLANK = ...
NOT_YET = "No answer yet: put yours in the place of the three dots, and run both cells."
RIGHT = "Right."


class Mark(NamedTuple):
    """What a check says of an answer; true if it is right.

    Parameters
    ----------
    right
        Whether it is; ``None`` where there is no answer yet.
    said
        What to tell the reader.
    """

    right: bool | None
    said: str

    def __bool__(self) -> bool:
        """Tell whether the answer is right."""
        return self.right is True

    def __repr__(self) -> str:
        """Return the sign and the message."""
        return f"{SIGNS[self.right]} {self.said}"


SIGNS = {True: "✓", False: "✗", None: "…"}


@dataclass(frozen=True)
class Check:
    """The check of one exercise; made by `check`.

    Parameters
    ----------
    rule
        Takes an answer and fails with a message if it is wrong.

    Raises
    ------
    TypeError
        If the rule is no function.
    """

    rule: Callable[[Any], None]

    def __post_init__(self) -> None:
        """Refuse a rule that cannot be called."""
        if not callable(self.rule):
            raise TypeError(f"rule is {given(self.rule)}; it must be a function")

    def __call__(self, answer: Any) -> Mark:
        """Return what the rule says of an answer; an error is a wrong answer."""
        if answer is BLANK or _does_nothing(answer):
            return Mark(None, NOT_YET)
        try:
            self.rule(answer)
        except AssertionError as error:
            return Mark(False, str(error) or "This is not it.")
        except Exception as error:
            said = f"your answer leads to {type(error).__name__}: {error}"
            return Mark(False, said)
        return Mark(True, RIGHT)

    def refuses(self, *wrong: Any) -> list[str]:
        """Return what the check says of wrong answers.

        Raises
        ------
        ValueError
            If it accepts one of them, or takes one for no answer; if there are less
            than three.
        """
        if len(wrong) < 3:
            raise ValueError(f"{len(wrong)} wrong answers; try three or more")
        marks = [self(answer) for answer in wrong]
        for place, mark in enumerate(marks, start=1):
            if mark.right is not False:
                raise ValueError(f"wrong answer {place} is not refused: {mark}")
        return [mark.said for mark in marks]


def check(rule: Callable[[Any], None]) -> Check:
    """Make the check of an exercise from a function of the answer.

    >>> @check
    ... def check_half(generations):
    ...     assert generations > 0, "Time does not run backwards."
    ...     assert generations == 69, "0.99 to which power is one half?"
    >>> check_half(...)
    … No answer yet: put yours in the place of the three dots, and run both cells.
    >>> check_half(50)
    ✗ 0.99 to which power is one half?
    >>> check_half(69)
    ✓ Right.
    """
    return Check(rule)


def _does_nothing(answer: Any) -> bool:
    """Tell whether an answer is a function with an empty body."""
    code = getattr(answer, "__code__", None)
    if code is None or {*code.co_consts} - {None, answer.__doc__}:
        return False  # no function, or one that knows a constant
    return code.co_code in {_empty.__code__.co_code, _described.__code__.co_code}


def _empty() -> None: ...


def _described() -> None:
    """Do nothing."""


# ---- numbers that a check knows and does not tell ------------------------------------


SEAL = re.compile(r"[1-9]:[0-9a-f]{12}")


def seal(number: float, digits: int) -> str:
    """Return a mark of a number by which `opens` knows it and nobody reads it.

    A check that compared with the number itself would tell the answer to whoever
    reads it.

    Parameters
    ----------
    number
        The answer.
    digits
        How many significant digits of it count.

    Raises
    ------
    ValueError
        If the number is not finite or is 0, which has no significant digits; if
        `digits` is not from 1 to 9.
    """
    number = check_number("number", number)
    if number == 0:
        raise ValueError("number is 0, which has no significant digits; assert == 0")
    digits = check_count("digits", digits, 1, 9)
    return f"{digits}:{_print_of(_rounded(number, digits))}"


def opens(sealed: str, answer: float) -> bool:
    """Tell whether an answer is the sealed number, give or take one in its last digit.

    Parameters
    ----------
    sealed
        What `seal` returned.
    answer
        A number.

    Raises
    ------
    ValueError
        If the answer is no finite number; if `sealed` is no seal.
    """
    if not (isinstance(sealed, str) and SEAL.fullmatch(sealed)):
        raise ValueError(f"sealed is {given(sealed)}; seal(number, digits) makes one")
    digits, mark = int(sealed[0]), sealed[2:]
    written = _rounded(check_number("answer", answer), digits)
    unit = Decimal(1).scaleb(Decimal(written).as_tuple().exponent)  # type: ignore
    near = (Decimal(written) + step * unit for step in (-1, 0, 1))
    return mark in {_print_of(_rounded(each, digits)) for each in near}


def _rounded(number: float | Decimal, digits: int) -> str:
    return f"{Decimal(number):.{digits - 1}e}"


def _print_of(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:12]
