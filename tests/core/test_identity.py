"""A run goes on from its own file alone: what counts as the same, and what does not."""

import dataclasses
import functools
import os
import random
import subprocess
import sys
import threading
import types
from dataclasses import dataclass, field, replace
from operator import attrgetter

import numpy as np
import pytest
import torch
from scipy import stats

from collapse_lib import metrics, models, recurse, regimes
from collapse_lib.models import FittedGaussian, FittedGaussianMixture
from collapse_lib.recursion import identity
from collapse_lib.recursion.identity import Namer, differing, identity_of

HALF = 0.5


def name(value, streams=False):
    return Namer(streams).name(value, "it")


def run(path, n_generations=2, **options):
    arguments = {
        "model": models.Gaussian(),
        "real": np.arange(12.0),
        "regime": regimes.Replace(),
        "n_samples": 10,
        "measure": {"sigma": lambda fit: fit.sigma},
        "rng": np.random.default_rng(3),
        **options,
    }
    model, real = arguments.pop("model"), arguments.pop("real")
    return recurse(
        model, real, n_generations=n_generations, checkpoint=path, **arguments
    )


# ---- pairs that give other numbers --------------------------------------------------


class Scaled:
    """A model without a repr."""

    event_ndim = 0

    def __init__(self, factor):
        self.factor = factor

    def fit(self, data, rng):
        return FittedGaussian(data.mean(axis=1), self.factor * data.std(axis=1))


class Silent(Scaled):
    """A model whose repr says nothing."""

    def __repr__(self):
        return "Silent()"


class Heated(models.Gaussian):
    """A subclass with a parameter that no dataclass field holds."""

    def __init__(self, factor):
        super().__init__()
        object.__setattr__(self, "factor", factor)

    def fit(self, data, rng):
        fitted = super().fit(data, rng)
        return replace(fitted, sigma=self.factor * fitted.sigma)


def tempered(temperature):
    return lambda fit: fit.temper(temperature)


def wrapped(bias):
    return lambda fit: bias(fit)


def moved(by):
    def error(fitted, data, rng):
        return replace(fitted, mu=fitted.mu + by)

    return models.Perturbed(models.Gaussian(), error)


def of_class(**attributes):
    """A source whose class has attributes."""
    return type("Source", (Scaled,), attributes)(1.0)


def weights(a):
    return regimes.Mix(weights=lambda rng: (a, 0.5 - a, 0.5))


def named(body):
    """A function of one name and one place, with another body."""
    space = {"np": np, "HALF": HALF}
    exec(f"def measure(fit):\n    return {body}", space)
    return space["measure"]


def with_global(value):
    space = {"T": value}
    exec("def bias(fit):\n    return fit.temper(T)", space)
    return space["bias"]


def helpers(**names):
    """A module of somebody's."""
    module = types.ModuleType("some_helpers")
    vars(module).update(names)
    return module


def wrapping(s):
    """A closure under the name of an installed function."""

    @functools.wraps(np.std)
    def bias(fit):
        return fit.temper(s)

    return bias


def made(lines, name="S()", **space):
    """What a program of a few lines makes, always under one name."""
    space = {"__name__": "made", "dataclasses": dataclasses, "types": types, **space}
    exec("from dataclasses import dataclass, field\n" + lines, space)
    return eval(name, space)


def both(template, name="S()", values=("1.0", "0.1")):
    return tuple(made(template.replace("VALUE", value), name) for value in values)


