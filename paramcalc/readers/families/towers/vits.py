"""Vision transformers of one class each that differ from SigLIP or CLIP in few parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV, QKVO
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.dino import two_thirds
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, mixed, tower
from paramcalc.readers.families.towers.geometry import entries, grid, grid_side, heads, sides
from paramcalc.readers.families.towers.parts import (
    ROTARY,
    conv,
    convolve,
    dense,
    down,
    embedded,
    norm,
    patched,
    positioned,
    rms,
    table,
    up,
)

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

RADIO = Layer("norm1", "attention", "norm2", scale1="layer_scale1.lambda1", scale2="layer_scale2.lambda1",
              names=FC)
STEP = Layer("layernorm_before", "self_attn", "layernorm_after", scale1="lambda_1", scale2="lambda_2")
MOLMO = Layer(names=FC)
OVIS = Layer("rms_norm1", "attention", "rms_norm2", "ffn", names={"o_proj": "out_proj"}, norm="rmsnorm", gated=True)
LFM = Layer("operator_norm", "self_attn", "ffn_norm", "feed_forward", norm="rmsnorm", bias=(), mlp_bias=False,
            qk_norm="head", gated=True,
            names={"o_proj": "out_proj", "gate_proj": "w1", "up_proj": "w3", "down_proj": "w2", "q_norm": "q_layernorm",
                   "k_norm": "k_layernorm"})


def video_llama(config: Config, at: str) -> Tower:
    """SigLIP with rotary positions in place of the table."""
    width = config.integer("hidden_size")
    modules: Parts = {"embeddings.patch_embedding": patched(config, width),
                      "positions": ROTARY, "encoder.layers": layers(config.layers), "post_layernorm": norm(width)}
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def minimax(config: Config, at: str) -> Tower:
    """CLIP's layers over patches of two frames, rotary positions, a norm before the layers only."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    kernel = (config.integer("temporal_patch_size"), patch, patch)
    modules: Parts = {"embeddings.proj": conv(width, config.integer("num_channels"), *kernel, bias=False),
                      "pre_layrnorm": norm(width), "positions": ROTARY, "layers": layers(config.layers)}
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def molmo2(config: Config, at: str) -> Tower:
    """Patches through one matrix; no norm after the layers."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    modules: Parts = {
        "positional_embedding": positioned(config.integer("num_position_embeddings"), width),
        "patch_embedding": dense(width, config.integer("num_channels", 3) * patch**2, component="other_embedding"),
        "layers": layers(config.layers)}
    block = MOLMO(width, config.integer("num_attention_heads"), config.integer("intermediate_size"),
                  kv_heads=config.kv_heads, head_dim=config.head_dim,
                  bias=QKVO if config.flag("attention_bias", default=True) else ())
    return tower("vision", width, modules, {"layer": block}, at)


def step(config: Config, at: str) -> Tower:
    """Step 3.5: learned scales, and two convolutions that each halve the sides."""
    width = config.integer("hidden_size")
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width, bias=False),
        "embeddings.position_embedding": table(grid(config), width),
        "pre_layernorm": norm(width), "positions": ROTARY, "layers": layers(config.layers),
        **fewer({"downsampler1": convolve(2 * width, width, 3, 3)}, 4),
        **fewer({"downsampler2": convolve(4 * width, 2 * width, 3, 3)}, 16)}
    block = STEP(width, heads(config), int(width * config.number("mlp_ratio")))
    return tower("vision", width, modules, {"layer": block}, at)


def radio(config: Config, at: str) -> Tower:
    """RADIO: one matrix embeds patches of pictures, another those of videos. arXiv:2312.06709."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    into, frames = config.integer("num_channels") * patch**2, config.optional("video_temporal_patch_size")
    side = config.integer("max_img_size") // patch
    modules: Parts = {
        "embeddings.position_embedding": positioned(1, side**2, width),
        "embeddings.cls_register_token": embedded(config.integer("num_cls_tokens", least=0)
                                                  + config.integer("num_registers", least=0), width),
        "embeddings.patch_projection": dense(width, into, bias=False, component="other_embedding")}
    if frames is not None:
        modules["embeddings.video_patch_projection"] = dense(width, into * frames, bias=False,
                                                             component="other_embedding")
    modules["encoder.layer"] = layers(config.layers)
    inner, gated = int(width * config.number("mlp_ratio")), config.flag("use_swiglu_ffn")
    block = RADIO(width, heads(config), two_thirds(inner) if gated else inner, gated=gated,
                  names={} if gated else RADIO.names, bias=QKVO if config.flag("qkv_bias", default=True) else ("o",))
    return tower("vision", width, modules, {"layer": block}, at)


