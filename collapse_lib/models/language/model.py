"""What all neural language models share: training, and what a generation writes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from collapse_lib.checks import (
    check_count,
    check_finite,
    check_positive,
    check_rng,
    given,
    numeric,
)
from collapse_lib.data.texts import check_blocks, check_symbols
from collapse_lib.detection.marks import Mark, check_mark
from collapse_lib.models.base import DOUBLE, SINGLE, FittedChains, check_sampling
from collapse_lib.models.language import training
from collapse_lib.models.language.decoding import Ancestral, Decoder, Watermarked
from collapse_lib.models.weights import check_device, check_losses, pack, padded, unpack
from collapse_lib.samples import Data, describe, points

Tokens = NDArray[np.integer[Any]]
#: What to do where a token does not exist.
OTHER_TOKENS = ": use the tokenizer that the model was made for"


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguageModel(training.Training):
    """Base of `Transformer` and `Pretrained`: how to train and how to generate.

    Data are blocks of tokens: integers of shape ``(chains, n, block)``. The settings
    of training are those of `Training`.

    Parameters
    ----------
    init
        Weights that every fit starts from, shape ``(n_weights,)``, for example
        ``fitted.weights[0]``; default: see the class.
    validation
        Original blocks ``(m, block)``: a fit keeps the weights of the epoch with the
        lowest loss on them. Default: those of the last epoch.
    prompts
        Original blocks ``(m, length)``: a generated block is what the model writes
        after one of them. Default: after ``start`` alone.
    end
        Token that is never generated, so that every block is equally long.
    decoder
        How text is generated: `Ancestral`, `Greedy` or `Beam`.
    writing_batch
        Blocks that are written together: more are faster, until memory ends.
    device
        ``"cpu"``, ``"cuda"``, ...
    """

    init: NDArray[np.float32] | None = None
    validation: Tokens | None = None
    prompts: Tokens | None = None
    end: int | None = None
    decoder: Decoder = field(default_factory=Ancestral)
    writing_batch: int = 64
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        check_count("writing_batch", self.writing_batch, least=1)
        check_device(self.device)
        if self.end is not None:
            check_count("end", self.end, least=0)
        if not isinstance(self.decoder, Decoder):
            raise ValueError(
                f"decoder is {given(self.decoder)}; it must be Ancestral(), Greedy(), "
                "Beam(beams), or another Decoder"
            )
        for name in ("validation", "prompts"):
            if getattr(self, name) is not None:
                blocks = check_symbols(name, getattr(self, name), "(n, length)")
                if not blocks.size:
                    raise ValueError(f"{name} is empty: its shape is {blocks.shape}")
                self._keep(name, blocks)
        if self.early_stopping is not None and self.validation is not None:
            raise ValueError(
                "validation and early_stopping are both given, and both choose the "
                "epoch whose weights are kept: leave one of them out"
            )
        if self.init is not None:
            init = numeric("init", self.init)
            if init.ndim != 1:
                raise ValueError(
                    f"init has shape {init.shape}; it must be the weights of one "
                    "network, (n_weights,), for example fitted.weights[0]"
                )
            self._keep("init", init)

    def _keep(self, name: str, array: NDArray[Any]) -> None:
        """Keep what was given as an array; an array stays as it is."""
        if type(getattr(self, name)) is not np.ndarray:
            object.__setattr__(self, name, array)

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

    def fit(self, data: Data, rng: np.random.Generator) -> FittedLanguageModel:
        """Train one network per chain on blocks of tokens ``(chains, n, block)``.

        Raises
        ------
        ValueError
            If the data are no such blocks, or a setting does not fit the model's
            tokens or this machine.
        """
        check_rng(rng)
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
        network = self.network(seed if self.init is None else None)
        if self.init is not None:
            unpack(network, self.init)
        network.to(self.device)
        held: Tokens | None = self.validation
        if self.early_stopping is not None:
            kept, out = self.early_stopping.split(
                len(blocks), np.random.default_rng(training_seed)
            )
            blocks, held = blocks[kept], blocks[out]
        losses, validation = training.train(network, blocks, held, self, training_seed)
        check_losses(losses, self.learning_rate)
        epochs = self.epochs
        return pack(network), padded(losses, epochs), padded(validation, epochs)

    def _check(self, data: Data) -> Tokens:
        known = self.n_tokens
        blocks = check_symbols(
            "data", points(data, self), "(chains, n, block)", known, OTHER_TOKENS
        )
        for name in ("validation", "prompts"):
            own = getattr(self, name)
            if own is not None:
                check_symbols(name, own, "(n, length)", known, OTHER_TOKENS)
        for name in ("start", "end"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name), 0, known - 1)
        if self.init is not None:
            check_finite("init", self.init)
        self.decoder.check(known)
        check_device(self.device, here=True)
        for name, array in (("data", blocks), ("validation", self.validation)):
            if array is not None:
                self._check_length(name, array.shape[-1])
        return blocks

    def _check_length(self, name: str, length: int) -> None:
        """Raise ValueError if blocks are too short for anything to be predicted."""
        if length < 2 and self.start is None:
            raise ValueError(
                f"{name}: without a start token the first token of a block is given, "
                f"and of {length} nothing is left to predict; give start, or longer "
                "blocks"
            )


@dataclass(frozen=True)
class FittedLanguageModel(FittedChains):
    """Trained networks, one per chain.

    Parameters
    ----------
    weights
        Shape ``(chains, n_weights)``.
    losses, validation_losses
        Mean loss per token in each epoch, shape ``(chains, epochs)``; the second on
        the validation blocks, or those held out for early stopping, else NaN. Both are
        NaN in epochs after training stopped.
    block
        Tokens in a block.
    model
        The recipe.
    """

    weights: NDArray[np.float32]
    losses: NDArray[np.float64]
    validation_losses: NDArray[np.float64]
    block: int
    model: LanguageModel

    ndims = {"weights": 2, "losses": 2, "validation_losses": 2}
    kept_types = (SINGLE, DOUBLE)

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        super().__post_init__()
        check_count("block", self.block, least=1)
        if not isinstance(self.model, LanguageModel):
            raise ValueError(
                f"model is {given(self.model)}; it must be a language model: "
                "Transformer(...) or Pretrained(...)"
            )

    @property
    def epochs_trained(self) -> NDArray[np.int64]:
        """Epochs until training ended, shape ``(chains,)``."""
        return np.asarray(np.isfinite(self.losses).sum(axis=1))

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """Write ``n`` blocks per chain: shape ``(chains, n, block)``.

        With prompts, each block continues another prompt, in random order.

        Raises
        ------
        ValueError
            If there are fewer prompts than ``n`` and the decoder is not random, so
            that blocks would repeat.
        """
        check_sampling(n, rng)
        chains = range(len(self.weights))
        return np.stack(
            [self.continuations(self._prompts(n, rng), rng, c) for c in chains]
        )

    def continuations(
        self, prompts: Tokens, rng: np.random.Generator, chain: int = 0
    ) -> NDArray[np.int32]:
        """Continue every prompt by one block, in order.

        Parameters
        ----------
        prompts
            Tokens, shape ``(n, length)``.
        rng
            Source of randomness.
        chain
            Which of the models writes.

        Returns
        -------
        ndarray
            Only the new tokens, shape ``(n, block)``.

        Raises
        ------
        ValueError
            If these are no tokens of the model's, or there is no such chain.
        """
        model, network = self.model, self.network(chain)
        check_rng(rng)
        model.decoder.check(model.n_tokens)
        tokens = check_symbols(
            "prompts", prompts, "(n, length)", model.n_tokens, OTHER_TOKENS
        )
        if not tokens.size:
            raise ValueError(f"prompts is empty: its shape is {tokens.shape}")
        rows = torch.from_numpy(np.ascontiguousarray(tokens)).to(model.device)
        seed = int(rng.integers(2**62))
        generator = torch.Generator(model.device).manual_seed(seed)
        new = [
            model.generate(network, part, self.block, generator).int().cpu()
            for part in torch.split(rows, model.writing_batch)
        ]
        written: NDArray[np.int32] = torch.cat(new).numpy()
        return written

    def _prompts(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return what ``n`` blocks are written after, shape ``(n, length)``."""
        model = self.model
        if model.prompts is None:
            if model.start is None:
                raise ValueError(
                    "the model can write nothing: it has neither prompts nor a start "
                    "token; give one of them"
                )
            return np.full((n, 1), model.start)
        prompts = np.asarray(model.prompts, np.int64)
        rounds, rest = divmod(n, len(prompts))
        if n > len(prompts) and not model.decoder.random:
            raise ValueError(
                f"{n} blocks asked for, and only {len(prompts)} prompts: "
                f"{model.decoder} continues a prompt in one way only, so blocks would "
                "repeat; give more prompts, or use Ancestral()"
            )
        order = [rng.permutation(len(prompts)) for _ in range(rounds + 1)]
        order[-1] = order[-1][:rest]
        chosen = prompts[np.concatenate(order)]
        if model.start is None:
            return chosen
        return np.concatenate([np.full((n, 1), model.start), chosen], axis=1)

    def network(self, chain: int) -> nn.Module:
        """Return the trained network of a chain, in torch.

        Raises
        ------
        ValueError
            If there is no such chain, or this machine has not the device.
        """
        chain = check_count("chain", chain, 0, len(self.weights) - 1)
        check_device(self.model.device, here=True)
        network = unpack(self.model.network(None), self.weights[chain])
        return network.to(self.model.device).eval()

    def nll(self, blocks: Tokens) -> NDArray[np.float64]:
        """Return how surprised each model is by each block, in nats per token.

        Parameters
        ----------
        blocks
            Tokens, shape ``(n, length)``, the same for all chains, or ``(chains, n,
            length)``.

        Returns
        -------
        ndarray
            Mean negative log likelihood per token, shape ``(chains, n)``; the
            exponential of a mean of it is a perplexity.

        Raises
        ------
        ValueError
            If these are no tokens of the model's, or the shape is another one.
        """
        chains = len(self.weights)
        own = check_blocks("blocks", blocks, chains, self.model.n_tokens, OTHER_TOKENS)
        if not own.size:
            raise ValueError(f"blocks is empty: its shape is {np.shape(blocks)}")
        self.model._check_length("blocks", own.shape[-1])
        losses = [
            training.block_losses(self.network(c), own[c], self.model)
            for c in range(chains)
        ]
        return np.stack(losses)

    def temper(self, temperature: float) -> FittedLanguageModel:
        """Return the model that draws each token at this temperature.

        Raises
        ------
        ValueError
            If the decoder does not draw, or the temperature is none.
        """
        check_positive("temperature", temperature)
        decoder = self.model.decoder
        if not isinstance(decoder, Ancestral):
            raise ValueError(
                f"{decoder} has no temperature; use the decoder Ancestral()"
            )
        model = replace(self.model, decoder=decoder.temper(temperature))
        return replace(self, model=model)

    def watermark(self, mark: Mark) -> FittedLanguageModel:
        """Return the model whose text carries a watermark.

        Raises
        ------
        ValueError
            If the decoder does not draw, or the mark is for other tokens.
        """
        check_mark("mark", mark, self.model.n_tokens)
        decoder = self.model.decoder
        if not isinstance(decoder, Ancestral):
            raise ValueError(
                f"{decoder} draws nothing that a mark could change; use the decoder "
                "Ancestral()"
            )
        return replace(
            self, model=replace(self.model, decoder=Watermarked(mark, decoder))
        )
