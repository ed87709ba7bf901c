"""What `recurse` returns: arrays, and a frame for pandas and seaborn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns

from collapse_lib import History

GENERATIONS = np.array([0, 2, 5])


def history(n_chains=4, generations=GENERATIONS, seed=0):
    rng = np.random.default_rng(seed)
    shape = (len(generations), n_chains)
    arrays = {
        "sigma": rng.random(shape),
        "mu": rng.random(shape),
        "weights": rng.random((*shape, 2)),
        "text": rng.integers(9, size=(*shape, 5), dtype=np.int32),
    }
    return History(np.asarray(generations), arrays, {"config": {"seed": seed}})


def test_the_frame_holds_every_number_once_and_gives_the_arrays_back():
    h = history()
    frame = h.frame()
    assert list(frame.columns) == list(h.columns) == list(h)
    assert len(frame) == len(h) == 2 * 3 * 4
    assert list(frame["metric"].cat.categories) == ["sigma", "mu"]
    for name in ("sigma", "mu"):
        table = frame[frame["metric"] == name].pivot(
            index="generation", columns="chain", values="value"
        )
        np.testing.assert_array_equal(table, h.array(name))
        np.testing.assert_array_equal(table.index, GENERATIONS)
    pd.testing.assert_series_equal(h["value"], frame["value"])


def test_arrays_of_more_axes_keep_shape_and_type_and_are_not_in_the_frame():
    h = history()
    assert h.array("weights").shape == (3, 4, 2)
    assert h.array("text").dtype == np.int32
    assert set(h["metric"]) == {"sigma", "mu"}
    only = History(GENERATIONS, {"weights": h.array("weights")})
    assert len(only) == 0 and only.frame().empty and only.chains == 4


def test_at_takes_generations_by_their_number():
    h = history()
    some = h.at([5, 0])
    np.testing.assert_array_equal(some.generations, [0, 5])
    for name in h.arrays:
        np.testing.assert_array_equal(some.array(name), h.array(name)[[0, 2]])
    assert some.attrs == h.attrs
    assert h.at(range(0, 6, 5)).equals(some)
    with pytest.raises(ValueError, match=r"no generations \[1, 3\]; recorded: 0, 2, 5"):
        h.at([0, 1, 3])


def test_an_unknown_measure_lists_the_known_ones():
    with pytest.raises(ValueError, match="no metric 'loss'; measured: sigma, mu, wei"):
        history().array("loss")


def test_equal_is_equal_to_the_bit():
    h = history()
    assert h.equals(history())
    moved = {**h.arrays, "mu": np.nextafter(h.array("mu"), 2)}
    assert not h.equals(History(GENERATIONS, moved))
    single = {**h.arrays, "mu": h.array("mu").astype(np.float32)}
    assert not h.equals(History(GENERATIONS, single))
    assert not h.equals(History(GENERATIONS + 1, h.arrays))
    fewer = {name: h.arrays[name] for name in ("sigma", "mu")}
    assert not h.equals(History(GENERATIONS, fewer))


def test_seaborn_draws_a_history():
    h = history()
    _, ax = plt.subplots()
    sns.lineplot(h, x="generation", y="value", hue="metric", errorbar=None, ax=ax)
    lines = [line for line in ax.lines if len(line.get_xdata())]
    for line, name in zip(lines, ("sigma", "mu"), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), GENERATIONS)
        np.testing.assert_allclose(line.get_ydata(), h.array(name).mean(axis=1))
    plt.close()


def test_a_history_shows_what_it_holds():
    assert repr(history()).splitlines() == [
        "History of 3 generations (0, 2, 5), 4 chains",
        "  sigma    float64",
        "  mu       float64",
        "  weights  float64 (2,)",
        "  text     int32 (5,)",
    ]
    assert "12 generations (0, 3, 6, ..., 33)" in repr(
        history(generations=np.arange(0, 36, 3))
    )


def test_chains_of_several_runs_are_joined_in_order():
    one, two = history(seed=1), history(3, seed=2)
    both = History.join([one, two])
    assert both.chains == 7
    for name in one.arrays:
        np.testing.assert_array_equal(both.array(name)[:, :4], one.array(name))
        np.testing.assert_array_equal(both.array(name)[:, 4:], two.array(name))
    with pytest.raises(ValueError, match=r"generations differ: 0, 2, 5 and 0, 5; cut"):
        History.join([one, two.at([0, 5])])
    other = History(GENERATIONS, {"sigma": one.array("sigma")})
    with pytest.raises(ValueError, match="measures differ: sigma, mu.* and sigma"):
        History.join([one, other])


@pytest.fixture
def arms():
    long, short = history(4, seed=1), history(2, np.array([0, 5]), seed=2)
    return History.of_arms({"paper": long, "real": short})


def test_arms_are_found_by_name(arms):
    assert arms.arms == ["paper", "real"]
    assert arms.arm("real").equals(history(2, np.array([0, 5]), seed=2))
    with pytest.raises(ValueError, match="no arm 'mad'; there are paper, real"):
        arms.arm("mad")


def test_the_frame_of_arms_has_a_column_that_names_them(arms):
    frame = arms.frame()
    assert list(frame.columns) == ["arm", "generation", "chain", "metric", "value"]
    assert len(frame) == len(arms) == 2 * (3 * 4 + 2 * 2)
    for name in arms.arms:
        own = frame[frame["arm"] == name].drop(columns="arm").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, arms.arm(name).frame())


def test_arms_as_one_array_are_nan_where_an_arm_has_nothing(arms):
    np.testing.assert_array_equal(arms.generations, GENERATIONS)
    sigma = arms.array("sigma")
    assert sigma.shape == (2, 3, 4)
    np.testing.assert_array_equal(sigma[0], arms.arm("paper").array("sigma"))
    real = arms.arm("real").array("sigma")
    np.testing.assert_array_equal(sigma[1][[0, 2], :2], real)
    assert np.isnan(sigma[1]).sum() == 3 * 4 - real.size
    assert arms.array("weights").shape == (2, 3, 4, 2)


def test_arms_that_cannot_be_one_array_say_what_to_do(arms):
    with pytest.raises(ValueError, match=r"'text' holds int32.*use \.arm\(name\)"):
        arms.array("text")
    alike = History.of_arms({"a": history(seed=1), "b": history(seed=2)})
    assert alike.array("text").dtype == np.int32
    with pytest.raises(ValueError, match="arm 'paper': no metric 'loss'"):
        arms.array("loss")
    longer = History(GENERATIONS, {"text": np.zeros((3, 4, 6))})
    mixed = History.of_arms({"a": history(), "b": longer})
    with pytest.raises(ValueError, match=r"other shapes in other arms: .*\(6,\)"):
        mixed.array("text")


def test_arms_at_some_generations(arms):
    some = arms.at([2, 5])
    np.testing.assert_array_equal(some.arm("paper").generations, [2, 5])
    np.testing.assert_array_equal(some.arm("real").generations, [5])
    assert repr(some).startswith("paper: History of 2 generations (2, 5), 4 chains")