OTHER = {
    "wraps": (wrapping(1.0), wrapping(0.1)),
    "dataclass slots default": both(
        "@dataclass(slots=True)\nclass S:\n t: float = VALUE", "lambda: S()"
    ),
    "dataclass own init": both(
        "@dataclass(init=False)\nclass S:\n t: float\n"
        " def __init__(self):\n  self.t = VALUE",
        "lambda: S()",
    ),
    "dataclass order of fields": both(
        "@dataclass\nclass S:\n VALUE",
        "lambda: S(1.0, 0.1)",
        ("a: int\n b: int", "b: int\n a: int"),
    ),
    "dataclass own comparison": both(
        "@dataclass\nclass S:\n t: int = 1\n"
        " def __lt__(self, other):\n  return self.t VALUE other.t",
        values=("<", ">"),
    ),
    "new_class": both(
        "S = types.new_class('B', (), {}, lambda space: space.update("
        "__call__=lambda self, fit: fit.temper(VALUE)))"
    ),
    "make_dataclass": both(
        "S = dataclasses.make_dataclass('S', [], namespace={"
        "'__call__': lambda self, fit: fit.temper(VALUE)})"
    ),
    "metaclass": both("class M(type):\n t = VALUE\nclass S(metaclass=M):\n pass"),
    "register": both(
        "class S:\n pass\nclass Hot(S):\n t = 1\nclass Cold(S):\n t = 2\n"
        "S.kinds = {'use': VALUE}",
        values=("Hot", "Cold"),
    ),
    "dunder data": both("class S:\n __temperature__ = VALUE"),
    "str": both("class S:\n def __str__(self):\n  return 'VALUE'"),
    "single dispatch": both(
        "import functools\n@functools.singledispatch\ndef f(fit):\n return VALUE", "f"
    ),
    "module": (helpers(T=1.0), helpers(T=0.1)),
    "module that a module imports": (
        helpers(inner=helpers(T=1.0)),
        helpers(inner=helpers(T=0.1)),
    ),
    "body": (lambda f: f.temper(0.5), lambda f: f.temper(1.0)),
    "operation": (lambda f: f.mu + f.sigma, lambda f: f.mu - f.sigma),
    "measure": (named("fit.sigma"), named("fit.sigma ** 2")),
    "attribute": (attrgetter("mu"), attrgetter("sigma")),
    "closure": (tempered(0.5), tempered(0.6)),
    "a closure of a closure": (wrapped(tempered(0.5)), wrapped(tempered(0.6))),
    "global": (with_global(0.5), with_global(0.6)),
    "default": (lambda f, t=1: f.temper(t), lambda f, t=2: f.temper(t)),
    "partial": (functools.partial(max, 1), functools.partial(max, 2)),
    "bound method": (Scaled(1.0).fit, Scaled(2.0).fit),
    "another module's function": (np.mean, np.median),
    "another function of the library": (
        lambda f: metrics.entropy(f.p),
        lambda f: metrics.heterozygosity(f.p),
    ),
    "no repr": (Scaled(1.0), Scaled(2.0)),
    "a repr that says nothing": (Silent(1.0), Silent(2.0)),
    "beside the fields": (Heated(1.0), Heated(0.9)),
    "class attribute": (of_class(power=1), of_class(power=2)),
    "method": (
        of_class(sample=lambda self, n, rng: rng.normal(size=n)),
        of_class(sample=lambda self, n, rng: rng.laplace(size=n)),
    ),
    "property": (
        of_class(scale=property(lambda self: 1)),
        of_class(scale=property(lambda self: 2)),
    ),
    "cached": (
        functools.cache(lambda t: t + 1),
        functools.cache(lambda t: t + 2),
    ),
    "Perturbed": (moved(0.5), moved(0.6)),
    "Mix": (weights(0.2), weights(0.3)),
    "start": (
        {"start": np.array([1.0, 4e-9])},
        {"start": np.array([1.0, 0.0])},
    ),
    "one of many numbers": (np.arange(5000.0), np.arange(5000.0) + np.eye(1, 5000)),
    "type": (np.zeros(3), np.zeros(3, np.float32)),
    "shape": (np.zeros((3, 2)), np.zeros((2, 3))),
    "sign of zero": (0.0, -0.0),
    "whole or not": (1, 1.0),
    "true or one": (True, 1),
    "text or bytes": ("a", b"a"),
    "order": ([1, 2], [2, 1]),
    "nesting": ([[1], 2], [[1, 2]]),
    "order of names": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "objects": (np.array([1, "a"], object), np.array([1, "b"], object)),
    "mask": (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    "distribution": (stats.norm(0, 1), stats.norm(0, 2)),
    "tensor": (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])),
    "tensor type": (torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)),
    "network": (torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)),
    "exception": (
        named("[x for x in (1, 2) if x > 1]"),
        named("[x for x in (1, 2) if x < 1]"),
    ),
    "slots": (
        dataclass(slots=True)(type("S", (), {"__annotations__": {"x": int}}))(1),
        dataclass(slots=True)(type("S", (), {"__annotations__": {"x": int}}))(2),
    ),
}


@pytest.mark.parametrize(("one", "other"), OTHER.values(), ids=OTHER)
def test_what_gives_other_numbers_has_another_name(one, other):
    assert name(one) == name(one)
    assert name(one) != name(other)


