"""Slides: what they show of a page, and how they look; where reveal.js comes from."""

import subprocess
import sys
import zipfile
from pathlib import Path

import fetch_slides
import pytest
from fetch_slides import NoSlidesError, unpack
from page_faults import inaccessible
from playwright.sync_api import Browser
from screenshots import new_context, settle

# --- scripts/fetch_slides.py ----------------------------------------------------------


def wheel(folder: Path, names: list[str]) -> Path:
    path = folder / "carrier.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(fetch_slides.INSIDE + name, f"of {name}")
    return path


def test_the_files_are_taken_out_of_the_wheel(tmp_path):
    home = tmp_path / "home"
    assert not fetch_slides.is_there(home)
    unpack(wheel(tmp_path, [*fetch_slides.FILES, "dist/other.js"]), home)
    assert (home / "notes.js").read_text() == "of plugin/notes/notes.js"
    assert fetch_slides.is_there(home)
    (home / fetch_slides.LOCK.name).write_text("another version")
    assert not fetch_slides.is_there(home)


def test_a_wheel_that_lacks_a_file_leaves_what_was_there(tmp_path):
    home = tmp_path / "home"
    unpack(wheel(tmp_path, [*fetch_slides.FILES]), home)
    with pytest.raises(NoSlidesError, match=r"carrier.whl has no .*dist/reveal.js"):
        unpack(wheel(tmp_path, ["LICENSE", "dist/reset.css", "dist/reveal.css"]), home)
    assert fetch_slides.is_there(home)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_without_a_registry_the_book_has_no_slides(tmp_path, monkeypatch, capsys):
    def fails(command, **options):
        raise subprocess.CalledProcessError(1, command, stderr=b"no route to it\n")

    monkeypatch.setattr(fetch_slides.subprocess, "run", fails)
    assert fetch_slides.main(tmp_path / "home") == 0
    said = capsys.readouterr().out
    assert said == (
        "The book is built without slides: reveal.js is missing, no route to it\n"
    )
    assert not (tmp_path / "home").exists()


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch):
    unpack(wheel(tmp_path, [*fetch_slides.FILES]), tmp_path / "home")
    monkeypatch.setattr(fetch_slides, "download", lambda folder: sys.exit("fetched"))
    assert fetch_slides.main(tmp_path / "home") == 0


# --- the decks ------------------------------------------------------------------------

#: What the audience would miss: text beyond the edge, pictures that are not there.
FAULTS = """() => {
    const slide = Reveal.getCurrentSlide(), height = Reveal.getConfig().height;
    const low = Math.max(0, ...[...slide.children]
        .filter(one => !one.matches(".notes, .slide-foot"))
        .map(one => one.offsetTop + one.offsetHeight));
    const wide = [...slide.querySelectorAll("*")].some(one =>
        !one.closest("mjx-assistive-mml, .notes")
        && one.getBoundingClientRect().right > innerWidth + 1);
    const blank = [...slide.querySelectorAll("img")].some(one => !one.naturalWidth);
    return [low > height ? `${low} of ${height} pixels` : "", wide ? "too wide" : "",
            blank ? "no picture" : ""].filter(Boolean);
}"""


@pytest.fixture(scope="module")
def decks(html: Path) -> list[Path]:
    found = sorted((html / "chapters").glob("*-slides.html"))
    if not found:
        pytest.skip("no slides were built: scripts/fetch_slides.py says why")
    return found


def test_every_chapter_has_a_deck_that_fits_its_slides(
    decks: list[Path], html: Path, browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 1280)
    page = context.new_page()
    faults, said = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda one: one.url.startswith((address, "data:", "blob:"))
            or said.append(one.url))  # fmt: skip
    chapters = {path.stem for path in (html / "notebooks/students").glob("*.ipynb")}
    assert {deck.stem.removesuffix("-slides") for deck in decks} == chapters
    for deck in decks:
        page.goto(f"{address}/chapters/{deck.name}")
        settle(page)
        page.wait_for_selector("html.slides-ready", state="attached")
        total = page.evaluate("Reveal.getTotalSlides()")
        assert total > 8, deck.name
        for number in range(total):
            page.evaluate(f"Reveal.slide({number})")
            faults += [
                f"{deck.name}#{number}: {fault}" for fault in page.evaluate(FAULTS)
            ]
    context.close()
    assert faults == []
    assert said == []


def test_the_keyboard_turns_slides_and_answers_questions(
    decks: list[Path], browser: Browser, address: str
) -> None:
    context = new_context(browser, "light", 1280)
    page = context.new_page()
    page.goto(f"{address}/chapters/{decks[0].name}")
    page.wait_for_selector("html.slides-ready", state="attached")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == 1
    number = page.evaluate(
        """() => [...document.querySelectorAll(".slides > section")]
            .findIndex(one => one.querySelector(".quiz"))"""
    )
    page.evaluate(f"Reveal.slide({number})")
    slide = page.locator("section.present")
    slide.locator("input").first.focus()
    page.keyboard.press("Space")
    assert slide.locator(".quiz-why").first.is_visible()
    assert page.evaluate("Reveal.getIndices().h") == number
    assert page.locator("section.present .notes").count() == 1
    assert inaccessible(page) == []
    context.close()
