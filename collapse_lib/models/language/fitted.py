"""A trained language model: what it writes, and how surprised it is by a text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collapse_lib.models.base import FittedChains
from collapse_lib.models.language.decoding import Ancestral

if TYPE_CHECKING:
    from torch import nn

    from collapse_lib.models.language.model import LanguageModel

Tokens = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class FittedLanguageModel(FittedChains):
    """Trained networks, one per chain.

    Parameters
    ----------
    weights
        Shape ``(chains, n_weights)``.
    losses, validation_losses
        Mean loss per token in each epoch, shape ``(chains, epochs)``; the second is
        NaN without validation blocks.
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

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """Write ``n`` blocks per chain: shape ``(chains, n, block)``.

        With prompts, each block continues another prompt, in random order.

        Raises
        ------
        ValueError
            If there are fewer prompts than ``n`` and the decoder is not random, so
            that blocks would repeat.
        """
        chains = range(len(self.weights))
        return np.stack(
            [self.continuations(self._prompts(n, rng), rng, c) for c in chains]
        )

    def continuations(
        self, prompts: NDArray[np.int64], rng: np.random.Generator, chain: int = 0
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
        """
        import torch

        model, network = self.model, self.network(chain)
        given = torch.from_numpy(prompts).to(model.device)
        seed = int(rng.integers(2**62))
        generator = torch.Generator(model.device).manual_seed(seed)
        new = [
            model.generate(network, part, self.block, generator).int().cpu()
            for part in torch.split(given, model.writing_batch)
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
        """Return the trained network of a chain, in torch."""
        from collapse_lib.models.weights import unpack

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
        """
        from collapse_lib.models.language.training import block_losses

        blocks = np.asarray(blocks)
        check_tokens("blocks", blocks, self.model.n_tokens)
        chains = len(self.weights)
        own = np.broadcast_to(blocks, (chains, *blocks.shape[-2:]))
        plan = self.model.plan()
        return np.stack(
            [block_losses(self.network(c), own[c], plan) for c in range(chains)]
        )

    def temper(self, temperature: float) -> FittedLanguageModel:
        """Return the model that draws each token at this temperature.

        Raises
        ------
        ValueError
            If the decoder does not draw.
        """
        decoder = self.model.decoder
        if not isinstance(decoder, Ancestral):
            raise ValueError(
                f"{decoder} has no temperature; use the decoder Ancestral()"
            )
        model = replace(self.model, decoder=decoder.temper(temperature))
        return replace(self, model=model)


def check_tokens(name: str, tokens: NDArray[Any], n_tokens: int) -> None:
    """Raise ValueError unless all tokens exist."""
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"{name} holds {tokens.dtype} values; tokens are integers")
    if not tokens.size:
        raise ValueError(f"{name} is empty: its shape is {tokens.shape}")
    low, high = int(tokens.min()), int(tokens.max())
    if low < 0 or high >= n_tokens:
        raise ValueError(
            f"{name} holds tokens from {low} to {high}; this model knows 0 to "
            f"{n_tokens - 1}: use the tokenizer that the model was made for"
        )
