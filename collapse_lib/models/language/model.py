"""What all neural language models share: training, and what a generation writes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from collapse_lib.checks import check_choice, check_count, check_positive
from collapse_lib.models.language.decoding import Ancestral, Decoder
from collapse_lib.models.language.fitted import (
    FittedLanguageModel,
    Tokens,
    check_tokens,
)
from collapse_lib.samples import Data, Summary, check_data, describe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from collapse_lib.models.language.training import Plan

PRECISIONS = ("float32", "bfloat16")
SCHEDULES = ("step", "epoch")


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguageModel:
    """Base of `Transformer` and `Pretrained`: how to train and how to generate.

    Data are blocks of tokens: integers of shape ``(chains, n, block)``.

    Parameters
    ----------
    epochs, batch
        Of training. No epochs leave the initial weights as they are.
    learning_rate, final_learning_rate, cosine
        AdamW's rate falls from the first to the second along a cosine, after every
        ``"step"`` or, as in the released code, after every ``"epoch"``.
    weight_decay
        Of AdamW.
    init
        Weights that every fit starts from, shape ``(n_weights,)``, for example
        ``fitted.weights[0]``; default: see the class.
    validation
        Original blocks ``(m, block)``: a fit keeps the weights of the epoch with the
        lowest loss on them. Default: those of the last epoch.
    prompts
        Original blocks ``(m, length)``: a generated block is what the model writes
        after one of them. Default: after ``start`` alone.
    start
        Token put before every block in training, and before every prompt, or alone,
        when text is generated. Without it the first token of a block is given in
        training, never predicted.
    end
        Token that is never generated, so that every block is equally long.
    decoder
        How text is generated: `Ancestral`, `Greedy` or `Beam`.
    writing_batch
        Blocks that are written together: more are faster, until memory ends.
    device
        ``"cpu"``, ``"cuda"``, ...
    precision
        Of training and of `FittedLanguageModel.nll`: ``"float32"``, or ``"bfloat16"``
        mixed with it. Text is written in float32.
    """

    epochs: int = 5
    batch: int = 32
    learning_rate: float = 1e-3
    final_learning_rate: float = 0.0
    cosine: str = "step"
    weight_decay: float = 0.01
    init: NDArray[np.float32] | None = None
    validation: Tokens | None = None
    prompts: Tokens | None = None
    start: int | None = None
    end: int | None = None
    decoder: Decoder = field(default_factory=Ancestral)
    writing_batch: int = 64
    device: str = "cpu"
    precision: str = "float32"

    def __post_init__(self) -> None:
        """Check the settings."""
        check_count("epochs", self.epochs, least=0)
        for name in ("batch", "writing_batch"):
            check_count(name, getattr(self, name), least=1)
        check_positive("learning_rate", self.learning_rate)
        check_choice("cosine", self.cosine, SCHEDULES)
        check_choice("precision", self.precision, PRECISIONS)
        for name in ("validation", "prompts"):
            blocks = getattr(self, name)
            if blocks is not None and np.asarray(blocks).ndim != 2:
                raise ValueError(
                    f"{name} has shape {np.asarray(blocks).shape}; it must be blocks "
                    "of tokens: (n, length)"
                )

    def __repr__(self) -> str:
        """Name all settings, arrays by their hash: a checkpoint compares this text."""
        return describe(self, digits=16)

    @property
    def event_ndim(self) -> int:
        """A block has one axis."""
        return 1

    @property
    def n_tokens(self) -> int:
        """Number of tokens that exist."""
        raise NotImplementedError

    def network(self, seed: int | None) -> nn.Module:
        """Return a network to train, with random weights or those every fit begins at.

        Without a seed the weights are about to be overwritten and may be anything.
        """
        raise NotImplementedError

    def generate(
        self, network: Any, prompts: Tensor, n_new: int, generator: torch.Generator
    ) -> Tensor:
        """Return ``n_new`` tokens after each prompt ``(B, T)``: ``(B, n_new)``."""
        return self.decoder.generate(
            network, prompts, n_new, generator=generator, end=self.end
        )

    def plan(self) -> Plan:
        """Return what training needs to know."""
        from collapse_lib.models.language.training import Plan

        return Plan(**{f.name: getattr(self, f.name) for f in fields(Plan)})

    def fit(self, data: Data, rng: np.random.Generator) -> FittedLanguageModel:
        """Train one network per chain on blocks of tokens ``(chains, n, block)``."""
        blocks = self._check(data)
        seeds = rng.integers(2**62, size=(len(blocks), 2))
        fits = [
            self._fit(chain, int(first), int(second))
            for chain, (first, second) in zip(blocks, seeds, strict=True)
        ]
        weights, losses, validation = (
            np.stack(part) for part in zip(*fits, strict=True)
        )
        return FittedLanguageModel(weights, losses, validation, blocks.shape[2], self)

    def _fit(
        self, blocks: Tokens, seed: int, training_seed: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        """Train the network of one chain."""
        from collapse_lib.models.language import training
        from collapse_lib.models.weights import pack, unpack

        network = self.network(seed if self.init is None else None)
        if self.init is not None:
            unpack(network, self.init)
        network.to(self.device)
        losses, validation = training.train(
            network, blocks, self.validation, self.plan(), training_seed
        )
        if not np.isfinite(losses).all():
            raise ValueError(
                f"training diverged: the loss of the epochs is {losses}; lower "
                f"learning_rate (it is {self.learning_rate:g})"
            )
        return pack(network), losses, validation

    def _check(self, data: Data) -> Tokens:
        if isinstance(data, Summary):
            raise ValueError(
                f"a {type(self).__name__} trains on blocks of tokens, not on a "
                f"{type(data).__name__}"
            )
        check_data(data, self.event_ndim)
        check_tokens("data", data, self.n_tokens)
        for name in ("validation", "prompts"):
            if getattr(self, name) is not None:
                check_tokens(name, np.asarray(getattr(self, name)), self.n_tokens)
        return cast("Tokens", data)
