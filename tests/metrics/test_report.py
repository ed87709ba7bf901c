"""The report card: what it sees and does not, and that chance alone rarely leaves."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from collapse_lib import metrics
from collapse_lib.metrics import compared, own_data, report_card
from collapse_lib.metrics.__main__ import main

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]


def cloud(n: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).normal(size=(n, 3))


def prose(n_words: int, seed: int = 0, power: float = 1.0) -> str:
    """Return text whose words follow Zipf's law."""
    shares = 1 / np.arange(1, len(WORDS) + 1) ** power
    rng = np.random.default_rng(seed)
    return " ".join(rng.choice(WORDS, n_words, p=shares / shares.sum()))


def pictures(n: int, seed: int = 0) -> np.ndarray:
    """Return disks of several places and sizes in grey."""
    rng = np.random.default_rng(seed)
    at, size = rng.uniform(8, 24, (n, 2, 1, 1)), rng.uniform(3, 8, (n, 1, 1))
    y, x = np.mgrid[:32, :32]
    return (np.hypot(x - at[:, 0], y - at[:, 1]) < size).astype(float)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_card, "MOST", dict.fromkeys(report_card.MOST, 60))
    monkeypatch.setattr(report_card, "SPLITS", 5)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    monkeypatch.setattr(report_card, "MOST", dict.fromkeys(report_card.MOST, 200))
    monkeypatch.setattr(report_card, "SPLITS", 12)


# ---- what it sees -------------------------------------------------------------------


def test_of_numbers_it_sees_what_narrows_and_not_what_stays(whole: None) -> None:
    found = metrics.report(cloud(400), cloud(200, 1, 0.6))
    assert {"spread", "tails", "recall", "told apart"} <= set(found.outside)
    assert not {"shift of a mean", "precision", "copied rows"} & set(found.outside)
    verdicts = found.table.set_index("measure")["verdict"]
    assert verdicts["spread"] == "below" and verdicts["told apart"] == "above"


def test_copies_are_seen_as_copies() -> None:
    real = cloud(400)
    few = real[np.random.default_rng(1).integers(20, size=200)]
    found = metrics.report(real, few)
    assert {"repeated rows", "copied rows", "coverage"} <= set(found.outside)
    assert "precision" not in found.outside


def test_of_texts_it_sees_lost_words_and_repeats() -> None:
    real = prose(6_000)
    found = metrics.report(real, prose(4_000, 1, power=2.0))
    assert {"different words", "rare words", "surprise"} <= set(found.outside)
    again = metrics.report(real, [" ".join(real.split()[:400])] * 8)
    assert {"copied passages", "likeness of passages"} <= set(again.outside)


def test_of_images_it_sees_blur(whole: None) -> None:
    images = pictures(300)
    blurred = sum(np.roll(images, i, axis) for i in (-1, 0, 1) for axis in (1, 2)) / 6
    found = metrics.report(images[:200], blurred[200:])
    assert "sharpness" in found.outside and "brightness" not in found.outside


def test_chance_alone_rarely_leaves_a_band(monkeypatch) -> None:
    monkeypatch.setattr(report_card, "SPLITS", 10)
    outside = [
        len(metrics.report(cloud(100, 2 * i), cloud(60, 2 * i + 1)).outside)
        for i in range(4)
    ]
    outside.append(len(metrics.report(prose(5_000), prose(3_000, 1)).outside))
    images = pictures(200)
    outside.append(len(metrics.report(images[:120], images[120:]).outside))
    # Seventy and more measures, each outside less than once in a hundred times.
    assert sum(outside) <= 3


def test_every_measure_says_what_it_cannot_see() -> None:
    for measures in compared.MEASURES.values():
        for measure in measures:
            assert measure.blind.endswith(".") and len(measure.blind) > 20
        names = [measure.name for measure in measures]
        assert len(set(names)) == len(names)


def test_measures_of_texts_by_hand() -> None:
    def passages(*blocks: str) -> compared.Passages:
        words = np.array([[ord(c) - ord("a") for c in block] for block in blocks])
        return compared.Passages(words, np.array(blocks, object), 26)

    rng = np.random.default_rng(0)
    by_name = {one.name: one for one in compared.TEXTS}
    a, b = passages("aaaaaaaab", "aaaaaaaaa"), passages("abcaaaaaa", "aaaaaaaaa")
    # 17 of 18 are "a", which are more than 90 %; of b two words are others.
    assert by_name["rare words"].of(a, b, rng) == pytest.approx(2 / 18)
    # Of the two runs of eight words in each block, those of the second are in a.
    assert by_name["copied passages"].of(a, b, rng) == pytest.approx(2 / 4)
    assert by_name["different words"].of(a, b, rng) == pytest.approx(3 / 2)


