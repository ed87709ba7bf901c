"""The zeta function with numpy alone, against scipy."""

import numpy as np
import pytest
from scipy import special as reference

from collapse_lib.theory.zeta import hurwitz_zeta

X = np.concatenate([np.linspace(0.01, 60, 400), 10 ** np.linspace(2, 8, 50)])


@pytest.mark.parametrize("s", [1.001, 1.5, 2, 3, 4.7, 12, 35.5, 100])
def test_it_is_scipys(s):
    found, exact = hurwitz_zeta(s, X), reference.zeta(s, X)
    np.testing.assert_allclose(found, exact, rtol=1e-13, atol=1e-300)


def test_known_values():
    assert hurwitz_zeta(2, 1) == pytest.approx(np.pi**2 / 6, rel=1e-15)
    assert hurwitz_zeta(4, 1) == pytest.approx(np.pi**4 / 90, rel=1e-15)
    np.testing.assert_allclose(
        hurwitz_zeta(2, X), reference.polygamma(1, X), rtol=1e-13
    )


@pytest.mark.parametrize("shape", [(), (0, 2), (3,), (2, 3)])
def test_the_shape_of_the_argument_is_kept(shape):
    x = np.ones(shape)
    found = hurwitz_zeta(2, x)
    assert found.shape == shape and found.dtype == np.float64
    assert (x == 1).all()


@pytest.mark.parametrize(
    ("s", "x", "message"),
    [
        (1, 1, "s is 1"),
        (101, 1, "s is 101.*up to 100"),
        (2, 0, "x is 0; allowed are numbers > 0"),
        (2, [1, np.inf], "x holds 1 values that are NaN or infinite"),
    ],
)
def test_what_has_no_sum_is_refused(s, x, message):
    with pytest.raises(ValueError, match=message):
        hurwitz_zeta(s, x)
