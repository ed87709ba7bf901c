"""The transformer: it learns a known law, and runs in every regime."""

from __future__ import annotations

import math
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from collapse_lib import models, recurse, regimes
from collapse_lib.models.language import network as networks
from collapse_lib.models.language import training
from collapse_lib.models.language.decoding import Beam, Greedy
from collapse_lib.models.weights import pack, unpack
from collapse_lib.theory import confidence

START = 8
# A language of eight tokens, small enough for a fit in a fraction of a second.
TINY = models.Transformer(
    vocabulary=9,
    context=24,
    width=16,
    layers=2,
    heads=2,
    epochs=1,
    batch=8,
    start=START,
)
CHAIN = np.random.default_rng(0).dirichlet(np.full(8, 0.3), size=8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def text(n: int, length: int = 10, seed: int = 0) -> np.ndarray:
    """Blocks of a Markov chain: the law that a model can learn is known."""
    random = rng(seed)
    tokens = np.empty((n, length), np.int64)
    tokens[:, 0] = random.integers(8, size=n)
    for t in range(1, length):
        sums = CHAIN[tokens[:, t - 1]].cumsum(1)
        tokens[:, t] = (sums < random.random((n, 1))).sum(1).clip(0, 7)
    return tokens


REAL = text(48)


# ---- what is learned ----------------------------------------------------------------


def test_it_learns_the_law_of_a_markov_chain() -> None:
    model = replace(TINY, epochs=5, batch=20, learning_rate=1e-2)
    fitted = model.fit(text(1_500)[None], rng())
    test = text(1_000, seed=1)
    # The chain's own surprise at the test text: no model can do better on average.
    steps = -np.log(CHAIN[test[:, :-1], test[:, 1:]])
    own = np.concatenate([np.full((1_000, 1), math.log(8)), steps], axis=1).mean(1)
    excess = fitted.nll(test)[0] - own
    assert excess.mean() < 0.02
    assert excess.mean() > -4 * excess.std() / math.sqrt(1_000)
    untrained = replace(model, epochs=0).fit(text(8)[None], rng()).nll(test).mean()
    assert untrained == pytest.approx(math.log(9), abs=0.05)


def test_the_network_reads_only_the_past() -> None:
    network = networks.random(TINY.sizes, seed=0)
    tokens = torch.from_numpy(text(4))
    other = tokens.clone()
    other[:, 6:] = (other[:, 6:] + 1) % 8
    before, after = network(tokens), network(other)
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().amax(-1).min() > 1e-4


def test_the_number_of_weights_is_that_of_the_formula() -> None:
    sizes = networks.Architecture(50_272, 2_048, 768, 12, 12, 3_072)
    with torch.device("meta"):
        network = networks.Network(sizes)
    # facebook/opt-125m; its positions have two unused rows.
    assert sum(w.numel() for w in network.parameters()) == 125_239_296


def test_the_loss_counts_every_predicted_token_once() -> None:
    network = networks.random(TINY.sizes, seed=0)
    blocks = text(5)
    x, y = training.inputs_and_targets(torch.from_numpy(blocks), START)
    assert (x[:, 0] == START).all() and (x[:, 1:] == y[:, :-1]).all()
    assert (y.numpy() == blocks).all()
    expected = -F.log_softmax(network(x), -1).gather(2, y[:, :, None])[:, :, 0].mean(1)
    found = training.block_losses(network, blocks, TINY)
    np.testing.assert_allclose(found, expected.detach(), rtol=1e-5)
    x, y = training.inputs_and_targets(torch.from_numpy(blocks), None)
    assert (x.numpy() == blocks[:, :-1]).all() and (y.numpy() == blocks[:, 1:]).all()


def test_a_batch_in_parts_has_the_gradient_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gradients = []
    for at_once in (1_000, 25):
        monkeypatch.setitem(training.TOKENS_AT_ONCE, "cpu", at_once)
        network = networks.random(TINY.sizes, seed=0)
        x, y = training.inputs_and_targets(torch.from_numpy(text(7)), START)
        total = training._gradient(network, x, y, TINY)
        gradients.append([w.grad for w in network.parameters()])
        loss = F.cross_entropy(network(x).flatten(0, 1), y.flatten())
        assert total.item() / y.numel() == pytest.approx(loss.item(), rel=1e-5)
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_loss_has_the_derivatives_of_a_plain_cross_entropy(
    kind: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(training.SCORED_AT_ONCE, "cpu", 4)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(11, 8, generator=generator).to(kind).requires_grad_()
    weight = torch.randn(50, 8, generator=generator).requires_grad_()
    targets = torch.randint(50, (11,), generator=generator)
    found = training.CrossEntropy.apply(hidden, weight, targets)
    plain = F.cross_entropy(hidden.float() @ weight.t(), targets, reduction="sum")
    near = (
        {"rtol": 1e-5, "atol": 1e-6}
        if kind == torch.float32
        else {"rtol": 0.05, "atol": 0.05}
    )
    assert found.item() == pytest.approx(plain.item(), rel=near["rtol"])
    gradients = [
        torch.autograd.grad(3 * loss, (hidden, weight)) for loss in (found, plain)
    ]
    for ours, theirs in zip(*gradients, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, **near)


@pytest.mark.parametrize("truncate", [0.05, 0.3, 0.9])
def test_tokens_that_the_network_is_sure_of_do_not_count(truncate: float) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(300, 8, generator=generator, requires_grad=True)
    weight = torch.randn(11, 8, generator=generator, requires_grad=True)
    targets = torch.randint(11, (300,), generator=generator)
    found = training.CrossEntropy.apply(hidden, weight, targets, truncate)
    losses = F.cross_entropy(hidden @ weight.t(), targets, reduction="none")
    counted = torch.exp(-losses) <= truncate
    assert 0 < counted.sum() < 300
    plain = losses[counted].sum()
    assert found.item() == pytest.approx(plain.item(), rel=1e-5)
    gradients = [torch.autograd.grad(loss, (hidden, weight)) for loss in (found, plain)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_truncated_training_stops_where_the_table_does() -> None:
    """One token after the start: the network can only learn its frequencies."""
    blocks = np.repeat([2, 3, 4], [140, 40, 20])[None, :, None]
    model = replace(TINY, epochs=60, batch=50, learning_rate=3e-2, truncate=0.5)
    fitted = model.fit(blocks, np.random.default_rng(1))
    p = np.exp(-fitted.nll(np.array([[2], [3], [4]])))[0]
    expected = confidence.truncated([0.7, 0.2, 0.1], 0.5)
    np.testing.assert_allclose(p, expected, atol=0.06)


def test_weights_can_be_extrapolated_away_from_own_text() -> None:
    base = TINY.fit(REAL[None], rng())
    own = TINY.fit(base.sample(20, rng()), rng(1))
    moved = regimes.Extrapolated(base, 0.5)(own)
    expected = 1.5 * base.weights - 0.5 * own.weights
    np.testing.assert_allclose(moved.weights, expected, atol=1e-6)
    assert moved.sample(3, rng()).shape == (1, 3, 10)


def test_short_and_long_blocks_get_the_same_attention(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = networks.random(TINY.sizes, seed=0)
    x, y = training.inputs_and_targets(torch.from_numpy(text(7)), START)
    gradients = []
    for short in (0, 256):
        monkeypatch.setattr(networks, "SHORT", short)
        loss = F.cross_entropy(network(x).flatten(0, 1), y.flatten())
        gradients.append(torch.autograd.grad(loss, list(network.parameters())))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_the_loss_of_a_token_without_probability_is_finite() -> None:
    hidden = torch.tensor([[1.0, 0.0]], requires_grad=True)
    weight = torch.tensor([[500.0, 0.0], [0.0, 0.0]])  # exp(-500) is 0 in float32
    loss = training.CrossEntropy.apply(hidden, weight, torch.tensor([1]))
    assert loss.item() == 500
    assert torch.autograd.grad(loss, hidden)[0].tolist() == [[500.0, 0.0]]


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back like this"
)
def test_memory_that_training_frees_stays_with_the_process() -> None:
    """In a process of its own: what it keeps depends on all it did before."""
    code = """
import ctypes, resource
import numpy as np
from collapse_lib.models import Transformer

libc, size = ctypes.CDLL(None), ctypes.c_size_t(10 * 2**20)
libc.malloc.restype = ctypes.c_void_p

def new_pages():
    start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [ctypes.c_void_p(libc.malloc(size)) for _ in range(4)]
    for block in blocks:
        ctypes.memset(block, 1, size.value)
    for block in blocks:
        libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

print([new_pages() for _ in range(3)][-1])
model = Transformer(vocabulary=8, context=8, width=8, heads=2, epochs=1, start=7)
model.fit(np.zeros((1, 2, 4), int), np.random.default_rng(0))
print([new_pages() for _ in range(3)][-1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert before > 10_000  # 40 MiB, taken anew each time
    assert after < 100


@pytest.mark.parametrize("cosine", ["step", "epoch"])
def test_the_learning_rate_follows_the_cosine(
    cosine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    step = torch.optim.AdamW.step

    def spy(optimizer: torch.optim.AdamW) -> None:
        seen.append(optimizer.param_groups[0]["lr"])
        step(optimizer)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    model = replace(
        TINY, epochs=4, batch=24, learning_rate=3e-3, final_learning_rate=1e-3
    )
    replace(model, cosine=cosine).fit(REAL[None], rng())
    done = np.arange(8) / 2 if cosine == "step" else np.repeat(np.arange(4), 2)
    np.testing.assert_allclose(seen, 2e-3 + 1e-3 * np.cos(np.pi * done / 4))


def test_the_best_epoch_on_the_original_text_is_kept() -> None:
    # Few blocks, many steps: the model soon knows them by heart.
    model = replace(TINY, epochs=30, learning_rate=2e-2, cosine="epoch", batch=2)
    fitted = replace(model, validation=text(64, seed=2)).fit(REAL[None, :6], rng())
    losses = fitted.validation_losses[0]
    assert losses.argmin() < 20 and losses[-1] > losses.min() + 0.1
    kept = fitted.nll(text(64, seed=2)).mean()
    assert kept == pytest.approx(losses.min(), rel=1e-6)
    last = model.fit(REAL[None, :6], rng())
    assert np.isnan(last.validation_losses).all()
    assert last.nll(text(64, seed=2)).mean() > kept + 0.1


def test_bfloat16_learns_the_same_within_its_precision() -> None:
    model = replace(TINY, epochs=3, learning_rate=5e-3)
    full = model.fit(REAL[None], rng()).losses
    half = replace(model, precision="bfloat16").fit(REAL[None], rng()).losses
    assert (half != full).all()
    np.testing.assert_allclose(half, full, rtol=0.02)


def test_training_that_diverges_says_so() -> None:
    with pytest.raises(ValueError, match="training diverged.*lower learning_rate"):
        replace(TINY, learning_rate=1e30, epochs=3).fit(REAL[None], rng())


# ---- where a fit begins -------------------------------------------------------------


def test_every_fit_starts_from_the_given_weights_again() -> None:
    model0 = TINY.fit(REAL[None], rng())
    again = replace(TINY, init=model0.weights[0], epochs=0)
    for seed in (1, 2):
        assert (
            again.fit(text(9, seed=seed)[None], rng(seed)).weights == model0.weights
        ).all()
    further = replace(again, epochs=1, learning_rate=1e-6).fit(REAL[None], rng())
    assert np.abs(further.weights - model0.weights).max() < 1e-4
    with pytest.raises(ValueError, match=r"shape \(5,\), this network has .* weights"):
        replace(TINY, init=np.zeros(5, np.float32)).fit(REAL[None], rng())


def test_weights_survive_packing() -> None:
    network = networks.random(TINY.sizes, seed=1)
    other = unpack(networks.empty(TINY.sizes), pack(network))
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


# ---- randomness ---------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits_and_another_one_others() -> None:
    model = replace(TINY, dropout=0.1)
    once, again, other = (model.fit(REAL[None], rng(seed)) for seed in (0, 0, 1))
    assert (once.weights == again.weights).all()
    assert (once.weights != other.weights).mean() > 0.9
    assert (once.sample(9, rng(5)) == again.sample(9, rng(5))).all()
    assert (once.sample(9, rng(5)) != again.sample(9, rng(6))).any()


def test_dropout_acts_in_training_only() -> None:
    plain = TINY.fit(REAL[None], rng())
    dropped = replace(TINY, dropout=0.5).fit(REAL[None], rng())
    assert (plain.weights != dropped.weights).mean() > 0.5
    assert (dropped.nll(REAL) == dropped.nll(REAL)).all()


def test_torchs_global_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    replace(TINY, dropout=0.1).fit(REAL[None], rng()).sample(3, rng())
    assert torch.equal(before, torch.random.get_rng_state())


def test_chains_are_independent() -> None:
    both = TINY.fit(np.stack([REAL, REAL]), rng())
    assert (both.weights[0] != both.weights[1]).mean() > 0.9
    assert both.sample(4, rng()).shape == (2, 4, 10)
    assert both.nll(REAL).shape == (2, 48)
    own = np.stack([REAL, REAL[::-1]])
    np.testing.assert_allclose(both.nll(own)[1], both.nll(REAL)[1, ::-1], rtol=1e-5)


# ---- what is written ----------------------------------------------------------------


def learned(**settings: object) -> models.FittedLanguageModel:
    model = replace(TINY, epochs=4, learning_rate=1e-2)
    # Longer blocks first, so that the positions after a prompt are trained.
    longer = model.fit(text(200, length=20)[None], rng())
    model = replace(model, init=longer.weights[0], epochs=1, **settings)
    return model.fit(REAL[None], rng())


def test_each_prompt_is_continued_once() -> None:
    prompts = text(30, length=6, seed=3)
    fitted = learned(prompts=prompts, decoder=Greedy(), end=START)
    written = fitted.sample(30, rng())[0]
    network = fitted.network(0)
    starts = np.full((30, 1), START)
    tokens = torch.from_numpy(np.concatenate([starts, prompts], axis=1))
    expected = Greedy().generate(
        network, tokens, 10, generator=torch.Generator(), end=START
    )
    in_some_order = sorted(written.tolist())
    assert in_some_order == sorted(expected.tolist())
    assert written.tolist() != expected.tolist()
    assert START not in written


def test_prompts_are_used_again_only_by_decoders_that_draw() -> None:
    prompts = text(4, length=3)
    fitted = learned(prompts=prompts)
    chosen = fitted._prompts(10, rng())
    counts = np.unique(chosen, axis=0, return_counts=True)[1]
    assert chosen.shape == (10, 4) and counts.sum() == 10 and counts.min() >= 2
    fitted = replace(fitted, model=replace(fitted.model, decoder=Beam(2)))
    with pytest.raises(ValueError, match="10 blocks .* only 4 prompts.*Ancestral"):
        fitted.sample(10, rng())


def test_without_prompts_and_start_nothing_can_be_written() -> None:
    fitted = replace(TINY, start=None).fit(REAL[None], rng())
    with pytest.raises(ValueError, match="neither prompts nor a start token"):
        fitted.sample(3, rng())


def test_a_temperature_makes_what_is_likely_likelier() -> None:
    fitted = learned()
    cold, warm = fitted.temper(0.3), fitted.temper(0.3).temper(1 / 0.3)
    assert fitted.nll(cold.sample(100, rng())[0]).mean() < 0.8 * (
        fitted.nll(fitted.sample(100, rng())[0]).mean()
    )
    assert warm.model.decoder.temperature == pytest.approx(1)
    with pytest.raises(ValueError, match=r"Greedy.* has no temperature"):
        replace(fitted, model=replace(TINY, decoder=Greedy())).temper(0.5)


# ---- the regimes --------------------------------------------------------------------

REGIMES = {
    "Replace": regimes.Replace(),
    "Replace, tempered": regimes.Replace(bias=regimes.Temperature(0.5)),
    "Accumulate": regimes.Accumulate(),
    "AccumulateSubsample": regimes.AccumulateSubsample(),
    "Augment": regimes.Augment(),
    "Mix": regimes.Mix(0.5, 0.25, 0.25),
}
SIZES = {"Accumulate": [16, 32, 48], "Augment": [16, 32, 32]}


@pytest.mark.parametrize("name", REGIMES)
def test_every_regime(name: str) -> None:
    seen: list[int] = []

    class Counting(models.Transformer):
        def fit(self, data, random):  # type: ignore[no-untyped-def]
            array = data.points if hasattr(data, "points") else data
            seen.append(array.shape[1])
            return super().fit(data, random)

    model = Counting(
        vocabulary=9, context=12, width=8, layers=1, heads=2, epochs=1, start=START
    )
    history = recurse(
        model,
        REAL[:16],
        regime=REGIMES[name],
        n_samples=16,
        n_generations=2,
        chains=2,
        measure={"nll": lambda fit: fit.nll(REAL).mean(1)},
        rng=rng(),
    )
    assert np.isfinite(history.array("nll")).all()
    assert seen == SIZES.get(name, [16, 16, 16])


def test_fresh_real_text_comes_from_a_fitted_model() -> None:
    source = TINY.fit(REAL[None], rng())
    history = recurse(
        TINY,
        source,
        regime=regimes.Fresh(n_real=5),
        n_samples=20,
        n_generations=1,
        chains=2,
        measure={"loss": lambda fit: fit.losses[:, -1]},
        rng=rng(),
    )
    assert np.isfinite(history.array("loss")).all()
    two = TINY.fit(np.stack([REAL, REAL]), rng())
    with pytest.raises(ValueError, match="has 2 chains; it cannot serve 3"):
        two.expand(3)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(
    goes_on: Callable[..., None],
) -> None:
    longer = TINY.fit(text(9, length=20)[None], rng()).weights[0]

    def run(measure: Callable[..., np.ndarray], path: Path | None) -> np.ndarray:
        return recurse(
            replace(TINY, init=longer, prompts=REAL, validation=REAL),
            REAL,
            regime=regimes.Mix(0.5, 0.25, 0.25),
            n_samples=20,
            n_generations=3,
            measure={"nll": measure},
            rng=rng(),
            checkpoint=path,
        ).array("nll")

    goes_on(lambda fit: fit.nll(REAL).mean(1), run)


def test_a_checkpoint_tells_models_with_other_arrays_apart() -> None:
    names = {repr(replace(TINY, prompts=text(3_000, seed=s))) for s in (0, 0, 1)}
    assert len(names) == 2
    assert "sha256" in min(names)


# ---- wrong input --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"epochs": -1}, "epochs is -1; it must be an integer >= 0"),
        ({"cosine": "day"}, "cosine is 'day'; allowed: 'step', 'epoch'"),
        ({"precision": "float16"}, "precision is 'float16'; allowed"),
        ({"heads": 3}, "width 16 is not a multiple of heads 3"),
        ({"dropout": 1.0}, "dropout is 1; it must be below"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be a number > 0"),
        ({"dropout": "much"}, "dropout is 'much'; it must be a number from 0 to 1"),
        ({"hidden": 0}, "hidden is 0; it must be an integer >= 1"),
        (
            {"final_learning_rate": -1.0},
            "final_learning_rate is -1.0; it must be a num",
        ),
        ({"weight_decay": math.nan}, "weight_decay is nan; it must be a number >= 0"),
        ({"start": "<s>"}, "start is '<s>'; it must be an integer >= 0"),
        ({"end": -1}, "end is -1; it must be an integer >= 0"),
        (
            {"decoder": Greedy},
            "decoder is the class Greedy, not an object made with it",
        ),
        ({"decoder": "beam"}, "decoder is 'beam'; it must be Ancestral"),
        ({"device": "gpu"}, "device is 'gpu'; allowed: 'cpu', 'cuda'"),
        ({"device": None}, "device is None; allowed"),
        ({"device": "mps"}, "device is 'mps'; allowed"),
        ({"validation": ["a text"]}, r"validation is \['a text'\]; numbers are needed"),
        ({"validation": np.zeros((0, 4), int)}, r"validation is empty: its shape is"),
        (
            {"prompts": [[0.5]]},
            "prompts holds float64 values; symbols must be integers",
        ),
        ({"init": "weights"}, "init is 'weights'; numbers are needed"),
        (
            {"init": np.zeros((1, 5))},
            r"init has shape \(1, 5\); it must be the weights",
        ),
        ({"prompts": np.arange(4)}, r"prompts has shape \(4,\).*\(n, length\)"),
    ],
)
def test_wrong_settings_are_named(setting: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(TINY, **setting)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            np.full((1, 2, 4), 9),
            "data holds symbols from 9 to 9; allowed: 0 to 8: use the tok",
        ),
        (np.full((1, 2, 4), -1), "data holds symbols from -1 to -1"),
        (np.zeros((1, 2, 4)), "data holds float64 values; symbols must be integers"),
        (np.zeros((2, 4), int), r"data has shape \(2, 4\)"),
        (
            models.GaussianSummary(3, np.zeros(1), np.ones(1)),
            "Transformer cannot be fitted to GaussianSummary",
        ),
    ],
)
def test_what_is_no_text_is_refused(data: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TINY.fit(data, rng())


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"start": 9}, "start is 9; it must be an integer from 0 to 8"),
        ({"end": 9}, "end is 9; it must be an integer from 0 to 8"),
        ({"decoder": Beam(10)}, "beams is 10, and the model knows 9 tokens"),
        (
            {"validation": [[9]]},
            "validation holds symbols from 9 to 9; allowed: 0 to 8",
        ),
        ({"validation": text(2, length=25)}, "validation blocks of 25 tokens after 1"),
        ({"init": [math.nan]}, "init holds 1 values that are NaN or infinite"),
        ({"init": [0.0]}, r"shape \(1,\), this network has .* weights"),
        ({"device": "cuda:99"}, "device is 'cuda:99', which this machine has not"),
    ],
)
def test_settings_that_do_not_fit_are_named_before_training(
    setting: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing is trained")

    monkeypatch.setattr(training, "train", never)
    with pytest.raises(ValueError, match=says):
        replace(TINY, **setting).fit(REAL[None], rng())


def test_one_token_alone_has_nothing_to_predict() -> None:
    alone = replace(TINY, start=None, epochs=0, prompts=REAL[:, :1])
    for wrong in (REAL[None, :, :1], REAL):
        model = alone if wrong.ndim == 3 else replace(alone, validation=REAL[:, :1])
        with pytest.raises(
            ValueError, match=": without a start token .* of 1 nothing is left"
        ):
            model.fit(wrong if wrong.ndim == 3 else wrong[None], rng())
    fitted = replace(alone, prompts=None).fit(REAL[None], rng())
    with pytest.raises(ValueError, match="^blocks: without a start token"):
        fitted.nll(REAL[:, :1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64, list])
def test_tokens_of_every_integer_type_train_the_same(dtype: Any) -> None:
    def of(blocks: np.ndarray) -> Any:
        return blocks.tolist() if dtype is list else blocks.astype(dtype)

    plain = replace(TINY, validation=REAL).fit(REAL[None], rng())
    other = replace(TINY, validation=of(REAL)).fit(of(REAL[None]), rng())
    np.testing.assert_array_equal(plain.weights, other.weights)
    np.testing.assert_array_equal(plain.nll(REAL), other.nll(of(REAL)))
    written = [fit.continuations(of(REAL[:3]), rng()) for fit in (plain, other)]
    np.testing.assert_array_equal(*written)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda fit: fit.sample(0, rng()), "n is 0; it must be an integer >= 1"),
        (lambda fit: fit.sample(2, 7), r"rng is 7; pass np\.random\.default_rng"),
        (
            lambda fit: fit.continuations("a text", rng()),
            "prompts is 'a text'; numbers",
        ),
        (lambda fit: fit.continuations(REAL[0], rng()), r"prompts has shape \(10,\)"),
        (
            lambda fit: fit.continuations([[9]], rng()),
            "prompts holds symbols from 9 to",
        ),
        (lambda fit: fit.continuations([[]], rng()), "prompts is empty"),
        (lambda fit: fit.continuations([[1]], rng(), 1), "chain is 1; .* from 0 to 0"),
        (lambda fit: fit.continuations(text(2, length=16), rng()), "context is 24"),
        (lambda fit: fit.nll([[-1]]), "blocks holds symbols from -1 to -1"),
        (lambda fit: fit.nll(REAL[None].repeat(3, 0)), r"needed is \(n, length\) or"),
        (lambda fit: fit.nll(text(2, length=30)), "sequences of 30 tokens do not fit"),
        (lambda fit: fit.network(-1), "chain is -1; it must be an integer from 0 to 0"),
        (lambda fit: fit.temper(math.nan), "temperature is nan; it must be a number"),
        (lambda fit: replace(fit, block=0), "block is 0; it must be an integer >= 1"),
        (
            lambda fit: replace(fit, model=TINY.fit),
            "model is the function fit; it must",
        ),
        (lambda fit: replace(fit, weights=fit.weights[0]), "the shapes of weights"),
    ],
)
def test_questions_that_do_not_fit_are_refused(call: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call(replace(TINY, epochs=0).fit(REAL[None], rng()))


def test_blocks_that_do_not_fit_the_context_are_refused_before_training() -> None:
    with pytest.raises(ValueError, match="blocks of 30 tokens.* context is 24"):
        TINY.fit(text(2, length=30)[None], rng())
    with pytest.raises(ValueError, match="context is 24"):
        replace(TINY, prompts=text(3, length=16)).fit(REAL[None], rng())


def test_positions_that_training_never_sees_are_refused() -> None:
    prompts = text(3, length=10)
    random = replace(TINY, prompts=prompts, epochs=1)
    with pytest.raises(ValueError, match="positions up to 20.* trains only 10"):
        random.fit(REAL[None], rng())
    longer = TINY.fit(text(30, length=22)[None], rng())
    replace(random, init=longer.weights[0]).fit(REAL[None], rng()).sample(3, rng())


def test_only_language_models_import_what_they_need() -> None:
    code = (
        "import sys, collapse_lib as c, collapse_lib.data.tokenizer;"
        "c.models.NGram(9);"
        "heavy = ('torch', 'tokenizers', 'transformers', 'safetensors');"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
