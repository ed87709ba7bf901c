"""Put what a course needs into one folder, `_build/course`, from the built pages.

python scripts/make_course.py                          what `make course` does
python scripts/make_course.py --site https://my.place  links of the notebooks lead there

Notebooks for students and for instructors, assignments for a grader, questions for a
learning platform, slides and the teaching pages in print. Nothing is kept twice: all of
it is made of the chapters. Slides and pages are printed by a Chromium.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from assignment import NOWHERE, AssignmentError, assignment
from playwright.sync_api import Browser, Page
from print_book import SHEET, print_page, printer
from pypdf import PdfWriter
from screenshots import (
    DECK,
    HTML,
    new_context,
    opened_browser,
    served,
    settle,
)

TARGET = HTML.parent / "course"
#: Folders of notebooks of the site.
COPIES = ("students", "instructors")
#: A link there; citations have brackets in its text.
LINK = re.compile(rf"\[((?:[^\[\]]|\[[^\]]*\])*)\]\({re.escape(NOWHERE)}[^)]*\)")
#: Pages of the site that an instructor prints -> the file that they become.
PAGES = {
    "appendices/teaching/unplugged.html": "handout-without-computers.pdf",
    "appendices/teaching/run-sheets.html": "run-sheets.pdf",
    "appendices/teaching/discussion.html": "discussion-guide.pdf",
}
README = """\
What is here, for {chapters} chapters:

students/      notebooks with starters, hints and checks, without solutions
instructors/   the same with the solutions
assignments/   for otter-grader: `otter assign NAME.ipynb out`
quizzes/       questions in GIFT, for Moodle and other platforms
slides/        one page a slide; with notes in the browser, see the chapter's page
data/          the numbers of the stored runs as tables, for projects
{wheel}
               the library of the book; the notebooks install it from here

The plan of the course is the page "Teach with this book".
"""


def notebook(text: str, site: str, wheel: str) -> str:
    """Return a notebook of the site as one of the folder.

    Parameters
    ----------
    text
        The notebook.
    site
        Where the book is, with a slash at the end; without, links become plain text.
    wheel
        The name of the library's file, which lies one folder above.
    """
    content = json.loads(text)
    for cell in content["cells"]:
        source = cell["source"].replace(f"{NOWHERE}notebooks/{wheel}", f"../{wheel}")
        source = source.replace(NOWHERE, site) if site else LINK.sub(r"\1", source)
        cell["source"] = source
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def copy_notebooks(html: Path, target: Path, site: str) -> int:
    """Write the notebooks, the library, the questions and the assignments.

    Raises
    ------
    FileNotFoundError
        If the book is not built.
    """
    source = html / "notebooks"
    wheel = next(source.glob("*.whl"), None)
    if wheel is None:
        raise FileNotFoundError(f"no notebooks in {html}; run `make` first")
    shutil.copyfile(wheel, target / wheel.name)
    shutil.copytree(source / "quizzes", target / "quizzes")
    (target / "assignments").mkdir()
    shutil.copyfile(wheel, target / "assignments" / wheel.name)
    names = sorted(path.name for path in (source / COPIES[0]).glob("*.ipynb"))
    for copy in COPIES:
        (target / copy).mkdir()
        for name in names:
            text = (source / copy / name).read_text("utf-8")
            written = notebook(text, site, wheel.name)
            (target / copy / name).write_text(written, "utf-8")
    for name in names:
        solved = json.loads((target / COPIES[1] / name).read_text("utf-8"))
        master = assignment(solved, wheel.name)
        text = json.dumps(master, indent=1, ensure_ascii=False) + "\n"
        (target / "assignments" / name).write_text(text, "utf-8")
    for table in sorted((html / "_results").glob("*/*.csv")):
        name = f"chapter-{table.parent.name}-{table.name}"
        (target / "data").mkdir(exist_ok=True)
        shutil.copyfile(table, target / "data" / name)
    readme = README.format(chapters=len(names), wheel=wheel.name)
    (target / "README.txt").write_text(readme, "utf-8")
    return len(names)


def print_all(browser: Browser, html: Path, target: Path) -> Iterator[Path]:
    """Print the teaching pages and the slides; yield each file."""
    with served(html) as address:
        page = new_context(browser, "light", SHEET).new_page()
        for name, printed in PAGES.items():
            writer = PdfWriter()
            writer.append(print_page(page, f"{address}/{name}", "Teach with this book"))
            writer.write(target / printed)
            yield target / printed
        (target / "slides").mkdir()
        for deck in sorted((html / "chapters").glob(f"*{DECK}")):
            file = target / "slides" / f"{deck.stem}.pdf"
            print_deck(page, f"{address}/chapters/{deck.name}", file)
            yield file


def print_deck(page: Page, address: str, file: Path) -> None:
    """Print the slides of a chapter, each on a sheet."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{address}?print")
    settle(page)
    page.wait_for_selector("html.slides-ready", state="attached")
    page.pdf(path=file, prefer_css_page_size=True, print_background=True)


def make_course(html: Path, target: Path, site: str) -> None:
    """Make the folder anew; the old one stays until the new one is complete.

    Raises
    ------
    FileNotFoundError
        If the book is not built, or there is no browser that prints.
    """
    executable = printer("slides")
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    print(f"{copy_notebooks(html, part, site)} chapters", flush=True)
    with opened_browser(executable) as browser:
        for file in print_all(browser, html, part):
            print(file.relative_to(part), flush=True)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Make the folder of a course.")
    parser.add_argument("--site", default="", help="the address of the book's site")
    parser.add_argument("--html", type=Path, default=HTML, help="the built book")
    parser.add_argument("--target", type=Path, default=TARGET, help="the folder")
    options = parser.parse_args(argv)
    site = f"{options.site.rstrip('/')}/" if options.site else ""
    try:
        make_course(options.html, options.target, site)
    except (FileNotFoundError, AssignmentError) as error:
        print(f"make_course.py: {error}", file=sys.stderr)
        return 1
    print(f"The course is in {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
