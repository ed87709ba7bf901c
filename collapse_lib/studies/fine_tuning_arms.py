"""The arms of chapter 09: the paper's two settings, and controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from collapse_lib import regimes
from collapse_lib.models.language.decoding import Ancestral, Beam, Decoder
from collapse_lib.regimes import Regime

TENTH = regimes.Mix(alpha=0.9, gamma=0.1)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way from a generation to the next.

    Parameters
    ----------
    label
        What to call it in a figure.
    epochs
        Of every fine-tuning after generation 0.
    regime
        What a generation trains on.
    decoder
        How it writes.
    from_model_0
        Whether to start from the weights of model 0 instead of the pretrained ones.
    last_epoch
        Whether later generations hand on the last epoch's weights instead of those of
        the epoch with the least loss on original validation text.
    """

    label: str
    epochs: int = 5
    regime: Regime = regimes.Replace()
    decoder: Decoder = Beam(5)
    from_model_0: bool = False
    last_epoch: bool = False


#: The paper's settings a and b, and what they could have been compared with. New ones
#: go to the end, as their places are part of the seeds (see `stream`).
ARMS = {
    "a": Arm(label="5 epochs, no real text"),
    "b": Arm(label="10 epochs, 10 % real", epochs=10, regime=TENTH),
    "a-tenth": Arm(label="5 epochs, 10 % real", regime=TENTH),
    "b-none": Arm(label="10 epochs, no real text", epochs=10),
    "ancestral": Arm(label="sampling", decoder=Ancestral()),
    "penalty-two": Arm(label="penalty 2", decoder=Beam(5, repetition_penalty=2.0)),
    "penalty-three": Arm(label="penalty 3", decoder=Beam(5, repetition_penalty=3.0)),
    "from-model-zero": Arm(label="from model 0", from_model_0=True),
    "accumulate": Arm(label="accumulate", regime=regimes.Accumulate()),
    "last-epoch": Arm(label="last epoch", last_epoch=True),
}
#: What randomness is for (to mix text, to train, to write).
PURPOSES = ("mix", "train", "write")
#: The two that the paper shows.
PUBLISHED = ("a", "b")
#: All others; a configuration names some of them, or says "all".
CONTROLS = tuple(arm for arm in ARMS if arm not in PUBLISHED)
#: Replicates of the published ones that come before any control.
FIRST = 2


def plan(config: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the lineages of a configuration, arm and replicate, in the order to run.

    What the claims need most comes first, so that a run cut short has it.
    """
    own = {arm: config["seeds"] for arm in PUBLISHED}
    controls = CONTROLS if config["arms"] == "all" else config["arms"]
    counts = own | {arm: config["arm_seeds"] for arm in controls}
    lineages = [(arm, seed) for arm, n in counts.items() for seed in range(n)]

    def rank(lineage: tuple[str, int]) -> int:
        arm, seed = lineage
        return (0 if seed < FIRST else 3) if arm in own else (1 if seed == 0 else 2)

    return sorted(lineages, key=rank)


def stream(
    seed: int, purpose: str, arm: str, replicate: int, generation: int = 0
) -> np.random.Generator:
    """Return the randomness of a lineage for one of `PURPOSES`.

    Each generation has its own, so that it does not matter where a run was cut short.
    Model 0 is trained with that of arm ``a``.
    """
    key = [PURPOSES.index(purpose), list(ARMS).index(arm), replicate, generation]
    return np.random.default_rng([seed, *key])
