"""`params.json`, the config of the files that Meta and Mistral publish for code of their own.

Sources: meta-llama/llama-models model.py; mistralai/mistral-inference args.py; vLLM's readers of Mistral's files
(transformers_utils/configs/mistral.py, model_executor/models/mistral_large_3.py and pixtral.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.patterns import FULL
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import latent
from paramcalc.readers.text.values import expected

if TYPE_CHECKING:
    from paramcalc.components.latent_attention import LatentAttention
    from paramcalc.readers.config.config import Config

NAMES = {"embed_tokens": "tok_embeddings", "layers": "layers", "norm": "norm", "lm_head": "output",
         "self_attn": "attention", "q_proj": "wq", "k_proj": "wk", "v_proj": "wv", "o_proj": "wo",
         "mlp": "feed_forward", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3",
         "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm", "router": "gate",
         "q_a_proj": "wq_a", "q_a_layernorm": "q_a_norm", "q_b_proj": "wq_b", "kv_a_layernorm": "kv_a_norm",
         "kv_a_proj_with_mqa": "wkv_a_with_mqa", "kv_b_proj": "wkv_b"}
"""How the files spell what Llama and DeepSeek-V3 have."""


def _size(config: Config) -> int:
    """Mistral's files say the inner width; Meta's how to make it of the model's: two thirds of four times, times a
    factor, rounded up."""
    if (size := config.optional("hidden_dim")) is not None:
        return size
    size = 8 * config.integer("hidden_size") // 3
    if config.get("ffn_dim_multiplier") is not None:
        size = int(config.number("ffn_dim_multiplier") * size)
    multiple = config.integer("multiple_of")
    return -(-size // multiple) * multiple


SIZES = {"num_experts": 1, "num_experts_per_tok": 1, "expert_hidden_dim": 1, "num_shared_experts": 0,
         "first_k_dense_replace": 0, "route_every_n": 1}
"""Keys of the mapping `moe` that shape a model, and the least each may be."""
NEAR = "near_"
"""Begins the word for a layer that sees so many tokens."""
ROUTING = ("expert_parallel", "expert_model_parallel", "num_expert_groups", "num_expert_groups_per_tok",
           "routed_scale", "renorm_strategy")


def _moe(config: Config) -> dict[str, int]:
    """What `moe` says of experts; empty where there are none."""
    moe = config.settings("moe", *SIZES, *ROUTING)
    sizes = {key: moe[key] for key in SIZES if moe.get(key) is not None}
    if moe and not {"num_experts", "num_experts_per_tok"} <= set(sizes):
        raise config.expected("moe", "a mapping with num_experts and num_experts_per_tok")
    for key, value in sizes.items():
        if type(value) is not int or value < SIZES[key]:
            raise config.error("moe", f"{key}: {expected(f'an integer of at least {SIZES[key]}', value)}")
    return sizes


def _feed_forwards(config: Config) -> list[str]:
    """Asked first, so that a vocabulary left to the tokenizer is refused before it is read."""
    if config.get("vocab_size") == -1:
        raise config.error("vocab_size", "-1 leaves it to the tokenizer", "give --set vocab_size=32000 (Llama 1 and 2)")
    moe = _moe(config)
    first, every = moe.get("first_k_dense_replace", 0), moe.get("route_every_n", 1)
    return ["experts" if moe and i >= first and i % every == 0 else "dense" for i in range(config.layers)]


def _windows(config: Config) -> list[int | None]:
    """How far each layer sees: `sliding_window` is one number for all, or a list to be repeated; null is everything."""
    reach = config.get("sliding_window")
    each = reach if isinstance(reach, list) and reach else [reach]
    if not all(window is None or (type(window) is int and window > 0) for window in each):
        raise config.expected("sliding_window", "an integer, or a list of integers and null")
    return [each[i % len(each)] for i in range(config.layers)]


def _mixers(config: Config) -> list[str]:
    return [FULL if window is None else f"{NEAR}{window}" for window in _windows(config)]


def _block(config: Config, word: str, ffn: str) -> dict[str, Any]:
    """The window of a layer, and its experts, which stand in the layer itself where some are shared."""
    own: dict[str, Any] = {"window": int(word.removeprefix(NEAR))} if word.startswith(NEAR) else {}
    if ffn != "experts":
        return own
    moe = _moe(config)
    size = moe.get("expert_hidden_dim") or _size(config)
    fields: dict[str, Any] = {"experts": moe["num_experts"], "top_k": moe["num_experts_per_tok"],
                              "intermediate_size": size}
    if shared := moe.get("num_shared_experts"):
        fields |= {"kind": "moe", "path": "", "shared_size": shared * size}
    return own | {"moe": fields}


def _mixer(config: Config, _: str) -> LatentAttention | None:
    """DeepSeek's attention where the config gives its sizes."""
    return latent(config) if config.optional("qk_nope_head_dim", least=0) else None


UNREAD = {"model_parallel", "max_seq_len", "max_batch_size", "use_scaled_rope", "rope_theta", "llama_4_scaling", "yarn",
          "max_position_embeddings", "rope_scaling_factor", "high_freq_factor", "causal", "activation"}


def _last(config: Config, fields: dict[str, Any]) -> None:
    """Towers, and what the files do not say: whether a head is tied."""
    from paramcalc.readers.families.towers.pixtral import original

    config.read |= UNREAD
    if config.get("vision_encoder"):
        fields["towers"] = original(config, fields["hidden_size"])
    if config.get("multimodal"):
        fields["uncounted"] = ("multimodal",)
        config.read.add("multimodal")
    if config.flag("use_scaled_rope"):
        config.note("whether the head is tied is not said: it is counted; files of Llama 3.2's 1B and 3B hold none")


ROWS: dict[str, Row] = {
    "params": Row(size=_size, mixers=_mixers, mixer=_mixer, names=NAMES, block=_block, adjust=_last,
                  experts=Experts(layers=_feed_forwards)),
}
