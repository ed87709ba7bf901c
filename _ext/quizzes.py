"""Questions with answers to choose from, as the text of a chapter has them.

    ```{quiz} Which of two colours wins in the end?
    :label: quiz-01-wins

    - [ ] Always the one that began with more.

      A larger share makes it likelier, not certain.
    - [x] Each with its share at the start.

      The expected share never moves, and in the end it is 0 or 1.
    ```

The first paragraph of an answer is the answer, what follows says why it is right or
wrong. One answer is right. Nothing here knows Sphinx.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from collapse_lib.book.notebooks import BookError

LETTERS = "abcdefgh"
_ANSWER = re.compile(r"^- \[([ x])\] ", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """One answer to a question: Markdown for it and for what it deserves to hear."""

    right: bool
    text: str
    why: str


@dataclass(frozen=True)
class Question:
    """A question with its answers, in their order.

    Parameters
    ----------
    label
        The place of the question on its page.
    text
        The question, in Markdown.
    answers
        At least two; one is right.

    Raises
    ------
    BookError
        If there is less than two answers, or not one that is right; if an answer
        does not say why it is right or wrong.
    """

    label: str
    text: str
    answers: tuple[Answer, ...]

    def __post_init__(self) -> None:
        """Refuse a question that teaches nothing."""
        right = sum(answer.right for answer in self.answers)
        if len(self.answers) < 2 or right != 1:
            raise BookError(
                f"quiz {self.label}: {len(self.answers)} answers, {right} of them "
                "right; it needs two or more, `- [ ] ...`, and one right, `- [x] ...`"
            )
        for answer in self.answers:
            if not answer.why:
                raise BookError(
                    f"quiz {self.label}: the answer {answer.text!r} does not say why "
                    "it is right or wrong; add a paragraph below it"
                )


def question(label: str, text: str, body: str) -> Question:
    """Read a question from what its directive was given.

    Raises
    ------
    BookError
        If something stands before the first answer; see also `Question`.
    """
    before, *parts = _ANSWER.split(body)
    if before.strip():
        raise BookError(
            f"quiz {label}: {before.strip()[:40]!r} is no answer; begin each with "
            "`- [ ] ` or `- [x] `"
        )
    answers = []
    for mark, given in zip(parts[::2], parts[1::2], strict=True):
        said, _, why = given.partition("\n\n")
        answers.append(Answer(mark == "x", _joined(said), _outdented(why)))
    return Question(label, _joined(text), tuple(answers))


def _joined(text: str) -> str:
    return " ".join(text.split())


def _outdented(text: str) -> str:
    """Return the text of a list's item as one that stands for itself."""
    return re.sub(r"^  ", "", text, flags=re.MULTILINE).strip()


def as_markdown(asked: Question) -> str:
    """Return a question for a notebook: the answers' reasons are folded."""
    answers = "\n".join(
        f"{letter}. {answer.text}"
        for letter, answer in zip(LETTERS, asked.answers, strict=False)
    )
    reasons = "\n\n".join(
        f"*{letter}* is {'right' if answer.right else 'wrong'}. {answer.why}"
        for letter, answer in zip(LETTERS, asked.answers, strict=False)
    )
    return (
        f"**{asked.text}**\n\n{answers}\n\n"
        f"<details><summary>Answer</summary>\n\n{reasons}\n\n</details>"
    )


#: What GIFT, the text format of learning platforms, reads as its own signs.
_SIGNS = re.compile(r"([\\~=#{}:])")


def as_gift(asked: Question) -> str:
    """Return a question in GIFT, which Moodle and others import.

    Moodle sets mathematics between double dollars.
    """
    answers = "\n".join(
        f"  {'=' if answer.right else '~'}{_gift(answer.text)} # {_gift(answer.why)}"
        for answer in asked.answers
    )
    return f"::{asked.label}::[markdown]{_gift(asked.text)} {{\n{answers}\n}}\n"


def _gift(text: str) -> str:
    return _SIGNS.sub(r"\\\1", _joined(re.sub(r"\$+", "$$", text)))
