"""A small classifier of digits: what an image shows, and features to compare sets by.

Its weights come with the library; `train_classifier` is how they were made:
``python -m collapse_lib.metrics.digit_classifier`` makes them anew.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from torch.nn import functional as F

from collapse_lib import files
from collapse_lib.checks import given
from collapse_lib.data.digits import Digits, mnist
from collapse_lib.declared import declared
from collapse_lib.models.vae.images import check_images

WEIGHTS = "digit_classifier.safetensors"
N_FEATURES = 64
CHUNK = 1_024
#: How the stored weights were trained.
RECIPE: dict[str, Any] = {"epochs": 4, "batch": 128, "learning_rate": 4e-3, "seed": 0}


@declared
@dataclass(frozen=True)
class Seen:
    """What the classifier sees in ``n`` images.

    Parameters
    ----------
    probabilities
        Of the ten digits, shape ``(n, 10)``.
    features
        Activations of the last hidden layer, shape ``(n, 64)``.
    """

    probabilities: NDArray[np.float64]
    features: NDArray[np.float64]

    @property
    def digits(self) -> NDArray[np.int64]:
        """The most probable digit of each image, shape ``(n,)``."""
        return np.asarray(self.probabilities.argmax(axis=1))


def classify(images: ArrayLike, network: nn.Module | None = None) -> Seen:
    """Classify images ``(n, 28, 28)`` in [0, 1].

    Parameters
    ----------
    images
        What to look at.
    network
        Default: the one that comes with the library.

    Raises
    ------
    ValueError
        If the images have another shape or range.

    Notes
    -----
    The network was trained on real digits. On images unlike any digit its probabilities
    say which digit is nearest, not that there is one.
    """
    array = check_images(images)
    if array.ndim != 3:
        raise ValueError(f"images have shape {array.shape}; needed is (n, 28, 28)")
    if network is not None and not isinstance(network, nn.Sequential):
        raise ValueError(
            f"network is {given(network)}; it must be a torch.nn.Sequential whose last "
            "layer gives ten scores, or None"
        )
    network = _stored() if network is None else network
    body, head = network[:-1], network[-1]
    features = []
    logits = []
    with torch.inference_mode():
        for chunk in torch.split(torch.from_numpy(array.copy()).unsqueeze(1), CHUNK):
            features.append(body(chunk))
            logits.append(head(features[-1]))
        probabilities = torch.cat(logits).double().softmax(dim=1)
    return Seen(probabilities.numpy(), torch.cat(features).double().numpy())


def build_classifier(seed: int) -> nn.Sequential:
    """Return the untrained network: two convolutions, 64 features, ten digits."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, N_FEATURES),
            nn.ReLU(),
            nn.Linear(N_FEATURES, 10),
        )


def train_classifier(
    digits: Digits,
    *,
    epochs: int = 4,
    batch: int = 128,
    learning_rate: float = 4e-3,
    seed: int = 0,
) -> nn.Sequential:
    """Train with Adam and a learning rate that rises, then falls to zero."""
    network = build_classifier(seed)
    images = torch.from_numpy(digits.images).unsqueeze(1)
    labels = torch.from_numpy(digits.labels)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    steps = epochs * -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, steps)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for places in torch.split(order, batch):
            loss = F.cross_entropy(network(images[places]), labels[places])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return network


def accuracy(digits: Digits, network: nn.Module | None = None) -> float:
    """Return the share of digits that are recognised."""
    seen = classify(digits.images, network)
    return float((seen.digits == digits.labels).mean())


def save_classifier(path: Path, network: nn.Module, recipe: dict[str, object]) -> None:
    """Store weights, with how they were made."""
    files.write(path, save(network.state_dict(), {"recipe": json.dumps(recipe)}))


def load_classifier(path: Path) -> nn.Sequential:
    """Read weights stored by `save_classifier`.

    Raises
    ------
    ValueError
        If the file is damaged or holds another network.
    """
    network = build_classifier(seed=0)
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise ValueError(f"{path} does not hold this classifier: {first}") from None
    return network.eval()


@functools.cache
def _stored() -> nn.Sequential:
    """Return the network that comes with the library."""
    with importlib.resources.as_file(
        importlib.resources.files("collapse_lib.metrics") / WEIGHTS
    ) as path:
        return load_classifier(path)


def main() -> None:
    """Train on all of MNIST and replace the stored weights."""
    torch.set_num_threads(1)  # the same sums in the same order on every machine
    network = train_classifier(mnist("60k"), **RECIPE)
    correct = accuracy(mnist("60k", "test"), network)
    recipe = {**RECIPE, "test accuracy": correct, "torch": torch.__version__}
    save_classifier(Path(__file__).with_name(WEIGHTS), network, recipe)
    print(recipe)


if __name__ == "__main__":
    main()
