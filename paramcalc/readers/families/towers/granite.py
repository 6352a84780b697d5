"""Granite Speech: a conformer trained by CTC, and a Q-Former over windows of its frames. arXiv:2505.08699."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Score
from paramcalc.readers.families.towers.blip import qformer
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import layers, tower
from paramcalc.readers.families.towers.llava import CLIP
from paramcalc.readers.families.towers.parts import batchnorm, conv, convolve, dense, down, norm, table, up, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower



def encoder(config: Config, at: str) -> Tower:
    """The conformer, with a head half-way whose output is added back."""
    width, count = config.integer("hidden_dim"), config.integer("num_heads")
    head = config.optional("dim_head") or width // count
    inner, wide = width * config.integer("feedforward_mult"), width * config.integer("conv_expansion_factor")
    context = config.integer("context_size")
    feed = FeedForward(intermediate_size=inner, gated=False, bias=True)
    names = {"q_proj": "to_q", "kv_proj": "to_kv", "o_proj": "to_out"}
    block: Parts = {
        "ff1.pre_norm": norm(width), "ff1": feed, "attn.pre_norm": norm(width),
        "attn": Attention(num_heads=count, head_dim=head, fused="kv", bias=("o",), causal=False, names=names,
                          chunk=context),
        "attn.rel_pos_emb": table(2 * config.integer("max_pos_emb") + 1, head),
        "attn.distances": Score(sizes=(count, head), component="attention", per="pair", causal=False, chunk=context),
        "conv.norm": norm(width), "conv.up_conv": conv(2 * wide, width, 1, component="other", activated=True),
        "conv.depth_conv.conv": convolve(wide, wide, config.integer("conv_kernel_size"), bias=False, groups=wide),
        "conv.batch_norm": batchnorm(wide, activated=True), "conv.down_conv": convolve(width, wide, 1),
        "ff2.pre_norm": norm(width), "ff2": feed, "post_norm": norm(width)}
    out = config.integer("output_dim")
    modules: Parts = {"input_linear": dense(width, config.integer("input_dim")),
                      "layers": layers(config.depth("num_layers")), "out": up(out, width),
                      "out_mid": down(width, out)}
    return tower(None, width, modules, {"layer": block}, at, "audio")


def granite_speech(model: Composite) -> Towers:
    """Queries for each window, and a matrix."""
    config = model.config
    kind = "granite_speech_plus_encoder" if "plus" in config.model_type else "granite_speech_encoder"
    inner = model.part("projector_config", "blip_2_qformer")
    width, queries = inner.integer("hidden_size"), config.integer("window_size") // config.integer("downsample_rate")
    former = qformer(inner, model.at("projector.qformer"), text=inner.flag("use_qformer_text_input"))
    join: Parts = {"projector.query": vector(1, queries, width),
                   "projector.linear": dense(model.text.hidden_size, width)}
    return {**model.tower("encoder_config", "encoder", kind),
            "qformer": former.model_copy(update={"stream": "audio_tokens"}),
            **model.join(join, width, stream="audio_tokens")}


CORNERS = 4
"""Projectors beside those of `deepstack_layer_map`: one for each place in a square of four patches."""


def granite4_vision(model: Composite) -> Towers:
    """Granite Vision 4: a Q-Former over windows of patches for each layer of the text model that takes some."""
    config, width, out = model.config, model.part("vision_config", CLIP).integer("hidden_size"), model.text.hidden_size
    pairs = config.get("deepstack_layer_map")
    if not isinstance(pairs, list):
        raise config.expected("deepstack_layer_map", "a list of pairs of layers")
    try:
        query, window = (int(word) for word in config.text("downsample_rate", "").split("/"))
    except ValueError:
        raise config.expected("downsample_rate", "two numbers, as in 4/8") from None
    config.read |= {"spatial_target_layers", "spatial_vision_layer", "projector_dropout", "image_grid_pinpoints",
                    "vision_feature_layer", "vision_feature_select_strategy"}
    # the class gives the Q-Former the tower's width, whatever its config says
    written = {"hidden_size": width, "num_attention_heads": max(1, width // 64), "encoder_hidden_size": width}
    inner = nested(config, "qformer_config", "blip_2_qformer")
    inner.override(written)
    towers = model.tower("vision_config", "vision_tower", CLIP) | model.join({"image_newline": vector(out)}, out,
                                                                             "newline", component="vision")
    for kind, count in (("layerwise", len(pairs)), ("spatial", CORNERS)):
        for index in range(count):
            at = f"{kind}_projectors.{index}"
            former = qformer(inner, model.at(f"{at}.qformer"), text=inner.flag("use_qformer_text_input"))
            towers[f"{kind}_{index}_qformer"] = former
            towers |= model.join({
                f"{at}.norm": norm(width), f"{at}.query": vector(1, query**2, width),
                f"{at}.image_positions": vector(1, window**2, width), f"{at}.out_linear": dense(out, width)},
                width, f"{kind}_{index}")
    return towers
