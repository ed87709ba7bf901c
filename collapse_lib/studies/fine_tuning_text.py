"""The human text and the pretrained model of chapter 09's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib.checks import check_count, check_keys
from collapse_lib.data import wikitext_sections
from collapse_lib.data.corpora import SPLITS, Corpus, corpus
from collapse_lib.data.texts import check_texts
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.declared import declared
from collapse_lib.files import check_path
from collapse_lib.models.language.model import LanguageModel, Tokens
from collapse_lib.models.pretrained import small as pretraining
from collapse_lib.models.pretrained.model import Pretrained

#: Tokens of a training block, and of a prompt; as many are written after it.
BLOCK = 64
#: Lines whose tokens are joined and cut into blocks, as in the released code.
GROUP = 1_000
#: Blocks that a large model writes together: their beams fill a processor's products.
TOGETHER = 64
#: What a configuration says about every fine-tuning.
TRAINING = ("batch", "learning_rate", "final_learning_rate")


#: What a configuration must say.
CONFIGURED = (
    *("model", "corpus", "seeds", "arm_seeds", "blocks"),
    *("validation_blocks", "test_blocks", *TRAINING),
)


@declared
@dataclass(frozen=True)
class Material:
    """What every lineage begins with.

    Parameters
    ----------
    model
        The pretrained model, set up for fine-tuning.
    tokenizer
        Its tokenizer.
    train
        Human blocks of each replicate, shape ``(replicates, n, 64)``. They are the
        training set of generation 0 and the prompts of all.
    validation, test
        Human blocks of other documents, shape ``(m, 64)``.
    """

    model: LanguageModel
    tokenizer: Tokenizer
    train: Tokens
    validation: Tokens
    test: Tokens


@declared
def material(
    config: Mapping[str, Any], folder: Path | None = None, **settings: Any
) -> Material:
    """Return text and model of a configuration.

    Parameters
    ----------
    config
        One of the chapter's ``SCALES``: ``model`` is a size (width, layers, heads) of
        our own, or the name of a model for `collapse_lib.models.pretrained.model`.
    folder
        Where weights are kept that had to be trained.
    settings
        Of the model: device, precision.

    Raises
    ------
    ValueError
        If the corpus is too small for the blocks of all replicates, or there are more
        of the controls than of the published arms.
    FileNotFoundError
        If a corpus or a model is not on this machine; the message says how to get it.
    """
    check_keys("config", config, *CONFIGURED)
    if folder is not None:
        folder = check_path("folder", folder)
    model, tokenizer = _model(config, folder, settings)
    name, replicates = config["corpus"], config["seeds"]
    named = config["arm_seeds"]
    most = max(named.values(), default=0) if isinstance(named, Mapping) else named
    if most > replicates:
        raise ValueError(
            f"arm_seeds is {named}; it must be at most seeds, which is {replicates}: "
            "the controls share the text of the other arms"
        )
    counts = {
        "train": replicates * config["blocks"],
        "validation": config["validation_blocks"],
        "test": config["test_blocks"],
    }
    blocks = {
        split: human_blocks(tokenizer, _corpus(name, split).documents, counts[split])
        for split in SPLITS
    }
    train = blocks["train"]
    if config["blocks"]:
        order = np.random.default_rng(0).permutation(len(train))
        train = train[order].reshape(replicates, -1, BLOCK)
    else:
        train = np.broadcast_to(train, (replicates, *train.shape))
    model = replace(model, validation=blocks["validation"], prompts=train[0])
    return Material(model, tokenizer, train, blocks["validation"], blocks["test"])


@declared
def human_blocks(tokenizer: Tokenizer, documents: Sequence[str], n: int) -> Tokens:
    """Cut documents into blocks, in the order of the text.

    Parameters
    ----------
    tokenizer
        How to encode them, with the special tokens that it adds to every line.
    documents
        Human texts; no more of them are read than needed.
    n
        How many blocks; 0: all.

    Returns
    -------
    ndarray
        Shape ``(n, 64)``.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    check_count("n", n, least=0)
    told = check_texts("documents", documents)
    lines = (line for text in told for line in text.splitlines(keepends=True))
    return tokenizer.blocks(lines, BLOCK, special=True, group=GROUP, n=n or None)


def _corpus(name: str, split: str) -> Corpus:
    """Return human text; one more kind than `corpus` knows."""
    if name == wikitext_sections.NAME:
        return wikitext_sections.sections(split)
    return corpus(name, split)


def _model(
    config: Mapping[str, Any], folder: Path | None, settings: Mapping[str, Any]
) -> tuple[LanguageModel, Tokenizer]:
    """Return the model to fine-tune, and its tokenizer."""
    training = {**{key: config[key] for key in TRAINING}, **settings}
    if isinstance(config["model"], str):
        model = Pretrained(name=config["model"], writing_batch=TOGETHER, **training)
        end = model.config.get("eos_token_id")
        return replace(model, end=end), model.tokenizer()
    tokenizer = pretraining.tokenizer()
    own = replace(
        pretraining.architecture(config["model"]),
        init=pretraining.pretrained(config["model"], folder, **settings),
        end=tokenizer.end,
        cosine="epoch",
        **training,
    )
    return own, tokenizer
