"""The study of fine-tuned language models: arms, lineages, variants, the script."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_study
from notebook_code import defined_in

from collapse_lib import regimes
from collapse_lib.book import notebooks, results
from collapse_lib.data.corpora import corpus
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.models import Ancestral, Beam, Transformer
from collapse_lib.models.pretrained import small as pretraining
from collapse_lib.recursion.history import Arms
from collapse_lib.studies import fine_tuning as finetuning
from collapse_lib.studies.fine_tuning import PURPOSES, Arm, FineTuning, stream
from collapse_lib.studies.fine_tuning_text import Material, human_blocks, material
from collapse_lib.studies.study import TimeUp, records

ROOT = Path(__file__).resolve().parents[2]
STUDY = defined_in("09", "study")
ARMS = STUDY.arms
run_all = STUDY.run
V, BLOCK, N = 24, 6, 20
CONFIG: dict[str, Any] = {
    "model": "tiny",
    "generations": 2,
    "seeds": 2,
    "arms": "all",
    "arm_seeds": 1,
    "sizes": [],
    "rates": [],
    "learning_rate": 1e-3,
    "final_learning_rate": 5e-5,
}


def text_like(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Blocks with something to learn: each token is likely to be the next number."""
    steps = rng.choice([1, 2, 5], p=[0.7, 0.2, 0.1], size=(n, length))
    return (rng.integers(V, size=(n, 1)) + steps.cumsum(axis=1)) % V


@pytest.fixture(scope="module")
def text() -> Material:
    rng = np.random.default_rng(0)
    model = Transformer(
        vocabulary=V,
        context=2 * BLOCK,
        width=8,
        layers=1,
        heads=2,
        epochs=1,
        batch=4,
        learning_rate=3e-2,
    )
    fitted = model.fit(rng.integers(V, size=(1, 32, 2 * BLOCK)), rng)
    train = text_like(rng, 2 * N, BLOCK).reshape(2, N, BLOCK)
    validation, test = text_like(rng, 16, BLOCK), text_like(rng, 40, BLOCK)
    model = replace(
        model,
        init=fitted.weights[0],
        validation=validation,
        prompts=train[0],
    )
    tokenizer = Tokenizer.train(["no text is needed here"] * 9, 257)
    return Material(model, tokenizer, train, validation, test)


@pytest.fixture(scope="module")
def folder(text: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("finetuning")
    run_all(CONFIG, seed=3, folder=path, text=text)
    return path


@pytest.fixture(scope="module")
def history(folder: Path) -> Arms:
    return STUDY.read(folder)


def lineage(history: Arms, arm: str, replicate: int) -> list[Any]:
    """What was measured in each generation of a lineage."""
    part = history.arm(arm)
    return records(part, part.attrs["replicates"].index(replicate))


def same(one: Arms, other: Arms, only: bool = False) -> bool:
    """Whether all is the same but the time it took; ``only`` what the first one has."""
    assert only or one.arms == other.arms
    for arm in one.arms:
        for replicate in one.arm(arm).attrs["replicates"]:
            ours, theirs = (lineage(all_, arm, replicate) for all_ in (one, other))
            assert len(ours) == len(theirs)
            for a, b in zip(ours, theirs, strict=True):
                assert a.keys() == b.keys()
                for name in set(a) - {"seconds"}:
                    np.testing.assert_array_equal(a[name], b[name])
    return True


def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Transformer, np.ndarray]]:
    """Note every model that is fitted, with its data."""
    seen = []
    fit = Transformer.fit

    def noted(self: Transformer, data: Any, rng: np.random.Generator) -> Any:
        seen.append((self, np.array(data)))
        return fit(self, data, rng)

    monkeypatch.setattr(Transformer, "fit", noted)
    return seen


def rows(blocks: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(block) for block in blocks.tolist()}


# ---- the plan -----------------------------------------------------------------------


def test_what_the_claims_need_comes_first() -> None:
    config = {"seeds": 3, "arm_seeds": 2, "arms": ["ancestral", "accumulate"]}
    zero_shot, *plan = STUDY.plan({**config, "generations": 9})
    assert zero_shot == ("zero-shot", 0, 0)
    assert [one.generations for one in plan] == [9] * 10
    assert [(one.arm, one.replicate) for one in plan] == [
        *[("a", 0), ("a", 1), ("b", 0), ("b", 1)],
        *[("ancestral", 0), ("accumulate", 0)],
        *[("ancestral", 1), ("accumulate", 1)],
        *[("a", 2), ("b", 2)],
    ]


