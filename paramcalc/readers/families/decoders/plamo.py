"""PLaMo 1 to 3 of Preferred Networks: queries that share heads, then Mamba and attention by turns, then windows.

Sources: the modeling file of each type's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.mamba import SelectiveMamba2
from paramcalc.errors import KV_HEADS
from paramcalc.readers.config.patterns import LINEAR, SLIDING, every
from paramcalc.readers.families.decoder import Row

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

NAMES = {"self_attn": "mixer", "layers": "model.layers.layers", "input_layernorm": "pre_mixer_norm",
         "post_attention_layernorm": "post_mixer_norm", "pre_feedforward_layernorm": "pre_mlp_norm",
         "post_feedforward_layernorm": "post_mlp_norm"}
NAMES_2 = NAMES | {"q_norm.weight": "q_weight", "k_norm.weight": "k_weight", "dt_norm.weight": "dt_norm_weight",
                   "b_norm.weight": "B_norm_weight", "c_norm.weight": "C_norm_weight"}


def _shared_heads(config: Config, fields: dict[str, Any]) -> None:
    """`n_shared_head` query heads share one head of keys and values."""
    heads, share = config.integer("num_attention_heads"), config.integer("n_shared_head")
    if heads % share:
        raise config.error("n_shared_head", f"{share} does not divide num_attention_heads ({heads})", code=KV_HEADS)
    fields["num_kv_heads"] = heads // share


def _layers_2(config: Config) -> list[str]:
    """Attention at the middle of each `mamba_step` layers; where there are no more layers than half a step, the last.
    """
    config.read |= {"full_attention_idx", "mamba_chunk_size"}
    if not config.flag("mamba_enabled", default=True):
        return [SLIDING] * config.layers
    half = config.integer("mamba_step") // 2
    if config.layers <= half:
        return [LINEAR] * (config.layers - 1) + [SLIDING]
    return [SLIDING if i % config.integer("mamba_step") == half else LINEAR for i in range(config.layers)]


def _mixer_2(config: Config, word: str) -> Component | None:
    if word != LINEAR:
        return None
    return SelectiveMamba2(
        num_heads=config.integer("mamba_num_heads"), head_dim=config.head_dim,
        state_size=config.integer("mamba_d_state"), dt_rank=max(64, config.integer("hidden_size") // 16),
        conv_kernel=config.integer("mamba_d_conv"), block_size=config.integer("mamba_chunk_size"))


def _layers_3(config: Config) -> list[str]:
    return every(config, config.integer("sliding_window_pattern"))


ROWS: dict[str, Row] = {
    "plamo": Row(placement="parallel", adjust=_shared_heads, names={"layers": "model.layers.layers",
                                                                    "input_layernorm": "norm"}),
    "plamo2": Row(mixers=_layers_2, mixer=_mixer_2, placement="sandwich", qk_norm="heads",
                  window="attention_window_size", more={"fused_qkv": True, "fused_gate_up": True}, names=NAMES_2),
    "plamo3": Row(pattern=_layers_3, placement="sandwich", qk_norm="head", window="window_size",
                  more={"fused_qkv": True, "fused_gate_up": True}, names=NAMES),
}
