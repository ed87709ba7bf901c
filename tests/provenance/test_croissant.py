"""Croissant records: the reference implementation of the format is the referee."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import mlcroissant
import pytest
from absl import logging as absl_logging

from collapse_lib.provenance import Ledger, Origin, croissant, fingerprint

# The referee's graphs, not ours.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

REAL = Origin("Ada Example", 0, licence="CC-BY-4.0", time="2026-01-31T12:00:00Z")
MIXED = Origin("Ada", 0.125, "GPT-2", 1, ["0" * 64], description="Half of it.")
UNKNOWN = Origin("somebody", None)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    images = tmp_path / "images ü"
    images.mkdir()
    (images / "a.PNG").write_bytes(b"a")
    (images / "b.jpg").write_bytes(b"b")
    (images / "notes").write_bytes(b"c")
    (tmp_path / "a b;ü%.csv").write_text("x,y\n1,2\n")
    (tmp_path / "line\nbreak.txt").write_text("text")
    return tmp_path


def judged(content: dict[str, object]) -> mlcroissant.Dataset:
    """Return what the referee makes of a record; it raises what is wrong."""
    before = absl_logging.get_verbosity()
    absl_logging.set_verbosity(logging.ERROR)  # what is recommended only
    try:
        return mlcroissant.Dataset(jsonld=json.loads(json.dumps(content)))
    finally:
        absl_logging.set_verbosity(before)


@pytest.mark.parametrize("name", ["a b;ü%.csv", "images ü", "line\nbreak.txt"])
@pytest.mark.parametrize("origin", [REAL, MIXED, UNKNOWN])
def test_the_referee_accepts_every_record(
    name: str, origin: Origin, data: Path
) -> None:
    path = data / name
    made = Ledger.new().record("the data", fingerprint(path), origin)
    content = croissant.record(made, path)
    found = judged(content).metadata
    assert not found.ctx.issues.errors
    assert found.name == "the data" and found.creators[0].name == origin.author
    assert found.conforms_to == [croissant.CONFORMS_TO]
    [distribution] = found.distribution
    if path.is_dir():
        assert distribution.encoding_formats == [
            "application/octet-stream", "image/jpeg", "image/png",
        ]  # fmt: skip
        assert distribution.includes == ["images ü/**"]
    else:
        assert distribution.sha256 == fingerprint(path).sha256
        assert distribution.content_size == f"{fingerprint(path).bytes} B"


def test_the_referee_sees_what_is_wrong(data: Path) -> None:
    path = data / "a b;ü%.csv"
    made = Ledger.new().record("data", fingerprint(path), REAL)
    content = croissant.record(made, path)
    [part] = content["distribution"]
    for missing in ("sha256", "contentUrl", "encodingFormat"):
        less = {key: value for key, value in part.items() if key != missing}
        with pytest.raises(mlcroissant.ValidationError, match=missing):
            judged({**content, "distribution": [less]})


def test_what_the_format_has_no_word_for_is_there(data: Path) -> None:
    path = data / "a b;ü%.csv"
    made = Ledger.new().record("x", fingerprint(path), REAL)
    content = croissant.record(made.record("x", fingerprint(path), MIXED), path)
    ours = {key: value for key, value in content.items() if key.startswith("origins:")}
    assert ours.pop("origins:record").startswith("sha256:")
    assert ours.pop("origins:sha256") == fingerprint(path).sha256
    assert ours == {
        "origins:generation": 1, "origins:synthetic": 0.125, "origins:model": "GPT-2",
    }  # fmt: skip
    assert content["prov:wasDerivedFrom"] == [{"@id": "urn:sha256:" + "0" * 64}]
    assert content["description"] == "Half of it."
    assert content["rai:dataCollection"] == (
        "Made by Ada, generation 1, 12.5 % synthetic by GPT-2, from 000000000000...."
    )


def test_only_what_is_recorded_is_described(data: Path) -> None:
    path = data / "a b;ü%.csv"
    made = Ledger.new().record("x", fingerprint(path), REAL)
    path.write_text("x,y\n1,3\n")
    with pytest.raises(ValueError, match=r"no record of what is in .*ü%\.csv now"):
        croissant.record(made, path)
