"""Time text generation against Hugging Face's, and training against the matrix units.

Run ``make benchmarks`` on an idle machine, with the extra ``[pretrained]``. Both sides
run OPT's architecture with the same weights, the same prompts and the same settings, in
float32; beam search gives the same tokens on both, and the script checks that it does.
Theirs is ``generate`` of *transformers* as its users call it. As many texts are written
together, and as many blocks make a step of training, as by the library's default.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

import numpy as np
import torch
from timing import best_times, row, write
from transformers import OPTConfig, OPTForCausalLM

from collapse_lib.models.language import network as networks
from collapse_lib.models.language.decoding import Ancestral, Beam, Decoder
from collapse_lib.models.language.transformer import Transformer
from collapse_lib.models.pretrained.opt import config_of, to_opt

END = 2
PROMPT = BLOCK = 64
#: Of chapter 08's model, and of one that is done in a second.
SIZES = {
    "full": networks.Architecture(4_096, 128, 128, 4, 4, 512),
    "tiny": networks.Architecture(64, 128, 16, 1, 2, 64),
}
BATCH = {"full": Transformer.writing_batch, "tiny": 2}
TRAINING_BLOCKS = {"full": 512, "tiny": 8}
MATRIX = 1_024


def pair(sizes: networks.Architecture) -> tuple[networks.Network, OPTForCausalLM]:
    """Return the same random weights in both networks.

    They are drawn larger than before training, so that tokens differ in probability
    and rounding cannot decide which beam is best.
    """
    ours = networks.random(sizes, seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in ours.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    special = {"bos_token_id": END, "eos_token_id": END, "pad_token_id": 1}
    config = OPTConfig.from_dict({**config_of(sizes), **special})
    theirs = OPTForCausalLM(config).eval()
    theirs.load_state_dict(to_opt(ours), strict=False)
    theirs.tie_weights()
    return ours, theirs


def write_ours(
    network: networks.Network, decoder: Decoder, prompts: torch.Tensor
) -> torch.Tensor:
    """Write with the library."""
    generator = torch.Generator().manual_seed(0)
    return decoder.generate(network, prompts, BLOCK, generator=generator, end=END)


def write_theirs(
    model: OPTForCausalLM, decoder: Decoder, prompts: torch.Tensor
) -> torch.Tensor:
    """Write with Hugging Face's ``generate``."""
    tokens = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=BLOCK,
        min_new_tokens=BLOCK,
        eos_token_id=END,
        pad_token_id=1,
        **decoder.settings(),
    )
    return tokens[:, prompts.shape[1] :]


def generation(size: str, repeats: int) -> list[dict[str, object]]:
    """Time both decoders; return rows of the table, in ms a token."""
    ours, theirs = pair(SIZES[size])
    shape = (BATCH[size], PROMPT)
    prompts = torch.randint(3, SIZES[size].vocabulary, shape)
    rows = []
    for decoder, name in ((Ancestral(), "ancestral sampling"), (Beam(5), "five beams")):
        if not decoder.random:
            same = write_ours(ours, decoder, prompts) == write_theirs(
                theirs, decoder, prompts
            )
            print(f"{name}: {same.all(1).double().mean():.0%} of the texts are equal")
        times = best_times(
            {
                "ours": lambda d=decoder: write_ours(ours, d, prompts),
                "theirs": lambda d=decoder: write_theirs(theirs, d, prompts),
            },
            repeats,
        )
        per_token = 1e3 / (len(prompts) * BLOCK)
        rows.append(
            row(
                f"One token of text, {name}, {len(prompts)} texts of "
                f"{PROMPT} + {BLOCK} tokens at once, against Hugging Face's generate "
                "on the same weights",
                times["ours"] * per_token,
                times["theirs"] * per_token,
                "ms",
                bar=3,
                because="three quarters of our time are matrix products and "
                "attention, which both sides do for many texts at once",
            )
        )
    return rows


def operations(model: Transformer, n_tokens: int) -> float:
    """Return the multiplications and additions that training on tokens needs.

    Six for each weight of a matrix and token (two forward, four backward), and twelve
    for each pair of a token and one before it, layer and entry of the width.
    """
    sizes = model.sizes
    per_layer = 4 * sizes.width**2 + 2 * sizes.width * sizes.hidden
    matrices = sizes.layers * per_layer + sizes.vocabulary * sizes.width
    pairs = 12 * sizes.layers * sizes.width * (BLOCK + 1) / 2
    return n_tokens * (6 * matrices + pairs)


def multiply(n: int) -> None:
    """Multiply square matrices ``n`` times."""
    a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    for _ in range(n):
        a @ b


def scratch(sizes: networks.Architecture) -> Transformer:
    """Return the recipe of a model that is trained from scratch for one epoch."""
    return Transformer(
        vocabulary=sizes.vocabulary,
        context=sizes.context,
        width=sizes.width,
        layers=sizes.layers,
        heads=sizes.heads,
        epochs=1,
        start=END,
    )


def training(size: str, repeats: int) -> list[dict[str, object]]:
    """Time one epoch, the same operations in large products, and half precision."""
    model = scratch(SIZES[size])
    half = replace(model, precision="bfloat16")
    shape = (1, TRAINING_BLOCKS[size], BLOCK)
    blocks = np.random.default_rng(0).integers(model.vocabulary, size=shape)
    needed, of_one = operations(model, blocks.size), 2 * MATRIX**3
    n_products = math.ceil(needed / of_one)
    times = best_times(
        {
            "full": lambda: model.fit(blocks, np.random.default_rng(1)),
            "half": lambda: half.fit(blocks, np.random.default_rng(1)),
            "products": lambda: multiply(n_products),
        },
        repeats,
    )
    for name in ("full", "half"):
        print(f"{name}: {blocks.size / times[name]:,.0f} tokens a second")
    rate = n_products * of_one / times["products"]
    ms = 1e3 / blocks.size
    return [
        row(
            "One token in training, against its multiplications and additions alone at "
            f"the rate of square matrices of {MATRIX:,} ({rate / 1e9:.0f} GFLOP/s)",
            times["full"] * ms,
            needed / rate * ms,
            "ms",
            bar=0.6,
            because="about three quarters of the time are matrix products, and on "
            "matrices as narrow as these they run at three quarters of that rate",
        ),
        row(
            "One token in training in bfloat16, against float32",
            times["half"] * ms,
            times["full"] * ms,
            "ms",
            bar=1,
        ),
    ]


def main() -> None:
    """Measure and write ``language_models.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--dry", action="store_true", help="write no file")
    chosen = parser.parse_args()
    rows = [
        *generation(chosen.size, chosen.repeats),
        *training(chosen.size, chosen.repeats),
    ]
    if chosen.size == "full" and not chosen.dry:
        write("language_models", "Language models (chapters 08 and 09)", rows)


if __name__ == "__main__":
    main()
