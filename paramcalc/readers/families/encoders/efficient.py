"""Encoders with BERT's skeleton and a cheaper mixer: FNet, YOSO, Longformer, Nyströmformer, MRA, ConvBERT, SqueezeBERT.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV, Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear, Parameter, Score
from paramcalc.errors import HEADS, LAYERS
from paramcalc.numbers import many
from paramcalc.readers.families.encoder import Encoder, heads
from paramcalc.readers.families.encoders.heads import (
    BERT_TOPS,
    CHOICE_TOPS,
    GENERATOR_HEAD,
    LONG_TOPS,
    ROBERTA_HEAD,
    ROBERTA_TOPS,
    pooled,
)

if TYPE_CHECKING:
    from paramcalc.component_names import ComponentName
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config

SQUEEZE = {"layers": "encoder.layers", "attention_norm": "post_attention.layernorm", "ffn_norm": "output.layernorm"}


def windows(config: Config) -> list[int]:
    """Longformer's window in each layer, from a list or one number for all."""
    sizes = config.per_layer("attention_window", config.layers)
    if len(sizes) != config.layers:
        raise config.error("attention_window", f"has {many(len(sizes), 'entry')} for {many(config.layers, 'layer')}",
                           code=LAYERS)
    for window in sizes:
        if window < 1 or window % 2:
            raise config.error("attention_window", f"must be positive and even, found {window}")
    return sizes


def window_words(config: Config) -> list[str]:
    """A word for each of Longformer's layers."""
    return [f"window_{window}" for window in windows(config)]


def window_of(_: Config, word: str) -> int:
    """Half the window on each side, and the token itself."""
    return int(word.removeprefix("window_")) + 1


def global_projections(config: Config) -> Parts:
    """Longformer's second set of projections: keys and values of all tokens, queries of those that see everything."""
    width = config.integer("hidden_size")
    every = Linear(out_features=width, bias=True, component="attention")
    return {
        "attention.self.query_global": every.model_copy(update={"per": "sequence"}),
        "attention.self.key_global": every, "attention.self.value_global": every,
    }


def depthwise(config: Config, kernel: int | None) -> Parts:
    """A convolution of each head's values along the sequence, one kernel for a whole head."""
    if kernel is None:
        return {}
    count = heads(config)
    return {"attention.self.conv.weight": Parameter(
        shape=(count, 1, kernel, 1), role="conv", component="attention",
        uses=config.integer("hidden_size") // count,
    )}


