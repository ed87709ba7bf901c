"""Articles of Wikipedia from before language models wrote any.

They are as they stood in the spring of 2016: a piece of a dump of the English Wikipedia
that the package *gensim* carries for its own tests.
``python -m collapse_lib.data wikipedia`` fetches it: the package is opened, never
installed or run. The text is under CC BY-SA 3.0.
"""

from __future__ import annotations

import bz2
import functools
import html
import re
from pathlib import Path
from xml.etree import ElementTree

from collapse_lib.data.fetching import Files, Package, folder_of
from collapse_lib.data.texts import check_text

FILE = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SHA256 = "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"
PROVENANCE = (
    "articles of the English Wikipedia in 2016, from the test data of gensim 4.4.0; "
    "text by the contributors to Wikipedia, CC BY-SA 3.0"
)
#: Any of its wheels would do; one for all machines has one hash for all.
PACKAGE = Package(
    "gensim==4.4.0",
    "4b73ff30af6ddd0d2ddf9473b1eb44603cd79ec14c87d93b75291802b991916c",
    (
        *("--only-binary", ":all:", "--implementation", "cp", "--abi", "cp312"),
        *("--python-version", "3.12", "--platform", "manylinux_2_28_x86_64"),
    ),
)
WIKIPEDIA = Files(
    name="wikipedia",
    about="105 articles of the English Wikipedia in 2016; CC BY-SA 3.0; 2 MB",
    sha256={FILE: SHA256},
    sources={
        f"{PACKAGE.requirement} from the package index": PACKAGE.source(
            lambda archive, file: archive.read(f"gensim/test/test_data/{file}")
        )
    },
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


def articles(folder: str | Path | None = None) -> tuple[str, ...]:
    """Return the articles as prose, in the order of the dump.

    Parameters
    ----------
    folder
        Where the file is; default: the folder that COLLAPSE_WIKIPEDIA names, else a
        cache folder of the user.

    Raises
    ------
    FileNotFoundError
        If the file is not there; the message says how to get it.
    ValueError
        If its content is another one.
    """
    return _articles(WIKIPEDIA.read(FILE, folder_of(WIKIPEDIA.name, folder)))


@functools.lru_cache(maxsize=1)
def _articles(dump: bytes) -> tuple[str, ...]:
    pages = ElementTree.fromstring(bz2.decompress(dump)).findall("{*}page")
    bodies = [
        page.findtext("{*}revision/{*}text") or ""
        for page in pages
        if page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None
    ]
    return tuple(text for body in bodies if (text := prose(body)))


def prose(markup: str) -> str:
    r"""Return the sentences of a page: no tables, lists, headings, notes or links.

    Examples
    --------
    >>> prose("== Cats ==\n'''Cats''' are [[felid|small]].{{fact}}\n* a list")
    'Cats are small.'
    """
    text = html.unescape(_DROPPED.sub("", check_text("markup", markup)))
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
