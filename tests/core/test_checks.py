"""The doors: what becomes numbers, and what each refusal says."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_lib import checks

# pytest may print it: below Python's limit of 4,300 digits.
BIG = 10**4000
MASKED = np.ma.array([1.0, 99.0], mask=[False, True])


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        (1.0, 2.0),
        range(1, 3),
        np.array([1, 2], np.float16),
        np.array([1, 2], np.longdouble),
        np.array([1, 2], np.uint64),
        np.array([1, 2], object),
        [Fraction(1), Decimal(2)],
        np.ma.array([1.0, 2.0]),
        np.ma.array([1.0, 2.0], mask=[False, False]),
        pd.Series([1, 2]),
        pd.Series([1, 2], dtype="Int64"),
        pd.Series([1, 2], dtype="Float64"),
        torch.tensor([1.0, 2.0]),
        torch.tensor([1, 2]),
    ],
)
def test_what_holds_numbers_becomes_float64(value):
    found = checks.numbers("x", value)
    assert type(found) is np.ndarray and found.dtype == np.float64
    np.testing.assert_array_equal(found, [1.0, 2.0])


def test_arrays_of_numbers_pass_untouched():
    for dtype in (np.float64, np.float32, np.int8, np.uint8, bool):
        array = np.zeros(3, dtype)
        assert checks.numeric("x", array) is array


@pytest.mark.parametrize(
    "value, says",
    [
        (None, "x is None; numbers are needed"),
        ("12", "x is '12'; numbers are needed"),
        (b"12", "x is b'12'; numbers are needed"),
        (["a"], r"x is \['a'\]; numbers are needed"),
        ([1, None], "x holds 1 values that are no numbers, the first is None"),
        (np.array(["1.5"], object), "1 values that are no numbers, the first is '1.5'"),
        (1j, "x is 1j; numbers are needed"),
        ([[1], [1, 2]], "cannot become an array of numbers"),
        (MASKED, "x has 1 masked places; .*filled.*compressed"),
        ([MASKED, MASKED], "x has 2 masked places"),
        (np.ma.masked, "x has 1 masked places"),
        (pd.Series([1, None], dtype="Int64"), "x holds 1 values that are NaN"),
        (pd.Series([1.0, None]), "x holds 1 values that are NaN"),
        (pd.Series(["a", "b"]), "x holds 2 values that are no numbers"),
        (torch.ones(2, requires_grad=True), "a Tensor that cannot become .*grad"),
        (np.array(["2020"], "datetime64"), "datetime64.*numbers are needed"),
        ({"a": 1}, "x is {'a': 1}; numbers are needed"),
        (float, "x is the class float, not an object made with it"),
        (len, "x is the function len"),
        (object(), "x is a object; numbers are needed"),
        ([10**400], "x holds integers too large for float64"),
        ([], "x is empty"),
        ([1, np.nan], "x holds 1 values that are NaN or infinite"),
        ([1, -np.inf], "x holds 1 values that are NaN or infinite"),
    ],
)
def test_what_holds_no_numbers_is_refused(value, says):
    with pytest.raises(ValueError, match=says):
        checks.numbers("x", value)


@pytest.mark.parametrize(
    "value, bounds, says",
    [
        (-1, {"least": 0}, "x is -1; allowed are numbers >= 0"),
        ([-1, 3], {"least": 0}, "x has values from -1 to 3; allowed are numbers >= 0"),
        (0, {"above": 0}, "x is 0; allowed are numbers > 0"),
        (
            [0, 2],
            {"least": 0, "most": 1},
            "0 to 2; allowed are numbers from 0 to 1",
        ),
        (0, {"above": 0, "most": 1}, "x is 0; allowed are numbers above 0, up to 1"),
        ([1], {"ndim": 2, "shape": "(n, d)"}, r"has shape \(1,\); needed is \(n, d\)"),
        ([np.nan], {"infinite": True}, "x holds 1 values that are NaN"),
    ],
)
def test_bounds_of_numbers_are_named(value, bounds, says):
    with pytest.raises(ValueError, match=f"{says}$"):
        checks.numbers("x", value, **bounds)


def test_bounds_are_allowed_themselves():
    np.testing.assert_array_equal(checks.numbers("x", [0, 1], least=0, most=1), [0, 1])
    assert checks.numbers("x", np.inf, infinite=True) == np.inf
    assert checks.numbers("x", [], empty=True).size == 0


NO_NUMBERS = [None, "1", [1], {}, np.ones(1), torch.ones(1), 1j, True, MASKED, float]


@pytest.mark.parametrize("value", [*NO_NUMBERS, np.nan, np.inf, BIG, 0, -1])
def test_a_positive_number_is_one(value):
    with pytest.raises(ValueError, match="^x is .*; it must be a number > 0$"):
        checks.check_positive("x", value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1.0, 0, -1, np.nan, 2**70, -BIG])
def test_a_count_is_an_integer_within_bounds(value):
    with pytest.raises(ValueError, match="^x is .*; it must be an integer from 1 to 9"):
        checks.check_count("x", value, least=1, most=9)


@pytest.mark.parametrize("value", [*NO_NUMBERS, "mle ", "MLE"])
def test_a_choice_is_one_of_the_words(value):
    with pytest.raises(ValueError, match="^x is .*; allowed: 'mle', 'unbiased'$"):
        checks.check_choice("x", value, ("mle", "unbiased"))


@pytest.mark.parametrize("value", [*NO_NUMBERS, 7, np.random, np.random.RandomState(1)])
def test_a_generator_is_one(value):
    with pytest.raises(ValueError, match="^rng is .*default_rng"):
        checks.check_rng(value)


def test_numbers_of_every_kind_are_numbers():
    for value in (1, 1.0, np.float32(1), np.int8(1), Fraction(1)):
        assert checks.check_positive("x", value) == 1
    assert checks.check_count("x", np.uint8(3), least=3) == 3


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, list(range(10**6)), {"k" * 10**5: 1}, BIG, [["y" * 999]]],
)
def test_what_was_given_is_said_in_few_words(value):
    text = checks.given(value)
    assert len(text) < 200 and "\n" not in text


def test_an_array_is_described_and_not_printed():
    assert (
        checks.given(np.zeros((2, 3))) == "an array of float64 values of shape (2, 3)"
    )
    assert not re.search("0x", checks.given(lambda: 0) + checks.given(object()))


def test_masks_are_found_however_deep_they_lie():
    row = np.ma.array([1.0, 2.0], mask=[True, False])
    for value in ([[row, row]], [row, [2.0, 3.0]], ([[[row]]],)):
        with pytest.raises(ValueError, match="masked places"):
            checks.numbers("x", value)


def test_a_bound_that_is_missed_by_little_is_seen():
    with pytest.raises(ValueError, match="x is 1.0000001; allowed .* from 0 to 1"):
        checks.numbers("x", 1.0000001, least=0, most=1)


def test_whole_numbers_are_whole_and_say_what_they_count():
    found = checks.whole_numbers("x", [1, np.inf], "fits", infinite=True)
    np.testing.assert_array_equal(found, [1, np.inf])
    with pytest.raises(
        ValueError, match=r"x holds 1\.5; it counts fits: whole .* >= 0"
    ):
        checks.whole_numbers("x", [1, 1.5], "fits")
    with pytest.raises(ValueError, match=r"x holds 9\.0; .* >= 1 up to 8, or np\.inf"):
        checks.whole_numbers("x", 9, "fits", least=1, most=8, infinite=True)
    with pytest.raises(ValueError, match="x holds 1 values that are NaN or infinite"):
        checks.whole_numbers("x", np.inf, "fits")
