"""Early stopping: it ends training before a network knows its data by heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from collapse_lib import models, recurse, regimes
from collapse_lib.data.digits import mnist
from collapse_lib.models.vae import network as networks

EARLY = models.EarlyStopping(held_out=0.25, patience=2)
LAW = np.random.default_rng(0).dirichlet(np.full(8, 0.3), size=8)
WRITER = models.Transformer(
    vocabulary=9,
    context=12,
    width=16,
    layers=2,
    heads=2,
    epochs=40,
    batch=8,
    start=8,
    learning_rate=1e-2,
)
CODER = models.VAE(
    epochs=40, capacity=2, n_latents=3, batch=8, learning_rate=2e-2, supply="finite"
)


def rng(seed=0):
    return np.random.default_rng(seed)


def text(n, seed):
    """Blocks of a Markov chain."""
    random = rng(seed)
    tokens = np.empty((n, 10), np.int64)
    tokens[:, 0] = random.integers(8, size=n)
    for t in range(1, 10):
        sums = LAW[tokens[:, t - 1]].cumsum(1)
        tokens[:, t] = (sums < random.random((n, 1))).sum(1).clip(0, 7)
    return tokens


def test_a_share_is_held_out_and_never_all():
    for n in (2, 3, 10, 101):
        kept, held = models.EarlyStopping(0.1).split(n, rng(n))
        assert len(held) == max(round(0.1 * n), 1)
        assert sorted([*kept, *held]) == list(range(n))
    kept, held = models.EarlyStopping(0.99).split(5, rng())
    assert (len(kept), len(held)) == (1, 4)


def test_it_is_over_when_the_best_epoch_is_long_ago():
    assert not EARLY.is_over([3.0])
    assert not EARLY.is_over([3.0, 2.0, 2.5])
    assert EARLY.is_over([3.0, 2.0, 2.5, 2.0])  # as good as the best is not better
    assert not EARLY.is_over([3.0, 2.0, 2.5, 1.9])


def test_a_small_text_is_left_after_fewer_steps_and_both_write_better():
    steps, new = {}, text(300, seed=99)
    for n in (16, 64):
        data = np.stack([text(n, seed) for seed in range(2)])
        early, late = (
            replace(WRITER, early_stopping=stop).fit(data, rng(1))
            for stop in (EARLY, None)
        )
        assert early.nll(new).mean() < late.nll(new).mean() - 0.02
        assert (early.epochs_trained < WRITER.epochs).all()
        assert (late.epochs_trained == WRITER.epochs).all()
        steps[n] = early.epochs_trained * n
    assert steps[16].max() < steps[64].min()


def test_the_weights_are_those_of_the_best_epoch_on_the_blocks_held_out():
    model = replace(WRITER, early_stopping=EARLY)
    fitted = model.fit(text(40, seed=3)[None], rng(4))
    losses = fitted.validation_losses[0]
    trained = fitted.epochs_trained[0]
    assert np.isfinite(losses[:trained]).all() and np.isnan(losses[trained:]).all()
    assert trained == 1 + np.nanargmin(losses) + EARLY.patience
    seeds = rng(4).integers(2**62, size=(1, 2))
    _, held = EARLY.split(40, rng(int(seeds[0, 1])))
    found = fitted.nll(text(40, seed=3)[held]).mean()
    assert found == pytest.approx(np.nanmin(losses), rel=1e-5)


def held_out_loss(fitted, images, seed=0):
    """Return the loss of an image in each chain, its latent variables drawn once."""
    model = fitted.model
    noise = torch.randn(
        (len(images), model.n_latents), generator=torch.Generator().manual_seed(seed)
    )
    found = []
    for encoder, decoder in zip(fitted.encoder, fitted.decoder, strict=True):
        network = networks.Network(model.capacity, model.n_latents, seed=0)
        sizes = model.capacity, model.n_latents
        network.encoder = networks.load(networks.Encoder, encoder, *sizes)
        network.decoder = networks.load(networks.Decoder, decoder, *sizes)
        with torch.no_grad():
            batch = torch.from_numpy(np.array(images)).unsqueeze(1)
            found.append(network(batch, noise).item() / len(images))
    return np.array(found)


def test_an_autoencoder_has_the_weights_of_its_best_epoch():
    """Against one run for each number of epochs, on the images not held out."""
    images = mnist().images[:24]
    early = replace(CODER, early_stopping=EARLY).fit(images[None], rng(1))
    first, second = map(int, rng(1).integers(2**62, size=2))
    kept, held = EARLY.split(24, rng(second))
    trained = int(early.epochs_trained[0])
    assert trained < CODER.epochs
    runs = [
        replace(CODER, epochs=k).fit(images[None, kept], rng(1))
        for k in range(1, trained + 1)
    ]
    losses = [held_out_loss(run, images[held], first)[0] for run in runs]
    best = int(np.argmin(losses))
    assert best == trained - 1 - EARLY.patience
    np.testing.assert_array_equal(early.decoder, runs[best].decoder)
    np.testing.assert_array_equal(early.encoder, runs[best].encoder)
    np.testing.assert_array_equal(early.losses[0, :trained], runs[-1].losses[0])


def test_chains_stop_on_their_own_and_the_loop_goes_on():
    model = replace(WRITER, epochs=12, early_stopping=EARLY)
    history = recurse(
        model,
        np.stack([text(24, seed=1), text(24, seed=2)]),
        regime=regimes.Replace(),
        n_samples=24,
        n_generations=1,
        chains=2,
        measure={"epochs": lambda fit: fit.epochs_trained},
        rng=rng(),
    )
    assert history.array("epochs").shape == (2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.EarlyStopping(0), "held_out is 0; it must be a number above 0"),
        (lambda: models.EarlyStopping(1), "held_out is 1: nothing is left to train on"),
        (lambda: models.EarlyStopping(patience=0), "patience is 0; it must be an int"),
        (lambda: EARLY.split(1, rng()), "at least 2 points in a training set"),
        (lambda: EARLY.is_over([np.nan]), "losses holds 1 values that are NaN"),
        (
            lambda: replace(WRITER, early_stopping=0.1),
            r"early_stopping is 0.1; it must be None or models.EarlyStopping\(",
        ),
        (
            lambda: replace(WRITER, early_stopping=EARLY, validation=text(9, 0)),
            "validation and early_stopping are both given",
        ),
        (
            lambda: replace(CODER, early_stopping=EARLY, supply="endless"),
            'early_stopping needs images that stay.*use supply="finite"',
        ),
        (
            lambda: replace(CODER, early_stopping=EARLY).fit(
                replace(CODER, epochs=1, supply="endless")
                .fit(mnist().images[None, :8], rng())
                .sample(8, rng()),
                rng(),
            ),
            "early_stopping needs images that stay",
        ),
        (
            lambda: replace(WRITER, early_stopping=EARLY).fit(text(1, 0)[None], rng()),
            "early_stopping needs at least 2 points in a training set.*there are 1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
