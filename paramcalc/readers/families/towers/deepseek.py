"""DeepSeek-VL: a SigLIP, and beside it SAM's encoder for fine detail. arXiv:2403.05525.

DeepSeek-VL2 (arXiv:2412.10302) and DeepSeek-OCR (arXiv:2510.18234, arXiv:2601.20552) state their towers in code: SigLIP
as timm has it; SAM and CLIP, later a small Qwen 2, one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKV
from paramcalc.components.base import Parts
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families import family_of
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.clip import LAYER
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import (
    conv,
    convolve,
    dense,
    down,
    embedded,
    norm,
    positioned,
    rms,
    table,
    up,
    vector,
)
from paramcalc.readers.families.towers.sam import encoder, neck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paramcalc.components.base import Component
    from paramcalc.readers.families.towers.composite import Composite, Towers

SIGLIP, SAM, FINE2 = "siglip_vision_model", "sam_vision_model", "deepseek_ocr2_sam_vision_model"


def deepseek_vl(model: Composite) -> Towers:
    """Two matrices."""
    width, out = model.part("vision_config", SIGLIP).integer("hidden_size"), model.text.hidden_size
    join: Parts = {"aligner.linear1": up(out, width), "aligner.linear2": down(out, out)}
    return {**model.tower("vision_config", "vision_model", SIGLIP), **model.join(join, width)}


def hybrid(model: Composite) -> Towers:
    """Half the width from each tower."""
    width, out = model.part("vision_config", SIGLIP).integer("hidden_size"), model.text.hidden_size
    fine = model.part("high_res_vision_config", SAM)
    channels, deep = fine.integer("output_channels"), fine.integer("hidden_size")
    between: Parts = {
        "high_res_vision_alpha": vector(1), **neck(deep, channels, "high_res_vision_neck"),
        "high_res_vision_proj.conv1": convolve(2 * channels, channels, 3, 3, bias=False),
        "high_res_vision_proj.conv2": convolve(4 * channels, 2 * channels, 3, 3, bias=False),
    }
    return {
        **model.tower("high_res_vision_config", "high_res_vision_model", SAM),
        **model.join(between, deep, "neck", stream="image", component=None),
        **model.tower("vision_config", "vision_model", SIGLIP),
        **model.join({"aligner.vision_proj": dense(out // 2, width)}, width, "half", component="vision"),
        **model.join({"aligner.high_res_vision_proj": dense(out // 2, 4 * channels), "aligner.proj": dense(out, out)},
                     4 * channels),
    }


QWEN2 = Layer("input_layernorm", norm2="post_attention_layernorm", norm="rmsnorm", gated=True, bias=QKV, mlp_bias=False,
              names={})
TIMM = Layer("norm1", "attn", "norm2", fused="qkv",
             names={"qkv_proj": "qkv", "o_proj": "proj", **FC})


def vl2(model: Composite) -> Towers:
    """SigLIP with its pooling head, squares of four patches through a network, and separators."""
    config, eyes = model.config, model.part_as("vision_config", "deepseek_vl_v2_vision")
    eyes.read |= {"model_name"}
    depth = eyes.depth("layers") if "layers" in eyes.data else 27
    width, patch = eyes.integer("width", 1152), eyes.integer("patch_size", 14)
    inner, rows = int(width * eyes.number("mlp_ratio", 3.7362)), (eyes.integer("image_size", 384) // patch) ** 2
    count = eyes.dividing("heads", width) if "heads" in eyes.data else 16
    if not inner or not rows:
        raise eyes.error("patch_size" if inner else "mlp_ratio", "leaves no patch" if inner else "leaves no width")
    config.read |= {"candidate_resolutions", "global_view_pos"}
    config.note("what vision_config does not say is that of its class: SigLIP so400m, patches of 14, 384 pixels")
    modules: Parts = {
        "patch_embed.proj": conv(width, 3, patch, patch), "pos_embed": positioned(1, rows, width),
        "blocks": layers(depth), "norm": norm(width), "attn_pool.latent": vector(1, 1, width),
        "attn_pool.q": dense(width, width), "attn_pool.kv": dense(2 * width, width),
        "attn_pool.proj": dense(width, width), "attn_pool.norm": norm(width),
        "attn_pool.mlp.fc1": up(inner, width), "attn_pool.mlp.fc2": down(width, inner)}
    return {"vision": tower("vision", width, modules, {"layer": TIMM(width, count, inner)}, "vision"),
            "projector": tower("projector", width, _network(model, width), stream="image_tokens")}


def _network(model: Composite, width: int, front: str = "") -> Parts:
    """The projector a config describes, with the separators between pictures and their rows."""
    config = model.part("projector_config", "mlp_projector")
    config.read |= {"model_type", "token_pooling"}
    model.config.read.add("projector_config")
    out, into = config.integer("n_embed", model.text.hidden_size), config.integer("input_dim", width)
    kind = config.choice("projector_type", ("downsample_mlp_gelu", "mlp_gelu", "linear"), "downsample_mlp_gelu")
    at, inner = f"{front}projector.layers", out * config.integer("mlp_ratio", 1)
    join: Parts = {f"{front}view_seperator": vector(out), f"{front}image_newline": vector(out)}
    if kind == "linear":
        return join | {at: dense(out, into)}
    if kind == "downsample_mlp_gelu":
        into *= config.integer("downsample_ratio", 2) ** 2
    depth = config.depth("depth") if config.get("depth") is not None else 2
    between: Parts = {f"{at}.{2 * index}": dense(inner, inner) for index in range(1, depth - 1)}
    return join | {f"{at}.0": dense(inner, into), **between, f"{at}.{2 * (depth - 1)}": dense(out, inner)}


FINE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "mlp_dim": 3072, "image_size": 1024,
        "patch_size": 16, "output_channels": 256, "window_size": 14, "global_attn_indexes": [2, 5, 8, 11]}
READER = {"hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
          "intermediate_size": 4864}
"""SAM ViT-B and the layers of Qwen 2 0.5B, whose sizes the published classes state in code."""
SPELLED = {"patch_embed.projection": "patch_embed.proj", "layers": "blocks", "neck.conv1": "neck.0",
           "neck.layer_norm1": "neck.1", "neck.conv2": "neck.2", "neck.layer_norm2": "neck.3",
           "layer_norm1": "norm1", "layer_norm2": "norm2"}
"""The published files' names, of which the library makes its own (transformers conversion_mapping.py)."""


