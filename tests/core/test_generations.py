"""The loop as an iterator, and what may be measured of it."""

import subprocess
import sys
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from collapse_lib import generations, models, recurse, regimes
from collapse_lib.models import FittedGaussian

CHAINS = 3


def arguments(seed=1, **options):
    return {
        "regime": regimes.Mix(0.5, 0.3, 0.2),
        "n_samples": 12,
        "n_generations": 4,
        "chains": CHAINS,
        "rng": np.random.default_rng(seed),
        **options,
    }


def run(model=None, real=None, measure=None, **options):
    return recurse(
        model or models.Gaussian(),
        FittedGaussian.standard() if real is None else real,
        measure=measure or {"mu": lambda fit: fit.mu},
        **arguments(**options),
    )


def test_recurse_measures_what_generations_yields():
    rng = np.random.default_rng(1)
    yielded = list(
        generations(models.Gaussian(), FittedGaussian.standard(), **arguments(rng=rng))
    )
    other = np.random.default_rng(1)
    history = run(rng=other)
    assert [g.t for g in yielded] == list(range(5))
    assert all(g.first is yielded[0].fitted and g.chains == CHAINS for g in yielded)
    np.testing.assert_array_equal([g.fitted.mu for g in yielded], history.array("mu"))
    assert rng.bit_generator.state == other.bit_generator.state


def test_the_training_set_is_there_until_the_next_generation_is_asked_for():
    before = None
    for generation in generations(
        models.Gaussian(), FittedGaussian.standard(), **arguments()
    ):
        assert before is None or before.training is None
        np.testing.assert_array_equal(
            generation.training.mean(axis=1), generation.fitted.mu
        )
        before = generation


@dataclass(frozen=True)
class Watched(regimes.Regime):
    """Replace, but count the training sets that are still there when one is drawn."""

    alive: list[Any] = field(default_factory=list, compare=False)
    most: list[int] = field(default_factory=list, compare=False)

    def next(self, turn):
        self.most.append(sum(ref() is not None for ref in self.alive))
        data = self.synthetic(turn, turn.n)
        self.alive.append(weakref.ref(data))
        return regimes.Step(data)


@dataclass(frozen=True)
class Noticed(models.Gaussian):
    """Note also what a file brings back."""

    watched: Watched = field(default_factory=Watched)

    def fit(self, data, rng):
        if isinstance(data.base, np.ndarray) or data.flags.owndata:
            self.watched.alive.append(weakref.ref(data))
        return super().fit(data, rng)


def test_there_are_never_two_training_sets_in_memory():
    """Not even while the next one is drawn, and with every way to keep a run."""
    watched = Watched()

    def measure(generation):
        return {"mu": generation.fitted.mu, "points": generation.training.copy()}

    run(regime=watched, measure=measure)
    assert watched.most == [0] * 4


@pytest.mark.parametrize("kept", ["checkpoint", "store"])
def test_nor_where_a_run_goes_on(tmp_path, kept):
    watched = Watched()
    options = {"regime": watched, kept: tmp_path / "run"}
    run(Noticed(watched=watched), n_generations=2, **options)
    watched.alive.clear()
    run(Noticed(watched=watched), n_generations=5, **options)
    assert len(watched.alive) > 3
    assert set(watched.most) == {0}


def test_a_bad_argument_is_named_before_the_first_generation_is_asked_for():
    with pytest.raises(ValueError, match="chains is 0"):
        generations(models.Gaussian(), FittedGaussian.standard(), **arguments(chains=0))


def test_what_is_neither_model_nor_schedule_is_named():
    with pytest.raises(ValueError, match="model is 3; it must have a method fit"):
        run(model=3)


# Measures


def test_one_function_may_measure_arrays_of_any_kind():
    def measure(generation):
        return {
            "shift": generation.fitted.mu - generation.first.mu,
            "some": generation.training[:, :2],
            "bytes": np.full((CHAINS, 3, 2), generation.t, np.uint8),
            "above": generation.fitted.mu > 0,
        }

    history = run(measure=measure)
    plain = run()
    mu = plain.array("mu")
    np.testing.assert_array_equal(history.array("shift"), mu - mu[0])
    assert history.array("some").shape == (5, CHAINS, 2)
    assert history.array("bytes").dtype == np.uint8
    np.testing.assert_array_equal(history.array("bytes")[:, 0, 0, 0], range(5))
    # One number a chain is a float, as in every table.
    assert history.array("above").dtype == np.float64
    assert history.attrs["config"]["metrics"] == ["shift", "some", "bytes", "above"]


def test_an_array_may_become_wider_in_a_later_generation():
    def measure(generation):
        dtype = np.int8 if generation.t < 2 else np.float64
        return {"x": np.full((CHAINS, 1), generation.t + 0.5, dtype)}

    x = run(measure=measure).array("x")[:, 0, 0]
    np.testing.assert_array_equal(x, [0, 1, 2.5, 3.5, 4.5])


