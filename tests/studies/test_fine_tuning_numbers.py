"""The numbers of chapter 09 from records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from notebook_code import defined_in

from collapse_lib.metrics import text as text_metrics
from collapse_lib.metrics.text import rarities, similarity
from collapse_lib.models.pretrained import small as pretraining
from collapse_lib.recursion.history import Arms, History
from collapse_lib.studies import fine_tuning_numbers as summary
from collapse_lib.studies.fine_tuning_text import Material

V, N, SEEDS = 50, 200, 2


def record(rng: np.random.Generator, shift: float) -> dict[str, Any]:
    return {
        "text": rng.integers(V, size=(N, 8)) * (rng.random((N, 1)) < 0.9),
        "test_loss": rng.normal(3.0 + shift, 0.1, 64),
        "own_loss": rng.normal(1.0 + shift, 0.3, N),
        "losses": np.zeros(5),
        "validation_losses": np.array([3.0, 2.0, 1.0, 1.5, 2.0]) + shift,
        "seconds": np.array([1.0, 2.0, 0.5]),
    }


@pytest.fixture(scope="module")
def history() -> Arms:
    rng = np.random.default_rng(0)
    arms = {}
    for arm in ("a", "b", "penalty-two"):
        runs = [[record(rng, 0.5 * t) for t in range(4)] for _ in range(SEEDS)]
        # A run that is not finished: as far as both have come.
        arms[arm] = arm_of(runs, n=3 if arm == "a" else 4)
    arms["zero-shot"] = arm_of([[{"test_loss": np.full(64, 5.0)}]], n=1)
    return History.of_arms(arms)


def arm_of(runs: list[Any], n: int) -> History:
    """Put the records of replicates together, as a study returns them."""
    arrays = {
        name: np.array([[run[t][name] for run in runs] for t in range(n)])
        for name in runs[0][0]
    }
    return History(np.arange(n), arrays, {"replicates": list(range(len(runs)))})


@pytest.fixture(scope="module")
def text() -> Material:
    train = np.random.default_rng(1).integers(V, size=(SEEDS, N, 8))
    model = pretraining.architecture((8, 1, 2))
    return Material(model, pretraining.tokenizer(), train, train[0], train[1])


def test_every_number_of_every_arm(history: Arms, text: Material) -> None:
    numbers = summary.summarise(history, text)
    assert numbers["zero_shot"] == pytest.approx(np.exp(5))
    assert numbers["a_perplexity"].shape == (SEEDS, 3)  # as far as both have come
    assert numbers["penalty_two_rep4"].shape == (SEEDS, 4)
    losses = history.arm("b").array("test_loss")[2, 1]
    assert numbers["b_perplexity"][1, 2] == pytest.approx(np.exp(losses.mean()))
    batches = losses.reshape(4, 16).mean(axis=1)
    assert numbers["b_factor"][1, 2] == pytest.approx(np.exp(batches.std(ddof=1)))
    assert numbers["b_spread"][1, 2] == pytest.approx(np.exp(batches).std(ddof=1))
    assert (numbers["a_best_epoch"] == 3).all()
    assert (numbers["a_seconds"] == 3.5).all()
    written = [tuple(row) for row in history.arm("b").array("text")[2, 1]]
    assert numbers["b_different"][1, 2] == len(set(written)) / N
    assert numbers["b_vocabulary"][1, 2] == len({token for r in written for token in r})
    prompts, rarity = text.train[1], rarities(text.train[1])
    other = similarity(np.array(written), np.roll(prompts, N // 2, 0), rarity)
    assert numbers["b_chance"][1, 2] == pytest.approx(other.mean())
    for name in ("rep4", "topic", "different", "vocabulary"):
        assert numbers[f"real_{name}"].shape == (SEEDS,)
    assert all(np.isfinite(values).all() for values in numbers.values())


def test_likely_and_unlikely_are_relative_to_generation_0(
    history: Arms, text: Material
) -> None:
    numbers = summary.summarise(history, text)
    np.testing.assert_allclose(numbers["b_low"][:, 0], 0.05)
    np.testing.assert_allclose(numbers["b_high"][:, 0], 0.01)
    # Losses grow from 1 to 2.5 with standard deviation 0.3.
    assert (numbers["b_low"][:, -1] == 0).all()
    assert (numbers["b_high"][:, -1] > 0.9).all()
    own = history.arm("b").array("own_loss")[:, 0]
    expected = (own[1] > np.quantile(own[0], 0.99)).mean()
    assert numbers["b_high"][0, 1] == expected
    assert numbers["b_median"][0, 0] == pytest.approx(np.exp(1), rel=0.1)
    far = np.exp(own) > 3 * np.median(np.exp(own[0]))
    assert 0 < far[2].mean() < 1
    np.testing.assert_allclose(numbers["b_far"][0], far.mean(axis=1))
    low, high, third = summary.bounds(own[0])
    assert numbers["b_bounds"][0].tolist() == [low, high, third]
    assert third == pytest.approx(3 * np.median(np.exp(own[0])), rel=1e-3)


def test_the_best_epoch_counts_where_another_one_was_handed_on() -> None:
    rng = np.random.default_rng(0)
    run = [record(rng, 0), record(rng, 1) | {"best_loss": np.full(64, 2.0)}]
    found = summary.measure(run, np.zeros((N, 8), int), np.ones(V))
    assert found["best"][0] == found["perplexity"][0]
    assert found["best"][1] == pytest.approx(np.exp(2))
    assert found["perplexity"][1] > 2 * found["best"][1]


def test_histograms_hold_everything(history: Arms, text: Material) -> None:
    numbers = summary.summarise(history, text)
    assert numbers["b_histogram"].shape == (SEEDS, 4, len(summary.EDGES) - 1)
    np.testing.assert_allclose(numbers["b_histogram"].sum(axis=2), 1)
    own = history.arm("b").array("own_loss")[3, 1]
    inside = (np.exp(own) >= summary.EDGES[7]) & (np.exp(own) < summary.EDGES[8])
    assert numbers["b_histogram"][1, 3, 7] == inside.mean()
    assert "penalty_two_histogram" not in numbers
    shares = summary.histogram(np.log([0.5, 1.5, 1e6, 1e6]))
    assert shares[0] == 0.25 and shares[-1] == 0.5


def test_without_validation_the_last_epoch_is_handed_on() -> None:
    unknown = {"losses": np.zeros(7), "validation_losses": np.full(7, np.nan)}
    assert summary.best_epoch(unknown) == 7


def test_epochs_that_there_were_not_count_for_nothing() -> None:
    losses = np.array([3.0, 2.0, np.nan, np.nan])
    assert summary.best_epoch({"losses": losses, "validation_losses": losses}) == 2
    unknown = {"losses": losses, "validation_losses": np.full(4, np.nan)}
    assert summary.best_epoch(unknown) == 2


def test_rare_tokens_weigh_more() -> None:
    blocks = np.array([[0, 0, 1], [0, 2, 2], [0, 1, 3]])
    expected = np.log([1, 3 / 2, 3, 3])
    np.testing.assert_allclose(rarities(blocks), expected)
    np.testing.assert_allclose(rarities(np.array([[1]])), [np.log(2), 0])


def test_similarity_by_hand() -> None:
    rarity = np.array([0.0, 1.0, 2.0])
    prompts = np.array([[1, 2, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]])
    texts = np.array([[2, 1, 0], [2, 2, 2], [1, 2, 0], [1, 1, 1]])
    expected = [1, 0, 3 / (3 * np.sqrt(5)), 0]
    found = similarity(texts, prompts, rarity)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_similarity_of_many_texts_is_that_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    texts, prompts = rng.integers(5, size=(2, 11, 4))
    rarity = rarities(prompts)
    alone = [
        similarity(texts[i : i + 1], prompts[i : i + 1], rarity)[0] for i in range(11)
    ]
    monkeypatch.setattr(text_metrics, "AT_ONCE", 3)
    np.testing.assert_allclose(similarity(texts, prompts, rarity), alone)


def test_tokens_that_people_never_used_count_as_the_rarest() -> None:
    rarity = np.array([0.0, 1.0, 2.0])
    found = similarity(np.array([[1, 7]]), np.array([[7, 7]]), rarity)
    assert found == pytest.approx(4 * 2 / (4 * np.sqrt(5)))


def test_perplexities_of_several_runs(history: Arms) -> None:
    perplexities = defined_in("09", "perplexities")
    a = history.arm("a")
    one = {name: array[:, :1] for name, array in a.arrays.items()}
    fewer = History.of_arms(
        {"a": History(a.generations, one), "zero-shot": history.arm("zero-shot")}
    )
    assert perplexities({"one": history, "other": fewer}, 1).shape == (2, 1, 3)
    found = perplexities({"one": history, "other": history}, 1)
    assert found.shape == (2, SEEDS, 3)
    losses = history.arm("a").array("test_loss")[1, 1]
    np.testing.assert_allclose(found[0, 1, [0, 2]], np.exp([5, losses.mean()]))


def test_texts_are_kept_with_their_prompts(
    history: Arms, text: Material, tmp_path: Path
) -> None:
    path = tmp_path / "texts.json"
    summary.save_texts(history, text, path, ["a", "penalty-two"], n=3)
    told = json.loads(path.read_text("utf-8"))
    assert told["prompts"] == text.tokenizer.texts(text.train[0][:3])
    written = history.arm("penalty-two").array("text")[3, 0][2]
    assert told["penalty-two"][3][2] == text.tokenizer.decode(written)


def test_ratios_compare_generations_or_arms() -> None:
    numbers = {
        "a_perplexity": np.array([[10.0, 30.0, 20.0], [10.0, 40.0, 30.0]]),
        "a_tenth_perplexity": np.array([[10.0, 15.0, 10.0]]),
    }
    ratio = defined_in("09", "ratio")
    growth = ratio(numbers, "perplexity", "a", 2)
    np.testing.assert_allclose(growth, [2, 3])
    spike = ratio(numbers, "perplexity", "a", 1, to=2)
    np.testing.assert_allclose(spike, [1.5, 4 / 3])
    beside = ratio(numbers, "perplexity", "a", 1, over="a-tenth")
    np.testing.assert_allclose(beside, [2])


def test_the_table_has_a_row_for_each_arm(history: Arms, text: Material) -> None:
    numbers = summary.summarise(history, text)
    rows = defined_in("09", "table")(numbers, [1, 2])
    assert list(rows.index) == [
        "5 epochs, no real text",
        "10 epochs, 10 % real",
        "penalty 2",
    ]
    growth = numbers["b_perplexity"][:, 1] / numbers["b_perplexity"][:, 0]
    error = abs(growth[0] - growth[1]) / 2
    expected = f"{growth.mean():.3g} ± {error:.2g}"
    assert rows.loc["10 epochs, 10 % real", "after 1"] == expected
    assert rows.loc["penalty 2", "likely"] == "0\u00a0%"
