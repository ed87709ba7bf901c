"""Human text from before language models wrote any.

The default is *chitchat* (Myers, Etchart and Fulda 2020): conversations that people
typed to each other in 2018, inside a package this book depends on. Two others can be
had: *wikitext-2* (Merity et al. 2017), the paper's own corpus, from a folder of yours,
and *wikipedia*, articles of 2016 and before, which ``python -m collapse_lib.data
wikipedia`` fetches. Every file is used only if its content is the known one.

Texts are split by conversation or article, never by block: a block of the test text is
not the continuation of a training text.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collapse_lib import files
from collapse_lib.checks import check_choice
from collapse_lib.data import wikipedia
from collapse_lib.data.fetching import named_folder
from collapse_lib.data.texts import check_text, check_texts
from collapse_lib.data.vocabulary import words
from collapse_lib.files.reading import read_text

SPLITS = ("train", "validation", "test")
CHITCHAT_SHA256 = "d2a5d0bf6acf354fef51f3af39cbece2220d3b8f6086b658c3d335105798312a"
CHITCHAT = "chitchat-dataset==0.9.0"
#: Conversations that repeat more than this are left out. Some participants, it seems
#: for prizes, sent one letter thousands of times, and one sent thousands of sentences
#: that a program had filled in. These are 30 conversations, with 1.8 % of all words.
MOST_REPEATS = 0.1
SHORTEST_JUDGED = 64
#: Names a folder with the three files of WikiText-2.
WIKITEXT_VARIABLE = "COLLAPSE_WIKITEXT2"
#: Split -> possible names and sha256; the training file is known by its size only.
WIKITEXT_FILES = {
    "train": (("wiki.train.tokens", "train.txt"), None),
    "validation": (
        ("wiki.valid.tokens", "valid.txt"),
        "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    ),
    "test": (
        ("wiki.test.tokens", "test.txt"),
        "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    ),
}
#: Words and line ends of the training file, as published (Merity et al. 2017).
WIKITEXT_TRAIN_TOKENS = 2_088_628


@dataclass(frozen=True)
class Corpus:
    """Documents of one split.

    Parameters
    ----------
    name, split
        What was asked for.
    documents
        The texts, each a whole conversation or article.
    provenance
        Where they come from, in one line.
    """

    name: str
    split: str
    documents: tuple[str, ...]
    provenance: str

    def __post_init__(self) -> None:
        """Check that these are texts."""
        for name in ("name", "split", "provenance"):
            check_text(name, getattr(self, name))
        documents = tuple(check_texts("documents", self.documents))
        object.__setattr__(self, "documents", documents)

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.documents)

    @property
    def characters(self) -> int:
        """Number of characters in all documents."""
        return sum(map(len, self.documents))


def corpus(
    name: str = "chitchat", split: str = "train", folder: str | Path | None = None
) -> Corpus:
    """Return human text.

    Parameters
    ----------
    name
        One of `CORPORA`.
    split
        One of `SPLITS`.
    folder
        Where the files are, for a corpus that does not come with the book; default:
        the folder that the corpus' environment variable names, else the cache.

    Raises
    ------
    TypeError
        If the folder is no path.
    ValueError
        If the name or the split is unknown, a file's content is not the known one, or
        the folder is a file.
    FileNotFoundError
        If a file is missing; the message says how to get it.

    Examples
    --------
    >>> test = corpus("chitchat", "test")
    >>> len(test), test.characters
    (620, 1379617)
    """
    check_choice("name", name, tuple(CORPORA))
    check_choice("split", split, SPLITS)
    documents, provenance = CORPORA[name](split, folder)
    return Corpus(name, split, documents, provenance)


Loaded = tuple[tuple[str, ...], str]


def parts(documents: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Split documents 80 : 10 : 10, in a fixed random order.

    A text that occurs twice is kept once, so that none is in two parts.

    Raises
    ------
    TypeError
        If the documents are no list of texts.
    ValueError
        If they are fewer than ten different ones: a part would be empty.
    """
    distinct = list(dict.fromkeys(check_texts("documents", documents)))
    if len(distinct) < 10:
        raise ValueError(
            f"documents hold {len(distinct)} different texts; at least 10 are needed, "
            "so that every part has one"
        )
    order = np.random.default_rng(0).permutation(len(distinct))
    tenth = len(distinct) // 10
    places = np.split(order, [len(order) - 2 * tenth, len(order) - tenth])
    return {
        split: tuple(distinct[place] for place in part)
        for split, part in zip(SPLITS, places, strict=True)
    }


