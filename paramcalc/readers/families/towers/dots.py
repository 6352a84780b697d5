"""dots3.note: a vision transformer whose later layers have ever more experts, and an encoder of sound; and dots.ocr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, QVO
from paramcalc.components.base import Parts
from paramcalc.components.linear import Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import own_layers
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, mixed, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import ROTARY, conv, dense, down, norm, patched, rms, up

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

EXPERTS = ("num_local_experts", "num_experts_per_tok")
PYRAMID = (*[-1] * 25, *range(4, 65, 4), 64)
"""Experts of each layer, fewer than one where it is dense, where neither `pyramid_num_routed` nor `mlp_layer_types`
says them."""
LAYER = Layer("norm1", "attn", "norm2", "mlp", fused="qkv", norm="rmsnorm", qk_norm="head", gated=True, bias=(),
              names={"qkv_proj": "qkv", "o_proj": "proj"})
SOUND = Layer("input_layernorm", "self_attn", "post_attention_layernorm", "mlp", norm="rmsnorm", gated=True,
              fused_gate=True, names={})


def _experts(config: Config) -> list[int]:
    """Experts of each layer, 0 where it is dense. The config's pyramid goes before its words, and `per_layer_config`
    before the numbers of either. Raises SpecError for another number of entries than layers."""
    own, pyramid = own_layers(config, EXPERTS), config.listed("pyramid_num_routed", int, config.layers)
    words = config.listed("mlp_layer_types", str, config.layers)
    numbered = (pyramid is not None or words is None) and config.get("per_layer_config") is None
    if pyramid is None and words is None:
        if config.layers > len(PYRAMID) or (numbered and config.layers < len(PYRAMID)):
            raise config.error("num_hidden_layers", f"expected {len(PYRAMID)} layers where mlp_layer_types is not "
                               f"given, found {config.layers:,}", "give mlp_layer_types", code=LAYERS)
        pyramid = list(PYRAMID[: config.layers])
    usual = pyramid if pyramid and numbered else [config.integer(EXPERTS[0])] * config.layers
    sparse = [count > 0 for count in pyramid] if pyramid is not None else [word == "sparse" for word in words or ()]
    return [own.get(index, {}).get(EXPERTS[0], usual[index]) if here else 0 for index, here in enumerate(sparse)]


def _visited(config: Config, index: int, experts: int) -> int:
    """Experts of one layer that a patch visits."""
    own = own_layers(config, EXPERTS).get(index, {})
    return min(experts, own.get(EXPERTS[1]) or config.integer(EXPERTS[1], 2))


def _bias(config: Config) -> tuple[Projection, ...]:
    return QKVO if config.flag("attention_bias") else ()


def _sparse(config: Config, width: int, experts: int, top: int) -> Parts:
    parts = LAYER(width, heads(config), 1, mlp="", bias=_bias(config))
    parts["mlp"] = MixtureOfExperts(experts=experts, top_k=top, layout="stacked", stacked_transposed=False, fused=True,
                                    intermediate_size=config.integer("moe_intermediate_size"),
                                    names={"router": "gate"})
    return parts | {"mlp.e_score_correction_bias": Parameter(shape=(experts,), buffer=True)}


def vision(config: Config, at: str) -> Tower:
    """The tower with its merger."""
    width, side = config.integer("hidden_size"), config.integer(
        "adapter_merge_size")
    names, blocks = [], dict[str, Parts]()
    for index, experts in enumerate(_experts(config)):
        top = _visited(config, index, experts)
        names.append(name := f"sparse{experts}_{top}" if experts else "dense")
        if name not in blocks:
            dense_layer = LAYER.of(config, mlp_bias=config.flag("mlp_bias"), bias=_bias(config))
            blocks[name] = _sparse(config, width, experts, top) if experts else dense_layer
    wide, out = config.integer("adapter_in_dim") * side**2, config.integer("adapter_out_dim")
    modules: Parts = {
        "patch_embed.proj": patched(config, width), "patch_embed.norm": rms(width),
        "positions": ROTARY, "blocks": mixed(names), "merger.ln_q": norm(config.integer("adapter_in_dim")),
        "merger.mlp.0": up(wide, wide, component="ffn"), "merger.mlp.2": down(out, wide, component="ffn"),
        "norm": rms(width)}
    return tower("vision", width, modules, blocks, at)


def sound(config: Config, at: str) -> Tower:
    """The encoder of sound: three convolutions over time and frequency, and an adapter."""
    width, middle, stem = config.integer("hidden_size"), config.integer("downsample_hidden_size"), "conv_stem"
    bins, into, out = (config.integer("feature_size") + 7) // 8, config.integer("adapter_input_size"), config.integer(
        "adapter_out_dim")
    flattened = config.integer("conv_output_size", middle * bins)  # the class works it out, and takes a file's word
    modules: Parts = {f"{stem}.convs.{index}": conv(middle, middle if index else 1, 3, 3, component="other",
                                                    outputs=bins * 16 // 4**index) for index in range(3)}
    modules |= {f"{stem}.conv_out": dense(width, flattened, bias=False), "positions": ROTARY,
                "layers": layers(config.layers), "layer_norm": rms(width), "adapter.norm": norm(into),
                "adapter.fc1": up(out, into), "adapter.fc2": down(out, out)}
    block = SOUND(width, config.integer("num_attention_heads"), config.integer("intermediate_size"),
                  head_dim=config.head_dim, kv_heads=config.kv_heads,
                  bias=QVO if config.flag("attention_bias", default=True) else ())
    return tower("audio", width, modules, {"layer": block}, at)


def dots3(model: Composite) -> Towers:
    """Both towers end in the text model's width themselves."""
    return {**model.tower("vision_config", "vision_tower", "dots3_note_vision_encoder"),
            **model.tower("audio_config", "audio_tower", "dots3_note_audio_encoder")}


OCR = Layer("norm1", "attn", "norm2", "mlp", fused="qkv", norm="rmsnorm", gated=True,
            names={"qkv_proj": "qkv", "o_proj": "proj", "gate_proj": "fc1", "up_proj": "fc3", "down_proj": "fc2"})


def ocr_vision(config: Config, at: str) -> Tower:
    """dots.ocr's: no table of positions, squares of patches merged as Qwen2-VL's are."""
    width, out = config.integer("embed_dim"), config.integer("hidden_size")
    config.read |= {"temporal_patch_size", "init_merger_std", "is_causal", "gradient_checkpointing"}
    square = config.integer("spatial_merge_size") ** 2
    wide, biased = width * square, config.flag("use_bias")
    modules: Parts = {
        "patch_embed.patchifier.proj": patched(config, width),
        "patch_embed.patchifier.norm": rms(width), "positions": ROTARY, "blocks": layers(config.layers)}
    if config.flag("post_norm"):
        modules["post_trunk_norm"] = rms(width)
    modules |= {"merger.ln_q": norm(width), **fewer({"merger.mlp.0": up(wide, wide, activated=True),
                                                     "merger.mlp.2": down(out, wide)}, square)}
    block = OCR(width, heads(config, "num_attention_heads", "embed_dim"), config.integer("intermediate_size"),
                bias=QKVO if biased else (), mlp_bias=biased)
    return tower("vision", width, modules, {"layer": block}, at)


def ocr(model: Composite) -> Towers:
    """The merger is part of the tower."""
    model.config.read |= {"attention_bias", "image_token_id", "video_token_id"}  # Qwen 2 has its biases anyhow
    return {"vision": ocr_vision(model.part_as("vision_config", "dots_vit"), "vision_tower")}
