"""The record of a release says what CITATION.cff says."""

import json
import shutil
from pathlib import Path

import zenodo

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_record_is_what_the_citation_says():
    assert zenodo.main(["--check"]) == 0


def test_a_record_that_is_older_than_the_citation_is_noticed(tmp_path, capsys):
    for name in (zenodo.SOURCE, zenodo.TARGET):
        shutil.copy(ROOT / name, tmp_path)
    source = tmp_path / zenodo.SOURCE
    source.write_text(source.read_text("utf-8").replace("version: 0.", "version: 9."))
    assert zenodo.main(["--check"], tmp_path) == 1
    assert "run scripts/zenodo.py" in capsys.readouterr().out
    assert zenodo.main([], tmp_path) == 0
    record = json.loads((tmp_path / zenodo.TARGET).read_text("utf-8"))
    assert record["version"].startswith("9.")
    assert record["related_identifiers"][0]["identifier"].startswith("10.1038/")
    assert zenodo.main(["--check"], tmp_path) == 0


def test_people_are_named_with_the_family_name_first():
    person = {"family-names": "Curie", "given-names": "Marie"}
    assert zenodo._name(person) == "Curie, Marie"
