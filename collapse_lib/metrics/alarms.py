r"""When a measure says that something is wrong, and how often it says so falsely.

A measure wobbles without any collapse: with another sample of the same data it has
another value. So it is held against its own values in *replicates* of generation 0,
which are fits to fresh real data, measured in the same way. What lies between the
extremes of the replicates is inside the *band*; an *alarm* is a run of values outside
it, on one side.

Where a band ends decides how early a measure rings, and how often for nothing. Measures
can be compared only at equal rates of false alarms. Ranks give them for any law: what
is above all of R replicates of the same kind is the largest of R + 1, which has the
chance :math:`1/(R+1)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_number, given, numbers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """The values that a measure has without a collapse.

    Parameters
    ----------
    low, high
        Its ends, which belong to it.

    Raises
    ------
    ValueError
        If one is no number, or ``low`` is above ``high``.

    Examples
    --------
    >>> Band.of([3.0, 1.0, 2.0])
    Band(low=1.0, high=3.0)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Check the ends, which may be infinite."""
        for name in ("low", "high"):
            value = getattr(self, name)
            if not (isinstance(value, float) and math.isinf(value)):
                object.__setattr__(self, name, check_number(name, value))
        if self.low > self.high:
            raise ValueError(
                f"low is {self.low:g} and high is {self.high:g}; low must not be above "
                "high"
            )

    @classmethod
    def of(cls, replicates: ArrayLike, *, beyond: int = 1) -> Band:
        """Return the band between two ranks of replicates.

        Parameters
        ----------
        replicates
            The measure in replicates of generation 0, shape ``(n_replicates,)``.
        beyond
            How many places from each end the band ends: 1 for the smallest and the
            largest, 2 for the second smallest and second largest, and so on. What it
            costs in false alarms says `false_alarm_rate`.

        Raises
        ------
        ValueError
            If there are too few replicates.
        """
        values = np.sort(
            numbers("replicates", replicates, ndim=1, shape="(n,)", infinite=True)
        )
        beyond = _check_ranks(len(values), beyond)
        return cls(float(values[beyond - 1]), float(values[-beyond]))

    def sides(self, values: ArrayLike) -> NDArray[np.int64]:
        """Return -1 for what is below the band, 1 for what is above, 0 inside."""
        array = numbers("values", values, infinite=True)
        return np.asarray((array > self.high).astype(int) - (array < self.low))


@dataclass(frozen=True)
class Alarms:
    """The first alarm of each chain, see `first_alarm`.

    Parameters
    ----------
    generation
        When it rings, shape ``(chains,)``; infinite for a chain that never does.
    side
        1 where the measure was too large, -1 where it was too small, 0 for none.

    Raises
    ------
    ValueError
        Unless there are as many sides as generations.
    """

    generation: Array
    side: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that the two fit."""
        when = numbers(
            "generation", self.generation, ndim=1, shape="(chains,)", infinite=True
        )
        side = numbers("side", self.side, ndim=1, shape="(chains,)", least=-1, most=1)
        if len(when) != len(side):
            raise ValueError(
                f"generation has {len(when)} chains and side has {len(side)}; there "
                "must be as many"
            )
        object.__setattr__(self, "generation", when)
        object.__setattr__(self, "side", side.astype(np.int64))

    @property
    def share(self) -> float:
        """Share of the chains that ring at all."""
        return float(np.isfinite(self.generation).mean())

    @property
    def median(self) -> float:
        """Median generation over all chains, infinite unless more than half ring."""
        ordered = np.sort(self.generation)
        return float(ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1].mean())


def first_alarm(
    values: ArrayLike,
    band: Band,
    *,
    in_a_row: int = 2,
    generations: ArrayLike | None = None,
) -> Alarms:
    """Return when each chain is outside the band for the first time in a row.

    Parameters
    ----------
    values
        The measure, shape ``(generations, chains)``, as from ``History.array``. Leave
        out generation 0, which has nothing to tell.
    band
        From `Band.of`.
    in_a_row
        So many values in a row must be outside, on the same side. The alarm rings with
        the last of them, because nobody knows before.
    generations
        The generation of each row; default: 1, 2, 3, ...

    Raises
    ------
    ValueError
        If there are fewer rows than ``in_a_row``, or as many generations are not given.

    Examples
    --------
    >>> alarms = first_alarm([[0.0, 0.5], [2.0, 0.5], [3.0, 0.5]], Band(0.0, 1.0))
    >>> alarms.generation, alarms.side
    (array([ 3., inf]), array([1, 0]))
    """
    array = numbers(
        "values", values, ndim=2, shape="(generations, chains)", infinite=True
    )
    if not isinstance(band, Band):
        raise ValueError(f"band is {given(band)}; it must be a Band, as from Band.of")
    in_a_row = check_count("in_a_row", in_a_row, 1, len(array))
    when = np.arange(1.0, len(array) + 1)
    if generations is not None:
        when = numbers("generations", generations, ndim=1, shape="(generations,)")
        if len(when) != len(array):
            raise ValueError(
                f"generations has {len(when)} numbers and values has {len(array)} rows;"
                " there must be one for each row"
            )
    runs = np.lib.stride_tricks.sliding_window_view(band.sides(array), in_a_row, axis=0)
    side = np.where((runs == runs[..., :1]).all(axis=-1), runs[..., 0], 0)
    rings, first = (side != 0).any(axis=0), (side != 0).argmax(axis=0)
    return Alarms(
        np.where(rings, when[first + in_a_row - 1], np.inf),
        np.where(rings, side[first, np.arange(array.shape[1])], 0),
    )


def false_alarm_rate(n_replicates: int, *, beyond: int = 1, in_a_row: int = 2) -> float:
    r"""Return the chance that a measure without any change rings at one look.

    .. math:: 2\binom{j+m-1}{m}\Big/\binom{R+m}{m}

    with R replicates, the band ending j places from each end, and m looks in a row.
    Of R + m independent draws of one law every order is equally likely. All m new ones
    are beyond the j-th largest old one if and only if they are among the j + m - 1
    largest of all.

    Parameters
    ----------
    n_replicates
        Replicates that the band was made of.
    beyond, in_a_row
        As in `Band.of` and `first_alarm`.

    Returns
    -------
    float
        For values that never tie; less otherwise. The law of the measure does not
        matter. In T looks the chance is at most T - m + 1 times this. Values in a row
        that hang together ring more often: the same value m times, as of a measure
        without a draw of its own on a model that stays as it is, rings as one look.

    Raises
    ------
    ValueError
        If there are too few replicates.

    Notes
    -----
    Derived here. With one look in a row it is the 2j/(R + 1) of Wilks (1941).

    Examples
    --------
    >>> false_alarm_rate(99, in_a_row=1)
    0.02
    """
    n = check_count("n_replicates", n_replicates, least=1)
    j, m = _check_ranks(n, beyond), check_count("in_a_row", in_a_row, least=1)
    return 2 * math.comb(j + m - 1, m) / math.comb(n + m, m)


def _check_ranks(n: int, beyond: int) -> int:
    """Return how many places from the end a band ends, which leaves it a middle."""
    beyond = check_count("beyond", beyond, least=1)
    if n < 2 * beyond:
        raise ValueError(
            f"there are {n} replicates; a band that ends {beyond} from each end needs "
            f"at least {2 * beyond}"
        )
    return beyond
