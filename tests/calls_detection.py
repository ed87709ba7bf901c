"""Calls that work of marks and detectors, for `calls.CALLS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import detection
from collapse_lib.models import FittedNGram, NGram

Call = tuple[Callable[..., Any], dict[str, Any]]

PAIRS = [[[0, 1], [1, 2], [0, 1]]]
SCORES = {"positive": [2.0, 3.0, 4.0], "negative": [1.0, 2.0, 0.0, 0.5]}
TEXT = np.array([[0, 1, 2, 1], [2, 2, 0, 1]])


def reader(order: int) -> FittedNGram:
    """Return a small model that reads."""
    return NGram(3, order).fit(TEXT[None], np.random.default_rng(0))


def other_words(text: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a text of other words."""
    return rng.integers(0, 3, text.shape)


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
        {"first": reader(2), "second": reader(1), "text": TEXT},
    ),
    "detection.two_model_ratio": lambda: (
        detection.two_model_ratio,
        {"first": reader(2), "second": reader(1), "text": TEXT},
    ),
    "detection.conditional_curvature": lambda: (
        detection.conditional_curvature,
        {"fitted": reader(2), "text": TEXT},
    ),
    "detection.curvature": lambda: (
        detection.curvature,
        {
            "fitted": reader(2),
            "text": TEXT,
            "fill": other_words,
            "rng": np.random.default_rng(0),
            "share": 0.5,
            "changes": 3,
        },
    ),
}
