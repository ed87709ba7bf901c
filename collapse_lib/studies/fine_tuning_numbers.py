"""The numbers of chapter 09, computed from the records of its runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from collapse_lib import metrics
from collapse_lib.claims import Estimate
from collapse_lib.metrics.text import rarities, similarity
from collapse_lib.models.language.model import Tokens
from collapse_lib.studies.fine_tuning_arms import ARMS, PUBLISHED
from collapse_lib.studies.fine_tuning_text import Material
from collapse_lib.studies.records import Records, number_name, write_text

Array = NDArray[np.float64]
Record = Mapping[str, NDArray[Any]]

#: Test blocks per batch where the paper's released code takes standard deviations.
BATCH = 16
#: What counts as likely and as unlikely for model 0, as quantiles of its own text.
LIKELY, UNLIKELY = 0.05, 0.99
#: Edges of the histograms, perplexities in equal steps of their logarithm.
EDGES = np.geomspace(1, 1_000, 61)
#: Generations whose histograms the paper shows.
SHOWN = (0, 1, 2, 3, 5, 9)
#: Columns of the table of arms, and the metrics that they show.
SHARES = {
    "likely": "low",
    "unlikely": "high",
    "rep-4": "rep4",
    "different": "different",
}


def summarise(records: Records, text: Material) -> dict[str, Array]:
    """Return every number of every arm.

    Parameters
    ----------
    records
        What the runs stored.
    text
        The human text that they began with.

    Returns
    -------
    dict
        Under the names of `number_name`, shape ``(replicates, generations + 1)``, as
        far as all replicates of an arm have come; ``histogram``, the shares of
        sequences between `EDGES` in the generations of `SHOWN`, is the mean of the
        replicates, with ``bounds``, see the function of that name.
        ``zero_shot`` is the perplexity before fine-tuning; ``real_rep4``,
        ``real_different``, ``real_vocabulary`` and ``real_topic`` describe the prompts
        of each replicate, the last one their similarity to other prompts.
    """
    rarity = [rarities(blocks) for blocks in text.train]
    numbers = {
        "zero_shot": perplexity(records.of("zero-shot", "test_loss")[0, 0]),
        "real_rep4": metrics.rep_n(text.train, 4),
        "real_different": np.array([different(blocks) for blocks in text.train]),
        "real_vocabulary": np.array([len(np.unique(blocks)) for blocks in text.train]),
        "real_topic": np.array(
            [
                similarity(np.roll(blocks, len(blocks) // 2, 0), blocks, weights).mean()
                for blocks, weights in zip(text.train, rarity, strict=True)
            ]
        ),
    }
    for arm in [name for name in ARMS if (name, 0) in records.arrays]:
        seeds = records.replicates(arm)
        last = min(len(records.arrays[arm, seed]) for seed in seeds)
        runs = [records.arrays[arm, seed][:last] for seed in seeds]
        rows = [
            measure(run, text.train[seed], rarity[seed])
            for run, seed in zip(runs, seeds, strict=True)
        ]
        for metric in rows[0]:
            numbers[number_name(arm, metric)] = np.array([row[metric] for row in rows])
        if arm in PUBLISHED:
            shown = [t for t in SHOWN if t < last]
            shares = [[histogram(run[t]["own_loss"]) for t in shown] for run in runs]
            numbers[number_name(arm, "histogram")] = np.mean(shares, axis=0)
            numbers[number_name(arm, "bounds")] = np.array([bounds(r[0]) for r in runs])
    return numbers


def measure(run: Sequence[Record], prompts: Tokens, rarity: Array) -> dict[str, Any]:
    """Return the numbers of one lineage.

    Parameters
    ----------
    run
        The records of its generations.
    prompts
        What they continued, shape ``(n, length)``.
    rarity
        Weight of each token in comparing texts, see `rarities`.

    Returns
    -------
    dict
        Name -> one number for each generation: ``perplexity`` of human test text,
        its ``factor`` and ``spread`` over batches; of the text that the generation
        wrote, the shares ``low`` and ``high`` of sequences that model 0 finds likelier
        and less likely than nearly all of its own, their ``median`` perplexity,
        ``rep4`` and ``topic``, the share of ``different`` sequences, and
        how many tokens of the ``vocabulary`` occur.
    """
    own = [np.asarray(record["own_loss"]) for record in run]
    low, high = np.log(bounds(run[0]))
    test = [np.asarray(record["test_loss"]) for record in run]
    texts = [record["text"] for record in run]
    return {
        "perplexity": [perplexity(losses) for losses in test],
        "factor": [metrics.batch_factor(-losses[:, None], BATCH) for losses in test],
        "spread": [batch_spread(losses) for losses in test],
        "low": [(losses < low).mean() for losses in own],
        "high": [(losses > high).mean() for losses in own],
        "median": [np.exp(np.median(losses)) for losses in own],
        "rep4": [metrics.rep_n(text, 4) for text in texts],
        "different": [different(text) for text in texts],
        "vocabulary": [len(np.unique(text)) for text in texts],
        "topic": [similarity(text, prompts, rarity).mean() for text in texts],
        "best_epoch": [best_epoch(record) for record in run],
        "seconds": [record["seconds"].sum() for record in run],
    }


def ratio(
    numbers: Mapping[str, Array],
    metric: str,
    arm: str,
    generation: int = 9,
    *,
    to: int = 0,
    over: str | None = None,
) -> Array:
    """Return a metric over that of another generation, or of another arm.

    Parameters
    ----------
    numbers
        What `summarise` returned.
    metric, arm, generation
        What to look at.
    to
        The generation to compare with.
    over
        The arm to compare with, in the same generation, instead.

    Returns
    -------
    ndarray
        One number for each replicate; of two arms, for each that both have.
    """
    values = numbers[number_name(arm, metric)]
    if over is None:
        return values[:, generation] / values[:, to]
    others = numbers[number_name(over, metric)]
    n = min(len(values), len(others))
    return values[:n, generation] / others[:n, generation]


def table(numbers: Mapping[str, Array], generations: Sequence[int]) -> pd.DataFrame:
    """Return one row for each arm: growth of the perplexity, and its last texts.

    Parameters
    ----------
    numbers
        What `summarise` returned, with at least two replicates of each arm.
    generations
        After which the growth is shown, relative to generation 0, with its standard
        error.
    """
    rows = {}
    for arm in [name for name in ARMS if number_name(name, "low") in numbers]:
        row = {}
        for t in generations:
            growth = Estimate.mean(ratio(numbers, "perplexity", arm, t))
            row[f"after {t}"] = f"{growth.value:.3g} ± {growth.se:.2g}"
        for name, metric in SHARES.items():
            row[name] = percent(numbers[number_name(arm, metric)][:, -1].mean())
        rows[ARMS[arm].label] = row
    return pd.DataFrame(rows).T


def percent(share: float) -> str:
    """Return a share as it stands in a table; no line ends before the sign."""
    return f"{100 * share:.0f}\u00a0%"


def bounds(first: Record) -> Array:
    """Return below and above which perplexity a sequence is likely and unlikely."""
    return np.asarray(np.exp(np.quantile(first["own_loss"], (LIKELY, UNLIKELY))))


def perplexities(records: Mapping[Any, Records], last: int) -> Array:
    """Return the perplexity of human text in setting a, for each of several runs.

    Parameters
    ----------
    records
        Value -> records, from `collapse_lib.studies.fine_tuning.run_varied`.
    last
        Generation to show last.

    Returns
    -------
    ndarray
        Before fine-tuning and in generations 0 to ``last``, shape
        ``(values, replicates, last + 2)``; as many replicates as every run has.
    """
    n = min(len(found.replicates("a")) for found in records.values())
    rows = []
    for found in records.values():
        before = perplexity(found.of("zero-shot", "test_loss")[0, 0])
        after = perplexity(found.of("a", "test_loss", last)[:n])
        rows.append(np.column_stack([np.full(n, before), after]))
    return np.array(rows)


def perplexity(losses: NDArray[Any]) -> Array:
    """Return the exponential of the mean loss per token, over the last axis."""
    return np.asarray(np.exp(losses.mean(axis=-1)))


def batch_spread(losses: Array) -> float:
    """Return the standard deviation of the perplexities of batches of test blocks."""
    n = len(losses) // BATCH
    batches = perplexity(losses[: n * BATCH].reshape(n, BATCH))
    return float(batches.std(ddof=1))


def different(texts: Tokens) -> float:
    """Return how many texts are left if each is counted once, as a share."""
    return len(np.unique(texts, axis=0)) / len(texts)


def histogram(losses: NDArray[Any]) -> Array:
    """Return the share of sequences with a perplexity in each bin of `EDGES`."""
    inside = np.clip(np.exp(losses), EDGES[0], EDGES[-1])
    return np.asarray(np.histogram(inside, EDGES)[0] / len(losses))


def best_epoch(record: Record) -> int:
    """Return the epoch, from 1 on, whose weights were handed on."""
    losses = record["validation_losses"]
    return len(losses) if np.isnan(losses).all() else int(np.argmin(losses)) + 1


def save_texts(
    records: Records, text: Material, path: Path, arms: Sequence[str], n: int = 10
) -> None:
    """Write the first prompts of replicate 0 with what each generation made of them.

    `load_texts` reads the file.
    """
    told: dict[str, Any] = {"prompts": text.tokenizer.texts(text.train[0][:n])}
    for arm in arms:
        run = records.arrays[arm, 0]
        told[arm] = [text.tokenizer.texts(record["text"][:n]) for record in run]
    write_text(path, json.dumps(told, indent=1, ensure_ascii=False))


def load_texts(path: Path) -> dict[str, Any]:
    """Return ``prompts``, and for each arm the texts by generation and prompt."""
    texts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return texts