def test_rare_is_what_nine_in_ten_words_are_not() -> None:
    words = np.repeat([0, 1, 2], [80, 12, 8]).reshape(10, 10)
    a = compared.Passages(words, np.full(10, "", object), 4)
    b = compared.Passages(np.array([[0, 1, 2, 3]]), np.full(1, "", object), 4)
    rare = {one.name: one for one in compared.TEXTS}["rare words"]
    assert rare.of(a, b, np.random.default_rng()) == 0.5  # words 2 and 3


def test_what_is_lost_costs_and_what_is_common_does_not_surprise() -> None:
    real = np.random.default_rng(0).integers(20, size=(50, 10))
    a = compared.Passages(real, np.full(50, "", object), 20)
    b = compared.Passages(np.ones((50, 10), int), np.full(50, "", object), 20)
    by_name = {one.name: one for one in compared.TEXTS}
    rng = np.random.default_rng()
    assert by_name["loss on real text"].of(a, b, rng) > np.log(20) + 0.5
    assert by_name["surprise"].of(a, b, rng) < np.log(20)


def test_a_share_that_is_always_0_has_the_band_of_the_rule_of_three() -> None:
    lines = {one.measure: one for one in metrics.report(cloud(100), cloud(60)).lines}
    assert lines["repeated rows"].high == 3 / 50
    assert lines["energy distance"].high < 1


def test_the_same_seed_gives_the_same_report() -> None:
    real, made = cloud(100), cloud(60, 1)
    first, again = metrics.report(real, made), metrics.report(real, made)
    pd.testing.assert_frame_equal(first.table, again.table)
    assert not metrics.report(real, made, seed=1).table.equals(first.table)


def test_it_prints_draws_and_stands_in_a_notebook(tmp_path: Path) -> None:
    found = metrics.report(cloud(100), cloud(60, 1, 0.01) + 99)
    text = str(found)
    assert "(50 rows at a time)" in text and "cannot see" in text
    assert "<table" in found._repr_html_()
    found.figure().savefig(tmp_path / "card.png")
    with Image.open(tmp_path / "card.png") as image:
        assert image.width > 500


# ---- a stranger's files -------------------------------------------------------------


def csv_file(path: Path, values: np.ndarray, encoding: str = "utf-8", sep: str = ","):
    rows = [sep.join(["größe", "text", "b"])]
    for i, row in enumerate(values):
        cells = [f"{row[0]:.4f}", f"é{i}", f"{row[1]:.4f}"]
        rows.append(
            sep.join(cells if sep == "," else [c.replace(".", ",") for c in cells])
        )
    path.write_bytes("\r\n".join(rows).encode(encoding))
    return path


