"""Calls that work of models that others are built of, for `calls.CALLS`."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from safetensors.torch import save_file
from scratch import scratch

from collapse_lib import models
from collapse_lib.data import models as fetched
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.files import write
from collapse_lib.metrics import digit_classifier
from collapse_lib.models.grid_mixture import FittedGridMixture, GridMixture
from collapse_lib.models.language.network import Architecture, random
from collapse_lib.models.line_mixture import LineMixture
from collapse_lib.models.pretrained import opt, small

Call = tuple[Callable[..., Any], dict[str, Any]]


def rng() -> np.random.Generator:
    """Return a generator, where it does not matter which."""
    return np.random.default_rng(0)


def options(model: Any) -> Call:
    """Return the call that makes an object, with the values of its fields."""
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    return type(model), values


PLANE = rng().normal(size=(1, 8, 2))
CLOUD = models.FittedMultivariateGaussian.standard(2)
PIXELS = models.FittedCategorical.of(np.full(6, 1 / 6))
LINE = np.linspace(-1, 1, 6)[None]
HUMPS = LineMixture.of([0.75, 0.25], [-1, 3], [1, 1])
GRID = GridMixture(HUMPS, steps=1)
TOKENS = rng().integers(0, 8, (1, 6, 6))
WRITER = models.Transformer(
    vocabulary=9, context=8, width=4, layers=1, heads=1, epochs=1, batch=4, start=8
)
BLOBS = models.FittedGaussianMixture.of([0.5, 0.5], [[0, 0], [3, 1]], [np.eye(2)] * 2)
PICTURES = rng().random((2, 28, 28), np.float32)
SYMBOLS = np.array([[[0, 1, 2, 0, 1, 2], [2, 1, 0, 0, 1, 1]]])


class Parrot:
    """A model of one chain that repeats what it heard."""

    def fit(self, data: Any, rng: Any) -> Parrot:
        self.heard = data
        return self

    def sample(self, n: int, rng: Any) -> Any:
        return self.heard[:n]


@cache
def writer() -> models.FittedLanguageModel:
    """Return a small transformer."""
    return WRITER.fit(TOKENS, rng())


@cache
def ngram() -> models.FittedNGram:
    """Return a small language model."""
    return models.NGram(3, 2).fit(SYMBOLS, rng())


@cache
def folder() -> Path:
    """Return the folder of a small model of the paper's kind."""
    sizes = Architecture(270, 8, width=4, layers=1, heads=1, hidden=8)
    path = scratch() / "opt"
    write(path / "config.json", json.dumps(opt.config_of(sizes)).encode())
    save_file(opt.to_opt(random(sizes, 0)), path / "model.safetensors")
    sentences = ["the cat sat on the mat", "a dog and a cat", "the mat was red"] * 4
    Tokenizer.train(sentences, 270).save(path / "tokenizer.json")
    return path


@cache
def tuned() -> models.Pretrained:
    """Return the model, to be fine-tuned."""
    return models.Pretrained(name=folder(), epochs=1, batch=4)


def disturbing(fitted: Any = CLOUD, data: Any = PLANE) -> dict[str, Any]:
    """Return what an error is given."""
    return {"fitted": fitted, "data": data, "rng": rng()}


def writing(model: Any, network: Any) -> dict[str, Any]:
    """Return what is written on by a network."""
    return {
        "network": network,
        "prompts": torch.zeros(2, 3, dtype=torch.long),
        "n_new": 2,
        "generator": torch.Generator(),
    }


# ---- a library of models that fetches nothing ----------------------------------------


def _model(*arguments: Any, **options: Any) -> Any:
    return types.SimpleNamespace(
        load_state_dict=lambda *a, **k: ([], []),
        tie_weights=lambda: None,
        all_tied_weights_keys={},
    )


def _transformers(*also: str) -> Any:
    def loaded(*arguments: Any, **options: Any) -> Any:
        return _model(), {"missing_keys": [], "mismatched_keys": []}

    automatic = types.SimpleNamespace(
        from_pretrained=lambda *a, **k: None, for_model=lambda **k: None
    )
    causal = types.SimpleNamespace(from_pretrained=loaded, from_config=_model)
    return types.SimpleNamespace(
        AutoTokenizer=automatic, AutoConfig=automatic, AutoModelForCausalLM=causal
    )


