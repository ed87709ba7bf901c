"""A small transformer that is trained from scratch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collapse_lib.checks import check_count, check_rng
from collapse_lib.models.language import network as networks
from collapse_lib.models.language.model import FittedLanguageModel, LanguageModel
from collapse_lib.samples import Data


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Transformer(LanguageModel):
    """Decoder-only transformer with the architecture of OPT, in any size.

    A new network with new random weights is trained at every fit, or one that starts
    from ``init`` again. The other parameters are those of `LanguageModel`.

    Parameters
    ----------
    vocabulary
        Number of tokens that exist.
    context
        The most tokens in a sequence: start token, prompt and block together.
    width, layers, heads
        Of a token's vector, number of layers, and attention heads in each.
    hidden
        Neurons of a feed-forward layer; default: four times the width.
    dropout
        Share of each layer's contribution that is set to zero in training.

    Notes
    -----
    Zhang et al. (2022) describe OPT. Runs in every regime. On CPU a fit is
    bit-identical for the same number of threads.

    Examples
    --------
    >>> blocks = np.random.default_rng(0).integers(7, size=(1, 8, 6))
    >>> model = Transformer(
    ...     vocabulary=8, context=8, width=8, layers=1, heads=2, epochs=1, start=7
    ... )
    >>> fitted = model.fit(blocks, np.random.default_rng(1))
    >>> fitted.sample(3, np.random.default_rng(2)).shape
    (1, 3, 6)
    """

    vocabulary: int
    context: int = 128
    width: int = 128
    layers: int = 4
    heads: int = 4
    hidden: int | None = None
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        check_count("width", self.width, least=1)
        self.sizes  # noqa: B018 - checks the others

    @property
    def n_tokens(self) -> int:
        """Number of tokens that exist."""
        return self.vocabulary

    @property
    def sizes(self) -> networks.Architecture:
        """Sizes of the network."""
        hidden = 4 * self.width if self.hidden is None else self.hidden
        sizes = (self.vocabulary, self.context, self.width, self.layers, self.heads)
        return networks.Architecture(*sizes, hidden, self.dropout)

    def fit(self, data: Data, rng: np.random.Generator) -> FittedLanguageModel:
        """Train one network per chain on blocks of tokens ``(chains, n, block)``.

        Raises
        ------
        ValueError
            If blocks and prompts do not fit the context, or would reach positions
            that are never trained.
        """
        check_rng(rng)
        self._check_positions(self._check(data).shape[2])
        return super().fit(data, rng)

    def _check_positions(self, block: int) -> None:
        """Check that every position that is read exists and is trained."""
        first = 0 if self.start is None else 1
        trained = first + block - 1
        prompt = 0 if self.prompts is None else np.shape(self.prompts)[1]
        read = trained + prompt
        scored = 0 if self.validation is None else np.shape(self.validation)[1]
        if first + scored - 1 > self.context:
            raise ValueError(
                f"validation blocks of {scored} tokens after {first} given ones do not "
                f"fit: context is {self.context}; make them shorter"
            )
        if read > self.context:
            raise ValueError(
                f"blocks of {block} tokens after {first + prompt} given ones do not "
                f"fit: context is {self.context}; it must be at least {read}"
            )
        if prompt and self.init is None:
            raise ValueError(
                f"blocks after prompts reach positions up to {read}, and a fit from "
                f"random weights trains only {trained}: give init, the weights of a "
                f"model that was fitted to blocks of at least {read + 1} tokens"
            )

    def network(self, seed: int | None) -> networks.Network:
        """Return a network with random weights, or with none yet."""
        if seed is None:
            return networks.empty(self.sizes)
        return networks.random(self.sizes, seed)
