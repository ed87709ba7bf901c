"""The paper's protocol for language models: the study of chapter 09.

Every generation fine-tunes *the same* pretrained weights on text that the generation
before wrote after real prompts. Its training and its writing have random streams of
their own, so that it does not matter where a lineage was cut short.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib import regimes
from collapse_lib.checks import (
    check_choice,
    check_count,
    check_keys,
    check_switch,
    given,
)
from collapse_lib.declared import declared
from collapse_lib.files import check_path
from collapse_lib.models.language.decoding import Beam, Decoder
from collapse_lib.models.language.model import FittedLanguageModel, Tokens
from collapse_lib.recursion.generation import Generation
from collapse_lib.recursion.history import Arms
from collapse_lib.studies import study
from collapse_lib.studies.fine_tuning_text import Material, material
from collapse_lib.studies.study import Config, Experiment, First, Lineage, Record, Study

#: What randomness is for (to mix text, to train, to write); places are part of seeds.
PURPOSES = ("mix", "train", "write")
#: Lists of values in a configuration, and the setting that they vary.
VARIED = {"sizes": "model", "rates": "learning_rate"}
#: What a plan is made of.
PLANNED = ("arms", "seeds", "arm_seeds", "generations")
#: Replicates of the published arms that come before any control.
N_FIRST = 2
#: The arm of the pretrained model as it is, measured in one generation.
ZERO_SHOT = "zero-shot"


@dataclass(frozen=True)
class Arm(study.Arm):
    """One way from a generation of language models to the next.

    Parameters
    ----------
    label, regime
        See `collapse_lib.studies.study.Arm`.
    epochs
        Of every fine-tuning after generation 0.
    decoder
        How it writes.
    from_model_0
        Whether to start from the weights of model 0 instead of the pretrained ones.
    last_epoch
        Whether later generations hand on the last epoch's weights instead of those of
        the epoch with the least loss on original validation text. Both are measured.
    human
        Whether later generations train on human text, each on the text of the next
        replicate, instead of what was written.
    """

    epochs: int = 5
    decoder: Decoder = Beam(5)
    from_model_0: bool = False
    last_epoch: bool = False
    human: bool = False

    def __post_init__(self) -> None:
        """Check the regime, and how later generations are trained and write."""
        super().__post_init__()
        check_count("epochs", self.epochs, least=0)
        if not isinstance(self.decoder, Decoder):
            raise ValueError(
                f"decoder is {given(self.decoder)}; it must be a Decoder, as Beam(5)"
            )
        check_switch("from_model_0", self.from_model_0)
        check_switch("last_epoch", self.last_epoch)
        check_switch("human", self.human)


@dataclass(frozen=True)
class FineTuning(Study):
    """Language models fine-tuned on what the generation before wrote.

    A configuration has text for ``seeds`` replicates, which may not be more later, and
    as many of the published arms. Of the others that it names in ``arms`` ("all": all
    others) it has ``arm_seeds``, a number, or name -> number: then a published arm may
    have one of its own, too.

    Parameters
    ----------
    arms
        Name -> `Arm`. Model 0, which all arms begin with, is trained like the first.
    published
        Names of those that the paper shows.
    """

    arms: Mapping[str, Arm]
    published: Collection[str] = ("a", "b")

    def __post_init__(self) -> None:
        """Check the arms, and that the published ones are among them."""
        super().__post_init__()
        named = isinstance(self.published, (tuple, list, set, frozenset))
        if not named or not all(isinstance(name, str) for name in self.published):
            raise ValueError(
                f"published is {given(self.published)}; it must be names of arms, as "
                "('a', 'b')"
            )

    grows = ("generations", "arms", "arm_seeds", "sizes", "rates")

    @declared
    def plan(self, config: Config) -> list[Lineage]:
        """Return the lineages; what the claims need most comes first."""
        check_keys("config", config, *PLANNED)
        lineages = [
            Lineage(arm, replicate, config["generations"])
            for arm, n in self.replicates(config).items()
            for replicate in range(n)
        ]

        def rank(lineage: Lineage) -> int:
            if lineage.arm in self.published:
                return 0 if lineage.replicate < N_FIRST else 3
            return 1 if lineage.replicate == 0 else 2

        return [Lineage(ZERO_SHOT, 0, 0), *sorted(lineages, key=rank)]

    @declared
    def replicates(self, config: Config) -> dict[str, int]:
        """Return how many replicates of each arm a configuration has.

        Raises
        ------
        ValueError
            If ``arm_seeds`` names an arm that there is not, or says nothing of one that
            ``arms`` names.
        """
        check_keys("config", config, "arms", "seeds", "arm_seeds")
        controls = [arm for arm in self.arms if arm not in self.published]
        wanted = controls if config["arms"] == "all" else config["arms"]
        numbers = {arm: config["seeds"] for arm in self.published}
        named = config["arm_seeds"]
        if not isinstance(named, Mapping):
            return numbers | dict.fromkeys(wanted, named)
        odd = sorted({*named} - {*self.arms}) + sorted({*wanted} - {*named})
        if odd:
            raise ValueError(
                f"arm_seeds is {given(named)}, arms is {given(config['arms'])}; it "
                f"must say how often each of these arms is run, and of no others: see "
                f"{', '.join(odd)}"
            )
        own = [arm for arm in self.published if arm in named]
        return numbers | {arm: named[arm] for arm in [*own, *wanted]}

    @declared
    def build(
        self,
        config: Config,
        *,
        seed: int,
        folder: Path,
        text: Material | None = None,
        **settings: Any,
    ) -> Experiment:
        """Return the experiment.

        Parameters
        ----------
        config, seed, folder
            As in `run`.
        text
            Human text and pretrained model; default: what the configuration names.
        settings
            Of the model: device, precision.
        """
        check_count("seed", seed, least=0)
        if text is not None and not isinstance(text, Material):
            raise ValueError(f"text is {given(text)}; it must be a Material, or None")
        if text is None:
            text = material(config, folder, **settings)
        else:
            text = replace(text, model=replace(text.model, **settings))
        return _Protocol(self.arms, seed, text, folder)

    def varied(
        self,
        config: Config,
        key: str,
        *,
        seed: int,
        folder: str | Path,
        minutes: float = float("inf"),
        executor: Executor | None = None,
        quiet: bool = True,
        **settings: Any,
    ) -> dict[Any, Arms]:
        """Run setting a with other models (to generation 1) or other learning rates.

        Parameters
        ----------
        config
            One of the chapter's ``SCALES``; ``sizes`` lists width, layers and heads of
            models, ``rates`` learning rates (the last one stays the same part of it).
        key
            ``"sizes"`` or ``"rates"``.
        seed, folder, minutes, executor, quiet, settings
            As in `run`. The configuration's own records are those of the folder; beside
            them, each other value has a folder of its own.

        Returns
        -------
        dict
            Value -> what was measured in ``arm_seeds`` replicates, or as many as the
            configuration has of setting a.
        """
        check_choice("key", key, tuple(VARIED))
        training = ("learning_rate", "final_learning_rate")
        check_keys("config", config, key, VARIED[key], *training, *PLANNED)
        check_count("seed", seed, least=0)
        study.check_call(minutes, executor, quiet)
        clock = study.Clock(time.time() + 60 * minutes)
        folder, found = check_path("folder", folder), {}
        fall = config["final_learning_rate"] / config["learning_rate"]
        n = config["arm_seeds"]
        n = self.replicates(config)["a"] if isinstance(n, Mapping) else n
        replicates = [f"a-{replicate}" for replicate in range(n)]
        for value in config[key]:
            name = tuple(value) if isinstance(value, list) else value
            if value == config[VARIED[key]]:
                found[name] = self.read(folder, self.plan(config))
                continue
            varied = {**config, VARIED[key]: value, "arms": []}
            varied["final_learning_rate"] = fall * varied["learning_rate"]
            if key == "sizes":
                varied["generations"] = 1
            label = "x".join(map(str, name)) if isinstance(name, tuple) else f"{name:g}"
            found[name] = self.run(
                varied,
                seed=seed,
                folder=folder / f"{VARIED[key]}-{label}",
                text=material(varied, folder, **settings),
                minutes=(clock.deadline - time.time()) / 60,
                only=[f"{ZERO_SHOT}-0", *replicates],
                executor=executor,
                quiet=quiet,
                **settings,
            )
        return found


def stream(
    seed: int, purpose: str, place: int, replicate: int, generation: int = 0
) -> np.random.Generator:
    """Return the randomness of a lineage for one of `PURPOSES`.

    Parameters
    ----------
    seed
        Of the whole run.
    purpose
        What it is for.
    place
        Of the arm among all arms, from 0 on.
    replicate, generation
        Which one. Each generation has a stream of its own.
    """
    check_choice("purpose", purpose, PURPOSES)
    places = {"place": place, "replicate": replicate, "generation": generation}
    for name, value in {"seed": seed, **places}.items():
        check_count(name, value, least=0)
    key = [PURPOSES.index(purpose), place, replicate, generation]
    return np.random.default_rng([seed, *key])


@dataclass(frozen=True)
class _Protocol(Experiment):
    """Human text, the pretrained model, and where what model 0 wrote is kept."""

    arms: Mapping[str, Arm]
    seed: int
    text: Material
    folder: Path

    def first(self, replicate: int) -> First:
        """Return how model 0 is made: fine-tuned on human text, as in the first arm."""
        arm = next(iter(self.arms.values()))
        return First(
            replace(self.text.model, epochs=arm.epochs),
            self.text.train[replicate][None],
            stream(self.seed, "train", 0, replicate),
            FittedLanguageModel,
        )

    def lineage(
        self, arm: str, replicate: int, first: Callable[[], Any]
    ) -> dict[str, Any]:
        """Return the arguments of `collapse_lib.recurse`."""
        if arm == ZERO_SHOT:
            return self.zero_shot()
        real, place = self.text.train[replicate], list(self.arms).index(arm)
        arms = list(self.arms.values())
        recipe = (
            (place, replace(arms[place], label=""), arms[0].epochs, self.seed),
            (replace(self.text.model, device="cpu"), self.text.test),
        )
        teller = _Teller(arm, replicate, recipe, self, first)
        return {
            "model": teller,
            "first": teller.first,
            "real": real,
            "regime": self.arms[arm].regime,
            "n_samples": len(real),
            "measure": teller.measure,
            "rng": stream(self.seed, "mix", place, replicate),
        }

    def zero_shot(self) -> dict[str, Any]:
        """Return how the pretrained model is measured as it is."""
        test = self.text.test
        return {
            "model": replace(self.text.model, epochs=0),
            "real": self.text.train[0],
            "regime": regimes.Replace(),
            "n_samples": 1,
            "measure": lambda generation: {"test_loss": generation.fitted.nll(test)},
            "rng": np.random.default_rng(0),
        }

    def say(self, measured: Record) -> str:
        """Return the perplexities, and the time that each step took."""
        said = f"perplexity of human text {np.exp(measured['test_loss'].mean()):.1f}"
        if "own_loss" in measured:
            seconds = ", ".join(f"{s:.0f}" for s in measured["seconds"][0])
            said += (
                f", of its own {np.exp(measured['own_loss'].mean()):.2f}; "
                f"CPU seconds to train, write, measure: {seconds}"
            )
        return said


@dataclass(frozen=True)
class _Told:
    """A model, the text ``(n, block)`` that it wrote, and CPU seconds for both.

    ``best`` has the weights of its best epoch, where it was not the one that wrote.
    """

    fitted: FittedLanguageModel
    text: Tokens
    seconds: tuple[float, float]
    best: FittedLanguageModel | None = None

    def sample(self, n: int, rng: np.random.Generator) -> Tokens:
        """Return ``n`` of the blocks that it wrote, or all in order."""
        if n == len(self.text):
            return self.text[None]
        return self.text[None, rng.permutation(len(self.text))[:n]]


@dataclass(frozen=True)
class _Pupil:
    """The model of one generation."""

    learn: Callable[[Tokens], _Told]
    event_ndim = 1

    def fit(self, data: Any, rng: np.random.Generator) -> _Told:
        """Train it and let it write, with random streams of their own."""
        return self.learn(data)


@dataclass(frozen=True, repr=False)
class _Teller:
    """A lineage: the schedule of its models.

    ``recipe`` is what decides its numbers, so that a folder may be moved, get more
    arms, and go on on another device.
    """

    name: str
    replicate: int
    recipe: tuple[Any, ...]
    protocol: _Protocol = field(compare=False)
    model_0: Callable[[], FittedLanguageModel] = field(compare=False)

    def __repr__(self) -> str:
        """Name the recipe, whatever machine it runs on."""
        model = replace(self.protocol.text.model, device="cpu", precision="float32")
        return f"{self.arm!r} of {model!r}, replicate {self.replicate}"

    def __call__(self, t: int) -> _Pupil:
        """Return the model of a generation."""
        return _Pupil(partial(self.learn, t))

    @property
    def arm(self) -> Arm:
        """What it does."""
        return self.protocol.arms[self.name]

    def stream(self, purpose: str, name: str, t: int) -> np.random.Generator:
        """Return the randomness of a generation, as arm ``name`` has it."""
        place = list(self.protocol.arms).index(name)
        return stream(self.protocol.seed, purpose, place, self.replicate, t)

    def first(self) -> _Told:
        """Return generation 0. Arms that write alike share what it writes."""
        start = time.process_time()
        fitted, decoder = self.model_0(), self.arm.decoder
        trained = time.process_time()
        kind = re.sub(r"\W+", "-", repr(decoder)).strip("-").lower()
        path = self.protocol.folder / f"text-zero-{self.replicate}-{kind}.npz"
        arms = self.protocol.arms
        name = next(name for name in arms if arms[name].decoder == decoder)

        def write() -> Record:
            return {"text": self.write(fitted, self.stream("write", name, 0))}

        text = study.made_once(path, write)["text"]
        return _Told(fitted, text, (trained - start, time.process_time() - trained))

    def learn(self, t: int, data: Tokens) -> _Told:
        """Train a generation and let it write."""
        start, best = time.process_time(), None
        model = replace(self.protocol.text.model, epochs=self.arm.epochs)
        if self.arm.from_model_0:
            model = replace(model, init=self.model_0().weights[0])
        if self.arm.human:
            train = self.protocol.text.train
            data = train[(self.replicate + t) % len(train)][None]
        if self.arm.last_epoch:  # trained twice, in the same way
            best = model.fit(data, self.stream("train", self.name, t))
            model = replace(model, validation=None)
        fitted = model.fit(data, self.stream("train", self.name, t))
        trained = time.process_time()
        text = self.write(fitted, self.stream("write", self.name, t))
        seconds = (trained - start, time.process_time() - trained)
        return _Told(fitted, text, seconds, best)

    def write(self, fitted: FittedLanguageModel, rng: np.random.Generator) -> Tokens:
        """Return what a model writes after the prompts."""
        prompts = self.protocol.text.train[self.replicate]
        return continuations(fitted, prompts, self.arm.decoder, rng)

    def measure(self, generation: Generation) -> Record:
        """Return the text, and how surprised this model and model 0 are by texts.

        Losses by epoch end in NaN where other generations are trained for longer.
        ``best_loss``, where the last epoch is handed on, is that of the best one.
        """
        start, told = time.process_time(), generation.fitted
        fitted, model_0 = told.fitted, generation.first.fitted
        epochs = max(model_0.model.epochs, self.arm.epochs)
        arrays = {
            "text": told.text,
            "test_loss": fitted.nll(self.protocol.text.test)[0],
            "own_loss": model_0.nll(told.text)[0],
        }
        if self.arm.last_epoch:
            best = told.best or fitted
            arrays["best_loss"] = best.nll(self.protocol.text.test)[0]
        for name in ("losses", "validation_losses"):
            losses = getattr(fitted, name)[0]
            rest = epochs - len(losses)
            arrays[name] = np.pad(losses, (0, rest), constant_values=np.nan)
        seconds = (*told.seconds, time.process_time() - start)
        arrays["seconds"] = np.array(seconds)
        return {name: array[None] for name, array in arrays.items()}


@declared
def continuations(
    fitted: FittedLanguageModel,
    prompts: Tokens,
    decoder: Decoder,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """Continue every prompt, in order.

    Parameters
    ----------
    fitted
        A model; of several chains the first one writes.
    prompts
        Tokens, shape ``(n, length)``.
    decoder
        How to choose the new tokens.
    rng
        Source of randomness.

    Returns
    -------
    ndarray
        As many new tokens after each prompt as a block has, shape ``(n, block)``.
    """
    writer = replace(fitted, model=replace(fitted.model, decoder=decoder))
    return writer.continuations(prompts, rng)
