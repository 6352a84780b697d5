"""Whole models whose tower is a known one: only what joins it to the text model differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.llava import AT, CLIP, two_matrices, width_of
from paramcalc.readers.families.towers.parts import dense, down, matrix, norm, rms, up, vector

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.composite import Composite, Towers

SIGLIP, SIGLIP2 = "siglip_vision_model", "siglip2_vision_model"


def aria(model: Composite) -> Towers:
    """Learned queries attend to the patches, as many as a picture needs. arXiv:2410.05993."""
    usual, out = "idefics3_vision", model.text.hidden_size
    vision = model.part("vision_config", usual)
    width, cross = vision.integer("hidden_size"), f"{AT}.cross_attn"
    queries = model.config.integer("max_value_projector_patch_to_query_dict", _most(model))
    join: Parts = {
        f"{AT}.query": vector(queries, width),
        **{f"{cross}.{name}_proj": dense(width, width, bias=False, component="attention") for name in "qkv"},
        f"{cross}.multihead_attn.in_proj_weight": matrix(3 * width, width, component="attention"),
        f"{cross}.multihead_attn.in_proj_bias": vector(3 * width, component="attention"),
        f"{cross}.multihead_attn.out_proj": dense(width, width, component="attention"),
        f"{cross}.linear": dense(width, width, component="attention"),
        f"{cross}.layer_norm": norm(width), f"{cross}.layer_norm_kv": norm(width), f"{AT}.layer_norm": norm(width),
        f"{AT}.feed_forward.linear_in": up(out, width, bias=False, component="ffn"),
        f"{AT}.feed_forward.linear_out": down(out, out, bias=False, component="ffn"),
    }
    return {**model.tower("vision_config", "vision_tower", usual), **model.join(join, width)}


def _most(model: Composite) -> int:
    """The most queries of `projector_patch_to_query_dict`, where the sum is not said apart."""
    pairs = model.config.get("projector_patch_to_query_dict")
    counts = [count for count in pairs.values() if type(count) is int] if isinstance(pairs, dict) else []
    return max(counts, default=256)


def cohere2_vision(model: Composite) -> Towers:
    """Squares of patches through a gated feed-forward."""
    inner = model.config.integer("alignment_intermediate_size")
    width = model.part("vision_config", SIGLIP).integer("hidden_size") * model.config.integer("downsample_factor") ** 2
    join: Parts = {f"{AT}.linear_1": up(inner, width), f"{AT}.linear_2": down(model.text.hidden_size, inner // 2)}
    return {**model.tower("vision_config", "vision_tower", SIGLIP), **model.join(join, width)}


def aya_vision(model: Composite) -> Towers:
    """The same, with a norm. arXiv:2505.08751."""
    inner = model.config.integer("alignment_intermediate_size", model.text.hidden_size)
    width = model.part("vision_config", SIGLIP).integer("hidden_size") * model.config.integer("downsample_factor") ** 2
    join: Parts = {f"{AT}.layernorm": norm(width), f"{AT}.linear_1": up(inner, width),
                   f"{AT}.linear_2": down(model.text.hidden_size, inner // 2)}
    return {**model.tower("vision_config", "vision_tower", SIGLIP), **model.join(join, width)}


def cosmos3_edge(model: Composite) -> Towers:
    """Squares of patches, two matrices."""
    usual, inner = "cosmos3_edge_vision", model.config.integer("projector_hidden_size")
    vision = model.part("vision_config", usual)
    width, side = vision.integer("hidden_size"), vision.integer("spatial_merge_size")
    join: Parts = {"projector.norm": norm(width), "projector.linear_fc1": up(inner, width * side**2),
                   "projector.linear_fc2": down(model.text.hidden_size, inner)}
    return {**model.tower("vision_config", "visual", usual), **model.join(join, width)}


def lfm2_vl(model: Composite) -> Towers:
    """Squares of patches, a norm if the config wants it, two matrices."""
    bias, inner = model.config.flag("projector_bias", default=True), model.config.integer("projector_hidden_size")
    width = model.part("vision_config", SIGLIP2).integer("hidden_size") * model.config.integer("downsample_factor") ** 2
    join: Parts = {f"{AT}.layer_norm": norm(width)} if model.config.flag("projector_use_layernorm",
                                                                         default=True) else {}
    join |= {f"{AT}.linear_1": up(inner, width, bias=bias),
             f"{AT}.linear_2": down(model.text.hidden_size, inner, bias=bias)}
    return {**model.tower("vision_config", "vision_tower", SIGLIP2), **model.join(join, width)}


def lighton_ocr(model: Composite) -> Towers:
    """As Mistral 3's, under names of its own."""
    width, out = model.part("vision_config", "pixtral").integer("hidden_size"), model.text.hidden_size
    side, at = model.config.integer("spatial_merge_size"), "vision_projection"
    join: Parts = {f"{at}.norm": rms(width).model_copy(update={"uses": side**2}),
                   f"{at}.patch_merger.merging_layer": dense(width, width * side**2, bias=False),
                   f"{at}.linear_1": up(out, width, bias=False), f"{at}.linear_2": down(out, out, bias=False)}
    return {**model.tower("vision_config", "vision_encoder", "pixtral"), **model.join(join, width, component="vision")}