def test_arms_may_have_numbers_of_replicates_of_their_own() -> None:
    config = {"seeds": 3, "arms": ["ancestral", "accumulate"], "generations": 9}
    named = {"b": 2, "ancestral": 3, "accumulate": 1}
    config["arm_seeds"] = named
    assert STUDY.replicates(config) == {"a": 3, **named}
    names = [one.name for one in STUDY.plan(config)[1:]]
    assert sorted(names) == [
        *["a-0", "a-1", "a-2", "accumulate-0"],
        *["ancestral-0", "ancestral-1", "ancestral-2", "b-0", "b-1"],
    ]
    for odd in ({"b": 2, "ancestral": 1}, {**named, "c": 1}):
        with pytest.raises(ValueError, match="see (accumulate|c)$"):
            STUDY.plan({**config, "arm_seeds": odd})
    more = small_config(arms=["ancestral"], arm_seeds={"ancestral": 3})
    with pytest.raises(ValueError, match="it must be at most seeds, which is 2"):
        material(more)


def test_the_arms_are_those_of_the_paper() -> None:
    a, b = ARMS["a"], ARMS["b"]
    assert (a.epochs, a.regime, a.decoder) == (5, regimes.Replace(), Beam(5))
    assert (b.epochs, b.regime, b.decoder) == (10, regimes.Mix(0.9, 0, 0.1), Beam(5))
    assert not any(arm.from_model_0 or arm.last_epoch for arm in (a, b))


# ---- one generation after the other -------------------------------------------------


def test_a_lineage_is_the_loop_written_by_hand(text: Material, history: Arms) -> None:
    prompts, blocks = text.train[1], text.train[1]
    for t in range(3):
        model = replace(text.model, epochs=5)
        fit = model.fit(blocks[None], stream(3, "train", 0, 1, t))
        writing = stream(3, "write", 0, 1, t)
        blocks = finetuning.continuations(fit, prompts, Beam(5), writing)
        record = lineage(history, "a", 1)[t]
        np.testing.assert_array_equal(record["test_loss"], fit.nll(text.test)[0])
        np.testing.assert_array_equal(record["text"], blocks)