def _stated(sizes: dict[str, Any], model_type: str) -> Config:
    """The config of a tower whose sizes stand in code."""
    return Config(dict(sizes), family_of(model_type).data or FamilyData({}, {}, ()), model_type)


def _spelled(parts: Mapping[str, Component], front: str = "") -> Parts:
    return {front + SPELLED.get(key.removeprefix(front), key.removeprefix(front)): part for key, part in parts.items()}


def _fine(fine: Config, channels: Sequence[int]) -> Towers:
    """SAM's encoder, and two convolutions that leave a sixteenth of its patches."""
    sam, at, out = encoder(fine, "model.sam_model"), "model.sam_model", fine.integer("output_channels")
    blocks = {name: block.model_copy(update={"parts": _spelled(block.parts or {})})
              for name, block in sam.blocks.items()}
    fine_tower = sam.model_copy(update={"modules": _spelled(sam.modules, f"{at}."), "blocks": blocks})
    first, last = channels
    halved: Parts = {f"{at}.net_2": convolve(first, out, 3, 3, bias=False),
                     f"{at}.net_3": convolve(last, first, 3, 3, bias=False)}
    return {"fine": fine_tower, "halved": tower("vision", last, halved, stream="image")}


def _in_code(model: Composite, what: str) -> None:
    """Keys of published files that their class does not read, and what it states instead."""
    model.config.settings("vision_config", "image_size", "mlp_ratio", "model_name", "model_type", "width")
    model.config.read |= {"vision_config", "candidate_resolutions", "global_view_pos", "tile_tag"}
    model.config.note(f"the towers are those of its class: SAM ViT-B and {what}")


CLIP_JOINED = Layer(fused="qkv", names={"qkv_proj": "qkv_proj", **LAYER.names})


