"""Dory: layers on the unit sphere, of which those in the middle run several times. nGPT: arXiv:2410.01131.

Source: transformers models/dory/modeling_dory.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention, Projection
from paramcalc.components.embedding import Embedding, Positions
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Head, Linear, Parameter
from paramcalc.components.stack import Stack
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config

LAST_LOOP = Caveat(figure="cache", known="estimate", reason="counted as if every loop kept its own: "
                   "recurrent_kv_cache_mode last_loop keeps the last one's alone")
KINDS = {"full_attention": FULL, "sliding_attention": SLIDING}


def _layers(config: Config) -> tuple[list[str], tuple[int, int]]:
    """The attention of each layer, and where the layers that run again begin and end.

    Files list attention and feed-forward of a layer apart, and count both.
    """
    count, words = config.layers, config.listed("layer_types", str)
    start, end = config.integer("n_input_layers", least=0), config.integer("n_output_layers", least=0)
    between = config.optional("n_recurrent_layers", least=0)
    if words is not None and "mlp" in words:
        words, count, start, end = words[::2], count // 2, start // 2, end // 2
        between = None if between is None else between // 2
    if words is None:
        words = [next(iter(KINDS)) if (index + 1) % 4 == 0 else "sliding_attention" for index in range(count)]
    if len(words) != count or not set(words) <= KINDS.keys():
        raise config.expected("layer_types", f"{' or '.join(KINDS)} for each of {count:,} layers", code=LAYERS)
    rest = count - start - end
    if rest < 0 or between not in (None, rest):
        middle = "" if between is None else f", {between} between"
        raise config.error("n_recurrent_layers", f"{start} layers before{middle} and {end} after are not the "
                           f"{count:,} there are")
    return [KINDS[word] for word in words], (start, count - end)


def _block(config: Config, kind: str) -> dict[str, Component]:
    heads, head = config.integer("num_attention_heads"), config.head_dim
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    bias: tuple[Projection, ...] = QKVO if config.flag("attention_bias") else ()
    window = config.integer("sliding_window") if kind == SLIDING else None

    def learned(size: int, component: str) -> Parameter:
        return Parameter.model_validate({"kind": "parameter", "shape": (size,), "component": component, "scales": True})

    return {
        "self_attn": Attention(num_heads=heads, num_kv_heads=config.kv_heads, head_dim=head, bias=bias, window=window),
        "self_attn.g_proj": Linear(out_features=heads * head, in_features=width, component="attention"),
        "self_attn.sqk": learned(heads * head, "attention"), "self_attn.s_gate": learned(heads * head, "attention"),
        "lambda_1": learned(width, "other"),
        "mlp": FeedForward(intermediate_size=inner, bias=config.flag("mlp_bias")),
        "mlp.suv_gate": learned(inner, "ffn"), "mlp.suv_up": learned(inner, "ffn"), "lambda_2": learned(width, "other")}


def dory(config: Config) -> ModelSpec:
    """Layers before, layers that run `n_recurrent_loops` times, layers after; norms have no weights."""
    if config.task not in ("causal", "bare"):
        raise config.unknown_class()
    kinds, (start, end) = _layers(config)
    base, width = "" if config.bare else "backbone.", config.integer("hidden_size")
    at, loops = f"{base}layers", config.integer("n_recurrent_loops")
    once = config.choice("recurrent_kv_cache_mode", ("per_loop", "last_loop"), "per_loop") == "last_loop" and loops > 1
    modules: dict[str, Component] = {
        f"{base}{'embed_tokens' if config.bare else 'embeddings'}": Embedding(), "positions": Positions(kind="rotary")}
    for name, part, uses in (("before", kinds[:start], 1), ("again", kinds[start:end], loops),
                             ("after", kinds[end:], 1)):
        if part:
            modules[f"{at}.{name}"] = Stack(of=tuple(roll(part)), path=at, uses=uses)
    if not config.bare:
        modules |= {"lm_head": Head(tied=config.tied),
                    "lm_head.logit_scale": Parameter(shape=(config.integer("vocab_size"),), component="lm_head",
                                                     scales=True)}
    return ModelSpec(hidden_size=width, vocab_size=config.integer("vocab_size"), modules=modules,
                     blocks={kind: Block(parts=_block(config, kind)) for kind in dict.fromkeys(kinds)},
                     caveats=(LAST_LOOP,) if once else ())


ROWS: dict[str, Builder] = {"dory": dory}
