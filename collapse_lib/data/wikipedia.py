"""Bring articles of Wikipedia: ``python -m collapse_lib.data.wikipedia``.

The articles are as they stood in the spring of 2016, years before language models
wrote any: a piece of a dump of the English Wikipedia that the package *gensim* carries
for its own tests. The package is opened, never installed or run. The text is under
CC BY-SA 3.0.
"""

from __future__ import annotations

import bz2
import functools
import html
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from collapse_lib.data import fetching
from collapse_lib.data.corpora import checked, parts
from collapse_lib.data.fetching import Source

#: Names a folder with the file.
FOLDER_VARIABLE = "COLLAPSE_WIKIPEDIA"
FILE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SHA256 = "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"
PROVENANCE = (
    "articles of the English Wikipedia in 2016, from the test data of gensim 4.4.0; "
    "text by the contributors to Wikipedia, CC BY-SA 3.0"
)
#: Any of its wheels would do; one for all machines has one hash for all.
WHEEL = "gensim==4.4.0"
WHEEL_SHA256 = "4b73ff30af6ddd0d2ddf9473b1eb44603cd79ec14c87d93b75291802b991916c"
WHEEL_OPTIONS = (
    *("--only-binary", ":all:", "--implementation", "cp", "--abi", "cp312"),
    *("--python-version", "3.12", "--platform", "manylinux_2_28_x86_64"),
)
HOW_TO_GET = (
    "run `python -m collapse_lib.data.wikipedia`, or put the file into a folder and "
    f"name that in the environment variable {FOLDER_VARIABLE}"
)
#: Parts of a page that are no prose, with all that is in them.
_DROPPED = re.compile(
    r"<!--.*?-->|<ref[^>/]*/>"
    r"|<(ref|math|gallery|timeline|source|table|imagemap|score)\b.*?</\1>",
    re.S | re.I,
)
_INNERMOST = re.compile(r"\{\{[^{}]*\}\}|\{\|[^{}]*\|\}")
_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_OUTSIDE = re.compile(r"\[(?:https?:)?//\S+ ?([^\]]*)\]")
_NAMESPACE = re.compile(r"\s*:?(?:file|image|category|[a-z-]{2,12}):\S", re.I)


def fetch_wikipedia(
    folder: str | Path | None = None, sources: Mapping[str, Source] | None = None
) -> Path:
    """Fetch the file if it is not there.

    Parameters
    ----------
    folder
        Where to put it; default: a cache folder of the user.
    sources
        Name -> function that puts the file into a folder; default: `SOURCES`.

    Returns
    -------
    Path
        The folder, with the file in it and checked.

    Raises
    ------
    ConnectionError
        If no source worked; the message says what each one answered.
    """
    return fetching.from_any(
        fetching.cache_folder("wikipedia") if folder is None else Path(folder),
        SOURCES if sources is None else sources,
        _missing,
        "put it into a folder and name that in the environment variable "
        f"{FOLDER_VARIABLE}",
    )


def from_package_index(folder: Path) -> None:
    """Download the package with pip, from the index it is set up for, and open it."""
    with fetching.package(WHEEL, WHEEL_SHA256, WHEEL_OPTIONS) as wheel:
        unpack_wheel(wheel, folder)


def unpack_wheel(wheel: Path, folder: Path) -> None:
    """Take the file out of the package."""
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(f"gensim/test/test_data/{FILE}")
    fetching.write_checked(folder / FILE, content, SHA256)


def wikipedia(folder: str | Path | None = None) -> dict[str, tuple[str, ...]]:
    """Return the articles, split 80 : 10 : 10.

    Parameters
    ----------
    folder
        Where the file is; default: the folder that COLLAPSE_WIKIPEDIA names, else
        where `fetch_wikipedia` puts it.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message says how to get it.
    ValueError
        If its content is another one.
    """
    named = fetching.named_folder(folder, FOLDER_VARIABLE)
    return _articles((named or fetching.cache_folder("wikipedia")) / FILE, SHA256)


@functools.cache
def _articles(path: Path, sha256: str) -> dict[str, tuple[str, ...]]:
    dump = bz2.decompress(checked(path, sha256, HOW_TO_GET))
    pages = ElementTree.fromstring(dump).findall("{*}page")
    bodies = [
        page.findtext("{*}revision/{*}text") or ""
        for page in pages
        if page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None
    ]
    return parts([text for body in bodies if (text := prose(body))])


def prose(markup: str) -> str:
    r"""Return the sentences of a page: no tables, lists, headings, notes or links.

    Examples
    --------
    >>> prose("== Cats ==\n'''Cats''' are [[felid|small]].{{fact}}\n* a list")
    'Cats are small.'
    """
    text = html.unescape(_DROPPED.sub("", markup))
    for pattern, by in ((_INNERMOST, ""), (_LINK, _link)):
        count = 1
        while count:  # from the inside out
            text, count = pattern.subn(by, text)
    text = re.sub(r"<[^<>]*>|'{2,}|__[A-Z]+__", "", _OUTSIDE.sub(r"\1", text))
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and line[0] not in "=*#:;|!{}[]")


def _link(match: re.Match[str]) -> str:
    """Return what is shown of a link: nothing of an image or a category."""
    inside = match[1]
    return "" if _NAMESPACE.match(inside) else inside.rsplit("|", 1)[-1]


def _missing(folder: Path) -> list[str]:
    try:
        checked(folder / FILE, SHA256, HOW_TO_GET)
    except (FileNotFoundError, ValueError):
        return [FILE]
    return []


#: Tried in this order.
SOURCES: dict[str, Source] = {
    f"{WHEEL} from the package index": from_package_index,
}


if __name__ == "__main__":
    print(f"The articles are complete in {fetch_wikipedia()}")
