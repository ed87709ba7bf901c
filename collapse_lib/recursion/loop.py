"""The loop: fit a model, sample from it, decide what the next model trains on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from collapse_lib import regimes
from collapse_lib.checks import check_count, given
from collapse_lib.files import check_path
from collapse_lib.models.base import Fitted, Model
from collapse_lib.recursion.checkpoint import (
    Checkpoint,
    Fingerprint,
    Record,
    State,
)
from collapse_lib.recursion.generation import Generation
from collapse_lib.recursion.history import History
from collapse_lib.recursion.identity import identity_of
from collapse_lib.recursion.measuring import Measures, Measuring
from collapse_lib.recursion.store import Store
from collapse_lib.regimes.base import Regime, Step, Turn
from collapse_lib.regimes.schedules import Schedule
from collapse_lib.samples import Data, RealData, can_sample, describe

ModelSchedule = Callable[[int], Model]
Stop = Callable[[], Any]
# Is given a function that returns the state, and whether it must be saved now.
Save = Callable[[Callable[[], State], bool], None]


def generations(
    model: Model | ModelSchedule,
    real: Any,
    *,
    regime: Regime,
    n_samples: int | Schedule,
    n_generations: int,
    rng: np.random.Generator,
    chains: int = 1,
    first: Any = None,
) -> Iterator[Generation]:
    """Train generation after generation on what the one before produced: the loop.

    Parameters
    ----------
    model, real, regime, n_samples, n_generations, rng, chains, first
        As in `recurse`, which measures and remembers what is yielded here.

    Raises
    ------
    ValueError
        If an argument is not usable; the message names it, its value and what is
        allowed.

    Examples
    --------
    >>> from collapse_lib import models, regimes
    >>> for generation in generations(
    ...     models.Gaussian("mle"), np.array([-1.0, 1.0]), regime=regimes.Replace(),
    ...     n_samples=1, n_generations=2, rng=np.random.default_rng(7),
    ... ):
    ...     print(generation.t, generation.fitted.sigma)
    0 [1.]
    1 [0.]
    2 [0.]
    """
    return _Loop(
        model, real, regime, n_samples, n_generations, rng, chains, first
    ).run()


def recurse(
    model: Model | ModelSchedule,
    real: Any,
    *,
    regime: Regime,
    n_samples: int | Schedule,
    n_generations: int,
    measure: Measures,
    rng: np.random.Generator,
    chains: int = 1,
    record: Iterable[int] | None = None,
    first: Any = None,
    checkpoint: str | Path | None = None,
    store: str | Path | None = None,
    stop: Callable[[], Any] | None = None,
    progress: bool | None = False,
) -> History:
    """Train generation after generation on what the one before produced, and measure.

    Parameters
    ----------
    model
        Anything with ``fit(data, rng)``, see `collapse_lib.models.Model`; or a
        schedule ``t -> model``.
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
        Name -> function of the fitted model; or one function of a `Generation` that
        returns name -> array. An array has the chains first: shape ``(chains, ...)``.
        Single numbers per chain become float64, other arrays keep their type.
    rng
        Source of all randomness.
    chains
        Independent replicates, computed together.
    record
        Generations to measure; default: all.
    first
        The model of generation 0, where it is known (several runs may share it), or a
        function that returns it. Nothing is fitted to the real data then.
    checkpoint
        File to save the state in every few seconds and to go on from, if it exists.
        The resumed history is bit-identical to an uninterrupted one. A file that cannot
        be written is refused at once; if saving fails later, a warning says so and the
        run goes on to its history.
    store
        Folder instead of a file, for fits that take long: what is measured is written
        as soon as it is measured, the state after every generation.
    stop
        Called before every fit. What it raises ends the run; what was measured until
        then is kept in the checkpoint or the store.
    progress
        True shows a progress bar, None only on a terminal.

    Returns
    -------
    History
        Arrays of shape ``(generations, chains, ...)``.

    Raises
    ------
    ValueError
        If an argument is not usable, or a file is damaged or belongs to another
        experiment. The message says what is allowed, or what to do.

    Notes
    -----
    Same arguments and same generator, same bits; and the generator is left in the same
    state, whether there is a checkpoint or not. A finished run can be extended: call
    again with more generations.

    Only the run that wrote a file goes on from it: the same data, generator and sizes,
    the same code of model, regime and measures (with all that it refers to), the same
    versions of Python and of packages. What cannot be compared so, as an open file, is
    refused; a dataclass field with ``compare=False`` does not count. The processor
    and the number of threads may change: ``attrs["machines"]`` lists what has worked.

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
    _check_options(stop, progress)
    loop = _Loop(model, real, regime, n_samples, n_generations, rng, chains, first)
    measured = Measuring(measure, loop.chains)
    recorded = _recorded(record, loop.n_generations)
    kept = _record_for(checkpoint, store)
    state = kept.open(lambda: loop.fingerprint(measure))
    if state is not None:
        measured.expect(kept.shapes)
        loop.resume(state)
        del state  # it would keep a training set alive
    kept.plan(recorded, loop.t)
    run = loop.run(stop, kept.save if kept.lasts else None)
    for generation in _shown(run, progress, loop):
        if generation.t in kept.planned:
            kept.add(generation.t, measured(generation))
    config = {**loop.config, "metrics": list(kept.shapes), "recorded": recorded}
    return kept.history(recorded, {"config": config})