def ocr(model: Composite) -> Towers:
    """SAM's encoder, CLIP's large tower over what it gives, one matrix."""
    _in_code(model, "CLIP ViT-L")
    width = 1024
    modules: Parts = {
        "embeddings.class_embedding": embedded(width),
        "embeddings.patch_embedding": conv(width, 3, 14, 14, bias=False),
        "embeddings.position_embedding": table(257, width), "pre_layrnorm": norm(width),
        "transformer.layers": layers(24)}
    block = CLIP_JOINED(width, 16, 4096)
    return {**_fine(_stated(FINE, SAM), (512, width)),
            "vision": tower("vision", width, modules, {"layer": block}, "model.vision_model"),
            "projector": tower("projector", 2 * width, _network(model, 2 * width, "model."), stream="image_tokens")}


QUERIES = {"query_768": 12**2, "query_1024": 16**2}
"""Rows of learned queries for a picture of so many pixels a side."""


def _ocr2(fine: Config, reader: Config, join: Parts) -> Towers:
    """SAM's encoder, and layers of Qwen 2 whose queries read what it gives. arXiv:2601.20552."""
    width = reader.integer("hidden_size")
    modules: Parts = {"model.model.layers": layers(reader.layers), "model.model.norm": rms(width),
                      **{name: table(rows, width, "other_embedding") for name, rows in QUERIES.items()}}
    reader.read |= {"use_sliding_window", "sliding_window", "max_window_layers", "layer_types", "vocab_size"}
    block = QWEN2(width, heads(reader), reader.integer("intermediate_size"), kv_heads=reader.kv_heads)
    return {**_fine(fine, fine.listed("downsample_channels", int, 2) or (512, 896)),
            "vision": tower("vision", width, modules, {"layer": block}, "model.qwen2_model"),
            "projector": tower("projector", width, join, stream="image_tokens")}


def ocr2(model: Composite) -> Towers:
    """DeepSeek-OCR 2 as published."""
    _in_code(model, "24 layers of Qwen 2 0.5B")
    join = _network(model, READER["hidden_size"], "model.")
    del join["model.image_newline"]  # pictures are no longer cut into rows
    return _ocr2(_stated(FINE, FINE2), _stated(READER, "deepseek_ocr2_encoder"), join)


def ocr2_library(model: Composite) -> Towers:
    """DeepSeek-OCR 2 as the library's config describes it."""
    vision = model.part("vision_config", "deepseek_ocr2_vision")
    fine, reader = nested(vision, "sam_config", FINE2), nested(vision, "encoder_config", "deepseek_ocr2_encoder")
    out, width = model.text.hidden_size, reader.integer("hidden_size")
    ends = tower(None, out, {"model.view_seperator": vector(out)}, stream="image_tokens")
    return {**_ocr2(fine, reader, {"model.projector.layers": dense(out, width)}), "ends": ends}


def unlimited(model: Composite) -> Towers:
    """Unlimited-OCR: DeepSeek-OCR's towers, whose sizes its config says; the second has no patches of its own."""
    vision = model.part("vision_config", "unlimited_ocr_vision")
    fine = nested(vision, "sam_config", "unlimited_ocr_sam_vision_model")
    eyes = nested(vision, "encoder_config", "unlimited_ocr_vision_encoder")
    width, out = eyes.integer("hidden_size"), model.text.hidden_size
    channels = fine.listed("downsample_channels", int, 2) or (512, 1024)
    rows = (eyes.integer("image_size") // eyes.integer("patch_size")) ** 2 + 1
    eyes.read.add("num_channels")
    modules: Parts = {
        "embeddings.class_embedding": embedded(width),
        "embeddings.position_embedding": table(rows, width), "pre_layrnorm": norm(width),
        "transformer.layers": layers(eyes.layers)}
    block = CLIP_JOINED(width, heads(eyes), eyes.integer("intermediate_size"))
    into = channels[1] + width
    ends: Parts = {"model.view_seperator": vector(out)}
    return {**_fine(fine, channels), "vision": tower("vision", width, modules, {"layer": block}, "model.vision_model"),
            "rows": tower("vision", out, {"model.image_newline": vector(out)}, stream="image_tokens"),
            "projector": tower("projector", into, {"model.projector.layers": dense(out, into)}, stream="image_tokens"),
            "ends": tower(None, out, ends, stream="image_tokens")}
