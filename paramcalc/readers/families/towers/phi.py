"""Phi-4-multimodal: a SigLIP and a conformer, each with projections of its own into Phi-3's text. arXiv:2503.01743."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.config.config import Config
from paramcalc.readers.families import family_of
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import layers, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import conv, dense, embedded, norm, table, vector
from paramcalc.readers.families.towers.siglip import vision

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

AT = "model.embed_tokens_extend"


def audio(config: Config, at: str) -> Tower:
    """The conformer: frames eight times fewer by separable convolutions, a bias for each distance."""
    width, out = config.integer("hidden_size"), config.integer("ext_pw_out_channel")
    size = config.integer("kernel_size")
    channels, separable = config.integer("nemo_conv_channels"), config.integer("depthwise_separable_out_channel")
    times, bins = config.integer("time_reduction").bit_length() - 1, config.integer("input_size")
    for _ in range(times):
        bins = (bins - 1) // 2 + 1
    bins = config.optional("nemo_final_size") or bins
    modules: Parts = {"embed.conv.0": conv(channels, 1, 3, 3)}
    for index in range(1, times):
        modules |= {f"embed.conv.{3 * index - 1}": conv(channels, channels, 3, 3, groups=channels),
                    f"embed.conv.{3 * index}": conv(channels, channels, 1, 1)}
    distances = config.integer("bias_max_distance") * (1 if config.flag("bias_symmetric") else 2)
    modules |= {"embed.out": dense(width, channels * bins, component="other_embedding"),
                "relative_attention_bias_layer.bias_values": table(distances, config.integer("num_attention_heads")),
                "encoders": layers(config.depth("num_blocks"))}
    feed = FeedForward(intermediate_size=config.integer("intermediate_size"), fused=True, bias=True)
    wide = width * config.integer("depthwise_multiplier")
    block: Parts = {
        "feed_forward_in.layer_norm": norm(width), "feed_forward_in": feed, "layer_norm_att": norm(width),
        "self_attn": Attention(num_heads=heads(config), bias=QKVO, causal=False),
        "conv.layer_norm": norm(width), "conv.glu.ext_pw_conv_1d": conv(2 * out, width, 1),
        "conv.glu.b1": vector(1, out, 1), "conv.glu.b2": vector(1, out, 1),
        "conv.dw_sep_conv_1d.dw_conv": conv(wide, width, size, groups=width),
        "conv.dw_sep_conv_1d.pw_conv": conv(separable, wide, 1), "conv.ext_pw_conv_1d": conv(out, width, 1),
        "feed_forward_out.layer_norm": norm(width), "feed_forward_out": feed, "layer_norm": norm(width)}
    return tower("audio", width, modules, {"layer": block}, at)


def phi4(config: Config) -> ModelSpec:
    """The whole model; what a picture's parts count with is not said by their names."""
    make = family_of("phi3").builder
    if make is None:
        raise config.unknown_class()
    text = make(config)
    return text.model_copy(update={"towers": _towers(config, text.hidden_size)})


def _towers(config: Config, width: int) -> Towers:
    """Both towers and what joins them to a text model of a width."""
    eyes, ears = nested(config, "vision_config", "phi4_multimodal_vision"), nested(config, "audio_config",
                                                                                   "phi4_multimodal_audio")
    vision_at, audio_at = f"{AT}.image_embed", f"{AT}.audio_embed"
    image, sound = eyes.integer("hidden_size"), ears.integer("hidden_size")
    joins: Parts = {f"{vision_at}.global_img_feature_extensor": embedded(1, 1, image),
                    f"{vision_at}.sub_img_feature_extensor": embedded(1, 1, 1, image),
                    f"{vision_at}.img_projection_up": dense(width, image, component="other_embedding"),
                    f"{vision_at}.img_projection_down": dense(width, width, component="other_embedding")}
    speech: Parts = {}
    joined = sound * ears.integer("downsample_rate", 1)
    for kind in ("speech", "vision_speech"):
        speech |= {f"{audio_at}.up_proj_for_{kind}": dense(width, joined),
                   f"{audio_at}.down_proj_for_{kind}": dense(width, width)}
    return {
        "vision": vision(eyes, f"{vision_at}.img_processor").model_copy(update={"component": None}),
        "vision_projection": tower(None, image, joins, stream="image_tokens"),
        "audio": audio(ears, f"{audio_at}.encoder"),
        "audio_projection": tower("audio", sound, speech, stream="audio_tokens")}


def phi4mm(model: Composite) -> Towers:
    """The files published with code of their own: the same towers, and adapters for each of both in every layer.

    The conformer's distances are those of `audio_processor`, 500 in all files.
    """
    config = model.config
    config.read |= {"img_processor", "audio_processor", "embd_layer", "vision_lora", "speech_lora"}
    if (make := family_of("phi4_multimodal").data) is None:
        raise config.unknown_class()
    inner = Config({"hidden_size": model.text.hidden_size, "audio_config": {"bias_max_distance": 500}}, make,
                   "phi4_multimodal")
    towers = _towers(inner, model.text.hidden_size)
    scaled: Parts = {f"{AT}.audio_embed.encoder.encoder_embedding.{name}": vector(80)
                     for name in ("global_mean", "global_invstd")}
    adapters: Parts = {}
    for name in ("vision", "speech"):
        adapters |= _adapters(model, name)
    return {**towers, "audio_scale": tower("audio", 80, scaled, stream="audio"),
            "adapters": tower(None, model.text.hidden_size, adapters, stream="image_tokens")}


def _adapters(model: Composite, name: str) -> Parts:
    """Low-rank pairs beside the four matrices of each layer of the text model, as `vision_lora` or `speech_lora` says.
    """
    config, own = model.config, model.config.get(f"{name}_lora")
    rank = own.get("r") if isinstance(own, dict) else None
    if own is None:
        return {}
    if type(rank) is not int or not 0 < rank <= 2**16:
        raise config.expected(f"{name}_lora", "a mapping with r, the rank")
    text, inner = model.text, config.integer("intermediate_size")
    count, head = config.integer("num_attention_heads"), config.head_dim
    wide, key = count * head, config.kv_heads * head
    pairs = {"self_attn.qkv_proj": (wide + 2 * key, text.hidden_size), "self_attn.o_proj": (text.hidden_size, wide),
             "mlp.gate_up_proj": (2 * inner, text.hidden_size), "mlp.down_proj": (text.hidden_size, inner)}
    parts: Parts = {}
    for path, (out, into) in pairs.items():
        at = f"model.layers.*.{path}"
        parts[f"{at}.lora_A.{name}"] = dense(rank, into, bias=False).model_copy(update={"copies": config.layers})
        parts[f"{at}.lora_B.{name}"] = dense(out, rank, bias=False).model_copy(update={"copies": config.layers})
    return parts
