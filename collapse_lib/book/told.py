"""A table to browse: one prompt, and what each generation made of it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Told:
    """Prompts with their continuations, one fold for each prompt.

    It needs no script; the first prompt is open.

    Parameters
    ----------
    prompts
        The texts that were continued.
    texts
        Continuations by generation, then prompt.
    generations
        Which of them to show.

    Raises
    ------
    ValueError
        If a generation has no text, or not one for each prompt.

    Notes
    -----
    Used in chapter 09.
    """

    prompts: Sequence[str]
    texts: Sequence[Sequence[str]]
    generations: Sequence[int]

    def __post_init__(self) -> None:
        """Check that every text is there."""
        if max(self.generations) >= len(self.texts):
            raise ValueError(
                f"generations are {list(self.generations)}; there are texts of 0 to "
                f"{len(self.texts) - 1}"
            )
        for t in self.generations:
            if len(self.texts[t]) != len(self.prompts):
                raise ValueError(
                    f"generation {t} has {len(self.texts[t])} texts for "
                    f"{len(self.prompts)} prompts"
                )

    def _repr_html_(self) -> str:
        return "".join(self._fold(i) for i in range(len(self.prompts)))

    def _fold(self, i: int) -> str:
        prompt = _escaped(self.prompts[i])
        rows = "".join(
            f'<tr><th scope="row">{t}</th><td>{_escaped(self.texts[t][i])}</td></tr>'
            for t in self.generations
        )
        return (
            f"<details{' open' if i == 0 else ''}><summary>{prompt}</summary>"
            '<table class="told"><thead><tr><th scope="col">generation</th>'
            '<th scope="col">continues</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></details>"
        )

    def __repr__(self) -> str:
        """Return the first prompt's continuations, as a console shows them."""
        lines = [f"prompt: {_joined(self.prompts[0])}"]
        lines += [f"{t}: {_joined(self.texts[t][0])}" for t in self.generations]
        return "\n".join(lines)


def _joined(text: str) -> str:
    """Return a text on one line; bytes that were cut in half stay visible."""
    return " / ".join(part for part in text.split("\n") if part)


def _escaped(text: str) -> str:
    return html.escape(_joined(text))