class _Loop:
    """Validated arguments, and where the loop stands."""

    def __init__(
        self,
        model: Model | ModelSchedule,
        real: Any,
        regime: Regime,
        n_samples: int | Schedule,
        n_generations: int,
        rng: np.random.Generator,
        chains: int,
        first: Any,
    ) -> None:
        made = {
            "model": model,
            "regime": regime,
            "first": first,
            "n_samples": n_samples,
        }
        for name, value in made.items():
            _check_made(name, value)
        if not all(hasattr(regime, name) for name in ("start", "next", "needs_first")):
            raise ValueError(
                f"regime is {regime!r}; it must be one of {', '.join(_all_regimes())}, "
                "or a subclass of regimes.Regime, e.g. regimes.Replace()"
            )
        if not isinstance(rng, np.random.Generator):
            raise ValueError(f"rng is {rng!r}; pass np.random.default_rng(seed)")
        if not (hasattr(model, "fit") or callable(model)):
            raise ValueError(
                f"model is {model!r}; it must have a method fit(data, rng), or be a "
                "schedule t -> model"
            )
        if not (first is None or can_sample(first) or callable(first)):
            raise ValueError(_no_first(first))
        self.model: Any = model
        self.regime, self.rng, self.given = regime, rng, first
        self.n_generations = check_count("n_generations", n_generations, least=0)
        self.chains = check_count("chains", chains, least=1)
        self.n_samples = n_samples
        self.sizes = _sizes(n_samples, self.n_generations + 1)
        self.real = RealData(real, self.chains, self._model(0))
        self.t = 0
        self.training: Data | None = None
        self.memory: Data | None = None
        self.known_first: Any = None
        # Where the generator stood, or would have stood, at the end of generation t-1.
        self.ended = _standing(self.rng)
        self.resumed_from: np.random.Generator | None = None
        #: What the history says about how it was made.
        self.config: dict[str, Any] = {
            "model": repr(self.model),
            "regime": repr(self.regime),
            "real": self.real.describe(),
            "chains": self.chains,
            "rng": self.rng.bit_generator.state,
            "n_samples": _short(self.sizes),
            "n_generations": self.n_generations,
        }
        if first is not None:
            self.config["first"] = describe(first)

    def fingerprint(self, measure: Measures) -> Fingerprint:
        """Return what names everything that decides a generation and its measures.

        It does not depend on how many generations are asked for, so that a finished run
        can be extended.
        """
        real = self.real.source if self.real.fixed is None else self.real.fixed
        parts = {
            "model": self.model,
            "regime": self.regime,
            "real": real,
            "first": self.given,
            "chains": self.chains,
            "rng": list(self.rng.bit_generator.state.items()),
            "measure": measure,
        }
        named = identity_of(parts, streams=("first",))

        def of_generation(t: int) -> dict[str, Any]:
            return {**named, "n_samples": _short(_sizes(self.n_samples, t + 1))}

        return of_generation

    def resume(self, state: State) -> None:
        """Go on from a state that was saved, with the generator as it was then."""
        if state.generation > self.n_generations + 1:
            raise ValueError(
                f"n_generations is {self.n_generations}, but the run that was saved "
                f"has reached {state.generation - 1}; ask for as many, and take the "
                f"first with history.at(range({self.n_generations + 1}))"
            )
        finished = state.generation == self.n_generations + 1
        if state.training is None and not finished:
            raise ValueError(
                f"the run that was saved ends at generation {state.generation - 1} and "
                f"cannot go on (nothing could be drawn for the next one then: "
                f"{state.dead_end}); use another path to start again"
            )
        self.resumed_from = copy.deepcopy(self.rng)
        self.t, self.memory = state.generation, state.memory
        self.ended = dict(state.ended)
        self.training = state.training
        self.real.keep(state.first)
        _stand(self.rng, state.ended if finished else state.rng_state)

    def run(
        self, stop: Stop | None = None, save: Save | None = None
    ) -> Iterator[Generation]:
        """Yield the generations that are left."""
        if self.t == 0:
            self._begin()
        while self.t <= self.n_generations:
            fitted = self._fit(stop, save)
            generation = Generation(
                self.t, fitted, self.training, self.chains, self.first
            )
            yield generation
            # Released before the next one is drawn: two would double the memory.
            generation.training = self.training = None
            self.t += 1
            if save is not None:
                self.ended = _standing(self.rng)
            if self.t <= self.n_generations:
                self._draw(fitted, self.sizes[self.t], self.rng)
                if save is not None:
                    save(self._state, False)
            elif save is not None:
                save(partial(self._last_state, fitted), True)

    def first(self) -> Any:
        """Return the model of generation 0."""
        if self.known_first is None:
            if self.given is None:
                self.known_first = self._fit_first_again()
            else:
                found = self.given if can_sample(self.given) else self.given()
                if not can_sample(found):
                    raise ValueError(_no_first(found))
                self.known_first = found
        return self.known_first

    def _begin(self) -> None:
        self.training = self._real_training(self.rng)
        self.memory = self.regime.start(self.training)
        self.real.keep(self.training if self.regime.needs_first else None)

    def _real_training(self, rng: np.random.Generator) -> Data:
        if self.real.fixed is not None:
            return self.real.fixed
        return self.real.fresh(self.sizes[0], rng)

    def _fit_first_again(self) -> Fitted:
        assert self.resumed_from is not None
        rng = copy.deepcopy(self.resumed_from)
        return self._model(0).fit(self._real_training(rng), rng)

    def _fit(self, stop: Stop | None, save: Save | None) -> Any:
        """Return the model of generation ``t``."""
        if self.t == 0 and self.given is not None:
            return self.first()
        if stop is not None:
            try:
                stop()
            except BaseException:
                if save is not None and self.t > 0:
                    save(self._state, True)
                raise
        training: Any = self.training  # there is one until the next is drawn
        fitted = self._model(self.t).fit(training, self.rng)
        if not can_sample(fitted):
            raise ValueError(
                f"fit of the model of generation {self.t} returned {fitted!r}; it must "
                "return the fitted model, with a method sample(n, rng)"
            )
        if self.t == 0:
            self.known_first = fitted
        return fitted

    def _draw(self, fitted: Fitted, size: int, rng: np.random.Generator) -> None:
        """Draw the next training set."""
        step = self.regime.next(Turn(fitted, size, self.real, self.memory, rng))
        if not isinstance(step, Step):
            raise ValueError(
                f"next of {self.regime!r} returned a {type(step).__name__}; it must "
                "return regimes.Step(training, memory)"
            )
        self.training, self.memory = step.training, step.memory

    def _state(self) -> State:
        return State(
            generation=self.t,
            first=self.real.first if self.regime.needs_first else None,
            training=self.training,
            memory=self.memory,
            rng_state=_standing(self.rng),
            ended=self.ended,
        )

    def _last_state(self, fitted: Fitted) -> State:
        """Return the state from which a longer run goes on.

        Its training set is drawn on a copy of the generator: the caller's is left as
        it is without a checkpoint. That nothing can be drawn, for example because a
        schedule ends here, is no error of this run.
        """
        rng, dead_end = copy.deepcopy(self.rng), ""
        try:
            self._draw(fitted, _size(self.n_samples, self.t), rng)
        except Exception as e:
            dead_end = f"{type(e).__name__}: {e}"
        state = self._state()
        return replace(state, rng_state=_standing(rng), dead_end=dead_end)

    def _model(self, t: int) -> Model:
        model: Model = self.model
        if hasattr(model, "fit"):
            return model
        model = self.model(t)
        if not hasattr(model, "fit") or isinstance(model, type):
            raise ValueError(
                f"model({t}) returned {model!r}; a schedule must return a model with "
                "fit(data, rng)"
            )
        return model