def hyperclovax(model: Composite) -> Towers:
    """One matrix on what Qwen2.5-VL's tower merged."""
    usual = "qwen2_5_vl_vision"
    into = model.part("vision_config", usual).integer("out_hidden_size")
    return {**model.tower("vision_config", "vision_model", usual),
            **model.join({"vision_projector": dense(model.text.hidden_size, into)}, into)}


def video_llama(model: Composite) -> Towers:
    """Two matrices. arXiv:2501.13106."""
    usual, out = "video_llama_3_vision", model.text.hidden_size
    width = model.part("vision_config", usual).integer("hidden_size")
    join: Parts = {"projector.readout.0": dense(out, width), "projector.readout.2": dense(out, out)}
    return {**model.tower("vision_config", "vision_model", usual), **model.join(join, width)}


def video_llava(model: Composite) -> Towers:
    """A tower for pictures and one for videos, alike. arXiv:2311.10122."""
    into = width_of(model)
    video = model.tower("vision_config", "video_tower", CLIP)
    return {"video": video["vision"].model_copy(update={"component": None}),
            "image": model.tower("vision_config", "image_tower", CLIP)["vision"],
            **model.join(two_matrices(model, into), into)}


def paddle(model: Composite) -> Towers:
    """Squares of patches, a norm, two matrices. arXiv:2510.14528."""
    usual = "paddleocr_vl_vision"
    vision = model.part("vision_config", usual)
    width = vision.integer("hidden_size")
    into = width * vision.integer("spatial_merge_size") ** 2
    join: Parts = {"mlp_AR.pre_norm": norm(width), "mlp_AR.linear_1": up(into, into, activated=True),
                   "mlp_AR.linear_2": down(model.text.hidden_size, into)}
    return {**model.tower("vision_config", "visual.vision_model", usual), **model.join(join, width)}


def minimax(model: Composite) -> Towers:
    """Each patch is projected to the text model's width, then squares of them."""
    usual, out = "minimax_m3_vl_vision", model.text.hidden_size
    config, vision = model.config, model.part("vision_config", usual)
    width, inner = vision.integer("hidden_size"), config.integer("projector_hidden_size")
    merged = config.integer("merged_hidden_size", out * vision.integer("spatial_merge_size") ** 2)
    each: Parts = {f"{AT}.linear_1": up(inner, width), f"{AT}.linear_2": down(out, inner)}
    join: Parts = {f"{AT}.merge_linear_1": up(inner, merged), f"{AT}.merge_linear_2": down(out, inner)}
    return {**model.tower("vision_config", "vision_tower", usual), **model.join(each, width, "patches", stream="image"),
            **model.join(join, width)}


def molmo2(model: Composite) -> Towers:
    """Patches of two layers, pooled by attention, through a gated feed-forward."""
    config = model.part("adapter_config", "molmo2_adapter")
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    layers = config.get("vision_feature_layer", config.get("vit_layers"))
    into, bias = width * (len(layers) if isinstance(layers, list) else 1), config.flag("mlp_bias")
    biased = QKVO if config.flag("attention_bias", default=True) else ()
    attend = Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                       head_dim=config.integer("head_dim"), bias=biased,
                       output_size=width, causal=False, hidden_size=into)
    at = f"{AT}.image_projector"
    join: Parts = {f"{AT}.image_pooling_2d": attend, f"{at}.gate_proj": up(inner, width, bias=bias),
                   f"{at}.up_proj": up(inner, width, bias=bias),
                   f"{at}.down_proj": down(config.integer("text_hidden_size"), inner, bias=False)}
    return {**model.tower("vision_config", "vision_tower", "molmo2_vision"), **model.join(join, width)}


def step3p7(model: Composite) -> Towers:
    """One matrix on what the tower's convolutions left."""
    width = 4 * model.part("vision_config", "step3p5_vision").integer("hidden_size")
    return {**model.tower("vision_config", "vision_model", "step3p5_vision"),
            **model.join({AT: dense(model.text.hidden_size, width, bias=model.config.flag("projector_bias"))}, width)}


def fuyu(model: Composite) -> Towers:
    """No tower: patches go through one matrix of the composite class itself."""
    config = model.config
    into = config.integer("patch_size") ** 2 * config.integer("num_channels")
    return model.join({"vision_embed_tokens": dense(model.text.hidden_size, into)}, into, component="vision")
