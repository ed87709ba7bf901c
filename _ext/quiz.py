"""``{quiz}``: a question whose answers say at once why they are right or wrong.

The page needs no script: an answer is a radio button, and the style sheet shows its
reason while the button is chosen. In print all reasons stand below their answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import quizzes
from directives import BookDirective, raw
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx

from collapse_lib.book.notebooks import BookError

#: What a reader hears first.
WORDS = {True: "Right.", False: "No."}


class QuizDirective(BookDirective):
    """A question in the title, its answers in a list; see `quizzes`."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {"label": directives.unchanged_required}

    def sources(self) -> list[Path]:
        """Return no file: it reads none."""
        return []

    def show(self) -> list[nodes.Node]:
        """Return a group of radio buttons."""
        label = self.options.get("label")
        if not label:
            raise BookError(
                f"the quiz {self.arguments[0][:40]!r} has no label; give it "
                "`:label: quiz-NN-name`"
            )
        body = "\n".join(self.content)
        asked = quizzes.question(label, self.arguments[0], body)
        return [
            nodes.container(
                "",
                raw(f'<fieldset class="quiz" id="{escape(label)}"><legend>'),
                nodes.inline("", "", *self.parse_inline(asked.text)[0]),
                raw("</legend>"),
                *self._answers(asked),
                raw("</fieldset>"),
                classes=["quiz-asked"],
            )
        ]

    def _answers(self, asked: quizzes.Question) -> Iterator[nodes.Node]:
        for place, answer in enumerate(asked.answers):
            button = f"{asked.label}-{quizzes.LETTERS[place]}"
            css = "quiz-answer quiz-right" if answer.right else "quiz-answer"
            yield raw(f'<div class="{css}">')
            yield nodes.paragraph(
                "",
                "",
                raw(
                    f'<input type="radio" name="{escape(asked.label)}" '
                    f'id="{escape(button)}"><label for="{escape(button)}">'
                ),
                _for_print(f"({quizzes.LETTERS[place]}) "),
                *self.parse_inline(answer.text)[0],
                raw("</label>"),
            )
            yield raw('<div class="quiz-why" aria-live="polite">')
            yield nodes.paragraph("", "", nodes.strong("", WORDS[answer.right]))
            yield from self.parse_text_to_nodes(answer.why)
            yield raw("</div></div>")


def _for_print(text: str) -> nodes.raw:
    return nodes.raw("", text, format="latex")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("quiz", QuizDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
