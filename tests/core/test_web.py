"""The web: everything is kept, and a share of what is new is human."""

import numpy as np
import pytest

from collapse_lib import models, recurse, regimes
from collapse_lib.samples import RealData


class Labelled:
    """A source whose points say where they come from."""

    def __init__(self, label):
        self.label = label

    def sample(self, n, rng):
        return np.full((1, n), self.label)


def later(regime, *sizes):
    """Return what each generation trains on, label -> number, after ten real points."""
    rng = np.random.default_rng(0)
    real = RealData(Labelled(0.0), 1, models.Gaussian())
    memory = regime.start(np.full((1, 10), 9.0))
    found = []
    for n in sizes:
        step = regime.next(regimes.Turn(Labelled(1.0), n, real, memory, rng))
        memory = step.memory
        values, counts = np.unique(step.training, return_counts=True)
        found.append(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return found


@pytest.mark.parametrize(
    ("share", "human"), [(0.1, 2), (0.25, 5), (0.12, 2), (0.13, 3), (0.03, 1)]
)
def test_a_share_of_every_generation_is_human_and_all_is_kept(share, human):
    first, second = later(regimes.Web(share), 20, 20)
    assert first == {9.0: 10, 0.0: human, 1.0: 20 - human}
    assert second == {9.0: 10, 0.0: 2 * human, 1.0: 40 - 2 * human}


def test_the_share_is_one_of_the_newest_points_if_their_number_grows():
    assert later(regimes.Web(0.5), 10, 40) == [
        {9.0: 10, 0.0: 5, 1.0: 5},
        {9.0: 10, 0.0: 25, 1.0: 25},
    ]


def test_all_and_nothing():
    assert later(regimes.Web(1), 5) == [{9.0: 10, 0.0: 5}]
    assert later(regimes.Web(0), 5) == [{9.0: 10, 1.0: 5}]


def run(regime, model, real):
    history = recurse(
        model,
        real,
        regime=regime,
        n_samples=20,
        n_generations=4,
        measure={"mu": lambda fit: fit.mu},
        rng=np.random.default_rng(1),
        chains=3,
    )
    return history.array("mu")


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_without_people_it_is_accumulate(law):
    model, real = models.Gaussian(law=law), models.FittedGaussian.standard(law)
    web = run(regimes.Web(0), model, real)
    assert (web == run(regimes.Accumulate(), model, real)).all()
    assert (web[0] == run(regimes.Web(0.5), model, real)[0]).all()
    assert (web[1:] != run(regimes.Web(0.5), model, real)[1:]).all()


def test_the_bias_is_the_models_alone():
    frozen = regimes.Web(0.5, bias=regimes.Temperature(0))
    real = RealData(models.FittedGaussian.standard(), 2, models.Gaussian())
    fitted = models.FittedGaussian(np.array([5.0, 6.0]), np.ones(2))
    memory = frozen.start(np.zeros((2, 4)))
    rng = np.random.default_rng(0)
    training = frozen.next(regimes.Turn(fitted, 8, real, memory, rng)).training
    assert (np.sort(training, axis=1)[:, -4:] == [[5.0], [6.0]]).all()
    assert len(np.unique(training)) == 1 + 2 * 4 + 2


@pytest.mark.parametrize("law", ["literal", "exact"])
def test_a_run_that_is_cut_short_goes_on(law, goes_on):
    def run(measure, path):
        history = recurse(
            models.KnownWidth(law=law),
            models.FittedKnownWidth.standard(law),
            regime=regimes.Web(0.25),
            n_samples=20,
            n_generations=4,
            measure={"mu": measure},
            rng=np.random.default_rng(2),
            chains=3,
            checkpoint=path,
        )
        return history.array("mu")

    goes_on(mean_of, run)


def mean_of(fitted):
    return fitted.mu


@pytest.mark.parametrize("share", [-0.1, 1.5, "half", None, float("nan")])
def test_what_is_no_share_is_refused(share):
    with pytest.raises(ValueError, match="share is .*it must be a number from 0 to 1"):
        regimes.Web(share)


def test_a_share_that_rounds_to_no_point_is_refused():
    with pytest.raises(
        ValueError, match=r"share is 0\.01, which of 20 new points rounds to none"
    ):
        later(regimes.Web(0.01), 20)


def test_people_need_a_source():
    with pytest.raises(ValueError, match="pass a source with sample"):
        run(regimes.Web(0.5), models.Gaussian(), np.arange(10.0))
