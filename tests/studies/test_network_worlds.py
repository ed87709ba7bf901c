"""The two worlds with networks: what is looked at, judged, rare, and not there."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from collapse_lib import models, regimes
from collapse_lib.data.digits import mnist
from collapse_lib.models.weights import pack
from collapse_lib.studies import network_worlds, small_worlds, worlds
from collapse_lib.studies.bench import Arm, Bench
from collapse_lib.studies.dense_autoencoder import DenseAutoencoder
from collapse_lib.studies.looks import in_turn
from collapse_lib.studies.small_transformers import SideBySide, losses

NAMES = ("autoencoder", "transformer")


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Let the judge of digits look at them once: a judge is a judge."""
    kept = (network_worlds._digits, network_worlds.autoencoder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_worlds, "LONG", 1)
        for one in kept:
            one.cache_clear()
        yield
    for one in kept:
        one.cache_clear()


def drawn(place, n, rng):
    return place.people.sample(n, rng)


def replaced(place):
    return place.loop(regimes.Replace(bias=place.bias))


@pytest.mark.parametrize("n", [3, 10, 25])
def test_every_point_is_looked_at_equally_often_and_in_another_order(n):
    seen = in_turn(n, 20, 2, np.random.default_rng(0))
    assert seen.shape == (2, 20)
    for own in seen:
        _, times = np.unique(own, return_counts=True)
        assert set(own) <= set(range(n))
        assert times.max() - times.min() <= 1 and len(times) == min(n, 20)
    assert (seen[0] != seen[1]).any()


def talker(**settings):
    """Return a transformer that is trained in no time."""
    usual = {"vocabulary": 9, "context": 7, "width": 8, "layers": 2, "heads": 2}
    return models.Transformer(**usual | {"batch": 4, "start": 8, "end": 8} | settings)


def test_transformers_side_by_side_have_the_losses_of_the_library():
    """Token by token, of two chains, against the network that writes."""
    rng = np.random.default_rng(0)
    data = rng.integers(8, size=(2, 12, 6))
    fitted = SideBySide(talker(), 40).fit(data, rng)
    named = [dict(fitted.network(chain).named_parameters()) for chain in (0, 1)]
    weights = {name: torch.stack([one[name] for one in named]) for name in named[0]}
    with torch.no_grad():
        found = losses(weights, torch.from_numpy(data), talker()).mean(2).numpy()
    assert found == pytest.approx(fitted.nll(data), abs=1e-5)


def test_a_step_is_one_of_the_library():
    """One look at one batch, from the same weights: the same gradient and step."""
    rng = np.random.default_rng(1)
    data = rng.integers(8, size=(2, 4, 6))
    model = talker(epochs=1, learning_rate=1e-3)
    together = SideBySide(model, 4).fit(data, np.random.default_rng(2))
    seeds = np.random.default_rng(2)
    in_turn(4, 4, 2, seeds)
    for chain, seed in enumerate(seeds.integers(2**62, size=2)):
        begin = pack(model.network(int(seed)))
        alone = replace(model, init=begin).fit(data[chain : chain + 1], rng)
        assert (alone.weights[0] != begin).any()
        assert together.weights[chain] == pytest.approx(alone.weights[0], abs=1e-6)


def test_what_the_network_is_sure_of_does_not_count_in_a_truncated_loss():
    """Blocks of one word: without truncation it is soon certain, with it it is not."""
    data = np.zeros((1, 8, 6), np.int64)
    sure, unsure = (
        SideBySide(talker(truncate=most, learning_rate=1e-2), 400)
        .fit(data, np.random.default_rng(3))
        .nll(data)
        .mean()
        for most in (1.0, 0.5)
    )
    assert sure < 0.1 < unsure


def small(**settings):
    """Return an autoencoder that is fitted in no time."""
    return DenseAutoencoder(**{"looks": 40, "hidden": 5, "latents": 3} | settings)


