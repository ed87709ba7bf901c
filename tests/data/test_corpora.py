"""Human text: what it is, how it is split, and what is refused."""

from __future__ import annotations

import bz2
import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
from scipy import stats

from collapse_lib.book.lock import versions
from collapse_lib.data import corpora, fetching, wikipedia, wikitext_sections
from collapse_lib.data.corpora import corpus, repeats


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# ---- the default --------------------------------------------------------------------


@pytest.fixture(scope="module")
def chats() -> dict[str, corpora.Corpus]:
    return {split: corpus("chitchat", split) for split in corpora.SPLITS}


def test_the_default_is_human_conversation_of_2018(chats) -> None:
    sizes = [len(chats[split]) for split in corpora.SPLITS]
    assert sizes == [4969, 620, 620]
    assert sum(chat.characters for chat in chats.values()) > 12e6
    assert "2018" in chats["train"].provenance and "MIT" in chats["train"].provenance
    assert corpus().documents == chats["train"].documents


def test_no_conversation_is_in_two_parts(chats) -> None:
    seen = [set(chats[split].documents) for split in corpora.SPLITS]
    assert sum(map(len, seen)) == len(set.union(*seen))


def test_what_a_program_wrote_is_left_out(chats) -> None:
    everything = "\n".join(d for c in chats.values() for d in c.documents)
    assert not re.search(
        r"(?m)^the \w+ \w+ (talked|drew|meowed) \w+ly", everything, re.I
    )
    assert "a a a a a a a a a a a a" not in everything
    assert max(map(repeats, chats["train"].documents)) <= corpora.MOST_REPEATS


def test_the_parts_are_alike(chats) -> None:
    """A split by length would show."""
    lengths = [[len(d) for d in chats[split].documents] for split in corpora.SPLITS]
    assert stats.kruskal(*lengths).pvalue > 1e-3


def test_the_release_is_the_locked_one(root) -> None:
    assert f"chitchat-dataset=={version('chitchat-dataset')}" == corpora.CHITCHAT
    assert versions(root)["chitchat-dataset"] == version("chitchat-dataset")


