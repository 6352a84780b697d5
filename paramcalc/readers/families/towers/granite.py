"""Granite Speech: a conformer trained by CTC, and a Q-Former over windows of its frames. arXiv:2505.08699."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.towers.blip import qformer
from paramcalc.readers.families.towers.parts import Parts, batchnorm, conv, dense, layers, norm, table, tower, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.whole import Towers, Whole
    from paramcalc.spec.tower import Tower


def encoder(config: Config, at: str) -> Tower:
    """The conformer, with a head half-way whose output is added back."""
    width, count = config.integer("hidden_dim"), config.integer("num_heads")
    head = config.optional("dim_head") or width // count
    inner, wide = width * config.integer("feedforward_mult"), width * config.integer("conv_expansion_factor")
    feed = FeedForward(intermediate_size=inner, gated=False, bias=True)
    names = {"q_proj": "to_q", "kv_proj": "to_kv", "o_proj": "to_out"}
    block: Parts = {
        "ff1.pre_norm": norm(width), "ff1": feed, "attn.pre_norm": norm(width),
        "attn": Attention(num_heads=count, head_dim=head, fused="kv", bias=("o",), causal=False, names=names,
                          chunk=config.integer("context_size")),
        "attn.rel_pos_emb": table(2 * config.integer("max_pos_emb") + 1, head),
        "conv.norm": norm(width), "conv.up_conv": conv(2 * wide, width, 1, component="other"),
        "conv.depth_conv.conv": conv(wide, wide, config.integer("conv_kernel_size"), bias=False, groups=wide,
                                     component="other"),
        "conv.batch_norm": batchnorm(wide), "conv.down_conv": conv(width, wide, 1, component="other"),
        "ff2.pre_norm": norm(width), "ff2": feed, "post_norm": norm(width)}
    out = config.integer("output_dim")
    modules: Parts = {"input_linear": dense(width, config.integer("input_dim")),
                      "layers": layers(config.depth("num_layers")), "out": dense(out, width),
                      "out_mid": dense(width, out)}
    return tower(None, width, modules, {"layer": block}, at, "audio")


def granite_speech(whole: Whole) -> Towers:
    """Queries for each window, and a matrix."""
    config = whole.config
    kind = "granite_speech_plus_encoder" if "plus" in config.model_type else "granite_speech_encoder"
    inner = whole.part("projector_config", "blip_2_qformer")
    width, queries = inner.integer("hidden_size"), config.integer("window_size") // config.integer("downsample_rate")
    former = qformer(inner, whole.at("projector.qformer"), text=inner.flag("use_qformer_text_input"))
    join: Parts = {"projector.query": vector(1, queries, width),
                   "projector.linear": dense(whole.text.hidden_size, width)}
    return {**whole.tower("encoder_config", "encoder", kind),
            "qformer": former.model_copy(update={"stream": "audio_tokens"}),
            **whole.join(join, width, stream="audio_tokens")}
