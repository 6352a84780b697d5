"""Pixtral's vision tower and Mistral 3's patch merger. arXiv:2410.07073."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families.towers.frame import Layer, layers, projector, tower
from paramcalc.readers.families.towers.llava import two_matrices, width_of
from paramcalc.readers.families.towers.parts import ROTARY, convolve, dense, rms

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

LAYER = Layer("attention_norm", "attention", "ffn_norm", "feed_forward", names={}, norm="rmsnorm", bias=(),
              mlp_bias=False, gated=True)


def vision(config: Config, at: str) -> Tower:
    """A Llama over patches, with rotary positions of two dimensions."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    modules: Parts = {"patch_conv": convolve(width, config.integer("num_channels"), patch, patch, bias=False),
                      "ln_pre": rms(width), "positions": ROTARY, "transformer.layers": layers(config.layers)}
    block = LAYER.of(config)
    return tower("vision", width, modules, {"layer": block}, at)


def mistral3(model: Composite) -> Towers:
    """Patches are normed, joined in squares, and projected twice."""
    config, at = model.config, "multi_modal_projector"
    width = model.part("vision_config", "pixtral").integer("hidden_size")
    factor = config.integer("spatial_merge_size")
    join: Parts = {f"{at}.norm": rms(width).model_copy(update={"uses": factor**2}),
                   f"{at}.patch_merger.merging_layer": dense(width, width * factor**2, bias=False)}
    return {**model.tower("vision_config", "vision_tower", "pixtral"),
            **model.join(join | two_matrices(model, width_of(model, "pixtral")), width)}


ORIGINAL = {"q_proj": "wq", "k_proj": "wk", "v_proj": "wv", "o_proj": "wo", "gate_proj": "w1", "down_proj": "w2",
            "up_proj": "w3"}
PATCH_MERGE = "patch_merge"
ARGUMENTS = {"num_channels": 3, "adapter_bias": True, "spatial_merge_size": 1, "mm_projector_id": "",
             "add_pre_mm_projector_layer_norm": False}
"""What silent files mean: vLLM model_executor/models/pixtral.py, VisionEncoderArgs."""


def original(outer: Config, out: int) -> Towers:
    """The tower of Mistral's own files, and what leads from it to a text model `out` wide, under their names."""
    args = outer.get("vision_encoder")
    if type(args) is not dict:
        raise outer.expected("vision_encoder", "a mapping")
    config = outer.part("vision_encoder", args, FamilyData(ARGUMENTS, {}, ()), "pixtral")
    config.read |= {"image_size", "max_image_size", "rope_theta", "image_token_id", "image_break_token_id",
                    "image_end_token_id"}
    pixtral = vision(config, "vision_encoder")
    blocks = {name: block.model_copy(update={"parts": {
        key: part.model_copy(update={"names": ORIGINAL}) if isinstance(part, (Attention, FeedForward)) else part
        for key, part in (block.parts or {}).items()}}) for name, block in pixtral.blocks.items()}
    width, bias = config.integer("hidden_size"), config.flag("adapter_bias")
    join: Parts = {}
    if config.flag("add_pre_mm_projector_layer_norm"):
        join["pre_mm_projector_norm"] = rms(width)
    if config.text("mm_projector_id") == PATCH_MERGE:
        wide = width * config.integer("spatial_merge_size") ** 2
        join["patch_merger.merging_layer"] = dense(width, wide, bias=False)
    join |= {"vision_language_adapter.w_in": dense(out, width, bias=bias, activated=True),
             "vision_language_adapter.w_out": dense(out, out, bias=bias)}
    return {"vision": pixtral.model_copy(update={"blocks": blocks}), "projector": projector(join, width)}