def test_every_generation_starts_from_the_pretrained_weights(
    text: Material, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = spied(monkeypatch)
    run_all(CONFIG, seed=3, folder=tmp_path, text=text, only=["zero-shot-0", "a-0"])
    assert [model.epochs for model, _ in seen] == [0, 5, 5, 5]
    for model, _ in seen:
        np.testing.assert_array_equal(model.init, text.model.init)
        np.testing.assert_array_equal(model.validation, text.validation)


def test_setting_b_trains_longer_and_on_a_tenth_of_real_text(
    text: Material, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = spied(monkeypatch)
    found = run_all(CONFIG, seed=3, folder=tmp_path, text=text, only=["b-0"])
    assert [model.epochs for model, _ in seen] == [5, 10, 10]
    for t, (_, data) in enumerate(seen[1:]):
        blocks = data[0]
        assert len(blocks) == N
        assert rows(blocks[:18]) <= rows(lineage(found, "b", 0)[t]["text"])
        assert rows(blocks[18:]) <= rows(text.train[0])


def test_accumulated_text_grows_and_keeps_everything(
    text: Material, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = spied(monkeypatch)
    found = run_all(CONFIG, seed=3, folder=tmp_path, text=text, only=["accumulate-0"])
    told = found.arm("accumulate").array("text")[:, 0]
    assert [data.shape[1] for _, data in seen[1:]] == [2 * N, 3 * N]
    everything = np.concatenate([text.train[0], *told[:2]])
    np.testing.assert_array_equal(seen[-1][1][0], everything)


def test_other_starts_and_checkpoints(
    text: Material, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = spied(monkeypatch)
    only = ["from-model-zero-0", "last-epoch-0"]
    run_all(CONFIG, seed=3, folder=tmp_path, text=text, only=only)
    with np.load(tmp_path / "first-0.npz") as model_0:
        weights = model_0["weights"][0]
    warm, last = seen[1:3], seen[3:]
    assert all((model.init == weights).all() for model, _ in warm)
    assert all((model.init == text.model.init).all() for model, _ in last)
    # Trained twice: the last epoch's weights write, the best one's are measured, too.
    assert [model.validation is None for model, _ in last] == [False, True] * 2
    assert all(model.validation is not None for model, _ in warm)


def test_both_epochs_are_measured_where_the_last_one_writes(
    text: Material, tmp_path: Path
) -> None:
    long = Arm("fifty epochs, so that they get worse", last_epoch=True, epochs=50)
    study = FineTuning({"a": Arm("as published"), "last": long}, published=("a",))
    found = study.run(CONFIG, seed=3, folder=tmp_path, text=text, only=["last-0"])
    first, second, _ = lineage(found, "last", 0)
    np.testing.assert_array_equal(first["best_loss"], first["test_loss"])
    model = replace(text.model, epochs=50)
    best = model.fit(first["text"][None], stream(3, "train", 1, 0, 1))
    assert best.validation_losses[0].argmin() < 49
    np.testing.assert_array_equal(second["best_loss"], best.nll(text.test)[0])
    last = replace(model, validation=None)
    fit = last.fit(first["text"][None], stream(3, "train", 1, 0, 1))
    np.testing.assert_array_equal(second["test_loss"], fit.nll(text.test)[0])
    assert second["best_loss"].mean() < second["test_loss"].mean()


def test_human_text_comes_from_the_next_replicate(
    text: Material, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = spied(monkeypatch)
    arms = {"a": Arm("as published"), "human": Arm("human text", human=True)}
    study = FineTuning(arms, published=("a",))
    study.run(CONFIG, seed=3, folder=tmp_path, text=text, only=["human-0"])
    data = [blocks[0] for _, blocks in seen]
    for found, replicate in zip(data, (0, 1, 0), strict=True):
        np.testing.assert_array_equal(found, text.train[replicate])


def test_arms_share_model_0_and_what_it_writes_if_they_write_alike(
    history: Arms,
) -> None:
    first = {arm: lineage(history, arm, 0)[0] for arm in ARMS}
    for arm, record in first.items():
        np.testing.assert_array_equal(record["test_loss"], first["a"]["test_loss"])
        alike = ARMS[arm].decoder == Beam(5)
        assert (record["text"] == first["a"]["text"]).all() == alike
        later = lineage(history, arm, 0)[1]["test_loss"]
        assert arm == "a" or (later != lineage(history, "a", 0)[1]["test_loss"]).any()


def test_the_texts_are_scored_by_model_0_of_the_same_replicate(
    text: Material, history: Arms
) -> None:
    model = replace(text.model, epochs=5)
    model_0 = model.fit(text.train[1:], stream(3, "train", 0, 1))
    record = lineage(history, "b", 1)[2]
    scored = model_0.nll(record["text"])[0]
    np.testing.assert_allclose(record["own_loss"], scored, rtol=1e-12)


def test_the_pretrained_model_is_measured_as_it_is(
    text: Material, history: Arms
) -> None:
    fit = replace(text.model, epochs=0).fit(text.train[:1], np.random.default_rng(5))
    np.testing.assert_array_equal(fit.weights[0], text.model.init)
    (record,) = lineage(history, "zero-shot", 0)
    np.testing.assert_array_equal(record["test_loss"], fit.nll(text.test)[0])


def test_continuations_come_in_the_order_of_the_prompts(text: Material) -> None:
    fit = text.model.fit(text.train[:1], np.random.default_rng(1))
    prompts, rng = text.train[1], np.random.default_rng(2)
    together = finetuning.continuations(fit, prompts, Beam(3), rng)
    assert together.shape == (N, BLOCK)
    for i in (0, 7, 19):
        alone = finetuning.continuations(fit, prompts[i : i + 1], Beam(3), rng)
        np.testing.assert_array_equal(together[i], alone[0])


def test_sampling_depends_on_the_generator_and_on_nothing_else(text: Material) -> None:
    fit = text.model.fit(text.train[:1], np.random.default_rng(1))
    one, same_again, other = (
        finetuning.continuations(
            fit, text.train[1], Ancestral(), np.random.default_rng(seed)
        )
        for seed in (2, 2, 3)
    )
    np.testing.assert_array_equal(one, same_again)
    assert (one != other).any()


def test_streams_differ_in_everything() -> None:
    keys = [
        (seed, purpose, place, replicate, t)
        for seed in (0, 1)
        for purpose in PURPOSES
        for place in (0, 1)
        for replicate in (0, 1)
        for t in (0, 1)
    ]
    assert len({int(stream(*key).integers(2**62)) for key in keys}) == len(keys)


# ---- going on -----------------------------------------------------------------------


def test_a_run_cut_short_anywhere_ends_the_same(
    text: Material, history: Arms, tmp_path: Path
) -> None:
    config = {**CONFIG, "arms": ["ancestral", "accumulate"], "seeds": 1}
    calls = 0
    while True:
        calls += 1
        try:
            found = run_all(config, seed=3, folder=tmp_path, text=text, minutes=0)
            break
        except TimeUp:
            continue
    assert calls > 8  # each call begins one fit
    assert same(found, history, only=True)


def test_more_arms_and_generations_go_on_from_what_is_there(
    text: Material, history: Arms, tmp_path: Path
) -> None:
    small = {**CONFIG, "generations": 1, "arms": []}
    run_all(small, seed=3, folder=tmp_path, text=text)
    found = run_all(CONFIG, seed=3, folder=tmp_path, text=text)
    assert same(found, history)


def test_more_replicates_would_be_of_other_text(text: Material, folder: Path) -> None:
    with pytest.raises(ValueError, match="different: seeds"):
        run_all({**CONFIG, "seeds": 3}, seed=3, folder=folder, text=text)


def test_records_of_another_configuration_are_refused(
    text: Material, folder: Path
) -> None:
    with pytest.raises(ValueError, match="another configuration .different: model"):
        run_all({**CONFIG, "model": "other"}, seed=3, folder=folder, text=text)
    with pytest.raises(ValueError, match="different: seed"):
        run_all(CONFIG, seed=4, folder=folder, text=text)


def test_nothing_is_left_behind_without_a_folder(
    text: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = {**CONFIG, "seeds": 1, "arms": [], "generations": 1}
    found = run_all(config, seed=3, text=text)
    assert found.arms == ["a", "b", "zero-shot"]
    found = run_all(config, seed=3, text=text, only=["a-0"])
    assert found.arms == ["a"]
    with pytest.raises(TimeUp):
        run_all(config, seed=3, text=text, minutes=0)
    assert not list(tmp_path.iterdir())


def test_a_lineage_that_is_not_there_is_named(text: Material, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="no lineage a-7; this configuration has zero-shot-0, a-0"
    ):
        run_all(CONFIG, seed=3, folder=tmp_path, text=text, only=["a-0", "a-7"])


# ---- text and models ----------------------------------------------------------------


def small_config(**more: Any) -> dict[str, Any]:
    config = {
        "model": list(pretraining.SMALL),
        "corpus": "chitchat",
        "blocks": 6,
        "validation_blocks": 4,
        "test_blocks": 32,
        "batch": 8,
        "learning_rate": 1e-3,
        "final_learning_rate": 1e-4,
    }
    return {**CONFIG, "arms": [], "generations": 1, **config, **more}


def test_blocks_are_consecutive_pieces_of_the_documents() -> None:
    tokenizer = pretraining.tokenizer()
    documents = ["one two three\n" * 40, "four five six\n" * 1_000]
    blocks = human_blocks(tokenizer, documents, 5)
    assert blocks.shape == (5, 64)
    joined = tokenizer.decode(blocks.ravel())
    assert "".join(documents).startswith(joined)
    assert len(human_blocks(tokenizer, documents, 0)) > 5
    with pytest.raises(ValueError, match="10000 are needed; lower"):
        human_blocks(tokenizer, documents, 10_000)


def test_replicates_have_text_of_their_own() -> None:
    text = material(small_config())
    assert text.train.shape == (2, 6, 64)
    assert text.validation.shape == (4, 64)
    assert text.test.shape == (32, 64)
    one, other = (rows(blocks) for blocks in text.train)
    assert not one & other
    assert not (one | other) & rows(text.test)
    in_order = human_blocks(text.tokenizer, corpus("chitchat").documents, 12)
    assert rows(in_order) == one | other
    assert (in_order != text.train.reshape(12, 64)).any()  # not one talk each
    everything = material({**small_config(blocks=0, validation_blocks=0), "seeds": 2})
    assert len(everything.train[0]) > 10_000
    np.testing.assert_array_equal(everything.train[0], everything.train[1])


def test_fine_tuning_the_small_model_on_other_text_matters() -> None:
    text = material(small_config(blocks=32, validation_blocks=16))
    perplexity = [
        np.exp(
            replace(text.model, epochs=epochs)
            .fit(text.train[:1], np.random.default_rng(0))
            .nll(text.test)
            .mean()
        )
        for epochs in (0, 5)
    ]
    assert perplexity[0] < 0.5 * pretraining.RECIPE["vocabulary"]
    assert perplexity[1] < 0.8 * perplexity[0]


@pytest.fixture
def two_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the models of two sizes have random weights."""
    random = {
        size: pretraining.architecture(size)
        .fit(np.zeros((1, 1, 128), int), np.random.default_rng(0))
        .weights[0]
        for size in ((8, 1, 2), (16, 1, 2))
    }
    monkeypatch.setattr(pretraining, "pretrained", lambda size, *_: random[tuple(size)])


@pytest.mark.usefixtures("two_sizes")
@pytest.mark.parametrize(
    ("key", "values", "own", "other"),
    [
        ("sizes", [[8, 1, 2], [16, 1, 2]], (8, 1, 2), (16, 1, 2)),
        ("rates", [1e-4, 1e-3], 1e-3, 1e-4),
    ],
)
def test_variants_run_beside_and_the_own_value_is_read(
    key: str,
    values: list[Any],
    own: Any,
    other: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    config = small_config(model=[8, 1, 2], generations=2, **{key: values})
    run_all(config, seed=0, folder=tmp_path)
    seen = spied(monkeypatch)
    found = STUDY.varied(config, key, seed=0, folder=tmp_path, minutes=5)
    assert set(found) == {own, other}
    assert found[own].arms == ["a", "b", "zero-shot"]
    assert found[other].arms == ["a", "zero-shot"]
    n_generations = len(found[other].arm("a").generations)
    assert n_generations == (2 if key == "sizes" else 3)
    # The same human text, so that only the value differs.
    text = material(config)
    np.testing.assert_array_equal(seen[1][1], text.train[:1])
    model = seen[1][0]
    rate, last = model.learning_rate, model.final_learning_rate
    if key == "rates":
        assert (rate, last) == (1e-4, pytest.approx(1e-5))
    else:
        assert (model.width, rate, last) == (16, 1e-3, pytest.approx(1e-4))


def test_controls_share_the_text_of_the_published_arms() -> None:
    with pytest.raises(ValueError, match="arm_seeds is 3; it must be at most seeds"):
        material(small_config(arm_seeds=3))


def tiny_opt(folder: Path) -> Path:
    """A tiny OPT as our fetch stores one, with random weights."""
    from safetensors.torch import save_file

    from collapse_lib.models.language import network as networks
    from collapse_lib.models.pretrained import opt as opt_weights

    tokenizer = pretraining.tokenizer()
    sizes = networks.Architecture(len(tokenizer), 130, 16, 2, 4, 32, 0.0)
    folder.mkdir()
    tokenizer.save(folder / "tokenizer.json")
    config = {
        "model_type": "opt",
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "word_embed_proj_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 32,
        "max_position_embeddings": 130,
        "do_layer_norm_before": True,
        "activation_function": "relu",
        "eos_token_id": tokenizer.end,
    }
    (folder / "config.json").write_text(json.dumps(config))
    weights = opt_weights.to_opt(networks.random(sizes, seed=0))
    save_file(weights, folder / "model.safetensors")
    return folder


def test_a_pretrained_model_by_name_runs_from_end_to_end(tmp_path: Path) -> None:
    model = str(tiny_opt(tmp_path / "opt"))
    config = small_config(model=model, seeds=1, learning_rate=1e-3)
    text = material(config)
    assert text.model.end == text.tokenizer.end
    assert (text.model.cosine, text.model.weight_decay) == ("epoch", 0.01)
    found = run_all(config, seed=0, folder=tmp_path / "run", text=text)
    assert found.arms == ["a", "b", "zero-shot"]
    (before,), (after, _) = (
        found.arm(arm).array("test_loss")[:, 0].mean(axis=1)
        for arm in ("zero-shot", "a")
    )
    assert after < before
    written = lineage(found, "a", 0)[1]["text"]
    assert written.shape == (6, 64)
    assert not (written == text.model.end).any()


# ---- weights that come with the library ---------------------------------------------


def test_the_stored_model_has_read_an_encyclopedia() -> None:
    weights = pretraining.pretrained(pretraining.SMALL)
    assert weights.size == pretraining.n_weights(pretraining.SMALL)
    model = replace(pretraining.architecture(pretraining.SMALL), init=weights, epochs=0)
    tokenizer = pretraining.tokenizer()
    prose = "The city was founded in the 12th century and became part of the empire. "
    talk = "haha yeah idk lol what u up to? hey!! nm wbu omg im so tired rn "
    losses = [
        model.fit(blocks[None], np.random.default_rng(0)).nll(blocks).mean()
        for blocks in (tokenizer.blocks([line * 20], 32)[:1] for line in (prose, talk))
    ]
    assert losses[0] < losses[1] - 0.5


def test_weights_are_trained_once_and_then_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    size, calls = (8, 1, 2), []
    trained = np.random.default_rng(0).normal(size=pretraining.n_weights(size))

    def pretrain(size: tuple[int, ...], **settings: Any) -> np.ndarray:
        calls.append((size, settings))
        return trained.astype(np.float32)

    monkeypatch.setattr(pretraining, "pretrain", pretrain)
    first = pretraining.pretrained(size, tmp_path, precision="bfloat16")
    np.testing.assert_array_equal(first, pretraining.pretrained(size, tmp_path))
    np.testing.assert_allclose(first, trained, atol=2e-3)
    assert calls == [(size, {"precision": "bfloat16"})]
    (path,) = tmp_path.iterdir()
    with pytest.raises(ValueError, match="its size is 8x1x2, needed is 16x1x2"):
        pretraining.load(path, (16, 1, 2))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="is damaged"):
        pretraining.load(path, size)


def test_a_small_model_can_be_pretrained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Few:
        documents = ("The cat sat on the mat. " * 200,)

    monkeypatch.setattr(pretraining, "corpus", lambda *_: Few)
    monkeypatch.setitem(pretraining.RECIPE, "epochs", 1)
    weights = pretraining.pretrain((8, 1, 2))
    assert weights.shape == (pretraining.n_weights((8, 1, 2)),)


# ---- the script ---------------------------------------------------------------------


def test_the_script_stops_in_time_and_goes_on(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "run_study.py"
    command = [sys.executable, str(script), "09", "ci", str(tmp_path)]
    command += ["--only", "a-0", "zero-shot-0"]
    done = subprocess.run(
        [*command, "--minutes", "0"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "to be continued" in done.stdout
    config = notebooks.chapters(ROOT)["09"].scales["ci"]
    stored = json.loads((tmp_path / "study.json").read_text())
    assert {**config, "seed": 9} == stored["config"]
    (note,) = tmp_path.glob("calls-*.json")
    assert json.loads(note.read_text())["seconds"] > 0
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout
    run = STUDY.read(tmp_path).arm("a")
    assert len(run.generations) == 1 + config["generations"]
    # Its numbers, with where they come from, as the chapter stores those of a scale.
    path = tmp_path / "numbers" / "so-far.json"
    assert run_study.main(["09", "ci", str(tmp_path), "--store", str(path)]) == 0
    result = results.load(path, {"ci": config})
    found = np.array(result.numbers["a_perplexity"])
    expected = np.exp(run.array("test_loss").mean(axis=-1)).T
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert "torch" in result.device and result.seed == 9 and result.seconds > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["21", "ci"], "there is no chapter '21'"),
        (["03", "ci"], "no cell of the notebook defines 'study'"),
        (["09", "big"], "choose from ci, laptop, paper"),
        (
            ["09", "ci", "--minutes", "-1"],
            "--minutes is -1.0; it must be a number >= 0",
        ),
        (["09", "ci", "--minutes", "nan"], "--minutes is nan; it must be a number"),
    ],
)
def test_the_script_says_what_there_is(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_study.main([*arguments, "unused"])
    assert said in f"{stopped.value}{capsys.readouterr().err}"


def test_the_script_leaves_a_folder_of_another_run_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"format": 2}')
    with pytest.raises(SystemExit, match="of another version.*delete this one to"):
        run_study.main(["09", "ci", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]
    file = tmp_path / "study.json"
    with pytest.raises(SystemExit, match="which is a file; give a folder"):
        run_study.main(["09", "ci", str(file)])


def test_only_what_a_name_needs_is_run() -> None:
    code = [
        "import math, no_such_module\nfrom json import loads as read, no_such_name",
        "raise ValueError('not needed')\nHALF = 0.5\na, b = read('[1, 2]')",
        "def area(r):\n    return math.pi * r**2 * HALF\nfound = area(b)",
    ]
    assert run_study.defined(code, "found") == pytest.approx(2 * np.pi)
    with pytest.raises(SystemExit, match="defines 'missing'"):
        run_study.defined(code, "missing")


def test_a_notebook_may_name_configurations_beside_its_scales() -> None:
    scales = {"ci": {"n": 1}}
    code = ["SCALES = {'ci': {'n': 1}}"]
    assert run_study.configurations(code, scales) == scales
    code.append("BESIDE = {'pretrained': {'n': 2 * SCALES['ci']['n']}}")
    found = run_study.configurations(code, scales)
    assert found == {"ci": {"n": 1}, "pretrained": {"n": 2}}
