"""MoonViT, Kimi's vision tower, and its projector. arXiv:2504.07491."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import sides
from paramcalc.readers.families.towers.parts import ROTARY, conv, down, norm, positioned, rms, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

ATTENTION = "attention"
LAYER3 = Layer("norm0", ATTENTION, "norm1", norm="rmsnorm", fused="qkv",
               names={"qkv_proj": "wqkv", "o_proj": "wo", "up_proj": "fc0", "down_proj": "fc1"})
LAYER1 = replace(LAYER3, norm="layernorm")
LAYER = Layer("norm1", "attn", "norm2", "mlp", names={"o_proj": "proj", **FC})


def vision(config: Config, at: str) -> Tower:
    """Kimi K2.5: a table of positions that is resized, and rotary ones beside it."""
    width = config.integer("hidden_size")
    config.choice("pos_emb_type", ("divided_fixed",), "divided_fixed")
    config.read |= {"merge_type", "video_attn_type", "projector_ln_eps"}
    high, wide = config.integer("pos_emb_height"), config.integer("pos_emb_width")
    modules: Parts = {
        "patch_embed.proj": conv(width, 3, *sides(config, "patch_size")),
        "patch_embed.pos_emb.position_embeddings": positioned(high, wide, width),
        "positions": ROTARY, "layers": layers(config.layers), "final_layernorm": norm(width),
    }
    return tower("vision", width, modules, {"layer": LAYER.of(config)}, at)


def kimi_k25(model: Composite) -> Towers:
    """Squares of patches are normed, joined and projected twice."""
    vision = model.part("vision_config", "kimi_k25_vision")
    vision.choice("mm_projector_type", ("patchmerger",), "patchmerger")
    high, wide = sides(vision, "merge_kernel_size")
    width = vision.integer("mm_hidden_size", vision.integer("hidden_size"))  # published files say both widths again
    into, out = width * high * wide, vision.integer("text_hidden_size", model.text.hidden_size)
    join: Parts = {"mm_projector.pre_norm": norm(model.config.integer("projection_hidden_size")),
                   "mm_projector.in_proj": up(into, into, activated=True), "mm_projector.out_proj": down(out, into)}
    return {**model.tower("vision_config", "vision_tower", "kimi_k25_vision"), **model.join(join, into)}


def moonvit(config: Config, at: str) -> Tower:
    """Kimi-VL, MoonViT as it was first published: q, k and v as one matrix. moonshotai/Kimi-VL-A3B-Instruct
    modeling_kimi_vl.py."""
    width = config.integer("hidden_size")
    high, wide = config.integer("init_pos_emb_height"), config.integer("init_pos_emb_width")
    block = LAYER1(width, config.integer("num_attention_heads"), config.integer("intermediate_size"))
    block[ATTENTION] = block[ATTENTION].model_copy(update={"path": ""})
    modules: Parts = {
        "patch_embed.proj": conv(width, 3, *sides(config, "patch_size")),
        "patch_embed.pos_emb.weight": positioned(high, wide, width),
        "positions": ROTARY, "encoder.blocks": layers(config.layers), "encoder.final_layernorm": norm(width),
    }
    return tower("vision", width, modules, {"layer": block}, at)


def kimi_vl(model: Composite) -> Towers:
    """A norm, squares of patches joined and projected twice."""
    vision = model.part("vision_config", "moonvit")
    width = vision.integer("hidden_size")
    high, wide = sides(vision, "merge_kernel_size")
    into, out, at = width * high * wide, model.text.hidden_size, "multi_modal_projector"
    join: Parts = {f"{at}.pre_norm": norm(width), f"{at}.linear_1": up(into, into, activated=True),
                   f"{at}.linear_2": down(out, into)}
    return {**model.tower("vision_config", "vision_tower", "moonvit"), **model.join(join, into)}


def vision3(config: Config, at: str) -> Tower:
    """Kimi K3: RMSNorms, one matrix for queries, keys and values of a width of their own, biases where it says so.

    Source: the headers of moonshotai/Kimi-K3.
    """
    width, count = config.integer("hidden_size"), config.integer("num_attention_heads")
    config.read |= {"activation_func", "pos_emb_interpolation_mode", "init_pos_emb_time"}
    for key, value in (("norm_type", "rmsnorm"), ("pos_emb_type", "divided_fixed"), ("mlp_type", "mlp2")):
        config.choice(key, (value,), value)
    high, wide = config.integer("pos_emb_height"), config.integer("pos_emb_width")
    block = LAYER3(width, count, config.integer("intermediate_size"), mlp_bias=config.flag("linear_bias"),
                   head_dim=config.integer("qkv_hidden_size") // count, bias=QKVO if config.flag("attn_bias") else ())
    block[ATTENTION] = block[ATTENTION].model_copy(update={"path": ""})
    modules: Parts = {
        "patch_embed.proj": conv(width, 3, *sides(config, "patch_size"), bias=config.flag("patch_embed_proj_bias")),
        "patch_embed.pos_emb.weight": positioned(high, wide, width),
        "positions": ROTARY, "encoder.blocks": layers(config.layers), "encoder.final_layernorm": rms(width),
    }
    return tower("vision", width, modules, {"layer": block}, at)


def kimi_k3(model: Composite) -> Towers:
    """Squares of patches are joined and projected twice, then normed."""
    vision = model.part("vision_config", "kimi_k3_vision")
    vision.read |= {"merge_type", "projector_hidden_act", "projector_ln_eps"}
    vision.choice("mm_projector_type", ("patchmergerv2",), "patchmergerv2")
    high, wide = sides(vision, "merge_kernel_size")
    into = vision.integer("mm_hidden_size") * high * wide
    out = vision.integer("text_hidden_size", model.text.hidden_size)
    join: Parts = {"mm_projector.proj.0": up(into, into, bias=False, activated=True),
                   "mm_projector.proj.2": down(out, into, bias=False), "mm_projector.post_norm": rms(out)}
    return {**model.tower("vision_config", "vision_tower", "kimi_k3_vision"), **model.join(join, into)}
