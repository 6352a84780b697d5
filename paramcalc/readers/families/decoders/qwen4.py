"""Qwen4-Exp: several residual streams, gated delta rule, indexed attention, and tables of hashed n-grams.

Source: transformers 5.24.0, qwen4_exp.
"""

from __future__ import annotations

from functools import lru_cache, partial
from math import isqrt
from typing import TYPE_CHECKING, Any

from paramcalc.components.convolution import Convolution
from paramcalc.components.embedding import Embedding
from paramcalc.components.indexer import Indexer
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.numbers import many
from paramcalc.readers.config.patterns import LINEAR, mixers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.qwen import LINEAR_ATTN, gated_delta
from paramcalc.readers.families.decoders.shared import GATE
from paramcalc.spec.caveats import Caveat

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

INDEXED = "indexed"
KINDS = {"linear_attention": LINEAR, "indexed_attention": INDEXED, "full_attention": INDEXED}
MOST_TABLES = 1024
"""Tables of n-grams a config may ask for, each as long as a prime of its own."""
NGRAM_STATE = Caveat(figure="cache", known="bound",
                     reason="what layers with n-grams keep for their convolution and of earlier tokens is left out")


def _layers(config: Config) -> list[str]:
    """A word a layer; those with tables of n-grams have one of their own, since no two tables are as long."""
    period = config.integer("full_attention_interval", 4)
    words = mixers(config, [LINEAR if (i + 1) % period else INDEXED for i in range(config.layers)], KINDS)
    for place, layer in enumerate(_with_ngrams(config)):
        if words[layer - 1] != LINEAR:
            raise config.error("ple_layer_ids", f"layer {layer} has no linear attention, which these tables need")
        words[layer - 1] = f"{LINEAR}_{place}"
    return words


def _with_ngrams(config: Config) -> list[int]:
    """The layers that have tables of n-grams, counted from one."""
    layers = sorted(set(config.listed("ple_layer_ids", int) or ()))
    if layers and not 1 <= layers[0] <= layers[-1] <= config.layers:
        raise config.expected("ple_layer_ids", f"layers from 1 to {config.layers}")
    return layers


@lru_cache(maxsize=4)
def _primes_from(start: int, count: int) -> tuple[int, ...]:
    """The first primes that are not less than `start`; kept, since each layer asks for some of the same."""
    small = [number for number in range(2, isqrt(2 * start + 2**16) + 1)
             if all(number % divisor for divisor in range(2, isqrt(number) + 1))]
    primes: list[int] = []
    number = max(start, 2)
    while len(primes) < count:
        limit = isqrt(number)
        if all(number % prime for prime in small if prime <= limit):
            primes.append(number)
        number += 1
    return tuple(primes)


def _table(config: Config, place: int) -> tuple[int, int]:
    """Rows and width of a layer's tables, which stand behind each other: one a hash of each kind of n-gram."""
    hashes = (config.integer("ngram_size", least=2) - 1) * config.integer("heads_per_ngram")
    width = config.integer("ple_embed_dim", config.integer("hidden_size"))
    if width % hashes:
        raise config.error("ple_embed_dim", f"{hashes} hashes of n-grams do not divide {width}")
    tables = len(_with_ngrams(config)) * hashes
    if tables > MOST_TABLES:
        raise config.expected("heads_per_ngram", f"at most {many(MOST_TABLES, 'table')} of n-grams")
    primes = _primes_from(config.integer("ngram_vocab_size_base"), tables)
    rows = sum(primes[place * hashes:(place + 1) * hashes])
    step = config.integer("make_ngram_vocab_size_divisible_by")
    return -(-rows // step) * step, hashes


def _ngrams(config: Config, place: int) -> dict[str, Component]:
    """What a layer adds to every stream by the last tokens."""
    hidden, stream_width = config.integer("hidden_size"), _stream_width(config)
    rows, hashes = _table(config, place)
    width = config.integer("ple_embed_dim", hidden)
    norm, at = Norm(kind="rmsnorm", hidden_size=stream_width), "ple.ple_embedding"
    return {
        f"{at}.ngram_embedding": Embedding(rows=rows, hidden_size=width // hashes, component="other_embedding",
                                           own_indices=True, uses=hashes),
        f"{at}.layer_multipliers": Parameter(shape=(config.integer("ngram_size"),), buffer=True, dtype="int64"),
        **{f"{at}.ngram_heads_{name}": Parameter(shape=(hashes,), buffer=True, dtype="int64")
           for name in ("vocab_sizes", "offsets")},
        "ple.key_proj": Linear(out_features=stream_width, in_features=width),
        "ple.value_proj": Linear(out_features=hidden, in_features=width),
        "ple.norm_key": norm, "ple.norm_query": norm, "ple.norm_conv": norm,
        "ple.conv1d": Convolution(out_channels=stream_width, in_channels=stream_width, groups=stream_width, bias=False,
                                  kernel=(config.integer("ple_conv_kernel_size"),))}


def _stream_width(config: Config) -> int:
    """All streams beside each other."""
    return config.integer("hc_count") * config.integer("hidden_size")


def _mixed(config: Config, at: str, *, writes: bool = True) -> dict[str, Component]:
    """How a part reads the streams, by a matrix of low rank, and writes to them."""
    stream_width, rank = _stream_width(config), config.integer("hc_lowrank")
    parts: dict[str, Component] = {
        f"{at}.hc_norm": Norm(kind="rmsnorm", hidden_size=stream_width),
        f"{at}.input_mix_weight_down": Linear(out_features=rank, in_features=stream_width),
        f"{at}.input_mix_weight_up": Linear(out_features=stream_width, in_features=rank)}
    if writes:
        parts[f"{at}.block_inject_weight"] = Linear(out_features=config.integer("hc_count"), in_features=stream_width)
    return parts


def _block(config: Config, word: str, _: str) -> dict[str, Any]:
    beside: dict[str, Component] = {}
    if word == INDEXED:
        beside["self_attn.indexer"] = Indexer(
            num_heads=config.integer("indexer_n_heads"), head_dim=config.integer("indexer_head_dim"), query_norm=True,
            key_norm="rmsnorm", head_weights=False, averaged=config.integer("indexer_compress_ratio"), joined=True,
            names={"qk_proj": "index_qk_proj", "q_norm": "q_layernorm", "k_norm": "k_layernorm"})
    elif word != LINEAR:
        beside = _ngrams(config, int(word.rpartition("_")[2]))
    return {"beside": beside | _mixed(config, "attn_hyper_connection") | _mixed(config, "mlp_hyper_connection")}


def _more(config: Config) -> dict[str, Any]:
    last = config.rooted("model.hyper_connection_mixer")
    fields: dict[str, Any] = {"output_gate": "query", "norm_placement": "none", "final_norm": False,
                              "outputs": _mixed(config, last, writes=False)}
    return fields | ({"caveats": (NGRAM_STATE,)} if _with_ngrams(config) else {})


EXPERTS = Experts("num_experts", shared_gate=True, shared=lambda c: c.integer("shared_expert_intermediate_size"))
ROWS: dict[str, Row] = {
    "qwen4_exp_text": Row(
        "attention_bias", "attention_bias", qk_norm="head", mixers=_layers, block=_block, more=_more, experts=EXPERTS,
        mixer=lambda c, word: partial(gated_delta, layout="qkv")(c, LINEAR if word != INDEXED else word),
        names=GATE | LINEAR_ATTN | {"shared_experts": "shared_expert"}),
}
