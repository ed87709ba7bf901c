"""Fine-tuning a pretrained language model anew in every generation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from collapse_lib.checks import check_rng
from collapse_lib.data import models as files
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.models.language.decoding import Beam, Decoder
from collapse_lib.models.language.model import FittedLanguageModel, LanguageModel
from collapse_lib.models.language.network import empty
from collapse_lib.models.pretrained import opt
from collapse_lib.models.pretrained.huggingface import HuggingFace
from collapse_lib.samples import Data


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pretrained(LanguageModel):
    """A causal language model of Hugging Face's kind, fine-tuned at every fit.

    Every fit starts from the pretrained weights again, or from ``init``, for example
    those of model 0. The other parameters are those of `LanguageModel`; here their
    defaults are the settings of Shumailov et al. (2024).

    Parameters
    ----------
    name
        ``"facebook/opt-125m"``, ``"smollm2-135m"``, ``owner/model`` of another model,
        or a folder with ``config.json``, ``model.safetensors`` and ``tokenizer.json``.
        ``python -m collapse_lib.data NAME`` fetches one; nothing is fetched here.

    Raises
    ------
    ValueError
        If the name is unknown.
    FileNotFoundError
        If the model is not on this machine, or a file is missing.

    Notes
    -----
    Models with the architecture of OPT run in our own network; others run in Hugging
    Face's, which needs the extra ``[pretrained]``. SmolLM2 was trained on much
    generated text: it is no purely human generation 0.
    """

    name: str | Path
    epochs: int = 5
    batch: int = 128
    learning_rate: float = 2e-5
    final_learning_rate: float = 1e-6
    cosine: str = "epoch"
    decoder: Decoder = Beam(5)
    writing_batch: int = 16

    def __post_init__(self) -> None:
        """Check the settings, and that the model is there."""
        super().__post_init__()
        files.find(self.name)

    @property
    def folder(self) -> Path:
        """Where the model's files are."""
        return files.find(self.name)

    @property
    def config(self) -> dict[str, Any]:
        """What the model's ``config.json`` says."""
        return files.config(self.folder)

    @property
    def n_tokens(self) -> int:
        """Number of tokens that exist."""
        return int(self.config["vocab_size"])

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer that the model was trained with.

        Raises
        ------
        ValueError
            If it has tokens that the model does not know.
        """
        tokenizer = Tokenizer.load(files.checked(self.folder, "tokenizer.json"))
        if len(tokenizer) > self.n_tokens:
            raise ValueError(
                f"the tokenizer in {self.folder} has {len(tokenizer)} tokens, the "
                f"model knows {self.n_tokens}: they belong to different models; get "
                "the model again"
            )
        return tokenizer

    def fit(self, data: Data, rng: np.random.Generator) -> FittedLanguageModel:
        """Fine-tune one network per chain on blocks of tokens ``(chains, n, block)``.

        Raises
        ------
        ValueError
            If prompts and blocks together are longer than the model can read.
        """
        check_rng(rng)
        block = self._check(data).shape[2]
        if self.validation is not None:
            block = max(block, np.shape(self.validation)[1])
        given = 0 if self.start is None else 1
        given += 0 if self.prompts is None else np.shape(self.prompts)[1]
        context = self.config.get("max_position_embeddings", np.inf)
        if given + block > context:
            raise ValueError(
                f"blocks of {block} tokens after {given} given ones do not fit: the "
                f"model reads {context}; make blocks or prompts shorter"
            )
        return super().fit(data, rng)

    def network(self, seed: int | None) -> nn.Module:
        """Return the network with the pretrained weights, whatever the seed."""
        folder = self.folder
        sizes = opt.sizes_of(self.config)
        if sizes is None:
            if seed is not None:
                files.checked(folder, "model.safetensors")
            return HuggingFace(folder)
        network = empty(sizes)
        if seed is None:
            return network
        return opt.from_opt(network, files.weights(folder))

    def generate(
        self, network: Any, prompts: Tensor, n_new: int, generator: torch.Generator
    ) -> Tensor:
        """Return ``n_new`` tokens after each prompt ``(B, T)``: ``(B, n_new)``."""
        if hasattr(network, "write"):
            new: Tensor = network.write(
                prompts, n_new, self.decoder, generator=generator, end=self.end
            )
            return new
        return super().generate(network, prompts, n_new, generator)
