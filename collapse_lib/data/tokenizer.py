"""Text as tokens: byte-level byte-pair encoding, trained on human text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from collapse_lib import files
from collapse_lib.checks import check_count, given
from collapse_lib.data.texts import check_symbols, check_text, check_texts
from collapse_lib.files.reading import read_text

if TYPE_CHECKING:
    import tokenizers

#: Stands before and after a text; the only token that is not made of bytes.
END = "<|end|>"
# 256 bytes and the token END: nothing can be merged into fewer.
SMALLEST_VOCABULARY = 257
LARGEST_VOCABULARY = 2**31 - 1


@dataclass(frozen=True)
class Tokenizer:
    """Byte-pair encoding of text as bytes (Sennrich et al. 2016; Radford et al. 2019).

    Every text can be encoded, and decoding gives back exactly the same text, also one
    that writes out the name of a special token.

    Parameters
    ----------
    backend
        A tokenizer of the *tokenizers* library. It is told to take names of special
        tokens in a text for text.

    Raises
    ------
    TypeError
        If it is something else.

    Examples
    --------
    >>> tokenizer = Tokenizer.train(["to be or not to be"] * 9, vocabulary=264)
    >>> tokens = tokenizer.encode("not to be")
    >>> len(tokens), tokenizer.decode(tokens)
    (4, 'not to be')
    """

    backend: tokenizers.Tokenizer

    def __post_init__(self) -> None:
        """Check the backend."""
        import tokenizers

        if not isinstance(self.backend, tokenizers.Tokenizer):
            raise TypeError(
                f"backend is {type(self.backend).__name__}; it must be a Tokenizer of "
                "the library tokenizers: Tokenizer.train(texts, vocabulary) makes "
                "one, Tokenizer.load(path) reads one"
            )
        self.backend.encode_special_tokens = True

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Tell the backend again: what it was told is not in its copies."""
        self.__dict__.update(state)
        self.backend.encode_special_tokens = True

    @classmethod
    def train(cls, texts: Iterable[str], vocabulary: int) -> Tokenizer:
        """Learn the merges from texts; the same texts give the same tokenizer.

        Parameters
        ----------
        texts
            Human text, in parts of any length.
        vocabulary
            Number of tokens, the 256 bytes and the end token included.

        Raises
        ------
        TypeError
            If these are no texts.
        ValueError
            If the vocabulary is too small for bytes, or the texts are too short for
            so many merges.
        """
        import tokenizers
        from tokenizers import decoders, models, pre_tokenizers, trainers

        check_count("vocabulary", vocabulary, SMALLEST_VOCABULARY, LARGEST_VOCABULARY)
        texts = list(check_texts("texts", texts))
        backend = tokenizers.Tokenizer(models.BPE())
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[END],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        if backend.get_vocab_size() < vocabulary:
            raise ValueError(
                f"the texts give only {backend.get_vocab_size()} tokens, vocabulary is "
                f"{vocabulary}; lower it, or train on more text"
            )
        return cls(backend)

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a tokenizer from JSON, one of ours or a ``tokenizer.json`` of others.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it holds no tokenizer, or is in another encoding than UTF-8.
        """
        import tokenizers

        path = files.check_path("path", path)
        if not path.exists():
            raise FileNotFoundError(f"no file {path}; write one with save()")
        text = read_text(path)
        try:
            backend = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # the library raises nothing more specific
            raise ValueError(
                f"{path} is no tokenizer in JSON ({error}); write one with save()"
            ) from None
        return cls(backend)

    def save(self, path: str | Path) -> None:
        """Write the tokenizer as JSON, in one go."""
        files.write_json(
            files.check_path("path", path), json.loads(self.backend.to_str())
        )

    def __len__(self) -> int:
        """Return the number of tokens that exist."""
        return int(self.backend.get_vocab_size())

    @property
    def end(self) -> int:
        """The token that stands between texts.

        Raises
        ------
        ValueError
            If this tokenizer has none of ours; name its own by `token`.
        """
        return self.token(END)

    def token(self, text: str) -> int:
        """Return the number of one token, for example ``"</s>"`` of OPT.

        Raises
        ------
        ValueError
            If there is no such token.
        """
        number = self.backend.token_to_id(check_text("text", text))
        if number is None:
            raise ValueError(f"this tokenizer has no token {text!r}")
        return int(number)

    def encode(self, text: str, special: bool = False) -> NDArray[np.int32]:
        """Return a text's tokens, shape ``(n,)``.

        Parameters
        ----------
        text
            Any text.
        special
            Whether to add the tokens that a tokenizer puts around a text, as OPT's
            puts ``</s>`` before it.
        """
        text = check_text("text", text)
        _check_special(special)
        ids = self.backend.encode(text, add_special_tokens=special).ids
        return np.array(ids, dtype=np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of tokens; the special ones are left out.

        Raises
        ------
        ValueError
            If these are no tokens of this tokenizer.
        """
        ids = check_symbols("tokens", tokens, "(...)", self._n_ids)
        return str(self.backend.decode(ids.ravel().tolist()))

    def texts(self, blocks: ArrayLike) -> list[str]:
        """Return the text of each block, blocks of shape ``(n, block)``.

        Raises
        ------
        ValueError
            If these are no tokens of this tokenizer, or the shape is another one.
        """
        ids = check_symbols("blocks", blocks, "(n, block)", self._n_ids)
        return list(self.backend.decode_batch(ids.tolist()))

    def blocks(
        self,
        texts: Iterable[str],
        block: int,
        *,
        special: bool = False,
        group: int | None = None,
        n: int | None = None,
    ) -> NDArray[np.int32]:
        """Encode texts, join them and cut the result into blocks of equal length.

        Parameters
        ----------
        texts
            For example lines, or whole documents.
        block
            Tokens in a block; what is left over at the end is dropped.
        special
            See `encode`.
        group
            Join only so many texts at a time, and drop what is left over of each
            group. The released code of Shumailov et al. joins 1,000 lines, each with
            ``</s>`` before it, and cuts blocks of 64.
        n
            How many blocks; no more texts are read than needed. Default: all.

        Returns
        -------
        ndarray
            Shape ``(n, block)``.

        Raises
        ------
        TypeError
            If these are no texts.
        ValueError
            If not even one block comes out, or fewer than ``n``.
        """
        check_count("block", block, least=1)
        _check_special(special)
        for name, count in (("group", group), ("n", n)):
            if count is not None:
                check_count(name, count, least=1)
        cut, found = [np.empty((0, block), np.int32)], 0
        for part in _groups(check_texts("texts", texts), group):
            cut.append(_cut(self._joined(part, special), block))
            found += len(cut[-1])
            if n is not None and found >= n:
                break
        if not found:
            raise ValueError(f"the texts are shorter than one block of {block} tokens")
        if n is not None and found < n:
            raise ValueError(
                f"the texts give {found} blocks of {block} tokens, {n} are needed; "
                "lower the number of blocks, or take more text"
            )
        return np.concatenate(cut)[:n]

    @cached_property
    def _n_ids(self) -> int:
        """One more than the largest token; numbers below it may be left out."""
        return max(self.backend.get_vocab().values()) + 1

    def _joined(self, texts: Sequence[str], special: bool) -> NDArray[np.int32]:
        encoded = self.backend.encode_batch(texts, add_special_tokens=special)
        ids = [np.array(one.ids, dtype=np.int32) for one in encoded]
        return np.concatenate(ids)


def _check_special(special: bool) -> None:
    if not isinstance(special, bool):
        raise TypeError(f"special is {given(special)}; it must be True or False")


def _groups(texts: Iterable[str], group: int | None) -> Iterator[list[str]]:
    """Split texts into lists of ``group``; None puts all into one."""
    rest = iter(texts)
    while part := list(islice(rest, group)):
        yield part


def _cut(tokens: NDArray[np.int32], block: int) -> NDArray[np.int32]:
    """Return whole blocks, shape ``(n, block)``."""
    n = len(tokens) // block
    return tokens[: n * block].reshape(n, block)
