"""The data are kept, and a share of them is written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_share, check_switch, numbers
from collapse_lib.models.tracked import FittedTracked, Labelled
from collapse_lib.regimes.base import Regime, Step, Turn, refuse_turn
from collapse_lib.regimes.keep import split
from collapse_lib.samples import (
    Data,
    Summary,
    data_set,
    n_chains,
    pool,
    size,
    subsample,
)

#: Points that have places, with or without labels that say who wrote them.
Points: TypeAlias = "NDArray[Any] | Labelled"


@dataclass(frozen=True)
class EditedData(Summary):
    """Points, and which of them are edited every time.

    Parameters
    ----------
    size
        Number of points.
    points
        Shape ``(chains, size, ...)``.
    places
        Indices of the points that are edited, shape ``(chains, m)``; with ``m = 0``
        none have been chosen yet.
    source
        Who wrote each point, as in `Labelled`: shape ``(chains, size)``, or
        ``(chains, 0)`` where nobody asks.
    """

    points: NDArray[Any]
    places: NDArray[np.int64]
    source: NDArray[np.int32]

    @classmethod
    def of(cls, data: Points, places: NDArray[np.int64]) -> Self:
        """Remember points, with their labels if they have any."""
        if isinstance(data, Labelled):
            return cls(data.size, data.points, places, data.source)
        return cls(data.shape[1], data, places, np.zeros((len(data), 0), np.int32))

    @property
    def data(self) -> Points:
        """The points, with their labels if they have any."""
        if self.source.shape[1]:
            return Labelled(self.size, self.points, self.source)
        return self.points

    @property
    def chains(self) -> int:
        """Number of independent replicates."""
        return len(self.points)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Refuse: it is the memory of a regime, and no training set."""
        raise ValueError("EditedData are not pooled; pool their points")


