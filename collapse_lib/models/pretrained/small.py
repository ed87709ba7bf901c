"""Small transformers that have read an encyclopedia, to be fine-tuned on other text.

They stand in for the paper's pretrained model, and were trained on human text only:
articles of Wikipedia as they stood in 2016. One of them comes with the library;
``python -m collapse_lib.models.pretrained.small`` makes it anew.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from collapse_lib import files
from collapse_lib.checks import given, numeric
from collapse_lib.data.corpora import corpus
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.models.language.network import empty
from collapse_lib.models.language.transformer import Transformer
from collapse_lib.models.weights import pack

Weights = NDArray[np.float32]

#: Tokens of a block, which is a prompt of the paper's length and as many new ones.
CONTEXT = 128
#: How every model is pretrained, whatever its size.
RECIPE: dict[str, Any] = {
    "corpus": "wikipedia",
    "vocabulary": 2048,
    "epochs": 8,
    "batch": 16,
    "learning_rate": 2e-3,
    "dropout": 0.1,
    "seed": 0,
}
#: Width, layers and heads of the model that comes with the library.
SMALL = (64, 2, 2)
_STORED = (
    "models/pretrained/small_transformer.safetensors",
    "models/pretrained/small_tokenizer.json",
)


@functools.cache
def tokenizer() -> Tokenizer:
    """Return the tokenizer of all these models, which comes with the library."""
    return Tokenizer.load(_package_file(_STORED[1]))


def train_tokenizer() -> Tokenizer:
    """Learn the merges from as much text of the one corpus as of the other.

    Merges of an encyclopedia alone would cut conversations into small pieces, and the
    other way round.
    """
    articles = corpus("wikipedia").documents
    left, talks = sum(map(len, articles)), []
    for talk in corpus("chitchat").documents:
        talks.append(talk)
        left -= len(talk)
        if left < 0:
            break
    return Tokenizer.train([*articles, *talks], RECIPE["vocabulary"])


def architecture(size: Sequence[int]) -> Transformer:
    """Return a transformer of a size: width, layers and heads.

    Raises
    ------
    ValueError
        If these are no such sizes.
    """
    width, layers, heads = _checked(size)
    return Transformer(
        vocabulary=RECIPE["vocabulary"],
        context=CONTEXT,
        width=width,
        layers=layers,
        heads=heads,
    )


def n_weights(size: Sequence[int]) -> int:
    """Return the number of weights of a transformer of a size."""
    return int(pack(empty(architecture(size).sizes)).size)


def pretrained(
    size: Sequence[int], folder: Path | None = None, **settings: Any
) -> Weights:
    """Return the weights of a pretrained transformer, shape ``(n_weights,)``.

    Parameters
    ----------
    size
        Width, layers and heads.
    folder
        Where weights are looked for, and stored after training, that do not come with
        the library.
    settings
        Where and how to train them: device, precision.

    Raises
    ------
    FileNotFoundError
        If they must be trained and the articles are not on this machine; the message
        says how to get them.
    ValueError
        If a file holds the weights of another model.
    """
    size = _checked(size)
    if folder is not None:
        folder = files.check_path("folder", folder)
    if size == SMALL:
        return load(_package_file(_STORED[0]), size)
    path = None if folder is None else folder / f"pretrained-{_name(size)}.safetensors"
    if path is not None and path.exists():
        return load(path, size)
    weights = pretrain(size, **settings)
    if path is None:
        return weights
    save(path, size, weights)
    return load(path, size)  # rounded as they will be when the run goes on


def pretrain(size: Sequence[int], **settings: Any) -> Weights:
    """Train a transformer on the articles, from random weights; see `pretrained`."""
    text = {
        split: tokenizer().blocks(corpus(RECIPE["corpus"], split).documents, CONTEXT)
        for split in ("train", "validation")
    }
    keys = ("epochs", "batch", "learning_rate", "dropout")
    model = replace(
        architecture(size),
        validation=text["validation"],
        **{key: RECIPE[key] for key in keys},
        **settings,
    )
    fitted = model.fit(text["train"][None], np.random.default_rng(RECIPE["seed"]))
    weights: Weights = fitted.weights[0]
    return weights


def save(path: Path, size: Sequence[int], weights: Weights) -> None:
    """Store weights in half precision, with how they were made."""
    made = {"size": _name(size), "recipe": json.dumps(RECIPE)}
    files.write(path, to_bytes({"weights": weights.astype(np.float16)}, made))


def load(path: Path, size: Sequence[int]) -> Weights:
    """Return weights that `save` stored.

    Raises
    ------
    ValueError
        If the file is damaged, or holds another model.
    FileNotFoundError
        If there is no such file.
    """
    path = files.check_path("path", path)
    wanted = {"size": _name(_checked(size)), "recipe": json.dumps(RECIPE)}
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, "numpy") as file:
            found = file.metadata() or {}
            weights: Weights = file.get_tensor("weights").astype(np.float32)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it") from None
    odd = [key for key, value in wanted.items() if found.get(key) != value]
    if odd:
        raise ValueError(
            f"{path} holds another model: its {odd[0]} is {found.get(odd[0])}, needed "
            f"is {wanted[odd[0]]}; delete it to have it trained again"
        )
    return weights


def _checked(size: Sequence[int]) -> tuple[int, int, int]:
    sizes = numeric("size", size)
    if sizes.shape != (3,) or sizes.dtype.kind not in "iu" or sizes.min() < 1:
        raise ValueError(
            f"size is {given(size)}; it must be three whole numbers: width, layers and "
            "heads"
        )
    width, layers, heads = sizes.tolist()
    return width, layers, heads


def _name(size: Sequence[int]) -> str:
    return "x".join(map(str, size))


def _package_file(name: str) -> Path:
    return Path(str(importlib.resources.files("collapse_lib"))) / name


def main() -> None:
    """Make the files that come with the library."""
    train_tokenizer().save(_package_file(_STORED[1]))
    tokenizer.cache_clear()
    save(_package_file(_STORED[0]), SMALL, pretrain(SMALL))


if __name__ == "__main__":
    main()
