"""What single families need on top of the general draw: fields that depend on each other in their own way."""

from __future__ import annotations

import random
from typing import Any

import special_mixers
from special_mixers import Adjuster, Values, layer_count, mixed


def _shared_tail(values: Values, rng: random.Random, shared: int, last: str | None) -> None:
    kinds = ("full_attention", "sliding_attention")
    layers = values["num_hidden_layers"] = rng.choice((5, 6, 7))
    values["num_kv_shared_layers"] = shared
    own = [*kinds, *rng.choices(kinds, k=layers)][: layers - shared]
    rng.shuffle(own)
    values["layer_types"] = own + rng.choices(kinds, k=shared)
    if last is not None:
        values["layer_types"][-1] = last


def _gemma3n(values: Values, rng: random.Random, _: set[str]) -> None:
    _shared_tail(values, rng, rng.choice((0, 1, 2)), None)
    values["altup_num_inputs"] = rng.choice((2, 3, 5))
    if rng.choice((True, False)):
        values["intermediate_size"] = [rng.choice((88, 104, 136)) for _ in range(values["num_hidden_layers"])]


def _gemma4(values: Values, rng: random.Random, names: set[str]) -> None:
    _shared_tail(values, rng, rng.choice((0, 1, 2)) if "num_kv_shared_layers" in names else 0, "full_attention")
    if "num_kv_shared_layers" not in names:
        del values["num_kv_shared_layers"]
    values["global_head_dim"] = rng.choice((16, 24, 30))
    values["num_global_key_value_heads"] = rng.choice((1, 2))
    values["hidden_size_per_layer_input"] = rng.choice((0, 26, 34))
    if values.get("enable_moe_block"):
        values.update(num_experts=rng.choice((4, 6)), top_k_experts=2, moe_intermediate_size=rng.choice((44, 52)))


def _dots3(values: Values, rng: random.Random, _: set[str]) -> None:
    for name in ("num_attention_heads", "num_key_value_heads"):
        values[name] = rng.choice((4, 6))
        values["swa_" + name] = rng.choice((2, 8))
    values["num_key_value_heads"] = values["num_attention_heads"]
    values["swa_num_key_value_heads"] = values["swa_num_attention_heads"]
    ranks = rng.sample(range(16, 60, 2), 4)
    values.update(zip(("q_lora_rank", "kv_lora_rank", "swa_q_lora_rank", "swa_kv_lora_rank"), ranks, strict=True))
    for prefix in ("", "swa_"):
        nope, rope = rng.choice((14, 18, 22, 24)), rng.choice((4, 6, 8))
        values.update({f"{prefix}qk_nope_head_dim": nope, f"{prefix}qk_rope_head_dim": rope})
        values.update({f"{prefix}head_dim": nope + rope, f"{prefix}v_head_dim": rng.choice((10, 12, 20, 26))})
    values["first_k_dense_replace"] = rng.choice((0, 1, 2))
    values.pop("layer_types", None)
    values["use_dsa"] = rng.choice((True, False))


