"""Calls that work of samples, regimes and the loop's files, for `calls.CALLS`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from scratch import scratch

from collapse_lib import models, recurse, regimes, samples
from collapse_lib.recursion import store
from collapse_lib.regimes import Turn
from collapse_lib.samples import Pool, RealData, Weighted

Call = tuple[Callable[..., Any], dict[str, Any]]
NORMAL = models.FittedGaussian.standard()
LINE = np.linspace(-1, 1, 6)[None]
POOL = Pool(6, LINE)
WEIGHTED = Weighted(2, LINE[:, :2], np.ones((1, 2)))


def rng() -> np.random.Generator:
    """Return a generator, where it does not matter which."""
    return np.random.default_rng(0)


def turn(memory: Any = LINE, fitted: Any = NORMAL) -> dict[str, Any]:
    """Return what a regime is given."""
    real = RealData(NORMAL, 1, models.Gaussian())
    real.keep(LINE)
    return {"turn": Turn(fitted, 4, real, memory, rng())}


def emitting(fitted: Any = NORMAL) -> dict[str, Any]:
    """Return what a policy that chooses among draws is given."""
    return {"fitted": fitted, "n": 3, "rng": rng()}


def first() -> dict[str, Any]:
    """Return the first training set."""
    return {"first": LINE}


@cache
def kept() -> Path:
    """Return the folder of a run."""
    recurse(
        models.Gaussian(),
        LINE[0],
        regime=regimes.Replace(),
        n_samples=5,
        n_generations=1,
        measure={"sigma": lambda fitted: fitted.sigma},
        rng=rng(),
        store=scratch() / "run",
    )
    return scratch() / "run"


#: Regimes whose next training set is one call away.
NEXT: dict[str, tuple[Any, Any]] = {
    "Replace": (regimes.Replace(), None),
    "Accumulate": (regimes.Accumulate(), POOL),
    "AccumulateSubsample": (regimes.AccumulateSubsample(), POOL),
    "Augment": (regimes.Augment(), None),
    "Ecosystem": (regimes.Ecosystem(1), None),
    "Edit": (regimes.Edit(0.5), LINE[:, :4]),
    "Fresh": (regimes.Fresh(), None),
    "Mix": (regimes.Mix(0.5, 0.25, 0.25), LINE),
}
MIX = regimes.Mix(0.5, 0.25, 0.25)

TABLE: dict[str, Callable[[], Call]] = {
    **{
        f"regimes.{name}.next": lambda one=regime, memory=memory: (
            one.next,
            turn(memory),
        )
        for name, (regime, memory) in NEXT.items()
    },
    "regimes.Accumulate.everything": lambda: (
        regimes.Accumulate().everything,
        turn(POOL),
    ),
    "regimes.Web.everything": lambda: (regimes.Web(0.5).everything, turn(POOL)),
    "regimes.Accumulate.start": lambda: (regimes.Accumulate().start, first()),
    "regimes.Edit.start": lambda: (regimes.Edit(0.5).start, first()),
    "regimes.Mix.start": lambda: (MIX.start, first()),
    "regimes.Regime.synthetic": lambda: (
        regimes.Replace().synthetic,
        {**turn(), "n": 3},
    ),
    "regimes.Best.emit": lambda: (regimes.Best(np.abs).emit, emitting()),
    "regimes.MostDiverse.emit": lambda: (regimes.MostDiverse(2).emit, emitting()),
    "regimes.Verified.emit": lambda: (
        regimes.Verified(np.isfinite).emit,
        emitting(),
    ),
    "regimes.Grounded.emit": lambda: (
        regimes.Grounded(LINE[0], 0.5).emit,
        emitting(),
    ),
    "regimes.Bias.then": lambda: (
        regimes.Best(np.abs).then,
        {"step": regimes.Best(np.abs)},
    ),
    "recursion.store.generations_in": lambda: (
        store.generations_in,
        {"folder": kept()},
    ),
    "recursion.store.history_in": lambda: (
        store.history_in,
        {"folder": kept(), "generations": [0, 1]},
    ),
    "samples.Pool": lambda: (Pool, {"size": 6, "buffer": LINE}),
    "samples.Pool.append": lambda: (Pool(6, LINE).append, {"data": LINE}),
    "samples.Weighted": lambda: (
        Weighted,
        {"size": 2, "points": LINE[:, :2], "weights": np.ones((1, 2))},
    ),
    "samples.Summary.pool_weighted": lambda: (
        models.GaussianSummary.pool_weighted,
        {"parts": [SUMMARY, SUMMARY], "weights": [0.5, 1.5]},
    ),
    "samples.Summary.check_subsample": lambda: (
        SUMMARY.check_subsample,
        {"n": 2, "rng": rng()},
    ),
    "samples.data_set": lambda: (partial(samples.data_set, "one"), {"value": LINE}),
    "samples.size": lambda: (samples.size, {"data": LINE}),
    "samples.n_chains": lambda: (samples.n_chains, {"data": LINE}),
    "samples.check_parts": lambda: (samples.check_parts, {"parts": [LINE]}),
    "samples.check_shares": lambda: (
        partial(samples.check_shares, "one", n=2),
        {"shares": [0.5, 0.5]},
    ),
    "samples.pool": lambda: (samples.pool, {"parts": [LINE, LINE]}),
    "samples.pool_weighted": lambda: (
        samples.pool_weighted,
        {"parts": [LINE, LINE], "shares": [0.5, 0.5]},
    ),
    "samples.subsample": lambda: (
        samples.subsample,
        {"data": LINE, "n": 2, "rng": rng()},
    ),
    "samples.check_data": lambda: (
        partial(samples.check_data, event_ndim=0),
        {"data": LINE},
    ),
    "samples.points": lambda: (
        partial(samples.points, model=models.Gaussian()),
        {"data": LINE},
    ),
    "samples.weighted_points": lambda: (
        partial(samples.weighted_points, model=models.Gaussian()),
        {"data": LINE},
    ),
    "samples.points_alone": lambda: (
        partial(samples.points_alone, "one"),
        {"value": LINE},
    ),
    "samples.Summary.pool": lambda: (
        models.GaussianSummary.pool,
        {"parts": [SUMMARY, SUMMARY]},
    ),
    "samples.Summary.like": lambda: (SUMMARY.like, {"points": LINE}),
    "samples.Summary.subsample": lambda: (
        models.Images.of(np.zeros((3, 28, 28))).subsample,
        {"n": 2, "rng": rng()},
    ),
    "samples.repeat_chains": lambda: (
        samples.repeat_chains,
        {"fitted": NORMAL, "chains": 2},
    ),
    "samples.RealData": lambda: (
        partial(RealData, model=models.Gaussian()),
        {"real": LINE, "chains": 1},
    ),
    "samples.RealData.keep": lambda: (
        RealData(NORMAL, 1, models.Gaussian()).keep,
        {"first": LINE},
    ),
    "samples.RealData.fresh": lambda: (
        RealData(NORMAL, 1, models.Gaussian()).fresh,
        {"n": 3, "rng": rng()},
    ),
    "samples.check_sample": lambda: (
        partial(samples.check_sample, "one"),
        {"source": NORMAL},
    ),
}
SUMMARY = models.GaussianSummary(4, np.zeros(1), np.ones(1))

#: Name -> arguments that may be any text.
ANY_TEXT: dict[str, str] = {"recursion.store.generations_in": "folder"}
