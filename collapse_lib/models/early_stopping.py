"""Early stopping: training ends when points that it does not see stop gaining."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_number, check_rng, given, numbers


@dataclass(frozen=True)
class EarlyStopping:
    """Hold a share of every training set out, and stop when its loss has turned.

    What a network learns after that is its training set by heart, and what it has by
    heart it repeats to the next generation. The weights are those of the epoch with
    the lowest loss on the points held out.

    Parameters
    ----------
    held_out
        Share of the training set that is held out, between 0 and 1: new points in
        every fit, at least one, and never all.
    patience
        Training ends after so many epochs without a new lowest loss, at least 1.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    For `Transformer`, `Pretrained` and `VAE`: ``early_stopping=EarlyStopping()``. The
    points held out come from the same pool as the rest. From a pool of synthetic points
    they say when the network has learnt the model that wrote them, and nothing of what
    that model had lost: it slows memorisation down, it brings no information back. And
    the fit has fewer points: a network that learns little by heart, such as the `VAE`
    on a few hundred digits, loses more by that than it gains. Fu et al. (2024)
    study early stopping in loops of diffusion models.

    Examples
    --------
    >>> kept, held = EarlyStopping(held_out=0.25).split(8, np.random.default_rng(0))
    >>> len(kept), len(held)
    (6, 2)
    >>> EarlyStopping(patience=2).is_over([3.0, 2.0, 2.5, 2.1])
    True
    """

    held_out: float = 0.1
    patience: int = 2

    def __post_init__(self) -> None:
        """Check the share and the patience."""
        if check_number("held_out", self.held_out, above=0, most=1) == 1:
            raise ValueError(
                f"held_out is {given(self.held_out)}: nothing is left to train on; it "
                "must be above 0 and below 1"
            )
        check_count("patience", self.patience, least=1)

    def split(
        self, n: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of the points to train on, and of those held out.

        Parameters
        ----------
        n
            Points in the training set.
        rng
            Source of randomness.

        Raises
        ------
        ValueError
            If there are fewer than 2 points.
        """
        if check_count("n", n, least=0) < 2:
            raise ValueError(
                f"early_stopping needs at least 2 points in a training set, one to "
                f"train on and one to hold out; there are {n}"
            )
        out = min(max(math.floor(self.held_out * n + 0.5), 1), n - 1)
        order = check_rng(rng).permutation(n)
        return np.sort(order[out:]), np.sort(order[:out])

    def is_over(self, losses: ArrayLike) -> bool:
        """Return whether training ends after these losses on the points held out.

        Parameters
        ----------
        losses
            One number per epoch so far, at least one.

        Raises
        ------
        ValueError
            If they are no finite numbers, or none: training has diverged.
        """
        found = numbers("losses", losses, ndim=1, shape="(epochs,)")
        return bool(len(found) - 1 - int(found.argmin()) >= self.patience)


def check_early_stopping(value: object) -> None:
    """Raise ValueError unless ``value`` is an `EarlyStopping` or None."""
    if value is not None and not isinstance(value, EarlyStopping):
        raise ValueError(
            f"early_stopping is {given(value)}; it must be None or "
            "models.EarlyStopping(held_out=0.1, patience=2)"
        )
