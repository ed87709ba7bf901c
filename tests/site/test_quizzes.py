"""Questions: read from the text, shown on the page, given to others."""

from pathlib import Path

import pytest
import quizzes
from playwright.sync_api import Browser
from screenshots import pages

from collapse_lib.book.notebooks import BookError

BODY = """\
- [ ] Always the one
  that began with more.

  A larger share makes it likelier, not certain.
- [x] Each with its share $p$ at the start.

  The expected share never moves:

  it is 0 or 1 in the end.
"""


def asked(body=BODY):
    return quizzes.question("quiz-01-wins", "Which colour\nwins?", body)


def test_a_question_is_read():
    found = asked()
    assert found.text == "Which colour wins?"
    first, second = found.answers
    assert (first.right, first.text) == (False, "Always the one that began with more.")
    assert second.right
    assert second.why == "The expected share never moves:\n\nit is 0 or 1 in the end."


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "0 answers, 0 of them right"),
        ("- [x] Yes.\n\n  So.", "1 answers, 1 of them right"),
        ("- [x] Yes.\n\n  So.\n- [x] No.\n\n  Not.", "2 answers, 2 of them right"),
        ("- [x] Yes.\n- [ ] No.\n\n  Not.", "the answer 'Yes.' does not say why"),
        ("Well.\n- [x] Yes.\n\n  So.", "'Well.' is no answer"),
    ],
)
def test_a_question_that_teaches_nothing_is_refused(body, says):
    with pytest.raises(BookError, match=f"quiz quiz-01-wins: .*{says}"):
        asked(body)


def test_a_notebook_has_the_reasons_folded():
    text = quizzes.as_markdown(asked())
    before, folded = text.split("<details><summary>Answer</summary>")
    assert "a. Always the one that began with more." in before
    assert "larger share" not in before
    assert "*b* is right. The expected share" in folded


def test_a_platform_gets_its_own_signs_as_text():
    body = "- [x] $p=\\frac{1}{2}$\n\n  A: ~b # {c}\n- [ ] No.\n\n  Not."
    gift = quizzes.as_gift(asked(body))
    assert r"  =$$p\=\\frac\{1\}\{2\}$$ # A\: \~b \# \{c\}" in gift
    assert "  ~No. # Not." in gift
    assert gift.startswith("::quiz-01-wins::[markdown]Which colour wins? {")


def test_an_answer_is_judged_where_it_is_chosen_without_scripts(
    html: Path, browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    chapters = [name for name in pages(html) if name.startswith("chapters/")]
    page.goto(f"{address}/{chapters[0]}")
    quiz = page.locator("fieldset.quiz").first
    reasons = quiz.locator(".quiz-why")
    assert page.locator("fieldset.quiz").count() == 5
    assert [reasons.nth(i).is_visible() for i in range(reasons.count())] == (
        [False] * reasons.count()
    )
    quiz.locator(".quiz-right label").click()
    assert quiz.locator(".quiz-right .quiz-why").is_visible()
    assert quiz.locator(".quiz-right .quiz-why").inner_text().startswith("Right.")
    quiz.locator("input").first.focus()
    page.keyboard.press("Space")
    assert reasons.first.is_visible()
    assert sum(reasons.nth(i).is_visible() for i in range(reasons.count())) == 1
    context.close()
