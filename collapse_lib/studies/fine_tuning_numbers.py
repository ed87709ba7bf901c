"""The numbers of chapter 09, computed from what its study measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import metrics
from collapse_lib.checks import check_count, given, numbers
from collapse_lib.declared import declared
from collapse_lib.files import write_json
from collapse_lib.metrics.text import rarities, similarity
from collapse_lib.models.language.model import Tokens
from collapse_lib.recursion.history import Arms, History
from collapse_lib.studies.fine_tuning import ZERO_SHOT
from collapse_lib.studies.fine_tuning_text import Material
from collapse_lib.studies.study import Record, flatten, number_name

Array = NDArray[np.float64]

#: Test blocks per batch where the paper's released code takes standard deviations.
BATCH = 16
#: What counts as likely and as unlikely for model 0, as quantiles of its own text.
LIKELY, UNLIKELY = 0.05, 0.99
#: How many times the median perplexity of model 0's own text is far from it. The
#: paper's threshold of 10 is three times the mode of its generation 0.
FAR = 3
#: Edges of the histograms, perplexities in equal steps of their logarithm.
EDGES = np.geomspace(1, 1_000, 61)
#: Generations whose histograms the paper shows.
SHOWN = (0, 1, 2, 3, 5, 9)


@declared
def summarise(
    history: Arms, text: Material, published: Sequence[str] = ("a", "b")
) -> dict[str, Array]:
    """Return every number of every arm.

    Parameters
    ----------
    history
        What `collapse_lib.studies.fine_tuning.FineTuning` measured.
    text
        The human text that it began with.
    published
        Arms whose histograms are kept.

    Returns
    -------
    dict
        Under the names of `number_name`, shape ``(replicates, generations + 1)``, as
        far as all replicates of an arm have come; ``histogram``, the shares of
        sequences between `EDGES` in the generations of `SHOWN`, has shape
        ``(replicates, len(SHOWN), len(EDGES) - 1)``, and ``bounds`` are those of each
        replicate, see the function of that name.
        ``zero_shot`` is the perplexity before fine-tuning; ``real_rep4``,
        ``real_different``, ``real_vocabulary`` and ``real_topic`` describe the prompts
        of each replicate, the last one their similarity to other prompts.
    """
    rarity = [rarities(blocks) for blocks in text.train]
    numbers = {
        "zero_shot": perplexity(history.arm(ZERO_SHOT).array("test_loss")[0, 0]),
        "real_rep4": metrics.rep_n(text.train, 4),
        "real_different": np.array([different(blocks) for blocks in text.train]),
        "real_vocabulary": np.array([len(np.unique(blocks)) for blocks in text.train]),
        "real_topic": np.array(
            [
                similarity(blocks, others(blocks), weights).mean()
                for blocks, weights in zip(text.train, rarity, strict=True)
            ]
        ),
    }
    arms = {name: history.arm(name) for name in history.arms if name != ZERO_SHOT}
    numbers |= flatten(
        History.of_arms(arms),
        lambda run, replicate: measure(run, text.train[replicate], rarity[replicate]),
    )
    for arm in [name for name in published if name in arms]:
        own = arms[arm].array("own_loss")
        shown = [own[t] for t in SHOWN if t < len(own)]
        shares = np.array([[histogram(losses) for losses in runs] for runs in shown])
        numbers[number_name(arm, "histogram")] = shares.swapaxes(0, 1)
        numbers[number_name(arm, "bounds")] = np.array([bounds(one) for one in own[0]])
    return numbers


def measure(run: Sequence[Record], prompts: Tokens, rarity: Array) -> dict[str, Any]:
    """Return the numbers of one lineage.

    Parameters
    ----------
    run
        What was measured in its generations, from 0 on.
    prompts
        What they continued, shape ``(n, length)``.
    rarity
        Weight of each token in comparing texts, see `rarities`.

    Returns
    -------
    dict
        Name -> one number for each generation: ``perplexity`` of human test text,
        its ``factor`` and ``spread`` over batches, and ``best``, its perplexity at the
        best epoch, whichever was handed on; of the text that the generation
        wrote, the shares ``low`` and ``high`` of sequences that model 0 finds likelier
        and less likely than nearly all of its own, the share ``far`` beyond `FAR` times
        the median of its own, their ``median`` perplexity,
        ``rep4`` and ``topic``, the likeness to the prompt, with the likeness to another
        prompt, ``chance``; the share of ``different`` sequences, and how many tokens of
        the ``vocabulary`` occur.
    """
    own = [record["own_loss"] for record in run]
    low, high, far = np.log(bounds(own[0]))
    test = [record["test_loss"] for record in run]
    texts = [record["text"] for record in run]
    return {
        "perplexity": [perplexity(losses) for losses in test],
        "best": [
            perplexity(record.get("best_loss", record["test_loss"])) for record in run
        ],
        "factor": [metrics.batch_factor(-losses[:, None], BATCH) for losses in test],
        "spread": [batch_spread(losses) for losses in test],
        "low": [(losses < low).mean() for losses in own],
        "high": [(losses > high).mean() for losses in own],
        "far": [(losses > far).mean() for losses in own],
        "median": [np.exp(np.median(losses)) for losses in own],
        "rep4": [metrics.rep_n(text, 4) for text in texts],
        "different": [different(text) for text in texts],
        "vocabulary": [len(np.unique(text)) for text in texts],
        "topic": [similarity(text, prompts, rarity).mean() for text in texts],
        "chance": [similarity(text, others(prompts), rarity).mean() for text in texts],
        "best_epoch": [best_epoch(record) for record in run],
        "seconds": [record["seconds"].sum() for record in run],
    }


def others(prompts: Tokens) -> Tokens:
    """Return another prompt in each place, that of a text half the number away."""
    return np.roll(prompts, len(prompts) // 2, 0)


def bounds(losses: NDArray[Any]) -> Array:
    """Return below and above which perplexity a sequence is likely, unlikely, and far.

    Parameters
    ----------
    losses
        Of the sequences that model 0 wrote, under model 0.
    """
    losses = numbers("losses", losses, ndim=1, shape="(n,)")
    low, median, high = np.exp(np.quantile(losses, (LIKELY, 0.5, UNLIKELY)))
    return np.array([low, high, FAR * median])


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
    if np.isnan(losses).all():  # without validation, the last one
        return int(np.isfinite(record["losses"]).sum())
    return int(np.nanargmin(losses)) + 1


@declared
def save_texts(
    history: Arms, text: Material, path: Path, arms: Sequence[str], n: int = 10
) -> None:
    """Write the first prompts of replicate 0 with what each generation made of them.

    It is JSON: ``prompts``, and for each arm the texts by generation and prompt.
    """
    check_count("n", n, least=1)
    if unknown := [arm for arm in arms if arm not in history.arms]:
        raise ValueError(
            f"arms has {given(unknown[0])}; measured are {', '.join(history.arms)}"
        )
    told: dict[str, Any] = {"prompts": text.tokenizer.texts(text.train[0][:n])}
    for arm in arms:
        generations = history.arm(arm).array("text")[:, 0, :n]
        told[arm] = [text.tokenizer.texts(texts) for texts in generations]
    write_json(path, told)
