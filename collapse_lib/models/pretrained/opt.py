"""Weights of OPT models under Hugging Face's names <-> our network's. Uses torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from collapse_lib.checks import given
from collapse_lib.models.language.network import Architecture, Network

#: What the network cannot do otherwise; other OPT models than the 350m have it so.
REQUIRED = {
    "model_type": "opt",
    "do_layer_norm_before": True,
    "_remove_final_layer_norm": False,
    "activation_function": "relu",
    "enable_bias": True,
    "layer_norm_elementwise_affine": True,
    "tie_word_embeddings": True,
}
#: What says how large it is.
SIZES = (
    "vocab_size",
    "max_position_embeddings",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "ffn_dim",
)
DECODER = "model.decoder."
OURS_TO_THEIRS = {
    "tokens": "embed_tokens",
    "positions": "embed_positions",
    "norm": "final_layer_norm",
    "norm1": "self_attn_layer_norm",
    "attention.out": "self_attn.out_proj",
    "norm2": "final_layer_norm",
    "up": "fc1",
    "down": "fc2",
}


def sizes_of(config: Mapping[str, Any]) -> Architecture | None:
    """Return the sizes of an OPT network, or None if it is another kind of network.

    Parameters
    ----------
    config
        What the model's ``config.json`` says.

    Raises
    ------
    ValueError
        If it leaves out a size, or one is no size.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"config is {given(config)}; it must be what config.json says")
    defaults = {**REQUIRED, "model_type": None}
    same = all(config.get(k, defaults[k]) == v for k, v in REQUIRED.items())
    if not same or config.get("word_embed_proj_dim") != config.get("hidden_size"):
        return None
    missing = [name for name in SIZES if name not in config]
    if missing:
        raise ValueError(f"config.json lacks {', '.join(missing)}; get the model again")
    return Architecture(
        vocabulary=config["vocab_size"],
        context=config["max_position_embeddings"],
        width=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        hidden=config["ffn_dim"],
        dropout=config.get("dropout", 0.1),
    )


def config_of(sizes: Architecture) -> dict[str, Any]:
    """Return what the ``config.json`` of an OPT network of these sizes says."""
    if not isinstance(sizes, Architecture):
        raise ValueError(f"sizes is {given(sizes)}; it must be an Architecture")
    return {
        **REQUIRED,
        "vocab_size": sizes.vocabulary,
        "max_position_embeddings": sizes.context,
        "hidden_size": sizes.width,
        "word_embed_proj_dim": sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "ffn_dim": sizes.hidden,
        "dropout": sizes.dropout,
    }


def to_opt(network: Network) -> dict[str, Tensor]:
    """Return the weights under Hugging Face's names."""
    if not isinstance(network, Network):
        raise ValueError(f"network is {given(network)}; it must be one of the library")
    state: dict[str, Tensor] = {}
    for ours, weight in network.named_parameters():
        stem, _, kind = ours.rpartition(".")
        if stem.endswith("attention.qkv"):
            layer = stem.removesuffix("attention.qkv")
            for letter, part in zip("qkv", weight.detach().chunk(3), strict=True):
                state[f"{DECODER}{layer}self_attn.{letter}_proj.{kind}"] = part
        else:
            state[_theirs(ours)] = weight.detach()
    return state


def from_opt(network: Network, state: Mapping[str, Tensor]) -> Network:
    """Copy weights under Hugging Face's names into a network and return it.

    Raises
    ------
    ValueError
        If a weight is missing or has another shape.
    """
    tensors = isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(weight, Tensor)
        for name, weight in state.items()
    )
    if not tensors:
        raise ValueError(f"state is {given(state)}; it must be weights by name")
    # Older files leave out the first word of each name.
    known = {
        DECODER + name.removeprefix("model.").removeprefix("decoder."): weight
        for name, weight in state.items()
    }
    with torch.no_grad():
        for theirs, ours in to_opt(network).items():
            weight = known.get(theirs)
            if weight is None or weight.shape != ours.shape:
                found = "is missing" if weight is None else f"has shape {weight.shape}"
                raise ValueError(
                    f"weight {theirs} {found}, {tuple(ours.shape)} is needed: these "
                    "weights belong to another model than its config.json"
                )
            ours.copy_(weight)  # a view of the network's own memory
    return network


def _theirs(ours: str) -> str:
    """Return Hugging Face's name of one of our weights."""
    stem, _, kind = ours.rpartition(".")
    layer = ""
    if stem.startswith("layers."):
        number, stem = stem.split(".", 2)[1:]
        layer = f"layers.{number}."
    return f"{DECODER}{layer}{OURS_TO_THEIRS[stem]}.{kind}"