def nemotron_omni(model: Composite) -> Towers:
    """Squares of patches, a norm, two matrices."""
    config, at = model.config, "multi_modal_projector"
    width = config.integer("vision_hidden_size", model.part("vision_config", "radio").integer("hidden_size"))
    into = width * int(1 / config.number("downsample_ratio")) ** 2
    inner = config.integer("projector_hidden_size")
    join: Parts = {f"{at}.layer_norm": rms(into), f"{at}.linear_1": up(inner, into, bias=False),
                   f"{at}.linear_2": down(model.text.hidden_size, inner, bias=False)}
    last: Towers = {}
    if model.part("text_config", "nemotron_h").integer("num_nextn_predict_layers", 0, least=0):
        last = model.join({"vision_final_layernorm": norm(width)}, width, "norm", stream="image", component="vision")
    return {**model.tower("vision_config", "vision_model", "radio"), **last, **model.join(join, into)}


def ovis2(config: Config, at: str) -> Tower:
    """AIMv2, and a head that gives each patch a share of each visual word. arXiv:2411.14402, arXiv:2405.20797."""
    width = config.integer("hidden_size")
    words = config.integer("vocab_size") - config.integer("num_visual_indicator_tokens", least=0)
    stride, front = config.integer("hidden_stride"), "transformer"
    modules: Parts = {
        f"{front}.embeddings.patch_embedding": patched(config, width),
        f"{front}.embeddings.position_embedding": table(grid(config),
                                                        width), f"{front}.embeddings.rms_norm": rms(width),
        f"{front}.encoder.layers": layers(config.layers), f"{front}.rms_norm": rms(width),
        **fewer({"head_linear": dense(words, width * stride**2, bias=False), "head_norm": norm(words)}, stride**2)}
    block = OVIS.of(config, mlp_bias=config.flag("mlp_bias"), bias=QKVO if config.flag("qkv_bias") else ())
    return tower("vision", width, modules, {"layer": block}, at)


def ovis2_towers(model: Composite) -> Towers:
    """A table of visual words."""
    rows = model.part("vision_config", "ovis2_vision").integer("vocab_size")
    width = model.config.integer("hidden_size", model.text.hidden_size)
    words: Parts = {"visual_embeddings_table": table(rows, width, "other_embedding")}
    return {**model.tower("vision_config", "vision_tower", "ovis2_vision"),
            **model.join(words, model.text.hidden_size, component="vision")}


def lfm3(config: Config, at: str) -> Tower:
    """LFM3's tower: short convolutions over an image beside attention."""
    width, patch, size = config.integer("hidden_size"), config.integer("patch_size"), config.integer("conv_kernel_size")
    into = patch**2 * config.integer("in_channels") * config.integer("temporal_patch_size", 1)
    kinds = entries(config, "layer_types", str, config.layers)
    modules: Parts = {"patchifier": dense(width, into, bias=False, component="other_embedding"),
                      "embedding_norm": rms(width), "positions": ROTARY, "layers": mixed(kinds)}
    attention = LFM.of(config, kv_heads=config.kv_heads)
    short: Parts = {
        "operator_norm": rms(width), "conv.in_proj": dense(3 * width, width, bias=False, component="state_mixer"),
        "conv.spatial_conv": conv(width, width, size, size, bias=False, groups=width, component="state_mixer"),
        "conv.out_proj": dense(width, width, bias=False, component="state_mixer"), "ffn_norm": rms(width),
        "feed_forward": FeedForward(intermediate_size=config.integer("intermediate_size"), names=LFM.names)}
    blocks = {"conv": short, "full_attention": attention}
    if strange := set(kinds) - set(blocks):
        raise config.error("layer_types", f"unknown value {min(strange)[:60]!r}", "known: conv, full_attention")
    return tower("vision", width, modules, {kind: blocks[kind] for kind in dict.fromkeys(kinds)}, at)


