"""Biases that choose among the draws of the generator, or put others in their place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import (
    check_count,
    check_finite,
    check_share,
    given,
    numeric,
)
from collapse_lib.models.base import Fitted
from collapse_lib.models.rejection import Candidates, first_taken
from collapse_lib.regimes.draws import (
    Bias,
    Drawn,
    candidates,
    check_emit,
    check_function,
    check_generator,
    chosen,
    probabilities,
    scores,
    with_probabilities,
)
from collapse_lib.samples import Data, Summary, n_chains, pool
from collapse_lib.theory.curation import k_choice


@dataclass(frozen=True)
class Best(Bias):
    r"""Keep one of ``k`` candidates: human curation.

    Each point is one of :math:`K` draws :math:`X_1, \dots, X_K`, the :math:`i`-th with
    probability

    .. math::
        \frac{e^{r(X_i)}}{\sum_j e^{r(X_j)}},

    that is, the one with the largest :math:`r(X_i) + G_i` with standard Gumbel noise
    :math:`G_i`.

    Parameters
    ----------
    reward
        ``reward(x)`` returns one number for each of the points ``x``: from shape
        ``(chains, n, ...)`` to ``(chains, n)``.
    k
        Number of candidates :math:`K`; 1 is no choice.

    Raises
    ------
    ValueError
        If the reward is no function, or ``k`` no positive integer.

    Notes
    -----
    Source: Ferbach et al. (2024). A finite distribution under the exact law becomes
    the one of `theory.curation.k_choice`, since points that are chosen among separate
    candidates are independent. Other summaries do not say which points there were.
    Candidates are what the model draws one after the other: its draws must come in
    random order, not sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from collapse_lib import models
    >>> bias = Best(lambda state: np.log([1, 3])[state])
    >>> bias(models.FittedCategorical.of([0.5, 0.5])).p.round(3)
    array([[0.375, 0.625]])
    """

    reward: Callable[[NDArray[Any]], Any]
    k: int = 2

    def __post_init__(self) -> None:
        """Check the reward and the number of candidates."""
        check_function("reward", self.reward, "points -> numbers")
        check_count("k", self.k, least=1)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the curated generator."""
        check_generator(fitted)
        if (law := known_law(fitted)) is None:
            return Drawn(fitted, self)
        states, p = law
        reward = scores("reward", self.reward, states)[0]
        return with_probabilities(fitted, k_choice(p, reward, self.k))

    def emit(self, fitted: Any, n: int, rng: np.random.Generator) -> Data:
        """Draw ``k`` candidates for each point and keep one of them."""
        check_emit(fitted, n, rng)
        x = candidates(self, fitted, n * self.k, rng)
        wanted = scores("reward", self.reward, x).reshape(len(x), n, self.k)
        best = (wanted + rng.gumbel(size=wanted.shape)).argmax(axis=2)
        return chosen(x, best + self.k * np.arange(n))


