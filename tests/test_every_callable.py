"""Every public callable is given what it cannot use: it works, or says what is wrong.

One argument of a call that works (`calls.CALLS`) is replaced at a time by what people
pass by mistake. What is raised must be a ValueError or TypeError of ours that names
the argument.
"""

import inspect
import re
import socket
import traceback
import warnings
from fnmatch import filter as filter_names
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from calls import ANY_TEXT, CALLS, HOOKS, everything, public
from scratch import scratch

from collapse_lib import models
from collapse_lib.samples import Weighted

LIBRARY = str(Path(__file__).parents[1] / "collapse_lib")


class Anything:
    """An object of no use."""


def bad_values():
    """Return name -> what people pass by mistake."""
    return {
        "None": None,
        "text": "nonsense",
        "bytes": b"nonsense",
        "object": Anything(),
        "class": Anything,
        "function": lambda *arguments: None,
        "true": True,
        "negative": -1,
        "zero": 0,
        "fraction": 1.5,
        "nan": float("nan"),
        "inf": float("inf"),
        "huge": 10**30,
        "complex": 1j,
        "empty list": [],
        "empty dict": {},
        "mixed list": [1, "a"],
        "ragged list": [[1], [1, 2]],
        "list": [1.0, 2.0, 3.0],
        "negative list": [-1.0, 2.0],
        "empty array": np.zeros(0),
        "many axes": np.zeros((2, 2, 2, 2, 2)),
        "nan array": np.array([[np.nan, 1.0]]),
        "object array": np.array([None, 1.0], object),
        "text array": np.array(["a", "b"]),
        "masked": np.ma.array([[1.0, 2.0]], mask=[[False, True]]),
        "dates": np.array(["2020-01-01"], "datetime64[D]"),
        "tensor": torch.ones(2, 2),
        "tensor with gradient": torch.ones(2, 2, requires_grad=True),
        "series": pd.Series([1, None], dtype="Int64"),
        "frame": pd.DataFrame({"a": [1.0], "b": ["x"]}),
    }


#: Of no use anywhere: what takes one of them has not looked.
ACCEPTED = "accepted"
USELESS = ("text", "bytes", "object", "complex", "ragged list", "dates", "frame")
#: Arguments that may be anything, each with the reason.
ANYTHING = {
    ("book.results.storable", "value"): "lists are what it is for",
    ("book.exercises.Check.__call__", "answer"): "it says what is wrong with it",
    ("files.whole.write", "content"): "any bytes are a file",
    ("files.whole.write_json", "content"): "lists are what it is for",
    ("files.whole.to_json", "content"): "lists are what it is for",
    ("files.whole.sha256_of", "content"): "any bytes are a file",
    ("checks.misfit", "content"): "it says what is wrong with it",
    ("provenance.credentials.judge", "picture"): "any bytes may be a damaged picture",
    ("data.digits.mnist", "folder"): "the sample of 5,000 is installed, not fetched",
    ("metrics.compression_ratio", "text"): "any text or bytes can be compressed",
    ("models.Blur.__call__", "data"): "the lens looks at the fit alone",
    ("models.Blur.__call__", "rng"): "the lens draws nothing",
    ("models.IndependentNoise.__call__", "data"): "the noise is independent of them",
    ("models.MedianForMean.__call__", "rng"): "the median draws nothing",
    ("models.SplitScatter.__call__", "rng"): "the scatter draws nothing",
    ("models.Pretrained.network", "seed"): "the weights are the pretrained ones",
    ("models.grid_mixture.GridMixture.fit", "rng"): "both fits draw nothing",
    ("models.Categorical.fit", "rng"): "counting draws nothing",
    ("models.Gaussian.fit", "rng"): "the moments draw nothing",
    ("models.KDE.fit", "rng"): "there is nothing to draw",
    ("models.KnownWidth.fit", "rng"): "the mean draws nothing",
    ("models.LinearRegression.fit", "rng"): "least squares draw nothing",
    ("models.LogisticRegression.fit", "rng"): "the maximum draws nothing",
    ("models.MultivariateGaussian.fit", "rng"): "the moments draw nothing",
    ("models.PerChain.fit", "rng"): "is handed on, to models that may draw nothing",
    ("models.Perturbed.fit", "rng"): "is handed on, and the median draws nothing",
    ("models.Tracked.fit", "rng"): "is handed on, and the moments draw nothing",
    ("models.RidgeDensity.fit", "rng"): "the estimate draws nothing",
}


