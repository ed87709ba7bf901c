"""Measurements and their standard errors."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib import claims
from collapse_lib.claims import Estimate

PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


def read(text: str) -> float:
    """Read what `three_digits` wrote."""
    mantissa, times, power = text.rpartition("·10")
    if not times and re.fullmatch(r"10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", text):
        mantissa, times, power = "1", "·10", text[2:]
    return float((f"{mantissa}e{power}" if times else text).translate(PLAIN))


@given(st.floats(-1e300, 1e300, allow_subnormal=False))
def test_three_digits_are_three_digits(number: float) -> None:
    text = claims.three_digits(number)
    assert read(text) == pytest.approx(number, rel=0.00501, abs=0)
    digits = text.split("·")[0].lstrip("−").replace(".", "").lstrip("0")
    assert len(digits.rstrip("0")) <= 3 or text.startswith("10")


@given(
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.floats(-12, 9).map(lambda exponent: 10**exponent),
)
def test_the_error_decides_the_digits(value: float, se: float) -> None:
    text = claims.with_error(value, se)
    scale = 1.0
    if text.startswith("("):
        text, power = text[1:].split(")·")
        scale = read(power)
    number, error = text.split(" ± ")
    assert read(error) * scale == pytest.approx(se, rel=0.051)
    # To a tenth of the error, or to six digits where the error is smaller than they.
    coarse = max(0.051 * se, 0.51e-5 * max(abs(value), se))
    assert read(number) * scale == pytest.approx(value, rel=1e-9, abs=coarse)


@pytest.mark.parametrize(
    ("value", "se", "text"),
    [
        (1.01234, 0.0106, "1.012 ± 0.011"),
        (1.00002, 0.00028, "1.00002 ± 0.00028"),
        (14.0, 8.72, "14.0 ± 8.7"),
        (-0.452, 0.0996, "−0.45 ± 0.10"),
        (31_074.2, 161.3, "31070 ± 160"),
        (0.000248, 2.47e-6, "(2.480 ± 0.025)·10⁻⁴"),
        (1.0, 1e-12, "1.00000 ± 10⁻¹²"),
        (0.0, 0.5, "0.00 ± 0.50"),
    ],
)
def test_a_number_with_its_error(value: float, se: float, text: str) -> None:
    assert claims.with_error(value, se) == text


def test_what_somebody_stated_keeps_its_digits() -> None:
    assert claims.as_stated(25250.3) == "25250.3"
    assert claims.as_stated(-2.0) == "−2"
    assert claims.as_stated(0.0) == "0"
    assert claims.as_stated(-2.4899e-4) == "−2.4899·10⁻⁴"
    assert claims.as_stated(0.0025) == "0.0025"
    assert claims.as_stated(2 / 3) == "0.667"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "much", None, True])
def test_an_estimate_is_one_finite_number(bad: Any) -> None:
    with pytest.raises(ValueError, match="Estimate: value is"):
        Estimate(bad)
    if bad is not None:
        with pytest.raises(ValueError, match="Estimate: against is"):
            Estimate(1.0, 0.0, bad)


def test_a_negative_standard_error_is_refused() -> None:
    with pytest.raises(ValueError, match=r"se is -0\.1"):
        Estimate(1.0, -0.1)


def test_helpers_refuse_what_is_not_a_list_of_replicates() -> None:
    with pytest.raises(ValueError, match=r"mean: got values of shape \(2, 3\)"):
        Estimate.mean(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"variance: got values of shape \(3,\)"):
        Estimate.variance(np.ones(3))
    with pytest.raises(ValueError, match=r"share: got the value 0\.5"):
        Estimate.share([0.0, 0.5, 1.0])
    with pytest.raises(ValueError, match="mean: values holds 1 values that are NaN"):
        Estimate.mean([1.0, np.nan])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.ma.array([1.0, 2, 99], mask=[0, 0, 1]), "has 1 masked places"),
        ([1.0, np.ma.masked], "has 1 masked places"),
        ([1 + 1j, 2], r"is \[\(1\+1j\), 2\]; numbers are needed"),
        (["1", "2"], r"is \['1', '2'\]; numbers are needed"),
        ([1, None], "holds 1 values that are no numbers, the first is None"),
        ({1, 2}, r"is \{1, 2\}; numbers are needed"),
        (None, "is None; numbers are needed"),
        ([[1], [2, 3]], "is .* that cannot become an array of numbers"),
    ],
)
@pytest.mark.parametrize("kind", ["mean", "share", "variance", "median"])
def test_replicates_are_real_numbers(kind: str, values: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"^Estimate.{kind}: values {words}"):
        getattr(Estimate, kind)(values)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1", "is '1'; numbers are needed"),
        (np.ma.masked, "has 1 masked places"),
        (1 + 0j, r"is \(1\+0j\); numbers are needed"),
        (np.array([1.0, 2.0]), r"has shape \(2,\); one number is needed"),
        ({1}, r"is \{1\}; numbers are needed"),
        (np.bool_(True), "is a truth value"),
        (10**400, "is inf; a finite number is needed"),
    ],
)
@pytest.mark.parametrize("name", ["value", "se", "against"])
def test_a_number_of_an_estimate_is_one(name: str, value: Any, words: str) -> None:
    numbers = {"value": 1.0, "se": 0.1, name: value}
    with pytest.raises(ValueError, match=f"^Estimate: {name} {words}"):
        Estimate(**numbers)


@pytest.mark.parametrize(
    "half", [0.5, np.float32(0.5), np.longdouble(0.5), np.array(0.5), Fraction(1, 2)]
)
def test_every_kind_of_number_becomes_a_float(half: Any) -> None:
    estimate = Estimate(half, half, half)
    assert repr(estimate) == "Estimate(value=0.5, se=0.5, against=0.5)"


@pytest.mark.parametrize(
    ("helper", "draw", "truth"),
    [
        (Estimate.mean, lambda rng, n: rng.exponential(size=n), 1.0),
        (Estimate.variance, lambda rng, n: rng.exponential(size=n), 1.0),
        (Estimate.variance, lambda rng, n: rng.normal(size=n), 1.0),
        (Estimate.median, lambda rng, n: rng.exponential(size=n), np.log(2)),
        (Estimate.share, lambda rng, n: rng.random(n) < 0.3, 0.3),
    ],
)
def test_standard_errors_match_the_spread_of_the_estimates(
    helper: Any, draw: Any, truth: float
) -> None:
    """The standard score of 2,000 estimates has mean 0 and standard deviation 1."""
    rng = np.random.default_rng(11)
    runs = [helper(draw(rng, 2_000)) for _ in range(2_000)]
    scores = np.array([(run.value - truth) / run.se for run in runs])
    # s.e. 0.022 of the mean, 0.016 of the sd; skew of small samples adds a little.
    assert abs(scores.mean()) < 0.15
    assert 0.9 < scores.std() < 1.12


@pytest.mark.parametrize("p", [0.0005, 0.01, 0.999])
def test_a_share_covers_its_probability_even_with_no_success(p: float) -> None:
    """Within 4 s.e. in all of 4,000 runs but a handful (normal theory: 0.25)."""
    counts = np.random.default_rng(12).binomial(1_000, p, size=4_000)
    shares = {k: Estimate.share(np.arange(1_000) < k) for k in np.unique(counts)}
    misses = sum(abs(shares[k].value - p) > 4 * shares[k].se for k in counts)
    assert misses <= 4
