"""The sliders: every law is the library's, and every stop can be reached and heard."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sliders
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from collapse_lib.book.notebooks import BookError
from collapse_lib.book.plotting import COLORS
from collapse_lib.theory import (
    bias,
    curation,
    discrete,
    gaussian,
    kde,
    number_line,
    pull,
    special,
    zeta,
)

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "_static" / "sliders"
INFINITY = math.inf

# ---- every law, at many settings, beside the function of its name --------------------

FITS = (1, 2, 3, 10, 100, 1_000)
TIMES = (0, 1, 2, 10, 99, 1_000, 20_000, 100_000)
LAMBDAS = (0.0, 0.3, 0.5, 0.8, 0.95, 1.0)
SHARES = (0.001, 0.01, 0.1, 0.25, 0.5, 1.0)
RATIOS = (0.01, 0.25, 1.0, 4.0, 100.0)
SIZES = (2, 3, 10, 100, 1_000, 100_000)


def cases() -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    """Yield a call of a law as JavaScript has it, and the value by the library."""
    for x in (0.5, 1.0, 2.5, 15.9, 16.0, 400.0):
        yield "special.digamma", (x,), special.digamma(x)
        for s in (1.01, 1.5, 2, 3, 10, 50):
            yield "special.hurwitz_zeta", (s, x), zeta.hurwitz_zeta(s, x)
        for d in (-0.5, 0.0, 0.3, 1.0):
            if x + d > 0:
                ratio = math.lgamma(x + d) - math.lgamma(x)
                yield "special.log_gamma_ratio", (x, d), ratio
    for n, p in product((1, 11, 101, 1_001), (1e-3, 0.3, 0.5, 0.51, 0.999)):
        k = (n + 1) // 2
        tail = special.log_binomial_tail(k, n, p)
        yield "special.log_binomial_tail", (k, n, p), tail
    for n, p in product((1, 2, 50, 200), (0.0, 1e-4, 0.1, 0.5, 1.0)):
        yield "discrete.binomial_law", (p, n), discrete.binomial_law(p, n)
    for n, e in product(SIZES, ("unbiased", "mle")):
        drift = gaussian.log_sigma2_drift(n, e)
        yield "gaussian.log_sigma2_drift", (n, e), drift
        for t in (0, 1, 500):
            pooled = gaussian.pooled_variance(n, t, e)
            yield "gaussian.pooled_variance", (n, t, e), pooled
    yield from cases_of_the_number_line()
    yield from cases_of_bias()
    yield from cases_of_kernels_and_verifiers()


def cases_of_the_number_line() -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    law = "number_line."
    for p in (0.0, 0.5, 1.0, 1.25, 2.0, 4.0, 30.0):
        yield law + "replace_limit", (p,), number_line.replace(np.inf, p)
    for r in RATIOS:
        yield law + "accumulate_limit", (r,), number_line.accumulate(np.inf, r)
        yield law + "augment_limit", (r,), number_line.augment(np.inf, r)
        yield law + "golden_weight", (r,), number_line.golden_weight(r)
        for w in (0.01, 0.1, 0.618, 1.0):
            yield law + "fresh_limit", (w, r), number_line.fresh(np.inf, w, r)
    for t, a in product(FITS, (0.0, *SHARES)):
        yield law + "web", (t, a), number_line.web(t, a)


def cases_of_bias() -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    for lam, t in product(LAMBDAS, TIMES):
        yield "bias.variance_replaced", (lam, t), bias.variance_replaced(lam, t)
        left = bias.variance_accumulated(lam, t)
        yield "bias.variance_accumulated", (lam, t), left
        for a in SHARES:
            kept = bias.variance_with_real(lam, a, t)
            yield "bias.variance_with_real", (lam, a, t), kept
    for lam, a in product(LAMBDAS[:-1], (0.0, 0.01, 0.1, 0.3, 0.49, 0.5, 0.9)):
        yield "bias.variance_with_real", (lam, a), bias.variance_with_real(lam, a)
        yield "bias.overtaking", (lam, a), bias.overtaking(lam, a)
    for q, temperature in product((0.0, 1e-3, 0.1, 0.5, 1.0), (0.5, 0.9, 1.0, 1.1)):
        drawn = bias.share_at_temperature(q, temperature, 1)
        yield "bias.share_at_temperature", (q, temperature), drawn


def cases_of_kernels_and_verifiers() -> Iterator[tuple[str, tuple[Any, ...], Any]]:
    for k, h, n in product(FITS, (0.0, 0.02, 0.3, 2.0), (None, 1, 25, 400)):
        size = () if n is None else (n,)
        yield "kde.replace", (k, h, *size), kde.replace(k, h, n)
        for a in SHARES if n is None else SHARES[:-1]:
            spread = kde.with_real(k, h, a, n)
            yield "kde.with_real", (k, h, a, *size), spread
    for t, g, b in product((0, 1, 30, 300), (0.01, 0.5, 5.0), (0.0, 0.2, 3.0)):
        error = pull.pulled_error(t, g, 10_000, n_real=25, offset=b, narrowed=True)
        yield "pull.pulled_error", (t, g, 10_000, 25, b), error
    for phi, psi in product((0.05, 0.5, 1.0), (0.0, 0.05, 0.5, 1.0)):
        edge = curation.verifier_threshold(phi, psi)
        yield "curation.verifier_threshold", (phi, psi), edge
        for p in (0.0, 0.3, 0.99):
            right = curation.kept_accuracy(p, phi, psi)
            yield "curation.kept_accuracy", (p, phi, psi), right


@pytest.fixture(scope="module")
def lawful(browser: Browser) -> Page:
    """A page that knows the laws and nothing else."""
    page = browser.new_page()
    page.add_script_tag(content=(SCRIPTS / "laws.js").read_text("utf-8"))
    # JSON has no infinity.
    page.evaluate(
        """() => { window.told = (value) =>
          Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value, told)
            : value === Infinity ? "infinite" : value; }"""
    )
    return page


def by_script(page: Page, calls: list[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    return page.evaluate(
        """calls => calls.map(([name, given]) => {
          const [module, law] = name.split(".");
          return told(laws[module][law](...given));
        })""",
        calls,
    )


def test_every_law_is_the_librarys(lawful: Page) -> None:
    expected = list(cases())
    found = by_script(lawful, [(name, given) for name, given, _ in expected])
    off = []
    for (name, given, value), computed in zip(expected, found, strict=True):
        numbers = np.asarray(INFINITY if computed == "infinite" else computed, float)
        # What a logarithm is off by, its number is off by as a share of itself.
        atol = 1e-12 if "log_" in name else 1e-290
        if not np.allclose(numbers, value, rtol=1e-9, atol=atol):
            off.append(f"{name}{given} is {numbers}, by the library {value}")
    assert not off, "\n".join(off[:20])
    below = {"bias.fresh", "discrete.share_law"}
    modules = lawful.evaluate(
        "Object.entries(laws).map(([name, module]) => [name, Object.keys(module)])"
    )
    assert {name for name, *_ in expected} | below == {
        f"{module}.{law}" for module, names in modules for law in names
    }


@pytest.mark.parametrize("temperature", [0.9, 1.0, 1.1])
@pytest.mark.parametrize(("n", "a"), [(1, 0.0), (10, 0.0), (60, 0.05), (150, 0.01)])
def test_the_fates_of_blue_are_the_exact_law(
    lawful: Page, n: int, a: float, temperature: float
) -> None:
    def rule(p: Any) -> Any:
        return a * 0.1 + (1 - a) * bias.share_at_temperature(p, temperature, 1)

    found = lawful.evaluate(
        """([n, a, temperature, at]) => {
          const tempered = (p) => laws.bias.share_at_temperature(p, temperature);
          const law = laws.discrete.share_law(
            0.1, n, 400, (p) => a * 0.1 + (1 - a) * tempered(p));
          return told(at.map((t) => law[t]));
        }""",
        [n, a, temperature, at := [0, 1, 30, 400]],
    )
    law = discrete.share_law(0.1, n, 400, rule)[at]
    np.testing.assert_allclose(found, law, rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize("lam", [0.0, 0.8, 0.99, 1.0])
@pytest.mark.parametrize(("real", "made"), [(1, 1), (1, 9), (5, 995), (100, 900)])
def test_new_real_points_are_the_exact_law(
    lawful: Page, real: int, made: int, lam: float
) -> None:
    given = [500, lam, real, made, real + made]
    path, limit = lawful.evaluate(
        "given => { const f = laws.bias.fresh(...given); return [f.path, f.limit]; }",
        given,
    )
    law = bias.fresh(np.arange(501), lam, real, made, first=real + made)
    np.testing.assert_allclose(path, np.transpose(law), rtol=1e-9)
    np.testing.assert_allclose(limit, bias.fresh(np.inf, lam, real, made), rtol=1e-9)


# ---- the element: what it says, by keyboard and to a screen reader -------------------


def document(theme: str) -> str:
    """Return a page with all sliders, with the book's own styles and scripts."""
    style = (ROOT / "_static" / "book.css").read_text("utf-8")
    scripts = "".join(
        f"<script>{(SCRIPTS / name).read_text('utf-8')}</script>"
        for name in sliders.SCRIPTS
    )
    elements = "".join(
        f'<law-slider name="{name}" label="{escape(sliders.SLIDERS[name].label)}">'
        f'<script type="application/json">{json.dumps(data)}</script>'
        f"<p>What do you find?</p></law-slider>"
        for name, data in sliders.settings()
    )
    colors = {"light": "#fff; color: #222", "dark": "#14181e; color: #e6e9ec"}[theme]
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><title>Sliders'
        f'</title><meta name="viewport" content="width=device-width"><style>{style}'
        f"body {{ background: {colors}; --pst-color-background: {colors[:7]} }}</style>"
        f"{scripts}</head><body><main><h1>Sliders</h1>{elements}</main></body></html>"
    )


