"""Pages as light as what they show: what no page uses is taken out of the built site.

The themes bring styles for hundreds of components and 2,400 icons, twice: as a font,
and as a script of 1.5 MB that draws the same icons. Of each style sheet those rules
stay that some page can use, of the fonts the icons that are still named, and the script
goes. Of the code on a page, what has no colour of its own needs no element of its own.

A class is used if a page has it, or if a script or a string in one could add it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from tinycss2 import ast

#: The script that draws the icons once more; style sheets do it too.
ICON_SCRIPT = re.compile(r"<script [^>]*scripts/fontawesome\.js[^>]*></script>\s*")
#: Scripts that every page would load -> what a page has that needs them.
SOMETIMES = {
    "design-tabs.js": "sd-tab-",
    "fading-picture.js": "<fading-picture",
    "loss-switches.js": "<loss-switches",
    "mixture-slider.js": "<mixture-slider",
}
_SCRIPT = re.compile(r"<script [^>]*_static/([\w-]+\.js)[^>]*></script>\s*")
ICON_FILES = "scripts/fontawesome*"
#: Where the private use area of Unicode lies, in which icons are.
PRIVATE = range(0xE000, 0xF900)
_CLASSES = re.compile(r'class="([^"]*)"')
_WORD = re.compile(r"[A-Za-z][\w-]*")
_IN_SELECTOR = re.compile(r"\.((?:[\w-]|\\.)+)")
_TOKEN = re.compile(r'<span class="(\w+)">([^<]*)</span>')
_BLANK_LINES = re.compile(r"\n\s*\n")
#: How Pygments begins every listing.
FIRST_OF_CODE = "<pre><span></span>"
#: Operators, a third of the elements in code: they are signs already, without a colour.
SIGNS = {"o"}
#: The same font in a format that no browser of the last ten years asks for.
_FULL_FONT = re.compile(r',\s*url\([^)]*/fa-[\w-]+\.ttf[^)]*\)\s*format\("truetype"\)')
_PACKED_FONT = re.compile(r'(/fa-[\w-]+)\.woff2((?:[^)>]*\)\s*format\("woff2"\))?)')
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{4,5})|([\ue000-\uf8ff])")

# ---- style sheets --------------------------------------------------------------------


def lighter_sheet(css: str, used: Callable[[str], bool]) -> str:
    """Return a style sheet without the rules that no page can use.

    Parameters
    ----------
    css
        The sheet.
    used
        Whether a class is used.
    """
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(_kept(rule, used) for rule in rules)


def _kept(rule: Any, used: Callable[[str], bool]) -> str:
    """Return a rule as it stays, or an empty text."""
    if isinstance(rule, ast.QualifiedRule):
        selectors = [
            each
            for each in _selectors(rule.prelude)
            if all(used(name) for name in _named(each))
        ]
        if not selectors:
            return ""
        body = tinycss2.serialize(rule.content).strip()
        return f"{','.join(selectors)}{{{body}}}"
    nested = isinstance(rule, ast.AtRule) and rule.lower_at_keyword in NESTED
    if not nested or rule.content is None:
        return str(rule.serialize())
    inner = tinycss2.parse_rule_list(
        rule.content, skip_comments=True, skip_whitespace=True
    )
    kept = "".join(_kept(each, used) for each in inner)
    condition = tinycss2.serialize(rule.prelude)
    return f"@{rule.at_keyword}{condition}{{{kept}}}" if kept else ""


#: At-rules that hold rules.
NESTED = {"media", "supports", "layer", "container"}


def _selectors(prelude: Iterable[Any]) -> list[str]:
    """Split the selectors of a rule at the commas between them."""
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tinycss2.serialize(part).strip() for part in parts]


def _named(selector: str) -> list[str]:
    """Return the classes that a selector asks for; ``:not(...)`` asks for none."""
    plain = re.sub(r":(not|is|where|has)\((?:[^()]|\([^()]*\))*\)", "", selector)
    return [name.replace("\\", "") for name in _IN_SELECTOR.findall(plain)]


# ---- fonts ---------------------------------------------------------------------------


def icons_in(sheets: Iterable[str]) -> set[int]:
    """Return the icons that style sheets name, as characters of a font."""
    found = set()
    for sheet in sheets:
        for code, written in _ESCAPE.findall(sheet):
            found.add(int(code, 16) if code else ord(written))
    return found & set(PRIVATE)


def lighter_font(path: Path, icons: set[int]) -> None:
    """Write some icons of a font, in a file beside it that ends in ``.woff``."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every step
    with TTFont(path, recalcTimestamp=False) as font:
        work = subset.Subsetter(subset.Options(notdef_outline=True))
        work.populate(unicodes=icons)
        work.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))