def test_repeats_by_hand() -> None:
    assert repeats("a b c d " * 3) == 0  # too short to be judged
    assert repeats("a b c d " * 25) == pytest.approx(1 - 4 / 97)
    assert repeats(" ".join(map(str, range(100)))) == 0


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a small data set that counts as the known one."""
    talks = {
        str(i): {
            "messages": [[{"text": f"hello {i}"}, {"text": "how"}], [{"text": "x"}]]
        }
        for i in range(20)
    }
    talks["again"] = talks["3"]
    talks["spam"] = {"messages": [[{"text": "buy it now or never " * 30}]]}
    content = json.dumps(talks).encode()
    (tmp_path / "dataset.json").write_bytes(content)
    monkeypatch.setattr(corpora, "CHITCHAT_SHA256", sha256(content))
    return tmp_path


def test_conversations_are_joined_split_and_kept_once(invented: Path) -> None:
    found = {s: corpus("chitchat", s, invented).documents for s in corpora.SPLITS}
    assert [len(found[split]) for split in corpora.SPLITS] == [16, 2, 2]
    together = sorted(d for part in found.values() for d in part)
    assert together == sorted(f"hello {i}\nhow\nx" for i in range(20))


def test_another_content_is_refused(invented: Path) -> None:
    path = invented / "dataset.json"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="dataset.json has sha256 .* pip install chit"):
        corpus("chitchat", folder=invented)


@pytest.mark.parametrize(
    ("name", "split", "says"),
    [
        (
            "tweets",
            "train",
            "name is 'tweets'; allowed: 'chitchat', 'wikipedia', 'wiki",
        ),
        ("chitchat", "valid", "split is 'valid'; allowed: 'train', 'validation', 'tes"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(name, split, says) -> None:
    with pytest.raises(ValueError, match=says):
        corpus(name, split)


@pytest.mark.parametrize("name", ["chitchat", "wikipedia", "wikitext-2"])
def test_a_missing_file_says_how_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="pip install|data wikipedia|COLLAPSE_"):
        corpus(name, folder=tmp_path)


# ---- WikiText-2 ---------------------------------------------------------------------

ARTICLES = (
    " \n = Cats = \n \n Cats are <unk> . \n \n = = Food = = \n \n Fish . \n x = 3 = \n "
    "\n \n = Dogs = \n \n Dogs bark . \n"
)


@pytest.fixture
def wikitext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "test.txt").write_text(ARTICLES)
    (tmp_path / "wiki.train.tokens").write_text(ARTICLES)
    names, _ = corpora.WIKITEXT_FILES["test"]
    known = {**corpora.WIKITEXT_FILES, "test": (names, sha256(ARTICLES.encode()))}
    monkeypatch.setattr(corpora, "WIKITEXT_FILES", known)
    n_tokens = len(ARTICLES.split()) + ARTICLES.count("\n")
    monkeypatch.setattr(corpora, "WIKITEXT_TRAIN_TOKENS", n_tokens)
    monkeypatch.setenv(corpora.WIKITEXT_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_article_begins_with_its_title(wikitext: Path, split: str) -> None:
    cats, dogs = corpus("wikitext-2", split).documents
    assert cats.startswith("= Cats =") and "Food" in cats and "x = 3" in cats
    assert dogs.startswith("= Dogs =")


def test_a_training_file_of_another_length_is_refused(wikitext: Path) -> None:
    (wikitext / "wiki.train.tokens").write_text(ARTICLES + "more")
    with pytest.raises(ValueError, match=r"wiki.train.tokens has \d+ words and line"):
        corpus("wikitext-2", "train")


def test_a_file_cut_short_is_refused(wikitext: Path) -> None:
    (wikitext / "test.txt").write_text(ARTICLES[:-9])
    with pytest.raises(ValueError, match=r"test.txt has sha256 .* name the folder"):
        corpus("wikitext-2", "test")


def test_without_a_folder_the_variable_is_named(monkeypatch) -> None:
    monkeypatch.delenv(corpora.WIKITEXT_VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError, match="COLLAPSE_WIKITEXT2"):
        corpus("wikitext-2", "test")


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write twenty articles of three sections each, one of them with a part."""
    text = "".join(
        f" \n = {i} = \n \n Lead {i} . \n \n = = Food = = \n \n Fish {i} . \n \n"
        f" = = = Raw = = = \n \n Sushi {i} . \n \n = = Home = = \n \n Sea {i} . \n"
        for i in range(20)
    )
    for split in ("validation", "test"):
        names, _ = corpora.WIKITEXT_FILES[split]
        (tmp_path / names[0]).write_text(text)
        known = {**corpora.WIKITEXT_FILES, split: (names, sha256(text.encode()))}
        monkeypatch.setattr(corpora, "WIKITEXT_FILES", known)
    return tmp_path


def test_sections_of_an_article_stay_in_its_part(many: Path) -> None:
    found = {
        split: wikitext_sections.sections(split, many).documents
        for split in corpora.SPLITS
    }
    assert [len(found[split]) for split in corpora.SPLITS] == [48, 12, 60]
    parts = {
        split: {re.findall(r" (\d+) \.", text)[0] for text in texts}
        for split, texts in found.items()
    }
    assert len(parts["train"]) == 16 and len(parts["test"]) == 20
    assert not parts["train"] & parts["validation"]
    food = [text for text in found["test"] if "Fish" in text]
    assert all("Sushi" in text and "Sea" not in text for text in food)
    assert food[0].startswith("= = Food = =") and food[0].endswith(" . \n")
    # In a random order, but always in the same.
    assert found["test"] != tuple(sorted(found["test"]))
    assert found["test"] == wikitext_sections.sections("test", many).documents


def test_sections_say_how_to_get_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="COLLAPSE_WIKITEXT2"):
        wikitext_sections.sections("train", tmp_path)
    with pytest.raises(ValueError, match="split is 'all'; allowed: 'train'"):
        wikitext_sections.sections("all", tmp_path)


# ---- Wikipedia ----------------------------------------------------------------------


def page(title: str, text: str, kind: str = "<ns>0</ns>") -> str:
    return (
        f"<page><title>{title}</title>{kind}<revision><text>{text}</text></revision>"
        "</page>"
    )