def digits(chains, n, seed=0):
    """Return binary digits, ``(chains, n, 14, 14)``."""
    rng, grey = np.random.default_rng(seed), network_worlds.halved(mnist().images)
    chosen = grey[: chains * n].reshape(chains, n, 14, 14)
    return network_worlds.binary(chosen, rng)


def test_the_loss_of_an_image_is_what_a_loop_over_pixels_says():
    """By hand, in float64: encode, decode, cross-entropy and divergence."""
    fitted = small().fit(digits(2, 20), np.random.default_rng(1))
    images = digits(2, 3, seed=2)
    found = fitted.at_the_mean(images)
    for chain, own in enumerate(images):
        w = {k: one[chain].astype(np.float64) for k, one in fitted.weights.items()}
        for image, loss in zip(own, found[chain], strict=True):
            x = image.ravel().astype(np.float64)
            hidden = np.maximum(x @ w["in"][:-1] + w["in"][-1], 0)
            code = hidden @ w["code"][:-1] + w["code"][-1]
            mean, log_variance = code[:3], code[3:]
            hidden = np.maximum(mean @ w["out"][:-1] + w["out"][-1], 0)
            p = 1 / (1 + np.exp(-(hidden @ w["pixels"][:-1] + w["pixels"][-1])))
            surprise = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum()
            away = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum() / 2
            assert loss == pytest.approx(surprise + away, rel=1e-4)


def test_the_bound_is_above_the_surprise_that_many_latents_give():
    """log of the mean of p(x | z) p(z) / q(z | x), by importance sampling."""
    fitted = small(looks=2_000, hidden=16, latents=2).fit(
        digits(1, 60), np.random.default_rng(3)
    )
    images = digits(1, 30, seed=4)
    rng = np.random.default_rng(5)
    bounds = np.stack([fitted.bound(images, rng) for _ in range(200)])
    tight = -np.log(np.exp(-(bounds - bounds.min(0))).mean(axis=0)) + bounds.min(0)
    error = bounds.mean(axis=2).std(ddof=1) / np.sqrt(200)
    assert bounds.mean() > tight.mean() + 4 * error


def test_chains_learn_nothing_from_each_other():
    """A chain has the same weights whatever the other's data are."""
    data, other = digits(2, 20), digits(2, 20, seed=6)
    other[0] = data[0]
    one, two = (small().fit(x, np.random.default_rng(7)).weights for x in (data, other))
    for name in one:
        assert one[name][0] == pytest.approx(two[name][0], abs=1e-6)
        assert (one[name][1] != two[name][1]).any()


def test_training_lowers_the_loss_and_the_same_seed_gives_the_same_weights():
    data, fresh = digits(1, 60), digits(1, 300)[:, 60:]
    before, after = (
        small(looks=looks, hidden=16).fit(data, np.random.default_rng(8))
        for looks in (1, 2_000)
    )
    rng = np.random.default_rng(9)
    assert after.bound(fresh, rng).mean() < before.bound(fresh, rng).mean() - 50
    again = small(looks=2_000, hidden=16).fit(data, np.random.default_rng(8))
    assert all((after.weights[k] == again.weights[k]).all() for k in again.weights)


def test_a_temperature_is_the_variance_of_what_is_drawn_before_the_pixels():
    """With a decoder that passes its first latent variable on, ink says what it was."""
    fitted = small(latents=1, hidden=2).fit(digits(1, 4), np.random.default_rng(10))
    weights = {k: np.zeros_like(one) for k, one in fitted.weights.items()}
    weights["out"][0, 0] = 1, -1  # relu(z), relu(-z)
    weights["pixels"][0, :2] = [[1] * 196, [-1] * 196]  # logit z in every pixel
    known = replace(fitted, weights=weights)
    for t in (1.0, 0.25):
        drawn = known.temper(t).sample(4_000, np.random.default_rng(11))
        ink = drawn.mean(axis=(2, 3))[0]
        logit = np.log((ink + 1e-3) / (1 - ink + 1e-3))
        assert logit.var() == pytest.approx(t, rel=4 * np.sqrt(2 / 4_000) + 0.06)


