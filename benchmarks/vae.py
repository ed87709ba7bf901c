"""Time the autoencoder of chapter 07 against the plain way to train it.

Run ``make benchmarks`` on an idle machine. The plain way is what the released notebook
does, in our words: torch's defaults, a ``DataLoader`` over the images, and for
generated images a call of the decoder in every step.
"""

from __future__ import annotations

import numpy as np
import torch
from timing import best_times, row, write
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from collapse_lib.models.vae.images import Images
from collapse_lib.models.vae.model import VAE
from collapse_lib.models.vae.network import Network

N_IMAGES = 2_560
BATCH = 256
# Precision, its name in the table, and what we promise.
SIDES = (("bfloat16", "half precision", 1.5), ("float32", "float32", 1))


def images() -> np.ndarray:
    """Return images as sparse as digits; their content does not change the time."""
    grey = np.random.default_rng(0).random((N_IMAGES, 28, 28), dtype=np.float32)
    return np.where(grey < 0.8, 0, grey)


class Plain(Network):
    """The same network with the layers' own forward passes."""

    def forward(self, batch: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        hidden = F.relu(self.encoder.conv2(F.relu(self.encoder.conv1(batch))))
        mean = self.encoder.mean(hidden.flatten(1))
        log_variance = self.encoder.log_variance(hidden.flatten(1))
        latents = mean + torch.exp(0.5 * log_variance) * noise
        divergence = -0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp())
        decoded = decode(self, latents)
        pixels = F.binary_cross_entropy(decoded, batch, reduction="sum")
        return pixels + divergence


def decode(network: Network, latents: torch.Tensor) -> torch.Tensor:
    """Return images, by the layers' own forward passes."""
    hidden = network.decoder.linear(latents).view(-1, 128, 7, 7)
    hidden = F.relu(network.decoder.conv2(hidden))
    return torch.sigmoid(network.decoder.conv1(hidden))


def plain(stored: np.ndarray | None) -> None:
    """Train one epoch the plain way, on stored images or on a decoder's."""
    network = Plain(64, 20, seed=0)
    source = Plain(64, 20, seed=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-5)
    steps = range(N_IMAGES // BATCH)
    if stored is not None:
        data = TensorDataset(torch.from_numpy(stored).unsqueeze(1))
        steps = DataLoader(data, batch_size=BATCH, shuffle=True)
    for step in steps:
        if stored is None:
            with torch.no_grad():
                batch = decode(source, torch.randn(BATCH, 20))
        else:
            (batch,) = step
        loss = network(batch, torch.randn(len(batch), 20))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def ours(data: Images, precision: str) -> None:
    """Train one epoch with the library."""
    VAE(epochs=1, precision=precision).fit(data, np.random.default_rng(0))


def main() -> None:
    """Measure and write ``vae.json``."""
    torch.set_num_threads(2)
    stored = images()
    real = Images.of(stored)
    fitted = VAE(epochs=1).fit(real, np.random.default_rng(1))
    stream = fitted.sample(N_IMAGES, np.random.default_rng(2))
    rows = []
    slow = "drawing the images in float32 is no faster than theirs"
    for kind, ours_of, theirs_of, because in [
        ("real images", real, stored, ""),
        ("fresh images of a decoder", stream, None, slow),
    ]:
        times = best_times(
            {
                "bfloat16": lambda data=ours_of: ours(data, "bfloat16"),
                "float32": lambda data=ours_of: ours(data, "float32"),
                "theirs": lambda data=theirs_of: plain(data),
            },
            repeats=5,
        )
        ms = {side: seconds * 1e3 / N_IMAGES for side, seconds in times.items()}
        what = f"One image in training, against torch's defaults: {kind}"
        rows += [
            row(f"{what}, {name}", ms[precision], ms["theirs"], "ms", bar, because)
            for precision, name, bar in SIDES
        ]
    write("vae", "Variational autoencoder (chapter 07)", rows)


if __name__ == "__main__":
    main()