@contextmanager
def opened(browser: Browser, theme: str, **options: Any) -> Iterator[Page]:
    """Open all sliders on a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, **options)
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(document(theme))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def shown(browser: Browser) -> Iterator[Page]:
    with opened(browser, "light") as page:
        yield page


#: Put the controls of a slider to places, and return what is said and drawn, and when.
MOVE = """([name, moves]) => {
  const element = document.querySelector(`law-slider[name=${name}]`);
  return moves.map((places) => {
    const before = performance.now();
    places.forEach((place, i) => { element.inputs[i].value = place; });
    element.inputs[0].dispatchEvent(new Event("input"));
    const took = performance.now() - before;
    return [element.text.textContent, element.svg.outerHTML, took,
      element.inputs.map((input) => input.getAttribute("aria-valuetext"))];
  });
}"""

#: Milliseconds for forty million products, some fifty on an idle desktop: other work on
#: the machine delays both.
PRODUCTS = """() => Array.from({ length: 5 }, () => {
  const before = performance.now(), one = new Float64Array(1000).fill(0.5);
  let total = 0;
  for (let t = 0; t < 40000; t += 1)
    for (let i = 0; i < 1000; i += 1) total += one[i] * one[i];
  return total > 0 ? performance.now() - before : NaN;
})"""


def moves_of(slider: sliders.Slider) -> list[list[int]]:
    """Return every stop of every setting, beside the others' start, and all corners."""
    start = [
        c.stops.index(v) for c, v in zip(slider.controls, slider.start, strict=True)
    ]
    ends = [(0, len(control.stops) - 1) for control in slider.controls]
    each = [
        [*start[:i], place, *start[i + 1 :]]
        for i, control in enumerate(slider.controls)
        for place in range(len(control.stops))
    ]
    return [*each, *map(list, product(*ends))]