def repeats(text: str) -> float:
    """Return the share of four-word sequences that occurred before in the text.

    Words are those of `collapse_lib.data.vocabulary`; a text of fewer than 64 has none.
    """
    found = words(text)
    if len(found) < SHORTEST_JUDGED:
        return 0.0
    fours = list(zip(found, found[1:], found[2:], found[3:], strict=False))
    return 1 - len(set(fours)) / len(fours)


@functools.cache
def _chitchat_parts(path: Path) -> dict[str, tuple[str, ...]]:
    raw = files.checked(path, CHITCHAT_SHA256, f"pip install {CHITCHAT}").read_bytes()
    talks = [
        "\n".join(message["text"] for turn in talk["messages"] for message in turn)
        for talk in json.loads(raw).values()
    ]
    return parts([talk for talk in talks if repeats(talk) <= MOST_REPEATS])


def _chitchat(split: str, folder: str | Path | None) -> Loaded:
    own = Path(str(importlib.resources.files("chitchat_dataset")))
    own = own if folder is None else files.check_path("folder", folder)
    return _chitchat_parts(own / "dataset.json")[split], (
        "conversations of 2018 from chitchat-dataset 0.9.0 by Myers, Etchart and Fulda "
        "(Perception, Control and Cognition Lab, Brigham Young University), MIT licence"
    )


def _wikitext(split: str, folder: str | Path | None) -> Loaded:
    names, sha256 = WIKITEXT_FILES[split]
    remedy = (
        "download WikiText-2 (the version with <unk>, not the raw one) and name the "
        f"folder of its three files in the environment variable {WIKITEXT_VARIABLE}"
    )
    named = named_folder(folder, WIKITEXT_VARIABLE)
    if named is None:
        raise FileNotFoundError(f"wikitext-2 does not come with the book; {remedy}")
    there = [path for name in names if (path := named / name).is_file()]
    path = there[0] if there else named / names[0]
    if sha256 is not None:
        text = files.checked(path, sha256, remedy).read_bytes().decode()
    else:
        text = _by_size(path, remedy)
    # An article begins with " = Title = " between two empty lines; in titles of
    # sections the signs are doubled.
    articles = re.split(r"(?m)(?<=^ \n)(?= = [^=\n][^\n]* = \n \n)", text)
    documents = tuple(article.strip() for article in articles if article.strip())
    return documents, (
        "Wikipedia articles of WikiText-2 by Merity, Xiong, Bradbury and Socher, "
        "CC BY-SA 3.0"
    )


def _by_size(path: Path, remedy: str) -> str:
    """Return the training text if it has the published number of tokens."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; {remedy}")
    text = read_text(path)
    n_tokens = len(text.split()) + text.count("\n")
    if n_tokens != WIKITEXT_TRAIN_TOKENS:
        raise ValueError(
            f"{path.name} has {n_tokens:,} words and line ends, "
            f"{WIKITEXT_TRAIN_TOKENS:,} were expected; {remedy}"
        )
    return text


def _wikipedia(split: str, folder: str | Path | None) -> Loaded:
    documents = parts(wikipedia.articles(folder))
    return documents[split], wikipedia.PROVENANCE


#: Name -> how the corpus is read.
CORPORA: dict[str, Callable[[str, str | Path | None], Loaded]] = {
    "chitchat": _chitchat,
    "wikipedia": _wikipedia,
    "wikitext-2": _wikitext,
}
