"""What all watermarks share: a keyed rule that writes, and a score that reads.

A mark is a law for the next token that depends on a key, and a score of each token
whose mean and standard deviation are known where the key played no part. All else -
writing with any model, the z of a text, repeats - is the same for all marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import check_count, check_rng, check_switch, given, numbers
from collapse_lib.data.texts import check_symbols
from collapse_lib.detection.keyed import Bits, add, hashed

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

# Sums of probabilities in single precision are off by so much.
ROUNDING = 1e-4


@dataclass(frozen=True, kw_only=True)
class Mark:
    r"""Base of all watermarks: a subclass has ``_law``, ``_of`` and the null's moments.

    The score of a text of :math:`T` scored tokens is

    .. math::
        z = \frac{\sum_t s_t - T\mu}{\sigma\sqrt{T}}

    with the mean :math:`\mu` and the standard deviation :math:`\sigma` of a token's
    score where the key played no part.

    Parameters
    ----------
    n_symbols
        Size of the vocabulary; tokens are 0 to ``n_symbols - 1``.
    context
        How many tokens before it the keyed numbers of a token depend on. The first
        tokens of a text, which have fewer, are neither marked nor scored.
    key
        The secret, from 0 up.

    Raises
    ------
    ValueError
        If an argument is not usable.
    """

    n_symbols: int
    context: int = 1
    key: int = 17

    #: Whether other tokens are drawn each time, given the key and the context.
    random: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options."""
        check_count("n_symbols", self.n_symbols, least=2)
        check_count("context", self.context, least=0)
        check_count("key", self.key, least=0)

    @property
    def null_mean(self) -> float:
        """Mean score of a token where the key played no part."""
        raise NotImplementedError

    @property
    def null_sd(self) -> float:
        """Standard deviation of that score."""
        raise NotImplementedError

    def _of(self, bits: Bits) -> Array:
        """Return the score of each token from its keyed bits."""
        raise NotImplementedError

    def _law(self, p: Array, bits: Bits) -> Array:
        """Return the law of the next token from the model's and the keyed bits."""
        raise NotImplementedError

    def bits(self, text: ArrayLike) -> Bits:
        """Return the keyed bits of each scored token.

        Parameters
        ----------
        text
            Tokens, shape ``(..., T)``.

        Returns
        -------
        array
            Shape ``(..., T - context)``.

        Raises
        ------
        ValueError
            If these are no tokens, or too few.
        """
        tokens, n = self._tokens("text", text), self.context + 1
        if tokens.shape[-1] < n:
            raise ValueError(
                f"text has {tokens.shape[-1]} tokens; the mark looks at {n} at a time, "
                "so that none can be scored: give a longer text"
            )
        return hashed(
            self.key, np.lib.stride_tricks.sliding_window_view(tokens, n, axis=-1)
        )

    def scores(self, text: ArrayLike) -> Array:
        """Return the score of each token, ``(..., T - context)``; arguments: `bits`."""
        return self._of(self.bits(text))

    def z(self, text: ArrayLike, repeats: bool = False) -> Array:
        """Return how many standard deviations a text is above chance.

        Parameters
        ----------
        text
            Tokens, shape ``(..., T)``.
        repeats
            Whether an n-gram that occurs several times counts each time. It then also
            *errs* each time, so that z of unmarked text spreads wider than 1: see
            `null_deviation`.

        Returns
        -------
        array
            Shape ``(...)``.

        Raises
        ------
        ValueError
            As `bits`.
        """
        check_switch("repeats", repeats)
        bits = self.bits(text)
        counted = np.ones(bits.shape, bool) if repeats else first(bits)
        above = np.where(counted, self._of(bits) - self.null_mean, 0).sum(axis=-1)
        return np.asarray(above / (self.null_sd * np.sqrt(counted.sum(axis=-1))))

    def law(self, p: ArrayLike, before: ArrayLike) -> Array:
        """Return the law of the next token under the mark.

        Parameters
        ----------
        p
            The model's law, shape ``(n, n_symbols)``.
        before
            The tokens so far, shape ``(n, m)``; only the last ``context`` count. Where
            there are fewer, the law is the model's.

        Returns
        -------
        array
            Shape ``(n, n_symbols)``.

        Raises
        ------
        ValueError
            If these are no such laws or tokens.
        """
        p = numbers("p", p, least=0, ndim=2, shape=f"(n, {self.n_symbols})")
        texts = self._tokens("before", before)
        if p.shape[1] != self.n_symbols or len(texts) != len(p) or texts.ndim != 2:
            raise ValueError(
                f"p has shape {p.shape} and before {texts.shape}; needed are "
                f"(n, {self.n_symbols}) and (n, m)"
            )
        total = p.sum(axis=1, keepdims=True)
        if np.abs(total - 1).max() > ROUNDING:
            raise ValueError(
                f"p has rows with sums from {total.min():.9g} to {total.max():.9g}; "
                "the probabilities of the next token sum to 1"
            )
        if texts.shape[1] < self.context:
            return np.asarray(p / total)
        context = hashed(self.key, texts[:, texts.shape[1] - self.context :])
        return self._law(p / total, add(context[:, None], np.arange(self.n_symbols)))

    def draw(self, p: ArrayLike, before: ArrayLike, rng: np.random.Generator) -> Tokens:
        """Return the next token of each text, shape ``(n,)``; arguments: `law`.

        Raises
        ------
        ValueError
            As `law`, or if ``rng`` is no generator.
        """
        check_rng(rng)
        cdf = np.cumsum(self.law(p, before), axis=1)
        u = rng.random((len(cdf), 1)) * cdf[:, -1:]
        return np.asarray((cdf <= u).sum(axis=1))

    def _tokens(self, name: str, text: Any) -> Tokens:
        return check_symbols(name, text, "(..., length)", self.n_symbols)


def check_mark(name: str, mark: Any, n_symbols: int) -> None:
    """Raise ValueError unless this is a mark for a vocabulary of this size."""
    if not isinstance(mark, Mark):
        raise ValueError(
            f"{name} is {given(mark)}; it must be a mark: GreenList(n_symbols=...), "
            "Tournament(...) or Gumbel(...)"
        )
    if mark.n_symbols != n_symbols:
        raise ValueError(
            f"{name} is for {mark.n_symbols} symbols, the model knows {n_symbols}; "
            "both must be the same"
        )


def first(bits: Bits) -> NDArray[np.bool_]:
    """Tell for each place of a text, ``(..., T)``, whether its bits are new there."""
    order = np.argsort(bits, axis=-1, kind="stable")
    ordered = np.take_along_axis(bits, order, axis=-1)
    new = np.ones(bits.shape, bool)
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    found = np.empty(bits.shape, bool)
    np.put_along_axis(found, order, new, axis=-1)
    return found
