"""Pretrained weights on this machine: find them, check them. Nothing is fetched here.

A model is a folder with ``config.json``, ``model.safetensors`` and ``tokenizer.json``,
the format of Hugging Face; `collapse_lib.data.model_fetch` makes such folders.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from collapse_lib.data import fetching

#: Name -> what it is. Other models of the hub have names like ``owner/model``.
KNOWN = {
    "facebook/opt-125m": "the paper's own, 125 million weights, from its hub",
    "smollm2-135m": "135 million weights, 4 bits each, from a package",
}
FILES = ("config.json", "model.safetensors", "tokenizer.json")
#: What `collapse_lib.data.model_fetch` wrote, file by file.
SUMS = "sha256.json"


def find(name: str | Path) -> Path:
    """Return the folder of a pretrained model, with all files there.

    Parameters
    ----------
    name
        One of `KNOWN`, the ``owner/model`` of another model that was fetched, or a
        folder.

    Raises
    ------
    ValueError
        If the name is unknown.
    FileNotFoundError
        If the model is not on this machine, or a file is missing.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = own_folder(check_name(str(name)))
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{name} is not on this machine; run "
                f"`python -m collapse_lib.data.model_fetch {name}`, or name a folder "
                f"with {', '.join(FILES)}"
            )
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} holds no {', '.join(missing)}; needed are {', '.join(FILES)} "
            "(weights in files of other kinds are not read: they can hold programs)"
        )
    return folder


def check_name(name: str) -> str:
    """Return the name if it can be one of a model, else raise ValueError."""
    parts = name.split("/")
    owner_and_model = len(parts) == 2 and all(parts) and name[0] not in ".~"
    if name not in KNOWN and not owner_and_model:
        known = "; ".join(f"{key!r}: {what}" for key, what in KNOWN.items())
        raise ValueError(
            f"there is no pretrained model or folder {name!r}. Known are {known}. "
            "Other models of the Hugging Face hub are named 'owner/model'"
        )
    return name


def own_folder(name: str) -> Path:
    """Return the folder that `collapse_lib.data.model_fetch` uses for a model."""
    return fetching.cache_folder("pretrained") / name.replace("/", "--")


def write_sums(folder: Path, source: str) -> None:
    """Note the hash of every file, and where the model came from."""
    sums = {file.name: fetching.sha256_of(file) for file in sorted(folder.iterdir())}
    content = json.dumps({"source": source, "sha256": sums}, indent=1) + "\n"
    fetching.write_bytes(folder / SUMS, content.encode())


def config(folder: Path) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Raises
    ------
    ValueError
        If it is damaged, no JSON, or names no number of tokens.
    """
    path = checked(folder, "config.json")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        int(content["vocab_size"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path} does not describe a language model ({error!r}); {_again(folder)}"
        ) from None
    return content


def weights(folder: Path) -> dict[str, Any]:
    """Return the weights by name, as torch tensors.

    Raises
    ------
    ValueError
        If the file is damaged, cut short, or no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = checked(folder, "model.safetensors")
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); {_again(folder)}") from None


def checked(folder: Path, name: str) -> Path:
    """Return the path of a file whose content is what was fetched.

    Raises
    ------
    ValueError
        If its hash is not the one that was noted.
    """
    path = folder / name
    if (folder / SUMS).exists():  # a folder that the user put together has none
        sums = json.loads((folder / SUMS).read_text(encoding="utf-8"))["sha256"]
        found = fetching.sha256_of(path)
        if found != sums[name]:
            raise ValueError(
                f"{path} has sha256 {found[:12]}..., {sums[name][:12]}... was written "
                f"there: it is damaged or was changed; {_again(folder)}"
            )
    return path


def _again(folder: Path) -> str:
    return f"delete {folder} and get the model again"
