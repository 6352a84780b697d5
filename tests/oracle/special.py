"""What single families need on top of the general draw: fields that depend on each other in their own way."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Values = dict[str, Any]
Adjuster = Callable[[Values, random.Random, set[str]], None]


def _mamba2(values: Values, rng: random.Random, names: set[str]) -> None:
    expand = rng.choice((2, 3))
    inner = expand * values["hidden_size"]
    key = "expand" if "expand" in names else "mamba_expand"
    values[key] = expand
    head = rng.choice([size for size in range(4, 40) if inner % size == 0])
    dims = [name for name in ("head_dim", "mamba_d_head", "mamba_head_dim", "mamba_headdim") if name in names]
    counts = [name for name in ("num_heads", "mamba_n_heads", "n_mamba_heads") if name in names]
    for name in dims:
        values[name] = head
    for name in counts:
        values[name] = inner // head
    for name in ("n_groups", "mamba_n_groups", "mamba_ngroups"):
        if name in names:
            values[name] = rng.choice([count for count in (1, 2, 3) if (inner // head) % count == 0])


def _mixed(rng: random.Random, kinds: tuple[str, ...], length: int) -> list[str]:
    picked = [*kinds, *rng.choices(kinds, k=length)][:length]
    rng.shuffle(picked)
    return picked


def _layers(values: Values, rng: random.Random, key: str = "num_hidden_layers") -> int:
    count: int = values.setdefault(key, rng.choice((4, 5, 6)))
    return count


def _falcon_h1(values: Values, rng: random.Random, _: set[str]) -> None:
    heads, size, groups = rng.choice(((6, 14, 3), (8, 10, 2), (4, 26, 1)))
    values.update(mamba_n_heads=heads, mamba_d_head=size, mamba_d_ssm=heads * size, mamba_n_groups=groups)


def _bamba(values: Values, rng: random.Random, names: set[str]) -> None:
    _mamba2(values, rng, names)
    layers = _layers(values, rng)
    values["attn_layer_indices"] = sorted(rng.sample(range(layers), rng.choice((1, 2))))


def _granite_hybrid(values: Values, rng: random.Random, names: set[str]) -> None:
    _mamba2(values, rng, names)
    values["layer_types"] = _mixed(rng, ("linear_attention", "full_attention"), _layers(values, rng))
    values["shared_intermediate_size"] = rng.choice((56, 64, 216))
    values["num_local_experts"] = rng.choice((0, 4, 8))


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
    if rng.random() < 0.5:
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
    values.update(q_lora_rank=rng.choice((20, 28)), kv_lora_rank=rng.choice((16, 36)), head_dim=20)
    values.update(qk_nope_head_dim=14, qk_rope_head_dim=6, v_head_dim=rng.choice((10, 18)))
    values.update(swa_q_lora_rank=rng.choice((22, 30)), swa_kv_lora_rank=rng.choice((18, 38)), swa_head_dim=32)
    values.update(swa_qk_nope_head_dim=24, swa_v_head_dim=rng.choice((12, 26)))
    values["first_k_dense_replace"] = rng.choice((0, 1, 2))
    values.pop("layer_types", None)
    values["use_dsa"] = rng.random() < 0.6


def _zamba(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = values["num_hidden_layers"] = rng.choice((6, 7, 8))
    hybrid = set(rng.sample(range(1, layers), 3))
    values["layers_block_type"] = ["hybrid" if index in hybrid else "linear_attention" for index in range(layers)]
    values["n_mamba_heads"] = rng.choice((2, 4))
    values["mamba_expand"] = rng.choice((2, 3))


def _zamba2(values: Values, rng: random.Random, names: set[str]) -> None:
    _zamba(values, rng, names)
    values["num_mem_blocks"] = rng.choice((1, 2))
    values["mamba_ngroups"] = rng.choice((1, 2))
    values["use_mem_rope"] = rng.random() < 0.5


def _nemotron_h(values: Values, rng: random.Random, _: set[str]) -> None:
    kinds = ("linear_attention", "moe", "full_attention", "mlp")
    values.pop("num_hidden_layers", None)
    values["layers_block_type"] = _mixed(rng, kinds, rng.choice((5, 6, 7)))
    heads, size, groups = rng.choice(((6, 14, 3), (8, 10, 2), (4, 26, 1)))
    values.update(mamba_num_heads=heads, mamba_head_dim=size, n_groups=groups)
    values["moe_latent_size"] = rng.choice((None, 30, 42))


def _laguna(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = _layers(values, rng)
    heads = values["num_attention_heads"]
    values["num_attention_heads_per_layer"] = [heads * rng.choice((1, 2)) for _ in range(layers)]
    values["layer_types"] = _mixed(rng, ("full_attention", "sliding_attention"), layers)
    values["mlp_layer_types"] = _mixed(rng, ("dense", "sparse"), layers)


def _glm_dsa(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = _layers(values, rng)
    values["indexer_types"] = ["full", *_mixed(rng, ("full", "shared"), layers - 1)]
    values.pop("layer_types", None)


def _minimax_m3(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = _layers(values, rng)
    values["layer_types"] = _mixed(rng, ("full_attention", "minimax_m3_sparse"), layers)
    values["mlp_layer_types"] = _mixed(rng, ("dense", "sparse"), layers)


def _mixed_mlp(values: Values, rng: random.Random, _: set[str]) -> None:
    values["mlp_layer_types"] = _mixed(rng, ("dense", "sparse"), _layers(values, rng))
    if rng.random() < 0.5:
        values["num_shared_experts"] = rng.choice((1, 2))
        values["prefix_dense_intermediate_size"] = rng.choice((76, 84))


def _llama4(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = _layers(values, rng)
    if rng.random() < 0.5:
        values["moe_layers"] = sorted(rng.sample(range(layers), 2))
    values["num_experts_per_tok"] = rng.choice((1, 2))


def _dense_list(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = _layers(values, rng)
    if rng.random() < 0.6:
        values["mlp_only_layers"] = sorted(rng.sample(range(layers), rng.choice((1, 2))))


def _lfm2(values: Values, rng: random.Random, _: set[str]) -> None:
    values["layer_types"] = _mixed(rng, ("conv", "full_attention"), _layers(values, rng))
    values["block_auto_adjust_ff_dim"] = rng.random() < 0.5
    values["block_multiple_of"] = rng.choice((16, 24))


def _recurrent_gemma(values: Values, rng: random.Random, _: set[str]) -> None:
    values["block_types"] = _mixed(rng, ("recurrent", "attention"), rng.choice((2, 3)))
    values["num_attention_heads"] = rng.choice((4, 6))
    values["lru_width"] = rng.choice((None, values["num_attention_heads"] * 18))


def _funnel(values: Values, rng: random.Random, _: set[str]) -> None:
    values["block_sizes"] = [rng.choice((1, 2, 3)) for _ in range(rng.choice((2, 3)))]
    if rng.random() < 0.5:
        values["block_repeats"] = [rng.choice((1, 2)) for _ in values["block_sizes"]]


def _xmod(values: Values, rng: random.Random, _: set[str]) -> None:
    values["languages"] = ["en_XX", "de_DE", "fr_XX"][: rng.choice((1, 2, 3))]
    values["adapter_reduction_factor"] = rng.choice((2, 4))


def _switch(values: Values, rng: random.Random, _: set[str]) -> None:
    layers = values["num_layers"] = rng.choice((4, 6))
    other = values["num_decoder_layers"] = rng.choice((3, 5, 8))
    values["num_sparse_encoder_layers"] = rng.choice((0, 1, 2, layers))
    values["num_sparse_decoder_layers"] = rng.choice((0, 1, 2, other))
    values["num_experts"] = rng.choice((3, 4))


def _mobilebert(values: Values, rng: random.Random, _: set[str]) -> None:
    heads = values["num_attention_heads"]
    values["intra_bottleneck_size"] = heads * rng.choice((5, 7))
    values["num_feedforward_networks"] = rng.choice((1, 2, 3))
    values["normalization_type"] = rng.choice(("no_norm", "layer_norm"))


def _xlnet(values: Values, _: random.Random, __: set[str]) -> None:
    values["d_head"] = values["d_model"] // values["n_head"]


def _mpt(values: Values, rng: random.Random, _: set[str]) -> None:
    values["expansion_ratio"] = rng.choice((2, 3, 4))


def _t5(values: Values, rng: random.Random, _: set[str]) -> None:
    values["feed_forward_proj"] = rng.choice(("relu", "gated-gelu"))
    if rng.random() < 0.5:
        values["num_decoder_layers"] = rng.choice((2, 3, 5))
    values["relative_attention_num_buckets"] = rng.choice((9, 11, 13))


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


def _jamba(values: Values, rng: random.Random, _: set[str]) -> None:
    values["num_hidden_layers"] = rng.choice((5, 6, 7))
    period = values["attn_layer_period"] = rng.choice((2, 3, 4))
    values["attn_layer_offset"] = rng.randrange(period)
    period = values["expert_layer_period"] = rng.choice((1, 2, 3))
    values["expert_layer_offset"] = rng.randrange(period)
    values["mamba_dt_rank"] = rng.choice(("auto", 5, 7, 9))
    values["mamba_expand"] = rng.choice((2, 3))


def _reformer(values: Values, rng: random.Random, _: set[str]) -> None:
    values["attn_layers"] = rng.choices(("local", "lsh"), k=rng.choice((3, 4, 5)))
    first = rng.choice((12, 16, 20))
    values["axial_pos_embds_dim"] = [first, values["hidden_size"] - first]
    shape = rng.choice(((4, 16), (8, 12), (6, 10)))
    values["axial_pos_shape"] = list(shape)
    values["max_position_embeddings"] = shape[0] * shape[1]
    values["axial_pos_embds"] = rng.random() < 0.6


def _squeezebert(values: Values, rng: random.Random, _: set[str]) -> None:
    values["hidden_size"] = values["embedding_size"] = values["num_attention_heads"] * rng.choice((8, 12, 16))
    for name in ("q_groups", "k_groups", "v_groups", "post_attention_groups", "intermediate_groups", "output_groups"):
        values[name] = rng.choice((1, 2, 4))


def _zaya(values: Values, _: random.Random, __: set[str]) -> None:
    values["num_experts_per_tok"] = 1


ADJUSTERS: dict[str, Adjuster] = {
    "bamba": _bamba,
    "cohere2_moe": _mixed_mlp,
    "dots3_note_text": _dots3,
    "falcon_h1": _falcon_h1,
    "flint": _dense_list,
    "funnel": _funnel,
    "gemma3n_text": _gemma3n,
    "gemma4_text": _gemma4,
    "gemma4_unified_text": _gemma4,
    "glm_moe_dsa": _glm_dsa,
    "gpt_neo": _gpt_neo,
    "granitemoehybrid": _granite_hybrid,
    "jamba": _jamba,
    "laguna": _laguna,
    "lfm2": _lfm2,
    "llama4_text": _llama4,
    "longt5": _t5,
    "mamba2": _mamba2,
    "minimax_m3_vl_text": _minimax_m3,
    "mobilebert": _mobilebert,
    "modernvbert": _towers,
    "mpt": _mpt,
    "mt5": _t5,
    "nemotron_h": _nemotron_h,
    "qwen2_moe": _dense_list,
    "qwen3_moe": _dense_list,
    "qwen3_next": _dense_list,
    "recurrent_gemma": _recurrent_gemma,
    "reformer": _reformer,
    "squeezebert": _squeezebert,
    "switch_transformers": _switch,
    "t5": _t5,
    "ultravbert": _towers,
    "umt5": _t5,
    "xlnet": _xlnet,
    "xmod": _xmod,
    "zamba": _zamba,
    "zamba2": _zamba2,
    "zaya": _zaya,
}


def adjust(model_type: str, values: Values, rng: random.Random, names: set[str]) -> None:
    """Change the drawn values of a family in place so that its own constraints can hold."""
    adjuster = ADJUSTERS.get(model_type)
    if adjuster is not None:
        adjuster(values, rng, names)


def acceptable(record: dict[str, Any]) -> bool:
    """Tell whether a record is worth keeping: small, and with something in it."""
    return 0 < record["total"] < 50_000_000
