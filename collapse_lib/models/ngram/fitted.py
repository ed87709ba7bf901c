"""Fitted n-gram models: probabilities, samples at any temperature, tails cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_rng,
    given,
    numbers,
)
from collapse_lib.data.texts import check_blocks, check_symbols
from collapse_lib.detection.marks import Mark, check_mark
from collapse_lib.models.base import check_sampling
from collapse_lib.models.ngram.smoothing import Smoothing, check_smoothing
from collapse_lib.models.ngram.table import Codes, Table, gram_codes

Array = NDArray[np.float64]

# Sums of probabilities are off by so much.
ROUNDING = 1e-12


@dataclass(frozen=True)
class FittedNGram:
    """Fitted n-gram models, one per chain.

    Parameters
    ----------
    smoothing, n_symbols
        As in `NGram`.
    chains, length
        Number of chains, and of symbols in a block.
    tables
        The counts of all orders from 1 up.
    lower
        The counts that shorter contexts use, from order 1 up: the same, unless the
        smoothing counts continuations.
    """

    smoothing: Smoothing
    n_symbols: int
    chains: int
    length: int
    tables: tuple[Table, ...]
    lower: tuple[Table, ...]

    def __post_init__(self) -> None:
        """Check that these are counts."""
        for name in ("n_symbols", "chains", "length"):
            check_count(name, getattr(self, name), least=1)
        for name in ("tables", "lower"):
            tables = getattr(self, name)
            real = isinstance(tables, tuple) and all(
                isinstance(t, Table) for t in tables
            )
            if not real or (name == "tables" and not tables):
                raise ValueError(
                    f"{name} is {given(tables)}; it must be counts of n-grams: "
                    "NGram(n_symbols).fit(data, rng) makes this model"
                )
        check_smoothing(self.smoothing, self.order)

    @property
    def order(self) -> int:
        """The number of symbols in the longest n-grams."""
        return len(self.tables)

    def types(self, level: int) -> Codes:
        """Return how many different ``level``-grams each chain has seen.

        Raises
        ------
        ValueError
            If ``level`` is not from 1 to ``order``.
        """
        level = check_count("level", level, 1, self.order)
        edges = np.arange(self.chains + 1) * self.n_symbols**level
        return np.asarray(np.diff(np.searchsorted(self.tables[level - 1].keys, edges)))

    @property
    def counts(self) -> Codes:
        """How often each symbol occurs in the data, shape ``(chains, n_symbols)``."""
        every = np.arange(self.chains * self.n_symbols)
        return self.tables[0].count(every).reshape(self.chains, -1)

    @property
    def predecessors(self) -> Codes:
        """How many different symbols each one was seen after, ``(chains, n_symbols)``.

        Raises
        ------
        ValueError
            If the model has order 1.
        """
        if self.order < 2:
            raise ValueError("order is 1; predecessors are counted from order 2 on")
        V = self.n_symbols
        after = self.tables[1].without_first(self.chains)
        return np.bincount(after, minlength=self.chains * V).reshape(-1, V)

    @property
    def fallback(self) -> Array:
        """The distribution that longer contexts end in, ``(chains, n_symbols)``."""
        codes = np.arange(self.chains * self.n_symbols).reshape(self.chains, -1)
        kept, left = self._shares(self.lower or self.tables, 1, codes)
        return np.asarray(kept + left / self.n_symbols)

    def log_prob(self, data: ArrayLike) -> Array:
        """Return the log-probability of every symbol given those before it.

        Parameters
        ----------
        data
            Blocks of shape ``(chains, n, length)``, or ``(n, length)`` for all chains.

        Returns
        -------
        array
            Natural logarithms, shape ``(chains, n, length)``.

        Raises
        ------
        ValueError
            If the shape or a symbol is not usable.
        """
        blocks = self._blocks(data, "data")
        p = np.full(blocks.shape, 1 / self.n_symbols)
        shorter = p.copy()
        for level in range(1, min(self.order, blocks.shape[-1]) + 1):
            codes = gram_codes(blocks, level, self.n_symbols)
            kept, left = self._shares(self.tables, level, codes)
            p[..., level - 1 :] = kept + left * shorter[..., level - 1 :]
            if level < self.order and self.smoothing.continuations:
                kept, left = self._shares(self.lower, level, codes)
            # Written past each block's start, which has no longer context.
            shorter[..., level:] = (kept + left * shorter[..., level - 1 :])[..., 1:]
        return np.asarray(np.log(p))

    def conditional(self, context: ArrayLike) -> Array:
        """Return the distribution of the next symbol.

        Parameters
        ----------
        context
            Symbols of shape ``(chains, n, m)`` or ``(n, m)``; only the last
            ``order - 1`` count, and m may be 0.

        Returns
        -------
        array
            Probabilities, shape ``(chains, n, n_symbols)``.
        """
        before = self._blocks(context, "context")
        top = self._top(before)
        p = self.distribution(self._context(before, top).ravel(), top)
        return p.reshape(*before.shape[:2], -1)

    def distribution(self, context: Codes, top: int) -> Array:
        """Return next-symbol distributions, shape ``(n, n_symbols)``.

        Parameters
        ----------
        context
            Codes of contexts of ``top - 1`` symbols, shape ``(n,)``.
        top
            The longest order that fits these contexts.

        Raises
        ------
        ValueError
            If there is no such order, or a code is none of a context.
        """
        top = check_count("top", top, 1, self.order)
        n_codes = self.chains * self.n_symbols ** (top - 1)
        context = check_symbols("context", context, "(n,)", n_codes)
        p, known = np.full((1, self.n_symbols), 1 / self.n_symbols), np.zeros(1, int)
        for level in range(1, top + 1):
            # Many contexts end alike: each ending is worked out once.
            table, below = self._table(level, top), known
            suffix = self._suffix(context, level, top)
            known, example = np.unique(suffix, return_index=True)
            if level > 1:
                shorter = self._suffix(context[example], level - 1, top)
                p = p[np.searchsorted(below, shorter)]
            else:
                p = np.repeat(p, len(known), axis=0)
            low, high = table.span(known)
            types, total = high - low, table.ends[high] - table.ends[low]
            safe = np.maximum(total, 1)
            left = self.smoothing.left(level, safe, types)
            p *= np.where(total > 0, left, 1.0)[:, None]
            # Every n-gram of every context: the row it belongs to, and its place.
            row = np.repeat(np.arange(len(known)), types)
            place = np.arange(len(row)) + np.repeat(
                low - np.cumsum(types) + types, types
            )
            count = table.ends[place + 1] - table.ends[place]
            kept = self.smoothing.kept(level, count, total[row], types[row])
            p[row, table.keys[place] % self.n_symbols] += kept
        return p[np.searchsorted(known, context)]

    def temper(self, temperature: float) -> TemperedNGram:
        r"""Return the model with conditional distributions :math:`\propto p^{1/T}`."""
        return TemperedNGram(self, temperature)

    def cut(
        self, top_k: int | None = None, top_p: float | None = None
    ) -> TemperedNGram:
        """Return the model that writes only its most probable symbols.

        Arguments as in `TemperedNGram`.
        """
        return TemperedNGram(self, 1.0, top_k, top_p)

    def watermark(self, mark: Mark) -> TemperedNGram:
        """Return the generator whose text carries a watermark."""
        return TemperedNGram(self, mark=mark)

    def reweighted(self, change: Callable[[Array], Any]) -> TemperedNGram:
        """Return the model with other distributions of the next symbol.

        Arguments as in `TemperedNGram`.
        """
        return TemperedNGram(self, change=change)

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw ``n`` blocks per chain: shape ``(chains, n, length)``."""
        check_sampling(n, rng)
        nothing = np.empty((self.chains, n, 0), np.int64)
        return self.continue_from(nothing, self.length, rng)

    def continue_from(
        self, prompt: ArrayLike, n_symbols: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Write on.

        Parameters
        ----------
        prompt
            Shape ``(chains, n, m)`` or ``(n, m)``.
        n_symbols
            How many symbols to add.
        rng
            Source of randomness.

        Returns
        -------
        array
            The new symbols, shape ``(chains, n, n_symbols)``.

        Raises
        ------
        ValueError
            If the prompt's shape or a symbol is not usable, or an argument is none.
        """
        check_rng(rng)
        start = self._blocks(prompt, "prompt")
        return _write_on(start, n_symbols, lambda before: self._next(before, rng))

    def _next(self, before: NDArray[Any], rng: np.random.Generator) -> Codes:
        """Draw one symbol after each context, from the longest order downwards.

        A random occurrence of the context in the data proposes its next symbol. It is
        taken with the chance that the smoothing keeps of its relative frequency; if
        not, the shorter context decides.
        """
        n_symbols, top = self.n_symbols, self._top(before)
        context = self._context(before, top).ravel()
        drawn = rng.integers(n_symbols, size=len(context))
        undecided = np.arange(len(context))
        for level in range(top, 0, -1):
            table = self._table(level, top)
            low, high = table.span(self._suffix(context[undecided], level, top))
            total = table.ends[high] - table.ends[low]
            # An unseen context proposes nothing: whatever is looked at is refused.
            pick = table.ends[low] + rng.integers(np.maximum(total, 1))
            gram = table.owner[np.minimum(pick, table.ends[-1] - 1)]
            count = table.ends[gram + 1] - table.ends[gram]
            kept = self.smoothing.kept(level, count, np.maximum(total, 1), high - low)
            taken = rng.random(len(gram)) * count < kept * total
            drawn[undecided[taken]] = table.keys[gram[taken]] % n_symbols
            undecided = undecided[~taken]
        return drawn.reshape(before.shape[:2])

    def _top(self, before: NDArray[Any]) -> int:
        """Return the longest order that such contexts allow."""
        return min(self.order, int(before.shape[-1]) + 1)

    def _table(self, level: int, top: int) -> Table:
        return (self.tables if level == top else self.lower)[level - 1]

    def _context(self, before: NDArray[Any], top: int) -> Codes:
        """Return the codes of the last ``top - 1`` symbols, shape ``(chains, n)``."""
        last = before[..., before.shape[-1] - top + 1 :]
        codes = np.broadcast_to(np.arange(self.chains)[:, None], before.shape[:2])
        for place in range(top - 1):
            codes = codes * self.n_symbols + last[..., place]
        return codes

    def _suffix(self, context: Codes, level: int, top: int) -> Codes:
        """Return the last ``level - 1`` symbols of contexts of ``top - 1``."""
        shorter = self.n_symbols ** (level - 1)
        chain = context // self.n_symbols ** (top - 1)
        return np.asarray(chain * shorter + context % shorter)

    def _shares(
        self, tables: tuple[Table, ...], level: int, codes: Codes
    ) -> tuple[Array, Array]:
        """Return what the smoothing keeps for n-grams, and leaves for shorter ones."""
        table, smoothing = tables[level - 1], self.smoothing
        low, high = table.span(codes // self.n_symbols)
        total = table.ends[high] - table.ends[low]
        count, known = table.count(codes), total > 0
        safe = np.maximum(total, 1)
        kept = smoothing.kept(level, np.maximum(count, 1), safe, high - low)
        left = smoothing.left(level, safe, high - low)
        return np.where(count > 0, kept, 0.0), np.where(known, left, 1.0)

    def _blocks(self, data: ArrayLike, name: str) -> NDArray[Any]:
        """Return symbols with the chain axis, checked."""
        return check_blocks(name, data, self.chains, self.n_symbols)


@dataclass(frozen=True)
class TemperedNGram:
    """A generator that favours what an n-gram model finds likely.

    Parameters
    ----------
    fitted
        The model.
    temperature
        1 leaves it as it is; 0 always writes the most probable symbol (ties share).
    top_k
        Write only the ``top_k`` most probable symbols after each context.
    top_p
        Write only the most probable symbols that together have at least this
        probability (nucleus sampling, Holtzman et al. 2020).
    mark
        A watermark for the text, from `collapse_lib.detection`.
    change
        ``change(p)`` returns other distributions of the next symbol, from shape ``(m,
        n_symbols)`` to the same.

    Raises
    ------
    ValueError
        If an argument is out of range; while sampling, if ``change`` returns something
        else.

    Notes
    -----
    They apply in this order: ``change``, temperature, ``top_k``, ``top_p``, mark, the
    middle three as those of `Ancestral`. Of equally probable symbols those with the
    lower number come first.

    Every conditional distribution is written out, so that the time grows with the size
    of the vocabulary; equal contexts are treated once.
    """

    fitted: FittedNGram
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    mark: Mark | None = None
    change: Callable[[Array], Any] | None = None

    def __post_init__(self) -> None:
        """Check the model and the temperature."""
        if not isinstance(self.fitted, FittedNGram):
            raise ValueError(
                f"fitted is {given(self.fitted)}; it must be a fitted n-gram model, "
                "that is what NGram(n_symbols).fit(data, rng) returns"
            )
        check_not_negative("temperature", self.temperature)
        if self.top_k is not None:
            check_count("top_k", self.top_k, least=1)
        if self.top_p is not None:
            check_number("top_p", self.top_p, above=0, most=1)
        if self.mark is not None:
            check_mark("mark", self.mark, self.fitted.n_symbols)
        wrong = isinstance(self.change, type) or not callable(self.change)
        if self.change is not None and wrong:
            raise ValueError(
                f"change is {given(self.change)}; it must be a function of the "
                "distributions of the next symbol, (m, n_symbols) -> the same, or None"
            )

    def watermark(self, mark: Mark) -> TemperedNGram:
        """Return the generator whose text carries a watermark."""
        return replace(self, mark=mark)

    def temper(self, temperature: float) -> TemperedNGram:
        """Return the generator at another temperature, as many times its own.

        Raises
        ------
        ValueError
            If symbols are cut off: a temperature comes before that.
        """
        check_not_negative("temperature", temperature)
        if self.top_k is not None or self.top_p is not None:
            raise ValueError(
                f"top_k is {self.top_k} and top_p is {self.top_p}; a temperature comes "
                "before what cuts symbols off"
            )
        return replace(self, temperature=self.temperature * temperature)

    def cut(
        self, top_k: int | None = None, top_p: float | None = None
    ) -> TemperedNGram:
        """Return the generator that writes only its most probable symbols."""
        return replace(self, top_k=top_k, top_p=top_p)

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw ``n`` blocks per chain: shape ``(chains, n, length)``."""
        check_sampling(n, rng)
        nothing = np.empty((self.fitted.chains, n, 0), np.int64)
        return _write_on(
            nothing, self.fitted.length, lambda text: self._next(text, rng)
        )

    def _next(self, before: NDArray[Any], rng: np.random.Generator) -> Codes:
        top = self.fitted._top(before)
        context = self.fitted._context(before, top).ravel()
        different, which = np.unique(context, return_inverse=True)
        uniform, drawn = rng.random(len(context)), np.empty(len(context), np.int64)
        texts = before.reshape(len(context), -1)
        for part in np.array_split(
            np.arange(len(different)), len(different) // 256 + 1
        ):
            weights = self._weights(different[part], top)
            rows = np.flatnonzero((which >= part[0]) & (which <= part[-1]))
            if self.mark is None:
                own = np.cumsum(weights, axis=1)[which[rows] - part[0]]
            else:
                p = (weights / weights.sum(axis=1, keepdims=True))[
                    which[rows] - part[0]
                ]
                own = np.cumsum(self.mark.law(p, texts[rows]), axis=1)
            below = own <= (uniform[rows] * own[:, -1])[:, None]
            drawn[rows] = below.sum(axis=1)
        return drawn.reshape(before.shape[:2])

    def _weights(self, context: Codes, top: int) -> Array:
        p = self._distribution(context, top)
        p /= p.max(axis=1, keepdims=True)
        if self.temperature == 0:
            p = np.asarray(p == 1, dtype=np.float64)
        elif self.temperature != 1:
            p **= 1 / self.temperature
        return self._limited(p)

    def _distribution(self, context: Codes, top: int) -> Array:
        p = self.fitted.distribution(context, top)
        if self.change is None:
            return p
        what = "what change(p) returned"
        found = numbers(what, self.change(p), least=0)
        if found.shape != p.shape or not found.any(axis=1).all():
            raise ValueError(
                f"{what} has shape {found.shape}, or a row of zeros; needed is a "
                f"distribution for each of p: {p.shape}"
            )
        return found.copy()

    def _limited(self, weights: Array) -> Array:
        """Return weights with those of what is cut off set to 0."""
        if self.top_k is not None and self.top_k < weights.shape[1]:
            weights = np.where(_largest(weights, self.top_k), weights, 0)
        if self.top_p in (None, 1):
            return weights
        order = np.argsort(-weights, axis=1, kind="stable")
        ordered = np.take_along_axis(weights, order, axis=1)
        before = np.cumsum(ordered, axis=1) - ordered
        total = ordered.sum(axis=1, keepdims=True)
        late = before >= (self.top_p - ROUNDING) * total
        late[:, 0] = False  # also where the mass is less than rounding
        np.put_along_axis(weights, order, np.where(late, 0, ordered), axis=1)
        return weights


def _largest(weights: Array, k: int) -> NDArray[np.bool_]:
    """Mark the ``k`` largest of each row, of equal ones the first."""
    least = -np.partition(-weights, k - 1, axis=1)[:, k - 1 : k]
    above, equal = weights > least, weights == least
    room = k - above.sum(axis=1, keepdims=True)
    return np.asarray(above | (equal & (np.cumsum(equal, axis=1) <= room)))


def _write_on(
    start: NDArray[Any], n_symbols: int, draw: Callable[[NDArray[Any]], Codes]
) -> NDArray[np.int64]:
    """Add symbols one by one; return the new ones, ``(chains, n, n_symbols)``."""
    n_symbols = check_count("n_symbols", n_symbols, least=1)
    given = start.shape[2]
    text = np.empty((*start.shape[:2], given + n_symbols), np.int64)
    text[..., :given] = start
    for place in range(given, given + n_symbols):
        text[..., place] = draw(text[..., :place])
    return text[..., given:]