def complaint(name, argument, value):
    """Return what is wrong with how a callable takes a value, or None."""
    function, arguments = CALLS[name]()
    arguments = {**arguments, argument: value}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            function(**arguments)
    except (ValueError, TypeError, OSError, ImportError) as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        ours = frame.filename.startswith(LIBRARY) and "raise" in _statement(frame)
        if not ours:
            return f"raw {type(error).__name__}: {str(error)[:100]}"
        # Temperature(value) is its own name, and what is recorded has the name `one`.
        names = f"{argument}|{name.split('.')[-1]}|one"
        named = re.search(rf"\b({names})\b", str(error), re.IGNORECASE)
        # A text that names nothing, as a file that is not there, is quoted.
        if named or (isinstance(value, str) and value in str(error)):
            return None
        if value is None and _is_default(function, argument):
            return None  # and what is wrong is something else
        return f"does not name the argument: {str(error)[:160]}"
    except Exception as error:
        return f"raw {type(error).__name__}: {str(error)[:100]}"
    return ACCEPTED if value is not None else None


def _is_default(function, argument):
    parameters = inspect.signature(function).parameters
    return argument in parameters and parameters[argument].default is None


def _statement(frame):
    lines = Path(frame.filename).read_text("utf-8").splitlines()
    return lines[frame.lineno - 1]


def test_every_public_callable_has_a_call():
    assert set(CALLS) == set(public())


def test_what_has_no_call_is_there():
    names = list(everything())
    assert [hook for hook in HOOKS if not filter_names(names, hook)] == []


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """Let calls write into a folder of their own, and reach nothing outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLLAPSE_PRETRAINED", str(scratch() / "pretrained"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def refused(*address):
        raise AssertionError("a call reaches for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.mark.parametrize("name", CALLS)
def test_what_cannot_be_used_is_refused_by_name(name):
    function, arguments = CALLS[name]()
    function(**arguments)
    found = {}
    for argument in arguments:
        for kind, value in bad_values().items():
            wrong = complaint(name, argument, value)
            useless = kind in USELESS and (name, argument) not in ANYTHING
            if kind == "text" and argument in ANY_TEXT.get(name, "").split():
                useless = False
            if wrong and (wrong != ACCEPTED or useless):
                found[argument, kind] = wrong
    assert found == {}


SUMMARIES = (
    models.GaussianSummary(4, np.zeros(1), np.ones(1)),
    models.MeanSummary(4, np.zeros(1)),
    models.ScatterSummary(4, np.zeros((1, 2)), np.eye(2)[None]),
    models.RegressionSummary(4, np.eye(3)[None]),
    models.Counts(4, np.array([[1, 2, 1]])),
    models.ExpectedCounts(4, np.array([[1.0, 2.0, 1.0]])),
    models.Labelled(2, np.zeros((1, 2)), np.array([[0, 1]])),
    Weighted(2, np.zeros((1, 2)), np.ones((1, 2))),
)


@pytest.mark.parametrize("summary", SUMMARIES, ids=lambda one: type(one).__name__)
def test_every_kind_of_summary_refuses_what_is_not_points(summary, monkeypatch):
    monkeypatch.setitem(CALLS, "like", lambda: (summary.like, {"points": None}))
    monkeypatch.setitem(CALLS, "pool", lambda: (summary.pool, {"parts": None}))
    for name, argument in (("like", "points"), ("pool", "parts")):
        for kind, value in bad_values().items():
            wrong = complaint(name, argument, value)
            assert wrong in (None, ACCEPTED), (name, kind, wrong)


def test_the_table_sees_what_is_wrong(monkeypatch):
    def careless(n, rng):
        return [0] * n

    def vague(n, rng):
        raise ValueError("bad input")

    for function, wanted in ((careless, "raw TypeError"), (vague, "raw ValueError")):
        monkeypatch.setitem(CALLS, "wrong", lambda f=function: (f, {"n": 1, "rng": 0}))
        assert complaint("wrong", "n", "text").startswith(wanted)
    monkeypatch.setitem(CALLS, "wrong", lambda: (careless, {"n": 1, "rng": 0}))
    assert complaint("wrong", "rng", "text") == ACCEPTED
