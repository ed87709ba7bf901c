"""Calls that work of the studies, for `calls.CALLS`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import toy_study
from scratch import scratch

from collapse_lib import models, regimes
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.metrics.images import measure_images, measure_latents
from collapse_lib.recursion import Arms, Generation, History, generations
from collapse_lib.studies import (
    autoencoder_numbers,
    autoencoders,
    bench,
    fine_tuning,
    fine_tuning_numbers,
    fine_tuning_text,
    study,
    texts,
    worlds,
)

Call = tuple[Callable[..., Any], dict[str, Any]]
TOY = toy_study.Toy(toy_study.ARMS)


class Untold(study.Experiment):
    """An experiment that says of itself what every one says."""

    first = lineage = None  # type: ignore[assignment]


def rng() -> np.random.Generator:
    """Return a generator, where it does not matter which."""
    return np.random.default_rng(0)


@cache
def ran() -> Path:
    """Return the folder of a study that was run."""
    TOY.run(toy_study.CONFIG, seed=5, folder=scratch() / "toy")
    return scratch() / "toy"


def arms() -> Arms:
    """Return what was measured."""
    return TOY.read(ran())


def claim() -> dict[str, Any]:
    """Return what a folder says about itself."""
    return TOY.claim(ran(), {**toy_study.CONFIG, "seed": 5})


def noted() -> Path:
    """Return a folder with a note of one call."""
    folder = scratch() / "noted"
    folder.mkdir(exist_ok=True)
    if not any(folder.iterdir()):
        study.note_call(folder, {"precision": "float32"}, 1.0)
    return folder


def made() -> Path:
    """Return a file that is made once."""
    study.made_once(scratch() / "once.npz", lambda: {"a": np.ones(2)})
    return scratch() / "once.npz"


# ---- chapter 07 ---------------------------------------------------------------------


DIGITS: dict[str, Any] = {
    "digits": "5k",
    "n_real": 8,
    "capacity": 2,
    "epochs": 1,
    "batch": 8,
    "learning_rate": 0.01,
    "generations": 1,
    "seeds": 1,
    "arms": ["binary"],
    "arm_generations": 1,
    "arm_seeds": 1,
    "n_images": 100,
    "n_kept": 8,
}
OWN = autoencoders.Arm("the paper's")
CODERS = autoencoders.Autoencoders({"paper": OWN, "binary": OWN})


@cache
def seen() -> Arms:
    """Return what is measured of autoencoders, of random pictures."""
    images = rng().random((100, 28, 28), np.float32)
    latents = rng().normal(size=(100, 2))
    measured = measure_images(images, rng()) | measure_latents(latents)
    measured |= {
        "losses": np.ones(1),
        "images": np.rint(images[:8] * 255).astype(np.uint8),
        "latents": latents[:8].astype(np.float16),
    }
    arrays = {name: np.asarray(a)[None, None] for name, a in measured.items()}
    history = History(np.arange(1), arrays, {"replicates": [0]})
    return History.of_arms({"paper": history})


# ---- chapter 19 ---------------------------------------------------------------------


ON_BENCH: dict[str, Any] = {
    "world": "gaussian",
    "temperature": 1.0,
    "chains": 10,
    "generations": 1,
}


def replaced(world: worlds.World) -> dict[str, Any]:
    """Return a policy that keeps nothing."""
    return world.loop(regimes.Replace(bias=world.bias))


BENCH = bench.Bench({"replace": bench.Arm("replace", policy=replaced)})


@cache
def benched() -> Arms:
    """Return what a bench measured."""
    return BENCH.live(ON_BENCH, seed=5)


@cache
def one_fit() -> Generation:
    """Return a generation of a Gaussian."""
    loop = generations(
        models.Gaussian(),
        models.FittedGaussian.standard(),
        regime=regimes.Replace(),
        n_samples=5,
        n_generations=0,
        rng=rng(),
    )
    return copy.copy(next(loop))


# ---- chapter 09 ---------------------------------------------------------------------


BLOCK, N = 6, 40
TOKENS = rng().integers(0, 20, (1, N, BLOCK))
RECIPE: dict[str, Any] = {
    "model": "tiny",
    "generations": 1,
    "seeds": 1,
    "arms": [],
    "arm_seeds": 1,
    "sizes": ["tiny"],
    "rates": [1e-3],
    "learning_rate": 1e-3,
    "final_learning_rate": 5e-5,
}
WRITING = fine_tuning.Arm("the paper's", epochs=1, decoder=models.Beam(2))
TUNING = fine_tuning.FineTuning({"a": WRITING, "b": WRITING}, published=("a",))


@cache
def tokenizer() -> Tokenizer:
    """Return a tokenizer that merges nothing."""
    return Tokenizer.train(["no text is needed here"] * 9, 257)


@cache
def written() -> models.FittedLanguageModel:
    """Return a small transformer."""
    return model().fit(rng().integers(0, 20, (1, 8, 2 * BLOCK)), rng())


def model() -> models.Transformer:
    """Return its recipe."""
    return models.Transformer(
        vocabulary=257,
        context=4 * BLOCK,
        width=4,
        layers=1,
        heads=1,
        epochs=1,
        batch=8,
        start=8,
    )


def material() -> fine_tuning_text.Material:
    """Return text and model."""
    test = TOKENS[0, :16]
    return fine_tuning_text.Material(model(), tokenizer(), TOKENS, test, test)


@cache
def told() -> Arms:
    """Return what is measured of language models, at random."""
    one = {
        "text": TOKENS[0],
        "test_loss": rng().normal(3, 0.1, 32),
        "own_loss": rng().normal(1, 0.3, N),
        "losses": np.zeros(2),
        "validation_losses": np.array([2.0, 1.0]),
        "seconds": np.ones(3),
    }
    every = {"a": one, "zero-shot": {"test_loss": np.full(32, 5.0)}}
    return History.of_arms(
        {
            name: History(
                np.arange(1),
                {key: array[None, None] for key, array in measured.items()},
                {"replicates": [0]},
            )
            for name, measured in every.items()
        }
    )


def material_of(config: Any, folder: Any) -> Any:
    """Return text of one sentence and the model that comes with the library."""
    text = SimpleNamespace(documents=["the cat sat on the mat\n" * 99])
    with mock.patch.object(fine_tuning_text, "corpus", lambda name, split: text):
        return fine_tuning_text.material(config, folder)


MATERIAL: dict[str, Any] = {
    "model": [64, 2, 2],
    "corpus": "chitchat",
    "seeds": 1,
    "arm_seeds": 1,
    "blocks": 2,
    "validation_blocks": 1,
    "test_blocks": 1,
    "batch": 2,
    "learning_rate": 1e-3,
    "final_learning_rate": 1e-4,
}

TABLE: dict[str, Callable[[], Call]] = {
    "studies.study.Clock": lambda: (study.Clock, {"deadline": 1.0, "n_fits": 0}),
    "studies.study.Arm": lambda: (
        study.Arm,
        {"label": "an arm", "regime": regimes.Replace()},
    ),
    "studies.study.Experiment.say": lambda: (
        Untold().say,
        {"measured": {"sigma": np.ones(1)}},
    ),
    "studies.study.Study": lambda: (toy_study.Toy, {"arms": toy_study.ARMS}),
    "studies.study.Study.run": lambda: (
        TOY.run,
        {
            "config": toy_study.CONFIG,
            "seed": 5,
            "folder": ran(),
            "minutes": 1.0,
            "only": ["replace-0"],
            "executor": None,
            "quiet": True,
        },
    ),
    "studies.study.Study.read": lambda: (
        TOY.read,
        {"folder": ran(), "plan": TOY.plan(toy_study.CONFIG)},
    ),
    "studies.study.Study.precision": lambda: (
        TOY.precision,
        {"settings": {"precision": "float32"}},
    ),
    "studies.study.Study.claim": lambda: (
        TOY.claim,
        {
            "folder": ran(),
            "config": {**toy_study.CONFIG, "seed": 5},
            "settings": {"precision": "float32"},
        },
    ),
    "studies.study.check_call": lambda: (
        study.check_call,
        {"minutes": 1.0, "executor": None, "quiet": True},
    ),
    "studies.study.made_once": lambda: (
        study.made_once,
        {"path": made(), "make": lambda: {"a": np.ones(2)}},
    ),
    "studies.study.number_name": lambda: (
        study.number_name,
        {"arm": "tenth-real", "metric": "recall"},
    ),
    "studies.study.flatten": lambda: (
        study.flatten,
        {"history": arms(), "measure": lambda lineage, replicate: {"one": 1.0}},
    ),
    "studies.study.records": lambda: (
        study.records,
        {"history": arms().arm("replace"), "chain": 0},
    ),
    "studies.study.note_call": lambda: (
        study.note_call,
        {"folder": scratch(), "settings": {"precision": "float32"}, "seconds": 1.0},
    ),
    "studies.study.trained_on": lambda: (study.trained_on, {"folder": noted()}),
    "studies.study.record_claim": lambda: (
        study.record_claim,
        {"folder": ran(), "claim": claim()},
    ),
    "studies.autoencoders.Arm": lambda: (
        autoencoders.Arm,
        {
            "label": "an arm",
            "regime": regimes.Replace(),
            "pixels": "mean",
            "supply": "endless",
        },
    ),
    "studies.autoencoders.Autoencoders": lambda: (
        autoencoders.Autoencoders,
        {"arms": {"paper": OWN}, "claimed": (0, 0)},
    ),
    "studies.autoencoders.Autoencoders.plan": lambda: (
        CODERS.plan,
        {"config": DIGITS},
    ),
    "studies.autoencoders.Autoencoders.precision": lambda: (
        CODERS.precision,
        {"settings": {"device": "cpu"}},
    ),
    "studies.autoencoders.Autoencoders.build": lambda: (
        CODERS.build,
        {"config": DIGITS, "seed": 5, "folder": scratch()},
    ),
    "studies.autoencoders.vae": lambda: (autoencoders.vae, {"config": DIGITS}),
    "studies.autoencoder_numbers.summarise": lambda: (
        autoencoder_numbers.summarise,
        {"history": seen(), "real": rng().random((8, 28, 28), np.float32)},
    ),
    "studies.worlds.world": lambda: (
        worlds.world,
        {"name": "gaussian", "temperature": 0.9},
    ),
    "studies.world.World.then": lambda: (
        worlds.world("gaussian").then,
        {"step": regimes.Temperature(0.5)},
    ),
    "studies.world.World.loop": lambda: (
        worlds.world("gaussian").loop,
        {
            "regime": regimes.Replace(),
            "model": models.Gaussian(),
            "weigh": regimes.BySource(0.5),
            "counting": 1.0,
            "written": 1.0,
        },
    ),
    "studies.world.World.measure": lambda: (
        worlds.world("gaussian").measure,
        {"generation": one_fit()},
    ),
    "studies.bench.Arm": lambda: (
        bench.Arm,
        {
            "label": "an arm",
            "regime": regimes.Replace(),
            "policy": replaced,
            "needs": ("labels",),
            "requires": ("steps",),
        },
    ),
    "studies.bench.Arm.lacks": lambda: (
        BENCH.arms["replace"].lacks,
        {"place": worlds.world("gaussian")},
    ),
    "studies.bench.Bench": lambda: (bench.Bench, {"arms": dict(BENCH.arms)}),
    "studies.bench.Bench.plan": lambda: (BENCH.plan, {"config": ON_BENCH}),
    "studies.bench.Bench.build": lambda: (
        BENCH.build,
        {"config": ON_BENCH, "seed": 5, "folder": scratch()},
    ),
    "studies.bench.Bench.live": lambda: (BENCH.live, {"config": ON_BENCH, "seed": 5}),
    "studies.bench.loss_over": lambda: (
        bench.loss_over,
        {"history": benched(), "arm": "replace", "other": "replace"},
    ),
    "studies.bench.loss_over_own": lambda: (
        bench.loss_over_own,
        {"history": benched(), "arm": "replace"},
    ),
    "studies.texts.reading": lambda: (
        texts.reading,
        {"test": TOKENS[0], "n": 3, "rng": rng()},
    ),
    "studies.fine_tuning.Arm": lambda: (
        fine_tuning.Arm,
        {
            "label": "an arm",
            "regime": regimes.Replace(),
            "epochs": 1,
            "decoder": models.Beam(2),
            "from_model_0": False,
            "last_epoch": False,
            "human": False,
        },
    ),
    "studies.fine_tuning.FineTuning": lambda: (
        fine_tuning.FineTuning,
        {"arms": {"a": WRITING}, "published": ("a",)},
    ),
    "studies.fine_tuning.FineTuning.plan": lambda: (TUNING.plan, {"config": RECIPE}),
    "studies.fine_tuning.FineTuning.replicates": lambda: (
        TUNING.replicates,
        {"config": RECIPE},
    ),
    "studies.fine_tuning.FineTuning.build": lambda: (
        TUNING.build,
        {"config": RECIPE, "seed": 5, "folder": scratch(), "text": material()},
    ),
    "studies.fine_tuning.FineTuning.varied": lambda: (
        TUNING.varied,
        {
            "config": {**RECIPE, "sizes": []},
            "key": "sizes",
            "seed": 5,
            "folder": scratch() / "varied",
            "minutes": 1.0,
            "executor": None,
            "quiet": True,
        },
    ),
    "studies.fine_tuning.stream": lambda: (
        fine_tuning.stream,
        {"seed": 5, "purpose": "train", "place": 0, "replicate": 0, "generation": 0},
    ),
    "studies.fine_tuning.continuations": lambda: (
        fine_tuning.continuations,
        {
            "fitted": written(),
            "prompts": TOKENS[0, :4, :4],
            "decoder": models.Greedy(),
            "rng": rng(),
        },
    ),
    "studies.fine_tuning_text.Material": lambda: (
        fine_tuning_text.Material,
        {
            "model": model(),
            "tokenizer": tokenizer(),
            "train": TOKENS,
            "validation": TOKENS[0],
            "test": TOKENS[0],
        },
    ),
    "studies.fine_tuning_text.material": lambda: (
        material_of,
        {"config": MATERIAL, "folder": None},
    ),
    "studies.fine_tuning_text.human_blocks": lambda: (
        fine_tuning_text.human_blocks,
        {"tokenizer": tokenizer(), "documents": ["a line\n" * 99] * 9, "n": 2},
    ),
    "studies.fine_tuning_numbers.summarise": lambda: (
        fine_tuning_numbers.summarise,
        {"history": told(), "text": material(), "published": ("a",)},
    ),
    "studies.fine_tuning_numbers.bounds": lambda: (
        fine_tuning_numbers.bounds,
        {"losses": [1.0, 2.0, 3.0]},
    ),
    "studies.fine_tuning_numbers.save_texts": lambda: (
        fine_tuning_numbers.save_texts,
        {
            "history": told(),
            "text": material(),
            "path": scratch() / "texts.json",
            "arms": ["a"],
            "n": 2,
        },
    ),
}

#: Name -> arguments that may be any text.
ANY_TEXT: dict[str, str] = {
    "studies.study.Arm": "label",
    "studies.bench.Arm": "label",
    "studies.study.Study.run": "folder",
    "studies.study.number_name": "arm metric",
    "studies.autoencoders.Arm": "label",
    "studies.fine_tuning.Arm": "label",
    "studies.fine_tuning.FineTuning.varied": "folder",
    "studies.fine_tuning_text.material": "folder",
}
