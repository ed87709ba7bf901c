"""The classifier of digits and its stored weights."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from collapse_lib.data import digits
from collapse_lib.data.fetching import variable
from collapse_lib.metrics import digit_classifier as classifier

STORED = Path(classifier.__file__).with_name(classifier.WEIGHTS)


def recipe() -> dict[str, object]:
    with safe_open(STORED, "pt") as file:
        return json.loads(file.metadata()["recipe"])


def test_the_stored_weights_say_how_they_were_made() -> None:
    stored = recipe()
    assert stored["test accuracy"] >= 0.98
    assert {key: stored[key] for key in classifier.RECIPE} == classifier.RECIPE


def test_the_stored_weights_recognise_digits() -> None:
    # The sample is from the training images; a fresh set is checked below.
    assert classifier.accuracy(digits.mnist()) > 0.99


@pytest.mark.skipif(
    variable("mnist") not in os.environ,
    reason=f"needs the original files, in the folder named by {variable('mnist')}",
)
def test_the_stated_accuracy_is_that_on_the_test_images() -> None:
    found = classifier.accuracy(digits.mnist("60k", "test"))
    assert found == pytest.approx(recipe()["test accuracy"], abs=5e-4)


def test_what_is_seen_fits_together() -> None:
    images = digits.mnist().images[:30]
    seen = classifier.classify(images)
    assert seen.features.shape == (30, classifier.N_FEATURES)
    np.testing.assert_allclose(seen.probabilities.sum(axis=1), 1, rtol=1e-9)
    assert (seen.digits == seen.probabilities.argmax(axis=1)).all()
    assert (seen.features >= 0).all()  # after a ReLU


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = digits.mnist().images[:30]
    whole = classifier.classify(images)
    monkeypatch.setattr(classifier, "CHUNK", 7)
    parts = classifier.classify(images)
    np.testing.assert_allclose(whole.features, parts.features, atol=1e-5)


def test_training_learns_and_repeats() -> None:
    sample = digits.mnist()
    train, held_out = sample.take(range(2_000)), sample.take(range(2_000, 3_000))
    first, again = (
        classifier.train_classifier(train, epochs=2, seed=3) for _ in range(2)
    )
    assert classifier.accuracy(held_out, first) > 0.85
    a, b = (classifier.classify(held_out.images, net) for net in (first, again))
    assert (a.probabilities == b.probabilities).all()


def test_weights_come_back(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    network = classifier.build_classifier(seed=5)
    classifier.save_classifier(path, network, {"epochs": 0})
    images = digits.mnist().images[:3]
    before = classifier.classify(images, network)
    after = classifier.classify(images, classifier.load_classifier(path))
    assert (before.features == after.features).all()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(STORED.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"weights\.safetensors does not hold"):
        classifier.load_classifier(path)


def test_images_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needed is \(n, 28, 28\)"):
        classifier.classify(np.zeros((1, 2, 28, 28)))