def nystrom(config: Config, _: str, __: bool) -> Parts:
    """Nyströmformer: attention through landmarks, with an inverse found in six steps of four products;
    or plain attention, where there are as many landmarks as tokens."""
    count, width = heads(config), config.integer("hidden_size")
    marks = config.integer("num_landmarks")
    parts: Parts = {
        f"attention.{name}": Linear(out_features=width, bias=True, component="attention")
        for name in ("self.query", "self.key", "self.value", "output.dense")
    }
    if marks == config.integer("segment_means_seq_len"):
        parts["scores"] = Score(sizes=(2 * width,), per="pair", causal=False, component="attention")
    else:
        parts["landmarks"] = Score(sizes=(marks, 4 * width + count * marks), component="attention")
        parts["inverse"] = Score(sizes=(count, marks, marks, 24 * marks + width // count), per="sequence",
                                 component="attention")
    return parts | depthwise(config, config.optional("conv_kernel_size"))


def yoso_conv(config: Config) -> Parts:
    """YOSO's convolution, where a window is given."""
    return depthwise(config, config.optional("conv_window"))


def position_ids(config: Config) -> Parts:
    """MRA saves the numbers of its positions."""
    return {"embeddings.position_ids": Parameter(shape=(1, config.integer("max_position_embeddings")), buffer=True)}


def span_mixer(config: Config, _: str, cross: bool) -> Parts:
    """ConvBERT: some heads attend, the others convolve with kernels made from the token."""
    width, kernel = config.integer("hidden_size"), config.integer("conv_kernel_size")
    count = max(1, config.integer("num_attention_heads") // config.integer("head_ratio"))
    if width % count:
        raise config.error("num_attention_heads", f"{many(count, 'head')} do not divide hidden_size ({width})",
                           code=HEADS)
    head = width // count // 2
    inner = count * head
    at = ("crossattention" if cross else "attention") + ".self"
    attends = Attention(num_heads=count, head_dim=head, bias=QKV, output=False, cross=cross,
                        causal=config.flag("is_decoder") and not cross, path=at,
                        names={"q_proj": "query", "k_proj": "key", "v_proj": "value"})
    depthwise_conv = Parameter(shape=(width, 1, kernel), role="conv", component="attention")
    pointwise_conv = Parameter(shape=(inner, width, 1), role="conv", component="attention")
    return {
        at: attends,
        f"{at}.key_conv_attn_layer.bias": Parameter(shape=(inner, 1), component="attention"),
        f"{at}.key_conv_attn_layer.depthwise.weight": depthwise_conv,
        f"{at}.key_conv_attn_layer.pointwise.weight": pointwise_conv,
        f"{at}.conv_kernel_layer": Linear(in_features=inner, out_features=count * kernel, bias=True,
                                          component="attention"),
        f"{at}.conv_out_layer": Linear(out_features=inner, bias=True, component="attention"),
        f"{at}.convolution": Score(sizes=(inner, kernel), component="attention"),
        f"{at.removesuffix('self')}output.dense": Linear(bias=True, component="attention"),
    }


def grouped_feed(config: Config, _: str) -> Parts:
    """ConvBERT's feed-forward, which may be split into groups that do not see each other."""
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    groups = config.integer("num_groups")
    if groups == 1:
        return {"feed_forward": FeedForward(intermediate_size=inner, gated=False, bias=True, path="",
                                            names={"up_proj": "intermediate.dense", "down_proj": "output.dense"})}
    for key, size in (("hidden_size", width), ("intermediate_size", inner)):
        if size % groups:
            raise config.error("num_groups", f"{groups} does not divide {key} ({size})")
    parts: Parts = {}
    for name, into, out in (("intermediate", width, inner), ("output", inner, width)):
        parts[f"{name}.dense.weight"] = Parameter(shape=(groups, into // groups, out // groups), role="matmul",
                                                  component="ffn")
        parts[f"{name}.dense.bias"] = Parameter(shape=(out,), component="ffn")
    return parts


def convolution(config: Config, name: str, into: int, out: int, key: str, component: ComponentName) -> Parts:
    """A convolution of kernel 1, in groups, with a bias."""
    groups = config.integer(key)
    if into % groups or out % groups:
        raise config.error(key, f"{groups} does not divide {into} and {out}")
    return {f"{name}.weight": Parameter(shape=(out, into // groups, 1), role="conv", component=component),
            f"{name}.bias": Parameter(shape=(out,), component=component)}


def grouped_mixer(config: Config, _: str, __: bool) -> Parts:
    """SqueezeBERT's attention, projected by grouped convolutions."""
    width, count = config.integer("hidden_size"), heads(config)
    parts: Parts = {}
    for name, key in (("query", "q_groups"), ("key", "k_groups"), ("value", "v_groups")):
        parts |= convolution(config, f"attention.{name}", width, width, key, "attention")
    parts["scores"] = Score(sizes=(count, 2 * (width // count)), per="pair", causal=False, component="attention")
    return parts | convolution(config, "post_attention.conv1d", width, width, "post_attention_groups", "other")


def grouped_convolutions(config: Config, _: str) -> Parts:
    """SqueezeBERT's feed-forward."""
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    return convolution(config, "intermediate.conv1d", width, inner, "intermediate_groups", "ffn") | convolution(
        config, "output.conv1d", inner, width, "output_groups", "other")


ROWS: dict[str, Encoder] = {
    "fnet": Encoder("fnet", {"attention_norm": "fourier.output.LayerNorm", "project": "embeddings.projection"},
                    tops=pooled(BERT_TOPS), projected=True, mixer=lambda *_: {}),
    "yoso": Encoder("yoso", tops=LONG_TOPS, position_offset=2, further=yoso_conv),
    "longformer": Encoder("longformer", head=ROBERTA_HEAD, tops=ROBERTA_TOPS, words=window_words, window=window_of,
                          further=global_projections),
    "nystromformer": Encoder("nystromformer", tops=LONG_TOPS, position_offset=2, mixer=nystrom),
    "mra": Encoder("mra", tops=LONG_TOPS, position_offset=2, tables=position_ids),
    "convbert": Encoder("convbert", head=GENERATOR_HEAD, tops=CHOICE_TOPS, embedding_size="embedding_size",
                        mixer=span_mixer, feed=grouped_feed),
    "squeezebert": Encoder("transformer", SQUEEZE, tops=pooled(BERT_TOPS), mixer=grouped_mixer,
                           feed=grouped_convolutions),
}