def test_the_start_of_a_mixture_counts_to_the_last_digit(tmp_path):
    def mixture(at):
        starts = FittedGaussianMixture.of([0.5, 0.5], [[at], [9.0]], [[[1.0]]] * 2)
        return models.GaussianMixture(2, start=starts)

    options = {
        "real": np.arange(12.0)[:, None],
        "measure": {"w": attrgetter("weights")},
    }
    run(tmp_path / "run.npz", model=mixture(1.0), **options)
    run(tmp_path / "run.npz", model=mixture(1.0), **options)
    with pytest.raises(ValueError, match="different: model"):
        run(tmp_path / "run.npz", model=mixture(1.0 + 4e-9), **options)


FILES = {
    "a name of Python's": ("import statistics", "statistics.bias", "statistics.py"),
    "a relative import": (
        "from pkg import bias\nit = bias",
        "it",
        "pkg/helpers.py",
    ),
    "an import in a function": (
        "def it(fit):\n    import helpers\n    return helpers.bias(fit)",
        "it",
        "deep.py",
    ),
    "a module by another name": (
        "import helpers as h",
        "lambda f: h.bias(f)",
        "deep.py",
    ),
    "a module in a function by another name": (
        "def it(fit):\n    import pkg.helpers as h\n    return h.bias(fit)",
        "it",
        "pkg/helpers.py",
    ),
    "a module as a value": (
        "def mk(m):\n    return lambda fit: m.sub.bias(fit)\nimport pkg, pkg.sub",
        "mk(pkg)",
        "pkg/sub.py",
    ),
}


@pytest.mark.parametrize(("lines", "value", "edited"), FILES.values(), ids=FILES)
def test_code_in_other_files_counts(lines, value, edited, tmp_path):
    bias = "def bias(fit):\n    return fit.temper(T)\n"
    texts = {
        "statistics.py": "T = 1.0\n" + bias,
        "deep.py": "T = 1.0\n",
        "helpers.py": "import deep\n" + bias.replace("(T)", "(deep.T)"),
        "pkg/__init__.py": "def bias(fit):\n    from .helpers import T\n"
        "    return fit.temper(T)\n",
        "pkg/helpers.py": "T = 1.0\n" + bias,
        "pkg/sub.py": "T = 1.0\n" + bias,
        "program.py": "from collapse_lib.recursion.identity import Namer\n"
        f"{lines}\nprint(Namer().name({value}, 'it'))\n",
    }
    (tmp_path / "pkg").mkdir()
    for file, text in texts.items():
        (tmp_path / file).write_text(text)
    command = [sys.executable, "-B", str(tmp_path / "program.py")]

    def said():
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    before = said()
    (tmp_path / "pkg" / "other.py").write_text("T = 3")
    assert said() == before
    (tmp_path / edited).write_text(texts[edited].replace("1.0", "0.1"))
    assert said() != before


def imports_random(fit):
    import random as r

    return r.gauss(0, 1)


DRAWS = {
    "numpy": lambda fit: fit.mu + np.random.random(),  # noqa: NPY002
    "its method": np.random.normal,
    "a method of a closure": wrapped(np.random.random),
    "python": lambda fit: fit.mu + random.random(),
    "imported": imports_random,
    "torch": lambda fit: fit.mu + torch.rand(1),
    "scipy": lambda fit: stats.norm.rvs(size=3),
    "torch.Generator": wrapped(torch.Generator()),
    "by a module": wrapped(helpers(rng=np.random.default_rng(1))),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_stream_that_would_begin_anew_is_refused(draw):
    with pytest.raises(
        ValueError, match=r"random generator.* Use the rng that fit, sa"
    ):
        name(draw)
    name(draw, streams=True)


def test_a_draw_with_a_generator_of_its_own_is_named():
    name(lambda fit: torch.rand(1, generator=torch.Generator().manual_seed(3)))
    name(lambda fit: stats.norm.rvs(size=3, random_state=3))
    name(lambda fit: np.random.default_rng(3).normal())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            made("f = lambda fit: globals()['T']", "f"),
            "'globals', which it uses, reach",
        ),
        (np.frompyfunc(lambda x: x, 1, 1), "give a function with def instead"),
    ],
    ids=["globals", "frompyfunc"],
)
def test_what_cannot_be_followed_is_refused(value, said):
    with pytest.raises(ValueError, match=said):
        name(value)


