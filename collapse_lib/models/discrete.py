"""A finite set of states, re-estimated from its own samples: the urn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_number,
    given,
)
from collapse_lib.models.base import (
    LAWS,
    FittedChains,
    as_distribution,
    check_distribution,
    check_sampling,
)
from collapse_lib.samples import Data, Summary, check_data, weighted_points
from collapse_lib.theory.minorities import MOST_SMOOTHING


@dataclass(frozen=True)
class _Counted(Summary):
    """What `Counts` and `ExpectedCounts` share."""

    counts: NDArray[Any]

    def __post_init__(self) -> None:
        """Check the counts."""
        super().__post_init__()
        if self.counts.ndim != 2 or self.counts.dtype.kind not in "iuf":
            raise ValueError(
                f"counts is {given(self.counts)}; it must be numbers of shape (chains, "
                "n_states)"
            )

    @property
    def chains(self) -> int:
        """Number of replicates; without noise they only differ by their start."""
        return len(self.counts)

    @classmethod
    def _pool(cls, parts: Sequence[Self]) -> Self:
        """Add the counts up."""
        total = np.sum([part.counts for part in parts], axis=0)
        return cls(sum(part.size for part in parts), total)

    @classmethod
    def _pool_weighted(cls, parts: Sequence[Self], weights: Sequence[float]) -> Any:
        """Add the counts up, those of each part with a weight: whole no longer."""
        own = [w * part.counts for w, part in zip(weights, parts, strict=True)]
        return ExpectedCounts(sum(part.size for part in parts), np.sum(own, axis=0))

    def _like(self, points: NDArray[Any]) -> Self:
        """Count points: states of shape ``(chains, n)``."""
        points = check_data(points, 0, "points")
        counts = count_states(points, self.counts.shape[1], name="points")
        return type(self)(points.shape[1], counts)


@dataclass(frozen=True)
class Counts(_Counted):
    """How often each state occurs among ``size`` points of each chain.

    Parameters
    ----------
    size
        Number of points.
    counts
        Shape ``(chains, n_states)``, each row with sum ``size``.
    """

    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that they are whole."""
        super().__post_init__()
        if self.counts.dtype.kind == "f":
            raise ValueError(
                f"counts is {given(self.counts)}; it must be integers. For expected "
                "counts use ExpectedCounts"
            )

    def subsample(self, n: int, rng: np.random.Generator) -> Self:
        """Draw ``n`` points without replacement: multivariate hypergeometric."""
        self.check_subsample(n, rng)
        drawn = [rng.multivariate_hypergeometric(row, n) for row in self.counts]
        return type(self)(n, np.stack(drawn))


@dataclass(frozen=True)
class ExpectedCounts(_Counted):
    """Counts without sampling noise: what infinitely many points would show.

    Parameters
    ----------
    size
        Number of points they stand for; it only weighs the parts of a pool.
    counts
        Expected counts, shape ``(chains, n_states)``, rows with sum ``size``.
    """

    counts: NDArray[np.float64]

    def subsample(self, n: int, rng: np.random.Generator) -> Self:
        """Scale the counts to ``n`` points."""
        self.check_subsample(n, rng)
        return type(self)(n, self.counts * (n / self.size))


@dataclass(frozen=True)
class Categorical:
    r"""A distribution on the states 0, 1, ..., ``n_states - 1``, fitted exactly.

    The fit is the empirical distribution, so the recursion is the Wright-Fisher
    model of population genetics: no functional error, only sampling. With ``smoothing``
    :math:`a` every state counts as if it had been seen :math:`a` times more,

    .. math:: \hat p_i = \frac{N_i + a}{n + K a},

    so that none dies out, and all are drawn towards :math:`1/K`.

    Parameters
    ----------
    n_states
        Number of states :math:`K`, at least 1.
    law
        ``"exact"`` draws the counts from their multinomial law; ``"literal"`` draws
        every point. Both have the same distribution.
    smoothing
        Added to the count of every state, from 0 to 1e300.

    Raises
    ------
    ValueError
        If ``n_states`` is not a positive integer, ``law`` is unknown or ``smoothing``
        is out of range.

    Notes
    -----
    Source: Shumailov et al. (2024), "Discrete distributions with exact approximation".
    The smoothed estimate is the posterior mean under a Dirichlet prior with parameter
    :math:`a`, and the most probable :math:`p` under one with :math:`a + 1`; what it
    does to a loop is in `theory.minorities`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> Categorical(3).fit(np.array([[0, 0, 2, 2]]), rng).p
    array([[0.5, 0. , 0.5]])
    >>> Categorical(3, smoothing=1).fit(np.array([[0, 0, 2, 2]]), rng).p.round(2)
    array([[0.43, 0.14, 0.43]])
    """

    n_states: int
    law: str = "exact"
    smoothing: float = 0.0

    event_ndim = 0

    def __post_init__(self) -> None:
        """Check the options."""
        check_count("n_states", self.n_states, least=1)
        check_choice("law", self.law, LAWS)
        check_number("smoothing", self.smoothing, least=0, most=MOST_SMOOTHING)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedCategorical:
        """Count.

        Parameters
        ----------
        data
            Integers of shape ``(chains, n)``, alone or as `Weighted` points; or
            `Counts`, or `ExpectedCounts`, which weights make of them.
        rng
            Not used: counting is deterministic.

        Raises
        ------
        ValueError
            If a state is not an integer from 0 to ``n_states - 1``, or the data are
            empty or of another shape.
        """
        if isinstance(data, _Counted):
            p, size = frequencies(data, self.n_states), data.size
        else:
            states, weights = weighted_points(data, self, Counts, ExpectedCounts)
            size = states.shape[1]
            p = count_states(states, self.n_states, weights) / size
        if self.smoothing:
            added = self.smoothing / size
            p = (p + added) / (1 + self.n_states * added)
        return FittedCategorical(p, self.law)


