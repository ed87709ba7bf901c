"""How many points each generation trains on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collapse_lib.checks import check_count, check_not_negative

Schedule = Callable[[int], int]


@dataclass(frozen=True)
class GrowingSamples:
    """Schedule: generation ``t`` trains on about ``n0 * (t + 1) ** power`` points.

    Examples
    --------
    >>> [GrowingSamples(100, power=2)(t) for t in range(4)]
    [100, 400, 900, 1600]
    """

    n0: int
    power: float

    def __post_init__(self) -> None:
        """Check the arguments."""
        check_count("n0", self.n0, least=1)
        check_not_negative("power", self.power)

    def __call__(self, t: int) -> int:
        """Return the size of generation ``t``'s training set."""
        check_count("t", t, least=0)
        try:
            return int(round(self.n0 * (t + 1) ** self.power))
        except OverflowError:
            raise ValueError(
                f"n0 is {self.n0} and power {self.power}: generation {t} would need "
                "more points than a number can say"
            ) from None
