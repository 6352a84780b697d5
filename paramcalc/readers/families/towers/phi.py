"""Phi-4-multimodal: a SigLIP and a conformer, each with projections of its own into Phi-3's text. arXiv:2503.01743."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families import builder
from paramcalc.readers.families.towers.clip import heads
from paramcalc.readers.families.towers.parts import QKVO, Parts, conv, dense, layers, norm, table, tower, vector
from paramcalc.readers.families.towers.siglip import vision
from paramcalc.readers.families.towers.whole import nested

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
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
    make = builder("phi3")
    if make is None:
        raise config.unknown_class()
    text = make(config)
    width = text.hidden_size
    eyes, ears = nested(config, "vision_config", "phi4_multimodal_vision"), nested(config, "audio_config",
                                                                                   "phi4_multimodal_audio")
    seen, heard = f"{AT}.image_embed", f"{AT}.audio_embed"
    image, sound = eyes.integer("hidden_size"), ears.integer("hidden_size")
    joins: Parts = {f"{seen}.global_img_feature_extensor": vector(1, 1, image),
                    f"{seen}.sub_img_feature_extensor": vector(1, 1, 1, image),
                    f"{seen}.img_projection_up": dense(width, image), f"{seen}.img_projection_down": dense(width,
                                                                                                           width)}
    speech: Parts = {}
    for kind in ("speech", "vision_speech"):
        speech |= {f"{heard}.up_proj_for_{kind}": dense(width, sound),
                   f"{heard}.down_proj_for_{kind}": dense(width, width)}
    towers = {
        "vision": vision(eyes, f"{seen}.img_processor").model_copy(update={"component": None}),
        "vision_projection": tower(None, image, joins, stream="image_tokens"),
        "audio": audio(ears, f"{heard}.encoder"),
        "audio_projection": tower("audio", sound, speech, stream="audio_tokens")}
    return text.model_copy(update={"towers": towers})
