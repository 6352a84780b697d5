"""The Qwen vision towers: patches of two frames, rotary positions of two dimensions, squares of patches merged.

Sources: arXiv:2409.12191 (Qwen2-VL), arXiv:2502.13923 (Qwen2.5-VL), arXiv:2511.21631 (Qwen3-VL: deep stacking).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC, FC_LONG
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, mixed, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import (
    ROTARY,
    conv,
    convolve,
    dense,
    down,
    norm,
    patched,
    rms,
    table,
    up,
    vector,
)

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

NAMES = {"qkv_proj": "qkv", "o_proj": "proj", **FC}
LAYER2 = Layer("norm1", "attn", "norm2", "mlp", names=NAMES, fused="qkv")
LAYER2_5 = Layer("norm1", "attn", "norm2", "mlp", names={"qkv_proj": "qkv", "o_proj": "proj"}, fused="qkv",
                 norm="rmsnorm", gated=True)
LAYER3 = Layer("norm1", "attn", "norm2", "mlp", fused="qkv",
               names={"qkv_proj": "qkv", "o_proj": "proj", "up_proj": "linear_fc1", "down_proj": "linear_fc2"})


def patches(config: Config, width: int, *, bias: bool = False) -> Parts:
    """What embeds squares of `temporal_patch_size` frames."""
    patch = config.integer("patch_size")
    kernel = (config.integer("temporal_patch_size", 2), patch, patch)
    return {"patch_embed.proj": conv(width, config.integer("in_channels", 3), *kernel, bias=bias), "positions": ROTARY}


def merged(config: Config) -> int:
    """Patches that become one token."""
    return config.integer("spatial_merge_size") ** 2


def _joined(config: Config, wide: int, out: int) -> Parts:
    """The merger's matrices on squares of patches."""
    parts: Parts = {"merger.mlp.0": up(wide, wide, component="ffn", activated=True),
                    "merger.mlp.2": down(out, wide, component="ffn")}
    return fewer(parts, merged(config))


def vision2(config: Config, at: str) -> Tower:
    """Qwen2-VL: `hidden_size` is the text model's, `embed_dim` its own."""
    width, out = config.integer("embed_dim"), config.integer("hidden_size")
    inner, wide = int(width * config.number("mlp_ratio")), width * merged(config)
    modules = patches(config, width) | {
        "blocks": layers(config.depth("depth")), "merger.ln_q": norm(width), **_joined(config, wide, out)}
    return tower("vision", width, modules, {"layer": LAYER2(width, heads(config, "num_heads", "embed_dim"), inner)}, at)


def vision2_5(config: Config, at: str) -> Tower:
    """Qwen2.5-VL: a gated feed-forward, and windows in all layers but those of `fullatt_block_indexes`."""
    width, out = config.integer("hidden_size"), config.integer("out_hidden_size")
    wide, depth = width * merged(config), config.depth("depth")
    everywhere = set(config.listed("fullatt_block_indexes", int) or ())
    modules = patches(config, width) | {
        "blocks": mixed(["whole" if index in everywhere else "window" for index in range(depth)]),
        "merger.ln_q": rms(width), **_joined(config, wide, out)}
    block = LAYER2_5(width, heads(config, "num_heads"), config.integer("intermediate_size"),
                     kv_heads=config.optional("num_key_value_heads"),
                     fused="none" if "omni" in config.model_type else "qkv",
                     names={**LAYER2_5.names, "q_proj": "q", "k_proj": "k", "v_proj": "v"})
    attention = block["attn"]
    assert isinstance(attention, Attention)  # noqa: S101 - for the type checker
    side = config.integer("window_size") // config.integer("patch_size")
    windowed = block | {"attn": attention.model_copy(update={"chunk": max(1, side * side)})}
    return tower("vision", width, modules, {"whole": block, "window": windowed}, at)


