"""Speech encoders with a head over characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.towers.alone import model, opened
from paramcalc.readers.families.towers.composite import builder, nested
from paramcalc.readers.families.towers.conformer import LINEAR
from paramcalc.readers.families.towers.frame import layers, under
from paramcalc.readers.families.towers.parts import batchnorm, convolve, dense, norm, table
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

ENCODERS = {"parakeet_ctc": "parakeet_encoder", "lasr_ctc": "lasr_encoder"}


def scored(config: Config, inner: Config, at: str, project: Callable[[int, int], Component],
           assemble: Callable[[Tower, Parts], ModelSpec] = opened) -> ModelSpec:
    """The encoder that `inner` describes, whose names begin with `at`, and a projection `(vocab_size, hidden_size)` of
    each frame, `put` together. Raises UnknownArchitectureError for an encoder nobody knows, or where the class has
    another head."""
    make = builder(inner.model_type)
    if make is None or (config.architecture and not config.architecture.endswith("ForCTC")):
        raise config.unknown_class()
    encoder = make(inner, at)
    head: Parts = {"ctc_head": project(config.integer("vocab_size"), encoder.hidden_size)}
    return assemble(encoder, head)


def ctc(config: Config) -> ModelSpec:
    """An encoder, and a convolution of one frame to the vocabulary."""
    inner = nested(config, "encoder_config", ENCODERS[config.model_type])
    return scored(config, inner, "encoder", lambda rows, width: convolve(rows, width, 1))


def granite(config: Config) -> ModelSpec:
    """Granite Speech 5's conformer; what scores its last frames also feeds back those of its middle."""
    if config.architecture and not config.architecture.endswith("ForCTC"):
        raise config.unknown_class()
    inner = nested(config, "encoder_config", "granite_speech5_encoder")
    width, rows, into = inner.integer("hidden_size"), inner.integer("vocab_size"), 4 * inner.integer("num_mel_bins")
    wide, bias = width * inner.integer("conv_expansion_factor"), inner.flag("attention_bias", default=True)
    feed = FeedForward(intermediate_size=inner.integer("intermediate_size"), gated=False, bias=bias, names=LINEAR)
    block: Parts = {
        "feed_forward1": feed,
        "self_attn": Attention(num_heads=inner.integer("num_attention_heads"), head_dim=inner.head_dim, bias=("o",),
                               causal=False, chunk=inner.integer("context_size")),
        "self_attn.rel_pos_emb": table(2 * inner.integer("max_position_embeddings") + 1, inner.head_dim),
        "conv.pointwise_lin1": dense(2 * wide, width),
        "conv.depthwise_conv": convolve(wide, wide, inner.integer("conv_kernel_size"), bias=False, groups=wide),
        "conv.norm": batchnorm(wide), "conv.pointwise_lin2": dense(width, wide), "feed_forward2": feed,
        **{f"norm_{name}": norm(width) for name in ("feed_forward1", "self_att", "conv", "feed_forward2", "out")}}
    modules: Parts = {"input_linear": dense(width, into), "layers": layers(inner.layers), "out": dense(rows, width),
                      "out_mid": dense(width, rows)}
    head: Parts = {} if config.tied else {"ctc_head": dense(config.integer("vocab_size"), width)}
    return model(width, under("encoder", modules) | head, {"layer": block})
