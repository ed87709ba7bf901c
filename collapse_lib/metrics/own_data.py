"""Data of readers: tables, texts and images, from memory or from files of any origin.

Whatever cannot be used is refused in one sentence; what is left out, and what was
assumed, is said in notes. Nothing is unpickled, and nothing is written.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from collapse_lib.checks import given, numeric, refusal
from collapse_lib.data.texts import check_texts
from collapse_lib.files import check_path

Array = NDArray[np.float64]
#: No more of a file, no more rows of an array and no more images are read.
MOST_BYTES, MOST_ROWS, MOST_IMAGES = 5_000_000, 200_000, 2_000
#: Cells that mean a missing value, in lower case.
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?", "."}
TRUTH = {"true": 1.0, "false": 0.0}
#: Where commas may be decimal: what may as well be thousands in groups.
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
#: The comma last: where another one separates, it may stand in numbers.
SEPARATORS = ";\t|,"
#: Pixels on a side of the images that are compared.
SIDE = 32
TABLES, ARRAYS = (".csv", ".tsv"), (".npy",)
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm")
#: What else people have, and what to do with it.
ELSEWHERE = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".ods": "save the sheet as CSV",
    ".parquet": "read it with pandas and pass the table",
    ".json": "read it, and pass a list of texts or a table",
    ".jsonl": "read it, and pass a list of texts or a table",
    ".npz": "pass one of its arrays",
    ".pkl": "pickles run code when they are read; save an array with np.save",
    ".pickle": "pickles run code when they are read; save an array with np.save",
    ".pt": "pickles run code when they are read; save an array with np.save",
    ".pdf": "save its text as a text file",
    ".docx": "save its text as a text file",
    ".zip": "unpack it",
    ".gz": "unpack it",
}
#: How files begin that are no text; UTF-16 and UTF-32 begin with a mark of their own.
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Own:
    """Somebody's data.

    Parameters
    ----------
    kind
        ``"numbers"``, ``"text"`` or ``"images"``.
    content
        Numbers: shape ``(n, d)``, NaN where one is missing. A text. Images: shape
        ``(n, 32, 32, 3)``, from 0 to 1.
    columns
        Names of the columns of numbers; None if they have none.
    notes
        What was left out or assumed, in sentences.
    """

    kind: str
    content: Any
    columns: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def read(name: str, value: Any) -> Own:
    """Return somebody's data, from memory or from a file or folder.

    Parameters
    ----------
    name
        What messages call them.
    value
        A path, a text, a list of texts, a table, an array of numbers ``(n,)`` or
        ``(n, d)``, or of images ``(n, height, width)`` or ``(n, height, width, 3)``.

    Raises
    ------
    ValueError, OSError
        If there is nothing in it that can be measured.
    """
    if isinstance(value, os.PathLike) or (isinstance(value, str) and _exists(value)):
        return _of_path(name, Path(os.fsdecode(value)))
    if isinstance(value, str):
        if _looks_like_a_path(value):
            raise FileNotFoundError(
                f"{name} is {given(value)}, and there is no such file or folder"
            )
        return Own("text", _text(name, [value]))
    if isinstance(value, pd.DataFrame):
        return _of_table(name, [str(one) for one in value.columns], _cells_of(value))
    if isinstance(value, (list, tuple)) or getattr(value, "ndim", None) == 1:
        # What is missing first is named by the door that the rest goes through.
        known = (one for one in value if not _is_missing(one))
        if isinstance(next(known, None), str):
            return Own("text", _text(name, value))
    return _of_array(name, value)


# ---- paths --------------------------------------------------------------------------


def _is_missing(one: Any) -> bool:
    return one is None or one is pd.NA or (isinstance(one, float) and math.isnan(one))


def _exists(value: str) -> bool:
    try:
        return len(value) < 4096 and os.path.lexists(value)
    except (ValueError, OSError):  # no path has a NUL, or half of a character
        return False


def _looks_like_a_path(value: str) -> bool:
    """Return whether one word, or a line with slashes, was meant to be a path."""
    short = len(value) < 300 and "\n" not in value and bool(value)
    known = (*TABLES, *ARRAYS, *PICTURES, *ELSEWHERE, ".txt", ".md")
    named = value.lower().endswith(known)
    return short and (named or (" " not in value and ("/" in value or "\\" in value)))


def _of_path(name: str, path: Path) -> Own:
    shown = f"{name}, {path.name or path}"
    try:
        mode = check_path(name, path).stat().st_mode
        if stat.S_ISDIR(mode):
            return _of_folder(shown, path)
        if not stat.S_ISREG(mode):
            raise refusal(shown, "is neither a file nor a folder")
        suffix = path.suffix.lower()
        if suffix in PICTURES:
            raise refusal(shown, "is one image; name the folder of many")
        if suffix in ELSEWHERE:
            raise refusal(shown, f"is no text, CSV or npy file; {ELSEWHERE[suffix]}")
        if suffix in ARRAYS:
            return _of_npy(shown, path)
        text, notes = _decoded(shown, path)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise refusal(shown, f"cannot be read ({error.strerror})") from None
        raise
    if suffix in TABLES:
        own = _of_csv(shown, text)
        return Own(own.kind, own.content, own.columns, (*notes, *own.notes))
    if _is_of_numbers(text):
        notes = (*notes, f"{shown}: taken as text; of a table of numbers make a CSV")
    return Own("text", _text(shown, [text]), notes=notes)


def _is_of_numbers(text: str) -> bool:
    """Return whether most words at the beginning of a text are numbers."""
    some = text[:4_000].replace(",", " ").split()[:-1]
    return sum(_number(word) is not None for word in some) > 0.9 * len(some) > 10


def _of_npy(shown: str, path: Path) -> Own:
    try:
        # A map of the file: of a large one only the rows that are used are read.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        objects = "objects" in str(error)
        why = "it holds Python objects" if objects else "it is damaged, or no npy file"
        raise refusal(shown, f"cannot be read as an array of numbers: {why}") from None
    return _of_array(shown, array)


def _decoded(shown: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a file in whatever encoding, and what was assumed."""
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    if not raw.strip(b"\0 \t\r\n"):
        raise refusal(shown, "is empty" if not raw else "holds nothing but blanks")
    notes = []
    cut = len(raw) > MOST_BYTES
    if cut:
        size = path.stat().st_size
        raw = raw[:MOST_BYTES]
        notes.append(
            f"{shown}: of {size / 1e6:,.0f} MB the first {MOST_BYTES / 1e6:,.0f} were "
            "read"
        )
    encoding = next((coding for mark, coding in BOMS if raw.startswith(mark)), "")
    encoding = encoding or _without_mark(shown, raw)
    try:
        return _decode(raw, encoding, cut), tuple(notes)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise refusal(shown, f"is damaged: it is no {encoding} text") from None
    notes.append(
        f"{shown}: not UTF-8, taken as Western European (Windows-1252); if letters are "
        "wrong, save it as UTF-8"
    )
    # Five bytes have no letter there.
    return raw.decode("cp1252", "replace"), tuple(notes)


