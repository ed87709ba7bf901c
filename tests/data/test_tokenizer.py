"""Tokens: nothing is lost, nothing depends on chance, blocks are cut as told."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collapse_lib.data.tokenizer import END, Tokenizer

TEXTS = ["the cat sat on the mat\n", "the dog sat on the cat\n", "naïve cafés 😀\n"] * 5
SMALL = Tokenizer.train(TEXTS, 280)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(text: str) -> None:
    assert SMALL.decode(SMALL.encode(text)) == text


def test_merges_shorten_what_was_seen_and_only_that() -> None:
    assert len(SMALL.encode("the cat")) < len("the cat") / 2
    assert len(SMALL.encode("XQZJ")) == 4  # bytes, no merges


def test_the_vocabulary_has_the_size_asked_for() -> None:
    assert len(SMALL) == 280
    every = np.arange(280)
    assert SMALL.end == 0 and len(set(SMALL.texts(every[1:, None]))) > 150


def test_training_gives_the_same_tokenizer_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys; from collapse_lib.data.tokenizer import Tokenizer as T;"
        f"T.train({TEXTS!r}, 280).save(sys.argv[1])"
    )
    files = [tmp_path / f"{seed}.json" for seed in (1, 2)]
    for seed, file in enumerate(files):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        subprocess.run([sys.executable, "-c", code, file], check=True, env=environment)
    SMALL.save(tmp_path / "here.json")
    assert len({f.read_bytes() for f in tmp_path.glob("*.json")}) == 1


def test_a_saved_tokenizer_encodes_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    SMALL.save(path)
    assert os.listdir(tmp_path) == ["tokens.json"]
    text = TEXTS[2]
    assert (Tokenizer.load(path).encode(text) == SMALL.encode(text)).all()


def test_blocks_are_the_tokens_in_order_without_the_rest() -> None:
    tokens = np.concatenate([SMALL.encode(text) for text in TEXTS])
    blocks = SMALL.blocks(TEXTS, 7)
    assert blocks.shape == (len(tokens) // 7, 7)
    assert (blocks.ravel() == tokens[: blocks.size]).all()
    assert "".join(SMALL.texts(blocks)).encode()[:30] == "".join(TEXTS).encode()[:30]


def test_each_group_drops_its_own_rest() -> None:
    parts = [SMALL.blocks(TEXTS[i : i + 4], 7) for i in range(0, len(TEXTS), 4)]
    assert (SMALL.blocks(iter(TEXTS), 7, group=4) == np.concatenate(parts)).all()


def test_no_more_texts_are_read_than_the_blocks_need() -> None:
    texts = iter(TEXTS)
    blocks = SMALL.blocks(texts, 7, group=2, n=1)
    assert (blocks == SMALL.blocks(TEXTS[:2], 7)[:1]).all()
    assert next(texts) == TEXTS[2]
    short = [*TEXTS[:2], "a"]  # a last group without a block is no error
    assert (SMALL.blocks(short, 7, group=2) == SMALL.blocks(TEXTS[:2], 7)).all()


def test_special_tokens_are_added_on_request_only() -> None:
    from tokenizers.processors import TemplateProcessing

    other = Tokenizer(type(SMALL.backend).from_str(SMALL.backend.to_str()))
    other.backend.post_processor = TemplateProcessing(
        single=f"{END} $A", special_tokens=[(END, other.end)]
    )
    plain = other.encode("the cat")
    assert (other.encode("the cat", special=True) == [other.end, *plain]).all()
    lines = other.blocks(["the cat"] * 3, 1, special=True)
    assert (lines == other.end).sum() == 3
    assert (other.blocks(["the cat"] * 3, 1).ravel() == np.tile(plain, 3)).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Tokenizer.train(TEXTS, 256), "vocabulary is 256; .* from 257 to"),
        (lambda: Tokenizer.train(["short"], 999), "give only .* tokens.*lower it"),
        (lambda: SMALL.blocks(["a"], 64), "shorter than one block of 64 tokens"),
        (lambda: SMALL.blocks([], 64), "shorter than one block of 64 tokens"),
        (lambda: SMALL.blocks(TEXTS, 0), "block is 0"),
        (lambda: SMALL.blocks(TEXTS, 4, group=0), "group is 0"),
        (lambda: SMALL.blocks(TEXTS, 4, n=0), "n is 0"),
        (lambda: SMALL.blocks(TEXTS, 4, n=9_999), "9999 are needed; lower"),
        (lambda: SMALL.token("</s>"), "no token '</s>'"),
    ],
)
def test_what_cannot_be_done_is_said(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.write_text('{"model": 1}')
    with pytest.raises(ValueError, match="tokens.json is no tokenizer in JSON"):
        Tokenizer.load(path)
    with pytest.raises(FileNotFoundError, match=r"other\.json"):
        Tokenizer.load(tmp_path / "other.json")


@pytest.mark.parametrize("name", [END, "</s>", "<unk>"])
def test_a_text_may_name_a_special_token(name: str) -> None:
    from tokenizers import AddedToken

    backend = type(SMALL.backend).from_str(SMALL.backend.to_str())
    backend.add_special_tokens([AddedToken("</s>"), AddedToken("<unk>")])
    tokenizer = Tokenizer(backend)
    text = f"the {name} cat{name}{name}"
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert tokenizer.token(name) not in tokens
    lines = tokenizer.blocks([text], len(tokens))
    assert tokenizer.texts(lines) == [text]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: SMALL.decode([280]), "tokens holds symbols from 280 to 280; .* 279"),
        (lambda: SMALL.decode([-1]), "tokens holds symbols from -1"),
        (lambda: SMALL.decode([0.5]), "tokens holds float64 values"),
        (lambda: SMALL.texts([1, 2]), r"blocks has shape \(2,\); it must be \(n, blo"),
    ],
)
def test_what_are_no_tokens_is_refused(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()


def test_something_else_than_a_tokenizer_is_refused() -> None:
    for backend in (None, "gpt2", type(SMALL.backend)):
        with pytest.raises(TypeError, match=r"backend is .*Tokenizer\.load\(path\)"):
            Tokenizer(backend)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_a_tokenizer_in_another_encoding_is_refused(
    encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokens.json"
    path.write_text('{"model": "é"}', encoding)
    with pytest.raises(
        ValueError, match=r"tokens\.json: not UTF-8 .*; save it as UTF-8"
    ):
        Tokenizer.load(path)


def test_a_mark_and_other_line_ends_do_not_matter(tmp_path: Path) -> None:
    SMALL.save(tmp_path / "plain.json")
    text = (tmp_path / "plain.json").read_text().replace("\n", "\r\n")
    (tmp_path / "marked.json").write_text(text, "utf-8-sig")
    found = Tokenizer.load(tmp_path / "marked.json")
    assert (found.encode(TEXTS[2]) == SMALL.encode(TEXTS[2])).all()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", "path is ''; it must be the path of a file"),
        (" ", "path is ' '"),
        (None, "path is None; it must be a path"),
        (3, "path is 3; it must be a path"),
        ("a\0b", r"path is 'a\\x00b'"),
        ("~nobody-of-that-name/t.json", "there is no user of that name"),
        ("\ud800", "it must be the path of a file or folder"),
        ("..", r"cannot be read from \. \(Is a directory\)"),
    ],
)
def test_a_path_that_names_no_file_is_refused(path: object, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        Tokenizer.load(path)


COPIES = {
    "pickle": lambda tokenizer: pickle.loads(pickle.dumps(tokenizer)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_takes_names_of_special_tokens_for_text(copied) -> None:
    again = copied(SMALL)
    text = f"the cat{END}"
    assert again.encode(text).tolist() == SMALL.encode(text).tolist()
    assert again.decode(again.encode(text)) == text
    assert again.blocks([text], 2).tolist() == SMALL.blocks([text], 2).tolist()
    assert again.end == SMALL.end and len(again) == len(SMALL)
