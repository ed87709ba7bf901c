"""The README says what is so: its computed parts are current, its example runs."""

import re

import pytest
import update_readme


def test_the_computed_parts_are_current(root, capsys):
    assert update_readme.main(["--check"], root) == 0, capsys.readouterr().err


def test_a_change_is_noticed(root):
    parts = {"ledger": "other", "chapters": "other"}
    text = (root / "README.md").read_text("utf-8")
    assert update_readme.updated(text, parts) != text


def test_a_lost_marker_is_named():
    with pytest.raises(ValueError, match="<!-- ledger:start -->"):
        update_readme.updated("no markers", {"ledger": "text"})


def test_the_python_example_runs(root):
    text = (root / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    result: dict[str, object] = {}
    exec(example, result)
    assert len(result["history"]) == 301 * 1_000


def test_every_file_it_links_to_exists(root):
    text = (root / "README.md").read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    local = [target for target in targets if "://" not in target]
    assert len(local) >= 5
    assert [target for target in local if not (root / target).exists()] == []


def test_every_path_in_its_table_exists(root):
    text = (root / "README.md").read_text("utf-8")
    table = text.split("## Where things are")[1].split("## Cite")[0]
    paths = re.findall(r"`([^`]+)`", table)
    assert len(paths) >= 9
    assert [path for path in paths if not (root / path).exists()] == []