def _decode(raw: bytes, encoding: str, cut: bool) -> str:
    """Decode; what was cut may end within a letter, and is taken up to a line end."""
    text = codecs.getincrementaldecoder(encoding)().decode(raw, final=not cut)
    return text[: text.rfind("\n") + 1] or text if cut else text


def _without_mark(shown: str, raw: bytes) -> str:
    """Return the encoding of a text without a mark; refuse what is no text."""
    some = raw[:4096]
    odd, even = some[1::2].count(0), some[::2].count(0)
    if max(odd, even) > 0.3 * len(some) / 2:
        if min(odd, even) < 0.05 * len(some) / 2:
            return "utf-16-le" if odd > even else "utf-16-be"
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in some)
    if control > 0.02 * len(some):
        raise refusal(
            shown, "is no text; allowed are text, CSV and npy files, and image folders"
        )
    return "utf-8"


# ---- texts --------------------------------------------------------------------------


def _text(name: str, values: Iterable[Any]) -> str:
    """Return texts joined as paragraphs, with what encodings leave behind taken out."""
    text = "\n\n".join(check_texts(name, list(values))).replace("\0", " ")
    if not text.strip():
        raise refusal(name, "is empty: it holds no text")
    return text


# ---- tables -------------------------------------------------------------------------


def _of_csv(shown: str, text: str) -> Own:
    try:
        separator = _separator(text)
        lines = io.StringIO(text, newline=None)  # old Macs end lines with \r
        found = enumerate(csv.reader(lines, delimiter=separator), 1)
        rows = [(i, row) for i, row in found if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise refusal(shown, f"cannot be read as CSV ({error})") from None
    width = len(rows[0][1])
    # Spreadsheets end lines with separators: columns without a name and a cell.
    while width > 1 and not any("".join(row[width - 1 :]).strip() for _, row in rows):
        width -= 1
        rows = [(i, row[:-1] if len(row) > width else row) for i, row in rows]
    for number, row in rows:
        if len(row) != width:
            raise refusal(
                shown,
                f"row {number} has {len(row)} cells, the first has {width}; every row "
                "must have as many",
            )
    names = [cell.strip() for cell in rows[0][1]]
    comma = separator != ","
    headed = any(_number(cell, comma) is None for cell in names)
    if not headed:
        names = [f"column {i + 1}" for i in range(width)]
    if len(set(names)) < width:
        twice = Counter(names).most_common(1)[0][0]
        raise refusal(shown, f"two columns are called {given(twice)}; rename one")
    body = [row for _, row in rows[headed:]]
    columns = [[_number(row[i], comma) for row in body] for i in range(width)]
    own = _of_table(shown, names, columns)
    notes = [] if headed else [f"{shown}: no line of names, the first one is numbers"]
    for i, name in enumerate(names if comma else []):
        cells = [row[i].strip() for row in body if "," in row[i]]
        if name in (own.columns or ()) and cells and all(map(GROUPED.fullmatch, cells)):
            notes.append(
                f"{shown}: in {given(name)} the comma is taken as decimal; if "
                f"{cells[0]} means thousands, take the commas out"
            )
    return replace(own, notes=(*own.notes, *notes))


def _separator(text: str) -> str:
    """Return what separates cells: what most of the first lines hold equally often."""
    lines = [line for line in text[:100_000].splitlines()[:30] if line.strip()]

    def score(one: str) -> float:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=one))
        width, times = widths.most_common(1)[0]
        return times / len(lines) if width > 1 else 0.0

    return max(SEPARATORS, key=score)


