"""The loop: fit a model, sample from it, decide what the next model trains on."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from collapse_lib.checks import check_count
from collapse_lib.models.base import Fitted, Model
from collapse_lib.recursion import checkpoint as checkpoints
from collapse_lib.recursion.history import History, tidy
from collapse_lib.regimes.base import Regime, Turn
from collapse_lib.regimes.schedules import Schedule
from collapse_lib.samples import Data, RealData

Measure = Callable[[Any], Any]
# A checkpoint costs milliseconds; every few seconds it costs nothing that matters.
SECONDS_BETWEEN_CHECKPOINTS = 5.0


def recurse(
    model: Model,
    real: Any,
    *,
    regime: Regime,
    n_samples: int | Schedule,
    n_generations: int,
    measure: Mapping[str, Measure],
    rng: np.random.Generator,
    chains: int = 1,
    record: Iterable[int] | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = False,
) -> History:
    """Train generation after generation on what the one before produced.

    Parameters
    ----------
    model
        Anything with ``fit(data, rng)``; see `collapse_lib.models.Model`.
    real
        Real data: an array of shape ``(n, ...)`` that every chain starts from, or
        ``(chains, n, ...)``, or a source with ``sample(n, rng)`` (for example a
        fitted model) from which each chain draws its own.
    regime
        What generation t+1 trains on; see `collapse_lib.regimes`.
    n_samples
        Points drawn per generation and chain: an integer, or a schedule ``t -> int``
        for the training set of generation t (t = 0 counts only for a source).
    n_generations
        Number of generations after generation 0, which is the fit to real data.
    measure
        Name -> function of the fitted model that returns one number per chain.
    rng
        Source of all randomness.
    chains
        Independent replicates, computed together.
    record
        Generations to keep; default: all.
    checkpoint
        File to save the state in every few seconds and to go on from, if it exists.
        The resumed history is bit-identical to an uninterrupted one.
    progress
        True shows a progress bar, None only on a terminal.

    Returns
    -------
    History
        A tidy frame with columns generation, chain, metric and value.

    Raises
    ------
    ValueError
        If an argument is not usable; the message names it, its value and what is
        allowed.

    Examples
    --------
    >>> from collapse_lib import models, regimes
    >>> history = recurse(
    ...     models.Gaussian(), models.FittedGaussian.standard(),
    ...     regime=regimes.Replace(), n_samples=100, n_generations=2,
    ...     measure={"sigma": lambda fit: fit.sigma}, rng=np.random.default_rng(7),
    ... )
    >>> list(history.columns), len(history)
    (['generation', 'chain', 'metric', 'value'], 3)
    """
    loop = _Loop(model, regime, measure, rng)
    loop.prepare(real, n_samples, n_generations, chains, record)
    return loop.run(None if checkpoint is None else Path(checkpoint), progress)


@dataclass
class _Loop:
    """One call of `recurse`: validated arguments and the work itself."""

    model: Model
    regime: Regime
    measure: Mapping[str, Measure]
    rng: np.random.Generator

    def prepare(
        self,
        real: Any,
        n_samples: int | Schedule,
        n_generations: int,
        chains: int,
        record: Iterable[int] | None,
    ) -> None:
        """Validate the arguments, before anything is drawn."""
        if not hasattr(self.regime, "next"):
            known = ", ".join(sorted(cls.__name__ for cls in _all_regimes(Regime)))
            raise ValueError(
                f"regime is {self.regime!r}; it must be one of {known}, or a subclass "
                "of regimes.Regime, e.g. regimes.Replace()"
            )
        if not hasattr(self.rng, "bit_generator"):
            raise ValueError(f"rng is {self.rng!r}; pass np.random.default_rng(seed)")
        if not self.measure:
            raise ValueError("measure is empty; name at least one quantity")
        self.n_generations = check_count("n_generations", n_generations, least=0)
        self.chains = check_count("chains", chains, least=1)
        self.sizes = _sizes(n_samples, self.n_generations)
        self.recorded = _recorded(record, self.n_generations)
        self.real = RealData(real, self.chains, self.model.event_ndim)
        self.config = self._config()

    def _config(self) -> dict[str, Any]:
        sizes = self.sizes[0] if len(set(self.sizes)) == 1 else self.sizes
        return {
            "model": repr(self.model),
            "regime": repr(self.regime),
            "real": self.real.describe(),
            "n_samples": sizes,
            "n_generations": self.n_generations,
            "chains": self.chains,
            "metrics": list(self.measure),
            "recorded": self.recorded,
            "rng": self.rng.bit_generator.state,
        }

    @property
    def fingerprint(self) -> str:
        """Return a hash of everything that decides the history."""
        text = json.dumps(self.config, sort_keys=True, default=str)
        return hashlib.sha256(_without_addresses(text).encode()).hexdigest()

    def begin(self) -> checkpoints.State:
        """Return the state before the first fit."""
        real = self.real
        training = real.fixed
        if training is None:
            training = real.fresh(self.sizes[0], self.rng)
        shape = (len(self.measure), len(self.recorded), self.chains)
        return checkpoints.State(
            generation=0,
            first=training if self.regime.needs_first else None,
            training=training,
            memory=self.regime.start(training),
            values=np.full(shape, np.nan),
            rng_state=dict(self.rng.bit_generator.state),
        )

    def resume(self, path: Path) -> checkpoints.State:
        """Return the state of the checkpoint; the generator goes on from there."""
        state = checkpoints.load(path, self.fingerprint)
        self.rng.bit_generator.state = state.rng_state
        return state

    def run(self, path: Path | None, progress: bool | None) -> History:
        """Run the generations that are left."""
        state = self.resume(path) if path and path.exists() else self.begin()
        training, memory = state.training, state.memory
        rows = {generation: row for row, generation in enumerate(self.recorded)}
        last_save = time.monotonic()
        bar = tqdm(
            range(state.generation, self.n_generations + 1),
            disable=None if progress is None else not progress,
            desc="generations",
        )
        values = state.values
        self.real.keep(state.first)
        del state  # it would keep the first training set alive
        for t in bar:
            fitted = self.model.fit(training, self.rng)
            if t in rows:
                values[:, rows[t]] = self._measure(fitted)
            if t == self.n_generations:
                break
            # Released before the next one is drawn: two would double the memory.
            training = None  # type: ignore[assignment]
            turn = Turn(fitted, self.sizes[t + 1], self.real, memory, self.rng)
            step = self.regime.next(turn)
            training, memory = step.training, step.memory
            del turn, step  # they would keep this training set alive
            due = time.monotonic() - last_save > SECONDS_BETWEEN_CHECKPOINTS
            if path is not None and due:
                self._save(path, t + 1, training, memory, values)
                last_save = time.monotonic()
        if path is not None:
            self._save(path, self.n_generations + 1, training, memory, values)
        return tidy(values, self.recorded, list(self.measure), self.config)

    def _save(
        self,
        path: Path,
        generation: int,
        training: Data,
        memory: Data | None,
        values: NDArray[np.float64],
    ) -> None:
        state = checkpoints.State(
            generation=generation,
            first=self.real.first if self.regime.needs_first else None,
            training=training,
            memory=memory,
            values=values,
            rng_state=dict(self.rng.bit_generator.state),
        )
        checkpoints.save(path, state, self.fingerprint)

    def _measure(self, fitted: Fitted) -> NDArray[np.float64]:
        row = np.empty((len(self.measure), self.chains))
        for i, (name, function) in enumerate(self.measure.items()):
            value = np.asarray(function(fitted), dtype=np.float64)
            if value.shape != (self.chains,):
                raise ValueError(
                    f"measure {name!r} returned shape {value.shape}; it must return "
                    f"one number per chain: ({self.chains},)"
                )
            row[i] = value
        return row


def _sizes(n_samples: int | Schedule, n_generations: int) -> list[int]:
    if not callable(n_samples):
        return [check_count("n_samples", n_samples, least=1)] * (n_generations + 1)
    return [
        check_count(f"n_samples({t})", n_samples(t), least=1)
        for t in range(n_generations + 1)
    ]


def _recorded(record: Iterable[int] | None, n_generations: int) -> list[int]:
    if record is None:
        return list(range(n_generations + 1))
    kept = sorted({check_count("record", t, least=0) for t in record})
    if not kept or kept[-1] > n_generations:
        raise ValueError(
            f"record is {kept}; it must name generations from 0 to {n_generations}"
        )
    return kept


def _all_regimes(base: type[Regime]) -> list[type[Regime]]:
    below = [cls for sub in base.__subclasses__() for cls in [sub, *_all_regimes(sub)]]
    own = base.__module__.rpartition(".")[0]
    return [cls for cls in below if cls.__module__.startswith(own)]


def _without_addresses(text: str) -> str:
    """Drop memory addresses, which differ from process to process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
