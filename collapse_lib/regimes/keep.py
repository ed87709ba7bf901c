"""Which data the next generation trains on: what is kept, what is thrown away."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_share,
    given,
)
from collapse_lib.regimes.base import Regime, Step, Turn, refuse_turn
from collapse_lib.samples import (
    Data,
    Pool,
    Summary,
    data_set,
    pool,
    pool_weighted,
    size,
    subsample,
)

Weights = tuple[float, float, float]


@dataclass(frozen=True)
class Replace(Regime):
    """Train on the newest synthetic data only: the setting of the paper's theory."""

    def next(self, turn: Turn) -> Step:
        """Return the newest synthetic data."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        return Step(self.synthetic(turn, turn.n))


@dataclass(frozen=True)
class Accumulate(Regime):
    """Train on the real data and all synthetic data so far (Gerstgrasser et al. 2024).

    Each generation adds ``n`` points. With literal arrays the work of a fit grows with
    the generation; summaries keep it constant.
    """

    def start(self, first: Data) -> Data | None:
        """Remember the real data."""
        first = data_set("first", first)
        return first if isinstance(first, Summary) else Pool(first.shape[1], first)

    def next(self, turn: Turn) -> Step:
        """Return all data so far."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        everything = self.everything(turn)
        points = everything.points if isinstance(everything, Pool) else everything
        return Step(points, everything)

    def everything(self, turn: Turn) -> Data:
        """Draw synthetic points and add them to the pool."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        pooled, new = turn.remembered, self.synthetic(turn, turn.n)
        if isinstance(pooled, Pool) and isinstance(new, np.ndarray):
            return pooled.append(new)
        return pool([pooled, new])


@dataclass(frozen=True)
class AccumulateSubsample(Accumulate):
    """Keep all data, train on ``n`` points drawn from them without replacement.

    The fixed-compute version of `Accumulate` (Kazdan et al. 2025; the paper's pooled
    variant with a fixed sample size).

    Notes
    -----
    Under a law of means or moments it cannot run, not even for a Gaussian. Given what
    is known of the groups' sums, the mean of one subsample is normal; but subsamples of
    different generations share points, so that the next one's law depends on how many
    points it has in common with each that came before, and these with each other. That
    is the history of every point, and no summary. Counts of states are one:
    `models.Categorical` runs under its exact law.
    """

    def next(self, turn: Turn) -> Step:
        """Return a subsample of all data so far."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        everything = self.everything(turn)
        points = everything.points if isinstance(everything, Pool) else everything
        return Step(subsample(points, turn.n, turn.rng), everything)


@dataclass(frozen=True)
class Augment(Regime):
    """Train on the fixed first real data set plus the newest synthetic data.

    MAD's *synthetic augmentation loop* (Alemohammad et al. 2024).

    Parameters
    ----------
    real_weight
        Share of the weight that the real points have together in the fit, from 0 to 1;
        default: every point counts alike.
    """

    real_weight: float | None = None

    def __post_init__(self) -> None:
        """Check the weight."""
        super().__post_init__()
        _check_real_weight(self.real_weight)

    @property
    def needs_first(self) -> bool:
        """Always."""
        return True

    def next(self, turn: Turn) -> Step:
        """Return the real data with the newest synthetic data."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        synthetic = self.synthetic(turn, turn.n)
        return Step(_together(turn.real.first, synthetic, self.real_weight))


@dataclass(frozen=True)
class Fresh(Regime):
    """Train on new real data plus the newest synthetic data, every generation.

    MAD's *fresh data loop*. The real data must be a source, not a fixed array.

    Parameters
    ----------
    n_real
        Number of new real points per generation; default: as many as synthetic ones.
    real_weight
        Share of the weight that the real points have together in the fit, from 0 to 1
        (He, Xu and Cheng 2026: the best one is `theory.number_line.golden_weight`);
        default: every point counts alike.
    """

    n_real: int | None = None
    real_weight: float | None = None

    def __post_init__(self) -> None:
        """Check the number of real points and their weight."""
        super().__post_init__()
        if self.n_real is not None:
            check_count("n_real", self.n_real, least=0)
        _check_real_weight(self.real_weight)
        if self.n_real == 0 and self.real_weight:
            raise ValueError(
                f"real_weight is {self.real_weight:g} and n_real is 0: there are no "
                "real points to weigh; leave one of the two out"
            )

    def next(self, turn: Turn) -> Step:
        """Return new real data with the newest synthetic data."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        n_real = turn.n if self.n_real is None else self.n_real
        if not n_real:
            return Step(self.synthetic(turn, turn.n))
        real = turn.real.fresh(n_real, turn.rng)
        return Step(_together(real, self.synthetic(turn, turn.n), self.real_weight))