def offline(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that converts nothing."""

    def called(**arguments: Any) -> Any:
        gguf = types.ModuleType("modeling_gguf_pytorch_utils")
        content = {"config": {}, "tensors": {}}
        gguf.load_gguf_checkpoint = lambda *a, **k: content  # type: ignore[attr-defined]
        name = "transformers.modeling_gguf_pytorch_utils"
        known = {"transformers": types.ModuleType("transformers"), name: gguf}
        with (
            mock.patch.dict("sys.modules", known),
            mock.patch.object(fetched, "library", _transformers),
            mock.patch.object(fetched, "_listing", lambda name: fetched._Listing()),
            mock.patch.object(fetched, "_write", lambda *a: None),
        ):
            return function(**arguments)

    return called


def gguf_file() -> Path:
    """Return a file that is there."""
    write(scratch() / "a.gguf", b"a")
    return scratch() / "a.gguf"


TABLE: dict[str, Callable[[], Call]] = {
    "data.models.convert": lambda: (
        offline(fetched.convert),
        {"source": folder(), "target": scratch() / "new"},
    ),
    "data.models.convert_gguf": lambda: (
        offline(fetched.convert_gguf),
        {"gguf": gguf_file(), "target": scratch() / "new", "source": "a file"},
    ),
    "metrics.digit_classifier.Seen": lambda: (
        digit_classifier.Seen,
        {"probabilities": np.full((2, 10), 0.1), "features": np.zeros((2, 64))},
    ),
    "metrics.digit_classifier.classify": lambda: (
        digit_classifier.classify,
        {"images": PICTURES, "network": None},
    ),
    "models.AbsoluteDiscounting.check": lambda: (
        models.AbsoluteDiscounting().check,
        {"order": 3},
    ),
    "models.JelinekMercer.check": lambda: (
        models.JelinekMercer((0.5, 0.5)).check,
        {"order": 2},
    ),
    "models.WittenBell.check": lambda: (models.WittenBell().check, {"order": 3}),
    "models.Ancestral.check": lambda: (models.Ancestral().check, {"n_tokens": 9}),
    "models.Beam.check": lambda: (models.Beam(2).check, {"n_tokens": 9}),
    "models.Ancestral.generate": lambda: (
        models.Ancestral().generate,
        {**writing(WRITER, WRITER.network(0)), "end": None},
    ),
    "models.Blur.__call__": lambda: (
        models.Blur((2, 3), 0.5),
        disturbing(PIXELS, np.zeros((1, 4), int)),
    ),
    "models.IndependentNoise.__call__": lambda: (
        models.IndependentNoise(0.5),
        disturbing(),
    ),
    "models.MedianForMean.__call__": lambda: (models.MedianForMean(), disturbing()),
    "models.SplitScatter.__call__": lambda: (models.SplitScatter(0.5), disturbing()),
    "models.PerChain.fit": lambda: (
        models.PerChain(Parrot()).fit,
        {"data": LINE, "rng": rng()},
    ),
    "models.FittedGaussianMixture.take": lambda: (BLOBS.take, {"place": [0]}),
    "models.FittedLanguageModel": lambda: options(writer()),
    "models.FittedLanguageModel.network": lambda: (writer().network, {"chain": 0}),
    "models.FittedNGram": lambda: options(ngram()),
    "models.FittedNGram.types": lambda: (ngram().types, {"level": 1}),
    "models.FittedNGram.distribution": lambda: (
        ngram().distribution,
        {"context": [0, 1], "top": 2},
    ),
    "models.Images.stream": lambda: (
        models.Images.stream,
        {
            "decoder": np.zeros((1, 5), np.float32),
            "n": 3,
            "binary": False,
            "depth": np.array([1]),
        },
    ),
    "models.LanguageModel": lambda: options(models.LanguageModel()),
    "models.LanguageModel.generate": lambda: (
        WRITER.generate,
        writing(WRITER, WRITER.network(0)),
    ),
    "models.LanguageModel.fit": lambda: (
        partial(models.LanguageModel.fit, WRITER),
        {"data": TOKENS, "rng": rng()},
    ),
    "models.Transformer.network": lambda: (WRITER.network, {"seed": 0}),
    "models.Pretrained": lambda: options(tuned()),
    "models.Pretrained.fit": lambda: (
        tuned().fit,
        {"data": TOKENS, "rng": rng()},
    ),
    "models.Pretrained.network": lambda: (tuned().network, {"seed": 0}),
    "models.Pretrained.generate": lambda: (
        tuned().generate,
        writing(tuned(), tuned().network(0)),
    ),
    "models.pretrained.small.architecture": lambda: (
        small.architecture,
        {"size": (4, 1, 1)},
    ),
    "models.pretrained.small.n_weights": lambda: (
        small.n_weights,
        {"size": (4, 1, 1)},
    ),
    "models.pretrained.small.pretrained": lambda: (
        small.pretrained,
        {"size": small.SMALL, "folder": scratch()},
    ),
    "models.grid_mixture.GridMixture": lambda: options(GRID),
    "models.grid_mixture.GridMixture.source": lambda: (
        GRID.source,
        {"mixture": HUMPS},
    ),
    "models.grid_mixture.GridMixture.fit": lambda: (
        GRID.fit,
        {"data": GRID.source(HUMPS).sample(100, rng()), "rng": rng()},
    ),
    "models.grid_mixture.FittedGridMixture": lambda: options(
        FittedGridMixture(GRID, HUMPS)
    ),
    "models.grid_mixture.FittedGridMixture.expand": lambda: (
        GRID.source(HUMPS).expand,
        {"chains": 2},
    ),
    "models.grid_mixture.FittedGridMixture.sample": lambda: (
        GRID.source(HUMPS).sample,
        {"n": 3, "rng": rng()},
    ),
    "models.grid_mixture.FittedGridMixture.kl_from": lambda: (
        GRID.source(HUMPS).kl_from,
        {"truth": HUMPS},
    ),
    "models.line_mixture.LineMixture": lambda: options(HUMPS),
    "models.line_mixture.LineMixture.of": lambda: (
        LineMixture.of,
        {"weights": [0.5, 0.5], "means": [0, 1], "widths": [1, 1]},
    ),
    "models.line_mixture.LineMixture.log_density": lambda: (
        HUMPS.log_density,
        {"x": [0.0, 1.0]},
    ),
}

#: Name -> arguments that may be any text.
ANY_TEXT: dict[str, str] = {
    "data.models.convert": "source target",
    "data.models.convert_gguf": "target source",
    "models.pretrained.small.pretrained": "folder",
}
