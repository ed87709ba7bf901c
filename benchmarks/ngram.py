"""Time the n-gram model of chapter 08 against nltk's.

Run ``make benchmarks`` on an idle machine. Both sides are trigram models with Kneser
and Ney's rule, trained on the same human text. A second row takes nltk's fastest model,
which has no smoothing at all. nltk writes words that were seen after the context; ours
draws from the whole distribution.
"""

from __future__ import annotations

import numpy as np
from nltk.lm import MLE, KneserNeyInterpolated, Vocabulary
from nltk.lm.api import LanguageModel
from nltk.util import everygrams
from timing import best_times, row, write

from collapse_lib.data.corpora import corpus
from collapse_lib.data.vocabulary import Vocabulary as Words
from collapse_lib.models import KneserNey, NGram

LENGTH = 32
N_BLOCKS = 1_000  # for both sides to train on
# Blocks that nltk writes, with and without smoothing; ours writes as many as it read.
N_SMOOTH, N_PLAIN = 3, 100
V = 2_000


def blocks(n: int) -> np.ndarray:
    """Return blocks of human text as numbers, shape ``(n, LENGTH)``."""
    documents = corpus().documents[:600]
    return Words.of(documents, V).blocks(documents, LENGTH)[:n]


def theirs_fit(model: LanguageModel, text: list[list[str]]) -> LanguageModel:
    """Train one of nltk's models."""
    model.fit(list(everygrams(block, max_len=3)) for block in text)
    return model


def words() -> Vocabulary:
    """Return the vocabulary of the numbers, as nltk wants it."""
    return Vocabulary(map(str, range(V)))


def kneser_ney() -> LanguageModel:
    """Return nltk's model with the same rule and vocabulary as ours."""
    return KneserNeyInterpolated(3, discount=0.9, vocabulary=words())


def their_words(model: LanguageModel, n_blocks: int) -> None:
    """Let nltk write blocks."""
    for seed in range(n_blocks):
        model.generate(LENGTH, random_seed=seed)


def main() -> None:
    """Measure and write ``ngram.json``."""
    numbers = blocks(N_BLOCKS)
    text = [[str(word) for word in block] for block in numbers]
    model, rng = NGram(V, 3, KneserNey(0.9)), np.random.default_rng(0)
    fits = best_times(
        {
            "ours": lambda: model.fit(numbers[None], rng),
            "theirs": lambda: theirs_fit(kneser_ney(), text),
        },
        repeats=3,
    )
    ours = model.fit(numbers[None], rng)
    smooth, plain = theirs_fit(kneser_ney(), text), theirs_fit(MLE(3, words()), text)
    writes = best_times(
        {
            "ours": lambda: ours.sample(N_BLOCKS, rng),
            "smooth": lambda: their_words(smooth, N_SMOOTH),
            "plain": lambda: their_words(plain, N_PLAIN),
        },
        repeats=2,
    )
    us = 1e6 / LENGTH
    writing, reading = writes["ours"] * us / N_BLOCKS, fits["ours"] * us / N_BLOCKS
    what = "One word written by a Kneser-Ney trigram model, against nltk's"
    rows = [
        row(what, writing, writes["smooth"] * us / N_SMOOTH, "µs", bar=50),
        row(
            f"{what} without smoothing",
            writing,
            writes["plain"] * us / N_PLAIN,
            "µs",
            bar=50,
        ),
        row(
            "One word read in training, against nltk",
            reading,
            fits["theirs"] * us / N_BLOCKS,
            "µs",
            bar=10,
        ),
    ]
    write("ngram", "n-gram language models (chapter 08)", rows)


if __name__ == "__main__":
    main()
