"""Five worlds whose fits take no network: words, points, word pairs, a regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import metrics, models, regimes
from collapse_lib.data.corpora import corpus
from collapse_lib.data.vocabulary import Vocabulary
from collapse_lib.studies.world import RARE, Array, World

#: Words in a block of text, and how many there are.
BLOCK, N_WORDS = 16, 200
#: Why training cannot stop early.
EXACT = "the fit is exact: there are no steps to stop"


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
class Writers:
    """Blocks of human text, drawn without replacement."""

    blocks: NDArray[np.int64]

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return ``n`` blocks of one chain."""
        return self.blocks[rng.choice(len(self.blocks), n, replace=False)][None]


@cache
def human_text() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return blocks of conversations to learn from, and others to test with."""
    train = corpus("chitchat", "train").documents
    vocabulary = Vocabulary.of(train, N_WORDS)
    test = corpus("chitchat", "test").documents
    order = np.random.default_rng(1903).permutation
    tested = order(vocabulary.blocks(test, BLOCK))[:300]
    return order(vocabulary.blocks(train, BLOCK)), tested


def _ngram() -> World:
    """Pairs of words in conversations."""
    text, test = human_text()
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
        people=Writers(text),
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


#: Name -> function that makes the world.
SMALL: dict[str, Callable[[], World]] = {
    "categorical": _categorical,
    "gaussian": _gaussian,
    "mixture": _mixture,
    "ngram": _ngram,
    "regression": _regression,
}
