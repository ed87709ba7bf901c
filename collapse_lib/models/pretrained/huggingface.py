"""Networks of Hugging Face's transformers."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from collapse_lib import files
from collapse_lib.data.models import library
from collapse_lib.models.language.decoding import Decoder
from collapse_lib.models.pretrained.llama import LlamaRequest


class HuggingFace(nn.Module):
    """Any causal language model: tokens -> logits of the token that follows each.

    Parameters
    ----------
    folder
        With ``config.json`` and ``model.safetensors``.

    Raises
    ------
    ImportError
        If transformers is not installed.
    ValueError
        If weights are missing, damaged or of another model.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        transformers, folder = library(), files.check_path("folder", folder)
        try:
            with torch.random.fork_rng(devices=[]):
                model, report = transformers.AutoModelForCausalLM.from_pretrained(
                    folder,
                    use_safetensors=True,
                    local_files_only=True,
                    trust_remote_code=False,
                    dtype=torch.float32,
                    output_loading_info=True,
                )
        except (SafetensorError, OSError, RuntimeError, ValueError) as error:
            if "trust_remote_code" in str(error):
                raise ValueError(
                    f"the model in {folder} needs a program that comes with it, and "
                    "such are never run; take a model whose architecture the library "
                    "transformers knows"
                ) from None
            raise ValueError(
                f"the weights in {folder} cannot be read ({error}); get the model again"
            ) from None
        if report["missing_keys"]:
            lacking = ", ".join(sorted(report["missing_keys"])[:3])
            raise ValueError(f"the weights in {folder} lack {lacking}")
        # Instruction-tuned models bring settings of their own, such as a temperature.
        model.generation_config = transformers.GenerationConfig()
        self.model = model
        self.is_llama = isinstance(model, transformers.LlamaForCausalLM)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits, shape ``(B, T, vocabulary)``, of tokens ``(B, T)``."""
        logits: Tensor = self.model(tokens, use_cache=False).logits
        return logits

    def write(
        self,
        prompts: Tensor,
        n_new: int,
        decoder: Decoder,
        *,
        generator: torch.Generator,
        end: int | None,
    ) -> Tensor:
        """Return ``n_new`` tokens after each prompt; see `Decoder.generate`."""
        if self.is_llama:
            request = LlamaRequest(self.model, prompts, n_new, generator, end)
            return decoder._write(request)
        seed = int(torch.randint(2**62, (1,), generator=generator))
        devices = [prompts.device] if prompts.is_cuda else []
        # Without an end nothing stops early; with one it is forbidden until the last.
        settings = {} if end is None else {"min_new_tokens": n_new}
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed)
            tokens: Tensor = self.model.generate(
                prompts,
                attention_mask=torch.ones_like(prompts),
                max_new_tokens=n_new,
                eos_token_id=end,
                pad_token_id=0,
                **settings,
                **decoder.settings(),
            )
        return tokens[:, prompts.shape[1] :]
