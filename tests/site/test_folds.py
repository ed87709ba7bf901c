"""What only some readers need is folded, and opens without a script."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from sphinx_fixes import fold_proofs

APP = SimpleNamespace(builder=SimpleNamespace(format="html"))


def box(*classes: str, title: str = "") -> nodes.document:
    """Return a document with a box that has a text."""
    document = new_document("chapter")
    content = [nodes.title("", title)] if title else []
    text = nodes.paragraph("", "Proof. It adds up.")
    document += nodes.admonition("", *content, text, classes=list(classes))
    return document


def test_a_proof_is_folded_under_its_word() -> None:
    document = box("proof", "dropdown")
    fold_proofs(APP, document, "chapter")
    raw = [node.astext().strip() for node in document.findall(nodes.raw)]
    assert raw == ["<details><summary>Proof</summary>", "</details>"]
    (text,) = document.findall(nodes.paragraph)
    assert text.astext() == "It adds up."


def test_a_box_for_those_who_know_is_folded_under_its_title() -> None:
    document = box("dropdown", "for-those-who-know", title="For those who know p < 1")
    fold_proofs(APP, document, "chapter")
    first, last = (node.astext().strip() for node in document.findall(nodes.raw))
    assert first == "<details><summary>For those who know p &lt; 1</summary>"
    assert last == "</details>"
    assert not list(document.findall(nodes.title))


@pytest.mark.parametrize("classes", [("proof",), ("dropdown", "tip"), ()])
def test_other_boxes_stay_open(classes: tuple[str, ...]) -> None:
    document = box(*classes, title="Note")
    fold_proofs(APP, document, "chapter")
    assert not list(document.findall(nodes.raw))