def _standing(rng: np.random.Generator) -> dict[str, Any]:
    """Return where a generator stands, also in counting its children."""
    bits = rng.bit_generator
    children = getattr(bits.seed_seq, "n_children_spawned", 0)
    return {"bits": bits.state, "children": children}


def _stand(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Let a generator stand where another one stood."""
    rng.bit_generator.state = dict(state["bits"])
    left = state["children"] - _standing(rng)["children"]
    if left > 0:
        rng.spawn(left)


def _no_first(found: Any) -> str:
    return (
        f"first is, or returned, {given(found)}; it must be a fitted model with "
        "sample(n, rng), or a function without arguments that returns one"
    )


def _check_made(name: str, value: Any) -> None:
    """Refuse a class where one of its objects is meant."""
    if isinstance(value, type):
        raise ValueError(
            f"{name} is the class {value.__name__}; make one: {value.__name__}(...)"
        )


def _check_options(stop: Any, progress: Any) -> None:
    if not (stop is None or callable(stop)):
        raise ValueError(f"stop is {stop!r}; it must be a function without arguments")
    if not (progress is None or isinstance(progress, bool)):
        raise ValueError(f"progress is {progress!r}; allowed: True, False, None")


def _size(n_samples: int | Schedule, t: int) -> int:
    if callable(n_samples):
        return check_count(f"n_samples({t})", n_samples(t), least=1)
    return check_count("n_samples", n_samples, least=1)


def _sizes(n_samples: int | Schedule, n: int) -> list[int]:
    """Return the sizes of the first ``n`` training sets."""
    if not callable(n_samples):
        return [_size(n_samples, 0)] * n
    return [_size(n_samples, t) for t in range(n)]


def _short(sizes: list[int]) -> int | list[int]:
    return sizes[0] if len(set(sizes)) == 1 else sizes


def _recorded(record: Iterable[int] | None, n_generations: int) -> list[int]:
    if record is None:
        return list(range(n_generations + 1))
    if isinstance(record, str | bytes) or not isinstance(record, Iterable):
        raise ValueError(
            f"record is {record!r}; it must name generations, e.g. "
            f"range(0, {n_generations + 1}, 10)"
        )
    kept = sorted({check_count("record", t, least=0) for t in record})
    if not kept or kept[-1] > n_generations:
        raise ValueError(
            f"record is {kept}; it must name generations from 0 to {n_generations}"
        )
    return kept


def _record_for(checkpoint: str | Path | None, store: str | Path | None) -> Record:
    if checkpoint is not None and store is not None:
        raise ValueError(
            f"checkpoint is {str(checkpoint)!r} and store is {str(store)!r}; "
            "give one of the two"
        )
    if store is not None:
        return Store(check_path("store", store).absolute())
    if checkpoint is not None:
        return Checkpoint(check_path("checkpoint", checkpoint).absolute())
    return Record()


def _shown(
    run: Iterator[Generation], progress: bool | None, loop: _Loop
) -> Iterable[Generation]:
    """Show a progress bar, if it is wanted."""
    if progress is False:
        return run
    from tqdm import tqdm

    bar: Iterable[Generation] = tqdm(
        run,
        disable=None if progress is None else not progress,
        desc="generations",
        initial=loop.t,
        total=loop.n_generations + 1,
    )
    return bar


def _all_regimes() -> list[str]:
    """Name the library's regimes, also those that nobody has imported yet."""
    parts = {name: getattr(regimes, name) for name in dir(regimes)}
    return sorted(
        name
        for name, part in parts.items()
        if isinstance(part, type) and issubclass(part, Regime) and part is not Regime
    )
