"""How a language model turns its probabilities into text: sample, or search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from collapse_lib.checks import check_count, check_number, check_positive, given
from collapse_lib.data.texts import check_symbols
from collapse_lib.detection.marks import Mark, check_mark
from collapse_lib.models.language import beam_search, sampling
from collapse_lib.models.language.network import Network
from collapse_lib.models.language.sampling import Request

#: Divided by less, large scores are no longer numbers in single precision.
LEAST_TEMPERATURE = 1e-30


class Decoder(ABC):
    """A way to continue sequences of tokens."""

    #: Whether the same prompt can have several continuations.
    random: ClassVar[bool]

    def generate(
        self,
        network: Network,
        prompts: Tensor,
        n_new: int,
        *,
        generator: torch.Generator,
        end: int | None = None,
    ) -> Tensor:
        """Return ``n_new`` tokens after each prompt.

        Parameters
        ----------
        network
            The model.
        prompts
            Tokens, shape ``(B, T)``.
        n_new
            How many tokens to add.
        generator
            Source of randomness.
        end
            A token that is never generated: that of the end of a text, so that every
            continuation is equally long.

        Returns
        -------
        Tensor
            Only the new tokens, shape ``(B, n_new)``.

        Raises
        ------
        ValueError
            If the model cannot read that many tokens, has too few for this decoder, or
            an argument is not usable.
        """
        if not isinstance(network, Network):
            raise ValueError(
                f"network is {given(network)}; it must be a network of the library, as "
                "model.network(seed) returns one"
            )
        if not isinstance(generator, torch.Generator):
            raise ValueError(
                f"generator is {given(generator)}; pass torch.Generator() with a seed"
            )
        n_tokens = network.sizes.vocabulary
        self.check(n_tokens)
        n_new = check_count("n_new", n_new, least=1)
        if end is not None:
            end = check_count("end", end, 0, n_tokens - 1)
        tokens = _checked(prompts, n_tokens)
        sampling.check_room(network, tokens.shape[1], n_new)
        return self._write(Request(network, tokens, n_new, generator, end))

    def check(self, n_tokens: int) -> None:
        """Raise ValueError unless a model of so many tokens can write like this."""
        check_count("n_tokens", n_tokens, least=1)

    @abstractmethod
    def _write(self, request: Request) -> Tensor:
        """Do what `generate` says; there is room for the tokens."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what `generate` of Hugging Face's transformers calls the same."""


@dataclass(frozen=True)
class Ancestral(Decoder):
    r"""Draw every token from the model's probabilities given all tokens before.

    Only this decoder, and only with the defaults, draws from the model's own
    distribution; the others change it.

    Parameters
    ----------
    temperature
        Probabilities are raised to the power :math:`1/T` and normalised.
    top_k
        Draw only among the ``top_k`` most probable tokens.
    top_p
        Draw only among the most probable tokens that together have at least this
        probability (nucleus sampling, Holtzman et al. 2020).

    Notes
    -----
    The limits apply in this order: temperature, ``top_k``, ``top_p``.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    random = True

    def __post_init__(self) -> None:
        """Check the settings."""
        if check_positive("temperature", self.temperature) < LEAST_TEMPERATURE:
            raise ValueError(
                f"temperature is {self.temperature!r}; below {LEAST_TEMPERATURE} the "
                "most probable token is all that is left: use Greedy()"
            )
        if self.top_k is not None:
            check_count("top_k", self.top_k, least=1)
        if self.top_p is not None:
            check_number("top_p", self.top_p, above=0, most=1)

    def _write(self, request: Request) -> Tensor:
        def choose(logits: Tensor, _: Tensor) -> Tensor:
            limited = sampling.limit(logits, self.temperature, self.top_k, self.top_p)
            return sampling.draw(limited, request.generator)

        return sampling.one_by_one(request, choose)

    def settings(self) -> dict[str, Any]:
        """Return the settings under Hugging Face's names; see `Decoder`."""
        return {
            "do_sample": True,
            "temperature": self.temperature,
            "top_k": 0 if self.top_k is None else self.top_k,
            "top_p": 1.0 if self.top_p is None else self.top_p,
        }

    def temper(self, temperature: float) -> Ancestral:
        """Return the decoder with its temperature multiplied."""
        check_positive("temperature", temperature)
        return replace(self, temperature=self.temperature * temperature)


