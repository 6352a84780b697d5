"""What single families with state-space, convolutional or recurrent layers need on top of the general draw."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Values = dict[str, Any]
Adjuster = Callable[[Values, random.Random, set[str]], None]


def mixed(rng: random.Random, kinds: tuple[str, ...], length: int) -> list[str]:
    """Return a list in random order that holds each kind at least once, as far as it is long enough."""
    picked = [*kinds, *rng.choices(kinds, k=length)][:length]
    rng.shuffle(picked)
    return picked


def layer_count(values: Values, rng: random.Random, key: str = "num_hidden_layers") -> int:
    """Return the number of layers drawn, or draw it now."""
    count: int = values.setdefault(key, rng.choice((4, 5, 6)))
    return count


def _mamba2(values: Values, rng: random.Random, names: set[str]) -> None:
    expand = rng.choice((2, 3))
    inner = expand * values["hidden_size"]
    key = "expand" if "expand" in names else "mamba_expand"
    values[key] = expand
    head = rng.choice([size for size in range(4, 40) if inner % size == 0])
    dims = [name for name in ("head_dim", "mamba_d_head", "mamba_head_dim", "mamba_headdim") if name in names]
    counts = [name for name in ("num_heads", "mamba_n_heads", "n_mamba_heads") if name in names]
    groups = [name for name in ("n_groups", "mamba_n_groups", "mamba_ngroups") if name in names]
    values.update(dict.fromkeys(dims, head))
    values.update(dict.fromkeys(counts, inner // head))
    values.update(dict.fromkeys(groups, rng.choice([count for count in (1, 2, 3) if (inner // head) % count == 0])))


def _falcon_h1(values: Values, rng: random.Random, _: set[str]) -> None:
    heads, size, groups = rng.choice(((6, 14, 3), (8, 10, 2), (4, 26, 1)))
    values.update(mamba_n_heads=heads, mamba_d_head=size, mamba_d_ssm=heads * size, mamba_n_groups=groups)


def _bamba(values: Values, rng: random.Random, names: set[str]) -> None:
    _mamba2(values, rng, names)
    layers = layer_count(values, rng)
    values["attn_layer_indices"] = sorted(rng.sample(range(layers), rng.choice((1, 2))))


def _granite_hybrid(values: Values, rng: random.Random, names: set[str]) -> None:
    _mamba2(values, rng, names)
    values["layer_types"] = mixed(rng, ("linear_attention", "full_attention"), layer_count(values, rng))
    values["shared_intermediate_size"] = rng.choice((56, 64, 216))
    values["num_local_experts"] = rng.choice((0, 4, 8))


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
    values["use_mem_rope"] = rng.choice((True, False))


def _nemotron_h(values: Values, rng: random.Random, _: set[str]) -> None:
    kinds = ("linear_attention", "moe", "full_attention", "mlp")
    values.pop("num_hidden_layers", None)
    values["layers_block_type"] = mixed(rng, kinds, rng.choice((5, 6, 7)))
    heads, size, groups = rng.choice(((6, 14, 3), (8, 10, 2), (4, 26, 1)))
    values.update(mamba_num_heads=heads, mamba_head_dim=size, n_groups=groups)
    values["moe_latent_size"] = rng.choice((None, 30, 42))


def _jamba(values: Values, rng: random.Random, _: set[str]) -> None:
    values["num_hidden_layers"] = rng.choice((5, 6, 7))
    period = values["attn_layer_period"] = rng.choice((2, 3, 4, 5))
    values["attn_layer_offset"] = rng.randrange(period)
    period = values["expert_layer_period"] = rng.choice((1, 2, 3))
    values["expert_layer_offset"] = rng.choice((0, 1)) % period
    values["mamba_dt_rank"] = rng.choice(("auto", 5, 7, 9))
    values["mamba_expand"] = rng.choice((2, 3))


def _lfm2(values: Values, rng: random.Random, _: set[str]) -> None:
    values["layer_types"] = mixed(rng, ("conv", "full_attention"), layer_count(values, rng))
    values["block_auto_adjust_ff_dim"] = rng.choice((True, False))
    values["block_multiple_of"] = rng.choice((16, 24))


def _recurrent_gemma(values: Values, rng: random.Random, _: set[str]) -> None:
    values["block_types"] = mixed(rng, ("recurrent", "attention"), rng.choice((2, 3)))
    values["num_attention_heads"] = rng.choice((4, 6))
    values["lru_width"] = rng.choice((None, values["num_attention_heads"] * 18))


def _xlstm(values: Values, rng: random.Random, _: set[str]) -> None:
    values["ffn_round_up_to_multiple_of"] = rng.choice((16, 24, 40))


ADJUSTERS: dict[str, Adjuster] = {
    "bamba": _bamba,
    "falcon_h1": _falcon_h1,
    "granitemoehybrid": _granite_hybrid,
    "jamba": _jamba,
    "lfm2": _lfm2,
    "mamba2": _mamba2,
    "nemotron_h": _nemotron_h,
    "recurrent_gemma": _recurrent_gemma,
    "xlstm": _xlstm,
    "zamba": _zamba,
    "zamba2": _zamba2,
}