# ---- what does not matter -----------------------------------------------------------


def commented(fit):
    """Say something."""
    # and something else
    return fit.temper(HALF)


def test_where_and_how_code_is_written_does_not_matter():
    space = {"HALF": HALF}
    exec("\n\n\ndef f(fit): return fit.temper(HALF)", space)
    assert name(commented) == name(space["f"])
    assert name(commented) == name(lambda fit: fit.temper(HALF))


def test_print_options_do_not_matter(tmp_path):
    path = tmp_path / "run.npz"
    model = models.Perturbed(models.Gaussian(), Shift(np.linspace(0, 1, 7)))
    history = run(path, model=model)
    with np.printoptions(precision=2, threshold=3):
        assert run(path, model=model).equals(history)


@dataclass(frozen=True)
class Shift:
    by: np.ndarray

    def __call__(self, fitted, data, rng):
        return replace(fitted, mu=fitted.mu + self.by[0])


@dataclass(frozen=True)
class Noting:
    power: float
    notes: list = field(default_factory=list, compare=False)


class Remembers:
    def __init__(self):
        self.power = 2.0

    @functools.cached_property
    def found(self):
        return self.power**2


def test_what_is_no_part_of_the_experiment_does_not_matter():
    assert name(Noting(1.0, [threading.Lock()])) == name(Noting(1.0))
    fresh, used = Remembers(), Remembers()
    assert used.found == 4
    assert name(fresh) == name(used)


def test_the_order_of_keywords_does_not_matter():
    one, other = (
        functools.partial(max, **k) for k in ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    )
    assert name(one) == name(other) != name(functools.partial(max, a=1, b=3))


def test_what_a_module_cannot_keep_does_not_stop_a_run():
    assert name(helpers(lock=threading.Lock(), T=1)) != name(helpers(T=1))


def test_a_folder_of_modules_has_a_name(tmp_path, monkeypatch):
    (tmp_path / "a_namespace").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    import a_namespace

    assert name(a_namespace) == name(a_namespace)


def test_what_holds_itself_has_a_name():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n > 0 and even(n - 1)

    assert name(even) == name(even) != name(odd)
    ring = [1]
    ring.append(ring)
    assert name(ring) == name(ring)


PROGRAM = """
import functools, re, sys
import numpy as np
from scipy import stats
from collapse_lib import models, regimes, metrics
from collapse_lib.models import FittedGaussian
from collapse_lib.recursion.identity import Namer

T = {"b": 0.5, "a": {"x", "y", "z"}}

class Own:
    names = frozenset(["p", "q", "r"])
    def fit(self, data, rng):
        return FittedGaussian(data.mean(axis=1), np.ones(1)), self.names

def bias(fit):
    from scipy import ndimage
    return fit.temper(T["b"]), {"a", "b", "c"}, ndimage.gaussian_filter

things = [
    models.Gaussian(), FittedGaussian.standard(), models.GaussianMixture(2),
    models.NGram(2, 5), models.Categorical(3),
    regimes.Mix(weights=lambda rng: tuple(rng.dirichlet([1, 1, 1])), bias=bias),
    bias, Own(), functools.partial(bias, 1), re.compile("x+"), stats.norm(0, 1),
    metrics.entropy, np.sin,
    models.Perturbed(models.Gaussian(), lambda fit, data, rng: fit),
]
for thing in things * 2:  # whatever has been used before
    print(type(thing).__name__, Namer().name(thing, "it"))
"""


def test_processes_of_one_program_agree(tmp_path, capsys):
    exec(PROGRAM, {"__name__": "program"})
    here = capsys.readouterr().out
    lines = here.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    (tmp_path / "other name.py").write_text("\n\n" + PROGRAM)
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    command = [sys.executable, str(tmp_path / "other name.py")]
    variables = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert done.stdout == here, done.stderr


# ---- runs ---------------------------------------------------------------------------

RUNS = {
    "model": {"model": models.Gaussian("mle")},
    "regime": {"regime": regimes.Replace(bias=lambda fit: fit.temper(0.5))},
    "real": {"real": np.arange(12.0) + 1e-9},
    "first": {"first": FittedGaussian(np.zeros(1), np.ones(1))},
    "chains": {"chains": 2},
    "rng": {"rng": np.random.default_rng(4)},
    "n_samples": {"n_samples": 11},
    "measure 'sigma'": {"measure": {"sigma": lambda fit: fit.sigma**2}},
    "measure": {"measure": lambda generation: {"sigma": generation.fitted.sigma}},
}