def _laguna(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = layer_count(values, rng)
    heads = values["num_attention_heads"]
    values["num_attention_heads_per_layer"] = [heads * rng.choice((1, 2)) for _ in range(layers)]
    values["layer_types"] = mixed(rng, ("full_attention", "sliding_attention"), layers)
    values["mlp_layer_types"] = mixed(rng, ("dense", "sparse"), layers)


def _glm_dsa(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = layer_count(values, rng)
    values["indexer_types"] = ["full", *mixed(rng, ("full", "shared"), layers - 1)]
    values.pop("layer_types", None)


def _minimax_m3(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = layer_count(values, rng)
    values["layer_types"] = mixed(rng, ("full_attention", "minimax_m3_sparse"), layers)
    values["mlp_layer_types"] = mixed(rng, ("dense", "sparse"), layers)


def _mixed_mlp(values: Values, rng: random.Random, _: set[str]) -> None:
    values["mlp_layer_types"] = mixed(rng, ("dense", "sparse"), layer_count(values, rng))
    if rng.choice((True, False)):
        values["num_shared_experts"] = rng.choice((1, 2))
        values["prefix_dense_intermediate_size"] = rng.choice((76, 84))


def _llama4(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = layer_count(values, rng)
    if rng.choice((True, False)):
        values["moe_layers"] = sorted(rng.sample(range(layers), 2))
    values["num_experts_per_tok"] = rng.choice((1, 2))


def _dense_list(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = layer_count(values, rng)
    if rng.choice((True, False)):
        values["mlp_only_layers"] = sorted(rng.sample(range(layers), rng.choice((1, 2))))


def _funnel(values: Values, rng: random.Random, _: set[str]) -> None:
    values["block_sizes"] = [rng.choice((1, 2, 3)) for _ in range(rng.choice((2, 3)))]
    if rng.choice((True, False)):
        values["block_repeats"] = [rng.choice((1, 2)) for _ in values["block_sizes"]]


def _xmod(values: Values, rng: random.Random, _: set[str]) -> None:
    values["languages"] = ["en_XX", "de_DE", "fr_XX"][: rng.choice((1, 2, 3))]


def _switch(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = values["num_layers"] = rng.choice((4, 6))
    other = values["num_decoder_layers"] = rng.choice((3, 5, 8))
    values["num_sparse_encoder_layers"] = rng.choice((0, 1, 2, layers))
    values["num_sparse_decoder_layers"] = rng.choice((0, 1, 2, other))
    values["num_experts"] = rng.choice((3, 4))


def _mobilebert(values: Values, rng: random.Random, _: set[str]) -> None:
    heads = values["num_attention_heads"]
    values["intra_bottleneck_size"] = heads * rng.choice((5, 7, 9, 11))
    values["num_feedforward_networks"] = rng.choice((1, 2, 3))
    values["normalization_type"] = rng.choice(("no_norm", "layer_norm"))


def _xlnet(values: Values, _: random.Random, __: set[str]) -> None:
    values["d_head"] = values["d_model"] // values["n_head"]


def _t5(values: Values, rng: random.Random, _: set[str]) -> None:
    values["feed_forward_proj"] = rng.choice(("relu", "gated-gelu"))
    if rng.choice((True, False)):
        values["num_decoder_layers"] = rng.choice((2, 3, 5))
    values["relative_attention_num_buckets"] = rng.choice((9, 10, 11, 13, 14))


def _albert(values: Values, rng: random.Random, _: set[str]) -> None:
    values["num_hidden_groups"] = rng.choice((1, 2, values["num_hidden_layers"]))
    values["inner_group_num"] = rng.choice((1, 2, 3))


def _ernie_moe(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = layer_count(values, rng)
    values["moe_layer_start_index"] = rng.choice((0, 1, 2))
    values["moe_layer_end_index"] = rng.choice((-1, layers - 1, layers - 2))
    values["moe_layer_interval"] = rng.choice((1, 2))


def _convbert(values: Values, rng: random.Random, _: set[str]) -> None:
    values["head_ratio"] = rng.choice((1, 2, 4))
    values["num_attention_heads"] = rng.choice((4, 8))
    values["hidden_size"] = 8 * rng.choice((5, 6, 9, 12))
    values["num_groups"] = rng.choice((1, 2))


def _marian(values: Values, _: random.Random, __: set[str]) -> None:
    if values.get("share_encoder_decoder_embeddings", True):
        values.pop("decoder_vocab_size", None)


def _towers(values: Values, rng: random.Random, _: set[str]) -> None:
    hidden = rng.choice((48, 60, 72))
    heads = rng.choice((3, 4))
    values["text_config"] = {
        "hidden_size": hidden, "num_attention_heads": 6, "num_hidden_layers": rng.choice((3, 4)), "vocab_size": 211,
        "intermediate_size": rng.choice((88, 104)), "max_position_embeddings": 96, "pad_token_id": 0,
    }  # fmt: skip
    values["vision_config"] = {
        "hidden_size": heads * 10, "num_attention_heads": heads, "num_hidden_layers": rng.choice((2, 5)),
        "intermediate_size": rng.choice((64, 76)), "image_size": 32, "patch_size": rng.choice((4, 8)),
    }  # fmt: skip
    values["pixel_shuffle_factor"] = rng.choice((2, 4))


def _gpt_neo(values: Values, rng: random.Random, _: set[str]) -> None:
    repeats = rng.choice((1, 2, 3))
    values["attention_types"] = [[["global", "local"], repeats]]
    values["num_layers"] = 2 * repeats


def _reformer(values: Values, rng: random.Random, _: set[str]) -> None:
    values["attn_layers"] = rng.choices(("local", "lsh"), k=rng.choice((3, 4, 5)))
    first = rng.choice((12, 16, 20))
    values["axial_pos_embds_dim"] = [first, values["hidden_size"] - first]
    shape = rng.choice(((4, 16), (8, 12), (6, 10)))
    values["axial_pos_shape"] = list(shape)
    values["max_position_embeddings"] = shape[0] * shape[1]
    values["axial_pos_embds"] = rng.choice((True, False))


def _squeezebert(values: Values, rng: random.Random, _: set[str]) -> None:
    values["hidden_size"] = values["embedding_size"] = values["num_attention_heads"] * rng.choice((8, 12, 16))
    for name in ("q_groups", "k_groups", "v_groups", "post_attention_groups", "intermediate_groups", "output_groups"):
        values[name] = rng.choice((1, 2, 4))


def _zaya(values: Values, _: random.Random, __: set[str]) -> None:
    values["num_experts_per_tok"] = 1


ADJUSTERS: dict[str, Adjuster] = special_mixers.ADJUSTERS | {
    "albert": _albert,
    "cohere2_moe": _mixed_mlp,
    "convbert": _convbert,
    "dots3_note_text": _dots3,
    "ernie4_5_moe": _ernie_moe,
    "flint": _dense_list,
    "funnel": _funnel,
    "gemma3n_text": _gemma3n,
    "gemma4_text": _gemma4,
    "gemma4_unified_text": _gemma4,
    "glm_moe_dsa": _glm_dsa,
    "mistral_large4_text": _glm_dsa,
    "gpt_neo": _gpt_neo,
    "laguna": _laguna,
    "llama4_text": _llama4,
    "longt5": _t5,
    "marian": _marian,
    "minimax_m3_vl_text": _minimax_m3,
    "mobilebert": _mobilebert,
    "modernvbert": _towers,
    "mt5": _t5,
    "qwen2_moe": _dense_list,
    "qwen3_moe": _dense_list,
    "qwen3_next": _dense_list,
    "reformer": _reformer,
    "squeezebert": _squeezebert,
    "switch_transformers": _switch,
    "t5": _t5,
    "ultravbert": _towers,
    "umt5": _t5,
    "xlnet": _xlnet,
    "xmod": _xmod,
    "zaya": _zaya,
}


def adjust(model_type: str, values: Values, rng: random.Random, names: set[str]) -> None:
    """Change the drawn values of a family in place so that its own constraints can hold."""
    adjuster = ADJUSTERS.get(model_type)
    if adjuster is not None:
        adjuster(values, rng, names)


def acceptable(record: dict[str, Any]) -> bool:
    """Tell whether a record is worth keeping: small, and with something in it."""
    total: int = record["total"]
    return 0 < total < 50_000_000
