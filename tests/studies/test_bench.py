"""The bench of chapter 19: worlds that know their truth, and losses that compare."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collapse_lib import regimes
from collapse_lib.recursion import History
from collapse_lib.studies.bench import Arm, Bench, loss_over, loss_over_own
from collapse_lib.studies.small_worlds import SMALL
from collapse_lib.studies.worlds import world

CONFIG = {"world": "gaussian", "temperature": 0.9, "chains": 10, "generations": 3}


def kept(w):
    return w.loop(regimes.Mix(alpha=0.5, gamma=0.5, bias=w.bias))


def replaced(w):
    return w.loop(regimes.Replace(bias=w.bias))


ARMS = {
    "replace": Arm("replace", policy=replaced),
    "half-real": Arm("half real", policy=kept, needs=("first data",)),
    "equal": Arm("equal points", policy=replaced, requires=("equal points",)),
}
STUDY = Bench(ARMS)


def drawn(w, n, rng):
    people = w.people
    return (people.expand(1) if hasattr(people, "expand") else people).sample(n, rng)


@pytest.mark.parametrize("name", SMALL)
def test_a_world_knows_which_of_its_real_points_are_rare_and_usual(name):
    """The shares are those of the source, up to the noise of two samples."""
    w = world(name)
    x = drawn(w, 4_000, np.random.default_rng(0))
    # The thresholds of two worlds come from samples of 300 points at least.
    slack = {"mixture": 4 * np.sqrt(0.09 / 4_000), "ngram": 4 * np.sqrt(0.09 / 300)}
    error = 4 * np.sqrt(w.share * (1 - w.share) / 4_000) + slack.get(name, 0)
    assert w.rare(x).mean() == pytest.approx(w.share, abs=error)
    wide = {"categorical": 0.06, "ngram": 4 * np.sqrt(0.25 / 300)}
    assert (w.score(x) >= w.usual).mean() == pytest.approx(
        0.5, abs=4 * np.sqrt(0.25 / 4_000) + wide.get(name, 0.02)
    )


@pytest.mark.parametrize("name", ["categorical", "gaussian", "regression"])
def test_an_oracle_has_no_loss_and_a_fit_has_some(name):
    w, rng = world(name), np.random.default_rng(1)
    assert float(w.loss(w.oracle)[0]) == pytest.approx(0, abs=1e-9)
    assert float(w.loss(w.model.fit(drawn(w, w.n, rng), rng))[0]) > 0


@pytest.mark.parametrize("name", SMALL)
def test_losses_fall_like_one_over_n(name):
    """Ten times the points: a tenth of the loss, or near, and never more than half."""
    w, rng = world(name), np.random.default_rng(2)
    few, many = (
        np.mean([w.loss(w.model.fit(drawn(w, n, rng), rng)) for _ in range(8)])
        for n in (w.n, 10 * w.n)
    )
    assert 0 < many < few / 2


@pytest.mark.parametrize("name", SMALL)
def test_a_bias_makes_what_is_written_more_plausible(name):
    if name == "regression":
        fitted = replace(world(name).oracle)
        assert (world(name, 0.81).bias(fitted).coef == 0.9 * fitted.coef).all()
        return
    w, rng = world(name, 0.6), np.random.default_rng(3)
    fitted = w.model.fit(drawn(w, w.n, rng), rng)
    plain = w.score(fitted.sample(2_000, rng))
    sharp = w.score(w.bias(fitted).sample(2_000, rng))
    gap = np.hypot(plain.std(), sharp.std()) / np.sqrt(2_000)
    assert sharp.mean() - plain.mean() > 4 * gap


def test_a_budget_is_what_a_policy_asks_for():
    """Twelve growing sizes have the total of twelve equal ones; the first is real."""
    w = world("gaussian")
    sizes = w.loop(regimes.Replace(), written=lambda t: 2 * t / 13)["n_samples"]
    assert sizes(0) == w.n
    assert sum(map(sizes, range(1, 13))) == pytest.approx(12 * w.n, abs=12)


def test_a_model_without_weights_is_fitted_to_the_points_that_are_left():
    w = world("mixture")
    by_source = regimes.BySource(1.0)
    model = w.loop(regimes.Web(0.1), weigh=by_source, counting=lambda t: 1 + t)["model"]
    assert [model(t).n_fit for t in (0, 2)] == [w.n, 3 * w.n]
    weighing = world("gaussian").loop(regimes.Web(0.1), weigh=by_source)["model"]
    assert weighing.n_fit is None


def test_arms_without_what_they_require_are_left_out_with_a_reason():
    assert [one.arm for one in STUDY.plan(CONFIG)] == ["replace", "half-real"]
    assert ARMS["equal"].lacks(world("gaussian")) == "no two points are equal"
    assert ARMS["equal"].lacks(world("categorical")) == ""


@pytest.mark.parametrize("replicates", [1, 2])
def test_a_live_run_has_the_numbers_of_a_stored_one(tmp_path: Path, replicates: int):
    """And all arms begin with the same first data."""
    config = {**CONFIG, "replicates": replicates}
    live = STUDY.live(config, seed=3)
    stored = STUDY.run(config, seed=3, folder=tmp_path)
    assert live.arm("replace").chains == 10 * replicates
    for name in live.arms:
        for measured in ("loss", "used", "rare"):
            ours, theirs = (h.arm(name).array(measured) for h in (live, stored))
            assert (ours == theirs).all()
    first = {name: live.arm(name).array("loss")[0] for name in live.arms}
    assert (first["replace"] == first["half-real"]).all()


def test_a_second_replicate_is_run_after_the_first_of_every_arm(tmp_path: Path):
    """And a run with one replicate can be taken up for two."""
    plan = STUDY.plan({**CONFIG, "replicates": 2})
    assert [one.name for one in plan] == [
        "replace-0",
        "half-real-0",
        "replace-1",
        "half-real-1",
    ]
    one = STUDY.run(CONFIG | {"replicates": 1}, seed=3, folder=tmp_path)
    two = STUDY.run(CONFIG | {"replicates": 2}, seed=3, folder=tmp_path)
    ours, theirs = (run.arm("replace").array("loss") for run in (one, two))
    assert (ours == theirs[:, :10]).all()
    assert (ours != theirs[:, 10:]).all()


def history(**losses):
    """Return a history of arms with losses ``(generations, chains)``."""
    return History.of_arms(
        {
            name: History(
                np.arange(len(loss)),
                {"loss": np.asarray(loss, float)},
                {"replicates": [0]},
            )
            for name, loss in losses.items()
        }
    )


def test_ratios_are_those_of_medians():
    ones = np.ones((2, 10))
    both = history(replace=[ones[0], 8 * ones[1]], other=[2 * ones[0], 4 * ones[1]])
    assert loss_over(both, "other").value == 4
    assert loss_over(both, "other", "replace").value == 0.5
    assert loss_over_own(both, "other").value == 2
    assert loss_over_own(both, "other").se == 0


def test_the_error_of_a_ratio_is_that_of_other_samples():
    """Resampled error against the spread of many independent histories."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(200):
        never, end = rng.exponential(1, (2, 100))
        found.append(loss_over(history(replace=[never, 3 * end]), "replace"))
    spread = np.std([one.value for one in found], ddof=1)
    typical = np.median([one.se for one in found])
    assert typical == pytest.approx(spread, rel=0.3)
    with pytest.raises(ValueError, match="at least 5"):
        loss_over(history(replace=np.ones((2, 4))), "replace")


def test_of_few_chains_each_is_resampled_by_itself():
    """Five chains would be one block, and one block has no spread."""
    few = history(replace=[[1, 2, 3, 4, 5], [3, 2, 5, 9, 4]])
    assert 0 < loss_over(few, "replace").se < 3
