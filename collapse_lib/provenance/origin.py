"""What is said of data: who made them, from what, with which model, how much of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from collapse_lib.checks import UNSHOWN, check_count, check_share, given
from collapse_lib.declared import declared

#: A sha256 as it is written down.
HASH = re.compile("[0-9a-f]{64}")
#: The longest text of a statement, in characters.
LONGEST = 2000
#: The most parents that data can have.
MOST_HASHES = 10_000
#: The largest generation that can be stated.
LAST = 10**6


@dataclass(frozen=True)
class Origin:
    """What whoever made data says of them.

    Nothing here can be proven by the data themselves. A signature says whose words
    these are, and that they are the same as then.

    Parameters
    ----------
    author
        Who made the data.
    synthetic
        Share of the data that models made, from 0 to 1; None if it is not known.
    model
        The model that made the synthetic share, or the newest part of it.
    generation
        0 for what people made; one more than the data that the model was trained on
        for what it made; the largest of its parents' for a mixture. None if it is not
        known.
    parents
        The sha256 of everything the data were made from: what a model was trained on,
        what was mixed, cut or cleaned.
    licence
        Its SPDX name, or an address.
    description
        Anything else, in words.
    time
        When the record was made, as in ``"2026-01-31T12:00:00Z"``. The clock is the
        author's: a signature does not prove it.

    Raises
    ------
    TypeError, ValueError
        If a field is none of these, or two fields contradict each other.
    """

    author: str
    synthetic: float | None
    model: str | None = None
    generation: int | None = None
    parents: Sequence[str] = ()
    licence: str | None = None
    description: str | None = None
    time: str | None = None

    def __post_init__(self) -> None:
        """Check every field, and that they agree."""
        check_words("author", self.author)
        for name in ("model", "licence", "description"):
            if getattr(self, name) is not None:
                check_words(name, getattr(self, name))
        if self.synthetic is not None:
            check_share("synthetic", self.synthetic)
        if self.generation is not None:
            check_count("generation", self.generation, 0, LAST)
        check_hashes("parents", self.parents)
        if self.time is not None:
            check_time("time", self.time)
        self._check_agreement()

    def _check_agreement(self) -> None:
        if self.synthetic == 0:
            if self.model is not None:
                raise ValueError(
                    f"synthetic is 0, but model is {given(self.model)}; state the "
                    "share that the model made, or leave the model out"
                )
            if self.generation:
                raise ValueError(
                    f"synthetic is 0, but generation is {self.generation}; what people "
                    "made is generation 0"
                )
        elif self.synthetic is not None:
            if self.generation == 0:
                raise ValueError(
                    f"generation is 0, but synthetic is {self.synthetic}; what a model "
                    "made is generation 1 or later"
                )
            if self.model is None and not self.parents:
                raise ValueError(
                    f"synthetic is {self.synthetic}, but neither model nor parents "
                    "are given; say which model made that share, or of which data it "
                    "is a part"
                )

    def content(self) -> dict[str, Any]:
        """Return what is stated, as it stands in a ledger."""
        stated = {each.name: getattr(self, each.name) for each in fields(self)}
        known = {name: value for name, value in stated.items() if value is not None}
        return {
            **known,
            "synthetic": None if self.synthetic is None else float(self.synthetic),
            "generation": None if self.generation is None else int(self.generation),
            "parents": sorted(set(self.parents)),
        }


@declared
def check_words(name: str, value: Any) -> str:
    """Return a text of one line or more that can be shown.

    Raises
    ------
    TypeError
        If it is no ``str``.
    ValueError
        If it is empty, too long, or has a character that cannot be shown.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} is {given(value)}; it must be a text, that is a str")
    if not value.strip():
        raise ValueError(f"{name} is {given(value)}; it must say something")
    if len(value) > LONGEST:
        raise ValueError(
            f"{name} has {len(value):,} characters; allowed are {LONGEST:,}"
        )
    if found := UNSHOWN.search(value):
        raise ValueError(
            f"{name} has the character {found[0]!r}; only characters that can be shown "
            "are allowed, so write it in UTF-8"
        )
    return value


@declared
def check_hashes(name: str, values: Any) -> None:
    """Raise TypeError or ValueError unless these are hashes as text."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} is {given(values)}; it must be a list of sha256")
    if len(values) > MOST_HASHES:
        raise ValueError(f"{name} has {len(values):,} hashes; allowed: {MOST_HASHES:,}")
    for value in values:
        if not (isinstance(value, str) and HASH.fullmatch(value)):
            raise ValueError(
                f"{name} has {given(value)}; a sha256 is 64 digits 0-9 and a-f"
            )


@declared
def check_time(name: str, value: Any) -> str:
    """Return a time as it is written down: to the second, in UTC.

    Parameters
    ----------
    name
        What a message calls it.
    value
        A date and a time with its zone, in ISO 8601.

    Raises
    ------
    ValueError
        If it is none, or another spelling of one; the message has the right one.
    """
    try:
        moment = datetime.fromisoformat(value)
        spelled = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError):
        moment, spelled = None, ""
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{name} is {given(value)}; it must be a time with its zone, as in "
            "2026-01-31T12:00:00Z"
        )
    if spelled != value:
        raise ValueError(f"{name} is {given(value)}; write it as {spelled}")
    return spelled
