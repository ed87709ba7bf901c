"""Chapters carry the number of their file, also while earlier ones are missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from docutils import nodes
from sphinx_fixes import renumber


def link(number: list[int] | None) -> nodes.reference:
    """Return an entry of a table of contents."""
    node = nodes.reference()
    if number is not None:
        node["secnumber"] = number
    return node


def environment(document: str, counted: int) -> Any:
    """Return what Sphinx knows when it has counted a document as chapter `counted`."""
    title = nodes.title()
    title["secnumber"] = [counted]
    toc = nodes.bullet_list()
    toc += [link([counted]), link([counted, 1]), link(None)]
    return SimpleNamespace(
        toc_secnumbers={document: {"": (counted,), "#scope": (counted, 1)}},
        toc_fignumbers={document: {"figure": {"fig-one": (counted, 1)}}},
        titles={document: title},
        tocs={document: toc},
    )


def test_a_chapter_gets_the_number_of_its_file_everywhere() -> None:
    name = "chapters/08-language"
    env = environment(name, counted=7)
    assert renumber(None, env) == [name]
    assert env.toc_secnumbers[name] == {"": (8,), "#scope": (8, 1)}
    assert env.toc_fignumbers[name] == {"figure": {"fig-one": (8, 1)}}
    assert env.titles[name]["secnumber"] == [8]
    numbers = [node.get("secnumber") for node in env.tocs[name].children]
    assert numbers == [[8], [8, 1], None]


def test_what_is_right_or_no_chapter_stays_as_it_is() -> None:
    for name, counted in [("chapters/06-mixtures", 6), ("appendices/ledger", 3)]:
        env = environment(name, counted)
        assert renumber(None, env) == []
        assert env.toc_secnumbers[name][""] == (counted,)


def test_documents_without_numbers_are_left_alone() -> None:
    env = environment("chapters/09-later", 8)
    env.toc_secnumbers = {"chapters/09-later": {"": ()}}
    assert renumber(None, env) == []
