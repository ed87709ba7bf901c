r"""What the next generation trains on.

A regime turns a fitted model into the next training set. In the paper's notation the
data of generation :math:`i+1` come from

.. math::
    p_{i+1} = \alpha_i\, p_{\theta_{i+1}} + \beta_i\, p_i + \gamma_i\, p_0,
    \qquad \alpha_i + \beta_i + \gamma_i = 1,

that is, from the newest model, from the data of the generation before, and from the
real data (Shumailov et al. 2024; the theory sets :math:`\beta_i = \gamma_i = 0`, as
corrected in 2025). A new policy is one small class with a ``next`` method.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from collapse_lib.checks import check_count, check_not_negative
from collapse_lib.models.base import Fitted
from collapse_lib.samples import Data, Pool, Summary, pool, size, subsample

Schedule = Callable[[int], int]
Weights = tuple[float, float, float]


class Real(Protocol):
    """The real data as a regime sees them."""

    @property
    def first(self) -> Data:
        """The training set of generation 0, kept if the regime needs it."""
        ...

    def fresh(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` new real points per chain."""
        ...


@dataclass(frozen=True)
class Turn:
    """What a regime is given when a generation has been fitted.

    Parameters
    ----------
    fitted
        The newest model.
    n
        How many points the next generation asks for.
    real
        The real data.
    memory
        What the regime handed back last time (at first, what ``start`` returned).
    rng
        Source of randomness.
    """

    fitted: Fitted
    n: int
    real: Real
    memory: Data | None
    rng: np.random.Generator

    @property
    def remembered(self) -> Data:
        """The memory of a regime that always has one."""
        if self.memory is None:
            raise ValueError(
                "the regime remembers nothing: let start(first) return data"
            )
        return self.memory


@dataclass(frozen=True)
class Step:
    """What a regime hands back: the next training set, and what to remember."""

    training: Data
    memory: Data | None = None


@dataclass(frozen=True)
class Temperature:
    r"""Sample from the density raised to the power :math:`1/T`.

    Below 1 the generator is *biased* towards what it finds likely; for a Gaussian this
    scales the variance by :math:`T`, which is the :math:`\lambda` of MAD
    (Alemohammad et al. 2024).

    Raises
    ------
    ValueError
        If the temperature is negative or not finite.
    """

    value: float

    def __post_init__(self) -> None:
        """Check the temperature."""
        check_not_negative("temperature", self.value)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the tempered generator."""
        if not hasattr(fitted, "temper"):
            raise ValueError(
                f"{type(fitted).__name__} has no temper(temperature) method; "
                "give it one, or use a regime without bias"
            )
        tempered: Fitted = fitted.temper(self.value)
        return tempered


@dataclass(frozen=True)
class Regime:
    """Base of all regimes.

    Parameters
    ----------
    bias
        ``bias(fitted)`` returns the generator to sample from instead of the fitted
        model itself, for example `Temperature`. Default: no bias.
    """

    bias: Callable[[Any], Fitted] | None = field(default=None, kw_only=True)

    @property
    def needs_first(self) -> bool:
        """Whether later generations train on the first real data set again."""
        return False

    def start(self, first: Data) -> Data | None:
        """Return what the regime must remember of the first training set."""
        return None

    def next(self, turn: Turn) -> Step:
        """Return the next training set and the new memory."""
        raise NotImplementedError

    def synthetic(self, turn: Turn, n: int) -> Data:
        """Draw ``n`` synthetic points per chain."""
        generator = self.bias(turn.fitted) if self.bias else turn.fitted
        return generator.sample(n, turn.rng)


@dataclass(frozen=True)
class Replace(Regime):
    """Train on the newest synthetic data only: the setting of the paper's theory."""

    def next(self, turn: Turn) -> Step:
        """Return the newest synthetic data."""
        return Step(self.synthetic(turn, turn.n))