@pytest.mark.parametrize("sep", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_any_origin_are_the_same(sep, encoding, tmp_path: Path) -> None:
    real = csv_file(tmp_path / "real.csv", cloud(60), encoding, sep)
    made = csv_file(tmp_path / "made.csv", cloud(40, 1))
    found = metrics.report(real, str(made))
    plain = metrics.report(*(cloud(*size)[:, :2].round(4) for size in ((60,), (40, 1))))
    np.testing.assert_allclose(found.table["generated"], plain.table["generated"])
    assert "real, real.csv: left out, as no numbers: 'text'" in found.notes
    assert any("not UTF-8" in note for note in found.notes) == (encoding == "cp1252")


def test_missing_values_constants_and_other_columns_are_said() -> None:
    frame = pd.DataFrame(cloud(60), columns=["a", "b", "c"])
    frame.loc[3, "a"], frame["c"] = np.nan, 1.0
    other = pd.DataFrame(cloud(40, 1), columns=["b", "c", "d"]).assign(a=0.5)
    found = " ".join(metrics.report(frame, other).notes)
    assert "in one of the two alone and left out: d" in found
    assert "real: 1 rows with missing values were left out" in found
    assert "left out: c, and generated data differ there" in found


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "a.csv: is empty"),
        ("a.csv", b"\n \n", "a.csv: holds nothing but blanks"),
        (
            "a.csv",
            b"x,y\n1,2\n",
            "real: has 1 rows without missing values; at",
        ),
        ("a.csv", b"x,y\n", "a.csv: has no rows"),
        ("a.csv", b"x,y\n1,2\n1,2,3\n", "row 3 has 3 cells, the first has 2"),
        ("a.csv", b"x,x\n1,2\n", "two columns are called 'x'"),
        ("a.csv", b"x,y\na,b\n", "no column holds numbers alone .'x', 'y'.; to comp"),
        ("a.csv", b'x,y\n"1,2\n' + b"3,4\n" * 40_000, "cannot be read as CSV"),
        ("a.csv", b"x,y\n" + b"1,2\n" * 60, "every column has one value alone"),
        ("a.csv", bytes(range(256)) * 9, "a.csv: is no text; allowed are text, CSV"),
        ("a.txt", b"\0\0\0", "a.txt: holds nothing but blanks"),
        ("a.txt", b"\xff\xfea\0\0\xd8", "is damaged: it is no utf-16 text"),
        ("a.txt", b"too short", "real: has 0 passages of 50 words; at least 40"),
        ("a.png", b"x", "a.png: is one image; name the folder"),
        ("a.pkl", b"x", "pickles run code when they are read; save an array"),
        ("a.xlsx", b"x", "save the sheet as CSV"),
        (
            "a.npy",
            b"x",
            "cannot be read as an array of numbers: it is damaged, or",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    name: str, content: bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says) as caught:
        metrics.report(path, cloud(40)[:, :2] if name == "a.csv" else "text " * 2000)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_other_things_are_refused(tmp_path: Path) -> None:
    for real, made, says in (
        (tmp_path / "none.csv", cloud(40), "none.csv: cannot be read .No such file"),
        ("none.csv", cloud(40), "real is 'none.csv', and there is no such file"),
        ("a/folder", cloud(40), "real is 'a/folder', and there is no such file"),
        (cloud(60), "some text", "real is a table of numbers, generated is text"),
        (cloud(60), cloud(40)[:, :2], "real has 3 columns of numbers, generated has 2"),
        (cloud(60), cloud(9), "generated: has 9 rows without missing val"),
        (np.zeros((2, 2, 2, 2, 2)), cloud(40), "needed are numbers .n,. or"),
        (np.full((50, 8, 8), -3.0), pictures(40), "has pixels from -3 to -3; needed"),
        (cloud(60) * np.nan, cloud(40), "real: has 0 rows without missing values"),
        (Path("/dev/null"), cloud(40), "null: is neither a file nor a folder"),
        (tmp_path, pictures(40), "holds no images; looked for .png"),
    ):
        with pytest.raises((ValueError, OSError), match=says):
            metrics.report(real, made)
    frames = [pd.DataFrame({name: np.arange(50.0)}) for name in "ab"]
    with pytest.raises(ValueError, match="no column of numbers in common: a and b"):
        metrics.report(*frames)


def test_numbers_of_any_size_are_in_real_units(monkeypatch) -> None:
    real, made = cloud(60), cloud(40, 1)
    plain = metrics.report(real, made).table["generated"]
    for unit in (1e-300, 1e200):
        found = metrics.report(real * unit, made * unit).table["generated"]
        np.testing.assert_allclose(found, plain, atol=0.02)
    with pytest.raises(ValueError, match="generated: has numbers over 1e.50 real"):
        metrics.report(real, made * 1e300)
    monkeypatch.setattr(report_card, "MOST_COLUMNS", 2)
    assert metrics.report(real, made).notes == ("2 of 3 columns, evenly taken",)


def test_pickles_in_arrays_are_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}, 1], object))
    with pytest.raises(ValueError, match="it holds Python objects"):
        metrics.report(tmp_path / "a.npy", cloud(40))


class Armed:
    """What makes a folder when it is unpickled."""

    def __reduce__(self):
        return Path.mkdir, (Path("ran"),)