@pytest.mark.parametrize("n_generations", [2, 4], ids=["finished", "extended"])
@pytest.mark.parametrize("what", RUNS)
def test_another_experiment_is_refused_and_says_what_differs(
    what, n_generations, tmp_path
):
    path = tmp_path / "run.npz"
    run(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"experiment \(different: {what}[,)]"):
        run(path, n_generations, **RUNS[what])
    assert path.read_bytes() == before


def test_functions_written_again_are_the_same_run(tmp_path):
    for n_generations in (2, 2, 4):
        options = {
            "model": moved(0.25),
            "regime": replace(weights(0.25), bias=tempered(0.5)),
            "real": Source(),
            "measure": {"sigma": named("fit.sigma")},
        }
        history = run(tmp_path / "run.npz", n_generations, **options)
        assert history.equals(run(None, n_generations, **options))


class Source:
    def sample(self, n, rng):
        return rng.normal(size=(1, n))


def test_a_model_by_generation_is_named_by_its_code(tmp_path):
    def schedule(change):
        return lambda t: models.Gaussian("mle" if t < change else "unbiased")

    run(tmp_path / "run.npz", model=schedule(1))
    run(tmp_path / "run.npz", model=schedule(1), n_generations=3)
    with pytest.raises(ValueError, match="different: model"):
        run(tmp_path / "run.npz", model=schedule(2))


def test_other_versions_are_named(monkeypatch, tmp_path):
    run(tmp_path / "run.npz")
    with monkeypatch.context() as patch:
        patch.setattr(np, "__version__", "1.99")
        with pytest.raises(ValueError, match="made with numpy .*, here is 1.99"):
            run(tmp_path / "run.npz")
    ours = identity_of({"model": named("fit.mu")})
    theirs = {**ours, "model": "", "versions": {**ours["versions"], "python": "3.99"}}
    (said,) = differing(theirs, ours)
    assert said.startswith("made with python 3.99, here is 3.")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (threading.Lock(), r"model.held is a lock, .* compare=False"),
        (np.random.default_rng(1), r"model.held is a random generator; a run that"),
        (np.random.RandomState(1), r"model.held is a random generator; a run that"),
        ((i for i in range(3)), r"model.held is a generator, .*cannot pickle"),
    ],
    ids=["a lock", "a generator", "a random state", "an iterator"],
)
def test_what_cannot_be_named_is_refused_before_any_fit(value, said, tmp_path):
    model = Scaled(1.0)
    model.held = value
    with pytest.raises(ValueError, match=said):
        run(tmp_path / "run.npz", model=model)
    assert not (tmp_path / "run.npz").exists()
    run(None, model=model)  # where nothing is kept, everything goes


def test_a_first_model_may_come_from_a_random_stream(tmp_path):
    def first(seed):
        rng = np.random.default_rng(seed)
        return lambda: models.Gaussian().fit(rng.normal(size=(1, 9)), rng)

    for n_generations in (1, 1, 3):
        history = run(tmp_path / "run.npz", n_generations, first=first(1))
        assert history.equals(run(None, n_generations, first=first(1)))
    with pytest.raises(ValueError, match="different: first"):
        run(tmp_path / "run.npz", 3, first=first(2))


def test_nothing_is_named_where_nothing_is_kept(monkeypatch):
    def named_anyway(*args, **kwargs):
        raise AssertionError("a run without a file needs no name")

    monkeypatch.setattr(identity, "Namer", named_anyway)
    run(None)


def test_the_machine_belongs_to_the_record_not_to_the_name(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    here = run(path).attrs["machines"]
    monkeypatch.setattr(
        "collapse_lib.recursion.checkpoint.machine", lambda: {"cpu": "other"}
    )
    assert run(path).attrs["machines"] == here  # nothing was left to do
    assert run(path, 4).attrs["machines"] == [*here, {"cpu": "other"}]
    assert set(here[0]) == {"cpu", "threads"}


def test_naming_the_library_loads_no_package_that_it_does_not_use():
    code = (
        "import sys\n"
        "from collapse_lib.data import fetching, models\n"
        "from collapse_lib.recursion.identity import identity_of\n"
        "identity_of({'one': models.fetch, 'other': models.convert})\n"
        "print([name for name in ('pooch', 'tqdm', 'transformers') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