MEASURES = [
    (lambda g: {}, "measure returned nothing"),
    (
        lambda g: {"x": np.zeros((2, CHAINS))},
        r"'x' returned shape \(2, 3\); the chains",
    ),
    (lambda g: {"x": 1.0}, r"'x' returned shape \(\); .* \(3,\) for one number per"),
    (
        lambda g: {"x": np.zeros((CHAINS, 1 + g.t))},
        r"'x' returned shape \(3, 2\) in generation 1 and \(3, 1\) before",
    ),
    (
        lambda g: {f"x{g.t}": np.zeros(CHAINS)},
        "measured is x1, but the generations before hold x0; measure the same",
    ),
    (
        lambda g: {"x": np.full((CHAINS, 2), None)},
        "'x' returned Python objects",
    ),
    ({}, "measure is empty"),
]


@pytest.mark.parametrize(("measure", "message"), MEASURES)
def test_a_measure_that_cannot_be_kept_says_why(measure, message):
    with pytest.raises(ValueError, match=message):
        recurse(
            models.Gaussian(),
            FittedGaussian.standard(),
            measure=measure,
            **arguments(),
        )


# A known generation 0, models by generation, an end that is asked for


class Counts(models.Gaussian):
    def __init__(self):
        super().__init__()
        object.__setattr__(self, "fits", [])

    def fit(self, data, rng):
        self.fits.append(rng.random())  # an estimator that uses randomness
        return super().fit(data, rng)


FIRST = FittedGaussian(np.arange(1.0, 4.0), np.ones(CHAINS))


@pytest.mark.parametrize("first", [FIRST, lambda: FIRST], ids=["model", "function"])
def test_a_known_generation_0_is_neither_fitted_nor_drawn_for(first):
    rng, model = np.random.default_rng(1), Counts()
    real = np.arange(12.0)
    history = run(model, real, first=first, rng=rng, n_generations=0)
    np.testing.assert_array_equal(history.array("mu")[0], FIRST.mu)
    assert model.fits == []
    assert rng.bit_generator.state == np.random.default_rng(1).bit_generator.state


def test_arms_share_what_the_known_generation_0_would_have_been():
    real = np.arange(12.0)
    first = models.Gaussian().fit(np.tile(real, (CHAINS, 1)), np.random.default_rng(0))
    assert run(real=real, first=first).equals(run(real=real))


def test_the_generations_may_be_fitted_by_different_models():
    @dataclass(frozen=True)
    class Estimators:
        change: int

        def __call__(self, t):
            return models.Gaussian("mle" if t < self.change else "unbiased")

    options = {"measure": {"sigma": lambda fit: fit.sigma}, "n_generations": 1}
    both = run(Estimators(1), **options).array("sigma")
    mle = run(models.Gaussian("mle"), **options).array("sigma")
    never = run(Estimators(9), **options).array("sigma")
    np.testing.assert_array_equal(never, mle)
    np.testing.assert_array_equal(both[0], mle[0])
    np.testing.assert_allclose(both[1], mle[1] * np.sqrt(12 / 11))


class TimeIsUp(Exception):
    pass


def stop_before(n_fits):
    left = iter(range(n_fits))

    def stop():
        if next(left, None) is None:
            raise TimeIsUp

    return stop


def test_stop_is_asked_before_every_fit_and_only_then():
    asked = []
    run(stop=lambda: asked.append(1))
    assert len(asked) == 5
    run(stop=lambda: asked.append(1), first=FIRST)
    assert len(asked) == 5 + 4
    with pytest.raises(TimeIsUp):
        run(stop=stop_before(0))


@pytest.mark.parametrize("kept", ["checkpoint", "store"])
def test_what_was_measured_before_a_stop_is_kept(tmp_path, kept):
    options, before, after = {kept: tmp_path / "run"}, Counts(), Counts()
    with pytest.raises(TimeIsUp):
        run(before, stop=stop_before(3), **options)
    assert len(before.fits) == 3
    history = run(after, **options)
    assert len(after.fits) == 2
    assert history.equals(run(Counts()))


def test_the_error_for_a_regime_names_all_of_them_also_in_a_fresh_process():
    code = (
        "import numpy as np\n"
        "from collapse_lib import recurse, models\n"
        "recurse(models.Gaussian(), np.arange(3.0), regime='x', n_samples=3,"
        " n_generations=1, measure={'mu': lambda f: f.mu}, rng=None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    names = [
        "Accumulate",
        "AccumulateSubsample",
        "Augment",
        "Ecosystem",
        "Edit",
        "Fresh",
        "Mix",
        "Replace",
        "Web",
    ]
    assert f"it must be one of {', '.join(names)}, or" in done.stderr
