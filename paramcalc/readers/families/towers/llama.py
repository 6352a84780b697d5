"""Llama 3.2 Vision and Llama 4: tiles of an image, each with its own positions. arXiv:2407.21783 section 7."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, tower
from paramcalc.readers.families.towers.geometry import grid, heads
from paramcalc.readers.families.towers.parts import (
    dense,
    down,
    embedded,
    norm,
    patched,
    positioned,
    table,
    up,
    vector,
)

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

ASPECT_RATIOS = 8
"""Shapes of up to four tiles, which a config that says none means. Source: MllamaVisionConfig."""
LAYER4 = Layer("input_layernorm", "self_attn", "post_attention_layernorm", names=FC)
LAYER3 = replace(LAYER4, bias=())


def vision4(config: Config, at: str) -> Tower:
    """Llama 4's: unfolded patches through one matrix, rotary positions beside learned ones, joined patches."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    into, out = config.integer("projector_input_dim"), config.integer("projector_output_dim")
    inner = config.integer("intermediate_size")
    adapter: Parts = {"vision_adapter.mlp.fc1": up(into, inner, bias=False, component="ffn", activated=True),
                      "vision_adapter.mlp.fc2": down(out, out, bias=False, component="ffn", activated=True)}
    modules: Parts = {
        "class_embedding": embedded(width),
        "positional_embedding_vlm": positioned(grid(config) + 1, width),
        "patch_embedding.linear": dense(width, config.integer("num_channels") * patch * patch, bias=False,
                                        component="other_embedding", per="patch", divided="out"),
        "layernorm_pre": norm(width),
        "model.layers": layers(config.layers),
        "layernorm_post": norm(width),
        **fewer(adapter, round(1 / config.number("pixel_shuffle_ratio") ** 2)),
    }
    return tower("vision", width, modules, {"layer": LAYER4.of(config)}, at)


def llama4(model: Composite) -> Towers:
    """What the adapter gives is projected once more."""
    into = model.part("vision_config", "llama4_vision_model").integer("vision_output_dim")
    join: Parts = {"multi_modal_projector.linear_1": up(model.text.hidden_size, into, bias=False)}
    return {**model.tower("vision_config", "vision_model", "llama4_vision_model"), **model.join(join, into)}


def vision3(config: Config, at: str) -> Tower:
    """Llama 3.2's: local layers over each tile, then gated ones over all of them."""
    width = config.integer("hidden_size")
    positions, tiles = grid(config) + 1, config.integer("max_num_tiles")
    ratios = len(config.get("supported_aspect_ratios") or range(ASPECT_RATIOS)) + 1
    inner, count = config.integer("intermediate_size"), heads(config, "attention_heads")
    modules: Parts = {
        "class_embedding": embedded(width),
        "patch_embedding": patched(config, width, bias=False),
        "gated_positional_embedding.gate": positioned(1),
        "gated_positional_embedding.embedding": positioned(positions, width),
        "gated_positional_embedding.tile_embedding": table(ratios, tiles * positions * width),
    }
    for place in ("pre_tile", "post_tile"):
        modules[f"{place}_positional_embedding.gate"] = positioned(1)
        modules[f"{place}_positional_embedding.embedding"] = table(ratios, tiles * width)
    modules |= {"layernorm_pre": norm(width), "layernorm_post": norm(width),
                "transformer.layers": layers(config.layers, "local"),
                "global_transformer.layers": layers(config.depth("num_global_layers"), "global")}
    plain = LAYER3(width, count, inner)
    gated = plain | {"gate_attn": vector(1), "gate_ffn": vector(1)}
    return tower("vision", width, modules, {"local": plain, "global": gated}, at)


def mllama(model: Composite) -> Towers:
    """One matrix on the outputs of several layers, which the text model attends to."""
    into = model.part("vision_config", "mllama_vision_model").integer("vision_output_dim")
    join: Parts = {"multi_modal_projector": dense(model.text.hidden_size, into)}
    return {**model.tower("vision_config", "vision_model", "mllama_vision_model"), **model.join(join, into)}