def lfm3_vl(model: Composite) -> Towers:
    """A norm, squares of patches, two matrices."""
    config, usual, at = model.config, "lfm3_vl_vision", "multi_modal_projector"
    vision = model.part("vision_config", usual)
    width, inner = vision.integer("hidden_size"), config.integer("projector_hidden_size")
    bias, side = config.flag("projector_bias", default=True), vision.integer("spatial_merge_size", 2)
    join: Parts = {f"{at}.layer_norm": norm(width), f"{at}.linear_1": up(inner, width * side**2, bias=bias),
                   f"{at}.linear_2": down(model.text.hidden_size, inner, bias=bias)}
    return {**model.tower("vision_config", "vision_tower", usual), **model.join(join, width)}


def qianfan(config: Config, at: str) -> Tower:
    """Qianfan-OCR: InternViT under other names, with a bias in each projection."""
    width, count = config.integer("hidden_size"), heads(config)
    high, wide = sides(config, "image_size")
    tall, broad = sides(config, "patch_size")
    modules: Parts = {
        "embeddings.cls_token": embedded(1, 1, width),
        "embeddings.patch_embeddings.projection": conv(width, config.integer("num_channels"), tall, broad),
        "layers": layers(config.layers)}
    if not config.flag("use_mean_pooling", default=True):
        modules["layernorm"] = norm(width)
    if config.flag("use_absolute_position_embeddings", default=True):
        modules["embeddings.position_embeddings"] = positioned(1, (high // tall) * (wide // broad) + 1, width)
    shape = Layer("layernorm_before", "attention", "layernorm_after", scale1="lambda_1", scale2="lambda_2",
                  names={"o_proj": "projection_layer", **FC},
                  bias=(*(QKV if config.flag("attention_bias", default=True) else ()), "o"),
                  qk_norm="full" if config.flag("use_qk_norm") else "none")
    return tower("vision", width, modules, {"layer": shape(width, count, config.integer("intermediate_size"))}, at)


def minicpm(config: Config, at: str) -> Tower:
    """SigLIP with a merger of windows after layer `insert_layer_id`."""
    width = config.integer("hidden_size")
    high, wide = sides(config, "window_kernel_size")
    joined, inner, merger = width * high * wide, config.integer("intermediate_size"), "vit_merger"
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width),
        "embeddings.position_embedding": table(grid_side(config) ** 2, width), "encoder.layers": layers(config.layers),
        "post_layernorm": norm(width), f"{merger}.self_attn": Layer().attend(heads(config)),
        f"{merger}.layer_norm1": norm(width), f"{merger}.pre_norm": norm(joined),
        f"{merger}.linear_1": up(inner * high * wide, joined), f"{merger}.linear_2": down(width,
                                                                                              inner * high * wide)}
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def minicpmv(model: Composite) -> Towers:
    """Squares of patches are normed and projected, `merger_times` times over."""
    vision = model.part("vision_config", f"{model.config.model_type}_vision")
    model.config.read.add("merge_kernel_size")
    width, times = vision.integer("hidden_size"), model.config.depth("merger_times")
    into = 4 * width  # as the class has it, whatever squares `merge_kernel_size` asks for
    join: Parts = {}
    for index in range(times):
        at, out = f"merger.mlp.{index}", width if index < times - 1 else model.text.hidden_size
        join |= {f"{at}.pre_norm": norm(into), f"{at}.linear_1": up(into, into, component="ffn"),
                 f"{at}.linear_2": down(out, into, component="ffn")}
    return {**model.tower("vision_config", "vision_tower", vision.model_type),
            **model.join(join, width, component=None)}