@pytest.fixture
def dump(monkeypatch: pytest.MonkeyPatch) -> bytes:
    pages = [page(f"T{i}", f"Sentence number {i}.") for i in range(10)]
    pages.append(
        page("R", "#REDIRECT [[T1]]\nOld.", "<ns>0</ns><redirect title='T1'/>")
    )
    pages.append(page("Template:X", "Not an article.", "<ns>10</ns>"))
    body = f"<mediawiki xmlns='http://example.org/'>{''.join(pages)}</mediawiki>"
    content = bz2.compress(body.encode())
    known = replace(wikipedia.WIKIPEDIA, sha256={wikipedia.FILE: sha256(content)})
    monkeypatch.setattr(wikipedia, "WIKIPEDIA", known)
    return content


def write_wheel(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"gensim/test/test_data/{wikipedia.FILE}", content)
    return path


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel that pip will bring."""
    path = tmp_path / "a.whl"

    @contextmanager
    def wheel(self: fetching.Package) -> Iterator[Path]:
        yield path

    monkeypatch.setattr(fetching.Package, "wheel", wheel)
    return path


def test_the_package_brings_the_articles(
    tmp_path: Path, dump: bytes, pip: Path
) -> None:
    write_wheel(pip, dump)
    folder = wikipedia.WIKIPEDIA.fetch(tmp_path / "new")
    found = {s: corpus("wikipedia", s, folder).documents for s in corpora.SPLITS}
    assert [len(found[split]) for split in corpora.SPLITS] == [8, 1, 1]
    together = sorted(d for part in found.values() for d in part)
    assert together == [f"Sentence number {i}." for i in range(10)]


def test_nothing_is_fetched_twice(tmp_path: Path, dump: bytes) -> None:
    (tmp_path / wikipedia.FILE).write_bytes(dump)

    def never() -> None:
        raise AssertionError("the file was there")

    replace(wikipedia.WIKIPEDIA, sources={"never": never}).fetch(tmp_path)


@pytest.mark.parametrize("what", ["other", "cut", "no archive"])
def test_a_wrong_package_leaves_nothing(
    tmp_path: Path, dump: bytes, pip: Path, what: str
) -> None:
    write_wheel(pip, b"else" if what == "other" else dump[:-5])
    if what == "no archive":
        pip.write_bytes(pip.read_bytes()[:100])
    (tmp_path / "new").mkdir()
    with pytest.raises(ConnectionError, match="package index: .*COLLAPSE_WIKIPEDIA"):
        wikipedia.WIKIPEDIA.fetch(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_damaged_file_is_named(tmp_path: Path, dump: bytes) -> None:
    (tmp_path / wikipedia.FILE).write_bytes(dump[:-5])
    with pytest.raises(ValueError, match="enwiki.* has sha256 .*data wikipedia"):
        corpus("wikipedia", folder=tmp_path)


def test_pip_is_told_the_hash_and_its_answer_is_passed_on(monkeypatch) -> None:
    asked = {}

    class Done:
        returncode, stderr = 1, "looking\nno such package\n"

    def run(command, **_):
        asked["command"] = command
        asked["wanted"] = Path(command[-1]).read_text()
        return Done

    monkeypatch.setattr(fetching.subprocess, "run", run)
    with (
        pytest.raises(OSError, match="pip failed and said: no such package"),
        wikipedia.PACKAGE.wheel(),
    ):
        raise AssertionError("nothing came")
    assert "--require-hashes" in asked["command"] and "install" not in asked["command"]
    assert asked["wanted"].split() == [
        "gensim==4.4.0",
        f"--hash=sha256:{wikipedia.PACKAGE.sha256}",
    ]


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ("'''Cats''' purr.", "Cats purr."),
        ("A [[cat]] and [[dog|dogs]].", "A cat and dogs."),
        ("Seen.{{cite|{{a}} b}} Done.", "Seen. Done."),
        ("x<ref name=a>{{b}} note</ref>y<ref name=a/>z", "xyz"),
        ("[[File:a.jpg|thumb|A [[cat]].]]Text. [[Category:Cats]]", "Text."),
        ("{| class=x\n| a table\n|}\nProse.", "Prose."),
        ("== Head ==\n* item\n# item\n: item\nProse.", "Prose."),
        ("See [http://a.b the page] now.", "See the page now."),
        ("A&nbsp;b &lt;!-- c --> d<br />e", "A b d" + "e"),
    ],
)
def test_prose_is_what_a_reader_sees(markup: str, shown: str) -> None:
    assert wikipedia.prose(markup) == shown
