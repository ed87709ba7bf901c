r"""Switch errors on and off in every combination, and account for the total.

For errors :math:`A` that are switched on, let :math:`L(A)` be the expected loss. The
*joint effect* of :math:`A` is what is left when everything that its parts explain has
been taken off:

.. math:: I(A) = \sum_{B \subseteq A} (-1)^{|A| - |B|}\, L(B),
          \qquad L(A) = \sum_{B \subseteq A} I(B).

For a single error it is its loss alone; for a pair it is positive if the two compound
and negative if they offset each other; 0 means that they add up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from collapse_lib.checks import given, numbers
from collapse_lib.claims.estimate import Estimate


def combinations(factors: str) -> list[str]:
    """Return every combination of one-letter factors, small ones first.

    Examples
    --------
    >>> combinations("SE")
    ['', 'S', 'E', 'SE']
    """
    if not (isinstance(factors, str) and 0 < len(set(factors)) == len(factors)):
        raise ValueError(f"factors are {given(factors)}; give different single letters")
    return [
        "".join(chosen)
        for size in range(len(factors) + 1)
        for chosen in itertools.combinations(factors, size)
    ]


def joint_effects(losses: Mapping[str, ArrayLike]) -> dict[str, Estimate]:
    """Return what each combination of errors adds beyond its parts.

    Parameters
    ----------
    losses
        Combination -> losses of independent replicates, for every combination of
        `combinations`; a single number is a loss known exactly. The replicates of
        different combinations must be independent of one another.

    Returns
    -------
    dict
        Combination -> its joint effect, with its standard error; the values sum up to
        the mean loss of the last combination, all errors together.

    Raises
    ------
    ValueError
        If a combination is missing or unknown.

    Examples
    --------
    >>> effects = joint_effects({"": 0, "S": 2, "E": 3, "SE": 4})
    >>> {name: effect.value for name, effect in effects.items()}
    {'': 0.0, 'S': 2.0, 'E': 3.0, 'SE': -1.0}
    """
    keys = isinstance(losses, Mapping) and all(isinstance(key, str) for key in losses)
    if not (keys and losses):
        raise ValueError(
            f"losses is {given(losses)}; it must map combinations of letters to numbers"
        )
    names = combinations(max(losses, key=len))
    if set(names) != set(losses):
        raise ValueError(
            f"losses are given for {sorted(losses)}; needed are exactly {names}"
        )
    means = {name: _mean(name, losses[name]) for name in names}
    effects = {}
    for name in names:
        signs = {part: (-1) ** (len(name) - len(part)) for part in _parts(name)}
        value = sum(sign * means[part].value for part, sign in signs.items())
        se = math.sqrt(sum(means[part].se ** 2 for part in signs))
        effects[name] = Estimate(value, se)
    return effects


def _parts(name: str) -> Iterator[str]:
    return (part for part in combinations(name)) if name else iter([""])


def _mean(name: str, values: ArrayLike) -> Estimate:
    """Return the mean over replicates; a single number is known exactly."""
    data = np.atleast_1d(numbers(f"losses[{name!r}]", values))
    if data.ndim != 1:
        raise ValueError(
            f"losses[{name!r}] have shape {data.shape}; needed is (replicates,)"
        )
    return Estimate(data[0]) if data.size == 1 else Estimate.mean(data)
