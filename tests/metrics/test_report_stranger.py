"""The report card and files as programs of all kinds leave them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from collapse_lib import metrics
from collapse_lib.metrics import own_data, report_card
from collapse_lib.metrics.__main__ import main


def table(n: int, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=(n, 3)).round(4)
    return pd.DataFrame(values, columns=["a", "b", "c"])


def rows_of(path: Path, text: str) -> own_data.Own:
    path.write_bytes(text.encode())
    return own_data.read("real", path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_card, "SPLITS", 3)


@pytest.mark.parametrize("first", [0, 1, 5_000])
def test_what_numbers_the_rows_is_no_news(first: int, tmp_path: Path) -> None:
    real, made = table(60), table(40, 1)
    plain = metrics.report(real, made).table["generated"]
    made.index += first  # `to_csv` writes the index, without a name
    real.to_csv(tmp_path / "real.csv")
    made.to_csv(tmp_path / "made.csv")
    found = metrics.report(tmp_path / "real.csv", tmp_path / "made.csv")
    np.testing.assert_allclose(found.table["generated"], plain)
    assert "left out, as it numbers the rows: ''" in found.notes


def test_numbers_of_rows_are_known_when_some_rows_are_left_out() -> None:
    counted = np.flatnonzero(np.arange(90) % 3)[:, None] * 1.0
    assert report_card._counts(counted, 0)
    assert not report_card._counts(counted[::-1], 0)
    assert not report_card._counts(counted**2, 0)
    assert not report_card._counts(counted + 0.5, 0)
    assert not report_card._counts(np.full((50, 1), 3.0), 0)
    with pytest.raises(ValueError, match="no column but what numbers the rows .'colu"):
        metrics.report(np.arange(50), np.arange(30))


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_end_as_any_system_ends_them(end: str, tmp_path: Path) -> None:
    text = table(50).to_csv(index=False, lineterminator=end)
    found = rows_of(tmp_path / "a.csv", text)
    np.testing.assert_array_equal(found.content, table(50).to_numpy())


def test_cells_of_a_file_are_what_they_are_in_memory(tmp_path: Path) -> None:
    frame = table(4).assign(d=[True, False, True, True], e=["1_0", "2", "3", "4"])
    in_file = rows_of(tmp_path / "a.csv", frame.to_csv(index=False))
    in_memory = own_data.read("real", frame)
    np.testing.assert_array_equal(in_file.content, in_memory.content)
    assert in_file.columns == in_memory.columns == ("a", "b", "c", "d")
    assert in_file.content[:, 3].tolist() == [1, 0, 1, 1]


def test_columns_without_a_finite_number_take_no_row_with_them(tmp_path: Path) -> None:
    found = rows_of(tmp_path / "a.csv", "a,b\n" + "1,inf\n" * 3 + "2,-inf\n")
    assert found.columns == ("a",) and "'b'" in found.notes[0]
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [10**400, -(10**400)]})
    assert own_data.read("real", frame).columns == ("a",)


def test_empty_cells_at_line_ends_are_no_columns(tmp_path: Path) -> None:
    found = rows_of(tmp_path / "a.csv", "a,b,,\n1,2,,\n3,4,,\n5,6\n")
    assert found.columns == ("a", "b") and found.content.tolist()[2] == [5, 6]
    found = rows_of(tmp_path / "a.csv", "a,b,,\n1,2,3,\n3,4,,\n")
    assert found.columns == ("a", "b", "") and found.content[0].tolist() == [1, 2, 3]


def test_commas_that_may_group_thousands_are_said(tmp_path: Path) -> None:
    found = rows_of(tmp_path / "a.csv", "a;b\n1,234;0,234\n12;1,234\n")
    assert found.content.tolist() == [[1.234, 0.234], [12, 1.234]]
    assert found.notes == (
        "real, a.csv: in 'a' the comma is taken as decimal; if 1,234 means thousands, "
        "take the commas out",
    )


def test_a_table_without_names_says_so(tmp_path: Path) -> None:
    found = rows_of(tmp_path / "a.csv", "1,2\n3,4\n")
    assert found.notes == ("real, a.csv: no line of names, the first one is numbers",)


def test_text_made_of_numbers_is_said(tmp_path: Path) -> None:
    notes = rows_of(tmp_path / "a.txt", "1.5, 2.5\n" * 40).notes
    assert "real, a.txt: taken as text; of a table of numbers make a CSV" in notes
    assert not rows_of(tmp_path / "a.txt", "In 1999 or 2000, 5 of 7 died. " * 9).notes


def test_the_column_that_misses_most_is_named() -> None:
    real = table(60)
    real.loc[5:, "b"] = np.nan
    with pytest.raises(ValueError, match="has 5 rows with.*'b' alone misses 55 of 60"):
        metrics.report(real, table(40, 1))


def test_rounding_is_no_variation() -> None:
    real = table(60).assign(c=1.0)
    real.loc[3, "c"] += 1e-15
    found = metrics.report(real, table(40, 1))
    assert any("constant in the real data and left out: c" in n for n in found.notes)


def test_names_cannot_command_a_terminal() -> None:
    name = "\x1b[31m\x07\n" + "x" * 3_000
    found = metrics.report(table(60).assign(**{name: 1.0}), table(40, 1))
    assert all(note.isprintable() and len(note) < 1_000 for note in found.notes)
    assert found.notes and "alone and left out: " in found.notes[0]
    assert "left out" in found._repr_html_() and "\x1b" not in found._repr_html_()


def test_a_missing_text_is_named_wherever_it_is() -> None:
    for missing in (None, np.nan, pd.NA):
        for place, texts in enumerate(([missing, "a b"], ["a b", missing])):
            with pytest.raises(TypeError, match=rf"real\[{place}\] is .*; it must"):
                metrics.report(texts, "a b " * 3_000)


def test_deep_images_keep_their_black_and_white(tmp_path: Path) -> None:
    dim = np.full((8, 8), 200, np.uint16)
    Image.fromarray(dim).save(tmp_path / "dim.png")
    Image.fromarray(np.full((8, 8), -1, np.float32)).save(tmp_path / "bad.tiff")
    found = own_data.read("real", tmp_path)
    assert len(found.content) == 1 and found.content.max() < 0.004
    assert "cannot be read and left out: 'bad.tiff'" in found.notes[0]


def test_links_in_folders_lead_nowhere(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    os.symlink(".", tmp_path / "loop")
    os.symlink("self.png", tmp_path / "self.png")
    os.symlink("none.png", tmp_path / "dangling.png")
    assert len(own_data.read("real", tmp_path).content) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="as root")
def test_a_folder_that_cannot_be_read_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir(mode=0)
    with pytest.raises(ValueError, match="cannot be read .Permission denied"):
        own_data.read("real", tmp_path)


def test_an_error_of_the_system_in_a_folder_is_said(tmp_path, monkeypatch) -> None:
    def denied(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(ValueError, match="cannot be read .Permission denied"):
        own_data.read("real", tmp_path)


def test_paths_that_are_none_are_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["", "a.csv"])
    assert caught.value.code == 2
    assert "must be the path of a file or folder" in capsys.readouterr().err
    with pytest.raises(ValueError, match="real is .*must be the path of a file"):
        metrics.report(Path("a\0b"), table(40))


def test_no_folder_is_made_for_a_figure(tmp_path: Path, capsys) -> None:
    assert main(["a.csv", "b.csv", "--figure", str(tmp_path / "new" / "a.png")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["a.csv", "b.csv", "--figure", str(tmp_path / "file" / "a.png")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
