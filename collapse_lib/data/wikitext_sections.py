"""WikiText-2 where its training file is not at hand: sections of its other articles.

The validation file's articles are split by article into texts to train on and texts to
validate on; the test file's stay what they are. All three are given by section, in a
fixed random order, so that the few thousand words that a run reads come from many
articles. This is the paper's text, but a tenth of it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from collapse_lib.checks import check_choice
from collapse_lib.data.corpora import SPLITS, Corpus, corpus, parts

#: What a configuration calls it.
NAME = "wikitext-2-sections"
#: A section begins with " = = Title = = "; in titles of parts of it are more signs.
_SECTION = re.compile(r"(?m)^(?= ?= = [^=\n][^\n]* = = ?$)")


def sections(split: str = "train", folder: str | Path | None = None) -> Corpus:
    """Return the sections of a split.

    Parameters
    ----------
    split
        ``"train"`` and ``"validation"``, four fifths and one fifth of the articles of
        the validation file, or ``"test"``.
    folder
        Where the files are; default: see `collapse_lib.data.corpora.corpus`.

    Raises
    ------
    ValueError
        If the split is unknown, or a file's content is not the known one.
    FileNotFoundError
        If a file is missing; the message says how to get it.
    """
    check_choice("split", split, SPLITS)
    file = "test" if split == "test" else "validation"
    found = corpus("wikitext-2", file, folder)
    articles = found.documents
    if split != "test":
        part = parts(articles)
        held = part["validation"] + part["test"]
        articles = part["train"] if split == "train" else held
    pieces = [
        f"{piece.strip()} \n" for text in articles for piece in _SECTION.split(text)
    ]
    order = np.random.default_rng(0).permutation(len(pieces))
    return Corpus(
        NAME,
        split,
        tuple(pieces[place] for place in order),
        f"sections of the {file} file's articles; {found.provenance}",
    )
