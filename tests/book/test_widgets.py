"""The slider's data and the element in a browser; the folds of continuations."""

import json
import re

import numpy as np
import pytest

from collapse_lib.book.widgets import Continuations, MixtureSlider
from collapse_lib.models import FittedGaussianMixture


def path_of_two(n=5):
    """Return two components that move apart, listed in another order every time."""
    means = np.zeros((n, 2, 2))
    means[:, 0, 0], means[:, 1, 0] = -1 - np.arange(n) / 9, 1 + np.arange(n) / 9
    weights = np.tile([0.25, 0.75], (n, 1))
    covariances = np.tile([np.eye(2), [[4, 1], [1, 1]]], (n, 1, 1, 1))
    covariances = covariances.reshape(n, 2, 2, 2)
    parts = [weights, means, covariances]
    for part in parts:
        part[1::2] = part[1::2, ::-1].copy()
    return FittedGaussianMixture(*parts)


def slider(n=5, **options):
    names = {"label": "A <b> & c.", "instead": "See the figure above."}
    return MixtureSlider(path_of_two(n), range(0, 10 * n, 10), **{**names, **options})


def shown(widget):
    page = widget._repr_html_()
    return json.loads(re.search(r"json\">(.*?)</script>", page)[1])


def test_the_page_carries_every_generation():
    data = shown(slider())
    assert [frame[0] for frame in data["frames"]] == [0, 10, 20, 30, 40]
    assert data["limit"] == 3.5
    _, weights, means, roots = data["frames"][0]
    assert weights == [0.25, 0.75]
    assert means == [[-1, 0], [1, 0]]
    np.testing.assert_allclose(
        roots[1], np.linalg.cholesky([[4, 1], [1, 1]]), atol=5e-4
    )


def test_a_component_keeps_its_place():
    for _, weights, means, _ in shown(slider())["frames"]:
        assert weights == [0.25, 0.75]
        assert means[0][0] < 0 < means[1][0]


def test_text_is_escaped_and_something_is_left_without_scripts():
    page = slider()._repr_html_()
    assert 'label="A &lt;b&gt; &amp; c."' in page
    assert "<p>See the figure above.</p></mixture-slider>" in page
    assert repr(slider()) == "<mixtures of generations 0 to 40, shown in a browser>"


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"needed is \(generations, k, 2\), with 4"):
        MixtureSlider(path_of_two(), range(4), "", "")


@pytest.fixture
def page(opened_element):
    with opened_element("mixture-slider.js", slider()._repr_html_()) as page:
        yield page


def ink(page):
    """Count the pixels of the canvas that are not empty."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector("mixture-slider").canvas;
          const pen = canvas.getContext("2d");
          const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, i) => i % 4 === 3 && value > 0).length;
        }"""
    )


def test_the_slider_moves_by_keyboard_and_says_what_it_shows(page):
    handle = page.get_by_role("slider", name="Generation")
    assert ink(page) > 2_000
    before = page.locator("mixture-slider").screenshot()
    handle.press("ArrowRight")
    assert handle.get_attribute("aria-valuetext") == "generation 10"
    text = (
        "Generation 10: 25 % of the points, width 1.0; 75 % of the points, width 1.6."
    )
    assert page.get_by_text(text).is_visible()
    assert page.get_by_role("img", name=f"A <b> & c. {text}").is_visible()
    assert page.locator("mixture-slider").screenshot() != before


def test_play_runs_to_the_end_and_stops(page):
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Play").wait_for(timeout=5_000)
    assert "Generation 40" in page.locator("mixture-slider").evaluate(
        "e => e.text.textContent"
    )


def test_the_fallback_is_hidden_where_the_figure_works(page):
    assert not page.get_by_text("See the figure above.").is_visible()


# ---- continuations -----------------------------------------------------------------

TEXTS = [["so <b>we\nwent", "c & d"], ["again", "and again"], ["x", "y"]]


def test_a_table_has_a_fold_for_each_prompt():
    page = Continuations(["first", "second"], TEXTS, [0, 2])._repr_html_()
    assert page.count("<details") == page.count("</details>") == 2
    assert page.count(" open") == 1
    assert "so &lt;b&gt;we / went" in page and "c &amp; d" in page
    assert "again" not in page  # generation 1 is not asked for
    assert '<th scope="row">2</th><td>y</td>' in page


def test_a_console_shows_the_first_prompt():
    lines = repr(Continuations(["first", "second"], TEXTS, [0, 1])).split("\n")
    assert lines == ["prompt: first", "0: so <b>we / went", "1: again"]


def test_a_table_without_its_texts_is_refused():
    with pytest.raises(ValueError, match="there are texts of 0 to 2"):
        Continuations(["first", "second"], TEXTS, [0, 3])
    with pytest.raises(ValueError, match="generation 0 has 2 texts for 1 prompts"):
        Continuations(["first"], TEXTS, [0])