@pytest.mark.parametrize("name", sliders.SLIDERS)
def test_at_every_stop_there_is_a_sentence_and_a_picture(
    shown: Page, name: str
) -> None:
    moves = moves_of(sliders.SLIDERS[name])
    found = shown.evaluate(MOVE, [name, moves])
    for places, (said, svg, _, values) in zip(moves, found, strict=True):
        assert re.fullmatch(r"[A-Z].*\d.*\.\)?", said), (places, said)
        assert not re.search(r"NaN|undefined|null|Infinity", said + svg), places
        assert "<path" in svg and f"{said}" in svg.replace("&amp;", "&"), places
        assert "" not in values, places
    assert len({svg for _, svg, _, _ in found}) > len(moves) / 2, "it hardly moves"
    # The last corner has the largest sizes.
    took, sums = shown.evaluate(
        f"([name, at]) => [({MOVE})([name, at]).map(m => m[2]), ({PRODUCTS})()]",
        [name, 10 * moves[-1:]],
    )
    assert min(took) < min(sums), "milliseconds a move, and what 50 are here"


def said_by_the_library(name: str) -> dict[tuple[Any, ...], list[str]]:
    """Return settings of a slider, and numbers that its sentence must have there."""
    if name == "fates":
        told = {}
        for n, real, temperature in ((100, 0, 1.0), (150, 1, 1.0), (50, 0, 0.95)):
            a = real / n
            law = discrete.share_law(
                0.1,
                n,
                400,
                lambda p, a=a, T=temperature: (
                    0.1 * a + (1 - a) * bias.share_at_temperature(p, T, 1)
                ),
            )
            single = law[:, 0] + law[:, -1] >= 0.5
            when = f"generation {single.argmax()} on" if single.any() else "At any time"
            lost = f"{100 * law[-1, 0]:.1f} %"
            told[n, real, temperature] = [lost.replace(".0", ""), when]
        return told
    if name == "sigma":
        typical = math.exp(101 * float(gaussian.log_sigma2_drift(50, "unbiased")))
        kept = 0.99 * float(bias.fresh(np.inf, 0.99, 1, 99, first=100).variance)
        return {
            (50, 0, "unbiased"): [f"typical one has {typical:.2f}", "together 3.02"],
            (100, 1, "MLE"): [f"average is {kept:.2f}"],
        }
    if name == "number-line":
        return {
            (0.5, 1, 0.25, 1): ["0.667", "0.618"],
            (0.4, 4, 0.25, 1): [f"{float(number_line.fresh(np.inf, 0.4, 4)):.3f}"],
        }
    if name == "noise-and-bias":
        when = math.ceil(float(bias.overtaking(0.8, 0.1)))
        noise = 10 * float(number_line.fresh(np.inf, ratio=9))
        return {
            (0.8, 0.1): [
                f"generation {when} on",
                "35.7 %",
                "1.64",
                f"{noise:.2f} times",
            ],
            (0.95, 0.02): [f"{float(bias.overtaking(0.95, 0.02)):.2g}"[0]],
            (1.0, 0.1): ["nothing is lost"],
        }
    if name == "spreading":
        alone = float(kde.with_real(1_000, 0.2, 0.1, 100))
        return {
            (0.05, 100, 0): [
                "0.25 times the variance",
                "distance 3.50",
                "0.50, below 1",
            ],
            (0.2, 100, 0.1): [f"{alone:.2f} times", "1.40"],
        }
    if name == "verifier":
        error = pull.pulled_error(
            np.arange(301), 0.05, 10_000, n_real=25, offset=0.5, narrowed=True
        )
        return {
            (0.5, 0.05, 25): [
                f"begins at {error[0]:.3f}",
                f"after {error.argmin()} generations",
                f"{error.min():.3f} (no better than 29 real points)",
                f"After 300 it is {error[-1]:.2f}",
            ],
            (0, 0.05, 25): ["still no worse"],
        }
    right = float(curation.kept_accuracy(0.58, 0.8, 0.5))
    chance = math.exp(float(special.log_binomial_tail(51, 101, right)))
    return {
        (0.8, 0.5, 101, 0.58): [f"{right:.1%}"[:-1], f"{chance:.1%}"[:-1], "61.5 %"],
        (1.0, 1.0, 1, 0.5): ["50 % are right. ", "where 50 % are wrong"],
    }