@dataclass(frozen=True)
class Verified(Bias):
    r"""Draw until enough points are accepted: verification by rejection.

    The law of what is let out is

    .. math::
        p'(x) = \frac{p(x)\,a(x)}{\sum_y p(y)\,a(y)}.

    Parameters
    ----------
    accept
        ``accept(x)`` returns the probability :math:`a(x)` that each of the points ``x``
        is accepted: from shape ``(chains, n, ...)`` to ``(chains, n)``. Yes and no
        will do.
    rounds
        After so many rounds of drawing the generator gives up.

    Raises
    ------
    ValueError
        If ``accept`` is no function or ``rounds`` no positive integer; while sampling,
        if in a chain too few points are accepted.

    Notes
    -----
    Source: Feng et al. (2025), Yi et al. (2025). A finite distribution under the exact
    law becomes :math:`p'` itself. Of other models the first points that are accepted
    are kept: its draws must come in random order, not sorted.

    Examples
    --------
    >>> from collapse_lib import models
    >>> bias = Verified(lambda state: state > 0)
    >>> bias(models.FittedCategorical.of([0.5, 0.3, 0.2])).p
    array([[0. , 0.6, 0.4]])
    """

    accept: Callable[[NDArray[Any]], Any]
    rounds: int = 100

    def __post_init__(self) -> None:
        """Check the verifier and the number of rounds."""
        check_function("accept", self.accept, "points -> probabilities")
        check_count("rounds", self.rounds, least=1)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the verified generator."""
        check_generator(fitted)
        if (law := known_law(fitted)) is None:
            return Drawn(fitted, self)
        states, p = law
        joint = p * self._probability(states)
        total = joint.sum(axis=1, keepdims=True)
        if not (total > 0).all():
            raise ValueError(
                f"accept lets nothing through in {int((total <= 0).sum())} of "
                f"{len(total)} chains: every state that has a probability is refused"
            )
        return with_probabilities(fitted, joint / total)

    def emit(self, fitted: Any, n: int, rng: np.random.Generator) -> Data:
        """Draw until ``n`` points are accepted in every chain; keep the first ``n``."""
        check_emit(fitted, n, rng)

        def draw(m: int) -> Candidates:
            x = candidates(self, fitted, m, rng)
            return x, rng.random(x.shape[:2]) < self._probability(x)

        kept, least, tried = first_taken(n, draw, self.rounds, spare=1)
        if kept is not None:
            return kept
        raise ValueError(
            f"accept let {least} of {tried} points through ({least / tried:.2g} of "
            f"them) in the chain with the fewest, after {self.rounds} rounds; needed "
            f"are {n}. Accept more, or raise rounds"
        )

    def _probability(self, x: NDArray[Any]) -> NDArray[Any]:
        return scores("accept", self.accept, x, least=0, most=1)


@dataclass(frozen=True)
class Grounded(Bias):
    """Take a share of the draws from a store of real points: retrieval.

    Parameters
    ----------
    store
        Real points, shape ``(m, ...)``, the same for all chains. They are drawn with
        replacement.
    share
        Share of real points, from 0 to 1. Of ``n`` draws ``share * n`` are real,
        rounded, so that the share itself has no noise.

    Raises
    ------
    ValueError
        If the store is empty or not finite, the share is none, or the points in the
        store are of another kind than the model's.

    Notes
    -----
    The points come in random order. Where the model draws a summary, the real points
    are summarised with them: under the law of counts they are numbers of states.

    Examples
    --------
    >>> import numpy as np
    >>> from collapse_lib import models
    >>> generator = Grounded([7, 8, 9], 0.5)(models.FittedGaussian.standard())
    >>> int((generator.sample(10, np.random.default_rng(0)) >= 7).sum())
    5
    """

    store: NDArray[Any]
    share: float

    def __post_init__(self) -> None:
        """Check the store and the share."""
        object.__setattr__(self, "store", checked_store(self.store))
        check_share("share", self.share)

    def __call__(self, fitted: Any) -> Fitted:
        """Return the grounded generator."""
        check_generator(fitted)
        return Drawn(fitted, self)

    def emit(self, fitted: Any, n: int, rng: np.random.Generator) -> Data:
        """Draw from the model and from the store."""
        check_emit(fitted, n, rng)
        n_real = math.floor(self.share * n + 0.5)
        # One draw at least says how many chains there are, and of what kind.
        drawn = fitted.sample(max(n - n_real, 1), rng)
        if n_real == 0:
            return drawn  # type: ignore[no-any-return]
        places = rng.integers(len(self.store), size=(n_chains(drawn), n_real))
        real = self.store[places]
        if isinstance(drawn, Summary):
            summary = _summarised(real, drawn, type(fitted).__name__)
            return summary if n_real == n else pool([drawn, summary])
        if drawn.shape[2:] != real.shape[2:]:
            raise ValueError(
                f"store holds points of shape {real.shape[2:]}, "
                f"{type(fitted).__name__} draws points of shape {drawn.shape[2:]}"
            )
        if n_real == n:
            return real
        both = np.concatenate([drawn, real], axis=1)
        order = np.broadcast_to(np.arange(n), both.shape[:2])
        return chosen(both, rng.permuted(order, axis=1))


def checked_store(store: Any) -> NDArray[Any]:
    """Return points of a store as an array ``(m, ...)``.

    Raises
    ------
    ValueError
        If there are none, or one is not finite.
    """
    array = numeric("store", store)
    if array.ndim < 1 or not array.size:
        raise ValueError(
            f"store is {given(store)}; it must be points of shape (m, ...), at least "
            "one"
        )
    if array.dtype.kind == "f":
        check_finite("store", array)
    return array


def _summarised(real: NDArray[Any], drawn: Summary, kind: str) -> Summary:
    """Summarise real points as a model's draws are."""
    try:
        return drawn.like(real)
    except ValueError as error:
        raise ValueError(
            f"store does not fit the {type(drawn).__name__} that {kind} draws: {error}"
        ) from None


def known_law(fitted: Any) -> tuple[NDArray[Any], NDArray[np.float64]] | None:
    """Return the states of a finite distribution, shape (1, m), and probabilities.

    None for other models, and where the law of the model is to draw every point.
    """
    p = probabilities(fitted)
    model = getattr(fitted, "model", fitted)
    if p is None or getattr(model, "law", "literal") == "literal":
        return None
    grid = getattr(model, "grid", np.arange(p.shape[1]))
    return np.asarray(grid)[None], p
