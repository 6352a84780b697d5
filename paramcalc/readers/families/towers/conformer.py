"""Conformers: two half feed-forwards around attention and a convolution. arXiv:2005.08100, 2305.05084 (Fast)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.towers.frame import layers, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import batchnorm, convolve, dense, norm, rms, table, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

NAMES = {"q_proj": "linear_q", "k_proj": "linear_k", "v_proj": "linear_v", "o_proj": "linear_out"}
FEED = {"up_proj": "intermediate_dense", "down_proj": "output_dense"}
LINEAR = {"up_proj": "linear1", "down_proj": "linear2"}


def wav2vec_layer(config: Config, width: int, *, relative: bool) -> Parts:
    """A layer as wav2vec2-conformer and wav2vec2-bert have it."""
    inner, count = config.integer("intermediate_size"), heads(config)
    old = config.model_type in ("wav2vec2-conformer", "seamless_m4t")
    size = config.integer("conv_depthwise_kernel_size")
    feed, at = FeedForward(intermediate_size=inner, gated=False, bias=True, names=FEED), "conv_module"
    parts: Parts = {"ffn1_layer_norm": norm(width), "ffn1": feed, "self_attn_layer_norm": norm(width),
                    "self_attn": Attention(num_heads=count, bias=QKVO, causal=False, names=NAMES)}
    if relative:
        parts |= {"self_attn.linear_pos": dense(width, width, bias=False, component="attention"),
                  "self_attn.pos_bias_u": vector(count, width // count, component="attention"),
                  "self_attn.pos_bias_v": vector(count, width // count, component="attention")}
    if config.text("position_embeddings_type") == "relative_key":
        rows = config.integer("left_max_position_embeddings") + config.integer("right_max_position_embeddings") + 1
        parts["self_attn.distance_embedding"] = table(rows, width // count, "other_embedding")
    middle: Parts = {"batch_norm": batchnorm(width)} if old else {"depthwise_layer_norm": norm(width)}
    parts |= {f"{at}.layer_norm": norm(width),
              f"{at}.pointwise_conv1": convolve(2 * width, width, 1, bias=False),
              f"{at}.depthwise_conv": convolve(width, width, size, bias=False, groups=width)}
    parts |= {f"{at}.{key}": part for key, part in middle.items()}
    parts[f"{at}.pointwise_conv2"] = convolve(width, width, 1, bias=False)
    return parts | {"ffn2_layer_norm": norm(width), "ffn2": feed, "final_layer_norm": norm(width)}


def shortening_layer(width: int, count: int, inner: int, size: int) -> Parts:
    """A layer behind the encoder whose convolutions leave fewer frames, as SeamlessM4T and wav2vec2-bert have it."""
    return {
        "residual_layer_norm": norm(width), "residual_conv": convolve(2 * width, width, size),
        "self_attn_layer_norm": norm(width), "self_attn_conv": convolve(2 * width, width, size),
        "self_attn": Attention(num_heads=count, bias=QKVO, causal=False, names=NAMES), "ffn_layer_norm": norm(width),
        "ffn": FeedForward(intermediate_size=inner, gated=False, bias=True, names=FEED)}


def fast_layer(config: Config, width: int, *, relative: bool = True, plain: bool = False) -> Parts:
    """A layer of a FastConformer; `plain` norms have no shift."""
    bias, inner = config.flag("attention_bias", default=True), config.integer("intermediate_size")
    count, size = heads(config), config.integer("conv_kernel_size")
    # no field of the class, yet what a file says stands: it is set after the class made them as many as the heads
    stored = config.optional("num_key_value_heads") if "num_key_value_heads" in config.data else None
    shift = config.flag("convolution_bias", default=bias)
    feed = FeedForward(intermediate_size=inner, gated=False, bias=bias, names=LINEAR)
    parts: Parts = {"feed_forward1": feed,
                    "self_attn": Attention(num_heads=count, num_kv_heads=stored or count, bias=QKVO if bias else (),
                                           causal=False, names={})}
    if relative:
        parts |= {"self_attn.relative_k_proj": dense(width, width, bias=False, component="attention"),
                  "self_attn.bias_u": vector(count, width // count, component="attention"),
                  "self_attn.bias_v": vector(count, width // count, component="attention")}
    parts |= {"conv.pointwise_conv1": convolve(2 * width, width, 1, bias=shift),
              "conv.depthwise_conv": convolve(width, width, size, bias=shift, groups=width),
              "conv.norm": batchnorm(width),
              "conv.pointwise_conv2": convolve(width, width, 1, bias=shift), "feed_forward2": feed}
    for name in ("feed_forward1", "self_att", "conv", "feed_forward2", "out"):
        parts[f"norm_{name}"] = norm(width, bias=False if plain else None)
    return parts


def subsampled(config: Config, width: int) -> Parts:
    """Separable convolutions over time and frequency, each halving both, then a matrix."""
    channels, kernel = config.integer("subsampling_conv_channels"), config.integer("subsampling_conv_kernel_size")
    stride, times = config.integer("subsampling_conv_stride"), config.integer("subsampling_factor").bit_length() - 1
    parts: Parts = {"subsampling.layers.0": convolve(channels, 1, kernel, kernel)}
    for index in range(1, times):
        at = 3 * index - 1
        parts |= {f"subsampling.layers.{at}": convolve(channels, channels, kernel, kernel, groups=channels),
                  f"subsampling.layers.{at + 1}": convolve(channels, channels, 1, 1)}
    bins = config.integer("num_mel_bins") // stride**times
    if not bins:
        raise config.error("num_mel_bins", f"nothing is left of them after {times} convolutions of stride {stride}")
    return parts | {"subsampling.linear": dense(width, channels * bins)}


def parakeet(config: Config, at: str) -> Tower:
    """Parakeet's encoder."""
    width = config.integer("hidden_size")
    modules = subsampled(config, width) | {"layers": layers(config.layers)}
    return tower("audio", width, modules, {"layer": fast_layer(config, width)}, at)


def lasr(config: Config, at: str) -> Tower:
    """LASR's: two convolutions between two matrices, rotary positions."""
    width, channels = config.integer("hidden_size"), config.integer("subsampling_conv_channels")
    size = config.integer("subsampling_conv_kernel_size")
    modules: Parts = {
        "subsampler.dense_0": dense(width, config.integer("num_mel_bins")),
        "subsampler.conv_0": convolve(width, width, size),
        "subsampler.conv_1": convolve(channels, width, size),
        "subsampler.dense_1": dense(width, channels), "layers": layers(config.layers), "out_norm": rms(width)}
    return tower("audio", width, modules, {"layer": fast_layer(config, width, relative=False, plain=True)}, at)