@dataclass(frozen=True)
class Watermarked(Decoder):
    """Draw every token from the model's law under a watermark.

    Parameters
    ----------
    mark
        The watermark, from `collapse_lib.detection`.
    decoder
        What gives the law that is marked: its temperature and limits come first.

    Raises
    ------
    ValueError
        If an argument is no mark or no such decoder.
    """

    mark: Mark
    decoder: Ancestral = field(default_factory=Ancestral)
    random = True

    def __post_init__(self) -> None:
        """Check the mark."""
        if not isinstance(self.decoder, Ancestral):
            raise ValueError(
                f"decoder is {given(self.decoder)}; a watermark changes what is drawn: "
                "it must be Ancestral()"
            )
        check_mark("mark", self.mark, getattr(self.mark, "n_symbols", 0))

    def check(self, n_tokens: int) -> None:
        """Raise ValueError unless the mark is for a model of so many tokens."""
        check_mark("mark", self.mark, check_count("n_tokens", n_tokens, least=1))

    def _write(self, request: Request) -> Tensor:
        seed = torch.randint(2**62, (1,), generator=request.generator)
        rng, own = np.random.default_rng(int(seed)), self.decoder

        def choose(logits: Tensor, seen: Tensor) -> Tensor:
            limited = sampling.limit(logits, own.temperature, own.top_k, own.top_p)
            p = limited.double().softmax(-1).cpu().numpy()
            drawn = self.mark.draw(p, seen.cpu().numpy(), rng)
            return torch.from_numpy(drawn).to(logits.device)

        return sampling.one_by_one(request, choose)

    def settings(self) -> dict[str, Any]:
        """Raise ValueError: Hugging Face's models have watermarks of their own."""
        raise ValueError(
            f"{self} cannot write with a model of Hugging Face's; pass its own "
            "watermarking_config there"
        )


@dataclass(frozen=True)
class Greedy(Decoder):
    """Take the most probable token each time.

    Parameters
    ----------
    repetition_penalty
        See `Beam`; here it divides positive scores and multiplies negative ones.
    """

    repetition_penalty: float = 1.0
    random = False

    def __post_init__(self) -> None:
        """Check the settings."""
        check_positive("repetition_penalty", self.repetition_penalty)

    def _write(self, request: Request) -> Tensor:
        def choose(logits: Tensor, seen: Tensor) -> Tensor:
            return sampling.penalise(logits, seen, self.repetition_penalty).argmax(-1)

        return sampling.one_by_one(request, choose)

    def settings(self) -> dict[str, Any]:
        """Return the settings under Hugging Face's names; see `Decoder`."""
        return {"do_sample": False, "repetition_penalty": self.repetition_penalty}


@dataclass(frozen=True)
class Beam(Decoder):
    r"""Search for a probable continuation, keeping the best few beginnings.

    At every step each of the ``beams`` kept beginnings is continued by every token,
    and the ``beams`` most probable of all results are kept; at the end the best is
    returned. This is an approximate argmax, not a sample.

    Parameters
    ----------
    beams
        How many beginnings are kept.
    repetition_penalty
        The log probability of a token that occurs already, prompt included, is
        multiplied by this number (Keskar et al. 2019); 1 changes nothing. For one beam
        see the notes.

    Notes
    -----
    One beam is greedy search: nothing is compared but the tokens of one step, and the
    penalty acts on their scores as in `Greedy`. Hugging Face's ``generate`` does the
    same. With a penalty the two are different searches: a log probability is never
    positive, so that with several beams every token that occurs already loses; a score
    may have either sign.

    Shumailov et al. (2024) use five beams, and a penalty of 2 in their ablation.
    """

    beams: int = 5
    repetition_penalty: float = 1.0
    random = False

    def __post_init__(self) -> None:
        """Check the settings."""
        check_count("beams", self.beams, least=1)
        check_positive("repetition_penalty", self.repetition_penalty)

    def check(self, n_tokens: int) -> None:
        """Raise ValueError unless there are as many first tokens as beginnings."""
        if self.beams > check_count("n_tokens", n_tokens, least=1):
            raise ValueError(
                f"beams is {self.beams}, and the model knows {n_tokens} tokens: so "
                f"many beginnings cannot differ in one token; take at most {n_tokens}"
            )

    def _write(self, request: Request) -> Tensor:
        if self.beams == 1:
            return Greedy(self.repetition_penalty)._write(request)
        return beam_search.search(request, self.beams, self.repetition_penalty)

    def settings(self) -> dict[str, Any]:
        """Return the settings under Hugging Face's names; see `Decoder`."""
        return {
            "do_sample": False,
            "num_beams": self.beams,
            "repetition_penalty": self.repetition_penalty,
        }


def _checked(prompts: Any, n_tokens: int) -> Tensor:
    """Return prompts as whole numbers in torch, shape ``(B, T)``."""
    given = prompts.detach().cpu() if isinstance(prompts, Tensor) else prompts
    tokens = check_symbols("prompts", given, "(n, length)", n_tokens)
    if not tokens.size:
        raise ValueError(f"prompts is empty: its shape is {tokens.shape}")
    return prompts.long() if isinstance(prompts, Tensor) else torch.from_numpy(tokens)
