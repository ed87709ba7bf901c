"""Chapter text that any program shows: what only MyST reads becomes plain Markdown.

A chapter is written in MyST: numbers that a run put there, citations, theorems, links
by label. JupyterLab and Colab show such text as typed. `blocks` cuts a text into its
directives, `written` turns one into Markdown, with a `Reader` who knows what stands
behind a role. Nothing here knows Sphinx.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import quizzes

from collapse_lib.book.notebooks import BookError

#: How a directive begins: fence, name, what stands behind it.
_OPENS = re.compile(r"(`{3,}|:{3,})\{([^}]+)\} *(.*)")
_OPTION = re.compile(r":([a-z-]+): *(.*)")
_ROLE = re.compile(r"\{([a-z:]+)\}`([^`]+)`")
_EXPLICIT = re.compile(r"(.*?)\s*<([^<>]+)>", re.DOTALL)
_LABEL = re.compile(r"^\([\w:.-]+\)=\n?", re.MULTILINE)
_EQUATION = re.compile(r"\$\$ *\(([\w:.-]+)\)")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
_WEB = re.compile(r"[a-z]+:")
#: Directives of which nothing is left where their scripts are not.
LIVE = ("slider",)
#: Directives that are set as a paragraph which begins with their name.
STATEMENTS = {
    "prf:definition": "Definition",
    "prf:theorem": "Theorem",
    "prf:proposition": "Proposition",
    "prf:lemma": "Lemma",
    "prf:corollary": "Corollary",
    "exercise": "Exercise",
}


@dataclass(frozen=True)
class Block:
    """A stretch of text, or a directive.

    Parameters
    ----------
    name
        The directive, or an empty text.
    argument, options, body
        What the directive was given; for text the body alone.
    """

    name: str
    body: str
    argument: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The label of a directive, or an empty text."""
        return self.options.get("label", "")


@dataclass(frozen=True)
class Reader:
    """Who knows what a text refers to.

    Parameters
    ----------
    role
        Role, target and the text that a link was given, if any -> plain Markdown.
    number
        Label of a theorem, exercise or equation -> its number, as ``"6.1"``.
    address
        Link to a file beside the chapter -> where the site has its page.
    """

    role: Callable[[str, str, str], str]
    number: Callable[[str], str]
    address: Callable[[str], str]


def blocks(text: str) -> Iterator[Block]:
    """Yield the directives of a text and what stands between them, in order.

    Raises
    ------
    BookError
        If a directive has no end.
    """
    lines, plain = iter(text.split("\n")), list[str]()
    for line in lines:
        opened = _OPENS.fullmatch(line.rstrip())
        if opened is None:
            plain.append(line)
            continue
        if any(plain):
            yield Block("", "\n".join(plain).strip("\n"))
        plain = []
        yield _directive(opened, lines)
    if any(plain):
        yield Block("", "\n".join(plain).strip("\n"))


def _directive(opened: re.Match[str], lines: Iterator[str]) -> Block:
    """Read a directive to its end."""
    fence, name, argument = opened.groups()
    body = list[str]()
    for line in lines:
        if line.rstrip() == fence:
            break
        body.append(line)
    else:
        raise BookError(f"the directive {name} has no end; close it with {fence}")
    options = {}
    while body and (found := _OPTION.fullmatch(body[0].rstrip())):
        options[found[1]] = found[2]
        del body[0]
    return Block(name, "\n".join(body).strip("\n"), argument.strip(), options)


def written(block: Block, reader: Reader) -> str:
    """Return a block as plain Markdown.

    Raises
    ------
    BookError
        If it is a directive that nobody has said how to write.
    """
    if not block.name:
        return _inline(block.body, reader)
    if block.name in LIVE:
        return ""
    body = plain(block.body, reader)
    if block.name == "quiz":
        text = _inline(block.argument, reader)
        return quizzes.as_markdown(quizzes.question(block.label, text, body))
    if block.name == "hint":
        return f"<details><summary>Hint</summary>\n\n{body}\n\n</details>"
    if block.name == "admonition":
        return f"---\n\n**{_inline(block.argument, reader)}**\n\n{body}\n\n---"
    if block.name == "prf:proof":
        return f"*Proof.* {body} ∎"
    if block.name in STATEMENTS:
        title = f" ({_inline(block.argument, reader)})" if block.argument else ""
        number = reader.number(block.label)
        return f"**{STATEMENTS[block.name]} {number}{title}.** {body}"
    raise BookError(
        f"a notebook that travels has no words for the directive {block.name!r}; "
        f"allowed are admonition, hint, quiz, prf:proof, {', '.join(STATEMENTS)}"
    )


def plain(text: str, reader: Reader) -> str:
    """Return a whole text as plain Markdown."""
    return "\n\n".join(written(block, reader) for block in blocks(text))


def _inline(text: str, reader: Reader) -> str:
    """Write out the roles, labels and links of a stretch of text."""
    text = _LABEL.sub("", text)
    text = _EQUATION.sub(lambda found: rf"\tag{{{reader.number(found[1])}}} $$", text)
    text = _LINK.sub(lambda found: f"[{found[1]}]({_moved(found[2], reader)})", text)
    return _ROLE.sub(lambda found: _role(found[1], found[2], reader), text)


def _role(name: str, content: str, reader: Reader) -> str:
    explicit = _EXPLICIT.fullmatch(content)
    if explicit:
        return reader.role(name, explicit[2].strip(), explicit[1])
    return reader.role(name, content.strip(), "")


def _moved(address: str, reader: Reader) -> str:
    return address if _WEB.match(address) else reader.address(address)