def with_light_fonts(text: str) -> str:
    """Return a sheet or a page that names the fonts which `lighter_font` wrote."""
    text = _FULL_FONT.sub("", text)
    return _PACKED_FONT.sub(
        lambda font: f"{font[1]}.woff{font[2].replace('woff2', 'woff')}", text
    )


# ---- pages ---------------------------------------------------------------------------


def lighter_page(html: str, looks: set[str]) -> str:
    """Return a page without scripts it does not need and elements for plain code.

    Parameters
    ----------
    html
        The page.
    looks
        Classes of code that a style sheet gives a look.
    """

    def plain(token: re.Match[str]) -> str:
        return token[0] if token[1] in looks else token[2]

    def needed(script: re.Match[str]) -> str:
        return script[0] if SOMETIMES.get(script[1], "<") in html else ""

    html = _SCRIPT.sub(needed, ICON_SCRIPT.sub("", html))
    if "<article" in html:
        before, article = html.split("<article", 1)
        article, after = article.rsplit("</article>", 1)
        around = (_BLANK_LINES.sub("\n", part) for part in (before, after))
        html = f"<article{article}</article>".join(around)
    head, code, rest = html.partition('<div class="highlight"')
    return head + code + _TOKEN.sub(plain, rest.replace(FIRST_OF_CODE, "<pre>"))


def coloured(sheet: str) -> set[str]:
    """Return the classes of code that do not just look like the text around them."""
    found: set[str] = set()
    for theme in THEMES:
        start = rf'html\[data-theme="{theme}"\] \.highlight '
        base = re.search(start + r"\{[^}]*?\bcolor: ([^;}]+?)\s*\}", sheet)
        for name, look in re.findall(start + r"\.(\w+) \{([^}]*)\}", sheet):
            if base is None or look.strip() != f"color: {base[1]}":
                found.add(name)
    return found


THEMES = ("light", "dark")


def classes_of(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """Return every class of some pages, and each word of scripts, which may be one."""
    found: set[str] = set()
    for page in pages:
        for names in set(_CLASSES.findall(page)):
            found.update(names.split())
    for script in scripts:
        found.update(_WORD.findall(script))
    return found


# ---- the site ------------------------------------------------------------------------


def lighten(html: Path) -> None:
    """Take out of a built site what no page of it uses."""
    static = html / "_static"
    for path in static.glob(ICON_FILES):
        path.unlink()
    looks = coloured((static / "pygments.css").read_text("utf-8")) - SIGNS
    pages = {}
    for path in sorted(html.rglob("*.html")):
        before = path.read_text("utf-8")
        pages[path] = with_light_fonts(lighter_page(before, looks))
        if pages[path] != before:
            path.write_text(pages[path], "utf-8")
    scripts = [
        path.read_text("utf-8")
        for path in sorted(static.rglob("*.js"))
        if "mathjax" not in path.parts and "locales" not in path.parts
    ]
    used = classes_of(pages.values(), scripts)
    sheets = {path: path.read_text("utf-8") for path in sorted(static.rglob("*.css"))}
    for path, css in sheets.items():
        sheets[path] = with_light_fonts(lighter_sheet(css, used.__contains__))
        path.write_text(sheets[path], "utf-8")
    icons = icons_in(sheets.values())
    for path in sorted(static.rglob("webfonts/fa-*.ttf")):
        lighter_font(path, icons)
        path.unlink()
        path.with_suffix(".woff2").unlink()


def lighten_site(app: Sphinx, exception: Exception | None) -> None:
    """Do so at the end of a build that went well."""
    if exception is None and app.builder.format == "html":
        lighten(Path(app.outdir))


#: After everything has been copied into the site.
LAST = 950


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", lighten_site, priority=LAST)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