def _number(cell: Any, comma: bool = False) -> float | None:
    """Return the number in a cell, NaN if it is missing, None if it is a text."""
    if isinstance(cell, (bool, int, float, np.integer, np.floating, np.bool_)):
        try:
            return float(cell)
        except OverflowError:  # an integer of hundreds of digits
            return math.inf
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return math.nan
    text = str(cell).strip()
    if text.lower() in MISSING:
        return math.nan
    if text.lower() in TRUTH:  # so that a table is the same in memory and in a file
        return TRUTH[text.lower()]
    if "_" in text:  # Python takes 2020_01 for a number
        return None
    try:
        return float(text.replace(",", ".") if comma else text)
    except ValueError:
        return None


def _cells_of(frame: pd.DataFrame) -> list[list[float | None]]:
    return [
        [_number(cell) for cell in frame.iloc[:, i].tolist()]
        for i in range(frame.shape[1])
    ]


def _of_table(name: str, names: list[str], columns: list[list[float | None]]) -> Own:
    """Return the columns of numbers; the others are named in a note."""
    if not columns or not columns[0]:
        raise refusal(name, "has no rows")
    if len(set(names)) < len(names):
        raise refusal(name, "two columns have one name; rename one")
    good = [i for i, column in enumerate(columns) if None not in column]
    empty = [i for i in good if not np.isfinite(np.array(columns[i], float)).any()]
    good = [i for i in good if i not in empty]
    left = [names[i] for i in range(len(names)) if i not in good]
    if not good:
        raise refusal(
            name,
            f"no column holds numbers alone ({_listed(left)}); to compare a column of "
            "texts, save it as a text file, or pass it as a list",
        )
    notes = [f"{name}: left out, as no numbers: {_listed(left)}"] if left else []
    content = np.array([columns[i] for i in good], dtype=np.float64).T
    content[~np.isfinite(content)] = np.nan
    if content.shape[0] > MOST_ROWS:
        notes.append(f"{name}: {MOST_ROWS:,} of {len(content):,} rows, evenly taken")
        content = content[_evenly(len(content), MOST_ROWS)]
    return Own("numbers", content, tuple(names[i] for i in good), tuple(notes))


def _listed(names: list[str]) -> str:
    """Return names for a message; not all, if there are many."""
    words = ", ".join(given(name) for name in names[:5])
    return f"{words} and {len(names) - 5} more" if len(names) > 5 else words


# ---- arrays -------------------------------------------------------------------------


def _evenly(n: int, most: int) -> NDArray[np.int64]:
    return np.arange(min(n, most)) * n // min(n, most)