@pytest.mark.parametrize("name", sliders.SLIDERS)
def test_the_sentence_has_the_librarys_numbers(shown: Page, name: str) -> None:
    slider = sliders.SLIDERS[name]
    for settings, numbers in said_by_the_library(name).items():
        places = [
            control.stops.index(value)
            for control, value in zip(slider.controls, settings, strict=True)
        ]
        ((said, *_),) = shown.evaluate(MOVE, [name, [places]])
        missing = [number for number in numbers if number not in said]
        assert not missing, (settings, said, missing)


def test_a_slider_is_moved_by_keyboard_and_tells_what_follows(shown: Page) -> None:
    slider = shown.locator("law-slider[name=noise-and-bias]")
    share = slider.get_by_label("Real share of a training set")
    slider.get_by_role("button", name="Reset").click()
    told = slider.locator("p[aria-live=polite]")
    before = told.inner_text()
    assert share.get_attribute("aria-valuetext") == "10 %"
    share.press("ArrowLeft")
    assert share.get_attribute("aria-valuetext") == "7 %"
    assert told.inner_text() != before
    named = slider.get_by_role("img").get_attribute("aria-label")
    assert named is not None and named.endswith(told.inner_text())
    share.press("Home")
    assert share.get_attribute("aria-valuetext") == "1 %"
    share.press("ArrowLeft")  # there is nothing beyond
    assert share.get_attribute("aria-valuetext") == "1 %"
    share.press("End")
    assert share.get_attribute("aria-valuetext") == "50 %"
    slider.get_by_role("button", name="Reset").press("Enter")
    assert told.inner_text() == before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_sliders_fit_a_phone_and_are_for_all(browser: Browser, theme: str) -> None:
    with opened(browser, theme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        rules = {"resultTypes": ["violations"], "preload": False}
        assert Axe().run(page, options=rules).response["violations"] == []


def test_without_scripts_nothing_is_shown(browser: Browser) -> None:
    with opened(browser, "light", java_script_enabled=False) as page:
        assert page.locator("main").inner_text().strip() == "Sliders"


# ---- the directive -------------------------------------------------------------------


def test_colours_mean_what_they_mean_in_the_figures() -> None:
    style = (ROOT / "_static" / "book.css").read_text("utf-8")
    light, _, _ = style.partition('html[data-theme="dark"]')
    for role in ("real", "synthetic", "theory", "published", "loss"):
        assert f"--slider-{role}: {COLORS[role].lower()};" in light
    used = set(re.findall(r"--slider-(\w+):", style))
    for name in used:
        assert style.count(f"--slider-{name}:") == 2, f"{name} is not for both themes"


def test_options_are_values_of_the_slider() -> None:
    slider = sliders.SLIDERS["noise-and-bias"]
    start = sliders.data(slider, {})["controls"][1]
    assert start["stops"][start["at"]] == 0.1
    moved = sliders.data(slider, {"share": "0.02"})["controls"][1]
    assert moved["stops"][moved["at"]] == 0.02
    estimator = sliders.data(sliders.SLIDERS["sigma"], {"estimator": "MLE"})
    assert [control["at"] for control in estimator["controls"]][2] == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"share": "0.123"}, "share is '0.123'; it stops at 0.01, 0.02"),
        ({"n": "100"}, "no setting 'n'; there are lambda, share"),
    ],
)
def test_other_options_stop_the_build(options: dict[str, str], complaint: str) -> None:
    with pytest.raises(BookError, match=re.escape(complaint)):
        sliders.data(sliders.SLIDERS["noise-and-bias"], options)


def test_scripts_are_loaded_where_there_is_a_slider() -> None:
    loaded: list[str] = []
    app: Any = SimpleNamespace(add_js_file=lambda name, **_: loaded.append(name))
    sliders.add_scripts(app, "page", "", {"body": "<p>none</p>"}, None)
    assert loaded == []
    sliders.add_scripts(app, "page", "", {"body": "<law-slider name="}, None)
    assert loaded == ["sliders/laws.js", "sliders/scenes.js", "sliders/law-slider.js"]
    assert sorted(loaded) == sorted(
        f"sliders/{path.name}" for path in SCRIPTS.glob("*.js")
    )
    config: Any = SimpleNamespace(html_js_files=["print.js", *loaded, ("a.js", {})])
    sliders.keep_scripts_off_other_pages(app, config)
    assert config.html_js_files == ["print.js", ("a.js", {})]