def vision3(config: Config, at: str) -> Tower:
    """Qwen3-VL: learned positions too, and mergers of some inner layers, whose tokens the text model adds."""
    width, out = config.integer("hidden_size"), config.integer("out_hidden_size")
    wide = width * merged(config)
    taps = config.listed("deepstack_visual_indexes", int) or []
    modules = patches(config, width, bias=True)
    modules["pos_embed"] = table(config.integer("num_position_embeddings"), width)
    omni = "omni" in config.model_type
    first, list_at, merge = ("ln_q", "merger_list", _sequence) if omni else ("norm", "deepstack_merger_list", _merger)
    modules |= {"blocks": layers(config.depth("depth")), f"merger.{first}": norm(width)}
    modules |= fewer(merge("merger", wide, out), merged(config))
    for index in range(len(taps)):
        tap = f"{list_at}.{index}"
        modules |= fewer({f"{tap}.{first}": norm(wide)} | merge(tap, wide, out), merged(config))
    block = LAYER3(width, heads(config, "num_heads"), config.integer("intermediate_size"))
    return tower("vision", width, modules, {"layer": block}, at)


def _merger(at: str, wide: int, out: int) -> Parts:
    return {f"{at}.linear_fc1": up(wide, wide, activated=True), f"{at}.linear_fc2": down(out, wide)}


def _sequence(at: str, wide: int, out: int) -> Parts:
    return {f"{at}.mlp.0": up(wide, wide, activated=True), f"{at}.mlp.2": down(out, wide)}


def qwen_vl(model: Composite) -> Towers:
    """The merger is part of the tower."""
    kind = {"qwen2_vl": "qwen2_vl_vision", "qwen2_5_vl": "qwen2_5_vl_vision"}.get(model.config.model_type,
                                                                                  f"{model.config.model_type}_vision")
    return model.tower("vision_config", "visual", kind)


HUNYUAN = Layer("input_layernorm", "self_attn", "post_attention_layernorm", "mlp",
                names=FC_LONG)


def hunyuan_vision(config: Config, at: str) -> Tower:
    """HunyuanOCR and its kin: squares of patches through two convolutions and a matrix, borders of pictures as vectors.

    Names are the published files', of which the library makes its own (transformers conversion_mapping.py, hunyuan_vl).
    """
    width, out, side = config.integer("hidden_size"), config.integer("text_hidden_size"), config.integer("patch_size")
    rows = (config.integer("max_image_size") // side) ** 2 + 1
    merge, wide = config.integer("spatial_merge_size"), 4 * width
    config.read |= {"out_hidden_size", "num_key_value_heads", "img_max_token_num", "max_vit_seq_len", "min_image_size",
                    "temporal_patch_size", "interpolate_mode"}
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width),
        "embeddings.position_embedding": table(rows, width), "layers": layers(config.layers),
        "perceive.before_rms": rms(width)}
    modules |= fewer({
        "perceive.proj.0": conv(2 * width, width, merge, merge, component="other", inputs=merge**2, activated=True),
        "perceive.proj.2": convolve(wide, 2 * width, 1, 1),
        "perceive.image_newline": vector(wide), "perceive.mlp": dense(out, wide, component="ffn"),
        **{f"perceive.image_{name}": vector(out) for name in ("begin", "end", "sep")},
        "perceive.after_rms": rms(out)}, merge**2)
    block = HUNYUAN.of(config)
    return tower("vision", width, modules, {"layer": block}, at)


def hunyuan_vl(model: Composite) -> Towers:
    """The class gives its tower the text model's width."""
    return model.tower("vision_config", "vit", "hunyuan_vl_vision", {"text_hidden_size": model.text.hidden_size})


def hunyuan_vision4(config: Config, at: str) -> Tower:
    """Hunyuan 4's: as above, the last convolution leading to the text model. Names are the published files'."""
    width, out, side = config.integer("hidden_size"), config.integer("out_hidden_size"), config.integer("patch_size")
    merge = config.integer("spatial_merge_size")
    wide = width * merge**2
    config.read |= {"num_key_value_heads", "interpolate_mode"}
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width),
        "embeddings.position_embedding": table((config.integer("max_image_size") // side) ** 2 + 1, width),
        "layers": layers(config.layers), "perceive.norm": rms(width)}
    modules |= fewer({
        "perceive.proj.0": conv(wide, width, merge, merge, component="other", inputs=merge**2, activated=True),
        "perceive.proj.2": convolve(out, wide, 1, 1), "perceive.image_newline": vector(out)}, merge**2)
    block = HUNYUAN.of(config)
    return tower("vision", width, modules, {"layer": block}, at)


def hunyuan4(model: Composite) -> Towers:
    """The merger is part of the tower."""
    return model.tower("vision_config", "vit", "hy_v4_vl_vision")
