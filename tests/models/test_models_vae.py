"""The variational autoencoder: its law, what it hands on, and every regime."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from collapse_lib import models, recurse, regimes
from collapse_lib.data.digits import mnist
from collapse_lib.models.vae import network as networks
from collapse_lib.models.vae import training
from collapse_lib.models.vae.images import Images
from collapse_lib.models.weights import pack, unpack

# Small enough for a fit in a fraction of a second; the shapes are the real ones'.
TINY = models.VAE(epochs=1, capacity=2, n_latents=3, batch=16)


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    return mnist().images[:64]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# ---- the model of the paper ---------------------------------------------------------


def test_the_network_has_the_published_number_of_weights() -> None:
    model = models.VAE()
    network = networks.Network(model.capacity, model.n_latents, seed=0)
    assert sum(w.numel() for w in network.parameters()) == 647_081


def test_the_loss_is_the_published_one() -> None:
    network = networks.Network(capacity=4, n_latents=20, seed=0)
    images = torch.rand(5, 1, 28, 28)
    noise = torch.randn(5, 20)
    mean, log_variance = network.encoder(images)
    decoded = torch.sigmoid(
        network.decoder(mean + torch.exp(0.5 * log_variance) * noise)
    )
    pixels = F.binary_cross_entropy(decoded, images, reduction="sum")
    gaussian = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
    standard = torch.distributions.Normal(0, 1)
    divergence = torch.distributions.kl_divergence(gaussian, standard).sum()
    expected = (pixels + divergence).item()
    assert network(images, noise).item() == pytest.approx(expected, rel=1e-5)


def test_the_recorded_loss_is_the_mean_over_batches(real: np.ndarray) -> None:
    # Without learning, the mean of the batches' sums is the sum over images per batch.
    still = replace(TINY, learning_rate=1e-12)  # 40 images are three batches of 16
    fitted = still.fit(real[None, :40], rng())
    seeds = rng().integers(2**62, size=(1, 2))
    network = networks.Network(2, 3, int(seeds[0, 0]))
    noise = torch.randn(4_000, 3, generator=torch.Generator().manual_seed(1))
    images = torch.from_numpy(real[:40]).unsqueeze(1).repeat(100, 1, 1, 1)
    with torch.no_grad():
        per_image = network(images, noise).item() / len(images)
    assert fitted.losses[0, 0] == pytest.approx(per_image * 40 / 3, rel=0.01)


def test_training_lowers_the_loss(real: np.ndarray) -> None:
    model = replace(TINY, epochs=10, learning_rate=0.02)
    losses = model.fit(real[None], rng()).losses[0]
    assert losses.shape == (10,)
    assert losses[-1] < 0.6 * losses[0]


def test_training_that_diverges_says_so(real: np.ndarray) -> None:
    with pytest.raises(ValueError, match="training diverged.*lower learning_rate"):
        replace(TINY, learning_rate=1e6, epochs=3).fit(real[None], rng())


def test_the_decoder_is_the_published_stack_of_layers() -> None:
    decoder = networks.Decoder(capacity=4, n_latents=20)
    latents = torch.randn(3, 20)
    hidden = decoder.linear(latents).view(3, 8, 7, 7)
    expected = decoder.conv1(F.relu(decoder.conv2(hidden)))
    torch.testing.assert_close(decoder(latents), expected)


def test_weights_survive_packing() -> None:
    network = networks.Network(capacity=4, n_latents=20, seed=1)
    packed = pack(network)
    other = networks.Network(capacity=4, n_latents=20, seed=2)
    unpack(other.to(memory_format=torch.channels_last), packed)
    for a, b in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match="this network has .* weights"):
        unpack(other, np.append(packed, 0).astype(np.float32))


def test_encoding_and_drawing_do_not_depend_on_chunks(
    real: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = TINY.fit(real[None], rng())
    whole = fitted.draw(20, rng(1)), fitted.encode(real)
    monkeypatch.setitem(networks.CHUNK, "cpu", 7)
    parts = fitted.draw(20, rng(1)), fitted.encode(real)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


# ---- randomness ---------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits_and_another_one_others(
    real: np.ndarray,
) -> None:
    once, again, other = (TINY.fit(real[None], rng(seed)) for seed in (0, 0, 1))
    assert (once.decoder == again.decoder).all()
    assert (once.losses == again.losses).all()
    assert (once.decoder != other.decoder).mean() > 0.9


def test_torchs_global_generator_is_left_alone(real: np.ndarray) -> None:
    before = torch.random.get_rng_state()
    TINY.fit(real[None], rng()).draw(3, rng())
    assert torch.equal(before, torch.random.get_rng_state())


def test_chains_are_independent(real: np.ndarray) -> None:
    both = TINY.fit(np.stack([real, real]), rng())
    assert (both.decoder[0] != both.decoder[1]).mean() > 0.9
    images = both.draw(2, rng())
    assert images.shape == (2, 2, 28, 28)
    assert both.encode(images).shape == (2, 2, 3)


# ---- what the next generation trains on ---------------------------------------------


def epochs_of(data: Images, n_epochs: int = 2) -> list[np.ndarray]:
    supply = training.Supply(data, 0, TINY.capacity, TINY.n_latents, "cpu", "float32")
    generator = networks.generator(0, "cpu")
    return [supply.epoch(16, generator)[:, 0].numpy() for _ in range(n_epochs)]


def as_set(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_an_endless_supply_never_repeats_an_image(real: np.ndarray) -> None:
    data = TINY.fit(real[None], rng()).sample(40, rng())
    first, second = epochs_of(data)
    # Whole batches: 40 is rounded up to three batches of 16.
    assert len(first) == len(second) == 48
    assert len(as_set(first) | as_set(second)) == 96


def test_a_finite_supply_shows_the_same_images_in_each_epoch(real: np.ndarray) -> None:
    fitted = replace(TINY, supply="finite").fit(real[None], rng())
    first, second = epochs_of(fitted.sample(40, rng()))
    assert len(first) == 40
    assert as_set(first) == as_set(second)
    assert (first != second).any()  # in another order


def test_a_mixture_shows_each_stored_image_once(real: np.ndarray) -> None:
    fitted = TINY.fit(real[None], rng())
    data = Images.pool([Images.of(real), fitted.sample(20, rng())])
    first, second = epochs_of(data)
    assert data.size == len(first) == 84
    assert as_set(first) & as_set(second) == as_set(real)


def test_sampled_pixels_have_the_mean_as_probability(real: np.ndarray) -> None:
    fitted = TINY.fit(real[None], rng())
    n = 4_000
    means = fitted.draw(n, rng(1))[0]
    binary = replace(fitted, model=replace(TINY, pixels="binary")).draw(n, rng(1))[0]
    assert set(np.unique(binary)) == {0, 1}
    error = (binary - means).mean(axis=0)
    spread = np.sqrt((means * (1 - means)).mean(axis=0) / n)
    assert np.abs(error / spread).max() < 5  # 784 pixels


def test_depth_counts_the_models_in_between(real: np.ndarray) -> None:
    first = TINY.fit(Images.of(real), rng())
    second = TINY.fit(first.sample(16, rng()), rng())
    assert (first.depth, second.depth) == (0, 1)
    both = Images.pool([Images.of(real), second.sample(16, rng())])
    assert both.depth == 2


def test_a_temperature_scales_the_latent_variance(real: np.ndarray) -> None:
    fitted = TINY.fit(real[None], rng())
    cold = fitted.temper(0.25)
    decoder, colder = (networks.Decoder(2, 3) for _ in range(2))
    unpack(decoder, fitted.decoder[0])
    unpack(colder, cold.decoder[0])
    z = torch.randn(4, 3)
    assert torch.allclose(colder(z), decoder(0.5 * z), atol=1e-6)
    frozen = fitted.temper(0).draw(3, rng())[0]
    assert (frozen == frozen[0]).all()


# ---- the regimes --------------------------------------------------------------------

REGIMES = {
    "Replace": regimes.Replace(),
    "Replace, tempered": regimes.Replace(bias=regimes.Temperature(0.5)),
    "Accumulate": regimes.Accumulate(),
    "AccumulateSubsample": regimes.AccumulateSubsample(),
    "Augment": regimes.Augment(),
    "Mix": regimes.Mix(0.5, 0.25, 0.25),
}


@pytest.mark.parametrize("supply", ["endless", "finite"])
@pytest.mark.parametrize("name", REGIMES)
def test_every_regime(name: str, supply: str, real: np.ndarray) -> None:
    history = recurse(
        replace(TINY, supply=supply),
        Images.of(real[:20], chains=2),
        regime=REGIMES[name],
        n_samples=20,
        n_generations=2,
        chains=2,
        measure={"loss": lambda fit: fit.losses[:, -1], "depth": lambda fit: fit.depth},
        rng=rng(),
    )
    assert np.isfinite(history.array("loss")).all()
    assert (history.array("depth") == [[0, 0], [1, 1], [2, 2]]).all()


def test_fresh_real_data_come_from_a_fitted_model(real: np.ndarray) -> None:
    source = TINY.fit(real[None], rng())
    history = recurse(
        TINY,
        source,
        regime=regimes.Fresh(n_real=5),
        n_samples=20,
        n_generations=1,
        chains=2,
        measure={"depth": lambda fit: fit.depth},
        rng=rng(),
    )
    # Its images are one model away from real ones already.
    assert history.array("depth").tolist() == [[1, 1], [2, 2]]
    two = TINY.fit(np.stack([real, real]), rng())
    with pytest.raises(ValueError, match="has 2 chains; it cannot serve 3"):
        two.expand(3)


def test_a_run_goes_on_from_its_checkpoint_to_the_same_bits(
    goes_on: Callable[..., None], real: np.ndarray
) -> None:
    def run(measure: Callable[..., np.ndarray], path: Path | None) -> np.ndarray:
        return recurse(
            TINY,
            Images.of(real[:20]),
            regime=regimes.Mix(0.5, 0.25, 0.25),
            n_samples=20,
            n_generations=3,
            measure={"loss": measure},
            rng=rng(),
            checkpoint=path,
        ).array("loss")

    goes_on(lambda fit: fit.losses[:, -1], run)


# ---- images as data -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((3, 28, 27)), r"shape \(3, 28, 27\); needed is"),
        (np.zeros((0, 28, 28)), r"shape \(0, 28, 28\)"),
        (np.full((1, 28, 28), 255.0), "values from 255 to 255; allowed is 0 to 1"),
        (np.full((1, 28, 28), np.nan), "values from nan to nan"),
        (np.full((1, 28, 28), "a"), "<U1 values .* numbers are needed"),
    ],
)
def test_what_is_no_image_is_refused(images: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Images.of(images)


def test_a_subsample_takes_from_each_part_at_random(real: np.ndarray) -> None:
    stream = Images.stream(np.zeros((1, 4), np.float32), 30, False, np.array([1]))
    data = Images.pool([Images.of(real[:10]), stream])
    kept = [data.subsample(8, rng(seed)) for seed in range(200)]
    n_stored = np.array([part.stored.shape[1] for part in kept])
    assert all(part.size == 8 for part in kept)
    assert all(part.counts.sum() + part.stored.shape[1] == 8 for part in kept)
    # Hypergeometric: mean 8 * 10 / 40, variance 2 * 0.75 * 32 / 39.
    assert abs(n_stored.mean() - 2) < 4 * np.sqrt(1.23 / 200)
    assert len(as_set(kept[0].stored[0])) == kept[0].stored.shape[1]


def test_another_summary_is_refused() -> None:
    other = models.GaussianSummary(3, np.zeros(1), np.ones(1))
    with pytest.raises(ValueError, match="VAE cannot be fitted to GaussianSummary"):
        TINY.fit(other, rng())


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"pixels": "grey"}, "pixels is 'grey'; allowed: 'mean', 'binary'"),
        ({"supply": "none"}, "supply is 'none'; allowed: 'endless', 'finite'"),
        ({"precision": "half"}, "precision is 'half'"),
        ({"epochs": 0}, "epochs is 0; it must be an integer >= 1"),
    ],
)
def test_wrong_settings_are_named(setting: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        models.VAE(**setting)


def test_only_models_that_need_torch_import_it() -> None:
    code = (
        "import sys, collapse_lib as c; c.models.Images; c.models.Gaussian();"
        "print([m for m in ('torch', 'mlxtend', 'pooch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_captured_step_learns_what_an_eager_one_does(real: np.ndarray) -> None:
    model = replace(TINY, device="cuda", epochs=5)
    captured = model.fit(real[None], rng()).losses
    eager = replace(model, cuda_graph=False).fit(real[None], rng()).losses
    np.testing.assert_allclose(captured, eager, rtol=1e-3)


def test_an_axis_of_colours_is_not_taken_for_images_of_many_chains():
    images = np.zeros((64, 1, 28, 28), np.float32)
    with pytest.raises(ValueError, match=r"64 chains with a single image"):
        TINY.fit(images, rng())
    with pytest.raises(ValueError, match=r"64 chains with a single point"):
        recurse(
            TINY,
            images,
            regime=regimes.Replace(),
            n_samples=8,
            n_generations=0,
            measure={"loss": lambda fit: fit.losses[:, -1]},
            rng=rng(),
            chains=64,
        )


def test_real_digits_augment_what_was_drawn():
    images = np.random.default_rng(0).random((20, 28, 28), np.float32)

    def run(real):
        return recurse(
            TINY,
            real,
            regime=regimes.Augment(),
            n_samples=8,
            n_generations=1,
            measure={"loss": lambda fit: fit.losses[:, -1]},
            rng=rng(),
        ).array("loss")

    np.testing.assert_array_equal(run(images), run(Images.of(images)))


def test_rounding_beyond_white_is_no_fault():
    images = np.full((2, 28, 28), 1.0000001)
    assert Images.of(images).stored.max() == 1
    with pytest.raises(ValueError, match="from 1.00001 to 1.00001; allowed is 0 to 1"):
        Images.of(np.full((2, 28, 28), 1.00001))


def test_the_loss_of_given_images_is_what_training_minimises():
    images = mnist().images[:300]
    model = models.VAE(epochs=2, capacity=4, batch=50, learning_rate=3e-3)
    fit = model.fit(np.stack([images, images[::-1]]), np.random.default_rng(1))
    found = fit.loss(images, np.random.default_rng(2))
    # By hand, from probabilities: with 128 images at a time, as there.
    rng = np.random.default_rng(2)
    for chain in range(2):
        network = networks.Network(4, model.n_latents, 0)
        unpack(network.encoder, fit.encoder[chain])
        unpack(network.decoder, fit.decoder[chain])
        source = networks.generator(int(rng.integers(2**62)), "cpu")
        total = 0.0
        for chunk in torch.split(torch.from_numpy(images), networks.CHUNK["cpu"]):
            noise = torch.randn(len(chunk), model.n_latents, generator=source)
            with torch.no_grad():
                mean, log_variance = network.encoder(chunk[:, None])
                latents = mean + (log_variance / 2).exp() * noise
                p = torch.sigmoid(network.decoder(latents)).double()[:, 0]
            x = chunk.double()
            total -= float((x * p.log() + (1 - x) * (1 - p).log()).sum())
            prior = torch.distributions.Normal(0.0, 1.0)
            own = torch.distributions.Normal(mean, (log_variance / 2).exp())
            total += float(torch.distributions.kl_divergence(own, prior).sum())
        assert found[chain] == pytest.approx(total / 300, rel=1e-4)
    # An untrained network finds the digits harder.
    start = replace(model, epochs=1, learning_rate=1e-9).fit(
        images[None], np.random.default_rng(1)
    )
    assert found.max() < start.loss(images, np.random.default_rng(2))[0]