def count_states(
    data: NDArray[Any],
    n_states: int,
    weights: NDArray[np.float64] | None = None,
    name: str = "data",
) -> NDArray[Any]:
    """Return how often each state occurs in data ``(chains, n)``.

    Parameters
    ----------
    data
        Integers.
    n_states
        Number of states.
    weights
        How much each point counts, of the same shape; default: each once, which makes
        the counts integers.
    name
        What messages call the data.

    Raises
    ------
    ValueError
        If a state is not an integer from 0 to ``n_states - 1``.
    """
    if data.dtype.kind not in "iu":
        raise ValueError(f"states must be integers, the {name} are {data.dtype}")
    if data.min() < 0 or data.max() >= n_states:
        raise ValueError(
            f"the {name} hold states {data.min()} to {data.max()}; "
            f"allowed: 0 to {n_states - 1}"
        )
    # One bincount for all chains: each chain gets its own range of labels.
    offsets = n_states * np.arange(len(data))[:, None]
    labels = data.astype(np.int64, copy=False) + offsets
    own = None if weights is None else weights.ravel()
    flat = np.bincount(labels.ravel(), own, minlength=len(data) * n_states)
    return flat.reshape(len(data), n_states)


def frequencies(
    data: _Counted, n_states: int, what: str = "states, n_states is"
) -> NDArray[np.float64]:
    """Return how frequent each state is, shape ``(chains, n_states)``.

    Raises
    ------
    ValueError
        If the model has another number of states; ``what`` is how it calls them.
    """
    found = data.counts.shape[1]
    if found != n_states:
        raise ValueError(f"the counts are of {found} {what} {n_states}")
    return np.asarray(data.counts / data.size)


@dataclass(frozen=True)
class FittedCategorical(FittedChains):
    """Distributions on finitely many states, one per chain.

    Parameters
    ----------
    p
        Probabilities, shape ``(chains, n_states)``, rows with sum 1.
    law
        ``"exact"`` or ``"literal"``: see `Categorical`.
    """

    p: NDArray[np.float64]
    law: str = "exact"

    ndims = {"p": 2}

    def __post_init__(self) -> None:
        """Check the probabilities."""
        if getattr(self.p, "dtype", None) != np.float64:
            object.__setattr__(self, "p", as_distribution("p", self.p, ndim=2))
        super().__post_init__()
        check_choice("law", self.law, LAWS)
        check_distribution("p", self.p)

    @classmethod
    def of(cls, weights: Sequence[float], law: str = "exact") -> FittedCategorical:
        """Return a given distribution as a source of real data.

        Raises
        ------
        ValueError
            If the weights are negative, not finite, or do not sum to 1.
        """
        return cls(as_distribution("weights", weights, ndim=1)[None], law)

    def temper(self, temperature: float) -> FittedCategorical:
        r"""Return the distribution :math:`p_i^{1/T} / \sum_j p_j^{1/T}`.

        Temperature 0 keeps only the most probable state (ties share it equally).
        """
        check_not_negative("temperature", temperature)
        with np.errstate(divide="ignore"):  # log 0 = -inf: the state stays impossible
            logits = np.log(self.p)
        logits -= logits.max(axis=1, keepdims=True)
        if temperature == 0:
            weights = (logits == 0).astype(np.float64)
        else:
            weights = np.exp(logits / temperature)
        return replace(self, p=weights / weights.sum(axis=1, keepdims=True))

    def sample(self, n: int, rng: np.random.Generator) -> Data:
        """Draw ``n`` points per chain: counts, or an array under the literal law."""
        check_sampling(n, rng)
        if self.law == "exact":
            return Counts(n, rng.multinomial(n, self.p))
        uniform = rng.random((len(self.p), n))
        cdf = np.cumsum(self.p, axis=1)
        cdf /= cdf[:, -1:]
        rows = zip(cdf, uniform, strict=True)
        # side="right": a state of probability 0 owns an empty interval.
        return np.stack([np.searchsorted(c, u, side="right") for c, u in rows])
