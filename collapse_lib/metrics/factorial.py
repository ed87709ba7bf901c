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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from collapse_lib.claims.estimate import Estimate

if TYPE_CHECKING:
    pass


def combinations(factors: str) -> list[str]:
    """Return every combination of one-letter factors, small ones first.

    Examples
    --------
    >>> combinations("SE")
    ['', 'S', 'E', 'SE']
    """
    if len(set(factors)) != len(factors) or not factors:
        raise ValueError(f"factors are {factors!r}; give different single letters")
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
    names = combinations(max(losses, key=len))
    if set(names) != set(losses):
        raise ValueError(
            f"losses are given for {sorted(losses)}; needed are exactly {names}"
        )
    means = {name: _mean(losses[name]) for name in names}
    effects = {}
    for name in names:
        signs = {part: (-1) ** (len(name) - len(part)) for part in _parts(name)}
        value = sum(sign * means[part].value for part, sign in signs.items())
        se = math.sqrt(sum(means[part].se ** 2 for part in signs))
        effects[name] = Estimate(value, se)
    return effects


def _parts(name: str) -> Iterator[str]:
    return (part for part in combinations(name)) if name else iter([""])


def _mean(values: ArrayLike) -> Estimate:
    """Return the mean over replicates; a single number is known exactly."""
    data = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if data.ndim != 1 or not data.size or not np.isfinite(data).all():
        raise ValueError(
            f"losses of a combination have shape {data.shape}; needed are finite "
            "numbers of shape (replicates,)"
        )
    return Estimate(data[0]) if data.size == 1 else Estimate.mean(data)
