"""The loop: every model in every regime, validation, repeatability."""

import cProfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from collapse_lib import History, models, recurse, regimes
from collapse_lib.models import (
    FittedCategorical,
    FittedGaussian,
    FittedGaussianMixture,
    FittedMultivariateGaussian,
)


# The protocol is small: a new model, with chains, in 12 lines.
@dataclass(frozen=True)
class Exponential:
    event_ndim = 0

    def fit(self, data, rng):
        return FittedExponential(data.mean(axis=1))


@dataclass(frozen=True)
class FittedExponential:
    scale: np.ndarray

    def sample(self, n, rng):
        return rng.exponential(self.scale[:, None], (len(self.scale), n))


class Parrot:
    """A model of one chain that repeats what it heard; ``fit`` returns itself."""

    def fit(self, data, rng):
        self.heard = data
        return self

    def sample(self, n, rng):
        return rng.choice(self.heard, n)


ALL_REGIMES = [
    regimes.Replace(),
    regimes.Accumulate(),
    regimes.AccumulateSubsample(),
    regimes.Augment(),
    regimes.Fresh(),
    regimes.Mix(0.5, 0.3, 0.2),
]
# Model, real data as a source, one number per chain to measure.
ALL_MODELS = {
    "gaussian": (models.Gaussian(), FittedGaussian.standard(), "sigma"),
    "gaussian mle": (models.Gaussian("mle"), FittedGaussian.standard(), "sigma"),
    "gaussian exact": (
        models.Gaussian(law="exact"),
        FittedGaussian.standard("exact"),
        "sigma",
    ),
    "vectors": (
        models.MultivariateGaussian(),
        FittedMultivariateGaussian.standard(2),
        "trace",
    ),
    "vectors exact": (
        models.MultivariateGaussian(law="exact"),
        FittedMultivariateGaussian.standard(2, "exact"),
        "trace",
    ),
    "categorical": (
        models.Categorical(3),
        FittedCategorical.of([0.5, 0.3, 0.2]),
        "p0",
    ),
    "categorical literal": (
        models.Categorical(3, law="literal"),
        FittedCategorical.of([0.5, 0.3, 0.2], law="literal"),
        "p0",
    ),
    "mixture": (
        models.GaussianMixture(2),
        FittedGaussianMixture.of([0.5, 0.5], [[-3, 0], [3, 0]], [np.eye(2)] * 2),
        "spread",
    ),
    "toy": (Exponential(), FittedExponential(np.ones(6)), "scale"),
    "toy of one chain": (
        models.PerChain(Parrot()),
        FittedGaussian.standard(),
        "mean",
    ),
}
MEASURES = {
    "sigma": lambda fit: fit.sigma,
    "trace": lambda fit: fit.trace,
    "spread": lambda fit: fit.spread,
    "p0": lambda fit: fit.p[:, 0],
    "scale": lambda fit: fit.scale,
    "mean": lambda fit: [member.heard.mean() for member in fit.members],
}
# A summary of a normal sample does not say which points a subsample would hold.
NEEDS_POINTS = {"AccumulateSubsample", "Mix"}
HAS_NO_POINTS = {"gaussian exact", "vectors exact"}


def run(model, real, regime, metric, *, seed=0, **options):
    arguments = {"n_samples": 20, "n_generations": 4, "chains": 6, **options}
    return recurse(
        model,
        real,
        regime=regime,
        measure={metric: MEASURES[metric]},
        rng=np.random.default_rng(seed),
        **arguments,
    )


def gaussian_run(**options):
    model, real, metric = ALL_MODELS["gaussian"]
    real = options.pop("real", real)
    regime = options.pop("regime", regimes.Replace())
    return run(options.pop("model", model), real, regime, metric, **options)