def _check_real_weight(real_weight: float | None) -> None:
    if real_weight is not None:
        check_share("real_weight", real_weight)


def _together(real: Data, synthetic: Data, real_weight: float | None) -> Data:
    """Pool real and synthetic points, weighted if asked for."""
    if real_weight is None:
        return pool([real, synthetic])
    return pool_weighted([real, synthetic], [real_weight, 1 - real_weight])


@dataclass(frozen=True)
class Mix(Regime):
    r"""The paper's stochastic process with weights :math:`(\alpha, \beta, \gamma)`.

    Of ``n`` points, :math:`\alpha n` come from the newest model, :math:`\beta n` are
    drawn without replacement from the training set before, :math:`\gamma n` without
    replacement from the first real data set (rounded to integers with sum ``n``).

    Parameters
    ----------
    alpha, beta, gamma
        Weights, not negative, with sum 1.
    weights
        Instead of constants: ``weights(rng)`` returns the three weights anew every
        generation, for example ``lambda rng: tuple(rng.dirichlet([1, 1, 1]))``. All
        chains of a call share them; for independent ones use `parallel.replicate`
        with small blocks.

    Raises
    ------
    ValueError
        If the weights are negative or do not sum to 1.
    """

    alpha: float = 1.0
    beta: float = 0.0
    gamma: float = 0.0
    weights: Callable[[np.random.Generator], Weights] | None = None

    def __post_init__(self) -> None:
        """Check the weights."""
        super().__post_init__()
        if self.weights is not None and not callable(self.weights):
            raise ValueError(
                f"weights is {given(self.weights)}; it must be a function rng -> "
                "(alpha, beta, gamma). For constants pass alpha, beta and gamma"
            )
        check_weights((self.alpha, self.beta, self.gamma))

    @property
    def needs_first(self) -> bool:
        """Whether a share of the real data is kept."""
        return bool(self.gamma or self.weights)

    def start(self, first: Data) -> Data | None:
        """Remember the training set, if a share of it will be kept."""
        first = data_set("first", first)
        return first if self.beta or self.weights else None

    def next(self, turn: Turn) -> Step:
        """Return the mixture."""
        if not isinstance(turn, Turn):
            refuse_turn(turn)
        n_model, n_before, n_real = split(turn.n, self._weights(turn.rng))
        parts = [self.synthetic(turn, n_model)] if n_model else []
        if n_before:
            parts.append(_keep(turn.remembered, n_before, "beta", turn.rng))
        if n_real:
            parts.append(_keep(turn.real.first, n_real, "gamma", turn.rng))
        training = pool(parts)
        return Step(training, training if turn.memory is not None else None)

    def _weights(self, rng: np.random.Generator) -> Weights:
        if self.weights is None:
            return self.alpha, self.beta, self.gamma
        return check_weights(self.weights(rng))


def split(n: int, weights: Weights) -> tuple[int, int, int]:
    """Round ``n`` times the weights to integers with sum ``n`` (largest remainder).

    Examples
    --------
    >>> split(10, (0.5, 0.25, 0.25))
    (5, 3, 2)
    """
    check_count("n", n, least=0)
    shares = [n * weight for weight in check_weights(weights)]
    counts = [math.floor(share + 1e-9) for share in shares]
    order = sorted(range(3), key=lambda i: counts[i] - shares[i])
    for i in order[: n - sum(counts)]:
        counts[i] += 1
    return counts[0], counts[1], counts[2]


def check_weights(weights: Weights) -> Weights:
    """Return the weights if they are three numbers >= 0 with sum 1, else raise."""
    names = ("alpha", "beta", "gamma")
    if not hasattr(weights, "__len__") or len(weights) != len(names):
        raise ValueError(f"weights is {given(weights)}; it must be {names}")
    for name, weight in zip(names, weights, strict=True):
        check_not_negative(name, weight)
    if abs(sum(weights) - 1) > 1e-9:
        raise ValueError(
            f"alpha + beta + gamma must be 1, it is {sum(weights):.12g} "
            f"(weights: {tuple(weights)})"
        )
    return weights


def _keep(data: Data, n: int, weight: str, rng: np.random.Generator) -> Data:
    """Keep ``n`` points; keeping all needs no draw, so that summaries pass."""
    if n > size(data):
        raise ValueError(
            f"{weight} asks for {n} kept points, there are only {size(data)}; "
            "lower n_samples or the weight"
        )
    return data if n == size(data) else subsample(data, n, rng)