@dataclass(frozen=True)
class Accumulate(Regime):
    """Train on the real data and all synthetic data so far (Gerstgrasser et al. 2024).

    Each generation adds ``n`` points. With literal arrays the work of a fit grows with
    the generation; summaries keep it constant.
    """

    def start(self, first: Data) -> Data | None:
        """Remember the real data."""
        return first if isinstance(first, Summary) else Pool(first.shape[1], first)

    def next(self, turn: Turn) -> Step:
        """Return all data so far."""
        everything = self.everything(turn)
        points = everything.points if isinstance(everything, Pool) else everything
        return Step(points, everything)

    def everything(self, turn: Turn) -> Data:
        """Draw synthetic points and add them to the pool."""
        pooled, new = turn.remembered, self.synthetic(turn, turn.n)
        if isinstance(pooled, Pool) and isinstance(new, np.ndarray):
            return pooled.append(new)
        return pool([pooled, new])


@dataclass(frozen=True)
class AccumulateSubsample(Accumulate):
    """Keep all data, train on ``n`` points drawn from them without replacement.

    The fixed-compute version of `Accumulate` (Kazdan et al. 2025; the paper's pooled
    variant with a fixed sample size).
    """

    def next(self, turn: Turn) -> Step:
        """Return a subsample of all data so far."""
        everything = self.everything(turn)
        points = everything.points if isinstance(everything, Pool) else everything
        return Step(subsample(points, turn.n, turn.rng), everything)


@dataclass(frozen=True)
class Augment(Regime):
    """Train on the fixed first real data set plus the newest synthetic data.

    MAD's *synthetic augmentation loop* (Alemohammad et al. 2024).
    """

    @property
    def needs_first(self) -> bool:
        """Always."""
        return True

    def next(self, turn: Turn) -> Step:
        """Return the real data with the newest synthetic data."""
        return Step(pool([turn.real.first, self.synthetic(turn, turn.n)]))


@dataclass(frozen=True)
class Fresh(Regime):
    """Train on new real data plus the newest synthetic data, every generation.

    MAD's *fresh data loop*. The real data must be a source, not a fixed array.

    Parameters
    ----------
    n_real
        Number of new real points per generation; default: as many as synthetic ones.
    """

    n_real: int | None = None

    def __post_init__(self) -> None:
        """Check the number of real points."""
        if self.n_real is not None:
            check_count("n_real", self.n_real, least=0)

    def next(self, turn: Turn) -> Step:
        """Return new real data with the newest synthetic data."""
        n_real = turn.n if self.n_real is None else self.n_real
        new = turn.real.fresh(n_real, turn.rng)
        return Step(pool([new, self.synthetic(turn, turn.n)]))


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
        check_weights((self.alpha, self.beta, self.gamma))

    @property
    def needs_first(self) -> bool:
        """Whether a share of the real data is kept."""
        return bool(self.gamma or self.weights)

    def start(self, first: Data) -> Data | None:
        """Remember the training set, if a share of it will be kept."""
        return first if self.beta or self.weights else None

    def next(self, turn: Turn) -> Step:
        """Return the mixture."""
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
        return int(round(self.n0 * (t + 1) ** self.power))


def split(n: int, weights: Weights) -> tuple[int, int, int]:
    """Round ``n`` times the weights to integers with sum ``n`` (largest remainder).

    Examples
    --------
    >>> split(10, (0.5, 0.25, 0.25))
    (5, 3, 2)
    """
    shares = [n * weight for weight in weights]
    counts = [math.floor(share + 1e-9) for share in shares]
    order = sorted(range(3), key=lambda i: counts[i] - shares[i])
    for i in order[: n - sum(counts)]:
        counts[i] += 1
    return counts[0], counts[1], counts[2]


def check_weights(weights: Weights) -> Weights:
    """Return the weights if they are three numbers >= 0 with sum 1, else raise."""
    names = ("alpha", "beta", "gamma")
    if len(weights) != len(names):
        raise ValueError(f"weights must be {names}, got {len(weights)} numbers")
    for name, weight in zip(names, weights, strict=True):
        check_not_negative(name, weight)
    if abs(sum(weights) - 1) > 1e-9:
        raise ValueError(
            f"alpha + beta + gamma must be 1, it is {sum(weights):.12g} "
            f"(given {tuple(weights)})"
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
