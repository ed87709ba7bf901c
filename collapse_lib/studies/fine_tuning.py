"""The paper's protocol for language models: its two settings, and controls.

Every generation fine-tunes *the same* pretrained weights on text that the generation
before wrote after real prompts. So a lineage is nothing but the texts it has written:
a run keeps one small file per generation, from which it goes on if it was cut short.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.models.language.decoding import Decoder
from collapse_lib.models.language.model import FittedLanguageModel, Tokens
from collapse_lib.recursion.loop import recurse
from collapse_lib.studies.autoencoders import Clock, check_only, claim_folder
from collapse_lib.studies.fine_tuning_arms import ARMS, plan, stream
from collapse_lib.studies.fine_tuning_text import Material, material
from collapse_lib.studies.records import (
    Records,
    generation_file,
    kept_in,
    read_arrays,
    write_arrays,
)

#: Keys of a configuration that may grow. Replicates may not, as they share the text.
GROWS = ("generations", "arms", "arm_seeds", "sizes", "rates")
#: Lists of values in a configuration, and the setting that they vary.
VARIED = {"sizes": "model", "rates": "learning_rate"}


def run_all(
    config: Mapping[str, Any],
    *,
    seed: int,
    folder: str | Path | None = None,
    minutes: float = float("inf"),
    only: Collection[str] | None = None,
    quiet: bool = True,
    text: Material | None = None,
    **settings: Any,
) -> Records:
    """Run what is missing of a configuration and return all records.

    Parameters
    ----------
    config
        One of the chapter's ``SCALES``.
    seed
        Of the whole run.
    folder
        Where records are kept, to go on from; default: nowhere.
    minutes
        When to stop. Generations finished until then are kept in ``folder``.
    only
        Lineages to run, for example ``["a-0", "b-1"]``, so that several processes can
        share the work; default: all.
    quiet
        Whether to print nothing after each generation.
    text
        Human text and pretrained model; default: what the configuration names.
    settings
        Of the model: device, precision.

    Raises
    ------
    ValueError
        If the folder holds records of another configuration, or ``only`` names a
        lineage that the configuration does not have.
    TimeUp
        If the minutes are over; call again to go on.
    """
    lineages = {
        f"{arm}-{replicate}": (arm, replicate) for arm, replicate in plan(config)
    }
    check_only(only, lineages, "lineage")
    with kept_in(folder) as kept:
        claim_folder(kept, {**config, "seed": seed}, GROWS)
        clock = Clock(time.monotonic() + 60 * minutes)
        if text is None:
            text = material(config, kept, **settings)
        else:
            text = replace(text, model=replace(text.model, **settings))
        run = _Run(kept, seed, text, clock, quiet)
        run.zero_shot()
        for name, (arm, replicate) in lineages.items():
            if only is None or name in only:
                run.lineage(arm, replicate, config["generations"])
        return Records.read(kept)


def run_varied(
    config: Mapping[str, Any],
    key: str,
    *,
    seed: int,
    folder: str | Path,
    minutes: float = float("inf"),
    quiet: bool = True,
    **settings: Any,
) -> dict[Any, Records]:
    """Run setting a with other models (to generation 1) or other learning rates.

    Parameters
    ----------
    config
        One of the chapter's ``SCALES``; ``sizes`` lists width, layers and heads of
        models, ``rates`` learning rates (the last one stays the same part of it).
    key
        ``"sizes"`` or ``"rates"``.
    seed, folder, minutes, quiet, settings
        As `run_all`. The configuration's own records are those of the folder; beside
        them, each other value has a folder of its own.

    Returns
    -------
    dict
        Value -> records of ``arm_seeds`` replicates.
    """
    clock = Clock(time.monotonic() + 60 * minutes)
    folder, records = Path(folder), {}
    fall = config["final_learning_rate"] / config["learning_rate"]
    for value in config[key]:
        name = tuple(value) if isinstance(value, list) else value
        if value == config[VARIED[key]]:
            records[name] = Records.read(folder)
            continue
        varied = {**config, VARIED[key]: value, "arms": []}
        varied["final_learning_rate"] = fall * varied["learning_rate"]
        if key == "sizes":
            varied["generations"] = 1
        label = "x".join(map(str, name)) if isinstance(name, tuple) else f"{name:g}"
        records[name] = run_all(
            varied,
            seed=seed,
            folder=folder / f"{VARIED[key]}-{label}",
            text=material(varied, folder, **settings),
            minutes=(clock.deadline - time.monotonic()) / 60,
            only=[f"a-{replicate}" for replicate in range(config["arm_seeds"])],
            quiet=quiet,
        )
    return records


@dataclass
class _Run:
    """One call of `run_all`."""

    folder: Path
    seed: int
    text: Material
    clock: Clock
    quiet: bool

    def lineage(self, name: str, replicate: int, n_generations: int) -> None:
        """Run one lineage to a generation; what it has written before is read."""
        own = self.folder / f"{name}-{replicate}"
        if (own / generation_file(n_generations)).exists():
            return
        real = self.text.train[replicate]
        recurse(
            _Tellers(self, name, replicate, own),
            real,
            regime=ARMS[name].regime,
            n_samples=len(real),
            n_generations=n_generations,
            measure={"loss": lambda told: [told.test_loss]},
            rng=stream(self.seed, "mix", name, replicate),
        )

    def zero_shot(self) -> None:
        """Measure the pretrained model as it is."""
        path = self.folder / "zero-shot-0" / generation_file(0)
        if not path.exists():
            model = replace(self.text.model, epochs=0)
            fitted = model.fit(self.text.train[:1], np.random.default_rng(0))
            write_arrays(path, {"test_loss": fitted.nll(self.text.test)[0]})

    def model_0(self, replicate: int) -> FittedLanguageModel:
        """Return the model fine-tuned on human text: generation 0 of all arms."""
        path = self.folder / f"model-zero-{replicate}.npz"
        model = replace(self.text.model, epochs=ARMS["a"].epochs)
        if not path.exists():
            self.clock.check()
            real = self.text.train[replicate]
            fitted = model.fit(real[None], stream(self.seed, "train", "a", replicate))
            write_arrays(path, {key: getattr(fitted, key) for key in _KEPT})
        return FittedLanguageModel(
            **read_arrays(path), block=self.text.train.shape[2], model=model
        )

    def fit(self, name: str, replicate: int, t: int, data: Tokens) -> Any:
        """Return the model of a generation: model 0, or one that is trained now."""
        if t == 0:
            return self.model_0(replicate)
        self.clock.check()
        arm = ARMS[name]
        model = replace(self.text.model, epochs=arm.epochs)
        if arm.from_model_0:
            model = replace(model, init=self.model_0(replicate).weights[0])
        if arm.last_epoch:
            model = replace(model, validation=None)
        return model.fit(data, stream(self.seed, "train", name, replicate, t))

    def write(self, name: str, replicate: int, t: int, fitted: Any) -> Tokens:
        """Return what a generation writes; arms share what model 0 writes."""
        decoder = ARMS[name].decoder
        kind = re.sub(r"\W+", "-", repr(decoder)).strip("-").lower()
        path = self.folder / f"text-zero-{replicate}-{kind}.npz"
        if t == 0 and path.exists():
            return read_arrays(path)["text"]
        rng = stream(self.seed, "write", name, replicate, t)
        text = continuations(fitted, self.text.train[replicate], decoder, rng)
        if t == 0:
            write_arrays(path, {"text": text})
        return text


#: What is stored of a fit.
_KEPT = ("weights", "losses", "validation_losses")


@dataclass
class _Told:
    """A generation as `recurse` sees it: the text that it wrote, shape ``(n, b)``."""

    text: Tokens
    test_loss: float

    def sample(self, n: int, rng: np.random.Generator) -> Tokens:
        """Return ``n`` of the blocks that it wrote, or all in order."""
        if n == len(self.text):
            return self.text[None]
        return self.text[None, rng.permutation(len(self.text))[:n]]


@dataclass
class _Tellers:
    """The models of one lineage: each fit is the next generation's."""

    run: _Run
    name: str
    replicate: int
    folder: Path
    generation: int = 0
    event_ndim = 1

    def fit(self, data: Any, rng: np.random.Generator) -> _Told:
        """Read the generation, or train and write it."""
        path = self.folder / generation_file(self.generation)
        if not path.exists():
            write_arrays(path, self.tell(self.generation, data))
        self.generation += 1
        record = read_arrays(path)
        return _Told(record["text"], float(record["test_loss"].mean()))

    def tell(self, t: int, data: Tokens) -> dict[str, NDArray[Any]]:
        """Train a generation, let it write, and measure both."""
        run, start = self.run, time.process_time()
        fitted = run.fit(self.name, self.replicate, t, data)
        trained = time.process_time()
        text = run.write(self.name, self.replicate, t, fitted)
        written = time.process_time()
        arrays = {
            "text": text,
            "test_loss": fitted.nll(run.text.test)[0],
            "own_loss": run.model_0(self.replicate).nll(text)[0],
            "losses": fitted.losses[0],
            "validation_losses": fitted.validation_losses[0],
        }
        seconds = (trained - start, written - trained, time.process_time() - written)
        if not run.quiet:
            print(
                f"{self.folder.name} generation {t}: perplexity of human text "
                f"{np.exp(arrays['test_loss'].mean()):.1f}, of its own "
                f"{np.exp(arrays['own_loss'].mean()):.2f}; CPU seconds to train, "
                "write, measure: " + ", ".join(f"{s:.0f}" for s in seconds),
                flush=True,
            )
        return {**arrays, "seconds": np.array(seconds)}


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
    return writer.continuations(np.asarray(prompts, np.int64), rng)