def test_a_pickle_under_another_name_does_not_run(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.npy").write_bytes(pickle.dumps(Armed()))
    with pytest.raises(ValueError, match="it is damaged, or no npy file"):
        metrics.report("a.npy", cloud(40))
    assert not Path("ran").exists()


def test_of_large_files_a_part_is_read_and_said(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(own_data, "MOST_BYTES", 30_000)
    path = tmp_path / "long.txt"
    path.write_text(prose(9_000).replace(" ", " é\n"), encoding="utf-8")
    found = metrics.report(path, prose(3_000, 1))
    assert any("the first 0 were read" in note for note in found.notes)
    monkeypatch.setattr(own_data, "MOST_ROWS", 50)
    np.save(tmp_path / "a.npy", cloud(90))
    assert metrics.report(tmp_path / "a.npy", cloud(40)).notes == (
        "real, a.npy: 50 of 90 were taken, evenly",
    )


def test_text_without_spaces_is_compared_by_characters() -> None:
    signs = np.array([chr(0x4E00 + i) for i in range(200)])
    real, made = (
        "".join(np.random.default_rng(i).choice(signs, 4_000)) for i in range(2)
    )
    found = metrics.report(real, made)
    assert "nothing separates words here: each character counts as one" in found.notes


def save_images(folder: Path, images: np.ndarray, **options) -> Path:
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray((255 * image).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]
)
def test_an_image_of_any_mode_is_the_same(mode: str, tmp_path: Path) -> None:
    image = pictures(1)[0]
    picture = Image.fromarray((255 * image).astype(np.uint8))
    if mode == "I;16":
        picture = Image.fromarray((65_535 * image).astype(np.uint16))
    elif mode == "LA":
        picture.putalpha(255)
    else:
        picture = picture.convert(mode)
    suffix = {"CMYK": "jpg", "F": "tiff"}.get(mode, "png")
    picture.resize((64, 64), Image.Resampling.NEAREST).save(tmp_path / f"a.{suffix}")
    found = own_data.read("real", tmp_path).content
    assert found.shape == (1, 32, 32, 3)
    # JPEG puts waves around edges.
    np.testing.assert_allclose(
        found[0].mean(axis=2), image, atol=0.2 if mode == "CMYK" else 0.005
    )


def test_numbers_in_images_are_shades_too(tmp_path: Path) -> None:
    image = pictures(1)[0].astype(np.float32)
    Image.fromarray(image).save(tmp_path / "a.tiff")
    Image.fromarray(image * np.nan).save(tmp_path / "b.tiff")
    found = own_data.read("real", tmp_path)
    np.testing.assert_allclose(found.content[0, :, :, 0], image, atol=1e-6)
    assert "left out: 'b.tiff'" in found.notes[0]


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (own_data.read("real", tmp_path).content == 1).all()


def test_folders_hold_other_files_too(tmp_path: Path) -> None:
    images = pictures(90)
    folder = save_images(tmp_path / "real", images[:49])
    (folder / ".hidden.png").write_bytes(b"no image")
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("x")
    inner = folder / "more"
    inner.mkdir()
    Image.new("RGB", (20, 30), "red").save(inner / "a.JPG")
    found = metrics.report(folder, images[50:])
    assert found.notes == (
        "real, real: 1 files that are no images were left out",
        "real, real: cannot be read and left out: 'broken.png'",
        "real, real: images of 2 sizes, all made 32 x 32",
    )


def test_a_folder_is_what_its_array_is(tmp_path: Path) -> None:
    images = (pictures(120) > 0.5) * 1.0
    folder = save_images(tmp_path / "made", images[80:])
    table = metrics.report(images[:80], folder).table
    same = metrics.report(images[:80], (255 * images[80:]).astype(np.uint8)).table
    # Single precision decides which way the classifier leans now and then.
    np.testing.assert_allclose(table["generated"], same["generated"], atol=0.03)
    assert not metrics.report(images[:80], folder).outside


def test_broken_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(ValueError, match="none of its 1 images can be read"):
        metrics.report(tmp_path, pictures(40))


# ---- the command --------------------------------------------------------------------


def test_the_command_prints_and_draws(tmp_path: Path, capsys) -> None:
    real = csv_file(tmp_path / "real.csv", cloud(60))
    made = csv_file(tmp_path / "made.csv", cloud(40, 1))
    picture = tmp_path / "card.png"
    assert main([str(real), str(made), "--figure", str(picture)]) == 0
    assert capsys.readouterr().out == f"{metrics.report(real, made)}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([str(real), str(made), "--figure", str(picture)]) == 1
    assert "card.png is there already" in capsys.readouterr().err
    assert main([str(real), str(made), "--figure", str(tmp_path / "a.csv")]) == 1
    assert "must end in .png" in capsys.readouterr().err


def test_what_the_command_cannot_use_leaves_nothing(tmp_path: Path, capsys) -> None:
    picture = tmp_path / "card.png"
    assert main([str(tmp_path / "a\nb"), "x", "--figure", str(picture)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "collapse_lib.metrics", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "REAL GENERATED" in done.stdout
