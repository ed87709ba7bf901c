"""Two worlds whose models are networks: an autoencoder and a small transformer.

Every fit trains a new network, from other random weights, in the same number of steps:
the budget of a fit is its time, and what a policy adds to the training set, it adds to
what is seen and not to how long it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import models, regimes
from collapse_lib.data.digits import mnist
from collapse_lib.studies.dense_autoencoder import DenseAutoencoder, FittedAutoencoder
from collapse_lib.studies.small_transformers import SideBySide
from collapse_lib.studies.small_worlds import BLOCK, N_WORDS, Writers, human_text
from collapse_lib.studies.world import RARE, Array, World

#: Points in a training set, and how often a fit looks at a point of them on average.
DIGITS, LOOKS_AT_DIGITS = 200, 48
BLOCKS, LOOKS_AT_BLOCKS = 200, 8
#: Of the 5,000 digits so many test, and so many lie in the library; people have the
#: others.
TESTED = 500
#: Blocks that people have written, of all that there are.
WRITTEN = 20_000
#: Epochs of the fit to all human digits, which judges and says what is possible.
LONG = 20
#: Why networks lack some things.
LACKS = {
    "parameters": "every fit begins at other random weights: two networks have no "
    "parameters in common that one could move",
}


@dataclass(frozen=True)
class Illustrators:
    """People who draw digits: grey ones, whose pixels are 0 or 1 anew every time."""

    grey: NDArray[np.float32]

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return ``n`` different digits of one chain."""
        chosen = self.grey[rng.choice(len(self.grey), n, replace=False)]
        return binary(chosen, rng)[None]


def halved(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return images of 14 by 14 pixels: the mean grey of four pixels each."""
    return np.asarray(images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)))


def binary(grey: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return pixels 0 or 1, each with its grey level as probability."""
    return (rng.random(grey.shape, np.float32) < grey).astype(np.uint8)


@dataclass(frozen=True)
class _Known:
    """What is known of digits: people, a test, a library, a judge."""

    people: NDArray[np.float32]
    test: NDArray[np.uint8]
    store: NDArray[np.uint8]
    judge: FittedAutoencoder


@cache
def _digits() -> _Known:
    rng = np.random.default_rng(1905)
    grey = halved(mnist().images)
    test, rest = grey[:TESTED], grey[TESTED:]
    store, people = rest[:DIGITS], rest[DIGITS:]
    judge = DenseAutoencoder(LONG * len(people)).fit(binary(people, rng)[None], rng)
    return _Known(people, binary(test, rng), binary(store, rng), judge)


def _surprise(fitted: Any, images: NDArray[np.uint8]) -> Array:
    """Return nats per image, ``(chains,)``, with the same noise every time."""
    bound = fitted.bound(images[None], np.random.default_rng(1906))
    return np.asarray(bound.mean(axis=1))


@cache
def autoencoder() -> World:
    """Handwritten digits of 14 by 14 pixels, 200 at a time; people have 4,300.

    The loss is what held-out digits cost in nats, the bound that the autoencoder is
    trained for, above what they cost the same network after a long look at all of
    people's digits. That network is the judge as well. Rare are the tenth of digits
    with the most ink.
    """
    known = _digits()
    looks = DIGITS * LOOKS_AT_DIGITS
    least = float(_surprise(known.judge, known.test)[0])
    usual = float(np.median(-known.judge.at_the_mean(known.test[None])))
    ink = binary(known.people, np.random.default_rng(1907)).sum(axis=(1, 2))
    edge = float(np.quantile(ink, 1 - RARE))
    return World(
        model=DenseAutoencoder(looks),
        people=Illustrators(known.people),
        n=DIGITS,
        loss=lambda fit: _surprise(fit, known.test) - least,
        heat=regimes.Temperature,
        score=lambda x: -known.judge.at_the_mean(x),
        usual=usual,
        rare=lambda x: (x.sum(axis=(2, 3), dtype=np.int64) > edge).astype(np.int64),
        store=known.store,
        smooth=DenseAutoencoder(looks, penalty=1e-3),
        early=DenseAutoencoder(looks // 2),
        weighs=False,
        lacks={
            **LACKS,
            "equal points": "no two images are equal",
            "probabilities": "of the probability of an image a bound is known, no more",
            "one temperature": "the bias is one of latent variables, and real images "
            "come without any",
        },
    )


def _transformer(**settings: Any) -> models.Transformer:
    """Return the transformer, of one layer."""
    return models.Transformer(
        vocabulary=N_WORDS + 1,
        context=BLOCK + 1,
        width=16,
        layers=1,
        heads=2,
        epochs=1,
        batch=16,
        learning_rate=1e-2,
        start=N_WORDS,
        end=N_WORDS,
        writing_batch=512,
        **settings,
    )


@cache
def transformer() -> World:
    """Conversations in blocks of sixteen words, 200 blocks at a time.

    The loss is what held-out text costs in nats a word, above what it costs a model of
    word pairs that has read all human text. That model is the judge as well.
    Rare are the tenth of blocks with the rarest words.
    """
    text, test = human_text()
    looks = BLOCKS * LOOKS_AT_BLOCKS
    judge = models.NGram(N_WORDS, 2).fit(text[None], np.random.default_rng(0))
    least = float(-judge.log_prob(test).mean())
    common = np.log(np.bincount(text.ravel(), minlength=N_WORDS) + 1)
    edge = float(np.quantile(common[text].sum(axis=1), RARE))

    def score(x: NDArray[Any]) -> Array:
        flat = judge.log_prob(x.reshape(-1, BLOCK))
        return np.asarray(flat.sum(axis=-1).reshape(x.shape[:2]))

    return World(
        model=SideBySide(_transformer(), looks),
        people=Writers(text[:WRITTEN].copy()),
        n=BLOCKS,
        loss=lambda fit: fit.nll(test).mean(axis=1) - least,
        heat=regimes.Temperature,
        score=score,
        usual=float(np.median(score(test[None]))),
        rare=lambda x: (common[x].sum(axis=2) < edge).astype(np.int64),
        store=text[-BLOCKS:].copy(),
        smooth=SideBySide(_transformer(weight_decay=1.0), looks),
        early=SideBySide(_transformer(), looks // 2),
        unsure=SideBySide(_transformer(truncate=0.15), looks),
        weighs=False,
        lacks={
            **LACKS,
            "one temperature": "the bias is one of each next word",
        },
    )
