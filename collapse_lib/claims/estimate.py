"""A measured number with its standard error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import numbers, numeric

#: The ledger judges statistical claims at this many standard errors.
Z = 4.0


@dataclass(frozen=True)
class Estimate:
    """A measurement, its standard error, and the prediction it is held against.

    Parameters
    ----------
    value
        The measured number.
    se
        Its standard error; 0 for a number without sampling noise.
    against
        The prediction for this very run, where it depends on the scale of the run.
        Leave it out where ``claims.yaml`` states the expected number itself.

    Raises
    ------
    ValueError
        If one is no number or not finite, or the standard error is negative.

    Examples
    --------
    >>> Estimate(0.3642, 0.0015)
    Estimate(value=0.3642, se=0.0015, against=None)
    """

    value: float
    se: float = 0.0
    against: float | None = None

    def __post_init__(self) -> None:
        """Turn NumPy scalars into floats and refuse what cannot be judged."""
        for name in ("value", "se", "against"):
            given = getattr(self, name)
            if name == "against" and given is None:
                continue
            object.__setattr__(self, name, _finite(name, given))
        if self.se < 0:
            raise ValueError(
                f"Estimate: se is {self.se}; a standard error must be 0 or more "
                "(did you swap value and se?)"
            )

    @classmethod
    def mean(cls, values: ArrayLike, against: float | None = None) -> Estimate:
        r"""Estimate an expectation by the mean over independent replicates.

        The standard error is :math:`s/\sqrt{n}` with :math:`s^2` the unbiased sample
        variance.

        Parameters
        ----------
        values
            One number for each replicate, shape ``(n,)``, at least two.
        against
            The prediction, if it depends on the scale.

        Examples
        --------
        >>> Estimate.mean([1.0, 2.0, 3.0])
        Estimate(value=2.0, se=0.5773502691896258, against=None)
        """
        data = _replicates("mean", values, at_least=2)
        return cls(data.mean(), data.std(ddof=1) / math.sqrt(data.size), against)

    @classmethod
    def share(cls, successes: ArrayLike, against: float | None = None) -> Estimate:
        r"""Estimate a probability by the share of replicates that succeeded.

        The standard error is the larger of the usual :math:`\sqrt{p(1-p)/n}` and that
        of Agresti and Coull (1998), :math:`\sqrt{\tilde p(1-\tilde p)/(n+z^2)}` with
        :math:`\tilde p = (k + z^2/2)/(n + z^2)` and z = 4, the number of standard
        errors the ledger judges at. The usual one is 0 for 0 or n successes, which
        would claim certainty after a finite number of trials; the other one gives
        about 11/n at four standard errors, close to the exact binomial bound 10.4/n.

        Parameters
        ----------
        successes
            One truth value (or 0 and 1) for each replicate, shape ``(n,)``.
        against
            The prediction, if it depends on the scale.

        Examples
        --------
        >>> share = Estimate.share([True] * 1000)
        >>> share.value, round(4 * share.se, 4)
        (1.0, 0.0111)
        """
        data = _replicates("share", successes, at_least=1)
        wrong = data[(data != 0) & (data != 1)]
        if wrong.size:
            raise ValueError(
                f"Estimate.share: got the value {wrong[0]}; allowed are truth values "
                "or 0 and 1. Compare first, for example share(sigma < 0.1)"
            )
        n, share = data.size, float(data.mean())
        centre = (data.sum() + Z**2 / 2) / (n + Z**2)
        usual = math.sqrt(share * (1 - share) / n)
        agresti_coull = math.sqrt(centre * (1 - centre) / (n + Z**2))
        return cls(share, max(usual, agresti_coull), against)

    @classmethod
    def variance(cls, values: ArrayLike, against: float | None = None) -> Estimate:
        r"""Estimate a variance by the unbiased sample variance.

        The standard error comes from the fourth central moment,
        :math:`\operatorname{Var}(s^2) = \frac1n\left(m_4 - \frac{n-3}{n-1}s^4\right)`,
        and so holds for skewed and heavy-tailed data too, as long as the fourth
        moment exists and n is large.

        Parameters
        ----------
        values
            Independent draws, shape ``(n,)``, at least four.
        against
            The prediction, if it depends on the scale.
        """
        data = _replicates("variance", values, at_least=4)
        n, s2 = data.size, float(data.var(ddof=1))
        fourth = float(((data - data.mean()) ** 4).mean())
        spread = (fourth - (n - 3) / (n - 1) * s2**2) / n
        # Two-point data can make the estimate of a variance slightly negative.
        return cls(s2, math.sqrt(max(spread, 0.0)), against)

    @classmethod
    def median(cls, values: ArrayLike, against: float | None = None) -> Estimate:
        """Estimate a median; the standard error comes from the order statistics.

        Half the distance between the order statistics whose ranks lie one binomial
        standard deviation, sqrt(n)/2, on either side of n/2: no density is needed.

        Parameters
        ----------
        values
            Independent draws, shape ``(n,)``, at least ten.
        against
            The prediction, if it depends on the scale.
        """
        data = np.sort(_replicates("median", values, at_least=10))
        n = data.size
        low = max(int(math.floor((n - math.sqrt(n)) / 2)), 0)
        high = min(int(math.ceil((n + math.sqrt(n)) / 2)), n - 1)
        return cls(float(np.median(data)), float(data[high] - data[low]) / 2, against)


def _finite(name: str, given: object) -> float:
    """Return the number as a float, or say what is wrong with it."""
    if isinstance(given, bool) or not isinstance(given, Real):
        number = _only(name, numeric(f"Estimate: {name}", given))
    else:
        try:
            number = float(given)
        except OverflowError:  # an integer beyond all floats
            number = math.inf
    if not math.isfinite(number):
        raise ValueError(
            f"Estimate: {name} is {number}; a finite number is needed. Look for "
            "replicates that overflowed or divided by zero"
        )
    return number


def _only(name: str, array: NDArray[Any]) -> float:
    """Return the one number of an array."""
    if array.dtype.kind == "b":
        raise ValueError(
            f"Estimate: {name} is a truth value; a number is needed. For truth values "
            "use Estimate.share(...)"
        )
    if array.size != 1:
        raise ValueError(
            f"Estimate: {name} has shape {array.shape}; one number is needed. "
            "Estimate.mean(...) makes one of replicates"
        )
    return float(array.item())


def _replicates(kind: str, values: ArrayLike, at_least: int) -> NDArray[np.float64]:
    """Return replicates as a one-dimensional float array of a minimal length."""
    data = numbers(f"Estimate.{kind}: values", values, empty=True)
    if data.ndim != 1 or data.size < at_least:
        raise ValueError(
            f"Estimate.{kind}: got values of shape {data.shape}; needed is shape (n,) "
            f"with n at least {at_least}, one entry for each independent replicate"
        )
    return data