@dataclass(frozen=True)
class Edit(Regime):
    r"""Train on the data of the generation before, a share of them edited.

    The newest model writes a share :math:`q` of the points anew, rounded to a whole
    number; all others stay as they are. Rows :math:`(x, y)` keep their :math:`x` and
    get a new label :math:`y`, if the model labels (``label(x, rng)``); other points
    are replaced as a whole. Under `Tracked` what is edited gets the label of the
    model that wrote it, and the rest keep theirs.

    Parameters
    ----------
    share
        The share :math:`q`, from 0 to 1; 1 is `Replace`.
    same
        Whether the places chosen in the first edit are edited every time. Default: new
        ones every time, drawn from all of them.

    Raises
    ------
    ValueError
        If an option is out of range. In a run: if the number of points is to change,
        for what is edited is kept; if a share above 0 rounds to no point.

    Notes
    -----
    The linear model of token editing (Zhu et al. 2025). Where points are replaced as a
    whole, new places every time are ``Mix(alpha=q, beta=1 - q)``, and the same places
    are the first data's :math:`(1-q)n` points with :math:`qn` new ones, as in
    `Augment`. What becomes of a regression: `collapse_lib.theory.regression`. Used in
    chapter 12.

    Examples
    --------
    >>> from collapse_lib import models, recurse
    >>> history = recurse(
    ...     models.KnownWidth(),
    ...     np.zeros(10),
    ...     regime=Edit(share=0.2, same=True),
    ...     n_samples=10,
    ...     n_generations=5,
    ...     measure={"mu": lambda fit: fit.mu},
    ...     rng=np.random.default_rng(0),
    ... )
    >>> len(history)
    6
    """

    share: float
    same: bool = False

    def __post_init__(self) -> None:
        """Check the options."""
        super().__post_init__()
        check_share("share", self.share)
        check_switch("same", self.same)

    def start(self, first: Data) -> Data | None:
        """Remember the real data."""
        first = data_set("first", first)
        if not self.same:
            return first
        if isinstance(first, Summary) and not isinstance(first, Labelled):
            return first  # its points have no places
        return EditedData.of(first, np.zeros((n_chains(first), 0), np.int64))

    def next(self, turn: Turn) -> Step:
        """Return the data with their edits."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        memory = turn.remembered
        data = memory.data if isinstance(memory, EditedData) else memory
        if isinstance(data, Summary) and not isinstance(data, Labelled):
            return self._exchanged(turn, data)
        n_edited = self._n_edited(turn, size(data))
        if not n_edited:
            return Step(data, memory)
        chosen = memory.places if isinstance(memory, EditedData) else None
        if chosen is None or not chosen.shape[1]:
            numbered = np.broadcast_to(np.arange(turn.n), (n_chains(data), turn.n))
            chosen = np.asarray(subsample(numbered, n_edited, turn.rng))
        edited = self._edited(turn, data, chosen)
        return Step(edited, EditedData.of(edited, chosen) if self.same else edited)

    def _n_edited(self, turn: Turn, n: int) -> int:
        """Return how many of ``n`` points are edited."""
        if turn.n != n:
            raise ValueError(
                f"Edit keeps the data, {n} points, and n_samples is {turn.n}; make it "
                f"{n} in every generation"
            )
        n_edited = split(n, (self.share, 1 - self.share, 0.0))[0]
        if self.share and not n_edited:
            raise ValueError(
                f"share is {self.share:g}, which of {n} points rounds to none; use a "
                "larger share or more points"
            )
        return n_edited

    def _edited(self, turn: Turn, data: Points, places: NDArray[np.int64]) -> Points:
        """Return a copy of the points with new ones at some places."""
        rows, (old, source) = np.arange(len(places))[:, None], _parted(data)
        new, written_by = _parted(self._new(turn, old[rows, places]))
        edited = old.astype(np.result_type(old, new), copy=True)
        edited[rows, places] = new
        if source is None and written_by is None:
            return edited
        labels = np.zeros(edited.shape[:2], np.int32) if source is None else source
        labels = labels.copy()
        labels[rows, places] = 0 if written_by is None else written_by
        return Labelled(edited.shape[1], edited, labels)

    def _new(self, turn: Turn, old: NDArray[Any]) -> Points:
        """Return what is written instead of points ``(chains, m, ...)``."""
        generator = self._generator(turn.fitted)
        tracked = isinstance(generator, FittedTracked)
        writer = generator.fitted if tracked else generator
        if not hasattr(writer, "label"):
            return _points(generator, self.synthetic(turn, old.shape[1]))
        x = old[..., :-1]
        y = _labels(writer, x, turn.rng)
        new = np.concatenate([x, y[..., None]], axis=2)
        if not tracked:
            return new
        source = np.broadcast_to(generator.generation[:, None], y.shape)
        return Labelled(y.shape[1], new, source)

    def _exchanged(self, turn: Turn, data: Summary) -> Step:
        """Edit where points have no place: some are taken out, new ones put in."""
        chosen = self.same and data.size < turn.n  # only what is kept was remembered
        n_edited = self._n_edited(turn, turn.n if chosen else data.size)
        if not n_edited:
            return Step(data, data)
        new = self.synthetic(turn, n_edited)
        if n_edited == turn.n:
            return Step(new, data)
        kept = data if chosen else subsample(data, turn.n - n_edited, turn.rng)
        training = pool([kept, new])
        return Step(training, kept if self.same else training)


def _parted(data: Points) -> tuple[NDArray[Any], NDArray[np.int32] | None]:
    """Return points, and who wrote them where that is known."""
    if isinstance(data, Labelled):
        return data.points, data.source
    return data, None


def _points(generator: Any, new: Data) -> Points:
    """Return points that can take the place of others."""
    if isinstance(new, Labelled):
        return new
    if isinstance(new, Summary):
        raise ValueError(
            f"Edit writes points anew; a {type(generator).__name__} drew "
            f"{type(new).__name__}, where they are gone. Build the model with "
            'law="literal"'
        )
    return new


def _labels(
    generator: Any, x: NDArray[Any], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the labels that a model gives, checked."""
    name = f"what {type(generator).__name__}.label(x, rng) returned"
    labels = numbers(name, generator.label(x, rng))
    if labels.shape != x.shape[:2]:
        raise ValueError(f"{name} has shape {labels.shape}; needed is {x.shape[:2]}")
    return labels
