"""The boxes that switch errors on and off: their data, and the element in a browser."""

import json
import re

import pytest

from collapse_lib.book.switches import LossSwitches

CURVES = {"": [0.0, 0.0], "S": [0.1, 0.2], "E": [0.3, 0.3], "SE": [0.35, 0.43214]}


def switches(curves=CURVES):
    names = {"S": "finite <samples>", "E": "limited class"}
    return LossSwitches(names, curves, "Loss & co.", "See the figure above.")


def test_the_page_carries_every_curve_and_says_something_without_scripts():
    page = switches()._repr_html_()
    data = json.loads(re.search(r"json\">(.*?)</script>", page)[1])
    assert data["curves"] == {**CURVES, "SE": [0.35, 0.432]}
    assert list(data["names"]) == ["S", "E"]
    assert 'label="Loss &amp; co."' in page
    assert "<p>See the figure above.</p></loss-switches>" in page


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({"": [0.0], "S": [1.0], "E": [1.0]}, "one curve for each combination"),
        ({**CURVES, "SE": [1.0]}, "of different lengths"),
        ({**CURVES, "SE": [1.0, float("nan")]}, "NaN"),
    ],
)
def test_a_combination_without_its_curve_is_refused(curves, message):
    with pytest.raises(ValueError, match=message):
        switches(curves)


@pytest.fixture
def page(opened_element):
    with opened_element("loss-switches.js", switches()._repr_html_()) as page:
        yield page


def said(page):
    return page.locator("loss-switches p").last.inner_text()


def test_the_boxes_choose_the_curve_by_keyboard(page):
    assert said(page) == (
        "Finite <samples> and limited class: 0.43 nats after 1 generations (thick "
        "line). Alone they cost 0.20 and 0.30, 0.50 in sum (dashed)."
    )
    assert page.locator("loss-switches path.sum").count() == 1
    before = page.locator("path.chosen").get_attribute("d")
    page.get_by_role("checkbox", name="limited class").press("Space")
    assert said(page).startswith("Finite <samples>: 0.20 nats after 1 generations")
    assert page.locator("path.sum").count() == 0
    assert page.locator("path.chosen").get_attribute("d") != before
    page.get_by_role("checkbox", name="finite <samples>").press("Space")
    assert said(page) == "No error: nothing is lost after 1 generations."
    assert not page.get_by_text("See the figure above.").is_visible()
