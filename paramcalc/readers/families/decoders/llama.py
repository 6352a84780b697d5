"""Meta's decoders: Llama 1 to 4, the text model of Llama 3.2 Vision, Code World Model.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.linear import Parameter
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, all_sliding
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import first_full

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config


def llama4_experts(config: Config) -> list[str]:
    """The layers `moe_layers` names, else every `interleave_moe_layer_step`-th."""
    named = config.listed("moe_layers", int)
    step = config.integer("interleave_moe_layer_step", 1)
    sparse = set(range(step - 1, config.layers, step) if named is None else named)
    return ["moe" if i in sparse else "dense" for i in range(config.layers)]


def llama4_chunks(config: Config) -> list[str]:
    """Layers with rotary positions attend within chunks, those without to everything."""
    interval = config.integer("no_rope_layer_interval", 4)
    rotary = config.listed("no_rope_layers", int) or [(i + 1) % interval for i in range(config.layers)]
    return ["chunked" if rotates else FULL for rotates in rotary]


CROSS = "cross"
MORE_ROWS = 8
"""Rows Llama 3.2 Vision's table has for the image token, which the head does not predict."""


def _crossing(config: Config) -> list[str]:
    """`cross` for the layers `cross_attention_layers` names."""
    named = config.listed("cross_attention_layers", int)
    crossing = set(range(3, config.layers, 5) if named is None else named)
    for index, layer in enumerate(named or ()):
        if not 0 <= layer < config.layers:
            raise config.error("cross_attention_layers", f"there is no layer {layer} of {config.layers}", index=index,
                               code=LAYERS)
    return [CROSS if i in crossing else FULL for i in range(config.layers)]


def _cross_attention(config: Config, word: str) -> Attention | None:
    """Attention to the image, in place of attention to the text."""
    if word != CROSS:
        return None
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                     head_dim=config.head_dim, qk_norm="head", cross=True, causal=False, path="cross_attn")


def _cross_gates(_: Config, word: str, __: str) -> dict[str, Any]:
    if word != CROSS:
        return {}
    return {"beside": {f"cross_attn_{part}_gate": Parameter(shape=(1,), component="attention")
                       for part in ("attn", "mlp")}}


def _more_rows(config: Config, fields: dict[str, Any]) -> None:
    fields |= {"vocab_size": config.integer("vocab_size") + MORE_ROWS, "head_rows": config.integer("vocab_size")}


PARAMS = {"embed_tokens": "tok_embeddings", "layers": "layers", "norm": "norm", "lm_head": "output",
          "self_attn": "attention", "q_proj": "wq", "k_proj": "wk", "v_proj": "wv", "o_proj": "wo",
          "mlp": "feed_forward", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3",
          "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm", "router": "gate"}
"""How the files of Meta's and Mistral's own code spell what Llama has."""


def _params_size(config: Config) -> int:
    """Mistral's files say the inner width; Meta's how to make it of the model's: two thirds of four times, times a
    factor, rounded up."""
    if (size := config.optional("hidden_dim")) is not None:
        return size
    size = 8 * config.integer("hidden_size") // 3
    if config.get("ffn_dim_multiplier") is not None:
        size = int(config.number("ffn_dim_multiplier") * size)
    multiple = config.integer("multiple_of")
    return -(-size // multiple) * multiple


def _params_experts(config: Config) -> list[str]:
    """Asked first, so that a vocabulary left to the tokenizer is refused before it is read."""
    if config.get("vocab_size") == -1:
        raise config.error("vocab_size", "-1 leaves it to the tokenizer", "give --set vocab_size=32000 (Llama 1 and 2)")
    return ["experts" if config.get("moe") else "dense"] * config.layers


def _params_block(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """Mistral's experts, whose numbers stand in a mapping of their own."""
    if ffn != "experts":
        return {}
    moe = config.get("moe")
    counts = [moe.get(key) for key in ("num_experts", "num_experts_per_tok")] if isinstance(moe, dict) else []
    if len(counts) != 2 or not all(type(count) is int and count > 0 for count in counts) or set(moe) - MOE_KEYS:
        raise config.error("moe", "expected num_experts and num_experts_per_tok, and nothing else")
    return {"moe": {"experts": counts[0], "top_k": counts[1], "intermediate_size": _params_size(config)}}


MOE_KEYS = {"num_experts", "num_experts_per_tok"}
PARAMS_UNREAD = {"model_parallel", "max_seq_len", "max_batch_size", "use_scaled_rope", "rope_theta",
                 "max_position_embeddings", "rope_scaling_factor", "high_freq_factor", "causal"}


def _params(config: Config, fields: dict[str, Any]) -> None:
    """What is not counted, and what the files do not say: whether a head is tied."""
    config.read |= PARAMS_UNREAD
    if config.get("vision_encoder"):
        fields["uncounted"] = ("vision_encoder",)
        config.read.add("vision_encoder")
    if config.flag("use_scaled_rope"):
        config.note("whether the head is tied is not said: it is counted; files of Llama 3.2's 1B and 3B hold none")


ROWS: dict[str, Row] = {
    "params": Row(size=_params_size, mixers=all_sliding, names=PARAMS, block=_params_block, adjust=_params,
                  experts=Experts(layers=_params_experts)),
    "llama": Row("attention_bias", "attention_bias", "mlp_bias"),
    "cwm": Row(mlp_bias="mlp_bias", pattern=lambda c: first_full(c, 4)),
    "llama4_text": Row("attention_bias", "attention_bias", pattern=llama4_chunks, size="intermediate_size_mlp",
                       names={"mlp": "feed_forward", "shared_experts": "shared_expert"},
                       experts=Experts(size="intermediate_size", layers=llama4_experts,
                                       shared=lambda c: c.integer("intermediate_size"),
                                       more={"layout": "stacked", "fused": True})),
    "mllama_text_model": Row(mixers=_crossing, mixer=_cross_attention, block=_cross_gates, adjust=_more_rows),
}
