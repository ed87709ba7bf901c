"""Regimes: what the next generation trains on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib import models, recurse, regimes


class Labelled:
    """A stub of real data and model that says where each point comes from."""

    def __init__(self, label, chains=2):
        self.label, self.chains = label, chains

    @property
    def first(self):
        return np.full((self.chains, 100), self.label)

    def fresh(self, n, rng):
        return np.full((self.chains, n), self.label + 0.5)

    def sample(self, n, rng):
        return np.full((self.chains, n), self.label)


def turn(n=20, memory=None):
    rng = np.random.default_rng(0)
    return regimes.Turn(Labelled(1.0), n, Labelled(0.0), memory, rng)


def contents(data):
    values, counts = np.unique(data[0], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_replace_keeps_nothing():
    step = regimes.Replace().next(turn())
    assert contents(step.training) == {1.0: 20}
    assert step.memory is None


def test_accumulate_keeps_everything():
    regime = regimes.Accumulate()
    memory = regime.start(Labelled(0.0).first)
    for generation in (1, 2):
        step = regime.next(turn(memory=memory))
        memory = step.memory
        assert contents(step.training) == {0.0: 100, 1.0: 20 * generation}


def test_accumulate_subsample_keeps_everything_but_trains_on_n():
    regime = regimes.AccumulateSubsample()
    step = regime.next(turn(memory=regime.start(Labelled(0.0).first)))
    assert step.training.shape == (2, 20)
    assert step.memory.size == 120
    assert contents(step.memory.points) == {0.0: 100, 1.0: 20}


def test_augment_adds_the_first_real_data():
    assert contents(regimes.Augment().next(turn()).training) == {0.0: 100, 1.0: 20}


@pytest.mark.parametrize(("n_real", "expected"), [(None, 20), (5, 5), (0, None)])
def test_fresh_adds_new_real_data(n_real, expected):
    found = contents(regimes.Fresh(n_real=n_real).next(turn()).training)
    assert found.pop(1.0) == 20
    assert found.get(0.5) == expected


def test_mix_takes_from_model_last_data_and_real_data():
    regime = regimes.Mix(0.5, 0.3, 0.2)
    step = regime.next(turn(memory=np.full((2, 20), 2.0)))
    assert contents(step.training) == {1.0: 10, 2.0: 6, 0.0: 4}
    assert step.memory is step.training


def test_mix_draws_random_weights_each_generation():
    regime = regimes.Mix(weights=lambda rng: tuple(rng.dirichlet([1, 1, 1])))
    memory = np.full((2, 20), 2.0)
    shared = turn(memory=memory)
    shares = [contents(regime.next(shared).training) for _ in range(20)]
    assert len({tuple(sorted(share.items())) for share in shares}) > 5
    assert all(sum(share.values()) == 20 for share in shares)


@given(
    st.integers(1, 1000),
    st.tuples(*[st.floats(0.01, 1)] * 3).map(lambda w: tuple(x / sum(w) for x in w)),
)
def test_split_rounds_to_the_total(n, weights):
    counts = regimes.split(n, weights)
    assert sum(counts) == n
    assert all(abs(c - n * w) < 1 + 1e-6 for c, w in zip(counts, weights, strict=True))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((0.5, 0.4, 0.0), "must be 1, it is 0.9"),
        ((1.5, -0.5, 0.0), "beta is -0.5"),
        ((float("nan"), 0.5, 0.5), "alpha is nan"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        regimes.Mix(*weights)


def test_random_weights_are_checked_too():
    regime = regimes.Mix(weights=lambda rng: (0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match=r"must be 1, it is 1\.5"):
        regime.next(turn(memory=np.zeros((2, 20))))


def test_keeping_more_than_there_is_names_the_weight():
    with pytest.raises(ValueError, match="gamma asks for 200 kept points"):
        regimes.Mix(0, 0, 1).next(turn(n=200))


@pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan")])
def test_temperature_must_be_a_number_from_zero(value):
    with pytest.raises(ValueError, match="temperature is"):
        regimes.Temperature(value)


def test_temperature_scales_the_variance_of_a_gaussian():
    fitted = models.FittedGaussian(np.zeros(1), np.full(1, 2.0))
    assert regimes.Temperature(0.25)(fitted).sigma == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(1, [0.9, 0.1]), (0.5, [81 / 82, 1 / 82]), (0, [1, 0]), (2, [0.75, 0.25])],
)
def test_temperature_sharpens_a_categorical(temperature, expected):
    fitted = models.FittedCategorical.of([0.9, 0.1])
    np.testing.assert_allclose(regimes.Temperature(temperature)(fitted).p[0], expected)


def test_temperature_zero_shares_ties_and_keeps_the_dead_dead():
    fitted = models.FittedCategorical.of([0.5, 0.5, 0.0])
    np.testing.assert_array_equal(regimes.Temperature(0)(fitted).p, [[0.5, 0.5, 0]])


def test_temperature_needs_a_model_that_can_be_tempered():
    with pytest.raises(ValueError, match="a Labelled without a method temper"):
        regimes.Temperature(0.5)(Labelled(1.0))


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, "100"])
def test_growing_samples_checks_its_start(bad):
    with pytest.raises(ValueError, match="n0 is"):
        regimes.GrowingSamples(bad, power=1)


def test_a_fixed_data_set_has_no_fresh_points():
    with pytest.raises(ValueError, match="pass a source with sample"):
        recurse(
            models.Gaussian(),
            np.arange(10.0),
            regime=regimes.Fresh(),
            n_samples=10,
            n_generations=1,
            measure={"mu": lambda fit: fit.mu},
            rng=np.random.default_rng(0),
        )