@pytest.mark.parametrize("regime", ALL_REGIMES, ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("name", ALL_MODELS)
def test_every_model_runs_in_every_regime(name, regime):
    model, real, metric = ALL_MODELS[name]
    if name in HAS_NO_POINTS and type(regime).__name__ in NEEDS_POINTS:
        with pytest.raises(ValueError, match='law="literal"'):
            run(model, real, regime, metric)
        return
    history = run(model, real, regime, metric)
    assert isinstance(history, History)
    assert list(history.columns) == ["generation", "chain", "metric", "value"]
    assert history.array(metric).shape == (5, 6)
    assert np.isfinite(history["value"]).all()
    assert history.array(metric).std() > 0


def test_generation_0_is_the_fit_to_the_real_data():
    real = np.array([1.0, 2.0, 3.0])
    history = gaussian_run(real=real, n_generations=0)
    np.testing.assert_array_equal(history.array("sigma"), np.ones((1, 6)))


def test_real_data_may_differ_by_chain():
    real = np.arange(6)[:, None] + np.array([0.0, 2.0])
    history = recurse(
        models.Gaussian(),
        real,
        regime=regimes.Replace(),
        n_samples=5,
        n_generations=0,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(0),
        chains=6,
    )
    np.testing.assert_array_equal(history.array("mu")[0], np.arange(6) + 1)


def test_the_loop_is_fit_and_sample_and_nothing_else():
    rng = np.random.default_rng(5)
    data = rng.standard_normal((6, 20))
    sigmas = []
    for _ in range(5):
        mu, sigma = data.mean(axis=1), data.std(axis=1, ddof=1)
        sigmas.append(sigma)
        data = mu[:, None] + sigma[:, None] * rng.standard_normal((6, 20))
    np.testing.assert_allclose(gaussian_run(seed=5).array("sigma"), sigmas)


def test_schedules_set_the_size_of_every_training_set():
    sizes = []

    class Spy(models.Gaussian):
        def fit(self, data, rng):
            sizes.append(data.shape[1])
            return super().fit(data, rng)

    schedule = regimes.GrowingSamples(10, power=1)
    history = gaussian_run(model=Spy(), n_samples=schedule)
    assert sizes == [10, 20, 30, 40, 50]
    assert history.attrs["config"]["n_samples"] == sizes


def test_only_recorded_generations_are_kept_and_they_are_the_same():
    everything, some = gaussian_run(), gaussian_run(record=[4, 0, 2])
    np.testing.assert_array_equal(some.generations, [0, 2, 4])
    np.testing.assert_array_equal(
        some.array("sigma"), everything.array("sigma")[[0, 2, 4]]
    )


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    one, again, other = (gaussian_run(seed=seed) for seed in (1, 1, 2))
    assert one["value"].to_numpy().tobytes() == again["value"].to_numpy().tobytes()
    assert (one["value"] != other["value"]).all()


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_a_chain_that_collapses_to_a_point_stays_there_and_finite(law):
    history = gaussian_run(
        model=models.Gaussian("mle", law=law), n_samples=2, n_generations=3000
    )
    sigma = history.array("sigma")
    assert np.isfinite(sigma).all()
    assert (sigma[-1] == 0).all()


def test_one_symbol_left_is_legal():
    history = recurse(
        models.Categorical(2),
        FittedCategorical.of([1.0, 0.0]),
        regime=regimes.Replace(bias=regimes.Temperature(0.5)),
        n_samples=3,
        n_generations=3,
        measure={"p": lambda fit: fit.p[:, 0]},
        rng=np.random.default_rng(0),
    )
    np.testing.assert_array_equal(history["value"], 1.0)


BAD_ARGUMENTS = [
    ({"n_samples": 0}, r"n_samples is 0; it must be an integer >= 1"),
    ({"n_samples": -3}, r"n_samples is -3"),
    ({"n_samples": 2.5}, r"n_samples is 2\.5"),
    ({"n_samples": lambda t: 5 - 2 * t}, r"n_samples\(3\) is -1"),
    ({"n_generations": -1}, r"n_generations is -1; it must be an integer >= 0"),
    ({"chains": 0}, r"chains is 0"),
    ({"record": [9]}, r"record is \[9\]; it must name generations from 0 to 4"),
    ({"record": []}, r"record is \[\]"),
    ({"real": np.zeros(0)}, r"real is empty"),
    ({"real": np.array([1.0, np.nan])}, r"real holds 1 values that are NaN"),
    ({"real": np.array([1.0, np.inf])}, r"real holds 1 values that are NaN or inf"),
    ({"real": np.zeros((2, 3, 4))}, r"real has shape \(2, 3, 4\); this model needs"),
    ({"real": np.zeros((5, 3))}, r"real holds 5 chains, chains is 6"),
    ({"regime": "replace"}, r"regime is 'replace'; it must be one of Accumulate, "),
]


@pytest.mark.parametrize(("options", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_named_with_their_value(options, message):
    with pytest.raises(ValueError, match=message):
        gaussian_run(**options)


def test_the_generator_must_be_one():
    with pytest.raises(ValueError, match="pass np.random.default_rng"):
        recurse(
            models.Gaussian(),
            np.arange(5.0),
            regime=regimes.Replace(),
            n_samples=5,
            n_generations=1,
            measure={"mu": lambda fit: fit.mu},
            rng=7,
        )


def test_a_measure_must_return_one_number_per_chain():
    with pytest.raises(ValueError, match=r"'sigma' returned shape \(\)"):
        recurse(
            models.Gaussian(),
            np.arange(5.0),
            regime=regimes.Replace(),
            n_samples=5,
            n_generations=1,
            measure={"sigma": lambda fit: fit.sigma.mean()},
            rng=np.random.default_rng(0),
        )


def test_an_unknown_metric_lists_the_known_ones():
    with pytest.raises(ValueError, match="no metric 'mu'; measured: sigma"):
        gaussian_run().array("mu")


def test_perturbed_adds_its_error_to_every_fit():
    def shift(fitted, data, rng):
        return FittedGaussian(fitted.mu + 1, fitted.sigma)

    history = recurse(
        models.Perturbed(models.Gaussian("mle"), shift),
        np.zeros(3),
        regime=regimes.Replace(),
        n_samples=4,
        n_generations=3,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(0),
    )
    np.testing.assert_array_equal(history["value"], [1, 2, 3, 4])


def test_a_finished_checkpoint_gives_the_history_without_work(tmp_path: Path):
    path = tmp_path / "run.npz"
    history = gaussian_run(checkpoint=path)

    def idle():
        raise AssertionError("nothing should be fitted")

    again = gaussian_run(checkpoint=path, stop=idle)
    assert again["value"].to_numpy().tobytes() == history["value"].to_numpy().tobytes()


@pytest.mark.parametrize("chains", [1, 6])
def test_a_source_may_know_nothing_of_chains(chains):
    class Die:
        def sample(self, n, rng):
            return rng.integers(1, 7, (1, n))

    history = gaussian_run(real=Die(), chains=chains, n_generations=0)
    assert len(np.unique(history["value"])) == chains


def test_a_source_of_another_number_of_chains_is_refused():
    with pytest.raises(ValueError, match=r"has shape \(4, 20\); .* here \(6, 20"):
        gaussian_run(real=FittedExponential(np.ones(4)))


def calls_of(n_generations: int) -> int:
    """Count the calls of functions in a run of one chain that draws summaries."""
    with cProfile.Profile() as profile:
        recurse(
            models.Gaussian(law="exact"),
            FittedGaussian.standard("exact"),
            regime=regimes.Replace(),
            n_samples=100,
            n_generations=n_generations,
            measure={"sigma": lambda fit: fit.sigma},
            rng=np.random.default_rng(0),
        )
    return sum(entry.callcount for entry in profile.getstats())


def test_a_generation_of_one_chain_costs_few_calls():
    # Checks of what has been checked add up: they are most of such a generation.
    calls_of(1)
    assert (calls_of(300) - calls_of(100)) / 200 <= 85
