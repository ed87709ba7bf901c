"""Five small worlds, in each of which the same mitigations can be tried.

A world is a model, people who can write more real data, and what a judge, an oracle or
a library of real points would know there. What a world does not have, it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import metrics, models, regimes
from collapse_lib.checks import check_choice, check_positive, given
from collapse_lib.data.corpora import corpus
from collapse_lib.data.vocabulary import Vocabulary
from collapse_lib.declared import declared
from collapse_lib.recursion.generation import Generation
from collapse_lib.regimes import Chain, Regime
from collapse_lib.regimes.draws import check_function

Array = NDArray[np.float64]
#: Words in a block of text, and how many there are.
BLOCK, N_WORDS = 16, 200
#: Why training cannot stop early.
EXACT = "the fit is exact: there are no steps to stop"
#: The share of real points that is called rare, where it can be chosen.
RARE = 0.1


@dataclass(frozen=True)
class World:
    """A model, its real data, and what can be known there.

    Parameters
    ----------
    model
        What is fitted.
    people
        Source of real data, which never ends.
    n
        Points in a training set.
    loss
        ``loss(fitted)`` returns how far each chain is from the truth.
    heat
        ``heat(T)`` returns the bias of a generator at temperature ``T``.
    temperature
        Of the generator; 1 is no bias.
    score
        How plausible an ideal judge finds each point; higher is better.
    usual
        The score that half of the real points reach.
    rare
        Which points are rare: points -> 0 or 1.
    share
        The share of real points that are.
    store
        Other real points, ``(n, ...)``, in a library.
    smooth
        The model with a penalty or prior.
    early
        The model whose training stops early, if it takes steps.
    oracle
        A fitted model with the true parameters, if there is one.
    weighs
        Whether the model can fit points with weights.
    lacks
        What is not there -> why.
    """

    model: Any
    people: Any
    n: int
    loss: Callable[[Any], Array]
    heat: Callable[[float], Any]
    score: Callable[[NDArray[Any]], Array]
    usual: float
    rare: Callable[[NDArray[Any]], NDArray[np.int64]]
    store: NDArray[Any]
    smooth: Any
    share: float = RARE
    temperature: float = 1.0
    oracle: Any = None
    early: Any = None
    weighs: bool = True
    lacks: Mapping[str, str] = field(default_factory=dict)

    @property
    def bias(self) -> Any:
        """What the generator does anyway; None at temperature 1."""
        return None if self.temperature == 1 else self.heat(self.temperature)

    def then(self, step: Callable[[Any], Any]) -> Any:
        """Return the bias of the generator, followed by a policy's step."""
        check_function("step", step, "fitted -> fitted, for example TopP(0.9)")
        return step if self.bias is None else Chain((self.bias, step))

    def loop(
        self,
        regime: Regime,
        *,
        model: Any = None,
        weigh: Any = None,
        counting: float | Callable[[int], float] = 1.0,
        written: float | Callable[[int], float] = 1.0,
    ) -> dict[str, Any]:
        """Return the arguments of `collapse_lib.recurse` for a policy.

        Parameters
        ----------
        regime
            What a generation trains on.
        model
            Another model than the world's own.
        weigh
            How much labelled points count in a fit.
        counting
            How many points, in units of ``n``, are left by the weights in generation
            ``t``: a model that cannot use weights is fitted to so many drawn ones.
        written
            How many points, in units of ``n``, generation ``t`` asks for after the
            first.

        Raises
        ------
        ValueError
            If an argument is of another kind.
        """
        if not isinstance(regime, Regime):
            raise ValueError(
                f"regime is {given(regime)}; it must be one of regimes, e.g. "
                "regimes.Replace(bias=world.bias)"
            )
        model = self.model if model is None else model
        if isinstance(model, type) or not hasattr(model, "fit"):
            raise ValueError(
                f"model is {given(model)}; it must have fit(data, rng), or be None"
            )
        for name, share in {"counting": counting, "written": written}.items():
            if isinstance(share, type) or not callable(share):
                check_positive(name, share)
        if weigh is not None:
            model = self._weighed(model, weigh, counting)
        return {
            "model": model,
            "real": self.people,
            "regime": regime,
            "n_samples": _Sizes(self.n, written),
        }

    def _weighed(self, model: Any, weigh: Any, counting: Any) -> Any:
        if self.weighs:
            return models.Tracked(model, weigh=weigh)
        if not callable(counting):
            return models.Tracked(model, weigh, n_fit=max(1, round(self.n * counting)))
        return _Schedule(model, weigh, self.n, counting)

    def measure(self, generation: Generation) -> dict[str, Array]:
        """Return the loss, the points a fit used, and the share of rare ones in them.

        Points are counted in units of ``n``; the share is 1 where it is the real one.
        """
        if not isinstance(generation, Generation):
            raise ValueError(
                f"generation is {given(generation)}; it must be one that the loop "
                "yields"
            )
        data: Any = generation.training
        points = data if isinstance(data, np.ndarray) else data.points
        loss = np.asarray(self.loss(generation.fitted), np.float64)
        return {
            "loss": loss,
            "used": np.full(loss.shape, points.shape[1] / self.n),
            "rare": self.rare(points).mean(axis=1) / self.share,
        }