def _of_array(name: str, value: Any) -> Own:
    array = numeric(name, value)
    colours = array.ndim == 4 and array.shape[3] in (1, 3, 4)
    if array.ndim not in (1, 2, 3) and not colours:
        raise ValueError(
            f"{name} is {given(value)} of shape {array.shape}; needed are numbers (n,) "
            "or (n, d), images (n, height, width) or (n, height, width, 3), texts, or "
            "a path"
        )
    if not array.size:
        raise refusal(name, f"is empty: its shape is {array.shape}")
    most = MOST_ROWS if array.ndim < 3 else MOST_IMAGES
    notes = []
    if len(array) > most:
        notes.append(f"{name}: {most:,} of {len(array):,} were taken, evenly")
        array = array[_evenly(len(array), most)]
    if array.ndim < 3:
        content = np.array(array, dtype=np.float64).reshape(len(array), -1)
        content[~np.isfinite(content)] = np.nan
        return Own("numbers", content, None, tuple(notes))
    return Own("images", _small(name, np.asarray(array)), notes=tuple(notes))


def _small(name: str, array: NDArray[Any]) -> Array:
    """Return an array of images as small pictures from 0 to 1."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise refusal(name, "has images with values that are NaN or infinite")
    low, high = float(array.min()), float(array.max())
    full = 1.0 if high <= 1 else 255.0
    if low < 0 or high > 255:
        raise refusal(
            name,
            f"has pixels from {low:g} to {high:g}; needed are numbers from 0 to 1, or "
            "from 0 to 255",
        )
    array = array if array.ndim == 4 else array[..., None]
    colours = array[..., :3] if array.shape[3] > 1 else np.repeat(array, 3, axis=3)
    pictures = np.empty((len(array), SIDE, SIDE, 3))
    for i, image in enumerate(colours):
        scaled = np.asarray(image, np.float32) / full
        for c in range(3):
            pictures[i, :, :, c] = _resized(Image.fromarray(scaled[:, :, c]))
    return pictures


def _resized(image: Image.Image) -> Array:
    small = image.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64)


# ---- folders of images --------------------------------------------------------------


def _of_folder(shown: str, folder: Path) -> Own:
    paths = sorted(_files_in(folder))
    images = [path for path in paths if path.suffix.lower() in PICTURES]
    notes = []
    if others := len(paths) - len(images):
        notes.append(f"{shown}: {others} files that are no images were left out")
    if not images:
        kinds = ", ".join(PICTURES)
        raise refusal(shown, f"holds no images; looked for {kinds}")
    if len(images) > MOST_IMAGES:
        notes.append(f"{shown}: {MOST_IMAGES:,} of {len(images):,} images, evenly")
        images = [images[i] for i in _evenly(len(images), MOST_IMAGES)]
    pictures, sizes, broken = [], Counter[tuple[int, int]](), []
    for path in images:
        try:
            picture, size = _picture(path)
        except Exception:  # a damaged file makes Pillow raise whatever it came across
            broken.append(path.name)
            continue
        pictures.append(picture)
        sizes[size] += 1
    if not pictures:
        raise refusal(shown, f"none of its {len(images)} images can be read")
    if broken:
        notes.append(f"{shown}: cannot be read and left out: {_listed(broken)}")
    if len(sizes) > 1:
        notes.append(f"{shown}: images of {len(sizes)} sizes, all made {SIDE} x {SIDE}")
    return Own("images", np.stack(pictures), notes=tuple(notes))


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below it, but hidden ones; follow no link to one.

    A folder that cannot be read is an error, and not an empty one.
    """

    def refused(error: OSError) -> None:
        raise error

    for inside, folders, names in os.walk(folder, onerror=refused):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for name in names:
            path = Path(inside, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _picture(path: Path) -> tuple[Array, tuple[int, int]]:
    """Return an image, small, from 0 to 1, and its own size."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning)
        with Image.open(path) as image:
            size = image.size
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):
                deep = np.asarray(upright, np.float32)
                grey = _resized(Image.fromarray(deep / _white(deep, upright.mode)))
                return np.repeat(grey[:, :, None], 3, axis=2), size
            if upright.has_transparency_data:
                shape = upright.convert("RGBA")
                white = Image.new("RGBA", shape.size, "white")
                upright = Image.alpha_composite(white, shape)
            return _resized(upright.convert("RGB")) / 255, size


def _white(deep: NDArray[np.float32], mode: str) -> float:
    """Return the value of white in an image of more than 8 bits."""
    top = float(deep.max())
    if not (np.isfinite(deep).all() and deep.min() >= 0):
        raise ValueError("pixels are negative, NaN or infinite")
    if mode.startswith("I;16"):
        return 65535.0
    if mode == "F" and top <= 1:
        return 1.0
    return 255.0 if top <= 255 else max(65535.0, top)
