"""The variational autoencoder of the paper's digits, and what it draws."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_choice,
    check_count,
    check_not_negative,
    check_positive,
    check_rng,
    check_switch,
    given,
    is_plain,
)
from collapse_lib.models.base import DOUBLE, SINGLE, FittedChains, check_sampling
from collapse_lib.models.early_stopping import EarlyStopping, check_early_stopping
from collapse_lib.models.vae import network as networks
from collapse_lib.models.vae import training
from collapse_lib.models.vae.images import SIDE, Images, check_images
from collapse_lib.models.weights import check_device, check_losses, pack, padded
from collapse_lib.samples import Data, points

_ENDLESS = (
    'early_stopping needs images that stay, and supply="endless" draws new ones in '
    'every epoch, which cannot be learnt by heart: use supply="finite"'
)
PIXELS = ("mean", "binary")
SUPPLIES = ("endless", "finite")
PRECISIONS = ("float32", "tf32", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class VAE:
    r"""Convolutional variational autoencoder of 28 by 28 grey images.

    A new network with new random weights is trained at every fit. The defaults are
    those of the released code: 647,081 weights, Adam with learning rate 0.001 and
    weight decay 0.00001, batches of 256, 30 epochs, and as loss the sum over pixels of
    the binary cross-entropy plus the Kullback-Leibler divergence of the latent
    variables from :math:`\mathcal N(0, I)`.

    Parameters
    ----------
    epochs, batch, learning_rate, weight_decay
        Training.
    n_latents, capacity
        Latent variables, and channels of the first convolution.
    pixels
        What a fitted model draws: ``"mean"``, the decoder's output itself as grey
        levels, as in the released code, or ``"binary"``, pixels 0 or 1 with that
        probability, which is a draw from the model.
    supply
        ``"endless"``: the next generation trains on fresh draws in every epoch, as in
        the released code; ``"finite"``: on one set of ``n`` draws.
    device
        ``"cpu"``, ``"cuda"``, ...
    precision
        Of training: ``"float32"``, ``"bfloat16"`` (mixed with float32; twice as fast
        on a CPU or GPU that has instructions for it), or ``"tf32"`` (CUDA only).
    cuda_graph
        Record a training step once and replay it, where the device allows.
    early_stopping
        `EarlyStopping` holds images of every training set out, and stops training when
        their loss has turned. It needs ``supply="finite"``: what is drawn anew in every
        epoch cannot be learnt by heart. Default: all images are trained on, in all
        epochs.

    Notes
    -----
    Kingma and Welling (2014); Shumailov et al. (2024), released notebook. Runs in every
    regime. A `Temperature` works on the latent variables: it scales their
    variance. On CPU a fit is bit-identical for the same number of threads.
    """

    epochs: int = 30
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    n_latents: int = 20
    capacity: int = 64
    pixels: str = "mean"
    supply: str = "endless"
    device: str = "cpu"
    precision: str = "float32"
    cuda_graph: bool = True
    early_stopping: EarlyStopping | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("epochs", "batch", "n_latents", "capacity"):
            check_count(name, getattr(self, name), least=1)
        check_positive("learning_rate", self.learning_rate)
        check_not_negative("weight_decay", self.weight_decay)
        check_device(self.device)
        check_switch("cuda_graph", self.cuda_graph)
        check_choice("pixels", self.pixels, PIXELS)
        check_choice("supply", self.supply, SUPPLIES)
        check_choice("precision", self.precision, PRECISIONS)
        check_early_stopping(self.early_stopping)
        if self.early_stopping is not None and self.supply == "endless":
            raise ValueError(_ENDLESS)

    @property
    def event_ndim(self) -> int:
        """An image has two axes."""
        return 2

    def fit(self, data: Data, rng: np.random.Generator) -> FittedVAE:
        """Train one network per chain on images ``(chains, n, 28, 28)`` in [0, 1]."""
        images = data
        if not isinstance(images, Images):
            images = Images.of(points(images, self, Images))
        check_rng(rng)
        seeds = rng.integers(2**62, size=(images.chains, 2))
        fits = [self._fit(images, c, *map(int, seeds[c])) for c in range(images.chains)]
        encoder, decoder, losses = (np.stack(part) for part in zip(*fits, strict=True))
        return FittedVAE(encoder, decoder, losses, images.depth, self)

    def _fit(
        self, images: Images, chain: int, seed: int, training_seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
        """Train the network of one chain."""
        network = networks.Network(self.capacity, self.n_latents, seed)
        trainer = training.Trainer(
            network,
            self.device,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            precision=self.precision,
            use_graph=self.cuda_graph,
        )
        watch = None
        if self.early_stopping is not None:
            if images.counts.any():
                raise ValueError(_ENDLESS)
            kept, out = self.early_stopping.split(
                images.size, np.random.default_rng(training_seed)
            )
            own = images.stored[chain]
            watch = training.Watch(
                self.early_stopping, own[out], self.n_latents, self.device, seed
            )
            images, chain = Images.of(own[kept]), 0
        supply = training.Supply(
            images, chain, self.capacity, self.n_latents, self.device, self.precision
        )
        losses = training.train(
            supply,
            trainer,
            seed=training_seed,
            epochs=self.epochs,
            batch=self.batch,
            watch=watch,
        )
        check_losses(losses, self.learning_rate)
        losses = padded(losses, self.epochs)
        return pack(network.encoder), pack(network.decoder), losses


@dataclass(frozen=True)
class FittedVAE(FittedChains):
    """Trained autoencoders, one per chain.

    Parameters
    ----------
    encoder, decoder
        Weights, shape ``(chains, n_weights)``.
    losses
        Mean loss of a batch in each epoch, shape ``(chains, epochs)``; NaN in epochs
        after training stopped early.
    depth
        How many models lie between its training images and real ones, at most;
        shape ``(chains,)``.
    model
        The recipe.
    """

    encoder: NDArray[np.float32]
    decoder: NDArray[np.float32]
    losses: NDArray[np.float64]
    depth: NDArray[np.int64]
    model: VAE

    ndims = {"encoder": 2, "decoder": 2, "losses": 2}
    kept_types = (SINGLE, DOUBLE)

    def __post_init__(self) -> None:
        """Check the weights and what they belong to."""
        super().__post_init__()
        if not isinstance(self.model, VAE):
            raise ValueError(f"model is {given(self.model)}; it must be a VAE")
        if not is_plain(self.depth) or self.depth.shape != (len(self.decoder),):
            raise ValueError(
                f"depth is {given(self.depth)}; it must be an array with one integer "
                "for each chain"
            )

    @property
    def epochs_trained(self) -> NDArray[np.int64]:
        """Epochs until training ended, shape ``(chains,)``."""
        return np.asarray(np.isfinite(self.losses).sum(axis=1))

    def sample(self, n: int, rng: np.random.Generator) -> Images:
        """Draw ``n`` images per chain, or hand over the decoder that will draw them."""
        check_sampling(n, rng)
        depth = self.depth + 1
        if self.model.supply == "endless":
            binary = self.model.pixels == "binary"
            return Images.stream(self.decoder, n, binary, depth)
        return Images.of(self.draw(n, rng), depth=depth)

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw ``n`` images per chain now: shape ``(chains, n, 28, 28)``."""
        check_sampling(n, rng)
        model = self.model
        images = np.empty((len(self.decoder), n, SIDE, SIDE), np.float32)
        for chain, weights in enumerate(self.decoder):
            decoder = networks.load(
                networks.Decoder, weights, model.capacity, model.n_latents
            )
            generator = networks.generator(int(rng.integers(2**62)), model.device)
            drawn = networks.draw(
                decoder.to(model.device), n, model.pixels == "binary", generator
            )
            images[chain] = drawn[:, 0].cpu().numpy()
        return images

    def encode(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the mean latent variables of images.

        Parameters
        ----------
        images
            Shape ``(chains, n, 28, 28)``, or ``(n, 28, 28)`` for all chains.

        Returns
        -------
        ndarray
            Shape ``(chains, n, n_latents)``.
        """
        model, stacked = self.model, self._for_all(images)
        latents = []
        for weights, own in zip(self.encoder, stacked, strict=True):
            encoder = networks.load(
                networks.Encoder, weights, model.capacity, model.n_latents
            )
            latents.append(networks.encode(encoder.to(model.device), own, model.device))
        return np.stack(latents)

    def loss(self, images: ArrayLike, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return what training minimises, for given images, in nats per image.

        Parameters
        ----------
        images
            Shape ``(chains, n, 28, 28)``, or ``(n, 28, 28)`` for all chains.
        rng
            Draws the latent variables, one for each image.

        Returns
        -------
        ndarray
            Mean over the images, shape ``(chains,)``. For images of pixels 0 and 1 it
            is, on average over ``rng``, at least the negative log-likelihood.
        """
        model, stacked = self.model, self._for_all(images)
        check_rng(rng)
        parts = zip(self.encoder, self.decoder, stacked, strict=True)
        return np.array(
            [
                networks.loss(
                    networks.load(
                        networks.Encoder, encoder, model.capacity, model.n_latents
                    ).to(model.device),
                    networks.load(
                        networks.Decoder, decoder, model.capacity, model.n_latents
                    ).to(model.device),
                    own,
                    networks.generator(int(rng.integers(2**62)), model.device),
                )
                for encoder, decoder, own in parts
            ]
        )

    def _for_all(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return images with the chains first."""
        array = check_images(images)
        if array.ndim == 4 and len(array) not in (1, len(self.encoder)):
            raise ValueError(
                f"images have shape {array.shape}; needed is (n, 28, 28), or "
                f"({len(self.encoder)}, n, 28, 28) with the chains first"
            )
        return np.broadcast_to(array, (len(self.encoder), *array.shape[-3:]))

    def temper(self, temperature: float) -> FittedVAE:
        """Return the model that draws latent variables of variance ``temperature``.

        Scaling the latent variables and scaling the weights of the layer that reads
        them is the same.
        """
        check_not_negative("temperature", temperature)
        decoder = self.decoder.copy()
        n_first = decoder_layer(self.model)
        decoder[:, :n_first] *= math.sqrt(temperature)
        return replace(self, decoder=decoder)


def decoder_layer(model: VAE) -> int:
    """Return how many weights, the first of the decoder, multiply latent variables."""
    return model.n_latents * 2 * model.capacity * (SIDE // 4) ** 2
