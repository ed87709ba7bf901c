"""Write numbers for people: with as many digits as they deserve."""

from __future__ import annotations

import math
from decimal import Decimal

from collapse_lib.checks import check_not_negative, check_number
from collapse_lib.declared import declared

#: No value is written with more digits than this, however small its error.
MOST_DIGITS = 6
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def three_digits(number: float) -> str:
    """Write a finite number with three significant digits.

    Plain decimals between 1e-4 and 1e6, powers of ten outside, so that the text is
    short and two runs that differ in the last bits print the same.

    Examples
    --------
    >>> [three_digits(x) for x in (0, 0.36417, -138.629, 1234.5, 2.4899e-4, 6.4e-9)]
    ['0', '0.364', '−139', '1230', '0.000249', '6.4·10⁻⁹']
    """
    text = f"{check_number('number', number):.3g}"
    rounded = float(text)
    if rounded == 0:
        return "0"
    if 1e-4 <= abs(rounded) < 1e6:
        return signed(f"{Decimal(text):f}")
    mantissa, exponent = text.split("e")
    power = f"10{_raised(int(exponent))}"
    return power if mantissa == "1" else signed(f"{mantissa}·{power}")


def with_error(value: float, se: float) -> str:
    """Write a number and its standard error: two digits of the error decide the rest.

    Parameters
    ----------
    value
        A finite number.
    se
        Its standard error; without one, the number gets three digits.

    Examples
    --------
    >>> with_error(1.01234, 0.0106), with_error(31_074.2, 161.3)
    ('1.012 ± 0.011', '31070 ± 160')
    >>> with_error(0.000248, 2.47e-6), with_error(0.5, 0)
    ('(2.480 ± 0.025)·10⁻⁴', '0.5')
    """
    check_number("value", value)
    check_not_negative("se", se)
    if se == 0:
        return three_digits(value)
    largest = max(abs(value), se)
    magnitude = math.floor(math.log10(largest))
    if not _is_plain(magnitude):
        scaled = with_error(value / 10.0**magnitude, se / 10.0**magnitude)
        return f"({scaled})·10{_raised(magnitude)}"
    # The place of the error's second digit, counted to the right of the point.
    place = 1 - math.floor(math.log10(float(f"{se:.1e}")))
    last = MOST_DIGITS - 1 - magnitude
    error = f"{round(se, place):.{max(place, 0)}f}"
    if place > last:
        place, error = last, three_digits(se)
    return signed(f"{round(value, place):.{max(place, 0)}f} ± {error}")


def as_stated(number: float) -> str:
    """Write a number that somebody stated with all its digits, up to six.

    Powers of ten are written where `with_error` writes them.

    Examples
    --------
    >>> as_stated(25250.3), as_stated(0.688), as_stated(1 / 3), as_stated(0.00024899)
    ('25250.3', '0.688', '0.333', '2.4899·10⁻⁴')
    """
    text = f"{check_number('number', number):.{MOST_DIGITS - 1}e}"
    if float(text) != number:
        return three_digits(number)
    mantissa, exponent = text.split("e")
    if number == 0 or _is_plain(int(exponent)):
        return signed(f"{number:.{MOST_DIGITS}g}")
    return signed(f"{float(mantissa):g}·10{_raised(int(exponent))}")


def _is_plain(magnitude: int) -> bool:
    """Whether a number of this power of ten is written without it."""
    return -4 < magnitude < MOST_DIGITS


def _raised(exponent: int) -> str:
    return str(exponent).translate(RAISED)


@declared
def signed(text: str) -> str:
    """Put minus signs for the hyphens of a number, at which a line could break."""
    return text.replace("-", "−")