def test_pixels_are_black_or_white_with_their_grey_as_probability():
    grey = np.full((2_000, 14, 14), 0.3, np.float32)
    pixels = network_worlds.binary(grey, np.random.default_rng(2))
    assert set(np.unique(pixels)) == {0, 1}
    error = 4 * np.sqrt(0.21 / pixels.size)
    assert pixels.mean() == pytest.approx(0.3, abs=error)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_world_knows_which_real_points_are_rare_and_usual(name):
    w = worlds.world(name)
    x = drawn(w, 3_000, np.random.default_rng(3))
    error = 4 * np.sqrt(0.09 / 3_000)
    assert w.rare(x).mean() == pytest.approx(w.share, abs=2 * error)
    # Half of the test is above what is usual; it has 300 points at least.
    slack = 4 * np.sqrt(0.25 / 3_000) + 4 * np.sqrt(0.25 / 300)
    assert (w.score(x) >= w.usual).mean() == pytest.approx(0.5, abs=slack)


def test_a_transformer_at_a_low_temperature_writes_what_is_more_plausible():
    w, rng = worlds.world("transformer", 0.4), np.random.default_rng(4)
    fitted = w.model.fit(drawn(w, w.n, rng), rng)
    plain = w.score(fitted.sample(400, rng))
    sharp = w.score(w.bias(fitted).sample(400, rng))
    gap = np.hypot(plain.std(), sharp.std()) / np.sqrt(400)
    assert sharp.mean() - plain.mean() > 4 * gap


def test_an_autoencoder_at_a_low_temperature_draws_what_is_more_alike():
    """Less variance between images, in blocks that average the noise of pixels out."""
    w, rng = worlds.world("autoencoder", 0.1), np.random.default_rng(4)
    fitted = w.model.fit(drawn(w, w.n, rng), rng)
    plain, sharp = (
        one.sample(1_000, rng).reshape(1_000, 7, 2, 7, 2).mean(axis=(2, 4)).var(axis=0)
        for one in (fitted, w.bias(fitted))
    )
    assert sharp.sum() < 0.95 * plain.sum()


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_loses_and_is_measured_like_those_of_the_other_worlds(name):
    """A loop of one generation: loss, points used and the share of rare ones."""
    study = Bench({"replace": Arm("replace", policy=replaced)})
    config = {"world": name, "temperature": 1.0, "chains": 1, "generations": 1}
    run = study.live(config, seed=5).arm("replace")
    assert (run.array("used") == 1).all()
    # The judge of digits has looked once here, and sets no least loss.
    assert np.isfinite(run.array("loss")).all()
    assert (run.array("loss") > 0).all() or name == "autoencoder"
    assert run.array("rare")[0] == pytest.approx(1, abs=4 * np.sqrt(9 / 200))


def test_what_a_network_lacks_has_a_reason():
    coder, talker = (worlds.world(name).lacks for name in NAMES)
    assert {"parameters", "one temperature"} == set(talker)
    assert set(coder) - set(talker) == {"equal points", "probabilities"}


def test_no_network_is_imported_before_its_world_is_asked_for():
    code = (
        "import sys; from collapse_lib.studies import bench, worlds;"
        "worlds.world('gaussian'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_words_of_the_transformer_are_those_of_the_word_pairs():
    words, pairs = worlds.world("transformer"), worlds.world("ngram")
    text, _ = small_worlds.human_text()
    assert (words.people.blocks == text[:20_000]).all()
    assert (pairs.people.blocks == text).all()
    assert words.model.model.start == small_worlds.N_WORDS > text.max()


def test_four_pixels_become_one_of_their_mean_grey():
    image = np.arange(784, dtype=np.float32).reshape(1, 28, 28)
    assert network_worlds.halved(image)[0, 0, 0] == (0 + 1 + 28 + 29) / 4
    assert network_worlds.halved(image).mean() == image.mean()
