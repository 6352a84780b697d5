"""Grok-1 and Arctic: experts in every layer, Arctic's beside a dense feed-forward of the whole width.

Sources: the modeling file of each type's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.ffn import FeedForward
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import every
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import W123

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

GROK = {"self_attn": "attn", "mlp": "moe_block", "router": "gate", "gate_proj": "linear_v", "down_proj": "linear_1",
        "up_proj": "linear", "input_layernorm": "pre_attn_norm", "post_attention_layernorm": "post_attn_norm",
        "pre_feedforward_layernorm": "pre_moe_norm", "post_feedforward_layernorm": "post_moe_norm"}


def _grok(config: Config, _: dict[str, Any]) -> None:
    config.read |= {"embedding_multiplier_scale"}


def _arctic_layers(config: Config) -> list[str]:
    return every(config, config.integer("moe_layer_frequency"), "moe", "dense")


def _residual(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """A dense feed-forward as wide as the model, beside attention and experts."""
    config.read |= {"use_residual", "moe_min_capacity", "moe_train_capacity_factor", "moe_eval_capacity_factor",
                    "moe_token_dropping", "enable_expert_tensor_parallelism", "enc_index", "max_sequence_length"}
    if not config.flag("parallel_attn_mlp_res") or ffn != "moe":
        return {}
    beside = FeedForward(intermediate_size=config.integer("hidden_size"), names=W123)
    return {"beside": {"residual_layernorm": Norm(kind="rmsnorm"), "residual_mlp": beside}}


ROWS: dict[str, Row] = {
    "arctic": Row(names=W123, block=_residual, experts=Experts(size="intermediate_size", layers=_arctic_layers)),
    "grok-1": Row(placement="sandwich", names=GROK, adjust=_grok,
                  experts=Experts("num_experts", size="intermediate_size")),
}
