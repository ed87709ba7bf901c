"""Calls that work of marks and detectors, for `calls.CALLS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import detection, models, regimes
from collapse_lib.models import FittedNGram, NGram
from collapse_lib.theory import watermarks

Call = tuple[Callable[..., Any], dict[str, Any]]

PAIRS = [[[0, 1], [1, 2], [0, 1]]]
SCORES = {"positive": [2.0, 3.0, 4.0], "negative": [1.0, 2.0, 0.0, 0.5]}
STORY = np.array([[0, 1, 2, 1], [2, 2, 0, 1]])


def reader(order: int) -> FittedNGram:
    """Return a small model that reads."""
    return NGram(3, order).fit(STORY[None], np.random.default_rng(0))


def other_words(text: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a text of other words."""
    return rng.integers(0, 3, text.shape)


GREEN = detection.GreenList(n_symbols=3)
TEXT = {"text": [[0, 1, 2, 0, 1]]}
SCORED = {**TEXT, "repeats": False}
LAW = {"p": [[0.5, 0.25, 0.25]], "before": [[0, 1]]}
LAWS = [[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]
SYMBOLS = np.array([[[0, 1, 2, 0, 1, 2], [2, 1, 0, 0, 1, 1]]])


def rng() -> np.random.Generator:
    """Return a generator, where it does not matter which."""
    return np.random.default_rng(0)


def options(mark: Any) -> Call:
    """Return the call that makes a mark, with the values of its fields."""
    return type(mark), {field.name: getattr(mark, field.name) for field in fields(mark)}


@cache
def ngram() -> models.FittedNGram:
    """Return a small language model."""
    return models.NGram(3, 2).fit(SYMBOLS, rng())


@cache
def writer() -> models.FittedLanguageModel:
    """Return a small transformer."""
    recipe = models.Transformer(
        vocabulary=3, context=8, width=4, layers=1, heads=1, epochs=1, batch=4, start=0
    )
    return recipe.fit(SYMBOLS, rng())


TABLE: dict[str, Callable[[], Call]] = {
    "detection.hashed": lambda: (detection.hashed, {"key": 1, "grams": [[1, 2]]}),
    "detection.Trace": lambda: (
        detection.Trace,
        {"green": [3], "scored": [8], "share": 0.25},
    ),
    "detection.first_of_each": lambda: (detection.first_of_each, {"pairs": PAIRS}),
    "detection.trace": lambda: (
        detection.trace,
        {
            "green": [[True, False, True]],
            "pairs": PAIRS,
            "share": 0.25,
            "deduplicate": False,
        },
    ),
    "detection.null_deviation": lambda: (
        detection.null_deviation,
        {"pairs": PAIRS, "share": 0.25, "n_symbols": 3, "deduplicate": False},
    ),
    "detection.auroc": lambda: (detection.auroc, dict(SCORES)),
    "detection.curve": lambda: (detection.curve, dict(SCORES)),
    "detection.tpr_at": lambda: (
        detection.tpr_at,
        {**SCORES, "false_alarms": 0.25},
    ),
    "detection.threshold": lambda: (
        detection.threshold,
        {"negative": SCORES["negative"], "false_alarms": 0.25},
    ),
    "detection.best_auroc": lambda: (
        detection.best_auroc,
        {"total_variation": [0.1, 0.5]},
    ),
    "detection.cross_entropy": lambda: (
        detection.cross_entropy,
        {"first": reader(2), "second": reader(1), "text": STORY},
    ),
    "detection.two_model_ratio": lambda: (
        detection.two_model_ratio,
        {"first": reader(2), "second": reader(1), "text": STORY},
    ),
    "detection.conditional_curvature": lambda: (
        detection.conditional_curvature,
        {"fitted": reader(2), "text": STORY},
    ),
    "detection.curvature": lambda: (
        detection.curvature,
        {
            "fitted": reader(2),
            "text": STORY,
            "fill": other_words,
            "rng": np.random.default_rng(0),
            "share": 0.5,
            "changes": 3,
        },
    ),
    "detection.Mark": lambda: options(detection.Mark(n_symbols=3)),
    "detection.GreenList": lambda: options(GREEN),
    "detection.GreenList.bits": lambda: (GREEN.bits, TEXT),
    "detection.GreenList.scores": lambda: (GREEN.scores, TEXT),
    "detection.GreenList.z": lambda: (GREEN.z, SCORED),
    "detection.GreenList.law": lambda: (GREEN.law, LAW),
    "detection.GreenList.draw": lambda: (GREEN.draw, {**LAW, "rng": rng()}),
    "detection.Tournament": lambda: options(detection.Tournament(n_symbols=3)),
    "detection.Gumbel": lambda: options(detection.Gumbel(n_symbols=3)),
    "detection.Gumbel.log_p": lambda: (detection.Gumbel(n_symbols=3).log_p, SCORED),
    "detection.log_any": lambda: (
        detection.log_any,
        {"log_p": [-1.0, -50.0], "messages": 5},
    ),
    "models.FittedNGram.watermark": lambda: (ngram().watermark, {"mark": GREEN}),
    "models.TemperedNGram.watermark": lambda: (
        ngram().temper(0.5).watermark,
        {"mark": GREEN},
    ),
    "models.FittedLanguageModel.watermark": lambda: (
        writer().watermark,
        {"mark": GREEN},
    ),
    "models.Watermarked": lambda: options(models.Watermarked(GREEN)),
    "models.Watermarked.check": lambda: (
        models.Watermarked(GREEN).check,
        {"n_tokens": 3},
    ),
    "regimes.Watermarked": lambda: (regimes.Watermarked, {"mark": GREEN}),
    "regimes.Watermarked.__call__": lambda: (
        regimes.Watermarked(GREEN),
        {"fitted": ngram()},
    ),
    "theory.watermarks.after_edits": lambda: (
        watermarks.after_edits,
        {"share": [0.1], "context": 1},
    ),
    "theory.watermarks.green_bound": lambda: (
        watermarks.green_bound,
        {"p": LAWS, "gamma": 0.25, "delta": 2.0},
    ),
    "theory.watermarks.green_flat": lambda: (
        watermarks.green_flat,
        {"gamma": 0.25, "delta": 2.0},
    ),
    "theory.watermarks.gumbel_bound": lambda: (watermarks.gumbel_bound, {"p": LAWS}),
    "theory.watermarks.gumbel_score": lambda: (watermarks.gumbel_score, {"p": LAWS}),
    "theory.watermarks.spike_entropy": lambda: (
        watermarks.spike_entropy,
        {"p": LAWS, "modulus": 1.0},
    ),
    "theory.watermarks.tournament_points": lambda: (
        watermarks.tournament_points,
        {"p": LAWS, "leaves": 2},
    ),
}
