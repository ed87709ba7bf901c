"""Open every built page in a real browser, as its readers do.

The pages are those of ``_build/html``, built first if they are out of date. To test a
copy built elsewhere, set ``BOOK_HTML`` to its folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag

import front
import nbformat
import numpy as np
import pytest
import travelling
from bs4 import BeautifulSoup
from page_faults import Watch, faults_of, inaccessible
from playwright.sync_api import Browser, Route
from screenshots import (
    THEMES,
    WIDTHS,
    new_context,
    pages,
    served,
    settle,
)

from collapse_lib import claims
from collapse_lib.book import pictures

ROOT = Path(__file__).resolve().parents[2]
BROKEN = Path(__file__).parents[1] / "fixtures" / "site"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def articles(html: Path) -> dict[str, BeautifulSoup]:
    """All pages, parsed, by address."""
    return {
        name: BeautifulSoup((html / name).read_text("utf-8"), "html.parser")
        for name in pages(html)
    }


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("sound", None),
        ("missing_asset", "answer 404"),
        ("external_image", "asks another host: https://example.org/picture.png"),
        ("console_error", "page error: on purpose"),
        ("low_contrast", "color-contrast (serious)"),
        ("wide_element", "scrolls sideways"),
        ("wrong_theme", "shows the theme dark"),
    ],
)
def test_a_broken_page_is_noticed(
    browser: Browser, name: str, complaint: str | None
) -> None:
    with served(BROKEN) as address:
        context = new_context(browser, "light", 390)
        watch, page = Watch(context, address), context.new_page()
        faults = faults_of(page, watch, f"{name}.html", "light")
        context.close()
    if complaint is None:
        assert faults == []
    else:
        assert any(complaint in fault for fault in faults), faults


def test_search_finds_a_chapter(browser: Browser, address: str) -> None:
    context = new_context(browser, "light", 1280)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/search.html?q=gaussian")
    page.wait_for_selector("#search-results li a[href*='chapters/']")
    # The summary is written when the last result is there.
    found = page.get_by_text(re.compile(r"[1-9]\d* page"))
    found.wait_for()
    summary = found.inner_text()
    links = page.locator("#search-results li > a").evaluate_all(
        "all => all.map(one => one.getAttribute('href'))"
    )
    context.close()
    reference = [link.startswith("appendices/api") for link in links]
    assert reference == sorted(reference) and any(reference), "the reference comes last"
    assert "match" in summary
    assert watch.faults == []


#: What readers type -> a part of the address that answers, and how far down it may be.
QUERIES = {
    # The questions of five strangers.
    "how do I cite": ("intro.html#how-to-cite", 1),
    "where is the code for 89.9 %": (
        "chapters/01-what-model-collapse-is.html#number-",
        1,
    ),
    "what did the paper say about tails": ("#claim-C01", 3),
    "does it run on Windows": ("appendices/where-it-runs.html", 1),
    "what can be done against it": ("chapters/19-", 1),
    # Places of every kind.
    "C23": ("chapters/04-many-dimensions.html#claim-C23", 1),
    "claim L65a": ("#claim-L65a", 1),
    "ten million samples": ("#claim-C10", 3),
    "Wasserstein": ("glossary.html#term-Wasserstein-distance", 1),
    "resampling ends in one state": ("#thm-resampling", 1),
    "golden 0.618": ("chapters/10-", 1),
    "pi^2/6": ("chapters/10-the-number-line.html", 1),
    "π²/6": ("chapters/10-the-number-line.html", 1),
    "chi-squared": ("chapters/03-", 3),
    "GMM": ("chapters/06-", 1),
    "bibtex": ("intro.html#how-to-cite", 1),
    "Colab": ("appendices/where-it-runs.html", 1),
    "install": ("intro.html#how-to-run-it", 1),
    "licence": ("appendices/data-and-licences", 3),
    "jackrabbits": ("#claim-C39", 1),
    "a clean audit": ("#ex-15-", 1),
    "clouds turn into needles": ("chapters/04-", 1),
    # What has been heard of model collapse.
    "what is model collapse": ("chapters/01-what-model-collapse-is.html", 3),
    "definition": ("#def-01-collapse", 3),
    "two stages": ("chapters/01-", 1),
    "mechanism": ("chapters/01-", 1),
    "early model collapse": ("term-early-model-collapse", 1),
    "photocopies": ("#claim-L110", 1),
    "90/10": ("chapters/15-minorities.html", 3),
    "yellow blue": ("chapters/01-", 3),
    "three errors": ("chapters/05-", 1),
    "MAD": ("term-MAD", 3),
    "inevitable": ("chapters/10-", 3),
    "watermark": ("chapters/17-", 3),
    "provenance challenges": ("chapters/18-", 1),
    "law": ("chapters/18-", 3),
    "related concepts": ("appendices/glossary.html#terms", 1),
    "mitigations": ("chapters/19-", 1),
    "mode collapse": ("term-mode-collapse", 1),
    "catastrophic forgetting": ("term-catastrophic-forgetting", 1),
    "your own data": ("appendices/use-it-on-your-own-data", 1),
}


def test_the_search_finds_the_place(browser: Browser, address: str) -> None:
    context = new_context(browser, "light", 1280)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/search.html")
    ask = "asked => bookPlaces.search(asked).map(one => one.address)"
    found = {asked: page.evaluate(ask, asked) for asked in QUERIES}
    assert page.evaluate(ask, "qwertz") == []
    assert page.evaluate(ask, "watermark qwertz") == page.evaluate(ask, "watermark")
    context.close()
    lost = {
        asked: found[asked][:3]
        for asked, (wanted, first) in QUERIES.items()
        if not any(wanted in place for place in found[asked][:first])
    }
    assert not lost and watch.faults == []


@pytest.mark.parametrize("theme", THEMES)
def test_what_the_search_shows_is_readable(
    browser: Browser, address: str, theme: str
) -> None:
    context = new_context(browser, theme, WIDTHS["phone"])
    watch, page = Watch(context, address), context.new_page()
    faults = faults_of(page, watch, "search.html?q=tails", theme)
    assert page.locator("#places-found li").count() > 3
    context.close()
    assert not faults


def test_the_search_leads_to_the_code_of_a_number(
    html: Path, browser: Browser, address: str
) -> None:
    # From a server and from a folder.
    for base in (address, html.as_uri()):
        context = new_context(browser, "dark", 390)
        page = context.new_page()
        page.goto(f"{base}/search.html?q=where+is+the+code+for+89.9+%25")
        page.locator("#places-found a").first.click()
        page.get_by_text('chapter.say("blue_gone"', exact=False).wait_for()
        # And back to where the text says it.
        page.locator("#number-blue_gone a").click()
        assert page.evaluate("document.querySelector(':target').textContent") == "89.9"
        context.close()


def test_the_id_of_a_claim_leads_straight_to_its_card(
    browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 390)
    page = context.new_page()
    page.goto(f"{address}/search.html?q=c23")
    page.wait_for_url("**/chapters/04-many-dimensions.html#claim-C23")
    page.wait_for_selector("#claim-C23[open]")
    context.close()


def test_every_number_leads_to_its_code(articles: dict[str, BeautifulSoup]) -> None:
    n_links = 0
    named = {
        name: {str(tag["id"]): tag for tag in soup.select("[id]")}
        for name, soup in articles.items()
        if name.startswith("chapters/")
    }
    for name, soup in articles.items():
        for link in soup.select("a.number-link"):
            n_links += 1
            path, anchor = urldefrag(str(link["href"]))
            page = os.path.normpath(Path(name).parent / path) if path else name
            target = named[page].get(anchor)
            assert target is not None, f"{name}: no place for {link}"
            if anchor.startswith("number-"):
                assert target.strong is not None
                shown = re.sub("[“”]", '"', link.get_text())  # as pages have quotes
                assert target.strong.get_text() == shown, f"{name}: {link}"
            else:
                assert target.select_one(".cell_input pre") is not None, link
            assert link["tabindex"] == "-1"
        # None is left without, but in titles and in links, which lead elsewhere.
        for left in soup.select("article .pasted-text"):
            assert left.find_parent(["a", "h1", "h2", "h3", "h4"]), f"{name}: {left}"
    assert n_links > 900


def test_the_code_of_a_number_opens_whatever_is_shown(
    browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 1280)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    folded = "div.cell:has(> details.hide:not([open]))"
    cells = page.locator(f"{folded}").evaluate_all("all => all.map(one => one.id)")
    links = page.locator("a.number-link").evaluate_all(
        "all => all.map(one => one.hash.slice(1))"
    )
    cell = next(anchor for anchor in links if anchor in cells)
    page.locator(SWITCH).select_option("none")
    page.locator(f'a.number-link[href="#{cell}"]').first.click()
    page.locator(f"#{cell} > details[open] pre").wait_for()
    context.close()


def test_the_ledger_shows_measure_and_leads_on(
    html: Path, articles: dict[str, BeautifulSoup]
) -> None:
    rows = articles["appendices/ledger.html"].select("table.ledger tbody tr")
    assert len(rows) == len(claims.load(ROOT / "claims.yaml"))
    for row in rows:
        place = row.select_one("th [id]")
        assert place is not None
        claim_id = str(place["id"]).removeprefix("ledger-")
        assert "How we measure it: " in row.get_text()
        leads = {a.get_text(): str(a["href"]) for a in row.select(".leads a")}
        entry = leads["Entry in claims.yaml"].removeprefix("../")
        text = (html / entry).read_text("utf-8")
        assert text.startswith(f"- id: {claim_id}\n")
        judged = "not attempted" not in row.select("td")[-1].get_text()
        assert judged == ("Code of the check" in leads), claim_id
        if judged:
            path, anchor = urldefrag(leads["Code of the check"])
            cell = articles[path.removeprefix("../")].find(id=anchor)
            assert cell is not None and cell.find(id=f"claim-{claim_id}") is not None
    assert any("Stored run: laptop" in row.get_text() for row in rows)


SIGNED = (
    "article figure[id], article .proof[id]:not(#proof), article .exercise[id], "
    "details.verdict, table.ledger th > span[id], article section[id] > h2"
)


def test_places_have_a_sign_with_their_address(
    browser: Browser, address: str, articles: dict[str, BeautifulSoup]
) -> None:
    for name, soup in articles.items():
        for place in soup.select(SIGNED):
            box = place.parent if place.name in ("span", "h2") else place
            assert box is not None and box.select_one(
                "a.headerlink, a.claim-address"
            ), f"{name}: {place}"
    shown = "all => all.map(one => getComputedStyle(one).opacity)"
    context = new_context(browser, "light", 1280)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    signs = page.locator("article a.headerlink")
    assert set(signs.evaluate_all(shown)) == {"0"}
    sign = page.locator("article .theorem a.headerlink").first
    sign.focus()
    assert sign.evaluate("one => getComputedStyle(one).opacity") == "1"
    context.close()
    context = browser.new_context(has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    assert set(page.locator("article a.headerlink").evaluate_all(shown)) == {"1"}
    context.close()


def test_pages_forbid_other_hosts(
    html: Path, browser: Browser, address: str, articles: dict[str, BeautifulSoup]
) -> None:
    for name, soup in articles.items():
        policy = soup.select_one("meta[http-equiv=Content-Security-Policy]")
        assert policy is not None, f"{name} has no policy"
        assert str(policy["content"]).startswith("default-src 'self' file:;"), name
    # Whether they come from a server or lie in a folder.
    for base in (address, html.as_uri()):
        context = new_context(browser, "light", 1280)
        page, said = context.new_page(), list[str]()
        page.on("console", lambda m, said=said: said.append(f"{m.type}: {m.text}"))
        page.goto(f"{base}/intro.html")
        settle(page)
        assert not [line for line in said if line.startswith("error")]
        for asked in (
            "fetch('https://example.org/data').catch(() => null)",
            "void (new Image().src = 'https://example.org/picture.png')",
            "void document.head.append(Object.assign(document.createElement('script'),"
            "{src: 'https://example.org/script.js'}))",
        ):
            said.clear()
            page.evaluate(asked)
            page.wait_for_timeout(100)
            assert any("Content Security Policy" in line for line in said), asked
        context.close()


FORMULAS = """() => ({
    set: document.querySelectorAll(".math mjx-container").length,
    sources: document.querySelectorAll(".math").length,
    wrong: [...document.querySelectorAll("mjx-merror")].map(one => one.textContent),
    stops: [...document.querySelectorAll("mjx-container[tabindex]")]
        .filter(one => one.scrollWidth <= one.clientWidth).length,
    heard: document.querySelectorAll("mjx-assistive-mml math").length,
})"""


#: Bytes of what a chapter loads beside its own text and its pictures, unpacked.
COMMON = 1_250_000
#: The same with its text, for half of the chapters.
HALF = 1_450_000
PICTURE = re.compile(r"\.(png|svg|jpg)$")


def test_chapters_are_light_and_every_formula_is_set_and_heard(
    html: Path, browser: Browser, address: str
) -> None:
    totals, formulas = [], 0
    chapters = [name for name in pages(html) if name.startswith("chapters/")]
    for name in chapters[::3]:
        context = new_context(browser, "light", 390)
        watch, page, sizes = Watch(context, address), context.new_page(), {}
        page.on("response", lambda r, to=sizes: to.update({r.url: len(r.body())}))
        page.goto(f"{address}/{name}", timeout=90_000)
        settle(page)
        page.wait_for_load_state("networkidle")
        found = page.evaluate(FORMULAS)
        context.close()
        assert found["wrong"] == [], name
        assert found["set"] == found["sources"] == found["heard"], name
        assert found["stops"] == 0, f"{name}: {found['stops']} tab stops that fit"
        assert watch.faults == []
        formulas += found["set"]
        plain = {url: n for url, n in sizes.items() if not PICTURE.search(url)}
        text = plain[f"{address}/{name}"]
        assert sum(plain.values()) - text < COMMON, f"{name}: {plain}"
        totals.append(sum(plain.values()))
    assert formulas > 300
    assert sorted(totals)[len(totals) // 2] < HALF, totals


def test_letters_that_come_late_leave_no_tab_stops(
    browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 390)
    page = context.new_page()

    def late(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.route("**/*.woff*", late)
    page.goto(f"{address}/{CHAPTER}")
    settle(page)
    page.wait_for_load_state("networkidle")
    found = page.evaluate(FORMULAS)
    context.close()
    assert found["set"] > 0
    assert found["stops"] == 0


#: Icons that are shown, and are no character of a font of icons that is there.
ICONS_WITHOUT_FONT = """() => [...document.querySelectorAll("i[class*='fa-']")]
    .filter(one => one.getBoundingClientRect().width > 0)
    .filter(one => {
        const { content, fontFamily, fontWeight } = getComputedStyle(one, "::before");
        return !/Font Awesome/.test(fontFamily)
            || !/[\\ue000-\\uf8ff]/.test(content)
            || ![...document.fonts].some(font => font.status === "loaded"
                && fontFamily.includes(font.family.replaceAll('"', ""))
                && font.weight === fontWeight);
    }).map(one => one.outerHTML)"""


def test_every_icon_is_drawn(browser: Browser, address: str) -> None:
    context = new_context(browser, "light", 1280)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    settle(page)
    blank = page.evaluate(ICONS_WITHOUT_FONT)
    assert page.locator("i[class*='fa-'] >> visible=true").count() > 3
    assert blank == []
    context.close()


def test_a_downloaded_notebook_knows_the_site(
    html: Path, browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 1280)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    page.locator(".dropdown-download-buttons > button").click()
    stem = Path(CHAPTER).stem
    for copy in travelling.COPIES:
        with page.expect_download() as waiting:
            page.locator(f"a[href$='{copy}/{stem}.ipynb']").evaluate(
                "one => one.click()"
            )
        assert waiting.value.suggested_filename == f"{stem}.ipynb"
        notebook = nbformat.read(waiting.value.path(), 4)
        nbformat.validate(notebook)
        text = "\n".join(cell["source"] for cell in notebook.cells)
        assert travelling.SITE not in text
        assert not re.search(r"\{[a-z:]+\}`|^:::|^```\{", text, re.MULTILINE)
        assert f"{address}/{CHAPTER}" in text
        (wheel,) = re.findall(rf"{address}/(\S+\.whl)", text)
        assert (html / wheel).is_file()
    context.close()
    assert watch.faults == []


def test_a_link_to_a_folded_verdict_opens_it(browser: Browser, address: str) -> None:
    context = new_context(browser, "light", 390)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    closed = page.locator("details.verdict:not([open])")
    first, second = (closed.nth(place).get_attribute("id") for place in (0, 1))
    page.evaluate("name => { location.hash = name }", first)
    page.wait_for_selector(f"#{first}[open]")
    page.goto(f"{address}/{ANOTHER}")
    page.goto(f"{address}/{CHAPTER}#{second}")
    page.wait_for_selector(f"#{second}[open]")
    assert page.locator(f"#{first}[open]").count() == 0
    context.close()


CHAPTER, ANOTHER = "chapters/03-one-gaussian.html", "chapters/02-discrete-worlds.html"
SWITCH = "select.code-switch"
CODE, FOLDS = "article .cell_input >> visible=true", "article details.hide"


def test_the_reader_chooses_how_much_code_is_shown(
    browser: Browser, address: str
) -> None:
    context = new_context(browser, "dark", 390)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    key, folds = page.locator(CODE).count(), page.locator(FOLDS).count()
    assert key > 0 and folds > 0
    page.locator(SWITCH).focus()
    page.keyboard.press("ArrowDown")  # from the key steps to all code
    assert page.locator(CODE).count() == key + folds
    page.goto(f"{address}/{ANOTHER}")  # remembered
    assert page.locator(SWITCH).input_value() == "all"
    assert page.locator(f"{FOLDS}:not([open])").count() == 0
    page.locator(SWITCH).select_option("none")
    assert page.locator(CODE).count() == 0
    page.goto(f"{address}/{CHAPTER}")
    assert page.locator(CODE).count() == 0
    assert page.locator(f"{FOLDS} >> visible=true").count() == 0
    assert page.locator("article figure img >> visible=true").count() > 0
    page.locator(SWITCH).select_option("some")
    assert page.locator(CODE).count() == key
    page.goto(f"{address}/appendices/glossary.html")
    assert page.locator(SWITCH).count() == 0, "there is no code to show or hide"
    context.close()
    assert watch.faults == []


def test_long_formulas_are_broken_on_phones_only(
    browser: Browser, address: str
) -> None:
    rows = {}
    for width in WIDTHS.values():
        context = new_context(browser, "light", width)
        page = context.new_page()
        page.goto(f"{address}/{CHAPTER}")
        settle(page)
        rows[width] = page.locator("#thm-03-risk mjx-mtr").count()
        context.close()
    assert rows[max(rows)] == rows[min(rows)] - 1


def test_the_list_of_sections_marks_the_one_that_is_read(
    browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 1280)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    settle(page)
    links = page.locator("nav.page-toc a")
    places = [link.get_attribute("href") for link in links.all()]
    assert len(places) > 5
    for place in places[:-2]:  # the last two share a screen
        page.evaluate(
            "place => document.getElementById(place.slice(1)).scrollIntoView("
            "{behavior: 'instant', block: 'start'})",
            place,
        )
        page.wait_for_function(
            "place => [...document.querySelectorAll('nav.page-toc a.active')]"
            ".map(link => link.hash).join() === place",
            arg=place,
        )
    context.close()


def test_folded_code_opens_without_scripts(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    key = page.locator(CODE).count()
    fold = page.locator(FOLDS).first
    assert fold.locator("summary").inner_text().strip() == "Setup: sizes, imports, seed"
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(CODE).count() == key + 1
    assert page.locator(SWITCH).count() == 0
    context.close()


def test_figures_have_caption_number_and_description(
    articles: dict[str, BeautifulSoup],
) -> None:
    faults, seen = [], 0
    for name, soup in articles.items():
        for figure in soup.select("article figure"):
            seen += 1
            caption = figure.select_one("figcaption .caption-text")
            if figure.select_one("figcaption .caption-number") is None:
                faults.append(f"{name}: a figure without number, id {figure.get('id')}")
            if caption is None or not caption.get_text(strip=True):
                faults.append(f"{name}: a figure without caption, {figure.get('id')}")
        for image in soup.select("article img"):
            described = str(image.get("alt") or "")
            # Sphinx writes the file name where a source gives no description.
            if len(described.split()) < 3 or described.endswith((".png", ".svg")):
                faults.append(f"{name}: the image {image['src']} says {described!r}")
    assert seen > 0, "there is no figure on any page"
    assert not faults, "\n" + "\n".join(faults)


ENLARGED = "dialog.enlarged[open]"
#: Pixels on the page for each pixel of the picture that is shown.
SCALE_OF = "image => image.clientWidth / image.naturalWidth"


@pytest.mark.parametrize("theme", THEMES)
def test_a_figure_opens_larger_by_keyboard_and_by_tap(
    browser: Browser, address: str, theme: str
) -> None:
    context = new_context(browser, theme, 390)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/{CHAPTER}")
    button = page.get_by_role("button", name="Enlarge Fig. 3.1", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Fig. 3.1, enlarged")
    dialog.wait_for()
    # At half of its pixels a letter has the size that the code of the figure asks for.
    assert dialog.locator("img").evaluate(SCALE_OF) >= 0.5
    assert inaccessible(page) == []
    page.keyboard.press("Escape")
    assert page.locator(ENLARGED).count() == 0
    assert button.evaluate("one => one === document.activeElement")
    page.locator("#fig-03-single-runs img").click()
    page.locator(ENLARGED).get_by_role("button", name="Close").click()
    assert page.locator(ENLARGED).count() == 0
    context.close()
    assert watch.faults == []


def test_letters_of_figures_are_readable_on_a_phone(
    browser: Browser, address: str
) -> None:
    """A figure of 4.8 inches shows its letters of 11 points 11 pixels high."""
    context = new_context(browser, "light", 390)
    page = context.new_page()
    page.goto(f"{address}/chapters/07-variational-autoencoders.html")
    images = page.locator("article figure img")
    sizes = [11 * 200 / 72 * images.nth(i).evaluate(SCALE_OF) for i in range(6)]
    context.close()
    assert min(sizes) >= 11, sizes


def test_internal_links_lead_somewhere(
    html: Path, articles: dict[str, BeautifulSoup]
) -> None:
    ids = {
        name: {str(tag["id"]) for tag in soup.select("[id]")}
        for name, soup in articles.items()
    }
    faults = []
    for name, soup in articles.items():
        for link in soup.select("a[href]"):
            path, anchor = urldefrag(unquote(str(link["href"])))
            if re.match(r"[a-z]+:", path):
                continue
            target = (html / name).parent / path if path else html / name
            key = os.path.relpath(target, html)
            if not target.is_file():
                faults.append(f"{name}: no file for {link['href']}")
            elif anchor and key in ids and anchor not in ids[key]:
                faults.append(f"{name}: no place for {link['href']}")
    assert not faults, "\n" + "\n".join(sorted(set(faults)))


def test_every_claim_has_a_tile_that_leads_to_it(
    articles: dict[str, BeautifulSoup],
) -> None:
    page = articles["appendices/ledger.html"]
    links = [str(tile["href"]) for tile in page.select("a.tile")]
    numbers = {int(m[1]) for link in links if (m := re.search(r"-C(\d\d)", link))}
    assert numbers == set(range(1, 47))
    judged = [link for link in links if "#claim-" in link]
    assert judged, "no tile leads to a verdict card in a chapter"
    assert all(link.startswith("../chapters/") for link in judged)


def test_the_picture_on_the_front_page_fades(browser: Browser, address: str) -> None:
    context = new_context(browser, "dark", 390)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/intro.html")
    slider = page.get_by_label("Number of the copy")
    drops, copy, n_lines = 20_000, 20, 50
    told = page.locator("fading-picture p:not(.fading-strip)").inner_text()
    faint, bold, fresh_faint, _ = (int(n) for n in re.findall(r"(\d+) %", told))
    assert told.startswith(f"After {copy} copies of copies")
    # The same from the library: what one line of copies may show.
    lines = [front.copies(copy, drops, seed) for seed in range(n_lines)]
    darkness = pictures.seascape().ravel()
    for shown, at, dark in (
        (faint, copy, 0.1),
        (bold, copy, 1.0),
        (fresh_faint, 1, 0.1),
    ):
        pixels = np.isclose(darkness, dark)
        left = np.array([(line[at][pixels] > 0).mean() for line in lines])
        assert abs(shown / 100 - left.mean()) < 5 * left.std(ddof=1) + 0.005
    slider.focus()
    page.keyboard.press("Home")
    assert (
        "The original" in page.locator("fading-picture figcaption").first.inner_text()
    )
    page.keyboard.press("End")
    last = page.locator("fading-picture p:not(.fading-strip)").inner_text()
    assert int(re.findall(r"(\d+) %", last)[0]) < faint
    page.get_by_label("A copy has").select_option("2000")
    fewer = page.locator("fading-picture p:not(.fading-strip)").inner_text()
    assert int(re.findall(r"(\d+) %", fewer)[1]) < int(re.findall(r"(\d+) %", last)[1])
    context.close()
    assert watch.faults == []


def test_the_front_page_has_a_strip_without_scripts(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/intro.html")
    assert page.locator(".fading-strip img >> visible=true").count() == 4
    context.close()


#: What is beyond the right edge of the sheet, but for what only machines read.
CUT = """() => [...document.querySelectorAll("article *")]
    .filter(one => !one.closest("mjx-assistive-mml, .sr-only, script, style"))
    .filter(one => one.getBoundingClientRect().width > 0)
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
    .map(one => one.outerHTML.slice(0, 100))"""
#: Pixels between the margins of an A4 sheet.
SHEET = 660


@pytest.mark.parametrize(
    "name", ["chapters/03-one-gaussian.html", "appendices/ledger.html"]
)
def test_on_paper_a_page_is_light_open_and_whole(
    browser: Browser, address: str, name: str
) -> None:
    context = new_context(browser, "dark", SHEET)
    watch, page = Watch(context, address), context.new_page()
    page.goto(f"{address}/{name}")
    settle(page)
    folded = page.locator("article details:not([open])").count()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.locator("article details:not([open])").count() == 0
    assert page.evaluate(CUT) == []
    assert page.locator(".bd-sidebar-primary >> visible=true").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator("article details:not([open])").count() == folded
    context.close()
    assert watch.faults == []


def test_each_chapter_says_how_it_is_cited(html: Path) -> None:
    soup = BeautifulSoup((html / CHAPTER).read_text("utf-8"), "html.parser")
    (tag,) = soup.select('meta[name="citation_title"]')
    (title,) = soup.select("article h1")
    assert str(tag["content"]) in title.get_text()
    (entry,) = soup.select("#cite-chapter-bibtex")
    assert "@incollection{" in entry.get_text()
    assert f"title = {{{tag['content']}}}" in entry.get_text()