@dataclass(frozen=True)
class _Sizes:
    """The real sample has ``n`` points; what comes later, what a policy asks for."""

    n: int
    written: Any

    def __call__(self, t: int) -> int:
        share = self.written(t) if callable(self.written) else self.written
        return self.n if t == 0 else max(1, round(self.n * share))


@dataclass(frozen=True)
class _Schedule:
    """A tracked model that draws another number of points in every generation."""

    model: Any
    weigh: Any
    n: int
    counting: Callable[[int], float]

    def __call__(self, t: int) -> Any:
        n_fit = max(1, round(self.n * self.counting(t)))
        return models.Tracked(self.model, self.weigh, n_fit=n_fit)


@declared
def world(name: str, temperature: float = 1.0) -> World:
    """Return a world by its name.

    Parameters
    ----------
    name
        ``"categorical"``, ``"gaussian"``, ``"mixture"``, ``"ngram"`` or
        ``"regression"``.
    temperature
        At which its generators write; 1 is no bias.

    Raises
    ------
    ValueError
        If there is no such world, or the temperature is not above 0.

    Examples
    --------
    >>> world("gaussian").n
    100
    """
    check_choice("name", name, tuple(WORLDS))
    check_positive("temperature", temperature)
    return replace(WORLDS[name](), temperature=float(temperature))


def _categorical() -> World:
    """Words with Zipf's frequencies."""
    p = 1 / np.arange(1, 101)
    p /= p.sum()
    rng = np.random.default_rng(1900)
    n, literal = 300, "literal"
    first_rare = int((np.cumsum(p[::-1])[::-1] > RARE).sum())
    return World(
        model=models.Categorical(len(p), law=literal),
        people=models.FittedCategorical(p[None], literal),
        n=n,
        loss=lambda fit: 1 - np.sqrt(fit.p * p).sum(axis=1),
        heat=regimes.Temperature,
        score=lambda x: np.log(p)[x],
        usual=float(np.log(p)[int((np.cumsum(p) < 0.5).sum())]),
        rare=lambda x: (x >= first_rare).astype(np.int64),
        share=float(p[first_rare:].sum()),
        store=rng.choice(len(p), size=n, p=p),
        smooth=models.Categorical(len(p), law=literal, smoothing=0.5),
        oracle=models.FittedCategorical(p[None], literal),
        lacks={"steps": EXACT},
    )


def _gaussian() -> World:
    """One normal distribution."""
    n, edge, half = 100, 1.6448536269514722, 0.6744897501960817
    return World(
        model=models.Gaussian(),
        people=models.FittedGaussian.standard(),
        n=n,
        loss=lambda fit: metrics.kl_gaussian(fit.mu, fit.sigma),
        heat=regimes.Temperature,
        score=lambda x: -(x**2) / 2,
        usual=-(half**2) / 2,
        rare=lambda x: (np.abs(x) > edge).astype(np.int64),
        store=np.random.default_rng(1901).standard_normal(n),
        smooth=_TowardsStandard(),
        oracle=models.FittedGaussian.standard(),
        lacks={
            "equal points": "no two points are equal",
            "probabilities": "there are densities, and no probabilities of states",
            "steps": EXACT,
        },
    )


@dataclass(frozen=True)
class _TowardsStandard:
    """A Gaussian with a prior: as if ten points of N(0, 1) had been seen as well."""

    weight: int = 10
    event_ndim = 0

    def fit(self, data: Any, rng: np.random.Generator) -> models.FittedGaussian:
        """Shrink mean and variance."""
        fit, n = models.Gaussian("mle").fit(data, rng), data.shape[1]
        kept = n / (n + self.weight)
        variance = kept * (fit.sigma**2 + (1 - kept) * fit.mu**2) + 1 - kept
        return models.FittedGaussian(kept * fit.mu, np.sqrt(variance))


