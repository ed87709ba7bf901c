"""A call that works for every public callable of the library, by dotted name.

`test_every_callable.py` replaces its arguments one at a time. Whoever adds a callable
adds its call here.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from fnmatch import fnmatch
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import calls_book
import calls_checks
import calls_detection
import calls_loop
import calls_models
import calls_provenance
import calls_studies
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collapse_lib import claims, metrics, models, recurse, regimes, theory
from collapse_lib.book import Chapter, pictures, plotting
from collapse_lib.data import corpora, digits, vocabulary, wikipedia, words
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.data.vocabulary import Vocabulary
from collapse_lib.models.vae.model import FittedVAE
from collapse_lib.recursion import Arms, History, generations, parallel
from collapse_lib.samples import RealData, Summary

PACKAGES = (
    "recursion",
    "regimes",
    "models",
    "metrics",
    "theory",
    "detection",
    "data",
    "claims",
    "provenance",
    "book",
)
#: Public names without a call in the table, each with the reason.
HOOKS = {
    "recursion.Generation": "the loop makes it, in every generation; people get one",
    "regimes.Turn": "the loop makes it, in every generation; people get one",
    "regimes.Step": "what is in it is checked by the next fit, which names it data",
    "regimes.Regime.start": "a regime that remembers nothing looks at nothing",
    "regimes.Regime.next": "a subclass has it",
    "regimes.Bias.__call__": "a subclass has it",
    "models.LanguageModel.network": "a subclass has it",
    "models.*.kept": "a smoothing is asked by its model, about counts that it made",
    "models.*.left": "a smoothing is asked by its model, about counts that it made",
    "samples.Summary": "abstract; its kinds are in the table",
    "samples.check_beside": "summaries ask it, about their own fields",
    "samples.can_sample": "it says whether anything can be sampled",
    "samples.describe": "it describes anything",
    "checks.given": "it describes anything",
    "checks.together": "it is asked with arrays that have been checked",
    "declared.declared": "it is a decorator, tried in core/test_declared.py",
    "book.exercises.Mark": "a check returns it",
    "book.exercises.Check.refuses": "it is asked for answers that nobody can use",
    "metrics.Report": "`report` makes it",
    "provenance.Fingerprint": "`fingerprint` makes it",
    "provenance.Ledger": "`parse` makes it, which checks its lines",
    "provenance.Verified": "`verify` makes it",
    "provenance.credentials.Judged": "`judge` makes it",
    "provenance.croissant.in_words": "it is asked for entries of a ledger",
    "provenance.fingerprint.shown": "it shows any text or path",
    "provenance.keys.is_signed": "it is asked for entries of a ledger",
    "provenance.keys.public_of": "it is asked for keys that `read_key` made",
    "provenance.ledger.changing": "for the command line, which has checked the path",
    "provenance.ledger.content_of": "for the command line, which has checked the path",
    "provenance.ledger.parse_line": "`parse` asks it, and has checked",
    "provenance.ledger.save": "for the command line, which has checked the path",
    "provenance.ledger.signed_part": "it is asked for entries of a ledger",
    "theory.bias.Moments": "a pair of arrays that is returned",
    "studies.study.Lineage": "a plan is made of them, which `run` and `read` check",
    "studies.study.First": "an experiment returns it, for `run` alone",
    "studies.world.World": "`world` makes one, and names those that there are",
}
#: Classes to derive from: their methods are theirs in the table.
PUBLIC_BASES = (
    claims.Ledger,
    models.LanguageModel,
    models.Training,
    regimes.Bias,
    regimes.Regime,
    Summary,
)
ROOT = Path(__file__).parents[1]
Call = tuple[Callable[..., Any], dict[str, Any]]


def public() -> Iterator[str]:
    """Yield the dotted names of all public functions, classes and methods.

    Public is what a package exports, and what is on the page of the API. A thing that
    has several names, as a method that several classes inherit, is named once.
    """
    for name in everything():
        if not any(fnmatch(name, hook) for hook in HOOKS):
            yield name


def everything() -> Iterator[str]:
    """Yield all public names, also those without a call."""
    yield from _all_names(set())


def _all_names(seen: set[Any]) -> Iterator[str]:
    modules = documented()
    for package in PACKAGES:
        module = import_module(f"collapse_lib.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value):
                modules.setdefault(f"{package}.{name}", ([], []))
            yield from _named(f"{package}.{name}", value, seen)
    for path, (members, hidden) in modules.items():
        module = import_module(f"collapse_lib.{path}")
        for name, value in vars(module).items():
            own = not name.startswith("_") and value_module(value) == module.__name__
            if own and (not members or name in members):
                for dotted in _named(f"{path}.{name}", value, seen):
                    if dotted.split(".")[-1] not in hidden:
                        yield dotted


def documented() -> dict[str, tuple[list[str], list[str]]]:
    """Return module -> what the API page shows of it (nothing: all), and hides."""
    pages = sorted((ROOT / "appendices/api").glob("*.md"))
    page = "".join(path.read_text("utf-8") for path in pages)
    shown = {}
    for entry in page.split(".. automodule:: collapse_lib.")[1:]:
        names = {
            option: re.search(rf" :{option}:(.*)", entry)
            for option in ("members", "exclude-members")
        }
        if names["members"]:
            members, hidden = (
                found[1].replace(",", " ").split() if found else []
                for found in names.values()
            )
            shown[entry.split()[0]] = members, hidden
    return shown


def value_module(value: Any) -> str | None:
    """Return where a function or class comes from."""
    ours = inspect.isclass(value) or inspect.isfunction(value)
    return value.__module__ if ours else None


def _named(name: str, value: Any, seen: set[Any]) -> Iterator[str]:
    if not (inspect.isclass(value) or inspect.isfunction(value)) or value in seen:
        return
    seen.add(value)
    if inspect.isfunction(value) and inspect.signature(value).parameters:
        yield name
    if not inspect.isclass(value) or getattr(value, "_is_protocol", False):
        return
    if not issubclass(value, Exception) and inspect.signature(value).parameters:
        yield name
    for base in value.__mro__:
        # What comes from a public base is named by it.
        inherited = base is not value and base in PUBLIC_BASES
        if inherited or not base.__module__.startswith("collapse_lib"):
            continue
        for own, method in vars(base).items():
            function = getattr(method, "__func__", method)
            if getattr(function, "__isabstractmethod__", False):
                continue
            visible = own == "__call__" or not own.startswith("_")
            if not (visible and inspect.isfunction(function)) or function in seen:
                continue
            seen.add(function)
            if set(inspect.signature(function).parameters) - {"self", "cls"}:
                yield f"{name}.{own}"


def rng() -> np.random.Generator:
    """Return a generator, where it does not matter which."""
    return np.random.default_rng(0)


NORMAL = models.FittedGaussian.standard()
KNOWN = models.FittedKnownWidth.standard()
CLOUD = models.FittedMultivariateGaussian.standard(2)
DIE = models.FittedCategorical.of([0.5, 0.3, 0.2])
BLOBS = models.FittedGaussianMixture.of([0.5, 0.5], [[0, 0], [3, 1]], [np.eye(2)] * 2)
KERNEL = models.RidgeDensity(-3, 3, 7)
HUMPS = models.FittedKDE(np.array([[-1.0, 0.0, 2.0]]), np.array([0.5]))
FLAT = models.FittedRidgeDensity(KERNEL, np.full((1, 7), 1 / 7))
NGRAM = models.NGram(3, 2)
LINE = np.linspace(-1, 1, 6)[None]
PLANE = rng().normal(size=(1, 8, 2))
PLACES = np.array([[1.0], [2.0], [3.0]])
SLOPE = models.FittedLinearRegression.of([2.0], 1.0, PLACES)
SYMBOLS = np.array([[[0, 1, 2, 0, 1, 2], [2, 1, 0, 0, 1, 1]]])
COUNTS = models.Counts(4, np.array([[1, 2, 1]]))
EXPECTED = models.ExpectedCounts(4, np.array([[1.0, 2.0, 1.0]]))
SUMMARY = models.GaussianSummary(4, np.zeros(1), np.ones(1))
SCATTER = models.ScatterSummary(4, np.zeros((1, 2)), np.eye(2)[None])
PICTURES = rng().random((1, 3, 28, 28), np.float32)
IMAGES = models.Images.of(PICTURES)
LABELLED = models.Labelled(6, LINE, np.array([[0, 0, 0, 1, 1, 2]]))
STRATA = regimes.Stratified(lambda x: (x > 0).astype(int), (0.5, 0.5), 0.1)
BEST = regimes.Best(np.abs)
REAL = RealData(NORMAL, 1, models.Gaussian())
TINY = models.VAE(epochs=1, batch=2, n_latents=2, capacity=2)
POINTS = rng().normal(size=(12, 3))
ROWS = np.array([[0.2, 0.8], [0.5, 0.5]])
HALF = {"temperature": 0.5}
CLASSES = np.array([[[0.0, 1.0, 0], [1.0, 0.0, 1], [2.0, 1.0, 0], [3.0, 3.0, 1]]])
LOGISTIC = models.FittedLogisticRegression.of([0.1, 0.2, 0.3], np.eye(2))


@cache
def vae() -> FittedVAE:
    """Return a small autoencoder."""
    return TINY.fit(IMAGES, rng())


@cache
def ngram() -> models.FittedNGram:
    """Return a small language model."""
    return NGRAM.fit(SYMBOLS, rng())


def turn() -> regimes.Turn:
    """Return what a regime is given."""
    return regimes.Turn(NORMAL, 5, REAL, LINE, rng())


def _drawing() -> dict[str, Any]:
    return {"n": 3, "rng": rng()}


def _fitting(data: Any) -> dict[str, Any]:
    return {"data": data, "rng": rng()}


def _options(model: Any) -> Call:
    """Return the call that makes an object, with the values of its fields."""
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    return type(model), values


TOKENS = rng().integers(0, 8, (1, 6, 6))
WRITER = models.Transformer(
    vocabulary=9, context=8, width=4, layers=1, heads=1, epochs=1, batch=4, start=8
)


@cache
def writer() -> models.FittedLanguageModel:
    """Return a small transformer."""
    return WRITER.fit(TOKENS, rng())


def run(**arguments: Any) -> History:
    """Run a small experiment."""
    return recurse(**_experiment(), **arguments)


def _experiment() -> dict[str, Any]:
    return {
        "model": models.Gaussian(),
        "real": [-1.0, 1.0, 2.0],
        "regime": regimes.Replace(),
        "n_samples": 3,
        "n_generations": 1,
        "rng": rng(),
        "chains": 1,
    }


def sigma(fitted: models.FittedGaussian) -> Any:
    """Return what is measured."""
    return fitted.sigma


def block(chains: int, generator: np.random.Generator) -> History:
    """Run some of the chains of an experiment."""
    arguments = {**_experiment(), "chains": chains, "rng": generator}
    return recurse(**arguments, measure={"sigma": sigma})


@cache
def history() -> History:
    """Return a history of two generations."""
    return run(measure={"sigma": sigma})


@cache
def arms() -> Arms:
    """Return two histories side by side."""
    return History.of_arms({"a": history(), "b": history()})


TEXTS = ["the cat sat on the mat", "a dog and a cat", "the mat was red"] * 4
WORDS = Vocabulary.of(TEXTS)


@cache
def tokenizer() -> Tokenizer:
    """Return a tokenizer of few words."""
    return Tokenizer.train(TEXTS, 270)


@cache
def frequencies() -> words.WordFrequencies:
    """Return the frequencies of English words."""
    return words.word_frequencies("en", wordlist="small", n_words=500)


def chapter() -> Chapter:
    """Return a chapter at ci."""
    return Chapter("01", scale="ci", scales={"ci": {"n": 3}}, seed=7, root=ROOT)


def axes() -> Axes:
    """Return an empty picture."""
    return Figure().subplots()


T = theory
MIXTURES = {"f": BLOBS, "g": BLOBS}
MOMENTS = {"mean": [0, 0], "cov": np.eye(2), "mean0": [0, 0], "cov0": np.eye(2)}
NORMALS = {"mu": [0.0, 1.0], "sigma": [1.0, 0.5], "mu0": 0.0, "sigma0": 1.0}
SETS = {"real": POINTS, "generated": POINTS + 0.1}
DRIFT = {"n_samples": 10, "dim": 2, "estimator": "mle"}
SIZES = {"n_samples": [10, 20]}
FIT = {"n_samples": 10, "estimator": "unbiased"}
NOISY = {"fitted": CLOUD, "data": PLANE}

#: Name -> the callable and arguments by name. The arguments are made anew each time.
CALLS: dict[str, Callable[[], Call]] = {
    "data.corpora.corpus": lambda: (
        corpora.corpus,
        {"name": "chitchat", "split": "test", "folder": None},
    ),
    "data.corpora.parts": lambda: (
        corpora.parts,
        {"documents": [f"text {i}" for i in range(20)]},
    ),
    "data.corpora.repeats": lambda: (corpora.repeats, {"text": "a b c d"}),
    "data.digits.mnist": lambda: (
        digits.mnist,
        {"size": "5k", "split": "train", "folder": None},
    ),
    "data.digits.parse_idx": lambda: (
        digits.parse_idx,
        {"raw": digits.write_idx(np.zeros((2, 3), np.uint8))},
    ),
    "data.digits.write_idx": lambda: (
        digits.write_idx,
        {"array": np.zeros((2, 3), np.uint8)},
    ),
    "data.tokenizer.Tokenizer.train": lambda: (
        Tokenizer.train,
        {"texts": TEXTS, "vocabulary": 270},
    ),
    "data.tokenizer.Tokenizer.token": lambda: (
        tokenizer().token,
        {"text": "<|end|>"},
    ),
    "data.tokenizer.Tokenizer.encode": lambda: (
        tokenizer().encode,
        {"text": "a cat", "special": False},
    ),
    "data.tokenizer.Tokenizer.decode": lambda: (
        tokenizer().decode,
        {"tokens": [5, 6]},
    ),
    "data.tokenizer.Tokenizer.texts": lambda: (
        tokenizer().texts,
        {"blocks": [[5, 6], [7, 8]]},
    ),
    "data.tokenizer.Tokenizer.blocks": lambda: (
        tokenizer().blocks,
        {"texts": TEXTS, "block": 4, "special": False, "group": None, "n": 2},
    ),
    "data.vocabulary.words": lambda: (vocabulary.words, {"text": "a cat"}),
    "data.vocabulary.Vocabulary": lambda: _options(WORDS),
    "data.vocabulary.Vocabulary.of": lambda: (
        Vocabulary.of,
        {"documents": TEXTS, "n_words": 5},
    ),
    "data.vocabulary.Vocabulary.encode": lambda: (WORDS.encode, {"text": "a cat"}),
    "data.vocabulary.Vocabulary.decode": lambda: (WORDS.decode, {"numbers": [1, 2]}),
    "data.vocabulary.Vocabulary.blocks": lambda: (
        WORDS.blocks,
        {"documents": TEXTS, "length": 4},
    ),
    "data.wikipedia.prose": lambda: (wikipedia.prose, {"markup": "A [[link]]."}),
    "data.words.WordFrequencies.examples": lambda: (
        frequencies().examples,
        {"low": 1e-6, "high": 1e-1, "n": 2, "min_letters": 2},
    ),
    "data.words.word_frequencies": lambda: (
        words.word_frequencies,
        {"language": "en", "wordlist": "small", "n_words": 500},
    ),
    "claims.Estimate": lambda: (claims.Estimate, {"value": 1, "se": 2, "against": 3}),
    "claims.Estimate.mean": lambda: (
        claims.Estimate.mean,
        {"values": [1.0, 2.0], "against": 1.0},
    ),
    "claims.Estimate.median": lambda: (
        claims.Estimate.median,
        {"values": rng().normal(size=30), "against": 1.0},
    ),
    "claims.Estimate.share": lambda: (
        claims.Estimate.share,
        {"successes": [True, False, True], "against": 0.5},
    ),
    "claims.Estimate.variance": lambda: (
        claims.Estimate.variance,
        {"values": [1.0, 2.0, 4.0, 3.0], "against": 1.0},
    ),
    "claims.load": lambda: (claims.load, {"path": ROOT / "claims.yaml"}),
    "claims.as_stated": lambda: (claims.as_stated, {"number": 0.5}),
    "claims.three_digits": lambda: (claims.three_digits, {"number": 0.5}),
    "claims.with_error": lambda: (claims.with_error, {"value": 1.0, "se": 0.1}),
    "book.Chapter": lambda: (
        Chapter,
        {
            "number": "01",
            "scale": "ci",
            "scales": {"ci": {"n": 3}},
            "seed": 7,
            "root": ROOT,
        },
    ),
    "book.Chapter.seed_sequence": lambda: (chapter().seed_sequence, {"name": "one"}),
    "book.Chapter.rng": lambda: (chapter().rng, {"name": "one"}),
    "book.Chapter.say": lambda: (
        chapter().say,
        {"name": "one", "value": 1.5, "spec": ".2f"},
    ),
    "book.Chapter.record": lambda: (chapter().record, {"name": "one", "value": 1.5}),
    "book.Chapter.stored": lambda: (chapter().stored, {"scale": "ci"}),
    "book.pictures.as_distribution": lambda: (
        pictures.as_distribution,
        {"picture": np.eye(3)},
    ),
    "book.pictures.contact_sheet": lambda: (
        pictures.contact_sheet,
        {"images": PICTURES[0], "columns": 3},
    ),
    "book.pictures.tiles": lambda: (
        pictures.tiles,
        {"sheet": np.zeros((28, 56)), "side": 28},
    ),
    "book.plotting.look": lambda: (plotting.look, {"role": "real", "marker": True}),
    "book.plotting.generation_palette": lambda: (
        plotting.generation_palette,
        {"n": 3},
    ),
    "book.plotting.band": lambda: (
        plotting.band,
        {
            "ax": axes(),
            "history": history(),
            "metric": "sigma",
            "q": (0.05, 0.5, 0.95),
            "role": "synthetic",
            "color": None,
            "label": "sigma",
            "runs": 1,
        },
    ),
    "book.plotting.log_generations": lambda: (
        plotting.log_generations,
        {"ax": axes(), "label": "generation"},
    ),
    "book.plotting.spread": lambda: (
        plotting.spread,
        {"positions": [1.0, 1.1], "gap": 0.5},
    ),
    "recursion.recurse": lambda: (
        recurse,
        {**_experiment(), "measure": {"sigma": sigma}, "record": [0], "first": NORMAL},
    ),
    "recursion.generations": lambda: (
        lambda **arguments: list(generations(**arguments)),
        {**_experiment(), "first": NORMAL},
    ),
    "recursion.parallel.replicate": lambda: (
        parallel.replicate,
        {"experiment": block, "chains": 2, "seed": 7, "block": 1, "executor": None},
    ),
    "recursion.History": lambda: _options(history()),
    "recursion.History.array": lambda: (history().array, {"metric": "sigma"}),
    "recursion.History.at": lambda: (history().at, {"generations": [0]}),
    "recursion.History.equals": lambda: (history().equals, {"other": history()}),
    "recursion.History.join": lambda: (History.join, {"parts": [history()]}),
    "recursion.History.of_arms": lambda: (
        History.of_arms,
        {"histories": {"a": history()}},
    ),
    "recursion.Arms": lambda: (Arms, {"parts": {"a": history()}}),
    "recursion.Arms.arm": lambda: (arms().arm, {"name": "a"}),
    "recursion.Arms.array": lambda: (arms().array, {"metric": "sigma"}),
    "recursion.Arms.at": lambda: (arms().at, {"generations": [0]}),
    "models.AbsoluteDiscounting": lambda: (
        models.AbsoluteDiscounting,
        {"discount": 0.5},
    ),
    "models.KneserNey": lambda: (models.KneserNey, {"discount": 0.5}),
    "models.JelinekMercer": lambda: (models.JelinekMercer, {"weights": (0.5, 0.5)}),
    "models.Ancestral": lambda: _options(models.Ancestral(1.0, 5, 0.9)),
    "models.Ancestral.temper": lambda: (models.Ancestral().temper, dict(HALF)),
    "models.Beam": lambda: _options(models.Beam(2, 1.5)),
    "models.Greedy": lambda: _options(models.Greedy(1.5)),
    "models.NGram": lambda: _options(NGRAM),
    "models.NGram.fit": lambda: (NGRAM.fit, _fitting(SYMBOLS)),
    "models.FittedNGram.log_prob": lambda: (ngram().log_prob, {"data": SYMBOLS}),
    "models.FittedNGram.conditional": lambda: (ngram().conditional, {"context": [[1]]}),
    "models.FittedNGram.temper": lambda: (ngram().temper, dict(HALF)),
    "models.FittedNGram.sample": lambda: (ngram().sample, _drawing()),
    "models.FittedNGram.continue_from": lambda: (
        ngram().continue_from,
        {"prompt": [[[1, 2]]], "n_symbols": 3, "rng": rng()},
    ),
    "models.FittedNGram.cut": lambda: (ngram().cut, {"top_k": 2, "top_p": 0.9}),
    "models.FittedNGram.reweighted": lambda: (
        ngram().reweighted,
        {"change": np.sqrt},
    ),
    "models.TemperedNGram": lambda: _options(ngram().temper(0.5).cut(2, 0.9)),
    "models.TemperedNGram.temper": lambda: (
        ngram().temper(0.5).temper,
        dict(HALF),
    ),
    "models.TemperedNGram.cut": lambda: (
        ngram().temper(0.5).cut,
        {"top_k": 2, "top_p": 0.9},
    ),
    "models.TemperedNGram.sample": lambda: (ngram().temper(0.5).sample, _drawing()),
    "models.Training": lambda: _options(models.Training(start=0)),
    "models.Transformer": lambda: _options(WRITER),
    "models.Transformer.fit": lambda: (WRITER.fit, _fitting(TOKENS)),
    "models.FittedLanguageModel.sample": lambda: (writer().sample, _drawing()),
    "models.FittedLanguageModel.continuations": lambda: (
        writer().continuations,
        {"prompts": TOKENS[0, :, :3], "rng": rng(), "chain": 0},
    ),
    "models.FittedLanguageModel.nll": lambda: (writer().nll, {"blocks": TOKENS[0]}),
    "models.FittedLanguageModel.temper": lambda: (writer().temper, dict(HALF)),
    "metrics.batch_factor": lambda: (
        metrics.batch_factor,
        {"log_prob": -np.ones((2, 4)), "batch": 1},
    ),
    "metrics.corpus_perplexity": lambda: (
        metrics.corpus_perplexity,
        {"log_prob": -np.ones((2, 4))},
    ),
    "metrics.sequence_perplexity": lambda: (
        metrics.sequence_perplexity,
        {"log_prob": -np.ones((2, 4))},
    ),
    "metrics.distinct_n": lambda: (metrics.distinct_n, {"data": SYMBOLS, "n": 2}),
    "metrics.rep_n": lambda: (metrics.rep_n, {"data": SYMBOLS, "n": 2}),
    "metrics.NearCopies": lambda: _options(metrics.NearCopies(2, 2)),
    "metrics.NearCopies.__call__": lambda: (
        metrics.NearCopies(2, 2),
        {"texts": SYMBOLS},
    ),
    "metrics.jaccard": lambda: (
        metrics.jaccard,
        {"texts": SYMBOLS[0], "others": SYMBOLS[0], "width": 2},
    ),
    "metrics.signatures": lambda: (
        metrics.signatures,
        {"texts": SYMBOLS, "k": 4, "width": 2, "seed": 1},
    ),
    "metrics.rarities": lambda: (metrics.rarities, {"blocks": SYMBOLS[0]}),
    "metrics.similarity": lambda: (
        metrics.similarity,
        {"texts": SYMBOLS[0], "prompts": SYMBOLS[0], "rarity": np.ones(3)},
    ),
    "regimes.Accumulate": lambda: (regimes.Accumulate, {"bias": None}),
    "regimes.AccumulateSubsample": lambda: (
        regimes.AccumulateSubsample,
        {"bias": regimes.Temperature(0.5)},
    ),
    "regimes.Augment": lambda: (regimes.Augment, {"bias": None}),
    "regimes.Best": lambda: _options(BEST),
    "regimes.Best.__call__": lambda: (BEST, {"fitted": NORMAL}),
    "regimes.Chain": lambda: _options(regimes.Chain((regimes.TopP(0.5), BEST))),
    "regimes.Chain.__call__": lambda: (regimes.Chain((BEST,)), {"fitted": NORMAL}),
    "regimes.Corrected": lambda: _options(regimes.Corrected(NORMAL, 0.5, ("mu",))),
    "regimes.Corrected.__call__": lambda: (
        regimes.Corrected(NORMAL, 0.5),
        {"fitted": NORMAL},
    ),
    "regimes.Grounded": lambda: (
        regimes.Grounded,
        {"store": LINE[0], "share": 0.5},
    ),
    "regimes.Grounded.__call__": lambda: (
        regimes.Grounded(LINE[0], 0.5),
        {"fitted": NORMAL},
    ),
    "regimes.Lambda": lambda: (regimes.Lambda, {"value": 0.5}),
    "regimes.Lambda.__call__": lambda: (regimes.Lambda(0.5), {"fitted": BLOBS}),
    "regimes.Calibrated": lambda: (regimes.Calibrated, {"store": LINE[0]}),
    "regimes.Calibrated.__call__": lambda: (
        regimes.Calibrated(LINE[0]),
        {"fitted": NORMAL},
    ),
    "regimes.Extrapolated": lambda: _options(
        regimes.Extrapolated(NORMAL, 0.5, ("mu",))
    ),
    "regimes.Extrapolated.__call__": lambda: (
        regimes.Extrapolated(NORMAL, 0.5),
        {"fitted": NORMAL},
    ),
    "regimes.Focal": lambda: (regimes.Focal, {"strength": 0.5}),
    "regimes.Focal.__call__": lambda: (regimes.Focal(0.5), {"fitted": DIE}),
    "regimes.MostDiverse": lambda: (regimes.MostDiverse, {"k": 2}),
    "regimes.MostDiverse.__call__": lambda: (
        regimes.MostDiverse(2),
        {"fitted": NORMAL},
    ),
    "regimes.Truncated": lambda: (regimes.Truncated, {"gamma": 0.5}),
    "regimes.TopP": lambda: (regimes.TopP, {"mass": 0.5}),
    "regimes.TopP.__call__": lambda: (regimes.TopP(0.5), {"fitted": DIE}),
    "regimes.Verified": lambda: _options(regimes.Verified(np.isfinite, 3)),
    "regimes.Verified.__call__": lambda: (
        regimes.Verified(np.isfinite),
        {"fitted": NORMAL},
    ),
    "regimes.Edit": lambda: (
        regimes.Edit,
        {"share": 0.1, "same": True, "bias": None},
    ),
    "regimes.Fresh": lambda: (regimes.Fresh, {"n_real": 3, "bias": None}),
    "regimes.GrowingSamples": lambda: _options(regimes.GrowingSamples(100, 2)),
    "regimes.GrowingSamples.__call__": lambda: (
        regimes.GrowingSamples(100, 2),
        {"t": 3},
    ),
    "regimes.Mix": lambda: _options(regimes.Mix(0.5, 0.25, 0.25)),
    "regimes.Regime": lambda: (regimes.Regime, {"bias": None}),
    "regimes.Replace": lambda: (regimes.Replace, {"bias": None}),
    "regimes.Temperature": lambda: (regimes.Temperature, {"value": 0.5}),
    "regimes.Temperature.__call__": lambda: (
        regimes.Temperature(0.5),
        {"fitted": NORMAL},
    ),
    "regimes.Ecosystem": lambda: (regimes.Ecosystem, {"models": 2, "bias": None}),
    "regimes.BySource": lambda: (regimes.BySource, {"real": 0.5}),
    "regimes.Deduplicated": lambda: _options(
        regimes.Deduplicated(0.5, metrics.NearCopies())
    ),
    "regimes.Detected": lambda: _options(regimes.Detected(0.9, 0.1)),
    "regimes.Recorded": lambda: _options(regimes.Recorded(0.5, 0.7, 0.1)),
    "regimes.Stratified": lambda: _options(STRATA),
    "regimes.BySource.__call__": lambda: (
        STRATA,
        {"labelled": LABELLED, "rng": rng()},
    ),
    "regimes.Web": lambda: (regimes.Web, {"share": 0.1, "bias": None}),
    "regimes.check_weights": lambda: (
        regimes.check_weights,
        {"weights": (0.5, 0.5, 0.0)},
    ),
    "regimes.split": lambda: (regimes.split, {"n": 9, "weights": (0.5, 0.5, 0.0)}),
    "models.Blur": lambda: _options(models.Blur((1, 3), 0.5)),
    "models.Categorical": lambda: _options(models.Categorical(3)),
    "models.Categorical.fit": lambda: (
        models.Categorical(3).fit,
        _fitting(SYMBOLS[0]),
    ),
    "models.FittedTracked": lambda: (
        models.FittedTracked,
        {"fitted": NORMAL, "generation": np.array([1])},
    ),
    "models.FittedTracked.sample": lambda: (
        models.FittedTracked(NORMAL, np.array([1])).sample,
        _drawing(),
    ),
    "models.Labelled": lambda: _options(LABELLED),
    "models.Labelled.real": lambda: (models.Labelled.real, {"points": LINE}),
    "models.Labelled.subsample": lambda: (LABELLED.subsample, _drawing()),
    "models.Tracked": lambda: _options(models.Tracked(models.Gaussian(), STRATA, 3)),
    "models.Tracked.fit": lambda: (
        models.Tracked(models.Gaussian()).fit,
        _fitting(LINE),
    ),
    "models.Counts": lambda: _options(COUNTS),
    "models.Counts.subsample": lambda: (COUNTS.subsample, _drawing()),
    "models.ExpectedCounts": lambda: _options(EXPECTED),
    "models.ExpectedCounts.subsample": lambda: (EXPECTED.subsample, _drawing()),
    "models.FittedCategorical": lambda: _options(DIE),
    "models.FittedCategorical.of": lambda: (
        models.FittedCategorical.of,
        {"weights": [0.5, 0.5], "law": "exact"},
    ),
    "models.FittedCategorical.sample": lambda: (DIE.sample, _drawing()),
    "models.FittedCategorical.temper": lambda: (DIE.temper, dict(HALF)),
    "models.FittedCategorical.expand": lambda: (DIE.expand, {"chains": 2}),
    "models.FittedGaussian": lambda: _options(NORMAL),
    "models.FittedGaussian.sample": lambda: (NORMAL.sample, _drawing()),
    "models.FittedGaussian.standard": lambda: (NORMAL.standard, {"law": "exact"}),
    "models.FittedGaussian.temper": lambda: (NORMAL.temper, dict(HALF)),
    "models.FittedGaussianMixture": lambda: _options(BLOBS),
    "models.FittedGaussianMixture.log_density": lambda: (
        BLOBS.log_density,
        {"x": PLANE},
    ),
    "models.FittedGaussianMixture.of": lambda: (
        BLOBS.of,
        {"weights": [1.0], "means": [[0.0]], "covariances": [[[1.0]]]},
    ),
    "models.FittedGaussianMixture.responsibilities": lambda: (
        BLOBS.responsibilities,
        {"x": PLANE},
    ),
    "models.FittedGaussianMixture.sample": lambda: (BLOBS.sample, _drawing()),
    "models.FittedGaussianMixture.stack": lambda: (
        BLOBS.stack,
        {"mixtures": [BLOBS, BLOBS]},
    ),
    "models.FittedGaussianMixture.temper": lambda: (BLOBS.temper, dict(HALF)),
    "models.FittedGaussianMixture.log_parts": lambda: (BLOBS.log_parts, {"x": PLANE}),
    "models.TemperedMixture": lambda: _options(BLOBS.temper(0.5)),
    "models.TemperedMixture.expand": lambda: (BLOBS.temper(0.5).expand, {"chains": 2}),
    "models.TemperedMixture.sample": lambda: (BLOBS.temper(0.5).sample, _drawing()),
    "models.FittedMultivariateGaussian": lambda: _options(CLOUD),
    "models.FittedMultivariateGaussian.sample": lambda: (CLOUD.sample, _drawing()),
    "models.FittedMultivariateGaussian.standard": lambda: (
        CLOUD.standard,
        {"dim": 2, "law": "exact"},
    ),
    "models.FittedMultivariateGaussian.temper": lambda: (CLOUD.temper, dict(HALF)),
    "models.FittedPerChain": lambda: (models.FittedPerChain, {"members": (NORMAL,)}),
    "models.FittedPerChain.sample": lambda: (
        models.FittedPerChain((NORMAL,)).sample,
        _drawing(),
    ),
    "models.FittedRidgeDensity": lambda: _options(FLAT),
    "models.FittedRidgeDensity.sample": lambda: (FLAT.sample, _drawing()),
    "models.FittedRidgeDensity.share": lambda: (FLAT.share, {"k": 2}),
    "models.FittedRidgeDensity.temper": lambda: (FLAT.temper, dict(HALF)),
    "models.FittedVAE": lambda: _options(vae()),
    "models.FittedVAE.draw": lambda: (vae().draw, _drawing()),
    "models.FittedVAE.encode": lambda: (vae().encode, {"images": PICTURES}),
    "models.FittedVAE.loss": lambda: (
        vae().loss,
        {"images": PICTURES, "rng": rng()},
    ),
    "models.FittedVAE.sample": lambda: (vae().sample, _drawing()),
    "models.FittedVAE.temper": lambda: (vae().temper, dict(HALF)),
    "models.Gaussian": lambda: _options(models.Gaussian()),
    "models.Gaussian.fit": lambda: (models.Gaussian().fit, _fitting(LINE)),
    "models.GaussianMixture": lambda: _options(models.GaussianMixture(2, start=BLOBS)),
    "models.GaussianMixture.fit": lambda: (
        models.GaussianMixture(2, max_iter=3).fit,
        _fitting(PLANE),
    ),
    "models.GaussianSummary": lambda: _options(SUMMARY),
    "models.Images": lambda: _options(IMAGES),
    "models.Images.of": lambda: (IMAGES.of, {"images": PICTURES[0], "chains": 2}),
    "models.Images.subsample": lambda: (IMAGES.subsample, {"n": 2, "rng": rng()}),
    "models.IndependentNoise": lambda: (models.IndependentNoise, {"scale": 0.5}),
    "models.FittedKDE": lambda: _options(HUMPS),
    "models.FittedKDE.log_density": lambda: (HUMPS.log_density, {"x": [0.0, 1.0]}),
    "models.FittedKDE.sample": lambda: (HUMPS.sample, _drawing()),
    "models.EarlyStopping": lambda: _options(models.EarlyStopping()),
    "models.EarlyStopping.split": lambda: (
        models.EarlyStopping().split,
        {"n": 8, "rng": rng()},
    ),
    "models.EarlyStopping.is_over": lambda: (
        models.EarlyStopping().is_over,
        {"losses": [2.0, 1.0]},
    ),
    "models.KDE": lambda: _options(models.KDE(0.5)),
    "models.KDE.fit": lambda: (models.KDE().fit, _fitting(LINE)),
    "models.LogisticRegression": lambda: _options(
        models.LogisticRegression(np.eye(2), 0.5)
    ),
    "models.LogisticRegression.fit": lambda: (
        models.LogisticRegression().fit,
        _fitting(CLASSES),
    ),
    "models.FittedLogisticRegression": lambda: _options(LOGISTIC),
    "models.FittedLogisticRegression.label": lambda: (
        LOGISTIC.label,
        {"x": np.eye(2)[None], "rng": rng()},
    ),
    "models.FittedLogisticRegression.log_loss": lambda: (
        LOGISTIC.log_loss,
        {"rows": CLASSES[0]},
    ),
    "models.FittedLogisticRegression.of": lambda: (
        LOGISTIC.of,
        {"weights": [0.1, 0.2, 0.3], "design": np.eye(2)},
    ),
    "models.FittedLogisticRegression.probability": lambda: (
        LOGISTIC.probability,
        {"x": np.eye(2)},
    ),
    "models.FittedLogisticRegression.sample": lambda: (LOGISTIC.sample, _drawing()),
    "models.FittedLogisticRegression.temper": lambda: (LOGISTIC.temper, dict(HALF)),
    "models.KnownWidth": lambda: _options(models.KnownWidth()),
    "models.KnownWidth.fit": lambda: (models.KnownWidth().fit, _fitting(LINE)),
    "models.FittedKnownWidth": lambda: _options(KNOWN),
    "models.FittedKnownWidth.sample": lambda: (KNOWN.sample, _drawing()),
    "models.FittedKnownWidth.standard": lambda: (KNOWN.standard, {"law": "exact"}),
    "models.FittedKnownWidth.temper": lambda: (KNOWN.temper, dict(HALF)),
    "models.MeanSummary": lambda: _options(models.MeanSummary(4, np.zeros(1))),
    "models.LinearRegression": lambda: _options(models.LinearRegression(design=PLACES)),
    "models.LinearRegression.fit": lambda: (
        models.LinearRegression().fit,
        _fitting(PLANE),
    ),
    "models.FittedLinearRegression": lambda: _options(SLOPE),
    "models.FittedLinearRegression.of": lambda: (
        models.FittedLinearRegression.of,
        {"coef": [1.0], "noise": 1.0, "design": PLACES, "law": "exact"},
    ),
    "models.FittedLinearRegression.label": lambda: (
        SLOPE.label,
        {"x": PLACES[None], "rng": rng()},
    ),
    "models.FittedLinearRegression.sample": lambda: (SLOPE.sample, _drawing()),
    "models.FittedLinearRegression.temper": lambda: (SLOPE.temper, dict(HALF)),
    "models.RegressionSummary": lambda: _options(
        models.RegressionSummary(4, np.eye(2)[None])
    ),
    "models.MultivariateGaussian": lambda: _options(models.MultivariateGaussian()),
    "models.MultivariateGaussian.fit": lambda: (
        models.MultivariateGaussian().fit,
        _fitting(PLANE),
    ),
    "models.PerChain": lambda: _options(models.PerChain(models.Gaussian())),
    "models.Perturbed": lambda: _options(
        models.Perturbed(models.MultivariateGaussian(), models.MedianForMean())
    ),
    "models.Perturbed.fit": lambda: (
        models.Perturbed(models.MultivariateGaussian(), models.MedianForMean()).fit,
        _fitting(PLANE),
    ),
    "models.RidgeDensity": lambda: _options(models.RidgeDensity(-3, 3, 2, base=(1, 1))),
    "models.RidgeDensity.coefficients": lambda: (
        KERNEL.coefficients,
        {"p": np.full(7, 1 / 7)},
    ),
    "models.RidgeDensity.energy_share": lambda: (
        KERNEL.energy_share,
        {"p": np.full(7, 1 / 7), "k": 2},
    ),
    "models.RidgeDensity.fit": lambda: (KERNEL.fit, _fitting(LINE)),
    "models.RidgeDensity.source": lambda: (KERNEL.source, {"p": np.full(7, 1 / 7)}),
    "models.ScatterSummary": lambda: _options(SCATTER),
    "models.SplitScatter": lambda: (models.SplitScatter, {"scale": 0.5}),
    "models.SplitScatter.energy": lambda: (
        models.SplitScatter(0.5).energy,
        {"n_samples": 10, "samplings": 3, "dim": 2},
    ),
    "models.VAE": lambda: _options(TINY),
    "models.VAE.fit": lambda: (TINY.fit, _fitting(PICTURES)),
    "metrics.Alarms": lambda: (
        metrics.Alarms,
        {"generation": np.array([2.0, np.inf]), "side": np.array([1, 0])},
    ),
    "metrics.Band": lambda: (metrics.Band, {"low": 0.0, "high": 1.0}),
    "metrics.Band.of": lambda: (
        metrics.Band.of,
        {"replicates": [0.0, 1.0, 2.0, 3.0], "beyond": 2},
    ),
    "metrics.Band.sides": lambda: (
        metrics.Band(0.0, 1.0).sides,
        {"values": [[2.0, 0.5], [0.5, -1.0]]},
    ),
    "metrics.false_alarm_rate": lambda: (
        metrics.false_alarm_rate,
        {"n_replicates": 9, "beyond": 2, "in_a_row": 2},
    ),
    "metrics.first_alarm": lambda: (
        metrics.first_alarm,
        {
            "values": [[2.0, 0.5], [0.5, -1.0]],
            "band": metrics.Band(0.0, 1.0),
            "in_a_row": 1,
            "generations": [1, 2],
        },
    ),
    "metrics.class_entropy": lambda: (metrics.class_entropy, {"probabilities": ROWS}),
    "metrics.confidence": lambda: (metrics.confidence, {"probabilities": ROWS}),
    "metrics.cosine_distance_mixtures": lambda: (
        metrics.cosine_distance_mixtures,
        dict(MIXTURES),
    ),
    "metrics.coverage": lambda: (metrics.coverage, {**SETS, "k": 2}),
    "metrics.density": lambda: (metrics.density, {**SETS, "k": 2}),
    "metrics.energy_distance": lambda: (metrics.energy_distance, dict(SETS)),
    "metrics.mmd2": lambda: (metrics.mmd2, {**SETS, "bandwidth": 1.0}),
    "metrics.classifier_accuracy": lambda: (
        metrics.classifier_accuracy,
        {**SETS, "rng": rng(), "folds": 2},
    ),
    "metrics.vendi_score": lambda: (
        metrics.vendi_score,
        {"kernel": np.eye(3), "q": 2.0},
    ),
    "metrics.vendi_of_features": lambda: (
        metrics.vendi_of_features,
        {"features": POINTS, "q": 2.0},
    ),
    "metrics.types": lambda: (metrics.types, {"data": SYMBOLS, "length": 4}),
    "metrics.self_bleu": lambda: (metrics.self_bleu, {"data": SYMBOLS, "n": 2}),
    "metrics.compression_ratio": lambda: (
        metrics.compression_ratio,
        {"text": "Too loud. Too loud."},
    ),
    "metrics.report": lambda: (
        metrics.report,
        {
            "real": np.tile(POINTS, (4, 1)),
            "generated": np.tile(POINTS, (2, 1)),
            "seed": 0,
        },
    ),
    "metrics.entropy": lambda: (metrics.entropy, {"p": ROWS}),
    "metrics.first_below": lambda: (
        metrics.first_below,
        {"values": [[1.0, 1.0], [0.4, 0.9]], "level": 0.5},
    ),
    "metrics.frechet_distance": lambda: (metrics.frechet_distance, dict(SETS)),
    "metrics.heterozygosity": lambda: (metrics.heterozygosity, {"p": ROWS}),
    "metrics.joint_effects": lambda: (
        metrics.joint_effects,
        {"losses": {"": 0, "S": 2, "E": 3, "SE": 4}},
    ),
    "metrics.kl_categorical": lambda: (
        metrics.kl_categorical,
        {"p0": ROWS, "p": ROWS[0]},
    ),
    "metrics.kl_gaussian": lambda: (metrics.kl_gaussian, dict(NORMALS)),
    "metrics.l2_squared_mixtures": lambda: (
        metrics.l2_squared_mixtures,
        dict(MIXTURES),
    ),
    "metrics.latent_density": lambda: (
        metrics.latent_density,
        {"values": POINTS, "grid": [0.0, 1.0]},
    ),
    "metrics.latent_peak": lambda: (
        metrics.latent_peak,
        {"latents": rng().normal(size=(100, 2))},
    ),
    "metrics.measure_images": lambda: (
        metrics.measure_images,
        {"images": PICTURES[0], "rng": rng()},
    ),
    "metrics.measure_latents": lambda: (
        metrics.measure_latents,
        {"latents": rng().normal(size=(100, 2))},
    ),
    "metrics.overlap_mixtures": lambda: (metrics.overlap_mixtures, dict(MIXTURES)),
    "metrics.pixel_entropy": lambda: (metrics.pixel_entropy, {"images": PICTURES[0]}),
    "metrics.precision": lambda: (metrics.precision, {**SETS, "k": 2}),
    "metrics.recall": lambda: (metrics.recall, {**SETS, "k": 2}),
    "metrics.support_size": lambda: (metrics.support_size, {"p": ROWS}),
    "metrics.tail_mass_gaussian": lambda: (
        metrics.tail_mass_gaussian,
        {**NORMALS, "cut": 2.0},
    ),
    "metrics.total_variation": lambda: (
        metrics.total_variation,
        {"p": ROWS, "q": ROWS[0]},
    ),
    "metrics.w2_squared_gaussian": lambda: (metrics.w2_squared_gaussian, dict(NORMALS)),
    "metrics.w2_squared_gaussians": lambda: (
        metrics.w2_squared_gaussians,
        dict(MOMENTS),
    ),
    "metrics.w2_squared_samples": lambda: (
        metrics.w2_squared_samples,
        {"x": [1.0, 2.0], "y": [3.0, 4.0]},
    ),
    "theory.minhash.sd": lambda: (theory.minhash.sd, {"similarity": 0.5, "k": 9}),
    "theory.minhash.found": lambda: (
        theory.minhash.found,
        {"similarity": 0.5, "bands": 2, "rows": 3},
    ),
    "theory.minhash.threshold": lambda: (
        theory.minhash.threshold,
        {"bands": 2, "rows": 3},
    ),
    "theory.confidence.focal": lambda: (
        theory.confidence.focal,
        {"q": [0.5, 0.5], "strength": 2.0},
    ),
    "theory.confidence.truncated": lambda: (
        theory.confidence.truncated,
        {"q": [0.5, 0.5], "gamma": 0.4},
    ),
    "theory.curation.accepted_share": lambda: (
        T.curation.accepted_share,
        {"wrong": [0.1, 0.2], "phi": 0.8, "psi": 0.5},
    ),
    "theory.curation.fixation_probability": lambda: (
        T.curation.fixation_probability,
        {"share": 0.1, "gap": 1.0, "k": 2, "n_samples": 10},
    ),
    "theory.curation.k_choice": lambda: (
        T.curation.k_choice,
        {"p": [0.5, 0.5], "reward": [0.0, 1.0], "k": 2},
    ),
    "theory.curation.kept_accuracy": lambda: (
        T.curation.kept_accuracy,
        {"wrong": [0.1, 0.2], "phi": 0.8, "psi": 0.5},
    ),
    "theory.curation.takeover": lambda: (
        T.curation.takeover,
        {"k": 3, "ratio": [0.4, 0.6]},
    ),
    "theory.curation.two_tastes": lambda: (
        T.curation.two_tastes,
        {"share": [0.4, 0.6], "k": 3},
    ),
    "theory.curation.verifier_threshold": lambda: (
        T.curation.verifier_threshold,
        {"phi": 0.8, "psi": 0.5},
    ),
    "theory.discrete.loss_probability": lambda: (
        T.discrete.loss_probability,
        {"q": [0.1, 0.2], "n_samples": 10},
    ),
    "theory.discrete.ecosystem_after": lambda: (
        T.discrete.ecosystem_after,
        {"h0": 0.5, "n_samples": 10, "models": 3, "generation": 4},
    ),
    "theory.discrete.heterozygosity_after": lambda: (
        T.discrete.heterozygosity_after,
        {"h0": 0.5, "n_samples": 10, "generation": [0, 1]},
    ),
    "theory.discrete.heterozygosity_with_real": lambda: (
        T.discrete.heterozygosity_with_real,
        {"n_synthetic": 10, "n_real": 1},
    ),
    "theory.discrete.collapse_time": lambda: (
        T.discrete.collapse_time,
        {"p": [0.5, 0.5], "n_samples": 10},
    ),
    "theory.discrete.collapse_time_diffusion": lambda: (
        T.discrete.collapse_time_diffusion,
        {"p": [0.5, 0.5], "n_samples": 50},
    ),
    "theory.discrete.absorption_time": lambda: (
        T.discrete.absorption_time,
        {"q": 0.5, "n_samples": 10},
    ),
    "theory.discrete.absorption_time_diffusion": lambda: (
        T.discrete.absorption_time_diffusion,
        {"q": 0.5, "n_samples": 50},
    ),
    "theory.discrete.binomial_law": lambda: (
        T.discrete.binomial_law,
        {"p": [0.2, 0.5], "n_samples": 10},
    ),
    "theory.discrete.share_law": lambda: (
        T.discrete.share_law,
        {
            "share": 0.1,
            "n_samples": 10,
            "n_generations": 2,
            "rule": lambda shares: shares,
        },
    ),
    "theory.minorities.smoothed": lambda: (
        T.minorities.smoothed,
        {"share": [0.1, 0.5], "n_samples": 10, "smoothing": 0.5, "n_states": 3},
    ),
    "theory.minorities.smoothed_share_after": lambda: (
        T.minorities.smoothed_share_after,
        {
            "share": 0.1,
            "n_samples": 10,
            "smoothing": 0.5,
            "generation": [0, 3],
            "n_states": 3,
        },
    ),
    "theory.minorities.smoothed_heterozygosity": lambda: (
        T.minorities.smoothed_heterozygosity,
        {"n_samples": 10, "smoothing": 0.5, "n_states": 3},
    ),
    "theory.minorities.stratified": lambda: (
        T.minorities.stratified,
        {"share": [0.1, 0.5], "target": 0.3, "error": 0.1},
    ),
    "theory.minorities.stratified_limit": lambda: (
        T.minorities.stratified_limit,
        {"target": 0.3, "error": 0.1},
    ),
    "theory.minorities.types_with_real": lambda: (
        T.minorities.types_with_real,
        {"p": [0.5, 0.3, 0.2], "n_synthetic": 10, "n_real": 1},
    ),
    "theory.minorities.ridge_signal_kept": lambda: (
        T.minorities.ridge_signal_kept,
        {"n_samples": [10, 90], "ridge": 2.0, "generation": 3},
    ),
    "theory.discrete.survival_factor": lambda: (
        T.discrete.survival_factor,
        {"generations": 3},
    ),
    "theory.discrete.survival_probability": lambda: (
        T.discrete.survival_probability,
        {"count": [1, 10], "generation": 5},
    ),
    "theory.gaussian.mean_abs_error_of_mean": lambda: (
        T.gaussian.mean_abs_error_of_mean,
        dict(SIZES),
    ),
    "theory.gaussian.sd_abs_error_of_mean": lambda: (
        T.gaussian.sd_abs_error_of_mean,
        dict(SIZES),
    ),
    "theory.gaussian.mean_sigma_factor": lambda: (T.gaussian.mean_sigma_factor, FIT),
    "theory.gaussian.sd_sigma_factor": lambda: (T.gaussian.sd_sigma_factor, FIT),
    "theory.gaussian.log_sigma2_drift": lambda: (T.gaussian.log_sigma2_drift, FIT),
    "theory.gaussian.pooled_variance": lambda: (
        T.gaussian.pooled_variance,
        {**FIT, "samplings": [1, 2]},
    ),
    "theory.gaussian.w2_risk_arxiv": lambda: (T.gaussian.w2_risk_arxiv, dict(SIZES)),
    "theory.gaussian.w2_risk_nature": lambda: (T.gaussian.w2_risk_nature, dict(SIZES)),
    "theory.gaussian.w2_risk": lambda: (
        T.gaussian.w2_risk,
        {"n_samples": 10, "samplings": [1, 2]},
    ),
    "theory.gaussian.w2_risk_variance_arxiv": lambda: (
        T.gaussian.w2_risk_variance_arxiv,
        dict(SIZES),
    ),
    "theory.gaussian.w2_risk_variance": lambda: (
        T.gaussian.w2_risk_variance,
        dict(SIZES),
    ),
    "theory.gaussian.accumulate_variance_limit": lambda: (
        T.gaussian.accumulate_variance_limit,
        {"n_samples": 10},
    ),
    "theory.gaussian.log_det_drift": lambda: (T.gaussian.log_det_drift, dict(DRIFT)),
    "theory.gaussian.marginal_sample": lambda: (
        T.gaussian.marginal_sample,
        {"n_samples": 10, "samplings": 2, "size": 3, "rng": rng()},
    ),
    "theory.gaussian_moments.w2_moments": lambda: (
        T.gaussian_moments.w2_moments,
        dict(SIZES),
    ),
    "theory.gaussian_moments.accumulate_moments": lambda: (
        T.gaussian_moments.accumulate_moments,
        {"n_samples": 10, "generations": 3},
    ),
    "theory.gaussian_moments.subsample_moments": lambda: (
        T.gaussian_moments.subsample_moments,
        {"n_samples": 10, "generations": 3},
    ),
    "theory.linear_vae.decoder_variance": lambda: (
        T.linear_vae.decoder_variance,
        {"variance": [5.0, 2.0], "noise": 1.0},
    ),
    "theory.linear_vae.training_variances": lambda: (
        T.linear_vae.training_variances,
        {
            "variance": [5.0, 2.0],
            "noise": 1.0,
            "n_generations": 3,
            "real": 0.1,
            "pixels": "mean",
        },
    ),
    "theory.linear_vae.limit_variance": lambda: (
        T.linear_vae.limit_variance,
        {"variance": [5.0, 2.0], "noise": 1.0, "real": 0.1},
    ),
    "theory.many_fits.variance_cdf": lambda: (
        T.many_fits.variance_cdf,
        {"x": [0.5, 1.0], "n_samples": 10, "samplings": 3, "estimator": "mle"},
    ),
    "theory.many_fits.w2_risk": lambda: (
        T.many_fits.w2_risk,
        {"n_samples": 10, "samplings": [1, 2], "dim": 2, "estimator": "mle"},
    ),
    "theory.mixture.balance_quantile": lambda: (
        T.mixture.balance_quantile,
        {"q": 0.5, "n_samples": 10, "reg_covar": 1e-6},
    ),
    "theory.mixture.unlimited_splits": lambda: (
        T.mixture.unlimited_splits,
        {"n_generations": 2, "tol": 1e-3, "max_iter": 20},
    ),
    "theory.multivariate.mean_error": lambda: (
        T.multivariate.mean_error,
        {"n_samples": 10, "samplings": [1, 2], "estimator": "mle"},
    ),
    "theory.multivariate.eigenvalue_drifts": lambda: (
        T.multivariate.eigenvalue_drifts,
        dict(DRIFT),
    ),
    "theory.multivariate.resting_place_sf": lambda: (
        T.multivariate.resting_place_sf,
        {"distance2": [0.0, 1.0], "dim": 2, "estimator": "mle"},
    ),
    "theory.multivariate.resting_distance_median": lambda: (
        T.multivariate.resting_distance_median,
        {"dim": 2, "estimator": "mle"},
    ),
    "theory.multivariate.noisy_lower_bound": lambda: (
        T.multivariate.noisy_lower_bound,
        {"trace": 2.0, "n_samples": [10, 10], "noise": 0.01},
    ),
    "theory.multivariate.variance_of_median": lambda: (
        T.multivariate.variance_of_median,
        {"n_samples": 3},
    ),
    "theory.ngram.expected_next_count": lambda: (
        T.ngram.expected_next_count,
        {
            "count": 1,
            "predecessors": 1,
            "fallback": 0.001,
            "n_pairs": 300,
            "discount": 0.9,
        },
    ),
    "theory.special.normal_cdf": lambda: (T.special.normal_cdf, {"x": [0.0, 1.0]}),
    "theory.special.entropy_terms": lambda: (T.special.entropy_terms, {"p": [0.5]}),
    "theory.special.digamma": lambda: (T.special.digamma, {"x": [1.0]}),
    "theory.filtering.worth_of_a_point": lambda: (
        T.filtering.worth_of_a_point,
        {"real_share": 0.1, "sensitivity": [0.9, 1.0], "false_alarms": 0.01},
    ),
    "theory.special.log_gamma_tail": lambda: (
        T.special.log_gamma_tail,
        {"n": [3, 4], "total": [2.0, 9.0]},
    ),
    "theory.special.log_binomial_tail": lambda: (
        T.special.log_binomial_tail,
        {"successes": [1, 2], "trials": 3, "chance": 0.25},
    ),
    "theory.special.half_step": lambda: (T.special.half_step, {"x": [1.0]}),
    "theory.bias.accumulate": lambda: (
        T.bias.accumulate,
        {"generation": [0, 9], "bias": 0.8, "n_samples": 10},
    ),
    "theory.bias.half_life": lambda: (
        T.bias.half_life,
        {"bias": [0.8, 0.9], "left": 0.5},
    ),
    "theory.bias.overtaking": lambda: (
        T.bias.overtaking,
        {"bias": 0.8, "share": [0.1, 0.2]},
    ),
    "theory.bias.fresh": lambda: (
        T.bias.fresh,
        {
            "generation": [0, np.inf],
            "bias": 0.8,
            "n_real": 5,
            "n_synthetic": 5,
            "first": 5,
        },
    ),
    "theory.bias.effective_samples": lambda: (
        T.bias.effective_samples,
        {"n_real": 100, "n_synthetic": [10, 100], "bias": 0.8, "dim": 2},
    ),
    "theory.bias.most_synthetic": lambda: (
        T.bias.most_synthetic,
        {"bias": 0.8, "n_real": 100.0, "dim": 2},
    ),
    "theory.bias.share_at_temperature": lambda: (
        T.bias.share_at_temperature,
        {"share": 0.1, "temperature": 0.9, "generation": [1, 5]},
    ),
    "theory.bias.variance_accumulated": lambda: (
        T.bias.variance_accumulated,
        {"bias": 0.8, "generation": [1, 5]},
    ),
    "theory.bias.variance_replaced": lambda: (
        T.bias.variance_replaced,
        {"bias": 0.8, "generation": [1, 5]},
    ),
    "theory.bias.variance_with_real": lambda: (
        T.bias.variance_with_real,
        {"bias": 0.8, "share": 0.1, "generation": [1, 5]},
    ),
    "theory.kde.accumulate": lambda: (
        T.kde.accumulate,
        {"samplings": [1, 5], "bandwidth": 0.3, "n_samples": 20},
    ),
    "theory.kde.augment": lambda: (
        T.kde.augment,
        {"samplings": [1, 5], "bandwidth": 0.3, "ratio": 2.0, "n_samples": 20},
    ),
    "theory.kde.bandwidth_factor": lambda: (
        T.kde.bandwidth_factor,
        {"n_samples": 20, "rule": "scott", "dim": 2},
    ),
    "theory.kde.copies_accumulated": lambda: (
        T.kde.copies_accumulated,
        {"samplings": 5},
    ),
    "theory.kde.replace": lambda: (
        T.kde.replace,
        {"samplings": [1, 5], "bandwidth": 0.3, "n_samples": 20},
    ),
    "theory.kde.rule_of_thumb": lambda: (
        T.kde.rule_of_thumb,
        {"samplings": [1, 5], "n_samples": 20, "rule": "scott", "shrink": False},
    ),
    "theory.kde.with_real": lambda: (
        T.kde.with_real,
        {"samplings": [1, 5], "bandwidth": 0.3, "share": 0.5, "n_samples": 20},
    ),
    "theory.number_line.check_fits": lambda: (
        lambda samplings: T.number_line.check_fits(samplings, most=10),
        {"samplings": [1, 2]},
    ),
    "theory.labels.groups": lambda: (
        T.labels.groups,
        {"ratio": 9.0, "labelled": 0.5, "false": 0.1},
    ),
    "theory.labels.error": lambda: (
        T.labels.error,
        {
            "samplings": 10.0,
            "sizes": [0.5, 9.5],
            "synthetic": [0.0, 0.9],
            "weights": [0.3, 0.7],
            "shift": 0.1,
        },
    ),
    "theory.labels.best_weights": lambda: (
        T.labels.best_weights,
        {"sizes": [0.5, 9.5], "synthetic": [0.0, 0.9], "shift": 0.1},
    ),
    "theory.labels.corpus": lambda: (
        T.labels.corpus,
        {"samplings": 10.0, "synthetic": 0.5, "shift": 0.1},
    ),
    "theory.number_line.replace": lambda: (
        T.number_line.replace,
        {"samplings": [1, np.inf], "power": 2},
    ),
    "theory.number_line.replace_geometric": lambda: (
        T.number_line.replace_geometric,
        {"samplings": [1, np.inf], "factor": 2},
    ),
    "theory.number_line.accumulate": lambda: (
        T.number_line.accumulate,
        {"samplings": [1, np.inf], "ratio": 2},
    ),
    "theory.number_line.accumulate_subsample": lambda: (
        T.number_line.accumulate_subsample,
        {"samplings": [1, 5], "n_samples": 10},
    ),
    "theory.number_line.augment": lambda: (
        T.number_line.augment,
        {"samplings": [1, np.inf], "ratio": 2},
    ),
    "theory.number_line.fresh": lambda: (
        T.number_line.fresh,
        {"samplings": [1, np.inf], "weight": 0.5, "ratio": 2},
    ),
    "theory.number_line.golden_weight": lambda: (
        T.number_line.golden_weight,
        {"ratio": [1.0, 2.0]},
    ),
    "theory.number_line.web": lambda: (
        T.number_line.web,
        {"samplings": [1, np.inf], "share": 0.1},
    ),
    "theory.number_line.web_exponent": lambda: (
        T.number_line.web_exponent,
        {"share": [0.1, 0.2]},
    ),
    "theory.number_line.corrected": lambda: (
        T.number_line.corrected,
        {"samplings": [1, np.inf], "strength": 1},
    ),
    "theory.pull.pulled_error": lambda: (
        T.pull.pulled_error,
        {"generation": [0, np.inf], "strength": 1.0, "n_samples": 10},
    ),
    "theory.pull.window_mean": lambda: (
        T.pull.window_mean,
        {"mu": [0.0, 1.0], "radius": 1.0},
    ),
    "theory.pull.window_variance": lambda: (
        T.pull.window_variance,
        {"mu": [0.0, 1.0], "radius": 1.0},
    ),
    "theory.regression.one_fit": lambda: (
        T.regression.one_fit,
        {"n_samples": 10, "dim": 2, "noise": 1.0},
    ),
    "theory.regression.replace": lambda: (
        T.regression.replace,
        {
            "samplings": [1, 2],
            "n_samples": 10,
            "dim": 2,
            "noise": 1.0,
            "n_synthetic": 20,
            "noise_synthetic": 0.5,
        },
    ),
    "theory.regression.accumulate": lambda: (
        T.regression.accumulate,
        {
            "samplings": [1, 2],
            "n_samples": 10,
            "dim": 2,
            "noise": 1.0,
            "new_points": True,
        },
    ),
    "theory.regression.edit": lambda: (
        T.regression.edit,
        {"samplings": [1, np.inf], "share": 0.1, "same": True},
    ),
    "theory.regression.edit_at": lambda: (
        T.regression.edit_at,
        {"design": PLACES, "n_edited": 1, "samplings": 3, "same": False},
    ),
    "theory.regression.ridge": lambda: (
        T.regression.ridge,
        {"samplings": [1, 2], "kept": 0.5, "noise": 0.1, "every": True},
    ),
    "theory.regression.best_kept": lambda: (
        T.regression.best_kept,
        {"samplings": 2, "noise": 0.1, "every": True},
    ),
    "theory.regression.give_up_noise": lambda: (
        T.regression.give_up_noise,
        {"samplings": 2},
    ),
    "theory.regression.mixture": lambda: (
        T.regression.mixture,
        {"n_samples": 20, "n_synthetic": 2, "dim": 3, "noise": 0.1, "distance": 1.0},
    ),
    "theory.scaling.learning_curve": lambda: (
        T.scaling.learning_curve,
        {"samples": [1, 10], "exponent": 1.5, "cut": 5, "n_ranks": 9},
    ),
    "theory.scaling.cut_mass": lambda: (
        T.scaling.cut_mass,
        {"cut": [1, 10], "exponent": 1.5},
    ),
    "theory.scaling.effective_samples": lambda: (
        T.scaling.effective_samples,
        {"sizes": [10, 20]},
    ),
    "theory.zeta.hurwitz_zeta": lambda: (
        T.zeta.hurwitz_zeta,
        {"s": 2, "x": [1.0]},
    ),
}
for more in (
    calls_book,
    calls_checks,
    calls_detection,
    calls_loop,
    calls_models,
    calls_provenance,
    calls_studies,
):
    CALLS |= more.TABLE

#: Name -> arguments that may be any text.
ANY_TEXT: dict[str, str] = {
    "data.corpora.repeats": "text",
    "data.vocabulary.words": "text",
    "data.vocabulary.Vocabulary.encode": "text",
    "data.tokenizer.Tokenizer.encode": "text",
    "data.wikipedia.prose": "markup",
    "book.Chapter": "root",
    "book.Chapter.seed_sequence": "name",
    "book.Chapter.rng": "name",
    "book.Chapter.say": "name value",
    "book.Chapter.record": "name value",
    "book.plotting.band": "label",
    "book.plotting.log_generations": "label",
    **calls_book.ANY_TEXT,
    **calls_checks.ANY_TEXT,
    **calls_loop.ANY_TEXT,
    **calls_models.ANY_TEXT,
    **calls_provenance.ANY_TEXT,
    **calls_studies.ANY_TEXT,
}