def _mixture() -> World:
    """Three groups in the plane, one of them small."""
    truth = models.FittedGaussianMixture.of(
        [0.6, 0.3, RARE],
        [[-2.5, 0.0], [2.5, 0.0], [0.0, 3.5]],
        [np.eye(2), np.eye(2), 0.5 * np.eye(2)],
    )
    rng, n = np.random.default_rng(1902), 300
    store, test = truth.sample(n, rng)[0], truth.sample(4_000, rng)[0]
    entropy = -truth.log_density(test).mean()
    edge = float(np.quantile(test[:, 1], 1 - RARE))
    return World(
        model=models.GaussianMixture(3),
        people=truth,
        n=n,
        loss=lambda fit: -fit.log_density(test).mean(axis=1) - entropy,
        heat=regimes.Temperature,
        score=lambda x: truth.log_density(x.reshape(-1, 2)).reshape(x.shape[:2]),
        usual=float(np.median(truth.log_density(test))),
        rare=lambda x: (x[..., 1] > edge).astype(np.int64),
        store=store,
        smooth=models.GaussianMixture(3, reg_covar=0.1),
        early=models.GaussianMixture(3, max_iter=3),
        weighs=False,
        lacks={
            "equal points": "no two points are equal",
            "parameters": "components have no order, so that none can be moved",
            "probabilities": "there are densities, and no probabilities of states",
            "one temperature": "the bias of a mixture is no parameter of a mixture",
        },
    )


@dataclass(frozen=True)
class _People:
    """Blocks of human text, drawn without replacement."""

    blocks: NDArray[np.int64]

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return ``n`` blocks of one chain."""
        return self.blocks[rng.choice(len(self.blocks), n, replace=False)][None]


@cache
def _texts() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return blocks of conversations to learn from, and others to test with."""
    train = corpus("chitchat", "train").documents
    vocabulary = Vocabulary.of(train, N_WORDS)
    test = corpus("chitchat", "test").documents
    order = np.random.default_rng(1903).permutation
    tested = order(vocabulary.blocks(test, BLOCK))[:300]
    return order(vocabulary.blocks(train, BLOCK)), tested


def _ngram() -> World:
    """Pairs of words in conversations."""
    text, test = _texts()
    n, pairs = 200, models.NGram(N_WORDS, 2)
    judge = pairs.fit(text[None], np.random.default_rng(0))
    least = -judge.log_prob(test).mean()
    usual = judge.log_prob(test).sum(axis=-1)[0]

    def score(x: NDArray[Any]) -> Array:
        flat = judge.log_prob(x.reshape(-1, BLOCK))
        return np.asarray(flat.sum(axis=-1).reshape(x.shape[:2]))

    edge = float(np.quantile(usual, RARE))
    return World(
        model=pairs,
        people=_People(text),
        n=n,
        loss=lambda fit: -fit.log_prob(test).mean(axis=(1, 2)) - least,
        heat=regimes.Temperature,
        score=score,
        usual=float(np.median(usual)),
        rare=lambda x: (score(x) < edge).astype(np.int64),
        store=text[-n:],
        smooth=models.NGram(N_WORDS, 2, models.JelinekMercer((0.9, 0.7))),
        weighs=False,
        lacks={
            "parameters": "counts of word pairs are not moved, they are counted",
            "one temperature": "the bias is one of each next word",
            "steps": EXACT,
        },
    )


@dataclass(frozen=True)
class _Shrunk:
    """Predict a share of the variance: what a generator too sure of zero does."""

    share: float

    def __call__(self, fitted: Any) -> Any:
        """Return the generator with smaller coefficients."""
        return replace(fitted, coef=fitted.coef * self.share**0.5)


def _regression() -> World:
    """Five coefficients and noise."""
    coef, n = np.ones(5), 100
    truth = models.FittedLinearRegression.of(coef)
    edge, half = 1.6448536269514722, 0.6744897501960817

    def residual(x: NDArray[Any]) -> Array:
        return np.asarray(x[..., -1] - x[..., :-1] @ coef)

    return World(
        model=models.LinearRegression(),
        people=truth,
        n=n,
        loss=lambda fit: ((fit.coef - coef) ** 2).sum(axis=1),
        heat=_Shrunk,
        score=lambda x: -(residual(x) ** 2) / 2,
        usual=-(half**2) / 2,
        rare=lambda x: (np.abs(residual(x)) > edge).astype(np.int64),
        store=np.asarray(truth.sample(n, np.random.default_rng(1904)))[0],
        smooth=models.LinearRegression(ridge=5.0),
        oracle=truth,
        lacks={
            "equal points": "no two points are equal",
            "probabilities": "there are answers, and no probabilities of states",
            "one temperature": "the bias is one of coefficients",
            "steps": EXACT,
        },
    )


WORLDS: dict[str, Callable[[], World]] = {
    "categorical": _categorical,
    "gaussian": _gaussian,
    "mixture": _mixture,
    "ngram": _ngram,
    "regression": _regression,
}
